/* SPDX-License-Identifier: Apache-2.0 */
/* maple measure --repeatability: how far two labels of the same network are apart on this machine. */
#include "cli.h"

#include <stdio.h>

/* The platform has to be there: its figure is kept with it, and its sentinels are the measure. */
static maple_status check_profiled(const cli_setup *setup, const char *name, maple_error *error) {
    maple_environment environment;
    maple_platform platform, known;
    maple_pool *pool = NULL;
    maple_environment_probe(NULL, &environment);
    maple_status status = maple_measure_identify(&setup->config, &environment, &platform, error);
    if (status == MAPLE_OK && name)
        status = cli_copy(platform.name, sizeof platform.name, name, "--name", error);
    if (status == MAPLE_OK)
        status = cli_open_pool(setup->pool, MAPLE_POOL_READ, &pool, error);
    if (status == MAPLE_OK && maple_pool_find_platform(pool, platform.name, &known, NULL) != MAPLE_OK)
        status = maple_error_set(error, MAPLE_NOT_FOUND,
                                 "%s: no platform '%s' in this pool: --repeatability measures one that is "
                                 "there; maple profile with the same options adds it",
                                 maple_pool_path(pool), platform.name);
    maple_pool_close(pool);
    return status;
}

static maple_status print(const cli_repeating *what, const maple_platform *platform,
                          const maple_repeatability *row, const maple_measure_report *report,
                          maple_error *error) {
    if (!what->json) {
        printf(
            "%s: %zu networks measured twice, %d rounds each, alternating; the two labels differ by %.2f %% "
            "in the median, %.2f %% in the 90th percentile, %.2f %% in the 95th, %.2f %% at most\n",
            platform->name, row->n, row->rounds, 100 * row->median, 100 * row->p90, 100 * row->p95,
            100 * row->max);
        if (!maple_repeatability_is_good(row))
            printf(
                "  a quiet machine reaches 1 %% and 3 %% (median, 95th percentile): maple doctor says what "
                "would improve it\n");
        if (report->flagged > 0)
            printf(
                "  %zu more networks are left out because their runs spread too much, as labels would be\n",
                report->flagged);
        cli_print_report(report);
        return cli_flush(error);
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "platform", platform->name);
    cJSON_AddItemToObject(object, "repeatability", cli_repeatability_json(row));
    cli_add_report(object, report);
    return what->one_line ? cli_print_json_line(object, error) : cli_print_json(object, error);
}

maple_status cli_measure_repeatability(cli_setup *setup, const cli_repeating *what,
                                       const maple_measure_plan *rules, maple_error *error) {
    const maple_space *space = setup->config.space;
    maple_pool *pool = NULL;
    maple_platform platform;
    maple_repeatability row;
    maple_measure_report report = MAPLE_NO_REPORT;
    maple_measure_plan plan = *rules;
    maple_arch *archs = maple_alloc((size_t)what->n, sizeof *archs);
    maple_rng rng = maple_rng_seed(rules->seed);
    maple_status status = archs ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_space_sample(space, setup->config.graph, &rng, (size_t)what->n, archs, error);
    if (status == MAPLE_OK)
        status = check_profiled(setup, what->name, error);
    if (status == MAPLE_OK)
        status = cli_open_pool(setup->pool, MAPLE_POOL_WRITE, &pool, error);
    if (status == MAPLE_OK)
        status = cli_register_platform(setup, what->name, pool, &platform, error);
    plan.archs = archs;
    plan.n = (size_t)what->n;
    if (status == MAPLE_OK) {
        status = maple_measure_repeatability(&setup->config, pool, &platform, &plan, &row, &report, error);
        cli_explain_drift(pool, &platform, &report, status, error);
    }
    if (status == MAPLE_OK)
        status = cli_remember_probe(setup, pool, &platform, error);
    if (status == MAPLE_OK)
        status = maple_pool_put_repeatability(pool, platform.id, space, &row, error);
    maple_pool_close(pool);
    maple_free(archs);
    return status == MAPLE_OK ? print(what, &platform, &row, &report, error) : status;
}
