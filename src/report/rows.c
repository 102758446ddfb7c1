/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the rows that `maple evaluate` printed: JSON. (CSV: rows_csv.c.) */
#include "report/rows.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 28 };

#define MEAN(member) offsetof(maple_score, mean.member)
#define SD(member)   offsetof(maple_score, sd.member)

const report_column REPORT_METRICS[REPORT_N_METRICS] = {
    {"spearman", MEAN(spearman)},
    {"spearman_sd", SD(spearman)},
    {"kendall", MEAN(kendall)},
    {"acc1", MEAN(acc1)},
    {"acc5", MEAN(acc5)},
    {"acc10", MEAN(acc10)},
    {"acc10_sd", SD(acc10)},
    {"mape", MEAN(mape)},
    {"medape", MEAN(medape)},
    {"rmse_ms", MEAN(rmse_ms)},
    {"coverage90", MEAN(coverage90)},
    {"interval_width", MEAN(interval_width)},
};

void report_clear_row(maple_report_row *row) {
    *row = (maple_report_row){.train_archs = NAN};
    row->row.measured = row->row.left_out = row->row.sources = NAN;
    row->row.fit_ms = row->row.adapt_ms = row->row.predict_ms = NAN;
    for (int s = 0; s < MAPLE_SCORINGS; s++)
        row->row.scores[s] = (maple_score){.mean = maple_metrics_unknown(), .sd = maple_metrics_unknown()};
}

maple_report_row *report_append_row(maple_report_rows *rows, maple_error *error) {
    if ((rows->n & (rows->n + 1)) == 0 || !rows->items) { /* room runs out at powers of two */
        maple_report_row *larger = maple_resize(rows->items, (rows->n + 1) * 2, sizeof *larger);
        if (!larger) {
            maple_error_memory(error);
            return NULL;
        }
        rows->items = larger;
    }
    maple_report_row *row = &rows->items[rows->n++];
    report_clear_row(row);
    return row;
}

/* The rows' own copy of a command, each once; NULL where memory is short. */
static const char *keep_command(maple_report_rows *rows, const char *command, maple_error *error) {
    for (size_t i = 0; i < rows->n_commands; i++)
        if (strcmp(rows->commands[i], command) == 0)
            return rows->commands[i];
    char **larger = maple_resize(rows->commands, rows->n_commands + 1, sizeof *larger);
    if (larger)
        rows->commands = larger;
    char *copy = larger ? maple_strdup(command) : NULL;
    if (copy)
        rows->commands[rows->n_commands++] = copy;
    else
        maple_error_memory(error);
    return copy;
}

/* --- JSON --- */

static double number(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static bool text(const cJSON *object, const char *key, char *out, size_t size) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsString(item))
        return false;
    snprintf(out, size, "%s", item->valuestring);
    return true;
}

static void read_score(const cJSON *object, maple_score *score) {
    double n = number(object, "n");
    if (!cJSON_IsObject(object) || !(n >= 0))
        return;
    score->valid = true;
    score->mean.n = score->sd.n = (size_t)n;
    for (int i = 0; i < REPORT_N_METRICS; i++)
        *(double *)((char *)score + REPORT_METRICS[i].offset) = number(object, REPORT_METRICS[i].name);
}

/* A number that is whole, or text. */
static void read_seed(const cJSON *object, char out[24]) {
    double value = number(object, "seed");
    if (value >= 0 && value <= 9007199254740992.0 && floor(value) == value)
        snprintf(out, 24, "%.0f", value);
    else
        text(object, "seed", out, 24);
}

/* What every row of an evaluation has; the rest may be missing (older files). */
static const char *read_row(const cJSON *object, maple_report_row *out) {
    maple_evaluation_row *row = &out->row;
    double samples = number(object, "samples"), trials = number(object, "trials"),
           references = number(object, "references");
    const cJSON *archs = cJSON_GetObjectItemCaseSensitive(object, "train_archs");
    if (!text(object, "task", row->task, sizeof row->task))
        return "no \"task\"";
    if (!text(object, "predictor", row->predictor, sizeof row->predictor))
        return "no \"predictor\"";
    if (!(samples >= 0 && samples <= 1e9) || !(trials >= 1 && trials <= 1e9))
        return "no \"samples\" or \"trials\"";
    text(object, "target", row->target, sizeof row->target);
    text(object, "reason", row->reason, sizeof row->reason);
    text(object, "space", out->space, sizeof out->space);
    text(object, "sampler", out->sampler, sizeof out->sampler);
    read_seed(object, out->seed);
    row->samples = (int)samples;
    row->trials = (int)trials;
    row->references = references >= 0 && references <= 1e9 ? (int)references : 0;
    row->measured = number(object, "measured");
    row->left_out = number(object, "left_out");
    row->sources = number(object, "sources");
    row->fit_ms = number(object, "fit_ms");
    row->adapt_ms = number(object, "adapt_ms");
    row->predict_ms = number(object, "predict_ms");
    out->train_archs = cJSON_IsString(archs) && strcmp(archs->valuestring, "all") == 0
                           ? INFINITY
                           : number(object, "train_archs");
    for (int s = 0; s < MAPLE_SCORINGS; s++)
        read_score(cJSON_GetObjectItemCaseSensitive(object, maple_scoring_name((maple_scoring)s)),
                   &row->scores[s]);
    return NULL;
}

static maple_status read_json(const char *path, const char *data, size_t bytes, maple_report_rows *rows,
                              maple_error *error) {
    const char *end = NULL;
    cJSON *array = cJSON_ParseWithLengthOpts(data, bytes, &end, false);
    maple_status status = MAPLE_OK;
    size_t at = 0;
    if (!array)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: no JSON: not understood from byte %zu on", path,
                               end ? (size_t)(end - data) + 1 : 1);
    for (const cJSON *item = array->child; status == MAPLE_OK && item; item = item->next) {
        maple_report_row *row = report_append_row(rows, error);
        const char *wrong = row ? read_row(item, row) : NULL;
        const char *command = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "command"));
        at++;
        if (row && !wrong && command)
            row->command = keep_command(rows, command, error);
        if (!row || (!wrong && command && !row->command))
            status = MAPLE_OUT_OF_MEMORY;
        else if (wrong)
            status = maple_error_set(error, MAPLE_BAD_INPUT,
                                     "%s: element %zu has %s: these are no rows of maple evaluate --json",
                                     path, at, wrong);
    }
    cJSON_Delete(array);
    return status;
}

maple_status maple_report_rows_read(const char *path, maple_report_rows *rows, maple_error *error) {
    char *data;
    size_t bytes, before = rows->n;
    maple_status status = maple_read_file(path, FILE_LIMIT, &data, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    bool json = data[strspn(data, " \t\r\n")] == '[';
    status =
        json ? read_json(path, data, bytes, rows, error) : report_read_csv(path, data, bytes, rows, error);
    maple_free(data);
    if (status == MAPLE_OK && rows->n == before)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: has no rows", path);
    if (status != MAPLE_OK)
        rows->n = before;
    return status;
}

void maple_report_rows_free(maple_report_rows *rows) {
    for (size_t i = 0; i < rows->n_commands; i++)
        maple_free(rows->commands[i]);
    maple_free(rows->commands);
    maple_free(rows->items);
    *rows = (maple_report_rows){0};
}
