/* SPDX-License-Identifier: Apache-2.0 */
/* One call that measures networks, from its checks to its report. */
#include "measure/lock.h"
#include "measure/session.h"

#include <math.h>
#include <string.h>

static const double DISTURBANCE_WORTH_A_WARNING = 0.8;

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
    maple_status status = maple_session_start(self, error);
    if (status == MAPLE_OK)
        status = maple_session_check_sentinels(self, error);
    if (status == MAPLE_OK)
        status = maple_drift_recall(self, error);
    if (status == MAPLE_OK)
        status = maple_campaign_forget_flagged(&self->campaign, error);
    for (size_t first = 0, end = 0; first < self->campaign.n_targets && status == MAPLE_OK; first = end)
        status = maple_session_measure_block(self, first, &end, error);
    return status;
}

maple_status maple_session_check_plan(const maple_measure_config *config, maple_pool *pool,
                                      const maple_platform *platform, const maple_measure_plan *plan,
                                      maple_error *error) {
    maple_status status = check_plan(config, platform, plan, error);
    return status == MAPLE_OK ? check_host(pool, platform, error) : status;
}

maple_status maple_session_measure(maple_session *self, maple_error *error) {
    maple_measure_report *report = self->campaign.report;
    maple_status status = MAPLE_OK;
    if (self->campaign.n_targets > 0)
        status = measure_all(self, error);
    maple_status finished = maple_campaign_finish(&self->campaign, status == MAPLE_OK ? error : NULL);
    report->disturbed_share = self->timed > 0 ? self->dropped / self->timed : NAN;
    maple_load_read(&self->load, &report->load);
    if (report->disturbed_share > DISTURBANCE_WORTH_A_WARNING)
        maple_log(self->campaign.config->hooks, MAPLE_LOG_WARNING,
                  "the core was hardly ever to ourselves (%.0f %% of the runs were disturbed): labels may be "
                  "too high; "
                  "stop what else runs on this machine or take another core (--cpu), and measure again",
                  100 * report->disturbed_share);
    return status == MAPLE_OK ? finished : status;
}

maple_status maple_measure_networks(const maple_measure_config *config, maple_pool *pool,
                                    const maple_platform *platform, const maple_measure_plan *plan,
                                    maple_measure_report *report, maple_error *error) {
    int64_t begin = maple_clock_ns();
    maple_lock lock;
    *report = MAPLE_NO_REPORT;
    maple_status status = maple_session_check_plan(config, pool, platform, plan, error);
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
    if (status == MAPLE_OK)
        status = maple_session_measure(&self, error);
    maple_session_release(&self);
    maple_lock_release(&lock);
    report->wall_s = (double)(maple_clock_ns() - begin) / 1e9;
    return status;
}
