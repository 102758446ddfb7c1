/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search.h: from latencies to decisions: Pareto fronts, scores of architectures, the search for the best
 * architectures under constraints on latency, and how good decisions by predicted latencies are.
 *
 * A score is a number of which more is better (an accuracy). A latency is in milliseconds; less is better.
 */
#ifndef MAPLE_SEARCH_H
#define MAPLE_SEARCH_H

#include "maple/predictor.h"

/* --- Fronts --- */

/* The points that no other dominates: none has a latency as low and a score as high, and one of both better.
 * Latencies are compared as float32, since published tables differ by rounding noise beyond that; of points
 * that are equal so the first is kept; points with a NaN are left out. rows[n]: the first *n_rows of them
 * are set, by ascending latency (and score). O(n log n). */
maple_status maple_front(const double *latency_ms, const double *score, size_t n, size_t *rows,
                         size_t *n_rows, maple_error *error);

/* The area that the points dominate, as far as it is better than the reference: what lies between a latency
 * of at most reference_ms and a score of at least reference_score. Points need not be a front; those with a
 * NaN add nothing. In score x ms. O(n log n). */
maple_status maple_hypervolume(const double *latency_ms, const double *score, size_t n, double reference_ms,
                               double reference_score, double *out, maple_error *error);

/* Deb et al. (2002), section III.A: rank[n] of points with m objectives each (objectives[n x m], row by row,
 * all finite, less is better): 0 for those that no other dominates, 1 for those that only rank 0 does, ...
 * Equal points have equal ranks. */
maple_status maple_nondominated_sort(const double *objectives, size_t n, size_t m, size_t *rank,
                                     maple_error *error);
/* Their section III.B: how far apart the neighbours of a point in its rank are, summed over the objectives,
 * each over its range within the rank; INFINITY at the ends. Of equal values the earlier point comes first.
 * distance[n]. */
maple_status maple_crowding(const double *objectives, size_t n, size_t m, const size_t *rank,
                            double *distance, maple_error *error);

/* --- Judges: where scores come from --- */

typedef struct maple_judge maple_judge;

/* A score of a pool by its name: the first of the pools that has it. NULL: cifar100_test where there is one,
 * else the only one there is. MAPLE_NOT_FOUND lists those there are, or says how they are imported. Values
 * are copied. */
maple_status maple_judge_from_pools(maple_pool *const *pools, size_t n_pools, const maple_space *space,
                                    const char *name, maple_judge **out, maple_error *error);
/* A CSV file (may be gzip) with a header. With a column `position` it is an additive table: `position` (from
 * 0), `op` (name or number) and `score`, a line for each operator at each position; an architecture's score
 * is the sum; `column` is NULL or "score" then. Else a line for each architecture (`arch`, `arch_str` or
 * `ops`; `index` where `pool`, which may be NULL, knows it) and the column named (NULL: `score`, else the
 * only column of numbers). What is wrong: MAPLE_BAD_INPUT with file:line:column. */
maple_status maple_judge_from_csv(const maple_space *space, maple_pool *pool, const char *path,
                                  const char *column, maple_judge **out, maple_error *error);
/* A command, run by `sh -c` until the judge is freed: it reads architectures from its stdin, one a line, and
 * writes one score a line to its stdout, in their order, flushed. "nan" is no score. It gets as many lines at
 * once as there are to score, so it may work in batches, but has to answer all that it has read before it
 * waits for more. Its stderr is the caller's. */
maple_status maple_judge_from_command(const maple_space *space, const char *command, double timeout_s,
                                      const maple_hooks *hooks, maple_judge **out, maple_error *error);
/* "cifar100_test", "COLUMN of FILE", the file of an additive table, the command. */
const char *maple_judge_name(const maple_judge *judge);
/* Architectures of a list, which alone have scores; 0: any architecture has one. */
size_t maple_judge_listed(const maple_judge *judge);
maple_arch maple_judge_nth(const maple_judge *judge, size_t i);
/* scores[n], NaN for those that have none. A command that ends, answers something else than numbers, or more
 * lines than it was asked for (also: before it could have read them, or since it was last asked):
 * MAPLE_BAD_INPUT with its exit status; that says nothing for the timeout:
 * MAPLE_IO_ERROR; either way it is gone then. Cancelled: MAPLE_INTERRUPTED. */
maple_status maple_judge_score(maple_judge *judge, const maple_arch *archs, size_t n, double *scores,
                               maple_error *error);
/* After the last score: closes the command's stdin and refuses what it still prints (MAPLE_BAD_INPUT): a line
 * too many that came late was taken for the answer to the next architecture, and so were all after it. Of
 * other judges: MAPLE_OK. A command has ended then, and scores nothing more. */
maple_status maple_judge_finish(maple_judge *judge, maple_error *error);
/* Ends the command: its stdin is closed, and after two seconds it is killed. */
void maple_judge_free(maple_judge *judge);

/* --- Search --- */

#define MAPLE_SEARCH_PLATFORMS 8

typedef struct maple_search_platform {
    const char *name;
    maple_graph_form graph;
    const maple_dataset *dataset;           /* of `measured` */
    const maple_dataset_platform *measured; /* its labels are taken where there are some; NULL: none */
    const maple_predictor *predictor;       /* for all others; NULL: they have no latency */
    double max_latency_ms;                  /* INFINITY: no constraint */
} maple_search_platform;

typedef enum maple_search_algorithm {
    MAPLE_SEARCH_AUTO,      /* enumerate the judge's list, or a space of no more than `evaluations`; else
                               evolution, or nsga2 where the front is wanted */
    MAPLE_SEARCH_ENUMERATE, /* all architectures of the judge's list, else of the space */
    MAPLE_SEARCH_EVOLUTION, /* Real et al. (2019): ageing evolution, for the best score */
    MAPLE_SEARCH_NSGA2,     /* Deb et al. (2002): for the front of score and latencies */
} maple_search_algorithm;

const char *maple_search_algorithm_name(maple_search_algorithm algorithm);
maple_status maple_search_algorithm_parse(const char *text, maple_search_algorithm *out, maple_error *error);

typedef struct maple_search_request {
    const maple_space *space;
    maple_judge *judge;
    const maple_search_platform *platforms; /* [n_platforms], 1 to MAPLE_SEARCH_PLATFORMS */
    size_t n_platforms;
    /* 0: a prediction meets a constraint where it is not above it. Else (0.5 to below 1): where one
     * measurement of the architecture would meet it with this probability, by the predictor's interval
     * (a normal distribution whose 95 % quantile is the upper bound), on each platform by itself. A label
     * that was measured meets it or does not. MAPLE_BAD_ARGUMENT with a predictor without info.intervals. */
    double confidence;
    maple_search_algorithm algorithm;
    size_t evaluations; /* different architectures looked at, at most (but all by ENUMERATE); 0: 20000 */
    size_t population;  /* 0: 100 */
    size_t n;           /* how many are wanted, the best first */
    bool front;         /* wanted instead: all that no other dominates, in score and all latencies; of equal
                           points every one, since each is another architecture */
    uint64_t seed;
    const maple_hooks *hooks;
} maple_search_request;

typedef struct maple_search_latency {
    double latency_ms, lower_ms, upper_ms; /* bounds are NaN where there is no interval */
    double bound_ms; /* what was compared with the constraint: the latency, or its quantile */
    bool measured;   /* a label; else predicted */
} maple_search_latency;

typedef struct maple_search_result {
    size_t n, n_platforms;
    maple_arch *archs;             /* [n] by descending score; a front by ascending latency */
    double *scores;                /* [n] */
    maple_search_latency *latency; /* [n x n_platforms] */
    maple_search_algorithm algorithm;
    size_t evaluated, feasible, scored; /* different architectures */
    double seconds;                     /* of all this */
} maple_search_result;

/* The best architectures that meet all constraints. Under one (an evolutionary algorithm) an architecture
 * that violates is worse than one that does not, and one that violates less is better (Deb's rule); it is
 * not scored, and never returned. Children are made and predicted in blocks of a quarter of the population.
 * Deterministic for a seed. None meets them: MAPLE_BAD_INPUT, with how fast the fastest is; none of those
 * that do has a score: MAPLE_BAD_INPUT. Too large to enumerate: MAPLE_BAD_ARGUMENT. Freed by
 * maple_search_free. */
maple_status maple_search(const maple_search_request *request, maple_search_result *out, maple_error *error);
void maple_search_free(maple_search_result *result);

/* The z below which a standard normal variable is with probability p, 0 < p < 1. */
double maple_normal_quantile(double p);
/* How a prediction's quantile follows from its central 90 % interval, by a normal distribution: latency_ms +
 * spread (upper_ms - latency_ms) is what one measurement stays within with probability `confidence`, at least
 * 0.5 and below 1. */
double maple_confidence_spread(double confidence);

/* --- How good decisions by prediction are --- */

typedef struct maple_pareto_request {
    const double *latency_ms, *predicted_ms, *score; /* [n]; rows with a NaN are left out */
    size_t n;
    double reference_ms, reference_score;
    const double *budgets_ms; /* [n_budgets] ascending */
    size_t n_budgets;
} maple_pareto_request;

/* A choice under a budget. By prediction: of all predicted to meet it, the best by score, is measured; while
 * it does not meet the budget, the next best. */
typedef struct maple_regret {
    double budget_ms;
    size_t oracle; /* row of the best that meets the budget; SIZE_MAX: none does */
    size_t chosen; /* row of the one that was chosen; SIZE_MAX: none that was predicted to meet it did */
    size_t tries;  /* measured until then: 1, where the prediction held at once */
    size_t first;  /* the row that was tried first; SIZE_MAX: none was predicted to meet it */
    double regret; /* score of oracle - score of chosen, >= 0; NaN where there is neither or only one */
    double first_regret; /* score of oracle - score of first, where nothing else is measured: >= 0; NaN where
                            there is no oracle or no first, or first takes longer than the budget */
} maple_regret;

typedef struct maple_pareto {
    size_t n;                                         /* rows that count */
    size_t *oracle, n_oracle;                         /* rows of the front by measured latency */
    size_t *predicted, n_predicted;                   /* ... by predicted latency */
    double oracle_hypervolume, predicted_hypervolume; /* both of measured latencies */
    double hypervolume_ratio;                         /* predicted / oracle; NaN where the oracle's is 0 */
    double front_share;    /* of the oracle's front, points (latency, score) that are among the predicted */
    maple_regret *regrets; /* [n_budgets] */
} maple_pareto;

/* MAPLE_BAD_INPUT where no row counts. Freed by maple_pareto_free. */
maple_status maple_pareto_compute(const maple_pareto_request *request, maple_pareto *out, maple_error *error);
void maple_pareto_free(maple_pareto *pareto);

/* --- The published protocol on a list of candidates (HELP, NeurIPS 2021, table 4; NASFLAT section 6) --- */

/* HELP's arch_generated_by_metad2a.txt: the seconds that generating took in the first line, then a line
 * "architecture, accuracy, score" each, the most promising (highest score) first. */
typedef struct maple_candidates {
    double seconds;
    size_t n;
    maple_arch *archs;
    double *accuracy, *score; /* in % of CIFAR-100; what the generator thought of it, descending */
} maple_candidates;

/* MAPLE_BAD_INPUT with file:line of what was not understood, or is out of order. Freed by
 * maple_candidates_free. */
maple_status maple_candidates_read(const maple_space *space, const char *path, maple_candidates *out,
                                   maple_error *error);
void maple_candidates_free(maple_candidates *candidates);

/* Of the first `take` candidates (3), in their order, that are predicted to take at most budget_ms, the one
 * with the highest accuracy (the first of equals); SIZE_MAX where none is. NaN predictions are skipped. */
size_t maple_candidates_choose(const maple_candidates *candidates, const double *predicted_ms,
                               double budget_ms, size_t take);

#endif
