/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine `blas`: convolutions as im2col and cblas_sgemm (OpenBLAS), an image at a time; runs on any
 * architecture. A 1x1 convolution needs no im2col, an addend is where the product accumulates (beta = 1),
 * bias and ReLU are one pass over the result.
 *
 * OpenBLAS reads its core type and its number of threads when it is loaded: OPENBLAS_CORETYPE,
 * OPENBLAS_NUM_THREADS.
 */
#include "engine/plain.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct blas_engine_state {
    plain_engine plain;
    int threads_before; /* of the process, restored by close; 0 where open did not change it */
} blas_engine_state;

/* --- Kernels --- */

static bool needs_im2col(const maple_node *node) {
    return node->kernel != 1 || node->stride != 1 || node->pad != 0;
}

static size_t conv_scratch(const maple_node *node, maple_shape in) {
    if (!needs_im2col(node))
        return 0;
    return (size_t)(in.channels / node->groups) * (size_t)node->kernel * (size_t)node->kernel *
           (size_t)node->shape.height * (size_t)node->shape.width;
}

/* One row of the matrix: the output columns whose tap at offset `shift` lies inside the row, zeros elsewhere.
 */
static void gather_row(float *col, const float *row, int width, int columns, int stride, int shift) {
    for (int x = 0; x < columns; x++) {
        int at = x * stride + shift;
        col[x] = at >= 0 && at < width ? row[at] : 0.0f;
    }
}

static void copy_row(float *col, const float *row, int width, int columns, int shift) {
    int first = shift < 0 ? -shift : 0, last = width - shift;
    first = first < columns ? first : columns; /* an image narrower than the kernel */
    last = last < columns ? last : columns;
    last = last > first ? last : first;
    memset(col, 0, (size_t)first * sizeof *col);
    memcpy(col + first, row + first + shift, (size_t)(last - first) * sizeof *col);
    memset(col + last, 0, (size_t)(columns - last) * sizeof *col);
}

/* src [channels][height][width] -> col [channels][k][k][out height][out width] */
static void im2col(float *col, const float *src, const maple_node *node, maple_shape in, int channels) {
    int columns = node->shape.width;
    for (int c = 0; c < channels; c++, src += in.height * in.width) {
        for (int tap = 0; tap < node->kernel * node->kernel; tap++) {
            int ky = tap / node->kernel, shift = tap % node->kernel - node->pad;
            for (int y = 0; y < node->shape.height; y++, col += columns) {
                int at = y * node->stride + ky - node->pad;
                if (at < 0 || at >= in.height)
                    memset(col, 0, (size_t)columns * sizeof *col);
                else if (node->stride == 1)
                    copy_row(col, src + at * in.width, in.width, columns, shift);
                else
                    gather_row(col, src + at * in.width, in.width, columns, node->stride, shift);
            }
        }
    }
}

/* dst [channels][pixels] */
static void add_bias(float *restrict dst, const float *bias, int channels, size_t pixels, bool relu) {
    for (int c = 0; c < channels; c++, dst += pixels) {
        float b = bias[c];
        if (relu) {
            for (size_t i = 0; i < pixels; i++) {
                float sum = dst[i] + b;
                dst[i] = sum > 0.0f ? sum : 0.0f;
            }
        } else {
            for (size_t i = 0; i < pixels; i++)
                dst[i] += b;
        }
    }
}

static void conv_image(const plain_call *call, const float *src, float *dst, bool accumulate) {
    const maple_node *node = call->node;
    int group_in = call->in.channels / node->groups, group_out = node->shape.channels / node->groups;
    int pixels = node->shape.height * node->shape.width, depth = group_in * node->kernel * node->kernel;
    for (int g = 0; g < node->groups; g++) {
        const float *columns = src + g * group_in * call->in.height * call->in.width;
        if (needs_im2col(node)) {
            im2col(call->scratch, columns, node, call->in, group_in);
            columns = call->scratch;
        }
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, group_out, pixels, depth, 1.0f,
                    call->weight + g * group_out * depth, depth, columns, pixels, accumulate ? 1.0f : 0.0f,
                    dst + g * group_out * pixels, pixels);
    }
    if (node->norm_slot != 0 || node->relu)
        add_bias(dst, call->bias, node->shape.channels, (size_t)pixels, node->relu);
}

static void conv(const plain_call *call) {
    size_t in = maple_shape_elements(call->in), out = maple_shape_elements(call->node->shape);
    if (call->addend && call->addend != call->dst)
        memcpy(call->dst, call->addend, out * (size_t)call->batch * sizeof *call->dst);
    for (size_t n = 0; n < (size_t)call->batch; n++)
        conv_image(call, call->src + n * in, call->dst + n * out, call->addend != NULL);
}

/* dst [batch][out] = src [batch][in] x weight [out][in]^T + bias */
static void linear(const plain_call *call) {
    int in = call->in.channels, out = call->node->shape.channels;
    for (int n = 0; n < call->batch; n++)
        memcpy(call->dst + n * out, call->bias, (size_t)out * sizeof *call->dst);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, call->batch, out, in, 1.0f, call->src, in,
                call->weight, in, 1.0f, call->dst, out);
}

static const plain_kernels kernels = {
    .conv = conv, .linear = linear, .scratch = conv_scratch, .in_place = true};

/* --- ISA and threads --- */

#if defined(__x86_64__) || defined(__i386__)
static const char *const isas[] = {"sse3", "avx", "avx2", "avx512", NULL};
#else
static const char *const isas[] = {NULL};
#endif

/* OpenBLAS's names of x86 cores by the ISA of their kernels; the first of an ISA is the one to ask for. */
static const struct {
    const char *core, *isa;
} cores[] = {
    {"Prescott", "sse3"},   {"Core2", "sse3"},        {"Penryn", "sse3"},
    {"Dunnington", "sse3"}, {"Nehalem", "sse3"},      {"Atom", "sse3"},
    {"Bobcat", "sse3"},     {"Barcelona", "sse3"},    {"Sandybridge", "avx"},
    {"Bulldozer", "avx"},   {"Piledriver", "avx"},    {"Steamroller", "avx"},
    {"Haswell", "avx2"},    {"Zen", "avx2"},          {"Excavator", "avx2"},
    {"SkylakeX", "avx512"}, {"Cooperlake", "avx512"}, {"SapphireRapids", "avx512"},
};

enum { N_CORES = sizeof cores / sizeof *cores };

static const char *core_for(const char *isa) {
    for (size_t i = 0; i < N_CORES; i++)
        if (strcmp(cores[i].isa, isa) == 0)
            return cores[i].core;
    return "";
}

static const char *isa_of(const char *core) {
    for (size_t i = 0; i < N_CORES; i++)
        if (strcasecmp(cores[i].core, core) == 0)
            return cores[i].isa;
    return "generic";
}

static size_t environment(const maple_engine_options *options, engine_variable *out) {
    size_t n = 0;
    out[n].name = "OPENBLAS_NUM_THREADS";
    snprintf(out[n].value, sizeof out[n].value, "%d", options->threads);
    n++;
    if (options->isa) {
        out[n].name = "OPENBLAS_CORETYPE";
        snprintf(out[n].value, sizeof out[n].value, "%s", core_for(options->isa));
        n++;
    }
    return n;
}

static maple_status open_blas(maple_engine *engine, maple_error *error) {
    blas_engine_state *self = (blas_engine_state *)engine;
    const maple_engine_options *options = &engine->options;
    const char *core = openblas_get_corename(), *isa = isa_of(core);
    if (options->isa && strcmp(options->isa, isa) != 0)
        return maple_error_set(
            error, MAPLE_UNSUPPORTED,
            "engine blas: %s was asked for, but OpenBLAS was loaded for %s (%s); start the process "
            "with OPENBLAS_CORETYPE=%s",
            options->isa, core, isa, core_for(options->isa));
    int before = openblas_get_num_threads();
    if (before != options->threads) {
        self->threads_before = before;
        openblas_set_num_threads(options->threads);
        if (openblas_get_num_threads() != options->threads)
            return maple_error_set(error, MAPLE_UNSUPPORTED,
                                   "engine blas: OpenBLAS runs %d threads, not %d; start the process with "
                                   "OPENBLAS_NUM_THREADS=%d",
                                   openblas_get_num_threads(), options->threads, options->threads);
    }
    self->plain.kernels = &kernels;
    snprintf(self->plain.conv_name, sizeof self->plain.conv_name, "im2col+sgemm:%s", core);
    snprintf(self->plain.linear_name, sizeof self->plain.linear_name, "sgemm:%s", core);
    snprintf(engine->description.isa, sizeof engine->description.isa, "%s", isa);
    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the first two words are the version. */
    const char *config = openblas_get_config(), *space = strchr(config, ' ');
    size_t length = space ? (size_t)(space - config) + 1 + strcspn(space + 1, " ") : strlen(config);
    snprintf(engine->description.version, sizeof engine->description.version, "%.*s", (int)length, config);
    return MAPLE_OK;
}

static void close_blas(maple_engine *engine) {
    blas_engine_state *self = (blas_engine_state *)engine;
    if (self->threads_before > 0)
        openblas_set_num_threads(self->threads_before);
    plain_close(engine);
}

const engine_ops blas_engine = {
    .info = {.name = "blas",
             .description = "im2col and OpenBLAS's sgemm; runs on any architecture",
             .available = true,
             .isas = isas,
             .threaded = true},
    .fusions = MAPLE_FUSE_ADD | MAPLE_FUSE_RELU,
    .engine_size = sizeof(blas_engine_state),
    .network_size = sizeof(plain_network),
    .environment = environment,
    .open = open_blas,
    .close = close_blas,
    .compile = plain_compile,
    .release = plain_release,
    .set_input = plain_set_input,
    .run = plain_run,
    .output = plain_output,
};
