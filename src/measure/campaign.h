/* SPDX-License-Identifier: Apache-2.0 */
/*
 * campaign.h: what is left to measure of a plan: distinct networks (targets), the rounds that each one lacks,
 * and which of the architectures asked for gets its label from which target.
 */
#ifndef MAPLE_MEASURE_CAMPAIGN_H
#define MAPLE_MEASURE_CAMPAIGN_H

#include "maple/measure.h"

#define MAPLE_NO_TARGET SIZE_MAX

typedef struct maple_target_network {
    maple_arch arch; /* canonical in the platform's graph form */
    uint64_t order;  /* blocks are filled in this order */
    int missing;     /* rounds it lacks */
    bool failed;     /* cannot be measured; its rows say why */
    bool flagged;    /* had a label that is flagged, and is measured anew */
    bool anew;       /* its runs spread too much: they are being repeated */
    int repetitions; /* how often they were */
    int series;      /* of campaign->series: which rounds are its */
} maple_target_network;

/* One run of a target. */
typedef struct maple_run_key {
    size_t target;
    int round;
} maple_run_key;

typedef struct maple_campaign {
    const maple_measure_config *config;
    const maple_measure_plan *plan;
    maple_pool *pool;
    int64_t platform;
    maple_target_network *targets;
    size_t n_targets;
    size_t *target_of;     /* [plan->n]; MAPLE_NO_TARGET where nothing has to be measured for it */
    bool *has_round;       /* [n_targets * plan->rounds] */
    int series;            /* 1; 2: each network is there twice, for even rounds and for odd ones */
    maple_latency *labels; /* [n_targets] of both series; else NULL, they are in the pool */
    double *spread;        /* [n_targets] iqr / median of those labelled */
    size_t n_spread;
    maple_measure_report *report;
} maple_campaign;

/* Finds out what is left. Rows that need no measurement (degenerate, or the same pruned graph as one that has
 * its label) are written at once. */
maple_status maple_campaign_prepare(maple_campaign *campaign, maple_error *error);

/* The same for two series in an empty pool: all architectures of the plan, each twice. */
maple_status maple_campaign_prepare_series(maple_campaign *campaign, maple_error *error);

/* Forgets labels and runs of the targets that were flagged. */
maple_status maple_campaign_forget_flagged(maple_campaign *campaign, maple_error *error);

/* Whether the run is in the pool, or needs not be. */
bool *maple_campaign_round(const maple_campaign *campaign, size_t target, int round);
/* Its runs in the pool; freed by maple_free. */
maple_status maple_campaign_runs(const maple_campaign *campaign, size_t target, double **latency_ms,
                                 size_t *n, maple_error *error);
/* One transaction: the runs are no more in the pool, and missing again. */
maple_status maple_campaign_take_back(maple_campaign *campaign, const maple_run_key *runs, size_t n,
                                      maple_error *error);

/* Above which spread (iqr / median) of so many runs is it too much? */
bool maple_campaign_spreads(const maple_campaign *campaign, const maple_summary *summary);

/* Marks target t as failed and writes the reason into the rows of all architectures that it stands for, at
 * once: who is killed next does not have to find out again. */
maple_status maple_campaign_fail(maple_campaign *campaign, size_t t, const char *reason, maple_error *error);

/* Writes the rows of all architectures whose target is one of targets[first, end): the label from the runs in
 * the pool. (Those that failed have their row.) */
maple_status maple_campaign_label(maple_campaign *campaign, size_t first, size_t end, maple_error *error);

/* Fills the report's median_spread. */
maple_status maple_campaign_finish(maple_campaign *campaign, maple_error *error);
void maple_campaign_release(maple_campaign *campaign);

#endif
