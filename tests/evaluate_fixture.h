/* SPDX-License-Identifier: Apache-2.0 */
/* evaluate_fixture.h: a table over four synthetic platforms: how it is made, and its rows. */
#ifndef MAPLE_TESTS_EVALUATE_FIXTURE_H
#define MAPLE_TESTS_EVALUATE_FIXTURE_H

#include "check.h"
#include "maple/evaluate.h"
#include "spaces.h"
#include "synthetic.h"

enum { N_PLATFORMS = 4, N_ARCHS = 1950 };

typedef struct fixture {
    synthetic_pool pool;
    maple_splits splits;
    maple_evaluation evaluation;
    maple_evaluation_row *rows;
    size_t n;
} fixture;

static const int TWO_COUNTS[] = {10, 3};
static const maple_contender LINES[] = {{.name = "lut-fit"}, {.name = "flops"}};

/* Four platforms in two families, leave one out, two predictors at 10 and 3 samples, 3 trials. */
static inline fixture make(maple_graph_form form, size_t n_archs) {
    const maple_space *space = space_or_fail("nas-bench-201");
    fixture f = {.pool = synthetic_pool_make(space, form, N_PLATFORMS, n_archs, 21)};
    maple_dataset *d = &f.pool.dataset;
    for (size_t i = 0; i < n_archs; i++)
        d->index[i] = (int)i;
    for (size_t p = 0; p < N_PLATFORMS; p++)
        snprintf(d->platforms[p].platform.family, sizeof d->platforms[p].platform.family, "family-%zu",
                 p / 2);
    f.evaluation = (maple_evaluation){.contenders = LINES,
                                      .n_contenders = 2,
                                      .samples = TWO_COUNTS,
                                      .n_samples = 2,
                                      .sampler = "random",
                                      .trials = 3,
                                      .seed = 1,
                                      .threads = 1};
    return f;
}

static inline void leave_one_out(fixture *f) {
    OK(maple_splits_leave_one_out(&f->pool.dataset, NULL, 0, MAPLE_LEAVE_OUT_PLATFORM, &f->splits, &why));
}

static inline void contend(fixture *f, const maple_contender *contenders, size_t n) {
    f->evaluation.contenders = contenders;
    f->evaluation.n_contenders = n;
}

static inline maple_status evaluate(fixture *f) {
    maple_free(f->rows);
    f->rows = NULL;
    f->evaluation.dataset = &f->pool.dataset;
    f->evaluation.splits = &f->splits;
    return maple_evaluate(&f->evaluation, &f->rows, &f->n, &why);
}

static inline void release(fixture *f) {
    maple_free(f->rows);
    maple_splits_free(&f->splits);
    synthetic_pool_free(&f->pool);
}

static inline const maple_evaluation_row *find_row(const fixture *f, const char *predictor,
                                                   const char *target, int samples) {
    for (size_t i = 0; i < f->n; i++) {
        const maple_evaluation_row *row = &f->rows[i];
        if (strcmp(row->predictor, predictor) == 0 && strcmp(row->target, target) == 0 &&
            row->samples == samples)
            return row;
    }
    fail_msg("no row of %s on '%s' with %d samples", predictor, target, samples);
    abort(); /* not reached: fail_msg does not return, but gcc cannot know */
}

/* Equal in every bit but the times. */
static inline void assert_same_rows(const fixture *f, const maple_evaluation_row *expected, size_t n) {
    assert_int_equal(f->n, n);
    for (size_t i = 0; i < n; i++) {
        maple_evaluation_row a = f->rows[i], b = expected[i];
        a.fit_ms = a.adapt_ms = a.predict_ms = b.fit_ms = b.adapt_ms = b.predict_ms = 0;
        assert_memory_equal(&a, &b, sizeof a);
    }
}

#endif
