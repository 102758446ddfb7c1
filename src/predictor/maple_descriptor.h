/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maple_descriptor.h: the hardware descriptor S as the networks see it.
 *
 * Parts, each of which a platform may lack:
 *   graph        pruned or as written
 *   operators    mean log operator latency; each operator's relative to it
 *   counters     log counts of the operators, warm and cold, per operator latency or per run
 *   references   mean log latency of the space's reference architectures; each one's relative to it
 *
 * Columns are standardised over the sources; then principal components of the sources' rows. A few platforms
 * span a few dimensions of hundreds of columns: in these coordinates distances between sources are what they
 * were, and the network has no weights that only the target would use, which nothing could train.
 */
#ifndef MAPLE_PREDICTOR_MAPLE_DESCRIPTOR_H
#define MAPLE_PREDICTOR_MAPLE_DESCRIPTOR_H

#include "predictor/predictor_vtable.h"

enum { COUNTERS_PER_LATENCY, COUNTERS_PER_RUN };
/* Whose counters are looked at: nobody's, all, those of platforms whose provider simulates (or does not). A
 * platform whose provider is not known has neither simulated nor real ones. */
enum { COUNTERS_NONE, COUNTERS_ANY, COUNTERS_SIMULATED, COUNTERS_REAL, COUNTERS_KINDS };

/* Which parts are looked at, and how. */
typedef struct maple_parts {
    bool operators, references;
    int counters; /* COUNTERS_... */
    bool counters_per_latency;
} maple_parts;

/* What is known of a platform; NULL or NaN where it is not. */
typedef struct maple_measured {
    maple_graph_form graph;
    const double *operator_ms, *counters_warm, *counters_cold, *reference_ms;
    const char *provider; /* of the counters */
} maple_measured;

/* How S is made of what is known of a platform. */
typedef struct maple_axes {
    maple_parts parts;
    size_t used, kept;      /* columns that are used; length of S */
    size_t references;      /* of the space */
    double *reference_mean; /* [references of the space]: mean log latency over the sources */
    double *column;         /* [used]: place among all columns */
    double *mean, *sd;      /* [used] over the sources */
    double *axis;           /* [kept, used] */
} maple_axes;

/* A column is used where at least two of the n platforms have it, it varies among them, and, with `target`
 * (NULL: not known yet), the target has it. S may come out empty. */
maple_status maple_axes_learn(const maple_space *space, maple_parts parts, const maple_measured *platforms,
                              size_t n, const maple_measured *target, maple_axes *out, maple_error *error);
/* S[axes->kept]. What a platform lacks is as on the average source. */
maple_status maple_axes_apply(const maple_axes *axes, const maple_space *space,
                              const maple_measured *platform, float *s, maple_error *error);
void maple_axes_release(maple_axes *axes);

size_t maple_descriptor_columns(const maple_space *space); /* all there are, used or not */

/* In files (maple_axes_file.c); `kept` as the network of the file has it. */
maple_status maple_axes_save(const maple_axes *axes, maple_tensors *tensors, maple_error *error);
maple_status maple_axes_load(const maple_tensors *tensors, const maple_space *space, size_t kept,
                             maple_axes *out, maple_error *error);

#endif
