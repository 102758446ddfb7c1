/* SPDX-License-Identifier: Apache-2.0 */
/* A wide table of latencies: each column becomes a platform. */
#include "pool/input.h"
#include "pool/csv_archs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static maple_status check_names(const maple_csv_table *t, void *user, maple_error *error) {
    (void)user;
    for (size_t i = 0; i < t->n_columns; i++) {
        const maple_csv_field *name = maple_csv_table_header(t, i);
        if (strcmp(name->text, "latency_ms") == 0)
            return maple_csv_fail(t->csv, name, error,
                                  "a column 'latency_ms' is the latency of one platform: name the platform "
                                  "(--platform NAME)");
        if (name->length >= sizeof((maple_platform){0}).name || strlen(name->text) != name->length)
            return maple_csv_fail(t->csv, name, error, "'%.40s...' is not the name of a platform",
                                  name->text);
        for (size_t k = 0; k < i; k++)
            if (strcmp(maple_csv_table_header(t, k)->text, name->text) == 0)
                return maple_csv_fail(t->csv, name, error, "a second column '%s'", name->text);
    }
    return MAPLE_OK;
}

static maple_status store_column(maple_pool *pool, const maple_csv_table *t, size_t column,
                                 const maple_platform *template_, double *values, maple_latency *rows,
                                 maple_import_result *result, maple_error *error) {
    const maple_csv_field *name = maple_csv_table_header(t, column);
    size_t known = maple_csv_table_column(t, column, values), n = 0;
    result->skipped += t->archs.n - known;
    if (known == 0)
        return MAPLE_OK; /* a platform without any latency is none */
    maple_platform platform = *template_;
    snprintf(platform.name, sizeof platform.name, "%s", name->text);
    if (!platform.device[0]) /* a name may be longer */
        snprintf(platform.device, sizeof platform.device, "%.*s", (int)sizeof platform.device - 1,
                 name->text);
    maple_pool_complete_platform(&platform);
    for (size_t i = 0; i < t->archs.n; i++) {
        if (isnan(values[i]))
            continue;
        rows[n].arch = t->archs.archs[i];
        rows[n++].latency_ms = values[i];
    }
    maple_status status = maple_pool_add_platform(pool, &platform, NULL, error);
    if (status != MAPLE_OK)
        return maple_csv_locate(t->csv, name, status == MAPLE_BAD_ARGUMENT ? MAPLE_BAD_INPUT : status, error);
    result->platforms++;
    result->latencies += n;
    return maple_pool_put_latencies(pool, platform.id, t->archs.space, rows, n, error);
}

static maple_status store(maple_pool *pool, const char *path, const maple_csv_table *t,
                          const maple_platform *template_, maple_import_result *result, maple_error *error) {
    maple_latency *rows = maple_alloc(t->archs.n, sizeof *rows);
    double *values = maple_alloc(t->archs.n, sizeof *values);
    maple_status status = rows && values ? maple_pool_begin_write(pool, error) : maple_error_memory(error);
    if (status != MAPLE_OK)
        goto done;
    for (size_t i = 0; i < t->archs.n; i++)
        rows[i].mean_ms = rows[i].min_ms = rows[i].sd_ms = NAN;
    for (size_t i = 0; status == MAPLE_OK && i < t->n_columns; i++)
        status = store_column(pool, t, i, template_, values, rows, result, error);
    if (status == MAPLE_OK)
        status = maple_csv_archs_put_indices(&t->archs, pool, error);
    if (status == MAPLE_OK && result->latencies == 0)
        status =
            maple_error_set(error, MAPLE_BAD_INPUT, "%s: no column holds a latency", maple_input_name(path));
    status = maple_pool_end(pool, status, error);
done:
    maple_free(rows);
    maple_free(values);
    return status;
}

maple_status maple_pool_import_table(maple_pool *pool, const char *path, const maple_space *space,
                                     const maple_platform *template_, const char *const *columns,
                                     size_t n_columns, maple_import_result *result, maple_error *error) {
    const maple_csv_wish wish = {
        .columns = columns, .n_columns = n_columns, .latencies = true, .check = check_names};
    maple_csv_table table;
    maple_import_result counted = {0};
    maple_status status = maple_csv_table_open(&table, path, pool, space, &wish, error);
    if (status == MAPLE_OK)
        status = store(pool, path, &table, template_, &counted, error);
    if (status == MAPLE_OK && result)
        *result = counted;
    maple_csv_table_close(&table);
    return status;
}
