/* SPDX-License-Identifier: Apache-2.0 */
/* nasflat.h: the parts of the predictor `nasflat` around its network. */
#ifndef MAPLE_PREDICTOR_NASFLAT_H
#define MAPLE_PREDICTOR_NASFLAT_H

#include "predictor/nasflat_net.h"
#include "predictor/predictor_vtable.h"
#include "space/arch_index.h"

enum {
    NASFLAT_EPOCHS,
    NASFLAT_BATCH,
    NASFLAT_RATE,
    NASFLAT_SOURCE_ARCHS,
    NASFLAT_TUNE_EPOCHS,
    NASFLAT_TUNE_BATCH,
    NASFLAT_TUNE_RATE,
    NASFLAT_DECAY,
    NASFLAT_MARGIN,
    NASFLAT_GNN,
    NASFLAT_HARDWARE,
    NASFLAT_ZCP,
    NASFLAT_TRANSFER_INIT,
    NASFLAT_CHAIN,
    NASFLAT_POSITIONS,
    NASFLAT_OPTIONS
};
enum { NASFLAT_ZCP_AUTO, NASFLAT_ZCP_NO, NASFLAT_ZCP_YES };

/* --- Training (nasflat_train.c) --- */

/* What is ranked: an architecture on a device. */
typedef struct maple_nasflat_rows {
    size_t n, capacity;
    maple_op_graph *graph; /* [n] */
    uint32_t *device;      /* [n] */
    float *target;         /* [n], comparable between devices */
    float *proxies;        /* [n, shape->proxies] */
} maple_nasflat_rows;

maple_status maple_nasflat_rows_create(const maple_nasflat_shape *shape, size_t capacity,
                                       maple_nasflat_rows *rows, maple_error *error);
void maple_nasflat_rows_release(maple_nasflat_rows *rows);

typedef struct maple_nasflat_training {
    size_t epochs, batch;
    double rate, decay, margin;
    uint64_t seed;
    const char *task;                 /* in reports of progress */
    const maple_fit_request *request; /* its hooks */
    bool keeps;                       /* its checkpoint is used, too */
} maple_nasflat_training;

/* AdamW on the pairwise hinge loss, from `parameters` and into them (section 2.6 of the paper's settings in
 * docs/method.md). Deterministic for a seed, interrupted and continued or not. */
maple_status maple_nasflat_train(const maple_nasflat_shape *shape, const maple_nasflat_rows *rows,
                                 const maple_nasflat_training *training, float *parameters,
                                 maple_error *error);

/* --- Milliseconds (nasflat_scale.c) --- */

/* A line through (score, latency), bent so that it stays positive: strictly increasing. */
typedef struct maple_nasflat_scale {
    double offset, slope; /* ms, ms for 1 of score; > 0 */
    double bend;          /* ms, > 0: below it the line flattens */
} maple_nasflat_scale;

/* n >= 1 pairs; the slope is the median of those of pairs (Theil and Sen). Fails only for lack of memory. */
maple_status maple_nasflat_scale_fit(const double *score, const double *latency_ms, size_t n,
                                     maple_nasflat_scale *out, maple_error *error);
double maple_nasflat_scale_apply(const maple_nasflat_scale *scale, double score);

/* --- What is known before any target, and for one --- */

typedef struct maple_nasflat_prior {
    maple_nasflat_shape shape; /* the last device is a target's */
    float *parameters;
    char *sources;     /* names of the other devices, a line each */
    size_t n_archs;    /* that have proxies */
    maple_arch *archs; /* [n_archs] as written */
    float *proxies;    /* [n_archs, shape.proxies], normalised */
} maple_nasflat_prior;

/* A prior whose parameters are a target's. */
typedef struct maple_nasflat_model {
    maple_nasflat_prior net;
    maple_nasflat_scale scale;
    maple_arch_index known; /* with proxies: the architectures that have them, as the target runs them */
    size_t *row;            /* [known.n] of net.archs */
} maple_nasflat_model;

/* nasflat_pretrain.c */
void maple_nasflat_prior_free(void *prior);
maple_status maple_nasflat_pretrain(const maple_fit_request *request, const double *options, void **prior,
                                    maple_error *error);
/* Epochs, batch and rate of a transfer in this space with these options. */
maple_nasflat_training maple_nasflat_transfer(const maple_fit_request *request, const double *options);

/* nasflat_model.c: scores[n] of canonical architectures. MAPLE_NOT_FOUND where one has no proxies. */
void maple_nasflat_model_free(void *model);
maple_status maple_nasflat_model_index(maple_nasflat_model *model, const maple_model_context *context,
                                       maple_error *error);
maple_status maple_nasflat_model_proxies(const maple_nasflat_model *model, const maple_model_context *context,
                                         const maple_arch *arch, const float **out, maple_error *error);
maple_status maple_nasflat_model_scores(const maple_nasflat_model *model, const maple_model_context *context,
                                        const maple_arch *archs, size_t n, double *scores,
                                        maple_error *error);

/* nasflat_file.c */
maple_status maple_nasflat_save_prior(const void *prior, maple_tensors *tensors, maple_error *error);
maple_status maple_nasflat_load_prior(const maple_tensors *tensors, const maple_space *space, void **prior,
                                      maple_error *error);
maple_status maple_nasflat_save(const void *model, maple_tensors *tensors, maple_error *error);
maple_status maple_nasflat_load(const maple_tensors *tensors, const maple_model_context *context,
                                void **model, maple_error *error);

#endif
