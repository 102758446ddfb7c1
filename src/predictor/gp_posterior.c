/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the samples leave of the coefficients: mean and covariance of the mixture of hypotheses, in ms. Of one
 * hypothesis, with S its prior covariance, X the samples and K = X S X' + noise:
 *
 *   mean = level (u + S X' K^-1 e),   covariance = level^2 (S - S X' K^-1 X S)
 *
 * or, where there are many samples, with S = R' R and L L' = 1 + R X' N^-1 X R' (gp_evidence_wide),
 *
 *   mean = level (u + R' q),   covariance = level^2 (L^-1 R)' (L^-1 R)
 */
#include "predictor/gp_model.h"
#include "predictor/ridge.h"

#include "nn/nn.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

/* Hypotheses with less of the best one's weight do not count. */
static const double NEGLIGIBLE = 1e-3;

/* Rows of which the products are added to the covariance, or taken from it: many at a time. */
typedef struct stack {
    double *rows; /* [most, width] */
    size_t n, most;
    double sign;
} stack;

enum { ROWS = 256 };

typedef struct builder {
    const gp_samples *samples;
    size_t width;
    bool wide;
    double *factor, *dual;      /* [n, n], [n]; wide: [gp_wide_scratch] */
    double *pooled;             /* [n, width] X Z' Z / D; not where wide */
    stack plus, minus;          /* between hypotheses, L^-1 R; L^-1 X S */
    double *expected, *off;     /* [width] u; m - u */
    double *centre, *step;      /* [width] */
    double *weight;             /* [width] of the blocks */
    double diagonal[GP_BLOCKS]; /* sum of weight level^2 w_block */
    gp_posterior posterior;
} builder;

void gp_posterior_release(gp_posterior *posterior) {
    maple_free(posterior->mean);
    maple_free(posterior->covariance);
    *posterior = (gp_posterior){0};
}

static void release(builder *b) {
    maple_free(b->factor);
    maple_free(b->dual);
    maple_free(b->pooled);
    maple_free(b->plus.rows);
    maple_free(b->minus.rows);
    maple_free(b->expected);
    maple_free(b->off);
    maple_free(b->centre);
    maple_free(b->step);
    maple_free(b->weight);
}

static maple_status allocate(builder *b, maple_error *error) {
    size_t width = b->width, n = b->wide ? 0 : b->samples->n;
    b->plus = (stack){.most = b->samples->first[GP_BLOCKS] + 1 + ROWS, .sign = 1};
    b->minus = (stack){.most = n + ROWS, .sign = -1};
    b->factor = maple_alloc(b->wide ? gp_wide_scratch(b->samples) : n * n, sizeof(double));
    b->dual = maple_alloc(n, sizeof(double));
    b->pooled = maple_alloc(n * width, sizeof(double));
    b->plus.rows = maple_alloc(b->plus.most * width, sizeof(double));
    b->minus.rows = maple_alloc(b->minus.most * width, sizeof(double));
    b->expected = maple_alloc(width, sizeof(double));
    b->off = maple_alloc(width, sizeof(double));
    b->centre = maple_alloc(width, sizeof(double));
    b->step = maple_alloc(width, sizeof(double));
    b->weight = maple_alloc(width, sizeof(double));
    b->posterior.mean = maple_alloc(width, sizeof(double));
    b->posterior.covariance = maple_alloc(width * width, sizeof(double));
    bool fine = b->factor && b->dual && b->pooled && b->plus.rows && b->minus.rows && b->expected && b->off &&
                b->centre && b->step && b->weight && b->posterior.mean && b->posterior.covariance;
    return fine ? MAPLE_OK : maple_error_memory(error);
}

static void flush(builder *b, stack *s) {
    int width = (int)b->width;
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, width, (int)s->n, s->sign, s->rows, width, 1,
                b->posterior.covariance, width);
    s->n = 0;
}

/* Room for n rows, at most `most`. */
static double *push(builder *b, stack *s, size_t n) {
    if (s->n + n > s->most)
        flush(b, s);
    s->n += n;
    return s->rows + (s->n - n) * b->width;
}

static void push_scaled(builder *b, double scale, const double *row) {
    double *to = push(b, &b->plus, 1);
    for (size_t j = 0; j < b->width; j++)
        to[j] = scale * row[j];
}

/* What the samples and the sources make of it for every hypothesis. */
static void fill_pooled(builder *b) {
    const gp_samples *s = b->samples;
    int n = (int)s->n, width = (int)b->width, sources = (int)s->view->n;
    if (n > 0) /* BLAS would complain of the leading dimension */
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, width, sources, 1,
                    s->columns + s->first[GP_POOL] * s->n, n, s->view->spread, width, 0, b->pooled, width);
}

/* u of a hypothesis, and what the sources' mean differs from it by. */
static void set_shape(builder *b, const gp_hypothesis *h) {
    const gp_view *view = b->samples->view;
    const double *shape = view->shapes + h->shape * b->width;
    for (size_t j = 0; j < b->width; j++) {
        b->expected[j] = h->share * shape[j] + (j + 1 == b->width ? 1 - h->share : 0);
        b->off[j] = view->mean[j] - b->expected[j];
    }
}

static double block_weight(const builder *b, const double *w, size_t j) {
    const gp_frame *frame = b->samples->view->frame;
    return j + 1 == b->width ? w[GP_OFFSET] : frame->scale[j] > 0 ? w[frame->block[j]] : 0;
}

/* cross[n, width] = scale X S */
static void fill_cross(builder *b, const gp_hypothesis *h, double scale, double *cross) {
    const gp_samples *s = b->samples;
    double pool = h->parameter[GP_POOL];
    for (size_t j = 0; j < b->width; j++)
        b->weight[j] = block_weight(b, h->parameter, j);
    for (size_t i = 0; i < s->n; i++) {
        const double *x = s->x + i * b->width, *pooled = b->pooled + i * b->width;
        double off = s->shape[i] - gp_expected(s, h, i);
        for (size_t j = 0; j < b->width; j++)
            cross[i * b->width + j] = scale * (b->weight[j] * x[j] + pool * (pooled[j] + off * b->off[j]));
    }
}

/* step = S X' K^-1 e; adds -scale S X' K^-1 X S and what of scale S is this hypothesis' own. */
static void condition(builder *b, const gp_hypothesis *h, double scale) {
    const gp_samples *s = b->samples;
    int width = (int)b->width, n = (int)s->n;
    double *cross = push(b, &b->minus, s->n);
    gp_evidence(s, h, b->factor, b->dual);
    fill_cross(b, h, sqrt(scale), cross);
    cblas_dgemv(CblasRowMajor, CblasTrans, n, width, 1 / sqrt(scale), cross, width, b->dual, 1, 1, b->step,
                1);
    if (n > 0)
        cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, n, width, 1, b->factor,
                    n, cross, width);
    push_scaled(b, sqrt(scale * h->parameter[GP_POOL]), b->off);
    for (int g = 0; g < GP_BLOCKS; g++)
        b->diagonal[g] += scale * h->parameter[g];
}

/* rows[p, width] = R, in the order of the samples' columns. */
static void fill_roots(const builder *b, const gp_hypothesis *h, double *rows) {
    const gp_view *view = b->samples->view;
    size_t width = b->width;
    double pool = sqrt(h->parameter[GP_POOL]);
    for (size_t d = 0; d < view->n; d++, rows += width)
        for (size_t j = 0; j < width; j++)
            rows[j] = pool * view->spread[d * width + j];
    for (size_t g = GP_OFFSET; g < GP_BLOCKS; g++)
        for (size_t j = 0; j < width; j++) {
            bool last = j + 1 == width, own = last ? g == GP_OFFSET : view->frame->block[j] == g;
            if (!own || !(last || view->frame->scale[j] > 0))
                continue;
            memset(rows, 0, width * sizeof *rows);
            rows[j] = sqrt(h->parameter[g]);
            rows += width;
        }
    for (size_t j = 0; j < width; j++)
        rows[j] = pool * b->off[j];
}

/* step = R' q; adds scale (L^-1 R)' (L^-1 R). */
static void condition_wide(builder *b, const gp_hypothesis *h, double scale) {
    const gp_samples *s = b->samples;
    size_t p = s->first[GP_BLOCKS] + 1;
    int width = (int)b->width, columns = (int)p;
    const double *factor = b->factor, *q = factor + p * p;
    double *roots = push(b, &b->plus, p);
    gp_evidence_wide(s, h, b->factor);
    fill_roots(b, h, roots);
    cblas_dgemv(CblasRowMajor, CblasTrans, columns, width, 1, roots, width, q, 1, 1, b->step, 1);
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, columns, width, sqrt(scale),
                factor, columns, roots, width);
}

/* Adds weight times the moments of one hypothesis; second moments are taken around `centre`. */
static void add(builder *b, const gp_hypothesis *h, double weight, bool first) {
    gp_posterior *p = &b->posterior;
    double level = gp_level_ms(b->samples, h), scale = weight * level * level;
    set_shape(b, h);
    memcpy(b->step, b->expected, b->width * sizeof *b->step);
    if (b->wide)
        condition_wide(b, h, scale);
    else
        condition(b, h, scale);
    for (size_t j = 0; j < b->width; j++) {
        double c = level * b->step[j];
        if (first)
            b->centre[j] = c;
        b->step[j] = c - b->centre[j];
        p->mean[j] += weight * c;
    }
    push_scaled(b, sqrt(weight), b->step);
    p->noise += weight * h->parameter[GP_NOISE];
    p->constant += scale * h->parameter[GP_FLOOR];
    p->least_ms += weight * level * GP_LEAST;
}

/* What all hypotheses have in common, and the other half of the matrix. */
static void finish(builder *b) {
    const gp_view *view = b->samples->view;
    gp_posterior *p = &b->posterior;
    int width = (int)b->width;
    flush(b, &b->plus);
    flush(b, &b->minus);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, width, (int)view->n, b->diagonal[GP_POOL],
                view->spread, width, 1, p->covariance, width);
    for (size_t j = 0; j < b->width; j++) {
        p->covariance[j * b->width + j] += block_weight(b, b->diagonal, j);
        b->step[j] = p->mean[j] - b->centre[j];
    }
    cblas_dsyr(CblasRowMajor, CblasLower, width, -1, b->step, 1, p->covariance, width);
    for (size_t i = 0; i < b->width; i++)
        for (size_t j = i + 1; j < b->width; j++)
            p->covariance[i * b->width + j] = p->covariance[j * b->width + i];
}

maple_status gp_posterior_create(const gp_samples *samples, const gp_hypothesis *h, const double *weight,
                                 size_t n_h, gp_posterior *out, maple_error *error) {
    builder b = {.samples = samples, .width = samples->view->frame->k + 1, .wide = gp_is_wide(samples)};
    b.posterior.k = samples->view->frame->k;
    maple_status status = allocate(&b, error);
    double most = 0, total = 0, least_ms = INFINITY;
    for (size_t i = 0; i < n_h; i++)
        most = fmax(most, weight[i]);
    for (size_t i = 0; i < n_h; i++)
        total += weight[i] < NEGLIGIBLE * most ? 0 : weight[i];
    for (size_t i = 0; i < samples->n; i++)
        least_ms = fmin(least_ms, samples->latency_ms[i]);
    if (status == MAPLE_OK && !(total > 0))
        status = maple_error_set(error, MAPLE_BAD_INPUT, "no hypothesis explains the samples");
    if (status == MAPLE_OK) {
        nn_blas_enter();
        if (!b.wide)
            fill_pooled(&b);
        bool first = true;
        for (size_t i = 0; i < n_h; i++) {
            if (weight[i] < NEGLIGIBLE * most)
                continue;
            add(&b, &h[i], weight[i] / total, first);
            first = false;
        }
        finish(&b);
        nn_blas_leave();
        b.posterior.constant += samples->rounding;
        b.posterior.floor_ms = samples->n > 0 ? least_ms / 20 : 0;
        *out = b.posterior;
    } else {
        gp_posterior_release(&b.posterior);
    }
    release(&b);
    return status;
}

/* raw = A c with A diagonal: A_jj = scale_j, A_kk = 1. */
void gp_posterior_leave(const gp_frame *frame, gp_posterior *p) {
    size_t k = p->k, width = k + 1;
    gp_frame_leave(frame, p->mean, p->mean);
    for (int side = 0; side < 2; side++) { /* columns of each row, then rows: the matrix is symmetric */
        for (size_t i = 0; i < width; i++)
            gp_frame_leave(frame, p->covariance + i * width, p->covariance + i * width);
        for (size_t i = 0; i < width; i++)
            for (size_t j = 0; j < i; j++) {
                double kept = p->covariance[i * width + j];
                p->covariance[i * width + j] = p->covariance[j * width + i];
                p->covariance[j * width + i] = kept;
            }
    }
}

double gp_noise_variance(const gp_posterior *posterior, double prediction_ms) {
    double relative_to = fmax(prediction_ms, posterior->least_ms);
    return posterior->noise * relative_to * relative_to + posterior->constant;
}
