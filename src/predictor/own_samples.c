/* SPDX-License-Identifier: Apache-2.0 */
/* The target's samples in a fixed order, and the scale of what a network learns of them. */
#include "predictor/own_samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_samples(const void *left, const void *right) {
    const maple_own_sample *a = left, *b = right;
    int archs = memcmp(a->arch.op, b->arch.op, sizeof a->arch.op);
    return archs ? archs : (a->latency_ms > b->latency_ms) - (a->latency_ms < b->latency_ms);
}

maple_own_sample *maple_own_samples(const maple_target *target) {
    maple_own_sample *samples = maple_alloc(target->n_samples, sizeof *samples);
    for (size_t i = 0; samples && i < target->n_samples; i++) {
        samples[i].arch = target->archs[i];
        samples[i].latency_ms = target->latency_ms[i];
    }
    if (samples)
        qsort(samples, target->n_samples, sizeof *samples, compare_samples);
    return samples;
}

maple_own_scale maple_own_scale_fit(bool logarithms, const maple_own_sample *samples, size_t n,
                                    double *values) {
    maple_own_scale scale = {.log = logarithms, .floor_ms = samples[0].latency_ms / 20};
    for (size_t i = 0; i < n; i++) {
        double ms = samples[i].latency_ms;
        values[i] = scale.log ? log(ms) : ms;
        scale.mean += values[i] / (double)n;
        scale.floor_ms = fmin(scale.floor_ms, ms / 20);
    }
    double square = 0;
    for (size_t i = 0; i < n; i++) {
        values[i] = scale.log ? values[i] - scale.mean : values[i] / scale.mean - 1;
        square += values[i] * values[i];
    }
    scale.sd = sqrt(square / (double)n);
    if (!(scale.sd > 1e-9)) /* one sample, or all alike */
        scale.sd = 1;
    for (size_t i = 0; i < n; i++)
        values[i] /= scale.sd;
    return scale;
}

double maple_own_scale_latency(const maple_own_scale *scale, double value) {
    /* Beyond these a prediction is not a latency any more, and exp would leave the range of double. */
    const double least = -50, most = 50;
    value *= scale->sd;
    return scale->log ? exp(fmin(fmax(scale->mean + value, least), most))
                      : fmax(scale->mean * (1 + value), scale->floor_ms);
}

enum { FILE_LOG, FILE_MS }; /* what the first number of the tensor means */

maple_status maple_own_scale_save(const maple_own_scale *scale, maple_tensors *tensors, maple_error *error) {
    double values[4] = {scale->log ? FILE_LOG : FILE_MS, scale->mean, scale->sd, scale->floor_ms};
    return maple_tensors_add(tensors, "scale", MAPLE_F64, 4, 0, values, error);
}

maple_status maple_own_scale_load(const maple_tensors *tensors, maple_own_scale *scale, maple_error *error) {
    double values[4];
    maple_status status = maple_tensors_copy(tensors, "scale", MAPLE_F64, 4, 0, values, error);
    if (status != MAPLE_OK)
        return status;
    bool fine = values[0] == FILE_LOG || (values[0] == FILE_MS && values[1] > 0);
    if (!fine || values[2] <= 0 || values[3] <= 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor 'scale': %g, %g, %g, %g are no scale",
                               maple_tensors_path(tensors), values[0], values[1], values[2], values[3]);
    *scale = (maple_own_scale){
        .log = values[0] == FILE_LOG, .mean = values[1], .sd = values[2], .floor_ms = values[3]};
    return MAPLE_OK;
}
