/* SPDX-License-Identifier: Apache-2.0 */
/* Reading HELP's files into architectures and latencies, with all that can be checked of them. */
#include "pool/help_files.h"
#include "pool/pickle.h"
#include "pool/zip.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct pt_file {
    const char *path;
    char *data;
    maple_pickle pickle;
} pt_file;

static maple_status fail(const pt_file *f, size_t at, maple_error *error, const char *format, ...)
    MAPLE_PRINTF(4, 5);

static maple_status fail(const pt_file *f, size_t at, maple_error *error, const char *format, ...) {
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s: byte %zu", f->path, at);
}

/* What the space says about an architecture, with the place in the file. */
static maple_status locate(const pt_file *f, size_t at, maple_error *error) {
    return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s: byte %zu", f->path, at);
}

static void close_file(pt_file *f) {
    maple_pickle_free(&f->pickle);
    maple_free(f->data);
}

static maple_status expect(const pt_file *f, const maple_pickle_value *value, maple_pickle_kind kind,
                           const char *what, maple_error *error) {
    if (value->kind == kind)
        return MAPLE_OK;
    return fail(f, value->at, error, "%s, where %s is %s", maple_pickle_kind_name(value->kind), what,
                maple_pickle_kind_name(kind));
}

/* Closed by close_file, also after a failure. */
static maple_status open_file(pt_file *f, const char *path, maple_pickle_kind kind, const char *what,
                              maple_error *error) {
    size_t bytes;
    maple_zip_member member;
    *f = (pt_file){.path = path};
    maple_status status = maple_read_file(path, MAPLE_HELP_MAX_FILE, &f->data, &bytes, error);
    if (status == MAPLE_OK)
        status = maple_zip_find(path, f->data, bytes, "data.pkl", &member, error);
    if (status == MAPLE_OK)
        status = maple_pickle_read(path, member.data, member.bytes, member.offset, &f->pickle, error);
    return status == MAPLE_OK ? expect(f, &f->pickle.root, kind, what, error) : status;
}

/* --- Latencies --- */

static maple_status read_latency(const pt_file *f, const maple_pickle_value *value, double *out,
                                 maple_error *error) {
    if (value->kind != MAPLE_PICKLE_INTEGER && value->kind != MAPLE_PICKLE_NUMBER)
        return fail(f, value->at, error, "%s, where a latency is a number",
                    maple_pickle_kind_name(value->kind));
    *out = value->kind == MAPLE_PICKLE_INTEGER ? (double)value->integer : value->number;
    if (!isfinite(*out) || *out <= 0)
        return fail(f, value->at, error, "a latency of %g ms is impossible: it is above 0 and finite", *out);
    return MAPLE_OK;
}

maple_status maple_help_read_latencies(const char *path, size_t n, double *out, maple_error *error) {
    pt_file f;
    maple_status status = open_file(&f, path, MAPLE_PICKLE_LIST, "a file of latencies", error);
    if (status == MAPLE_OK && f.pickle.root.items->n != n)
        status = fail(&f, f.pickle.root.at, error, "%zu latencies, where the space has %zu architectures",
                      f.pickle.root.items->n, n);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        status = read_latency(&f, &f.pickle.root.items->values[i], &out[i], error);
    close_file(&f);
    return status;
}

/* --- Architectures --- */

static maple_status allocate(maple_help_archs *a, const maple_space *space, size_t n, maple_error *error) {
    a->space = space;
    a->n = n;
    a->archs = maple_alloc(n, sizeof *a->archs);
    a->index = maple_alloc(n, sizeof *a->index);
    a->at = maple_alloc(n, sizeof *a->at);
    for (size_t i = 0; a->index && i < n; i++)
        a->index[i] = (int)i;
    return a->archs && a->index && a->at ? MAPLE_OK : maple_error_memory(error);
}

void maple_help_free_archs(maple_help_archs *archs) {
    maple_free(archs->archs);
    maple_free(archs->index);
    maple_free(archs->at);
    *archs = (maple_help_archs){0};
}

/* One item of the dict. */
static maple_status read_index(const pt_file *f, const maple_pickle_value *key, maple_help_archs *a,
                               maple_error *error) {
    const maple_pickle_value *index = key + 1;
    char text[MAPLE_MAX_ARCH_TEXT];
    maple_arch arch;
    maple_status status = expect(f, key, MAPLE_PICKLE_TEXT, "an architecture", error);
    if (status == MAPLE_OK)
        status = expect(f, index, MAPLE_PICKLE_INTEGER, "an index", error);
    if (status != MAPLE_OK)
        return status;
    if (key->length >= sizeof text || memchr(key->text, '\0', key->length))
        return fail(f, key->at, error, "a text of %u bytes is no architecture", key->length);
    memcpy(text, key->text, key->length);
    text[key->length] = '\0';
    if (maple_space_parse(a->space, text, &arch, error) != MAPLE_OK)
        return locate(f, key->at, error);
    if (index->integer < 0 || (uint64_t)index->integer >= a->n)
        return fail(f, index->at, error, "index %lld is not between 0 and %zu", (long long)index->integer,
                    a->n - 1);
    size_t i = (size_t)index->integer;
    if (a->at[i] != 0)
        return fail(f, index->at, error, "index %zu again: it stands at byte %zu too", i, a->at[i]);
    a->archs[i] = arch;
    a->at[i] = key->at;
    return MAPLE_OK;
}

maple_status maple_help_read_indices(const char *path, const maple_space *space, maple_help_archs *out,
                                     maple_error *error) {
    pt_file f;
    maple_help_archs archs = {0};
    size_t all = maple_space_enumerable(space);
    maple_status status = open_file(&f, path, MAPLE_PICKLE_DICT, "the file of indices", error);
    if (status == MAPLE_OK)
        status = allocate(&archs, space, all ? all : f.pickle.root.items->n / 2, error);
    for (size_t i = 0; status == MAPLE_OK && i < f.pickle.root.items->n; i += 2)
        status = read_index(&f, &f.pickle.root.items->values[i], &archs, error);
    if (status == MAPLE_OK && f.pickle.root.items->n / 2 != archs.n)
        status = fail(&f, f.pickle.root.at, error, "%zu architectures, where %s has %zu",
                      f.pickle.root.items->n / 2, maple_space_name(space), archs.n);
    close_file(&f);
    if (status == MAPLE_OK)
        *out = archs;
    else
        maple_help_free_archs(&archs);
    return status;
}

/* One item of the list. */
static maple_status read_operators(const pt_file *f, const maple_pickle_value *row, const maple_space *space,
                                   maple_arch *out, maple_error *error) {
    size_t positions = (size_t)maple_space_positions(space);
    maple_status status = expect(f, row, MAPLE_PICKLE_LIST, "an architecture", error);
    if (status == MAPLE_OK && row->items->n != positions)
        status = fail(f, row->at, error, "%zu operators, where an architecture of %s has %zu", row->items->n,
                      maple_space_name(space), positions);
    for (size_t i = 0; status == MAPLE_OK && i < positions; i++) {
        const maple_pickle_value *op = &row->items->values[i];
        status = expect(f, op, MAPLE_PICKLE_INTEGER, "an operator", error);
        if (status == MAPLE_OK && (op->integer < 0 || op->integer >= maple_space_ops(space)))
            status = fail(f, op->at, error, "operator %lld is not between 0 and %d", (long long)op->integer,
                          maple_space_ops(space) - 1);
        if (status == MAPLE_OK)
            out->op[i] = (uint8_t)op->integer;
    }
    return status;
}

maple_status maple_help_read_operators(const char *path, const maple_space *space, maple_help_archs *out,
                                       maple_error *error) {
    pt_file f;
    maple_help_archs archs = {0};
    maple_status status = open_file(&f, path, MAPLE_PICKLE_LIST, "the file of architectures", error);
    if (status == MAPLE_OK && f.pickle.root.items->n == 0)
        status = fail(&f, f.pickle.root.at, error, "no architecture");
    if (status == MAPLE_OK)
        status = allocate(&archs, space, f.pickle.root.items->n, error);
    for (size_t i = 0; status == MAPLE_OK && i < archs.n; i++) {
        const maple_pickle_value *row = &f.pickle.root.items->values[i];
        archs.at[i] = row->at;
        status = read_operators(&f, row, space, &archs.archs[i], error);
    }
    close_file(&f);
    if (status == MAPLE_OK)
        *out = archs;
    else
        maple_help_free_archs(&archs);
    return status;
}
