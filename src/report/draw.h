/* SPDX-License-Identifier: Apache-2.0 */
/* What the figures share: data and script as growing text, how text and numbers are written into them,
 * colours. */
#ifndef MAPLE_REPORT_DRAW_H
#define MAPLE_REPORT_DRAW_H

#include "maple/figure.h"

typedef struct figure {
    const maple_figure_output *output;
    int width, height; /* of the SVG in px; the PNG has twice as many */
    maple_text data;   /* STEM.tsv */
    maple_text map;    /* STEM-map.tsv, where there is any */
    maple_text body; /* commands between terminal and end of a picture; $data and $map of the script are file
                        names */
} figure;

/* Okabe and Ito's colours without the yellow, which white paper swallows; the first is for the most
 * important. */
const char *figure_colour(size_t i);
/* gnuplot's point types: filled first. */
int figure_marker(size_t i);
/* gnuplot's dash types, as text ("1", "'-'"). */
const char *figure_dash(size_t i);

/* 'text' as gnuplot reads it: single quotes (nothing is expanded in them), control characters as spaces. */
void figure_quote(maple_text *to, const char *text);
/* set title 'text' in size 16, smaller where it has more characters than `fitting`. */
void figure_title(maple_text *to, const char *text, size_t fitting);
/* A field of a data file: tabs, line ends, double quotes become spaces. */
void figure_field(maple_text *to, const char *text);
/* A number of a data file; NaN as it is. */
void figure_number(maple_text *to, double value);
/* set xtics (...) for a logarithmic axis: `axis` is "x" or "y". */
void figure_log_tics(maple_text *to, const char *axis, double low, double high);
/* Places for the tics of a linear axis: 1, 2 or 5 times a power of ten, about `wanted` of them. */
double figure_step(double low, double high, int wanted);

/* Writes the files and runs gnuplot; frees the texts in any case. */
maple_status figure_finish(figure *f, maple_error *error);

/* Classical multidimensional scaling of distance[n * n]: x[n], y[n], and the share of the (positive) spread
 * that the plane keeps. */
maple_status figure_plane(const double *distance, size_t n, double *x, double *y, double *share,
                          maple_error *error);

typedef struct figure_labels {
    size_t n;
    const double *x, *y;       /* points */
    double *label_x, *label_y; /* middles of their labels */
} figure_labels;

/* labels.c: labels beside their points, away from other points and labels, as near as that goes; length: of
 * both axes. */
void figure_place_labels(const figure_labels *labels, double length);

/* gnuplot.c: draws `script` (a file name) in `folder`. */
maple_status figure_run_gnuplot(const char *program, const char *folder, const char *script,
                                maple_error *error);

#endif
