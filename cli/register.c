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

/* Writes the platform with `environment` (a JSON text) and the probe in it. */
static maple_status put_platform(const cli_setup *setup, maple_pool *pool, maple_platform *platform,
                                 const char *environment, maple_error *error) {
    cJSON *object = cJSON_Parse(environment);
    cJSON_DeleteItemFromObject(object, PROBE);
    if (setup->fastest_probe_ns > 0)
        cJSON_AddNumberToObject(object, PROBE, (double)setup->fastest_probe_ns);
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (!text)
        return maple_error_memory(error);
    maple_status status = maple_pool_add_platform(pool, platform, text, error);
    cJSON_free(text);
    return status;
}

maple_status cli_register_platform(cli_setup *setup, const char *name, maple_pool *pool,
                                   maple_platform *platform, maple_error *error) {
    maple_environment environment;
    maple_environment_probe(NULL, &environment);
    maple_status status = maple_measure_identify(&setup->config, &environment, platform, error);
    if (status == MAPLE_OK && name)
        status = cli_copy(platform->name, sizeof platform->name, name, "--name", error);
    if (status == MAPLE_OK)
        status = recall_probe(setup, pool, platform->cpu, error);
    if (status != MAPLE_OK)
        return status;
    /* Which provider its counters are from is said by those who store them. */
    maple_platform known;
    if (maple_pool_find_platform(pool, platform->name, &known, NULL) == MAPLE_OK)
        snprintf(platform->counters, sizeof platform->counters, "%s", known.counters);
    char *text;
    status = maple_environment_json(&environment, &text, error);
    if (status != MAPLE_OK)
        return status;
    status = put_platform(setup, pool, platform, text, error);
    maple_free(text);
    return status;
}

maple_status cli_remember_probe(const cli_setup *setup, maple_pool *pool, const maple_platform *platform,
                                maple_error *error) {
    char *text;
    maple_platform known;
    maple_status status = maple_pool_find_platform(pool, platform->name, &known, error);
    if (status == MAPLE_OK)
        status = maple_pool_environment(pool, known.id, &text, error);
    if (status != MAPLE_OK)
        return status;
    status = put_platform(setup, pool, &known, text, error);
    maple_free(text);
    return status;
}
