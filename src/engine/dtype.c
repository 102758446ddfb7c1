/* SPDX-License-Identifier: Apache-2.0 */
/* Numeric types: their names, which instruction sets are levels of their own for them, what they may deviate.
 */
#include "engine/engine_vtable.h"

#include <string.h>

static const char *const NAMES[MAPLE_DTYPE_COUNT] = {
    [MAPLE_DTYPE_F32] = "f32", [MAPLE_DTYPE_BF16] = "bf16", [MAPLE_DTYPE_INT8] = "int8"};

const char *maple_engine_dtype_name(maple_engine_dtype dtype) {
    return dtype < MAPLE_DTYPE_COUNT ? NAMES[dtype] : "unknown";
}

maple_status maple_engine_dtype_parse(const char *text, maple_engine_dtype *out, maple_error *error) {
    for (int i = 0; i < MAPLE_DTYPE_COUNT; i++) {
        if (strcmp(text, NAMES[i]) == 0) {
            *out = (maple_engine_dtype)i;
            return MAPLE_OK;
        }
    }
    return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                           "unknown numeric type '%.40s': use f32, bf16 or int8 (what an engine has: maple "
                           "engines)",
                           text);
}

/* Bounds that separate noise from mistakes; docs/measurement.md derives them. */
double maple_engine_tolerance(maple_engine_dtype dtype) {
    static const double TOLERANCE[MAPLE_DTYPE_COUNT] = {
        [MAPLE_DTYPE_F32] = MAPLE_ENGINE_TOLERANCE, [MAPLE_DTYPE_BF16] = 0.05, [MAPLE_DTYPE_INT8] = 0.25};
    return TOLERANCE[dtype];
}

static unsigned dtypes_of(const char *isa) {
    enum { F32 = 1 << MAPLE_DTYPE_F32, BF16 = 1 << MAPLE_DTYPE_BF16, INT8 = 1 << MAPLE_DTYPE_INT8 };
    static const struct {
        const char *isa;
        unsigned dtypes;
    } LEVELS[] = {{"sse41", F32 | INT8}, {"avx2", F32 | INT8},  {"avx2_vnni", INT8}, {"avx512", F32 | INT8},
                  {"avx512_vnni", INT8}, {"avx512_bf16", BF16}, {"amx", INT8 | BF16}};
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++)
        if (strcmp(LEVELS[i].isa, isa) == 0)
            return LEVELS[i].dtypes;
    return F32;
}

bool maple_engine_isa_serves(const char *isa, maple_engine_dtype dtype) {
    return dtypes_of(isa) >> dtype & 1;
}
