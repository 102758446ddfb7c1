/* SPDX-License-Identifier: Apache-2.0 */
/* maple documentation FOLDER: man pages and completion, made by the build from the tables that --help prints.
 * Not listed. */
#include "documentation.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* --- What the commands say of themselves --- */

static void add_page(void *context, const cli_command *self, const cli_options *options) {
    cli_manual *manual = context;
    if (manual->failed)
        return;
    if (manual->n == manual->capacity) {
        size_t capacity = manual->capacity * 2 + 16;
        cli_page *larger = maple_resize(manual->pages, capacity, sizeof *larger);
        if (!larger) {
            manual->failed = true;
            return;
        }
        manual->pages = larger;
        manual->capacity = capacity;
    }
    cli_page *page = &manual->pages[manual->n++];
    page->command = *self;
    page->options = *options;
    for (int i = 0; i < page->options.n; i++)
        page->options.items[i].value = NULL;
}

/* Runs the command as if for --help: it adds its options and comes back. */
static maple_status collect(cli_manual *manual, const cli_command *command, maple_error *error) {
    char help[] = "--help", *arguments[] = {help, NULL};
    cli_command asked = *command;
    asked.describe = add_page;
    asked.context = manual;
    maple_status status = asked.run(&asked, 1, arguments, error);
    for (int i = 0; status == MAPLE_OK && command->formats && command->formats[i]; i++)
        status = collect(manual, command->formats[i], error);
    if (status == MAPLE_OK && manual->failed)
        status = maple_error_memory(error);
    return status;
}

/* --- Values --- */

static void add_word(maple_text *words, const char *word) {
    if (words->length > 0)
        maple_text_add(words, " ");
    maple_text_add(words, word);
}

static void add_engines(maple_text *words) {
    for (size_t i = 0; i < maple_engine_count(); i++)
        add_word(words, maple_engine_at(i)->name);
}

/* Of all engines, each once. */
static void add_isas(maple_text *words) {
    for (size_t i = 0; i < maple_engine_count(); i++) {
        for (const char *const *isa = maple_engine_at(i)->isas; isa && *isa; isa++) {
            bool there = false;
            for (size_t k = 0; k < i && !there; k++)
                for (const char *const *other = maple_engine_at(k)->isas; other && *other; other++)
                    there |= strcmp(*isa, *other) == 0;
            if (!there)
                add_word(words, *isa);
        }
    }
}

static void add_dtypes(maple_text *words) {
    for (int d = 0; d < MAPLE_DTYPE_COUNT; d++)
        add_word(words, maple_engine_dtype_name((maple_engine_dtype)d));
}

static void add_graphs(maple_text *words) {
    add_word(words, maple_graph_form_name(MAPLE_GRAPH_PRUNED));
    add_word(words, maple_graph_form_name(MAPLE_GRAPH_AS_WRITTEN));
}

static void add_spaces(maple_text *words) {
    for (size_t i = 0; i < maple_space_count(); i++)
        add_word(words, maple_space_name(maple_space_at(i)));
}

static void add_predictors(maple_text *words) {
    for (size_t i = 0; i < maple_predictor_count(); i++)
        add_word(words, maple_predictor_at(i)->name);
}

static void add_counters(maple_text *words) {
    add_word(words, "auto");
    for (size_t i = 0; i < maple_counters_count(); i++)
        add_word(words, maple_counters_at(i)->name);
}

static void add_tasks(maple_text *words) {
    for (size_t i = 0; i < maple_task_count(); i++)
        add_word(words, maple_task_at(i)->name);
    add_word(words, "all");
}

static void add_scorings(maple_text *words) {
    for (int i = 0; i < MAPLE_SCORINGS; i++)
        add_word(words, maple_scoring_name((maple_scoring)i));
}

static void clear(maple_text *text) {
    text->length = 0;
    if (text->data)
        text->data[0] = '\0';
}

cli_value cli_option_value(const cli_option *option, maple_text *words) {
    /* Options of one name mean the same in every command. */
    static const struct {
        const char *option;
        void (*add)(maple_text *words);
    } REGISTRIES[] = {
        {"engine", add_engines},        {"isa", add_isas},          {"dtype", add_dtypes},
        {"graph", add_graphs},          {"space", add_spaces},      {"predictor", add_predictors},
        {"predictors", add_predictors}, {"counters", add_counters}, {"tasks", add_tasks},
        {"scoring", add_scorings},
    };
    static const char *const PLATFORMS[] = {"platform", "platforms", "source", "target"};
    clear(words);
    if (option->choices) {
        maple_text_add(words, option->choices);
        return CLI_VALUE_WORDS;
    }
    for (size_t i = 0; i < sizeof REGISTRIES / sizeof *REGISTRIES; i++) {
        if (strcmp(option->name, REGISTRIES[i].option) == 0) {
            REGISTRIES[i].add(words);
            return CLI_VALUE_WORDS;
        }
    }
    for (size_t i = 0; i < sizeof PLATFORMS / sizeof *PLATFORMS; i++)
        if (strcmp(option->name, PLATFORMS[i]) == 0)
            return CLI_VALUE_PLATFORM;
    if (option->argument && strcmp(option->argument, "FILE") == 0)
        return CLI_VALUE_FILE;
    return option->argument && strcmp(option->argument, "DIR") == 0 ? CLI_VALUE_FOLDER : CLI_VALUE_ANY;
}

bool cli_option_is_list(const cli_option *option) {
    return option->type == CLI_LIST || (option->argument && strchr(option->argument, ','));
}

bool cli_option_is_optional(const cli_option *option) {
    return option->type == CLI_INT && option->fallback >= option->min;
}

cli_value cli_argument_value(const cli_command *command, maple_text *words) {
    const char *arguments = command->arguments;
    clear(words);
    if (strncmp(arguments, "PLATFORM", 8) == 0)
        return CLI_VALUE_PLATFORM;
    static const char *const FILES[] = {"FILE", "SOURCE", "ROWS", "FRONTS"};
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        if (strncmp(arguments, FILES[i], strlen(FILES[i])) == 0)
            return CLI_VALUE_FILE;
    if (strncmp(arguments, "DIR", 3) == 0)
        return CLI_VALUE_FOLDER;
    if (strcmp(command->name, "predictors") != 0)
        return CLI_VALUE_ANY;
    add_predictors(words);
    return CLI_VALUE_WORDS;
}

bool cli_reads_one_pool(const cli_page *page) {
    if (strncmp(page->command.name, "pool ", 5) == 0)
        return true;
    for (int i = 0; i < page->options.n; i++)
        if (strcmp(page->options.items[i].name, "bundled") == 0)
            return true;
    return false;
}

bool cli_word_below(const cli_manual *manual, size_t i, const char *group, const char **word,
                    size_t *length) {
    size_t depth = strlen(group);
    const char *name = manual->pages[i].command.name;
    if (depth > 0 && (strncmp(name, group, depth) != 0 || name[depth] != ' '))
        return false;
    *word = name + depth + (depth > 0);
    *length = strcspn(*word, " ");
    size_t all = (size_t)(*word - name) + *length;
    for (size_t k = 0; k < i; k++) {
        const char *other = manual->pages[k].command.name;
        if (strncmp(other, name, all) == 0 && (other[all] == ' ' || other[all] == '\0'))
            return false;
    }
    return true;
}

void cli_add_collapsed(maple_text *out, const char *text) {
    bool space = false;
    for (; *text; text++) {
        if (isspace((unsigned char)*text)) {
            space = true;
            continue;
        }
        maple_text_addf(out, "%s%c", space ? " " : "", *text);
        space = false;
    }
}

/* --- The command --- */

static maple_status write_text(const char *folder, const char *name, maple_text *text, maple_error *error) {
    char path[4096];
    maple_status status = MAPLE_OK;
    if (text->failed)
        status = maple_error_memory(error);
    else if (strlen(folder) + strlen(name) + 2 > sizeof path)
        status = maple_error_set(error, MAPLE_BAD_ARGUMENT, "%.64s...: this path is too long", folder);
    if (status == MAPLE_OK) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        status = maple_write_file(path, text->data, text->length, error);
    }
    maple_text_free(text);
    *text = (maple_text){0};
    return status;
}

static maple_status write_all(const cli_manual *manual, const char *folder, maple_error *error) {
    maple_text text = {0};
    cli_man_overview(manual, &text);
    maple_status status = write_text(folder, "maple.1", &text, error);
    for (size_t i = 0; status == MAPLE_OK && i < manual->n; i++) {
        char name[64], file[68];
        cli_man_name(manual->pages[i].command.name, name);
        snprintf(file, sizeof file, "%s.1", name);
        cli_man_command(manual, &manual->pages[i], &text);
        status = write_text(folder, file, &text, error);
    }
    if (status == MAPLE_OK) {
        cli_completion_bash(manual, &text);
        status = write_text(folder, "maple.bash", &text, error);
    }
    if (status == MAPLE_OK) {
        cli_completion_zsh(manual, &text);
        status = write_text(folder, "_maple", &text, error);
    }
    return status;
}

static maple_status run(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    cli_manual manual = {0};
    maple_status status = cli_parse(self, &options, argc, argv, 1, 1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    for (int i = 0; status == MAPLE_OK && cli_command_at(i); i++)
        status = collect(&manual, cli_command_at(i), error);
    if (status == MAPLE_OK)
        status = write_all(&manual, options.arguments[0], error);
    maple_free(manual.pages);
    return status;
}

const cli_command cli_documentation = {
    .name = "documentation",
    .arguments = "FOLDER",
    .summary = "man pages and completion of this maple",
    .details =
        "Writes maple.1, a page for each command, maple.bash and _maple (zsh) into FOLDER, which has to "
        "be there. The build\ndoes that; make install puts them where man, bash and zsh look.",
    .examples = "  maple documentation pages",
    .run = run,
};
