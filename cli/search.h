/* SPDX-License-Identifier: Apache-2.0 */
/* What maple search consists of: how it is set up (search_setup.c), and what it prints (search_output.c). */
#ifndef MAPLE_CLI_SEARCH_H
#define MAPLE_CLI_SEARCH_H

#include "cli.h"

typedef struct cli_searching {
    /* options */
    cli_fitting fitting;
    cli_scoring scoring;
    maple_text platforms, models, limits; /* lists, with commas */
    const char *latencies, *confidence, *algorithm;
    int evaluations, population, best, verify;
    bool front, json;
    bool space_given, samples_given;
    double limit_ms[MAPLE_SEARCH_PLATFORMS]; /* one for each platform, or one for all */
    size_t n_limits;
    /* what it is about */
    const maple_space *space;
    maple_pool *user;
    maple_dataset *dataset; /* NULL where models are all there is */
    maple_judge *judge;
    maple_search_request request;
    maple_search_platform targets[MAPLE_SEARCH_PLATFORMS];
    maple_predictor *predictors[MAPLE_SEARCH_PLATFORMS];
    char *names[MAPLE_SEARCH_PLATFORMS]; /* of those that a model is for */
    size_t n_targets;
    maple_search_result result;
    int *index;              /* [result.n] */
    maple_latency *verified; /* [targets x n_verify], with a reason where it was not measured */
    size_t n_verify;         /* of the results, the first ones; 0: none */
    /* Of these: measured, of which violations are too slow somewhere; failed: nobody knows. */
    size_t n_verified, violations, failed;
} cli_searching;

/* Platforms with their latencies, the judge, and the request. */
maple_status cli_search_prepare(cli_searching *s, maple_error *error);
void cli_search_free(cli_searching *s);
/* Counts what verifying has shown. */
void cli_search_count(cli_searching *s);
maple_status cli_search_print(const cli_searching *s, maple_error *error);

#endif
