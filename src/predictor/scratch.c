/* SPDX-License-Identifier: Apache-2.0 */
/* `scratch`: a structured linear model of the target's samples alone. */
#include "predictor/predictor_vtable.h"
#include "predictor/structured.h"

static void free_model(void *state) {
    maple_structured_release(state);
    maple_free(state);
}

static maple_status fit(const maple_fit_request *request, const double *options, void **state,
                        maple_error *error) {
    (void)options;
    const maple_target *target = &request->target;
    maple_structured *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = maple_structured_fit(request->space, target->graph, target->archs,
                                               target->latency_ms, target->n_samples, model, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_free(model);
    return status;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    double *features = maple_alloc(maple_space_features(context->space), sizeof *features);
    if (!features)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++) {
        maple_space_feature_values(context->space, &archs[i], features);
        latency_ms[i] = maple_structured_apply(state, features);
    }
    maple_free(features);
    return MAPLE_OK;
}

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    return maple_structured_save(state, 1, tensors, error);
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    maple_structured *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = maple_structured_load(tensors, context->space, 1, model, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_free(model);
    return status;
}

const maple_predictor_vtable maple_predictor_scratch = {
    .info = {.name = "scratch",
             .description = "Bayesian linear regression on structured features, from the samples alone",
             .min_samples = 1},
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free_state = free_model,
};
