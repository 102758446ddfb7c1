/* SPDX-License-Identifier: Apache-2.0 */
/* differences.h: gradients against central differences, in double. */
#ifndef MAPLE_TESTS_DIFFERENCES_H
#define MAPLE_TESTS_DIFFERENCES_H

#include "maple/base.h"

#include <math.h>

/* |a - b| relative to the larger one; what is below 1e-3 is compared as it is. */
static inline double relative(double a, double b) {
    return fabs(a - b) / fmax(fmax(fabs(a), fabs(b)), 1e-3);
}

static inline void fill_normal(maple_rng *rng, double sd, size_t n, double *values) {
    for (size_t i = 0; i < n; i++)
        values[i] = sd * maple_rng_normal(rng);
}

static inline double dot(size_t n, const double *a, const double *b) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* The error of the derivative `gradient` of f(user) by *x. */
static inline double difference_error(double (*f)(void *), void *user, double step, double *x,
                                      double gradient) {
    const double before = *x;
    *x = before + step;
    double up = f(user);
    *x = before - step;
    double down = f(user);
    *x = before;
    return relative((up - down) / (2 * step), gradient);
}

/* The largest one of gradient[n] by x[n]. */
static inline double largest_error(double (*f)(void *), void *user, size_t n, double *x,
                                   const double *gradient) {
    double worst = 0;
    for (size_t i = 0; i < n; i++)
        worst = fmax(worst, difference_error(f, user, 1e-5, &x[i], gradient[i]));
    return worst;
}

#endif
