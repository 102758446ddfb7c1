/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranks.h: orders, ranks and metrics of pairs, on buffers of the caller. Values are compared as float32:
 * published tables hold float32, and beyond it ties are broken by rounding noise.
 */
#ifndef MAPLE_EVALUATE_RANKS_H
#define MAPLE_EVALUATE_RANKS_H

#include "maple/evaluate.h"

/* Room for pairs up to a number of values; used by one thread at a time. */
typedef struct maple_rank_room {
    size_t capacity;
    uint64_t *keys;                             /* [2 x capacity]: values and places while they are sorted */
    uint32_t *by_measured, *by_predicted;       /* [capacity]: orders */
    uint32_t *group_measured, *group_predicted; /* [capacity]: number of the tie group, from 0 */
    uint32_t *sequence, *buffer;                /* [capacity]: what is merge-sorted */
    double *rank_measured, *rank_predicted;     /* [capacity]: twice the mid-rank, centred */
    double *measured, *predicted, *errors;      /* [capacity]: pairs without NaN, in the caller's order */
} maple_rank_room;

/* At most UINT32_MAX values. */
maple_status maple_rank_room_create(size_t capacity, maple_rank_room *out, maple_error *error);
void maple_rank_room_free(maple_rank_room *room);

/* order[n]: places 0..n-1 in ascending order of their values (all finite or infinite, no NaN), equal ones by
 * place. Radix sort. keys[2 n] is scratch. */
void maple_rank_order(const double *values, size_t n, uint32_t *order, uint64_t *keys);
/* Copies the pairs without a NaN or infinity into room->measured and room->predicted; their number. */
size_t maple_rank_pairs(maple_rank_room *room, const double *measured, const double *predicted, size_t n);
/* Metrics of the n pairs in room->measured and room->predicted, whose orders are in room->by_measured and
 * room->by_predicted. */
void maple_rank_metrics(maple_rank_room *room, size_t n, maple_metrics *out);

#endif
