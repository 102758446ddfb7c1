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

/* Runs the loop once; its duration in ns. */
int64_t maple_probe_run(void);

/* In place of the duration: another program had the core in the middle of what was timed, which the probes
 * before and after it cannot see. Longer than any duration (eleven days), so always disturbed, and never the
 * fastest. */
#define MAPLE_PROBE_PREEMPTED INT64_C(1000000000000000)

/* What this process, with all its threads, has had of the CPUs so far. */
typedef struct maple_cpu_use {
    int64_t at_ns, cpu_ns;
    int64_t preemptions; /* how often it had to give way (getrusage(2), ru_nivcsw) */
} maple_cpu_use;

maple_cpu_use maple_cpu_use_now(void);

/* Did it have to give way since then, and lose more than 1 % of the time by that? `threads`: that it ran.
 * (Short work of the kernel gets in between the runs of large networks always.) Where threads wait for each
 * other without using their CPUs, that time counts as lost, too. */
bool maple_was_preempted(const maple_cpu_use *then, int threads);

/* Is a probe clearly longer than the fastest one beside runs of the same network, or out of proportion to the
 * fastest one on this machine (0: not known)? Networks are compared with themselves first, because what runs
 * changes the clock of the core (wide vectors lower it by up to a quarter); the machine's figure is for when
 * all runs of a network fell into one slow stretch. */
bool maple_probe_disturbed(int64_t duration_ns, int64_t own_undisturbed_ns, int64_t machine_fastest_ns);

/* What an undisturbed core takes for the probe beside one operator, of n probes in ascending order: their 5 %
 * quantile, not the fastest, which may be one of a few from a moment of a higher clock (some operators of
 * oneDNN sse41 leave the core at .87 of its clock in 97 of 100 loops). Where no clock explains how much
 * longer the quantile is, the core was to itself for less than 5 % of the time: the fastest. 0 where n is 0.
 */
int64_t maple_probe_undisturbed(const int64_t *ascending_ns, size_t n);

/* *fastest_ns becomes the smaller of both; 0 is none yet. MAPLE_PROBE_PREEMPTED is no duration. */
void maple_probe_note(int64_t *fastest_ns, int64_t duration_ns);

#endif
