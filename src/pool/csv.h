/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv.h: a reader of CSV tables for the importers: RFC 4180 quotes, LF or CRLF, an UTF-8 byte-order mark, no
 * final line end, empty lines. Every error says FILE:LINE:COLUMN (bytes, 1-based) of what was not understood.
 */
#ifndef MAPLE_POOL_CSV_H
#define MAPLE_POOL_CSV_H

#include "maple/base.h"

typedef struct maple_csv maple_csv;

typedef struct maple_csv_field {
    const char *text; /* without quotes, NUL-terminated; lives until the reader is closed */
    size_t length;
    int line, column; /* where it starts */
} maple_csv_field;

/* "-" is stdin; the file may be packed with gzip. Reads the header too. */
maple_status maple_csv_open(const char *path, maple_csv **out, maple_error *error);
/* A table in memory, under the name that errors shall have; `data` is copied. */
maple_status maple_csv_open_text(const char *name, const char *data, size_t bytes, maple_csv **out,
                                 maple_error *error);
void maple_csv_close(maple_csv *csv);

/* The names of the columns; lives until the reader is closed. */
const maple_csv_field *maple_csv_header(const maple_csv *csv, size_t *n);

/* columns[i]: where `names[i]` stands in the header, or -1. The first `required` must be there; none twice.
 */
maple_status maple_csv_columns(maple_csv *csv, const char *const *names, size_t n, size_t required,
                               int *columns, maple_error *error);

/* The next record, with as many fields as the header; NULL at the end. Valid until the next call. */
maple_status maple_csv_next(maple_csv *csv, const maple_csv_field **fields, maple_error *error);

/* A finite decimal number, whatever the locale is. */
maple_status maple_csv_number(const maple_csv *csv, const maple_csv_field *field, double *out,
                              maple_error *error);
/* A decimal integer between `low` and `high`. */
maple_status maple_csv_integer(const maple_csv *csv, const maple_csv_field *field, int low, int high,
                               int *out, maple_error *error);

/* "FILE:LINE:COLUMN: message"; MAPLE_BAD_INPUT. */
maple_status maple_csv_fail(const maple_csv *csv, const maple_csv_field *field, maple_error *error,
                            const char *format, ...) MAPLE_PRINTF(4, 5);
/* Puts "FILE:LINE:COLUMN: " before the message of *error. */
maple_status maple_csv_locate(const maple_csv *csv, const maple_csv_field *field, maple_status status,
                              maple_error *error);

#endif
