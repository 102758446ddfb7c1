/* SPDX-License-Identifier: Apache-2.0 */
/* Predictions of what a platform has measured, by several predictors from the same few samples. */
#include "figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void cli_predicting_options(cli_predicting *what, cli_options *options) {
    *what = (cli_predicting){
        .predictors = NULL, .leave_out = "none", .space_name = "nas-bench-201", .samples = 10, .seed = 1};
    cli_string(options, "platform", &what->platform, "NAME", "the platform (see maple pool list)");
    cli_string(options, "predictor", &what->predictors, "A,B,...",
               "predictors, written as for maple evaluate: NAME or NAME@N or\n"
               "                         NAME:OPTION=VALUE");
    cli_int(options, "samples", &what->samples, 0, 1000000, "N",
            "learn from N random networks of the platform (default 10)");
    cli_string(options, "leave-out", &what->leave_out, "WHAT",
               "learn not from: none (default), family, cpu (all platforms of this CPU model)");
    cli_string(options, "space", &what->space_name, "NAME", "search space (default nas-bench-201)");
    cli_string(options, "pool", &what->pool, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flagged_option(options, &what->flagged);
    cli_seed(options, &what->seed);
    cli_cache_option(&what->cache, options);
}

typedef struct job {
    cli_predicting *what;
    const maple_dataset *dataset;
    const maple_dataset_platform *platform;
    size_t row;
    maple_leave_out leave_out;
    size_t *samples; /* rows of the dataset: [largest number of samples] */
    size_t n_archs;  /* to predict */
    cli_predicted *out;
} job;

static maple_status find_platform(job *j, maple_error *error) {
    const cli_predicting *what = j->what;
    if (!what->platform)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--platform NAME is missing; see maple pool list");
    ptrdiff_t row = maple_dataset_platform_row(j->dataset, what->platform);
    if (row < 0)
        return maple_error_set(
            error, MAPLE_NOT_FOUND,
            "no latencies of a platform '%s' in %s: predictions can be compared with nothing; see "
            "maple pool list and maple pool list --bundled",
            what->platform, what->space_name);
    j->row = (size_t)row;
    j->platform = &j->dataset->platforms[row];
    return cli_leave_out_parse(what->leave_out, &j->leave_out, error);
}

/* What is compared: everything that was measured but the samples, the reference networks where a contender
 * uses them, and what runs the same graph as one of these. Contenders are compared on the same networks. */
static maple_status choose_networks(job *j, size_t n_samples, maple_error *error) {
    const maple_dataset *d = j->dataset;
    maple_graph_form form = j->platform->platform.graph;
    size_t n_references = 0;
    for (size_t c = 0; c < j->out->contenders.n; c++) {
        const maple_predictor_info *info = NULL;
        if (maple_predictor_find(j->out->contenders.items[c].name, &info, NULL) == MAPLE_OK &&
            info->references > 0)
            n_references = maple_space_references(d->space);
    }
    maple_arch *known = maple_alloc(n_samples + n_references + 1, sizeof *known);
    j->out->archs = maple_alloc(d->n_archs, sizeof *j->out->archs);
    j->out->measured_ms = maple_alloc(d->n_archs, sizeof *j->out->measured_ms);
    if (!known || !j->out->archs || !j->out->measured_ms) {
        maple_free(known);
        return maple_error_memory(error);
    }
    for (size_t i = 0; i < n_samples; i++)
        known[i] = maple_space_canonical(d->space, form, &d->archs[j->samples[i]]);
    for (size_t i = 0; i < n_references; i++) {
        maple_arch reference = maple_space_reference(d->space, i);
        known[n_samples + i] = maple_space_canonical(d->space, form, &reference);
    }
    for (size_t i = 0; i < d->n_archs; i++) {
        maple_arch graph = maple_space_canonical(d->space, form, &d->archs[i]);
        bool is_known = !isfinite(j->platform->latency_ms[i]);
        for (size_t k = 0; k < n_samples + n_references && !is_known; k++)
            is_known = maple_arch_equal(&graph, &known[k]);
        if (is_known)
            continue;
        j->out->archs[j->n_archs] = d->archs[i];
        j->out->measured_ms[j->n_archs++] = j->platform->latency_ms[i];
    }
    maple_free(known);
    return j->n_archs > 0
               ? MAPLE_OK
               : maple_error_set(error, MAPLE_BAD_INPUT,
                                 "%s has no measured network besides the %zu samples: measure more, or "
                                 "take fewer samples",
                                 j->what->platform, n_samples);
}

static maple_status draw_samples(job *j, maple_error *error) {
    int most = 0;
    for (size_t c = 0; c < j->out->contenders.n; c++) {
        int wanted = cli_contender_samples(&j->out->contenders.items[c], j->what->samples);
        most = wanted > most ? wanted : most;
    }
    j->samples = maple_alloc((size_t)most + 1, sizeof *j->samples);
    if (!j->samples)
        return maple_error_memory(error);
    maple_status status = MAPLE_OK;
    if (most > 0)
        status =
            maple_sampler_draw(j->dataset, j->row, "random", (size_t)most, j->what->seed, j->samples, error);
    return status == MAPLE_OK ? choose_networks(j, (size_t)most, error) : status;
}

static maple_status fit(const job *j, const maple_contender *contender, maple_predictor **out,
                        maple_error *error) {
    size_t n = (size_t)cli_contender_samples(contender, j->what->samples);
    maple_arch *archs = maple_alloc(n + 1, sizeof *archs);
    double *latency_ms = maple_alloc(n + 1, sizeof *latency_ms);
    maple_status status = archs && latency_ms ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        archs[i] = j->dataset->archs[j->samples[i]];
        latency_ms[i] = j->platform->latency_ms[j->samples[i]];
    }
    cli_fit_job request = {.predictor = contender->name,
                           .options = contender->options,
                           .dataset = j->dataset,
                           .platform = j->platform,
                           .leave_out = j->leave_out,
                           .archs = archs,
                           .latency_ms = latency_ms,
                           .n_samples = n,
                           .seed = j->what->seed,
                           .cache = &j->what->cache};
    if (status == MAPLE_OK)
        status = cli_run_fit(&request, out, error);
    maple_free(archs);
    maple_free(latency_ms);
    return status;
}

static maple_status predict(const job *j, size_t c, maple_error *error) {
    const maple_contender *contender = &j->out->contenders.items[c];
    maple_predictor *predictor = NULL;
    cli_predictions p = {0};
    maple_status status = fit(j, contender, &predictor, error);
    if (status == MAPLE_OK)
        status = cli_predict_archs(predictor, j->out->archs, j->n_archs, &p, error);
    if (status == MAPLE_OK) {
        const maple_predictions predictions = {p.latency_ms, p.lower_ms, p.upper_ms};
        status =
            maple_metrics_compute(j->out->measured_ms, &predictions, j->n_archs, &j->out->metrics[c], error);
    }
    if (status == MAPLE_OK) {
        j->out->predicted_ms[c] = p.latency_ms;
        p.latency_ms = NULL;
        j->out->series[c] =
            (maple_figure_predictions){.label = contender->label ? contender->label : contender->name,
                                       .n = j->n_archs,
                                       .archs = j->out->archs,
                                       .measured_ms = j->out->measured_ms,
                                       .predicted_ms = j->out->predicted_ms[c]};
    } else {
        maple_error_prefix(error, status, "%s", contender->label ? contender->label : contender->name);
    }
    cli_predictions_free(&p);
    maple_predictor_free(predictor);
    return status;
}

/* "7 other platforms (none of family ...)" */
static maple_status say_sources(const job *j, maple_error *error) {
    size_t *rows, n;
    maple_status status = cli_sources(j->dataset, &j->platform->platform, j->leave_out, &rows, &n, error);
    if (status != MAPLE_OK)
        return status;
    maple_free(rows);
    static const char *const WHICH[] = {"", ", none of its family", ", none of its CPU model"};
    snprintf(j->out->learned_from, sizeof j->out->learned_from, "%zu other platform%s%s", n, cli_plural(n),
             WHICH[j->leave_out]);
    return MAPLE_OK;
}

maple_status cli_predict_measured(cli_predicting *what, const maple_dataset *dataset, cli_predicted *out,
                                  maple_error *error) {
    *out = (cli_predicted){0};
    job j = {.what = what, .dataset = dataset, .out = out};
    maple_status status = find_platform(&j, error);
    if (status == MAPLE_OK)
        status = cli_contenders_parse(what->predictors ? what->predictors : "gp", &out->contenders, error);
    if (status == MAPLE_OK && out->contenders.n > MAPLE_FIGURE_SERIES)
        status = maple_error_set(error, MAPLE_BAD_ARGUMENT, "--predictor: %zu predictors, a figure holds %d",
                                 out->contenders.n, MAPLE_FIGURE_SERIES);
    if (status == MAPLE_OK)
        status = say_sources(&j, error);
    if (status == MAPLE_OK)
        status = draw_samples(&j, error);
    if (status == MAPLE_OK) {
        out->n = out->contenders.n;
        out->series = maple_alloc(out->n, sizeof *out->series);
        out->metrics = maple_alloc(out->n, sizeof *out->metrics);
        out->predicted_ms = maple_alloc(out->n, sizeof *out->predicted_ms);
        if (!out->series || !out->metrics || !out->predicted_ms)
            status = maple_error_memory(error);
    }
    for (size_t c = 0; status == MAPLE_OK && c < out->n; c++)
        status = predict(&j, c, error);
    maple_free(j.samples);
    cli_cache_close(&what->cache);
    return status;
}

void cli_predicted_free(cli_predicted *predicted) {
    for (size_t c = 0; predicted->predicted_ms && c < predicted->n; c++)
        maple_free(predicted->predicted_ms[c]);
    maple_free(predicted->predicted_ms);
    maple_free(predicted->series);
    maple_free(predicted->metrics);
    maple_free(predicted->archs);
    maple_free(predicted->measured_ms);
    cli_contenders_free(&predicted->contenders);
    *predicted = (cli_predicted){0};
}
