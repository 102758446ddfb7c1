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

/* What is believed before any platform was seen: no correction, give or take level_sd and share_sd. */
static void first_belief(const double *options, maple_belief *belief) {
    belief->noise = 0.03;
    for (size_t j = 0; j < belief->n; j++)
        belief->factor[j * belief->n + j] = options[j == 0 ? OPT_LEVEL_SD : OPT_SHARE_SD];
}

/* Mean and covariance of the sources' corrections, with the first belief as if it were `prior_weight` more
 * platforms. A few platforms say little about how numbers go together: correlations are halved. */
static void learn_belief(const maple_training *t, double prior_weight, maple_belief *belief) {
    size_t n = belief->n, sources = t->n_platforms - 1;
    double covariance[MAPLE_MAX_FEATURES * MAPLE_MAX_FEATURES];
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t p = 0; p < sources; p++)
            sum += t->base[p].correction[j];
        belief->mean[j] = sum / ((double)sources + prior_weight);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t p = 0; p < sources; p++)
                sum += (t->base[p].correction[i] - belief->mean[i]) *
                       (t->base[p].correction[j] - belief->mean[j]);
            double first = i == j ? belief->factor[i * n + i] * belief->factor[i * n + i] : 0;
            covariance[i * n + j] =
                (i == j ? 1 : 0.5) * (sum + prior_weight * first) / ((double)sources + prior_weight);
        }
    maple_cholesky(n, covariance);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            belief->factor[i * n + j] = covariance[i * n + j];
}

/* Features of a platform's rows and what their log latencies lie above its table; *n rows. */
static maple_status platform_rows(const maple_fit_request *request, const maple_training *t, size_t platform,
                                  size_t k, double *features, double *above, size_t *n, maple_error *error) {
    maple_model_context context = maple_training_context(request, t, platform);
    double all[MAPLE_MAX_FEATURES];
    *n = 0;
    for (size_t i = 0; i < t->n_pool + maple_training_known(t); i++) {
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
    double noise = 0;
    if (status == MAPLE_OK)
        status = maple_belief_init(&t->belief, k, error);
    if (status == MAPLE_OK)
        first_belief(options, &t->belief);
    for (size_t p = 0; p <= sources && status == MAPLE_OK; p++) {
        if (p == sources) {
            learn_belief(t, options[OPT_PRIOR_WEIGHT], &t->belief);
            /* Half a percent is the least that a latency is known to. */
            t->belief.noise = fmax(noise / (double)sources, 0.005);
        }
        status = platform_rows(request, t, p, k, features, above, &n, error);
        if (status == MAPLE_OK)
            status = maple_belief_update(&t->belief, n, features, above, t->base[p].correction, error);
        t->base[p].n_features = k;
        noise += status == MAPLE_OK ? root_mean_square(n, k, features, above, t->base[p].correction) : 0;
    }
    maple_free(features);
    maple_free(above);
    return status;
}

/* From `above`, what log latency lies above the network. */
static maple_status correct_again(const maple_fit_request *request, const maple_training *t, double *above,
                                  maple_base *base, maple_error *error) {
    size_t k = base->n_features, n = maple_training_known(t);
    maple_model_context context = {.space = request->space, .graph = request->target.graph};
    double *features = maple_alloc(n, k * sizeof *features);
    maple_status status = features ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        const maple_arch *arch = &t->archs[t->n_pool + i];
        double table = 0, counts[MAPLE_LUT_MAX_OPERATORS], all[MAPLE_MAX_FEATURES];
        maple_space_operator_counts(context.space, context.graph, arch, counts);
        status = maple_base_table(base, &context, arch, counts, &table, error);
        maple_features(base, &context, counts, all);
        memcpy(features + i * k, all, k * sizeof *features);
        above[i] -= table;
    }
    if (status == MAPLE_OK)
        status = maple_belief_update(&t->belief, n, features, above, base->correction, error);
    maple_free(features);
    return status;
}

maple_status maple_base_refit(const maple_fit_request *request, const double *options, maple_training *t,
                              double *log_ms, maple_base *base, maple_error *error) {
    if (base->costs)
        return maple_costs_refit(request, options, t, log_ms, base, error);
    return base->n_features > 0 ? correct_again(request, t, log_ms, base, error) : MAPLE_OK;
}

maple_status maple_model_correct(const maple_fit_request *request, const double *options, maple_training *t,
                                 maple_model *model, maple_error *error) {
    size_t n = maple_training_known(t);
    if (!model->base.costs && model->base.n_features == 0)
        return MAPLE_OK;
    double *above = maple_alloc(n, 2 * sizeof *above), *network = above ? above + n : NULL;
    maple_status status = above ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_model_network(model, t->archs + t->n_pool, n, network, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++)
        above[i] = t->log_ms[i] - network[i];
    if (status == MAPLE_OK)
        status = maple_base_refit(request, options, t, above, &model->base, error);
    maple_free(above);
    return status;
}
