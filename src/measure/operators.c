/* SPDX-License-Identifier: Apache-2.0 */
/* Latency of every operator of a space: the descriptor's, and the look-up table. */
#include "measure/probe.h"
#include "measure/worker_client.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 25, MAX_ROUNDS = 400 };
/* How long rounds go on for 25 undisturbed ones: 20 s, a second for each operator where that is more. */
static const double LEAST_S = 3, MOST_S = 20, OPERATOR_S = 1;
static const double LOOP_S = 0.001; /* a loop: long against the clock, short against a neighbour's bursts */

static void fail_row(maple_operator_latency *row, const maple_error *error) {
    *row = (maple_operator_latency){.latency_ms = NAN, .mean_ms = NAN, .min_ms = NAN, .sd_ms = NAN};
    snprintf(row->reason, sizeof row->reason, "%.*s", (int)sizeof row->reason - 1, error->message);
}

/* Loads each operator under its index; ids[] are those that can be timed. */
static maple_status load_operators(maple_worker *worker, size_t n, maple_operator_latency *rows, size_t *ids,
                                   size_t *n_ids, maple_error *error) {
    *n_ids = 0;
    for (size_t i = 0; i < n; i++) {
        maple_loaded loaded;
        maple_error refused = {0};
        maple_status status = maple_worker_load_operator(worker, i, i, &loaded, &refused);
        if (status != MAPLE_OK) {
            if (maple_worker_gone(worker))
                return maple_error_set(error, status, "%s", refused.message);
            fail_row(&rows[i], &refused);
            continue;
        }
        rows[i] = (maple_operator_latency){0};
        snprintf(rows[i].implementation, sizeof rows[i].implementation, "%s", loaded.implementations);
        ids[(*n_ids)++] = i;
    }
    return MAPLE_OK;
}

/* Loops of one operator in the order of the rounds. */
typedef struct series {
    double latency_ms[MAX_ROUNDS];
    int64_t probe_ns[MAX_ROUNDS];
    size_t n;
} series;

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t own_undisturbed(const series *loops) {
    int64_t sorted[MAX_ROUNDS];
    memcpy(sorted, loops->probe_ns, loops->n * sizeof *sorted);
    qsort(sorted, loops->n, sizeof *sorted, ascending);
    return maple_probe_undisturbed(sorted, loops->n);
}

/* Copies the undisturbed ones, judged by all there are by now; returns how many. */
static size_t undisturbed(const series *loops, int64_t machine_fastest_ns, double *latency_ms) {
    size_t kept = 0;
    int64_t own_ns = own_undisturbed(loops);
    for (size_t i = 0; i < loops->n; i++) {
        if (!maple_probe_disturbed(loops->probe_ns[i], own_ns, machine_fastest_ns))
            latency_ms[kept++] = loops->latency_ms[i];
    }
    return kept;
}

/* The median of the undisturbed loops; of all where there are too few for a median: *disturbed. */
static maple_status summarise_row(const series *loops, int64_t fastest_ns, maple_operator_latency *row,
                                  bool *disturbed, maple_error *error) {
    enum { FEWEST = 5 };
    double kept[MAX_ROUNDS];
    size_t n = undisturbed(loops, fastest_ns, kept);
    *disturbed = n < FEWEST;
    if (*disturbed) {
        n = loops->n;
        memcpy(kept, loops->latency_ms, n * sizeof *kept);
    }
    maple_summary summary;
    maple_status status = maple_summarise(kept, n, &summary, error);
    if (status == MAPLE_OK) {
        row->latency_ms = summary.median;
        row->mean_ms = summary.mean;
        row->min_ms = summary.min;
        row->sd_ms = summary.sd;
        row->runs = (int)n;
    }
    return status;
}

static maple_status summarise_rows(const maple_measure_config *config, const size_t *ids, size_t n,
                                   const series *loops, int64_t fastest_ns, maple_operator_latency *rows,
                                   maple_error *error) {
    maple_status status = MAPLE_OK;
    size_t n_disturbed = 0;
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        bool disturbed = false;
        status = summarise_row(&loops[ids[i]], fastest_ns, &rows[ids[i]], &disturbed, error);
        n_disturbed += disturbed;
    }
    if (status == MAPLE_OK && n_disturbed > 0)
        maple_log(
            config->hooks, MAPLE_LOG_WARNING,
            "the core was hardly ever to ourselves beside %zu of %zu operators: their latencies may be too "
            "high; stop what else runs on this machine or take another core (--cpu), and measure again "
            "(maple profile --again)",
            n_disturbed, n);
    return status;
}

/* One round: all operators in fresh order. */
static maple_status time_round(maple_worker *worker, maple_rng *rng, size_t *ids, size_t n,
                               maple_timing *timings, series *loops, int64_t *fastest_ns,
                               maple_error *error) {
    maple_rng_shuffle(rng, n, ids);
    maple_status status = maple_worker_loop(worker, ids, n, LOOP_S, timings, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        series *one = &loops[ids[i]];
        one->latency_ms[one->n] = timings[i].latency_ms;
        one->probe_ns[one->n++] = timings[i].probe_ns;
        maple_probe_note(fastest_ns, timings[i].probe_ns);
    }
    return status;
}

/* Fewest undisturbed loops of an operator. */
static size_t fewest_undisturbed(const series *loops, const size_t *ids, size_t n, int64_t fastest_ns) {
    double kept[MAX_ROUNDS];
    size_t fewest = MAX_ROUNDS;
    for (size_t i = 0; i < n; i++) {
        size_t have = undisturbed(&loops[ids[i]], fastest_ns, kept);
        fewest = have < fewest ? have : fewest;
    }
    return fewest;
}

/* Rounds until each operator has 25 undisturbed loops: for at least some seconds, since the slow stretch of a
 * shared core may last that long and only its end shows what undisturbed is. */
static maple_status time_operators(const maple_measure_config *config, maple_worker *worker, size_t *ids,
                                   size_t n, maple_timing *timings, series *loops, int64_t *fastest_ns,
                                   maple_error *error) {
    maple_rng rng = maple_rng_seed(config->options.weight_seed);
    int64_t start = maple_clock_ns();
    double most_s = config->quiet_s > 0 ? config->quiet_s : fmax(MOST_S, OPERATOR_S * (double)n);
    *fastest_ns = config->fastest_probe_ns ? *config->fastest_probe_ns : 0;
    for (int round = 0; round < MAX_ROUNDS; round++) {
        double elapsed_s = (double)(maple_clock_ns() - start) * 1e-9;
        size_t have = fewest_undisturbed(loops, ids, n, *fastest_ns);
        if ((have >= ROUNDS && elapsed_s > LEAST_S) || elapsed_s > most_s)
            break;
        if (maple_is_cancelled(config->hooks))
            return maple_error_set(
                error, MAPLE_INTERRUPTED,
                "interrupted while the operators were timed; the same command starts them again");
        maple_status status = time_round(worker, &rng, ids, n, timings, loops, fastest_ns, error);
        if (status != MAPLE_OK)
            return status;
        maple_report_progress(config->hooks, "timing operators", (double)(have < ROUNDS ? have : ROUNDS),
                              ROUNDS, "undisturbed rounds");
    }
    return MAPLE_OK;
}

maple_status maple_measure_operators(const maple_measure_config *config, maple_operator_latency *rows,
                                     maple_error *error) {
    size_t n = maple_space_operators(config->space), n_ids = 0;
    maple_worker *worker = NULL;
    size_t *ids = maple_alloc(n, sizeof *ids);
    maple_timing *timings = maple_alloc(n, sizeof *timings);
    series *loops = maple_alloc(n, sizeof *loops);
    int64_t fastest_ns = 0;
    maple_operator_latency *found = maple_alloc(n, sizeof *found);
    maple_status status = ids && timings && loops && found ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_worker_start(config, NULL, NULL, &worker, error);
    if (status == MAPLE_OK)
        status = load_operators(worker, n, found, ids, &n_ids, error);
    if (status == MAPLE_OK && n_ids > 0)
        status = time_operators(config, worker, ids, n_ids, timings, loops, &fastest_ns, error);
    if (status == MAPLE_OK)
        status = summarise_rows(config, ids, n_ids, loops, fastest_ns, found, error);
    if (status == MAPLE_OK)
        memcpy(rows, found, n * sizeof *found);
    maple_worker_stop(worker);
    maple_free(found);
    maple_free(loops);
    maple_free(timings);
    maple_free(ids);
    return status;
}
