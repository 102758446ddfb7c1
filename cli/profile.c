/* SPDX-License-Identifier: Apache-2.0 */
/* maple profile: a platform, its descriptor, and some architectures, into a pool. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool has_operators(const maple_operator_latency *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (isfinite(rows[i].latency_ms))
            return true;
    }
    return false;
}

static bool has_counters(const maple_count *counts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (counts[i].status != MAPLE_COUNTER_MISSING)
            return true;
    }
    return false;
}

static maple_status profile_operators(const cli_setup *setup, bool again, maple_pool *pool,
                                      const maple_platform *platform, maple_error *error) {
    const maple_space *space = setup->config.space;
    size_t n = maple_space_operators(space);
    maple_operator_latency *rows = maple_alloc(n, sizeof *rows);
    if (!rows)
        return maple_error_memory(error);
    maple_status status = maple_pool_operators(pool, platform->id, space, rows, error);
    if (status == MAPLE_OK && (again || !has_operators(rows, n))) {
        status = maple_measure_operators(&setup->config, rows, error);
        if (status == MAPLE_OK)
            status = maple_pool_put_operators(pool, platform->id, space, rows, error);
    }
    maple_free(rows);
    return status;
}

static maple_status count_into_pool(const cli_setup *setup, const maple_counter_info *provider,
                                    maple_pool *pool, const maple_platform *platform, maple_count *warm,
                                    maple_count *cold, maple_error *error) {
    char isa[32];
    const maple_space *space = setup->config.space;
    maple_status status = maple_measure_counters(&setup->config, provider, warm, cold, isa, error);
    if (status == MAPLE_OK)
        status = maple_pool_put_counters(pool, platform->id, space, MAPLE_CACHE_WARM, provider->name, isa,
                                         warm, error);
    if (status == MAPLE_OK)
        status = maple_pool_put_counters(pool, platform->id, space, MAPLE_CACHE_COLD, provider->name, isa,
                                         cold, error);
    return status;
}

static maple_status profile_counters(const cli_setup *setup, const maple_counter_info *provider, bool again,
                                     maple_pool *pool, const maple_platform *platform, maple_error *error) {
    const maple_space *space = setup->config.space;
    size_t n = maple_space_descriptor_operators(space) * MAPLE_EVENTS;
    maple_count *warm = maple_alloc(n, sizeof *warm), *cold = maple_alloc(n, sizeof *cold);
    maple_status status = warm && cold ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_pool_counters(pool, platform->id, space, MAPLE_CACHE_WARM, warm, error);
    if (status == MAPLE_OK && (again || !has_counters(warm, n)))
        status = count_into_pool(setup, provider, pool, platform, warm, cold, error);
    maple_free(warm);
    maple_free(cold);
    return status;
}

maple_status cli_profile_platform(cli_setup *setup, const char *name, const char *provider_name, bool again,
                                  maple_pool *pool, maple_platform *platform, maple_error *error) {
    const maple_counter_info *provider;
    char reason[512] = "";
    maple_status status =
        maple_measure_provider(&setup->config, provider_name, &provider, reason, sizeof reason, error);
    if (status != MAPLE_OK)
        return status;
    status = cli_register_platform(setup, name, pool, platform, error);
    if (status == MAPLE_OK)
        cli_say("platform %s; counters: %s%s%s%s", platform->name, provider->name,
                provider->simulated ? " (simulated)" : "", *reason ? "; " : "", reason);
    if (status == MAPLE_OK)
        status = profile_operators(setup, again, pool, platform, error);
    /* Counters of another provider than the one that was named are not what was asked for. */
    bool named = strcmp(provider_name, "auto") != 0 && strcmp(provider->name, "none") != 0;
    again = again || (named && strcmp(platform->counters, provider->name) != 0);
    if (status == MAPLE_OK)
        status = profile_counters(setup, provider, again, pool, platform, error);
    maple_platform known;
    if (status == MAPLE_OK)
        status = cli_remember_probe(setup, pool, platform, error);
    if (status == MAPLE_OK)
        status = maple_pool_find_platform(pool, platform->name, &known, error);
    if (status == MAPLE_OK)
        snprintf(platform->counters, sizeof platform->counters, "%s", known.counters);
    return status;
}

static maple_status print_profile(const maple_platform *platform, const maple_measure_report *report,
                                  size_t asked, bool json, maple_error *error) {
    if (!json) {
        printf("%s: %zu of %zu architectures have a latency (%zu measured now, %zu before, %zu failed)\n",
               platform->name, report->measured + report->already, asked, report->measured, report->already,
               report->failed);
        if (report->flagged > 0)
            printf("  flagged as noisy, and left out by default: %zu; maple measure --retry-flagged measures "
                   "them anew\n",
                   report->flagged);
        cli_print_report(report);
        return cli_flush(error);
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "platform", platform->name);
    cJSON_AddStringToObject(object, "family", platform->family);
    cJSON_AddStringToObject(object, "counters", platform->counters);
    cli_add_report(object, report);
    return cli_print_json(object, error);
}

static maple_status measure_sampled(const cli_setup *setup, const cli_sampling *sampling, maple_pool *pool,
                                    const maple_platform *platform, int n, int rounds, uint64_t seed,
                                    maple_measure_report *report, maple_error *error) {
    if (n == 0)
        return MAPLE_OK;
    bool suggested;
    maple_dataset *dataset = NULL;
    maple_arch *archs = maple_alloc((size_t)n, sizeof *archs);
    if (!archs)
        return maple_error_memory(error);
    maple_status status = cli_load_dataset(pool, setup->config.space, false, &dataset, error);
    if (status == MAPLE_OK)
        status = cli_sample(sampling, platform, dataset, (size_t)n, seed, archs, &suggested, error);
    maple_dataset_free(dataset);
    maple_measure_plan plan = {.archs = archs, .n = (size_t)n, .rounds = rounds, .seed = seed};
    if (status == MAPLE_OK)
        status = maple_measure_networks(&setup->config, pool, platform, &plan, report, error);
    cli_explain_drift(pool, platform, report, status, error);
    maple_free(archs);
    return status;
}

static maple_status run(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    cli_setup setup;
    cli_sampling sampling;
    cli_cache cache = {0};
    const char *name = NULL, *counters = "auto";
    int n = 10, rounds = 50;
    uint64_t seed = 1;
    bool json = false, again = false;
    cli_setup_options(&setup, &options);
    cli_string(&options, "name", &name, "NAME",
               "name of the platform (default: made from CPU, engine, options)");
    cli_string(&options, "counters", &counters, "NAME", "auto, perf, callgrind (simulated), none");
    cli_int(&options, "architectures", &n, 0, 1000000, "N", "architectures to measure (default 10)");
    cli_sampling_options(&sampling, &cache, &options);
    cli_int(&options, "rounds", &rounds, 1, 10000, "N", "timed runs of each, interleaved (default 50)");
    cli_seed(&options, &seed);
    cli_flag(&options, "again", &again, "measure the descriptor again, even if the pool has it");
    cli_flag(&options, "json", &json, "one object");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    status = cli_sampling_check(&sampling, &options, error);
    if (status == MAPLE_OK)
        status = cli_setup_resolve(&setup, error);
    if (status != MAPLE_OK)
        return status;
    maple_pool *pool = NULL;
    maple_platform platform;
    maple_measure_report report = MAPLE_NO_REPORT;
    status = cli_open_to_measure(&setup, name, counters, &pool, error);
    if (status == MAPLE_OK)
        status = cli_profile_platform(&setup, name, counters, again, pool, &platform, error);
    if (status == MAPLE_OK)
        status = measure_sampled(&setup, &sampling, pool, &platform, n, rounds, seed, &report, error);
    cli_cache_close(&cache);
    maple_pool_close(pool);
    if (status != MAPLE_OK)
        return status;
    return print_profile(&platform, &report, (size_t)n, json, error);
}

const cli_command cli_profile = {
    .name = "profile",
    .arguments = "",
    .summary = "describe this machine: operator latencies, counters, a few architectures, into your pool",
    .details =
        "Adds a platform (this CPU with one engine, instruction set, threads, batch and graph form) to your "
        "pool, measures\nthe latency of each operator of the search space, counts it with CPU performance "
        "counters, and measures N\narchitectures: those that gp suggests from what it learns of "
        "the other platforms of your pool and the bundled one (maple\nsuggest), or random ones (--sampler; "
        "also "
        "where there is no other platform, and for more than 100). What the pool already\nhas is not "
        "measured "
        "again.",
    .examples =
        "  maple profile\n  maple profile --engine onednn --isa avx2 --threads 2 --architectures 900 --pool "
        "my.db",
    .run = run,
};
