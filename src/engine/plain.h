/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network run node by node on NCHW float arrays: what the engines `reference` and `blas` share. They differ
 * in how they compute CONV and LINEAR.
 */
#ifndef MAPLE_ENGINE_PLAIN_H
#define MAPLE_ENGINE_PLAIN_H

#include "engine/engine_vtable.h"

/* One CONV or LINEAR to compute. */
typedef struct plain_call {
    const maple_node *node;
    maple_shape in;
    int batch;
    const float *src;
    const float *addend; /* NULL: none; may be dst itself (plain_kernels.in_place) */
    const float *weight, *bias;
    float *dst;
    float *scratch; /* plain_kernels.scratch floats */
} plain_call;

typedef struct plain_kernels {
    void (*conv)(const plain_call *call);
    void (*linear)(const plain_call *call);
    size_t (*scratch)(const maple_node *node, maple_shape in); /* floats that conv needs for a node */
    bool in_place;                                             /* conv may be given dst == addend */
} plain_kernels;

typedef struct plain_engine {
    maple_engine base;
    const plain_kernels *kernels;
    char conv_name[64], linear_name[64]; /* as implementations */
    float *scratch;                      /* of all networks */
    size_t scratch_floats;
} plain_engine;

typedef struct plain_network {
    maple_network base;
    maple_graph graph;
    int input;
    float *own[2]; /* the network's input and output */
    float **buffer;
    const engine_weights **weights;
} plain_network;

void plain_close(maple_engine *engine);
maple_status plain_compile(maple_network *network, const maple_graph *graph, maple_error *error);
void plain_release(maple_network *network);
maple_status plain_set_input(maple_network *network, const float *nchw, maple_error *error);
maple_status plain_run(maple_network *network, maple_error *error);
/* The same, and largest[n_nodes]: the largest |value| of each node. */
void plain_run_observed(maple_network *network, float *largest);
maple_status plain_output(maple_network *network, float *nchw, maple_error *error);

#endif
