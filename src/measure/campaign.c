/* SPDX-License-Identifier: Apache-2.0 */
/* What is left to measure of a plan, and the labels of what was measured. */
#include "measure/campaign.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- A map from architectures to indices (open addressing; at most half full) --- */

typedef struct arch_map {
    maple_arch *keys;
    size_t *values; /* MAPLE_NO_TARGET: free */
    size_t mask;
} arch_map;

static bool map_init(arch_map *map, size_t items) {
    size_t capacity = 16;
    while (capacity < 2 * items)
        capacity *= 2;
    map->keys = maple_alloc(capacity, sizeof *map->keys);
    map->values = maple_alloc(capacity, sizeof *map->values);
    map->mask = capacity - 1;
    for (size_t i = 0; map->values && i < capacity; i++)
        map->values[i] = MAPLE_NO_TARGET;
    return map->keys && map->values;
}

static void map_release(arch_map *map) {
    maple_free(map->keys);
    maple_free(map->values);
}

/* The value of a key, to be read or set. */
static size_t *map_at(arch_map *map, const maple_arch *key) {
    size_t slot = maple_hash(key->op, sizeof key->op) & map->mask;
    while (map->values[slot] != MAPLE_NO_TARGET && !maple_arch_equal(&map->keys[slot], key))
        slot = (slot + 1) & map->mask;
    map->keys[slot] = *key;
    return &map->values[slot];
}

/* --- What is left --- */

static maple_latency empty_row(const maple_arch *arch, const char *reason) {
    maple_latency row = {.arch = *arch, .latency_ms = NAN, .mean_ms = NAN, .min_ms = NAN, .sd_ms = NAN};
    snprintf(row.reason, sizeof row.reason, "%.*s", (int)sizeof row.reason - 1, reason);
    return row;
}

typedef struct preparation {
    maple_latency *known; /* rows that the pool has */
    size_t n_known;
    arch_map known_map;   /* architecture (and its canonical form) -> known */
    arch_map flagged_map; /* the same of those that are measured anew because they are flagged */
    arch_map target_map;
    maple_latency *rows; /* to be written without measuring */
    size_t n_rows;
} preparation;

static maple_status load_known(const maple_campaign *campaign, preparation *work, maple_error *error) {
    const maple_measure_config *config = campaign->config;
    maple_status status = maple_pool_latencies(campaign->pool, campaign->platform, config->space,
                                               &work->known, &work->n_known, error);
    if (status != MAPLE_OK)
        return status;
    if (!map_init(&work->known_map, 2 * work->n_known) || !map_init(&work->flagged_map, 2 * work->n_known))
        return maple_error_memory(error);
    for (size_t i = 0; i < work->n_known; i++) {
        bool failed = !isfinite(work->known[i].latency_ms);
        if (failed && campaign->plan->retry_failed)
            continue;
        maple_arch canonical = maple_space_canonical(config->space, config->graph, &work->known[i].arch);
        if (work->known[i].flag[0] && campaign->plan->retry_flagged) {
            *map_at(&work->flagged_map, &canonical) = i;
            continue;
        }
        *map_at(&work->known_map, &work->known[i].arch) = i;
        size_t *by_graph = map_at(&work->known_map, &canonical);
        if (*by_graph == MAPLE_NO_TARGET || (!failed && !isfinite(work->known[*by_graph].latency_ms)))
            *by_graph = i;
    }
    return MAPLE_OK;
}

static uint64_t order_of(const maple_campaign *campaign, const maple_arch *arch) {
    return maple_rng_seed(maple_hash(arch->op, sizeof arch->op) ^ campaign->plan->seed).state[0];
}

/* What is to be done for one architecture: nothing, a row without measuring, or a target. */
static void plan_one(maple_campaign *campaign, preparation *work, size_t i) {
    const maple_measure_config *config = campaign->config;
    const maple_arch *arch = &campaign->plan->archs[i];
    campaign->target_of[i] = MAPLE_NO_TARGET;
    size_t known = *map_at(&work->known_map, arch);
    if (known != MAPLE_NO_TARGET && maple_arch_equal(&work->known[known].arch, arch)) {
        if (isfinite(work->known[known].latency_ms))
            campaign->report->already++;
        else
            campaign->report->failed++; /* what failed is not tried again unless that is asked for */
        campaign->report->flagged += work->known[known].flag[0] != '\0';
        return;
    }
    if (config->graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(config->space, arch)) {
        work->rows[work->n_rows++] = empty_row(arch, "degenerate: the output does not depend on the input");
        return;
    }
    maple_arch canonical = maple_space_canonical(config->space, config->graph, arch);
    known = *map_at(&work->known_map, &canonical);
    if (known != MAPLE_NO_TARGET) {
        work->rows[work->n_rows] = work->known[known];
        work->rows[work->n_rows++].arch = *arch;
        return;
    }
    size_t *target = map_at(&work->target_map, &canonical);
    if (*target == MAPLE_NO_TARGET) {
        *target = campaign->n_targets;
        campaign->targets[campaign->n_targets++] = (maple_target_network){
            .arch = canonical,
            .order = order_of(campaign, &canonical),
            .flagged = *map_at(&work->flagged_map, &canonical) != MAPLE_NO_TARGET,
        };
    }
    campaign->target_of[i] = *target;
}

/* Targets in an order of the seed, the same in every session: what was interrupted is finished first. */
static int compare_order(const void *left, const void *right) {
    const maple_target_network *a = left, *b = right;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    int archs = memcmp(a->arch.op, b->arch.op, sizeof a->arch.op);
    return archs ? archs : a->series - b->series;
}

static maple_status order_targets(maple_campaign *campaign, preparation *work, maple_error *error) {
    size_t n = campaign->n_targets, *place = maple_alloc(n, sizeof *place);
    if (!place)
        return maple_error_memory(error);
    maple_target_network *targets = campaign->targets;
    qsort(targets, n, sizeof *targets, compare_order);
    for (size_t i = 0; i < n; i++)
        place[*map_at(&work->target_map, &targets[i].arch)] = i;
    for (size_t i = 0; i < campaign->plan->n; i++) {
        if (campaign->target_of[i] != MAPLE_NO_TARGET)
            campaign->target_of[i] = place[campaign->target_of[i]];
    }
    maple_free(place);
    return MAPLE_OK;
}

bool *maple_campaign_round(const maple_campaign *campaign, size_t target, int round) {
    return &campaign->has_round[target * (size_t)campaign->plan->rounds + (size_t)round];
}

static maple_status find_rounds(maple_campaign *campaign, maple_error *error) {
    int rounds = campaign->plan->rounds;
    for (size_t t = 0; t < campaign->n_targets; t++) {
        maple_target_network *target = &campaign->targets[t];
        bool *has = campaign->has_round + t * (size_t)rounds;
        int *numbers = NULL;
        double *latency_ms = NULL;
        size_t n = 0;
        maple_status status = maple_pool_runs(campaign->pool, campaign->platform, campaign->config->space,
                                              &target->arch, &numbers, &latency_ms, &n, error);
        if (status != MAPLE_OK)
            return status;
        for (size_t i = 0; i < n && !target->flagged; i++) { /* those of a flagged one are forgotten soon */
            if (numbers[i] >= 0 && numbers[i] < rounds)
                has[numbers[i]] = true;
        }
        for (int r = 0; r < rounds; r++)
            target->missing += !has[r];
        maple_free(numbers);
        maple_free(latency_ms);
    }
    return MAPLE_OK;
}

static maple_status put_rows(maple_campaign *campaign, const maple_latency *rows, size_t n,
                             maple_error *error) {
    if (n == 0)
        return MAPLE_OK;
    maple_status status =
        maple_pool_put_latencies(campaign->pool, campaign->platform, campaign->config->space, rows, n, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        if (isfinite(rows[i].latency_ms))
            campaign->report->measured++;
        else
            campaign->report->failed++;
        campaign->report->flagged += rows[i].flag[0] != '\0';
    }
    return status;
}

maple_status maple_campaign_prepare(maple_campaign *campaign, maple_error *error) {
    size_t n = campaign->plan->n;
    campaign->series = 1;
    preparation work = {0};
    maple_status status = MAPLE_OK;
    campaign->targets = maple_alloc(n, sizeof *campaign->targets);
    campaign->target_of = maple_alloc(n, sizeof *campaign->target_of);
    work.rows = maple_alloc(n, sizeof *work.rows);
    if (!campaign->targets || !campaign->target_of || !work.rows || !map_init(&work.target_map, n)) {
        status = maple_error_memory(error);
        goto done;
    }
    status = load_known(campaign, &work, error);
    if (status != MAPLE_OK)
        goto done;
    for (size_t i = 0; i < n; i++)
        plan_one(campaign, &work, i);
    status = order_targets(campaign, &work, error);
    if (status != MAPLE_OK)
        goto done;
    campaign->has_round = maple_alloc(campaign->n_targets, (size_t)campaign->plan->rounds * sizeof(bool));
    campaign->spread = maple_alloc(campaign->n_targets, sizeof *campaign->spread);
    if (!campaign->has_round || !campaign->spread) {
        status = maple_error_memory(error);
        goto done;
    }
    status = find_rounds(campaign, error);
    if (status == MAPLE_OK)
        status = put_rows(campaign, work.rows, work.n_rows, error);
done:
    maple_free(work.rows);
    maple_free(work.known);
    map_release(&work.known_map);
    map_release(&work.flagged_map);
    map_release(&work.target_map);
    return status;
}

maple_status maple_campaign_prepare_series(maple_campaign *campaign, maple_error *error) {
    const maple_measure_plan *plan = campaign->plan;
    const maple_measure_config *config = campaign->config;
    size_t n = 2 * plan->n, rounds = (size_t)plan->rounds;
    campaign->series = 2;
    campaign->targets = maple_alloc(n, sizeof *campaign->targets);
    campaign->target_of = maple_alloc(plan->n, sizeof *campaign->target_of);
    campaign->has_round = maple_alloc(n, rounds * sizeof(bool));
    campaign->spread = maple_alloc(n, sizeof *campaign->spread);
    campaign->labels = maple_alloc(n, sizeof *campaign->labels);
    if (!campaign->targets || !campaign->target_of || !campaign->has_round || !campaign->spread ||
        !campaign->labels)
        return maple_error_memory(error);
    for (size_t i = 0; i < plan->n; i++) {
        maple_arch arch = maple_space_canonical(config->space, config->graph, &plan->archs[i]);
        campaign->target_of[i] = MAPLE_NO_TARGET; /* no rows are written */
        if (config->graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(config->space, &arch))
            continue;
        for (int series = 0; series < 2; series++)
            campaign->targets[campaign->n_targets++] =
                (maple_target_network){.arch = arch, .order = order_of(campaign, &arch), .series = series};
    }
    qsort(campaign->targets, campaign->n_targets, sizeof *campaign->targets, compare_order);
    for (size_t t = 0; t < campaign->n_targets; t++) {
        for (size_t r = 0; r < rounds; r++) {
            bool other = (int)(r % 2) != campaign->targets[t].series;
            campaign->has_round[t * rounds + r] = other;
            campaign->targets[t].missing += !other;
        }
    }
    return MAPLE_OK;
}

void maple_campaign_release(maple_campaign *campaign) {
    maple_free(campaign->targets);
    maple_free(campaign->target_of);
    maple_free(campaign->has_round);
    maple_free(campaign->spread);
    maple_free(campaign->labels);
}

/* --- Labels --- */

maple_status maple_campaign_runs(const maple_campaign *campaign, size_t target, double **latency_ms,
                                 size_t *n, maple_error *error) {
    int *rounds = NULL;
    size_t kept = 0;
    maple_status status = maple_pool_runs(campaign->pool, campaign->platform, campaign->config->space,
                                          &campaign->targets[target].arch, &rounds, latency_ms, n, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; i < *n; i++) {
        if (rounds[i] % campaign->series == campaign->targets[target].series)
            (*latency_ms)[kept++] = (*latency_ms)[i];
    }
    *n = kept;
    maple_free(rounds);
    return MAPLE_OK;
}

bool maple_campaign_spreads(const maple_campaign *campaign, const maple_summary *summary) {
    enum { LEAST_RUNS = 8 }; /* fewer have no middle half to speak of */
    static const double LIMIT = 0.10;
    double limit = campaign->plan->spread_limit;
    return summary->n >= LEAST_RUNS && summary->iqr > (limit > 0 ? limit : LIMIT) * summary->median;
}

maple_status maple_campaign_take_back(maple_campaign *campaign, const maple_run_key *runs, size_t n,
                                      maple_error *error) {
    const maple_measure_plan *plan = campaign->plan;
    maple_arch *archs = maple_alloc(n, sizeof *archs);
    int *rounds = maple_alloc(n, sizeof *rounds);
    maple_status status = archs && rounds ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        archs[i] = campaign->targets[runs[i].target].arch;
        rounds[i] = runs[i].round;
    }
    /* Told first: what is acknowledged and not told of is in the pool, whenever this process is killed. */
    if (status == MAPLE_OK && n > 0 && plan->taken_back)
        plan->taken_back(plan->user, archs, rounds, n);
    if (status == MAPLE_OK && n > 0)
        status = maple_pool_take_back_runs(campaign->pool, campaign->platform, campaign->config->space, archs,
                                           rounds, n, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        *maple_campaign_round(campaign, runs[i].target, runs[i].round) = false;
        campaign->targets[runs[i].target].missing++;
    }
    maple_free(archs);
    maple_free(rounds);
    return status;
}

maple_status maple_campaign_forget_flagged(maple_campaign *campaign, maple_error *error) {
    const maple_measure_plan *plan = campaign->plan;
    size_t n = 0;
    maple_arch *archs = maple_alloc(2 * plan->n, sizeof *archs);
    if (!archs)
        return maple_error_memory(error);
    for (size_t i = 0; i < plan->n; i++) {
        size_t target = campaign->target_of[i];
        if (target == MAPLE_NO_TARGET || !campaign->targets[target].flagged)
            continue;
        archs[n++] = plan->archs[i];
        archs[n++] = campaign->targets[target].arch; /* the runs are its */
    }
    maple_status status = MAPLE_OK;
    if (n > 0)
        status =
            maple_pool_forget(campaign->pool, campaign->platform, campaign->config->space, archs, n, error);
    maple_free(archs);
    return status;
}

/* The row of a target from its runs in the pool. */
static maple_status label_target(maple_campaign *campaign, size_t t, maple_latency *row, maple_error *error) {
    const maple_target_network *target = &campaign->targets[t];
    *row = empty_row(&target->arch, "");
    double *latency_ms = NULL;
    size_t n = 0;
    maple_summary summary = {0};
    maple_status status = maple_campaign_runs(campaign, t, &latency_ms, &n, error);
    if (status == MAPLE_OK)
        status = maple_summarise(latency_ms, n, &summary, error);
    maple_free(latency_ms);
    if (status != MAPLE_OK)
        return status;
    if (n == 0)
        return maple_error_set(error, MAPLE_DEVICE_ERROR,
                               "the pool lost the runs of a network while it was measured");
    row->latency_ms = summary.median;
    row->mean_ms = summary.mean;
    row->min_ms = summary.min;
    row->sd_ms = summary.sd;
    row->runs = (int)n;
    if (maple_campaign_spreads(campaign, &summary))
        snprintf(row->flag, sizeof row->flag,
                 "noisy: the middle half of its runs spreads by %.0f %% after %d repetitions",
                 100 * summary.iqr / summary.median, target->repetitions);
    campaign->spread[campaign->n_spread++] = summary.iqr / summary.median;
    return MAPLE_OK;
}

maple_status maple_campaign_fail(maple_campaign *campaign, size_t t, const char *reason, maple_error *error) {
    const maple_measure_plan *plan = campaign->plan;
    size_t n = 0;
    maple_latency *rows = maple_alloc(plan->n, sizeof *rows);
    if (!rows)
        return maple_error_memory(error);
    campaign->targets[t].failed = true;
    for (size_t i = 0; i < plan->n; i++) {
        if (campaign->target_of[i] == t)
            rows[n++] = empty_row(&plan->archs[i], reason);
    }
    maple_status status = put_rows(campaign, rows, n, error);
    maple_free(rows);
    return status;
}

/* Every run of it was lost to other programs (networks.c keeps none of those). */
static const char NEVER_RAN[] =
    "other programs had the core in the middle of each of its runs: stop them, or take another "
    "core (--cpu), and measure again (--retry-failed)";

static bool never_ran(const maple_campaign *campaign, size_t t) {
    return campaign->targets[t].missing == campaign->plan->rounds / campaign->series;
}

maple_status maple_campaign_label(maple_campaign *campaign, size_t first, size_t end, maple_error *error) {
    const maple_measure_plan *plan = campaign->plan;
    size_t n = 0;
    maple_latency *labels = maple_alloc(end - first, sizeof *labels),
                  *rows = maple_alloc(plan->n, sizeof *rows);
    maple_status status = labels && rows ? MAPLE_OK : maple_error_memory(error);
    for (size_t t = first; t < end && status == MAPLE_OK; t++) {
        if (!campaign->targets[t].failed && never_ran(campaign, t))
            status = maple_campaign_fail(campaign, t, NEVER_RAN, error);
        else if (!campaign->targets[t].failed)
            status = label_target(campaign, t, &labels[t - first], error);
        if (campaign->labels)
            campaign->labels[t] = labels[t - first];
    }
    for (size_t i = 0; i < plan->n && status == MAPLE_OK; i++) {
        size_t target = campaign->target_of[i];
        if (target == MAPLE_NO_TARGET || target < first || target >= end || campaign->targets[target].failed)
            continue;
        rows[n] = labels[target - first];
        rows[n++].arch = plan->archs[i];
    }
    if (status == MAPLE_OK)
        status = put_rows(campaign, rows, n, error);
    maple_free(labels);
    maple_free(rows);
    return status;
}

maple_status maple_campaign_finish(maple_campaign *campaign, maple_error *error) {
    maple_summary summary;
    maple_status status = maple_summarise(campaign->spread, campaign->n_spread, &summary, error);
    if (status == MAPLE_OK)
        campaign->report->median_spread = summary.median;
    return status;
}
