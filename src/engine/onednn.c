/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine `onednn`. Primitives are cached by what they depend on (all of NAS-Bench-201 needs about 64),
 * reordered weights by slot: to compile an architecture is to write down lists of arguments.
 *
 * oneDNN generates code for the ISA that DNNL_MAX_CPU_ISA allows at its first use in the process, and runs as
 * many OpenMP threads as OMP_NUM_THREADS says when libgomp is loaded.
 */
#include "engine/onednn.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { MAX_ARGUMENTS = 6, FEW_CHANNELS = 4, STEPS_A_NODE = 2 };

typedef struct step {
    dnnl_primitive_t primitive;
    int n_arguments;
    dnnl_exec_arg_t arguments[MAX_ARGUMENTS];
} step;

typedef struct onednn_network {
    maple_network base;
    step *steps;
    int n_steps;
    float *own[2]; /* input and output buffers */
    dnnl_memory_t input, output;
} onednn_network;

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

static maple_status device_error(dnnl_status_t status, const char *what, maple_error *error) {
    if (status == dnnl_out_of_memory)
        return maple_error_memory(error);
    return maple_error_set(error, MAPLE_DEVICE_ERROR, "engine onednn: %s: oneDNN says \"%s\" (status %d)",
                           what, status_name(status), (int)status);
}

/* --- Options --- */

static const char *const isas[] = {"sse41", "avx", "avx2", "avx512", NULL};

static const char *isa_variable(const char *isa) {
    static const char *const values[] = {"SSE41", "AVX", "AVX2", "AVX512_CORE"};
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
    const char *isa = onednn_effective_isa();
    if (cap && strcmp(cap, isa) != 0)
        return maple_error_set(
            error, MAPLE_UNSUPPORTED,
            "engine onednn: ISA %s was asked for, but this process already uses %s; start it with "
            "DNNL_MAX_CPU_ISA=%s",
            cap, isa, isa_variable(cap));
    self->block = strcmp(isa, "avx512") == 0 ? 16 : 8;
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
    return result == dnnl_success ? MAPLE_OK : device_error(result, "opening a CPU engine", error);
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

static void close_onednn(maple_engine *engine) {
    onednn_engine_state *self = (onednn_engine_state *)engine;
    for (size_t i = 0; i < self->n_memories; i++)
        dnnl_memory_destroy(self->memories[i].memory);
    for (size_t i = 0; i < self->n_weights; i++)
        weights_free(self->weights[i]);
    for (size_t i = 0; i < self->n_primitives; i++) {
        dnnl_primitive_destroy(self->primitives[i]->primitive);
        maple_free(self->primitives[i]);
    }
    maple_free(self->memories);
    maple_free(self->weights);
    maple_free(self->primitives);
    dnnl_stream_destroy(self->stream);
    dnnl_engine_destroy(self->engine);
}

/* --- Caches of the engine --- */

/* Room for one more pointer or struct of `size` at the end of *items. */
static bool grow(void **items, size_t n, size_t size) {
    void *grown = maple_resize(*items, n + 1, size);
    if (grown)
        *items = grown;
    return grown != NULL;
}

static maple_status get_primitive(onednn_engine_state *self, const maple_graph *graph, int node,
                                  const onednn_key *key, const onednn_primitive **out, maple_error *error) {
    for (size_t i = 0; i < self->n_primitives; i++) {
        if (memcmp(&self->primitives[i]->key, key, sizeof *key) == 0) {
            *out = self->primitives[i];
            return MAPLE_OK;
        }
    }
    onednn_primitive *made = maple_alloc(1, sizeof *made);
    if (!made || !grow((void **)&self->primitives, self->n_primitives, sizeof(void *))) {
        maple_free(made);
        return maple_error_memory(error);
    }
    memcpy(&made->key, key, sizeof *key);
    dnnl_status_t result = onednn_create_primitive(self, made);
    bool slow = result == dnnl_success && strncmp(made->implementation, "ref", 3) == 0;
    if (result != dnnl_success || slow) {
        char why[128];
        snprintf(why, sizeof why,
                 slow ? "oneDNN has only its slow reference (%s) for it" : "oneDNN says \"%s\"",
                 slow ? made->implementation : status_name(result));
        dnnl_primitive_destroy(made->primitive);
        maple_free(made);
        return engine_refuse_node(&self->base, graph, node, why, error);
    }
    self->primitives[self->n_primitives++] = made;
    *out = made;
    return MAPLE_OK;
}

static maple_status get_weights(onednn_engine_state *self, const maple_graph *graph, int node,
                                const onednn_primitive *primitive, const onednn_weights **out,
                                maple_error *error) {
    const engine_weights *raw;
    maple_status status = engine_weights_get(&self->base, graph, node, &raw, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; i < self->n_weights; i++) {
        if (self->weights[i]->raw == raw &&
            dnnl_memory_desc_equal(&self->weights[i]->layout, &primitive->weights)) {
            *out = self->weights[i];
            return MAPLE_OK;
        }
    }
    onednn_weights *made = maple_alloc(1, sizeof *made);
    if (!made || !grow((void **)&self->weights, self->n_weights, sizeof(void *))) {
        maple_free(made);
        return maple_error_memory(error);
    }
    made->raw = raw;
    made->layout = primitive->weights;
    dnnl_status_t result = onednn_create_weights(self, primitive, made);
    if (result != dnnl_success) {
        weights_free(made);
        return device_error(result, "reordering weights", error);
    }
    self->weights[self->n_weights++] = made;
    *out = made;
    return MAPLE_OK;
}

static maple_status get_memory(onednn_engine_state *self, float *data, const dnnl_memory_desc_t *layout,
                               dnnl_memory_t *out, maple_error *error) {
    for (size_t i = 0; i < self->n_memories; i++) {
        if (self->memories[i].data == data && dnnl_memory_desc_equal(&self->memories[i].layout, layout)) {
            *out = self->memories[i].memory;
            return MAPLE_OK;
        }
    }
    if (!grow((void **)&self->memories, self->n_memories, sizeof *self->memories))
        return maple_error_memory(error);
    onednn_memory *made = &self->memories[self->n_memories];
    *made = (onednn_memory){.data = data, .layout = *layout};
    dnnl_status_t result = dnnl_memory_create(&made->memory, layout, self->engine, data);
    if (result != dnnl_success)
        return device_error(result, "creating a memory", error);
    self->n_memories++;
    *out = made->memory;
    return MAPLE_OK;
}

/* --- Compilation --- */

typedef struct compilation {
    onednn_network *network;
    const maple_graph *graph;
    float **buffer;                  /* of each node */
    int input;                       /* node */
    onednn_order order, input_order; /* of activations; of the network's input */
    engine_implementations names;
} compilation;

static onednn_engine_state *engine_of(const maple_network *network) {
    return (onednn_engine_state *)network->engine;
}

/* A first convolution of few channels reads NCHW directly and is fast; all else wants blocks. */
static bool reads_plain_input(const maple_graph *graph, int input) {
    if (graph->nodes[input].shape.channels > FEW_CHANNELS)
        return false;
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_inputs; k++)
            if (graph->nodes[i].inputs[k] == input && (graph->nodes[i].op != MAPLE_OP_CONV || k != 0))
                return false;
    return true;
}

/* Memories on the network's own buffers are its own, the others the engine's. */
static maple_status node_memory(compilation *c, int node, const dnnl_memory_desc_t *layout,
                                dnnl_memory_t *out, maple_error *error) {
    onednn_engine_state *self = engine_of(&c->network->base);
    dnnl_memory_t *own = node == c->input ? &c->network->input : &c->network->output;
    if (node != c->input && node != c->graph->output)
        return get_memory(self, c->buffer[node], layout, out, error);
    if (!*own) {
        dnnl_status_t result = dnnl_memory_create(own, layout, self->engine, c->buffer[node]);
        if (result != dnnl_success)
            return device_error(result, "creating a memory", error);
    }
    *out = *own;
    return MAPLE_OK;
}

static maple_status plan(compilation *c, maple_error *error) {
    onednn_engine_state *self = engine_of(&c->network->base);
    size_t n = (size_t)c->graph->n_nodes;
    size_t *bytes = maple_alloc(n, sizeof *bytes);
    if (!bytes)
        return maple_error_memory(error);
    dnnl_status_t result = dnnl_success;
    for (size_t i = 0; result == dnnl_success && i < n; i++) {
        dnnl_memory_desc_t layout;
        result = onednn_layout(self, c->graph->nodes[i].shape, (int)i == c->input ? c->input_order : c->order,
                               &layout);
        bytes[i] = result == dnnl_success ? dnnl_memory_desc_get_size(&layout) : 0;
    }
    maple_status status =
        result == dnnl_success ? MAPLE_OK : device_error(result, "describing a layout", error);
    float **own = c->network->own;
    if (status == MAPLE_OK) {
        own[0] = maple_alloc_aligned(bytes[c->input], 1);
        own[1] = maple_alloc_aligned(bytes[c->graph->output], 1);
        status = own[0] && own[1] ? MAPLE_OK : maple_error_memory(error);
    }
    if (status == MAPLE_OK)
        status = engine_plan_buffers(&self->base, c->graph, bytes, true, own, c->buffer, NULL, error);
    c->network->base.bytes = bytes[c->input] + bytes[c->graph->output] + STEPS_A_NODE * n * sizeof(step);
    maple_free(bytes);
    return status;
}

static onednn_key key_of(const compilation *c, int i) {
    const maple_node *node = &c->graph->nodes[i];
    onednn_key key;
    memset(&key, 0, sizeof key);
    key.op = node->op;
    key.in = c->graph->nodes[node->inputs[0]].shape;
    key.out = node->shape;
    if (node->op == MAPLE_OP_CONV || node->op == MAPLE_OP_AVG_POOL) {
        key.kernel = node->kernel;
        key.stride = node->stride;
        key.pad = node->pad;
    }
    if (node->op == MAPLE_OP_CONV) {
        key.groups = node->groups;
        key.bias = node->norm_slot != 0;
        if (node->n_inputs == 2)
            key.addend = c->buffer[i] == c->buffer[node->inputs[1]] ? ONEDNN_SUM : ONEDNN_BINARY;
    }
    key.relu = node->relu;
    key.src = node->inputs[0] == c->input ? c->input_order : c->order;
    key.dst = c->order;
    return key;
}

static void add_argument(step *s, int kind, dnnl_memory_t memory) {
    if (memory)
        s->arguments[s->n_arguments++] = (dnnl_exec_arg_t){kind, memory};
}

static void add_weights(step *s, const onednn_weights *weights, const onednn_key *key) {
    bool norm = key->op == MAPLE_OP_BATCH_NORM;
    add_argument(s, norm ? DNNL_ARG_SCALE_SHIFT : DNNL_ARG_WEIGHTS, weights->weight);
    add_argument(s, DNNL_ARG_MEAN, weights->mean);
    add_argument(s, DNNL_ARG_VARIANCE, weights->variance);
    if (key->bias || key->op == MAPLE_OP_LINEAR)
        add_argument(s, DNNL_ARG_BIAS, weights->bias);
}

/* One more step: the primitive for `key`, reading the values of nodes `first` and `second` (-1: none) and
 * writing that of node i. */
static maple_status add_step(compilation *c, int i, const onednn_key *key, int first, int second,
                             maple_error *error) {
    onednn_engine_state *self = engine_of(&c->network->base);
    const onednn_primitive *primitive = NULL;
    maple_status status = get_primitive(self, c->graph, i, key, &primitive, error);
    if (status != MAPLE_OK)
        return status;
    engine_implementations_add(&c->names, key->op, primitive->implementation);
    step *s = &c->network->steps[c->network->n_steps];
    s->primitive = primitive->primitive;
    dnnl_memory_t src, dst, addend = NULL;
    status = node_memory(c, first, &primitive->src, &src, error);
    if (status == MAPLE_OK)
        status = node_memory(c, i, &primitive->dst, &dst, error);
    if (status == MAPLE_OK && second >= 0)
        status = node_memory(c, second, &primitive->dst, &addend, error);
    if (status != MAPLE_OK)
        return status;
    add_argument(s, DNNL_ARG_SRC, src);
    add_argument(s, DNNL_ARG_DST, dst);
    if (key->op == MAPLE_OP_ADD)
        add_argument(s, DNNL_ARG_SRC_1, addend);
    if (key->addend == ONEDNN_BINARY)
        add_argument(s, DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, addend);
    if (key->op != MAPLE_OP_ADD && maple_graph_weight_count(c->graph, i) > 0) {
        const onednn_weights *weights = NULL;
        status = get_weights(self, c->graph, i, primitive, &weights, error);
        if (status == MAPLE_OK)
            add_weights(s, weights, key);
    }
    c->network->n_steps++;
    return status;
}

/* Found with oneDNN 2.6.3 on sse41 and avx: its gemm convolution of groups, channels last, adds a wrong part
 * of the addend. (In place, as ONEDNN_SUM, it adds the right one.) */
static maple_status addend_is_right(compilation *c, int i, const onednn_key *key, bool *right,
                                    maple_error *error) {
    *right = true;
    if (key->addend != ONEDNN_BINARY || key->groups == 1)
        return MAPLE_OK;
    const onednn_primitive *primitive = NULL;
    maple_status status = get_primitive(engine_of(&c->network->base), c->graph, i, key, &primitive, error);
    if (status == MAPLE_OK)
        *right = !strstr(primitive->implementation, "gemm");
    return status;
}

static maple_status compile_node(compilation *c, int i, maple_error *error) {
    onednn_engine_state *self = engine_of(&c->network->base);
    const maple_node *node = &c->graph->nodes[i];
    onednn_key key = key_of(c, i);
    if (node->op == MAPLE_OP_LINEAR && !onednn_is_dense(self, key.in, key.src))
        return engine_refuse_node(&self->base, c->graph, i, "its input's channels do not fill whole blocks",
                                  error);
    int second = node->n_inputs == 2 ? node->inputs[1] : -1;
    bool right;
    maple_status status = addend_is_right(c, i, &key, &right, error);
    if (status != MAPLE_OK)
        return status;
    if (right)
        return add_step(c, i, &key, node->inputs[0], second, error);
    key.addend = ONEDNN_NO_ADDEND;
    key.relu = false;
    status = add_step(c, i, &key, node->inputs[0], -1, error);
    if (status != MAPLE_OK)
        return status;
    onednn_key add;
    memset(&add, 0, sizeof add);
    add.op = MAPLE_OP_ADD;
    add.in = add.out = node->shape;
    add.src = add.dst = c->order;
    add.relu = node->relu;
    return add_step(c, i, &add, i, second, error);
}

static maple_status compile(maple_network *network, const maple_graph *graph, maple_error *error) {
    onednn_engine_state *self = engine_of(network);
    compilation c = {.network = (onednn_network *)network, .graph = graph};
    if (self->set_threads)
        self->set_threads(self->base.options.threads);
    while (graph->nodes[c.input].op != MAPLE_OP_INPUT)
        c.input++;
    c.order = graph->channels_last ? ONEDNN_CHANNELS_LAST : ONEDNN_BLOCKED;
    c.input_order = !graph->channels_last && reads_plain_input(graph, c.input) ? ONEDNN_PLAIN : c.order;
    c.buffer = maple_alloc((size_t)graph->n_nodes, sizeof *c.buffer);
    c.network->steps = maple_alloc(STEPS_A_NODE * (size_t)graph->n_nodes, sizeof *c.network->steps);
    maple_status status = c.buffer && c.network->steps ? plan(&c, error) : maple_error_memory(error);
    for (int i = 0; status == MAPLE_OK && i < graph->n_nodes; i++)
        if (i != c.input)
            status = compile_node(&c, i, error);
    if (status == MAPLE_OK)
        status = engine_implementations_join(&c.names, network, error);
    maple_free(c.buffer);
    return status;
}

static void release(maple_network *network) {
    onednn_network *self = (onednn_network *)network;
    dnnl_memory_destroy(self->input);
    dnnl_memory_destroy(self->output);
    maple_free(self->own[0]);
    maple_free(self->own[1]);
    maple_free(self->steps);
}

/* --- Running --- */

static maple_status run(maple_network *network, maple_error *error) {
    onednn_network *self = (onednn_network *)network;
    onednn_engine_state *engine = engine_of(network);
    if (engine->set_threads) /* another engine of this process may have asked for another number */
        engine->set_threads(engine->base.options.threads);
    dnnl_status_t result = dnnl_success;
    for (int i = 0; i < self->n_steps && result == dnnl_success; i++) {
        const step *s = &self->steps[i];
        result = dnnl_primitive_execute(s->primitive, engine->stream, s->n_arguments, s->arguments);
    }
    if (result == dnnl_success)
        result = dnnl_stream_wait(engine->stream);
    return result == dnnl_success ? MAPLE_OK : device_error(result, "running a network", error);
}

/* Copies between the caller's NCHW and a memory of the network. */
static maple_status exchange(maple_network *network, maple_shape shape, float *nchw, dnnl_memory_t memory,
                             bool to_network, maple_error *error) {
    onednn_engine_state *engine = engine_of(network);
    const dnnl_memory_desc_t *inner;
    dnnl_memory_desc_t layout;
    dnnl_memory_t outer = NULL;
    dnnl_dims_t dims = {engine->base.options.batch, shape.channels, shape.height, shape.width};
    dnnl_status_t result = dnnl_memory_get_memory_desc(memory, &inner);
    if (result == dnnl_success) /* LINEAR's result is a matrix */
        result = dnnl_memory_desc_init_by_tag(&layout, inner->ndims, dims, dnnl_f32,
                                              inner->ndims == 2 ? dnnl_ab : dnnl_nchw);
    if (result == dnnl_success)
        result = dnnl_memory_create(&outer, &layout, engine->engine, nchw);
    if (result == dnnl_success)
        result = to_network ? onednn_copy(engine, outer, memory) : onednn_copy(engine, memory, outer);
    dnnl_memory_destroy(outer);
    return result == dnnl_success ? MAPLE_OK : device_error(result, "copying input or output", error);
}

static maple_status set_input(maple_network *network, const float *nchw, maple_error *error) {
    return exchange(network, network->input_shape, (float *)nchw, ((onednn_network *)network)->input, true,
                    error);
}

static maple_status output(maple_network *network, float *nchw, maple_error *error) {
    return exchange(network, network->output_shape, nchw, ((onednn_network *)network)->output, false, error);
}

const engine_ops onednn_engine = {
    .info = {.name = "onednn",
             .description = "oneDNN, as inside PyTorch, TensorFlow and OpenVINO",
             .available = true,
             .isas = isas,
             .threaded = true},
    .fusions = MAPLE_FUSE_ADD | MAPLE_FUSE_RELU,
    .engine_size = sizeof(onednn_engine_state),
    .network_size = sizeof(onednn_network),
    .environment = environment,
    .open = open_onednn,
    .close = close_onednn,
    .compile = compile,
    .release = release,
    .set_input = set_input,
    .run = run,
    .output = output,
};
