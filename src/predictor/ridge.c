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

maple_status maple_ridge_many(size_t rows, size_t columns, const double *x, size_t n_y, const double *y,
                              const double *penalty, double *coefficients, maple_error *error) {
    double *gram = maple_alloc(columns * columns, sizeof *gram);
    if (!gram)
        return maple_error_memory(error);
    int n = (int)columns, m = (int)rows, sides = (int)n_y;
    memset(coefficients, 0, n_y * columns * sizeof *coefficients);
    nn_blas_enter();
    if (rows > 0) {
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, n, m, 1, x, n, 0, gram, n);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, sides, n, m, 1, y, m, x, n, 0, coefficients,
                    n);
    }
    for (size_t i = 0; i < columns; i++)
        gram[i * columns + i] += penalty[i];
    lapack_int info = LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'U', n, sides, gram, n, coefficients, n);
    nn_blas_leave();
    maple_free(gram);
    bool solved = info == 0;
    for (size_t i = 0; i < n_y * columns; i++) /* LAPACK does not see that a value is NaN */
        solved = solved && isfinite(coefficients[i]);
    return solved ? MAPLE_OK
                  : maple_error_set(error, MAPLE_BAD_INPUT,
                                    "a regression on %zu rows has no solution: its matrix is not positive "
                                    "definite (a value is not finite, or far too large)",
                                    rows);
}

maple_status maple_ridge(size_t rows, size_t columns, const double *x, const double *y, const double *weight,
                         const double *penalty, double *coefficients, maple_error *error) {
    if (!weight)
        return maple_ridge_many(rows, columns, x, 1, y, penalty, coefficients, error);
    double *scaled_x = maple_alloc(rows, columns * sizeof *scaled_x);
    double *scaled_y = maple_alloc(rows, sizeof *scaled_y);
    maple_status status = scaled_x && scaled_y ? MAPLE_OK : maple_error_memory(error);
    for (size_t r = 0; r < rows && status == MAPLE_OK; r++) {
        double root = sqrt(weight[r]);
        for (size_t j = 0; j < columns; j++)
            scaled_x[r * columns + j] = root * x[r * columns + j];
        scaled_y[r] = root * y[r];
    }
    if (status == MAPLE_OK)
        status = maple_ridge_many(rows, columns, scaled_x, 1, scaled_y, penalty, coefficients, error);
    maple_free(scaled_x);
    maple_free(scaled_y);
    return status;
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
