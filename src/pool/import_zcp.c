/* SPDX-License-Identifier: Apache-2.0 */
/* Zero-cost proxies as NASFLAT's repository keeps them: {architecture: {proxy: number, ...}, ...}. */
#include "pool/input.h"
#include "pool/pool_internal.h"

#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PROXIES = 256 };

typedef struct proxies {
    const char *name; /* of the file */
    const maple_space *space;
    maple_arch *archs;
    size_t n_archs, n;
    char (*names)[64];
    double *values; /* [MOST_PROXIES x n_archs], NaN where an architecture has none */
} proxies;

#define EXPECTED "{architecture: {proxy: number, ...}, ...}"

static const char *kind_of(const cJSON *item) {
    return cJSON_IsObject(item)   ? "an object"
           : cJSON_IsArray(item)  ? "an array"
           : cJSON_IsString(item) ? "a string"
           : cJSON_IsNumber(item) ? "a number"
           : cJSON_IsBool(item)   ? "true or false"
                                  : "null";
}

/* "NAME:LINE:COLUMN: " and what is wrong there. */
static maple_status fail_at(const char *name, const char *data, const char *at, const char *message,
                            maple_error *error) {
    int line = 1;
    const char *start = data;
    for (const char *c = data; c < at; c++)
        if (*c == '\n') {
            line++;
            start = c + 1;
        }
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s:%d:%td: %s", name, line, at - start + 1, message);
}

/* Where the proxy's values are; a new one is added. */
static maple_status find_proxy(proxies *p, const char *arch, const char *key, size_t *out,
                               maple_error *error) {
    char text[80], name[64];
    int length = snprintf(text, sizeof text, "zcp_%s", key);
    maple_score_name(text, strlen(text), sizeof name, name);
    *out = 0;
    if (!*key || length >= (int)sizeof name)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: %s: '%.80s' is not the name of a proxy", p->name,
                               arch, key);
    for (; *out < p->n; ++*out)
        if (strcmp(p->names[*out], name) == 0)
            return MAPLE_OK;
    if (p->n == MOST_PROXIES)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: %s: more than %d proxies", p->name, arch,
                               MOST_PROXIES);
    double *values = maple_resize(p->values, (p->n + 1) * p->n_archs, sizeof *values);
    char(*names)[64] = maple_resize(p->names, p->n + 1, sizeof *names);
    p->values = values ? values : p->values;
    p->names = names ? names : p->names;
    if (!values || !names)
        return maple_error_memory(error);
    memcpy(p->names[p->n], name, sizeof name);
    for (size_t i = 0; i < p->n_archs; i++)
        p->values[p->n * p->n_archs + i] = NAN;
    p->n++;
    return MAPLE_OK;
}

static maple_status read_arch(proxies *p, const cJSON *item, size_t row, maple_error *error) {
    const char *arch = item->string;
    maple_status status = maple_space_parse(p->space, arch, &p->archs[row], error);
    if (status != MAPLE_OK)
        return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s", p->name);
    if (!cJSON_IsObject(item))
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: %s: %s, where {proxy: number, ...} is expected",
                               p->name, arch, kind_of(item));
    const cJSON *value;
    cJSON_ArrayForEach(value, item) {
        size_t proxy = 0;
        if (!cJSON_IsNumber(value) || !isfinite(value->valuedouble))
            return maple_error_set(error, MAPLE_BAD_INPUT, "%s: %s: %s is not a finite number", p->name, arch,
                                   value->string);
        status = find_proxy(p, arch, value->string, &proxy, error);
        if (status != MAPLE_OK)
            return status;
        double *here = &p->values[proxy * p->n_archs + row];
        if (!isnan(*here))
            return maple_error_set(error, MAPLE_BAD_INPUT, "%s: %s: a second %s", p->name, arch,
                                   value->string);
        *here = value->valuedouble;
    }
    return MAPLE_OK;
}

static int compare_archs(const void *left, const void *right) {
    return memcmp(left, right, sizeof(maple_arch));
}

static maple_status check_duplicates(const proxies *p, maple_error *error) {
    char text[MAPLE_MAX_ARCH_TEXT];
    maple_arch *sorted = maple_alloc(p->n_archs, sizeof *sorted);
    if (!sorted)
        return maple_error_memory(error);
    memcpy(sorted, p->archs, p->n_archs * sizeof *sorted);
    qsort(sorted, p->n_archs, sizeof *sorted, compare_archs);
    maple_status status = MAPLE_OK;
    for (size_t i = 1; status == MAPLE_OK && i < p->n_archs; i++)
        if (maple_arch_equal(&sorted[i - 1], &sorted[i])) {
            maple_space_format(p->space, &sorted[i], text);
            status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: architecture '%s' is there twice", p->name,
                                     text);
        }
    maple_free(sorted);
    return status;
}

static maple_status read_all(proxies *p, const cJSON *root, maple_error *error) {
    size_t row = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, root) p->n_archs++;
    p->archs = maple_alloc(p->n_archs, sizeof *p->archs);
    if (!p->archs)
        return maple_error_memory(error);
    maple_status status = MAPLE_OK;
    cJSON_ArrayForEach(item, root) {
        status = read_arch(p, item, row++, error);
        if (status != MAPLE_OK)
            return status;
    }
    return check_duplicates(p, error);
}

/* The whole file: `root` is what cJSON made of it (NULL: nothing), `end` where it stopped. */
static maple_status check_root(const char *name, const char *data, const cJSON *root, const char *end,
                               maple_error *error) {
    char message[160];
    if (!root)
        return fail_at(name, data, end ? end : data, "not JSON: the file is " EXPECTED, error);
    const char *at = data + strspn(data, " \t\r\n");
    if (!cJSON_IsObject(root)) {
        snprintf(message, sizeof message, "%s, where " EXPECTED " is expected", kind_of(root));
        return fail_at(name, data, at, message, error);
    }
    return root->child ? MAPLE_OK : fail_at(name, data, at, "no architecture; expected " EXPECTED, error);
}

static maple_status store(maple_pool *pool, const proxies *p, maple_import_result *result,
                          maple_error *error) {
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; status == MAPLE_OK && i < p->n; i++) {
        const double *values = &p->values[i * p->n_archs];
        status = maple_pool_put_scores(pool, p->space, p->names[i], p->archs, values, p->n_archs, error);
        result->scores++;
        for (size_t k = 0; k < p->n_archs; k++)
            ++*(isnan(values[k]) ? &result->skipped : &result->values);
    }
    if (status == MAPLE_OK && result->values == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT,
                                 "%s: no architecture has a proxy; expected " EXPECTED, p->name);
    return maple_pool_end(pool, status, error);
}

maple_status maple_pool_import_zcp(maple_pool *pool, const char *path, const maple_space *space,
                                   maple_import_result *result, maple_error *error) {
    proxies p = {.name = maple_input_name(path), .space = space};
    maple_import_result counted = {0};
    const char *end = NULL;
    char *data;
    size_t bytes;
    maple_status status = maple_input_read(path, &data, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    cJSON *root = cJSON_ParseWithLengthOpts(data, bytes + 1, &end, true); /* with the NUL */
    status = check_root(p.name, data, root, end, error);
    if (status == MAPLE_OK)
        status = read_all(&p, root, error);
    if (status == MAPLE_OK)
        status = store(pool, &p, &counted, error);
    if (status == MAPLE_OK && result)
        *result = counted;
    cJSON_Delete(root);
    maple_free(data);
    maple_free(p.archs);
    maple_free(p.names);
    maple_free(p.values);
    return status;
}
