/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine `reference`: the numerical truth, in plain C. Convolution is the textbook sum over a zero-padded
 * copy of the image; its rows are the innermost loop so that the compiler vectorises it.
 */
#include "engine/plain.h"

#include <stdio.h>
#include <string.h>

/* y[n] += sum over kx of w[kx] * x[i * stride + kx] */
static void add_taps(float *restrict y, const float *restrict x, const float *w, int kernel, int stride,
                     int n) {
    for (int k = 0; k < kernel; k++) {
        float tap = w[k];
        if (stride == 1) {
            for (int i = 0; i < n; i++)
                y[i] += tap * x[i + k];
        } else {
            for (int i = 0; i < n; i++)
                y[i] += tap * x[i * stride + k];
        }
    }
}

/* The same for all three rows of a 3x3 window with stride 1: nearly all the work of the spaces measured here.
 */
static void add_taps_3x3(float *restrict y, const float *restrict a, const float *restrict b,
                         const float *restrict c, const float *w, int n) {
    for (int i = 0; i < n; i++)
        y[i] += w[0] * a[i] + w[1] * a[i + 1] + w[2] * a[i + 2] + w[3] * b[i] + w[4] * b[i + 1] +
                w[5] * b[i + 2] + w[6] * c[i] + w[7] * c[i + 1] + w[8] * c[i + 2];
}

/* One input plane [..][width] (padded) into one output plane. */
static void add_plane(float *y, const float *x, int width, const float *w, const maple_node *node) {
    int k = node->kernel, s = node->stride, columns = node->shape.width;
    for (int row = 0; row < node->shape.height; row++, y += columns) {
        const float *window = x + row * s * width;
        if (k == 3 && s == 1) {
            add_taps_3x3(y, window, window + width, window + 2 * width, w, columns);
            continue;
        }
        for (int ky = 0; ky < k; ky++)
            add_taps(y, window + ky * width, w + ky * k, k, s, columns);
    }
}

/* [channels][in.height + 2 pad][in.width + 2 pad]; the border stays zero. */
static void pad_image(float *padded, const float *src, maple_shape in, int pad) {
    int width = in.width + 2 * pad;
    size_t plane = (size_t)(in.height + 2 * pad) * (size_t)width;
    memset(padded, 0, (size_t)in.channels * plane * sizeof *padded);
    for (int c = 0; c < in.channels; c++, padded += plane)
        for (int y = 0; y < in.height; y++, src += in.width)
            memcpy(padded + (y + pad) * width + pad, src, (size_t)in.width * sizeof *src);
}

static size_t conv_scratch(const maple_node *node, maple_shape in) {
    return (size_t)in.channels * (size_t)(in.height + 2 * node->pad) * (size_t)(in.width + 2 * node->pad);
}

/* One image. weight [cout][cin / groups][k][k] */
static void conv_image(const plain_call *call, const float *src, const float *addend, float *dst) {
    const maple_node *node = call->node;
    int group_in = call->in.channels / node->groups, group_out = node->shape.channels / node->groups;
    int width = call->in.width + 2 * node->pad;
    size_t plane_in = (size_t)(call->in.height + 2 * node->pad) * (size_t)width;
    size_t plane_out = (size_t)node->shape.height * (size_t)node->shape.width;
    size_t taps = (size_t)node->kernel * (size_t)node->kernel;
    pad_image(call->scratch, src, call->in, node->pad);
    for (int o = 0; o < node->shape.channels; o++) {
        float *y = dst + (size_t)o * plane_out;
        for (size_t i = 0; i < plane_out; i++)
            y[i] = call->bias[o] + (addend ? addend[(size_t)o * plane_out + i] : 0.0f);
        for (int c = 0; c < group_in; c++) {
            size_t channel = (size_t)(o / group_out * group_in + c);
            const float *w = call->weight + ((size_t)o * (size_t)group_in + (size_t)c) * taps;
            add_plane(y, call->scratch + channel * plane_in, width, w, node);
        }
        for (size_t i = 0; node->relu && i < plane_out; i++)
            y[i] = y[i] > 0.0f ? y[i] : 0.0f;
    }
}

static void conv(const plain_call *call) {
    size_t in = maple_shape_elements(call->in), out = maple_shape_elements(call->node->shape);
    for (size_t n = 0; n < (size_t)call->batch; n++)
        conv_image(call, call->src + n * in, call->addend ? call->addend + n * out : NULL,
                   call->dst + n * out);
}

/* weight [out][in] */
static void linear(const plain_call *call) {
    int in = call->in.channels, out = call->node->shape.channels;
    for (int n = 0; n < call->batch; n++) {
        for (int o = 0; o < out; o++) {
            float sum = call->bias[o];
            for (int i = 0; i < in; i++)
                sum += call->weight[o * in + i] * call->src[n * in + i];
            call->dst[n * out + o] = sum;
        }
    }
}

static const plain_kernels kernels = {.conv = conv, .linear = linear, .scratch = conv_scratch};

static maple_status open_reference(maple_engine *engine, maple_error *error) {
    (void)error;
    plain_engine *self = (plain_engine *)engine;
    self->kernels = &kernels;
    snprintf(self->conv_name, sizeof self->conv_name, "direct");
    snprintf(self->linear_name, sizeof self->linear_name, "loop");
    snprintf(engine->description.version, sizeof engine->description.version, "MAPLE %s", MAPLE_VERSION);
    return MAPLE_OK;
}

static const char *const isas[] = {NULL};

const engine_ops reference_engine = {
    .info = {.name = "reference",
             .description = "plain C, the numerical truth that every other engine is checked against",
             .available = true,
             .isas = isas},
    .fusions = MAPLE_FUSE_ADD | MAPLE_FUSE_RELU,
    .engine_size = sizeof(plain_engine),
    .network_size = sizeof(plain_network),
    .open = open_reference,
    .close = plain_close,
    .compile = plain_compile,
    .release = plain_release,
    .set_input = plain_set_input,
    .run = plain_run,
    .output = plain_output,
};
