/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call's worker and what is compiled in it: see session.h.
 *
 * Who is to blame for a lost worker? While a network is compiled, that network; but a worker that the system
 * killed, probably for its memory, may be the fault of all that is compiled in it: then the network is
 * compiled once more, alone. While networks run, the caller runs them one at a time (networks.c).
 */
#include "measure/session.h"

#include <stdio.h>
#include <string.h>

enum { MAX_LOSSES = 10 }; /* in a row, with nothing achieved in between */
static const size_t DEFAULT_MEMORY_LIMIT = (size_t)1 << 30;
/* The watchdog of a run: one network at most is under way when the budget is over. */
static const double RUN_PATIENCE_S = 10, RUN_PATIENCE_FACTOR = 20;

/* --- The worker --- */

/* The labels of a platform all come from one library version and ISA. */
static maple_status check_engine(const maple_session *self, maple_error *error) {
    const maple_engine_description *engine = maple_worker_engine(self->worker);
    const maple_platform *platform = self->platform;
    if (strcmp(engine->isa, platform->isa) != 0 || strcmp(engine->version, platform->engine_version) != 0)
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "platform '%s' was measured with %s %s (%s), this is %s (%s): profile it under a new name",
            platform->name, platform->engine, platform->engine_version, platform->isa, engine->version,
            engine->isa);
    return MAPLE_OK;
}

static maple_status start_worker(maple_session *self, maple_error *error) {
    maple_worker_stop(self->worker);
    self->worker = NULL;
    maple_status status = maple_worker_start(self->campaign.config, NULL, NULL, &self->worker, error);
    return status == MAPLE_OK ? check_engine(self, error) : status;
}

maple_status maple_session_interrupted(const maple_session *self, maple_error *error) {
    return maple_error_set(
        error, MAPLE_INTERRUPTED,
        "interrupted after %.0f of %.0f runs; they are in the pool, the same command continues", self->done,
        self->total);
}

bool maple_session_survives(const maple_session *self, maple_status status) {
    return status == MAPLE_DEVICE_ERROR || (!maple_worker_gone(self->worker) &&
                                            (status == MAPLE_UNSUPPORTED || status == MAPLE_OUT_OF_MEMORY));
}

bool maple_session_is_loaded(const maple_session *self, size_t id) {
    return id < self->n_sentinels ? !self->sentinels[id].lost : self->loaded[id - self->n_sentinels];
}

bool maple_session_is_sentinel(const maple_session *self, size_t target) {
    for (size_t i = 0; i < self->n_sentinels; i++) {
        if (self->sentinels[i].target == target && !self->sentinels[i].lost)
            return true;
    }
    return false;
}

maple_status maple_session_run(maple_session *self, const size_t *ids, size_t n, double budget_s, int round,
                               size_t *done, double *executing_s, maple_error *error) {
    const maple_measure_config *config = self->campaign.config;
    double least_s = config->watchdog_s > 0 ? config->watchdog_s : RUN_PATIENCE_S;
    maple_run_request request = {
        .ids = ids, .n = n, .budget_s = budget_s, .tag = (unsigned)(round < 0 ? 0 : round)};
    if (self->slowest_s > 0)
        request.patience_s = least_s + RUN_PATIENCE_FACTOR * self->slowest_s;
    maple_status status = maple_worker_run(self->worker, &request, self->timings, done, executing_s, error);
    for (size_t i = 0; status == MAPLE_OK && i < *done; i++) {
        if (self->timings[i].latency_ms / 1e3 > self->slowest_s)
            self->slowest_s = self->timings[i].latency_ms / 1e3;
    }
    return status;
}

/* --- Networks that fail --- */

static void describe(const maple_session *self, const maple_error *failed, const char *doing,
                     char reason[120]) {
    if (maple_worker_gone(self->worker))
        snprintf(reason, 120, "the worker %.80s while it %s this", maple_worker_end(self->worker), doing);
    else
        snprintf(reason, 120, "%.119s", failed->message);
}

static maple_status fail_target(maple_session *self, size_t t, const char *reason, maple_error *error) {
    self->loaded[t] = false;
    self->done += self->campaign.targets[t].missing;
    return maple_campaign_fail(&self->campaign, t, reason, error);
}

maple_status maple_session_give_up(maple_session *self, size_t id, const maple_error *failed,
                                   maple_error *error) {
    char reason[120];
    describe(self, failed, "ran", reason);
    if (id >= self->n_sentinels)
        return fail_target(self, id - self->n_sentinels, reason, error);
    self->sentinels[id].lost = true;
    maple_log(self->campaign.config->hooks, MAPLE_LOG_WARNING, "sentinel %zu is left out: %s", id, reason);
    size_t target = self->sentinels[id].target;
    return target == MAPLE_NO_TARGET ? MAPLE_OK : fail_target(self, target, reason, error);
}

/* --- Recovering --- */

static maple_status reload_sentinels(maple_session *self, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t i = 0; i < self->n_sentinels && status == MAPLE_OK; i++) {
        maple_loaded loaded;
        if (!self->sentinels[i].lost)
            status = maple_worker_load_network(self->worker, i, &self->sentinels[i].arch, &loaded, error);
    }
    return status;
}

static maple_status compile(maple_session *self, size_t t, size_t *bytes, maple_error *failed) {
    maple_loaded loaded = {0};
    maple_status status = maple_worker_load_network(self->worker, self->n_sentinels + t,
                                                    &self->campaign.targets[t].arch, &loaded, failed);
    self->loaded[t] = status == MAPLE_OK;
    *bytes += loaded.bytes;
    return status;
}

/* All that was loaded, in a new worker. *again: this worker was lost, too. */
static maple_status reload(maple_session *self, bool *again, maple_error *error) {
    maple_status status = reload_sentinels(self, error);
    *again = status != MAPLE_OK && maple_worker_gone(self->worker) && status != MAPLE_INTERRUPTED;
    for (size_t t = 0; t < self->campaign.n_targets && status == MAPLE_OK; t++) {
        size_t bytes = 0;
        char reason[120];
        maple_error failed = {0};
        if (!self->loaded[t])
            continue;
        status = compile(self, t, &bytes, &failed);
        if (status == MAPLE_OK)
            continue;
        if (status == MAPLE_INTERRUPTED)
            return maple_error_set(error, status, "%s", failed.message);
        bool gone = maple_worker_gone(self->worker);
        if (gone && maple_worker_killed(self->worker)) { /* it compiled before: not its fault alone */
            self->loaded[t] = *again = true;
            return maple_error_set(error, status, "%s", failed.message);
        }
        describe(self, &failed, "compiled", reason);
        status = fail_target(self, t, reason, error);
        *again = gone && status == MAPLE_OK;
        if (*again)
            return maple_error_set(error, MAPLE_DEVICE_ERROR, "%s", failed.message);
    }
    return status;
}

maple_status maple_session_recover(maple_session *self, const maple_error *lost, maple_error *error) {
    const maple_hooks *hooks = self->campaign.config->hooks;
    maple_error last = *lost;
    bool again = maple_worker_gone(self->worker);
    while (again) {
        self->campaign.report->losses++;
        if (++self->losses > MAX_LOSSES)
            return maple_error_set(
                error, MAPLE_DEVICE_ERROR,
                "%s; that is %d workers in a row that were lost without a network measured in between: check "
                "the engine and the memory (a lower limit of compiled networks needs less)",
                last.message, self->losses);
        if (maple_is_cancelled(hooks))
            return maple_session_interrupted(self, error);
        maple_log(hooks, MAPLE_LOG_WARNING, "%s; it is started again", last.message);
        maple_status status = start_worker(self, error);
        if (status == MAPLE_OK)
            status = reload(self, &again, &last);
        else
            return status;
        if (status != MAPLE_OK && !again)
            return maple_error_set(error, status, "%s", last.message);
    }
    return MAPLE_OK;
}

/* --- Sentinels --- */

static maple_status add_sentinel(maple_session *self, const maple_arch *arch, maple_error *error) {
    maple_sentinel *added = &self->sentinels[self->n_sentinels];
    *added = (maple_sentinel){.arch = *arch, .target = MAPLE_NO_TARGET};
    added->latency_ms = maple_alloc(MAPLE_WINDOW_RUNS, sizeof *added->latency_ms);
    if (!added->latency_ms)
        return maple_error_memory(error);
    for (size_t t = 0; t < self->campaign.n_targets; t++) {
        if (maple_arch_equal(&self->campaign.targets[t].arch, arch))
            added->target = t;
    }
    self->n_sentinels++;
    return MAPLE_OK;
}

static maple_status load_sentinels(maple_session *self, maple_error *error) {
    const maple_measure_config *config = self->campaign.config;
    size_t n = maple_space_sentinels(config->space);
    for (size_t i = 0; i < n && self->n_sentinels < MAPLE_MAX_SENTINELS; i++) {
        maple_arch written = maple_space_sentinel(config->space, i);
        maple_arch arch = maple_space_canonical(config->space, config->graph, &written);
        maple_loaded loaded;
        maple_error failed = {0};
        maple_status status =
            maple_worker_load_network(self->worker, self->n_sentinels, &arch, &loaded, &failed);
        if (status == MAPLE_OK) {
            status = add_sentinel(self, &arch, error);
            if (status != MAPLE_OK)
                return status;
            continue;
        }
        bool gone = maple_worker_gone(self->worker);
        if (status == MAPLE_INTERRUPTED)
            return maple_error_set(error, status, "%s", failed.message);
        maple_log(config->hooks, MAPLE_LOG_WARNING, "sentinel %zu is left out: %s", i, failed.message);
        if (gone && (status = maple_session_recover(self, &failed, error)) != MAPLE_OK)
            return status;
    }
    return MAPLE_OK;
}

/* --- Blocks --- */

/* A worker was killed while it compiled target t, with others in it. Alone, does it compile? Then there was
 * too much in the worker: the block ends before it, and no later one gets larger. */
static maple_status compile_alone(maple_session *self, size_t first, size_t t, size_t block_bytes,
                                  const maple_error *lost, bool *fits, maple_error *error) {
    size_t bytes = 0;
    maple_error failed = {0};
    memset(self->loaded + first, 0, (t - first) * sizeof *self->loaded);
    maple_status status = maple_session_recover(self, lost, error);
    if (status != MAPLE_OK)
        return status;
    status = compile(self, t, &bytes, &failed);
    *fits = status == MAPLE_OK;
    if (status == MAPLE_INTERRUPTED)
        return maple_error_set(error, status, "%s", failed.message);
    if (!*fits) {
        char reason[120];
        describe(self, &failed, "compiled", reason);
        status = fail_target(self, t, reason, error);
        return status == MAPLE_OK ? maple_session_recover(self, &failed, error) : status;
    }
    self->memory_limit = block_bytes > 1 ? block_bytes : 1;
    maple_log(self->campaign.config->hooks, MAPLE_LOG_WARNING,
              "compiled networks are kept below %.0f MiB from here on: with more the worker was killed",
              (double)self->memory_limit / (1 << 20));
    return MAPLE_OK;
}

/* A network that does not compile. *again: start this block again, it is now smaller. */
static maple_status refuse(maple_session *self, size_t first, size_t t, size_t bytes,
                           const maple_error *failed, bool *again, maple_error *error) {
    char reason[120];
    bool gone = maple_worker_gone(self->worker), others = false;
    for (size_t i = first; i < t; i++)
        others = others || self->loaded[i];
    if (gone && maple_worker_killed(self->worker) && others) {
        bool fits;
        maple_status status = compile_alone(self, first, t, bytes, failed, &fits, error);
        *again = true;
        if (status == MAPLE_OK &&
            fits) /* it has its turn in the block that is now begun again, or in the next */
            status = maple_session_unload(self, t, t + 1, error);
        return status;
    }
    describe(self, failed, "compiled", reason);
    maple_status status = fail_target(self, t, reason, error);
    return status == MAPLE_OK && gone ? maple_session_recover(self, failed, error) : status;
}

maple_status maple_session_load(maple_session *self, size_t first, size_t *end, maple_error *error) {
    maple_campaign *campaign = &self->campaign;
    const maple_hooks *hooks = campaign->config->hooks;
    size_t bytes = 0, t = first;
    while (t < campaign->n_targets && (t == first || bytes < self->memory_limit)) {
        maple_target_network *target = &campaign->targets[t];
        maple_error failed = {0};
        if (target->missing == 0 || target->failed || maple_session_is_sentinel(self, t)) {
            t++;
            continue;
        }
        if (maple_is_cancelled(hooks))
            return maple_session_interrupted(self, error);
        maple_report_progress(hooks, "compiling", (double)t, (double)campaign->n_targets, "networks");
        maple_status status = compile(self, t, &bytes, &failed);
        bool again = false;
        if (status == MAPLE_OK)
            self->losses = 0;
        else if (status == MAPLE_INTERRUPTED)
            return maple_error_set(error, status, "%s", failed.message);
        else if ((status = refuse(self, first, t, bytes, &failed, &again, error)) != MAPLE_OK)
            return status;
        t = again ? first : t + 1;
        bytes = again ? 0 : bytes;
    }
    *end = t;
    return MAPLE_OK;
}

maple_status maple_session_unload(maple_session *self, size_t first, size_t end, maple_error *error) {
    for (size_t t = first; t < end; t++) {
        maple_error failed = {0};
        if (!self->loaded[t])
            continue;
        self->loaded[t] = false;
        maple_status status = maple_worker_unload(self->worker, self->n_sentinels + t, &failed);
        if (status == MAPLE_OK)
            continue;
        if (status == MAPLE_INTERRUPTED || !maple_worker_gone(self->worker))
            return maple_error_set(error, status, "%s", failed.message);
        memset(self->loaded + first, 0, (end - first) * sizeof *self->loaded);
        return maple_session_recover(self, &failed, error);
    }
    return MAPLE_OK;
}

/* --- Beginning and end --- */

maple_status maple_session_start(maple_session *self, maple_error *error) {
    size_t n = self->campaign.n_targets;
    size_t limit = self->campaign.plan->memory_limit;
    self->memory_limit = limit ? limit : DEFAULT_MEMORY_LIMIT;
    self->loaded = maple_alloc(n, sizeof *self->loaded);
    self->timings = maple_alloc(MAPLE_PIECE_IDS, sizeof *self->timings);
    self->piece_archs = maple_alloc(MAPLE_PIECE_IDS, sizeof *self->piece_archs);
    self->piece_latency_ms = maple_alloc(MAPLE_PIECE_IDS, sizeof *self->piece_latency_ms);
    self->ids = maple_alloc(MAPLE_MAX_SENTINELS * MAPLE_SENTINEL_COPIES + n, sizeof *self->ids);
    self->fastest_ns = maple_alloc(MAPLE_MAX_SENTINELS + n, sizeof *self->fastest_ns);
    if (!self->loaded || !self->ids || !self->fastest_ns || !self->timings || !self->piece_archs ||
        !self->piece_latency_ms)
        return maple_error_memory(error);
    maple_status status = start_worker(self, error);
    if (status == MAPLE_OK)
        status = load_sentinels(self, error);
    for (size_t t = 0; t < n; t++)
        self->total += self->campaign.targets[t].missing;
    return status;
}

void maple_session_release(maple_session *self) {
    maple_worker_stop(self->worker);
    for (size_t i = 0; i < self->n_sentinels; i++)
        maple_free(self->sentinels[i].latency_ms);
    maple_free(self->loaded);
    maple_free(self->ids);
    maple_free(self->fastest_ns);
    maple_free(self->timings);
    maple_free(self->piece_archs);
    maple_free(self->piece_latency_ms);
    maple_free(self->drift.runs);
    maple_campaign_release(&self->campaign);
}
