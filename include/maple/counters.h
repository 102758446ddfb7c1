/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counters.h: CPU performance counters behind one interface: perf (perf_event_open), callgrind (simulated,
 * under Valgrind), none. The ten events are those of the MAPLE paper, section 3; counters are always those of
 * the host CPU.
 *
 * Counting happens in a worker process: the provider may ask for a launcher in front of it (valgrind ...),
 * and the worker then opens a session and counts a body that runs one operator.
 */
#ifndef MAPLE_COUNTERS_H
#define MAPLE_COUNTERS_H

#include "maple/base.h"

typedef enum maple_event {
    MAPLE_CPU_CYCLES,
    MAPLE_INSTRUCTIONS,
    MAPLE_CACHE_REFERENCES,
    MAPLE_CACHE_MISSES,
    MAPLE_L1_DCACHE_LOADS,
    MAPLE_L1_DCACHE_LOAD_MISSES,
    MAPLE_LLC_LOADS,
    MAPLE_LLC_LOAD_MISSES,
    MAPLE_LLC_STORES,
    MAPLE_LLC_STORE_MISSES,
    MAPLE_EVENTS /* how many */
} maple_event;

const char *maple_event_name(maple_event event); /* perf's name: "cpu-cycles", ... */

typedef enum maple_counter_status {
    MAPLE_COUNTER_MISSING, /* value is NaN, reason says why */
    MAPLE_COUNTER_COUNTED, /* counted the whole time */
    MAPLE_COUNTER_SCALED,  /* multiplexed: value was divided by running_share */
    MAPLE_COUNTER_SIMULATED,
} maple_counter_status;

const char *maple_counter_status_name(maple_counter_status status); /* "missing", "counted", ... */

typedef enum maple_cache_state { MAPLE_CACHE_WARM, MAPLE_CACHE_COLD } maple_cache_state;
const char *maple_cache_state_name(maple_cache_state state); /* "warm", "cold" */

typedef struct maple_count {
    double value;         /* per run of the body, user space; NaN where missing */
    double running_share; /* time_running / time_enabled; 1 where the event was never descheduled */
    maple_counter_status status;
    char reason[160]; /* where missing or notable: "ENOENT: this CPU has no PMU or does not map the event" */
} maple_count;

typedef struct maple_counter_info {
    const char *name;        /* "perf", "callgrind", "none" */
    const char *description; /* one line */
    bool simulated;
    const char
        *isa; /* strongest ISA that counted code can use ("avx2" under Valgrind); NULL: the CPU's own */
} maple_counter_info;

size_t maple_counters_count(void);
const maple_counter_info *maple_counters_at(size_t i); /* NULL beyond the end */

/* Finds a provider by name; "auto" takes the first that works here, in registry order (perf, callgrind,
 * none). *reason (a buffer) tells why those before it do not. */
maple_status maple_counters_find(const char *name, const maple_counter_info **out, char *reason,
                                 size_t reason_size, maple_error *error);

/* Whether the provider works on this machine; where not, why, in `reason`. */
bool maple_counters_probe(const maple_counter_info *info, char *reason, size_t reason_size);

/* argv in front of the worker's ("valgrind", "--tool=callgrind", ...), NULL-terminated, one allocation freed
 * by maple_free; an empty list where the provider needs none. `scratch` is an existing folder for its files.
 */
maple_status maple_counters_launcher(const maple_counter_info *info, const char *scratch, char ***out,
                                     maple_error *error);

typedef struct maple_counter_session maple_counter_session;

/* In the worker. Events that cannot be opened are missing with their reason; only a provider that cannot work
 * at all fails. */
maple_status maple_counters_open(const maple_counter_info *info, const char *scratch,
                                 maple_counter_session **out, maple_error *error);

/* Runs body(user) and fills counts[MAPLE_EVENTS]. Warm: after warm runs, averaged over enough runs (perf: at
 * least 10 ms a pass, in separate passes of small groups). Cold: caches are flushed before each counted run,
 * outside the count. The body returns a status; a failure of it ends the count and is returned. */
typedef maple_status (*maple_counted_body)(void *user, maple_error *error);
maple_status maple_counters_count_body(maple_counter_session *session, maple_cache_state state,
                                       maple_counted_body body, void *user, maple_count counts[MAPLE_EVENTS],
                                       maple_error *error);
void maple_counters_close(maple_counter_session *session);

#endif
