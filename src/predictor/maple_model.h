/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maple_model.h: the parts of the `maple` predictor (docs/method.md):
 *
 *   log latency(a) = log base(a) + mean + sd * network(one-hot a, S)
 *   log base(a)    = log table(a) + correction . features(a)
 *
 * table        maple_base.c: the look-up table, or a level and an additive model where there is none
 * correction   maple_correction.c: a few numbers a platform; the target's from its samples, with a prior
 *              from the pool
 * S            maple_descriptor.c: operator latencies and counters, scaled
 * network      maple_net.c, trained in maple_train.c
 */
#ifndef MAPLE_PREDICTOR_MAPLE_MODEL_H
#define MAPLE_PREDICTOR_MAPLE_MODEL_H

#include "predictor/lut_table.h"
#include "predictor/maple_net.h"
#include "predictor/predictor_vtable.h"

enum {
    OPT_EPOCHS,
    OPT_BATCH,
    OPT_WIDTH,
    OPT_EMBEDDING,
    OPT_RATE,
    OPT_DECAY,
    OPT_OPERATORS,
    OPT_COUNTERS,
    OPT_COUNTER_SCALE,
    OPT_SCALING,
    OPT_CALIBRATION,
    OPT_LEVEL_SD,
    OPT_SHARE_SD,
    OPT_PRIOR_WEIGHT,
    OPT_SAMPLE_WEIGHT,
    OPT_NETWORK,
    OPT_COUNT
};
enum { SCALING_LUT, SCALING_LEVEL };
enum { CALIBRATION_NONE, CALIBRATION_LEVEL, CALIBRATION_SHARES };
enum { COUNTERS_PER_LATENCY, COUNTERS_PER_RUN };

/* --- Base --- */

/* Level, one for each operator of the space, number of executions. */
enum { MAPLE_MAX_FEATURES = MAPLE_MAX_POSITIONS + 2 };

typedef struct maple_base {
    bool has_lut;
    maple_lut lut;
    double level; /* with `additive`, where there is no look-up table */
    size_t n_additive;
    double additive[MAPLE_MAX_POSITIONS * MAPLE_MAX_OPS];
    size_t n_features;
    double correction[MAPLE_MAX_FEATURES];
} maple_base;

/* log table of a canonical architecture, whose operator counts are given, and with the correction log base.
 */
maple_status maple_base_table(const maple_base *base, const maple_model_context *context,
                              const maple_arch *arch, const double *counts, double *out, maple_error *error);
maple_status maple_base_log(const maple_base *base, const maple_model_context *context,
                            const maple_arch *arch, double *out, maple_error *error);

/* --- Correction --- */

/* What platforms' corrections look like, learned from the sources: mean + factor z with z ~ N(0, 1). */
typedef struct maple_prior {
    size_t n;
    double mean[MAPLE_MAX_FEATURES], factor[MAPLE_MAX_FEATURES * MAPLE_MAX_FEATURES]; /* [n, n], lower */
    double noise; /* what corrections leave of the sources' log latencies */
} maple_prior;

size_t maple_feature_count(const maple_space *space);
void maple_features(const maple_base *base, const maple_model_context *context, const double *counts,
                    double *features);
/* Corrections for the sources (from all their rows), the prior from them, the target's correction from its
 * samples. */
struct maple_training;
maple_status maple_correct(const maple_fit_request *request, const double *options,
                           struct maple_training *training, maple_error *error);
/* The correction of a platform from n rows: above[n] is what log latency lies above the table (and, later,
 * the network). Robust; with no rows it is the prior's mean. */
maple_status maple_correction_fit(const maple_prior *prior, size_t n, const double *features,
                                  const double *above, double *correction, maple_error *error);

/* --- Training set --- */

/* Rows of all sources, then the target's samples, whose platform is n_sources. */
typedef struct maple_training {
    size_t n, n_pool, positions;
    uint8_t *codes;     /* [n, positions], canonical */
    uint32_t *platform; /* [n] */
    maple_arch *archs;  /* [n], canonical */
    double *residual;   /* [n]: log latency - log base */
    double mean, sd;    /* of the pool's residuals */
    size_t n_platforms;
    size_t *rows;     /* [n_platforms - 1]: rows of pool->platforms that are used */
    maple_base *base; /* [n_platforms], the target's last */
    maple_prior prior;
} maple_training;

maple_model_context maple_training_context(const maple_fit_request *request, const maple_training *training,
                                           size_t platform);

maple_status maple_training_build(const maple_fit_request *request, const double *options,
                                  maple_training *out, maple_error *error);
void maple_training_release(maple_training *training);

/* --- Descriptor --- */

/* descriptors[n_platforms, *columns], the target's last; freed by maple_free. Columns that the target lacks,
 * that fewer than two sources have, or that do not vary are left out: *columns may be 0. */
maple_status maple_descriptor_build(const maple_fit_request *request, const maple_training *training,
                                    const double *options, float **descriptors, size_t *columns,
                                    maple_error *error);

/* --- Model --- */

typedef struct maple_model {
    maple_net_shape shape;
    float *parameters;
    float *descriptor; /* [shape.descriptor] of the target */
    double mean, sd;
    maple_base base;
    size_t n_calibration;                        /* 1 + groups */
    double calibration[MAPLE_MAX_POSITIONS + 1]; /* level, then one a group */
} maple_model;

maple_status maple_train(const maple_fit_request *request, const double *options,
                         const maple_training *training, const float *descriptors, maple_model *model,
                         maple_error *error);
/* mean + sd * network, for canonical architectures. */
maple_status maple_model_network(const maple_model *model, const maple_arch *archs, size_t n, double *out,
                                 maple_error *error);
/* The correction of the model's base once more, from what the samples lie above table and network. */
maple_status maple_model_correct(const maple_fit_request *request, const maple_training *training,
                                 maple_model *model, maple_error *error);

#endif
