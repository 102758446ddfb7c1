/* SPDX-License-Identifier: Apache-2.0 */
/* What a counter provider implements: one const table in its own file, one line in the registry of
 * counters.c. */
#ifndef MAPLE_COUNTERS_PROVIDER_H
#define MAPLE_COUNTERS_PROVIDER_H

#include "maple/counters.h"

typedef struct maple_counter_provider {
    maple_counter_info info;
    bool (*probe)(char *reason, size_t reason_size); /* fills `reason` where it says no */
    /* Words in front of the worker's argv, one allocation for all; NULL where there are none. */
    maple_status (*launcher)(const char *scratch, char ***out, maple_error *error);
    maple_status (*open)(const char *scratch, maple_counter_session **out, maple_error *error);
    maple_status (*count)(maple_counter_session *session, maple_cache_state state, maple_counted_body body,
                          void *user, maple_count counts[MAPLE_EVENTS], maple_error *error);
    void (*close)(maple_counter_session *session);
} maple_counter_provider;

/* First member of every provider's session. */
struct maple_counter_session {
    const maple_counter_provider *provider;
};

extern const maple_counter_provider maple_counters_perf, maple_counters_callgrind, maple_counters_none;

/* A count that could not be had, and why. */
maple_count maple_count_missing(const char *reason);

/* Copies a NULL-terminated list of words into one allocation (pointers, then characters); NULL for lack of
 * memory. */
char **maple_counters_words(const char *const *words);

#endif
