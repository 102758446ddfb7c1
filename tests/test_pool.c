/* SPDX-License-Identifier: Apache-2.0 */
/* The pool: everything that is put in comes out; what makes no sense stays out. */
#include "pool_fixture.h"

#include <sqlite3.h>

static void test_platforms(void **state) {
    (void)state;
    maple_pool *pool = new_pool("platforms.db");
    maple_platform a = example_platform("a; with \"quotes\" and ünïcode"), b = example_platform("b"), found;
    b.graph = MAPLE_GRAPH_PRUNED;
    OK(maple_pool_add_platform(pool, &a, "{\"cores\": 2}", &why));
    OK(maple_pool_add_platform(pool, &b, NULL, &why));
    assert_true(a.id > 0 && b.id > a.id);
    OK(maple_pool_find_platform(pool, a.name, &found, &why));
    assert_memory_equal(&found, &a, sizeof a);
    maple_platform *all;
    size_t n;
    OK(maple_pool_platforms(pool, &all, &n, &why));
    assert_int_equal(n, 2);
    assert_memory_equal(&all[1], &b, sizeof b);
    maple_free(all);
    char *json;
    OK(maple_pool_environment(pool, a.id, &json, &why));
    assert_string_equal(json, "{\"cores\": 2}");
    maple_free(json);
    OK(maple_pool_environment(pool, b.id, &json, &why));
    assert_string_equal(json, "{}");
    maple_free(json);
    FAILS(maple_pool_find_platform(pool, "c", &found, &why), MAPLE_NOT_FOUND, "no platform 'c'");
    FAILS(maple_pool_find_platform(pool, "c", &found, &why), MAPLE_NOT_FOUND, "'b'");
    FAILS(maple_pool_environment(pool, 99, &json, &why), MAPLE_NOT_FOUND, "99");
    maple_pool_close(pool);
}

static void test_platform_again(void **state) {
    (void)state;
    maple_pool *pool = new_pool("again.db");
    maple_platform first = example_platform("p"), again = first;
    OK(maple_pool_add_platform(pool, &first, "{\"a\":1}", &why));
    snprintf(again.counters, sizeof again.counters, "perf");
    OK(maple_pool_add_platform(pool, &again, "{\"a\":2}", &why));
    assert_int_equal(again.id, first.id);
    char *json;
    OK(maple_pool_environment(pool, first.id, &json, &why));
    assert_string_equal(json, "{\"a\":2}");
    maple_free(json);
    maple_platform other = first, found;
    other.threads = 1;
    FAILS(maple_pool_add_platform(pool, &other, NULL, &why), MAPLE_BAD_INPUT, "2 threads and batch 8, now 1");
    other = first;
    other.graph = MAPLE_GRAPH_PRUNED;
    FAILS(maple_pool_add_platform(pool, &other, NULL, &why), MAPLE_BAD_INPUT, "another graph form");
    other = first;
    snprintf(other.engine_version, sizeof other.engine_version, "3.0");
    FAILS(maple_pool_add_platform(pool, &other, NULL, &why), MAPLE_BAD_INPUT,
          "another engine version ('2.6', now '3.0')");
    OK(maple_pool_find_platform(pool, "p", &found, &why));
    assert_string_equal(found.counters, "perf");
    maple_platform empty = example_platform("");
    FAILS(maple_pool_add_platform(pool, &empty, NULL, &why), MAPLE_BAD_ARGUMENT, "empty");
    maple_platform lines = example_platform("a\nb");
    FAILS(maple_pool_add_platform(pool, &lines, NULL, &why), MAPLE_BAD_ARGUMENT, "byte 2");
    FAILS(maple_pool_add_platform(pool, &first, "{", &why), MAPLE_BAD_ARGUMENT, "JSON");
    maple_pool_close(pool);
}

static void test_family(void **state) {
    (void)state;
    char family[224];
    maple_platform_family("Xeon", "onednn", "avx2", "f32", family);
    assert_string_equal(family, "Xeon / onednn / avx2");
    maple_platform_family("Xeon", "onednn", "avx2", "int8", family);
    assert_string_equal(family, "Xeon / onednn / avx2 / int8");
    maple_platform_family("pixel3", "imported", "", "", family);
    assert_string_equal(family, "pixel3 / imported");
}

/* --- Latencies --- */

static void test_latencies(void **state) {
    (void)state;
    maple_pool *pool = new_pool("latencies.db");
    maple_platform p = add_example(pool, "p"), other = add_example(pool, "q");
    maple_latency rows[3] = {example_latency(15000), example_latency(7), example_latency(8)};
    rows[1].latency_ms = rows[1].mean_ms = rows[1].min_ms = rows[1].sd_ms = NAN;
    rows[1].runs = 0;
    snprintf(rows[1].reason, sizeof rows[1].reason, "no path from input to output");
    rows[2].sd_ms = NAN;
    rows[2].latency_ms = 0x1.921fb54442d18p-7;
    OK(maple_pool_put_latencies(pool, p.id, nas, rows, 3, &why));
    OK(maple_pool_put_latencies(pool, p.id, nas, rows, 0, &why));
    maple_latency *read;
    size_t n;
    OK(maple_pool_latencies(pool, p.id, nas, &read, &n, &why));
    assert_int_equal(n, 3);
    char before[MAPLE_MAX_ARCH_TEXT] = "", text[MAPLE_MAX_ARCH_TEXT];
    for (size_t i = 0; i < n; i++) {
        maple_space_format(nas, &read[i].arch, text);
        assert_true(strcmp(before, text) < 0);
        strcpy(before, text);
        size_t k = 0;
        while (k < 3 && !maple_arch_equal(&rows[k].arch, &read[i].arch))
            k++;
        assert_true(k < 3);
        assert_same(read[i].latency_ms, rows[k].latency_ms);
        assert_same(read[i].mean_ms, rows[k].mean_ms);
        assert_same(read[i].min_ms, rows[k].min_ms);
        assert_same(read[i].sd_ms, rows[k].sd_ms);
        assert_int_equal(read[i].runs, rows[k].runs);
        assert_string_equal(read[i].reason, rows[k].reason);
    }
    maple_free(read);
    OK(maple_pool_count_latencies(pool, p.id, nas, &n, &why));
    assert_int_equal(n, 2);
    OK(maple_pool_latencies(pool, other.id, nas, &read, &n, &why));
    assert_int_equal(n, 0);
    maple_free(read);
    /* A later label takes the place of the earlier one. */
    rows[0].latency_ms = 3;
    OK(maple_pool_put_latencies(pool, p.id, nas, rows, 1, &why));
    OK(maple_pool_latencies(pool, p.id, nas, &read, &n, &why));
    assert_int_equal(n, 3);
    size_t threes = 0;
    for (size_t i = 0; i < n; i++)
        threes += read[i].latency_ms == 3;
    assert_int_equal(threes, 1);
    maple_free(read);
    maple_pool_close(pool);
}

static void test_impossible_latencies(void **state) {
    (void)state;
    maple_pool *pool = new_pool("impossible.db");
    maple_platform p = add_example(pool, "p");
    static const struct {
        double latency, mean, sd;
        int runs;
        const char *reason, *message;
    } bad[] = {
        {0, 1, 0, 1, "", "a latency of 0 ms is impossible"},
        {-1, 1, 0, 1, "", "a latency of -1 ms is impossible"},
        {INFINITY, 1, 0, 1, "", "a latency of inf ms is impossible"},
        {NAN, 1, 0, 1, "", "no latency and no reason"},
        {1, -1, 0, 1, "", "mean -1 ms"},
        {1, 1, INFINITY, 1, "", "sd inf ms"},
        {1, 1, 0, -1, "", "-1 runs"},
        {1, 1, 0, 1, "died", "a latency (1 ms) and a reason"},
        {0, 1, 0, 1, "died", "give one of them"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        maple_latency rows[2] = {example_latency(1), example_latency(2)};
        rows[1].latency_ms = bad[i].latency;
        rows[1].mean_ms = bad[i].mean;
        rows[1].sd_ms = bad[i].sd;
        rows[1].runs = bad[i].runs;
        snprintf(rows[1].reason, sizeof rows[1].reason, "%s", bad[i].reason);
        FAILS(maple_pool_put_latencies(pool, p.id, nas, rows, 2, &why), MAPLE_BAD_INPUT, bad[i].message);
        assert_non_null(strstr(why.message, "row 1, |"));
    }
    maple_latency row = example_latency(1);
    FAILS(maple_pool_put_latencies(pool, p.id + 1, nas, &row, 1, &why), MAPLE_NOT_FOUND, "no platform");
    size_t n;
    OK(maple_pool_count_latencies(pool, p.id, nas, &n, &why));
    assert_int_equal(n, 0);
    double zero = 0;
    FAILS(maple_pool_put_round(pool, p.id, nas, 0, &row.arch, &zero, 1, &why), MAPLE_BAD_INPUT, "row 0, |");
    FAILS(maple_pool_put_round(pool, p.id, nas, -1, &row.arch, &row.latency_ms, 1, &why), MAPLE_BAD_ARGUMENT,
          "round -1");
    maple_pool_close(pool);
}

static void test_runs(void **state) {
    (void)state;
    enum { ARCHS = 5, ROUNDS = 200 };
    maple_pool *pool = new_pool("runs.db");
    maple_platform p = add_example(pool, "p"), q = add_example(pool, "q");
    maple_arch archs[ARCHS];
    double latency[ARCHS];
    for (size_t i = 0; i < ARCHS; i++)
        archs[i] = maple_space_nth(nas, i * 1000);
    /* The last architecture joins late; rounds come in any order. */
    for (int k = 0; k < ROUNDS; k++) {
        int round = (k * 7) % ROUNDS;
        for (size_t i = 0; i < ARCHS; i++)
            latency[i] = 1 + round + (double)i / 8;
        OK(maple_pool_put_round(pool, p.id, nas, round, archs, latency, round < 100 ? ARCHS - 1 : ARCHS,
                                &why));
    }
    OK(maple_pool_put_round(pool, q.id, nas, 5, archs, latency, ARCHS, &why));
    int *rounds;
    double *values;
    size_t n;
    for (size_t i = 0; i < ARCHS; i++) {
        OK(maple_pool_runs(pool, p.id, nas, &archs[i], &rounds, &values, &n, &why));
        assert_int_equal(n, i < ARCHS - 1 ? ROUNDS : ROUNDS - 100);
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(rounds[k], (int)k + (i < ARCHS - 1 ? 0 : 100));
            assert_same(values[k], 1 + rounds[k] + (double)i / 8);
        }
        maple_free(rounds);
        maple_free(values);
    }
    maple_arch never = maple_space_nth(nas, 9);
    OK(maple_pool_runs(pool, p.id, nas, &never, &rounds, &values, &n, &why));
    assert_int_equal(n, 0);
    maple_free(rounds);
    maple_free(values);
    put_examples(pool, p.id, 0, 3);
    OK(maple_pool_drop_runs(pool, p.id, &why));
    OK(maple_pool_runs(pool, p.id, nas, &archs[0], &rounds, &values, &n, &why));
    assert_int_equal(n, 0);
    OK(maple_pool_runs(pool, q.id, nas, &archs[0], &rounds, &values, &n, &why));
    assert_int_equal(n, 1);
    maple_free(rounds);
    maple_free(values);
    OK(maple_pool_count_latencies(pool, p.id, nas, &n, &why));
    assert_int_equal(n, 3);
    maple_pool_close(pool);
}

/* --- Descriptor --- */

static void test_operators(void **state) {
    (void)state;
    maple_pool *pool = new_pool("operators.db");
    maple_platform p = add_example(pool, "p");
    size_t n = maple_space_operators(nas);
    maple_operator_latency *rows = maple_alloc(n, sizeof *rows), *read = maple_alloc(n, sizeof *read);
    OK(maple_pool_operators(pool, p.id, nas, read, &why));
    for (size_t i = 0; i < n; i++) {
        assert_true(isnan(read[i].latency_ms) && isnan(read[i].sd_ms));
        assert_string_equal(read[i].reason, "not measured on this platform");
        rows[i] = (maple_operator_latency){(double)(i + 1) / 7, 2, 1, 0.125, 25, "jit:avx2", ""};
    }
    rows[3] = (maple_operator_latency){NAN, NAN, NAN, NAN, 0, "", "engine has no such operator"};
    OK(maple_pool_put_operators(pool, p.id, nas, rows, &why));
    OK(maple_pool_operators(pool, p.id, nas, read, &why));
    for (size_t i = 0; i < n; i++) {
        assert_same(read[i].latency_ms, rows[i].latency_ms);
        assert_same(read[i].sd_ms, rows[i].sd_ms);
        assert_int_equal(read[i].runs, rows[i].runs);
        assert_string_equal(read[i].implementation, rows[i].implementation);
        assert_string_equal(read[i].reason, rows[i].reason);
    }
    rows[n - 1].latency_ms = -2;
    char message[80];
    snprintf(message, sizeof message, "operator %s: a latency of -2 ms",
             maple_space_operator(nas, n - 1)->name);
    FAILS(maple_pool_put_operators(pool, p.id, nas, rows, &why), MAPLE_BAD_INPUT, message);
    maple_free(rows);
    maple_free(read);
    maple_pool_close(pool);
}

static void test_counters(void **state) {
    (void)state;
    maple_pool *pool = new_pool("counters.db");
    maple_platform p = add_example(pool, "p");
    size_t n = maple_space_descriptor_operators(nas) * MAPLE_EVENTS;
    maple_count *counts = maple_alloc(n, sizeof *counts), *read = maple_alloc(n, sizeof *read);
    fill_counts(counts, n);
    OK(maple_pool_put_counters(pool, p.id, nas, MAPLE_CACHE_COLD, "perf", "avx512", counts, &why));
    OK(maple_pool_counters(pool, p.id, nas, MAPLE_CACHE_COLD, read, &why));
    for (size_t i = 0; i < n; i++) {
        assert_same(read[i].value, counts[i].value);
        assert_same(read[i].running_share, counts[i].running_share);
        assert_int_equal(read[i].status, counts[i].status);
        assert_string_equal(read[i].reason, counts[i].reason);
    }
    OK(maple_pool_counters(pool, p.id, nas, MAPLE_CACHE_WARM, read, &why));
    for (size_t i = 0; i < n; i++) {
        assert_true(isnan(read[i].value) && read[i].status == MAPLE_COUNTER_MISSING);
        assert_string_equal(read[i].reason, "not counted on this platform");
    }
    OK(maple_pool_find_platform(pool, "p", &p, &why));
    assert_string_equal(p.counters, "perf");
    counts[0].value = NAN;
    char message[120];
    snprintf(message, sizeof message, "counter %s of operator %s: status 'counted' with a value of nan",
             maple_event_name(MAPLE_CPU_CYCLES), maple_space_operator(nas, 0)->name);
    FAILS(maple_pool_put_counters(pool, p.id, nas, MAPLE_CACHE_WARM, "perf", "avx512", counts, &why),
          MAPLE_BAD_INPUT, message);
    counts[0].status = MAPLE_COUNTER_MISSING;
    FAILS(maple_pool_put_counters(pool, p.id, nas, MAPLE_CACHE_WARM, "perf", "avx512", counts, &why),
          MAPLE_BAD_INPUT, "missing without a reason");
    counts[0] = (maple_count){.value = -1, .status = MAPLE_COUNTER_COUNTED};
    FAILS(maple_pool_put_counters(pool, p.id, nas, MAPLE_CACHE_WARM, "perf", "avx512", counts, &why),
          MAPLE_BAD_INPUT, "a count of -1");
    maple_free(counts);
    maple_free(read);
    maple_pool_close(pool);
}

/* Of operators that a space does not count the pool keeps nothing, whatever it is given. */
static void test_counters_of_some_operators(void **state) {
    (void)state;
    const maple_space *fbnet;
    OK(maple_space_find("fbnet", &fbnet, &why));
    maple_pool *pool = new_pool("some.db");
    maple_platform p = add_example(pool, "p");
    size_t n = maple_space_descriptor_operators(fbnet) * MAPLE_EVENTS, kept = 0;
    maple_count *counts = maple_alloc(n, sizeof *counts), *read = maple_alloc(n, sizeof *read);
    fill_counts(counts, n);
    OK(maple_pool_put_counters(pool, p.id, fbnet, MAPLE_CACHE_WARM, "perf", "avx2", counts, &why));
    OK(maple_pool_counters(pool, p.id, fbnet, MAPLE_CACHE_WARM, read, &why));
    for (size_t i = 0; i < n; i++) {
        bool counted = maple_space_operator_counted(fbnet, i / MAPLE_EVENTS);
        kept += counted;
        assert_same(read[i].value, counted ? counts[i].value : NAN);
        if (!counted)
            assert_string_equal(read[i].reason, "not counted on this platform");
    }
    assert_int_equal(kept, 27 * MAPLE_EVENTS);
    maple_free(counts);
    maple_free(read);
    maple_pool_close(pool);
}

static void test_indices(void **state) {
    (void)state;
    maple_pool *pool = new_pool("indices.db");
    maple_arch archs[4];
    for (size_t i = 0; i < 4; i++)
        archs[i] = maple_space_nth(nas, 10 + i);
    int index[4] = {3, 15624, 0, 8}, read[4];
    OK(maple_pool_indices(pool, nas, archs, 4, read, &why));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(read[i], -1);
    OK(maple_pool_put_indices(pool, nas, archs, index, 3, &why));
    OK(maple_pool_put_indices(pool, nas, archs, index, 3, &why));
    OK(maple_pool_indices(pool, nas, archs, 4, read, &why));
    assert_memory_equal(read, ((int[]){3, 15624, 0, -1}), sizeof read);
    int other = 4;
    FAILS(maple_pool_put_indices(pool, nas, archs, &other, 1, &why), MAPLE_BAD_INPUT,
          "index 4 contradicts what is known: this architecture has 3");
    other = 15624;
    FAILS(maple_pool_put_indices(pool, nas, &archs[3], &other, 1, &why), MAPLE_BAD_INPUT, "belongs to");
    other = 15625;
    FAILS(maple_pool_put_indices(pool, nas, &archs[3], &other, 1, &why), MAPLE_BAD_INPUT, "0 to 15624");
    OK(maple_pool_indices(pool, nas, archs, 4, read, &why));
    assert_int_equal(read[3], -1);
    maple_pool_close(pool);
}

static int64_t count_rows(const char *path, const char *table) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    char sql[80];
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return n;
}

static void test_remove(void **state) {
    (void)state;
    maple_pool *pool = new_pool("remove.db");
    maple_platform p = example_platform("p");
    OK(maple_pool_add_platform(pool, &p, "{}", &why));
    put_examples(pool, p.id, 0, 5);
    double latency = 1;
    maple_arch arch = maple_space_nth(nas, 0);
    OK(maple_pool_put_round(pool, p.id, nas, 0, &arch, &latency, 1, &why));
    OK(maple_pool_remove_platform(pool, p.id, &why));
    FAILS(maple_pool_remove_platform(pool, p.id, &why), MAPLE_NOT_FOUND, "no platform with id");
    const char *path = in_scratch("remove.db");
    assert_int_equal(count_rows(path, "latencies"), 0);
    assert_int_equal(count_rows(path, "runs"), 0);
    assert_int_equal(count_rows(path, "environments"), 0);
    maple_pool_close(pool);
}

static void test_default_path(void **state) {
    (void)state;
    char *path, *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    setenv("XDG_DATA_HOME", "/data", 1);
    OK(maple_pool_default_path(&path, &why));
    assert_string_equal(path, "/data/maple/pool.db");
    maple_free(path);
    setenv("XDG_DATA_HOME", "relative", 1);
    setenv("HOME", "/somebody", 1);
    OK(maple_pool_default_path(&path, &why));
    assert_string_equal(path, "/somebody/.local/share/maple/pool.db");
    maple_free(path);
    unsetenv("XDG_DATA_HOME");
    unsetenv("HOME");
    FAILS(maple_pool_default_path(&path, &why), MAPLE_BAD_ARGUMENT, "HOME");
    if (home)
        setenv("HOME", home, 1);
    free(home);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_platforms),
        cmocka_unit_test(test_platform_again),
        cmocka_unit_test(test_family),
        cmocka_unit_test(test_latencies),
        cmocka_unit_test(test_impossible_latencies),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_operators),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_counters_of_some_operators),
        cmocka_unit_test(test_indices),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_default_path),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
