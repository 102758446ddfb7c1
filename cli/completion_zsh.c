/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for zsh: a function a command, with the specifications that _arguments takes. */
#include "documentation.h"

#include <stdio.h>
#include <string.h>

static const char HEAD[] =
    "#compdef maple\n"
    "# Completion of maple for zsh. Made by maple documentation from the tables of --help; not to be "
    "edited.\n"
    "\n"
    "# Names of the platforms of your pool (--pool), and of the one that came with maple where the command "
    "reads "
    "both.\n"
    "_maple_platforms() {\n"
    "    local -a names own\n"
    "    [[ -n ${opt_args[--pool]-} ]] && own=(--pool ${~opt_args[--pool]})\n"
    "    names=(${(fu)\"$({\n"
    "        (( $+opt_args[--bundled] )) || $_maple_program pool list --json $own\n"
    "        [[ $_maple_pools == one ]] && (( ! $+opt_args[--bundled] )) ||\n"
    "            $_maple_program pool list --json --bundled\n"
    "    } 2>/dev/null </dev/null | sed -n 's/^[[:space:]]*\"name\":[[:space:]]*\"\\(.*\\)\",$/\\1/p')\"})\n"
    "    compadd \"$@\" -a names\n"
    "}\n"
    "\n";

static const char TAIL[] = "_maple() {\n"
                           "    local _maple_program=${(Q)words[1]} _maple_pools=one\n"
                           "    local -A opt_args\n"
                           "    _maple_at\n"
                           "}\n"
                           "\n"
                           "_maple \"$@\"\n";

/* Within single quotes; characters of `special` get a backslash. */
static void add_quoted(maple_text *out, const char *text, const char *special) {
    maple_text line = {0};
    cli_add_collapsed(&line, text);
    for (const char *c = line.data ? line.data : ""; *c; c++) {
        if (*c == '\'')
            maple_text_add(out, "'\\''");
        else
            maple_text_addf(out, "%s%c", strchr(special, *c) ? "\\" : "", *c);
    }
    out->failed |= line.failed;
    maple_text_free(&line);
}

/* The action that offers values. */
static void add_action(cli_value value, bool list, const char *words, maple_text *out) {
    static const char *const ACTIONS[] = {" ", "_files", "_files -/", "_maple_platforms"};
    if (value == CLI_VALUE_WORDS && !list)
        maple_text_addf(out, "(%s)", words);
    else if (value == CLI_VALUE_WORDS)
        maple_text_addf(out, "_sequence compadd - %s", words);
    else
        maple_text_addf(out, "%s%s", list && value != CLI_VALUE_ANY ? "_sequence " : "", ACTIONS[value]);
}

static void add_option(const cli_option *option, maple_text *words, maple_text *out) {
    maple_text_addf(out, " \\\n        '--%s%s[", option->name,
                    option->type == CLI_FLAG || cli_option_is_optional(option) ? "" : "=");
    add_quoted(out, option->help, ":[]\\");
    maple_text_add(out, "]");
    if (option->type != CLI_FLAG) {
        cli_value value = cli_option_value(option, words);
        maple_text_add(out, cli_option_is_optional(option) ? "::" : ":");
        add_quoted(out, option->argument, ":\\");
        maple_text_add(out, ":");
        add_action(value, cli_option_is_list(option), words->data, out);
    }
    maple_text_add(out, "'");
}

static void add_arguments(const cli_page *page, maple_text *out) {
    maple_text words = {0};
    maple_text_addf(out, "    _maple_pools=%s\n    _arguments -S", cli_reads_one_pool(page) ? "one" : "both");
    for (int i = 0; i < page->options.n; i++)
        add_option(&page->options.items[i], &words, out);
    maple_text_add(out, " \\\n        '--help[this text]'");
    cli_value value = cli_argument_value(&page->command, &words);
    if (*page->command.arguments) {
        maple_text_add(out, " \\\n        '*:");
        add_quoted(out, page->command.arguments, ":\\");
        maple_text_add(out, ":");
        add_action(value, false, words.data, out);
        maple_text_add(out, "'");
    }
    maple_text_add(out, "\n");
    out->failed |= words.failed;
    maple_text_free(&words);
}

/* "_pool_list" */
static void add_function_name(const char *name, maple_text *out) {
    for (; *name; name++)
        maple_text_addf(out, "%c", *name == ' ' ? '_' : *name);
}

/* The summary of the command of this name; of a group, the commands that it has. */
static void add_summary(const cli_manual *manual, const char *name, maple_text *out) {
    size_t length = strlen(name);
    bool first = true;
    for (size_t i = 0; i < manual->n; i++) {
        if (strcmp(manual->pages[i].command.name, name) == 0) {
            add_quoted(out, manual->pages[i].command.summary, "");
            return;
        }
    }
    for (size_t i = 0; i < manual->n; i++) {
        const char *other = manual->pages[i].command.name, *word = other + length + 1;
        if (strncmp(other, name, length) != 0 || other[length] != ' ' || strchr(word, ' '))
            continue;
        maple_text_addf(out, "%s%s", first ? "" : ", ", word);
        first = false;
    }
}

/* The function of a group ("" for all): its words, or the function of the word that is there. */
static void add_group(const cli_manual *manual, const char *group, const cli_page *page, maple_text *out) {
    const char *word;
    size_t length;
    maple_text_add(out, "_maple_at");
    maple_text_add(out, *group ? "_" : "");
    add_function_name(group, out);
    maple_text_add(out, "() {\n    local -a below\n    below=(\n");
    for (size_t i = 0; i < manual->n; i++) {
        char name[64];
        if (!cli_word_below(manual, i, group, &word, &length))
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(word + length - manual->pages[i].command.name),
                 manual->pages[i].command.name);
        maple_text_addf(out, "        '%.*s:", (int)length, word);
        add_summary(manual, name, out);
        maple_text_add(out, "'\n");
    }
    maple_text_add(out, "    )\n    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then\n"
                        "        _describe -t commands 'command' below\n        return\n    fi\n"
                        "    if (( $+functions[_maple_at");
    maple_text_add(out, *group ? "_" : "");
    add_function_name(group, out);
    maple_text_add(out, "_$words[2]] )); then\n        local next=$words[2]\n        shift words\n"
                        "        (( CURRENT-- ))\n        _maple_at");
    maple_text_add(out, *group ? "_" : "");
    add_function_name(group, out);
    maple_text_add(out, "_$next\n        return\n    fi\n");
    if (page)
        add_arguments(page, out);
    else if (!*group)
        maple_text_add(out, "    _arguments '--help[the commands]' '--version[the version]'\n");
    maple_text_add(out, "}\n\n");
}

void cli_completion_zsh(const cli_manual *manual, maple_text *out) {
    maple_text_add(out, HEAD);
    add_group(manual, "", NULL, out);
    for (size_t i = 0; i < manual->n; i++) {
        const cli_page *page = &manual->pages[i];
        const char *name = page->command.name, *space = strchr(name, ' '), *word;
        size_t length;
        if (space && cli_word_below(manual, i, "", &word, &length)) {
            char group[64];
            snprintf(group, sizeof group, "%.*s", (int)(space - name), name);
            add_group(manual, group, NULL, out);
        }
        if (page->command.formats) {
            add_group(manual, name, page, out);
            continue;
        }
        maple_text_add(out, "_maple_at_");
        add_function_name(name, out);
        maple_text_add(out, "() {\n");
        add_arguments(page, out);
        maple_text_add(out, "}\n\n");
    }
    maple_text_add(out, TAIL);
}
