/* SPDX-License-Identifier: Apache-2.0 */
/* The graphs of operators that NASFLAT encodes: against numbers of NASFLAT's own preparation. */
#include "spaces.h"
#include "unit.h"

#include <string.h>

static int count_edges(const maple_op_graph *graph) {
    int edges = 0;
    for (int i = 0; i < graph->n; i++)
        edges += __builtin_popcount(graph->in[i]);
    return edges;
}

/* Rows of the adjacency matrix as NASFLAT prints them: row v, column q is an edge from v to q. */
static void format_rows(const maple_op_graph *graph, char *text) {
    for (int v = 0; v < graph->n; v++) {
        for (int q = 0; q < graph->n; q++)
            *text++ = graph->in[q] & 1u << v ? '1' : '0';
        *text++ = v + 1 < graph->n ? ' ' : '\0';
    }
}

static void nas_bench_201_edges_are_those_of_nasflat(void **state) {
    (void)state;
    static const int EXPECTED[11] = {341, 467, 1386, 1191, 1881, 2412, 1521, 2052, 2187, 1458, 729};
    const maple_space *space = space_or_fail("nas-bench-201");
    assert_true(maple_space_op_graph_connects(space));
    int histogram[65] = {0}, total = 0;
    for (size_t i = 0; i < maple_space_enumerable(space); i++) {
        maple_arch arch = maple_space_nth(space, i);
        maple_op_graph graph;
        maple_space_op_graph(space, &arch, &graph);
        assert_int_equal(graph.n, 8);
        int edges = count_edges(&graph);
        histogram[edges]++;
        total += edges;
    }
    assert_int_equal(total, 87794);
    for (int e = 0; e < 65; e++)
        assert_int_equal(histogram[e], e < 11 ? EXPECTED[e] : 0);
}

static void check_rows(const char *text, const char *expected) {
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_arch arch;
    maple_op_graph graph;
    char rows[8 * 9];
    assert_int_equal(maple_space_parse(space, text, &arch, NULL), MAPLE_OK);
    maple_space_op_graph(space, &arch, &graph);
    format_rows(&graph, rows);
    assert_string_equal(rows, expected);
    for (int e = 0; e < 6; e++)
        assert_int_equal(graph.op[e + 1], arch.op[e]);
}

static void nas_bench_201_matrices_are_those_of_nasflat(void **state) {
    (void)state;
    check_rows(
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
        "01101000 00000001 00000001 00000000 00000001 00000000 00000000 00000000");
    check_rows(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
        "01100001 00010100 00000001 00000001 00000000 00000001 00000000 00000000");
}

static void fbnet_positions_stand_alone(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("fbnet");
    maple_arch arch;
    maple_op_graph graph;
    assert_int_equal(maple_space_parse(space, "3 0 1 2 3 4 5 6 7 8 0 1 2 3 4 5 6 7 8 0 1 2", &arch, NULL),
                     MAPLE_OK);
    maple_space_op_graph(space, &arch, &graph);
    assert_false(maple_space_op_graph_connects(space));
    assert_int_equal(graph.n, 22);
    for (int i = 0; i < graph.n; i++) {
        assert_int_equal(graph.in[i], 1u << i);
        assert_int_equal(graph.op[i], i > 0 && i < 21 ? arch.op[i] : 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nas_bench_201_edges_are_those_of_nasflat),
        cmocka_unit_test(nas_bench_201_matrices_are_those_of_nasflat),
        cmocka_unit_test(fbnet_positions_stand_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
