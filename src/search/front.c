/* SPDX-License-Identifier: Apache-2.0 */
/* Fronts of latency and score, and the area they dominate. */
#include "maple/search.h"

#include <math.h>
#include <stdlib.h>

typedef struct point {
    double latency, score;
    size_t row;
} point;

static int compare_points(const void *left, const void *right) {
    const point *a = left, *b = right;
    if (a->latency != b->latency)
        return a->latency < b->latency ? -1 : 1;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* The points without a NaN, by latency; of equal latency the best first. */
static maple_status sort_points(const double *latency_ms, const double *score, size_t n, bool rounded,
                                point **out, size_t *n_out, maple_error *error) {
    point *points = maple_alloc(n, sizeof *points);
    if (!points)
        return maple_error_memory(error);
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(latency_ms[i]) && !isnan(score[i]))
            points[found++] = (point){rounded ? (float)latency_ms[i] : latency_ms[i], score[i], i};
    qsort(points, found, sizeof *points, compare_points);
    *out = points;
    *n_out = found;
    return MAPLE_OK;
}

maple_status maple_front(const double *latency_ms, const double *score, size_t n, size_t *rows,
                         size_t *n_rows, maple_error *error) {
    point *points;
    size_t found, kept = 0;
    double best = -INFINITY;
    maple_status status = sort_points(latency_ms, score, n, true, &points, &found, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; i < found; i++) {
        if (kept > 0 && !(points[i].score > best))
            continue; /* something as fast is as good */
        best = points[i].score;
        rows[kept++] = points[i].row;
    }
    *n_rows = kept;
    maple_free(points);
    return MAPLE_OK;
}

maple_status maple_hypervolume(const double *latency_ms, const double *score, size_t n, double reference_ms,
                               double reference_score, double *out, maple_error *error) {
    point *points;
    size_t found;
    double area = 0, best = reference_score;
    maple_status status = sort_points(latency_ms, score, n, false, &points, &found, error);
    if (status != MAPLE_OK)
        return status;
    /* Each point adds what it reaches above those that are faster. */
    for (size_t i = 0; i < found && points[i].latency < reference_ms; i++) {
        if (points[i].score <= best)
            continue;
        area += (reference_ms - points[i].latency) * (points[i].score - best);
        best = points[i].score;
    }
    *out = area;
    maple_free(points);
    return MAPLE_OK;
}
