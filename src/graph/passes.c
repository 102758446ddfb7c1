/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The passes between the graph as built and the graph that an engine executes. Each decides for every node
 * what replaces it and whether it stays; `rewrite` then renumbers. A replacement never comes after the node
 * it replaces, so the order stays topological.
 */
#include "graph/weights.h"

typedef struct plan {
    int *replacement; /* node whose value stands for this one; itself where nothing changes */
    int *readers;     /* how many inputs refer to it; the graph's output counts as one */
    bool *keep;
} plan;

static void plan_free(plan *p) {
    maple_free(p->replacement);
    maple_free(p->readers);
    maple_free(p->keep);
    *p = (plan){0};
}

static maple_status plan_init(const maple_graph *graph, plan *p, maple_error *error) {
    size_t n = (size_t)graph->n_nodes;
    *p = (plan){.replacement = maple_alloc(n, sizeof(int)),
                .readers = maple_alloc(n, sizeof(int)),
                .keep = maple_alloc(n, sizeof(bool))};
    if (!p->replacement || !p->readers || !p->keep) {
        plan_free(p);
        return maple_error_memory(error);
    }
    for (int i = 0; i < graph->n_nodes; i++) {
        p->replacement[i] = i;
        p->keep[i] = true;
        for (int k = 0; k < graph->nodes[i].n_inputs; k++)
            p->readers[graph->nodes[i].inputs[k]]++;
    }
    p->readers[graph->output]++;
    return MAPLE_OK;
}

/* Redirects all inputs and the output, drops what is not kept, renumbers. Uses up the plan. */
static void rewrite(maple_graph *graph, plan *p) {
    int *index = p->readers; /* no longer needed as such */
    int n = 0;
    for (int i = 0; i < graph->n_nodes; i++) {
        if (!p->keep[i])
            continue;
        maple_node node = graph->nodes[i];
        for (int k = 0; k < node.n_inputs; k++)
            node.inputs[k] = index[p->replacement[node.inputs[k]]];
        index[i] = n;
        graph->nodes[n++] = node;
    }
    graph->output = index[p->replacement[graph->output]];
    graph->n_nodes = n;
    plan_free(p);
}

maple_status maple_graph_fold_batch_norm(maple_graph *graph, maple_error *error) {
    plan p;
    maple_status status = plan_init(graph, &p, error);
    if (status != MAPLE_OK)
        return status;
    for (int i = 0; i < graph->n_nodes; i++) {
        const maple_node *norm = &graph->nodes[i];
        if (norm->op != MAPLE_OP_BATCH_NORM)
            continue;
        maple_node *conv = &graph->nodes[norm->inputs[0]];
        if (conv->op != MAPLE_OP_CONV || conv->n_inputs != 1 || conv->relu || conv->norm_slot != 0 ||
            p.readers[norm->inputs[0]] != 1)
            continue;
        conv->norm_slot = norm->weight_slot;
        conv->relu = norm->relu;
        p.replacement[i] = norm->inputs[0];
        p.keep[i] = false;
    }
    rewrite(graph, &p);
    return MAPLE_OK;
}

/* An operator that turns zeros into zeros. */
static bool keeps_zero(const maple_node *node) {
    switch (node->op) {
    case MAPLE_OP_CONV:
        return !slot_has_shift(node->norm_slot);
    case MAPLE_OP_BATCH_NORM:
        return !slot_has_shift(node->weight_slot);
    case MAPLE_OP_INPUT:
    case MAPLE_OP_LINEAR:
        return false;
    default:
        return true;
    }
}

/* The earlier ReLU of the same value, or -1. `source` is what replaces the input of node i. */
static int find_relu(const maple_graph *graph, const plan *p, int i, int source) {
    for (int j = source + 1; j < i; j++)
        if (graph->nodes[j].op == MAPLE_OP_RELU && p->replacement[j] == j &&
            p->replacement[graph->nodes[j].inputs[0]] == source)
            return j;
    return -1;
}

/* What stands for node i, when zero[] and the replacements of all earlier nodes are known. */
static int simplify(const maple_graph *graph, const plan *p, const bool *zero, int i) {
    const maple_node *node = &graph->nodes[i];
    if (node->n_inputs == 0 || zero[i])
        return i;
    int first = p->replacement[node->inputs[0]];
    if (node->op == MAPLE_OP_COPY)
        return first;
    if (node->op == MAPLE_OP_RELU) {
        int same = find_relu(graph, p, i, first);
        return same >= 0 ? same : i;
    }
    if (node->op == MAPLE_OP_ADD && !node->relu) {
        int second = p->replacement[node->inputs[1]];
        if (zero[first])
            return second;
        if (zero[second])
            return first;
    }
    return i;
}

/* zero[i]: the value is all zeros; depends[i]: the value depends on the network's input. */
static void propagate(const maple_graph *graph, plan *p, bool *zero, bool *depends) {
    for (int i = 0; i < graph->n_nodes; i++) {
        const maple_node *node = &graph->nodes[i];
        bool inputs_zero = true, inputs_depend = false;
        for (int k = 0; k < node->n_inputs; k++) {
            inputs_zero = inputs_zero && zero[node->inputs[k]];
            inputs_depend = inputs_depend || depends[node->inputs[k]];
        }
        zero[i] = node->op == MAPLE_OP_ZERO || (node->n_inputs > 0 && inputs_zero && keeps_zero(node));
        depends[i] = node->op == MAPLE_OP_INPUT || (inputs_depend && !zero[i]);
        p->replacement[i] = simplify(graph, p, zero, i);
    }
}

/* A CONV that has absorbed an addend of zeros loses it. */
static void drop_zero_addends(maple_graph *graph, const bool *zero) {
    for (int i = 0; i < graph->n_nodes; i++) {
        maple_node *node = &graph->nodes[i];
        if (node->op == MAPLE_OP_CONV && node->n_inputs == 2 && zero[node->inputs[1]])
            node->n_inputs = 1;
    }
}

/* Keeps what the output needs, and the input. */
static void mark_live(const maple_graph *graph, plan *p) {
    for (int i = 0; i < graph->n_nodes; i++)
        p->keep[i] = graph->nodes[i].op == MAPLE_OP_INPUT;
    p->keep[p->replacement[graph->output]] = true;
    for (int i = graph->n_nodes - 1; i >= 0; i--)
        for (int k = 0; p->keep[i] && k < graph->nodes[i].n_inputs; k++)
            p->keep[p->replacement[graph->nodes[i].inputs[k]]] = true;
}

maple_status maple_graph_prune(maple_graph *graph, bool *degenerate, maple_error *error) {
    plan p;
    maple_status status = plan_init(graph, &p, error);
    if (status != MAPLE_OK)
        return status;
    bool *zero = maple_alloc((size_t)graph->n_nodes, sizeof *zero);
    bool *depends = maple_alloc((size_t)graph->n_nodes, sizeof *depends);
    if (!zero || !depends) {
        status = maple_error_memory(error);
        goto done;
    }
    propagate(graph, &p, zero, depends);
    *degenerate = !depends[graph->output];
    if (*degenerate)
        goto done;
    drop_zero_addends(graph, zero);
    mark_live(graph, &p);
    rewrite(graph, &p);
done:
    plan_free(&p);
    maple_free(zero);
    maple_free(depends);
    return status;
}

/* A CONV that can take over the ADD which is its only reader. */
static bool can_absorb(const maple_graph *graph, const plan *p, int node) {
    const maple_node *n = &graph->nodes[node];
    return n->op == MAPLE_OP_CONV && n->n_inputs == 1 && !n->relu && p->readers[node] == 1;
}

/* The CONV moves to the place of the ADD: its only reader was there, and the other operand comes before it.
 */
static void fuse_adds(maple_graph *graph, plan *p) {
    for (int i = 0; i < graph->n_nodes; i++) {
        maple_node *add = &graph->nodes[i];
        if (add->op != MAPLE_OP_ADD)
            continue;
        int later = add->inputs[0] > add->inputs[1] ? 0 : 1;
        int which = can_absorb(graph, p, add->inputs[later]) ? later : 1 - later;
        int conv = add->inputs[which], addend = add->inputs[1 - which];
        if (!can_absorb(graph, p, conv))
            continue;
        bool relu = add->relu;
        *add = graph->nodes[conv];
        add->n_inputs = 2;
        add->inputs[1] = addend;
        add->relu = relu;
        p->keep[conv] = false;
    }
}

static void fuse_relus(maple_graph *graph, plan *p) {
    for (int i = 0; i < graph->n_nodes; i++) {
        const maple_node *relu = &graph->nodes[i];
        if (relu->op != MAPLE_OP_RELU)
            continue;
        maple_node *before = &graph->nodes[relu->inputs[0]];
        bool fuses =
            before->op == MAPLE_OP_CONV || before->op == MAPLE_OP_ADD || before->op == MAPLE_OP_BATCH_NORM;
        if (!fuses || p->readers[relu->inputs[0]] != 1 || !p->keep[relu->inputs[0]])
            continue;
        before->relu = true;
        p->replacement[i] = relu->inputs[0];
        p->keep[i] = false;
    }
}

maple_status maple_graph_fuse(maple_graph *graph, unsigned fusions, maple_error *error) {
    static const struct {
        unsigned flag;
        void (*apply)(maple_graph *, plan *);
    } steps[] = {{MAPLE_FUSE_ADD, fuse_adds}, {MAPLE_FUSE_RELU, fuse_relus}};
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        if (!(fusions & steps[s].flag))
            continue;
        plan p;
        maple_status status = plan_init(graph, &p, error);
        if (status != MAPLE_OK)
            return status;
        steps[s].apply(graph, &p);
        rewrite(graph, &p);
    }
    return MAPLE_OK;
}

maple_status maple_graph_prepare(const maple_graph *raw, maple_graph_form form, unsigned fusions,
                                 maple_graph *out, maple_error *error) {
    maple_graph graph;
    maple_status status = maple_graph_clone(raw, &graph, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_graph_fold_batch_norm(&graph, error);
    if (status == MAPLE_OK && form == MAPLE_GRAPH_PRUNED) {
        bool degenerate = false;
        status = maple_graph_prune(&graph, &degenerate, error);
        if (status == MAPLE_OK && degenerate)
            status = maple_error_set(
                error, MAPLE_BAD_ARGUMENT,
                "the network's output does not depend on its input: pruned, nothing is left to "
                "run; measure it as-written");
        if (status == MAPLE_OK)
            status = maple_graph_fuse(&graph, fusions, error);
    }
    if (status != MAPLE_OK) {
        maple_graph_release(&graph);
        return status;
    }
    *out = graph;
    return MAPLE_OK;
}
