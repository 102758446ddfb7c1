/* SPDX-License-Identifier: Apache-2.0 */
/* input.h: the files that importers read: from a path or stdin, packed with gzip or not. */
#ifndef MAPLE_POOL_INPUT_H
#define MAPLE_POOL_INPUT_H

#include "maple/base.h"

/* What messages call it: "-" is "<stdin>". */
const char *maple_input_name(const char *path);

/* Reads a whole file ("-": stdin) into *data (NUL-terminated, freed by maple_free). What begins with the
 * bytes 1f 8b is unpacked (gzip, one member or several). MAPLE_INPUT_LIMIT bytes at most, before and after. A
 * stream that is cut off or damaged: MAPLE_BAD_INPUT with the path and the byte of the packed file. */
maple_status maple_input_read(const char *path, char **data, size_t *bytes, maple_error *error);

/* The same with another limit. */
maple_status maple_input_read_up_to(const char *path, size_t limit, char **data, size_t *bytes,
                                    maple_error *error);

#define MAPLE_INPUT_LIMIT ((size_t)1 << 30)

#endif
