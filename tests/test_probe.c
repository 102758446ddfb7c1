/* SPDX-License-Identifier: Apache-2.0 */
/* The judgement whether the core was shared, on made-up durations; the probe itself on this machine. */
#include "measure/probe.h"
#include "unit.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_longer_than_beside_the_same_network(void **state) {
    (void)state;
    assert_false(maple_probe_disturbed(10000, 10000, 0));
    assert_false(maple_probe_disturbed(11100, 10000, 0));
    assert_true(maple_probe_disturbed(11300, 10000, 0));
    assert_true(maple_probe_disturbed(56000000, 10000, 0));
}

/* A network of wide vectors runs at a lower clock: that is no disturbance; twice the machine's fastest is,
 * even where the network was never seen faster. */
static void test_out_of_proportion_to_the_machine(void **state) {
    (void)state;
    assert_false(maple_probe_disturbed(9600, 9500, 7700));
    assert_true(maple_probe_disturbed(15000, 15000, 7700));
    assert_false(maple_probe_disturbed(15000, 15000, 0)); /* nothing known */
}

/* Two probes of a higher clock among 100 are no measure for the others; five undisturbed among 100 beside a
 * neighbour are; three beside a neighbour are all there is. */
static void test_undisturbed_beside_an_operator(void **state) {
    (void)state;
    int64_t probe_ns[100];
    for (int i = 0; i < 100; i++)
        probe_ns[i] = i < 2 ? 7650 : 8790 + i;
    assert_int_equal(maple_probe_undisturbed(probe_ns, 100), 8795);
    for (int i = 0; i < 100; i++)
        probe_ns[i] = i < 6 ? 7650 + i : 15000;
    assert_int_equal(maple_probe_undisturbed(probe_ns, 100), 7655);
    for (int i = 0; i < 100; i++)
        probe_ns[i] = i < 3 ? 7650 + i : 15000;
    assert_int_equal(maple_probe_undisturbed(probe_ns, 100), 7650);
    assert_int_equal(maple_probe_undisturbed(probe_ns, 1), 7650);
    assert_int_equal(maple_probe_undisturbed(probe_ns, 0), 0);
}

static void test_the_fastest_is_noted(void **state) {
    (void)state;
    int64_t fastest = 0;
    maple_probe_note(&fastest, 12000);
    assert_int_equal(fastest, 12000);
    maple_probe_note(&fastest, 9000);
    maple_probe_note(&fastest, 10000);
    assert_int_equal(fastest, 9000);
}

/* Not a speed test: the compiler must not have removed the loop. */
static void test_the_probe_takes_time(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_in_range(maple_probe_run(), 1000, (int64_t)10000000000);
}

/* A preempted run is disturbed whatever is known, and no measure for others. */
static void test_preempted(void **state) {
    (void)state;
    int64_t fastest = 0, probe_ns[20];
    assert_true(maple_probe_disturbed(MAPLE_PROBE_PREEMPTED, 0, 0));
    assert_true(maple_probe_disturbed(MAPLE_PROBE_PREEMPTED, MAPLE_PROBE_PREEMPTED, 0));
    maple_probe_note(&fastest, MAPLE_PROBE_PREEMPTED);
    assert_int_equal(fastest, 0);
    for (int i = 0; i < 20; i++)
        probe_ns[i] = i < 1 ? 9000 : MAPLE_PROBE_PREEMPTED;
    assert_int_equal(maple_probe_undisturbed(probe_ns, 20), 9000);
}

static bool busy_ms(int ms, bool pretend) {
    maple_cpu_use then = maple_cpu_use_now();
    if (pretend)
        then.preemptions--;
    while (maple_clock_ns() < then.at_ns + (int64_t)ms * 1000000)
        maple_probe_run();
    return maple_was_preempted(&then, 1);
}

/* Two programs on one CPU have to give way to each other; who gave way for a moment has lost nothing. */
static void test_preemptions_are_noticed(void **state) {
    (void)state;
    bool kept = false, noticed = false;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    int64_t end = maple_clock_ns() + (int64_t)60e9; /* other tests may have the CPU, too */
    while (!kept && maple_clock_ns() < end)
        kept = !busy_ms(2, true);
    assert_true(kept);
    pid_t hog = fork();
    while (hog == 0)
        maple_probe_run();
    end = maple_clock_ns() + (int64_t)60e9;
    while (!noticed && maple_clock_ns() < end)
        noticed = busy_ms(20, false);
    kill(hog, SIGKILL);
    waitpid(hog, NULL, 0);
    assert_true(noticed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longer_than_beside_the_same_network),
        cmocka_unit_test(test_out_of_proportion_to_the_machine),
        cmocka_unit_test(test_undisturbed_beside_an_operator),
        cmocka_unit_test(test_the_fastest_is_noted),
        cmocka_unit_test(test_the_probe_takes_time),
        cmocka_unit_test(test_preempted),
        cmocka_unit_test(test_preemptions_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
