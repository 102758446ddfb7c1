/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate_internal.h: one evaluation in the making.
 *
 * plan.c decides what is measured and learned from (the same for all contenders), jobs.c runs a job =
 * (splits with the same sources, trial, contender), workers.c spreads jobs over threads, run_cache.c keeps
 * pre-trained models (with model_cache.c) and runs, rows.c reduces. Every result has its place, so that the
 * order of the work does not show.
 */
#ifndef MAPLE_EVALUATE_INTERNAL_H
#define MAPLE_EVALUATE_INTERNAL_H

#include "evaluate/scorer.h"

#include <pthread.h>

typedef struct eval_contender {
    const maple_contender *given;
    const maple_predictor_info *info;
    char *options;  /* all of them, as text */
    size_t *counts; /* [n_slots]: places in evaluation.counts, one for each number of samples */
    size_t n_slots;
} eval_contender;

/* A platform that is predicted. */
typedef struct eval_target {
    maple_scorer *scorer;        /* NULL: this platform is no target */
    maple_target known;          /* before any network is measured there */
    double *reference_ms;        /* [maple_space_references] */
    uint32_t *reference_network; /* [maple_space_references] */
} eval_target;

/* Splits that follow each other, of one task, with the same sources: one pre-training serves them all. */
typedef struct eval_group {
    size_t first, n;
} eval_group;

/* Rows of the dataset, or why there are none. */
typedef struct eval_draw {
    size_t *rows, n;
    char *reason;
    uint64_t hash; /* of the rows; with a cache only */
} eval_draw;

typedef struct eval_run {
    maple_metrics metrics[MAPLE_SCORINGS];
    bool valid[MAPLE_SCORINGS];
    size_t references, measured, left_out;
    double adapt_ms, predict_ms;
    char *reason;  /* why there are no metrics */
    bool recalled; /* from the cache */
} eval_run;

/* What one thread works with. */
typedef struct eval_room {
    maple_score_room scoring;
    double *predicted, *lower_ms, *upper_ms; /* [n_archs] */
    bool *measured;                          /* [n_archs]: networks */
    maple_arch *archs;                       /* [largest count]: the samples */
    double *latency_ms;                      /* [largest count] */
    bool *left_out;                          /* [largest count] */
    double *reference_ms;
    maple_hooks hooks;   /* what predictors get: those of the evaluation, gathering ... */
    maple_text warnings; /* ... the warnings of this job, a line each */
    struct eval *evaluation;
} eval_room;

/* All runs of a contender on a group in one trial. */
typedef struct eval_job {
    size_t group, trial, contender;
} eval_job;

typedef struct eval {
    const maple_evaluation *request;
    const maple_dataset *dataset;
    size_t trials, n_splits;
    eval_contender *contenders;
    size_t n_contenders, max_slots;
    eval_contender suggests;  /* what the sampler pre-trains; .info NULL: it learns from nothing */
    size_t *counts, n_counts; /* every number of samples that some contender gets */
    eval_target *targets;     /* [dataset->n_platforms] */
    eval_group *groups;       /* [n_splits] at most */
    size_t n_groups;
    eval_draw *samples;  /* [n_splits x trials x n_counts] */
    eval_draw *training; /* [n_groups x trials]; rows NULL without a reason: all that a source has */
    eval_run *runs;      /* [n_splits x n_contenders x max_slots x trials] */
    double *fit_ms;      /* [n_groups x n_contenders x trials] */
    maple_hooks hooks;   /* the caller's: serialised, without progress of predictors */

    maple_model_cache *cache;              /* NULL: nothing is kept */
    uint64_t *platform_hash, dataset_hash; /* parts of the keys */

    pthread_mutex_t mutex; /* of what follows, and of the caller's hooks */
    size_t next_job, done, total;
    maple_status status; /* the first failure that ends the evaluation */
    maple_error error;
    uint64_t *logged; /* hashes of the messages that were passed on */
    size_t n_logged;
} eval;

static inline eval_draw *eval_samples(const eval *e, size_t split, size_t trial, size_t count) {
    return &e->samples[(split * e->trials + trial) * e->n_counts + count];
}

static inline eval_draw *eval_training(const eval *e, size_t group, size_t trial) {
    return &e->training[group * e->trials + trial];
}

/* Runs of one cell of the table: [trials]. */
static inline eval_run *eval_runs(const eval *e, size_t split, size_t contender, size_t slot) {
    return &e->runs[((split * e->n_contenders + contender) * e->max_slots + slot) * e->trials];
}

static inline double *eval_fit_ms(const eval *e, size_t group, size_t contender) {
    return &e->fit_ms[(group * e->n_contenders + contender) * e->trials];
}

static inline const char *eval_target_name(const eval *e, size_t split) {
    return e->dataset->platforms[e->request->splits->items[split].target].platform.name;
}

/* FNV-1a of "seed|what|task|target|trial": the same for all contenders. `target` may be "". */
uint64_t maple_eval_seed(const eval *e, const char *what, const char *task, const char *target, size_t trial);

/* Failures that concern all: they end the evaluation; others are a row's reason. */
static inline bool eval_aborts(maple_status status) {
    return status == MAPLE_OUT_OF_MEMORY || status == MAPLE_INTERRUPTED;
}

/* --- plan.c: targets, samples, training rows --- */
maple_status maple_eval_plan(eval *e, maple_error *error);

/* --- jobs.c --- */
/* What a contender learns from, in a trial on a group. */
maple_fit_request maple_eval_request(const eval *e, const eval_contender *contender, size_t group,
                                     size_t trial, const eval_room *room);
/* Keeps the first warnings only. */
void maple_eval_cut_warnings(eval_room *room, size_t length);
maple_status maple_eval_room_create(eval *e, eval_room *room, maple_error *error);
void maple_eval_room_free(eval_room *room);
maple_status maple_eval_jobs(eval *e, maple_error *error);

/* --- workers.c --- */
typedef maple_status (*eval_task)(eval *e, size_t job, eval_room *room, maple_error *error);
/* Runs jobs 0..n-1 on the request's threads, each once, in no particular order; stops at the first failure.
 */
maple_status maple_eval_parallel(eval *e, size_t n, eval_task task, maple_error *error);
/* The caller's hooks for several threads; `e` must outlive them. */
maple_hooks maple_eval_hooks(eval *e);
/* Those of a room, for predictors. */
maple_hooks maple_eval_room_hooks(eval_room *room);
/* `runs` more runs are done: tells the caller's progress hook. */
void maple_eval_progress(eval *e, size_t runs);

/* --- run_cache.c --- */
/* Where the request has a cache: opens it and hashes the data. */
maple_status maple_eval_cache_open(eval *e, maple_error *error);
void maple_eval_cache_close(eval *e);
/* The file; NULL where nothing is kept. */
const char *maple_eval_cache_path(const eval *e);
/* Pre-trains on maple_eval_request, or takes the model from the cache; *fit_ms: what the training took, now
 * or then. */
maple_status maple_eval_pretrain(eval *e, const eval_contender *contender, size_t group, size_t trial,
                                 eval_room *room, maple_pretrained **out, double *fit_ms, maple_error *error);

/* Without a cache these do nothing; they fail only for lack of memory. Takes those runs of a job that are
 * there; by one thread. */
maple_status maple_eval_recall(eval *e, const eval_job *j, maple_error *error);
maple_status maple_eval_keep(eval *e, const eval_job *j, size_t split, size_t slot, const eval_room *room,
                             maple_error *error);
/* Once they are drawn; the training rows before a model is pre-trained, both before those. */
void maple_eval_hash_training(eval *e);
void maple_eval_hash_samples(eval *e);

/* --- rows.c --- */
maple_status maple_eval_rows(const eval *e, maple_evaluation_row **rows, size_t *n, maple_error *error);

#endif
