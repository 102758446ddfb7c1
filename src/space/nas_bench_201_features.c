/* SPDX-License-Identifier: Apache-2.0 */
/* Structured features of NAS-Bench-201, all of one cell. See docs/method.md. */
#include "space/nas_bench_201.h"

#include "space/features.h"

#include <pthread.h>
#include <string.h>

/* Computed once, never changed. */
static maple_feature table[NAS_BENCH_201_FEATURES];
static maple_cost largest;
static pthread_once_t computed = PTHREAD_ONCE_INIT;

static void compute(void) {
    const maple_space *space = &maple_nas_bench_201;
    space_features list = {.items = table, .capacity = NAS_BENCH_201_FEATURES};
    space_features_add_ops(&list, space, SKIP, MAPLE_FEATURE_COUNT, "count");
    space_features_add_ops(&list, space, SKIP, MAPLE_FEATURE_REACHING, "reaching");
    space_features_add_ops(&list, space, SKIP, MAPLE_FEATURE_LIVE, "live");
    space_features_add(&list, MAPLE_FEATURE_STRUCTURE, "live_depth");
    space_features_add(&list, MAPLE_FEATURE_STRUCTURE, "critical.nor_conv_3x3");
    space_features_add(&list, MAPLE_FEATURE_STRUCTURE, "critical.nor_conv_1x1");
    space_features_add(&list, MAPLE_FEATURE_STRUCTURE, "live_additions");
    space_features_add(&list, MAPLE_FEATURE_STRUCTURE, "shared_relus");
    space_features_add_costs(&list);
    space_features_add_slots(&list, space);
    maple_arch heaviest = {{CONV_3X3, CONV_3X3, CONV_3X3, CONV_3X3, CONV_3X3, CONV_3X3}};
    maple_space_cost(space, &heaviest, &largest, NULL);
}

const maple_feature *nas_bench_201_features(void) {
    pthread_once(&computed, compute);
    return table;
}

/* One node of a cell as the pruned form computes it. */
typedef struct live_node {
    int operands;     /* live edges into it */
    int skip_from;    /* source of a live skip into it, -1: there is none */
    int depth;        /* most convolutions on a live path to it */
    int n3x3, n1x1;   /* on the critical path to it: the one with most 3x3, then most 1x1 convolutions */
    bool feeds_convs; /* a ReLU of its value runs */
} live_node;

/* The node whose value this one has: a node with a skip as its only operand is no other than its source. */
static int value_of(const live_node *nodes, int node) {
    while (nodes[node].operands == 1 && nodes[node].skip_from >= 0)
        node = nodes[node].skip_from;
    return node;
}

static void walk_edge(live_node *nodes, int from, int to, int op) {
    const live_node *source = &nodes[from];
    live_node *sink = &nodes[to];
    int depth = source->depth + (op == CONV_1X1 || op == CONV_3X3);
    int n3x3 = source->n3x3 + (op == CONV_3X3), n1x1 = source->n1x1 + (op == CONV_1X1);
    sink->operands++;
    if (op == SKIP)
        sink->skip_from = from;
    if (depth > sink->depth)
        sink->depth = depth;
    if (n3x3 > sink->n3x3 || (n3x3 == sink->n3x3 && n1x1 > sink->n1x1)) {
        sink->n3x3 = n3x3;
        sink->n1x1 = n1x1;
    }
    if (op == CONV_1X1 || op == CONV_3X3)
        nodes[value_of(nodes, from)].feeds_convs = true;
}

static double *structure_values(const maple_arch *arch, const bool live[EDGES], double *values) {
    live_node nodes[NODES] = {{.skip_from = -1}, {.skip_from = -1}, {.skip_from = -1}, {.skip_from = -1}};
    int convs = 0, relus = 0, additions = 0;
    for (int e = 0; e < EDGES; e++) { /* a node's edges come before those that leave it */
        if (!live[e])
            continue;
        convs += arch->op[e] == CONV_1X1 || arch->op[e] == CONV_3X3;
        walk_edge(nodes, nas_bench_201_edge[e].from, nas_bench_201_edge[e].to, arch->op[e]);
    }
    for (int i = 0; i < NODES; i++) {
        relus += nodes[i].feeds_convs;
        additions += nodes[i].operands > 1 ? nodes[i].operands - 1 : 0;
    }
    const live_node *output = &nodes[NODES - 1];
    values[0] = output->depth;
    values[1] = output->n3x3;
    values[2] = output->n1x1;
    values[3] = additions;
    values[4] = convs - relus;
    return values + 5;
}

void nas_bench_201_feature_values(const maple_arch *arch, double *values) {
    pthread_once(&computed, compute);
    double *count = values, *reaching = count + OPS - 1, *live_count = reaching + OPS - 1;
    bool fed[NODES], used[NODES], live[EDGES] = {false};
    memset(values, 0, 3 * (OPS - 1) * sizeof *values);
    nas_bench_201_reach(arch, fed, used);
    for (int e = 0; e < EDGES; e++) {
        int op = arch->op[e];
        if (op == NONE)
            continue;
        bool reaches = used[nas_bench_201_edge[e].to];
        live[e] = reaches && fed[nas_bench_201_edge[e].from];
        count[op - SKIP] += 1;
        reaching[op - SKIP] += reaches;
        live_count[op - SKIP] += live[e];
    }
    values = structure_values(arch, live, live_count + OPS - 1);
    values = space_cost_values(&maple_nas_bench_201, arch, &largest, values);
    space_slot_values(&maple_nas_bench_201, arch, values);
}
