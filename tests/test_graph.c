/* SPDX-License-Identifier: Apache-2.0 */
/* Building and checking graphs by hand. */
#include "maple/graph.h"
#include "unit.h"

#include <string.h>

static void a_small_network_has_the_shapes_and_cost_computed_by_hand(void **state) {
    (void)state;
    maple_graph g;
    maple_graph_init(&g);
    int x = maple_graph_input(&g, (maple_shape){3, 9, 9});
    int c = maple_graph_conv(&g, x, 8, 3, 2, 1, 1); /* (9 + 2 - 3) / 2 + 1 = 5 */
    int n = maple_graph_batch_norm(&g, c, 2);
    int r = maple_graph_unary(&g, MAPLE_OP_RELU, n);
    int p = maple_graph_avg_pool(&g, r, 3, 1, 1);
    int s = maple_graph_add(&g, p, r);
    int d = maple_graph_conv(&g, s, 8, 3, 1, 8, 3); /* depthwise */
    int v = maple_graph_unary(&g, MAPLE_OP_GLOBAL_AVG_POOL, d);
    int l = maple_graph_linear(&g, v, 4, 4);
    assert_int_equal(l, g.output);
    assert_int_equal(g.nodes[c].shape.height, 5);
    assert_int_equal(g.nodes[p].shape.width, 5);
    maple_error error;
    assert_int_equal(maple_graph_check(&g, &error), MAPLE_OK);
    maple_cost cost = maple_graph_cost(&g);
    double conv = 3 * 9 * 8 * 25, norm = 2 * 8 * 25, depthwise = 9 * 8 * 25, pool = 8 * 25, linear = 8 * 4;
    assert_true(cost.flops == conv + norm + depthwise + pool + linear);
    assert_true(cost.params == 3 * 9 * 8 + 16 + 9 * 8 + 32 + 4);
    assert_true(cost.relu_outputs == 8 * 25);
    assert_true(cost.activation_bytes == 4.0 * (6 * 8 * 25 + 8 + 4));
    assert_int_equal(cost.depth, 3);
    maple_graph copy;
    assert_int_equal(maple_graph_clone(&g, &copy, &error), MAPLE_OK);
    assert_memory_equal(copy.nodes, g.nodes, (size_t)g.n_nodes * sizeof *g.nodes);
    maple_graph_release(&copy);
    maple_graph_release(&g);
}

static void impossible_layers_are_refused_by_the_builder(void **state) {
    (void)state;
    maple_graph g;
    maple_graph_init(&g);
    int x = maple_graph_input(&g, (maple_shape){6, 8, 8});
    int y = maple_graph_conv(&g, x, 12, 3, 2, 1, 1);
    assert_int_equal(maple_graph_add(&g, x, y), -1);              /* shapes differ */
    assert_int_equal(maple_graph_conv(&g, x, 8, 3, 1, 4, 1), -1); /* groups do not divide 6 */
    assert_int_equal(maple_graph_linear(&g, x, 10, 1), -1);       /* not 1 x 1 */
    assert_int_equal(maple_graph_unary(&g, MAPLE_OP_CONV, x), -1);
    assert_int_equal(maple_graph_unary(&g, MAPLE_OP_RELU, -1), -1);
    assert_int_equal(maple_graph_unary(&g, MAPLE_OP_RELU, 2), -1); /* not there yet */
    assert_int_equal(g.n_nodes, 2);
    maple_graph_release(&g);
}

static void check_names_the_node_that_is_wrong(void **state) {
    (void)state;
    maple_graph g;
    maple_error error;
    maple_graph_init(&g);
    assert_int_equal(maple_graph_check(&g, &error), MAPLE_BAD_ARGUMENT);
    assert_non_null(strstr(error.message, "no output"));
    int x = maple_graph_input(&g, (maple_shape){6, 8, 8});
    int y = maple_graph_conv(&g, x, 6, 3, 1, 1, 1);
    g.nodes[y].inputs[0] = 7;
    assert_int_equal(maple_graph_check(&g, &error), MAPLE_BAD_ARGUMENT);
    assert_string_equal(error.message, "node 1 (conv) reads node 7, which is not before it");
    g.nodes[y].inputs[0] = x;
    g.nodes[y].weight_slot = 0;
    assert_int_equal(maple_graph_check(&g, &error), MAPLE_BAD_ARGUMENT);
    assert_string_equal(error.message, "node 1 (conv) has no weight slot");
    maple_graph_release(&g);
}

static void forms_are_read_by_their_names(void **state) {
    (void)state;
    maple_graph_form form;
    maple_error error;
    assert_int_equal(maple_graph_form_parse("as-written", &form, &error), MAPLE_OK);
    assert_int_equal(form, MAPLE_GRAPH_AS_WRITTEN);
    assert_int_equal(maple_graph_form_parse("as_written", &form, &error), MAPLE_BAD_ARGUMENT);
    assert_string_equal(error.message, "unknown graph form 'as_written': use pruned or as-written");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_network_has_the_shapes_and_cost_computed_by_hand),
        cmocka_unit_test(impossible_layers_are_refused_by_the_builder),
        cmocka_unit_test(check_names_the_node_that_is_wrong),
        cmocka_unit_test(forms_are_read_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
