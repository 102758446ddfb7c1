/* SPDX-License-Identifier: Apache-2.0 */
/* Several pools together: the dataset of predictors, and merging. */
#include "maple/predictor.h"
#include "pool_fixture.h"

/* --- Dataset --- */

static void test_dataset(void **state) {
    (void)state;
    maple_pool *first = new_pool("first.db"), *second = new_pool("second.db");
    maple_platform a = add_example(first, "a"), empty = add_example(first, "empty"),
                   shared = add_example(first, "s");
    maple_platform shared2 = add_example(second, "s"), b = add_example(second, "b");
    put_examples(first, a.id, 100, 50);
    put_examples(first, shared.id, 0, 10);
    put_examples(second, shared2.id, 500, 10); /* known from the first pool: not taken */
    put_examples(second, b.id, 140, 20);
    maple_latency failed = example_latency(900);
    failed.latency_ms = NAN;
    strcpy(failed.reason, "crashed");
    OK(maple_pool_put_latencies(first, empty.id, nas, &failed, 1, &why));
    int index = 77;
    maple_arch known = maple_space_nth(nas, 150);
    OK(maple_pool_put_indices(second, nas, &known, &index, 1, &why));
    size_t n = maple_space_descriptor_operators(nas) * MAPLE_EVENTS;
    maple_count *counts = maple_alloc(n, sizeof *counts);
    fill_counts(counts, n);
    OK(maple_pool_put_counters(second, b.id, nas, MAPLE_CACHE_COLD, "perf", "avx2", counts, &why));

    maple_pool *pools[] = {first, second};
    maple_dataset *d;
    OK(maple_dataset_load(pools, 2, nas, &d, &why));
    assert_int_equal(d->n_platforms, 3);
    assert_int_equal(d->n_archs, 10 + 60);
    assert_string_equal(d->platforms[0].platform.name, "a");
    assert_string_equal(d->platforms[2].platform.name, "b");
    assert_int_equal(maple_dataset_platform_row(d, "b"), 2);
    assert_int_equal(maple_dataset_platform_row(d, "empty"), -1);
    const size_t from[3] = {100, 0, 140}, to[3] = {150, 10, 160};
    char before[MAPLE_MAX_ARCH_TEXT] = "", text[MAPLE_MAX_ARCH_TEXT];
    for (size_t i = 0; i < d->n_archs; i++) {
        maple_space_format(nas, &d->archs[i], text);
        assert_true(strcmp(before, text) < 0);
        strcpy(before, text);
        size_t ordinal = maple_space_ordinal(nas, &d->archs[i]);
        assert_int_equal(d->index[i], ordinal == 150 ? 77 : -1);
        for (size_t p = 0; p < 3; p++) {
            bool has = ordinal >= from[p] && ordinal < to[p];
            assert_same(d->platforms[p].latency_ms[i], has ? example_latency(ordinal).latency_ms : NAN);
        }
    }
    assert_true(isnan(d->platforms[0].operator_ms[0]));
    for (size_t i = 0; i < n; i++) {
        assert_same(d->platforms[2].counters_cold[i], counts[i].value);
        assert_true(isnan(d->platforms[2].counters_warm[i]) && isnan(d->platforms[0].counters_cold[i]));
    }
    maple_dataset_free(d);
    maple_free(counts);
    maple_pool *twice[] = {first, first};
    OK(maple_dataset_load(twice, 2, nas, &d, &why));
    assert_int_equal(d->n_platforms, 2);
    maple_dataset_free(d);
    OK(maple_dataset_load(NULL, 0, nas, &d, &why));
    assert_int_equal(d->n_archs, 0);
    maple_dataset_free(d);
    maple_pool_close(first);
    maple_pool_close(second);
}

/* One operator of this latency, the others without. */
static void put_operator(maple_pool *pool, int64_t platform, size_t at, double latency_ms) {
    size_t n = maple_space_operators(nas);
    maple_operator_latency *rows = maple_alloc(n, sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        rows[i].latency_ms = rows[i].mean_ms = rows[i].min_ms = rows[i].sd_ms = i == at ? latency_ms : NAN;
        strcpy(rows[i].reason, i == at ? "" : "not measured");
    }
    OK(maple_pool_put_operators(pool, platform, nas, rows, &why));
    maple_free(rows);
}

/* Platforms with a descriptor only are apart from those that can be learned from; a name is of the first pool
 * that has latencies or a descriptor of it. */
static void test_profiled(void **state) {
    (void)state;
    maple_pool *first = new_pool("first.db"), *second = new_pool("second.db");
    maple_platform measured = add_example(first, "measured"), profiled = add_example(first, "profiled"),
                   counted = add_example(first, "counted"), shared = add_example(first, "shared");
    add_example(first, "registered");
    add_example(first, "later");
    maple_platform shared2 = add_example(second, "shared"), later = add_example(second, "later");
    put_examples(first, measured.id, 100, 5);
    put_operator(first, measured.id, 2, 0.5);
    put_operator(first, profiled.id, 1, 0.25);
    put_operator(first, shared.id, 0, 0.125);
    put_examples(second, shared2.id, 200, 5);
    put_examples(second, later.id, 300, 5);
    size_t n = maple_space_descriptor_operators(nas) * MAPLE_EVENTS;
    maple_count *counts = maple_alloc(n, sizeof *counts);
    fill_counts(counts, n);
    OK(maple_pool_put_counters(first, counted.id, nas, MAPLE_CACHE_COLD, "perf", "avx2", counts, &why));
    maple_free(counts);

    maple_pool *pools[] = {first, second};
    maple_dataset *d;
    OK(maple_dataset_load(pools, 2, nas, &d, &why));
    assert_int_equal(d->n_platforms, 2);
    assert_int_equal(d->n_archs, 10);
    assert_string_equal(d->platforms[0].platform.name, "measured");
    assert_string_equal(d->platforms[1].platform.name, "later");
    assert_int_equal(d->n_profiled, 3);
    static const char *const PROFILED[] = {"profiled", "counted", "shared"};
    for (size_t p = 0; p < 3; p++) {
        const maple_dataset_platform *found = maple_dataset_find(d, PROFILED[p]);
        assert_ptr_equal(found, &d->profiled[p]);
        assert_int_equal(maple_dataset_platform_row(d, PROFILED[p]), -1);
        for (size_t i = 0; i < d->n_archs; i++)
            assert_true(isnan(found->latency_ms[i]));
    }
    assert_ptr_equal(maple_dataset_find(d, "measured"), &d->platforms[0]);
    assert_null(maple_dataset_find(d, "registered"));
    assert_null(maple_dataset_find(d, "nobody"));
    assert_same(d->profiled[0].operator_ms[1], 0.25);
    assert_same(d->profiled[2].operator_ms[0], 0.125);

    maple_target target = maple_dataset_target(d, &d->profiled[0]);
    assert_ptr_equal(target.operator_ms, d->profiled[0].operator_ms);
    assert_null(target.counters_warm);
    assert_null(target.counters_cold);
    assert_int_equal(target.graph, MAPLE_GRAPH_AS_WRITTEN);
    assert_int_equal(target.n_samples, 0);
    target = maple_dataset_target(d, &d->profiled[1]);
    assert_null(target.operator_ms);
    assert_null(target.counters_warm);
    assert_ptr_equal(target.counters_cold, d->profiled[1].counters_cold);
    target = maple_dataset_target(d, &d->platforms[1]);
    assert_true(!target.operator_ms && !target.counters_warm && !target.counters_cold);
    maple_dataset_free(d);
    maple_pool_close(first);
    maple_pool_close(second);
}

/* --- Merge --- */

static void test_merge(void **state) {
    (void)state;
    maple_pool *target = new_pool("target.db"), *source = new_pool("source ?#%.db");
    maple_platform there = add_example(target, "x");
    put_examples(target, there.id, 3000, 4); /* other ids than in the source */
    maple_platform a = example_platform("a"), b = add_example(source, "b");
    OK(maple_pool_add_platform(source, &a, "{\"k\":1}", &why));
    put_examples(source, a.id, 0, 20);
    put_examples(source, b.id, 3000, 2);
    maple_latency failed = example_latency(21);
    failed.latency_ms = NAN;
    strcpy(failed.reason, "why");
    OK(maple_pool_put_latencies(source, a.id, nas, &failed, 1, &why));
    maple_arch arch = maple_space_nth(nas, 3001);
    double latency = 9;
    int index = 11;
    OK(maple_pool_put_round(source, a.id, nas, 4, &arch, &latency, 1, &why));
    OK(maple_pool_put_indices(source, nas, &arch, &index, 1, &why));
    const char *names[] = {"a"}, *wrong[] = {"a", "nobody"};
    maple_import_result result = {0};
    FAILS(maple_pool_merge(target, source, wrong, 2, false, &result, &why), MAPLE_NOT_FOUND, "nobody");
    OK(maple_pool_merge(target, source, names, 1, true, &result, &why));
    assert_int_equal(result.platforms, 1);
    assert_int_equal(result.latencies, 20);
    assert_int_equal(result.skipped, 1);
    maple_platform copied, none;
    OK(maple_pool_find_platform(target, "a", &copied, &why));
    FAILS(maple_pool_find_platform(target, "b", &none, &why), MAPLE_NOT_FOUND, "'b'");
    int *rounds, read;
    double *values;
    size_t n;
    OK(maple_pool_runs(target, copied.id, nas, &arch, &rounds, &values, &n, &why));
    assert_int_equal(n, 0);
    maple_free(rounds);
    maple_free(values);
    OK(maple_pool_indices(target, nas, &arch, 1, &read, &why));
    assert_int_equal(read, 11);
    char *json;
    OK(maple_pool_environment(target, copied.id, &json, &why));
    assert_string_equal(json, "{\"k\":1}");
    maple_free(json);
    maple_text before = {0}, after = {0};
    OK(maple_pool_export_csv(source, a.id, nas, &before, &why));
    OK(maple_pool_export_csv(target, copied.id, nas, &after, &why));
    assert_string_equal(before.data, after.data);
    maple_text_free(&before);
    maple_text_free(&after);
    /* All of it, again, with raw runs: nothing is doubled. */
    OK(maple_pool_merge(target, source, NULL, 0, false, &result, &why));
    assert_int_equal(result.platforms, 2);
    OK(maple_pool_runs(target, copied.id, nas, &arch, &rounds, &values, &n, &why));
    assert_int_equal(n, 1);
    assert_int_equal(rounds[0], 4);
    assert_same(values[0], 9);
    maple_free(rounds);
    maple_free(values);
    OK(maple_pool_count_latencies(target, copied.id, nas, &n, &why));
    assert_int_equal(n, 20);
    maple_pool_close(target);
    maple_pool_close(source);
}

static void test_merge_conflicts(void **state) {
    (void)state;
    maple_pool *target = new_pool("target2.db"), *source = new_pool("source2.db");
    maple_platform fine = add_example(source, "a fine one"), same = add_example(target, "same");
    put_examples(source, fine.id, 0, 2);
    put_examples(target, same.id, 0, 2);
    maple_platform other = example_platform("same");
    other.batch = 1;
    OK(maple_pool_add_platform(source, &other, NULL, &why));
    maple_import_result result = {.platforms = 42};
    maple_platform found;
    FAILS(maple_pool_merge(target, source, NULL, 0, false, &result, &why), MAPLE_BAD_INPUT,
          "platform 'same' exists with");
    assert_int_equal(result.platforms, 42);
    FAILS(maple_pool_find_platform(target, "a fine one", &found, &why), MAPLE_NOT_FOUND, "'same'");
    /* Two pools that disagree on an index. */
    maple_arch archs[2] = {maple_space_nth(nas, 0), maple_space_nth(nas, 1)};
    int here = 5, there = 6;
    OK(maple_pool_put_indices(target, nas, &archs[0], &here, 1, &why));
    OK(maple_pool_put_indices(source, nas, &archs[0], &there, 1, &why));
    const char *names[] = {"a fine one"};
    FAILS(maple_pool_merge(target, source, names, 1, false, &result, &why), MAPLE_BAD_INPUT, "has index 6");
    FAILS(maple_pool_merge(target, target, NULL, 0, false, &result, &why), MAPLE_BAD_ARGUMENT, "into itself");
    maple_pool *reader = open_pool(in_scratch("target2.db"), MAPLE_POOL_READ);
    FAILS(maple_pool_merge(target, reader, NULL, 0, false, &result, &why), MAPLE_BAD_ARGUMENT, "into itself");
    FAILS(maple_pool_merge(reader, source, names, 1, false, &result, &why), MAPLE_BAD_ARGUMENT,
          "for reading only");
    maple_pool_close(reader);
    maple_pool_close(target);
    maple_pool_close(source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dataset),
        cmocka_unit_test(test_profiled),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_merge_conflicts),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
