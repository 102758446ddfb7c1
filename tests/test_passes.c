/* SPDX-License-Identifier: Apache-2.0 */
/* The passes on graphs made by hand and on every NAS-Bench-201 network; seeded weights. */
#include "spaces.h"

#include <math.h>
#include <string.h>

static const maple_shape image = {8, 6, 6};

static int count_op(const maple_graph *graph, maple_op op) {
    int n = 0;
    for (int i = 0; i < graph->n_nodes; i++)
        n += graph->nodes[i].op == op;
    return n;
}

static void assert_valid(const maple_graph *graph) {
    maple_error error = {0};
    if (maple_graph_check(graph, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
}

static void prune(maple_graph *graph, bool expected) {
    bool degenerate = !expected;
    assert_int_equal(maple_graph_prune(graph, &degenerate, NULL), MAPLE_OK);
    assert_int_equal(degenerate, expected);
    assert_valid(graph);
}

static void batch_norm_goes_into_a_conv_that_nobody_else_reads(void **state) {
    (void)state;
    maple_graph g;
    maple_graph_init(&g);
    int x = maple_graph_input(&g, image);
    int read_once = maple_graph_batch_norm(&g, maple_graph_conv(&g, x, 8, 3, 1, 1, 1), 2);
    int conv = maple_graph_conv(&g, read_once, 8, 1, 1, 1, 3);
    maple_graph_add(&g, conv, maple_graph_batch_norm(&g, conv, 4));
    assert_int_equal(maple_graph_fold_batch_norm(&g, NULL), MAPLE_OK);
    assert_valid(&g);
    assert_int_equal(count_op(&g, MAPLE_OP_BATCH_NORM), 1); /* that of the conv which the ADD reads too */
    assert_int_equal(g.nodes[1].norm_slot, 2);
    assert_int_equal(g.nodes[2].norm_slot, 0);
    maple_graph_release(&g);
}

static void zeros_copies_and_dead_code_disappear(void **state) {
    (void)state;
    maple_graph g;
    maple_graph_init(&g);
    int x = maple_graph_input(&g, image);
    int zero = maple_graph_unary(&g, MAPLE_OP_ZERO, x);
    int of_zero = maple_graph_batch_norm(&g, maple_graph_conv(&g, zero, 8, 3, 1, 1, 1), 2);
    int pooled = maple_graph_avg_pool(&g, maple_graph_unary(&g, MAPLE_OP_RELU, of_zero), 3, 1, 1);
    int copy = maple_graph_unary(&g, MAPLE_OP_COPY, x);
    maple_graph_conv(&g, x, 8, 3, 1, 1, 3); /* nobody reads it */
    int left = maple_graph_conv(&g, maple_graph_unary(&g, MAPLE_OP_RELU, x), 8, 3, 1, 1, 4);
    int right = maple_graph_conv(&g, maple_graph_unary(&g, MAPLE_OP_RELU, copy), 8, 1, 1, 1, 5);
    maple_graph_add(&g, maple_graph_add(&g, pooled, left), right);
    prune(&g, false);
    const maple_op expected[] = {MAPLE_OP_INPUT, MAPLE_OP_RELU, MAPLE_OP_CONV, MAPLE_OP_CONV, MAPLE_OP_ADD};
    assert_int_equal(g.n_nodes, 5);
    for (int i = 0; i < g.n_nodes; i++)
        assert_int_equal(g.nodes[i].op, expected[i]);
    assert_int_equal(g.nodes[2].inputs[0], 1); /* both read the one ReLU */
    assert_int_equal(g.nodes[3].inputs[0], 1);
    assert_int_equal(g.output, 4);
    maple_graph_release(&g);
}

static void a_norm_with_a_shift_of_zeros_is_a_constant_and_stays(void **state) {
    (void)state;
    for (int with_shift = 0; with_shift < 2; with_shift++) {
        maple_graph g;
        maple_graph_init(&g);
        int x = maple_graph_input(&g, image);
        int conv = maple_graph_conv(&g, maple_graph_unary(&g, MAPLE_OP_ZERO, x), 8, 3, 1, 1, 1);
        int norm = maple_graph_batch_norm(&g, conv, with_shift ? 2 | MAPLE_SLOT_SHIFT : 2);
        maple_graph_unary(&g, MAPLE_OP_RELU, maple_graph_add(&g, norm, x));
        assert_int_equal(maple_graph_fold_batch_norm(&g, NULL), MAPLE_OK);
        prune(&g, false);
        assert_int_equal(count_op(&g, MAPLE_OP_CONV), with_shift);
        maple_graph_release(&g);
    }
}

static void a_degenerate_graph_is_left_as_it_was_and_not_prepared(void **state) {
    (void)state;
    maple_graph g, before, out;
    maple_graph_init(&g);
    int x = maple_graph_input(&g, image);
    int zero = maple_graph_unary(&g, MAPLE_OP_ZERO, x);
    int pooled = maple_graph_unary(&g, MAPLE_OP_GLOBAL_AVG_POOL, maple_graph_add(&g, zero, zero));
    maple_graph_linear(&g, pooled, 4, 7); /* its bias is a constant */
    assert_int_equal(maple_graph_clone(&g, &before, NULL), MAPLE_OK);
    prune(&g, true);
    assert_int_equal(g.n_nodes, before.n_nodes);
    assert_memory_equal(g.nodes, before.nodes, (size_t)g.n_nodes * sizeof *g.nodes);
    maple_error error;
    assert_int_equal(maple_graph_prepare(&g, MAPLE_GRAPH_PRUNED, 0, &out, &error), MAPLE_BAD_ARGUMENT);
    assert_non_null(strstr(error.message, "does not depend on its input"));
    assert_int_equal(maple_graph_prepare(&g, MAPLE_GRAPH_AS_WRITTEN, 0, &out, &error), MAPLE_OK);
    assert_int_equal(out.n_nodes, g.n_nodes);
    maple_graph_release(&out);
    maple_graph_release(&before);
    maple_graph_release(&g);
}

/* conv A, conv B, A + B, + pool, ReLU: two readers of the last value where `shared`. */
static void build_sum(maple_graph *g, bool shared) {
    maple_graph_init(g);
    int x = maple_graph_input(g, image);
    int a = maple_graph_conv(g, x, 8, 3, 1, 1, 1);
    int b = maple_graph_conv(g, x, 8, 1, 1, 1, 2);
    int both = maple_graph_add(g, a, b);
    int sum = maple_graph_add(g, both, maple_graph_avg_pool(g, x, 3, 1, 1));
    int relu = maple_graph_unary(g, MAPLE_OP_RELU, sum);
    if (shared)
        maple_graph_add(g, relu, sum);
}

static void additions_and_relus_go_into_the_node_before_them(void **state) {
    (void)state;
    maple_graph g;
    build_sum(&g, false);
    assert_int_equal(maple_graph_fuse(&g, MAPLE_FUSE_ADD | MAPLE_FUSE_RELU, NULL), MAPLE_OK);
    assert_valid(&g);
    assert_int_equal(g.n_nodes, 5); /* input, A, B + A, pool, sum with ReLU */
    const maple_node *b = &g.nodes[2], *sum = &g.nodes[g.output];
    assert_int_equal(b->op, MAPLE_OP_CONV);
    assert_int_equal(b->weight_slot, 2); /* the later one takes the earlier one */
    assert_int_equal(b->n_inputs, 2);
    assert_int_equal(g.nodes[b->inputs[1]].weight_slot, 1);
    assert_false(b->relu);
    assert_int_equal(sum->op, MAPLE_OP_ADD); /* B has its addend already */
    assert_true(sum->relu);
    maple_graph_release(&g);
}

static void what_is_read_twice_or_not_asked_for_is_not_fused(void **state) {
    (void)state;
    maple_graph g;
    build_sum(&g, true);
    assert_int_equal(maple_graph_fuse(&g, MAPLE_FUSE_RELU, NULL), MAPLE_OK);
    assert_int_equal(count_op(&g, MAPLE_OP_RELU), 1);
    assert_int_equal(count_op(&g, MAPLE_OP_ADD), 3);
    assert_int_equal(maple_graph_fuse(&g, 0, NULL), MAPLE_OK);
    assert_int_equal(count_op(&g, MAPLE_OP_ADD), 3);
    maple_graph_release(&g);
}

static void a_conv_before_its_addend_moves_behind_it(void **state) {
    (void)state;
    maple_graph g;
    maple_graph_init(&g);
    int x = maple_graph_input(&g, image);
    int conv = maple_graph_conv(&g, x, 8, 3, 1, 1, 1);
    int pool = maple_graph_avg_pool(&g, x, 3, 1, 1);
    maple_graph_unary(&g, MAPLE_OP_RELU, maple_graph_add(&g, conv, pool));
    assert_int_equal(maple_graph_fuse(&g, MAPLE_FUSE_ADD | MAPLE_FUSE_RELU, NULL), MAPLE_OK);
    assert_valid(&g);
    assert_int_equal(g.n_nodes, 3);
    assert_int_equal(g.nodes[1].op, MAPLE_OP_AVG_POOL);
    assert_int_equal(g.nodes[2].op, MAPLE_OP_CONV);
    assert_int_equal(g.nodes[2].inputs[1], 1);
    assert_true(g.nodes[2].relu);
    maple_graph_release(&g);
}

/* Operators of a pruned network by what the space says that runs. */
static void check_counts(const maple_space *space, const maple_arch *arch, const maple_graph *pruned) {
    double counts[64];
    int by_kernel[4] = {0}, expected[4] = {0}, pools = 0;
    maple_space_operator_counts(space, MAPLE_GRAPH_PRUNED, arch, counts);
    for (size_t i = 0; i < maple_space_descriptor_operators(space); i++) {
        const char *name = maple_space_operator(space, i)->name;
        expected[1] += strncmp(name, "nor_conv_1x1", 12) == 0 ? (int)counts[i] : 0;
        expected[3] += strncmp(name, "nor_conv_3x3", 12) == 0 ? (int)counts[i] : 0;
        pools += strncmp(name, "avg_pool", 8) == 0 ? (int)counts[i] : 0;
    }
    for (int i = 0; i < pruned->n_nodes; i++)
        if (pruned->nodes[i].op == MAPLE_OP_CONV)
            by_kernel[pruned->nodes[i].kernel]++;
    assert_int_equal(by_kernel[1], expected[1] + 2); /* shortcuts of the reductions */
    assert_int_equal(by_kernel[3], expected[3] + 5); /* stem, two in each reduction */
    assert_int_equal(count_op(pruned, MAPLE_OP_AVG_POOL), pools + 2);
    assert_int_equal(count_op(pruned, MAPLE_OP_ZERO), 0);
    assert_int_equal(count_op(pruned, MAPLE_OP_COPY), 0);
    assert_int_equal(count_op(pruned, MAPLE_OP_BATCH_NORM), 1); /* the head's */
}

static void every_network_is_pruned_to_the_operators_that_the_space_counts(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
    int degenerate = 0;
    for (size_t i = 0; i < maple_space_enumerable(space); i++) {
        maple_arch arch = maple_space_nth(space, i);
        maple_graph raw, out;
        assert_int_equal(maple_space_network(space, &arch, &raw, NULL), MAPLE_OK);
        maple_status status =
            maple_graph_prepare(&raw, MAPLE_GRAPH_PRUNED, MAPLE_FUSE_ADD | MAPLE_FUSE_RELU, &out, NULL);
        assert_int_equal(status == MAPLE_BAD_ARGUMENT, maple_space_degenerate(space, &arch));
        degenerate += status != MAPLE_OK;
        if (status == MAPLE_OK) {
            assert_valid(&out);
            check_counts(space, &arch, &out);
            maple_graph_release(&out);
        }
        maple_graph_release(&raw);
    }
    assert_int_equal(degenerate, 341);
}

/* --- Weights --- */

enum { CHANNELS = 8, TAPS = CHANNELS * 9, WEIGHTS = CHANNELS * TAPS };

/* input -> conv (slot 1) -> norm (slot 2, with a shift) -> ReLU, folded or not. */
static void build_conv_norm(maple_graph *g, bool fold) {
    maple_graph_init(g);
    int x = maple_graph_input(g, image);
    int norm = maple_graph_batch_norm(g, maple_graph_conv(g, x, CHANNELS, 3, 1, 1, 1), 2 | MAPLE_SLOT_SHIFT);
    maple_graph_unary(g, MAPLE_OP_RELU, norm);
    if (fold)
        assert_int_equal(maple_graph_fold_batch_norm(g, NULL), MAPLE_OK);
}

static void a_folded_norm_scales_the_weights_and_gives_the_bias(void **state) {
    (void)state;
    static float raw[WEIGHTS], folded[WEIGHTS];
    float none[CHANNELS], bias[CHANNELS], scale[CHANNELS], shift[CHANNELS];
    maple_graph a, b;
    build_conv_norm(&a, false);
    build_conv_norm(&b, true);
    assert_int_equal(maple_graph_weight_count(&a, 1), WEIGHTS);
    assert_int_equal(maple_graph_weight_count(&a, 2), CHANNELS);
    assert_int_equal(maple_graph_weight_count(&a, 3), 0);
    assert_int_equal(maple_graph_weights(&a, 1, 5, raw, none, NULL), MAPLE_OK);
    assert_int_equal(maple_graph_weights(&a, 2, 5, scale, shift, NULL), MAPLE_OK);
    assert_int_equal(maple_graph_weights(&b, 1, 5, folded, bias, NULL), MAPLE_OK);
    double sum = 0.0;
    for (int c = 0; c < CHANNELS; c++) {
        assert_true(none[c] == 0.0f && bias[c] == shift[c] && shift[c] != 0.0f);
        assert_true(scale[c] > 0.4f && scale[c] < 2.2f);
        for (int i = 0; i < TAPS; i++) {
            assert_true(folded[c * TAPS + i] == raw[c * TAPS + i] * scale[c]);
            sum += (double)raw[c * TAPS + i] * (double)raw[c * TAPS + i];
        }
    }
    assert_true(fabs(sum / WEIGHTS * TAPS / 2.0 - 1.0) < 0.2); /* He: variance 2 / fan-in */
    maple_graph_release(&a);
    maple_graph_release(&b);
}

static void weights_depend_on_seed_and_slot_only(void **state) {
    (void)state;
    static float first[WEIGHTS], other[WEIGHTS];
    float bias[CHANNELS];
    maple_graph a, b;
    maple_graph_init(&a);
    int x = maple_graph_input(&a, image);
    maple_graph_conv(&a, x, CHANNELS, 3, 1, 1, 1);
    maple_graph_init(&b);
    x = maple_graph_unary(&b, MAPLE_OP_RELU, maple_graph_input(&b, (maple_shape){CHANNELS, 20, 20}));
    x = maple_graph_conv(&b, x, CHANNELS, 3, 1, 1, 1);
    maple_graph_conv(&b, x, CHANNELS, 3, 1, 1, 9);
    maple_graph_weights(&a, 1, 5, first, bias, NULL);
    maple_graph_weights(&b, 2, 5, other, bias, NULL);
    assert_memory_equal(first, other, sizeof first);
    maple_graph_weights(&b, 3, 5, other, bias, NULL);
    assert_memory_not_equal(first, other, sizeof first);
    maple_graph_weights(&b, 2, 6, other, bias, NULL);
    assert_memory_not_equal(first, other, sizeof first);
    assert_int_equal(maple_graph_weights(&b, 1, 6, other, bias, NULL), MAPLE_BAD_ARGUMENT);
    maple_graph_release(&a);
    maple_graph_release(&b);
}

static void a_random_input_is_normal_and_its_first_image_the_same_in_every_batch(void **state) {
    (void)state;
    enum { N = 3 * 32 * 32 };
    static float one[N], three[3 * N];
    const maple_shape shape = {3, 32, 32};
    maple_graph_random_input(shape, 1, 4, one);
    maple_graph_random_input(shape, 3, 4, three);
    assert_memory_equal(one, three, sizeof one);
    assert_memory_not_equal(one, three + N, sizeof one);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < 3 * N; i++) {
        sum += (double)three[i];
        squares += (double)three[i] * (double)three[i];
    }
    assert_true(fabs(sum / (3 * N)) < 0.05);
    assert_true(fabs(squares / (3 * N) - 1.0) < 0.05);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_norm_goes_into_a_conv_that_nobody_else_reads),
        cmocka_unit_test(zeros_copies_and_dead_code_disappear),
        cmocka_unit_test(a_norm_with_a_shift_of_zeros_is_a_constant_and_stays),
        cmocka_unit_test(a_degenerate_graph_is_left_as_it_was_and_not_prepared),
        cmocka_unit_test(additions_and_relus_go_into_the_node_before_them),
        cmocka_unit_test(what_is_read_twice_or_not_asked_for_is_not_fused),
        cmocka_unit_test(a_conv_before_its_addend_moves_behind_it),
        cmocka_unit_test(every_network_is_pruned_to_the_operators_that_the_space_counts),
        cmocka_unit_test(a_folded_norm_scales_the_weights_and_gives_the_bias),
        cmocka_unit_test(weights_depend_on_seed_and_slot_only),
        cmocka_unit_test(a_random_input_is_normal_and_its_first_image_the_same_in_every_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
