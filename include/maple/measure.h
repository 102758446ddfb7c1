/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure.h: from a machine to numbers in a pool: the environment probe, the doctor, the worker process that
 * runs an engine, interleaved rounds over networks, operator latencies, counters.
 */
#ifndef MAPLE_MEASURE_H
#define MAPLE_MEASURE_H

#include "maple/counters.h"
#include "maple/engine.h"
#include "maple/pool.h"

#include <math.h>

/* --- Environment: all that explains a number --- */

typedef struct maple_environment {
    char cpu[96];          /* model name as the kernel gives it */
    char architecture[16]; /* x86_64, aarch64 */
    char isa[32];          /* best vector ISA: "avx512", "avx2", ..., "neon", "generic" */
    int cores;             /* that this process may use */
    char caches[96];       /* "L1d 32 KiB/8, L2 1 MiB/16, L3 35.8 MiB/11" or "" */
    char governor[32];     /* "" where not visible */
    double frequency_mhz;  /* NaN where not visible */
    char hypervisor[32];   /* "" on bare metal or where not visible */
    char kernel[96], system[96], compiler[64];
    double load_average;     /* 1 minute */
    int perf_event_paranoid; /* -2 where not visible */
    char date[32];           /* UTC, ISO 8601 */
} maple_environment;

/* `root` replaces "/" in front of /proc and /sys (tests replay recorded machines); NULL: the real ones. What
 * cannot be read is left empty. */
void maple_environment_probe(const char *root, maple_environment *out);
/* A JSON object; freed by maple_free. */
maple_status maple_environment_json(const maple_environment *environment, char **out, maple_error *error);

/* Is `now` the host that `environment` (a JSON object as above) tells of? CPU model, architecture, vector
 * instructions, caches and hypervisor are compared, where both know them; MAPLE_BAD_INPUT says what differs.
 */
maple_status maple_environment_same_host(const char *environment, const maple_environment *now,
                                         maple_error *error);

/* --- Doctor --- */

typedef enum maple_check_level { MAPLE_CHECK_OK, MAPLE_CHECK_WARN, MAPLE_CHECK_FAIL } maple_check_level;

typedef struct maple_check {
    char name[48]; /* "pmu", "engine onednn", "governor", "noise", ... */
    maple_check_level level;
    char finding[320]; /* what is so */
    char effect[256];  /* what it does to results */
    char fix[256];     /* what to do; "" where there is nothing */
} maple_check;

/* Fills at most `capacity` checks, returns how many there are in *n. The noise check times a fixed loop for
 * `noise_seconds` (0: skipped). */
maple_status maple_doctor(const maple_environment *environment, double noise_seconds, maple_check *checks,
                          size_t capacity, size_t *n, maple_error *error);
/* Whether another CPU that this process may use shares the core that is measured on: tried, about 20 ms for
 * each. */
maple_status maple_doctor_shared_core(maple_check *out, maple_error *error);

/* --- What to measure with --- */

typedef struct maple_measure_config {
    const maple_space *space;
    const char *engine;           /* name */
    maple_engine_options options; /* isa NULL: the best */
    maple_graph_form graph;
    const char *worker_path; /* program that calls maple_worker_serve when its first argument is "worker" */
    int cpu;                 /* first CPU to pin to; -1: the last one this process may use */
    int64_t
        *fastest_probe_ns; /* what an undisturbed core takes for the probe (src/measure/probe.h): kept up to
                              date here, so that one measurement learns from the one before; NULL is fine */
    double watchdog_s; /* how long a worker may be silent before it is taken for hanging; 0: 120 s while it
                          compiles, and 10 s + 20 times the slowest run so far beyond what it was given to
                          run. Above 0 it takes the place of the 120 and of the 10 */
    bool skip_verify;  /* do not compare each network with the reference before it is timed (tests only) */
    /* How long to go on for undisturbed runs; 0: operators 20 s or a second for each, sentinels before a
     * campaign 5 s an attempt. Less gives worse numbers sooner (tests only). */
    double quiet_s;
    const maple_hooks *hooks;
} maple_measure_config;

/* The worker's side: serves requests on the two descriptors until the input ends. Returns the status to exit
 * with. */
maple_status maple_worker_serve(int input, int output);

/* Starts a worker once to learn what the platform is (versions, ISA in effect) and fills identity, family and
 * default name ("xeon-2.50ghz-onednn-avx2-1t-b1-pruned", in int8 "...-avx2-int8-1t-..."); id stays 0,
 * counters is "none". */
maple_status maple_measure_identify(const maple_measure_config *config, const maple_environment *environment,
                                    maple_platform *out, maple_error *error);

/* rows[maple_space_operators]: median over the undisturbed ones of interleaved rounds, each timing a loop of
 * runs long enough for the clock; rounds go on until every operator has 25 of them, for 3 to 20 s, or a
 * second for each operator where that is more. An operator that fails is NaN with its reason. */
maple_status maple_measure_operators(const maple_measure_config *config, maple_operator_latency *rows,
                                     maple_error *error);

/* Which provider counts for this configuration. "auto": the first that works here, none where that cannot run
 * the engine's code in this numeric type; `reason` (a buffer) tells why others do not count.
 * MAPLE_UNSUPPORTED where one that is named cannot: callgrind runs code up to avx2, which has none for bf16.
 */
maple_status maple_measure_provider(const maple_measure_config *config, const char *name,
                                    const maple_counter_info **out, char *reason, size_t reason_size,
                                    maple_error *error);

/* counts[descriptor operators x MAPLE_EVENTS] for both cache states. *isa: what the counted code used. */
maple_status maple_measure_counters(const maple_measure_config *config, const maple_counter_info *provider,
                                    maple_count *warm, maple_count *cold, char isa[32], maple_error *error);

typedef struct maple_measure_plan {
    const maple_arch *archs; /* distinct */
    size_t n;
    int rounds;          /* 50 */
    size_t memory_limit; /* bytes of compiled networks at a time; 0: 1 GiB. More is done in blocks */
    uint64_t seed;       /* of the order within rounds */
    bool keep_disturbed; /* keep all runs: those during which the core was shared with a neighbour, windows
                            that drifted, networks that spread */
    bool accept_drift;   /* go on though the sentinels are not as fast as the platform's were */
    bool retry_failed;   /* try again what has a reason instead of a latency in the pool */
    bool retry_flagged;  /* measure anew what is flagged: its label and runs are forgotten first */
    double spread_limit; /* iqr / median of a network's runs above which they are made anew; 0: 0.10 */
    bool flag_at_once;   /* what spreads too much is flagged, not measured anew */
    /* Told what has just been committed, latency_ms[i] of archs[i]; NULL is fine. */
    void (*committed)(void *user, int round, const maple_arch *archs, const double *latency_ms, size_t n);
    /* Told what of it is about to be taken back (drift, spread), that of archs[i] in rounds[i]: it will be
     * measured again. NULL is fine. What was committed and not told of here is in the pool at any moment
     * (until retry_flagged forgets it). */
    void (*taken_back)(void *user, const maple_arch *archs, const int *rounds, size_t n);
    void *user; /* of both */
} maple_measure_plan;

/* What else ran on the machine meanwhile; NaN where the system does not tell. */
typedef struct maple_load {
    double runnable;          /* tasks besides this program that ran or wanted to, on average */
    double steal_share;       /* of the CPUs' time, taken by the hypervisor */
    double switches_per_s;    /* of the whole machine */
    double involuntary_per_s; /* how often the worker was taken off its core */
    double preempted_share;   /* rounds in which that happened */
} maple_load;

typedef struct maple_measure_report {
    size_t measured; /* architectures that got their label in this call */
    size_t already;  /* had one before */
    size_t failed;   /* have a reason instead, of this call or from before */
    size_t losses;   /* workers that were lost (crashed, hung, were killed) and started again */
    double wall_s;
    double executing_s;     /* of wall_s: networks running, warm and timed */
    double timed_s;         /* of wall_s: timed runs */
    size_t flagged;         /* of those that have a label: too noisy, of this call or from before */
    size_t windows;         /* of rounds in which the sentinels could be compared with the reference */
    size_t windows_changed; /* of these, kept though the machine was not as fast as it was */
    size_t rounds_repeated; /* measured again because it was not */
    double sentinel_drift;  /* largest difference from the reference of a window that was kept; 0 with none */
    double sentinel_shift;  /* largest |median / the platform's first median - 1| of a sentinel when this call
                               began; NaN where there is nothing to compare */
    double disturbed_share; /* of the timed runs: made while a neighbour shared the core, and not kept; NaN:
                               none */
    double median_spread;   /* median over architectures of iqr / median */
    maple_load load;
} maple_measure_report;

/* Of nothing measured: what is then not known is NaN. */
#define MAPLE_NO_REPORT                                                                                      \
    ((maple_measure_report){.median_spread = NAN,                                                            \
                            .sentinel_shift = NAN,                                                           \
                            .disturbed_share = NAN,                                                          \
                            .load = {NAN, NAN, NAN, NAN, NAN}})

/* Measures what the pool does not have yet: rounds over all architectures in fresh random order, one warm and
 * one timed run each, sentinels in every round; each round is committed before it is reported. A run during
 * which a neighbour shared the core (src/measure/probe.h), or that another program interrupted, is not kept;
 * architectures that so lack more than half of their rounds get them repeated, up to three times (more where
 * rounds are few), the last time keeping all but those that were interrupted; one that has no run then has
 * that as its reason. After each ten rounds
 * the undisturbed runs of the sentinels are compared with those of the platform's first ten: where they
 * differ by more than 3 %, the rounds are taken back and repeated, up to three times. Networks whose runs
 * spread by more than the limit get all rounds anew, up to twice, then they are flagged. Then labels (median
 * of the kept runs) are written. Cancelled: MAPLE_INTERRUPTED, rounds stay in the pool and the same call
 * continues. A worker that is lost is started again. The network that it was lost with (while compiling, the
 * one in flight; while running, the one that fails alone in a new worker; none: it was chance) is marked as
 * failed, and its row has the reason; so is one that the engine refuses. What has a reason is not tried again
 * unless the plan says so: a campaign that is interrupted often would otherwise do nothing else. Ten workers
 * lost in a row with nothing measured in between: MAPLE_DEVICE_ERROR. On another host than the platform's
 * environment tells of, and on one whose sentinels take 5 % more or less than in the platform's first
 * campaign: MAPLE_BAD_INPUT. While another process measures the platform in this pool: MAPLE_IO_ERROR. In
 * pruned form architectures with the same pruned graph are measured once and all asked for get the row;
 * degenerate ones get an empty latency with the reason. platform->id must be set. `report` is filled also
 * when interrupted. */
maple_status maple_measure_networks(const maple_measure_config *config, maple_pool *pool,
                                    const maple_platform *platform, const maple_measure_plan *plan,
                                    maple_measure_report *report, maple_error *error);

/* Measures networks whatever the pool has of them, by all rules of maple_measure_networks: rows[plan->n] of
 * plan->archs, with the reason where one could not be measured (and the flag where it is noisy). The pool's
 * labels and runs stay as they are: the runs are in a pool in a temporary folder, and gone when this returns,
 * so it cannot be continued. Which are known does not matter (retry_failed, retry_flagged). platform->id must
 * be set; refusals as for maple_measure_networks. */
maple_status maple_measure_anew(const maple_measure_config *config, maple_pool *pool,
                                const maple_platform *platform, const maple_measure_plan *plan,
                                maple_latency *rows, maple_measure_report *report, maple_error *error);

/* How well labels repeat: measures each architecture twice, in two series of plan->rounds rounds each that
 * alternate, every network compiled once for each series, by all rules of maple_measure_networks; then the
 * distribution of |a / b - 1| over the networks whose two labels are there and not flagged. The pool's labels
 * and runs stay as they are: the runs are in a pool in a temporary folder, and gone when this returns, so it
 * cannot be continued. The caller stores *out. platform->id must be set; refusals as for
 * maple_measure_networks; MAPLE_BAD_INPUT where no network is left to compare. plan->archs are different
 * networks in the platform's graph form (maple_space_sample); those that degenerate are left out. */
maple_status maple_measure_repeatability(const maple_measure_config *config, maple_pool *pool,
                                         const maple_platform *platform, const maple_measure_plan *plan,
                                         maple_repeatability *out, maple_measure_report *report,
                                         maple_error *error);

/* Whether that is as good as it can be (1 % in the median, 3 % in the 95th percentile). */
bool maple_repeatability_is_good(const maple_repeatability *row);

/* What the pool (NULL: none) knows of this host: the last repeatability of a platform of it, with what would
 * improve it, or how to find out. */
maple_status maple_doctor_repeatability(const maple_environment *environment, maple_pool *pool,
                                        maple_check *out, maple_error *error);

#endif
