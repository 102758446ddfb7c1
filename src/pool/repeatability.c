/* SPDX-License-Identifier: Apache-2.0 */
/* How well the labels of a platform repeat: one row each time that it was measured. */
#include "pool/pool_internal.h"

#include <math.h>

static bool is_difference(double value) {
    return isfinite(value) && value >= 0;
}

maple_status maple_pool_put_repeatability(maple_pool *pool, int64_t platform, const maple_space *space,
                                          const maple_repeatability *row, maple_error *error) {
    if (!row->date[0] || row->n == 0 || row->rounds < 1 || !is_difference(row->median) ||
        !is_difference(row->p90) || !is_difference(row->p95) || !is_difference(row->max))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "a repeatability without a date, networks, rounds or differences");
    int64_t space_id;
    maple_status status = maple_pool_begin_rows(pool, platform, space, &space_id, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_execute(pool, error,
                                "INSERT OR REPLACE INTO repeatability(platform, space, date, n, rounds, "
                                "median, p90, p95, max) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                "llslidddd", platform, space_id, row->date, (int64_t)row->n, row->rounds,
                                row->median, row->p90, row->p95, row->max);
    return maple_pool_end(pool, status, error);
}

maple_status maple_pool_repeatability(maple_pool *pool, int64_t platform, const maple_space *space,
                                      maple_repeatability *out, maple_error *error) {
    *out = (maple_repeatability){.median = NAN, .p90 = NAN, .p95 = NAN, .max = NAN};
    if (!maple_pool_has_flags(pool))
        return MAPLE_OK;
    sqlite3_stmt *statement;
    bool row = false;
    maple_status status = maple_pool_prepare(
        pool, &statement, error,
        "SELECT r.date, r.n, r.rounds, r.median, r.p90, r.p95, r.max FROM repeatability r "
        "JOIN spaces s ON s.id = r.space WHERE r.platform = ? AND s.name = ? ORDER BY r.date DESC LIMIT 1",
        "ls", platform, maple_space_name(space));
    if (status == MAPLE_OK)
        status = maple_pool_step(pool, statement, &row, error);
    if (status == MAPLE_OK && row) {
        maple_pool_column_text(statement, 0, out->date, sizeof out->date);
        out->n = (size_t)sqlite3_column_int64(statement, 1);
        out->rounds = sqlite3_column_int(statement, 2);
        out->median = sqlite3_column_double(statement, 3);
        out->p90 = sqlite3_column_double(statement, 4);
        out->p95 = sqlite3_column_double(statement, 5);
        out->max = sqlite3_column_double(statement, 6);
    }
    sqlite3_finalize(statement);
    return status;
}
