/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables and values of structured features of all spaces have in common. A space fills its table
 * once and writes its values in the same order. */
#ifndef MAPLE_SPACE_FEATURES_H
#define MAPLE_SPACE_FEATURES_H

#include "space/space_vtable.h"

enum { SPACE_COST_FEATURES = 3 };

typedef struct space_features {
    maple_feature *items; /* [capacity], the space's own */
    size_t n, capacity;
} space_features;

/* Appends one; beyond the capacity nothing (the space's test counts them). */
void space_features_add(space_features *list, maple_feature_group group, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One for each operator: "count.skip_connect". */
void space_features_add_ops(space_features *list, const maple_space *space, int first_op,
                            maple_feature_group group, const char *prefix);

/* FLOPs, parameters, activation bytes. */
void space_features_add_costs(space_features *list);
/* positions x ops: "slot3.nor_conv_1x1". */
void space_features_add_slots(space_features *list, const maple_space *space);

/* Each writes its values and returns where the next ones go. */
double *space_cost_values(const maple_space *space, const maple_arch *arch, const maple_cost *largest,
                          double *values);
double *space_slot_values(const maple_space *space, const maple_arch *arch, double *values);

#endif
