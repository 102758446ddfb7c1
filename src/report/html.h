/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a report: HTML5 that is well-formed XML too, so that any checker can read it. */
#ifndef MAPLE_REPORT_HTML_H
#define MAPLE_REPORT_HTML_H

#include "report/draw.h"

typedef struct html {
    maple_text *out;
    const char *gnuplot;
    char folder[64]; /* of the figures, temporary; "" before the first */
    int figures;     /* drawn so far: their numbers, and what keeps the ids of their SVGs apart */
    bool no_gnuplot; /* it was looked for and not found */
} html;

void html_begin(html *h, const char *title);
/* Removes the temporary folder, too (call it whatever happened). */
void html_end(html *h);
/* Escaped: < > & " ', and control characters as spaces. */
void html_text(html *h, const char *text);
void html_textf(html *h, const char *format, ...) MAPLE_PRINTF(2, 3);
/* <tag>text</tag> */
void html_element(html *h, const char *tag, const char *text);
/* Commands for a shell, one a line, in a <pre>: long ones go on in the next line, after a backslash. */
void html_commands(html *h, const char *commands);
/* A line of a table of two columns; NULL or "" value: "not known". */
void html_fact(html *h, const char *name, const char *value);
/* <th> cells of a head, then <tbody>. columns: "wnn": a letter for each, w: words, n: numbers. */
void html_table(html *h, const char *const *heads, const char *columns);
void html_table_end(html *h);
void html_cell(html *h, bool number, const char *text);
/* A cell with one long word, which may break anywhere. */
void html_architecture(html *h, const char *text);
/* A number with so many digits; nothing but a dash where it is not finite. */
void html_number(html *h, double value, int digits);

/* Draws into `output` (its stem, svg_only and program are set) by user's data. */
typedef maple_status (*html_drawing)(const void *user, const maple_figure_output *output, maple_error *error);

/* The SVG inline, numbered, with its caption. Without gnuplot a note instead. */
maple_status html_figure(html *h, html_drawing drawing, const void *user, const char *title,
                         const char *caption, maple_error *error);

#endif
