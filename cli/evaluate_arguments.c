/* SPDX-License-Identifier: Apache-2.0 */
/* Lists on the command line of maple evaluate. */
#include "evaluate.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

maple_status cli_names_split(const char *text, const char *option, cli_names *out, maple_error *error) {
    *out = (cli_names){0};
    if (!text)
        return MAPLE_OK;
    size_t n = 1;
    for (const char *c = text; *c; c++)
        n += *c == ',';
    out->text = maple_strdup(text);
    out->items = maple_alloc(n, sizeof *out->items);
    if (!out->text || !out->items) {
        cli_names_free(out);
        return maple_error_memory(error);
    }
    for (char *part = out->text; part;) {
        char *comma = strchr(part, ',');
        if (comma)
            *comma = '\0';
        if (!*part) {
            cli_names_free(out);
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "%s %s: a name is missing; names have a comma between them", option, text);
        }
        out->items[out->n++] = part;
        part = comma ? comma + 1 : NULL;
    }
    return MAPLE_OK;
}

void cli_names_free(cli_names *names) {
    maple_free(names->text);
    maple_free(names->items);
    *names = (cli_names){0};
}

static maple_status parse_number(const char *text, const char *option, int least, int *out,
                                 maple_error *error) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < least || value > INT_MAX)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s %s: needs a whole number from %d", option, text,
                               least);
    *out = (int)value;
    return MAPLE_OK;
}

maple_status cli_numbers_parse(const char *text, const char *option, int **out, size_t *n,
                               maple_error *error) {
    cli_names names;
    maple_status status = cli_names_split(text, option, &names, error);
    if (status != MAPLE_OK)
        return status;
    int *numbers = maple_alloc(names.n, sizeof *numbers);
    if (!numbers)
        status = maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < names.n; i++) {
        status = parse_number(names.items[i], option, 0, &numbers[i], error);
        for (size_t k = 0; status == MAPLE_OK && k < i; k++) {
            if (numbers[k] == numbers[i])
                status =
                    maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: %d is named twice", option, numbers[i]);
        }
    }
    if (status == MAPLE_OK) {
        *out = numbers;
        *n = names.n;
    } else {
        maple_free(numbers);
    }
    cli_names_free(&names);
    return status;
}

/* --- Contenders --- */

/* "name@900:a=1:b=2" in `text`, which is cut: name, number of samples, "a=1,b=2". */
static maple_status parse_contender(char *text, maple_contender *out, maple_error *error) {
    char *options = strpbrk(text, ":;");
    if (options) {
        *options++ = '\0';
        for (char *c = options; *c; c++)
            *c = *c == ':' || *c == ';' ? ',' : *c;
    }
    char *samples = strchr(text, '@');
    maple_status status = MAPLE_OK;
    if (samples) {
        *samples++ = '\0';
        status = parse_number(samples, "--predictor: samples after @:", 1, &out->samples, error);
    }
    const maple_predictor_info *info;
    out->name = text;
    out->options = options;
    return status == MAPLE_OK ? maple_predictor_find(text, &info, error) : status;
}

/* The predictors that a table compares where none is named. */
static void name_all(maple_text *out) {
    for (size_t i = 0; i < maple_predictor_count(); i++) {
        const maple_predictor_info *info = maple_predictor_at(i);
        if (!info->oracle && !info->slow)
            maple_text_addf(out, "%s%s", out->data ? "," : "", info->name);
    }
}

maple_status cli_contenders_parse(const char *text, cli_contenders *out, maple_error *error) {
    maple_text all = {0};
    *out = (cli_contenders){0};
    if (!text) {
        name_all(&all);
        text = all.data;
    }
    maple_status status = all.failed ? maple_error_memory(error) : MAPLE_OK;
    if (status == MAPLE_OK)
        status = cli_names_split(text, "--predictor", &out->labels, error);
    if (status == MAPLE_OK)
        status = cli_names_split(text, "--predictor", &out->texts, error);
    maple_text_free(&all);
    out->items = maple_alloc(out->labels.n, sizeof *out->items);
    if (status == MAPLE_OK && !out->items)
        status = maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < out->labels.n; i++) {
        maple_contender *item = &out->items[out->n++];
        item->label = out->labels.items[i];
        if (strlen(item->label) >= sizeof((maple_evaluation_row *)NULL)->predictor)
            status = maple_error_set(error, MAPLE_BAD_ARGUMENT, "--predictor %s: longer than %zu bytes",
                                     item->label, sizeof((maple_evaluation_row *)NULL)->predictor - 1);
        for (size_t k = 0; status == MAPLE_OK && k < i; k++) {
            if (strcmp(out->items[k].label, item->label) == 0)
                status =
                    maple_error_set(error, MAPLE_BAD_ARGUMENT, "--predictor %s: named twice", item->label);
        }
        /* The parts of `texts` are this object's own. */
        if (status == MAPLE_OK)
            status = parse_contender(out->texts.text + (out->texts.items[i] - out->texts.text), item, error);
    }
    if (status != MAPLE_OK)
        cli_contenders_free(out);
    return status;
}

void cli_contenders_free(cli_contenders *contenders) {
    cli_names_free(&contenders->labels);
    cli_names_free(&contenders->texts);
    maple_free(contenders->items);
    *contenders = (cli_contenders){0};
}

int cli_contender_samples(const maple_contender *contender, int samples) {
    const maple_predictor_info *info = NULL;
    if (contender->samples > 0)
        return contender->samples;
    maple_predictor_find(contender->name, &info, NULL);
    return info && info->own_samples > 0 ? info->own_samples : samples;
}

/* --- Where and how --- */

int cli_cores(void) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        return CPU_COUNT(&allowed);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < INT_MAX ? (int)online : 1;
}
