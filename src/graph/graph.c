/* SPDX-License-Identifier: Apache-2.0 */
/* Building, checking and costing a network's graph. */
#include "maple/graph.h"

#include <string.h>

static const char *const OP_NAMES[MAPLE_OP_COUNT] = {
    [MAPLE_OP_INPUT] = "input",
    [MAPLE_OP_CONV] = "conv",
    [MAPLE_OP_BATCH_NORM] = "batch_norm",
    [MAPLE_OP_RELU] = "relu",
    [MAPLE_OP_ADD] = "add",
    [MAPLE_OP_AVG_POOL] = "avg_pool",
    [MAPLE_OP_GLOBAL_AVG_POOL] = "global_avg_pool",
    [MAPLE_OP_LINEAR] = "linear",
    [MAPLE_OP_ZERO] = "zero",
    [MAPLE_OP_COPY] = "copy",
};

static const char *const FORM_NAMES[] = {
    [MAPLE_GRAPH_PRUNED] = "pruned",
    [MAPLE_GRAPH_AS_WRITTEN] = "as-written",
};

const char *maple_op_name(maple_op op) {
    return op < MAPLE_OP_COUNT ? OP_NAMES[op] : "unknown";
}

const char *maple_graph_form_name(maple_graph_form form) {
    return FORM_NAMES[form];
}

maple_status maple_graph_form_parse(const char *text, maple_graph_form *out, maple_error *error) {
    for (int form = 0; form < (int)(sizeof FORM_NAMES / sizeof *FORM_NAMES); form++) {
        if (strcmp(text, FORM_NAMES[form]) == 0) {
            *out = (maple_graph_form)form;
            return MAPLE_OK;
        }
    }
    return maple_error_set(error, MAPLE_BAD_ARGUMENT, "unknown graph form '%s': use pruned or as-written",
                           text);
}

size_t maple_shape_elements(maple_shape shape) {
    return (size_t)shape.channels * (size_t)shape.height * (size_t)shape.width;
}

static bool shape_equal(maple_shape a, maple_shape b) {
    return a.channels == b.channels && a.height == b.height && a.width == b.width;
}

void maple_graph_init(maple_graph *graph) {
    *graph = (maple_graph){.output = -1};
}

void maple_graph_release(maple_graph *graph) {
    maple_free(graph->nodes);
    maple_graph_init(graph);
}

/* The newest node is the output until a later one is added. */
static int append(maple_graph *graph, maple_node node) {
    if (graph->n_nodes == graph->capacity) {
        int capacity = graph->capacity ? graph->capacity * 2 : 64;
        maple_node *nodes = maple_resize(graph->nodes, (size_t)capacity, sizeof *nodes);
        if (!nodes)
            return -1;
        graph->nodes = nodes;
        graph->capacity = capacity;
    }
    graph->nodes[graph->n_nodes] = node;
    graph->output = graph->n_nodes;
    return graph->n_nodes++;
}

static const maple_node *input_node(const maple_graph *graph, int input) {
    return input >= 0 && input < graph->n_nodes ? &graph->nodes[input] : NULL;
}

int maple_graph_input(maple_graph *graph, maple_shape shape) {
    return append(graph, (maple_node){.op = MAPLE_OP_INPUT, .shape = shape});
}

static int window_size(int size, int kernel, int stride, int pad) {
    return (size + 2 * pad - kernel) / stride + 1;
}

int maple_graph_conv(maple_graph *graph, int input, int channels, int kernel, int stride, int groups,
                     uint32_t slot) {
    const maple_node *from = input_node(graph, input);
    if (!from || channels <= 0 || kernel <= 0 || stride <= 0 || groups <= 0 ||
        from->shape.channels % groups || channels % groups)
        return -1;
    int pad = kernel / 2;
    return append(graph, (maple_node){
                             .op = MAPLE_OP_CONV,
                             .n_inputs = 1,
                             .inputs = {input},
                             .shape = {channels, window_size(from->shape.height, kernel, stride, pad),
                                       window_size(from->shape.width, kernel, stride, pad)},
                             .kernel = kernel,
                             .stride = stride,
                             .pad = pad,
                             .groups = groups,
                             .weight_slot = slot,
                         });
}

int maple_graph_batch_norm(maple_graph *graph, int input, uint32_t slot) {
    const maple_node *from = input_node(graph, input);
    if (!from)
        return -1;
    return append(graph, (maple_node){.op = MAPLE_OP_BATCH_NORM,
                                      .n_inputs = 1,
                                      .inputs = {input},
                                      .shape = from->shape,
                                      .weight_slot = slot});
}

int maple_graph_avg_pool(maple_graph *graph, int input, int kernel, int stride, int pad) {
    const maple_node *from = input_node(graph, input);
    if (!from || kernel <= 0 || stride <= 0 || pad < 0)
        return -1;
    return append(graph,
                  (maple_node){
                      .op = MAPLE_OP_AVG_POOL,
                      .n_inputs = 1,
                      .inputs = {input},
                      .shape = {from->shape.channels, window_size(from->shape.height, kernel, stride, pad),
                                window_size(from->shape.width, kernel, stride, pad)},
                      .kernel = kernel,
                      .stride = stride,
                      .pad = pad,
                  });
}

int maple_graph_linear(maple_graph *graph, int input, int outputs, uint32_t slot) {
    const maple_node *from = input_node(graph, input);
    if (!from || outputs <= 0 || from->shape.height != 1 || from->shape.width != 1)
        return -1;
    return append(graph, (maple_node){.op = MAPLE_OP_LINEAR,
                                      .n_inputs = 1,
                                      .inputs = {input},
                                      .shape = {outputs, 1, 1},
                                      .weight_slot = slot});
}

int maple_graph_unary(maple_graph *graph, maple_op op, int input) {
    const maple_node *from = input_node(graph, input);
    if (!from)
        return -1;
    maple_shape shape = from->shape;
    if (op == MAPLE_OP_GLOBAL_AVG_POOL)
        shape.height = shape.width = 1;
    else if (op != MAPLE_OP_RELU && op != MAPLE_OP_ZERO && op != MAPLE_OP_COPY)
        return -1;
    return append(graph, (maple_node){.op = op, .n_inputs = 1, .inputs = {input}, .shape = shape});
}

int maple_graph_add(maple_graph *graph, int left, int right) {
    const maple_node *a = input_node(graph, left), *b = input_node(graph, right);
    if (!a || !b || !shape_equal(a->shape, b->shape))
        return -1;
    return append(
        graph, (maple_node){.op = MAPLE_OP_ADD, .n_inputs = 2, .inputs = {left, right}, .shape = a->shape});
}

maple_status maple_graph_clone(const maple_graph *graph, maple_graph *out, maple_error *error) {
    maple_node *nodes = maple_alloc((size_t)graph->n_nodes, sizeof *nodes);
    if (!nodes)
        return maple_error_memory(error);
    if (graph->n_nodes > 0)
        memcpy(nodes, graph->nodes, (size_t)graph->n_nodes * sizeof *nodes);
    *out = (maple_graph){.nodes = nodes,
                         .n_nodes = graph->n_nodes,
                         .capacity = graph->n_nodes,
                         .output = graph->output,
                         .channels_last = graph->channels_last};
    return MAPLE_OK;
}

static maple_status check_inputs(const maple_graph *graph, int index, maple_error *error) {
    const maple_node *node = &graph->nodes[index];
    int expected = node->op == MAPLE_OP_INPUT ? 0 : node->op == MAPLE_OP_ADD ? 2 : 1;
    bool fused = node->op == MAPLE_OP_CONV && node->n_inputs == 2;
    if (node->n_inputs != expected && !fused)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "node %d (%s) has %d inputs, not %d", index,
                               maple_op_name(node->op), node->n_inputs, expected);
    for (int i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] < 0 || node->inputs[i] >= index)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "node %d (%s) reads node %d, which is not before it", index,
                                   maple_op_name(node->op), node->inputs[i]);
    }
    bool same_shape = node->op == MAPLE_OP_RELU || node->op == MAPLE_OP_ZERO || node->op == MAPLE_OP_COPY ||
                      node->op == MAPLE_OP_BATCH_NORM || node->op == MAPLE_OP_ADD;
    for (int i = 0; i < node->n_inputs; i++) {
        bool addend = fused && i == 1;
        if ((same_shape || addend) && !shape_equal(graph->nodes[node->inputs[i]].shape, node->shape))
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "node %d (%s): shape of input %d differs",
                                   index, maple_op_name(node->op), i);
    }
    return MAPLE_OK;
}

maple_status maple_graph_check(const maple_graph *graph, maple_error *error) {
    if (graph->n_nodes == 0 || graph->output < 0 || graph->output >= graph->n_nodes)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "the graph has no output");
    for (int i = 0; i < graph->n_nodes; i++) {
        const maple_node *node = &graph->nodes[i];
        if (node->op < 0 || node->op >= MAPLE_OP_COUNT)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "node %d has the unknown operator %d", i,
                                   (int)node->op);
        maple_status status = check_inputs(graph, i, error);
        if (status != MAPLE_OK)
            return status;
        if (node->shape.channels <= 0 || node->shape.height <= 0 || node->shape.width <= 0)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "node %d (%s) has an empty shape", i,
                                   maple_op_name(node->op));
        bool weighted =
            node->op == MAPLE_OP_CONV || node->op == MAPLE_OP_LINEAR || node->op == MAPLE_OP_BATCH_NORM;
        if (weighted && node->weight_slot == 0)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "node %d (%s) has no weight slot", i,
                                   maple_op_name(node->op));
    }
    return MAPLE_OK;
}

/* Longest path in CONV and LINEAR layers; the graph is topologically ordered. */
static int depth_of(const maple_graph *graph) {
    int *depth = maple_alloc((size_t)graph->n_nodes, sizeof *depth);
    if (!depth)
        return -1;
    for (int i = 0; i < graph->n_nodes; i++) {
        const maple_node *node = &graph->nodes[i];
        for (int k = 0; k < node->n_inputs; k++)
            depth[i] = depth[node->inputs[k]] > depth[i] ? depth[node->inputs[k]] : depth[i];
        depth[i] += node->op == MAPLE_OP_CONV || node->op == MAPLE_OP_LINEAR;
    }
    int result = graph->output >= 0 ? depth[graph->output] : 0;
    maple_free(depth);
    return result;
}

static void add_node_cost(const maple_graph *graph, const maple_node *node, maple_cost *cost) {
    double outputs = (double)maple_shape_elements(node->shape);
    double inputs = node->n_inputs ? (double)maple_shape_elements(graph->nodes[node->inputs[0]].shape) : 0;
    double channels = node->shape.channels;
    if (node->op != MAPLE_OP_INPUT)
        cost->activation_bytes += outputs * (double)sizeof(float);
    if (node->op == MAPLE_OP_RELU || node->relu)
        cost->relu_outputs += outputs;
    if (node->op == MAPLE_OP_CONV) {
        double fan_in =
            (double)graph->nodes[node->inputs[0]].shape.channels / node->groups * node->kernel * node->kernel;
        cost->flops += fan_in * outputs + (node->norm_slot ? 2 * outputs : 0);
        cost->params += fan_in * channels + (node->norm_slot ? 2 * channels : 0);
    } else if (node->op == MAPLE_OP_LINEAR) {
        cost->flops += inputs * outputs;
        cost->params += inputs * outputs + outputs;
    } else if (node->op == MAPLE_OP_BATCH_NORM) {
        cost->flops += 2 * outputs;
        cost->params += 2 * channels;
    } else if (node->op == MAPLE_OP_GLOBAL_AVG_POOL) {
        cost->flops += inputs;
    }
}

maple_cost maple_graph_cost(const maple_graph *graph) {
    maple_cost cost = {.depth = depth_of(graph)};
    for (int i = 0; i < graph->n_nodes; i++)
        add_node_cost(graph, &graph->nodes[i], &cost);
    return cost;
}
