/* SPDX-License-Identifier: Apache-2.0 */
/* Dense layers on CBLAS, the one-hot first layer as a sum of rows, bias and ReLU. */
#include "nn/gemm.h"

#include <math.h>
#include <string.h>

static void gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, size_t m, size_t n, size_t k, const nn_real *a,
                 size_t lda, const nn_real *b, size_t ldb, nn_real *c) {
    nn_gemm(ta, tb, m, n, k, a, lda, b, ldb, 0, c);
}

void nn_product(size_t m, size_t n, size_t k, const nn_real *a, const nn_real *b, nn_real *c) {
    if (k == 0)
        memset(c, 0, m * n * sizeof *c);
    else
        gemm(CblasNoTrans, CblasNoTrans, m, n, k, a, k, b, n, c);
}

NN_CLONES void nn_bias_relu(size_t n, size_t out, const nn_real *b, bool relu, nn_real *y) {
    const nn_real *restrict bias = b;
    for (size_t i = 0; i < n; i++) {
        nn_real *restrict yi = y + i * out;
        if (relu) {
            for (size_t j = 0; j < out; j++) {
                nn_real sum = yi[j] + bias[j];
                yi[j] = sum > 0 ? sum : 0;
            }
        } else {
            for (size_t j = 0; j < out; j++)
                yi[j] += bias[j];
        }
    }
}

NN_CLONES void nn_pair_relu(size_t n, size_t out, const nn_real *a, const uint32_t *a_row, const nn_real *b,
                            const uint32_t *b_row, nn_real *y) {
    for (size_t i = 0; i < n; i++) {
        nn_real *restrict yi = y + i * out;
        const nn_real *restrict ai = a + (a_row ? a_row[i] : i) * out;
        const nn_real *restrict bi = b + (b_row ? b_row[i] : 0) * out;
        for (size_t j = 0; j < out; j++) {
            nn_real sum = ai[j] + bi[j];
            yi[j] = sum > 0 ? sum : 0;
        }
    }
}

NN_CLONES void nn_scatter_sum(size_t rows, size_t n, size_t out, const uint32_t *row, const nn_real *dy,
                              nn_real *sums) {
    memset(sums, 0, rows * out * sizeof *sums);
    for (size_t i = 0; i < n; i++) {
        nn_real *restrict sum = sums + (row ? row[i] : 0) * out;
        const nn_real *restrict dyi = dy + i * out;
        for (size_t j = 0; j < out; j++)
            sum[j] += dyi[j];
    }
}

NN_CLONES void nn_relu_backward(size_t count, const nn_real *y, nn_real *dy) {
    const nn_real *restrict yr = y;
    nn_real *restrict dyr = dy;
    for (size_t i = 0; i < count; i++)
        dyr[i] = yr[i] > 0 ? dyr[i] : 0;
}

void nn_dense_forward(size_t n, size_t in, size_t out, const nn_real *x, const nn_real *w, const nn_real *b,
                      bool relu, nn_real *y) {
    nn_product(n, out, in, x, w, y);
    nn_bias_relu(n, out, b, relu, y);
}

void nn_dense_backward(size_t n, size_t in, size_t out, const nn_real *x, const nn_real *w, const nn_real *dy,
                       nn_real *dw, nn_real *db, nn_real *dx) {
    gemm(CblasTrans, CblasNoTrans, in, out, n, x, in, dy, out, dw);
    if (db)
        nn_scatter_sum(1, n, out, NULL, dy, db);
    if (dx)
        gemm(CblasNoTrans, CblasTrans, n, in, out, dy, out, w, out, dx);
}

NN_CLONES void nn_one_hot_forward(size_t n, size_t positions, size_t choices, size_t out,
                                  const uint8_t *codes, const nn_real *w, const nn_real *b, nn_real *y) {
    for (size_t i = 0; i < n; i++) {
        nn_real *restrict yi = y + i * out;
        memcpy(yi, b, out * sizeof *yi);
        for (size_t p = 0; p < positions; p++) {
            const nn_real *restrict row = w + (p * choices + codes[i * positions + p]) * out;
            for (size_t j = 0; j < out; j++)
                yi[j] += row[j];
        }
        for (size_t j = 0; j < out; j++)
            yi[j] = yi[j] > 0 ? yi[j] : 0;
    }
}

NN_CLONES void nn_one_hot_backward(size_t n, size_t positions, size_t choices, size_t out,
                                   const uint8_t *codes, const nn_real *dy, nn_real *dw, nn_real *db) {
    memset(dw, 0, positions * choices * out * sizeof *dw);
    memset(db, 0, out * sizeof *db);
    for (size_t i = 0; i < n; i++) {
        const nn_real *restrict dyi = dy + i * out;
        for (size_t p = 0; p < positions; p++) {
            nn_real *restrict row = dw + (p * choices + codes[i * positions + p]) * out;
            for (size_t j = 0; j < out; j++)
                row[j] += dyi[j];
        }
        for (size_t j = 0; j < out; j++)
            db[j] += dyi[j];
    }
}

void nn_he_init(maple_rng *rng, size_t inputs, size_t count, nn_real *w) {
    double sd = sqrt(2.0 / (double)inputs);
    for (size_t i = 0; i < count; i++)
        w[i] = (nn_real)(sd * maple_rng_normal(rng));
}
