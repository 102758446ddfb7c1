/* SPDX-License-Identifier: Apache-2.0 */
/* pool_internal.h: what the files of the pool share: the handle, statements, transactions, keys of rows. */
#ifndef MAPLE_POOL_INTERNAL_H
#define MAPLE_POOL_INTERNAL_H

#include "maple/pool.h"

#include <sqlite3.h>

#define MAPLE_POOL_APPLICATION_ID 0x4d41504c /* "MAPL" at byte 68 of the file */
#define MAPLE_POOL_FORMAT         3          /* PRAGMA user_version, byte 60 */

/* Ids of architectures of one space, so that a row costs no query once its architecture is known. */
typedef struct maple_arch_cache {
    int64_t space;
    struct maple_arch_slot {
        maple_arch arch;
        int64_t id; /* 0: free */
    } * slots;
    size_t capacity, used;
    sqlite3_stmt *find, *insert;
} maple_arch_cache;

struct maple_pool {
    sqlite3 *db;
    char *path;
    const char *query; /* of the URI under which another connection may read it */
    maple_pool_mode mode;
    int64_t format; /* when it was opened: one that is only read may be older */
    int depth;      /* of nested transactions; only the outermost one commits */
    maple_arch_cache archs;
};

/* "file:..." with everything escaped; freed by maple_free, NULL for lack of memory. */
char *maple_pool_make_uri(const char *path, const char *query);

/* Tables, versions: creates them in an empty file, checks them in another; an older format is brought up to
 * this one where the pool is written, and read as it is otherwise. */
maple_status maple_pool_prepare_schema(maple_pool *pool, maple_error *error);
/* The error for a format above MAPLE_POOL_FORMAT. */
maple_status maple_pool_refuse_format(const char *path, int64_t format, maple_error *error);
/* Whether the pool has scores: one of format 1 that is only read has not. */
maple_status maple_pool_has_scores(maple_pool *pool, bool *out, maple_error *error);
/* Whether the pool has flags of labels, and repeatability: from format 3 on. */
bool maple_pool_has_flags(const maple_pool *pool);

/* --- Statements (sql.c) --- */

/* The error of the last SQLite call, with the path and what to do. */
maple_status maple_pool_fail(maple_pool *pool, maple_error *error);
/* A stored value that MAPLE would not have written. */
maple_status maple_pool_damaged(maple_pool *pool, maple_error *error, const char *what);

/* `types` has one letter a parameter: i int, l int64_t, d double (NaN becomes NULL), s text (NULL allowed).
 * Texts must live until the statement was stepped. */
maple_status maple_pool_prepare(maple_pool *pool, sqlite3_stmt **out, maple_error *error, const char *sql,
                                const char *types, ...);
/* *row: whether there is a row to read. */
maple_status maple_pool_step(maple_pool *pool, sqlite3_stmt *statement, bool *row, maple_error *error);
/* Binds, runs and resets a prepared statement that gives no rows. */
maple_status maple_pool_run(maple_pool *pool, sqlite3_stmt *statement, maple_error *error, const char *types,
                            ...);
/* The same for a statement that is used once. */
maple_status maple_pool_execute(maple_pool *pool, maple_error *error, const char *sql, const char *types,
                                ...);
/* The first column of the first row; `*out` stays what it was where there is no row. */
maple_status maple_pool_query(maple_pool *pool, int64_t *out, maple_error *error, const char *sql,
                              const char *types, ...);
double maple_pool_column_double(sqlite3_stmt *statement, int column); /* NaN for NULL */
void maple_pool_column_text(sqlite3_stmt *statement, int column, char *out, size_t size);

/* Transactions nest. maple_pool_end commits where `status` is MAPLE_OK, rolls back otherwise, and returns the
 * status that holds after that. */
maple_status maple_pool_begin_read(maple_pool *pool, maple_error *error); /* one state for several queries */
maple_status maple_pool_begin_write(maple_pool *pool, maple_error *error);
maple_status maple_pool_end(maple_pool *pool, maple_status status, maple_error *error);

/* --- Keys --- */

maple_status maple_pool_require_platform(maple_pool *pool, int64_t platform, maple_error *error);
/* 0 where the pool has nothing of this space. */
maple_status maple_pool_space_id(maple_pool *pool, const maple_space *space, int64_t *id, maple_error *error);
/* Inside a write transaction: the id, made where it is missing. */
maple_status maple_pool_make_space_id(maple_pool *pool, const maple_space *space, int64_t *id,
                                      maple_error *error);
maple_status maple_pool_make_arch_id(maple_pool *pool, const maple_space *space, int64_t space_id,
                                     const maple_arch *arch, int64_t *id, maple_error *error);
/* 0 where the pool has not seen it. */
maple_status maple_pool_arch_id(maple_pool *pool, int64_t space_id, const maple_space *space,
                                const maple_arch *arch, int64_t *id, maple_error *error);
/* Begins the write of rows of a platform in a space; ended by maple_pool_end where this succeeded. */
maple_status maple_pool_begin_rows(maple_pool *pool, int64_t platform, const maple_space *space,
                                   int64_t *space_id, maple_error *error);
/* Forgets ids that a rollback took back. */
void maple_pool_forget_archs(maple_pool *pool);
void maple_pool_close_archs(maple_pool *pool);

/* maple_pool_put_indices that says which one was refused. */
maple_status maple_pool_put_indices_at(maple_pool *pool, const maple_space *space, const maple_arch *archs,
                                       const int *index, size_t n, size_t *refused, maple_error *error);

/* The name of a score from what a file calls it, cut to `size` with its NUL: "CIFAR-10 test" is
 * "cifar-10_test". */
void maple_score_name(const char *text, size_t length, size_t size, char *out);

/* Fills what an importer was not told: engine "imported", counters "none", and the family. */
void maple_pool_complete_platform(maple_platform *platform);

/* "row 3, |...|: " before the message. */
maple_status maple_pool_name_row(const maple_space *space, const maple_arch *arch, size_t i,
                                 maple_status status, maple_error *error);

/* A duration that can be stored: finite and above 0 without a reason, or NaN with one; the rest NaN or >= 0.
 */
maple_status maple_pool_check_latency(double latency_ms, double mean_ms, double min_ms, double sd_ms,
                                      int runs, const char *reason, maple_error *error);

/* A flag says what is wrong with a latency: there has to be one. */
maple_status maple_pool_check_flag(const maple_latency *row, maple_error *error);

#endif
