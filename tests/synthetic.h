/* SPDX-License-Identifier: Apache-2.0 */
/*
 * synthetic.h: platforms that do not exist, for tests and the fit benchmark: latency = skeleton + the
 * operators that run, at costs drawn for each platform, + additions, - what fusion and warm caches save
 * between neighbours, + noise. Operator latencies are measured "in a loop", so that their sum is a few
 * percent off, as on real engines.
 */
#ifndef MAPLE_TESTS_SYNTHETIC_H
#define MAPLE_TESTS_SYNTHETIC_H

#include "maple/predictor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYNTHETIC_OPERATORS = 128, SYNTHETIC_COUNTERS = SYNTHETIC_OPERATORS * MAPLE_EVENTS };

typedef struct synthetic_platform {
    maple_graph_form form;
    double true_ms[SYNTHETIC_OPERATORS], operator_ms[SYNTHETIC_OPERATORS];
    double warm[SYNTHETIC_COUNTERS], cold[SYNTHETIC_COUNTERS];
    double add_ms, saving, noise;
} synthetic_platform;

static inline double synthetic_work(const maple_space *space, size_t i) {
    /* Relative work of a search-space operator (none, skip, 1x1, 3x3, pool) and of a part of the skeleton. */
    static const double OPS[] = {0.06, 0.08, 1, 8.5, 0.5, 1, 1, 1};
    const maple_operator *o = maple_space_operator(space, i);
    return o->op >= 0 ? OPS[o->op % 8] : 3;
}

static inline synthetic_platform synthetic_make(const maple_space *space, maple_graph_form form,
                                                uint64_t seed) {
    maple_rng rng = maple_rng_seed(seed * 7919 + 17);
    synthetic_platform p = {.form = form, .noise = 0.005};
    double speed = exp(0.8 * maple_rng_normal(&rng)), overhead = 0.002 * exp(0.7 * maple_rng_normal(&rng));
    double exponent = 0.75 + 0.3 * maple_rng_uniform(&rng); /* how well large operators are served */
    double bias = 0.93 + 0.08 * maple_rng_uniform(&rng);
    for (size_t i = 0; i < maple_space_operators(space); i++) {
        double work = pow(synthetic_work(space, i), exponent) * exp(0.15 * maple_rng_normal(&rng));
        p.true_ms[i] = speed * (0.02 * work) + overhead;
        p.operator_ms[i] = p.true_ms[i] * bias * exp(0.04 * maple_rng_normal(&rng));
    }
    for (size_t i = 0; i < maple_space_descriptor_operators(space); i++)
        for (int e = 0; e < MAPLE_EVENTS; e++) {
            double count =
                1e6 * synthetic_work(space, i) * pow(0.4, e % 5) * exp(0.05 * maple_rng_normal(&rng));
            bool constant =
                e == MAPLE_LLC_LOAD_MISSES || e == MAPLE_LLC_STORE_MISSES; /* warm: nothing misses */
            p.warm[i * MAPLE_EVENTS + (size_t)e] = constant ? 0 : count;
            p.cold[i * MAPLE_EVENTS + (size_t)e] = count * (1 + 0.2 * maple_rng_uniform(&rng));
        }
    p.add_ms = 0.08 * p.true_ms[2];
    p.saving = 0.03 + 0.06 * maple_rng_uniform(&rng);
    return p;
}

/* Latency of an architecture; NaN where the pruned form has none. The noise is a function of seed and
 * architecture. */
static inline double synthetic_latency(const maple_space *space, const synthetic_platform *p,
                                       const maple_arch *arch, uint64_t seed) {
    if (p->form == MAPLE_GRAPH_PRUNED && maple_space_degenerate(space, arch))
        return NAN;
    double counts[SYNTHETIC_OPERATORS], sum = 0, runs = 0;
    maple_arch canonical = maple_space_canonical(space, p->form, arch);
    maple_space_operator_counts(space, p->form, &canonical, counts);
    for (size_t i = 0; i < maple_space_operators(space); i++) {
        sum += counts[i] * p->true_ms[i];
        runs += maple_space_operator(space, i)->op > 0 ? counts[i] : 0;
    }
    sum += runs * p->add_ms;
    /* Neighbouring operators that reuse what lies in the cache. */
    double chained = 0;
    for (int e = 0; e + 1 < maple_space_positions(space); e++)
        chained += canonical.op[e] >= 2 && canonical.op[e + 1] >= 2;
    sum *= 1 - p->saving * chained / (double)maple_space_positions(space);
    maple_rng rng = maple_rng_seed(seed ^ maple_hash(canonical.op, sizeof canonical.op));
    return sum * exp(p->noise * maple_rng_normal(&rng));
}

typedef struct synthetic_pool {
    maple_dataset dataset;
    synthetic_platform *truth;
} synthetic_pool;

static inline void *synthetic_need(void *pointer) {
    if (!pointer)
        abort();
    return pointer;
}

/* `n_platforms` platforms that all measured the same n_archs random architectures. */
static inline synthetic_pool synthetic_pool_make(const maple_space *space, maple_graph_form form,
                                                 size_t n_platforms, size_t n_archs, uint64_t seed) {
    synthetic_pool pool = {.dataset = {.space = space, .n_archs = n_archs, .n_platforms = n_platforms}};
    maple_dataset *d = &pool.dataset;
    size_t operators = maple_space_operators(space),
           counters = maple_space_descriptor_operators(space) * MAPLE_EVENTS;
    maple_rng rng = maple_rng_seed(seed);
    d->archs = synthetic_need(calloc(n_archs, sizeof *d->archs));
    d->index = synthetic_need(calloc(n_archs, sizeof *d->index));
    d->platforms = synthetic_need(calloc(n_platforms, sizeof *d->platforms));
    pool.truth = synthetic_need(calloc(n_platforms, sizeof *pool.truth));
    if (maple_space_sample(space, form, &rng, n_archs, d->archs, NULL) != MAPLE_OK)
        abort();
    for (size_t p = 0; p < n_platforms; p++) {
        maple_dataset_platform *row = &d->platforms[p];
        synthetic_platform *truth = &pool.truth[p];
        *truth = synthetic_make(space, form, seed + p);
        snprintf(row->platform.name, sizeof row->platform.name, "synthetic-%zu", p);
        row->platform.graph = form;
        row->latency_ms = synthetic_need(calloc(n_archs, sizeof(double)));
        row->operator_ms = synthetic_need(calloc(operators, sizeof(double)));
        row->counters_warm = synthetic_need(calloc(counters, sizeof(double)));
        row->counters_cold = synthetic_need(calloc(counters, sizeof(double)));
        memcpy(row->operator_ms, truth->operator_ms, operators * sizeof(double));
        memcpy(row->counters_warm, truth->warm, counters * sizeof(double));
        memcpy(row->counters_cold, truth->cold, counters * sizeof(double));
        for (size_t i = 0; i < n_archs; i++)
            row->latency_ms[i] = synthetic_latency(space, truth, &d->archs[i], seed + p);
    }
    return pool;
}

static inline void synthetic_pool_free(synthetic_pool *pool) {
    for (size_t p = 0; p < pool->dataset.n_platforms; p++) {
        maple_dataset_platform *row = &pool->dataset.platforms[p];
        free(row->latency_ms);
        free(row->operator_ms);
        free(row->counters_warm);
        free(row->counters_cold);
    }
    free(pool->dataset.platforms);
    free(pool->dataset.archs);
    free(pool->dataset.index);
    free(pool->truth);
}

#endif
