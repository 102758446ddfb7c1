/* SPDX-License-Identifier: Apache-2.0 */
/* The published tasks, and who is predicted from whom. */
#include "check.h"
#include "maple/evaluate.h"

#include <stdio.h>
#include <string.h>

static size_t length(const char *const *names) {
    size_t n = 0;
    while (names[n])
        n++;
    return n;
}

/* A dataset of platforms without latencies: splits look at names and families only. */
typedef struct fixture {
    maple_dataset dataset;
    maple_dataset_platform platforms[64];
} fixture;

static void add(fixture *f, const char *name, const char *family) {
    for (size_t i = 0; i < f->dataset.n_platforms; i++) {
        if (strcmp(f->platforms[i].platform.name, name) == 0)
            return;
    }
    maple_platform *p = &f->platforms[f->dataset.n_platforms++].platform;
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->family, sizeof p->family, "%s", family);
    f->dataset.platforms = f->platforms;
}

static void set_space(fixture *f, const char *name) {
    OK(maple_space_find(name, &f->dataset.space, &why));
}

static void tasks_are_the_published_twelve(void **state) {
    (void)state;
    /* name, sources, targets that are public */
    static const struct {
        const char *name, *space;
        size_t sources, targets;
        bool runs;
    } EXPECTED[] = {
        {"ND", "nas-bench-201", 9, 6, true},   {"N1", "nas-bench-201", 5, 5, false},
        {"N2", "nas-bench-201", 5, 1, true},   {"N3", "nas-bench-201", 5, 5, false},
        {"N4", "nas-bench-201", 10, 3, false}, {"NA", "nas-bench-201", 17, 1, true},
        {"FD", "fbnet", 9, 3, true},           {"F1", "fbnet", 5, 5, true},
        {"F2", "fbnet", 5, 5, true},           {"F3", "fbnet", 5, 5, true},
        {"F4", "fbnet", 10, 3, true},          {"FA", "fbnet", 15, 4, true},
    };
    assert_int_equal(maple_task_count(), 12);
    size_t targets = 0;
    for (size_t i = 0; i < 12; i++) {
        const maple_task *task = maple_task_at(i), *found = NULL;
        assert_string_equal(task->name, EXPECTED[i].name);
        assert_string_equal(task->space, EXPECTED[i].space);
        assert_int_equal(length(task->sources), EXPECTED[i].sources);
        assert_int_equal(length(task->targets), EXPECTED[i].targets);
        assert_int_equal(task->reason == NULL, EXPECTED[i].runs);
        for (size_t t = 0; task->targets[t]; t++) {
            for (size_t s = 0; task->sources[s]; s++)
                assert_string_not_equal(task->targets[t], task->sources[s]);
        }
        if (!EXPECTED[i].runs) {
            FAILS(maple_task_find(task->name, &found, &why), MAPLE_BAD_INPUT, "not public");
            continue;
        }
        targets += EXPECTED[i].targets;
        OK(maple_task_find(task->name, &found, &why));
        assert_ptr_equal(found, task);
    }
    assert_int_equal(targets, 33);
    assert_null(maple_task_at(12));
    assert_non_null(strstr(maple_task_at(2)->note, "pixel3"));
    assert_non_null(strstr(maple_task_at(5)->note, "eyeriss"));
    const maple_task *found;
    FAILS(maple_task_find("N5", &found, &why), MAPLE_NOT_FOUND,
          "ND, N1, N2, N3, N4, NA, FD, F1, F2, F3, F4, FA");
}

static void a_task_needs_all_its_platforms(void **state) {
    (void)state;
    fixture f = {0};
    maple_splits splits = {0};
    const maple_task *task;
    set_space(&f, "fbnet");
    OK(maple_task_find("FD", &task, &why));
    for (size_t i = 1; task->sources[i]; i++)
        add(&f, task->sources[i], "x");
    add(&f, "fpga", "x");
    add(&f, "eyeriss", "x");
    FAILS(maple_splits_task(&f.dataset, task, &splits, &why), MAPLE_NOT_FOUND, "1080ti_1, raspi4");
    assert_non_null(strstr(why.message, "12 platforms"));
    assert_non_null(strstr(why.message, "maple pool import help"));
    assert_int_equal(splits.n, 0);
    add(&f, "raspi4", "x");
    add(&f, "1080ti_1", "x");
    OK(maple_splits_task(&f.dataset, task, &splits, &why));
    assert_int_equal(splits.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(splits.items[i].task, "FD");
        assert_string_equal(f.platforms[splits.items[i].target].platform.name, task->targets[i]);
        assert_int_equal(splits.items[i].n_sources, 9);
        for (size_t s = 0; s < 9; s++)
            assert_string_equal(f.platforms[splits.items[i].sources[s]].platform.name, task->sources[s]);
    }
    maple_splits_free(&splits);
    set_space(&f, "nas-bench-201");
    FAILS(maple_splits_task(&f.dataset, task, &splits, &why), MAPLE_BAD_ARGUMENT, "of space fbnet");
    FAILS(maple_splits_task(&f.dataset, maple_task_at(1), &splits, &why), MAPLE_BAD_INPUT,
          "N1 cannot be run");
}

/* One device in two batches and another one, all imported; two CPUs in two engines. */
static void a_cpu_is_left_out_with_all_its_platforms(void **state) {
    (void)state;
    static const struct {
        const char *name, *cpu, *device;
        size_t sources[5], n;
    } CASES[] = {{"gpu_1", "unknown", "gpu", {2, 3, 4, 5}, 4},     {"gpu_32", "unknown", "gpu", {2, 3, 4, 5}, 4},
                 {"phone", "unknown", "phone", {0, 1, 3, 4, 5}, 5}, {"one a", "one", "one", {0, 1, 2, 5}, 4},
                 {"one b", "one", "one", {0, 1, 2, 5}, 4},          {"two a", "two", "two", {0, 1, 2, 3, 4}, 5}};
    fixture f = {0};
    maple_splits splits = {0};
    set_space(&f, "nas-bench-201");
    for (size_t i = 0; i < 6; i++) {
        add(&f, CASES[i].name, CASES[i].name);
        snprintf(f.platforms[i].platform.cpu, sizeof f.platforms[i].platform.cpu, "%s", CASES[i].cpu);
        snprintf(f.platforms[i].platform.device, sizeof f.platforms[i].platform.device, "%s", CASES[i].device);
    }
    OK(maple_splits_leave_one_out(&f.dataset, NULL, 0, MAPLE_LEAVE_OUT_CPU, &splits, &why));
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(splits.items[i].n_sources, CASES[i].n);
        assert_memory_equal(splits.items[i].sources, CASES[i].sources, CASES[i].n * sizeof(size_t));
    }
    maple_splits_free(&splits);
}

static void leave_one_out(void **state) {
    (void)state;
    fixture f = {0};
    maple_splits splits = {0};
    set_space(&f, "nas-bench-201");
    FAILS(maple_splits_leave_one_out(&f.dataset, NULL, 0, MAPLE_LEAVE_OUT_PLATFORM, &splits, &why), MAPLE_BAD_INPUT,
          "no latencies");
    add(&f, "a", "one");
    add(&f, "b", "one");
    add(&f, "c", "two");
    add(&f, "d", "three");
    OK(maple_splits_leave_one_out(&f.dataset, NULL, 0, MAPLE_LEAVE_OUT_PLATFORM, &splits, &why));
    assert_int_equal(splits.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(splits.items[i].task, "leave-one-out");
        assert_int_equal(splits.items[i].target, i);
        assert_int_equal(splits.items[i].n_sources, 3);
        for (size_t s = 0; s < 3; s++)
            assert_int_equal(splits.items[i].sources[s], s < i ? s : s + 1);
    }
    /* Appended: named ones, in their order, without the family. */
    static const char *const NAMES[] = {"d", "b", "a"};
    OK(maple_splits_leave_one_out(&f.dataset, NAMES, 3, MAPLE_LEAVE_OUT_FAMILY, &splits, &why));
    assert_int_equal(splits.n, 7);
    assert_int_equal(splits.items[4].target, 3);
    assert_int_equal(splits.items[4].n_sources, 2);
    assert_int_equal(splits.items[4].sources[0], 1);
    assert_int_equal(splits.items[4].sources[1], 0);
    assert_int_equal(splits.items[5].target, 1);
    assert_int_equal(splits.items[5].n_sources, 1);
    assert_int_equal(splits.items[5].sources[0], 3);
    maple_splits_free(&splits);
    static const char *const UNKNOWN[] = {"a", "x", "y"}, *const TWICE[] = {"a", "b", "a"};
    FAILS(maple_splits_leave_one_out(&f.dataset, UNKNOWN, 3, MAPLE_LEAVE_OUT_PLATFORM, &splits, &why), MAPLE_NOT_FOUND,
          "x, y; there are a, b, c, d");
    FAILS(maple_splits_leave_one_out(&f.dataset, TWICE, 3, MAPLE_LEAVE_OUT_PLATFORM, &splits, &why), MAPLE_BAD_ARGUMENT,
          "twice");
}

static void named_splits(void **state) {
    (void)state;
    fixture f = {0};
    maple_splits splits = {0};
    set_space(&f, "nas-bench-201");
    add(&f, "a", "one");
    add(&f, "b", "one");
    add(&f, "c", "two");
    static const char *const SOURCES[] = {"c", "a"}, *const TARGETS[] = {"b"}, *const BOTH[] = {"b", "a"};
    OK(maple_splits_named(&f.dataset, SOURCES, 2, TARGETS, 1, &splits, &why));
    assert_int_equal(splits.n, 1);
    assert_string_equal(splits.items[0].task, "split");
    assert_int_equal(splits.items[0].sources[0], 2);
    assert_int_equal(splits.items[0].sources[1], 0);
    maple_splits_free(&splits);
    FAILS(maple_splits_named(&f.dataset, SOURCES, 2, BOTH, 2, &splits, &why), MAPLE_BAD_ARGUMENT,
          "a is both a source and a target");
    FAILS(maple_splits_named(&f.dataset, SOURCES, 2, TARGETS, 0, &splits, &why), MAPLE_BAD_ARGUMENT,
          "no target");
    assert_int_equal(splits.n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_are_the_published_twelve),
        cmocka_unit_test(a_task_needs_all_its_platforms),
        cmocka_unit_test(leave_one_out),
        cmocka_unit_test(a_cpu_is_left_out_with_all_its_platforms),
        cmocka_unit_test(named_splits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
