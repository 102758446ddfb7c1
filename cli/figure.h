/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of `maple figure` and `maple report` share. */
#ifndef MAPLE_CLI_FIGURE_H
#define MAPLE_CLI_FIGURE_H

#include "evaluate.h"

#include "maple/report.h"

/* --output and --title. */
void cli_figure_options(maple_figure_output *output, cli_options *options);
/* --output is there. */
maple_status cli_figure_check(const maple_figure_output *output, maple_error *error);
/* After a figure was drawn: names its files (on stdout). */
maple_status cli_figure_say(const maple_figure_output *output, maple_error *error);

/* --- Predictors on the measured networks of a platform (predicting.c) --- */

typedef struct cli_predicting {
    const char *platform, *predictors, *leave_out, *space_name, *pool;
    int samples;
    uint64_t seed;
    bool flagged;
    cli_cache cache;
} cli_predicting;

/* --predictor --samples --leave-out --seed --cache --flagged --space --pool; --platform. */
void cli_predicting_options(cli_predicting *what, cli_options *options);

typedef struct cli_predicted {
    maple_figure_predictions *series; /* [n], over the measured networks that were not samples */
    maple_metrics *metrics;           /* [n] */
    size_t n;
    char learned_from[200];
    cli_contenders contenders; /* the labels live in it */
    maple_arch *archs;         /* [n_archs] of all series */
    double *measured_ms;
    double **predicted_ms; /* [n][n_archs] */
} cli_predicted;

/* Every predictor learns from the same `samples` random networks of the platform and from the other
 * platforms, and predicts those that run another graph than these. *out is freed by cli_predicted_free in any
 * case. */
maple_status cli_predict_measured(cli_predicting *what, const maple_dataset *dataset, cli_predicted *out,
                                  maple_error *error);
void cli_predicted_free(cli_predicted *predicted);

#endif
