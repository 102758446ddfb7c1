/* SPDX-License-Identifier: Apache-2.0 */
/* What a search space provides; space.c builds the rest on it. A new space: one file with one `const
 * maple_space`, one line in the registry of space.c. */
#ifndef MAPLE_SPACE_VTABLE_H
#define MAPLE_SPACE_VTABLE_H

#include "maple/space.h"

/* A cell as a graph of its operators (the line graph of one whose operators are on the edges). */
typedef struct maple_line_graph {
    int nodes, types;
    const int8_t *position; /* [nodes]: whose operator is the node's type; -1: the type is `fixed` */
    const int8_t *fixed;    /* [nodes]: a type after those of the operators */
    const uint32_t *inputs; /* [nodes]: bit j: node j feeds this one (or is it) */
    int readout;            /* the node that all others feed */
} maple_line_graph;

enum { MAPLE_MAX_ARCH_BITS = 2 * MAPLE_MAX_POSITIONS }; /* that are 1 */

struct maple_space {
    const char *name, *description;
    int positions, ops;
    const char *const *op_names;
    bool enumerable; /* ops^positions architectures, all of them valid */

    maple_status (*parse)(const maple_space *space, const char *text, maple_arch *out, maple_error *error);
    void (*format)(const maple_space *space, const maple_arch *arch, char text[MAPLE_MAX_ARCH_TEXT]);

    maple_arch (*canonical_pruned)(const maple_space *space, const maple_arch *arch);
    bool (*degenerate)(const maple_space *space, const maple_arch *arch);

    const maple_operator *operators; /* the descriptor's first */
    size_t n_operators, n_descriptor;
    bool (*counted)(size_t i); /* of the descriptor's; NULL: counters belong to all of them */
    void (*operator_counts)(const maple_space *space, maple_graph_form form, const maple_arch *arch,
                            double *counts);

    /* In the convention of the space's published tables. The cost of an architecture is the skeleton's plus
     * those of its operators, except that depth is what `depth` says; NULL: it adds up, too. */
    void (*skeleton_cost)(maple_cost *out);
    void (*position_cost)(int position, int op, maple_cost *out);
    int (*depth)(const maple_arch *arch);

    /* Both build into an initialised graph; -1 from the last builder call means lack of memory. */
    int (*network)(const maple_space *space, const maple_arch *arch, maple_graph *graph);
    int (*operator_network)(const maple_space *space, const maple_operator *operator_, maple_graph_form form,
                            maple_graph *graph);

    size_t n_features;
    const maple_feature *(*features)(void); /* a table of n_features, in the order of the groups */
    void (*feature_values)(const maple_arch *arch, double *values);

    /* How HELP's networks see an architecture: the graph of a cell, or, for chains (NULL), bits. */
    const maple_line_graph *line_graph;
    /* Places of the bits that are 1, of n_bits; returns how many. NULL: a bit for each operator at each
     * position. */
    size_t (*bits)(const maple_arch *arch, uint32_t places[MAPLE_MAX_ARCH_BITS]);
    size_t n_bits;
    void (*op_graph)(const maple_arch *arch, maple_op_graph *out);
    bool op_graph_connects; /* it has edges between different nodes */

    const char *const *references; /* strings, in HELP's order */
    size_t n_references;
    int test_pool;                /* canonical index where HELP's test pool starts; 0: it has none */
    const char *const *sentinels; /* strings, from light to heavy */
    size_t n_sentinels;
};

size_t maple_space_bit_count(const maple_space *space);
size_t maple_space_bits(const maple_space *space, const maple_arch *arch,
                        uint32_t places[MAPLE_MAX_ARCH_BITS]);

extern const maple_space maple_nas_bench_201, maple_fbnet;

#endif
