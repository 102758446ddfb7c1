/* SPDX-License-Identifier: Apache-2.0 */
/* samplers.h: what the samplers share: encodings of architectures, clusters of encoded rows. */
#ifndef MAPLE_EVALUATE_SAMPLERS_H
#define MAPLE_EVALUATE_SAMPLERS_H

#include "maple/evaluate.h"

typedef enum maple_encoding {
    MAPLE_ENCODE_ONE_HOT,  /* positions x operators */
    MAPLE_ENCODE_FEATURES, /* maple_space_feature_values, standardised over the dataset */
    MAPLE_ENCODE_ZCP,      /* the 13 zero-cost proxies, normalised over the dataset as NASFLAT does */
    MAPLE_ENCODINGS
} maple_encoding;

const char *maple_encoding_name(maple_encoding encoding);

/* MAPLE_NOT_FOUND with the scores that the dataset lacks. */
maple_status maple_encoding_check(const maple_dataset *dataset, maple_encoding encoding, maple_error *error);
/* *out[n x *dimensions], row-major: the architectures `rows` in what `form` executes (one-hot, features), or
 * as scored (zcp). A row without a score: MAPLE_BAD_INPUT. Freed by maple_free. */
maple_status maple_encode(const maple_dataset *dataset, maple_encoding encoding, maple_graph_form form,
                          const size_t *rows, size_t n, double **out, size_t *dimensions, maple_error *error);

/* Clusters points[n x dimensions] into k >= 1 by k-means: k-means++ (Arthur and Vassilvitskii, 2007), Lloyd's
 * iterations, the best of several starts. cluster[i] < k; with fewer than k different points some clusters
 * stay empty. */
maple_status maple_kmeans(const double *points, size_t n, size_t dimensions, size_t k, maple_rng *rng,
                          size_t *cluster, maple_error *error);

#endif
