/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gp_model.h: the parts of `gp`, a Gaussian process on structured features (docs/method.md, The gp
 * predictor).
 *
 *   latency / level = x . c + noise,   c ~ N(u, w_pool (Z'Z / D + (m - u)(m - u)') + diag(w_group))
 *   noise ~ N(0, r max(x . c, least)^2 + q + rounding)
 *
 * x: an architecture's features in a frame (each over its standard deviation, 1 last). m and Z: mean of the D
 * sources' coefficients and what each differs from it by. u: what latency is expected to look like before
 * anything is measured: like m, one source or a look-up table, or a share of it in proportion to what counts
 * work. A hypothesis is one choice of weights, noise and u; the predictor is the mixture of hypotheses by
 * their evidence.
 */
#ifndef MAPLE_PREDICTOR_GP_MODEL_H
#define MAPLE_PREDICTOR_GP_MODEL_H

#include "predictor/predictor_vtable.h"

enum {
    GP_POOL,        /* what the sources differ in */
    GP_OFFSET,      /* a constant */
    GP_FIRST_GROUP, /* + maple_feature_group */
    GP_BLOCKS = GP_FIRST_GROUP + MAPLE_FEATURE_GROUPS,
    GP_NOISE = GP_BLOCKS, /* r */
    GP_FLOOR,             /* q */
    GP_PARAMETERS,
};

/* Noise does not get smaller with latency below this share of the level. */
#define GP_LEAST 0.2

/* --- Frame: features as the prior sees them (gp_frame.c) --- */

/* x_j = f_j scale_j with scale_j = 1 / (sd_j sqrt(features in the group that vary)), over architectures drawn
 * from the space; x_k = 1. From zero, not from the mean: what is not there costs nothing. */
typedef struct gp_frame {
    const maple_space *space;
    maple_graph_form graph;
    size_t k;                  /* features of the space; coordinates are k + 1 */
    double *mean, *scale;      /* [k]; scale 0: does not vary, or says what another feature says */
    unsigned char *block;      /* [k] GP_FIRST_GROUP + group */
    double members[GP_BLOCKS]; /* features of a block that vary */
    size_t n_drawn;
    bool *degenerate;  /* [n_drawn] nothing runs in pruned form */
    double *drawn;     /* the drawn architectures: [n_drawn, k + 1] x */
    double *executed;  /* features of what the pruned form executes of them, 1 last: [n_drawn, k + 1] */
    double *counts[2]; /* of a form: [n_drawn, operators], how often each operator runs in them */
} gp_frame;

maple_status gp_frame_create(const maple_space *space, maple_graph_form graph, gp_frame *out,
                             maple_error *error);
void gp_frame_release(gp_frame *frame);
/* x[k + 1] of a canonical architecture. */
void gp_frame_row(const gp_frame *frame, const maple_arch *arch, double *x);
/* y[n_drawn] = rows[n_drawn, k + 1] . c */
void gp_frame_apply(const gp_frame *frame, const double *rows, const double *c, double *y);
/* Coefficients of raw features (offset last) as those of x, and back: [k + 1]. */
void gp_frame_enter(const gp_frame *frame, const double *raw, double *c);
void gp_frame_leave(const gp_frame *frame, const double *c, double *raw);
/* x . c of the mean architecture. */
double gp_frame_level(const gp_frame *frame, const double *c);
/* penalty[k + 1] of a ridge: `strength` for each block, shared among its features. */
void gp_frame_penalty(const gp_frame *frame, double strength, double *penalty);

/* --- Sources (gp_sources.c) --- */

/* What is kept of the sources, in the order of the request. */
typedef struct gp_sources {
    const maple_space *space;
    size_t n, operators;
    double *coefficients[2]; /* of a form: [n, features + 1], raw: latency over its mean */
    double *level_ms;    /* [n]: mean latency of the training rows, as the coefficients give it at mean 1 */
    double *operator_ms; /* [n, operators], NaN where unknown */
    double *graph;       /* [n] maple_graph_form */
} gp_sources;

maple_status gp_sources_create(const maple_space *space, size_t n, gp_sources *out, maple_error *error);
void gp_sources_release(gp_sources *sources);
/* What a platform has of the training rows, as it executes them: archs and latency_ms[training rows], of
 * which so many are set as it returns. */
size_t gp_source_rows(const maple_fit_request *request, size_t platform, maple_arch *archs,
                      double *latency_ms);
/* Source s from a platform of the request's pool: all training rows that it has. */
maple_status gp_sources_learn(gp_sources *sources, size_t s, const maple_fit_request *request,
                              const gp_frame *frames, size_t platform, maple_error *error);

/* u: the sources' mean, what counts work, a look-up table, or one of the sources; then a look-up table by one
 * of those that have one. */
typedef enum gp_shape { GP_LIKE_POOL, GP_LIKE_COST, GP_LIKE_TABLE, GP_LIKE_SOURCE /* + source */ } gp_shape;

/* What the prior says in a frame. */
typedef struct gp_view {
    const gp_frame *frame;
    size_t n, n_tables;  /* sources; of which with look-up tables, where the target has one */
    double *shapes;      /* [gp_shapes, k + 1]: of the mean architecture 1 */
    const double *mean;  /* rows of it: m ... */
    const double *cost;  /* ... in proportion to what counts work (FLOPs, parameters, activations) ... */
    const double *table; /* ... of the target's look-up table; NULL where there is none */
    double table_ms;     /* its level */
    double *spread;      /* [n, k + 1] (c_d - m) / sqrt(n) */
} gp_view;

/* From the sources with `use` (NULL: all), and the device's operator_ms (NULL: unknown). */
maple_status gp_view_create(const gp_frame *frame, const gp_sources *sources, const bool *use,
                            const double *operator_ms, gp_view *out, maple_error *error);
void gp_view_release(gp_view *view);
size_t gp_shapes(const gp_view *view);

/* Adds to a view what a look-up table says of a device (gp_table.c): the sum of the operators' latencies,
 * times what latency was over that sum on the sources with `use` (NULL: all), those with similar operators
 * first; then the same by each of them alone. Nothing where the device or all of those sources lack operator
 * latencies. `shapes` has room for 1 + sources more. */
maple_status gp_view_add_tables(gp_view *view, const gp_sources *sources, const bool *use,
                                const double *operator_ms, maple_error *error);

/* --- Hypotheses (gp_hypotheses.c) --- */

typedef struct gp_hypothesis {
    double parameter[GP_PARAMETERS]; /* weights of the blocks, r, q: all > 0 */
    size_t shape;                    /* gp_shape */
    double share;                    /* u = (1 - share) + share shape */
    double log_prior;
} gp_hypothesis;

/* The centre and width of what parameters are expected to be, in logarithms: for learning from the sources.
 */
extern const double GP_LOG_CENTRE[GP_PARAMETERS], GP_LOG_SD;

/* From logarithms of what sources needed, [n, GP_PARAMETERS] each: like_pool under the pool's shape,
 * like_table (NULL: the target has no table) under a table's. Each of them, each with random changes, around
 * the mean and around each of the view's sources and tables; and, unless table_alone, hypotheses for devices
 * unlike any source. Freed by maple_free. */
maple_status gp_hypotheses_create(const gp_view *view, const double *like_pool, size_t n_pool,
                                  const double *like_table, size_t n_table, bool table_alone,
                                  gp_hypothesis **out, size_t *n, maple_error *error);

/* --- Samples (gp_samples.c) --- */

/* Samples for which covariances are summed from kernels, which is fast for many hypotheses; for more of them
 * kernels are large and the hypotheses few. */
enum { GP_FEW = 64 };

typedef struct gp_samples {
    const gp_view *view;
    size_t n;
    double *x;                   /* [n, k + 1] */
    double *latency_ms;          /* [n] */
    double rounding;             /* ms^2: latencies in whole milliseconds */
    size_t first[GP_BLOCKS + 1]; /* columns of a block: [first, first of the next) */
    double *columns; /* [all of them, n]: what a block's kernel is the product of (x; x along the sources) */
    double *kernel;  /* [GP_BLOCKS, n, n], lower; NULL for more than GP_FEW */
    double *shape;   /* [gp_shapes, n]: x . each shape */
} gp_samples;

maple_status gp_samples_create(const gp_view *view, const maple_arch *archs, const double *latency_ms,
                               size_t n, gp_samples *out, maple_error *error);
void gp_samples_release(gp_samples *samples);
/* Without the samples with gone[n]. */
void gp_samples_remove(gp_samples *samples, const bool *gone);
/* samples[start, start + n) alone; n <= GP_FEW. */
maple_status gp_samples_take(const gp_samples *samples, size_t start, size_t n, gp_samples *out,
                             maple_error *error);

/* u[i] of a hypothesis at the samples. */
double gp_expected(const gp_samples *samples, const gp_hypothesis *h, size_t i);
/* The noise of one, of latency over level: its variance. */
double gp_noise_at(const gp_samples *samples, const gp_hypothesis *h, double level_ms, size_t i);
/* The level under a hypothesis, ms: mean latency over mean u; 1 without samples. */
double gp_level_ms(const gp_samples *samples, const gp_hypothesis *h);

/* Scratch of the caller's: factor[n, n], dual[n] = K^-1 e, e = latency / level - u. Returns the log evidence,
 * -INFINITY where K is not positive definite. */
double gp_evidence(const gp_samples *samples, const gp_hypothesis *h, double *factor, double *dual);

/* The same evidence where there are many samples and more than columns (gp_is_wide), without a matrix of all
 * of them. Scratch of the caller's, [gp_wide_scratch]: with coefficients u + R' q, R[p, width] of a column's
 * direction times the root of its weight (p: all columns, then m - u), it begins with the lower factor L[p,
 * p] of the precision of q given the samples, and then has their mean q[p]. */
bool gp_is_wide(const gp_samples *samples);
size_t gp_wide_scratch(const gp_samples *samples);
double gp_evidence_wide(const gp_samples *samples, const gp_hypothesis *h, double *scratch);

/* --- Evidence of several hypotheses at once (gp_lanes.c) --- */

enum { GP_LANES = 8 };

typedef struct gp_lanes gp_lanes;

gp_lanes *gp_lanes_create(size_t most_samples); /* NULL: out of memory */
void gp_lanes_free(gp_lanes *lanes);
/* evidence[n_h] as of gp_evidence, n_h <= GP_LANES; the samples have kernels. */
void gp_lanes_evidence(gp_lanes *lanes, const gp_samples *samples, const gp_hypothesis *h, size_t n_h,
                       double *evidence);
/* density[n, GP_LANES] of the last ones: log of the density of a sample given the others: a Gaussian, from
 * K^-1 alone. */
void gp_lanes_leave_one_out(gp_lanes *lanes, double *density);

/* --- Weights (gp_weigh.c) --- */

/* weight[n_h], sums to 1. Samples that do not fit with the others (evidence over 100 to 1) are taken out of
 * *samples; out[n] (NULL allowed) says which of the original ones. */
maple_status gp_weigh(gp_samples *samples, const gp_hypothesis *h, size_t n_h, double *weight, bool *out,
                      maple_error *error);

/* log parameters of a source under the prior that the other sources give: maximum a posteriori, over draws of
 * few samples (gp_learn.c). */
maple_status gp_learn(const gp_view *view, gp_shape shape, const maple_arch *archs, const double *latency_ms,
                      size_t n, uint64_t seed, double *log_parameter, maple_error *error);

/* --- Posterior (gp_posterior.c) --- */

typedef struct gp_posterior {
    size_t k;
    double *mean;           /* [k + 1], ms */
    double *covariance;     /* [k + 1, k + 1], ms^2 */
    double noise, constant; /* variance of a measurement: noise max(p, least_ms)^2 + constant */
    double least_ms;
    double floor_ms; /* predictions are at least this */
} gp_posterior;

maple_status gp_posterior_create(const gp_samples *samples, const gp_hypothesis *h, const double *weight,
                                 size_t n_h, gp_posterior *out, maple_error *error);
/* From coefficients of x to those of the features as they are. */
void gp_posterior_leave(const gp_frame *frame, gp_posterior *posterior);
void gp_posterior_release(gp_posterior *posterior);
/* Variance of a measurement besides that of the coefficients. */
double gp_noise_variance(const gp_posterior *posterior, double prediction_ms);

/* --- What to measure next (gp_suggest.c) --- */

/* As maple_pretrained_suggest; `belief` in the coordinates of the frame. */
maple_status gp_choose(const gp_frame *frame, const gp_posterior *belief, const maple_arch *archs, size_t m,
                       size_t n, double width, size_t *chosen, double *widths, size_t *n_chosen,
                       maple_error *error);

#endif
