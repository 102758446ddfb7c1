/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What takes the place of the look-up table on platforms whose operators were never timed.
 *
 * Latency adds up in milliseconds, not in their logarithm: an offset, and a cost for each operator that runs
 * (where it stands matters little). So latency / level is taken as linear in the structured features of the
 * space. A source's coefficients come from all its rows; they say what coefficients usually are, and how
 * platforms differ in them; the target's are the posterior mode under that prior given its few networks.
 */
#include "predictor/maple_model.h"
#include "predictor/ridge.h"

#include <math.h>
#include <string.h>

/* How far a platform's coefficients are expected to lie from the sources' besides the directions in which
 * these differ among themselves, for features whose largest value is 1 and latencies whose mean is 1.
 * docs/method.md says how they were chosen. */
static const double OFFSET_SD = 0.2, LEVEL_SD = 0.05;
static const double GROUP_SD[] = {
    [MAPLE_FEATURE_COUNT] = 0.1,      [MAPLE_FEATURE_REACHING] = 0.05, [MAPLE_FEATURE_LIVE] = 0.05,
    [MAPLE_FEATURE_STRUCTURE] = 0.02, [MAPLE_FEATURE_COST] = 0.3,      [MAPLE_FEATURE_SLOT] = 0.003,
    [MAPLE_FEATURE_STAGE] = 0.02,
};

/* A latency is never predicted below this share of the platform's level. */
static const double LEAST = 0.05;

double maple_costs_log(const maple_base *base, const maple_space *space, const maple_arch *arch) {
    double values[MAPLE_MAX_SPACE_FEATURES], sum = base->costs[0];
    maple_space_feature_values(space, arch, values);
    for (size_t j = 0; j < maple_space_features(space); j++)
        sum += base->costs[1 + j] * values[j];
    return base->level + log(fmax(sum, LEAST));
}

/* --- Features of rows --- */

typedef struct costs_fit {
    const maple_fit_request *request;
    maple_training *training;
    size_t k; /* 1 + features */
    double
        *scale; /* [k], the training's: 1 / a feature's largest value on the pool, 0 where it is always 0 */
    double *sd; /* [k] */
    double *x, *y, *w; /* [rows, k], [rows], [rows] of one platform */
    double *w_source;  /* [sources, k], in scaled features */
    double spread, noise;
} costs_fit;

static void release(costs_fit *f) {
    maple_free(f->sd);
    maple_free(f->x);
    maple_free(f->y);
    maple_free(f->w_source);
}

static void features_of(const costs_fit *f, const maple_arch *arch, double *out) {
    out[0] = 1;
    maple_space_feature_values(f->request->space, arch, out + 1);
    for (size_t j = 1; j < f->k; j++)
        out[j] *= f->scale[j];
}

static void find_scales(costs_fit *f) {
    const maple_space *space = f->request->space;
    double values[MAPLE_MAX_SPACE_FEATURES];
    for (size_t i = 0; i < f->training->n_pool; i++) {
        maple_space_feature_values(space, &f->training->archs[i], values);
        for (size_t j = 1; j < f->k; j++)
            f->scale[j] = fmax(f->scale[j], fabs(values[j - 1]));
    }
    f->scale[0] = 1;
    f->sd[0] = OFFSET_SD;
    for (size_t j = 1; j < f->k; j++) {
        f->scale[j] = f->scale[j] > 0 ? 1 / f->scale[j] : 0;
        f->sd[j] = GROUP_SD[maple_space_feature(space, j - 1)->group];
    }
}

static maple_status init(costs_fit *f, const maple_fit_request *request, const double *options,
                         maple_training *t, maple_error *error) {
    size_t features = maple_space_features(request->space), rows = t->n - t->n_pool;
    if (features > MAPLE_MAX_SPACE_FEATURES)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "space %s has %zu features, maple takes %d",
                               maple_space_name(request->space), features, MAPLE_MAX_SPACE_FEATURES);
    for (size_t p = 0; p + 1 < t->n_platforms; p++) {
        size_t count = 0;
        for (size_t i = 0; i < t->n_pool; i++)
            count += t->platform[i] == p;
        rows = count > rows ? count : rows;
    }
    *f = (costs_fit){.request = request,
                     .training = t,
                     .k = 1 + features,
                     .spread = options[OPT_COST_SPREAD],
                     .noise = options[OPT_COST_NOISE]};
    if (!t->feature_scale)
        t->feature_scale = maple_alloc(f->k, sizeof(double));
    f->scale = t->feature_scale;
    f->sd = maple_alloc(f->k, sizeof(double));
    f->x = maple_alloc(rows, f->k * sizeof(double));
    f->y = maple_alloc(rows, 2 * sizeof(double));
    f->w = f->y ? f->y + rows : NULL;
    f->w_source = maple_alloc(t->n_platforms, f->k * sizeof(double));
    return f->scale && f->sd && f->x && f->y && f->w_source ? MAPLE_OK : maple_error_memory(error);
}

/* --- Sources --- */

/* Mean latency of a source's rows, its level; x and y = latency / level of those rows. */
static size_t source_rows(costs_fit *f, size_t platform, double *level) {
    const maple_training *t = f->training;
    size_t n = 0;
    double sum = 0;
    for (size_t i = 0; i < t->n_pool; i++) {
        if (t->platform[i] != platform)
            continue;
        features_of(f, &t->archs[i], f->x + n * f->k);
        f->y[n] = exp(t->residual[i]);
        sum += f->y[n++];
    }
    *level = n > 0 ? sum / (double)n : 1;
    for (size_t i = 0; i < n; i++)
        f->y[i] /= *level;
    return n;
}

/* Least relative error, robust: what is off by more than a tenth counts in proportion less. */
static maple_status fit_source(costs_fit *f, size_t platform, maple_error *error) {
    enum { PASSES = 3 };
    const double tolerated = 0.1;
    double level, *coefficients = f->w_source + platform * f->k;
    size_t n = source_rows(f, platform, &level), k = f->k;
    double *penalty = maple_alloc(k, sizeof *penalty);
    if (!penalty)
        return maple_error_memory(error);
    for (size_t j = 0; j < k; j++)
        penalty[j] = 1e-3 + pow(f->noise / 2 / f->sd[j], 2);
    for (size_t i = 0; i < n; i++)
        f->w[i] = pow(fmax(f->y[i], LEAST), -2);
    maple_status status = MAPLE_OK;
    for (int pass = 0; pass < PASSES && status == MAPLE_OK; pass++) {
        status = maple_ridge(n, k, f->x, f->y, f->w, penalty, coefficients, error);
        for (size_t i = 0; i < n; i++) {
            double fitted = 0;
            for (size_t j = 0; j < k; j++)
                fitted += coefficients[j] * f->x[i * k + j];
            double scale = fmax(fitted, 2 * LEAST), off = fabs(f->y[i] - fitted) / scale;
            f->w[i] = (off < tolerated ? 1 : tolerated / off) / (scale * scale);
        }
    }
    maple_base *base = &f->training->base[platform];
    base->level = log(level);
    for (size_t j = 0; j < k; j++)
        base->costs[j] = coefficients[j] * f->scale[j];
    maple_free(penalty);
    return status;
}

/* Mean of the sources' coefficients; their covariance, times `spread`, with what each group may differ by
 * besides, and an uncertain level. */
static maple_status learn_belief(costs_fit *f, maple_error *error) {
    size_t k = f->k, sources = f->training->n_platforms - 1;
    maple_belief *belief = &f->training->belief;
    maple_status status = maple_belief_init(belief, k, error);
    if (status != MAPLE_OK)
        return status;
    belief->noise = f->noise;
    for (size_t s = 0; s < sources; s++)
        for (size_t j = 0; j < k; j++)
            belief->mean[j] += f->w_source[s * k + j] / (double)sources;
    double share = f->spread / (sources > 1 ? (double)(sources - 1) : 1);
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t s = 0; s < sources; s++)
                sum +=
                    (f->w_source[s * k + i] - belief->mean[i]) * (f->w_source[s * k + j] - belief->mean[j]);
            belief->factor[i * k + j] = share * sum +
                                        LEVEL_SD * LEVEL_SD * belief->mean[i] * belief->mean[j] +
                                        (i == j ? f->sd[i] * f->sd[i] : 0);
        }
    maple_cholesky(k, belief->factor);
    return MAPLE_OK;
}

/* --- Target --- */

/* The target's level: the median of what its networks take over what they take on the average source. */
static double target_level(costs_fit *f, size_t n, const double *log_ms) {
    for (size_t i = 0; i < n; i++) {
        double mean = 0;
        for (size_t j = 0; j < f->k; j++)
            mean += f->training->belief.mean[j] * f->x[i * f->k + j];
        f->w[i] = log_ms[i] - log(fmax(mean, LEAST));
    }
    maple_sort_doubles(f->w, n);
    return n > 0 ? maple_quantile_sorted(f->w, n, 0.5) : 0;
}

/* Rows are divided by their latency: errors count relatively. */
static maple_status fit_target(costs_fit *f, const double *log_ms, maple_base *base, maple_error *error) {
    const maple_training *t = f->training;
    size_t n = maple_training_known(t), k = f->k;
    for (size_t i = 0; i < n; i++)
        features_of(f, &t->archs[t->n_pool + i], f->x + i * k);
    base->level = target_level(f, n, log_ms);
    for (size_t i = 0; i < n; i++) {
        double y = exp(log_ms[i] - base->level), scale = fmax(y, LEAST);
        f->y[i] = y / scale;
        for (size_t j = 0; j < k; j++)
            f->x[i * k + j] /= scale;
    }
    maple_status status = maple_belief_update(&t->belief, n, f->x, f->y, base->costs, error);
    for (size_t j = 0; j < k && status == MAPLE_OK; j++)
        base->costs[j] *= f->scale[j];
    return status;
}

maple_status maple_costs_fit(const maple_fit_request *request, const double *options, maple_training *t,
                             maple_error *error) {
    costs_fit f = {0};
    maple_status status = init(&f, request, options, t, error);
    for (size_t p = 0; p < t->n_platforms && status == MAPLE_OK; p++) {
        t->base[p].n_costs = f.k;
        t->base[p].costs = maple_alloc(f.k, sizeof(double));
        status = t->base[p].costs ? MAPLE_OK : maple_error_memory(error);
    }
    if (status == MAPLE_OK)
        find_scales(&f);
    for (size_t p = 0; p + 1 < t->n_platforms && status == MAPLE_OK; p++)
        status = fit_source(&f, p, error);
    if (status == MAPLE_OK)
        status = learn_belief(&f, error);
    if (status == MAPLE_OK)
        status = fit_target(&f, t->residual + t->n_pool, &t->base[t->n_platforms - 1], error);
    release(&f);
    return status;
}

maple_status maple_costs_refit(const maple_fit_request *request, const double *options, maple_training *t,
                               const double *log_ms, maple_base *base, maple_error *error) {
    costs_fit f = {0};
    maple_status status = init(&f, request, options, t, error);
    if (status == MAPLE_OK)
        status = fit_target(&f, log_ms, base, error);
    release(&f);
    return status;
}
