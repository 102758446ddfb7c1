/* SPDX-License-Identifier: Apache-2.0 */
/* maple evaluate: what its command line says (evaluate_arguments.c), what is learned from
 * (evaluate_splits.c), and how its rows are shown (evaluate_output.c). */
#ifndef MAPLE_CLI_EVALUATE_H
#define MAPLE_CLI_EVALUATE_H

#include "pool.h"

#include "maple/evaluate.h"

/* --- Arguments --- */

/* "a,b,c", cut into its parts. */
typedef struct cli_names {
    char *text;
    const char **items;
    size_t n;
} cli_names;

/* NULL text: no parts. An empty part: MAPLE_BAD_ARGUMENT with the option's name. */
maple_status cli_names_split(const char *text, const char *option, cli_names *out, maple_error *error);
void cli_names_free(cli_names *names);

/* "name", "name@900", "name:option=value:option=value", "name@900:option=value" and a comma between two.
 * text NULL: every registered predictor that is no oracle. */
typedef struct cli_contenders {
    cli_names labels, texts; /* as written; cut where names and options begin */
    maple_contender *items;
    size_t n;
} cli_contenders;

maple_status cli_contenders_parse(const char *text, cli_contenders *out, maple_error *error);
void cli_contenders_free(cli_contenders *contenders);
/* How many samples it learns from where the command says `samples`: its own number, where it has one. */
int cli_contender_samples(const maple_contender *contender, int samples);

/* Whole numbers from 0, all different. *out is freed by maple_free. */
maple_status cli_numbers_parse(const char *text, const char *option, int **out, size_t *n,
                               maple_error *error);
/* CPUs that this process may use. */
int cli_cores(void);

/* --- What is learned from (evaluate_splits.c) --- */

/* --known: of each target's sources only the first so many (0: all) of a shuffle, so that those of a smaller
 * number are among those of a larger one. */
maple_status cli_keep_known(size_t known, uint64_t seed, const maple_dataset *dataset, maple_splits *splits,
                            maple_error *error);
/* --train-archs: *out is how many architectures of each source are learned from (0: all that each has).
 * asked: what was said; -1: nothing, then 900, as in the papers, where the sources have so many in common. */
maple_status cli_choose_train_archs(long asked, const cli_contenders *contenders,
                                    const maple_dataset *dataset, const maple_splits *splits, size_t *out,
                                    maple_error *error);

/* --- Output --- */

/* Rows of one space. */
typedef struct cli_evaluated {
    const char *space;
    maple_evaluation_row *rows;
    size_t n, train_archs;
} cli_evaluated;

typedef struct cli_evaluation_view {
    maple_scoring scoring; /* of tables */
    bool per_target;       /* tables show the targets, too */
    const char *sampler;
} cli_evaluation_view;

/* What made the rows is in each of them: they can be put together with others. */
typedef struct cli_evaluation_origin {
    const char *command; /* as it was given */
    const char *sampler;
    uint64_t seed;
} cli_evaluation_origin;

maple_status cli_evaluation_json(const cli_evaluated *parts, size_t n, const cli_evaluation_origin *origin,
                                 maple_error *error);
maple_status cli_evaluation_csv(const cli_evaluated *parts, size_t n, const char *sampler,
                                maple_error *error);
maple_status cli_evaluation_table(const cli_evaluated *parts, size_t n, const cli_evaluation_view *view,
                                  bool markdown, maple_error *error);

#endif
