/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv_archs.h: which architecture each line of a table is about, and (where wanted) a number in each of its
 * other columns. An architecture stands in the column `arch`, `arch_str` or `ops` (the first of them that
 * there is); beside it, or alone, `index` is its canonical index. Alone it needs a pool that knows the index.
 */
#ifndef MAPLE_POOL_CSV_ARCHS_H
#define MAPLE_POOL_CSV_ARCHS_H

#include "pool/csv.h"
#include "pool/pool_internal.h"

typedef struct maple_csv_archs {
    maple_csv *csv; /* not owned */
    const maple_space *space;
    int arch_column, index_column; /* -1 where there is none; not both */
    maple_arch *archs;
    int *index;                          /* -1 where the table has none */
    maple_csv_field *arch_at, *index_at; /* where they stand, for errors found later */
    size_t n, capacity;
    maple_arch *known; /* what the pool knows, by index: for tables without architectures */
    int *known_index;
    size_t n_known;
} maple_csv_archs;

/* Finds the columns. `pool` is asked for indices where only `index` is there; NULL: then that is an error. */
maple_status maple_csv_archs_open(maple_csv_archs *archs, maple_csv *csv, maple_pool *pool,
                                  const maple_space *space, maple_error *error);
void maple_csv_archs_close(maple_csv_archs *archs);
/* Takes the architecture of one line. */
maple_status maple_csv_archs_add(maple_csv_archs *archs, const maple_csv_field *fields, maple_error *error);
/* After the last line: there was one, and no architecture twice. */
maple_status maple_csv_archs_check(const maple_csv_archs *archs, maple_error *error);
/* Stores the indices that the table has. */
maple_status maple_csv_archs_put_indices(const maple_csv_archs *archs, maple_pool *pool, maple_error *error);

/* --- A table of numbers --- */

typedef struct maple_csv_table {
    maple_csv *csv;
    maple_csv_archs archs;
    size_t n_columns;
    int *columns;          /* [n_columns] where they stand in the header */
    double *values;        /* [archs.n x n_columns]; NaN where a field is empty or text */
    size_t capacity;       /* lines */
    bool *has_numbers;     /* [n_columns] */
    maple_csv_field *text; /* [n_columns] the first field that is no number; line 0 where there is none */
} maple_csv_table;

typedef struct maple_csv_wish {
    const char *const *columns; /* which; n_columns 0: all but those of the architecture */
    size_t n_columns;
    bool latencies;    /* every number is a latency, above 0 */
    bool text_allowed; /* columns of text without any number are fine: has_numbers tells */
    /* Looks at the header before the first line is read (NULL: nothing to see). */
    maple_status (*check)(const maple_csv_table *table, void *user, maple_error *error);
    void *user;
} maple_csv_wish;

/* Reads all of it. Closed by maple_csv_table_close, also after a failure. */
maple_status maple_csv_table_open(maple_csv_table *table, const char *path, maple_pool *pool,
                                  const maple_space *space, const maple_csv_wish *wish, maple_error *error);
void maple_csv_table_close(maple_csv_table *table);
/* The header's field of a column, and the values of all lines in it; returns how many are known. */
const maple_csv_field *maple_csv_table_header(const maple_csv_table *table, size_t column);
size_t maple_csv_table_column(const maple_csv_table *table, size_t column, double *values);

#endif
