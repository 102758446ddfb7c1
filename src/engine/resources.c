/* SPDX-License-Identifier: Apache-2.0 */
/* What the networks of an engine share: weights by slot, activation buffers, names of implementations. */
#include "engine/engine_vtable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void weights_free(engine_weights *weights) {
    if (!weights)
        return;
    maple_free(weights->weight);
    maple_free(weights->bias);
    maple_free(weights);
}

static maple_status weights_create(uint64_t seed, const maple_graph *graph, int node, engine_weights **out,
                                   maple_error *error) {
    engine_weights *weights = maple_alloc(1, sizeof *weights);
    if (!weights)
        return maple_error_memory(error);
    weights->count = maple_graph_weight_count(graph, node);
    weights->channels = graph->nodes[node].shape.channels;
    weights->weight = maple_alloc_aligned(weights->count, sizeof(float));
    weights->bias = maple_alloc_aligned((size_t)weights->channels, sizeof(float));
    maple_status status = MAPLE_OK;
    if (!weights->weight || !weights->bias)
        status = maple_error_memory(error);
    else
        status = maple_graph_weights(graph, node, seed, weights->weight, weights->bias, error);
    if (status != MAPLE_OK) {
        weights_free(weights);
        return status;
    }
    *out = weights;
    return MAPLE_OK;
}

maple_status engine_weights_get(maple_engine *engine, const maple_graph *graph, int node,
                                const engine_weights **out, maple_error *error) {
    const maple_node *n = &graph->nodes[node];
    uint64_t key[4] = {(uint64_t)n->op, ((uint64_t)n->weight_slot << 32) | n->norm_slot,
                       (uint64_t)maple_graph_weight_count(graph, node), (uint64_t)n->shape.channels};
    for (size_t i = 0; i < engine->n_weights; i++) {
        if (memcmp(engine->weights[i]->key, key, sizeof key) == 0) {
            *out = engine->weights[i];
            return MAPLE_OK;
        }
    }
    engine_weights **grown = maple_resize(engine->weights, engine->n_weights + 1, sizeof *grown);
    if (!grown)
        return maple_error_memory(error);
    engine->weights = grown;
    maple_status status =
        weights_create(engine->options.weight_seed, graph, node, &grown[engine->n_weights], error);
    if (status != MAPLE_OK)
        return status;
    memcpy(grown[engine->n_weights]->key, key, sizeof key);
    *out = grown[engine->n_weights++];
    return MAPLE_OK;
}

/* --- Activation buffers --- */

typedef struct pool_state {
    int *last_reader; /* of each node; itself where nobody reads it */
    int *buffer;      /* of each node: index in the pool, -1: the network's own */
    int *released_at; /* of each buffer: node after which it became free; IN_USE while it is not */
    size_t n_buffers;
} pool_state;

enum { IN_USE = -2, NEVER_USED = -1 };

static void pool_state_free(pool_state *state) {
    maple_free(state->last_reader);
    maple_free(state->buffer);
    maple_free(state->released_at);
}

static maple_status pool_state_init(const maple_engine *engine, const maple_graph *graph, pool_state *state,
                                    maple_error *error) {
    size_t n = (size_t)graph->n_nodes;
    *state = (pool_state){.last_reader = maple_alloc(n, sizeof(int)),
                          .buffer = maple_alloc(n, sizeof(int)),
                          .released_at = maple_alloc(engine->n_buffers + n, sizeof(int)),
                          .n_buffers = engine->n_buffers};
    if (!state->last_reader || !state->buffer || !state->released_at) {
        pool_state_free(state);
        return maple_error_memory(error);
    }
    for (size_t b = 0; b < engine->n_buffers + n; b++)
        state->released_at[b] = NEVER_USED;
    for (int i = 0; i < graph->n_nodes; i++) {
        state->last_reader[i] = i;
        for (int k = 0; k < graph->nodes[i].n_inputs; k++)
            state->last_reader[graph->nodes[i].inputs[k]] = i;
    }
    return MAPLE_OK;
}

/* A free buffer of this size, the most recently released first (it is warm in the cache); a new one where
 * none is. */
static int take_buffer(maple_engine *engine, pool_state *state, size_t bytes) {
    int best = -1;
    for (size_t b = 0; b < engine->n_buffers; b++)
        if (engine->buffers[b].bytes == bytes && state->released_at[b] != IN_USE &&
            (best < 0 || state->released_at[b] > state->released_at[best]))
            best = (int)b;
    if (best < 0) {
        engine_buffer *grown = maple_resize(engine->buffers, engine->n_buffers + 1, sizeof *grown);
        if (!grown)
            return -1;
        engine->buffers = grown;
        float *data = maple_alloc_aligned(bytes, 1);
        if (!data)
            return -1;
        best = (int)engine->n_buffers++;
        grown[best] = (engine_buffer){.bytes = bytes, .data = data};
    }
    state->released_at[best] = IN_USE;
    return best;
}

static bool writes_in_place(const maple_graph *graph, const pool_state *state, const size_t *bytes,
                            int node) {
    const maple_node *n = &graph->nodes[node];
    if (n->op != MAPLE_OP_CONV || n->n_inputs != 2 || node == graph->output)
        return false;
    int addend = n->inputs[1];
    return addend != n->inputs[0] && state->buffer[addend] >= 0 && state->last_reader[addend] == node &&
           bytes[addend] == bytes[node];
}

maple_status engine_plan_buffers(maple_engine *engine, const maple_graph *graph, const size_t *bytes,
                                 bool in_place, float *const own[2], float **out, size_t *pooled,
                                 maple_error *error) {
    pool_state state;
    maple_status status = pool_state_init(engine, graph, &state, error);
    if (status != MAPLE_OK)
        return status;
    for (int i = 0; i < graph->n_nodes; i++) {
        const maple_node *node = &graph->nodes[i];
        bool inherits = in_place && writes_in_place(graph, &state, bytes, i);
        if (i == graph->output || node->op == MAPLE_OP_INPUT) {
            out[i] = own[i == graph->output];
            state.buffer[i] = -1;
        } else {
            state.buffer[i] =
                inherits ? state.buffer[node->inputs[1]] : take_buffer(engine, &state, bytes[i]);
            if (state.buffer[i] < 0) {
                status = maple_error_memory(error);
                goto done;
            }
            out[i] = engine->buffers[state.buffer[i]].data;
            if (state.last_reader[i] == i)
                state.released_at[state.buffer[i]] = i;
        }
        for (int k = 0; k < node->n_inputs; k++) {
            int input = node->inputs[k];
            if (state.last_reader[input] == i && state.buffer[input] >= 0 &&
                state.buffer[input] != state.buffer[i])
                state.released_at[state.buffer[input]] = i;
        }
    }
    for (size_t b = 0; pooled && b < engine->n_buffers; b++)
        *pooled += state.released_at[b] != NEVER_USED ? engine->buffers[b].bytes : 0;
done:
    pool_state_free(&state);
    return status;
}

void engine_resources_free(maple_engine *engine) {
    for (size_t i = 0; i < engine->n_weights; i++)
        weights_free(engine->weights[i]);
    for (size_t i = 0; i < engine->n_buffers; i++)
        maple_free(engine->buffers[i].data);
    maple_free(engine->weights);
    maple_free(engine->buffers);
    engine->weights = NULL;
    engine->buffers = NULL;
    engine->n_weights = engine->n_buffers = 0;
}

/* --- Implementations --- */

void engine_implementations_add(engine_implementations *set, maple_op op, const char *implementation) {
    char name[sizeof set->names[0]];
    snprintf(name, sizeof name, "%s=%s", maple_op_name(op), implementation);
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->names[i], name) == 0)
            return;
    if (set->n < sizeof set->names / sizeof *set->names)
        memcpy(set->names[set->n++], name, sizeof name);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(a, b);
}

maple_status engine_implementations_join(engine_implementations *set, maple_network *network,
                                         maple_error *error) {
    qsort(set->names, set->n, sizeof set->names[0], compare_names);
    maple_text text = {0};
    maple_text_add(&text, "");
    for (size_t i = 0; i < set->n; i++)
        maple_text_addf(&text, "%s%s", i ? " " : "", set->names[i]);
    if (text.failed) {
        maple_text_free(&text);
        return maple_error_memory(error);
    }
    network->implementations = text.data;
    return MAPLE_OK;
}

maple_status engine_refuse_node(const maple_engine *engine, const maple_graph *graph, int node,
                                const char *why, maple_error *error) {
    const maple_node *n = &graph->nodes[node];
    const maple_shape *in = n->n_inputs > 0 ? &graph->nodes[n->inputs[0]].shape : &n->shape;
    return maple_error_set(
        error, MAPLE_UNSUPPORTED,
        "engine %s: node %d, %s of %dx%dx%d to %dx%dx%d (kernel %d, stride %d, groups %d): %s",
        engine->ops->info.name, node, maple_op_name(n->op), in->channels, in->height, in->width,
        n->shape.channels, n->shape.height, n->shape.width, n->kernel, n->stride, n->groups, why);
}
