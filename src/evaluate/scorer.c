/* SPDX-License-Identifier: Apache-2.0 */
/* The scoring sets of a target, and predictions scored on them. */
#include "evaluate/scorer.h"
#include "space/arch_index.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row_set {
    bool complete;  /* the target has every row that the set is made of */
    uint32_t *rows; /* ascending */
    size_t n;
} row_set;

struct maple_scorer {
    const maple_dataset *dataset;
    const maple_dataset_platform *platform;
    row_set sets[MAPLE_SCORINGS];
    uint32_t *by_measured; /* rows with a latency, in its order */
    size_t n_known;
    uint32_t *network;         /* [n_archs] */
    maple_arch_index networks; /* what the platform executes for its rows */
};

const char *maple_scoring_name(maple_scoring scoring) {
    static const char *const NAMES[MAPLE_SCORINGS] = {"all", "unmeasured", "above20", "first128",
                                                      "trimmed800"};
    return (unsigned)scoring < MAPLE_SCORINGS ? NAMES[scoring] : NULL;
}

maple_status maple_scoring_find(const char *name, maple_scoring *out, maple_error *error) {
    char known[128] = "";
    for (int s = 0; s < MAPLE_SCORINGS; s++) {
        const char *there = maple_scoring_name((maple_scoring)s);
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", s > 0 ? ", " : "", there);
        if (strcmp(name, there) == 0) {
            *out = (maple_scoring)s;
            return MAPLE_OK;
        }
    }
    return maple_error_set(error, MAPLE_NOT_FOUND, "no scoring set is called '%.60s'; there are: %s", name,
                           known);
}

maple_status maple_score_room_create(size_t n_archs, maple_score_room *out, maple_error *error) {
    *out = (maple_score_room){0};
    maple_status status = maple_rank_room_create(n_archs, &out->ranks, error);
    if (status != MAPLE_OK)
        return status;
    out->order = maple_alloc(n_archs, sizeof *out->order);
    out->place = maple_alloc(n_archs, sizeof *out->place);
    out->lower_ms = maple_alloc(n_archs, sizeof *out->lower_ms);
    out->upper_ms = maple_alloc(n_archs, sizeof *out->upper_ms);
    if (out->order && out->place && out->lower_ms && out->upper_ms)
        return MAPLE_OK;
    maple_score_room_free(out);
    return maple_error_memory(error);
}

void maple_score_room_free(maple_score_room *room) {
    maple_rank_room_free(&room->ranks);
    maple_free(room->order);
    maple_free(room->place);
    maple_free(room->lower_ms);
    maple_free(room->upper_ms);
    *room = (maple_score_room){0};
}

/* --- Networks --- */

static maple_arch executed(const maple_scorer *s, const maple_arch *arch) {
    return maple_space_canonical(s->dataset->space, s->platform->platform.graph, arch);
}

static bool runs(const maple_scorer *s, const maple_arch *arch) {
    return s->platform->platform.graph == MAPLE_GRAPH_AS_WRITTEN ||
           !maple_space_degenerate(s->dataset->space, arch);
}

uint32_t maple_scorer_find(const maple_scorer *s, const maple_arch *arch) {
    if (!runs(s, arch))
        return UINT32_MAX;
    maple_arch canonical = executed(s, arch);
    size_t found = maple_arch_index_find(&s->networks, &canonical);
    return found == SIZE_MAX ? UINT32_MAX : (uint32_t)found;
}

uint32_t maple_scorer_network(const maple_scorer *s, size_t row) {
    return s->network[row];
}

static maple_status number_networks(maple_scorer *s, maple_error *error) {
    const maple_dataset *d = s->dataset;
    s->network = maple_alloc(d->n_archs, sizeof *s->network);
    if (!s->network)
        return maple_error_memory(error);
    maple_status status = maple_arch_index_create(d->space, d->n_archs, &s->networks, error);
    for (size_t i = 0; status == MAPLE_OK && i < d->n_archs; i++) {
        maple_arch canonical = executed(s, &d->archs[i]);
        bool any = runs(s, &d->archs[i]);
        s->network[i] = any ? (uint32_t)maple_arch_index_add(&s->networks, &canonical) : UINT32_MAX;
    }
    return status;
}

/* --- Sets --- */

static bool known(const maple_scorer *s, size_t row) {
    return isfinite(s->platform->latency_ms[row]);
}

/* Sets by_measured, n_known and the median latency (NaN where nothing is known). */
static maple_status order_latencies(maple_scorer *s, double *median, maple_error *error) {
    const maple_dataset *d = s->dataset;
    maple_summary summary = {.median = NAN};
    double *latency_ms = maple_alloc(d->n_archs, sizeof *latency_ms);
    uint64_t *keys = maple_alloc(d->n_archs, 2 * sizeof *keys);
    uint32_t *rows = maple_alloc(d->n_archs, sizeof *rows);
    s->by_measured = maple_alloc(d->n_archs, sizeof *s->by_measured);
    maple_status status = MAPLE_OK;
    if (latency_ms && keys && rows && s->by_measured) {
        for (size_t i = 0; i < d->n_archs; i++) {
            if (known(s, i)) {
                rows[s->n_known] = (uint32_t)i;
                latency_ms[s->n_known++] = s->platform->latency_ms[i];
            }
        }
        maple_rank_order(latency_ms, s->n_known, s->by_measured, keys);
        for (size_t i = 0; i < s->n_known; i++)
            s->by_measured[i] = rows[s->by_measured[i]];
        status = maple_summarise(latency_ms, s->n_known, &summary, error);
    } else {
        status = maple_error_memory(error);
    }
    *median = summary.median;
    maple_free(latency_ms);
    maple_free(keys);
    maple_free(rows);
    return status;
}

enum { TEST_POOL = 1000, TRIMMED = 100 };

/* The rows with canonical indices [first, first + n), n <= TEST_POOL, that have a latency; complete where
 * each index has one. */
static void take_indices(const maple_scorer *s, int first, int n, row_set *set) {
    const maple_dataset *d = s->dataset;
    bool seen[TEST_POOL] = {false};
    for (size_t i = 0; i < d->n_archs; i++) {
        int place = d->index[i] - first;
        if (d->index[i] < first || place >= n || seen[place] || !known(s, i))
            continue;
        seen[place] = true;
        set->rows[set->n++] = (uint32_t)i;
    }
    set->complete = set->n == (size_t)n;
}

typedef struct indexed {
    float latency_ms;
    int index;
    uint32_t row;
} indexed;

static int compare_latencies(const void *left, const void *right) {
    const indexed *a = left, *b = right;
    if (a->latency_ms != b->latency_ms)
        return a->latency_ms < b->latency_ms ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static int compare_rows(const void *left, const void *right) {
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static void take_trimmed(const maple_scorer *s, row_set *set) {
    int first = maple_space_test_pool(s->dataset->space);
    if (first == 0)
        return;
    take_indices(s, first, TEST_POOL, set);
    if (!set->complete)
        return;
    indexed pool[TEST_POOL];
    for (size_t i = 0; i < TEST_POOL; i++) {
        uint32_t row = set->rows[i];
        pool[i] = (indexed){(float)s->platform->latency_ms[row], s->dataset->index[row], row};
    }
    qsort(pool, TEST_POOL, sizeof *pool, compare_latencies);
    set->n = 0;
    for (size_t i = TRIMMED; i < TEST_POOL - TRIMMED; i++)
        set->rows[set->n++] = pool[i].row;
    qsort(set->rows, set->n, sizeof *set->rows, compare_rows);
}

static maple_status make_sets(maple_scorer *s, double median, maple_error *error) {
    for (int i = 0; i < MAPLE_SCORINGS; i++) {
        s->sets[i].rows = maple_alloc(s->n_known, sizeof *s->sets[i].rows);
        if (!s->sets[i].rows)
            return maple_error_memory(error);
    }
    for (size_t i = 0; i < s->dataset->n_archs; i++) {
        if (!known(s, i))
            continue;
        bool in[] = {true, true, s->platform->latency_ms[i] > 0.2 * median};
        for (int k = 0; k < 3; k++) {
            if (in[k])
                s->sets[k].rows[s->sets[k].n++] = (uint32_t)i;
        }
    }
    for (int k = 0; k < 3; k++)
        s->sets[k].complete = true;
    take_indices(s, 0, 128, &s->sets[MAPLE_SCORE_FIRST128]);
    take_trimmed(s, &s->sets[MAPLE_SCORE_TRIMMED800]);
    return MAPLE_OK;
}

maple_status maple_scorer_create(const maple_dataset *dataset, size_t platform, maple_scorer **out,
                                 maple_error *error) {
    maple_scorer *s = maple_alloc(1, sizeof *s);
    if (!s)
        return maple_error_memory(error);
    s->dataset = dataset;
    s->platform = &dataset->platforms[platform];
    double median;
    maple_status status = number_networks(s, error);
    if (status == MAPLE_OK)
        status = order_latencies(s, &median, error);
    if (status == MAPLE_OK)
        status = make_sets(s, median, error);
    if (status == MAPLE_OK)
        *out = s;
    else
        maple_scorer_free(s);
    return status;
}

void maple_scorer_free(maple_scorer *scorer) {
    if (!scorer)
        return;
    for (int i = 0; i < MAPLE_SCORINGS; i++)
        maple_free(scorer->sets[i].rows);
    maple_free(scorer->by_measured);
    maple_free(scorer->network);
    maple_arch_index_release(&scorer->networks);
    maple_free(scorer);
}

/* --- Scoring --- */

/* Pairs of the set in the order of its rows, into room->ranks, with their bounds where `bounded`; notes their
 * places. `skipped` may be NULL. */
static size_t gather(const maple_scorer *s, maple_score_room *room, const row_set *set,
                     const maple_predictions *predicted, bool bounded, const bool *skipped) {
    size_t kept = 0;
    for (size_t i = 0; i < set->n; i++) {
        uint32_t row = set->rows[i];
        uint32_t network = s->network[row];
        if (!isfinite(predicted->latency_ms[row]) || (skipped && network != UINT32_MAX && skipped[network]))
            continue;
        room->place[row] = (uint32_t)kept;
        room->ranks.x.value[kept] = s->platform->latency_ms[row];
        room->ranks.y.value[kept] = predicted->latency_ms[row];
        if (bounded) {
            room->lower_ms[kept] = predicted->lower_ms[row];
            room->upper_ms[kept] = predicted->upper_ms[row];
        }
        kept++;
    }
    return kept;
}

/* order[n] of rows, without those that are not in the set, as places in it. */
static void filter(const uint32_t *order, size_t n, const uint32_t *place, uint32_t *out) {
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = place[order[i]];
        if (at != UINT32_MAX)
            out[kept++] = at;
    }
}

/* The rows with a latency and a prediction, in order of the prediction; their number. */
static size_t order_predictions(const maple_scorer *s, maple_score_room *room, const double *predicted) {
    size_t n = 0;
    const row_set *all = &s->sets[MAPLE_SCORE_ALL];
    for (size_t i = 0; i < all->n; i++) {
        uint32_t row = all->rows[i];
        if (!isfinite(predicted[row]))
            continue;
        room->ranks.y.value[n] = predicted[row];
        room->place[n++] = row;
    }
    maple_rank_order(room->ranks.y.value, n, room->order, room->ranks.keys);
    for (size_t i = 0; i < n; i++)
        room->order[i] = room->place[room->order[i]];
    return n;
}

void maple_scorer_score(const maple_scorer *s, maple_score_room *room, const maple_predictions *predicted,
                        const bool *measured, maple_metrics out[MAPLE_SCORINGS], bool valid[MAPLE_SCORINGS]) {
    size_t n_ordered = order_predictions(s, room, predicted->latency_ms);
    bool bounded = predicted->lower_ms && predicted->upper_ms;
    maple_rank_room *ranks = &room->ranks;
    for (int i = 0; i < MAPLE_SCORINGS; i++) {
        const row_set *set = &s->sets[i];
        if (!set->complete) {
            valid[i] = false;
            continue;
        }
        memset(room->place, 0xff, s->dataset->n_archs * sizeof *room->place);
        size_t n = gather(s, room, set, predicted, bounded, i == MAPLE_SCORE_UNMEASURED ? measured : NULL);
        if (n * 8 < n_ordered) { /* sorting a few is faster than going through all */
            maple_rank_order(ranks->x.value, n, ranks->x.order, ranks->keys);
            maple_rank_order(ranks->y.value, n, ranks->y.order, ranks->keys);
        } else {
            filter(s->by_measured, s->n_known, room->place, ranks->x.order);
            filter(room->order, n_ordered, room->place, ranks->y.order);
        }
        maple_metrics_of_pairs(ranks, n, bounded ? room->lower_ms : NULL, bounded ? room->upper_ms : NULL,
                               &out[i]);
        valid[i] = n > 0;
    }
}
