/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of how well latencies are predicted: the same columns in every report. */
#include "report/parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* With no-break spaces before the percent signs. */
static const char *const HEADS[REPORT_METRIC_COLUMNS] = {"±1 %",    "±5 %",     "±10 %",         "Spearman",
                                                         "Kendall", "MAPE (%)", "90 % cov. (%)", "width (%)"};

void report_table(html *h, const char *const *first, const char *columns, const char *last) {
    enum { MOST = 8 };
    const char *heads[MOST + REPORT_METRIC_COLUMNS + 1];
    char letters[MOST + REPORT_METRIC_COLUMNS + 2] = {0};
    size_t n = 0;
    for (; columns[n] && n < MOST; n++) {
        heads[n] = first[n];
        letters[n] = columns[n];
    }
    for (size_t i = 0; i < REPORT_METRIC_COLUMNS; i++, n++) {
        heads[n] = HEADS[i];
        letters[n] = 'n';
    }
    if (last) {
        heads[n] = last;
        letters[n] = 'n';
    }
    html_table(h, heads, letters);
}

static void add_spread(html *h, double mean, double sd) {
    char text[64];
    if (isfinite(mean) && isfinite(sd)) {
        snprintf(text, sizeof text, "%.3f ± %.3f", mean, sd);
        html_cell(h, true, text);
    } else {
        html_number(h, mean, 3);
    }
}

void report_cells(html *h, const maple_metrics *mean, const maple_metrics *sd) {
    html_number(h, mean->acc1, 3);
    html_number(h, mean->acc5, 3);
    add_spread(h, mean->acc10, sd ? sd->acc10 : NAN);
    add_spread(h, mean->spearman, sd ? sd->spearman : NAN);
    html_number(h, mean->kendall, 3);
    html_number(h, 100 * mean->mape, 1);
    html_number(h, 100 * mean->coverage90, 0);
    html_number(h, 100 * mean->interval_width, 0);
}

void report_explain(html *h, const char *before) {
    maple_text_add(h->out, "<p class=\"note\">");
    html_text(h, before);
    html_text(h, "±k %: share of networks predicted within k % of the measured latency. MAPE: mean relative "
                 "error. 90 % cov.: share of latencies within the nominal 90 % interval; width: of that "
                 "interval, median, over the prediction; a dash: no intervals.");
    maple_text_add(h->out, "</p>\n");
}
