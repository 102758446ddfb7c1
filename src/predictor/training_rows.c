/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows of a pool, and which of its platforms, a request can learn from. */
#include "predictor/predictor_internal.h"

#include <math.h>

double maple_usable_latency(const maple_dataset *pool, maple_graph_form graph, const double *latency_ms,
                            size_t row) {
    double ms = latency_ms[row];
    if (!isfinite(ms) || ms <= 0)
        return NAN;
    return graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(pool->space, &pool->archs[row]) ? NAN : ms;
}

double maple_train_latency(const maple_fit_request *request, size_t platform, size_t i) {
    const maple_dataset_platform *source = &request->pool->platforms[platform];
    return maple_usable_latency(request->pool, source->platform.graph, source->latency_ms,
                                maple_train_row(request, i));
}

maple_status maple_shuffle_rows(const maple_fit_request *request, maple_rng *rng, size_t **order,
                                maple_error *error) {
    size_t n = maple_train_rows(request);
    *order = maple_alloc(n, sizeof **order);
    if (!*order)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        (*order)[i] = i;
    maple_rng_shuffle(rng, n, *order);
    return MAPLE_OK;
}

maple_status maple_keep_sources(const maple_fit_request *request, size_t *kept, size_t *n,
                                maple_error *error) {
    size_t found = 0, rows = maple_train_rows(request);
    for (size_t s = 0; s < request->n_sources; s++) {
        size_t platform = request->sources[s], i = 0;
        while (i < rows && isnan(maple_train_latency(request, platform, i)))
            i++;
        if (i < rows)
            kept[found++] = platform;
        else
            maple_log(request->hooks, MAPLE_LOG_WARNING,
                      "source %s has no latencies of the training architectures: left out",
                      request->pool->platforms[platform].platform.name);
    }
    *n = found;
    return found > 0 ? MAPLE_OK
                     : maple_error_set(error, MAPLE_BAD_INPUT,
                                       "the sources have no latencies of the training architectures");
}
