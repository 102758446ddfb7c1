/* SPDX-License-Identifier: Apache-2.0 */
/* shelf.h: a place in memory for one checkpoint of a training. */
#ifndef MAPLE_TESTS_SHELF_H
#define MAPLE_TESTS_SHELF_H

#include "maple/predictor.h"
#include "unit.h"

#include <string.h>

typedef struct shelf {
    uint8_t *file; /* freed by the test; NULL: nothing there */
    size_t bytes;
    maple_status fails; /* what both ways end with, where it is not MAPLE_OK */
} shelf;

static inline maple_status shelf_load(void *context, uint8_t **file, size_t *bytes, maple_error *error) {
    const shelf *s = context;
    if (s->fails != MAPLE_OK)
        return maple_error_set(error, s->fails, "the shelf is broken");
    if (!s->file)
        return maple_error_set(error, MAPLE_NOT_FOUND, "nothing there");
    *file = maple_alloc(s->bytes, 1);
    assert_non_null(*file);
    memcpy(*file, s->file, s->bytes);
    *bytes = s->bytes;
    return MAPLE_OK;
}

static inline maple_status shelf_save(void *context, const uint8_t *file, size_t bytes, maple_error *error) {
    shelf *s = context;
    if (s->fails != MAPLE_OK)
        return maple_error_set(error, s->fails, "the shelf is broken");
    maple_free(s->file);
    s->file = maple_alloc(bytes, 1);
    assert_non_null(s->file);
    memcpy(s->file, file, bytes);
    s->bytes = bytes;
    return MAPLE_OK;
}

/* Its functions, for a request. */
static inline maple_checkpoint on_shelf(shelf *s) {
    return (maple_checkpoint){s, shelf_load, shelf_save};
}

#endif
