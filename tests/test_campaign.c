/* SPDX-License-Identifier: Apache-2.0 */
/* Campaigns whose workers crash, hang, leave or talk nonsense: who fails is marked, all others are measured.
 */
#include "campaign_fixture.h"

static void assert_all_but(const campaign *c, const stored *s, const size_t *failed, size_t n) {
    for (size_t i = 0; i < ARCHS; i++) {
        bool is_failed = false;
        for (size_t k = 0; k < n; k++)
            is_failed = is_failed || failed[k] == i;
        if (!is_failed)
            assert_measured(s, c, i);
    }
}

static void run_or_fail(campaign *c, const char *path) {
    maple_error error = {0};
    c->warnings[0] = '\0';
    if (run_campaign(c, path, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
}

static void test_undisturbed(void **state) {
    (void)state;
    campaign c;
    stored s;
    make_campaign(&c, "worker");
    attach_hooks(&c);
    run_or_fail(&c, in_scratch("pool.db"));
    read_stored(&c, in_scratch("pool.db"), &s);
    assert_all_but(&c, &s, NULL, 0);
    assert_int_equal(c.report.measured, ARCHS);
    assert_int_equal(c.report.losses, 0);
    assert_string_equal(c.warnings, "");
}

/* Each fault at a time of its own, so that the reasons can be told apart. */
static void test_faults(void **state) {
    (void)state;
    static const struct {
        const char *when, *what, *reason;
        size_t losses;
    } faults[] = {
        {"compile", "crash", "the worker was killed by signal 6 (Aborted) while it compiled this", 1},
        {"compile", "exit", "the worker ended with exit code 3 while it compiled this", 1},
        {"compile", "garbage",
         "the worker answered '?? what?', which is not its protocol while it compiled this", 1},
        {"compile", "refuse", "fake: it does not want to", 0},
        {"compile", "kill",
         "the worker was killed by signal 9 (Killed), probably for lack of memory while it compiled this", 2},
        {"run", "crash", "the worker was killed by signal 6 (Aborted) while it ran this", 2},
        {"run", "exit", "the worker ended with exit code 3 while it ran this", 2},
        {"run", "garbage", "the worker answered '?? what?', which is not its protocol while it ran this", 2},
        {"run", "refuse", "fake: it does not want to", 0},
        {"run", "kill",
         "the worker was killed by signal 9 (Killed), probably for lack of memory while it ran this", 2},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        campaign c;
        stored s;
        char worker[32], pool[32];
        size_t victim = 3 * i + 1;
        snprintf(worker, sizeof worker, "worker%zu", i);
        snprintf(pool, sizeof pool, "pool%zu.db", i);
        make_campaign(&c, worker);
        attach_hooks(&c);
        add_fault(&c, faults[i].when, faults[i].what, victim);
        run_or_fail(&c, in_scratch(pool));
        read_stored(&c, in_scratch(pool), &s);
        assert_failed(&s, victim, faults[i].reason);
        assert_all_but(&c, &s, &victim, 1);
        assert_int_equal(c.report.losses, faults[i].losses);
        assert_int_equal(c.report.failed, 1);
        assert_int_equal(c.report.measured, ARCHS - 1);
        /* What failed is not tried again, unless that is asked for. */
        run_or_fail(&c, in_scratch(pool));
        assert_int_equal(c.report.failed, 1);
        assert_int_equal(c.report.losses, 0);
        assert_int_equal(c.report.already, ARCHS - 1);
        char conf[320];
        snprintf(conf, sizeof conf, "%s.conf", c.worker);
        assert_int_equal(unlink(conf), 0);
        c.plan.retry_failed = true;
        run_or_fail(&c, in_scratch(pool));
        read_stored(&c, in_scratch(pool), &s);
        assert_all_but(&c, &s, NULL, 0);
    }
}

static void test_hangs(void **state) {
    (void)state;
    static const char *const reasons[] = {"the worker did not answer within 0.3 s while it compiled this",
                                          "the worker did not answer within 0.8"};
    for (size_t i = 0; i < 2; i++) {
        campaign c;
        stored s;
        size_t victim = 17;
        make_campaign(&c, i ? "hangs_run" : "hangs_compile");
        attach_hooks(&c);
        c.config.watchdog_s = 0.3;
        add_fault(&c, i ? "run" : "compile", "hang", victim);
        run_or_fail(&c, in_scratch(i ? "run.db" : "compile.db"));
        read_stored(&c, in_scratch(i ? "run.db" : "compile.db"), &s);
        assert_memory_equal(s.label[victim].reason, reasons[i], strlen(reasons[i]));
        assert_failed(&s, victim, s.label[victim].reason);
        assert_all_but(&c, &s, &victim, 1);
        assert_int_equal(c.report.losses, 1 + i);
    }
}

/* A crash that does not come again blames nobody. */
static void test_transient(void **state) {
    (void)state;
    campaign c;
    stored s;
    make_campaign(&c, "transient");
    attach_hooks(&c);
    add_fault(&c, "run", "once", 8);
    run_or_fail(&c, in_scratch("transient.db"));
    read_stored(&c, in_scratch("transient.db"), &s);
    assert_all_but(&c, &s, NULL, 0);
    assert_int_equal(c.report.losses, 1);
    assert_non_null(strstr(c.warnings, "was killed by signal 6 (Aborted); it is started again"));
}

/* Several at once, and a sentinel among them: it is left out, the campaign goes on. */
static void test_many_faults_and_a_sentinel(void **state) {
    (void)state;
    static const size_t failed[] = {0, 2, 3, 5, 21, 39};
    campaign c;
    stored s;
    make_campaign(&c, "many");
    attach_hooks(&c);
    c.archs[2] = maple_space_sentinel(c.config.space, 1);
    for (size_t i = 0; i < sizeof failed / sizeof *failed; i++)
        add_fault(&c, i % 2 ? "run" : "compile", i % 3 ? "crash" : "exit", failed[i]);
    run_or_fail(&c, in_scratch("many.db"));
    read_stored(&c, in_scratch("many.db"), &s);
    assert_all_but(&c, &s, failed, sizeof failed / sizeof *failed);
    for (size_t i = 0; i < sizeof failed / sizeof *failed; i++)
        assert_true(s.has_label[failed[i]] && s.label[failed[i]].reason[0]);
    assert_int_equal(c.report.failed, sizeof failed / sizeof *failed);
    assert_non_null(
        strstr(c.warnings, "sentinel 1 is left out: the worker was killed by signal 6 (Aborted)"));
}

/* An engine that takes every network down: a clear end, and the rows say what happened; again and again. */
static void test_hopeless(void **state) {
    (void)state;
    campaign c;
    stored s;
    maple_error error = {0};
    make_campaign(&c, "hopeless");
    attach_hooks(&c);
    for (size_t i = 0; i < ARCHS; i++)
        add_fault(&c, "run", "crash", i);
    size_t marked = 0;
    for (int call = 0; call < 20; call++) {
        maple_status status = run_campaign(&c, in_scratch("hopeless.db"), &error);
        read_stored(&c, in_scratch("hopeless.db"), &s);
        size_t now = 0;
        for (size_t i = 0; i < ARCHS; i++)
            now += s.has_label[i] && isnan(s.label[i].latency_ms);
        if (status == MAPLE_OK)
            break;
        assert_int_equal(status, MAPLE_DEVICE_ERROR);
        assert_non_null(strstr(error.message, "11 workers in a row"));
        assert_true(now > marked); /* each call gets further */
        marked = now;
    }
    assert_int_equal(c.report.failed, ARCHS);
}

/* Networks that together are too much: blocks get smaller, and all are measured. */
static void test_worker_killed_for_memory(void **state) {
    (void)state;
    campaign c;
    stored s;
    make_campaign(&c, "memory");
    attach_hooks(&c);
    char path[320];
    snprintf(path, sizeof path, "%s.conf", c.worker);
    FILE *file = fopen(path, "we");
    fputs("most 15\n", file);
    fclose(file);
    run_or_fail(&c, in_scratch("memory.db"));
    read_stored(&c, in_scratch("memory.db"), &s);
    assert_all_but(&c, &s, NULL, 0);
    assert_int_equal(c.report.losses, 1);
    assert_non_null(strstr(c.warnings, "compiled networks are kept below"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undisturbed),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_hangs),
        cmocka_unit_test(test_transient),
        cmocka_unit_test(test_many_faults_and_a_sentinel),
        cmocka_unit_test(test_hopeless),
        cmocka_unit_test(test_worker_killed_for_memory),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
