/* SPDX-License-Identifier: Apache-2.0 */
/*
 * siblings.h: which CPUs share a core with the one that is measured on? A virtual machine does not say (its
 * topology shows what the host made up), so it is tried: a busy loop on the other CPU slows the probe
 * (probe.h) on this one down where the two are hyperthreads of one core.
 */
#ifndef MAPLE_MEASURE_SIBLINGS_H
#define MAPLE_MEASURE_SIBLINGS_H

#include "maple/base.h"

enum { MAPLE_MAX_CPUS = 64 };

typedef struct maple_siblings {
    int cpu;                         /* the last one this process may use, as measured on */
    int cpus[MAPLE_MAX_CPUS];        /* the others that slow it down */
    double slowdown[MAPLE_MAX_CPUS]; /* by how much: 1.5 is half as long again */
    size_t n;
    size_t tried;
} maple_siblings;

/* Takes about 20 ms for each other CPU that this process may use, at most MAPLE_MAX_CPUS of them. Threads of
 * its own are pinned; the caller's affinity stays. MAPLE_UNSUPPORTED where threads cannot be pinned. */
maple_status maple_siblings_find(maple_siblings *out, maple_error *error);

#endif
