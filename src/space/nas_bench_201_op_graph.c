/* SPDX-License-Identifier: Apache-2.0 */
/* The cell as a graph of operators, as NASFLAT encodes it: input, one node for each edge of the cell, output.
 */
#include "space/nas_bench_201.h"

enum { INPUT, FIRST_OP, OUTPUT = FIRST_OP + EDGES, GRAPH_NODES };

/* Operators follow each other where the cell's edges do. */
static void connect(uint32_t in[GRAPH_NODES]) {
    for (int e = 0; e < EDGES; e++) {
        const struct nas_bench_201_edge *edge = &nas_bench_201_edge[e];
        if (edge->from == 0)
            in[FIRST_OP + e] |= 1u << INPUT;
        if (edge->to == NODES - 1)
            in[OUTPUT] |= 1u << (FIRST_OP + e);
        for (int next = 0; next < EDGES; next++)
            if (nas_bench_201_edge[next].from == edge->to)
                in[FIRST_OP + next] |= 1u << (FIRST_OP + e);
    }
}

static void disconnect(uint32_t in[GRAPH_NODES], int v) {
    in[v] = 0;
    for (int q = 0; q < GRAPH_NODES; q++)
        in[q] &= ~(1u << v);
}

/* Predecessors of a skip feed its successors; one without a successor keeps its edges. */
static void contract(uint32_t in[GRAPH_NODES], int v) {
    bool has_successor = false;
    for (int q = 0; q < GRAPH_NODES; q++) {
        if (!(in[q] & 1u << v))
            continue;
        has_successor = true;
        in[q] = (in[q] & ~(1u << v)) | in[v];
    }
    if (has_successor)
        in[v] = 0;
}

static void drop_unreachable(uint32_t in[GRAPH_NODES]) {
    uint32_t fed = 1u << INPUT, used = 1u << OUTPUT;
    for (int v = 1; v < GRAPH_NODES; v++) /* edges go from lower to higher nodes */
        fed |= in[v] & fed ? 1u << v : 0;
    for (int v = OUTPUT; v > 0; v--)
        used |= used & 1u << v ? in[v] : 0;
    for (int v = 0; v < GRAPH_NODES; v++)
        in[v] = fed & used & 1u << v ? in[v] & fed & used : 0;
}

void nas_bench_201_op_graph(const maple_arch *arch, maple_op_graph *out) {
    *out = (maple_op_graph){.n = GRAPH_NODES};
    connect(out->in);
    for (int e = 0; e < EDGES; e++) {
        out->op[FIRST_OP + e] = arch->op[e];
        if (arch->op[e] == NONE)
            disconnect(out->in, FIRST_OP + e);
        else if (arch->op[e] == SKIP)
            contract(out->in, FIRST_OP + e);
    }
    drop_unreachable(out->in);
}
