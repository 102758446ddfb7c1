/* SPDX-License-Identifier: Apache-2.0 */
/* What `nasflat` learns from the sources. */
#include "predictor/nasflat.h"
#include "pool/proxies.h"
#include "predictor/predictor_internal.h"

#include <math.h>
#include <string.h>

/* As published: 16 architectures a source, or 800 where the graph has no edges. */
enum { FEW_ARCHS = 16, MANY_ARCHS = 800 };

void maple_nasflat_prior_free(void *prior) {
    maple_nasflat_prior *p = prior;
    if (!p)
        return;
    maple_free(p->parameters);
    maple_free(p->sources);
    maple_free(p->archs);
    maple_free(p->proxies);
    maple_free(p);
}

maple_nasflat_training maple_nasflat_transfer(const maple_fit_request *request, const double *options) {
    bool connects = maple_space_op_graph_connects(request->space);
    double epochs = options[NASFLAT_TUNE_EPOCHS], rate = options[NASFLAT_TUNE_RATE];
    return (maple_nasflat_training){
        .epochs = epochs > 0 ? (size_t)epochs
                  : connects ? 40
                             : 30,
        .batch = (size_t)options[NASFLAT_TUNE_BATCH],
        .rate = rate > 0   ? rate
                : connects ? 3e-3
                           : 1e-3,
        .decay = options[NASFLAT_DECAY],
        .margin = options[NASFLAT_MARGIN],
        .seed = request->seed,
        .task = "adapting",
        .request = request,
    };
}

/* --- Proxies --- */

static maple_status copy_proxies(const maple_dataset *pool, maple_nasflat_prior *prior, maple_error *error) {
    size_t n = pool->n_archs, count = n * MAPLE_PROXIES;
    double *table = maple_alloc(count, sizeof *table);
    prior->archs = maple_alloc(n, sizeof *prior->archs);
    prior->proxies = maple_alloc(count, sizeof *prior->proxies);
    maple_status status = table && prior->archs && prior->proxies
                              ? maple_proxies_encode(pool, NULL, n, table, error)
                              : maple_error_memory(error);
    if (status == MAPLE_OK) {
        memcpy(prior->archs, pool->archs, n * sizeof *prior->archs);
        for (size_t i = 0; i < count; i++)
            prior->proxies[i] = (float)table[i];
        prior->n_archs = n;
        prior->shape.proxies = MAPLE_PROXIES;
    } else {
        maple_free(prior->archs);
        maple_free(prior->proxies);
        prior->archs = NULL;
        prior->proxies = NULL;
    }
    maple_free(table);
    return status;
}

/* auto: where every architecture of the pool has all of them. */
static maple_status take_proxies(const maple_fit_request *request, const double *options,
                                 maple_nasflat_prior *prior, maple_error *error) {
    if (options[NASFLAT_ZCP] == NASFLAT_ZCP_NO)
        return MAPLE_OK;
    maple_status status = copy_proxies(request->pool, prior, error);
    bool missing = status == MAPLE_NOT_FOUND || status == MAPLE_BAD_INPUT;
    if (missing && options[NASFLAT_ZCP] == NASFLAT_ZCP_AUTO)
        return MAPLE_OK;
    return missing ? maple_error_prefix(error, status, "predictor nasflat: zcp=1") : status;
}

/* --- Rows --- */

/* Lowest and highest latency of a platform among the training rows. */
static void find_range(const maple_fit_request *request, size_t platform, double *low, double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < maple_train_rows(request); i++) {
        double ms = maple_train_latency(request, platform, i);
        *low = fmin(*low, ms); /* of a number and NaN the number */
        *high = fmax(*high, ms);
    }
}

/* The first `most` of order[] that the source has. Of sources that have the same they are the same. */
static void add_source(const maple_fit_request *request, const maple_nasflat_prior *prior, size_t device,
                       size_t platform, const size_t *order, size_t most, maple_nasflat_rows *rows) {
    const maple_dataset *pool = request->pool;
    double low, high;
    find_range(request, platform, &low, &high);
    for (size_t i = 0, taken = 0; i < maple_train_rows(request) && taken < most; i++) {
        double ms = maple_train_latency(request, platform, order[i]);
        if (isnan(ms))
            continue;
        size_t at = maple_train_row(request, order[i]), row = rows->n++;
        maple_arch arch =
            maple_space_canonical(pool->space, pool->platforms[platform].platform.graph, &pool->archs[at]);
        maple_space_op_graph(pool->space, &arch, &rows->graph[row]);
        rows->device[row] = (uint32_t)device;
        rows->target[row] = high > low ? (float)((ms - low) / (high - low)) : 0;
        for (size_t c = 0; c < prior->shape.proxies; c++)
            rows->proxies[row * prior->shape.proxies + c] = prior->proxies[at * prior->shape.proxies + c];
        taken++;
    }
}

static maple_status make_rows(const maple_fit_request *request, const double *options, const size_t *kept,
                              const maple_nasflat_prior *prior, maple_rng *rng, maple_nasflat_rows *rows,
                              maple_error *error) {
    size_t n = maple_train_rows(request), most = (size_t)options[NASFLAT_SOURCE_ARCHS];
    size_t n_sources = prior->shape.devices - 1;
    if (most == 0)
        most = maple_space_op_graph_connects(request->space) ? FEW_ARCHS : MANY_ARCHS;
    most = most < n ? most : n;
    size_t *order = NULL;
    maple_status status = maple_shuffle_rows(request, rng, &order, error);
    if (status == MAPLE_OK)
        status = maple_nasflat_rows_create(&prior->shape, most * n_sources, rows, error);
    for (size_t s = 0; status == MAPLE_OK && s < n_sources; s++)
        add_source(request, prior, s, kept[s], order, most, rows);
    maple_free(order);
    return status;
}

/* --- Pre-training --- */

static maple_status name_sources(const maple_fit_request *request, const size_t *kept, size_t n,
                                 maple_nasflat_prior *prior, maple_error *error) {
    maple_text names = {0};
    for (size_t s = 0; s < n; s++)
        maple_text_addf(&names, "%s\n", request->pool->platforms[kept[s]].platform.name);
    prior->sources = names.data;
    return names.failed ? maple_error_memory(error) : MAPLE_OK;
}

static void set_shape(const maple_space *space, const double *options, size_t n_sources,
                      maple_nasflat_shape *shape) {
    maple_op_graph graph;
    maple_space_op_graph(space, &(maple_arch){{0}}, &graph);
    *shape = (maple_nasflat_shape){
        .operators = (size_t)maple_space_ops(space),
        .nodes = (size_t)graph.n,
        .devices = n_sources + 1,
        .gnn = (int)options[NASFLAT_GNN],
        .device_in = (int)options[NASFLAT_HARDWARE],
        .positions = options[NASFLAT_POSITIONS] != 0,
        .chain = options[NASFLAT_CHAIN] != 0 && !maple_space_op_graph_connects(space),
    };
}

static maple_status learn(const maple_fit_request *request, const double *options, const size_t *kept,
                          maple_nasflat_prior *prior, maple_error *error) {
    maple_nasflat_rows rows = {0};
    maple_rng rng = maple_rng_seed(request->seed);
    size_t count = maple_nasflat_layout(&prior->shape).offset[NASFLAT_TENSORS];
    prior->parameters = maple_alloc_aligned(count, sizeof *prior->parameters);
    maple_status status = prior->parameters ? make_rows(request, options, kept, prior, &rng, &rows, error)
                                            : maple_error_memory(error);
    if (status == MAPLE_OK) {
        maple_nasflat_training training = {
            .epochs = (size_t)options[NASFLAT_EPOCHS],
            .batch = (size_t)options[NASFLAT_BATCH],
            .rate = options[NASFLAT_RATE],
            .decay = options[NASFLAT_DECAY],
            .margin = options[NASFLAT_MARGIN],
            .seed = maple_rng_next(&rng),
            .task = "pre-training",
            .request = request,
            .keeps = true,
        };
        maple_nasflat_init(&prior->shape, &rng, prior->parameters);
        status = maple_nasflat_train(&prior->shape, &rows, &training, prior->parameters, error);
    }
    maple_nasflat_rows_release(&rows);
    return status;
}

maple_status maple_nasflat_pretrain(const maple_fit_request *request, const double *options, void **out,
                                    maple_error *error) {
    size_t n = 0, *kept = maple_alloc(request->n_sources, sizeof *kept);
    maple_nasflat_prior *prior = maple_alloc(1, sizeof *prior);
    maple_status status =
        kept && prior ? maple_keep_sources(request, kept, &n, error) : maple_error_memory(error);
    if (status == MAPLE_OK) {
        set_shape(request->space, options, n, &prior->shape);
        status = name_sources(request, kept, n, prior, error);
    }
    if (status == MAPLE_OK)
        status = take_proxies(request, options, prior, error);
    if (status == MAPLE_OK)
        status = learn(request, options, kept, prior, error);
    maple_free(kept);
    if (status == MAPLE_OK)
        *out = prior;
    else
        maple_nasflat_prior_free(prior);
    return status;
}
