/* SPDX-License-Identifier: Apache-2.0 */
/* The report on a platform: what was measured on what, and how well it is predicted. */
#include "report/html.h"
#include "report/parts.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- What was measured on what --- */

static void add_scalar(html *h, const char *name, const cJSON *item) {
    char number[40];
    const char *value = cJSON_GetStringValue(item);
    if (cJSON_IsNumber(item)) {
        snprintf(number, sizeof number, "%.10g", item->valuedouble);
        value = number;
    }
    html_fact(h, name, value ? value : "not visible");
}

/* What the pool has of it: under names for people, the rest under its own. */
static void add_environment(html *h, const cJSON *environment) {
    static const char *const NAMES[][2] = {{"system", "system"},
                                           {"kernel", "kernel"},
                                           {"hypervisor", "hypervisor"},
                                           {"architecture", "architecture"},
                                           {"isa", "best vector instructions"},
                                           {"cores", "cores that could be used"},
                                           {"caches", "caches"},
                                           {"frequency_mhz", "clock (MHz)"},
                                           {"governor", "frequency governor"},
                                           {"compiler", "compiler of maple"},
                                           {"load_average", "load average (1 minute) at the start"},
                                           {"perf_event_paranoid", "perf_event_paranoid"},
                                           {"undisturbed_probe_ns", "probe loop, undisturbed (ns)"},
                                           {"date", "measured from (UTC)"}};
    enum { N_NAMES = sizeof NAMES / sizeof *NAMES };
    for (size_t i = 0; i < N_NAMES; i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(environment, NAMES[i][0]);
        if (item)
            add_scalar(h, NAMES[i][1], item);
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, environment) {
        bool named = !item->string || strcmp(item->string, "cpu") == 0; /* the platform's own */
        for (size_t i = 0; i < N_NAMES && !named; i++)
            named = strcmp(item->string, NAMES[i][0]) == 0;
        if (!named && (cJSON_IsNumber(item) || cJSON_IsString(item)))
            add_scalar(h, item->string, item);
    }
}

static void say_counters(const maple_platform *platform, char out[200]) {
    const maple_counter_info *info = NULL;
    for (size_t i = 0; i < maple_counters_count() && !info; i++) {
        const maple_counter_info *one = maple_counters_at(i);
        info = strcmp(one->name, platform->counters) == 0 ? one : NULL;
    }
    if (!*platform->counters || strcmp(platform->counters, "none") == 0)
        snprintf(out, 200, "none");
    else if (info && info->simulated)
        snprintf(out, 200, "%s: simulated, not counted by the processor", platform->counters);
    else
        snprintf(out, 200, "%s%s", platform->counters, info ? ": counted by the processor" : "");
}

static maple_status add_identity(html *h, const maple_report_platform *r, maple_error *error) {
    const maple_platform *p = &r->platform;
    char *text, counters[200], number[32];
    maple_status status = maple_pool_environment(r->pool, p->id, &text, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *environment = cJSON_Parse(text);
    maple_free(text);
    say_counters(p, counters);
    html_element(h, "h2", "What was measured, on what");
    maple_text_add(h->out, "<table class=\"facts\">\n<tbody>\n");
    html_fact(h, "host processor", p->cpu);
    html_fact(h, "device that executes", p->device);
    html_fact(h, "engine", p->engine);
    html_fact(h, "engine version", p->engine_version);
    html_fact(h, "instruction set used", p->isa);
    html_fact(h, "numbers computed with", p->dtype);
    snprintf(number, sizeof number, "%d", p->threads);
    html_fact(h, "threads", p->threads > 0 ? number : NULL);
    snprintf(number, sizeof number, "%d", p->batch);
    html_fact(h, "batch", p->batch > 0 ? number : NULL);
    html_fact(h, "graphs",
              p->graph == MAPLE_GRAPH_PRUNED ? "pruned: what has no effect does not run"
                                             : "as written: every operator runs");
    html_fact(h, "counters", counters);
    html_fact(h, "search space", maple_space_name(r->space));
    if (environment && environment->child)
        add_environment(h, environment);
    else
        html_fact(h, "environment", "not recorded (measured elsewhere and imported)");
    maple_text_add(h->out, "</tbody>\n</table>\n");
    cJSON_Delete(environment);
    return MAPLE_OK;
}

/* --- Predictions --- */

/* One figure's share of the predictors. */
typedef struct panels {
    const maple_space *space;
    const maple_figure_predictions *series;
    size_t n;
} panels;

static maple_status draw_quality(const void *user, const maple_figure_output *output, maple_error *error) {
    const panels *p = user;
    return maple_figure_predicted(p->space, p->series, p->n, output, error);
}

/* Two panels side by side can still be read on paper. */
static maple_status add_panels(html *h, const maple_report_platform *r, maple_error *error) {
    const maple_report_quality *q = r->quality;
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < q->n; i += 2) {
        const panels p = {r->space, q->series + i, q->n - i < 2 ? q->n - i : 2};
        char caption[320];
        snprintf(caption, sizeof caption,
                 "Predicted against measured latency, %.80s%s%.80s; grey bands: ±1, ±5 and ±10 %% of the "
                 "measured latency; insets: distribution of relative errors.",
                 p.series[0].label, p.n > 1 ? " and " : "", p.n > 1 ? p.series[1].label : "");
        status = html_figure(h, draw_quality, &p, "Predicted against measured latency", caption, error);
    }
    return status;
}

static maple_status add_quality(html *h, const maple_report_platform *r, maple_error *error) {
    const maple_report_quality *q = r->quality;
    html_element(h, "h2", "How well it is predicted");
    maple_text_add(h->out, "<p>");
    html_textf(h,
               "Each predictor learned from %zu random networks of this platform (seed %llu) and from %s, "
               "and predicted "
               "the other measured networks that run another graph than these and than the reference "
               "networks that a "
               "predictor may use. The shares are of these.",
               q->samples, (unsigned long long)q->seed, q->learned_from);
    maple_text_add(h->out, "</p>\n");
    static const char *const FIRST[] = {"predictor", "networks"};
    report_table(h, FIRST, "wn", NULL);
    for (size_t i = 0; i < q->n; i++) {
        maple_text_add(h->out, "<tr>");
        html_cell(h, false, q->series[i].label);
        html_number(h, (double)q->metrics[i].n, 0);
        report_cells(h, &q->metrics[i], NULL);
        maple_text_add(h->out, "</tr>\n");
    }
    html_table_end(h);
    report_explain(h, "");
    return add_panels(h, r, error);
}

maple_status maple_report_of_platform(const maple_report_platform *request, maple_text *out,
                                      maple_error *error) {
    const maple_platform *p = &request->platform;
    html h = {.out = out, .gnuplot = request->gnuplot};
    char title[220];
    snprintf(title, sizeof title, "Platform %s", p->name);
    html_begin(&h, title);
    maple_text_add(out, "<p>");
    html_textf(&h, "%s, %s%s%s, in the search space %s.", p->device, p->engine, *p->isa ? " with " : "",
               p->isa, maple_space_name(request->space));
    maple_text_add(out, "</p>\n");
    maple_status status = add_identity(&h, request, error);
    if (status == MAPLE_OK)
        status = report_add_latencies(&h, request, error);
    if (status == MAPLE_OK)
        status = report_add_operators(&h, request, error);
    if (status == MAPLE_OK)
        status = report_add_distances(&h, request, error);
    if (status == MAPLE_OK && request->quality)
        status = add_quality(&h, request, error);
    if (status == MAPLE_OK)
        status = report_add_commands(&h, request, error);
    html_end(&h);
    if (status == MAPLE_OK && out->failed)
        status = maple_error_memory(error);
    if (status != MAPLE_OK)
        maple_text_free(out);
    return status;
}
