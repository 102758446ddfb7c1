/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maple_net.h: the dual-stream network of the MAPLE paper (section 5 there): forward, loss, backward.
 *
 *   stream 1: one-hot(a) -> H, ReLU -> H, ReLU -> E
 *   stream 2: [E, S]     -> H, ReLU -> H, ReLU -> 1
 *
 * S is the same for all samples of a platform, so its product with the first layer of stream 2 is computed
 * once a platform and step. Stream 1 does not see the platform, so it is computed once for an architecture
 * that several samples of a batch share.
 */
#ifndef MAPLE_PREDICTOR_MAPLE_NET_H
#define MAPLE_PREDICTOR_MAPLE_NET_H

#include "nn/nn.h"

#ifdef NN_DOUBLE
#define maple_net_layout      NN_NAME(maple_net_layout)
#define maple_net_init        NN_NAME(maple_net_init)
#define maple_net_work_create NN_NAME(maple_net_work_create)
#define maple_net_work_free   NN_NAME(maple_net_work_free)
#define maple_net_describe    NN_NAME(maple_net_describe)
#define maple_net_forward     NN_NAME(maple_net_forward)
#define maple_net_loss        NN_NAME(maple_net_loss)
#endif

typedef struct maple_net_shape {
    size_t positions, choices; /* of the one-hot encoding */
    size_t width, embedding;   /* H, E */
    size_t descriptor;         /* length of S; 0: no descriptor */
} maple_net_shape;

enum {
    NET_W1,
    NET_B1,
    NET_W2,
    NET_B2,
    NET_W3,
    NET_B3,
    NET_W4,
    NET_W4S,
    NET_B4,
    NET_W5,
    NET_B5,
    NET_W6,
    NET_B6,
    NET_TENSORS
};

/* All parameters lie in one array, so that the optimiser takes them in one loop. */
typedef struct maple_net_table {
    size_t offset[NET_TENSORS + 1]; /* the last is the number of parameters */
    size_t rows[NET_TENSORS], columns[NET_TENSORS];
} maple_net_table;

maple_net_table maple_net_layout(const maple_net_shape *shape);
void maple_net_init(const maple_net_shape *shape, maple_rng *rng, nn_real *parameters);

/* Activations and their gradients for batches of at most `capacity` samples and `platforms` descriptors. */
typedef struct maple_net_work maple_net_work;
maple_net_work *maple_net_work_create(const maple_net_shape *shape, size_t capacity, size_t platforms,
                                      bool training); /* NULL: out of memory */
void maple_net_work_free(maple_net_work *work);

/* S[platforms, descriptor] W4s + b4: once before maple_net_forward, whenever parameters or S change. */
void maple_net_describe(maple_net_work *work, const nn_real *parameters, const nn_real *descriptors,
                        size_t platforms);
/* A batch of n samples: sample i is architecture arch[i] (NULL: i) of codes[n_archs, positions] on platform
 * platform[i] (NULL: 0). n_archs <= n <= capacity. */
typedef struct maple_net_batch {
    size_t n, n_archs;
    const uint8_t *codes;
    const uint32_t *arch, *platform;
} maple_net_batch;

/* Predictions[n], which belong to `work`. */
const nn_real *maple_net_forward(maple_net_work *work, const nn_real *parameters,
                                 const maple_net_batch *batch);
/* Forward and backward: the weighted mean absolute error of a batch and its gradient (all parameters). */
double maple_net_loss(maple_net_work *work, const nn_real *parameters, const nn_real *descriptors,
                      size_t platforms, const maple_net_batch *batch, const nn_real *target,
                      const nn_real *weight, nn_real *gradient);

#endif
