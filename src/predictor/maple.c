/* SPDX-License-Identifier: Apache-2.0 */
/* `maple`: the dual-stream regression of the MAPLE paper (docs/method.md), assembled, saved and loaded. */
#include "predictor/maple_model.h"

#include <math.h>

static const maple_option OPTIONS[OPT_COUNT] = {
    MAPLE_SHARED_OPTIONS,
    [OPT_REFERENCE_SAMPLES] = {.name = "reference_samples",
                               .value = REFERENCES_IN_BOTH,
                               .words = "none|base|loss|both",
                               .help = "where references are samples, too"},
    [OPT_SCALING] = {.name = "scaling",
                     .value = SCALING_LUT,
                     .words = "lut|costs",
                     .help = "log latency over the look-up table, or over fitted costs"},
    [OPT_CALIBRATION] = {.name = "calibration",
                         .value = CALIBRATION_SHARES,
                         .words = "none|level|shares",
                         .help = "of the table: none, its level, each operator's share"},
    [OPT_LEVEL_SD] =
        {.name = "level_sd", .value = 0.3, .min = 1e-6, .max = 100, .help = "belief about the level"},
    [OPT_SHARE_SD] =
        {.name = "share_sd", .value = 0.15, .min = 1e-6, .max = 100, .help = "belief about the shares"},
    [OPT_PRIOR_WEIGHT] =
        {.name = "prior_weight", .value = 0.5, .min = 1e-6, .max = 1000, .help = "of both, in platforms"},
    [OPT_COST_NOISE] =
        {.name = "cost_noise", .value = 0.06, .min = 1e-6, .max = 100, .help = "belief about costs"},
    [OPT_COST_SPREAD] =
        {.name = "cost_spread", .value = 2, .min = 0, .max = 1000, .help = "belief about costs"},
    [OPT_SAMPLE_WEIGHT] = {.name = "sample_weight",
                           .value = 0.1,
                           .min = 0,
                           .max = 1000,
                           .help = "of the target's samples in the loss, times the paper's"},
    [OPT_NETWORK] = {.name = "network",
                     .value = 1,
                     .min = 0,
                     .max = 1,
                     .whole = true,
                     .help = "0: the closed form alone"},
    [OPT_VIRTUAL] = {.name = "virtual",
                     .value = VIRTUAL_NOT,
                     .words = "false|true|both",
                     .help =
                         "MAPLE-X: virtual examples, in the loss (true) or in the closed form too (both)"},
    [OPT_VIRTUAL_COUNT] = {.name = "virtual_count",
                           .value = 10,
                           .min = 1,
                           .max = 1000,
                           .whole = true,
                           .help = "most virtual examples of a measured network"},
    [OPT_VIRTUAL_WITHIN] = {.name = "virtual_within",
                            .value = 0.05,
                            .min = 0,
                            .max = 10,
                            .help = "most that log latencies may differ by on any source"},
    [OPT_SIMILARITY] = {.name = "similarity",
                        .value = 0,
                        .words = "false|true",
                        .help = "MAPLE-X: sources count by the similarity of S to the target's"},
    [OPT_SIMILARITY_WIDTH] = {.name = "similarity_width",
                              .value = 1,
                              .min = 0.05,
                              .max = 1000,
                              .help = "of the Gaussian, in median distances"},
};

void maple_model_free(void *state) {
    maple_model *model = state;
    if (!model)
        return;
    maple_free(model->base.costs);
    maple_free(model->parameters);
    maple_free(model->descriptor);
    maple_free(model);
}

static maple_status weigh_sources(const double *options, maple_training *training, const float *descriptors,
                                  size_t length, maple_error *error) {
    size_t sources = training->n_platforms - 1;
    training->source_weight = maple_alloc(sources, sizeof *training->source_weight);
    if (!training->source_weight)
        return maple_error_memory(error);
    return maple_similarity(descriptors, sources, length, options[OPT_SIMILARITY_WIDTH],
                            training->source_weight, error);
}

static maple_status fit_model(const maple_fit_request *request, const double *options,
                              maple_training *training, maple_model *model, maple_error *error) {
    maple_base *base = &training->base[training->n_platforms - 1];
    float *descriptors = NULL;
    maple_axes axes = {0};
    model->base = *base;
    base->costs = NULL; /* the model's now */
    maple_status status =
        maple_model_prepare(request, options, training, true, model, &axes, &descriptors, error);
    if (status == MAPLE_OK && options[OPT_SIMILARITY] != 0)
        status = weigh_sources(options, training, descriptors, axes.kept, error);
    if (status == MAPLE_OK && options[OPT_NETWORK] == 0) { /* what it would add is multiplied by 0 */
        size_t count = maple_net_layout(&model->shape).offset[NET_TENSORS];
        model->mean = model->sd = 0;
        model->parameters = maple_alloc_aligned(count, sizeof(float));
        status = model->parameters ? MAPLE_OK : maple_error_memory(error);
    } else if (status == MAPLE_OK) {
        status =
            maple_train(request, options, options[OPT_SAMPLE_WEIGHT], training, descriptors, model, error);
    }
    if (status == MAPLE_OK)
        status = maple_model_correct(request, options, training, model, error);
    maple_axes_release(&axes);
    maple_free(descriptors);
    return status;
}

static maple_status fit(const maple_fit_request *request, const double *options, void **state,
                        maple_error *error) {
    maple_training training = {0};
    maple_model *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = maple_training_build(request, options, &training, error);
    if (status == MAPLE_OK)
        status = fit_model(request, options, &training, model, error);
    maple_training_release(&training);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_model_free(model);
    return status;
}

maple_status maple_model_predict(const void *state, const maple_model_context *context,
                                 const maple_arch *archs, size_t n, double *latency_ms, maple_error *error) {
    /* Beyond these a prediction is not a latency any more, and exp would leave the range of double. */
    const double least = -50, most = 50;
    const maple_model *model = state;
    maple_status status = maple_model_network(model, archs, n, latency_ms, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        double base;
        status = maple_base_log(&model->base, context, &archs[i], &base, error);
        if (status == MAPLE_OK)
            latency_ms[i] = exp(fmin(fmax(base + latency_ms[i], least), most));
    }
    return status;
}

/* --- Model files --- */

static size_t cost_count(const maple_space *space) {
    return 1 + maple_space_features(space);
}

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    const maple_model *model = state;
    const maple_base *base = &model->base;
    maple_status status = maple_model_save_network(model, tensors, error);
    if (status == MAPLE_OK)
        status =
            maple_tensors_add(tensors, "correction", MAPLE_F64, base->n_features, 0, base->correction, error);
    if (status == MAPLE_OK && base->has_lut)
        status = maple_lut_save(&base->lut, tensors, error);
    else if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "costs", MAPLE_F64, base->n_costs, 0, base->costs, error);
    return status;
}

static maple_status load_correction(const maple_tensors *tensors, const maple_space *space, maple_base *base,
                                    maple_error *error) {
    const void *data;
    maple_status status = maple_tensors_get(tensors, "correction", MAPLE_F64, MAPLE_ANY_ROWS, 0, &data,
                                            &base->n_features, error);
    if (status != MAPLE_OK)
        return status;
    size_t k = base->n_features;
    if (k > 1 && k != maple_feature_count(space))
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: tensor 'correction' has %zu elements, expected 0, 1 or %zu",
                               maple_tensors_path(tensors), k, maple_feature_count(space));
    return maple_tensors_copy(tensors, "correction", MAPLE_F64, k, 0, base->correction, error);
}

static maple_status load_model(const maple_tensors *tensors, const maple_model_context *context,
                               maple_model *model, maple_error *error) {
    maple_base *base = &model->base;
    maple_status status = maple_model_load_network(tensors, context->space, model, error);
    base->has_lut = maple_tensors_has(tensors, "operator_ms");
    if (status == MAPLE_OK)
        status = load_correction(tensors, context->space, base, error);
    if (status == MAPLE_OK && base->has_lut) {
        status = maple_lut_load(tensors, context->space, context->graph, &base->lut, error);
    } else if (status == MAPLE_OK) {
        base->n_costs = cost_count(context->space);
        base->costs = maple_alloc(base->n_costs, sizeof *base->costs);
        status = base->costs
                     ? maple_tensors_copy(tensors, "costs", MAPLE_F64, base->n_costs, 0, base->costs, error)
                     : maple_error_memory(error);
    }
    return status;
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    maple_model *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = load_model(tensors, context, model, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_model_free(model);
    return status;
}

static bool wants_references(const double *options, bool has_table) {
    return maple_references_wanted(options[OPT_REFERENCES], has_table);
}

const maple_predictor_vtable maple_predictor_maple = {
    .info = {.name = "maple",
             .description = "dual-stream regression on architecture and hardware descriptor (MAPLE, 2022)",
             .needs_pool = true,
             .min_samples = 1,
             .references = 10,
             .references_optional = true},
    .wants_references = wants_references,
    .options = OPTIONS,
    .n_options = OPT_COUNT,
    .fit = fit,
    .predict = maple_model_predict,
    .save = save,
    .load = load,
    .free_state = maple_model_free,
};
