/* SPDX-License-Identifier: Apache-2.0 */
/* Posterior modes of linear models under a Gaussian prior. */
#include "predictor/belief.h"
#include "predictor/ridge.h"

#include <math.h>
#include <string.h>

maple_status maple_belief_init(maple_belief *belief, size_t n, maple_error *error) {
    *belief = (maple_belief){.n = n};
    belief->mean = maple_alloc(n, sizeof *belief->mean);
    belief->factor = maple_alloc(n * n, sizeof *belief->factor);
    if (belief->mean && belief->factor)
        return MAPLE_OK;
    maple_belief_release(belief);
    return maple_error_memory(error);
}

void maple_belief_release(maple_belief *belief) {
    maple_free(belief->mean);
    maple_free(belief->factor);
    *belief = (maple_belief){0};
}

/* Ridge with Huber's weights. */
static maple_status robust_ridge(size_t rows, size_t columns, const double *x, const double *y, double noise,
                                 const double *penalty, double *weight, double *coefficients,
                                 maple_error *error) {
    for (size_t i = 0; i < rows; i++)
        weight[i] = 1;
    for (int pass = 0; pass < 5; pass++) {
        maple_status status = maple_ridge(rows, columns, x, y, weight, penalty, coefficients, error);
        if (status != MAPLE_OK)
            return status;
        bool changed = false;
        for (size_t i = 0; i < rows; i++) {
            double off = y[i], before = weight[i];
            for (size_t j = 0; j < columns; j++)
                off -= x[i * columns + j] * coefficients[j];
            weight[i] = fabs(off) <= 2 * noise ? 1 : 2 * noise / fabs(off);
            changed |= weight[i] != before;
        }
        if (!changed)
            break;
    }
    return MAPLE_OK;
}

maple_status maple_belief_update(const maple_belief *belief, size_t rows, const double *x, const double *y,
                                 double *coefficients, maple_error *error) {
    size_t k = belief->n;
    /* y = x . (mean + factor z) + noise: in z the prior is N(0, 1). */
    double *xz = maple_alloc(rows, k * sizeof *xz), *rest = maple_alloc(rows, 2 * sizeof *rest);
    double *z = maple_alloc(k, 2 * sizeof *z), *penalty = z ? z + k : NULL;
    maple_status status = xz && rest && z ? MAPLE_OK : maple_error_memory(error);
    if (status != MAPLE_OK)
        goto done;
    for (size_t i = 0; i < rows; i++) {
        rest[i] = y[i];
        for (size_t j = 0; j < k; j++) {
            double value = x[i * k + j];
            if (value == 0)
                continue;
            rest[i] -= value * belief->mean[j];
            for (size_t l = 0; l <= j; l++)
                xz[i * k + l] += value * belief->factor[j * k + l];
        }
    }
    for (size_t j = 0; j < k; j++)
        penalty[j] = belief->noise * belief->noise;
    status = robust_ridge(rows, k, xz, rest, belief->noise, penalty, rest + rows, z, error);
    for (size_t j = 0; j < k && status == MAPLE_OK; j++) {
        coefficients[j] = belief->mean[j];
        for (size_t l = 0; l <= j; l++)
            coefficients[j] += belief->factor[j * k + l] * z[l];
    }
done:
    maple_free(xz);
    maple_free(rest);
    maple_free(z);
    return status;
}
