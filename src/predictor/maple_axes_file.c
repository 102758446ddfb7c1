/* SPDX-License-Identifier: Apache-2.0 */
/* How a descriptor is made, in files of pre-trained models. */
#include "predictor/maple_model.h"

#include <math.h>
#include <string.h>

maple_status maple_axes_save(const maple_axes *axes, maple_tensors *tensors, maple_error *error) {
    const maple_parts *p = &axes->parts;
    double parts[4] = {p->operators, p->counters, p->references, p->counters_per_latency};
    const struct {
        const char *name;
        size_t n;
        const double *data;
    } vectors[] = {
        {"descriptor.parts", 4, parts},
        {"descriptor.reference_mean", axes->references, axes->reference_mean},
        {"descriptor.column", axes->used, axes->column},
        {"descriptor.mean", axes->used, axes->mean},
        {"descriptor.sd", axes->used, axes->sd},
        {"descriptor.axis", axes->kept * axes->used, axes->axis},
    };
    maple_status status = MAPLE_OK;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors && status == MAPLE_OK; i++)
        status =
            maple_tensors_add(tensors, vectors[i].name, MAPLE_F64, vectors[i].n, 0, vectors[i].data, error);
    return status;
}

/* Columns ascend and are there; a spread is positive. */
static maple_status check_columns(const maple_tensors *tensors, const maple_space *space,
                                  const maple_axes *axes, maple_error *error) {
    size_t most = maple_descriptor_columns(space);
    for (size_t c = 0; c < axes->used; c++) {
        double column = axes->column[c], before = c > 0 ? axes->column[c - 1] : -1;
        if (!(column > before) || column != floor(column) || column >= (double)most || !(axes->sd[c] > 0))
            return maple_error_set(
                error, MAPLE_BAD_INPUT,
                "%s: tensor 'descriptor.column': element %zu, %g with spread %g, is refused",
                maple_tensors_path(tensors), c, column, axes->sd[c]);
    }
    return MAPLE_OK;
}

static maple_status load_reference_mean(const maple_tensors *tensors, const maple_space *space,
                                        maple_axes *axes, maple_error *error) {
    size_t n = maple_space_references(space);
    const void *data;
    maple_status status =
        maple_tensors_get(tensors, "descriptor.reference_mean", MAPLE_F64, n, 0, &data, NULL, error);
    if (status == MAPLE_OK) /* NaN: no source had it */
        memcpy(axes->reference_mean, data, n * sizeof(double));
    return status;
}

maple_status maple_axes_load(const maple_tensors *tensors, const maple_space *space, size_t kept,
                             maple_axes *out, maple_error *error) {
    double parts[4];
    const void *data;
    maple_axes axes = {.kept = kept, .references = maple_space_references(space)};
    maple_status status = maple_tensors_copy(tensors, "descriptor.parts", MAPLE_F64, 4, 0, parts, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, "descriptor.column", MAPLE_F64, MAPLE_ANY_ROWS, 0, &data,
                                   &axes.used, error);
    if (status != MAPLE_OK)
        return status;
    if (!(parts[1] >= 0 && parts[1] < COUNTERS_KINDS))
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: tensor 'descriptor.parts': there is no kind %g of counters",
                               maple_tensors_path(tensors), parts[1]);
    axes.parts = (maple_parts){.operators = parts[0] != 0,
                               .counters = (int)parts[1],
                               .references = parts[2] != 0,
                               .counters_per_latency = parts[3] != 0};
    axes.reference_mean = maple_alloc(maple_space_references(space), sizeof(double));
    axes.column = maple_alloc(axes.used, sizeof(double));
    axes.mean = maple_alloc(axes.used, sizeof(double));
    axes.sd = maple_alloc(axes.used, sizeof(double));
    axes.axis = maple_alloc(kept * axes.used, sizeof(double));
    if (!axes.reference_mean || !axes.column || !axes.mean || !axes.sd || !axes.axis)
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        status = load_reference_mean(tensors, space, &axes, error);
    if (status == MAPLE_OK)
        status =
            maple_tensors_copy(tensors, "descriptor.column", MAPLE_F64, axes.used, 0, axes.column, error);
    if (status == MAPLE_OK)
        status = maple_tensors_copy(tensors, "descriptor.mean", MAPLE_F64, axes.used, 0, axes.mean, error);
    if (status == MAPLE_OK)
        status = maple_tensors_copy(tensors, "descriptor.sd", MAPLE_F64, axes.used, 0, axes.sd, error);
    if (status == MAPLE_OK)
        status =
            maple_tensors_copy(tensors, "descriptor.axis", MAPLE_F64, kept * axes.used, 0, axes.axis, error);
    if (status == MAPLE_OK)
        status = check_columns(tensors, space, &axes, error);
    if (status == MAPLE_OK)
        *out = axes;
    else
        maple_axes_release(&axes);
    return status;
}
