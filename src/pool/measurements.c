/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies of networks: labels and raw runs. */
#include "pool/pool_internal.h"

#include <math.h>
#include <string.h>

static bool is_statistic(double value) {
    return isnan(value) || (isfinite(value) && value >= 0);
}

maple_status maple_pool_check_latency(double latency_ms, double mean_ms, double min_ms, double sd_ms,
                                      int runs, const char *reason, maple_error *error) {
    if (isnan(latency_ms) && !reason[0])
        return maple_error_set(error, MAPLE_BAD_INPUT, "no latency and no reason why: give one of them");
    if (!isnan(latency_ms) && reason[0])
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "a latency (%g ms) and a reason for having none ('%s'): give one of them",
                               latency_ms, reason);
    if (!isnan(latency_ms) && !(isfinite(latency_ms) && latency_ms > 0))
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "a latency of %g ms is impossible: it is above 0 and finite", latency_ms);
    if (!is_statistic(mean_ms) || !is_statistic(min_ms) || !is_statistic(sd_ms) || runs < 0)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "mean %g ms, minimum %g ms, sd %g ms, %d runs: one of them is negative or not finite", mean_ms,
            min_ms, sd_ms, runs);
    return MAPLE_OK;
}

maple_status maple_pool_check_flag(const maple_latency *row, maple_error *error) {
    if (row->flag[0] && isnan(row->latency_ms))
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "a flag ('%s') and no latency that it could be about: give the reason only",
                               row->flag);
    return MAPLE_OK;
}

maple_status maple_pool_name_row(const maple_space *space, const maple_arch *arch, size_t i,
                                 maple_status status, maple_error *error) {
    char text[MAPLE_MAX_ARCH_TEXT];
    maple_space_format(space, arch, text);
    return maple_error_prefix(error, status, "row %zu, %s", i, text);
}

maple_status maple_pool_put_latencies(maple_pool *pool, int64_t platform, const maple_space *space,
                                      const maple_latency *rows, size_t n, maple_error *error) {
    for (size_t i = 0; i < n; i++) {
        const maple_latency *row = &rows[i];
        maple_status status = maple_pool_check_latency(row->latency_ms, row->mean_ms, row->min_ms, row->sd_ms,
                                                       row->runs, row->reason, error);
        if (status == MAPLE_OK)
            status = maple_pool_check_flag(row, error);
        if (status != MAPLE_OK)
            return maple_pool_name_row(space, &row->arch, i, status, error);
    }
    int64_t space_id;
    sqlite3_stmt *statement = NULL;
    maple_status status = maple_pool_begin_rows(pool, platform, space, &space_id, error);
    if (status != MAPLE_OK)
        return status;
    status =
        maple_pool_prepare(pool, &statement, error,
                           "INSERT OR REPLACE INTO latencies(platform, arch, latency_ms, mean_ms, min_ms, "
                           "sd_ms, runs, reason, flag) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                           "");
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        const maple_latency *row = &rows[i];
        int64_t arch;
        status = maple_pool_make_arch_id(pool, space, space_id, &row->arch, &arch, error);
        if (status == MAPLE_OK)
            status = maple_pool_run(pool, statement, error, "llddddiss", platform, arch, row->latency_ms,
                                    row->mean_ms, row->min_ms, row->sd_ms, row->runs,
                                    row->reason[0] ? row->reason : NULL, row->flag[0] ? row->flag : NULL);
    }
    sqlite3_finalize(statement);
    return maple_pool_end(pool, status, error);
}

static maple_status read_latency(maple_pool *pool, const maple_space *space, sqlite3_stmt *row,
                                 maple_latency *out, maple_error *error) {
    const char *text = (const char *)sqlite3_column_text(row, 0);
    *out = (maple_latency){
        .latency_ms = maple_pool_column_double(row, 1),
        .mean_ms = maple_pool_column_double(row, 2),
        .min_ms = maple_pool_column_double(row, 3),
        .sd_ms = maple_pool_column_double(row, 4),
        .runs = sqlite3_column_int(row, 5),
    };
    maple_pool_column_text(row, 6, out->reason, sizeof out->reason);
    maple_pool_column_text(row, 7, out->flag, sizeof out->flag);
    maple_status status = maple_space_parse(space, text ? text : "", &out->arch, error);
    return status == MAPLE_OK
               ? status
               : maple_error_prefix(error, MAPLE_BAD_INPUT, "%s: the pool is damaged", pool->path);
}

#define SELECT_LATENCIES(flag)                                                                               \
    "SELECT a.arch, l.latency_ms, l.mean_ms, l.min_ms, l.sd_ms, l.runs, l.reason, " flag                     \
    " FROM latencies l "                                                                                     \
    "JOIN architectures a ON a.id = l.arch JOIN spaces s ON s.id = a.space "                                 \
    "WHERE l.platform = ? AND s.name = ? ORDER BY a.arch"

maple_status maple_pool_latencies(maple_pool *pool, int64_t platform, const maple_space *space,
                                  maple_latency **out, size_t *n, maple_error *error) {
    sqlite3_stmt *statement = NULL;
    maple_latency *rows = NULL;
    int64_t capacity = 0;
    size_t used = 0;
    bool more = true;
    maple_status status = maple_pool_begin_read(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_query(pool, &capacity, error, "SELECT count(*) FROM latencies WHERE platform = ?",
                              "l", platform);
    if (status == MAPLE_OK && !(rows = maple_alloc((size_t)capacity, sizeof *rows)))
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_pool_prepare(pool, &statement, error,
                                    maple_pool_has_flags(pool) ? SELECT_LATENCIES("l.flag")
                                                               : SELECT_LATENCIES("NULL"),
                                    "ls", platform, maple_space_name(space));
    while (status == MAPLE_OK && (status = maple_pool_step(pool, statement, &more, error)) == MAPLE_OK &&
           more) {
        if (used == (size_t)capacity)
            status = maple_pool_damaged(pool, error, "latencies: more rows than were counted");
        else
            status = read_latency(pool, space, statement, &rows[used++], error);
    }
    sqlite3_finalize(statement);
    status = maple_pool_end(pool, status, error);
    if (status != MAPLE_OK) {
        maple_free(rows);
        return status;
    }
    *out = rows;
    *n = used;
    return MAPLE_OK;
}

/* --- Raw runs --- */

maple_status maple_pool_put_round(maple_pool *pool, int64_t platform, const maple_space *space, int round,
                                  const maple_arch *archs, const double *latency_ms, size_t n,
                                  maple_error *error) {
    if (round < 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "round %d: rounds count from 0", round);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(latency_ms[i]) || latency_ms[i] <= 0) {
            maple_error_set(error, MAPLE_BAD_INPUT, "a run of %g ms is impossible: it is above 0 and finite",
                            latency_ms[i]);
            return maple_pool_name_row(space, &archs[i], i, MAPLE_BAD_INPUT, error);
        }
    int64_t space_id;
    sqlite3_stmt *statement = NULL;
    maple_status status = maple_pool_begin_rows(pool, platform, space, &space_id, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_prepare(
        pool, &statement, error,
        "INSERT OR REPLACE INTO runs(platform, round, arch, latency_ms) VALUES(?, ?, ?, ?)", "");
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        int64_t arch;
        status = maple_pool_make_arch_id(pool, space, space_id, &archs[i], &arch, error);
        if (status == MAPLE_OK)
            status = maple_pool_run(pool, statement, error, "lild", platform, round, arch, latency_ms[i]);
    }
    sqlite3_finalize(statement);
    return maple_pool_end(pool, status, error);
}

/* The rounds of the platform one after the other, and in each the row of the architecture: the table has no
 * index by architecture, which would double what each round writes. */
static const char runs_of_arch[] =
    "WITH RECURSIVE rounds(round) AS ("
    "SELECT min(round) FROM runs WHERE platform = ?1 UNION ALL "
    "SELECT (SELECT min(runs.round) FROM runs WHERE platform = ?1 AND runs.round > rounds.round) "
    "FROM rounds WHERE rounds.round IS NOT NULL) "
    "SELECT runs.round, runs.latency_ms FROM rounds CROSS JOIN runs "
    "ON runs.platform = ?1 AND runs.round = rounds.round AND runs.arch = ?2 ORDER BY runs.round";

static maple_status append_run(int round, double value, int **rounds, double **latency_ms, size_t *n,
                               maple_error *error) {
    enum { FIRST = 64 };
    /* Room for a power of two: full exactly when n is one. */
    if (*n == 0 || (*n >= FIRST && (*n & (*n - 1)) == 0)) {
        size_t capacity = *n ? *n * 2 : FIRST;
        int *more_rounds = maple_resize(*rounds, capacity, sizeof **rounds);
        if (more_rounds)
            *rounds = more_rounds;
        double *more_values = maple_resize(*latency_ms, capacity, sizeof **latency_ms);
        if (more_values)
            *latency_ms = more_values;
        if (!more_rounds || !more_values)
            return maple_error_memory(error);
    }
    (*rounds)[*n] = round;
    (*latency_ms)[(*n)++] = value;
    return MAPLE_OK;
}

maple_status maple_pool_runs(maple_pool *pool, int64_t platform, const maple_space *space,
                             const maple_arch *arch, int **rounds, double **latency_ms, size_t *n,
                             maple_error *error) {
    sqlite3_stmt *statement = NULL;
    int64_t space_id, id = 0;
    int *found_rounds = NULL;
    double *found = NULL;
    size_t used = 0;
    bool row = true;
    maple_status status = maple_pool_space_id(pool, space, &space_id, error);
    if (status == MAPLE_OK)
        status = maple_pool_arch_id(pool, space_id, space, arch, &id, error);
    if (status == MAPLE_OK)
        status = maple_pool_prepare(pool, &statement, error, runs_of_arch, "ll", platform, id);
    while (status == MAPLE_OK && (status = maple_pool_step(pool, statement, &row, error)) == MAPLE_OK && row)
        status = append_run(sqlite3_column_int(statement, 0), sqlite3_column_double(statement, 1),
                            &found_rounds, &found, &used, error);
    sqlite3_finalize(statement);
    if (status != MAPLE_OK) {
        maple_free(found_rounds);
        maple_free(found);
        return status;
    }
    *rounds = found_rounds;
    *latency_ms = found;
    *n = used;
    return MAPLE_OK;
}

maple_status maple_pool_drop_runs(maple_pool *pool, int64_t platform, maple_error *error) {
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_require_platform(pool, platform, error);
    if (status == MAPLE_OK)
        status = maple_pool_execute(pool, error, "DELETE FROM runs WHERE platform = ?", "l", platform);
    return maple_pool_end(pool, status, error);
}

maple_status maple_pool_take_back_runs(maple_pool *pool, int64_t platform, const maple_space *space,
                                       const maple_arch *archs, const int *rounds, size_t n,
                                       maple_error *error) {
    int64_t space_id;
    sqlite3_stmt *statement = NULL;
    maple_status status = maple_pool_begin_rows(pool, platform, space, &space_id, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_prepare(pool, &statement, error,
                                "DELETE FROM runs WHERE platform = ? AND round = ? AND arch = ?", "");
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        int64_t arch = 0;
        status = maple_pool_arch_id(pool, space_id, space, &archs[i], &arch, error);
        if (status == MAPLE_OK)
            status = maple_pool_run(pool, statement, error, "lil", platform, rounds[i], arch);
    }
    sqlite3_finalize(statement);
    return maple_pool_end(pool, status, error);
}

/* All runs of one architecture, round by round: a scan of the whole table for each would take minutes. */
static maple_status forget_runs(maple_pool *pool, int64_t platform, const maple_space *space,
                                const maple_arch *arch, maple_error *error) {
    int *rounds = NULL;
    double *latency_ms = NULL;
    size_t n = 0;
    maple_status status = maple_pool_runs(pool, platform, space, arch, &rounds, &latency_ms, &n, error);
    maple_arch *archs = status == MAPLE_OK ? maple_alloc(n, sizeof *archs) : NULL;
    if (status == MAPLE_OK && !archs)
        status = maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        archs[i] = *arch;
    if (status == MAPLE_OK)
        status = maple_pool_take_back_runs(pool, platform, space, archs, rounds, n, error);
    maple_free(archs);
    maple_free(rounds);
    maple_free(latency_ms);
    return status;
}

maple_status maple_pool_forget(maple_pool *pool, int64_t platform, const maple_space *space,
                               const maple_arch *archs, size_t n, maple_error *error) {
    int64_t space_id;
    maple_status status = maple_pool_begin_rows(pool, platform, space, &space_id, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        int64_t arch = 0;
        status = maple_pool_arch_id(pool, space_id, space, &archs[i], &arch, error);
        if (status == MAPLE_OK)
            status = maple_pool_execute(pool, error, "DELETE FROM latencies WHERE platform = ? AND arch = ?",
                                        "ll", platform, arch);
        if (status == MAPLE_OK)
            status = forget_runs(pool, platform, space, &archs[i], error);
    }
    return maple_pool_end(pool, status, error);
}
