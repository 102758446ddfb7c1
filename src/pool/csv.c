/* SPDX-License-Identifier: Apache-2.0 */
/* The CSV reader: the whole file in memory, fields unquoted in place. */
#include "pool/csv.h"
#include "pool/input.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct maple_csv {
    char *name, *data;
    size_t bytes, at, line_start;
    int line;
    maple_csv_field *fields, *header;
    size_t n_fields, n_header, capacity;
    locale_t locale; /* "C", so that a decimal point is one */
};

static int column_at(const maple_csv *csv, size_t at) {
    return (int)(at - csv->line_start) + 1;
}

static maple_status fail_at(const maple_csv *csv, int line, int column, maple_error *error,
                            const char *message) {
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s:%d:%d: %s", csv->name, line, column, message);
}

static maple_status fail_here(const maple_csv *csv, size_t at, maple_error *error, const char *message) {
    return fail_at(csv, csv->line, column_at(csv, at), error, message);
}

maple_status maple_csv_locate(const maple_csv *csv, const maple_csv_field *field, maple_status status,
                              maple_error *error) {
    return maple_error_prefix(error, status, "%s:%d:%d", csv->name, field->line, field->column);
}

maple_status maple_csv_fail(const maple_csv *csv, const maple_csv_field *field, maple_error *error,
                            const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return maple_csv_locate(csv, field, MAPLE_BAD_INPUT, error);
}

/* --- Fields --- */

/* Bytes of the UTF-8 character at `at`, 0 where there is none. */
static size_t utf8_length(const maple_csv *csv, size_t at) {
    const unsigned char *c = (const unsigned char *)csv->data + at;
    size_t left = csv->bytes - at, length = c[0] < 0x80 ? 1 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    if (c[0] == 0 || (c[0] >= 0x80 && c[0] < 0xc2) || c[0] > 0xf4 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    bool surrogate = c[0] == 0xed && c[1] >= 0xa0, beyond = c[0] == 0xf4 && c[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

static bool at_line_end(const maple_csv *csv) {
    return csv->at >= csv->bytes || csv->data[csv->at] == '\n' ||
           (csv->data[csv->at] == '\r' && csv->at + 1 < csv->bytes && csv->data[csv->at + 1] == '\n');
}

static void skip_line_end(maple_csv *csv) {
    if (csv->at >= csv->bytes)
        return;
    csv->at += csv->data[csv->at] == '\r' ? 2 : 1;
    csv->line++;
    csv->line_start = csv->at;
}

/* Copies the character at csv->at to *to and goes on. */
static maple_status copy_character(maple_csv *csv, size_t *to, maple_error *error) {
    size_t length = utf8_length(csv, csv->at);
    if (length == 0)
        return fail_here(csv, csv->at, error,
                         csv->data[csv->at] ? "not UTF-8: save the file as UTF-8"
                                            : "a byte 0: this is no text file");
    memmove(csv->data + *to, csv->data + csv->at, length);
    csv->at += length;
    *to += length;
    return MAPLE_OK;
}

static maple_status read_quoted(maple_csv *csv, maple_csv_field *field, size_t *end, maple_error *error) {
    size_t to = ++csv->at;
    field->text = csv->data + to;
    for (;;) {
        if (csv->at >= csv->bytes)
            return fail_at(csv, field->line, field->column, error, "this quote is never closed");
        bool quote = csv->data[csv->at] == '"';
        if (quote && (csv->at + 1 >= csv->bytes || csv->data[csv->at + 1] != '"'))
            break;
        csv->at += quote; /* the second of two is the one that counts */
        bool new_line = csv->data[csv->at] == '\n';
        maple_status status = copy_character(csv, &to, error);
        if (status != MAPLE_OK)
            return status;
        if (new_line) {
            csv->line++;
            csv->line_start = csv->at;
        }
    }
    csv->at++;
    if (!at_line_end(csv) && csv->data[csv->at] != ',')
        return fail_here(
            csv, csv->at, error,
            "text after the closing quote: a comma or the end of the line is expected (a quote inside "
            "quotes is written twice)");
    *end = to;
    return MAPLE_OK;
}

static maple_status read_plain(maple_csv *csv, maple_csv_field *field, size_t *end, maple_error *error) {
    size_t to = csv->at;
    field->text = csv->data + to;
    while (!at_line_end(csv) && csv->data[csv->at] != ',') {
        if (csv->data[csv->at] == '"')
            return fail_here(csv, csv->at, error,
                             "a quote inside a field that does not start with one: quote the whole field");
        if (csv->data[csv->at] == '\r')
            return fail_here(csv, csv->at, error,
                             "a carriage return without a line feed: end lines with LF or CRLF");
        maple_status status = copy_character(csv, &to, error);
        if (status != MAPLE_OK)
            return status;
    }
    *end = to;
    return MAPLE_OK;
}

static maple_status add_field(maple_csv *csv, maple_csv_field **out, maple_error *error) {
    if (csv->n_fields == csv->capacity) {
        size_t capacity = csv->capacity ? csv->capacity * 2 : 16;
        maple_csv_field *larger = maple_resize(csv->fields, capacity, sizeof *larger);
        if (!larger)
            return maple_error_memory(error);
        csv->fields = larger;
        csv->capacity = capacity;
    }
    *out = &csv->fields[csv->n_fields++];
    **out = (maple_csv_field){.line = csv->line, .column = column_at(csv, csv->at)};
    return MAPLE_OK;
}

/* All fields up to and including the line end. A header of one column may have empty fields, so only it tells
 * an empty line from a record. */
static maple_status read_record(maple_csv *csv, maple_error *error) {
    csv->n_fields = 0;
    for (;;) {
        maple_csv_field *field = NULL;
        size_t end = 0;
        maple_status status = add_field(csv, &field, error);
        if (status != MAPLE_OK)
            return status;
        bool quoted = csv->at < csv->bytes && csv->data[csv->at] == '"';
        status = quoted ? read_quoted(csv, field, &end, error) : read_plain(csv, field, &end, error);
        if (status != MAPLE_OK)
            return status;
        field->length = (size_t)(csv->data + end - field->text);
        bool more = csv->at < csv->bytes && csv->data[csv->at] == ',';
        if (csv->n_header && csv->n_fields > csv->n_header)
            return maple_csv_fail(csv, field, error, "field %zu, where the header has %zu columns",
                                  csv->n_fields, csv->n_header);
        int line = csv->line, column = column_at(csv, csv->at);
        if (more)
            csv->at++;
        else
            skip_line_end(csv);
        csv->data[end] = '\0'; /* the delimiter was read; the buffer has one byte more than the file */
        if (more)
            continue;
        if (csv->n_fields < csv->n_header) {
            maple_csv_field missing = {.line = line, .column = column};
            return maple_csv_fail(csv, &missing, error, "the line ends after %zu of %zu fields",
                                  csv->n_fields, csv->n_header);
        }
        return MAPLE_OK;
    }
}

static void skip_empty_lines(maple_csv *csv) {
    while (csv->at < csv->bytes && at_line_end(csv))
        skip_line_end(csv);
}

maple_status maple_csv_next(maple_csv *csv, const maple_csv_field **fields, maple_error *error) {
    skip_empty_lines(csv);
    if (csv->at >= csv->bytes) {
        *fields = NULL;
        return MAPLE_OK;
    }
    maple_status status = read_record(csv, error);
    if (status == MAPLE_OK)
        *fields = csv->fields;
    return status;
}

/* --- Opening --- */

static maple_status read_header(maple_csv *csv, maple_error *error) {
    const unsigned char *start = (const unsigned char *)csv->data;
    if (csv->bytes >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0)
        csv->at = csv->line_start = 3;
    skip_empty_lines(csv);
    if (csv->at >= csv->bytes)
        return fail_at(csv, 1, 1, error, "the file is empty: a header line is expected");
    maple_status status = read_record(csv, error);
    if (status != MAPLE_OK)
        return status;
    csv->header = maple_alloc(csv->n_fields, sizeof *csv->header);
    if (!csv->header)
        return maple_error_memory(error);
    memcpy(csv->header, csv->fields, csv->n_fields * sizeof *csv->header);
    csv->n_header = csv->n_fields;
    return MAPLE_OK;
}

/* Takes `data`, which has a NUL after its last byte. */
static maple_status open_owned(const char *name, char *data, size_t bytes, maple_csv **out,
                               maple_error *error) {
    maple_csv *csv = maple_alloc(1, sizeof *csv);
    if (!csv) {
        maple_free(data);
        return maple_error_memory(error);
    }
    csv->data = data;
    csv->bytes = bytes;
    csv->line = 1;
    csv->name = maple_strdup(name);
    csv->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    maple_status status = MAPLE_OK;
    if (!csv->name || !csv->locale)
        status = maple_error_memory(error);
    else if (bytes > INT_MAX)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: larger than 2 GiB", name);
    else
        status = read_header(csv, error);
    if (status != MAPLE_OK) {
        maple_csv_close(csv);
        return status;
    }
    *out = csv;
    return MAPLE_OK;
}

maple_status maple_csv_open_text(const char *name, const char *data, size_t bytes, maple_csv **out,
                                 maple_error *error) {
    char *copy = maple_alloc(bytes + 1, 1);
    if (!copy)
        return maple_error_memory(error);
    memcpy(copy, data, bytes);
    return open_owned(name, copy, bytes, out, error);
}

maple_status maple_csv_open(const char *path, maple_csv **out, maple_error *error) {
    char *data;
    size_t bytes;
    maple_status status = maple_input_read(path, &data, &bytes, error);
    return status == MAPLE_OK ? open_owned(maple_input_name(path), data, bytes, out, error) : status;
}

void maple_csv_close(maple_csv *csv) {
    if (!csv)
        return;
    if (csv->locale)
        freelocale(csv->locale);
    maple_free(csv->fields);
    maple_free(csv->header);
    maple_free(csv->name);
    maple_free(csv->data);
    maple_free(csv);
}

const maple_csv_field *maple_csv_header(const maple_csv *csv, size_t *n) {
    *n = csv->n_header;
    return csv->header;
}

maple_status maple_csv_columns(maple_csv *csv, const char *const *names, size_t n, size_t required,
                               int *columns, maple_error *error) {
    for (size_t i = 0; i < n; i++) {
        columns[i] = -1;
        for (size_t k = 0; k < csv->n_header; k++) {
            if (strcmp(csv->header[k].text, names[i]) != 0)
                continue;
            if (columns[i] >= 0)
                return maple_csv_fail(csv, &csv->header[k], error, "a second column '%s'", names[i]);
            columns[i] = (int)k;
        }
        if (columns[i] >= 0 || i >= required)
            continue;
        maple_text has = {0};
        for (size_t k = 0; k < csv->n_header; k++)
            maple_text_addf(&has, "%s'%.40s'", k ? ", " : "", csv->header[k].text);
        maple_status status =
            maple_csv_fail(csv, &csv->header[0], error, "the header has no column '%s' (it has %s)", names[i],
                           has.data ? has.data : "");
        maple_text_free(&has);
        return status;
    }
    return MAPLE_OK;
}

/* --- Numbers --- */

maple_status maple_csv_number(const maple_csv *csv, const maple_csv_field *field, double *out,
                              maple_error *error) {
    /* strtod also takes "nan", "inf", hexadecimals and leading blanks; a table has none of them. */
    char *end = NULL;
    bool plain = field->length > 0 && strspn(field->text, "0123456789.eE+-") == field->length;
    double value = plain ? strtod_l(field->text, &end, csv->locale) : NAN;
    if (!plain || *end)
        return maple_csv_fail(csv, field, error, "'%.60s' is not a number", field->text);
    if (!isfinite(value))
        return maple_csv_fail(csv, field, error, "%.60s is too large", field->text);
    *out = value;
    return MAPLE_OK;
}

maple_status maple_csv_integer(const maple_csv *csv, const maple_csv_field *field, int low, int high,
                               int *out, maple_error *error) {
    bool plain = field->length > 0 && strspn(field->text + (field->text[0] == '-'), "0123456789") ==
                                          field->length - (field->text[0] == '-');
    errno = 0;
    long value = plain ? strtol(field->text, NULL, 10) : 0;
    if (!plain || strcmp(field->text, "-") == 0)
        return maple_csv_fail(csv, field, error, "'%.60s' is not a whole number", field->text);
    if (errno || value < low || value > high)
        return maple_csv_fail(csv, field, error, "%.60s is not between %d and %d", field->text, low, high);
    *out = (int)value;
    return MAPLE_OK;
}
