/* SPDX-License-Identifier: Apache-2.0 */
/* lut_table.h: the sum of the latencies of the operators that an architecture executes, skeleton included. */
#ifndef MAPLE_PREDICTOR_LUT_TABLE_H
#define MAPLE_PREDICTOR_LUT_TABLE_H

#include "maple/space.h"
#include "predictor/safetensors.h"

enum { MAPLE_LUT_MAX_OPERATORS = 256 };

typedef struct maple_lut {
    size_t n;
    double operator_ms[MAPLE_LUT_MAX_OPERATORS]; /* NaN where not measured */
} maple_lut;

/* Copies the latencies. Where the space can be enumerated, MAPLE_BAD_INPUT names an operator that some
 * architecture executes and that has no latency; elsewhere the missing one is found when it is needed. A
 * latency that is negative or infinite is refused. */
maple_status maple_lut_init(maple_lut *lut, const maple_space *space, maple_graph_form form,
                            const double *operator_ms, maple_error *error);
/* Sum for a canonical architecture; MAPLE_BAD_INPUT names the operator that is missing. */
maple_status maple_lut_sum(const maple_lut *lut, const maple_space *space, maple_graph_form form,
                           const maple_arch *arch, double *latency_ms, maple_error *error);

/* The same, with the architecture's operator counts at hand. */
maple_status maple_lut_sum_counts(const maple_lut *lut, const maple_space *space, const maple_arch *arch,
                                  const double *counts, double *latency_ms, maple_error *error);

maple_status maple_lut_save(const maple_lut *lut, maple_tensors *tensors, maple_error *error);
maple_status maple_lut_load(const maple_tensors *tensors, const maple_space *space, maple_graph_form form,
                            maple_lut *lut, maple_error *error);

#endif
