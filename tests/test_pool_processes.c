/* SPDX-License-Identifier: Apache-2.0 */
/* The pool and several processes: readers beside a writer, kills, creators at once, locks, a full disk. */
#include "pool_fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { ROUND = 20 };

static maple_status put_numbered_round(maple_pool *pool, int64_t platform, int round, maple_error *error) {
    maple_arch archs[ROUND];
    double latency[ROUND];
    for (size_t i = 0; i < ROUND; i++) {
        archs[i] = maple_space_nth(nas, i * 100);
        latency[i] = 1 + round;
    }
    return maple_pool_put_round(pool, platform, nas, round, archs, latency, ROUND, error);
}

/* Writes rounds from `first` on and says so on `pipe` after each; never returns. */
static void write_rounds(const char *path, int first, int n, int pipe) {
    maple_pool *pool = NULL;
    maple_platform p = example_platform("p");
    bool fine = maple_pool_open(path, MAPLE_POOL_WRITE, &pool, NULL) == MAPLE_OK &&
                maple_pool_add_platform(pool, &p, NULL, NULL) == MAPLE_OK;
    for (int round = first; fine && round < first + n; round++)
        fine = put_numbered_round(pool, p.id, round, NULL) == MAPLE_OK &&
               write(pipe, &round, sizeof round) == sizeof round;
    maple_pool_close(pool);
    _exit(fine ? 0 : 1);
}

/* Rounds of the first and the last architecture; both have the same ones: a round is there whole or not at
 * all. */
static size_t count_rounds(maple_pool *pool, int64_t platform) {
    size_t n[2];
    for (size_t i = 0; i < 2; i++) {
        maple_arch arch = maple_space_nth(nas, i ? (ROUND - 1) * 100 : 0);
        int *rounds;
        double *values;
        OK(maple_pool_runs(pool, platform, nas, &arch, &rounds, &values, &n[i], &why));
        for (size_t k = 0; k < n[i]; k++) {
            assert_int_equal(rounds[k], (int)k);
            assert_same(values[k], 1 + (double)k);
        }
        maple_free(rounds);
        maple_free(values);
    }
    return n[0] < n[1] ? n[0] : n[1];
}

static pid_t start_writer(const char *path, int first, int n, int *acknowledged) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        write_rounds(path, first, n, ends[1]);
    }
    close(ends[1]);
    *acknowledged = ends[0];
    return child;
}

static void test_reader_beside_writer(void **state) {
    (void)state;
    enum { ROUNDS = 60 };
    maple_pool *pool = new_pool("beside.db");
    maple_platform p = add_example(pool, "p");
    maple_pool_close(pool);
    const char *path = in_scratch("beside.db");
    int acknowledged, round, status;
    pid_t child = start_writer(path, 0, ROUNDS, &acknowledged);
    maple_pool *reader = open_pool(path, MAPLE_POOL_READ);
    while (read(acknowledged, &round, sizeof round) == sizeof round)
        assert_true(count_rounds(reader, p.id) >= (size_t)round + 1);
    assert_int_equal(round, ROUNDS - 1);
    close(acknowledged);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(count_rounds(reader, p.id), ROUNDS);
    maple_pool_close(reader);
}

/* What was acknowledged is there after a kill at any moment, and the campaign goes on. */
static void test_killed_writer(void **state) {
    (void)state;
    enum { KILLS = 25 };
    maple_pool *pool = new_pool("killed.db");
    maple_platform p = add_example(pool, "p");
    maple_pool_close(pool);
    const char *path = in_scratch("killed.db");
    maple_rng rng = maple_rng_seed(3);
    int next = 0;
    for (int i = 0; i < KILLS; i++) {
        int acknowledged, round, last = next - 1, status;
        pid_t child = start_writer(path, next, 100000, &acknowledged);
        struct timespec pause = {.tv_nsec = (long)(1 + maple_rng_below(&rng, 40)) * 1000000};
        nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(acknowledged, &round, sizeof round) == sizeof round)
            last = round;
        close(acknowledged);
        /* Alternately a reader and a writer come first after the kill. */
        pool = open_pool(path, i % 2 ? MAPLE_POOL_READ : MAPLE_POOL_WRITE);
        size_t stored = count_rounds(pool, p.id);
        assert_true(stored >= (size_t)last + 1 && stored <= (size_t)last + 2);
        next = (int)stored;
        maple_pool_close(pool);
    }
    assert_true(next > KILLS);
}

/* Killed while the pool is being made: the next one can make it. */
static void test_killed_creator(void **state) {
    (void)state;
    enum { KILLS = 40 };
    maple_rng rng = maple_rng_seed(4);
    for (int i = 0; i < KILLS; i++) {
        maple_pool_close(new_pool("created.db"));
        const char *path = in_scratch("created.db");
        unlink(path);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            maple_pool *pool;
            maple_pool_open(path, MAPLE_POOL_WRITE, &pool, NULL);
            _exit(0);
        }
        struct timespec pause = {.tv_nsec = (long)maple_rng_below(&rng, 10000000)};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        maple_pool *pool = open_pool(path, MAPLE_POOL_WRITE);
        add_example(pool, "p");
        maple_pool_close(pool);
    }
}

static void test_creators_at_once(void **state) {
    (void)state;
    enum { CREATORS = 6, TIMES = 5 };
    for (int k = 0; k < TIMES; k++) {
        char name[32];
        snprintf(name, sizeof name, "at once %d.db", k);
        const char *path = in_scratch(name);
        pid_t children[CREATORS];
        fflush(NULL);
        for (int i = 0; i < CREATORS; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                maple_pool *pool = NULL;
                maple_error error = {0};
                char platform_name[16];
                snprintf(platform_name, sizeof platform_name, "p%d", i);
                maple_platform p = example_platform(platform_name);
                bool fine = maple_pool_open(path, MAPLE_POOL_WRITE, &pool, &error) == MAPLE_OK &&
                            maple_pool_add_platform(pool, &p, NULL, &error) == MAPLE_OK;
                if (!fine)
                    fprintf(stderr, "%s\n", error.message);
                maple_pool_close(pool);
                _exit(!fine);
            }
        }
        for (int i = 0; i < CREATORS; i++) {
            int status;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_int_equal(status, 0);
        }
        maple_pool *pool = open_pool(path, MAPLE_POOL_READ);
        maple_platform *all;
        size_t n;
        OK(maple_pool_platforms(pool, &all, &n, &why));
        assert_int_equal(n, CREATORS);
        maple_free(all);
        maple_pool_close(pool);
    }
}

static void test_busy(void **state) {
    (void)state;
    maple_pool *pool = new_pool("busy.db");
    sqlite3 *other;
    assert_int_equal(sqlite3_open(in_scratch("busy.db"), &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    maple_platform p = example_platform("p");
    FAILS(maple_pool_add_platform(pool, &p, NULL, &why), MAPLE_IO_ERROR, "another process is writing");
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    OK(maple_pool_add_platform(pool, &p, NULL, &why));
    sqlite3_close(other);
    maple_pool_close(pool);
}

/* A limit on the size of files acts like a full disk: the step fails whole, earlier ones stay, later ones
 * work. */
static void test_disk_full(void **state) {
    (void)state;
    maple_pool *pool = new_pool("full.db");
    maple_platform p = add_example(pool, "p");
    put_examples(pool, p.id, 0, 100);
    maple_pool_close(pool);
    const char *path = in_scratch("full.db");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {300 * 1024, RLIM_INFINITY};
        signal(SIGXFSZ, SIG_IGN);
        maple_latency *rows = maple_alloc(15000, sizeof *rows);
        for (size_t i = 0; i < 15000; i++)
            rows[i] = example_latency(i);
        if (maple_pool_open(path, MAPLE_POOL_WRITE, &pool, &why) != MAPLE_OK)
            _exit(1);
        setrlimit(RLIMIT_FSIZE, &limit);
        if (maple_pool_put_latencies(pool, p.id, nas, rows, 15000, &why) != MAPLE_IO_ERROR)
            _exit(2);
        if (!strstr(why.message, "disk full") || !strstr(why.message, "full.db"))
            _exit(3);
        limit.rlim_cur = RLIM_INFINITY;
        setrlimit(RLIMIT_FSIZE, &limit);
        size_t n = 0;
        if (maple_pool_count_latencies(pool, p.id, nas, &n, &why) != MAPLE_OK || n != 100)
            _exit(4);
        if (maple_pool_put_latencies(pool, p.id, nas, rows, 15000, &why) != MAPLE_OK)
            _exit(5);
        maple_pool_close(pool);
        maple_free(rows);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    size_t n;
    pool = open_pool(path, MAPLE_POOL_READ);
    OK(maple_pool_count_latencies(pool, p.id, nas, &n, &why));
    assert_int_equal(n, 15000);
    maple_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reader_beside_writer),
        cmocka_unit_test(test_killed_writer),
        cmocka_unit_test(test_killed_creator),
        cmocka_unit_test(test_creators_at_once),
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_disk_full),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
