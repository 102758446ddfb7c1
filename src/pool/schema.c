/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a pool; docs/format.md describes each column. */
#include "pool/pool_internal.h"

/* runs is keyed by round before architecture: a round is then appended, not spread over every page of the
 * table. */
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

static maple_status create_tables(maple_pool *pool, maple_error *error) {
    char *versions = sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                     MAPLE_POOL_APPLICATION_ID, MAPLE_POOL_FORMAT);
    if (!versions)
        return maple_error_memory(error);
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < sizeof schema / sizeof *schema; i++)
        status = maple_pool_execute(pool, error, schema[i], "");
    if (status == MAPLE_OK && sqlite3_exec(pool->db, versions, NULL, NULL, NULL) != SQLITE_OK)
        status = maple_pool_fail(pool, error);
    sqlite3_free(versions);
    return status;
}

static maple_status count_objects(maple_pool *pool, int64_t *tables, int64_t *all, maple_error *error) {
    maple_status status = maple_pool_query(
        pool, tables, error,
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('spaces', 'architectures', "
        "'platforms', 'environments', 'latencies', 'runs', 'operators', 'counters')",
        "");
    if (status == MAPLE_OK)
        status = maple_pool_query(pool, all, error, "SELECT count(*) FROM sqlite_master", "");
    return status;
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

maple_status maple_pool_prepare_schema(maple_pool *pool, maple_error *error) {
    enum { TABLES = 8 };
    int64_t tables = 0, all = 0;
    maple_status status = count_objects(pool, &tables, &all, error);
    if (status == MAPLE_OK && all == 0 && pool->mode == MAPLE_POOL_WRITE) {
        /* Created with a rollback journal: the versions are then in the file itself, never only in the log.
         * Locked first, since two processes may create the same pool. */
        status = maple_pool_execute(pool, error, "BEGIN EXCLUSIVE", "");
        if (status != MAPLE_OK)
            return status;
        pool->depth = 1;
        status = count_objects(pool, &tables, &all, error);
        if (status == MAPLE_OK && all == 0)
            status = create_tables(pool, error);
        status = maple_pool_end(pool, status, error);
        if (status == MAPLE_OK)
            status = count_objects(pool, &tables, &all, error);
    }
    if (status == MAPLE_OK && tables != TABLES)
        status = maple_pool_damaged(pool, error, "tables are missing");
    if (status == MAPLE_OK && pool->mode == MAPLE_POOL_WRITE)
        status = use_write_ahead_log(pool, error);
    return status;
}
