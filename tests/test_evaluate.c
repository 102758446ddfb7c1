/* SPDX-License-Identifier: Apache-2.0 */
/* maple_evaluate on synthetic platforms: its rows and their order, that threads do not show, what is heard.
 */
#include "evaluate_fixture.h"
#include "scratch.h"

static const maple_contender NEAREST[] = {{.name = "nearest"}, {.name = "flops"}};

/* --- Order and numbers of rows --- */

static void rows_come_in_order(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, N_ARCHS);
    leave_one_out(&f);
    OK(evaluate(&f));
    assert_int_equal(f.n, 2 * 2 * (N_PLATFORMS + 1));
    static const struct {
        int samples;
        const char *predictor;
    } BLOCKS[] = {{3, "lut-fit"}, {3, "flops"}, {10, "lut-fit"}, {10, "flops"}};
    for (size_t i = 0; i < f.n; i++) {
        const maple_evaluation_row *row = &f.rows[i];
        size_t block = i / (N_PLATFORMS + 1), place = i % (N_PLATFORMS + 1);
        assert_string_equal(row->task, "leave-one-out");
        assert_string_equal(row->predictor, BLOCKS[block].predictor);
        assert_int_equal(row->samples, BLOCKS[block].samples);
        assert_string_equal(row->target,
                            place < N_PLATFORMS ? f.pool.dataset.platforms[place].platform.name : "");
        assert_string_equal(row->reason, "");
        assert_int_equal(row->trials, 3);
        assert_int_equal(row->references, 0);
        assert_true(fabs(row->measured - row->samples) <= 1e-12);
        assert_true(fabs(row->fit_ms) <= 0); /* neither is pre-trained */
        assert_true(row->adapt_ms > 0 && row->predict_ms > 0);
        static const size_t SCORED[] = {N_ARCHS, 0, 0, 128, 800};
        for (int s = 0; s < MAPLE_SCORINGS; s++) {
            assert_true(row->scores[s].valid);
            if (SCORED[s] > 0)
                assert_int_equal(row->scores[s].mean.n, SCORED[s]);
        }
        assert_int_equal(row->scores[MAPLE_SCORE_UNMEASURED].mean.n, N_ARCHS - (size_t)row->samples);
        assert_true(row->scores[0].mean.spearman > 0.5 && row->scores[0].sd.spearman >= 0);
    }
    release(&f);
}

/* Mean over targets of each trial, then over trials: with the same number of trials everywhere that is the
 * mean of the rows; the deviation is that of the trials' means. */
static void mean_rows(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 300);
    leave_one_out(&f);
    OK(evaluate(&f));
    for (size_t block = 0; block < 4; block++) {
        const maple_evaluation_row *rows = &f.rows[block * (N_PLATFORMS + 1)], *mean = &rows[N_PLATFORMS];
        double acc10 = 0, kendall = 0, largest = 0;
        for (size_t i = 0; i < N_PLATFORMS; i++) {
            acc10 += rows[i].scores[0].mean.acc10 / N_PLATFORMS;
            kendall += rows[i].scores[0].mean.kendall / N_PLATFORMS;
            largest = fmax(largest, rows[i].scores[0].sd.acc10);
        }
        assert_true(fabs(mean->scores[0].mean.acc10 - acc10) <= 1e-12);
        assert_true(fabs(mean->scores[0].mean.kendall - kendall) <= 1e-12);
        /* Means over targets spread less than the target that spreads most. */
        assert_true(mean->scores[0].sd.acc10 > 0 && mean->scores[0].sd.acc10 <= largest);
        assert_false(mean->scores[MAPLE_SCORE_FIRST128].mean.n != 128);
        assert_false(mean->scores[MAPLE_SCORE_TRIMMED800].valid); /* 300 indices */
    }
    f.evaluation.trials = 1;
    OK(evaluate(&f));
    assert_true(isnan(f.rows[0].scores[0].sd.acc10)); /* one trial has no deviation */
    assert_true(isnan(f.rows[N_PLATFORMS].scores[0].sd.acc10));
    release(&f);
}

/* The row is what fitting by hand on the same samples gives. */
static void a_run_by_hand(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 300);
    const maple_dataset *d = &f.pool.dataset;
    leave_one_out(&f);
    f.evaluation.trials = 1;
    OK(evaluate(&f));
    static const char SEED[] = "1|samples|leave-one-out|synthetic-2|0";
    size_t rows[10];
    OK(maple_sampler_draw(d, 2, "random", 10, maple_hash(SEED, sizeof SEED - 1), rows, &why));
    maple_arch archs[10];
    double ms[10], predicted[300];
    for (size_t i = 0; i < 10; i++) {
        archs[i] = d->archs[rows[i]];
        ms[i] = d->platforms[2].latency_ms[rows[i]];
    }
    maple_fit_request request = {.space = d->space,
                                 .target = {.graph = MAPLE_GRAPH_AS_WRITTEN,
                                            .operator_ms = d->platforms[2].operator_ms,
                                            .n_samples = 10,
                                            .archs = archs,
                                            .latency_ms = ms}};
    maple_predictor *predictor;
    maple_metrics metrics;
    OK(maple_predictor_fit("lut-fit", &request, &predictor, &why));
    OK(maple_predictor_predict(predictor, d->archs, 300, predicted, &why));
    OK(maple_metrics_compute(d->platforms[2].latency_ms, &POINTS(predicted), 300, &metrics, &why));
    const maple_score *score = &find_row(&f, "lut-fit", "synthetic-2", 10)->scores[MAPLE_SCORE_ALL];
    assert_memory_equal(&metrics, &score->mean, sizeof metrics);
    maple_predictor_free(predictor);
    release(&f);
}

static void count_warnings(void *user, maple_log_level level, const char *message) {
    (void)message;
    *(int *)user += level == MAPLE_LOG_WARNING;
}

/* Targets of which one network in `every` has ten times its latency (0: none): samples that gp leaves out, by
 * target and in the mean; mean over trials. */
static void leave_out(size_t every, double out[3]) {
    static const maple_contender BOTH[] = {{.name = "gp"}, {.name = "flops"}};
    static const char *const SOURCES[] = {"synthetic-0", "synthetic-1"};
    static const char *const TARGETS[] = {"synthetic-2", "synthetic-3"};
    static const int TEN[] = {10};
    int warnings = 0;
    maple_hooks hooks = {.log = count_warnings, .user = &warnings};
    fixture f = make(MAPLE_GRAPH_PRUNED, 300);
    OK(maple_splits_named(&f.pool.dataset, SOURCES, 2, TARGETS, 2, &f.splits, &why));
    for (size_t p = 2; p < 4; p++)
        for (size_t i = p; every > 0 && i < 300; i += every)
            f.pool.dataset.platforms[p].latency_ms[i] *= 10;
    contend(&f, BOTH, 2);
    f.evaluation.samples = TEN;
    f.evaluation.n_samples = 1;
    f.evaluation.trials = 6;
    f.evaluation.hooks = &hooks;
    f.evaluation.cache = in_scratch(every > 0 ? "errors" : "none");
    for (int again = 0; again < 2; again++) { /* what comes from the cache says it, too */
        double earlier[3];
        memcpy(earlier, out, sizeof earlier);
        OK(evaluate(&f));
        for (size_t t = 0; t < 3; t++) {
            const char *target = t < 2 ? TARGETS[t] : "";
            out[t] = find_row(&f, "gp", target, 10)->left_out;
            assert_true(fabs(find_row(&f, "flops", target, 10)->left_out) <= 0);
            assert_true(again == 0 || fabs(out[t] - earlier[t]) <= 0);
        }
    }
    assert_int_equal(warnings, 0);
    release(&f);
}

static void samples_that_are_left_out(void **state) {
    (void)state;
    double clean[3], errors[3];
    leave_out(0, clean);
    leave_out(10, errors);
    for (size_t t = 0; t < 2; t++) {
        assert_true(clean[t] < 0.2);
        assert_true(errors[t] >= 0.3 && errors[t] <= 3); /* one in ten of ten */
    }
    assert_true(fabs(errors[2] - (errors[0] + errors[1]) / 2) < 1e-12);
}

/* Predictors with intervals have coverage and width in every score, others in none; and so from a cache. */
static void intervals_of_every_predictor_that_has_them(void **state) {
    (void)state;
    enum { MOST = 32 };
    maple_contender contenders[MOST];
    size_t n = 0;
    fixture f = make(MAPLE_GRAPH_PRUNED, 300);
    leave_one_out(&f);
    for (size_t i = 0; i < maple_predictor_count(); i++) {
        const maple_predictor_info *info = maple_predictor_at(i);
        if (info->intervals || strcmp(info->name, "flops") == 0 || strcmp(info->name, "nearest") == 0)
            contenders[n++] = (maple_contender){.name = info->name};
        assert_true(n < MOST);
    }
    contend(&f, contenders, n);
    f.evaluation.cache = in_scratch("intervals");
    OK(evaluate(&f));
    for (size_t i = 0; i < f.n; i++) {
        const maple_predictor_info *info;
        OK(maple_predictor_find(f.rows[i].predictor, &info, &why));
        assert_string_equal(f.rows[i].reason, "");
        for (int s = 0; s < MAPLE_SCORINGS; s++) {
            const maple_score *score = &f.rows[i].scores[s];
            if (!score->valid)
                continue;
            assert_int_equal(isfinite(score->mean.coverage90), info->intervals);
            assert_int_equal(isfinite(score->mean.interval_width), info->intervals);
            assert_int_equal(isfinite(score->sd.interval_width), info->intervals);
            if (info->intervals)
                assert_true(score->mean.coverage90 >= 0 && score->mean.coverage90 <= 1 &&
                            score->mean.interval_width > 0);
        }
    }
    maple_evaluation_row *computed = f.rows;
    size_t n_rows = f.n;
    f.rows = NULL;
    OK(evaluate(&f));
    assert_int_equal(f.n, n_rows);
    assert_memory_equal(f.rows, computed, n_rows * sizeof *computed); /* with the times: all is recalled */
    maple_free(computed);
    release(&f);
}

/* --- Threads --- */

static void threads_do_not_show(void **state) {
    (void)state;
    static const maple_contender CONTENDERS[] = {{.name = "lut-fit"},
                                                 {.name = "flops"},
                                                 {.name = "nearest"},
                                                 {.name = "maple", .options = "epochs=2"}};
    fixture f = make(MAPLE_GRAPH_PRUNED, 400);
    leave_one_out(&f);
    contend(&f, CONTENDERS, 4);
    f.evaluation.train_archs = 100;
    OK(evaluate(&f));
    maple_evaluation_row *alone = f.rows;
    size_t n = f.n;
    for (size_t i = 0; i < n; i++)
        assert_string_equal(alone[i].reason, "");
    f.rows = NULL;
    f.evaluation.threads = 4;
    OK(evaluate(&f));
    assert_same_rows(&f, alone, n);
    f.evaluation.seed = 2;
    OK(evaluate(&f));
    assert_true(memcmp(&f.rows[0].scores, &alone[0].scores, sizeof alone[0].scores) != 0);
    maple_free(alone);
    release(&f);
}

/* --- Rows with a reason --- */

static void a_target_that_cannot_be_served(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 300);
    maple_dataset *d = &f.pool.dataset;
    for (size_t i = 0; i < maple_space_operators(d->space); i++)
        d->platforms[1].operator_ms[i] = NAN;
    leave_one_out(&f);
    OK(evaluate(&f));
    const maple_evaluation_row *row = find_row(&f, "lut-fit", "synthetic-1", 3);
    assert_non_null(strstr(row->reason, "needs the operator latencies of the target"));
    assert_true(isnan(row->measured) && isnan(row->adapt_ms));
    for (int s = 0; s < MAPLE_SCORINGS; s++)
        assert_false(row->scores[s].valid);
    row = find_row(&f, "lut-fit", "", 3);
    assert_non_null(
        strstr(row->reason, "1 of 4 targets have no scores; synthetic-1: predictor lut-fit needs"));
    assert_false(row->scores[MAPLE_SCORE_ALL].valid);
    assert_string_equal(find_row(&f, "lut-fit", "synthetic-2", 3)->reason, "");
    assert_string_equal(find_row(&f, "flops", "", 3)->reason, "");
    release(&f);
}

static void too_few_training_architectures(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 300);
    for (size_t i = 0; i < 300; i++)
        if (i % 3 > 0)
            f.pool.dataset.platforms[i % 3].latency_ms[i] = NAN;
    leave_one_out(&f);
    contend(&f, NEAREST, 2);
    f.evaluation.train_archs = 150; /* sources 1 and 2 have 100 in common, 0 and 1 (and 3) 200 */
    OK(evaluate(&f));
    assert_non_null(
        strstr(find_row(&f, "nearest", "synthetic-0", 3)->reason,
               "150 training architectures asked for, but the 3 sources have only 100 in common"));
    assert_string_equal(find_row(&f, "nearest", "synthetic-2", 3)->reason, "");
    assert_string_equal(find_row(&f, "flops", "synthetic-0", 3)->reason, "");
    release(&f);
}

/* No source is left: what learns from others says so, what does not goes on. */
static void a_split_without_sources(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 300);
    static const char *const FAMILY[] = {"synthetic-0", "synthetic-1"};
    OK(maple_splits_leave_one_out(&f.pool.dataset, FAMILY, 2, MAPLE_LEAVE_OUT_FAMILY, &f.splits, &why));
    contend(&f, NEAREST, 2);
    f.evaluation.train_archs = 10;
    OK(evaluate(&f));
    assert_non_null(strstr(find_row(&f, "nearest", "synthetic-0", 3)->reason, "other platforms"));
    assert_string_equal(find_row(&f, "flops", "", 10)->reason, "");
    release(&f);
}

/* --- Tasks that follow each other --- */

static void several_tasks(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 300);
    static const char *const SOURCES[] = {"synthetic-0", "synthetic-1"}, *const TARGETS[] = {"synthetic-3"};
    OK(maple_splits_named(&f.pool.dataset, SOURCES, 2, TARGETS, 1, &f.splits, &why));
    leave_one_out(&f);
    OK(evaluate(&f));
    assert_int_equal(f.n, 4 * 2 + 4 * (N_PLATFORMS + 1));
    for (size_t i = 0; i < f.n; i++)
        assert_string_equal(f.rows[i].task, i < 8 ? "split" : "leave-one-out");
    /* One target: the mean is its row. */
    assert_memory_equal(f.rows[0].scores, f.rows[1].scores, sizeof f.rows[0].scores);
    release(&f);
}

/* --- Hooks --- */

typedef struct listener {
    int calls, stop_after;
    double last, total;
    bool ordered;
} listener;

static void listen(void *user, const maple_progress *progress) {
    listener *l = user;
    l->ordered = l->ordered && progress->done >= l->last && strcmp(progress->task, "evaluating") == 0;
    l->last = progress->done;
    l->total = progress->total;
    l->calls++;
}

static bool stop(void *user) {
    listener *l = user;
    return l->stop_after >= 0 && l->last >= l->stop_after;
}

static void progress_and_cancellation(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 300);
    listener l = {.stop_after = -1, .ordered = true};
    maple_hooks hooks = {.progress = listen, .cancelled = stop, .user = &l};
    leave_one_out(&f);
    f.evaluation.hooks = &hooks;
    f.evaluation.threads = 3;
    OK(evaluate(&f));
    assert_true(l.ordered);
    assert_true(fabs(l.last - 2 * 2 * N_PLATFORMS * 3) <= 0 && fabs(l.total - l.last) <= 0);
    l = (listener){.stop_after = 5, .ordered = true};
    FAILS(evaluate(&f), MAPLE_INTERRUPTED, "interrupted");
    assert_true(l.last >= 5 && l.last < l.total);
    l = (listener){.stop_after = 0};
    FAILS(evaluate(&f), MAPLE_INTERRUPTED, "interrupted; without a cache nothing of it was kept");
    release(&f);
}

/* --- Wrong requests --- */

static void wrong_requests(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 50);
    static const maple_contender UNKNOWN[] = {{.name = "oracle9"}},
                                 BAD[] = {{.name = "maple", .options = "x=1"}};
    static const int NEGATIVE[] = {-1}, TWICE[] = {3, 3};
    FAILS(evaluate(&f), MAPLE_BAD_ARGUMENT, "nothing to evaluate: 0 splits");
    leave_one_out(&f);
    f.evaluation.contenders = UNKNOWN;
    FAILS(evaluate(&f), MAPLE_NOT_FOUND, "there are: ");
    f.evaluation.n_contenders = 1;
    f.evaluation.contenders = BAD;
    FAILS(evaluate(&f), MAPLE_BAD_ARGUMENT, "no option 'x'");
    f.evaluation.contenders = LINES;
    f.evaluation.sampler = "best";
    FAILS(evaluate(&f), MAPLE_NOT_FOUND, "no sampler is called 'best'");
    f.evaluation.sampler = "random";
    f.evaluation.n_samples = 1;
    f.evaluation.samples = NEGATIVE;
    FAILS(evaluate(&f), MAPLE_BAD_ARGUMENT, "-1 samples");
    f.evaluation.n_samples = 2;
    f.evaluation.samples = TWICE;
    FAILS(evaluate(&f), MAPLE_BAD_ARGUMENT, "twice");
    f.evaluation.samples = TWO_COUNTS;
    f.evaluation.trials = 0;
    FAILS(evaluate(&f), MAPLE_BAD_ARGUMENT, "0 trials");
    f.evaluation.trials = 1;
    f.splits.items[0].sources[0] = f.splits.items[0].target;
    FAILS(evaluate(&f), MAPLE_BAD_ARGUMENT, "its target is among its sources");
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_in_order),
        cmocka_unit_test(mean_rows),
        cmocka_unit_test(a_run_by_hand),
        cmocka_unit_test(intervals_of_every_predictor_that_has_them),
        cmocka_unit_test(samples_that_are_left_out),
        cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(a_target_that_cannot_be_served),
        cmocka_unit_test(too_few_training_architectures),
        cmocka_unit_test(a_split_without_sources),
        cmocka_unit_test(several_tasks),
        cmocka_unit_test(progress_and_cancellation),
        cmocka_unit_test(wrong_requests),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
