/* SPDX-License-Identifier: Apache-2.0 */
/* The command: a table of subcommands. */
#include "cli.h"

#include <stdio.h>
#include <string.h>

static const cli_command *const COMMANDS[] = {
    &cli_quickstart,    &cli_doctor,       &cli_profile,     &cli_measure,          &cli_fit,
    &cli_predict,       &cli_suggest,      &cli_search,      &cli_pareto,           &cli_candidates,
    &cli_evaluate,      &cli_pool_list,    &cli_pool_show,   &cli_pool_distances,   &cli_pool_export,
    &cli_pool_import,   &cli_pool_merge,   &cli_pool_remove, &cli_figure_distances, &cli_figure_predictions,
    &cli_figure_fronts, &cli_figure_curve, &cli_report,      &cli_spaces,           &cli_engines,
    &cli_predictors,
};
enum { N_COMMANDS = sizeof COMMANDS / sizeof *COMMANDS };

const cli_command *cli_command_at(int i) {
    return i < N_COMMANDS ? COMMANDS[i] : NULL;
}

const char *const cli_exit_meanings[CLI_EXIT_CODES] = {
    "ok",
    "a check did not hold",
    "usage",
    "bad input",
    "input/output",
    "device or engine",
    "interrupted but resumable",
};

const char cli_terms[] =
    "A platform is a device with an engine and its settings. A pool is a file of platforms with what was "
    "measured on them:\nyours ($XDG_DATA_HOME/maple/pool.db, else ~/.local/share/maple/pool.db, or --pool "
    "FILE) and the one that came with maple.";

static void print_usage(FILE *file) {
    fprintf(file, "maple " MAPLE_VERSION ": few-shot latency prediction for neural architecture search\n\n"
                  "Usage: maple COMMAND [options]     (maple COMMAND --help explains one)\n\n");
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(file, "  %-18s  %s\n", COMMANDS[i]->name, COMMANDS[i]->summary);
    fprintf(file, "\nStart with: maple quickstart\n%s\nExit codes:", cli_terms);
    for (int i = 0; i < CLI_EXIT_CODES; i++)
        fprintf(file, "%s%d %s", i == 0 ? " " : i < 6 ? ", " : ",\n            ", i, cli_exit_meanings[i]);
    fputc('\n', file);
}

/* Words of the command's name that argv begins with: 1 or 2, 0 for another command. */
static int matches(const cli_command *command, int argc, char **argv) {
    const char *space = strchr(command->name, ' ');
    size_t first = space ? (size_t)(space - command->name) : strlen(command->name);
    if (strlen(argv[0]) != first || memcmp(argv[0], command->name, first) != 0)
        return 0;
    if (!space)
        return 1;
    return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static int run(const cli_command *command, int argc, char **argv) {
    maple_error error = {.status = MAPLE_OK};
    maple_status status = command->run(command, argc, argv, &error);
    cli_end_progress();
    if (status != MAPLE_OK)
        fprintf(stderr, "maple %s: %s\n", command->name, error.message);
    return (int)status / 10; /* the tens of a status are the exit code */
}

/* The commands of a group ("pool"); how many there are. */
static int print_group(FILE *file, const char *group) {
    size_t length = strlen(group);
    int n = 0;
    for (int i = 0; i < N_COMMANDS; i++) {
        const char *name = COMMANDS[i]->name;
        if (strncmp(name, group, length) != 0 || name[length] != ' ')
            continue;
        if (file)
            fprintf(file, "  maple %-18s  %s\n", name, COMMANDS[i]->summary);
        n++;
    }
    return n;
}

static bool asks_for_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* What went to stdout is there, or it is said that it is not. */
static int printed(void) {
    maple_error error;
    if (cli_flush(&error) == MAPLE_OK)
        return 0;
    fprintf(stderr, "maple: %s\n", error.message);
    return (int)error.status / 10;
}

static int unknown_command(int argc, char **argv) {
    if (print_group(NULL, argv[0]) == 0) {
        fprintf(stderr, "maple: unknown command '%s'; maple --help lists them\n", argv[0]);
        return 2;
    }
    if (argc > 1 && asks_for_help(argv[1])) {
        printf("Usage: maple %s COMMAND [options]     (maple %s COMMAND --help explains one)\n\n", argv[0],
               argv[0]);
        print_group(stdout, argv[0]);
        return printed();
    }
    fprintf(stderr, "maple %s: %s%s%s; there is:\n", argv[0],
            argc > 1 ? "unknown command '" : "needs a command", argc > 1 ? argv[1] : "", argc > 1 ? "'" : "");
    print_group(stderr, argv[0]);
    return 2;
}

int main(int argc, char **argv) {
    argc--, argv++;
    if (argc == 0) {
        print_usage(stderr);
        return 2;
    }
    if (asks_for_help(argv[0]) || strcmp(argv[0], "help") == 0) {
        print_usage(stdout);
        return printed();
    }
    if (strcmp(argv[0], "--version") == 0) {
        puts("maple " MAPLE_VERSION);
        return printed();
    }
    if (strcmp(argv[0], cli_worker.name) == 0)
        return run(&cli_worker, argc - 1, argv + 1);
    if (strcmp(argv[0], cli_documentation.name) == 0)
        return run(&cli_documentation, argc - 1, argv + 1);
    for (int i = 0; i < N_COMMANDS; i++) {
        int words = matches(COMMANDS[i], argc, argv);
        if (words > 0)
            return run(COMMANDS[i], argc - words, argv + words);
    }
    return unknown_command(argc, argv);
}
