/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pickle.h: plain data out of a Python pickle of protocol 2: lists, dicts, numbers, texts. A pickle is a
 * program; of its instructions this reader knows those that build such data, and refuses every other one. It
 * never calls, imports or builds anything else, and nothing is in two places (no memo is read). What it
 * builds takes at most some 40 MB, whatever the bytes are (pickle.c has the limits).
 */
#ifndef MAPLE_POOL_PICKLE_H
#define MAPLE_POOL_PICKLE_H

#include "maple/base.h"

typedef enum maple_pickle_kind {
    MAPLE_PICKLE_INTEGER,
    MAPLE_PICKLE_NUMBER,
    MAPLE_PICKLE_TEXT,
    MAPLE_PICKLE_LIST,
    MAPLE_PICKLE_DICT,
} maple_pickle_kind;

struct maple_pickle_items;

typedef struct maple_pickle_value {
    maple_pickle_kind kind;
    uint32_t length; /* bytes of a text */
    size_t at;       /* byte of the file where it stands */
    union {
        int64_t integer;
        double number;
        const char *text; /* in the pickle's bytes, not terminated */
        struct maple_pickle_items *items;
    };
} maple_pickle_value;

typedef struct maple_pickle_items {
    maple_pickle_value *values; /* of a dict: key, value, key, value, ... */
    size_t n, capacity;
    struct maple_pickle_items *next; /* of all that were made */
} maple_pickle_items;

typedef struct maple_pickle {
    maple_pickle_value root;
    maple_pickle_items *all;
} maple_pickle;

/* Reads all of `data`, which must live as long as the result; its first byte is byte `offset` of the file
 * `path`. Freed by maple_pickle_free. Anything unexpected: MAPLE_BAD_INPUT, "PATH: byte N: ...". */
maple_status maple_pickle_read(const char *path, const char *data, size_t bytes, size_t offset,
                               maple_pickle *out, maple_error *error);
void maple_pickle_free(maple_pickle *pickle);

/* "a list", ... */
const char *maple_pickle_kind_name(maple_pickle_kind kind);

#endif
