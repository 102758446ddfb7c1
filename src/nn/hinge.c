/* SPDX-License-Identifier: Apache-2.0 */
/* The pairwise hinge loss of a ranking. */
#include "nn/nn.h"

#include <string.h>

double nn_hinge_loss(size_t n, size_t n_pairs, const uint32_t *pairs, double margin, const nn_real *score,
                     nn_real *gradient) {
    double loss = 0;
    nn_real share = n_pairs > 0 ? 1 / (nn_real)n_pairs : 0;
    memset(gradient, 0, n * sizeof *gradient);
    for (size_t k = 0; k < n_pairs; k++) {
        uint32_t high = pairs[2 * k], low = pairs[2 * k + 1];
        double short_by = margin - (double)(score[high] - score[low]);
        if (short_by <= 0)
            continue;
        loss += short_by;
        gradient[high] -= share;
        gradient[low] += share;
    }
    return n_pairs > 0 ? loss / (double)n_pairs : 0;
}
