/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NAS-Bench-201 (Dong and Yang, ICLR 2020): a cell of 4 nodes and 6 edges with one of 5 operators each, 15
 * cells in three stages of 16, 32, 64 channels on 32 x 32 images, 10 classes. See docs/method.md.
 */
#include "space/nas_bench_201.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STAGES = 3, CELLS_PER_STAGE = 5, CLASSES = 10, SIZE = 15625 };

static const char *const OP_NAMES[OPS] = {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                          "avg_pool_3x3"};

#define EDGE nas_bench_201_edge
const struct nas_bench_201_edge EDGE[EDGES] = {{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}};

#define CELL_OPERATORS(width, size)                                                                          \
    {"none_" #width, false, NONE, {width, size, size}},                                                      \
        {"skip_connect_" #width, false, SKIP, {width, size, size}},                                          \
        {"nor_conv_1x1_" #width, false, CONV_1X1, {width, size, size}},                                      \
        {"nor_conv_3x3_" #width, false, CONV_3X3, {width, size, size}}, {                                    \
        "avg_pool_3x3_" #width, false, AVG_POOL, {                                                           \
            width, size, size                                                                                \
        }                                                                                                    \
    }

static const maple_operator OPERATORS[] = {
    CELL_OPERATORS(16, 32),
    CELL_OPERATORS(32, 16),
    CELL_OPERATORS(64, 8),
    {"stem", true, -1, {3, 32, 32}},
    {"reduction_32", true, -1, {16, 32, 32}},
    {"reduction_64", true, -1, {32, 16, 16}},
    {"head", true, -1, {64, 8, 8}},
};
enum {
    DESCRIPTOR_OPERATORS = STAGES * OPS,
    STEM = DESCRIPTOR_OPERATORS,
    REDUCTION,
    HEAD = REDUCTION + 2,
    OPERATORS_ALL
};

static const char *const SENTINELS[] = {
    "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|skip_connect~1|nor_conv_3x3~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
};

/* HELP's ten (its hardware embedding), in its order. None is degenerate; pruned, the third and the fourth run
 * no operator. */
static const char *const REFERENCES[] = {
    "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
    "|skip_connect~0|+|skip_connect~0|avg_pool_3x3~1|+|none~0|skip_connect~1|none~2|",
    "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|nor_conv_3x3~2|",
    "|none~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|nor_conv_1x1~1|nor_conv_1x1~2|",
    "|skip_connect~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|",
    "|nor_conv_3x3~0|+|avg_pool_3x3~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|",
    "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
    "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
};

/* --- Strings --- */

static maple_status parse_error(const char *text, const char *at, maple_error *error, const char *expected) {
    return maple_error_set(
        error, MAPLE_BAD_INPUT,
        "architecture '%.120s', column %td: expected %s; the form is "
        "|OP~0|+|OP~0|OP~1|+|OP~0|OP~1|OP~2| with OP one of none, skip_connect, nor_conv_1x1, "
        "nor_conv_3x3, avg_pool_3x3",
        text, at - text + 1, expected);
}

static int parse_op(const char *at, size_t *length) {
    *length = strcspn(at, "~|+");
    for (int op = 0; op < OPS; op++) {
        if (strlen(OP_NAMES[op]) == *length && memcmp(at, OP_NAMES[op], *length) == 0)
            return op;
    }
    return -1;
}

static maple_status parse(const maple_space *space, const char *text, maple_arch *out, maple_error *error) {
    (void)space;
    maple_arch arch = {{0}};
    const char *at = text;
    for (int edge = 0; edge < EDGES; edge++) {
        bool first = EDGE[edge].from == 0;
        if (first && edge > 0 && *at++ != '+')
            return parse_error(text, at - 1, error, "'+' between the nodes");
        if (first && *at++ != '|')
            return parse_error(text, at - 1, error, "'|'");
        size_t length;
        int op = parse_op(at, &length);
        if (op < 0)
            return parse_error(text, at, error, "an operator's name");
        at += length;
        if (*at != '~')
            return parse_error(text, at, error, "'~'");
        at++;
        if (*at != '0' + EDGE[edge].from) {
            char expected[48];
            snprintf(expected, sizeof expected, "input node %d", EDGE[edge].from);
            return parse_error(text, at, error, expected);
        }
        at++;
        if (*at != '|')
            return parse_error(text, at, error, "'|'");
        at++;
        arch.op[edge] = (uint8_t)op;
    }
    if (*at)
        return parse_error(text, at, error, "the end");
    *out = arch;
    return MAPLE_OK;
}

static void format(const maple_space *space, const maple_arch *arch, char text[MAPLE_MAX_ARCH_TEXT]) {
    (void)space;
    char *end = text;
    for (int edge = 0; edge < EDGES; edge++) {
        end = stpcpy(end, EDGE[edge].from > 0 ? "" : edge > 0 ? "+|" : "|");
        end = stpcpy(end, OP_NAMES[arch->op[edge]]);
        *end++ = '~';
        *end++ = (char)('0' + EDGE[edge].from);
        end = stpcpy(end, "|");
    }
}

/* --- Which operators run in the pruned form --- */

void nas_bench_201_reach(const maple_arch *arch, bool fed[NODES], bool used[NODES]) {
    for (int i = 0; i < NODES; i++) {
        fed[i] = i == 0;
        used[i] = i == NODES - 1;
    }
    for (int e = 0; e < EDGES; e++)
        fed[EDGE[e].to] |= arch->op[e] != NONE && fed[EDGE[e].from];
    for (int e = EDGES - 1; e >= 0; e--)
        used[EDGE[e].from] |= arch->op[e] != NONE && used[EDGE[e].to];
}

static void live_edges(const maple_arch *arch, bool live[EDGES]) {
    bool fed[NODES], used[NODES];
    nas_bench_201_reach(arch, fed, used);
    for (int e = 0; e < EDGES; e++)
        live[e] = arch->op[e] != NONE && fed[EDGE[e].from] && used[EDGE[e].to];
}

static bool degenerate(const maple_space *space, const maple_arch *arch) {
    (void)space;
    bool live[EDGES];
    live_edges(arch, live);
    return !live[3] && !live[4] && !live[5];
}

static uint64_t mix(uint64_t a, uint64_t b) {
    a = (a ^ (b + 0x9e3779b97f4a7c15u + (a << 6) + (a >> 2))) * 0xff51afd7ed558ccdu;
    return a ^ (a >> 32);
}

/*
 * Equal keys: the same pruned graph up to the order of the operands of an addition and the numbering of
 * nodes. The key joins the expression of the output with the multiset of executed operators, each by its own
 * expression: two cells whose outputs read alike differ where one computes an operand twice and the other
 * shares it. (By output expression alone, with n-ary sums, there are 5,773 classes; they would give one
 * latency to cells that run a different number of convolutions. There are 5,933 executed graphs; test_space
 * checks both numbers.)
 */
static uint64_t pruned_key(const maple_arch *arch) {
    bool live[EDGES];
    live_edges(arch, live);
    uint64_t value[NODES] = {1}, executed = 0;
    for (int e = 0; e < EDGES; e++) {
        if (!live[e])
            continue;
        uint64_t operand = value[EDGE[e].from];
        if (arch->op[e] != SKIP) {
            operand = mix(arch->op[e], operand);
            executed += mix(operand, 1);
        }
        uint64_t *sum = &value[EDGE[e].to];
        if (*sum) { /* the order of the operands does not matter */
            *sum = mix(2, *sum < operand ? mix(*sum, operand) : mix(operand, *sum));
            executed += mix(*sum, 1);
        } else {
            *sum = operand;
        }
    }
    return mix(value[NODES - 1], executed);
}

struct keyed {
    uint64_t key;
    size_t ordinal;
};

static int compare_keyed(const void *left, const void *right) {
    const struct keyed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (a->ordinal > b->ordinal) - (a->ordinal < b->ordinal);
}

/* A constant of the space that is computed rather than written down: each architecture's representative is
 * the first one with the same key. Filled once, never changed. */
static uint16_t representative[SIZE];
static pthread_once_t representatives_computed = PTHREAD_ONCE_INIT;

static void compute_representatives(void) {
    static struct keyed all[SIZE];
    for (size_t i = 0; i < SIZE; i++) {
        maple_arch arch = maple_space_nth(&maple_nas_bench_201, i);
        all[i] = (struct keyed){pruned_key(&arch), i};
    }
    qsort(all, SIZE, sizeof *all, compare_keyed);
    for (size_t i = 0; i < SIZE; i++) {
        bool same = i > 0 && all[i].key == all[i - 1].key;
        representative[all[i].ordinal] = same ? representative[all[i - 1].ordinal] : (uint16_t)all[i].ordinal;
    }
}

static maple_arch canonical_pruned(const maple_space *space, const maple_arch *arch) {
    pthread_once(&representatives_computed, compute_representatives);
    return maple_space_nth(space, representative[maple_space_ordinal(space, arch)]);
}

static void operator_counts(const maple_space *space, maple_graph_form form, const maple_arch *arch,
                            double *counts) {
    (void)space;
    memset(counts, 0, OPERATORS_ALL * sizeof *counts);
    bool live[EDGES];
    live_edges(arch, live);
    for (int e = 0; e < EDGES; e++) {
        bool runs = form == MAPLE_GRAPH_AS_WRITTEN || (live[e] && arch->op[e] != SKIP);
        for (int stage = 0; runs && stage < STAGES; stage++)
            counts[stage * OPS + arch->op[e]] += CELLS_PER_STAGE;
    }
    for (int i = STEM; i < OPERATORS_ALL; i++)
        counts[i] = 1;
}

/* --- Costs, in closed form (test_space compares them with the graph's for all architectures) --- */

/* Values of one activation in every cell: 5 cells of 16 x 32 x 32, of 32 x 16 x 16, of 64 x 8 x 8. */
enum { CELL_VALUES = CELLS_PER_STAGE * (16 * 1024 + 32 * 256 + 64 * 64) };

/* Fifteen times a ReLU, a convolution and its batch norm. */
static void conv_cost(int kernel, maple_cost *out) {
    for (int stage = 0; stage < STAGES; stage++) {
        int channels = 16 << stage, size = 32 >> stage, fan_in = channels * kernel * kernel;
        out->flops += CELLS_PER_STAGE * (fan_in + 2.0) * channels * size * size;
        out->params += CELLS_PER_STAGE * (fan_in + 2.0) * channels;
    }
    out->relu_outputs = CELL_VALUES;
    out->activation_bytes = 3.0 * CELL_VALUES * sizeof(float);
    out->depth = STAGES * CELLS_PER_STAGE;
}

static void position_cost(int position, int op, maple_cost *out) {
    (void)position;
    *out = (maple_cost){0};
    if (op == CONV_1X1 || op == CONV_3X3)
        conv_cost(op == CONV_1X1 ? 1 : 3, out);
    else
        out->activation_bytes = (double)CELL_VALUES * sizeof(float);
}

/* Stem, three additions a cell, reductions, head. */
static void skeleton_cost(maple_cost *out) {
    const int stem = 16 * 1024, head = 64 * 64;
    double values = 2 * stem + 3 * CELL_VALUES + 2 * head + 64 + CLASSES;
    *out = (maple_cost){
        .flops = (27 + 2) * stem + 2 * head + head + 64 * CLASSES,
        .relu_outputs = head,
        .params = (27 + 2) * 16 + 2 * 64 + 64 * CLASSES + CLASSES,
        .depth = 1 + 2 * (STAGES - 1) + 1,
    };
    for (int stage = 1; stage < STAGES; stage++) {
        int channels = 16 << stage, size = 32 >> stage, outputs = channels * size * size;
        int weights =
            channels / 2 * 9 + channels * 9 + channels / 2; /* a channel, of the three convolutions */
        out->flops += (weights + 4.0) * outputs;
        out->params += (weights + 4.0) * channels;
        out->relu_outputs += 2 * outputs + outputs; /* the input is twice as large as the output */
        /* ReLU of the input; conv, norm, ReLU, conv, norm; average pool; its conv; sum */
        values += 2 * outputs + 5 * outputs + outputs / 2 + outputs + outputs;
    }
    out->activation_bytes = values * sizeof(float);
}

/* The longest path counts edges of `none` like any other: as written they run. */
static int depth(const maple_arch *arch) {
    int deepest[NODES] = {0};
    for (int e = 0; e < EDGES; e++) {
        bool conv = arch->op[e] == CONV_1X1 || arch->op[e] == CONV_3X3;
        int through = deepest[EDGE[e].from] + conv, *to = &deepest[EDGE[e].to];
        *to = through > *to ? through : *to;
    }
    return 1 + 2 * (STAGES - 1) + 1 + STAGES * CELLS_PER_STAGE * deepest[NODES - 1];
}

/* --- The graph of HELP: input, the six edges' operators, output; a global node that all others feed --- */

enum { INPUT_NODE, OUTPUT_NODE = 1 + EDGES, GLOBAL_NODE, LINE_NODES };

static const int8_t LINE_POSITION[LINE_NODES] = {-1, 0, 1, 2, 3, 4, 5, -1, -1};
static const int8_t LINE_FIXED[LINE_NODES] = {
    [INPUT_NODE] = OPS, [OUTPUT_NODE] = OPS + 1, [GLOBAL_NODE] = OPS + 2};
/* Node 1 + e is edge e; it is fed by the edges that end where it starts. */
static const uint32_t LINE_INPUTS[LINE_NODES] = {
    1 << 0,
    1 << 1 | 1 << 0,
    1 << 2 | 1 << 0,
    1 << 3 | 1 << 1,
    1 << 4 | 1 << 0,
    1 << 5 | 1 << 1,
    1 << 6 | 1 << 2 | 1 << 3,
    1 << 7 | 1 << 4 | 1 << 5 | 1 << 6,
    (1 << LINE_NODES) - 1,
};
static const maple_line_graph LINE_GRAPH = {
    .nodes = LINE_NODES,
    .types = OPS + 3,
    .position = LINE_POSITION,
    .fixed = LINE_FIXED,
    .inputs = LINE_INPUTS,
    .readout = GLOBAL_NODE,
};

/* --- Networks --- */

/* Weight slots: fixed parts below 100, then one for each (cell, edge, kernel size). A conv's batch norm has
 * the slot of the conv plus NORM. */
enum {
    SLOT_STEM = 1,
    SLOT_REDUCTION = 10,
    SLOT_HEAD_NORM = 30,
    SLOT_CLASSIFIER = 31,
    SLOT_CELLS = 100,
    NORM = 1000
};

static int relu_conv_norm(maple_graph *graph, int input, int channels, int kernel, int stride, uint32_t slot,
                          uint32_t norm_slot) {
    int x = maple_graph_unary(graph, MAPLE_OP_RELU, input);
    x = maple_graph_conv(graph, x, channels, kernel, stride, 1, slot);
    return maple_graph_batch_norm(graph, x, norm_slot);
}

static uint32_t cell_slot(int cell, int edge, int kernel) {
    return SLOT_CELLS + (uint32_t)((cell * EDGES + edge) * 2 + (kernel == 3));
}

static int cell_conv(maple_graph *graph, int input, int width, int kernel, uint32_t slot) {
    return relu_conv_norm(graph, input, width, kernel, 1, slot, slot + NORM);
}

static int edge_operator(maple_graph *graph, int op, int input, int width, int cell, int edge) {
    switch (op) {
    case NONE:
        return maple_graph_unary(graph, MAPLE_OP_ZERO, input);
    case SKIP:
        return maple_graph_unary(graph, MAPLE_OP_COPY, input);
    case CONV_1X1:
        return cell_conv(graph, input, width, 1, cell_slot(cell, edge, 1));
    case CONV_3X3:
        return cell_conv(graph, input, width, 3, cell_slot(cell, edge, 3));
    default:
        return maple_graph_avg_pool(graph, input, 3, 1, 1);
    }
}

static int add_cell(maple_graph *graph, const maple_arch *arch, int input, int width, int cell) {
    int node[NODES] = {input, -1, -1, -1};
    for (int e = 0; e < EDGES; e++) {
        int value = edge_operator(graph, arch->op[e], node[EDGE[e].from], width, cell, e);
        int *sum = &node[EDGE[e].to];
        *sum = EDGE[e].from == 0 ? value : maple_graph_add(graph, *sum, value);
    }
    return node[NODES - 1];
}

/* Basic block of ResNet with stride 2: two ReLU-conv-norm, and an average pool with a 1x1 conv beside them.
 */
static int add_reduction(maple_graph *graph, int input, int width, int stage) {
    uint32_t slot = SLOT_REDUCTION + (uint32_t)stage * 3;
    int main_path = relu_conv_norm(graph, input, width, 3, 2, slot, (slot + NORM) | MAPLE_SLOT_SHIFT);
    main_path = relu_conv_norm(graph, main_path, width, 3, 1, slot + 1, (slot + 1 + NORM) | MAPLE_SLOT_SHIFT);
    int shortcut = maple_graph_avg_pool(graph, input, 2, 2, 0);
    shortcut = maple_graph_conv(graph, shortcut, width, 1, 1, 1, slot + 2);
    return maple_graph_add(graph, shortcut, main_path);
}

static int add_stem(maple_graph *graph, int input) {
    int x = maple_graph_conv(graph, input, 16, 3, 1, 1, SLOT_STEM);
    return maple_graph_batch_norm(graph, x, (SLOT_STEM + NORM) | MAPLE_SLOT_SHIFT);
}

static int add_head(maple_graph *graph, int input) {
    int x = maple_graph_batch_norm(graph, input, SLOT_HEAD_NORM | MAPLE_SLOT_SHIFT);
    x = maple_graph_unary(graph, MAPLE_OP_RELU, x);
    x = maple_graph_unary(graph, MAPLE_OP_GLOBAL_AVG_POOL, x);
    return maple_graph_linear(graph, x, CLASSES, SLOT_CLASSIFIER);
}

static int network(const maple_space *space, const maple_arch *arch, maple_graph *graph) {
    (void)space;
    int x = add_stem(graph, maple_graph_input(graph, (maple_shape){3, 32, 32}));
    for (int stage = 0; stage < STAGES; stage++) {
        int width = 16 << stage;
        if (stage > 0)
            x = add_reduction(graph, x, width, stage);
        for (int i = 0; i < CELLS_PER_STAGE; i++)
            x = add_cell(graph, arch, x, width, stage * CELLS_PER_STAGE + i);
    }
    return add_head(graph, x);
}

static int operator_network(const maple_space *space, const maple_operator *operator_, maple_graph_form form,
                            maple_graph *graph) {
    (void)space;
    int input = maple_graph_input(graph, operator_->input), width = operator_->input.channels;
    int index = (int)(operator_ - OPERATORS), cell = index / OPS * CELLS_PER_STAGE;
    if (index == STEM)
        return add_stem(graph, input);
    if (index == HEAD)
        return add_head(graph, input);
    if (index >= REDUCTION)
        return add_reduction(graph, input, width * 2, index - REDUCTION + 1);
    bool convolution = operator_->op == CONV_1X1 || operator_->op == CONV_3X3;
    if (form == MAPLE_GRAPH_PRUNED && convolution) {
        int kernel = operator_->op == CONV_1X1 ? 1 : 3;
        uint32_t slot = cell_slot(cell, 0, kernel);
        int x = maple_graph_conv(graph, input, width, kernel, 1, 1, slot);
        x = maple_graph_batch_norm(graph, x, slot + NORM);
        return maple_graph_unary(graph, MAPLE_OP_RELU, x);
    }
    return edge_operator(graph, operator_->op, input, width, cell, 0);
}

const maple_space maple_nas_bench_201 = {
    .name = "nas-bench-201",
    .description = "cells of 4 nodes, 6 edges x 5 operators, 15 cells, 32x32x3 images, 10 classes",
    .positions = EDGES,
    .ops = OPS,
    .op_names = OP_NAMES,
    .enumerable = true,
    .parse = parse,
    .format = format,
    .canonical_pruned = canonical_pruned,
    .degenerate = degenerate,
    .operators = OPERATORS,
    .n_operators = OPERATORS_ALL,
    .n_descriptor = DESCRIPTOR_OPERATORS,
    .operator_counts = operator_counts,
    .skeleton_cost = skeleton_cost,
    .position_cost = position_cost,
    .depth = depth,
    .network = network,
    .operator_network = operator_network,
    .n_features = NAS_BENCH_201_FEATURES,
    .features = nas_bench_201_features,
    .feature_values = nas_bench_201_feature_values,
    .line_graph = &LINE_GRAPH,
    .op_graph = nas_bench_201_op_graph,
    .op_graph_connects = true,
    .references = REFERENCES,
    .n_references = sizeof REFERENCES / sizeof *REFERENCES,
    .test_pool = 900,
    .sentinels = SENTINELS,
    .n_sentinels = sizeof SENTINELS / sizeof *SENTINELS,
};
