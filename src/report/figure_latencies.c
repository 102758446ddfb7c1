/* SPDX-License-Identifier: Apache-2.0 */
/* How a platform's latencies are distributed. */
#include "report/draw.h"

#include <math.h>

/* Twenty to fifty bins of a round width. */
maple_status maple_figure_latencies(const double *latency_ms, size_t n, const maple_figure_output *output,
                                    maple_error *error) {
    double low = INFINITY, high = 0;
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(latency_ms[i]))
            continue;
        known++;
        low = fmin(low, latency_ms[i]);
        high = fmax(high, latency_ms[i]);
    }
    if (known == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "no latency: nothing to draw");
    double step = figure_step(low, fmax(high, low * 1.01), 45);
    size_t first = (size_t)floor(low / step), bins = (size_t)floor(high / step) - first + 1;
    size_t *counts = maple_alloc(bins, sizeof *counts);
    if (!counts)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++) {
        if (isfinite(latency_ms[i]))
            counts[(size_t)floor(latency_ms[i] / step) - first]++;
    }
    figure f = {.output = output, .width = 860, .height = 360};
    maple_text_add(&f.data, "from_ms\tto_ms\tnetworks\n");
    for (size_t i = 0; i < bins; i++)
        maple_text_addf(&f.data, "%.9g\t%.9g\t%zu\n", (double)(first + i) * step,
                        (double)(first + i + 1) * step, counts[i]);
    maple_free(counts);
    figure_title(&f.body, output->title ? output->title : "Distribution of measured latencies", 76);
    maple_text_addf(
        &f.body,
        "set border 3\nset grid y lc rgb '#e4e4e4' lt 1\nunset key\nset style fill solid "
        "noborder\nset boxwidth %.9g\nset xlabel 'latency (ms)'\nset ylabel 'networks'\nset yrange [0:*]\n"
        "set xrange [%.9g:%.9g]\n"
        "plot data skip 1 using (($1+$2)/2):3 with boxes lc rgb '%s'\n",
        0.92 * step, (double)first * step, (double)(first + bins) * step, figure_colour(0));
    return figure_finish(&f, error);
}
