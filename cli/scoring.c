/* SPDX-License-Identifier: Apache-2.0 */
/* Scores and limits on the command line of search and pareto. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_scoring_options(cli_scoring *scoring, cli_options *options) {
    *scoring = (cli_scoring){.timeout_s = 600};
    cli_string(options, "score", &scoring->score, "NAME",
               "a score of the pool (see maple pool import accuracy; default: cifar100_test, or the\n"
               "                         only one), or a column of --scores");
    cli_string(options, "scores", &scoring->file, "FILE",
               "scores from a CSV file: arch,score, or position,op,score, which are added up");
    cli_string(options, "score-command", &scoring->command, "CMD",
               "a program that reads architectures, one a line, and writes a score for each");
    cli_int(options, "score-timeout", &scoring->timeout_s, 1, 1000000, "S",
            "seconds that it may be silent (default 600)");
}

/* The user's pool, and then the bundled one. */
static maple_status judge_of_pools(const cli_scoring *scoring, const maple_space *space, maple_pool *user,
                                   maple_judge **out, maple_error *error) {
    char path[4096];
    maple_pool *bundled = NULL, *pools[2];
    size_t n = 0;
    maple_status status = MAPLE_OK;
    if (cli_bundled_path(path, NULL) == MAPLE_OK)
        status = maple_pool_open(path, MAPLE_POOL_IMMUTABLE, &bundled, error);
    if (user)
        pools[n++] = user;
    if (bundled)
        pools[n++] = bundled;
    if (status == MAPLE_OK)
        status = maple_judge_from_pools(pools, n, space, scoring->score, out, error);
    maple_pool_close(bundled);
    return status;
}

maple_status cli_scoring_judge(const cli_scoring *scoring, const maple_space *space, maple_pool *user,
                               maple_judge **out, maple_error *error) {
    if (scoring->command && (scoring->file || scoring->score))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--score-command and %s exclude each other: scores come from one place",
                               scoring->file ? "--scores" : "--score");
    if (scoring->command)
        return maple_judge_from_command(space, scoring->command, scoring->timeout_s, cli_hooks(), out, error);
    if (scoring->file)
        return maple_judge_from_csv(space, user, scoring->file, scoring->score, out, error);
    return judge_of_pools(scoring, space, user, out, error);
}

bool cli_scoring_name(const cli_scoring *scoring, const maple_judge *judge, char *name, size_t size) {
    const char *whole = maple_judge_name(judge), *slash = strrchr(whole, '/');
    bool table = scoring->file && maple_judge_listed(judge) == 0;
    snprintf(name, size, "%s", table && slash ? slash + 1 : whole);
    if (table || scoring->command)
        return false;
    /* Of a list in a file: "COLUMN of FILE". */
    size_t length = strlen(whole), file = scoring->file ? strlen(scoring->file) + strlen(" of ") : 0;
    if (file > 0 && length > file && strcmp(whole + length - strlen(scoring->file), scoring->file) == 0)
        snprintf(name, size, "%.*s", (int)(length - file), whole);
    return true;
}

maple_status cli_real_parse(const char *text, const char *option, double *out, maple_error *error) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s %.40s: needs a number", option, text);
    *out = value;
    return MAPLE_OK;
}

maple_status cli_confidence_parse(const char *text, double *out, maple_error *error) {
    maple_status status = cli_real_parse(text, "--confidence", out, error);
    if (status == MAPLE_OK && !(*out >= 0.5 && *out < 1))
        status =
            maple_error_set(error, MAPLE_BAD_ARGUMENT,
                            "--confidence %.40s: a probability of at least 0.5 and below 1 (0.95)", text);
    return status;
}

maple_status cli_latency_parse(const char *text, const char *option, double *out, maple_error *error) {
    static const struct {
        const char *name;
        double ms;
    } UNITS[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"us", 0.001}};
    char *end;
    double value = strtod(text, &end);
    for (size_t i = 0; end != text && value > 0 && i < sizeof UNITS / sizeof *UNITS; i++) {
        if (strcmp(end, UNITS[i].name) == 0 && isfinite(value)) {
            *out = value * UNITS[i].ms;
            return MAPLE_OK;
        }
    }
    return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                           "%s %.40s: needs a latency above 0, as in 5ms, 500us or 0.005s", option, text);
}

maple_status cli_indices(maple_pool *user, const maple_space *space, const maple_arch *archs, size_t n,
                         int *index, maple_error *error) {
    for (size_t i = 0; i < n; i++)
        index[i] = -1;
    return user ? maple_pool_indices(user, space, archs, n, index, error) : MAPLE_OK;
}
