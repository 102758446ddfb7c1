/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help_net.h: the networks of HELP (Lee, Lee, Chong, Hwang; NeurIPS 2021), forward and backward, with or
 * without tangents (nn_dual).
 *
 *   - architecture: a graph, `depth` layers X <- ReLU(A X W + b) read at the global node; or bits and dense
 *     layers;
 *   - hardware: h[E] -> H, ReLU -> H, ReLU;
 *   - head: [architecture, hardware] -> 2H, ReLU -> 2H, ReLU -> 1.
 *
 * All rows of a batch share one hardware. Rows of a graph layer that are the same in several architectures of
 * a batch (a node that has the same operators within as many steps) are computed once: help_batch says which.
 */
#ifndef MAPLE_PREDICTOR_HELP_NET_H
#define MAPLE_PREDICTOR_HELP_NET_H

#include "maple/space.h"
#include "nn/nn.h"

#ifdef NN_DOUBLE
#define help_net_init    NN_NAME(help_net_init)
#define help_work_create NN_NAME(help_work_create)
#define help_work_free   NN_NAME(help_work_free)
#define help_net_forward NN_NAME(help_net_forward)
#define help_net_loss    NN_NAME(help_net_loss)
#endif

enum { HELP_MAX_DEPTH = 4, HELP_HARDWARE_LAYERS = 2, HELP_HEAD_LAYERS = 3 };
enum { HELP_MAX_LAYERS = HELP_MAX_DEPTH + HELP_HARDWARE_LAYERS + HELP_HEAD_LAYERS };

/* What the architecture branch sees: bits; the space's line graph, the same edges for all; or the graph of
 * what is executed (maple_space_op_graph) with loops and a global node, in spaces without one a chain. */
enum { HELP_BITS, HELP_LINE_GRAPH, HELP_OP_GRAPH };

typedef struct help_shape {
    size_t tokens;    /* node types, or bits */
    size_t depth;     /* layers of the architecture branch */
    int graph;        /* HELP_BITS, or along whose edges its layers pass */
    size_t width;     /* H */
    size_t embedding; /* E: reference latencies */
} help_shape;

/* A dense layer's place in the parameters: weight[in, out], then bias[out]. */
typedef struct help_layer {
    size_t in, out, weight, bias;
} help_layer;

/* Layers: `depth` of the architecture, two of the hardware, three of the head. */
typedef struct help_layout {
    size_t layers, parameters;
    help_layer layer[HELP_MAX_LAYERS];
} help_layout;

/* --- help_batch.c: does not depend on the precision --- */

help_layout help_layout_of(const help_shape *shape);
/* The shape for a space: its graph where it has one, unless `bits`. */
help_shape help_shape_for(const maple_space *space, bool bits, size_t width);
/* That of HELP_OP_GRAPH, or with `written`, where the space has one, of its line graph: tokens, depth, width.
 */
help_shape help_op_graph_shape(const maple_space *space, bool written, size_t width);

typedef struct help_batch {
    const maple_space *space;
    help_shape shape;   /* tokens, depth and graph count */
    size_t capacity, n; /* architectures */
    nn_row_sums
        sums[HELP_MAX_DEPTH]; /* start NULL: a dense layer; rows[depth - 1] = n, one an architecture */
    uint32_t *start[HELP_MAX_DEPTH], *index[HELP_MAX_DEPTH];
    uint32_t *slot; /* [slots]: row + 1 of the layer that is being built; 0: free */
    size_t slots;
    uint32_t *row_node; /* [rows]: whose node it is */
    uint32_t *node_row; /* [2, capacity, nodes] */
} help_batch;

/* NULL: out of memory. */
help_batch *help_batch_create(const maple_space *space, const help_shape *shape, size_t capacity);
void help_batch_free(help_batch *batch);
/* n <= capacity */
void help_batch_build(help_batch *batch, const maple_arch *archs, size_t n);
/* Most rows of a layer that `n` architectures can need. */
size_t help_batch_rows(const maple_space *space, const help_shape *shape, size_t n);

/* --- help_net.c --- */

typedef struct help_arrays {
    nn_dual sum[HELP_MAX_DEPTH], x[HELP_MAX_DEPTH]; /* [rows, H]: A X, ReLU(A X W + b) */
    nn_dual hardware[HELP_HARDWARE_LAYERS];         /* [H] */
    nn_dual joint;        /* [2H]: what the hardware adds to the head's first layer */
    nn_dual head[2], out; /* [n, 2H], [n] */
    nn_dual d_a, d_b;     /* [rows, H] */
    nn_dual d_hardware[HELP_HARDWARE_LAYERS], d_joint, d_head[2], d_out;
} help_arrays;

typedef struct help_work {
    help_arrays arrays[2]; /* without tangents, and with */
    nn_real *memory;
} help_work;

/* Weights as the released code draws them. */
void help_net_init(const help_shape *shape, maple_rng *rng, nn_real *parameters);
/* For batches of `capacity` architectures; NULL: out of memory. */
help_work *help_work_create(const maple_space *space, const help_shape *shape, size_t capacity,
                            bool tangents);
void help_work_free(help_work *work);
/* Returns the predictions [batch->n]; they belong to `work`. With a tangent of the parameters the work must
 * have tangents. */
nn_dual help_net_forward(const help_shape *shape, nn_dual parameters, const nn_real *hardware,
                         const help_batch *batch, help_work *work);
/* Forward, the mean square against target[batch->n], backward: gradient[parameters], of which value and
 * tangent are wanted where they are not NULL. */
double help_net_loss(const help_shape *shape, nn_dual parameters, const nn_real *hardware,
                     const help_batch *batch, const nn_real *target, help_work *work, nn_dual gradient);

#endif
