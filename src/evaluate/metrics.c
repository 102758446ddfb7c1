/* SPDX-License-Identifier: Apache-2.0 */
/* Error-bound accuracy, rank correlations and errors of predicted against measured latencies. */
#include "evaluate/ranks.h"

maple_status maple_metrics_compute(const double *measured_ms, const double *predicted_ms, size_t n,
                                   maple_metrics *out, maple_error *error) {
    maple_rank_room room;
    maple_status status = maple_rank_room_create(n, &room, error);
    if (status != MAPLE_OK)
        return status;
    size_t kept = maple_rank_pairs(&room, measured_ms, predicted_ms, n);
    maple_rank_order(room.measured, kept, room.by_measured, room.keys);
    maple_rank_order(room.predicted, kept, room.by_predicted, room.keys);
    maple_rank_metrics(&room, kept, out);
    maple_rank_room_free(&room);
    return MAPLE_OK;
}

maple_status maple_spearman(const double *a, const double *b, size_t n, double *out, maple_error *error) {
    maple_metrics metrics;
    maple_status status = maple_metrics_compute(a, b, n, &metrics, error);
    if (status == MAPLE_OK)
        *out = metrics.spearman;
    return status;
}

maple_status maple_kendall(const double *a, const double *b, size_t n, double *out, maple_error *error) {
    maple_metrics metrics;
    maple_status status = maple_metrics_compute(a, b, n, &metrics, error);
    if (status == MAPLE_OK)
        *out = metrics.kendall;
    return status;
}
