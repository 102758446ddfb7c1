/* SPDX-License-Identifier: Apache-2.0 */
/* FBNet: strings, costs by hand, against graphs and the published table, pruned representatives, operators.
 */
#include "fitting.h"
#include "public_data.h"
#include "spaces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POSITIONS = 22, OPS = 9, SKIP = 8, OPERATORS = 110 };

static const maple_space *fbnet(void) {
    return space_or_fail("fbnet");
}

static maple_arch parsed(const char *text) {
    return arch_or_fail(fbnet(), text);
}

static maple_arch random_arch(maple_rng *rng) {
    maple_arch arch = {{0}};
    for (int i = 0; i < POSITIONS; i++)
        arch.op[i] = (uint8_t)maple_rng_below(rng, OPS);
    return arch;
}

/* --- Strings --- */

static void strings_round_trip(void **state) {
    (void)state;
    const maple_space *space = fbnet();
    assert_int_equal(maple_space_positions(space), POSITIONS);
    assert_int_equal(maple_space_ops(space), OPS);
    assert_int_equal(maple_space_enumerable(space), 0);
    assert_true(maple_space_size(space) > 9.847e20 && maple_space_size(space) < 9.849e20); /* 9^22 */
    maple_rng rng = maple_rng_seed(1);
    for (int n = 0; n < 1000; n++) {
        maple_arch arch = random_arch(&rng), again;
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(space, &arch, text);
        assert_int_equal(strlen(text), 2 * POSITIONS - 1);
        assert_int_equal(maple_space_parse(space, text, &again, NULL), MAPLE_OK);
        assert_memory_equal(&arch, &again, sizeof arch);
    }
}

static void ids_and_names_may_be_mixed(void **state) {
    (void)state;
    static const char *const SAME[] = {
        "0 1 2 3 4 5 6 7 8 0 1 2 3 4 5 6 7 8 0 1 2 3",
        "0_1_2_3_4_5_6_7_8_0_1_2_3_4_5_6_7_8_0_1_2_3",
        "0,1,2,3,4,5,6,7,8,0,1,2,3,4,5,6,7,8,0,1,2,3",
        "k3_e1 k3_e1_g2 k3_e3 k3_e6 k5_e1 k5_e1_g2 k5_e3 k5_e6 skip k3_e1 k3_e1_g2 k3_e3 k3_e6 k5_e1 "
        "k5_e1_g2 "
        "k5_e3 k5_e6 skip k3_e1 k3_e1_g2 k3_e3 k3_e6",
        "k3_e1+k3_e1_g2+k3_e3+k3_e6+k5_e1+k5_e1_g2+k5_e3+k5_e6+skip+k3_e1+k3_e1_g2+k3_e3+k3_e6+k5_e1+k5_e1_"
        "g2+"
        "k5_e3+k5_e6+skip+k3_e1+k3_e1_g2+k3_e3+k3_e6",
        "0 1,k3_e3,k3_e6 4_5 k5_e3+7 skip 0 1 2 3 4 5 6 7 8 0 1 2 k3_e6",
    };
    maple_arch first = parsed(SAME[0]);
    for (int i = 0; i < POSITIONS; i++)
        assert_int_equal(first.op[i], i % OPS);
    for (size_t i = 1; i < sizeof SAME / sizeof *SAME; i++) {
        maple_arch arch = parsed(SAME[i]);
        assert_memory_equal(&arch, &first, sizeof arch);
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(fbnet(), &arch, text);
        assert_string_equal(text, SAME[0]);
    }
}

static void bad_strings_say_the_column(void **state) {
    (void)state;
    static const bad_text CASES[] = {
        {"", 1, "an operator's id or name"},
        {" 0", 1, "an operator's id or name"},
        {"9 0", 1, "an operator's id or name"},
        {"12 0", 1, "an operator's id or name"},
        {"0 1 -2", 5, "an operator's id or name"},
        {"0  1", 3, "an operator's id or name"},
        {"k3_e1_k3_e1", 1, "an operator's id or name"},
        {"0 k3_e2 1", 3, "an operator's id or name"},
        {"0+1", 1, "an operator's id or name"},
        {"0", 2, "21 more operators"},
        {"0_1_2", 6, "19 more operators"},
        {"0 1 2 ", 7, "an operator's id or name"},
        {"0 1 2 3 4 5 6 7 8 0 1 2 3 4 5 6 7 8 0 1 2", 42, "1 more operator"},
        {"0 1 2 3 4 5 6 7 8 0 1 2 3 4 5 6 7 8 0 1 2 3 4", 44, "the end"},
        {"0 1 2 3 4 5 6 7 8 0 1 2 3 4 5 6 7 8 0 1 2 3 ", 44, "the end"},
        {"|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 1, "an operator's id or name"},
    };
    assert_bad_texts(fbnet(), CASES, sizeof CASES / sizeof *CASES, "k5_e6, skip");
}

static void one_hot_has_one_operator_a_position(void **state) {
    (void)state;
    maple_arch arch = parsed("7 8 1 8 4 8 8 8 7 4 1 4 7 3 2 7 3 2 4 2 4 5");
    float values[POSITIONS * OPS];
    maple_space_one_hot(fbnet(), &arch, values);
    for (int i = 0; i < POSITIONS * OPS; i++)
        assert_true(values[i] == (arch.op[i / OPS] == i % OPS ? 1.0f : 0.0f));
}

/* --- Costs --- */

/* Skips everywhere: stem, six reductions, head. By hand, a factor a line of the network's table.
 *   stem       27 x 16 x 1024                  =    442,368 MACs,  16,384 outputs
 *   16 -> 24   16 x 24 x 1024                  =    393,216        24,576
 *   24 -> 32   24 x 32 x  256                  =    196,608         8,192
 *   32 -> 64   32 x 64 x   64                  =    131,072         4,096
 *   64 -> 112  64 x 112 x  64                  =    458,752         7,168
 *   112 -> 184 112 x 184 x 16                  =    329,728         2,944
 *   184 -> 352 184 x 352 x 16                  =  1,036,288         5,632
 *   head       352 x 1504 x 16                 =  8,470,528        24,064
 *   pool, classifier   24,064 + 150,400
 * 11,458,560 MACs of convolutions, 93,056 outputs with a norm (2) and a ReLU (1). */
static void the_cost_of_skips_alone_by_hand(void **state) {
    (void)state;
    maple_arch arch = parsed("8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8");
    maple_cost cost;
    assert_int_equal(maple_space_cost(fbnet(), &arch, &cost, NULL), MAPLE_OK);
    assert_true(cost.flops == 11458560.0 + 3 * 93056.0 + 24064.0 + 150400.0);
    assert_true(cost.relu_outputs == 93056.0);
    double weights = 432 + 384 + 768 + 2048 + 7168 + 20608 + 64768 + 529408;
    double norms = 2 * (16 + 24 + 32 + 64 + 112 + 184 + 352 + 1504);
    assert_true(cost.params == weights + norms + 150400.0 + 100.0);
    /* conv, norm and ReLU; 16 copies: one of 16 x 1024, three each of 24 x 1024, 32 x 256, 64 x 64, 112 x 64,
     * 184 x 16; pool and classifier */
    double copies = 16384 + 3.0 * (24576 + 8192 + 4096 + 7168 + 2944);
    assert_true(cost.activation_bytes == 4 * (3 * 93056.0 + copies + 1504 + 100));
    assert_int_equal(cost.depth, 1 + 6 + 1 + 1);
}

/* One block at a time, weights and multiply-accumulates written out. */
static void the_cost_of_blocks_by_hand(void **state) {
    (void)state;
    maple_cost cost;
    /* k5_e6 at position 5, 24 -> 32 with stride 2: 144 channels, 1024 and then 256 pixels. */
    maple_space_position_cost(fbnet(), 5, 7, &cost);
    assert_true(cost.flops == 24 * 144 * 1024 + 2 * 144 * 1024 + 25 * 144 * 256 + 3 * 144 * 256 +
                                  144 * 32 * 256 + 2 * 32 * 256);
    assert_true(cost.params == 24 * 144 + 2 * 144 + 25 * 144 + 2 * 144 + 144 * 32 + 2 * 32);
    assert_true(cost.relu_outputs == 144 * 1024 + 144 * 256);
    assert_true(cost.activation_bytes == 4 * (3 * 144 * 1024 + 3 * 144 * 256 + 2 * 32 * 256));
    assert_int_equal(cost.depth, 3);
    /* k3_e1_g2 at position 12, 64 -> 64, residual: 64 channels in two groups, 64 pixels. */
    maple_space_position_cost(fbnet(), 12, 1, &cost);
    assert_true(cost.flops ==
                32 * 64 * 64 + 2 * 64 * 64 + 9 * 64 * 64 + 3 * 64 * 64 + 32 * 64 * 64 + 2 * 64 * 64);
    assert_true(cost.params == 32 * 64 + 2 * 64 + 9 * 64 + 2 * 64 + 32 * 64 + 2 * 64);
    assert_true(cost.activation_bytes == 4 * (3 + 3 + 2 + 1) * 64 * 64); /* 1: the addition */
    /* skip at position 21, 184 -> 352: a 1x1 convolution with norm and ReLU on 4 x 4. */
    maple_space_position_cost(fbnet(), 21, SKIP, &cost);
    assert_true(cost.flops == 184 * 352 * 16 + 3 * 352 * 16);
    assert_true(cost.params == 184 * 352 + 2 * 352 && cost.relu_outputs == 352 * 16 && cost.depth == 1);
    /* skip at position 0: a copy. */
    maple_space_position_cost(fbnet(), 0, SKIP, &cost);
    assert_true(cost.flops == 0 && cost.params == 0 && cost.relu_outputs == 0 && cost.depth == 0);
    assert_true(cost.activation_bytes == 4 * 16384);
}

/* The closed form against the graph as built. The graph counts no ReLU; the table counts all but the first of
 * each block. */
static void costs_equal_the_graphs(void **state) {
    (void)state;
    static const int IN[POSITIONS] = {16, 16, 24, 24,  24,  24,  32,  32,  32,  32,  64,
                                      64, 64, 64, 112, 112, 112, 112, 184, 184, 184, 184};
    static const int SIZE[POSITIONS] = {32, 32, 32, 32, 32, 32, 16, 16, 16, 16, 8,
                                        8,  8,  8,  8,  8,  8,  8,  4,  4,  4,  4};
    static const int EXPANSION[OPS] = {1, 1, 3, 6, 1, 1, 3, 6, 0};
    maple_rng rng = maple_rng_seed(2);
    for (int n = 0; n < 500; n++) {
        maple_arch arch = random_arch(&rng);
        maple_graph graph;
        maple_cost cost;
        assert_int_equal(maple_space_cost(fbnet(), &arch, &cost, NULL), MAPLE_OK);
        assert_int_equal(maple_space_network(fbnet(), &arch, &graph, NULL), MAPLE_OK);
        assert_int_equal(maple_graph_check(&graph, NULL), MAPLE_OK);
        maple_cost built = maple_graph_cost(&graph);
        maple_graph_release(&graph);
        double uncounted = 0;
        for (int i = 0; i < POSITIONS; i++)
            uncounted += (double)EXPANSION[arch.op[i]] * IN[i] * SIZE[i] * SIZE[i];
        assert_true(cost.flops == built.flops + built.relu_outputs - uncounted);
        assert_true(cost.params == built.params);
        assert_true(cost.relu_outputs == built.relu_outputs);
        assert_true(cost.activation_bytes == built.activation_bytes);
        assert_int_equal(cost.depth, built.depth);
    }
}

static double number_after(const char *at, const char *key) {
    const char *found = strstr(at, key);
    assert_non_null(found);
    return strtod(found + strlen(key), NULL);
}

static void costs_equal_the_published_table(void **state) {
    (void)state;
    char *text = public_text("zcp/zc_fbnet.json.gz");
    int n = 0;
    for (const char *at = text; (at = strstr(at, "\": {")); n++) { /* "7_8_..._5": { "flops": ..., */
        char key[2 * POSITIONS];
        snprintf(key, sizeof key, "%.*s", 2 * POSITIONS - 1, at - (2 * POSITIONS - 1));
        maple_arch arch = parsed(key);
        maple_cost cost;
        assert_int_equal(maple_space_cost(fbnet(), &arch, &cost, NULL), MAPLE_OK);
        at += 4;
        if (cost.flops != number_after(at, "\"flops\":") || cost.params != number_after(at, "\"params\":"))
            fail_msg("%s: %.0f FLOPs, %.0f parameters", key, cost.flops, cost.params);
    }
    free(text);
    assert_int_equal(n, 5000);
}

/* --- Pruned form, operators, networks --- */

/* Nodes in order, without what differs between positions (weights): what an engine would run. */
static void executed(const maple_arch *arch, char *text, size_t size) {
    maple_graph raw, pruned;
    maple_error error;
    size_t used = 0;
    assert_int_equal(maple_space_network(fbnet(), arch, &raw, &error), MAPLE_OK);
    assert_int_equal(
        maple_graph_prepare(&raw, MAPLE_GRAPH_PRUNED, MAPLE_FUSE_ADD | MAPLE_FUSE_RELU, &pruned, &error),
        MAPLE_OK);
    for (int i = 0; i < pruned.n_nodes; i++) {
        const maple_node *n = &pruned.nodes[i];
        used +=
            (size_t)snprintf(text + used, size - used, "%s:%d,%d:%dx%d:k%d,s%d,g%d,%d;", maple_op_name(n->op),
                             n->n_inputs > 0 ? n->inputs[0] : -1, n->n_inputs > 1 ? n->inputs[1] : -1,
                             n->shape.channels, n->shape.height, n->kernel, n->stride, n->groups, n->relu);
        assert_true(used < size);
    }
    maple_graph_release(&raw);
    maple_graph_release(&pruned);
}

static void identities_move_to_the_end_of_their_run(void **state) {
    (void)state;
    static const struct {
        const char *text, *canonical;
    } CASES[] = {
        /* positions      0 1 2 3 4 5 6 7 8 9 ...: runs are 2-4, 6-8, 10-12, 14-16, 18-20 */
        {"0 0 8 1 2 0 8 8 3 0 4 8 5 0 6 7 8 0 8 0 8 0", "0 0 1 2 8 0 3 8 8 0 4 5 8 0 6 7 8 0 0 8 8 0"},
        {"8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8", "8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8"},
        {"8 0 1 0 2 8 1 2 3 8 7 6 5 8 4 3 2 8 1 0 1 8", "8 0 1 0 2 8 1 2 3 8 7 6 5 8 4 3 2 8 1 0 1 8"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        maple_arch arch = parsed(CASES[i].text), expected = parsed(CASES[i].canonical);
        maple_arch canonical = maple_space_canonical(fbnet(), MAPLE_GRAPH_PRUNED, &arch);
        assert_memory_equal(&canonical, &expected, sizeof expected);
        canonical = maple_space_canonical(fbnet(), MAPLE_GRAPH_AS_WRITTEN, &arch);
        assert_memory_equal(&canonical, &arch, sizeof arch);
    }
}

static void representatives_execute_the_same_graph(void **state) {
    (void)state;
    enum { TEXT = 1 << 14 };
    char *mine = malloc(TEXT), *theirs = malloc(TEXT);
    double counts[OPERATORS], others[OPERATORS];
    maple_rng rng = maple_rng_seed(6);
    int moved = 0;
    for (int n = 0; n < 200; n++) {
        maple_arch arch = random_arch(&rng);
        for (int i = 0; i < POSITIONS; i++) /* many skips */
            arch.op[i] = maple_rng_below(&rng, 2) ? SKIP : arch.op[i];
        maple_arch canonical = maple_space_canonical(fbnet(), MAPLE_GRAPH_PRUNED, &arch);
        maple_arch twice = maple_space_canonical(fbnet(), MAPLE_GRAPH_PRUNED, &canonical);
        assert_true(maple_arch_equal(&canonical, &twice));
        moved += !maple_arch_equal(&arch, &canonical);
        executed(&arch, mine, TEXT);
        executed(&canonical, theirs, TEXT);
        assert_string_equal(mine, theirs);
        maple_space_operator_counts(fbnet(), MAPLE_GRAPH_PRUNED, &arch, counts);
        maple_space_operator_counts(fbnet(), MAPLE_GRAPH_PRUNED, &canonical, others);
        assert_memory_equal(counts, others, sizeof counts);
        assert_false(maple_space_degenerate(fbnet(), &arch));
    }
    assert_true(moved > 100);
    /* Another order of operators is another graph. */
    maple_arch a = parsed("0 0 1 2 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    maple_arch b = parsed("0 0 2 1 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
    executed(&a, mine, TEXT);
    executed(&b, theirs, TEXT);
    assert_string_not_equal(mine, theirs);
    b = maple_space_canonical(fbnet(), MAPLE_GRAPH_PRUNED, &b);
    assert_false(maple_arch_equal(&a, &b));
    free(mine);
    free(theirs);
}

/* Events are counted for three shapes, every operator of them. */
static void counters_belong_to_27_operators(void **state) {
    (void)state;
    const maple_space *space = fbnet();
    static const int CHANNELS[] = {24, 64, 184}, PIXELS[] = {32, 8, 4};
    size_t n = 0;
    for (size_t i = 0; i < OPERATORS; i++) {
        if (!maple_space_operator_counted(space, i))
            continue;
        const maple_operator *op = maple_space_operator(space, i);
        size_t shape = n / OPS;
        assert_true(shape < 3);
        assert_int_equal(op->op, n % OPS);
        assert_int_equal(op->input.channels, CHANNELS[shape]);
        assert_int_equal(op->input.height, PIXELS[shape]);
        n++;
    }
    assert_int_equal(n, 3 * OPS);
    assert_false(maple_space_operator_counted(space, OPERATORS));
}

static void there_are_108_descriptor_operators(void **state) {
    (void)state;
    const maple_space *space = fbnet();
    assert_int_equal(maple_space_operators(space), OPERATORS);
    assert_int_equal(maple_space_descriptor_operators(space), 12 * OPS);
    for (size_t i = 0; i < OPERATORS; i++) {
        const maple_operator *op = maple_space_operator(space, i);
        char name[48] = "";
        int in, out, stride, size;
        assert_int_equal(op->skeleton, i >= 108);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(op->name, maple_space_operator(space, k)->name);
        for (int form = 0; form < 2; form++) {
            maple_graph graph;
            maple_error error;
            assert_int_equal(maple_space_operator_network(space, i, (maple_graph_form)form, &graph, &error),
                             MAPLE_OK);
            assert_int_equal(maple_graph_check(&graph, &error), MAPLE_OK);
            if (!op->skeleton) { /* the network does what the name says */
                const maple_node *last = &graph.nodes[graph.output];
                size_t length = strlen(maple_space_op_name(space, op->op));
                memcpy(name, op->name, length);
                assert_string_equal(name, maple_space_op_name(space, op->op));
                assert_int_equal(sscanf(op->name + length, "_%dx%d_s%d_%d", &in, &out, &stride, &size), 4);
                assert_true(op->input.channels == in && op->input.height == size && op->input.width == size);
                assert_true(last->shape.channels == out && last->shape.height == size / stride);
                memset(name, 0, sizeof name);
            }
            maple_graph_release(&graph);
        }
    }
    assert_string_equal(maple_space_operator(space, 0)->name, "k3_e1_16x16_s1_32");
    assert_string_equal(maple_space_operator(space, 107)->name, "skip_184x352_s1_4");
}

/* The operators' own costs, weighted by the counts as written, add up to the network's: counts, operator
 * networks and network tell one story. */
static void operator_networks_add_up_to_the_network(void **state) {
    (void)state;
    maple_cost costs[OPERATORS];
    for (size_t i = 0; i < OPERATORS; i++) {
        maple_graph graph;
        assert_int_equal(maple_space_operator_network(fbnet(), i, MAPLE_GRAPH_AS_WRITTEN, &graph, NULL),
                         MAPLE_OK);
        costs[i] = maple_graph_cost(&graph);
        maple_graph_release(&graph);
    }
    maple_rng rng = maple_rng_seed(7);
    for (int n = 0; n < 100; n++) {
        maple_arch arch = random_arch(&rng);
        double written[OPERATORS], pruned[OPERATORS], flops = 0, params = 0, bytes = 0, copies = 0;
        maple_graph graph;
        maple_space_operator_counts(fbnet(), MAPLE_GRAPH_AS_WRITTEN, &arch, written);
        maple_space_operator_counts(fbnet(), MAPLE_GRAPH_PRUNED, &arch, pruned);
        for (size_t i = 0; i < OPERATORS; i++) {
            flops += written[i] * costs[i].flops;
            params += written[i] * costs[i].params;
            bytes += written[i] * costs[i].activation_bytes;
            assert_true(pruned[i] == (costs[i].flops > 0 ? written[i] : 0)); /* a copy does not run */
            copies += written[i] - pruned[i];
        }
        assert_int_equal(maple_space_network(fbnet(), &arch, &graph, NULL), MAPLE_OK);
        maple_cost whole = maple_graph_cost(&graph);
        double copied = 0;
        for (int i = 0; i < graph.n_nodes; i++)
            copied += graph.nodes[i].op == MAPLE_OP_COPY;
        assert_true(flops == whole.flops && params == whole.params && bytes == whole.activation_bytes);
        assert_true(copies == copied);
        maple_graph_release(&graph);
    }
}

static void weights_are_unique_for_position_and_part(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(8);
    for (int n = 0; n < 50; n++) {
        bool seen[4096] = {false};
        maple_arch arch = random_arch(&rng);
        maple_graph graph;
        assert_int_equal(maple_space_network(fbnet(), &arch, &graph, NULL), MAPLE_OK);
        for (int i = 0; i < graph.n_nodes; i++) {
            uint32_t slot = graph.nodes[i].weight_slot & ~MAPLE_SLOT_SHIFT;
            if (slot == 0)
                continue;
            assert_in_range(slot, 1, 4095);
            assert_false(seen[slot]);
            seen[slot] = true;
        }
        maple_graph_release(&graph);
    }
}

static void samples_are_seeded_and_uniform(void **state) {
    (void)state;
    enum { N = 5000 };
    maple_arch *first = malloc(N * sizeof *first), *second = malloc(N * sizeof *second);
    maple_error error;
    maple_rng rng = maple_rng_seed(1);
    assert_int_equal(maple_space_sample(fbnet(), MAPLE_GRAPH_PRUNED, &rng, N, first, &error), MAPLE_OK);
    rng = maple_rng_seed(1);
    assert_int_equal(maple_space_sample(fbnet(), MAPLE_GRAPH_PRUNED, &rng, N, second, &error), MAPLE_OK);
    assert_memory_equal(first, second, N * sizeof *first);
    rng = maple_rng_seed(2);
    assert_int_equal(maple_space_sample(fbnet(), MAPLE_GRAPH_PRUNED, &rng, N, second, &error), MAPLE_OK);
    assert_memory_not_equal(first, second, N * sizeof *first);
    double count[OPS] = {0};
    for (int i = 0; i < N; i++)
        for (int k = 0; k < POSITIONS; k++)
            count[first[i].op[k]]++;
    for (int op = 0; op < OPS; op++) /* 12,222 each, with a standard deviation of 104 */
        assert_true(count[op] > 12222 - 5 * 104 && count[op] < 12222 + 5 * 104);
    free(first);
    free(second);
}

static void sentinels_go_from_light_to_heavy(void **state) {
    (void)state;
    double before = 0;
    assert_true(maple_space_sentinels(fbnet()) >= 2);
    for (size_t i = 0; i < maple_space_sentinels(fbnet()); i++) {
        maple_arch arch = maple_space_sentinel(fbnet(), i);
        maple_cost cost;
        assert_int_equal(maple_space_cost(fbnet(), &arch, &cost, NULL), MAPLE_OK);
        assert_true(cost.flops > before);
        before = cost.flops;
    }
}

/* The space cannot be enumerated; that an operator is missing is found all the same, unless it never runs. */
static void look_up_tables_need_every_operator_that_runs(void **state) {
    (void)state;
    double ms[OPERATORS], predicted;
    for (size_t i = 0; i < OPERATORS; i++)
        ms[i] = 0.01 * (double)(i + 1);
    maple_fit_request request = {.space = fbnet(),
                                 .target = {.graph = MAPLE_GRAPH_PRUNED, .operator_ms = ms}};
    ms[8] = NAN; /* skip_16x16_s1_32: an identity */
    maple_arch arch = parsed("8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8");
    fit_and_predict("lut", &request, &arch, 1, &predicted);
    /* The skips of the shapes 1, 3, 5, 7, 9, 11 are their ninth operators; stem and head are 108 and 109. */
    assert_true(fabs(predicted - 0.01 * (18 + 36 + 54 + 72 + 90 + 108 + 109 + 110)) < 1e-12);
    request.target.graph = MAPLE_GRAPH_AS_WRITTEN;
    assert_refused("lut", &request, MAPLE_BAD_INPUT, "no latency of operator skip_16x16_s1_32");
    ms[8] = 1;
    ms[106] = NAN;
    request.target.graph = MAPLE_GRAPH_PRUNED;
    assert_refused("lut", &request, MAPLE_BAD_INPUT, "no latency of operator k5_e6_184x352_s1_4");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_round_trip),
        cmocka_unit_test(ids_and_names_may_be_mixed),
        cmocka_unit_test(bad_strings_say_the_column),
        cmocka_unit_test(one_hot_has_one_operator_a_position),
        cmocka_unit_test(the_cost_of_skips_alone_by_hand),
        cmocka_unit_test(the_cost_of_blocks_by_hand),
        cmocka_unit_test(costs_equal_the_graphs),
        cmocka_unit_test(costs_equal_the_published_table),
        cmocka_unit_test(identities_move_to_the_end_of_their_run),
        cmocka_unit_test(representatives_execute_the_same_graph),
        cmocka_unit_test(there_are_108_descriptor_operators),
        cmocka_unit_test(counters_belong_to_27_operators),
        cmocka_unit_test(operator_networks_add_up_to_the_network),
        cmocka_unit_test(weights_are_unique_for_position_and_part),
        cmocka_unit_test(samples_are_seeded_and_uniform),
        cmocka_unit_test(sentinels_go_from_light_to_heavy),
        cmocka_unit_test(look_up_tables_need_every_operator_that_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
