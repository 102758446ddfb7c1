/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool knows of its labels' quality: flags, repeatability; and runs that are taken back. */
#include "pool_fixture.h"
#include "sqlite_check.h"

static const char FLAG[] = "noisy: the middle half of its runs spreads by 18 % after 2 repetitions";

/* Labels 0 .. 9, of which 3 and 7 are flagged. */
static maple_platform put_flagged(maple_pool *pool, const char *name) {
    maple_platform platform = add_example(pool, name);
    put_examples(pool, platform.id, 0, 10);
    for (size_t i = 3; i < 10; i += 4) {
        maple_latency row = example_latency(i);
        strcpy(row.flag, FLAG);
        OK(maple_pool_put_latencies(pool, platform.id, nas, &row, 1, &why));
    }
    return platform;
}

static size_t count_flagged(maple_pool *pool, const char *name) {
    maple_platform platform;
    size_t n = 99, rows_flagged = 0, count = 0;
    maple_latency *rows;
    OK(maple_pool_find_platform(pool, name, &platform, &why));
    OK(maple_pool_count_flagged(pool, platform.id, nas, &n, &why));
    OK(maple_pool_latencies(pool, platform.id, nas, &rows, &count, &why));
    for (size_t i = 0; i < count; i++) {
        rows_flagged += rows[i].flag[0] != '\0';
        if (rows[i].flag[0])
            assert_string_equal(rows[i].flag, FLAG);
    }
    maple_free(rows);
    assert_int_equal(rows_flagged, n);
    return n;
}

static size_t count_known(const maple_dataset *d) {
    size_t n = 0;
    for (size_t i = 0; i < d->n_archs; i++)
        n += isnan(d->platforms[0].latency_ms[i]) ? 0 : 1;
    return n;
}

static void test_flags(void **state) {
    (void)state;
    maple_pool *pool = new_pool("flags.db");
    maple_platform platform = put_flagged(pool, "p");
    size_t n;
    assert_int_equal(count_flagged(pool, "p"), 2);
    OK(maple_pool_count_latencies(pool, platform.id, nas, &n, &why));
    assert_int_equal(n, 10);
    /* Left out of what is learned from, unless they are asked for. */
    maple_dataset *d;
    OK(maple_dataset_load(&pool, 1, nas, &d, &why));
    assert_int_equal(d->platforms[0].n_flagged, 2);
    assert_int_equal(d->n_archs, 8);
    assert_int_equal(count_known(d), 8);
    for (size_t i = 0; i < d->n_archs; i++) {
        size_t ordinal = maple_space_ordinal(nas, &d->archs[i]);
        assert_true(ordinal != 3 && ordinal != 7);
    }
    maple_dataset_free(d);
    OK(maple_dataset_load_flagged(&pool, 1, nas, true, &d, &why));
    assert_int_equal(d->platforms[0].n_flagged, 0);
    assert_int_equal(count_known(d), 10);
    maple_dataset_free(d);
    /* A new label without one is fine again. */
    put_examples(pool, platform.id, 3, 1);
    assert_int_equal(count_flagged(pool, "p"), 1);
    maple_latency row = example_latency(3);
    row.latency_ms = NAN;
    strcpy(row.reason, "crashed");
    strcpy(row.flag, FLAG);
    assert_int_equal(maple_pool_put_latencies(pool, platform.id, nas, &row, 1, &why), MAPLE_BAD_INPUT);
    assert_non_null(strstr(why.message, "and no latency that it could be about"));
    maple_pool_close(pool);
}

static void test_flags_travel(void **state) {
    (void)state;
    maple_pool *pool = new_pool("from.db"), *other = new_pool("to.db");
    maple_platform platform = put_flagged(pool, "p");
    maple_import_result result;
    maple_repeatability row = {"2026-11-20T08:00:00Z", 200, 50, 0.007, 0.02, 0.029, 0.05}, found;
    OK(maple_pool_put_repeatability(pool, platform.id, nas, &row, &why));
    put_flagged(other, "another");
    OK(maple_pool_merge(other, pool, NULL, 0, true, &result, &why));
    assert_int_equal(count_flagged(other, "p"), 2);
    maple_platform there;
    OK(maple_pool_find_platform(other, "p", &there, &why));
    OK(maple_pool_repeatability(other, there.id, nas, &found, &why));
    assert_string_equal(found.date, row.date);
    assert_true(found.n == 200 && found.rounds == 50 && found.p95 == 0.029);
    /* As CSV, and back. */
    maple_text csv = {0};
    OK(maple_pool_export_csv(pool, platform.id, nas, &csv, &why));
    assert_non_null(strstr(csv.data, ",reason,flag\n"));
    assert_non_null(strstr(csv.data, FLAG));
    OK(maple_write_file(in_scratch("table.csv"), csv.data, csv.length, &why));
    maple_text_free(&csv);
    maple_platform imported = {.name = "imported"};
    OK(maple_pool_import_csv(other, in_scratch("table.csv"), nas, &imported, &result, &why));
    assert_int_equal(result.latencies, 10);
    assert_int_equal(count_flagged(other, "imported"), 2);
    static const char bad[] = "arch,latency_ms,reason,flag\n" ARCH_A ",1.5,,\n" ARCH_B ",,crashed,noisy\n";
    OK(maple_write_file(in_scratch("bad.csv"), bad, sizeof bad - 1, &why));
    maple_platform refused = {.name = "refused"};
    assert_int_equal(maple_pool_import_csv(other, in_scratch("bad.csv"), nas, &refused, &result, &why),
                     MAPLE_BAD_INPUT);
    assert_non_null(strstr(why.message, "bad.csv:3:"));
    maple_pool_close(other);
    maple_pool_close(pool);
}

/* A pool of before has no flags, and gets them when it is written. */
static void test_format_2(void **state) {
    (void)state;
    const char *path = in_scratch("two.db");
    maple_pool *pool = new_pool("two.db");
    maple_platform platform = put_flagged(pool, "p");
    maple_repeatability found;
    maple_dataset *d;
    maple_pool_close(pool);
    execute_sql(path, "ALTER TABLE platforms DROP COLUMN dtype; ALTER TABLE latencies DROP COLUMN flag; "
                      "DROP TABLE repeatability; PRAGMA user_version = 2;");
    pool = open_pool(path, MAPLE_POOL_READ);
    assert_int_equal(count_flagged(pool, "p"), 0);
    OK(maple_pool_repeatability(pool, platform.id, nas, &found, &why));
    assert_true(found.n == 0 && isnan(found.median) && !found.date[0]);
    OK(maple_dataset_load(&pool, 1, nas, &d, &why));
    assert_int_equal(count_known(d), 10);
    maple_dataset_free(d);
    maple_pool *other = new_pool("three.db");
    maple_import_result result;
    OK(maple_pool_merge(other, pool, NULL, 0, true, &result, &why));
    assert_int_equal(result.latencies, 10);
    maple_pool_close(other);
    maple_pool_close(pool);
    pool = open_pool(path, MAPLE_POOL_WRITE);
    put_flagged(pool, "p");
    assert_int_equal(count_flagged(pool, "p"), 2);
    maple_pool_close(pool);
    /* Format 3 without one of its parts is damaged. */
    execute_sql(path, "DROP TABLE repeatability");
    assert_int_equal(maple_pool_open(path, MAPLE_POOL_READ, &pool, &why), MAPLE_BAD_INPUT);
    assert_non_null(strstr(why.message, "tables are missing"));
}

static void test_repeatability(void **state) {
    (void)state;
    maple_pool *pool = new_pool("repeatability.db");
    maple_platform platform = add_example(pool, "p"), none = add_example(pool, "none");
    maple_repeatability rows[] = {{"2026-11-20T08:00:00Z", 200, 50, 0.01, 0.02, 0.03, 0.04},
                                  {"2026-11-21T08:00:00Z", 180, 25, 0.05, 0.06, 0.07, 0.08},
                                  {"2026-10-01T08:00:00Z", 10, 5, 0, 0, 0, 0}},
                        found;
    for (size_t i = 0; i < 3; i++)
        OK(maple_pool_put_repeatability(pool, platform.id, nas, &rows[i], &why));
    OK(maple_pool_repeatability(pool, platform.id, nas, &found, &why)); /* the last one by its date */
    assert_string_equal(found.date, rows[1].date);
    assert_true(found.n == 180 && found.rounds == 25 && found.median == 0.05 && found.p90 == 0.06 &&
                found.p95 == 0.07 && found.max == 0.08);
    OK(maple_pool_repeatability(pool, none.id, nas, &found, &why));
    assert_int_equal(found.n, 0);
    maple_repeatability bad[] = {rows[0], rows[0], rows[0], rows[0]};
    bad[0].date[0] = '\0';
    bad[1].n = 0;
    bad[2].p95 = NAN;
    bad[3].rounds = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(maple_pool_put_repeatability(pool, platform.id, nas, &bad[i], &why),
                         MAPLE_BAD_ARGUMENT);
    assert_int_equal(maple_pool_put_repeatability(pool, 77, nas, &rows[0], &why), MAPLE_NOT_FOUND);
    OK(maple_pool_remove_platform(pool, platform.id, &why)); /* its rows go with it */
    platform = add_example(pool, "p");
    OK(maple_pool_repeatability(pool, platform.id, nas, &found, &why));
    assert_int_equal(found.n, 0);
    maple_pool_close(pool);
}

/* --- Taking back --- */

static size_t count_runs(maple_pool *pool, int64_t platform, size_t ordinal, int round, bool *has) {
    int *rounds = NULL;
    double *latency_ms = NULL;
    size_t n = 0;
    maple_arch arch = maple_space_nth(nas, ordinal);
    OK(maple_pool_runs(pool, platform, nas, &arch, &rounds, &latency_ms, &n, &why));
    *has = false;
    for (size_t i = 0; i < n; i++)
        *has = *has || rounds[i] == round;
    maple_free(rounds);
    maple_free(latency_ms);
    return n;
}

static void test_taking_back(void **state) {
    (void)state;
    maple_pool *pool = new_pool("back.db");
    maple_platform platform = add_example(pool, "p"), other = add_example(pool, "other");
    maple_arch archs[] = {maple_space_nth(nas, 1), maple_space_nth(nas, 2), maple_space_nth(nas, 3)};
    const double latency_ms[] = {1, 2, 3};
    bool has;
    for (int round = 0; round < 6; round++) {
        OK(maple_pool_put_round(pool, platform.id, nas, round, archs, latency_ms, 3, &why));
        OK(maple_pool_put_round(pool, other.id, nas, round, archs, latency_ms, 3, &why));
    }
    /* Single runs; those that are not there do not matter. */
    maple_arch back[] = {archs[0], archs[0], archs[2], maple_space_nth(nas, 900)};
    const int rounds[] = {2, 5, 77, 0};
    OK(maple_pool_take_back_runs(pool, platform.id, nas, back, rounds, 4, &why));
    assert_int_equal(count_runs(pool, platform.id, 1, 2, &has), 4);
    assert_false(has);
    assert_int_equal(count_runs(pool, platform.id, 3, 0, &has), 6);
    assert_int_equal(count_runs(pool, other.id, 1, 2, &has), 6);
    assert_true(has);
    /* A whole network: label and runs, of this platform. */
    put_examples(pool, platform.id, 1, 3);
    put_examples(pool, other.id, 1, 3);
    OK(maple_pool_forget(pool, platform.id, nas, archs, 2, &why));
    assert_int_equal(count_runs(pool, platform.id, 1, 0, &has), 0);
    assert_int_equal(count_runs(pool, platform.id, 2, 0, &has), 0);
    assert_int_equal(count_runs(pool, platform.id, 3, 0, &has), 6);
    assert_int_equal(count_runs(pool, other.id, 2, 0, &has), 6);
    size_t n;
    OK(maple_pool_count_latencies(pool, platform.id, nas, &n, &why));
    assert_int_equal(n, 1);
    OK(maple_pool_count_latencies(pool, other.id, nas, &n, &why));
    assert_int_equal(n, 3);
    assert_int_equal(maple_pool_forget(pool, 77, nas, archs, 1, &why), MAPLE_NOT_FOUND);
    maple_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags),       cmocka_unit_test(test_flags_travel),
        cmocka_unit_test(test_format_2),    cmocka_unit_test(test_repeatability),
        cmocka_unit_test(test_taking_back),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
