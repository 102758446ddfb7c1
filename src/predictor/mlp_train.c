/* SPDX-License-Identifier: Apache-2.0 */
/* Training and evaluation of the network of `mlp-scratch`. */
#include "predictor/mlp.h"
#include "predictor/own_samples.h"

#include <math.h>
#include <string.h>

maple_mlp_part maple_mlp_part_at(const maple_mlp *mlp, int part) {
    size_t hot = mlp->positions * mlp->choices, width = mlp->width, offset = 0;
    const maple_mlp_part parts[MLP_PARTS] = {
        [MLP_W1] = {.rows = hot, .columns = width},   [MLP_B1] = {.rows = width},
        [MLP_W2] = {.rows = width, .columns = width}, [MLP_B2] = {.rows = width},
        [MLP_W3] = {.rows = width, .columns = 1},     [MLP_B3] = {.rows = 1},
    };
    for (int i = 0; i < part; i++)
        offset += parts[i].rows * (parts[i].columns ? parts[i].columns : 1);
    maple_mlp_part found = parts[part];
    found.offset = offset;
    return found;
}

size_t maple_mlp_count(const maple_mlp *mlp) {
    return maple_mlp_part_at(mlp, MLP_B3).offset + 1;
}

/* --- Forward and backward for a block of at most `capacity` samples --- */

typedef struct work {
    float *first, *second, *out; /* [capacity, width], [capacity, width], [capacity] */
    float *d_first, *d_second, *d_out;
    float *memory;
} work;

static maple_status work_create(const maple_mlp *mlp, size_t capacity, work *w, maple_error *error) {
    size_t hidden = capacity * mlp->width;
    w->memory = maple_alloc_aligned(4 * hidden + 2 * capacity, sizeof *w->memory);
    if (!w->memory)
        return maple_error_memory(error);
    w->first = w->memory;
    w->second = w->first + hidden;
    w->d_first = w->second + hidden;
    w->d_second = w->d_first + hidden;
    w->out = w->d_second + hidden;
    w->d_out = w->out + capacity;
    return MAPLE_OK;
}

static void forward(const maple_mlp *mlp, const float *p, const uint8_t *codes, size_t n, work *w) {
    size_t at[MLP_PARTS], width = mlp->width;
    for (int i = 0; i < MLP_PARTS; i++)
        at[i] = maple_mlp_part_at(mlp, i).offset;
    nn_one_hot_forward(n, mlp->positions, mlp->choices, width, codes, p + at[MLP_W1], p + at[MLP_B1],
                       w->first);
    nn_dense_forward(n, width, width, w->first, p + at[MLP_W2], p + at[MLP_B2], true, w->second);
    nn_dense_forward(n, width, 1, w->second, p + at[MLP_W3], p + at[MLP_B3], false, w->out);
}

/* The gradient of all parameters from d_out. */
static void backward(const maple_mlp *mlp, const float *p, const uint8_t *codes, size_t n, work *w,
                     float *gradient) {
    size_t at[MLP_PARTS], width = mlp->width;
    for (int i = 0; i < MLP_PARTS; i++)
        at[i] = maple_mlp_part_at(mlp, i).offset;
    nn_dense_backward(n, width, 1, w->second, p + at[MLP_W3], w->d_out, gradient + at[MLP_W3],
                      gradient + at[MLP_B3], w->d_second);
    nn_relu_backward(n * width, w->second, w->d_second);
    nn_dense_backward(n, width, width, w->first, p + at[MLP_W2], w->d_second, gradient + at[MLP_W2],
                      gradient + at[MLP_B2], w->d_first);
    nn_relu_backward(n * width, w->first, w->d_first);
    nn_one_hot_backward(n, mlp->positions, mlp->choices, width, codes, w->d_first, gradient + at[MLP_W1],
                        gradient + at[MLP_B1]);
}

maple_status maple_mlp_forward(const maple_mlp *mlp, const uint8_t *codes, size_t n, float *out,
                               maple_error *error) {
    enum { BLOCK = 256 };
    work w = {0};
    maple_status status = work_create(mlp, BLOCK, &w, error);
    if (status != MAPLE_OK)
        return status;
    nn_blas_enter();
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t count = n - first < BLOCK ? n - first : BLOCK;
        forward(mlp, mlp->parameters, codes + first * mlp->positions, count, &w);
        memcpy(out + first, w.out, count * sizeof *out);
    }
    nn_blas_leave();
    maple_free(w.memory);
    return MAPLE_OK;
}

/* --- Training --- */

typedef struct trainer {
    const maple_mlp *mlp;
    const maple_mlp_data *data;
    uint8_t *codes; /* [batch, positions] */
    float *target, *weight;
    work w;
} trainer;

static void gather(trainer *t, const size_t *rows, size_t n) {
    size_t positions = t->mlp->positions;
    for (size_t i = 0; i < n; i++) {
        memcpy(t->codes + i * positions, t->data->codes + rows[i] * positions, positions);
        t->target[i] = t->data->target[rows[i]];
        t->weight[i] = t->data->weight[rows[i]];
    }
    forward(t->mlp, t->mlp->parameters, t->codes, n, &t->w);
}

static void batch_gradient(void *context, const size_t *rows, size_t n, float *gradient) {
    trainer *t = context;
    gather(t, rows, n);
    nn_absolute_loss(n, t->w.out, t->target, t->weight, t->w.d_out);
    backward(t->mlp, t->mlp->parameters, t->codes, n, &t->w, gradient);
}

static double batch_error(void *context, const size_t *rows, size_t n) {
    trainer *t = context;
    double sum = 0;
    gather(t, rows, n);
    for (size_t i = 0; i < n; i++)
        sum += (double)t->weight[i] * fabs((double)t->w.out[i] - (double)t->target[i]);
    return sum;
}

static maple_status trainer_create(trainer *t, size_t batch, maple_error *error) {
    t->codes = maple_alloc(batch, t->mlp->positions);
    t->target = maple_alloc(2 * batch, sizeof(float));
    if (!t->codes || !t->target)
        return maple_error_memory(error);
    t->weight = t->target + batch;
    return work_create(t->mlp, batch, &t->w, error);
}

static void trainer_release(trainer *t) {
    maple_free(t->codes);
    maple_free(t->target);
    maple_free(t->w.memory);
}

static void initialise(maple_mlp *mlp, maple_rng *rng) {
    float *p = mlp->parameters;
    maple_mlp_part second = maple_mlp_part_at(mlp, MLP_W2), third = maple_mlp_part_at(mlp, MLP_W3);
    /* One of `choices` inputs is 1 at each position. */
    nn_he_init(rng, mlp->positions, mlp->positions * mlp->choices * mlp->width, p);
    nn_he_init(rng, mlp->width, mlp->width * mlp->width, p + second.offset);
    nn_he_init(rng, mlp->width, mlp->width, p + third.offset);
}

maple_status maple_mlp_train(maple_mlp *mlp, const maple_mlp_data *data, const maple_mlp_training *training,
                             maple_error *error) {
    trainer t = {.mlp = mlp, .data = data};
    maple_rng rng = maple_rng_seed(training->seed);
    maple_own_epochs how = {.n = data->n,
                            .epochs = training->epochs,
                            .batch = training->batch,
                            .rate = training->rate,
                            .decay = training->decay,
                            .parameters = maple_mlp_count(mlp),
                            .hooks = training->hooks,
                            .context = &t,
                            .gradient = batch_gradient,
                            .error = batch_error};
    mlp->parameters = how.parameter = maple_alloc_aligned(how.parameters, sizeof(float));
    size_t batch = training->batch < data->n ? training->batch : data->n;
    maple_status status = mlp->parameters ? trainer_create(&t, batch, error) : maple_error_memory(error);
    if (status == MAPLE_OK) {
        initialise(mlp, &rng);
        status = maple_own_epochs_run(&how, training->held_out, &rng, error);
    }
    trainer_release(&t);
    return status;
}
