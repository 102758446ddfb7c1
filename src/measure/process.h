/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h: a child process that answers one line to one line: pinned, in its own process group (Ctrl-C at
 * the terminal reaches only the parent), with nothing but the environment it is given.
 */
#ifndef MAPLE_MEASURE_PROCESS_H
#define MAPLE_MEASURE_PROCESS_H

#include "maple/base.h"

typedef struct maple_process maple_process;

typedef struct maple_process_options {
    char *const *argv;        /* argv[0] is searched in PATH */
    char *const *environment; /* all of it */
    const int *cpus;          /* to pin to, before the program is loaded */
    size_t n_cpus;
} maple_process_options;

maple_status maple_process_start(const maple_process_options *options, maple_process **out,
                                 maple_error *error);

/* Sends a line (with its newline) and waits for the answer. A child that died, hangs or cannot be reached is
 * MAPLE_DEVICE_ERROR with its last words, and gone from then on. Cancelled hooks: MAPLE_INTERRUPTED after a
 * grace of a few seconds in which the answer may still come. *answer lives until the next call. */
maple_status maple_process_ask(maple_process *process, const char *request, double timeout_s,
                               const maple_hooks *hooks, char **answer, maple_error *error);

/* For a child that answers nonsense: kills it, returns MAPLE_DEVICE_ERROR. */
maple_status maple_process_distrust(maple_process *process, const char *answer, maple_error *error);
bool maple_process_gone(const maple_process *process);
/* Of one that is gone: "was killed by signal 11 (Segmentation fault)", "did not answer within 12 s", ... */
const char *maple_process_end(const maple_process *process);
/* Did a SIGKILL end it that was not ours? What the system does to who takes too much memory. */
bool maple_process_killed(const maple_process *process);
long maple_process_id(const maple_process *process);
void maple_process_stop(maple_process *process); /* NULL is fine; the child has ended when this returns */

#endif
