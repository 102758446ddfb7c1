/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources say: the coefficients of each, their mean and what they differ in. */
#include "predictor/gp_model.h"
#include "predictor/predictor_internal.h"
#include "predictor/ridge.h"

#include <math.h>

/* Ridge penalty for each training row and standardised feature: takes the noise out of a source's latencies
 * without bending them. */
static const double PENALTY = 1e-3;

maple_status gp_source_coefficients(const maple_fit_request *request, const gp_frame *frame, size_t platform,
                                    double *raw, maple_error *error) {
    const maple_dataset *pool = request->pool;
    const double *known = pool->platforms[platform].latency_ms;
    size_t total = maple_train_rows(request), n = 0, width = frame->k + 1;
    double *x = maple_alloc(total, width * sizeof *x), *y = maple_alloc(total, sizeof *y), mean = 0;
    double *penalty = maple_alloc(width, sizeof *penalty), *c = maple_alloc(width, sizeof *c);
    maple_status status = x && y && penalty && c ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < total && status == MAPLE_OK; i++) {
        size_t row = maple_train_row(request, i);
        double ms = maple_usable_latency(pool, frame->graph, known, row);
        if (isnan(ms))
            continue;
        maple_arch arch = maple_space_canonical(pool->space, frame->graph, &pool->archs[row]);
        gp_frame_row(frame, &arch, x + n * width);
        mean += ms;
        y[n++] = ms;
    }
    if (status == MAPLE_OK) {
        mean /= (double)n;
        for (size_t i = 0; i < n; i++)
            y[i] /= mean;
        for (size_t j = 0; j < frame->k; j++)
            penalty[j] = PENALTY * (double)n / fmax(1, frame->members[frame->block[j]]);
        penalty[frame->k] = 1e-9;
        status = maple_ridge(n, width, x, y, NULL, penalty, c, error);
    }
    if (status == MAPLE_OK)
        gp_frame_leave(frame, c, raw);
    maple_free(x);
    maple_free(y);
    maple_free(penalty);
    maple_free(c);
    return status;
}

void gp_view_release(gp_view *view) {
    maple_free(view->mean);
    maple_free(view->spread);
    maple_free(view->cost);
    *view = (gp_view){0};
}

static void fill_costs(const gp_frame *frame, double *cost) {
    double n = frame->members[GP_FIRST_GROUP + MAPLE_FEATURE_COST];
    cost[frame->k] = 1;
    for (size_t j = 0; j < frame->k; j++)
        if (frame->block[j] == GP_FIRST_GROUP + MAPLE_FEATURE_COST && frame->scale[j] > 0)
            cost[j] = 1 / (n * frame->mean[j] * frame->scale[j]);
}

maple_status gp_view_create(const gp_frame *frame, const double *raw, size_t total, const bool *use,
                            gp_view *out, maple_error *error) {
    size_t width = frame->k + 1;
    gp_view view = {.frame = frame};
    view.mean = maple_alloc(width, sizeof *view.mean);
    view.cost = maple_alloc(width, sizeof *view.cost);
    view.spread = maple_alloc(total, width * sizeof *view.spread);
    if (!view.mean || !view.cost || !view.spread) {
        gp_view_release(&view);
        return maple_error_memory(error);
    }
    fill_costs(frame, view.cost);
    for (size_t d = 0; d < total; d++) {
        if (use && !use[d])
            continue;
        double *c = view.spread + view.n++ * width;
        gp_frame_enter(frame, raw + d * width, c);
        double level = c[frame->k]; /* the mean over the space */
        for (size_t j = 0; j < width; j++)
            c[j] /= level;
    }
    double count = (double)view.n;
    for (size_t j = 0; j < width; j++) {
        for (size_t d = 0; d < view.n; d++)
            view.mean[j] += view.spread[d * width + j] / count;
        for (size_t d = 0; d < view.n; d++)
            view.spread[d * width + j] = (view.spread[d * width + j] - view.mean[j]) / sqrt(count);
    }
    *out = view;
    return MAPLE_OK;
}
