/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a latency without a network, and the training set of what remains. */
#include "predictor/maple_model.h"
#include "predictor/ridge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

maple_status maple_base_table(const maple_base *base, const maple_model_context *context,
                              const maple_arch *arch, const double *counts, double *out, maple_error *error) {
    if (base->has_lut) {
        double sum;
        maple_status status = maple_lut_sum_counts(&base->lut, context->space, arch, counts, &sum, error);
        if (status == MAPLE_OK)
            *out = log(sum);
        return status;
    }
    size_t ops = (size_t)maple_space_ops(context->space);
    double sum = base->level;
    for (size_t p = 0; p < base->n_additive / ops; p++)
        sum += base->additive[p * ops + arch->op[p]];
    *out = sum;
    return MAPLE_OK;
}

maple_status maple_base_log(const maple_base *base, const maple_model_context *context,
                            const maple_arch *arch, double *out, maple_error *error) {
    double features[MAPLE_MAX_FEATURES], counts[MAPLE_LUT_MAX_OPERATORS], sum;
    maple_space_operator_counts(context->space, context->graph, arch, counts);
    maple_status status = maple_base_table(base, context, arch, counts, &sum, error);
    if (status != MAPLE_OK)
        return status;
    if (base->n_features > 0)
        maple_features(base, context, counts, features);
    for (size_t i = 0; i < base->n_features; i++)
        sum += base->correction[i] * features[i];
    *out = sum;
    return MAPLE_OK;
}

/* --- Training set --- */

void maple_training_release(maple_training *training) {
    maple_free(training->codes);
    maple_free(training->platform);
    maple_free(training->archs);
    maple_free(training->residual);
    maple_free(training->rows);
    maple_free(training->base);
    *training = (maple_training){0};
}

static size_t rows_of_request(const maple_fit_request *request) {
    return request->train ? request->n_train : request->pool->n_archs;
}

/* A look-up table for the target and for every source that has all its operator latencies; without one for
 * the target, none at all, because base and residual must mean the same on all platforms. */
static maple_status choose_sources(const maple_fit_request *request, bool lut, maple_training *out,
                                   maple_error *error) {
    const maple_target *target = &request->target;
    maple_base base = {.has_lut = lut && target->operator_ms};
    maple_error ignored;
    if (base.has_lut &&
        maple_lut_init(&base.lut, request->space, target->graph, target->operator_ms, &ignored)) {
        maple_log(request->hooks, MAPLE_LOG_WARNING, "maple works without a look-up table: %s",
                  ignored.message);
        base.has_lut = false;
    }
    size_t used = 0;
    for (size_t i = 0; i < request->n_sources; i++) {
        const maple_dataset_platform *source = &request->pool->platforms[request->sources[i]];
        out->base[used] = (maple_base){.has_lut = base.has_lut};
        if (base.has_lut && maple_lut_init(&out->base[used].lut, request->space, source->platform.graph,
                                           source->operator_ms, &ignored)) {
            maple_log(request->hooks, MAPLE_LOG_WARNING, "source %s is left out: %s", source->platform.name,
                      ignored.message);
            continue;
        }
        out->rows[used++] = request->sources[i];
    }
    if (used == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "none of the %zu sources has operator latencies: profile them, or fit with "
                               "scaling=level",
                               request->n_sources);
    out->base[used] = base;
    out->n_platforms = used + 1;
    return MAPLE_OK;
}

static void add_row(maple_training *out, const maple_arch *arch, uint32_t platform, double log_ms) {
    size_t i = out->n++;
    out->archs[i] = *arch;
    memcpy(out->codes + i * out->positions, arch->op, out->positions);
    out->platform[i] = platform;
    out->residual[i] = log_ms;
}

/* Rows with their log latencies: the base is subtracted later. */
static maple_status collect_rows(const maple_fit_request *request, maple_training *out, maple_error *error) {
    const maple_dataset *pool = request->pool;
    for (size_t s = 0; s + 1 < out->n_platforms; s++) {
        const maple_dataset_platform *source = &pool->platforms[out->rows[s]];
        maple_graph_form form = source->platform.graph;
        for (size_t i = 0; i < rows_of_request(request); i++) {
            size_t row = request->train ? request->train[i] : i;
            double ms = source->latency_ms[row];
            const maple_arch *arch = &pool->archs[row];
            if (!isfinite(ms) || ms <= 0)
                continue;
            if (form == MAPLE_GRAPH_PRUNED && maple_space_degenerate(request->space, arch))
                continue;
            maple_arch canonical = maple_space_canonical(request->space, form, arch);
            add_row(out, &canonical, (uint32_t)s, log(ms));
        }
    }
    out->n_pool = out->n;
    if (out->n_pool == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "the sources have no latencies of the training architectures");
    const maple_target *target = &request->target;
    for (size_t i = 0; i < target->n_samples; i++) {
        maple_arch canonical = maple_space_canonical(request->space, target->graph, &target->archs[i]);
        add_row(out, &canonical, (uint32_t)(out->n_platforms - 1), log(target->latency_ms[i]));
    }
    return MAPLE_OK;
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sets each platform's level to the median of what its rows lie above the additive model. */
static maple_status set_levels(maple_training *t, size_t ops, maple_error *error) {
    double *above = maple_alloc(t->n, sizeof *above);
    if (!above)
        return maple_error_memory(error);
    for (size_t p = 0; p < t->n_platforms; p++) {
        size_t count = 0;
        for (size_t i = 0; i < t->n; i++) {
            if (t->platform[i] != p)
                continue;
            double sum = 0;
            for (size_t e = 0; e < t->positions; e++)
                sum += t->base[p].additive[e * ops + t->codes[i * t->positions + e]];
            above[count++] = t->residual[i] - sum;
        }
        qsort(above, count, sizeof *above, compare_doubles);
        t->base[p].level = count > 0 ? maple_quantile_sorted(above, count, 0.5) : 0;
    }
    maple_free(above);
    return MAPLE_OK;
}

/* log latency = level of the platform + the sum of one term an edge and operator, on the pool; the terms are
 * shared by all platforms. Two passes: levels depend on terms, and terms on levels. */
static maple_status fit_additive(const maple_space *space, maple_training *t, maple_error *error) {
    size_t ops = (size_t)maple_space_ops(space), columns = t->positions * ops;
    if (columns > sizeof t->base->additive / sizeof(double))
        return maple_error_set(error, MAPLE_UNSUPPORTED,
                               "space %s has %zu one-hot inputs, too many for maple", maple_space_name(space),
                               columns);
    double *x = maple_alloc(t->n_pool, columns * sizeof *x), *y = maple_alloc(t->n_pool, sizeof *y);
    double *penalty = maple_alloc(columns, sizeof *penalty);
    maple_status status = x && y && penalty ? MAPLE_OK : maple_error_memory(error);
    for (size_t p = 0; p < t->n_platforms; p++)
        t->base[p].n_additive = columns;
    for (size_t i = 0; i < t->n_pool && status == MAPLE_OK; i++)
        for (size_t e = 0; e < t->positions; e++)
            x[i * columns + e * ops + t->codes[i * t->positions + e]] = 1;
    for (size_t j = 0; j < columns && status == MAPLE_OK; j++)
        penalty[j] = 1e-3 * (double)t->n_pool;
    for (int pass = 0; pass < 2 && status == MAPLE_OK; pass++) {
        status = set_levels(t, ops, error);
        for (size_t i = 0; i < t->n_pool; i++)
            y[i] = t->residual[i] - t->base[t->platform[i]].level;
        if (status == MAPLE_OK)
            status = maple_ridge(t->n_pool, columns, x, y, NULL, penalty, t->base[0].additive, error);
        for (size_t p = 1; p < t->n_platforms; p++)
            memcpy(t->base[p].additive, t->base[0].additive, columns * sizeof(double));
    }
    if (status == MAPLE_OK)
        status = set_levels(t, ops, error);
    maple_free(x);
    maple_free(y);
    maple_free(penalty);
    return status;
}

maple_model_context maple_training_context(const maple_fit_request *request, const maple_training *training,
                                           size_t platform) {
    bool target = platform + 1 == training->n_platforms;
    return (maple_model_context){
        .space = request->space,
        .graph = target ? request->target.graph
                        : request->pool->platforms[training->rows[platform]].platform.graph};
}

/* Subtracts the base and finds the scale of what remains on the pool. */
static maple_status subtract_base(const maple_fit_request *request, maple_training *t, maple_error *error) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < t->n; i++) {
        size_t p = t->platform[i];
        maple_model_context context = maple_training_context(request, t, p);
        double base;
        maple_status status = maple_base_log(&t->base[p], &context, &t->archs[i], &base, error);
        if (status != MAPLE_OK)
            return status;
        t->residual[i] -= base;
        if (i < t->n_pool) {
            sum += t->residual[i];
            squares += t->residual[i] * t->residual[i];
        }
    }
    double count = (double)t->n_pool;
    t->mean = sum / count;
    /* Of constant latencies nothing remains; any scale then serves. */
    t->sd = fmax(sqrt(fmax(squares / count - t->mean * t->mean, 0)), 1e-3);
    return MAPLE_OK;
}

maple_status maple_training_build(const maple_fit_request *request, const double *options,
                                  maple_training *out, maple_error *error) {
    size_t most = request->n_sources * rows_of_request(request) + request->target.n_samples;
    maple_training t = {.positions = (size_t)maple_space_positions(request->space)};
    t.codes = maple_alloc(most, t.positions);
    t.platform = maple_alloc(most, sizeof *t.platform);
    t.archs = maple_alloc(most, sizeof *t.archs);
    t.residual = maple_alloc(most, sizeof *t.residual);
    t.rows = maple_alloc(request->n_sources, sizeof *t.rows);
    t.base = maple_alloc(request->n_sources + 1, sizeof *t.base);
    maple_status status = MAPLE_OK;
    if (!t.codes || !t.platform || !t.archs || !t.residual || !t.rows || !t.base)
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        status = choose_sources(request, options[OPT_SCALING] == SCALING_LUT, &t, error);
    if (status == MAPLE_OK)
        status = collect_rows(request, &t, error);
    if (status == MAPLE_OK && !t.base[0].has_lut)
        status = fit_additive(request->space, &t, error);
    if (status == MAPLE_OK)
        status = maple_correct(request, options, &t, error);
    if (status == MAPLE_OK)
        status = subtract_base(request, &t, error);
    if (status == MAPLE_OK)
        *out = t;
    else
        maple_training_release(&t);
    return status;
}
