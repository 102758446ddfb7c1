/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made with oneDNN: memory layouts, primitives, weights; and its ISA. Activations are blocked by
 * channels (nChw8c, nChw16c on AVX-512), weights have the layout that the primitive asks for; with other
 * layouts the library falls back to kernels that are 10 to 100 times slower.
 */
#include "engine/onednn.h"

#include <stdio.h>
#include <string.h>

dnnl_status_t onednn_layout(const onednn_engine_state *engine, maple_shape shape, onednn_order order,
                            dnnl_data_type_t type, onednn_desc *out) {
    dnnl_dims_t dims = {engine->base.options.batch, shape.channels, shape.height, shape.width};
    dnnl_format_tag_t tag = engine->block == 16 ? dnnl_nChw16c : dnnl_nChw8c;
    if (order != ONEDNN_BLOCKED)
        tag = order == ONEDNN_PLAIN ? dnnl_nchw : dnnl_nhwc;
    return onednn_desc_create(out, 4, dims, type, tag);
}

bool onednn_is_dense(const onednn_engine_state *engine, maple_shape shape, onednn_order order) {
    return shape.height == 1 && shape.width == 1 &&
           (order != ONEDNN_BLOCKED || shape.channels % engine->block == 0);
}

static dnnl_status_t matrix_layout(dnnl_dim_t rows, dnnl_dim_t columns, dnnl_data_type_t type,
                                   dnnl_format_tag_t tag, onednn_desc *out) {
    dnnl_dims_t dims = {rows, columns};
    return onednn_desc_create(out, 2, dims, type, tag);
}

static dnnl_status_t vector_layout(dnnl_dim_t n, onednn_desc *out) {
    dnnl_dims_t dims = {n};
    return onednn_desc_create(out, 1, dims, dnnl_f32, dnnl_x);
}

/* Of the weights beside a source. */
static dnnl_data_type_t weight_type(const onednn_key *key) {
    bool int8 = key->src_type == dnnl_s8 || key->src_type == dnnl_u8;
    return int8 ? dnnl_s8 : key->src_type;
}

/* [cout][cin][k][k], or [groups][cout / groups][cin / groups][k][k]; as the primitive wants
 * them, or as they are given (float32, in this order). */
static dnnl_status_t conv_weight_layout(const onednn_key *key, bool any, onednn_desc *out) {
    dnnl_data_type_t type = any ? weight_type(key) : dnnl_f32;
    dnnl_dim_t k = key->kernel, g = key->groups, cout = key->out.channels / g, cin = key->in.channels / g;
    if (g == 1) {
        dnnl_dims_t dims = {cout, cin, k, k};
        return onednn_desc_create(out, 4, dims, type, any ? dnnl_format_tag_any : dnnl_oihw);
    }
    dnnl_dims_t dims = {g, cout, cin, k, k};
    return onednn_desc_create(out, 5, dims, type, any ? dnnl_format_tag_any : dnnl_goihw);
}

/* Addend, then ReLU, after the primitive's own result (and bias). */
static dnnl_status_t append_operations(const onednn_primitive *p, dnnl_post_ops_t ops) {
    dnnl_status_t status = dnnl_success;
    if (p->key.addend == ONEDNN_SUM)
        status = onednn_append_sum(ops, 1.0f, dnnl_data_type_undef);
    if (status == dnnl_success && p->key.addend == ONEDNN_BINARY)
        status = dnnl_post_ops_append_binary(ops, dnnl_binary_add, p->addend);
    if (status == dnnl_success && p->key.relu && p->key.op != MAPLE_OP_BATCH_NORM)
        status = onednn_append_eltwise(ops, 1.0f, dnnl_eltwise_relu, 0.0f, 0.0f);
    return status;
}

static dnnl_status_t create_attributes(const onednn_engine_state *engine, onednn_primitive *p,
                                       dnnl_primitive_attr_t *out) {
    dnnl_post_ops_t ops = NULL;
    dnnl_status_t status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_create(out);
    if (status == dnnl_success)
        status = engine->base.options.dtype == MAPLE_DTYPE_INT8 ? onednn_int8_attributes(engine, p, ops, *out)
                                                                : append_operations(p, ops);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(*out, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

/* A primitive descriptor that is being made. */
typedef struct description {
    dnnl_engine_t engine;
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_t *out;
} description;

static dnnl_status_t describe_conv(const onednn_primitive *p, const description *d) {
    const onednn_key *key = &p->key;
    const maple_node node = {.kernel = key->kernel, .stride = key->stride, .pad = key->pad};
    dnnl_dims_t strides = {key->stride, key->stride}, begin = {key->pad, key->pad};
    dnnl_dims_t end = {engine_pad_end(&node, key->in.height, key->out.height),
                       engine_pad_end(&node, key->in.width, key->out.width)};
    onednn_desc weights = NULL, bias = NULL;
    dnnl_status_t status = conv_weight_layout(key, true, &weights);
    if (status == dnnl_success && key->bias)
        status = vector_layout(key->out.channels, &bias);
    if (status == dnnl_success)
        status = onednn_conv_descriptor(d->out, d->engine, p->src, weights, bias, p->dst, strides, begin, end,
                                        d->attributes);
    onednn_desc_destroy(weights);
    onednn_desc_destroy(bias);
    return status;
}

static dnnl_status_t describe_linear(const onednn_primitive *p, const description *d) {
    dnnl_dim_t in = p->key.in.channels, out = p->key.out.channels;
    onednn_desc weights = NULL, bias = NULL;
    dnnl_status_t status = matrix_layout(out, in, weight_type(&p->key), dnnl_format_tag_any, &weights);
    if (status == dnnl_success)
        status = vector_layout(out, &bias);
    if (status == dnnl_success)
        status = onednn_linear_descriptor(d->out, d->engine, p->src, weights, bias, p->dst, d->attributes);
    onednn_desc_destroy(weights);
    onednn_desc_destroy(bias);
    return status;
}

static dnnl_status_t describe_pool(const onednn_primitive *p, const description *d) {
    const onednn_key *key = &p->key;
    maple_node node = {.kernel = key->kernel, .stride = key->stride, .pad = key->pad};
    dnnl_dims_t strides = {key->stride, key->stride}, kernel = {key->kernel, key->kernel};
    if (key->op == MAPLE_OP_GLOBAL_AVG_POOL) {
        strides[0] = strides[1] = node.stride = 1;
        kernel[0] = key->in.height;
        kernel[1] = key->in.width;
    }
    dnnl_dims_t begin = {key->pad, key->pad}, end = {0, 0};
    if (key->op == MAPLE_OP_AVG_POOL) {
        end[0] = engine_pad_end(&node, key->in.height, key->out.height);
        end[1] = engine_pad_end(&node, key->in.width, key->out.width);
    }
    return onednn_avg_pool_descriptor(d->out, d->engine, p->src, p->dst, strides, kernel, begin, end,
                                      d->attributes);
}

static dnnl_status_t describe(const onednn_primitive *p, const description *d) {
    unsigned norm_flags = dnnl_use_global_stats | dnnl_use_scale | dnnl_use_shift |
                          (p->key.relu ? (unsigned)dnnl_fuse_norm_relu : 0);
    switch (p->key.op) {
    case MAPLE_OP_CONV:
        return describe_conv(p, d);
    case MAPLE_OP_LINEAR:
        return describe_linear(p, d);
    case MAPLE_OP_BATCH_NORM:
        return onednn_norm_descriptor(d->out, d->engine, p->src, p->dst, norm_flags, d->attributes);
    case MAPLE_OP_AVG_POOL:
    case MAPLE_OP_GLOBAL_AVG_POOL:
        return describe_pool(p, d);
    case MAPLE_OP_RELU:
        return onednn_eltwise_descriptor(d->out, d->engine, dnnl_eltwise_relu, p->src, p->dst, 0.0f,
                                         d->attributes);
    case MAPLE_OP_ZERO:
    case MAPLE_OP_COPY:
        return onednn_eltwise_descriptor(d->out, d->engine, dnnl_eltwise_linear, p->src, p->dst,
                                         p->key.op == MAPLE_OP_COPY ? 1.0f : 0.0f, d->attributes);
    case MAPLE_OP_ADD:
        if (p->key.plain_sum)
            return onednn_sum_descriptor(d->out, d->engine, p->src, p->addend, p->dst, d->attributes);
        return onednn_add_descriptor(d->out, d->engine, p->src, p->addend, p->dst, d->attributes);
    default:
        return dnnl_unimplemented;
    }
}

/* Of source, result and addend. Those of LINEAR are matrices: the caller sees to it that they are dense. */
static dnnl_status_t describe_activations(const onednn_engine_state *engine, onednn_primitive *p) {
    const onednn_key *key = &p->key;
    dnnl_dim_t batch = engine->base.options.batch;
    bool matrix = key->op == MAPLE_OP_LINEAR;
    dnnl_status_t status = matrix ? matrix_layout(batch, key->in.channels, key->src_type, dnnl_ab, &p->src)
                                  : onednn_layout(engine, key->in, key->src, key->src_type, &p->src);
    if (status == dnnl_success)
        status = matrix ? matrix_layout(batch, key->out.channels, key->dst_type, dnnl_ab, &p->dst)
                        : onednn_layout(engine, key->out, key->dst, key->dst_type, &p->dst);
    if (status == dnnl_success && key->addend_type != dnnl_data_type_undef)
        status = onednn_layout(engine, key->out, key->dst, key->addend_type, &p->addend);
    return status;
}

/* What it takes besides its results: generated code, which oneDNN does not tell, and scratch memory. */
static size_t bytes_of(const_dnnl_primitive_desc_t descriptor) {
    enum { CODE_BYTES = 32768 };
    const_onednn_desc scratch = dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
    int64_t own = 0;
    dnnl_primitive_desc_query(descriptor, dnnl_query_memory_consumption_s64, 0, &own);
    return CODE_BYTES + (size_t)own + (scratch ? dnnl_memory_desc_get_size(scratch) : 0);
}

static dnnl_status_t finish_primitive(const onednn_engine_state *engine,
                                      const_dnnl_primitive_desc_t descriptor, onednn_primitive *out) {
    const char *name = NULL;
    dnnl_status_t status = dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, (void *)&name);
    snprintf(out->implementation, sizeof out->implementation, "%s", name ? name : "unknown");
    if (status == dnnl_success && strncmp(out->implementation, "ref", 3) == 0)
        return status;
    if (status == dnnl_success && (out->key.op == MAPLE_OP_CONV || out->key.op == MAPLE_OP_LINEAR))
        status = onednn_desc_clone(&out->weights,
                                   dnnl_primitive_desc_query_md(descriptor, dnnl_query_weights_md, 0));
    out->bytes = bytes_of(descriptor);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&out->primitive, descriptor);
    if (status == dnnl_success && engine->base.options.dtype == MAPLE_DTYPE_INT8)
        status = onednn_int8_bias(engine, out);
    return status;
}

dnnl_status_t onednn_create_primitive(const onednn_engine_state *engine, onednn_primitive *out) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t descriptor = NULL;
    dnnl_status_t status = describe_activations(engine, out);
    if (status == dnnl_success)
        status = create_attributes(engine, out, &attributes);
    const description d = {engine->engine, attributes, &descriptor};
    if (status == dnnl_success)
        status = describe(out, &d);
    if (status == dnnl_success)
        status = finish_primitive(engine, descriptor, out);
    dnnl_primitive_desc_destroy(descriptor);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

dnnl_status_t onednn_copy(const onednn_engine_state *engine, dnnl_memory_t src, dnnl_memory_t dst,
                          const float *scales, int n, int mask) {
    const_onednn_desc from = NULL, to = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t descriptor = NULL;
    dnnl_primitive_t reorder = NULL;
    onednn_scale scale = {0};
    dnnl_status_t status = dnnl_memory_get_memory_desc(src, &from);
    if (status == dnnl_success)
        status = dnnl_memory_get_memory_desc(dst, &to);
    if (status == dnnl_success && n > 0)
        status = dnnl_primitive_attr_create(&attributes);
    if (status == dnnl_success && n > 0)
        status = onednn_scale_copy(engine->engine, attributes, mask, n, scales, &scale);
    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(&descriptor, from, engine->engine, to, engine->engine,
                                                    attributes);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&reorder, descriptor);
    dnnl_exec_arg_t arguments[3] = {{DNNL_ARG_FROM, src}, {DNNL_ARG_TO, dst}, {scale.argument, scale.memory}};
    if (status == dnnl_success)
        status = dnnl_primitive_execute(reorder, engine->stream, scale.memory ? 3 : 2, arguments);
    if (status == dnnl_success)
        status = dnnl_stream_wait(engine->stream);
    dnnl_primitive_destroy(reorder);
    dnnl_memory_destroy(scale.memory);
    dnnl_primitive_desc_destroy(descriptor);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

/* A new memory of `layout` with `values` in layout `given`; in int8 divided by the scales of their channels.
 */
static dnnl_status_t import_weights(const onednn_engine_state *engine, const onednn_key *key,
                                    const engine_weights *raw, const_onednn_desc given,
                                    const_onednn_desc layout, dnnl_memory_t *out) {
    int limit = onednn_weight_limit(engine, key), n = limit > 0 ? raw->channels : 0;
    float *factors = maple_alloc((size_t)raw->channels, sizeof *factors);
    if (!factors)
        return dnnl_out_of_memory;
    for (int c = 0; c < n; c++)
        factors[c] = 1.0f / onednn_weight_scale(raw, c, limit);
    dnnl_memory_t source = NULL;
    dnnl_status_t status = dnnl_memory_create(&source, given, engine->engine, raw->weight);
    if (status == dnnl_success)
        status = dnnl_memory_create(out, layout, engine->engine, DNNL_MEMORY_ALLOCATE);
    if (status == dnnl_success)
        status = onednn_copy(engine, source, *out, factors, n, key->groups > 1 ? 3 : 1);
    dnnl_memory_destroy(source);
    maple_free(factors);
    return status;
}

dnnl_status_t onednn_create_vector(const onednn_engine_state *engine, dnnl_dim_t n, const float *values,
                                   float constant, dnnl_memory_t *out) {
    onednn_desc layout = NULL;
    void *data = NULL;
    dnnl_status_t status = vector_layout(n, &layout);
    if (status == dnnl_success)
        status = dnnl_memory_create(out, layout, engine->engine, DNNL_MEMORY_ALLOCATE);
    if (status == dnnl_success)
        status = dnnl_memory_get_data_handle(*out, &data);
    for (dnnl_dim_t i = 0; status == dnnl_success && i < n; i++)
        ((float *)data)[i] = values ? values[i] : constant;
    onednn_desc_destroy(layout);
    return status;
}

dnnl_status_t onednn_create_weights(const onednn_engine_state *engine, const onednn_primitive *primitive,
                                    onednn_weights *out) {
    const onednn_key *key = &primitive->key;
    const engine_weights *raw = out->raw;
    dnnl_dim_t channels = raw->channels;
    dnnl_status_t status = onednn_create_vector(engine, channels, raw->bias, 0.0f, &out->bias);
    if (status == dnnl_success && key->op == MAPLE_OP_BATCH_NORM) {
        status = onednn_create_vector(engine, channels, raw->weight, 0.0f, &out->weight);
        if (status == dnnl_success)
            status = onednn_create_vector(engine, channels, NULL, 0.0f, &out->mean);
        if (status == dnnl_success)
            status = onednn_create_vector(engine, channels, NULL, 1.0f, &out->variance);
        return status;
    }
    onednn_desc given = NULL;
    if (status == dnnl_success)
        status = key->op == MAPLE_OP_CONV
                     ? conv_weight_layout(key, false, &given)
                     : matrix_layout(channels, key->in.channels, dnnl_f32, dnnl_ab, &given);
    if (status == dnnl_success)
        status = import_weights(engine, key, raw, given, primitive->weights, &out->weight);
    onednn_desc_destroy(given);
    return status;
}

/* --- ISA --- */

static const struct {
    const char *name;
    dnnl_cpu_isa_t isa;
} isas[] = {{"amx", dnnl_cpu_isa_avx512_core_amx},
            {"avx512_bf16", dnnl_cpu_isa_avx512_core_bf16},
            {"avx512_vnni", dnnl_cpu_isa_avx512_core_vnni},
            {"avx512", dnnl_cpu_isa_avx512_core},
            {"avx2_vnni", dnnl_cpu_isa_avx2_vnni},
            {"avx2", dnnl_cpu_isa_avx2},
            {"avx", dnnl_cpu_isa_avx},
            {"sse41", dnnl_cpu_isa_sse41}};

const char *onednn_effective_isa(maple_engine_dtype dtype) {
    unsigned effective = (unsigned)dnnl_get_effective_cpu_isa();
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
        if ((effective & (unsigned)isas[i].isa) == (unsigned)isas[i].isa &&
            maple_engine_isa_serves(isas[i].name, dtype))
            return isas[i].name;
    return "generic";
}

void onednn_cap_isa(const char *isa) {
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
        if (strcmp(isas[i].name, isa) == 0)
            dnnl_set_max_cpu_isa(isas[i].isa);
}
