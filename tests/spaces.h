/* SPDX-License-Identifier: Apache-2.0 */
/* spaces.h: spaces by their name, architectures by their text, and texts that are none. */
#ifndef MAPLE_TESTS_SPACES_H
#define MAPLE_TESTS_SPACES_H

#include "maple/space.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

static inline const maple_space *space_or_fail(const char *name) {
    const maple_space *space = NULL;
    maple_error error = {.message = ""};
    if (maple_space_find(name, &space, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    return space;
}

static inline maple_arch arch_or_fail(const maple_space *space, const char *text) {
    maple_arch arch;
    maple_error error = {.message = ""};
    if (maple_space_parse(space, text, &arch, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    return arch;
}

typedef struct bad_text {
    const char *text;
    int column;
    const char *expected; /* there */
} bad_text;

/* Each is refused with its column and what was expected there; every message holds `part`, too. */
static inline void assert_bad_texts(const maple_space *space, const bad_text *cases, size_t n,
                                    const char *part) {
    for (size_t i = 0; i < n; i++) {
        maple_arch arch;
        maple_error error = {.message = ""};
        char where[128];
        snprintf(where, sizeof where, "column %d: expected %s;", cases[i].column, cases[i].expected);
        assert_int_equal(maple_space_parse(space, cases[i].text, &arch, &error), MAPLE_BAD_INPUT);
        if (!strstr(error.message, where) || !strstr(error.message, part))
            fail_msg("'%s': '%s' and '%s' are not in '%s'", cases[i].text, where, part, error.message);
    }
}

#endif
