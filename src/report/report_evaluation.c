/* SPDX-License-Identifier: Apache-2.0 */
/* The report on an evaluation. */
#include "report/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct task {
    const maple_report_evaluation *request;
    const char *name, *space;
    maple_report_rows rows; /* of this task and space alone */
    maple_report_curves curves;
} task;

static bool same_task(const maple_report_row *a, const maple_report_row *b) {
    return strcmp(a->row.task, b->row.task) == 0 && strcmp(a->space, b->space) == 0;
}

static void add_number_range(html *h, const char *name, const task *t,
                             double (*of)(const maple_report_row *)) {
    double low = INFINITY, high = -INFINITY;
    char text[80];
    for (size_t i = 0; i < t->rows.n; i++) {
        double value = of(&t->rows.items[i]);
        if (isfinite(value)) {
            low = fmin(low, value);
            high = fmax(high, value);
        }
    }
    if (low > high)
        snprintf(text, sizeof text, "%s", isinf(of(&t->rows.items[0])) ? "all that it has" : "not told");
    else if (low == high)
        snprintf(text, sizeof text, "%.6g", low);
    else
        snprintf(text, sizeof text, "%.6g to %.6g", low, high);
    html_fact(h, name, text);
}

static double trials_of(const maple_report_row *row) {
    return row->row.trials;
}
static double archs_of(const maple_report_row *row) {
    return row->train_archs;
}
static double sources_of(const maple_report_row *row) {
    return row->row.sources;
}
static double samples_of(const maple_report_row *row) {
    return row->row.samples;
}

/* Each once; of files of several seeds there are several. */
static void add_seeds(html *h, const task *t) {
    maple_text text = {0};
    for (size_t i = 0; i < t->rows.n; i++) {
        const char *seed = t->rows.items[i].seed;
        bool seen = !*seed;
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(t->rows.items[k].seed, seed) == 0;
        if (!seen)
            maple_text_addf(&text, "%s%s", text.length > 0 ? ", " : "", seed);
    }
    html_fact(h, "seed of the draws", text.length > 0 ? text.data : "not told");
    h->out->failed |= text.failed;
    maple_text_free(&text);
}

static void add_facts(html *h, const task *t) {
    char text[64];
    size_t targets = 0;
    for (size_t i = 0; i < t->rows.n; i++) {
        bool seen = !*t->rows.items[i].row.target;
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(t->rows.items[k].row.target, t->rows.items[i].row.target) == 0;
        targets += !seen;
    }
    snprintf(text, sizeof text, "%zu", targets);
    maple_text_add(h->out, "<table class=\"facts\">\n<tbody>\n");
    html_fact(h, "search space", t->space);
    html_fact(h, "devices that were predicted", text);
    add_number_range(h, "devices learned from", t, sources_of);
    add_number_range(h, "training networks on each", t, archs_of);
    add_number_range(h, "samples of the device", t, samples_of);
    html_fact(h, "samples chosen by", t->rows.items[0].sampler);
    add_number_range(h, "draws (trials)", t, trials_of);
    add_seeds(h, t);
    html_fact(h, "networks that were scored", maple_scoring_name(t->request->scoring));
    maple_text_add(h->out, "</tbody>\n</table>\n");
}

enum { TABLE_COLUMNS = REPORT_METRIC_COLUMNS + 3 };

/* Three figures, as maple evaluate shows it; what is shorter than these is not nothing. */
static void add_time(html *h, double ms) {
    if (ms > 0 && ms < 0.005)
        html_cell(h, true, "< 0.01");
    else
        html_number(h, ms, ms >= 99.95 ? 0 : ms >= 9.995 ? 1 : 2);
}

static void add_row(html *h, const task *t, const maple_report_row *item) {
    const maple_evaluation_row *row = &item->row;
    const maple_score *score = &row->scores[t->request->scoring];
    maple_text_add(h->out, "<tr>");
    html_cell(h, false, row->predictor);
    if (!score->valid) {
        maple_text_addf(h->out, "<td colspan=\"%d\">", TABLE_COLUMNS - 1);
        html_text(h, *row->reason ? row->reason : "not scored on these networks");
        maple_text_add(h->out, "</td></tr>\n");
        return;
    }
    html_number(h, row->measured, fabs(row->measured - round(row->measured)) < 0.05 ? 0 : 1);
    report_cells(h, &score->mean, &score->sd);
    add_time(h, row->adapt_ms);
    maple_text_add(h->out, "</tr>\n");
}

/* Rows of one device ("": means), in their order. Of CSV each scoring set is a line of its own: others are
 * skipped. */
static void add_rows(html *h, const task *t, const char *target) {
    for (size_t i = 0; i < t->rows.n; i++) {
        const maple_report_row *row = &t->rows.items[i];
        bool other = !row->row.scores[t->request->scoring].valid && !*row->row.reason;
        if (strcmp(row->row.target, target) == 0 && !other)
            add_row(h, t, row);
    }
}

/* Names of devices are long: each stands in a line of its own above its rows. */
static void add_table(html *h, const task *t, bool means) {
    static const char *const FIRST[] = {"predictor", "measured"};
    report_table(h, FIRST, "wn", "adapt (ms)");
    if (means)
        add_rows(h, t, "");
    for (size_t i = 0; i < t->rows.n && !means; i++) {
        const char *target = t->rows.items[i].row.target;
        bool seen = !*target;
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(t->rows.items[k].row.target, target) == 0;
        if (seen)
            continue;
        maple_text_addf(h->out, "<tr class=\"group\"><th colspan=\"%d\" scope=\"colgroup\">", TABLE_COLUMNS);
        html_text(h, target);
        maple_text_add(h->out, "</th></tr>\n");
        add_rows(h, t, target);
    }
    html_table_end(h);
}

static maple_status draw(const void *user, const maple_figure_output *output, maple_error *error) {
    const task *t = user;
    return maple_report_draw_curves(&t->rows, &t->curves, output, error);
}

static double acc10_of(const maple_metrics *metrics) {
    return metrics->acc10;
}
static double spearman_of(const maple_metrics *metrics) {
    return metrics->spearman;
}

/* A mean over devices that has the metric. */
static bool is_point(const task *t, const maple_report_row *row, double (*metric)(const maple_metrics *)) {
    const maple_score *score = &row->row.scores[t->request->scoring];
    return !*row->row.target && score->valid && isfinite(metric(&score->mean));
}

/* Whether one predictor was scored at two or more places of x: else there is no curve. */
static bool is_curve(const task *t, double (*of)(const maple_report_row *),
                     double (*metric)(const maple_metrics *)) {
    for (size_t i = 0; i < t->rows.n; i++) {
        const maple_report_row *a = &t->rows.items[i];
        for (size_t k = 0; k < i; k++) {
            const maple_report_row *b = &t->rows.items[k];
            if (is_point(t, a, metric) && is_point(t, b, metric) &&
                strcmp(a->row.predictor, b->row.predictor) == 0 && isfinite(of(a)) && isfinite(of(b)) &&
                of(a) != of(b))
                return true;
        }
    }
    return false;
}

static maple_status add_curves(html *h, task *t, maple_error *error) {
    static const struct {
        const char *x, *words;
        double (*of)(const maple_report_row *);
    } XS[] = {{"samples", "the number of measured networks", samples_of},
              {"train_archs", "the number of training networks on each known device", archs_of},
              {"sources", "the number of known devices", sources_of}};
    static const struct {
        const char *name, *words;
        double (*of)(const maple_metrics *);
    } METRICS[] = {{"acc10", "Share of networks predicted within ±10 %", acc10_of},
                   {"spearman", "Rank correlation (Spearman)", spearman_of}};
    maple_status status = MAPLE_OK;
    for (size_t i = 0; i < sizeof XS / sizeof *XS; i++) {
        for (size_t m = 0; m < 2 && status == MAPLE_OK && is_curve(t, XS[i].of, METRICS[m].of); m++) {
            char caption[200], title[120];
            t->curves = (maple_report_curves){
                .x = XS[i].x, .metric = METRICS[m].name, .scoring = t->request->scoring};
            snprintf(title, sizeof title, "%s, mean over devices", t->name);
            snprintf(caption, sizeof caption,
                     "%s against %s, mean over devices; bars: one standard deviation.", METRICS[m].words,
                     XS[i].words);
            status = html_figure(h, draw, t, title, caption, error);
        }
    }
    return status;
}

static maple_status add_task(html *h, task *t, maple_error *error) {
    char head[120];
    snprintf(head, sizeof head, "%.40s on %.40s", t->name, *t->space ? t->space : "an unnamed space");
    maple_text_add(h->out, "<section>\n");
    html_element(h, "h2", head);
    add_facts(h, t);
    html_element(h, "h3", "Mean over devices");
    add_table(h, t, true);
    maple_status status = add_curves(h, t, error);
    html_element(h, "h3", "Each device");
    add_table(h, t, false);
    maple_text_add(h->out, "</section>\n");
    return status;
}

static maple_status add_tasks(html *h, const maple_report_evaluation *request, maple_error *error) {
    const maple_report_rows *all = request->rows;
    maple_report_row *own = maple_alloc(all->n, sizeof *own);
    maple_status status = own ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < all->n; i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen = seen || same_task(&all->items[i], &all->items[k]);
        if (seen)
            continue;
        task t = {.request = request,
                  .name = all->items[i].row.task,
                  .space = all->items[i].space,
                  .rows.items = own};
        for (size_t k = i; k < all->n; k++) {
            if (same_task(&all->items[i], &all->items[k]))
                own[t.rows.n++] = all->items[k];
        }
        status = add_task(h, &t, error);
    }
    maple_free(own);
    return status;
}

/* The evaluations that the rows are of, and the report itself. */
static void add_commands(html *h, const maple_report_evaluation *request) {
    const maple_report_rows *rows = request->rows;
    maple_text commands = {0};
    size_t without = 0;
    for (size_t i = 0; i < rows->n; i++)
        without += rows->items[i].command == NULL;
    for (size_t i = 0; i < rows->n_commands; i++) {
        maple_text_add(&commands, rows->commands[i]);
        if (rows->n_commands == 1 && without == 0) {
            maple_text_add(&commands, " > ");
            maple_text_add_word(&commands, request->source);
        }
        maple_text_add(&commands, "\n");
    }
    maple_text_add(&commands, request->command);
    html_element(h, "h2", "How to make it again");
    html_commands(h, commands.failed ? "" : commands.data);
    if (without == rows->n)
        html_element(
            h, "p class=\"note\"",
            "The command that evaluated is not told by these rows: of maple evaluate --csv, or of an "
            "older maple evaluate --json.");
    else if (without > 0)
        html_element(
            h, "p class=\"note\"",
            "Some of these rows do not tell the command that evaluated them (an older maple evaluate "
            "--json).");
    else if (rows->n_commands > 1)
        html_element(h, "p class=\"note\"",
                     "These rows are of several evaluations, put together in one file.");
    html_element(h, "p class=\"note\"", "Made by maple " MAPLE_VERSION ".");
    h->out->failed |= commands.failed;
    maple_text_free(&commands);
}

maple_status maple_report_of_evaluation(const maple_report_evaluation *request, maple_text *out,
                                        maple_error *error) {
    html h = {.out = out, .gnuplot = request->gnuplot};
    if (request->rows->n == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: no rows: nothing to report", request->source);
    html_begin(&h, "How well latencies are predicted");
    maple_text_add(out, "<p>");
    html_textf(&h,
               "From %s. A device is predicted from other devices and a few networks measured on it; "
               "predictions are "
               "compared with its other measured networks.",
               request->source);
    maple_text_add(out, "</p>\n");
    maple_status status = add_tasks(&h, request, error);
    report_explain(&h, "Measured: different networks measured on the device for a predictor. a ± b: mean and "
                       "standard deviation over draws. ");
    add_commands(&h, request);
    html_end(&h);
    if (status == MAPLE_OK && out->failed)
        status = maple_error_memory(error);
    if (status != MAPLE_OK)
        maple_text_free(out);
    return status;
}
