/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h: what else runs on the machine while something is measured: tasks that want to run, time that the
 * hypervisor took, and how often the worker was taken off its core. Three small files of /proc a sample,
 * about 0.1 ms. A sample is taken while the worker waits, so it is not among the running tasks.
 */
#ifndef MAPLE_MEASURE_LOAD_H
#define MAPLE_MEASURE_LOAD_H

#include "maple/measure.h"

typedef struct maple_load_sample {
    double running;      /* tasks of the machine that run or want to, this one among them */
    double steal, ticks; /* of all CPUs since the machine started */
    double switches;     /* of the machine since it started */
    double involuntary;  /* of the process */
    long process;
    int64_t at_ns;
} maple_load_sample; /* NaN: the system does not tell */

/* `root` replaces "/" (tests replay recorded files); NULL: the real one. */
void maple_load_sample_take(const char *root, long process, maple_load_sample *out);

typedef struct maple_load_meter {
    maple_load_sample last;
    size_t n;                    /* samples */
    double running, n_running;   /* sum, and how many tell */
    double steal, ticks;         /* between samples */
    double switches, switches_s; /* and the time over which */
    double involuntary, involuntary_s;
    double intervals, preempted;
} maple_load_meter;

void maple_load_note(maple_load_meter *meter, const maple_load_sample *sample);
void maple_load_read(const maple_load_meter *meter, maple_load *out);

#endif
