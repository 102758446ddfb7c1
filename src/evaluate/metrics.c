/* SPDX-License-Identifier: Apache-2.0 */
/* Error-bound accuracy, rank correlations, errors and intervals of predicted against measured latencies. */
#include "evaluate/metrics.h"

#include <math.h>

/* The k-th smallest (from 0) comes to values[k], smaller or equal ones before it, larger or equal ones after
 * it (Hoare's selection). */
static void select_nth(double *values, size_t n, size_t k) {
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, wanted = (ptrdiff_t)k;
    while (low < high) {
        double pivot = values[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i > j)
                break;
            double t = values[i];
            values[i++] = values[j];
            values[j--] = t;
        }
        if (j < wanted)
            low = i;
        if (wanted < i)
            high = j;
    }
}

static double median(double *values, size_t n) {
    size_t upper = n / 2;
    select_nth(values, n, upper);
    if (n % 2 == 1)
        return values[upper];
    double lower = values[0];
    for (size_t i = 1; i < upper; i++)
        lower = fmax(lower, values[i]);
    return lower + 0.5 * (values[upper] - lower);
}

static void measure_errors(maple_rank_room *room, size_t n, maple_metrics *out) {
    size_t within[3] = {0};
    double squares = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        /* The bound is inclusive: the difference is compared, not the rounded quotient, so that 110 against
         * 100 is within 10 %. */
        double off = fabs(room->y.value[i] - room->x.value[i]), scale = fabs(room->x.value[i]);
        within[0] += off * 100 <= scale;
        within[1] += off * 20 <= scale;
        within[2] += off * 10 <= scale;
        room->scratch[i] = off > 0 ? off / scale : 0;
        sum += room->scratch[i];
        squares += off * off;
    }
    double count = (double)n;
    out->acc1 = (double)within[0] / count;
    out->acc5 = (double)within[1] / count;
    out->acc10 = (double)within[2] / count;
    out->mape = sum / count;
    out->medape = median(room->scratch, n);
    out->rmse_ms = sqrt(squares / count);
}

/* Overwrites the room's scratch. */
static void measure_intervals(maple_rank_room *room, size_t n, const double *lower_ms, const double *upper_ms,
                              maple_metrics *out) {
    size_t known = 0, covered = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(lower_ms[i]) || isnan(upper_ms[i]))
            continue;
        double width = upper_ms[i] - lower_ms[i];
        covered += lower_ms[i] <= room->x.value[i] && room->x.value[i] <= upper_ms[i];
        room->scratch[known++] = width > 0 ? width / room->y.value[i] : 0;
    }
    if (known == 0)
        return;
    out->coverage90 = (double)covered / (double)known;
    out->interval_width = median(room->scratch, known);
}

maple_metrics maple_metrics_unknown(void) {
    return (maple_metrics){.acc1 = NAN,
                           .acc5 = NAN,
                           .acc10 = NAN,
                           .spearman = NAN,
                           .kendall = NAN,
                           .mape = NAN,
                           .medape = NAN,
                           .rmse_ms = NAN,
                           .coverage90 = NAN,
                           .interval_width = NAN};
}

void maple_metrics_of_pairs(maple_rank_room *room, size_t n, const double *lower_ms, const double *upper_ms,
                            maple_metrics *out) {
    *out = maple_metrics_unknown();
    out->n = n;
    if (n == 0)
        return;
    maple_rank_correlations(room, n, &out->spearman, &out->kendall);
    measure_errors(room, n, out);
    if (lower_ms && upper_ms)
        measure_intervals(room, n, lower_ms, upper_ms, out);
}

/* bounds[2 n]: those of the pairs that maple_rank_pairs keeps, lower ones first. */
static void take_bounds(const double *measured_ms, const maple_predictions *predicted, size_t n,
                        double *bounds) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(measured_ms[i]) || !isfinite(predicted->latency_ms[i]))
            continue;
        bounds[kept] = predicted->lower_ms[i];
        bounds[n + kept++] = predicted->upper_ms[i];
    }
}

maple_status maple_metrics_compute(const double *measured_ms, const maple_predictions *predicted, size_t n,
                                   maple_metrics *out, maple_error *error) {
    maple_rank_room room;
    maple_status status = maple_rank_room_create(n, &room, error);
    if (status != MAPLE_OK)
        return status;
    double *bounds = NULL;
    if (predicted->lower_ms && predicted->upper_ms) {
        bounds = maple_alloc(n, 2 * sizeof *bounds);
        if (!bounds) {
            status = maple_error_memory(error);
            goto done;
        }
        take_bounds(measured_ms, predicted, n, bounds);
    }
    size_t pairs = maple_rank_pairs(&room, measured_ms, predicted->latency_ms, n);
    maple_metrics_of_pairs(&room, pairs, bounds, bounds ? bounds + n : NULL, out);
done:
    maple_free(bounds);
    maple_rank_room_free(&room);
    return status;
}
