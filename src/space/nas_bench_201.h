/* SPDX-License-Identifier: Apache-2.0 */
/* The cell of NAS-Bench-201, for the two files that look into it. */
#ifndef MAPLE_SPACE_NAS_BENCH_201_H
#define MAPLE_SPACE_NAS_BENCH_201_H

#include "space/space_vtable.h"

enum { NONE, SKIP, CONV_1X1, CONV_3X3, AVG_POOL, OPS };
enum { EDGES = 6, NODES = 4 };

/* Edges in the order of the string: into node 1, then 2, then 3. */
extern const struct nas_bench_201_edge { int from, to; } nas_bench_201_edge[EDGES];

/* fed: the node's value depends on the cell's input; used: the cell's output depends on the node's value
 * (both as far as no edge is `none`). An edge is live where its source is fed and its destination used. */
void nas_bench_201_reach(const maple_arch *arch, bool fed[NODES], bool used[NODES]);

/* nas_bench_201_features.c */
enum { NAS_BENCH_201_FEATURES = 3 * (OPS - 1) + 5 + 3 + EDGES * OPS };
const maple_feature *nas_bench_201_features(void);
void nas_bench_201_feature_values(const maple_arch *arch, double *values);

/* nas_bench_201_op_graph.c */
void nas_bench_201_op_graph(const maple_arch *arch, maple_op_graph *out);

#endif
