/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf: hardware counters through perf_event_open, user space only, this thread only.
 *
 * Ten events do not fit on the 4-8 counters of a CPU, and a kernel that multiplexes them can only estimate.
 * So the body is repeated in passes of four events each, every pass led by cycles and instructions; a pass
 * that is descheduled nevertheless is scaled by its running share and says so.
 */
#include "counters/perf_event.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MAX_GROUPS = 2 * MAPLE_EVENTS,
    REGION_NS = 10000000, /* shorter regions drown in the cost of starting and stopping */
    MAX_RUNS = 1000000,
    COLD_RUNS = 5,
    CACHE_LINE = 64,
    MAX_FLUSH_BYTES = 128 << 20,
    MIN_FLUSH_BYTES = 8 << 20,
};

#define CACHE_EVENT(cache, operation, result)                                                                \
    ((uint64_t)(cache) | (uint64_t)(operation) << 8 | (uint64_t)(result) << 16)
#define CYCLES                                                                                               \
    { MAPLE_CPU_CYCLES, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES }
#define INSTRUCTIONS                                                                                         \
    { MAPLE_INSTRUCTIONS, PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS }
#define READ   PERF_COUNT_HW_CACHE_OP_READ
#define WRITE  PERF_COUNT_HW_CACHE_OP_WRITE
#define ACCESS PERF_COUNT_HW_CACHE_RESULT_ACCESS
#define MISS   PERF_COUNT_HW_CACHE_RESULT_MISS
#define L1D    PERF_COUNT_HW_CACHE_L1D
#define LLC    PERF_COUNT_HW_CACHE_LL

static const maple_perf_pass hardware_passes[] = {
    {4,
     {CYCLES,
      INSTRUCTIONS,
      {MAPLE_CACHE_REFERENCES, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
      {MAPLE_CACHE_MISSES, PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES}}},
    {4,
     {CYCLES,
      INSTRUCTIONS,
      {MAPLE_L1_DCACHE_LOADS, PERF_TYPE_HW_CACHE, CACHE_EVENT(L1D, READ, ACCESS)},
      {MAPLE_L1_DCACHE_LOAD_MISSES, PERF_TYPE_HW_CACHE, CACHE_EVENT(L1D, READ, MISS)}}},
    {4,
     {CYCLES,
      INSTRUCTIONS,
      {MAPLE_LLC_LOADS, PERF_TYPE_HW_CACHE, CACHE_EVENT(LLC, READ, ACCESS)},
      {MAPLE_LLC_LOAD_MISSES, PERF_TYPE_HW_CACHE, CACHE_EVENT(LLC, READ, MISS)}}},
    {4,
     {CYCLES,
      INSTRUCTIONS,
      {MAPLE_LLC_STORES, PERF_TYPE_HW_CACHE, CACHE_EVENT(LLC, WRITE, ACCESS)},
      {MAPLE_LLC_STORE_MISSES, PERF_TYPE_HW_CACHE, CACHE_EVENT(LLC, WRITE, MISS)}}},
};
enum { HARDWARE_PASSES = sizeof hardware_passes / sizeof hardware_passes[0] };

typedef struct perf_group {
    maple_perf_pass events;
    int descriptors[MAPLE_PERF_GROUP];
} perf_group;

typedef struct perf_session {
    maple_counter_session base;
    perf_group groups[MAX_GROUPS];
    size_t n_groups;
    maple_count unopened[MAPLE_EVENTS]; /* what an event is where no group has it */
    char *flush_buffer;                 /* allocated by the first cold count */
    size_t flush_bytes;
} perf_session;

static int read_paranoid(void) {
    int paranoid = -2;
    FILE *file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
    if (file) {
        if (fscanf(file, "%d", &paranoid) != 1)
            paranoid = -2;
        fclose(file);
    }
    return paranoid;
}

void maple_perf_reason(int error_number, int paranoid, char *reason, size_t reason_size) {
    switch (error_number) {
    case ENOENT:
        snprintf(reason, reason_size,
                 "ENOENT: this CPU or virtual machine has no PMU, or does not map the event");
        break;
    case EINVAL:
        snprintf(reason, reason_size, "EINVAL: this CPU or kernel does not know the event");
        break;
    case EOPNOTSUPP:
        snprintf(reason, reason_size, "EOPNOTSUPP: this CPU's PMU cannot count the event");
        break;
    case EACCES:
    case EPERM:
        snprintf(reason, reason_size,
                 "%s: not permitted, perf_event_paranoid is %d; as root: sysctl "
                 "kernel.perf_event_paranoid=2, in a "
                 "container allow perf_event_open",
                 error_number == EACCES ? "EACCES" : "EPERM", paranoid);
        break;
    case ENOSYS:
        snprintf(reason, reason_size, "ENOSYS: the kernel was built without perf events");
        break;
    case EMFILE:
        snprintf(reason, reason_size, "EMFILE: no file descriptors left; raise ulimit -n");
        break;
    default:
        snprintf(reason, reason_size, "perf_event_open: %s", strerror(error_number));
    }
}

/* Returns a descriptor or -errno. */
static int open_event(const maple_perf_event *event, int leader) {
    struct perf_event_attr attributes = {
        .type = event->type,
        .size = sizeof attributes,
        .config = event->config,
        .disabled = leader < 0,
        .exclude_kernel = 1,
        .exclude_hv = 1,
        .read_format = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
    };
    long descriptor = syscall(SYS_perf_event_open, &attributes, 0, -1, leader, PERF_FLAG_FD_CLOEXEC);
    return descriptor < 0 ? -errno : (int)descriptor;
}

static void close_group(perf_group *group) {
    for (size_t i = group->events.n; i-- > 0;)
        close(group->descriptors[i]);
    group->events.n = 0;
}

/* 0, or -errno with nothing left open. */
static int open_group(const maple_perf_event *events, size_t n, perf_group *out) {
    *out = (perf_group){0};
    for (size_t i = 0; i < n; i++) {
        int descriptor = open_event(&events[i], i == 0 ? -1 : out->descriptors[0]);
        if (descriptor < 0) {
            close_group(out);
            return descriptor;
        }
        out->events.events[i] = events[i];
        out->descriptors[i] = descriptor;
        out->events.n = i + 1;
    }
    return 0;
}

static bool has_slot(const perf_session *session, maple_event slot) {
    for (size_t g = 0; g < session->n_groups; g++) {
        for (size_t i = 0; i < session->groups[g].events.n; i++) {
            if (session->groups[g].events.events[i].slot == slot)
                return true;
        }
    }
    return false;
}

/* Each event of a pass as a group of its own, but for those that another group has already. */
static void open_singles(perf_session *session, const maple_perf_pass *pass) {
    for (size_t i = 0; i < pass->n && session->n_groups < MAX_GROUPS; i++) {
        const maple_perf_event *event = &pass->events[i];
        if (has_slot(session, event->slot))
            continue;
        int result = open_group(event, 1, &session->groups[session->n_groups]);
        if (result == 0) {
            session->n_groups++;
            continue;
        }
        char reason[sizeof session->unopened[0].reason];
        maple_perf_reason(-result, read_paranoid(), reason, sizeof reason);
        session->unopened[event->slot] = maple_count_missing(reason);
    }
}

maple_status maple_perf_open(const maple_perf_pass *passes, size_t n, maple_counter_session **out,
                             maple_error *error) {
    perf_session *session = maple_alloc(1, sizeof *session);
    if (!session)
        return maple_error_memory(error);
    session->base.provider = &maple_counters_perf;
    for (int i = 0; i < MAPLE_EVENTS; i++)
        session->unopened[i] = maple_count_missing("no pass counts this event");
    for (size_t p = 0; p < n && session->n_groups < MAX_GROUPS; p++) {
        if (open_group(passes[p].events, passes[p].n, &session->groups[session->n_groups]) == 0)
            session->n_groups++;
        else
            open_singles(session, &passes[p]);
    }
    *out = &session->base;
    return MAPLE_OK;
}

static maple_status open_session(const char *scratch, maple_counter_session **out, maple_error *error) {
    (void)scratch;
    return maple_perf_open(hardware_passes, HARDWARE_PASSES, out, error);
}

static void close_session(maple_counter_session *base) {
    perf_session *session = (perf_session *)base;
    for (size_t g = 0; g < session->n_groups; g++)
        close_group(&session->groups[g]);
    maple_free(session->flush_buffer);
    maple_free(session);
}

static bool probe(char *reason, size_t reason_size) {
    int first = 0;
    for (size_t p = 0; p < HARDWARE_PASSES; p++) {
        for (size_t i = 0; i < hardware_passes[p].n; i++) {
            int descriptor = open_event(&hardware_passes[p].events[i], -1);
            if (descriptor >= 0) {
                close(descriptor);
                return true;
            }
            first = first ? first : -descriptor;
        }
    }
    maple_perf_reason(first, read_paranoid(), reason, reason_size);
    return false;
}

maple_count maple_perf_count(maple_perf_reading before, maple_perf_reading after, double runs) {
    uint64_t enabled = after.enabled_ns - before.enabled_ns, running = after.running_ns - before.running_ns;
    if (running == 0 || runs <= 0)
        return maple_count_missing(
            "the kernel never scheduled the event: something else holds this CPU's counters; "
            "try sysctl kernel.nmi_watchdog=0");
    double share = running < enabled ? (double)running / (double)enabled : 1;
    maple_count count = {
        .value = (double)(after.value - before.value) / share / runs,
        .running_share = share,
        .status = share < 1 ? MAPLE_COUNTER_SCALED : MAPLE_COUNTER_COUNTED,
    };
    if (share < 0.95)
        snprintf(count.reason, sizeof count.reason, "multiplexed: counted %.0f %% of the time, scaled",
                 100 * share);
    return count;
}

static maple_status read_group(const perf_group *group, maple_perf_reading readings[MAPLE_PERF_GROUP],
                               maple_error *error) {
    struct {
        uint64_t n, enabled_ns, running_ns, values[MAPLE_PERF_GROUP];
    } raw;
    size_t bytes = (3 + group->events.n) * sizeof(uint64_t);
    ssize_t got = read(group->descriptors[0], &raw, sizeof raw);
    if (got != (ssize_t)bytes || raw.n != group->events.n)
        return maple_error_set(error, MAPLE_DEVICE_ERROR,
                               "perf: reading %zu events gave %zd bytes instead of %zu", group->events.n, got,
                               bytes);
    for (size_t i = 0; i < group->events.n; i++)
        readings[i] = (maple_perf_reading){raw.values[i], raw.enabled_ns, raw.running_ns};
    return MAPLE_OK;
}

/* Enough runs for a region of REGION_NS, judged by one warm run. */
static maple_status runs_for_region(maple_counted_body body, void *user, size_t *runs, maple_error *error) {
    maple_status status = body(user, error);
    if (status != MAPLE_OK)
        return status;
    int64_t start = maple_clock_ns();
    status = body(user, error);
    int64_t one = maple_clock_ns() - start;
    if (one < 1)
        one = 1;
    *runs = (size_t)(REGION_NS + REGION_NS / 4) / (size_t)one + 1;
    if (*runs > MAX_RUNS)
        *runs = MAX_RUNS;
    return status;
}

static maple_status prepare_flush(perf_session *session, maple_error *error) {
    if (session->flush_buffer)
        return MAPLE_OK;
    long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (cache <= 0)
        cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    size_t bytes = cache > 0 ? 2 * (size_t)cache : MAX_FLUSH_BYTES / 2;
    bytes = bytes < MIN_FLUSH_BYTES ? MIN_FLUSH_BYTES : bytes > MAX_FLUSH_BYTES ? MAX_FLUSH_BYTES : bytes;
    session->flush_buffer = maple_alloc(bytes, 1);
    if (!session->flush_buffer)
        return maple_error_memory(error);
    session->flush_bytes = bytes;
    return MAPLE_OK;
}

static void flush_caches(perf_session *session) {
    volatile char *buffer = session->flush_buffer;
    for (size_t i = 0; i < session->flush_bytes; i += CACHE_LINE)
        buffer[i] = (char)(buffer[i] + 1);
}

/* Runs the body with the group enabled; in the cold state flushed before each run, with the group stopped.
 * The leader alone is switched: with PERF_IOC_FLAG_GROUP Linux 6.18 does not start the other members a second
 * time. */
static maple_status run_counted(perf_session *session, const perf_group *group, maple_cache_state state,
                                size_t runs, maple_counted_body body, void *user, maple_error *error) {
    int leader = group->descriptors[0];
    maple_status status = MAPLE_OK;
    if (state == MAPLE_CACHE_WARM) {
        ioctl(leader, PERF_EVENT_IOC_ENABLE, 0);
        for (size_t i = 0; i < runs && status == MAPLE_OK; i++)
            status = body(user, error);
        ioctl(leader, PERF_EVENT_IOC_DISABLE, 0);
        return status;
    }
    for (size_t i = 0; i < runs && status == MAPLE_OK; i++) {
        flush_caches(session);
        ioctl(leader, PERF_EVENT_IOC_ENABLE, 0);
        status = body(user, error);
        ioctl(leader, PERF_EVENT_IOC_DISABLE, 0);
    }
    return status;
}

typedef struct counted_work {
    maple_cache_state state;
    size_t runs;
    maple_counted_body body;
    void *user;
} counted_work;

/* *idle: the kernel accepted the group but never found room for it. */
static maple_status count_group(perf_session *session, const perf_group *group, const counted_work *work,
                                maple_count counts[MAPLE_EVENTS], bool *idle, maple_error *error) {
    maple_perf_reading before[MAPLE_PERF_GROUP], after[MAPLE_PERF_GROUP];
    maple_status status = read_group(group, before, error);
    if (status == MAPLE_OK)
        status = run_counted(session, group, work->state, work->runs, work->body, work->user, error);
    if (status == MAPLE_OK)
        status = read_group(group, after, error);
    if (status != MAPLE_OK)
        return status;
    *idle = after[0].running_ns == before[0].running_ns;
    for (size_t i = 0; i < group->events.n; i++) {
        maple_count count = maple_perf_count(before[i], after[i], (double)work->runs);
        maple_count *kept = &counts[group->events.events[i].slot];
        /* Cycles and instructions lead every pass: the first undisturbed one stays. */
        if (kept->status == MAPLE_COUNTER_MISSING ||
            (kept->status == MAPLE_COUNTER_SCALED && count.status == MAPLE_COUNTER_COUNTED))
            *kept = count;
    }
    return MAPLE_OK;
}

static maple_status count_body(maple_counter_session *base, maple_cache_state state, maple_counted_body body,
                               void *user, maple_count counts[MAPLE_EVENTS], maple_error *error) {
    perf_session *session = (perf_session *)base;
    maple_count found[MAPLE_EVENTS];
    memcpy(found, session->unopened, sizeof found);
    counted_work work = {state, COLD_RUNS, body, user};
    size_t warm_runs = 0;
    maple_status status = runs_for_region(body, user, &warm_runs, error);
    if (state == MAPLE_CACHE_WARM)
        work.runs = warm_runs;
    else if (status == MAPLE_OK)
        status = prepare_flush(session, error);
    for (size_t g = 0; g < session->n_groups && status == MAPLE_OK; g++) {
        bool idle = false;
        status = count_group(session, &session->groups[g], &work, found, &idle, error);
        if (status != MAPLE_OK || !idle || session->groups[g].events.n == 1)
            continue;
        /* No room for the group as a whole: its events one at a time, now and from now on. */
        maple_perf_pass pass = session->groups[g].events;
        close_group(&session->groups[g]);
        open_singles(session, &pass);
        for (size_t i = 0; i < pass.n; i++) {
            if (!has_slot(session, pass.events[i].slot))
                found[pass.events[i].slot] = session->unopened[pass.events[i].slot];
        }
        session->groups[g] = session->groups[--session->n_groups];
        g--;
    }
    if (status == MAPLE_OK)
        memcpy(counts, found, sizeof found);
    return status;
}

const maple_counter_provider maple_counters_perf = {
    .info = {.name = "perf",
             .description = "hardware counters of this CPU (perf_event_open), user space only"},
    .probe = probe,
    .open = open_session,
    .count = count_body,
    .close = close_session,
};
