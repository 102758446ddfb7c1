/* SPDX-License-Identifier: Apache-2.0 */
/* What each row counts in the loss of `maple`: MAPLE's weights, and MAPLE-X's similarity of platforms. */
#include "predictor/maple_model.h"

#include <math.h>

maple_status maple_similarity(const float *descriptors, size_t n, size_t length, double width, double *weight,
                              maple_error *error) {
    const float *target = descriptors + n * length;
    double *sorted = maple_alloc(n, sizeof *sorted);
    if (!sorted)
        return maple_error_memory(error);
    for (size_t s = 0; s < n; s++) {
        double square = 0;
        for (size_t k = 0; k < length; k++)
            square += pow((double)descriptors[s * length + k] - (double)target[k], 2);
        weight[s] = sorted[s] = sqrt(square);
    }
    maple_sort_doubles(sorted, n);
    double scale = n > 0 ? width * maple_quantile_sorted(sorted, n, 0.5) : 0;
    for (size_t s = 0; s < n; s++)
        weight[s] = scale > 0 ? exp(-0.5 * pow(weight[s] / scale, 2)) : 1;
    maple_free(sorted);
    return MAPLE_OK;
}

/* Whether row i, one of the target's, is learned from in the loss. */
static bool counts(const maple_training *t, size_t i) {
    bool references =
        t->reference_samples == REFERENCES_IN_LOSS || t->reference_samples == REFERENCES_IN_BOTH;
    return references || i < t->n_pool + t->n_samples || i >= t->n - t->n_virtual;
}

void maple_row_weights(const maple_training *t, double sample_weight, float *weight) {
    size_t n_samples = 0;
    double similarity = 0; /* mean over the pool's rows */
    for (size_t i = t->n_pool; i < t->n; i++)
        n_samples += counts(t, i);
    for (size_t i = 0; t->source_weight && i < t->n_pool; i++)
        similarity += t->source_weight[t->platform[i]] / (double)t->n_pool;
    double pool = 1 / sqrt((double)t->n_pool);
    double sample = n_samples > 0 ? sample_weight / sqrt((double)n_samples) : 0;
    double mean = (pool * (double)t->n_pool + sample * (double)n_samples) / (double)t->n;
    for (size_t i = 0; i < t->n; i++) {
        double of_row = i < t->n_pool ? pool : counts(t, i) ? sample : 0;
        if (i < t->n_pool && t->source_weight)
            of_row *= t->source_weight[t->platform[i]] / similarity;
        /* Divided by their mean, which leaves the minimum where it is and keeps gradients of order one. */
        weight[i] = (float)(of_row / mean);
    }
}
