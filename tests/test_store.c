/* SPDX-License-Identifier: Apache-2.0 */
/* The store of results: what is put is there for later processes, what is damaged is not, and it stays small.
 */
#include "check.h"
#include "evaluate/store.h"
#include "scratch.h"
#include "sqlite_check.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { MIB = 1 << 20, ENTRY = 8192 };

static const char *path;
static char said[2048]; /* warnings */

static void hear(void *user, maple_log_level level, const char *message) {
    (void)user;
    if (level == MAPLE_LOG_WARNING)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", message);
}

static const maple_hooks HOOKS = {.log = hear};

static maple_store_check check; /* NOW, where a test does not say otherwise */

static maple_store *open_store(size_t limit) {
    maple_store *store;
    OK(maple_store_open(path, limit, check, &HOOKS, &store, &why));
    return store;
}

/* An entry's content is a function of its number. */
static void fill(int number, uint8_t body[ENTRY]) {
    maple_rng rng = maple_rng_seed((uint64_t)number);
    for (size_t i = 0; i < ENTRY; i++)
        body[i] = (uint8_t)maple_rng_next(&rng);
}

static maple_status put(maple_store *store, int number) {
    uint8_t body[ENTRY];
    char key[32];
    fill(number, body);
    snprintf(key, sizeof key, "entry %d", number);
    return maple_store_put(store, key, body, ENTRY, NULL);
}

static bool has(maple_store *store, int number) {
    uint8_t *found, body[ENTRY];
    size_t bytes;
    char key[32];
    snprintf(key, sizeof key, "entry %d", number);
    maple_status status = maple_store_get(store, key, &found, &bytes, NULL);
    if (status == MAPLE_NOT_FOUND)
        return false;
    assert_int_equal(status, MAPLE_OK);
    fill(number, body);
    assert_int_equal(bytes, ENTRY);
    assert_memory_equal(found, body, ENTRY);
    maple_free(found);
    return true;
}

static void entries_outlive_the_store(void **state) {
    (void)state;
    maple_store *store = open_store(MIB);
    assert_false(has(store, 1));
    assert_int_equal(put(store, 1), MAPLE_OK);
    assert_int_equal(put(store, 2), MAPLE_OK);
    assert_true(has(store, 1) && has(store, 2));
    maple_store_close(store);
    store = open_store(MIB);
    assert_true(has(store, 1) && has(store, 2) && !has(store, 3));
    OK(maple_store_remove(store, "entry 2", &why));
    OK(maple_store_remove(store, "entry 2", &why)); /* it is not there: nothing happens */
    assert_false(has(store, 2));
    assert_true(has(store, 1));
    assert_int_equal(put(store, 2), MAPLE_OK);
    assert_int_equal(maple_store_put(store, "entry 1", "other", 5, NULL), MAPLE_OK); /* replaced */
    uint8_t *found;
    size_t bytes;
    assert_int_equal(maple_store_get(store, "entry 1", &found, &bytes, NULL), MAPLE_OK);
    assert_true(bytes == 5 && memcmp(found, "other", 5) == 0);
    maple_free(found);
    assert_int_equal(query_int(path, "SELECT count(*) FROM entry"), 2);
    maple_store_close(store);
    assert_string_equal(said, "");
}

static void a_damaged_entry_is_not_there(void **state) {
    (void)state;
    static const char *const DAMAGES[] = {
        "UPDATE entry SET body = zeroblob(8192) WHERE key = 'entry 1'",
        "UPDATE entry SET body = substr(body, 2) WHERE key = 'entry 1'",
        "UPDATE entry SET body = x'' WHERE key = 'entry 1'",
        "UPDATE entry SET checksum = checksum + 1 WHERE key = 'entry 1'",
        ("UPDATE entry SET body = (SELECT body FROM entry WHERE key = 'entry 2'), checksum = (SELECT "
         "checksum "
         "FROM entry WHERE key = 'entry 2') WHERE key = 'entry 1'"),
    };
    for (size_t i = 0; i < sizeof DAMAGES / sizeof *DAMAGES; i++) {
        maple_store *store = open_store(MIB);
        put(store, 1);
        put(store, 2);
        execute_sql(path, DAMAGES[i]);
        said[0] = '\0';
        assert_false(has(store, 1));
        assert_true(has(store, 2));
        assert_non_null(strstr(said, path));
        assert_non_null(strstr(said, "an entry is damaged"));
        assert_int_equal(query_int(path, "SELECT count(*) FROM entry WHERE key = 'entry 1'"), 0);
        put(store, 1);
        assert_true(has(store, 1));
        maple_store_close(store);
    }
}

static void what_is_no_store_is_replaced(void **state) {
    (void)state;
    static const char *const CONTENTS[] = {"no database, but text that is long enough for nobody",
                                           "SQLite format 3"};
    for (int i = 0; i < 4; i++) {
        unlink(path);
        if (i < 2)
            assert_int_equal(maple_write_file(path, CONTENTS[i], strlen(CONTENTS[i]), NULL), MAPLE_OK);
        else
            execute_sql(path, i == 2 ? "PRAGMA user_version = 77"
                                     : "PRAGMA user_version = 1; CREATE TABLE other (a)");
        said[0] = '\0';
        maple_store *store = open_store(MIB);
        assert_non_null(strstr(said, "the cache is damaged, or not one"));
        put(store, 1);
        assert_true(has(store, 1));
        maple_store_close(store);
        said[0] = '\0';
        store = open_store(MIB);
        assert_true(has(store, 1));
        maple_store_close(store);
        assert_string_equal(said, "");
    }
}

/* Bits flipped all over the file: no entry is ever wrong (has compares), no call fails, all can be put again.
 */
static void flip_bits(void) {
    enum { ENTRIES = 40, FLIPS = 100 };
    maple_store *store = open_store(16 * MIB);
    for (int i = 0; i < ENTRIES; i++)
        put(store, i);
    maple_store_close(store);
    char *file;
    size_t bytes, lost = 0;
    assert_int_equal(maple_read_file(path, 16 * MIB, &file, &bytes, NULL), MAPLE_OK);
    for (size_t flip = 0; flip < FLIPS; flip++) {
        /* Half of them in the first pages, where the structure is. */
        size_t at = flip % 2 ? flip * 90 : bytes / FLIPS * flip;
        file[at] = (char)(file[at] ^ 1 << flip % 8);
        FILE *damaged = fopen(path, "wb");
        fwrite(file, 1, bytes, damaged);
        fclose(damaged);
        file[at] = (char)(file[at] ^ 1 << flip % 8);
        said[0] = '\0';
        store = open_store(16 * MIB);
        /* Looked at late, the file may go after some entries were found. */
        for (int i = 0; i < (check == MAPLE_STORE_CHECK_NOW ? 1 : 2) * ENTRIES; i++)
            if (!has(store, i % ENTRIES)) {
                lost++;
                assert_int_equal(put(store, i % ENTRIES), MAPLE_OK);
            }
        for (int i = 0; i < ENTRIES; i++)
            assert_true(has(store, i));
        assert_true(maple_store_keeps(store));
        maple_store_close(store);
    }
    assert_true(lost > FLIPS / 4 && lost < FLIPS * ENTRIES / 2);
    maple_free(file);
}

static void flipped_bits(void **state) {
    (void)state;
    flip_bits();
}

static void flipped_bits_looked_at_late(void **state) {
    (void)state;
    check = MAPLE_STORE_CHECK_ON_MISS;
    flip_bits();
}

/* Rows of the table in the wrong order: a miss tells, and then the file is made anew; a hit does not. */
static void a_miss_tells_of_damage(void **state) {
    (void)state;
    maple_store *store = open_store(MIB);
    put(store, 1);
    maple_store_close(store);
    execute_sql(path, "PRAGMA writable_schema = ON;"
                      "UPDATE sqlite_schema SET sql = replace(sql, 'used_s INTEGER NOT NULL', "
                      "'used_s INTEGER NOT NULL CHECK (used_s < 0)')");
    check = MAPLE_STORE_CHECK_ON_MISS;
    store = open_store(MIB);
    assert_true(has(store, 1));
    assert_string_equal(said, "");
    assert_false(has(store, 2));
    assert_non_null(strstr(said, "the cache is damaged"));
    assert_int_equal(put(store, 2), MAPLE_OK);
    assert_true(has(store, 2));
    assert_false(has(store, 1));
    maple_store_close(store);
}

static int64_t file_bytes(void) {
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_size;
}

static void it_stays_below_its_limit(void **state) {
    (void)state;
    maple_store *store = open_store(2 * MIB);
    for (int i = 0; i < 1000; i++)
        put(store, i); /* 8 MiB */
    assert_true(has(store, 999) || has(store, 998));
    maple_store_close(store);
    assert_in_range(file_bytes(), MIB, 2 * MIB + 2 * MIB / 8);
    execute_sql(path,
                "UPDATE entry SET used_s = used_s - 500000 WHERE id IN (SELECT id FROM entry LIMIT 100)");
    int64_t recent = query_int(path, "SELECT count(*) FROM entry WHERE used_s > unixepoch() - 1000");
    store = open_store((size_t)file_bytes() - 64 * ENTRY); /* those longest unused go */
    maple_store_close(store);
    assert_int_equal(query_int(path, "SELECT count(*) FROM entry WHERE used_s > unixepoch() - 1000"), recent);
    assert_in_range(query_int(path, "SELECT count(*) FROM entry WHERE used_s <= unixepoch() - 1000"), 1, 50);
    assert_string_equal(said, "");
    /* One that would take the store for itself is not kept, the others are. */
    store = open_store(2 * MIB);
    uint8_t *large = maple_alloc(MIB, 1);
    assert_int_equal(maple_store_put(store, "large", large, MIB, NULL), MAPLE_OK);
    maple_free(large);
    assert_int_equal(query_int(path, "SELECT count(*) FROM entry WHERE key = 'large'"), 0);
    maple_store_close(store);
}

static void use_is_noted(void **state) {
    (void)state;
    maple_store *store = open_store(MIB);
    put(store, 1);
    put(store, 2);
    execute_sql(path, "UPDATE entry SET used_s = used_s - 100000");
    assert_true(has(store, 1));
    maple_store_close(store);
    assert_int_equal(query_int(path, "SELECT count(*) FROM entry WHERE used_s > unixepoch() - 1000"), 1);
    assert_int_equal(
        query_int(path, "SELECT count(*) FROM entry WHERE used_s > unixepoch() - 1000 AND key = 'entry 1'"),
        1);
}

/* Several processes begin one file at once, and all their entries are there. */
static void several_processes(void **state) {
    (void)state;
    enum { PROCESSES = 4, EACH = 50 };
    for (int p = 0; p < PROCESSES; p++) {
        if (fork() != 0)
            continue;
        maple_store *store;
        if (maple_store_open(path, 16 * MIB, check, &HOOKS, &store, NULL) != MAPLE_OK)
            _exit(2);
        for (int i = 0; i < EACH; i++)
            put(store, p * EACH + i);
        _exit(said[0] ? 3 : 0); /* without closing, as if killed */
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        wait(&status);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    maple_store *store = open_store(16 * MIB);
    for (int i = 0; i < PROCESSES * EACH; i++)
        assert_true(has(store, i));
    maple_store_close(store);
}

/* A full disk ends the keeping, not the evaluation; it is said once. */
static void a_full_disk(void **state) {
    (void)state;
    maple_store *store = open_store(16 * MIB);
    put(store, 1);
    pid_t child = fork();
    if (child == 0) {
        maple_store_close(store);
        signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {200000, 200000};
        setrlimit(RLIMIT_FSIZE, &limit);
        store = open_store(16 * MIB);
        for (int i = 0; i < 100; i++)
            if (put(store, i) != MAPLE_OK)
                _exit(2);
        char *first = strstr(said, "the cache cannot be used");
        bool once = first && !strstr(first + 1, "the cache cannot be used");
        _exit(once && !maple_store_keeps(store) && !has(store, 1) ? 0 : 3);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    maple_store_close(store);
    store = open_store(16 * MIB);
    assert_true(has(store, 1));
    maple_store_close(store);
}

static void where_it_cannot_be(void **state) {
    (void)state;
    maple_store *store = NULL;
    FAILS(maple_store_open("/nonexistent/store", MIB, check, &HOOKS, &store, &why), MAPLE_IO_ERROR,
          "/nonexistent/store: the cache cannot be opened");
    assert_null(store);
    maple_store_close(NULL);
}

static int begin(void **state) {
    said[0] = '\0';
    check = MAPLE_STORE_CHECK_NOW;
    int failed = make_scratch(state);
    path = in_scratch("store.db");
    return failed;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, remove_scratch)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(entries_outlive_the_store),
        TEST(a_damaged_entry_is_not_there),
        TEST(what_is_no_store_is_replaced),
        TEST(flipped_bits),
        TEST(flipped_bits_looked_at_late),
        TEST(a_miss_tells_of_damage),
        TEST(it_stays_below_its_limit),
        TEST(use_is_noted),
        TEST(several_processes),
        TEST(a_full_disk),
        TEST(where_it_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
