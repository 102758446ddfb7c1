/* SPDX-License-Identifier: Apache-2.0 */
/* affine.h: latency = slope x + intercept by least squares, with a positive slope: line.c, nearest.c. */
#ifndef MAPLE_PREDICTOR_AFFINE_H
#define MAPLE_PREDICTOR_AFFINE_H

#include "predictor/safetensors.h"

typedef struct maple_affine {
    double slope, intercept, floor_ms; /* predictions are at least floor_ms */
} maple_affine;

/* x > 0 and y > 0. With one sample, one distinct x, or a slope that is not positive, the line through the
 * origin is taken: more work must not be predicted to take less time. The floor is a twentieth of the
 * smallest sample. */
maple_affine maple_affine_fit(const double *x, const double *y, size_t n);
double maple_affine_apply(const maple_affine *affine, double x);

maple_status maple_affine_save(const maple_affine *affine, maple_tensors *tensors, maple_error *error);
/* Refuses values that are not finite, a slope or a floor that is not positive. */
maple_status maple_affine_load(const maple_tensors *tensors, maple_affine *affine, maple_error *error);

#endif
