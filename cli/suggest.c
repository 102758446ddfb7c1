/* SPDX-License-Identifier: Apache-2.0 */
/* maple suggest: which architectures to measure next on a device. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *pool_name, *platform_name, *predictor, *predictor_options, *leave_out_name, *space_name;
    const char *graph;
    int samples, until, candidates;
    uint64_t seed;
    bool bundled, commands, json, csv, flagged;

    const maple_space *space;
    maple_leave_out leave_out;
    maple_pool *pool; /* NULL: there is none of one's own */
    maple_dataset *dataset;
    maple_platform platform; /* name "": a new device */
    cli_device device;
    size_t *sources, n_sources;
    cli_cache cache;
    cli_choice choice;
} suggest_job;

/* --- Options --- */

static void add_options(suggest_job *s, cli_options *options) {
    *s = (suggest_job){
        .predictor = "gp", .leave_out_name = "none", .space_name = "nas-bench-201", .samples = 10, .seed = 1};
    cli_string(options, "platform", &s->platform_name, "NAME",
               "a platform of the pool; what it has is known (default: a new device)");
    cli_string(options, "graph", &s->graph, "FORM",
               "of a new device: pruned (what has no effect is not run; default) or as-written");
    cli_int(options, "samples", &s->samples, 1, 100000, "N",
            "so many architectures (default 10; with --until the most, default 100)");
    cli_int(options, "until", &s->until, 1, 1000, "PERCENT",
            "only until the 90 % interval of half of the candidates is expected to be\n"
            "                         that narrow: upper - lower, in percent of the prediction");
    cli_int(options, "candidates", &s->candidates, 1, 1000000, "N",
            "among N random architectures (default: all, or those that the pool has\n"
            "                         where the space is too large, or 5000 random ones)");
    cli_string(options, "predictor", &s->predictor, "NAME", "one that suggests (default gp)");
    cli_string(options, "options", &s->predictor_options, "K=V,...",
               "options of the predictor (a wrong one lists those there are)");
    cli_string(options, "leave-out", &s->leave_out_name, "WHAT",
               "learn not from: none (default), family, cpu (all platforms of this CPU model)");
    cli_choices(options, "none family cpu");
    cli_string(options, "space", &s->space_name, "NAME", "search space (default nas-bench-201)");
    cli_string(options, "pool", &s->pool_name, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(options, "bundled", &s->bundled, "only the pool that came with maple");
    cli_flagged_option(options, &s->flagged);
    cli_seed(options, &s->seed);
    cli_cache_option(&s->cache, options);
    cli_flag(options, "commands", &s->commands, "what to run, or a table to fill in, instead (see above)");
    cli_flag(options, "json", &s->json, "an array of objects");
    cli_flag(options, "csv", &s->csv, "CSV: rank,arch,index,interval_width");
}

static maple_status check_options(suggest_job *s, const cli_options *options, maple_error *error) {
    maple_graph_form form = MAPLE_GRAPH_PRUNED;
    if (s->json + s->csv + s->commands > 1)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--json, --csv and --commands exclude each other");
    if (s->pool_name && s->bundled)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--pool and --bundled exclude each other");
    if (s->platform_name && s->graph)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--platform and --graph exclude each other: a platform has its form");
    if (s->until > 0 && !cli_given(options, "samples"))
        s->samples = 100;
    maple_status status = cli_leave_out_parse(s->leave_out_name, &s->leave_out, error);
    if (status == MAPLE_OK && s->leave_out != MAPLE_LEAVE_OUT_PLATFORM && !s->platform_name)
        status =
            maple_error_set(error, MAPLE_BAD_ARGUMENT,
                            "--leave-out %s: needs --platform; of a new device neither family nor CPU is "
                            "known",
                            s->leave_out_name);
    if (status == MAPLE_OK && s->graph)
        status = maple_graph_form_parse(s->graph, &form, error);
    s->device.target.graph = s->platform.graph = form;
    if (status == MAPLE_OK)
        status = maple_space_find(s->space_name, &s->space, error);
    return status == MAPLE_OK ? cli_check_suggests(s->predictor, error) : status;
}

/* --- What is known --- */

/* One with latencies or a descriptor in the space, or one that is registered only. */
static maple_status find_platform(suggest_job *s, maple_error *error) {
    if (!s->platform_name)
        return MAPLE_OK;
    const maple_dataset_platform *known = maple_dataset_find(s->dataset, s->platform_name);
    if (known) {
        s->platform = known->platform;
        return cli_device_measured(s->dataset, known, &s->device, error);
    }
    if (s->pool && maple_pool_find_platform(s->pool, s->platform_name, &s->platform, NULL) == MAPLE_OK) {
        s->device.target.graph = s->platform.graph;
        return MAPLE_OK;
    }
    return maple_error_set(error, MAPLE_NOT_FOUND,
                           "no platform '%.160s' in %s; see maple pool list, or leave --platform out for a "
                           "new device",
                           s->platform_name,
                           s->bundled ? "the bundled pool"
                           : s->pool  ? maple_pool_path(s->pool)
                                      : "your pool (there is none yet) or the bundled one");
}

static maple_status load(suggest_job *s, maple_error *error) {
    char path[4096];
    maple_status status =
        s->bundled ? cli_bundled_path(path, error) : cli_open_user_pool(s->pool_name, &s->pool, error);
    if (status == MAPLE_OK)
        status = cli_load_dataset(s->pool, s->space, s->flagged, &s->dataset, error);
    if (status == MAPLE_OK)
        cli_say_flagged(s->dataset, s->pool, s->platform_name);
    if (status == MAPLE_OK)
        status = find_platform(s, error);
    if (status == MAPLE_OK)
        status = cli_sources(s->dataset, &s->platform, s->leave_out, &s->sources, &s->n_sources, error);
    if (status == MAPLE_OK && s->n_sources == 0)
        status = maple_error_set(
            error, MAPLE_BAD_INPUT,
            "predictor %s learns from other platforms, and none with latencies in %s is known: import some "
            "(maple pool import --help), or measure random architectures",
            s->predictor, s->space_name);
    return status;
}

static maple_status choose(suggest_job *s, maple_error *error) {
    cli_choosing choosing = {.predictor = s->predictor,
                             .options = s->predictor_options,
                             .dataset = s->dataset,
                             .sources = s->sources,
                             .n_sources = s->n_sources,
                             .target = &s->device.target,
                             .candidates = (size_t)s->candidates,
                             .n = (size_t)s->samples,
                             .width = s->until / 100.0,
                             .seed = s->seed,
                             .cache = &s->cache};
    cli_say("choosing among %s architectures for %s (%zu measured), learning from %zu platform%s",
            s->candidates > 0                      ? "random"
            : maple_space_enumerable(s->space) > 0 ? "all"
                                                   : "the pool's",
            s->platform_name ? s->platform_name : "a new device", s->device.target.n_samples, s->n_sources,
            cli_plural(s->n_sources));
    return cli_choose(&choosing, &s->choice, error);
}

/* Whether it is enough, and why there are fewer than asked for. */
static void say_outcome(const suggest_job *s) {
    const cli_choice *c = &s->choice;
    double last = c->n > 0 ? c->widths[c->n - 1] : 0;
    bool reached = s->until > 0 && last <= s->until / 100.0;
    if (c->n == 0)
        cli_say("nothing more is needed: the median interval is expected to be at most %d %% wide already",
                s->until);
    else if (s->until > 0 && !reached && c->n == (size_t)s->samples)
        cli_say(
            "after these %zu the median interval is expected to be %.3g %% wide still: --samples N allows "
            "more",
            c->n, 100 * last);
    if (c->n > 0 && !reached && c->n < (size_t)s->samples)
        cli_say("these are all of %zu candidates that run something new", c->n_candidates);
}

/* --- Output --- */

/* Canonical indices, as far as a pool knows them; -1 elsewhere. */
static maple_status find_indices(const suggest_job *s, int *index, maple_error *error) {
    const cli_choice *c = &s->choice;
    const maple_dataset *d = s->dataset;
    maple_status status =
        s->pool ? maple_pool_indices(s->pool, s->space, c->archs, c->n, index, error) : MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < c->n; i++) {
        index[i] = s->pool ? index[i] : -1;
        for (size_t k = 0; index[i] < 0 && k < d->n_archs; k++)
            if (maple_arch_equal(&d->archs[k], &c->archs[i]))
                index[i] = d->index[k];
    }
    return status;
}

static maple_status print_json(const suggest_job *s, const int *index, maple_error *error) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < s->choice.n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(s->space, &s->choice.archs[i], text);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "rank", (double)(i + 1));
        cJSON_AddStringToObject(item, "arch", text);
        cJSON_AddItemToObject(item, "index",
                              index[i] >= 0 ? cJSON_CreateNumber(index[i]) : cJSON_CreateNull());
        cJSON_AddItemToObject(item, "interval_width", cli_number(s->choice.widths[i]));
        cJSON_AddItemToArray(array, item);
    }
    return cli_print_json(array, error);
}

static maple_status print_csv(const suggest_job *s, const int *index, maple_error *error) {
    puts("rank,arch,index,interval_width");
    for (size_t i = 0; i < s->choice.n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(s->space, &s->choice.archs[i], text);
        printf("%zu,%s,", i + 1, text);
        if (index[i] >= 0)
            printf("%d", index[i]);
        if (isfinite(s->choice.widths[i]))
            printf(",%.6g\n", s->choice.widths[i]);
        else
            puts(",");
    }
    return cli_flush(error);
}

static maple_status print_table(const suggest_job *s, maple_error *error) {
    if (s->choice.n > 0)
        printf("%4s  %9s  %s\n", "RANK", "INTERVAL", "ARCHITECTURE");
    for (size_t i = 0; i < s->choice.n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(s->space, &s->choice.archs[i], text);
        printf("%4zu  %7.1f %%  %s\n", i + 1, 100 * s->choice.widths[i], text);
    }
    if (s->choice.n > 0)
        puts("\nINTERVAL: how wide the 90 % interval of half of the candidates is expected to be once this "
             "one and those before it\nare measured: upper - lower, in percent of the prediction.");
    return cli_flush(error);
}

/* --- Commands --- */

/* Which engine of this program the platform was measured with; NULL: another program. */
static const maple_engine_info *engine_of(const suggest_job *s) {
    for (size_t i = 0; i < maple_engine_count(); i++)
        if (strcmp(maple_engine_at(i)->name, s->platform.engine) == 0)
            return maple_engine_at(i);
    return NULL;
}

static void add_measure(const suggest_job *s, maple_text *out) {
    maple_text_add(out, "maple measure");
    maple_text_add_option(out, "name", s->platform.name);
    cli_add_measuring(out, &s->platform, s->space, s->pool_name);
    for (size_t i = 0; i < s->choice.n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(s->space, &s->choice.archs[i], text);
        maple_text_add(out, " \\\n    ");
        maple_text_add_word(out, text);
    }
    maple_text_add(out, "\n");
}

static void add_template(const suggest_job *s, maple_text *out) {
    maple_text_add(out, "arch,latency_ms\n");
    for (size_t i = 0; i < s->choice.n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(s->space, &s->choice.archs[i], text);
        maple_text_addf(out, "%s,\n", text);
    }
}

/* With the options that make it the same platform. */
static void say_import(const suggest_job *s) {
    maple_text line = {0};
    if (s->platform_name) {
        maple_text_add_option(&line, "platform", s->platform.name);
        maple_text_add_option(&line, "device", s->platform.device);
        if (strcmp(s->platform.cpu, "unknown") != 0)
            maple_text_add_option(&line, "cpu", s->platform.cpu);
    } else {
        maple_text_add(&line, " --platform NAME --device MODEL");
    }
    cli_add_settings(&line, &s->platform, "", s->space, s->pool_name);
    if (!line.failed)
        cli_say("measure these, put the milliseconds into the column latency_ms (what is not measured yet "
                "stays empty), and:\n  maple pool import csv -%s <FILE",
                line.data);
    maple_text_free(&line);
}

static maple_status print_commands(const suggest_job *s, maple_error *error) {
    const maple_engine_info *engine = engine_of(s);
    maple_text text = {0};
    if (s->choice.n == 0)
        return MAPLE_OK;
    if (engine)
        add_measure(s, &text);
    else
        add_template(s, &text);
    maple_status status = text.failed ? maple_error_memory(error) : MAPLE_OK;
    if (status == MAPLE_OK) {
        fputs(text.data, stdout);
        status = cli_flush(error);
    }
    maple_text_free(&text);
    if (status != MAPLE_OK)
        return status;
    if (engine)
        cli_say("to be run on the machine of %s (%s)", s->platform.name, s->platform.cpu);
    else
        say_import(s);
    return MAPLE_OK;
}

static maple_status print(const suggest_job *s, maple_error *error) {
    cli_end_progress();
    say_outcome(s);
    if (s->commands)
        return print_commands(s, error);
    if (!s->json && !s->csv)
        return print_table(s, error);
    int *index = maple_alloc(s->choice.n, sizeof *index);
    maple_status status = index ? find_indices(s, index, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = s->json ? print_json(s, index, error) : print_csv(s, index, error);
    maple_free(index);
    return status;
}

static maple_status run(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    suggest_job s;
    add_options(&s, &options);
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    status = check_options(&s, &options, error);
    if (status == MAPLE_OK)
        status = load(&s, error);
    if (status == MAPLE_OK)
        status = choose(&s, error);
    if (status == MAPLE_OK)
        status = print(&s, error);
    cli_cache_close(&s.cache);
    cli_choice_free(&s.choice);
    cli_device_free(&s.device);
    maple_free(s.sources);
    maple_dataset_free(s.dataset);
    maple_pool_close(s.pool);
    return status;
}

const cli_command cli_suggest = {
    .name = "suggest",
    .arguments = "",
    .summary = "which architectures to measure next on a device",
    .details =
        "Chooses architectures one after the other, each the one whose latency would make the predictions of "
        "all candidates\nsurest (the expected mean of squared interval widths falls most), given what the "
        "platforms of your pool and the bundled\none have in common, and what the platform itself has "
        "already. No latency is needed for that: without --platform it says\nwhat to measure first on a new "
        "device.\n\n"
        "--commands prints what to run: for a platform that maple measures the command maple measure, to be "
        "given on its machine;\nfor other runtimes a table arch,latency_ms to fill in, and on stderr how to "
        "import it.\n\n"
        "`index` is the architecture's number in the published tables, where a pool knows it.",
    .examples = "  maple suggest --samples 5\n"
                "  maple suggest --platform my-phone --until 20 --commands >next.csv\n"
                "  maple suggest --space fbnet --pool help.db --graph as-written --json",
    .run = run,
};
