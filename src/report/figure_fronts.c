/* SPDX-License-Identifier: Apache-2.0 */
/* Pareto fronts: accuracy against latency. */
#include "report/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const KINDS[MAPLE_FRONT_KINDS] = {"all", "true", "predicted", "valued"};

const char *maple_front_kind_name(maple_front_kind kind) {
    return KINDS[kind];
}

/* Predictors in order of their first front; all fronts of one have its colour and marker. */
static size_t predictor_of(const maple_figure_front *fronts, size_t at) {
    size_t number = 0;
    for (size_t i = 0; i <= at; i++) {
        if (fronts[i].kind < MAPLE_FRONT_PREDICTED)
            continue;
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen = seen ||
                   (fronts[k].kind >= MAPLE_FRONT_PREDICTED && strcmp(fronts[k].label, fronts[i].label) == 0);
        if (strcmp(fronts[i].label, fronts[at].label) == 0 && !seen)
            return number;
        number += !seen;
    }
    return number;
}

static void name_front(const maple_figure_front *front, char out[160]) {
    if (front->kind == MAPLE_FRONT_ALL)
        snprintf(out, 160, "all networks");
    else if (front->kind == MAPLE_FRONT_TRUE)
        snprintf(out, 160, "true front");
    else
        snprintf(out, 160, "%.100s%s", front->label,
                 front->kind == MAPLE_FRONT_PREDICTED ? ", at predicted latency" : ", at true latency");
}

/* Open markers go with the filled ones of figure_marker. */
static const int OPEN[] = {6, 4, 8, 12, 10};

/* How a front looks. */
typedef struct style {
    const char *colour, *dash;
    double width, size;
    int marker;
} style;

static style style_of(const maple_figure_front *front, size_t p) {
    if (front->kind == MAPLE_FRONT_TRUE)
        return (style){"#000000", "1", 2.4, 0.45, 7};
    if (front->kind == MAPLE_FRONT_PREDICTED)
        return (style){figure_colour(p), "'.'", 1.2, 0.6, OPEN[p % 5]};
    return (style){figure_colour(p), p == 0 ? "1" : figure_dash(p), 1.8, 0.75, figure_marker(p)};
}

/* Steps through the points that no other of the series dominates (the best score that a latency buys: a
 * straight line between two points would promise networks that are not there); the others as small markers.
 */
static void add_front(const maple_figure_front *fronts, size_t i, maple_text *t) {
    static const char DATA[] = "data skip 1 using ($1 == %zu && $4 == %d ? $2 : NaN):3 with ";
    char name[160];
    name_front(&fronts[i], name);
    if (fronts[i].kind == MAPLE_FRONT_ALL) {
        maple_text_addf(t,
                        "data skip 1 using ($1 == %zu ? $2 : NaN):3 with points pt 7 ps 0.2 lc rgb '#bbbbbb' "
                        "notitle, \\\n"
                        "  keyentry with points pt 7 ps 0.7 lc rgb '#bbbbbb' title ",
                        i + 1);
    } else {
        style look =
            style_of(&fronts[i], fronts[i].kind >= MAPLE_FRONT_PREDICTED ? predictor_of(fronts, i) : 0);
        maple_text_addf(t, DATA, i + 1, 0);
        maple_text_addf(t, "points pt %d ps 0.35 lc rgb '%s' notitle, \\\n  ", look.marker, look.colour);
        maple_text_addf(t, DATA, i + 1, 1);
        maple_text_addf(t, "steps lw %.1f dt %s lc rgb '%s' notitle, \\\n  ", look.width, look.dash,
                        look.colour);
        maple_text_addf(t, DATA, i + 1, 1);
        maple_text_addf(t, "points pt %d ps %.2f lc rgb '%s' notitle, \\\n  ", look.marker, look.size,
                        look.colour);
        maple_text_addf(t, "keyentry with linespoints lw %.1f dt %s pt %d ps %.2f lc rgb '%s' title ",
                        look.width, look.dash, look.marker, look.size, look.colour);
    }
    figure_quote(t, name);
}

typedef struct point {
    double latency_ms, accuracy;
} point;

/* By latency; of equals the more accurate first, which dominates the others. */
static int by_latency(const void *left, const void *right) {
    const point *a = left, *b = right;
    if (a->latency_ms != b->latency_ms)
        return a->latency_ms < b->latency_ms ? -1 : 1;
    return (a->accuracy < b->accuracy) - (a->accuracy > b->accuracy);
}

static maple_status write_series(const maple_figure_front *front, size_t number, maple_text *data,
                                 maple_error *error) {
    point *points = maple_alloc(front->n + 1, sizeof *points);
    size_t n = 0;
    double best = -INFINITY;
    if (!points)
        return maple_error_memory(error);
    for (size_t k = 0; k < front->n; k++) {
        if (isfinite(front->latency_ms[k]) && isfinite(front->accuracy[k]))
            points[n++] = (point){front->latency_ms[k], front->accuracy[k]};
    }
    qsort(points, n, sizeof *points, by_latency);
    for (size_t k = 0; k < n; k++) {
        maple_text_addf(data, "%zu\t%.9g\t%.9g\t%d\t%s\t", number, points[k].latency_ms, points[k].accuracy,
                        points[k].accuracy > best, KINDS[front->kind]);
        figure_field(data, front->label);
        maple_text_add(data, "\n");
        best = fmax(best, points[k].accuracy);
    }
    maple_free(points);
    return MAPLE_OK;
}

static maple_status write_data(const maple_figure_front *fronts, size_t n, maple_text *data,
                               maple_error *error) {
    maple_status status = MAPLE_OK;
    maple_text_add(data, "series\tlatency_ms\taccuracy\ton_front\tkind\tpredictor\n");
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        status = write_series(&fronts[i], i + 1, data, error);
    return status;
}

typedef struct extent {
    double latency[2], accuracy[2];
    size_t predictors, points, below; /* below: the frame */
} extent;

/* Of the fronts: a cloud that reaches further is cut. */
static extent find_extent(const maple_figure_front *fronts, size_t n) {
    extent e = {.latency = {INFINITY, 0}, .accuracy = {INFINITY, -INFINITY}};
    for (size_t i = 0; i < n; i++) {
        if (fronts[i].kind == MAPLE_FRONT_ALL)
            continue;
        if (fronts[i].kind >= MAPLE_FRONT_PREDICTED && predictor_of(fronts, i) + 1 > e.predictors)
            e.predictors = predictor_of(fronts, i) + 1;
        for (size_t k = 0; k < fronts[i].n; k++) {
            double ms = fronts[i].latency_ms[k], accuracy = fronts[i].accuracy[k];
            if (!isfinite(ms) || !isfinite(accuracy) || ms <= 0)
                continue;
            e.points++;
            e.latency[0] = fmin(e.latency[0], ms);
            e.latency[1] = fmax(e.latency[1], ms);
            e.accuracy[0] = fmin(e.accuracy[0], accuracy);
            e.accuracy[1] = fmax(e.accuracy[1], accuracy);
        }
    }
    return e;
}

/* Of the true front the quarter with the lowest scores gets no more room than the
 * rest: a front begins with networks that nobody wants. */
static maple_status cut_below(const maple_figure_front *fronts, size_t n, extent *e, maple_error *error) {
    size_t at = 0;
    while (at + 1 < n && fronts[at].kind != MAPLE_FRONT_TRUE)
        at++;
    if (fronts[at].kind != MAPLE_FRONT_TRUE)
        return MAPLE_OK;
    double *scores = maple_alloc(fronts[at].n + 1, sizeof *scores);
    size_t known = 0;
    if (!scores)
        return maple_error_memory(error);
    for (size_t k = 0; k < fronts[at].n; k++) {
        if (isfinite(fronts[at].accuracy[k]))
            scores[known++] = fronts[at].accuracy[k];
    }
    maple_sort_doubles(scores, known);
    double quarter = maple_quantile_sorted(scores, known, 0.25), low = 2 * quarter - e->accuracy[1];
    maple_free(scores);
    if (!(low > e->accuracy[0]))
        return MAPLE_OK;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; fronts[i].kind != MAPLE_FRONT_ALL && k < fronts[i].n; k++)
            e->below += fronts[i].accuracy[k] < low;
    }
    e->accuracy[0] = low;
    return MAPLE_OK;
}

static void write_body(const maple_figure_front *fronts, size_t n, const extent *e,
                       const char *accuracy_title, figure *f) {
    maple_text *t = &f->body;
    bool logarithmic = e->latency[1] / e->latency[0] > 8;
    double width = e->latency[1] - e->latency[0], room = fmax(e->accuracy[1] - e->accuracy[0], 1e-9) * 0.06;
    double low = logarithmic ? e->latency[0] / 1.1 : e->latency[0] - 0.04 * width - 1e-9,
           high = logarithmic ? e->latency[1] * 1.1 : e->latency[1] + 0.04 * width + 1e-9;
    f->width = 860;
    f->height = 580;
    figure_title(t, f->output->title ? f->output->title : "Pareto fronts", 76);
    maple_text_addf(
        t,
        "set border 3\nset grid lc rgb '#e4e4e4' lt 1\nset rmargin 3\n"
        "set key bottom right opaque spacing 1.15 samplen 4 font ',12'\nset xrange [%.9g:%.9g]\nset yrange "
        "[%.9g:%.9g]\nset xlabel 'latency (ms)%s'\nset ylabel ",
        low, high, e->accuracy[0] - room, e->accuracy[1] + room, logarithmic ? ", logarithmic" : "");
    figure_quote(t, accuracy_title);
    maple_text_add(t, "\n");
    if (e->below > 0)
        maple_text_addf(
            t,
            "set label 1 'below the frame: %zu point%s' at graph 1,1.03 right font ',12' tc rgb '#444444'\n",
            e->below, e->below == 1 ? "" : "s");
    if (logarithmic) {
        maple_text_add(t, "set logscale x\n");
        figure_log_tics(t, "x", low, high);
    }
    maple_text_add(t, "set datafile missing NaN\nplot ");
    const char *comma = "";
    for (int kind = 0; kind < MAPLE_FRONT_KINDS; kind++) { /* the cloud below, what is compared above */
        for (size_t i = 0; i < n; i++) {
            if ((int)fronts[i].kind != kind)
                continue;
            maple_text_add(t, comma);
            add_front(fronts, i, t);
            comma = ", \\\n  ";
        }
    }
    maple_text_add(t, "\n");
}

maple_status maple_figure_fronts(const maple_figure_front *fronts, size_t n, const char *accuracy_title,
                                 const maple_figure_output *output, maple_error *error) {
    extent e = find_extent(fronts, n);
    if (e.points == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "no front has a point: nothing to draw");
    if (e.predictors > 5)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "fronts of %zu predictors: more than 5 cannot be told apart in one picture; draw two",
            e.predictors);
    figure f = {.output = output};
    maple_status status = cut_below(fronts, n, &e, error);
    if (status == MAPLE_OK)
        status = write_data(fronts, n, &f.data, error);
    if (status != MAPLE_OK) {
        maple_text_free(&f.data);
        return status;
    }
    write_body(fronts, n, &e, accuracy_title, &f);
    return figure_finish(&f, error);
}
