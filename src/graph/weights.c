/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seeded weights and inputs: a function of (seed, slot, shape) only, so that the same operator has the same
 * numbers in every architecture of a space and an engine can share them.
 *
 * The numbers keep the activations of a deep residual network in a healthy float range: He-normal
 * convolutions keep the variance, batch norms have a scale around one. A batch norm's shift is zero unless
 * its slot carries MAPLE_SLOT_SHIFT (its mean is then beta / scale): only so is "an operator that sees only
 * zeros yields zeros" exact, and the pruned graph agrees with the graph as written to the last digits, not
 * just in structure.
 */
#include "graph/weights.h"

#include <math.h>

/* What a slot's numbers are for; part of the seed, so that a slot may serve a CONV and its batch norm. */
enum { ROLE_WEIGHT = 1, ROLE_BIAS, ROLE_NORM, ROLE_INPUT };

static maple_rng rng_for(uint64_t seed, uint64_t role, uint64_t slot, uint64_t rows, uint64_t columns) {
    uint64_t key[5] = {seed, role, slot, rows, columns};
    return maple_rng_seed(maple_hash(key, sizeof key));
}

static double uniform_between(maple_rng *rng, double low, double high) {
    return low + (high - low) * maple_rng_uniform(rng);
}

/* scale[channels], shift[channels] of one batch norm: gamma / sqrt(var + eps), beta - mean * scale. */
static void norm_weights(uint64_t seed, uint32_t slot, int channels, float *scale, float *shift) {
    const double epsilon = 1e-5;
    maple_rng rng = rng_for(seed, ROLE_NORM, slot, (uint64_t)channels, 1);
    for (int c = 0; c < channels; c++) {
        double gamma = uniform_between(&rng, 0.5, 1.5);
        double variance = uniform_between(&rng, 0.5, 1.5);
        double beta = uniform_between(&rng, -0.1, 0.1);
        double mean = uniform_between(&rng, -0.1, 0.1);
        double factor = gamma / sqrt(variance + epsilon);
        scale[c] = (float)factor;
        shift[c] = slot_has_shift(slot) ? (float)(beta - mean * factor) : 0.0f;
    }
}

/* weight[rows][columns] ~ N(0, gain / columns). */
static void normal_weights(uint64_t seed, uint32_t slot, size_t rows, size_t columns, double gain,
                           float *weight) {
    maple_rng rng = rng_for(seed, ROLE_WEIGHT, slot, rows, columns);
    double deviation = sqrt(gain / (double)columns);
    for (size_t i = 0; i < rows * columns; i++)
        weight[i] = (float)(deviation * maple_rng_normal(&rng));
}

/* Per channel of the output: inputs that contribute to one value. */
static size_t fan_in(const maple_graph *graph, int node) {
    const maple_node *n = &graph->nodes[node];
    size_t channels = (size_t)graph->nodes[n->inputs[0]].shape.channels;
    if (n->op == MAPLE_OP_LINEAR)
        return channels;
    if (n->op == MAPLE_OP_CONV)
        return channels / (size_t)n->groups * (size_t)n->kernel * (size_t)n->kernel;
    return 1;
}

size_t maple_graph_weight_count(const maple_graph *graph, int node) {
    const maple_node *n = &graph->nodes[node];
    if (n->op != MAPLE_OP_CONV && n->op != MAPLE_OP_LINEAR && n->op != MAPLE_OP_BATCH_NORM)
        return 0;
    return (size_t)n->shape.channels * fan_in(graph, node);
}

static maple_status conv_weights(const maple_graph *graph, int node, uint64_t seed, float *weight,
                                 float *bias, maple_error *error) {
    const maple_node *n = &graph->nodes[node];
    size_t channels = (size_t)n->shape.channels, columns = fan_in(graph, node);
    normal_weights(seed, n->weight_slot, channels, columns, 2.0, weight);
    for (size_t c = 0; c < channels; c++)
        bias[c] = 0.0f;
    if (n->norm_slot == 0)
        return MAPLE_OK;
    float *scale = maple_alloc(channels, sizeof *scale);
    if (!scale)
        return maple_error_memory(error);
    norm_weights(seed, n->norm_slot, n->shape.channels, scale, bias);
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < columns; i++)
            weight[c * columns + i] *= scale[c];
    maple_free(scale);
    return MAPLE_OK;
}

maple_status maple_graph_weights(const maple_graph *graph, int node, uint64_t seed, float *weight,
                                 float *bias, maple_error *error) {
    if (node < 0 || node >= graph->n_nodes || maple_graph_weight_count(graph, node) == 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "node %d of a graph of %d has no weights", node,
                               graph->n_nodes);
    const maple_node *n = &graph->nodes[node];
    if (n->op == MAPLE_OP_CONV)
        return conv_weights(graph, node, seed, weight, bias, error);
    if (n->op == MAPLE_OP_BATCH_NORM) {
        norm_weights(seed, n->weight_slot, n->shape.channels, weight, bias);
        return MAPLE_OK;
    }
    size_t outputs = (size_t)n->shape.channels;
    normal_weights(seed, n->weight_slot, outputs, fan_in(graph, node), 1.0, weight);
    maple_rng rng = rng_for(seed, ROLE_BIAS, n->weight_slot, outputs, 1);
    for (size_t i = 0; i < outputs; i++)
        bias[i] = (float)uniform_between(&rng, -0.1, 0.1);
    return MAPLE_OK;
}

void maple_graph_random_input(maple_shape shape, int batch, uint64_t seed, float *nchw) {
    size_t n = maple_shape_elements(shape) * (size_t)batch;
    /* The batch is no part of the seed: image 0 is the same in every batch. */
    maple_rng rng =
        rng_for(seed, ROLE_INPUT, (uint64_t)shape.channels, (uint64_t)shape.height, (uint64_t)shape.width);
    for (size_t i = 0; i < n; i++)
        nchw[i] = (float)maple_rng_normal(&rng);
}
