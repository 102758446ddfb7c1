/* SPDX-License-Identifier: Apache-2.0 */
/* Order statistics. */
#include "maple/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void maple_sort_doubles(double *values, size_t n) {
    qsort(values, n, sizeof *values, compare_doubles);
}

double maple_quantile_sorted(const double *ascending, size_t n, double q) {
    if (n == 0)
        return NAN;
    double position = q * (double)(n - 1);
    size_t below = (size_t)position;
    if (below + 1 >= n)
        return ascending[n - 1];
    double share = position - (double)below;
    return ascending[below] + share * (ascending[below + 1] - ascending[below]);
}

maple_status maple_summarise(const double *values, size_t n, maple_summary *out, maple_error *error) {
    if (n == 0) {
        *out = (maple_summary){.median = NAN, .mean = NAN, .min = NAN, .max = NAN, .sd = NAN, .iqr = NAN};
        return MAPLE_OK;
    }
    double *sorted = maple_alloc(n, sizeof *sorted);
    if (!sorted)
        return maple_error_memory(error);
    memcpy(sorted, values, n * sizeof *sorted);
    maple_sort_doubles(sorted, n);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        sum += sorted[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (sorted[i] - mean) * (sorted[i] - mean);
    *out = (maple_summary){
        .n = n,
        .median = maple_quantile_sorted(sorted, n, 0.5),
        .mean = mean,
        .min = sorted[0],
        .max = sorted[n - 1],
        .sd = n > 1 ? sqrt(squares / (double)(n - 1)) : NAN,
        .iqr = maple_quantile_sorted(sorted, n, 0.75) - maple_quantile_sorted(sorted, n, 0.25),
    };
    maple_free(sorted);
    return MAPLE_OK;
}
