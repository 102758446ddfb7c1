/* SPDX-License-Identifier: Apache-2.0 */
/* A line with a positive slope. */
#include "predictor/affine.h"

#include <math.h>
#include <string.h>

maple_affine maple_affine_fit(const double *x, const double *y, size_t n) {
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0, raw_xx = 0, raw_xy = 0, smallest = y[0];
    for (size_t i = 0; i < n; i++) {
        mean_x += x[i] / (double)n;
        mean_y += y[i] / (double)n;
        smallest = fmin(smallest, y[i]);
    }
    for (size_t i = 0; i < n; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
        raw_xx += x[i] * x[i];
        raw_xy += x[i] * y[i];
    }
    maple_affine affine = {.floor_ms = smallest / 20};
    /* Rounding leaves a little spread where all x are equal. */
    bool spread = xx > 1e-18 * raw_xx;
    if (spread && xy > 0) {
        affine.slope = xy / xx;
        affine.intercept = mean_y - affine.slope * mean_x;
    } else {
        affine.slope = raw_xy / raw_xx;
    }
    return affine;
}

double maple_affine_apply(const maple_affine *affine, double x) {
    return fmax(affine->slope * x + affine->intercept, affine->floor_ms);
}

maple_status maple_affine_save(const maple_affine *affine, maple_tensors *tensors, maple_error *error) {
    double values[3] = {affine->slope, affine->intercept, affine->floor_ms};
    return maple_tensors_add(tensors, "affine", MAPLE_F64, 3, 0, values, error);
}

maple_status maple_affine_load(const maple_tensors *tensors, maple_affine *affine, maple_error *error) {
    const void *data;
    maple_status status = maple_tensors_get(tensors, "affine", MAPLE_F64, 3, 0, &data, NULL, error);
    if (status != MAPLE_OK)
        return status;
    double values[3];
    memcpy(values, data, sizeof values);
    if (!isfinite(values[0]) || !isfinite(values[1]) || !isfinite(values[2]) || values[0] <= 0 ||
        values[2] <= 0)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: tensor 'affine': slope %g, intercept %g, floor %g are not a line with positive "
            "slope and floor",
            maple_tensors_path(tensors), values[0], values[1], values[2]);
    *affine = (maple_affine){.slope = values[0], .intercept = values[1], .floor_ms = values[2]};
    return MAPLE_OK;
}
