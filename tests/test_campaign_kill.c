/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A campaign process is killed (SIGKILL) at random moments and started again until its pool is complete, then
 * the next one begins: what it had acknowledged, which it does after the commit, is there after each kill, is
 * never measured again, and the complete pool is that of a campaign that nobody disturbed. MAPLE_KILLS says
 * how many kills (100).
 */
#include "campaign_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

typedef struct acknowledged {
    int16_t arch, round;
} acknowledged;

/* --- The campaign process --- */

static int acknowledge_to = -1;

static size_t place(const campaign *c, const maple_arch *arch) {
    for (size_t i = 0; i < ARCHS; i++) {
        if (maple_arch_equal(&c->archs[i], arch))
            return i;
    }
    return ARCHS;
}

static void acknowledge(void *user, int round, const maple_arch *archs, const double *latency_ms, size_t n) {
    const campaign *c = user;
    (void)latency_ms;
    for (size_t i = 0; i < n; i++) {
        acknowledged row = {(int16_t)place(c, &archs[i]), (int16_t)round};
        if (write(acknowledge_to, &row, sizeof row) != sizeof row)
            _exit(9);
    }
}

static void say(void *user, maple_log_level level, const char *message) {
    (void)user, (void)level, (void)message;
}

/* Exit code: the status. What went wrong is left in FILE.error. */
static pid_t start_campaign(const campaign *what, const char *path, int *acknowledgements) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) {
        close(ends[1]);
        *acknowledgements = ends[0];
        return child;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a stopped child would outlive a test that fails */
    campaign c = *what;
    maple_hooks hooks = {.log = say};
    maple_error error = {0};
    close(ends[0]);
    acknowledge_to = ends[1];
    c.config.hooks = &hooks;
    c.config.worker_path = c.worker;
    c.plan.archs = c.archs;
    c.plan.committed = acknowledge;
    c.plan.user = &c;
    maple_status status = run_campaign(&c, path, &error);
    if (status != MAPLE_OK) {
        char name[600];
        snprintf(name, sizeof name, "%s.%s.error", path, c.name);
        FILE *file = fopen(name, "we");
        if (file) {
            fputs(error.message, file);
            fclose(file);
        }
    }
    _exit((int)status);
}

static const char *read_complaint(const campaign *c, const char *path) {
    static char text[1024];
    char name[600];
    snprintf(name, sizeof name, "%s.%s.error", path, c->name);
    text[0] = '\0';
    FILE *file = fopen(name, "re");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        unlink(name);
    }
    return text;
}

/* --- Watching it --- */

typedef struct ledger {
    bool acked[ARCHS][ROUNDS];
    stored before; /* what the pool had when the process began */
    size_t rows, lost, duplicated;
} ledger;

static void drain(ledger *l, int acknowledgements) {
    acknowledged row;
    while (read(acknowledgements, &row, sizeof row) == sizeof row) {
        assert_in_range(row.arch, 0, ARCHS - 1);
        assert_in_range(row.round, 0, ROUNDS - 1);
        l->rows++;
        l->duplicated += l->acked[row.arch][row.round] || l->before.run[row.arch][row.round];
        l->acked[row.arch][row.round] = true;
    }
    close(acknowledgements);
}

static void count_lost(ledger *l, const stored *now) {
    for (size_t i = 0; i < ARCHS; i++) {
        for (int r = 0; r < ROUNDS; r++)
            l->lost += (l->acked[i][r] || l->before.run[i][r]) && !now->run[i][r];
        if (l->before.has_label[i])
            l->lost += !now->has_label[i];
    }
    l->before = *now;
}

/* Orphans of a killed campaign come to this process: its worker goes with it. */
static void assert_worker_ends(void) {
    for (int waited_ms = 0; waited_ms < 20000; waited_ms += 5) {
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
        if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    fail_msg("a killed campaign left its worker behind");
}

static bool platform_is_there(const campaign *c, const char *path) {
    maple_pool *pool = NULL;
    maple_platform platform;
    if (access(path, F_OK) != 0 || maple_pool_open(path, MAPLE_POOL_READ, &pool, NULL) != MAPLE_OK)
        return false;
    bool found = maple_pool_find_platform(pool, c->name, &platform, NULL) == MAPLE_OK;
    maple_pool_close(pool);
    return found;
}

/* Rounds and rows alike, in every value. */
static void assert_same_pool(const stored *a, const stored *b) {
    assert_memory_equal(a->run, b->run, sizeof a->run);
    for (size_t i = 0; i < ARCHS; i++) {
        assert_true(a->has_label[i] && b->has_label[i]);
        assert_string_equal(a->label[i].reason, b->label[i].reason);
        assert_int_equal(a->label[i].runs, b->label[i].runs);
        const double *x = &a->label[i].latency_ms, *y = &b->label[i].latency_ms;
        for (int k = 0; k < 4; k++) /* latency, mean, minimum, sd */
            assert_true(x[k] == y[k] || (isnan(x[k]) && isnan(y[k])));
    }
}

static double run_undisturbed(const campaign *c, const char *path, stored *out) {
    int acknowledgements, how;
    static ledger l;
    l = (ledger){.rows = 0};
    int64_t begin = maple_clock_ns();
    pid_t child = start_campaign(c, path, &acknowledgements);
    drain(&l, acknowledgements);
    assert_int_equal(waitpid(child, &how, 0), child);
    if (how != 0)
        fail_msg("%s", read_complaint(c, path));
    double seconds = (double)(maple_clock_ns() - begin) / 1e9;
    read_stored(c, path, out);
    assert_int_equal(l.rows, out->runs);
    return seconds;
}

/* One process, killed after a while; true where it was done before that. */
static bool run_and_kill(const campaign *c, const char *path, double seconds, ledger *l, stored *now) {
    int acknowledgements, how;
    pid_t child = start_campaign(c, path, &acknowledgements);
    nanosleep(&(struct timespec){(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)}, NULL);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &how, 0), child);
    drain(l, acknowledgements);
    assert_worker_ends();
    if (!WIFSIGNALED(how) && how != 0)
        fail_msg("exit %d: %s", WEXITSTATUS(how), read_complaint(c, path));
    if (platform_is_there(c, path)) {
        read_stored(c, path, now);
        count_lost(l, now);
    }
    return !WIFSIGNALED(how);
}

/* Some networks fail: that has to survive, too. */
static void break_some(campaign *c) {
    add_fault(c, "run", "crash", 11);
    add_fault(c, "compile", "exit", 24);
    add_fault(c, "compile", "refuse", 30);
}

static void test_kills(void **state) {
    (void)state;
    static campaign c;
    static stored whole, now;
    static ledger l;
    const char *wanted = getenv("MAPLE_KILLS");
    int kills = 0, enough = wanted ? atoi(wanted) : 100, campaigns = 0;
    maple_rng rng = maple_rng_seed(11);
    size_t rows = 0;
    make_campaign(&c, "killed");
    break_some(&c);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    double seconds = run_undisturbed(&c, in_scratch("whole.db"), &whole);
    assert_int_equal(whole.runs, (ARCHS - 3) * ROUNDS);
    for (bool complete = true; kills < enough || !complete;) {
        char path[512];
        snprintf(path, sizeof path, "%s/killed%d.db", scratch, campaigns);
        if (complete)
            l = (ledger){.rows = 0};
        /* A third of the kills hits what comes before the first round. */
        double wait = seconds * maple_rng_uniform(&rng) * (maple_rng_below(&rng, 3) ? 1 : 0.3);
        complete = run_and_kill(&c, path, wait, &l, &now);
        kills += !complete;
        rows += complete ? l.rows : 0;
        if (!complete)
            continue;
        assert_int_equal(l.lost, 0);
        assert_int_equal(l.duplicated, 0);
        assert_same_pool(&whole, &now);
        campaigns++;
    }
    printf("%d kills in %d campaigns; of %zu acknowledged rows lost 0, duplicated 0\n", kills, campaigns,
           rows);
}

/* --- Two campaigns on one pool --- */

static void test_two_platforms(void **state) {
    (void)state;
    static campaign c[2];
    static ledger l[2];
    static stored whole, now;
    const char *path = in_scratch("two.db");
    pid_t children[2];
    int acknowledgements[2], how;
    make_campaign(&c[0], "two");
    make_campaign(&c[1], "two");
    run_undisturbed(&c[0], in_scratch("one.db"), &whole);
    for (int i = 0; i < 2; i++) {
        snprintf(c[i].name, sizeof c[i].name, "fake %d", i);
        l[i] = (ledger){.rows = 0};
        children[i] = start_campaign(&c[i], path, &acknowledgements[i]);
    }
    for (int i = 0; i < 2; i++)
        drain(&l[i], acknowledgements[i]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(waitpid(children[i], &how, 0), children[i]);
        if (how != 0)
            fail_msg("%s", read_complaint(&c[i], path));
        read_stored(&c[i], path, &now);
        count_lost(&l[i], &now);
        assert_same_pool(&whole, &now);
        assert_int_equal(l[i].lost + l[i].duplicated, 0);
    }
}

/* The second one on the same platform is told who is first, and finds everything done afterwards. */
static void test_same_platform(void **state) {
    (void)state;
    static campaign c;
    static stored whole, now;
    static ledger l;
    const char *path = in_scratch("same.db");
    acknowledged row;
    maple_error error = {0};
    int acknowledgements, how;
    char expected[64];
    make_campaign(&c, "same");
    run_undisturbed(&c, in_scratch("same_whole.db"), &whole);
    l = (ledger){.rows = 0};
    pid_t child = start_campaign(&c, path, &acknowledgements);
    /* The first one has begun, and then waits: its acknowledgements fill the pipe of a stopped process. */
    assert_int_equal(read(acknowledgements, &row, sizeof row), sizeof row);
    static campaign second;
    make_campaign(&second, "same");
    assert_int_equal(kill(child, SIGSTOP), 0);
    /* Stopped while it writes it holds the whole pool: it is let go on a little. */
    for (int attempt = 0; attempt < 20; attempt++) {
        assert_int_equal(run_campaign(&second, path, &error), MAPLE_IO_ERROR);
        if (!strstr(error.message, "another process is writing"))
            break;
        assert_int_equal(kill(child, SIGCONT), 0);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        assert_int_equal(kill(child, SIGSTOP), 0);
    }
    snprintf(expected, sizeof expected, "another process (%ld) measures platform 'fake'", (long)child);
    if (!strstr(error.message, expected))
        fail_msg("%s", error.message);
    assert_int_equal(kill(child, SIGCONT), 0);
    l.acked[row.arch][row.round] = true;
    drain(&l, acknowledgements);
    assert_int_equal(waitpid(child, &how, 0), child);
    if (how != 0)
        fail_msg("%s", read_complaint(&c, path));
    read_stored(&c, path, &now);
    assert_same_pool(&whole, &now);
    assert_int_equal(run_campaign(&second, path, &error), MAPLE_OK);
    assert_int_equal(second.report.already, ARCHS);
    char lock[512];
    snprintf(lock, sizeof lock, "%s-measuring-1", path);
    assert_int_equal(access(lock, F_OK), -1);
}

/* --- Disks --- */

static void fill(const char *path) {
    char block[4096] = {0};
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    for (size_t size = sizeof block; size > 0;) {
        if (write(file, block, size) < 0)
            size /= 2;
    }
    close(file);
}

static void test_full_disk(void **state) {
    (void)state;
    static campaign c;
    static stored whole, now;
    static ledger l;
    char folder[300], path[320], filler[320];
    int acknowledgements, how;
    acknowledged row;
    snprintf(folder, sizeof folder, "%s/small", scratch);
    snprintf(path, sizeof path, "%s/pool.db", folder);
    snprintf(filler, sizeof filler, "%s/filler", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    if (mount("tmpfs", folder, "tmpfs", 0, "size=2m") != 0) {
        print_message("no full disk here: tmpfs cannot be mounted: %s\n", strerror(errno));
        skip();
    }
    make_campaign(&c, "full");
    run_undisturbed(&c, in_scratch("full_whole.db"), &whole);
    l = (ledger){.rows = 0};
    pid_t child = start_campaign(&c, path, &acknowledgements);
    assert_int_equal(read(acknowledgements, &row, sizeof row), sizeof row);
    l.acked[row.arch][row.round] = true;
    assert_int_equal(kill(child, SIGSTOP),
                     0); /* on a busy machine it would be done before the disk is full */
    fill(filler);
    assert_int_equal(kill(child, SIGCONT), 0);
    drain(&l, acknowledgements);
    assert_int_equal(waitpid(child, &how, 0), child);
    const char *complaint = read_complaint(&c, in_scratch("small/pool.db"));
    assert_true(WIFEXITED(how));
    unlink(filler);
    read_stored(&c, path, &now);
    count_lost(&l, &now);
    assert_int_equal(l.lost, 0);
    if (WEXITSTATUS(how) != MAPLE_IO_ERROR || now.runs >= whole.runs)
        fail_msg("exit %d with %zu runs: %s", WEXITSTATUS(how), now.runs, complaint);
    child = start_campaign(&c, path, &acknowledgements);
    drain(&l, acknowledgements);
    assert_int_equal(waitpid(child, &how, 0), child);
    if (how != 0)
        fail_msg("%s", read_complaint(&c, path));
    read_stored(&c, path, &now);
    assert_same_pool(&whole, &now);
    assert_int_equal(l.duplicated, 0);
    /* The same pool on a disk that is read-only. */
    maple_error error = {0};
    assert_int_equal(mount(NULL, folder, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    c.plan.rounds = ROUNDS - 1;
    assert_int_equal(run_campaign(&c, path, &error), MAPLE_IO_ERROR);
    assert_non_null(strstr(error.message, "cannot be written: Read-only file system"));
    read_stored(&c, path, &now);
    assert_same_pool(&whole, &now);
    assert_int_equal(umount(folder), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kills),
        cmocka_unit_test(test_two_platforms),
        cmocka_unit_test(test_same_platform),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
