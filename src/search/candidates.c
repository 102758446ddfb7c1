/* SPDX-License-Identifier: Apache-2.0 */
/* HELP's list of generated candidates, and which of them its protocol takes. */
#include "maple/search.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 64 << 20 }; /* bytes of the file */

void maple_candidates_free(maple_candidates *candidates) {
    maple_free(candidates->archs);
    maple_free(candidates->accuracy);
    maple_free(candidates->score);
    *candidates = (maple_candidates){0};
}

typedef struct reader {
    const char *path;
    const maple_space *space;
    int line;
    locale_t locale;
} reader;

/* A finite number that fills the text up to `end`, blanks around it allowed. */
static bool parse_number(const reader *r, const char *text, double *out) {
    char *end;
    *out = strtod_l(text, &end, r->locale);
    return end != text && end[strspn(end, " \t\r")] == '\0' && isfinite(*out);
}

static maple_status parse_line(const reader *r, char *line, maple_candidates *out, maple_error *error) {
    char *accuracy = strchr(line, ','), *score = accuracy ? strchr(accuracy + 1, ',') : NULL;
    if (!score)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s:%d: a line 'architecture, accuracy, score' is expected", r->path, r->line);
    *accuracy++ = *score++ = '\0';
    maple_status status = maple_space_parse(r->space, line, &out->archs[out->n], error);
    if (status != MAPLE_OK)
        return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s:%d", r->path, r->line);
    if (!parse_number(r, accuracy, &out->accuracy[out->n]) || !parse_number(r, score, &out->score[out->n]))
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s:%d: accuracy '%.40s' and score '%.40s' have to be numbers", r->path,
                               r->line, accuracy, score);
    if (out->n > 0 && out->score[out->n] > out->score[out->n - 1])
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s:%d: score %g after %g: the most promising have to come first", r->path,
                               r->line, out->score[out->n], out->score[out->n - 1]);
    out->n++;
    return MAPLE_OK;
}

static maple_status parse_lines(reader *r, char *text, maple_candidates *out, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (char *line = text; status == MAPLE_OK && *line; r->line++) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        else
            next = line + strlen(line);
        if (r->line == 1 && !parse_number(r, line, &out->seconds))
            status = maple_error_set(error, MAPLE_BAD_INPUT,
                                     "%s:1: the seconds that generating the candidates took are expected",
                                     r->path);
        else if (r->line > 1 && line[strspn(line, " \t\r")] != '\0')
            status = parse_line(r, line, out, error);
        line = next;
    }
    if (status == MAPLE_OK && out->n == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: no candidates", r->path);
    return status;
}

maple_status maple_candidates_read(const maple_space *space, const char *path, maple_candidates *out,
                                   maple_error *error) {
    char *text = NULL;
    size_t bytes, lines = 1;
    maple_candidates found = {0};
    reader r = {.path = path, .space = space, .line = 1, .locale = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    maple_status status =
        r.locale ? maple_read_file(path, LIMIT, &text, &bytes, error) : maple_error_memory(error);
    for (const char *c = text; status == MAPLE_OK && *c; c++)
        lines += *c == '\n';
    found.archs = maple_alloc(lines, sizeof *found.archs);
    found.accuracy = maple_alloc(lines, sizeof *found.accuracy);
    found.score = maple_alloc(lines, sizeof *found.score);
    if (status == MAPLE_OK && (!found.archs || !found.accuracy || !found.score))
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        status = parse_lines(&r, text, &found, error);
    maple_free(text);
    if (r.locale)
        freelocale(r.locale);
    if (status == MAPLE_OK)
        *out = found;
    else
        maple_candidates_free(&found);
    return status;
}

size_t maple_candidates_choose(const maple_candidates *candidates, const double *predicted_ms,
                               double budget_ms, size_t take) {
    size_t best = SIZE_MAX, taken = 0;
    for (size_t i = 0; i < candidates->n && taken < take; i++) {
        if (!(predicted_ms[i] <= budget_ms))
            continue;
        taken++;
        if (best == SIZE_MAX || candidates->accuracy[i] > candidates->accuracy[best])
            best = i;
    }
    return best;
}
