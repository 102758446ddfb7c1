/* SPDX-License-Identifier: Apache-2.0 */
/* Man pages and completion, made from the tables that --help prints. */
#ifndef MAPLE_CLI_DOCUMENTATION_H
#define MAPLE_CLI_DOCUMENTATION_H

#include "cli.h"

/* A command with its options; the values that these point to are gone. */
typedef struct cli_page {
    cli_command command;
    cli_options options;
} cli_page;

typedef struct cli_manual {
    cli_page *pages; /* in the order of maple --help; formats after their command */
    size_t n, capacity;
    bool failed; /* lack of memory */
} cli_manual;

/* What completion can offer for a value. */
typedef enum cli_value {
    CLI_VALUE_ANY, /* nothing */
    CLI_VALUE_FILE,
    CLI_VALUE_FOLDER,
    CLI_VALUE_PLATFORM, /* names of a pool */
    CLI_VALUE_WORDS
} cli_value;

/* Of an option that takes a value. *words is emptied, and for CLI_VALUE_WORDS filled: separated by spaces. */
cli_value cli_option_value(const cli_option *option, maple_text *words);
/* Several values are joined by commas. */
bool cli_option_is_list(const cli_option *option);
/* --NAME may be without its value. */
bool cli_option_is_optional(const cli_option *option);
/* The same of the arguments after the options. */
cli_value cli_argument_value(const cli_command *command, maple_text *words);

/* Names of platforms come from one pool (--pool or --bundled, else yours), not from yours and the bundled
 * one. */
bool cli_reads_one_pool(const cli_page *page);

/* Whether `name` is that of a command below `group` ("" for all): "list" of "pool list" below "pool". *word
 * gets the word, *length its length; words of groups come once, at their first command. */
bool cli_word_below(const cli_manual *manual, size_t i, const char *group, const char **word, size_t *length);

/* Appends a text with every run of white space as one space. */
void cli_add_collapsed(maple_text *out, const char *text);

/* man.c: maple(1), and the page of one command. */
void cli_man_overview(const cli_manual *manual, maple_text *out);
void cli_man_command(const cli_manual *manual, const cli_page *page, maple_text *out);
/* The name of its page: "maple-pool-list". */
void cli_man_name(const char *command, char name[64]);

/* completion_bash.c, completion_zsh.c */
void cli_completion_bash(const cli_manual *manual, maple_text *out);
void cli_completion_zsh(const cli_manual *manual, maple_text *out);

#endif
