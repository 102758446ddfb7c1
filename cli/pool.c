/* SPDX-License-Identifier: Apache-2.0 */
/* maple pool list, show, export, import, merge, remove. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef maple_status (*pool_action)(maple_pool *pool, void *user, maple_error *error);

static maple_status with_pool(const char *path, maple_pool_mode mode, pool_action action, void *user,
                              maple_error *error) {
    maple_pool *pool = NULL;
    maple_status status = cli_open_pool(path, mode, &pool, error);
    if (status == MAPLE_OK)
        status = action(pool, user, error);
    maple_pool_close(pool);
    return status;
}

/* The pool that a reading command means: --bundled, --pool FILE or the default one. */
static maple_status with_readable_pool(const char *path, bool bundled, pool_action action, void *user,
                                       maple_error *error) {
    char bundled_path[4096];
    if (!bundled)
        return with_pool(path, MAPLE_POOL_READ, action, user, error);
    if (path)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--pool and --bundled exclude each other");
    maple_status status = cli_bundled_path(bundled_path, error);
    return status == MAPLE_OK ? with_pool(bundled_path, MAPLE_POOL_IMMUTABLE, action, user, error) : status;
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
    return item;
}

/* --- list --- */

static void print_platform_row(maple_pool *pool, const maple_platform *platform) {
    printf("%-58s %-9s %-7s %7d %5d  %-10s  %-9s ", platform->name, platform->engine, platform->isa,
           platform->threads, platform->batch, maple_graph_form_name(platform->graph), platform->counters);
    for (size_t i = 0; maple_space_at(i); i++) {
        size_t n;
        if (maple_pool_count_latencies(pool, platform->id, maple_space_at(i), &n, NULL) == MAPLE_OK && n > 0)
            printf(" %s:%zu", maple_space_name(maple_space_at(i)), n);
    }
    putchar('\n');
}

static maple_status list(maple_pool *pool, void *user, maple_error *error) {
    const bool *json = user;
    maple_platform *platforms;
    size_t n;
    maple_status status = maple_pool_platforms(pool, &platforms, &n, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *array = *json ? cJSON_CreateArray() : NULL;
    if (!*json && n > 0)
        printf("%-58s %-9s %-7s %7s %5s  %-10s  %-9s  %s\n", "NAME", "ENGINE", "ISA", "THREADS", "BATCH",
               "GRAPH", "COUNTERS", "LATENCIES");
    for (size_t i = 0; i < n; i++) {
        if (*json)
            cJSON_AddItemToArray(array, platform_json(pool, &platforms[i]));
        else
            print_platform_row(pool, &platforms[i]);
    }
    maple_free(platforms);
    if (n == 0 && !*json)
        cli_say("%s has no platforms yet; maple profile adds this machine", maple_pool_path(pool));
    return *json ? cli_print_json(array, error) : cli_flush(error);
}

static maple_status run_list(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    const char *path = NULL;
    bool json = false, bundled = false;
    cli_string(&options, "pool", &path, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(&options, "bundled", &bundled, "the pool that came with maple instead");
    cli_flag(&options, "json", &json, "an array of objects");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    return with_readable_pool(path, bundled, list, &json, error);
}

const cli_command cli_pool_list = {
    .name = "pool list",
    .arguments = "",
    .summary = "the platforms of a pool",
    .details = "Lists the platforms with what they are and how many latencies each has.",
    .examples = "  maple pool list\n  maple pool list --bundled --json",
    .run = run_list,
};

/* --- show --- */

typedef struct {
    const char *name, *space_name, *output;
    bool json;
} one_platform;

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
        for (int s = 0; s < 2 && i < maple_space_descriptor_operators(space); s++) {
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
    printf("\n%-18s %12s %14s %14s  %s\n", "OPERATOR", "LATENCY us", "INSTRUCTIONS", "L1 LOADS",
           "IMPLEMENTATION");
    for (size_t i = 0; i < maple_space_operators(space); i++) {
        char cells[3][24];
        bool counted = i < maple_space_descriptor_operators(space);
        double values[3] = {rows[i].latency_ms * 1000,
                            counted ? warm[i * MAPLE_EVENTS + MAPLE_INSTRUCTIONS].value : NAN,
                            counted ? warm[i * MAPLE_EVENTS + MAPLE_L1_DCACHE_LOADS].value : NAN};
        for (int k = 0; k < 3; k++)
            snprintf(cells[k], sizeof cells[k], isfinite(values[k]) ? (k ? "%.0f" : "%.2f") : "-", values[k]);
        printf("%-18s %12s %14s %14s  %s%s\n", maple_space_operator(space, i)->name, cells[0], cells[1],
               cells[2], rows[i].implementation, rows[i].reason);
    }
}

static maple_status print_platform(maple_pool *pool, const maple_platform *platform, const maple_space *space,
                                   const maple_operator_latency *rows, const maple_count *warm,
                                   const maple_count *cold, bool json, maple_error *error) {
    char *environment;
    maple_status status = maple_pool_environment(pool, platform->id, &environment, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *object = platform_json(pool, platform), *parsed = cJSON_Parse(environment);
    maple_free(environment);
    cJSON_AddItemToObject(object, "environment", parsed ? parsed : cJSON_CreateObject());
    if (json) {
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
    const one_platform *o = user;
    const maple_space *space;
    maple_platform platform;
    maple_status status = maple_space_find(o->space_name, &space, error);
    if (status == MAPLE_OK)
        status = maple_pool_find_platform(pool, o->name, &platform, error);
    if (status != MAPLE_OK)
        return status;
    size_t counters = maple_space_descriptor_operators(space) * MAPLE_EVENTS;
    maple_operator_latency *rows = maple_alloc(maple_space_operators(space), sizeof *rows);
    maple_count *warm = maple_alloc(counters, sizeof *warm), *cold = maple_alloc(counters, sizeof *cold);
    if (!rows || !warm || !cold)
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_pool_operators(pool, platform.id, space, rows, error);
    if (status == MAPLE_OK)
        status = maple_pool_counters(pool, platform.id, space, MAPLE_CACHE_WARM, warm, error);
    if (status == MAPLE_OK)
        status = maple_pool_counters(pool, platform.id, space, MAPLE_CACHE_COLD, cold, error);
    if (status == MAPLE_OK)
        status = print_platform(pool, &platform, space, rows, warm, cold, o->json, error);
    maple_free(rows);
    maple_free(warm);
    maple_free(cold);
    return status;
}

static maple_status run_show(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    const char *path = NULL;
    bool bundled = false;
    one_platform o = {.space_name = "nas-bench-201"};
    cli_string(&options, "pool", &path, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(&options, "bundled", &bundled, "the pool that came with maple instead");
    cli_string(&options, "space", &o.space_name, "NAME", "search space (default nas-bench-201)");
    cli_flag(&options, "json", &o.json, "one object, with all counters");
    maple_status status = cli_parse(self, &options, argc, argv, 1, 1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    o.name = options.arguments[0];
    return with_readable_pool(path, bundled, show, &o, error);
}

const cli_command cli_pool_show = {
    .name = "pool show",
    .arguments = "PLATFORM",
    .summary = "one platform: environment, operator latencies, counters",
    .details = "Shows what a platform is, on what it was measured, and its descriptor.",
    .examples = "  maple pool show my-laptop\n  maple pool show my-laptop --json",
    .run = run_show,
};

/* --- export --- */

static maple_status export_platform(maple_pool *pool, void *user, maple_error *error) {
    const one_platform *o = user;
    const maple_space *space;
    maple_platform platform;
    maple_text text = {0};
    maple_status status = maple_space_find(o->space_name, &space, error);
    if (status == MAPLE_OK)
        status = maple_pool_find_platform(pool, o->name, &platform, error);
    if (status == MAPLE_OK)
        status = maple_pool_export_csv(pool, platform.id, space, &text, error);
    if (status == MAPLE_OK && o->output) {
        status = maple_write_file(o->output, text.data, text.length, error);
    } else if (status == MAPLE_OK) {
        fwrite(text.data, 1, text.length, stdout);
        status = cli_flush(error);
    }
    maple_text_free(&text);
    return status;
}

static maple_status run_export(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    const char *path = NULL;
    bool bundled = false;
    one_platform o = {.space_name = "nas-bench-201"};
    cli_string(&options, "pool", &path, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(&options, "bundled", &bundled, "the pool that came with maple instead");
    cli_string(&options, "space", &o.space_name, "NAME", "search space (default nas-bench-201)");
    cli_string(&options, "output", &o.output, "FILE", "write there (default: stdout)");
    maple_status status = cli_parse(self, &options, argc, argv, 1, 1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    o.name = options.arguments[0];
    return with_readable_pool(path, bundled, export_platform, &o, error);
}

const cli_command cli_pool_export = {
    .name = "pool export",
    .arguments = "PLATFORM",
    .summary = "a platform's latencies as CSV",
    .details = "Columns: arch, index (empty where unknown), latency_ms (median), mean_ms, min_ms, sd_ms, "
               "runs, reason.",
    .examples = "  maple pool export my-laptop > my-laptop.csv",
    .run = run_export,
};

/* --- import --- */

typedef struct {
    const char *file, *space_name;
    maple_platform platform;
    bool json;
} csv_import;

static maple_status import_csv(maple_pool *pool, void *user, maple_error *error) {
    csv_import *o = user;
    const maple_space *space;
    maple_import_result result;
    maple_status status = maple_space_find(o->space_name, &space, error);
    if (status == MAPLE_OK)
        status = maple_pool_import_csv(pool, o->file, space, &o->platform, &result, error);
    if (status != MAPLE_OK)
        return status;
    if (!o->json) {
        printf("%s: %zu latencies of %s\n", o->platform.name, result.latencies, o->space_name);
        return cli_flush(error);
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "platform", o->platform.name);
    cJSON_AddNumberToObject(object, "latencies", (double)result.latencies);
    return cli_print_json(object, error);
}

static void copy_text(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from ? from : "");
}

static maple_status run_import(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    csv_import o = {.space_name = "nas-bench-201"};
    const char *path = NULL, *name = NULL, *cpu = NULL, *device = NULL, *graph = "pruned";
    int threads = 1, batch = 1;
    cli_string(&options, "platform", &name, "NAME", "name of the platform that the file becomes");
    cli_string(&options, "cpu", &cpu, "MODEL", "host CPU (default: unknown)");
    cli_string(&options, "device", &device, "MODEL", "what executed (default: the name)");
    cli_string(&options, "graph", &graph, "FORM", "pruned (default) or as-written");
    cli_int(&options, "threads", &threads, 1, 1024, "N", "threads (default 1)");
    cli_int(&options, "batch", &batch, 1, 4096, "N", "images in one run (default 1)");
    cli_string(&options, "space", &o.space_name, "NAME", "search space (default nas-bench-201)");
    cli_string(&options, "pool", &path, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(&options, "json", &o.json, "one object");
    maple_status status = cli_parse(self, &options, argc, argv, 2, 2, error);
    if (status != MAPLE_OK || options.help)
        return status;
    if (strcmp(options.arguments[0], "csv") != 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "unknown format '%s': there is csv",
                               options.arguments[0]);
    if (!name)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--platform NAME is missing");
    status = maple_graph_form_parse(graph, &o.platform.graph, error);
    if (status != MAPLE_OK)
        return status;
    o.file = options.arguments[1];
    o.platform.threads = threads;
    o.platform.batch = batch;
    copy_text(o.platform.name, sizeof o.platform.name, name);
    copy_text(o.platform.cpu, sizeof o.platform.cpu, cpu ? cpu : "unknown");
    copy_text(o.platform.device, sizeof o.platform.device, device ? device : name);
    copy_text(o.platform.engine, sizeof o.platform.engine, "imported");
    copy_text(o.platform.counters, sizeof o.platform.counters, "none");
    maple_platform_family(o.platform.device, o.platform.engine, o.platform.isa, o.platform.family);
    return with_pool(path, MAPLE_POOL_WRITE, import_csv, &o, error);
}

const cli_command cli_pool_import = {
    .name = "pool import",
    .arguments = "csv FILE",
    .summary = "latencies measured by anything, from CSV, as a platform",
    .details = "FILE (- for stdin) has a header with at least arch and latency_ms; index, mean_ms, min_ms, "
               "sd_ms, runs, "
               "reason are\ntaken where they are there. A bad line is named with its position and nothing is "
               "imported.",
    .examples = "  maple pool import csv phone.csv --platform my-phone --device 'Pixel 8'\n"
                "  ssh phone cat latencies.csv | maple pool import csv - --platform my-phone",
    .run = run_import,
};

/* --- merge, remove --- */

typedef struct {
    const char *source;
    const char *const *names;
    size_t n_names;
    bool statistics_only;
} merge_job;

static maple_status merge(maple_pool *pool, void *user, maple_error *error) {
    const merge_job *job = user;
    maple_pool *source = NULL;
    maple_import_result result;
    maple_status status = maple_pool_open(job->source, MAPLE_POOL_READ, &source, error);
    if (status == MAPLE_OK)
        status =
            maple_pool_merge(pool, source, job->names, job->n_names, job->statistics_only, &result, error);
    maple_pool_close(source);
    if (status != MAPLE_OK)
        return status;
    printf("%s: %zu platforms, %zu latencies from %s\n", maple_pool_path(pool), result.platforms,
           result.latencies, job->source);
    return cli_flush(error);
}

static maple_status run_merge(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    const char *path = NULL;
    merge_job job = {0};
    cli_flag(&options, "statistics-only", &job.statistics_only, "leave the raw runs behind");
    cli_string(&options, "pool", &path, "FILE",
               "your pool, merged into (default $XDG_DATA_HOME/maple/pool.db)");
    maple_status status = cli_parse(self, &options, argc, argv, 1, -1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    job.source = options.arguments[0];
    job.names = (const char *const *)(options.arguments + 1);
    job.n_names = (size_t)options.n_arguments - 1;
    return with_pool(path, MAPLE_POOL_WRITE, merge, &job, error);
}

const cli_command cli_pool_merge = {
    .name = "pool merge",
    .arguments = "SOURCE [PLATFORM ...]",
    .summary = "copy platforms of another pool into yours",
    .details = "Copies all platforms of the pool file SOURCE, or those named, in one transaction.",
    .examples = "  maple pool merge colleague.db\n"
                "  maple pool merge campaign.db board-onednn --statistics-only --pool share.db",
    .run = run_merge,
};

static maple_status remove_platform(maple_pool *pool, void *user, maple_error *error) {
    const char *name = user;
    maple_platform platform;
    maple_status status = maple_pool_find_platform(pool, name, &platform, error);
    return status == MAPLE_OK ? maple_pool_remove_platform(pool, platform.id, error) : status;
}

static maple_status run_remove(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    const char *path = NULL;
    cli_string(&options, "pool", &path, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    maple_status status = cli_parse(self, &options, argc, argv, 1, 1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    return with_pool(path, MAPLE_POOL_WRITE, remove_platform, options.arguments[0], error);
}

const cli_command cli_pool_remove = {
    .name = "pool remove",
    .arguments = "PLATFORM",
    .summary = "remove a platform and all that was measured on it",
    .details = "There is no way back: export first what you may want again.",
    .examples = "  maple pool remove old-laptop",
    .run = run_remove,
};
