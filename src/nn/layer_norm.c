/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation over the features of each row. */
#include "nn/nn.h"

#include <math.h>

/* Sixteen partial sums: the compiler may not reorder one. */
enum { NORM_LANES = 16 };

static inline nn_real sum_lanes(const nn_real lane[NORM_LANES]) {
    nn_real sum = 0;
    for (size_t l = 0; l < NORM_LANES; l++)
        sum += lane[l];
    return sum;
}

NN_CLONES void nn_layer_norm_forward(size_t n, size_t out, const nn_real *x, const nn_real *gain,
                                     const nn_real *shift, nn_real *mean, nn_real *inv_sd, nn_real *y) {
    for (size_t i = 0; i < n; i++) {
        const nn_real *restrict xi = x + i * out;
        nn_real *restrict yi = y + i * out;
        nn_real sum[NORM_LANES] = {0}, squares[NORM_LANES] = {0};
        size_t whole = out / NORM_LANES * NORM_LANES;
        for (size_t c = 0; c < whole; c += NORM_LANES)
            for (size_t l = 0; l < NORM_LANES; l++)
                sum[l] += xi[c + l];
        for (size_t c = whole; c < out; c++)
            sum[c - whole] += xi[c];
        nn_real middle = sum_lanes(sum) / (nn_real)out;
        for (size_t c = 0; c < whole; c += NORM_LANES)
            for (size_t l = 0; l < NORM_LANES; l++)
                squares[l] += (xi[c + l] - middle) * (xi[c + l] - middle);
        for (size_t c = whole; c < out; c++)
            squares[c - whole] += (xi[c] - middle) * (xi[c] - middle);
        nn_real scale = (nn_real)(1 / sqrt((double)(sum_lanes(squares) / (nn_real)out) + 1e-5));
        for (size_t c = 0; c < out; c++)
            yi[c] = (xi[c] - middle) * scale * gain[c] + shift[c];
        mean[i] = middle;
        inv_sd[i] = scale;
    }
}

NN_CLONES void nn_layer_norm_backward(size_t n, size_t out, const nn_real *x, const nn_real *gain,
                                      const nn_real *mean, const nn_real *inv_sd, const nn_real *dy,
                                      nn_real *restrict dgain, nn_real *restrict dshift, nn_real *dx) {
    for (size_t i = 0; i < n; i++) {
        const nn_real *restrict xi = x + i * out, *restrict dyi = dy + i * out;
        nn_real *restrict dxi = dx + i * out;
        nn_real sum[NORM_LANES] = {0}, along[NORM_LANES] = {0};
        size_t whole = out / NORM_LANES * NORM_LANES;
        for (size_t c = 0; c < whole; c += NORM_LANES)
            for (size_t l = 0; l < NORM_LANES; l++) {
                sum[l] += dyi[c + l] * gain[c + l];
                along[l] += dyi[c + l] * gain[c + l] * (xi[c + l] - mean[i]);
            }
        for (size_t c = whole; c < out; c++) {
            sum[c - whole] += dyi[c] * gain[c];
            along[c - whole] += dyi[c] * gain[c] * (xi[c] - mean[i]);
        }
        for (size_t c = 0; c < out; c++) {
            dgain[c] += dyi[c] * (xi[c] - mean[i]) * inv_sd[i];
            dshift[c] += dyi[c];
        }
        nn_real middle = sum_lanes(sum) / (nn_real)out, slope = sum_lanes(along) / (nn_real)out * inv_sd[i];
        for (size_t c = 0; c < out; c++) {
            nn_real normal = (xi[c] - mean[i]) * inv_sd[i];
            dxi[c] = inv_sd[i] * (dyi[c] * gain[c] - middle - normal * slope);
        }
    }
}
