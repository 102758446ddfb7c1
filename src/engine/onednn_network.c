/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of engine `onednn`: lists of primitives with their arguments. */
#include "engine/onednn.h"

#include <string.h>

enum { MAX_ARGUMENTS = 8, FEW_CHANNELS = 4, STEPS_A_NODE = 3 };

struct onednn_step {
    dnnl_primitive_t primitive;
    int n_arguments;
    dnnl_exec_arg_t arguments[MAX_ARGUMENTS];
};

typedef struct compilation {
    onednn_network *network;
    const maple_graph *graph;
    float **buffer;                  /* of each node */
    int input;                       /* node */
    onednn_order order, input_order; /* of activations; of the network's input */
    dnnl_data_type_t *type;          /* of each node's result */
    float *scale;                    /* of each node's result: what 1 stands for */
    engine_implementations names;
} compilation;

static onednn_engine_state *engine_of(const maple_network *network) {
    return (onednn_engine_state *)network->engine;
}

/* A first convolution of few channels reads NCHW directly and is fast; all else wants blocks. */
static bool reads_plain_input(const maple_graph *graph, int input) {
    if (graph->nodes[input].shape.channels > FEW_CHANNELS)
        return false;
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] == input && (graph->nodes[i].op != MAPLE_OP_CONV || k != 0))
                return false;
    return true;
}

/* Memories on the network's own buffers are its own, the others the engine's. */
static maple_status node_memory(compilation *c, int node, const_onednn_desc layout, dnnl_memory_t *out,
                                maple_error *error) {
    onednn_engine_state *self = engine_of(&c->network->base);
    dnnl_memory_t *own = node == c->input ? &c->network->input : &c->network->output;
    if (node != c->input && node != c->graph->output)
        return onednn_get_memory(self, c->buffer[node], layout, out, error);
    if (!*own) {
        dnnl_status_t result = dnnl_memory_create(own, layout, self->engine, c->buffer[node]);
        if (result != dnnl_success)
            return onednn_error(result, "creating a memory", error);
    }
    *out = *own;
    return MAPLE_OK;
}

static maple_status plan(compilation *c, maple_error *error) {
    onednn_engine_state *self = engine_of(&c->network->base);
    size_t n = (size_t)c->graph->n_nodes;
    size_t *bytes = maple_alloc(n, sizeof *bytes);
    if (!bytes)
        return maple_error_memory(error);
    dnnl_status_t result = dnnl_success;
    for (size_t i = 0; result == dnnl_success && i < n; i++) {
        onednn_desc layout = NULL;
        result = onednn_layout(self, c->graph->nodes[i].shape, (int)i == c->input ? c->input_order : c->order,
                               c->type[i], &layout);
        bytes[i] = result == dnnl_success ? dnnl_memory_desc_get_size(layout) : 0;
        onednn_desc_destroy(layout);
    }
    maple_status status =
        result == dnnl_success ? MAPLE_OK : onednn_error(result, "describing a layout", error);
    float **own = c->network->own;
    if (status == MAPLE_OK) {
        own[0] = maple_alloc_aligned(bytes[c->input], 1);
        own[1] = maple_alloc_aligned(bytes[c->graph->output], 1);
        status = own[0] && own[1] ? MAPLE_OK : maple_error_memory(error);
    }
    if (status == MAPLE_OK)
        status = engine_plan_buffers(&self->base, c->graph, bytes, true, own, c->buffer, NULL, error);
    c->network->base.bytes =
        bytes[c->input] + bytes[c->graph->output] + STEPS_A_NODE * n * sizeof(onednn_step);
    maple_free(bytes);
    return status;
}

static bool is_int8(const compilation *c) {
    return c->network->base.engine->options.dtype == MAPLE_DTYPE_INT8;
}

/* Of node i's result, its source and its addend (-1: none). */
static void set_types(const compilation *c, int i, int source, int addend, onednn_key *key) {
    key->src_type = c->type[source];
    key->dst_type = c->type[i];
    key->addend_type = addend >= 0 ? c->type[addend] : dnnl_data_type_undef;
    if (!is_int8(c))
        return;
    key->src_scale = c->scale[source];
    key->dst_scale = c->scale[i];
    key->addend_scale = addend >= 0 ? c->scale[addend] : 0.0f;
    key->slot = c->graph->nodes[i].weight_slot;
    key->norm_slot = c->graph->nodes[i].norm_slot;
}

static onednn_key key_of(const compilation *c, int i) {
    const maple_node *node = &c->graph->nodes[i];
    onednn_key key;
    memset(&key, 0, sizeof key);
    key.op = node->op;
    key.in = c->graph->nodes[node->inputs[0]].shape;
    key.out = node->shape;
    if (node->op == MAPLE_OP_CONV || node->op == MAPLE_OP_AVG_POOL) {
        key.kernel = node->kernel;
        key.stride = node->stride;
        key.pad = node->pad;
    }
    if (node->op == MAPLE_OP_CONV) {
        key.groups = node->groups;
        key.bias = node->norm_slot != 0;
        if (node->n_inputs == 2)
            key.addend = c->buffer[i] == c->buffer[node->inputs[1]] ? ONEDNN_SUM : ONEDNN_BINARY;
    }
    key.relu = node->relu;
    key.src = node->inputs[0] == c->input ? c->input_order : c->order;
    key.dst = c->order;
    set_types(c, i, node->inputs[0], key.addend || node->op == MAPLE_OP_ADD ? node->inputs[1] : -1, &key);
    return key;
}

static void add_argument(onednn_step *s, int kind, dnnl_memory_t memory) {
    if (memory)
        s->arguments[s->n_arguments++] = (dnnl_exec_arg_t){kind, memory};
}

static void add_weights(onednn_step *s, const onednn_primitive *primitive, const onednn_weights *weights) {
    const onednn_key *key = &primitive->key;
    bool norm = key->op == MAPLE_OP_BATCH_NORM;
    dnnl_memory_t factor = primitive->factor ? primitive->factor : weights->weight;
    dnnl_memory_t bias = primitive->bias ? primitive->bias : weights->bias;
    add_argument(s, norm ? DNNL_ARG_SCALE : DNNL_ARG_WEIGHTS, factor);
    add_argument(s, DNNL_ARG_MEAN, weights->mean);
    add_argument(s, DNNL_ARG_VARIANCE, weights->variance);
    if (norm || key->bias || key->op == MAPLE_OP_LINEAR)
        add_argument(s, norm ? DNNL_ARG_SHIFT : DNNL_ARG_BIAS, bias);
}

/* The primitive for a key, of the engine or (int8) of the network. */
static maple_status find_primitive(compilation *c, int i, const onednn_key *key, const onednn_primitive **out,
                                   maple_error *error) {
    onednn_engine_state *self = engine_of(&c->network->base);
    return onednn_get_primitive(self, is_int8(c) ? &c->network->primitives : &self->primitives, c->graph, i,
                                key, out, error);
}

/* One more step: the primitive for `key`, reading the values of nodes `first` and `second` (-1: none) and
 * writing that of node i. */
static maple_status add_step(compilation *c, int i, const onednn_key *key, int first, int second,
                             maple_error *error) {
    const onednn_primitive *primitive = NULL;
    maple_status status = find_primitive(c, i, key, &primitive, error);
    if (status != MAPLE_OK)
        return status;
    engine_implementations_add(&c->names, key->op, primitive->implementation);
    onednn_step *s = &c->network->steps[c->network->n_steps];
    s->primitive = primitive->primitive;
    dnnl_memory_t src, dst, addend = NULL;
    status = node_memory(c, first, primitive->src, &src, error);
    if (status == MAPLE_OK)
        status = node_memory(c, i, primitive->dst, &dst, error);
    if (status == MAPLE_OK && second >= 0 && key->addend != ONEDNN_SUM)
        status = node_memory(c, second, primitive->addend, &addend, error);
    if (status != MAPLE_OK)
        return status;
    add_argument(s, key->plain_sum ? DNNL_ARG_MULTIPLE_SRC : DNNL_ARG_SRC, src);
    add_argument(s, DNNL_ARG_DST, dst);
    if (key->op == MAPLE_OP_ADD)
        add_argument(s, key->plain_sum ? DNNL_ARG_MULTIPLE_SRC + 1 : DNNL_ARG_SRC_1, addend);
    if (key->addend == ONEDNN_BINARY)
        add_argument(s, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, addend);
    for (size_t k = 0; k < sizeof primitive->scales / sizeof *primitive->scales; k++)
        add_argument(s, primitive->scales[k].argument, primitive->scales[k].memory);
    if (primitive->raw) {
        const onednn_weights *weights = NULL;
        status = onednn_get_weights(engine_of(&c->network->base), c->graph, i, primitive, &weights, error);
        if (status == MAPLE_OK)
            add_weights(s, primitive, weights);
    }
    c->network->n_steps++;
    return status;
}

/* Whether oneDNN has a primitive for the key that is right and not its slow reference.
 * Found with oneDNN 2.6.3 on sse41 and avx: its gemm convolution of groups, channels last, adds a wrong part
 * of the addend (in place, as ONEDNN_SUM, it adds the right one; 3.x has no such primitive). */
static maple_status is_usable(compilation *c, int i, const onednn_key *key, bool *usable,
                              maple_error *error) {
    const onednn_primitive *primitive = NULL;
    maple_status status = find_primitive(c, i, key, &primitive, error);
    bool wrong = key->addend == ONEDNN_BINARY && key->groups > 1;
    *usable = status == MAPLE_OK && !(wrong && strstr(primitive->implementation, "gemm"));
    return status == MAPLE_UNSUPPORTED ? MAPLE_OK : status;
}

/* Addition of the values of two nodes, then perhaps ReLU, for node i. In float32 by `sum` where `binary` has
 * only its reference (3.7 in blocks on sse41 and avx); that has no ReLU. */
static maple_status compile_add(compilation *c, int i, onednn_key *key, int first, int second,
                                maple_error *error) {
    bool usable;
    maple_status status = is_usable(c, i, key, &usable, error);
    if (status != MAPLE_OK)
        return status;
    key->plain_sum = !usable && key->dst_type == dnnl_f32;
    bool relu = key->plain_sum && key->relu;
    if (relu)
        key->relu = false;
    status = add_step(c, i, key, first, second, error);
    if (status != MAPLE_OK || !relu)
        return status;
    onednn_key after;
    memset(&after, 0, sizeof after);
    after.op = MAPLE_OP_RELU;
    after.in = after.out = key->out;
    after.src = after.dst = key->dst;
    set_types(c, i, i, -1, &after);
    return add_step(c, i, &after, i, -1, error);
}

/* Without its addend and ReLU, which follow. */
static maple_status compile_apart(compilation *c, int i, onednn_key *key, maple_error *error) {
    const maple_node *node = &c->graph->nodes[i];
    key->addend = ONEDNN_NO_ADDEND;
    key->addend_type = dnnl_data_type_undef;
    key->relu = false;
    maple_status status = add_step(c, i, key, node->inputs[0], -1, error);
    if (status != MAPLE_OK)
        return status;
    onednn_key add;
    memset(&add, 0, sizeof add);
    add.op = MAPLE_OP_ADD;
    add.in = add.out = node->shape;
    add.src = add.dst = c->order;
    add.relu = node->relu;
    set_types(c, i, i, node->inputs[1], &add);
    return compile_add(c, i, &add, i, node->inputs[1], error);
}

static maple_status compile_node(compilation *c, int i, maple_error *error) {
    onednn_engine_state *self = engine_of(&c->network->base);
    const maple_node *node = &c->graph->nodes[i];
    onednn_key key = key_of(c, i);
    if (node->op == MAPLE_OP_LINEAR && !onednn_is_dense(self, key.in, key.src))
        return engine_refuse_node(&self->base, c->graph, i, "its input's channels do not fill whole blocks",
                                  error);
    int second = node->n_inputs == 2 ? node->inputs[1] : -1;
    if (node->op == MAPLE_OP_ADD)
        return compile_add(c, i, &key, node->inputs[0], second, error);
    bool usable = true;
    if (key.addend == ONEDNN_BINARY) {
        maple_status status = is_usable(c, i, &key, &usable, error);
        if (status != MAPLE_OK)
            return status;
    }
    if (!usable && is_int8(c))
        return engine_refuse_node(&self->base, c->graph, i, "oneDNN cannot add to it, or adds wrongly",
                                  error);
    if (!usable)
        return compile_apart(c, i, &key, error);
    return add_step(c, i, &key, node->inputs[0], second, error);
}

/* What type each node's result has. */
static maple_status choose_types(compilation *c, maple_error *error) {
    maple_engine *engine = c->network->base.engine;
    if (engine->options.dtype == MAPLE_DTYPE_INT8)
        return onednn_quantise(engine, c->graph, c->type, c->scale, error);
    for (int i = 0; i < c->graph->n_nodes; i++) {
        bool narrow = engine->options.dtype == MAPLE_DTYPE_BF16 && c->graph->nodes[i].op != MAPLE_OP_LINEAR;
        c->type[i] = narrow ? dnnl_bf16 : dnnl_f32;
        c->scale[i] = 1.0f;
    }
    return MAPLE_OK;
}

maple_status onednn_compile(maple_network *network, const maple_graph *graph, maple_error *error) {
    onednn_engine_state *self = engine_of(network);
    compilation c = {.network = (onednn_network *)network, .graph = graph};
    if (self->set_threads)
        self->set_threads(self->base.options.threads);
    while (graph->nodes[c.input].op != MAPLE_OP_INPUT)
        c.input++;
    /* What is narrower than float32 has its fast kernels channels last. */
    bool last = graph->channels_last || self->base.options.dtype != MAPLE_DTYPE_F32;
    size_t n = (size_t)graph->n_nodes;
    c.order = last ? ONEDNN_CHANNELS_LAST : ONEDNN_BLOCKED;
    c.input_order = !last && reads_plain_input(graph, c.input) ? ONEDNN_PLAIN : c.order;
    c.buffer = maple_alloc(n, sizeof *c.buffer);
    c.type = maple_alloc(n, sizeof *c.type);
    c.scale = maple_alloc(n, sizeof *c.scale);
    c.network->steps = maple_alloc(STEPS_A_NODE * n, sizeof *c.network->steps);
    bool allocated = c.buffer && c.type && c.scale && c.network->steps;
    maple_status status = allocated ? choose_types(&c, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = plan(&c, error);
    for (int i = 0; status == MAPLE_OK && i < graph->n_nodes; i++)
        if (i != c.input)
            status = compile_node(&c, i, error);
    if (status == MAPLE_OK)
        status = engine_implementations_join(&c.names, network, error);
    if (status == MAPLE_OK) {
        c.network->input_scale = c.scale[c.input];
        c.network->output_scale = c.scale[graph->output];
        for (size_t i = 0; i < c.network->primitives.n; i++)
            network->bytes += c.network->primitives.items[i]->bytes;
    }
    maple_free(c.buffer);
    maple_free(c.type);
    maple_free(c.scale);
    return status;
}

void onednn_release(maple_network *network) {
    onednn_network *self = (onednn_network *)network;
    dnnl_memory_destroy(self->input);
    dnnl_memory_destroy(self->output);
    maple_free(self->own[0]);
    maple_free(self->own[1]);
    maple_free(self->steps);
    onednn_primitives_free(&self->primitives);
}

/* --- Running --- */

maple_status onednn_run(maple_network *network, maple_error *error) {
    onednn_network *self = (onednn_network *)network;
    onednn_engine_state *engine = engine_of(network);
    if (engine->set_threads) /* another engine of this process may have asked for another number */
        engine->set_threads(engine->base.options.threads);
    dnnl_status_t result = dnnl_success;
    for (int i = 0; i < self->n_steps && result == dnnl_success; i++) {
        const onednn_step *s = &self->steps[i];
        result = dnnl_primitive_execute(s->primitive, engine->stream, s->n_arguments, s->arguments);
    }
    if (result == dnnl_success)
        result = dnnl_stream_wait(engine->stream);
    return result == dnnl_success ? MAPLE_OK : onednn_error(result, "running a network", error);
}

/* Copies between the caller's NCHW and a memory of the network. */
static maple_status exchange(maple_network *network, maple_shape shape, float *nchw, dnnl_memory_t memory,
                             float scale, bool to_network, maple_error *error) {
    onednn_engine_state *engine = engine_of(network);
    const_onednn_desc inner = NULL;
    onednn_desc layout = NULL;
    dnnl_memory_t outer = NULL;
    dnnl_dims_t dims = {engine->base.options.batch, shape.channels, shape.height, shape.width};
    dnnl_status_t result = dnnl_memory_get_memory_desc(memory, &inner);
    int rank = result == dnnl_success ? onednn_desc_rank(inner) : 0;
    if (result == dnnl_success) /* LINEAR's result is a matrix */
        result = onednn_desc_create(&layout, rank, dims, dnnl_f32, rank == 2 ? dnnl_ab : dnnl_nchw);
    if (result == dnnl_success)
        result = dnnl_memory_create(&outer, layout, engine->engine, nchw);
    if (result == dnnl_success)
        result = onednn_copy(engine, to_network ? outer : memory, to_network ? memory : outer, &scale,
                             scale != 1.0f, 0);
    dnnl_memory_destroy(outer);
    onednn_desc_destroy(layout);
    return result == dnnl_success ? MAPLE_OK : onednn_error(result, "copying input or output", error);
}

maple_status onednn_set_input(maple_network *network, const float *nchw, maple_error *error) {
    onednn_network *self = (onednn_network *)network;
    return exchange(network, network->input_shape, (float *)nchw, self->input, 1.0f / self->input_scale, true,
                    error);
}

maple_status onednn_output(maple_network *network, float *nchw, maple_error *error) {
    onednn_network *self = (onednn_network *)network;
    return exchange(network, network->output_shape, nchw, self->output, self->output_scale, false, error);
}
