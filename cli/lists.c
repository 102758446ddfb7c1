/* SPDX-License-Identifier: Apache-2.0 */
/* maple spaces, engines, predictors: what is registered. */
#include "cli.h"
#include "maple/predictor.h"

#include <stdio.h>

static maple_status list_spaces(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    bool json = false;
    cli_flag(&options, "json", &json, "an array of objects");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; maple_space_at(i); i++) {
        const maple_space *space = maple_space_at(i);
        if (!json) {
            printf("%-14s  %.6g architectures, %d positions x %d operators: %s\n", maple_space_name(space),
                   maple_space_size(space), maple_space_positions(space), maple_space_ops(space),
                   maple_space_description(space));
            continue;
        }
        cJSON *item = cJSON_CreateObject(), *ops = cJSON_AddArrayToObject(item, "operators");
        cJSON_AddStringToObject(item, "name", maple_space_name(space));
        cJSON_AddStringToObject(item, "description", maple_space_description(space));
        cJSON_AddNumberToObject(item, "architectures", maple_space_size(space));
        cJSON_AddNumberToObject(item, "positions", maple_space_positions(space));
        for (int op = 0; op < maple_space_ops(space); op++)
            cJSON_AddItemToArray(ops, cJSON_CreateString(maple_space_op_name(space, op)));
        cJSON_AddItemToArray(array, item);
    }
    if (json)
        return cli_print_json(array, error);
    cJSON_Delete(array);
    return cli_flush(error);
}

static void print_engine(const maple_engine_info *info) {
    printf("%-10s  %-9s  ", info->name, info->available ? "built in" : "missing");
    if (!info->available) {
        printf("%s\n", info->unavailable);
        return;
    }
    int best = maple_engine_best_isa(info);
    printf("%s%s", info->description, best >= 0 ? "; isa:" : "");
    for (int i = 0; best >= 0 && info->isas[i]; i++)
        printf(" %s%s", info->isas[i], i == best ? " (default here)" : i > best ? " (not this CPU)" : "");
    putchar('\n');
}

static maple_status list_engines(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    bool json = false;
    cli_flag(&options, "json", &json, "an array of objects");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; maple_engine_at(i); i++) {
        const maple_engine_info *info = maple_engine_at(i);
        if (!json) {
            print_engine(info);
            continue;
        }
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", info->name);
        cJSON_AddStringToObject(item, "description", info->description);
        cJSON_AddBoolToObject(item, "available", info->available);
        if (info->unavailable)
            cJSON_AddStringToObject(item, "reason", info->unavailable);
        cJSON *isas = cJSON_AddArrayToObject(item, "isas");
        int best = maple_engine_best_isa(info);
        for (int k = 0; k <= best; k++)
            cJSON_AddItemToArray(isas, cJSON_CreateString(info->isas[k]));
        cJSON_AddItemToArray(array, item);
    }
    if (json)
        return cli_print_json(array, error);
    cJSON_Delete(array);
    return cli_flush(error);
}

static maple_status list_predictors(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    bool json = false;
    cli_flag(&options, "json", &json, "an array of objects");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; maple_predictor_at(i); i++) {
        const maple_predictor_info *info = maple_predictor_at(i);
        if (!json) {
            printf("%-10s  %s\n", info->name, info->description);
            continue;
        }
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", info->name);
        cJSON_AddStringToObject(item, "description", info->description);
        cJSON_AddBoolToObject(item, "needs_pool", info->needs_pool);
        cJSON_AddBoolToObject(item, "needs_operators", info->needs_operators);
        cJSON_AddNumberToObject(item, "min_samples", info->min_samples);
        cJSON_AddItemToArray(array, item);
    }
    if (json)
        return cli_print_json(array, error);
    cJSON_Delete(array);
    return cli_flush(error);
}

const cli_command cli_spaces = {
    .name = "spaces",
    .arguments = "",
    .summary = "the search spaces",
    .details = "Lists the registered search spaces with their size and operators.",
    .examples = "  maple spaces\n  maple spaces --json",
    .run = list_spaces,
};

const cli_command cli_engines = {
    .name = "engines",
    .arguments = "",
    .summary = "the inference engines, and which of them this build has",
    .details =
        "Lists the registered inference engines, with the caps of the instruction set that --isa takes.",
    .examples = "  maple engines\n  maple engines --json",
    .run = list_engines,
};

const cli_command cli_predictors = {
    .name = "predictors",
    .arguments = "",
    .summary = "the latency predictors",
    .details = "Lists the registered predictors and what each of them needs.",
    .examples = "  maple predictors\n  maple predictors --json",
    .run = list_predictors,
};
