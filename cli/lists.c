/* SPDX-License-Identifier: Apache-2.0 */
/* maple spaces, engines, predictors: what is registered. */
#include "cli.h"

#include <stdio.h>

/* One registry: how many entries, and how one is shown. */
typedef struct {
    size_t (*count)(void);
    void (*print)(size_t i);
    void (*describe)(size_t i, cJSON *item);
} listing;

static maple_status list(const cli_command *self, const listing *what, int argc, char **argv,
                         maple_error *error) {
    cli_options options = {0};
    bool json = false;
    cli_flag(&options, "json", &json, "an array of objects");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    if (!json) {
        for (size_t i = 0; i < what->count(); i++)
            what->print(i);
        return cli_flush(error);
    }
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < what->count(); i++) {
        cJSON *item = cJSON_CreateObject();
        what->describe(i, item);
        cJSON_AddItemToArray(array, item);
    }
    return cli_print_json(array, error);
}

/* --- spaces --- */

static void print_space(size_t i) {
    const maple_space *space = maple_space_at(i);
    printf("%-14s  %.6g architectures, %d positions x %d operators: %s\n", maple_space_name(space),
           maple_space_size(space), maple_space_positions(space), maple_space_ops(space),
           maple_space_description(space));
}

static void describe_space(size_t i, cJSON *item) {
    const maple_space *space = maple_space_at(i);
    cJSON_AddStringToObject(item, "name", maple_space_name(space));
    cJSON_AddStringToObject(item, "description", maple_space_description(space));
    cJSON_AddNumberToObject(item, "architectures", maple_space_size(space));
    cJSON_AddNumberToObject(item, "positions", maple_space_positions(space));
    cJSON *ops = cJSON_AddArrayToObject(item, "operators");
    for (int op = 0; op < maple_space_ops(space); op++)
        cJSON_AddItemToArray(ops, cJSON_CreateString(maple_space_op_name(space, op)));
}

static maple_status run_spaces(const cli_command *self, int argc, char **argv, maple_error *error) {
    static const listing SPACES = {maple_space_count, print_space, describe_space};
    return list(self, &SPACES, argc, argv, error);
}

const cli_command cli_spaces = {
    .name = "spaces",
    .arguments = "",
    .summary = "the search spaces",
    .details = "Lists the registered search spaces with their size and operators.",
    .examples = "  maple spaces\n  maple spaces --json",
    .run = run_spaces,
};

/* --- engines --- */

/* "; f32: sse41 avx avx2 (default here) avx512 (not this CPU)" */
static void print_isas(const maple_engine_info *info, maple_engine_dtype dtype) {
    int best = maple_engine_best_isa(info, dtype);
    printf("; %s%s", maple_engine_dtype_name(dtype), info->isas[0] ? ":" : "");
    for (int i = 0; info->isas[i]; i++) {
        if (maple_engine_isa_serves(info->isas[i], dtype))
            printf(" %s%s", info->isas[i],
                   i == best                              ? " (default here)"
                   : !maple_engine_cpu_has(info->isas[i]) ? " (not this CPU)"
                                                          : "");
    }
}

static void print_engine(size_t index) {
    const maple_engine_info *info = maple_engine_at(index);
    printf("%-10s  %-9s  ", info->name, info->available ? "built in" : "missing");
    if (!info->available) {
        printf("%s\n", info->unavailable);
        return;
    }
    printf("%s", info->description);
    for (int d = 0; d < MAPLE_DTYPE_COUNT; d++)
        if (d == MAPLE_DTYPE_F32 || (info->dtypes >> d & 1))
            print_isas(info, (maple_engine_dtype)d);
    putchar('\n');
}

/* Those of this CPU. */
static void add_isas(cJSON *object, const char *name, const maple_engine_info *info,
                     maple_engine_dtype dtype) {
    cJSON *isas = cJSON_AddArrayToObject(object, name);
    int best = info->available ? maple_engine_best_isa(info, dtype) : -1;
    for (int k = 0; k <= best; k++)
        if (maple_engine_cpu_has(info->isas[k]) && maple_engine_isa_serves(info->isas[k], dtype))
            cJSON_AddItemToArray(isas, cJSON_CreateString(info->isas[k]));
}

static void describe_engine(size_t index, cJSON *item) {
    const maple_engine_info *info = maple_engine_at(index);
    cJSON_AddStringToObject(item, "name", info->name);
    cJSON_AddStringToObject(item, "description", info->description);
    cJSON_AddBoolToObject(item, "available", info->available);
    if (info->unavailable)
        cJSON_AddStringToObject(item, "reason", info->unavailable);
    add_isas(item, "isas", info, MAPLE_DTYPE_F32);
    cJSON *dtypes = cJSON_AddObjectToObject(item, "dtypes");
    for (int d = 0; d < MAPLE_DTYPE_COUNT; d++)
        if (d == MAPLE_DTYPE_F32 || (info->dtypes >> d & 1))
            add_isas(dtypes, maple_engine_dtype_name((maple_engine_dtype)d), info, (maple_engine_dtype)d);
}

static maple_status run_engines(const cli_command *self, int argc, char **argv, maple_error *error) {
    static const listing ENGINES = {maple_engine_count, print_engine, describe_engine};
    return list(self, &ENGINES, argc, argv, error);
}

const cli_command cli_engines = {
    .name = "engines",
    .arguments = "",
    .summary = "the inference engines, and which of them this build has",
    .details = "Lists the registered inference engines, with the numeric types that --dtype takes and, for "
               "each, the caps\nof the instruction set that --isa takes.",
    .examples = "  maple engines\n  maple engines --json",
    .run = run_engines,
};

/* --- predictors --- */

static void print_predictor(size_t i) {
    const maple_predictor_info *info = maple_predictor_at(i);
    printf("%-14s  %s", info->name, info->description);
    if (info->references > 0)
        printf("; %d reference architectures%s", info->references,
               info->references_optional ? " where there are no operator latencies" : "");
    if (info->slow)
        printf("; slow");
    if (info->caveat)
        printf("; %s", info->caveat);
    putchar('\n');
}

static void describe_predictor(size_t i, cJSON *item) {
    const maple_predictor_info *info = maple_predictor_at(i);
    cJSON_AddStringToObject(item, "name", info->name);
    cJSON_AddStringToObject(item, "description", info->description);
    cJSON_AddItemToObject(item, "caveat",
                          info->caveat ? cJSON_CreateString(info->caveat) : cJSON_CreateNull());
    cJSON_AddBoolToObject(item, "needs_pool", info->needs_pool);
    cJSON_AddBoolToObject(item, "needs_operators", info->needs_operators);
    cJSON_AddNumberToObject(item, "min_samples", info->min_samples);
    cJSON_AddNumberToObject(item, "references", info->references);
    cJSON_AddBoolToObject(item, "references_optional", info->references_optional);
    cJSON_AddNumberToObject(item, "own_samples", info->own_samples);
    cJSON_AddBoolToObject(item, "pretrains", info->pretrains);
    cJSON_AddBoolToObject(item, "slow", info->slow);
    cJSON_AddBoolToObject(item, "oracle", info->oracle);
    cJSON_AddBoolToObject(item, "intervals", info->intervals);
    cJSON_AddBoolToObject(item, "suggests", info->suggests);
}

static void describe_options(const char *name, cJSON *item) {
    cJSON *array = cJSON_AddArrayToObject(item, "options");
    maple_option_info option;
    for (size_t i = 0; maple_predictor_option(name, i, &option); i++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", option.name);
        cJSON_AddStringToObject(object, "default", option.value);
        cJSON_AddStringToObject(object, "values", option.values);
        cJSON_AddItemToObject(object, "help",
                              option.help ? cJSON_CreateString(option.help) : cJSON_CreateNull());
        cJSON_AddItemToArray(array, object);
    }
}

static void print_options(const char *name) {
    maple_option_info option;
    for (size_t i = 0; maple_predictor_option(name, i, &option); i++) {
        if (i == 0)
            printf("\n%-18s %-11s  %s\n", "OPTION", "DEFAULT", "VALUES");
        printf("%-18s %-11s  %-24s  %s\n", option.name, option.value, option.values,
               option.help ? option.help : "");
    }
}

/* All of them, or one with its options. */
static maple_status run_predictors(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    bool json = false;
    const maple_predictor_info *info = NULL;
    cli_flag(&options, "json", &json, "an array of objects; of one predictor, an object with its options");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    if (options.n_arguments == 1)
        status = maple_predictor_find(options.arguments[0], &info, error);
    cJSON *array = status == MAPLE_OK && json && !info ? cJSON_CreateArray() : NULL;
    cJSON *one = NULL;
    for (size_t i = 0; status == MAPLE_OK && i < maple_predictor_count(); i++) {
        if (info && maple_predictor_at(i) != info)
            continue;
        if (!json) {
            print_predictor(i);
            continue;
        }
        one = cJSON_CreateObject();
        describe_predictor(i, one);
        if (array)
            cJSON_AddItemToArray(array, one);
    }
    if (status != MAPLE_OK)
        return status;
    if (info && json)
        describe_options(info->name, one);
    else if (info)
        print_options(info->name);
    return json ? cli_print_json(array ? array : one, error) : cli_flush(error);
}

const cli_command cli_predictors = {
    .name = "predictors",
    .arguments = "[NAME]",
    .summary = "the latency predictors",
    .details =
        "Lists the registered predictors and what each of them needs. Slow ones train for minutes, "
        "once: what they\n"
        "learn of the sources is kept (--cache of maple fit, predict and evaluate), and an "
        "interrupted training\n"
        "goes on. maple evaluate runs them where they are named. With NAME: that predictor and its options,\n"
        "as maple fit --options and maple evaluate take them.",
    .examples = "  maple predictors\n  maple predictors maple\n  maple predictors maple --json",
    .run = run_predictors,
};
