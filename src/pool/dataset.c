/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a predictor learns from, in memory. Each pool's architectures are read once and sorted by their
 * id; the latencies of a platform come in that order too (it is the key of the table), so they are merged
 * without look-ups.
 */
#include "pool/pool_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    maple_arch arch;
    int64_t id;  /* in its pool */
    size_t pool; /* which one */
    size_t text; /* where its string starts in `texts` */
    size_t row;  /* in the dataset */
    int index;
} entry;

typedef struct loader {
    maple_pool *const *pools;
    size_t n_pools;
    const maple_space *space;
    entry *entries;
    size_t n_entries, capacity;
    maple_text texts;
    maple_dataset *dataset;
    bool flagged; /* labels, too */
} loader;

static maple_status add_entry(loader *l, size_t pool, sqlite3_stmt *row, maple_error *error) {
    enum { FIRST = 4096 };
    if (l->n_entries == l->capacity) {
        size_t capacity = l->capacity ? l->capacity * 2 : FIRST;
        entry *larger = maple_resize(l->entries, capacity, sizeof *larger);
        if (!larger)
            return maple_error_memory(error);
        l->entries = larger;
        l->capacity = capacity;
    }
    entry *e = &l->entries[l->n_entries];
    const char *text = (const char *)sqlite3_column_text(row, 1);
    *e = (entry){.id = sqlite3_column_int64(row, 0), .pool = pool, .text = l->texts.length};
    e->index = sqlite3_column_type(row, 2) == SQLITE_NULL ? -1 : sqlite3_column_int(row, 2);
    maple_status status = maple_space_parse(l->space, text ? text : "", &e->arch, error);
    if (status != MAPLE_OK)
        return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s: the pool is damaged", l->pools[pool]->path);
    maple_text_add(&l->texts, text);
    l->texts.length++; /* keeps the NUL: the texts lie one after the other */
    l->n_entries++;
    return l->texts.failed ? maple_error_memory(error) : MAPLE_OK;
}

static maple_status load_archs(loader *l, size_t pool, maple_error *error) {
    sqlite3_stmt *statement;
    bool row = true;
    maple_status status =
        maple_pool_prepare(l->pools[pool], &statement, error,
                           "SELECT id, arch, canonical_index FROM architectures "
                           "WHERE space = (SELECT id FROM spaces WHERE name = ?) ORDER BY id",
                           "s", maple_space_name(l->space));
    while (status == MAPLE_OK &&
           (status = maple_pool_step(l->pools[pool], statement, &row, error)) == MAPLE_OK && row)
        status = add_entry(l, pool, statement, error);
    sqlite3_finalize(statement);
    return status;
}

typedef struct sorted_text {
    const char *text;
    entry *entry;
} sorted_text;

static int compare_texts(const void *left, const void *right) {
    return strcmp(((const sorted_text *)left)->text, ((const sorted_text *)right)->text);
}

/* Gives each different architecture its row, ordered by text. */
static maple_status number_rows(loader *l, maple_error *error) {
    maple_dataset *d = l->dataset;
    sorted_text *sorted = maple_alloc(l->n_entries, sizeof *sorted);
    d->archs = maple_alloc(l->n_entries, sizeof *d->archs);
    d->index = maple_alloc(l->n_entries, sizeof *d->index);
    if (!sorted || !d->archs || !d->index) {
        maple_free(sorted);
        return maple_error_memory(error);
    }
    for (size_t i = 0; i < l->n_entries; i++)
        sorted[i] = (sorted_text){.text = l->texts.data + l->entries[i].text, .entry = &l->entries[i]};
    qsort(sorted, l->n_entries, sizeof *sorted, compare_texts);
    for (size_t i = 0; i < l->n_entries; i++) {
        entry *e = sorted[i].entry;
        if (i == 0 || compare_texts(&sorted[i - 1], &sorted[i]) != 0) {
            d->archs[d->n_archs] = e->arch;
            d->index[d->n_archs++] = -1;
        }
        e->row = d->n_archs - 1;
        if (e->index >= 0)
            d->index[e->row] = e->index;
    }
    maple_free(sorted);
    return MAPLE_OK;
}

/* --- Platforms --- */

static void release_platform(maple_dataset_platform *p) {
    maple_free(p->latency_ms);
    maple_free(p->operator_ms);
    maple_free(p->counters_warm);
    maple_free(p->counters_cold);
}

static double *allocate_unknown(size_t n) {
    double *values = maple_alloc(n, sizeof *values);
    for (size_t i = 0; values && i < n; i++)
        values[i] = NAN;
    return values;
}

/* Puts what `sql` gives for `key` (architecture's id, value; ordered by id) into its rows of `out` where they
 * are still unknown. */
static maple_status load_column(loader *l, size_t pool, const char *sql, int64_t key, double *out,
                                size_t *found, maple_error *error) {
    sqlite3_stmt *statement;
    bool row = true;
    maple_status status = maple_pool_prepare(l->pools[pool], &statement, error, sql, "l", key);
    size_t at = 0;
    *found = 0;
    while (at < l->n_entries && l->entries[at].pool != pool)
        at++;
    while (status == MAPLE_OK &&
           (status = maple_pool_step(l->pools[pool], statement, &row, error)) == MAPLE_OK && row) {
        int64_t id = sqlite3_column_int64(statement, 0);
        while (at < l->n_entries && l->entries[at].pool == pool && l->entries[at].id < id)
            at++;
        if (at == l->n_entries || l->entries[at].pool != pool || l->entries[at].id != id)
            continue;
        double *value = &out[l->entries[at].row];
        if (isnan(*value))
            *value = sqlite3_column_double(statement, 1);
        ++*found;
    }
    sqlite3_finalize(statement);
    return status;
}

static maple_status load_counters(loader *l, size_t pool, maple_dataset_platform *p, maple_cache_state state,
                                  double *out, maple_error *error) {
    size_t n = maple_space_descriptor_operators(l->space) * MAPLE_EVENTS;
    maple_count *counts = maple_alloc(n, sizeof *counts);
    if (!counts)
        return maple_error_memory(error);
    maple_status status = maple_pool_counters(l->pools[pool], p->platform.id, l->space, state, counts, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        out[i] = counts[i].value;
    maple_free(counts);
    return status;
}

static maple_status load_descriptor(loader *l, size_t pool, maple_dataset_platform *p, maple_error *error) {
    size_t n = maple_space_operators(l->space);
    maple_operator_latency *rows = maple_alloc(n, sizeof *rows);
    if (!rows)
        return maple_error_memory(error);
    maple_status status = maple_pool_operators(l->pools[pool], p->platform.id, l->space, rows, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        p->operator_ms[i] = rows[i].latency_ms;
    maple_free(rows);
    if (status == MAPLE_OK)
        status = load_counters(l, pool, p, MAPLE_CACHE_WARM, p->counters_warm, error);
    if (status == MAPLE_OK)
        status = load_counters(l, pool, p, MAPLE_CACHE_COLD, p->counters_cold, error);
    return status;
}

static const char all_latencies[] =
    "SELECT arch, latency_ms FROM latencies WHERE platform = ? AND latency_ms IS NOT NULL ORDER BY arch";
static const char fine_latencies[] = "SELECT arch, latency_ms FROM latencies WHERE platform = ? AND "
                                     "latency_ms IS NOT NULL AND flag IS NULL ORDER BY arch";

static maple_status load_latencies(loader *l, size_t pool, maple_dataset_platform *p, size_t *found,
                                   maple_error *error) {
    bool leave_out = !l->flagged && maple_pool_has_flags(l->pools[pool]);
    maple_status status = MAPLE_OK;
    if (leave_out)
        status = maple_pool_count_flagged(l->pools[pool], p->platform.id, l->space, &p->n_flagged, error);
    return status == MAPLE_OK ? load_column(l, pool, leave_out ? fine_latencies : all_latencies,
                                            p->platform.id, p->latency_ms, found, error)
                              : status;
}

/* At the end of a list, which has room for powers of two. Releases what is not added. */
static maple_status add_platform(maple_dataset_platform **list, size_t *n, maple_dataset_platform *added,
                                 maple_error *error) {
    if ((*n & (*n - 1)) == 0) {
        maple_dataset_platform *larger = maple_resize(*list, *n > 0 ? *n * 2 : 1, sizeof *larger);
        if (!larger) {
            release_platform(added);
            return maple_error_memory(error);
        }
        *list = larger;
    }
    (*list)[(*n)++] = *added;
    return MAPLE_OK;
}

static bool is_known(const double *values, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            return true;
    return false;
}

static maple_status load_platform(loader *l, size_t pool, const maple_platform *platform,
                                  maple_error *error) {
    maple_dataset *d = l->dataset;
    size_t operators = maple_space_operators(l->space), found = 0;
    size_t counters = maple_space_descriptor_operators(l->space) * MAPLE_EVENTS;
    maple_dataset_platform p = {
        .platform = *platform,
        .latency_ms = allocate_unknown(d->n_archs),
        .operator_ms = maple_alloc(operators, sizeof(double)),
        .counters_warm = maple_alloc(counters, sizeof(double)),
        .counters_cold = maple_alloc(counters, sizeof(double)),
    };
    maple_status status = MAPLE_OK;
    if (!p.latency_ms || !p.operator_ms || !p.counters_warm || !p.counters_cold)
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        status = load_latencies(l, pool, &p, &found, error);
    if (status == MAPLE_OK)
        status = load_descriptor(l, pool, &p, error);
    if (status == MAPLE_OK && found > 0)
        return add_platform(&d->platforms, &d->n_platforms, &p, error);
    if (status == MAPLE_OK && (is_known(p.operator_ms, operators) || is_known(p.counters_warm, counters) ||
                               is_known(p.counters_cold, counters)))
        return add_platform(&d->profiled, &d->n_profiled, &p, error);
    release_platform(&p);
    return status;
}

static maple_status load_platforms(loader *l, size_t pool, maple_error *error) {
    maple_platform *platforms;
    size_t n;
    maple_status status = maple_pool_platforms(l->pools[pool], &platforms, &n, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) /* names are unique in a pool */
        if (!maple_dataset_find(l->dataset, platforms[i].name))
            status = load_platform(l, pool, &platforms[i], error);
    maple_free(platforms);
    return status;
}

/* --- Scores --- */

/* The score of this name; a new one keeps them ordered by name. */
static maple_dataset_score *make_score(maple_dataset *d, const char *name) {
    size_t at = 0;
    while (at < d->n_scores && strcmp(d->scores[at].name, name) < 0)
        at++;
    if (at < d->n_scores && strcmp(d->scores[at].name, name) == 0)
        return &d->scores[at];
    maple_dataset_score *larger = maple_resize(d->scores, d->n_scores + 1, sizeof *larger);
    if (!larger)
        return NULL;
    d->scores = larger;
    maple_dataset_score added = {.value = allocate_unknown(d->n_archs)};
    if (!added.value)
        return NULL;
    snprintf(added.name, sizeof added.name, "%s", name);
    memmove(&d->scores[at + 1], &d->scores[at], (d->n_scores++ - at) * sizeof added);
    d->scores[at] = added;
    return &d->scores[at];
}

static maple_status load_scores(loader *l, size_t pool, maple_error *error) {
    static const char values[] = "SELECT arch, value FROM score_values WHERE score = ? ORDER BY arch";
    sqlite3_stmt *statement;
    bool has = false, row = true;
    maple_status status = maple_pool_has_scores(l->pools[pool], &has, error);
    if (status != MAPLE_OK || !has)
        return status;
    status = maple_pool_prepare(
        l->pools[pool], &statement, error,
        "SELECT id, name FROM scores WHERE space = (SELECT id FROM spaces WHERE name = ?) ORDER BY name", "s",
        maple_space_name(l->space));
    while (status == MAPLE_OK &&
           (status = maple_pool_step(l->pools[pool], statement, &row, error)) == MAPLE_OK && row) {
        char name[64];
        size_t found;
        maple_pool_column_text(statement, 1, name, sizeof name);
        maple_dataset_score *score = make_score(l->dataset, name);
        status = score ? load_column(l, pool, values, sqlite3_column_int64(statement, 0), score->value,
                                     &found, error)
                       : maple_error_memory(error);
    }
    sqlite3_finalize(statement);
    return status;
}

/* --- What is left out --- */

/* Takes out the scores that say nothing about the architectures that are left. */
static void drop_unknown_scores(maple_dataset *d) {
    size_t kept = 0;
    for (size_t i = 0; i < d->n_scores; i++) {
        if (is_known(d->scores[i].value, d->n_archs))
            d->scores[kept++] = d->scores[i];
        else
            maple_free(d->scores[i].value);
    }
    d->n_scores = kept;
}

/* Takes out the architectures that no platform has a latency for. */
static void drop_unmeasured(maple_dataset *d) {
    size_t kept = 0;
    for (size_t i = 0; i < d->n_archs; i++) {
        bool measured = false;
        for (size_t p = 0; !measured && p < d->n_platforms; p++)
            measured = !isnan(d->platforms[p].latency_ms[i]);
        if (!measured)
            continue;
        d->archs[kept] = d->archs[i];
        d->index[kept] = d->index[i];
        for (size_t p = 0; p < d->n_platforms; p++)
            d->platforms[p].latency_ms[kept] = d->platforms[p].latency_ms[i];
        for (size_t k = 0; k < d->n_scores; k++)
            d->scores[k].value[kept] = d->scores[k].value[i];
        kept++;
    }
    d->n_archs = kept;
}

static maple_status load(loader *l, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < l->n_pools; i++)
        status = load_archs(l, i, error);
    if (status == MAPLE_OK)
        status = number_rows(l, error);
    for (size_t i = 0; status == MAPLE_OK && i < l->n_pools; i++)
        status = load_platforms(l, i, error);
    for (size_t i = 0; status == MAPLE_OK && i < l->n_pools; i++)
        status = load_scores(l, i, error);
    if (status == MAPLE_OK) {
        drop_unmeasured(l->dataset);
        drop_unknown_scores(l->dataset);
    }
    return status;
}

maple_status maple_dataset_load(maple_pool *const *pools, size_t n_pools, const maple_space *space,
                                maple_dataset **out, maple_error *error) {
    return maple_dataset_load_flagged(pools, n_pools, space, false, out, error);
}

maple_status maple_dataset_load_flagged(maple_pool *const *pools, size_t n_pools, const maple_space *space,
                                        bool flagged, maple_dataset **out, maple_error *error) {
    loader l = {.pools = pools, .n_pools = n_pools, .space = space, .flagged = flagged};
    l.dataset = maple_alloc(1, sizeof *l.dataset);
    if (!l.dataset)
        return maple_error_memory(error);
    l.dataset->space = space;
    size_t begun = 0;
    maple_status status = MAPLE_OK;
    while (begun < n_pools && (status = maple_pool_begin_read(pools[begun], error)) == MAPLE_OK)
        begun++;
    if (status == MAPLE_OK)
        status = load(&l, error);
    while (begun > 0)
        status = maple_pool_end(pools[--begun], status, error);
    maple_free(l.entries);
    maple_text_free(&l.texts);
    if (status != MAPLE_OK) {
        maple_dataset_free(l.dataset);
        return status;
    }
    *out = l.dataset;
    return MAPLE_OK;
}

void maple_dataset_free(maple_dataset *dataset) {
    if (!dataset)
        return;
    for (size_t i = 0; i < dataset->n_platforms; i++)
        release_platform(&dataset->platforms[i]);
    for (size_t i = 0; i < dataset->n_profiled; i++)
        release_platform(&dataset->profiled[i]);
    for (size_t i = 0; i < dataset->n_scores; i++)
        maple_free(dataset->scores[i].value);
    maple_free(dataset->scores);
    maple_free(dataset->platforms);
    maple_free(dataset->profiled);
    maple_free(dataset->archs);
    maple_free(dataset->index);
    maple_free(dataset);
}

ptrdiff_t maple_dataset_platform_row(const maple_dataset *dataset, const char *name) {
    for (size_t i = 0; i < dataset->n_platforms; i++)
        if (strcmp(dataset->platforms[i].platform.name, name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

const maple_dataset_platform *maple_dataset_find(const maple_dataset *dataset, const char *name) {
    ptrdiff_t row = maple_dataset_platform_row(dataset, name);
    if (row >= 0)
        return &dataset->platforms[row];
    for (size_t i = 0; i < dataset->n_profiled; i++)
        if (strcmp(dataset->profiled[i].platform.name, name) == 0)
            return &dataset->profiled[i];
    return NULL;
}

/* --- Reference architectures --- */

static double reference_latency(const maple_dataset *dataset, const maple_dataset_platform *platform,
                                const maple_arch *reference) {
    maple_graph_form form = platform->platform.graph;
    double found = NAN;
    if (form == MAPLE_GRAPH_PRUNED && maple_space_degenerate(dataset->space, reference))
        return NAN;
    maple_arch wanted = maple_space_canonical(dataset->space, form, reference);
    for (size_t i = 0; i < dataset->n_archs; i++) {
        double ms = platform->latency_ms[i];
        if (!isfinite(ms) || ms <= 0)
            continue;
        if (maple_arch_equal(&dataset->archs[i], reference))
            return ms;
        if (!isnan(found))
            continue;
        maple_arch executed = maple_space_canonical(dataset->space, form, &dataset->archs[i]);
        if (maple_arch_equal(&executed, &wanted))
            found = ms;
    }
    return found;
}

size_t maple_dataset_references(const maple_dataset *dataset, const maple_dataset_platform *platform,
                                double *latency_ms) {
    size_t known = 0;
    for (size_t r = 0; r < maple_space_references(dataset->space); r++) {
        maple_arch reference = maple_space_reference(dataset->space, r);
        latency_ms[r] = reference_latency(dataset, platform, &reference);
        known += isnan(latency_ms[r]) ? 0 : 1;
    }
    return known;
}
