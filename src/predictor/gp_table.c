/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device of which operators were timed but no network yet. Its latency over the sum of its operators'
 * latencies is taken to be what that ratio was on the sources, weighed by a Gaussian kernel on the operators'
 * relative latencies (a device kernel). Fitted by a ridge on the drawn architectures, so that it is a shape
 * like the others.
 */
#include "predictor/gp_model.h"
#include "predictor/ridge.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

static const double KERNEL_WIDTH = 0.5; /* of log latencies, root mean square over operators */
static const double PENALTY = 1e-6;     /* for each drawn architecture: the table has no noise */
static const double LEAST = 0.05;       /* of a source's level: its linear model says nothing below */

/* NaN where an operator that runs has no latency. */
static double table_sum(const double *counts, const double *operator_ms, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (counts[i] > 0)
            sum += counts[i] * operator_ms[i];
    return sum;
}

static bool has_table(const gp_frame *frame, maple_graph_form graph, const double *operator_ms,
                      size_t operators) {
    for (size_t i = 0; i < frame->n_drawn; i++)
        if (!(table_sum(frame->counts[graph] + i * operators, operator_ms, operators) > 0))
            return false;
    return true;
}

/* Mean square difference of log latencies, their mean difference (the speed) taken out. */
static double distance(const double *a, const double *b, size_t n) {
    double sum = 0, square = 0, known = 0;
    for (size_t i = 0; i < n; i++) {
        double off = a[i] > 0 && b[i] > 0 ? log(a[i] / b[i]) : NAN;
        if (isnan(off))
            continue;
        sum += off;
        square += off * off;
        known++;
    }
    return known > 0 ? fmax(0, square / known - (sum / known) * (sum / known)) : INFINITY;
}

/* weight[sources->n], 0 for those that have no table or are not used; false where all are. */
static bool weigh_sources(const gp_sources *s, const bool *use, const gp_frame *frame,
                          const double *operator_ms, double *weight) {
    double nearest = INFINITY, sum = 0;
    for (size_t d = 0; d < s->n; d++) {
        const double *own = s->operator_ms + d * s->operators;
        weight[d] = (!use || use[d]) && has_table(frame, (maple_graph_form)s->graph[d], own, s->operators)
                        ? distance(own, operator_ms, s->operators)
                        : INFINITY;
        nearest = fmin(nearest, weight[d]);
    }
    for (size_t d = 0; d < s->n; d++) {
        weight[d] = isinf(weight[d]) ? 0 : exp((nearest - weight[d]) / (2 * KERNEL_WIDTH * KERNEL_WIDTH));
        sum += weight[d];
    }
    for (size_t d = 0; d < s->n && sum > 0; d++)
        weight[d] /= sum;
    return sum > 0;
}

/* ratio[drawn]: log of a source's latency over its table's sum. Where nothing runs on a source of the pruned
 * form, the mean of the others. */
static void find_ratio(const gp_sources *s, size_t d, const gp_frame *frame, double *c, double *ratio) {
    size_t n = 0;
    double mean = 0;
    maple_graph_form graph = (maple_graph_form)s->graph[d];
    gp_frame_enter(frame, s->coefficients[frame->graph] + d * (frame->k + 1), c);
    gp_frame_apply(frame, frame->drawn, c, ratio);
    for (size_t i = 0; i < frame->n_drawn; i++) {
        double relative = ratio[i]; /* of a source's level, until here */
        ratio[i] = NAN;
        if (graph == MAPLE_GRAPH_PRUNED && frame->degenerate[i])
            continue;
        double sum = table_sum(frame->counts[graph] + i * s->operators, s->operator_ms + d * s->operators,
                               s->operators);
        ratio[i] = log(fmax(relative, LEAST) * s->level_ms[d] / sum);
        mean += ratio[i];
        n++;
    }
    for (size_t i = 0; i < frame->n_drawn; i++)
        ratio[i] = isnan(ratio[i]) ? mean / (double)n : ratio[i];
}

/* y[1 + tables, drawn]: the table's sums times the sources' ratio, weighed, and of each source that counts.
 */
static void predict_drawn(const gp_sources *s, const gp_frame *frame, const double *operator_ms,
                          const double *weight, double *c, double *y) {
    size_t n = frame->n_drawn, tables = 0;
    for (size_t d = 0; d < s->n; d++) {
        if (weight[d] == 0)
            continue;
        double *ratio = y + ++tables * n;
        find_ratio(s, d, frame, c, ratio);
        cblas_daxpy((int)n, weight[d], ratio, 1, y, 1);
    }
    for (size_t i = 0; i < n; i++) {
        double sum = table_sum(frame->counts[frame->graph] + i * s->operators, operator_ms, s->operators);
        for (size_t t = 0; t <= tables; t++)
            y[t * n + i] = exp(y[t * n + i]) * sum;
    }
}

/* c[1 + tables, k + 1] of what is in y. */
static maple_status fit_drawn(const gp_frame *frame, size_t tables, const double *y, double *c,
                              maple_error *error) {
    size_t width = frame->k + 1, n = frame->n_drawn;
    double *penalty = maple_alloc(width, sizeof *penalty);
    if (!penalty)
        return maple_error_memory(error);
    gp_frame_penalty(frame, PENALTY * (double)n, penalty);
    maple_status status = maple_ridge_many(n, width, frame->drawn, 1 + tables, y, penalty, c, error);
    maple_free(penalty);
    return status;
}

/* c[1 + tables, k + 1] over their levels: the table of all where tables are, those of each at the end. */
static void add(gp_view *view, size_t tables, double *c) {
    size_t width = view->frame->k + 1, row = GP_LIKE_TABLE;
    view->table_ms = gp_frame_level(view->frame, c);
    view->table = view->shapes + GP_LIKE_TABLE * width;
    view->n_tables = tables;
    for (size_t t = 0; t <= tables; t++) {
        double level = gp_frame_level(view->frame, c + t * width);
        for (size_t j = 0; j < width; j++)
            view->shapes[row * width + j] = c[t * width + j] / level;
        row = GP_LIKE_SOURCE + view->n + t;
    }
}

maple_status gp_view_add_tables(gp_view *view, const gp_sources *sources, const bool *use,
                                const double *operator_ms, maple_error *error) {
    const gp_frame *frame = view->frame;
    if (!has_table(frame, frame->graph, operator_ms, sources->operators))
        return MAPLE_OK;
    size_t width = frame->k + 1, most = 1 + sources->n, tables = 0;
    double *weight = maple_alloc(sources->n, sizeof *weight), *c = maple_alloc(most, width * sizeof *c);
    double *y = maple_alloc(most, frame->n_drawn * sizeof *y);
    maple_status status = weight && c && y ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK && weigh_sources(sources, use, frame, operator_ms, weight)) {
        for (size_t d = 0; d < sources->n; d++)
            tables += weight[d] > 0;
        predict_drawn(sources, frame, operator_ms, weight, c, y);
        status = fit_drawn(frame, tables, y, c, error);
        if (status == MAPLE_OK)
            add(view, tables, c);
    }
    maple_free(weight);
    maple_free(c);
    maple_free(y);
    return status;
}
