/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of the report on a platform, and what it shares with that on an evaluation. */
#ifndef MAPLE_REPORT_PARTS_H
#define MAPLE_REPORT_PARTS_H

#include "maple/report.h"
#include "report/html.h"

/* How many labels, how far their runs spread, how they repeat, which are flagged; their distribution. */
maple_status report_add_latencies(html *h, const maple_report_platform *r, maple_error *error);
/* Latency and counters of every operator. */
maple_status report_add_operators(html *h, const maple_report_platform *r, maple_error *error);
/* The nearest platforms, and the map. */
maple_status report_add_distances(html *h, const maple_report_platform *r, maple_error *error);
/* The commands that measure it again. */
maple_status report_add_commands(html *h, const maple_report_platform *r, maple_error *error);
/* The command that writes the platform's latencies from the pool that has it. */
void report_add_export(maple_text *to, const maple_report_platform *r);

/* --- Tables of how well latencies are predicted (part_metrics.c) --- */

/* Begins one: columns of its own (`columns` as for html_table: "wn"), those of the metrics, and where it is
 * not NULL a last one of numbers. */
void report_table(html *h, const char *const *first, const char *columns, const char *last);
/* How many columns the metrics take. */
enum { REPORT_METRIC_COLUMNS = 8 };
/* The cells of one line; sd: of acc10 and Spearman (NaN where there is none), or NULL. */
void report_cells(html *h, const maple_metrics *mean, const maple_metrics *sd);
/* What the columns are, after `before` on those of its own. */
void report_explain(html *h, const char *before);

#endif
