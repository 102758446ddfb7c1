/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of engine `onednn`: onednn_primitives.c knows the C API of the library (2.x; an API of 3.x
 * goes there), onednn.c caches what it makes and runs networks.
 */
#ifndef MAPLE_ENGINE_ONEDNN_H
#define MAPLE_ENGINE_ONEDNN_H

#include "engine/engine_vtable.h"

#include <oneapi/dnnl/dnnl.h>

#if DNNL_VERSION_MAJOR >= 3
#error                                                                                                       \
    "MAPLE's oneDNN engine is written for the C API of oneDNN 2.x; 3.x differs. Configure with -DMAPLE_ONEDNN=OFF."
#endif

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
    onednn_order src, dst;
} onednn_key;

typedef struct onednn_primitive {
    onednn_key key;
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t src, dst, weights; /* weights: as the primitive wants them */
    char implementation[64];
} onednn_primitive;

/* Reordered weights of one node's slot. Unused ones are NULL. */
typedef struct onednn_weights {
    const engine_weights *raw;
    dnnl_memory_desc_t layout;
    dnnl_memory_t weight, bias; /* BATCH_NORM: weight is scale and shift */
    dnnl_memory_t mean, variance;
} onednn_weights;

/* A memory object on a shared activation buffer. */
typedef struct onednn_memory {
    const void *data;
    dnnl_memory_desc_t layout;
    dnnl_memory_t memory;
} onednn_memory;

typedef struct onednn_engine_state {
    maple_engine base;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    int block; /* channels of a block: 8 or 16 */
    void (*set_threads)(int);
    onednn_primitive **primitives;
    onednn_weights **weights;
    onednn_memory *memories;
    size_t n_primitives, n_weights, n_memories;
} onednn_engine_state;

dnnl_status_t onednn_layout(const onednn_engine_state *engine, maple_shape shape, onednn_order order,
                            dnnl_memory_desc_t *out);

/* Whether an activation is of 1x1 pixels and the same in memory as a plain vector. */
bool onednn_is_dense(const onednn_engine_state *engine, maple_shape shape, onednn_order order);

/* Creates the primitive for out->key; dnnl_unimplemented where there is none. */
dnnl_status_t onednn_create_primitive(const onednn_engine_state *engine, onednn_primitive *out);

/* Copies, changing the layout where they differ. */
dnnl_status_t onednn_copy(const onednn_engine_state *engine, dnnl_memory_t src, dnnl_memory_t dst);

/* Fills out->weight, bias, mean and variance from out->raw for a primitive. */
dnnl_status_t onednn_create_weights(const onednn_engine_state *engine, const onednn_primitive *primitive,
                                    onednn_weights *out);

/* "avx2" for the ISA that the library generates code for; "generic" where it is none of ours. */
const char *onednn_effective_isa(void);
/* Caps it; takes effect only before the library's first use in the process. */
void onednn_cap_isa(const char *isa);

#endif
