/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Latency of networks by interleaved rounds (why: docs/measurement.md). Neighbours on the host slow
 * a machine down for tenths of a second at a time; 50 runs in a row fall into one such moment, 50 runs spread
 * over all rounds do not, and their median is the label.
 *
 * Rounds are in windows (drift.h), and all of them are run again for networks whose runs spread too much
 * (spread.c). Networks are compiled in blocks that fit the memory limit. A round is sent to the worker in
 * pieces of half a second: each is committed to the pool when it is back, so an interrupt is answered soon
 * and costs one piece at most.
 */
#include "measure/probe.h"
#include "measure/session.h"

enum {
    PASSES = 4, /* over the rounds: the first over all, then over what was disturbed; the last keeps what was
                   not preempted */
    LEAST_ATTEMPTS = 32 /* at a run, before a network is given up that is always preempted: more passes like
                           the last where rounds are few */
};
static const double PIECE_S = 0.5;
static const int64_t BETWEEN_LOAD_SAMPLES_NS = 20000000;

/* --- Rounds --- */

/* Undisturbed runs that a label needs at least (or half the rounds, where that is less); with fewer it is had
 * from those beside a neighbour, too. As many as a spread is told from. */
enum { LEAST_RUNS = 8 };

/* Does this target still want this round? In the first pass every round that it lacks, later only while it
 * lacks more than half of them, in the last pass while it has too few for a label; once all are measured,
 * only where they are measured anew. */
static bool wants_round(const maple_session *self, size_t target, int round) {
    const maple_campaign *campaign = &self->campaign;
    const maple_target_network *one = &campaign->targets[target];
    int rounds = campaign->plan->rounds / campaign->series, wanted = rounds;
    if (self->pass > 0)
        wanted = (rounds + 1) / 2;
    if (self->pass >= PASSES - 1 && wanted > LEAST_RUNS)
        wanted = LEAST_RUNS;
    return !*maple_campaign_round(campaign, target, round) && (self->again == 0 || one->anew) &&
           rounds - one->missing < wanted;
}

/* The ids of a round in fresh random order; none where every target has it already. */
static size_t order_round(maple_session *self, size_t first, size_t end, int round) {
    const maple_measure_plan *plan = self->campaign.plan;
    size_t n = 0;
    bool needed = false;
    for (size_t t = first; t < end; t++) {
        if (self->loaded[t] && wants_round(self, t, round)) {
            self->ids[n++] = self->n_sentinels + t;
            needed = true;
        }
    }
    size_t copies = 1 + n / MAPLE_SENTINEL_EVERY;
    for (size_t i = 0; i < self->n_sentinels; i++) {
        size_t target = self->sentinels[i].target;
        if (self->sentinels[i].lost)
            continue;
        needed = needed || (target >= first && target < end && wants_round(self, target, round));
        for (size_t k = 0; k < copies && k < MAPLE_SENTINEL_COPIES; k++)
            self->ids[n++] = i;
    }
    uint64_t identity[4] = {plan->seed, first, (uint64_t)round,
                            (uint64_t)(self->pass + LEAST_ATTEMPTS * self->again)};
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
    /* A neighbour costs a few tens of percent, which is better than no label; another program on the core
     * makes a run as long as it likes. */
    bool preempted = timing->probe_ns >= MAPLE_PROBE_PREEMPTED;
    bool keep = !disturbed || self->campaign.plan->keep_disturbed || (self->pass >= PASSES - 1 && !preempted);
    self->campaign.report->timed_s += timing->latency_ms / 1e3;
    *target = id - self->n_sentinels;
    if (id < self->n_sentinels) {
        maple_sentinel *one = &self->sentinels[id];
        if (!disturbed && one->n < MAPLE_WINDOW_RUNS)
            one->latency_ms[one->n++] = timing->latency_ms;
        *target = one->target;
        if (*target == MAPLE_NO_TARGET || *maple_campaign_round(&self->campaign, *target, round))
            return false;
    }
    self->timed++;
    self->dropped += !keep;
    return keep;
}

static void report_progress(maple_session *self, double runs) {
    const maple_hooks *hooks = self->campaign.config->hooks;
    if (self->pass == 0 && self->again == 0) {
        self->done += runs;
        maple_report_progress(hooks, "measuring", self->done, self->total, "runs");
    } else {
        self->repeated += runs;
        maple_report_progress(hooks, self->again ? "repeating noisy networks" : "repeating disturbed runs",
                              self->repeated, self->to_repeat, "runs");
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
        *maple_campaign_round(campaign, target, round) = true;
        campaign->targets[target].missing--;
        maple_status status = maple_drift_note(self, target, round, error);
        if (status != MAPLE_OK)
            return status;
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
    self->drift.rounds += n > 0;
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

static void sample_load(maple_session *self) {
    maple_load_sample sample;
    if (!self->worker)
        return;
    if (self->load.n > 0 && maple_clock_ns() - self->load.last.at_ns < BETWEEN_LOAD_SAMPLES_NS)
        return;
    maple_load_sample_take(NULL, maple_worker_process_id(self->worker), &sample);
    maple_load_note(&self->load, &sample);
}

/* Rounds [begin, stop), again where the machine was not itself meanwhile. */
static maple_status run_window(maple_session *self, size_t first, size_t end, int begin, int stop,
                               maple_error *error) {
    maple_status status = MAPLE_OK;
    bool again = true;
    for (int attempt = 0; again && status == MAPLE_OK; attempt++) {
        maple_drift_begin_window(self);
        for (int round = begin; round < stop && status == MAPLE_OK; round++) {
            status = run_round(self, first, end, round, error);
            sample_load(self);
        }
        if (status == MAPLE_OK)
            status = maple_drift_judge(self, attempt, &again, error);
    }
    return status;
}

/* All passes over the rounds of a block. A rest of less than half a window belongs to the one before. */
static maple_status run_passes(maple_session *self, size_t first, size_t end, maple_error *error) {
    int rounds = self->campaign.plan->rounds;
    int few = (LEAST_ATTEMPTS + rounds - 1) / rounds, passes = few > PASSES ? few : PASSES;
    maple_status status = MAPLE_OK;
    for (self->pass = 0; self->pass < passes && status == MAPLE_OK; self->pass++) {
        self->repeated = 0;
        self->to_repeat = self->pass > 0 || self->again > 0 ? count_wanted(self, first, end) : 0;
        for (int begin = 0, stop; begin < rounds && status == MAPLE_OK; begin = stop) {
            stop = begin + MAPLE_WINDOW_ROUNDS;
            if (rounds - stop < MAPLE_WINDOW_ROUNDS / 2)
                stop = rounds;
            status = run_window(self, first, end, begin, stop, error);
        }
    }
    return status;
}

maple_status maple_session_measure_block(maple_session *self, size_t first, size_t *end, maple_error *error) {
    maple_status status = maple_session_load(self, first, end, error);
    size_t noisy = 1;
    maple_drift_begin_block(self);
    for (self->again = 0; noisy > 0 && status == MAPLE_OK; self->again++) {
        status = run_passes(self, first, *end, error);
        if (status == MAPLE_OK)
            status = maple_session_take_back_spread(self, first, *end, &noisy, error);
    }
    self->again = 0;
    if (status == MAPLE_OK)
        status = maple_campaign_label(&self->campaign, first, *end, error);
    if (status == MAPLE_OK)
        status = maple_session_unload(self, first, *end, error);
    return status;
}
