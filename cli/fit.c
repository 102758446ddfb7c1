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
    status = maple_check_writable(output, error); /* before an hour of fitting */
    if (status == MAPLE_OK)
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
