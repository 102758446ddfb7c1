/* SPDX-License-Identifier: Apache-2.0 */
/* Model files in memory, and how they are written. The reader is safetensors_read.c. */
#include "predictor/safetensors_internal.h"

#include <math.h>
#include <string.h>

maple_tensors *maple_tensors_create(void) {
    return maple_alloc(1, sizeof(maple_tensors));
}

void maple_tensors_free(maple_tensors *tensors) {
    if (!tensors)
        return;
    for (size_t i = 0; i < tensors->n_tensors; i++) {
        maple_free(tensors->tensors[i].name);
        maple_free(tensors->tensors[i].data);
    }
    for (size_t i = 0; i < tensors->n_texts; i++) {
        maple_free(tensors->texts[i].name);
        maple_free(tensors->texts[i].text);
    }
    maple_free(tensors->tensors);
    maple_free(tensors->texts);
    maple_free(tensors->path);
    maple_free(tensors);
}

size_t maple_dtype_bytes(maple_dtype dtype) {
    return dtype == MAPLE_F32 ? 4 : 8;
}

const char *maple_dtype_name(maple_dtype dtype) {
    return dtype == MAPLE_F32 ? "F32" : "F64";
}

/* Files are little endian; on a big-endian machine the bytes of every element are turned round. */
void maple_swap_elements(void *data, size_t elements, size_t size) {
    const uint16_t probe = 1;
    if (*(const uint8_t *)&probe == 1)
        return;
    uint8_t *bytes = data;
    for (size_t i = 0; i < elements; i++, bytes += size)
        for (size_t j = 0; j < size / 2; j++) {
            uint8_t kept = bytes[j];
            bytes[j] = bytes[size - 1 - j];
            bytes[size - 1 - j] = kept;
        }
}

maple_status maple_tensors_append(maple_tensors *tensors, const maple_tensor *shape, const char *name,
                                  const void *data, maple_error *error) {
    maple_tensor *grown = maple_resize(tensors->tensors, tensors->n_tensors + 1, sizeof *grown);
    if (!grown)
        return maple_error_memory(error);
    tensors->tensors = grown;
    maple_tensor tensor = *shape;
    size_t bytes = tensor.elements * maple_dtype_bytes(tensor.dtype);
    tensor.name = maple_strdup(name);
    tensor.data = maple_alloc_aligned(bytes, 1);
    if (!tensor.name || !tensor.data) {
        maple_free(tensor.name);
        maple_free(tensor.data);
        return maple_error_memory(error);
    }
    if (bytes > 0)
        memcpy(tensor.data, data, bytes);
    tensors->tensors[tensors->n_tensors++] = tensor;
    return MAPLE_OK;
}

maple_status maple_tensors_add(maple_tensors *tensors, const char *name, maple_dtype dtype, size_t rows,
                               size_t columns, const void *data, maple_error *error) {
    maple_tensor tensor = {.dtype = dtype, .rank = columns > 0 ? 2 : 1, .shape = {rows, columns}};
    tensor.elements = columns > 0 ? rows * columns : rows;
    return maple_tensors_append(tensors, &tensor, name, data, error);
}

maple_status maple_tensors_add_text(maple_tensors *tensors, const char *name, const char *text,
                                    maple_error *error) {
    maple_metadata *grown = maple_resize(tensors->texts, tensors->n_texts + 1, sizeof *grown);
    if (!grown)
        return maple_error_memory(error);
    tensors->texts = grown;
    maple_metadata entry = {.name = maple_strdup(name), .text = maple_strdup(text)};
    if (!entry.name || !entry.text) {
        maple_free(entry.name);
        maple_free(entry.text);
        return maple_error_memory(error);
    }
    tensors->texts[tensors->n_texts++] = entry;
    return MAPLE_OK;
}

/* The header as text, padded with spaces to a multiple of 8 so that the tensors are aligned; NULL: out of
 * memory. */
static char *format_header(const maple_tensors *tensors, size_t *data_bytes) {
    cJSON *root = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(root, "__metadata__");
    bool fine = cJSON_AddStringToObject(metadata, "checksum", "0000000000000000") != NULL;
    for (size_t i = 0; i < tensors->n_texts && fine; i++)
        fine = cJSON_AddStringToObject(metadata, tensors->texts[i].name, tensors->texts[i].text) != NULL;
    size_t at = 0;
    for (size_t i = 0; i < tensors->n_tensors && fine; i++) {
        const maple_tensor *tensor = &tensors->tensors[i];
        size_t end = at + tensor->elements * maple_dtype_bytes(tensor->dtype);
        cJSON *entry = cJSON_AddObjectToObject(root, tensor->name);
        cJSON_AddStringToObject(entry, "dtype", maple_dtype_name(tensor->dtype));
        cJSON *shape = cJSON_AddArrayToObject(entry, "shape");
        for (size_t d = 0; d < tensor->rank; d++)
            cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)tensor->shape[d]));
        cJSON *offsets = cJSON_AddArrayToObject(entry, "data_offsets");
        cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)at));
        cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)end));
        fine = cJSON_GetArraySize(entry) == 3 && cJSON_GetArraySize(offsets) == 2 &&
               (size_t)cJSON_GetArraySize(shape) == tensor->rank;
        at = end;
    }
    *data_bytes = at;
    char *printed = fine ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    if (!printed)
        return NULL;
    size_t length = strlen(printed), padded = (length + 7) / 8 * 8;
    char *header = maple_alloc(padded + 1, 1);
    if (header) {
        memcpy(header, printed, length);
        memset(header + length, ' ', padded - length);
    }
    cJSON_free(printed);
    return header;
}

void maple_tensors_checksum(uint8_t *file, size_t bytes, char digits[SAFETENSORS_DIGITS + 1]) {
    memset(file + SAFETENSORS_CHECKSUM_AT, '0', SAFETENSORS_DIGITS);
    snprintf(digits, SAFETENSORS_DIGITS + 1, "%016llx", (unsigned long long)maple_hash(file, bytes));
}

maple_status maple_tensors_encode(const maple_tensors *tensors, uint8_t **out, size_t *bytes,
                                  maple_error *error) {
    size_t data_bytes = 0;
    char *header = format_header(tensors, &data_bytes), digits[SAFETENSORS_DIGITS + 1];
    if (!header)
        return maple_error_memory(error);
    size_t header_bytes = strlen(header), total = SAFETENSORS_PREFIX + header_bytes + data_bytes;
    uint8_t *file = maple_alloc(total, 1);
    if (!file) {
        maple_free(header);
        return maple_error_memory(error);
    }
    for (int i = 0; i < SAFETENSORS_PREFIX; i++)
        file[i] = (uint8_t)((uint64_t)header_bytes >> (8 * i));
    memcpy(file + SAFETENSORS_PREFIX, header, header_bytes);
    maple_free(header);
    uint8_t *next = file + SAFETENSORS_PREFIX + header_bytes;
    for (size_t i = 0; i < tensors->n_tensors; i++) {
        const maple_tensor *tensor = &tensors->tensors[i];
        size_t size = maple_dtype_bytes(tensor->dtype);
        memcpy(next, tensor->data, tensor->elements * size);
        maple_swap_elements(next, tensor->elements, size);
        next += tensor->elements * size;
    }
    maple_tensors_checksum(file, total, digits);
    memcpy(file + SAFETENSORS_CHECKSUM_AT, digits, SAFETENSORS_DIGITS);
    *out = file;
    *bytes = total;
    return MAPLE_OK;
}

maple_status maple_tensors_write(const maple_tensors *tensors, const char *path, maple_error *error) {
    uint8_t *file;
    size_t bytes;
    maple_status status = maple_tensors_encode(tensors, &file, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_write_file(path, file, bytes, error);
    maple_free(file);
    return status;
}

bool maple_tensors_checked(const maple_tensors *tensors) {
    return tensors->checked;
}

const char *maple_tensors_path(const maple_tensors *tensors) {
    return tensors->path ? tensors->path : "model";
}

static const maple_tensor *find_tensor(const maple_tensors *tensors, const char *name) {
    for (size_t i = 0; i < tensors->n_tensors; i++)
        if (strcmp(tensors->tensors[i].name, name) == 0)
            return &tensors->tensors[i];
    return NULL;
}

bool maple_tensors_has(const maple_tensors *tensors, const char *name) {
    return find_tensor(tensors, name) != NULL;
}

maple_status maple_tensors_get(const maple_tensors *tensors, const char *name, maple_dtype dtype, size_t rows,
                               size_t columns, const void **data, size_t *found_rows, maple_error *error) {
    const char *path = maple_tensors_path(tensors);
    const maple_tensor *tensor = find_tensor(tensors, name);
    if (!tensor)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: tensor '%s' is missing: fit and save the model again", path, name);
    if (tensor->dtype != dtype)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor '%s' is %s where %s is expected", path,
                               name, maple_dtype_name(tensor->dtype), maple_dtype_name(dtype));
    size_t rank = columns > 0 ? 2 : 1;
    bool rows_fit = rows == MAPLE_ANY_ROWS || tensor->shape[0] == rows;
    if (tensor->rank != rank || !rows_fit || (rank == 2 && tensor->shape[1] != columns)) {
        char wanted[32] = "any";
        if (rows != MAPLE_ANY_ROWS)
            snprintf(wanted, sizeof wanted, "%zu", rows);
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: tensor '%s' has rank %zu, shape %zu x %zu, where rank %zu, %s x %zu is expected", path, name,
            tensor->rank, tensor->shape[0], tensor->shape[1], rank, wanted, columns);
    }
    *data = tensor->data;
    if (found_rows)
        *found_rows = tensor->shape[0];
    return MAPLE_OK;
}

maple_status maple_tensors_copy(const maple_tensors *tensors, const char *name, maple_dtype dtype,
                                size_t rows, size_t columns, void *out, maple_error *error) {
    const void *data;
    size_t n = rows * (columns > 0 ? columns : 1);
    maple_status status = maple_tensors_get(tensors, name, dtype, rows, columns, &data, NULL, error);
    if (status != MAPLE_OK)
        return status;
    memcpy(out, data, n * (dtype == MAPLE_F32 ? sizeof(float) : sizeof(double)));
    for (size_t i = 0; i < n; i++)
        if (!isfinite(dtype == MAPLE_F32 ? (double)((float *)out)[i] : ((double *)out)[i]))
            return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor '%s': element %zu is not finite",
                                   maple_tensors_path(tensors), name, i);
    return MAPLE_OK;
}

maple_status maple_tensors_text(const maple_tensors *tensors, const char *name, const char **text,
                                maple_error *error) {
    for (size_t i = 0; i < tensors->n_texts; i++)
        if (strcmp(tensors->texts[i].name, name) == 0) {
            *text = tensors->texts[i].text;
            return MAPLE_OK;
        }
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s: __metadata__ has no '%s': not a model of maple",
                           maple_tensors_path(tensors), name);
}
