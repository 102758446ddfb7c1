/* SPDX-License-Identifier: Apache-2.0 */
/* maple pool export, merge: out of a pool, and between pools. */
#include "pool.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- export --- */

static cJSON *latency_json(const maple_space *space, const maple_latency *row, int index) {
    char text[MAPLE_MAX_ARCH_TEXT];
    cJSON *item = cJSON_CreateObject();
    maple_space_format(space, &row->arch, text);
    cJSON_AddStringToObject(item, "arch", text);
    cJSON_AddItemToObject(item, "index", cli_number(index >= 0 ? (double)index : (double)NAN));
    cJSON_AddItemToObject(item, "latency_ms", cli_number(row->latency_ms));
    cJSON_AddItemToObject(item, "mean_ms", cli_number(row->mean_ms));
    cJSON_AddItemToObject(item, "min_ms", cli_number(row->min_ms));
    cJSON_AddItemToObject(item, "sd_ms", cli_number(row->sd_ms));
    cJSON_AddNumberToObject(item, "runs", row->runs);
    if (*row->reason)
        cJSON_AddStringToObject(item, "reason", row->reason);
    if (*row->flag)
        cJSON_AddStringToObject(item, "flag", row->flag);
    return item;
}

/* An array of the same rows that the CSV has. */
static maple_status export_json(maple_pool *pool, const pool_reading *reading, maple_text *out,
                                maple_error *error) {
    maple_latency *rows = NULL;
    size_t n = 0;
    cJSON *array = NULL;
    maple_status status = maple_pool_latencies(pool, reading->platform.id, reading->space, &rows, &n, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        int index;
        status = maple_pool_indices(pool, reading->space, &rows[i].arch, 1, &index, error);
        if (!array)
            array = cJSON_CreateArray();
        cJSON_AddItemToArray(array, latency_json(reading->space, &rows[i], index));
    }
    maple_free(rows);
    char *text = status == MAPLE_OK && array ? cJSON_Print(array) : NULL;
    cJSON_Delete(array);
    if (status == MAPLE_OK) {
        maple_text_addf(out, "%s\n", text ? text : "[]");
        status = out->failed || (n > 0 && !text) ? maple_error_memory(error) : MAPLE_OK;
    }
    cJSON_free(text);
    return status;
}

static maple_status export_platform(maple_pool *pool, void *user, maple_error *error) {
    const pool_reading *reading = user;
    maple_text text = {0};
    maple_status status =
        reading->json ? export_json(pool, reading, &text, error)
                      : maple_pool_export_csv(pool, reading->platform.id, reading->space, &text, error);
    if (status == MAPLE_OK && reading->output) {
        status = maple_write_file(reading->output, text.data, text.length, error);
    } else if (status == MAPLE_OK) {
        fwrite(text.data, 1, text.length, stdout);
        status = cli_flush(error);
    }
    maple_text_free(&text);
    return status;
}

static maple_status run_export(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    pool_reading reading;
    cli_reading_options(&reading, &options);
    reading.action = export_platform;
    cli_string(&options, "output", &reading.output, "FILE", "write there (default: stdout)");
    cli_flag(&options, "json", &reading.json, "an array of objects instead of CSV");
    return cli_run_on_platform(self, argc, argv, &reading, &options, error);
}

const cli_command cli_pool_export = {
    .name = "pool export",
    .arguments = "PLATFORM",
    .summary = "a platform's latencies as CSV or JSON",
    .details =
        "Columns: arch, index (empty where unknown), latency_ms (median), mean_ms, min_ms, sd_ms, runs,\n"
        "reason (why there is no latency), flag (why it is noisy).",
    .examples = "  maple pool export my-laptop > my-laptop.csv\n"
                "  maple pool export my-laptop --json --output my-laptop.json",
    .run = run_export,
};

/* --- merge --- */

typedef struct {
    maple_pool *source;
    const char *const *names;
    size_t n_names;
    bool statistics_only, json;
    maple_import_result result;
} merge_job;

static maple_status merge(maple_pool *pool, void *user, maple_error *error) {
    merge_job *job = user;
    return maple_pool_merge(pool, job->source, job->names, job->n_names, job->statistics_only, &job->result,
                            error);
}

static maple_status print_merged(const merge_job *job, const char *path, maple_error *error) {
    if (!job->json) {
        printf("%s: %zu platform%s, %zu latencies from %s\n", path, job->result.platforms,
               cli_plural(job->result.platforms), job->result.latencies, maple_pool_path(job->source));
        return cli_flush(error);
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "pool", path);
    cJSON_AddNumberToObject(object, "platforms", (double)job->result.platforms);
    cJSON_AddNumberToObject(object, "latencies", (double)job->result.latencies);
    return cli_print_json(object, error);
}

static maple_status run_merge(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    const char *path = NULL;
    merge_job job = {0};
    cli_flag(&options, "statistics-only", &job.statistics_only, "leave the raw runs behind");
    cli_string(&options, "pool", &path, "FILE",
               "your pool, merged into (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(&options, "json", &job.json, "one object");
    maple_status status = cli_parse(self, &options, argc, argv, 1, -1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    job.names = (const char *const *)(options.arguments + 1);
    job.n_names = (size_t)options.n_arguments - 1;
    char *file = NULL;
    status = maple_pool_open(options.arguments[0], MAPLE_POOL_READ, &job.source, error);
    if (status == MAPLE_OK)
        status = cli_pool_path(path, &file, error);
    if (status == MAPLE_OK)
        status = cli_with_new_pool(file, merge, &job, error);
    if (status == MAPLE_OK)
        status = print_merged(&job, file, error);
    maple_free(file);
    maple_pool_close(job.source);
    return status;
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
