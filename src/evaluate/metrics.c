/* SPDX-License-Identifier: Apache-2.0 */
/* Error-bound accuracy, rank correlation and errors of predicted against measured latencies. */
#include "maple/evaluate.h"

#include <math.h>
#include <stdlib.h>

typedef struct ranked {
    float key;
    size_t place; /* where the value stands in the caller's order */
} ranked;

static int compare_ranked(const void *left, const void *right) {
    float a = ((const ranked *)left)->key, b = ((const ranked *)right)->key;
    return (a > b) - (a < b);
}

/* Replaces values[n] by twice their mid-rank, centred: 2 rank - (n + 1). These are whole numbers, so that
 * sums of their products are exact up to about 300,000 values and equal ranks give a correlation of
 * exactly 1. Values are compared as float32: published tables hold float32, and beyond it ties are broken by
 * rounding noise. */
static void mid_ranks(double *values, ranked *scratch, size_t n) {
    for (size_t i = 0; i < n; i++)
        scratch[i] = (ranked){.key = (float)values[i], .place = i};
    qsort(scratch, n, sizeof *scratch, compare_ranked);
    for (size_t first = 0; first < n;) {
        size_t last = first;
        while (last + 1 < n && scratch[last + 1].key == scratch[first].key)
            last++;
        double twice_rank = (double)(first + 1) + (double)(last + 1);
        for (size_t i = first; i <= last; i++)
            values[scratch[i].place] = twice_rank - (double)(n + 1);
        first = last + 1;
    }
}

static double correlation_of_centred(const double *a, const double *b, size_t n) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

maple_status maple_spearman(const double *a, const double *b, size_t n, double *out, maple_error *error) {
    maple_status status = MAPLE_OK;
    double *ranks = maple_alloc(n, 2 * sizeof *ranks);
    ranked *scratch = maple_alloc(n, sizeof *scratch);
    if (!ranks || !scratch) {
        status = maple_error_memory(error);
        goto done;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]))
            continue;
        ranks[kept] = a[i];
        ranks[n + kept] = b[i];
        kept++;
    }
    mid_ranks(ranks, scratch, kept);
    mid_ranks(ranks + n, scratch, kept);
    *out = correlation_of_centred(ranks, ranks + n, kept);
done:
    maple_free(ranks);
    maple_free(scratch);
    return status;
}

maple_status maple_metrics_compute(const double *measured_ms, const double *predicted_ms, size_t n,
                                   maple_metrics *out, maple_error *error) {
    double *errors = maple_alloc(n, sizeof *errors);
    if (!errors)
        return maple_error_memory(error);
    size_t kept = 0, within[3] = {0};
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(measured_ms[i]) || !isfinite(predicted_ms[i]))
            continue;
        /* The bound is inclusive: the difference is compared, not the rounded quotient, so that 110 against
         * 100 is within 10 %. */
        double off = fabs(predicted_ms[i] - measured_ms[i]), scale = fabs(measured_ms[i]);
        within[0] += off * 100 <= scale;
        within[1] += off * 20 <= scale;
        within[2] += off * 10 <= scale;
        errors[kept++] = off / scale;
        squares += off * off;
    }
    maple_metrics metrics = {.n = kept,
                             .acc1 = NAN,
                             .acc5 = NAN,
                             .acc10 = NAN,
                             .spearman = NAN,
                             .mape = NAN,
                             .medape = NAN,
                             .rmse_ms = NAN};
    maple_status status = MAPLE_OK;
    if (kept > 0) {
        double count = (double)kept;
        maple_summary summary;
        status = maple_summarise(errors, kept, &summary, error);
        if (status == MAPLE_OK)
            status = maple_spearman(measured_ms, predicted_ms, n, &metrics.spearman, error);
        if (status == MAPLE_OK) {
            metrics.acc1 = (double)within[0] / count;
            metrics.acc5 = (double)within[1] / count;
            metrics.acc10 = (double)within[2] / count;
            metrics.mape = summary.mean;
            metrics.medape = summary.median;
            metrics.rmse_ms = sqrt(squares / count);
        }
    }
    if (status == MAPLE_OK)
        *out = metrics;
    maple_free(errors);
    return status;
}
