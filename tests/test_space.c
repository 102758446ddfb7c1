/* SPDX-License-Identifier: Apache-2.0 */
/* NAS-Bench-201: strings, costs against the closed form, pruned classes against an independent count. */
#include "spaces.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum { SIZE = 15625 };

static const maple_space *nb201(void) {
    return space_or_fail("nas-bench-201");
}

static void all_strings_round_trip(void **state) {
    (void)state;
    const maple_space *space = nb201();
    assert_int_equal(maple_space_enumerable(space), SIZE);
    assert_true(maple_space_size(space) == SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        maple_arch arch = maple_space_nth(space, i), parsed;
        char text[MAPLE_MAX_ARCH_TEXT], again[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(space, &arch, text);
        assert_int_equal(maple_space_parse(space, text, &parsed, NULL), MAPLE_OK);
        assert_true(maple_arch_equal(&arch, &parsed));
        assert_int_equal(maple_space_ordinal(space, &parsed), i);
        maple_space_format(space, &parsed, again);
        assert_string_equal(text, again);
    }
}

/* The closed form of NATS-Bench's FLOPs and parameters (CIFAR-10). */
static void flops_and_params_equal_the_closed_form_for_all(void **state) {
    (void)state;
    const maple_space *space = nb201();
    for (size_t i = 0; i < SIZE; i++) {
        maple_arch arch = maple_space_nth(space, i);
        int n1 = 0, n3 = 0;
        for (int e = 0; e < 6; e++) {
            n1 += strcmp(maple_space_op_name(space, arch.op[e]), "nor_conv_1x1") == 0;
            n3 += strcmp(maple_space_op_name(space, arch.op[e]), "nor_conv_3x3") == 0;
        }
        maple_cost cost;
        assert_int_equal(maple_space_cost(space, &arch, &cost, NULL), MAPLE_OK);
        assert_true(cost.flops == 7877248.0 + 4218880.0 * n1 + 35676160.0 * n3);
        assert_true(cost.params == 73306.0 + 28000.0 * n1 + 243040.0 * n3);
    }
}

/* The closed form of all costs against the graph as built. */
static void costs_equal_the_graphs_for_all(void **state) {
    (void)state;
    const maple_space *space = nb201();
    for (size_t i = 0; i < SIZE; i++) {
        maple_arch arch = maple_space_nth(space, i);
        maple_graph graph;
        maple_cost cost;
        assert_int_equal(maple_space_cost(space, &arch, &cost, NULL), MAPLE_OK);
        assert_int_equal(maple_space_network(space, &arch, &graph, NULL), MAPLE_OK);
        maple_cost built = maple_graph_cost(&graph);
        maple_graph_release(&graph);
        assert_true(cost.flops == built.flops && cost.params == built.params);
        assert_true(cost.relu_outputs == built.relu_outputs);
        assert_true(cost.activation_bytes == built.activation_bytes);
        assert_int_equal(cost.depth, built.depth);
        maple_cost part, other;
        for (int e = 0; e < 6; e++) { /* what an operator adds is what leaving it out takes away */
            maple_arch without = arch;
            without.op[e] = 0;
            maple_space_position_cost(space, e, arch.op[e], &part);
            assert_int_equal(maple_space_cost(space, &without, &other, NULL), MAPLE_OK);
            assert_true(cost.flops - other.flops == part.flops);
            assert_true(cost.params - other.params == part.params);
        }
    }
}

static void bad_strings_say_the_column(void **state) {
    (void)state;
    static const bad_text CASES[] = {
        {"", 1, "'|'"},
        {"nor_conv_3x3~0", 1, "'|'"},
        {"|nor_conv_5x5~0|+|none~0|none~1|+|none~0|none~1|none~2|", 2, "an operator's name"},
        {"|nor_conv_3x~0|+|none~0|none~1|+|none~0|none~1|none~2|", 2, "an operator's name"},
        {"|none|+|none~0|none~1|+|none~0|none~1|none~2|", 6, "'~'"},
        {"|none~1|+|none~0|none~1|+|none~0|none~1|none~2|", 7, "input node 0"},
        {"|none~0|+|none~1|none~1|+|none~0|none~1|none~2|", 16, "input node 0"},
        {"|none~0|+|none~0|none~2|+|none~0|none~1|none~2|", 23, "input node 1"},
        {"|none~0|none~0|none~1|+|none~0|none~1|none~2|", 9, "'+' between the nodes"},
        {"|none~0|+none~0|none~1|+|none~0|none~1|none~2|", 10, "'|'"},
        {"|none~0|+|none~0|none~1|", 25, "'+' between the nodes"},
        {"|none~0|+|none~0|none~1|+|none~0|none~1|none~2", 47, "'|'"},
        {"|none~0|+|none~0|none~1|+|none~0|none~1|none~2|x", 48, "the end"},
        {"|none~0|+|none~0|none~1|+|none~0|none~1|none~2| ", 48, "the end"},
        {"| none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 2, "an operator's name"},
    };
    assert_bad_texts(nb201(), CASES, sizeof CASES / sizeof *CASES, "nor_conv_3x3");
}

static void one_hot_has_one_operator_an_edge(void **state) {
    (void)state;
    const maple_space *space = nb201();
    maple_arch arch;
    const char *text = "|avg_pool_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|";
    assert_int_equal(maple_space_parse(space, text, &arch, NULL), MAPLE_OK);
    float a[30];
    maple_space_one_hot(space, &arch, a);
    static const float EXPECTED[30] = {0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0,
                                       0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0};
    assert_memory_equal(a, EXPECTED, sizeof a);
}

/* --- An independent view of the pruned form: expressions as text, built from the definition --- */

static const int FROM[6] = {0, 0, 1, 0, 1, 2}, TO[6] = {1, 2, 2, 3, 3, 3};

static bool connects(const maple_arch *arch, int node, bool to_input) {
    if (node == (to_input ? 0 : 3))
        return true;
    for (int e = 0; e < 6; e++) {
        int near = to_input ? TO[e] : FROM[e], far = to_input ? FROM[e] : TO[e];
        if (near == node && arch->op[e] != 0 && connects(arch, far, to_input))
            return true;
    }
    return false;
}

static bool runs(const maple_arch *arch, int e) {
    return arch->op[e] != 0 && connects(arch, FROM[e], true) && connects(arch, TO[e], false);
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The n-ary sum of a node's terms in sorted order; a single term stands for itself. */
static char *expression(const maple_arch *arch, int node) {
    if (node == 0)
        return strdup("x");
    char *terms[3], *text = malloc(4096);
    int n = 0;
    for (int e = 0; e < 6; e++) {
        if (TO[e] != node || !runs(arch, e))
            continue;
        char *source = expression(arch, FROM[e]), *term = malloc(4096);
        snprintf(term, 4096, arch->op[e] == 1 ? "%s" : "%s:%d", source, arch->op[e]);
        free(source);
        terms[n++] = term;
    }
    qsort(terms, (size_t)n, sizeof *terms, compare_texts);
    snprintf(text, 4096, "%s", n == 0 ? "0" : n == 1 ? terms[0] : "(");
    for (int i = 0; n > 1 && i < n; i++) {
        strcat(text, terms[i]);
        strcat(text, i + 1 < n ? "+" : ")");
    }
    for (int i = 0; i < n; i++)
        free(terms[i]);
    return text;
}

static void there_are_5773_expressions_and_341_degenerate_cells(void **state) {
    (void)state;
    const maple_space *space = nb201();
    char **texts = malloc(SIZE * sizeof *texts);
    size_t degenerate = 0, distinct = 1;
    for (size_t i = 0; i < SIZE; i++) {
        maple_arch arch = maple_space_nth(space, i);
        texts[i] = expression(&arch, 3);
        bool constant = strcmp(texts[i], "0") == 0;
        assert_int_equal(constant, maple_space_degenerate(space, &arch));
        degenerate += constant;
    }
    qsort(texts, SIZE, sizeof *texts, compare_texts);
    for (size_t i = 1; i < SIZE; i++)
        distinct += strcmp(texts[i], texts[i - 1]) != 0;
    assert_int_equal(degenerate, 341);
    assert_int_equal(distinct, 5773);
    for (size_t i = 0; i < SIZE; i++)
        free(texts[i]);
    free(texts);
}

/* Expressions merge a convolution computed twice with one that is shared; what is executed differs. */
static void representatives_execute_the_same_operators(void **state) {
    (void)state;
    const maple_space *space = nb201();
    size_t classes = 0;
    for (size_t i = 0; i < SIZE; i++) {
        maple_arch arch = maple_space_nth(space, i);
        maple_arch canonical = maple_space_canonical(space, MAPLE_GRAPH_PRUNED, &arch);
        maple_arch twice = maple_space_canonical(space, MAPLE_GRAPH_PRUNED, &canonical);
        assert_true(maple_arch_equal(&canonical, &twice));
        maple_arch written = maple_space_canonical(space, MAPLE_GRAPH_AS_WRITTEN, &arch);
        assert_true(maple_arch_equal(&arch, &written));
        classes += maple_arch_equal(&arch, &canonical);
        double mine[19], theirs[19];
        assert_int_equal(maple_space_operators(space), 19);
        maple_space_operator_counts(space, MAPLE_GRAPH_PRUNED, &arch, mine);
        maple_space_operator_counts(space, MAPLE_GRAPH_PRUNED, &canonical, theirs);
        assert_memory_equal(mine, theirs, sizeof mine);
    }
    assert_int_equal(classes, 5933);
}

static void operator_counts_are_those_of_the_edges(void **state) {
    (void)state;
    const maple_space *space = nb201();
    for (size_t i = 0; i < SIZE; i += 7) {
        maple_arch arch = maple_space_nth(space, i);
        double pruned[19], written[19], expected_pruned[5] = {0}, expected_written[5] = {0};
        maple_space_operator_counts(space, MAPLE_GRAPH_PRUNED, &arch, pruned);
        maple_space_operator_counts(space, MAPLE_GRAPH_AS_WRITTEN, &arch, written);
        for (int e = 0; e < 6; e++) {
            expected_written[arch.op[e]] += 5;
            if (runs(&arch, e) && arch.op[e] != 1)
                expected_pruned[arch.op[e]] += 5;
        }
        for (int k = 0; k < 15; k++) {
            assert_true(pruned[k] == expected_pruned[k % 5]);
            assert_true(written[k] == expected_written[k % 5]);
        }
        for (int k = 15; k < 19; k++)
            assert_true(pruned[k] == 1 && written[k] == 1);
    }
}

static void the_descriptor_has_15_operators(void **state) {
    (void)state;
    const maple_space *space = nb201();
    assert_int_equal(maple_space_descriptor_operators(space), 15);
    for (size_t i = 0; i < 19; i++) {
        const maple_operator *operator_ = maple_space_operator(space, i);
        assert_int_equal(operator_->skeleton, i >= 15);
        assert_int_equal(maple_space_operator_counted(space, i), i < 15);
        if (i < 15) {
            assert_int_equal(operator_->op, i % 5);
            assert_int_equal(operator_->input.channels, 16 << (i / 5));
            assert_int_equal(operator_->input.height, 32 >> (i / 5));
        }
        for (int form = 0; form < 2; form++) {
            maple_graph graph;
            maple_error error;
            assert_int_equal(maple_space_operator_network(space, i, (maple_graph_form)form, &graph, &error),
                             MAPLE_OK);
            assert_int_equal(maple_graph_check(&graph, &error), MAPLE_OK);
            maple_graph_release(&graph);
        }
    }
}

static void networks_are_sound_and_share_slots(void **state) {
    (void)state;
    const maple_space *space = nb201();
    bool seen[4096] = {false};
    size_t slots = 0;
    for (size_t i = 0; i < SIZE; i += 11) {
        maple_arch arch = maple_space_nth(space, i);
        maple_graph graph;
        maple_error error;
        assert_int_equal(maple_space_network(space, &arch, &graph, &error), MAPLE_OK);
        assert_int_equal(maple_graph_check(&graph, &error), MAPLE_OK);
        assert_int_equal(graph.nodes[graph.output].shape.channels, 10);
        for (int k = 0; k < graph.n_nodes; k++) {
            uint32_t slot = graph.nodes[k].weight_slot & ~MAPLE_SLOT_SHIFT;
            bool weighted = graph.nodes[k].op == MAPLE_OP_CONV || graph.nodes[k].op == MAPLE_OP_LINEAR;
            assert_in_range(slot, 0, 4095);
            slots += weighted && !seen[slot];
            seen[slot] |= weighted;
        }
        maple_graph_release(&graph);
    }
    assert_int_equal(slots, 188); /* 15 cells x 6 edges x 2 kernels, stem, 6 in the reductions, classifier */
}

static void samples_are_seeded_distinct_and_never_degenerate(void **state) {
    (void)state;
    const maple_space *space = nb201();
    static maple_arch first[5933], second[5933];
    static bool seen[SIZE];
    maple_error error;
    maple_rng rng = maple_rng_seed(1);
    assert_int_equal(maple_space_sample(space, MAPLE_GRAPH_PRUNED, &rng, 5932, first, &error), MAPLE_OK);
    rng = maple_rng_seed(1);
    assert_int_equal(maple_space_sample(space, MAPLE_GRAPH_PRUNED, &rng, 5932, second, &error), MAPLE_OK);
    assert_memory_equal(first, second, sizeof *first * 5932);
    for (size_t i = 0; i < 5932; i++) {
        assert_false(maple_space_degenerate(space, &first[i]));
        maple_arch canonical = maple_space_canonical(space, MAPLE_GRAPH_PRUNED, &first[i]);
        size_t ordinal = maple_space_ordinal(space, &canonical);
        assert_false(seen[ordinal]);
        seen[ordinal] = true;
    }
    rng = maple_rng_seed(2);
    assert_int_equal(maple_space_sample(space, MAPLE_GRAPH_PRUNED, &rng, 10, second, &error), MAPLE_OK);
    assert_memory_not_equal(first, second, sizeof *first * 10);
    /* 5,933 classes with the degenerate one */
    assert_int_equal(maple_space_sample(space, MAPLE_GRAPH_PRUNED, &rng, 5933, second, &error),
                     MAPLE_BAD_ARGUMENT);
    assert_non_null(strstr(error.message, "has only 5932 different ones in pruned form"));
}

static void unknown_spaces_are_named_with_those_there_are(void **state) {
    (void)state;
    const maple_space *space;
    maple_error error;
    assert_int_equal(maple_space_find("nb101", &space, &error), MAPLE_NOT_FOUND);
    assert_non_null(strstr(error.message, "'nb101'"));
    assert_non_null(strstr(error.message, "nas-bench-201"));
    assert_null(maple_space_at(maple_space_count()));
    for (size_t i = 0; i < maple_space_sentinels(nb201()); i++) {
        maple_arch sentinel = maple_space_sentinel(nb201(), i);
        assert_false(maple_space_degenerate(nb201(), &sentinel));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_strings_round_trip),
        cmocka_unit_test(flops_and_params_equal_the_closed_form_for_all),
        cmocka_unit_test(costs_equal_the_graphs_for_all),
        cmocka_unit_test(bad_strings_say_the_column),
        cmocka_unit_test(one_hot_has_one_operator_an_edge),
        cmocka_unit_test(there_are_5773_expressions_and_341_degenerate_cells),
        cmocka_unit_test(representatives_execute_the_same_operators),
        cmocka_unit_test(operator_counts_are_those_of_the_edges),
        cmocka_unit_test(the_descriptor_has_15_operators),
        cmocka_unit_test(networks_are_sound_and_share_slots),
        cmocka_unit_test(samples_are_seeded_distinct_and_never_degenerate),
        cmocka_unit_test(unknown_spaces_are_named_with_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
