/* SPDX-License-Identifier: Apache-2.0 */
/* predictor_internal.h: what fitting in one step (predictor.c) and in two (pretrained.c) share, and what
 * predictors share that learn from rows of a pool. */
#ifndef MAPLE_PREDICTOR_INTERNAL_H
#define MAPLE_PREDICTOR_INTERNAL_H

#include "predictor/predictor_vtable.h"

struct maple_predictor {
    const maple_predictor_vtable *vtable;
    maple_model_context context;
    char *options; /* as text, all of them */
    void *state;
};

/* --- Checks of a request (checks.c) --- */

/* Pool, sources and training rows. */
maple_status maple_check_pool(const maple_predictor_info *info, const maple_fit_request *request,
                              maple_error *error);
/* Samples, operator latencies, references, the oracle's latencies. */
maple_status maple_check_target(const maple_predictor_info *info, const maple_fit_request *request,
                                maple_error *error);

/* Both, and the options: all that can be known to be wrong before anything is learned. values: those of the
 * options. */
maple_status maple_predictor_check(const maple_predictor_vtable *vtable, const maple_fit_request *request,
                                   double *values, maple_error *error);

/* --- What a predictor sees of a target --- */

/* Replaces the target's samples by what it executes (*archs, freed by the caller), and takes out of the
 * request what the predictor must not or would not use. */
maple_status maple_show_target(const maple_predictor_vtable *vtable, const double *values,
                               maple_fit_request *request, maple_arch **archs, maple_error *error);

/* --- Training rows of a request --- */

static inline size_t maple_train_rows(const maple_fit_request *request) {
    return request->train ? request->n_train : request->pool->n_archs;
}

/* The i-th, as a row of pool->archs. */
static inline size_t maple_train_row(const maple_fit_request *request, size_t i) {
    return request->train ? request->train[i] : i;
}

/* A row's latency in latency_ms[pool->n_archs] of a device that runs this form; NaN where it cannot be
 * learned from: not measured, not positive, or nothing runs. */
double maple_usable_latency(const maple_dataset *pool, maple_graph_form graph, const double *latency_ms,
                            size_t row);
/* The same of the i-th training row on a platform (a row) of the pool. */
double maple_train_latency(const maple_fit_request *request, size_t platform, size_t i);

/* *order (freed by the caller): the numbers of the training rows, shuffled. */
maple_status maple_shuffle_rows(const maple_fit_request *request, maple_rng *rng, size_t **order,
                                maple_error *error);

/* kept[request->n_sources]: the first *n become the sources with a latency of the training rows, in their
 * order; the others are left out with a warning. None left: MAPLE_BAD_INPUT. */
maple_status maple_keep_sources(const maple_fit_request *request, size_t *kept, size_t *n,
                                maple_error *error);

/* --- Checkpoints of a training (checkpoint.c); all of them do nothing without request->checkpoint --- */

/* *out (freed by maple_tensors_free) is NULL where nothing was kept, or, with a warning, where it cannot be
 * read. */
maple_status maple_checkpoint_read(const maple_fit_request *request, maple_tensors **out, maple_error *error);
maple_status maple_checkpoint_write(const maple_fit_request *request, const maple_tensors *tensors,
                                    maple_error *error);

/* How a trainer's whole state goes into tensors and comes back; load leaves the trainer as it is where it
 * fails. */
typedef struct maple_checkpoint_state {
    void *trainer;
    maple_status (*save)(const void *trainer, maple_tensors *tensors, maple_error *error);
    maple_status (*load)(void *trainer, const maple_tensors *tensors, maple_error *error);
} maple_checkpoint_state;

/* Writes the state; reads it again: what does not fit this training is left alone, with a warning. */
maple_status maple_checkpoint_keep(const maple_fit_request *request, const maple_checkpoint_state *state,
                                   maple_error *error);
maple_status maple_checkpoint_resume(const maple_fit_request *request, const maple_checkpoint_state *state,
                                     maple_error *error);
/* Whether it is time for the next one; *last_ns, 0 at first, is when the last was due. */
bool maple_checkpoint_due(const maple_fit_request *request, int64_t *last_ns);

/* --- Models --- */

/* A predictor without state. `options` is copied. */
maple_status maple_predictor_create(const maple_predictor_vtable *vtable, const maple_fit_request *request,
                                    const char *options, maple_predictor **out, maple_error *error);

/* What a file says it is. Strings belong to the file. */
typedef struct maple_model_identity {
    const maple_predictor_vtable *vtable;
    const maple_space *space;
    const char *options;
} maple_model_identity;

/* `format` is "maple-predictor" or "maple-pretrained". */
maple_status maple_model_identify(const maple_tensors *tensors, const char *format, maple_model_identity *out,
                                  maple_error *error);
/* The same into a file that is to be written. */
maple_status maple_model_add_identity(maple_tensors *tensors, const char *format,
                                      const maple_model_identity *identity, maple_error *error);

#endif
