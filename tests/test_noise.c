/* SPDX-License-Identifier: Apache-2.0 */
/* What a campaign does about noise: windows in which the machine was not itself, networks that spread, other
 * load. The worker's latencies are known (fake_worker.c). */
#include "campaign_fixture.h"
#include "measure/load.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* Before the first round the sentinels are timed alone, 25 runs each; then each round runs all networks and
 * the sentinels. */
enum { MANY = 40, SENTINELS = 3, CHECK_RUNS = 25 * SENTINELS, ROUND_RUNS = ARCHS + SENTINELS };

static size_t committed, taken_back;

static void count_committed(void *user, int round, const maple_arch *archs, const double *latency_ms,
                            size_t n) {
    (void)user, (void)round, (void)archs, (void)latency_ms;
    committed += n;
}

static void count_taken_back(void *user, const maple_arch *archs, const int *rounds, size_t n) {
    (void)user, (void)archs, (void)rounds;
    taken_back += n;
}

static void make(campaign *c, const char *worker) {
    make_campaign(c, worker);
    attach_hooks(c);
    c->plan.rounds = MANY;
    c->plan.committed = count_committed;
    c->plan.taken_back = count_taken_back;
    committed = taken_back = 0;
}

static void run_or_fail(campaign *c, const char *path) {
    maple_error error = {0};
    c->warnings[0] = '\0';
    if (run_campaign(c, path, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
}

/* How many runs of an architecture the pool has, and how many of these are not factor x what they are on a
 * quiet machine. */
static size_t stored_runs(const campaign *c, const char *path, size_t arch, double factor, size_t *other) {
    maple_pool *pool = NULL;
    int *rounds = NULL;
    double *latency_ms = NULL;
    size_t n = 0;
    maple_error error = {0};
    assert_int_equal(maple_pool_open(path, MAPLE_POOL_READ, &pool, &error), MAPLE_OK);
    assert_int_equal(maple_pool_runs(pool, c->platform.id, c->config.space, &c->archs[arch], &rounds,
                                     &latency_ms, &n, &error),
                     MAPLE_OK);
    *other = 0;
    for (size_t i = 0; i < n; i++)
        *other += fabs(latency_ms[i] / (factor * expected_ms(&c->archs[arch], rounds[i])) - 1) > 1e-9;
    maple_free(rounds);
    maple_free(latency_ms);
    maple_pool_close(pool);
    return n;
}

static maple_latency stored_label(const campaign *c, const char *path, size_t arch) {
    maple_pool *pool = NULL;
    maple_latency *rows = NULL, found = {.runs = -1};
    size_t n = 0;
    maple_error error = {0};
    assert_int_equal(maple_pool_open(path, MAPLE_POOL_READ, &pool, &error), MAPLE_OK);
    assert_int_equal(maple_pool_latencies(pool, c->platform.id, c->config.space, &rows, &n, &error),
                     MAPLE_OK);
    for (size_t i = 0; i < n; i++) {
        if (maple_arch_equal(&rows[i].arch, &c->archs[arch]))
            found = rows[i];
    }
    maple_free(rows);
    maple_pool_close(pool);
    return found;
}

static void configure_drift(const campaign *c, double factor, int from_round, int to_round) {
    char line[64];
    snprintf(line, sizeof line, "drift %g %d %d", factor, CHECK_RUNS + from_round * ROUND_RUNS,
             CHECK_RUNS + to_round * ROUND_RUNS);
    configure(c, line);
}

/* --- Drift --- */

static void test_quiet(void **state) {
    (void)state;
    campaign c;
    size_t other;
    make(&c, "quiet");
    run_or_fail(&c, in_scratch("quiet.db"));
    assert_int_equal(c.report.rounds_repeated, 0);
    assert_int_equal(c.report.windows, 4);
    assert_int_equal(c.report.windows_changed, 0);
    assert_int_equal(c.report.flagged, 0);
    assert_int_equal(committed, ARCHS * MANY);
    assert_int_equal(taken_back, 0);
    assert_int_equal(stored_runs(&c, in_scratch("quiet.db"), 7, 1, &other), MANY);
    assert_true(c.report.sentinel_drift < 0.01); /* the rounds' own differences */
    assert_string_equal(c.warnings, "");
}

/* Slower by 10 % for some rounds: they are not kept, and measured again. */
static void test_passing_drift(void **state) {
    (void)state;
    static const struct {
        int from, to;
        size_t repeated;
    } cases[] = {{10, 20, 10}, {12, 19, 10}, {15, 26, 20}, {32, 40, 10}, {13, 16, 0}, {10, 30, 20}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        campaign c;
        char name[32], path[320];
        snprintf(name, sizeof name, "passing%zu", k);
        make(&c, name);
        snprintf(path, sizeof path, "%s/%s.db", scratch, name);
        configure_drift(&c, 1.1, cases[k].from, cases[k].to);
        run_or_fail(&c, path);
        assert_int_equal(c.report.rounds_repeated, cases[k].repeated);
        assert_int_equal(c.report.windows, 4);
        assert_int_equal(c.report.windows_changed, 0);
        assert_int_equal(taken_back, cases[k].repeated * ARCHS);
        assert_int_equal(committed, (MANY + cases[k].repeated) * ARCHS);
        assert_string_equal(c.warnings, "");
        for (size_t i = 0; i < ARCHS; i++) {
            size_t other;
            assert_int_equal(stored_runs(&c, path, i, 1, &other), MANY);
            /* Three slow rounds of ten do not move a median: they stay. */
            assert_true(cases[k].repeated > 0 ? other == 0 : other > 0);
        }
    }
}

/* A campaign of its own that repeats nothing for its spread, with a worker that does what `line` says.
 * path[320] is its pool. */
static void run_configured(campaign *c, const char *name, const char *line, char *path) {
    snprintf(path, 320, "%s/%s.db", scratch, name);
    make(c, name);
    c->plan.spread_limit = 1;
    configure(c, line);
    run_or_fail(c, path);
}

/* Runs that scatter move the medians of few sentinels by several per cent: that is no drift. */
static void test_scatter_is_no_drift(void **state) {
    (void)state;
    for (int k = 1; k <= 6; k++) {
        campaign c;
        char name[32], line[64], path[320];
        snprintf(name, sizeof name, "scatter%d", k);
        snprintf(line, sizeof line, "scatter %g", 0.05 * k);
        run_configured(&c, name, line, path);
        assert_int_equal(c.report.windows, 4);
        assert_int_equal(c.report.rounds_repeated, 0);
        assert_int_equal(c.report.windows_changed, 0);
        assert_true(c.report.sentinel_drift > 0);
    }
}

/* A core that is shared most of the time: labels are had from the few runs that nobody disturbed. Where it is
 * shared nearly always there are too few of them: then disturbed runs count, too. */
static void test_neighbour(void **state) {
    (void)state;
    static const struct {
        double share;
        bool clean;
    } cases[] = {{0.8, true}, {0.98, false}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        campaign c;
        char name[32], line[64], path[320];
        size_t fewest = MANY, most = 0, disturbed = 0;
        snprintf(name, sizeof name, "neighbour%zu", k);
        snprintf(line, sizeof line, "neighbour %g", cases[k].share);
        run_configured(&c, name, line, path);
        for (size_t i = 0; i < ARCHS; i++) {
            size_t other, n = stored_runs(&c, path, i, 1, &other);
            fewest = n < fewest ? n : fewest;
            most = n > most ? n : most;
            disturbed += other;
        }
        assert_in_range(fewest, 8, MANY / 2);
        assert_true(c.report.disturbed_share > cases[k].share - 0.1);
        if (cases[k].clean)
            assert_int_equal(disturbed, 0);
        else
            assert_true(disturbed > ARCHS && most < MANY / 2);
        assert_int_equal(c.report.measured, ARCHS);
    }
}

/* Another program on the core: a run that it interrupted is as long as it likes and is never kept; a network
 * that had no other has no label, but a reason. */
static void test_preempted(void **state) {
    (void)state;
    campaign c;
    char line[400], text[MAPLE_MAX_ARCH_TEXT], path[320];
    size_t other;
    make_campaign(&c, "preempted");
    maple_space_format(c.config.space, &c.archs[9], text);
    snprintf(line, sizeof line, "preempted 1 %s", text);
    run_configured(&c, "preempted", line, path);
    assert_int_equal(c.report.measured, ARCHS - 1);
    assert_int_equal(c.report.failed, 1);
    assert_int_equal(stored_runs(&c, path, 9, 1, &other), 0);
    maple_latency label = stored_label(&c, path, 9);
    assert_true(isnan(label.latency_ms));
    assert_non_null(strstr(label.reason, "other programs had the core in the middle of each of its runs"));
    assert_int_equal(stored_runs(&c, path, 8, 1, &other), MANY);
    assert_int_equal(other, 0);
    /* When it is gone the network is measured, where that is asked for. */
    configure(&c, "scale 1");
    c.plan.retry_failed = true;
    run_or_fail(&c, path);
    assert_int_equal(c.report.measured, 1);
    assert_int_equal(stored_runs(&c, path, 9, 1, &other), MANY);
    assert_int_equal(other, 0);
    assert_true(stored_label(&c, path, 9).latency_ms > 0);
}

/* Where most runs are interrupted labels are of the others, and where all are, the sentinels' before the
 * campaign too, the pool learns nothing of how fast the machine is: it is not refused when they are gone. */
static void test_preempted_all_the_time(void **state) {
    (void)state;
    campaign c;
    char path[320];
    size_t other;
    run_configured(&c, "preempted-most", "preempted 0.8 all", path);
    assert_int_equal(c.report.measured, ARCHS);
    assert_true(c.report.disturbed_share > 0.7);
    for (size_t i = 0; i < ARCHS; i++) {
        assert_in_range(stored_runs(&c, path, i, 1, &other), 8, MANY);
        assert_int_equal(other, 0);
    }
    /* Of two rounds each has more than the usual four attempts. */
    snprintf(path, sizeof path, "%s/preempted-few.db", scratch);
    make(&c, "preempted-few");
    c.plan.rounds = 2;
    configure(&c, "preempted 0.8 all");
    run_or_fail(&c, path);
    assert_int_equal(c.report.measured, ARCHS);
    run_configured(&c, "preempted-all", "preempted 1 all", path);
    assert_int_equal(c.report.failed, ARCHS);
    configure(&c, "scale 1");
    c.plan.retry_failed = true;
    run_or_fail(&c, path);
    assert_int_equal(c.report.measured, ARCHS);
}

/* Operators beside a neighbour: of 400 loops those that it left alone count. Where it leaves none alone they
 * are kept as they are, too slow, and that is said. */
static void test_operators_beside_a_neighbour(void **state) {
    (void)state;
    static const struct { double share, factor; } cases[] = {{0.9, 1}, {1, 1.6}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        campaign c;
        char name[32], line[64];
        int64_t undisturbed_ns = 10000;
        maple_error error = {0};
        snprintf(name, sizeof name, "operators%zu", k);
        snprintf(line, sizeof line, "neighbour %g", cases[k].share);
        make(&c, name);
        configure(&c, line);
        c.config.fastest_probe_ns = &undisturbed_ns;
        c.warnings[0] = '\0';
        size_t n = maple_space_operators(c.config.space);
        maple_operator_latency *rows = maple_alloc(n, sizeof *rows);
        assert_non_null(rows);
        if (maple_measure_operators(&c.config, rows, &error) != MAPLE_OK)
            fail_msg("%s", error.message);
        for (size_t i = 0; i < n; i++) {
            assert_true(fabs(rows[i].latency_ms / (cases[k].factor * 1e-3 * (double)(1 + i)) - 1) < 1e-9);
            if (cases[k].factor > 1)
                assert_int_equal(rows[i].runs, 400);
            else
                assert_in_range(rows[i].runs, 10, 80);
        }
        maple_free(rows);
        assert_int_equal(strstr(c.warnings, "hardly ever to ourselves beside") != NULL, cases[k].factor > 1);
    }
}

/* Slower for good: after three repetitions it is kept, and said; later windows are not repeated in vain. */
static void test_lasting_drift(void **state) {
    (void)state;
    campaign c;
    size_t other;
    const char *path = in_scratch("lasting.db");
    make(&c, "lasting");
    configure_drift(&c, 1.1, 20, 100000);
    run_or_fail(&c, path);
    assert_int_equal(c.report.rounds_repeated, 30);
    assert_int_equal(c.report.windows, 4);
    assert_int_equal(c.report.windows_changed, 2);
    assert_true(fabs(c.report.sentinel_drift - 0.1) < 0.01);
    assert_non_null(strstr(c.warnings, "its sentinels take 1"));
    assert_non_null(strstr(c.warnings, "% more than at first"));
    assert_non_null(strstr(c.warnings, "measure under a new name (--name)"));
    assert_null(strstr(strstr(c.warnings, "changed for good") + 1, "changed for good")); /* once */
    assert_int_equal(stored_runs(&c, path, 3, 1, &other), MANY);
    assert_int_equal(other, 20);
    /* The old level is fine again, too. */
    make(&c, "comes_back");
    configure_drift(&c, 1.1, 10, 10 + 4 * 10 + 5);
    run_or_fail(&c, in_scratch("comes_back.db"));
    assert_int_equal(c.report.windows_changed, 1); /* the second; the third was slow in half of its rounds */
    assert_true(c.report.rounds_repeated == 30 || c.report.rounds_repeated == 40);
}

/* The next campaign of a platform is compared with its first one. */
static void test_reference_of_the_platform(void **state) {
    (void)state;
    campaign c;
    const char *path = in_scratch("reference.db");
    make(&c, "reference");
    run_or_fail(&c, path);
    set_scale(&c, 1.02);
    c.archs[0] = maple_space_nth(c.config.space, 20);
    run_or_fail(&c, path);
    assert_int_equal(c.report.rounds_repeated, 0);
    set_scale(&c, 0.96); /* within the 5 % of another machine, beyond the 3 % of this one */
    c.archs[0] = maple_space_nth(c.config.space, 21);
    run_or_fail(&c, path);
    assert_int_equal(c.report.rounds_repeated, 30);
    assert_int_equal(c.report.windows_changed, 4);
    assert_non_null(strstr(c.warnings, "% less than at first"));
    /* Accepted as another machine: its own first window is the reference. */
    set_scale(&c, 1.3);
    c.archs[0] = maple_space_nth(c.config.space, 22);
    c.plan.accept_drift = true;
    run_or_fail(&c, path);
    assert_int_equal(c.report.windows_changed, 0);
    c.archs[0] = maple_space_nth(c.config.space, 23);
    run_or_fail(&c, path);
    assert_int_equal(c.report.windows_changed, 0);
}

/* Runs beside a neighbour tell nothing about the machine. */
static void test_shared_core(void **state) {
    (void)state;
    campaign c;
    make(&c, "shared");
    run_or_fail(&c, in_scratch("shared.db"));
    configure(&c, "probe 1.5");
    int64_t quiet_ns = 10000;
    c.config.fastest_probe_ns = &quiet_ns;
    c.archs[0] = maple_space_nth(c.config.space, 20);
    run_or_fail(&c, in_scratch("shared.db"));
    assert_int_equal(c.report.windows, 0);
    assert_int_equal(c.report.rounds_repeated, 0);
    assert_true(c.report.disturbed_share > 0.7);
}

/* --- Spread --- */

static void configure_noisy(const campaign *c, double share, int runs, size_t arch) {
    char line[400], text[MAPLE_MAX_ARCH_TEXT];
    maple_space_format(c->config.space, &c->archs[arch], text);
    snprintf(line, sizeof line, "noisy %g %d %s", share, runs, text);
    configure(c, line);
}

static void test_spread(void **state) {
    (void)state;
    static const struct {
        double share;
        int runs;
        double limit;
        bool at_once;
        size_t repeated;
        const char *flag;
    } cases[] = {
        {0.04, 100000, 0, false, 0, ""}, /* 8 % apart */
        {0.04, 100000, 0.05, true, 0,
         "noisy: the middle half of its runs spreads by 8 % after 0 repetitions"},
        {0.2, MANY, 0, false, 1, ""},
        {0.2, 2 * MANY, 0, false, 2, ""},
        {0.2, 100000, 0, false, 2, "noisy: the middle half of its runs spreads by 40 % after 2 repetitions"},
        {0.2, 100000, 0.5, false, 0, ""},
        {0.2, 100000, 0, true, 0, "noisy: the middle half of its runs spreads by 40 % after 0 repetitions"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        campaign c;
        char name[32], path[320];
        size_t other;
        snprintf(name, sizeof name, "spread%zu", k);
        make(&c, name);
        snprintf(path, sizeof path, "%s/%s.db", scratch, name);
        configure_noisy(&c, cases[k].share, cases[k].runs, 9);
        c.plan.spread_limit = cases[k].limit;
        c.plan.flag_at_once = cases[k].at_once;
        run_or_fail(&c, path);
        assert_int_equal(taken_back, cases[k].repeated * MANY);
        assert_int_equal(committed, (ARCHS + cases[k].repeated) * MANY);
        assert_int_equal(stored_runs(&c, path, 9, 1, &other), MANY);
        assert_int_equal(other, cases[k].runs > 2 * MANY ? MANY : 0);
        assert_string_equal(stored_label(&c, path, 9).flag, cases[k].flag);
        assert_string_equal(stored_label(&c, path, 8).flag, "");
        assert_int_equal(c.report.flagged, cases[k].flag[0] != '\0');
        assert_int_equal(c.report.measured, ARCHS);
        assert_int_equal(c.report.rounds_repeated, 0);
    }
}

/* Flagged ones count as measured, until they are asked for anew. */
static void test_retry_flagged(void **state) {
    (void)state;
    campaign c;
    const char *path = in_scratch("retry.db");
    size_t other;
    make(&c, "retry");
    configure_noisy(&c, 0.2, 100000, 9);
    run_or_fail(&c, path);
    run_or_fail(&c, path);
    assert_int_equal(c.report.already, ARCHS);
    assert_int_equal(c.report.flagged, 1);
    configure(&c, "scale 1");
    c.plan.retry_flagged = true;
    committed = 0;
    run_or_fail(&c, path);
    assert_int_equal(committed, MANY);
    assert_int_equal(c.report.already, ARCHS - 1);
    assert_int_equal(c.report.measured, 1);
    assert_int_equal(c.report.flagged, 0);
    assert_int_equal(stored_runs(&c, path, 9, 1, &other), MANY);
    assert_int_equal(other, 0);
    maple_latency label = stored_label(&c, path, 9);
    assert_true(label.runs == MANY && !label.flag[0]);
}

/* A machine that changed is refused before anything is forgotten. */
static void test_retry_flagged_refused(void **state) {
    (void)state;
    campaign c;
    const char *path = in_scratch("retry_refused.db");
    maple_error error = {0};
    size_t other;
    make(&c, "retry_refused");
    configure_noisy(&c, 0.2, 100000, 9);
    run_or_fail(&c, path);
    configure(&c, "scale 1.5");
    c.plan.retry_flagged = true;
    assert_int_equal(run_campaign(&c, path, &error), MAPLE_BAD_INPUT);
    assert_int_equal(stored_runs(&c, path, 9, 1, &other), MANY);
    assert_true(stored_label(&c, path, 9).flag[0]);
}

/* --- Kills --- */

typedef struct told {
    int16_t arch, round;
    bool back; /* taken back; else committed */
} told;

static const campaign *telling;
static int tell_to = -1;

static void tell(const maple_arch *arch, int round, bool back) {
    told row = {.round = (int16_t)round, .back = back};
    while (!maple_arch_equal(&telling->archs[row.arch], arch))
        row.arch++;
    if (write(tell_to, &row, sizeof row) != sizeof row)
        _exit(9);
}

static void tell_committed(void *user, int round, const maple_arch *archs, const double *latency_ms,
                           size_t n) {
    (void)user, (void)latency_ms;
    for (size_t i = 0; i < n; i++)
        tell(&archs[i], round, false);
}

static void tell_taken_back(void *user, const maple_arch *archs, const int *rounds, size_t n) {
    (void)user;
    for (size_t i = 0; i < n; i++)
        tell(&archs[i], rounds[i], true);
}

/* A campaign in a process of its own, killed after a while; true where it was done before. What it told until
 * then is put into known[ARCHS][MANY]: *twice counts what it measured though that was known. */
static bool run_and_kill(campaign *c, const char *path, double seconds, bool (*known)[MANY], size_t *twice,
                         size_t *back) {
    int ends[2], how;
    told row;
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        maple_error error = {0};
        close(ends[0]);
        telling = c;
        tell_to = ends[1];
        c->plan.committed = tell_committed;
        c->plan.taken_back = tell_taken_back;
        _exit((int)run_campaign(c, path, &error));
    }
    close(ends[1]);
    nanosleep(&(struct timespec){(time_t)seconds, (long)(fmod(seconds, 1) * 1e9)}, NULL);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &how, 0), child);
    while (read(ends[0], &row, sizeof row) == sizeof row) {
        *twice += !row.back && known[row.arch][row.round];
        *back += row.back;
        known[row.arch][row.round] = !row.back;
    }
    close(ends[0]);
    assert_true(WIFSIGNALED(how) || how == 0);
    return !WIFSIGNALED(how);
}

static size_t count_lost(const campaign *c, const char *path, bool (*known)[MANY]) {
    maple_pool *pool = NULL;
    maple_platform platform;
    maple_error error = {0};
    size_t lost = 0;
    if (access(path, F_OK) != 0 || maple_pool_open(path, MAPLE_POOL_READ, &pool, &error) != MAPLE_OK)
        return 0;
    bool there = maple_pool_find_platform(pool, c->name, &platform, &error) == MAPLE_OK;
    for (size_t i = 0; there && i < ARCHS; i++) {
        int *rounds = NULL;
        double *latency_ms = NULL;
        bool has[MANY] = {false};
        size_t n = 0;
        assert_int_equal(maple_pool_runs(pool, platform.id, c->config.space, &c->archs[i], &rounds,
                                         &latency_ms, &n, &error),
                         MAPLE_OK);
        for (size_t k = 0; k < n; k++)
            has[rounds[k]] = true;
        for (int r = 0; r < MANY; r++)
            lost += known[i][r] && !has[r];
        maple_free(rounds);
        maple_free(latency_ms);
    }
    maple_pool_close(pool);
    return lost;
}

/* While windows and networks are taken back, too, what is acknowledged and not taken back is there. */
static void test_kills_and_taking_back(void **state) {
    (void)state;
    static campaign c;
    static bool known[ARCHS][MANY];
    size_t twice = 0, back = 0;
    char line[500], noisy[MAPLE_MAX_ARCH_TEXT];
    maple_rng rng = maple_rng_seed(3);
    make(&c, "kills");
    maple_space_format(c.config.space, &c.archs[9], noisy);
    snprintf(line, sizeof line, "drift 1.1 %d %d\nnoisy 0.2 %d %s", CHECK_RUNS + 8 * ROUND_RUNS,
             CHECK_RUNS + 18 * ROUND_RUNS, 2 * MANY, noisy);
    configure(&c, line);
    int kills = 0, campaigns = 0, how = 0;
    int64_t begin = maple_clock_ns();
    pid_t undisturbed = fork();
    assert_true(undisturbed >= 0);
    if (undisturbed == 0)
        _exit((int)run_campaign(&c, in_scratch("undisturbed.db"), NULL));
    assert_int_equal(waitpid(undisturbed, &how, 0), undisturbed);
    assert_int_equal(how, 0);
    double seconds = (double)(maple_clock_ns() - begin) / 1e9;
    for (bool complete = true; kills < 25 || !complete;) {
        char path[320];
        campaigns += complete;
        snprintf(path, sizeof path, "%s/kills%d.db", scratch, campaigns);
        if (complete)
            memset(known, 0, sizeof known);
        complete = run_and_kill(&c, path, 1.2 * seconds * maple_rng_uniform(&rng), known, &twice, &back);
        assert_int_equal(count_lost(&c, path, known), 0);
        kills += !complete;
    }
    assert_int_equal(twice, 0);
    printf("%d kills, %zu runs taken back; of what was acknowledged and not taken back lost 0, twice 0\n",
           kills, back);
    assert_true(back > 0);
}

/* --- Shares of the time --- */

static void test_executing(void **state) {
    (void)state;
    campaign c;
    double timed_ms = 0;
    make(&c, "executing");
    run_or_fail(&c, in_scratch("executing.db"));
    for (int round = 0; round < MANY; round++) {
        for (size_t i = 0; i < ARCHS; i++)
            timed_ms += fake_latency_ms(&c.archs[i], round);
        for (size_t i = 0; i < SENTINELS; i++) {
            maple_arch sentinel = maple_space_sentinel(c.config.space, i);
            timed_ms += fake_latency_ms(&sentinel, round);
        }
    }
    assert_true(fabs(c.report.timed_s * 1e3 / timed_ms - 1) < 1e-9);
    assert_true(fabs(c.report.executing_s * 1e3 / (2 * timed_ms) - 1) < 1e-5); /* whole ns */
    assert_true(c.report.wall_s > 0);
}

/* --- Other load --- */

static void write_proc(const char *root, const char *name, const char *text) {
    char path[400];
    snprintf(path, sizeof path, "%s%s", root, name);
    FILE *file = fopen(path, "we");
    if (!file)
        fail_msg("%s", path);
    fputs(text, file);
    fclose(file);
}

static void replay(const char *root, const char *loadavg, const char *stat, const char *status,
                   double seconds, maple_load_meter *meter) {
    maple_load_sample sample;
    write_proc(root, "/proc/loadavg", loadavg);
    write_proc(root, "/proc/stat", stat);
    write_proc(root, "/proc/77/status", status);
    maple_load_sample_take(root, 77, &sample);
    sample.at_ns = (int64_t)(seconds * 1e9);
    maple_load_note(meter, &sample);
}

static void test_load(void **state) {
    (void)state;
    char root[300], folder[320];
    maple_load_meter meter = {0};
    maple_load load;
    snprintf(root, sizeof root, "%s/machine", scratch);
    snprintf(folder, sizeof folder, "%s/proc", root);
    assert_int_equal(mkdir(root, 0700), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(folder, sizeof folder, "%s/proc/77", root);
    assert_int_equal(mkdir(folder, 0700), 0);
    /* 1,000 ticks between the first two samples, 50 of them stolen; guest time is in user already. */
    replay(root, "0.50 0.40 0.30 1/200 4242\n",
           "cpu  1000 0 500 8000 100 0 0 400 77 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 5 0\nctxt 10000\nbtime 1\n",
           "Name:\tmaple\nvoluntary_ctxt_switches:\t9\nnonvoluntary_ctxt_switches:\t20\n", 10, &meter);
    replay(root, "0.50 0.40 0.30 3/200 4242\n",
           "cpu  1400 0 550 8500 100 0 0 450 99 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 5 0\nctxt 14000\n",
           "nonvoluntary_ctxt_switches:\t25\n", 12, &meter);
    replay(root, "0.50 0.40 0.30 2/200 4242\n", "cpu  1400 0 550 9500 100 0 0 450 99 0\nctxt 14000\n",
           "nonvoluntary_ctxt_switches:\t25\n", 15, &meter);
    maple_load_read(&meter, &load);
    assert_true(fabs(load.runnable - (0 + 2 + 1) / 3.0) < 1e-12);
    assert_true(fabs(load.steal_share - 50 / 2000.0) < 1e-12);
    assert_true(fabs(load.switches_per_s - 4000 / 5.0) < 1e-9);
    assert_true(fabs(load.involuntary_per_s - 5 / 5.0) < 1e-12);
    assert_true(fabs(load.preempted_share - 0.5) < 1e-12);
}

/* What the system does not tell is not 0. */
static void test_load_unknown(void **state) {
    (void)state;
    maple_load_meter meter = {0};
    maple_load_sample sample;
    maple_load load;
    for (int i = 0; i < 2; i++) {
        maple_load_sample_take("/nowhere", 77, &sample);
        maple_load_note(&meter, &sample);
    }
    maple_load_read(&meter, &load);
    assert_true(isnan(load.runnable) && isnan(load.steal_share) && isnan(load.switches_per_s) &&
                isnan(load.involuntary_per_s) && isnan(load.preempted_share));
    /* A worker that was started again begins to count anew. */
    meter = (maple_load_meter){0};
    sample = (maple_load_sample){.running = 1, .involuntary = 500, .process = 7, .at_ns = 1};
    maple_load_note(&meter, &sample);
    sample = (maple_load_sample){.running = 1, .involuntary = 600, .process = 8, .at_ns = 1000000000};
    maple_load_note(&meter, &sample);
    maple_load_read(&meter, &load);
    assert_true(isnan(load.involuntary_per_s) && load.runnable == 0);
}

/* This machine: a campaign's report has what /proc tells. */
static void test_load_here(void **state) {
    (void)state;
    campaign c;
    make(&c, "load_here");
    run_or_fail(&c, in_scratch("load_here.db"));
    if (access("/proc/loadavg", R_OK) == 0)
        assert_true(c.report.load.runnable >= 0);
    if (access("/proc/self/status", R_OK) == 0 && c.report.wall_s > 0.2)
        assert_true(c.report.load.involuntary_per_s >= 0 && c.report.load.preempted_share <= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_passing_drift),
        cmocka_unit_test(test_scatter_is_no_drift),
        cmocka_unit_test(test_neighbour),
        cmocka_unit_test(test_preempted),
        cmocka_unit_test(test_preempted_all_the_time),
        cmocka_unit_test(test_operators_beside_a_neighbour),
        cmocka_unit_test(test_lasting_drift),
        cmocka_unit_test(test_reference_of_the_platform),
        cmocka_unit_test(test_shared_core),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_retry_flagged),
        cmocka_unit_test(test_retry_flagged_refused),
        cmocka_unit_test(test_kills_and_taking_back),
        cmocka_unit_test(test_executing),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_load_unknown),
        cmocka_unit_test(test_load_here),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
