/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Non-dominated sorting and crowding. In lexicographic order no point is dominated by a later one, so each
 * needs comparing with the fronts before it only, and the first front in which nothing dominates it is its
 * own (Zhang et al., "An efficient approach to nondominated sorting", 2015): the ranks of Deb's sort,
 * exactly.
 */
#include "search/ranking.h"

#include "maple/search.h"

#include <math.h>
#include <stdlib.h>

typedef struct entry {
    const double *values;
    size_t m, row;
} entry;

bool search_dominates(const double *a, const double *b, size_t m) {
    bool better = false;
    for (size_t i = 0; i < m; i++) {
        if (a[i] > b[i])
            return false;
        better = better || a[i] < b[i];
    }
    return better;
}

static int compare_entries(const void *left, const void *right) {
    const entry *a = left, *b = right;
    for (size_t i = 0; i < a->m; i++)
        if (a->values[i] != b->values[i])
            return a->values[i] < b->values[i] ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static entry *sort_entries(const double *objectives, size_t n, size_t m) {
    entry *entries = maple_alloc(n, sizeof *entries);
    for (size_t i = 0; entries && i < n; i++)
        entries[i] = (entry){objectives + i * m, m, i};
    if (entries)
        qsort(entries, n, sizeof *entries, compare_entries);
    return entries;
}

maple_status search_nondominated(const double *objectives, size_t n, size_t m, size_t *rows, size_t *n_rows,
                                 maple_error *error) {
    entry *entries = sort_entries(objectives, n, m);
    size_t kept = 0;
    if (!entries)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++) {
        bool dominated = false;
        for (size_t k = kept; k > 0 && !dominated; k--)
            dominated = search_dominates(objectives + rows[k - 1] * m, entries[i].values, m);
        if (!dominated)
            rows[kept++] = entries[i].row;
    }
    *n_rows = kept;
    maple_free(entries);
    return MAPLE_OK;
}

/* Fronts as lists: head[f] is the last point put into front f, next[] the one before it. */
typedef struct fronts {
    size_t *head, *next, n;
} fronts;

static bool front_dominates(const fronts *f, size_t front, const double *objectives, const entry *e) {
    for (size_t row = f->head[front]; row != SIZE_MAX; row = f->next[row])
        if (search_dominates(objectives + row * e->m, e->values, e->m))
            return true;
    return false;
}

maple_status maple_nondominated_sort(const double *objectives, size_t n, size_t m, size_t *rank,
                                     maple_error *error) {
    fronts f = {.head = maple_alloc(n, sizeof *f.head), .next = maple_alloc(n, sizeof *f.next)};
    entry *entries = sort_entries(objectives, n, m);
    maple_status status = f.head && f.next && entries ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        size_t front = 0, row = entries[i].row;
        while (front < f.n && front_dominates(&f, front, objectives, &entries[i]))
            front++;
        if (front == f.n)
            f.head[f.n++] = SIZE_MAX;
        f.next[row] = f.head[front];
        f.head[front] = row;
        rank[row] = front;
    }
    maple_free(f.head);
    maple_free(f.next);
    maple_free(entries);
    return status;
}

/* --- Crowding --- */

typedef struct place {
    size_t rank, row;
    double value;
} place;

static int compare_places(const void *left, const void *right) {
    const place *a = left, *b = right;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* One rank in one objective: places[0 .. n), ascending. */
static void add_gaps(const place *places, size_t n, double *distance) {
    double range = places[n - 1].value - places[0].value;
    distance[places[0].row] = distance[places[n - 1].row] = INFINITY;
    if (!(range > 0))
        return;
    for (size_t i = 1; i + 1 < n; i++)
        distance[places[i].row] += (places[i + 1].value - places[i - 1].value) / range;
}

maple_status maple_crowding(const double *objectives, size_t n, size_t m, const size_t *rank,
                            double *distance, maple_error *error) {
    place *places = maple_alloc(n, sizeof *places);
    if (!places)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        distance[i] = 0;
    for (size_t o = 0; o < m; o++) {
        for (size_t i = 0; i < n; i++)
            places[i] = (place){rank[i], i, objectives[i * m + o]};
        qsort(places, n, sizeof *places, compare_places);
        for (size_t start = 0, end; start < n; start = end) {
            for (end = start; end < n && places[end].rank == places[start].rank; end++) {
            }
            add_gaps(places + start, end - start, distance);
        }
    }
    maple_free(places);
    return MAPLE_OK;
}
