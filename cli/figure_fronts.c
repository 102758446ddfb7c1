/* SPDX-License-Identifier: Apache-2.0 */
/* maple figure fronts: reads what maple pareto --json prints (one object a file, or an array of them), of
 * which it needs
 *
 *   {"platform": NAME, "predictor": "gp", "samples": 10, "seed": 1, "score": "cifar100_test",
 *    "oracle_front": [{"score": 70.1, "latency_ms": 1.5}, ...],
 *    "predicted_front": [{"score": 70.1, "latency_ms": 1.5, "predicted_ms": 1.4}, ...]}
 *
 * and may have "all": rows as in oracle_front, drawn as a cloud. Files of several predictors of one platform
 * and one score may be given together: of true fronts (and clouds) the first is drawn. Without "samples" and
 * "seed" the predictor alone is the name of its fronts. */
#include "figure.h"

#include <stdio.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 28, MOST_FRONTS = 64, FRONT_LABEL = 160 };

typedef struct fronts_job {
    maple_figure_output output;
    const char *accuracy;
    cJSON *files[MOST_FRONTS];
    size_t n_files, n;
    maple_figure_front fronts[MOST_FRONTS];
    char labels[MOST_FRONTS][FRONT_LABEL], seeded[MOST_FRONTS][FRONT_LABEL]; /* [n_labels]; with the seed */
    size_t n_labels, n_left_out; /* n_left_out: not predicted to take longer than 0 */
    const char *platform, *score;
} fronts_job;

static const char *text_of(const cJSON *object, const char *key) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* Points (member `x`, "score") of the array as one more front. */
static maple_status take_front(fronts_job *job, maple_front_kind kind, const char *predictor,
                               const cJSON *rows, const char *x, const char *path, maple_error *error) {
    size_t n = (size_t)cJSON_GetArraySize(rows), at = 0, number = 0;
    if (job->n == MOST_FRONTS)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: more than %d fronts", path, MOST_FRONTS);
    double *values = maple_alloc(2 * n + 1, sizeof *values);
    if (!values)
        return maple_error_memory(error);
    maple_figure_front *front = &job->fronts[job->n++];
    *front =
        (maple_figure_front){.kind = kind, .label = predictor, .latency_ms = values, .accuracy = values + n};
    const cJSON *row;
    cJSON_ArrayForEach(row, rows) {
        const cJSON *ms = cJSON_GetObjectItemCaseSensitive(row, x),
                    *score = cJSON_GetObjectItemCaseSensitive(row, "score");
        bool predicted = kind == MAPLE_FRONT_PREDICTED;
        number++;
        if (!cJSON_IsNumber(ms) || !cJSON_IsNumber(score) || (!predicted && !(ms->valuedouble > 0)))
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "%s: row %zu of a front needs numbers %s%s and score", path, number, x,
                                   predicted ? "" : " (above 0)");
        if (!(ms->valuedouble > 0)) { /* the axis is logarithmic */
            job->n_left_out++;
            continue;
        }
        values[at] = ms->valuedouble;
        values[n + at++] = score->valuedouble;
    }
    front->n = at;
    return MAPLE_OK;
}

/* Fronts that do not depend on the predictor: once. */
static maple_status take_shared(fronts_job *job, maple_front_kind kind, const cJSON *rows, const char *path,
                                maple_error *error) {
    for (size_t i = 0; i < job->n; i++) {
        if (job->fronts[i].kind == kind)
            return MAPLE_OK;
    }
    return cJSON_IsArray(rows) ? take_front(job, kind, "", rows, "latency_ms", path, error) : MAPLE_OK;
}

static bool holds(char (*texts)[FRONT_LABEL], size_t n, const char *text) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(texts[i], text) == 0)
            return true;
    return false;
}

/* "gp, 10 samples"; with the seed where there are such fronts of another seed already. */
static maple_status make_label(fronts_job *job, const cJSON *object, const char *path, const char **out,
                               maple_error *error) {
    const cJSON *samples = cJSON_GetObjectItemCaseSensitive(object, "samples"),
                *seed = cJSON_GetObjectItemCaseSensitive(object, "seed");
    maple_text text = {0};
    maple_text_addf(&text, "%.60s", text_of(object, "predictor"));
    if (cJSON_IsNumber(samples))
        maple_text_addf(&text, ", %.0f sample%s", samples->valuedouble, samples->valuedouble == 1 ? "" : "s");
    size_t plain = text.length, at = job->n_labels;
    if (cJSON_IsNumber(seed))
        maple_text_addf(&text, ", seed %.0f", seed->valuedouble);
    maple_status status = text.failed ? maple_error_memory(error) : MAPLE_OK;
    if (status == MAPLE_OK && at == MOST_FRONTS)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: more than %d fronts", path, MOST_FRONTS);
    if (status == MAPLE_OK) {
        snprintf(job->seeded[at], FRONT_LABEL, "%s", text.data);
        snprintf(job->labels[at], FRONT_LABEL, "%.*s", (int)plain, text.data);
        if (holds(job->labels, at, job->labels[at]))
            snprintf(job->labels[at], FRONT_LABEL, "%s", text.data);
        if (holds(job->seeded, at, job->seeded[at]))
            status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: fronts of %s for the second time", path,
                                     job->seeded[at]);
    }
    maple_text_free(&text);
    if (status != MAPLE_OK)
        return status;
    *out = job->labels[job->n_labels++];
    return MAPLE_OK;
}

static maple_status take_object(fronts_job *job, const cJSON *object, const char *path, maple_error *error) {
    const cJSON *oracle = cJSON_GetObjectItemCaseSensitive(object, "oracle_front"),
                *predicted = cJSON_GetObjectItemCaseSensitive(object, "predicted_front");
    const char *platform = text_of(object, "platform"), *score = text_of(object, "score"),
               *predictor = text_of(object, "predictor");
    if (!cJSON_IsArray(oracle) || !cJSON_IsArray(predicted) || !predictor)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: no \"predictor\", \"oracle_front\" and \"predicted_front\": needs what maple pareto "
            "--json prints",
            path);
    if (job->platform && platform && strcmp(platform, job->platform) != 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: fronts of %s, before it of %s: draw them apart",
                               path, platform, job->platform);
    if (job->score && score && strcmp(score, job->score) != 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: fronts by %s, before it by %s: draw them apart",
                               path, score, job->score);
    const char *label;
    maple_status status = make_label(job, object, path, &label, error);
    if (status != MAPLE_OK)
        return status;
    job->platform = platform ? platform : job->platform;
    job->score = score ? score : job->score;
    status = take_shared(job, MAPLE_FRONT_ALL, cJSON_GetObjectItemCaseSensitive(object, "all"), path, error);
    if (status == MAPLE_OK)
        status = take_shared(job, MAPLE_FRONT_TRUE, oracle, path, error);
    if (status == MAPLE_OK)
        status = take_front(job, MAPLE_FRONT_PREDICTED, label, predicted, "predicted_ms", path, error);
    if (status == MAPLE_OK)
        status = take_front(job, MAPLE_FRONT_VALUED, label, predicted, "latency_ms", path, error);
    return status;
}

static maple_status take_file(fronts_job *job, const char *path, maple_error *error) {
    char *data;
    size_t bytes;
    const char *end = NULL;
    maple_status status = maple_read_file(path, FILE_LIMIT, &data, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *file = cJSON_ParseWithLengthOpts(data, bytes, &end, false), *object;
    if (!file)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: no JSON: not understood from byte %zu on", path,
                                 end ? (size_t)(end - data) + 1 : 1);
    maple_free(data);
    if (status != MAPLE_OK)
        return status;
    job->files[job->n_files++] = file;
    if (!cJSON_IsArray(file))
        return take_object(job, file, path, error);
    cJSON_ArrayForEach(object, file) {
        if (status == MAPLE_OK)
            status = take_object(job, object, path, error);
    }
    return status;
}

/* "cifar100_test" as people write it, with its unit; other scores by their own name. */
static void say_score(const char *score, char axis[160]) {
    static const char *const NAMES[][2] = {{"cifar100_test", "CIFAR-100 test accuracy"},
                                           {"cifar100_valid", "CIFAR-100 validation accuracy"},
                                           {"cifar10_test", "CIFAR-10 test accuracy"},
                                           {"cifar10_valid", "CIFAR-10 validation accuracy"},
                                           {"imagenet16_test", "ImageNet16-120 test accuracy"}};
    for (size_t i = 0; score && i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcmp(score, NAMES[i][0]) == 0) {
            snprintf(axis, 160, "%s (%%)", NAMES[i][1]);
            return;
        }
    }
    snprintf(axis, 160, "%.150s", score ? score : "score");
}

static maple_status draw(fronts_job *job, maple_error *error) {
    char title[256], axis[160];
    snprintf(title, sizeof title, "Pareto fronts%s%.200s", job->platform ? ", " : "",
             job->platform ? job->platform : "");
    say_score(job->score, axis);
    if (job->n_left_out > 0)
        cli_say("left out: %zu point%s of predicted fronts, of no predicted latency above 0", job->n_left_out,
                cli_plural(job->n_left_out));
    maple_figure_output output = job->output;
    output.title = output.title ? output.title : title;
    return maple_figure_fronts(job->fronts, job->n, job->accuracy ? job->accuracy : axis, &output, error);
}

static maple_status run_fronts(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    fronts_job *job = maple_alloc(1, sizeof *job);
    if (!job)
        return maple_error_memory(error);
    cli_string(&options, "accuracy", &job->accuracy, "TEXT",
               "title of the vertical axis (default: the score)");
    cli_figure_options(&job->output, &options);
    maple_status status = cli_parse(self, &options, argc, argv, 1, MOST_FRONTS, error);
    if (status == MAPLE_OK && !options.help) {
        status = cli_figure_check(&job->output, error);
        for (int i = 0; status == MAPLE_OK && i < options.n_arguments; i++)
            status = take_file(job, options.arguments[i], error);
        if (status == MAPLE_OK)
            status = draw(job, error);
        if (status == MAPLE_OK)
            status = cli_figure_say(&job->output, error);
    }
    for (size_t i = 0; i < job->n; i++)
        maple_free((void *)job->fronts[i].latency_ms);
    for (size_t i = 0; i < job->n_files; i++)
        cJSON_Delete(job->files[i]);
    maple_free(job);
    return status;
}

const cli_command cli_figure_fronts = {
    .name = "figure fronts",
    .arguments = "FRONTS ...",
    .summary = "Pareto fronts: accuracy against latency",
    .details =
        "Draws the true front of a platform and those of predictors: at predicted latency and at the latency "
        "that the same\nnetworks really take (small markers: what turns out to be dominated). FRONTS is what "
        "maple "
        "pareto --json prints;\nfiles of several predictors of one platform make one figure. Needs gnuplot; "
        "without "
        "it data and script are written,\nand the exit code is 5.",
    .examples = "  maple figure fronts gp.json lut.json --output fronts",
    .run = run_fronts,
};
