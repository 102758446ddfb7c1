/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting a predictor for a platform of a pool, and its predictions: shared by fit, predict and quickstart.
 */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* samples: the default; -1: all. */
static void how_options(cli_fitting *fitting, int samples, cli_options *options) {
    static const char *const HELP[] = {
        "learn from N random ones of the platform's latencies (default: all); from 0, or\n"
        "                         where it has none, gp predicts by its operator latencies",
        "learn from N random ones of the platform's latencies (default 10); from 0 gp predicts\n"
        "                         by its operator latencies"};
    *fitting = (cli_fitting){
        .predictor = "gp", .leave_out = "none", .space_name = "nas-bench-201", .samples = samples, .seed = 1};
    cli_string(options, "predictor", &fitting->predictor, "NAME", "see maple predictors (default gp)");
    cli_string(options, "options", &fitting->predictor_options, "K=V,...",
               "options of the predictor (a wrong one lists those there are)");
    cli_int(options, "samples", &fitting->samples, 0, 1000000, "N", HELP[samples >= 0]);
    cli_string(options, "leave-out", &fitting->leave_out, "WHAT",
               "learn not from: none (default), family, cpu (all platforms of this CPU model)");
    cli_choices(options, "none family cpu");
    cli_string(options, "space", &fitting->space_name, "NAME", "search space (default nas-bench-201)");
    cli_string(options, "pool", &fitting->pool, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flagged_option(options, &fitting->flagged);
    cli_seed(options, &fitting->seed);
    cli_cache_option(&fitting->cache, options);
}

static void platform_option(cli_fitting *fitting, cli_options *options) {
    cli_string(options, "platform", &fitting->platform, "NAME",
               "the platform to predict for (see maple pool list)");
}

void cli_fitting_options(cli_fitting *fitting, cli_options *options) {
    platform_option(fitting, options);
    how_options(fitting, -1, options);
}

void cli_fitting_how_options(cli_fitting *fitting, cli_options *options) {
    how_options(fitting, -1, options);
}

void cli_fitting_ten_options(cli_fitting *fitting, cli_options *options) {
    platform_option(fitting, options);
    how_options(fitting, 10, options);
}

maple_status cli_fitting_check(const cli_fitting *fitting, const maple_space *space, maple_error *error) {
    maple_target nobody = {0};
    maple_leave_out leave_out;
    int references;
    maple_status status = maple_predictor_references(fitting->predictor, fitting->predictor_options, space,
                                                     &nobody, &references, error);
    return status == MAPLE_OK ? cli_leave_out_parse(fitting->leave_out, &leave_out, error) : status;
}

/* The reference latencies that the predictor would use and the platform has are given to it: they were
 * measured. */
static maple_status add_references(const cli_fit_job *job, double *reference_ms, maple_target *target,
                                   maple_error *error) {
    int used;
    maple_status status =
        maple_predictor_references(job->predictor, job->options, job->dataset->space, target, &used, error);
    if (status == MAPLE_OK && used > 0 &&
        maple_dataset_references(job->dataset, job->platform, reference_ms) > 0)
        target->reference_ms = reference_ms;
    return status;
}

maple_status cli_run_fit(const cli_fit_job *job, maple_predictor **out, maple_error *error) {
    const maple_dataset *dataset = job->dataset;
    maple_fit_request request = {
        .space = dataset->space,
        .pool = dataset,
        .target = maple_dataset_target(dataset, job->platform),
        .seed = job->seed,
        .options = job->options,
        .hooks = cli_hooks(),
    };
    request.target.n_samples = job->n_samples;
    request.target.archs = job->archs;
    request.target.latency_ms = job->latency_ms;
    size_t *sources = NULL;
    double *reference_ms = maple_alloc(maple_space_references(dataset->space), sizeof *reference_ms);
    maple_status status = reference_ms ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = add_references(job, reference_ms, &request.target, error);
    if (status == MAPLE_OK && !job->sources)
        status = cli_sources(dataset, &job->platform->platform, job->leave_out, &sources, &request.n_sources,
                             error);
    request.sources = sources;
    if (job->sources) {
        request.sources = job->sources;
        request.n_sources = job->n_sources;
    }
    maple_pretrained *alone = NULL;
    maple_fit_times alone_times;
    if (status == MAPLE_OK)
        status = maple_model_cache_fit_again(cli_cache_models(job->cache, job->predictor), job->predictor,
                                             &request, job->pretrained ? job->pretrained : &alone,
                                             job->pretrained ? job->times : &alone_times, out, error);
    maple_pretrained_free(alone);
    maple_free(sources);
    maple_free(reference_ms);
    return status;
}

/* How a platform gets (more) latencies: another program measured those that were imported. */
static void say_how(const maple_platform *platform, const char *space, size_t n, char out[160]) {
    if (strcmp(platform->engine, "imported") == 0)
        snprintf(out, 160, "import more latencies of it (see maple pool import csv --help)");
    else
        snprintf(out, 160, "measure more on its machine (maple measure --space %s --random %zu)", space, n);
}

/* The first of a seeded shuffle of the measured architectures, or all of them. */
static maple_status draw_samples(const maple_dataset *dataset, const maple_dataset_platform *platform,
                                 const cli_fitting *fitting, maple_arch **archs, double **latency_ms,
                                 size_t *n, maple_error *error) {
    const double *known = platform->latency_ms;
    size_t *order = maple_alloc(dataset->n_archs, sizeof *order), found = 0;
    *archs = maple_alloc(dataset->n_archs, sizeof **archs);
    *latency_ms = maple_alloc(dataset->n_archs, sizeof **latency_ms);
    if (!order || !*archs || !*latency_ms) {
        maple_free(order);
        return maple_error_memory(error);
    }
    for (size_t i = 0; i < dataset->n_archs; i++) {
        if (isfinite(known[i]))
            order[found++] = i;
    }
    size_t wanted = fitting->samples >= 0 ? (size_t)fitting->samples : found;
    if (wanted > found) {
        char how[160], flagged[80] = "";
        say_how(&platform->platform, fitting->space_name, wanted, how);
        maple_free(order);
        if (platform->n_flagged > 0)
            snprintf(flagged, sizeof flagged, " (and %zu that are noisy, which --flagged takes)",
                     platform->n_flagged);
        return maple_error_set(
            error, MAPLE_BAD_INPUT, "--samples %zu, but %s has %s%zu latencies in %s%s; ask for fewer, or %s",
            wanted, fitting->platform, found > 0 ? "only " : "", found, fitting->space_name, flagged, how);
    }
    if (fitting->samples >= 0) {
        maple_rng rng = maple_rng_seed(fitting->seed);
        maple_rng_shuffle(&rng, found, order);
    }
    for (size_t i = 0; i < wanted; i++) {
        (*archs)[i] = dataset->archs[order[i]];
        (*latency_ms)[i] = known[order[i]];
    }
    maple_free(order);
    *n = wanted;
    return MAPLE_OK;
}

/* Whether one of the pools has it: then it has nothing in the space. */
static bool is_there(const char *name, maple_pool *user, maple_platform *out) {
    char path[4096];
    maple_pool *bundled = NULL;
    if (user && maple_pool_find_platform(user, name, out, NULL) == MAPLE_OK)
        return true;
    bool found = cli_bundled_path(path, NULL) == MAPLE_OK &&
                 maple_pool_open(path, MAPLE_POOL_IMMUTABLE, &bundled, NULL) == MAPLE_OK &&
                 maple_pool_find_platform(bundled, name, out, NULL) == MAPLE_OK;
    maple_pool_close(bundled);
    return found;
}

/* Why it is not in the dataset. */
static maple_status no_platform(const cli_fitting *fitting, maple_pool *user, maple_error *error) {
    maple_platform platform;
    char how[160];
    if (is_there(fitting->platform, user, &platform)) {
        say_how(&platform, fitting->space_name, 10, how);
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "platform '%s' has neither latencies nor operator latencies in %s: nothing is known "
            "of it that a prediction could come from; %s",
            fitting->platform, fitting->space_name, how);
    }
    return maple_error_set(error, MAPLE_NOT_FOUND,
                           "no platform '%s' in %s or the bundled pool; see maple pool list",
                           fitting->platform, user ? maple_pool_path(user) : "your pool (there is none yet)");
}

/* Of no sample, because there is none or none was wanted. */
static maple_status fit_without(const cli_fitting *fitting, const cli_fit_job *job, maple_predictor **out,
                                maple_error *error) {
    maple_error why;
    maple_status status = cli_run_fit(job, out, &why);
    if (status == MAPLE_OK && fitting->samples < 0)
        cli_say("no network of %s was measured in %s: predicting from its operator latencies alone",
                fitting->platform, fitting->space_name);
    if (status == MAPLE_OK)
        return status;
    bool gp_could = strcmp(fitting->predictor, "gp") != 0 &&
                    maple_dataset_target(job->dataset, job->platform).operator_ms;
    maple_error_set(error, status, "%s%s", why.message,
                    gp_could ? "; or use gp, which can do with the operator latencies that it has" : "");
    return fitting->samples < 0 ? maple_error_prefix(error, status, "no network of %s was measured in %s",
                                                     fitting->platform, fitting->space_name)
                                : maple_error_prefix(error, status, "--samples 0");
}

maple_status cli_find_platform(const cli_fitting *fitting, maple_pool *user, const maple_dataset *dataset,
                               const maple_dataset_platform **out, maple_error *error) {
    *out = maple_dataset_find(dataset, fitting->platform);
    return *out ? MAPLE_OK : no_platform(fitting, user, error);
}

maple_status cli_fit_in(cli_fitting *fitting, const maple_dataset *dataset,
                        const maple_dataset_platform *platform, maple_predictor **out, maple_error *error) {
    maple_leave_out leave_out = MAPLE_LEAVE_OUT_PLATFORM;
    maple_arch *archs = NULL;
    double *latency_ms = NULL;
    size_t n = 0;
    maple_status status = cli_leave_out_parse(fitting->leave_out, &leave_out, error);
    if (status == MAPLE_OK)
        status = draw_samples(dataset, platform, fitting, &archs, &latency_ms, &n, error);
    cli_fit_job job = {.predictor = fitting->predictor,
                       .options = fitting->predictor_options,
                       .dataset = dataset,
                       .platform = platform,
                       .leave_out = leave_out,
                       .archs = archs,
                       .latency_ms = latency_ms,
                       .n_samples = n,
                       .seed = fitting->seed,
                       .cache = &fitting->cache};
    if (status == MAPLE_OK)
        status = n > 0 ? cli_run_fit(&job, out, error) : fit_without(fitting, &job, out, error);
    maple_free(archs);
    maple_free(latency_ms);
    return status;
}

maple_status cli_fit_platform(cli_fitting *fitting, maple_pool *user, maple_predictor **out,
                              maple_error *error) {
    if (!fitting->platform)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--platform NAME is missing; see maple pool list");
    const maple_space *space;
    maple_dataset *dataset = NULL;
    const maple_dataset_platform *platform;
    maple_status status = maple_space_find(fitting->space_name, &space, error);
    if (status == MAPLE_OK)
        status = cli_load_dataset(user, space, fitting->flagged, &dataset, error);
    if (status == MAPLE_OK)
        cli_say_flagged(dataset, user, fitting->platform);
    if (status == MAPLE_OK)
        status = cli_find_platform(fitting, user, dataset, &platform, error);
    if (status == MAPLE_OK)
        status = cli_fit_in(fitting, dataset, platform, out, error);
    cli_cache_close(&fitting->cache);
    maple_dataset_free(dataset);
    return status;
}

/* --- Predictions --- */

maple_status cli_predict_archs(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                               cli_predictions *out, maple_error *error) {
    *out = (cli_predictions){.space = maple_predictor_space(predictor),
                             .archs = archs,
                             .n = n,
                             .index = maple_alloc(n, sizeof *out->index),
                             .latency_ms = maple_alloc(n, sizeof *out->latency_ms),
                             .lower_ms = maple_alloc(n, sizeof *out->lower_ms),
                             .upper_ms = maple_alloc(n, sizeof *out->upper_ms)};
    if (!out->index || !out->latency_ms || !out->lower_ms || !out->upper_ms)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        out->index[i] = -1;
    return maple_predictor_intervals(predictor, archs, n, out->latency_ms, out->lower_ms, out->upper_ms,
                                     error);
}

void cli_predictions_free(cli_predictions *predictions) {
    maple_free(predictions->index);
    maple_free(predictions->latency_ms);
    maple_free(predictions->lower_ms);
    maple_free(predictions->upper_ms);
    *predictions = (cli_predictions){0};
}
