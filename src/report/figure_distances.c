/* SPDX-License-Identifier: Apache-2.0 */
/* The distance map: a heat map over pairs of platforms, and the plane of classical scaling beside it. */
#include "report/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct map {
    const maple_dataset_platform **platforms; /* [n] by name */
    size_t n;
    double *distance;                  /* [n * n], NaN where not known */
    double *x, *y, *label_x, *label_y; /* [n] */
    double low[2], length;             /* of the plane's axes */
    double share, largest;
    bool complete; /* every distance is known */
} map;

static const struct {
    const char *name, *title, *unit;
} MEASURES[] = {
    [MAPLE_DISTANCE_DESCRIPTOR] = {"descriptor", "Distance between hardware descriptors",
                                   "standard deviations"},
    [MAPLE_DISTANCE_OPERATORS] = {"operators", "Difference of operator latencies, speed aside",
                                  "mean |log ratio|"},
    [MAPLE_DISTANCE_COUNTERS] = {"counters", "Difference of counters per run", "median |log ratio|"},
};

maple_status maple_distance_measure_parse(const char *text, maple_distance_measure *out, maple_error *error) {
    for (size_t i = 0; i < sizeof MEASURES / sizeof *MEASURES; i++) {
        if (strcmp(text, MEASURES[i].name) == 0) {
            *out = (maple_distance_measure)i;
            return MAPLE_OK;
        }
    }
    return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                           "distance '%s': there is descriptor, operators, counters", text);
}

static int by_name(const void *left, const void *right) {
    const maple_dataset_platform *a = *(const maple_dataset_platform *const *)left,
                                 *b = *(const maple_dataset_platform *const *)right;
    return strcmp(a->platform.name, b->platform.name);
}

static size_t place_of(const map *m, const maple_dataset_platform *platform) {
    size_t i = 0;
    while (m->platforms[i] != platform)
        i++;
    return i;
}

static double measure_of(const maple_distance *pair, maple_distance_measure measure) {
    return measure == MAPLE_DISTANCE_OPERATORS  ? pair->operators
           : measure == MAPLE_DISTANCE_COUNTERS ? pair->counters
                                                : pair->descriptor;
}

/* The n platforms of n (n - 1) / 2 pairs: the first pairs are that of the first platform with each other. */
static maple_status collect(const maple_distance *pairs, size_t n_pairs, maple_distance_measure measure,
                            map *m, maple_error *error) {
    size_t n = (size_t)llround((1 + sqrt(1 + 8 * (double)n_pairs)) / 2);
    m->platforms = maple_alloc(n, sizeof *m->platforms);
    m->distance = maple_alloc(n * n, sizeof *m->distance);
    m->x = maple_alloc(n, sizeof *m->x);
    m->y = maple_alloc(n, sizeof *m->y);
    m->label_x = maple_alloc(n, sizeof *m->label_x);
    m->label_y = maple_alloc(n, sizeof *m->label_y);
    if (!m->platforms || !m->distance || !m->x || !m->y || !m->label_x || !m->label_y)
        return maple_error_memory(error);
    m->platforms[m->n++] = pairs[0].a;
    for (size_t i = 0; m->n < n; i++)
        m->platforms[m->n++] = pairs[i].b;
    qsort(m->platforms, n, sizeof *m->platforms, by_name);
    m->complete = true;
    for (size_t i = 0; i < n_pairs; i++) {
        size_t a = place_of(m, pairs[i].a), b = place_of(m, pairs[i].b);
        double value = measure_of(&pairs[i], measure);
        m->distance[a * n + b] = m->distance[b * n + a] = value;
        m->complete = m->complete && isfinite(value);
        if (isfinite(value) && value > m->largest)
            m->largest = value;
    }
    return MAPLE_OK;
}

/* What all names begin with, up to its last '-': said once, above. */
static size_t common_prefix(const map *m) {
    const char *first = m->platforms[0]->platform.name;
    size_t length = 0, cut = 0;
    for (bool same = true; same && first[length]; length++) {
        for (size_t i = 1; i < m->n; i++)
            same = same && m->platforms[i]->platform.name[length] == first[length];
        if (same && first[length] == '-')
            cut = length + 1;
    }
    return cut;
}

/* A square around all points, with room for their numbers, and these numbers' places in it. */
static void lay_out_plane(map *m) {
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY}, span = 0;
    for (size_t i = 0; i < m->n; i++) {
        const double at[2] = {m->x[i], m->y[i]};
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], at[k]);
            high[k] = fmax(high[k], at[k]);
        }
    }
    for (int k = 0; k < 2; k++)
        span = fmax(span, high[k] - low[k]);
    m->length = span > 0 ? span * 1.28 : 2;
    for (int k = 0; k < 2; k++)
        m->low[k] = (low[k] + high[k] - m->length) / 2;
    figure_place_labels(&(figure_labels){m->n, m->x, m->y, m->label_x, m->label_y}, m->length);
}

static void write_data(const map *m, figure *f) {
    size_t n = m->n;
    maple_text_add(&f->data, "row\tcolumn\tdistance\tplatform\tother\n");
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            maple_text_addf(&f->data, "%zu\t%zu\t", i + 1, j + 1);
            figure_number(&f->data, m->distance[i * n + j]);
            maple_text_add(&f->data, "\t");
            figure_field(&f->data, m->platforms[i]->platform.name);
            maple_text_add(&f->data, "\t");
            figure_field(&f->data, m->platforms[j]->platform.name);
            maple_text_add(&f->data, "\n");
        }
    }
    if (!m->complete || n < 3)
        return;
    maple_text_add(&f->map, "number\tx\ty\tlabel_x\tlabel_y\tplatform\n");
    for (size_t i = 0; i < n; i++) {
        maple_text_addf(&f->map, "%zu\t%.9g\t%.9g\t%.9g\t%.9g\t", i + 1, m->x[i], m->y[i], m->label_x[i],
                        m->label_y[i]);
        figure_field(&f->map, m->platforms[i]->platform.name);
        maple_text_add(&f->map, "\n");
    }
}

/* Rows are labelled "3  onednn-avx2", columns and points of the plane "3". */
static void add_heat(const map *m, figure *f, double left, double right, double top, double bottom) {
    maple_text *t = &f->body;
    size_t n = m->n, prefix = common_prefix(m);
    maple_text_addf(t,
                    "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset tmargin at screen %.4f\n"
                    "set bmargin at screen %.4f\n"
                    "set xrange [0.5:%zu.5]\nset yrange [%zu.5:0.5]\nset size noratio\nunset key\n"
                    "set tics scale 0\nunset border\n",
                    left, right, top, bottom, n, n);
    maple_text_add(t, "set ytics (");
    for (size_t i = 0; i < n; i++) {
        char label[200];
        snprintf(label, sizeof label, "%s  %zu", m->platforms[i]->platform.name + prefix, i + 1);
        figure_quote(t, label);
        maple_text_addf(t, " %zu%s", i + 1, i + 1 < n ? ", " : ")\nset xtics (");
    }
    for (size_t i = 0; i < n; i++)
        maple_text_addf(t, "'%zu' %zu%s", i + 1, i + 1, i + 1 < n ? ", " : ")\n");
    if (n > 16) /* two digits in 20 pixels */
        maple_text_add(t, "set xtics font ',11'\n");
    /* Light to dark of even steps: a grey copy keeps the order. */
    maple_text_addf(
        t,
        "set palette defined (0 '#ffffd9', 1 '#c7e9b4', 2 '#7fcdbb', 3 '#41b6c4', 4 '#1d91c0', "
        "5 '#225ea8', 6 '#0c2c84')\nset cbrange [0:%.9g]\nset cbtics out scale 0.5\n"
        "set object 1 rectangle from graph 0,0 to graph 1,1 fc rgb '#dddddd' fs solid noborder behind\n",
        m->largest > 0 ? m->largest : 1);
    maple_text_add(t, "set cblabel unit offset 0.5\n");
    maple_text_add(t, "plot data skip 1 using 2:1:(0.5):(0.5):3 with boxxyerror fs solid lc palette");
    if (n <= 16) {
        const char *format = m->largest >= 10 ? "%.0f" : m->largest >= 1 ? "%.1f" : "%.2f";
        maple_text_addf(t,
                        ", \\\n  data skip 1 using 2:1:($3 != $3 || $1 == $2 ? '' : sprintf('%s', $3)):"
                        "($3 > %.9g ? 0xffffff : 0x000000) with labels font ',%d' tc rgb variable",
                        format, 0.62 * m->largest, n <= 8 ? 12 : 10);
    }
    maple_text_add(t, "\nunset object 1\nunset colorbox\n");
}

static void add_plane(const map *m, figure *f, double left, double right, double top, double bottom) {
    maple_text *t = &f->body;
    maple_text_addf(t,
                    "set lmargin at screen %.4f\nset rmargin at screen %.4f\nset tmargin at screen %.4f\n"
                    "set bmargin at screen %.4f\nset border 15\nset tics scale 0.5 autofreq\n"
                    "set xtics autofreq font ''\nset ytics autofreq\n"
                    "set xrange [%.9g:%.9g]\nset yrange [%.9g:%.9g]\nset grid lc rgb '#e4e4e4' lt 1\n",
                    left, right, top, bottom, m->low[0], m->low[0] + m->length, m->low[1],
                    m->low[1] + m->length);
    maple_text_add(t, "set style textbox opaque noborder fc rgb 'white' margins 0.3,0.3\n"
                      "set xlabel unit offset 0,0.3\nset title ");
    char title[120];
    snprintf(title, sizeof title, "In a plane (%.0f %% of the spread)", 100 * m->share);
    figure_quote(t, title);
    /* A line from a number to its point, where it stands away. */
    maple_text_addf(
        t,
        " font ',14' offset 0,-0.5\nplot map skip 1 using 2:3:($4 - $2):($5 - $3) with vectors nohead "
        "lc rgb '#999999' lw 0.7, \\\n"
        "  map skip 1 using 4:5:(sprintf('%%d', $1)) with labels center font ',12' "
        "boxed, \\\n"
        "  map skip 1 using 2:3 with points pt 7 ps 0.7 lc rgb '%s'\n",
        figure_colour(1));
}

static void write_body(const map *m, maple_distance_measure measure, figure *f) {
    size_t prefix = common_prefix(m), longest = 0;
    for (size_t i = 0; i < m->n; i++) {
        size_t length = strlen(m->platforms[i]->platform.name) - prefix;
        longest = length > longest ? length : longest;
    }
    bool plane = f->map.length > 0, below = f->output->svg_only; /* a report is a page wide */
    double cell = m->n <= 16 ? 38 : 20, left = 40 + 7.9 * (double)(longest + 4), heat = cell * (double)m->n,
           box = 110, side = plane ? fmax(fmin(heat, below ? 420 : heat), 300) : 0, gap = plane ? 75 : 0;
    heat = fmax(heat, 240);
    f->width = (int)(left + (below ? fmax(heat + box, side) : heat + box + gap + side) + 25);
    f->height = (int)((below ? heat + gap + side : fmax(heat, side)) + 150);
    double w = f->width, h = f->height, top = 1 - 80 / h;
    maple_text_add(&f->body, "unit = ");
    figure_quote(&f->body, MEASURES[measure].unit);
    maple_text_add(&f->body, "\nset multiplot\nset label 1 ");
    figure_quote(&f->body, f->output->title ? f->output->title : MEASURES[measure].title);
    maple_text_addf(&f->body, " at screen %.4f,%.4f font ',16'\n", 15 / w, 1 - 24 / h);
    if (prefix > 0) {
        char note[220];
        snprintf(note, sizeof note, "names without %.*s", (int)prefix, m->platforms[0]->platform.name);
        maple_text_add(&f->body, "set label 2 ");
        figure_quote(&f->body, note);
        maple_text_addf(&f->body, " at screen %.4f,%.4f font ',12' tc rgb '#444444'\n", 15 / w, 1 - 50 / h);
    }
    add_heat(m, f, left / w, (left + heat) / w, top, top - heat / h);
    maple_text_add(&f->body, "unset label 1\nunset label 2\n");
    if (plane && below)
        add_plane(m, f, left / w, (left + side) / w, top - (heat + gap) / h, top - (heat + gap + side) / h);
    else if (plane)
        add_plane(m, f, (left + heat + box + gap) / w, (left + heat + box + gap + side) / w, top,
                  top - side / h);
}

maple_status maple_figure_distances(const maple_dataset *dataset, maple_distance_measure measure,
                                    const maple_figure_output *output, maple_error *error) {
    maple_distance *pairs = NULL;
    size_t n = 0;
    map m = {.share = NAN};
    figure f = {.output = output};
    maple_status status = maple_dataset_distances(dataset, &pairs, &n, error);
    if (status == MAPLE_OK && n == 0)
        status = maple_error_set(
            error, MAPLE_BAD_INPUT,
            "fewer than two platforms with operator latencies or counters: nothing to compare; "
            "maple profile adds this machine");
    if (status == MAPLE_OK)
        status = collect(pairs, n, measure, &m, error);
    if (status == MAPLE_OK && m.complete && m.n > 2)
        status = figure_plane(m.distance, m.n, m.x, m.y, &m.share, error);
    if (status == MAPLE_OK && m.complete && m.n > 2)
        lay_out_plane(&m);
    if (status == MAPLE_OK) {
        write_data(&m, &f);
        write_body(&m, measure, &f);
        status = figure_finish(&f, error);
    }
    maple_free(pairs);
    maple_free(m.platforms);
    maple_free(m.distance);
    maple_free(m.x);
    maple_free(m.y);
    maple_free(m.label_x);
    maple_free(m.label_y);
    return status;
}
