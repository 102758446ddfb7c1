/* SPDX-License-Identifier: Apache-2.0 */
/* Predictions with bounds: the contract, for every predictor that there is, and how they come to the
 * architectures that were asked for. */
#include "predictor/predictor_internal.h"
#include "predictor_fixture.h"

/* --- Of the registry --- */

/* One architecture of a pruned platform runs nothing, and another is asked for twice. */
static void ask(const fixture *f, maple_arch archs[ASKED]) {
    memcpy(archs, f->asked, sizeof f->asked);
    archs[ASKED - 1] = archs[0];
    if (strcmp(maple_space_name(f->space), "nas-bench-201") == 0)
        assert_int_equal(
            maple_space_parse(f->space, "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", &archs[7], NULL),
            MAPLE_OK);
}

static void check(const fixture *f, const maple_predictor_info *info) {
    maple_arch archs[ASKED];
    double alone[ASKED], latency_ms[ASKED], lower_ms[ASKED], upper_ms[ASKED];
    maple_error error = {.message = ""};
    maple_predictor *predictor = fit_fast(info->name, &f->request);
    ask(f, archs);
    predict_or_fail(predictor, archs, ASKED, alone);
    if (maple_predictor_intervals(predictor, archs, ASKED, latency_ms, lower_ms, upper_ms, &error) !=
        MAPLE_OK)
        fail_msg("%s: %s", info->name, error.message);
    assert_memory_equal(latency_ms, alone, sizeof alone);
    for (size_t i = 0; i < ASKED; i++) {
        bool bounded = info->intervals && isfinite(latency_ms[i]);
        if (bounded && !(lower_ms[i] > 0 && lower_ms[i] <= latency_ms[i] && latency_ms[i] <= upper_ms[i] &&
                         isfinite(upper_ms[i])))
            fail_msg("%s: %g is not within %g and %g", info->name, latency_ms[i], lower_ms[i], upper_ms[i]);
        if (!bounded)
            assert_true(isnan(lower_ms[i]) && isnan(upper_ms[i]));
    }
    assert_memory_equal(&lower_ms[ASKED - 1], &lower_ms[0], sizeof *lower_ms);
    assert_memory_equal(&upper_ms[ASKED - 1], &upper_ms[0], sizeof *upper_ms);
    assert_int_equal(maple_predictor_intervals(predictor, archs, 0, latency_ms, lower_ms, upper_ms, NULL),
                     MAPLE_OK);
    maple_predictor_free(predictor);
}

static void bounds_enclose_or_are_not_there(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++) {
        fixture f;
        fixture_make_case(&f, i);
        EACH_PREDICTOR(info) {
            check(&f, info);
        }
        fixture_free(&f);
    }
}

static void what_it_says_is_what_it_has(void **state) {
    (void)state;
    for (size_t i = 0; i < maple_predictor_count(); i++) {
        const maple_predictor_vtable *vtable = maple_predictor_vtable_at(i);
        assert_int_equal(vtable->info.intervals, vtable->intervals != NULL);
    }
}

/* --- Of a predictor made here --- */

/* The state counts how many architectures it was asked for. */
static maple_status number(const void *state, const maple_model_context *context, const maple_arch *archs,
                           size_t n, double *latency_ms, double *lower_ms, double *upper_ms,
                           maple_error *error) {
    (void)context;
    size_t *asked = *(size_t *const *)state;
    *asked = n;
    for (size_t i = 0; i < n; i++) {
        if (archs[i].op[0] == 4)
            return maple_error_set(error, MAPLE_BAD_INPUT, "no averages");
        latency_ms[i] = 10 + (double)i;
        lower_ms[i] = 5 + (double)i;
        upper_ms[i] = 100 + (double)i;
    }
    return MAPLE_OK;
}

static void each_graph_is_predicted_once(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", /* edge 0->1 leads nowhere */
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",                 /* nothing runs */
        "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|", /* as the first */
        "|nor_conv_1x1~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
    };
    enum { N = 4 };
    const maple_predictor_vtable vtable = {.info = {.name = "numbers", .intervals = true},
                                           .intervals = number};
    size_t asked = 0, *state_of_it = &asked;
    maple_predictor predictor = {.vtable = &vtable,
                                 .context = {space_or_fail("nas-bench-201"), MAPLE_GRAPH_PRUNED},
                                 .state = &state_of_it};
    maple_arch archs[N];
    double latency_ms[N], lower_ms[N], upper_ms[N];
    for (size_t i = 0; i < N; i++)
        assert_int_equal(maple_space_parse(predictor.context.space, TEXTS[i], &archs[i], NULL), MAPLE_OK);
    assert_int_equal(maple_predictor_intervals(&predictor, archs, N, latency_ms, lower_ms, upper_ms, NULL),
                     MAPLE_OK);
    assert_int_equal(asked, 2);
    static const double PLACES[N] = {0, NAN, 0, 1};
    for (size_t i = 0; i < N; i++) {
        if (i == 1)
            assert_true(isnan(latency_ms[i]) && isnan(lower_ms[i]) && isnan(upper_ms[i]));
        else
            assert_true(fabs(latency_ms[i] - 10 - PLACES[i]) + fabs(lower_ms[i] - 5 - PLACES[i]) +
                            fabs(upper_ms[i] - 100 - PLACES[i]) <=
                        0);
    }
    predictor.context.graph = MAPLE_GRAPH_AS_WRITTEN;
    assert_int_equal(maple_predictor_intervals(&predictor, archs, N, latency_ms, lower_ms, upper_ms, NULL),
                     MAPLE_OK);
    assert_int_equal(asked, N);
    assert_true(fabs(upper_ms[3] - 103) <= 0);
    /* What it fails with is what comes out. */
    maple_error error = {.message = ""};
    archs[2].op[0] = 4;
    assert_int_equal(maple_predictor_intervals(&predictor, archs, N, latency_ms, lower_ms, upper_ms, &error),
                     MAPLE_BAD_INPUT);
    assert_string_equal(error.message, "no averages");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_enclose_or_are_not_there),
        cmocka_unit_test(what_it_says_is_what_it_has),
        cmocka_unit_test(each_graph_is_predicted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
