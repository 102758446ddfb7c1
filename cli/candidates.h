/* SPDX-License-Identifier: Apache-2.0 */
/* maple candidates: what was chosen (candidates.c), and how it is shown (candidates_output.c). */
#ifndef MAPLE_CLI_CANDIDATES_H
#define MAPLE_CLI_CANDIDATES_H

#include "evaluate.h"

#include "maple/search.h"

enum { CLI_MOST_BUDGETS = 16 };

/* Of one budget, over draws; sums until the end. */
typedef struct cli_chosen {
    double latency_ms, latency_square, accuracy, accuracy_square;
    int chosen, violated; /* draws in which there was a choice, and in which it takes longer than allowed */
    size_t accepted, accepted_violating; /* candidates that were predicted to meet it, in all draws together,
                                            and how many of them do not */
} cli_chosen;

typedef struct cli_choosing_row {
    const char *label;
    cli_chosen budgets[CLI_MOST_BUDGETS];
    double measured, adapt_s; /* different networks; adapting and predicting: sums over draws */
    double pretrain_s;        /* once for all draws; NaN where nothing is pre-trained */
    char reason[256];         /* why there is no choice: "" where there is one */
} cli_choosing_row;

typedef struct cli_choosing_job {
    const char *platform, *file, *predictors, *task, *leave_out_text, *confidence_text, *pool;
    maple_text limits;
    int samples, take, trials;
    uint64_t seed;
    bool flagged, markdown, json;
    cli_cache cache;
    /* what it is about */
    double confidence; /* 0: none was asked for */
    maple_leave_out leave_out;
    cli_contenders contenders;
    double budgets_ms[CLI_MOST_BUDGETS];
    size_t n_budgets;
    maple_candidates candidates;
    double *latency_ms; /* [candidates.n] measured */
    maple_pool *user;
    maple_dataset *dataset;
    size_t target;
    maple_splits splits;
    const size_t *sources; /* NULL: all others but what leave_out says */
    size_t n_sources;
    size_t oracle[CLI_MOST_BUDGETS];
    cli_choosing_row *rows; /* [contenders.n] */
} cli_choosing_job;

maple_status cli_candidates_print(const cli_choosing_job *job, maple_error *error);

#endif
