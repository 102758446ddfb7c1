/* SPDX-License-Identifier: Apache-2.0 */
/* arch_index.h: different architectures, numbered from 0, found in constant time. */
#ifndef MAPLE_SPACE_ARCH_INDEX_H
#define MAPLE_SPACE_ARCH_INDEX_H

#include "maple/space.h"

typedef struct maple_arch_index {
    size_t n;
    maple_arch *archs; /* [n] */
    size_t positions, slots;
    uint32_t *slot; /* [slots], a power of two: number + 1 of an architecture, 0 for none */
} maple_arch_index;

/* Empty, with room for `capacity` architectures (fewer than 2^32). */
maple_status maple_arch_index_create(const maple_space *space, size_t capacity, maple_arch_index *out,
                                     maple_error *error);
void maple_arch_index_release(maple_arch_index *index);
/* The number of an architecture, which is added where it is new. */
size_t maple_arch_index_add(maple_arch_index *index, const maple_arch *arch);
/* SIZE_MAX where it is not there. */
size_t maple_arch_index_find(const maple_arch_index *index, const maple_arch *arch);

#endif
