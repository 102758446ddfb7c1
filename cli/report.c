/* SPDX-License-Identifier: Apache-2.0 */
/* maple report: one HTML file about a platform, or about an evaluation. */
#include "figure.h"

#include <stdio.h>
#include <string.h>

typedef struct report_job {
    cli_predicting what;
    const char *evaluation, *output, *scoring;
    char *command;
} report_job;

/* The pool that has the platform: the user's, else the bundled one. */
static maple_status find_pool(const report_job *job, maple_pool *user, maple_pool **bundled, maple_pool **out,
                              maple_platform *platform, maple_error *error) {
    char path[4096];
    maple_status status = MAPLE_NOT_FOUND;
    *out = user;
    if (user)
        status = maple_pool_find_platform(user, job->what.platform, platform, error);
    if (status != MAPLE_NOT_FOUND)
        return status;
    if (cli_bundled_path(path, NULL) == MAPLE_OK) {
        status = maple_pool_open(path, MAPLE_POOL_IMMUTABLE, bundled, error);
        if (status != MAPLE_OK)
            return status;
        *out = *bundled;
        status = maple_pool_find_platform(*bundled, job->what.platform, platform, error);
    }
    if (status != MAPLE_NOT_FOUND)
        return status;
    return maple_error_set(error, status, "no platform '%s' in %s or the bundled pool; see maple pool list",
                           job->what.platform,
                           user ? maple_pool_path(user) : "your pool (there is none yet)");
}

/* Bundled platforms, and the user's: what it is compared with and learned from. */
static maple_status report_platform(report_job *job, maple_pool *user, maple_text *html, maple_error *error) {
    maple_report_platform request = {.command = job->command, .pool_file = job->what.pool};
    maple_report_quality quality = {.samples = (size_t)job->what.samples, .seed = job->what.seed};
    maple_pool *bundled = NULL;
    maple_dataset *dataset = NULL;
    cli_predicted predicted = {0};
    maple_status status = maple_space_find(job->what.space_name, &request.space, error);
    if (status == MAPLE_OK)
        status = find_pool(job, user, &bundled, &request.pool, &request.platform, error);
    if (status == MAPLE_OK)
        status = cli_load_dataset(user, request.space, job->what.flagged, &dataset, error);
    if (status == MAPLE_OK && job->what.predictors) {
        status = cli_predict_measured(&job->what, dataset, &predicted, error);
        quality.series = predicted.series;
        quality.metrics = predicted.metrics;
        quality.n = predicted.n;
        quality.learned_from = predicted.learned_from;
        request.quality = &quality;
    }
    request.bundled = bundled && request.pool == bundled;
    request.dataset = dataset;
    if (status == MAPLE_OK)
        status = maple_report_of_platform(&request, html, error);
    cli_predicted_free(&predicted);
    maple_dataset_free(dataset);
    maple_pool_close(bundled);
    return status;
}

static maple_status report_evaluation(const report_job *job, maple_text *html, maple_error *error) {
    maple_report_rows rows = {0};
    maple_scoring scoring = MAPLE_SCORE_ALL;
    maple_status status = maple_scoring_find(job->scoring, &scoring, error);
    if (status == MAPLE_OK)
        status = maple_report_rows_read(job->evaluation, &rows, error);
    const maple_report_evaluation request = {
        .rows = &rows, .source = job->evaluation, .scoring = scoring, .command = job->command};
    if (status == MAPLE_OK)
        status = maple_report_of_evaluation(&request, html, error);
    maple_report_rows_free(&rows);
    return status;
}

static maple_status check(const report_job *job, const cli_options *options, maple_error *error) {
    static const char *const OF_PLATFORM[] = {"predictor", "samples", "leave-out", "space",
                                              "pool",      "flagged", "seed",      "cache"};
    if (!job->output)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--output FILE is missing");
    if (!job->what.platform == !job->evaluation)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "give either --platform NAME or --evaluation FILE");
    for (size_t i = 0; job->evaluation && i < sizeof OF_PLATFORM / sizeof *OF_PLATFORM; i++) {
        if (cli_given(options, OF_PLATFORM[i]))
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--evaluation and --%s exclude each other",
                                   OF_PLATFORM[i]);
    }
    if (job->what.platform && cli_given(options, "scoring"))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--platform and --scoring exclude each other");
    for (int i = 0; job->what.platform && !job->what.predictors && i < 3; i++) {
        if (cli_given(options, OF_PLATFORM[i]))
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--%s needs --predictor A,B,...",
                                   OF_PLATFORM[i]);
    }
    return maple_check_writable(job->output, error);
}

static maple_status write_report(report_job *job, maple_error *error) {
    maple_pool *user = NULL;
    maple_text html = {0};
    maple_status status = MAPLE_OK;
    if (job->evaluation)
        status = report_evaluation(job, &html, error);
    else
        status = cli_open_user_pool(job->what.pool, &user, error);
    if (status == MAPLE_OK && !job->evaluation)
        status = report_platform(job, user, &html, error);
    if (status == MAPLE_OK)
        status = maple_write_file(job->output, html.data, html.length, error);
    if (status == MAPLE_OK && !strstr(html.data, "<svg"))
        cli_say("%s has tables only: no figure could be drawn, or there was none to draw (figures need "
                "gnuplot: apt "
                "install gnuplot-nox)",
                job->output);
    maple_text_free(&html);
    maple_pool_close(user);
    if (status != MAPLE_OK)
        return status;
    puts(job->output);
    return cli_flush(error);
}

static maple_status run_report(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    report_job job = {.scoring = "unmeasured"};
    cli_predicting_options(&job.what, &options);
    cli_string(&options, "evaluation", &job.evaluation, "FILE",
               "rows of maple evaluate --json (or --csv), instead of --platform");
    cli_string(&options, "scoring", &job.scoring, "SET", "which networks were scored (default unmeasured)");
    cli_string(&options, "output", &job.output, "FILE", "where the report goes (HTML)");
    maple_status status = cli_keep_command(self, argc, argv, &job.command, error);
    if (status == MAPLE_OK)
        status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status == MAPLE_OK && !options.help)
        status = check(&job, &options, error);
    if (status == MAPLE_OK && !options.help)
        status = write_report(&job, error);
    maple_free(job.command);
    return status;
}

const cli_command cli_report = {
    .name = "report",
    .arguments = "",
    .summary = "one HTML file about a platform or an evaluation",
    .details = "Writes one file that opens in a browser and prints, and needs nothing else: no network, no "
               "script; figures are "
               "inline\n(SVG, drawn by gnuplot; without it the report has tables only, and says so).\n"
               "Of a platform (yours or a bundled one): what was measured on what, how labels spread and "
               "repeat, which are "
               "flagged,\noperators with counters, the nearest platforms, and, with --predictor, how well "
               "its other measured "
               "networks are\npredicted. Of an evaluation: tables and curves of its rows.",
    .examples =
        "  maple report --platform my-laptop --output laptop.html\n"
        "  maple report --platform my-laptop --predictor gp,lut-fit --samples 10 --output laptop.html\n"
        "  maple evaluate --bundled --leave-out family --predictor gp,lut-fit --samples 3,10 --json > "
        "rows.json\n"
        "  maple report --evaluation rows.json --output evaluation.html",
    .run = run_report,
};
