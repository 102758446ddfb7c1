/* SPDX-License-Identifier: Apache-2.0 */
/* Platforms: who measured. */
#include "pool/pool_internal.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

void maple_platform_family(const char *cpu, const char *engine, const char *isa, const char *dtype,
                           char out[224]) {
    bool own = *dtype && strcmp(dtype, "f32") != 0;
    snprintf(out, 224, "%s / %s%s%s%s%s", cpu, engine, *isa ? " / " : "", isa, own ? " / " : "",
             own ? dtype : "");
}

/* All (name NULL) or one. Before format 3 every engine of MAPLE's computed in float32. Another process may
 * bring the pool to format 3 while it is read here. */
static maple_status select_platforms(maple_pool *pool, sqlite3_stmt **out, const char *name,
                                     maple_error *error) {
    int64_t has_dtype = 0;
    maple_status status =
        maple_pool_query(pool, &has_dtype, error,
                         "SELECT count(*) FROM pragma_table_info('platforms') WHERE name = 'dtype'", "");
    maple_text sql = {0};
    maple_text_addf(
        &sql,
        "SELECT id, name, family, cpu, device, engine, engine_version, isa, threads, batch, graph, "
        "counters, %s FROM platforms WHERE ?1 IS NULL OR name = ?1 ORDER BY id",
        has_dtype ? "dtype" : "CASE engine WHEN 'imported' THEN '' ELSE 'f32' END");
    if (status == MAPLE_OK)
        status = sql.failed ? maple_error_memory(error)
                            : maple_pool_prepare(pool, out, error, sql.data, "s", name);
    maple_text_free(&sql);
    return status;
}

static maple_status read_platform(maple_pool *pool, sqlite3_stmt *row, maple_platform *out,
                                  maple_error *error) {
    char graph[32];
    *out = (maple_platform){.id = sqlite3_column_int64(row, 0)};
    maple_pool_column_text(row, 1, out->name, sizeof out->name);
    maple_pool_column_text(row, 2, out->family, sizeof out->family);
    maple_pool_column_text(row, 3, out->cpu, sizeof out->cpu);
    maple_pool_column_text(row, 4, out->device, sizeof out->device);
    maple_pool_column_text(row, 5, out->engine, sizeof out->engine);
    maple_pool_column_text(row, 6, out->engine_version, sizeof out->engine_version);
    maple_pool_column_text(row, 7, out->isa, sizeof out->isa);
    out->threads = sqlite3_column_int(row, 8);
    out->batch = sqlite3_column_int(row, 9);
    maple_pool_column_text(row, 10, graph, sizeof graph);
    maple_pool_column_text(row, 11, out->counters, sizeof out->counters);
    maple_pool_column_text(row, 12, out->dtype, sizeof out->dtype);
    if (maple_graph_form_parse(graph, &out->graph, NULL) != MAPLE_OK)
        return maple_pool_damaged(pool, error, "a platform has an unknown graph form");
    return MAPLE_OK;
}

static maple_status find_by_name(maple_pool *pool, const char *name, maple_platform *out, bool *found,
                                 maple_error *error) {
    sqlite3_stmt *statement;
    maple_status status = select_platforms(pool, &statement, name, error);
    if (status != MAPLE_OK)
        return status;
    *found = false;
    status = maple_pool_step(pool, statement, found, error);
    if (status == MAPLE_OK && *found)
        status = read_platform(pool, statement, out, error);
    sqlite3_finalize(statement);
    return status;
}

/* --- Adding --- */

static maple_status check_same_identity(const maple_platform *here, const maple_platform *now,
                                        maple_error *error) {
    const struct {
        const char *what, *here, *now;
    } texts[] = {
        {"CPU", here->cpu, now->cpu},
        {"device", here->device, now->device},
        {"engine", here->engine, now->engine},
        {"engine version", here->engine_version, now->engine_version},
        {"ISA", here->isa, now->isa},
        {"numeric type", here->dtype, now->dtype},
        {"graph form", maple_graph_form_name(here->graph), maple_graph_form_name(now->graph)},
        {"family", here->family, now->family}, /* made of those above */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(texts[i].here, texts[i].now) != 0)
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "platform '%s' exists with another %s ('%s', now '%s'): say the same to "
                                   "add to it, or give the "
                                   "new one another name",
                                   now->name, texts[i].what, texts[i].here, texts[i].now);
    if (here->threads != now->threads || here->batch != now->batch)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "platform '%s' exists with %d threads and batch %d, now %d and %d: say the same to add to it, or "
            "give the new one another name",
            now->name, here->threads, here->batch, now->threads, now->batch);
    return MAPLE_OK;
}

maple_status maple_platform_check(const maple_platform *platform, maple_error *error) {
    if (!platform->name[0])
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "the name of the platform is empty");
    if (strchr(platform->name, ','))
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "the name of platform '%s' has a comma, which parts names in lists: leave it out",
            platform->name);
    for (const char *c = platform->name; *c; c++)
        if ((unsigned char)*c < ' ')
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "the name of the platform has a control character at byte %d",
                                   (int)(c - platform->name) + 1);
    if (platform->threads < 0 || platform->batch < 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "platform '%s': %d threads and batch %d are impossible", platform->name,
                               platform->threads, platform->batch);
    return MAPLE_OK;
}

static maple_status check_environment(const maple_platform *platform, const char *environment,
                                      maple_error *error) {
    cJSON *parsed = environment ? cJSON_Parse(environment) : NULL;
    if (environment && !parsed)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "platform '%s': its environment is not JSON",
                               platform->name);
    cJSON_Delete(parsed);
    return MAPLE_OK;
}

static maple_status insert_platform(maple_pool *pool, const maple_platform *p, int64_t *id,
                                    maple_error *error) {
    maple_status status = maple_pool_execute(
        pool, error,
        "INSERT INTO platforms(name, family, cpu, device, engine, engine_version, isa, "
        "threads, batch, graph, "
        "counters, dtype) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "sssssssiisss", p->name, p->family, p->cpu, p->device, p->engine, p->engine_version, p->isa,
        p->threads, p->batch, maple_graph_form_name(p->graph), p->counters, p->dtype);
    *id = sqlite3_last_insert_rowid(pool->db);
    return status;
}

maple_status maple_pool_add_platform(maple_pool *pool, maple_platform *platform, const char *environment,
                                     maple_error *error) {
    maple_status status = maple_platform_check(platform, error);
    if (status == MAPLE_OK)
        status = check_environment(platform, environment, error);
    if (status == MAPLE_OK)
        status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    maple_platform here;
    bool found = false;
    int64_t id = 0;
    status = find_by_name(pool, platform->name, &here, &found, error);
    if (status == MAPLE_OK && found) {
        id = here.id;
        status = check_same_identity(&here, platform, error);
        if (status == MAPLE_OK)
            status = maple_pool_execute(pool, error, "UPDATE platforms SET counters = ? WHERE id = ?", "sl",
                                        platform->counters, id);
    } else if (status == MAPLE_OK) {
        status = insert_platform(pool, platform, &id, error);
    }
    /* Nothing to say about the environment is no reason to forget what was said. */
    if (status == MAPLE_OK && environment)
        status = maple_pool_execute(pool, error,
                                    "INSERT OR REPLACE INTO environments(platform, json) VALUES(?, ?)", "ls",
                                    id, environment);
    status = maple_pool_end(pool, status, error);
    if (status == MAPLE_OK)
        platform->id = id;
    return status;
}

/* --- Reading --- */

maple_status maple_pool_find_platform(maple_pool *pool, const char *name, maple_platform *out,
                                      maple_error *error) {
    maple_platform platform, *all = NULL;
    bool found = false;
    size_t n = 0;
    maple_status status = find_by_name(pool, name, &platform, &found, error);
    if (status != MAPLE_OK)
        return status;
    if (found) {
        *out = platform;
        return MAPLE_OK;
    }
    status = maple_pool_platforms(pool, &all, &n, error);
    if (status != MAPLE_OK)
        return status;
    enum { NAMED = 5 };
    maple_text names = {0};
    for (size_t i = 0; i < n && i < NAMED; i++)
        maple_text_addf(&names, "%s'%s'", i ? ", " : "; it has ", all[i].name);
    status = maple_error_set(error, MAPLE_NOT_FOUND, "%s: no platform '%s' in this pool%s%s", pool->path,
                             name, names.data ? names.data : "; it is empty", n > NAMED ? ", ..." : "");
    maple_text_free(&names);
    maple_free(all);
    return status;
}

maple_status maple_pool_platforms(maple_pool *pool, maple_platform **out, size_t *n, maple_error *error) {
    sqlite3_stmt *statement;
    maple_status status = select_platforms(pool, &statement, NULL, error);
    if (status != MAPLE_OK)
        return status;
    size_t used = 0, capacity = 16;
    maple_platform *list = maple_alloc(capacity, sizeof *list);
    bool row = true;
    while (list && (status = maple_pool_step(pool, statement, &row, error)) == MAPLE_OK && row) {
        if (used == capacity) {
            maple_platform *larger = maple_resize(list, capacity * 2, sizeof *list);
            if (!larger)
                maple_free(list);
            list = larger;
            capacity *= 2;
        }
        if (list && (status = read_platform(pool, statement, &list[used++], error)) != MAPLE_OK)
            break;
    }
    sqlite3_finalize(statement);
    if (!list)
        return maple_error_memory(error);
    if (status != MAPLE_OK) {
        maple_free(list);
        return status;
    }
    *out = list;
    *n = used;
    return MAPLE_OK;
}

maple_status maple_pool_require_platform(maple_pool *pool, int64_t platform, maple_error *error) {
    int64_t found = 0;
    maple_status status =
        maple_pool_query(pool, &found, error, "SELECT 1 FROM platforms WHERE id = ?", "l", platform);
    if (status == MAPLE_OK && !found)
        status = maple_error_set(error, MAPLE_NOT_FOUND, "%s: no platform with id %lld; add it first",
                                 pool->path, (long long)platform);
    return status;
}

maple_status maple_pool_environment(maple_pool *pool, int64_t platform, char **out, maple_error *error) {
    sqlite3_stmt *statement;
    bool row = false;
    maple_status status = maple_pool_require_platform(pool, platform, error);
    if (status == MAPLE_OK)
        status = maple_pool_prepare(pool, &statement, error,
                                    "SELECT json FROM environments WHERE platform = ?", "l", platform);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_step(pool, statement, &row, error);
    if (status == MAPLE_OK) {
        const char *json = row ? (const char *)sqlite3_column_text(statement, 0) : "{}";
        *out = maple_strdup(json ? json : "{}");
        status = *out ? MAPLE_OK : maple_error_memory(error);
    }
    sqlite3_finalize(statement);
    return status;
}

maple_status maple_pool_patch_environment(maple_pool *pool, int64_t platform, const char *json,
                                          maple_error *error) {
    cJSON *parsed = cJSON_Parse(json);
    bool is_object = cJSON_IsObject(parsed);
    cJSON_Delete(parsed);
    if (!is_object)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "a platform's environment is a JSON object, not this");
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_require_platform(pool, platform, error);
    if (status == MAPLE_OK)
        status =
            maple_pool_execute(pool, error,
                               "INSERT INTO environments(platform, json) VALUES(?1, json_patch('{}', ?2)) "
                               "ON CONFLICT(platform) DO UPDATE SET json = json_patch(json, ?2)",
                               "ls", platform, json);
    return maple_pool_end(pool, status, error);
}

maple_status maple_pool_remove_platform(maple_pool *pool, int64_t platform, maple_error *error) {
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_require_platform(pool, platform, error);
    if (status == MAPLE_OK)
        status = maple_pool_execute(pool, error, "DELETE FROM platforms WHERE id = ?", "l", platform);
    return maple_pool_end(pool, status, error);
}

#define COUNT_OF_SPACE(column)                                                                               \
    "SELECT count(l." column ") FROM latencies l JOIN architectures a ON a.id = l.arch "                     \
    "JOIN spaces s ON s.id = a.space WHERE l.platform = ? AND s.name = ?"

static maple_status count_in(maple_pool *pool, const char *sql, int64_t platform, const maple_space *space,
                             size_t *n, maple_error *error) {
    int64_t count = 0;
    maple_status status = maple_pool_query(pool, &count, error, sql, "ls", platform, maple_space_name(space));
    if (status == MAPLE_OK)
        *n = (size_t)count;
    return status;
}

maple_status maple_pool_count_latencies(maple_pool *pool, int64_t platform, const maple_space *space,
                                        size_t *n, maple_error *error) {
    return count_in(pool, COUNT_OF_SPACE("latency_ms"), platform, space, n, error);
}

maple_status maple_pool_count_flagged(maple_pool *pool, int64_t platform, const maple_space *space, size_t *n,
                                      maple_error *error) {
    *n = 0;
    return maple_pool_has_flags(pool) ? count_in(pool, COUNT_OF_SPACE("flag"), platform, space, n, error)
                                      : MAPLE_OK;
}
