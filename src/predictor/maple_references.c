/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies of the space's reference architectures on platforms of the pool. */
#include "predictor/maple_model.h"

#include <math.h>

maple_status maple_reference_latencies(const maple_dataset *pool, size_t platform, double *out,
                                       maple_error *error) {
    const maple_dataset_platform *row = &pool->platforms[platform];
    maple_graph_form form = row->platform.graph;
    size_t n = maple_space_references(pool->space);
    maple_arch *wanted = maple_alloc(n, sizeof *wanted);
    if (!wanted)
        return maple_error_memory(error);
    for (size_t r = 0; r < n; r++) {
        maple_arch arch = maple_space_reference(pool->space, r);
        wanted[r] = maple_space_canonical(pool->space, form, &arch);
        out[r] = NAN;
    }
    for (size_t i = 0; i < pool->n_archs; i++) {
        if (!(row->latency_ms[i] > 0) || !isfinite(row->latency_ms[i]))
            continue;
        maple_arch arch = maple_space_canonical(pool->space, form, &pool->archs[i]);
        for (size_t r = 0; r < n; r++)
            if (isnan(out[r]) && maple_arch_equal(&arch, &wanted[r]))
                out[r] = row->latency_ms[i];
    }
    maple_free(wanted);
    return MAPLE_OK;
}

int maple_references_wanted(double option, bool has_table) {
    enum { ALL = 10 };
    return option == REFERENCES_ALWAYS || (option == REFERENCES_AUTO && !has_table) ? ALL : 0;
}
