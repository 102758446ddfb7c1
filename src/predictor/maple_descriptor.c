/* SPDX-License-Identifier: Apache-2.0 */
/* The hardware descriptor S as the network sees it: logarithms, standardised over the sources. */
#include "predictor/maple_model.h"
#include "predictor/ridge.h"

#include <math.h>

/* One platform's measurements, whether it is a source or the target. */
typedef struct measured {
    maple_graph_form graph;
    const double *operator_ms, *warm, *cold;
} measured;

static measured measured_platform(const maple_fit_request *request, const maple_training *training,
                                  size_t p) {
    if (p + 1 == training->n_platforms) {
        const maple_target *target = &request->target;
        return (measured){target->graph, target->operator_ms, target->counters_warm, target->counters_cold};
    }
    const maple_dataset_platform *source = &request->pool->platforms[training->rows[p]];
    return (measured){source->platform.graph, source->operator_ms, source->counters_warm,
                      source->counters_cold};
}

static double log_or_nan(double value) {
    return value > 0 && isfinite(value) ? log(value) : NAN;
}

/* Counts per run or per operator latency; one is added because warm caches give exact zeros. */
static double counter_value(double count, double operator_ms, bool per_latency) {
    double value = count >= 0 && isfinite(count) ? log(count + 1) : NAN;
    double latency = log_or_nan(operator_ms);
    return per_latency && !isnan(latency) ? value - latency : value;
}

/* Raw columns: graph form, mean log operator latency, each operator's relative to it, counters. */
static size_t raw_columns(size_t operators) {
    return 2 + operators + 2 * operators * MAPLE_EVENTS;
}

static void raw_descriptor(const measured *m, size_t operators, const double *options, double *out) {
    bool use_operators = options[OPT_OPERATORS] != 0, use_counters = options[OPT_COUNTERS] != 0;
    bool per_latency = options[OPT_COUNTER_SCALE] == COUNTERS_PER_LATENCY;
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < operators; i++) {
        double value = m->operator_ms ? log_or_nan(m->operator_ms[i]) : NAN;
        if (!isnan(value)) {
            sum += value;
            known++;
        }
    }
    double level = known > 0 ? sum / (double)known : NAN;
    *out++ = m->graph == MAPLE_GRAPH_PRUNED ? 0 : 1;
    *out++ = use_operators ? level : NAN;
    for (size_t i = 0; i < operators; i++)
        *out++ = use_operators && m->operator_ms ? log_or_nan(m->operator_ms[i]) - level : NAN;
    const double *states[] = {m->warm, m->cold};
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < operators * MAPLE_EVENTS; i++) {
            double ms = m->operator_ms ? m->operator_ms[i / MAPLE_EVENTS] : NAN;
            *out++ = use_counters && states[s] ? counter_value(states[s][i], ms, per_latency) : NAN;
        }
}

/* Mean and spread of a column over the sources; false where it is of no use. */
static bool column_scale(const double *raw, size_t columns, size_t column, size_t n_platforms, double *mean,
                         double *sd) {
    size_t known = 0;
    double sum = 0, squares = 0;
    for (size_t p = 0; p + 1 < n_platforms; p++) {
        double value = raw[p * columns + column];
        if (isnan(value))
            continue;
        known++;
        sum += value;
        squares += value * value;
    }
    if (known < 2 || isnan(raw[(n_platforms - 1) * columns + column]))
        return false;
    *mean = sum / (double)known;
    *sd = sqrt(fmax(squares / (double)known - *mean * *mean, 0));
    return *sd > 1e-3; /* a tenth of a percent, for logarithms: less is noise */
}

/* Keeps the columns that are of use, standardised, at the front of each row of raw[n, columns]; returns how
 * many. A source that lacks a value gets the mean; the rows have about unit length, however many columns
 * there are. */
static size_t standardise(double *raw, size_t columns, size_t n) {
    const double furthest = 3; /* a target outside the pool must not drive the network where it never was */
    size_t used = 0;
    for (size_t c = 0; c < columns; c++) {
        double mean, sd;
        if (!column_scale(raw, columns, c, n, &mean, &sd))
            continue;
        for (size_t p = 0; p < n; p++) {
            double value = (raw[p * columns + c] - mean) / sd;
            raw[p * columns + used] = isnan(value) ? 0 : fmin(fmax(value, -furthest), furthest);
        }
        used++;
    }
    for (size_t p = 0; p < n; p++)
        for (size_t c = 0; c < used; c++)
            raw[p * columns + c] /= sqrt((double)used);
    return used;
}

static double inner_product(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Principal components of the sources' rows. A few platforms span a few dimensions of hundreds of columns: in
 * these coordinates distances between sources are what they were, and the network has no weights that only
 * the target would use, which nothing could train. scores[n, *kept]; scratch: gram and vectors [n - 1, n -
 * 1]. */
static void principal_scores(const double *rows, size_t stride, size_t columns, size_t n, double *gram,
                             double *vectors, float *scores, size_t *kept) {
    size_t sources = n - 1;
    double largest = 0;
    for (size_t p = 0; p < sources; p++)
        for (size_t q = 0; q < sources; q++)
            gram[p * sources + q] = inner_product(rows + p * stride, rows + q * stride, columns);
    maple_eigen(sources, gram, vectors);
    for (size_t k = 0; k < sources; k++)
        largest = fmax(largest, gram[k * sources + k]);
    *kept = 0;
    for (size_t k = 0; k < sources; k++)
        *kept += gram[k * sources + k] > 1e-6 * largest;
    size_t column = 0;
    for (size_t k = 0; k < sources; k++) {
        double value = gram[k * sources + k];
        if (!(value > 1e-6 * largest))
            continue;
        for (size_t p = 0; p < n; p++) {
            double score = 0; /* row . axis, where axis = sum over sources of vector * row / sqrt(value) */
            for (size_t q = 0; q < sources; q++)
                score +=
                    vectors[q * sources + k] * inner_product(rows + p * stride, rows + q * stride, columns);
            scores[p * *kept + column] = (float)(score / sqrt(value));
        }
        column++;
    }
}

maple_status maple_descriptor_build(const maple_fit_request *request, const maple_training *training,
                                    const double *options, float **descriptors, size_t *columns,
                                    maple_error *error) {
    size_t operators = maple_space_descriptor_operators(request->space), stride = raw_columns(operators);
    size_t n = training->n_platforms;
    double *raw = maple_alloc(n, stride * sizeof *raw), *square = maple_alloc(n * n, 2 * sizeof *square);
    float *scores = maple_alloc_aligned(n * n, sizeof *scores);
    if (!raw || !square || !scores) {
        maple_free(raw);
        maple_free(square);
        maple_free(scores);
        return maple_error_memory(error);
    }
    for (size_t p = 0; p < n; p++) {
        measured m = measured_platform(request, training, p);
        raw_descriptor(&m, operators, options, raw + p * stride);
    }
    size_t used = standardise(raw, stride, n);
    principal_scores(raw, stride, used, n, square, square + n * n, scores, columns);
    maple_free(raw);
    maple_free(square);
    *descriptors = scores;
    return MAPLE_OK;
}
