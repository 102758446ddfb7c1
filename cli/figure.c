/* SPDX-License-Identifier: Apache-2.0 */
/* maple figure distances, predictions, curve: one command for each kind (fronts: figure_fronts.c). */
#include "figure.h"

#include <stdio.h>
#include <string.h>

void cli_figure_options(maple_figure_output *output, cli_options *options) {
    cli_string(options, "output", &output->stem, "NAME", "write NAME.tsv, NAME.gp, NAME.svg, NAME.png");
    cli_string(options, "title", &output->title, "TEXT", "title of the figure, instead of its own");
}

maple_status cli_figure_check(const maple_figure_output *output, maple_error *error) {
    if (!output->stem)
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "--output NAME is missing: NAME.tsv, NAME.gp, NAME.svg and NAME.png are written");
    return MAPLE_OK;
}

maple_status cli_figure_say(const maple_figure_output *output, maple_error *error) {
    printf("%s.svg\n%s.png\n", output->stem, output->stem);
    return cli_flush(error);
}

/* --- distances --- */

typedef struct distances_job {
    pool_reading reading;
    maple_figure_output output;
    const char *measure_name;
    maple_distance_measure measure;
} distances_job;

static maple_status distances(maple_pool *pool, void *user, maple_error *error) {
    const distances_job *job = user; /* its first member is what was read with */
    const maple_space *space;
    maple_dataset *dataset = NULL;
    maple_status status = maple_space_find(job->reading.space_name, &space, error);
    if (status == MAPLE_OK)
        status = maple_dataset_load(&pool, 1, space, &dataset, error);
    if (status == MAPLE_OK)
        status = maple_figure_distances(dataset, job->measure, &job->output, error);
    maple_dataset_free(dataset);
    return status;
}

static maple_status run_distances(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    distances_job job = {.measure_name = "descriptor"};
    cli_reading_options(&job.reading, &options);
    cli_string(&options, "space", &job.reading.space_name, "NAME", "search space (default nas-bench-201)");
    cli_string(&options, "measure", &job.measure_name, "WHAT", "descriptor (default), operators or counters");
    cli_choices(&options, "descriptor operators counters");
    cli_figure_options(&job.output, &options);
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    status = cli_figure_check(&job.output, error);
    if (status == MAPLE_OK)
        status = maple_distance_measure_parse(job.measure_name, &job.measure, error);
    if (status == MAPLE_OK)
        status = cli_with_readable_pool(&job.reading, distances, error);
    return status == MAPLE_OK ? cli_figure_say(&job.output, error) : status;
}

const cli_command cli_figure_distances = {
    .name = "figure distances",
    .arguments = "",
    .summary = "a map of the distances between descriptors",
    .details =
        "Draws what maple pool distances lists: a heat map over all pairs of platforms, and the plane "
        "that keeps the\ndistances best (classical scaling). NAME.tsv and NAME-map.tsv hold the numbers, "
        "NAME.gp draws them again.\nNeeds gnuplot; without it data and script are written, and the "
        "exit code is 5.",
    .examples = "  maple figure distances --bundled --output distances\n"
                "  maple figure distances --measure operators --output operators",
    .run = run_distances,
};

/* --- predictions --- */

static maple_status draw_predictions(cli_predicting *what, const maple_space *space,
                                     const maple_dataset *dataset, const maple_figure_output *output,
                                     maple_error *error) {
    cli_predicted predicted;
    char title[320];
    maple_status status = cli_predict_measured(what, dataset, &predicted, error);
    if (status == MAPLE_OK) {
        maple_figure_output titled = *output;
        snprintf(title, sizeof title, "%s, %d samples", what->platform, what->samples);
        titled.title = output->title ? output->title : title;
        status = maple_figure_predicted(space, predicted.series, predicted.n, &titled, error);
    }
    cli_predicted_free(&predicted);
    return status;
}

static maple_status run_predictions(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    cli_predicting what;
    maple_figure_output output = {0};
    const maple_space *space;
    maple_pool *user = NULL;
    maple_dataset *dataset = NULL;
    cli_predicting_options(&what, &options);
    cli_figure_options(&output, &options);
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    status = cli_figure_check(&output, error);
    if (status == MAPLE_OK)
        status = maple_space_find(what.space_name, &space, error);
    if (status == MAPLE_OK)
        status = cli_open_user_pool(what.pool, &user, error);
    if (status == MAPLE_OK)
        status = cli_load_dataset(user, space, what.flagged, &dataset, error);
    if (status == MAPLE_OK)
        status = draw_predictions(&what, space, dataset, &output, error);
    maple_dataset_free(dataset);
    maple_pool_close(user);
    return status == MAPLE_OK ? cli_figure_say(&output, error) : status;
}

const cli_command cli_figure_predictions = {
    .name = "figure predictions",
    .arguments = "",
    .summary = "predicted against measured latency, predictors side by side",
    .details =
        "Every predictor learns from the same random networks of the platform and from the other platforms "
        "(yours "
        "and the\nbundled ones) and predicts the platform's other measured networks. A panel for each, with "
        "bands "
        "of ±1, ±5 and ±10 %,\nthe share of networks in them, and the distribution of relative errors.\n"
        "NAME.tsv holds every pair, NAME.gp draws it again. Needs gnuplot; without it data and script are "
        "written, "
        "and the exit\ncode is 5.",
    .examples =
        "  maple figure predictions --platform my-laptop --predictor gp,maple,lut-fit --output laptop\n"
        "  maple figure predictions --platform xeon-2.50ghz-onednn-avx512-1t-b1-pruned --leave-out family "
        "\\\n"
        "      --predictor gp,maple,lut,flops --samples 3 --output predictions",
    .run = run_predictions,
};

/* --- curve --- */

typedef struct curve_job {
    maple_report_curves what;
    maple_figure_output output;
    const char *scoring;
} curve_job;

static maple_status run_curve(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    curve_job job = {.what = {.x = "measured", .metric = "acc10"}, .scoring = "unmeasured"};
    maple_report_rows rows = {0};
    cli_string(&options, "x", &job.what.x, "WHAT",
               "networks measured on the device (measured, default), of which samples\n"
               "                         (samples), train_archs, sources (known devices)");
    cli_choices(&options, "measured samples train_archs sources");
    cli_string(&options, "metric", &job.what.metric, "WHAT",
               "acc10 (default), acc5, acc1, spearman, kendall, mape, coverage90");
    cli_choices(&options, "acc10 acc5 acc1 spearman kendall mape coverage90");
    cli_string(&options, "scoring", &job.scoring, "SET", "which networks were scored (default unmeasured)");
    cli_string(&options, "task", &job.what.task, "NAME", "the task, where rows are of several");
    cli_string(&options, "target", &job.what.target, "NAME", "one device (default: the mean over devices)");
    cli_figure_options(&job.output, &options);
    maple_status status = cli_parse(self, &options, argc, argv, 1, -1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    status = cli_figure_check(&job.output, error);
    if (status == MAPLE_OK)
        status = maple_scoring_find(job.scoring, &job.what.scoring, error);
    for (int i = 0; status == MAPLE_OK && i < options.n_arguments; i++)
        status = maple_report_rows_read(options.arguments[i], &rows, error);
    if (status == MAPLE_OK)
        status = maple_report_draw_curves(&rows, &job.what, &job.output, error);
    maple_report_rows_free(&rows);
    return status == MAPLE_OK ? cli_figure_say(&job.output, error) : status;
}

const cli_command cli_figure_curve = {
    .name = "figure curve",
    .arguments = "ROWS ...",
    .summary = "accuracy against samples, training networks or known devices",
    .details = "Draws one curve for each predictor from what maple evaluate --json (or --csv) printed; rows "
               "of several "
               "files are put\ntogether. Bars are one standard deviation: over the trials of a row, or, "
               "where several rows "
               "have the same predictor and\nx (files of other seeds), over these. Only acc10 and spearman "
               "have a deviation "
               "over trials.\nNeeds gnuplot; without it data and script are written, and the exit code is 5.",
    .examples = "  maple evaluate --bundled --leave-out family --samples 3,5,10,20 --predictor gp,lut-fit "
                "--json > rows.json\n"
                "  maple figure curve rows.json --output samples\n"
                "  maple figure curve known-*.json --x sources --metric spearman --output known",
    .run = run_curve,
};
