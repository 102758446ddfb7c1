/* SPDX-License-Identifier: Apache-2.0 */
/* Networks whose runs spread too much get all their rounds anew, twice at most; then their label is flagged
 * (campaign.c). */
#include "measure/session.h"

#include <stdio.h>

enum { MOST_REPETITIONS = 2 };

static maple_status spreads(const maple_session *self, size_t t, bool *out, maple_error *error) {
    double *latency_ms = NULL;
    size_t n = 0;
    maple_summary summary = {0};
    maple_status status = maple_campaign_runs(&self->campaign, t, &latency_ms, &n, error);
    if (status == MAPLE_OK)
        status = maple_summarise(latency_ms, n, &summary, error);
    maple_free(latency_ms);
    *out = status == MAPLE_OK && maple_campaign_spreads(&self->campaign, &summary);
    return status;
}

/* All rounds of a target, at the end of the list. */
static void add_runs(const maple_session *self, size_t t, maple_run_key *runs, size_t *n) {
    const maple_campaign *campaign = &self->campaign;
    for (int round = 0; round < campaign->plan->rounds; round++) {
        if (round % campaign->series == campaign->targets[t].series &&
            *maple_campaign_round(campaign, t, round))
            runs[(*n)++] = (maple_run_key){t, round};
    }
}

maple_status maple_session_take_back_spread(maple_session *self, size_t first, size_t end, size_t *n,
                                            maple_error *error) {
    maple_campaign *campaign = &self->campaign;
    size_t n_runs = 0;
    *n = 0;
    if (self->again >= MOST_REPETITIONS || campaign->plan->flag_at_once || campaign->plan->keep_disturbed)
        return MAPLE_OK;
    maple_run_key *runs = maple_alloc((end - first) * (size_t)campaign->plan->rounds, sizeof *runs);
    if (!runs)
        return maple_error_memory(error);
    maple_status status = MAPLE_OK;
    for (size_t t = first; t < end && status == MAPLE_OK; t++) {
        maple_target_network *target = &campaign->targets[t];
        bool here = self->loaded[t] || maple_session_is_sentinel(self, t);
        bool first_time = self->again == 0;
        if (!here || target->failed || (!first_time && !target->anew)) {
            target->anew = false;
            continue;
        }
        status = spreads(self, t, &target->anew, error);
        if (status != MAPLE_OK || !target->anew)
            continue;
        target->repetitions++;
        add_runs(self, t, runs, &n_runs);
        ++*n;
    }
    if (status == MAPLE_OK)
        status = maple_campaign_take_back(campaign, runs, n_runs, error);
    maple_free(runs);
    if (status == MAPLE_OK && *n > 0)
        maple_log(campaign->config->hooks, MAPLE_LOG_INFO,
                  "the runs of %zu networks spread too much: their rounds are measured anew", *n);
    return status;
}
