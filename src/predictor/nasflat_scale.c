/* SPDX-License-Identifier: Apache-2.0 */
/* Scores as milliseconds, for metrics that need them: the order stays that of the scores. */
#include "predictor/nasflat.h"

#include <math.h>

enum { OFFSETS = 256 }; /* of n samples, each is paired with so many others at most */

/* The median slope of pairs; NaN where no two scores differ. slopes has room for n x OFFSETS. */
static double median_slope(const double *score, const double *ms, size_t n, double *slopes) {
    size_t found = 0, steps = n - 1 < OFFSETS ? n - 1 : OFFSETS;
    for (size_t k = 0; k < steps; k++) {
        size_t apart = 1 + k * (n - 1) / steps;
        for (size_t i = 0; i + apart < n; i++)
            if (score[i + apart] != score[i])
                slopes[found++] = (ms[i + apart] - ms[i]) / (score[i + apart] - score[i]);
    }
    maple_sort_doubles(slopes, found);
    return maple_quantile_sorted(slopes, found, 0.5);
}

maple_status maple_nasflat_scale_fit(const double *score, const double *latency_ms, size_t n,
                                     maple_nasflat_scale *out, maple_error *error) {
    double *scratch = maple_alloc(n, (OFFSETS + 1) * sizeof *scratch);
    if (!scratch)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        scratch[i] = latency_ms[i];
    maple_sort_doubles(scratch, n);
    double smallest = scratch[0], middle = maple_quantile_sorted(scratch, n, 0.5);
    double slope = median_slope(score, latency_ms, n, scratch);
    /* Samples that do not rise with the score say nothing of the scale: a tenth of their level for 1. */
    if (!(slope > 1e-3 * middle))
        slope = 0.1 * middle;
    for (size_t i = 0; i < n; i++)
        scratch[i] = latency_ms[i] - slope * score[i];
    maple_sort_doubles(scratch, n);
    *out = (maple_nasflat_scale){
        .offset = maple_quantile_sorted(scratch, n, 0.5), .slope = slope, .bend = 0.5 * smallest};
    maple_free(scratch);
    return MAPLE_OK;
}

double maple_nasflat_scale_apply(const maple_nasflat_scale *scale, double score) {
    double ms = scale->offset + scale->slope * score;
    return ms >= scale->bend ? ms : scale->bend / (1 + (scale->bend - ms) / scale->bend);
}
