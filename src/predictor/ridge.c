/* SPDX-License-Identifier: Apache-2.0 */
/* Normal equations by Cholesky: a few dozen columns, penalised, in double. */
#include "predictor/ridge.h"

#include <math.h>
#include <string.h>

void maple_cholesky(size_t n, double *a) {
    for (size_t j = 0; j < n; j++) {
        for (size_t i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (size_t k = 0; k < j; k++)
                sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
    }
}

/* b[n] becomes the solution of a x = b; a becomes its lower factor. */
static void solve(size_t n, double *a, double *b) {
    maple_cholesky(n, a);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++)
            b[i] -= a[i * n + k] * b[k];
        b[i] /= a[i * n + i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            b[i] -= a[k * n + i] * b[k];
        b[i] /= a[i * n + i];
    }
}

maple_status maple_ridge(size_t rows, size_t columns, const double *x, const double *y, const double *weight,
                         const double *penalty, double *coefficients, maple_error *error) {
    double *gram = maple_alloc(columns * columns, sizeof *gram);
    if (!gram)
        return maple_error_memory(error);
    memset(coefficients, 0, columns * sizeof *coefficients);
    for (size_t r = 0; r < rows; r++) {
        const double *row = x + r * columns;
        double w = weight ? weight[r] : 1;
        for (size_t i = 0; i < columns; i++) {
            if (row[i] == 0)
                continue;
            coefficients[i] += w * row[i] * y[r];
            for (size_t j = 0; j <= i; j++)
                gram[i * columns + j] += w * row[i] * row[j];
        }
    }
    for (size_t i = 0; i < columns; i++)
        gram[i * columns + i] += penalty[i];
    solve(columns, gram, coefficients);
    maple_free(gram);
    return MAPLE_OK;
}

/* Rotates rows and columns p, q so that a[p, q] becomes 0. */
static void jacobi_rotation(size_t n, double *a, double *vectors, size_t p, size_t q) {
    double off = a[p * n + q];
    if (off == 0)
        return;
    double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1), s = t * c;
    for (size_t k = 0; k < n; k++) {
        double kp = a[k * n + p], kq = a[k * n + q];
        a[k * n + p] = c * kp - s * kq;
        a[k * n + q] = s * kp + c * kq;
    }
    for (size_t k = 0; k < n; k++) {
        double pk = a[p * n + k], qk = a[q * n + k];
        a[p * n + k] = c * pk - s * qk;
        a[q * n + k] = s * pk + c * qk;
        double vp = vectors[k * n + p], vq = vectors[k * n + q];
        vectors[k * n + p] = c * vp - s * vq;
        vectors[k * n + q] = s * vp + c * vq;
    }
}

void maple_eigen(size_t n, double *a, double *vectors) {
    enum { SWEEPS = 30 }; /* quadratic convergence: fewer than ten are needed */
    for (size_t i = 0; i < n * n; i++)
        vectors[i] = i / n == i % n;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++)
                jacobi_rotation(n, a, vectors, p, q);
    for (size_t k = 0; k < n; k++) {
        size_t largest = 0;
        for (size_t i = 0; i < n; i++)
            if (fabs(vectors[i * n + k]) > fabs(vectors[largest * n + k]))
                largest = i;
        double sign = vectors[largest * n + k] < 0 ? -1 : 1;
        for (size_t i = 0; i < n; i++)
            vectors[i * n + k] *= sign;
    }
}
