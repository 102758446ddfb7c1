/* SPDX-License-Identifier: Apache-2.0 */
/*
 * space.h: a search space: architectures as one operator at each position, their strings, encodings,
 * networks.
 *
 * The string is the key everywhere (pool, CSV, command line). A space enumerates its architectures by
 * `ordinal` (0 .. count - 1, an order of our own); the canonical index of the published tables is something
 * else, known to a pool once a table that carries it was imported.
 */
#ifndef MAPLE_SPACE_H
#define MAPLE_SPACE_H

#include "maple/graph.h"

#define MAPLE_MAX_POSITIONS 32
#define MAPLE_MAX_OPS       16  /* operators to choose from at a position */
#define MAPLE_MAX_ARCH_TEXT 256 /* bytes of any architecture string with its NUL */

typedef struct maple_arch {
    uint8_t op[MAPLE_MAX_POSITIONS]; /* operator at each position; unused positions are 0 */
} maple_arch;

/* One measurable operator: a search space's operator at one width and resolution, or a part of the fixed
 * skeleton. */
typedef struct maple_operator {
    char name[48];     /* "nor_conv_3x3_16", "stem", ... unique in the space */
    bool skeleton;     /* stem, reductions, head: in look-up tables, not in the descriptor */
    int op;            /* index of the search space's operator; -1 for the skeleton */
    maple_shape input; /* what it runs on */
} maple_operator;

typedef struct maple_space maple_space;

size_t maple_space_count(void);              /* registered spaces */
const maple_space *maple_space_at(size_t i); /* NULL beyond the end */
maple_status maple_space_find(const char *name, const maple_space **out, maple_error *error);

const char *maple_space_name(const maple_space *space);        /* "nas-bench-201" */
const char *maple_space_description(const maple_space *space); /* one line */
int maple_space_positions(const maple_space *space);           /* 6 */
int maple_space_ops(const maple_space *space);                 /* 5 */
const char *maple_space_op_name(const maple_space *space, int op);
double maple_space_size(const maple_space *space); /* 15625 */

/* Architectures that can be enumerated; 0 where the space is too large for that. */
size_t maple_space_enumerable(const maple_space *space);
maple_arch maple_space_nth(const maple_space *space, size_t ordinal); /* ordinal < enumerable */
size_t maple_space_ordinal(const maple_space *space, const maple_arch *arch);

/* Errors say the column (1-based) of what was not understood and what would have been. */
maple_status maple_space_parse(const maple_space *space, const char *text, maple_arch *out,
                               maple_error *error);
void maple_space_format(const maple_space *space, const maple_arch *arch, char text[MAPLE_MAX_ARCH_TEXT]);
bool maple_arch_equal(const maple_arch *a, const maple_arch *b);

/* `n` different architectures, uniform; with MAPLE_GRAPH_PRUNED never a degenerate one and never two with the
 * same pruned graph. Fails where the space has not that many. */
maple_status maple_space_sample(const maple_space *space, maple_graph_form form, maple_rng *rng, size_t n,
                                maple_arch *out, maple_error *error);

/* One-hot, positions x ops floats, position-major: a of the MAPLE paper (30 values). */
void maple_space_one_hot(const maple_space *space, const maple_arch *arch, float *out);

/* What a form executes: for PRUNED the representative of all architectures with the same pruned graph
 * (operators that do not run become the space's `none`/cheapest form; idempotent); for AS_WRITTEN the
 * architecture itself. */
maple_arch maple_space_canonical(const maple_space *space, maple_graph_form form, const maple_arch *arch);

/* No path from input to output: cannot be measured or scored in pruned form. */
bool maple_space_degenerate(const maple_space *space, const maple_arch *arch);

/* --- Operators: the descriptor's (first) and the skeleton's (after them) --- */

size_t maple_space_operators(const maple_space *space); /* all: 15 + skeleton parts */
size_t
maple_space_descriptor_operators(const maple_space *space); /* the first so many are the descriptor's: 15 */
const maple_operator *maple_space_operator(const maple_space *space, size_t i);
/* Whether counters belong to the descriptor's operator i: all of them in a small space, else those of a few
 * shapes (docs/measurement.md); the counts of the others are missing. */
bool maple_space_operator_counted(const maple_space *space, size_t i);

/* How often each operator runs in one inference of `arch` in this form (all operators, skeleton too):
 * counts[maple_space_operators()]. A look-up table's prediction is the dot product with operator latencies.
 */
void maple_space_operator_counts(const maple_space *space, maple_graph_form form, const maple_arch *arch,
                                 double *counts);

/* --- Networks (raw graphs; *out is initialised here and released by the caller) --- */

maple_status maple_space_network(const maple_space *space, const maple_arch *arch, maple_graph *out,
                                 maple_error *error);

/* One operator alone. As written: ReLU, conv, norm in the order of the paper; pruned: the ReLU after the
 * conv, where a runtime fuses it. none and skip run as a multiplication by zero and a copy in both forms:
 * they describe the hardware. (Operators are therefore compiled with maple_engine_compile_operator, which
 * does not prune.) */
maple_status maple_space_operator_network(const maple_space *space, size_t operator_index,
                                          maple_graph_form form, maple_graph *out, maple_error *error);

/* FLOPs, parameters, ... of the architecture as written, in the convention of the space's published tables.
 */
maple_status maple_space_cost(const maple_space *space, const maple_arch *arch, maple_cost *out,
                              maple_error *error);

/* What operator `op` at `position` adds to the cost of an architecture as written; only flops, relu_outputs,
 * params and activation_bytes add up (depth is that of the operator alone). maple_space_cost is the
 * skeleton's plus the sum of these. */
void maple_space_position_cost(const maple_space *space, int position, int op, maple_cost *out);

/* --- Structured features: what latency is likely to be linear in, for predictors with few samples --- */

typedef enum maple_feature_group {
    MAPLE_FEATURE_COUNT,    /* how often an operator stands in the architecture */
    MAPLE_FEATURE_REACHING, /* how often it stands where its result reaches the output, fed or not */
    MAPLE_FEATURE_LIVE,     /* how often it runs in the pruned form: fed, and its result reaches the output */
    MAPLE_FEATURE_STRUCTURE, /* depth of the critical path, additions, ... */
    MAPLE_FEATURE_STAGE,     /* how often an operator stands in a stage of the network */
    MAPLE_FEATURE_COST,      /* FLOPs, parameters, activation bytes: each over the space's largest */
    MAPLE_FEATURE_SLOT,      /* one-hot: operator at a position */
    MAPLE_FEATURE_GROUPS,
} maple_feature_group;

typedef struct maple_feature {
    char name[48];
    maple_feature_group group;
} maple_feature;

size_t maple_space_features(const maple_space *space);
const maple_feature *maple_space_feature(const maple_space *space, size_t i); /* NULL beyond the end */
/* values[maple_space_features(space)], all of the architecture as written. About a microsecond. */
void maple_space_feature_values(const maple_space *space, const maple_arch *arch, double *values);

/* --- The operators of an architecture as the nodes of a graph, as NASFLAT (MLSys 2024) encodes it --- */

typedef struct maple_op_graph {
    int n; /* nodes: 0 is the input, n - 1 the output, those between have an operator each */
    uint8_t op[MAPLE_MAX_POSITIONS];
    uint32_t in[MAPLE_MAX_POSITIONS]; /* bit j of in[i]: an edge from node j to node i */
} maple_op_graph;

/* Of the architecture as written. */
void maple_space_op_graph(const maple_space *space, const maple_arch *arch, maple_op_graph *out);
/* Whether it has edges between different nodes: else the encoding knows of each node its operator alone. */
bool maple_space_op_graph_connects(const maple_space *space);

/* The ten reference architectures of HELP (its hardware embedding), in its order: what a predictor that
 * describes a device by the latencies of fixed networks measures. */
size_t maple_space_references(const maple_space *space);
maple_arch maple_space_reference(const maple_space *space, size_t i);

/* Where HELP's test pool of 1,000 architectures starts, after its training pool: a canonical index. 0 where
 * HELP has none in this space. */
int maple_space_test_pool(const maple_space *space);

/* Fixed architectures, from light to heavy, measured in every round as sentinels. */
size_t maple_space_sentinels(const maple_space *space);
maple_arch maple_space_sentinel(const maple_space *space, size_t i);

#endif
