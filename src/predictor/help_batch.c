/* SPDX-License-Identifier: Apache-2.0 */
/* HELP's networks for a space, and which rows a batch of architectures needs in each layer. */
#include "predictor/help_net.h"
#include "space/space_vtable.h"

#include <string.h>

enum { GRAPH_DEPTH = 4, BITS_DEPTH = 2, MAX_NODES = 32, BITS_AN_OP = 4, MAX_KEYED = 14 };

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
    bool use_graph = graph && !bits && space->positions <= MAX_KEYED && graph->nodes <= MAX_NODES;
    return (help_shape){.tokens = use_graph ? (size_t)graph->types : maple_space_bit_count(space),
                        .depth = use_graph ? GRAPH_DEPTH : BITS_DEPTH,
                        .graph = use_graph,
                        .width = width,
                        .embedding = maple_space_references(space)};
}

size_t help_batch_rows(const maple_space *space, const help_shape *shape, size_t n) {
    return shape->graph ? n * (size_t)space->line_graph->nodes : n;
}

/* Most terms of the sums of one layer. */
static size_t most_terms(const maple_space *space, const help_shape *shape, size_t n) {
    if (!shape->graph)
        return n * MAPLE_MAX_ARCH_BITS;
    size_t terms = 0;
    for (int i = 0; i < space->line_graph->nodes; i++)
        terms += (size_t)__builtin_popcount(space->line_graph->inputs[i]);
    return n * terms;
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
        batch->key = maple_alloc(batch->slots, sizeof *batch->key);
        batch->row = maple_alloc(batch->slots, sizeof *batch->row);
        batch->node_row = maple_alloc(2 * rows, sizeof *batch->node_row);
        fine = fine && batch->key && batch->row && batch->node_row;
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
    maple_free(batch->key);
    maple_free(batch->row);
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

static uint64_t pack(const maple_space *space, const maple_arch *arch) {
    uint64_t packed = 0;
    for (int i = 0; i < space->positions; i++)
        packed |= (uint64_t)arch->op[i] << (BITS_AN_OP * i);
    return packed;
}

/* mask[node]: the bits of `pack` that the node's row depends on, one layer after before[node]. */
static void widen(const maple_line_graph *graph, const uint64_t *before, uint64_t *mask) {
    for (int i = 0; i < graph->nodes; i++) {
        mask[i] = 0;
        for (int j = 0; j < graph->nodes; j++)
            mask[i] |= graph->inputs[i] >> j & 1 ? before[j] : 0;
    }
}

/* The row of a key in the layer that is being built; *fresh: there was none, it is now `next`. */
static uint32_t find_row(help_batch *batch, uint64_t key, uint32_t next, bool *fresh) {
    size_t slot = (size_t)(key * 0x9e3779b97f4a7c15u >> 20) & (batch->slots - 1);
    while (batch->row[slot] && batch->key[slot] != key)
        slot = (slot + 1) & (batch->slots - 1);
    *fresh = !batch->row[slot];
    if (*fresh) {
        batch->key[slot] = key;
        batch->row[slot] = next + 1;
    }
    return batch->row[slot] - 1;
}

/* Appends a row of layer l: the rows (or, first, the types) of the nodes that feed it. */
static void add_row(help_batch *batch, size_t l, size_t row, int node, const maple_arch *arch,
                    const uint32_t *before) {
    const maple_line_graph *graph = batch->space->line_graph;
    uint32_t at = batch->start[l][row];
    for (int j = 0; j < graph->nodes; j++) {
        if (!(graph->inputs[node] >> j & 1))
            continue;
        int type = graph->position[j] >= 0 ? arch->op[graph->position[j]] : graph->fixed[j];
        batch->index[l][at++] = l == 0 ? (uint32_t)type : before[j];
    }
    batch->start[l][row + 1] = at;
}

static void build_layer(help_batch *batch, size_t l, const maple_arch *archs, const uint64_t *mask,
                        const uint32_t *before, uint32_t *after) {
    const maple_line_graph *graph = batch->space->line_graph;
    size_t nodes = (size_t)graph->nodes;
    uint32_t rows = 0;
    memset(batch->row, 0, batch->slots * sizeof *batch->row);
    for (size_t a = 0; a < batch->n; a++) {
        uint64_t packed = pack(batch->space, &archs[a]);
        for (int i = 0; i < graph->nodes; i++) {
            bool fresh, last = l == batch->shape.depth - 1;
            if (last && i != graph->readout)
                continue;
            uint64_t key = (packed & mask[i]) | (uint64_t)(i + 1) << (BITS_AN_OP * MAX_KEYED);
            uint32_t row = last ? (uint32_t)a : find_row(batch, key, rows, &fresh);
            after[a * nodes + (size_t)i] = row;
            if (last || fresh)
                add_row(batch, l, rows++, i, &archs[a], before ? before + a * nodes : NULL);
        }
    }
    batch->sums[l] = (nn_row_sums){.rows = rows, .start = batch->start[l], .index = batch->index[l]};
}

static void build_graph(help_batch *batch, const maple_arch *archs) {
    const maple_line_graph *graph = batch->space->line_graph;
    uint32_t *rows = batch->node_row, *other = rows + batch->capacity * (size_t)graph->nodes;
    uint64_t mask[MAX_NODES], before[MAX_NODES];
    for (int i = 0; i < graph->nodes; i++)
        before[i] = graph->position[i] >= 0 ? (uint64_t)0xf << (BITS_AN_OP * graph->position[i]) : 0;
    for (size_t l = 0; l < batch->shape.depth; l++) {
        widen(graph, before, mask);
        build_layer(batch, l, archs, mask, l > 0 ? (l % 2 ? rows : other) : NULL, l % 2 ? other : rows);
        memcpy(before, mask, sizeof mask);
    }
}

void help_batch_build(help_batch *batch, const maple_arch *archs, size_t n) {
    batch->n = n;
    if (batch->shape.graph)
        build_graph(batch, archs);
    else
        build_bits(batch, archs);
}
