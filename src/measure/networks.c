/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latency of networks by interleaved rounds (why: docs/measurement.md). Neighbours on the host slow
 * a machine down for tenths of a second at a time; 50 runs in a row fall into one such moment, 50 runs spread
 * over all rounds do not, and their median is the label.
 *
 * Networks are compiled in blocks that fit the memory limit. A round is sent to the worker in pieces of half
 * a second: each is committed to the pool when it is back, so an interrupt is answered soon and costs one
 * piece at most.
 */
#include "measure/campaign.h"
#include "measure/probe.h"
#include "measure/worker_client.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SENTINELS = 8, PIECE_IDS = 4096 };
enum {
    PASSES = 4
}; /* over the rounds: the first over all, then over what was disturbed; the last keeps all */
static const double PIECE_S = 0.5;
static const size_t DEFAULT_MEMORY_LIMIT = (size_t)1 << 30;
static const double DRIFT_WORTH_A_WARNING = 0.03, DISTURBANCE_WORTH_A_WARNING = 0.8;

/* Sentinels have the ids 0 .. n_sentinels - 1, targets[t] has n_sentinels + t. */
typedef struct sentinel {
    maple_arch arch;
    size_t target;      /* the target that it is, too, or MAPLE_NO_TARGET */
    double *latency_ms; /* [rounds * PASSES] of this block */
    size_t n;
    double first_median; /* NaN before the first block */
} sentinel;

typedef struct session {
    maple_campaign campaign;
    maple_worker *worker;
    sentinel sentinels[MAX_SENTINELS];
    size_t n_sentinels;
    bool *loaded;               /* [n_targets] */
    int64_t *fastest_ns;        /* [n_sentinels + n_targets] by id: of the probes beside its runs */
    int64_t machine_fastest_ns; /* of all probes, if the caller keeps none */
    size_t *ids;                /* of a round, [n_sentinels + n_targets] */
    maple_timing *timings;      /* [PIECE_IDS] */
    maple_arch *piece_archs;    /* [PIECE_IDS] */
    double *piece_latency_ms;   /* [PIECE_IDS] */
    double done, total;         /* runs of first passes, for progress */
    double repeated, to_repeat; /* runs of the current later pass */
    int pass;                   /* 0 .. PASSES - 1 */
    double timed, dropped;      /* runs of targets, and those of them that were not kept */
} session;

static maple_status interrupted(const session *self, maple_error *error) {
    return maple_error_set(
        error, MAPLE_INTERRUPTED,
        "interrupted after %.0f of %.0f runs; they are in the pool, the same command continues", self->done,
        self->total);
}

/* --- Sentinels --- */

static maple_status load_sentinels(session *self, maple_error *error) {
    const maple_measure_config *config = self->campaign.config;
    size_t n = maple_space_sentinels(config->space);
    for (size_t i = 0; i < n && self->n_sentinels < MAX_SENTINELS; i++) {
        maple_arch written = maple_space_sentinel(config->space, i);
        sentinel *added = &self->sentinels[self->n_sentinels];
        maple_loaded loaded;
        maple_error refused = {0};
        *added = (sentinel){.arch = maple_space_canonical(config->space, config->graph, &written),
                            .target = MAPLE_NO_TARGET,
                            .first_median = NAN};
        maple_status status =
            maple_worker_load_network(self->worker, self->n_sentinels, &added->arch, &loaded, &refused);
        if (status != MAPLE_OK) {
            if (maple_worker_gone(self->worker))
                return maple_error_set(error, status, "%s", refused.message);
            maple_log(config->hooks, MAPLE_LOG_WARNING, "sentinel %zu is left out: %s", i, refused.message);
            continue;
        }
        added->latency_ms =
            maple_alloc((size_t)self->campaign.plan->rounds * PASSES, sizeof *added->latency_ms);
        if (!added->latency_ms)
            return maple_error_memory(error);
        for (size_t t = 0; t < self->campaign.n_targets; t++) {
            if (maple_arch_equal(&self->campaign.targets[t].arch, &added->arch))
                added->target = t;
        }
        self->n_sentinels++;
    }
    return MAPLE_OK;
}

/* How far this block's medians are from the first block's. */
static maple_status note_drift(session *self, maple_error *error) {
    for (size_t i = 0; i < self->n_sentinels; i++) {
        sentinel *one = &self->sentinels[i];
        maple_summary summary;
        maple_status status = maple_summarise(one->latency_ms, one->n, &summary, error);
        if (status != MAPLE_OK)
            return status;
        one->n = 0;
        if (summary.n == 0)
            continue;
        if (isnan(one->first_median))
            one->first_median = summary.median;
        double drift = fabs(summary.median / one->first_median - 1);
        if (drift > self->campaign.report->sentinel_drift)
            self->campaign.report->sentinel_drift = drift;
        if (drift > DRIFT_WORTH_A_WARNING)
            maple_log(self->campaign.config->hooks, MAPLE_LOG_WARNING,
                      "the machine changed: sentinel %zu now takes %.3f ms, %.3f ms at first", i,
                      summary.median, one->first_median);
    }
    return MAPLE_OK;
}

/* --- Blocks --- */

static bool is_sentinel(const session *self, size_t target) {
    for (size_t i = 0; i < self->n_sentinels; i++) {
        if (self->sentinels[i].target == target)
            return true;
    }
    return false;
}

/* Compiles targets from `first` on until the memory limit; *end is behind the last one of the block. */
static maple_status load_block(session *self, size_t first, size_t *end, maple_error *error) {
    maple_campaign *campaign = &self->campaign;
    const maple_hooks *hooks = campaign->config->hooks;
    size_t limit = campaign->plan->memory_limit ? campaign->plan->memory_limit : DEFAULT_MEMORY_LIMIT,
           bytes = 0;
    size_t t = first;
    for (; t < campaign->n_targets && (t == first || bytes < limit); t++) {
        maple_target_network *target = &campaign->targets[t];
        maple_loaded loaded;
        maple_error refused = {0};
        if (target->missing == 0 || is_sentinel(self, t))
            continue;
        if (maple_is_cancelled(hooks))
            return interrupted(self, error);
        maple_report_progress(hooks, "compiling", (double)t, (double)campaign->n_targets, "networks");
        maple_status status =
            maple_worker_load_network(self->worker, self->n_sentinels + t, &target->arch, &loaded, &refused);
        if (status == MAPLE_OK) {
            self->loaded[t] = true;
            bytes += loaded.bytes;
            continue;
        }
        if (maple_worker_gone(self->worker))
            return maple_error_set(error, status, "%s", refused.message);
        target->failed = true;
        snprintf(target->reason, sizeof target->reason, "%.*s", (int)sizeof target->reason - 1,
                 refused.message);
        self->done += target->missing;
    }
    *end = t;
    return MAPLE_OK;
}

static maple_status unload_block(session *self, size_t first, size_t end, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t t = first; t < end && status == MAPLE_OK; t++) {
        if (self->loaded[t])
            status = maple_worker_unload(self->worker, self->n_sentinels + t, error);
        self->loaded[t] = false;
    }
    return status;
}

/* --- Rounds --- */

static bool *round_flag(const session *self, size_t target, int round) {
    return &self->campaign.has_round[target * (size_t)self->campaign.plan->rounds + (size_t)round];
}

/* Does this target still want this round? In the first pass every round that it lacks, later only while it
 * lacks more than half of them. */
static bool wants_round(const session *self, size_t target, int round) {
    int rounds = self->campaign.plan->rounds;
    return !*round_flag(self, target, round) &&
           (self->pass == 0 || 2 * self->campaign.targets[target].missing > rounds);
}

/* The ids of a round in fresh random order; none where every target has it already. */
static size_t order_round(session *self, size_t first, size_t end, int round) {
    const maple_measure_plan *plan = self->campaign.plan;
    size_t n = 0;
    bool needed = false;
    for (size_t i = 0; i < self->n_sentinels; i++) {
        size_t target = self->sentinels[i].target;
        needed = needed || (target >= first && target < end && wants_round(self, target, round));
        self->ids[n++] = i;
    }
    for (size_t t = first; t < end; t++) {
        if (self->loaded[t] && wants_round(self, t, round)) {
            self->ids[n++] = self->n_sentinels + t;
            needed = true;
        }
    }
    uint64_t identity[4] = {plan->seed, first, (uint64_t)round, (uint64_t)self->pass};
    maple_rng rng = maple_rng_seed(maple_hash(identity, sizeof identity));
    maple_rng_shuffle(&rng, n, self->ids);
    return needed ? n : 0;
}

/* Sorts out one run: true where it is to be kept as that of *target. */
static bool take_run(session *self, size_t id, const maple_timing *timing, int round, size_t *target) {
    const int64_t *machine_ns = self->campaign.config->fastest_probe_ns;
    maple_probe_note(&self->fastest_ns[id], timing->probe_ns);
    maple_probe_note(&self->machine_fastest_ns, timing->probe_ns);
    bool disturbed = maple_probe_disturbed(timing->probe_ns, self->fastest_ns[id],
                                           machine_ns ? *machine_ns : self->machine_fastest_ns);
    bool keep = !disturbed || self->campaign.plan->keep_disturbed || self->pass == PASSES - 1;
    self->campaign.report->timed_s += timing->latency_ms / 1e3;
    *target = id - self->n_sentinels;
    if (id < self->n_sentinels) {
        sentinel *one = &self->sentinels[id];
        if (keep)
            one->latency_ms[one->n++] = timing->latency_ms;
        *target = one->target;
        if (*target == MAPLE_NO_TARGET || *round_flag(self, *target, round))
            return false;
    }
    self->timed++;
    self->dropped += !keep;
    return keep;
}

static void report_progress(session *self, double runs) {
    const maple_hooks *hooks = self->campaign.config->hooks;
    if (self->pass == 0) {
        self->done += runs;
        maple_report_progress(hooks, "measuring", self->done, self->total, "runs");
    } else {
        self->repeated += runs;
        maple_report_progress(hooks, "repeating disturbed runs", self->repeated, self->to_repeat, "runs");
    }
}

/* Puts the results of one piece where they belong and commits those of targets. */
static maple_status keep_piece(session *self, const size_t *ids, size_t n, int round, maple_error *error) {
    maple_campaign *campaign = &self->campaign;
    size_t kept = 0;
    double before = self->timed; /* sentinels are not part of what was asked for, nor of its progress */
    for (size_t i = 0; i < n; i++) {
        size_t target;
        if (!take_run(self, ids[i], &self->timings[i], round, &target))
            continue;
        *round_flag(self, target, round) = true;
        campaign->targets[target].missing--;
        self->piece_archs[kept] = campaign->targets[target].arch;
        self->piece_latency_ms[kept++] = self->timings[i].latency_ms;
    }
    if (kept > 0) {
        maple_status status =
            maple_pool_put_round(campaign->pool, campaign->platform, campaign->config->space, round,
                                 self->piece_archs, self->piece_latency_ms, kept, error);
        if (status != MAPLE_OK)
            return status;
    }
    report_progress(self, self->timed - before);
    return MAPLE_OK;
}

static maple_status run_round(session *self, size_t first, size_t end, int round, maple_error *error) {
    size_t n = order_round(self, first, end, round);
    for (size_t at = 0, done = 0; at < n; at += done) {
        double executing_s = 0;
        size_t ask = n - at < PIECE_IDS ? n - at : PIECE_IDS;
        if (maple_is_cancelled(self->campaign.config->hooks))
            return interrupted(self, error);
        maple_status status = maple_worker_run(self->worker, self->ids + at, ask, PIECE_S, self->timings,
                                               &done, &executing_s, error);
        if (status == MAPLE_OK) {
            self->campaign.report->executing_s += executing_s;
            status = keep_piece(self, self->ids + at, done, round, error);
        }
        if (status != MAPLE_OK)
            return status;
    }
    return MAPLE_OK;
}

/* Runs that this pass over the rounds of a block makes, without the sentinels'. */
static double count_wanted(const session *self, size_t first, size_t end) {
    double wanted = 0;
    for (size_t t = first; t < end; t++) {
        for (int round = 0; round < self->campaign.plan->rounds; round++)
            wanted += (self->loaded[t] || is_sentinel(self, t)) && wants_round(self, t, round);
    }
    return wanted;
}

static maple_status measure_block(session *self, size_t first, size_t *end, maple_error *error) {
    maple_status status = load_block(self, first, end, error);
    for (self->pass = 0; self->pass < PASSES && status == MAPLE_OK; self->pass++) {
        self->repeated = 0;
        self->to_repeat = self->pass > 0 ? count_wanted(self, first, *end) : 0;
        for (int round = 0; round < self->campaign.plan->rounds && status == MAPLE_OK; round++)
            status = run_round(self, first, *end, round, error);
    }
    if (status == MAPLE_OK)
        status = maple_campaign_label(&self->campaign, first, *end, error);
    if (status == MAPLE_OK)
        status = note_drift(self, error);
    if (status == MAPLE_OK)
        status = unload_block(self, first, *end, error);
    return status;
}

/* --- The whole --- */

static maple_status check_plan(const maple_measure_config *config, const maple_platform *platform,
                               const maple_measure_plan *plan, maple_error *error) {
    if (plan->rounds < 1 || plan->rounds > 1000000)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%d rounds: it takes at least 1", plan->rounds);
    if (platform->id == 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "platform '%s' is not in the pool yet",
                               platform->name);
    if (platform->graph != config->graph || platform->threads != config->options.threads ||
        platform->batch != config->options.batch || strcmp(platform->engine, config->engine) != 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "platform '%s' is not what is configured to be measured", platform->name);
    return MAPLE_OK;
}

/* The labels of a platform all come from one library version and ISA. */
static maple_status check_engine(const session *self, const maple_platform *platform, maple_error *error) {
    const maple_engine_description *engine = maple_worker_engine(self->worker);
    if (strcmp(engine->isa, platform->isa) != 0 || strcmp(engine->version, platform->engine_version) != 0)
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "platform '%s' was measured with %s %s (%s), this is %s (%s): profile it under a new name",
            platform->name, platform->engine, platform->engine_version, platform->isa, engine->version,
            engine->isa);
    return MAPLE_OK;
}

static maple_status start(session *self, const maple_platform *platform, maple_error *error) {
    size_t n = self->campaign.n_targets;
    maple_status status = maple_worker_start(self->campaign.config, NULL, NULL, &self->worker, error);
    if (status == MAPLE_OK)
        status = check_engine(self, platform, error);
    if (status == MAPLE_OK)
        status = load_sentinels(self, error);
    if (status != MAPLE_OK)
        return status;
    self->loaded = maple_alloc(n, sizeof *self->loaded);
    self->ids = maple_alloc(self->n_sentinels + n, sizeof *self->ids);
    self->fastest_ns = maple_alloc(self->n_sentinels + n, sizeof *self->fastest_ns);
    self->timings = maple_alloc(PIECE_IDS, sizeof *self->timings);
    self->piece_archs = maple_alloc(PIECE_IDS, sizeof *self->piece_archs);
    self->piece_latency_ms = maple_alloc(PIECE_IDS, sizeof *self->piece_latency_ms);
    if (!self->loaded || !self->ids || !self->fastest_ns || !self->timings || !self->piece_archs ||
        !self->piece_latency_ms)
        return maple_error_memory(error);
    for (size_t t = 0; t < n; t++)
        self->total += self->campaign.targets[t].missing;
    return MAPLE_OK;
}

static void release(session *self) {
    maple_worker_stop(self->worker);
    for (size_t i = 0; i < self->n_sentinels; i++)
        maple_free(self->sentinels[i].latency_ms);
    maple_free(self->loaded);
    maple_free(self->ids);
    maple_free(self->fastest_ns);
    maple_free(self->timings);
    maple_free(self->piece_archs);
    maple_free(self->piece_latency_ms);
    maple_campaign_release(&self->campaign);
}

maple_status maple_measure_networks(const maple_measure_config *config, maple_pool *pool,
                                    const maple_platform *platform, const maple_measure_plan *plan,
                                    maple_measure_report *report, maple_error *error) {
    int64_t begin = maple_clock_ns();
    *report = (maple_measure_report){.median_spread = NAN};
    maple_status status = check_plan(config, platform, plan, error);
    if (status != MAPLE_OK)
        return status;
    session self = {
        .campaign = {
            .config = config, .plan = plan, .pool = pool, .platform = platform->id, .report = report}};
    status = maple_campaign_prepare(&self.campaign, error);
    if (status == MAPLE_OK && self.campaign.n_targets > 0)
        status = start(&self, platform, error);
    for (size_t first = 0, end = 0; first < self.campaign.n_targets && status == MAPLE_OK; first = end)
        status = measure_block(&self, first, &end, error);
    maple_status finished = maple_campaign_finish(&self.campaign, status == MAPLE_OK ? error : NULL);
    status = status == MAPLE_OK ? finished : status;
    release(&self);
    report->disturbed_share = self.timed > 0 ? self.dropped / self.timed : 0;
    if (report->disturbed_share > DISTURBANCE_WORTH_A_WARNING)
        maple_log(config->hooks, MAPLE_LOG_WARNING,
                  "the core was hardly ever to ourselves (%.0f %% of the runs were disturbed): labels may be "
                  "too high; "
                  "stop what else runs on this machine or take another core (--cpu), and measure again",
                  100 * report->disturbed_share);
    report->wall_s = (double)(maple_clock_ns() - begin) / 1e9;
    return status;
}
