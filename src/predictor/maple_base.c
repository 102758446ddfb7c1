/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a latency without a network. */
#include "predictor/maple_model.h"

#include <math.h>

maple_status maple_base_table(const maple_base *base, const maple_model_context *context,
                              const maple_arch *arch, const double *counts, double *out, maple_error *error) {
    if (base->has_lut) {
        double sum;
        maple_status status = maple_lut_sum_counts(&base->lut, context->space, arch, counts, &sum, error);
        if (status == MAPLE_OK)
            *out = log(sum);
        return status;
    }
    *out = base->costs ? maple_costs_log(base, context->space, arch) : base->level;
    return MAPLE_OK;
}

maple_status maple_base_log(const maple_base *base, const maple_model_context *context,
                            const maple_arch *arch, double *out, maple_error *error) {
    double features[MAPLE_MAX_FEATURES], counts[MAPLE_LUT_MAX_OPERATORS], sum;
    if (base->has_lut || base->n_features > 0)
        maple_space_operator_counts(context->space, context->graph, arch, counts);
    maple_status status = maple_base_table(base, context, arch, counts, &sum, error);
    if (status != MAPLE_OK)
        return status;
    if (base->n_features > 0)
        maple_features(base, context, counts, features);
    for (size_t i = 0; i < base->n_features; i++)
        sum += base->correction[i] * features[i];
    *out = sum;
    return MAPLE_OK;
}
