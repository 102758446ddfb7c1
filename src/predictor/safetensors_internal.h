/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer and the reader of model files share. */
#ifndef MAPLE_PREDICTOR_SAFETENSORS_INTERNAL_H
#define MAPLE_PREDICTOR_SAFETENSORS_INTERNAL_H

#include "predictor/safetensors.h"

#include <cJSON.h>
#include <stdio.h>

enum {
    SAFETENSORS_PREFIX = 8,           /* bytes of the header's length */
    SAFETENSORS_MAX_HEADER = 1 << 20, /* 1 MiB; ours has about 2 KiB */
    SAFETENSORS_MAX_FILE = 256 << 20,
    SAFETENSORS_MAX_RANK = 4,
};

typedef struct maple_tensor {
    char *name;
    maple_dtype dtype;
    size_t rank, shape[SAFETENSORS_MAX_RANK], elements;
    void *data; /* aligned */
} maple_tensor;

typedef struct maple_metadata {
    char *name, *text;
} maple_metadata;

struct maple_tensors {
    maple_tensor *tensors;
    size_t n_tensors;
    maple_metadata *texts;
    size_t n_texts;
    char *path;
    bool checked; /* read, and its checksum was right */
};

/* What a file with a checksum has after the header's length; the digits follow. */
#define SAFETENSORS_CHECKED "{\"__metadata__\":{\"checksum\":\""
enum {
    SAFETENSORS_CHECKSUM_AT = SAFETENSORS_PREFIX + sizeof SAFETENSORS_CHECKED - 1,
    SAFETENSORS_DIGITS = 16
};

/* The digits of file[bytes], which are overwritten with zeros. */
void maple_tensors_checksum(uint8_t *file, size_t bytes, char digits[SAFETENSORS_DIGITS + 1]);

size_t maple_dtype_bytes(maple_dtype dtype);
const char *maple_dtype_name(maple_dtype dtype);
void maple_swap_elements(void *data, size_t elements, size_t size);
/* Appends a copy; dtype, rank, shape and elements are those of *shape. */
maple_status maple_tensors_append(maple_tensors *tensors, const maple_tensor *shape, const char *name,
                                  const void *data, maple_error *error);

#endif
