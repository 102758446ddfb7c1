/* SPDX-License-Identifier: Apache-2.0 */
/* predictor_fixture.h: a target and four sources, on synthetic platforms, for the contract of every
 * predictor. The tests loop over the registry: a new predictor is tested without a change here. */
#ifndef MAPLE_TESTS_PREDICTOR_FIXTURE_H
#define MAPLE_TESTS_PREDICTOR_FIXTURE_H

#include "fitting.h"
#include "maple/evaluate.h"
#include "scratch.h"
#include "spaces.h"
#include "synthetic.h"

enum { PLATFORMS = 5, POOL_ARCHS = 150, SAMPLES = 10, ASKED = 400, REFERENCES = 10 };
/* Networks are small here: the contract does not depend on their size. */
static const char *const FAST = "epochs=6,width=24,embedding=8";

typedef struct fixture {
    const maple_space *space;
    maple_graph_form form;
    synthetic_pool pool;
    size_t sources[PLATFORMS - 1];
    maple_arch samples[SAMPLES], asked[ASKED];
    double latency_ms[SAMPLES], truth[ASKED], reference_ms[REFERENCES];
    maple_fit_request request;
} fixture;

/* The first rows of the pool become the space's reference architectures, on all its platforms. */
static inline void add_references(synthetic_pool *pool, uint64_t seed) {
    maple_dataset *d = &pool->dataset;
    assert_true(maple_space_references(d->space) == REFERENCES && d->n_archs >= REFERENCES);
    for (size_t r = 0; r < REFERENCES; r++) {
        d->archs[r] = maple_space_reference(d->space, r);
        for (size_t p = 0; p < d->n_platforms; p++)
            d->platforms[p].latency_ms[r] =
                synthetic_latency(d->space, &pool->truth[p], &d->archs[r], seed + p);
    }
}

static inline void fixture_make_in(fixture *f, const char *space, maple_graph_form form) {
    maple_error error = {.message = ""};
    *f = (fixture){.space = space_or_fail(space), .form = form};
    assert_true(maple_space_operators(f->space) <= SYNTHETIC_OPERATORS);
    f->pool = synthetic_pool_make(f->space, form, PLATFORMS, POOL_ARCHS, 3);
    add_references(&f->pool, 3);
    const synthetic_platform *truth = &f->pool.truth[PLATFORMS - 1];
    maple_rng rng = maple_rng_seed(8);
    assert_int_equal(maple_space_sample(f->space, form, &rng, SAMPLES, f->samples, &error), MAPLE_OK);
    assert_int_equal(maple_space_sample(f->space, form, &rng, ASKED, f->asked, &error), MAPLE_OK);
    for (size_t i = 0; i < SAMPLES; i++)
        f->latency_ms[i] = synthetic_latency(f->space, truth, &f->samples[i], 4);
    for (size_t i = 0; i < ASKED; i++)
        f->truth[i] = synthetic_latency(f->space, truth, &f->asked[i], 4);
    for (size_t i = 0; i + 1 < PLATFORMS; i++)
        f->sources[i] = i;
    const maple_dataset_platform *row = &f->pool.dataset.platforms[PLATFORMS - 1];
    memcpy(f->reference_ms, row->latency_ms, sizeof f->reference_ms);
    f->request = (maple_fit_request){.space = f->space,
                                     .pool = &f->pool.dataset,
                                     .sources = f->sources,
                                     .n_sources = PLATFORMS - 1,
                                     .target = {.graph = form,
                                                .operator_ms = row->operator_ms,
                                                .counters_warm = row->counters_warm,
                                                .counters_cold = row->counters_cold,
                                                .n_samples = SAMPLES,
                                                .archs = f->samples,
                                                .latency_ms = f->latency_ms,
                                                .reference_ms = f->reference_ms,
                                                .oracle_ms = row->latency_ms},
                                     .seed = 11};
}

static inline void fixture_make(fixture *f, maple_graph_form form) {
    fixture_make_in(f, "nas-bench-201", form);
}

/* Every space in both forms. */
static inline size_t case_count(void) {
    return 2 * maple_space_count();
}

static inline void fixture_make_case(fixture *f, size_t i) {
    fixture_make_in(f, maple_space_name(maple_space_at(i / 2)), (maple_graph_form)(i % 2));
}

static inline void fixture_free(fixture *f) {
    synthetic_pool_free(&f->pool);
}

/* Options that make a neural predictor fast; those without such options get none. */
static inline const char *options_for(const char *name) {
    if (strcmp(name, "mlp-scratch") == 0)
        return "epochs=10,width=16";
    if (strcmp(name, "brp-gcn") == 0)
        return "epochs=3,width=12,batch=4";
    if (strcmp(name, "help") == 0)
        return "episodes=4,width=12,support=5,query=20,mc=3";
    if (strcmp(name, "nasflat") == 0)
        return "epochs=2,batch=16,source_archs=8,tune_epochs=3";
    if (strcmp(name, "fine-tune") == 0)
        return "epochs=6,width=24,embedding=8,tune_steps=20";
    return strcmp(name, "maple") == 0 ? FAST : NULL;
}

/* Fitted with options that make it fast where the request has none. */
static inline maple_predictor *fit_fast(const char *name, const maple_fit_request *request) {
    maple_fit_request copy = *request;
    if (!copy.options)
        copy.options = options_for(name);
    return fit_or_fail(name, &copy);
}

/* Fitted so, and what it predicts for all that is asked: latencies. */
static inline void fit_and_ask(const fixture *f, const char *name, const maple_fit_request *request,
                               double *predicted) {
    maple_predictor *predictor = fit_fast(name, request);
    predict_or_fail(predictor, f->asked, ASKED, predicted);
    assert_all_latencies(predicted, ASKED);
    maple_predictor_free(predictor);
}

static inline const maple_predictor_info *next_predictor(const maple_predictor_info *info) {
    for (size_t i = 0; i < maple_predictor_count(); i++)
        if (maple_predictor_at(i) == info)
            return maple_predictor_at(i + 1);
    return NULL;
}

#define EACH_PREDICTOR(info)                                                                                 \
    for (const maple_predictor_info *(info) = maple_predictor_at(0), *end_ = NULL; (info) != end_;           \
         (info) = next_predictor(info))

#endif
