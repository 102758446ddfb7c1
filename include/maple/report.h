/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h: what was measured, or how well it is predicted, as one HTML file that needs nothing else: no
 * network, no script, figures inline as SVG.
 */
#ifndef MAPLE_REPORT_H
#define MAPLE_REPORT_H

#include "maple/figure.h"

/* --- Rows of an evaluation, as `maple evaluate --json` and `--csv` print them --- */

typedef struct maple_report_row {
    maple_evaluation_row row; /* of the metrics, sd has acc10 and spearman only (the rest is NaN) */
    char space[32], sampler[64];
    double train_archs;  /* INFINITY: all */
    char seed[24];       /* "": not told (CSV, older files) */
    const char *command; /* that evaluated; NULL: not told. One of maple_report_rows.commands */
} maple_report_row;

typedef struct maple_report_rows {
    maple_report_row *items;
    size_t n;
    char **commands; /* [n_commands] that the rows are of, each once, in their order */
    size_t n_commands;
} maple_report_rows;

/* Appends the rows of a file (JSON where it begins with '['; of CSV each line is a row with one scoring set).
 * MAPLE_BAD_INPUT with the file and the place of what is not such a row; nothing is appended then. */
maple_status maple_report_rows_read(const char *path, maple_report_rows *rows, maple_error *error);
void maple_report_rows_free(maple_report_rows *rows);

/* --- Curves of them --- */

typedef struct maple_report_curves {
    const char *x;      /* "samples", "measured", "train_archs", "sources" */
    const char *metric; /* "acc10", "acc5", "acc1", "spearman", "kendall", "mape", "coverage90" */
    maple_scoring scoring;
    const char *task;   /* NULL: the only one that there is */
    const char *target; /* NULL: the mean over targets */
} maple_report_curves;

/* Draws one curve for each predictor. Rows of one predictor and x (of other seeds: other files) are averaged;
 * the bar is then their standard deviation, else that of the row's trials. MAPLE_BAD_INPUT where rows do not
 * fit together: more than one task and none chosen, no row of that scoring set. */
maple_status maple_report_draw_curves(const maple_report_rows *rows, const maple_report_curves *what,
                                      const maple_figure_output *output, maple_error *error);

/* --- Reports --- */

typedef struct maple_report_quality {
    const maple_figure_predictions *series; /* [n] predictors */
    const maple_metrics *metrics;           /* [n] */
    size_t n, samples;
    uint64_t seed;
    const char *learned_from; /* one line: which platforms it learned from */
} maple_report_quality;

typedef struct maple_report_platform {
    maple_pool *pool; /* that has it */
    const maple_space *space;
    maple_platform platform;
    const maple_dataset *dataset;        /* with the platform and those that it is compared with */
    const maple_report_quality *quality; /* NULL: not asked for */
    const char *command;                 /* that makes this report again */
    const char *gnuplot;                 /* NULL: on $PATH */
    bool bundled;                        /* `pool` is the one that came with maple ... */
    const char *pool_file;               /* ... else as commands name it (--pool); NULL: the default one */
} maple_report_platform;

/* *html is freed by maple_text_free. Without gnuplot the report has no figures, and says so. Figures are
 * drawn in a temporary folder. */
maple_status maple_report_of_platform(const maple_report_platform *request, maple_text *html,
                                      maple_error *error);

typedef struct maple_report_evaluation {
    const maple_report_rows *rows;
    const char *source; /* the file they came from */
    maple_scoring scoring;
    const char *command, *gnuplot;
} maple_report_evaluation;

maple_status maple_report_of_evaluation(const maple_report_evaluation *request, maple_text *html,
                                        maple_error *error);

#endif
