/* SPDX-License-Identifier: Apache-2.0 */
/* Mean and variance of structured features over architectures drawn from their space. */
#include "predictor/moments.h"

#include <math.h>

static void measure(const double *values, size_t k, double *mean, double *variance) {
    for (size_t j = 0; j < k; j++) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < MAPLE_DRAWN_ARCHS; i++)
            sum += values[i * k + j] / MAPLE_DRAWN_ARCHS;
        for (size_t i = 0; i < MAPLE_DRAWN_ARCHS; i++)
            square += pow(values[i * k + j] - sum, 2) / MAPLE_DRAWN_ARCHS;
        mean[j] = sum;
        variance[j] = square > 1e-12 ? square : 0;
    }
}

maple_status maple_feature_moments(const maple_space *space, maple_graph_form graph, maple_arch *archs,
                                   double *mean, double *variance, maple_error *error) {
    size_t k = maple_space_features(space);
    maple_rng rng = maple_rng_seed(1);
    double *values = maple_alloc(MAPLE_DRAWN_ARCHS * k, sizeof *values);
    if (!values)
        return maple_error_memory(error);
    maple_status status = maple_space_sample(space, graph, &rng, MAPLE_DRAWN_ARCHS, archs, error);
    for (size_t i = 0; status == MAPLE_OK && i < MAPLE_DRAWN_ARCHS; i++) {
        archs[i] = maple_space_canonical(space, graph, &archs[i]);
        maple_space_feature_values(space, &archs[i], values + i * k);
    }
    if (status == MAPLE_OK)
        measure(values, k, mean, variance);
    maple_free(values);
    return status;
}
