/* SPDX-License-Identifier: Apache-2.0 */
/* Statements and transactions on SQLite, and what its error codes mean to the user of a pool. */
#include "pool/pool_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static maple_status fail_of_system(maple_pool *pool, int code, maple_error *error) {
    int why = sqlite3_system_errno(pool->db);
    if (why == ENOSPC || why == EDQUOT || why == EFBIG)
        return maple_error_set(
            error, MAPLE_IO_ERROR,
            "%s: disk full (%s): nothing of this step was stored; free some space and run it "
            "again, what was stored before is kept",
            pool->path, strerror(why));
    return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be %s: %s%s%s", pool->path,
                           code == SQLITE_CANTOPEN ? "opened" : "read or written", sqlite3_errmsg(pool->db),
                           why ? ": " : "", why ? strerror(why) : "");
}

maple_status maple_pool_fail(maple_pool *pool, maple_error *error) {
    int code = sqlite3_errcode(pool->db) & 0xff;
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: the pool is damaged (%s): restore a copy, or save what can be read with "
                               "`sqlite3 FILE .recover`",
                               pool->path, sqlite3_errmsg(pool->db));
    case SQLITE_FULL:
        return maple_error_set(
            error, MAPLE_IO_ERROR,
            "%s: disk full: nothing of this step was stored; free some space and run it again, "
            "what was stored before is kept",
            pool->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return maple_error_set(error, MAPLE_IO_ERROR,
                               "%s: another process is writing: wait until it is done and run this again",
                               pool->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return maple_error_set(
            error, MAPLE_IO_ERROR,
            "%s: cannot be written (%s): give write permission on it and its folder, or name "
            "another pool",
            pool->path, sqlite3_errmsg(pool->db));
    case SQLITE_NOMEM:
        return maple_error_memory(error);
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: the pool cannot hold this: %s", pool->path,
                               sqlite3_errmsg(pool->db));
    case SQLITE_ERROR:
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: the pool is damaged (%s): restore a copy",
                               pool->path, sqlite3_errmsg(pool->db));
    default:
        return fail_of_system(pool, code, error);
    }
}

maple_status maple_pool_damaged(maple_pool *pool, maple_error *error, const char *what) {
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s: the pool is damaged (%s): restore a copy", pool->path,
                           what);
}

static int bind_one(sqlite3_stmt *statement, int column, char type, va_list *arguments) {
    double number;
    switch (type) {
    case 'i':
        return sqlite3_bind_int(statement, column, va_arg(*arguments, int));
    case 'l':
        return sqlite3_bind_int64(statement, column, va_arg(*arguments, int64_t));
    case 'd':
        number = va_arg(*arguments, double);
        return isnan(number) ? sqlite3_bind_null(statement, column)
                             : sqlite3_bind_double(statement, column, number);
    default:
        return sqlite3_bind_text(statement, column, va_arg(*arguments, const char *), -1, SQLITE_STATIC);
    }
}

static maple_status bind_all(maple_pool *pool, sqlite3_stmt *statement, maple_error *error, const char *types,
                             va_list *arguments) {
    for (int i = 0; types[i]; i++)
        if (bind_one(statement, i + 1, types[i], arguments) != SQLITE_OK)
            return maple_pool_fail(pool, error);
    return MAPLE_OK;
}

static maple_status prepare(maple_pool *pool, sqlite3_stmt **out, maple_error *error, const char *sql,
                            const char *types, va_list *arguments) {
    *out = NULL;
    if (sqlite3_prepare_v2(pool->db, sql, -1, out, NULL) != SQLITE_OK)
        return maple_pool_fail(pool, error);
    maple_status status = bind_all(pool, *out, error, types, arguments);
    if (status != MAPLE_OK) {
        sqlite3_finalize(*out);
        *out = NULL;
    }
    return status;
}

maple_status maple_pool_prepare(maple_pool *pool, sqlite3_stmt **out, maple_error *error, const char *sql,
                                const char *types, ...) {
    va_list arguments;
    va_start(arguments, types);
    maple_status status = prepare(pool, out, error, sql, types, &arguments);
    va_end(arguments);
    return status;
}

maple_status maple_pool_step(maple_pool *pool, sqlite3_stmt *statement, bool *row, maple_error *error) {
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return maple_pool_fail(pool, error);
    *row = code == SQLITE_ROW;
    return MAPLE_OK;
}

maple_status maple_pool_run(maple_pool *pool, sqlite3_stmt *statement, maple_error *error, const char *types,
                            ...) {
    va_list arguments;
    va_start(arguments, types);
    maple_status status = bind_all(pool, statement, error, types, &arguments);
    va_end(arguments);
    bool row = true;
    while (status == MAPLE_OK && row)
        status = maple_pool_step(pool, statement, &row, error);
    sqlite3_reset(statement);
    return status;
}

maple_status maple_pool_execute(maple_pool *pool, maple_error *error, const char *sql, const char *types,
                                ...) {
    sqlite3_stmt *statement;
    va_list arguments;
    va_start(arguments, types);
    maple_status status = prepare(pool, &statement, error, sql, types, &arguments);
    va_end(arguments);
    bool row = true;
    while (status == MAPLE_OK && row)
        status = maple_pool_step(pool, statement, &row, error);
    sqlite3_finalize(statement);
    return status;
}

maple_status maple_pool_query(maple_pool *pool, int64_t *out, maple_error *error, const char *sql,
                              const char *types, ...) {
    sqlite3_stmt *statement;
    va_list arguments;
    va_start(arguments, types);
    maple_status status = prepare(pool, &statement, error, sql, types, &arguments);
    va_end(arguments);
    bool row = false;
    if (status == MAPLE_OK)
        status = maple_pool_step(pool, statement, &row, error);
    if (row)
        *out = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

double maple_pool_column_double(sqlite3_stmt *statement, int column) {
    return sqlite3_column_type(statement, column) == SQLITE_NULL ? NAN
                                                                 : sqlite3_column_double(statement, column);
}

void maple_pool_column_text(sqlite3_stmt *statement, int column, char *out, size_t size) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    snprintf(out, size, "%s", text ? text : "");
}

static maple_status begin(maple_pool *pool, maple_error *error, const char *sql) {
    maple_status status = pool->depth ? MAPLE_OK : maple_pool_execute(pool, error, sql, "");
    if (status == MAPLE_OK)
        pool->depth++;
    return status;
}

maple_status maple_pool_begin_read(maple_pool *pool, maple_error *error) {
    return begin(pool, error, "BEGIN");
}

maple_status maple_pool_begin_write(maple_pool *pool, maple_error *error) {
    if (pool->mode != MAPLE_POOL_WRITE)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: this pool was opened for reading only",
                               pool->path);
    return begin(pool, error, "BEGIN IMMEDIATE");
}

maple_status maple_pool_end(maple_pool *pool, maple_status status, maple_error *error) {
    if (--pool->depth > 0)
        return status;
    if (status == MAPLE_OK)
        status = maple_pool_execute(pool, error, "COMMIT", "");
    if (status != MAPLE_OK) {
        /* SQLite has rolled back by itself where it could not write. */
        if (!sqlite3_get_autocommit(pool->db))
            maple_pool_execute(pool, NULL, "ROLLBACK", "");
        maple_pool_forget_archs(pool);
    }
    return status;
}
