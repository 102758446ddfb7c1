/* SPDX-License-Identifier: Apache-2.0 */
/* `mlp-scratch`: a regression network on one-hot architectures, from the target's samples alone. */
#include "predictor/mlp.h"

#include "predictor/own_samples.h"
#include "predictor/predictor_vtable.h"

#include <string.h>

enum { OPT_EPOCHS, OPT_BATCH, OPT_WIDTH, OPT_RATE, OPT_DECAY, OPT_SCALE, OPT_COUNT };
enum { SCALE_LOG, SCALE_MS };

static const maple_option OPTIONS[OPT_COUNT] = {
    [OPT_EPOCHS] = {.name = "epochs", .value = 150, .min = 1, .max = 10000, .whole = true},
    [OPT_BATCH] = {.name = "batch", .value = 32, .min = 1, .max = 65536, .whole = true},
    [OPT_WIDTH] = {.name = "width", .value = 32, .min = 1, .max = 4096, .whole = true},
    [OPT_RATE] = {.name = "rate", .value = 1e-2, .min = 1e-8, .max = 1},
    [OPT_DECAY] = {.name = "decay", .value = 1, .min = 0, .max = 100},
    [OPT_SCALE] = {.name = "scale", .value = SCALE_MS, .words = "log|ms"},
};

typedef struct mlp_model {
    maple_mlp mlp;
    maple_own_scale scale;
} mlp_model;

static void free_model(void *state) {
    mlp_model *model = state;
    maple_free(model->mlp.parameters);
    maple_free(model);
}

/* --- Fitting --- */

static maple_status train(const maple_fit_request *request, const double *options,
                          const maple_own_sample *samples, mlp_model *model, maple_error *error) {
    size_t n = request->target.n_samples, positions = model->mlp.positions;
    double *values = maple_alloc(n, sizeof *values);
    uint8_t *codes = maple_alloc(n, positions);
    float *target = maple_alloc(2 * n, sizeof *target), *weight = target ? target + n : NULL;
    maple_status status = values && codes && target ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        model->scale = maple_own_scale_fit(options[OPT_SCALE] == SCALE_LOG, samples, n, values);
        for (size_t i = 0; i < n; i++) {
            memcpy(codes + i * positions, samples[i].arch.op, positions);
            target[i] = (float)values[i];
            weight[i] = 1;
        }
        maple_mlp_data data = {.n = n, .codes = codes, .target = target, .weight = weight};
        maple_mlp_training how = {.epochs = (size_t)options[OPT_EPOCHS],
                                  .batch = (size_t)options[OPT_BATCH],
                                  .rate = options[OPT_RATE],
                                  .decay = options[OPT_DECAY],
                                  .held_out = true,
                                  .seed = request->seed,
                                  .hooks = request->hooks};
        status = maple_mlp_train(&model->mlp, &data, &how, error);
    }
    maple_free(values);
    maple_free(codes);
    maple_free(target);
    return status;
}

static maple_status fit(const maple_fit_request *request, const double *options, void **state,
                        maple_error *error) {
    mlp_model *model = maple_alloc(1, sizeof *model);
    maple_own_sample *samples = maple_own_samples(&request->target);
    maple_status status = model && samples ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        model->mlp = (maple_mlp){.positions = (size_t)maple_space_positions(request->space),
                                 .choices = (size_t)maple_space_ops(request->space),
                                 .width = (size_t)options[OPT_WIDTH]};
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
    (void)context;
    const mlp_model *model = state;
    size_t positions = model->mlp.positions;
    uint8_t *codes = maple_alloc(n, positions);
    float *out = maple_alloc(n, sizeof *out);
    maple_status status = codes && out ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++)
        memcpy(codes + i * positions, archs[i].op, positions);
    if (status == MAPLE_OK)
        status = maple_mlp_forward(&model->mlp, codes, n, out, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++)
        latency_ms[i] = maple_own_scale_latency(&model->scale, (double)out[i]);
    maple_free(codes);
    maple_free(out);
    return status;
}

/* --- Model files --- */

static const char *const NAMES[MLP_PARTS] = {"mlp.0.weight", "mlp.0.bias",   "mlp.1.weight",
                                             "mlp.1.bias",   "mlp.2.weight", "mlp.2.bias"};

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    const mlp_model *model = state;
    maple_status status = maple_own_scale_save(&model->scale, tensors, error);
    for (int i = 0; i < MLP_PARTS && status == MAPLE_OK; i++) {
        maple_mlp_part part = maple_mlp_part_at(&model->mlp, i);
        status = maple_tensors_add(tensors, NAMES[i], MAPLE_F32, part.rows, part.columns,
                                   model->mlp.parameters + part.offset, error);
    }
    return status;
}

static maple_status load_parameters(const maple_tensors *tensors, maple_mlp *mlp, maple_error *error) {
    const void *data;
    maple_status status =
        maple_tensors_get(tensors, NAMES[MLP_B1], MAPLE_F32, MAPLE_ANY_ROWS, 0, &data, &mlp->width, error);
    if (status != MAPLE_OK)
        return status;
    if (mlp->width == 0 || mlp->width > 4096) /* before memory is asked for by its square */
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: a network %zu wide is refused",
                               maple_tensors_path(tensors), mlp->width);
    mlp->parameters = maple_alloc_aligned(maple_mlp_count(mlp), sizeof(float));
    if (!mlp->parameters)
        return maple_error_memory(error);
    for (int i = 0; i < MLP_PARTS && status == MAPLE_OK; i++) {
        maple_mlp_part part = maple_mlp_part_at(mlp, i);
        status = maple_tensors_copy(tensors, NAMES[i], MAPLE_F32, part.rows, part.columns,
                                    mlp->parameters + part.offset, error);
    }
    return status;
}

static maple_status load_model(const maple_tensors *tensors, const maple_model_context *context,
                               mlp_model *model, maple_error *error) {
    model->mlp = (maple_mlp){.positions = (size_t)maple_space_positions(context->space),
                             .choices = (size_t)maple_space_ops(context->space)};
    maple_status status = maple_own_scale_load(tensors, &model->scale, error);
    if (status != MAPLE_OK)
        return status;
    return load_parameters(tensors, &model->mlp, error);
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    mlp_model *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = load_model(tensors, context, model, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        free_model(model);
    return status;
}

const maple_predictor_vtable maple_predictor_mlp_scratch = {
    .info = {.name = "mlp-scratch",
             .description = "a network on one-hot architectures, from 900 samples of the target alone",
             .min_samples = 1,
             .own_samples = 900},
    .options = OPTIONS,
    .n_options = OPT_COUNT,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free_state = free_model,
};
