/* SPDX-License-Identifier: Apache-2.0 */
/* Training on the target's own samples, epoch after epoch. */
#include "predictor/own_samples.h"

#include <math.h>
#include <string.h>

typedef struct trainer {
    const maple_own_epochs *how;
    size_t n_train; /* the first so many of `order`; the rest is held out */
    size_t *order;  /* [how->n] */
    size_t batch, steps, step;
    float *gradient, *best;
    nn_adam adam;
} trainer;

static void train_epoch(trainer *t, maple_rng *rng) {
    const maple_own_epochs *how = t->how;
    maple_rng_shuffle(rng, t->n_train, t->order);
    for (size_t first = 0; first < t->n_train; first += t->batch) {
        size_t n = t->n_train - first < t->batch ? t->n_train - first : t->batch;
        how->gradient(how->context, t->order + first, n, t->gradient);
        double progress = (double)t->step++ / (double)t->steps;
        double rate = how->rate * 0.5 * (1 + cos(3.14159265358979323846 * progress));
        nn_adam_step(&t->adam, how->parameters, rate, how->decay, t->gradient, how->parameter);
    }
}

static double held_out_error(const trainer *t) {
    const maple_own_epochs *how = t->how;
    double sum = 0;
    for (size_t first = t->n_train; first < how->n; first += t->batch) {
        size_t n = how->n - first < t->batch ? how->n - first : t->batch;
        sum += how->error(how->context, t->order + first, n);
    }
    return sum;
}

static maple_status trainer_create(trainer *t, bool held_out, maple_error *error) {
    enum { ENOUGH = 50 }; /* to hold a tenth out */
    size_t n = t->how->n, count = t->how->parameters;
    t->n_train = n - (held_out && n >= ENOUGH ? n / 10 : 0);
    t->batch = t->how->batch < n ? t->how->batch : n;
    t->steps = (t->n_train + t->batch - 1) / t->batch * t->how->epochs;
    t->order = maple_alloc(n, sizeof *t->order);
    t->gradient = maple_alloc_aligned(4 * count, sizeof(float));
    if (!t->order || !t->gradient)
        return maple_error_memory(error);
    t->best = t->gradient + 3 * count;
    t->adam = (nn_adam){.m = t->gradient + count,
                        .v = t->gradient + 2 * count,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .epsilon = 1e-8};
    for (size_t i = 0; i < n; i++)
        t->order[i] = i;
    return MAPLE_OK;
}

static maple_status run_epochs(trainer *t, maple_rng *rng, maple_error *error) {
    const maple_own_epochs *how = t->how;
    /* The rate falls to 0 over all epochs; few fits are better before it has. */
    size_t epochs = how->epochs, patience = epochs / 4 + 1, best_epoch = 0;
    size_t bytes = how->parameters * sizeof *t->best;
    double best = INFINITY;
    bool stops = t->n_train < how->n;
    for (size_t epoch = 0; epoch < epochs; epoch++) {
        train_epoch(t, rng);
        maple_report_progress(how->hooks, "fitting", (double)(epoch + 1), (double)epochs, "epochs");
        if (maple_is_cancelled(how->hooks))
            return maple_error_set(error, MAPLE_INTERRUPTED,
                                   "fitting was interrupted after %zu of %zu epochs; run it again", epoch + 1,
                                   epochs);
        double now = stops ? held_out_error(t) : 0;
        if (stops && now < best) {
            best = now;
            best_epoch = epoch;
            memcpy(t->best, how->parameter, bytes);
        }
        if (stops && epoch - best_epoch >= patience)
            break;
    }
    if (stops && isfinite(best))
        memcpy(how->parameter, t->best, bytes);
    return MAPLE_OK;
}

maple_status maple_own_epochs_run(const maple_own_epochs *training, bool held_out, maple_rng *rng,
                                  maple_error *error) {
    trainer t = {.how = training};
    maple_status status = trainer_create(&t, held_out, error);
    if (status == MAPLE_OK) {
        maple_rng_shuffle(rng, training->n, t.order); /* says what is held out */
        nn_blas_enter();
        status = run_epochs(&t, rng, error);
        nn_blas_leave();
    }
    maple_free(t.order);
    maple_free(t.gradient);
    return status;
}
