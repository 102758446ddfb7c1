/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maple_model.h: the parts of the `maple` predictor (docs/method.md):
 *
 *   log latency(a) = log base(a) + mean + sd * network(one-hot a, S) + calibration(a)
 *
 * base         maple_base.c: what is known without a network: the look-up table, or a level and an additive
 * model S            maple_descriptor.c: operator latencies and counters, scaled network      maple_net.c,
 * trained in maple_train.c calibration  maple_calibrate.c: closed form on the target's samples
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
    OPT_NOISE,
    OPT_SAMPLE_WEIGHT,
    OPT_NETWORK,
    OPT_COUNT
};
enum { SCALING_LUT, SCALING_LEVEL };
enum { CALIBRATION_NONE, CALIBRATION_LEVEL, CALIBRATION_SHARES };
enum { COUNTERS_PER_LATENCY, COUNTERS_PER_RUN };

/* --- Base --- */

/* exp(level + additive . one-hot), or the sum of operator latencies. */
typedef struct maple_base {
    bool has_lut;
    maple_lut lut;
    double level;
    size_t n_additive;
    double additive[MAPLE_MAX_POSITIONS * 16];
} maple_base;

/* log base of a canonical architecture. */
maple_status maple_base_log(const maple_base *base, const maple_model_context *context,
                            const maple_arch *arch, double *out, maple_error *error);
/* What share of the base each group of operators makes up: shares[groups], one a search-space operator.
 * Without a look-up table each execution of an operator counts the same. */
size_t maple_base_groups(const maple_space *space);
void maple_base_shares(const maple_base *base, const maple_model_context *context, const maple_arch *arch,
                       double *shares);

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
} maple_training;

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
/* log latency without the calibration, for canonical architectures. */
maple_status maple_model_log(const maple_model *model, const maple_model_context *context,
                             const maple_arch *archs, size_t n, double *log_ms, maple_error *error);
maple_status maple_calibrate(const maple_fit_request *request, const double *options, maple_model *model,
                             maple_error *error);
double maple_calibration_of(const maple_model *model, const maple_model_context *context,
                            const maple_arch *arch);

#endif
