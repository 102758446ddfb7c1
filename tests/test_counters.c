/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counter providers: the contract that all keep, the arithmetic of perf readings, perf on software events
 * (which go through the same code as hardware events), callgrind's dumps.
 */

#include "counters/callgrind.h"
#include "counters/perf_event.h"
#include "unit.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static maple_status spin(void *user, maple_error *error) {
    (void)error;
    volatile unsigned *sink = user;
    for (unsigned i = 0; i < 20000; i++)
        *sink += i;
    return MAPLE_OK;
}

static maple_status failing(void *user, maple_error *error) {
    (void)user;
    return maple_error_set(error, MAPLE_DEVICE_ERROR, "the body failed");
}

/* --- Contract: every provider --- */

static void test_registry(void **state) {
    (void)state;
    assert_true(maple_counters_count() >= 3);
    assert_null(maple_counters_at(maple_counters_count()));
    char reason[300];
    maple_error error = {0};
    const maple_counter_info *found = NULL;
    for (size_t i = 0; i < maple_counters_count(); i++) {
        const maple_counter_info *info = maple_counters_at(i);
        assert_int_equal(maple_counters_find(info->name, &found, reason, sizeof reason, &error), MAPLE_OK);
        assert_ptr_equal(found, info);
        assert_true(info->description[0]);
        if (!maple_counters_probe(info, reason, sizeof reason))
            assert_true(reason[0]);
    }
    assert_int_equal(maple_counters_find("auto", &found, reason, sizeof reason, &error), MAPLE_OK);
    char why[200];
    assert_true(maple_counters_probe(found, why, sizeof why));
    if (found != maple_counters_at(0))
        assert_true(strncmp(reason, "perf: ", 6) == 0); /* says why the better one was not taken */
    assert_int_equal(maple_counters_find("pmc", &found, reason, sizeof reason, &error), MAPLE_NOT_FOUND);
    assert_non_null(strstr(error.message, "'pmc'; there are: auto, perf, callgrind, none"));
}

static void test_every_event_has_a_value_or_a_reason(void **state) {
    (void)state;
    volatile unsigned sink = 0;
    for (size_t i = 0; i < maple_counters_count(); i++) {
        const maple_counter_info *info = maple_counters_at(i);
        maple_error error = {0};
        maple_counter_session *session = NULL;
        maple_status status = maple_counters_open(info, "/tmp", &session, &error);
        if (status != MAPLE_OK) { /* callgrind outside Valgrind */
            assert_int_equal(status, MAPLE_UNSUPPORTED);
            assert_true(error.message[0]);
            continue;
        }
        for (int cold = 0; cold < 2; cold++) {
            maple_count counts[MAPLE_EVENTS];
            maple_cache_state cache = cold ? MAPLE_CACHE_COLD : MAPLE_CACHE_WARM;
            status = maple_counters_count_body(session, cache, spin, (void *)&sink, counts, &error);
            assert_int_equal(status, MAPLE_OK);
            for (int e = 0; e < MAPLE_EVENTS; e++) {
                bool missing = counts[e].status == MAPLE_COUNTER_MISSING;
                assert_int_equal(missing, isnan(counts[e].value));
                if (missing)
                    assert_true(counts[e].reason[0]);
            }
            status = maple_counters_count_body(session, cache, failing, NULL, counts, &error);
            assert_int_equal(status, MAPLE_DEVICE_ERROR);
            assert_string_equal(error.message, "the body failed");
        }
        maple_counters_close(session);
    }
    maple_counters_close(NULL);
}

static void test_launchers(void **state) {
    (void)state;
    for (size_t i = 0; i < maple_counters_count(); i++) {
        const maple_counter_info *info = maple_counters_at(i);
        char **words = NULL;
        maple_error error = {0};
        if (maple_counters_launcher(info, "/tmp/scratch", &words, &error) != MAPLE_OK) {
            assert_true(error.message[0]);
            continue;
        }
        bool in_scratch = false;
        for (char **word = words; *word; word++)
            in_scratch = in_scratch || strstr(*word, "/tmp/scratch/") != NULL;
        assert_int_equal(in_scratch, strcmp(info->name, "callgrind") == 0);
        if (in_scratch)
            assert_string_equal(words[0], "valgrind");
        maple_free(words);
    }
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(maple_event_name(MAPLE_CPU_CYCLES), "cpu-cycles");
    assert_string_equal(maple_event_name(MAPLE_LLC_STORE_MISSES), "LLC-store-misses");
    assert_string_equal(maple_counter_status_name(MAPLE_COUNTER_SCALED), "scaled");
    assert_string_equal(maple_cache_state_name(MAPLE_CACHE_COLD), "cold");
}

/* --- perf: arithmetic --- */

static void test_multiplexing(void **state) {
    (void)state;
    maple_perf_reading before = {1000, 500, 500};
    maple_count count = maple_perf_count(before, (maple_perf_reading){5000, 1500, 1500}, 4);
    assert_int_equal(count.status, MAPLE_COUNTER_COUNTED);
    assert_true(count.value == 1000 && count.running_share == 1 && !count.reason[0]);
    /* A quarter of the time on the counter: 4,000 seen in 2 runs stand for 16,000, that is 8,000 a run. */
    count = maple_perf_count(before, (maple_perf_reading){5000, 4500, 1500}, 2);
    assert_int_equal(count.status, MAPLE_COUNTER_SCALED);
    assert_true(count.value == 8000 && count.running_share == 0.25);
    assert_string_equal(count.reason, "multiplexed: counted 25 % of the time, scaled");
    /* Nearly all of the time: scaled, but not worth a note. */
    count = maple_perf_count((maple_perf_reading){0}, (maple_perf_reading){970, 1000, 970}, 1);
    assert_int_equal(count.status, MAPLE_COUNTER_SCALED);
    assert_true(fabs(count.value - 1000) < 1e-9 && !count.reason[0]);
    /* Never on a counter: missing, not 0. */
    count = maple_perf_count(before, (maple_perf_reading){1000, 4500, 500}, 2);
    assert_int_equal(count.status, MAPLE_COUNTER_MISSING);
    assert_true(isnan(count.value) && strstr(count.reason, "never scheduled"));
    count = maple_perf_count(before, (maple_perf_reading){5000, 1500, 1500}, 0);
    assert_true(isnan(count.value));
}

static void test_reasons(void **state) {
    (void)state;
    char reason[160];
    maple_perf_reason(ENOENT, 2, reason, sizeof reason);
    assert_string_equal(reason, "ENOENT: this CPU or virtual machine has no PMU, or does not map the event");
    maple_perf_reason(EACCES, 4, reason, sizeof reason);
    assert_non_null(strstr(reason, "perf_event_paranoid is 4"));
    assert_non_null(strstr(reason, "sysctl kernel.perf_event_paranoid=2"));
    maple_perf_reason(EPERM, 3, reason, sizeof reason);
    assert_true(strncmp(reason, "EPERM", 5) == 0);
    static const int others[] = {EINVAL, EOPNOTSUPP, ENOSYS, EMFILE, EBUSY};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        maple_perf_reason(others[i], 2, reason, sizeof reason);
        assert_true(strlen(reason) > 10);
    }
}

/* --- perf: software events --- */

enum { PAGES = 64 };

typedef struct pages {
    char *start;
    size_t page_bytes;
} pages;

/* Every run touches PAGES pages that it has just given back: PAGES faults. */
static maple_status touch_fresh_pages(void *user, maple_error *error) {
    (void)error;
    pages *work = user;
    madvise(work->start, PAGES * work->page_bytes, MADV_DONTNEED);
    for (size_t i = 0; i < PAGES; i++)
        *(volatile char *)(work->start + i * work->page_bytes) = 1;
    return MAPLE_OK;
}

#define TASK_CLOCK                                                                                           \
    { MAPLE_CPU_CYCLES, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK }
#define PAGE_FAULTS                                                                                          \
    { MAPLE_INSTRUCTIONS, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS }

static bool software_events_work(void) {
    maple_perf_pass pass = {1, {PAGE_FAULTS}};
    maple_counter_session *session = NULL;
    maple_error error = {0};
    maple_count counts[MAPLE_EVENTS];
    volatile unsigned sink = 0;
    assert_int_equal(maple_perf_open(&pass, 1, &session, &error), MAPLE_OK);
    maple_status status =
        maple_counters_count_body(session, MAPLE_CACHE_WARM, spin, (void *)&sink, counts, &error);
    assert_int_equal(status, MAPLE_OK);
    maple_counters_close(session);
    if (counts[MAPLE_INSTRUCTIONS].status != MAPLE_COUNTER_MISSING)
        return true;
    print_message("skipped: %s\n", counts[MAPLE_INSTRUCTIONS].reason);
    return false;
}

static void count_pages(const maple_perf_pass *passes, size_t n, maple_cache_state cache,
                        maple_count counts[MAPLE_EVENTS]) {
    pages work = {.page_bytes = (size_t)sysconf(_SC_PAGESIZE)};
    work.start =
        mmap(NULL, PAGES * work.page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(work.start != MAP_FAILED);
    madvise(work.start, PAGES * work.page_bytes, MADV_NOHUGEPAGE);
    maple_counter_session *session = NULL;
    maple_error error = {0};
    assert_int_equal(maple_perf_open(passes, n, &session, &error), MAPLE_OK);
    assert_int_equal(maple_counters_count_body(session, cache, touch_fresh_pages, &work, counts, &error),
                     MAPLE_OK);
    maple_counters_close(session);
    munmap(work.start, PAGES * work.page_bytes);
}

static void test_software_events(void **state) {
    (void)state;
    if (!software_events_work())
        skip();
    static const maple_perf_pass passes[] = {
        {2, {TASK_CLOCK, PAGE_FAULTS}},
        {2, {TASK_CLOCK, {MAPLE_CACHE_MISSES, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN}}},
        {1, {{MAPLE_LLC_LOADS, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ}}},
    };
    for (int cold = 0; cold < 2; cold++) {
        maple_count counts[MAPLE_EVENTS];
        count_pages(passes, 3, cold ? MAPLE_CACHE_COLD : MAPLE_CACHE_WARM, counts);
        assert_int_equal(counts[MAPLE_INSTRUCTIONS].status, MAPLE_COUNTER_COUNTED);
        assert_true(fabs(counts[MAPLE_INSTRUCTIONS].value - PAGES) <= 0.01 * PAGES);
        assert_true(fabs(counts[MAPLE_CACHE_MISSES].value - PAGES) <= 0.01 * PAGES);
        assert_true(counts[MAPLE_CPU_CYCLES].value > 0);
        assert_int_equal(counts[MAPLE_LLC_LOADS].status, MAPLE_COUNTER_COUNTED);
        assert_true(counts[MAPLE_LLC_LOADS].value == 0); /* a counted 0 is a value */
        assert_int_equal(counts[MAPLE_LLC_STORES].status, MAPLE_COUNTER_MISSING);
        assert_string_equal(counts[MAPLE_LLC_STORES].reason, "no pass counts this event");
    }
}

/* A group with a member that does not exist: the others are counted one by one, that one tells why. */
static void test_fallback_to_single_events(void **state) {
    (void)state;
    if (!software_events_work())
        skip();
    static const maple_perf_pass passes[] = {
        {3, {TASK_CLOCK, PAGE_FAULTS, {MAPLE_LLC_STORES, PERF_TYPE_SOFTWARE, 9999}}},
        {2, {TASK_CLOCK, {MAPLE_LLC_STORE_MISSES, 9999, 0}}},
    };
    maple_count counts[MAPLE_EVENTS];
    count_pages(passes, 2, MAPLE_CACHE_WARM, counts);
    assert_true(fabs(counts[MAPLE_INSTRUCTIONS].value - PAGES) <= 0.01 * PAGES);
    assert_true(counts[MAPLE_CPU_CYCLES].value > 0);
    static const maple_event absent[] = {MAPLE_LLC_STORES, MAPLE_LLC_STORE_MISSES};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(counts[absent[i]].status, MAPLE_COUNTER_MISSING);
        assert_true(isnan(counts[absent[i]].value));
        assert_non_null(strstr(counts[absent[i]].reason, "ENOENT"));
    }
}

/* --- callgrind: dumps --- */

static void test_callgrind_dump(void **state) {
    (void)state;
    static const char dump[] =
        "# callgrind format\nversion: 1\nevents: Dr Ir Dw I1mr D1mr D1mw ILmr DLmr DLmw\n"
        "fn=(1) f\n0 1 2 3\n\ntotals: 200 1000 50 2 20 6 1 10 4\n";
    maple_count counts[MAPLE_EVENTS];
    maple_error error = {0};
    assert_int_equal(maple_callgrind_counts(dump, 2, counts, &error), MAPLE_OK);
    static const double expected[MAPLE_EVENTS] = {NAN, 500, 14, 7.5, 100, 10, 11, 5.5, 3, 2};
    for (int i = 1; i < MAPLE_EVENTS; i++) {
        assert_int_equal(counts[i].status, MAPLE_COUNTER_SIMULATED);
        assert_true(counts[i].value == expected[i]);
    }
    assert_int_equal(counts[MAPLE_CPU_CYCLES].status, MAPLE_COUNTER_MISSING);
    /* Without cache simulation the columns are not there: missing, not 0. */
    assert_int_equal(maple_callgrind_counts("events: Ir\nsummary: 10\n", 1, counts, &error), MAPLE_OK);
    assert_true(counts[MAPLE_INSTRUCTIONS].value == 10);
    assert_true(isnan(counts[MAPLE_LLC_LOADS].value));
    assert_non_null(strstr(counts[MAPLE_LLC_LOADS].reason, "no column D1mr"));
    /* Zeros at the end of a line may be left out. */
    assert_int_equal(maple_callgrind_counts("events: Ir Dr\ntotals: 10\n", 1, counts, &error), MAPLE_OK);
    assert_true(counts[MAPLE_L1_DCACHE_LOADS].value == 0);
    assert_int_equal(maple_callgrind_counts("events: Ir\n1 2\n", 1, counts, &error), MAPLE_DEVICE_ERROR);
    assert_string_equal(error.message, "callgrind's dump has no 'totals:' line: it is cut short");
    assert_int_equal(maple_callgrind_counts("", 1, counts, &error), MAPLE_DEVICE_ERROR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry),        cmocka_unit_test(test_every_event_has_a_value_or_a_reason),
        cmocka_unit_test(test_launchers),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_multiplexing),    cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_software_events), cmocka_unit_test(test_fallback_to_single_events),
        cmocka_unit_test(test_callgrind_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
