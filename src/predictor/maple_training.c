/* SPDX-License-Identifier: Apache-2.0 */
/* The training set of the network: what log latencies lie above the base of their platform. */
#include "predictor/maple_model.h"
#include "predictor/predictor_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void maple_training_release(maple_training *training) {
    maple_free(training->codes);
    maple_free(training->platform);
    maple_free(training->archs);
    maple_free(training->residual);
    maple_free(training->log_ms);
    maple_free(training->rows);
    for (size_t p = 0; training->base && p < training->n_platforms; p++)
        maple_free(training->base[p].costs);
    maple_free(training->base);
    maple_free(training->feature_scale);
    maple_free(training->references);
    maple_free(training->source_weight);
    maple_belief_release(&training->belief);
    *training = (maple_training){0};
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
    size_t used = 0, left_out = 0;
    for (size_t i = 0; i < request->n_sources; i++) {
        const maple_dataset_platform *source = &request->pool->platforms[request->sources[i]];
        out->base[used] = (maple_base){.has_lut = base.has_lut};
        if (base.has_lut && maple_lut_init(&out->base[used].lut, request->space, source->platform.graph,
                                           source->operator_ms, &ignored)) {
            if (left_out++ == 0) /* of imported ones there are dozens */
                maple_log(request->hooks, MAPLE_LOG_WARNING, "source %s is left out: %s",
                          source->platform.name, ignored.message);
            continue;
        }
        out->rows[used++] = request->sources[i];
    }
    if (left_out > 1)
        maple_log(request->hooks, MAPLE_LOG_WARNING,
                  "%zu other sources are left out for want of operators, too", left_out - 1);
    if (used == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "none of the %zu sources has operator latencies: profile them, or fit with "
                               "scaling=costs",
                               request->n_sources);
    out->base[used] = base;
    out->n_platforms = used + 1;
    return MAPLE_OK;
}

/* Every source, and nothing to tell them apart but a level. */
static void take_all_sources(const maple_fit_request *request, maple_training *out) {
    memcpy(out->rows, request->sources, request->n_sources * sizeof *out->rows);
    out->n_platforms = request->n_sources + 1;
}

void maple_training_add(maple_training *out, const maple_arch *arch, uint32_t platform, double log_ms) {
    size_t i = out->n++;
    out->archs[i] = *arch;
    memcpy(out->codes + i * out->positions, arch->op, out->positions);
    out->platform[i] = platform;
    out->residual[i] = log_ms;
}

/* --- Rows of the sources --- */

static bool has_row(const maple_fit_request *request, size_t platform, size_t row) {
    const maple_dataset_platform *source = &request->pool->platforms[platform];
    return !isnan(maple_usable_latency(request->pool, source->platform.graph, source->latency_ms, row));
}

typedef struct ranked_row {
    size_t place;   /* in the request's rows */
    size_t sources; /* that have it */
    uint64_t key;
} ranked_row;

static int compare_rows(const void *left, const void *right) {
    const ranked_row *a = left, *b = right;
    if (a->sources != b->sources)
        return a->sources > b->sources ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->place > b->place) - (a->place < b->place);
}

/* First the rows that most sources have, those that as many have in random order: platforms are then compared
 * on the same architectures. */
static void rank_rows(const maple_fit_request *request, const maple_training *t, ranked_row *ranked) {
    for (size_t i = 0; i < maple_train_rows(request); i++) {
        size_t row = maple_train_row(request, i), sources = 0;
        for (size_t s = 0; s + 1 < t->n_platforms; s++)
            sources += has_row(request, t->rows[s], row);
        struct {
            uint64_t seed;
            maple_arch arch;
        } text = {request->seed, request->pool->archs[row]};
        ranked[i] = (ranked_row){.place = i, .sources = sources, .key = maple_hash(&text, sizeof text)};
    }
    qsort(ranked, maple_train_rows(request), sizeof *ranked, compare_rows);
}

/* chosen[rows of the request]: at most `limit` of those that source s has. */
static void choose_rows(const maple_fit_request *request, const maple_training *t, size_t s, size_t limit,
                        const ranked_row *ranked, bool *chosen) {
    size_t n = maple_train_rows(request), found = 0;
    memset(chosen, 0, n * sizeof *chosen);
    for (size_t i = 0; i < n && found < limit; i++) {
        size_t place = ranked[i].place;
        chosen[place] = has_row(request, t->rows[s], maple_train_row(request, place));
        found += chosen[place];
    }
}

/* Rows with their log latencies, at most `limit` a source (0: all), so that one with a complete table does
 * not outweigh the others: the base is subtracted later. */
static maple_status collect_rows(const maple_fit_request *request, size_t limit, maple_training *out,
                                 maple_error *error) {
    const maple_dataset *pool = request->pool;
    size_t n = maple_train_rows(request);
    ranked_row *ranked = maple_alloc(n, sizeof *ranked);
    bool *chosen = maple_alloc(n, sizeof *chosen);
    maple_status status = ranked && chosen ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        rank_rows(request, out, ranked);
    for (size_t s = 0; s + 1 < out->n_platforms && status == MAPLE_OK; s++) {
        const maple_dataset_platform *source = &pool->platforms[out->rows[s]];
        choose_rows(request, out, s, limit ? limit : n, ranked, chosen);
        for (size_t i = 0; i < n; i++) {
            if (!chosen[i])
                continue;
            size_t row = maple_train_row(request, i);
            maple_arch canonical =
                maple_space_canonical(request->space, source->platform.graph, &pool->archs[row]);
            maple_training_add(out, &canonical, (uint32_t)s, log(source->latency_ms[row]));
        }
    }
    maple_free(ranked);
    maple_free(chosen);
    out->n_pool = out->n;
    if (status == MAPLE_OK && out->n_pool == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT,
                                 "the sources have no latencies of the training architectures");
    return status;
}

/* --- Rows of the target --- */

size_t maple_target_rows(const maple_fit_request *request, bool references, maple_arch *archs,
                         double *log_ms) {
    const maple_target *target = &request->target;
    size_t n = 0;
    for (; n < target->n_samples; n++) {
        archs[n] = target->archs[n];
        log_ms[n] = log(target->latency_ms[n]);
    }
    for (size_t r = 0; references && r < maple_space_references(request->space); r++) {
        maple_arch arch = maple_space_reference(request->space, r);
        maple_arch canonical = maple_space_canonical(request->space, target->graph, &arch);
        bool skip = isnan(target->reference_ms[r]) ||
                    (target->graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(request->space, &arch));
        for (size_t i = 0; i < n; i++) /* samples, and references that run the same graph */
            skip |= maple_arch_equal(&canonical, &archs[i]);
        if (skip)
            continue;
        archs[n] = canonical;
        log_ms[n++] = log(target->reference_ms[r]);
    }
    return n;
}

static maple_status collect_target(const maple_fit_request *request, maple_training *out,
                                   maple_error *error) {
    size_t most = request->target.n_samples + maple_space_references(request->space);
    maple_arch *archs = maple_alloc(most, sizeof *archs);
    if (!archs)
        return maple_error_memory(error);
    bool references = out->references && out->reference_samples != REFERENCES_NOT;
    size_t n = maple_target_rows(request, references, archs, out->log_ms);
    for (size_t i = 0; i < n; i++)
        maple_training_add(out, &archs[i], (uint32_t)(out->n_platforms - 1), out->log_ms[i]);
    out->n_samples = request->target.n_samples;
    maple_free(archs);
    return MAPLE_OK;
}

bool maple_references_wanted(double option, bool needless) {
    return option == REFERENCES_ALWAYS || (option == REFERENCES_AUTO && !needless);
}

size_t maple_training_known(const maple_training *t) {
    bool all = t->reference_samples == REFERENCES_IN_BASE || t->reference_samples == REFERENCES_IN_BOTH ||
               t->virtual_use == VIRTUAL_IN_BOTH; /* which goes with no references outside the base */
    size_t unknown = t->virtual_use == VIRTUAL_IN_BOTH ? 0 : t->n_virtual;
    return all ? t->n - t->n_pool - unknown : t->n_samples;
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

/* With room for so many virtual examples of each of the target's networks. */
static maple_status allocate(const maple_fit_request *request, size_t examples, maple_training *t,
                             maple_error *error) {
    size_t known = request->target.n_samples + maple_space_references(request->space);
    known *= 1 + examples;
    size_t most = request->n_sources * maple_train_rows(request) + known;
    *t = (maple_training){.positions = (size_t)maple_space_positions(request->space)};
    t->codes = maple_alloc(most, t->positions);
    t->platform = maple_alloc(most, sizeof *t->platform);
    t->archs = maple_alloc(most, sizeof *t->archs);
    t->residual = maple_alloc(most, sizeof *t->residual);
    t->log_ms = maple_alloc(known, sizeof *t->log_ms);
    t->rows = maple_alloc(request->n_sources, sizeof *t->rows);
    t->base = maple_alloc(request->n_sources + 1, sizeof *t->base);
    if (t->codes && t->platform && t->archs && t->residual && t->log_ms && t->rows && t->base)
        return MAPLE_OK;
    return maple_error_memory(error);
}

static maple_status add_virtual(const maple_fit_request *request, const double *options, int use,
                                maple_training *t, maple_error *error) {
    maple_status status = maple_virtual_add(request, options, t, error);
    t->virtual_use = use;
    if (status != MAPLE_OK || use != VIRTUAL_IN_BOTH)
        return status;
    size_t n = t->n - t->n_pool;
    double *log_ms = maple_alloc(n, sizeof *log_ms);
    if (!log_ms)
        return maple_error_memory(error);
    if (n > 0)
        memcpy(log_ms, t->log_ms, n * sizeof *log_ms);
    status = maple_base_refit(request, options, t, log_ms, &t->base[t->n_platforms - 1], error);
    maple_free(log_ms);
    return status;
}

maple_status maple_training_build(const maple_fit_request *request, const double *options, maple_training *t,
                                  maple_error *error) {
    int virtual_use = (int)options[OPT_VIRTUAL];
    size_t examples = virtual_use == VIRTUAL_NOT ? 0 : (size_t)options[OPT_VIRTUAL_COUNT];
    if (virtual_use == VIRTUAL_IN_BOTH && options[OPT_REFERENCE_SAMPLES] == REFERENCES_IN_LOSS)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "predictor maple: virtual=both does not go with reference_samples=loss: "
                               "virtual examples in the base are lent by references, too; use virtual=true");
    maple_status status = allocate(request, examples, t, error);
    t->reference_samples = (int)options[OPT_REFERENCE_SAMPLES];
    if (status == MAPLE_OK)
        status = choose_sources(request, options[OPT_SCALING] == SCALING_LUT, t, error);
    if (status == MAPLE_OK && request->target.reference_ms)
        status = maple_training_references(request, t, error);
    if (status == MAPLE_OK)
        status = collect_rows(request, (size_t)options[OPT_SOURCE_ARCHS], t, error);
    if (status == MAPLE_OK)
        status = collect_target(request, t, error);
    if (status == MAPLE_OK)
        status = t->base[0].has_lut ? maple_correct(request, options, t, error)
                                    : maple_costs_fit(request, options, t, error);
    if (status == MAPLE_OK && virtual_use != VIRTUAL_NOT)
        status = add_virtual(request, options, virtual_use, t, error);
    return status == MAPLE_OK ? subtract_base(request, t, error) : status;
}

/* The mean of each source's log latencies. */
static void find_levels(maple_training *t) {
    for (size_t p = 0; p + 1 < t->n_platforms; p++) {
        double sum = 0, count = 0;
        for (size_t i = 0; i < t->n_pool; i++) {
            sum += t->platform[i] == p ? t->residual[i] : 0;
            count += t->platform[i] == p;
        }
        t->base[p].level = count > 0 ? sum / count : 0;
    }
}

maple_status maple_training_build_levels(const maple_fit_request *request, const double *options,
                                         maple_training *t, maple_error *error) {
    maple_status status = allocate(request, 0, t, error);
    if (status != MAPLE_OK)
        return status;
    take_all_sources(request, t);
    status = collect_rows(request, (size_t)options[OPT_SOURCE_ARCHS], t, error);
    if (status != MAPLE_OK)
        return status;
    find_levels(t);
    return subtract_base(request, t, error);
}
