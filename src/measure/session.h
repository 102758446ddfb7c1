/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h: one call's worker and what is compiled in it. Workers get lost: engines crash, hang, or are
 * killed for their memory. Here they are started again, with everything compiled anew; who was in flight is
 * marked as failed, with the reason in its row at once.
 */
#ifndef MAPLE_MEASURE_SESSION_H
#define MAPLE_MEASURE_SESSION_H

#include "measure/campaign.h"
#include "measure/drift.h"
#include "measure/load.h"
#include "measure/worker_client.h"

enum { MAPLE_PIECE_IDS = 4096 };

/* What is not known yet is NaN. */
/* Sentinels have the ids 0 .. n_sentinels - 1, targets[t] has n_sentinels + t. */
typedef struct maple_sentinel {
    maple_arch arch;
    bool lost;          /* it took a worker with it: not run any more */
    size_t target;      /* the target that it is, too, or MAPLE_NO_TARGET */
    double *latency_ms; /* [MAPLE_WINDOW_RUNS] undisturbed runs of this window */
    size_t n;
} maple_sentinel;

typedef struct maple_session {
    maple_campaign campaign;
    const maple_platform *platform;
    maple_worker *worker;
    maple_sentinel sentinels[MAPLE_MAX_SENTINELS];
    size_t n_sentinels;
    bool *loaded;               /* [n_targets] */
    size_t memory_limit;        /* of a block; less once the system had not so much */
    double slowest_s;           /* of all runs so far; 0: none yet */
    int losses;                 /* of workers since something was last achieved */
    int64_t *fastest_ns;        /* [n_sentinels + n_targets] by id: of the probes beside its runs */
    int64_t machine_fastest_ns; /* of all probes, if the caller keeps none */
    size_t *ids;                /* of a round: targets, and each sentinel up to MAPLE_SENTINEL_COPIES times */
    maple_timing *timings;      /* [MAPLE_PIECE_IDS] */
    maple_arch *piece_archs;    /* [MAPLE_PIECE_IDS] */
    double *piece_latency_ms;   /* [MAPLE_PIECE_IDS] */
    double done, total;         /* runs of first passes, for progress */
    double repeated, to_repeat; /* runs of the current later pass */
    int pass;
    int again; /* 0: first measured; 1, 2: what spread too much is measured anew */
    maple_drift drift;
    maple_load_meter load;
    double timed, dropped; /* runs of targets, and those of them that were not kept */
} maple_session;

/* Starts the worker and compiles the sentinels. */
maple_status maple_session_start(maple_session *self, maple_error *error);
void maple_session_release(maple_session *self);
maple_status maple_session_interrupted(const maple_session *self, maple_error *error);

/* Times the sentinels: MAPLE_BAD_INPUT where most took 5 % more or less in the platform's first campaign
 * (baseline.c).
 */
maple_status maple_session_check_sentinels(maple_session *self, maple_error *error);

/* values[n_sentinels]: what the platform's environment in the pool says of the sentinels in this field; NaN
 * where it says nothing (sentinels.c). */
maple_status maple_sentinels_recall(const maple_session *self, const char *field, double *values,
                                    maple_error *error);
typedef struct maple_sentinel_values {
    const char *field;
    const double *values; /* [n_sentinels], NaN: what the pool has stays */
} maple_sentinel_values;
maple_status maple_sentinels_remember(const maple_session *self, const maple_sentinel_values *fields,
                                      size_t n_fields, maple_error *error);

/* The median over the sentinels of now / then - 1: what happens to a machine happens to most of them, and in
 * one direction, while the noise of each cancels. now_ms, then_ms[n_sentinels], NaN where not known; *shift
 * is NaN where nothing can be compared. */
maple_status maple_sentinels_shift(const maple_session *self, const double *now_ms, const double *then_ms,
                                   double *shift, maple_error *error);

/* Compiles targets from `first` on until the memory limit; *end is behind the last one of the block. */
maple_status maple_session_load(maple_session *self, size_t first, size_t *end, maple_error *error);
maple_status maple_session_unload(maple_session *self, size_t first, size_t end, maple_error *error);

/* Is this what a network does to an engine, and no more than that? Then the campaign can go on without it. */
bool maple_session_survives(const maple_session *self, maple_status status);
/* After a failure that can be survived: a worker in which all that is loaded is loaded again.
 * MAPLE_DEVICE_ERROR where workers were lost too often in a row. */
maple_status maple_session_recover(maple_session *self, const maple_error *lost, maple_error *error);
/* What runs as `id` is not to be run again: `failed` is what happened to it when it ran alone. */
maple_status maple_session_give_up(maple_session *self, size_t id, const maple_error *failed,
                                   maple_error *error);

bool maple_session_is_loaded(const maple_session *self, size_t id);
bool maple_session_is_sentinel(const maple_session *self, size_t target);
/* Runs ids in the worker, within the watchdog's patience. */
maple_status maple_session_run(maple_session *self, const size_t *ids, size_t n, double budget_s, int round,
                               size_t *done, double *executing_s, maple_error *error);

/* Compiles, measures and labels the targets from `first` on that fit a block. */
maple_status maple_session_measure_block(maple_session *self, size_t first, size_t *end, maple_error *error);

/* Runs of targets [first, end) that spread too much are taken back: *n targets are to be measured anew. */
maple_status maple_session_take_back_spread(maple_session *self, size_t first, size_t end, size_t *n,
                                            maple_error *error);

/* Plan and platform go together, and this is the platform's host (measure.c). */
maple_status maple_session_check_plan(const maple_measure_config *config, maple_pool *pool,
                                      const maple_platform *platform, const maple_measure_plan *plan,
                                      maple_error *error);
/* Measures all targets of a campaign that is prepared, and fills the report but for wall_s. */
maple_status maple_session_measure(maple_session *self, maple_error *error);

#endif
