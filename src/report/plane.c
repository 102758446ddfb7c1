/* SPDX-License-Identifier: Apache-2.0 */
/* Classical multidimensional scaling (Torgerson 1952): the plane that keeps distances best. */
#include "report/draw.h"

#include <lapacke.h>
#include <math.h>

/* -1/2 J D^2 J with J = I - 11'/n: the scalar products of points around their mean. */
static void centre(const double *distance, size_t n, double *products, double *means) {
    double all = 0;
    for (size_t i = 0; i < n; i++) {
        means[i] = 0;
        for (size_t j = 0; j < n; j++)
            means[i] += distance[i * n + j] * distance[i * n + j] / (double)n;
        all += means[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            products[i * n + j] =
                -0.5 * (distance[i * n + j] * distance[i * n + j] - means[i] - means[j] + all);
    }
}

/* Coordinates along eigenvector `k` (a row of `vectors`); its largest entry is positive, so that the same
 * distances give the same picture. */
static void take_axis(const double *vectors, const double *values, size_t n, size_t k, double *out) {
    double length = sqrt(fmax(values[k], 0)), largest = 0;
    for (size_t i = 0; i < n; i++) {
        double entry = vectors[k * n + i];
        largest = fabs(entry) > fabs(largest) + 1e-12 ? entry : largest;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = length * vectors[k * n + i] * (largest < 0 ? -1 : 1);
}

maple_status figure_plane(const double *distance, size_t n, double *x, double *y, double *share,
                          maple_error *error) {
    maple_status status = MAPLE_OK;
    double *products = maple_alloc(n * n, sizeof *products), *values = maple_alloc(n, sizeof *values);
    if (!products || !values) {
        status = maple_error_memory(error);
        goto done;
    }
    centre(distance, n, products, values);
    /* Column-major and symmetric: eigenvectors, ascending, are the rows of what comes back. */
    lapack_int failed =
        LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, products, (lapack_int)n, values);
    if (failed != 0) {
        status = maple_error_set(error, MAPLE_BAD_INPUT, "the distances have no eigenvectors (dsyev: %d)",
                                 (int)failed);
        goto done;
    }
    take_axis(products, values, n, n - 1, x);
    take_axis(products, values, n, n - 2, y);
    double kept = fmax(values[n - 1], 0) + fmax(values[n - 2], 0), all = 0;
    for (size_t i = 0; i < n; i++)
        all += fmax(values[i], 0);
    *share = all > 0 ? kept / all : NAN;
done:
    maple_free(products);
    maple_free(values);
    return status;
}
