/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine implements, and what it gets for free: shared weights (by slot) and shared activation
 * buffers, so that a thousand compiled networks do not need a thousand copies of either.
 *
 * An engine is one file with one `const engine_ops`, and one line in the registry of engine.c.
 */
#ifndef MAPLE_ENGINE_VTABLE_H
#define MAPLE_ENGINE_VTABLE_H

#include "maple/engine.h"

/* Raw float weights of one node, as maple_graph_weights gives them; belong to the engine until it is closed.
 */
typedef struct engine_weights {
    uint64_t key[4]; /* op, slots, shape */
    size_t count;    /* elements of `weight` */
    int channels;    /* elements of `bias` */
    float *weight, *bias;
} engine_weights;

typedef struct engine_buffer {
    size_t bytes;
    float *data;
} engine_buffer;

typedef struct engine_ops engine_ops;

/* Base of every engine: the first member of its own struct. */
struct maple_engine {
    const engine_ops *ops;
    maple_engine_options options; /* isa points to isa_cap, or is NULL */
    char isa_cap[32];
    maple_engine_description description;
    engine_weights **weights;
    size_t n_weights;
    engine_buffer *buffers;
    size_t n_buffers;
    maple_engine *reference; /* for verification; opened on first use */
};

/* Base of every network. */
struct maple_network {
    maple_engine *engine;
    maple_shape input_shape, output_shape;
    size_t bytes;
    char *implementations;
};

/* A variable that the engine's library reads when it is loaded. */
typedef struct engine_variable {
    const char *name;
    char value[32];
} engine_variable;

enum { ENGINE_MAX_VARIABLES = 8 };

struct engine_ops {
    maple_engine_info info;
    unsigned fusions; /* MAPLE_FUSE_* that it executes */
    size_t engine_size, network_size;

    /* Fills out[ENGINE_MAX_VARIABLES], returns how many. NULL: none. options->isa was checked. */
    size_t (*environment)(const maple_engine_options *options, engine_variable *out);

    /* `engine` is zeroed except for its base. Fills description.version and .isa; refuses an ISA cap or a
     * number of threads that this process cannot have. close undoes it, also after a failed open. */
    maple_status (*open)(maple_engine *engine, maple_error *error);
    void (*close)(maple_engine *engine);

    /* `network` is zeroed except for its base; `graph` is prepared, checked and gone afterwards. Fills bytes
     * and implementations. release undoes it, also after a failed compile. */
    maple_status (*compile)(maple_network *network, const maple_graph *graph, maple_error *error);
    void (*release)(maple_network *network);

    maple_status (*set_input)(maple_network *network, const float *nchw, maple_error *error);
    maple_status (*run)(maple_network *network, maple_error *error);
    maple_status (*output)(maple_network *network, float *nchw, maple_error *error);
};

extern const engine_ops reference_engine, blas_engine;
#ifdef MAPLE_HAVE_ONEDNN
extern const engine_ops onednn_engine;
#endif
#ifdef MAPLE_HAVE_XNNPACK
extern const engine_ops xnnpack_engine;
#endif

/* --- engine.c, verify.c, dtype.c --- */

/* Checks a prepared graph and compiles it. */
maple_status engine_compile_prepared(maple_engine *engine, const maple_graph *graph, maple_network **out,
                                     maple_error *error);

/* largest[graph->n_nodes]: the largest |value| of each node of a prepared graph, computed by the engine
 * `reference` in float32, on the image of this seed (the one that measuring feeds): what int8 is calibrated
 * on. */
enum { ENGINE_CALIBRATION_SEED = 1 };
maple_status engine_calibrate(maple_engine *engine, const maple_graph *graph, float *largest,
                              maple_error *error);

/* --- resources.c --- */

maple_status engine_weights_get(maple_engine *engine, const maple_graph *graph, int node,
                                const engine_weights **out, maple_error *error);

/* Gives each node a buffer of bytes[node] bytes: INPUT and the output node from own[0] and own[1] (the
 * network's own, so that interleaved networks do not disturb each other), the rest from the engine's pool,
 * reused as soon as the last reader has run. With `in_place`, a CONV whose addend dies there gets the
 * addend's buffer. *pooled (may be NULL) is how many bytes of the pool are used. */
maple_status engine_plan_buffers(maple_engine *engine, const maple_graph *graph, const size_t *bytes,
                                 bool in_place, float *const own[2], float **out, size_t *pooled,
                                 maple_error *error);
void engine_resources_free(maple_engine *engine);

/* Unique "op=implementation" strings; engine_implementations_join sorts them into network->implementations.
 */
typedef struct engine_implementations {
    char names[32][96];
    size_t n;
} engine_implementations;

void engine_implementations_add(engine_implementations *set, maple_op op, const char *implementation);
maple_status engine_implementations_join(engine_implementations *set, maple_network *network,
                                         maple_error *error);

/* The message for an operator that the engine cannot run. */
maple_status engine_refuse_node(const maple_engine *engine, const maple_graph *graph, int node,
                                const char *why, maple_error *error);

/* Padding after the last row or column that the output's size implies (0 where input is left over). */
static inline int engine_pad_end(const maple_node *node, int input, int output) {
    int pad = (output - 1) * node->stride + node->kernel - input - node->pad;
    return pad > 0 ? pad : 0;
}

#endif
