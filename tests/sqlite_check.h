/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite_check.h: what lies in a database file, asked past the library, and changes made to it so. */
#ifndef MAPLE_TESTS_SQLITE_CHECK_H
#define MAPLE_TESTS_SQLITE_CHECK_H

#include "unit.h"

#include <sqlite3.h>

static inline void execute_sql(const char *path, const char *sql) {
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The first value of the first row. */
static inline int64_t query_int(const char *path, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return value;
}

#endif
