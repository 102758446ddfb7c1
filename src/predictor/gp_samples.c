/* SPDX-License-Identifier: Apache-2.0 */
/* The target's samples and what one hypothesis says of them: level, covariance, evidence. */
#include "predictor/gp_model.h"
#include "predictor/ridge.h"

#include "nn/nn.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

void gp_samples_release(gp_samples *samples) {
    maple_free(samples->x);
    maple_free(samples->columns);
    maple_free(samples->latency_ms);
    maple_free(samples->kernel);
    maple_free(samples->shape);
    *samples = (gp_samples){0};
}

/* Room for n samples, and where the columns of each block begin. */
static maple_status allocate(const gp_view *view, size_t n, gp_samples *out, maple_error *error) {
    const gp_frame *frame = view->frame;
    gp_samples s = {.view = view, .n = n};
    for (size_t g = 0; g < GP_BLOCKS; g++) {
        size_t members = g == GP_POOL ? view->n : g == GP_OFFSET;
        for (size_t j = 0; j < frame->k; j++)
            members += frame->block[j] == g && frame->scale[j] > 0;
        s.first[g + 1] = s.first[g] + members;
    }
    s.x = maple_alloc(n, (frame->k + 1) * sizeof *s.x);
    s.columns = maple_alloc(s.first[GP_BLOCKS], n * sizeof *s.columns);
    s.latency_ms = maple_alloc(n, sizeof *s.latency_ms);
    s.shape = maple_alloc(gp_shapes(view) * n, sizeof *s.shape);
    if (n <= GP_FEW)
        s.kernel = maple_alloc(GP_BLOCKS * n, n * sizeof *s.kernel);
    if (!s.x || !s.columns || !s.latency_ms || !s.shape || (n <= GP_FEW && !s.kernel)) {
        gp_samples_release(&s);
        return maple_error_memory(error);
    }
    *out = s;
    return MAPLE_OK;
}

/* What the view makes of x: columns and shapes. */
static void fill_columns(gp_samples *s) {
    const gp_view *view = s->view;
    const gp_frame *frame = view->frame;
    int n = (int)s->n, width = (int)frame->k + 1, sources = (int)view->n;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)gp_shapes(view), n, width, 1, view->shapes,
                width, s->x, width, 0, s->shape, n);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, sources, n, width, 1, view->spread, width, s->x,
                width, 0, s->columns + s->first[GP_POOL] * s->n, n);
    cblas_dcopy(n, s->x + frame->k, width, s->columns + s->first[GP_OFFSET] * s->n, 1);
    for (size_t g = GP_FIRST_GROUP; g < GP_BLOCKS; g++) {
        size_t at = s->first[g];
        for (size_t j = 0; j < frame->k; j++)
            if (frame->block[j] == g && frame->scale[j] > 0)
                cblas_dcopy(n, s->x + j, width, s->columns + at++ * s->n, 1);
    }
}

/* c[n, n] = keep c + weight times a block's kernel, lower. */
static void add_kernel(const gp_samples *s, size_t block, double weight, double keep, double *c) {
    int n = (int)s->n, members = (int)(s->first[block + 1] - s->first[block]);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, n, members, weight,
                s->columns + s->first[block] * s->n, n, keep, c, n);
}

maple_status gp_samples_create(const gp_view *view, const maple_arch *archs, const double *latency_ms,
                               size_t n, gp_samples *out, maple_error *error) {
    size_t width = view->frame->k + 1;
    gp_samples s;
    maple_status status = allocate(view, n, &s, error);
    if (status != MAPLE_OK)
        return status;
    bool whole = n > 0;
    for (size_t i = 0; i < n; i++) {
        gp_frame_row(view->frame, &archs[i], s.x + i * width);
        s.latency_ms[i] = latency_ms[i];
        whole &= latency_ms[i] == floor(latency_ms[i]);
    }
    s.rounding = whole ? 1.0 / 12 : 0;
    if (n > 0) { /* BLAS would complain of the leading dimension */
        nn_blas_enter();
        fill_columns(&s);
        for (size_t g = 0; g < GP_BLOCKS && s.kernel; g++)
            add_kernel(&s, g, 1, 0, s.kernel + g * n * n);
        nn_blas_leave();
    }
    *out = s;
    return MAPLE_OK;
}

/* rows[n_rows, n] without the columns that are gone. */
static double *squeeze(const double *rows, size_t n_rows, size_t n, const bool *gone, double *to) {
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n; j++)
            if (!gone[j])
                *to++ = rows[i * n + j];
    return to;
}

void gp_samples_remove(gp_samples *s, const bool *gone) {
    size_t n = s->n, width = s->view->frame->k + 1, left = 0;
    double *to = s->kernel;
    for (size_t row = 0; row < GP_BLOCKS * n && s->kernel; row++)
        if (!gone[row % n])
            to = squeeze(s->kernel + row * n, 1, n, gone, to);
    squeeze(s->columns, s->first[GP_BLOCKS], n, gone, s->columns);
    squeeze(s->shape, gp_shapes(s->view), n, gone, s->shape);
    squeeze(s->latency_ms, 1, n, gone, s->latency_ms);
    for (size_t i = 0; i < n; i++)
        if (!gone[i])
            memmove(s->x + left++ * width, s->x + i * width, width * sizeof *s->x);
    s->n = left;
}

maple_status gp_samples_take(const gp_samples *s, size_t start, size_t n, gp_samples *out,
                             maple_error *error) {
    size_t width = s->view->frame->k + 1;
    gp_samples part;
    maple_status status = allocate(s->view, n, &part, error);
    if (status != MAPLE_OK)
        return status;
    part.rounding = s->rounding;
    memcpy(part.x, s->x + start * width, n * width * sizeof *part.x);
    memcpy(part.latency_ms, s->latency_ms + start, n * sizeof *part.latency_ms);
    for (size_t shape = 0; shape < gp_shapes(s->view); shape++)
        memcpy(part.shape + shape * n, s->shape + shape * s->n + start, n * sizeof(double));
    for (size_t c = 0; c < s->first[GP_BLOCKS]; c++)
        memcpy(part.columns + c * n, s->columns + c * s->n + start, n * sizeof(double));
    for (size_t g = 0; g < GP_BLOCKS; g++)
        add_kernel(&part, g, 1, 0, part.kernel + g * n * n);
    *out = part;
    return MAPLE_OK;
}

double gp_expected(const gp_samples *s, const gp_hypothesis *h, size_t i) {
    return 1 - h->share + h->share * s->shape[h->shape * s->n + i];
}

double gp_level_ms(const gp_samples *s, const gp_hypothesis *h) {
    double latency = 0, expected = 0;
    for (size_t i = 0; i < s->n; i++) {
        latency += s->latency_ms[i];
        expected += gp_expected(s, h, i);
    }
    return s->n > 0 ? latency / expected : 1;
}

double gp_noise_at(const gp_samples *s, const gp_hypothesis *h, double level_ms, size_t i) {
    double relative = fmax(s->latency_ms[i] / level_ms, GP_LEAST);
    return h->parameter[GP_NOISE] * relative * relative + h->parameter[GP_FLOOR] +
           s->rounding / (level_ms * level_ms);
}

/* c[n, n], lower. off[n] is scratch. */
static void fill_covariance(const gp_samples *s, const gp_hypothesis *h, double level_ms, double *off,
                            double *c) {
    int n = (int)s->n;
    const double *w = h->parameter;
    if (s->kernel)
        cblas_dgemv(CblasRowMajor, CblasTrans, GP_BLOCKS, n * n, 1, s->kernel, n * n, w, 1, 0, c, 1);
    for (size_t g = 0; g < GP_BLOCKS && !s->kernel; g++)
        add_kernel(s, g, w[g], g > 0, c);
    for (size_t i = 0; i < s->n; i++) /* the first shape is the sources' */
        off[i] = s->shape[i] - gp_expected(s, h, i);
    cblas_dsyr(CblasRowMajor, CblasLower, n, w[GP_POOL], off, 1, c, n);
    for (size_t i = 0; i < s->n; i++)
        c[i * s->n + i] += gp_noise_at(s, h, level_ms, i);
}

double gp_evidence(const gp_samples *s, const gp_hypothesis *h, double *factor, double *dual) {
    int n = (int)s->n;
    double level_ms = gp_level_ms(s, h), log_root = 0;
    if (!(level_ms > 0))
        return -INFINITY;
    if (n == 0)
        return 0;
    nn_blas_enter();
    fill_covariance(s, h, level_ms, dual, factor);
    maple_cholesky(s->n, factor);
    for (size_t i = 0; i < s->n; i++) {
        dual[i] = s->latency_ms[i] / level_ms - gp_expected(s, h, i);
        log_root += log(factor[i * s->n + i]);
    }
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, factor, n, dual, 1);
    double square = cblas_ddot(n, dual, 1, dual, 1);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, n, factor, n, dual, 1);
    nn_blas_leave();
    double evidence = -log_root - 0.5 * square - (double)n * log(level_ms);
    return isnan(evidence) ? -INFINITY : evidence;
}

bool gp_is_wide(const gp_samples *s) {
    return s->n > s->first[GP_BLOCKS] && !s->kernel;
}

size_t gp_wide_scratch(const gp_samples *s) {
    size_t p = s->first[GP_BLOCKS] + 1;
    return p * p + p + p * s->n + 2 * s->n;
}

/* K = B' B + D with B[p, n], of which a row is a column times the root of its weight, or m - u. With
 * b = B D^-1/2, t = D^-1/2 residual and A = 1 + b b':
 *
 *   log det K = log det D + log det A,   residual' K^-1 residual = |t - b' z|^2 + |z|^2,   A z = b t
 */
double gp_evidence_wide(const gp_samples *s, const gp_hypothesis *h, double *scratch) {
    size_t p = s->first[GP_BLOCKS] + 1;
    double *a = scratch, *z = a + p * p, *b = z + p, *t = b + p * s->n, *precision = t + s->n;
    double level_ms = gp_level_ms(s, h), log_root = 0;
    if (!(level_ms > 0))
        return -INFINITY;
    for (size_t i = 0; i < s->n; i++) {
        double expected = gp_expected(s, h, i);
        precision[i] = 1 / sqrt(gp_noise_at(s, h, level_ms, i));
        t[i] = (s->latency_ms[i] / level_ms - expected) * precision[i];
        b[(p - 1) * s->n + i] = sqrt(h->parameter[GP_POOL]) * (s->shape[i] - expected) * precision[i];
        log_root -= log(precision[i]);
    }
    for (size_t g = 0; g < GP_BLOCKS; g++) {
        double root = sqrt(h->parameter[g]);
        for (size_t c = s->first[g]; c < s->first[g + 1]; c++)
            for (size_t i = 0; i < s->n; i++)
                b[c * s->n + i] = root * s->columns[c * s->n + i] * precision[i];
    }
    int n = (int)s->n, rows = (int)p;
    nn_blas_enter();
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, n, 1, b, n, 0, a, rows);
    for (size_t i = 0; i < p; i++)
        a[i * p + i] += 1;
    maple_cholesky(p, a);
    for (size_t i = 0; i < p; i++)
        log_root += log(a[i * p + i]);
    cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, n, 1, b, n, t, 1, 0, z, 1);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, rows, a, rows, z, 1);
    cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, rows, a, rows, z, 1);
    cblas_dgemv(CblasRowMajor, CblasTrans, rows, n, -1, b, n, z, 1, 1, t, 1);
    double square = cblas_ddot(n, t, 1, t, 1) + cblas_ddot(rows, z, 1, z, 1);
    nn_blas_leave();
    double evidence = -log_root - 0.5 * square - (double)s->n * log(level_ms);
    return isnan(evidence) ? -INFINITY : evidence;
}
