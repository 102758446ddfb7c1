/* SPDX-License-Identifier: Apache-2.0 */
/* A table of numbers: architectures in its lines, one quantity a column. */
#include "pool/csv_archs.h"

#include <math.h>
#include <string.h>

const maple_csv_field *maple_csv_table_header(const maple_csv_table *table, size_t column) {
    size_t n;
    return &maple_csv_header(table->csv, &n)[table->columns[column]];
}

size_t maple_csv_table_column(const maple_csv_table *table, size_t column, double *values) {
    size_t known = 0;
    for (size_t i = 0; i < table->archs.n; i++) {
        values[i] = table->values[i * table->n_columns + column];
        known += isnan(values[i]) ? 0 : 1;
    }
    return known;
}

/* Those that are wished for, or all but the architecture's. */
static maple_status choose_columns(maple_csv_table *t, const maple_csv_wish *wish, maple_error *error) {
    size_t all;
    const maple_csv_field *header = maple_csv_header(t->csv, &all);
    enum { MOST_COLUMNS = 4096 };
    if (all > MOST_COLUMNS || wish->n_columns > MOST_COLUMNS)
        return maple_csv_fail(t->csv, &header[0], error, "%zu columns: %d are the most", all, MOST_COLUMNS);
    size_t most = wish->n_columns > all ? wish->n_columns : all;
    t->columns = maple_alloc(most, sizeof *t->columns);
    t->has_numbers = maple_alloc(most, sizeof *t->has_numbers);
    t->text = maple_alloc(most, sizeof *t->text);
    if (!t->columns || !t->has_numbers || !t->text)
        return maple_error_memory(error);
    if (wish->n_columns > 0) {
        t->n_columns = wish->n_columns;
        return maple_csv_columns(t->csv, wish->columns, wish->n_columns, wish->n_columns, t->columns, error);
    }
    for (size_t i = 0; i < all; i++)
        if ((int)i != t->archs.arch_column && (int)i != t->archs.index_column)
            t->columns[t->n_columns++] = (int)i;
    if (t->n_columns == 0)
        return maple_csv_fail(t->csv, &header[0], error,
                              "no column beside the architecture's: there is nothing to import");
    return MAPLE_OK;
}

static maple_status read_value(maple_csv_table *t, const maple_csv_wish *wish, size_t column,
                               const maple_csv_field *field, double *out, maple_error *error) {
    *out = NAN;
    if (field->length == 0)
        return MAPLE_OK;
    maple_status status = maple_csv_number(t->csv, field, out, error);
    if (status == MAPLE_OK) {
        t->has_numbers[column] = true;
        if (wish->latencies)
            status = maple_pool_check_latency(*out, NAN, NAN, NAN, 0, "", error);
        return status == MAPLE_OK ? status : maple_csv_locate(t->csv, field, status, error);
    }
    if (!wish->text_allowed)
        return status;
    if (t->text[column].line == 0)
        t->text[column] = *field;
    *out = NAN;
    return MAPLE_OK;
}

static maple_status read_line(maple_csv_table *t, const maple_csv_wish *wish, const maple_csv_field *fields,
                              maple_error *error) {
    size_t row = t->archs.n;
    if (row == t->capacity) {
        size_t capacity = t->capacity ? t->capacity * 2 : 1024;
        if (capacity > SIZE_MAX / t->n_columns)
            return maple_error_memory(error);
        double *larger = maple_resize(t->values, capacity * t->n_columns, sizeof *larger);
        if (!larger)
            return maple_error_memory(error);
        t->values = larger;
        t->capacity = capacity;
    }
    maple_status status = maple_csv_archs_add(&t->archs, fields, error);
    for (size_t i = 0; status == MAPLE_OK && i < t->n_columns; i++)
        status = read_value(t, wish, i, &fields[t->columns[i]], &t->values[row * t->n_columns + i], error);
    return status;
}

/* A column with numbers has nothing else: the first text in it is wrong. */
static maple_status check_texts(const maple_csv_table *t, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < t->n_columns; i++) {
        double number;
        if (t->text[i].line > 0 && t->has_numbers[i])
            status = maple_csv_number(t->csv, &t->text[i], &number, error);
    }
    return status;
}

maple_status maple_csv_table_open(maple_csv_table *t, const char *path, maple_pool *pool,
                                  const maple_space *space, const maple_csv_wish *wish, maple_error *error) {
    const maple_csv_field *fields = NULL;
    *t = (maple_csv_table){0};
    maple_status status = maple_csv_open(path, &t->csv, error);
    if (status == MAPLE_OK)
        status = maple_csv_archs_open(&t->archs, t->csv, pool, space, error);
    if (status == MAPLE_OK)
        status = choose_columns(t, wish, error);
    if (status == MAPLE_OK && wish->check)
        status = wish->check(t, wish->user, error);
    while (status == MAPLE_OK && (status = maple_csv_next(t->csv, &fields, error)) == MAPLE_OK && fields)
        status = read_line(t, wish, fields, error);
    if (status == MAPLE_OK)
        status = maple_csv_archs_check(&t->archs, error);
    return status == MAPLE_OK ? check_texts(t, error) : status;
}

void maple_csv_table_close(maple_csv_table *table) {
    maple_csv_archs_close(&table->archs);
    maple_csv_close(table->csv);
    maple_free(table->columns);
    maple_free(table->has_numbers);
    maple_free(table->text);
    maple_free(table->values);
}
