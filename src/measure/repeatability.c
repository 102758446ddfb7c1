/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How well labels repeat. A campaign of twice the rounds in a pool of its own, where each network is compiled
 * and measured twice: as one of series A in even rounds, as one of series B in odd ones. Whatever a campaign
 * does about noise is done for both, and what the machine does over minutes hits both.
 */
#include "measure/aside.h"
#include "measure/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SERIES = 2 };
static const double GOOD_MEDIAN = 0.01, GOOD_P95 = 0.03;

bool maple_repeatability_is_good(const maple_repeatability *row) {
    return row->n > 0 && row->median <= GOOD_MEDIAN && row->p95 <= GOOD_P95;
}

/* --- Differences --- */

/* Both series' labels of the network of targets t and t + 1 are there and fine. */
static bool is_pair(const maple_campaign *campaign, size_t t) {
    for (size_t k = t; k < t + SERIES; k++) {
        const maple_target_network *target = &campaign->targets[k];
        if (target->failed || campaign->labels[k].flag[0] || !isfinite(campaign->labels[k].latency_ms))
            return false;
    }
    return true;
}

static maple_status summarise(const maple_campaign *campaign, maple_repeatability *out, maple_error *error) {
    size_t n = 0;
    double *differences = maple_alloc(campaign->n_targets / SERIES, sizeof *differences);
    if (!differences)
        return maple_error_memory(error);
    for (size_t t = 0; t + 1 < campaign->n_targets; t += SERIES) {
        if (is_pair(campaign, t))
            differences[n++] = fabs(campaign->labels[t].latency_ms / campaign->labels[t + 1].latency_ms - 1);
    }
    maple_sort_doubles(differences, n);
    time_t now = time(NULL);
    struct tm utc;
    *out = (maple_repeatability){.n = n,
                                 .rounds = campaign->plan->rounds / SERIES,
                                 .median = maple_quantile_sorted(differences, n, 0.5),
                                 .p90 = maple_quantile_sorted(differences, n, 0.9),
                                 .p95 = maple_quantile_sorted(differences, n, 0.95),
                                 .max = n > 0 ? differences[n - 1] : NAN};
    if (gmtime_r(&now, &utc))
        strftime(out->date, sizeof out->date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    maple_free(differences);
    return n > 0 ? MAPLE_OK
                 : maple_error_set(error, MAPLE_BAD_INPUT,
                                   "of %zu networks none could be measured twice: %zu labels are flagged as "
                                   "noisy; stop what else runs on this machine (maple doctor), or measure "
                                   "more networks",
                                   campaign->n_targets / SERIES, campaign->report->flagged);
}

/* The report counts networks: one whose two labels are there is measured. */
static void count(const maple_campaign *campaign) {
    maple_measure_report *report = campaign->report;
    for (size_t t = 0; t + 1 < campaign->n_targets; t += SERIES) {
        const maple_latency *a = &campaign->labels[t], *b = &campaign->labels[t + 1];
        bool failed = campaign->targets[t].failed || campaign->targets[t + 1].failed;
        report->failed += failed;
        report->measured += !failed;
        report->flagged += !failed && (a->flag[0] || b->flag[0]);
    }
}

/* --- All of it --- */

static maple_status measure_series(const maple_measure_config *config, const maple_aside *aside,
                                   const maple_measure_plan *plan, maple_repeatability *out,
                                   maple_measure_report *report, maple_error *error) {
    maple_measure_plan both = *plan;
    both.rounds = SERIES * plan->rounds;
    maple_session self = {.campaign = {.config = config,
                                       .plan = &both,
                                       .pool = aside->pool,
                                       .platform = aside->platform.id,
                                       .report = report},
                          .platform = &aside->platform};
    maple_status status = maple_campaign_prepare_series(&self.campaign, error);
    if (status == MAPLE_OK)
        status = maple_session_measure(&self, error);
    if (status == MAPLE_INTERRUPTED)
        maple_error_set(error, status, "interrupted: how well labels repeat is measured in one go");
    if (status == MAPLE_OK)
        count(&self.campaign);
    if (status == MAPLE_OK)
        status = summarise(&self.campaign, out, error);
    maple_session_release(&self);
    return status;
}

maple_status maple_measure_repeatability(const maple_measure_config *config, maple_pool *pool,
                                         const maple_platform *platform, const maple_measure_plan *plan,
                                         maple_repeatability *out, maple_measure_report *report,
                                         maple_error *error) {
    int64_t begin = maple_clock_ns();
    maple_aside aside;
    *report = MAPLE_NO_REPORT;
    maple_status status = maple_session_check_plan(config, pool, platform, plan, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_aside_open(config, pool, platform, &aside, error);
    if (status == MAPLE_OK)
        status = measure_series(config, &aside, plan, out, report, error);
    maple_aside_close(&aside);
    report->wall_s = (double)(maple_clock_ns() - begin) / 1e9;
    return status;
}

/* --- What the doctor says of it --- */

/* The last one of all platforms in the pool that were measured on this host. */
static maple_status find_last(const maple_environment *environment, maple_pool *pool,
                              maple_repeatability *out, char name[160], maple_error *error) {
    maple_platform *platforms = NULL;
    size_t n = 0;
    maple_status status = maple_pool_platforms(pool, &platforms, &n, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        char *text;
        if (strcmp(platforms[i].cpu, environment->cpu) != 0)
            continue;
        status = maple_pool_environment(pool, platforms[i].id, &text, error);
        if (status != MAPLE_OK)
            break;
        bool here = maple_environment_same_host(text, environment, NULL) == MAPLE_OK;
        maple_free(text);
        for (size_t s = 0; here && status == MAPLE_OK && maple_space_at(s); s++) {
            maple_repeatability one;
            status = maple_pool_repeatability(pool, platforms[i].id, maple_space_at(s), &one, error);
            if (status == MAPLE_OK && one.n > 0 && strcmp(one.date, out->date) > 0) {
                *out = one;
                snprintf(name, 160, "%s", platforms[i].name);
            }
        }
    }
    maple_free(platforms);
    return status;
}

/* Of what the environment shows, what would make labels repeat better. */
static void advise(const maple_environment *environment, char fix[256]) {
    const char *governor = environment->governor;
    bool loaded = environment->load_average > 0.5 * (environment->cores > 0 ? environment->cores : 1);
    snprintf(fix, 256, "%s%s%s%smore rounds (--rounds 100); then maple measure --repeatability again",
             loaded ? "stop what else runs on this machine; " : "",
             environment->cores < 2 ? "a second core for everything else; " : "",
             governor[0] && strcmp(governor, "performance") != 0 ? "cpupower frequency-set -g performance; "
                                                                 : "",
             environment->hypervisor[0] ? "a host without neighbours (bare metal), or a quieter hour; " : "");
}

maple_status maple_doctor_repeatability(const maple_environment *environment, maple_pool *pool,
                                        maple_check *out, maple_error *error) {
    maple_repeatability last = {.date = ""};
    char name[160] = "";
    maple_status status = pool ? find_last(environment, pool, &last, name, error) : MAPLE_OK;
    if (status != MAPLE_OK)
        return status;
    *out = (maple_check){.name = "repeatability", .level = MAPLE_CHECK_WARN};
    if (last.n == 0) {
        snprintf(out->finding, sizeof out->finding, "not measured yet on this machine");
        snprintf(out->effect, sizeof out->effect,
                 "nobody knows how far two labels of the same network are apart here");
        snprintf(out->fix, sizeof out->fix,
                 "maple profile, then maple measure --repeatability (200 networks, about two minutes)");
        return MAPLE_OK;
    }
    bool good = maple_repeatability_is_good(&last);
    out->level = good ? MAPLE_CHECK_OK : MAPLE_CHECK_WARN;
    snprintf(out->finding, sizeof out->finding,
             "two labels of the same network differ by %.2g %% (median), %.2g %% (95th percentile): "
             "%zu networks, %d rounds, %.10s, %.120s",
             100 * last.median, 100 * last.p95, last.n, last.rounds, last.date, name);
    snprintf(out->effect, sizeof out->effect, "differences below %.2g %% between two networks mean nothing%s",
             100 * last.p95, good ? "" : "; 1 % and 3 % are what a quiet machine reaches");
    if (!good)
        advise(environment, out->fix);
    return MAPLE_OK;
}
