/* SPDX-License-Identifier: Apache-2.0 */
/* The descriptor of a platform: latencies and counters of its operators. */
#include "pool/pool_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Row of an operator, or -1: a pool may know operators that this version of a space does not have. */
static ptrdiff_t operator_row(const maple_space *space, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(maple_space_operator(space, i)->name, name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

maple_status maple_pool_put_operators(maple_pool *pool, int64_t platform, const maple_space *space,
                                      const maple_operator_latency *rows, maple_error *error) {
    size_t n = maple_space_operators(space);
    for (size_t i = 0; i < n; i++) {
        const maple_operator_latency *row = &rows[i];
        maple_status status = maple_pool_check_latency(row->latency_ms, row->mean_ms, row->min_ms, row->sd_ms,
                                                       row->runs, row->reason, error);
        if (status != MAPLE_OK)
            return maple_error_prefix(error, status, "operator %s", maple_space_operator(space, i)->name);
    }
    int64_t space_id;
    sqlite3_stmt *statement = NULL;
    maple_status status = maple_pool_begin_rows(pool, platform, space, &space_id, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_prepare(
        pool, &statement, error,
        "INSERT OR REPLACE INTO operators(platform, space, operator, latency_ms, mean_ms, "
        "min_ms, sd_ms, runs, implementation, reason) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "");
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        const maple_operator_latency *row = &rows[i];
        status =
            maple_pool_run(pool, statement, error, "llsddddiss", platform, space_id,
                           maple_space_operator(space, i)->name, row->latency_ms, row->mean_ms, row->min_ms,
                           row->sd_ms, row->runs, row->implementation, row->reason[0] ? row->reason : NULL);
    }
    sqlite3_finalize(statement);
    return maple_pool_end(pool, status, error);
}

static void read_operator(sqlite3_stmt *row, maple_operator_latency *out) {
    *out = (maple_operator_latency){
        .latency_ms = maple_pool_column_double(row, 1),
        .mean_ms = maple_pool_column_double(row, 2),
        .min_ms = maple_pool_column_double(row, 3),
        .sd_ms = maple_pool_column_double(row, 4),
        .runs = sqlite3_column_int(row, 5),
    };
    maple_pool_column_text(row, 6, out->implementation, sizeof out->implementation);
    maple_pool_column_text(row, 7, out->reason, sizeof out->reason);
}

maple_status maple_pool_operators(maple_pool *pool, int64_t platform, const maple_space *space,
                                  maple_operator_latency *rows, maple_error *error) {
    size_t n = maple_space_operators(space);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (maple_operator_latency){.latency_ms = NAN, .mean_ms = NAN, .min_ms = NAN, .sd_ms = NAN};
        snprintf(rows[i].reason, sizeof rows[i].reason, "not measured on this platform");
    }
    sqlite3_stmt *statement;
    bool more = true;
    maple_status status = maple_pool_prepare(
        pool, &statement, error,
        "SELECT operator, latency_ms, mean_ms, min_ms, sd_ms, runs, implementation, reason FROM operators "
        "WHERE platform = ? AND space = (SELECT id FROM spaces WHERE name = ?)",
        "ls", platform, maple_space_name(space));
    while (status == MAPLE_OK && (status = maple_pool_step(pool, statement, &more, error)) == MAPLE_OK &&
           more) {
        char name[48];
        maple_pool_column_text(statement, 0, name, sizeof name);
        ptrdiff_t i = operator_row(space, n, name);
        if (i >= 0)
            read_operator(statement, &rows[i]);
    }
    sqlite3_finalize(statement);
    return status;
}

/* --- Counters --- */

static maple_status check_count(const maple_count *count, maple_error *error) {
    bool missing = count->status == MAPLE_COUNTER_MISSING;
    if (missing != (bool)isnan(count->value))
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "status '%s' with a value of %g: missing is NaN, and only it",
                               maple_counter_status_name(count->status), count->value);
    if (missing && !count->reason[0])
        return maple_error_set(error, MAPLE_BAD_INPUT, "missing without a reason");
    if (!missing && (!isfinite(count->value) || count->value < 0))
        return maple_error_set(error, MAPLE_BAD_INPUT, "a count of %g is impossible", count->value);
    return MAPLE_OK;
}

static maple_status check_counts(const maple_space *space, const maple_count *counts, bool *simulated,
                                 maple_error *error) {
    size_t n = maple_space_descriptor_operators(space) * MAPLE_EVENTS;
    *simulated = false;
    for (size_t i = 0; i < n; i++) {
        maple_status status = check_count(&counts[i], error);
        if (status != MAPLE_OK)
            return maple_error_prefix(error, status, "counter %s of operator %s",
                                      maple_event_name((maple_event)(i % MAPLE_EVENTS)),
                                      maple_space_operator(space, i / MAPLE_EVENTS)->name);
        *simulated = *simulated || counts[i].status == MAPLE_COUNTER_SIMULATED;
    }
    return MAPLE_OK;
}

maple_status maple_pool_put_counters(maple_pool *pool, int64_t platform, const maple_space *space,
                                     maple_cache_state state, const char *provider, const char *isa,
                                     const maple_count *counts, maple_error *error) {
    size_t n = maple_space_descriptor_operators(space) * MAPLE_EVENTS;
    bool simulated;
    int64_t space_id;
    sqlite3_stmt *statement = NULL;
    maple_status status = check_counts(space, counts, &simulated, error);
    if (status == MAPLE_OK)
        status = maple_pool_begin_rows(pool, platform, space, &space_id, error);
    if (status != MAPLE_OK)
        return status;
    status =
        maple_pool_prepare(pool, &statement, error,
                           "INSERT OR REPLACE INTO counters(platform, space, cache, operator, event, value, "
                           "running_share, status, reason, provider, isa, simulated) "
                           "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           "");
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        const maple_count *count = &counts[i];
        if (!maple_space_operator_counted(space, i / MAPLE_EVENTS))
            continue;
        status =
            maple_pool_run(pool, statement, error, "llsssddssssi", platform, space_id,
                           maple_cache_state_name(state), maple_space_operator(space, i / MAPLE_EVENTS)->name,
                           maple_event_name((maple_event)(i % MAPLE_EVENTS)), count->value,
                           count->running_share, maple_counter_status_name(count->status),
                           count->reason[0] ? count->reason : NULL, provider, isa ? isa : "", simulated);
    }
    sqlite3_finalize(statement);
    if (status == MAPLE_OK)
        status = maple_pool_execute(pool, error, "UPDATE platforms SET counters = ? WHERE id = ?", "sl",
                                    provider, platform);
    return maple_pool_end(pool, status, error);
}

static int event_of(const char *name) {
    for (int i = 0; i < MAPLE_EVENTS; i++)
        if (strcmp(maple_event_name((maple_event)i), name) == 0)
            return i;
    return -1;
}

static bool read_count(sqlite3_stmt *row, maple_count *out) {
    static const maple_counter_status known[] = {MAPLE_COUNTER_MISSING, MAPLE_COUNTER_COUNTED,
                                                 MAPLE_COUNTER_SCALED, MAPLE_COUNTER_SIMULATED};
    char name[32];
    maple_pool_column_text(row, 4, name, sizeof name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(maple_counter_status_name(known[i]), name) == 0) {
            out->value = maple_pool_column_double(row, 2);
            out->running_share = maple_pool_column_double(row, 3);
            out->status = known[i];
            maple_pool_column_text(row, 5, out->reason, sizeof out->reason);
            return true;
        }
    return false;
}

maple_status maple_pool_counters(maple_pool *pool, int64_t platform, const maple_space *space,
                                 maple_cache_state state, maple_count *counts, maple_error *error) {
    size_t n = maple_space_descriptor_operators(space);
    for (size_t i = 0; i < n * MAPLE_EVENTS; i++) {
        counts[i] = (maple_count){.value = NAN, .running_share = NAN, .status = MAPLE_COUNTER_MISSING};
        snprintf(counts[i].reason, sizeof counts[i].reason, "not counted on this platform");
    }
    sqlite3_stmt *statement;
    bool more = true;
    maple_status status = maple_pool_prepare(
        pool, &statement, error,
        "SELECT operator, event, value, running_share, status, reason FROM counters "
        "WHERE platform = ? AND space = (SELECT id FROM spaces WHERE name = ?) AND cache = ?",
        "lss", platform, maple_space_name(space), maple_cache_state_name(state));
    while (status == MAPLE_OK && (status = maple_pool_step(pool, statement, &more, error)) == MAPLE_OK &&
           more) {
        char name[48], event[48];
        maple_pool_column_text(statement, 0, name, sizeof name);
        maple_pool_column_text(statement, 1, event, sizeof event);
        ptrdiff_t i = operator_row(space, n, name);
        int k = event_of(event);
        if (i >= 0 && k >= 0 && !read_count(statement, &counts[(size_t)i * MAPLE_EVENTS + (size_t)k]))
            status = maple_pool_damaged(pool, error, "a counter has an unknown status");
    }
    sqlite3_finalize(statement);
    return status;
}
