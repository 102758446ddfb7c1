/* SPDX-License-Identifier: Apache-2.0 */
/* MAPLE-X's virtual examples: networks that the pool knows to be as fast as a measured one, with its latency.
 */
#include "predictor/maple_model.h"
#include "space/arch_index.h"

#include <math.h>
#include <stdlib.h>

/* What one network takes on every source: log latencies that were measured (NaN where not), and of its base.
 */
typedef struct looked_up {
    double *measured, *base; /* [networks, sources] */
} looked_up;

typedef struct lender {
    const maple_fit_request *request;
    maple_training *t;
    size_t n_sources, n_lenders;
    maple_arch_index candidates; /* as the target executes them */
    looked_up lenders, candidate;
    struct loan *loans; /* [candidates] */
} lender;

typedef struct loan {
    size_t candidate, lender; /* the nearest measured network */
    double distance;
} loan;

static void looked_up_free(looked_up *l) {
    maple_free(l->measured);
    maple_free(l->base);
}

static maple_status looked_up_create(looked_up *l, size_t networks, size_t sources, maple_error *error) {
    l->measured = maple_alloc(networks * sources, sizeof(double));
    l->base = maple_alloc(networks * sources, sizeof(double));
    return l->measured && l->base ? MAPLE_OK : maple_error_memory(error);
}

/* --- Candidates: what the pool's rows are on the target, without what it has measured or cannot run --- */

static maple_status find_candidates(lender *l, maple_error *error) {
    const maple_training *t = l->t;
    const maple_space *space = l->request->space;
    maple_graph_form graph = l->request->target.graph;
    maple_arch_index measured = {0};
    maple_status status = maple_arch_index_create(space, l->n_lenders, &measured, error);
    if (status == MAPLE_OK)
        status = maple_arch_index_create(space, t->n_pool, &l->candidates, error);
    for (size_t i = t->n_pool; i < t->n && status == MAPLE_OK; i++)
        maple_arch_index_add(&measured, &t->archs[i]);
    for (size_t i = 0; i < t->n_pool && status == MAPLE_OK; i++) {
        if (graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(space, &t->archs[i]))
            continue;
        maple_arch arch = maple_space_canonical(space, graph, &t->archs[i]);
        if (maple_arch_index_find(&measured, &arch) == SIZE_MAX)
            maple_arch_index_add(&l->candidates, &arch);
    }
    maple_arch_index_release(&measured);
    return status;
}

/* --- What they take on the sources --- */

/* Of archs[n] on source s, whose measured rows are `known`, log latency log_ms[number]. */
static maple_status look_up(const lender *l, size_t s, const maple_arch_index *known, const double *log_ms,
                            const maple_arch *archs, size_t n, looked_up *out, maple_error *error) {
    maple_model_context context = maple_training_context(l->request, l->t, s);
    for (size_t i = 0; i < n; i++) {
        size_t at = i * l->n_sources + s;
        out->measured[at] = out->base[at] = NAN;
        if (context.graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(context.space, &archs[i]))
            continue; /* s has no such network */
        maple_arch arch = maple_space_canonical(context.space, context.graph, &archs[i]);
        size_t number = maple_arch_index_find(known, &arch);
        if (number != SIZE_MAX)
            out->measured[at] = log_ms[number];
        maple_status status = maple_base_log(&l->t->base[s], &context, &arch, &out->base[at], error);
        if (status != MAPLE_OK)
            return status;
    }
    return MAPLE_OK;
}

/* Before a base is subtracted, the residual of a row is its log latency. */
static maple_status look_up_all(lender *l, maple_error *error) {
    const maple_training *t = l->t;
    double *log_ms = maple_alloc(t->n_pool, sizeof *log_ms);
    maple_status status = log_ms ? MAPLE_OK : maple_error_memory(error);
    for (size_t s = 0; s < l->n_sources && status == MAPLE_OK; s++) {
        maple_arch_index known = {0};
        status = maple_arch_index_create(l->request->space, t->n_pool, &known, error);
        for (size_t i = 0; i < t->n_pool && status == MAPLE_OK; i++) {
            size_t before = known.n;
            if (t->platform[i] != s)
                continue;
            size_t number = maple_arch_index_add(&known, &t->archs[i]);
            if (number == before) /* of several rows with one graph, the first */
                log_ms[number] = t->residual[i];
        }
        if (status == MAPLE_OK)
            status = look_up(l, s, &known, log_ms, t->archs + t->n_pool, l->n_lenders, &l->lenders, error);
        if (status == MAPLE_OK)
            status =
                look_up(l, s, &known, log_ms, l->candidates.archs, l->candidates.n, &l->candidate, error);
        maple_arch_index_release(&known);
    }
    maple_free(log_ms);
    return status;
}

/* --- Who lends to whom --- */

/* The most by which their latencies differ on a source; infinite where no source has both. */
static double distance(const lender *l, size_t a, size_t b) {
    double most = -1;
    for (size_t s = 0; s < l->n_sources; s++) {
        size_t of_a = a * l->n_sources + s, of_b = b * l->n_sources + s;
        double off = fabs(l->candidate.measured[of_b] - l->lenders.measured[of_a]);
        if (isnan(off))
            off = fabs(l->candidate.base[of_b] - l->lenders.base[of_a]);
        if (!isnan(off))
            most = fmax(most, off);
    }
    return most < 0 ? INFINITY : most;
}

static void find_loans(lender *l) {
    for (size_t b = 0; b < l->candidates.n; b++) {
        l->loans[b] = (loan){.candidate = b, .distance = INFINITY};
        for (size_t a = 0; a < l->n_lenders; a++) {
            double here = distance(l, a, b);
            if (here < l->loans[b].distance) {
                l->loans[b].lender = a;
                l->loans[b].distance = here;
            }
        }
    }
}

/* By lender, then the nearest first; ties by the order of the pool's rows. */
static int compare_loans(const void *left, const void *right) {
    const loan *a = left, *b = right;
    if (a->lender != b->lender)
        return a->lender < b->lender ? -1 : 1;
    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return (a->candidate > b->candidate) - (a->candidate < b->candidate);
}

static void append(lender *l, size_t most, double within) {
    maple_training *t = l->t;
    size_t taken = 0, n_target = t->n - t->n_pool;
    uint32_t target = (uint32_t)(t->n_platforms - 1);
    if (l->candidates.n > 1)
        qsort(l->loans, l->candidates.n, sizeof *l->loans, compare_loans);
    for (size_t i = 0; i < l->candidates.n; i++) {
        const loan *here = &l->loans[i];
        taken = i > 0 && here->lender == l->loans[i - 1].lender ? taken : 0;
        if (!(here->distance <= within) || taken == most)
            continue;
        double log_ms = t->log_ms[here->lender];
        taken++;
        t->log_ms[n_target + t->n_virtual++] = log_ms;
        maple_training_add(t, &l->candidates.archs[here->candidate], target, log_ms);
    }
}

maple_status maple_virtual_add(const maple_fit_request *request, const double *options, maple_training *t,
                               maple_error *error) {
    lender l = {.request = request, .t = t, .n_sources = t->n_platforms - 1, .n_lenders = t->n - t->n_pool};
    maple_status status = find_candidates(&l, error);
    if (status == MAPLE_OK)
        status = looked_up_create(&l.lenders, l.n_lenders, l.n_sources, error);
    if (status == MAPLE_OK)
        status = looked_up_create(&l.candidate, l.candidates.n, l.n_sources, error);
    if (status == MAPLE_OK && !(l.loans = maple_alloc(l.candidates.n, sizeof *l.loans)))
        status = maple_error_memory(error);
    if (status == MAPLE_OK)
        status = look_up_all(&l, error);
    if (status == MAPLE_OK) {
        find_loans(&l);
        append(&l, (size_t)options[OPT_VIRTUAL_COUNT], options[OPT_VIRTUAL_WITHIN]);
        maple_log(request->hooks, MAPLE_LOG_DEBUG, "%zu virtual examples from %zu measured networks",
                  t->n_virtual, l.n_lenders);
    }
    maple_arch_index_release(&l.candidates);
    looked_up_free(&l.lenders);
    looked_up_free(&l.candidate);
    maple_free(l.loans);
    return status;
}
