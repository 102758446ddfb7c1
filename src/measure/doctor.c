/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine can measure, and what disturbs it: each finding with its effect on results and what to
 * do. */
#include "maple/measure.h"
#include "measure/siblings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct check_list {
    maple_check *checks;
    size_t capacity, n;
} check_list;

static void add(check_list *list, const char *name, maple_check_level level, const char *finding,
                const char *effect, const char *fix) {
    if (list->n < list->capacity) {
        maple_check *check = &list->checks[list->n];
        *check = (maple_check){.level = level};
        snprintf(check->name, sizeof check->name, "%s", name);
        snprintf(check->finding, sizeof check->finding, "%s", finding);
        snprintf(check->effect, sizeof check->effect, "%s", effect);
        snprintf(check->fix, sizeof check->fix, "%s", fix);
    }
    list->n++;
}

static void check_counters(check_list *list) {
    for (size_t i = 0; i < maple_counters_count(); i++) {
        const maple_counter_info *info = maple_counters_at(i);
        char reason[200], name[48];
        if (strcmp(info->name, "none") == 0)
            continue; /* always works, tells nothing */
        bool hardware = !info->simulated;
        snprintf(name, sizeof name, "%s", hardware ? "pmu" : info->name);
        if (maple_counters_probe(info, reason, sizeof reason))
            add(list, name, MAPLE_CHECK_OK, info->description,
                hardware ? "descriptors carry real counts" : "descriptors can carry simulated counts", "");
        else
            add(list, name, MAPLE_CHECK_WARN, reason,
                hardware
                    ? "descriptors carry simulated counts (code up to avx2, no cycles) instead of real ones"
                    : "without a PMU descriptors carry operator latencies only",
                hardware ? "measure on bare metal or in a virtual machine with a virtual PMU"
                         : "install valgrind (Debian: apt-get install valgrind) and build again");
    }
}

static void check_engines(check_list *list) {
    for (size_t i = 0; i < maple_engine_count(); i++) {
        const maple_engine_info *info = maple_engine_at(i);
        char name[48];
        snprintf(name, sizeof name, "engine %s", info->name);
        if (info->available)
            add(list, name, MAPLE_CHECK_OK, info->description, "can be measured", "");
        else
            add(list, name, MAPLE_CHECK_WARN, "not built in", "its platforms cannot be measured here",
                info->unavailable ? info->unavailable : "");
    }
}

static void check_cpu(check_list *list, const maple_environment *environment) {
    char finding[320];
    snprintf(finding, sizeof finding, "%s (%s)", environment->isa,
             environment->cpu[0] ? environment->cpu : "unknown CPU");
    bool generic = strcmp(environment->isa, "generic") == 0;
    add(list, "isa", generic ? MAPLE_CHECK_WARN : MAPLE_CHECK_OK, finding,
        generic ? "engines run their slow generic code" : "engines use it unless --isa caps them", "");
    snprintf(finding, sizeof finding, "%d usable", environment->cores);
    bool single = environment->cores < 2;
    add(list, "cores", single ? MAPLE_CHECK_WARN : MAPLE_CHECK_OK, finding,
        single ? "what is measured shares its CPU with everything else; 2-thread platforms cannot be measured"
               : "the measured process has a CPU to itself",
        single ? "give the machine or container a second CPU" : "");
}

static void check_governor(check_list *list, const maple_environment *environment) {
    const char *governor = environment->governor;
    char finding[320];
    if (!governor[0]) {
        add(list, "governor", MAPLE_CHECK_OK, "not visible",
            "frequency is the host's matter; interleaved rounds even out its changes", "");
        return;
    }
    bool steady = strcmp(governor, "performance") == 0;
    snprintf(finding, sizeof finding, "%s", governor);
    add(list, "governor", steady ? MAPLE_CHECK_OK : MAPLE_CHECK_WARN, finding,
        steady ? "frequency is held up"
               : "frequency follows the load: short networks are timed at another frequency than long ones",
        steady ? "" : "as root: cpupower frequency-set -g performance");
}

static void check_hypervisor(check_list *list, const maple_environment *environment) {
    if (!environment->hypervisor[0]) {
        add(list, "hypervisor", MAPLE_CHECK_OK, "none seen", "no neighbours on the host", "");
        return;
    }
    add(list, "hypervisor", MAPLE_CHECK_WARN, environment->hypervisor,
        "neighbours on the host slow some moments down by 30 % and more; the median of interleaved rounds "
        "hides most "
        "of it",
        "keep 50 rounds; compare two runs before trusting differences below 2 %");
}

static void check_load(check_list *list, const maple_environment *environment) {
    double load = environment->load_average;
    int cores = environment->cores > 0 ? environment->cores : 1;
    char finding[320];
    if (!isfinite(load)) {
        add(list, "load", MAPLE_CHECK_WARN, "load average not visible",
            "other work may disturb without a sign", "");
        return;
    }
    snprintf(finding, sizeof finding, "load average %.2f on %d CPUs", load, cores);
    maple_check_level level = load > cores         ? MAPLE_CHECK_FAIL
                              : load > 0.5 * cores ? MAPLE_CHECK_WARN
                                                   : MAPLE_CHECK_OK;
    add(list, "load", level, finding,
        level == MAPLE_CHECK_OK
            ? "the machine is idle enough"
            : "other work takes the CPU away: latencies scatter, 2-thread ones are useless",
        level == MAPLE_CHECK_OK ? "" : "stop other work and wait a minute");
}

/* --- Clock and noise --- */

static void check_clock(check_list *list) {
    enum { READS = 10001 };
    int64_t previous = maple_clock_ns(), first = previous, smallest = INT64_MAX;
    bool backwards = false;
    for (int i = 1; i < READS; i++) {
        int64_t now = maple_clock_ns();
        backwards = backwards || now < previous;
        if (now > previous && now - previous < smallest)
            smallest = now - previous;
        previous = now;
    }
    double cost = (double)(previous - first) / (READS - 1);
    char finding[320];
    snprintf(finding, sizeof finding, "%.0f ns a reading, smallest step %lld ns%s", cost,
             smallest == INT64_MAX ? -1LL : (long long)smallest, backwards ? ", RUNS BACKWARDS" : "");
    maple_check_level level = backwards ? MAPLE_CHECK_FAIL : cost > 1000 ? MAPLE_CHECK_WARN : MAPLE_CHECK_OK;
    add(list, "clock", level, finding,
        level == MAPLE_CHECK_OK ? "far below the latency of any network"
                                : "latencies below 0.1 ms are not to be trusted",
        level == MAPLE_CHECK_OK ? "" : "use the clock source tsc (kernel parameter clocksource=tsc)");
}

static double time_fixed_work(void) {
    int64_t start = maple_clock_ns();
    volatile uint64_t sink = 88172645463325252u;
    for (int i = 0; i < 100000; i++) {
        uint64_t x = sink;
        x ^= x << 13;
        x ^= x >> 7;
        sink = x ^ x << 17;
    }
    return (double)(maple_clock_ns() - start);
}

static maple_status check_noise(check_list *list, double seconds, maple_error *error) {
    enum { MAX_BLOCKS = 100000 };
    double *blocks = maple_alloc(MAX_BLOCKS, sizeof *blocks);
    if (!blocks)
        return maple_error_memory(error);
    size_t n = 0, slow = 0;
    int64_t end = maple_clock_ns() + (int64_t)(seconds * 1e9);
    do {
        blocks[n++] = time_fixed_work();
    } while (n < MAX_BLOCKS && maple_clock_ns() < end);
    maple_sort_doubles(blocks, n);
    double median = maple_quantile_sorted(blocks, n, 0.5), p95 = maple_quantile_sorted(blocks, n, 0.95);
    for (size_t i = 0; i < n; i++)
        slow += blocks[i] > 1.1 * median;
    double share = (double)slow / (double)n;
    maple_free(blocks);
    char finding[320];
    snprintf(finding, sizeof finding,
             "%.0f %% of %zu equal loops took over 1.1 x the median; 95th percentile %.2f x", 100 * share, n,
             p95 / median);
    maple_check_level level = share > 0.3    ? MAPLE_CHECK_FAIL
                              : share > 0.05 ? MAPLE_CHECK_WARN
                                             : MAPLE_CHECK_OK;
    add(list, "noise", level, finding,
        level == MAPLE_CHECK_OK     ? "labels repeat within about 1 %"
        : level == MAPLE_CHECK_WARN ? "labels repeat within a few per cent"
                                    : "labels are not to be trusted",
        level == MAPLE_CHECK_OK ? "" : "stop other work; ask for more rounds");
    return MAPLE_OK;
}

maple_status maple_doctor(const maple_environment *environment, double noise_seconds, maple_check *checks,
                          size_t capacity, size_t *n, maple_error *error) {
    check_list list = {checks, capacity, 0};
    check_counters(&list);
    check_engines(&list);
    check_cpu(&list, environment);
    check_governor(&list, environment);
    check_hypervisor(&list, environment);
    check_load(&list, environment);
    check_clock(&list);
    maple_status status = MAPLE_OK;
    if (noise_seconds > 0)
        status = check_noise(&list, noise_seconds, error);
    if (status == MAPLE_OK)
        *n = list.n;
    return status;
}

maple_status maple_doctor_shared_core(maple_check *out, maple_error *error) {
    maple_siblings found;
    maple_error why = {0};
    check_list list = {out, 1, 0};
    char finding[320];
    maple_status status = maple_siblings_find(&found, &why);
    if (status == MAPLE_UNSUPPORTED || (status == MAPLE_OK && found.tried == 0)) {
        add(&list, "shared core", MAPLE_CHECK_WARN,
            status == MAPLE_OK ? "no other CPU may be used here: there is none to try" : why.message,
            "another CPU may be the second hyperthread of the core that is measured on", "");
        return MAPLE_OK;
    }
    if (status != MAPLE_OK)
        return maple_error_set(error, status, "%s", why.message);
    maple_text cpus = {0};
    for (size_t i = 0; i < found.n; i++)
        maple_text_addf(&cpus, "%s%d (%.2f x)", i > 0 ? ", " : "", found.cpus[i], found.slowdown[i]);
    if (cpus.failed)
        status = maple_error_memory(error);
    else if (found.n == 0)
        snprintf(finding, sizeof finding, "none of %zu other CPUs slows CPU %d down", found.tried, found.cpu);
    else
        snprintf(finding, sizeof finding, "CPU %d is slowed down by what runs on CPU %.240s", found.cpu,
                 cpus.data);
    if (status == MAPLE_OK)
        add(&list, "shared core", found.n > 0 ? MAPLE_CHECK_WARN : MAPLE_CHECK_OK, finding,
            found.n > 0 ? "they are hyperthreads of one core: work there disturbs what is measured here, and "
                          "two threads are not two cores"
                        : "other work leaves the core of what is measured alone",
            found.n > 0 ? "leave them idle while measuring, or turn hyperthreads off" : "");
    maple_text_free(&cpus);
    return status;
}
