/* SPDX-License-Identifier: Apache-2.0 */
/* `lut-fit`: latency = a LUT + b on the target's samples. */
#include "predictor/affine.h"
#include "predictor/lut_table.h"
#include "predictor/predictor_vtable.h"

typedef struct lut_fit {
    maple_lut lut;
    maple_affine affine;
} lut_fit;

static maple_status fit(const maple_fit_request *request, const double *options, void **state,
                        maple_error *error) {
    (void)options;
    const maple_target *target = &request->target;
    lut_fit *model = maple_alloc(1, sizeof *model);
    double *x = maple_alloc(target->n_samples, sizeof *x);
    maple_status status = model && x ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_lut_init(&model->lut, request->space, target->graph, target->operator_ms, error);
    for (size_t i = 0; i < target->n_samples && status == MAPLE_OK; i++) {
        maple_arch arch = maple_space_canonical(request->space, target->graph, &target->archs[i]);
        status = maple_lut_sum(&model->lut, request->space, target->graph, &arch, &x[i], error);
    }
    if (status == MAPLE_OK) {
        model->affine = maple_affine_fit(x, target->latency_ms, target->n_samples);
        *state = model;
    } else {
        maple_free(model);
    }
    maple_free(x);
    return status;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    const lut_fit *model = state;
    for (size_t i = 0; i < n; i++) {
        double sum;
        maple_status status =
            maple_lut_sum(&model->lut, context->space, context->graph, &archs[i], &sum, error);
        if (status != MAPLE_OK)
            return status;
        latency_ms[i] = maple_affine_apply(&model->affine, sum);
    }
    return MAPLE_OK;
}

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    const lut_fit *model = state;
    maple_status status = maple_lut_save(&model->lut, tensors, error);
    return status == MAPLE_OK ? maple_affine_save(&model->affine, tensors, error) : status;
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    lut_fit *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = maple_lut_load(tensors, context->space, context->graph, &model->lut, error);
    if (status == MAPLE_OK)
        status = maple_affine_load(tensors, &model->affine, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_free(model);
    return status;
}

const maple_predictor_vtable maple_predictor_lut_fit = {
    .info = {.name = "lut-fit",
             .description = "a * LUT + b by least squares on the samples (a > 0)",
             .needs_operators = true,
             .min_samples = 1},
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free_state = maple_free,
};
