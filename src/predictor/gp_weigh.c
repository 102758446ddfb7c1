/* SPDX-License-Identifier: Apache-2.0 */
/* Weights of the hypotheses by the target's samples, and which of the samples are gross errors. */
#include "predictor/gp_model.h"

#include <math.h>
#include <string.h>

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

/* --- Weights --- */

enum {
    FEWEST_JUDGED = 5, /* samples, for one of them to be called wrong */
    MOST_JUDGED =
        GP_FEW, /* at a time; the best few hypotheses of the first so many are weighed by all samples */
    KEPT = 16,
};

/* Hypotheses below this log weight are too unlikely to count even without a sample. */
static const double HOPELESS = -200;

typedef struct weighing {
    gp_lanes *lanes;
    double *density;        /* [n, GP_LANES] */
    double *gain, *scratch; /* [n_h, n], [n_h] */
    size_t *original;       /* [n] what the samples were at first */
    bool *gone;             /* [n] scratch */
} weighing;

static void release(weighing *w) {
    gp_lanes_free(w->lanes);
    maple_free(w->density);
    maple_free(w->gain);
    maple_free(w->scratch);
    maple_free(w->original);
    maple_free(w->gone);
}

static maple_status allocate(size_t n, size_t n_h, weighing *w, maple_error *error) {
    w->lanes = gp_lanes_create(n);
    w->density = maple_alloc(n, GP_LANES * sizeof(double));
    w->gain = maple_alloc(n_h * n, sizeof(double));
    w->scratch = maple_alloc(n_h, sizeof(double));
    w->original = maple_alloc(n, sizeof *w->original);
    w->gone = maple_alloc(n, sizeof *w->gone);
    bool fine = w->lanes && w->density && w->gain && w->scratch && w->original && w->gone;
    return fine ? MAPLE_OK : maple_error_memory(error);
}

/* Log weights of h[start, start + n_h) but for a common constant, and where one of them is not hopeless
 * beside *most, the greatest so far, gains. */
static void weigh_some(const gp_samples *s, const gp_hypothesis *h, size_t start, size_t n_h, bool robust,
                       weighing *w, double *weight, double *most) {
    bool judged = false;
    gp_lanes_evidence(w->lanes, s, h + start, n_h, weight + start);
    for (size_t i = start; i < start + n_h; i++) {
        weight[i] += h[i].log_prior;
        *most = fmax(*most, weight[i]);
    }
    for (size_t i = start; i < start + n_h; i++)
        judged |= robust && weight[i] >= *most + HOPELESS;
    if (!judged)
        return;
    gp_lanes_leave_one_out(w->lanes, w->density);
    for (size_t i = start; i < start + n_h; i++)
        for (size_t j = 0; j < s->n; j++)
            w->gain[i * s->n + j] = weight[i] - w->density[j * GP_LANES + i - start];
}

static void weigh_once(const gp_samples *s, const gp_hypothesis *h, size_t n_h, bool robust, weighing *w,
                       double *weight) {
    double most = -INFINITY;
    for (size_t i = 0; i < n_h; i += GP_LANES)
        weigh_some(s, h, i, n_h - i < GP_LANES ? n_h - i : GP_LANES, robust, w, weight, &most);
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
    size_t left = s->n / 5;
    weighing w = {0};
    maple_status status = allocate(s->n, n_h, &w, error);
    for (size_t i = 0; i < s->n && status == MAPLE_OK; i++)
        w.original[i] = i;
    while (status == MAPLE_OK) {
        bool robust = left > 0 && s->n >= FEWEST_JUDGED;
        weigh_once(s, h, n_h, robust, &w, weight);
        size_t gone = robust ? find_disturbed(s, w.gain, n_h, w.scratch) : SIZE_MAX;
        if (gone == SIZE_MAX)
            break;
        w.gone[gone] = true;
        gp_samples_remove(s, w.gone);
        w.gone[gone] = false;
        left--;
        if (out)
            out[w.original[gone]] = true;
        memmove(w.original + gone, w.original + gone + 1, (s->n - gone) * sizeof *w.original);
    }
    release(&w);
    return status;
}

static maple_status weigh_part(const gp_samples *s, size_t start, const gp_hypothesis *h, size_t n_h,
                               double *weight, bool *out, maple_error *error) {
    gp_samples part;
    maple_status status = gp_samples_take(s, start, MOST_JUDGED, &part, error);
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
    bool wide = gp_is_wide(s);
    double *factor = maple_alloc(wide ? gp_wide_scratch(s) : s->n * s->n, sizeof *factor);
    double *dual = maple_alloc(s->n, sizeof *dual);
    double evidence[KEPT] = {0};
    maple_status status = factor && dual ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < kept && status == MAPLE_OK; i++)
        evidence[i] = h[place[i]].log_prior + (wide ? gp_evidence_wide(s, &h[place[i]], factor)
                                                    : gp_evidence(s, &h[place[i]], factor, dual));
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
        gp_samples_remove(s, gone);
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
