/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Provider callgrind against loads whose counts are known: starts itself behind the provider's launcher and
 * counts there. Exit code 77: this machine cannot run it, with the reason.
 */
#include "maple/counters.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77, LINE = 64, SMALL_LINES = 256, SMALL_PASSES = 64, LARGE_LINES = 65536 };

typedef struct loads {
    const char *data;
    size_t lines, passes;
} loads;

static maple_status load_lines(void *user, maple_error *error) {
    (void)error;
    const loads work = *(const loads *)user; /* in registers: only the loop loads */
    for (size_t pass = 0; pass < work.passes; pass++) {
        const char *next = work.data;
        size_t left = work.lines;
#if defined(__x86_64__)
        __asm__ volatile("1:\n\tmovq (%0), %%rax\n\taddq $64, %0\n\tdecq %1\n\tjnz 1b"
                         : "+r"(next), "+r"(left)
                         :
                         : "rax", "cc");
#else
        for (; left > 0; left--, next += LINE)
            (void)*(const volatile uint64_t *)next;
#endif
    }
    return MAPLE_OK;
}

static maple_status fail_body(void *user, maple_error *error) {
    (void)user;
    return maple_error_set(error, MAPLE_DEVICE_ERROR, "the body failed");
}

static int failures;

static void expect(const char *what, const maple_count *counts, maple_event event, double expected,
                   double bound) {
    double value = counts[event].value;
    bool fine = counts[event].status == MAPLE_COUNTER_SIMULATED && fabs(value - expected) <= bound;
    printf("%s %s: %s %.0f, expected %.0f +- %.0f\n", fine ? "ok  " : "FAIL", what, maple_event_name(event),
           value, expected, bound);
    failures += !fine;
}

static void check(bool fine, const char *what) {
    printf("%s %s\n", fine ? "ok  " : "FAIL", what);
    failures += !fine;
}

static int count_under_valgrind(const char *scratch) {
    const maple_counter_info *info = NULL;
    char reason[200];
    maple_error error = {0};
    maple_counter_session *session = NULL;
    maple_count counts[MAPLE_EVENTS], again[MAPLE_EVENTS];
    char *data = maple_alloc_aligned(LARGE_LINES, LINE);
    if (!data || maple_counters_find("callgrind", &info, reason, sizeof reason, &error) != MAPLE_OK ||
        maple_counters_open(info, scratch, &session, &error) != MAPLE_OK) {
        printf("FAIL open: %s\n", error.message);
        return 1;
    }
    /* A few lines of the caller's own stack and code come on top: hence the small absolute bounds. */
    loads small = {data, SMALL_LINES, SMALL_PASSES}, large = {data, LARGE_LINES, 1};
    double small_loads = SMALL_LINES * SMALL_PASSES;
    maple_status status =
        maple_counters_count_body(session, MAPLE_CACHE_WARM, load_lines, &small, counts, &error);
    check(status == MAPLE_OK, "small, warm");
    expect("16 KiB warm", counts, MAPLE_L1_DCACHE_LOADS, small_loads, 0.01 * small_loads);
#if defined(__x86_64__)
    expect("16 KiB warm", counts, MAPLE_INSTRUCTIONS, 4 * small_loads, 0.01 * 4 * small_loads);
#endif
    expect("16 KiB warm", counts, MAPLE_L1_DCACHE_LOAD_MISSES, 0, 2);
    check(counts[MAPLE_CPU_CYCLES].status == MAPLE_COUNTER_MISSING && isnan(counts[MAPLE_CPU_CYCLES].value) &&
              counts[MAPLE_CPU_CYCLES].reason[0],
          "cycles are missing with a reason");
    status = maple_counters_count_body(session, MAPLE_CACHE_WARM, load_lines, &small, again, &error);
    bool same = status == MAPLE_OK;
    for (int i = 1; i < MAPLE_EVENTS; i++)
        same = same && counts[i].value == again[i].value;
    check(same, "the same count twice");
    status = maple_counters_count_body(session, MAPLE_CACHE_COLD, load_lines, &small, counts, &error);
    check(status == MAPLE_OK, "small, cold");
    expect("16 KiB cold", counts, MAPLE_L1_DCACHE_LOAD_MISSES, SMALL_LINES, 8);
    expect("16 KiB cold", counts, MAPLE_LLC_LOAD_MISSES, SMALL_LINES, 24);
    status = maple_counters_count_body(session, MAPLE_CACHE_WARM, load_lines, &large, counts, &error);
    check(status == MAPLE_OK, "large, warm");
    expect("4 MiB warm", counts, MAPLE_L1_DCACHE_LOAD_MISSES, LARGE_LINES, 0.01 * LARGE_LINES);
    expect("4 MiB warm", counts, MAPLE_LLC_LOADS, LARGE_LINES, 0.01 * LARGE_LINES);
    expect("4 MiB warm", counts, MAPLE_CACHE_MISSES, LARGE_LINES, 0.01 * LARGE_LINES);
    status = maple_counters_count_body(session, MAPLE_CACHE_WARM, fail_body, NULL, counts, &error);
    check(status == MAPLE_DEVICE_ERROR && strcmp(error.message, "the body failed") == 0,
          "a failing body is told");
    maple_counters_close(session);
    maple_free(data);
    return failures > 0;
}

/* Replaces this process by itself behind the launcher. */
static void exec_behind(char **launcher, char *self, char *scratch) {
    char *words[32];
    size_t n = 0;
    while (launcher[n] && n < 28) {
        words[n] = launcher[n];
        n++;
    }
    words[n++] = self;
    words[n++] = scratch;
    words[n] = NULL;
    execvp(words[0], words);
    _exit(127);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return count_under_valgrind(argv[1]);
    const maple_counter_info *info = NULL;
    char reason[200], scratch[] = "/tmp/maple-callgrind-XXXXXX", **launcher = NULL;
    maple_error error = {0};
    if (maple_counters_find("callgrind", &info, reason, sizeof reason, &error) != MAPLE_OK)
        return 1;
    if (!maple_counters_probe(info, reason, sizeof reason)) {
        printf("skipped: %s\n", reason);
        return SKIPPED;
    }
    maple_counter_session *session = NULL;
    check(maple_counters_open(info, "/tmp", &session, &error) == MAPLE_UNSUPPORTED,
          "refused without Valgrind");
    fflush(stdout);
    if (!mkdtemp(scratch) || maple_counters_launcher(info, scratch, &launcher, &error) != MAPLE_OK)
        return 1;
    pid_t child = fork();
    if (child == 0)
        exec_behind(launcher, argv[0], scratch);
    int state = 0;
    waitpid(child, &state, 0);
    maple_free(launcher);
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", scratch);
    check(system(command) == 0, "scratch removed");
    return failures > 0 || !WIFEXITED(state) || WEXITSTATUS(state) != 0;
}
