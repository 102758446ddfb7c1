/* SPDX-License-Identifier: Apache-2.0 */
/* `lut`: the paper's look-up table, without any fitting. */
#include "predictor/lut_table.h"
#include "predictor/predictor_vtable.h"

static maple_status fit(const maple_fit_request *request, const double *options, void **state,
                        maple_error *error) {
    (void)options;
    maple_lut *lut = maple_alloc(1, sizeof *lut);
    if (!lut)
        return maple_error_memory(error);
    maple_status status =
        maple_lut_init(lut, request->space, request->target.graph, request->target.operator_ms, error);
    if (status == MAPLE_OK)
        *state = lut;
    else
        maple_free(lut);
    return status;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t i = 0; i < n && status == MAPLE_OK; i++)
        status = maple_lut_sum(state, context->space, context->graph, &archs[i], &latency_ms[i], error);
    return status;
}

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    return maple_lut_save(state, tensors, error);
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    maple_lut *lut = maple_alloc(1, sizeof *lut);
    if (!lut)
        return maple_error_memory(error);
    maple_status status = maple_lut_load(tensors, context->space, context->graph, lut, error);
    if (status == MAPLE_OK)
        *state = lut;
    else
        maple_free(lut);
    return status;
}

const maple_predictor_vtable maple_predictor_lut = {
    .info = {.name = "lut",
             .description = "sum of the latencies of the operators that run",
             .needs_operators = true,
             .min_samples = 0},
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free_state = maple_free,
};
