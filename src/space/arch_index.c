/* SPDX-License-Identifier: Apache-2.0 */
/* An open hash table, never more than half full. */
#include "space/arch_index.h"

maple_status maple_arch_index_create(const maple_space *space, size_t capacity, maple_arch_index *out,
                                     maple_error *error) {
    maple_arch_index index = {.positions = (size_t)maple_space_positions(space), .slots = 16};
    if (capacity >= UINT32_MAX)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%zu architectures at once: at most %u", capacity,
                               UINT32_MAX - 1);
    while (index.slots < 2 * capacity)
        index.slots *= 2;
    index.archs = maple_alloc(capacity, sizeof *index.archs);
    index.slot = maple_alloc(index.slots, sizeof *index.slot);
    if (!index.archs || !index.slot) {
        maple_arch_index_release(&index);
        return maple_error_memory(error);
    }
    *out = index;
    return MAPLE_OK;
}

void maple_arch_index_release(maple_arch_index *index) {
    maple_free(index->archs);
    maple_free(index->slot);
    *index = (maple_arch_index){0};
}

/* Where the architecture is, or would go. */
static uint32_t *find_slot(const maple_arch_index *index, const maple_arch *arch) {
    size_t at = maple_hash(arch->op, index->positions) & (index->slots - 1);
    while (index->slot[at] && !maple_arch_equal(&index->archs[index->slot[at] - 1], arch))
        at = (at + 1) & (index->slots - 1);
    return &index->slot[at];
}

size_t maple_arch_index_add(maple_arch_index *index, const maple_arch *arch) {
    uint32_t *slot = find_slot(index, arch);
    if (*slot == 0) {
        index->archs[index->n++] = *arch;
        *slot = (uint32_t)index->n;
    }
    return *slot - 1;
}

size_t maple_arch_index_find(const maple_arch_index *index, const maple_arch *arch) {
    if (index->slots == 0)
        return SIZE_MAX;
    uint32_t number = *find_slot(index, arch);
    return number ? number - 1 : SIZE_MAX;
}
