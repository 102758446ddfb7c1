/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that carry a tangent beside each value (forward mode through forward and backward). */
#include "nn/gemm.h"

#include <string.h>

NN_CLONES static void sum_rows(const nn_row_sums *sums, size_t out, const nn_real *x, nn_real *y) {
    for (size_t r = 0; r < sums->rows; r++) {
        nn_real *restrict to = y + r * out;
        size_t first = sums->start[r], end = sums->start[r + 1];
        if (first < end)
            memcpy(to, x + sums->index[first] * out, out * sizeof *to);
        else
            memset(to, 0, out * sizeof *to);
        for (size_t i = first + 1; i < end; i++) {
            const nn_real *restrict from = x + sums->index[i] * out;
            for (size_t j = 0; j < out; j++)
                to[j] += from[j];
        }
    }
}

NN_CLONES static void scatter_rows(const nn_row_sums *sums, size_t x_rows, size_t out, const nn_real *dy,
                                   nn_real *dx) {
    memset(dx, 0, x_rows * out * sizeof *dx);
    for (size_t r = 0; r < sums->rows; r++) {
        const nn_real *restrict from = dy + r * out;
        for (size_t i = sums->start[r]; i < sums->start[r + 1]; i++) {
            nn_real *restrict to = dx + sums->index[i] * out;
            for (size_t j = 0; j < out; j++)
                to[j] += from[j];
        }
    }
}

void nn_dual_sum_rows(const nn_row_sums *sums, size_t out, nn_dual x, nn_dual y) {
    sum_rows(sums, out, x.value, y.value);
    if (y.tangent && x.tangent)
        sum_rows(sums, out, x.tangent, y.tangent);
    else if (y.tangent)
        memset(y.tangent, 0, sums->rows * out * sizeof *y.tangent);
}

void nn_dual_sum_rows_backward(const nn_row_sums *sums, size_t x_rows, size_t out, nn_dual dy, nn_dual dx) {
    if (dx.value)
        scatter_rows(sums, x_rows, out, dy.value, dx.value);
    if (dx.tangent)
        scatter_rows(sums, x_rows, out, dy.tangent, dx.tangent);
}

/* The tangent of a product of two factors, either of which may be constant. */
static void product_tangent(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, size_t m, size_t n, size_t k, nn_dual a,
                            size_t lda, nn_dual b, size_t ldb, nn_real *c) {
    if (a.tangent)
        nn_gemm(ta, tb, m, n, k, a.tangent, lda, b.value, ldb, 0, c);
    if (b.tangent)
        nn_gemm(ta, tb, m, n, k, a.value, lda, b.tangent, ldb, a.tangent ? 1 : 0, c);
    if (!a.tangent && !b.tangent)
        memset(c, 0, m * n * sizeof *c);
}

static void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, size_t m, size_t n, size_t k, nn_dual a,
                    size_t lda, nn_dual b, size_t ldb, nn_dual c) {
    if (c.value)
        nn_gemm(ta, tb, m, n, k, a.value, lda, b.value, ldb, 0, c.value);
    if (c.tangent)
        product_tangent(ta, tb, m, n, k, a, lda, b, ldb, c.tangent);
}

void nn_dual_dense_forward(size_t n, size_t in, size_t out, nn_dual x, nn_dual w, nn_dual y) {
    product(CblasNoTrans, CblasNoTrans, n, out, in, x, in, w, out, y);
}

void nn_dual_dense_backward(size_t n, size_t in, size_t out, nn_dual x, nn_dual w, nn_dual dy, nn_dual dw,
                            nn_dual dx) {
    product(CblasTrans, CblasNoTrans, in, out, n, x, in, dy, out, dw);
    product(CblasNoTrans, CblasTrans, n, in, out, dy, out, w, out, dx);
}

void nn_dual_bias_relu(size_t n, size_t out, nn_dual b, bool relu, nn_dual y) {
    nn_bias_relu(n, out, b.value, relu, y.value);
    if (!y.tangent)
        return;
    if (b.tangent)
        nn_bias_relu(n, out, b.tangent, false, y.tangent);
    if (relu)
        nn_relu_backward(n * out, y.value, y.tangent);
}

void nn_dual_relu_backward(size_t count, const nn_real *y, nn_dual dy) {
    nn_relu_backward(count, y, dy.value);
    if (dy.tangent)
        nn_relu_backward(count, y, dy.tangent);
}

void nn_dual_column_sums(size_t n, size_t out, nn_dual dy, nn_dual sums) {
    if (sums.value)
        nn_scatter_sum(1, n, out, NULL, dy.value, sums.value);
    if (sums.tangent)
        nn_scatter_sum(1, n, out, NULL, dy.tangent, sums.tangent);
}

double nn_dual_square_loss(size_t n, nn_dual prediction, const nn_real *target, nn_dual gradient) {
    double loss = 0;
    nn_real share = (nn_real)2 / (nn_real)n;
    for (size_t i = 0; i < n; i++) {
        nn_real off = prediction.value[i] - target[i];
        loss += (double)off * (double)off;
        gradient.value[i] = share * off;
        if (gradient.tangent)
            gradient.tangent[i] = share * prediction.tangent[i];
    }
    return loss / (double)n;
}
