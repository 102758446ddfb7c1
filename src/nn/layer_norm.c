/* SPDX-License-Identifier: Apache-2.0 */
/* Layer normalisation over the features of each row. */
#include "nn/nn.h"

#include <math.h>
#include <string.h>

NN_CLONES void nn_layer_norm_forward(size_t n, size_t out, const nn_real *x, const nn_real *gain,
                                     const nn_real *shift, nn_real *mean, nn_real *inv_sd, nn_real *y) {
    for (size_t i = 0; i < n; i++) {
        const nn_real *restrict xi = x + i * out;
        nn_real *restrict yi = y + i * out;
        double sum = 0, squares = 0;
        for (size_t c = 0; c < out; c++)
            sum += (double)xi[c];
        nn_real middle = (nn_real)(sum / (double)out);
        for (size_t c = 0; c < out; c++)
            squares += (double)((xi[c] - middle) * (xi[c] - middle));
        nn_real scale = (nn_real)(1 / sqrt(squares / (double)out + 1e-5));
        for (size_t c = 0; c < out; c++)
            yi[c] = (xi[c] - middle) * scale * gain[c] + shift[c];
        mean[i] = middle;
        inv_sd[i] = scale;
    }
}

NN_CLONES void nn_layer_norm_backward(size_t n, size_t out, const nn_real *x, const nn_real *gain,
                                      const nn_real *mean, const nn_real *inv_sd, const nn_real *dy,
                                      nn_real *restrict dgain, nn_real *restrict dshift, nn_real *dx) {
    memset(dgain, 0, out * sizeof *dgain);
    memset(dshift, 0, out * sizeof *dshift);
    for (size_t i = 0; i < n; i++) {
        const nn_real *restrict xi = x + i * out, *restrict dyi = dy + i * out;
        nn_real *restrict dxi = dx + i * out;
        double sum = 0, along = 0;
        for (size_t c = 0; c < out; c++) {
            nn_real normal = (xi[c] - mean[i]) * inv_sd[i], pushed = dyi[c] * gain[c];
            dgain[c] += dyi[c] * normal;
            dshift[c] += dyi[c];
            sum += (double)pushed;
            along += (double)(pushed * normal);
        }
        nn_real middle = (nn_real)(sum / (double)out), slope = (nn_real)(along / (double)out);
        for (size_t c = 0; c < out; c++) {
            nn_real normal = (xi[c] - mean[i]) * inv_sd[i];
            dxi[c] = inv_sd[i] * (dyi[c] * gain[c] - middle - normal * slope);
        }
    }
}
