/* SPDX-License-Identifier: Apache-2.0 */
/* maple fit: a predictor of one platform, saved. */
#include "cli.h"

#include <stdio.h>

static maple_status run_fit(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    cli_fitting fitting;
    const char *output = NULL;
    bool json = false;
    cli_fitting_options(&fitting, &options);
    cli_string(&options, "output", &output, "FILE", "where the model goes (safetensors)");
    cli_flag(&options, "json", &json, "one object");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    if (!output)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--output FILE is missing");
    maple_pool *user = NULL;
    maple_predictor *predictor = NULL;
    status = cli_open_user_pool(fitting.pool, &user, error);
    int64_t start = maple_clock_ns();
    if (status == MAPLE_OK)
        status = cli_fit_platform(&fitting, user, &predictor, error);
    double fit_s = (double)(maple_clock_ns() - start) * 1e-9;
    if (status == MAPLE_OK)
        status = maple_predictor_save(predictor, fitting.platform, output, error);
    maple_predictor_free(predictor);
    maple_pool_close(user);
    if (status != MAPLE_OK)
        return status;
    if (!json) {
        printf("%s: %s for %s, fitted in %.2f s\n", output, fitting.predictor, fitting.platform, fit_s);
        return cli_flush(error);
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "model", output);
    cJSON_AddStringToObject(object, "predictor", fitting.predictor);
    cJSON_AddStringToObject(object, "platform", fitting.platform);
    cJSON_AddItemToObject(object, "fit_s", cli_number(fit_s));
    return cli_print_json(object, error);
}

const cli_command cli_fit = {
    .name = "fit",
    .arguments = "",
    .summary = "fit a predictor for a platform of your pool and save it",
    .details =
        "Learns from the other platforms of your pool and the bundled one, and from the latencies that the "
        "platform itself\nhas; of a platform that was profiled only, from its operator latencies (gp, lut). "
        "What is learned of the others is\nkept (--cache), so that the next time takes a fraction. The model "
        "file (safetensors layout) holds all that\nmaple predict --model needs.",
    .examples = "  maple fit --platform my-laptop --output my-laptop.safetensors\n"
                "  maple fit --platform my-laptop --predictor lut-fit --samples 10 --output lut.safetensors",
    .run = run_fit,
};

/* --- predict --- */

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

static maple_status get_predictor(predict_options *o, maple_pool *user, maple_predictor **out,
                                  maple_error *error) {
    if (o->model)
        return maple_predictor_load(o->model, out, NULL, error);
    return cli_fit_platform(&o->fitting, user, out, error);
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

static maple_status choose_archs(const predict_options *o, const cli_options *options,
                                 const maple_predictor *predictor, maple_arch **archs, size_t *n,
                                 maple_error *error) {
    const maple_space *space = maple_predictor_space(predictor);
    if (o->all)
        return cli_all_archs(space, archs, n, error);
    if (o->random > 0) {
        *n = (size_t)o->random;
        *archs = maple_alloc(*n, sizeof **archs);
        maple_rng rng = maple_rng_seed(o->fitting.seed);
        return *archs ? maple_space_sample(space, maple_predictor_graph(predictor), &rng, *n, *archs, error)
                      : maple_error_memory(error);
    }
    return cli_read_archs(space, options->n_arguments, options->arguments, o->file, archs, n, error);
}

static maple_status predict(const predict_options *o, const cli_options *options, maple_pool *user,
                            const maple_predictor *predictor, maple_error *error) {
    maple_arch *archs = NULL;
    size_t n = 0;
    cli_predictions predictions = {0};
    maple_status status = choose_archs(o, options, predictor, &archs, &n, error);
    if (status == MAPLE_OK && n == 0)
        status = maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                 "nothing to predict: give architectures, --file, --random N or --all");
    if (status == MAPLE_OK)
        status = cli_predict_archs(predictor, archs, n, &predictions, error);
    if (status == MAPLE_OK)
        status = cli_indices(user, predictions.space, archs, n, predictions.index, error);
    if (status == MAPLE_OK)
        status = print_predictions(&predictions, o, error);
    cli_predictions_free(&predictions);
    maple_free(archs);
    return status;
}

static maple_status run_predict(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    predict_options o = {0};
    cli_fitting_options(&o.fitting, &options);
    cli_string(&options, "model", &o.model, "FILE",
               "a model saved by maple fit, instead of --platform and how to fit");
    cli_string(&options, "file", &o.file, "FILE",
               "architectures, one a line or CSV with arch first; - is stdin");
    cli_int(&options, "random", &o.random, 1, 1000000, "N", "N random architectures");
    cli_flag(&options, "all", &o.all, "every architecture of the space");
    cli_flag(&options, "stream", &o.stream,
             "architectures from stdin as they come, arch,latency_ms,lower_ms,upper_ms to stdout at once");
    cli_flag(&options, "csv", &o.csv, "CSV: arch,index,latency_ms,lower_ms,upper_ms (the default)");
    cli_flag(&options, "json", &o.json, "an array of objects");
    maple_status status = cli_parse(self, &options, argc, argv, 0, -1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    maple_pool *user = NULL;
    maple_predictor *predictor = NULL;
    status = check_options(&o, &options, error);
    if (status == MAPLE_OK)
        status = cli_open_user_pool(o.fitting.pool, &user, error);
    if (status == MAPLE_OK)
        status = get_predictor(&o, user, &predictor, error);
    if (status == MAPLE_OK)
        status = o.stream ? cli_stream(predictor, error) : predict(&o, &options, user, predictor, error);
    maple_predictor_free(predictor);
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
