/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of engine `onednn`: onednn_api.h hides the differences between the C APIs of 2.x and 3.x,
 * onednn_primitives.c makes primitives, onednn_int8.c knows what is different for quantised networks,
 * onednn.c opens the engine and caches what the former make, onednn_network.c compiles and runs networks.
 */
#ifndef MAPLE_ENGINE_ONEDNN_H
#define MAPLE_ENGINE_ONEDNN_H

#include "engine/engine_vtable.h"
#include "engine/onednn_api.h"

typedef enum onednn_addend {
    ONEDNN_NO_ADDEND,
    ONEDNN_SUM,    /* accumulated in place: the addend's memory becomes the result's */
    ONEDNN_BINARY, /* read from a memory of its own */
} onednn_addend;

/* How an activation lies in memory. */
typedef enum onednn_order {
    ONEDNN_BLOCKED,       /* nChw8c, nChw16c */
    ONEDNN_CHANNELS_LAST, /* NHWC */
    ONEDNN_PLAIN,         /* NCHW */
} onednn_order;

/* What a primitive depends on; compared byte by byte, so it is zeroed before it is filled. */
typedef struct onednn_key {
    maple_op op;
    maple_shape in, out;
    int kernel, stride, pad, groups;
    onednn_addend addend;
    int relu, bias;
    int plain_sum; /* ADD: by oneDNN's `sum`, not `binary` */
    onednn_order src, dst;
    dnnl_data_type_t src_type, dst_type, addend_type; /* undef: there is no addend */
    /* int8 only: what 1 stands for, and whose weights (their scales are in the primitive). */
    float src_scale, dst_scale, addend_scale;
    uint32_t slot, norm_slot;
} onednn_key;

typedef struct onednn_primitive {
    onednn_key key;
    dnnl_primitive_t primitive;            /* NULL: oneDNN has only its slow reference for the key */
    onednn_desc src, dst, addend, weights; /* its own; NULL: none. weights: as the primitive wants them */
    char implementation[64];
    size_t bytes;              /* about what it takes */
    const engine_weights *raw; /* of the node that it was made for; int8 depends on them. NULL: it has none */
    dnnl_memory_t factor, bias; /* int8: bias, or a norm's scale and shift, in the units of this primitive */
    onednn_scale scales[2];     /* int8: that it is executed with */
} onednn_primitive;

typedef struct onednn_primitives {
    onednn_primitive **items;
    size_t n;
} onednn_primitives;

/* Reordered weights of one node's slot. Unused ones are NULL. */
typedef struct onednn_weights {
    const engine_weights *raw;
    int limit;                  /* int8: the largest weight of each channel is this number; else 0 */
    dnnl_memory_t weight, bias; /* BATCH_NORM: scale and shift */
    dnnl_memory_t mean, variance;
} onednn_weights;

/* A memory object on a shared activation buffer. */
typedef struct onednn_memory {
    const void *data;
    dnnl_memory_t memory;
} onednn_memory;

typedef struct onednn_engine_state {
    maple_engine base;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int block;          /* channels of a block: 8 or 16 */
    bool dot_saturates; /* pairs of int8 products are added in 16 bits */
    void (*set_threads)(int);
    onednn_primitives primitives; /* of f32 and bf16; those of int8 belong to their networks */
    onednn_weights **weights;
    onednn_memory *memories;
    size_t n_weights, n_memories;
} onednn_engine_state;

/* --- onednn.c --- */

maple_status onednn_error(dnnl_status_t status, const char *what, maple_error *error);

/* The primitive for a key, made and added to `list` where it is missing. Refuses oneDNN's slow reference
 * (MAPLE_UNSUPPORTED, as what oneDNN does not have at all). */
maple_status onednn_get_primitive(onednn_engine_state *engine, onednn_primitives *list,
                                  const maple_graph *graph, int node, const onednn_key *key,
                                  const onednn_primitive **out, maple_error *error);
void onednn_primitives_free(onednn_primitives *list);
maple_status onednn_get_weights(onednn_engine_state *engine, const maple_graph *graph, int node,
                                const onednn_primitive *primitive, const onednn_weights **out,
                                maple_error *error);
maple_status onednn_get_memory(onednn_engine_state *engine, float *data, const_onednn_desc layout,
                               dnnl_memory_t *out, maple_error *error);

/* --- onednn_network.c --- */

typedef struct onednn_step onednn_step;

typedef struct onednn_network {
    maple_network base;
    onednn_step *steps;
    int n_steps;
    float *own[2]; /* input and output buffers */
    dnnl_memory_t input, output;
    float input_scale, output_scale; /* real value = scale x stored number */
    onednn_primitives primitives;    /* of an int8 network */
} onednn_network;

maple_status onednn_compile(maple_network *network, const maple_graph *graph, maple_error *error);
void onednn_release(maple_network *network);
maple_status onednn_set_input(maple_network *network, const float *nchw, maple_error *error);
maple_status onednn_run(maple_network *network, maple_error *error);
maple_status onednn_output(maple_network *network, float *nchw, maple_error *error);

/* --- onednn_int8.c --- */

/* Type and scale (real value = scale x stored integer) of each node's result in an int8 network. */
maple_status onednn_quantise(maple_engine *engine, const maple_graph *graph, dnnl_data_type_t *type,
                             float *scale, maple_error *error);
/* Of the weights of an int8 primitive: the largest stored number; what 1 stands for in a channel. */
int onednn_weight_limit(const onednn_engine_state *engine, const onednn_key *key);
float onednn_weight_scale(const engine_weights *raw, int channel, int limit);
/* The numbers by which an int8 primitive scales results, addend and ReLU; fills primitive->scales. */
dnnl_status_t onednn_int8_attributes(const onednn_engine_state *engine, onednn_primitive *primitive,
                                     dnnl_post_ops_t ops, dnnl_primitive_attr_t attributes);
/* Fills out->factor and out->bias. */
dnnl_status_t onednn_int8_bias(const onednn_engine_state *engine, onednn_primitive *out);

/* --- onednn_primitives.c --- */

/* A new descriptor of an activation. */
dnnl_status_t onednn_layout(const onednn_engine_state *engine, maple_shape shape, onednn_order order,
                            dnnl_data_type_t type, onednn_desc *out);

/* A new vector of values[n]; NULL stands for `constant`. */
dnnl_status_t onednn_create_vector(const onednn_engine_state *engine, dnnl_dim_t n, const float *values,
                                   float constant, dnnl_memory_t *out);

/* Whether an activation is of 1x1 pixels and the same in memory as a plain vector. */
bool onednn_is_dense(const onednn_engine_state *engine, maple_shape shape, onednn_order order);

/* Creates the primitive for out->key; dnnl_unimplemented where there is none, out->primitive stays NULL where
 * there is nothing but oneDNN's reference. */
dnnl_status_t onednn_create_primitive(const onednn_engine_state *engine, onednn_primitive *out);

/* Copies, changing layout and type where they differ: dst = scales x src. One scale, or n of them for the
 * slices along the dimensions whose bits `mask` has; n 0: as it is. */
dnnl_status_t onednn_copy(const onednn_engine_state *engine, dnnl_memory_t src, dnnl_memory_t dst,
                          const float *scales, int n, int mask);

/* Fills out->weight, bias, mean and variance from out->raw for a primitive. */
dnnl_status_t onednn_create_weights(const onednn_engine_state *engine, const onednn_primitive *primitive,
                                    onednn_weights *out);

/* "avx2" for the strongest ISA that the library generates code for and has kernels of its own for in this
 * type; "generic" where it is none of ours. */
const char *onednn_effective_isa(maple_engine_dtype dtype);
/* Caps it; takes effect only before the library's first use in the process. */
void onednn_cap_isa(const char *isa);

#endif
