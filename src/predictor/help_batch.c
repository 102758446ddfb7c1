/* SPDX-License-Identifier: Apache-2.0 */
/* HELP's networks for a space, and which rows a batch of architectures needs in each layer. */
#include "predictor/help_net.h"
#include "space/space_vtable.h"

#include <assert.h>
#include <string.h>

enum { GRAPH_DEPTH = 4, BITS_DEPTH = 2, MAX_NODES = 31, NO_TYPE = -1 };

help_layout help_layout_of(const help_shape *shape) {
    size_t h = shape->width, n = 0, at = 0;
    help_layout layout = {.layers = shape->depth + HELP_HARDWARE_LAYERS + HELP_HEAD_LAYERS};
    for (size_t l = 0; l < shape->depth; l++)
        layout.layer[n++] = (help_layer){.in = l == 0 ? shape->tokens : h, .out = h};
    layout.layer[n++] = (help_layer){.in = shape->embedding, .out = h};
    layout.layer[n++] = (help_layer){.in = h, .out = h};
    layout.layer[n++] = (help_layer){.in = 2 * h, .out = 2 * h};
    layout.layer[n++] = (help_layer){.in = 2 * h, .out = 2 * h};
    layout.layer[n++] = (help_layer){.in = 2 * h, .out = 1};
    for (size_t l = 0; l < n; l++) {
        help_layer *layer = &layout.layer[l];
        layer->weight = at;
        layer->bias = at + layer->in * layer->out;
        at = layer->bias + layer->out;
    }
    layout.parameters = at;
    return layout;
}

help_shape help_shape_for(const maple_space *space, bool bits, size_t width) {
    const maple_line_graph *graph = space->line_graph;
    bool use_graph = graph && !bits && graph->nodes <= MAX_NODES;
    return (help_shape){.tokens = use_graph ? (size_t)graph->types : maple_space_bit_count(space),
                        .depth = use_graph ? GRAPH_DEPTH : BITS_DEPTH,
                        .graph = use_graph ? HELP_LINE_GRAPH : HELP_BITS,
                        .width = width,
                        .embedding = maple_space_references(space)};
}

/* A node for each operator, input and output where they are connected, the global node. */
static size_t op_graph_nodes(const maple_space *space) {
    return (size_t)space->positions + (space->op_graph_connects ? 2 : 0) + 1;
}

static size_t op_graph_types(const maple_space *space) {
    return space->op_graph_connects ? (size_t)space->ops + 3 : (size_t)(space->positions * space->ops) + 1;
}

help_shape help_op_graph_shape(const maple_space *space, bool written, size_t width) {
    if (written && space->line_graph)
        return help_shape_for(space, false, width);
    assert(op_graph_nodes(space) <= MAX_NODES);
    return (help_shape){
        .tokens = op_graph_types(space), .depth = GRAPH_DEPTH, .graph = HELP_OP_GRAPH, .width = width};
}

size_t help_batch_rows(const maple_space *space, const help_shape *shape, size_t n) {
    if (shape->graph == HELP_BITS)
        return n;
    return n * (shape->graph == HELP_LINE_GRAPH ? (size_t)space->line_graph->nodes : op_graph_nodes(space));
}

/* Most terms of the sums of one layer. */
static size_t most_terms(const maple_space *space, const help_shape *shape, size_t n) {
    size_t nodes = help_batch_rows(space, shape, 1);
    return n * (shape->graph == HELP_BITS ? MAPLE_MAX_ARCH_BITS : nodes * (nodes + 1) / 2);
}

help_batch *help_batch_create(const maple_space *space, const help_shape *shape, size_t capacity) {
    help_batch *batch = maple_alloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    *batch = (help_batch){.space = space, .shape = *shape, .capacity = capacity, .slots = 64};
    size_t rows = help_batch_rows(space, shape, capacity);
    while (batch->slots < 2 * rows)
        batch->slots *= 2;
    bool fine = true;
    for (size_t l = 0; l < (shape->graph ? shape->depth : 1); l++) {
        batch->start[l] = maple_alloc(rows + 1, sizeof **batch->start);
        batch->index[l] = maple_alloc(most_terms(space, shape, capacity), sizeof **batch->index);
        fine = fine && batch->start[l] && batch->index[l];
    }
    if (shape->graph) {
        batch->slot = maple_alloc(batch->slots, sizeof *batch->slot);
        batch->row_node = maple_alloc(rows, sizeof *batch->row_node);
        batch->node_row = maple_alloc(2 * rows, sizeof *batch->node_row);
        fine = fine && batch->slot && batch->row_node && batch->node_row;
    }
    if (fine)
        return batch;
    help_batch_free(batch);
    return NULL;
}

void help_batch_free(help_batch *batch) {
    if (!batch)
        return;
    for (int l = 0; l < HELP_MAX_DEPTH; l++) {
        maple_free(batch->start[l]);
        maple_free(batch->index[l]);
    }
    maple_free(batch->slot);
    maple_free(batch->row_node);
    maple_free(batch->node_row);
    maple_free(batch);
}

/* --- Bits --- */

static void build_bits(help_batch *batch, const maple_arch *archs) {
    uint32_t *index = batch->index[0], at = 0;
    for (size_t a = 0; a < batch->n; a++) {
        batch->start[0][a] = at;
        at += (uint32_t)maple_space_bits(batch->space, &archs[a], index + at);
    }
    batch->start[0][batch->n] = at;
    batch->sums[0] = (nn_row_sums){.rows = batch->n, .start = batch->start[0], .index = index};
    for (size_t l = 1; l < batch->shape.depth; l++)
        batch->sums[l] = (nn_row_sums){.rows = batch->n};
}

/* --- Graphs --- */

typedef struct node_graph {
    int nodes, readout;
    int16_t type[MAX_NODES];    /* NO_TYPE: a node without features */
    uint32_t inputs[MAX_NODES]; /* bit j: node j feeds this one (or is it) */
} node_graph;

static node_graph line_graph_of(const maple_space *space, const maple_arch *arch) {
    const maple_line_graph *graph = space->line_graph;
    node_graph out = {.nodes = graph->nodes, .readout = graph->readout};
    for (int i = 0; i < graph->nodes; i++) {
        out.type[i] = graph->position[i] >= 0 ? arch->op[graph->position[i]] : graph->fixed[i];
        out.inputs[i] = graph->inputs[i];
    }
    return out;
}

/* Types: operators, input, output, global. What no path from input to output crosses has no features. */
static void connect_ops(const maple_space *space, const maple_arch *arch, node_graph *out) {
    maple_op_graph ops;
    maple_space_op_graph(space, arch, &ops);
    for (int i = 0; i < ops.n; i++) {
        out->inputs[i] = ops.in[i] | 1u << i;
        out->type[i] = (int16_t)(ops.in[i] ? ops.op[i] : NO_TYPE);
    }
    out->type[0] = (int16_t)space->ops;
    out->type[ops.n - 1] = (int16_t)(space->ops + 1);
}

/* Types: operators at positions, global. */
static void connect_chain(const maple_space *space, const maple_arch *arch, node_graph *out) {
    for (int i = 0; i < space->positions; i++) {
        out->inputs[i] = 1u << i | (i > 0 ? 1u << (i - 1) : 0);
        out->type[i] = (int16_t)(i * space->ops + arch->op[i]);
    }
}

static node_graph op_graph_of(const maple_space *space, const maple_arch *arch) {
    int readout = (int)op_graph_nodes(space) - 1;
    node_graph out = {.nodes = readout + 1, .readout = readout};
    if (space->op_graph_connects)
        connect_ops(space, arch, &out);
    else
        connect_chain(space, arch, &out);
    out.type[readout] = (int16_t)(op_graph_types(space) - 1);
    out.inputs[readout] = (1u << out.nodes) - 1;
    return out;
}

/* Writes the list of row `row` of layer l: the rows (or, first, the types) of the nodes that feed it. */
static void write_row(help_batch *batch, size_t l, size_t row, const node_graph *graph, int node,
                      const uint32_t *before) {
    uint32_t at = batch->start[l][row];
    for (int j = 0; j < graph->nodes; j++) {
        if (!(graph->inputs[node] >> j & 1))
            continue;
        if (l > 0)
            batch->index[l][at++] = before[j];
        else if (graph->type[j] != NO_TYPE)
            batch->index[l][at++] = (uint32_t)graph->type[j];
    }
    batch->start[l][row + 1] = at;
    batch->row_node[row] = (uint32_t)node;
}

static bool same_row(const help_batch *batch, size_t l, size_t a, size_t b) {
    const uint32_t *start = batch->start[l], *index = batch->index[l];
    size_t length = start[a + 1] - start[a];
    return batch->row_node[a] == batch->row_node[b] && length == start[b + 1] - start[b] &&
           memcmp(index + start[a], index + start[b], length * sizeof *index) == 0;
}

/* The row that has the node and the list of row `written`, which is the last: an earlier one, or itself. */
static uint32_t find_row(help_batch *batch, size_t l, uint32_t written) {
    uint64_t hash = batch->row_node[written];
    for (uint32_t i = batch->start[l][written]; i < batch->start[l][written + 1]; i++)
        hash = (hash ^ batch->index[l][i]) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(hash >> 20) & (batch->slots - 1);
    while (batch->slot[at] && !same_row(batch, l, batch->slot[at] - 1, written))
        at = (at + 1) & (batch->slots - 1);
    if (!batch->slot[at])
        batch->slot[at] = written + 1;
    return batch->slot[at] - 1;
}

static void build_layer(help_batch *batch, size_t l, const maple_arch *archs, const uint32_t *before,
                        uint32_t *after) {
    size_t nodes = help_batch_rows(batch->space, &batch->shape, 1);
    uint32_t rows = 0;
    memset(batch->slot, 0, batch->slots * sizeof *batch->slot);
    for (size_t a = 0; a < batch->n; a++) {
        node_graph graph = batch->shape.graph == HELP_LINE_GRAPH ? line_graph_of(batch->space, &archs[a])
                                                                 : op_graph_of(batch->space, &archs[a]);
        bool last = l == batch->shape.depth - 1; /* one row an architecture */
        for (int i = 0; i < graph.nodes; i++) {
            if (last && i != graph.readout)
                continue;
            write_row(batch, l, rows, &graph, i, before ? before + a * nodes : NULL);
            uint32_t row = last ? rows : find_row(batch, l, rows);
            after[a * nodes + (size_t)i] = row;
            rows += row == rows;
        }
    }
    batch->sums[l] = (nn_row_sums){.rows = rows, .start = batch->start[l], .index = batch->index[l]};
}

static void build_graph(help_batch *batch, const maple_arch *archs) {
    uint32_t *rows = batch->node_row,
             *other = rows + help_batch_rows(batch->space, &batch->shape, batch->capacity);
    for (size_t l = 0; l < batch->shape.depth; l++)
        build_layer(batch, l, archs, l > 0 ? (l % 2 ? rows : other) : NULL, l % 2 ? other : rows);
}

void help_batch_build(help_batch *batch, const maple_arch *archs, size_t n) {
    batch->n = n;
    if (batch->shape.graph)
        build_graph(batch, archs);
    else
        build_bits(batch, archs);
}
