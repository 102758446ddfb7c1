/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the C APIs of oneDNN 2.x and 3.x differ, in one form for both. Descriptors of memory are pointers
 * here, made by onednn_desc_create and destroyed by their owner (in 2.x they are structs, in 3.x opaque);
 * a primitive descriptor is made in one call; scales for int8 are given by onednn_set_scales (values in the
 * attributes in 2.x, memories passed at execution in 3.x). Arguments are the library's unless said.
 */
#ifndef MAPLE_ENGINE_ONEDNN_API_H
#define MAPLE_ENGINE_ONEDNN_API_H

#include "maple/base.h"

#include <oneapi/dnnl/dnnl.h>
#include <string.h>

#if DNNL_VERSION_MAJOR < 2 || DNNL_VERSION_MAJOR > 3
#error "MAPLE's oneDNN engine knows the C API of oneDNN 2.x and 3.x. Configure with -DMAPLE_ONEDNN=OFF."
#endif

/* A scale that an execution passes besides its other arguments; memory NULL: it needs none. */
typedef struct onednn_scale {
    int argument;
    dnnl_memory_t memory;
} onednn_scale;

#if DNNL_VERSION_MAJOR == 2

/* A bias is added to the sums of products before they are scaled. */
enum { ONEDNN_BIAS_IS_SCALED = 0 };

typedef dnnl_memory_desc_t *onednn_desc;
typedef const dnnl_memory_desc_t *const_onednn_desc;

static inline void onednn_desc_destroy(onednn_desc desc) {
    maple_free(desc);
}

/* A new descriptor; *out is NULL where it fails. */
static inline dnnl_status_t onednn_desc_create(onednn_desc *out, int n, const dnnl_dims_t dims,
                                               dnnl_data_type_t type, dnnl_format_tag_t tag) {
    *out = maple_alloc(1, sizeof **out);
    if (!*out)
        return dnnl_out_of_memory;
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(*out, n, dims, type, tag);
    if (status != dnnl_success) {
        maple_free(*out);
        *out = NULL;
    }
    return status;
}

static inline dnnl_status_t onednn_desc_clone(onednn_desc *out, const_onednn_desc desc) {
    *out = maple_alloc(1, sizeof **out);
    if (!*out)
        return dnnl_out_of_memory;
    **out = *desc;
    return dnnl_success;
}

static inline int onednn_desc_rank(const_onednn_desc desc) {
    return desc->ndims;
}

/* type: of the addend, as which dst is read; undef: dst's own. */
static inline dnnl_status_t onednn_append_sum(dnnl_post_ops_t ops, float scale, dnnl_data_type_t type) {
    return dnnl_post_ops_append_sum_v2(ops, scale, type);
}

/* scale x f(value) */
static inline dnnl_status_t onednn_append_eltwise(dnnl_post_ops_t ops, float scale, dnnl_alg_kind_t f,
                                                  float alpha, float beta) {
    return dnnl_post_ops_append_eltwise(ops, scale, f, alpha, beta);
}

static inline dnnl_status_t onednn_conv_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                   const_onednn_desc src, const_onednn_desc weights,
                                                   const_onednn_desc bias, const_onednn_desc dst,
                                                   const dnnl_dims_t strides, const dnnl_dims_t begin,
                                                   const dnnl_dims_t end, dnnl_primitive_attr_t attributes) {
    dnnl_convolution_desc_t op;
    dnnl_status_t status = dnnl_convolution_forward_desc_init(
        &op, dnnl_forward_inference, dnnl_convolution_direct, src, weights, bias, dst, strides, begin, end);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &op, attributes, engine, NULL) : status;
}

static inline dnnl_status_t onednn_linear_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                     const_onednn_desc src, const_onednn_desc weights,
                                                     const_onednn_desc bias, const_onednn_desc dst,
                                                     dnnl_primitive_attr_t attributes) {
    dnnl_inner_product_desc_t op;
    dnnl_status_t status =
        dnnl_inner_product_forward_desc_init(&op, dnnl_forward_inference, src, weights, bias, dst);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &op, attributes, engine, NULL) : status;
}

static inline dnnl_status_t onednn_norm_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                   const_onednn_desc src, const_onednn_desc dst,
                                                   unsigned flags, dnnl_primitive_attr_t attributes) {
    dnnl_batch_normalization_desc_t op;
    (void)dst; /* the same as src */
    dnnl_status_t status =
        dnnl_batch_normalization_forward_desc_init(&op, dnnl_forward_inference, src, 0.0f, flags);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &op, attributes, engine, NULL) : status;
}

static inline dnnl_status_t onednn_avg_pool_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                       const_onednn_desc src, const_onednn_desc dst,
                                                       const dnnl_dims_t strides, const dnnl_dims_t kernel,
                                                       const dnnl_dims_t begin, const dnnl_dims_t end,
                                                       dnnl_primitive_attr_t attributes) {
    dnnl_pooling_desc_t op;
    dnnl_status_t status = dnnl_pooling_forward_desc_init(
        &op, dnnl_forward_inference, dnnl_pooling_avg_exclude_padding, src, dst, strides, kernel, begin, end);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &op, attributes, engine, NULL) : status;
}

static inline dnnl_status_t onednn_eltwise_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                      dnnl_alg_kind_t f, const_onednn_desc src,
                                                      const_onednn_desc dst, float alpha,
                                                      dnnl_primitive_attr_t attributes) {
    dnnl_eltwise_desc_t op;
    (void)dst; /* the same as src */
    dnnl_status_t status = dnnl_eltwise_forward_desc_init(&op, dnnl_forward_inference, f, src, alpha, 0.0f);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &op, attributes, engine, NULL) : status;
}

static inline dnnl_status_t onednn_add_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                  const_onednn_desc first, const_onednn_desc second,
                                                  const_onednn_desc dst, dnnl_primitive_attr_t attributes) {
    dnnl_binary_desc_t op;
    dnnl_status_t status = dnnl_binary_desc_init(&op, dnnl_binary_add, first, second, dst);
    return status == dnnl_success ? dnnl_primitive_desc_create(out, &op, attributes, engine, NULL) : status;
}

/* The same by the library's primitive `sum`, without post-operations. */
static inline dnnl_status_t onednn_sum_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                  const_onednn_desc first, const_onednn_desc second,
                                                  const_onednn_desc dst, dnnl_primitive_attr_t attributes) {
    const float scales[2] = {1.0f, 1.0f};
    const dnnl_memory_desc_t sources[2] = {*first, *second};
    return dnnl_sum_primitive_desc_create(out, dst, 2, scales, sources, attributes, engine);
}

/* Scales the sums of products of a primitive by scales[n], one for each channel of its result; `mask` has the
 * bits of the channels' dimensions in the weights. out->memory is the caller's. */
static inline dnnl_status_t onednn_scale_products(dnnl_engine_t engine, dnnl_primitive_attr_t attributes,
                                                  int mask, dnnl_dim_t n, const float *scales,
                                                  onednn_scale *out) {
    (void)engine;
    (void)mask;
    (void)out;
    return dnnl_primitive_attr_set_output_scales(attributes, n, 1 << 1, scales);
}

/* Scales the operand `argument` (DNNL_ARG_SRC_0 or _1) of an addition. */
static inline dnnl_status_t onednn_scale_operand(dnnl_engine_t engine, dnnl_primitive_attr_t attributes,
                                                 int argument, float scale, onednn_scale *out) {
    (void)engine;
    (void)out;
    return dnnl_primitive_attr_set_scales(attributes, argument, 1, 0, &scale);
}

/* Scales what a reorder copies, by one number for each of the n slices that `mask` tells. */
static inline dnnl_status_t onednn_scale_copy(dnnl_engine_t engine, dnnl_primitive_attr_t attributes,
                                              int mask, dnnl_dim_t n, const float *scales,
                                              onednn_scale *out) {
    (void)engine;
    (void)out;
    return dnnl_primitive_attr_set_output_scales(attributes, n, mask, scales);
}

#else /* 3.x */

/* A bias is added to what the scales have made of the sums of products. */
enum { ONEDNN_BIAS_IS_SCALED = 1 };

typedef dnnl_memory_desc_t onednn_desc;
typedef const_dnnl_memory_desc_t const_onednn_desc;

static inline void onednn_desc_destroy(onednn_desc desc) {
    dnnl_memory_desc_destroy(desc);
}

static inline dnnl_status_t onednn_desc_create(onednn_desc *out, int n, const dnnl_dims_t dims,
                                               dnnl_data_type_t type, dnnl_format_tag_t tag) {
    *out = NULL;
    return dnnl_memory_desc_create_with_tag(out, n, dims, type, tag);
}

static inline dnnl_status_t onednn_desc_clone(onednn_desc *out, const_onednn_desc desc) {
    *out = NULL;
    return dnnl_memory_desc_clone(out, desc);
}

static inline int onednn_desc_rank(const_onednn_desc desc) {
    int32_t n = 0;
    dnnl_memory_desc_query(desc, dnnl_query_ndims_s32, &n);
    return n;
}

static inline dnnl_status_t onednn_append_sum(dnnl_post_ops_t ops, float scale, dnnl_data_type_t type) {
    return dnnl_post_ops_append_sum(ops, scale, 0, type);
}

static inline dnnl_status_t onednn_append_eltwise(dnnl_post_ops_t ops, float scale, dnnl_alg_kind_t f,
                                                  float alpha, float beta) {
    dnnl_status_t status = dnnl_post_ops_append_eltwise(ops, f, alpha, beta);
    if (status != dnnl_success || !(scale < 1.0f || scale > 1.0f))
        return status;
    return dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_linear, scale, 0.0f);
}

static inline dnnl_status_t onednn_conv_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                   const_onednn_desc src, const_onednn_desc weights,
                                                   const_onednn_desc bias, const_onednn_desc dst,
                                                   const dnnl_dims_t strides, const dnnl_dims_t begin,
                                                   const dnnl_dims_t end, dnnl_primitive_attr_t attributes) {
    const dnnl_dims_t no_dilation = {0, 0};
    return dnnl_convolution_forward_primitive_desc_create(out, engine, dnnl_forward_inference,
                                                          dnnl_convolution_direct, src, weights, bias, dst,
                                                          strides, no_dilation, begin, end, attributes);
}

static inline dnnl_status_t onednn_linear_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                     const_onednn_desc src, const_onednn_desc weights,
                                                     const_onednn_desc bias, const_onednn_desc dst,
                                                     dnnl_primitive_attr_t attributes) {
    return dnnl_inner_product_forward_primitive_desc_create(out, engine, dnnl_forward_inference, src, weights,
                                                            bias, dst, attributes);
}

static inline dnnl_status_t onednn_norm_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                   const_onednn_desc src, const_onednn_desc dst,
                                                   unsigned flags, dnnl_primitive_attr_t attributes) {
    return dnnl_batch_normalization_forward_primitive_desc_create(out, engine, dnnl_forward_inference, src,
                                                                  dst, 0.0f, flags, attributes);
}

static inline dnnl_status_t onednn_avg_pool_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                       const_onednn_desc src, const_onednn_desc dst,
                                                       const dnnl_dims_t strides, const dnnl_dims_t kernel,
                                                       const dnnl_dims_t begin, const dnnl_dims_t end,
                                                       dnnl_primitive_attr_t attributes) {
    const dnnl_dims_t no_dilation = {0, 0};
    return dnnl_pooling_forward_primitive_desc_create(out, engine, dnnl_forward_inference,
                                                      dnnl_pooling_avg_exclude_padding, src, dst, strides,
                                                      kernel, no_dilation, begin, end, attributes);
}

static inline dnnl_status_t onednn_eltwise_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                      dnnl_alg_kind_t f, const_onednn_desc src,
                                                      const_onednn_desc dst, float alpha,
                                                      dnnl_primitive_attr_t attributes) {
    return dnnl_eltwise_forward_primitive_desc_create(out, engine, dnnl_forward_inference, f, src, dst, alpha,
                                                      0.0f, attributes);
}

static inline dnnl_status_t onednn_add_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                  const_onednn_desc first, const_onednn_desc second,
                                                  const_onednn_desc dst, dnnl_primitive_attr_t attributes) {
    return dnnl_binary_primitive_desc_create(out, engine, dnnl_binary_add, first, second, dst, attributes);
}

static inline dnnl_status_t onednn_sum_descriptor(dnnl_primitive_desc_t *out, dnnl_engine_t engine,
                                                  const_onednn_desc first, const_onednn_desc second,
                                                  const_onednn_desc dst, dnnl_primitive_attr_t attributes) {
    const float scales[2] = {1.0f, 1.0f};
    const const_onednn_desc sources[2] = {first, second};
    return dnnl_sum_primitive_desc_create(out, engine, dst, 2, scales, sources, attributes);
}

/* Announces scales of `argument` in the attributes and makes the memory that holds them. */
static inline dnnl_status_t onednn_set_scales(dnnl_engine_t engine, dnnl_primitive_attr_t attributes,
                                              int argument, int mask, dnnl_dim_t n, const float *scales,
                                              onednn_scale *out) {
    const dnnl_dims_t dims = {n};
    dnnl_memory_desc_t desc = NULL;
    void *data = NULL;
    out->argument = DNNL_ARG_ATTR_SCALES | argument;
    dnnl_status_t status = dnnl_primitive_attr_set_scales_mask(attributes, argument, mask);
    if (status == dnnl_success)
        status = dnnl_memory_desc_create_with_tag(&desc, 1, dims, dnnl_f32, dnnl_x);
    if (status == dnnl_success)
        status = dnnl_memory_create(&out->memory, desc, engine, DNNL_MEMORY_ALLOCATE);
    if (status == dnnl_success)
        status = dnnl_memory_get_data_handle(out->memory, &data);
    if (status == dnnl_success)
        memcpy(data, scales, (size_t)n * sizeof *scales);
    dnnl_memory_desc_destroy(desc);
    return status;
}

static inline dnnl_status_t onednn_scale_products(dnnl_engine_t engine, dnnl_primitive_attr_t attributes,
                                                  int mask, dnnl_dim_t n, const float *scales,
                                                  onednn_scale *out) {
    return onednn_set_scales(engine, attributes, DNNL_ARG_WEIGHTS, mask, n, scales, out);
}

static inline dnnl_status_t onednn_scale_operand(dnnl_engine_t engine, dnnl_primitive_attr_t attributes,
                                                 int argument, float scale, onednn_scale *out) {
    return onednn_set_scales(engine, attributes, argument, 0, 1, &scale, out);
}

static inline dnnl_status_t onednn_scale_copy(dnnl_engine_t engine, dnnl_primitive_attr_t attributes,
                                              int mask, dnnl_dim_t n, const float *scales,
                                              onednn_scale *out) {
    return onednn_set_scales(engine, attributes, DNNL_ARG_SRC, mask, n, scales, out);
}

#endif

#endif
