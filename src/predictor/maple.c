/* SPDX-License-Identifier: Apache-2.0 */
/* `maple`: the dual-stream regression of the MAPLE paper (docs/method.md), assembled, saved and loaded. */
#include "predictor/maple_model.h"

#include <math.h>
#include <string.h>

static const maple_option OPTIONS[OPT_COUNT] = {
    [OPT_EPOCHS] = {.name = "epochs", .value = 50, .min = 1, .max = 10000, .whole = true},
    [OPT_BATCH] = {.name = "batch", .value = 128, .min = 1, .max = 65536, .whole = true},
    [OPT_WIDTH] = {.name = "width", .value = 128, .min = 1, .max = 4096, .whole = true},
    [OPT_EMBEDDING] = {.name = "embedding", .value = 32, .min = 1, .max = 4096, .whole = true},
    [OPT_RATE] = {.name = "rate", .value = 1e-3, .min = 1e-8, .max = 1},
    [OPT_DECAY] = {.name = "decay", .value = 1, .min = 0, .max = 100},
    [OPT_STEPS] = {.name = "steps", .value = 12800, .min = 1, .max = 1e9, .whole = true},
    [OPT_SOURCE_ARCHS] = {.name = "source_archs", .value = 900, .min = 0, .max = 1e9, .whole = true},
    [OPT_OPERATORS] = {.name = "operators", .value = 1, .min = 0, .max = 1, .whole = true},
    [OPT_COUNTERS] = {.name = "counters", .value = 1, .min = 0, .max = 1, .whole = true},
    [OPT_COUNTER_SCALE] = {.name = "counter_scale",
                           .value = COUNTERS_PER_LATENCY,
                           .words = "per-latency|per-run"},
    [OPT_REFERENCES] = {.name = "references", .value = 0, .words = "auto|0|1"},
    [OPT_REFERENCE_SAMPLES] = {.name = "reference_samples",
                               .value = REFERENCES_IN_BOTH,
                               .words = "none|base|loss|both"},
    [OPT_SCALING] = {.name = "scaling", .value = SCALING_LUT, .words = "lut|costs"},
    [OPT_CALIBRATION] = {.name = "calibration", .value = CALIBRATION_SHARES, .words = "none|level|shares"},
    [OPT_LEVEL_SD] = {.name = "level_sd", .value = 0.3, .min = 1e-6, .max = 100},
    [OPT_SHARE_SD] = {.name = "share_sd", .value = 0.15, .min = 1e-6, .max = 100},
    [OPT_PRIOR_WEIGHT] = {.name = "prior_weight", .value = 0.5, .min = 1e-6, .max = 1000},
    [OPT_COST_NOISE] = {.name = "cost_noise", .value = 0.06, .min = 1e-6, .max = 100},
    [OPT_COST_SPREAD] = {.name = "cost_spread", .value = 2, .min = 0, .max = 1000},
    [OPT_SAMPLE_WEIGHT] = {.name = "sample_weight", .value = 0.1, .min = 0, .max = 1000},
    [OPT_NETWORK] = {.name = "network", .value = 1, .min = 0, .max = 1, .whole = true},
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

/* What is known of platform p of the training set. */
static maple_measured measured_platform(const maple_fit_request *request, const maple_training *t, size_t p) {
    const double *reference_ms =
        t->references ? t->references + p * maple_space_references(request->space) : NULL;
    if (p + 1 == t->n_platforms) {
        const maple_target *target = &request->target;
        return (maple_measured){target->graph, target->operator_ms, target->counters_warm,
                                target->counters_cold, reference_ms};
    }
    const maple_dataset_platform *source = &request->pool->platforms[t->rows[p]];
    return (maple_measured){source->platform.graph, source->operator_ms, source->counters_warm,
                            source->counters_cold, reference_ms};
}

/* S of all platforms, the target's last: descriptors[n_platforms, *columns], freed by the caller. */
static maple_status describe(const maple_fit_request *request, const double *options, const maple_training *t,
                             float **descriptors, size_t *columns, maple_error *error) {
    size_t n = t->n_platforms;
    maple_axes axes = {0};
    maple_measured *measured = maple_alloc(n, sizeof *measured);
    if (!measured)
        return maple_error_memory(error);
    for (size_t p = 0; p < n; p++)
        measured[p] = measured_platform(request, t, p);
    maple_parts parts = {.operators = options[OPT_OPERATORS] != 0,
                         .counters = options[OPT_COUNTERS] != 0,
                         .references = t->references != NULL,
                         .counters_per_latency = options[OPT_COUNTER_SCALE] == COUNTERS_PER_LATENCY};
    maple_status status =
        maple_axes_learn(request->space, parts, measured, n - 1, &measured[n - 1], &axes, error);
    *columns = axes.kept;
    *descriptors = status == MAPLE_OK ? maple_alloc_aligned(n * axes.kept, sizeof(float)) : NULL;
    if (status == MAPLE_OK && !*descriptors)
        status = maple_error_memory(error);
    for (size_t p = 0; p < n && status == MAPLE_OK; p++)
        status = maple_axes_apply(&axes, request->space, &measured[p], *descriptors + p * axes.kept, error);
    maple_axes_release(&axes);
    maple_free(measured);
    return status;
}

static maple_status train_network(const maple_fit_request *request, const double *options,
                                  const maple_training *training, const float *descriptors,
                                  maple_model *model, maple_error *error) {
    if (options[OPT_NETWORK] == 0) { /* what it would add is multiplied by model->sd, 0 */
        size_t count = maple_net_layout(&model->shape).offset[NET_TENSORS];
        model->parameters = maple_alloc_aligned(count, sizeof(float));
        return model->parameters ? MAPLE_OK : maple_error_memory(error);
    }
    maple_train_settings settings = {.epochs = (size_t)options[OPT_EPOCHS],
                                     .steps = (size_t)options[OPT_STEPS],
                                     .batch = (size_t)options[OPT_BATCH],
                                     .rate = options[OPT_RATE],
                                     .decay = options[OPT_DECAY],
                                     .sample_weight = options[OPT_SAMPLE_WEIGHT],
                                     .seed = request->seed,
                                     .hooks = request->hooks};
    return maple_train(&settings, training, descriptors, model, error);
}

static maple_status fit_model(const maple_fit_request *request, const double *options,
                              maple_training *training, maple_model *model, maple_error *error) {
    float *descriptors = NULL;
    size_t columns = 0;
    maple_status status = describe(request, options, training, &descriptors, &columns, error);
    if (status != MAPLE_OK)
        return status;
    model->shape = (maple_net_shape){.positions = training->positions,
                                     .choices = (size_t)maple_space_ops(request->space),
                                     .width = (size_t)options[OPT_WIDTH],
                                     .embedding = (size_t)options[OPT_EMBEDDING],
                                     .descriptor = columns};
    model->mean = options[OPT_NETWORK] != 0 ? training->mean : 0;
    model->sd = options[OPT_NETWORK] != 0 ? training->sd : 0;
    maple_base *base = &training->base[training->n_platforms - 1];
    model->base = *base;
    base->costs = NULL; /* the model's now */
    model->descriptor = maple_alloc_aligned(columns, sizeof(float));
    if (!model->descriptor) {
        status = maple_error_memory(error);
        goto done;
    }
    memcpy(model->descriptor, descriptors + (training->n_platforms - 1) * columns, columns * sizeof(float));
    status = train_network(request, options, training, descriptors, model, error);
    if (status == MAPLE_OK)
        status = maple_model_correct(request, options, training, model, error);
done:
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
    double scale[3] = {model->mean, model->sd, base->level};
    maple_status status = maple_tensors_add(tensors, "scale", MAPLE_F64, 3, 0, scale, error);
    if (status == MAPLE_OK)
        status =
            maple_tensors_add(tensors, "correction", MAPLE_F64, base->n_features, 0, base->correction, error);
    if (status == MAPLE_OK && base->has_lut)
        status = maple_lut_save(&base->lut, tensors, error);
    else if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "costs", MAPLE_F64, base->n_costs, 0, base->costs, error);
    return status == MAPLE_OK ? maple_model_save_network(model, tensors, error) : status;
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
    return maple_load_doubles(tensors, "correction", k, base->correction, error);
}

static maple_status load_model(const maple_tensors *tensors, const maple_model_context *context,
                               maple_model *model, maple_error *error) {
    double scale[3];
    maple_base *base = &model->base;
    maple_status status = maple_load_doubles(tensors, "scale", 3, scale, error);
    if (status != MAPLE_OK)
        return status;
    model->mean = scale[0];
    model->sd = scale[1];
    base->level = scale[2];
    base->has_lut = maple_tensors_has(tensors, "operator_ms");
    status = load_correction(tensors, context->space, base, error);
    if (status == MAPLE_OK && base->has_lut) {
        status = maple_lut_load(tensors, context->space, context->graph, &base->lut, error);
    } else if (status == MAPLE_OK) {
        base->n_costs = cost_count(context->space);
        base->costs = maple_alloc(base->n_costs, sizeof *base->costs);
        status = base->costs ? maple_load_doubles(tensors, "costs", base->n_costs, base->costs, error)
                             : maple_error_memory(error);
    }
    return status == MAPLE_OK ? maple_model_load_network(tensors, context->space, model, error) : status;
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
