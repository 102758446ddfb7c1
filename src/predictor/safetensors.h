/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors.h: model files in the safetensors layout, which Python's `safetensors` reads too:
 *
 *   u64, little endian: length of the header
 *   header, JSON: {"__metadata__": {name: text, ...},
 *                  name: {"dtype", "shape", "data_offsets": [begin, end]}, ...}
 *   the tensors' bytes, little endian, row-major, one after the other without gaps
 *
 * The first metadata that the writer gives is "checksum": FNV-1a (64 bits, 16 hexadecimal digits) of the
 * whole file with these digits as zeros, so that a changed byte anywhere is found.
 *
 * The reader trusts nothing: lengths, offsets, shapes and types are checked before use, and an error says the
 * path, what is wrong and where.
 */
#ifndef MAPLE_PREDICTOR_SAFETENSORS_H
#define MAPLE_PREDICTOR_SAFETENSORS_H

#include "maple/base.h"

typedef enum maple_dtype { MAPLE_F32, MAPLE_F64 } maple_dtype;

typedef struct maple_tensors maple_tensors; /* a model file in memory */

maple_tensors *maple_tensors_create(void); /* empty, to be written; NULL: out of memory */
void maple_tensors_free(maple_tensors *tensors);

/* Copies; names are unique. Fails only for lack of memory. A tensor has rows x columns elements; columns = 0
 * makes it a vector of `rows`. */
maple_status maple_tensors_add(maple_tensors *tensors, const char *name, maple_dtype dtype, size_t rows,
                               size_t columns, const void *data, maple_error *error);
maple_status maple_tensors_add_text(maple_tensors *tensors, const char *name, const char *text,
                                    maple_error *error);

/* The file as bytes: *file[*bytes] is freed by maple_free. Fails only for lack of memory. */
maple_status maple_tensors_encode(const maple_tensors *tensors, uint8_t **file, size_t *bytes,
                                  maple_error *error);
/* MAPLE_BAD_INPUT where it is not such a file, or its checksum is not that of its content; `path` is what it
 * is called in messages. The bytes (whose checksum is overwritten) are not needed afterwards. */
maple_status maple_tensors_decode(const char *path, uint8_t *file, size_t bytes, maple_tensors **out,
                                  maple_error *error);
maple_status maple_tensors_write(const maple_tensors *tensors, const char *path, maple_error *error);
maple_status maple_tensors_read(const char *path, maple_tensors **out, maple_error *error);
/* Whether the file had a checksum (it was then right). Files of other programs have none. */
bool maple_tensors_checked(const maple_tensors *tensors);

/* The data of a tensor that must have this type and shape (MAPLE_BAD_INPUT otherwise); belongs to `tensors`.
 * With rows = MAPLE_ANY_ROWS any number of rows is taken; *found_rows (may be NULL) says how many there are.
 */
#define MAPLE_ANY_ROWS SIZE_MAX
maple_status maple_tensors_get(const maple_tensors *tensors, const char *name, maple_dtype dtype, size_t rows,
                               size_t columns, const void **data, size_t *found_rows, maple_error *error);
/* The same, copied into out[rows * columns] (or out[rows]), where all numbers are finite: MAPLE_BAD_INPUT
 * says which one is not. */
maple_status maple_tensors_copy(const maple_tensors *tensors, const char *name, maple_dtype dtype,
                                size_t rows, size_t columns, void *out, maple_error *error);
bool maple_tensors_has(const maple_tensors *tensors, const char *name);
/* Metadata; MAPLE_BAD_INPUT where it is not there. */
maple_status maple_tensors_text(const maple_tensors *tensors, const char *name, const char **text,
                                maple_error *error);
/* What the file is called in messages: the path it was read from. */
const char *maple_tensors_path(const maple_tensors *tensors);

#endif
