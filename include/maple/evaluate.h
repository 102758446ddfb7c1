/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evaluate.h: how good predictions are: metrics, and the protocols under which predictors are compared.
 */
#ifndef MAPLE_EVALUATE_H
#define MAPLE_EVALUATE_H

#include "maple/predictor.h"

/* --- Metrics --- */

typedef struct maple_metrics {
    size_t n;                 /* pairs scored: both finite */
    double acc1, acc5, acc10; /* error-bound accuracy: share with |predicted / measured - 1| <= 1, 5, 10 % */
    double spearman;          /* mid-ranks on float32 values; NaN where one side is constant */
    double kendall;           /* tau-b on float32 values; NaN where one side is constant */
    double mape, medape;      /* mean and median of |predicted / measured - 1| */
    double rmse_ms;
    double coverage90;     /* share of measured latencies within the 90 % interval, its bounds included */
    double interval_width; /* median of (upper - lower) / prediction */
} maple_metrics;

/* No pairs, every metric NaN. */
maple_metrics maple_metrics_unknown(void);

/* What is predicted of each architecture; bounds are NULL where there are no intervals. */
typedef struct maple_predictions {
    const double *latency_ms, *lower_ms, *upper_ms;
} maple_predictions;

/* Pairs with a NaN are left out; n = 0 gives NaN everywhere. Coverage and width are over the pairs whose
 * bounds are known; NaN where there are none. O(n log n). Fails only for lack of memory. */
maple_status maple_metrics_compute(const double *measured_ms, const maple_predictions *predicted, size_t n,
                                   maple_metrics *out, maple_error *error);

/* --- What is scored --- */

typedef enum maple_scoring {
    MAPLE_SCORE_ALL,        /* every architecture that the target has */
    MAPLE_SCORE_UNMEASURED, /* all but the samples and references of this predictor, and what runs the same
                               graph as one of them */
    MAPLE_SCORE_ABOVE20,    /* those above 20 % of the target's median latency */
    MAPLE_SCORE_FIRST128,   /* canonical indices 0..127: NASFLAT's published protocol */
    MAPLE_SCORE_TRIMMED800, /* HELP's test pool (maple_space_test_pool), the middle 80 % by latency, ties by
                               index */
    MAPLE_SCORINGS
} maple_scoring;

/* "all", "unmeasured", "above20", "first128", "trimmed800" */
const char *maple_scoring_name(maple_scoring scoring);
maple_status maple_scoring_find(const char *name, maple_scoring *out, maple_error *error);

/* --- Splits: who is predicted from whom --- */

typedef struct maple_split {
    char task[32];
    size_t target;   /* row of dataset->platforms */
    size_t *sources; /* rows */
    size_t n_sources;
} maple_split;

typedef struct maple_splits {
    maple_split *items; /* those of one task follow each other */
    size_t n;
} maple_splits;

void maple_splits_free(maple_splits *splits);

/* What a target is not learned from: itself alone, all of its family, all of its CPU model (of its device,
 * where the CPU is "unknown"). */
typedef enum maple_leave_out {
    MAPLE_LEAVE_OUT_PLATFORM,
    MAPLE_LEAVE_OUT_FAMILY,
    MAPLE_LEAVE_OUT_CPU
} maple_leave_out;

bool maple_is_left_out(const maple_platform *target, const maple_platform *other, maple_leave_out what);

/* Each of `names` (n = 0: every platform) predicted from those of the others that are not left out. The task
 * is called "leave-one-out". Appends to *splits. */
maple_status maple_splits_leave_one_out(const maple_dataset *dataset, const char *const *names, size_t n,
                                        maple_leave_out leave_out, maple_splits *splits, maple_error *error);
/* One task with named sources and targets; called "split". */
maple_status maple_splits_named(const maple_dataset *dataset, const char *const *sources, size_t n_sources,
                                const char *const *targets, size_t n_targets, maple_splits *splits,
                                maple_error *error);

/* The published device tasks (nasflat's twelve): device lists are data in tasks.c. */
typedef struct maple_task {
    const char *name;                            /* "ND" */
    const char *space;                           /* "nas-bench-201" */
    const char *reason;                          /* why it cannot be run on public data; NULL where it can */
    const char *const *sources, *const *targets; /* NULL-terminated; targets: the public ones */
    const char *note;                            /* "public targets only: pixel3", or NULL */
} maple_task;

size_t maple_task_count(void);
const maple_task *maple_task_at(size_t i);
/* A task that cannot be run: MAPLE_BAD_INPUT with its reason. Unknown: lists them. */
maple_status maple_task_find(const char *name, const maple_task **out, maple_error *error);
/* Platforms that the dataset lacks: MAPLE_NOT_FOUND, with their names and how to import them. */
maple_status maple_splits_task(const maple_dataset *dataset, const maple_task *task, maple_splits *splits,
                               maple_error *error);

/* --- Samplers: which architectures of the target are measured --- */

/* "random", "params", "latency" (buckets of the sorted values, one uniform pick in each), "kmeans" and
 * "cosine" with an encoding: "kmeans:one-hot", "cosine:zcp" (one-hot; features; zcp where the dataset has its
 * scores); "zcp" is "cosine:zcp"; "suggest" (maple_sampler_suggest by `gp`, which learns from the split's
 * sources). Checked here: unknown names list what there is. */
maple_status maple_sampler_check(const maple_dataset *dataset, const char *sampler, maple_error *error);
/* `n` different rows of dataset->archs that `platform` has (and, for a pruned platform, of different pruned
 * graphs). `random` gives nested sets: the first n of the same order for every n. Not for "suggest":
 * MAPLE_BAD_ARGUMENT. */
maple_status maple_sampler_draw(const maple_dataset *dataset, size_t platform, const char *sampler, size_t n,
                                uint64_t seed, size_t *rows, maple_error *error);

/* Among so many at most. */
#define MAPLE_SUGGEST_AMONG 2000

/* The same by maple_pretrained_suggest, in its order: among a random half of the rows, at most
 * MAPLE_SUGGEST_AMONG of them, those that the model asks for, and, where more than these are wanted, random
 * others. Other seeds have other rows to choose from. Sets are nested. The
 * request is that of maple_pretrained_suggest; samples in it are not looked at. */
maple_status maple_sampler_suggest(const maple_dataset *dataset, size_t platform,
                                   const maple_pretrained *pretrained, const maple_fit_request *request,
                                   size_t n, uint64_t seed, size_t *rows, maple_error *error);

/* --- Pre-trained models that are kept --- */

/* The file maple-evaluate.db of a folder (at most 256 MiB: what was longest unused goes), in which
 * maple_evaluate keeps its work, too. A model is kept under all that it depends on: kind and options of the
 * predictor, every source's data and how it executed, the pool's architectures and scores, training rows,
 * seed, build. Results are the same with and without; only lack of memory fails: whatever else prevents
 * reading or writing is a warning of the hooks. Safe from several threads and processes; a process that is
 * killed leaves whole models. */
typedef struct maple_model_cache maple_model_cache;

/* Makes the folder. `hooks` must outlive the cache. MAPLE_IO_ERROR where it cannot be written. */
maple_status maple_model_cache_open(const char *folder, const maple_hooks *hooks, maple_model_cache **out,
                                    maple_error *error);
void maple_model_cache_close(maple_model_cache *cache);
/* maple_predictor_pretrain, once: the same request again gives the model that is kept, and its warnings.
 * `cache` may be NULL: then nothing is kept. */
maple_status maple_model_cache_pretrain(maple_model_cache *cache, const char *name,
                                        const maple_fit_request *request, maple_pretrained **out,
                                        maple_error *error);
/* maple_predictor_fit, with what is pre-trained from the cache. Where nothing is, it is not looked at. */
maple_status maple_model_cache_fit(maple_model_cache *cache, const char *name,
                                   const maple_fit_request *request, maple_predictor **out,
                                   maple_error *error);

typedef struct maple_fit_times {
    double pretrain_ms; /* what the training took: when it was made, where it was kept. Stays as it is where
                           nothing was pre-trained in this call */
    double adapt_ms;    /* adapting to the target, or the whole fit */
} maple_fit_times;

/* The same for several targets or draws of samples, which share all else of the request: *pretrained (NULL
 * before the first) is made or taken from the cache once, then used again; it stays NULL where nothing is
 * pre-trained. The caller frees it, after a failure, too. */
maple_status maple_model_cache_fit_again(maple_model_cache *cache, const char *name,
                                         const maple_fit_request *request, maple_pretrained **pretrained,
                                         maple_fit_times *times, maple_predictor **out, maple_error *error);

/* --- Evaluation --- */

typedef struct maple_contender {
    const char *name;    /* predictor */
    const char *label;   /* how rows call it; NULL: its name */
    const char *options; /* of the predictor, or NULL */
    int samples;         /* so many whatever the request says; 0: info.own_samples, else the request's */
} maple_contender;

typedef struct maple_evaluation {
    const maple_dataset *dataset;
    const maple_splits *splits;
    const maple_contender *contenders;
    size_t n_contenders;
    const int *samples;
    size_t n_samples;
    const char *sampler; /* "suggest": its model learns from the same training architectures as contenders */
    size_t train_archs;  /* 0: all; else the same so many random architectures on every source, new in each
                            trial */
    int trials;
    uint64_t seed;
    int threads;       /* the result does not depend on it */
    const char *cache; /* folder of a maple_model_cache, in which runs are kept, too; NULL: none */
    const maple_hooks *hooks;
} maple_evaluation;

typedef struct maple_score {
    bool valid;             /* false: the target lacks rows of this set, or nothing in it was predicted */
    maple_metrics mean, sd; /* over trials (sd: n - 1; NaN with one trial) */
} maple_score;

typedef struct maple_evaluation_row {
    char task[32], predictor[128], target[160]; /* target "": mean over the task's targets (sd then over
                                                  trials of that mean) */
    int samples, references;
    double measured; /* distinct networks measured on the target, mean over trials; NaN without scores */
    double left_out; /* of the samples, how many the predictor found not to fit with the others: mean over
                        trials; NaN without scores */
    double sources;  /* platforms that could be learned from; of the mean row the mean over targets */
    int trials;
    double fit_ms;               /* pre-training; 0 where there is none */
    double adapt_ms, predict_ms; /* fitting or adapting to the target; predicting all architectures. What
                                    comes from the cache has the times that were measured when it was made */
    maple_score scores[MAPLE_SCORINGS];
    char reason[256]; /* why there are no scores: "" where there are */
} maple_evaluation_row;

/* Rows by task, samples asked, `measured`, order of contenders; of each the targets, then their mean. A
 * contender that a target cannot serve (no operator latencies, too few samples) gets a row with its reason.
 * Cancelled: MAPLE_INTERRUPTED. Every run that is done is in the cache when progress is told of it (however
 * the process ends), so the same evaluation again does the others only and gives the same scores. *rows is
 * freed by maple_free. */
maple_status maple_evaluate(const maple_evaluation *evaluation, maple_evaluation_row **rows, size_t *n,
                            maple_error *error);

#endif
