/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perf_event.h: the parts of the perf provider that do not depend on which events are counted, so that tests
 * drive them with software events and made-up readings on machines without a PMU.
 */
#ifndef MAPLE_COUNTERS_PERF_EVENT_H
#define MAPLE_COUNTERS_PERF_EVENT_H

#include "counters/provider.h"

enum {
    MAPLE_PERF_GROUP = 4
}; /* most events a pass: fits the general-purpose counters of any CPU with SMT on */

typedef struct maple_perf_event {
    maple_event slot; /* where its count goes */
    uint32_t type;    /* perf_event_attr.type and .config */
    uint64_t config;
} maple_perf_event;

/* Events counted together; the first one leads the group. */
typedef struct maple_perf_pass {
    size_t n;
    maple_perf_event events[MAPLE_PERF_GROUP];
} maple_perf_pass;

/* A group that the kernel refuses is opened event by event; what still fails is missing with its reason. */
maple_status maple_perf_open(const maple_perf_pass *passes, size_t n, maple_counter_session **out,
                             maple_error *error);

/* Between two readings of one event. */
typedef struct maple_perf_reading {
    uint64_t value, enabled_ns, running_ns;
} maple_perf_reading;

/* Per run: (after - before) / runs, divided by running / enabled where the event was descheduled meanwhile.
 */
maple_count maple_perf_count(maple_perf_reading before, maple_perf_reading after, double runs);

/* What an errno of perf_event_open means and what to do. */
void maple_perf_reason(int error_number, int paranoid, char *reason, size_t reason_size);

#endif
