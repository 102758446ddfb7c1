/* SPDX-License-Identifier: Apache-2.0 */
/* What a request must hold before a predictor sees it, and a row before one learns from it. */
#include "predictor/predictor_internal.h"

#include <math.h>

static maple_status check_samples(const maple_predictor_info *info, const maple_fit_request *request,
                                  maple_error *error) {
    const maple_target *target = &request->target;
    size_t needed = (size_t)info->min_samples;
    if (target->n_samples < needed)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "predictor %s needs at least %zu latenc%s of the target, and got %zu: give it "
                               "more samples; where the target has no more latencies, measure or import some",
                               info->name, needed, needed == 1 ? "y" : "ies", target->n_samples);
    if (target->n_samples > 0 && (!target->archs || !target->latency_ms))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "predictor %s: %zu samples announced, none given",
                               info->name, target->n_samples);
    for (size_t i = 0; i < target->n_samples; i++) {
        double ms = target->latency_ms[i];
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(request->space, &target->archs[i], text);
        if (!isfinite(ms) || ms <= 0)
            return maple_error_set(
                error, MAPLE_BAD_INPUT,
                "sample %zu, %s: latency %g ms is not a positive number: measure it again or "
                "leave it out",
                i + 1, text, ms);
        if (target->graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(request->space, &target->archs[i]))
            return maple_error_set(
                error, MAPLE_BAD_INPUT,
                "sample %zu, %s: no path from input to output, which a pruned platform does not "
                "run: leave it out",
                i + 1, text);
    }
    return MAPLE_OK;
}

maple_status maple_check_pool(const maple_predictor_info *info, const maple_fit_request *request,
                              maple_error *error) {
    const maple_dataset *pool = request->pool;
    if (!info->needs_pool)
        return MAPLE_OK;
    if (!pool || request->n_sources == 0 || !request->sources)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "predictor %s learns from other platforms and was given none: name a pool with other "
            "platforms, or use lut-fit",
            info->name);
    if (pool->space != request->space)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "the pool is of space %s, the target of %s",
                               maple_space_name(pool->space), maple_space_name(request->space));
    for (size_t i = 0; i < request->n_sources; i++)
        if (request->sources[i] >= pool->n_platforms)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "source row %zu: the pool has %zu platforms",
                                   request->sources[i], pool->n_platforms);
    for (size_t i = 0; request->train && i < request->n_train; i++)
        if (request->train[i] >= pool->n_archs)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "training row %zu: the pool has %zu architectures", request->train[i],
                                   pool->n_archs);
    return MAPLE_OK;
}

/* Those that a predictor takes are positive where they are known, and some are known where it cannot do
 * without. */
static maple_status check_references(const maple_predictor_info *info, const maple_fit_request *request,
                                     maple_error *error) {
    const double *reference_ms = request->target.reference_ms;
    size_t n = reference_ms ? (size_t)info->references : 0, known = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(reference_ms[i]))
            continue;
        known++;
        if (isfinite(reference_ms[i]) && reference_ms[i] > 0)
            continue;
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_arch arch = maple_space_reference(request->space, i);
        maple_space_format(request->space, &arch, text);
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "reference architecture %zu, %s: latency %g ms is not a positive number: "
                               "measure it again or leave it out",
                               i + 1, text, reference_ms[i]);
    }
    if (info->references > 0 && !info->references_optional && known == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "predictor %s needs latencies of the target's %d reference architectures and "
                               "was given none: measure them",
                               info->name, info->references);
    return MAPLE_OK;
}

maple_status maple_check_target(const maple_predictor_info *info, const maple_fit_request *request,
                                maple_error *error) {
    maple_status status = check_samples(info, request, error);
    if (status != MAPLE_OK)
        return status;
    if (info->needs_operators && !request->target.operator_ms)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "predictor %s needs the operator latencies of the target: profile it (maple profile)",
            info->name);
    if (info->oracle && !request->target.oracle_ms)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "predictor %s needs all latencies of the target, those that are to be "
                               "predicted, too; it is for tables only: maple evaluate gives it",
                               info->name);
    return check_references(info, request, error);
}
