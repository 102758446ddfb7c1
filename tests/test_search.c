/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search against enumeration; what it must never return; what a confidence means, on a predictor whose
 * errors are known. (Where scores come from: test_judge.c.)
 */
#include "check.h"
#include "maple/search.h"
#include "predictor/predictor_internal.h"
#include "scratch.h"
#include "spaces.h"

#include <math.h>

/* --- A predictor that is known: additive, with a normal distribution of known width around it --- */

static double add_up(const maple_arch *arch, int positions, uint64_t seed) {
    double sum = 0;
    for (int p = 0; p < positions; p++) {
        maple_rng rng = maple_rng_seed(seed + (uint64_t)(p * 16 + arch->op[p]));
        sum += 0.2 + maple_rng_uniform(&rng);
    }
    return sum;
}

static double true_ms(const maple_space *space, const maple_arch *arch) {
    return add_up(arch, maple_space_positions(space), 1000);
}

static double width_of(double ms) {
    return 0.05 * ms;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    (void)state, (void)error;
    for (size_t i = 0; i < n; i++)
        latency_ms[i] = true_ms(context->space, &archs[i]);
    return MAPLE_OK;
}

static maple_status intervals(const void *state, const maple_model_context *context, const maple_arch *archs,
                              size_t n, double *latency_ms, double *lower_ms, double *upper_ms,
                              maple_error *error) {
    maple_status status = predict(state, context, archs, n, latency_ms, error);
    for (size_t i = 0; i < n; i++) {
        lower_ms[i] = latency_ms[i] - 1.6448536269514722 * width_of(latency_ms[i]);
        upper_ms[i] = latency_ms[i] + 1.6448536269514722 * width_of(latency_ms[i]);
    }
    return status;
}

static const maple_predictor_vtable SURE = {
    .info = {.name = "sure", .intervals = true}, .predict = predict, .intervals = intervals};
static const maple_predictor_vtable UNSURE = {.info = {.name = "unsure"}, .predict = predict};

/* --- A search by it --- */

typedef struct fixture {
    const maple_space *space;
    maple_predictor predictor;
    maple_search_platform platform;
    maple_judge *judge;
    maple_search_request request;
} fixture;

static double score_of(const maple_space *space, const maple_arch *arch) {
    return add_up(arch, maple_space_positions(space), 77);
}

/* The scores as a table in a file: position,op,score. */
static void write_table(const maple_space *space, const char *path) {
    maple_text text = {0};
    maple_text_add(&text, "position,op,score\n");
    for (int p = 0; p < maple_space_positions(space); p++)
        for (int op = 0; op < maple_space_ops(space); op++) {
            maple_rng rng = maple_rng_seed(77 + (uint64_t)(p * 16 + op));
            maple_text_addf(&text, "%d,%s,%.17g\n", p, maple_space_op_name(space, op),
                            0.2 + maple_rng_uniform(&rng));
        }
    OK(maple_write_file(path, text.data, text.length, &why));
    maple_text_free(&text);
}

static void fixture_make(fixture *f, const char *space, double max_ms) {
    *f = (fixture){.space = space_or_fail(space)};
    f->predictor =
        (maple_predictor){.vtable = &SURE, .context = {.space = f->space, .graph = MAPLE_GRAPH_AS_WRITTEN}};
    f->platform = (maple_search_platform){.name = "board",
                                          .graph = MAPLE_GRAPH_AS_WRITTEN,
                                          .predictor = &f->predictor,
                                          .max_latency_ms = max_ms};
    write_table(f->space, in_scratch("table.csv"));
    OK(maple_judge_from_csv(f->space, NULL, in_scratch("table.csv"), NULL, &f->judge, &why));
    f->request = (maple_search_request){.space = f->space,
                                        .judge = f->judge,
                                        .platforms = &f->platform,
                                        .n_platforms = 1,
                                        .n = 10,
                                        .seed = 5};
}

static void fixture_free(fixture *f) {
    maple_judge_free(f->judge);
}

static void assert_same(const maple_search_result *a, const maple_search_result *b) {
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_true(maple_arch_equal(&a->archs[i], &b->archs[i]));
        assert_true(a->scores[i] == b->scores[i]);
    }
}

/* Every result meets the constraint, is there once, has its own score, and they come best first. */
static void assert_sound(const fixture *f, const maple_search_result *r) {
    for (size_t i = 0; i < r->n; i++) {
        double ms = true_ms(f->space, &r->archs[i]);
        assert_true(ms <= f->platform.max_latency_ms && r->latency[i].latency_ms == ms);
        assert_true(fabs(r->scores[i] - score_of(f->space, &r->archs[i])) < 1e-9);
        assert_true(r->latency[i].lower_ms < ms && ms < r->latency[i].upper_ms && !r->latency[i].measured);
        for (size_t k = 0; k < i; k++) {
            assert_false(maple_arch_equal(&r->archs[i], &r->archs[k]));
            assert_true(r->scores[k] >= r->scores[i]);
        }
    }
}

static void enumeration_finds_the_best(void **state) {
    (void)state;
    fixture f;
    maple_search_result r;
    fixture_make(&f, "nas-bench-201", 3.5);
    OK(maple_search(&f.request, &r, &why));
    assert_int_equal(r.algorithm, MAPLE_SEARCH_ENUMERATE);
    assert_int_equal(r.evaluated, 15625);
    assert_int_equal(r.n, 10);
    assert_sound(&f, &r);
    size_t feasible = 0, better = 0;
    for (size_t i = 0; i < 15625; i++) {
        maple_arch arch = maple_space_nth(f.space, i);
        if (true_ms(f.space, &arch) > 3.5)
            continue;
        feasible++;
        better += score_of(f.space, &arch) > r.scores[9] + 1e-12;
    }
    assert_true(feasible > 100 && feasible < 15000);
    assert_int_equal(r.feasible, feasible);
    assert_int_equal(r.scored, feasible);
    assert_int_equal(better, 9);
    maple_search_free(&r);
    fixture_free(&f);
}

static void evolution_comes_close_and_repeats(void **state) {
    (void)state;
    for (int algorithm = MAPLE_SEARCH_EVOLUTION; algorithm <= MAPLE_SEARCH_NSGA2; algorithm++) {
        fixture f;
        maple_search_result best, a, b, other;
        fixture_make(&f, "nas-bench-201", 3.5);
        OK(maple_search(&f.request, &best, &why));
        f.request.algorithm = (maple_search_algorithm)algorithm;
        f.request.evaluations = 2000;
        OK(maple_search(&f.request, &a, &why));
        OK(maple_search(&f.request, &b, &why));
        f.request.seed = 6;
        OK(maple_search(&f.request, &other, &why));
        assert_same(&a, &b);
        assert_sound(&f, &a);
        assert_sound(&f, &other);
        assert_true(a.evaluated <= 2000 && a.evaluated > 1900 && a.feasible <= a.evaluated);
        assert_true(a.scores[0] >= 0.98 * best.scores[0] && a.scores[0] <= best.scores[0] + 1e-12);
        assert_true(a.feasible != other.feasible); /* another seed looks at others */
        maple_search_free(&best);
        maple_search_free(&a);
        maple_search_free(&b);
        maple_search_free(&other);
        fixture_free(&f);
    }
}

/* The tightest constraint under which a large space has anything: random ones do not meet it at first. */
static void evolution_reaches_what_random_ones_do_not(void **state) {
    (void)state;
    for (int algorithm = MAPLE_SEARCH_EVOLUTION; algorithm <= MAPLE_SEARCH_NSGA2; algorithm++) {
        fixture f;
        maple_search_result r;
        fixture_make(&f, "fbnet", 9); /* random ones: 15.4 with a standard deviation of 1.4 */
        f.request.algorithm = (maple_search_algorithm)algorithm;
        f.request.evaluations = 8000;
        OK(maple_search(&f.request, &r, &why));
        assert_int_equal(r.n, 10);
        assert_sound(&f, &r);
        assert_true(r.scored == r.feasible && r.feasible < r.evaluated);
        maple_search_free(&r);
        fixture_free(&f);
    }
}

/* A space that is searched to its end ends. */
static void evolution_ends_where_nothing_is_left(void **state) {
    (void)state;
    fixture f;
    maple_search_result best, r;
    fixture_make(&f, "nas-bench-201", INFINITY);
    OK(maple_search(&f.request, &best, &why));
    f.request.algorithm = MAPLE_SEARCH_EVOLUTION;
    f.request.evaluations = 100000;
    OK(maple_search(&f.request, &r, &why));
    assert_true(r.evaluated <= 15625 && r.evaluated > 5000);
    assert_true(r.scores[0] == best.scores[0]);
    maple_search_free(&best);
    maple_search_free(&r);
    fixture_free(&f);
}

static void fronts_are_what_nothing_dominates(void **state) {
    (void)state;
    fixture f;
    maple_search_result r;
    fixture_make(&f, "nas-bench-201", 4);
    f.request.front = true;
    OK(maple_search(&f.request, &r, &why));
    assert_true(r.n > 5);
    size_t dominating = 0;
    for (size_t i = 0; i < 15625; i++) {
        maple_arch arch = maple_space_nth(f.space, i);
        float ms = (float)true_ms(f.space, &arch);
        double score = score_of(f.space, &arch);
        for (size_t k = 0; k < r.n; k++)
            dominating += ms < (float)r.latency[k].latency_ms && score > r.scores[k] + 1e-9;
    }
    assert_int_equal(dominating, 0);
    for (size_t i = 1; i < r.n; i++)
        assert_true(r.latency[i].latency_ms > r.latency[i - 1].latency_ms && r.scores[i] > r.scores[i - 1]);
    maple_search_free(&r);
    f.request.algorithm = MAPLE_SEARCH_NSGA2;
    f.request.evaluations = 3000;
    OK(maple_search(&f.request, &r, &why));
    for (size_t i = 1; i < r.n; i++)
        assert_true(r.latency[i].latency_ms > r.latency[i - 1].latency_ms && r.scores[i] > r.scores[i - 1]);
    assert_true(r.n > 5);
    maple_search_free(&r);
    fixture_free(&f);
}

/* A list of scores is looked at as a whole, also where it is longer than `evaluations`: what evolution would
 * draw from 9^22 is not on it. */
static void lists_are_enumerated(void **state) {
    (void)state;
    enum { LISTED = 300, BEST = 123 };
    fixture f;
    maple_search_result r;
    maple_text text = {0};
    maple_rng rng = maple_rng_seed(3);
    maple_arch archs[LISTED];
    fixture_make(&f, "fbnet", INFINITY);
    OK(maple_space_sample(f.space, MAPLE_GRAPH_AS_WRITTEN, &rng, LISTED, archs, &why));
    maple_text_add(&text, "arch,score\n");
    for (int i = 0; i < LISTED; i++) {
        char arch[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(f.space, &archs[i], arch);
        maple_text_addf(&text, "%s,%d\n", arch, i == BEST ? 1000 : i);
    }
    OK(maple_write_file(in_scratch("list.csv"), text.data, text.length, &why));
    maple_text_free(&text);
    maple_judge_free(f.judge);
    OK(maple_judge_from_csv(f.space, NULL, in_scratch("list.csv"), NULL, &f.judge, &why));
    f.request.judge = f.judge;
    f.request.evaluations = 100;
    for (int front = 0; front < 2; front++) {
        f.request.front = front;
        OK(maple_search(&f.request, &r, &why));
        assert_int_equal(r.algorithm, MAPLE_SEARCH_ENUMERATE);
        assert_int_equal(r.evaluated, LISTED);
        assert_int_equal(r.scored, LISTED);
        size_t best = front ? r.n - 1 : 0;
        assert_true(r.scores[best] == 1000 && maple_arch_equal(&r.archs[best], &archs[BEST]));
        maple_search_free(&r);
    }
    f.request.front = false;
    f.request.algorithm = MAPLE_SEARCH_EVOLUTION; /* who asks for it gets it */
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_INPUT, "none of them has a score");
    fixture_free(&f);
}

/* Each of them is another architecture (maple_front, which compares fronts, keeps the first). */
static void equal_points_are_all_on_the_front(void **state) {
    (void)state;
    fixture f;
    maple_search_result r;
    maple_arch archs[3];
    double ms[] = {2, 2, 3};
    char text[3][MAPLE_MAX_ARCH_TEXT], csv[1024];
    fixture_make(&f, "nas-bench-201", INFINITY);
    for (size_t i = 0; i < 3; i++) {
        archs[i] = maple_space_nth(f.space, i * 100);
        maple_space_format(f.space, &archs[i], text[i]);
    }
    snprintf(csv, sizeof csv, "arch,score\n%s,5\n%s,5\n%s,5\n", text[0], text[1], text[2]);
    OK(maple_write_file(in_scratch("equal.csv"), csv, strlen(csv), &why));
    maple_judge_free(f.judge);
    OK(maple_judge_from_csv(f.space, NULL, in_scratch("equal.csv"), NULL, &f.judge, &why));
    maple_dataset_platform measured = {.latency_ms = ms};
    maple_dataset dataset = {.space = f.space, .n_archs = 3, .archs = archs};
    f.platform.dataset = &dataset;
    f.platform.measured = &measured;
    f.request.judge = f.judge;
    f.request.front = true;
    OK(maple_search(&f.request, &r, &why));
    assert_int_equal(r.n, 2);
    assert_true(maple_arch_equal(&r.archs[0], &archs[0]) && maple_arch_equal(&r.archs[1], &archs[1]));
    maple_search_free(&r);
    fixture_free(&f);
}

/* --- Confidence --- */

static void quantiles_are_the_tables(void **state) {
    (void)state;
    assert_true(fabs(maple_normal_quantile(0.5)) < 1e-12);
    assert_true(fabs(maple_normal_quantile(0.95) - 1.6448536269514722) < 1e-12);
    assert_true(fabs(maple_normal_quantile(0.975) - 1.959963984540054) < 1e-12);
    assert_true(fabs(maple_normal_quantile(0.01) + 2.3263478740408408) < 1e-12);
    assert_true(fabs(maple_confidence_spread(0.5)) < 1e-12 && maple_confidence_spread(0.95) == 1);
    assert_true(fabs(maple_confidence_spread(0.8) - 0.8416212335729143 / 1.6448536269514722) < 1e-12);
}

/* Exactly those whose quantile meets the limit are kept; a measurement of one violates with 1 - c at most,
 * and of those whose quantile is close to the limit with about that. */
static void confidence_holds(void **state) {
    (void)state;
    static const double LEVELS[] = {0.5, 0.8, 0.95, 0.99},
                        Z[] = {0, 0.8416212335729143, 1.6448536269514722, 2.3263478740408408};
    for (size_t level = 0; level < 4; level++) {
        fixture f;
        maple_search_result r;
        maple_rng rng = maple_rng_seed(9);
        double limit = 4, close = 0, violating = 0, all = 0, close_violating = 0, expected = 0;
        fixture_make(&f, "nas-bench-201", limit);
        f.request.confidence = LEVELS[level];
        f.request.n = 15625;
        OK(maple_search(&f.request, &r, &why));
        for (size_t i = 0; i < 15625; i++) {
            maple_arch arch = maple_space_nth(f.space, i);
            double ms = true_ms(f.space, &arch);
            expected += ms + Z[level] * width_of(ms) <= limit;
        }
        assert_int_equal(r.n, expected);
        for (size_t i = 0; i < r.n; i++) {
            double ms = r.latency[i].latency_ms, bound = r.latency[i].bound_ms;
            assert_true(fabs(bound - (ms + Z[level] * width_of(ms))) < 1e-9 && bound <= limit);
            for (int repeat = 0; repeat < 10; repeat++) {
                bool violates = ms + width_of(ms) * maple_rng_normal(&rng) > limit;
                all++;
                violating += violates;
                close += bound > 0.99 * limit;
                close_violating += bound > 0.99 * limit && violates;
            }
        }
        double share = 1 - LEVELS[level], close_share = close_violating / close;
        assert_true(close > 500 && violating / all <= share);
        /* Nearly at the limit the probability is up to 1 % of it / 5 % of width lower. */
        assert_true(close_share <= share + 4 * sqrt(share / close) && close_share > 0.4 * share);
        maple_search_free(&r);
        fixture_free(&f);
    }
}

static void labels_need_no_interval(void **state) {
    (void)state;
    fixture f;
    maple_search_result r;
    fixture_make(&f, "nas-bench-201", 4);
    maple_arch archs[3];
    double ms[] = {3.99, 4.01, NAN};
    for (size_t i = 0; i < 3; i++)
        archs[i] = maple_space_nth(f.space, i * 100);
    maple_dataset_platform measured = {.latency_ms = ms};
    maple_dataset dataset = {.space = f.space, .n_archs = 3, .archs = archs};
    f.platform.dataset = &dataset;
    f.platform.measured = &measured;
    f.platform.predictor = NULL;
    f.request.confidence = 0.99;
    OK(maple_search(&f.request, &r, &why));
    assert_int_equal(r.n, 1); /* all others have no latency, or take too long */
    assert_true(maple_arch_equal(&r.archs[0], &archs[0]));
    assert_true(r.latency[0].measured && r.latency[0].bound_ms == 3.99 && isnan(r.latency[0].upper_ms));
    maple_search_free(&r);
    /* Several platforms: all have to be met. */
    maple_search_platform two[] = {f.platform, f.platform};
    two[1].measured = NULL;
    two[1].predictor = &f.predictor;
    two[1].max_latency_ms = INFINITY;
    f.request.platforms = two;
    f.request.n_platforms = 2;
    OK(maple_search(&f.request, &r, &why));
    assert_int_equal(r.n, 1);
    assert_true(r.latency[0].measured && !r.latency[1].measured && r.latency[1].upper_ms > 0);
    maple_search_free(&r);
    two[1].max_latency_ms = 0.01;
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_INPUT, "meets the constraints together");
    fixture_free(&f);
}

/* --- What is refused --- */

static void bad_requests_are_refused(void **state) {
    (void)state;
    fixture f;
    maple_search_result r;
    maple_search_algorithm algorithm;
    fixture_make(&f, "nas-bench-201", 0.5);
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_INPUT,
          "none of 15625 architectures of nas-bench-201 meets the constraint (board: the fastest takes ");
    f.platform.max_latency_ms = 4;
    f.request.confidence = 1;
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_ARGUMENT, "--confidence 1");
    f.request.confidence = 0.95;
    f.predictor.vtable = &UNSURE;
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_ARGUMENT, "predictor unsure has no intervals");
    f.request.confidence = 0;
    OK(maple_search(&f.request, &r, &why)); /* without a confidence it does not need them */
    assert_true(isnan(r.latency[0].upper_ms));
    maple_search_free(&r);
    f.platform.max_latency_ms = 0;
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_ARGUMENT, "above 0");
    f.request.n_platforms = 0;
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_ARGUMENT, "0 platforms");
    FAILS(maple_search_algorithm_parse("random", &algorithm, &why), MAPLE_BAD_ARGUMENT, "nsga2");
    fixture_free(&f);
    fixture_make(&f, "fbnet", 9);
    f.request.algorithm = MAPLE_SEARCH_ENUMERATE;
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_ARGUMENT, "too many to enumerate");
    f.predictor.context.space = space_or_fail("nas-bench-201");
    f.request.algorithm = MAPLE_SEARCH_AUTO;
    FAILS(maple_search(&f.request, &r, &why), MAPLE_BAD_ARGUMENT, "the predictor is for nas-bench-201");
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enumeration_finds_the_best),
        cmocka_unit_test(evolution_comes_close_and_repeats),
        cmocka_unit_test(evolution_reaches_what_random_ones_do_not),
        cmocka_unit_test(evolution_ends_where_nothing_is_left),
        cmocka_unit_test(fronts_are_what_nothing_dominates),
        cmocka_unit_test(lists_are_enumerated),
        cmocka_unit_test(equal_points_are_all_on_the_front),
        cmocka_unit_test(quantiles_are_the_tables),
        cmocka_unit_test(confidence_holds),
        cmocka_unit_test(labels_need_no_interval),
        cmocka_unit_test(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
