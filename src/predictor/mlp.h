/* SPDX-License-Identifier: Apache-2.0 */
/* mlp.h: one-hot(a) -> H, ReLU -> H, ReLU -> 1, trained on one device: the network of `mlp-scratch`. */
#ifndef MAPLE_PREDICTOR_MLP_H
#define MAPLE_PREDICTOR_MLP_H

#include "nn/nn.h"

typedef struct maple_mlp {
    size_t positions, choices, width;
    float *parameters; /* [maple_mlp_count] */
} maple_mlp;

/* Parts of the parameters, one after the other. */
enum { MLP_W1, MLP_B1, MLP_W2, MLP_B2, MLP_W3, MLP_B3, MLP_PARTS };
typedef struct maple_mlp_part {
    size_t offset, rows, columns; /* columns 0: a vector */
} maple_mlp_part;

maple_mlp_part maple_mlp_part_at(const maple_mlp *mlp, int part);
size_t maple_mlp_count(const maple_mlp *mlp);

typedef struct maple_mlp_data {
    size_t n;
    const uint8_t *codes;         /* [n, positions] */
    const float *target, *weight; /* [n] */
} maple_mlp_data;

typedef struct maple_mlp_training {
    size_t epochs, batch;
    double rate, decay;
    bool held_out; /* a tenth of the data (of 50 samples or more) stops the training; else all epochs are run
                    */
    uint64_t seed;
    const maple_hooks *hooks;
} maple_mlp_training;

/* Weighted mean absolute error, Adam with cosine decay. Allocates and fills mlp->parameters; with `held_out`
 * those of the epoch with the smallest error on what was held out. */
maple_status maple_mlp_train(maple_mlp *mlp, const maple_mlp_data *data, const maple_mlp_training *training,
                             maple_error *error);
/* out[n] */
maple_status maple_mlp_forward(const maple_mlp *mlp, const uint8_t *codes, size_t n, float *out,
                               maple_error *error);

#endif
