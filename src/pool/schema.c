/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a pool; docs/format.md describes each column. */
#include "pool/pool_internal.h"

#include <stdio.h>

/* Format 1. runs is keyed by round before architecture: a round is then appended, not spread over every page
 * of the table. */
static const char *const schema[] = {
    "CREATE TABLE spaces("
    "id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",

    "CREATE TABLE architectures("
    "id INTEGER PRIMARY KEY, space INTEGER NOT NULL REFERENCES spaces(id), arch TEXT NOT NULL, "
    "canonical_index INTEGER CHECK(canonical_index >= 0), UNIQUE(space, arch)) STRICT",

    "CREATE UNIQUE INDEX architectures_by_index ON architectures(space, canonical_index) "
    "WHERE canonical_index IS NOT NULL",

    "CREATE TABLE platforms("
    "id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE CHECK(name <> ''), family TEXT NOT NULL, "
    "cpu TEXT NOT NULL, device TEXT NOT NULL, engine TEXT NOT NULL, engine_version TEXT NOT NULL, "
    "isa TEXT NOT NULL, threads INTEGER NOT NULL CHECK(threads >= 0), batch INTEGER NOT NULL CHECK(batch >= "
    "0), "
    "graph TEXT NOT NULL CHECK(graph IN ('pruned', 'as-written')), counters TEXT NOT NULL) STRICT",

    "CREATE TABLE environments("
    "platform INTEGER PRIMARY KEY REFERENCES platforms(id) ON DELETE CASCADE, json TEXT NOT NULL) STRICT",

    "CREATE TABLE latencies("
    "platform INTEGER NOT NULL REFERENCES platforms(id) ON DELETE CASCADE, "
    "arch INTEGER NOT NULL REFERENCES architectures(id), "
    "latency_ms REAL, mean_ms REAL, min_ms REAL, sd_ms REAL, runs INTEGER NOT NULL, reason TEXT, "
    "PRIMARY KEY(platform, arch), "
    "CHECK((latency_ms > 0 AND reason IS NULL) OR (latency_ms IS NULL AND reason <> ''))) STRICT, WITHOUT "
    "ROWID",

    "CREATE TABLE runs("
    "platform INTEGER NOT NULL REFERENCES platforms(id) ON DELETE CASCADE, round INTEGER NOT NULL, "
    "arch INTEGER NOT NULL REFERENCES architectures(id), latency_ms REAL NOT NULL CHECK(latency_ms > 0), "
    "PRIMARY KEY(platform, round, arch)) STRICT, WITHOUT ROWID",

    "CREATE TABLE operators("
    "platform INTEGER NOT NULL REFERENCES platforms(id) ON DELETE CASCADE, "
    "space INTEGER NOT NULL REFERENCES spaces(id), operator TEXT NOT NULL, "
    "latency_ms REAL, mean_ms REAL, min_ms REAL, sd_ms REAL, runs INTEGER NOT NULL, "
    "implementation TEXT NOT NULL, reason TEXT, "
    "PRIMARY KEY(platform, space, operator), "
    "CHECK((latency_ms > 0 AND reason IS NULL) OR (latency_ms IS NULL AND reason <> ''))) STRICT, WITHOUT "
    "ROWID",

    "CREATE TABLE counters("
    "platform INTEGER NOT NULL REFERENCES platforms(id) ON DELETE CASCADE, "
    "space INTEGER NOT NULL REFERENCES spaces(id), cache TEXT NOT NULL CHECK(cache IN ('warm', 'cold')), "
    "operator TEXT NOT NULL, event TEXT NOT NULL, value REAL, running_share REAL, status TEXT NOT NULL, "
    "reason TEXT, provider TEXT NOT NULL, isa TEXT NOT NULL, simulated INTEGER NOT NULL, "
    "PRIMARY KEY(platform, space, cache, operator, event)) STRICT, WITHOUT ROWID",
};

/* What format 2 has more. */
static const char *const schema_2[] = {
    "CREATE TABLE scores("
    "id INTEGER PRIMARY KEY, space INTEGER NOT NULL REFERENCES spaces(id), name TEXT NOT NULL CHECK(name <> "
    "''), UNIQUE(space, name)) STRICT",

    "CREATE TABLE score_values("
    "score INTEGER NOT NULL REFERENCES scores(id) ON DELETE CASCADE, "
    "arch INTEGER NOT NULL REFERENCES architectures(id), value REAL NOT NULL, "
    "PRIMARY KEY(score, arch)) STRICT, WITHOUT ROWID",
};

/* What format 3 has more: the numeric type (what was measured before ran in float32; of what was imported
 * nobody said), flags of labels, and how well labels repeat. */
static const char *const schema_3[] = {
    "ALTER TABLE platforms ADD COLUMN dtype TEXT NOT NULL DEFAULT ''",
    "UPDATE platforms SET dtype = 'f32' WHERE engine <> 'imported'",

    "ALTER TABLE latencies ADD COLUMN flag TEXT",

    "CREATE TABLE repeatability("
    "platform INTEGER NOT NULL REFERENCES platforms(id) ON DELETE CASCADE, "
    "space INTEGER NOT NULL REFERENCES spaces(id), date TEXT NOT NULL CHECK(date <> ''), "
    "n INTEGER NOT NULL CHECK(n > 0), rounds INTEGER NOT NULL CHECK(rounds > 0), median REAL NOT NULL, "
    "p90 REAL NOT NULL, p95 REAL NOT NULL, max REAL NOT NULL, "
    "PRIMARY KEY(platform, space, date)) STRICT, WITHOUT ROWID",
};

static maple_status execute_all(maple_pool *pool, const char *const *statements, size_t n,
                                maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        status = maple_pool_execute(pool, error, statements[i], "");
    return status;
}

/* PRAGMA takes no parameters. */
static maple_status set_pragma(maple_pool *pool, const char *name, int value, maple_error *error) {
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA %s = %d", name, value);
    return maple_pool_execute(pool, error, sql, "");
}

/* Inside a transaction. */
static maple_status upgrade_tables(maple_pool *pool, int64_t format, maple_error *error) {
    maple_status status = MAPLE_OK;
    if (format < 2)
        status = execute_all(pool, schema_2, sizeof schema_2 / sizeof *schema_2, error);
    if (status == MAPLE_OK && format < 3)
        status = execute_all(pool, schema_3, sizeof schema_3 / sizeof *schema_3, error);
    return status == MAPLE_OK ? set_pragma(pool, "user_version", MAPLE_POOL_FORMAT, error) : status;
}

static maple_status create_tables(maple_pool *pool, maple_error *error) {
    maple_status status = execute_all(pool, schema, sizeof schema / sizeof *schema, error);
    if (status == MAPLE_OK)
        status = set_pragma(pool, "application_id", MAPLE_POOL_APPLICATION_ID, error);
    return status == MAPLE_OK ? upgrade_tables(pool, 1, error) : status;
}

/* What an opened file holds. */
typedef struct contents {
    int64_t format, all;                    /* PRAGMA user_version; tables and indices of any name */
    int64_t tables, score_tables, format_3; /* how many of what format 3 brought */
} contents;

static maple_status look_into(maple_pool *pool, contents *out, maple_error *error) {
    maple_status status = maple_pool_query(pool, &out->format, error, "PRAGMA user_version", "");
    if (status == MAPLE_OK)
        status = maple_pool_query(pool, &out->all, error, "SELECT count(*) FROM sqlite_master", "");
    if (status == MAPLE_OK)
        status = maple_pool_query(
            pool, &out->tables, error,
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('spaces', 'architectures', "
            "'platforms', 'environments', 'latencies', 'runs', 'operators', 'counters')",
            "");
    if (status == MAPLE_OK)
        status = maple_pool_query(
            pool, &out->score_tables, error,
            "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('scores', 'score_values')",
            "");
    if (status == MAPLE_OK)
        status = maple_pool_query(
            pool, &out->format_3, error,
            "SELECT (SELECT count(*) FROM pragma_table_info('platforms') WHERE name = 'dtype') + "
            "(SELECT count(*) FROM pragma_table_info('latencies') WHERE name = 'flag') + "
            "(SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'repeatability')",
            "");
    return status;
}

maple_status maple_pool_refuse_format(const char *path, int64_t format, maple_error *error) {
    return maple_error_set(error, MAPLE_BAD_INPUT,
                           "%s: written by a newer MAPLE (format %lld, this one reads up to %d); install a "
                           "newer MAPLE",
                           path, (long long)format, MAPLE_POOL_FORMAT);
}

maple_status maple_pool_has_scores(maple_pool *pool, bool *out, maple_error *error) {
    contents found = {0};
    maple_status status = look_into(pool, &found, error);
    *out = found.score_tables > 0;
    return status;
}

bool maple_pool_has_flags(const maple_pool *pool) {
    return pool->format > 2;
}

/* Another process may switch to the log at the same moment; SQLite then refuses without waiting. */
static maple_status use_write_ahead_log(maple_pool *pool, maple_error *error) {
    enum { TRIES = 100, PAUSE_MS = 50 };
    maple_status status = MAPLE_OK;
    for (int i = 0; i < TRIES; i++) {
        status = maple_pool_execute(pool, error, "PRAGMA journal_mode = WAL", "");
        if (status == MAPLE_OK || (sqlite3_errcode(pool->db) & 0xff) != SQLITE_BUSY)
            break;
        sqlite3_sleep(PAUSE_MS);
    }
    return status;
}

/* Created with a rollback journal: the versions are then in the file itself, never only in the log. Locked
 * first, since two processes may create the same pool. */
static maple_status create(maple_pool *pool, contents *found, maple_error *error) {
    maple_status status = maple_pool_execute(pool, error, "BEGIN EXCLUSIVE", "");
    if (status != MAPLE_OK)
        return status;
    pool->depth = 1;
    status = look_into(pool, found, error);
    if (status == MAPLE_OK && found->all == 0)
        status = create_tables(pool, error);
    status = maple_pool_end(pool, status, error);
    return status == MAPLE_OK ? look_into(pool, found, error) : status;
}

/* One transaction, in which another process may have been first. Then the log is taken into the file where
 * nobody reads: who looks at the first bytes sees the format. */
static maple_status upgrade(maple_pool *pool, contents *found, maple_error *error) {
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = look_into(pool, found, error);
    if (status == MAPLE_OK && found->format < MAPLE_POOL_FORMAT)
        status = upgrade_tables(pool, found->format, error);
    status = maple_pool_end(pool, status, error);
    if (status == MAPLE_OK)
        sqlite3_wal_checkpoint_v2(pool->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return status == MAPLE_OK ? look_into(pool, found, error) : status;
}

maple_status maple_pool_prepare_schema(maple_pool *pool, maple_error *error) {
    enum { TABLES = 8, SCORE_TABLES = 2, FORMAT_3 = 3 };
    bool write = pool->mode == MAPLE_POOL_WRITE;
    contents found = {0};
    maple_status status = look_into(pool, &found, error);
    if (status == MAPLE_OK && found.all == 0 && write)
        status = create(pool, &found, error);
    if (status == MAPLE_OK && found.format > MAPLE_POOL_FORMAT) /* so far only in the log */
        return maple_pool_refuse_format(pool->path, found.format, error);
    if (status == MAPLE_OK && found.tables == TABLES && found.format < MAPLE_POOL_FORMAT && write)
        status = upgrade(pool, &found, error);
    if (status == MAPLE_OK &&
        (found.tables != TABLES || (found.format > 1 && found.score_tables != SCORE_TABLES) ||
         (found.format > 2 && found.format_3 != FORMAT_3)))
        status = maple_pool_damaged(pool, error, "tables are missing");
    pool->format = found.format;
    if (status == MAPLE_OK && write)
        status = use_write_ahead_log(pool, error);
    return status;
}
