/* SPDX-License-Identifier: Apache-2.0 */
/* The target's samples under each hypothesis: covariance, evidence, weights; which of them are gross errors.
 */
#include "predictor/gp_model.h"
#include "predictor/ridge.h"

#include "nn/nn.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

/* Samples for which covariances are summed from kernels, which is fast for many hypotheses; for more of them
 * kernels are large and the hypotheses few. */
enum { FEW = 64 };

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
    s.shape = maple_alloc(GP_SHAPES * n, sizeof *s.shape);
    if (n <= FEW)
        s.kernel = maple_alloc(GP_BLOCKS * n, n * sizeof *s.kernel);
    if (!s.x || !s.columns || !s.latency_ms || !s.shape || (n <= FEW && !s.kernel)) {
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
    const double *const shapes[GP_SHAPES] = {view->mean, view->cost, view->table};
    int n = (int)s->n, width = (int)frame->k + 1, sources = (int)view->n;
    for (size_t g = 0; g < GP_SHAPES; g++)
        if (shapes[g])
            cblas_dgemv(CblasRowMajor, CblasNoTrans, n, width, 1, s->x, width, shapes[g], 1, 0,
                        s->shape + g * s->n, 1);
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

double gp_expected(const gp_samples *s, const gp_hypothesis *h, size_t i) {
    return 1 - h->share + h->share * s->shape[(size_t)h->shape * s->n + i];
}

double gp_level_ms(const gp_samples *s, const gp_hypothesis *h) {
    double latency = 0, expected = 0;
    for (size_t i = 0; i < s->n; i++) {
        latency += s->latency_ms[i];
        expected += gp_expected(s, h, i);
    }
    return s->n > 0 ? latency / expected : 1;
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
    for (size_t i = 0; i < s->n; i++) {
        double relative = fmax(s->latency_ms[i] / level_ms, GP_LEAST);
        c[i * s->n + i] +=
            w[GP_NOISE] * relative * relative + w[GP_FLOOR] + s->rounding / (level_ms * level_ms);
    }
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

/* --- Gross errors --- */

/* log of the density of sample i given the others: a Gaussian, from K^-1 alone, of which the diagonal is the
 * squared length of the columns of the factor's inverse. */
static void leave_one_out(size_t n, const double *factor, const double *dual, double *inverse, double *out) {
    memset(inverse, 0, n * n * sizeof *inverse);
    for (size_t i = 0; i < n; i++)
        inverse[i * n + i] = 1;
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, (int)n, 1, factor,
                (int)n, inverse, (int)n);
    for (size_t i = 0; i < n; i++) {
        const double *column = inverse + i * n + i;
        double precision = cblas_ddot((int)(n - i), column, (int)n, column, (int)n);
        out[i] = 0.5 * log(precision / (2 * M_PI)) - 0.5 * dual[i] * dual[i] / precision;
    }
}

static double log_sum(const double *values, size_t n) {
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, values[i]);
    for (size_t i = 0; i < n; i++)
        sum += exp(values[i] - most);
    return most + log(sum);
}

/* The sample whose measurement was most likely disturbed; SIZE_MAX where none was. gain[n_h, n] holds
 * log weight - log density of the sample under each hypothesis. */
static size_t find_disturbed(const gp_samples *s, const double *gain, size_t n_h, double *scratch) {
    static const double RARE = 1e-3; /* how often a measurement is wrong as a whole */
    double most = 0, mean_ms = 0;
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < s->n; i++)
        mean_ms += s->latency_ms[i] / (double)s->n;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t h = 0; h < n_h; h++)
            scratch[h] = gain[h * s->n + i];
        double off = s->latency_ms[i] / mean_ms - 1;
        double odds = log_sum(scratch, n_h) + log(RARE) - log(M_PI * (1 + off * off));
        if (odds <= most)
            continue;
        most = odds;
        found = i;
    }
    return found;
}

/* rows[n_rows, n] without the columns that are gone. */
static double *squeeze(const double *rows, size_t n_rows, size_t n, const bool *gone, double *to) {
    for (size_t i = 0; i < n_rows; i++)
        for (size_t j = 0; j < n; j++)
            if (!gone[j])
                *to++ = rows[i * n + j];
    return to;
}

static void remove_samples(gp_samples *s, const bool *gone) {
    size_t n = s->n, width = s->view->frame->k + 1, left = 0;
    double *to = s->kernel;
    for (size_t row = 0; row < GP_BLOCKS * n && s->kernel; row++)
        if (!gone[row % n])
            to = squeeze(s->kernel + row * n, 1, n, gone, to);
    squeeze(s->columns, s->first[GP_BLOCKS], n, gone, s->columns);
    squeeze(s->shape, GP_SHAPES, n, gone, s->shape);
    squeeze(s->latency_ms, 1, n, gone, s->latency_ms);
    for (size_t i = 0; i < n; i++)
        if (!gone[i])
            memmove(s->x + left++ * width, s->x + i * width, width * sizeof *s->x);
    s->n = left;
}

/* --- Weights --- */

enum {
    FEWEST_JUDGED = 5, /* samples, for one of them to be called wrong */
    MOST_JUDGED =
        FEW, /* at a time; the best few hypotheses of the first so many are weighed by all samples */
    KEPT = 16,
};

typedef struct weighing {
    double *factor, *inverse, *dual, *density; /* [n, n], [n, n], [n], [n] */
    double *gain, *scratch;                    /* [n_h, n], [n_h] */
} weighing;

/* Hypotheses below this log weight are too unlikely to count even without a sample. */
static const double HOPELESS = -200;

static void weigh_once(const gp_samples *s, const gp_hypothesis *h, size_t n_h, bool robust, weighing *w,
                       double *weight) {
    double most = -INFINITY;
    for (size_t i = 0; i < n_h; i++) {
        weight[i] = h[i].log_prior + gp_evidence(s, &h[i], w->factor, w->dual);
        most = fmax(most, weight[i]);
        if (!robust || weight[i] < most + HOPELESS)
            continue;
        leave_one_out(s->n, w->factor, w->dual, w->inverse, w->density);
        for (size_t j = 0; j < s->n; j++)
            w->gain[i * s->n + j] = weight[i] - w->density[j];
    }
    double total = log_sum(weight, n_h);
    for (size_t i = 0; i < n_h; i++) {
        weight[i] -= total;
        for (size_t j = 0; j < s->n && robust; j++)
            w->gain[i * s->n + j] = weight[i] < HOPELESS ? -INFINITY : w->gain[i * s->n + j] - total;
        weight[i] = exp(weight[i]);
    }
}

static maple_status weigh_all(gp_samples *s, const gp_hypothesis *h, size_t n_h, double *weight, bool *out,
                              maple_error *error) {
    size_t n = s->n, left = s->n / 5;
    size_t *original = maple_alloc(n, sizeof *original);
    bool *removed = maple_alloc(n, sizeof *removed);
    weighing w = {maple_alloc(n * n, sizeof(double)),   maple_alloc(n * n, sizeof(double)),
                  maple_alloc(n, sizeof(double)),       maple_alloc(n, sizeof(double)),
                  maple_alloc(n_h * n, sizeof(double)), maple_alloc(n_h, sizeof(double))};
    bool fine = original && removed && w.factor && w.inverse && w.dual && w.density && w.gain && w.scratch;
    for (size_t i = 0; fine && i < n; i++)
        original[i] = i;
    while (fine) {
        bool robust = left > 0 && s->n >= FEWEST_JUDGED;
        weigh_once(s, h, n_h, robust, &w, weight);
        size_t gone = robust ? find_disturbed(s, w.gain, n_h, w.scratch) : SIZE_MAX;
        if (gone == SIZE_MAX)
            break;
        removed[gone] = true;
        remove_samples(s, removed);
        removed[gone] = false;
        left--;
        if (out)
            out[original[gone]] = true;
        memmove(original + gone, original + gone + 1, (s->n - gone) * sizeof *original);
    }
    maple_free(original);
    maple_free(removed);
    maple_free(w.factor);
    maple_free(w.inverse);
    maple_free(w.dual);
    maple_free(w.density);
    maple_free(w.gain);
    maple_free(w.scratch);
    return fine ? MAPLE_OK : maple_error_memory(error);
}

/* samples[start, start + n) alone. */
static maple_status take(const gp_samples *s, size_t start, size_t n, gp_samples *out, maple_error *error) {
    size_t width = s->view->frame->k + 1;
    gp_samples part;
    maple_status status = allocate(s->view, n, &part, error);
    if (status != MAPLE_OK)
        return status;
    part.rounding = s->rounding;
    memcpy(part.x, s->x + start * width, n * width * sizeof *part.x);
    memcpy(part.latency_ms, s->latency_ms + start, n * sizeof *part.latency_ms);
    for (size_t shape = 0; shape < GP_SHAPES; shape++)
        memcpy(part.shape + shape * n, s->shape + shape * s->n + start, n * sizeof(double));
    for (size_t c = 0; c < s->first[GP_BLOCKS]; c++)
        memcpy(part.columns + c * n, s->columns + c * s->n + start, n * sizeof(double));
    for (size_t g = 0; g < GP_BLOCKS; g++)
        add_kernel(&part, g, 1, 0, part.kernel + g * n * n);
    *out = part;
    return MAPLE_OK;
}

static maple_status weigh_part(const gp_samples *s, size_t start, const gp_hypothesis *h, size_t n_h,
                               double *weight, bool *out, maple_error *error) {
    gp_samples part;
    maple_status status = take(s, start, MOST_JUDGED, &part, error);
    if (status != MAPLE_OK)
        return status;
    status = weigh_all(&part, h, n_h, weight, out + start, error);
    gp_samples_release(&part);
    return status;
}

/* Hypotheses with the greatest weights, place[KEPT] in h; their weights become 0. Returns how many. */
static size_t take_best(double *weight, size_t n_h, size_t *place) {
    size_t kept = 0;
    for (; kept < KEPT; kept++) {
        size_t best = 0;
        for (size_t i = 1; i < n_h; i++)
            if (weight[i] > weight[best])
                best = i;
        if (!(weight[best] > 0))
            break;
        weight[best] = 0;
        place[kept] = best;
    }
    return kept;
}

/* weight[n_h] by the evidence of all samples, 0 but for the kept. */
static maple_status weigh_kept(const gp_samples *s, const gp_hypothesis *h, size_t n_h, const size_t *place,
                               size_t kept, double *weight, maple_error *error) {
    double *factor = maple_alloc(s->n * s->n, sizeof *factor), *dual = maple_alloc(s->n, sizeof *dual);
    double evidence[KEPT] = {0};
    maple_status status = factor && dual ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < kept && status == MAPLE_OK; i++)
        evidence[i] = h[place[i]].log_prior + gp_evidence(s, &h[place[i]], factor, dual);
    double total = status == MAPLE_OK ? log_sum(evidence, kept) : 0;
    memset(weight, 0, n_h * sizeof *weight);
    for (size_t i = 0; i < kept && status == MAPLE_OK; i++)
        weight[place[i]] = exp(evidence[i] - total);
    maple_free(factor);
    maple_free(dual);
    return status;
}

/* The first part is judged by all hypotheses, the others by the best few of them; parts may overlap. */
static maple_status weigh_many(gp_samples *s, const gp_hypothesis *h, size_t n_h, double *weight, bool *out,
                               maple_error *error) {
    gp_hypothesis best[KEPT];
    size_t place[KEPT], kept = 0, n = s->n;
    double of_part[KEPT];
    bool *gone = maple_alloc(n, sizeof *gone);
    maple_status status = gone ? weigh_part(s, 0, h, n_h, weight, gone, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        kept = take_best(weight, n_h, place);
    for (size_t i = 0; i < kept; i++)
        best[i] = h[place[i]];
    for (size_t at = MOST_JUDGED; at < n && status == MAPLE_OK; at += MOST_JUDGED)
        status = weigh_part(s, at + MOST_JUDGED < n ? at : n - MOST_JUDGED, best, kept, of_part, gone, error);
    for (size_t i = 0; i < n && status == MAPLE_OK && out; i++)
        out[i] |= gone[i];
    if (status == MAPLE_OK)
        remove_samples(s, gone);
    if (status == MAPLE_OK)
        status = weigh_kept(s, h, n_h, place, kept, weight, error);
    maple_free(gone);
    return status;
}

maple_status gp_weigh(gp_samples *s, const gp_hypothesis *h, size_t n_h, double *weight, bool *out,
                      maple_error *error) {
    return s->n <= MOST_JUDGED ? weigh_all(s, h, n_h, weight, out, error)
                               : weigh_many(s, h, n_h, weight, out, error);
}
