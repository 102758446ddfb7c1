/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `brp-gcn`: the latency predictor of BRP-NAS (Dudziak et al., NeurIPS 2020), a graph convolutional network
 * trained on the target's samples alone. docs/method.md says what is the paper's and what is ours.
 */
#include "predictor/brp_net.h"
#include "predictor/own_samples.h"
#include "predictor/predictor_vtable.h"

#include <math.h>

enum { OPT_EPOCHS, OPT_BATCH, OPT_WIDTH, OPT_RATE, OPT_DECAY, OPT_SCALE, OPT_GRAPH, OPT_COUNT };
enum { SCALE_LOG, SCALE_MS };
enum { GRAPH_PRUNED, GRAPH_WRITTEN };
enum { MAX_WIDTH = 2048 };

static const maple_option OPTIONS[OPT_COUNT] = {
    [OPT_EPOCHS] = {.name = "epochs", .value = 40, .min = 1, .max = 10000, .whole = true},
    [OPT_BATCH] = {.name = "batch", .value = 16, .min = 1, .max = 65536, .whole = true},
    [OPT_WIDTH] = {.name = "width", .value = 600, .min = 1, .max = MAX_WIDTH, .whole = true},
    [OPT_RATE] = {.name = "rate", .value = 4e-4, .min = 1e-8, .max = 1},
    [OPT_DECAY] = {.name = "decay", .value = 5e-4, .min = 0, .max = 100},
    [OPT_SCALE] = {.name = "scale", .value = SCALE_MS, .words = "log|ms"},
    [OPT_GRAPH] = {.name = "graph", .value = GRAPH_PRUNED, .words = "pruned|written"},
};

typedef struct brp_model {
    help_shape shape;
    maple_own_scale scale;
    float *parameters; /* [brp_layout_of(&shape).parameters] */
} brp_model;

static void free_model(void *state) {
    brp_model *model = state;
    maple_free(model->parameters);
    maple_free(model);
}

/* --- Fitting --- */

typedef struct trainer {
    const brp_model *model;
    const maple_own_sample *samples;
    double *values; /* [samples] */
    help_batch *batch;
    brp_work *work;
    maple_arch *archs;      /* [batch] */
    float *target, *weight; /* [batch] */
} trainer;

static maple_status trainer_create(trainer *t, const maple_space *space, size_t n, size_t capacity,
                                   maple_error *error) {
    t->values = maple_alloc(n, sizeof *t->values);
    t->batch = help_batch_create(space, &t->model->shape, capacity);
    t->work = brp_work_create(space, &t->model->shape, capacity, true);
    t->archs = maple_alloc(capacity, sizeof *t->archs);
    t->target = maple_alloc(2 * capacity, sizeof *t->target);
    if (!t->values || !t->batch || !t->work || !t->archs || !t->target)
        return maple_error_memory(error);
    t->weight = t->target + capacity;
    for (size_t i = 0; i < capacity; i++)
        t->weight[i] = 1;
    return MAPLE_OK;
}

static void trainer_release(trainer *t) {
    maple_free(t->values);
    help_batch_free(t->batch);
    brp_work_free(t->work);
    maple_free(t->archs);
    maple_free(t->target);
}

static void forward(trainer *t, const size_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        t->archs[i] = t->samples[rows[i]].arch;
        t->target[i] = (float)t->values[rows[i]];
    }
    help_batch_build(t->batch, t->archs, n);
    brp_net_forward(&t->model->shape, t->model->parameters, t->batch, t->work);
}

static void batch_gradient(void *context, const size_t *rows, size_t n, float *gradient) {
    trainer *t = context;
    forward(t, rows, n);
    nn_absolute_loss(n, t->work->out, t->target, t->weight, t->work->d_out);
    brp_net_backward(&t->model->shape, t->model->parameters, t->batch, t->work, gradient);
}

static double batch_error(void *context, const size_t *rows, size_t n) {
    trainer *t = context;
    double sum = 0;
    forward(t, rows, n);
    for (size_t i = 0; i < n; i++)
        sum += fabs((double)t->work->out[i] - (double)t->target[i]);
    return sum;
}

static maple_status train(const maple_fit_request *request, const double *options,
                          const maple_own_sample *samples, brp_model *model, maple_error *error) {
    size_t n = request->target.n_samples, batch = (size_t)options[OPT_BATCH];
    trainer t = {.model = model, .samples = samples};
    maple_rng rng = maple_rng_seed(request->seed);
    maple_own_epochs how = {.n = n,
                            .epochs = (size_t)options[OPT_EPOCHS],
                            .batch = batch,
                            .rate = options[OPT_RATE],
                            .decay = options[OPT_DECAY],
                            .parameters = brp_layout_of(&model->shape).parameters,
                            .hooks = request->hooks,
                            .context = &t,
                            .gradient = batch_gradient,
                            .error = batch_error};
    model->parameters = how.parameter = maple_alloc_aligned(how.parameters, sizeof *how.parameter);
    maple_status status = model->parameters
                              ? trainer_create(&t, request->space, n, batch < n ? batch : n, error)
                              : maple_error_memory(error);
    if (status == MAPLE_OK) {
        model->scale = maple_own_scale_fit(options[OPT_SCALE] == SCALE_LOG, samples, n, t.values);
        brp_net_init(&model->shape, &rng, model->parameters);
        status = maple_own_epochs_run(&how, true, &rng, error);
    }
    trainer_release(&t);
    return status;
}

static maple_status fit(const maple_fit_request *request, const double *options, void **state,
                        maple_error *error) {
    brp_model *model = maple_alloc(1, sizeof *model);
    maple_own_sample *samples = maple_own_samples(&request->target);
    maple_status status = model && samples ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        model->shape = help_op_graph_shape(request->space, options[OPT_GRAPH] == GRAPH_WRITTEN,
                                           (size_t)options[OPT_WIDTH]);
        status = train(request, options, samples, model, error);
    }
    maple_free(samples);
    if (status == MAPLE_OK)
        *state = model;
    else if (model)
        free_model(model);
    return status;
}

/* --- Prediction --- */

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    enum { BLOCK = 256 };
    const brp_model *model = state;
    size_t capacity = n < BLOCK ? n : BLOCK;
    if (n == 0)
        return MAPLE_OK;
    help_batch *batch = help_batch_create(context->space, &model->shape, capacity);
    brp_work *work = brp_work_create(context->space, &model->shape, capacity, false);
    maple_status status = batch && work ? MAPLE_OK : maple_error_memory(error);
    nn_blas_enter();
    for (size_t first = 0; first < n && status == MAPLE_OK; first += capacity) {
        size_t here = n - first < capacity ? n - first : capacity;
        help_batch_build(batch, archs + first, here);
        brp_net_forward(&model->shape, model->parameters, batch, work);
        for (size_t i = 0; i < here; i++)
            latency_ms[first + i] = maple_own_scale_latency(&model->scale, (double)work->out[i]);
    }
    nn_blas_leave();
    help_batch_free(batch);
    brp_work_free(work);
    return status;
}

/* --- Model files --- */

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    const brp_model *model = state;
    double shape[2] = {(double)model->shape.width, model->shape.graph == HELP_LINE_GRAPH};
    maple_status status = maple_own_scale_save(&model->scale, tensors, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "shape", MAPLE_F64, 2, 0, shape, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "gcn", MAPLE_F32, brp_layout_of(&model->shape).parameters, 0,
                                   model->parameters, error);
    return status;
}

static maple_status load_network(const maple_tensors *tensors, const maple_space *space, brp_model *model,
                                 maple_error *error) {
    double shape[2];
    maple_status status = maple_tensors_copy(tensors, "shape", MAPLE_F64, 2, 0, shape, error);
    if (status != MAPLE_OK)
        return status;
    if (!(shape[0] >= 1 && shape[0] <= MAX_WIDTH && shape[0] == floor(shape[0])))
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor 'shape': a network %g wide is refused",
                               maple_tensors_path(tensors), shape[0]);
    model->shape = help_op_graph_shape(space, shape[1] != 0, (size_t)shape[0]);
    size_t count = brp_layout_of(&model->shape).parameters;
    model->parameters = maple_alloc_aligned(count, sizeof *model->parameters);
    return model->parameters
               ? maple_tensors_copy(tensors, "gcn", MAPLE_F32, count, 0, model->parameters, error)
               : maple_error_memory(error);
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    brp_model *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = maple_own_scale_load(tensors, &model->scale, error);
    if (status == MAPLE_OK)
        status = load_network(tensors, context->space, model, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        free_model(model);
    return status;
}

const maple_predictor_vtable maple_predictor_brp_gcn = {
    .info = {.name = "brp-gcn",
             .description = "BRP-NAS: a graph network, from 900 samples of the target alone",
             .min_samples = 1,
             .slow = true,
             .own_samples = 900},
    .options = OPTIONS,
    .n_options = OPT_COUNT,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free_state = free_model,
};
