/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_client.h: the parent's side of a worker process (worker.c has the protocol): starts it pinned and
 * with the environment that its engine needs, one typed call a request.
 *
 * A refusal (the worker's own error) is returned with the worker still usable; where the worker itself is
 * lost, maple_worker_gone tells.
 */
#ifndef MAPLE_MEASURE_WORKER_CLIENT_H
#define MAPLE_MEASURE_WORKER_CLIENT_H

#include "maple/measure.h"

typedef struct maple_worker maple_worker;

/* Starts a worker and opens the engine in it. `counters` NULL: no launcher, no counter session. */
maple_status maple_worker_start(const maple_measure_config *config, const maple_counter_info *counters,
                                const char *scratch, maple_worker **out, maple_error *error);
void maple_worker_stop(maple_worker *worker); /* NULL is fine */
bool maple_worker_gone(const maple_worker *worker);
/* Of one that is gone: how it ended (maple_process_end), and whether by a SIGKILL that was not ours. */
const char *maple_worker_end(const maple_worker *worker);
bool maple_worker_killed(const maple_worker *worker);
long maple_worker_process_id(const maple_worker *worker);
const maple_engine_description *maple_worker_engine(const maple_worker *worker);

typedef struct maple_loaded {
    double relative_error; /* NaN where not verified */
    size_t bytes;
    char implementations[160];
} maple_loaded;

maple_status maple_worker_load_network(maple_worker *worker, size_t id, const maple_arch *arch,
                                       maple_loaded *out, maple_error *error);
maple_status maple_worker_load_operator(maple_worker *worker, size_t id, size_t index, maple_loaded *out,
                                        maple_error *error);
maple_status maple_worker_unload(maple_worker *worker, size_t id, maple_error *error);

typedef struct maple_timing {
    double latency_ms;
    int64_t probe_ns; /* the slower one of the probes just before and just after, or preempted (probe.h) */
} maple_timing;

typedef struct maple_run_request {
    const size_t *ids;
    size_t n;
    double budget_s;
    double patience_s; /* how long beyond the budget it may be silent; 0: as long as a compilation may take */
    unsigned tag;      /* the round: comes back with the answer */
} maple_run_request;

/* One warm and one timed run of each id in this order, as far as the budget goes: *done of them, at least
 * one. */
maple_status maple_worker_run(maple_worker *worker, const maple_run_request *run, maple_timing *timings,
                              size_t *done, double *executing_s, maple_error *error);
/* Mean of a loop of at least `least_s` for each id. */
maple_status maple_worker_loop(maple_worker *worker, const size_t *ids, size_t n, double least_s,
                               maple_timing *timings, maple_error *error);
maple_status maple_worker_count(maple_worker *worker, size_t id, maple_cache_state state,
                                maple_count counts[MAPLE_EVENTS], maple_error *error);

#endif
