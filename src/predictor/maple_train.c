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
    uint32_t *batch_platform;
    size_t *order;
} trainer;

/* The paper's weights: 1 / sqrt(|X|) for the pool's samples, 1 / sqrt(|X^|) for the target's; here divided by
 * their mean, which leaves the minimum where it is and keeps gradients of order one. */
static void fill_targets(trainer *t, double sample_weight) {
    const maple_training *data = t->data;
    size_t n_samples = data->n - data->n_pool;
    double pool = 1 / sqrt((double)data->n_pool);
    double sample = n_samples > 0 ? sample_weight / sqrt((double)n_samples) : 0;
    double mean = (pool * (double)data->n_pool + sample * (double)n_samples) / (double)data->n;
    for (size_t i = 0; i < data->n; i++) {
        t->target[i] = (float)((data->residual[i] - data->mean) / data->sd);
        t->weight[i] = (float)((i < data->n_pool ? pool : sample) / mean);
        t->order[i] = i;
    }
}

static void train_batch(trainer *t, const size_t *rows, size_t n, float *parameters, size_t n_parameters) {
    const maple_training *data = t->data;
    for (size_t i = 0; i < n; i++) {
        size_t row = rows[i];
        memcpy(t->batch_codes + i * data->positions, data->codes + row * data->positions, data->positions);
        t->batch_platform[i] = data->platform[row];
        t->batch_target[i] = t->target[row];
        t->batch_weight[i] = t->weight[row];
    }
    maple_net_loss(t->work, parameters, t->descriptors, data->n_platforms, n, t->batch_codes,
                   t->batch_platform, t->batch_target, t->batch_weight, t->gradient);
    double progress = (double)t->step++ / (double)t->steps_total;
    double rate = t->rate * 0.5 * (1 + cos(3.14159265358979323846 * progress));
    nn_adam_step(&t->adam, n_parameters, rate, t->decay, t->gradient, parameters);
}

static maple_status trainer_init(trainer *t, const maple_net_shape *shape, const double *options) {
    size_t n = t->data->n, count = maple_net_layout(shape).offset[NET_TENSORS];
    t->batch = (size_t)options[OPT_BATCH];
    t->steps_total = (n + t->batch - 1) / t->batch * (size_t)options[OPT_EPOCHS];
    t->rate = options[OPT_RATE];
    t->decay = options[OPT_DECAY];
    t->work = maple_net_work_create(shape, t->batch, t->data->n_platforms, true);
    t->gradient = maple_alloc_aligned(3 * count, sizeof(float));
    t->target = maple_alloc(n, 2 * sizeof(float));
    t->batch_target = maple_alloc(t->batch, 2 * sizeof(float));
    t->batch_codes = maple_alloc(t->batch, t->data->positions);
    t->batch_platform = maple_alloc(t->batch, sizeof *t->batch_platform);
    t->order = maple_alloc(n, sizeof *t->order);
    if (!t->work || !t->gradient || !t->target || !t->batch_target || !t->batch_codes || !t->batch_platform ||
        !t->order)
        return MAPLE_OUT_OF_MEMORY;
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

maple_status maple_train(const maple_fit_request *request, const double *options,
                         const maple_training *training, const float *descriptors, maple_model *model,
                         maple_error *error) {
    size_t count = maple_net_layout(&model->shape).offset[NET_TENSORS], epochs = (size_t)options[OPT_EPOCHS];
    trainer t = {.data = training, .descriptors = descriptors};
    model->parameters = maple_alloc_aligned(count, sizeof(float));
    maple_status status = trainer_init(&t, &model->shape, options);
    if (status != MAPLE_OK || !model->parameters) {
        status = maple_error_memory(error);
        goto done;
    }
    maple_rng rng = maple_rng_seed(request->seed);
    maple_net_init(&model->shape, &rng, model->parameters);
    fill_targets(&t, options[OPT_SAMPLE_WEIGHT]);
    nn_blas_enter();
    for (size_t epoch = 0; epoch < epochs && status == MAPLE_OK; epoch++) {
        maple_rng_shuffle(&rng, training->n, t.order);
        for (size_t first = 0; first < training->n; first += t.batch) {
            size_t left = training->n - first;
            train_batch(&t, t.order + first, left < t.batch ? left : t.batch, model->parameters, count);
        }
        maple_report_progress(request->hooks, "fitting", (double)(epoch + 1), (double)epochs, "epochs");
        if (maple_is_cancelled(request->hooks))
            status = maple_error_set(error, MAPLE_INTERRUPTED,
                                     "fitting was interrupted after %zu of %zu epochs", epoch + 1, epochs);
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
        const float *y = maple_net_forward(work, model->parameters, count, codes, NULL);
        for (size_t i = 0; i < count; i++)
            out[first + i] = model->mean + model->sd * (double)y[i];
    }
    nn_blas_leave();
done:
    maple_net_work_free(work);
    maple_free(codes);
    return status;
}
