/* SPDX-License-Identifier: Apache-2.0 */
/* The prior over hypotheses of `gp`: a distribution, whatever there is of sources and tables. */
#include "gp_fixture.h"

enum { MOST_LESSONS = 300 };

/* What the prior depends on: the view's numbers of shapes, and what was learned. */
typedef struct prior_case {
    size_t sources, tables; /* of the view */
    size_t n_pool, n_table; /* lessons; n_table 0: no table */
    bool alone;
} prior_case;

static const prior_case CASES[] = {
    {.sources = 1, .n_pool = 1},
    {.sources = 5, .n_pool = 5},
    {.sources = MOST_LESSONS, .n_pool = MOST_LESSONS},
    {.sources = MOST_LESSONS, .n_pool = 1},
    {.sources = 5, .tables = 3, .n_pool = 5}, /* tables of which nothing was learned */
    {1, 1, 1, 1, false},
    {1, 1, 1, 1, true},
    {5, 3, 5, 2, false},
    {5, 3, 5, 2, true},
    {MOST_LESSONS, MOST_LESSONS, MOST_LESSONS, MOST_LESSONS, false},
    {MOST_LESSONS, MOST_LESSONS, MOST_LESSONS, MOST_LESSONS, true},
    {MOST_LESSONS, MOST_LESSONS, 2, 2, false}, /* tables of sources of which nothing was learned */
};
enum { N_CASES = sizeof CASES / sizeof *CASES };

/* lessons[MOST_LESSONS, GP_PARAMETERS]: each near the centre, no two the same. */
static double *make_lessons(uint64_t seed) {
    maple_rng rng = maple_rng_seed(seed);
    double *logs = zeros((size_t)MOST_LESSONS * GP_PARAMETERS);
    for (size_t i = 0; i < (size_t)MOST_LESSONS * GP_PARAMETERS; i++)
        logs[i] = GP_LOG_CENTRE[i % GP_PARAMETERS] + 0.2 * maple_rng_normal(&rng);
    return logs;
}

static gp_hypothesis *make(const prior_case *c, const double *pool, const double *table, size_t *n) {
    gp_hypothesis *h = NULL;
    gp_view view = {.n = c->sources, .n_tables = c->tables};
    OK(gp_hypotheses_create(&view, pool, c->n_pool, c->n_table ? table : NULL, c->n_table, c->alone, &h, n,
                            &why));
    return h;
}

/* What the kinds have of the prior. */
typedef struct masses {
    double pool, sources, cost, table, tables;
} masses;

static masses add_up(const prior_case *c, const gp_hypothesis *h, size_t n) {
    masses m = {0};
    for (size_t i = 0; i < n; i++) {
        double mass = exp(h[i].log_prior);
        if (h[i].shape == GP_LIKE_POOL)
            m.pool += mass;
        else if (h[i].shape == GP_LIKE_COST)
            m.cost += mass;
        else if (h[i].shape == GP_LIKE_TABLE)
            m.table += mass;
        else if (h[i].shape < GP_LIKE_SOURCE + c->sources)
            m.sources += mass;
        else
            m.tables += mass;
    }
    return m;
}

static void priors_sum_to_one(void **state) {
    (void)state;
    double *pool = make_lessons(1), *table = make_lessons(2);
    for (size_t i = 0; i < N_CASES; i++) {
        const prior_case *c = &CASES[i];
        size_t n;
        gp_hypothesis *h = make(c, pool, table, &n);
        masses m = add_up(c, h, n);
        double by_table = c->n_table == 0 ? 0 : c->alone ? 1 : 0.9, left = 1 - by_table;
        NEAR(m.pool + m.sources + m.cost + m.table + m.tables, 1, 1e-9);
        NEAR(m.table, by_table / 2, 1e-9);
        NEAR(m.tables, by_table / 2, 1e-9);
        NEAR(m.cost, 0.9 * left, 1e-9);
        NEAR(m.pool, 0.03 * left, 1e-9);
        NEAR(m.sources, 0.07 * left, 1e-9);
        maple_free(h);
    }
    free(pool);
    free(table);
}

static void hypotheses_are_possible(void **state) {
    (void)state;
    double *pool = make_lessons(1), *table = make_lessons(2);
    for (size_t i = 0; i < N_CASES; i++) {
        const prior_case *c = &CASES[i];
        size_t n, again;
        gp_hypothesis *h = make(c, pool, table, &n), *same = make(c, pool, table, &again);
        assert_int_equal(n, again);
        for (size_t j = 0; j < n; j++) {
            for (int p = 0; p < GP_PARAMETERS; p++) {
                assert_true(h[j].parameter[p] > 0 && isfinite(h[j].parameter[p]));
                assert_true(h[j].parameter[p] == same[j].parameter[p]);
            }
            assert_true(h[j].shape < GP_LIKE_SOURCE + c->sources + c->tables);
            assert_true(c->n_table > 0 ||
                        (h[j].shape != GP_LIKE_TABLE && h[j].shape < GP_LIKE_SOURCE + c->sources));
            /* Half of it in proportion to nothing would be a device unlike all there are. */
            assert_true(h[j].shape == GP_LIKE_COST ? h[j].share > 0.5 && h[j].share < 1 : h[j].share == 1);
            assert_true(!isnan(h[j].log_prior) && h[j].log_prior <= 0);
        }
        maple_free(h);
        maple_free(same);
    }
    free(pool);
    free(table);
}

/* Every source, and every table, has its part of the prior, and about the same. */
static void each_source_and_table_appears(void **state) {
    (void)state;
    double *pool = make_lessons(1), *table = make_lessons(2);
    for (size_t i = 0; i < N_CASES; i++) {
        const prior_case *c = &CASES[i];
        size_t n, shapes = GP_LIKE_SOURCE + c->sources + c->tables, count[2 * MOST_LESSONS + 3] = {0};
        gp_hypothesis *h = make(c, pool, table, &n);
        for (size_t j = 0; j < n; j++)
            count[h[j].shape]++;
        for (int kind = 0; kind < 2; kind++) {
            size_t first = kind == 0 ? GP_LIKE_SOURCE : GP_LIKE_SOURCE + c->sources, least = SIZE_MAX,
                   most = 0;
            size_t end = kind == 0 ? first + c->sources : shapes;
            for (size_t shape = first; shape < end; shape++) {
                least = count[shape] < least ? count[shape] : least;
                most = count[shape] > most ? count[shape] : most;
            }
            if (kind == 1 && c->n_table == 0)
                assert_int_equal(most, 0);
            else if (first < end && !(least > 0 && most - least <= 1))
                fail_msg("case %zu: %zu to %zu hypotheses of each %s", i, least, most,
                         kind == 0 ? "source" : "table");
        }
        maple_free(h);
    }
    free(pool);
    free(table);
}

/* What was learned is among the hypotheses around the mean (around the mean table), as it is. */
static void lessons_are_kept_as_they_are(void **state) {
    (void)state;
    double *lessons[2] = {make_lessons(1), make_lessons(2)};
    for (size_t i = 0; i < N_CASES; i++) {
        const prior_case *c = &CASES[i];
        size_t n, n_lessons[2] = {c->n_pool, c->n_table};
        gp_hypothesis *h = make(c, lessons[0], lessons[1], &n);
        for (int kind = 0; kind < 2; kind++)
            for (size_t l = 0; l < n_lessons[kind]; l++) {
                bool found = false;
                for (size_t j = 0; j < n && !found; j++) {
                    found = h[j].shape == (kind == 0 ? GP_LIKE_POOL : GP_LIKE_TABLE);
                    for (size_t p = 0; p < GP_PARAMETERS && found; p++)
                        found = fabs(log(h[j].parameter[p]) - lessons[kind][l * GP_PARAMETERS + p]) < 1e-12;
                }
                if (!found)
                    fail_msg("case %zu: lesson %zu of kind %d is not there", i, l, kind);
            }
        maple_free(h);
    }
    free(lessons[0]);
    free(lessons[1]);
}

/* Around one source weights are .03 to .3 of what was learned, evenly in logarithms: (log .03 + log .3) / 2 =
 * -2.36 in the mean of 256 or 128, each with standard deviations of 1 (random changes) and .66: five
 * times 1.2 / sqrt(128) = .53. Noise is not less. Around the mean neither is. */
static void one_source_is_nearer(void **state) {
    (void)state;
    gp_view view = {.n = 4, .n_tables = 3};
    gp_hypothesis *h;
    size_t n;
    OK(gp_hypotheses_create(&view, GP_LOG_CENTRE, 1, GP_LOG_CENTRE, 1, false, &h, &n, &why));
    for (size_t p = 0; p < GP_PARAMETERS; p++) {
        double off[4] = {0}, count[4] = {0}; /* the mean, its table; sources, their tables */
        for (size_t j = 0; j < n; j++) {
            if (h[j].shape == GP_LIKE_COST)
                continue;
            int kind = h[j].shape == GP_LIKE_POOL             ? 0
                       : h[j].shape == GP_LIKE_TABLE          ? 1
                       : h[j].shape < GP_LIKE_SOURCE + view.n ? 2
                                                              : 3;
            off[kind] += log(h[j].parameter[p]) - GP_LOG_CENTRE[p];
            count[kind]++;
        }
        for (int kind = 0; kind < 4; kind++) {
            double expected = kind >= 2 && p < GP_NOISE ? (log(0.03) + log(0.3)) / 2 : 0;
            assert_true(count[kind] >= 128);
            NEAR(off[kind] / count[kind], expected, 0.53);
        }
    }
    maple_free(h);
}

/* Features are counted from zero: of a device whose latency is all offset the offset is 1. It may vary as
 * much, wherever learning begins. */
static void offsets_may_be_all_there_is(void **state) {
    (void)state;
    NEAR(exp(GP_LOG_CENTRE[GP_OFFSET]), 2, 1e-3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priors_sum_to_one),
        cmocka_unit_test(hypotheses_are_possible),
        cmocka_unit_test(each_source_and_table_appears),
        cmocka_unit_test(lessons_are_kept_as_they_are),
        cmocka_unit_test(one_source_is_nearer),
        cmocka_unit_test(offsets_may_be_all_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
