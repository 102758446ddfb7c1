/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brp_net.h: the predictor network of BRP-NAS (Dudziak, Chau, Abdelfattah, Lee, Kim, Lane; NeurIPS 2020):
 *
 *   `depth` layers X <- ReLU(LayerNorm(A X W + b)), the global node's row -> 1
 *
 * on the rows that help_batch finds: those of nodes that see the same are computed once.
 */
#ifndef MAPLE_PREDICTOR_BRP_NET_H
#define MAPLE_PREDICTOR_BRP_NET_H

#include "predictor/help_net.h"

#ifdef NN_DOUBLE
#define brp_layout_of    NN_NAME(brp_layout_of)
#define brp_net_init     NN_NAME(brp_net_init)
#define brp_net_forward  NN_NAME(brp_net_forward)
#define brp_net_backward NN_NAME(brp_net_backward)
#define brp_work_create  NN_NAME(brp_work_create)
#define brp_work_free    NN_NAME(brp_work_free)
#endif

/* Parameters of layer l at offset[l]: weight[in, H], bias[H], gain[H], shift[H]; of the output at
 * offset[depth]: weight[H], bias[1]. */
typedef struct brp_layout {
    size_t offset[HELP_MAX_DEPTH + 1], parameters;
} brp_layout;

typedef struct brp_work {
    nn_real *sum[HELP_MAX_DEPTH];                           /* [rows, H]: A X; none of the first layer */
    nn_real *mixed[HELP_MAX_DEPTH];                         /* [rows, H]: A X W + b */
    nn_real *x[HELP_MAX_DEPTH];                             /* [rows, H]: the layer's output */
    nn_real *mean[HELP_MAX_DEPTH], *inv_sd[HELP_MAX_DEPTH]; /* [rows] */
    nn_real *out, *d_out;                                   /* [n] */
    nn_real *d_x, *d_y;                                     /* [rows, H] */
    nn_real *memory;
} brp_work;

brp_layout brp_layout_of(const help_shape *shape);

/* Weights as the released code draws them: graph layers uniform in +-1 / sqrt(H), the output, too. */
void brp_net_init(const help_shape *shape, maple_rng *rng, nn_real *parameters);
/* For batches of `capacity` architectures, with what brp_net_backward needs if `backward`; NULL: out of
 * memory. */
brp_work *brp_work_create(const maple_space *space, const help_shape *shape, size_t capacity, bool backward);
void brp_work_free(brp_work *work);
/* work->out[batch->n] */
void brp_net_forward(const help_shape *shape, const nn_real *parameters, const help_batch *batch,
                     brp_work *work);
/* gradient[parameters], written, from work->d_out[batch->n] and what the forward pass left. */
void brp_net_backward(const help_shape *shape, const nn_real *parameters, const help_batch *batch,
                      brp_work *work, nn_real *gradient);

#endif
