/* SPDX-License-Identifier: Apache-2.0 */
/* maple pool list, show, remove. */
#include "pool.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

maple_status cli_with_pool(const char *path, maple_pool_mode mode, pool_action action, void *user,
                           maple_error *error) {
    maple_pool *pool = NULL;
    maple_status status = cli_open_pool(path, mode, &pool, error);
    if (status == MAPLE_OK)
        status = action(pool, user, error);
    maple_pool_close(pool);
    return status;
}

void cli_reading_options(pool_reading *reading, cli_options *options) {
    *reading = (pool_reading){.space_name = "nas-bench-201"};
    cli_string(options, "pool", &reading->path, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(options, "bundled", &reading->bundled, "the pool that came with maple instead");
}

maple_status cli_with_readable_pool(pool_reading *reading, pool_action action, maple_error *error) {
    char bundled_path[4096];
    if (!reading->bundled)
        return cli_with_pool(reading->path, MAPLE_POOL_READ, action, reading, error);
    if (reading->path)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--pool and --bundled exclude each other");
    maple_status status = cli_bundled_path(bundled_path, error);
    return status == MAPLE_OK ? cli_with_pool(bundled_path, MAPLE_POOL_IMMUTABLE, action, reading, error)
                              : status;
}

static maple_status find_then_act(maple_pool *pool, void *user, maple_error *error) {
    pool_reading *reading = user;
    maple_status status = maple_space_find(reading->space_name, &reading->space, error);
    if (status == MAPLE_OK)
        status = maple_pool_find_platform(pool, reading->name, &reading->platform, error);
    return status == MAPLE_OK ? reading->action(pool, reading, error) : status;
}

maple_status cli_run_on_platform(const cli_command *self, int argc, char **argv, pool_reading *reading,
                                 cli_options *options, maple_error *error) {
    cli_string(options, "space", &reading->space_name, "NAME", "search space (default nas-bench-201)");
    maple_status status = cli_parse(self, options, argc, argv, 1, 1, error);
    if (status != MAPLE_OK || options->help)
        return status;
    reading->name = options->arguments[0];
    return cli_with_readable_pool(reading, find_then_act, error);
}

/* What is flagged of the latencies, and how well they repeat, of each space where there is something to say.
 */
static void add_quality(maple_pool *pool, const maple_platform *platform, cJSON *item) {
    cJSON *flagged = cJSON_AddObjectToObject(item, "flagged");
    cJSON *repeatability = cJSON_AddObjectToObject(item, "repeatability");
    for (size_t i = 0; maple_space_at(i); i++) {
        const maple_space *space = maple_space_at(i);
        size_t n = 0;
        maple_repeatability row;
        if (maple_pool_count_flagged(pool, platform->id, space, &n, NULL) == MAPLE_OK && n > 0)
            cJSON_AddNumberToObject(flagged, maple_space_name(space), (double)n);
        if (maple_pool_repeatability(pool, platform->id, space, &row, NULL) == MAPLE_OK && row.n > 0)
            cJSON_AddItemToObject(repeatability, maple_space_name(space), cli_repeatability_json(&row));
    }
}

static cJSON *platform_json(maple_pool *pool, const maple_platform *platform) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "name", platform->name);
    cJSON_AddStringToObject(item, "family", platform->family);
    cJSON_AddStringToObject(item, "cpu", platform->cpu);
    cJSON_AddStringToObject(item, "device", platform->device);
    cJSON_AddStringToObject(item, "engine", platform->engine);
    cJSON_AddStringToObject(item, "engine_version", platform->engine_version);
    cJSON_AddStringToObject(item, "isa", platform->isa);
    cJSON_AddStringToObject(item, "dtype", platform->dtype);
    cJSON_AddNumberToObject(item, "threads", platform->threads);
    cJSON_AddNumberToObject(item, "batch", platform->batch);
    cJSON_AddStringToObject(item, "graph", maple_graph_form_name(platform->graph));
    cJSON_AddStringToObject(item, "counters", platform->counters);
    cJSON *latencies = cJSON_AddObjectToObject(item, "latencies");
    for (size_t i = 0; maple_space_at(i); i++) {
        size_t n;
        if (maple_pool_count_latencies(pool, platform->id, maple_space_at(i), &n, NULL) == MAPLE_OK && n > 0)
            cJSON_AddNumberToObject(latencies, maple_space_name(maple_space_at(i)), (double)n);
    }
    add_quality(pool, platform, item);
    return item;
}

/* --- list --- */

static void print_platform_row(maple_pool *pool, const maple_platform *platform) {
    printf("%-58s %-9s %-11s %-5s %7d %5d  %-10s  %-9s ", platform->name, platform->engine, platform->isa,
           platform->dtype, platform->threads, platform->batch, maple_graph_form_name(platform->graph),
           platform->counters);
    for (size_t i = 0; maple_space_at(i); i++) {
        size_t n;
        if (maple_pool_count_latencies(pool, platform->id, maple_space_at(i), &n, NULL) == MAPLE_OK && n > 0)
            printf(" %s:%zu", maple_space_name(maple_space_at(i)), n);
    }
    putchar('\n');
}

/* "nas-bench-201: cifar10_test:15625 ...": scores belong to a space, so they have lines of their own. */
static maple_status print_scores(maple_pool *pool, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && maple_space_at(i); i++) {
        maple_score_count *scores;
        size_t n;
        status = maple_pool_scores(pool, maple_space_at(i), &scores, &n, error);
        if (status != MAPLE_OK || n == 0)
            continue;
        printf("scores of %s:", maple_space_name(maple_space_at(i)));
        for (size_t k = 0; k < n; k++)
            printf(" %s:%zu", scores[k].name, scores[k].n);
        putchar('\n');
        maple_free(scores);
    }
    return status;
}

static maple_status list(maple_pool *pool, void *user, maple_error *error) {
    const pool_reading *reading = user;
    maple_platform *platforms;
    size_t n;
    maple_status status = maple_pool_platforms(pool, &platforms, &n, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *array = reading->json ? cJSON_CreateArray() : NULL;
    if (!reading->json && n > 0)
        printf("%-58s %-9s %-11s %-5s %7s %5s  %-10s  %-9s  %s\n", "NAME", "ENGINE", "ISA", "DTYPE",
               "THREADS", "BATCH", "GRAPH", "COUNTERS", "LATENCIES");
    for (size_t i = 0; i < n; i++) {
        if (reading->json)
            cJSON_AddItemToArray(array, platform_json(pool, &platforms[i]));
        else
            print_platform_row(pool, &platforms[i]);
    }
    maple_free(platforms);
    if (!reading->json && (status = print_scores(pool, error)) != MAPLE_OK)
        return status;
    if (n == 0 && !reading->json)
        cli_say("%s has no platforms yet; maple profile adds this machine", maple_pool_path(pool));
    return reading->json ? cli_print_json(array, error) : cli_flush(error);
}

static maple_status run_list(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    pool_reading reading;
    cli_reading_options(&reading, &options);
    cli_flag(&options, "json", &reading.json, "an array of objects");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    return cli_with_readable_pool(&reading, list, error);
}

const cli_command cli_pool_list = {
    .name = "pool list",
    .arguments = "",
    .summary = "the platforms of a pool",
    .details =
        "Lists the platforms with what they are and how many latencies each has, then the scores of each\n"
        "space (accuracies, costs, proxies) with how many architectures have them. --json lists the\n"
        "platforms; maple pool show PLATFORM --json has the scores too.",
    .examples = "  maple pool list\n  maple pool list --bundled --json",
    .run = run_list,
};

/* --- show --- */

static cJSON *operators_json(const maple_space *space, const maple_operator_latency *rows,
                             const maple_count *warm, const maple_count *cold) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < maple_space_operators(space); i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "operator", maple_space_operator(space, i)->name);
        cJSON_AddItemToObject(item, "latency_ms", cli_number(rows[i].latency_ms));
        cJSON_AddStringToObject(item, "implementation", rows[i].implementation);
        if (*rows[i].reason)
            cJSON_AddStringToObject(item, "reason", rows[i].reason);
        const maple_count *states[] = {warm, cold};
        for (int s = 0; s < 2 && maple_space_operator_counted(space, i); s++) {
            cJSON *counts = cJSON_AddObjectToObject(item, maple_cache_state_name((maple_cache_state)s));
            for (int e = 0; e < MAPLE_EVENTS; e++) {
                const maple_count *count = &states[s][i * MAPLE_EVENTS + (size_t)e];
                cJSON *value = cJSON_AddObjectToObject(counts, maple_event_name((maple_event)e));
                cJSON_AddItemToObject(value, "per_run", cli_number(count->value));
                cJSON_AddStringToObject(value, "status", maple_counter_status_name(count->status));
                if (*count->reason)
                    cJSON_AddStringToObject(value, "reason", count->reason);
            }
        }
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

static void print_operators(const maple_space *space, const maple_operator_latency *rows,
                            const maple_count *warm) {
    printf("\n%-22s %12s %14s %14s  %s\n", "OPERATOR", "LATENCY us", "INSTRUCTIONS", "L1 LOADS",
           "IMPLEMENTATION");
    for (size_t i = 0; i < maple_space_operators(space); i++) {
        char cells[3][24];
        bool counted = maple_space_operator_counted(space, i);
        double values[3] = {rows[i].latency_ms * 1000,
                            counted ? warm[i * MAPLE_EVENTS + MAPLE_INSTRUCTIONS].value : NAN,
                            counted ? warm[i * MAPLE_EVENTS + MAPLE_L1_DCACHE_LOADS].value : NAN};
        for (int k = 0; k < 3; k++)
            snprintf(cells[k], sizeof cells[k], isfinite(values[k]) ? (k ? "%.0f" : "%.2f") : "-", values[k]);
        printf("%-22s %12s %14s %14s  %s%s\n", maple_space_operator(space, i)->name, cells[0], cells[1],
               cells[2], rows[i].implementation, rows[i].reason);
    }
}

/* {"cifar10_test": 15625, ...}: which scores of the space the pool has, and of how many architectures. */
static maple_status add_scores(maple_pool *pool, const maple_space *space, cJSON *object,
                               maple_error *error) {
    maple_score_count *scores;
    size_t n;
    maple_status status = maple_pool_scores(pool, space, &scores, &n, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *counts = cJSON_AddObjectToObject(object, "scores");
    for (size_t i = 0; i < n; i++)
        cJSON_AddNumberToObject(counts, scores[i].name, (double)scores[i].n);
    maple_free(scores);
    return MAPLE_OK;
}

static maple_status print_platform(maple_pool *pool, const pool_reading *reading,
                                   const maple_operator_latency *rows, const maple_count *warm,
                                   const maple_count *cold, maple_error *error) {
    const maple_platform *platform = &reading->platform;
    const maple_space *space = reading->space;
    char *environment;
    maple_status status = maple_pool_environment(pool, platform->id, &environment, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *object = platform_json(pool, platform), *parsed = cJSON_Parse(environment);
    maple_free(environment);
    cJSON_AddItemToObject(object, "environment", parsed ? parsed : cJSON_CreateObject());
    status = add_scores(pool, space, object, error);
    if (status != MAPLE_OK) {
        cJSON_Delete(object);
        return status;
    }
    if (reading->json) {
        cJSON_AddItemToObject(object, "operators", operators_json(space, rows, warm, cold));
        return cli_print_json(object, error);
    }
    char *text = cJSON_Print(object);
    cJSON_Delete(object);
    if (!text)
        return maple_error_memory(error);
    puts(text);
    cJSON_free(text);
    print_operators(space, rows, warm);
    return cli_flush(error);
}

static maple_status show(maple_pool *pool, void *user, maple_error *error) {
    const pool_reading *reading = user;
    const maple_space *space = reading->space;
    int64_t id = reading->platform.id;
    maple_status status = MAPLE_OK;
    size_t counters = maple_space_descriptor_operators(space) * MAPLE_EVENTS;
    maple_operator_latency *rows = maple_alloc(maple_space_operators(space), sizeof *rows);
    maple_count *warm = maple_alloc(counters, sizeof *warm), *cold = maple_alloc(counters, sizeof *cold);
    if (!rows || !warm || !cold)
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_pool_operators(pool, id, space, rows, error);
    if (status == MAPLE_OK)
        status = maple_pool_counters(pool, id, space, MAPLE_CACHE_WARM, warm, error);
    if (status == MAPLE_OK)
        status = maple_pool_counters(pool, id, space, MAPLE_CACHE_COLD, cold, error);
    if (status == MAPLE_OK)
        status = print_platform(pool, reading, rows, warm, cold, error);
    maple_free(rows);
    maple_free(warm);
    maple_free(cold);
    return status;
}

static maple_status run_show(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    pool_reading reading;
    cli_reading_options(&reading, &options);
    reading.action = show;
    cli_flag(&options, "json", &reading.json, "one object, with all counters");
    return cli_run_on_platform(self, argc, argv, &reading, &options, error);
}

const cli_command cli_pool_show = {
    .name = "pool show",
    .arguments = "PLATFORM",
    .summary = "one platform: environment, operator latencies, counters",
    .details =
        "Shows what a platform is, on what it was measured, which scores its space has, and its descriptor.",
    .examples = "  maple pool show my-laptop\n  maple pool show my-laptop --json",
    .run = run_show,
};

/* --- remove --- */

static maple_status find_platform(maple_pool *pool, void *user, maple_error *error) {
    maple_platform platform;
    return maple_pool_find_platform(pool, user, &platform, error);
}

static maple_status remove_platform(maple_pool *pool, void *user, maple_error *error) {
    const char *name = user;
    maple_platform platform;
    maple_status status = maple_pool_find_platform(pool, name, &platform, error);
    return status == MAPLE_OK ? maple_pool_remove_platform(pool, platform.id, error) : status;
}

static maple_status run_remove(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    const char *path = NULL;
    bool json = false;
    cli_string(&options, "pool", &path, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(&options, "json", &json, "one object");
    maple_status status = cli_parse(self, &options, argc, argv, 1, 1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    /* Opening for writing would make a pool of a name that was mistyped. */
    status = cli_with_pool(path, MAPLE_POOL_READ, find_platform, options.arguments[0], error);
    if (status == MAPLE_OK)
        status = cli_with_pool(path, MAPLE_POOL_WRITE, remove_platform, options.arguments[0], error);
    if (status != MAPLE_OK)
        return status;
    if (!json) {
        printf("%s: removed\n", options.arguments[0]);
        return cli_flush(error);
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "removed", options.arguments[0]);
    return cli_print_json(object, error);
}

const cli_command cli_pool_remove = {
    .name = "pool remove",
    .arguments = "PLATFORM",
    .summary = "remove a platform and all that was measured on it",
    .details = "There is no way back: export first what you may want again.",
    .examples = "  maple pool remove old-laptop\n  maple pool remove old-laptop --json",
    .run = run_remove,
};
