/* SPDX-License-Identifier: Apache-2.0 */
/* maple predict: latencies of architectures, by a model or by a predictor that is fitted on the way. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    cli_fitting fitting;
    const char *model, *file;
    bool all, csv, json, stream;
    int random;
} predict_options;

/* What a model was fitted with cannot be chosen any more. */
static maple_status check_options(const predict_options *o, const cli_options *options, maple_error *error) {
    static const char *const OF_FITTING[] = {"platform",  "predictor", "options", "samples",
                                             "leave-out", "space",     "cache"};
    if (o->csv && o->json)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--csv and --json exclude each other");
    if (o->all + (o->random > 0) + (o->file || options->n_arguments > 0) > 1)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--all, --random and architectures exclude each other: give one of them");
    if (o->stream && (o->all || o->random > 0 || o->file || options->n_arguments > 0 || o->csv || o->json))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--stream takes architectures from stdin and prints CSV: leave out %s",
                               o->csv || o->json ? "--csv and --json" : "the others");
    if (!o->stream && !o->all && o->random == 0 && !o->file && options->n_arguments == 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "nothing to predict: give architectures, --file, --random N or --all");
    for (size_t i = 0; o->model && i < sizeof OF_FITTING / sizeof *OF_FITTING; i++) {
        if (cli_given(options, OF_FITTING[i]))
            return maple_error_set(
                error, MAPLE_BAD_ARGUMENT,
                "--model and --%s exclude each other: a model is fitted already; maple fit "
                "makes another, or leave --model out",
                OF_FITTING[i]);
    }
    return MAPLE_OK;
}

static maple_status print_predictions(const cli_predictions *p, const predict_options *o,
                                      maple_error *error) {
    if (!o->json) {
        maple_text text = {0};
        cli_format_predictions(p, &text);
        if (text.failed) {
            maple_text_free(&text);
            return maple_error_memory(error);
        }
        fwrite(text.data, 1, text.length, stdout);
        maple_text_free(&text);
        return cli_flush(error);
    }
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < p->n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(p->space, &p->archs[i], text);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "arch", text);
        cJSON_AddItemToObject(item, "index",
                              p->index[i] >= 0 ? cJSON_CreateNumber(p->index[i]) : cJSON_CreateNull());
        cJSON_AddItemToObject(item, "latency_ms", cli_number(p->latency_ms[i]));
        cJSON_AddItemToObject(item, "lower_ms", cli_number(p->lower_ms[i]));
        cJSON_AddItemToObject(item, "upper_ms", cli_number(p->upper_ms[i]));
        cJSON_AddItemToArray(array, item);
    }
    return cli_print_json(array, error);
}

typedef struct {
    maple_predictor *predictor;
    maple_arch *archs;
    size_t n;
} prediction;

/* Those that were given are read before a predictor is fitted, which may take long. */
static maple_status read_given(const predict_options *o, const cli_options *options, const maple_space *space,
                               prediction *p, maple_error *error) {
    maple_status status =
        cli_read_archs(space, options->n_arguments, options->arguments, o->file, &p->archs, &p->n, error);
    if (status == MAPLE_BAD_INPUT && !o->model && !cli_given(options, "space"))
        maple_error_prefix(error, status, "in %s (--space names another)", maple_space_name(space));
    if (status == MAPLE_OK && p->n == 0 && o->file)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: there is no architecture in it",
                                 strcmp(o->file, "-") == 0 ? "standard input" : o->file);
    return status;
}

static maple_status get_predictor(predict_options *o, const cli_options *options, maple_pool *user,
                                  prediction *p, maple_error *error) {
    if (o->model) {
        maple_status status = maple_predictor_load(o->model, &p->predictor, NULL, error);
        return status == MAPLE_OK ? read_given(o, options, maple_predictor_space(p->predictor), p, error)
                                  : status;
    }
    const maple_space *space;
    maple_status status = maple_space_find(o->fitting.space_name, &space, error);
    if (status == MAPLE_OK)
        status = read_given(o, options, space, p, error);
    return status == MAPLE_OK ? cli_fit_platform(&o->fitting, user, &p->predictor, error) : status;
}

/* All, or random ones, for which a predictor has to be there. */
static maple_status draw_archs(const predict_options *o, prediction *p, maple_error *error) {
    const maple_space *space = maple_predictor_space(p->predictor);
    if (o->all)
        return cli_all_archs(space, &p->archs, &p->n, error);
    if (o->random == 0)
        return MAPLE_OK;
    maple_rng rng = maple_rng_seed(o->fitting.seed);
    p->n = (size_t)o->random;
    p->archs = maple_alloc(p->n, sizeof *p->archs);
    return p->archs
               ? maple_space_sample(space, maple_predictor_graph(p->predictor), &rng, p->n, p->archs, error)
               : maple_error_memory(error);
}

static maple_status predict(const predict_options *o, maple_pool *user, prediction *p, maple_error *error) {
    cli_predictions predictions = {0};
    maple_status status = draw_archs(o, p, error);
    if (status == MAPLE_OK)
        status = cli_predict_archs(p->predictor, p->archs, p->n, &predictions, error);
    if (status == MAPLE_OK)
        status = cli_indices(user, predictions.space, p->archs, p->n, predictions.index, error);
    if (status == MAPLE_OK)
        status = print_predictions(&predictions, o, error);
    cli_predictions_free(&predictions);
    return status;
}

static void add_options(predict_options *o, cli_options *options) {
    cli_fitting_options(&o->fitting, options);
    cli_string(options, "model", &o->model, "FILE",
               "a model saved by maple fit, instead of --platform and how to fit");
    cli_string(options, "file", &o->file, "FILE",
               "architectures, one a line or CSV with arch first; - is stdin");
    cli_int(options, "random", &o->random, 1, 1000000, "N", "N random architectures");
    cli_flag(options, "all", &o->all, "every architecture of the space");
    cli_flag(options, "stream", &o->stream,
             "architectures from stdin as they come, arch,latency_ms,lower_ms,upper_ms to stdout at once");
    cli_flag(options, "csv", &o->csv, "CSV: arch,index,latency_ms,lower_ms,upper_ms (the default)");
    cli_flag(options, "json", &o->json, "an array of objects");
}

static maple_status run_predict(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    predict_options o = {0};
    add_options(&o, &options);
    maple_status status = cli_parse(self, &options, argc, argv, 0, -1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    maple_pool *user = NULL;
    prediction p = {0};
    status = check_options(&o, &options, error);
    if (status == MAPLE_OK)
        status = cli_open_user_pool(o.fitting.pool, &user, error);
    if (status == MAPLE_OK)
        status = get_predictor(&o, &options, user, &p, error);
    if (status == MAPLE_OK)
        status = o.stream ? cli_stream(p.predictor, error) : predict(&o, user, &p, error);
    maple_predictor_free(p.predictor);
    maple_free(p.archs);
    maple_pool_close(user);
    return status;
}

const cli_command cli_predict = {
    .name = "predict",
    .arguments = "[ARCH ...]",
    .summary = "predict latencies in milliseconds",
    .details =
        "Predicts for a platform of your pool or the bundled one (--platform; fits on the way, as "
        "maple fit), or with a saved\n"
        "model (--model; then the options of fitting are refused). Architectures come as arguments, "
        "from a file, from stdin\n"
        "(--file -), --random N or --all. On a pruned platform an architecture without a path from "
        "input to output has no\n"
        "latency: its field is empty. lower_ms and upper_ms bound the central 90 % interval of one "
        "measurement; both are empty\n"
        "where the predictor has no intervals. `index` is the architecture's number in the published "
        "tables; a model does not have\n"
        "it: it is filled where your pool (--pool FILE) knows it, from a table that was imported, and "
        "empty elsewhere. With\n"
        "--model, --pool serves for nothing else.\n\n"
        "With --stream it works inside another program's loop: a line of CSV for each line that comes, in "
        "order, as soon as\nit comes (after a header, which says that the predictor is ready); lines that "
        "come together are predicted together.\nThe rate is said on stderr at the end.",
    .examples = "  maple predict --platform my-laptop --all --csv > latencies.csv\n"
                "  maple predict --model my-laptop.safetensors "
                "'|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'\n"
                "  head -3 archs.txt | maple predict --model my-laptop.safetensors --file - --json\n"
                "  my-search | maple predict --model my-laptop.safetensors --stream >latencies.csv",
    .run = run_predict,
};
