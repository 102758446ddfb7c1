/* SPDX-License-Identifier: Apache-2.0 */
/* The hardware descriptor S: named parts, logarithms, standardised over the sources, principal components. */
#include "predictor/maple_descriptor.h"
#include "predictor/ridge.h"

#include <math.h>
#include <string.h>

static double log_or_nan(double value) {
    return value > 0 && isfinite(value) ? log(value) : NAN;
}

/* --- Raw columns, part by part --- */

typedef struct layout {
    size_t operators, references, columns;
} layout;

static layout layout_of(const maple_space *space) {
    layout l = {.operators = maple_space_descriptor_operators(space),
                .references = maple_space_references(space)};
    l.columns = 1 + (1 + l.operators) + 2 * l.operators * MAPLE_EVENTS + (1 + l.references);
    return l;
}

size_t maple_descriptor_columns(const maple_space *space) {
    return layout_of(space).columns;
}

static double *fill_operators(const maple_measured *m, size_t operators, bool use, double *out) {
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
    *out++ = use ? level : NAN;
    for (size_t i = 0; i < operators; i++)
        *out++ = use && m->operator_ms ? log_or_nan(m->operator_ms[i]) - level : NAN;
    return out;
}

/* Counts per run or per operator latency; one is added because warm caches give exact zeros. */
static double counter_value(double count, double operator_ms, bool per_latency) {
    double value = count >= 0 && isfinite(count) ? log(count + 1) : NAN;
    double latency = log_or_nan(operator_ms);
    return per_latency && !isnan(latency) ? value - latency : value;
}

/* Whether the counters of this platform are of the kind that is looked at. */
static bool wanted_kind(const maple_measured *m, int kind) {
    if (kind == COUNTERS_NONE || kind == COUNTERS_ANY)
        return kind == COUNTERS_ANY;
    for (size_t i = 0; m->provider && maple_counters_at(i); i++)
        if (strcmp(maple_counters_at(i)->name, m->provider) == 0)
            return maple_counters_at(i)->simulated == (kind == COUNTERS_SIMULATED);
    return false;
}

static double *fill_counters(const maple_measured *m, size_t operators, const maple_parts *parts,
                             double *out) {
    const double *states[] = {m->counters_warm, m->counters_cold};
    bool use = wanted_kind(m, parts->counters);
    for (int s = 0; s < 2; s++)
        for (size_t i = 0; i < operators * MAPLE_EVENTS; i++) {
            double ms = m->operator_ms ? m->operator_ms[i / MAPLE_EVENTS] : NAN;
            *out++ = use && states[s] ? counter_value(states[s][i], ms, parts->counters_per_latency) : NAN;
        }
    return out;
}

/* The level is taken over what is known, each network relative to its mean over the sources, so that it means
 * the same whichever are missing. */
static double *fill_references(const maple_measured *m, size_t references, bool use, const double *mean,
                               double *out) {
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; i < references; i++) {
        double value = use && m->reference_ms ? log_or_nan(m->reference_ms[i]) - mean[i] : NAN;
        out[1 + i] = value;
        if (!isnan(value)) {
            sum += value;
            known++;
        }
    }
    out[0] = known > 0 ? sum / (double)known : NAN;
    for (size_t i = 0; i < references; i++)
        out[1 + i] -= out[0];
    return out + 1 + references;
}

static void fill(const maple_axes *axes, const layout *l, const maple_measured *m, double *out) {
    *out++ = m->graph == MAPLE_GRAPH_PRUNED ? 0 : 1;
    out = fill_operators(m, l->operators, axes->parts.operators, out);
    out = fill_counters(m, l->operators, &axes->parts, out);
    fill_references(m, l->references, axes->parts.references, axes->reference_mean, out);
}

/* --- Standardising --- */

static void reference_means(const maple_measured *platforms, size_t n, size_t references, double *mean) {
    for (size_t i = 0; i < references; i++) {
        double sum = 0;
        size_t known = 0;
        for (size_t p = 0; p < n; p++) {
            double value = platforms[p].reference_ms ? log_or_nan(platforms[p].reference_ms[i]) : NAN;
            if (!isnan(value)) {
                sum += value;
                known++;
            }
        }
        mean[i] = known > 0 ? sum / (double)known : NAN;
    }
}

/* Mean and spread of a column over the sources; false where it is of no use. */
static bool column_scale(const double *raw, size_t columns, size_t column, size_t n, double *mean,
                         double *sd) {
    size_t known = 0;
    double sum = 0, squares = 0;
    for (size_t p = 0; p < n; p++) {
        double value = raw[p * columns + column];
        if (isnan(value))
            continue;
        known++;
        sum += value;
        squares += value * value;
    }
    if (known < 2)
        return false;
    *mean = sum / (double)known;
    *sd = sqrt(fmax(squares / (double)known - *mean * *mean, 0));
    return *sd > 1e-3; /* a tenth of a percent, for logarithms: less is noise */
}

/* out[used] of raw[columns], of about unit length however many columns there are; in place. */
static void standardise(const maple_axes *axes, double *raw) {
    const double furthest = 3; /* a target outside the pool must not drive the network where it never was */
    for (size_t c = 0; c < axes->used; c++) {
        double value = (raw[(size_t)axes->column[c]] - axes->mean[c]) / axes->sd[c];
        raw[c] = isnan(value) ? 0 : fmin(fmax(value, -furthest), furthest) / sqrt((double)axes->used);
    }
}

/* --- Principal components --- */

static double inner_product(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Of the rows of n sources; scratch: gram and vectors [n, n]. axis = sum over sources of vector * row /
 * sqrt(value). */
static void principal_axes(const double *rows, size_t stride, size_t n, double *gram, double *vectors,
                           maple_axes *axes) {
    double largest = 0;
    for (size_t p = 0; p < n; p++)
        for (size_t q = 0; q < n; q++)
            gram[p * n + q] = inner_product(rows + p * stride, rows + q * stride, axes->used);
    maple_eigen(n, gram, vectors);
    for (size_t k = 0; k < n; k++)
        largest = fmax(largest, gram[k * n + k]);
    for (size_t k = 0; k < n; k++) {
        double value = gram[k * n + k];
        if (!(value > 1e-6 * largest))
            continue;
        double *axis = axes->axis + axes->kept++ * axes->used;
        for (size_t q = 0; q < n; q++)
            for (size_t c = 0; c < axes->used; c++)
                axis[c] += vectors[q * n + k] / sqrt(value) * rows[q * stride + c];
    }
}

/* --- Together --- */

void maple_axes_release(maple_axes *axes) {
    maple_free(axes->reference_mean);
    maple_free(axes->column);
    maple_free(axes->mean);
    maple_free(axes->sd);
    maple_free(axes->axis);
    *axes = (maple_axes){0};
}

/* raw[n + 1, columns]: the sources' columns, then the target's. */
static void choose_columns(const double *raw, const layout *l, size_t n, bool has_target, maple_axes *axes) {
    for (size_t c = 0; c < l->columns; c++) {
        double mean, sd;
        if (!column_scale(raw, l->columns, c, n, &mean, &sd) ||
            (has_target && isnan(raw[n * l->columns + c])))
            continue;
        axes->column[axes->used] = (double)c;
        axes->mean[axes->used] = mean;
        axes->sd[axes->used++] = sd;
    }
}

maple_status maple_axes_learn(const maple_space *space, maple_parts parts, const maple_measured *platforms,
                              size_t n, const maple_measured *target, maple_axes *out, maple_error *error) {
    layout l = layout_of(space);
    maple_axes axes = {.parts = parts, .references = l.references};
    axes.reference_mean = maple_alloc(l.references, sizeof(double));
    axes.column = maple_alloc(l.columns, sizeof(double));
    axes.mean = maple_alloc(l.columns, sizeof(double));
    axes.sd = maple_alloc(l.columns, sizeof(double));
    axes.axis = maple_alloc(n * l.columns, sizeof(double));
    double *raw = maple_alloc((n + 1) * l.columns, sizeof *raw),
           *square = maple_alloc(n * n, 2 * sizeof *square);
    maple_status status = MAPLE_OK;
    if (!axes.reference_mean || !axes.column || !axes.mean || !axes.sd || !axes.axis || !raw || !square) {
        status = maple_error_memory(error);
        maple_axes_release(&axes);
        goto done;
    }
    reference_means(platforms, n, l.references, axes.reference_mean);
    for (size_t p = 0; p < n; p++)
        fill(&axes, &l, &platforms[p], raw + p * l.columns);
    if (target)
        fill(&axes, &l, target, raw + n * l.columns);
    choose_columns(raw, &l, n, target, &axes);
    for (size_t p = 0; p < n; p++)
        standardise(&axes, raw + p * l.columns);
    principal_axes(raw, l.columns, n, square, square + n * n, &axes);
    *out = axes;
done:
    maple_free(raw);
    maple_free(square);
    return status;
}

maple_status maple_axes_apply(const maple_axes *axes, const maple_space *space,
                              const maple_measured *platform, float *s, maple_error *error) {
    layout l = layout_of(space);
    double *raw = maple_alloc(l.columns, sizeof *raw);
    if (!raw)
        return maple_error_memory(error);
    fill(axes, &l, platform, raw);
    standardise(axes, raw);
    for (size_t k = 0; k < axes->kept; k++)
        s[k] = (float)inner_product(raw, axes->axis + k * axes->used, axes->used);
    maple_free(raw);
    return MAPLE_OK;
}
