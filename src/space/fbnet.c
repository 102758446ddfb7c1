/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FBNet (Wu et al., CVPR 2019) as HELP's and NASFLAT's tables use it: a chain of 22 positions with one of 9
 * operators each, on 32 x 32 images, 100 classes. See docs/method.md.
 */
#include "space/features.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { K3_E1, K3_E1_G2, K3_E3, K3_E6, K5_E1, K5_E1_G2, K5_E3, K5_E6, SKIP, OPS };
enum { POSITIONS = 22, SHAPES = 12, STEM_CHANNELS = 16, HEAD_CHANNELS = 1504, CLASSES = 100 };

static const char *const OP_NAMES[OPS] = {"k3_e1",    "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1",
                                          "k5_e1_g2", "k5_e3",    "k5_e6", "skip"};

/* Depthwise kernel, expansion and groups of the 1x1 convolutions; a skip has none of them. */
static const struct {
    int kernel, expansion, groups;
} BLOCK[OPS] = {
    [K3_E1] = {3, 1, 1}, [K3_E1_G2] = {3, 1, 2}, [K3_E3] = {3, 3, 1}, [K3_E6] = {3, 6, 1},
    [K5_E1] = {5, 1, 1}, [K5_E1_G2] = {5, 1, 2}, [K5_E3] = {5, 3, 1}, [K5_E6] = {5, 6, 1},
};

/* Positions with equal channels, stride and resolution have one shape and share the descriptor's operators;
 * those of a shape follow each other. */
typedef struct block_shape {
    int in, out, stride, size; /* channels in and out; height and width of the input */
    int first, count;          /* positions */
} block_shape;

static const block_shape SHAPE[SHAPES] = {
    {16, 16, 1, 32, 0, 1},   {16, 24, 1, 32, 1, 1},   {24, 24, 1, 32, 2, 3},   {24, 32, 2, 32, 5, 1},
    {32, 32, 1, 16, 6, 3},   {32, 64, 2, 16, 9, 1},   {64, 64, 1, 8, 10, 3},   {64, 112, 1, 8, 13, 1},
    {112, 112, 1, 8, 14, 3}, {112, 184, 2, 8, 17, 1}, {184, 184, 1, 4, 18, 3}, {184, 352, 1, 4, 21, 1},
};
static const uint8_t SHAPE_AT[POSITIONS] = {0, 1, 2, 2, 2, 3, 4, 4,  4,  5,  6,
                                            6, 6, 7, 8, 8, 8, 9, 10, 10, 10, 11};

#define OPERATOR(op, id, in, out, stride, size)                                                              \
    {                                                                                                        \
        op "_" #in "x" #out "_s" #stride "_" #size, false, id, {                                             \
            in, size, size                                                                                   \
        }                                                                                                    \
    }
#define BLOCK_OPERATORS(in, out, stride, size)                                                               \
    OPERATOR("k3_e1", K3_E1, in, out, stride, size), OPERATOR("k3_e1_g2", K3_E1_G2, in, out, stride, size),  \
        OPERATOR("k3_e3", K3_E3, in, out, stride, size), OPERATOR("k3_e6", K3_E6, in, out, stride, size),    \
        OPERATOR("k5_e1", K5_E1, in, out, stride, size),                                                     \
        OPERATOR("k5_e1_g2", K5_E1_G2, in, out, stride, size),                                               \
        OPERATOR("k5_e3", K5_E3, in, out, stride, size), OPERATOR("k5_e6", K5_E6, in, out, stride, size),    \
        OPERATOR("skip", SKIP, in, out, stride, size)

static const maple_operator OPERATORS[] = {
    /* in the order of SHAPE */
    BLOCK_OPERATORS(16, 16, 1, 32),  BLOCK_OPERATORS(16, 24, 1, 32),  BLOCK_OPERATORS(24, 24, 1, 32),
    BLOCK_OPERATORS(24, 32, 2, 32),  BLOCK_OPERATORS(32, 32, 1, 16),  BLOCK_OPERATORS(32, 64, 2, 16),
    BLOCK_OPERATORS(64, 64, 1, 8),   BLOCK_OPERATORS(64, 112, 1, 8),  BLOCK_OPERATORS(112, 112, 1, 8),
    BLOCK_OPERATORS(112, 184, 2, 8), BLOCK_OPERATORS(184, 184, 1, 4), BLOCK_OPERATORS(184, 352, 1, 4),
    {"stem", true, -1, {3, 32, 32}}, {"head", true, -1, {352, 4, 4}},
};
enum { DESCRIPTOR_OPERATORS = SHAPES * OPS, STEM = DESCRIPTOR_OPERATORS, HEAD, OPERATORS_ALL };

static const char *const SENTINELS[] = {
    "8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8",
    "2 0 6 8 1 3 4 8 2 6 5 0 8 7 2 4 1 6 3 8 2 3",
    "7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7",
};

/* HELP's ten (its hardware embedding), in its order. */
static const char *const REFERENCES[] = {
    "1 8 6 6 8 0 3 4 3 7 8 7 4 3 2 5 7 3 0 1 3 7", "5 4 8 5 1 6 8 5 3 0 4 8 0 2 4 5 0 6 6 0 0 5",
    "7 2 7 5 4 6 8 0 6 6 5 1 2 4 0 7 5 6 0 3 3 2", "8 1 6 1 6 2 7 1 6 8 7 5 2 0 1 8 0 3 2 2 5 4",
    "1 7 0 7 4 3 4 6 6 1 1 0 5 6 7 7 6 7 6 3 1 2", "2 2 4 5 7 2 5 7 2 2 1 2 3 1 4 6 3 6 3 2 0 1",
    "4 4 5 5 3 1 1 0 4 2 2 4 2 0 5 0 5 6 2 5 2 5", "8 8 4 4 6 8 1 8 0 3 1 2 8 8 5 8 2 2 8 1 4 8",
    "0 7 6 7 3 3 6 1 7 4 3 7 7 0 8 4 8 5 6 8 5 1", "1 2 4 0 7 3 0 5 6 4 5 7 0 1 4 3 2 3 3 3 0 6",
};

/* The residual shapes at 32, 8 and 4 pixels: wide images with few channels to small ones with many. The other
 * operators differ from these in channels and pixels, not in what a CPU does. */
static bool counted(size_t i) {
    const block_shape *shape = &SHAPE[i / OPS];
    return shape->in == shape->out && shape->count > 1 &&
           (shape->in == 24 || shape->in == 64 || shape->in == 184);
}

/* Runs as a copy, or not at all. Elsewhere a skip is a 1x1 convolution. */
static bool is_identity(const block_shape *shape, int op) {
    return op == SKIP && shape->in == shape->out && shape->stride == 1;
}

/* --- Strings --- */

static maple_status parse_error(const char *text, const char *at, maple_error *error, const char *expected) {
    return maple_error_set(
        error, MAPLE_BAD_INPUT,
        "architecture '%.120s', column %td: expected %s; the form is 22 operators, ids 0 to 8 "
        "separated by ' ', '_' or ',', or names separated by ' ', ',' or '+': k3_e1, k3_e1_g2, "
        "k3_e3, k3_e6, k5_e1, k5_e1_g2, k5_e3, k5_e6, skip",
        text, at - text + 1, expected);
}

/* The separators depend on what stands before them: names contain '_'. */
static int parse_op(const char *at, size_t *length, const char **separators) {
    *separators = " _,";
    *length = strcspn(at, *separators);
    if (*length == 1 && *at >= '0' && *at < '0' + OPS)
        return *at - '0';
    *separators = " ,+";
    *length = strcspn(at, *separators);
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
    for (int i = 0; i < POSITIONS; i++) {
        size_t length;
        const char *separators;
        int op = parse_op(at, &length, &separators);
        if (op < 0)
            return parse_error(text, at, error, "an operator's id or name");
        arch.op[i] = (uint8_t)op;
        at += length;
        bool last = i == POSITIONS - 1;
        if (!last && !*at) {
            char expected[64];
            int missing = POSITIONS - 1 - i;
            snprintf(expected, sizeof expected, "%d more operator%s", missing, missing > 1 ? "s" : "");
            return parse_error(text, at, error, expected);
        }
        if (last && *at)
            return parse_error(text, at, error, "the end");
        at += !last;
    }
    *out = arch;
    return MAPLE_OK;
}

static void format(const maple_space *space, const maple_arch *arch, char text[MAPLE_MAX_ARCH_TEXT]) {
    (void)space;
    for (int i = 0; i < POSITIONS; i++) {
        text[2 * i] = (char)('0' + arch->op[i]);
        text[2 * i + 1] = ' ';
    }
    text[2 * POSITIONS - 1] = '\0';
}

/* --- What runs in the pruned form --- */

/* Among equally shaped positions the place of an identity does not matter: identities go to the end. */
static maple_arch canonical_pruned(const maple_space *space, const maple_arch *arch) {
    (void)space;
    maple_arch canonical = {{0}};
    for (int s = 0; s < SHAPES; s++) {
        const block_shape *shape = &SHAPE[s];
        int next = shape->first, end = shape->first + shape->count;
        for (int i = shape->first; i < end; i++) {
            if (!is_identity(shape, arch->op[i]))
                canonical.op[next++] = arch->op[i];
        }
        while (next < end)
            canonical.op[next++] = SKIP;
    }
    return canonical;
}

static bool degenerate(const maple_space *space, const maple_arch *arch) {
    (void)space;
    (void)arch;
    return false;
}

static void operator_counts(const maple_space *space, maple_graph_form form, const maple_arch *arch,
                            double *counts) {
    (void)space;
    memset(counts, 0, OPERATORS_ALL * sizeof *counts);
    for (int i = 0; i < POSITIONS; i++) {
        int shape = SHAPE_AT[i], op = arch->op[i];
        if (form == MAPLE_GRAPH_AS_WRITTEN || !is_identity(&SHAPE[shape], op))
            counts[shape * OPS + op] += 1;
    }
    counts[STEM] = counts[HEAD] = 1;
}

/* --- Costs, in closed form (test_fbnet compares them with the graph's and with the published table) --- */

/* A convolution with batch norm. `per_output` inputs contribute to one output value. */
static void add_conv(maple_cost *cost, double per_output, int channels, int pixels) {
    double outputs = (double)channels * pixels;
    cost->flops += (per_output + 2) * outputs;
    cost->params += (per_output + 2) * channels;
    cost->activation_bytes += 2 * outputs * (double)sizeof(float);
    cost->depth++;
}

static void add_relu(maple_cost *cost, int channels, int pixels, bool counted) {
    double outputs = (double)channels * pixels;
    cost->relu_outputs += outputs;
    cost->flops += counted ? outputs : 0; /* the table's convention; see docs/method.md */
    cost->activation_bytes += outputs * (double)sizeof(float);
}

static void position_cost(int position, int op, maple_cost *out) {
    const block_shape *shape = &SHAPE[SHAPE_AT[position]];
    int size = shape->size / shape->stride, pixels_in = shape->size * shape->size, pixels = size * size;
    *out = (maple_cost){0};
    if (op == SKIP && !is_identity(shape, op)) {
        add_conv(out, shape->in, shape->out, pixels);
        add_relu(out, shape->out, pixels, true);
        return;
    }
    if (op != SKIP) {
        int kernel = BLOCK[op].kernel, groups = BLOCK[op].groups, middle = BLOCK[op].expansion * shape->in;
        add_conv(out, shape->in / groups, middle, pixels_in);
        add_relu(out, middle, pixels_in, false);
        add_conv(out, kernel * kernel, middle, pixels);
        add_relu(out, middle, pixels, true);
        add_conv(out, middle / groups, shape->out, pixels);
    }
    if (is_identity(shape, SKIP)) /* the copy of a skip, the addition of a block */
        out->activation_bytes += (double)shape->out * pixels * (double)sizeof(float);
}

static void skeleton_cost(maple_cost *out) {
    const int pixels = 32 * 32, head_pixels = 4 * 4;
    *out = (maple_cost){0};
    add_conv(out, 3 * 3 * 3, STEM_CHANNELS, pixels);
    add_relu(out, STEM_CHANNELS, pixels, true);
    add_conv(out, SHAPE[SHAPES - 1].out, HEAD_CHANNELS, head_pixels);
    add_relu(out, HEAD_CHANNELS, head_pixels, true);
    out->flops += HEAD_CHANNELS * head_pixels + HEAD_CHANNELS * CLASSES; /* average pool, classifier */
    out->params += HEAD_CHANNELS * CLASSES + CLASSES;
    out->activation_bytes += (HEAD_CHANNELS + CLASSES) * (double)sizeof(float);
    out->depth++;
}

/* --- Structured features --- */

/* Stages: runs of equal output channels. */
enum { STAGES = 7, FEATURES = OPS + 2 + STAGES * OPS + SPACE_COST_FEATURES + POSITIONS * OPS };
static const uint8_t STAGE_AT[POSITIONS] = {0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6};

/* Computed once, never changed. */
static maple_feature features_table[FEATURES];
static maple_cost largest;
static pthread_once_t features_computed = PTHREAD_ONCE_INIT;

static void compute_features(void) {
    space_features list = {.items = features_table, .capacity = FEATURES};
    space_features_add_ops(&list, &maple_fbnet, 0, MAPLE_FEATURE_COUNT, "count");
    space_features_add(&list, MAPLE_FEATURE_STRUCTURE, "depth");
    space_features_add(&list, MAPLE_FEATURE_STRUCTURE, "additions");
    for (int stage = 0; stage < STAGES; stage++) {
        char prefix[16];
        snprintf(prefix, sizeof prefix, "stage%d", stage);
        space_features_add_ops(&list, &maple_fbnet, 0, MAPLE_FEATURE_STAGE, prefix);
    }
    space_features_add_costs(&list);
    space_features_add_slots(&list, &maple_fbnet);
    maple_arch heaviest = {{0}};
    memset(heaviest.op, K5_E6, POSITIONS);
    maple_space_cost(&maple_fbnet, &heaviest, &largest, NULL);
}

static const maple_feature *features(void) {
    pthread_once(&features_computed, compute_features);
    return features_table;
}

static void feature_values(const maple_arch *arch, double *values) {
    pthread_once(&features_computed, compute_features);
    double *count = values, *structure = count + OPS, *stages = structure + 2, *costs = stages + STAGES * OPS;
    memset(values, 0, (size_t)(costs - values) * sizeof *values);
    structure[0] = 3; /* stem, head, classifier */
    for (int i = 0; i < POSITIONS; i++) {
        int op = arch->op[i];
        const block_shape *shape = &SHAPE[SHAPE_AT[i]];
        count[op] += 1;
        stages[STAGE_AT[i] * OPS + op] += 1;
        structure[0] += op != SKIP ? 3 : !is_identity(shape, op);
        structure[1] += op != SKIP && is_identity(shape, SKIP);
    }
    values = space_cost_values(&maple_fbnet, arch, &largest, costs);
    space_slot_values(&maple_fbnet, arch, values);
}

/* --- HELP's encoding: kernel 3, kernel 5, and four bits for expansion and groups --- */

enum { BITS_AT_POSITION = 6 };

static size_t bits(const maple_arch *arch, uint32_t places[MAPLE_MAX_ARCH_BITS]) {
    size_t n = 0;
    for (int i = 0; i < POSITIONS; i++) {
        int op = arch->op[i];
        uint32_t first = (uint32_t)(i * BITS_AT_POSITION);
        if (op == SKIP)
            continue;
        places[n++] = first + (op >= K5_E1);
        places[n++] = first + 2 + (uint32_t)(op % K5_E1);
    }
    return n;
}

/* --- Operator graph --- */

/* NASFLAT's: no edge but one from each position to itself, and the input and the output take the places of
 * the first and the last position, whose operators it therefore does not see. */
static void op_graph(const maple_arch *arch, maple_op_graph *out) {
    *out = (maple_op_graph){.n = POSITIONS};
    for (int i = 0; i < POSITIONS; i++) {
        bool inner = i > 0 && i < POSITIONS - 1;
        out->op[i] = inner ? arch->op[i] : 0;
        out->in[i] = 1u << i;
    }
}

/* --- Networks --- */

/* Weight slots: fixed parts below 10, then PARTS for each position. A conv's batch norm has the slot of the
 * conv plus NORM. All norms have a shift: no operator of this space sees only zeros. */
enum { SLOT_STEM = 1, SLOT_HEAD, SLOT_CLASSIFIER, SLOT_POSITIONS = 10, NORM = 1000 };
enum { EXPAND, DEPTHWISE, PROJECT, REDUCE, PARTS };

static uint32_t position_slot(int position, int part) {
    return SLOT_POSITIONS + (uint32_t)(position * PARTS + part);
}

static int conv_norm(maple_graph *graph, int input, int channels, int kernel, int stride, int groups,
                     uint32_t slot) {
    int x = maple_graph_conv(graph, input, channels, kernel, stride, groups, slot);
    return maple_graph_batch_norm(graph, x, (slot + NORM) | MAPLE_SLOT_SHIFT);
}

static int conv_norm_relu(maple_graph *graph, int input, int channels, int kernel, int stride, int groups,
                          uint32_t slot) {
    int x = conv_norm(graph, input, channels, kernel, stride, groups, slot);
    return maple_graph_unary(graph, MAPLE_OP_RELU, x);
}

static int add_position(maple_graph *graph, int input, int position, int op) {
    const block_shape *shape = &SHAPE[SHAPE_AT[position]];
    if (is_identity(shape, op))
        return maple_graph_unary(graph, MAPLE_OP_COPY, input);
    if (op == SKIP)
        return conv_norm_relu(graph, input, shape->out, 1, shape->stride, 1, position_slot(position, REDUCE));
    int middle = BLOCK[op].expansion * shape->in, groups = BLOCK[op].groups;
    int x = conv_norm_relu(graph, input, middle, 1, 1, groups, position_slot(position, EXPAND));
    x = conv_norm_relu(graph, x, middle, BLOCK[op].kernel, shape->stride, middle,
                       position_slot(position, DEPTHWISE));
    x = conv_norm(graph, x, shape->out, 1, 1, groups, position_slot(position, PROJECT));
    return is_identity(shape, SKIP) ? maple_graph_add(graph, x, input) : x;
}

static int add_stem(maple_graph *graph, int input) {
    return conv_norm_relu(graph, input, STEM_CHANNELS, 3, 1, 1, SLOT_STEM);
}

static int add_head(maple_graph *graph, int input) {
    int x = conv_norm_relu(graph, input, HEAD_CHANNELS, 1, 1, 1, SLOT_HEAD);
    x = maple_graph_unary(graph, MAPLE_OP_GLOBAL_AVG_POOL, x);
    return maple_graph_linear(graph, x, CLASSES, SLOT_CLASSIFIER);
}

static int network(const maple_space *space, const maple_arch *arch, maple_graph *graph) {
    (void)space;
    graph->channels_last = true;
    int x = add_stem(graph, maple_graph_input(graph, (maple_shape){3, 32, 32}));
    for (int i = 0; i < POSITIONS; i++)
        x = add_position(graph, x, i, arch->op[i]);
    return add_head(graph, x);
}

/* ReLUs already follow convolutions as written, so that both forms are built alike. */
static int operator_network(const maple_space *space, const maple_operator *operator_, maple_graph_form form,
                            maple_graph *graph) {
    (void)space;
    (void)form;
    graph->channels_last = true;
    int input = maple_graph_input(graph, operator_->input), index = (int)(operator_ - OPERATORS);
    if (index == STEM)
        return add_stem(graph, input);
    if (index == HEAD)
        return add_head(graph, input);
    return add_position(graph, input, SHAPE[index / OPS].first, operator_->op);
}

const maple_space maple_fbnet = {
    .name = "fbnet",
    .description = "chains of 22 positions x 9 operators (inverted residuals), 32x32x3 images, 100 classes",
    .positions = POSITIONS,
    .ops = OPS,
    .op_names = OP_NAMES,
    .enumerable = false,
    .parse = parse,
    .format = format,
    .canonical_pruned = canonical_pruned,
    .degenerate = degenerate,
    .operators = OPERATORS,
    .n_operators = OPERATORS_ALL,
    .n_descriptor = DESCRIPTOR_OPERATORS,
    .counted = counted,
    .operator_counts = operator_counts,
    .skeleton_cost = skeleton_cost,
    .position_cost = position_cost,
    .network = network,
    .operator_network = operator_network,
    .n_features = FEATURES,
    .features = features,
    .feature_values = feature_values,
    .bits = bits,
    .n_bits = POSITIONS * BITS_AT_POSITION,
    .op_graph = op_graph,
    .op_graph_connects = false,
    .references = REFERENCES,
    .n_references = sizeof REFERENCES / sizeof *REFERENCES,
    .test_pool = 4000,
    .sentinels = SENTINELS,
    .n_sentinels = sizeof SENTINELS / sizeof *SENTINELS,
};
