/* SPDX-License-Identifier: Apache-2.0 */
/* maple_fixture.h: a target and five sources whose operators were never timed, but whose references were. */
#ifndef MAPLE_TESTS_MAPLE_FIXTURE_H
#define MAPLE_TESTS_MAPLE_FIXTURE_H

#include "fitting.h"
#include "maple/evaluate.h"
#include "spaces.h"
#include "synthetic.h"

enum { PLATFORMS = 6, POOL_ARCHS = 200, REFERENCES = 10, ASKED = 300 };
static const char *const SMALL = "epochs=10,width=32,embedding=8";

/* Platforms without operator latencies; the first ten architectures of the pool are the references. */
typedef struct fixture {
    const maple_space *space;
    synthetic_pool pool;
    size_t sources[PLATFORMS - 1], train[POOL_ARCHS - REFERENCES];
    maple_arch samples[REFERENCES], asked[ASKED];
    double latency_ms[REFERENCES], truth[ASKED], reference_ms[REFERENCES];
    maple_fit_request request;
} fixture;

static inline void fixture_make(fixture *f, maple_graph_form form) {
    *f = (fixture){.space = space_or_fail("nas-bench-201")};
    assert_int_equal(maple_space_references(f->space), REFERENCES);
    f->pool = synthetic_pool_make(f->space, form, PLATFORMS, POOL_ARCHS, 21);
    for (size_t r = 0; r < REFERENCES; r++) {
        f->pool.dataset.archs[r] = maple_space_reference(f->space, r);
        for (size_t p = 0; p < PLATFORMS; p++)
            f->pool.dataset.platforms[p].latency_ms[r] =
                synthetic_latency(f->space, &f->pool.truth[p], &f->pool.dataset.archs[r], 21 + p);
        f->reference_ms[r] = f->pool.dataset.platforms[PLATFORMS - 1].latency_ms[r];
    }
    for (size_t p = 0; p + 1 < PLATFORMS; p++) {
        free(f->pool.dataset.platforms[p].operator_ms);
        f->pool.dataset.platforms[p].operator_ms = NULL;
        f->sources[p] = p;
    }
    for (size_t i = 0; i + REFERENCES < POOL_ARCHS; i++)
        f->train[i] = i + REFERENCES;
    maple_rng rng = maple_rng_seed(5);
    assert_int_equal(maple_space_sample(f->space, form, &rng, REFERENCES, f->samples, NULL), MAPLE_OK);
    assert_int_equal(maple_space_sample(f->space, form, &rng, ASKED, f->asked, NULL), MAPLE_OK);
    const synthetic_platform *truth = &f->pool.truth[PLATFORMS - 1];
    for (size_t i = 0; i < REFERENCES; i++)
        f->latency_ms[i] = synthetic_latency(f->space, truth, &f->samples[i], 26);
    for (size_t i = 0; i < ASKED; i++)
        f->truth[i] = synthetic_latency(f->space, truth, &f->asked[i], 26);
    f->request = (maple_fit_request){.space = f->space,
                                     .pool = &f->pool.dataset,
                                     .sources = f->sources,
                                     .n_sources = PLATFORMS - 1,
                                     .train = f->train,
                                     .n_train = POOL_ARCHS - REFERENCES,
                                     .target = {.graph = form,
                                                .n_samples = 3,
                                                .archs = f->samples,
                                                .latency_ms = f->latency_ms,
                                                .reference_ms = f->reference_ms},
                                     .seed = 4,
                                     .options = SMALL};
}

static inline void fixture_free(fixture *f) {
    synthetic_pool_free(&f->pool);
}

#endif
