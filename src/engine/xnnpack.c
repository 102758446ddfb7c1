/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine `xnnpack`: the subgraph API of XNNPACK (xnnpack_api.h: that of 2022 and that of 2024). Activations
 * are NHWC, weights OHWI. Each compiled network packs its own copy of the weights and plans its own
 * activations.
 *
 * XNNPACK picks its kernels once, when it is initialised, by what cpuinfo says that the CPU has. It has no
 * cap of its own; cpuinfo's answer is a variable of its public header, and taking instruction sets out of it
 * before XNNPACK looks gives the kernels of a CPU that lacks them (MAPLE_XNNPACK_ISA). It fuses a clamp into
 * the node before it by itself, so a ReLU, ZERO or COPY that has to stay (the graph as written) is expressed
 * as something that it does not fuse.
 */
#include "engine/engine_vtable.h"
#include "engine/xnnpack_api.h"

#include <cpuinfo.h>
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <pthreadpool.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Weights in XNNPACK's layout; they have to outlive the networks. */
typedef struct static_weights {
    const engine_weights *raw;
    float *weight, *bias;
} static_weights;

typedef struct xnnpack_engine_state {
    maple_engine base;
    pthreadpool_t pool; /* NULL: one thread */
    static_weights *weights;
    size_t n_weights;
    float *zero; /* one zero, with slack */
} xnnpack_engine_state;

typedef struct xnnpack_network {
    maple_network base;
    xnn_runtime_t runtime;
    float *input, *output; /* NHWC */
} xnnpack_network;

enum { INPUT_ID, OUTPUT_ID, EXTERNAL_IDS };

/* Kernels read up to XNN_EXTRA_BYTES behind a tensor. */
static float *alloc_tensor(size_t elements) {
    return maple_alloc_aligned(elements + XNN_EXTRA_BYTES / sizeof(float), sizeof(float));
}

/* --- Opening --- */

#if CPUINFO_ARCH_X86 || CPUINFO_ARCH_X86_64
static const char *const isas[] = {"sse2", "avx", "avx2", "avx512", NULL};
#else
static const char *const isas[] = {NULL};
#endif
static const char CAP_VARIABLE[] = "MAPLE_XNNPACK_ISA";

static size_t environment(const maple_engine_options *options, engine_variable *out) {
    if (!options->isa)
        return 0;
    out->name = CAP_VARIABLE;
    snprintf(out->value, sizeof out->value, "%s", options->isa);
    return 1;
}

/* Takes out what is stronger than the cap. */
static void cap_isa(const char *cap) {
#if CPUINFO_ARCH_X86 || CPUINFO_ARCH_X86_64
    size_t level = 0;
    while (isas[level] && strcmp(isas[level], cap) != 0)
        level++;
    if (!isas[level] || level == 3)
        return;
    struct cpuinfo_x86_isa *isa = &cpuinfo_isa;
    isa->avx512f = isa->avx512cd = isa->avx512dq = isa->avx512bw = isa->avx512vl = false;
    isa->avx512vbmi = isa->avx512vnni = isa->avx512bf16 = false;
    if (level < 2)
        isa->avx2 = isa->fma3 = isa->f16c = false;
    if (level < 1)
        isa->avx = isa->xop = isa->fma4 = isa->sse4_2 = isa->sse4_1 = isa->ssse3 = isa->sse3 = false;
#else
    (void)cap;
#endif
}

/* Once in a process: XNNPACK never looks again. */
static pthread_once_t capped = PTHREAD_ONCE_INIT;

static void cap_once(void) {
    const char *cap = getenv(CAP_VARIABLE);
    if (cap && cpuinfo_initialize())
        cap_isa(cap);
}

/* The order in which XNNPACK chooses its float kernels. */
static const char *effective_isa(void) {
    if (cpuinfo_has_x86_avx512f())
        return "avx512";
    if (cpuinfo_has_x86_fma3())
        return "avx2";
    if (cpuinfo_has_x86_avx())
        return "avx";
    if (cpuinfo_has_x86_sse2())
        return "sse2";
    return "generic";
}

/* XNNPACK has no version: the library's file and a hash of its contents say which one it is. */
static void describe_version(char *out, size_t size) {
    enum { LIMIT = 64 << 20 };
    Dl_info info;
    char *path = NULL, *data = NULL;
    size_t bytes = 0;
    void *symbol;
    enum xnn_status (*function)(const struct xnn_allocator *) = xnn_initialize;
    memcpy(&symbol, &function, sizeof symbol);
    if (dladdr(symbol, &info) && info.dli_fname)
        path = realpath(info.dli_fname, NULL);
    const char *slash = path ? strrchr(path, '/') : NULL;
    snprintf(out, size, "XNNPACK%s%.48s", slash ? " " : "", slash ? slash + 1 : "");
    if (path && maple_read_file(path, LIMIT, &data, &bytes, NULL) == MAPLE_OK) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, " #%016llx", (unsigned long long)maple_hash(data, bytes));
    }
    maple_free(data);
    free(path);
}

/* The pool's threads inherit the mask of the thread that creates it; more threads than CPUs would wait for
 * each other a scheduler's tick in every operator. */
static maple_status create_pool(xnnpack_engine_state *self, maple_error *error) {
    size_t threads = (size_t)self->base.options.threads;
    if (threads == 1)
        return MAPLE_OK;
    cpu_set_t cpus;
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0 && (size_t)CPU_COUNT(&cpus) < threads)
        return maple_error_set(
            error, MAPLE_UNSUPPORTED,
            "engine xnnpack: %zu threads were asked for, but this thread may run on %d CPUs; "
            "widen its affinity (a bound OpenMP narrows it: OMP_PROC_BIND=false)",
            threads, CPU_COUNT(&cpus));
    self->pool = pthreadpool_create(threads);
    if (!self->pool || pthreadpool_get_threads_count(self->pool) != threads)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "engine xnnpack: no pool of %zu threads can be had",
                               threads);
    return MAPLE_OK;
}

static maple_status open_xnnpack(maple_engine *engine, maple_error *error) {
    xnnpack_engine_state *self = (xnnpack_engine_state *)engine;
    pthread_once(&capped, cap_once);
    enum xnn_status result = xnn_initialize(NULL);
    if (result == xnn_status_unsupported_hardware)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "engine xnnpack: XNNPACK does not support this CPU");
    if (result != xnn_status_success)
        return maple_error_set(error, MAPLE_DEVICE_ERROR,
                               "engine xnnpack: XNNPACK does not start (status %d)", (int)result);
    self->zero = alloc_tensor(1);
    if (!self->zero)
        return maple_error_memory(error);
    maple_status status = create_pool(self, error);
    if (status != MAPLE_OK)
        return status;
    describe_version(engine->description.version, sizeof engine->description.version);
    const char *isa = cpuinfo_initialize() ? effective_isa() : "generic";
    snprintf(engine->description.isa, sizeof engine->description.isa, "%s", isa);
    if (engine->options.isa && strcmp(engine->options.isa, isa) != 0)
        return maple_error_set(
            error, MAPLE_UNSUPPORTED,
            "engine xnnpack: ISA %s was asked for, but this process already uses %s; start it "
            "with %s=%s",
            engine->options.isa, isa, CAP_VARIABLE, engine->options.isa);
    return MAPLE_OK;
}

static void close_xnnpack(maple_engine *engine) {
    xnnpack_engine_state *self = (xnnpack_engine_state *)engine;
    for (size_t i = 0; i < self->n_weights; i++) {
        maple_free(self->weights[i].weight);
        maple_free(self->weights[i].bias);
    }
    maple_free(self->weights);
    maple_free(self->zero);
    if (self->pool)
        pthreadpool_destroy(self->pool);
}

/* --- Weights --- */

/* [rows][channels][taps] -> [rows][taps][channels] */
static void channels_last(float *out, const float *in, size_t rows, size_t channels, size_t taps) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < taps; t++)
                out[(r * taps + t) * channels + c] = in[(r * channels + c) * taps + t];
}

static void channels_first(float *out, const float *in, size_t rows, size_t channels, size_t taps) {
    channels_last(out, in, rows, taps, channels); /* the same transposition with the roles exchanged */
}

static maple_status get_weights(xnnpack_engine_state *self, const maple_graph *graph, int node,
                                static_weights *out, maple_error *error) {
    const engine_weights *raw;
    maple_status status = engine_weights_get(&self->base, graph, node, &raw, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; i < self->n_weights; i++) {
        if (self->weights[i].raw == raw) {
            *out = self->weights[i];
            return MAPLE_OK;
        }
    }
    static_weights *grown = maple_resize(self->weights, self->n_weights + 1, sizeof *grown);
    if (!grown)
        return maple_error_memory(error);
    self->weights = grown;
    size_t channels = (size_t)raw->channels;
    static_weights made = {raw, alloc_tensor(raw->count), alloc_tensor(channels)};
    if (!made.weight || !made.bias) {
        maple_free(made.weight);
        maple_free(made.bias);
        return maple_error_memory(error);
    }
    const maple_node *n = &graph->nodes[node];
    size_t taps = n->op == MAPLE_OP_CONV ? (size_t)n->kernel * (size_t)n->kernel : 1;
    channels_last(made.weight, raw->weight, channels, raw->count / channels / taps, taps);
    memcpy(made.bias, raw->bias, channels * sizeof *made.bias);
    grown[self->n_weights++] = made;
    *out = made;
    return MAPLE_OK;
}

/* --- Compilation --- */

typedef struct compilation {
    xnnpack_engine_state *engine;
    const maple_graph *graph;
    xnn_subgraph_t subgraph;
    uint32_t *id; /* of each node's value */
    int *readers;
    size_t bytes; /* that XNNPACK will allocate for packed weights and indirection */
    engine_implementations names;
} compilation;

static enum xnn_status define_value(compilation *c, int i) {
    maple_shape shape = c->graph->nodes[i].shape;
    size_t dims[4] = {(size_t)c->engine->base.options.batch, (size_t)shape.height, (size_t)shape.width,
                      (size_t)shape.channels};
    uint32_t external = XNN_INVALID_VALUE_ID, flags = 0;
    if (c->graph->nodes[i].op == MAPLE_OP_INPUT) {
        external = INPUT_ID;
        flags = XNN_VALUE_FLAG_EXTERNAL_INPUT;
    } else if (i == c->graph->output) {
        external = OUTPUT_ID;
        flags = XNN_VALUE_FLAG_EXTERNAL_OUTPUT;
    }
    if (c->graph->nodes[i].op == MAPLE_OP_LINEAR) { /* a matrix */
        dims[1] = dims[3];
        return xnn_define_tensor_value(c->subgraph, xnn_datatype_fp32, 2, dims, NULL, external, flags,
                                       &c->id[i]);
    }
    return xnn_define_tensor_value(c->subgraph, xnn_datatype_fp32, 4, dims, NULL, external, flags, &c->id[i]);
}

static enum xnn_status define_static(compilation *c, size_t n_dims, const size_t *dims, const float *data,
                                     uint32_t *id) {
    return xnn_define_tensor_value(c->subgraph, xnn_datatype_fp32, n_dims, dims, data, XNN_INVALID_VALUE_ID,
                                   0, id);
}

static enum xnn_status define_conv(compilation *c, int i, const static_weights *w) {
    const maple_node *node = &c->graph->nodes[i];
    maple_shape in = c->graph->nodes[node->inputs[0]].shape;
    size_t k = (size_t)node->kernel, out = (size_t)node->shape.channels;
    size_t filter_dims[4] = {out, k, k, (size_t)(in.channels / node->groups)};
    uint32_t filter, bias, pad = (uint32_t)node->pad, kernel = (uint32_t)node->kernel,
                           stride = (uint32_t)node->stride;
    enum xnn_status result = define_static(c, 4, filter_dims, w->weight, &filter);
    if (result == xnn_status_success)
        result = define_static(c, 1, &out, w->bias, &bias);
    if (result != xnn_status_success)
        return result;
    return xnn_define_convolution_2d(
        c->subgraph, pad, (uint32_t)engine_pad_end(node, in.width, node->shape.width),
        (uint32_t)engine_pad_end(node, in.height, node->shape.height), pad, kernel, kernel, stride, stride, 1,
        1, (uint32_t)node->groups, filter_dims[3], out / (size_t)node->groups, node->relu ? 0.0f : -INFINITY,
        INFINITY, c->id[node->inputs[0]], filter, bias, c->id[i], 0);
}

static enum xnn_status define_linear(compilation *c, int i, const static_weights *w) {
    const maple_node *node = &c->graph->nodes[i];
    size_t dims[2] = {(size_t)node->shape.channels, (size_t)c->graph->nodes[node->inputs[0]].shape.channels};
    uint32_t filter, bias;
    enum xnn_status result = define_static(c, 2, dims, w->weight, &filter);
    if (result == xnn_status_success)
        result = define_static(c, 1, dims, w->bias, &bias);
    if (result != xnn_status_success)
        return result;
    return xnn_define_fully_connected(c->subgraph, -INFINITY, INFINITY, c->id[node->inputs[0]], filter, bias,
                                      c->id[i], XNN_FLAG_TENSORFLOW_RESHAPE_2D);
}

/* A multiplication and an addition of vectors. */
static enum xnn_status define_batch_norm(compilation *c, int i, const static_weights *w) {
    const maple_node *node = &c->graph->nodes[i];
    size_t channels = (size_t)node->shape.channels;
    size_t dims[4] = {(size_t)c->engine->base.options.batch, (size_t)node->shape.height,
                      (size_t)node->shape.width, channels};
    uint32_t factor, shift, product;
    enum xnn_status result = define_static(c, 1, &channels, w->weight, &factor);
    if (result == xnn_status_success)
        result = define_static(c, 1, &channels, w->bias, &shift);
    if (result == xnn_status_success)
        result = define_static(c, 4, dims, NULL, &product);
    if (result == xnn_status_success)
        result = xnnpack_multiply(c->subgraph, c->id[node->inputs[0]], factor, product);
    if (result == xnn_status_success)
        result = xnnpack_add(c->subgraph, node->relu ? 0.0f : -INFINITY, product, shift, c->id[i]);
    return result;
}

static enum xnn_status define_avg_pool(compilation *c, int i) {
    const maple_node *node = &c->graph->nodes[i];
    maple_shape in = c->graph->nodes[node->inputs[0]].shape;
    uint32_t pad = (uint32_t)node->pad, kernel = (uint32_t)node->kernel, stride = (uint32_t)node->stride;
    return xnn_define_average_pooling_2d(
        c->subgraph, pad, (uint32_t)engine_pad_end(node, in.width, node->shape.width),
        (uint32_t)engine_pad_end(node, in.height, node->shape.height), pad, kernel, kernel, stride, stride,
        -INFINITY, INFINITY, c->id[node->inputs[0]], c->id[i], 0);
}

/* RELU, ZERO, COPY. */
static enum xnn_status define_unary(compilation *c, int i) {
    const maple_node *node = &c->graph->nodes[i];
    maple_shape shape = node->shape;
    uint32_t source = c->id[node->inputs[0]], zero;
    size_t one = 1, dims[4] = {(size_t)c->engine->base.options.batch, (size_t)shape.height,
                               (size_t)shape.width, (size_t)shape.channels};
    if (node->op == MAPLE_OP_COPY)
        return xnn_define_static_reshape(c->subgraph, 4, dims, source, c->id[i], 0);
    /* XNNPACK would fuse a clamp if its producer has no other reader; the graph says that it stays. */
    bool fusible = c->readers[node->inputs[0]] == 1 && c->graph->nodes[node->inputs[0]].op != MAPLE_OP_INPUT;
    if (node->op == MAPLE_OP_RELU && !fusible)
        return xnnpack_relu(c->subgraph, source, c->id[i]);
    enum xnn_status result = define_static(c, 1, &one, c->engine->zero, &zero);
    if (result != xnn_status_success)
        return result;
    if (node->op == MAPLE_OP_RELU)
        return xnnpack_maximum(c->subgraph, source, zero, c->id[i]);
    return xnnpack_multiply(c->subgraph, source, zero, c->id[i]);
}

static enum xnn_status define_node(compilation *c, int i, const static_weights *w) {
    const maple_node *node = &c->graph->nodes[i];
    switch (node->op) {
    case MAPLE_OP_INPUT:
        return xnn_status_success;
    case MAPLE_OP_CONV:
        return define_conv(c, i, w);
    case MAPLE_OP_LINEAR:
        return define_linear(c, i, w);
    case MAPLE_OP_BATCH_NORM:
        return define_batch_norm(c, i, w);
    case MAPLE_OP_ADD:
        return xnnpack_add(c->subgraph, node->relu ? 0.0f : -INFINITY, c->id[node->inputs[0]],
                           c->id[node->inputs[1]], c->id[i]);
    case MAPLE_OP_AVG_POOL:
        return define_avg_pool(c, i);
    case MAPLE_OP_GLOBAL_AVG_POOL:
        return xnnpack_global_average(c->subgraph, c->id[node->inputs[0]], c->id[i]);
    case MAPLE_OP_RELU:
    case MAPLE_OP_ZERO:
    case MAPLE_OP_COPY:
        return define_unary(c, i);
    case MAPLE_OP_COUNT:
        break;
    }
    return xnn_status_unsupported_parameter;
}

static maple_status compile_node(compilation *c, int i, maple_error *error) {
    const maple_node *node = &c->graph->nodes[i];
    static_weights weights = {0};
    if (c->readers[i] == 0) /* XNNPACK has an assertion against it */
        return engine_refuse_node(&c->engine->base, c->graph, i, "nobody reads its result", error);
    if (maple_graph_weight_count(c->graph, i) > 0) {
        maple_status status = get_weights(c->engine, c->graph, i, &weights, error);
        if (status != MAPLE_OK)
            return status;
        c->bytes += (weights.raw->count + (size_t)weights.raw->channels) * sizeof(float);
    }
    if (node->kernel > 1) /* pointers to the rows of each window */
        c->bytes +=
            (size_t)(node->kernel * node->kernel * node->shape.height * node->shape.width) * sizeof(void *);
    enum xnn_status result = define_value(c, i);
    if (result == xnn_status_success)
        result = define_node(c, i, &weights);
    if (result == xnn_status_out_of_memory)
        return maple_error_memory(error);
    if (result != xnn_status_success) {
        char why[64];
        snprintf(why, sizeof why, "XNNPACK refuses it (status %d)", (int)result);
        return engine_refuse_node(&c->engine->base, c->graph, i, why, error);
    }
    if (node->op != MAPLE_OP_INPUT)
        engine_implementations_add(&c->names, node->op, c->engine->base.description.isa);
    return MAPLE_OK;
}

/* Most bytes that are alive at once: what XNNPACK's planner needs at least. */
static size_t peak_bytes(const maple_graph *graph, int *readers_left, size_t batch) {
    size_t live = 0, peak = 0;
    for (int i = 0; i < graph->n_nodes; i++) {
        const maple_node *node = &graph->nodes[i];
        live += maple_shape_elements(node->shape) * batch * sizeof(float);
        peak = live > peak ? live : peak;
        for (int k = 0; k < node->n_inputs; k++)
            if (--readers_left[node->inputs[k]] == 0)
                live -= maple_shape_elements(graph->nodes[node->inputs[k]].shape) * batch * sizeof(float);
    }
    return peak;
}

static maple_status create_runtime(compilation *c, xnnpack_network *network, maple_error *error) {
    size_t batch = (size_t)c->engine->base.options.batch;
    size_t in = maple_shape_elements(network->base.input_shape) * batch;
    size_t out = maple_shape_elements(network->base.output_shape) * batch;
    network->input = alloc_tensor(in);
    network->output = alloc_tensor(out);
    if (!network->input || !network->output)
        return maple_error_memory(error);
    enum xnn_status result = xnn_create_runtime_v2(c->subgraph, c->engine->pool, 0, &network->runtime);
    const struct xnn_external_value values[] = {{INPUT_ID, network->input}, {OUTPUT_ID, network->output}};
    if (result == xnn_status_success)
        result = xnnpack_setup(network->runtime, EXTERNAL_IDS, values);
    if (result != xnn_status_success)
        return maple_error_set(error, MAPLE_DEVICE_ERROR,
                               "engine xnnpack: XNNPACK does not compile the network (status %d)",
                               (int)result);
    network->base.bytes = (in + out) * sizeof(float) + c->bytes + peak_bytes(c->graph, c->readers, batch);
    return engine_implementations_join(&c->names, &network->base, error);
}

static maple_status compile(maple_network *network, const maple_graph *graph, maple_error *error) {
    compilation c = {.engine = (xnnpack_engine_state *)network->engine, .graph = graph};
    maple_status status = MAPLE_OK;
    c.id = maple_alloc((size_t)graph->n_nodes, sizeof *c.id);
    c.readers = maple_alloc((size_t)graph->n_nodes, sizeof *c.readers);
    if (!c.id || !c.readers || xnn_create_subgraph(EXTERNAL_IDS, 0, &c.subgraph) != xnn_status_success) {
        status = maple_error_memory(error);
        goto done;
    }
    c.readers[graph->output] = 1;
    for (int i = 0; i < graph->n_nodes; i++)
        for (int k = 0; k < graph->nodes[i].n_inputs; k++)
            c.readers[graph->nodes[i].inputs[k]]++;
    for (int i = 0; status == MAPLE_OK && i < graph->n_nodes; i++)
        status = compile_node(&c, i, error);
    if (status == MAPLE_OK)
        status = create_runtime(&c, (xnnpack_network *)network, error);
done:
    if (c.subgraph)
        xnn_delete_subgraph(c.subgraph);
    maple_free(c.id);
    maple_free(c.readers);
    return status;
}

static void release(maple_network *network) {
    xnnpack_network *self = (xnnpack_network *)network;
    if (self->runtime)
        xnn_delete_runtime(self->runtime);
    maple_free(self->input);
    maple_free(self->output);
}

/* --- Running --- */

static maple_status set_input(maple_network *network, const float *nchw, maple_error *error) {
    (void)error;
    maple_shape shape = network->input_shape;
    channels_last(((xnnpack_network *)network)->input, nchw, (size_t)network->engine->options.batch,
                  (size_t)shape.channels, (size_t)shape.height * (size_t)shape.width);
    return MAPLE_OK;
}

static maple_status run(maple_network *network, maple_error *error) {
    enum xnn_status result = xnn_invoke_runtime(((xnnpack_network *)network)->runtime);
    if (result == xnn_status_success)
        return MAPLE_OK;
    return maple_error_set(error, MAPLE_DEVICE_ERROR, "engine xnnpack: running a network failed (status %d)",
                           (int)result);
}

static maple_status output(maple_network *network, float *nchw, maple_error *error) {
    (void)error;
    maple_shape shape = network->output_shape;
    channels_first(nchw, ((xnnpack_network *)network)->output, (size_t)network->engine->options.batch,
                   (size_t)shape.channels, (size_t)shape.height * (size_t)shape.width);
    return MAPLE_OK;
}

const engine_ops xnnpack_engine = {
    .info = {.name = "xnnpack",
             .description = "XNNPACK, as inside TensorFlow Lite and ExecuTorch",
             .available = true,
             .isas = isas,
             .packs_weights = true,
             .threaded = true},
    .fusions = MAPLE_FUSE_RELU,
    .engine_size = sizeof(xnnpack_engine_state),
    .network_size = sizeof(xnnpack_network),
    .environment = environment,
    .open = open_xnnpack,
    .close = close_xnnpack,
    .compile = compile,
    .release = release,
    .set_input = set_input,
    .run = run,
    .output = output,
};
