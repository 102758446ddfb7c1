/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NSGA-II (Deb, Pratap, Agarwal, Meyarivan: "A fast and elitist multiobjective genetic algorithm", 2002) with
 * its handling of constraints: what violates none comes first, by rank and crowding in score and latencies;
 * then what violates, by how much.
 */
#include "search/evolve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double CROSSOVER = 0.9;

typedef struct member {
    size_t row, rank;
    double distance, violation;
} member;

/* The best first: within the last rank that fits, the least crowded. */
static int compare_members(const void *left, const void *right) {
    const member *a = left, *b = right;
    if (a->violation != b->violation)
        return a->violation < b->violation ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->distance != b->distance)
        return a->distance > b->distance ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* What has no score cannot be ranked: it comes last. */
static double violation_of(const search_archive *archive, size_t row) {
    double violation = archive->violation[row];
    return violation == 0 && isnan(archive->score[row]) ? INFINITY : violation;
}

/* Ranks and distances of n members, sorted, the best first. */
static maple_status rank_members(const search_archive *archive, member *members, size_t n,
                                 maple_error *error) {
    size_t m = 1 + archive->request->n_platforms, feasible = 0;
    double *objectives = maple_alloc(n * m, sizeof *objectives), *distance = maple_alloc(n, sizeof *distance);
    size_t *rank = maple_alloc(n, sizeof *rank), *place = maple_alloc(n, sizeof *place);
    maple_status status = objectives && distance && rank && place ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        members[i] = (member){.row = members[i].row, .violation = violation_of(archive, members[i].row)};
        if (members[i].violation > 0)
            continue;
        search_archive_objectives(archive, members[i].row, objectives + feasible * m);
        place[feasible++] = i;
    }
    if (status == MAPLE_OK)
        status = maple_nondominated_sort(objectives, feasible, m, rank, error);
    if (status == MAPLE_OK)
        status = maple_crowding(objectives, feasible, m, rank, distance, error);
    for (size_t i = 0; status == MAPLE_OK && i < feasible; i++) {
        members[place[i]].rank = rank[i];
        members[place[i]].distance = distance[i];
    }
    if (status == MAPLE_OK)
        qsort(members, n, sizeof *members, compare_members);
    maple_free(objectives);
    maple_free(distance);
    maple_free(rank);
    maple_free(place);
    return status;
}

/* Of two the better: members are sorted. */
static size_t choose_parent(const member *members, size_t n, maple_rng *rng) {
    size_t a = (size_t)maple_rng_below(rng, n), b = (size_t)maple_rng_below(rng, n);
    return members[a < b ? a : b].row;
}

/* Uniform crossover, then each position with probability 1 / positions to another operator. */
static maple_arch make_child(const search_archive *archive, const member *members, size_t n, maple_rng *rng) {
    const maple_space *space = archive->request->space;
    int positions = maple_space_positions(space), ops = maple_space_ops(space);
    maple_arch child = archive->seen.archs[choose_parent(members, n, rng)];
    const maple_arch *other = &archive->seen.archs[choose_parent(members, n, rng)];
    bool crossed = maple_rng_uniform(rng) < CROSSOVER;
    for (int i = 0; i < positions; i++) {
        if (crossed && maple_rng_below(rng, 2))
            child.op[i] = other->op[i];
        if (maple_rng_below(rng, (uint64_t)positions) > 0)
            continue;
        int op = (int)maple_rng_below(rng, (uint64_t)ops - 1);
        child.op[i] = (uint8_t)(op + (op >= child.op[i]));
    }
    return child;
}

/* A generation of children, into the archive; *added of them. */
static maple_status breed(search_archive *archive, const member *members, size_t population, maple_rng *rng,
                          size_t *added, maple_error *error) {
    size_t left = archive->limit - archive->seen.n;
    search_block block = {.size = left < population ? left : population};
    maple_status status = maple_arch_index_create(archive->request->space, block.size, &block.archs, error);
    while (status == MAPLE_OK && block.archs.n < block.size &&
           search_block_add(&block, archive, rng, make_child(archive, members, population, rng))) {
    }
    *added = block.archs.n;
    if (status == MAPLE_OK)
        status = search_archive_add(archive, block.archs.archs, *added, error);
    maple_arch_index_release(&block.archs);
    return status;
}

maple_status search_nsga2(search_archive *archive, maple_rng *rng, maple_error *error) {
    maple_status status = search_begin(archive, rng, error);
    size_t population = archive->seen.n, added = population;
    member *members = maple_alloc(2 * population, sizeof *members);
    if (status == MAPLE_OK && !members)
        status = maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < population; i++)
        members[i].row = i;
    if (status == MAPLE_OK)
        status = rank_members(archive, members, population, error);
    while (status == MAPLE_OK && added > 0 && !search_archive_full(archive)) {
        size_t first = archive->seen.n;
        if (maple_is_cancelled(archive->request->hooks)) {
            status = maple_error_set(error, MAPLE_INTERRUPTED, "the search was interrupted");
            break;
        }
        status = breed(archive, members, population, rng, &added, error);
        for (size_t i = 0; i < added; i++)
            members[population + i].row = first + i;
        if (status == MAPLE_OK)
            status = rank_members(archive, members, population + added, error);
    }
    maple_free(members);
    return status;
}
