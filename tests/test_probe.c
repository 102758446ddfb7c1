/* SPDX-License-Identifier: Apache-2.0 */
/* The judgement whether the core was shared, on made-up durations; the probe itself on this machine. */
#include "measure/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const int64_t SECOND = 1000000000;

static void test_longer_than_the_fastest_is_disturbed(void **state) {
    (void)state;
    maple_probe probe = {{0}, 0};
    assert_false(maple_probe_judge(&probe, SECOND, 10000)); /* nothing to compare with */
    assert_false(maple_probe_judge(&probe, SECOND + 1, 11100));
    assert_true(maple_probe_judge(&probe, SECOND + 2, 11300));
    assert_true(maple_probe_judge(&probe, SECOND + 3, 56000000));
    assert_false(maple_probe_judge(&probe, SECOND + 4, 9000)); /* a new fastest */
    assert_true(maple_probe_judge(&probe, SECOND + 5, 10200));
}

/* A start in a disturbed moment is corrected by the first undisturbed one. */
static void test_a_bad_start_heals(void **state) {
    (void)state;
    maple_probe probe = {{0}, 0};
    assert_false(maple_probe_judge(&probe, SECOND, 17000));
    assert_false(maple_probe_judge(&probe, SECOND, 10000));
    assert_true(maple_probe_judge(&probe, SECOND, 17000));
}

/* A machine that has throttled for good: after two stretches the old best is forgotten. */
static void test_old_stretches_are_forgotten(void **state) {
    (void)state;
    maple_probe probe = {{0}, 0};
    int64_t now = 100 * SECOND;
    assert_false(maple_probe_judge(&probe, now, 10000));
    assert_true(maple_probe_judge(&probe, now + 5 * SECOND, 15000));
    assert_true(
        maple_probe_judge(&probe, now + 11 * SECOND, 15000)); /* second stretch, compared with the first */
    assert_false(maple_probe_judge(&probe, now + 22 * SECOND, 15000));
    assert_true(maple_probe_judge(&probe, now + 23 * SECOND, 20000));
}

/* What an earlier measurement knew is what a slow start is compared with. */
static void test_a_start_with_knowledge(void **state) {
    (void)state;
    maple_probe probe;
    maple_probe_start(&probe, SECOND, 10000);
    assert_true(maple_probe_judge(&probe, SECOND + 1, 17000));
    maple_probe_start(&probe, SECOND, 0);
    assert_false(maple_probe_judge(&probe, SECOND + 1, 17000));
}

/* Not a speed test: the compiler must not have removed the loop. */
static void test_the_probe_takes_time(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_in_range(maple_probe_run(), 1000, 10 * SECOND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longer_than_the_fastest_is_disturbed),
        cmocka_unit_test(test_a_bad_start_heals),
        cmocka_unit_test(test_old_stretches_are_forgotten),
        cmocka_unit_test(test_a_start_with_knowledge),
        cmocka_unit_test(test_the_probe_takes_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
