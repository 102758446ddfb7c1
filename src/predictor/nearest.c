/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `nearest`, `nearest-oracle`, `mean-pool`: latency = a x + b on the target's samples, where x is the mean
 * over chosen sources of their latency over their median: one source, or all.
 */
#include "predictor/affine.h"
#include "predictor/predictor_internal.h"
#include "predictor/source_table.h"

#include <math.h>

typedef struct nearest_model {
    maple_source_table table; /* the chosen sources */
    maple_affine affine;
} nearest_model;

static void free_model(void *state) {
    nearest_model *model = state;
    maple_source_table_release(&model->table);
    maple_free(model);
}

/* relative[sources, n]: latencies over the source's median. */
static maple_status look_up_all(const maple_source_table *table, const maple_arch *archs, size_t n,
                                double *relative, maple_error *error) {
    double *features = maple_alloc(maple_space_features(table->space), sizeof *features);
    double *latency_ms = maple_alloc(table->n, sizeof *latency_ms);
    maple_status status = features && latency_ms ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        maple_source_table_look_up(table, &archs[i], latency_ms, features);
        for (size_t s = 0; s < table->n; s++)
            relative[s * n + i] = latency_ms[s] / table->sources[s].median_ms;
    }
    maple_free(features);
    maple_free(latency_ms);
    return status;
}

/* x[n] */
static maple_status mean_of_sources(const maple_source_table *table, const maple_arch *archs, size_t n,
                                    double *x, maple_error *error) {
    double *relative = maple_alloc(table->n * n, sizeof *relative);
    maple_status status =
        relative ? look_up_all(table, archs, n, relative, error) : maple_error_memory(error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        double sum = 0;
        for (size_t s = 0; s < table->n; s++)
            sum += relative[s * n + i];
        x[i] = sum / (double)table->n;
    }
    maple_free(relative);
    return status;
}

/* --- Choosing a source --- */

/* Root mean square of what the line leaves, relative to the latencies. */
static double relative_residual(const double *x, const double *latency_ms, size_t n) {
    maple_affine affine = maple_affine_fit(x, latency_ms, n);
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        double off = maple_affine_apply(&affine, x[i]) / latency_ms[i] - 1;
        squares += off * off;
    }
    return sqrt(squares / (double)n);
}

/* The source that ranks these architectures best; of those that rank alike, the one that a line maps best;
 * then the first. A source that ranks nothing (it is constant, or they are) comes last. */
static maple_status choose_source(const maple_source_table *table, const maple_arch *archs,
                                  const double *latency_ms, size_t n, size_t *chosen, maple_error *error) {
    double *relative = maple_alloc(table->n * n, sizeof *relative), best_rank = -INFINITY, best_residual = 0;
    maple_status status =
        relative ? look_up_all(table, archs, n, relative, error) : maple_error_memory(error);
    for (size_t s = 0; s < table->n && status == MAPLE_OK; s++) {
        double rank;
        status = maple_spearman(relative + s * n, latency_ms, n, &rank, error);
        if (status != MAPLE_OK)
            break;
        double residual = relative_residual(relative + s * n, latency_ms, n);
        if (isnan(rank))
            rank = -2;
        if (rank < best_rank || (rank == best_rank && residual >= best_residual))
            continue;
        best_rank = rank;
        best_residual = residual;
        *chosen = s;
    }
    maple_free(relative);
    return status;
}

/* The same with every latency that the target has. */
static maple_status choose_with_all(const maple_source_table *table, const maple_fit_request *request,
                                    size_t *chosen, maple_error *error) {
    const maple_dataset *pool = request->pool;
    maple_arch *archs = maple_alloc(pool->n_archs, sizeof *archs);
    double *latency_ms = maple_alloc(pool->n_archs, sizeof *latency_ms);
    maple_status status = archs && latency_ms ? MAPLE_OK : maple_error_memory(error);
    size_t n = 0;
    for (size_t i = 0; i < pool->n_archs && status == MAPLE_OK; i++) {
        double ms = maple_usable_latency(pool, request->target.graph, request->target.oracle_ms, i);
        if (isnan(ms))
            continue;
        archs[n] = maple_space_canonical(pool->space, request->target.graph, &pool->archs[i]);
        latency_ms[n++] = ms;
    }
    if (status == MAPLE_OK && n == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "the target has no latency in the pool");
    if (status == MAPLE_OK)
        status = choose_source(table, archs, latency_ms, n, chosen, error);
    maple_free(archs);
    maple_free(latency_ms);
    return status;
}

/* --- Pre-training: the table; adaptation: the choice and the line --- */

static maple_status pretrain(const maple_fit_request *request, const double *options, void **prior,
                             maple_error *error) {
    (void)options;
    maple_source_table *table = maple_alloc(1, sizeof *table);
    if (!table)
        return maple_error_memory(error);
    maple_status status = maple_source_table_build(request, table, error);
    if (status == MAPLE_OK)
        *prior = table;
    else
        maple_free(table);
    return status;
}

static void free_prior(void *prior) {
    maple_source_table_release(prior);
    maple_free(prior);
}

static maple_status save_prior(const void *prior, maple_tensors *tensors, maple_error *error) {
    return maple_source_table_save(prior, tensors, error);
}

static maple_status load_prior(const maple_tensors *tensors, const maple_space *space, void **prior,
                               maple_error *error) {
    maple_source_table *table = maple_alloc(1, sizeof *table);
    if (!table)
        return maple_error_memory(error);
    maple_status status = maple_source_table_load(tensors, space, table, error);
    if (status == MAPLE_OK)
        *prior = table;
    else
        maple_free(table);
    return status;
}

/* The line on the samples, with sources first .. first + n - 1. */
static maple_status map_sources(const maple_source_table *table, size_t first, size_t n,
                                const maple_fit_request *request, void **state, maple_error *error) {
    const maple_target *target = &request->target;
    nearest_model *model = maple_alloc(1, sizeof *model);
    double *x = maple_alloc(target->n_samples, sizeof *x);
    maple_status status = model && x ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_source_table_copy(table, first, n, &model->table, error);
    if (status == MAPLE_OK)
        status = mean_of_sources(&model->table, target->archs, target->n_samples, x, error);
    if (status == MAPLE_OK) {
        model->affine = maple_affine_fit(x, target->latency_ms, target->n_samples);
        *state = model;
    } else if (model) {
        free_model(model);
    }
    maple_free(x);
    return status;
}

static maple_status adapt_nearest(const void *prior, const maple_fit_request *request, const double *options,
                                  void **state, maple_error *error) {
    (void)options;
    const maple_target *target = &request->target;
    size_t chosen = 0;
    maple_status status =
        choose_source(prior, target->archs, target->latency_ms, target->n_samples, &chosen, error);
    return status == MAPLE_OK ? map_sources(prior, chosen, 1, request, state, error) : status;
}

static maple_status adapt_oracle(const void *prior, const maple_fit_request *request, const double *options,
                                 void **state, maple_error *error) {
    (void)options;
    size_t chosen = 0;
    maple_status status = choose_with_all(prior, request, &chosen, error);
    return status == MAPLE_OK ? map_sources(prior, chosen, 1, request, state, error) : status;
}

static maple_status adapt_mean(const void *prior, const maple_fit_request *request, const double *options,
                               void **state, maple_error *error) {
    (void)options;
    const maple_source_table *table = prior;
    return map_sources(table, 0, table->n, request, state, error);
}

/* --- Models --- */

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    (void)context;
    const nearest_model *model = state;
    maple_status status = mean_of_sources(&model->table, archs, n, latency_ms, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++)
        latency_ms[i] = maple_affine_apply(&model->affine, latency_ms[i]);
    return status;
}

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    const nearest_model *model = state;
    maple_status status = maple_source_table_save(&model->table, tensors, error);
    return status == MAPLE_OK ? maple_affine_save(&model->affine, tensors, error) : status;
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    nearest_model *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = maple_affine_load(tensors, &model->affine, error);
    if (status == MAPLE_OK)
        status = maple_source_table_load(tensors, context->space, &model->table, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_free(model);
    return status;
}

#define NEAREST_VTABLE(ADAPT, ...)                                                                           \
    {                                                                                                        \
        .info = {.needs_pool = true, .pretrains = true, __VA_ARGS__}, .predict = predict, .save = save,      \
        .load = load, .free_state = free_model, .pretrain = pretrain, .adapt = (ADAPT),                      \
        .save_prior = save_prior, .load_prior = load_prior, .free_prior = free_prior,                        \
    }

const maple_predictor_vtable maple_predictor_nearest = NEAREST_VTABLE(
    adapt_nearest, .name = "nearest", .description = "a * the source that ranks the samples best + b (a > 0)",
    .min_samples = 3); /* two samples are ranked right by about half of the sources */

const maple_predictor_vtable maple_predictor_nearest_oracle = NEAREST_VTABLE(
    adapt_oracle, .name = "nearest-oracle",
    .description = "nearest, the source chosen with all latencies of the target: for tables only",
    .min_samples = 1, .oracle = true);

const maple_predictor_vtable maple_predictor_mean_pool = NEAREST_VTABLE(
    adapt_mean, .name = "mean-pool",
    .description = "a * the mean of all sources, each over its median, + b (a > 0)", .min_samples = 1);
