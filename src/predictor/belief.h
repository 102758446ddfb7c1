/* SPDX-License-Identifier: Apache-2.0 */
/* belief.h: linear models with a Gaussian prior, for platforms of which a few networks were measured. */
#ifndef MAPLE_PREDICTOR_BELIEF_H
#define MAPLE_PREDICTOR_BELIEF_H

#include "maple/base.h"

/* What is believed of n coefficients: mean + factor z with z ~ N(0, 1). */
typedef struct maple_belief {
    size_t n;
    double noise;   /* standard deviation of one observation */
    double *mean;   /* [n] */
    double *factor; /* [n, n], lower triangle */
} maple_belief;

/* All zero; released by maple_belief_release. */
maple_status maple_belief_init(maple_belief *belief, size_t n, maple_error *error);
void maple_belief_release(maple_belief *belief);

/* The posterior mode of the coefficients given rows of y = x . coefficients + noise; x[rows, n]. Robust:
 * Huber's weights, beyond two noise widths a row counts in proportion less. Without rows it is the mean. */
maple_status maple_belief_update(const maple_belief *belief, size_t rows, const double *x, const double *y,
                                 double *coefficients, maple_error *error);

#endif
