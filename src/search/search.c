/* SPDX-License-Identifier: Apache-2.0 */
/* The search: which algorithm, and what it found. */
#include "maple/search.h"

#include "search/evolve.h"
#include "search/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { USUAL_EVALUATIONS = 20000, BLOCK = 4096 };

static const char *const ALGORITHMS[] = {"auto", "enumerate", "evolution", "nsga2"};

const char *maple_search_algorithm_name(maple_search_algorithm algorithm) {
    return ALGORITHMS[algorithm];
}

maple_status maple_search_algorithm_parse(const char *text, maple_search_algorithm *out, maple_error *error) {
    for (size_t i = 0; i < sizeof ALGORITHMS / sizeof *ALGORITHMS; i++) {
        if (strcmp(text, ALGORITHMS[i]) == 0) {
            *out = (maple_search_algorithm)i;
            return MAPLE_OK;
        }
    }
    return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                           "algorithm '%.40s': use auto, enumerate, evolution or nsga2", text);
}

/* --- Which --- */

/* A list is enumerated whatever its length: hardly any architecture that evolution would draw from a large
 * space is on it. */
static maple_status choose(const maple_search_request *request, maple_search_algorithm *algorithm,
                           size_t *limit, maple_error *error) {
    size_t listed = maple_judge_listed(request->judge),
           all = listed > 0 ? listed : maple_space_enumerable(request->space), /* 0: too many */
        evaluations = request->evaluations > 0 ? request->evaluations : USUAL_EVALUATIONS;
    *algorithm = request->algorithm;
    if (*algorithm == MAPLE_SEARCH_AUTO)
        *algorithm = listed > 0 || (all > 0 && all <= evaluations) ? MAPLE_SEARCH_ENUMERATE
                     : request->front                              ? MAPLE_SEARCH_NSGA2
                                                                   : MAPLE_SEARCH_EVOLUTION;
    *limit = *algorithm == MAPLE_SEARCH_ENUMERATE ? all : evaluations;
    if (*limit > 0)
        return MAPLE_OK;
    return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                           "%s has %.3g architectures, and %s is no list of some: too many to enumerate; use "
                           "evolution or nsga2",
                           maple_space_name(request->space), maple_space_size(request->space),
                           maple_judge_name(request->judge));
}

static maple_status enumerate(search_archive *archive, maple_error *error) {
    const maple_search_request *request = archive->request;
    size_t listed = maple_judge_listed(request->judge);
    maple_arch *archs = maple_alloc(BLOCK, sizeof *archs);
    maple_status status = archs ? MAPLE_OK : maple_error_memory(error);
    for (size_t start = 0; status == MAPLE_OK && start < archive->limit; start += BLOCK) {
        size_t n = archive->limit - start < BLOCK ? archive->limit - start : BLOCK;
        for (size_t i = 0; i < n; i++)
            archs[i] = listed > 0 ? maple_judge_nth(request->judge, start + i)
                                  : maple_space_nth(request->space, start + i);
        status = search_archive_add(archive, archs, n, error);
        if (status == MAPLE_OK && maple_is_cancelled(request->hooks))
            status = maple_error_set(error, MAPLE_INTERRUPTED, "the search was interrupted");
    }
    maple_free(archs);
    return status;
}

/* --- What was found --- */

/* The least that can be asked of each platform by itself, for the message. */
static maple_status none_meets(const search_archive *archive, maple_error *error) {
    const maple_search_request *request = archive->request;
    size_t stride = request->n_platforms;
    maple_text text = {0};
    for (size_t p = 0; p < stride; p++) {
        double fastest = INFINITY;
        for (size_t i = 0; i < archive->seen.n; i++)
            fastest = fmin(fastest, archive->latency[i * stride + p].bound_ms);
        maple_text_addf(&text, "%s%.80s: ", p > 0 ? "; " : "", request->platforms[p].name);
        if (isfinite(fastest))
            maple_text_addf(&text, "the fastest %s %.4g ms",
                            request->confidence > 0 ? "surely takes" : "takes", fastest);
        else
            maple_text_add(&text, "none has a latency");
        if (isfinite(request->platforms[p].max_latency_ms))
            maple_text_addf(&text, ", the limit is %g ms", request->platforms[p].max_latency_ms);
    }
    maple_status status = maple_error_set(
        error, MAPLE_BAD_INPUT, "none of %zu architectures of %s meets the constraint%s (%s): raise %s",
        archive->seen.n, maple_space_name(request->space), stride > 1 ? "s together" : "",
        text.data ? text.data : "",
        request->confidence > 0 ? "--max-latency, or ask for less --confidence" : "--max-latency");
    maple_text_free(&text);
    return status;
}

typedef struct ranked {
    const search_archive *archive;
    size_t row;
} ranked;

static int compare_ranked(const void *left, const void *right) {
    const ranked *a = left, *b = right;
    return a->row == b->row ? 0 : search_archive_better(a->archive, a->row, b->row) ? -1 : 1;
}

/* All rows that may be returned, the best first. */
static size_t list_scored(const search_archive *archive, ranked *items) {
    size_t n = 0;
    for (size_t i = 0; i < archive->seen.n; i++)
        if (archive->violation[i] == 0 && !isnan(archive->score[i]))
            items[n++] = (ranked){archive, i};
    qsort(items, n, sizeof *items, compare_ranked);
    return n;
}

typedef struct by_latency {
    double latency_ms;
    size_t row;
} by_latency;

static int compare_latency(const void *left, const void *right) {
    const by_latency *a = left, *b = right;
    if (a->latency_ms != b->latency_ms)
        return a->latency_ms < b->latency_ms ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* Leaves those of items[n] that no other dominates, by latency on the first platform. */
static maple_status keep_front(const search_archive *archive, ranked *items, size_t *n, maple_error *error) {
    size_t m = 1 + archive->request->n_platforms, kept = 0;
    double *objectives = maple_alloc(*n * m, sizeof *objectives);
    size_t *rows = maple_alloc(*n, sizeof *rows);
    by_latency *order = maple_alloc(*n, sizeof *order);
    maple_status status = objectives && rows && order ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < *n; i++)
        search_archive_objectives(archive, items[i].row, objectives + i * m);
    if (status == MAPLE_OK)
        status = search_nondominated(objectives, *n, m, rows, &kept, error);
    for (size_t i = 0; status == MAPLE_OK && i < kept; i++)
        order[i] = (by_latency){objectives[rows[i] * m + 1], items[rows[i]].row};
    if (status == MAPLE_OK) {
        qsort(order, kept, sizeof *order, compare_latency);
        for (size_t i = 0; i < kept; i++)
            items[i].row = order[i].row;
        *n = kept;
    }
    maple_free(objectives);
    maple_free(rows);
    maple_free(order);
    return status;
}

static maple_status copy_rows(const search_archive *archive, const ranked *items, size_t n,
                              maple_search_result *out, maple_error *error) {
    size_t stride = archive->request->n_platforms;
    out->n = n;
    out->n_platforms = stride;
    out->archs = maple_alloc(n, sizeof *out->archs);
    out->scores = maple_alloc(n, sizeof *out->scores);
    out->latency = maple_alloc(n * stride, sizeof *out->latency);
    if (!out->archs || !out->scores || !out->latency)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++) {
        out->archs[i] = archive->seen.archs[items[i].row];
        out->scores[i] = archive->score[items[i].row];
        memcpy(out->latency + i * stride, archive->latency + items[i].row * stride,
               stride * sizeof *out->latency);
    }
    maple_status status = MAPLE_OK;
    for (size_t p = 0; status == MAPLE_OK && p < stride; p++)
        status = search_archive_intervals(archive, p, out->archs, n, out->latency, error);
    return status;
}

static maple_status collect(const search_archive *archive, maple_search_result *out, maple_error *error) {
    const maple_search_request *request = archive->request;
    if (archive->feasible == 0)
        return none_meets(archive, error);
    if (archive->scored == 0)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%zu of %zu architectures meet the constraints, but none of them has a score (%s)",
            archive->feasible, archive->seen.n, maple_judge_name(request->judge));
    ranked *items = maple_alloc(archive->scored, sizeof *items);
    if (!items)
        return maple_error_memory(error);
    size_t n = list_scored(archive, items);
    maple_status status = MAPLE_OK;
    if (request->front)
        status = keep_front(archive, items, &n, error);
    else
        n = n < request->n ? n : request->n;
    if (status == MAPLE_OK)
        status = copy_rows(archive, items, n, out, error);
    maple_free(items);
    return status;
}

void maple_search_free(maple_search_result *result) {
    maple_free(result->archs);
    maple_free(result->scores);
    maple_free(result->latency);
    *result = (maple_search_result){0};
}

maple_status maple_search(const maple_search_request *request, maple_search_result *out, maple_error *error) {
    search_archive archive = {0};
    maple_search_result result = {0};
    size_t limit = 0;
    int64_t start = maple_clock_ns();
    maple_rng rng = maple_rng_seed(request->seed);
    maple_status status = choose(request, &result.algorithm, &limit, error);
    if (status == MAPLE_OK)
        status = search_archive_open(request, limit, &archive, error);
    if (status == MAPLE_OK)
        status = result.algorithm == MAPLE_SEARCH_ENUMERATE   ? enumerate(&archive, error)
                 : result.algorithm == MAPLE_SEARCH_EVOLUTION ? search_evolution(&archive, &rng, error)
                                                              : search_nsga2(&archive, &rng, error);
    if (status == MAPLE_OK)
        status = collect(&archive, &result, error);
    result.evaluated = archive.seen.n;
    result.feasible = archive.feasible;
    result.scored = archive.scored;
    result.seconds = (double)(maple_clock_ns() - start) * 1e-9;
    search_archive_close(&archive);
    if (status == MAPLE_OK)
        *out = result;
    else
        maple_search_free(&result);
    return status;
}
