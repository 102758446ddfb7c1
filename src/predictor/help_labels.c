/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies as HELP's networks see them, and predictions as milliseconds. */
#include "predictor/help_model.h"

#include <math.h>

static const double LABEL_LOW = 0.05, LABEL_WIDTH = 0.9;

help_scale help_scale_empty(int labels) {
    return (help_scale){.log = labels == LABELS_LOG, .low = INFINITY, .high = -INFINITY};
}

void help_scale_include(help_scale *scale, const double *latency_ms, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double value = scale->log ? log(latency_ms[i]) : latency_ms[i];
        if (!isfinite(value))
            continue;
        scale->low = fmin(scale->low, value);
        scale->high = fmax(scale->high, value);
    }
}

/* Where all is alike, the unit is the latency itself. */
static double width_of(const help_scale *scale) {
    double width = scale->high - scale->low, unit = scale->log ? 1 : scale->high;
    return width > 1e-9 * unit ? width : unit;
}

float help_scale_label(const help_scale *scale, double latency_ms) {
    double value = scale->log ? log(latency_ms) : latency_ms;
    return (float)fmin(fmax(LABEL_LOW + LABEL_WIDTH * (value - scale->low) / width_of(scale), -3), 4);
}

void help_embed(const double *reference_ms, const double *missing, float *hardware) {
    help_scale scale = help_scale_empty(LABELS_REFERENCES);
    help_scale_include(&scale, reference_ms, HELP_REFERENCES);
    for (int i = 0; i < HELP_REFERENCES; i++) {
        bool known = isfinite(reference_ms[i]);
        hardware[i] = (float)(known ? (reference_ms[i] - scale.low) / width_of(&scale) : missing[i]);
    }
}

/* --- Milliseconds --- */

static double median(const double *values, size_t n) {
    maple_summary summary;
    return maple_summarise(values, n, &summary, NULL) == MAPLE_OK ? summary.median : values[0];
}

/* Weighted least squares; slope NaN where the predictions are all alike. */
static void weighted_line(const double *x, const double *value, const double *weight, size_t n,
                          help_line *line) {
    double sum = 0, mean_x = 0, mean_y = 0, xx = 0, xy = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weight[i];
        mean_x += weight[i] * x[i];
        mean_y += weight[i] * value[i];
    }
    mean_x /= sum;
    mean_y /= sum;
    for (size_t i = 0; i < n; i++) {
        xx += weight[i] * (x[i] - mean_x) * (x[i] - mean_x);
        xy += weight[i] * (x[i] - mean_x) * (value[i] - mean_y);
    }
    line->slope = xx > 1e-12 * sum ? xy / xx : NAN;
    line->intercept = mean_y - line->slope * mean_x;
}

/* Least squares of relative errors (of a logarithm: as it is); with `robust` the least sum of their absolute
 * values, by least squares whose weights are those of the last errors. */
static void fit_line(const double *x, const double *value, const double *latency_ms, size_t n, bool robust,
                     double *weight, help_line *line) {
    const double smallest = 1e-3; /* errors below count as this */
    double floor_ms = 0.2 * median(latency_ms, n);
    for (int round = 0; round < (robust ? 30 : 1); round++) {
        for (size_t i = 0; i < n; i++) {
            double unit = line->log ? 1 : fmax(latency_ms[i], floor_ms);
            double off = round > 0 ? fabs(line->slope * x[i] + line->intercept - value[i]) / unit : 1;
            weight[i] = 1 / (fmax(off, smallest) * unit * unit);
        }
        weighted_line(x, value, weight, n, line);
        if (isnan(line->slope))
            return;
    }
}

static void match_ranges(const double *x, const double *value, size_t n, help_line *line) {
    double low = INFINITY, high = -INFINITY, least = INFINITY, most = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
        least = fmin(least, value[i]);
        most = fmax(most, value[i]);
    }
    line->slope = high - low > 1e-9 ? (most - least) / (high - low) : NAN;
    line->intercept = least - line->slope * low;
}

maple_status help_line_fit(int denormalise, const help_scale *scale, const double *prediction,
                           const double *latency_ms, size_t n, help_line *out, maple_error *error) {
    help_line line = {.log = scale->log, .floor_ms = INFINITY};
    double mean = 0, *value = maple_alloc(2 * n, sizeof *value);
    if (!value)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++) {
        value[i] = line.log ? log(latency_ms[i]) : latency_ms[i];
        line.floor_ms = fmin(line.floor_ms, latency_ms[i] / 20);
    }
    if (denormalise == DENORMALISE_RANGE)
        match_ranges(prediction, value, n, &line);
    else
        fit_line(prediction, value, latency_ms, n, denormalise == DENORMALISE_ROBUST, value + n, &line);
    if (!(line.slope > 0)) {
        line.slope = width_of(scale) / LABEL_WIDTH;
        for (size_t i = 0; i < n; i++)
            mean += (value[i] - line.slope * prediction[i]) / (double)n;
        line.intercept = mean;
    }
    maple_free(value);
    *out = line;
    return MAPLE_OK;
}

double help_line_apply(const help_line *line, double prediction) {
    /* Beyond these a prediction is not a latency any more, and exp would leave the range of double. */
    const double least = -50, most = 50;
    double value = line->slope * prediction + line->intercept;
    return line->log ? exp(fmin(fmax(value, least), most)) : fmax(value, line->floor_ms);
}
