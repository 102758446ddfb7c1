/* SPDX-License-Identifier: Apache-2.0 */
/* Normal equations by Cholesky, penalised, in double: BLAS and LAPACK, on one thread (their bits depend on
 * it). */
#include "predictor/ridge.h"

#include "nn/nn.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

/* Row-major lower is column-major upper: LAPACK then works in place. Where the matrix is not positive
 * definite the factor is NaN, which its readers see. */
void maple_cholesky(size_t n, double *a) {
    if (n == 0)
        return; /* LAPACK would complain of the leading dimension */
    nn_blas_enter();
    lapack_int info = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, a, (lapack_int)n);
    nn_blas_leave();
    if (info != 0)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                a[i * n + j] = NAN;
}

void maple_cholesky_inverse(size_t n, double *factor) {
    nn_blas_enter();
    LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, factor, (lapack_int)n);
    nn_blas_leave();
}

/* scaled[rows, columns + 1]: x and y, each row times the root of its weight. */
static void scale_rows(size_t rows, size_t columns, const double *x, const double *y, const double *weight,
                       double *scaled) {
    for (size_t r = 0; r < rows; r++) {
        double root = weight ? sqrt(weight[r]) : 1, *row = scaled + r * (columns + 1);
        for (size_t j = 0; j < columns; j++)
            row[j] = root * x[r * columns + j];
        row[columns] = root * y[r];
    }
}

maple_status maple_ridge(size_t rows, size_t columns, const double *x, const double *y, const double *weight,
                         const double *penalty, double *coefficients, maple_error *error) {
    size_t stride = columns + 1;
    double *gram = maple_alloc(columns * columns, sizeof *gram);
    double *scaled = maple_alloc(rows, stride * sizeof *scaled);
    if (!gram || !scaled) {
        maple_free(gram);
        maple_free(scaled);
        return maple_error_memory(error);
    }
    int n = (int)columns, m = (int)rows, lead = (int)stride;
    scale_rows(rows, columns, x, y, weight, scaled);
    memset(coefficients, 0, columns * sizeof *coefficients);
    nn_blas_enter();
    if (rows > 0) {
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, n, m, 1, scaled, lead, 0, gram, n);
        cblas_dgemv(CblasRowMajor, CblasTrans, m, n, 1, scaled, lead, scaled + columns, lead, 0, coefficients,
                    1);
    }
    for (size_t i = 0; i < columns; i++)
        gram[i * columns + i] += penalty[i];
    lapack_int info = LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', n, 1, gram, n, coefficients, n);
    nn_blas_leave();
    maple_free(gram);
    maple_free(scaled);
    return info == 0 ? MAPLE_OK
                     : maple_error_set(error, MAPLE_BAD_INPUT,
                                       "a regression on %zu rows has no solution: its matrix is not positive "
                                       "definite (a value is not finite, or far too large)",
                                       rows);
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
