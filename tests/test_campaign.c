/* SPDX-License-Identifier: Apache-2.0 */
/* Campaigns whose workers crash, hang, leave or talk nonsense: who fails is marked, all others are measured.
 */
#include "campaign_fixture.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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
        /* Where a second is too short for all one by one, the piece is tried again. */
        size_t more = strcmp(faults[i].when, "run") == 0 && faults[i].losses > 0 ? 2 : 0;
        assert_in_range(c.report.losses, faults[i].losses, faults[i].losses + more);
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
    static const char *const reasons[] = {"the worker did not answer within 2 s while it compiled this",
                                          "the worker did not answer within 2.5"};
    for (size_t i = 0; i < 2; i++) {
        campaign c;
        stored s;
        size_t victim = 17;
        make_campaign(&c, i ? "hangs_run" : "hangs_compile");
        attach_hooks(&c);
        c.config.watchdog_s = 2; /* what a busy machine takes is less */
        add_fault(&c, i ? "run" : "compile", "hang", victim);
        run_or_fail(&c, in_scratch(i ? "run.db" : "compile.db"));
        read_stored(&c, in_scratch(i ? "run.db" : "compile.db"), &s);
        assert_memory_equal(s.label[victim].reason, reasons[i], strlen(reasons[i]));
        assert_failed(&s, victim, s.label[victim].reason);
        assert_all_but(&c, &s, &victim, 1);
        assert_in_range(c.report.losses, 1 + i, 1 + 3 * i);
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

/* --- The same machine? --- */

static void test_drift(void **state) {
    (void)state;
    campaign c;
    maple_error error = {0};
    make_campaign(&c, "drift");
    attach_hooks(&c);
    const char *path = in_scratch("drift.db");
    run_or_fail(&c, path);
    assert_true(isnan(c.report.sentinel_shift)); /* nothing to compare with yet */
    static const struct {
        double scale;
        bool refused;
    } cases[] = {{1.04, false}, {0.96, false}, {1.07, true}, {0.93, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_scale(&c, cases[i].scale);
        c.archs[0] = maple_space_nth(c.config.space, 20 + i); /* something to measure */
        maple_status status = run_campaign(&c, path, &error);
        if (!(fabs(c.report.sentinel_shift - fabs(cases[i].scale - 1)) < 1e-3))
            fail_msg("scale %g gives a shift of %g", cases[i].scale, c.report.sentinel_shift);
        assert_int_equal(status, cases[i].refused ? MAPLE_BAD_INPUT : MAPLE_OK);
        if (cases[i].refused)
            assert_non_null(
                strstr(error.message, "not as fast as when platform 'fake' was measured (sentinel 0"));
    }
    /* Refused before anything of it was measured; accepted, it is the measure from then on. */
    c.plan.rounds = 1;
    c.plan.accept_drift = true;
    set_scale(&c, 1.2);
    run_or_fail(&c, path);
    assert_true(c.report.sentinel_shift > 0.19 && c.report.measured == 1);
    c.plan.accept_drift = false;
    c.archs[0] = maple_space_nth(c.config.space, 33);
    run_or_fail(&c, path);
    assert_true(c.report.sentinel_shift < 1e-3);
    set_scale(&c, 1);
    c.archs[0] = maple_space_nth(c.config.space, 35);
    assert_int_equal(run_campaign(&c, path, &error), MAPLE_BAD_INPUT);
}

/* A sentinel's time is compared only where both are of a core that nobody shared. */
static void test_drift_of_a_shared_core(void **state) {
    (void)state;
    static const struct {
        double probe, scale, probe_then, shift; /* NaN: not compared */
        const char *warning;
    } cases[] = {
        {1, 1.5, 1.6, NAN, "the core was never to ourselves"}, /* now shared all the time */
        {1.6, 1.5, 1, NAN, "was first measured the core was shared all the time"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        campaign c;
        char name[32], pool[32], path[320];
        snprintf(name, sizeof name, "shared%zu", i);
        snprintf(pool, sizeof pool, "shared%zu.db", i);
        make_campaign(&c, name);
        attach_hooks(&c);
        snprintf(path, sizeof path, "%s.conf", c.worker);
        for (int session = 0; session < 2; session++) {
            FILE *file = fopen(path, "we");
            fprintf(file, "probe %g\nscale %g\n", session ? cases[i].probe_then : cases[i].probe,
                    session ? cases[i].scale : 1);
            fclose(file);
            c.archs[0] = maple_space_nth(c.config.space, 20 + (size_t)session);
            run_or_fail(&c, in_scratch(pool));
        }
        assert_true(isnan(c.report.sentinel_shift));
        if (!strstr(c.warnings, cases[i].warning))
            fail_msg("'%s' is not in '%s'", cases[i].warning, c.warnings);
    }
}

static void test_other_host(void **state) {
    (void)state;
    campaign c;
    maple_error error = {0};
    maple_environment here;
    maple_pool *pool = NULL;
    char *json = NULL;
    make_campaign(&c, "host");
    attach_hooks(&c);
    const char *path = in_scratch("host.db");
    run_or_fail(&c, path);
    maple_environment_probe(NULL, &here);
    assert_int_equal(maple_environment_json(&here, &json, &error), MAPLE_OK);
    assert_int_equal(maple_environment_same_host(json, &here, &error), MAPLE_OK);
    assert_int_equal(maple_environment_same_host("{}", &here, &error), MAPLE_OK);
    maple_environment other = here;
    snprintf(other.kernel, sizeof other.kernel, "9.9.9"); /* a new kernel is no new machine */
    other.caches[0] = '\0';                               /* what is not known tells nothing */
    assert_int_equal(maple_environment_same_host(json, &other, &error), MAPLE_OK);
    snprintf(other.cpu, sizeof other.cpu, "Z80");
    snprintf(other.isa, sizeof other.isa, "none");
    assert_int_equal(maple_environment_same_host(json, &other, &error), MAPLE_BAD_INPUT);
    assert_non_null(strstr(error.message, ", here Z80; vector instructions: "));
    maple_free(json);
    /* The pool's platform is of another host: no worker is started. */
    assert_int_equal(maple_pool_open(path, MAPLE_POOL_WRITE, &pool, &error), MAPLE_OK);
    assert_int_equal(maple_pool_patch_environment(pool, c.platform.id, "{\"caches\":\"L1d 8 KiB\"}", &error),
                     MAPLE_OK);
    c.config.worker_path = "/nowhere/maple";
    maple_status status = maple_measure_networks(&c.config, pool, &c.platform, &c.plan, &c.report, &error);
    if (here.caches[0]) {
        assert_int_equal(status, MAPLE_BAD_INPUT);
        assert_non_null(strstr(error.message,
                               "platform 'fake': it was measured on another host (caches: L1d 8 KiB, here "));
    }
    assert_int_equal(maple_pool_patch_environment(pool, c.platform.id, "[]", &error), MAPLE_BAD_ARGUMENT);
    assert_int_equal(maple_pool_patch_environment(pool, 77, "{}", &error), MAPLE_NOT_FOUND);
    maple_pool_close(pool);
}

/* --- The clock --- */

static bool clock_goes_back;
static time_t booted; /* what CLOCK_MONOTONIC counts from */

/* In place of the C library's: the time of day goes back by an hour at each look; what only ever grows
 * (CLOCK_MONOTONIC) does so still, until a reboot. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    static time_t back;
    long result = syscall(SYS_clock_gettime, clock, now);
    if (clock_goes_back && result == 0 && clock == CLOCK_REALTIME)
        now->tv_sec -= back += 3600;
    if (result == 0 && clock == CLOCK_MONOTONIC)
        now->tv_sec -= booted;
    return (int)result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec time;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &time);
    *now = (struct timeval){time.tv_sec, time.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

static void test_clock_set_back(void **state) {
    (void)state;
    campaign c;
    stored s;
    make_campaign(&c, "clock");
    attach_hooks(&c);
    clock_goes_back = true;
    time_t first = time(NULL), second = time(NULL);
    c.plan.rounds = ROUNDS / 2;
    run_or_fail(&c, in_scratch("clock.db"));
    c.plan.rounds = ROUNDS; /* the rows are there: only new ones */
    c.archs[4] = maple_space_nth(c.config.space, 41);
    run_or_fail(&c, in_scratch("clock.db"));
    clock_goes_back = false;
    assert_true(second < first);
    read_stored(&c, in_scratch("clock.db"), &s);
    assert_measured(&s, &c, 4);
    assert_int_equal(s.runs, (ARCHS - 1) * ROUNDS / 2 + ROUNDS);
    assert_true(c.report.wall_s > 0 && c.report.wall_s < 600);
}

/* --- Reboot: the campaign is gone without a word, its lock file stays, and CLOCK_MONOTONIC begins anew ---
 */

static void crash_after_some(void *user, int round, const maple_arch *archs, const double *latency_ms,
                             size_t n) {
    (void)user, (void)archs, (void)latency_ms, (void)n;
    if (round == ROUNDS / 3)
        raise(SIGKILL);
}

static void test_reboot(void **state) {
    (void)state;
    campaign c;
    stored s;
    int how;
    struct timespec now;
    char lock[320];
    make_campaign(&c, "reboot");
    const char *path = in_scratch("reboot.db");
    snprintf(lock, sizeof lock, "%s-measuring-1", path);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        maple_error error = {0};
        c.plan.committed = crash_after_some;
        _exit((int)run_campaign(&c, path, &error));
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    read_stored(&c, path, &s);
    size_t before = s.runs;
    assert_int_equal(before, ARCHS * (ROUNDS / 3 + 1));
    /* After the boot the lock's process id is another process's. */
    FILE *file = fopen(lock, "re+");
    assert_non_null(file);
    fprintf(file, "%ld", (long)getpid());
    fclose(file);
    assert_int_equal(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now), 0);
    booted = now.tv_sec;
    assert_true(maple_clock_ns() < 60000000000);
    attach_hooks(&c);
    run_or_fail(&c, path);
    assert_true(c.report.wall_s >= 0 && c.report.wall_s < 60);
    booted = 0;
    read_stored(&c, path, &s);
    assert_all_but(&c, &s, NULL, 0);
    assert_int_equal(s.runs, ARCHS * ROUNDS);
    assert_int_equal(access(lock, F_OK), -1);
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
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_drift_of_a_shared_core),
        cmocka_unit_test(test_other_host),
        cmocka_unit_test(test_clock_set_back),
        cmocka_unit_test(test_reboot),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
