/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of every engine: its results agree with the reference, in both graph forms.
 * MAPLE_TEST_ENGINE=name tests that engine alone, on fewer networks, MAPLE_TEST_DTYPE=type in that type;
 * MAPLE_TEST_ISA=isa expects it to run on that ISA (engine.cmake sets both for the environments that an
 * engine reads when it is loaded).
 */
#include "maple/engine.h"
#include "maple/space.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FEW_ARCHS = 12,
#ifdef __SANITIZE_ADDRESS__
    MANY_ARCHS = FEW_ARCHS, /* each takes thirty times as long */
#else
    MANY_ARCHS = 60,
#endif
    FBNET_ARCHS = 10,
    CLASSES = 10,
    PIXELS = 3 * 32 * 32,
    WEIGHT_SEED = 7,
    INPUT_SEED = 11
};

static const char *const heaviest =
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|";
static const char *const mixed =
    "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|none~1|nor_conv_1x1~2|";
static const maple_graph_form forms[] = {MAPLE_GRAPH_PRUNED, MAPLE_GRAPH_AS_WRITTEN};

static const maple_space *space; /* NAS-Bench-201, where a test does not say otherwise */

static void check(maple_status status, const maple_error *error) {
    if (status != MAPLE_OK)
        fail_msg("%s", error->message);
}

/* Engines to test: available, and the one that MAPLE_TEST_ENGINE names. */
static const maple_engine_info *tested_engine(size_t i) {
    const maple_engine_info *info = maple_engine_at(i);
    const char *only = getenv("MAPLE_TEST_ENGINE");
    return info->available && (!only || strcmp(only, info->name) == 0) ? info : NULL;
}

static maple_engine_dtype tested_dtype(void) {
    maple_engine_dtype dtype = MAPLE_DTYPE_F32;
    const char *name = getenv("MAPLE_TEST_DTYPE");
    maple_error error = {0};
    if (name)
        check(maple_engine_dtype_parse(name, &dtype, &error), &error);
    return dtype;
}

static maple_engine *open_engine(const char *name, int batch) {
    maple_engine_options options = {
        .threads = 1, .batch = batch, .weight_seed = WEIGHT_SEED, .dtype = tested_dtype()};
    maple_engine *engine = NULL;
    maple_error error = {0};
    check(maple_engine_open(name, &options, &engine, &error), &error);
    return engine;
}

static maple_graph graph_of(const char *text) {
    maple_error error = {0};
    maple_arch arch;
    maple_graph graph;
    check(maple_space_parse(space, text, &arch, &error), &error);
    check(maple_space_network(space, &arch, &graph, &error), &error);
    return graph;
}

static maple_network *compile(maple_engine *engine, const char *text, maple_graph_form form) {
    maple_error error = {0};
    maple_network *network = NULL;
    maple_graph graph = graph_of(text);
    check(maple_engine_compile(engine, &graph, form, &network, &error), &error);
    maple_graph_release(&graph);
    return network;
}

static void run(maple_network *network, const float *input, float *output) {
    maple_error error = {0};
    if (input)
        check(maple_network_set_input(network, input, &error), &error);
    check(maple_network_run(network, &error), &error);
    check(maple_network_output(network, output, &error), &error);
}

static void verify(maple_network *network, const maple_graph *raw) {
    maple_error error = {0};
    double difference = NAN, bound = maple_engine_tolerance(tested_dtype());
    check(maple_network_verify(network, raw, WEIGHT_SEED, INPUT_SEED, bound, &difference, &error), &error);
    assert_true(difference >= 0.0 && difference <= bound);
    if (getenv("MAPLE_TEST_PRINT"))
        print_message("difference %.4g nodes %d\n", difference, raw->n_nodes);
    assert_true(maple_network_bytes(network) > 0);
    assert_null(strstr(maple_network_implementations(network), "=ref"));
    assert_non_null(strchr(maple_network_implementations(network), '='));
}

static void verify_network(maple_engine *engine, const maple_space *of, const maple_arch *arch,
                           maple_graph_form form) {
    maple_error error = {0};
    maple_graph raw;
    maple_network *network = NULL;
    check(maple_space_network(of, arch, &raw, &error), &error);
    maple_status status = maple_engine_compile(engine, &raw, form, &network, &error);
    if (form == MAPLE_GRAPH_PRUNED && maple_space_degenerate(of, arch)) {
        assert_int_equal(status, MAPLE_BAD_ARGUMENT);
    } else {
        check(status, &error);
        verify(network, &raw);
    }
    maple_network_free(network);
    maple_graph_release(&raw);
}

static void verify_operator(maple_engine *engine, const maple_space *of, size_t i) {
    for (size_t f = 0; f < 2; f++) {
        maple_error error = {0};
        maple_graph raw;
        maple_network *network = NULL;
        check(maple_space_operator_network(of, i, forms[f], &raw, &error), &error);
        check(maple_engine_compile_operator(engine, &raw, forms[f], &network, &error), &error);
        verify(network, &raw);
        maple_network_free(network);
        maple_graph_release(&raw);
    }
}

static void every_operator_agrees_with_the_reference(void **state) {
    (void)state;
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        maple_engine *engine = open_engine(maple_engine_at(e)->name, 1);
        for (size_t i = 0; i < maple_space_operators(space); i++)
            verify_operator(engine, space, i);
        maple_engine_close(engine);
    }
}

/* All nine at stride 1, at stride 2 and with a residual, at widths whose groups do not fill vectors; the
 * skeleton. None runs in an engine's own slow reference (verify). */
static void operators_of_fbnet_agree_with_the_reference(void **state) {
    (void)state;
    static const char *const shapes[] = {"_16x24_s1_32", "_24x32_s2_32", "_184x184_s1_4"};
    const maple_space *fbnet = NULL;
    assert_int_equal(maple_space_find("fbnet", &fbnet, NULL), MAPLE_OK);
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        maple_engine *engine = open_engine(maple_engine_at(e)->name, 1);
        size_t verified = 0;
        for (size_t i = 0; i < maple_space_operators(fbnet); i++) {
            const maple_operator *op = maple_space_operator(fbnet, i);
            bool chosen = op->skeleton;
            for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
                chosen |= strstr(op->name, shapes[s]) != NULL;
            if (chosen)
                verify_operator(engine, fbnet, i);
            verified += chosen;
        }
        assert_int_equal(verified, 3 * 9 + 2);
        maple_engine_close(engine);
    }
}

static void networks_of_fbnet_agree_with_the_reference(void **state) {
    (void)state;
    const maple_space *fbnet = NULL;
    maple_arch archs[FBNET_ARCHS + 1];
    maple_error error = {0};
    maple_rng rng = maple_rng_seed(5);
    assert_int_equal(maple_space_find("fbnet", &fbnet, NULL), MAPLE_OK);
    check(maple_space_sample(fbnet, MAPLE_GRAPH_PRUNED, &rng, FBNET_ARCHS, archs, &error), &error);
    archs[FBNET_ARCHS] = maple_space_sentinel(fbnet, maple_space_sentinels(fbnet) - 1); /* the heaviest */
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        maple_engine *engine = open_engine(maple_engine_at(e)->name, 1);
        for (size_t i = 0; i <= FBNET_ARCHS; i++)
            for (size_t f = 0; f < 2; f++)
                verify_network(engine, fbnet, &archs[i], forms[f]);
        maple_engine_close(engine);
        engine = open_engine(maple_engine_at(e)->name, 2);
        verify_network(engine, fbnet, &archs[0], MAPLE_GRAPH_PRUNED);
        maple_engine_close(engine);
    }
}

static void random_networks_and_the_heaviest_agree_with_the_reference(void **state) {
    (void)state;
    maple_arch archs[MANY_ARCHS + 1];
    maple_error error = {0};
    maple_rng rng = maple_rng_seed(3);
    size_t n = getenv("MAPLE_TEST_ENGINE") ? FEW_ARCHS : MANY_ARCHS;
    check(maple_space_sample(space, MAPLE_GRAPH_AS_WRITTEN, &rng, n, archs, &error), &error);
    check(maple_space_parse(space, heaviest, &archs[n], &error), &error);
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        maple_engine *engine = open_engine(maple_engine_at(e)->name, 1);
        for (size_t i = 0; i <= n; i++)
            for (size_t f = 0; f < 2; f++)
                verify_network(engine, space, &archs[i], forms[f]);
        maple_engine_close(engine);
    }
}

static int conv_norm(maple_graph *g, int x, int channels, int kernel, int stride, int groups, uint32_t slot) {
    x = maple_graph_conv(g, x, channels, kernel, stride, groups, slot);
    return maple_graph_batch_norm(g, x, (slot + 1) | MAPLE_SLOT_SHIFT);
}

/* What NAS-Bench-201 has not: biases that are not zero, groups, depthwise 5x5, an addend that is read once
 * more (and cannot be overwritten), a ReLU after a pool. */
static maple_graph other_layers(void) {
    maple_graph g;
    maple_graph_init(&g);
    int x = conv_norm(&g, maple_graph_input(&g, (maple_shape){3, 19, 19}), 32, 3, 2, 1, 10);
    x = maple_graph_unary(&g, MAPLE_OP_RELU, x);
    int y = maple_graph_unary(&g, MAPLE_OP_RELU, conv_norm(&g, x, 64, 1, 1, 2, 20));
    y = maple_graph_unary(&g, MAPLE_OP_RELU, conv_norm(&g, y, 64, 5, 1, 64, 30));
    int sum = maple_graph_add(&g, conv_norm(&g, y, 32, 1, 1, 2, 40), x);
    int pooled = maple_graph_unary(&g, MAPLE_OP_RELU, maple_graph_avg_pool(&g, sum, 3, 1, 1));
    int both = maple_graph_add(&g, conv_norm(&g, pooled, 32, 3, 1, 1, 50), sum);
    both = maple_graph_add(&g, both, maple_graph_unary(&g, MAPLE_OP_COPY, x));
    y = maple_graph_unary(&g, MAPLE_OP_RELU, conv_norm(&g, both, 32, 5, 2, 32, 60));
    maple_graph_linear(&g, maple_graph_unary(&g, MAPLE_OP_GLOBAL_AVG_POOL, y), 7, 70);
    return g;
}

static void layers_of_other_spaces_agree_with_the_reference(void **state) {
    (void)state;
    maple_graph raw = other_layers();
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        for (int batch = 1; batch <= 2; batch++) {
            maple_engine *engine = open_engine(maple_engine_at(e)->name, batch);
            for (size_t f = 0; f < 2; f++) {
                maple_error error = {0};
                maple_network *network = NULL;
                check(maple_engine_compile(engine, &raw, forms[f], &network, &error), &error);
                verify(network, &raw);
                maple_network_free(network);
            }
            maple_engine_close(engine);
        }
    }
    maple_graph_release(&raw);
}

static void degenerate_networks_run_as_written_only(void **state) {
    (void)state;
    const char *text = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|none~2|";
    maple_graph raw = graph_of(text);
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        maple_engine *engine = open_engine(maple_engine_at(e)->name, 1);
        maple_network *network = NULL;
        maple_error error = {0};
        assert_int_equal(maple_engine_compile(engine, &raw, MAPLE_GRAPH_PRUNED, &network, &error),
                         MAPLE_BAD_ARGUMENT);
        assert_non_null(strstr(error.message, "as-written"));
        assert_null(network);
        network = compile(engine, text, MAPLE_GRAPH_AS_WRITTEN);
        verify(network, &raw);
        maple_network_free(network);
        maple_engine_close(engine);
    }
    maple_graph_release(&raw);
}

/* Images of a batch are independent of each other: each gives what it gives alone. */
static void a_batch_gives_what_its_images_give(void **state) {
    (void)state;
    enum { BATCH = 3 };
    static float input[BATCH * PIXELS];
    float together[BATCH * CLASSES], alone[CLASSES];
    maple_graph raw = graph_of(mixed);
    maple_graph_random_input((maple_shape){3, 32, 32}, BATCH, 5, input);
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        maple_engine *one = open_engine(maple_engine_at(e)->name, 1);
        maple_engine *three = open_engine(maple_engine_at(e)->name, BATCH);
        for (size_t f = 0; f < 2; f++) {
            maple_network *single = compile(one, mixed, forms[f]), *batched = compile(three, mixed, forms[f]);
            verify(batched, &raw);
            run(batched, input, together);
            for (int i = 0; i < BATCH; i++) {
                run(single, input + i * PIXELS, alone);
                for (int c = 0; c < CLASSES; c++)
                    assert_true(fabsf(alone[c] - together[i * CLASSES + c]) <=
                                1e-4f * (1.0f + fabsf(alone[c])));
            }
            maple_network_free(single);
            maple_network_free(batched);
        }
        maple_engine_close(one);
        maple_engine_close(three);
    }
    maple_graph_release(&raw);
}

/* Networks of an engine share buffers, but neither inputs nor results. */
static void interleaved_networks_do_not_disturb_each_other(void **state) {
    (void)state;
    static float input[PIXELS];
    float first[CLASSES], again[CLASSES], other[CLASSES];
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        maple_engine *engine = open_engine(maple_engine_at(e)->name, 1);
        maple_network *a = compile(engine, mixed, MAPLE_GRAPH_PRUNED);
        maple_network *b = compile(engine, heaviest, MAPLE_GRAPH_AS_WRITTEN);
        maple_graph_random_input((maple_shape){3, 32, 32}, 1, 5, input);
        run(a, input, first);
        maple_graph_random_input((maple_shape){3, 32, 32}, 1, 6, input);
        run(b, input, other);
        maple_error error = {0};
        check(maple_network_output(a, again, &error), &error);
        assert_memory_equal(first, again, sizeof first);
        run(a, NULL, again); /* its input is still there, and a run is deterministic */
        assert_memory_equal(first, again, sizeof first);
        maple_network_free(a);
        maple_network_free(b);
        maple_engine_close(engine);
    }
}

static void verification_fails_where_the_weights_differ(void **state) {
    (void)state;
    maple_graph raw = graph_of(mixed);
    for (size_t e = 0; e < maple_engine_count(); e++) {
        if (!tested_engine(e))
            continue;
        maple_engine *engine = open_engine(maple_engine_at(e)->name, 1);
        maple_network *network = compile(engine, mixed, MAPLE_GRAPH_PRUNED);
        maple_error error = {0};
        double difference = 0.0;
        assert_int_equal(maple_network_verify(network, &raw, WEIGHT_SEED + 1, INPUT_SEED,
                                              maple_engine_tolerance(tested_dtype()), &difference, &error),
                         MAPLE_CHECK_FAILED);
        assert_true(difference > 0.01);
        assert_non_null(strstr(error.message, "differs from the reference"));
        verify(network, &raw); /* and holds again with the right ones */
        maple_network_free(network);
        maple_engine_close(engine);
    }
    maple_graph_release(&raw);
}

static void an_engine_describes_itself(void **state) {
    (void)state;
    for (size_t e = 0; e < maple_engine_count(); e++) {
        const maple_engine_info *info = tested_engine(e);
        if (!info)
            continue;
        maple_engine *engine = open_engine(info->name, 2);
        maple_engine_description description;
        maple_engine_describe(engine, &description);
        assert_string_equal(description.name, info->name);
        assert_true(strlen(description.version) > 0);
        assert_int_equal(description.threads, 1);
        assert_int_equal(description.batch, 2);
        const char *isa = getenv("MAPLE_TEST_ISA");
        if (isa)
            assert_string_equal(description.isa, isa);
        assert_int_equal(description.dtype, tested_dtype());
        int best = maple_engine_best_isa(info, MAPLE_DTYPE_F32);
        assert_int_equal(best < 0, info->isas[0] == NULL);
        maple_engine_close(engine);
    }
}

static void refuses(const char *name, maple_engine_options options, maple_status expected,
                    const char *message) {
    maple_engine *engine = NULL;
    maple_error error = {0};
    assert_int_equal(maple_engine_open(name, &options, &engine, &error), expected);
    assert_null(engine);
    if (!strstr(error.message, message))
        fail_msg("\"%s\" does not contain \"%s\"", error.message, message);
}

static void impossible_options_are_refused(void **state) {
    (void)state;
    const maple_engine_options good = {.threads = 1, .batch = 1};
    maple_engine_options options = good;
    refuses("tensorrt", good, MAPLE_NOT_FOUND, "there are onednn, xnnpack, blas, reference");
    options.threads = 0;
    refuses("reference", options, MAPLE_BAD_ARGUMENT, "threads is 0");
    options.threads = 2;
    refuses("reference", options, MAPLE_UNSUPPORTED, "one thread");
    options = good;
    options.batch = 0;
    refuses("reference", options, MAPLE_BAD_ARGUMENT, "batch is 0");
    options = good;
    options.isa = "avx9";
    refuses("reference", options, MAPLE_UNSUPPORTED, "has no ISA cap");
    for (size_t e = 0; e < maple_engine_count(); e++) {
        const maple_engine_info *info = maple_engine_at(e);
        if (!info->available)
            refuses(info->name, good, MAPLE_UNSUPPORTED, "apt install");
        else if (info->isas[0])
            refuses(info->name, options, MAPLE_BAD_ARGUMENT, "no ISA cap is called \"avx9\"");
    }
}

/* Once loaded, a library's ISA cannot be changed: the message says what to set. */
static void an_isa_that_this_process_cannot_have_names_the_variable(void **state) {
    (void)state;
    static const struct {
        const char *engine, *variable;
    } caps[] = {
        {"onednn", "DNNL_MAX_CPU_ISA="}, {"xnnpack", "MAPLE_XNNPACK_ISA="}, {"blas", "OPENBLAS_CORETYPE="}};
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++) {
        const maple_engine_info *info;
        assert_int_equal(maple_engine_find(caps[i].engine, &info, NULL), MAPLE_OK);
        bool computes = tested_dtype() == MAPLE_DTYPE_F32 || (info->dtypes & 1u << tested_dtype()) != 0;
        if (!info->available || !computes || maple_engine_best_isa(info, tested_dtype()) < 1)
            continue;
        maple_engine *engine = open_engine(info->name, 1); /* fixes the ISA of the process */
        maple_engine_description description;
        maple_engine_describe(engine, &description);
        maple_engine_close(engine);
        bool weakest = strcmp(description.isa, info->isas[0]) == 0;
        maple_engine_options options = {.threads = 1, .batch = 1, .isa = info->isas[weakest ? 1 : 0]};
        refuses(info->name, options, MAPLE_UNSUPPORTED, caps[i].variable);
    }
}

static bool has_variable(char *const *list, const char *text) {
    for (size_t i = 0; list[i]; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static void the_environment_of_a_worker_says_isa_and_threads(void **state) {
    (void)state;
    maple_engine_options options = {.threads = 2, .batch = 1};
    maple_error error = {0};
    char **list = NULL;
    check(maple_engine_environment("blas", &options, &list, &error), &error);
    assert_true(has_variable(list, "OPENBLAS_NUM_THREADS=2"));
    assert_true(has_variable(list, "OMP_NUM_THREADS=1"));
    assert_true(has_variable(list, "OMP_PROC_BIND=false"));
    maple_free(list);
    const maple_engine_info *info;
    assert_int_equal(maple_engine_find("onednn", &info, NULL), MAPLE_OK);
    if (!info->available || maple_engine_best_isa(info, MAPLE_DTYPE_F32) < 0)
        skip();
    options.isa = "sse41";
    check(maple_engine_environment("onednn", &options, &list, &error), &error);
    assert_true(has_variable(list, "DNNL_MAX_CPU_ISA=SSE41"));
    assert_true(has_variable(list, "OMP_NUM_THREADS=2"));
    assert_true(has_variable(list, "OMP_PROC_BIND=true"));
    assert_true(has_variable(list, "OPENBLAS_NUM_THREADS=1"));
    maple_free(list);
}

static int find_space(void **state) {
    (void)state;
    return maple_space_find("nas-bench-201", &space, NULL) == MAPLE_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_agrees_with_the_reference),
        cmocka_unit_test(operators_of_fbnet_agree_with_the_reference),
        cmocka_unit_test(networks_of_fbnet_agree_with_the_reference),
        cmocka_unit_test(random_networks_and_the_heaviest_agree_with_the_reference),
        cmocka_unit_test(layers_of_other_spaces_agree_with_the_reference),
        cmocka_unit_test(degenerate_networks_run_as_written_only),
        cmocka_unit_test(a_batch_gives_what_its_images_give),
        cmocka_unit_test(interleaved_networks_do_not_disturb_each_other),
        cmocka_unit_test(verification_fails_where_the_weights_differ),
        cmocka_unit_test(an_engine_describes_itself),
        cmocka_unit_test(impossible_options_are_refused),
        cmocka_unit_test(an_isa_that_this_process_cannot_have_names_the_variable),
        cmocka_unit_test(the_environment_of_a_worker_says_isa_and_threads),
    };
    return cmocka_run_group_tests(tests, find_space, NULL);
}
