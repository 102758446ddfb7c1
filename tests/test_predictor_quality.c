/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors with holes, and how near predictors come to the truth. */
#include "predictor_fixture.h"

/* --- Descriptors with holes --- */

static void missing_counters_do_no_harm(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    size_t counters = maple_space_descriptor_operators(f.space) * MAPLE_EVENTS;
    double nan_counters[SYNTHETIC_COUNTERS], predicted[ASKED];
    for (size_t i = 0; i < counters; i++)
        nan_counters[i] = NAN;
    EACH_PREDICTOR(info) {
        for (int variant = 0; variant < 4; variant++) {
            maple_fit_request request = f.request;
            double *warm = f.pool.dataset.platforms[1].counters_warm, before = warm[7];
            request.target.counters_warm = variant == 0 ? nan_counters : request.target.counters_warm;
            request.target.counters_cold = variant <= 1 ? NULL : request.target.counters_cold;
            if (variant == 2)
                warm[7] = NAN; /* one source lacks one counter */
            if (variant == 3) {
                request.target.counters_warm = NULL;
                request.target.counters_cold = NULL;
            }
            fit_and_ask(&f, info->name, &request, predicted);
            warm[7] = before;
        }
    }
    fixture_free(&f);
}

static void maple_degrades_without_operators(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        f.request.target.operator_ms = NULL;
        f.request.options = "epochs=30,width=32";
        for (int counters = 0; counters < 2; counters++) {
            double predicted[ASKED];
            if (counters == 0)
                f.request.target.counters_warm = f.request.target.counters_cold = NULL;
            maple_predictor *predictor = fit_fast("maple", &f.request);
            predict_or_fail(predictor, f.asked, ASKED, predicted);
            maple_metrics metrics;
            maple_metrics_compute(f.truth, &POINTS(predicted), ASKED, &metrics, NULL);
            if (!(metrics.spearman > 0.9 && metrics.medape < 0.2))
                fail_msg("spearman %g medape %g", metrics.spearman, metrics.medape);
            maple_predictor_free(predictor);
        }
        fixture_free(&f);
    }
}

/* A source without operator latencies is left out with a warning; with none left the fit is refused. */
static int warnings;
static void count_warning(void *user, maple_log_level level, const char *message) {
    (void)user;
    (void)message;
    warnings += level == MAPLE_LOG_WARNING;
}

static void sources_without_operators_are_left_out(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_hooks hooks = {.log = count_warning};
    f.request.hooks = &hooks;
    f.request.options = FAST;
    warnings = 0;
    f.pool.dataset.platforms[2].operator_ms[3] = NAN;
    maple_predictor_free(fit_fast("maple", &f.request));
    assert_int_equal(warnings, 1);
    for (size_t p = 0; p < PLATFORMS - 1; p++)
        f.pool.dataset.platforms[p].operator_ms[3] = NAN;
    assert_refused("maple", &f.request, MAPLE_BAD_INPUT, "none of the 4 sources has operator latencies");
    assert_int_equal(warnings, 3); /* the first by name, the others by number */
    f.request.options = "epochs=2,scaling=costs";
    maple_predictor_free(fit_fast("maple", &f.request));
    fixture_free(&f);
}

/* --- Quality --- */

static maple_metrics score(const fixture *f, const char *name, const char *options) {
    maple_fit_request request = f->request;
    request.options = options;
    double predicted[ASKED];
    maple_predictor *predictor = fit_or_fail(name, &request);
    maple_metrics metrics = {0};
    predict_or_fail(predictor, f->asked, ASKED, predicted);
    maple_metrics_compute(f->truth, &POINTS(predicted), ASKED, &metrics, NULL);
    maple_predictor_free(predictor);
    return metrics;
}

static void maple_beats_the_baselines(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        maple_metrics maple = score(&f, "maple", "epochs=30,width=64"), lut = score(&f, "lut", NULL);
        maple_metrics lut_fit = score(&f, "lut-fit", NULL), flops = score(&f, "flops", NULL);
        assert_int_equal(maple.n, ASKED);
        assert_true(maple.acc10 > 0.95);
        assert_true(maple.medape < lut.medape && maple.medape < lut_fit.medape &&
                    lut_fit.medape < flops.medape);
        fixture_free(&f);
    }
}

/* A target whose latency is exactly its table: lut is exact, lut-fit too. */
static void lut_sums_and_lut_fit_scales(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    double counts[SYNTHETIC_OPERATORS];
    const double *operator_ms = f.request.target.operator_ms;
    for (size_t i = 0; i < ASKED + SAMPLES; i++) {
        const maple_arch *arch = i < ASKED ? &f.asked[i] : &f.samples[i - ASKED];
        maple_space_operator_counts(f.space, f.form, arch, counts);
        double sum = 0;
        for (size_t o = 0; o < maple_space_operators(f.space); o++)
            sum += counts[o] * operator_ms[o];
        if (i < ASKED)
            f.truth[i] = sum;
        else
            f.latency_ms[i - ASKED] = 3 * sum + 0.25;
    }
    assert_true(score(&f, "lut", NULL).rmse_ms < 1e-9);
    for (size_t i = 0; i < ASKED; i++)
        f.truth[i] = 3 * f.truth[i] + 0.25;
    assert_true(score(&f, "lut-fit", NULL).rmse_ms < 1e-9);
    fixture_free(&f);
}

static void flops_falls_back_to_a_line_through_the_origin(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_arch archs[2] = {maple_space_sentinel(f.space, 0), maple_space_sentinel(f.space, 2)};
    double falling[2] = {9, 1}, predicted[2]; /* the heavier one is faster */
    f.request.target.archs = archs;
    f.request.target.latency_ms = falling;
    f.request.target.n_samples = 2;
    maple_predictor *predictor = fit_fast("flops", &f.request);
    predict_or_fail(predictor, archs, 2, predicted);
    assert_true(predicted[0] > 0 && predicted[1] > predicted[0]);
    maple_predictor_free(predictor);
    f.request.target.n_samples = 1; /* one sample is met exactly */
    predictor = fit_fast("flops", &f.request);
    predict_or_fail(predictor, archs, 1, predicted);
    assert_true(fabs(predicted[0] / 9 - 1) < 1e-12);
    maple_predictor_free(predictor);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_counters_do_no_harm),
        cmocka_unit_test(maple_degrades_without_operators),
        cmocka_unit_test(sources_without_operators_are_left_out),
        cmocka_unit_test(maple_beats_the_baselines),
        cmocka_unit_test(lut_sums_and_lut_fit_scales),
        cmocka_unit_test(flops_falls_back_to_a_line_through_the_origin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
