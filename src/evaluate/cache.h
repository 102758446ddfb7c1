/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h: what an evaluation keeps, so that one that was interrupted goes on: pre-trained models and runs.
 */
#ifndef MAPLE_EVALUATE_CACHE_H
#define MAPLE_EVALUATE_CACHE_H

#include "evaluate/evaluate_internal.h"
#include "evaluate/store.h"

enum { EVAL_MAX_KEY = 512 };

/* --- cache_keys.c --- */
/* Of the build, of what the pool knows, of each platform. */
maple_status maple_eval_hash_data(eval *e, maple_error *error);
/* The same for all predictors that pre-train the same. */
void maple_eval_model_key(const eval *e, const eval_contender *contender, size_t group, size_t trial,
                          char key[EVAL_MAX_KEY]);
void maple_eval_run_key(const eval *e, const eval_job *j, size_t split, size_t slot, char key[EVAL_MAX_KEY]);

/* --- model_cache.c --- */
/* Text of several warnings, as a room gathers them: says them again. */
void maple_eval_warn_again(eval *e, const char *warnings, size_t bytes);

#endif
