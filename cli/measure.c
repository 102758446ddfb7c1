/* SPDX-License-Identifier: Apache-2.0 */
/* maple measure: latencies of more architectures on this machine; stopped and continued at will. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    cli_setup setup;
    const char *name, *file, *plan;
    const char *only;     /* of the plan: a number from 1, or a platform's name; NULL: all */
    const char *counters; /* provider of the descriptor, which is then measured first; NULL: it is not */
    bool all, json, accept_drift, retry_failed, retry_flagged;
    int random, rounds, memory_mib, spread_percent;
    int repeatability; /* how many networks are measured twice; 0: that is not what is asked for */
    uint64_t seed;
} measure_options;

static maple_status choose_archs(const measure_options *o, const cli_options *options, maple_arch **archs,
                                 size_t *n, maple_error *error) {
    const maple_space *space = o->setup.config.space;
    if (o->all + (o->random > 0) + (o->file || options->n_arguments > 0) > 1)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--all, --random and architectures exclude each other: give one of them");
    if (o->all)
        return cli_all_archs(space, archs, n, error);
    if (o->random > 0) {
        *archs = maple_alloc((size_t)o->random, sizeof **archs);
        if (!*archs)
            return maple_error_memory(error);
        maple_rng rng = maple_rng_seed(o->seed);
        *n = (size_t)o->random;
        return maple_space_sample(space, o->setup.config.graph, &rng, *n, *archs, error);
    }
    maple_status status =
        cli_read_archs(space, options->n_arguments, options->arguments, o->file, archs, n, error);
    if (status == MAPLE_OK && *n == 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "nothing to measure: give architectures, --file, --random N or --all");
    return status;
}

static maple_status print_report(const measure_options *o, const maple_platform *platform,
                                 const maple_measure_report *report, maple_error *error) {
    if (!o->json) {
        printf("%s: %zu measured, %zu were there, %zu failed%s\n", platform->name, report->measured,
               report->already, report->failed,
               report->failed ? " (their rows say why; --retry-failed tries them again)" : "");
        if (report->flagged > 0)
            printf("  flagged as noisy, and left out by default: %zu; --retry-flagged measures them anew\n",
                   report->flagged);
        cli_print_report(report);
        return cli_flush(error);
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "platform", platform->name);
    cli_add_report(object, report);
    /* Of a plan: one line a platform. */
    return o->plan ? cli_print_json_line(object, error) : cli_print_json(object, error);
}

static maple_measure_plan rules_of(const measure_options *o) {
    return (maple_measure_plan){.rounds = o->rounds,
                                .memory_limit = (size_t)o->memory_mib << 20,
                                .seed = o->seed,
                                .accept_drift = o->accept_drift,
                                .retry_failed = o->retry_failed,
                                .retry_flagged = o->retry_flagged,
                                .spread_limit = o->spread_percent / 100.0};
}

static maple_status measure_twice(measure_options *o, maple_error *error) {
    maple_measure_plan rules = rules_of(o);
    cli_repeating what = {
        .name = o->name, .n = o->repeatability, .json = o->json, .one_line = o->plan != NULL};
    return cli_measure_repeatability(&o->setup, &what, &rules, error);
}

static maple_status measure(measure_options *o, const maple_arch *archs, size_t n, maple_error *error) {
    maple_pool *pool = NULL;
    maple_platform platform;
    maple_measure_report report = MAPLE_NO_REPORT;
    maple_measure_plan plan = rules_of(o);
    plan.archs = archs;
    plan.n = n;
    maple_status status = cli_open_to_measure(&o->setup, o->name, o->counters, &pool, error);
    if (status == MAPLE_OK && o->counters)
        status = cli_profile_platform(&o->setup, o->name, o->counters, false, pool, &platform, error);
    else if (status == MAPLE_OK)
        status = cli_register_platform(&o->setup, o->name, pool, &platform, error);
    bool begun = status == MAPLE_OK;
    if (begun)
        status = maple_measure_networks(&o->setup.config, pool, &platform, &plan, &report, error);
    if (begun)
        cli_explain_drift(pool, &platform, &report, status, error);
    if (status == MAPLE_OK)
        status = cli_remember_probe(&o->setup, pool, &platform, error);
    if (status == MAPLE_INTERRUPTED)
        maple_error_set(error, status, "interrupted; what was measured is in %s; the same command continues",
                        maple_pool_path(pool));
    if (begun && status == MAPLE_DEVICE_ERROR) /* a lost worker */
        maple_error_set(error, status, "%s; what was measured before is in %s, the same command continues",
                        error->message, maple_pool_path(pool));
    maple_pool_close(pool);
    return status == MAPLE_OK ? print_report(o, &platform, &report, error) : status;
}

/* --- Plans --- */

/* What is wrong with it is the file's fault. */
static maple_status blame_plan(const cli_plan *plan, int i, maple_status status, maple_error *error) {
    if (status == MAPLE_OK)
        return status;
    status = status == MAPLE_BAD_ARGUMENT || status == MAPLE_NOT_FOUND ? MAPLE_BAD_INPUT : status;
    return maple_error_prefix(error, status, "%s: platforms[%d]", plan->file, i);
}

/* The options of one platform of a plan. */
static maple_status take_platform(const measure_options *o, const cli_plan *plan, int i, measure_options *out,
                                  maple_error *error) {
    const cli_plan_platform *platform = &plan->platforms[i];
    char **environment = NULL;
    *out = *o;
    out->name = platform->name;
    out->counters = plan->counters;
    out->rounds = platform->rounds;
    out->memory_mib = o->memory_mib ? o->memory_mib : plan->memory_mib;
    out->seed = platform->seed;
    out->setup.space_name = platform->space;
    out->setup.pool = o->setup.pool ? o->setup.pool : plan->pool;
    out->setup.engine = platform->engine;
    out->setup.isa = platform->isa;
    out->setup.dtype = platform->dtype;
    out->setup.graph = platform->graph;
    out->setup.threads = platform->threads;
    out->setup.batch = platform->batch;
    maple_status status = cli_setup_resolve(&out->setup, error);
    if (status == MAPLE_OK) /* checks the options as the worker will */
        status = maple_engine_environment(platform->engine, &out->setup.config.options, &environment, error);
    maple_free(environment);
    return blame_plan(plan, i, status, error);
}

/* All that can be said without measuring. What this machine cannot do is said, and the others measured. */
static maple_status rehearse(const measure_options *o, const cli_plan *plan, maple_error *error) {
    const maple_counter_info *provider;
    char reason[512];
    maple_status status = MAPLE_OK;
    if (plan->counters) {
        status = maple_counters_find(plan->counters, &provider, reason, sizeof reason, error);
        if (status != MAPLE_OK)
            return maple_error_prefix(error, status == MAPLE_NOT_FOUND ? MAPLE_BAD_INPUT : status,
                                      "%s: counters", plan->file);
    }
    for (int i = 0; i < plan->n && status == MAPLE_OK; i++) {
        measure_options one;
        maple_arch *archs = NULL;
        size_t n = 0;
        status = take_platform(o, plan, i, &one, error);
        if (status == MAPLE_UNSUPPORTED && plan->n > 1) { /* its turn says it again */
            if (!o->only)
                cli_say("warning: %s; the others are measured", error->message);
            status = MAPLE_OK;
            continue;
        }
        if (status == MAPLE_OK && !o->repeatability)
            status = cli_plan_archs(plan, &plan->platforms[i], one.setup.config.space, one.setup.config.graph,
                                    &archs, &n, error);
        maple_free(archs);
    }
    return status == MAPLE_BAD_ARGUMENT ? maple_error_set(error, MAPLE_BAD_INPUT, "%s", error->message)
                                        : status;
}

static maple_status take_turn(const measure_options *o, const cli_plan *plan, int i, maple_error *error) {
    measure_options one;
    maple_arch *archs = NULL;
    size_t n = 0;
    maple_status status = take_platform(o, plan, i, &one, error);
    if (status == MAPLE_OK && !o->repeatability)
        status = cli_plan_archs(plan, &plan->platforms[i], one.setup.config.space, one.setup.config.graph,
                                &archs, &n, error);
    if (status == MAPLE_OK) {
        cli_say("%s: platform %d of %d", plan->file, i + 1, plan->n);
        status = o->repeatability ? measure_twice(&one, error) : measure(&one, archs, n, error);
        if (status != MAPLE_OK)
            maple_error_prefix(error, status, "%s: platform %d (--only %d)", plan->file, i + 1, i + 1);
    }
    maple_free(archs);
    return status;
}

/* The name that a platform of the plan gets in the pool. */
static maple_status name_platform(const measure_options *o, const cli_plan *plan, int i,
                                  maple_platform *platform, maple_error *error) {
    measure_options one;
    maple_environment environment;
    maple_status status = take_platform(o, plan, i, &one, error);
    if (status == MAPLE_OK && one.name)
        return cli_copy(platform->name, sizeof platform->name, one.name, "name", error);
    maple_environment_probe(NULL, &environment);
    return status == MAPLE_OK ? maple_measure_identify(&one.setup.config, &environment, platform, error)
                              : status;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* The same platform and space, with other architectures. */
static bool same_platform(const cli_plan_platform *a, const cli_plan_platform *b) {
    return same_text(a->engine, b->engine) && same_text(a->isa, b->isa) && same_text(a->dtype, b->dtype) &&
           same_text(a->graph, b->graph) && same_text(a->space, b->space) && same_text(a->name, b->name) &&
           a->threads == b->threads && a->batch == b->batch;
}

/* How well its labels repeat is measured once, however many lines a platform has. */
static void leave_out_repeated(const cli_plan *plan, bool *chosen) {
    for (int i = 0; i < plan->n; i++) {
        for (int k = 0; k < i; k++)
            chosen[i] = chosen[i] && !(chosen[k] && same_platform(&plan->platforms[k], &plan->platforms[i]));
    }
}

/* chosen[plan->n]: whether --only means it; a name may be there several times (other architectures). */
static maple_status choose_platforms(const measure_options *o, const cli_plan *plan, bool *chosen,
                                     maple_error *error) {
    char *end;
    maple_text names = {0};
    bool found = false;
    long number = o->only ? strtol(o->only, &end, 10) : 0;
    bool by_name = o->only && (*end != '\0' || end == o->only);
    if (o->only && !by_name && (number < 1 || number > plan->n))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--only %s: %s has %d platforms, from 1 on",
                               o->only, plan->file, plan->n);
    for (int i = 0; i < plan->n; i++) {
        maple_platform platform;
        chosen[i] = !o->only || (!by_name && i == number - 1);
        if (!by_name || name_platform(o, plan, i, &platform, NULL) != MAPLE_OK)
            continue; /* one that this machine cannot be has no name */
        chosen[i] = strcmp(platform.name, o->only) == 0;
        found = found || chosen[i];
        if (!names.data || !strstr(names.data, platform.name))
            maple_text_addf(&names, "%s%s", names.length ? ", " : "", platform.name);
    }
    maple_status status = MAPLE_OK;
    if (by_name && !found)
        status = maple_error_set(error, MAPLE_BAD_ARGUMENT, "--only %s: %s has no such platform, but %s",
                                 o->only, plan->file, names.data ? names.data : "none");
    maple_text_free(&names);
    return status;
}

/* What concerns one platform does not keep the others waiting. */
static bool concerns_all(maple_status status) {
    return status == MAPLE_INTERRUPTED || status == MAPLE_IO_ERROR || status == MAPLE_OUT_OF_MEMORY;
}

static maple_status run_chosen(const measure_options *o, const cli_plan *plan, const bool *chosen,
                               maple_error *error) {
    maple_status first = MAPLE_OK;
    maple_error why = {0};
    for (int i = 0; i < plan->n; i++) {
        maple_error failed = {0};
        if (!chosen[i])
            continue;
        maple_status turn = take_turn(o, plan, i, &failed);
        if (turn == MAPLE_OK)
            continue;
        if (first != MAPLE_OK)
            cli_say("error: %s", why.message);
        first = turn;
        why = failed;
        if (concerns_all(turn))
            break;
    }
    return first == MAPLE_OK ? first : maple_error_set(error, first, "%s", why.message);
}

static maple_status run_plan(const measure_options *o, maple_error *error) {
    cli_plan plan;
    maple_status status = cli_plan_read(o->plan, &plan, error);
    if (status != MAPLE_OK)
        return status;
    bool *chosen = maple_alloc((size_t)plan.n, sizeof *chosen);
    status = chosen ? rehearse(o, &plan, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = choose_platforms(o, &plan, chosen, error);
    if (status == MAPLE_OK && o->repeatability)
        leave_out_repeated(&plan, chosen);
    if (status == MAPLE_OK)
        status = run_chosen(o, &plan, chosen, error);
    maple_free(chosen);
    cli_plan_free(&plan);
    return status;
}

/* The plan says it: what else is said would not be done. */
static maple_status check_plan_options(const cli_options *options, maple_error *error) {
    static const char *const others[] = {"engine", "isa",  "dtype",  "threads", "batch",  "graph", "space",
                                         "name",   "file", "random", "all",     "rounds", "seed"};
    if (options->n_arguments > 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--plan and architectures exclude each other: the plan names them");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (cli_given(options, others[i]))
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "--plan and --%s exclude each other: the plan says it", others[i]);
    }
    return MAPLE_OK;
}

/* It draws its own architectures, and leaves labels alone. */
static maple_status check_repeatability(const cli_options *options, maple_error *error) {
    static const char *const others[] = {"file", "random", "all", "retry-failed", "retry-flagged"};
    if (options->n_arguments > 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--repeatability and architectures exclude each other: it takes random ones "
                               "(--repeatability N)");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (cli_given(options, others[i]))
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "--repeatability and --%s exclude each other: it takes random networks "
                                   "(--repeatability N) and leaves labels as they are",
                                   others[i]);
    }
    return MAPLE_OK;
}

static maple_status run(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    measure_options o = {.rounds = 50, .memory_mib = 1024, .seed = 1, .spread_percent = 10};
    cli_setup_options(&o.setup, &options);
    cli_string(&options, "name", &o.name, "NAME",
               "name of the platform (default: made from CPU, engine, options)");
    cli_string(&options, "file", &o.file, "FILE",
               "architectures, one a line or CSV with arch first; - is stdin");
    cli_int(&options, "random", &o.random, 1, 1000000, "N", "N random architectures");
    cli_flag(&options, "all", &o.all, "every architecture of the space");
    cli_string(&options, "plan", &o.plan, "FILE",
               "platforms and architectures from a JSON file, one after the other");
    cli_string(&options, "only", &o.only, "N|NAME",
               "of the plan only the N-th platform (from 1), or that of this name");
    cli_int(&options, "rounds", &o.rounds, 1, 10000, "N", "timed runs of each, interleaved (default 50)");
    cli_int(&options, "memory", &o.memory_mib, 16, 1 << 20, "MIB",
            "limit of compiled networks (default 1024)");
    cli_seed(&options, &o.seed);
    cli_int(&options, "spread-limit", &o.spread_percent, 1, 1000, "PERCENT",
            "a network whose runs spread by more (middle half, of the median) is measured anew,\n"
            "                         twice at most, then flagged (default 10)");
    cli_flag(&options, "retry-flagged", &o.retry_flagged, "measure anew what is flagged");
    cli_optional_int(&options, "repeatability", &o.repeatability, 2, 100000, 200, "N",
                     "measure N (default 200) random networks twice, in alternating rounds, and say how far\n"
                     "                         the two labels are apart; of a platform that the pool has");
    cli_flag(&options, "retry-failed", &o.retry_failed, "try again what failed before");
    cli_flag(&options, "accept-drift", &o.accept_drift,
             "go on though this machine is not as fast as it was for this platform");
    cli_flag(&options, "json", &o.json, "one object; of a plan one line a platform");
    maple_status status = cli_parse(self, &options, argc, argv, 0, -1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    if (o.only && !o.plan)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--only chooses from a plan: give --plan FILE");
    if (o.repeatability && (status = check_repeatability(&options, error)) != MAPLE_OK)
        return status;
    if (o.plan) {
        o.memory_mib = cli_given(&options, "memory") ? o.memory_mib : 0;
        status = check_plan_options(&options, error);
        return status == MAPLE_OK ? run_plan(&o, error) : status;
    }
    status = cli_setup_resolve(&o.setup, error);
    maple_arch *archs = NULL;
    size_t n = 0;
    if (status == MAPLE_OK && o.repeatability)
        return measure_twice(&o, error);
    if (status == MAPLE_OK)
        status = choose_archs(&o, &options, &archs, &n, error);
    if (status == MAPLE_OK)
        status = measure(&o, archs, n, error);
    maple_free(archs);
    return status;
}

const cli_command cli_measure = {
    .name = "measure",
    .arguments = "[ARCH ...]",
    .summary = "measure the latency of architectures on this machine, into your pool",
    .details =
        "Runs the architectures in interleaved rounds, each round in a fresh random order with one warm and "
        "one "
        "timed run\nof each; the latency is the median over the rounds. What was measured is kept at once: "
        "after "
        "Ctrl-C, a kill, a reboot\nor a full disk the same command continues. What the pool already has is "
        "not "
        "measured again. A network that crashes\nthe engine, hangs it or takes too much memory is marked "
        "with "
        "the reason, and the others go on.\n\nThree networks in every round tell whether the machine is as "
        "fast "
        "as it was: ten rounds in which it was off by more than\n3 % are repeated, three times at most. A "
        "network whose runs spread too much is measured anew; where that does not help its\nlatency is "
        "flagged, and predictors leave it out unless they are told --flagged.\n\nA platform belongs to its "
        "machine: on another one, or one that "
        "became faster or slower by more than 5 %, it is not\ncontinued; take another --name. --plan "
        "measures "
        "several platforms, one after the other:\n\n"
        "  {\"pool\": \"my.db\", \"rounds\": 50, \"seed\": 201, \"architectures\": 900,\n"
        "   \"platforms\": [{\"engine\": \"onednn\", \"isa\": \"avx2\", \"threads\": 2},\n"
        "                 {\"engine\": \"xnnpack\", \"graph\": \"as-written\", \"architectures\": \"all\"},\n"
        "                 {\"engine\": \"xnnpack\", \"space\": \"fbnet\", \"architectures\": 500}]}\n\n"
        "docs/measurement.md lists all fields. With \"counters\": \"auto\" the descriptor of each platform "
        "is measured first.",
    .examples =
        "  maple measure --random 900\n  maple measure --engine xnnpack --file archs.txt --pool my.db\n"
        "  maple measure --plan plan.json\n  maple measure --plan plan.json --only 2\n  maple measure "
        "--repeatability\n"
        "  maple measure '|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|'",
    .run = run,
};
