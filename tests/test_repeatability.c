/* SPDX-License-Identifier: Apache-2.0 */
/* Networks measured twice by a worker whose noise is known: the distribution is what follows from it, and the
 * pool keeps its labels. */
#include "campaign_fixture.h"

enum { EACH = 20 };

typedef struct fixture {
    campaign c;
    maple_pool *pool;
    maple_repeatability out;
} fixture;

/* A platform that has been measured once. */
static void make(fixture *f, const char *name) {
    maple_error error = {0};
    char path[320];
    make_campaign(&f->c, name);
    attach_hooks(&f->c);
    snprintf(path, sizeof path, "%s/%s.db", scratch, name);
    if (run_campaign(&f->c, path, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    assert_int_equal(maple_pool_open(path, MAPLE_POOL_WRITE, &f->pool, &error), MAPLE_OK);
    f->c.plan.rounds = EACH;
}

static maple_status repeat(fixture *f, maple_error *error) {
    return maple_measure_repeatability(&f->c.config, f->pool, &f->c.platform, &f->c.plan, &f->out,
                                       &f->c.report, error);
}

/* Even rounds are series A's. */
static double series_median(const maple_arch *arch, int series, double factor) {
    double values[EACH];
    for (int i = 0; i < EACH; i++)
        values[i] = factor * expected_ms(arch, 2 * i + series);
    maple_sort_doubles(values, EACH);
    return maple_quantile_sorted(values, EACH, 0.5);
}

static void test_known_noise(void **state) {
    (void)state;
    static const double shares[] = {0, 0.02};
    for (size_t k = 0; k < 2; k++) {
        fixture f;
        maple_error error = {0};
        char line[32];
        double expected[ARCHS];
        make(&f, k ? "alternating" : "equal");
        snprintf(line, sizeof line, "alternate %g", shares[k]);
        configure(&f.c, line);
        if (repeat(&f, &error) != MAPLE_OK)
            fail_msg("%s", error.message);
        for (size_t i = 0; i < ARCHS; i++)
            expected[i] = fabs(series_median(&f.c.archs[i], 0, 1 + shares[k]) /
                                   series_median(&f.c.archs[i], 1, 1 - shares[k]) -
                               1);
        maple_sort_doubles(expected, ARCHS);
        assert_int_equal(f.out.n, ARCHS);
        assert_int_equal(f.out.rounds, EACH);
        assert_true(fabs(f.out.median - maple_quantile_sorted(expected, ARCHS, 0.5)) < 1e-9);
        assert_true(fabs(f.out.p90 - maple_quantile_sorted(expected, ARCHS, 0.9)) < 1e-9);
        assert_true(fabs(f.out.p95 - maple_quantile_sorted(expected, ARCHS, 0.95)) < 1e-9);
        assert_true(fabs(f.out.max - expected[ARCHS - 1]) < 1e-9);
        assert_true(k ? fabs(f.out.median - 1.02 / 0.98 + 1) < 0.01 : f.out.median < 0.01);
        assert_int_equal(strlen(f.out.date), strlen("2026-01-01T00:00:00Z"));
        assert_int_equal(maple_repeatability_is_good(&f.out), k == 0);
        assert_int_equal(f.c.report.measured, ARCHS);
        assert_int_equal(f.c.report.failed + f.c.report.flagged + f.c.report.rounds_repeated, 0);
        maple_pool_close(f.pool);
    }
}

/* Labels and raw runs are those of before, and nothing is left in the temporary folder. */
static void test_labels_stay(void **state) {
    (void)state;
    static stored before, after;
    fixture f;
    maple_error error = {0};
    char temporary[320];
    make(&f, "stay");
    read_stored(&f.c, in_scratch("stay.db"), &before);
    snprintf(temporary, sizeof temporary, "%s/temporary", scratch);
    assert_int_equal(mkdir(temporary, 0700), 0);
    assert_int_equal(setenv("TMPDIR", temporary, 1), 0);
    if (repeat(&f, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    assert_int_equal(rmdir(temporary), 0);
    /* No place for the runs: said, and nothing measured. */
    assert_int_equal(repeat(&f, &error), MAPLE_IO_ERROR);
    assert_non_null(strstr(error.message, "no temporary folder can be made"));
    assert_int_equal(unsetenv("TMPDIR"), 0);
    maple_pool_close(f.pool);
    read_stored(&f.c, in_scratch("stay.db"), &after);
    assert_memory_equal(before.run, after.run, sizeof before.run);
    for (size_t i = 0; i < ARCHS; i++)
        assert_true(before.label[i].latency_ms == after.label[i].latency_ms);
}

static void test_failures_and_noise(void **state) {
    (void)state;
    fixture f;
    maple_error error = {0};
    char line[400], text[MAPLE_MAX_ARCH_TEXT];
    make(&f, "failing");
    maple_space_format(f.c.config.space, &f.c.archs[4], text);
    snprintf(line, sizeof line, "noisy 0.3 1000000 %s", text);
    configure(&f.c, line);
    add_fault(&f.c, "run", "crash", 6);
    f.c.config.hooks = NULL;
    if (repeat(&f, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    assert_int_equal(f.out.n, ARCHS - 2);
    assert_int_equal(f.c.report.failed, 1);
    assert_int_equal(f.c.report.flagged, 1);
    assert_true(f.c.report.losses > 0);
    /* All too noisy: no figure. */
    f.c.plan.n = 1;
    f.c.plan.archs = &f.c.archs[4];
    assert_int_equal(repeat(&f, &error), MAPLE_BAD_INPUT);
    assert_non_null(strstr(error.message, "of 1 networks none could be measured twice"));
    /* Another machine: refused as a campaign is. */
    set_scale(&f.c, 1.2);
    assert_int_equal(repeat(&f, &error), MAPLE_BAD_INPUT);
    assert_non_null(strstr(error.message, "not as fast as when platform 'fake' was measured"));
    maple_pool_close(f.pool);
}

static bool cancelled(void *user) {
    return ++*(int *)user > 5;
}

static void test_interrupted(void **state) {
    (void)state;
    fixture f;
    maple_error error = {0};
    int calls = 0;
    make(&f, "interrupted");
    maple_hooks hooks = {.cancelled = cancelled, .user = &calls};
    f.c.config.hooks = &hooks;
    assert_int_equal(repeat(&f, &error), MAPLE_INTERRUPTED);
    assert_string_equal(error.message, "interrupted: how well labels repeat is measured in one go");
    maple_pool_close(f.pool);
}

/* --- What the doctor makes of it --- */

static void test_doctor(void **state) {
    (void)state;
    fixture f;
    maple_error error = {0};
    maple_environment here;
    maple_check check;
    const maple_space *space;
    make(&f, "doctor");
    space = f.c.config.space;
    maple_environment_probe(NULL, &here);
    for (int with_pool = 0; with_pool < 2; with_pool++) {
        assert_int_equal(maple_doctor_repeatability(&here, with_pool ? f.pool : NULL, &check, &error),
                         MAPLE_OK);
        assert_string_equal(check.name, "repeatability");
        assert_int_equal(check.level, MAPLE_CHECK_WARN);
        assert_string_equal(check.finding, "not measured yet on this machine");
        assert_non_null(strstr(check.fix, "maple measure --repeatability"));
    }
    maple_repeatability row = {"2026-11-20T08:00:00Z", 200, 50, 0.007, 0.02, 0.029, 0.05};
    assert_int_equal(maple_pool_put_repeatability(f.pool, f.c.platform.id, space, &row, &error), MAPLE_OK);
    assert_int_equal(maple_doctor_repeatability(&here, f.pool, &check, &error), MAPLE_OK);
    assert_int_equal(check.level, MAPLE_CHECK_OK);
    assert_string_equal(check.finding, "two labels of the same network differ by 0.7 % (median), 2.9 % (95th "
                                       "percentile): 200 networks, 50 rounds, 2026-11-20, fake");
    assert_string_equal(check.fix, "");
    /* A later one that is worse; what is visibly wrong with the machine is named. */
    row = (maple_repeatability){"2026-11-21T08:00:00Z", 190, 50, 0.02, 0.05, 0.08, 0.2};
    assert_int_equal(maple_pool_put_repeatability(f.pool, f.c.platform.id, space, &row, &error), MAPLE_OK);
    snprintf(here.governor, sizeof here.governor, "powersave");
    here.load_average = 99;
    assert_int_equal(maple_doctor_repeatability(&here, f.pool, &check, &error), MAPLE_OK);
    assert_int_equal(check.level, MAPLE_CHECK_WARN);
    assert_non_null(strstr(check.finding, "differ by 2 % (median), 8 %"));
    assert_non_null(strstr(check.fix, "stop what else runs on this machine; "));
    assert_non_null(strstr(check.fix, "cpupower frequency-set -g performance; "));
    /* Another machine's figure says nothing about this one. */
    snprintf(here.cpu, sizeof here.cpu, "Z80");
    assert_int_equal(maple_doctor_repeatability(&here, f.pool, &check, &error), MAPLE_OK);
    assert_string_equal(check.finding, "not measured yet on this machine");
    maple_pool_close(f.pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_noise),
        cmocka_unit_test(test_labels_stay),
        cmocka_unit_test(test_failures_and_noise),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_doctor),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
