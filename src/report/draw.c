/* SPDX-License-Identifier: Apache-2.0 */
/* A figure's files: data, script, pictures. */
#include "report/draw.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *figure_colour(size_t i) {
    static const char *const COLOURS[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                          "#E69F00", "#56B4E9", "#000000", "#777777"};
    return COLOURS[i % (sizeof COLOURS / sizeof *COLOURS)];
}

int figure_marker(size_t i) {
    static const int MARKERS[] = {7, 5, 9, 13, 11, 6, 4, 8};
    return MARKERS[i % (sizeof MARKERS / sizeof *MARKERS)];
}

const char *figure_dash(size_t i) {
    static const char *const DASHES[] = {"1", "'-'", "'.'", "'_. '", "'__ '", "'-..'", "'- '", "'_-'"};
    return DASHES[i % (sizeof DASHES / sizeof *DASHES)];
}

void figure_quote(maple_text *to, const char *text) {
    char one[3] = {0};
    maple_text_add(to, "'");
    for (; *text; text++) {
        one[0] = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;
        one[1] = *text == '\'' ? '\'' : '\0';
        maple_text_add(to, one);
    }
    maple_text_add(to, "'");
}

void figure_title(maple_text *to, const char *text, size_t fitting) {
    size_t length = strlen(text);
    double size = length <= fitting ? 16 : fmax(8, 16 * (double)fitting / (double)length);
    maple_text_add(to, "set title ");
    figure_quote(to, text);
    maple_text_addf(to, " font ',%.3g'\n", size);
}

void figure_field(maple_text *to, const char *text) {
    char one[2] = {0};
    for (; *text; text++) {
        one[0] = (unsigned char)*text < 0x20 || *text == 0x7f || *text == '"' ? ' ' : *text;
        maple_text_add(to, one);
    }
}

void figure_number(maple_text *to, double value) {
    if (isfinite(value))
        maple_text_addf(to, "%.9g", value);
    else
        maple_text_add(to, "NaN");
}

double figure_step(double low, double high, int wanted) {
    double raw = (high - low) / wanted, power = pow(10, floor(log10(raw))), lead = raw / power;
    return power * (lead <= 1.0 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

void figure_log_tics(maple_text *to, const char *axis, double low, double high) {
    static const double FEW[] = {1, 2, 5}, MANY[] = {1, 1.5, 2, 3, 4, 5, 7};
    maple_text_addf(to, "set %stics (", axis);
    const char *comma = "";
    if (high / low < 2.5) {
        double step = figure_step(low, high, 5);
        for (double at = ceil(low / step) * step; at <= high * (1 + 1e-9); at += step, comma = ", ")
            maple_text_addf(to, "%s'%.4g' %.9g", comma, at, at);
    } else {
        const double *leads = high / low < 12 ? MANY : FEW;
        size_t n = leads == MANY ? sizeof MANY / sizeof *MANY : sizeof FEW / sizeof *FEW;
        if (high / low > 2000)
            n = 1;
        for (double power = pow(10, floor(log10(low))); power <= high; power *= 10) {
            for (size_t i = 0; i < n; i++) {
                double at = power * leads[i];
                if (at < low * (1 - 1e-9) || at > high * (1 + 1e-9))
                    continue;
                maple_text_addf(to, "%s'%.4g' %.9g", comma, at, at);
                comma = ", ";
            }
        }
    }
    maple_text_add(to, ")\n");
}

/* --- Files --- */

typedef struct place {
    char folder[4096], name[200];
} place;

static maple_status find_place(const char *stem, place *p, maple_error *error) {
    const char *slash = strrchr(stem, '/'), *name = slash ? slash + 1 : stem;
    size_t folder = slash ? (size_t)(slash - stem) : 1;
    if (!*name || strlen(name) >= sizeof p->name || folder >= sizeof p->folder)
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "%s: is no name for a figure: needs FOLDER/NAME, from which NAME.tsv, NAME.gp, "
            "NAME.svg and NAME.png are made",
            *stem ? stem : "''");
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < 0x20)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "the figure's name has a control character");
    }
    snprintf(p->name, sizeof p->name, "%s", name);
    if (slash == stem)
        snprintf(p->folder, sizeof p->folder, "/");
    else
        snprintf(p->folder, sizeof p->folder, "%.*s", (int)folder, slash ? stem : ".");
    return MAPLE_OK;
}

static void path_of(const place *p, const char *suffix, char out[4400]) {
    snprintf(out, 4400, "%s/%s%s", p->folder, p->name, suffix);
}

static maple_status write_part(const place *p, const char *suffix, const maple_text *text,
                               maple_error *error) {
    char path[4400];
    path_of(p, suffix, path);
    return text->failed ? maple_error_memory(error) : maple_write_file(path, text->data, text->length, error);
}

/* `variable` = the name of a file beside the script. */
static void name_file(maple_text *script, const char *variable, const place *p, const char *suffix) {
    char name[256];
    snprintf(name, sizeof name, "%s%s", p->name, suffix);
    maple_text_addf(script, "%s = ", variable);
    figure_quote(script, name);
    maple_text_add(script, "\n");
}

static void write_script(const figure *f, const place *p, maple_text *script) {
    maple_text_add(script,
                   "# Written by maple. Run in this folder: gnuplot draws the SVG and the PNG again.\n");
    name_file(script, "data", p, ".tsv");
    if (f->map.length > 0)
        name_file(script, "map", p, "-map.tsv");
    name_file(script, "svg", p, ".svg");
    name_file(script, "png", p, ".png");
    maple_text_addf(script,
                    "set encoding utf8\nset datafile separator \"\\t\"\n"
                    "do for [picture in '%s'] {\n"
                    "if (picture eq 'svg') {\n"
                    "    set terminal svg size %d,%d noenhanced font 'sans-serif,14' "
                    "background '#ffffff'\n    set output svg\n"
                    "} else {\n"
                    "    set terminal pngcairo size %d,%d noenhanced font 'sans,11' fontscale 2 linewidth 2 "
                    "pointscale 2 background '#ffffff'\n    set output png\n}\n"
                    "set border lw 1 lc rgb '#444444'\nset tics nomirror textcolor rgb '#000000'\n",
                    f->output->svg_only ? "svg" : "svg png", f->width, f->height, 2 * f->width,
                    2 * f->height);
    maple_text_add(script, f->body.data);
    maple_text_add(script, "unset multiplot\nunset output\nreset\n}\n");
}

static maple_status draw(const figure *f, const place *p, maple_error *error) {
    char script[256], path[4400];
    static const char *const PICTURES[] = {".svg", ".png"};
    /* Pictures of older data must not stay beside the new. */
    for (int i = 0; i < 2; i++) {
        path_of(p, PICTURES[i], path);
        unlink(path);
    }
    snprintf(script, sizeof script, "%s.gp", p->name);
    maple_status status = figure_run_gnuplot(f->output->gnuplot, p->folder, script, error);
    if (status == MAPLE_UNSUPPORTED)
        return maple_error_set(
            error, status,
            "gnuplot is not installed (Debian: apt install gnuplot-nox): %s.tsv and %s.gp are "
            "written, the pictures are not; with gnuplot give the command again",
            f->output->stem, f->output->stem);
    for (int i = 0; status == MAPLE_OK && i < (f->output->svg_only ? 1 : 2); i++) {
        path_of(p, PICTURES[i], path);
        if (access(path, R_OK) != 0)
            status = maple_error_set(error, MAPLE_DEVICE_ERROR, "gnuplot has not written %s: %s", path,
                                     strerror(errno));
    }
    return status;
}

maple_status figure_finish(figure *f, maple_error *error) {
    place p;
    maple_text script = {0};
    maple_status status = find_place(f->output->stem, &p, error);
    if (status == MAPLE_OK && (f->body.failed || f->map.failed))
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        write_script(f, &p, &script);
    if (status == MAPLE_OK)
        status = write_part(&p, ".tsv", &f->data, error);
    if (status == MAPLE_OK && f->map.length > 0)
        status = write_part(&p, "-map.tsv", &f->map, error);
    if (status == MAPLE_OK)
        status = write_part(&p, ".gp", &script, error);
    if (status == MAPLE_OK)
        status = draw(f, &p, error);
    maple_text_free(&script);
    maple_text_free(&f->data);
    maple_text_free(&f->map);
    maple_text_free(&f->body);
    return status;
}
