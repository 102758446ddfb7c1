/* SPDX-License-Identifier: Apache-2.0 */
/* maple doctor: what this machine can measure, and how well. */
#include "cli.h"

#include <stdio.h>

enum { MAX_CHECKS = 32 };

static const char *const LEVELS[] = {
    [MAPLE_CHECK_OK] = "ok", [MAPLE_CHECK_WARN] = "warn", [MAPLE_CHECK_FAIL] = "fail"};

static void print_check(const maple_check *check) {
    printf("%-4s  %-18s %s\n", LEVELS[check->level], check->name, check->finding);
    if (check->level != MAPLE_CHECK_OK && *check->effect)
        printf("                           effect: %s\n", check->effect);
    if (check->level != MAPLE_CHECK_OK && *check->fix)
        printf("                           fix: %s\n", check->fix);
}

static maple_status print_checks_json(const maple_environment *environment, const maple_check *checks,
                                      size_t n, maple_error *error) {
    char *text;
    maple_status status = maple_environment_json(environment, &text, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *object = cJSON_CreateObject();
    cJSON_AddItemToObject(object, "environment", cJSON_Parse(text));
    maple_free(text);
    cJSON *array = cJSON_AddArrayToObject(object, "checks");
    for (size_t i = 0; i < n; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", checks[i].name);
        cJSON_AddStringToObject(item, "level", LEVELS[checks[i].level]);
        cJSON_AddStringToObject(item, "finding", checks[i].finding);
        cJSON_AddStringToObject(item, "effect", checks[i].effect);
        cJSON_AddStringToObject(item, "fix", checks[i].fix);
        cJSON_AddItemToArray(array, item);
    }
    return cli_print_json(object, error);
}

/* From your pool, where there is one. */
static maple_status check_repeatability(const char *path, const maple_environment *environment,
                                        maple_check *out, maple_error *error) {
    maple_pool *pool = NULL;
    maple_status status = cli_open_user_pool(path, &pool, error);
    if (status == MAPLE_OK)
        status = maple_doctor_repeatability(environment, pool, out, error);
    maple_pool_close(pool);
    return status;
}

static maple_status run(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    bool json = false;
    const char *pool = NULL;
    int seconds = 3;
    cli_flag(&options, "json", &json, "one object: environment, checks");
    cli_int(&options, "noise-seconds", &seconds, 0, 600, "N",
            "how long the noise of this machine is watched (default 3)");
    cli_string(&options, "pool", &pool, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    maple_environment environment;
    maple_environment_probe(NULL, &environment);
    maple_check checks[MAX_CHECKS];
    size_t n;
    status = maple_doctor(&environment, seconds, checks, MAX_CHECKS - 2, &n, error);
    if (status != MAPLE_OK)
        return status;
    n = n < MAX_CHECKS - 2 ? n : MAX_CHECKS - 2;
    if (seconds > 0)
        status = maple_doctor_shared_core(&checks[n++], error);
    if (status == MAPLE_OK)
        status = check_repeatability(pool, &environment, &checks[n++], error);
    if (status != MAPLE_OK)
        return status;
    if (json)
        return print_checks_json(&environment, checks, n, error);
    printf("%s, %s, %d core%s, best instruction set %s\n\n", environment.cpu, environment.system,
           environment.cores, environment.cores == 1 ? "" : "s", environment.isa);
    for (size_t i = 0; i < n; i++)
        print_check(&checks[i]);
    return cli_flush(error);
}

const cli_command cli_doctor = {
    .name = "doctor",
    .arguments = "",
    .summary = "what this machine can measure, and what disturbs it",
    .details =
        "Looks at the CPU, its counters, the engines of this build, the frequency governor, the hypervisor, "
        "the load and\nthe noise of a fixed loop. Each line is ok, warn or fail, with what it does to "
        "results "
        "and what to do about it.\nHow far two labels of the same network are apart here is in your pool, "
        "once "
        "maple measure --repeatability has\nmeasured it.",
    .examples = "  maple doctor\n  maple doctor --json --noise-seconds 0",
    .run = run,
};
