/* SPDX-License-Identifier: Apache-2.0 */
/* Options as a table; the help text comes from the same table. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(cli_options *options, cli_option option) {
    if (options->n < CLI_MAX_OPTIONS)
        options->items[options->n++] = option;
}

void cli_flag(cli_options *options, const char *name, bool *value, const char *help) {
    add(options, (cli_option){.name = name, .help = help, .type = CLI_FLAG, .value = value});
}

void cli_int(cli_options *options, const char *name, int *value, int min, int max, const char *argument,
             const char *help) {
    add(options, (cli_option){.name = name,
                              .argument = argument,
                              .help = help,
                              .type = CLI_INT,
                              .value = value,
                              .min = min,
                              .max = max,
                              .fallback = min - 1});
}

void cli_optional_int(cli_options *options, const char *name, int *value, int min, int max, int fallback,
                      const char *argument, const char *help) {
    cli_int(options, name, value, min, max, argument, help);
    options->items[options->n - 1].fallback = fallback;
}

void cli_seed(cli_options *options, uint64_t *value) {
    add(options, (cli_option){.name = "seed",
                              .argument = "N",
                              .help = "seed of everything that is drawn (default 1)",
                              .type = CLI_SEED,
                              .value = value});
}

void cli_string(cli_options *options, const char *name, const char **value, const char *argument,
                const char *help) {
    add(options,
        (cli_option){.name = name, .argument = argument, .help = help, .type = CLI_STRING, .value = value});
}

void cli_list(cli_options *options, const char *name, maple_text *values, const char *argument,
              const char *help) {
    add(options,
        (cli_option){.name = name, .argument = argument, .help = help, .type = CLI_LIST, .value = values});
}

static void print_help(const cli_command *command, const cli_options *options) {
    printf("maple %s: %s\n\nUsage: maple %s%s%s%s\n\n%s\n\nOptions:\n", command->name, command->summary,
           command->name, options->n > 0 ? " [options]" : "", *command->arguments ? " " : "",
           command->arguments, command->details);
    for (int i = 0; i < options->n; i++) {
        const cli_option *option = &options->items[i];
        char left[64];
        bool optional = option->type == CLI_INT && option->fallback >= option->min;
        snprintf(left, sizeof left, "--%s%s%s%s%s", option->name, option->argument ? " " : "",
                 optional ? "[" : "", option->argument ? option->argument : "", optional ? "]" : "");
        printf("  %-22s %s\n", left, option->help);
    }
    printf("  %-22s %s\n\nExamples:\n%s\n", "--help", "this text", command->examples);
}

static maple_status set_int(const cli_command *command, const cli_option *option, const char *text,
                            maple_error *error) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < option->min || value > option->max)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--%s %s: needs a whole number from %d to %d (see maple %s --help)",
                               option->name, text, option->min, option->max, command->name);
    *(int *)option->value = (int)value;
    return MAPLE_OK;
}

static maple_status set_value(const cli_command *command, const cli_option *option, const char *text,
                              maple_error *error) {
    if (option->type == CLI_INT)
        return set_int(command, option, text, error);
    if (option->type == CLI_STRING) {
        *(const char **)option->value = text;
        return MAPLE_OK;
    }
    if (option->type == CLI_LIST) {
        maple_text *values = option->value;
        maple_text_addf(values, "%s%s", values->length > 0 ? "," : "", text);
        return values->failed ? maple_error_memory(error) : MAPLE_OK;
    }
    char *end;
    errno = 0;
    unsigned long long seed = strtoull(text, &end, 10);
    if (end == text || *end || errno || *text == '-')
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--%s %s: needs a whole number from 0",
                               option->name, text);
    *(uint64_t *)option->value = seed;
    return MAPLE_OK;
}

maple_status cli_keep_command(const cli_command *command, int argc, char **argv, char **out,
                              maple_error *error) {
    maple_text text = {0};
    maple_text_addf(&text, "maple %s", command->name);
    for (int i = 0; i < argc; i++) {
        maple_text_add(&text, " ");
        maple_text_add_word(&text, argv[i]);
    }
    if (text.failed) {
        maple_text_free(&text);
        return maple_error_memory(error);
    }
    *out = text.data;
    return MAPLE_OK;
}

maple_status cli_copy(char *to, size_t size, const char *from, const char *option, maple_error *error) {
    size_t length = strlen(from);
    if (length >= size)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "%s %.32s...: %zu bytes are too long, %zu are the most", option, from, length,
                               size - 1);
    memcpy(to, from, length + 1);
    return MAPLE_OK;
}

/* Its place, or -1. */
static int find_option(const cli_options *options, const char *name, size_t length) {
    for (int i = 0; i < options->n; i++) {
        if (strlen(options->items[i].name) == length && memcmp(options->items[i].name, name, length) == 0)
            return i;
    }
    return -1;
}

void cli_choices(cli_options *options, const char *choices) {
    options->items[options->n - 1].choices = choices;
}

bool cli_given(const cli_options *options, const char *name) {
    int at = find_option(options, name, strlen(name));
    return at >= 0 && options->items[at].given;
}

/* One option at argv[*i]; moves *i past a separate value. */
static maple_status parse_option(const cli_command *command, cli_options *options, int argc, char **argv,
                                 int *i, maple_error *error) {
    const char *name = argv[*i] + 2;
    size_t length = strcspn(name, "=");
    int at = find_option(options, name, length);
    if (at < 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "unknown option --%.*s (see maple %s --help)",
                               (int)length, name, command->name);
    cli_option *option = &options->items[at];
    option->given = true;
    if (option->type == CLI_FLAG) {
        if (name[length])
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--%s takes no value", option->name);
        *(bool *)option->value = true;
        return MAPLE_OK;
    }
    if (name[length])
        return set_value(command, option, name + length + 1, error);
    bool optional = option->type == CLI_INT && option->fallback >= option->min;
    bool number =
        *i + 1 < argc && argv[*i + 1][0] && argv[*i + 1][strspn(argv[*i + 1], "0123456789")] == '\0';
    if (optional && !number) {
        *(int *)option->value = option->fallback;
        return MAPLE_OK;
    }
    if (*i + 1 >= argc)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--%s needs a value: --%s %s", option->name,
                               option->name, option->argument);
    return set_value(command, option, argv[++*i], error);
}

maple_status cli_parse(const cli_command *command, cli_options *options, int argc, char **argv, int min,
                       int max, maple_error *error) {
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            if (command->describe)
                command->describe(command->context, command, options);
            else
                print_help(command, options);
            options->help = true;
            return cli_flush(error);
        }
    }
    bool only_arguments = false;
    options->arguments = argv; /* arguments are moved to the front as they are found */
    for (int i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && strncmp(argv[i], "--", 2) == 0) {
            maple_status status = parse_option(command, options, argc, argv, &i, error);
            if (status != MAPLE_OK)
                return status;
        } else {
            options->arguments[options->n_arguments++] = argv[i];
        }
    }
    if (options->n_arguments < min)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "missing argument: maple %s %s (see maple %s --help)", command->name,
                               command->arguments, command->name);
    if (max >= 0 && options->n_arguments > max)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "unexpected argument '%s' (see maple %s --help)",
                               options->arguments[max], command->name);
    return MAPLE_OK;
}
