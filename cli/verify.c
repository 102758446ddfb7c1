/* SPDX-License-Identifier: Apache-2.0 */
/* Measuring what a search has found, on the machine that it was searched for. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

/* As the platform was measured. The texts stay the platform's, which has to outlive it. */
static maple_status setup_of(const maple_platform *platform, const maple_space *space, cli_setup *setup,
                             maple_error *error) {
    cli_options unused = {0};
    const maple_engine_info *engine;
    cli_setup_options(setup, &unused);
    maple_status status = maple_engine_find(platform->engine, &engine, error);
    if (status != MAPLE_OK)
        return status;
    setup->space_name = maple_space_name(space);
    setup->engine = platform->engine;
    setup->isa = engine->isas[0] && *platform->isa ? platform->isa : NULL; /* not all have a cap */
    setup->dtype = *platform->dtype ? platform->dtype : "f32";
    setup->graph = maple_graph_form_name(platform->graph);
    setup->threads = platform->threads;
    setup->batch = platform->batch;
    return cli_setup_resolve(setup, error);
}

static maple_status check_host(maple_pool *user, const maple_platform *platform, maple_error *error) {
    maple_environment here;
    char *then;
    maple_status status = maple_pool_environment(user, platform->id, &then, error);
    if (status != MAPLE_OK)
        return status;
    maple_environment_probe(NULL, &here);
    status = maple_environment_same_host(then, &here, error);
    maple_free(then);
    return status;
}

/* The platform, with all that can be said without measuring. */
static maple_status find(maple_pool *user, const char *name, const maple_space *space,
                         maple_platform *platform, cli_setup *setup, maple_error *error) {
    char **environment = NULL;
    if (!user || maple_pool_find_platform(user, name, platform, NULL) != MAPLE_OK)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "--verify: platform '%s' is not in your pool, so this machine cannot be known to "
            "be it; maple profile adds this machine",
            name);
    if (strcmp(platform->engine, "imported") == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "--verify: platform '%s' was imported: measure the networks where it is, and "
                               "import their latencies (maple pool import csv)",
                               name);
    maple_status status = check_host(user, platform, error);
    if (status == MAPLE_OK)
        status = setup_of(platform, space, setup, error);
    if (status == MAPLE_OK) /* checks the options as the worker will */
        status = maple_engine_environment(platform->engine, &setup->config.options, &environment, error);
    maple_free(environment);
    return status == MAPLE_OK ? status : maple_error_prefix(error, status, "--verify: platform '%s'", name);
}

maple_status cli_verify_check(maple_pool *user, const char *name, const maple_space *space,
                              maple_error *error) {
    maple_platform platform;
    cli_setup setup;
    return find(user, name, space, &platform, &setup, error);
}

/* What a machine takes that is slower or faster than the one that was predicted says nothing of predictions.
 */
static maple_status explain_drift(const maple_pool *pool, const maple_platform *platform,
                                  const maple_space *space, maple_error *error) {
    char name[sizeof platform->name + 8];
    maple_error why = *error;
    maple_text command = {0};
    snprintf(name, sizeof name, "%s-now", platform->name);
    maple_text_add(&command, "maple profile");
    maple_text_add_option(&command, "name", name);
    cli_add_measuring(&command, platform, space, maple_pool_path(pool));
    maple_status status =
        command.failed
            ? maple_error_memory(error)
            : maple_error_set(error, MAPLE_CHECK_FAILED,
                              "--verify: %.500s: nothing was measured; stop what else runs here, or "
                              "measure the machine as it is now and search for that platform:\n  %s",
                              why.message, command.data);
    maple_text_free(&command);
    return status;
}

static maple_status measure(cli_setup *setup, const char *name, maple_pool *pool, const maple_space *space,
                            const maple_arch *archs, size_t n, uint64_t seed, maple_latency *rows,
                            maple_error *error) {
    maple_measure_plan plan = {.archs = archs, .n = n, .rounds = 50, .seed = seed, .flag_at_once = true};
    maple_measure_report report = MAPLE_NO_REPORT;
    maple_platform platform; /* as it is now; the pool refuses it under this name where it is another one */
    maple_status status = cli_register_platform(setup, name, pool, &platform, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_measure_anew(&setup->config, pool, &platform, &plan, rows, &report, error);
    if (status == MAPLE_BAD_INPUT && report.sentinel_shift > 0.05)
        status = explain_drift(pool, &platform, space, error);
    if (status == MAPLE_OK)
        status = cli_remember_probe(setup, pool, &platform, error);
    if (status == MAPLE_OK && report.flagged > 0)
        cli_say("noisy, and used all the same: %zu of %zu latencies", report.flagged, n);
    return status;
}

maple_status cli_verify(maple_pool *user, const char *name, const maple_space *space, const maple_arch *archs,
                        size_t n, uint64_t seed, maple_latency *rows, maple_error *error) {
    maple_platform known;
    maple_pool *pool = NULL;
    cli_setup setup;
    maple_status status = find(user, name, space, &known, &setup, error);
    if (status == MAPLE_OK)
        status = cli_open_pool(maple_pool_path(user), MAPLE_POOL_WRITE, &pool, error);
    if (status == MAPLE_OK) {
        cli_say("verifying: measuring %zu network%s on %s ...", n, cli_plural(n), name);
        status = measure(&setup, name, pool, space, archs, n, seed, rows, error);
    }
    maple_pool_close(pool);
    return status;
}
