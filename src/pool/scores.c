/* SPDX-License-Identifier: Apache-2.0 */
/* Scores: a named number for each architecture of a space. They belong to no platform. */
#include "pool/pool_internal.h"

#include <math.h>
#include <string.h>

void maple_score_name(const char *text, size_t length, size_t size, char *out) {
    size_t i = 0;
    for (; i < length && i + 1 < size; i++) {
        char c = text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("_.-", c));
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : plain ? c : '_';
    }
    out[i] = '\0';
}

static maple_status check_name(const char *name, maple_error *error) {
    enum { LONGEST = 63 };
    size_t length = strlen(name);
    if (length == 0 || length > LONGEST || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != length)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "score '%.80s': a name is 1 to %d bytes of a-z, 0-9, '_', '.' and '-'", name,
                               LONGEST);
    return MAPLE_OK;
}

static maple_status check_values(const maple_space *space, const maple_arch *archs, const double *values,
                                 size_t n, maple_error *error) {
    for (size_t i = 0; i < n; i++)
        if (isinf(values[i])) {
            maple_error_set(error, MAPLE_BAD_INPUT, "a score of %g: it is finite, or NaN where unknown",
                            values[i]);
            return maple_pool_name_row(space, &archs[i], i, MAPLE_BAD_INPUT, error);
        }
    return MAPLE_OK;
}

static maple_status make_score_id(maple_pool *pool, int64_t space_id, const char *name, int64_t *id,
                                  maple_error *error) {
    *id = 0;
    maple_status status = maple_pool_execute(
        pool, error, "INSERT INTO scores(space, name) VALUES(?, ?) ON CONFLICT(space, name) DO NOTHING", "ls",
        space_id, name);
    return status == MAPLE_OK
               ? maple_pool_query(pool, id, error, "SELECT id FROM scores WHERE space = ? AND name = ?", "ls",
                                  space_id, name)
               : status;
}

static maple_status put_values(maple_pool *pool, const maple_space *space, const char *name,
                               const maple_arch *archs, const double *values, size_t n, maple_error *error) {
    int64_t space_id, score = 0, arch;
    sqlite3_stmt *statement = NULL;
    maple_status status = maple_pool_make_space_id(pool, space, &space_id, error);
    if (status == MAPLE_OK)
        status =
            maple_pool_prepare(pool, &statement, error,
                               "INSERT OR REPLACE INTO score_values(score, arch, value) VALUES(?, ?, ?)", "");
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        if (isnan(values[i]))
            continue;
        if (score == 0) /* made with its first value: there is no empty score */
            status = make_score_id(pool, space_id, name, &score, error);
        if (status == MAPLE_OK)
            status = maple_pool_make_arch_id(pool, space, space_id, &archs[i], &arch, error);
        if (status == MAPLE_OK)
            status = maple_pool_run(pool, statement, error, "lld", score, arch, values[i]);
    }
    sqlite3_finalize(statement);
    return status;
}

maple_status maple_pool_put_scores(maple_pool *pool, const maple_space *space, const char *name,
                                   const maple_arch *archs, const double *values, size_t n,
                                   maple_error *error) {
    maple_status status = check_name(name, error);
    if (status == MAPLE_OK)
        status = check_values(space, archs, values, n, error);
    if (status == MAPLE_OK)
        status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = put_values(pool, space, name, archs, values, n, error);
    return maple_pool_end(pool, status, error);
}

static maple_status list_scores(maple_pool *pool, const maple_space *space, maple_score_count **list,
                                size_t *n, maple_error *error) {
    sqlite3_stmt *statement;
    size_t capacity = 0;
    bool row = true;
    maple_status status = maple_pool_prepare(pool, &statement, error,
                                             "SELECT s.name, count(*) FROM scores s "
                                             "JOIN score_values v ON v.score = s.id "
                                             "JOIN spaces p ON p.id = s.space "
                                             "WHERE p.name = ? GROUP BY s.id ORDER BY s.name",
                                             "s", maple_space_name(space));
    while (status == MAPLE_OK && (status = maple_pool_step(pool, statement, &row, error)) == MAPLE_OK &&
           row) {
        if (*n == capacity) {
            capacity = capacity ? capacity * 2 : 16;
            maple_score_count *larger = maple_resize(*list, capacity, sizeof *larger);
            if (!larger) {
                status = maple_error_memory(error);
                break;
            }
            *list = larger;
        }
        maple_score_count *score = &(*list)[(*n)++];
        maple_pool_column_text(statement, 0, score->name, sizeof score->name);
        score->n = (size_t)sqlite3_column_int64(statement, 1);
    }
    sqlite3_finalize(statement);
    return status;
}

maple_status maple_pool_scores(maple_pool *pool, const maple_space *space, maple_score_count **out, size_t *n,
                               maple_error *error) {
    maple_score_count *list = NULL;
    size_t used = 0;
    bool has = false;
    maple_status status = maple_pool_begin_read(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_has_scores(pool, &has, error);
    if (status == MAPLE_OK && has)
        status = list_scores(pool, space, &list, &used, error);
    status = maple_pool_end(pool, status, error);
    if (status != MAPLE_OK) {
        maple_free(list);
        return status;
    }
    *out = list;
    *n = used;
    return MAPLE_OK;
}

/* --- Values of one --- */

typedef struct score_list {
    const maple_space *space;
    maple_arch *archs;
    double *values;
    size_t n, capacity;
} score_list;

static maple_status take_value(score_list *list, maple_pool *pool, sqlite3_stmt *row, maple_error *error) {
    enum { FIRST = 1024 };
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : FIRST;
        maple_arch *archs = maple_resize(list->archs, capacity, sizeof *archs);
        list->archs = archs ? archs : list->archs;
        double *values = maple_resize(list->values, capacity, sizeof *values);
        list->values = values ? values : list->values;
        if (!archs || !values)
            return maple_error_memory(error);
        list->capacity = capacity;
    }
    const char *text = (const char *)sqlite3_column_text(row, 0);
    if (maple_space_parse(list->space, text ? text : "", &list->archs[list->n], error) != MAPLE_OK)
        return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s: the pool is damaged", pool->path);
    list->values[list->n++] = sqlite3_column_double(row, 1);
    return MAPLE_OK;
}

static maple_status read_values(maple_pool *pool, const char *name, score_list *list, maple_error *error) {
    sqlite3_stmt *statement;
    bool row = true;
    maple_status status =
        maple_pool_prepare(pool, &statement, error,
                           "SELECT a.arch, v.value FROM score_values v JOIN architectures a ON a.id = v.arch "
                           "WHERE v.score = (SELECT s.id FROM scores s JOIN spaces p ON p.id = s.space "
                           "WHERE p.name = ? AND s.name = ?) ORDER BY a.arch",
                           "ss", maple_space_name(list->space), name);
    while (status == MAPLE_OK && (status = maple_pool_step(pool, statement, &row, error)) == MAPLE_OK && row)
        status = take_value(list, pool, statement, error);
    sqlite3_finalize(statement);
    return status;
}

maple_status maple_pool_score_values(maple_pool *pool, const maple_space *space, const char *name,
                                     maple_arch **archs, double **values, size_t *n, maple_error *error) {
    score_list list = {.space = space};
    bool has = false;
    maple_status status = maple_pool_begin_read(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_has_scores(pool, &has, error);
    if (status == MAPLE_OK && has)
        status = read_values(pool, name, &list, error);
    status = maple_pool_end(pool, status, error);
    if (status != MAPLE_OK) {
        maple_free(list.archs);
        maple_free(list.values);
        return status;
    }
    *archs = list.archs;
    *values = list.values;
    *n = list.n;
    return MAPLE_OK;
}
