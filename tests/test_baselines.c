/* SPDX-License-Identifier: Apache-2.0 */
/* What each baseline computes, against values known beforehand. */
#include "fitting.h"
#include "maple/evaluate.h"
#include "space/arch_index.h"
#include "predictor/mlp.h"
#include "predictor/source_table.h"
#include "synthetic.h"
#include "spaces.h"

#include <math.h>
#include <unistd.h>

enum { ARCHS = 240, SOURCES = 3 };

/* Three sources whose latencies are known functions, and a target beside them. */
typedef struct fixture {
    const maple_space *space;
    maple_dataset dataset;
    maple_dataset_platform platforms[SOURCES];
    maple_arch archs[ARCHS];
    double latency_ms[SOURCES][ARCHS], target_ms[ARCHS];
    size_t sources[SOURCES];
    maple_fit_request request;
} fixture;

/* Linear in operator counts, with a mixed order of what is expensive. */
static double counted_ms(const maple_arch *arch, double skip, double conv1, double conv3, double pool) {
    const double cost[5] = {0, skip, conv1, conv3, pool};
    double sum = 2;
    for (int e = 0; e < 6; e++)
        sum += cost[arch->op[e]];
    return sum;
}

static void fixture_make(fixture *f) {
    maple_error error = {.message = ""};
    maple_rng rng = maple_rng_seed(5);
    *f = (fixture){.sources = {0, 1, 2}};
    assert_int_equal(maple_space_find("nas-bench-201", &f->space, &error), MAPLE_OK);
    assert_int_equal(maple_space_sample(f->space, MAPLE_GRAPH_PRUNED, &rng, ARCHS, f->archs, &error),
                     MAPLE_OK);
    for (size_t i = 0; i < ARCHS; i++) {
        f->latency_ms[0][i] = counted_ms(&f->archs[i], 0.1, 0.5, 3, 0.4);
        f->latency_ms[1][i] = 10 * counted_ms(&f->archs[i], 0.2, 0.9, 1, 2);
        f->latency_ms[2][i] = counted_ms(&f->archs[i], 3, 0.5, 0.1, 0.2);
        f->target_ms[i] = 2 * f->latency_ms[1][i] + 3;
    }
    f->dataset = (maple_dataset){.space = f->space,
                                 .n_archs = ARCHS,
                                 .archs = f->archs,
                                 .n_platforms = SOURCES,
                                 .platforms = f->platforms};
    for (size_t s = 0; s < SOURCES; s++) {
        snprintf(f->platforms[s].platform.name, sizeof f->platforms[s].platform.name, "source-%zu", s);
        f->platforms[s].platform.graph = MAPLE_GRAPH_AS_WRITTEN;
        f->platforms[s].latency_ms = f->latency_ms[s];
    }
    f->request = (maple_fit_request){.space = f->space,
                                     .pool = &f->dataset,
                                     .sources = f->sources,
                                     .n_sources = SOURCES,
                                     .target = {.graph = MAPLE_GRAPH_AS_WRITTEN,
                                                .n_samples = 8,
                                                .archs = f->archs,
                                                .latency_ms = f->target_ms,
                                                .oracle_ms = f->target_ms}};
}

static double worst(const double *predicted, const double *truth, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(predicted[i] / truth[i] - 1));
    return largest;
}

/* --- params --- */

static void params_is_a_line_in_the_parameters(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    double latency_ms[ARCHS], predicted[ARCHS];
    for (size_t i = 0; i < ARCHS;
         i++) { /* 73,306 + 28,000 n1x1 + 243,040 n3x3 (CIFAR-10's published table) */
        double params = 73306;
        for (int e = 0; e < 6; e++)
            params += f.archs[i].op[e] == 2 ? 28000 : f.archs[i].op[e] == 3 ? 243040 : 0;
        latency_ms[i] = 1e-5 * params + 0.5;
    }
    f.request.target.latency_ms = latency_ms;
    fit_and_predict("params", &f.request, f.archs, ARCHS, predicted);
    assert_true(worst(predicted, latency_ms, ARCHS) < 1e-9);
}

/* --- nearest, nearest-oracle, mean-pool --- */

static void nearest_copies_the_source_that_ranks_best(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    double predicted[ARCHS];
    fit_and_predict("nearest", &f.request, f.archs, ARCHS, predicted);
    assert_true(worst(predicted, f.target_ms, ARCHS) < 1e-9);
}

/* Two sources rank alike; the line tells them apart, whichever comes first. */
static void nearest_breaks_ties_by_the_line(void **state) {
    (void)state;
    for (size_t bent = 0; bent < 2; bent++) {
        fixture f;
        fixture_make(&f);
        for (size_t i = 0; i < ARCHS; i++) {
            f.latency_ms[bent][i] = exp(0.1 * f.target_ms[i]);
            f.latency_ms[1 - bent][i] = 0.5 * f.target_ms[i];
        }
        double predicted[ARCHS];
        fit_and_predict("nearest", &f.request, f.archs, ARCHS, predicted);
        assert_true(worst(predicted, f.target_ms, ARCHS) < 1e-9);
    }
}

/* The samples speak for a source that is wrong elsewhere. */
static void only_the_oracle_sees_what_is_not_sampled(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    for (size_t i = 0; i < 8; i++)
        f.latency_ms[2][i] = f.target_ms[i];
    double nearest[ARCHS], oracle[ARCHS];
    f.latency_ms[1][0] *= 1.9; /* so that source 1 misranks a sample */
    fit_and_predict("nearest", &f.request, f.archs, ARCHS, nearest);
    fit_and_predict("nearest-oracle", &f.request, f.archs, ARCHS, oracle);
    double rank_nearest, rank_oracle;
    maple_spearman(nearest, f.target_ms, ARCHS, &rank_nearest, NULL);
    maple_spearman(oracle, f.target_ms, ARCHS, &rank_oracle, NULL);
    assert_true(rank_oracle > 0.99 && rank_nearest < 0.5);
}

static void mean_pool_is_the_mean_of_scaled_sources(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    double median[SOURCES], predicted[ARCHS];
    for (size_t s = 0; s < SOURCES; s++) {
        maple_summary summary;
        assert_int_equal(maple_summarise(f.latency_ms[s], ARCHS, &summary, NULL), MAPLE_OK);
        median[s] = summary.median;
    }
    for (size_t i = 0; i < ARCHS; i++) {
        double mean = 0;
        for (size_t s = 0; s < SOURCES; s++)
            mean += f.latency_ms[s][i] / median[s] / SOURCES;
        f.target_ms[i] = 5 * mean + 1;
    }
    fit_and_predict("mean-pool", &f.request, f.archs, ARCHS, predicted);
    assert_true(worst(predicted, f.target_ms, ARCHS) < 1e-9);
}

static char logged[256];
static void keep_log(void *user, maple_log_level level, const char *message) {
    (void)user;
    if (level != MAPLE_LOG_DEBUG)
        snprintf(logged, sizeof logged, "%s", message);
}

/* A source that lacks most architectures is filled in from the rest (here linear in what the model counts),
 * and says how many. Architectures outside of the training rows are not looked at. */
static void missing_latencies_are_filled_in(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    maple_hooks hooks = {.log = keep_log};
    size_t train[160];
    for (size_t i = 0; i < 160; i++)
        train[i] = i;
    for (size_t i = 100; i < ARCHS; i++)
        f.latency_ms[1][i] = i < 160 ? NAN : 1e6;
    f.request.train = train;
    f.request.n_train = 160;
    f.request.hooks = &hooks;
    double predicted[ARCHS];
    fit_and_predict("nearest", &f.request, f.archs, ARCHS, predicted);
    assert_true(worst(predicted, f.target_ms, 100) < 1e-9); /* as measured */
    assert_true(worst(predicted, f.target_ms, ARCHS) < 0.03);
    assert_non_null(strstr(logged, "3 sources: 60 latencies of the training architectures are missing"));
    for (size_t i = 0; i < ARCHS; i++)
        f.latency_ms[1][i] = NAN;
    fit_and_predict("nearest", &f.request, f.archs, 1, predicted);
    assert_non_null(
        strstr(logged, "source source-1 has no latencies of the training architectures: left out"));
}

/* --- Source tables --- */

/* A pruned source has one latency for a graph however it is written, an as-written one for each string. */
static void tables_respect_graph_forms(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    maple_arch written, other, dead;
    /* Nothing but edge 3 reaches the output; 0 to 2 are dead, edges 4 and 5 are none. */
    assert_int_equal(maple_space_parse(f.space,
                                       "|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
                                       &written, NULL),
                     MAPLE_OK);
    assert_int_equal(maple_space_parse(f.space,
                                       "|none~0|+|avg_pool_3x3~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
                                       &other, NULL),
                     MAPLE_OK);
    assert_int_equal(
        maple_space_parse(f.space, "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", &dead, NULL), MAPLE_OK);
    maple_arch pruned = maple_space_canonical(f.space, MAPLE_GRAPH_PRUNED, &written);
    for (size_t i = 0; i < ARCHS; i++) { /* no third one */
        maple_arch canonical = maple_space_canonical(f.space, MAPLE_GRAPH_PRUNED, &f.archs[i]);
        if (maple_arch_equal(&canonical, &pruned))
            f.latency_ms[2][i] = NAN;
    }
    f.archs[0] = written;
    f.archs[1] = dead;
    f.platforms[2].platform.graph = MAPLE_GRAPH_PRUNED;
    f.latency_ms[0][0] = 11;
    f.latency_ms[2][0] = 7;
    f.latency_ms[2][1] = NAN;
    maple_source_table table, copy;
    assert_int_equal(maple_source_table_build(&f.request, &table, NULL), MAPLE_OK);
    double features[512], ms[SOURCES], one;
    maple_source_table_look_up(&table, &written, ms, features);
    assert_true(ms[0] == 11 && ms[2] == 7);
    maple_source_table_look_up(&table, &other, ms, features);
    assert_true(ms[0] != 11 && ms[2] == 7);
    maple_source_table_look_up(&table, &dead, ms, features);
    assert_true(ms[0] == f.latency_ms[0][1] && isfinite(ms[2]) && ms[2] > 0);
    assert_int_equal(maple_source_table_copy(&table, 2, 1, &copy, NULL), MAPLE_OK);
    maple_source_table_release(&table);
    maple_source_table_look_up(&copy, &other, &one, features);
    assert_true(one == 7);
    maple_source_table_release(&copy);
}

static void damaged_tables_are_refused(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    maple_source_table table, loaded;
    assert_int_equal(maple_source_table_build(&f.request, &table, NULL), MAPLE_OK);
    const char *const parts[] = {"an operator that the space has not", "an architecture for the second time",
                                 "not a latency", "not a graph form and a latency"};
    for (size_t i = 0; i < 4; i++) {
        maple_error error = {.message = ""};
        maple_tensors *tensors = maple_tensors_create();
        maple_arch before = table.index[MAPLE_GRAPH_AS_WRITTEN].archs[3];
        if (i == 0)
            table.index[MAPLE_GRAPH_AS_WRITTEN].archs[3].op[2] = 5;
        if (i == 1)
            table.index[MAPLE_GRAPH_AS_WRITTEN].archs[3] = table.index[MAPLE_GRAPH_AS_WRITTEN].archs[2];
        table.sources[1].known_ms[4] = i == 2 ? -1 : NAN;
        table.sources[0].median_ms = i == 3 ? 0 : 1;
        assert_int_equal(maple_source_table_save(&table, tensors, NULL), MAPLE_OK);
        assert_int_equal(maple_source_table_load(tensors, f.space, &loaded, &error), MAPLE_BAD_INPUT);
        if (!strstr(error.message, parts[i]))
            fail_msg("'%s' is not in '%s'", parts[i], error.message);
        maple_tensors_free(tensors);
        table.index[MAPLE_GRAPH_AS_WRITTEN].archs[3] = before;
    }
    maple_source_table_release(&table);
}

static void architectures_are_numbered_once(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_arch_index index = {0};
    maple_arch arch = maple_space_nth(space, 0);
    assert_true(maple_arch_index_find(&index, &arch) == SIZE_MAX);
    assert_int_equal(maple_arch_index_create(space, 5000, &index, NULL), MAPLE_OK);
    for (size_t again = 0; again < 2; again++)
        for (size_t i = 0; i < 5000; i++) {
            arch = maple_space_nth(space, i * 3);
            assert_int_equal(maple_arch_index_add(&index, &arch), i);
        }
    assert_int_equal(index.n, 5000);
    arch = maple_space_nth(space, 1);
    assert_true(maple_arch_index_find(&index, &arch) == SIZE_MAX);
    maple_arch_index_release(&index);
}

/* --- scratch --- */

/* Latencies that are linear in operator counts: ten samples tell nearly all, a hundred everything. */
static void scratch_learns_linear_latencies(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    const size_t samples[] = {1, 10, 20, 100};
    const double bound[] = {3, 0.25, 0.02, 0.01};
    for (int i = 0; i < 4; i++) {
        double predicted[ARCHS];
        f.request.target.n_samples = samples[i];
        f.request.target.latency_ms = f.latency_ms[0];
        fit_and_predict("scratch", &f.request, f.archs, ARCHS, predicted);
        double off = worst(predicted, f.latency_ms[0], ARCHS);
        if (!(off < bound[i]))
            fail_msg("%zu samples: off by up to %g", samples[i], off);
        if (samples[i] == 1) /* what is known is met, what costs more is predicted to take longer */
            assert_true(fabs(predicted[0] / f.latency_ms[0][0] - 1) < 1e-9);
    }
}

static void scratch_ranks_by_work_with_one_sample(void **state) {
    (void)state;
    for (size_t s = 0; s < maple_space_count(); s++) {
        const maple_space *space = maple_space_at(s);
        maple_arch light = maple_space_sentinel(space, 0), heavy = maple_space_sentinel(space, 2);
        double ms = 5, predicted[2];
        maple_fit_request request = {
            .space = space,
            .target = {.graph = MAPLE_GRAPH_PRUNED, .n_samples = 1, .archs = &light, .latency_ms = &ms}};
        maple_arch asked[2] = {light, heavy};
        fit_and_predict("scratch", &request, asked, 2, predicted);
        assert_true(fabs(predicted[0] - 5) < 1e-9 && predicted[1] > 5.5);
    }
}

/* The noise of whole milliseconds is known: it is not learned by heart. */
static void scratch_smooths_whole_milliseconds(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    double whole[ARCHS], predicted[ARCHS], smooth = 0, rounded = 0;
    for (size_t i = 0; i < ARCHS; i++)
        whole[i] = floor(f.latency_ms[0][i] + 0.5);
    f.request.target.n_samples = 60;
    f.request.target.latency_ms = whole;
    fit_and_predict("scratch", &f.request, f.archs, ARCHS, predicted);
    for (size_t i = 0; i < ARCHS; i++) {
        smooth += pow(predicted[i] - f.latency_ms[0][i], 2) / ARCHS;
        rounded += pow(whole[i] - f.latency_ms[0][i], 2) / ARCHS;
    }
    if (!(smooth < 0.5 * rounded)) /* closer to the truth than what was measured */
        fail_msg("mean square %g, of rounding %g", smooth, rounded);
}

/* --- mlp-scratch --- */

static void mlp_learns_from_many_samples(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        enum { N = 900, ASKED = 500 };
        static maple_arch archs[N + ASKED];
        static double latency_ms[N + ASKED], predicted[2][ASKED];
        const maple_space *space;
        maple_rng rng = maple_rng_seed(3);
        assert_int_equal(maple_space_find("nas-bench-201", &space, NULL), MAPLE_OK);
        synthetic_platform platform = synthetic_make(space, (maple_graph_form)form, 4);
        assert_int_equal(maple_space_sample(space, (maple_graph_form)form, &rng, N + ASKED, archs, NULL),
                         MAPLE_OK);
        for (size_t i = 0; i < N + ASKED; i++)
            latency_ms[i] = synthetic_latency(space, &platform, &archs[i], 4);
        for (int scale = 0; scale < 2; scale++) {
            maple_fit_request request = {.space = space,
                                         .seed = 2,
                                         .options = scale ? "scale=ms" : "scale=log",
                                         .target = {.graph = (maple_graph_form)form,
                                                    .n_samples = N,
                                                    .archs = archs,
                                                    .latency_ms = latency_ms}};
            maple_metrics metrics;
            fit_and_predict("mlp-scratch", &request, archs + N, ASKED, predicted[0]);
            maple_metrics_compute(latency_ms + N, &POINTS(predicted[0]), ASKED, &metrics, NULL);
            if (!(metrics.spearman > 0.98 && metrics.acc10 > 0.9))
                fail_msg("spearman %g, within 10 %% %g", metrics.spearman, metrics.acc10);
            request.seed = 3;
            fit_and_predict("mlp-scratch", &request, archs + N, ASKED, predicted[1]);
            assert_memory_not_equal(predicted[0], predicted[1], sizeof predicted[0]);
        }
    }
}

/* A network that learns by heart stops where what was held out gets worse. */
static void mlp_keeps_the_best_epoch(void **state) {
    (void)state;
    enum { N = 60, POSITIONS = 6, CHOICES = 5 };
    uint8_t codes[N * POSITIONS];
    float target[N], weight[N], out[N];
    maple_rng rng = maple_rng_seed(1);
    for (size_t i = 0; i < N * POSITIONS; i++)
        codes[i] = (uint8_t)maple_rng_below(&rng, CHOICES);
    for (size_t i = 0; i < N; i++) {
        target[i] = (float)maple_rng_normal(&rng); /* nothing to learn but noise */
        weight[i] = 1;
    }
    maple_mlp_data data = {.n = N, .codes = codes, .target = target, .weight = weight};
    double error_on_all[2];
    for (int stops = 0; stops < 2; stops++) {
        maple_mlp mlp = {.positions = POSITIONS, .choices = CHOICES, .width = 32};
        maple_mlp_training how = {.epochs = 300, .batch = 16, .rate = 0.01, .held_out = stops};
        assert_int_equal(maple_mlp_train(&mlp, &data, &how, NULL), MAPLE_OK);
        assert_int_equal(maple_mlp_forward(&mlp, codes, N, out, NULL), MAPLE_OK);
        error_on_all[stops] = 0;
        for (size_t i = 0; i < N; i++)
            error_on_all[stops] += fabs((double)out[i] - (double)target[i]) / N;
        maple_free(mlp.parameters);
    }
    if (!(error_on_all[0] < 0.01 && error_on_all[1] > 0.1))
        fail_msg("error %g with all, %g with the best epoch", error_on_all[0], error_on_all[1]);
}

static void long_fits_can_be_cancelled(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    maple_hooks hooks = {.cancelled = cancel_now};
    f.request.hooks = &hooks;
    const char *const cases[][2] = {{"mlp-scratch", "after 1 of 150 epochs"},
                                    {"nearest", "after 1 of 3 sources"}};
    for (int i = 0; i < 2; i++) {
        assert_refused(cases[i][0], &f.request, MAPLE_INTERRUPTED, cases[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(params_is_a_line_in_the_parameters),
        cmocka_unit_test(nearest_copies_the_source_that_ranks_best),
        cmocka_unit_test(nearest_breaks_ties_by_the_line),
        cmocka_unit_test(only_the_oracle_sees_what_is_not_sampled),
        cmocka_unit_test(mean_pool_is_the_mean_of_scaled_sources),
        cmocka_unit_test(missing_latencies_are_filled_in),
        cmocka_unit_test(tables_respect_graph_forms),
        cmocka_unit_test(damaged_tables_are_refused),
        cmocka_unit_test(architectures_are_numbered_once),
        cmocka_unit_test(scratch_learns_linear_latencies),
        cmocka_unit_test(scratch_ranks_by_work_with_one_sample),
        cmocka_unit_test(scratch_smooths_whole_milliseconds),
        cmocka_unit_test(mlp_learns_from_many_samples),
        cmocka_unit_test(mlp_keeps_the_best_epoch),
        cmocka_unit_test(long_fits_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
