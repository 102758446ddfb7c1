/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring beside the labels: the pool for it (aside.h), and networks that are measured anew. */
#include "measure/aside.h"

#include "measure/session.h"
#include "space/arch_index.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- A pool that goes again --- */

static maple_status copy_platform(maple_aside *aside, maple_pool *from, const maple_platform *platform,
                                  maple_error *error) {
    char *environment;
    maple_status status = maple_pool_environment(from, platform->id, &environment, error);
    if (status != MAPLE_OK)
        return status;
    aside->platform = *platform;
    aside->platform.id = 0;
    status = maple_pool_add_platform(aside->pool, &aside->platform, environment, error);
    maple_free(environment);
    return status;
}

static maple_status make_pool(maple_aside *aside, maple_error *error) {
    const char *base = getenv("TMPDIR");
    int length =
        snprintf(aside->folder, sizeof aside->folder, "%s/maple-XXXXXX", base && *base ? base : "/tmp");
    if (length < 0 || (size_t)length >= sizeof aside->folder || !mkdtemp(aside->folder)) {
        aside->folder[0] = '\0';
        return maple_error_set(error, MAPLE_IO_ERROR, "no temporary folder can be made in %s (TMPDIR)",
                               base && *base ? base : "/tmp");
    }
    snprintf(aside->path, sizeof aside->path, "%s/runs.db", aside->folder);
    return maple_pool_open(aside->path, MAPLE_POOL_WRITE, &aside->pool, error);
}

maple_status maple_aside_open(const maple_measure_config *config, maple_pool *pool,
                              const maple_platform *platform, maple_aside *out, maple_error *error) {
    *out = (maple_aside){0};
    maple_status status = maple_lock_take(&out->lock, pool, platform, config->hooks, error);
    if (status == MAPLE_OK)
        status = make_pool(out, error);
    return status == MAPLE_OK ? copy_platform(out, pool, platform, error) : status;
}

void maple_aside_close(maple_aside *aside) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    maple_pool_close(aside->pool);
    for (size_t i = 0; aside->folder[0] && i < sizeof ends / sizeof *ends; i++) {
        char path[560];
        snprintf(path, sizeof path, "%s%s", aside->path, ends[i]);
        unlink(path);
    }
    if (aside->folder[0])
        rmdir(aside->folder);
    maple_lock_release(&aside->lock);
}

/* --- Anew --- */

static maple_status read_rows(const maple_aside *aside, const maple_space *space,
                              const maple_measure_plan *plan, maple_latency *rows, maple_error *error) {
    maple_latency *known = NULL;
    maple_arch_index index = {0};
    size_t n = 0;
    maple_status status = maple_pool_latencies(aside->pool, aside->platform.id, space, &known, &n, error);
    if (status == MAPLE_OK)
        status = maple_arch_index_create(space, n, &index, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        maple_arch_index_add(&index, &known[i].arch);
    for (size_t i = 0; status == MAPLE_OK && i < plan->n; i++) {
        size_t row = maple_arch_index_find(&index, &plan->archs[i]);
        if (row == SIZE_MAX)
            status =
                maple_error_set(error, MAPLE_DEVICE_ERROR, "network %zu was measured, but has no label", i);
        else
            rows[i] = known[row];
    }
    maple_arch_index_release(&index);
    maple_free(known);
    return status;
}

maple_status maple_measure_anew(const maple_measure_config *config, maple_pool *pool,
                                const maple_platform *platform, const maple_measure_plan *plan,
                                maple_latency *rows, maple_measure_report *report, maple_error *error) {
    int64_t begin = maple_clock_ns();
    maple_aside aside;
    *report = MAPLE_NO_REPORT;
    maple_status status = maple_session_check_plan(config, pool, platform, plan, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_aside_open(config, pool, platform, &aside, error);
    maple_session self = {.campaign = {.config = config,
                                       .plan = plan,
                                       .pool = aside.pool,
                                       .platform = aside.platform.id,
                                       .report = report},
                          .platform = &aside.platform};
    if (status == MAPLE_OK)
        status = maple_campaign_prepare(&self.campaign, error);
    if (status == MAPLE_OK)
        status = maple_session_measure(&self, error);
    if (status == MAPLE_INTERRUPTED)
        maple_error_set(error, status, "interrupted: what is measured anew is measured in one go");
    if (status == MAPLE_OK)
        status = read_rows(&aside, config->space, plan, rows, error);
    maple_session_release(&self);
    maple_aside_close(&aside);
    report->wall_s = (double)(maple_clock_ns() - begin) / 1e9;
    return status;
}
