/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help_model.h: the parts of the `help` predictor (docs/method.md):
 *
 *   help_labels.c  hardware embedding, scale of the labels, from predictions to milliseconds
 *   help_train.c   sources, episodes, meta-training
 *   help.c         adapting, predicting; help_file.c: files
 */
#ifndef MAPLE_PREDICTOR_HELP_MODEL_H
#define MAPLE_PREDICTOR_HELP_MODEL_H

#include "predictor/help_meta.h"
#include "predictor/predictor_internal.h"

enum {
    HELP_EPISODES,
    HELP_SOURCE_ARCHS,
    HELP_TASKS,
    HELP_SUPPORT,
    HELP_QUERY,
    HELP_STEPS,
    HELP_ORDER,
    HELP_META_RATE,
    HELP_ALPHA,
    HELP_KL,
    HELP_Z_SCALING,
    HELP_WIDTH,
    HELP_MC,
    HELP_TRIM,
    HELP_LABELS,
    HELP_DENORMALISE,
    HELP_REFERENCE_SAMPLES,
    HELP_ENCODER,
    HELP_OPTIONS
};
/* Between what the label's scale reaches: reference latencies, a source's trained rows (on a target: its
 * samples), logarithms of reference latencies. */
enum { LABELS_REFERENCES, LABELS_POOL, LABELS_LOG };
enum { DENORMALISE_ROBUST, DENORMALISE_AFFINE, DENORMALISE_RANGE };
enum { ENCODER_AUTO, ENCODER_BITS };
enum { HELP_REFERENCES = 10, HELP_MAX_WIDTH = 1024, HELP_MAX_MC = 100 };

/* --- Labels (help_labels.c) --- */

/* label = 0.05 + 0.9 (value - low) / (high - low), value = latency or its logarithm. */
typedef struct help_scale {
    bool log;
    double low, high;
} help_scale;

help_scale help_scale_empty(int labels);
/* Widens the scale by latency_ms[n]; NaN is passed over. */
void help_scale_include(help_scale *scale, const double *latency_ms, size_t n);
/* Between -3 and 4: what lies farther outside of the scale is wrong, or would break the inner loop. */
float help_scale_label(const help_scale *scale, double latency_ms);

/* hardware[HELP_REFERENCES]: min-max of the reference latencies; where one is NaN, that of `missing`. */
void help_embed(const double *reference_ms, const double *missing, float *hardware);

/* value = slope * prediction + intercept; the latency is value or exp(value), at least floor_ms. */
typedef struct help_line {
    double slope, intercept, floor_ms;
    bool log;
} help_line;

/* From predictions of measured architectures, n >= 1. `affine`: least squares of relative errors (of a
 * logarithm: as it is); `robust`: the least sum of their absolute values; `range`: the interval of
 * predictions onto that of latencies. Where this gives no positive slope: that of the scale. */
maple_status help_line_fit(int denormalise, const help_scale *scale, const double *prediction,
                           const double *latency_ms, size_t n, help_line *out, maple_error *error);
double help_line_apply(const help_line *line, double prediction);

/* --- Prior (help_train.c) --- */

typedef struct help_prior {
    help_rule rule;
    float *meta;                     /* [help_rule_meta] */
    double missing[HELP_REFERENCES]; /* mean embedding of the sources */
} help_prior;

typedef struct help_source {
    size_t n;
    maple_arch *archs; /* [n], canonical */
    double *latency_ms;
    double reference_ms[HELP_REFERENCES];
    float hardware[HELP_REFERENCES];
    help_scale scale;
} help_source;

/* Everything that an uninterrupted training has at the beginning of an episode is in meta, the moments and
 * the episode's number: what an episode draws depends on these and the seed. */
typedef struct help_trainer {
    help_prior *prior;
    const double *options;
    uint64_t seed;
    size_t n_sources;
    help_source *sources;
    size_t episodes, episode;
    float *gradient; /* [3, meta]: and Adam's moments */
    nn_adam adam;
    /* of one task */
    size_t *order, *tasks; /* rows, sources */
    maple_arch *archs;
    float *label, *noise;
    help_batch *support, *query;
    help_meta_work *work;
} help_trainer;

/* What the options say, with its sizes. */
help_rule help_rule_for(const maple_space *space, const double *options);
/* Released by the caller, whatever it returns; trainer->prior is the caller's. */
maple_status help_trainer_create(const maple_fit_request *request, const double *options,
                                 help_trainer *trainer, maple_error *error);
void help_trainer_release(help_trainer *trainer);
/* One episode; returns its loss. */
double help_train_episode(help_trainer *trainer);
/* To the last episode. MAPLE_INTERRUPTED where it is cancelled. */
maple_status help_train(help_trainer *trainer, const maple_fit_request *request, maple_error *error);
/* The whole state of the training (a help_trainer), for the same request: of a maple_checkpoint_state. */
maple_status help_trainer_save(const void *trainer, maple_tensors *tensors, maple_error *error);
maple_status help_trainer_load(void *trainer, const maple_tensors *tensors, maple_error *error);

/* --- Adapted (help.c), files (help_file.c) --- */

typedef struct help_model {
    help_shape shape;
    size_t mc;
    float *theta; /* [mc, parameters] */
    float hardware[HELP_REFERENCES];
    help_line line;
} help_model;

void help_free_prior(void *prior);
void help_free_model(void *model);
maple_status help_save(const void *model, maple_tensors *tensors, maple_error *error);
maple_status help_load(const maple_tensors *tensors, const maple_model_context *context, void **model,
                       maple_error *error);
maple_status help_save_prior(const void *prior, maple_tensors *tensors, maple_error *error);
maple_status help_load_prior(const maple_tensors *tensors, const maple_space *space, void **prior,
                             maple_error *error);

#endif
