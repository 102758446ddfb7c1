/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs of operators as rows of nodes. */
#include "predictor/nasflat_net.h"

#include <string.h>

enum { O_ZERO, O_OUTPUT, O_PAIRS };

maple_nasflat_batch *maple_nasflat_batch_create(const maple_nasflat_shape *shape, size_t capacity) {
    maple_nasflat_batch *b = maple_alloc(1, sizeof *b);
    if (!b)
        return NULL;
    /* Edges: a space's graph has at most all pairs i < j or a loop each; a chain adds one a node. */
    size_t rows = capacity * shape->nodes, edges = rows * (shape->nodes + 1) / 2 + rows;
    size_t pairs = shape->devices * shape->operators;
    *b = (maple_nasflat_batch){
        .capacity = capacity,
        .first = maple_alloc(capacity + 1, sizeof(uint32_t)),
        .in = maple_alloc(rows + 1, sizeof(uint32_t)),
        .in_from = maple_alloc(edges, sizeof(uint32_t)),
        .graph = maple_alloc(rows, sizeof(uint32_t)),
        .count = maple_alloc(rows, sizeof(nn_real)),
        .x_row = maple_alloc(rows, sizeof(uint32_t)),
        .o_row = maple_alloc(rows, sizeof(uint32_t)),
        .output = maple_alloc(capacity, sizeof(uint32_t)),
        .o_operator = maple_alloc(O_PAIRS + pairs, sizeof(uint32_t)),
        .o_device = maple_alloc(O_PAIRS + pairs, sizeof(uint32_t)),
        .o_place = maple_alloc(pairs, sizeof(uint32_t)),
        .device = maple_alloc(capacity, sizeof(uint32_t)),
        .proxies = maple_alloc(capacity * shape->proxies + 1, sizeof(nn_real)),
    };
    if (b->first && b->in && b->in_from && b->graph && b->count && b->x_row && b->o_row && b->output &&
        b->o_operator && b->o_device && b->o_place && b->device && b->proxies) {
        maple_nasflat_batch_clear(shape, b);
        return b;
    }
    maple_nasflat_batch_free(b);
    return NULL;
}

void maple_nasflat_batch_free(maple_nasflat_batch *batch) {
    if (!batch)
        return;
    void *parts[] = {batch->first,   batch->in,         batch->in_from,  batch->graph,  batch->count,
                     batch->x_row,   batch->o_row,      batch->output,   batch->device, batch->proxies,
                     batch->o_place, batch->o_operator, batch->o_device, batch};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        maple_free(parts[i]);
}

void maple_nasflat_batch_clear(const maple_nasflat_shape *shape, maple_nasflat_batch *batch) {
    batch->n = 0;
    batch->rows = 0;
    batch->n_o = O_PAIRS;
    batch->nodes = (nn_node_batch){
        .first = batch->first, .count = batch->count, .in = batch->in, .in_from = batch->in_from};
    memset(batch->o_place, 0, shape->devices * shape->operators * sizeof *batch->o_place);
}

/* The row of O of an operator on a device. */
static uint32_t pair_row(const maple_nasflat_shape *shape, maple_nasflat_batch *batch, size_t operator_,
                         size_t device) {
    if (shape->device_in == NASFLAT_DEVICE_IN_MLP)
        device = 0; /* the nodes do not tell devices apart */
    uint32_t *place = &batch->o_place[device * shape->operators + operator_];
    if (*place == 0) {
        batch->o_operator[batch->n_o] = (uint32_t)operator_;
        batch->o_device[batch->n_o] = (uint32_t)device;
        *place = (uint32_t)batch->n_o++;
    }
    return *place;
}

/* A graph's edges as the network sees them. */
static void read_edges(const maple_nasflat_shape *shape, const maple_op_graph *graph,
                       uint32_t in[MAPLE_MAX_POSITIONS]) {
    for (int i = 0; i < graph->n; i++)
        in[i] = graph->in[i] | (shape->chain && i > 0 ? 1u << (i - 1) : 0);
}

/* Whether a node is an operator without any edge but to itself: such nodes differ by their operators alone.
 */
static bool stands_alone(const maple_op_graph *graph, const uint32_t in[MAPLE_MAX_POSITIONS], int node) {
    uint32_t out = 0;
    for (int i = 0; i < graph->n; i++)
        out |= i != node ? in[i] & 1u << node : 0;
    return node > 0 && node + 1 < graph->n && out == 0 && (in[node] & ~(1u << node)) == 0;
}

/* The first node that `node` is like: itself where there is none. */
static int first_alike(const maple_nasflat_shape *shape, const maple_op_graph *graph,
                       const uint32_t in[MAPLE_MAX_POSITIONS], int node) {
    if (shape->positions || !stands_alone(graph, in, node))
        return node;
    for (int other = 1; other < node; other++) {
        bool same_loop = !(in[other] & 1u << other) == !(in[node] & 1u << node);
        if (graph->op[other] == graph->op[node] && same_loop && stands_alone(graph, in, other))
            return other;
    }
    return node;
}

void maple_nasflat_batch_add(const maple_nasflat_shape *shape, const maple_op_graph *graph, size_t device,
                             const float *proxies, maple_nasflat_batch *batch) {
    nn_node_batch *nodes = &batch->nodes;
    uint32_t in[MAPLE_MAX_POSITIONS], row_of[MAPLE_MAX_POSITIONS];
    size_t row = batch->rows, edge = row > 0 ? batch->in[row] : 0;
    int last = graph->n - 1, first_of[MAPLE_MAX_POSITIONS];
    read_edges(shape, graph, in);
    for (int i = 0; i <= last; i++) {
        first_of[i] = first_alike(shape, graph, in, i);
        row_of[i] = first_of[i] < i ? row_of[first_of[i]] : (uint32_t)row++;
    }
    for (int i = 0; i <= last; i++) {
        uint32_t at = row_of[i];
        if (first_of[i] < i) {
            batch->count[at] += 1;
            continue;
        }
        batch->count[at] = 1;
        batch->graph[at] = (uint32_t)batch->n;
        batch->x_row[at] = shape->positions ? (uint32_t)i : i > 0;
        batch->o_row[at] = i == 0      ? O_ZERO
                           : i == last ? O_OUTPUT
                                       : pair_row(shape, batch, graph->op[i], device);
        batch->in[at] = (uint32_t)edge;
        for (int j = 0; j <= last; j++)
            if (in[i] & 1u << j)
                batch->in_from[edge++] = row_of[j];
    }
    batch->in[row] = (uint32_t)edge;
    batch->first[batch->n] = (uint32_t)batch->rows;
    batch->output[batch->n] = row_of[last];
    batch->device[batch->n] = (uint32_t)device;
    batch->total = graph->n;
    for (size_t c = 0; c < shape->proxies; c++)
        batch->proxies[batch->n * shape->proxies + c] = (nn_real)proxies[c];
    batch->first[++batch->n] = (uint32_t)row;
    nodes->n = batch->n;
    batch->rows = row;
}
