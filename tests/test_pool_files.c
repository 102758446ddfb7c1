/* SPDX-License-Identifier: Apache-2.0 */
/* The pool as a file: what is not one, other versions, damage, several processes, kills, full disks. */
#include "pool_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

enum { APPLICATION_ID_AT = 68, USER_VERSION_AT = 60 };

static const maple_pool_mode modes[] = {MAPLE_POOL_READ, MAPLE_POOL_WRITE, MAPLE_POOL_IMMUTABLE};
enum { MODES = sizeof modes / sizeof *modes };

/* Opening fails so in every mode, and the file stays as it is. */
static void refuse_bytes(const char *data, size_t bytes, const char *message) {
    const char *path = in_scratch("refused.db");
    spill(path, data, bytes);
    for (size_t i = 0; i < MODES; i++) {
        maple_pool *pool = NULL;
        size_t now;
        FAILS(maple_pool_open(path, modes[i], &pool, &pool_error), MAPLE_BAD_INPUT, message);
        assert_null(pool);
        assert_non_null(strstr(pool_error.message, path));
        char *after = slurp(path, &now);
        assert_int_equal(now, bytes);
        assert_memory_equal(after, data, bytes);
        maple_free(after);
        char side[600];
        snprintf(side, sizeof side, "%s-journal", path);
        assert_int_equal(access(side, F_OK), -1);
    }
    unlink(path);
}

/* The bytes of a pool with a platform and `n` latencies, at rest. */
static char *pool_bytes(size_t n, size_t *bytes) {
    maple_pool *pool = new_pool("bytes.db");
    maple_platform p = add_example(pool, "p");
    put_examples(pool, p.id, 0, n);
    maple_pool_close(pool);
    return slurp(in_scratch("bytes.db"), bytes);
}

static void test_not_a_pool(void **state) {
    (void)state;
    static const char text[] = "arch,latency_ms\n|none~0|,1.5\n";
    refuse_bytes(text, sizeof text - 1, "not an SQLite file");
    char noise[5000];
    maple_rng rng = maple_rng_seed(1);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)maple_rng_next(&rng);
    refuse_bytes(noise, sizeof noise, "not an SQLite file");
    refuse_bytes("SQLite format 3", 16, "not an SQLite file");
    sqlite3 *db;
    const char *path = in_scratch("other.db");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "CREATE TABLE platforms(id); PRAGMA journal_mode = WAL", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    size_t bytes;
    char *other = slurp(path, &bytes);
    refuse_bytes(other, bytes, "another application");
    maple_free(other);
}

static void test_other_versions(void **state) {
    (void)state;
    size_t bytes;
    char *data = pool_bytes(3, &bytes);
    assert_memory_equal(data + APPLICATION_ID_AT, "MAPL", 4);
    assert_memory_equal(data + USER_VERSION_AT, "\0\0\0\1", 4);
    data[USER_VERSION_AT + 3] = 7;
    refuse_bytes(data, bytes,
                 "written by a newer MAPLE (format 7, this one reads up to 1); install a newer MAPLE");
    data[USER_VERSION_AT + 3] = 0;
    refuse_bytes(data, bytes, "damaged (format 0)");
    maple_free(data);
}

static void test_missing_table(void **state) {
    (void)state;
    sqlite3 *db;
    maple_pool_close(new_pool("table.db"));
    const char *path = in_scratch("table.db");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE counters", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    size_t bytes;
    char *data = slurp(path, &bytes);
    refuse_bytes(data, bytes, "tables are missing");
    maple_free(data);
}

static void test_truncated(void **state) {
    (void)state;
    size_t bytes;
    char *data = pool_bytes(2000, &bytes);
    assert_true(bytes > 100000);
    refuse_bytes(data, 60, "not an SQLite file");
    for (size_t cut = 100; cut < bytes; cut += bytes / 7)
        refuse_bytes(data, cut, "damaged");
    maple_free(data);
}

/* Reads all that a pool has. */
static maple_status read_all(maple_pool *pool) {
    maple_dataset *dataset;
    maple_status status = maple_dataset_load(&pool, 1, nas, &dataset, &pool_error);
    if (status == MAPLE_OK) {
        for (size_t i = 0; status == MAPLE_OK && i < dataset->n_platforms; i++) {
            maple_text csv = {0};
            status = maple_pool_export_csv(pool, dataset->platforms[i].platform.id, nas, &csv, &pool_error);
            maple_text_free(&csv);
        }
        maple_dataset_free(dataset);
    }
    return status;
}

/* Random damage gives an error or other numbers, never a crash. */
static void test_damaged(void **state) {
    (void)state;
    enum { CASES = 300, BYTES = 20 };
    size_t bytes, refused = 0;
    char *data = pool_bytes(400, &bytes), *broken = maple_alloc(bytes, 1);
    maple_rng rng = maple_rng_seed(2);
    const char *path = in_scratch("damaged.db");
    for (int i = 0; i < CASES; i++) {
        memcpy(broken, data, bytes);
        for (int k = 0; k < BYTES; k++)
            broken[100 + maple_rng_below(&rng, bytes - 100)] = (char)maple_rng_next(&rng);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(broken, 1, bytes, file), bytes);
        fclose(file);
        maple_pool *pool = NULL;
        maple_status status = maple_pool_open(path, MAPLE_POOL_IMMUTABLE, &pool, &pool_error);
        if (status == MAPLE_OK)
            status = read_all(pool);
        if (status != MAPLE_OK) {
            assert_int_equal(status, MAPLE_BAD_INPUT);
            assert_non_null(strstr(pool_error.message, "damaged.db"));
            refused++;
        }
        maple_pool_close(pool);
    }
    assert_true(refused > CASES / 4);
    maple_free(data);
    maple_free(broken);
}

static void test_places(void **state) {
    (void)state;
    maple_pool *pool = NULL;
    for (size_t i = 0; i < MODES; i++) {
        FAILS(maple_pool_open(scratch, modes[i], &pool, &pool_error), MAPLE_BAD_INPUT, "a folder");
        FAILS(maple_pool_open("/dev/null", modes[i], &pool, &pool_error), MAPLE_BAD_INPUT,
              "not a regular file");
        FAILS(maple_pool_open("", modes[i], &pool, &pool_error), MAPLE_BAD_ARGUMENT, "empty");
    }
    FAILS(maple_pool_open(in_scratch("missing.db"), MAPLE_POOL_READ, &pool, &pool_error), MAPLE_IO_ERROR,
          "No such file");
    assert_int_equal(access(in_scratch("missing.db"), F_OK), -1);
    spill(in_scratch("a file"), "x", 1);
    FAILS(maple_pool_open(in_scratch("a file/pool.db"), MAPLE_POOL_WRITE, &pool, &pool_error), MAPLE_IO_ERROR,
          "Not a directory");
    FAILS(maple_pool_open("/proc/maple/pool.db", MAPLE_POOL_WRITE, &pool, &pool_error), MAPLE_IO_ERROR,
          "folder /proc/maple cannot be created");
    FAILS(maple_pool_open("/proc/maple.db", MAPLE_POOL_WRITE, &pool, &pool_error), MAPLE_IO_ERROR,
          "/proc/maple.db");
    /* An empty file may become a pool, and only by being opened for writing. */
    FILE *file = fopen(in_scratch("empty.db"), "w");
    fclose(file);
    FAILS(maple_pool_open(in_scratch("empty.db"), MAPLE_POOL_READ, &pool, &pool_error), MAPLE_BAD_INPUT,
          "an empty file");
    maple_pool_close(open_pool(in_scratch("empty.db"), MAPLE_POOL_WRITE));
    maple_pool_close(open_pool(in_scratch("empty.db"), MAPLE_POOL_READ));
    maple_pool_close(open_pool(in_scratch("new/folders/pool.db"), MAPLE_POOL_WRITE));
    maple_pool_close(NULL);
}

/* In a child that is not root, since root may write everywhere: 0, or the line that failed. */
static int try_without_permission(const char *pool_path, const char *new_path, const char *secret) {
    if (geteuid() == 0 && setuid(65534) != 0)
        return __LINE__;
    maple_pool *pool;
    maple_error error;
    if (maple_pool_open(new_path, MAPLE_POOL_WRITE, &pool, &error) != MAPLE_IO_ERROR ||
        !strstr(error.message, "Permission denied"))
        return __LINE__;
    if (maple_pool_open(secret, MAPLE_POOL_READ, &pool, &error) != MAPLE_IO_ERROR ||
        !strstr(error.message, "Permission denied"))
        return __LINE__;
    if (maple_pool_open(pool_path, MAPLE_POOL_WRITE, &pool, &error) != MAPLE_IO_ERROR)
        return __LINE__;
    if (maple_pool_open(pool_path, MAPLE_POOL_READ, &pool, &error) != MAPLE_OK)
        return __LINE__;
    maple_status status = read_all(pool);
    maple_pool_close(pool);
    return status == MAPLE_OK ? 0 : __LINE__;
}

static void test_permissions(void **state) {
    (void)state;
    maple_pool_close(open_pool(in_scratch("locked/pool.db"), MAPLE_POOL_WRITE));
    spill(in_scratch("locked/secret.db"), "", 0);
    chmod(in_scratch("locked/secret.db"), 0);
    chmod(in_scratch("locked/pool.db"), 0666);
    chmod(scratch, 0755);
    chmod(in_scratch("locked"), 0555);
    const char *existing = in_scratch("locked/pool.db"), *new_path = in_scratch("locked/new.db");
    const char *secret = in_scratch("locked/secret.db");
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        int line = try_without_permission(existing, new_path, secret);
        if (line)
            fprintf(stderr, "line %d: %s\n", line, pool_error.message);
        _exit(line != 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    chmod(in_scratch("locked"), 0755);
    assert_int_equal(access(new_path, F_OK), -1);
    assert_int_equal(access(in_scratch("locked/pool.db-shm"), F_OK), -1);
}

static void test_unusual_names(void **state) {
    (void)state;
    static const char *const names[] = {
        "with space.db", "que?mode=memory.db", "ha#sh.db", "per%41cent.db", "am&p=+.db",
        "ünï.db",        "quote'\".db",        "file:x",   ":memory:"};
    char before[512];
    assert_non_null(getcwd(before, sizeof before));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int relative = 0; relative < 2; relative++) {
            const char *full = in_scratch(names[i]), *path = relative ? names[i] : full;
            assert_int_equal(chdir(scratch), 0);
            unlink(full);
            maple_pool *pool = open_pool(path, MAPLE_POOL_WRITE);
            assert_string_equal(maple_pool_path(pool), path);
            add_example(pool, names[i]);
            maple_pool_close(pool);
            assert_int_equal(access(full, F_OK), 0);
            for (size_t m = 0; m < MODES; m++) {
                maple_platform found;
                pool = open_pool(path, modes[m]);
                OK(maple_pool_find_platform(pool, names[i], &found, &pool_error));
                maple_pool_close(pool);
            }
            assert_int_equal(chdir(before), 0);
        }
}

/* A pool at rest opened as immutable: no side files, nothing can be put. */
static void test_immutable(void **state) {
    (void)state;
    size_t bytes, now;
    char *data = pool_bytes(10, &bytes), side[600];
    const char *path = in_scratch("bytes.db");
    maple_pool *pool = open_pool(path, MAPLE_POOL_IMMUTABLE);
    OK(read_all(pool));
    static const char *const suffixes[] = {"-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(side, sizeof side, "%s%s", path, suffixes[i]);
        assert_int_equal(access(side, F_OK), -1);
    }
    maple_platform p = example_platform("new");
    FAILS(maple_pool_add_platform(pool, &p, NULL, &pool_error), MAPLE_BAD_ARGUMENT, "for reading only");
    maple_pool_close(pool);
    char *after = slurp(path, &now);
    assert_int_equal(now, bytes);
    assert_memory_equal(after, data, bytes);
    maple_free(after);
    maple_free(data);
    pool = open_pool(path, MAPLE_POOL_WRITE);
    add_example(pool, "q");
    maple_pool *immutable = NULL;
    FAILS(maple_pool_open(path, MAPLE_POOL_IMMUTABLE, &immutable, &pool_error), MAPLE_BAD_INPUT,
          "must be at rest");
    maple_pool_close(pool);
}

/* --- Several processes --- */

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
        OK(maple_pool_runs(pool, platform, nas, &arch, &rounds, &values, &n[i], &pool_error));
        for (size_t k = 0; k < n[i]; k++) {
            assert_int_equal(rounds[k], (int)k);
            assert_same(values[k], 1 + (double)k);
        }
        maple_free(rounds);
        maple_free(values);
        if (i == 0)
            continue;
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
        OK(maple_pool_platforms(pool, &all, &n, &pool_error));
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
    FAILS(maple_pool_add_platform(pool, &p, NULL, &pool_error), MAPLE_IO_ERROR, "another process is writing");
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    OK(maple_pool_add_platform(pool, &p, NULL, &pool_error));
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
        if (maple_pool_open(path, MAPLE_POOL_WRITE, &pool, &pool_error) != MAPLE_OK)
            _exit(1);
        setrlimit(RLIMIT_FSIZE, &limit);
        if (maple_pool_put_latencies(pool, p.id, nas, rows, 15000, &pool_error) != MAPLE_IO_ERROR)
            _exit(2);
        if (!strstr(pool_error.message, "disk full") || !strstr(pool_error.message, "full.db"))
            _exit(3);
        limit.rlim_cur = RLIM_INFINITY;
        setrlimit(RLIMIT_FSIZE, &limit);
        size_t n = 0;
        if (maple_pool_count_latencies(pool, p.id, nas, &n, &pool_error) != MAPLE_OK || n != 100)
            _exit(4);
        if (maple_pool_put_latencies(pool, p.id, nas, rows, 15000, &pool_error) != MAPLE_OK)
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
    OK(maple_pool_count_latencies(pool, p.id, nas, &n, &pool_error));
    assert_int_equal(n, 15000);
    maple_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_a_pool),       cmocka_unit_test(test_other_versions),
        cmocka_unit_test(test_missing_table),    cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),          cmocka_unit_test(test_places),
        cmocka_unit_test(test_permissions),      cmocka_unit_test(test_unusual_names),
        cmocka_unit_test(test_immutable),        cmocka_unit_test(test_reader_beside_writer),
        cmocka_unit_test(test_killed_writer),    cmocka_unit_test(test_killed_creator),
        cmocka_unit_test(test_creators_at_once), cmocka_unit_test(test_busy),
        cmocka_unit_test(test_disk_full),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
