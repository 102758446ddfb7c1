/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `nasflat`: the predictor of "On Latency Predictors for Neural Architecture Search" (Akhauri and
 * Abdelfattah, MLSys 2024): a graph network with a vector for each device, pre-trained to rank architectures
 * on the sources, fine-tuned on the target's samples from the vector of the source that ranks them most
 * alike.
 */
#include "predictor/nasflat.h"
#include "predictor/own_samples.h"
#include "predictor/predictor_internal.h"

#include <math.h>
#include <string.h>

static const maple_option OPTIONS[NASFLAT_OPTIONS] = {
    [NASFLAT_EPOCHS] = {.name = "epochs", .value = 150, .min = 1, .max = 10000, .whole = true},
    [NASFLAT_BATCH] = {.name = "batch", .value = 128, .min = 2, .max = 4096, .whole = true},
    [NASFLAT_RATE] = {.name = "rate", .value = 1e-3, .min = 1e-8, .max = 1},
    /* 0: as published, 16 of nas-bench-201 and 800 of fbnet */
    [NASFLAT_SOURCE_ARCHS] = {.name = "source_archs", .value = 0, .min = 0, .max = 1e9, .whole = true},
    /* 0: as published, 40 epochs at 3e-3 in nas-bench-201 and 30 at 1e-3 in fbnet */
    [NASFLAT_TUNE_EPOCHS] = {.name = "tune_epochs", .value = 0, .min = 0, .max = 10000, .whole = true},
    [NASFLAT_TUNE_BATCH] = {.name = "tune_batch", .value = 16, .min = 2, .max = 4096, .whole = true},
    [NASFLAT_TUNE_RATE] = {.name = "tune_rate", .value = 0, .min = 0, .max = 1},
    [NASFLAT_DECAY] = {.name = "decay", .value = 1e-5, .min = 0, .max = 100},
    [NASFLAT_MARGIN] = {.name = "margin", .value = 0.1, .min = 0, .max = 100},
    [NASFLAT_GNN] = {.name = "gnn", .value = NASFLAT_ENSEMBLE, .words = "ensemble|dense|gat"},
    [NASFLAT_HARDWARE] = {.name = "hardware", .value = NASFLAT_DEVICE_IN_NODES, .words = "nodes|mlp"},
    [NASFLAT_ZCP] = {.name = "zcp", .value = NASFLAT_ZCP_AUTO, .words = "auto|0|1"},
    [NASFLAT_TRANSFER_INIT] = {.name = "transfer_init", .value = 1, .min = 0, .max = 1, .whole = true},
    [NASFLAT_CHAIN] = {.name = "chain", .value = 0, .min = 0, .max = 1, .whole = true},
    [NASFLAT_POSITIONS] = {.name = "positions", .value = 0, .min = 0, .max = 1, .whole = true},
};

/* --- The target's rows, in an order that does not depend on that in which they were given --- */

typedef struct samples {
    size_t n;
    maple_arch *archs;                      /* [n], canonical */
    double *latency_ms, *source_ms, *score; /* [n] each */
} samples;

static void free_samples(samples *s) {
    maple_free(s->archs);
    maple_free(s->latency_ms);
}

static maple_status take_samples(const maple_target *target, samples *s, maple_error *error) {
    size_t n = target->n_samples;
    maple_own_sample *own = maple_own_samples(target);
    *s = (samples){.n = n,
                   .archs = maple_alloc(n, sizeof *s->archs),
                   .latency_ms = maple_alloc(n, 3 * sizeof *s->latency_ms)};
    if (!own || !s->archs || !s->latency_ms) {
        maple_free(own);
        return maple_error_memory(error);
    }
    s->source_ms = s->latency_ms + n;
    s->score = s->source_ms + n;
    for (size_t i = 0; i < n; i++) {
        s->archs[i] = own[i].arch;
        s->latency_ms[i] = own[i].latency_ms;
    }
    maple_free(own);
    return MAPLE_OK;
}

/* --- The vector that the target starts from --- */

/* The row of the pool whose architecture runs as each sample does on the target: itself where it is there. */
static maple_status find_rows(const maple_fit_request *request, const samples *s, size_t *row,
                              maple_error *error) {
    const maple_dataset *pool = request->pool;
    maple_arch_index index;
    size_t *of_index = maple_alloc(s->n, sizeof *of_index);
    if (!of_index)
        return maple_error_memory(error);
    maple_status status = maple_arch_index_create(request->space, s->n, &index, error);
    if (status != MAPLE_OK) {
        maple_free(of_index);
        return status;
    }
    for (size_t i = 0; i < s->n; i++)
        of_index[maple_arch_index_add(&index, &s->archs[i])] = SIZE_MAX;
    for (size_t r = 0; r < pool->n_archs; r++) {
        maple_arch arch = maple_space_canonical(request->space, request->target.graph, &pool->archs[r]);
        size_t at = maple_arch_index_find(&index, &arch);
        if (at != SIZE_MAX && (of_index[at] == SIZE_MAX || maple_arch_equal(&arch, &pool->archs[r])))
            of_index[at] = r;
    }
    for (size_t i = 0; i < s->n; i++)
        row[i] = of_index[maple_arch_index_find(&index, &s->archs[i])];
    maple_arch_index_release(&index);
    maple_free(of_index);
    return MAPLE_OK;
}

/* Spearman's coefficient of a source and the target over the samples that the source has; NaN: unknown. */
static maple_status compare(const maple_fit_request *request, const char *name, samples *s, const size_t *row,
                            double *rho, maple_error *error) {
    ptrdiff_t platform = maple_dataset_platform_row(request->pool, name);
    *rho = NAN;
    if (platform < 0)
        return MAPLE_OK;
    const maple_dataset_platform *source = &request->pool->platforms[platform];
    for (size_t i = 0; i < s->n; i++)
        s->source_ms[i] = row[i] == SIZE_MAX ? NAN
                                             : maple_usable_latency(request->pool, source->platform.graph,
                                                                    source->latency_ms, row[i]);
    return maple_spearman(s->source_ms, s->latency_ms, s->n, rho, error);
}

/* The source that ranks the samples most as the target does; SIZE_MAX where none can be compared. */
static maple_status find_nearest(const maple_nasflat_prior *prior, const maple_fit_request *request,
                                 samples *s, size_t *nearest, maple_error *error) {
    size_t *row = maple_alloc(s->n, sizeof *row), device = 0;
    char name[sizeof(((maple_platform *)0)->name)];
    double best = -INFINITY;
    *nearest = SIZE_MAX;
    maple_status status = row ? find_rows(request, s, row, error) : maple_error_memory(error);
    for (const char *line = prior->sources; status == MAPLE_OK && *line; device++) {
        size_t length = strcspn(line, "\n");
        double rho = NAN;
        if (length < sizeof name && device + 1 < prior->shape.devices) {
            memcpy(name, line, length);
            name[length] = '\0';
            status = compare(request, name, s, row, &rho, error);
        }
        if (rho > best) {
            best = rho;
            *nearest = device;
        }
        line += length + (line[length] == '\n');
    }
    maple_free(row);
    return status;
}

static maple_status start_from_nearest(const maple_fit_request *request, samples *s, maple_nasflat_prior *net,
                                       maple_error *error) {
    size_t nearest;
    maple_status status = find_nearest(net, request, s, &nearest, error);
    if (status == MAPLE_OK && nearest != SIZE_MAX) {
        float *rows = net->parameters + maple_nasflat_layout(&net->shape).offset[NASFLAT_DEVICE_EMBEDDING];
        memcpy(rows + (net->shape.devices - 1) * NASFLAT_DEVICE, rows + nearest * NASFLAT_DEVICE,
               NASFLAT_DEVICE * sizeof *rows);
    }
    return status;
}

/* --- Adapting --- */

static maple_status copy_net(const maple_nasflat_prior *prior, maple_nasflat_prior *net, maple_error *error) {
    size_t count = maple_nasflat_layout(&prior->shape).offset[NASFLAT_TENSORS];
    bool proxies = prior->shape.proxies > 0;
    *net = (maple_nasflat_prior){.shape = prior->shape, .n_archs = prior->n_archs};
    net->parameters = maple_alloc_aligned(count, sizeof *net->parameters);
    net->sources = maple_strdup(prior->sources);
    net->archs = maple_alloc(prior->n_archs, sizeof *net->archs);
    net->proxies = maple_alloc(prior->n_archs * prior->shape.proxies, sizeof *net->proxies);
    if (!net->parameters || !net->sources || !net->archs || !net->proxies)
        return maple_error_memory(error);
    memcpy(net->parameters, prior->parameters, count * sizeof *net->parameters);
    if (proxies) {
        memcpy(net->archs, prior->archs, prior->n_archs * sizeof *net->archs);
        memcpy(net->proxies, prior->proxies, prior->n_archs * prior->shape.proxies * sizeof *net->proxies);
    }
    return MAPLE_OK;
}

static maple_status fill_rows(const maple_fit_request *request, const samples *s,
                              const maple_nasflat_model *model, maple_nasflat_rows *rows,
                              maple_error *error) {
    const maple_nasflat_shape *shape = &model->net.shape;
    const maple_model_context context = {request->space, request->target.graph};
    maple_status status = MAPLE_OK;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < s->n; i++) {
        low = fmin(low, s->latency_ms[i]);
        high = fmax(high, s->latency_ms[i]);
    }
    for (size_t i = 0; status == MAPLE_OK && i < s->n; i++) {
        const float *proxies;
        status = maple_nasflat_model_proxies(model, &context, &s->archs[i], &proxies, error);
        maple_space_op_graph(request->space, &s->archs[i], &rows->graph[i]);
        rows->device[i] = (uint32_t)shape->devices - 1;
        rows->target[i] = high > low ? (float)((s->latency_ms[i] - low) / (high - low)) : 0;
        for (size_t c = 0; status == MAPLE_OK && c < shape->proxies; c++)
            rows->proxies[i * shape->proxies + c] = proxies[c];
    }
    rows->n = s->n;
    return status;
}

static maple_status check_finite(const samples *s, maple_error *error) {
    for (size_t i = 0; i < s->n; i++)
        if (!isfinite(s->score[i]))
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "predictor nasflat: training diverged: try a smaller rate, tune_rate or "
                                   "decay");
    return MAPLE_OK;
}

static maple_status tune(const maple_fit_request *request, const double *options, samples *s,
                         maple_nasflat_model *model, maple_error *error) {
    const maple_model_context context = {request->space, request->target.graph};
    maple_nasflat_training training = maple_nasflat_transfer(request, options);
    maple_nasflat_rows rows = {0};
    maple_status status = maple_nasflat_rows_create(&model->net.shape, s->n, &rows, error);
    if (status == MAPLE_OK)
        status = fill_rows(request, s, model, &rows, error);
    if (status == MAPLE_OK)
        status = maple_nasflat_train(&model->net.shape, &rows, &training, model->net.parameters, error);
    if (status == MAPLE_OK)
        status = maple_nasflat_model_scores(model, &context, s->archs, s->n, s->score, error);
    if (status == MAPLE_OK)
        status = check_finite(s, error);
    if (status == MAPLE_OK)
        status = maple_nasflat_scale_fit(s->score, s->latency_ms, s->n, &model->scale, error);
    maple_nasflat_rows_release(&rows);
    return status;
}

static maple_status adapt(const void *prior, const maple_fit_request *request, const double *options,
                          void **state, maple_error *error) {
    const maple_model_context context = {request->space, request->target.graph};
    samples s = {0};
    maple_nasflat_model *model = maple_alloc(1, sizeof *model);
    maple_status status = model ? copy_net(prior, &model->net, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_nasflat_model_index(model, &context, error);
    if (status == MAPLE_OK)
        status = take_samples(&request->target, &s, error);
    if (status == MAPLE_OK && options[NASFLAT_TRANSFER_INIT] != 0)
        status = start_from_nearest(request, &s, &model->net, error);
    if (status == MAPLE_OK)
        status = tune(request, options, &s, model, error);
    free_samples(&s);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_nasflat_model_free(model);
    return status;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    const maple_nasflat_model *model = state;
    maple_status status = maple_nasflat_model_scores(model, context, archs, n, latency_ms, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        latency_ms[i] = maple_nasflat_scale_apply(&model->scale, latency_ms[i]);
    return status;
}

const maple_predictor_vtable maple_predictor_nasflat = {
    .info = {.name = "nasflat",
             .description = "NASFLAT: a graph network that ranks, pre-trained on the pool and fine-tuned",
             .caveat = "it ranks; its milliseconds are an increasing fit of the samples on its scores",
             .needs_pool = true,
             .min_samples = 1,
             .pretrains = true,
             .slow = true},
    .options = OPTIONS,
    .n_options = NASFLAT_OPTIONS,
    .predict = predict,
    .save = maple_nasflat_save,
    .load = maple_nasflat_load,
    .free_state = maple_nasflat_model_free,
    .pretrain = maple_nasflat_pretrain,
    .adapt = adapt,
    .save_prior = maple_nasflat_save_prior,
    .load_prior = maple_nasflat_load_prior,
    .free_prior = maple_nasflat_prior_free,
};
