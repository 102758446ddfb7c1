/* SPDX-License-Identifier: Apache-2.0 */
/* The target's samples under each hypothesis: covariance, evidence, weights; which of them are gross errors.
 */
#include "predictor/gp_model.h"
#include "predictor/ridge.h"

#include <math.h>
#include <string.h>

void gp_samples_release(gp_samples *samples) {
    maple_free(samples->x);
    maple_free(samples->latency_ms);
    maple_free(samples->kernel);
    maple_free(samples->shape);
    *samples = (gp_samples){0};
}

static double dot(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* kernel[b][i, j] for j <= i. */
static void fill_kernels(gp_samples *s, const double *along) {
    size_t k = s->view->frame->k, width = k + 1, d = s->view->n;
    const unsigned char *block = s->view->frame->block;
    for (size_t i = 0; i < s->n; i++) {
        for (size_t j = 0; j <= i; j++) {
            const double *a = s->x + i * width, *b = s->x + j * width;
            double sums[GP_BLOCKS] = {0};
            for (size_t f = 0; f < k; f++)
                sums[block[f]] += a[f] * b[f];
            sums[GP_POOL] = dot(along + i * d, along + j * d, d);
            sums[GP_OFFSET] = 1;
            for (size_t g = 0; g < GP_BLOCKS; g++)
                s->kernel[(g * s->n + i) * s->n + j] = sums[g];
        }
    }
}

maple_status gp_samples_create(const gp_view *view, const maple_arch *archs, const double *latency_ms,
                               size_t n, gp_samples *out, maple_error *error) {
    size_t width = view->frame->k + 1;
    gp_samples s = {.view = view, .n = n};
    s.x = maple_alloc(n, width * sizeof *s.x);
    s.latency_ms = maple_alloc(n, sizeof *s.latency_ms);
    s.kernel = maple_alloc(GP_BLOCKS * n, n * sizeof *s.kernel);
    s.shape = maple_alloc(GP_SHAPES * n, sizeof *s.shape);
    double *along = maple_alloc(n * view->n, sizeof *along); /* [n, sources] */
    if (!s.x || !s.latency_ms || !s.kernel || !s.shape || !along) {
        maple_free(along);
        gp_samples_release(&s);
        return maple_error_memory(error);
    }
    bool whole = n > 0;
    for (size_t i = 0; i < n; i++) {
        double *x = s.x + i * width;
        gp_frame_row(view->frame, &archs[i], x);
        s.latency_ms[i] = latency_ms[i];
        whole &= latency_ms[i] == floor(latency_ms[i]);
        s.shape[GP_LIKE_POOL * n + i] = dot(x, view->mean, width);
        s.shape[GP_LIKE_COST * n + i] = dot(x, view->cost, width);
        if (view->table)
            s.shape[GP_LIKE_TABLE * n + i] = dot(x, view->table, width);
        for (size_t d = 0; d < view->n; d++)
            along[i * view->n + d] = dot(x, view->spread + d * width, width);
    }
    s.rounding = whole ? 1.0 / 12 : 0;
    fill_kernels(&s, along);
    maple_free(along);
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

static void fill_covariance(const gp_samples *s, const gp_hypothesis *h, double level_ms, double *c) {
    size_t n = s->n;
    const double *w = h->parameter;
    for (size_t i = 0; i < n; i++) { /* the first shape is the sources' */
        double off = s->shape[i] - gp_expected(s, h, i);
        for (size_t j = 0; j <= i; j++)
            c[i * n + j] = w[GP_POOL] * off * (s->shape[j] - gp_expected(s, h, j));
        for (size_t g = 0; g < GP_BLOCKS; g++) {
            const double *kernel = s->kernel + (g * n + i) * n;
            for (size_t j = 0; j <= i; j++)
                c[i * n + j] += w[g] * kernel[j];
        }
        double relative = fmax(s->latency_ms[i] / level_ms, GP_LEAST);
        c[i * n + i] += w[GP_NOISE] * relative * relative + w[GP_FLOOR] + s->rounding / (level_ms * level_ms);
    }
}

double gp_evidence(const gp_samples *s, const gp_hypothesis *h, double *factor, double *dual) {
    size_t n = s->n;
    double level_ms = gp_level_ms(s, h), log_root = 0, square = 0;
    if (!(level_ms > 0))
        return -INFINITY;
    fill_covariance(s, h, level_ms, factor);
    maple_cholesky(n, factor);
    for (size_t i = 0; i < n; i++) {
        double rest = s->latency_ms[i] / level_ms - gp_expected(s, h, i);
        for (size_t j = 0; j < i; j++)
            rest -= factor[i * n + j] * dual[j];
        dual[i] = rest / factor[i * n + i];
        log_root += log(factor[i * n + i]);
        square += dual[i] * dual[i];
    }
    for (size_t i = n; i-- > 0;) {
        dual[i] /= factor[i * n + i];
        for (size_t j = 0; j < i; j++)
            dual[j] -= factor[i * n + j] * dual[i];
    }
    double evidence = -log_root - 0.5 * square - (double)n * log(level_ms);
    return isnan(evidence) ? -INFINITY : evidence;
}

/* --- Gross errors --- */

/* log of the density of sample i given the others: a Gaussian, from K^-1 alone. */
static void leave_one_out(size_t n, const double *factor, const double *dual, double *inverse, double *out) {
    memcpy(inverse, factor, n * n * sizeof *inverse);
    maple_cholesky_inverse(n, inverse);
    for (size_t i = 0; i < n; i++) {
        double precision = inverse[i * n + i];
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

static void remove_sample(gp_samples *s, size_t gone) {
    size_t n = s->n, width = s->view->frame->k + 1, at = 0;
    for (size_t g = 0; g < GP_BLOCKS; g++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                if (i != gone && j != gone)
                    s->kernel[at++] = s->kernel[(g * n + i) * n + j];
    memmove(s->x + gone * width, s->x + (gone + 1) * width, (n - 1 - gone) * width * sizeof *s->x);
    memmove(s->latency_ms + gone, s->latency_ms + gone + 1, (n - 1 - gone) * sizeof *s->latency_ms);
    for (size_t i = 0, shape = 0; i < GP_SHAPES * n; i++)
        if (i % n != gone)
            s->shape[shape++] = s->shape[i];
    s->n--;
}

/* --- Weights --- */

enum {
    FEWEST_JUDGED = 5, /* samples, for one of them to be called wrong */
    MOST_JUDGED = 64, /* at a time; the best few hypotheses of the first so many are weighed by all samples */
    KEPT = 16,
};

typedef struct weighing {
    double *factor, *inverse, *dual, *density; /* [n, n], [n, n], [n], [n] */
    double *gain, *scratch;                    /* [n_h, n], [n_h] */
} weighing;

static void weigh_once(const gp_samples *s, const gp_hypothesis *h, size_t n_h, bool robust, weighing *w,
                       double *weight) {
    for (size_t i = 0; i < n_h; i++)
        weight[i] = h[i].log_prior + gp_evidence(s, &h[i], w->factor, w->dual);
    double total = log_sum(weight, n_h);
    for (size_t i = 0; i < n_h; i++)
        weight[i] -= total;
    for (size_t i = 0; i < n_h && robust; i++) {
        for (size_t j = 0; j < s->n; j++)
            w->gain[i * s->n + j] = -INFINITY;
        if (weight[i] < -200)
            continue; /* too unlikely to count even without a sample */
        gp_evidence(s, &h[i], w->factor, w->dual);
        leave_one_out(s->n, w->factor, w->dual, w->inverse, w->density);
        for (size_t j = 0; j < s->n; j++)
            w->gain[i * s->n + j] = weight[i] - w->density[j];
    }
    for (size_t i = 0; i < n_h; i++)
        weight[i] = exp(weight[i]);
}

static maple_status weigh_all(gp_samples *s, const gp_hypothesis *h, size_t n_h, double *weight, bool *out,
                              maple_error *error) {
    size_t n = s->n, left = s->n / 5;
    size_t *original = maple_alloc(n, sizeof *original);
    weighing w = {maple_alloc(n * n, sizeof(double)),   maple_alloc(n * n, sizeof(double)),
                  maple_alloc(n, sizeof(double)),       maple_alloc(n, sizeof(double)),
                  maple_alloc(n_h * n, sizeof(double)), maple_alloc(n_h, sizeof(double))};
    bool fine = original && w.factor && w.inverse && w.dual && w.density && w.gain && w.scratch;
    for (size_t i = 0; fine && i < n; i++)
        original[i] = i;
    while (fine) {
        bool robust = left > 0 && s->n >= FEWEST_JUDGED;
        weigh_once(s, h, n_h, robust, &w, weight);
        size_t gone = robust ? find_disturbed(s, w.gain, n_h, w.scratch) : SIZE_MAX;
        if (gone == SIZE_MAX)
            break;
        remove_sample(s, gone);
        left--;
        if (out)
            out[original[gone]] = true;
        memmove(original + gone, original + gone + 1, (s->n - gone) * sizeof *original);
    }
    maple_free(original);
    maple_free(w.factor);
    maple_free(w.inverse);
    maple_free(w.dual);
    maple_free(w.density);
    maple_free(w.gain);
    maple_free(w.scratch);
    return fine ? MAPLE_OK : maple_error_memory(error);
}

/* samples[start, start + n) alone: kernels are laid out for fewer. */
static maple_status take(const gp_samples *s, size_t start, size_t n, gp_samples *out, maple_error *error) {
    size_t width = s->view->frame->k + 1;
    gp_samples part = {.view = s->view, .n = n, .rounding = s->rounding};
    part.x = maple_alloc(n, width * sizeof *part.x);
    part.latency_ms = maple_alloc(n, sizeof *part.latency_ms);
    part.kernel = maple_alloc(GP_BLOCKS * n, n * sizeof *part.kernel);
    part.shape = maple_alloc(GP_SHAPES * n, sizeof *part.shape);
    if (!part.x || !part.latency_ms || !part.kernel || !part.shape) {
        gp_samples_release(&part);
        return maple_error_memory(error);
    }
    memcpy(part.x, s->x + start * width, n * width * sizeof *part.x);
    memcpy(part.latency_ms, s->latency_ms + start, n * sizeof *part.latency_ms);
    for (size_t shape = 0; shape < GP_SHAPES; shape++)
        memcpy(part.shape + shape * n, s->shape + shape * s->n + start, n * sizeof(double));
    for (size_t g = 0; g < GP_BLOCKS; g++)
        for (size_t i = 0; i < n; i++)
            memcpy(part.kernel + (g * n + i) * n, s->kernel + (g * s->n + start + i) * s->n + start,
                   n * sizeof(double));
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
    for (size_t i = n; i-- > 0 && status == MAPLE_OK;) {
        if (gone[i])
            remove_sample(s, i);
        if (out)
            out[i] |= gone[i];
    }
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
