/* SPDX-License-Identifier: Apache-2.0 */
/* Curves of a metric against samples, training architectures or known devices, with their spread. */
#include "report/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct extent {
    double x[2], y[2];
    size_t points;
    double *places; /* [n_places] different x, ascending: the tics */
    size_t n_places;
} extent;

static maple_status find_extent(const maple_figure_curve *curves, size_t n, extent *e, maple_error *error) {
    *e = (extent){.x = {INFINITY, -INFINITY}, .y = {INFINITY, -INFINITY}};
    size_t all = 0;
    for (size_t c = 0; c < n; c++)
        all += curves[c].n;
    e->places = maple_alloc(all + 1, sizeof *e->places);
    if (!e->places)
        return maple_error_memory(error);
    for (size_t c = 0; c < n; c++) {
        for (size_t i = 0; i < curves[c].n; i++) {
            if (!isfinite(curves[c].mean[i]))
                continue;
            double x = curves[c].x[i], sd = isfinite(curves[c].sd[i]) ? curves[c].sd[i] : 0;
            e->x[0] = fmin(e->x[0], x);
            e->x[1] = fmax(e->x[1], x);
            e->y[0] = fmin(e->y[0], curves[c].mean[i] - sd);
            e->y[1] = fmax(e->y[1], curves[c].mean[i] + sd);
            e->places[e->points++] = x;
        }
    }
    maple_sort_doubles(e->places, e->points);
    for (size_t i = 0; i < e->points; i++) {
        if (i == 0 || e->places[i] != e->places[i - 1])
            e->places[e->n_places++] = e->places[i];
    }
    return MAPLE_OK;
}

static void write_data(const maple_figure_curve *curves, size_t n, maple_text *data) {
    maple_text_add(data, "series\tx\tmean\tsd\tlabel\n");
    for (size_t c = 0; c < n; c++) {
        for (size_t i = 0; i < curves[c].n; i++) {
            maple_text_addf(data, "%zu\t%.9g\t", c + 1, curves[c].x[i]);
            figure_number(data, curves[c].mean[i]);
            maple_text_add(data, "\t");
            figure_number(data, curves[c].sd[i]);
            maple_text_add(data, "\t");
            figure_field(data, curves[c].label);
            maple_text_add(data, "\n");
        }
    }
}

/* Tics where there are points; no number where it would run into the one before. */
static void add_tics(const extent *e, bool logarithmic, maple_text *t) {
    double last = -INFINITY, span = logarithmic ? log(e->x[1] / e->x[0]) : e->x[1] - e->x[0];
    maple_text_add(t, "set xtics (");
    for (size_t i = 0; i < e->n_places; i++) {
        double at = logarithmic ? log(e->places[i]) : e->places[i];
        bool room = i == 0 || at - last >= 0.05 * span;
        last = room ? at : last;
        maple_text_add(t, i > 0 ? ", " : "");
        if (room)
            maple_text_addf(t, "'%.*f' %.9g",
                            e->places[i] < 10 && e->places[i] != floor(e->places[i]) ? 1 : 0, e->places[i],
                            e->places[i]);
        else
            maple_text_addf(t, "'' %.9g", e->places[i]);
    }
    maple_text_add(t, ")\n");
}

static void add_axes(const maple_figure_axes *axes, const extent *e, bool logarithmic, maple_text *t) {
    double scale = axes->share ? 100 : 1, room = 0.06 * fmax(e->y[1] - e->y[0], 0.02);
    double low = e->y[0] - room, high = e->y[1] + room;
    if (axes->share) { /* a share is never above 1, whatever its spread says */
        low = fmax(low, 0);
        high = high > 0.97 ? 1.0 : high;
    }
    double step = figure_step(low * scale, high * scale, 5);
    maple_text_addf(t, "set yrange [%.9g:%.9g]\nset ytics %.9g\n", floor(low * scale / step) * step,
                    axes->share && high >= 1 ? 100 + 0.02 * (100 - low * scale) : high * scale, step);
    if (logarithmic)
        maple_text_addf(t, "set logscale x\nset xrange [%.9g:%.9g]\n", e->x[0] / 1.12, e->x[1] * 1.12);
    else
        maple_text_addf(t, "set xrange [%.9g:%.9g]\n", e->x[0] - fmax(0.05 * (e->x[1] - e->x[0]), 0.5),
                        e->x[1] + fmax(0.05 * (e->x[1] - e->x[0]), 0.5));
    add_tics(e, logarithmic, t);
    maple_text_add(t, "set xlabel ");
    figure_quote(t, axes->x);
    maple_text_add(t, "\nset ylabel ");
    figure_quote(t, axes->y);
    maple_text_add(t, "\n");
}

/* Bars of different curves stand a little beside each other. */
static void add_curve(const maple_figure_curve *curves, size_t c, size_t n, const extent *e, bool logarithmic,
                      double scale, maple_text *t) {
    char x[96];
    double beside = (double)c - (double)(n - 1) / 2;
    if (logarithmic)
        snprintf(x, sizeof x, "$2 * %.6g", exp(beside * 0.006 * log(e->x[1] / e->x[0])));
    else
        snprintf(x, sizeof x, "$2 + %.6g", beside * 0.006 * (e->x[1] - e->x[0]));
    maple_text_addf(t,
                    "data skip 1 using ($1 == %zu ? %s : NaN):($3 * %g):($4 * %g) with yerrorbars lw 1.1 pt "
                    "-1 ps 0 lc rgb "
                    "'%s' notitle, \\\n  ",
                    c + 1, x, scale, scale, figure_colour(c));
    maple_text_addf(t,
                    "data skip 1 using ($1 == %zu ? %s : NaN):($3 * %g) with linespoints lw 2 dt %s pt %d ps "
                    "0.9 lc rgb '%s'",
                    c + 1, x, scale, figure_dash(c), figure_marker(c), figure_colour(c));
    maple_text_add(t, " title ");
    figure_quote(t, curves[c].label);
}

maple_status maple_figure_curves(const maple_figure_curve *curves, size_t n, const maple_figure_axes *axes,
                                 const maple_figure_output *output, maple_error *error) {
    extent e = {0};
    if (n > MAPLE_FIGURE_SERIES)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%zu curves: more than %d cannot be told apart; draw fewer", n,
                               MAPLE_FIGURE_SERIES);
    maple_status status = find_extent(curves, n, &e, error);
    if (status == MAPLE_OK && e.points == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "no curve has a point: nothing to draw");
    if (status != MAPLE_OK) {
        maple_free(e.places);
        return status;
    }
    bool logarithmic = e.x[0] > 0 && e.x[1] / e.x[0] > 8;
    figure f = {.output = output, .width = 860, .height = 540};
    write_data(curves, n, &f.data);
    figure_title(&f.body, output->title ? output->title : "", 66);
    maple_text_add(&f.body, "set border 3\nset grid lc rgb '#e4e4e4' lt 1\nset bars 0.6\n"
                            "set key outside right center spacing 1.3 samplen 4 font ',13'\n");
    add_axes(axes, &e, logarithmic, &f.body);
    maple_text_add(&f.body, "plot ");
    for (size_t c = 0; c < n; c++) {
        maple_text_add(&f.body, c > 0 ? ", \\\n  " : "");
        add_curve(curves, c, n, &e, logarithmic, axes->share ? 100 : 1, &f.body);
    }
    maple_text_add(&f.body, "\n");
    maple_free(e.places);
    return figure_finish(&f, error);
}
