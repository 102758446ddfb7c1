/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_table.h: latencies of source platforms for any architecture: what was measured where it was, else
 * what a structured linear model of that source says. A table owns all it needs: the pool may go.
 *
 * A pruned source has one latency for all architectures with one pruned graph, an as-written one for each
 * string.
 */
#ifndef MAPLE_PREDICTOR_SOURCE_TABLE_H
#define MAPLE_PREDICTOR_SOURCE_TABLE_H

#include "maple/predictor.h"
#include "space/arch_index.h"
#include "predictor/structured.h"

enum { MAPLE_GRAPH_FORMS = 2 };

typedef struct maple_source {
    maple_graph_form graph;
    double median_ms; /* of the architectures that all sources have; of its own where there are none */
    double *known_ms; /* [index[graph].n], NaN where not measured */
    maple_structured fill;
} maple_source;

typedef struct maple_source_table {
    const maple_space *space;
    size_t n;
    maple_source *sources;
    maple_arch_index
        index[MAPLE_GRAPH_FORMS]; /* canonical architectures that a source of this form may know */
} maple_source_table;

/* From the pool, sources and training rows of a request. A source without a latency of the training
 * architectures is left out with a warning; with none left: MAPLE_BAD_INPUT. */
maple_status maple_source_table_build(const maple_fit_request *request, maple_source_table *out,
                                      maple_error *error);
void maple_source_table_release(maple_source_table *table);
/* Sources first .. first + n - 1 alone. */
maple_status maple_source_table_copy(const maple_source_table *table, size_t first, size_t n,
                                     maple_source_table *out, maple_error *error);

/* latency_ms[table->n] > 0 of an architecture; `features` is scratch of the caller's, as many as the space
 * has. */
void maple_source_table_look_up(const maple_source_table *table, const maple_arch *arch, double *latency_ms,
                                double *features);

maple_status maple_source_table_save(const maple_source_table *table, maple_tensors *tensors,
                                     maple_error *error);
maple_status maple_source_table_load(const maple_tensors *tensors, const maple_space *space,
                                     maple_source_table *out, maple_error *error);

#endif
