/* SPDX-License-Identifier: Apache-2.0 */
/* Samples that a model asks for: which rows, and in an evaluation, alone and on several threads. */
#include "evaluate_fixture.h"
#include "scratch.h"
#include "sqlite_check.h"

static const size_t SOURCES[] = {1, 2, 3};

/* Platform 0 lacks some latencies; the others are learned from. */
typedef struct bench {
    synthetic_pool pool;
    maple_fit_request request;
    maple_pretrained *pretrained;
} bench;

static void make_bench(bench *b, maple_graph_form form, size_t n_archs) {
    b->pool = synthetic_pool_make(space_or_fail("nas-bench-201"), form, 4, n_archs, 3);
    maple_dataset *d = &b->pool.dataset;
    for (size_t i = 0; i < n_archs; i += 10)
        d->platforms[0].latency_ms[i] = NAN;
    b->request = (maple_fit_request){.space = d->space,
                                     .pool = d,
                                     .sources = SOURCES,
                                     .n_sources = 3,
                                     .target = {.graph = form},
                                     .seed = 1};
    OK(maple_predictor_pretrain("gp", &b->request, &b->pretrained, &why));
}

static void release_bench(bench *b) {
    maple_pretrained_free(b->pretrained);
    synthetic_pool_free(&b->pool);
}

#define DRAW(N, SEED, ROWS)                                                                                  \
    maple_sampler_suggest(&b.pool.dataset, 0, b.pretrained, &b.request, (N), (SEED), (ROWS), &why)

static void check_rows(const bench *b, const size_t *rows, size_t n) {
    const maple_dataset *d = &b->pool.dataset;
    maple_graph_form form = d->platforms[0].platform.graph;
    for (size_t i = 0; i < n; i++) {
        assert_true(rows[i] < d->n_archs && isfinite(d->platforms[0].latency_ms[rows[i]]));
        maple_arch a = maple_space_canonical(d->space, form, &d->archs[rows[i]]);
        for (size_t k = 0; k < i; k++) {
            maple_arch other = maple_space_canonical(d->space, form, &d->archs[rows[k]]);
            assert_false(maple_arch_equal(&a, &other));
        }
    }
}

static void rows_are_different_and_nested(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        bench b;
        make_bench(&b, (maple_graph_form)form, 600);
        size_t many[30], few[30], other[30];
        OK(DRAW(30, 7, many));
        check_rows(&b, many, 30);
        for (size_t n = 0; n <= 30; n += 6) {
            OK(DRAW(n, 7, few));
            assert_memory_equal(few, many, n * sizeof *few);
        }
        OK(DRAW(30, 8, other));
        check_rows(&b, other, 30);
        release_bench(&b);
    }
}

/* The latencies of the target are not looked at, nor are samples that the request may have. */
static void no_latency_is_needed(void **state) {
    (void)state;
    bench b;
    make_bench(&b, MAPLE_GRAPH_AS_WRITTEN, 400);
    size_t before[10], after[10];
    double ms = -1;
    OK(DRAW(10, 1, before));
    for (size_t i = 0; i < 400; i++)
        b.pool.dataset.platforms[0].latency_ms[i] *= 1 + (double)(i % 7);
    b.request.target.n_samples = 1;
    b.request.target.archs = b.pool.dataset.archs;
    b.request.target.latency_ms = &ms;
    OK(DRAW(10, 1, after));
    assert_memory_equal(before, after, sizeof before);
    release_bench(&b);
}

/* Of many rows the model sees MAPLE_SUGGEST_AMONG, other ones with another seed. */
static void seeds_give_other_candidates(void **state) {
    (void)state;
    bench b;
    make_bench(&b, MAPLE_GRAPH_AS_WRITTEN, 6000);
    size_t rows[2][5];
    OK(DRAW(5, 1, rows[0]));
    OK(DRAW(5, 2, rows[1]));
    check_rows(&b, rows[0], 5);
    assert_true(memcmp(rows[0], rows[1], sizeof rows[0]) != 0);
    release_bench(&b);
}

static void what_cannot_be_drawn(void **state) {
    (void)state;
    bench b;
    make_bench(&b, MAPLE_GRAPH_AS_WRITTEN, 40);
    size_t rows[40];
    OK(DRAW(36, 1, rows)); /* all of them */
    check_rows(&b, rows, 36);
    FAILS(DRAW(37, 1, rows), MAPLE_BAD_INPUT, "has only 36 different networks");
    OK(maple_sampler_check(&b.pool.dataset, "suggest", &why));
    FAILS(maple_sampler_draw(&b.pool.dataset, 0, "suggest", 1, 1, rows, &why), MAPLE_BAD_ARGUMENT,
          "maple_sampler_suggest");
    release_bench(&b);
}

/* --- In an evaluation --- */

static const maple_contender CONTENDERS[] = {{.name = "lut-fit"}, {.name = "gp"}, {.name = "nearest"}};

static fixture make_suggesting(size_t n_archs) {
    fixture f = make(MAPLE_GRAPH_PRUNED, n_archs);
    leave_one_out(&f);
    contend(&f, CONTENDERS, 3);
    f.evaluation.sampler = "suggest";
    f.evaluation.train_archs = 60;
    return f;
}

static maple_evaluation_row *take_rows(fixture *f, size_t *n) {
    maple_evaluation_row *rows = f->rows;
    *n = f->n;
    f->rows = NULL;
    for (size_t i = 0; i < *n; i++)
        assert_string_equal(rows[i].reason, "");
    return rows;
}

static void threads_do_not_show(void **state) {
    (void)state;
    fixture f = make_suggesting(300);
    size_t n;
    OK(evaluate(&f));
    maple_evaluation_row *alone = take_rows(&f, &n);
    f.evaluation.threads = 4;
    OK(evaluate(&f));
    assert_same_rows(&f, alone, n);
    f.evaluation.sampler = "random";
    OK(evaluate(&f));
    assert_true(memcmp(&f.rows[0].scores, &alone[0].scores, sizeof alone[0].scores) != 0);
    maple_free(alone);
    release(&f);
}

/* One model for each group and trial, which `gp` adapts; runs of other samplers are others. */
static void models_and_runs_are_kept(void **state) {
    (void)state;
    char folder[300], store[400];
    snprintf(folder, sizeof folder, "%s", in_scratch("cache"));
    snprintf(store, sizeof store, "%s/maple-evaluate.db", folder);
    static const char *const SOURCE_NAMES[] = {"synthetic-0", "synthetic-1"};
    static const char *const TARGETS[] = {"synthetic-2", "synthetic-3"};
    fixture f = make(MAPLE_GRAPH_PRUNED, 200);
    OK(maple_splits_named(&f.pool.dataset, SOURCE_NAMES, 2, TARGETS, 2, &f.splits, &why));
    contend(&f, CONTENDERS, 2); /* lut-fit and gp */
    f.evaluation.sampler = "suggest";
    f.evaluation.trials = 2;
    OK(evaluate(&f));
    size_t n;
    maple_evaluation_row *expected = take_rows(&f, &n);
    f.evaluation.cache = folder;
    f.evaluation.threads = 2;
    OK(evaluate(&f));
    assert_same_rows(&f, expected, n);
    assert_int_equal(query_int(store, "SELECT count(*) FROM entry WHERE key LIKE 'model gp %'"), 2);
    long runs = query_int(store, "SELECT count(*) FROM entry WHERE key LIKE 'run %'");
    assert_int_equal(runs, 2 * 2 * 2 * 2); /* targets x trials x contenders x numbers of samples */
    OK(evaluate(&f));
    assert_same_rows(&f, expected, n);
    assert_int_equal(query_int(store, "SELECT count(*) FROM entry WHERE key LIKE 'run %'"), runs);
    f.evaluation.sampler = "random";
    OK(evaluate(&f));
    assert_int_equal(query_int(store, "SELECT count(*) FROM entry WHERE key LIKE 'run %'"), 2 * runs);
    maple_free(expected);
    release(&f);
}

/* Without sources, or with too few latencies, rows say why; the others are there. */
static void reasons_are_rows(void **state) {
    (void)state;
    static const char *const TARGETS[] = {"synthetic-2"};
    fixture f = make(MAPLE_GRAPH_PRUNED, 200);
    OK(maple_splits_named(&f.pool.dataset, NULL, 0, TARGETS, 1, &f.splits, &why));
    f.evaluation.sampler = "suggest";
    OK(evaluate(&f));
    for (size_t i = 0; i < f.n; i++)
        assert_non_null(
            strstr(f.rows[i].reason, "sampler suggest: predictor gp learns from other platforms"));
    release(&f);
    f = make_suggesting(200);
    size_t left = 0;
    for (size_t i = 0; i < 200; i++) {
        double *ms = &f.pool.dataset.platforms[1].latency_ms[i];
        left += isfinite(*ms) ? 1 : 0;
        *ms = left > 5 ? NAN : *ms;
    }
    f.evaluation.train_archs = 0;
    OK(evaluate(&f));
    assert_non_null(strstr(find_row(&f, "lut-fit", "synthetic-1", 10)->reason, "different networks with a"));
    assert_string_equal(find_row(&f, "lut-fit", "synthetic-0", 10)->reason, "");
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_different_and_nested),
        cmocka_unit_test(no_latency_is_needed),
        cmocka_unit_test(seeds_give_other_candidates),
        cmocka_unit_test(what_cannot_be_drawn),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(models_and_runs_are_kept),
        cmocka_unit_test(reasons_are_rows),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
