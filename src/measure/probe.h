/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h: is this CPU to ourselves right now? A fixed loop of about 10 us that fills the issue slots of the
 * core runs before and after what is timed. Where a neighbour shares the core (the other hyperthread, seen
 * from a virtual machine or not), the loop takes 1.2 to 2 times its best, and so does a network; frequency
 * changes and short preemptions show, too. Measured on a shared host: runs between two undisturbed probes
 * spread by 7 % (interquartile), all runs by 40 %.
 */
#ifndef MAPLE_MEASURE_PROBE_H
#define MAPLE_MEASURE_PROBE_H

#include "maple/base.h"

/* Zero-initialised: nothing known yet. */
typedef struct maple_probe {
    int64_t fastest_ns[2]; /* of the current stretch of time and the one before it; 0: none yet */
    int64_t stretch_start_ns;
} maple_probe;

/* Runs the loop once; its duration in ns. */
int64_t maple_probe_run(void);

/* Takes note of a duration measured at `now_ns`; true where it is clearly longer than the fastest one of the
 * last stretches. Old stretches are forgotten, so a machine that has throttled for good is not disturbed for
 * ever. */
bool maple_probe_judge(maple_probe *probe, int64_t now_ns, int64_t duration_ns);

/* Starts with what an earlier measurement knew; 0: nothing. */
void maple_probe_start(maple_probe *probe, int64_t now_ns, int64_t fastest_ns);

/* The same comparison against a known fastest duration. */
bool maple_probe_disturbed(int64_t duration_ns, int64_t fastest_ns);

#endif
