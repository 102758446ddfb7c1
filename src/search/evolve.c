/* SPDX-License-Identifier: Apache-2.0 */
/* Regularised evolution, and what evolutionary algorithms share. */
#include "search/evolve.h"

#include <math.h>
#include <string.h>

enum { USUAL_POPULATION = 100, BLOCKS = 4, TOURNAMENT = 25, TRIES = 16, DRAWS = 64 };

size_t search_population(const search_archive *archive) {
    size_t wanted = archive->request->population > 0 ? archive->request->population : USUAL_POPULATION;
    return wanted < archive->limit ? wanted : archive->limit;
}

static maple_arch draw(const maple_space *space, maple_rng *rng) {
    maple_arch arch = {{0}};
    for (int i = 0; i < maple_space_positions(space); i++)
        arch.op[i] = (uint8_t)maple_rng_below(rng, (uint64_t)maple_space_ops(space));
    return arch;
}

void search_mutate(const maple_space *space, maple_rng *rng, maple_arch *arch) {
    size_t position = (size_t)maple_rng_below(rng, (uint64_t)maple_space_positions(space));
    int ops = maple_space_ops(space);
    int other = (int)maple_rng_below(rng, (uint64_t)ops - 1);
    arch->op[position] = (uint8_t)(other + (other >= arch->op[position]));
}

bool search_block_add(search_block *block, const search_archive *archive, maple_rng *rng, maple_arch child) {
    const maple_space *space = archive->request->space;
    for (int i = 0; i < TRIES + DRAWS; i++) {
        if (maple_arch_index_find(&archive->seen, &child) == SIZE_MAX &&
            maple_arch_index_find(&block->archs, &child) == SIZE_MAX) {
            maple_arch_index_add(&block->archs, &child);
            return true;
        }
        if (i < TRIES)
            search_mutate(space, rng, &child);
        else
            child = draw(space, rng);
    }
    return false;
}

maple_status search_begin(search_archive *archive, maple_rng *rng, maple_error *error) {
    const maple_space *space = archive->request->space;
    search_block block = {.size = search_population(archive)};
    maple_status status = maple_arch_index_create(space, block.size, &block.archs, error);
    while (status == MAPLE_OK && block.archs.n < block.size &&
           search_block_add(&block, archive, rng, draw(space, rng))) {
    }
    if (status == MAPLE_OK)
        status = search_archive_add(archive, block.archs.archs, block.archs.n, error);
    maple_arch_index_release(&block.archs);
    return status;
}

/* --- Regularised evolution --- */

/* The best of a few of the population, which is the last `n` rows of the archive: the oldest die. */
static size_t tournament(const search_archive *archive, maple_rng *rng, size_t n) {
    size_t first = archive->seen.n - n, best = SIZE_MAX;
    size_t draws = n / 4 > 2 ? n / 4 : 2;
    draws = draws < TOURNAMENT ? draws : TOURNAMENT;
    for (size_t i = 0; i < draws; i++) {
        size_t row = first + (size_t)maple_rng_below(rng, n);
        if (best == SIZE_MAX || search_archive_better(archive, row, best))
            best = row;
    }
    return best;
}

maple_status search_evolution(search_archive *archive, maple_rng *rng, maple_error *error) {
    const maple_space *space = archive->request->space;
    search_block block = {0};
    maple_status status = search_begin(archive, rng, error);
    size_t population = archive->seen.n;
    block.size = population / BLOCKS > 0 ? population / BLOCKS : 1;
    while (status == MAPLE_OK && !search_archive_full(archive)) {
        size_t left = archive->limit - archive->seen.n, n = left < block.size ? left : block.size;
        if (maple_is_cancelled(archive->request->hooks))
            return maple_error_set(error, MAPLE_INTERRUPTED, "the search was interrupted");
        status = maple_arch_index_create(space, n, &block.archs, error);
        for (bool found = true; status == MAPLE_OK && found && block.archs.n < n;) {
            maple_arch child = archive->seen.archs[tournament(archive, rng, population)];
            /* One mutation, as published; half of the children get another, a quarter two, ...: at a limit
             * one operator may have to become faster for another to become better. */
            do
                search_mutate(space, rng, &child);
            while (maple_rng_below(rng, 2));
            found = search_block_add(&block, archive, rng, child);
        }
        size_t added = block.archs.n;
        if (status == MAPLE_OK)
            status = search_archive_add(archive, block.archs.archs, added, error);
        maple_arch_index_release(&block.archs);
        if (added == 0)
            break; /* nothing new is left */
    }
    return status;
}
