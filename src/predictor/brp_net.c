/* SPDX-License-Identifier: Apache-2.0 */
/* BRP-NAS's network: forward and backward, from the layers of src/nn. */
#include "predictor/brp_net.h"

#include <math.h>
#include <string.h>

brp_layout brp_layout_of(const help_shape *shape) {
    brp_layout layout = {.parameters = 0};
    for (size_t l = 0; l < shape->depth; l++) {
        layout.offset[l] = layout.parameters;
        layout.parameters += ((l == 0 ? shape->tokens : shape->width) + 3) * shape->width;
    }
    layout.offset[shape->depth] = layout.parameters;
    layout.parameters += shape->width + 1;
    return layout;
}

/* Places in the parameters, or in their gradient. */
typedef struct layer {
    size_t in;
    nn_real *weight, *bias, *gain, *shift;
} layer;

static layer layer_at(const help_shape *shape, size_t l, nn_real *parameters) {
    size_t in = l == 0 ? shape->tokens : shape->width, h = shape->width;
    nn_real *weight = parameters + brp_layout_of(shape).offset[l];
    return (layer){in, weight, weight + in * h, weight + (in + 1) * h, weight + (in + 2) * h};
}

void brp_net_init(const help_shape *shape, maple_rng *rng, nn_real *parameters) {
    brp_layout layout = brp_layout_of(shape);
    double bound = 1 / sqrt((double)shape->width);
    for (size_t i = 0; i < layout.parameters; i++)
        parameters[i] = (nn_real)(bound * (2 * maple_rng_uniform(rng) - 1));
    for (size_t l = 0; l < shape->depth; l++) {
        layer at = layer_at(shape, l, parameters);
        for (size_t i = 0; i < shape->width; i++) {
            at.gain[i] = 1;
            at.shift[i] = 0;
        }
    }
}

/* --- Memory --- */

static void lay_out(const help_shape *shape, size_t n, size_t rows, bool backward, nn_arena *memory,
                    brp_work *w) {
    size_t h = shape->width;
    for (size_t l = 0; l < shape->depth; l++) {
        w->sum[l] = l > 0 ? nn_take(memory, rows * h) : NULL;
        w->mixed[l] = nn_take(memory, rows * h);
        w->x[l] = nn_take(memory, rows * h);
        w->mean[l] = nn_take(memory, rows);
        w->inv_sd[l] = nn_take(memory, rows);
    }
    w->out = nn_take(memory, n);
    w->d_out = nn_take(memory, n);
    w->d_x = backward ? nn_take(memory, rows * h) : NULL;
    w->d_y = backward ? nn_take(memory, rows * h) : NULL;
}

brp_work *brp_work_create(const maple_space *space, const help_shape *shape, size_t capacity, bool backward) {
    brp_work *work = maple_alloc(1, sizeof *work);
    if (!work)
        return NULL;
    size_t rows = help_batch_rows(space, shape, capacity);
    nn_arena memory = {0};
    lay_out(shape, capacity, rows, backward, &memory, work);
    work->memory = maple_alloc_aligned(memory.count, sizeof(nn_real));
    if (!work->memory) {
        maple_free(work);
        return NULL;
    }
    memory.next = work->memory;
    lay_out(shape, capacity, rows, backward, &memory, work);
    return work;
}

void brp_work_free(brp_work *work) {
    if (!work)
        return;
    maple_free(work->memory);
    maple_free(work);
}

/* --- Forward and backward --- */

static nn_dual plain(nn_real *values) {
    return (nn_dual){.value = values};
}

void brp_net_forward(const help_shape *shape, const nn_real *parameters, const help_batch *batch,
                     brp_work *work) {
    size_t h = shape->width;
    nn_real *p = (nn_real *)parameters; /* read only: places in a gradient have the same type */
    for (size_t l = 0; l < shape->depth; l++) {
        layer at = layer_at(shape, l, p);
        size_t rows = batch->sums[l].rows;
        if (l == 0) { /* X is one-hot: its product with W is a row of W */
            nn_dual_sum_rows(&batch->sums[l], h, plain(at.weight), plain(work->mixed[l]));
            nn_bias_relu(rows, h, at.bias, false, work->mixed[l]);
        } else {
            nn_dual_sum_rows(&batch->sums[l], h, plain(work->x[l - 1]), plain(work->sum[l]));
            nn_dense_forward(rows, h, h, work->sum[l], at.weight, at.bias, false, work->mixed[l]);
        }
        nn_layer_norm_forward(rows, h, work->mixed[l], at.gain, at.shift, work->mean[l], work->inv_sd[l],
                              work->x[l]);
        nn_relu_dropout(rows * h, 0, NULL, work->x[l]);
    }
    const nn_real *last = p + brp_layout_of(shape).offset[shape->depth];
    nn_dense_forward(batch->n, h, 1, work->x[shape->depth - 1], last, last + h, false, work->out);
}

void brp_net_backward(const help_shape *shape, const nn_real *parameters, const help_batch *batch,
                      brp_work *work, nn_real *gradient) {
    size_t h = shape->width, last = brp_layout_of(shape).offset[shape->depth];
    nn_real *p = (nn_real *)parameters;
    nn_dense_backward(batch->n, h, 1, work->x[shape->depth - 1], p + last, work->d_out, gradient + last,
                      gradient + last + h, work->d_x);
    for (size_t l = shape->depth; l-- > 0;) {
        layer at = layer_at(shape, l, p), d = layer_at(shape, l, gradient);
        size_t rows = batch->sums[l].rows;
        memset(d.gain, 0, 2 * h * sizeof *d.gain); /* gain and shift: they are added to */
        nn_relu_backward(rows * h, work->x[l], work->d_x);
        nn_layer_norm_backward(rows, h, work->mixed[l], at.gain, work->mean[l], work->inv_sd[l], work->d_x,
                               d.gain, d.shift, work->d_y);
        if (l == 0) {
            nn_scatter_sum(1, rows, h, NULL, work->d_y, d.bias);
            nn_dual_sum_rows_backward(&batch->sums[l], at.in, h, plain(work->d_y), plain(d.weight));
        } else {
            nn_dense_backward(rows, h, h, work->sum[l], at.weight, work->d_y, d.weight, d.bias, work->d_x);
            nn_dual_sum_rows_backward(&batch->sums[l], batch->sums[l - 1].rows, h, plain(work->d_x),
                                      plain(work->d_y));
            nn_real *other = work->d_x;
            work->d_x = work->d_y;
            work->d_y = other;
        }
    }
}
