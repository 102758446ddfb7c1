/* SPDX-License-Identifier: Apache-2.0 */
/* Which architectures of a target are measured. */
#include "evaluate/samplers.h"
#include "space/arch_index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum method { SUGGEST, RANDOM, PARAMS, LATENCY, KMEANS, COSINE } method;

static const char *const METHODS[] = {"suggest", "random", "params", "latency", "kmeans", "cosine"};

typedef struct sampler {
    method method;
    maple_encoding encoding; /* of KMEANS and COSINE */
} sampler;

/* --- Names --- */

static maple_status unknown_sampler(const char *name, maple_error *error) {
    return maple_error_set(error, MAPLE_NOT_FOUND,
                           "no sampler is called '%.60s'; there are: suggest, random, params, latency, "
                           "kmeans:ENCODING, cosine:ENCODING (encodings: one-hot, features, zcp), and zcp "
                           "(cosine:zcp)",
                           name);
}

static maple_status parse(const char *name, sampler *out, maple_error *error) {
    if (strcmp(name, "zcp") == 0) {
        *out = (sampler){COSINE, MAPLE_ENCODE_ZCP};
        return MAPLE_OK;
    }
    size_t length = strcspn(name, ":");
    for (int m = SUGGEST; m <= COSINE; m++) {
        if (strlen(METHODS[m]) != length || memcmp(METHODS[m], name, length) != 0)
            continue;
        bool encoded = m == KMEANS || m == COSINE;
        out->method = (method)m;
        if (encoded != (name[length] == ':'))
            return unknown_sampler(name, error);
        if (!encoded)
            return MAPLE_OK;
        for (int e = 0; e < MAPLE_ENCODINGS; e++) {
            if (strcmp(maple_encoding_name((maple_encoding)e), name + length + 1) == 0) {
                out->encoding = (maple_encoding)e;
                return MAPLE_OK;
            }
        }
    }
    return unknown_sampler(name, error);
}

maple_status maple_sampler_check(const maple_dataset *dataset, const char *name, maple_error *error) {
    sampler s = {0};
    maple_status status = parse(name, &s, error);
    if (status == MAPLE_OK && (s.method == KMEANS || s.method == COSINE))
        status = maple_encoding_check(dataset, s.encoding, error);
    return status;
}

/* --- Candidates --- */

/* Of rows that run the same pruned graph keeps the first; *n: how many are left. */
static maple_status keep_distinct(const maple_dataset *d, size_t *rows, size_t *n, maple_error *error) {
    maple_arch_index graphs;
    maple_status status = maple_arch_index_create(d->space, *n, &graphs, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; i < *n; i++) {
        maple_arch graph = maple_space_canonical(d->space, MAPLE_GRAPH_PRUNED, &d->archs[rows[i]]);
        size_t kept = graphs.n;
        if (maple_arch_index_add(&graphs, &graph) == kept)
            rows[kept] = rows[i];
    }
    *n = graphs.n;
    maple_arch_index_release(&graphs);
    return MAPLE_OK;
}

/* The rows that can be measured, one for each network, in random order. */
static maple_status shuffle_candidates(const maple_dataset *d, size_t platform, maple_rng *rng, size_t **out,
                                       size_t *n, maple_error *error) {
    const maple_dataset_platform *p = &d->platforms[platform];
    bool pruned = p->platform.graph == MAPLE_GRAPH_PRUNED;
    size_t *rows = maple_alloc(d->n_archs, sizeof *rows), found = 0;
    if (!rows)
        return maple_error_memory(error);
    for (size_t i = 0; i < d->n_archs; i++) {
        if (isfinite(p->latency_ms[i]) && !(pruned && maple_space_degenerate(d->space, &d->archs[i])))
            rows[found++] = i;
    }
    maple_rng_shuffle(rng, found, rows);
    maple_status status = pruned ? keep_distinct(d, rows, &found, error) : MAPLE_OK;
    if (status != MAPLE_OK) {
        maple_free(rows);
        return status;
    }
    *out = rows;
    *n = found;
    return MAPLE_OK;
}

/* --- Buckets --- */

typedef struct valued {
    double value;
    size_t row;
} valued;

static int compare_values(const void *left, const void *right) {
    const valued *a = left, *b = right;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* Sorts by (value, row), cuts into n buckets as numpy's array_split does (the first total mod n hold one
 * more), and draws one of each. */
static void draw_from_buckets(valued *items, size_t total, size_t n, maple_rng *rng, size_t *rows) {
    qsort(items, total, sizeof *items, compare_values);
    size_t start = 0;
    for (size_t b = 0; b < n; b++) {
        size_t size = total / n + (b < total % n);
        rows[b] = items[start + (size_t)maple_rng_below(rng, size)].row;
        start += size;
    }
}

/* Parameters of what the platform executes, without those of the skeleton. */
static double count_params(const maple_dataset *d, maple_graph_form form, size_t row) {
    maple_arch arch = maple_space_canonical(d->space, form, &d->archs[row]);
    double params = 0;
    for (int p = 0; p < maple_space_positions(d->space); p++) {
        maple_cost cost;
        maple_space_position_cost(d->space, p, arch.op[p], &cost);
        params += cost.params;
    }
    return params;
}

/* values[i].value: mean cosine of point i to all points, its own included; 0 for a zero vector. */
static maple_status mean_cosines(const double *points, size_t n, size_t d, valued *values,
                                 maple_error *error) {
    double *mean = maple_alloc(d, sizeof *mean), *norms = maple_alloc(n, sizeof *norms);
    if (mean && norms) {
        for (size_t i = 0; i < n; i++) {
            for (size_t c = 0; c < d; c++)
                norms[i] += points[i * d + c] * points[i * d + c];
            norms[i] = sqrt(norms[i]);
            for (size_t c = 0; c < d && norms[i] > 0; c++)
                mean[c] += points[i * d + c] / norms[i] / (double)n;
        }
        for (size_t i = 0; i < n; i++) {
            values[i].value = 0;
            for (size_t c = 0; c < d && norms[i] > 0; c++)
                values[i].value += points[i * d + c] / norms[i] * mean[c];
        }
    }
    bool fine = mean && norms;
    maple_free(mean);
    maple_free(norms);
    return fine ? MAPLE_OK : maple_error_memory(error);
}

static maple_status draw_sorted(const maple_dataset *d, size_t platform, const sampler *s,
                                const size_t *candidates, size_t total, size_t n, maple_rng *rng,
                                size_t *rows, maple_error *error) {
    const maple_dataset_platform *p = &d->platforms[platform];
    double *points = NULL;
    size_t dimensions;
    maple_status status = MAPLE_OK;
    valued *items = maple_alloc(total, sizeof *items);
    if (!items)
        return maple_error_memory(error);
    for (size_t i = 0; i < total; i++)
        items[i].row = candidates[i];
    if (s->method == COSINE) {
        status =
            maple_encode(d, s->encoding, p->platform.graph, candidates, total, &points, &dimensions, error);
        if (status == MAPLE_OK)
            status = mean_cosines(points, total, dimensions, items, error);
    } else {
        for (size_t i = 0; i < total; i++)
            items[i].value = s->method == LATENCY ? p->latency_ms[candidates[i]]
                                                  : count_params(d, p->platform.graph, candidates[i]);
    }
    if (status == MAPLE_OK)
        draw_from_buckets(items, total, n, rng, rows);
    maple_free(items);
    maple_free(points);
    return status;
}

/* --- Clusters --- */

/* One uniform random member of each cluster, and for those that stayed empty (fewer different points than
 * clusters) any that is left. */
static void draw_members(const size_t *cluster, size_t *candidates, size_t total, size_t n, maple_rng *rng,
                         bool *taken, size_t *rows) {
    size_t found = 0;
    for (size_t c = 0; c < n; c++) {
        size_t members = 0, chosen = SIZE_MAX;
        for (size_t i = 0; i < total; i++) {
            if (cluster[i] == c && maple_rng_below(rng, ++members) == 0)
                chosen = i;
        }
        if (chosen == SIZE_MAX)
            continue;
        taken[chosen] = true;
        rows[found++] = candidates[chosen];
    }
    while (found < n) {
        size_t i = (size_t)maple_rng_below(rng, total);
        if (!taken[i]) {
            taken[i] = true;
            rows[found++] = candidates[i];
        }
    }
}

static maple_status draw_clustered(const maple_dataset *d, size_t platform, const sampler *s,
                                   size_t *candidates, size_t total, size_t n, maple_rng *rng, size_t *rows,
                                   maple_error *error) {
    double *points = NULL;
    size_t dimensions;
    size_t *cluster = maple_alloc(total, sizeof *cluster);
    bool *taken = maple_alloc(total, sizeof *taken);
    maple_status status = cluster && taken ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_encode(d, s->encoding, d->platforms[platform].platform.graph, candidates, total,
                              &points, &dimensions, error);
    if (status == MAPLE_OK)
        status = maple_kmeans(points, total, dimensions, n, rng, cluster, error);
    if (status == MAPLE_OK)
        draw_members(cluster, candidates, total, n, rng, taken, rows);
    maple_free(points);
    maple_free(cluster);
    maple_free(taken);
    return status;
}

static maple_status too_few(const maple_dataset *dataset, size_t platform, size_t n, size_t total,
                            maple_error *error) {
    return maple_error_set(error, MAPLE_BAD_INPUT,
                           "%zu samples asked for, but %s has only %zu different networks with a "
                           "latency; ask for fewer, or measure or import more",
                           n, dataset->platforms[platform].platform.name, total);
}

maple_status maple_sampler_draw(const maple_dataset *dataset, size_t platform, const char *name, size_t n,
                                uint64_t seed, size_t *rows, maple_error *error) {
    sampler s = {0};
    size_t *candidates = NULL, total = 0;
    maple_rng rng = maple_rng_seed(seed);
    maple_status status = parse(name, &s, error);
    if (status == MAPLE_OK && s.method == SUGGEST)
        status = maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                 "sampler suggest needs a model that was pre-trained on other platforms: "
                                 "maple_sampler_suggest");
    if (status == MAPLE_OK)
        status = shuffle_candidates(dataset, platform, &rng, &candidates, &total, error);
    if (status != MAPLE_OK)
        return status;
    if (n > total)
        status = too_few(dataset, platform, n, total, error);
    else if (n > 0 && s.method == RANDOM)
        memcpy(rows, candidates, n * sizeof *rows);
    else if (n > 0 && s.method == KMEANS)
        status = draw_clustered(dataset, platform, &s, candidates, total, n, &rng, rows, error);
    else if (n > 0)
        status = draw_sorted(dataset, platform, &s, candidates, total, n, &rng, rows, error);
    maple_free(candidates);
    return status;
}

/* --- What a model asks for --- */

/* rows[n]: of the candidates, in random order, first those that the model asks for among the first half of
 * them (at most MAPLE_SUGGEST_AMONG), then those that it did not choose, in their order. */
static maple_status draw_suggested(const maple_dataset *d, const maple_pretrained *pretrained,
                                   const maple_fit_request *request, const size_t *candidates, size_t total,
                                   size_t n, size_t *rows, maple_error *error) {
    size_t half = (total + 1) / 2, among = half < MAPLE_SUGGEST_AMONG ? half : MAPLE_SUGGEST_AMONG;
    size_t wanted = n < among ? n : among, found = 0;
    maple_arch *archs = maple_alloc(among, sizeof *archs);
    size_t *chosen = maple_alloc(wanted, sizeof *chosen);
    bool *taken = maple_alloc(total, sizeof *taken);
    maple_status status = archs && chosen && taken ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < among; i++)
        archs[i] = d->archs[candidates[i]];
    if (status == MAPLE_OK)
        status = maple_pretrained_suggest(pretrained, request, archs, among, wanted, 0, chosen, NULL, &found,
                                          error);
    for (size_t i = 0; status == MAPLE_OK && i < found; i++) {
        rows[i] = candidates[chosen[i]];
        taken[chosen[i]] = true;
    }
    for (size_t i = 0; status == MAPLE_OK && found < n; i++)
        if (!taken[i])
            rows[found++] = candidates[i];
    maple_free(archs);
    maple_free(chosen);
    maple_free(taken);
    return status;
}

maple_status maple_sampler_suggest(const maple_dataset *dataset, size_t platform,
                                   const maple_pretrained *pretrained, const maple_fit_request *request,
                                   size_t n, uint64_t seed, size_t *rows, maple_error *error) {
    size_t *candidates = NULL, total = 0;
    maple_rng rng = maple_rng_seed(seed);
    maple_fit_request blind = *request;
    blind.target.n_samples = 0; /* nothing of it is measured yet */
    maple_status status = shuffle_candidates(dataset, platform, &rng, &candidates, &total, error);
    if (status != MAPLE_OK)
        return status;
    status = n > total ? too_few(dataset, platform, n, total, error)
                       : draw_suggested(dataset, pretrained, &blind, candidates, total, n, rows, error);
    maple_free(candidates);
    return status;
}
