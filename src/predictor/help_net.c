/* SPDX-License-Identifier: Apache-2.0 */
/* HELP's networks: forward and backward. */
#include "predictor/help_net.h"

#include <math.h>
#include <string.h>

/* --- Parameters --- */

static void fill_uniform(maple_rng *rng, double bound, size_t n, nn_real *values) {
    for (size_t i = 0; i < n; i++)
        values[i] = (nn_real)(bound * (2 * maple_rng_uniform(rng) - 1));
}

void help_net_init(const help_shape *shape, maple_rng *rng, nn_real *parameters) {
    const double graph_weight = 0.05;
    help_layout layout = help_layout_of(shape);
    for (size_t l = 0; l < layout.layers; l++) {
        const help_layer *layer = &layout.layer[l];
        bool graph = shape->graph && l < shape->depth;
        double bound = 1 / sqrt((double)layer->in);
        fill_uniform(rng, graph ? graph_weight : bound, layer->in * layer->out, parameters + layer->weight);
        fill_uniform(rng, graph ? 1 / sqrt((double)layer->out) : bound, layer->out, parameters + layer->bias);
    }
}

static nn_dual from(nn_dual array, size_t offset) {
    return (nn_dual){array.value ? array.value + offset : NULL,
                     array.tangent ? array.tangent + offset : NULL};
}

/* --- Memory --- */

typedef struct arena {
    nn_arena plain;
    bool tangents;
} arena;

static nn_dual take(arena *memory, size_t n) {
    nn_dual taken = {.value = nn_take(&memory->plain, n)};
    taken.tangent = memory->tangents ? nn_take(&memory->plain, n) : NULL;
    return taken;
}

static void lay_out(const help_shape *shape, size_t n, size_t rows, arena *memory, help_arrays *a) {
    size_t h = shape->width;
    for (size_t l = 0; l < shape->depth; l++) {
        a->sum[l] = l > 0 && shape->graph ? take(memory, rows * h) : (nn_dual){0};
        a->x[l] = take(memory, rows * h);
    }
    for (int l = 0; l < HELP_HARDWARE_LAYERS; l++) {
        a->hardware[l] = take(memory, h);
        a->d_hardware[l] = take(memory, h);
    }
    a->joint = take(memory, 2 * h);
    a->d_joint = take(memory, 2 * h);
    for (int l = 0; l < 2; l++) {
        a->head[l] = take(memory, n * 2 * h);
        a->d_head[l] = take(memory, n * 2 * h);
    }
    a->out = take(memory, n);
    a->d_out = take(memory, n);
    a->d_a = take(memory, rows * h);
    a->d_b = take(memory, rows * h);
}

static void drop_tangents(help_arrays *a) {
    for (int l = 0; l < HELP_MAX_DEPTH; l++)
        a->sum[l].tangent = a->x[l].tangent = NULL;
    for (int l = 0; l < HELP_HARDWARE_LAYERS; l++)
        a->hardware[l].tangent = a->d_hardware[l].tangent = NULL;
    for (int l = 0; l < 2; l++)
        a->head[l].tangent = a->d_head[l].tangent = NULL;
    a->joint.tangent = a->d_joint.tangent = a->out.tangent = a->d_out.tangent = NULL;
    a->d_a.tangent = a->d_b.tangent = NULL;
}

help_work *help_work_create(const maple_space *space, const help_shape *shape, size_t capacity,
                            bool tangents) {
    help_work *work = maple_alloc(1, sizeof *work);
    if (!work)
        return NULL;
    size_t rows = help_batch_rows(space, shape, capacity);
    arena memory = {.tangents = tangents};
    lay_out(shape, capacity, rows, &memory, &work->arrays[1]);
    work->memory = maple_alloc_aligned(memory.plain.count, sizeof(nn_real));
    if (!work->memory) {
        maple_free(work);
        return NULL;
    }
    memory.plain.next = work->memory;
    lay_out(shape, capacity, rows, &memory, &work->arrays[1]);
    work->arrays[0] = work->arrays[1];
    drop_tangents(&work->arrays[0]);
    return work;
}

void help_work_free(help_work *work) {
    if (!work)
        return;
    maple_free(work->memory);
    maple_free(work);
}

/* --- Forward --- */

static void forward_arch(const help_shape *shape, const help_layout *layout, nn_dual p,
                         const help_batch *batch, const help_arrays *a) {
    for (size_t l = 0; l < shape->depth; l++) {
        const help_layer *layer = &layout->layer[l];
        const nn_row_sums *sums = &batch->sums[l];
        nn_dual weight = from(p, layer->weight);
        if (l == 0) {
            nn_dual_sum_rows(sums, layer->out, weight, a->x[l]);
        } else if (sums->start) {
            nn_dual_sum_rows(sums, layer->in, a->x[l - 1], a->sum[l]);
            nn_dual_dense_forward(sums->rows, layer->in, layer->out, a->sum[l], weight, a->x[l]);
        } else {
            nn_dual_dense_forward(sums->rows, layer->in, layer->out, a->x[l - 1], weight, a->x[l]);
        }
        nn_dual_bias_relu(sums->rows, layer->out, from(p, layer->bias), true, a->x[l]);
    }
}

static void dense(const help_layer *layer, size_t n, nn_dual p, nn_dual x, bool relu, nn_dual y) {
    nn_dual_dense_forward(n, layer->in, layer->out, x, from(p, layer->weight), y);
    nn_dual_bias_relu(n, layer->out, from(p, layer->bias), relu, y);
}

nn_dual help_net_forward(const help_shape *shape, nn_dual p, const nn_real *hardware, const help_batch *batch,
                         help_work *work) {
    help_layout layout = help_layout_of(shape);
    const help_arrays *a = &work->arrays[p.tangent != NULL];
    const help_layer *hw = &layout.layer[shape->depth], *head = hw + HELP_HARDWARE_LAYERS;
    size_t n = batch->n, h = shape->width;
    forward_arch(shape, &layout, p, batch, a);
    dense(&hw[0], 1, p, (nn_dual){.value = (nn_real *)hardware}, true, a->hardware[0]);
    dense(&hw[1], 1, p, a->hardware[0], true, a->hardware[1]);
    /* The head's first layer: rows of the weight for the architecture, then those for the hardware. */
    nn_dual weight = from(p, head[0].weight);
    nn_dual_dense_forward(1, h, 2 * h, a->hardware[1], from(weight, h * 2 * h), a->joint);
    nn_dual_bias_relu(1, 2 * h, from(p, head[0].bias), false, a->joint);
    nn_dual_dense_forward(n, h, 2 * h, a->x[shape->depth - 1], weight, a->head[0]);
    nn_dual_bias_relu(n, 2 * h, a->joint, true, a->head[0]);
    dense(&head[1], n, p, a->head[0], true, a->head[1]);
    dense(&head[2], n, p, a->head[1], false, a->out);
    return a->out;
}

/* --- Backward --- */

static void dense_backward(const help_layer *layer, size_t n, nn_dual p, nn_dual x, nn_dual dy,
                           nn_dual gradient, nn_dual dx) {
    nn_dual_dense_backward(n, layer->in, layer->out, x, from(p, layer->weight), dy,
                           from(gradient, layer->weight), dx);
    nn_dual_column_sums(n, layer->out, dy, from(gradient, layer->bias));
}

/* From the gradient of the last layer's output in a->d_a. */
static void backward_arch(const help_shape *shape, const help_layout *layout, nn_dual p,
                          const help_batch *batch, const help_arrays *a, nn_dual gradient) {
    nn_dual dy = a->d_a, other = a->d_b;
    for (size_t l = shape->depth; l-- > 0;) {
        const help_layer *layer = &layout->layer[l];
        const nn_row_sums *sums = &batch->sums[l];
        nn_dual_relu_backward(sums->rows * layer->out, a->x[l].value, dy);
        if (l == 0) {
            nn_dual_column_sums(sums->rows, layer->out, dy, from(gradient, layer->bias));
            nn_dual_sum_rows_backward(sums, layer->in, layer->out, dy, from(gradient, layer->weight));
            return;
        }
        nn_dual input = sums->start ? a->sum[l] : a->x[l - 1];
        dense_backward(layer, sums->rows, p, input, dy, gradient, other);
        nn_dual below = other;
        if (sums->start) {
            nn_dual_sum_rows_backward(sums, batch->sums[l - 1].rows, layer->in, other, dy);
        } else {
            other = dy;
            dy = below;
        }
    }
}

/* From a->d_out. */
static void backward(const help_shape *shape, nn_dual p, const nn_real *hardware, const help_batch *batch,
                     const help_arrays *a, nn_dual gradient) {
    help_layout layout = help_layout_of(shape);
    const help_layer *hw = &layout.layer[shape->depth], *head = hw + HELP_HARDWARE_LAYERS;
    size_t n = batch->n, h = shape->width, joint = h * 2 * h;
    nn_dual none = {0}, weight = from(p, head[0].weight), d_weight = from(gradient, head[0].weight);
    dense_backward(&head[2], n, p, a->head[1], a->d_out, gradient, a->d_head[1]);
    nn_dual_relu_backward(n * 2 * h, a->head[1].value, a->d_head[1]);
    dense_backward(&head[1], n, p, a->head[0], a->d_head[1], gradient, a->d_head[0]);
    nn_dual_relu_backward(n * 2 * h, a->head[0].value, a->d_head[0]);
    nn_dual_dense_backward(n, h, 2 * h, a->x[shape->depth - 1], weight, a->d_head[0], d_weight, a->d_a);
    nn_dual_column_sums(n, 2 * h, a->d_head[0], a->d_joint);
    nn_dual_column_sums(1, 2 * h, a->d_joint, from(gradient, head[0].bias));
    nn_dual_dense_backward(1, h, 2 * h, a->hardware[1], from(weight, joint), a->d_joint,
                           from(d_weight, joint), a->d_hardware[1]);
    nn_dual_relu_backward(h, a->hardware[1].value, a->d_hardware[1]);
    dense_backward(&hw[1], 1, p, a->hardware[0], a->d_hardware[1], gradient, a->d_hardware[0]);
    nn_dual_relu_backward(h, a->hardware[0].value, a->d_hardware[0]);
    dense_backward(&hw[0], 1, p, (nn_dual){.value = (nn_real *)hardware}, a->d_hardware[0], gradient, none);
    backward_arch(shape, &layout, p, batch, a, gradient);
}

double help_net_loss(const help_shape *shape, nn_dual p, const nn_real *hardware, const help_batch *batch,
                     const nn_real *target, help_work *work, nn_dual gradient) {
    const help_arrays *a = &work->arrays[p.tangent != NULL];
    nn_dual out = help_net_forward(shape, p, hardware, batch, work);
    double loss = nn_dual_square_loss(batch->n, out, target, a->d_out);
    backward(shape, p, hardware, batch, a, gradient);
    return loss;
}
