/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the subgraph APIs of XNNPACK differ, in one form for both. That of 2022 has a function for each
 * operator; that of 2024 (MAPLE_XNNPACK_BY_TYPE, which CMake finds out) one for all operators of two inputs,
 * of one, and of reductions, and sets a runtime up in two steps. Arguments: ids of values.
 */
#ifndef MAPLE_ENGINE_XNNPACK_API_H
#define MAPLE_ENGINE_XNNPACK_API_H

#include <math.h>
#include <xnnpack.h>

#ifdef MAPLE_XNNPACK_BY_TYPE

/* max(low, a + b) */
static inline enum xnn_status xnnpack_add(xnn_subgraph_t subgraph, float low, uint32_t a, uint32_t b,
                                          uint32_t out) {
    const struct xnn_binary_params limits = {(double)low, INFINITY};
    return xnn_define_binary(subgraph, xnn_binary_add, &limits, a, b, out, 0);
}

static inline enum xnn_status xnnpack_multiply(xnn_subgraph_t subgraph, uint32_t a, uint32_t b,
                                               uint32_t out) {
    return xnn_define_binary(subgraph, xnn_binary_multiply, NULL, a, b, out, 0);
}

static inline enum xnn_status xnnpack_maximum(xnn_subgraph_t subgraph, uint32_t a, uint32_t b, uint32_t out) {
    return xnn_define_binary(subgraph, xnn_binary_maximum, NULL, a, b, out, 0);
}

static inline enum xnn_status xnnpack_relu(xnn_subgraph_t subgraph, uint32_t in, uint32_t out) {
    const union xnn_unary_params limits = {.clamp = {0.0f, INFINITY}};
    return xnn_define_unary(subgraph, xnn_unary_clamp, &limits, in, out, 0);
}

/* Over height and width of NHWC. */
static inline enum xnn_status xnnpack_global_average(xnn_subgraph_t subgraph, uint32_t in, uint32_t out) {
    const size_t axes[2] = {1, 2};
    return xnn_define_static_reduce(subgraph, xnn_reduce_mean, 2, axes, in, out, XNN_FLAG_KEEP_DIMS);
}

/* Allocates what the runtime needs and gives it all external values. */
static inline enum xnn_status xnnpack_setup(xnn_runtime_t runtime, size_t n,
                                            const struct xnn_external_value *values) {
    enum xnn_status status = xnn_reshape_runtime(runtime);
    return status == xnn_status_success ? xnn_setup_runtime_v2(runtime, n, values) : status;
}

#else

static inline enum xnn_status xnnpack_add(xnn_subgraph_t subgraph, float low, uint32_t a, uint32_t b,
                                          uint32_t out) {
    return xnn_define_add2(subgraph, low, INFINITY, a, b, out, 0);
}

static inline enum xnn_status xnnpack_multiply(xnn_subgraph_t subgraph, uint32_t a, uint32_t b,
                                               uint32_t out) {
    return xnn_define_multiply2(subgraph, -INFINITY, INFINITY, a, b, out, 0);
}

static inline enum xnn_status xnnpack_maximum(xnn_subgraph_t subgraph, uint32_t a, uint32_t b, uint32_t out) {
    return xnn_define_maximum2(subgraph, a, b, out, 0);
}

static inline enum xnn_status xnnpack_relu(xnn_subgraph_t subgraph, uint32_t in, uint32_t out) {
    return xnn_define_clamp(subgraph, 0.0f, INFINITY, in, out, 0);
}

static inline enum xnn_status xnnpack_global_average(xnn_subgraph_t subgraph, uint32_t in, uint32_t out) {
    return xnn_define_global_average_pooling_2d(subgraph, -INFINITY, INFINITY, in, out, 0);
}

static inline enum xnn_status xnnpack_setup(xnn_runtime_t runtime, size_t n,
                                            const struct xnn_external_value *values) {
    return xnn_setup_runtime(runtime, n, values);
}

#endif

#endif
