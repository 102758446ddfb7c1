/* SPDX-License-Identifier: Apache-2.0 */
/*
 * graph.h: a network as a list of layers in topological order, what it costs, and the passes that turn the
 * network as written into what a deployed runtime executes.
 *
 * A space builds the raw graph: every edge, ReLU and batch normalisation separate. An engine gets
 *
 *     raw -> fold batch norm -> as-written form: every operator of every edge runs, nothing shared or fused
 *                            -> pruned form: zero propagation, dead-code removal, copies removed, equal ReLUs
 * shared, additions and ReLUs fused into the layer before them where the engine can
 *
 * Shapes are per image (channels, height, width); the batch is the engine's.
 */
#ifndef MAPLE_GRAPH_H
#define MAPLE_GRAPH_H

#include "maple/base.h"

typedef enum maple_op {
    MAPLE_OP_INPUT,
    MAPLE_OP_CONV, /* square kernel, zero padding, groups; no bias of its own; a folded batch norm gives one
                    */
    MAPLE_OP_BATCH_NORM, /* inference: y = x * scale + shift per channel */
    MAPLE_OP_RELU,
    MAPLE_OP_ADD,             /* two inputs of equal shape */
    MAPLE_OP_AVG_POOL,        /* padding is not counted in the average */
    MAPLE_OP_GLOBAL_AVG_POOL, /* to channels x 1 x 1 */
    MAPLE_OP_LINEAR,          /* with bias; input channels x 1 x 1 */
    MAPLE_OP_ZERO,            /* multiplies its input by zero */
    MAPLE_OP_COPY,            /* copies its input */
    MAPLE_OP_COUNT
} maple_op;

typedef enum maple_graph_form {
    MAPLE_GRAPH_PRUNED,     /* as a deployed runtime would run it; the default */
    MAPLE_GRAPH_AS_WRITTEN, /* every edge runs, as in the published tables */
} maple_graph_form;

typedef struct maple_shape {
    int channels, height, width;
} maple_shape;

typedef struct maple_node {
    maple_op op;
    int n_inputs;
    int inputs[2];     /* indices of earlier nodes. A CONV with two inputs adds the second one to its result
                          (fused     ADD), after the bias and before the ReLU */
    maple_shape shape; /* of the output */
    int kernel, stride, pad, groups; /* CONV, AVG_POOL */
    uint32_t weight_slot; /* CONV, LINEAR, BATCH_NORM: which weights; the same slot and shape mean the same
                             numbers in every architecture of a space. 0 = none */
    uint32_t norm_slot;   /* CONV: slot of the batch norm folded into it; 0 = none */
    bool relu;            /* fused ReLU on the output (CONV, ADD, BATCH_NORM) */
} maple_node;

typedef struct maple_graph {
    maple_node *nodes;
    int n_nodes, capacity;
    int output;         /* index of the node whose value is the result */
    bool channels_last; /* how an engine that has the choice keeps activations: as the space's networks are
                           deployed, the same for all of them and their operators (grouped convolutions: last)
                         */
} maple_graph;

const char *maple_op_name(maple_op op);
const char *maple_graph_form_name(maple_graph_form form); /* "pruned", "as-written" */
maple_status maple_graph_form_parse(const char *text, maple_graph_form *out, maple_error *error);

size_t maple_shape_elements(maple_shape shape);

/* --- Building. Each returns the index of the new node, or -1 for lack of memory or an input that does not
 * exist or has the wrong shape (the builder then stays usable; maple_graph_check tells). An input of -1 gives
 * -1, so a builder may check only its last result. --- */

void maple_graph_init(maple_graph *graph);
void maple_graph_release(maple_graph *graph); /* frees the nodes, leaves an empty graph */
int maple_graph_input(maple_graph *graph, maple_shape shape);
int maple_graph_conv(maple_graph *graph, int input, int channels, int kernel, int stride, int groups,
                     uint32_t slot); /* pad = kernel / 2 */
int maple_graph_batch_norm(maple_graph *graph, int input, uint32_t slot);
int maple_graph_avg_pool(maple_graph *graph, int input, int kernel, int stride, int pad);
int maple_graph_linear(maple_graph *graph, int input, int outputs, uint32_t slot);
int maple_graph_unary(maple_graph *graph, maple_op op, int input); /* RELU, ZERO, COPY, GLOBAL_AVG_POOL */
int maple_graph_add(maple_graph *graph, int left, int right);

maple_status maple_graph_clone(const maple_graph *graph, maple_graph *out, maple_error *error);

/* Topological order, shapes, slots: a graph that passes can be given to any engine. */
maple_status maple_graph_check(const maple_graph *graph, maple_error *error);

/* --- Cost --- */

typedef struct maple_cost {
    double flops;        /* multiply-accumulates of CONV and LINEAR + 2 a BATCH_NORM output + 1 an input of
                            GLOBAL_AVG_POOL (the convention of NAS-Bench-201's tables) */
    double relu_outputs; /* elements that a ReLU writes; some tables add 1 each */
    double params;       /* weights, 2 a batch norm channel, biases of LINEAR */
    double activation_bytes; /* float32 outputs of all nodes except INPUT */
    int depth;               /* CONV and LINEAR layers on the longest path */
} maple_cost;

/* Of the raw graph, as built (before any pass). */
maple_cost maple_graph_cost(const maple_graph *graph);

/* --- Passes (passes.c). Each rewrites the graph in place and keeps it topologically ordered. --- */

enum {
    MAPLE_FUSE_RELU = 1, /* the engine applies ReLU inside CONV, ADD, BATCH_NORM */
    MAPLE_FUSE_ADD = 2,  /* the engine adds a second input inside CONV */
};

/* BATCH_NORM whose only input is a CONV that nobody else reads goes into that CONV (norm_slot). */
maple_status maple_graph_fold_batch_norm(maple_graph *graph, maple_error *error);

/* Zero propagation, copy removal, sharing of equal ReLUs, dead-code removal. *degenerate is set where the
 * output does not depend on the input; the graph is then left as it was. */
maple_status maple_graph_prune(maple_graph *graph, bool *degenerate, maple_error *error);

/* Fusion of ADD into CONV and of RELU into the node before it, where that node has no other reader. */
maple_status maple_graph_fuse(maple_graph *graph, unsigned fusions, maple_error *error);

/* The whole preparation: folding, then pruning and fusion for MAPLE_GRAPH_PRUNED. A degenerate graph is
 * refused with MAPLE_BAD_ARGUMENT in pruned form. */
maple_status maple_graph_prepare(const maple_graph *raw, maple_graph_form form, unsigned fusions,
                                 maple_graph *out, maple_error *error);

/* --- Weights: seeded random numbers, a function of (seed, slot, shape) only --- */

/* In the slot of a BATCH_NORM: the norm has a shift. Without it the shift is zero, so that operators which
 * only see zeros yield zeros and pruning changes no result: a search cell's norms go without, fixed ones may
 * have it. */
#define MAPLE_SLOT_SHIFT 0x80000000u

/* CONV: weight is [cout][cin / groups][k][k], bias is [cout] (0 without a folded batch norm; with one, both
 * carry it). LINEAR: weight is [out][in], bias is [out]. BATCH_NORM: weight is the scale [c], bias the shift
 * [c]. */
maple_status maple_graph_weights(const maple_graph *graph, int node, uint64_t seed, float *weight,
                                 float *bias, maple_error *error);
size_t maple_graph_weight_count(const maple_graph *graph,
                                int node); /* elements of `weight`; bias: shape.channels */

/* Seeded N(0, 1) input of `batch` images, NCHW. */
void maple_graph_random_input(maple_shape shape, int batch, uint64_t seed, float *nchw);

#endif
