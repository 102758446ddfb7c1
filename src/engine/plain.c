/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node-by-node interpreter of `reference` and `blas`, and its element-wise and pooling kernels. Compiled
 * with -O3 (CMakeLists.txt): the loops are written to be vectorised.
 */
#include "engine/plain.h"

#include <math.h>
#include <string.h>

/* y[n] = x[n] * factor. The factor is a variable also where it is 0 or 1, so that ZERO and COPY stay real
 * passes over memory and do not become memset and memcpy, which simulated counters see byte by byte. */
static void scale(float *restrict y, const float *restrict x, float factor, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * factor;
}

static void relu(float *restrict y, const float *restrict x, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0.0f ? x[i] : 0.0f;
}

static void add(float *restrict y, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

static void add_relu(float *restrict y, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float sum = a[i] + b[i];
        y[i] = sum > 0.0f ? sum : 0.0f;
    }
}

/* y, x: [batch][channels][pixels] */
static void batch_norm(float *restrict y, const float *restrict x, const engine_weights *w, int batch,
                       size_t pixels, bool with_relu) {
    for (int n = 0; n < batch; n++) {
        for (int c = 0; c < w->channels; c++, y += pixels, x += pixels) {
            float factor = w->weight[c], shift = w->bias[c];
            for (size_t i = 0; i < pixels; i++)
                y[i] = x[i] * factor + shift;
            for (size_t i = 0; with_relu && i < pixels; i++)
                y[i] = y[i] > 0.0f ? y[i] : 0.0f;
        }
    }
}

static void global_avg_pool(float *y, const float *x, size_t planes, size_t pixels) {
    for (size_t p = 0; p < planes; p++, x += pixels) {
        float sum = 0.0f;
        for (size_t i = 0; i < pixels; i++)
            sum += x[i];
        y[p] = sum / (float)pixels;
    }
}

/* One output row from `column`, the sums over the window's rows with `pad` zeros on either side; inverse[] is
 * one over the columns that a window holds. */
static void pool_row(float *restrict y, const float *restrict column, const float *restrict inverse,
                     float rows, const maple_node *node) {
    int width = node->shape.width;
    if (node->kernel == 3 && node->stride == 1) {
        for (int x = 0; x < width; x++)
            y[x] = (column[x] + column[x + 1] + column[x + 2]) * inverse[x] / rows;
        return;
    }
    for (int x = 0; x < width; x++) {
        float sum = 0.0f;
        for (int k = 0; k < node->kernel; k++)
            sum += column[x * node->stride + k];
        y[x] = sum * inverse[x] / rows;
    }
}

static size_t pool_scratch(const maple_node *node, maple_shape in) {
    return (size_t)(in.width + 2 * node->pad + node->kernel + node->shape.width);
}

/* Padding is not counted in the average. src [planes][in.height][in.width] */
static void avg_pool(float *dst, const float *src, const maple_node *node, maple_shape in, size_t planes,
                     float *scratch) {
    int padded = in.width + 2 * node->pad + node->kernel;
    float *column = scratch, *inverse = scratch + padded;
    for (int x = 0; x < node->shape.width; x++) {
        int first = x * node->stride - node->pad, last = first + node->kernel;
        first = first < 0 ? 0 : first;
        last = last > in.width ? in.width : last;
        inverse[x] = 1.0f / (float)(last - first);
    }
    memset(column, 0, (size_t)padded * sizeof *column);
    for (size_t p = 0; p < planes; p++, src += in.height * in.width) {
        for (int y = 0; y < node->shape.height; y++, dst += node->shape.width) {
            int first = y * node->stride - node->pad, last = first + node->kernel;
            first = first < 0 ? 0 : first;
            last = last > in.height ? in.height : last;
            float *inner = column + node->pad;
            memcpy(inner, src + first * in.width, (size_t)in.width * sizeof *inner);
            for (int row = first + 1; row < last; row++)
                for (int x = 0; x < in.width; x++)
                    inner[x] += src[row * in.width + x];
            pool_row(dst, column, inverse, (float)(last - first), node);
        }
    }
}

static void run_node(plain_engine *engine, plain_network *network, int i) {
    const maple_node *node = &network->graph.nodes[i];
    maple_shape in = network->graph.nodes[node->inputs[0]].shape;
    const engine_weights *w = network->weights[i];
    int batch = engine->base.options.batch;
    size_t count = maple_shape_elements(node->shape) * (size_t)batch;
    float *dst = network->buffer[i];
    const float *src = network->buffer[node->inputs[0]];
    const float *second = node->n_inputs == 2 ? network->buffer[node->inputs[1]] : NULL;
    switch (node->op) {
    case MAPLE_OP_CONV:
    case MAPLE_OP_LINEAR: {
        plain_call call = {.node = node,
                           .in = in,
                           .batch = batch,
                           .src = src,
                           .addend = second,
                           .weight = w->weight,
                           .bias = w->bias,
                           .dst = dst,
                           .scratch = engine->scratch};
        (node->op == MAPLE_OP_CONV ? engine->kernels->conv : engine->kernels->linear)(&call);
        break;
    }
    case MAPLE_OP_BATCH_NORM:
        batch_norm(dst, src, w, batch, (size_t)in.height * (size_t)in.width, node->relu);
        break;
    case MAPLE_OP_RELU:
        relu(dst, src, count);
        break;
    case MAPLE_OP_ADD:
        (node->relu ? add_relu : add)(dst, src, second, count);
        break;
    case MAPLE_OP_AVG_POOL:
        avg_pool(dst, src, node, in, (size_t)batch * (size_t)in.channels, engine->scratch);
        break;
    case MAPLE_OP_GLOBAL_AVG_POOL:
        global_avg_pool(dst, src, (size_t)batch * (size_t)in.channels, (size_t)in.height * (size_t)in.width);
        break;
    case MAPLE_OP_ZERO:
    case MAPLE_OP_COPY:
        scale(dst, src, node->op == MAPLE_OP_ZERO ? 0.0f : 1.0f, count);
        break;
    case MAPLE_OP_INPUT:
    case MAPLE_OP_COUNT:
        break;
    }
}

maple_status plain_run(maple_network *network, maple_error *error) {
    (void)error;
    plain_network *self = (plain_network *)network;
    for (int i = 0; i < self->graph.n_nodes; i++)
        run_node((plain_engine *)network->engine, self, i);
    return MAPLE_OK;
}

static float largest_of(const float *values, size_t n) {
    float largest = 0.0f;
    for (size_t i = 0; i < n; i++)
        largest = fabsf(values[i]) > largest ? fabsf(values[i]) : largest;
    return largest;
}

void plain_run_observed(maple_network *network, float *largest) {
    plain_network *self = (plain_network *)network;
    size_t batch = (size_t)network->engine->options.batch;
    for (int i = 0; i < self->graph.n_nodes; i++) {
        run_node((plain_engine *)network->engine, self, i);
        largest[i] = largest_of(self->buffer[i], maple_shape_elements(self->graph.nodes[i].shape) * batch);
    }
}

/* --- Compilation --- */

static maple_status grow_scratch(plain_engine *engine, size_t floats, maple_error *error) {
    if (floats <= engine->scratch_floats)
        return MAPLE_OK;
    float *scratch = maple_alloc_aligned(floats, sizeof *scratch);
    if (!scratch)
        return maple_error_memory(error);
    maple_free(engine->scratch);
    engine->scratch = scratch;
    engine->scratch_floats = floats;
    return MAPLE_OK;
}

static maple_status prepare_node(plain_network *network, int i, engine_implementations *names,
                                 maple_error *error) {
    plain_engine *engine = (plain_engine *)network->base.engine;
    const maple_node *node = &network->graph.nodes[i];
    if (node->op == MAPLE_OP_INPUT) {
        network->input = i;
        return MAPLE_OK;
    }
    maple_shape in = network->graph.nodes[node->inputs[0]].shape;
    const char *name = "loop";
    size_t scratch = 0;
    if (node->op == MAPLE_OP_CONV) {
        name = engine->conv_name;
        scratch = engine->kernels->scratch(node, in);
    } else if (node->op == MAPLE_OP_LINEAR) {
        name = engine->linear_name;
    } else if (node->op == MAPLE_OP_AVG_POOL) {
        scratch = pool_scratch(node, in);
    }
    engine_implementations_add(names, node->op, name);
    maple_status status = grow_scratch(engine, scratch, error);
    if (status == MAPLE_OK && maple_graph_weight_count(&network->graph, i) > 0)
        status = engine_weights_get(&engine->base, &network->graph, i, &network->weights[i], error);
    return status;
}

static maple_status prepare_buffers(plain_network *network, maple_error *error) {
    plain_engine *engine = (plain_engine *)network->base.engine;
    const maple_graph *graph = &network->graph;
    size_t n = (size_t)graph->n_nodes, batch = (size_t)engine->base.options.batch;
    size_t *bytes = maple_alloc(n, sizeof *bytes);
    if (!bytes)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        bytes[i] = maple_shape_elements(graph->nodes[i].shape) * batch * sizeof(float);
    network->own[0] = maple_alloc_aligned(bytes[network->input], 1);
    network->own[1] = maple_alloc_aligned(bytes[graph->output], 1);
    maple_status status = MAPLE_OK;
    if (!network->own[0] || !network->own[1])
        status = maple_error_memory(error);
    else
        status = engine_plan_buffers(&engine->base, graph, bytes, engine->kernels->in_place, network->own,
                                     network->buffer, NULL, error);
    network->base.bytes = bytes[network->input] + bytes[graph->output] +
                          n * (sizeof *graph->nodes + sizeof *network->buffer + sizeof *network->weights);
    maple_free(bytes);
    return status;
}

maple_status plain_compile(maple_network *network, const maple_graph *graph, maple_error *error) {
    plain_network *self = (plain_network *)network;
    maple_status status = maple_graph_clone(graph, &self->graph, error);
    if (status != MAPLE_OK)
        return status;
    size_t n = (size_t)graph->n_nodes;
    self->buffer = maple_alloc(n, sizeof *self->buffer);
    self->weights = maple_alloc(n, sizeof *self->weights);
    if (!self->buffer || !self->weights)
        return maple_error_memory(error);
    engine_implementations names = {.n = 0};
    for (int i = 0; status == MAPLE_OK && i < graph->n_nodes; i++)
        status = prepare_node(self, i, &names, error);
    if (status == MAPLE_OK)
        status = prepare_buffers(self, error);
    if (status == MAPLE_OK)
        status = engine_implementations_join(&names, network, error);
    return status;
}

void plain_release(maple_network *network) {
    plain_network *self = (plain_network *)network;
    maple_graph_release(&self->graph);
    maple_free(self->own[0]);
    maple_free(self->own[1]);
    maple_free(self->buffer);
    maple_free(self->weights);
}

void plain_close(maple_engine *engine) {
    maple_free(((plain_engine *)engine)->scratch);
}

static size_t bytes_of(const maple_network *network, maple_shape shape) {
    return maple_shape_elements(shape) * (size_t)network->engine->options.batch * sizeof(float);
}

maple_status plain_set_input(maple_network *network, const float *nchw, maple_error *error) {
    (void)error;
    memcpy(((plain_network *)network)->own[0], nchw, bytes_of(network, network->input_shape));
    return MAPLE_OK;
}

maple_status plain_output(maple_network *network, float *nchw, maple_error *error) {
    (void)error;
    memcpy(nchw, ((plain_network *)network)->own[1], bytes_of(network, network->output_shape));
    return MAPLE_OK;
}
