/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maple quickstart: the main job. Profile this machine, measure a few networks, adapt on the bundled pool,
 * predict all architectures, then measure others and say how well they were predicted.
 */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    /* options */
    cli_setup setup;
    const char *predictor, *counters, *output, *name;
    int samples, verify, random;
    uint64_t seed;
    bool json, use_siblings;
    cli_sampling sampling;
    cli_cache cache;
    /* what it is about */
    maple_pool *pool;
    maple_platform platform;
    maple_arch *archs;  /* samples, then those to verify */
    bool measured_now;  /* something, by this command */
    bool suggested;     /* the samples: by the predictor; else they are random */
    double *latency_ms; /* measured, of archs */
    maple_dataset *dataset;
    size_t row;                /* of this platform in the dataset */
    maple_leave_out leave_out; /* of the headline figures */
    size_t n_sources, n_sources_siblings;
    char csv[4096];
    size_t n_predicted;
    double profile_s, fit_s, predict_s, wall_s;
} quickstart;

typedef struct {
    bool had; /* false: this predictor could not be fitted; `why` says so */
    char why[256];
    maple_metrics metrics;
} score;

typedef struct {
    score main, siblings, no_samples, maple, lut, lut_fit, flops;
} scores;

static double seconds_since(int64_t start_ns) {
    return (double)(maple_clock_ns() - start_ns) * 1e-9;
}

/* --- Measuring --- */

static maple_status measure(quickstart *q, size_t first, size_t n, maple_error *error) {
    /* What this very command measured a minute ago was measured on this machine: it is loaded, not another.
     * On a noisy machine, too, this is to end soon: what spreads too much is flagged and used all the same.
     */
    maple_measure_plan plan = {.archs = q->archs + first,
                               .n = n,
                               .rounds = 50,
                               .seed = q->seed,
                               .accept_drift = q->measured_now,
                               .flag_at_once = true};
    maple_measure_report report;
    if (n == 0)
        return MAPLE_OK;
    maple_status status =
        maple_measure_networks(&q->setup.config, q->pool, &q->platform, &plan, &report, error);
    cli_explain_drift(q->pool, &q->platform, &report, status, error);
    if (status == MAPLE_INTERRUPTED)
        return maple_error_set(error, status,
                               "interrupted; what was measured is in %s; maple quickstart continues",
                               maple_pool_path(q->pool));
    if (status == MAPLE_OK && q->measured_now && report.sentinel_shift > 0.05)
        cli_say("warning: the same networks take %.0f %% more or less than when the samples were measured; "
                "other load on this machine makes the figures worse than they are",
                100 * report.sentinel_shift);
    q->measured_now |= status == MAPLE_OK && report.measured > 0;
    if (status == MAPLE_OK && report.flagged > 0)
        cli_say("noisy, and used all the same: %zu of %zu latencies, whose runs spread by more than 10 %%; "
                "maple doctor says what disturbs this machine, maple measure --retry-flagged measures them "
                "anew",
                report.flagged, n);
    if (status == MAPLE_OK && report.already > 0)
        cli_say("%zu of %zu networks were measured by an earlier run of this platform", report.already, n);
    return status;
}

/* Nothing to learn from is better known before the measurements than after. */
static maple_status check_pools(const quickstart *q, const maple_predictor_info *predictor,
                                maple_error *error) {
    maple_dataset *dataset = NULL;
    maple_error where = {.message = "the bundled pool is empty"};
    char path[4096];
    maple_status status = MAPLE_OK;
    if (predictor->needs_pool)
        status = cli_load_dataset(q->pool, q->setup.config.space, true, &dataset, error);
    if (dataset && dataset->n_platforms == 0) {
        cli_bundled_path(path, &where);
        status = maple_error_set(error, MAPLE_BAD_INPUT,
                                 "predictor %s learns from other platforms, and none is known: %s; or use "
                                 "--predictor lut-fit",
                                 predictor->name, where.message);
    }
    maple_dataset_free(dataset);
    return status;
}

/* --- What is learned from, and which networks are measured --- */

static size_t count_left(const quickstart *q, maple_leave_out leave_out) {
    size_t *rows, n = 0;
    if (cli_sources(q->dataset, &q->platform, leave_out, &rows, &n, NULL) == MAPLE_OK)
        maple_free(rows);
    return n;
}

/* Leaving out this CPU model may leave nothing: then its family (CPU, engine, instruction set) is left out.
 */
static void choose_sources(quickstart *q) {
    q->n_sources_siblings = count_left(q, MAPLE_LEAVE_OUT_PLATFORM);
    q->leave_out = q->use_siblings ? MAPLE_LEAVE_OUT_PLATFORM : MAPLE_LEAVE_OUT_CPU;
    if (!q->use_siblings && q->n_sources_siblings > 0 && count_left(q, MAPLE_LEAVE_OUT_CPU) == 0) {
        q->leave_out = MAPLE_LEAVE_OUT_FAMILY;
        cli_say("every known platform has this CPU model; leaving out those of the same engine and "
                "instruction set "
                "instead (%s)",
                q->platform.family);
    }
    q->n_sources = count_left(q, q->leave_out);
}

/* The samples, and after them others to verify: random ones that no sample runs. */
static maple_status choose_networks(quickstart *q, size_t n_samples, size_t n_verify, maple_error *error) {
    const maple_space *space = q->setup.config.space;
    size_t n = n_samples + n_verify, kept = n_samples;
    maple_arch *random = maple_alloc(n, sizeof *random);
    maple_rng rng = maple_rng_seed(q->seed);
    q->sampling.leave_out = q->leave_out;
    maple_status status = random ? maple_space_sample(space, q->platform.graph, &rng, n, random, error)
                                 : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = cli_sample(&q->sampling, &q->platform, q->dataset, n_samples, q->seed, q->archs,
                            &q->suggested, error);
    for (size_t i = 0; status == MAPLE_OK && i < n && kept < n; i++) {
        maple_arch arch = maple_space_canonical(space, q->platform.graph, &random[i]);
        bool sampled = false;
        for (size_t k = 0; k < n_samples && !sampled; k++) {
            maple_arch sample = maple_space_canonical(space, q->platform.graph, &q->archs[k]);
            sampled = maple_arch_equal(&arch, &sample);
        }
        if (!sampled)
            q->archs[kept++] = random[i];
    }
    maple_free(random);
    return status;
}

static maple_status profile(quickstart *q, maple_error *error) {
    int64_t start = maple_clock_ns();
    cli_say("profiling: operators, counters, %d networks ...", q->samples);
    maple_status status =
        cli_profile_platform(&q->setup, q->name, q->counters, false, q->pool, &q->platform, error);
    if (status != MAPLE_OK)
        return status;
    size_t n = (size_t)(q->samples + q->verify);
    q->archs = maple_alloc(n, sizeof *q->archs);
    q->latency_ms = maple_alloc(n, sizeof *q->latency_ms);
    if (!q->archs || !q->latency_ms)
        return maple_error_memory(error);
    status = cli_load_dataset(q->pool, q->setup.config.space, true, &q->dataset, error);
    if (status == MAPLE_OK) {
        choose_sources(q);
        status = choose_networks(q, (size_t)q->samples, (size_t)q->verify, error);
    }
    if (status == MAPLE_OK)
        status = measure(q, 0, (size_t)q->samples, error);
    q->profile_s = seconds_since(start);
    return status;
}

/* Loads the dataset anew and looks up what was measured for archs[first .. first + n). */
static maple_status look_up(quickstart *q, size_t first, size_t n, maple_error *error) {
    maple_dataset_free(q->dataset);
    q->dataset = NULL;
    maple_status status = cli_load_dataset(q->pool, q->setup.config.space, true, &q->dataset, error);
    if (status != MAPLE_OK)
        return status;
    ptrdiff_t row = maple_dataset_platform_row(q->dataset, q->platform.name);
    if (row < 0)
        return maple_error_set(error, MAPLE_DEVICE_ERROR,
                               "none of the %zu networks could be measured; see maple pool "
                               "export %s for the reasons",
                               n, q->platform.name);
    q->row = (size_t)row;
    for (size_t i = 0; i < n; i++) {
        q->latency_ms[first + i] = NAN;
        for (size_t k = 0; k < q->dataset->n_archs; k++) {
            if (maple_arch_equal(&q->dataset->archs[k], &q->archs[first + i]))
                q->latency_ms[first + i] = q->dataset->platforms[row].latency_ms[k];
        }
    }
    return MAPLE_OK;
}

/* --- Fitting --- */

static maple_status fit(quickstart *q, const char *name, maple_leave_out leave_out, size_t samples,
                        maple_predictor **out, maple_error *error) {
    cli_fit_job job = {.predictor = name,
                       .dataset = q->dataset,
                       .platform = &q->dataset->platforms[q->row],
                       .leave_out = leave_out,
                       .archs = q->archs,
                       .latency_ms = q->latency_ms,
                       .n_samples = samples,
                       .seed = q->seed,
                       .cache = &q->cache};
    return cli_run_fit(&job, out, error);
}

static maple_status write_predictions(const quickstart *q, const cli_predictions *predictions,
                                      maple_error *error) {
    maple_text text = {0};
    cli_format_predictions(predictions, &text);
    maple_status status =
        text.failed ? maple_error_memory(error) : maple_write_file(q->csv, text.data, text.length, error);
    maple_text_free(&text);
    return status;
}

/* Every architecture; of a space that is too large for that, random ones. */
static maple_status choose_predicted(quickstart *q, maple_arch **archs, size_t *n, maple_error *error) {
    const maple_space *space = q->setup.config.space;
    if (maple_space_enumerable(space) > 0)
        return cli_all_archs(space, archs, n, error);
    *archs = maple_alloc((size_t)q->random, sizeof **archs);
    if (!*archs)
        return maple_error_memory(error);
    *n = (size_t)q->random;
    maple_rng rng = maple_rng_seed(q->seed);
    return maple_space_sample(space, q->platform.graph, &rng, *n, *archs, error);
}

static maple_status predict_all(quickstart *q, const maple_predictor *predictor, maple_error *error) {
    maple_arch *archs = NULL;
    size_t n = 0;
    cli_predictions predictions = {0};
    maple_status status = choose_predicted(q, &archs, &n, error);
    int64_t start = maple_clock_ns();
    if (status == MAPLE_OK)
        status = cli_predict_archs(predictor, archs, n, &predictions, error);
    q->predict_s = seconds_since(start);
    if (status == MAPLE_OK)
        status = maple_pool_indices(q->pool, q->setup.config.space, archs, n, predictions.index, error);
    if (status == MAPLE_OK)
        status = write_predictions(q, &predictions, error);
    q->n_predicted = n;
    cli_predictions_free(&predictions);
    maple_free(archs);
    return status;
}

/* --- Verification --- */

static maple_status score_with(const quickstart *q, const maple_predictor *predictor, score *out,
                               maple_error *error) {
    size_t first = (size_t)q->samples, n = (size_t)q->verify;
    cli_predictions p;
    maple_status status = cli_predict_archs(predictor, q->archs + first, n, &p, error);
    if (status == MAPLE_OK) {
        maple_predictions predicted = {p.latency_ms, p.lower_ms, p.upper_ms};
        status = maple_metrics_compute(q->latency_ms + first, &predicted, n, &out->metrics, error);
    }
    out->had = status == MAPLE_OK;
    cli_predictions_free(&p);
    return status;
}

/* A rival that cannot be fitted (too few samples, no operator latencies) is reported with the reason; only an
 * interrupt is an error. */
static maple_status score_rival(quickstart *q, const char *name, maple_leave_out leave_out, size_t samples,
                                score *out, maple_error *interrupt) {
    maple_error error = {.message = ""};
    maple_predictor *predictor = NULL;
    maple_status status = fit(q, name, leave_out, samples, &predictor, &error);
    if (status == MAPLE_OK)
        status = score_with(q, predictor, out, &error);
    maple_predictor_free(predictor);
    if (status == MAPLE_INTERRUPTED)
        return maple_error_set(interrupt, status, "%s", error.message);
    if (status != MAPLE_OK)
        snprintf(out->why, sizeof out->why, "%.*s", (int)sizeof out->why - 1, error.message);
    return MAPLE_OK;
}

/* Measures the others and scores the predictor that was fitted before, then the rivals on the same samples.
 */
static maple_status verify(quickstart *q, const maple_predictor *predictor, scores *s, maple_error *error) {
    size_t first = (size_t)q->samples, n = (size_t)q->verify;
    cli_say("verifying: measuring %d other random networks ...", q->verify);
    maple_status status = measure(q, first, n, error);
    if (status == MAPLE_OK)
        status = look_up(q, first, n, error);
    if (status == MAPLE_OK)
        status = score_with(q, predictor, &s->main, error);
    if (status != MAPLE_OK)
        return status;
    size_t samples = (size_t)q->samples;
    const struct {
        const char *name;
        maple_leave_out leave_out;
        size_t samples;
        score *score;
    } RIVALS[] = {
        {q->predictor, MAPLE_LEAVE_OUT_PLATFORM, samples, &s->siblings},
        {"gp", q->leave_out, 0, &s->no_samples},
        {"maple", q->leave_out, samples, &s->maple},
        {"lut", q->leave_out, samples, &s->lut},
        {"lut-fit", q->leave_out, samples, &s->lut_fit},
        {"flops", q->leave_out, samples, &s->flops},
    };
    for (size_t i = 0; i < sizeof RIVALS / sizeof *RIVALS && status == MAPLE_OK; i++)
        status =
            score_rival(q, RIVALS[i].name, RIVALS[i].leave_out, RIVALS[i].samples, RIVALS[i].score, error);
    return status;
}

/* --- Output --- */

static void add_scores(cJSON *object, const score *s) {
    if (!s->had) {
        cJSON_AddStringToObject(object, "reason", s->why);
        return;
    }
    cJSON_AddNumberToObject(object, "n", (double)s->metrics.n);
    cJSON_AddItemToObject(object, "acc1", cli_number(s->metrics.acc1));
    cJSON_AddItemToObject(object, "acc5", cli_number(s->metrics.acc5));
    cJSON_AddItemToObject(object, "acc10", cli_number(s->metrics.acc10));
    cJSON_AddItemToObject(object, "spearman", cli_number(s->metrics.spearman));
    cJSON_AddItemToObject(object, "mape", cli_number(s->metrics.mape));
    cJSON_AddItemToObject(object, "coverage90", cli_number(s->metrics.coverage90));
    cJSON_AddItemToObject(object, "interval_width", cli_number(s->metrics.interval_width));
}

static maple_status print_json(const quickstart *q, const scores *s, maple_error *error) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "platform", q->platform.name);
    cJSON_AddStringToObject(object, "engine", q->platform.engine);
    cJSON_AddStringToObject(object, "predictor", q->predictor);
    cJSON_AddStringToObject(object, "counters", q->platform.counters);
    cJSON_AddNumberToObject(object, "samples", q->samples);
    cJSON_AddStringToObject(object, "sampler", q->suggested ? "suggest" : "random");
    cJSON_AddNumberToObject(object, "sources", (double)q->n_sources);
    cJSON_AddStringToObject(object, "left_out",
                            q->leave_out == MAPLE_LEAVE_OUT_CPU      ? "cpu"
                            : q->leave_out == MAPLE_LEAVE_OUT_FAMILY ? "family"
                                                                     : "none");
    cJSON_AddItemToObject(object, "profile_s", cli_number(q->profile_s));
    cJSON_AddItemToObject(object, "fit_s", cli_number(q->fit_s));
    cJSON_AddItemToObject(object, "predict_s", cli_number(q->predict_s));
    cJSON_AddItemToObject(object, "wall_s", cli_number(q->wall_s));
    cJSON_AddStringToObject(object, "predictions_csv", q->csv);
    cJSON_AddNumberToObject(object, "predictions", (double)q->n_predicted);
    cJSON *verify_object = cJSON_AddObjectToObject(object, "verify");
    if (q->verify > 0) {
        add_scores(verify_object, &s->main);
        add_scores(cJSON_AddObjectToObject(verify_object, "siblings"), &s->siblings);
        add_scores(cJSON_AddObjectToObject(verify_object, "no_samples"), &s->no_samples);
        add_scores(cJSON_AddObjectToObject(verify_object, "maple"), &s->maple);
        add_scores(cJSON_AddObjectToObject(verify_object, "lut"), &s->lut);
        add_scores(cJSON_AddObjectToObject(verify_object, "lut_fit"), &s->lut_fit);
        add_scores(cJSON_AddObjectToObject(verify_object, "flops"), &s->flops);
    } else {
        cJSON_AddNumberToObject(verify_object, "n", 0);
    }
    return cli_print_json(object, error);
}

static bool has_intervals(const score *s) {
    return s->had && isfinite(s->metrics.coverage90);
}

static void print_score(const char *name, const score *s) {
    if (!s->had) {
        printf("  %-34s %s\n", name, s->why);
        return;
    }
    printf("  %-34s %7.0f %% %7.0f %% %7.0f %% %10.3f", name, 100 * s->metrics.acc1, 100 * s->metrics.acc5,
           100 * s->metrics.acc10, s->metrics.spearman);
    if (has_intervals(s))
        printf(" %8.0f %% %7.0f %%", 100 * s->metrics.coverage90, 100 * s->metrics.interval_width);
    putchar('\n');
}

static void print_scores(const quickstart *q, const scores *s) {
    char main[96], siblings[96];
    snprintf(main, sizeof main, "%s%s", q->predictor, q->use_siblings ? "" : ", siblings left out");
    snprintf(siblings, sizeof siblings, "%s, siblings used", q->predictor);
    const struct {
        const char *name;
        const score *score;
    } LINES[] = {{main, &s->main},
                 {siblings, &s->siblings},
                 {"gp, no network measured", &s->no_samples},
                 {"maple (dual stream)", &s->maple},
                 {"lut (sum of operators)", &s->lut},
                 {"lut-fit (a lut + b)", &s->lut_fit},
                 {"flops (a FLOPs + b)", &s->flops}};
    const size_t n = sizeof LINES / sizeof *LINES;
    bool intervals = false;
    for (size_t i = 0; i < n; i++)
        intervals = intervals || has_intervals(LINES[i].score);
    printf("\nverified on %zu other random networks, measured afterwards:\n\n", s->main.metrics.n);
    printf("  %-34s %9s %9s %9s %10s", "", "±1 %", "±5 %", "±10 %", "Spearman");
    if (intervals)
        printf(" %10s %9s", "90 % cov.", "width");
    putchar('\n');
    for (size_t i = 0; i < n; i++)
        print_score(LINES[i].name, LINES[i].score);
}

static maple_status print_text(const quickstart *q, const scores *s, maple_error *error) {
    printf("platform     %s\n", q->platform.name);
    printf("predictor    %s, from %d %s networks and %zu known platforms (%zu with its siblings)\n",
           q->predictor, q->samples, q->suggested ? "suggested" : "random", q->n_sources,
           q->n_sources_siblings);
    printf("time         profile %.1f s, fit %.2f s, predict %.1f ms, in all %.1f s\n", q->profile_s,
           q->fit_s, q->predict_s * 1000, q->wall_s);
    if (maple_space_enumerable(q->setup.config.space) > 0)
        printf("predictions  %s (every architecture of %s)\n", q->csv,
               maple_space_name(q->setup.config.space));
    else
        printf("predictions  %s (%zu random architectures of %s)\n", q->csv, q->n_predicted,
               maple_space_name(q->setup.config.space));
    if (q->verify > 0)
        print_scores(q, s);
    return cli_flush(error);
}

/* --- The job --- */

static void short_doctor(void) {
    maple_environment environment;
    maple_environment_probe(NULL, &environment);
    maple_check checks[32];
    size_t n;
    cli_say("%s, %d cores, %s", environment.cpu, environment.cores, environment.isa);
    if (maple_doctor(&environment, 0.5, checks, 32, &n, NULL) != MAPLE_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        if (checks[i].level != MAPLE_CHECK_OK)
            cli_say("  %s: %s", checks[i].name, checks[i].finding);
    }
}

static maple_status adapt_and_predict(quickstart *q, maple_predictor **predictor, maple_error *error) {
    maple_status status = look_up(q, 0, (size_t)q->samples, error);
    if (status != MAPLE_OK)
        return status;
    cli_say("adapting %s to %s ...", q->predictor, q->platform.name);
    int64_t start = maple_clock_ns();
    status = fit(q, q->predictor, q->leave_out, (size_t)q->samples, predictor, error);
    q->fit_s = seconds_since(start);
    return status == MAPLE_OK ? predict_all(q, *predictor, error) : status;
}

static maple_status job(quickstart *q, maple_error *error) {
    int64_t start = maple_clock_ns();
    maple_predictor *predictor = NULL;
    scores s = {0};
    short_doctor();
    maple_status status = profile(q, error);
    if (status == MAPLE_OK && !q->output)
        snprintf(q->csv, sizeof q->csv, "%s.csv", q->platform.name);
    if (status == MAPLE_OK)
        status = adapt_and_predict(q, &predictor, error);
    if (status == MAPLE_OK && q->verify > 0)
        status = verify(q, predictor, &s, error);
    maple_predictor_free(predictor);
    q->wall_s = seconds_since(start);
    if (status != MAPLE_OK)
        return status;
    return q->json ? print_json(q, &s, error) : print_text(q, &s, error);
}

static maple_status run(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    quickstart q = {
        .predictor = "gp", .counters = "auto", .samples = 10, .verify = 50, .random = 10000, .seed = 1};
    cli_setup_options(&q.setup, &options);
    cli_int(&options, "samples", &q.samples, 1, 900, "N", "networks to measure and learn from (default 10)");
    cli_int(&options, "verify", &q.verify, 0, 5000, "N",
            "other networks to measure and compare (default 50)");
    cli_int(&options, "random", &q.random, 1, 1000000, "N",
            "architectures to predict, random ones, where the space is too large for all (default 10000)");
    cli_string(&options, "predictor", &q.predictor, "NAME", "see maple predictors (default gp)");
    cli_sampling_options(&q.sampling, &q.cache, &options);
    cli_string(&options, "counters", &q.counters, "NAME", "auto, perf, callgrind (simulated), none");
    cli_flag(&options, "use-siblings", &q.use_siblings,
             "learn from bundled platforms of this CPU model, too");
    cli_string(&options, "name", &q.name, "NAME",
               "name of the platform (default: made from CPU, engine, options)");
    cli_string(&options, "output", &q.output, "FILE", "where the predictions go (default: PLATFORM.csv)");
    cli_seed(&options, &q.seed);
    cli_flag(&options, "json", &q.json, "one object");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    const maple_predictor_info *predictor; /* a wrong name is better known before the measurements */
    q.sampling.predictor = q.predictor;
    status = maple_predictor_find(q.predictor, &predictor, error);
    if (status == MAPLE_OK)
        status = cli_sampling_check(&q.sampling, &options, error);
    if (status == MAPLE_OK)
        status = cli_setup_resolve(&q.setup, error);
    if (status == MAPLE_OK && q.output)
        status = cli_copy(q.csv, sizeof q.csv, q.output, "--output", error);
    if (status == MAPLE_OK)
        status = maple_check_writable(q.output ? q.output : "./predictions.csv", error);
    if (status == MAPLE_OK)
        status = cli_open_to_measure(&q.setup, q.name, q.counters, &q.pool, error);
    if (status == MAPLE_OK)
        status = check_pools(&q, predictor, error);
    if (status == MAPLE_OK)
        status = job(&q, error);
    cli_cache_close(&q.cache);
    maple_dataset_free(q.dataset);
    maple_free(q.archs);
    maple_free(q.latency_ms);
    maple_pool_close(q.pool);
    return status;
}

const cli_command cli_quickstart = {
    .name = "quickstart",
    .arguments = "",
    .summary = "the main job: profile, measure 10 networks, predict all, verify on 50 others",
    .details =
        "Profiles this machine, measures a few networks (those that the predictor suggests, where it does; "
        "else, or with\n--sampler random, random ones), learns from them and from the bundled "
        "pool of known\n"
        "platforms, predicts the latency of every architecture (of a space that is too large, of --random N) "
        "into a CSV\nfile, and then measures other random networks to say how well they were predicted, with "
        "simpler predictors beside\nit. Platforms of this CPU model are left out of the bundled pool (a new "
        "device would not have them) unless\n--use-siblings; both figures are shown.",
    .examples = "  maple quickstart\n  maple quickstart --engine xnnpack --samples 5 --json",
    .run = run,
};
