/* SPDX-License-Identifier: Apache-2.0 */
/* A report's sections on the descriptor: operators, and how far other platforms are. */
#include "report/parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Operators --- */

static const maple_event SHOWN[] = {MAPLE_CPU_CYCLES, MAPLE_INSTRUCTIONS, MAPLE_L1_DCACHE_LOADS,
                                    MAPLE_L1_DCACHE_LOAD_MISSES, MAPLE_LLC_LOAD_MISSES};
enum { N_SHOWN = sizeof SHOWN / sizeof *SHOWN };

/* Events that any operator has: a column of dashes tells less than a line. */
static size_t known_events(const maple_space *space, const maple_count *warm, maple_event events[N_SHOWN]) {
    size_t n = 0;
    for (size_t e = 0; e < N_SHOWN; e++) {
        bool any = false;
        for (size_t i = 0; i < maple_space_descriptor_operators(space); i++)
            any = any || isfinite(warm[i * MAPLE_EVENTS + SHOWN[e]].value);
        if (any)
            events[n++] = SHOWN[e];
    }
    return n;
}

static void add_operator(html *h, const maple_space *space, size_t i, const maple_operator_latency *row,
                         const maple_count *warm, const maple_event *events, size_t n_events) {
    char words[300];
    bool counted = i < maple_space_descriptor_operators(space) && maple_space_operator_counted(space, i);
    snprintf(words, sizeof words, "%s%s%s", row->implementation,
             *row->implementation && *row->reason ? ": " : "", row->reason);
    maple_text_add(h->out, "<tr>");
    html_cell(h, false, maple_space_operator(space, i)->name);
    html_number(h, 1000 * row->latency_ms, 2);
    html_number(h, 1000 * row->min_ms, 2);
    html_number(h, isfinite(row->latency_ms) ? (double)row->runs : (double)NAN, 0);
    for (size_t e = 0; e < n_events; e++)
        html_number(h, counted ? warm[i * MAPLE_EVENTS + events[e]].value : NAN, 0);
    html_cell(h, false, words);
    maple_text_add(h->out, "</tr>\n");
}

static void add_table(html *h, const maple_report_platform *r, const maple_operator_latency *rows,
                      const maple_count *warm) {
    maple_event events[N_SHOWN];
    size_t n_events = known_events(r->space, warm, events), n = 0;
    const char *heads[6 + N_SHOWN];
    heads[n++] = "operator";
    heads[n++] = "latency (µs)";
    heads[n++] = "fastest (µs)";
    heads[n++] = "runs";
    for (size_t e = 0; e < n_events; e++)
        heads[n++] = maple_event_name(events[e]);
    heads[n++] = "implementation";
    char columns[6 + N_SHOWN + 1] = {0};
    for (size_t i = 0; i < n; i++)
        columns[i] = i == 0 || i + 1 == n ? 'w' : 'n';
    html_table(h, heads, columns);
    for (size_t i = 0; i < maple_space_operators(r->space); i++)
        add_operator(h, r->space, i, &rows[i], warm, events, n_events);
    html_table_end(h);
    html_element(
        h, "p class=\"note\"",
        n_events > 0
            ? "Latency: median of the runs. Counters are those of one run with warm caches; a dash: not "
              "counted."
            : "Latency: median of the runs. No counters.");
}

maple_status report_add_operators(html *h, const maple_report_platform *r, maple_error *error) {
    size_t n = maple_space_operators(r->space), known = 0;
    maple_operator_latency *rows = maple_alloc(n, sizeof *rows);
    maple_count *warm = maple_alloc(maple_space_descriptor_operators(r->space) * MAPLE_EVENTS, sizeof *warm);
    maple_status status = rows && warm ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_pool_operators(r->pool, r->platform.id, r->space, rows, error);
    if (status == MAPLE_OK)
        status = maple_pool_counters(r->pool, r->platform.id, r->space, MAPLE_CACHE_WARM, warm, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        known += isfinite(rows[i].latency_ms) != 0;
    if (status == MAPLE_OK) {
        maple_text_add(h->out, "<section>\n");
        html_element(h, "h2", "Operators");
        if (known > 0)
            add_table(h, r, rows, warm);
        else
            html_element(h, "p", "No operator was timed on this platform.");
        maple_text_add(h->out, "</section>\n");
    }
    maple_free(rows);
    maple_free(warm);
    return status;
}

/* --- Distances --- */

enum { NEAREST = 10 };

static int compare(const void *left, const void *right) {
    const maple_distance *a = left, *b = right;
    double x = isnan(a->descriptor) ? INFINITY : a->descriptor,
           y = isnan(b->descriptor) ? INFINITY : b->descriptor;
    return (x > y) - (x < y);
}

static void add_nearest(html *h, const maple_distance *pairs, size_t n, const char *name) {
    static const char *const HEADS[] = {"platform", "descriptor", "operators", "counters",
                                        "latency, times this one's"};
    html_table(h, HEADS, "wnnnn");
    for (size_t i = 0; i < n && i < NEAREST; i++) {
        bool first = strcmp(pairs[i].a->platform.name, name) == 0;
        maple_text_add(h->out, "<tr>");
        html_cell(h, false, first ? pairs[i].b->platform.name : pairs[i].a->platform.name);
        html_number(h, pairs[i].descriptor, 2);
        html_number(h, pairs[i].operators, 3);
        html_number(h, pairs[i].counters, 3);
        html_number(h, first ? pairs[i].scale : 1 / pairs[i].scale, 2);
        maple_text_add(h->out, "</tr>\n");
    }
    html_table_end(h);
    html_element(h, "p class=\"note\"",
                 "Descriptor: Euclidean distance of what predictors see of a platform, in standard "
                 "deviations. Operators: "
                 "mean difference of the logarithms of operator latencies from their median ratio (the "
                 "last column). "
                 "Counters: median difference of logarithms of counts.");
}

static maple_status draw(const void *user, const maple_figure_output *output, maple_error *error) {
    return maple_figure_distances(user, MAPLE_DISTANCE_DESCRIPTOR, output, error);
}

maple_status report_add_distances(html *h, const maple_report_platform *r, maple_error *error) {
    maple_distance *pairs = NULL;
    size_t n = 0, own = 0;
    maple_status status = maple_dataset_distances(r->dataset, &pairs, &n, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        if (strcmp(pairs[i].a->platform.name, r->platform.name) == 0 ||
            strcmp(pairs[i].b->platform.name, r->platform.name) == 0)
            pairs[own++] = pairs[i];
    }
    if (status == MAPLE_OK && own > 0) {
        qsort(pairs, own, sizeof *pairs, compare);
        html_element(h, "h2", "Nearest known platforms");
        add_nearest(h, pairs, own, r->platform.name);
        status = html_figure(
            h, draw, r->dataset, "Distance between hardware descriptors",
            "Distances between the hardware descriptors of all known platforms, and the plane that keeps "
            "them best.",
            error);
    }
    maple_free(pairs);
    return status;
}
