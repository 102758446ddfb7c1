/* SPDX-License-Identifier: Apache-2.0 */
/* The dual-stream network in model files, of `maple` and of `fine-tune`. */
#include "predictor/maple_model.h"

#include <string.h>

/* One name a parameter tensor, in the order of maple_net.h. */
static const char *const TENSOR_NAMES[NET_TENSORS] = {
    "stream1.0.weight", "stream1.0.bias",   "stream1.1.weight", "stream1.1.bias",
    "stream1.2.weight", "stream1.2.bias",   "stream2.0.weight", "stream2.0.descriptor_weight",
    "stream2.0.bias",   "stream2.1.weight", "stream2.1.bias",   "stream2.2.weight",
    "stream2.2.bias",
};

static size_t stored_columns(const maple_net_table *table, int tensor) {
    return table->rows[tensor] == 1 && tensor != NET_W4S ? 0 : table->columns[tensor]; /* biases: vectors */
}

maple_status maple_model_save_network(const maple_model *model, maple_tensors *tensors, maple_error *error) {
    maple_net_table table = maple_net_layout(&model->shape);
    double scale[3] = {model->mean, model->sd, model->base.level};
    maple_status status = maple_tensors_add(tensors, "scale", MAPLE_F64, 3, 0, scale, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "descriptor", MAPLE_F32, model->shape.descriptor, 0,
                                   model->descriptor, error);
    for (int i = 0; i < NET_TENSORS && status == MAPLE_OK; i++) {
        size_t columns = stored_columns(&table, i);
        status =
            maple_tensors_add(tensors, TENSOR_NAMES[i], MAPLE_F32, columns ? table.rows[i] : table.columns[i],
                              columns, model->parameters + table.offset[i], error);
    }
    return status;
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
    maple_status status = MAPLE_OK;
    for (int i = 0; i < NET_TENSORS && status == MAPLE_OK; i++) {
        size_t columns = stored_columns(&table, i);
        status = maple_tensors_copy(tensors, TENSOR_NAMES[i], MAPLE_F32,
                                    columns ? table.rows[i] : table.columns[i], columns,
                                    model->parameters + table.offset[i], error);
    }
    return status;
}

maple_status maple_model_load_network(const maple_tensors *tensors, const maple_space *space,
                                      maple_model *model, maple_error *error) {
    double scale[3];
    maple_status status = maple_tensors_copy(tensors, "scale", MAPLE_F64, 3, 0, scale, error);
    if (status != MAPLE_OK)
        return status;
    model->mean = scale[0];
    model->sd = scale[1];
    model->base.level = scale[2];
    status = load_shape(tensors, space, model, error);
    return status == MAPLE_OK ? load_parameters(tensors, model, error) : status;
}
