/* SPDX-License-Identifier: Apache-2.0 */
/* Distances between the descriptors of platforms. */
#include "maple/distances.h"
#include "maple/predictor.h"
#include "predictor/maple_descriptor.h"

#include <math.h>
#include <string.h>

typedef struct map {
    const maple_dataset *dataset;
    const maple_dataset_platform **platforms; /* [n] */
    size_t n, operators, counters;            /* counters: of one cache state */
    float *s;                                 /* [n, length]: descriptors */
    size_t length;
    double *scratch; /* [the larger of operators, 2 x counters] */
} map;

static bool has_descriptor(const maple_dataset *dataset, const maple_dataset_platform *platform) {
    maple_target known = maple_dataset_target(dataset, platform);
    return known.operator_ms || known.counters_warm || known.counters_cold;
}

static void find_platforms(map *m) {
    const maple_dataset *d = m->dataset;
    for (size_t i = 0; i < d->n_platforms + d->n_profiled; i++) {
        const maple_dataset_platform *platform =
            i < d->n_platforms ? &d->platforms[i] : &d->profiled[i - d->n_platforms];
        if (has_descriptor(d, platform))
            m->platforms[m->n++] = platform;
    }
}

/* S of each, all being sources. */
static maple_status describe(map *m, maple_error *error) {
    const maple_space *space = m->dataset->space;
    const maple_parts parts = {.operators = true, .counters = COUNTERS_ANY, .counters_per_latency = true};
    maple_axes axes = {0};
    maple_measured *measured = maple_alloc(m->n, sizeof *measured);
    if (!measured)
        return maple_error_memory(error);
    for (size_t p = 0; p < m->n; p++)
        measured[p] = (maple_measured){.graph = m->platforms[p]->platform.graph,
                                       .operator_ms = m->platforms[p]->operator_ms,
                                       .counters_warm = m->platforms[p]->counters_warm,
                                       .counters_cold = m->platforms[p]->counters_cold,
                                       .provider = m->platforms[p]->platform.counters};
    maple_status status = maple_axes_learn(space, parts, measured, m->n, NULL, &axes, error);
    m->length = axes.kept;
    m->s = status == MAPLE_OK ? maple_alloc_aligned(m->n * axes.kept, sizeof(float)) : NULL;
    if (status == MAPLE_OK && !m->s)
        status = maple_error_memory(error);
    for (size_t p = 0; p < m->n && status == MAPLE_OK; p++)
        status = maple_axes_apply(&axes, space, &measured[p], m->s + p * axes.kept, error);
    maple_axes_release(&axes);
    maple_free(measured);
    return status;
}

static double median(double *values, size_t n) {
    maple_sort_doubles(values, n);
    return n > 0 ? maple_quantile_sorted(values, n, 0.5) : NAN;
}

static void compare_operators(map *m, maple_distance *d) {
    const double *a = d->a->operator_ms, *b = d->b->operator_ms;
    size_t n = 0;
    for (size_t i = 0; a && b && i < m->operators; i++)
        if (a[i] > 0 && b[i] > 0 && isfinite(a[i]) && isfinite(b[i]))
            m->scratch[n++] = log(b[i] / a[i]);
    double level = median(m->scratch, n), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += fabs(m->scratch[i] - level);
    d->n_operators = n;
    d->scale = exp(level);
    /* A mean: where only the convolutions are faster (AMX) most operators are as they were. */
    d->operators = n > 0 ? sum / (double)n : NAN;
}

static size_t add_counters(const double *a, const double *b, size_t n, double *out) {
    size_t found = 0;
    for (size_t i = 0; a && b && i < n; i++)
        if (a[i] >= 0 && b[i] >= 0 && isfinite(a[i]) && isfinite(b[i]))
            out[found++] = fabs(log((b[i] + 1) / (a[i] + 1)));
    return found;
}

static void compare_counters(map *m, maple_distance *d) {
    size_t n = 0;
    if (strcmp(d->a->platform.counters, d->b->platform.counters) == 0) {
        n = add_counters(d->a->counters_warm, d->b->counters_warm, m->counters, m->scratch);
        n += add_counters(d->a->counters_cold, d->b->counters_cold, m->counters, m->scratch + n);
    }
    d->n_counters = n;
    d->counters = median(m->scratch, n);
}

/* S without a column: nothing tells the platforms apart. */
static double between(const map *m, size_t p, size_t q) {
    double square = 0;
    for (size_t k = 0; k < m->length; k++)
        square += pow((double)m->s[p * m->length + k] - (double)m->s[q * m->length + k], 2);
    return sqrt(square);
}

maple_status maple_dataset_distances(const maple_dataset *dataset, maple_distance **out, size_t *n,
                                     maple_error *error) {
    map m = {.dataset = dataset,
             .operators = maple_space_descriptor_operators(dataset->space),
             .counters = maple_space_descriptor_operators(dataset->space) * MAPLE_EVENTS};
    size_t all = dataset->n_platforms + dataset->n_profiled, pair = 0;
    maple_distance *pairs = NULL;
    m.platforms = maple_alloc(all, sizeof(*m.platforms));
    m.scratch = maple_alloc(2 * m.counters, sizeof *m.scratch); /* more than there are operators */
    maple_status status = m.platforms && m.scratch ? MAPLE_OK : maple_error_memory(error);
    if (status != MAPLE_OK)
        goto done;
    find_platforms(&m);
    pairs = maple_alloc(m.n * m.n / 2, sizeof *pairs);
    status = pairs ? describe(&m, error) : maple_error_memory(error);
    for (size_t p = 0; p < m.n && status == MAPLE_OK; p++)
        for (size_t q = p + 1; q < m.n; q++) {
            maple_distance *d = &pairs[pair++];
            *d = (maple_distance){.a = m.platforms[p], .b = m.platforms[q]};
            compare_operators(&m, d);
            compare_counters(&m, d);
            d->descriptor = d->n_operators + d->n_counters > 0 ? between(&m, p, q) : NAN;
        }
    if (status == MAPLE_OK) {
        *out = pairs;
        *n = pair;
        pairs = NULL;
    }
done:
    maple_free(pairs);
    maple_free(m.platforms);
    maple_free(m.scratch);
    maple_free(m.s);
    return status;
}
