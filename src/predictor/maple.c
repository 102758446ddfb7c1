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
    [OPT_DECAY] = {.name = "decay", .value = 0, .min = 0, .max = 1},
    [OPT_OPERATORS] = {.name = "operators", .value = 1, .min = 0, .max = 1, .whole = true},
    [OPT_COUNTERS] = {.name = "counters", .value = 1, .min = 0, .max = 1, .whole = true},
    [OPT_COUNTER_SCALE] = {.name = "counter_scale",
                           .value = COUNTERS_PER_LATENCY,
                           .words = "per-latency|per-run"},
    [OPT_SCALING] = {.name = "scaling", .value = SCALING_LUT, .words = "lut|level"},
    [OPT_CALIBRATION] = {.name = "calibration", .value = CALIBRATION_SHARES, .words = "none|level|shares"},
    [OPT_LEVEL_SD] = {.name = "level_sd", .value = 0.3, .min = 1e-6, .max = 100},
    [OPT_SHARE_SD] = {.name = "share_sd", .value = 0.15, .min = 1e-6, .max = 100},
    [OPT_PRIOR_WEIGHT] = {.name = "prior_weight", .value = 0.5, .min = 1e-6, .max = 1000},
    [OPT_SAMPLE_WEIGHT] = {.name = "sample_weight", .value = 1, .min = 0, .max = 1000},
    [OPT_NETWORK] = {.name = "network", .value = 1, .min = 0, .max = 1, .whole = true},
};

/* One name a parameter tensor, in the order of maple_net.h. */
static const char *const TENSOR_NAMES[NET_TENSORS] = {
    "stream1.0.weight", "stream1.0.bias",   "stream1.1.weight", "stream1.1.bias",
    "stream1.2.weight", "stream1.2.bias",   "stream2.0.weight", "stream2.0.descriptor_weight",
    "stream2.0.bias",   "stream2.1.weight", "stream2.1.bias",   "stream2.2.weight",
    "stream2.2.bias",
};

static void free_model(void *state) {
    maple_model *model = state;
    maple_free(model->parameters);
    maple_free(model->descriptor);
    maple_free(model);
}

static maple_status fit_model(const maple_fit_request *request, const double *options,
                              const maple_training *training, maple_model *model, maple_error *error) {
    float *descriptors = NULL;
    size_t columns = 0;
    maple_status status = maple_descriptor_build(request, training, options, &descriptors, &columns, error);
    if (status != MAPLE_OK)
        return status;
    model->shape = (maple_net_shape){.positions = training->positions,
                                     .choices = (size_t)maple_space_ops(request->space),
                                     .width = (size_t)options[OPT_WIDTH],
                                     .embedding = (size_t)options[OPT_EMBEDDING],
                                     .descriptor = columns};
    model->mean = training->mean;
    model->sd = options[OPT_NETWORK] != 0 ? training->sd : 0;
    model->base = training->base[training->n_platforms - 1];
    model->descriptor = maple_alloc_aligned(columns, sizeof(float));
    if (!model->descriptor) {
        status = maple_error_memory(error);
        goto done;
    }
    memcpy(model->descriptor, descriptors + (training->n_platforms - 1) * columns, columns * sizeof(float));
    status = maple_train(request, options, training, descriptors, model, error);
    if (status == MAPLE_OK)
        status = maple_model_correct(request, training, model, error);
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
        free_model(model);
    return status;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
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

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    const maple_model *model = state;
    maple_net_table table = maple_net_layout(&model->shape);
    double scale[3] = {model->mean, model->sd, model->base.level};
    maple_status status = maple_tensors_add(tensors, "scale", MAPLE_F64, 3, 0, scale, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "correction", MAPLE_F64, model->base.n_features, 0,
                                   model->base.correction, error);
    if (status == MAPLE_OK && model->base.has_lut)
        status = maple_lut_save(&model->base.lut, tensors, error);
    else if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "additive", MAPLE_F64, model->base.n_additive, 0,
                                   model->base.additive, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "descriptor", MAPLE_F32, model->shape.descriptor, 0,
                                   model->descriptor, error);
    for (int i = 0; i < NET_TENSORS && status == MAPLE_OK; i++) {
        size_t columns = table.rows[i] == 1 && i != NET_W4S ? 0 : table.columns[i];
        status =
            maple_tensors_add(tensors, TENSOR_NAMES[i], MAPLE_F32, columns ? table.rows[i] : table.columns[i],
                              columns, model->parameters + table.offset[i], error);
    }
    return status;
}

static maple_status load_doubles(const maple_tensors *tensors, const char *name, size_t n, double *out,
                                 maple_error *error) {
    const void *data;
    maple_status status = maple_tensors_get(tensors, name, MAPLE_F64, n, 0, &data, NULL, error);
    if (status != MAPLE_OK)
        return status;
    memcpy(out, data, n * sizeof *out);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(out[i]))
            return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor '%s': element %zu is not finite",
                                   maple_tensors_path(tensors), name, i);
    return MAPLE_OK;
}

/* Biases say how wide the network is; all other tensors must then fit. */
static maple_status load_shape(const maple_tensors *tensors, const maple_space *space, maple_model *model,
                               maple_error *error) {
    const void *data;
    maple_net_shape *shape = &model->shape;
    *shape = (maple_net_shape){.positions = (size_t)maple_space_positions(space),
                               .choices = (size_t)maple_space_ops(space)};
    maple_status status = maple_tensors_get(tensors, TENSOR_NAMES[NET_B1], MAPLE_F32, MAPLE_ANY_ROWS, 0,
                                            &data, &shape->width, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, TENSOR_NAMES[NET_B3], MAPLE_F32, MAPLE_ANY_ROWS, 0, &data,
                                   &shape->embedding, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, "descriptor", MAPLE_F32, MAPLE_ANY_ROWS, 0, &data,
                                   &shape->descriptor, error);
    if (status != MAPLE_OK)
        return status;
    /* Before memory is asked for by their product. */
    if (shape->width == 0 || shape->width > 4096 || shape->embedding == 0 || shape->embedding > 4096 ||
        shape->descriptor > 4096)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: a network %zu wide with an embedding of %zu and a descriptor of %zu is refused",
            maple_tensors_path(tensors), shape->width, shape->embedding, shape->descriptor);
    model->descriptor = maple_alloc_aligned(shape->descriptor, sizeof(float));
    model->parameters = maple_alloc_aligned(maple_net_layout(shape).offset[NET_TENSORS], sizeof(float));
    if (!model->descriptor || !model->parameters)
        return maple_error_memory(error);
    memcpy(model->descriptor, data, shape->descriptor * sizeof(float));
    return MAPLE_OK;
}

static maple_status load_parameters(const maple_tensors *tensors, maple_model *model, maple_error *error) {
    maple_net_table table = maple_net_layout(&model->shape);
    for (int i = 0; i < NET_TENSORS; i++) {
        size_t columns = table.rows[i] == 1 && i != NET_W4S ? 0 : table.columns[i];
        const void *data;
        maple_status status =
            maple_tensors_get(tensors, TENSOR_NAMES[i], MAPLE_F32, columns ? table.rows[i] : table.columns[i],
                              columns, &data, NULL, error);
        if (status != MAPLE_OK)
            return status;
        size_t count = table.offset[i + 1] - table.offset[i];
        memcpy(model->parameters + table.offset[i], data, count * sizeof(float));
    }
    for (size_t i = 0; i < table.offset[NET_TENSORS]; i++)
        if (!isfinite(model->parameters[i]))
            return maple_error_set(error, MAPLE_BAD_INPUT, "%s: a weight of the network is not finite",
                                   maple_tensors_path(tensors));
    return MAPLE_OK;
}

static maple_status load_model(const maple_tensors *tensors, const maple_model_context *context,
                               maple_model *model, maple_error *error) {
    double scale[3];
    size_t hot = (size_t)maple_space_positions(context->space) * (size_t)maple_space_ops(context->space);
    maple_status status = load_doubles(tensors, "scale", 3, scale, error);
    if (status != MAPLE_OK)
        return status;
    model->mean = scale[0];
    model->sd = scale[1];
    model->base.level = scale[2];
    const void *data;
    status = maple_tensors_get(tensors, "correction", MAPLE_F64, MAPLE_ANY_ROWS, 0, &data,
                               &model->base.n_features, error);
    if (status != MAPLE_OK)
        return status;
    size_t k = model->base.n_features;
    if (k > 1 && k != maple_feature_count(context->space))
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: tensor 'correction' has %zu elements, expected 0, 1 or %zu",
                               maple_tensors_path(tensors), k, maple_feature_count(context->space));
    status = load_doubles(tensors, "correction", k, model->base.correction, error);
    if (status != MAPLE_OK)
        return status;
    model->base.has_lut = maple_tensors_has(tensors, "operator_ms");
    if (model->base.has_lut) {
        status = maple_lut_load(tensors, context->space, context->graph, &model->base.lut, error);
    } else {
        model->base.n_additive = hot;
        status = load_doubles(tensors, "additive", hot, model->base.additive, error);
    }
    if (status == MAPLE_OK)
        status = load_shape(tensors, context->space, model, error);
    return status == MAPLE_OK ? load_parameters(tensors, model, error) : status;
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
        free_model(model);
    return status;
}

const maple_predictor_vtable maple_predictor_maple = {
    .info = {.name = "maple",
             .description = "dual-stream regression on architecture and hardware descriptor (MAPLE, 2022)",
             .needs_pool = true,
             .min_samples = 1},
    .options = OPTIONS,
    .n_options = OPT_COUNT,
    .fit = fit,
    .predict = predict,
    .save = save,
    .load = load,
    .free_state = free_model,
};
