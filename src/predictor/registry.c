/* SPDX-License-Identifier: Apache-2.0 */
/* The predictors there are: one line each. */
#include "predictor/predictor_vtable.h"

#include <string.h>

extern const maple_predictor_vtable maple_predictor_maple, maple_predictor_lut, maple_predictor_lut_fit,
    maple_predictor_flops, maple_predictor_params, maple_predictor_scratch, maple_predictor_nearest,
    maple_predictor_nearest_oracle, maple_predictor_mean_pool, maple_predictor_mlp_scratch,
    maple_predictor_fine_tune, maple_predictor_gp, maple_predictor_help, maple_predictor_nasflat,
    maple_predictor_brp_gcn;

/* clang-format off */
static const maple_predictor_vtable *const REGISTRY[] = {
    &maple_predictor_gp,
    &maple_predictor_maple,
    &maple_predictor_lut,
    &maple_predictor_lut_fit,
    &maple_predictor_flops,
    &maple_predictor_params,
    &maple_predictor_nearest,
    &maple_predictor_nearest_oracle,
    &maple_predictor_mean_pool,
    &maple_predictor_scratch,
    &maple_predictor_mlp_scratch,
    &maple_predictor_fine_tune,
    &maple_predictor_help,
    &maple_predictor_nasflat,
    &maple_predictor_brp_gcn,
};
/* clang-format on */

size_t maple_predictor_count(void) {
    return sizeof REGISTRY / sizeof *REGISTRY;
}

const maple_predictor_vtable *maple_predictor_vtable_at(size_t i) {
    return i < maple_predictor_count() ? REGISTRY[i] : NULL;
}

const maple_predictor_info *maple_predictor_at(size_t i) {
    return i < maple_predictor_count() ? &REGISTRY[i]->info : NULL;
}

maple_status maple_predictor_find_vtable(const char *name, const maple_predictor_vtable **out,
                                         maple_error *error) {
    maple_text known = {0};
    for (size_t i = 0; i < maple_predictor_count(); i++) {
        if (strcmp(REGISTRY[i]->info.name, name) == 0) {
            *out = REGISTRY[i];
            maple_text_free(&known);
            return MAPLE_OK;
        }
        maple_text_addf(&known, "%s%s", i > 0 ? ", " : "", REGISTRY[i]->info.name);
    }
    maple_status status =
        maple_error_set(error, MAPLE_NOT_FOUND, "no predictor is called '%.60s'; there are: %s", name,
                        known.data ? known.data : "");
    maple_text_free(&known);
    return status;
}

maple_status maple_predictor_find(const char *name, const maple_predictor_info **out, maple_error *error) {
    const maple_predictor_vtable *vtable;
    maple_status status = maple_predictor_find_vtable(name, &vtable, error);
    if (status == MAPLE_OK)
        *out = &vtable->info;
    return status;
}
