/* SPDX-License-Identifier: Apache-2.0 */
/* Writing HTML. */
#include "report/html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char STYLE[] =
    "body{font:16px/1.45 system-ui,sans-serif;color:#111;background:#fff;max-width:62rem;margin:2rem "
    "auto;padding:0 1rem}\n"
    "h1{font-size:1.6rem;margin:0 0 .3rem;overflow-wrap:anywhere}h2{font-size:1.25rem;margin:2.2rem 0 .6rem;"
    "border-bottom:1px solid #bbb}h3{font-size:1.05rem;margin:1.4rem 0 .4rem}\n"
    "p.note{color:#444}table{border-collapse:collapse;margin:.6rem "
    "0;font-size:.9rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.2rem .7rem .2rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #ddd}\n"
    "td.n,th.n{text-align:right}td.n{white-space:nowrap}thead th{vertical-align:bottom}table.facts "
    "th{font-weight:600;white-space:nowrap}td{overflow-wrap:break-word}td.a{overflow-wrap:anywhere}\n"
    "tr.group th{padding-top:.8rem;font-weight:600}figure{margin:1rem 0}figure "
    "svg{max-width:100%;height:auto;display:block}figcaption{color:#444;font-size:.9rem}\n"
    "pre{background:#f4f4f4;padding:.6rem "
    ".8rem;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}\n"
    ".wide{overflow-x:auto}\n"
    "@page{margin:16mm}\n"
    "@media print{body{margin:0;max-width:none;padding:0;font-size:10pt}h1{font-size:15pt}h2{font-size:13pt;"
    "margin-top:1.4rem}h3{font-size:11pt}h2,h3{break-after:avoid}figure,tr,pre{break-inside:avoid}"
    "tr.group{break-after:avoid}thead{display:table-header-group}.wide{overflow:visible}"
    "table,pre{font-size:8pt}p.note{break-before:avoid}p.note,figcaption{font-size:9pt}pre{border:1px solid "
    "#bbb}"
    "figure.flat svg{max-height:80mm}}\n";

void html_text(html *h, const char *text) {
    char one[2] = {0};
    for (; *text; text++) {
        switch (*text) {
        case '<':
            maple_text_add(h->out, "&lt;");
            break;
        case '>':
            maple_text_add(h->out, "&gt;");
            break;
        case '&':
            maple_text_add(h->out, "&amp;");
            break;
        case '"':
            maple_text_add(h->out, "&quot;");
            break;
        case '\'':
            maple_text_add(h->out, "&#39;");
            break;
        default:
            one[0] = ((unsigned char)*text < 0x20 && *text != '\n') || *text == 0x7f ? ' ' : *text;
            maple_text_add(h->out, one);
        }
    }
}

void html_textf(html *h, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    html_text(h, text);
}

void html_begin(html *h, const char *title) {
    maple_text_add(h->out,
                   "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>");
    html_text(h, title);
    maple_text_add(h->out, "</title>\n<style>\n");
    maple_text_add(h->out, STYLE);
    maple_text_add(h->out, "</style>\n</head>\n<body>\n");
    html_element(h, "h1", title);
}

void html_end(html *h) {
    maple_text_add(h->out, "</body>\n</html>\n");
    if (*h->folder)
        rmdir(h->folder); /* each figure removes its files */
}

void html_element(html *h, const char *tag, const char *text) {
    maple_text_addf(h->out, "<%s>", tag);
    html_text(h, text);
    maple_text_addf(h->out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

/* The end of the word at `at`: spaces within quotes, or after a backslash, are of it. */
static const char *word_end(const char *at) {
    bool quoted = false;
    for (; *at && (quoted || (*at != ' ' && *at != '\n')); at++) {
        if (*at == '\'')
            quoted = !quoted;
        else if (*at == '\\' && !quoted && at[1])
            at++;
    }
    return at;
}

void html_commands(html *h, const char *commands) {
    enum { COLUMNS = 92, INDENT = 4 };
    maple_text text = {0};
    size_t column = 0;
    for (const char *at = commands; *at;) {
        const char *end = word_end(at), *next = *end == ' ' ? end + 1 : end;
        /* An option stays with its value, > with its file. */
        bool option = strncmp(at, "--", 2) == 0 && end - at > 2 && !memchr(at, '=', (size_t)(end - at));
        bool pair = *end == ' ' && (option || (*at == '>' && end == at + 1)) && strncmp(next, "--", 2) != 0 &&
                    *next != '>';
        const char *piece = pair ? word_end(next) : end;
        size_t length = (size_t)(piece - at);
        if (column > INDENT && column + 1 + length > COLUMNS) {
            maple_text_add(&text, " \\\n    ");
            column = INDENT;
        } else if (column > 0) {
            maple_text_add(&text, " ");
            column++;
        }
        maple_text_addf(&text, "%.*s", (int)length, at);
        column += length;
        at = piece;
        if (*at == '\n') {
            maple_text_add(&text, "\n");
            column = 0;
        }
        at += *at != '\0';
    }
    html_element(h, "pre", text.data ? text.data : "");
    h->out->failed |= text.failed;
    maple_text_free(&text);
}

void html_fact(html *h, const char *name, const char *value) {
    maple_text_add(h->out, "<tr><th scope=\"row\">");
    html_text(h, name);
    maple_text_add(h->out, "</th><td>");
    html_text(h, value && *value ? value : "not known");
    maple_text_add(h->out, "</td></tr>\n");
}

void html_table(html *h, const char *const *heads, const char *columns) {
    maple_text_add(h->out, "<div class=\"wide\"><table>\n<thead><tr>");
    for (size_t i = 0; columns[i]; i++) {
        maple_text_add(h->out, columns[i] == 'w' ? "<th scope=\"col\">" : "<th scope=\"col\" class=\"n\">");
        html_text(h, heads[i]);
        maple_text_add(h->out, "</th>");
    }
    maple_text_add(h->out, "</tr></thead>\n<tbody>\n");
}

void html_table_end(html *h) {
    maple_text_add(h->out, "</tbody>\n</table></div>\n");
}

static void cell(html *h, const char *start, const char *text) {
    maple_text_add(h->out, start);
    html_text(h, text);
    maple_text_add(h->out, "</td>");
}

void html_cell(html *h, bool number, const char *text) {
    cell(h, number ? "<td class=\"n\">" : "<td>", text);
}

void html_architecture(html *h, const char *text) {
    cell(h, "<td class=\"a\">", text);
}

void html_number(html *h, double value, int digits) {
    char text[64] = "–";
    if (isfinite(value))
        snprintf(text, sizeof text, "%.*f", digits, value);
    html_cell(h, true, text);
}
