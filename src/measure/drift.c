/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the machine is as fast as it was: see drift.h. */
#include "measure/session.h"

#include <math.h>
#include <stdio.h>

enum {
    LEAST_RUNS = 5,  /* undisturbed ones of a sentinel in a window; with fewer it is not compared */
    MOST_REPEATS = 3 /* of a window */
};
static const double ALLOWED = 0.03;
static const double SURE = 3; /* standard errors: less may be chance */
static const double HALF_PI = 1.5707963267948966;
static const double OTHER_MACHINE = 0.05; /* of the check before the campaign (baseline.c) */
static const char MEDIAN[] = "round_median_ms";

/* --- The platform's first window --- */

maple_status maple_drift_recall(maple_session *self, maple_error *error) {
    for (size_t i = 0; i < MAPLE_MAX_SENTINELS; i++)
        self->drift.reference_ms[i] = self->drift.lasting_ms[i] = NAN;
    if (self->campaign.report->sentinel_shift > OTHER_MACHINE)
        return MAPLE_OK;
    return maple_sentinels_recall(self, MEDIAN, self->drift.reference_ms, error);
}

/* What has no reference yet gets it from this window. */
static maple_status keep_reference(maple_session *self, const double *median_ms, maple_error *error) {
    double added_ms[MAPLE_MAX_SENTINELS];
    for (size_t i = 0; i < self->n_sentinels; i++) {
        added_ms[i] = isnan(self->drift.reference_ms[i]) ? median_ms[i] : NAN;
        if (!isnan(added_ms[i]))
            self->drift.reference_ms[i] = added_ms[i];
    }
    return maple_sentinels_remember(self, &(maple_sentinel_values){MEDIAN, added_ms}, 1, error);
}

/* --- Windows --- */

void maple_drift_begin_block(maple_session *self) {
    self->drift.budget = (size_t)self->campaign.plan->rounds;
}

void maple_drift_begin_window(maple_session *self) {
    self->drift.n = 0;
    self->drift.rounds = 0;
    for (size_t i = 0; i < self->n_sentinels; i++)
        self->sentinels[i].n = 0;
}

maple_status maple_drift_note(maple_session *self, size_t target, int round, maple_error *error) {
    maple_drift *drift = &self->drift;
    if (drift->n == drift->capacity) {
        size_t capacity = drift->capacity ? 2 * drift->capacity : 1024;
        maple_run_key *larger = maple_resize(drift->runs, capacity, sizeof *larger);
        if (!larger)
            return maple_error_memory(error);
        drift->runs = larger;
        drift->capacity = capacity;
    }
    drift->runs[drift->n++] = (maple_run_key){target, round};
    return MAPLE_OK;
}

/* Standard deviation of runs in the order of time, by the differences of neighbours: a step within the window
 * is no noise. The median of |difference of two normal values| is 0.954 sd. */
static double scatter(const double *latency_ms, size_t n) {
    double differences[MAPLE_WINDOW_RUNS];
    for (size_t i = 0; i + 1 < n; i++)
        differences[i] = fabs(latency_ms[i + 1] - latency_ms[i]);
    maple_sort_doubles(differences, n - 1);
    return maple_quantile_sorted(differences, n - 1, 0.5) / 0.954;
}

/* *noise: by how much the mean over the sentinels of two windows' ratios is off by chance. The standard error
 * of a median of n normal values is sqrt(pi / 2) sd / sqrt(n). */
static maple_status window_medians(const maple_session *self, double *median_ms, double *noise,
                                   maple_error *error) {
    maple_status status = MAPLE_OK;
    double variance = 0;
    size_t n = 0;
    for (size_t i = 0; i < self->n_sentinels && status == MAPLE_OK; i++) {
        const maple_sentinel *one = &self->sentinels[i];
        maple_summary summary;
        status = maple_summarise(one->latency_ms, one->n, &summary, error);
        median_ms[i] = NAN;
        if (status != MAPLE_OK || one->n < LEAST_RUNS || one->lost)
            continue;
        median_ms[i] = summary.median;
        double sd = scatter(one->latency_ms, one->n) / summary.median;
        variance += HALF_PI * sd * sd / (double)summary.n;
        n++;
    }
    *noise = n > 0 ? sqrt(2 * variance) / (double)n : NAN;
    return status;
}

static maple_status take_back(maple_session *self, double shift, int attempt, maple_error *error) {
    maple_drift *drift = &self->drift;
    maple_measure_report *report = self->campaign.report;
    maple_status status = maple_campaign_take_back(&self->campaign, drift->runs, drift->n, error);
    if (status != MAPLE_OK)
        return status;
    report->rounds_repeated += drift->rounds;
    drift->budget -= drift->rounds;
    *(self->pass == 0 && self->again == 0 ? &self->done : &self->repeated) -= (double)drift->n;
    maple_log(
        self->campaign.config->hooks, MAPLE_LOG_INFO,
        "the machine is %.1f %% %s than at first: %zu rounds are measured again (%d of at most %d times)",
        100 * fabs(shift), shift > 0 ? "slower" : "faster", drift->rounds, attempt + 1, (int)MOST_REPEATS);
    return MAPLE_OK;
}

/* It stays like this: later windows of this level are not repeated in vain. */
static void stay(maple_session *self, const double *median_ms, double shift) {
    for (size_t i = 0; i < self->n_sentinels; i++)
        self->drift.lasting_ms[i] = median_ms[i];
    if (self->drift.warned)
        return;
    self->drift.warned = true;
    maple_log(
        self->campaign.config->hooks, MAPLE_LOG_WARNING,
        "the machine changed for good while platform '%s' was measured: its sentinels take %.1f %% %s "
        "than at first, also when rounds are repeated. What is measured from here on is kept; to have "
        "all of it alike, stop what else runs here (maple doctor) and measure under a new name (--name)",
        self->platform->name, 100 * fabs(shift), shift > 0 ? "more" : "less");
}

maple_status maple_drift_judge(maple_session *self, int attempt, bool *again, maple_error *error) {
    maple_measure_report *report = self->campaign.report;
    double median_ms[MAPLE_MAX_SENTINELS], shift = NAN, lasting = NAN, noise = NAN;
    *again = false;
    maple_status status = window_medians(self, median_ms, &noise, error);
    if (status == MAPLE_OK)
        status = keep_reference(self, median_ms, error);
    if (status == MAPLE_OK)
        status = maple_sentinels_shift(self, median_ms, self->drift.reference_ms, &shift, error);
    if (status == MAPLE_OK)
        status = maple_sentinels_shift(self, median_ms, self->drift.lasting_ms, &lasting, error);
    if (status != MAPLE_OK || isnan(shift))
        return status;
    double allowed = fmax(ALLOWED, SURE * noise);
    bool changed = fabs(shift) > allowed, stays = fabs(lasting) <= allowed; /* false where it is NaN */
    *again = changed && !stays && attempt < MOST_REPEATS && self->drift.rounds <= self->drift.budget &&
             !self->campaign.plan->keep_disturbed;
    if (*again)
        return take_back(self, shift, attempt, error);
    if (changed && !stays)
        stay(self, median_ms, shift);
    report->windows++;
    report->windows_changed += changed;
    if (fabs(shift) > report->sentinel_drift)
        report->sentinel_drift = fabs(shift);
    return MAPLE_OK;
}
