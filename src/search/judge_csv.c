/* SPDX-License-Identifier: Apache-2.0 */
/* Judges from CSV files: a score for each architecture, or for each operator at each position. */
#include "pool/csv_archs.h"
#include "search/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- position,op,score --- */

/* Its number, or its name. */
static maple_status parse_op(const maple_judge *judge, maple_csv *csv, const maple_csv_field *field, int *out,
                             maple_error *error) {
    int ops = maple_space_ops(judge->space);
    for (int i = 0; i < ops; i++) {
        if (strcmp(maple_space_op_name(judge->space, i), field->text) == 0) {
            *out = i;
            return MAPLE_OK;
        }
    }
    if (field->length > 0 && strspn(field->text, "0123456789") == field->length)
        return maple_csv_integer(csv, field, 0, ops - 1, out, error);
    maple_text names = {0};
    for (int i = 0; i < ops; i++)
        maple_text_addf(&names, "%s%s", i > 0 ? ", " : "", maple_space_op_name(judge->space, i));
    maple_status status =
        maple_csv_fail(csv, field, error, "no operator '%.40s' in %s; there is: %s", field->text,
                       maple_space_name(judge->space), names.data ? names.data : "");
    maple_text_free(&names);
    return status;
}

static maple_status read_entry(maple_judge *judge, maple_csv *csv, const maple_csv_field *fields,
                               const int *columns, maple_error *error) {
    int position, op;
    double value;
    maple_status status = maple_csv_integer(csv, &fields[columns[0]], 0,
                                            maple_space_positions(judge->space) - 1, &position, error);
    if (status == MAPLE_OK)
        status = parse_op(judge, csv, &fields[columns[1]], &op, error);
    if (status == MAPLE_OK)
        status = maple_csv_number(csv, &fields[columns[2]], &value, error);
    if (status != MAPLE_OK)
        return status;
    double *entry = &judge->table[position * maple_space_ops(judge->space) + op];
    if (!isnan(*entry))
        return maple_csv_fail(csv, &fields[columns[1]], error,
                              "operator %s at position %d again: keep one of the lines",
                              maple_space_op_name(judge->space, op), position);
    *entry = value;
    return MAPLE_OK;
}

static maple_status check_complete(const maple_judge *judge, const char *path, maple_error *error) {
    int ops = maple_space_ops(judge->space), all = maple_space_positions(judge->space) * ops, missing = 0;
    int first = -1;
    for (int i = 0; i < all; i++) {
        if (!isnan(judge->table[i]))
            continue;
        missing++;
        first = first < 0 ? i : first;
    }
    if (missing == 0)
        return MAPLE_OK;
    return maple_error_set(error, MAPLE_BAD_INPUT,
                           "%s: %d of %d scores are missing, the first of operator %s at position %d: a line "
                           "for each operator at each position of %s is expected",
                           path, missing, all, maple_space_op_name(judge->space, first % ops), first / ops,
                           maple_space_name(judge->space));
}

/* `wanted`: the column that was named, or NULL. */
static maple_status read_table(maple_judge *judge, maple_csv *csv, const char *path, const char *wanted,
                               maple_error *error) {
    static const char *const NAMES[] = {"position", "op", "score"};
    int columns[3];
    size_t n_header, n = (size_t)maple_space_positions(judge->space) * (size_t)maple_space_ops(judge->space);
    const maple_csv_field *fields;
    maple_status status = maple_csv_columns(csv, NAMES, 3, 3, columns, error);
    if (status == MAPLE_OK && wanted && strcmp(wanted, "score") != 0)
        status = maple_csv_fail(csv, maple_csv_header(csv, &n_header), error,
                                "--score %.60s: a table by position and operator has one score, in the "
                                "column 'score'; leave --score out",
                                wanted);
    if (status != MAPLE_OK)
        return status;
    judge->table = maple_alloc(n, sizeof *judge->table);
    if (!judge->table)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        judge->table[i] = NAN;
    while ((status = maple_csv_next(csv, &fields, error)) == MAPLE_OK && fields) {
        status = read_entry(judge, csv, fields, columns, error);
        if (status != MAPLE_OK)
            return status;
    }
    return status == MAPLE_OK ? check_complete(judge, path, error) : status;
}

/* --- arch,score --- */

/* Which of the table's columns is meant: the one named `wanted`, else the only one with numbers. */
static maple_status choose_column(const maple_csv_table *t, const char *wanted, bool needed, size_t *out,
                                  maple_error *error) {
    size_t numbers = 0;
    for (size_t i = 0; i < t->n_columns; i++) {
        if (strcmp(maple_csv_table_header(t, i)->text, wanted) == 0) {
            *out = i;
            return MAPLE_OK;
        }
    }
    for (size_t i = 0; i < t->n_columns; i++) {
        if (t->has_numbers[i]) {
            numbers++;
            *out = i;
        }
    }
    if (!needed && numbers == 1)
        return MAPLE_OK;
    return maple_csv_fail(t->csv, maple_csv_table_header(t, 0), error,
                          numbers == 0 ? "no column holds a number: there are no scores"
                          : needed
                              ? "no column '%.60s' among these (--score NAME)"
                              : "which column holds the scores? --score NAME says it, or call it '%.60s'",
                          wanted);
}

static maple_status take_column(maple_judge *judge, const maple_csv_table *t, size_t column,
                                maple_error *error) {
    size_t n = t->archs.n;
    double *values = maple_alloc(n, sizeof *values);
    judge->values = maple_alloc(n, sizeof *judge->values);
    maple_status status = values && judge->values ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK && maple_csv_table_column(t, column, values) == 0)
        status = maple_csv_fail(t->csv, maple_csv_table_header(t, column), error, "no number in this column");
    if (status == MAPLE_OK)
        status = maple_arch_index_create(judge->space, n, &judge->listed, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        if (!isnan(values[i]))
            judge->values[maple_arch_index_add(&judge->listed, &t->archs.archs[i])] = values[i];
    maple_free(values);
    return status;
}

static maple_status name_column(maple_judge *judge, const char *column, const char *path,
                                maple_error *error) {
    maple_text name = {0};
    maple_text_addf(&name, "%s of %s", column, path);
    if (name.failed) {
        maple_text_free(&name);
        return maple_error_memory(error);
    }
    maple_free(judge->name);
    judge->name = name.data;
    return MAPLE_OK;
}

static maple_status read_list(maple_judge *judge, maple_pool *pool, const char *path, const char *column,
                              maple_error *error) {
    maple_csv_table table;
    maple_csv_wish wish = {.text_allowed = true};
    size_t chosen = 0;
    maple_status status = maple_csv_table_open(&table, path, pool, judge->space, &wish, error);
    if (status == MAPLE_OK)
        status = choose_column(&table, column ? column : "score", column != NULL, &chosen, error);
    if (status == MAPLE_OK)
        status = name_column(judge, maple_csv_table_header(&table, chosen)->text, path, error);
    if (status == MAPLE_OK)
        status = take_column(judge, &table, chosen, error);
    maple_csv_table_close(&table);
    return status;
}

/* --- Both --- */

static bool has_positions(maple_csv *csv) {
    size_t n;
    const maple_csv_field *header = maple_csv_header(csv, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(header[i].text, "position") == 0)
            return true;
    return false;
}

maple_status maple_judge_from_csv(const maple_space *space, maple_pool *pool, const char *path,
                                  const char *column, maple_judge **out, maple_error *error) {
    if (strcmp(path, "-") == 0)
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "scores cannot come from standard input: name a file, or a command that scores");
    maple_csv *csv = NULL;
    maple_judge *judge = maple_alloc(1, sizeof *judge);
    if (!judge)
        return maple_error_memory(error);
    *judge = (maple_judge){.space = space, .name = maple_strdup(path)};
    maple_status status = judge->name ? maple_csv_open(path, &csv, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = has_positions(csv) ? read_table(judge, csv, path, column, error)
                                    : read_list(judge, pool, path, column, error);
    maple_csv_close(csv);
    if (status == MAPLE_OK)
        *out = judge;
    else
        maple_judge_free(judge);
    return status;
}
