/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of structured features that are the same in every space: costs and the operator at each position.
 */
#include "space/features.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void space_features_add(space_features *list, maple_feature_group group, const char *format, ...) {
    if (list->n == list->capacity)
        return;
    maple_feature *feature = &list->items[list->n++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(feature->name, sizeof feature->name, format, arguments);
    va_end(arguments);
    feature->group = group;
}

void space_features_add_ops(space_features *list, const maple_space *space, int first_op,
                            maple_feature_group group, const char *prefix) {
    for (int op = first_op; op < space->ops; op++)
        space_features_add(list, group, "%s.%s", prefix, space->op_names[op]);
}

void space_features_add_costs(space_features *list) {
    space_features_add(list, MAPLE_FEATURE_COST, "flops");
    space_features_add(list, MAPLE_FEATURE_COST, "params");
    space_features_add(list, MAPLE_FEATURE_COST, "activation_bytes");
}

void space_features_add_slots(space_features *list, const maple_space *space) {
    for (int i = 0; i < space->positions; i++) {
        for (int op = 0; op < space->ops; op++)
            space_features_add(list, MAPLE_FEATURE_SLOT, "slot%d.%s", i, space->op_names[op]);
    }
}

double *space_cost_values(const maple_space *space, const maple_arch *arch, const maple_cost *largest,
                          double *values) {
    maple_cost cost;
    maple_space_cost(space, arch, &cost, NULL);
    values[0] = cost.flops / largest->flops;
    values[1] = cost.params / largest->params;
    values[2] = cost.activation_bytes / largest->activation_bytes;
    return values + SPACE_COST_FEATURES;
}

double *space_slot_values(const maple_space *space, const maple_arch *arch, double *values) {
    size_t n = (size_t)space->positions * (size_t)space->ops;
    memset(values, 0, n * sizeof *values);
    for (int i = 0; i < space->positions; i++)
        values[i * space->ops + arch->op[i]] = 1;
    return values + n;
}
