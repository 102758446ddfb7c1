/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h: bytes by key in one SQLite file, for results that can be made anew. What put has stored outlives
 * the process, however it ends. Every entry has a checksum: what is damaged is as if it were not there, and
 * goes. The file is bounded: beyond the limit the entries longest unused go.
 *
 * Only lack of memory fails. Whatever else prevents reading or writing is said once through the hooks, and
 * the store then finds and keeps nothing: results do not depend on it, only the time of the next run does.
 * Safe from several threads, and from several processes with the same file.
 */
#ifndef MAPLE_EVALUATE_STORE_H
#define MAPLE_EVALUATE_STORE_H

#include "maple/base.h"

typedef struct maple_store maple_store;

/* When the structure of the file is looked at, all of it: a fraction of a second for a full one. Unlooked at,
 * what is there may not be found; what is found is right in any case. */
typedef enum maple_store_check {
    MAPLE_STORE_CHECK_NOW,
    MAPLE_STORE_CHECK_ON_MISS, /* once, when an entry is not found: for a caller who asks for one or two */
} maple_store_check;

/* Makes the file where it is not there, and anew (with a warning) where it is no store. `path` and `hooks`
 * must outlive the store. MAPLE_IO_ERROR where it cannot be opened for writing. */
maple_status maple_store_open(const char *path, size_t limit_bytes, maple_store_check check,
                              const maple_hooks *hooks, maple_store **out, maple_error *error);
void maple_store_close(maple_store *store);
/* Whether it has not stopped keeping, as above. */
bool maple_store_keeps(maple_store *store);

/* *data[*bytes] is freed by maple_free. MAPLE_NOT_FOUND: no such entry (any more). */
maple_status maple_store_get(maple_store *store, const char *key, uint8_t **data, size_t *bytes,
                             maple_error *error);
/* Replaces an entry with this key. */
maple_status maple_store_put(maple_store *store, const char *key, const void *data, size_t bytes,
                             maple_error *error);
/* Takes an entry out, if it is there. */
maple_status maple_store_remove(maple_store *store, const char *key, maple_error *error);

#endif
