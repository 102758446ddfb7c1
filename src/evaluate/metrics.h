/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h: metrics of pairs that are in order. */
#ifndef MAPLE_EVALUATE_METRICS_H
#define MAPLE_EVALUATE_METRICS_H

#include "base/ranks.h"
#include "maple/evaluate.h"

/* Of the n pairs in the room, x measured and y predicted, whose values and orders are there. lower_ms[n] and
 * upper_ms[n] bound the predictions, in the same order; NaN where there is no interval, NULL where there are
 * none. */
void maple_metrics_of_pairs(maple_rank_room *room, size_t n, const double *lower_ms, const double *upper_ms,
                            maple_metrics *out);

#endif
