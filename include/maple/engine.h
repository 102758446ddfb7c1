/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine.h: an inference engine behind one interface: reference (the numerical truth), onednn, xnnpack, blas.
 *
 *     maple_engine_open("onednn", &options, &engine, &error);
 *     maple_engine_compile(engine, &raw_graph, MAPLE_GRAPH_PRUNED, &network, &error);
 *     maple_network_set_input(network, image, &error);
 *     maple_network_run(network, &error);            <- what is timed
 *     maple_network_output(network, logits, &error);
 *
 * Some options (ISA cap, threads) are read by an engine's library only when it is loaded:
 * maple_engine_environment tells which environment variables a worker process needs, and maple_engine_open
 * refuses (MAPLE_UNSUPPORTED, with the variable to set) where this process cannot honour them.
 */
#ifndef MAPLE_ENGINE_H
#define MAPLE_ENGINE_H

#include "maple/graph.h"

typedef struct maple_engine maple_engine;
typedef struct maple_network maple_network;

/* What numbers a network is computed in. Input and output are float32 all the same. */
typedef enum maple_engine_dtype {
    MAPLE_DTYPE_F32,
    MAPLE_DTYPE_BF16, /* activations and weights; sums in float32 */
    MAPLE_DTYPE_INT8, /* symmetric quantisation, calibrated on a fixed input (docs/measurement.md) */
    MAPLE_DTYPE_COUNT
} maple_engine_dtype;

const char *maple_engine_dtype_name(maple_engine_dtype dtype); /* "f32", "bf16", "int8" */
maple_status maple_engine_dtype_parse(const char *text, maple_engine_dtype *out, maple_error *error);

typedef struct maple_engine_info {
    const char *name;
    const char *description; /* one line */
    bool available;          /* built in */
    const char *unavailable; /* why not and what to install; NULL where available */
    const char *const
        *isas;          /* names accepted as ISA cap, weakest first, NULL-terminated; empty list: no cap */
    bool packs_weights; /* each compiled network holds its own copy of the weights */
    bool threaded;      /* honours threads > 1 */
    unsigned dtypes;    /* bit 1 << dtype: computes in it (where the CPU can); float32 always */
} maple_engine_info;

typedef struct maple_engine_options {
    const char *isa;      /* ISA cap ("avx2"), NULL: the best this CPU has */
    int threads;          /* >= 1 */
    int batch;            /* images in one run, >= 1 */
    uint64_t weight_seed; /* of the random weights */
    maple_engine_dtype dtype;
} maple_engine_options;

typedef struct maple_engine_description {
    char name[32];
    char version[96]; /* of the engine's library, as it reports itself (with the commit where it has one) */
    char isa[32];     /* in effect: "sse41", "avx2", "avx512", ... or "generic" */
    int threads, batch;
    maple_engine_dtype dtype;
} maple_engine_description;

size_t maple_engine_count(void);
const maple_engine_info *maple_engine_at(size_t i); /* NULL beyond the end */
maple_status maple_engine_find(const char *name, const maple_engine_info **out, maple_error *error);

/* The ISA names that this CPU can run among info->isas: index of the best one that a numeric type has kernels
 * of its own for ("avx512_vnni" is none for float32), or -1 where the engine has no cap. */
int maple_engine_best_isa(const maple_engine_info *info, maple_engine_dtype dtype);

/* Whether this CPU runs an ISA of an engine's list. The list is no order of inclusion: a CPU with avx512_vnni
 * may lack avx2_vnni. */
bool maple_engine_cpu_has(const char *isa);

/* Whether an ISA has kernels of its own for a type: "avx512_vnni" has for int8, not for float32. */
bool maple_engine_isa_serves(const char *isa, maple_engine_dtype dtype);

/* `isa` (as a platform has it) where it can be asked for of this engine as a cap, else NULL: "generic" is
 * what runs where an engine has no cap, and cannot be asked for. Of an engine that is not built in, or not
 * known, every other name is taken to be one. */
const char *maple_engine_isa_cap(const char *engine, const char *isa);

/* "NAME=value" strings, NULL-terminated, one allocation freed by maple_free; also those that keep an engine
 * from starting threads of its own. */
maple_status maple_engine_environment(const char *name, const maple_engine_options *options, char ***out,
                                      maple_error *error);

maple_status maple_engine_open(const char *name, const maple_engine_options *options, maple_engine **out,
                               maple_error *error);
void maple_engine_describe(const maple_engine *engine, maple_engine_description *out);
void maple_engine_close(maple_engine *engine); /* after all of its networks were freed */

/* Prepares (folds, prunes, fuses) and compiles. Refuses an implementation that is the engine's own slow
 * reference, a degenerate graph in pruned form, and what the engine has no operator for (MAPLE_UNSUPPORTED,
 * naming node and op). */
maple_status maple_engine_compile(maple_engine *engine, const maple_graph *raw, maple_graph_form form,
                                  maple_network **out, maple_error *error);

/* The same for a single operator: folded, in pruned form fused, never pruned. */
maple_status maple_engine_compile_operator(maple_engine *engine, const maple_graph *raw,
                                           maple_graph_form form, maple_network **out, maple_error *error);

/* One image set: batch x C x H x W floats, NCHW; copied (and reordered where the engine needs it). */
maple_status maple_network_set_input(maple_network *network, const float *nchw, maple_error *error);
maple_status maple_network_run(maple_network *network, maple_error *error);
/* batch x C x H x W of the graph's output, NCHW. */
maple_status maple_network_output(maple_network *network, float *nchw, maple_error *error);
maple_shape maple_network_input_shape(const maple_network *network);
maple_shape maple_network_output_shape(const maple_network *network);
size_t maple_network_bytes(const maple_network *network); /* memory of its own, for block sizes */
const char *maple_network_implementations(
    const maple_network *network); /* "conv=jit:avx2 pool=jit:uni", sorted, unique */
void maple_network_free(maple_network *network);

/* Runs network and `reference` (in float32) on the same seeded input. *relative_error: in float32 max |a - b|
 * / max |b|; in the other types, whose errors are noise, ||a - b|| / ||b||. MAPLE_CHECK_FAILED above `bound`
 * (use maple_engine_tolerance). The reference runs the raw
 * graph, nothing folded, pruned or fused, on the first and the last image of the batch. The network's input
 * is left at the seeded one. */
#define MAPLE_ENGINE_TOLERANCE 1e-4 /* of float32 */
double maple_engine_tolerance(maple_engine_dtype dtype);
maple_status maple_network_verify(maple_network *network, const maple_graph *raw, uint64_t weight_seed,
                                  uint64_t input_seed, double bound, double *relative_error,
                                  maple_error *error);

#endif
