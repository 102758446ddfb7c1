/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source tables in model files: "source" [n, 2] (graph form, median), the fill-ins, and for each form that a
 * source has "architectures_FORM" [architectures, positions] (operators) and "known_ms_FORM" [sources of the
 * form, architectures].
 */
#include "predictor/source_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct names {
    char archs[48], known[48];
} names;

static names names_of(int form) {
    names n;
    const char *name = maple_graph_form_name((maple_graph_form)form);
    snprintf(n.archs, sizeof n.archs, "architectures_%s", name);
    snprintf(n.known, sizeof n.known, "known_ms_%s", name);
    return n;
}

/* --- Writing --- */

static maple_status save_form(const maple_source_table *table, int form, maple_tensors *tensors,
                              maple_error *error) {
    const maple_arch_index *index = &table->index[form];
    size_t positions = index->positions, rows = 0;
    names name = names_of(form);
    float *codes = maple_alloc(index->n * positions, sizeof *codes);
    double *known = maple_alloc(table->n * index->n, sizeof *known);
    maple_status status = codes && known ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        for (size_t i = 0; i < index->n * positions; i++)
            codes[i] = index->archs[i / positions].op[i % positions];
        for (size_t s = 0; s < table->n; s++)
            if ((int)table->sources[s].graph == form)
                memcpy(known + rows++ * index->n, table->sources[s].known_ms, index->n * sizeof *known);
        status = maple_tensors_add(tensors, name.archs, MAPLE_F32, index->n, positions, codes, error);
    }
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, name.known, MAPLE_F64, rows, index->n, known, error);
    maple_free(codes);
    maple_free(known);
    return status;
}

maple_status maple_source_table_save(const maple_source_table *table, maple_tensors *tensors,
                                     maple_error *error) {
    double *source = maple_alloc(2 * table->n, sizeof *source);
    maple_structured *fills = maple_alloc(table->n, sizeof *fills);
    maple_status status = source && fills ? MAPLE_OK : maple_error_memory(error);
    for (size_t s = 0; s < table->n && status == MAPLE_OK; s++) {
        source[2 * s] = table->sources[s].graph;
        source[2 * s + 1] = table->sources[s].median_ms;
        fills[s] = table->sources[s].fill;
    }
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "source", MAPLE_F64, table->n, 2, source, error);
    if (status == MAPLE_OK)
        status = maple_structured_save(fills, table->n, tensors, error);
    for (int form = 0; form < MAPLE_GRAPH_FORMS && status == MAPLE_OK; form++)
        if (table->index[form].n > 0)
            status = save_form(table, form, tensors, error);
    maple_free(source);
    maple_free(fills);
    return status;
}

/* --- Reading --- */

static maple_status malformed(const maple_tensors *tensors, const char *name, size_t row, const char *what,
                              maple_error *error) {
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor '%s', row %zu: %s",
                           maple_tensors_path(tensors), name, row, what);
}

static maple_status load_index(const maple_tensors *tensors, const maple_space *space, const char *name,
                               maple_arch_index *index, maple_error *error) {
    const void *data;
    size_t n, positions = (size_t)maple_space_positions(space);
    maple_status status =
        maple_tensors_get(tensors, name, MAPLE_F32, MAPLE_ANY_ROWS, positions, &data, &n, error);
    if (status == MAPLE_OK)
        status = maple_arch_index_create(space, n, index, error);
    if (status != MAPLE_OK)
        return status;
    const float *codes = data;
    for (size_t i = 0; i < n; i++) {
        maple_arch arch = {{0}};
        for (size_t p = 0; p < positions; p++) {
            float code = codes[i * positions + p];
            if (!(code >= 0 && code < (float)maple_space_ops(space) && code == floorf(code)))
                return malformed(tensors, name, i, "an operator that the space has not", error);
            arch.op[p] = (uint8_t)code;
        }
        if (maple_arch_index_add(index, &arch) != i)
            return malformed(tensors, name, i, "an architecture for the second time", error);
    }
    return n > 0 ? MAPLE_OK : malformed(tensors, name, 0, "no architectures", error);
}

/* The sources of one form, in their order. */
static maple_status load_form(const maple_tensors *tensors, int form, maple_source_table *table,
                              maple_error *error) {
    names name = names_of(form);
    const void *data;
    size_t rows = 0;
    for (size_t s = 0; s < table->n; s++)
        rows += (int)table->sources[s].graph == form;
    if (rows == 0)
        return MAPLE_OK;
    maple_status status = load_index(tensors, table->space, name.archs, &table->index[form], error);
    size_t n = table->index[form].n;
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, name.known, MAPLE_F64, rows, n, &data, NULL, error);
    const double *known = data;
    for (size_t s = 0; s < table->n && status == MAPLE_OK; s++) {
        maple_source *source = &table->sources[s];
        if ((int)source->graph != form)
            continue;
        source->known_ms = maple_alloc(n, sizeof *known);
        if (!source->known_ms)
            return maple_error_memory(error);
        memcpy(source->known_ms, known, n * sizeof *known);
        for (size_t i = 0; i < n; i++)
            if (!isnan(known[i]) && !(isfinite(known[i]) && known[i] > 0))
                return malformed(tensors, name.known, s, "not a latency", error);
        known += n;
    }
    return status;
}

static maple_status load_sources(const maple_tensors *tensors, maple_source_table *table,
                                 maple_error *error) {
    const void *data;
    maple_status status =
        maple_tensors_get(tensors, "source", MAPLE_F64, MAPLE_ANY_ROWS, 2, &data, &table->n, error);
    if (status != MAPLE_OK)
        return status;
    if (table->n == 0)
        return malformed(tensors, "source", 0, "no source", error);
    maple_structured *fills = maple_alloc(table->n, sizeof *fills);
    table->sources = maple_alloc(table->n, sizeof *table->sources);
    status = fills && table->sources ? maple_structured_load(tensors, table->space, table->n, fills, error)
                                     : maple_error_memory(error);
    const double *source = data;
    for (size_t s = 0; s < table->n && status == MAPLE_OK; s++) /* now they are the table's */
        table->sources[s].fill = fills[s];
    maple_free(fills);
    for (size_t s = 0; s < table->n && status == MAPLE_OK; s++, source += 2) {
        if ((source[0] != MAPLE_GRAPH_AS_WRITTEN && source[0] != MAPLE_GRAPH_PRUNED) ||
            !(isfinite(source[1]) && source[1] > 0))
            return malformed(tensors, "source", s, "not a graph form and a latency", error);
        table->sources[s].graph = (maple_graph_form)source[0];
        table->sources[s].median_ms = source[1];
    }
    return status;
}

maple_status maple_source_table_load(const maple_tensors *tensors, const maple_space *space,
                                     maple_source_table *out, maple_error *error) {
    maple_source_table table = {.space = space};
    maple_status status = load_sources(tensors, &table, error);
    for (int form = 0; form < MAPLE_GRAPH_FORMS && status == MAPLE_OK; form++)
        status = load_form(tensors, form, &table, error);
    if (status == MAPLE_OK)
        *out = table;
    else
        maple_source_table_release(&table);
    return status;
}
