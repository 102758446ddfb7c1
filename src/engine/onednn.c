/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine `onednn`. Primitives are cached by what they depend on (all of NAS-Bench-201 needs about 64),
 * reordered weights by slot: to compile an architecture is to write down lists of arguments. (In int8 a
 * primitive depends on the scales of its network, so that each network has its own.)
 *
 * oneDNN generates code for the ISA that DNNL_MAX_CPU_ISA allows at its first use in the process, and runs as
 * many OpenMP threads as OMP_NUM_THREADS says when libgomp is loaded.
 */
#include "engine/onednn.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const char *status_name(dnnl_status_t status) {
    switch (status) {
    case dnnl_out_of_memory:
        return "out of memory";
    case dnnl_invalid_arguments:
        return "invalid arguments";
    case dnnl_unimplemented:
        return "not implemented";
    default:
        return "runtime error";
    }
}

maple_status onednn_error(dnnl_status_t status, const char *what, maple_error *error) {
    if (status == dnnl_out_of_memory)
        return maple_error_memory(error);
    return maple_error_set(error, MAPLE_DEVICE_ERROR, "engine onednn: %s: oneDNN says \"%s\" (status %d)",
                           what, status_name(status), (int)status);
}

/* --- Options --- */

static const char *const isas[] = {"sse41",       "avx",         "avx2", "avx2_vnni", "avx512",
                                   "avx512_vnni", "avx512_bf16", "amx",  NULL};

static const char *isa_variable(const char *isa) {
    static const char *const values[] = {
        "SSE41",          "AVX", "AVX2", "AVX2_VNNI", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_BF16",
        "AVX512_CORE_AMX"};
    for (size_t i = 0; isas[i]; i++)
        if (strcmp(isas[i], isa) == 0)
            return values[i];
    return "";
}

static size_t environment(const maple_engine_options *options, engine_variable *out) {
    size_t n = 0;
    out[n].name = "OMP_NUM_THREADS";
    snprintf(out[n].value, sizeof out[n].value, "%d", options->threads);
    n++;
    if (options->threads > 1)
        out[n++] = (engine_variable){"OMP_PROC_BIND", "true"};
    if (options->isa) {
        out[n].name = "DNNL_MAX_CPU_ISA";
        snprintf(out[n].value, sizeof out[n].value, "%s", isa_variable(options->isa));
        n++;
    }
    return n;
}

/* A function of the OpenMP runtime that oneDNN was loaded with. */
static void find_function(const char *name, void *out, size_t size) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(out, &symbol, size);
}

static maple_status open_threads(onednn_engine_state *self, maple_error *error) {
    int wanted = self->base.options.threads;
    int (*get_threads)(void) = NULL;
    find_function("omp_set_num_threads", &self->set_threads, sizeof self->set_threads);
    find_function("omp_get_max_threads", &get_threads, sizeof get_threads);
    if (self->set_threads)
        self->set_threads(wanted);
    int threads = get_threads ? get_threads() : 1;
    if (threads != wanted)
        return maple_error_set(
            error, MAPLE_UNSUPPORTED,
            "engine onednn: %d threads were asked for, its OpenMP runtime runs %d; start the process "
            "with OMP_NUM_THREADS=%d",
            wanted, threads, wanted);
    return MAPLE_OK;
}

static maple_status open_onednn(maple_engine *engine, maple_error *error) {
    onednn_engine_state *self = (onednn_engine_state *)engine;
    const char *cap = engine->options.isa;
    if (cap)
        onednn_cap_isa(cap);
    const char *isa = onednn_effective_isa(engine->options.dtype);
    if (cap && strcmp(cap, isa) != 0)
        return maple_error_set(
            error, MAPLE_UNSUPPORTED,
            "engine onednn: ISA %s was asked for, but this process already uses %s; start it with "
            "DNNL_MAX_CPU_ISA=%s",
            cap, isa, isa_variable(cap));
    if (engine->options.dtype == MAPLE_DTYPE_BF16 && !maple_engine_isa_serves(isa, MAPLE_DTYPE_BF16))
        return maple_error_set(
            error, MAPLE_UNSUPPORTED,
            "engine onednn: bf16 needs a CPU with avx512_bf16 (in effect is %s): without it "
            "oneDNN has no kernels, or emulates them by float32 ones, which nobody deploys; f32 and int8 run",
            onednn_effective_isa(MAPLE_DTYPE_F32));
    self->block = strcmp(onednn_effective_isa(MAPLE_DTYPE_F32), "avx512") == 0 ? 16 : 8;
    self->dot_saturates = !strstr(isa, "vnni") && strcmp(isa, "amx") != 0;
    maple_status status = open_threads(self, error);
    if (status != MAPLE_OK)
        return status;
    const dnnl_version_t *version = dnnl_version();
    bool has_commit = version->hash && strcmp(version->hash, "N/A") != 0;
    snprintf(engine->description.version, sizeof engine->description.version, "oneDNN %d.%d.%d%s%.40s",
             version->major, version->minor, version->patch, has_commit ? " " : "",
             has_commit ? version->hash : "");
    snprintf(engine->description.isa, sizeof engine->description.isa, "%s", isa);
    dnnl_status_t result = dnnl_engine_create(&self->engine, dnnl_cpu, 0);
    if (result == dnnl_success)
        result = dnnl_stream_create(&self->stream, self->engine, dnnl_stream_default_flags);
    return result == dnnl_success ? MAPLE_OK : onednn_error(result, "opening a CPU engine", error);
}

static void weights_free(onednn_weights *weights) {
    if (!weights)
        return;
    dnnl_memory_destroy(weights->weight);
    dnnl_memory_destroy(weights->bias);
    dnnl_memory_destroy(weights->mean);
    dnnl_memory_destroy(weights->variance);
    maple_free(weights);
}

static void primitive_free(onednn_primitive *primitive) {
    if (!primitive)
        return;
    dnnl_primitive_destroy(primitive->primitive);
    onednn_desc_destroy(primitive->src);
    onednn_desc_destroy(primitive->dst);
    onednn_desc_destroy(primitive->addend);
    onednn_desc_destroy(primitive->weights);
    dnnl_memory_destroy(primitive->factor);
    dnnl_memory_destroy(primitive->bias);
    dnnl_memory_destroy(primitive->scales[0].memory);
    dnnl_memory_destroy(primitive->scales[1].memory);
    maple_free(primitive);
}

void onednn_primitives_free(onednn_primitives *list) {
    for (size_t i = 0; i < list->n; i++)
        primitive_free(list->items[i]);
    maple_free(list->items);
}

static void close_onednn(maple_engine *engine) {
    onednn_engine_state *self = (onednn_engine_state *)engine;
    for (size_t i = 0; i < self->n_memories; i++)
        dnnl_memory_destroy(self->memories[i].memory);
    for (size_t i = 0; i < self->n_weights; i++)
        weights_free(self->weights[i]);
    onednn_primitives_free(&self->primitives);
    maple_free(self->memories);
    maple_free(self->weights);
    dnnl_stream_destroy(self->stream);
    dnnl_engine_destroy(self->engine);
}

/* --- Caches of the engine --- */

static bool is_of_layout(const_dnnl_memory_t memory, const_onednn_desc layout) {
    const_onednn_desc own = NULL;
    return dnnl_memory_get_memory_desc(memory, &own) == dnnl_success && dnnl_memory_desc_equal(own, layout);
}

/* Room for one more pointer or struct of `size` at the end of *items. */
static bool grow(void **items, size_t n, size_t size) {
    void *grown = maple_resize(*items, n + 1, size);
    if (grown)
        *items = grown;
    return grown != NULL;
}

/* Adds a new primitive to the list. */
static maple_status make_primitive(onednn_engine_state *self, onednn_primitives *list,
                                   const maple_graph *graph, int node, const onednn_key *key,
                                   const onednn_primitive **out, maple_error *error) {
    onednn_primitive *made = maple_alloc(1, sizeof *made);
    if (!made || !grow((void **)&list->items, list->n, sizeof(void *))) {
        maple_free(made);
        return maple_error_memory(error);
    }
    memcpy(&made->key, key, sizeof *key);
    maple_status status = MAPLE_OK;
    if (key->op == graph->nodes[node].op && maple_graph_weight_count(graph, node) > 0)
        status = engine_weights_get(&self->base, graph, node, &made->raw, error);
    dnnl_status_t result = status == MAPLE_OK ? onednn_create_primitive(self, made) : dnnl_success;
    if (result == dnnl_out_of_memory) {
        status = maple_error_memory(error);
    } else if (result != dnnl_success) {
        char why[128];
        snprintf(why, sizeof why, "oneDNN says \"%s\" (in %s)", status_name(result),
                 maple_engine_dtype_name(self->base.options.dtype));
        status = engine_refuse_node(&self->base, graph, node, why, error);
    }
    if (status != MAPLE_OK) {
        primitive_free(made);
        return status;
    }
    list->items[list->n++] = made;
    *out = made;
    return MAPLE_OK;
}

maple_status onednn_get_primitive(onednn_engine_state *self, onednn_primitives *list,
                                  const maple_graph *graph, int node, const onednn_key *key,
                                  const onednn_primitive **out, maple_error *error) {
    *out = NULL;
    for (size_t i = 0; i < list->n && !*out; i++)
        if (memcmp(&list->items[i]->key, key, sizeof *key) == 0)
            *out = list->items[i];
    maple_status status = *out ? MAPLE_OK : make_primitive(self, list, graph, node, key, out, error);
    if (status != MAPLE_OK || (*out)->primitive)
        return status;
    char why[128];
    snprintf(why, sizeof why, "oneDNN has only its slow reference (%s) for it in %s", (*out)->implementation,
             maple_engine_dtype_name(self->base.options.dtype));
    return engine_refuse_node(&self->base, graph, node, why, error);
}

maple_status onednn_get_weights(onednn_engine_state *self, const maple_graph *graph, int node,
                                const onednn_primitive *primitive, const onednn_weights **out,
                                maple_error *error) {
    const engine_weights *raw;
    maple_status status = engine_weights_get(&self->base, graph, node, &raw, error);
    if (status != MAPLE_OK)
        return status;
    int limit = onednn_weight_limit(self, &primitive->key);
    for (size_t i = 0; i < self->n_weights; i++) {
        const onednn_weights *known = self->weights[i];
        if (known->raw == raw && known->limit == limit &&
            (!primitive->weights || is_of_layout(known->weight, primitive->weights))) {
            *out = known;
            return MAPLE_OK;
        }
    }
    onednn_weights *made = maple_alloc(1, sizeof *made);
    if (!made || !grow((void **)&self->weights, self->n_weights, sizeof(void *))) {
        maple_free(made);
        return maple_error_memory(error);
    }
    made->raw = raw;
    made->limit = limit;
    dnnl_status_t result = onednn_create_weights(self, primitive, made);
    if (result != dnnl_success) {
        weights_free(made);
        return onednn_error(result, "reordering weights", error);
    }
    self->weights[self->n_weights++] = made;
    *out = made;
    return MAPLE_OK;
}

maple_status onednn_get_memory(onednn_engine_state *self, float *data, const_onednn_desc layout,
                               dnnl_memory_t *out, maple_error *error) {
    for (size_t i = 0; i < self->n_memories; i++) {
        if (self->memories[i].data == data && is_of_layout(self->memories[i].memory, layout)) {
            *out = self->memories[i].memory;
            return MAPLE_OK;
        }
    }
    if (!grow((void **)&self->memories, self->n_memories, sizeof *self->memories))
        return maple_error_memory(error);
    onednn_memory *made = &self->memories[self->n_memories];
    *made = (onednn_memory){.data = data};
    dnnl_status_t result = dnnl_memory_create(&made->memory, layout, self->engine, data);
    if (result != dnnl_success)
        return onednn_error(result, "creating a memory", error);
    self->n_memories++;
    *out = made->memory;
    return MAPLE_OK;
}

const engine_ops onednn_engine = {
    .info = {.name = "onednn",
             .description = "oneDNN, as inside PyTorch, TensorFlow and OpenVINO",
             .available = true,
             .isas = isas,
             .threaded = true,
             .dtypes = 1u << MAPLE_DTYPE_BF16 | 1u << MAPLE_DTYPE_INT8},
    .fusions = MAPLE_FUSE_ADD | MAPLE_FUSE_RELU,
    .engine_size = sizeof(onednn_engine_state),
    .network_size = sizeof(onednn_network),
    .environment = environment,
    .open = open_onednn,
    .close = close_onednn,
    .compile = onednn_compile,
    .release = onednn_release,
    .set_input = onednn_set_input,
    .run = onednn_run,
    .output = onednn_output,
};
