/* SPDX-License-Identifier: Apache-2.0 */
/* distances.h: how far the descriptors of platforms lie apart (the distance map of the MAPLE paper, figure
 * 2). */
#ifndef MAPLE_DISTANCES_H
#define MAPLE_DISTANCES_H

#include "maple/pool.h"

/* Between two platforms; every number is NaN where nothing of it is known of both. With r_o = log(operator
 * o's latency on b / on a), over the operators that were timed on both:
 *
 *   scale       exp(median r_o): b takes so many times a's latency
 *   operators   mean |r_o - median r_o|: by how much what is left differs on average (0.1: about a tenth)
 *   counters    median |log((count_b + 1) / (count_a + 1))| over operators, events, warm and cold, counts per
 *               run; only between platforms whose counters have one provider
 *   descriptor  Euclidean distance of what `maple` learns from (S: operator latencies and counters per
 *               latency, each standardised over the platforms of this map, over the root of their number):
 *               about how many standard deviations a column differs by. What one of them lacks is as on the
 *               average platform, so it depends on which platforms are in the map
 */
typedef struct maple_distance {
    const maple_dataset_platform *a, *b; /* the dataset's */
    double scale, operators, counters, descriptor;
    size_t n_operators, n_counters; /* that both have */
} maple_distance;

/* All pairs of platforms of the dataset that have a descriptor (operator latencies or counters), with
 * latencies or without: (*out)[*n], n = k (k - 1) / 2, a before b in the dataset's order; freed by
 * maple_free. */
maple_status maple_dataset_distances(const maple_dataset *dataset, maple_distance **out, size_t *n,
                                     maple_error *error);

#endif
