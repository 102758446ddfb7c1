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
#include "measure/lock.h"
#include "measure/probe.h"
#include "measure/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PASSES = 4
}; /* over the rounds: the first over all, then over what was disturbed; the last keeps all */
static const double PIECE_S = 0.5;
static const double DRIFT_WORTH_A_WARNING = 0.03, DISTURBANCE_WORTH_A_WARNING = 0.8;

/* How far this block's medians are from the first block's. */
static maple_status note_drift(maple_session *self, maple_error *error) {
    for (size_t i = 0; i < self->n_sentinels; i++) {
        maple_sentinel *one = &self->sentinels[i];
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

/* --- Rounds --- */

static bool *round_flag(const maple_session *self, size_t target, int round) {
    return &self->campaign.has_round[target * (size_t)self->campaign.plan->rounds + (size_t)round];
}

/* Does this target still want this round? In the first pass every round that it lacks, later only while it
 * lacks more than half of them. */
static bool wants_round(const maple_session *self, size_t target, int round) {
    int rounds = self->campaign.plan->rounds;
    return !*round_flag(self, target, round) &&
           (self->pass == 0 || 2 * self->campaign.targets[target].missing > rounds);
}

/* The ids of a round in fresh random order; none where every target has it already. */
static size_t order_round(maple_session *self, size_t first, size_t end, int round) {
    const maple_measure_plan *plan = self->campaign.plan;
    size_t n = 0;
    bool needed = false;
    for (size_t i = 0; i < self->n_sentinels; i++) {
        size_t target = self->sentinels[i].target;
        if (self->sentinels[i].lost)
            continue;
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
static bool take_run(maple_session *self, size_t id, const maple_timing *timing, int round, size_t *target) {
    const int64_t *machine_ns = self->campaign.config->fastest_probe_ns;
    maple_probe_note(&self->fastest_ns[id], timing->probe_ns);
    maple_probe_note(&self->machine_fastest_ns, timing->probe_ns);
    bool disturbed = maple_probe_disturbed(timing->probe_ns, self->fastest_ns[id],
                                           machine_ns ? *machine_ns : self->machine_fastest_ns);
    bool keep = !disturbed || self->campaign.plan->keep_disturbed || self->pass == PASSES - 1;
    self->campaign.report->timed_s += timing->latency_ms / 1e3;
    *target = id - self->n_sentinels;
    if (id < self->n_sentinels) {
        maple_sentinel *one = &self->sentinels[id];
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

static void report_progress(maple_session *self, double runs) {
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
static maple_status keep_piece(maple_session *self, const size_t *ids, size_t n, int round,
                               maple_error *error) {
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
        self->losses = 0;
        if (campaign->plan->committed)
            campaign->plan->committed(campaign->plan->user, round, self->piece_archs, self->piece_latency_ms,
                                      kept);
    }
    report_progress(self, self->timed - before);
    return MAPLE_OK;
}

/* Runs `n` of a round, or as many as fit a piece, and keeps them: *done of them. *survivable: it failed, and
 * that was the worker's or a network's fault. */
static maple_status run_piece(maple_session *self, const size_t *ids, size_t n, int round, size_t *done,
                              bool *survivable, maple_error *error) {
    double executing_s = 0;
    size_t ask = n < MAPLE_PIECE_IDS ? n : MAPLE_PIECE_IDS;
    maple_status status = maple_session_run(self, ids, ask, PIECE_S, round, done, &executing_s, error);
    *survivable = maple_session_survives(self, status);
    if (status != MAPLE_OK)
        return status;
    self->campaign.report->executing_s += executing_s;
    return keep_piece(self, ids, *done, round, error);
}

/* After a piece that failed: one network at a time, until one fails alone or the piece is made up for (then
 * it was none of them). *done: how many of the ids are dealt with. */
static maple_status run_one_by_one(maple_session *self, const size_t *ids, size_t n, int round,
                                   const maple_error *lost, size_t *done, maple_error *error) {
    maple_status status = maple_session_recover(self, lost, error);
    int64_t end = maple_clock_ns() + (int64_t)(2 * PIECE_S * 1e9);
    size_t i = 0;
    while (status == MAPLE_OK && i < n && maple_clock_ns() < end) {
        size_t one = 0, id = ids[i++];
        bool survivable;
        maple_error failed = {0};
        if (!maple_session_is_loaded(self, id))
            continue;
        if (maple_is_cancelled(self->campaign.config->hooks))
            return maple_session_interrupted(self, error);
        status = run_piece(self, &id, 1, round, &one, &survivable, &failed);
        if (status == MAPLE_OK)
            continue;
        if (!survivable)
            return maple_error_set(error, status, "%s", failed.message);
        status = maple_session_give_up(self, id, &failed, error);
        if (status == MAPLE_OK)
            status = maple_session_recover(self, &failed, error);
        break;
    }
    *done = i;
    return status;
}

static maple_status run_round(maple_session *self, size_t first, size_t end, int round, maple_error *error) {
    size_t n = order_round(self, first, end, round);
    for (size_t at = 0, done = 0; at < n; at += done) {
        maple_error failed = {0};
        if (maple_is_cancelled(self->campaign.config->hooks))
            return maple_session_interrupted(self, error);
        if (!maple_session_is_loaded(self, self->ids[at])) { /* it failed since the round was put in order */
            done = 1;
            continue;
        }
        size_t ask = 1;
        bool survivable;
        while (at + ask < n && maple_session_is_loaded(self, self->ids[at + ask]))
            ask++;
        maple_status status = run_piece(self, self->ids + at, ask, round, &done, &survivable, &failed);
        if (status == MAPLE_OK)
            continue;
        if (!survivable)
            return maple_error_set(error, status, "%s", failed.message);
        status = run_one_by_one(self, self->ids + at, n - at, round, &failed, &done, error);
        if (status != MAPLE_OK)
            return status;
    }
    return MAPLE_OK;
}

/* Runs that this pass over the rounds of a block makes, without the sentinels'. */
static double count_wanted(const maple_session *self, size_t first, size_t end) {
    double wanted = 0;
    for (size_t t = first; t < end; t++) {
        for (int round = 0; round < self->campaign.plan->rounds; round++)
            wanted += (self->loaded[t] || maple_session_is_sentinel(self, t)) && wants_round(self, t, round);
    }
    return wanted;
}

static maple_status measure_block(maple_session *self, size_t first, size_t *end, maple_error *error) {
    maple_status status = maple_session_load(self, first, end, error);
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
        status = maple_session_unload(self, first, *end, error);
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

static maple_status check_host(maple_pool *pool, const maple_platform *platform, maple_error *error) {
    maple_environment here;
    char *then;
    maple_status status = maple_pool_environment(pool, platform->id, &then, error);
    if (status != MAPLE_OK)
        return status;
    maple_environment_probe(NULL, &here);
    status = maple_environment_same_host(then, &here, error);
    maple_free(then);
    return status == MAPLE_OK ? status : maple_error_prefix(error, status, "platform '%s'", platform->name);
}

static maple_status measure_all(maple_session *self, maple_error *error) {
    maple_status status = maple_session_start(self, (size_t)self->campaign.plan->rounds * PASSES, error);
    if (status == MAPLE_OK)
        status = maple_session_check_sentinels(self, error);
    for (size_t first = 0, end = 0; first < self->campaign.n_targets && status == MAPLE_OK; first = end)
        status = measure_block(self, first, &end, error);
    return status;
}

maple_status maple_measure_networks(const maple_measure_config *config, maple_pool *pool,
                                    const maple_platform *platform, const maple_measure_plan *plan,
                                    maple_measure_report *report, maple_error *error) {
    int64_t begin = maple_clock_ns();
    maple_lock lock;
    *report = (maple_measure_report){.median_spread = NAN, .sentinel_shift = NAN};
    maple_status status = check_plan(config, platform, plan, error);
    if (status == MAPLE_OK)
        status = check_host(pool, platform, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_lock_take(&lock, pool, platform, config->hooks, error);
    if (status != MAPLE_OK) {
        maple_lock_release(&lock);
        return status;
    }
    maple_session self = {.campaign = {.config = config,
                                       .plan = plan,
                                       .pool = pool,
                                       .platform = platform->id,
                                       .report = report},
                          .platform = platform};
    status = maple_campaign_prepare(&self.campaign, error);
    if (status == MAPLE_OK && self.campaign.n_targets > 0)
        status = measure_all(&self, error);
    maple_status finished = maple_campaign_finish(&self.campaign, status == MAPLE_OK ? error : NULL);
    status = status == MAPLE_OK ? finished : status;
    maple_session_release(&self);
    maple_lock_release(&lock);
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
