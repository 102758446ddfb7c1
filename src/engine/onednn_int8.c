/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Int8 networks of engine `onednn`: symmetric quantisation, real value = scale x stored integer. A scale for
 * each tensor of activations, from its largest value on the calibration image; one for each output channel of
 * weights. What a ReLU was fused into is unsigned (0..255), all else signed (-127..127). Sums of products are
 * exact in 32 bits; a primitive brings them to the scale of its result. The logits are float32.
 */
#include "engine/onednn.h"

#include <math.h>

enum { SIGNED_LIMIT = 127, UNSIGNED_LIMIT = 255, WEIGHT_LIMIT = 127, SAFE_WEIGHT_LIMIT = 63 };

/* --- Types and scales of activations --- */

/* Its result is what it read, or an average of it: the same type and scale. */
static bool passes_on(maple_op op) {
    return op == MAPLE_OP_RELU || op == MAPLE_OP_COPY || op == MAPLE_OP_ZERO || op == MAPLE_OP_AVG_POOL ||
           op == MAPLE_OP_GLOBAL_AVG_POOL;
}

/* oneDNN normalises signed integers only. */
static void find_signed(const maple_graph *graph, bool *must_be_signed) {
    for (int i = graph->n_nodes - 1; i >= 0; i--) {
        const maple_node *node = &graph->nodes[i];
        if (node->op == MAPLE_OP_BATCH_NORM || (passes_on(node->op) && must_be_signed[i]))
            must_be_signed[node->inputs[0]] = true;
    }
}

static bool is_unsigned(const maple_graph *graph, int i, const dnnl_data_type_t *type) {
    const maple_node *node = &graph->nodes[i];
    if (node->op == MAPLE_OP_ADD)
        return node->relu || (type[node->inputs[0]] == dnnl_u8 && type[node->inputs[1]] == dnnl_u8);
    return node->op == MAPLE_OP_CONV && node->relu;
}

maple_status onednn_quantise(maple_engine *engine, const maple_graph *graph, dnnl_data_type_t *type,
                             float *scale, maple_error *error) {
    size_t n = (size_t)graph->n_nodes;
    float *largest = maple_alloc(n, sizeof *largest);
    bool *must_be_signed = maple_alloc(n, sizeof *must_be_signed);
    maple_status status = largest && must_be_signed ? engine_calibrate(engine, graph, largest, error)
                                                    : maple_error_memory(error);
    if (status == MAPLE_OK)
        find_signed(graph, must_be_signed);
    for (int i = 0; status == MAPLE_OK && i < graph->n_nodes; i++) {
        const maple_node *node = &graph->nodes[i];
        if (node->op == MAPLE_OP_LINEAR) {
            type[i] = dnnl_f32;
            scale[i] = 1.0f;
            if (i != graph->output)
                status = engine_refuse_node(engine, graph, i, "in int8 only a network's last layer is linear",
                                            error);
        } else if (passes_on(node->op)) {
            type[i] = type[node->inputs[0]];
            scale[i] = scale[node->inputs[0]];
        } else {
            bool whole = !must_be_signed[i] && is_unsigned(graph, i, type);
            type[i] = whole ? dnnl_u8 : dnnl_s8;
            scale[i] = largest[i] > 0.0f ? largest[i] / (whole ? UNSIGNED_LIMIT : SIGNED_LIMIT) : 1.0f;
        }
    }
    maple_free(largest);
    maple_free(must_be_signed);
    return status;
}

/* --- Weights --- */

/* Without VNNI, pairs of products are added in 16 bits, which saturate beyond 2 x 255 x 64: weights have
 * seven bits then. (Not where the source is signed: oneDNN halves the weights of such convolutions itself.)
 */
int onednn_weight_limit(const onednn_engine_state *engine, const onednn_key *key) {
    if (key->op != MAPLE_OP_CONV && key->op != MAPLE_OP_LINEAR)
        return 0;
    if (engine->base.options.dtype != MAPLE_DTYPE_INT8)
        return 0;
    bool safe = !engine->dot_saturates || (key->op == MAPLE_OP_CONV && key->src_type == dnnl_s8);
    return safe ? WEIGHT_LIMIT : SAFE_WEIGHT_LIMIT;
}

float onednn_weight_scale(const engine_weights *raw, int channel, int limit) {
    size_t n = raw->count / (size_t)raw->channels;
    const float *weight = raw->weight + (size_t)channel * n;
    float largest = 0.0f;
    for (size_t i = 0; i < n; i++)
        largest = fabsf(weight[i]) > largest ? fabsf(weight[i]) : largest;
    return largest > 0.0f ? largest / (float)limit : 1.0f;
}

/* --- Primitives --- */

static dnnl_status_t append_relu(dnnl_post_ops_t ops, float factor) {
    return onednn_append_eltwise(ops, factor, dnnl_eltwise_relu, 0.0f, 0.0f);
}

/* What 1 stands for in the scaled products: the scale of what is added next, else that of the result. */
static float product_scale(const onednn_key *key) {
    return key->addend == ONEDNN_BINARY ? key->addend_scale : key->dst_scale;
}

/* Products are in units of source x weight. The result is brought to the scale of what is added next, then to
 * its own. */
static dnnl_status_t weighted_attributes(const onednn_engine_state *engine, onednn_primitive *p,
                                         dnnl_post_ops_t ops, dnnl_primitive_attr_t attributes) {
    const onednn_key *key = &p->key;
    int limit = onednn_weight_limit(engine, key);
    bool binary = key->addend == ONEDNN_BINARY;
    float factor = binary ? key->addend_scale / key->dst_scale : 1.0f;
    float *scales = maple_alloc((size_t)p->raw->channels, sizeof *scales);
    if (!scales)
        return dnnl_out_of_memory;
    for (int c = 0; c < p->raw->channels; c++)
        scales[c] = key->src_scale * onednn_weight_scale(p->raw, c, limit) / product_scale(key);
    dnnl_status_t status = onednn_scale_products(engine->engine, attributes, key->groups > 1 ? 3 : 1,
                                                 p->raw->channels, scales, &p->scales[0]);
    maple_free(scales);
    if (status == dnnl_success && key->addend == ONEDNN_SUM)
        status = onednn_append_sum(ops, key->addend_scale / key->dst_scale, key->addend_type);
    if (status == dnnl_success && binary)
        status = dnnl_post_ops_append_binary(ops, dnnl_binary_add, p->addend);
    if (status == dnnl_success && key->relu)
        status = append_relu(ops, factor);
    else if (status == dnnl_success && binary)
        status = onednn_append_eltwise(ops, 1.0f, dnnl_eltwise_linear, factor, 0.0f);
    return status;
}

dnnl_status_t onednn_int8_attributes(const onednn_engine_state *engine, onednn_primitive *p,
                                     dnnl_post_ops_t ops, dnnl_primitive_attr_t attributes) {
    const onednn_key *key = &p->key;
    if (key->op == MAPLE_OP_CONV || key->op == MAPLE_OP_LINEAR)
        return weighted_attributes(engine, p, ops, attributes);
    if (key->op != MAPLE_OP_ADD)
        return dnnl_success;
    float first = key->src_scale / key->dst_scale, second = key->addend_scale / key->dst_scale;
    dnnl_status_t status =
        onednn_scale_operand(engine->engine, attributes, DNNL_ARG_SRC_0, first, &p->scales[0]);
    if (status == dnnl_success)
        status = onednn_scale_operand(engine->engine, attributes, DNNL_ARG_SRC_1, second, &p->scales[1]);
    if (status == dnnl_success && key->relu)
        status = append_relu(ops, 1.0f);
    return status;
}

/* A bias is in the units of what it is added to; a norm maps stored integers to stored integers. */
dnnl_status_t onednn_int8_bias(const onednn_engine_state *engine, onednn_primitive *out) {
    const onednn_key *key = &out->key;
    const engine_weights *raw = out->raw;
    bool norm = key->op == MAPLE_OP_BATCH_NORM;
    if (!norm && !key->bias && key->op != MAPLE_OP_LINEAR)
        return dnnl_success;
    int limit = onednn_weight_limit(engine, key);
    float *bias = maple_alloc((size_t)raw->channels, sizeof *bias);
    float *factor = maple_alloc((size_t)raw->channels, sizeof *factor);
    for (int c = 0; bias && factor && c < raw->channels; c++) {
        float unit = norm                    ? key->dst_scale
                     : ONEDNN_BIAS_IS_SCALED ? product_scale(key)
                                             : key->src_scale * onednn_weight_scale(raw, c, limit);
        bias[c] = raw->bias[c] / unit;
        if (norm)
            factor[c] = raw->weight[c] * key->src_scale / key->dst_scale;
    }
    dnnl_status_t status = dnnl_out_of_memory;
    if (bias && factor)
        status = onednn_create_vector(engine, raw->channels, bias, 0.0f, &out->bias);
    if (status == dnnl_success && norm)
        status = onednn_create_vector(engine, raw->channels, factor, 0.0f, &out->factor);
    maple_free(bias);
    maple_free(factor);
    return status;
}
