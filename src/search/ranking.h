/* SPDX-License-Identifier: Apache-2.0 */
/* ranking.h: which of two points with several objectives dominates; less is better. */
#ifndef MAPLE_SEARCH_RANKING_H
#define MAPLE_SEARCH_RANKING_H

#include "maple/base.h"

/* a is nowhere worse than b, and somewhere better. */
bool search_dominates(const double *a, const double *b, size_t m);

/* The points of objectives[n x m] that no other dominates, in lexicographic order of their objectives (of
 * equal points all): rows[n], the first *n_rows set. */
maple_status search_nondominated(const double *objectives, size_t n, size_t m, size_t *rows, size_t *n_rows,
                                 maple_error *error);

#endif
