/* SPDX-License-Identifier: Apache-2.0 */
/* The pool as a file: what is not one, other versions, damage, permissions, unusual names. */
#include "pool_fixture.h"
#include "sqlite_check.h"

#include <sys/wait.h>

enum { APPLICATION_ID_AT = 68, USER_VERSION_AT = 60 };

static const maple_pool_mode modes[] = {MAPLE_POOL_READ, MAPLE_POOL_WRITE, MAPLE_POOL_IMMUTABLE};
enum { MODES = sizeof modes / sizeof *modes };

/* Opening fails so in every mode, and the file stays as it is. */
static void refuse_bytes(const char *data, size_t bytes, const char *message) {
    const char *path = in_scratch("refused.db");
    spill(path, data, bytes);
    for (size_t i = 0; i < MODES; i++) {
        maple_pool *pool = NULL;
        FAILS(maple_pool_open(path, modes[i], &pool, &why), MAPLE_BAD_INPUT, message);
        assert_null(pool);
        assert_non_null(strstr(why.message, path));
        assert_file_is(path, data, bytes);
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
    const char *path = in_scratch("other.db");
    execute_sql(path, "CREATE TABLE platforms(id); PRAGMA journal_mode = WAL");
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
    assert_memory_equal(data + USER_VERSION_AT, "\0\0\0\3", 4);
    data[USER_VERSION_AT + 3] = 7;
    refuse_bytes(data, bytes,
                 "written by a newer MAPLE (format 7, this one reads up to 3); install a newer MAPLE");
    data[USER_VERSION_AT + 3] = 0;
    refuse_bytes(data, bytes, "damaged (format 0)");
    maple_free(data);
}

static void test_missing_table(void **state) {
    (void)state;
    maple_pool_close(new_pool("table.db"));
    const char *path = in_scratch("table.db");
    execute_sql(path, "DROP TABLE counters");
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
    maple_status status = maple_dataset_load(&pool, 1, nas, &dataset, &why);
    if (status == MAPLE_OK) {
        for (size_t i = 0; status == MAPLE_OK && i < dataset->n_platforms; i++) {
            maple_text csv = {0};
            status = maple_pool_export_csv(pool, dataset->platforms[i].platform.id, nas, &csv, &why);
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
        maple_status status = maple_pool_open(path, MAPLE_POOL_IMMUTABLE, &pool, &why);
        if (status == MAPLE_OK)
            status = read_all(pool);
        if (status != MAPLE_OK) {
            assert_int_equal(status, MAPLE_BAD_INPUT);
            assert_non_null(strstr(why.message, "damaged.db"));
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
        FAILS(maple_pool_open(scratch, modes[i], &pool, &why), MAPLE_BAD_INPUT, "a folder");
        FAILS(maple_pool_open("/dev/null", modes[i], &pool, &why), MAPLE_BAD_INPUT, "not a regular file");
        FAILS(maple_pool_open("", modes[i], &pool, &why), MAPLE_BAD_ARGUMENT, "empty");
    }
    FAILS(maple_pool_open(in_scratch("missing.db"), MAPLE_POOL_READ, &pool, &why), MAPLE_IO_ERROR,
          "No such file");
    assert_int_equal(access(in_scratch("missing.db"), F_OK), -1);
    spill(in_scratch("a file"), "x", 1);
    FAILS(maple_pool_open(in_scratch("a file/pool.db"), MAPLE_POOL_WRITE, &pool, &why), MAPLE_IO_ERROR,
          "Not a directory");
    FAILS(maple_pool_open("/proc/maple/pool.db", MAPLE_POOL_WRITE, &pool, &why), MAPLE_IO_ERROR,
          "folder /proc/maple cannot be created");
    FAILS(maple_pool_open("/proc/maple.db", MAPLE_POOL_WRITE, &pool, &why), MAPLE_IO_ERROR, "/proc/maple.db");
    /* An empty file may become a pool, and only by being opened for writing. */
    FILE *file = fopen(in_scratch("empty.db"), "w");
    fclose(file);
    FAILS(maple_pool_open(in_scratch("empty.db"), MAPLE_POOL_READ, &pool, &why), MAPLE_BAD_INPUT,
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
            fprintf(stderr, "line %d: %s\n", line, why.message);
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
                OK(maple_pool_find_platform(pool, names[i], &found, &why));
                maple_pool_close(pool);
            }
            assert_int_equal(chdir(before), 0);
        }
}

/* A pool at rest opened as immutable: no side files, nothing can be put. */
static void test_immutable(void **state) {
    (void)state;
    size_t bytes;
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
    FAILS(maple_pool_add_platform(pool, &p, NULL, &why), MAPLE_BAD_ARGUMENT, "for reading only");
    maple_pool_close(pool);
    assert_file_is(path, data, bytes);
    maple_free(data);
    pool = open_pool(path, MAPLE_POOL_WRITE);
    add_example(pool, "q");
    maple_pool *immutable = NULL;
    FAILS(maple_pool_open(path, MAPLE_POOL_IMMUTABLE, &immutable, &why), MAPLE_BAD_INPUT, "must be at rest");
    maple_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_a_pool),    cmocka_unit_test(test_other_versions),
        cmocka_unit_test(test_missing_table), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_damaged),       cmocka_unit_test(test_places),
        cmocka_unit_test(test_permissions),   cmocka_unit_test(test_unusual_names),
        cmocka_unit_test(test_immutable),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
