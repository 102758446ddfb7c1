/* SPDX-License-Identifier: Apache-2.0 */
/* Training and evaluation of the network of `mlp-scratch`. */
#include "predictor/mlp.h"

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
    const maple_mlp_training *how;
    size_t n_train; /* the first so many of `order`; the rest is held out */
    size_t *order;  /* [data->n] */
    size_t batch, steps, step;
    uint8_t *codes; /* [data->n, positions], batch after batch */
    float *target, *weight, *gradient, *best;
    nn_adam adam;
    work w;
} trainer;

static void gather(trainer *t, const size_t *rows, size_t n) {
    size_t positions = t->mlp->positions;
    for (size_t i = 0; i < n; i++) {
        memcpy(t->codes + i * positions, t->data->codes + rows[i] * positions, positions);
        t->target[i] = t->data->target[rows[i]];
        t->weight[i] = t->data->weight[rows[i]];
    }
}

static void train_epoch(trainer *t, maple_rng *rng, size_t count) {
    float *p = t->mlp->parameters;
    maple_rng_shuffle(rng, t->n_train, t->order);
    for (size_t first = 0; first < t->n_train; first += t->batch) {
        size_t n = t->n_train - first < t->batch ? t->n_train - first : t->batch;
        gather(t, t->order + first, n);
        forward(t->mlp, p, t->codes, n, &t->w);
        nn_absolute_loss(n, t->w.out, t->target, t->weight, t->w.d_out);
        backward(t->mlp, p, t->codes, n, &t->w, t->gradient);
        double progress = (double)t->step++ / (double)t->steps;
        double rate = t->how->rate * 0.5 * (1 + cos(3.14159265358979323846 * progress));
        nn_adam_step(&t->adam, count, rate, t->how->decay, t->gradient, p);
    }
}

/* The error on what was held out. */
static double held_out_error(trainer *t) {
    double sum = 0;
    for (size_t first = t->n_train; first < t->data->n; first += t->batch) {
        size_t n = t->data->n - first < t->batch ? t->data->n - first : t->batch;
        gather(t, t->order + first, n);
        forward(t->mlp, t->mlp->parameters, t->codes, n, &t->w);
        for (size_t i = 0; i < n; i++)
            sum += (double)t->weight[i] * fabs((double)t->w.out[i] - (double)t->target[i]);
    }
    return sum;
}

static maple_status trainer_create(trainer *t, size_t count, maple_error *error) {
    size_t n = t->data->n;
    t->n_train = n - (size_t)(t->how->held_out * (double)n);
    t->batch = t->how->batch < n ? t->how->batch : n;
    t->steps = (t->n_train + t->batch - 1) / t->batch * t->how->epochs;
    t->order = maple_alloc(n, sizeof *t->order);
    t->codes = maple_alloc(t->batch, t->mlp->positions);
    t->target = maple_alloc(2 * t->batch, sizeof(float));
    t->gradient = maple_alloc_aligned(4 * count, sizeof(float));
    if (!t->order || !t->codes || !t->target || !t->gradient)
        return maple_error_memory(error);
    t->weight = t->target + t->batch;
    t->best = t->gradient + 3 * count;
    t->adam = (nn_adam){.m = t->gradient + count,
                        .v = t->gradient + 2 * count,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .epsilon = 1e-8};
    for (size_t i = 0; i < n; i++)
        t->order[i] = i;
    return work_create(t->mlp, t->batch, &t->w, error);
}

static void trainer_release(trainer *t) {
    maple_free(t->order);
    maple_free(t->codes);
    maple_free(t->target);
    maple_free(t->gradient);
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

static maple_status run_epochs(trainer *t, maple_rng *rng, size_t count, maple_error *error) {
    /* The rate falls to 0 over all epochs; few fits are better before it has. */
    size_t epochs = t->how->epochs, patience = epochs / 4 + 1, best_epoch = 0;
    double best = INFINITY;
    bool stops = t->n_train < t->data->n;
    for (size_t epoch = 0; epoch < epochs; epoch++) {
        train_epoch(t, rng, count);
        maple_report_progress(t->how->hooks, "fitting", (double)(epoch + 1), (double)epochs, "epochs");
        if (maple_is_cancelled(t->how->hooks))
            return maple_error_set(error, MAPLE_INTERRUPTED,
                                   "fitting was interrupted after %zu of %zu epochs; run it again", epoch + 1,
                                   epochs);
        double now = stops ? held_out_error(t) : 0;
        if (stops && now < best) {
            best = now;
            best_epoch = epoch;
            memcpy(t->best, t->mlp->parameters, count * sizeof *t->best);
        }
        if (stops && epoch - best_epoch >= patience)
            break;
    }
    if (stops && isfinite(best))
        memcpy(t->mlp->parameters, t->best, count * sizeof *t->best);
    return MAPLE_OK;
}

maple_status maple_mlp_train(maple_mlp *mlp, const maple_mlp_data *data, const maple_mlp_training *training,
                             maple_error *error) {
    size_t count = maple_mlp_count(mlp);
    trainer t = {.mlp = mlp, .data = data, .how = training};
    maple_rng rng = maple_rng_seed(training->seed);
    mlp->parameters = maple_alloc_aligned(count, sizeof *mlp->parameters);
    maple_status status = mlp->parameters ? trainer_create(&t, count, error) : maple_error_memory(error);
    if (status == MAPLE_OK) {
        initialise(mlp, &rng);
        maple_rng_shuffle(&rng, data->n, t.order); /* says what is held out */
        nn_blas_enter();
        status = run_epochs(&t, &rng, count, error);
        nn_blas_leave();
    }
    trainer_release(&t);
    return status;
}
