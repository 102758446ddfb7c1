/* SPDX-License-Identifier: Apache-2.0 */
/* Curves from rows of evaluations: which rows, what is x, what is y. */
#include "report/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct point {
    const char *label;
    double x, mean, sd;
    size_t first, n; /* order of the label in the rows; rows that were averaged */
} point;

static const struct {
    const char *name, *title;
} XS[] = {{"samples", "networks of the device that are learned from"},
          {"measured", "networks measured on the device"},
          {"train_archs", "training networks on each known device"},
          {"sources", "known devices that are learned from"}};

static const struct {
    const char *name, *title;
    size_t mean, sd; /* sd: SIZE_MAX where rows do not have it */
    bool share;
} YS[] = {
    {"acc10", "networks predicted within ±10 % (%)", offsetof(maple_score, mean.acc10),
     offsetof(maple_score, sd.acc10), true},
    {"acc5", "networks predicted within ±5 % (%)", offsetof(maple_score, mean.acc5), SIZE_MAX, true},
    {"acc1", "networks predicted within ±1 % (%)", offsetof(maple_score, mean.acc1), SIZE_MAX, true},
    {"spearman", "Spearman's rank correlation", offsetof(maple_score, mean.spearman),
     offsetof(maple_score, sd.spearman), false},
    {"kendall", "Kendall's rank correlation", offsetof(maple_score, mean.kendall), SIZE_MAX, false},
    {"mape", "mean relative error (%)", offsetof(maple_score, mean.mape), SIZE_MAX, true},
    {"coverage90", "latencies within the 90 % interval (%)", offsetof(maple_score, mean.coverage90), SIZE_MAX,
     true},
};
enum { N_XS = sizeof XS / sizeof *XS, N_YS = sizeof YS / sizeof *YS };

static double x_of(const maple_report_row *row, int x) {
    const double values[N_XS] = {row->row.samples, row->row.measured, row->train_archs, row->row.sources};
    return values[x];
}

static double member(const maple_score *score, size_t offset) {
    return offset == SIZE_MAX ? NAN : *(const double *)((const char *)score + offset);
}

static maple_status find_names(const maple_report_curves *what, int *x, int *y, maple_error *error) {
    for (*x = 0; *x < N_XS && strcmp(XS[*x].name, what->x) != 0;)
        ++*x;
    for (*y = 0; *y < N_YS && strcmp(YS[*y].name, what->metric) != 0;)
        ++*y;
    if (*x == N_XS)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "x '%s': there is samples, measured, train_archs, sources", what->x);
    if (*y == N_YS)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "metric '%s': there is acc10, acc5, acc1, spearman, kendall, mape, coverage90",
                               what->metric);
    return MAPLE_OK;
}

/* The task that is meant. */
static maple_status find_task(const maple_report_rows *rows, const char *wanted, const char **out,
                              maple_error *error) {
    *out = wanted;
    for (size_t i = 0; i < rows->n; i++) {
        const char *task = rows->items[i].row.task;
        if (!*out)
            *out = task;
        if (wanted && strcmp(task, wanted) == 0)
            return MAPLE_OK;
        if (!wanted && strcmp(task, *out) != 0)
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "rows are of several tasks (%s, %s): choose one (--task NAME)", *out,
                                   task);
    }
    return wanted ? maple_error_set(error, MAPLE_NOT_FOUND, "no row is of task '%.60s'", wanted) : MAPLE_OK;
}

static int by_label_then_x(const void *left, const void *right) {
    const point *a = left, *b = right;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return (a->x > b->x) - (a->x < b->x);
}

/* Points of the rows that are meant; *n of them. */
static void collect(const maple_report_rows *rows, const maple_report_curves *what, const char *task, int x,
                    int y, point *points, size_t *n) {
    for (size_t i = 0; i < rows->n; i++) {
        const maple_report_row *row = &rows->items[i];
        const maple_score *score = &row->row.scores[what->scoring];
        double at = x_of(row, x), mean = member(score, YS[y].mean);
        if (strcmp(row->row.task, task) != 0 ||
            strcmp(row->row.target, what->target ? what->target : "") != 0 || !score->valid ||
            !isfinite(at) || !isfinite(mean))
            continue;
        size_t first = *n;
        for (size_t k = *n; k-- > 0;)
            first = strcmp(points[k].label, row->row.predictor) == 0 ? points[k].first : first;
        points[*n] = (point){.label = row->row.predictor,
                             .x = at,
                             .mean = mean,
                             .sd = member(score, YS[y].sd),
                             .first = first,
                             .n = 1};
        ++*n;
    }
    qsort(points, *n, sizeof *points, by_label_then_x);
}

/* Those of one label and x become one: their mean, and their deviation (n - 1). */
static size_t merge(point *points, size_t n) {
    size_t kept = 0;
    for (size_t i = 0, k; i < n; i = k) {
        double sum = 0, squares = 0;
        for (k = i; k < n && points[k].first == points[i].first && points[k].x == points[i].x; k++)
            sum += points[k].mean;
        point one = points[i];
        one.n = k - i;
        one.mean = sum / (double)one.n;
        for (size_t j = i; j < k; j++)
            squares += (points[j].mean - one.mean) * (points[j].mean - one.mean);
        if (one.n > 1)
            one.sd = sqrt(squares / (double)(one.n - 1));
        points[kept++] = one;
    }
    return kept;
}

static maple_status draw(const point *points, size_t n, const maple_figure_axes *axes,
                         const maple_figure_output *output, maple_error *error) {
    double *values = maple_alloc(3 * n, sizeof *values);
    maple_figure_curve *curves = maple_alloc(n, sizeof *curves);
    size_t n_curves = 0;
    maple_status status = values && curves ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        values[i] = points[i].x;
        values[n + i] = points[i].mean;
        values[2 * n + i] = points[i].sd;
        if (i == 0 || points[i].first != points[i - 1].first)
            curves[n_curves++] = (maple_figure_curve){
                .label = points[i].label, .x = values + i, .mean = values + n + i, .sd = values + 2 * n + i};
        curves[n_curves - 1].n++;
    }
    if (status == MAPLE_OK)
        status = maple_figure_curves(curves, n_curves, axes, output, error);
    maple_free(values);
    maple_free(curves);
    return status;
}

maple_status maple_report_draw_curves(const maple_report_rows *rows, const maple_report_curves *what,
                                      const maple_figure_output *output, maple_error *error) {
    int x, y;
    const char *task;
    char title[200];
    size_t n = 0;
    maple_status status = find_names(what, &x, &y, error);
    if (status == MAPLE_OK)
        status = find_task(rows, what->task, &task, error);
    if (status != MAPLE_OK)
        return status;
    point *points = maple_alloc(rows->n, sizeof *points);
    if (!points)
        return maple_error_memory(error);
    collect(rows, what, task, x, y, points, &n);
    n = merge(points, n);
    if (n == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT,
                                 "no row has %s and %s of the scoring set %s for %s: nothing to draw",
                                 XS[x].name, YS[y].name, maple_scoring_name(what->scoring),
                                 what->target ? what->target : "the mean over targets");
    snprintf(title, sizeof title, "%s, %s (bars: ± 1 standard deviation)", task,
             what->target ? what->target : "mean over devices");
    maple_figure_output titled = *output;
    titled.title = output->title ? output->title : title;
    maple_figure_axes axes = {.x = XS[x].title, .y = YS[y].title, .share = YS[y].share};
    if (status == MAPLE_OK)
        status = draw(points, n, &axes, &titled, error);
    maple_free(points);
    return status;
}
