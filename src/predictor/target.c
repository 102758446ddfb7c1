/* SPDX-License-Identifier: Apache-2.0 */
/* A platform of a dataset as a target. */
#include "maple/predictor.h"

#include <math.h>

static const double *if_any(const double *values, size_t n) {
    for (size_t i = 0; values && i < n; i++) {
        if (isfinite(values[i]))
            return values;
    }
    return NULL;
}

maple_target maple_dataset_target(const maple_dataset *dataset, const maple_dataset_platform *platform) {
    size_t counters = maple_space_descriptor_operators(dataset->space) * MAPLE_EVENTS;
    return (maple_target){
        .graph = platform->platform.graph,
        .operator_ms = if_any(platform->operator_ms, maple_space_operators(dataset->space)),
        .counters_warm = if_any(platform->counters_warm, counters),
        .counters_cold = if_any(platform->counters_cold, counters),
        .counters = platform->platform.counters,
    };
}
