/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ranks.h: orders, ranks and rank correlations of pairs (x, y), on buffers of the caller. Values are compared
 * as float32: published tables hold float32, and beyond it ties are broken by rounding noise.
 */
#ifndef MAPLE_BASE_RANKS_H
#define MAPLE_BASE_RANKS_H

#include "maple/base.h"

/* One side of the pairs; all are [capacity]. */
typedef struct maple_rank_side {
    double *value;   /* without NaN, in the caller's order */
    uint32_t *order; /* places in ascending order of their values */
    uint32_t *group; /* number of the tie group, from 0 */
    double *rank;    /* twice the mid-rank, centred */
} maple_rank_side;

/* Room for pairs up to a number of values; used by one thread at a time. */
typedef struct maple_rank_room {
    maple_rank_side x, y;
    uint64_t *keys;              /* [2 x capacity]: values and places while they are sorted */
    uint32_t *sequence, *buffer; /* [capacity]: what is merge-sorted */
    double *scratch;             /* [capacity]: the caller's */
} maple_rank_room;

/* At most UINT32_MAX values. */
maple_status maple_rank_room_create(size_t capacity, maple_rank_room *out, maple_error *error);
void maple_rank_room_free(maple_rank_room *room);

/* order[n]: places 0..n-1 in ascending order of their values (all finite or infinite, no NaN), equal ones by
 * place. Radix sort. keys[2 n] is scratch. */
void maple_rank_order(const double *values, size_t n, uint32_t *order, uint64_t *keys);
/* Copies the pairs without a NaN or infinity into the room and orders both sides; their number. */
size_t maple_rank_pairs(maple_rank_room *room, const double *x, const double *y, size_t n);
/* Of the n pairs in the room, whose values and orders are there: Spearman's coefficient and Kendall's tau-b,
 * NaN where one side is constant. */
void maple_rank_correlations(maple_rank_room *room, size_t n, double *spearman, double *kendall);

#endif
