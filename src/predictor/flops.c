/* SPDX-License-Identifier: Apache-2.0 */
/* `flops`: latency = a FLOPs + b on the target's samples, with the FLOPs of what the graph form executes. */
#include "predictor/affine.h"
#include "predictor/predictor_vtable.h"

static maple_status flops_of(const maple_space *space, const maple_arch *canonical, double *out,
                             maple_error *error) {
    maple_cost cost;
    maple_status status = maple_space_cost(space, canonical, &cost, error);
    if (status == MAPLE_OK)
        *out = cost.flops;
    return status;
}

static maple_status fit(const maple_fit_request *request, const double *options, void **state,
                        maple_error *error) {
    (void)options;
    const maple_target *target = &request->target;
    maple_affine *affine = maple_alloc(1, sizeof *affine);
    double *x = maple_alloc(target->n_samples, sizeof *x);
    maple_status status = affine && x ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < target->n_samples && status == MAPLE_OK; i++) {
        maple_arch arch = maple_space_canonical(request->space, target->graph, &target->archs[i]);
        status = flops_of(request->space, &arch, &x[i], error);
    }
    if (status == MAPLE_OK) {
        *affine = maple_affine_fit(x, target->latency_ms, target->n_samples);
        *state = affine;
    } else {
        maple_free(affine);
    }
    maple_free(x);
    return status;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    for (size_t i = 0; i < n; i++) {
        double flops;
        maple_status status = flops_of(context->space, &archs[i], &flops, error);
        if (status != MAPLE_OK)
            return status;
        latency_ms[i] = maple_affine_apply(state, flops);
    }
    return MAPLE_OK;
}

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    return maple_affine_save(state, tensors, error);
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    (void)context;
    maple_affine affine;
    maple_status status = maple_affine_load(tensors, &affine, error);
    if (status != MAPLE_OK)
        return status;
    maple_affine *copy = maple_alloc(1, sizeof *copy);
    if (!copy)
        return maple_error_memory(error);
    *copy = affine;
    *state = copy;
    return MAPLE_OK;
}

const maple_predictor_vtable maple_predictor_flops = {
    .info = {.name = "flops",
             .description = "a * FLOPs + b by least squares on the samples (a > 0)",
             .min_samples = 1},
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free_state = maple_free,
};
