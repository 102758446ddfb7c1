/* SPDX-License-Identifier: Apache-2.0 */
/* What every predictor refuses, and with which message. */
#include "predictor_fixture.h"

static void bad_samples_are_refused(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    const double bad[] = {0, -1, NAN, INFINITY};
    EACH_PREDICTOR(info) {
        for (int i = 0; i < 4; i++) {
            double before = f.latency_ms[4];
            f.latency_ms[4] = bad[i];
            assert_refused(info->name, &f.request, MAPLE_BAD_INPUT, "sample 5, |");
            assert_refused(info->name, &f.request, MAPLE_BAD_INPUT,
                           "is not a positive number: measure it again");
            f.latency_ms[4] = before;
        }
        maple_arch before = f.samples[2];
        memset(f.samples[2].op, 0, sizeof f.samples[2].op); /* all `none` */
        assert_refused(info->name, &f.request, MAPLE_BAD_INPUT, "sample 3, |none~0|+");
        f.samples[2] = before;
        if (info->min_samples > 0) {
            maple_fit_request request = f.request;
            request.target.n_samples = (size_t)info->min_samples - 1;
            assert_refused(info->name, &request, MAPLE_BAD_INPUT, "needs at least");
        }
    }
    fixture_free(&f);
}

static void missing_operators_are_refused_where_needed(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    double operator_ms[SYNTHETIC_OPERATORS];
    memcpy(operator_ms, f.request.target.operator_ms, maple_space_operators(f.space) * sizeof(double));
    EACH_PREDICTOR(info) {
        if (!info->needs_operators)
            continue;
        maple_fit_request request = f.request;
        request.target.operator_ms = NULL;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "needs the operator latencies of the target");
        request.target.operator_ms = operator_ms;
        double before = operator_ms[3];
        operator_ms[3] = NAN;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "no latency of operator nor_conv_3x3_16");
        operator_ms[3] = -1;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "operator nor_conv_3x3_16: latency -1 ms");
        operator_ms[3] = before;
        before = operator_ms[15];
        operator_ms[15] = NAN;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "no latency of operator stem");
        operator_ms[15] = before;
        before = operator_ms[0];
        operator_ms[0] = NAN; /* none_16 never runs in pruned form */
        maple_predictor_free(fit_fast(info->name, &request));
        operator_ms[0] = before;
    }
    fixture_free(&f);
}

static void missing_pool_is_refused_where_needed(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    EACH_PREDICTOR(info) {
        maple_fit_request request = f.request;
        request.pool = NULL;
        request.sources = NULL;
        request.n_sources = 0;
        if (info->needs_pool)
            assert_refused(info->name, &request, MAPLE_BAD_INPUT,
                           "learns from other platforms and was given none");
        else
            maple_predictor_free(fit_fast(info->name, &request));
        if (!info->needs_pool)
            continue;
        size_t row = PLATFORMS;
        request = f.request;
        request.sources = &row;
        request.n_sources = 1;
        assert_refused(info->name, &request, MAPLE_BAD_ARGUMENT, "source row 5: the pool has 5 platforms");
        size_t train = POOL_ARCHS;
        request = f.request;
        request.train = &train;
        request.n_train = 1;
        assert_refused(info->name, &request, MAPLE_BAD_ARGUMENT, "training row 150");
        request.n_train = 0;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "no latencies of the training architectures");
    }
    fixture_free(&f);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    f.request.options = "epochs=5,nonsense=1";
    EACH_PREDICTOR(info) {
        assert_refused(info->name, &f.request, MAPLE_BAD_ARGUMENT, "has no option '");
    }
    assert_refused("maple", &f.request, MAPLE_BAD_ARGUMENT, "'nonsense'; it has: epochs, batch, width");
    const char *const cases[][2] = {
        {"epochs=0", "epochs=0: expected a whole number from 1 to 10000"},
        {"epochs=1.5", "epochs=1.5: expected a whole number"},
        {"epochs=", "epochs=: expected"},
        {"epochs", "option 'epochs' has no value"},
        {"rate=nan", "rate=nan: expected a number"},
        {"rate=1e-3x", "rate=1e-3x: expected a number"},
        {"calibration=best", "calibration=best: expected one of none|level|shares"},
        {"=3", "has no option ''"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f.request.options = cases[i][0];
        assert_refused("maple", &f.request, MAPLE_BAD_ARGUMENT, cases[i][1]);
    }
    assert_refused("oracle", &f.request, MAPLE_NOT_FOUND, "no predictor is called 'oracle'");
    fixture_free(&f);
}

static void oracles_need_all_latencies(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    f.request.target.oracle_ms = NULL;
    EACH_PREDICTOR(info) {
        if (info->oracle)
            assert_refused(info->name, &f.request, MAPLE_BAD_INPUT,
                           "it is for tables only: maple evaluate gives it");
    }
    fixture_free(&f);
}

static void bad_references_are_refused(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    EACH_PREDICTOR(info) {
        if (info->references == 0)
            continue;
        double reference_ms[64];
        for (int i = 0; i < 64; i++)
            reference_ms[i] = NAN;
        f.request.target.reference_ms = reference_ms;
        if (!info->references_optional)
            assert_refused(info->name, &f.request, MAPLE_BAD_INPUT,
                           "reference architectures and was given none");
        reference_ms[1] = -2;
        assert_refused(info->name, &f.request, MAPLE_BAD_INPUT, "reference architecture 2, |");
    }
    fixture_free(&f);
}

static void fitting_can_be_cancelled(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_hooks hooks = {.cancelled = cancel_now};
    f.request.hooks = &hooks;
    assert_refused("maple", &f.request, MAPLE_INTERRUPTED, "after 1 of 50 epochs");
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_samples_are_refused),
        cmocka_unit_test(missing_operators_are_refused_where_needed),
        cmocka_unit_test(missing_pool_is_refused_where_needed),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(oracles_need_all_latencies),
        cmocka_unit_test(bad_references_are_refused),
        cmocka_unit_test(fitting_can_be_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
