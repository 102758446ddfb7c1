/* SPDX-License-Identifier: Apache-2.0 */
/* Copies platforms from one pool into another, inside SQLite. */
#include "pool/pool_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static maple_status check_different(maple_pool *pool, maple_pool *source, maple_error *error) {
    struct stat a, b;
    if (pool == source || (stat(pool->path, &a) == 0 && stat(source->path, &b) == 0 && a.st_dev == b.st_dev &&
                           a.st_ino == b.st_ino))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: a pool cannot be merged into itself",
                               pool->path);
    return MAPLE_OK;
}

/* Rows of the two pools that agree in one column and not in the other. */
#define CONTRADICTIONS(same, other)                                                                          \
    "SELECT theirs.arch, theirs.canonical_index, ours.arch, ours.canonical_index "                           \
    "FROM source.architectures theirs JOIN source.spaces s ON s.id = theirs.space "                          \
    "JOIN main.spaces m ON m.name = s.name JOIN main.architectures ours ON ours.space = m.id "               \
    "AND ours." same " = theirs." same " AND ours." other " <> theirs." other

/* An architecture has one index: the pools must not contradict each other. */
static maple_status check_indices(maple_pool *pool, maple_pool *source, maple_error *error) {
    sqlite3_stmt *statement;
    bool row = false;
    maple_status status =
        maple_pool_prepare(pool, &statement, error,
                           CONTRADICTIONS("arch", "canonical_index") " UNION ALL " CONTRADICTIONS(
                               "canonical_index", "arch") " LIMIT 1",
                           "");
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_step(pool, statement, &row, error);
    if (status == MAPLE_OK && row)
        status = maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s says that %s has index %d, %s that %s has %d: one of them was imported from a "
            "wrong table",
            source->path, sqlite3_column_text(statement, 0), sqlite3_column_int(statement, 1), pool->path,
            sqlite3_column_text(statement, 2), sqlite3_column_int(statement, 3));
    sqlite3_finalize(statement);
    return status;
}

/* temp.arch_of and temp.space_of: the id here of each id there. */
static maple_status copy_keys(maple_pool *pool, maple_pool *source, maple_error *error) {
    static const char *const steps[] = {
        "INSERT INTO main.spaces(name) SELECT name FROM source.spaces WHERE true ON CONFLICT(name) DO "
        "NOTHING",
        "CREATE TEMP TABLE space_of AS SELECT s.id AS theirs, m.id AS ours "
        "FROM source.spaces s JOIN main.spaces m ON m.name = s.name",
        "INSERT INTO main.architectures(space, arch, canonical_index) "
        "SELECT k.ours, a.arch, a.canonical_index FROM source.architectures a "
        "JOIN temp.space_of k ON k.theirs = a.space WHERE true "
        "ON CONFLICT(space, arch) DO UPDATE SET canonical_index = excluded.canonical_index "
        "WHERE canonical_index IS NULL AND excluded.canonical_index IS NOT NULL",
        "CREATE TEMP TABLE arch_of(theirs INTEGER PRIMARY KEY, ours INTEGER)",
        "INSERT INTO temp.arch_of SELECT a.id, m.id FROM source.architectures a "
        "JOIN temp.space_of k ON k.theirs = a.space "
        "JOIN main.architectures m ON m.space = k.ours AND m.arch = a.arch",
    };
    maple_status status = check_indices(pool, source, error);
    for (size_t i = 0; status == MAPLE_OK && i < sizeof steps / sizeof *steps; i++)
        status = maple_pool_execute(pool, error, steps[i], "");
    return status;
}

#define COPY_LATENCIES(flag)                                                                                 \
    "INSERT OR REPLACE INTO main.latencies(platform, arch, latency_ms, mean_ms, min_ms, sd_ms, runs, "       \
    "reason, flag) SELECT ?2, k.ours, l.latency_ms, l.mean_ms, l.min_ms, l.sd_ms, l.runs, l.reason, " flag   \
    " FROM source.latencies l JOIN temp.arch_of k ON k.theirs = l.arch WHERE l.platform = ?1"

/* What an older source has not: flags, repeatability. */
static maple_status copy_format_3(maple_pool *pool, const maple_pool *source, int64_t theirs, int64_t ours,
                                  maple_error *error) {
    bool has = maple_pool_has_flags(source);
    maple_status status = maple_pool_execute(
        pool, error, has ? COPY_LATENCIES("l.flag") : COPY_LATENCIES("NULL"), "ll", theirs, ours);
    if (status == MAPLE_OK && has)
        status = maple_pool_execute(
            pool, error,
            "INSERT OR REPLACE INTO main.repeatability SELECT ?2, k.ours, r.date, r.n, r.rounds, r.median, "
            "r.p90, r.p95, r.max FROM source.repeatability r JOIN temp.space_of k ON k.theirs = r.space "
            "WHERE r.platform = ?1",
            "ll", theirs, ours);
    return status;
}

static maple_status copy_rows(maple_pool *pool, const maple_pool *source, int64_t theirs, int64_t ours,
                              bool statistics_only, maple_import_result *result, maple_error *error) {
    static const char *const steps[] = {
        "INSERT OR REPLACE INTO main.operators SELECT ?2, k.ours, o.operator, o.latency_ms, o.mean_ms, "
        "o.min_ms, "
        "o.sd_ms, o.runs, o.implementation, o.reason FROM source.operators o "
        "JOIN temp.space_of k ON k.theirs = o.space WHERE o.platform = ?1",
        "INSERT OR REPLACE INTO main.counters SELECT ?2, k.ours, c.cache, c.operator, c.event, c.value, "
        "c.running_share, c.status, c.reason, c.provider, c.isa, c.simulated FROM source.counters c "
        "JOIN temp.space_of k ON k.theirs = c.space WHERE c.platform = ?1",
        "INSERT OR REPLACE INTO main.environments SELECT ?2, json FROM source.environments WHERE platform = "
        "?1",
        "INSERT OR REPLACE INTO main.runs SELECT ?2, r.round, k.ours, r.latency_ms FROM source.runs r "
        "JOIN temp.arch_of k ON k.theirs = r.arch WHERE r.platform = ?1",
    };
    size_t n = sizeof steps / sizeof *steps - statistics_only;
    maple_status status = copy_format_3(pool, source, theirs, ours, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        status = maple_pool_execute(pool, error, steps[i], "ll", theirs, ours);
    int64_t rows = 0, labels = 0;
    if (status == MAPLE_OK)
        status = maple_pool_query(pool, &rows, error,
                                  "SELECT count(*) FROM source.latencies WHERE platform = ?", "l", theirs);
    if (status == MAPLE_OK)
        status = maple_pool_query(pool, &labels, error,
                                  "SELECT count(latency_ms) FROM source.latencies WHERE platform = ?", "l",
                                  theirs);
    result->platforms++;
    result->latencies += (size_t)labels;
    result->skipped += (size_t)(rows - labels);
    return status;
}

/* Scores belong to no platform: all of them, whichever platforms are wanted. */
static maple_status copy_scores(maple_pool *pool, maple_pool *source, maple_error *error) {
    static const char *const steps[] = {
        "INSERT INTO main.scores(space, name) SELECT k.ours, s.name FROM source.scores s "
        "JOIN temp.space_of k ON k.theirs = s.space WHERE true ON CONFLICT(space, name) DO NOTHING",
        "INSERT OR REPLACE INTO main.score_values SELECT m.id, a.ours, v.value FROM source.score_values v "
        "JOIN source.scores s ON s.id = v.score JOIN temp.space_of k ON k.theirs = s.space "
        "JOIN main.scores m ON m.space = k.ours AND m.name = s.name "
        "JOIN temp.arch_of a ON a.theirs = v.arch",
    };
    bool has = false;
    maple_status status = maple_pool_has_scores(source, &has, error);
    for (size_t i = 0; status == MAPLE_OK && has && i < sizeof steps / sizeof *steps; i++)
        status = maple_pool_execute(pool, error, steps[i], "");
    return status;
}

/* Adds the platform, or finds it with the same identity. */
static maple_status add_platform(maple_pool *pool, const maple_platform *theirs, int64_t *ours,
                                 maple_error *error) {
    maple_platform platform = *theirs, here;
    maple_error ignored;
    /* A source that was measured without counters does not take those away that are here. */
    if (strcmp(theirs->counters, "none") == 0 &&
        maple_pool_find_platform(pool, theirs->name, &here, &ignored) == MAPLE_OK)
        memcpy(platform.counters, here.counters, sizeof platform.counters);
    maple_status status = maple_pool_add_platform(pool, &platform, NULL, error);
    *ours = platform.id;
    return status;
}

static bool is_wanted(const char *name, const char *const *names, size_t n_names) {
    for (size_t i = 0; i < n_names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return n_names == 0;
}

static maple_status copy_platforms(maple_pool *pool, maple_pool *source, const maple_platform *platforms,
                                   size_t n, const char *const *names, size_t n_names, bool statistics_only,
                                   maple_import_result *result, maple_error *error) {
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = copy_keys(pool, source, error);
    if (status == MAPLE_OK)
        status = copy_scores(pool, source, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        int64_t ours;
        if (!is_wanted(platforms[i].name, names, n_names))
            continue;
        status = add_platform(pool, &platforms[i], &ours, error);
        if (status == MAPLE_OK)
            status = copy_rows(pool, source, platforms[i].id, ours, statistics_only, result, error);
    }
    sqlite3_exec(pool->db, "DROP TABLE IF EXISTS temp.arch_of; DROP TABLE IF EXISTS temp.space_of", NULL,
                 NULL, NULL);
    return maple_pool_end(pool, status, error);
}

static maple_status check_names(maple_pool *source, const char *const *names, size_t n_names,
                                maple_error *error) {
    maple_platform platform;
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < n_names; i++)
        status = maple_pool_find_platform(source, names[i], &platform, error);
    return status;
}

static maple_status attach(maple_pool *pool, maple_pool *source, maple_error *error) {
    char *uri = maple_pool_make_uri(source->path, source->query);
    if (!uri)
        return maple_error_memory(error);
    maple_status status = maple_pool_execute(pool, error, "ATTACH ? AS source", "s", uri);
    maple_free(uri);
    return status;
}

maple_status maple_pool_merge(maple_pool *pool, maple_pool *source, const char *const *names, size_t n_names,
                              bool statistics_only, maple_import_result *result, maple_error *error) {
    maple_platform *platforms = NULL;
    size_t n = 0;
    maple_import_result counted = {0};
    maple_status status = check_different(pool, source, error);
    if (status == MAPLE_OK)
        status = check_names(source, names, n_names, error);
    if (status == MAPLE_OK)
        status = maple_pool_platforms(source, &platforms, &n, error);
    if (status == MAPLE_OK)
        status = attach(pool, source, error);
    if (status == MAPLE_OK) {
        status = copy_platforms(pool, source, platforms, n, names, n_names, statistics_only, &counted, error);
        maple_pool_execute(pool, NULL, "DETACH source", "");
    }
    maple_free(platforms);
    if (status == MAPLE_OK && result)
        *result = counted;
    return status;
}
