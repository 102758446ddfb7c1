/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources say: the coefficients of each, their mean and what they differ in. */
#include "predictor/gp_model.h"
#include "predictor/predictor_internal.h"
#include "predictor/ridge.h"

#include <math.h>
#include <string.h>

/* Ridge penalty for each training row and standardised feature: takes the noise out of a source's latencies
 * without bending them. */
static const double PENALTY = 1e-3;

void gp_sources_release(gp_sources *sources) {
    for (int form = 0; form < 2; form++)
        maple_free(sources->coefficients[form]);
    maple_free(sources->level_ms);
    maple_free(sources->operator_ms);
    maple_free(sources->graph);
    *sources = (gp_sources){0};
}

maple_status gp_sources_create(const maple_space *space, size_t n, gp_sources *out, maple_error *error) {
    gp_sources s = {.space = space, .n = n, .operators = maple_space_operators(space)};
    for (int form = 0; form < 2; form++)
        s.coefficients[form] = maple_alloc(n, (maple_space_features(space) + 1) * sizeof(double));
    s.level_ms = maple_alloc(n, sizeof(double));
    s.operator_ms = maple_alloc(n, s.operators * sizeof(double));
    s.graph = maple_alloc(n, sizeof(double));
    if (!s.coefficients[0] || !s.coefficients[1] || !s.level_ms || !s.operator_ms || !s.graph) {
        gp_sources_release(&s);
        return maple_error_memory(error);
    }
    *out = s;
    return MAPLE_OK;
}

size_t gp_source_rows(const maple_fit_request *request, size_t platform, maple_arch *archs,
                      double *latency_ms) {
    const maple_dataset *pool = request->pool;
    maple_graph_form graph = pool->platforms[platform].platform.graph;
    size_t n = 0;
    for (size_t i = 0; i < maple_train_rows(request); i++) {
        double ms = maple_train_latency(request, platform, i);
        if (isnan(ms))
            continue;
        archs[n] = maple_space_canonical(pool->space, graph, &pool->archs[maple_train_row(request, i)]);
        latency_ms[n++] = ms;
    }
    return n;
}

static maple_status fit(const maple_fit_request *request, const gp_frame *frame, size_t platform, double *raw,
                        double *level_ms, maple_error *error) {
    size_t total = maple_train_rows(request), n = 0, width = frame->k + 1;
    maple_arch *archs = maple_alloc(total, sizeof *archs);
    double *x = maple_alloc(total, width * sizeof *x), *y = maple_alloc(total, sizeof *y), mean = 0;
    double *penalty = maple_alloc(width, sizeof *penalty), *c = maple_alloc(width, sizeof *c);
    maple_status status = archs && x && y && penalty && c ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        n = gp_source_rows(request, platform, archs, y);
    for (size_t i = 0; i < n; i++) {
        gp_frame_row(frame, &archs[i], x + i * width);
        mean += y[i];
    }
    if (status == MAPLE_OK) {
        mean /= (double)n;
        for (size_t i = 0; i < n; i++)
            y[i] /= mean;
        gp_frame_penalty(frame, PENALTY * (double)n, penalty);
        status = maple_ridge(n, width, x, y, NULL, penalty, c, error);
    }
    if (status == MAPLE_OK) {
        *level_ms = mean * gp_frame_level(frame, c);
        for (size_t j = 0; j < width; j++)
            c[j] *= mean / *level_ms;
        gp_frame_leave(frame, c, raw);
    }
    maple_free(archs);
    maple_free(x);
    maple_free(y);
    maple_free(penalty);
    maple_free(c);
    return status;
}

/* A source of the other form in this frame: what it executes of the frame's architectures, looked at through
 * a ridge. What is pruned of a graph is an architecture as written, too, but its features are not those of
 * the frame: where operators are counted once, a source as written has coefficients of three counts. */
static maple_status translate(const gp_frame *frame, const double *source, double *raw, maple_error *error) {
    size_t width = frame->k + 1;
    double *y = maple_alloc(frame->n_drawn, sizeof *y), *c = maple_alloc(width, sizeof *c);
    double *penalty = maple_alloc(width, sizeof *penalty);
    maple_status status = y && c && penalty ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        gp_frame_apply(frame, frame->executed, source, y);
        gp_frame_penalty(frame, PENALTY * (double)frame->n_drawn, penalty);
        status = maple_ridge(frame->n_drawn, width, frame->drawn, y, NULL, penalty, c, error);
    }
    if (status == MAPLE_OK)
        gp_frame_leave(frame, c, raw);
    maple_free(y);
    maple_free(c);
    maple_free(penalty);
    return status;
}

maple_status gp_sources_learn(gp_sources *sources, size_t s, const maple_fit_request *request,
                              const gp_frame *frames, size_t platform, maple_error *error) {
    const maple_dataset_platform *source = &request->pool->platforms[platform];
    maple_graph_form own = source->platform.graph;
    size_t width = frames[0].k + 1;
    double *of_form[2] = {sources->coefficients[0] + s * width, sources->coefficients[1] + s * width};
    memcpy(sources->operator_ms + s * sources->operators, source->operator_ms,
           sources->operators * sizeof(double));
    sources->graph[s] = own;
    maple_status status = fit(request, &frames[own], platform, of_form[own], &sources->level_ms[s], error);
    if (status != MAPLE_OK)
        return status;
    maple_graph_form other = own == MAPLE_GRAPH_PRUNED ? MAPLE_GRAPH_AS_WRITTEN : MAPLE_GRAPH_PRUNED;
    return translate(&frames[other], of_form[own], of_form[other], error);
}

void gp_view_release(gp_view *view) {
    maple_free(view->shapes);
    maple_free(view->spread);
    *view = (gp_view){0};
}

size_t gp_shapes(const gp_view *view) {
    return GP_LIKE_SOURCE + view->n + view->n_tables;
}

static void fill_costs(const gp_frame *frame, double *cost) {
    double n = frame->members[GP_FIRST_GROUP + MAPLE_FEATURE_COST];
    for (size_t j = 0; j < frame->k; j++)
        if (frame->block[j] == GP_FIRST_GROUP + MAPLE_FEATURE_COST && frame->scale[j] > 0)
            cost[j] = 1 / (n * frame->mean[j] * frame->scale[j]);
}

/* Coefficients of the sources in the frame, each over its level; then their mean and what each differs by. */
static void fill_sources(gp_view *view, const gp_sources *sources, const bool *use, double *mean) {
    size_t width = view->frame->k + 1;
    double *first = view->shapes + GP_LIKE_SOURCE * width;
    for (size_t d = 0; d < sources->n; d++) {
        if (use && !use[d])
            continue;
        double *c = first + view->n++ * width;
        gp_frame_enter(view->frame, sources->coefficients[view->frame->graph] + d * width, c);
        double level = gp_frame_level(view->frame, c);
        for (size_t j = 0; j < width; j++)
            c[j] /= level;
    }
    double count = (double)view->n;
    for (size_t d = 0; d < view->n; d++)
        for (size_t j = 0; j < width; j++)
            mean[j] += first[d * width + j] / count;
    for (size_t d = 0; d < view->n; d++)
        for (size_t j = 0; j < width; j++)
            view->spread[d * width + j] = (first[d * width + j] - mean[j]) / sqrt(count);
}

maple_status gp_view_create(const gp_frame *frame, const gp_sources *sources, const bool *use,
                            const double *operator_ms, gp_view *out, maple_error *error) {
    size_t width = frame->k + 1;
    gp_view view = {.frame = frame};
    view.shapes = maple_alloc(GP_LIKE_SOURCE + 2 * sources->n, width * sizeof *view.shapes);
    view.spread = maple_alloc(sources->n, width * sizeof *view.spread);
    maple_status status = view.shapes && view.spread ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        fill_costs(frame, view.shapes + GP_LIKE_COST * width);
        fill_sources(&view, sources, use, view.shapes + GP_LIKE_POOL * width);
        view.mean = view.shapes + GP_LIKE_POOL * width;
        view.cost = view.shapes + GP_LIKE_COST * width;
    }
    if (status == MAPLE_OK && operator_ms)
        status = gp_view_add_tables(&view, sources, use, operator_ms, error);
    if (status == MAPLE_OK)
        *out = view;
    else
        gp_view_release(&view);
    return status;
}
