/* SPDX-License-Identifier: Apache-2.0 */
/* Source tables: built from a pool, copied, looked up. Files are source_table_file.c. */
#include "predictor/source_table.h"
#include "predictor/predictor_internal.h"

#include <math.h>
#include <string.h>

void maple_source_table_release(maple_source_table *table) {
    for (size_t s = 0; table->sources && s < table->n; s++) {
        maple_free(table->sources[s].known_ms);
        maple_structured_release(&table->sources[s].fill);
    }
    maple_free(table->sources);
    for (int form = 0; form < MAPLE_GRAPH_FORMS; form++)
        maple_arch_index_release(&table->index[form]);
    *table = (maple_source_table){0};
}

/* --- Look-up --- */

void maple_source_table_look_up(const maple_source_table *table, const maple_arch *arch, double *latency_ms,
                                double *features) {
    maple_arch canonical[MAPLE_GRAPH_FORMS];
    size_t place[MAPLE_GRAPH_FORMS];
    for (int form = 0; form < MAPLE_GRAPH_FORMS; form++) {
        if (table->index[form].n == 0)
            continue; /* no source of this form */
        canonical[form] = maple_space_canonical(table->space, (maple_graph_form)form, arch);
        place[form] = maple_arch_index_find(&table->index[form], &canonical[form]);
    }
    int described = -1; /* the form that `features` are of: most sources share one */
    for (size_t s = 0; s < table->n; s++) {
        const maple_source *source = &table->sources[s];
        size_t at = place[source->graph];
        latency_ms[s] = at == SIZE_MAX ? NAN : source->known_ms[at];
        if (!isnan(latency_ms[s]))
            continue;
        if (described != (int)source->graph)
            maple_space_feature_values(table->space, &canonical[source->graph], features);
        described = (int)source->graph;
        latency_ms[s] = maple_structured_apply(&source->fill, features);
    }
}

/* --- Building --- */

typedef struct builder {
    const maple_fit_request *request;
    size_t n_rows; /* training rows */
    size_t *kept;  /* [table->n]: rows of pool->platforms */
    maple_source_table *table;
} builder;

static const maple_arch *arch_at(const builder *b, size_t i) {
    return &b->request->pool->archs[maple_train_row(b->request, i)];
}

static maple_status keep_sources(builder *b, maple_error *error) {
    const maple_fit_request *request = b->request;
    maple_status status = maple_keep_sources(request, b->kept, &b->table->n, error);
    if (status != MAPLE_OK)
        return status;
    b->table->sources = maple_alloc(b->table->n, sizeof *b->table->sources);
    if (!b->table->sources)
        return maple_error_memory(error);
    for (size_t s = 0; s < b->table->n; s++)
        b->table->sources[s].graph = request->pool->platforms[b->kept[s]].platform.graph;
    return MAPLE_OK;
}

/* The training architectures, for each form that a source has. */
static maple_status number_archs(builder *b, maple_error *error) {
    const maple_dataset *pool = b->request->pool;
    for (size_t s = 0; s < b->table->n; s++) {
        maple_graph_form form = b->table->sources[s].graph;
        maple_arch_index *index = &b->table->index[form];
        if (index->slots)
            continue;
        maple_status status = maple_arch_index_create(pool->space, b->n_rows, index, error);
        if (status != MAPLE_OK)
            return status;
        for (size_t i = 0; i < b->n_rows; i++) {
            const maple_arch *arch = arch_at(b, i);
            if (form == MAPLE_GRAPH_PRUNED && maple_space_degenerate(pool->space, arch))
                continue;
            maple_arch canonical = maple_space_canonical(pool->space, form, arch);
            maple_arch_index_add(index, &canonical);
        }
    }
    return MAPLE_OK;
}

/* A linear model of a source; a few thousand of its latencies say all that it can learn. */
static maple_status fit_fill(const maple_source_table *table, maple_source *source, maple_error *error) {
    enum { ENOUGH = 2000 };
    const maple_arch_index *index = &table->index[source->graph];
    size_t known = 0, used = 0;
    for (size_t i = 0; i < index->n; i++)
        known += isnan(source->known_ms[i]) ? 0 : 1;
    size_t step = (known + ENOUGH - 1) / ENOUGH, seen = 0;
    maple_arch *archs = maple_alloc(known / step + 1, sizeof *archs);
    double *latency_ms = maple_alloc(known / step + 1, sizeof *latency_ms);
    maple_status status = archs && latency_ms ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < index->n && status == MAPLE_OK; i++) {
        if (isnan(source->known_ms[i]) || seen++ % step != 0)
            continue;
        archs[used] = index->archs[i];
        latency_ms[used++] = source->known_ms[i];
    }
    if (status == MAPLE_OK)
        status =
            maple_structured_fit(table->space, source->graph, archs, latency_ms, used, &source->fill, error);
    maple_free(archs);
    maple_free(latency_ms);
    return status;
}

/* Several rows may run the same pruned graph: their mean. Returns how many architectures stay unknown. */
static maple_status fill_source(const builder *b, size_t s, size_t *unknown, maple_error *error) {
    maple_source *source = &b->table->sources[s];
    const maple_arch_index *index = &b->table->index[source->graph];
    const maple_dataset *pool = b->request->pool;
    uint32_t *count = maple_alloc(index->n, sizeof *count);
    source->known_ms = maple_alloc(index->n, sizeof *source->known_ms);
    maple_status status = count && source->known_ms ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < b->n_rows && status == MAPLE_OK; i++) {
        double ms = maple_train_latency(b->request, b->kept[s], i);
        if (isnan(ms))
            continue;
        maple_arch canonical = maple_space_canonical(pool->space, source->graph, arch_at(b, i));
        size_t at = maple_arch_index_find(index, &canonical);
        source->known_ms[at] += ms;
        count[at]++;
    }
    for (size_t i = 0; i < index->n && status == MAPLE_OK; i++) {
        source->known_ms[i] = count[i] > 0 ? source->known_ms[i] / count[i] : NAN;
        *unknown += count[i] == 0;
    }
    maple_free(count);
    return status == MAPLE_OK ? fit_fill(b->table, source, error) : status;
}

/* Medians over the training rows that every source has, or over each source's own. */
static maple_status find_medians(const builder *b, maple_error *error) {
    maple_source_table *table = b->table;
    bool *shared = maple_alloc(b->n_rows, sizeof *shared);
    double *values = maple_alloc(b->n_rows, sizeof *values);
    maple_status status = shared && values ? MAPLE_OK : maple_error_memory(error);
    size_t n_shared = 0;
    for (size_t i = 0; i < b->n_rows && status == MAPLE_OK; i++) {
        shared[i] = true;
        for (size_t s = 0; s < table->n && shared[i]; s++)
            shared[i] = !isnan(maple_train_latency(b->request, b->kept[s], i));
        n_shared += shared[i];
    }
    for (size_t s = 0; s < table->n && status == MAPLE_OK; s++) {
        size_t n = 0;
        for (size_t i = 0; i < b->n_rows; i++) {
            double ms = shared[i] || n_shared == 0 ? maple_train_latency(b->request, b->kept[s], i) : NAN;
            if (!isnan(ms))
                values[n++] = ms;
        }
        maple_summary summary;
        status = maple_summarise(values, n, &summary, error);
        if (status == MAPLE_OK)
            table->sources[s].median_ms = summary.median;
    }
    maple_free(shared);
    maple_free(values);
    return status;
}

maple_status maple_source_table_build(const maple_fit_request *request, maple_source_table *out,
                                      maple_error *error) {
    maple_source_table table = {.space = request->space};
    builder b = {.request = request, .n_rows = maple_train_rows(request), .table = &table};
    b.kept = maple_alloc(request->n_sources, sizeof *b.kept);
    maple_status status = b.kept ? keep_sources(&b, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = number_archs(&b, error);
    size_t unknown = 0;
    for (size_t s = 0; s < table.n && status == MAPLE_OK; s++) {
        status = fill_source(&b, s, &unknown, error);
        if (status == MAPLE_OK && maple_is_cancelled(request->hooks))
            status = maple_error_set(error, MAPLE_INTERRUPTED, "cancelled after %zu of %zu sources", s + 1,
                                     table.n);
    }
    if (status == MAPLE_OK)
        status = find_medians(&b, error);
    if (status == MAPLE_OK && unknown > 0)
        maple_log(request->hooks, MAPLE_LOG_INFO,
                  "%zu sources: %zu latencies of the training architectures are missing and filled in by a "
                  "linear model of the source",
                  table.n, unknown);
    maple_free(b.kept);
    if (status == MAPLE_OK)
        *out = table;
    else
        maple_source_table_release(&table);
    return status;
}

/* --- Copies --- */

static maple_status copy_source(const maple_source_table *table, size_t s, maple_source *out,
                                maple_error *error) {
    const maple_source *source = &table->sources[s];
    size_t n = table->index[source->graph].n, features = source->fill.n + 1;
    *out = *source;
    out->known_ms = maple_alloc(n, sizeof *out->known_ms);
    out->fill.coefficients = maple_alloc(features, sizeof(double));
    if (!out->known_ms || !out->fill.coefficients)
        return maple_error_memory(error);
    memcpy(out->known_ms, source->known_ms, n * sizeof *out->known_ms);
    memcpy(out->fill.coefficients, source->fill.coefficients, features * sizeof(double));
    return MAPLE_OK;
}

maple_status maple_source_table_copy(const maple_source_table *table, size_t first, size_t n,
                                     maple_source_table *out, maple_error *error) {
    maple_source_table copy = {
        .space = table->space, .n = n, .sources = maple_alloc(n, sizeof *copy.sources)};
    maple_status status = copy.sources ? MAPLE_OK : maple_error_memory(error);
    for (size_t s = 0; s < n && status == MAPLE_OK; s++) {
        status = copy_source(table, first + s, &copy.sources[s], error);
        maple_arch_index *index = &copy.index[table->sources[first + s].graph];
        const maple_arch_index *from = &table->index[table->sources[first + s].graph];
        if (status != MAPLE_OK || index->slots)
            continue;
        status = maple_arch_index_create(table->space, from->n, index, error);
        for (size_t i = 0; i < from->n && status == MAPLE_OK; i++)
            maple_arch_index_add(index, &from->archs[i]);
    }
    if (status == MAPLE_OK)
        *out = copy;
    else
        maple_source_table_release(&copy);
    return status;
}
