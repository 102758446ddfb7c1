/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The correction of a platform's table, in closed form.
 *
 * If operator o takes (1 + d_o) of what the table says, log latency moves by about the sum of share_o(a) d_o,
 * where share_o is the part of the table's sum that o makes up. So what log latency lies above the table is
 * explained by a level, one d for each operator of the space, and a cost of each execution (additions,
 * calls), which no table has. Sources have hundreds of rows and say what such numbers usually are; the target
 * has a few samples and takes the posterior under that prior, so that without information the table is
 * corrected as on an average source.
 */
#include "predictor/maple_model.h"
#include "predictor/ridge.h"

#include <math.h>
#include <string.h>

size_t maple_feature_count(const maple_space *space) {
    return 2 + (size_t)maple_space_ops(space);
}

void maple_features(const maple_base *base, const maple_model_context *context, const double *counts,
                    double *features) {
    double total = 0, runs = 0, sum_ms = 0;
    size_t n = maple_feature_count(context->space),
           descriptor = maple_space_descriptor_operators(context->space);
    memset(features, 0, n * sizeof *features);
    for (size_t i = 0; i < maple_space_operators(context->space); i++) {
        double ms = base->has_lut ? base->lut.operator_ms[i] : 1;
        if (i < descriptor && !isnan(ms))
            sum_ms += ms;
        if (counts[i] == 0)
            continue;
        total += counts[i] * ms;
        int op = maple_space_operator(context->space, i)->op;
        if (op < 0)
            continue;
        features[1 + op] += counts[i] * ms;
        runs += counts[i];
    }
    double scale = total > 0 ? 1 / total : 0;
    for (size_t g = 1; g + 1 < n; g++)
        features[g] *= scale;
    features[0] = 1;
    /* In units of the platform's average operator, so that the number means the same on all platforms. */
    features[n - 1] = base->has_lut ? runs * scale * sum_ms / (double)descriptor : 0;
}

/* Ridge with Huber's weights: what lies beyond two noise widths counts in proportion less. */
static maple_status robust_ridge(size_t rows, size_t columns, const double *x, const double *y, double noise,
                                 double *weight, double *coefficients, maple_error *error) {
    double penalty[MAPLE_MAX_FEATURES];
    for (size_t j = 0; j < columns; j++)
        penalty[j] = noise * noise;
    for (size_t i = 0; i < rows; i++)
        weight[i] = 1;
    for (int pass = 0; pass < 5; pass++) {
        maple_status status = maple_ridge(rows, columns, x, y, weight, penalty, coefficients, error);
        if (status != MAPLE_OK)
            return status;
        for (size_t i = 0; i < rows; i++) {
            double off = y[i];
            for (size_t j = 0; j < columns; j++)
                off -= x[i * columns + j] * coefficients[j];
            weight[i] = fabs(off) <= 2 * noise ? 1 : 2 * noise / fabs(off);
        }
    }
    return MAPLE_OK;
}

maple_status maple_correction_fit(const maple_prior *prior, size_t n, const double *features,
                                  const double *above, double *correction, maple_error *error) {
    size_t k = prior->n;
    double z[MAPLE_MAX_FEATURES];
    double *x = maple_alloc(n, k * sizeof *x), *y = maple_alloc(n, 2 * sizeof *y);
    maple_status status = x && y ? MAPLE_OK : maple_error_memory(error);
    if (status != MAPLE_OK)
        goto done;
    /* above = features . (mean + factor z) + noise: in z the prior is N(0, 1). */
    for (size_t i = 0; i < n; i++) {
        y[i] = above[i];
        for (size_t j = 0; j < k; j++) {
            y[i] -= features[i * k + j] * prior->mean[j];
            for (size_t l = 0; l <= j; l++)
                x[i * k + l] += features[i * k + j] * prior->factor[j * k + l];
        }
    }
    status = robust_ridge(n, k, x, y, prior->noise, y + n, z, error);
    for (size_t j = 0; j < k && status == MAPLE_OK; j++) {
        correction[j] = prior->mean[j];
        for (size_t l = 0; l <= j; l++)
            correction[j] += prior->factor[j * k + l] * z[l];
    }
done:
    maple_free(x);
    maple_free(y);
    return status;
}

/* What is believed before any platform was seen: no correction, give or take level_sd and share_sd. */
static maple_prior first_prior(const double *options, size_t n) {
    maple_prior prior = {.n = n, .noise = 0.03};
    for (size_t j = 0; j < n; j++)
        prior.factor[j * n + j] = options[j == 0 ? OPT_LEVEL_SD : OPT_SHARE_SD];
    return prior;
}

/* Mean and covariance of the sources' corrections, with the first belief as if it were `prior_weight` more
 * platforms. A few platforms say little about how numbers go together: correlations are halved. */
static void learn_prior(const maple_training *t, double prior_weight, maple_prior *prior) {
    size_t n = prior->n, sources = t->n_platforms - 1;
    double covariance[MAPLE_MAX_FEATURES * MAPLE_MAX_FEATURES];
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t p = 0; p < sources; p++)
            sum += t->base[p].correction[j];
        prior->mean[j] = sum / ((double)sources + prior_weight);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t p = 0; p < sources; p++)
                sum +=
                    (t->base[p].correction[i] - prior->mean[i]) * (t->base[p].correction[j] - prior->mean[j]);
            double first = i == j ? prior->factor[i * n + i] * prior->factor[i * n + i] : 0;
            covariance[i * n + j] =
                (i == j ? 1 : 0.5) * (sum + prior_weight * first) / ((double)sources + prior_weight);
        }
    maple_cholesky(n, covariance);
    memset(prior->factor, 0, sizeof prior->factor);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            prior->factor[i * n + j] = covariance[i * n + j];
}

/* Features of a platform's rows and what their log latencies lie above its table; *n rows. */
static maple_status platform_rows(const maple_fit_request *request, const maple_training *t, size_t platform,
                                  size_t k, double *features, double *above, size_t *n, maple_error *error) {
    maple_model_context context = maple_training_context(request, t, platform);
    double all[MAPLE_MAX_FEATURES];
    *n = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (t->platform[i] != platform)
            continue;
        double table, counts[MAPLE_LUT_MAX_OPERATORS];
        maple_space_operator_counts(context.space, context.graph, &t->archs[i], counts);
        maple_status status =
            maple_base_table(&t->base[platform], &context, &t->archs[i], counts, &table, error);
        if (status != MAPLE_OK)
            return status;
        maple_features(&t->base[platform], &context, counts, all);
        memcpy(features + *n * k, all, k * sizeof *features);
        above[(*n)++] = t->residual[i] - table;
    }
    return MAPLE_OK;
}

static double root_mean_square(size_t n, size_t k, const double *features, const double *above,
                               const double *correction) {
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        double off = above[i];
        for (size_t j = 0; j < k; j++)
            off -= features[i * k + j] * correction[j];
        squares += off * off;
    }
    return n > 0 ? sqrt(squares / (double)n) : 0;
}

maple_status maple_correct(const maple_fit_request *request, const double *options, maple_training *t,
                           maple_error *error) {
    if (options[OPT_CALIBRATION] == CALIBRATION_NONE)
        return MAPLE_OK;
    size_t k = options[OPT_CALIBRATION] == CALIBRATION_LEVEL ? 1 : maple_feature_count(request->space), n;
    size_t sources = t->n_platforms - 1;
    double *features = maple_alloc(t->n, k * sizeof *features), *above = maple_alloc(t->n, sizeof *above);
    maple_status status = features && above ? MAPLE_OK : maple_error_memory(error);
    maple_prior first = first_prior(options, k);
    double noise = 0;
    t->prior = first;
    for (size_t p = 0; p <= sources && status == MAPLE_OK; p++) {
        if (p == sources) {
            learn_prior(t, options[OPT_PRIOR_WEIGHT], &t->prior);
            /* Half a percent is the least that a latency is known to. */
            t->prior.noise = fmax(noise / (double)sources, 0.005);
        }
        status = platform_rows(request, t, p, k, features, above, &n, error);
        if (status == MAPLE_OK)
            status = maple_correction_fit(&t->prior, n, features, above, t->base[p].correction, error);
        t->base[p].n_features = k;
        noise += status == MAPLE_OK ? root_mean_square(n, k, features, above, t->base[p].correction) : 0;
    }
    maple_free(features);
    maple_free(above);
    return status;
}

maple_status maple_model_correct(const maple_fit_request *request, const maple_training *training,
                                 maple_model *model, maple_error *error) {
    size_t k = model->base.n_features, n = request->target.n_samples;
    const maple_arch *archs = training->archs + training->n_pool;
    maple_model_context context = {.space = request->space, .graph = request->target.graph};
    if (k == 0)
        return MAPLE_OK;
    double *features = maple_alloc(n, k * sizeof *features), *above = maple_alloc(n, sizeof *above);
    maple_status status = features && above ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_model_network(model, archs, n, above, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        double table = 0, counts[MAPLE_LUT_MAX_OPERATORS], all[MAPLE_MAX_FEATURES];
        maple_space_operator_counts(context.space, context.graph, &archs[i], counts);
        status = maple_base_table(&model->base, &context, &archs[i], counts, &table, error);
        maple_features(&model->base, &context, counts, all);
        memcpy(features + i * k, all, k * sizeof *features);
        above[i] = log(request->target.latency_ms[i]) - table - above[i];
    }
    if (status == MAPLE_OK)
        status = maple_correction_fit(&training->prior, n, features, above, model->base.correction, error);
    maple_free(features);
    maple_free(above);
    return status;
}
