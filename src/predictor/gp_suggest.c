/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to measure next. With S the covariance of the coefficients, a measurement of x takes S x x' S / (x' S
 * x + noise) from it; summed over all candidates c, each variance over the square of its prediction p, that
 * is
 *
 *   gain(x) = sum over c of (c' S x / p_c)^2 / (x' S x + noise(x))
 *
 * Greedy: the greatest gain, then S without it, and again.
 */
#include "predictor/gp_model.h"

#include "nn/nn.h"

#include <cblas.h>
#include <math.h>

static const double NORMAL90 = 1.6448536269514722;

typedef struct chooser {
    const gp_posterior *belief;
    size_t m, width;
    double *x, *t, *u;             /* [m, width]: candidates; X S; X S A, A = sum of c c' / p^2 */
    double *prediction, *variance; /* [m]; variance without noise */
    double *shift, *along;         /* [m] X S x of the chosen one; [width] */
    double *a;                     /* [width, width] */
    bool *taken;
} chooser;

static void release(chooser *c) {
    maple_free(c->x);
    maple_free(c->t);
    maple_free(c->u);
    maple_free(c->prediction);
    maple_free(c->variance);
    maple_free(c->shift);
    maple_free(c->along);
    maple_free(c->a);
    maple_free(c->taken);
}

static maple_status allocate(chooser *c, maple_error *error) {
    size_t cells = c->width * sizeof(double);
    c->x = maple_alloc(c->m, cells);
    c->t = maple_alloc(c->m, cells);
    c->u = maple_alloc(c->m, cells);
    c->prediction = maple_alloc(c->m, sizeof(double));
    c->variance = maple_alloc(c->m, sizeof(double));
    c->shift = maple_alloc(c->m, sizeof(double));
    c->along = maple_alloc(c->width, sizeof(double));
    c->a = maple_alloc(c->width, cells);
    c->taken = maple_alloc(c->m, sizeof(bool));
    bool fine =
        c->x && c->t && c->u && c->prediction && c->variance && c->shift && c->along && c->a && c->taken;
    return fine ? MAPLE_OK : maple_error_memory(error);
}

/* Predictions far below what there is to measure would make a candidate all that counts. */
static double least_prediction(const gp_posterior *belief) {
    return fmax(belief->least_ms, 1e-9);
}

static void fill(chooser *c, const gp_frame *frame, const maple_arch *archs) {
    int m = (int)c->m, k = (int)c->width;
    for (size_t i = 0; i < c->m; i++)
        gp_frame_row(frame, &archs[i], c->x + i * c->width);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, m, k, 1, c->x, k, c->belief->mean, 1, 0, c->prediction, 1);
    cblas_dsymm(CblasRowMajor, CblasRight, CblasLower, m, k, 1, c->belief->covariance, k, c->x, k, 0, c->t,
                k);
    for (size_t i = 0; i < c->m; i++) {
        c->prediction[i] = fmax(c->prediction[i], least_prediction(c->belief));
        c->variance[i] = fmax(0, cblas_ddot(k, c->x + i * c->width, 1, c->t + i * c->width, 1));
        for (size_t j = 0; j < c->width; j++) /* of u, for A */
            c->u[i * c->width + j] = c->x[i * c->width + j] / c->prediction[i];
    }
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, k, m, 1, c->u, k, 0, c->a, k);
    cblas_dsymm(CblasRowMajor, CblasRight, CblasLower, m, k, 1, c->a, k, c->t, k, 0, c->u, k);
}

static size_t best_candidate(const chooser *c) {
    size_t best = SIZE_MAX;
    double most = -INFINITY;
    int k = (int)c->width;
    for (size_t i = 0; i < c->m; i++) {
        if (c->taken[i])
            continue;
        double noise = gp_noise_variance(c->belief, c->prediction[i]);
        double gain =
            cblas_ddot(k, c->t + i * c->width, 1, c->u + i * c->width, 1) / (c->variance[i] + noise);
        if (gain <= most)
            continue;
        most = gain;
        best = i;
    }
    return best;
}

/* S, and all that is made of it, after a measurement of candidate i. */
static void measure(chooser *c, size_t i) {
    int m = (int)c->m, k = (int)c->width;
    double total = c->variance[i] + gp_noise_variance(c->belief, c->prediction[i]);
    const double *x = c->x + i * c->width, *row = c->t + i * c->width;
    cblas_dgemv(CblasRowMajor, CblasNoTrans, m, k, 1, c->t, k, x, 1, 0, c->shift, 1);
    cblas_dsymv(CblasRowMajor, CblasLower, k, 1, c->a, k, row, 1, 0, c->along, 1);
    cblas_dger(CblasRowMajor, m, k, -1 / total, c->shift, 1, c->along, 1, c->u, k);
    cblas_dcopy(k, row, 1, c->along, 1);
    cblas_dger(CblasRowMajor, m, k, -1 / total, c->shift, 1, c->along, 1, c->t, k);
    for (size_t j = 0; j < c->m; j++)
        c->variance[j] = fmax(0, c->variance[j] - c->shift[j] * c->shift[j] / total);
    c->taken[i] = true;
}

/* The median over the candidates of what their intervals are expected to be, over their predictions. */
static maple_status median_width(chooser *c, double *out, maple_error *error) {
    for (size_t i = 0; i < c->m; i++) {
        double p = c->prediction[i], variance = c->variance[i] + gp_noise_variance(c->belief, p);
        c->shift[i] = 2 * NORMAL90 * sqrt(variance) / p;
    }
    maple_summary summary;
    maple_status status = maple_summarise(c->shift, c->m, &summary, error);
    if (status == MAPLE_OK)
        *out = summary.median;
    return status;
}

maple_status gp_choose(const gp_frame *frame, const gp_posterior *belief, const maple_arch *archs, size_t m,
                       size_t n, double width, size_t *chosen, double *widths, size_t *n_chosen,
                       maple_error *error) {
    chooser c = {.belief = belief, .m = m, .width = frame->k + 1};
    maple_status status = allocate(&c, error);
    size_t found = 0;
    nn_blas_enter();
    if (status == MAPLE_OK)
        fill(&c, frame, archs);
    double now = INFINITY;
    if (status == MAPLE_OK)
        status = median_width(&c, &now, error);
    while (status == MAPLE_OK && found < n && found < m && now > width) {
        size_t best = best_candidate(&c);
        measure(&c, best);
        status = median_width(&c, &now, error);
        if (widths)
            widths[found] = now;
        chosen[found++] = best;
    }
    nn_blas_leave();
    release(&c);
    if (status == MAPLE_OK)
        *n_chosen = found;
    return status;
}
