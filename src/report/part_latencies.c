/* SPDX-License-Identifier: Apache-2.0 */
/* A report's section on latencies. */
#include "report/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LISTED = 20 };

typedef struct labels {
    maple_latency *rows; /* [n] */
    size_t n, known, flagged, without;
    double *ms, *spread, *runs; /* [known]; spread: sd / label */
    size_t n_spread;
} labels;

static maple_status load(const maple_report_platform *r, labels *l, maple_error *error) {
    maple_status status = maple_pool_latencies(r->pool, r->platform.id, r->space, &l->rows, &l->n, error);
    if (status != MAPLE_OK)
        return status;
    l->ms = maple_alloc(l->n + 1, sizeof *l->ms);
    l->spread = maple_alloc(l->n + 1, sizeof *l->spread);
    l->runs = maple_alloc(l->n + 1, sizeof *l->runs);
    if (!l->ms || !l->spread || !l->runs)
        return maple_error_memory(error);
    for (size_t i = 0; i < l->n; i++) {
        const maple_latency *row = &l->rows[i];
        if (!isfinite(row->latency_ms)) {
            l->without++;
            continue;
        }
        l->flagged += *row->flag != '\0';
        if (isfinite(row->sd_ms))
            l->spread[l->n_spread++] = row->sd_ms / row->latency_ms;
        l->runs[l->known] = row->runs;
        l->ms[l->known++] = row->latency_ms;
    }
    return MAPLE_OK;
}

static void add_repeatability(html *h, const maple_repeatability *row) {
    char text[220] = "not measured (maple measure --repeatability)";
    if (row->n > 0)
        snprintf(text, sizeof text,
                 "%.2f %% in the median, %.2f %% in the 95th percentile, %.2f %% at most: two labels of each "
                 "of %zu "
                 "networks, %d rounds each, %s",
                 100 * row->median, 100 * row->p95, 100 * row->max, row->n, row->rounds, row->date);
    html_fact(h, "two labels of one network differ by", text);
}

static maple_status add_facts(html *h, const maple_report_platform *r, labels *l, maple_error *error) {
    char text[220];
    maple_repeatability repeatability;
    maple_status status = maple_pool_repeatability(r->pool, r->platform.id, r->space, &repeatability, error);
    if (status != MAPLE_OK)
        return status;
    maple_sort_doubles(l->spread, l->n_spread);
    maple_sort_doubles(l->runs, l->known);
    maple_summary s;
    status = maple_summarise(l->ms, l->known, &s, error);
    if (status != MAPLE_OK)
        return status;
    maple_text_add(h->out, "<table class=\"facts\">\n<tbody>\n");
    snprintf(text, sizeof text, "%zu networks", l->known);
    html_fact(h, "latencies", text);
    snprintf(text, sizeof text, "%zu", l->flagged);
    html_fact(h, "flagged as noisy", text);
    snprintf(text, sizeof text, "%zu", l->without);
    html_fact(h, "without a latency, for a reason", text);
    if (l->known > 0) {
        snprintf(text, sizeof text, "%.4g to %.4g ms, median %.4g ms", s.min, s.max, s.median);
        html_fact(h, "range", text);
        snprintf(text, sizeof text, "%.0f to %.0f, median %.0f (a label is the median of its runs)",
                 l->runs[0], l->runs[l->known - 1], maple_quantile_sorted(l->runs, l->known, 0.5));
        html_fact(h, "runs of each network", l->runs[l->known - 1] > 0 ? text : "not recorded");
        snprintf(text, sizeof text,
                 "%.1f %% in the median, %.1f %% in the 95th percentile (standard deviation / label)",
                 100 * maple_quantile_sorted(l->spread, l->n_spread, 0.5),
                 100 * maple_quantile_sorted(l->spread, l->n_spread, 0.95));
        html_fact(h, "spread of the runs", l->n_spread > 0 ? text : NULL);
    }
    if (strcmp(r->platform.engine, "imported") != 0)
        add_repeatability(h, &repeatability);
    maple_text_add(h->out, "</tbody>\n</table>\n");
    return MAPLE_OK;
}

/* The first of those that are flagged. */
static void add_flagged(html *h, const maple_report_platform *r, const labels *l) {
    static const char *const HEADS[] = {"network", "why", "latency (ms)", "runs"};
    size_t listed = 0;
    char arch[MAPLE_MAX_ARCH_TEXT];
    if (l->flagged == 0)
        return;
    html_element(h, "h3", "Flagged labels");
    html_table(h, HEADS, "wwnn");
    for (size_t i = 0; i < l->n && listed < LISTED; i++) {
        const maple_latency *row = &l->rows[i];
        if (!*row->flag)
            continue;
        listed++;
        maple_space_format(r->space, &row->arch, arch);
        maple_text_add(h->out, "<tr>");
        html_architecture(h, arch);
        html_cell(h, false, row->flag);
        html_number(h, row->latency_ms, 4);
        html_number(h, row->runs, 0);
        maple_text_add(h->out, "</tr>\n");
    }
    html_table_end(h);
    if (l->flagged > listed) {
        maple_text more = {0};
        maple_text_addf(&more, "And %zu more: ", l->flagged - listed);
        report_add_export(&more, r);
        maple_text_add(&more, " lists all.");
        html_element(h, "p class=\"note\"", more.data ? more.data : "");
        h->out->failed |= more.failed;
        maple_text_free(&more);
    }
}

/* Why networks have no latency: each reason once, with how many have it and the first of them. */
static void add_reasons(html *h, const maple_report_platform *r, const labels *l) {
    static const char *const HEADS[] = {"reason", "networks", "for example"};
    size_t listed = 0;
    if (l->without == 0)
        return;
    html_element(h, "h3", "Networks without a latency");
    html_table(h, HEADS, "wnw");
    for (size_t i = 0; i < l->n && listed < LISTED; i++) {
        const char *reason = l->rows[i].reason;
        char arch[MAPLE_MAX_ARCH_TEXT];
        bool seen = isfinite(l->rows[i].latency_ms);
        size_t n = 0;
        for (size_t k = 0; k < i && !seen; k++)
            seen = !isfinite(l->rows[k].latency_ms) && strcmp(l->rows[k].reason, reason) == 0;
        if (seen)
            continue;
        listed++;
        for (size_t k = i; k < l->n; k++)
            n += !isfinite(l->rows[k].latency_ms) && strcmp(l->rows[k].reason, reason) == 0;
        maple_space_format(r->space, &l->rows[i].arch, arch);
        maple_text_add(h->out, "<tr>");
        html_cell(h, false, reason);
        html_number(h, (double)n, 0);
        html_architecture(h, arch);
        maple_text_add(h->out, "</tr>\n");
    }
    html_table_end(h);
}

static maple_status draw(const void *user, const maple_figure_output *output, maple_error *error) {
    const labels *l = user;
    return maple_figure_latencies(l->ms, l->known, output, error);
}

maple_status report_add_latencies(html *h, const maple_report_platform *r, maple_error *error) {
    labels l = {0};
    maple_status status = load(r, &l, error);
    html_element(h, "h2", "Latencies of networks");
    if (status == MAPLE_OK)
        status = add_facts(h, r, &l, error);
    if (status == MAPLE_OK && l.known > 0)
        status = html_figure(h, draw, &l, "Distribution of measured latencies",
                             "Distribution of the measured latencies.", error);
    if (status == MAPLE_OK) {
        add_flagged(h, r, &l);
        add_reasons(h, r, &l);
    }
    maple_free(l.rows);
    maple_free(l.ms);
    maple_free(l.spread);
    maple_free(l.runs);
    return status;
}
