/* SPDX-License-Identifier: Apache-2.0 */
/* Training and evaluation of the network of `maple`. */
#include "predictor/maple_model.h"

#include <math.h>
#include <string.h>

typedef struct trainer {
    const maple_training *data;
    const float *descriptors;
    size_t batch, steps_total, step;
    double rate, decay;
    maple_net_work *work;
    nn_adam adam;
    float *gradient, *target, *weight;  /* target, weight: [n] */
    float *batch_target, *batch_weight; /* [batch] */
    uint8_t *batch_codes;
    uint32_t *batch_platform, *batch_arch;
    size_t *order; /* rows in the order of training: those of one architecture together */
    size_t *by_arch,
        *group_start; /* rows sorted by architecture; where each architecture begins, and the end */
    size_t *group_order, n_groups;
} trainer;

static void fill_targets(trainer *t, double sample_weight) {
    const maple_training *data = t->data;
    for (size_t i = 0; i < data->n; i++)
        t->target[i] = (float)((data->residual[i] - data->mean) / data->sd);
    maple_row_weights(data, sample_weight, t->weight);
}

/* Finds rows of the same architecture. Stable: a row's place depends on nothing but the data. */
static void group_rows(trainer *t) {
    const maple_training *data = t->data;
    size_t positions = data->positions, *from = t->by_arch, *to = t->order;
    for (size_t i = 0; i < data->n; i++)
        from[i] = i;
    for (size_t p = positions; p-- > 0;) { /* counting sort, last position first */
        size_t count[257] = {0};
        for (size_t i = 0; i < data->n; i++)
            count[data->codes[i * positions + p] + 1]++;
        for (int c = 0; c < 256; c++)
            count[c + 1] += count[c];
        for (size_t i = 0; i < data->n; i++)
            to[count[data->codes[from[i] * positions + p]]++] = from[i];
        size_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != t->by_arch)
        memcpy(t->by_arch, from, data->n * sizeof *from);
    t->n_groups = 0;
    for (size_t i = 0; i < data->n; i++)
        if (i == 0 || memcmp(data->codes + t->by_arch[i] * positions,
                             data->codes + t->by_arch[i - 1] * positions, positions) != 0) {
            t->group_order[t->n_groups] = t->n_groups;
            t->group_start[t->n_groups++] = i;
        }
    t->group_start[t->n_groups] = data->n;
}

/* A new order of the architectures; the rows of each stay together. */
static void shuffle_groups(trainer *t, maple_rng *rng) {
    size_t at = 0;
    maple_rng_shuffle(rng, t->n_groups, t->group_order);
    for (size_t g = 0; g < t->n_groups; g++)
        for (size_t i = t->group_start[t->group_order[g]]; i < t->group_start[t->group_order[g] + 1]; i++)
            t->order[at++] = t->by_arch[i];
}

static void train_batch(trainer *t, const size_t *rows, size_t n, float *parameters, size_t n_parameters) {
    const maple_training *data = t->data;
    size_t positions = data->positions, archs = 0;
    for (size_t i = 0; i < n; i++) {
        size_t row = rows[i];
        const uint8_t *code = data->codes + row * positions;
        /* Rows of one architecture follow each other. */
        if (i == 0 || memcmp(code, t->batch_codes + (archs - 1) * positions, positions) != 0)
            memcpy(t->batch_codes + archs++ * positions, code, positions);
        t->batch_arch[i] = (uint32_t)(archs - 1);
        t->batch_platform[i] = data->platform[row];
        t->batch_target[i] = t->target[row];
        t->batch_weight[i] = t->weight[row];
    }
    maple_net_batch batch = {.n = n,
                             .n_archs = archs,
                             .codes = t->batch_codes,
                             .arch = t->batch_arch,
                             .platform = t->batch_platform};
    maple_net_loss(t->work, parameters, t->descriptors, data->n_platforms, &batch, t->batch_target,
                   t->batch_weight, t->gradient);
    double progress = (double)t->step++ / (double)t->steps_total;
    double rate = t->rate * 0.5 * (1 + cos(3.14159265358979323846 * progress));
    nn_adam_step(&t->adam, n_parameters, rate, t->decay, t->gradient, parameters);
}

static maple_status trainer_init(trainer *t, const maple_net_shape *shape, const double *options) {
    size_t n = t->data->n, count = maple_net_layout(shape).offset[NET_TENSORS];
    size_t most = (size_t)options[OPT_STEPS]; /* or epochs: whichever is reached first */
    t->batch = (size_t)options[OPT_BATCH];
    t->steps_total = (n + t->batch - 1) / t->batch * (size_t)options[OPT_EPOCHS];
    t->steps_total = t->steps_total < most ? t->steps_total : most;
    t->rate = options[OPT_RATE];
    t->decay = options[OPT_DECAY];
    t->work = maple_net_work_create(shape, t->batch, t->data->n_platforms, true);
    t->gradient = maple_alloc_aligned(3 * count, sizeof(float));
    t->target = maple_alloc(n, 2 * sizeof(float));
    t->batch_target = maple_alloc(t->batch, 2 * sizeof(float));
    t->batch_codes = maple_alloc(t->batch, t->data->positions);
    t->batch_platform = maple_alloc(t->batch, 2 * sizeof *t->batch_platform);
    t->order = maple_alloc(4 * n + 1, sizeof *t->order);
    if (!t->work || !t->gradient || !t->target || !t->batch_target || !t->batch_codes || !t->batch_platform ||
        !t->order)
        return MAPLE_OUT_OF_MEMORY;
    t->batch_arch = t->batch_platform + t->batch;
    t->by_arch = t->order + n;
    t->group_order = t->order + 2 * n;
    t->group_start = t->order + 3 * n;
    t->weight = t->target + n;
    t->batch_weight = t->batch_target + t->batch;
    t->adam = (nn_adam){.m = t->gradient + count,
                        .v = t->gradient + 2 * count,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .epsilon = 1e-8};
    return MAPLE_OK;
}

static void trainer_release(trainer *t) {
    maple_net_work_free(t->work);
    maple_free(t->gradient);
    maple_free(t->target);
    maple_free(t->batch_target);
    maple_free(t->batch_codes);
    maple_free(t->batch_platform);
    maple_free(t->order);
}

maple_status maple_train(const maple_fit_request *request, const double *options, double sample_weight,
                         const maple_training *training, const float *descriptors, maple_model *model,
                         maple_error *error) {
    size_t count = maple_net_layout(&model->shape).offset[NET_TENSORS];
    trainer t = {.data = training, .descriptors = descriptors};
    model->parameters = maple_alloc_aligned(count, sizeof(float));
    maple_status status = trainer_init(&t, &model->shape, options);
    if (status != MAPLE_OK || !model->parameters) {
        status = maple_error_memory(error);
        goto done;
    }
    maple_rng rng = maple_rng_seed(request->seed);
    maple_net_init(&model->shape, &rng, model->parameters);
    fill_targets(&t, sample_weight);
    group_rows(&t);
    nn_blas_enter();
    size_t in_epoch = (training->n + t.batch - 1) / t.batch;
    size_t epochs = (t.steps_total + in_epoch - 1) / in_epoch; /* the last may be cut short */
    for (size_t epoch = 0; epoch < epochs && status == MAPLE_OK; epoch++) {
        shuffle_groups(&t, &rng);
        for (size_t first = 0; first < training->n && t.step < t.steps_total; first += t.batch) {
            size_t left = training->n - first;
            train_batch(&t, t.order + first, left < t.batch ? left : t.batch, model->parameters, count);
        }
        maple_report_progress(request->hooks, "fitting", (double)(epoch + 1), (double)epochs, "epochs");
        if (maple_is_cancelled(request->hooks))
            status = maple_error_set(error, MAPLE_INTERRUPTED,
                                     "fitting was interrupted after %zu of %zu epochs; run it again",
                                     epoch + 1, epochs);
    }
    nn_blas_leave();
done:
    trainer_release(&t);
    return status;
}

maple_status maple_model_network(const maple_model *model, const maple_arch *archs, size_t n, double *out,
                                 maple_error *error) {
    enum { BLOCK = 256 };
    size_t positions = model->shape.positions;
    maple_net_work *work = maple_net_work_create(&model->shape, BLOCK, 1, false);
    uint8_t *codes = maple_alloc(BLOCK, positions);
    maple_status status = work && codes ? MAPLE_OK : maple_error_memory(error);
    if (status != MAPLE_OK)
        goto done;
    nn_blas_enter();
    maple_net_describe(work, model->parameters, model->descriptor, 1);
    for (size_t first = 0; first < n; first += BLOCK) {
        size_t count = n - first < BLOCK ? n - first : BLOCK;
        for (size_t i = 0; i < count; i++)
            memcpy(codes + i * positions, archs[first + i].op, positions);
        maple_net_batch batch = {.n = count, .n_archs = count, .codes = codes};
        const float *y = maple_net_forward(work, model->parameters, &batch);
        for (size_t i = 0; i < count; i++)
            out[first + i] = model->mean + model->sd * (double)y[i];
    }
    nn_blas_leave();
done:
    maple_net_work_free(work);
    maple_free(codes);
    return status;
}
