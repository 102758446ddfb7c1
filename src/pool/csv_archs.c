/* SPDX-License-Identifier: Apache-2.0 */
/* Architectures of the lines of a table. */
#include "pool/csv_archs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_row(maple_pool *pool, sqlite3_stmt *statement, maple_status *status, maple_error *error) {
    bool row = false;
    if (*status == MAPLE_OK)
        *status = maple_pool_step(pool, statement, &row, error);
    return *status == MAPLE_OK && row;
}

/* Reads the indices of the space that the pool knows. */
static maple_status load_known(maple_csv_archs *a, maple_pool *pool, maple_error *error) {
    sqlite3_stmt *statement = NULL;
    int64_t n = 0;
    static const char of_space[] = "FROM architectures WHERE canonical_index IS NOT NULL AND space = "
                                   "(SELECT id FROM spaces WHERE name = ?)";
    char count[256], all[256];
    snprintf(count, sizeof count, "SELECT count(*) %s", of_space);
    snprintf(all, sizeof all, "SELECT arch, canonical_index %s ORDER BY canonical_index", of_space);
    maple_status status = maple_pool_begin_read(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_query(pool, &n, error, count, "s", maple_space_name(a->space));
    if (status == MAPLE_OK)
        status = maple_pool_prepare(pool, &statement, error, all, "s", maple_space_name(a->space));
    a->known = maple_alloc((size_t)n, sizeof *a->known);
    a->known_index = maple_alloc((size_t)n, sizeof *a->known_index);
    if (status == MAPLE_OK && (!a->known || !a->known_index))
        status = maple_error_memory(error);
    while (a->n_known < (size_t)n && is_row(pool, statement, &status, error)) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        a->known_index[a->n_known] = sqlite3_column_int(statement, 1);
        if (maple_space_parse(a->space, text ? text : "", &a->known[a->n_known++], error) != MAPLE_OK)
            status = maple_error_prefix(error, MAPLE_BAD_INPUT, "%s: the pool is damaged", pool->path);
    }
    sqlite3_finalize(statement);
    return maple_pool_end(pool, status, error);
}

maple_status maple_csv_archs_open(maple_csv_archs *archs, maple_csv *csv, maple_pool *pool,
                                  const maple_space *space, maple_error *error) {
    static const char *const names[] = {"index", "arch", "arch_str", "ops"};
    enum { NAMES = sizeof names / sizeof *names };
    int columns[NAMES];
    *archs = (maple_csv_archs){.csv = csv, .space = space, .arch_column = -1};
    maple_status status = maple_csv_columns(csv, names, NAMES, 0, columns, error);
    if (status != MAPLE_OK)
        return status;
    archs->index_column = columns[0];
    for (int i = 1; i < NAMES && archs->arch_column < 0; i++)
        archs->arch_column = columns[i];
    if (archs->arch_column >= 0)
        return MAPLE_OK;
    return archs->index_column >= 0 && pool ? load_known(archs, pool, error)
                                            : maple_csv_columns(csv, &names[1], 1, 1, columns, error);
}

void maple_csv_archs_close(maple_csv_archs *archs) {
    maple_free(archs->archs);
    maple_free(archs->index);
    maple_free(archs->arch_at);
    maple_free(archs->index_at);
    maple_free(archs->known);
    maple_free(archs->known_index);
}

static bool reserve(maple_csv_archs *a) {
    if (a->n < a->capacity)
        return true;
    size_t capacity = a->capacity ? a->capacity * 2 : 1024;
    maple_arch *archs = maple_resize(a->archs, capacity, sizeof *archs);
    a->archs = archs ? archs : a->archs;
    int *index = maple_resize(a->index, capacity, sizeof *index);
    a->index = index ? index : a->index;
    maple_csv_field *arch_at = maple_resize(a->arch_at, capacity, sizeof *arch_at);
    a->arch_at = arch_at ? arch_at : a->arch_at;
    maple_csv_field *index_at = maple_resize(a->index_at, capacity, sizeof *index_at);
    a->index_at = index_at ? index_at : a->index_at;
    if (!archs || !index || !arch_at || !index_at)
        return false;
    a->capacity = capacity;
    return true;
}

static maple_status look_up(const maple_csv_archs *a, const maple_csv_field *field, int index,
                            maple_arch *out, maple_error *error) {
    size_t low = 0, high = a->n_known;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (a->known_index[middle] < index)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == a->n_known || a->known_index[low] != index)
        return maple_csv_fail(a->csv, field, error,
                              "the pool does not know which architecture of %s has index %d: import a table "
                              "with both first, or add a column arch",
                              maple_space_name(a->space), index);
    *out = a->known[low];
    return MAPLE_OK;
}

maple_status maple_csv_archs_add(maple_csv_archs *a, const maple_csv_field *fields, maple_error *error) {
    if (!reserve(a))
        return maple_error_memory(error);
    bool named = a->arch_column >= 0;
    const maple_csv_field *index = a->index_column >= 0 ? &fields[a->index_column] : NULL;
    const maple_csv_field *arch = named ? &fields[a->arch_column] : index;
    a->arch_at[a->n] = *arch;
    a->index_at[a->n] = index ? *index : *arch;
    a->index[a->n] = -1;
    if (strlen(arch->text) != arch->length)
        return maple_csv_fail(a->csv, arch, error, "not an architecture");
    maple_status status = MAPLE_OK;
    if (named) {
        status = maple_space_parse(a->space, arch->text, &a->archs[a->n], error);
        if (status != MAPLE_OK)
            return maple_csv_locate(a->csv, arch, MAPLE_BAD_INPUT, error);
    }
    if (index && (index->length > 0 || !named))
        status = maple_csv_integer(a->csv, index, 0, INT_MAX, &a->index[a->n], error);
    if (status == MAPLE_OK && !named)
        status = look_up(a, index, a->index[a->n], &a->archs[a->n], error);
    a->n += status == MAPLE_OK;
    return status;
}

/* --- After the last line --- */

typedef struct position {
    const maple_arch *arch;
    size_t row;
} position;

static int compare_positions(const void *left, const void *right) {
    const position *a = left, *b = right;
    int order = memcmp(a->arch->op, b->arch->op, sizeof a->arch->op);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

maple_status maple_csv_archs_check(const maple_csv_archs *a, maple_error *error) {
    size_t columns;
    if (a->n == 0)
        return maple_csv_fail(a->csv, &maple_csv_header(a->csv, &columns)[0], error,
                              "nothing follows the header: one line for each architecture is expected");
    position *sorted = maple_alloc(a->n, sizeof *sorted);
    if (!sorted)
        return maple_error_memory(error);
    for (size_t i = 0; i < a->n; i++)
        sorted[i] = (position){.arch = &a->archs[i], .row = i};
    qsort(sorted, a->n, sizeof *sorted, compare_positions);
    size_t first = a->n, earlier = 0;
    for (size_t i = 1; i < a->n; i++)
        if (sorted[i].row < first && maple_arch_equal(sorted[i - 1].arch, sorted[i].arch)) {
            first = sorted[i].row;
            earlier = sorted[i - 1].row;
        }
    maple_free(sorted);
    if (first == a->n)
        return MAPLE_OK;
    return maple_csv_fail(a->csv, &a->arch_at[first], error,
                          "the architecture of line %d again: keep one of the two lines",
                          a->arch_at[earlier].line);
}

maple_status maple_csv_archs_put_indices(const maple_csv_archs *a, maple_pool *pool, maple_error *error) {
    size_t n = 0, refused;
    maple_arch *archs = maple_alloc(a->n, sizeof *archs);
    int *index = maple_alloc(a->n, sizeof *index);
    size_t *row = maple_alloc(a->n, sizeof *row);
    maple_status status = MAPLE_OK;
    if (!archs || !index || !row) {
        status = maple_error_memory(error);
        goto done;
    }
    for (size_t i = 0; i < a->n; i++)
        if (a->index[i] >= 0) {
            archs[n] = a->archs[i];
            index[n] = a->index[i];
            row[n++] = i;
        }
    if (n == 0)
        goto done;
    status = maple_pool_put_indices_at(pool, a->space, archs, index, n, &refused, error);
    if (status != MAPLE_OK && refused < n)
        status = maple_csv_locate(a->csv, &a->index_at[row[refused]], status, error);
done:
    maple_free(archs);
    maple_free(index);
    maple_free(row);
    return status;
}
