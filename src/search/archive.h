/* SPDX-License-Identifier: Apache-2.0 */
/* archive.h: every architecture that a search has looked at, with its latencies, its violation, its score. */
#ifndef MAPLE_SEARCH_ARCHIVE_H
#define MAPLE_SEARCH_ARCHIVE_H

#include "maple/search.h"
#include "space/arch_index.h"

typedef struct search_labels {
    maple_arch_index index; /* of the architectures that the platform has a label for */
    double *latency_ms;
} search_labels;

typedef struct search_archive {
    const maple_search_request *request;
    size_t limit;  /* of architectures */
    double spread; /* bound = latency + spread (upper - latency); 0: no confidence asked for */
    search_labels labels[MAPLE_SEARCH_PLATFORMS];
    maple_arch_index seen; /* its numbers are the rows of what follows */
    double *score;         /* NaN: none, or not asked for */
    double *violation; /* sum of bound / constraint - 1 where above 0; INFINITY: no latency. 0: feasible */
    maple_search_latency *latency; /* [limit x n_platforms] */
    size_t feasible, scored;
} search_archive;

/* Room for `limit` architectures. Checks the request's platforms. Closed by search_archive_close in any
 * case. */
maple_status search_archive_open(const maple_search_request *request, size_t limit, search_archive *out,
                                 maple_error *error);
void search_archive_close(search_archive *archive);
/* Looks at n architectures that are all new and different, in order; there must be room. */
maple_status search_archive_add(search_archive *archive, const maple_arch *archs, size_t n,
                                maple_error *error);
/* Fills in the intervals of predictions, which without a confidence the search did without, for latency[n x
 * n_platforms] of archs[n] on one platform. */
maple_status search_archive_intervals(const search_archive *archive, size_t platform, const maple_arch *archs,
                                      size_t n, maple_search_latency *latency, maple_error *error);
bool search_archive_full(const search_archive *archive);
/* Row a is to be preferred: Deb's rule, then the score; of equals the one that is faster, then the earlier.
 */
bool search_archive_better(const search_archive *archive, size_t a, size_t b);
/* objectives[1 + n_platforms] of a row: -score, latencies. */
void search_archive_objectives(const search_archive *archive, size_t row, double *objectives);

#endif
