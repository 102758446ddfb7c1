/* SPDX-License-Identifier: Apache-2.0 */
/* The scoring sets, by hand, and each bit for bit as maple_metrics_compute has it on its rows. */
#include "evaluate/scorer.h"
#include "spaces.h"
#include "synthetic.h"

typedef struct fixture {
    synthetic_pool pool;
    maple_scorer *scorer;
    maple_score_room room;
    double *predicted, *lower_ms, *upper_ms;
    bool *measured;
    maple_metrics metrics[MAPLE_SCORINGS];
    bool valid[MAPLE_SCORINGS];
} fixture;

static fixture make(maple_graph_form form, size_t n) {
    const maple_space *space = space_or_fail("nas-bench-201");
    fixture f = {.pool = synthetic_pool_make(space, form, 1, n, 5)};
    /* Indices in an order of their own. */
    for (size_t i = 0; i < n; i++)
        f.pool.dataset.index[i] = (int)(i * 7 % n);
    assert_int_equal(maple_score_room_create(n, &f.room, NULL), MAPLE_OK);
    f.predicted = calloc(n, sizeof *f.predicted);
    f.lower_ms = calloc(n, sizeof *f.lower_ms);
    f.upper_ms = calloc(n, sizeof *f.upper_ms);
    f.measured = calloc(n, sizeof *f.measured);
    return f;
}

static void score(fixture *f) {
    maple_scorer_free(f->scorer);
    assert_int_equal(maple_scorer_create(&f->pool.dataset, 0, &f->scorer, NULL), MAPLE_OK);
    const maple_predictions predicted = {f->predicted, f->lower_ms, f->upper_ms};
    maple_scorer_score(f->scorer, &f->room, &predicted, f->measured, f->metrics, f->valid);
}

static void release(fixture *f) {
    maple_scorer_free(f->scorer);
    maple_score_room_free(&f->room);
    synthetic_pool_free(&f->pool);
    free(f->predicted);
    free(f->lower_ms);
    free(f->upper_ms);
    free(f->measured);
}

static int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Is row i in the set? By the definitions, without a short cut. */
static bool belongs(const fixture *f, int set, size_t i) {
    const maple_dataset *d = &f->pool.dataset;
    const double *ms = d->platforms[0].latency_ms;
    if (isnan(ms[i]))
        return false;
    if (set == MAPLE_SCORE_UNMEASURED)
        return !f->measured[maple_scorer_network(f->scorer, i)];
    if (set == MAPLE_SCORE_ABOVE20) {
        double *sorted = calloc(d->n_archs, sizeof *sorted);
        size_t n = 0;
        for (size_t k = 0; k < d->n_archs; k++)
            if (!isnan(ms[k]))
                sorted[n++] = ms[k];
        qsort(sorted, n, sizeof *sorted, compare_doubles);
        double median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
        free(sorted);
        return ms[i] > 0.2 * median;
    }
    if (set == MAPLE_SCORE_FIRST128)
        return d->index[i] < 128;
    if (set != MAPLE_SCORE_TRIMMED800)
        return true;
    if (d->index[i] < 900 || d->index[i] >= 1900)
        return false;
    size_t rank = 0;
    for (size_t k = 0; k < d->n_archs; k++) {
        if (d->index[k] < 900 || d->index[k] >= 1900)
            continue;
        float a = (float)ms[k], b = (float)ms[i];
        rank += a < b || (a == b && d->index[k] < d->index[i]);
    }
    return rank >= 100 && rank < 900;
}

static void check_sets(fixture *f, const size_t expected[MAPLE_SCORINGS]) {
    const maple_dataset *d = &f->pool.dataset;
    double *ms = calloc(d->n_archs, sizeof *ms), *predicted = calloc(d->n_archs, sizeof *ms);
    double *lower_ms = calloc(d->n_archs, sizeof *ms), *upper_ms = calloc(d->n_archs, sizeof *ms);
    for (int s = 0; s < MAPLE_SCORINGS; s++) {
        size_t n = 0;
        for (size_t i = 0; i < d->n_archs; i++) {
            if (!belongs(f, s, i))
                continue;
            ms[n] = d->platforms[0].latency_ms[i];
            lower_ms[n] = f->lower_ms[i];
            upper_ms[n] = f->upper_ms[i];
            predicted[n++] = f->predicted[i];
        }
        maple_metrics m;
        assert_int_equal(
            maple_metrics_compute(ms, &(maple_predictions){predicted, lower_ms, upper_ms}, n, &m, NULL),
            MAPLE_OK);
        assert_true(f->valid[s]);
        assert_int_equal(f->metrics[s].n, expected[s]);
        assert_true(f->metrics[s].coverage90 > 0.2 && f->metrics[s].coverage90 < 0.9);
        if (memcmp(&m, &f->metrics[s], sizeof m) != 0)
            fail_msg("%s: %.17g, %.17g, %.17g, not %.17g, %.17g, %.17g", maple_scoring_name((maple_scoring)s),
                     f->metrics[s].kendall, f->metrics[s].mape, f->metrics[s].coverage90, m.kendall, m.mape,
                     m.coverage90);
    }
    free(ms);
    free(predicted);
    free(lower_ms);
    free(upper_ms);
}

static void sets_equal_their_definition(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 2500);
    maple_rng rng = maple_rng_seed(9);
    double *ms = f.pool.dataset.platforms[0].latency_ms;
    size_t slow = 0;
    for (size_t i = 0; i < 2500; i++) {
        ms[i] = ceil(4 * ms[i]) / 4; /* ties, at the edges of the trimmed pool, too */
        f.predicted[i] = ms[i] * (0.8 + 0.4 * maple_rng_uniform(&rng));
        if (i % 2 == 0)
            f.predicted[i] = ceil(2 * f.predicted[i]) / 2;
        f.lower_ms[i] = i % 7 == 0 ? NAN : f.predicted[i] * (0.85 + 0.15 * maple_rng_uniform(&rng));
        f.upper_ms[i] = i % 11 == 0 ? NAN : f.predicted[i] * (1 + 0.15 * maple_rng_uniform(&rng));
    }
    for (size_t i = 3; i < 2500; i += 100)
        ms[i] = 0.01; /* below 20 % of the median: 25 of them */
    for (size_t i = 0; i < 40; i++)
        f.measured[i * 50] = true;
    score(&f);
    for (size_t i = 0; i < 2500; i++)
        slow += belongs(&f, MAPLE_SCORE_ABOVE20, i);
    assert_true(slow <= 2475 && slow > 2000);
    check_sets(&f, (size_t[]){2500, 2460, slow, 128, 800});
    /* Without bounds: no coverage, the rest as before. */
    const maple_metrics with = f.metrics[MAPLE_SCORE_ABOVE20];
    maple_scorer_score(f.scorer, &f.room, &POINTS(f.predicted), f.measured, f.metrics, f.valid);
    const maple_metrics *without = &f.metrics[MAPLE_SCORE_ABOVE20];
    assert_true(isnan(without->coverage90) && isnan(without->interval_width));
    assert_memory_equal(without, &with, offsetof(maple_metrics, coverage90));
    /* What is not predicted is left out, and n says so. */
    for (size_t i = 0; i < 2500; i += 5)
        f.predicted[i] = NAN;
    score(&f);
    assert_int_equal(f.metrics[MAPLE_SCORE_ALL].n, 2000);
    assert_int_equal(f.metrics[MAPLE_SCORE_UNMEASURED].n, 2000); /* all samples were among them */
    release(&f);
}

/* `trimmed800` by hand: latencies are the indices, in reverse. */
static void trimmed_pool_by_hand(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 2000);
    maple_dataset *d = &f.pool.dataset;
    for (size_t i = 0; i < 2000; i++) {
        d->platforms[0].latency_ms[i] = 5000 - d->index[i];
        f.predicted[i] = d->index[i] >= 1000 && d->index[i] < 1800 ? 5000 - d->index[i] : 1;
    }
    score(&f);
    assert_int_equal(f.metrics[MAPLE_SCORE_TRIMMED800].n, 800);
    assert_true(f.metrics[MAPLE_SCORE_TRIMMED800].acc1 == 1 &&
                f.metrics[MAPLE_SCORE_TRIMMED800].spearman == 1);
    /* All tied: the order is that of the indices, so the same ones stay. */
    for (size_t i = 0; i < 2000; i++) {
        d->platforms[0].latency_ms[i] = 2 + 1e-12 * (double)i; /* equal at float32 */
        f.predicted[i] = d->index[i] >= 1000 && d->index[i] < 1800 ? 2 : 1;
    }
    score(&f);
    assert_true(f.metrics[MAPLE_SCORE_TRIMMED800].acc1 == 1);
    assert_true(isnan(f.metrics[MAPLE_SCORE_TRIMMED800].spearman));
    release(&f);
}

static void sets_that_lack_rows_are_not_valid(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 2000);
    maple_dataset *d = &f.pool.dataset;
    memcpy(f.predicted, d->platforms[0].latency_ms, 2000 * sizeof *f.predicted);
    for (size_t i = 0; i < 2000; i++)
        if (d->index[i] == 127 || d->index[i] == 1899)
            d->platforms[0].latency_ms[i] = NAN;
    score(&f);
    assert_true(f.valid[MAPLE_SCORE_ALL] && f.metrics[MAPLE_SCORE_ALL].n == 1998);
    assert_false(f.valid[MAPLE_SCORE_FIRST128]);
    assert_false(f.valid[MAPLE_SCORE_TRIMMED800]);
    /* An index that stands twice does not replace one that is missing. */
    for (size_t i = 0; i < 2000; i++)
        d->index[i] = 0;
    score(&f);
    assert_false(f.valid[MAPLE_SCORE_FIRST128]);
    for (size_t i = 0; i < 2000; i++)
        f.measured[i] = true;
    score(&f);
    assert_false(f.valid[MAPLE_SCORE_UNMEASURED]);
    release(&f);
}

/* On a pruned platform what runs the same graph as a sample is as good as measured. */
static void networks_of_a_pruned_platform(void **state) {
    (void)state;
    const char *texts[] = {
        "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", /* edge 0->1 leads nowhere */
        "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", /* the same graph */
        "|nor_conv_1x1~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", /* degenerate */
    };
    fixture f = make(MAPLE_GRAPH_PRUNED, 4);
    maple_dataset *d = &f.pool.dataset;
    maple_arch other;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(maple_space_parse(d->space, texts[i], &d->archs[i], NULL), MAPLE_OK);
        d->platforms[0].latency_ms[i] = i < 3 ? 1 + (double)i : NAN;
        f.predicted[i] = i < 3 ? 1 : NAN;
    }
    f.measured[0] = true;
    score(&f);
    assert_int_equal(maple_scorer_network(f.scorer, 0), maple_scorer_network(f.scorer, 1));
    assert_int_not_equal(maple_scorer_network(f.scorer, 0), maple_scorer_network(f.scorer, 2));
    assert_int_equal(maple_scorer_network(f.scorer, 3), UINT32_MAX);
    assert_int_equal(maple_scorer_find(f.scorer, &d->archs[3]), UINT32_MAX);
    assert_int_equal(maple_space_parse(d->space,
                                       "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
                                       &other, NULL),
                     MAPLE_OK);
    assert_int_equal(maple_scorer_find(f.scorer, &other), maple_scorer_network(f.scorer, 0));
    assert_int_equal(f.metrics[MAPLE_SCORE_ALL].n, 3);
    assert_int_equal(f.metrics[MAPLE_SCORE_UNMEASURED].n, 1);
    assert_true(fabs(f.metrics[MAPLE_SCORE_UNMEASURED].mape - 2.0 / 3) <= 1e-15);
    release(&f);
}

static void names_of_the_sets(void **state) {
    (void)state;
    static const char *const NAMES[] = {"all", "unmeasured", "above20", "first128", "trimmed800"};
    for (int i = 0; i < MAPLE_SCORINGS; i++)
        assert_string_equal(maple_scoring_name((maple_scoring)i), NAMES[i]);
    assert_null(maple_scoring_name(MAPLE_SCORINGS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_equal_their_definition),
        cmocka_unit_test(trimmed_pool_by_hand),
        cmocka_unit_test(sets_that_lack_rows_are_not_valid),
        cmocka_unit_test(networks_of_a_pruned_platform),
        cmocka_unit_test(names_of_the_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
