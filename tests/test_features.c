/* SPDX-License-Identifier: Apache-2.0 */
/* Structured features of both spaces by hand and against pruned graphs; HELP's reference architectures. */
#include "public_data.h"
#include "spaces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FEATURES = 512 };

/* The value of the feature called `name`. */
static double value(const maple_space *space, const double *values, const char *name) {
    for (size_t i = 0; i < maple_space_features(space); i++)
        if (strcmp(maple_space_feature(space, i)->name, name) == 0)
            return values[i];
    fail_msg("no feature is called %s", name);
    return NAN;
}

/* Names are unique, groups come in their order, every value is written and finite. */
static void tables_are_sound(void **state) {
    (void)state;
    static const struct {
        const char *space;
        size_t n, groups[MAPLE_FEATURE_GROUPS];
    } EXPECTED[] = {
        {"nas-bench-201", 50, {4, 4, 4, 5, 0, 3, 30}},
        {"fbnet", 275, {9, 0, 0, 2, 63, 3, 198}},
    };
    for (size_t s = 0; s < maple_space_count(); s++) {
        const maple_space *space = maple_space_at(s);
        size_t n = maple_space_features(space), groups[MAPLE_FEATURE_GROUPS] = {0};
        assert_string_equal(maple_space_name(space), EXPECTED[s].space);
        assert_int_equal(n, EXPECTED[s].n);
        assert_null(maple_space_feature(space, n));
        for (size_t i = 0; i < n; i++) {
            const maple_feature *feature = maple_space_feature(space, i);
            assert_true(strlen(feature->name) > 0);
            assert_true(i == 0 || feature->group >= maple_space_feature(space, i - 1)->group);
            groups[feature->group]++;
            for (size_t k = 0; k < i; k++)
                assert_string_not_equal(feature->name, maple_space_feature(space, k)->name);
        }
        assert_memory_equal(groups, EXPECTED[s].groups, sizeof groups);
        double values[MAX_FEATURES];
        for (size_t i = 0; i < MAX_FEATURES; i++)
            values[i] = NAN;
        maple_arch arch = maple_space_reference(space, 0);
        maple_space_feature_values(space, &arch, values);
        for (size_t i = 0; i < MAX_FEATURES; i++)
            assert_int_equal(isfinite(values[i]) != 0, i < n); /* and nothing behind the last one */
    }
}

typedef struct cell_case {
    const char *text;
    double values[17]; /* count, reaching, live: skip, 1x1, 3x3, pool; depth, 3x3, 1x1, additions, shared
                          ReLUs */
} cell_case;

static const cell_case CELLS[] = {
    /* Everything lives: the longest path is 3x3, 1x1, 1x1; nodes 2 and 3 add; no ReLU is read twice. */
    {"|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|",
     {1, 2, 1, 1, 1, 2, 1, 1, 1, 2, 1, 1, 3, 1, 2, 2, 0}},
    /* Node 1 is not fed: both 3x3 reach the output and see only zeros. Node 2 is a copy of the input, so that
     * both 1x1 read one ReLU. */
    {"|none~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_1x1~0|nor_conv_3x3~1|nor_conv_1x1~2|",
     {1, 2, 2, 0, 1, 2, 2, 0, 1, 2, 0, 0, 1, 0, 1, 1, 1}},
    /* Nodes 1 and 2 are fed and lead nowhere. */
    {"|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|none~1|none~2|",
     {1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}},
    /* Six 3x3 read three values. */
    {"|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
     {0, 0, 6, 0, 0, 0, 6, 0, 0, 0, 6, 0, 3, 3, 0, 3, 3}},
    /* The critical path is the single 3x3, the deepest one the three 1x1. */
    {"|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|nor_conv_3x3~0|none~1|nor_conv_1x1~2|",
     {0, 3, 1, 0, 0, 3, 1, 0, 0, 3, 1, 0, 3, 1, 0, 1, 1}},
    {"|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", {0}},
};

static void cells_by_hand(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
    const double flops = 7877248, params = 73306; /* of the skeleton: see test_space.c */
    for (size_t i = 0; i < sizeof CELLS / sizeof *CELLS; i++) {
        maple_arch arch = arch_or_fail(space, CELLS[i].text);
        double values[MAX_FEATURES];
        maple_space_feature_values(space, &arch, values);
        for (int k = 0; k < 17; k++)
            if (values[k] != CELLS[i].values[k])
                fail_msg("%s: %s is %g, not %g", CELLS[i].text, maple_space_feature(space, (size_t)k)->name,
                         values[k], CELLS[i].values[k]);
        double n1 = CELLS[i].values[1], n3 = CELLS[i].values[2];
        assert_true(fabs(value(space, values, "flops") -
                         (flops + 4218880 * n1 + 35676160 * n3) / (flops + 6 * 35676160)) < 1e-12);
        assert_true(fabs(value(space, values, "params") -
                         (params + 28000 * n1 + 243040 * n3) / (params + 6 * 243040)) < 1e-12);
        for (int k = 0; k < 30; k++)
            assert_true(values[20 + k] == (arch.op[k / 5] == k % 5));
    }
    maple_arch arch = arch_or_fail(space, CELLS[0].text);
    double values[MAX_FEATURES];
    maple_space_feature_values(space, &arch, values);
    assert_true(value(space, values, "live.avg_pool_3x3") == 1);
    assert_true(value(space, values, "critical.nor_conv_1x1") == 2);
    assert_true(value(space, values, "slot3.avg_pool_3x3") == 1 && value(space, values, "slot3.none") == 0);
    /* An edge writes 28,672 values in each of five cells; a convolution three times as many (ReLU, conv,
     * norm). */
    maple_arch heavy = arch_or_fail(space, CELLS[3].text), empty = arch_or_fail(space, CELLS[5].text);
    maple_cost mixed_cost, heavy_cost, empty_cost;
    assert_int_equal(maple_space_cost(space, &arch, &mixed_cost, NULL), MAPLE_OK);
    assert_int_equal(maple_space_cost(space, &heavy, &heavy_cost, NULL), MAPLE_OK);
    assert_int_equal(maple_space_cost(space, &empty, &empty_cost, NULL), MAPLE_OK);
    double edge = 5 * 28672 * 4.0;
    assert_true(heavy_cost.activation_bytes - empty_cost.activation_bytes == 12 * edge);
    assert_true(mixed_cost.activation_bytes - empty_cost.activation_bytes == 6 * edge);
    assert_true(value(space, values, "activation_bytes") ==
                mixed_cost.activation_bytes / heavy_cost.activation_bytes);
}

static int count_nodes(const maple_graph *graph, maple_op op) {
    int n = 0;
    for (int i = 0; i < graph->n_nodes; i++)
        n += graph->nodes[i].op == op;
    return n;
}

/* The pruning passes know nothing of features: they count the additions and ReLUs that are left, and the
 * depth. */
static void cells_agree_with_pruned_graphs(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
    for (size_t i = 0; i < maple_space_enumerable(space); i += 3) {
        maple_arch arch = maple_space_nth(space, i);
        double v[MAX_FEATURES];
        maple_space_feature_values(space, &arch, v);
        if (maple_space_degenerate(space, &arch)) {
            for (int k = 8; k < 17; k++)
                assert_true(v[k] == 0); /* nothing lives */
            continue;
        }
        maple_graph raw, pruned;
        maple_error error;
        assert_int_equal(maple_space_network(space, &arch, &raw, &error), MAPLE_OK);
        assert_int_equal(maple_graph_prepare(&raw, MAPLE_GRAPH_PRUNED, 0, &pruned, &error), MAPLE_OK);
        double convs = v[9] + v[10];
        /* Stem and classifier, three convolutions and two ReLUs and an addition a reduction, one ReLU in the
         * head. */
        assert_true(count_nodes(&pruned, MAPLE_OP_CONV) == 15 * convs + 1 + 2 * 3);
        assert_true(count_nodes(&pruned, MAPLE_OP_AVG_POOL) == 15 * v[11] + 2);
        assert_true(count_nodes(&pruned, MAPLE_OP_ADD) == 15 * v[15] + 2);
        assert_true(count_nodes(&pruned, MAPLE_OP_RELU) == 15 * (convs - v[16]) + 2 * 2 + 1);
        assert_true(maple_graph_cost(&pruned).depth == 15 * v[12] + 6);
        maple_graph_release(&raw);
        maple_graph_release(&pruned);
    }
}

static void chains_by_hand(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("fbnet");
    maple_arch arch = arch_or_fail(space, "7 8 1 8 4 8 8 8 7 4 1 4 7 3 2 7 3 2 4 2 4 5");
    double v[MAX_FEATURES];
    maple_space_feature_values(space, &arch, v);
    static const double COUNT[9] = {0, 2, 3, 2, 5, 1, 0, 4, 5};
    for (int op = 0; op < 9; op++)
        assert_true(v[op] == COUNT[op]);
    /* Stem, head, classifier; 17 blocks of three; skips at 1 and 5 are convolutions, those at 3, 6, 7 are
     * not. */
    assert_true(value(space, v, "depth") == 3 + 17 * 3 + 2);
    /* Residual positions are 0, 2-4, 6-8, 10-12, 14-16, 18-20; 3, 6 and 7 are skips. */
    assert_true(value(space, v, "additions") == 16 - 3);
    assert_true(value(space, v, "stage0.k5_e6") == 1);
    assert_true(value(space, v, "stage1.skip") == 2 && value(space, v, "stage1.k3_e1_g2") == 1);
    assert_true(value(space, v, "stage2.skip") == 3 && value(space, v, "stage2.k5_e6") == 1);
    assert_true(value(space, v, "stage3.k5_e1") == 2);
    assert_true(value(space, v, "stage6.k5_e1_g2") == 1 && value(space, v, "stage6.skip") == 0);
    assert_true(value(space, v, "slot0.k5_e6") == 1 && value(space, v, "slot21.k5_e1_g2") == 1);
    double slots = 0, stages = 0;
    for (size_t i = 0; i < maple_space_features(space); i++) {
        slots += maple_space_feature(space, i)->group == MAPLE_FEATURE_SLOT ? v[i] : 0;
        stages += strncmp(maple_space_feature(space, i)->name, "stage", 5) == 0 ? v[i] : 0;
    }
    assert_true(slots == 22 && stages == 22);
    arch = arch_or_fail(space, "7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7");
    maple_space_feature_values(space, &arch, v);
    assert_true(value(space, v, "flops") == 1 && value(space, v, "params") == 1);
    assert_true(value(space, v, "activation_bytes") == 1 && value(space, v, "additions") == 16);
    arch = arch_or_fail(space, "8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8");
    maple_space_feature_values(space, &arch, v);
    assert_true(value(space, v, "depth") == 9 && value(space, v, "additions") == 0);
}

/* The heaviest operator is the heaviest at every position: no cost feature is above 1. */
static void chains_agree_with_graphs(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("fbnet");
    maple_arch archs[200];
    maple_error error;
    maple_rng rng = maple_rng_seed(4);
    assert_int_equal(maple_space_sample(space, MAPLE_GRAPH_AS_WRITTEN, &rng, 200, archs, &error), MAPLE_OK);
    for (size_t i = 0; i < 200; i++) {
        maple_graph raw;
        double v[MAX_FEATURES];
        maple_space_feature_values(space, &archs[i], v);
        assert_int_equal(maple_space_network(space, &archs[i], &raw, &error), MAPLE_OK);
        assert_true(maple_graph_cost(&raw).depth == value(space, v, "depth"));
        assert_true(count_nodes(&raw, MAPLE_OP_ADD) == value(space, v, "additions"));
        maple_graph_release(&raw);
        static const char *const COSTS[] = {"flops", "params", "activation_bytes"};
        for (int k = 0; k < 3; k++)
            assert_true(value(space, v, COSTS[k]) > 0 && value(space, v, COSTS[k]) < 1);
    }
}

static void references_are_ten_distinct_architectures(void **state) {
    (void)state;
    for (size_t s = 0; s < maple_space_count(); s++) {
        const maple_space *space = maple_space_at(s);
        assert_int_equal(maple_space_references(space), 10);
        maple_arch zero = {{0}};
        for (size_t i = 0; i < 10; i++) {
            maple_arch arch = maple_space_reference(space, i);
            assert_false(maple_space_degenerate(space, &arch));
            assert_false(maple_arch_equal(&arch, &zero)); /* what a text that does not parse would give */
            maple_arch canonical = maple_space_canonical(space, MAPLE_GRAPH_PRUNED, &arch);
            for (size_t k = 0; k < i; k++) {
                maple_arch other = maple_space_reference(space, k);
                assert_false(maple_arch_equal(&arch, &other));
                other = maple_space_canonical(space, MAPLE_GRAPH_PRUNED, &other);
                bool both_empty = s == 0 && i == 3 && k == 2; /* pruned, neither runs an operator */
                assert_int_equal(maple_arch_equal(&canonical, &other), both_empty);
            }
        }
    }
}

/* "fbnet 3328 ...", then the ten as "#   INDEX ARCHITECTURE". */
static void references_equal_the_published_ones(void **state) {
    (void)state;
    char line[512];
    FILE *file = fopen(public_file("latency/reference_archs.txt"), "r");
    assert_non_null(file);
    const maple_space *space = NULL;
    size_t i = 0, seen = 0;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        int start = 0;
        if (strncmp(line, "nasbench201 ", 12) == 0 || strncmp(line, "fbnet ", 6) == 0) {
            space = space_or_fail(line[0] == 'n' ? "nas-bench-201" : "fbnet");
            i = 0;
        } else if (space && sscanf(line, "# %*d %n", &start) == 0 && start > 0) {
            maple_arch published = arch_or_fail(space, line + start),
                       ours = maple_space_reference(space, i++);
            assert_true(maple_arch_equal(&published, &ours));
            seen++;
        }
    }
    fclose(file);
    assert_int_equal(seen, 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(cells_by_hand),
        cmocka_unit_test(cells_agree_with_pruned_graphs),
        cmocka_unit_test(chains_by_hand),
        cmocka_unit_test(chains_agree_with_graphs),
        cmocka_unit_test(references_are_ten_distinct_architectures),
        cmocka_unit_test(references_equal_the_published_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
