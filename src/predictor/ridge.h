/* SPDX-License-Identifier: Apache-2.0 */
/* ridge.h: small regularised least squares and their kin, in double. */
#ifndef MAPLE_PREDICTOR_RIDGE_H
#define MAPLE_PREDICTOR_RIDGE_H

#include "maple/base.h"

/* coefficients[columns] that minimise the sum of weight[i] (y[i] - x[i] . c)^2 + the sum of penalty[j]
 * c[j]^2. x[rows, columns]; weight NULL: 1 for all; every penalty > 0, so that the system is never singular
 * (values that are not finite: MAPLE_BAD_INPUT). With no rows the coefficients are 0. */
maple_status maple_ridge(size_t rows, size_t columns, const double *x, const double *y, const double *weight,
                         const double *penalty, double *coefficients, maple_error *error);

/* The same of n_y right-hand sides at once, without weights: y[n_y, rows], coefficients[n_y, columns]. */
maple_status maple_ridge_many(size_t rows, size_t columns, const double *x, size_t n_y, const double *y,
                              const double *penalty, double *coefficients, maple_error *error);

/* a[n, n], symmetric and positive definite, of which the lower half is read, becomes its lower factor (what
 * lies above the diagonal is left alone); NaN where it is not positive definite. */
void maple_cholesky(size_t n, double *a);

/* A factor of maple_cholesky becomes the lower half of the inverse of what it is the factor of. */
void maple_cholesky_inverse(size_t n, double *factor);

/* a[n, n], symmetric, becomes diagonal with its eigenvalues; column k of vectors[n, n] is the k-th
 * eigenvector, its largest element positive. */
void maple_eigen(size_t n, double *a, double *vectors);

#endif
