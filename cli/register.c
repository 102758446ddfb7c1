/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adding this machine's configuration to a pool, and what one command learned about the machine for the next:
 * the duration of the undisturbed probe is kept with the environment, since a slow stretch of a shared core
 * may outlast a whole command, which then could not know that it was slow.
 */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static const char PROBE[] = "undisturbed_probe_ns";

/* The fastest probe of any platform in the pool with this CPU. */
static maple_status recall_probe(cli_setup *setup, maple_pool *pool, const char *cpu, maple_error *error) {
    maple_platform *platforms = NULL;
    size_t n = 0;
    maple_status status = maple_pool_platforms(pool, &platforms, &n, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        char *text;
        if (strcmp(platforms[i].cpu, cpu) != 0)
            continue;
        status = maple_pool_environment(pool, platforms[i].id, &text, error);
        if (status != MAPLE_OK)
            break;
        cJSON *environment = cJSON_Parse(text);
        double known = cJSON_GetNumberValue(cJSON_GetObjectItem(environment, PROBE));
        if (known > 0 && (setup->fastest_probe_ns == 0 || known < (double)setup->fastest_probe_ns))
            setup->fastest_probe_ns = (int64_t)known;
        cJSON_Delete(environment);
        maple_free(text);
    }
    maple_free(platforms);
    return status;
}

/* A name for this machine's own platform that the pool does not have yet. */
static void free_name(maple_pool *pool, const char *name, char out[160]) {
    maple_platform known;
    for (int i = 2; i < 1000; i++) {
        snprintf(out, 160, "%.150s-%d", name, i);
        if (maple_pool_find_platform(pool, out, &known, NULL) != MAPLE_OK)
            return;
    }
}

/* Adds to the message under which name this machine can be measured. */
static void offer_name(maple_pool *pool, const char *name, const char *more, maple_error *error) {
    char offer[160];
    char message[sizeof error->message];
    memcpy(message, error->message, sizeof message);
    free_name(pool, name, offer);
    maple_error_set(error, error->status, "%.700s: measure this one under a name of its own (--name %s)%s",
                    message, offer, more);
}

void cli_explain_drift(maple_pool *pool, const maple_platform *platform, const maple_measure_report *report,
                       maple_status status, maple_error *error) {
    if (status == MAPLE_BAD_INPUT && report->sentinel_shift > 0.05)
        offer_name(pool, platform->name,
                   "; or go on with maple measure --accept-drift, which makes this the measure", error);
}

/* A platform that is there is continued on its own host only. */
static maple_status check_known(maple_pool *pool, const maple_platform *known,
                                const maple_environment *environment, maple_error *error) {
    char *text;
    maple_status status = maple_pool_environment(pool, known->id, &text, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_environment_same_host(text, environment, error);
    maple_free(text);
    if (status != MAPLE_BAD_INPUT)
        return status;
    maple_error_prefix(error, status, "platform '%s'", known->name);
    offer_name(pool, known->name, "", error);
    return status;
}

static maple_status identify(const cli_setup *setup, const char *name, maple_environment *environment,
                             maple_platform *platform, maple_error *error) {
    maple_environment_probe(NULL, environment);
    maple_status status = maple_measure_identify(&setup->config, environment, platform, error);
    if (status == MAPLE_OK && name)
        status = cli_copy(platform->name, sizeof platform->name, name, "--name", error);
    return status == MAPLE_OK ? maple_platform_check(platform, error) : status;
}

maple_status cli_open_to_measure(const cli_setup *setup, const char *name, const char *provider_name,
                                 maple_pool **out, maple_error *error) {
    const maple_counter_info *provider;
    maple_environment environment;
    maple_platform platform;
    maple_status status =
        provider_name ? maple_measure_provider(&setup->config, provider_name, &provider, NULL, 0, error)
                      : MAPLE_OK;
    if (status == MAPLE_OK)
        status = identify(setup, name, &environment, &platform, error);
    return status == MAPLE_OK ? cli_open_pool(setup->pool, MAPLE_POOL_WRITE, out, error) : status;
}

maple_status cli_register_platform(cli_setup *setup, const char *name, maple_pool *pool,
                                   maple_platform *platform, maple_error *error) {
    maple_environment environment;
    maple_status status = identify(setup, name, &environment, platform, error);
    if (status == MAPLE_OK)
        status = recall_probe(setup, pool, platform->cpu, error);
    if (status != MAPLE_OK)
        return status;
    /* Which provider its counters are from is said by those who store them. */
    maple_platform known;
    bool is_known = maple_pool_find_platform(pool, platform->name, &known, NULL) == MAPLE_OK;
    if (is_known) {
        snprintf(platform->counters, sizeof platform->counters, "%s", known.counters);
        status = check_known(pool, &known, &environment, error);
    }
    char *text;
    if (status == MAPLE_OK)
        status = maple_environment_json(&environment, &text, error);
    if (status != MAPLE_OK)
        return status;
    /* What earlier campaigns learned is in the environment, too, and stays. */
    status = maple_pool_add_platform(pool, platform, is_known ? NULL : text, error);
    if (status == MAPLE_OK && is_known)
        status = maple_pool_patch_environment(pool, platform->id, text, error);
    maple_free(text);
    return status == MAPLE_OK ? cli_remember_probe(setup, pool, platform, error) : status;
}

maple_status cli_remember_probe(const cli_setup *setup, maple_pool *pool, const maple_platform *platform,
                                maple_error *error) {
    char text[64];
    maple_platform known;
    maple_status status = maple_pool_find_platform(pool, platform->name, &known, error);
    if (status != MAPLE_OK || setup->fastest_probe_ns == 0)
        return status;
    snprintf(text, sizeof text, "{\"%s\":%lld}", PROBE, (long long)setup->fastest_probe_ns);
    return maple_pool_patch_environment(pool, known.id, text, error);
}
