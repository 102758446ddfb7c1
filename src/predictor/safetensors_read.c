/* SPDX-License-Identifier: Apache-2.0 */
/* Reader of model files: every length and offset is checked before it is used. */
#include "predictor/safetensors_internal.h"

#include <math.h>
#include <string.h>

typedef struct reader {
    const char *path;
    const uint8_t *data; /* after the header */
    size_t data_bytes;
    maple_tensors *tensors;
    maple_error *error;
} reader;

/* A JSON number that is a whole number a double holds exactly. */
static bool whole_number(const cJSON *item, size_t *out) {
    if (!cJSON_IsNumber(item))
        return false;
    double value = cJSON_GetNumberValue(item);
    if (!(value >= 0) || value > 9007199254740992.0 || value != floor(value))
        return false;
    *out = (size_t)value;
    return true;
}

static maple_status read_shape(const reader *r, const cJSON *entry, maple_tensor *tensor) {
    const char *name = entry->string;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(entry, "dtype");
    if (!cJSON_IsString(dtype))
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: tensor '%s': 'dtype' is missing or not a string", r->path, name);
    if (strcmp(dtype->valuestring, "F32") != 0 && strcmp(dtype->valuestring, "F64") != 0)
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: tensor '%s': dtype '%.20s' is not one of F32, F64", r->path, name,
                               dtype->valuestring);
    tensor->dtype = strcmp(dtype->valuestring, "F32") == 0 ? MAPLE_F32 : MAPLE_F64;
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(entry, "shape");
    if (!cJSON_IsArray(shape))
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: tensor '%s': 'shape' is missing or not an array", r->path, name);
    tensor->elements = 1;
    const cJSON *dimension;
    cJSON_ArrayForEach(dimension, shape) {
        if (tensor->rank == SAFETENSORS_MAX_RANK)
            return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: tensor '%s': more than %d dimensions",
                                   r->path, name, SAFETENSORS_MAX_RANK);
        size_t size;
        if (!whole_number(dimension, &size))
            return maple_error_set(r->error, MAPLE_BAD_INPUT,
                                   "%s: tensor '%s': dimension %zu is not a whole number", r->path, name,
                                   tensor->rank);
        if (__builtin_mul_overflow(tensor->elements, size, &tensor->elements))
            return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: tensor '%s': shape is too large", r->path,
                                   name);
        tensor->shape[tensor->rank++] = size;
    }
    return MAPLE_OK;
}

/* Offsets must be in bounds and as long as the shape says. */
static maple_status read_offsets(const reader *r, const cJSON *entry, const maple_tensor *tensor,
                                 size_t *begin) {
    const char *name = entry->string;
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(entry, "data_offsets");
    size_t end, bytes;
    if (!cJSON_IsArray(offsets) || cJSON_GetArraySize(offsets) != 2 ||
        !whole_number(cJSON_GetArrayItem(offsets, 0), begin) ||
        !whole_number(cJSON_GetArrayItem(offsets, 1), &end))
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: tensor '%s': 'data_offsets' is not an array of two whole numbers",
                               r->path, name);
    if (*begin > end)
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: tensor '%s': data_offsets begin at %zu after end %zu", r->path, name,
                               *begin, end);
    if (end > r->data_bytes)
        return maple_error_set(
            r->error, MAPLE_BAD_INPUT,
            "%s: tensor '%s': data_offsets end at %zu but the file has %zu bytes of data: truncated?",
            r->path, name, end, r->data_bytes);
    if (__builtin_mul_overflow(tensor->elements, maple_dtype_bytes(tensor->dtype), &bytes) ||
        bytes != end - *begin)
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: tensor '%s': %zu elements of %s do not fill its %zu bytes", r->path, name,
                               tensor->elements, maple_dtype_name(tensor->dtype), end - *begin);
    return MAPLE_OK;
}

static maple_status read_tensor(const reader *r, const cJSON *entry, size_t *next) {
    if (!cJSON_IsObject(entry))
        return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: tensor '%s' is not a JSON object", r->path,
                               entry->string);
    if (maple_tensors_has(r->tensors, entry->string))
        return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: tensor '%s' is there twice", r->path,
                               entry->string);
    maple_tensor tensor = {0};
    size_t begin = 0; /* gcc 14 does not see that read_offsets sets it */
    maple_status status = read_shape(r, entry, &tensor);
    if (status == MAPLE_OK)
        status = read_offsets(r, entry, &tensor, &begin);
    if (status != MAPLE_OK)
        return status;
    if (begin != *next)
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: tensor '%s': data begins at %zu where the one before it ends at %zu",
                               r->path, entry->string, begin, *next);
    status = maple_tensors_append(r->tensors, &tensor, entry->string, r->data + begin, r->error);
    if (status != MAPLE_OK)
        return status;
    size_t size = maple_dtype_bytes(tensor.dtype);
    maple_swap_elements(r->tensors->tensors[r->tensors->n_tensors - 1].data, tensor.elements, size);
    *next = begin + tensor.elements * size;
    return MAPLE_OK;
}

static maple_status read_metadata(const reader *r, const cJSON *metadata) {
    if (!cJSON_IsObject(metadata))
        return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: __metadata__ is not a JSON object", r->path);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, metadata) {
        if (!cJSON_IsString(entry))
            return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: __metadata__ '%s' is not a string",
                                   r->path, entry->string);
        maple_status status = maple_tensors_add_text(r->tensors, entry->string, entry->valuestring, r->error);
        if (status != MAPLE_OK)
            return status;
    }
    return MAPLE_OK;
}

static maple_status read_entries(const reader *r, const cJSON *root) {
    if (!cJSON_IsObject(root))
        return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: the header is not a JSON object", r->path);
    size_t next = 0;
    bool metadata_seen = false;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, root) {
        maple_status status;
        if (strcmp(entry->string, "__metadata__") != 0)
            status = read_tensor(r, entry, &next);
        else if (metadata_seen)
            status = maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: __metadata__ is there twice", r->path);
        else
            status = read_metadata(r, entry);
        metadata_seen = metadata_seen || strcmp(entry->string, "__metadata__") == 0;
        if (status != MAPLE_OK)
            return status;
    }
    if (next != r->data_bytes)
        return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: %zu bytes after the last tensor", r->path,
                               r->data_bytes - next);
    return MAPLE_OK;
}

/* Finds the header in file[bytes] and parses it. */
static maple_status parse_header(const reader *r, const uint8_t *file, size_t bytes, cJSON **root,
                                 size_t *length) {
    if (bytes < SAFETENSORS_PREFIX)
        return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: %zu bytes are too short for a model file",
                               r->path, bytes);
    uint64_t header = 0;
    for (int i = 0; i < SAFETENSORS_PREFIX; i++)
        header |= (uint64_t)file[i] << (8 * i);
    if (header > SAFETENSORS_MAX_HEADER)
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: header length %llu is above the limit of %d: not a model file", r->path,
                               (unsigned long long)header, SAFETENSORS_MAX_HEADER);
    if (header > bytes - SAFETENSORS_PREFIX)
        return maple_error_set(r->error, MAPLE_BAD_INPUT,
                               "%s: the header has %llu bytes but only %zu follow: truncated?", r->path,
                               (unsigned long long)header, bytes - SAFETENSORS_PREFIX);
    const char *text = (const char *)file + SAFETENSORS_PREFIX, *end = NULL;
    *length = (size_t)header;
    /* A NUL would end names and texts early. */
    const void *nul = memchr(text, '\0', *length);
    if (nul)
        return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: NUL byte in the header at offset %zu", r->path,
                               SAFETENSORS_PREFIX + (size_t)((const char *)nul - text));
    *root = cJSON_ParseWithLengthOpts(text, *length, &end, false);
    if (!*root)
        return maple_error_set(r->error, MAPLE_BAD_INPUT, "%s: the header is not JSON, at offset %zu",
                               r->path, SAFETENSORS_PREFIX + (end ? (size_t)(end - text) : 0));
    for (; end < text + *length; end++)
        if (*end != ' ') {
            cJSON_Delete(*root);
            return maple_error_set(r->error, MAPLE_BAD_INPUT,
                                   "%s: text after the header's JSON, at offset %zu", r->path,
                                   SAFETENSORS_PREFIX + (size_t)(end - text));
        }
    return MAPLE_OK;
}

/* Where the writer has put a checksum it must be right: *checked. Before anything is parsed. */
static maple_status check_sum(const reader *r, uint8_t *file, size_t bytes, bool *checked) {
    char stored[SAFETENSORS_DIGITS + 1] = "", actual[SAFETENSORS_DIGITS + 1];
    *checked = bytes >= SAFETENSORS_CHECKSUM_AT + SAFETENSORS_DIGITS &&
               memcmp(file + SAFETENSORS_PREFIX, SAFETENSORS_CHECKED, sizeof SAFETENSORS_CHECKED - 1) == 0;
    if (!*checked)
        return MAPLE_OK;
    memcpy(stored, file + SAFETENSORS_CHECKSUM_AT, SAFETENSORS_DIGITS);
    maple_tensors_checksum(file, bytes, actual);
    if (strcmp(stored, actual) == 0)
        return MAPLE_OK;
    return maple_error_set(r->error, MAPLE_BAD_INPUT,
                           "%s: the file is damaged: its checksum is not that of its %zu bytes; restore a "
                           "copy, or fit and save the model again",
                           r->path, bytes);
}

maple_status maple_tensors_decode(const char *path, uint8_t *file, size_t bytes, maple_tensors **out,
                                  maple_error *error) {
    size_t header = 0;
    bool checked;
    cJSON *root = NULL;
    reader r = {.path = path, .error = error};
    maple_status status = check_sum(&r, file, bytes, &checked);
    if (status == MAPLE_OK)
        status = parse_header(&r, file, bytes, &root, &header);
    if (status != MAPLE_OK)
        return status;
    r.data = file + SAFETENSORS_PREFIX + header;
    r.data_bytes = bytes - SAFETENSORS_PREFIX - header;
    r.tensors = maple_tensors_create();
    if (r.tensors) {
        r.tensors->checked = checked;
        r.tensors->path = maple_strdup(path);
    }
    status = r.tensors && r.tensors->path ? read_entries(&r, root) : maple_error_memory(error);
    cJSON_Delete(root);
    if (status == MAPLE_OK)
        *out = r.tensors;
    else
        maple_tensors_free(r.tensors);
    return status;
}

maple_status maple_tensors_read(const char *path, maple_tensors **out, maple_error *error) {
    char *file;
    size_t bytes;
    maple_status status = maple_read_file(path, SAFETENSORS_MAX_FILE, &file, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_tensors_decode(path, (uint8_t *)file, bytes, out, error);
    maple_free(file);
    return status;
}
