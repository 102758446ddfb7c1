/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the platforms of a training set, and how the network sees it: S of each. */
#include "predictor/maple_model.h"

#include <string.h>

maple_status maple_training_references(const maple_fit_request *request, maple_training *t,
                                       maple_error *error) {
    const double *target_ms = request->target.reference_ms;
    size_t n = maple_space_references(request->space);
    t->references = maple_alloc(t->n_platforms, n * sizeof *t->references);
    if (!t->references)
        return maple_error_memory(error);
    for (size_t p = 0; p + 1 < t->n_platforms; p++)
        maple_dataset_references(request->pool, &request->pool->platforms[t->rows[p]], t->references + p * n);
    if (target_ms)
        memcpy(t->references + (t->n_platforms - 1) * n, target_ms, n * sizeof *target_ms);
    return MAPLE_OK;
}

maple_measured maple_target_measured(const maple_target *target, const double *reference_ms) {
    return (maple_measured){target->graph,         target->operator_ms, target->counters_warm,
                            target->counters_cold, reference_ms,        target->counters};
}

/* Of platform p of the training set. */
static maple_measured measured_platform(const maple_fit_request *request, const maple_training *t, size_t p) {
    const double *reference_ms =
        t->references ? t->references + p * maple_space_references(request->space) : NULL;
    if (p + 1 == t->n_platforms)
        return maple_target_measured(&request->target, reference_ms);
    const maple_dataset_platform *source = &request->pool->platforms[t->rows[p]];
    return (maple_measured){source->platform.graph, source->operator_ms, source->counters_warm,
                            source->counters_cold,  reference_ms,        source->platform.counters};
}

/* descriptors[n_platforms, axes->kept], allocated here. */
static maple_status describe(const maple_fit_request *request, maple_parts parts, const maple_training *t,
                             bool target, maple_axes *axes, float **descriptors, maple_error *error) {
    size_t n = t->n_platforms;
    maple_measured *measured = maple_alloc(n, sizeof *measured);
    if (!measured)
        return maple_error_memory(error);
    for (size_t p = 0; p < n; p++)
        measured[p] = measured_platform(request, t, p);
    maple_status status = maple_axes_learn(request->space, parts, measured, n - 1,
                                           target ? &measured[n - 1] : NULL, axes, error);
    *descriptors = status == MAPLE_OK ? maple_alloc_aligned(n * axes->kept, sizeof(float)) : NULL;
    if (status == MAPLE_OK && !*descriptors)
        status = maple_error_memory(error);
    for (size_t p = 0; p < n - !target && status == MAPLE_OK; p++)
        status = maple_axes_apply(axes, request->space, &measured[p], *descriptors + p * axes->kept, error);
    maple_free(measured);
    return status;
}

maple_status maple_model_prepare(const maple_fit_request *request, const double *options,
                                 const maple_training *t, bool target, maple_model *model, maple_axes *axes,
                                 float **descriptors, maple_error *error) {
    maple_parts parts = {.operators = options[OPT_OPERATORS] != 0,
                         .counters = (int)options[OPT_COUNTERS],
                         .references = t->references != NULL,
                         .counters_per_latency = options[OPT_COUNTER_SCALE] == COUNTERS_PER_LATENCY};
    maple_status status = describe(request, parts, t, target, axes, descriptors, error);
    if (status != MAPLE_OK)
        return status;
    model->shape = (maple_net_shape){.positions = t->positions,
                                     .choices = (size_t)maple_space_ops(request->space),
                                     .width = (size_t)options[OPT_WIDTH],
                                     .embedding = (size_t)options[OPT_EMBEDDING],
                                     .descriptor = axes->kept};
    model->mean = t->mean;
    model->sd = t->sd;
    model->descriptor = maple_alloc_aligned(axes->kept, sizeof(float));
    if (!model->descriptor)
        return maple_error_memory(error);
    memcpy(model->descriptor, *descriptors + (t->n_platforms - 1) * axes->kept, axes->kept * sizeof(float));
    return MAPLE_OK;
}
