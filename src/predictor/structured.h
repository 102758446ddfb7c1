/* SPDX-License-Identifier: Apache-2.0 */
/*
 * structured.h: latency as a linear function of the space's structured features, fitted by Bayesian linear
 * regression on the latencies of one device alone (docs/method.md). For `scratch`, and for architectures that
 * a source has not measured.
 */
#ifndef MAPLE_PREDICTOR_STRUCTURED_H
#define MAPLE_PREDICTOR_STRUCTURED_H

#include "maple/space.h"
#include "predictor/safetensors.h"

typedef struct maple_structured {
    const maple_space *space;
    size_t n;             /* features of the space */
    double *coefficients; /* [n + 1], ms; the last is the offset */
    double floor_ms;      /* predictions are at least this: a twentieth of the smallest latency */
} maple_structured;

/* From n >= 1 canonical architectures with positive latencies. */
maple_status maple_structured_fit(const maple_space *space, maple_graph_form graph, const maple_arch *archs,
                                  const double *latency_ms, size_t n, maple_structured *out,
                                  maple_error *error);
void maple_structured_release(maple_structured *model);

/* ms > 0 of a canonical architecture: features[n] are its maple_space_feature_values. */
double maple_structured_apply(const maple_structured *model, const double *features);

/* `n` models of one space as the tensors "structured" and "floor_ms", a row each. */
maple_status maple_structured_save(const maple_structured *models, size_t n, maple_tensors *tensors,
                                   maple_error *error);
/* models[n] are initialised here and released by the caller. */
maple_status maple_structured_load(const maple_tensors *tensors, const maple_space *space, size_t n,
                                   maple_structured *models, maple_error *error);

#endif
