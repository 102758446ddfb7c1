/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lut-fit`, `flops`, `params`: latency = a x + b on the target's samples, with x the look-up table's sum,
 * the FLOPs or the parameters of what the graph form executes.
 */
#include "predictor/affine.h"
#include "predictor/lut_table.h"
#include "predictor/predictor_vtable.h"

/* What x is. */
typedef struct line_feature {
    bool of_table; /* it comes from the look-up table */
    maple_status (*value)(const maple_lut *lut, const maple_model_context *context, const maple_arch *arch,
                          double *x, maple_error *error); /* of a canonical architecture */
} line_feature;

typedef struct line_model {
    const line_feature *feature;
    maple_affine affine;
    maple_lut lut; /* where feature->of_table */
} line_model;

static maple_status lut_of(const maple_lut *lut, const maple_model_context *context, const maple_arch *arch,
                           double *x, maple_error *error) {
    return maple_lut_sum(lut, context->space, context->graph, arch, x, error);
}

static maple_status flops_of(const maple_lut *lut, const maple_model_context *context, const maple_arch *arch,
                             double *x, maple_error *error) {
    (void)lut;
    maple_cost cost;
    maple_status status = maple_space_cost(context->space, arch, &cost, error);
    if (status == MAPLE_OK)
        *x = cost.flops;
    return status;
}

static maple_status params_of(const maple_lut *lut, const maple_model_context *context,
                              const maple_arch *arch, double *x, maple_error *error) {
    (void)lut;
    maple_cost cost;
    maple_status status = maple_space_cost(context->space, arch, &cost, error);
    if (status == MAPLE_OK)
        *x = cost.params;
    return status;
}

static const line_feature LUT = {.of_table = true, .value = lut_of}, FLOPS = {.value = flops_of},
                          PARAMS = {.value = params_of};

/* --- What the three share --- */

static maple_status fit(const line_feature *feature, const maple_fit_request *request, void **state,
                        maple_error *error) {
    const maple_target *target = &request->target;
    maple_model_context context = {.space = request->space, .graph = target->graph};
    line_model *model = maple_alloc(1, sizeof *model);
    double *x = maple_alloc(target->n_samples, sizeof *x);
    maple_status status = model && x ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK && feature->of_table)
        status = maple_lut_init(&model->lut, request->space, target->graph, target->operator_ms, error);
    for (size_t i = 0; i < target->n_samples && status == MAPLE_OK; i++)
        status = feature->value(&model->lut, &context, &target->archs[i], &x[i], error);
    if (status == MAPLE_OK) {
        model->feature = feature;
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
    const line_model *model = state;
    for (size_t i = 0; i < n; i++) {
        double x;
        maple_status status = model->feature->value(&model->lut, context, &archs[i], &x, error);
        if (status != MAPLE_OK)
            return status;
        latency_ms[i] = maple_affine_apply(&model->affine, x);
    }
    return MAPLE_OK;
}

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    const line_model *model = state;
    maple_status status = model->feature->of_table ? maple_lut_save(&model->lut, tensors, error) : MAPLE_OK;
    return status == MAPLE_OK ? maple_affine_save(&model->affine, tensors, error) : status;
}

static maple_status load(const line_feature *feature, const maple_tensors *tensors,
                         const maple_model_context *context, void **state, maple_error *error) {
    line_model *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    model->feature = feature;
    maple_status status = MAPLE_OK;
    if (feature->of_table)
        status = maple_lut_load(tensors, context->space, context->graph, &model->lut, error);
    if (status == MAPLE_OK)
        status = maple_affine_load(tensors, &model->affine, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_free(model);
    return status;
}

/* --- Registrations --- */

/* FEATURE is what differs. */
#define LINE_FUNCTIONS(NAME, FEATURE)                                                                        \
    static maple_status fit_##NAME(const maple_fit_request *request, const double *options, void **state,    \
                                   maple_error *error) {                                                     \
        (void)options;                                                                                       \
        return fit(&FEATURE, request, state, error);                                                         \
    }                                                                                                        \
    static maple_status load_##NAME(const maple_tensors *tensors, const maple_model_context *context,        \
                                    void **state, maple_error *error) {                                      \
        return load(&FEATURE, tensors, context, state, error);                                               \
    }
LINE_FUNCTIONS(lut, LUT)
LINE_FUNCTIONS(flops, FLOPS)
LINE_FUNCTIONS(params, PARAMS)

const maple_predictor_vtable maple_predictor_lut_fit = {
    .info = {.name = "lut-fit",
             .description = "a * LUT + b by least squares on the samples (a > 0)",
             .needs_operators = true,
             .min_samples = 1},
    .fit = fit_lut,
    .predict = predict,
    .save = save,
    .load = load_lut,
    .free_state = maple_free,
};

const maple_predictor_vtable maple_predictor_flops = {
    .info = {.name = "flops",
             .description = "a * FLOPs + b by least squares on the samples (a > 0)",
             .min_samples = 1},
    .fit = fit_flops,
    .predict = predict,
    .save = save,
    .load = load_flops,
    .free_state = maple_free,
};

const maple_predictor_vtable maple_predictor_params = {
    .info = {.name = "params",
             .description = "a * parameters + b by least squares on the samples (a > 0)",
             .min_samples = 1},
    .fit = fit_params,
    .predict = predict,
    .save = save,
    .load = load_params,
    .free_state = maple_free,
};
