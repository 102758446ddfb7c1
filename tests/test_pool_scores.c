/* SPDX-License-Identifier: Apache-2.0 */
/* Scores, and the format that brought them: pools of format 1 are read, and upgraded when they are written.
 */
#include "pool_fixture.h"
#include "sqlite_check.h"

static void put(maple_pool *pool, const char *name, size_t first, size_t n, double offset) {
    maple_arch *archs = maple_alloc(n, sizeof *archs);
    double *values = maple_alloc(n, sizeof *values);
    for (size_t i = 0; i < n; i++) {
        archs[i] = maple_space_nth(nas, first + i);
        values[i] = (double)(first + i) + offset;
    }
    OK(maple_pool_put_scores(pool, nas, name, archs, values, n, &why));
    maple_free(archs);
    maple_free(values);
}

/* "a:3 b:1": names and numbers of values. */
static const char *list(maple_pool *pool) {
    static char text[256];
    maple_score_count *scores;
    size_t n, used = 0;
    OK(maple_pool_scores(pool, nas, &scores, &n, &why));
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s:%zu", i ? " " : "", scores[i].name,
                                 scores[i].n);
    maple_free(scores);
    return text;
}

static maple_dataset *load(maple_pool *const *pools, size_t n) {
    maple_dataset *d;
    OK(maple_dataset_load(pools, n, nas, &d, &why));
    return d;
}

static void test_put(void **state) {
    (void)state;
    maple_pool *pool = new_pool("put.db");
    maple_arch archs[4];
    for (size_t i = 0; i < 4; i++)
        archs[i] = maple_space_nth(nas, i);
    assert_string_equal(list(pool), "");
    double values[4] = {1, NAN, -2.9e38, 0};
    OK(maple_pool_put_scores(pool, nas, "zcp_synflow", archs, values, 4, &why));
    OK(maple_pool_put_scores(pool, nas, "a.b-c", archs, values, 1, &why));
    double nothing[1] = {NAN};
    OK(maple_pool_put_scores(pool, nas, "nothing", archs, nothing, 1, &why));
    OK(maple_pool_put_scores(pool, nas, "nothing", archs, nothing, 0, &why));
    assert_string_equal(list(pool), "a.b-c:1 zcp_synflow:3");
    /* A value that is there is replaced, NaN takes none away. */
    double again[4] = {NAN, 5, 6, NAN};
    OK(maple_pool_put_scores(pool, nas, "zcp_synflow", archs, again, 4, &why));
    put_examples(pool, add_example(pool, "p").id, 0, 4);
    maple_dataset *d = load(&pool, 1);
    assert_int_equal(d->n_scores, 2);
    assert_string_equal(d->scores[1].name, "zcp_synflow");
    static const double expected[4] = {1, 5, 6, 0};
    for (size_t i = 0; i < 4; i++)
        assert_same(d->scores[1].value[i], expected[maple_space_ordinal(nas, &d->archs[i])]);
    maple_dataset_free(d);
    /* Refused, and nothing stored. */
    double infinite[4] = {7, INFINITY, 7, 7};
    FAILS(maple_pool_put_scores(pool, nas, "zcp_synflow", archs, infinite, 4, &why), MAPLE_BAD_INPUT,
          "row 1, |");
    d = load(&pool, 1);
    for (size_t i = 0; i < 4; i++)
        assert_same(d->scores[1].value[i], expected[maple_space_ordinal(nas, &d->archs[i])]);
    maple_dataset_free(d);
    char name[80];
    memset(name, 'x', sizeof name);
    name[64] = '\0';
    const char *wrong[] = {"", "Top1", "a b", "ü", name};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        FAILS(maple_pool_put_scores(pool, nas, wrong[i], archs, values, 4, &why), MAPLE_BAD_ARGUMENT,
              "a name is 1 to 63 bytes");
    name[63] = '\0';
    OK(maple_pool_put_scores(pool, nas, name, archs, values, 4, &why));
    assert_true(strstr(list(pool), "a.b-c:1 xxx") != NULL);
    maple_pool_close(pool);
    pool = open_pool(in_scratch("put.db"), MAPLE_POOL_READ);
    FAILS(maple_pool_put_scores(pool, nas, "a", archs, values, 4, &why), MAPLE_BAD_ARGUMENT,
          "for reading only");
    maple_pool_close(pool);
}

/* Only architectures that some platform has, only scores that say something about them, the first pool's
 * value where two have one. */
static void test_dataset(void **state) {
    (void)state;
    maple_pool *first = new_pool("first.db"), *second = new_pool("second.db");
    put(first, "whole", 0, 1000, 0);
    put(first, "part", 95, 10, .5);
    put(first, "elsewhere", 500, 10, 0);
    put_examples(first, add_example(first, "p").id, 90, 10);
    put_examples(second, add_example(second, "q").id, 200, 10);
    put(second, "part", 90, 8, .25);
    put(second, "another", 205, 1, 0);
    maple_pool *pools[] = {first, second};
    maple_dataset *d = load(pools, 2);
    assert_int_equal(d->n_archs, 20);
    assert_int_equal(d->n_scores, 3);
    assert_string_equal(d->scores[0].name, "another");
    assert_string_equal(d->scores[1].name, "part");
    assert_string_equal(d->scores[2].name, "whole");
    for (size_t i = 0; i < d->n_archs; i++) {
        size_t ordinal = maple_space_ordinal(nas, &d->archs[i]);
        assert_same(d->scores[0].value[i], ordinal == 205 ? 205 : NAN);
        assert_same(d->scores[1].value[i], ordinal < 95    ? (double)ordinal + .25
                                           : ordinal < 100 ? (double)ordinal + .5
                                                           : NAN);
        assert_same(d->scores[2].value[i], (double)ordinal);
    }
    maple_dataset_free(d);
    d = load(NULL, 0);
    assert_int_equal(d->n_scores, 0);
    maple_dataset_free(d);
    maple_pool_close(first);
    maple_pool_close(second);
}

static void test_merge(void **state) {
    (void)state;
    maple_pool *target = new_pool("target.db"), *source = new_pool("source.db");
    put_examples(target, add_example(target, "t").id, 3000, 10); /* other ids than in the source */
    put(target, "both", 0, 4, 0);
    put_examples(source, add_example(source, "s").id, 0, 6);
    put(source, "both", 2, 4, .5);
    put(source, "new", 3000, 1, 0);
    maple_import_result result;
    OK(maple_pool_merge(target, source, NULL, 0, false, &result, &why));
    assert_string_equal(list(target), "both:6 new:1");
    maple_dataset *d = load(&target, 1);
    for (size_t i = 0; i < d->n_archs; i++) {
        size_t ordinal = maple_space_ordinal(nas, &d->archs[i]);
        assert_same(d->scores[0].value[i], ordinal < 2   ? (double)ordinal
                                           : ordinal < 6 ? (double)ordinal + .5
                                                         : NAN);
        assert_same(d->scores[1].value[i], ordinal == 3000 ? 3000 : NAN);
    }
    maple_dataset_free(d);
    OK(maple_pool_merge(target, source, NULL, 0, false, &result, &why));
    assert_string_equal(list(target), "both:6 new:1");
    maple_pool_close(target);
    maple_pool_close(source);
}

/* --- Formats --- */

#define TO_FORMAT_2                                                                                          \
    "ALTER TABLE platforms DROP COLUMN dtype; ALTER TABLE latencies DROP COLUMN flag; "                      \
    "DROP TABLE repeatability; PRAGMA user_version = 2;"
#define TO_FORMAT_1 TO_FORMAT_2 "DROP TABLE score_values; DROP TABLE scores; PRAGMA user_version = 1;"

/* A pool as the first release of MAPLE wrote it, with 5 latencies; at rest, without a log. */
static const char *make_format_1(const char *name) {
    maple_pool *pool = new_pool(name);
    put_examples(pool, add_example(pool, "p").id, 0, 5);
    maple_pool_close(pool);
    execute_sql(in_scratch(name), TO_FORMAT_1 "PRAGMA journal_mode = DELETE");
    return in_scratch(name);
}

static int format_of(const char *path) {
    size_t bytes;
    char *data = slurp(path, &bytes);
    int format = data[63];
    maple_free(data);
    return format;
}

static void check_five(maple_pool *pool, size_t scores) {
    maple_dataset *d = load(&pool, 1);
    assert_int_equal(d->n_platforms, 1);
    assert_int_equal(d->n_archs, 5);
    assert_int_equal(d->n_scores, scores);
    maple_dataset_free(d);
}

static void test_format_1_read(void **state) {
    (void)state;
    const char *path = make_format_1("read.db");
    size_t before;
    char *data = slurp(path, &before);
    static const maple_pool_mode modes[] = {MAPLE_POOL_IMMUTABLE, MAPLE_POOL_READ};
    for (size_t i = 0; i < 2; i++) {
        maple_pool *pool = open_pool(path, modes[i]);
        check_five(pool, 0);
        assert_string_equal(list(pool), "");
        maple_pool_close(pool);
    }
    assert_file_is(path, data, before);
    maple_free(data);
    /* As a source of a merge, and beside a pool of this format. */
    maple_pool *old = open_pool(path, MAPLE_POOL_READ), *pool = new_pool("beside.db");
    maple_import_result result;
    put(pool, "s", 2, 2, 0);
    OK(maple_pool_merge(pool, old, NULL, 0, false, &result, &why));
    assert_int_equal(result.latencies, 5);
    check_five(pool, 1);
    maple_pool *pools[] = {old, pool};
    maple_dataset *d = load(pools, 2);
    assert_int_equal(d->n_scores, 1);
    maple_dataset_free(d);
    maple_pool_close(old);
    maple_pool_close(pool);
}

static void test_format_1_upgraded(void **state) {
    (void)state;
    for (int wal = 0; wal < 2; wal++) {
        const char *path = make_format_1("upgrade.db");
        if (wal)
            execute_sql(path, "PRAGMA journal_mode = WAL");
        assert_int_equal(format_of(path), 1);
        maple_pool *pool = open_pool(path, MAPLE_POOL_WRITE);
        assert_int_equal(format_of(path), 3); /* at once, not only in the log */
        check_five(pool, 0);
        put(pool, "s", 2, 2, 0);
        check_five(pool, 1);
        maple_pool_close(pool);
        pool = open_pool(path, MAPLE_POOL_WRITE);
        check_five(pool, 1);
        maple_pool_close(pool);
    }
    /* A reader that was there first goes on, and sees the scores once they are there. */
    const char *path = make_format_1("reader.db");
    execute_sql(path, "PRAGMA journal_mode = WAL");
    maple_pool *reader = open_pool(path, MAPLE_POOL_READ);
    check_five(reader, 0);
    maple_pool *writer = open_pool(path, MAPLE_POOL_WRITE);
    check_five(reader, 0);
    put(writer, "s", 2, 2, 0);
    check_five(reader, 1);
    assert_string_equal(list(reader), "s:2");
    maple_pool_close(writer);
    maple_pool_close(reader);
}

/* Which numeric type: what MAPLE measured before format 3 was float32, of what was imported nobody knows. */
static void check_dtype(maple_pool *pool, const char *name, const char *dtype) {
    maple_platform platform, *all = NULL;
    size_t n = 0;
    OK(maple_pool_find_platform(pool, name, &platform, &why));
    assert_string_equal(platform.dtype, dtype);
    OK(maple_pool_platforms(pool, &all, &n, &why));
    bool seen = false;
    for (size_t i = 0; i < n; i++)
        seen |= strcmp(all[i].name, name) == 0 && strcmp(all[i].dtype, dtype) == 0;
    assert_true(seen);
    maple_free(all);
}

static void test_format_2(void **state) {
    (void)state;
    maple_pool *pool = new_pool("two.db");
    put_examples(pool, add_example(pool, "p").id, 0, 5);
    maple_platform phone = example_platform("phone");
    snprintf(phone.engine, sizeof phone.engine, "imported");
    phone.dtype[0] = '\0';
    OK(maple_pool_add_platform(pool, &phone, NULL, &why));
    maple_pool_close(pool);
    const char *path = in_scratch("two.db");
    execute_sql(path, TO_FORMAT_2 "PRAGMA journal_mode = WAL");
    maple_pool *reader = open_pool(path, MAPLE_POOL_READ);
    check_dtype(reader, "p", "f32");
    check_dtype(reader, "phone", "");
    pool = open_pool(path, MAPLE_POOL_WRITE);
    assert_int_equal(format_of(path), 3);
    check_dtype(pool, "p", "f32");
    check_dtype(pool, "phone", "");
    add_example(pool, "p"); /* the same identity */
    maple_platform narrow = example_platform("p");
    snprintf(narrow.dtype, sizeof narrow.dtype, "int8");
    FAILS(maple_pool_add_platform(pool, &narrow, NULL, &why), MAPLE_BAD_INPUT,
          "another numeric type ('f32', now 'int8')");
    snprintf(narrow.name, sizeof narrow.name, "q");
    OK(maple_pool_add_platform(pool, &narrow, NULL, &why));
    check_dtype(pool, "q", "int8");
    check_dtype(reader, "q", "int8"); /* who was there before the upgrade sees it, too */
    /* Merged: the type goes along. */
    maple_pool *other = new_pool("merged.db");
    maple_import_result result;
    OK(maple_pool_merge(other, pool, NULL, 0, false, &result, &why));
    check_dtype(other, "p", "f32");
    check_dtype(other, "q", "int8");
    check_dtype(other, "phone", "");
    maple_pool_close(other);
    maple_pool_close(reader);
    maple_pool_close(pool);
}

/* An upgrade that cannot be done leaves the old pool. */
static void test_upgrade_fails(void **state) {
    (void)state;
    const char *path = make_format_1("view.db");
    maple_pool *pool = NULL;
    execute_sql(path, "CREATE VIEW score_values AS SELECT 1");
    FAILS(maple_pool_open(path, MAPLE_POOL_WRITE, &pool, &why), MAPLE_BAD_INPUT, "view.db");
    assert_int_equal(format_of(path), 1);
    execute_sql(path, "DROP VIEW score_values");
    pool = open_pool(path, MAPLE_POOL_WRITE);
    check_five(pool, 0);
    maple_pool_close(pool);
}

static void test_newer_and_damaged(void **state) {
    (void)state;
    static const maple_pool_mode modes[] = {MAPLE_POOL_IMMUTABLE, MAPLE_POOL_READ, MAPLE_POOL_WRITE};
    maple_pool *pool = NULL;
    const char *path = make_format_1("newer.db");
    execute_sql(path, "PRAGMA user_version = 4");
    for (size_t i = 0; i < 3; i++)
        FAILS(maple_pool_open(path, modes[i], &pool, &why), MAPLE_BAD_INPUT,
              "written by a newer MAPLE (format 4, this one reads up to 3)");
    execute_sql(path, "PRAGMA user_version = 2"); /* without its tables */
    for (size_t i = 0; i < 3; i++)
        FAILS(maple_pool_open(path, modes[i], &pool, &why), MAPLE_BAD_INPUT, "tables are missing");
    /* A newer format that is so far only in the log. */
    path = make_format_1("log.db");
    execute_sql(path, "PRAGMA journal_mode = WAL");
    sqlite3 *other;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(other, "PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 4", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(format_of(path), 1);
    for (size_t i = 1; i < 3; i++)
        FAILS(maple_pool_open(path, modes[i], &pool, &why), MAPLE_BAD_INPUT, "format 4");
    sqlite3_close(other);
}

/* The pool that comes with MAPLE: read where it lies, and a copy of it upgraded. */
static void test_bundled(void **state) {
    (void)state;
    const char *path = MAPLE_SOURCE_DIR "/data/pool.db";
    if (access(path, R_OK) != 0) {
        print_message("skipped: no data/pool.db\n");
        skip();
    }
    maple_pool *pool = open_pool(path, MAPLE_POOL_IMMUTABLE);
    maple_dataset *before = load(&pool, 1), *after;
    assert_true(before->n_platforms > 0);
    maple_pool_close(pool);
    size_t bytes;
    char *data = slurp(path, &bytes);
    spill(in_scratch("copy.db"), data, bytes);
    maple_free(data);
    pool = open_pool(in_scratch("copy.db"), MAPLE_POOL_WRITE);
    assert_int_equal(format_of(in_scratch("copy.db")), 3);
    after = load(&pool, 1);
    assert_int_equal(after->n_platforms, before->n_platforms);
    assert_int_equal(after->n_archs, before->n_archs);
    for (size_t p = 0; p < after->n_platforms; p++)
        for (size_t i = 0; i < after->n_archs; i++)
            assert_same(after->platforms[p].latency_ms[i], before->platforms[p].latency_ms[i]);
    maple_dataset_free(before);
    maple_dataset_free(after);
    maple_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put),
        cmocka_unit_test(test_dataset),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_format_1_read),
        cmocka_unit_test(test_format_1_upgraded),
        cmocka_unit_test(test_format_2),
        cmocka_unit_test(test_upgrade_fails),
        cmocka_unit_test(test_newer_and_damaged),
        cmocka_unit_test(test_bundled),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
