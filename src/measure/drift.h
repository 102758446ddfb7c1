/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drift.h: is the machine as fast as it was a minute ago? Rounds are grouped into windows of ten. After each
 * one the sentinels' medians of undisturbed runs in it are compared with those of the platform's first
 * window, which are kept with its environment: they were had in the same way, between the runs of other
 * networks. If the machine changed, the window's runs are taken back and measured again; if it stays changed,
 * that is its new level, and what is measured at it is kept, and counted.
 */
#ifndef MAPLE_MEASURE_DRIFT_H
#define MAPLE_MEASURE_DRIFT_H

#include "measure/campaign.h"

enum {
    MAPLE_MAX_SENTINELS = 8,
    MAPLE_WINDOW_ROUNDS = 10,
    MAPLE_SENTINEL_EVERY = 60,  /* networks of a round: each sentinel runs once more */
    MAPLE_SENTINEL_COPIES = 20, /* in a round, at most */
    /* Room for a sentinel's; the last window may be longer. */
    MAPLE_WINDOW_RUNS = 2 * MAPLE_WINDOW_ROUNDS * MAPLE_SENTINEL_COPIES
};

typedef struct maple_drift {
    double reference_ms[MAPLE_MAX_SENTINELS]; /* NaN: none yet */
    double lasting_ms[MAPLE_MAX_SENTINELS];   /* the level that the machine came to stay at; NaN: none */
    maple_run_key *runs;                      /* of this window, committed */
    size_t n, capacity;
    size_t rounds; /* of this window, run */
    size_t budget; /* rounds of this block that may still be repeated */
    bool warned;   /* that the machine changed for good */
} maple_drift;

struct maple_session;

/* Takes the reference from the pool; none where the platform has none, or where the caller accepted that the
 * machine is another one now. */
maple_status maple_drift_recall(struct maple_session *self, maple_error *error);
/* A machine that never comes to rest takes twice as long at most: as many rounds of a block as it has are
 * repeated, and no more. */
void maple_drift_begin_block(struct maple_session *self);
void maple_drift_begin_window(struct maple_session *self);
/* A run of the window that has been committed. */
maple_status maple_drift_note(struct maple_session *self, size_t target, int round, maple_error *error);
/* After the window's rounds: *again where they were taken back. attempt: 0, 1, ... of this window. */
maple_status maple_drift_judge(struct maple_session *self, int attempt, bool *again, maple_error *error);

#endif
