/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scorer.h: all scoring sets of one target. What depends on the target alone (sets, order of its latencies)
 * is computed once, so that scoring a prediction sorts it once and filters both orders for each set.
 */
#ifndef MAPLE_EVALUATE_SCORER_H
#define MAPLE_EVALUATE_SCORER_H

#include "evaluate/metrics.h"

typedef struct maple_scorer maple_scorer;

/* Room of one thread for scorers over n_archs architectures. */
typedef struct maple_score_room {
    maple_rank_room ranks;
    uint32_t *order; /* [n_archs]: rows in order of their prediction */
    uint32_t *place; /* [n_archs]: place of a row among the pairs of a set; UINT32_MAX: not in it */
    double *lower_ms, *upper_ms; /* [n_archs]: bounds of the pairs of a set */
} maple_score_room;

maple_status maple_score_room_create(size_t n_archs, maple_score_room *out, maple_error *error);
void maple_score_room_free(maple_score_room *room);

/* `platform` is a row of dataset->platforms; the dataset must outlive the scorer. */
maple_status maple_scorer_create(const maple_dataset *dataset, size_t platform, maple_scorer **out,
                                 maple_error *error);
void maple_scorer_free(maple_scorer *scorer);

/* Number of the network that the platform executes for a row: rows that run the same graph share it. Below
 * n_archs; UINT32_MAX for a degenerate architecture of a pruned platform. */
uint32_t maple_scorer_network(const maple_scorer *scorer, size_t row);
/* The number of an architecture that need not be a row; UINT32_MAX where no row runs its graph. */
uint32_t maple_scorer_find(const maple_scorer *scorer, const maple_arch *arch);

/* predicted: [n_archs] each; measured[n_archs]: networks (by number) that were measured to make the
 * prediction. valid[s]: the target has all rows that set s needs, and some are left to be scored. The metrics
 * of a set are bit for bit those of maple_metrics_compute on its rows. Safe from several threads, each with
 * its room.
 */
void maple_scorer_score(const maple_scorer *scorer, maple_score_room *room,
                        const maple_predictions *predicted, const bool *measured,
                        maple_metrics out[MAPLE_SCORINGS], bool valid[MAPLE_SCORINGS]);

#endif
