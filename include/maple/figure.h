/* SPDX-License-Identifier: Apache-2.0 */
/*
 * figure.h: figures for print and screen, drawn by gnuplot (called as a program) from data files that stay
 * beside them. Okabe-Ito colours with other markers and dashes, so that nothing is told by colour alone.
 */
#ifndef MAPLE_FIGURE_H
#define MAPLE_FIGURE_H

#include "maple/distances.h"
#include "maple/evaluate.h"

/* Where a figure goes. STEM is a folder (which must be there) and a name: written are STEM.tsv
 * (tab-separated, one line of headings; the distance map has STEM-map.tsv too), STEM.gp (names its files
 * without the folder: gnuplot run in any folder with these files draws the same), STEM.svg and STEM.png.
 * Older ones are replaced.
 *
 * Of every figure function: MAPLE_BAD_ARGUMENT for a stem that is no file name; MAPLE_BAD_INPUT where there
 * is nothing to draw, or more than can be told apart; MAPLE_IO_ERROR; MAPLE_UNSUPPORTED where gnuplot is not
 * installed (data and script are there then, pictures are not), MAPLE_DEVICE_ERROR with gnuplot's words where
 * it fails. */
typedef struct maple_figure_output {
    const char *stem;
    const char *title;   /* NULL: the figure's own */
    const char *gnuplot; /* program; NULL: gnuplot on $PATH */
    bool svg_only;       /* no STEM.png */
} maple_figure_output;

/* Series that one picture can tell apart, and panels that it can hold. */
#define MAPLE_FIGURE_SERIES 8

/* --- Distance map (MAPLE paper, figure 2) --- */

typedef enum maple_distance_measure {
    MAPLE_DISTANCE_DESCRIPTOR,
    MAPLE_DISTANCE_OPERATORS,
    MAPLE_DISTANCE_COUNTERS
} maple_distance_measure;

/* "descriptor", "operators", "counters" */
maple_status maple_distance_measure_parse(const char *text, maple_distance_measure *out, maple_error *error);

/* Heat map over all pairs of platforms, ordered by name, and, where every distance is known, the plane that
 * keeps them best (classical multidimensional scaling: Torgerson 1952). What is not known stays grey. */
maple_status maple_figure_distances(const maple_dataset *dataset, maple_distance_measure measure,
                                    const maple_figure_output *output, maple_error *error);

/* --- Predicted against measured (figure 3): a panel for each predictor --- */

typedef struct maple_figure_predictions {
    const char *label; /* of the predictor */
    size_t n;
    const maple_arch *archs;                  /* [n] */
    const double *measured_ms, *predicted_ms; /* [n]; what was not measured (NaN) is left out, what has no
                                                 prediction above 0 counts as outside all bands */
} maple_figure_predictions;

/* Bands of +-1, 5, 10 % with the share of the measured networks in each, the distribution of relative errors
 * in an inset; how many were not predicted is said. All pairs are in the data file; of more than 1,500 the
 * picture shows an even choice (column `drawn`), shares are of all. */
maple_status maple_figure_predicted(const maple_space *space, const maple_figure_predictions *series,
                                    size_t n, const maple_figure_output *output, maple_error *error);

/* --- Pareto fronts (figure 4) --- */

typedef enum maple_front_kind {
    MAPLE_FRONT_ALL,       /* all networks, as a cloud */
    MAPLE_FRONT_TRUE,      /* measured latency, true score */
    MAPLE_FRONT_PREDICTED, /* networks on the front by predicted latency, at their predicted latency */
    MAPLE_FRONT_VALUED,    /* the same networks at their measured latency */
    MAPLE_FRONT_KINDS
} maple_front_kind;

const char *maple_front_kind_name(maple_front_kind kind); /* "all", "true", "predicted", "valued" */

typedef struct maple_figure_front {
    maple_front_kind kind;
    const char *label; /* of the predictor ("gp, 10 samples"); "" for all and true */
    size_t n;
    const double *latency_ms, *accuracy; /* [n] */
} maple_figure_front;

/* Both fronts of a label share their colour. Steps go through the points that no other of the series
 * dominates (at measured latency some of a predicted front are dominated: small markers). */
maple_status maple_figure_fronts(const maple_figure_front *fronts, size_t n, const char *accuracy_title,
                                 const maple_figure_output *output, maple_error *error);

/* --- Curves: a metric against what it cost --- */

typedef struct maple_figure_curve {
    const char *label;
    size_t n;
    const double *x, *mean, *sd; /* [n]; x ascending; sd NaN where it is not known */
} maple_figure_curve;

typedef struct maple_figure_axes {
    const char *x, *y; /* titles with units */
    bool share;        /* y is a share: shown in % */
} maple_figure_axes;

/* Lines through means with a bar of one standard deviation to both sides. x is logarithmic where it spans
 * more than a factor of 8. */
maple_status maple_figure_curves(const maple_figure_curve *curves, size_t n, const maple_figure_axes *axes,
                                 const maple_figure_output *output, maple_error *error);

/* --- Distribution of a platform's latencies --- */

maple_status maple_figure_latencies(const double *latency_ms, size_t n, const maple_figure_output *output,
                                    maple_error *error);

#endif
