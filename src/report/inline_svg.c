/* SPDX-License-Identifier: Apache-2.0 */
/* Figures inside a page: drawn in a temporary folder, their SVG put in with ids of its own. */
#include "report/html.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SVG_LIMIT = 1 << 26 };

static maple_status make_folder(html *h, maple_error *error) {
    const char *parent = getenv("TMPDIR");
    if (*h->folder)
        return MAPLE_OK;
    if (!parent || !*parent || strlen(parent) > sizeof h->folder - 24)
        parent = "/tmp";
    snprintf(h->folder, sizeof h->folder, "%s/maple-report-XXXXXX", parent);
    if (mkdtemp(h->folder))
        return MAPLE_OK;
    maple_status status = maple_error_set(
        error, MAPLE_IO_ERROR, "%s: cannot be made: %s; set TMPDIR to a folder", h->folder, strerror(errno));
    h->folder[0] = '\0';
    return status;
}

/* Copies SVG text; ids, and what refers to them, get the figure's number in front: one page holds several. */
static void add_svg(html *h, const char *svg, const char *label) {
    static const char *const BEFORE[] = {" id=\"", " id='", "href='#", "href=\"#", "url(#"};
    enum { N_BEFORE = sizeof BEFORE / sizeof *BEFORE };
    const char *at = strstr(svg, "<svg");
    if (!at)
        return;
    maple_text_addf(h->out, "<svg role=\"img\" aria-label=\"");
    html_text(h, label);
    maple_text_add(h->out, "\"");
    at += 4;
    const char *next[N_BEFORE]; /* where each is next; each is searched for once a place: files are long */
    for (size_t i = 0; i < N_BEFORE; i++)
        next[i] = strstr(at, BEFORE[i]);
    for (;;) {
        size_t first = N_BEFORE;
        for (size_t i = 0; i < N_BEFORE; i++) {
            if (next[i] && (first == N_BEFORE || next[i] < next[first]))
                first = i;
        }
        if (first == N_BEFORE) {
            maple_text_add(h->out, at);
            return;
        }
        const char *end = next[first] + strlen(BEFORE[first]);
        maple_text_addf(h->out, "%.*sfigure%d-", (int)(end - at), at, h->figures);
        at = end;
        next[first] = strstr(at, BEFORE[first]);
    }
}

/* No higher than wide: two of them fit on a page of paper. */
static bool is_flat(const char *svg) {
    double width, height;
    const char *box = strstr(svg, "viewBox=\"0 0 ");
    return box && sscanf(box, "viewBox=\"0 0 %lf %lf\"", &width, &height) == 2 && height <= width;
}

static void remove_files(const char *stem) {
    static const char *const SUFFIXES[] = {".tsv", "-map.tsv", ".gp", ".svg"};
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof *SUFFIXES; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", stem, SUFFIXES[i]);
        unlink(path);
    }
}

maple_status html_figure(html *h, html_drawing drawing, const void *user, const char *title,
                         const char *caption, maple_error *error) {
    char stem[96], path[112], *svg = NULL;
    size_t bytes;
    if (h->no_gnuplot)
        return MAPLE_OK; /* said once is enough */
    maple_status status = make_folder(h, error);
    if (status != MAPLE_OK)
        return status;
    snprintf(stem, sizeof stem, "%s/figure", h->folder);
    snprintf(path, sizeof path, "%s.svg", stem);
    const maple_figure_output output = {
        .stem = stem, .title = title, .gnuplot = h->gnuplot, .svg_only = true};
    status = drawing(user, &output, error);
    if (status == MAPLE_OK)
        status = maple_read_file(path, SVG_LIMIT, &svg, &bytes, error);
    remove_files(stem);
    if (status == MAPLE_UNSUPPORTED) {
        h->no_gnuplot = true;
        html_element(h, "p class=\"note\"",
                     "This report has tables only: gnuplot, which draws the figures, is not installed "
                     "(Debian: apt install gnuplot-nox; then make the report again).");
        return MAPLE_OK;
    }
    if (status != MAPLE_OK)
        return status;
    h->figures++;
    maple_text_add(h->out, is_flat(svg) ? "<figure class=\"flat\">\n" : "<figure>\n");
    add_svg(h, svg, caption);
    maple_text_addf(h->out, "\n<figcaption>Figure %d. ", h->figures);
    html_text(h, caption);
    maple_text_add(h->out, "</figcaption>\n</figure>\n");
    maple_free(svg);
    return MAPLE_OK;
}
