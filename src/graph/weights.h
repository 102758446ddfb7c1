/* SPDX-License-Identifier: Apache-2.0 */
/* What the passes must know about the seeded weights. */
#ifndef MAPLE_GRAPH_WEIGHTS_H
#define MAPLE_GRAPH_WEIGHTS_H

#include "maple/graph.h"

/* Whether the batch norm of this slot turns a zero into something else (see MAPLE_SLOT_SHIFT). */
static inline bool slot_has_shift(uint32_t slot) {
    return (slot & MAPLE_SLOT_SHIFT) != 0;
}

#endif
