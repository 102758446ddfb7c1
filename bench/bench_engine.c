/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Median latency of a light, a medium and the heaviest NAS-Bench-201 network:
 *     bench_engine ENGINE [pruned|as-written] [ISA] [THREADS] [BATCH] [ROUNDS]
 * The networks are interleaved, one warm and one timed run each round. ISA "best" leaves the choice to the
 * engine; an engine that reads its ISA or threads from the environment has to be started with it.
 */
#include "maple/engine.h"
#include "maple/space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARCHS = 3 };

static const char *const archs[ARCHS] = {
    "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|skip_connect~1|nor_conv_3x3~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
};
static const char *const labels[ARCHS] = {"light", "medium", "heavy"};

static maple_status prepare(maple_engine *engine, maple_graph_form form, const char *text,
                            maple_network **network, double *compile_ms, maple_error *error) {
    const maple_space *space;
    maple_arch arch;
    maple_graph graph;
    maple_status status = maple_space_find("nas-bench-201", &space, error);
    if (status == MAPLE_OK)
        status = maple_space_parse(space, text, &arch, error);
    if (status == MAPLE_OK)
        status = maple_space_network(space, &arch, &graph, error);
    if (status != MAPLE_OK)
        return status;
    int64_t start = maple_clock_ns();
    status = maple_engine_compile(engine, &graph, form, network, error);
    *compile_ms = (double)(maple_clock_ns() - start) * 1e-6;
    if (status == MAPLE_OK)
        status = maple_network_verify(*network, &graph, 1, 2, MAPLE_ENGINE_TOLERANCE, NULL, error);
    maple_graph_release(&graph);
    return status;
}

static maple_status measure(maple_network *const *networks, size_t rounds, double *latency_ms,
                            maple_error *error) {
    for (size_t r = 0; r < rounds; r++) {
        for (size_t i = 0; i < ARCHS; i++) {
            maple_status status = maple_network_run(networks[i], error);
            int64_t start = maple_clock_ns();
            if (status == MAPLE_OK)
                status = maple_network_run(networks[i], error);
            if (status != MAPLE_OK)
                return status;
            latency_ms[i * rounds + r] = (double)(maple_clock_ns() - start) * 1e-6;
        }
    }
    return MAPLE_OK;
}

int main(int argc, char **argv) {
    maple_error error = {0};
    maple_graph_form form = MAPLE_GRAPH_PRUNED;
    maple_engine_options options = {.threads = 1, .batch = 1, .weight_seed = 1};
    const char *name = argc > 1 ? argv[1] : "onednn";
    size_t rounds = argc > 6 ? (size_t)atoi(argv[6]) : 50;
    maple_engine *engine = NULL;
    maple_network *networks[ARCHS] = {NULL};
    double compile_ms[ARCHS], *latency_ms = maple_alloc(ARCHS * rounds, sizeof *latency_ms);
    if (argc > 3 && strcmp(argv[3], "best") != 0)
        options.isa = argv[3];
    options.threads = argc > 4 ? atoi(argv[4]) : 1;
    options.batch = argc > 5 ? atoi(argv[5]) : 1;
    maple_status status = latency_ms ? MAPLE_OK : maple_error_memory(&error);
    if (status == MAPLE_OK && argc > 2)
        status = maple_graph_form_parse(argv[2], &form, &error);
    if (status == MAPLE_OK)
        status = maple_engine_open(name, &options, &engine, &error);
    for (size_t i = 0; i < ARCHS && status == MAPLE_OK; i++)
        status = prepare(engine, form, archs[i], &networks[i], &compile_ms[i], &error);
    if (status == MAPLE_OK)
        status = measure(networks, rounds, latency_ms, &error);
    for (size_t i = 0; i < ARCHS && status == MAPLE_OK; i++) {
        maple_summary summary;
        status = maple_summarise(latency_ms + i * rounds, rounds, &summary, &error);
        if (status == MAPLE_OK)
            printf("%s %s %s: median %.3f ms, min %.3f ms; compile %.2f ms, %zu bytes\n  %s\n", name,
                   maple_graph_form_name(form), labels[i], summary.median, summary.min, compile_ms[i],
                   maple_network_bytes(networks[i]), maple_network_implementations(networks[i]));
    }
    if (status != MAPLE_OK)
        fprintf(stderr, "bench_engine: %s\n", error.message);
    for (size_t i = 0; i < ARCHS; i++)
        maple_network_free(networks[i]);
    maple_engine_close(engine);
    maple_free(latency_ms);
    return status == MAPLE_OK ? 0 : 1;
}
