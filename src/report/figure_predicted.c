/* SPDX-License-Identifier: Apache-2.0 */
/* Predicted against measured latency: a panel for each predictor, on logarithmic axes, where a relative error
 * is a distance from the diagonal. */
#include "report/draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DRAWN = 1500, PANEL = 360, LEFT = 84, GAP = 88, TOP = 124, ROW = 470 };

typedef struct extent {
    double low, high; /* of both axes, ms */
    size_t outside;   /* pairs beyond them, of the panel that has most */
    double error;     /* the insets show errors to +- this, % */
} extent;

static bool is_pair(const maple_figure_predictions *s, size_t i) {
    return isfinite(s->measured_ms[i]) && isfinite(s->predicted_ms[i]) && s->measured_ms[i] > 0 &&
           s->predicted_ms[i] > 0;
}

/* Counts in the shares: also where nothing was predicted, or something that a logarithmic axis has no place
 * for. */
static bool is_measured(const maple_figure_predictions *s, size_t i) {
    return isfinite(s->measured_ms[i]) && s->measured_ms[i] > 0;
}

static double error_of(const maple_figure_predictions *s, size_t i) {
    return 100 * (s->predicted_ms[i] / s->measured_ms[i] - 1);
}

/* Axes that hold all pairs; where the outermost hundredth would take more than a factor of 2, without it: a
 * few broken labels (the public tables have some, a thousandth of the others) shall not squeeze the rest. */
static maple_status find_axes(const maple_figure_predictions *series, size_t n, extent *out,
                              maple_error *error) {
    size_t all = 0, at = 0;
    for (size_t s = 0; s < n; s++)
        all += series[s].n;
    double *values = maple_alloc(2 * all + 1, sizeof *values);
    if (!values)
        return maple_error_memory(error);
    for (size_t s = 0; s < n; s++) {
        for (size_t i = 0; i < series[s].n; i++) {
            if (!is_pair(&series[s], i))
                continue;
            values[at++] = series[s].measured_ms[i];
            values[at++] = series[s].predicted_ms[i];
        }
    }
    maple_sort_doubles(values, at);
    double low = maple_quantile_sorted(values, at, 0.01), high = maple_quantile_sorted(values, at, 0.99);
    out->low = (values[0] < low / 2 ? low : values[0]) / 1.12;
    out->high = (values[at - 1] > high * 2 ? high : values[at - 1]) * 1.12;
    maple_free(values);
    return MAPLE_OK;
}

static bool is_inside(const extent *e, double ms) {
    return ms >= e->low && ms <= e->high;
}

static size_t count_outside(const maple_figure_predictions *s, const extent *e) {
    size_t outside = 0;
    for (size_t i = 0; i < s->n; i++)
        outside += is_pair(s, i) && !(is_inside(e, s->measured_ms[i]) && is_inside(e, s->predicted_ms[i]));
    return outside;
}

/* An inset that holds 97 % of the errors of the best half of the predictors: the worst one shall not flatten
 * all. */
static maple_status find_extent(const maple_figure_predictions *series, size_t n, extent *out,
                                maple_error *error) {
    static const double SHOWN[] = {5, 10, 20, 30, 50, 100};
    double tails[MAPLE_FIGURE_SERIES];
    for (size_t s = 0; s < n; s++) {
        double *errors = maple_alloc(series[s].n + 1, sizeof *errors);
        size_t pairs = 0;
        if (!errors)
            return maple_error_memory(error);
        for (size_t i = 0; i < series[s].n; i++) {
            if (is_pair(&series[s], i))
                errors[pairs++] = fabs(error_of(&series[s], i));
        }
        maple_sort_doubles(errors, pairs);
        tails[s] = maple_quantile_sorted(errors, pairs, 0.97);
        maple_free(errors);
        if (pairs == 0)
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "%s: no network has both a measured and a predicted latency",
                                   series[s].label);
    }
    maple_sort_doubles(tails, n);
    double tail = tails[(n - 1) / 2];
    size_t k = 0;
    while (k + 1 < sizeof SHOWN / sizeof *SHOWN && SHOWN[k] < tail)
        k++;
    *out = (extent){.error = SHOWN[k]};
    maple_status status = find_axes(series, n, out, error);
    for (size_t s = 0; status == MAPLE_OK && s < n; s++) {
        size_t outside = count_outside(&series[s], out);
        out->outside = outside > out->outside ? outside : out->outside;
    }
    return status;
}

static void write_data(const maple_space *space, const maple_figure_predictions *series, size_t n,
                       maple_text *data) {
    maple_text_add(data, "panel\tmeasured_ms\tpredicted_ms\terror_percent\tdrawn\tarch\tpredictor\n");
    for (size_t s = 0; s < n; s++) {
        size_t pairs = 0, at = 0;
        for (size_t i = 0; i < series[s].n; i++)
            pairs += is_pair(&series[s], i);
        for (size_t i = 0; i < series[s].n; i++) {
            char text[MAPLE_MAX_ARCH_TEXT];
            if (!is_pair(&series[s], i))
                continue;
            /* Evenly over the order: a place counts where its multiple of DRAWN / pairs begins. */
            bool drawn = pairs <= DRAWN || at * DRAWN / pairs != (at + 1) * DRAWN / pairs;
            at++;
            maple_space_format(space, &series[s].archs[i], text);
            maple_text_addf(data, "%zu\t%.9g\t%.9g\t%.6g\t%d\t", s + 1, series[s].measured_ms[i],
                            series[s].predicted_ms[i], error_of(&series[s], i), drawn);
            figure_field(data, text);
            maple_text_add(data, "\t");
            figure_field(data, series[s].label);
            maple_text_add(data, "\n");
        }
    }
}

/* A corner for the inset: below the diagonal, where fewer networks are underestimated than overestimated by
 * much. */
static bool inset_below(const maple_figure_predictions *s) {
    size_t over = 0, under = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!is_pair(s, i))
            continue;
        over += error_of(s, i) > 25;
        under += error_of(s, i) < -20;
    }
    return under <= over;
}

static void add_margins(const figure *f, maple_text *t, double left, double right, double top,
                        double bottom) {
    double w = f->width, h = f->height;
    maple_text_addf(t,
                    "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset tmargin at screen %.4f\n"
                    "set bmargin at screen %.4f\n",
                    left / w, right / w, 1 - top / h, 1 - bottom / h);
}

/* Shares within 1, 5, 10 % as the panel's second line. */
static void add_panel_title(const maple_figure_predictions *s, maple_text *t) {
    size_t within[3] = {0}, measured = 0, pairs = 0;
    static const double BANDS[] = {1, 5, 10};
    for (size_t i = 0; i < s->n; i++) {
        measured += is_measured(s, i);
        if (!is_pair(s, i))
            continue;
        pairs++;
        for (int b = 0; b < 3; b++)
            within[b] += fabs(error_of(s, i)) <= BANDS[b];
    }
    char shares[160], missing[48] = "";
    if (pairs < measured)
        snprintf(missing, sizeof missing, "   (%zu not predicted)", measured - pairs);
    snprintf(shares, sizeof shares, "±1 %%: %.0f %%   ±5 %%: %.0f %%   ±10 %%: %.0f %%%s",
             100.0 * (double)within[0] / (double)measured, 100.0 * (double)within[1] / (double)measured,
             100.0 * (double)within[2] / (double)measured, missing);
    maple_text_add(t, "set label 3 ");
    figure_quote(t, s->label);
    maple_text_add(t, " at graph 0.5,1.115 center font ',15'\nset label 4 ");
    figure_quote(t, shares);
    maple_text_add(t, " at graph 0.5,1.045 center font ',12'\n");
}

static void add_panel(const maple_figure_predictions *s, size_t number, const extent *e, maple_text *t) {
    maple_text_addf(
        t,
        "set logscale xy\nset samples 200\nset xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\nset border 15\n"
        "set xlabel 'measured (ms)' offset 0,0.4\nset ylabel 'predicted (ms)' offset -0.2\n"
        "unset xtics\nunset ytics\nset format '%%h'\nset xtics nomirror font ',13' offset 0,0 tc rgb "
        "'#000000'\n"
        "set ytics nomirror font ',13' tc rgb '#000000'\nset tics scale 0.6\nunset key\n",
        e->low, e->high, e->low, e->high);
    figure_log_tics(t, "x", e->low, e->high);
    figure_log_tics(t, "y", e->low, e->high);
    add_panel_title(s, t);
    maple_text_addf(
        t,
        "plot '+' using 1:($1*0.9):($1*1.1) with filledcurves fs solid noborder lc rgb '#e2e2e2', \\\n"
        "  '+' using 1:($1*0.95):($1*1.05) with filledcurves fs solid noborder lc rgb '#c6c6c6', \\\n"
        "  '+' using 1:($1*0.99):($1*1.01) with filledcurves fs solid noborder lc rgb '#909090', \\\n"
        "  data skip 1 using ($1 == %zu && $5 == 1 ? $2 : NaN):3 with points pt 7 ps 0.22 lc rgb '%s', \\\n"
        "  x with lines lw 0.8 lc rgb '#000000'\nunset label 3\nunset label 4\n",
        number, figure_colour(0));
}

/* Share of networks by error, in bins of a twentieth of the shown range; what is beyond is in the last ones.
 */
static void add_inset(const maple_figure_predictions *s, size_t number, const extent *e, maple_text *t) {
    size_t measured = 0;
    for (size_t i = 0; i < s->n; i++)
        measured += is_measured(s, i);
    double bin = e->error / 10;
    double end = e->error + bin / 2;
    maple_text_addf(t,
                    "unset logscale\nunset xlabel\nunset ylabel\nset xrange [%.9g:%.9g]\nset yrange [0:*]\n"
                    "set xtics nomirror ('< -%g' %.9g, '0' 0, '> %g' %.9g) font ',10' offset 0,0.5\nunset "
                    "ytics\nset border 1\n"
                    "set label 5 'relative error (%%)' at graph 0.5,1.12 center font ',10'\n"
                    "set style fill solid noborder\nset boxwidth %.9g\n",
                    -e->error - bin, e->error + bin, e->error, -end, e->error, end, 0.9 * bin);
    maple_text_addf(
        t,
        "set object 2 rectangle from graph -0.19,-0.26 to graph 1.19,1.26 noclip fc rgb '#ffffff' fs solid "
        "border lc rgb '#bbbbbb' lw 0.7 behind\n"
        "bin(e) = %.9g * (floor((e > %.9g ? %.9g : e < -%.9g ? -%.9g : e) / %.9g) + 0.5)\n",
        bin, end, end, end, end, bin);
    maple_text_addf(
        t,
        "plot data skip 1 using ($1 == %zu ? bin($4) : NaN):(1.0 / %zu) smooth frequency with boxes lc rgb "
        "'%s'\nunset object 2\nunset label 5\n",
        number, measured, figure_colour(1));
}

static void write_body(const maple_figure_predictions *series, size_t n, const extent *e, figure *f) {
    size_t columns = n <= 3 ? n : n == 4 ? 2 : n <= 6 ? 3 : 4, rows = (n + columns - 1) / columns;
    f->width = (int)(LEFT + columns * PANEL + (columns - 1) * GAP + 30);
    f->height = (int)(TOP + (rows - 1) * ROW + PANEL + 56);
    maple_text *t = &f->body;
    const char *title = f->output->title ? f->output->title : "Predicted against measured latency";
    int panels = f->width, needed = (int)(11.8 * (double)strlen(title)) + 30;
    needed = needed < (e->outside > 0 ? 960 : 600) ? (e->outside > 0 ? 960 : 600) : needed;
    f->width = panels < needed ? needed : panels;
    maple_text_add(t, "set multiplot\nset label 1 ");
    figure_quote(t, title);
    char note[160] = "grey bands and shares: within ±1, ±5 and ±10 % of the measured latency", outside[64];
    if (e->outside > 0) {
        snprintf(outside, sizeof outside, "; beyond the frame: %zu network%s at most", e->outside,
                 e->outside == 1 ? "" : "s");
        strcat(note, outside);
    }
    maple_text_addf(t, " at screen %.4f,%.4f font ',16'\nset label 2 ", 15.0 / f->width,
                    1 - 22.0 / f->height);
    figure_quote(t, note);
    maple_text_addf(t, " at screen %.4f,%.4f font ',12' tc rgb '#444444'\n", 15.0 / f->width,
                    1 - 46.0 / f->height);
    for (size_t s = 0; s < n; s++) {
        double left = LEFT + (f->width - panels) / 2 + (double)(s % columns) * (PANEL + GAP),
               top = TOP + (double)(s / columns) * ROW;
        add_margins(f, t, left, left + PANEL, top, top + PANEL);
        add_panel(&series[s], s + 1, e, t);
        maple_text_add(t, "unset label 1\nunset label 2\n");
        bool below = inset_below(&series[s]);
        double x = left + (below ? 0.59 : 0.075) * PANEL, y = top + (below ? 0.71 : 0.085) * PANEL;
        add_margins(f, t, x, x + 0.34 * PANEL, y, y + 0.20 * PANEL);
        add_inset(&series[s], s + 1, e, t);
    }
}

maple_status maple_figure_predicted(const maple_space *space, const maple_figure_predictions *series,
                                    size_t n, const maple_figure_output *output, maple_error *error) {
    extent e = {0};
    if (n == 0 || n > MAPLE_FIGURE_SERIES)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%zu predictors: a figure has panels for 1 to %d", n,
                               MAPLE_FIGURE_SERIES);
    maple_status status = find_extent(series, n, &e, error);
    if (status != MAPLE_OK)
        return status;
    figure f = {.output = output};
    write_data(space, series, n, &f.data);
    write_body(series, n, &e, &f);
    return figure_finish(&f, error);
}
