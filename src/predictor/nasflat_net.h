/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nasflat_net.h: the network of NASFLAT (Akhauri and Abdelfattah, MLSys 2024, section 4; docs/method.md):
 *
 *   - X: the nodes' features, one vector for the input and one for any other node (with `positions`, one a
 *     place more);
 *   - O: the operators' features, [operator | device] of each node;
 *   - v: the output node of two graph layers on X, gated by O, through a small perceptron;
 *   - O': from [O | v], for every node;
 *   - score: head([mean over nodes of three graph layers on X, gated by O' | proxies | device]).
 *
 * A graph layer is dense graph flow, graph attention, or the mean of both; both see the same inputs, so that
 * their weights are columns of one matrix. Layers whose inputs are few different rows (X; O, of which there
 * is one for each operator and device) are computed for these.
 */
#ifndef MAPLE_PREDICTOR_NASFLAT_NET_H
#define MAPLE_PREDICTOR_NASFLAT_NET_H

#include "maple/space.h"
#include "nn/nn.h"

#ifdef NN_DOUBLE
#define maple_nasflat_layout       NN_NAME(maple_nasflat_layout)
#define maple_nasflat_init         NN_NAME(maple_nasflat_init)
#define maple_nasflat_work_create  NN_NAME(maple_nasflat_work_create)
#define maple_nasflat_work_free    NN_NAME(maple_nasflat_work_free)
#define maple_nasflat_work_nodes   NN_NAME(maple_nasflat_work_nodes)
#define maple_nasflat_forward      NN_NAME(maple_nasflat_forward)
#define maple_nasflat_backward     NN_NAME(maple_nasflat_backward)
#define maple_nasflat_batch_add    NN_NAME(maple_nasflat_batch_add)
#define maple_nasflat_batch_create NN_NAME(maple_nasflat_batch_create)
#define maple_nasflat_batch_free   NN_NAME(maple_nasflat_batch_free)
#define maple_nasflat_batch_clear  NN_NAME(maple_nasflat_batch_clear)
#endif

enum { NASFLAT_WIDTH = 128, NASFLAT_NODE = 48, NASFLAT_X = 96, NASFLAT_DEVICE = 8, NASFLAT_HEAD = 200 };
enum { NASFLAT_LAYERS_A = 2, NASFLAT_LAYERS_B = 3, NASFLAT_LAYERS = NASFLAT_LAYERS_A + NASFLAT_LAYERS_B };
enum { NASFLAT_ENSEMBLE, NASFLAT_DENSE, NASFLAT_GAT };
enum { NASFLAT_DEVICE_IN_NODES, NASFLAT_DEVICE_IN_MLP };

typedef struct maple_nasflat_shape {
    size_t operators, nodes; /* of the space; nodes of a graph */
    size_t devices;          /* rows of the hardware embedding */
    size_t proxies;          /* 0: none */
    int gnn, device_in;      /* NASFLAT_ENSEMBLE, ...; NASFLAT_DEVICE_IN_NODES, ... */
    bool positions;          /* a vector for each place in the graph */
    bool chain;              /* an edge from each node to the next */
} maple_nasflat_shape;

/* Tensors, all of them in one array, so that the optimiser takes them in one loop. */
enum {
    NASFLAT_OPERATOR_EMBEDDING, /* [operators, 40, or 48 without a device] */
    NASFLAT_DEVICE_EMBEDDING,   /* [devices, 8] */
    NASFLAT_OUTPUT_EMBEDDING,   /* [1, 48]: operator and device of the output node */
    NASFLAT_NODE_EMBEDDING,     /* [2, 48]: input, any other */
    NASFLAT_X_W,
    NASFLAT_X_B,
    NASFLAT_POSITION, /* [nodes, 96] or none */
    NASFLAT_GATE_A_W, /* [48, layers of the stack x W], W = 128 for each branch */
    NASFLAT_GATE_A_B,
    NASFLAT_GATE_B_W,
    NASFLAT_GATE_B_B,
    NASFLAT_LAYER,       /* five tensors for each layer: */
    NASFLAT_LAYER_W = 0, /* [in, W] */
    NASFLAT_LAYER_FLOW_B,
    NASFLAT_LAYER_ATTENTION,
    NASFLAT_LAYER_GAIN,
    NASFLAT_LAYER_SHIFT,
    NASFLAT_LAYER_PARTS,
    NASFLAT_V_W1 = NASFLAT_LAYER + NASFLAT_LAYERS * NASFLAT_LAYER_PARTS,
    NASFLAT_V_B1,
    NASFLAT_V_W2,
    NASFLAT_V_B2,
    NASFLAT_V_W3,
    NASFLAT_V_B3,
    NASFLAT_UPDATE_O, /* [48, 128] and [128, 128] are one matrix of the paper */
    NASFLAT_UPDATE_V,
    NASFLAT_UPDATE_B1,
    NASFLAT_UPDATE_W2,
    NASFLAT_UPDATE_B2,
    NASFLAT_PROXY_W1,
    NASFLAT_PROXY_B1,
    NASFLAT_PROXY_W2,
    NASFLAT_PROXY_B2,
    NASFLAT_PROXY_W3,
    NASFLAT_PROXY_B3,
    NASFLAT_DEVICE_W1,
    NASFLAT_DEVICE_B1,
    NASFLAT_DEVICE_W2,
    NASFLAT_DEVICE_B2,
    NASFLAT_HEAD_W1,
    NASFLAT_HEAD_B1,
    NASFLAT_HEAD_W2,
    NASFLAT_HEAD_B2,
    NASFLAT_HEAD_W3,
    NASFLAT_HEAD_B3,
    NASFLAT_HEAD_W4,
    NASFLAT_HEAD_B4,
    NASFLAT_TENSORS
};

typedef struct maple_nasflat_table {
    size_t offset[NASFLAT_TENSORS + 1];                     /* the last is the number of parameters */
    size_t rows[NASFLAT_TENSORS], columns[NASFLAT_TENSORS]; /* rows 0: not there */
    size_t width;                                           /* W: 128 for each branch */
    size_t head;                                            /* what goes into the head */
} maple_nasflat_table;

maple_nasflat_table maple_nasflat_layout(const maple_nasflat_shape *shape);
/* PyTorch's: embeddings N(0, 1), linear layers uniform within 1 / sqrt(inputs). */
void maple_nasflat_init(const maple_nasflat_shape *shape, maple_rng *rng, nn_real *parameters);

/* --- Batches --- */

typedef struct maple_nasflat_batch {
    size_t n, capacity; /* rows that are scored */
    size_t rows;        /* nodes; those that are alike are one */
    nn_node_batch nodes;
    uint32_t *first, *in, *in_from, *graph; /* graph[rows]: which one a node belongs to */
    nn_real *count;
    uint32_t *x_row, *o_row;         /* [rows]: in X, in O */
    uint32_t *output;                /* [n]: row of the output node */
    size_t n_o;                      /* different rows of O: zero, the output's, then pairs */
    uint32_t *o_operator, *o_device; /* [n_o] */
    uint32_t *o_place;               /* [devices x operators]: row of O, 0 where it is new */
    uint32_t *device;                /* [n] */
    nn_real *proxies;                /* [n, proxies] */
    double total;                    /* nodes of a graph, each counted */
} maple_nasflat_batch;

maple_nasflat_batch *maple_nasflat_batch_create(const maple_nasflat_shape *shape, size_t capacity);
void maple_nasflat_batch_free(maple_nasflat_batch *batch);
void maple_nasflat_batch_clear(const maple_nasflat_shape *shape, maple_nasflat_batch *batch);
/* n < capacity. proxies[shape->proxies] */
void maple_nasflat_batch_add(const maple_nasflat_shape *shape, const maple_op_graph *graph, size_t device,
                             const float *proxies, maple_nasflat_batch *batch);

/* --- Scores and gradients --- */

typedef struct maple_nasflat_work maple_nasflat_work;
/* For batches of at most `capacity`; NULL: out of memory. */
maple_nasflat_work *maple_nasflat_work_create(const maple_nasflat_shape *shape, size_t capacity,
                                              bool training);
void maple_nasflat_work_free(maple_nasflat_work *work);

/* score[n], which belongs to `work`. rng NULL: without dropout (of 0.1, in the head and the proxies). */
const nn_real *maple_nasflat_forward(maple_nasflat_work *work, const nn_real *parameters,
                                     const maple_nasflat_batch *batch, maple_rng *rng);
/* After a forward of the same batch: the gradient of all parameters from that of the scores. */
void maple_nasflat_backward(maple_nasflat_work *work, const nn_real *parameters,
                            const maple_nasflat_batch *batch, const nn_real *d_score, nn_real *gradient);

#endif
