/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of engines, and what is the same for all: options, preparation of graphs. */
#include "engine/engine_vtable.h"

#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#ifndef MAPLE_HAVE_ONEDNN
static const char *const no_isas[] = {NULL};
static const engine_ops onednn_engine = {
    .info = {.name = "onednn",
             .description = "oneDNN, as inside PyTorch, TensorFlow and OpenVINO",
             .unavailable = "not built in: " MAPLE_NO_ONEDNN, /* the reason comes from CMake */
             .isas = no_isas},
};
#endif
#ifndef MAPLE_HAVE_XNNPACK
static const char *const no_caps[] = {NULL};
static const engine_ops xnnpack_engine = {
    .info = {.name = "xnnpack",
             .description = "XNNPACK, as inside TensorFlow Lite and ExecuTorch",
             .unavailable = "not built in: " MAPLE_NO_XNNPACK,
             .isas = no_caps},
};
#endif

static const engine_ops *const registry[] = {&onednn_engine, &xnnpack_engine, &blas_engine,
                                             &reference_engine};

size_t maple_engine_count(void) {
    return sizeof registry / sizeof *registry;
}

const maple_engine_info *maple_engine_at(size_t i) {
    return i < maple_engine_count() ? &registry[i]->info : NULL;
}

static maple_status find_ops(const char *name, const engine_ops **out, maple_error *error) {
    char names[256] = "";
    for (size_t i = 0; i < maple_engine_count(); i++) {
        if (strcmp(registry[i]->info.name, name) == 0) {
            *out = registry[i];
            return MAPLE_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", registry[i]->info.name);
    }
    return maple_error_set(error, MAPLE_NOT_FOUND, "no engine is called \"%s\"; there are %s", name, names);
}

maple_status maple_engine_find(const char *name, const maple_engine_info **out, maple_error *error) {
    const engine_ops *ops;
    maple_status status = find_ops(name, &ops, error);
    if (status == MAPLE_OK)
        *out = &ops->info;
    return status;
}

#if defined(__x86_64__) || defined(__i386__)
/* A bit of EAX of CPUID leaf 7, subleaf 1: 4 is AVX-VNNI (the compiler's own query for it is too new). */
static bool has_leaf_7_1(int bit) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> bit & 1);
}

/* Tiles, of int8 and bfloat16. */
static bool has_amx(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) && (d >> 24 & 1) && (d >> 25 & 1);
}
#endif

bool maple_engine_cpu_has(const char *isa) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_cpu_init();
    if (strcmp(isa, "sse2") == 0)
        return __builtin_cpu_supports("sse2");
    if (strcmp(isa, "sse3") == 0)
        return __builtin_cpu_supports("sse3");
    if (strcmp(isa, "sse41") == 0)
        return __builtin_cpu_supports("sse4.1");
    if (strcmp(isa, "avx") == 0)
        return __builtin_cpu_supports("avx");
    if (strcmp(isa, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(isa, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (strcmp(isa, "avx2_vnni") == 0)
        return maple_engine_cpu_has("avx2") && has_leaf_7_1(4);
    if (strcmp(isa, "avx512_vnni") == 0)
        return maple_engine_cpu_has("avx512") && __builtin_cpu_supports("avx512vnni");
    if (strcmp(isa, "avx512_bf16") == 0)
        return maple_engine_cpu_has("avx512_vnni") && __builtin_cpu_supports("avx512bf16");
    if (strcmp(isa, "amx") == 0)
        return maple_engine_cpu_has("avx512_bf16") && has_amx();
#endif
    return strcmp(isa, "generic") == 0;
}

int maple_engine_best_isa(const maple_engine_info *info, maple_engine_dtype dtype) {
    int best = -1;
    for (int i = 0; info->isas && info->isas[i]; i++)
        if (maple_engine_cpu_has(info->isas[i]) && maple_engine_isa_serves(info->isas[i], dtype))
            best = i;
    return best;
}

const char *maple_engine_isa_cap(const char *engine, const char *isa) {
    const engine_ops *ops;
    if (find_ops(engine, &ops, NULL) != MAPLE_OK || !ops->info.available)
        return *isa && strcmp(isa, "generic") != 0 ? isa : NULL;
    for (const char *const *cap = ops->info.isas; *cap; cap++)
        if (strcmp(*cap, isa) == 0)
            return isa;
    return NULL;
}

/* --- Options --- */

/* Says which ones would do. */
static maple_status refuse_isa(const maple_engine_info *info, const char *isa, maple_engine_dtype dtype,
                               maple_error *error) {
    char names[128] = "", said[96];
    for (size_t i = 0; info->isas[i]; i++) {
        size_t used = strlen(names);
        if (maple_engine_cpu_has(info->isas[i]) && maple_engine_isa_serves(info->isas[i], dtype))
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", info->isas[i]);
    }
    const char *type = maple_engine_dtype_name(dtype);
    if (maple_engine_cpu_has(isa))
        snprintf(said, sizeof said, "no kernels of its own for %s in %s", isa, type);
    else
        snprintf(said, sizeof said, "this CPU has no %s", isa);
    return maple_error_set(error, MAPLE_UNSUPPORTED, "engine %s: %s; on this CPU %s runs on %s", info->name,
                           said, type, names[0] ? names : "none of its levels");
}

static maple_status check_isa(const maple_engine_info *info, const char *isa, maple_engine_dtype dtype,
                              maple_error *error) {
    if (!isa)
        return MAPLE_OK;
    char names[128] = "";
    for (size_t i = 0; info->isas[i]; i++) {
        if (strcmp(info->isas[i], isa) == 0) {
            if (!maple_engine_cpu_has(isa) || !maple_engine_isa_serves(isa, dtype))
                return refuse_isa(info, isa, dtype, error);
            return MAPLE_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", info->isas[i]);
    }
    if (!info->isas[0])
        return maple_error_set(error, MAPLE_UNSUPPORTED, "engine %s has no ISA cap (\"%s\" was asked for)",
                               info->name, isa);
    return maple_error_set(error, MAPLE_BAD_ARGUMENT, "engine %s: no ISA cap is called \"%s\"; there are %s",
                           info->name, isa, names);
}

static maple_status check_options(const engine_ops *ops, const maple_engine_options *options,
                                  maple_error *error) {
    const maple_engine_info *info = &ops->info;
    if (!info->available)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "engine %s: %s", info->name, info->unavailable);
    if (options->threads < 1)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "engine %s: threads is %d; it must be at least 1",
                               info->name, options->threads);
    if (options->batch < 1)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "engine %s: batch is %d; it must be at least 1",
                               info->name, options->batch);
    if (options->threads > 1 && !info->threaded)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "engine %s runs on one thread (%d were asked for)",
                               info->name, options->threads);
    if ((unsigned)options->dtype >= MAPLE_DTYPE_COUNT)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "engine %s: there is no numeric type %d",
                               info->name, (int)options->dtype);
    if (options->dtype != MAPLE_DTYPE_F32 && !(info->dtypes >> options->dtype & 1))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "engine %s computes in f32 only (%s was asked for; engine onednn has it)",
                               info->name, maple_engine_dtype_name(options->dtype));
    return check_isa(info, options->isa, options->dtype, error);
}

/* Sets a variable in list[ENGINE_MAX_VARIABLES], replacing one of the same name. */
static void set_variable(engine_variable *list, size_t *n, const engine_variable *variable) {
    size_t i = 0;
    while (i < *n && strcmp(list[i].name, variable->name) != 0)
        i++;
    if (i == *n && *n < ENGINE_MAX_VARIABLES)
        ++*n;
    if (i < *n)
        list[i] = *variable;
}

/* One allocation: the pointers, then the strings. */
static char **pack_variables(const engine_variable *list, size_t n) {
    size_t entry = 0;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(list[i].name) + 1 + strlen(list[i].value) + 1;
        entry = length > entry ? length : entry;
    }
    char **strings = maple_alloc(1, (n + 1) * sizeof *strings + n * entry);
    if (!strings)
        return NULL;
    char *text = (char *)(strings + n + 1);
    for (size_t i = 0; i < n; i++) {
        strings[i] = text + i * entry;
        snprintf(strings[i], entry, "%s=%s", list[i].name, list[i].value);
    }
    return strings;
}

maple_status maple_engine_environment(const char *name, const maple_engine_options *options, char ***out,
                                      maple_error *error) {
    const engine_ops *ops;
    maple_status status = find_ops(name, &ops, error);
    if (status == MAPLE_OK)
        status = check_options(ops, options, error);
    if (status != MAPLE_OK)
        return status;
    /* Both libraries are linked whatever engine runs, and both would start a thread for each CPU; a bound
     * first thread would keep the threads of another library on its CPU. */
    engine_variable list[ENGINE_MAX_VARIABLES] = {
        {"OMP_NUM_THREADS", "1"}, {"OPENBLAS_NUM_THREADS", "1"}, {"OMP_PROC_BIND", "false"}};
    engine_variable own[ENGINE_MAX_VARIABLES];
    size_t n = 3, n_own = ops->environment ? ops->environment(options, own) : 0;
    for (size_t i = 0; i < n_own; i++)
        set_variable(list, &n, &own[i]);
    char **strings = pack_variables(list, n);
    if (!strings)
        return maple_error_memory(error);
    *out = strings;
    return MAPLE_OK;
}

/* --- Engines --- */

maple_status maple_engine_open(const char *name, const maple_engine_options *options, maple_engine **out,
                               maple_error *error) {
    const engine_ops *ops;
    maple_status status = find_ops(name, &ops, error);
    if (status == MAPLE_OK)
        status = check_options(ops, options, error);
    if (status != MAPLE_OK)
        return status;
    maple_engine *engine = maple_alloc(1, ops->engine_size);
    if (!engine)
        return maple_error_memory(error);
    engine->ops = ops;
    engine->options = *options;
    if (options->isa) {
        snprintf(engine->isa_cap, sizeof engine->isa_cap, "%s", options->isa);
        engine->options.isa = engine->isa_cap;
    }
    maple_engine_description *description = &engine->description;
    snprintf(description->name, sizeof description->name, "%s", name);
    snprintf(description->isa, sizeof description->isa, "generic");
    description->threads = options->threads;
    description->batch = options->batch;
    description->dtype = options->dtype;
    status = ops->open(engine, error);
    if (status != MAPLE_OK) {
        maple_engine_close(engine);
        return status;
    }
    *out = engine;
    return MAPLE_OK;
}

void maple_engine_describe(const maple_engine *engine, maple_engine_description *out) {
    *out = engine->description;
}

void maple_engine_close(maple_engine *engine) {
    if (!engine)
        return;
    maple_engine_close(engine->reference);
    engine->ops->close(engine);
    engine_resources_free(engine);
    maple_free(engine);
}

/* --- Networks --- */

static int find_input(const maple_graph *graph) {
    for (int i = 0; i < graph->n_nodes; i++)
        if (graph->nodes[i].op == MAPLE_OP_INPUT)
            return i;
    return -1;
}

maple_status engine_compile_prepared(maple_engine *engine, const maple_graph *graph, maple_network **out,
                                     maple_error *error) {
    maple_status status = maple_graph_check(graph, error);
    if (status != MAPLE_OK)
        return status;
    int input = find_input(graph);
    if (input < 0 || input == graph->output)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "a network needs an input and a layer after it");
    maple_network *network = maple_alloc(1, engine->ops->network_size);
    if (!network)
        return maple_error_memory(error);
    network->engine = engine;
    network->input_shape = graph->nodes[input].shape;
    network->output_shape = graph->nodes[graph->output].shape;
    status = engine->ops->compile(network, graph, error);
    if (status != MAPLE_OK) {
        maple_network_free(network);
        return status;
    }
    network->bytes += engine->ops->network_size;
    *out = network;
    return MAPLE_OK;
}

maple_status maple_engine_compile(maple_engine *engine, const maple_graph *raw, maple_graph_form form,
                                  maple_network **out, maple_error *error) {
    maple_graph graph;
    maple_status status = maple_graph_prepare(raw, form, engine->ops->fusions, &graph, error);
    if (status != MAPLE_OK)
        return status;
    status = engine_compile_prepared(engine, &graph, out, error);
    maple_graph_release(&graph);
    return status;
}

maple_status maple_engine_compile_operator(maple_engine *engine, const maple_graph *raw,
                                           maple_graph_form form, maple_network **out, maple_error *error) {
    maple_graph graph;
    maple_status status = maple_graph_clone(raw, &graph, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_graph_fold_batch_norm(&graph, error);
    if (status == MAPLE_OK && form == MAPLE_GRAPH_PRUNED)
        status = maple_graph_fuse(&graph, engine->ops->fusions, error);
    if (status == MAPLE_OK)
        status = engine_compile_prepared(engine, &graph, out, error);
    maple_graph_release(&graph);
    return status;
}

maple_status maple_network_set_input(maple_network *network, const float *nchw, maple_error *error) {
    return network->engine->ops->set_input(network, nchw, error);
}

maple_status maple_network_run(maple_network *network, maple_error *error) {
    return network->engine->ops->run(network, error);
}

maple_status maple_network_output(maple_network *network, float *nchw, maple_error *error) {
    return network->engine->ops->output(network, nchw, error);
}

maple_shape maple_network_input_shape(const maple_network *network) {
    return network->input_shape;
}

maple_shape maple_network_output_shape(const maple_network *network) {
    return network->output_shape;
}

size_t maple_network_bytes(const maple_network *network) {
    return network->bytes;
}

const char *maple_network_implementations(const maple_network *network) {
    return network->implementations;
}

void maple_network_free(maple_network *network) {
    if (!network)
        return;
    network->engine->ops->release(network);
    maple_free(network->implementations);
    maple_free(network);
}
