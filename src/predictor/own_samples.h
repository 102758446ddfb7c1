/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own_samples.h: what networks that learn from the target's own samples alone share (mlp-scratch, brp-gcn):
 * samples in a fixed order (nasflat takes them in it, too), the scale of what is learned, epochs that end
 * where what was held out gets worse.
 */
#ifndef MAPLE_PREDICTOR_OWN_SAMPLES_H
#define MAPLE_PREDICTOR_OWN_SAMPLES_H

#include "maple/predictor.h"
#include "nn/nn.h"
#include "predictor/safetensors.h"

/* --- Samples and their scale (own_samples.c) --- */

/* Samples in an order that does not depend on the caller's. */
typedef struct maple_own_sample {
    maple_arch arch;
    double latency_ms;
} maple_own_sample;

/* [target->n_samples], freed by maple_free; NULL: out of memory. */
maple_own_sample *maple_own_samples(const maple_target *target);

/* log latency = mean + sd value, or latency = mean (1 + sd value). */
typedef struct maple_own_scale {
    bool log;
    double mean, sd, floor_ms; /* latencies of the second kind are at least floor_ms */
} maple_own_scale;

/* values[n]: what is learned of the samples, mean 0 and variance 1. The floor is a twentieth of the smallest
 * sample. n >= 1. */
maple_own_scale maple_own_scale_fit(bool log, const maple_own_sample *samples, size_t n, double *values);
double maple_own_scale_latency(const maple_own_scale *scale, double value);
/* Tensor `scale`. */
maple_status maple_own_scale_save(const maple_own_scale *scale, maple_tensors *tensors, maple_error *error);
maple_status maple_own_scale_load(const maple_tensors *tensors, maple_own_scale *scale, maple_error *error);

/* --- Epochs (own_epochs.c) --- */

/* Adam (0.9, 0.999) with cosine decay of its rate to 0 over all epochs, on batches in random order. From 50
 * samples on a tenth is held out: then the parameters of the epoch with the smallest error on it are kept,
 * and training ends a quarter of the epochs after the last improvement. */
typedef struct maple_own_epochs {
    size_t n; /* samples */
    size_t epochs, batch;
    double rate, decay; /* decay is decoupled: a step takes rate x decay of each weight */
    size_t parameters;
    float *parameter; /* [parameters], in and out */
    const maple_hooks *hooks;
    void *context;
    /* Of the samples rows[n], n <= batch: the gradient[parameters] of the loss. */
    void (*gradient)(void *context, const size_t *rows, size_t n, float *gradient);
    /* ... the sum of their absolute errors. */
    double (*error)(void *context, const size_t *rows, size_t n);
} maple_own_epochs;

/* `held_out`: false: nothing is. MAPLE_INTERRUPTED where it is cancelled. */
maple_status maple_own_epochs_run(const maple_own_epochs *training, bool held_out, maple_rng *rng,
                                  maple_error *error);

#endif
