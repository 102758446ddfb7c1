/* SPDX-License-Identifier: Apache-2.0 */
/* zip.h: one stored (not compressed) member of a zip archive in memory, as PyTorch writes its files. */
#ifndef MAPLE_POOL_ZIP_H
#define MAPLE_POOL_ZIP_H

#include "maple/base.h"

typedef struct maple_zip_member {
    const char *data;     /* in the archive's bytes */
    size_t bytes, offset; /* offset: of `data` in the archive */
} maple_zip_member;

/* The member `name`, in whatever folder of the archive it lies; there must be one. Sizes come from the
 * central directory (local headers may have none: bit 3 of the flags); the CRC is checked. Compressed,
 * encrypted, cut off, contradictory: MAPLE_BAD_INPUT, "PATH: byte N: ...". */
maple_status maple_zip_find(const char *path, const char *archive, size_t bytes, const char *name,
                            maple_zip_member *out, maple_error *error);

#endif
