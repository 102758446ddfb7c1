/* SPDX-License-Identifier: Apache-2.0 */
/* Options of predictors: "name=value,name=value". */
#include "predictor/predictor_vtable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Place of word[length] in "a|b|c", or -1. */
static int word_index(const char *words, const char *word, size_t length) {
    for (int i = 0;; i++) {
        size_t here = strcspn(words, "|");
        if (here == length && memcmp(words, word, length) == 0)
            return i;
        if (!words[here])
            return -1;
        words += here + 1;
    }
}

static maple_status unknown_option(const maple_predictor_vtable *vtable, const char *name, size_t length,
                                   maple_error *error) {
    maple_text known = {0};
    for (size_t i = 0; i < vtable->n_options; i++)
        maple_text_addf(&known, "%s%s", i > 0 ? ", " : "", vtable->options[i].name);
    maple_status status =
        maple_error_set(error, MAPLE_BAD_ARGUMENT, "predictor %s has no option '%.*s'; it has: %s",
                        vtable->info.name, (int)length, name, known.data ? known.data : "none");
    maple_text_free(&known);
    return status;
}

static maple_status parse_value(const maple_predictor_vtable *vtable, const maple_option *option,
                                const char *text, size_t length, double *out, maple_error *error) {
    const char *name = vtable->info.name;
    if (option->words) {
        int index = word_index(option->words, text, length);
        if (index < 0)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "predictor %s: %s=%.*s: expected one of %s",
                                   name, option->name, (int)length, text, option->words);
        *out = index;
        return MAPLE_OK;
    }
    char *end;
    double value = length > 0 ? strtod(text, &end) : NAN;
    bool fine = length > 0 && end == text + length && value >= option->min && value <= option->max;
    if (!fine || (option->whole && value != floor(value)))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "predictor %s: %s=%.*s: expected a %snumber from %g to %g", name, option->name,
                               (int)length, text, option->whole ? "whole " : "", option->min, option->max);
    *out = value;
    return MAPLE_OK;
}

maple_status maple_options_parse(const maple_predictor_vtable *vtable, const char *text, double *values,
                                 maple_error *error) {
    for (size_t i = 0; i < vtable->n_options; i++)
        values[i] = vtable->options[i].value;
    while (text && *text) {
        size_t length = strcspn(text, ","), name = strcspn(text, ",=");
        if (name == length)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "predictor %s: option '%.*s' has no value: name=value", vtable->info.name,
                                   (int)length, text);
        size_t i = 0;
        while (i < vtable->n_options &&
               (strlen(vtable->options[i].name) != name || memcmp(vtable->options[i].name, text, name) != 0))
            i++;
        if (i == vtable->n_options)
            return unknown_option(vtable, text, name, error);
        maple_status status =
            parse_value(vtable, &vtable->options[i], text + name + 1, length - name - 1, &values[i], error);
        if (status != MAPLE_OK)
            return status;
        text += length;
        text += *text == ',';
    }
    return MAPLE_OK;
}

/* The word of this value, which is not terminated; its length. */
static int word_of(const maple_option *option, double value, const char **word) {
    *word = option->words;
    for (int skip = (int)value; skip > 0; skip--)
        *word += strcspn(*word, "|") + 1;
    return (int)strcspn(*word, "|");
}

void maple_options_format(const maple_predictor_vtable *vtable, const double *values, maple_text *out) {
    for (size_t i = 0; i < vtable->n_options; i++) {
        const maple_option *option = &vtable->options[i];
        maple_text_addf(out, "%s%s=", i > 0 ? "," : "", option->name);
        if (!option->words) {
            maple_text_addf(out, "%.17g", values[i]);
            continue;
        }
        const char *word;
        int length = word_of(option, values[i], &word);
        maple_text_addf(out, "%.*s", length, word);
    }
    if (!out->data)
        maple_text_add(out, "");
}

maple_status maple_options_complete(const maple_predictor_vtable *vtable, const char *text, char **out,
                                    maple_error *error) {
    double values[MAPLE_MAX_OPTIONS];
    maple_status status = maple_options_parse(vtable, text, values, error);
    if (status != MAPLE_OK)
        return status;
    maple_text complete = {0};
    maple_options_format(vtable, values, &complete);
    if (complete.failed) {
        maple_text_free(&complete);
        return maple_error_memory(error);
    }
    *out = complete.data;
    return MAPLE_OK;
}

bool maple_predictor_option(const char *name, size_t i, maple_option_info *out) {
    const maple_predictor_vtable *vtable = NULL;
    if (maple_predictor_find_vtable(name, &vtable, NULL) != MAPLE_OK || i >= vtable->n_options)
        return false;
    const maple_option *option = &vtable->options[i];
    *out = (maple_option_info){.name = option->name, .help = option->help};
    if (option->words) {
        const char *word;
        int length = word_of(option, option->value, &word);
        snprintf(out->value, sizeof out->value, "%.*s", length, word);
        snprintf(out->values, sizeof out->values, "%s", option->words);
    } else {
        snprintf(out->value, sizeof out->value, "%g", option->value);
        snprintf(out->values, sizeof out->values, "%s%g to %g", option->whole ? "whole, " : "", option->min,
                 option->max);
    }
    return true;
}
