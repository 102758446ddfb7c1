/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the machine as fast as it was? Before a campaign measures anything, the sentinels are timed by
 * themselves, and their medians compared with those of the platform's first campaign, which were had in the
 * same way and are kept with its environment. Undisturbed runs only (probe.h); a machine that seems to have
 * changed is asked again before the campaign is refused, because hosts are noisy for seconds, not for
 * minutes.
 */
#include "measure/probe.h"
#include "measure/session.h"

#include <math.h>
#include <stdio.h>

enum { WANTED_RUNS = 25, LEAST_RUNS = 10, MOST_RUNS = 2000, ATTEMPTS = 4 };
static const char MEDIAN[] = "median_ms", PROBE[] = "probe_ns"; /* in the pool */
static const double ATTEMPT_S = 5, ALLOWED = 0.05, CLEARLY_THE_SAME = 0.025;
/* A neighbour on the core costs the probe at least that much: then the first campaign had one all the time.
 */
static const double NEIGHBOUR = 1.2;

typedef struct series {
    double latency_ms[MOST_RUNS];
    int64_t probe_ns[MOST_RUNS];
    size_t n;
    double kept_ms[MOST_RUNS]; /* the undisturbed ones */
    size_t n_kept;
    double median_ms;       /* NaN where too few are undisturbed */
    double known_ms;        /* the pool's; NaN: none yet, or one that was disturbed */
    int64_t known_probe_ns; /* the fastest probe beside those runs; 0: none yet */
    bool was_disturbed;
} series;

/* --- What the pool knows --- */

static maple_status read_known(maple_session *self, series *all, maple_error *error) {
    double median_ms[MAPLE_MAX_SENTINELS], probe_ns[MAPLE_MAX_SENTINELS];
    maple_status status = maple_sentinels_recall(self, MEDIAN, median_ms, error);
    if (status == MAPLE_OK)
        status = maple_sentinels_recall(self, PROBE, probe_ns, error);
    for (size_t i = 0; i < self->n_sentinels && status == MAPLE_OK; i++) {
        all[i].known_ms = median_ms[i];
        all[i].known_probe_ns = probe_ns[i] > 0 ? (int64_t)probe_ns[i] : 0;
        if (probe_ns[i] > 0)
            maple_probe_note(&self->fastest_ns[i], all[i].known_probe_ns);
    }
    return status;
}

/* Keeps the medians of sentinels that have none yet, or of all where the new ones are to hold from now on. */
static maple_status keep_new(const maple_session *self, const series *all, bool replace, maple_error *error) {
    double median_ms[MAPLE_MAX_SENTINELS], runs[MAPLE_MAX_SENTINELS], probe_ns[MAPLE_MAX_SENTINELS];
    for (size_t i = 0; i < self->n_sentinels; i++) {
        bool known = isnan(all[i].median_ms) || (!isnan(all[i].known_ms) && !replace);
        median_ms[i] = known ? NAN : all[i].median_ms;
        runs[i] = known ? NAN : (double)all[i].n_kept;
        probe_ns[i] = known ? NAN : (double)self->fastest_ns[i];
    }
    const maple_sentinel_values fields[] = {{MEDIAN, median_ms}, {"runs", runs}, {PROBE, probe_ns}};
    return maple_sentinels_remember(self, fields, sizeof fields / sizeof *fields, error);
}

/* --- Timing --- */

/* One run by itself, so that a lost worker is nobody else's fault; two lost in a row are not by chance. */
static maple_status time_sentinel(maple_session *self, size_t id, series *one, maple_error *error) {
    for (int attempt = 0; attempt < 2; attempt++) {
        size_t done;
        double executing_s;
        maple_error failed = {0};
        maple_status status = maple_session_run(self, &id, 1, 0, 0, &done, &executing_s, &failed);
        if (status == MAPLE_OK) {
            const maple_timing *timing = &self->timings[0];
            maple_probe_note(&self->fastest_ns[id], timing->probe_ns);
            maple_probe_note(&self->machine_fastest_ns, timing->probe_ns);
            one->latency_ms[one->n] = timing->latency_ms;
            one->probe_ns[one->n++] = timing->probe_ns;
            return MAPLE_OK;
        }
        if (!maple_session_survives(self, status))
            return maple_error_set(error, status, "%s", failed.message);
        if (attempt > 0)
            status = maple_session_give_up(self, id, &failed, error);
        else
            status = MAPLE_OK;
        if (status == MAPLE_OK)
            status = maple_session_recover(self, &failed, error);
        if (status != MAPLE_OK)
            return status;
    }
    return MAPLE_OK;
}

static maple_status summarise(const maple_session *self, size_t id, series *one, maple_error *error) {
    const int64_t *machine_ns = self->campaign.config->fastest_probe_ns;
    maple_summary summary;
    if ((double)self->fastest_ns[id] * NEIGHBOUR < (double)one->known_probe_ns) {
        one->was_disturbed = true;
        one->known_ms = NAN;
    }
    one->n_kept = 0;
    for (size_t i = 0; i < one->n; i++) {
        if (!maple_probe_disturbed(one->probe_ns[i], self->fastest_ns[id],
                                   machine_ns ? *machine_ns : self->machine_fastest_ns))
            one->kept_ms[one->n_kept++] = one->latency_ms[i];
    }
    maple_status status = maple_summarise(one->kept_ms, one->n_kept, &summary, error);
    if (status == MAPLE_OK)
        one->median_ms = one->n_kept >= LEAST_RUNS ? summary.median : NAN;
    return status;
}

/* *shift: by how much they are off; NaN where nothing can be compared. *fewest: undisturbed runs. */
static maple_status compare(const maple_session *self, const series *all, size_t *fewest, double *shift,
                            maple_error *error) {
    double now_ms[MAPLE_MAX_SENTINELS], then_ms[MAPLE_MAX_SENTINELS];
    *fewest = MOST_RUNS;
    for (size_t i = 0; i < self->n_sentinels; i++) {
        now_ms[i] = self->sentinels[i].lost ? NAN : all[i].median_ms;
        then_ms[i] = all[i].known_ms;
        if (!self->sentinels[i].lost && all[i].n_kept < *fewest)
            *fewest = all[i].n_kept;
    }
    maple_status status = maple_sentinels_shift(self, now_ms, then_ms, shift, error);
    *shift = fabs(*shift);
    return status;
}

static maple_status time_all(maple_session *self, series *all, double *shift, maple_error *error) {
    const maple_hooks *hooks = self->campaign.config->hooks;
    double attempt_s = self->campaign.config->quiet_s > 0 ? self->campaign.config->quiet_s : ATTEMPT_S;
    int64_t end = maple_clock_ns() + (int64_t)(attempt_s * 1e9);
    size_t fewest = 0;
    for (size_t i = 0; i < self->n_sentinels; i++)
        all[i].n = 0;
    for (size_t round = 0; round < MOST_RUNS && maple_clock_ns() < end; round++) {
        if (round % LEAST_RUNS == LEAST_RUNS - 1 && maple_is_cancelled(hooks))
            return maple_session_interrupted(self, error);
        for (size_t i = 0; i < self->n_sentinels; i++) {
            maple_status status = MAPLE_OK;
            if (!self->sentinels[i].lost)
                status = time_sentinel(self, i, &all[i], error);
            if (status == MAPLE_OK)
                status = summarise(self, i, &all[i], error);
            if (status != MAPLE_OK)
                return status;
        }
        maple_status status = compare(self, all, &fewest, shift, error);
        if (status != MAPLE_OK)
            return status;
        maple_report_progress(hooks, "timing sentinels",
                              (double)(fewest < WANTED_RUNS ? fewest : WANTED_RUNS), WANTED_RUNS,
                              "undisturbed runs");
        if (fewest >= WANTED_RUNS || (fewest >= LEAST_RUNS && *shift < CLEARLY_THE_SAME))
            break;
    }
    return MAPLE_OK;
}

/* --- The decision --- */

static maple_status refuse(const maple_session *self, const series *all, maple_error *error) {
    maple_text details = {0};
    for (size_t i = 0; i < self->n_sentinels; i++) {
        if (isfinite(all[i].median_ms / all[i].known_ms))
            maple_text_addf(&details, "%ssentinel %zu takes %.4g ms, %.4g ms then",
                            details.length ? "; " : "", i, all[i].median_ms, all[i].known_ms);
    }
    maple_status status =
        details.failed
            ? maple_error_memory(error)
            : maple_error_set(error, MAPLE_BAD_INPUT,
                              "this machine is not as fast as when platform '%s' was measured (%s)",
                              self->platform->name, details.data);
    maple_text_free(&details);
    return status;
}

static void warn(const maple_session *self, const series *all, double shift) {
    const maple_hooks *hooks = self->campaign.config->hooks;
    bool known = false, was_disturbed = false;
    for (size_t i = 0; i < self->n_sentinels; i++) {
        known = known || !isnan(all[i].known_ms);
        was_disturbed = was_disturbed || all[i].was_disturbed;
    }
    if (was_disturbed)
        maple_log(
            hooks, MAPLE_LOG_WARNING,
            "when platform '%s' was first measured the core was shared all the time: what was measured then "
            "may be too high; measure under a new name to be sure",
            self->platform->name);
    if (known && isnan(shift))
        maple_log(
            hooks, MAPLE_LOG_WARNING,
            "the core was never to ourselves for long enough to tell whether this machine is as fast as when "
            "platform '%s' was first measured",
            self->platform->name);
}

maple_status maple_session_check_sentinels(maple_session *self, maple_error *error) {
    maple_measure_report *report = self->campaign.report;
    if (self->n_sentinels == 0)
        return MAPLE_OK;
    series *all = maple_alloc(self->n_sentinels, sizeof *all);
    if (!all)
        return maple_error_memory(error);
    maple_status status = read_known(self, all, error);
    double shift = INFINITY;
    for (int attempt = 0; attempt < ATTEMPTS && status == MAPLE_OK && shift > ALLOWED; attempt++)
        status = time_all(self, all, &shift, error);
    if (status == MAPLE_OK) {
        report->sentinel_shift = shift;
        warn(self, all, shift);
        if (shift > ALLOWED && !self->campaign.plan->accept_drift)
            status = refuse(self, all, error);
        else
            status = keep_new(self, all, shift > ALLOWED, error);
    }
    maple_free(all);
    return status;
}
