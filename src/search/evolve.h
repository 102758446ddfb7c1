/* SPDX-License-Identifier: Apache-2.0 */
/* evolve.h: the evolutionary algorithms. Each looks at architectures until the archive is full. */
#ifndef MAPLE_SEARCH_EVOLVE_H
#define MAPLE_SEARCH_EVOLVE_H

#include "search/archive.h"

/* Regularised (ageing) evolution. */
maple_status search_evolution(search_archive *archive, maple_rng *rng, maple_error *error);
maple_status search_nsga2(search_archive *archive, maple_rng *rng, maple_error *error);

/* --- What both do --- */

size_t search_population(const search_archive *archive);
/* The first: random architectures, as many as the population has, or as there are. */
maple_status search_begin(search_archive *archive, maple_rng *rng, maple_error *error);

/* A block of children, all new to the archive and different from one another. */
typedef struct search_block {
    maple_arch_index archs;
    size_t size;
} search_block;

/* Changes the child until it is new, and puts it into the block: with one more mutation each time, then by
 * drawing anew. False where nothing new was found: there may be nothing left. */
bool search_block_add(search_block *block, const search_archive *archive, maple_rng *rng, maple_arch child);
/* Another operator at one position. */
void search_mutate(const maple_space *space, maple_rng *rng, maple_arch *arch);

#endif
