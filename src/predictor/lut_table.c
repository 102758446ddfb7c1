/* SPDX-License-Identifier: Apache-2.0 */
/* The look-up table. */
#include "predictor/lut_table.h"

#include <math.h>
#include <string.h>

static maple_status missing_operator(const maple_space *space, size_t i, const maple_arch *arch,
                                     maple_error *error) {
    char text[MAPLE_MAX_ARCH_TEXT];
    maple_space_format(space, arch, text);
    return maple_error_set(
        error, MAPLE_BAD_INPUT,
        "no latency of operator %s, which %s executes: profile the platform (maple profile)",
        maple_space_operator(space, i)->name, text);
}

static maple_status check_arch(const maple_lut *lut, const maple_space *space, maple_graph_form form,
                               const maple_arch *arch, maple_error *error) {
    double sum;
    if (form == MAPLE_GRAPH_PRUNED && maple_space_degenerate(space, arch))
        return MAPLE_OK;
    return maple_lut_sum(lut, space, form, arch, &sum, error);
}

/* Of a space that cannot be enumerated, the architectures with one operator everywhere: together they execute
 * every operator that any executes, since there an operator's place alone decides whether it runs. */
static maple_status check_needed(const maple_lut *lut, const maple_space *space, maple_graph_form form,
                                 maple_error *error) {
    bool any = false;
    maple_status status = MAPLE_OK;
    for (size_t i = 0; i < lut->n; i++)
        any = any || isnan(lut->operator_ms[i]);
    if (!any)
        return MAPLE_OK;
    for (size_t a = 0; a < maple_space_enumerable(space) && status == MAPLE_OK; a++) {
        maple_arch arch = maple_space_nth(space, a);
        status = check_arch(lut, space, form, &arch, error);
    }
    for (int op = 0; op < maple_space_ops(space) && !maple_space_enumerable(space) && status == MAPLE_OK;
         op++) {
        maple_arch arch = {{0}};
        memset(arch.op, op, (size_t)maple_space_positions(space));
        status = check_arch(lut, space, form, &arch, error);
    }
    return status;
}

maple_status maple_lut_init(maple_lut *lut, const maple_space *space, maple_graph_form form,
                            const double *operator_ms, maple_error *error) {
    lut->n = maple_space_operators(space);
    if (lut->n > MAPLE_LUT_MAX_OPERATORS)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "space %s has %zu operators, look-up tables hold %d",
                               maple_space_name(space), lut->n, MAPLE_LUT_MAX_OPERATORS);
    for (size_t i = 0; i < lut->n; i++) {
        lut->operator_ms[i] = operator_ms[i];
        if (operator_ms[i] < 0 || isinf(operator_ms[i]))
            return maple_error_set(error, MAPLE_BAD_INPUT, "operator %s: latency %g ms: measure it again",
                                   maple_space_operator(space, i)->name, operator_ms[i]);
    }
    return check_needed(lut, space, form, error);
}

maple_status maple_lut_sum(const maple_lut *lut, const maple_space *space, maple_graph_form form,
                           const maple_arch *arch, double *latency_ms, maple_error *error) {
    double counts[MAPLE_LUT_MAX_OPERATORS];
    maple_space_operator_counts(space, form, arch, counts);
    return maple_lut_sum_counts(lut, space, arch, counts, latency_ms, error);
}

maple_status maple_lut_sum_counts(const maple_lut *lut, const maple_space *space, const maple_arch *arch,
                                  const double *counts, double *latency_ms, maple_error *error) {
    double sum = 0;
    for (size_t i = 0; i < lut->n; i++) {
        if (counts[i] == 0) /* what does not run need not be known */
            continue;
        if (isnan(lut->operator_ms[i]))
            return missing_operator(space, i, arch, error);
        sum += counts[i] * lut->operator_ms[i];
    }
    if (!(sum > 0)) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(space, arch, text);
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "the operators of %s take %g ms together: profile the platform again", text,
                               sum);
    }
    *latency_ms = sum;
    return MAPLE_OK;
}

maple_status maple_lut_save(const maple_lut *lut, maple_tensors *tensors, maple_error *error) {
    return maple_tensors_add(tensors, "operator_ms", MAPLE_F64, lut->n, 0, lut->operator_ms, error);
}

maple_status maple_lut_load(const maple_tensors *tensors, const maple_space *space, maple_graph_form form,
                            maple_lut *lut, maple_error *error) {
    const void *data;
    maple_status status = maple_tensors_get(tensors, "operator_ms", MAPLE_F64, maple_space_operators(space),
                                            0, &data, NULL, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_lut_init(lut, space, form, data, error);
    return status == MAPLE_OK ? status : maple_error_prefix(error, status, "%s", maple_tensors_path(tensors));
}
