/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of an evaluation as they are read from files. */
#ifndef MAPLE_REPORT_ROWS_H
#define MAPLE_REPORT_ROWS_H

#include "maple/report.h"

/* Metrics under the names that `maple evaluate` gives them; offset: of a double in maple_score. */
typedef struct report_column {
    const char *name;
    size_t offset;
} report_column;

enum { REPORT_N_METRICS = 12 };
extern const report_column REPORT_METRICS[REPORT_N_METRICS];

/* All unknown. */
void report_clear_row(maple_report_row *row);
/* A cleared row; NULL where memory is short (*error says so). */
maple_report_row *report_append_row(maple_report_rows *rows, maple_error *error);
maple_status report_read_csv(const char *path, const char *data, size_t bytes, maple_report_rows *rows,
                             maple_error *error);

#endif
