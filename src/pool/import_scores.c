/* SPDX-License-Identifier: Apache-2.0 */
/* A table of accuracies or costs: each numeric column becomes a score. */
#include "pool/input.h"
#include "pool/csv_archs.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 64 };

typedef struct scores {
    maple_csv_table table;
    const char *prefix;
    char (*names)[NAME]; /* of all columns of the file */
} scores;

/* Names the score of each column. */
static maple_status make_names(const maple_csv_table *t, void *user, maple_error *error) {
    scores *s = user;
    s->names = maple_alloc(t->n_columns, sizeof *s->names);
    if (!s->names)
        return maple_error_memory(error);
    for (size_t i = 0; i < t->n_columns; i++) {
        const maple_csv_field *field = maple_csv_table_header(t, i);
        size_t before = strlen(s->prefix), most = NAME - 1 - before;
        if (field->length == 0 || field->length > most)
            return maple_csv_fail(t->csv, field, error,
                                  "a column's name of %zu bytes: a score's has 1 to %zu", field->length,
                                  most);
        memcpy(s->names[i], s->prefix, before);
        maple_score_name(field->text, field->length, NAME - before, s->names[i] + before);
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->names[i], s->names[k]) == 0)
                return maple_csv_fail(t->csv, field, error, "a second column that becomes the score '%s'",
                                      s->names[i]);
    }
    return MAPLE_OK;
}

static maple_status store(maple_pool *pool, const char *path, const scores *s, maple_import_result *result,
                          maple_error *error) {
    const maple_csv_table *t = &s->table;
    double *values = maple_alloc(t->archs.n, sizeof *values);
    maple_status status = values ? maple_pool_begin_write(pool, error) : maple_error_memory(error);
    if (status != MAPLE_OK)
        goto done;
    for (size_t i = 0; status == MAPLE_OK && i < t->n_columns; i++) {
        if (!t->has_numbers[i])
            continue; /* text, or nothing at all */
        size_t known = maple_csv_table_column(t, i, values);
        status = maple_pool_put_scores(pool, t->archs.space, s->names[i], t->archs.archs, values, t->archs.n,
                                       error);
        result->scores++;
        result->values += known;
        result->skipped += t->archs.n - known;
    }
    if (status == MAPLE_OK)
        status = maple_csv_archs_put_indices(&t->archs, pool, error);
    if (status == MAPLE_OK && result->values == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: no column holds a number; expected one a score",
                                 maple_input_name(path));
    status = maple_pool_end(pool, status, error);
done:
    maple_free(values);
    return status;
}

static maple_status check_prefix(const char *prefix, maple_error *error) {
    char name[NAME];
    size_t length = strlen(prefix);
    maple_score_name(prefix, length, sizeof name, name);
    if (length >= NAME - 1 || strcmp(prefix, name) != 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "'%.80s' before the names of scores: at most %d bytes of a-z, 0-9, '_', '.' "
                               "and '-'",
                               prefix, NAME - 2);
    return MAPLE_OK;
}

maple_status maple_pool_import_scores(maple_pool *pool, const char *path, const maple_space *space,
                                      const char *prefix, maple_import_result *result, maple_error *error) {
    scores s = {.prefix = prefix ? prefix : ""};
    const maple_csv_wish wish = {.text_allowed = true, .check = make_names, .user = &s};
    maple_import_result counted = {0};
    maple_status status = check_prefix(s.prefix, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_csv_table_open(&s.table, path, pool, space, &wish, error);
    if (status == MAPLE_OK)
        status = store(pool, path, &s, &counted, error);
    if (status == MAPLE_OK && result)
        *result = counted;
    maple_csv_table_close(&s.table);
    maple_free(s.names);
    return status;
}
