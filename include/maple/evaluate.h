/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate.h: how good predictions are. */
#ifndef MAPLE_EVALUATE_H
#define MAPLE_EVALUATE_H

#include "maple/base.h"

typedef struct maple_metrics {
    size_t n;                 /* pairs scored: both finite */
    double acc1, acc5, acc10; /* error-bound accuracy: share with |predicted / measured - 1| <= 1, 5, 10 % */
    double spearman;          /* mid-ranks on float32 values; NaN where one side is constant */
    double mape, medape;      /* mean and median of |predicted / measured - 1| */
    double rmse_ms;
} maple_metrics;

/* Pairs with a NaN are left out; n = 0 gives NaN everywhere. Fails only for lack of memory. */
maple_status maple_metrics_compute(const double *measured_ms, const double *predicted_ms, size_t n,
                                   maple_metrics *out, maple_error *error);
/* Spearman's rank correlation with mid-ranks, in O(n log n). */
maple_status maple_spearman(const double *a, const double *b, size_t n, double *out, maple_error *error);

#endif
