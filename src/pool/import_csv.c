/* SPDX-License-Identifier: Apache-2.0 */
/* A CSV of architectures and latencies, measured by anything, becomes a platform. */
#include "pool/csv.h"
#include "pool/pool_internal.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARCH, LATENCY, INDEX, MEAN, MINIMUM, SD, RUNS, REASON, COLUMNS, REQUIRED = 2 };

static const char *const column_names[COLUMNS] = {"arch",   "latency_ms", "index", "mean_ms",
                                                  "min_ms", "sd_ms",      "runs",  "reason"};

typedef struct table {
    maple_csv *csv;
    const maple_space *space;
    int columns[COLUMNS];
    maple_latency *rows;
    int *index;                          /* -1 where the table has none */
    maple_csv_field *arch_at, *index_at; /* where they stand, for errors found later */
    size_t n, capacity;
} table;

static bool reserve_row(table *t) {
    if (t->n < t->capacity)
        return true;
    size_t capacity = t->capacity ? t->capacity * 2 : 1024;
    maple_latency *rows = maple_resize(t->rows, capacity, sizeof *rows);
    t->rows = rows ? rows : t->rows;
    int *index = maple_resize(t->index, capacity, sizeof *index);
    t->index = index ? index : t->index;
    maple_csv_field *arch_at = maple_resize(t->arch_at, capacity, sizeof *arch_at);
    t->arch_at = arch_at ? arch_at : t->arch_at;
    maple_csv_field *index_at = maple_resize(t->index_at, capacity, sizeof *index_at);
    t->index_at = index_at ? index_at : t->index_at;
    if (!rows || !index || !arch_at || !index_at)
        return false;
    t->capacity = capacity;
    return true;
}

static const maple_csv_field *field_of(const table *t, const maple_csv_field *fields, int column) {
    return t->columns[column] >= 0 ? &fields[t->columns[column]] : NULL;
}

/* NaN for a column that is not there or empty. */
static maple_status read_number(const table *t, const maple_csv_field *fields, int column, double *out,
                                maple_error *error) {
    const maple_csv_field *field = field_of(t, fields, column);
    *out = NAN;
    if (!field || field->length == 0)
        return MAPLE_OK;
    maple_status status = maple_csv_number(t->csv, field, out, error);
    if (status == MAPLE_OK && *out < 0)
        return maple_csv_fail(t->csv, field, error, "%s is negative", column_names[column]);
    return status;
}

static maple_status read_integer(const table *t, const maple_csv_field *fields, int column, int missing,
                                 int *out, maple_error *error) {
    const maple_csv_field *field = field_of(t, fields, column);
    *out = missing;
    if (!field || field->length == 0)
        return MAPLE_OK;
    return maple_csv_integer(t->csv, field, 0, INT_MAX, out, error);
}

static maple_status read_reason(const table *t, const maple_csv_field *fields, maple_latency *row,
                                maple_error *error) {
    const maple_csv_field *field = field_of(t, fields, REASON);
    if (field && field->length >= sizeof row->reason)
        return maple_csv_fail(t->csv, field, error, "a reason of %zu bytes: %zu are the most", field->length,
                              sizeof row->reason - 1);
    snprintf(row->reason, sizeof row->reason, "%s", field ? field->text : "");
    return MAPLE_OK;
}

static maple_status read_row(table *t, const maple_csv_field *fields, maple_error *error) {
    if (!reserve_row(t))
        return maple_error_memory(error);
    maple_latency *row = &t->rows[t->n];
    *row = (maple_latency){0};
    const maple_csv_field *arch = field_of(t, fields, ARCH), *index = field_of(t, fields, INDEX);
    t->arch_at[t->n] = *arch;
    t->index_at[t->n] = index ? *index : *arch;
    if (strlen(arch->text) != arch->length)
        return maple_csv_fail(t->csv, arch, error, "not an architecture");
    maple_status status = maple_space_parse(t->space, arch->text, &row->arch, error);
    if (status != MAPLE_OK)
        return maple_csv_locate(t->csv, arch, MAPLE_BAD_INPUT, error);
    status = read_number(t, fields, LATENCY, &row->latency_ms, error);
    if (status == MAPLE_OK)
        status = read_number(t, fields, MEAN, &row->mean_ms, error);
    if (status == MAPLE_OK)
        status = read_number(t, fields, MINIMUM, &row->min_ms, error);
    if (status == MAPLE_OK)
        status = read_number(t, fields, SD, &row->sd_ms, error);
    if (status == MAPLE_OK)
        status = read_integer(t, fields, RUNS, 0, &row->runs, error);
    if (status == MAPLE_OK)
        status = read_integer(t, fields, INDEX, -1, &t->index[t->n], error);
    if (status == MAPLE_OK)
        status = read_reason(t, fields, row, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_check_latency(row->latency_ms, row->mean_ms, row->min_ms, row->sd_ms, row->runs,
                                      row->reason, error);
    if (status != MAPLE_OK)
        return maple_csv_locate(t->csv, field_of(t, fields, LATENCY), status, error);
    t->n++;
    return MAPLE_OK;
}

/* --- Duplicates --- */

typedef struct position {
    const maple_arch *arch;
    size_t row;
} position;

static int compare_positions(const void *left, const void *right) {
    const position *a = left, *b = right;
    int order = memcmp(a->arch->op, b->arch->op, sizeof a->arch->op);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

/* The first line that repeats an earlier one. */
static maple_status check_duplicates(const table *t, maple_error *error) {
    position *sorted = maple_alloc(t->n, sizeof *sorted);
    if (!sorted)
        return maple_error_memory(error);
    for (size_t i = 0; i < t->n; i++)
        sorted[i] = (position){.arch = &t->rows[i].arch, .row = i};
    qsort(sorted, t->n, sizeof *sorted, compare_positions);
    size_t first = t->n, earlier = 0;
    for (size_t i = 1; i < t->n; i++)
        if (sorted[i].row < first && maple_arch_equal(sorted[i - 1].arch, sorted[i].arch)) {
            first = sorted[i].row;
            earlier = sorted[i - 1].row;
        }
    maple_free(sorted);
    if (first == t->n)
        return MAPLE_OK;
    return maple_csv_fail(t->csv, &t->arch_at[first], error,
                          "the architecture of line %d again: keep one of the two lines",
                          t->arch_at[earlier].line);
}

/* --- Storing --- */

static maple_status put_indices(maple_pool *pool, const table *t, maple_error *error) {
    size_t n = 0, refused;
    maple_arch *archs = maple_alloc(t->n, sizeof *archs);
    int *index = maple_alloc(t->n, sizeof *index);
    size_t *row = maple_alloc(t->n, sizeof *row);
    maple_status status = MAPLE_OK;
    if (!archs || !index || !row) {
        status = maple_error_memory(error);
        goto done;
    }
    for (size_t i = 0; i < t->n; i++)
        if (t->index[i] >= 0) {
            archs[n] = t->rows[i].arch;
            index[n] = t->index[i];
            row[n++] = i;
        }
    if (n == 0)
        goto done;
    status = maple_pool_put_indices_at(pool, t->space, archs, index, n, &refused, error);
    if (status != MAPLE_OK && refused < n)
        status = maple_csv_locate(t->csv, &t->index_at[row[refused]], status, error);
done:
    maple_free(archs);
    maple_free(index);
    maple_free(row);
    return status;
}

static void complete_platform(maple_platform *platform) {
    if (!platform->engine[0])
        snprintf(platform->engine, sizeof platform->engine, "imported");
    if (!platform->counters[0])
        snprintf(platform->counters, sizeof platform->counters, "none");
    const char *host = platform->cpu[0]      ? platform->cpu
                       : platform->device[0] ? platform->device
                                             : platform->name;
    if (!platform->family[0])
        maple_platform_family(host, platform->engine, platform->isa, platform->family);
}

static maple_status store(maple_pool *pool, const table *t, maple_platform *platform, maple_error *error) {
    maple_platform added = *platform;
    complete_platform(&added);
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_add_platform(pool, &added, NULL, error);
    if (status == MAPLE_OK)
        status = maple_pool_put_latencies(pool, added.id, t->space, t->rows, t->n, error);
    if (status == MAPLE_OK)
        status = put_indices(pool, t, error);
    status = maple_pool_end(pool, status, error);
    if (status == MAPLE_OK)
        *platform = added;
    return status;
}

maple_status maple_pool_import_csv(maple_pool *pool, const char *path, const maple_space *space,
                                   maple_platform *platform, maple_import_result *result,
                                   maple_error *error) {
    table t = {.space = space};
    maple_status status = maple_csv_open(path, &t.csv, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_csv_columns(t.csv, column_names, COLUMNS, REQUIRED, t.columns, error);
    const maple_csv_field *fields = NULL;
    while (status == MAPLE_OK && (status = maple_csv_next(t.csv, &fields, error)) == MAPLE_OK && fields)
        status = read_row(&t, fields, error);
    if (status == MAPLE_OK)
        status = check_duplicates(&t, error);
    if (status == MAPLE_OK)
        status = store(pool, &t, platform, error);
    if (status == MAPLE_OK && result) {
        *result = (maple_import_result){.platforms = 1};
        for (size_t i = 0; i < t.n; i++)
            ++*(isnan(t.rows[i].latency_ms) ? &result->skipped : &result->latencies);
    }
    maple_csv_close(t.csv);
    maple_free(t.rows);
    maple_free(t.index);
    maple_free(t.arch_at);
    maple_free(t.index_at);
    return status;
}
