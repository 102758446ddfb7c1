/* SPDX-License-Identifier: Apache-2.0 */
/* A CSV of architectures and latencies, measured by anything, becomes a platform. */
#include "pool/csv_archs.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LATENCY, MEAN, MINIMUM, SD, RUNS, REASON, FLAG, COLUMNS, REQUIRED = 1 };

static const char *const column_names[COLUMNS] = {"latency_ms", "mean_ms", "min_ms", "sd_ms",
                                                  "runs",       "reason",  "flag"};

typedef struct table {
    maple_csv *csv;
    maple_csv_archs archs;
    int columns[COLUMNS];
    maple_latency *rows;
    size_t n, capacity;
    size_t unmeasured; /* lines that are there to be filled in */
} table;

static bool reserve_row(table *t) {
    if (t->n < t->capacity)
        return true;
    size_t capacity = t->capacity ? t->capacity * 2 : 1024;
    maple_latency *rows = maple_resize(t->rows, capacity, sizeof *rows);
    if (!rows)
        return false;
    t->rows = rows;
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

static maple_status read_runs(const table *t, const maple_csv_field *fields, int *out, maple_error *error) {
    const maple_csv_field *field = field_of(t, fields, RUNS);
    *out = 0;
    if (!field || field->length == 0)
        return MAPLE_OK;
    return maple_csv_integer(t->csv, field, 0, INT_MAX, out, error);
}

static maple_status read_text(const table *t, const maple_csv_field *fields, int column, char *out,
                              size_t size, maple_error *error) {
    const maple_csv_field *field = field_of(t, fields, column);
    if (field && field->length >= size)
        return maple_csv_fail(t->csv, field, error, "a %s of %zu bytes: %zu are the most",
                              column_names[column], field->length, size - 1);
    snprintf(out, size, "%s", field ? field->text : "");
    return MAPLE_OK;
}

/* A line that says nothing but which architecture: its latency is still to be measured. */
static bool is_unmeasured(const maple_latency *row) {
    return isnan(row->latency_ms) && isnan(row->mean_ms) && isnan(row->min_ms) && isnan(row->sd_ms) &&
           row->runs == 0 && !row->reason[0] && !row->flag[0];
}

static maple_status read_row(table *t, const maple_csv_field *fields, maple_error *error) {
    if (!reserve_row(t))
        return maple_error_memory(error);
    maple_latency *row = &t->rows[t->n];
    *row = (maple_latency){0};
    maple_status status = maple_csv_archs_add(&t->archs, fields, error);
    if (status != MAPLE_OK)
        return status;
    row->arch = t->archs.archs[t->archs.n - 1];
    status = read_number(t, fields, LATENCY, &row->latency_ms, error);
    if (status == MAPLE_OK)
        status = read_number(t, fields, MEAN, &row->mean_ms, error);
    if (status == MAPLE_OK)
        status = read_number(t, fields, MINIMUM, &row->min_ms, error);
    if (status == MAPLE_OK)
        status = read_number(t, fields, SD, &row->sd_ms, error);
    if (status == MAPLE_OK)
        status = read_runs(t, fields, &row->runs, error);
    if (status == MAPLE_OK)
        status = read_text(t, fields, REASON, row->reason, sizeof row->reason, error);
    if (status == MAPLE_OK)
        status = read_text(t, fields, FLAG, row->flag, sizeof row->flag, error);
    if (status != MAPLE_OK)
        return status;
    if (is_unmeasured(row)) {
        t->unmeasured++;
        return MAPLE_OK;
    }
    status = maple_pool_check_latency(row->latency_ms, row->mean_ms, row->min_ms, row->sd_ms, row->runs,
                                      row->reason, error);
    if (status == MAPLE_OK)
        status = maple_pool_check_flag(row, error);
    if (status != MAPLE_OK)
        return maple_csv_locate(t->csv, field_of(t, fields, LATENCY), status, error);
    t->n++;
    return MAPLE_OK;
}

/* A platform without any latency is none. */
static maple_status check_latencies(const table *t, maple_error *error) {
    size_t n;
    for (size_t i = 0; i < t->n; i++)
        if (!isnan(t->rows[i].latency_ms))
            return MAPLE_OK;
    return maple_csv_fail(t->csv, &maple_csv_header(t->csv, &n)[t->columns[LATENCY]], error,
                          "no line has a latency in this column");
}

/* --- Storing --- */

void maple_pool_complete_platform(maple_platform *platform) {
    if (!platform->engine[0])
        snprintf(platform->engine, sizeof platform->engine, "imported");
    if (!platform->counters[0])
        snprintf(platform->counters, sizeof platform->counters, "none");
    /* What executed: the host's CPU says little about a phone's accelerator, and may be unknown. */
    const char *device = platform->device[0] ? platform->device
                         : platform->cpu[0]  ? platform->cpu
                                             : platform->name;
    if (!platform->family[0])
        maple_platform_family(device, platform->engine, platform->isa, platform->dtype, platform->family);
}

static maple_status store(maple_pool *pool, const table *t, maple_platform *platform, maple_error *error) {
    maple_platform added = *platform;
    maple_pool_complete_platform(&added);
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_add_platform(pool, &added, NULL, error);
    if (status == MAPLE_OK)
        status = maple_pool_put_latencies(pool, added.id, t->archs.space, t->rows, t->n, error);
    if (status == MAPLE_OK)
        status = maple_csv_archs_put_indices(&t->archs, pool, error);
    status = maple_pool_end(pool, status, error);
    if (status == MAPLE_OK)
        *platform = added;
    return status;
}

/* The message of a header without latency_ms is a whole sentence; this says what such a table may be. */
static void hint_at_tables(const table *t, maple_error *error) {
    size_t used = error ? strlen(error->message) : 0;
    if (error && t->columns[LATENCY] < 0)
        snprintf(error->message + used, sizeof error->message - used,
                 "; a table with a column for each platform is imported without --platform");
}

maple_status maple_pool_import_csv(maple_pool *pool, const char *path, const maple_space *space,
                                   maple_platform *platform, maple_import_result *result,
                                   maple_error *error) {
    table t = {0};
    const maple_csv_field *fields = NULL;
    maple_status status = maple_csv_open(path, &t.csv, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_csv_archs_open(&t.archs, t.csv, pool, space, error);
    if (status == MAPLE_OK) {
        status = maple_csv_columns(t.csv, column_names, COLUMNS, REQUIRED, t.columns, error);
        if (status == MAPLE_BAD_INPUT)
            hint_at_tables(&t, error);
    }
    while (status == MAPLE_OK && (status = maple_csv_next(t.csv, &fields, error)) == MAPLE_OK && fields)
        status = read_row(&t, fields, error);
    if (status == MAPLE_OK)
        status = maple_csv_archs_check(&t.archs, error);
    if (status == MAPLE_OK)
        status = check_latencies(&t, error);
    if (status == MAPLE_OK)
        status = store(pool, &t, platform, error);
    if (status == MAPLE_OK && result) {
        *result = (maple_import_result){.platforms = 1, .skipped = t.unmeasured, .unmeasured = t.unmeasured};
        for (size_t i = 0; i < t.n; i++)
            ++*(isnan(t.rows[i].latency_ms) ? &result->skipped : &result->latencies);
    }
    maple_csv_archs_close(&t.archs);
    maple_csv_close(t.csv);
    maple_free(t.rows);
    return status;
}
