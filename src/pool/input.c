/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the files of importers, and unpacking gzip (RFC 1952) with zlib. */
#include "pool/input.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

const char *maple_input_name(const char *path) {
    return strcmp(path, "-") == 0 ? "<stdin>" : path;
}

typedef struct unpacker {
    const char *name;
    z_stream stream;
    size_t packed, limit; /* bytes of the file; most bytes of the result */
    char *data;
    size_t used, capacity; /* one byte more is kept for the NUL */
} unpacker;

static voidpf allocate(voidpf user, uInt items, uInt size) {
    (void)user;
    return maple_alloc(items, size);
}

static void release(voidpf user, voidpf memory) {
    (void)user;
    maple_free(memory);
}

static size_t position(const unpacker *u) {
    return u->packed - u->stream.avail_in;
}

static maple_status grow(unpacker *u, maple_error *error) {
    if (u->used > u->limit)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: byte %zu: unpacks to more than the limit of %zu bytes", u->name,
                               position(u), u->limit);
    size_t capacity = u->capacity ? u->capacity * 2 : 65536;
    /* One byte above the limit is enough to see that it was passed. */
    capacity = capacity > u->limit + 1 ? u->limit + 1 : capacity;
    char *larger = maple_resize(u->data, capacity + 1, 1);
    if (!larger)
        return maple_error_memory(error);
    u->data = larger;
    u->capacity = capacity;
    return MAPLE_OK;
}

/* After the end of a member: the next one, or the end of the file. */
static maple_status next_member(unpacker *u, bool *end, maple_error *error) {
    const unsigned char *next = u->stream.next_in;
    *end = u->stream.avail_in == 0;
    if (*end)
        return MAPLE_OK;
    if (u->stream.avail_in < 2 || next[0] != 0x1f || next[1] != 0x8b)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: byte %zu: something follows the gzip stream",
                               u->name, position(u));
    return inflateReset(&u->stream) == Z_OK ? MAPLE_OK : maple_error_memory(error);
}

static maple_status unpack_all(unpacker *u, maple_error *error) {
    for (bool end = false; !end;) {
        if (u->used == u->capacity) {
            maple_status status = grow(u, error);
            if (status != MAPLE_OK)
                return status;
        }
        u->stream.next_out = (unsigned char *)u->data + u->used;
        u->stream.avail_out = (uInt)(u->capacity - u->used);
        int code = inflate(&u->stream, Z_NO_FLUSH);
        u->used = u->capacity - u->stream.avail_out;
        if (code == Z_STREAM_END) {
            maple_status status = next_member(u, &end, error);
            if (status != MAPLE_OK)
                return status;
        } else if (code == Z_MEM_ERROR) {
            return maple_error_memory(error);
        } else if (code == Z_BUF_ERROR || (code == Z_OK && u->stream.avail_in == 0 && u->stream.avail_out)) {
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "%s: byte %zu: the gzip stream is cut off here: get the file again",
                                   u->name, position(u));
        } else if (code != Z_OK) {
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "%s: byte %zu: the gzip stream is damaged (%s): get the file again",
                                   u->name, position(u), u->stream.msg ? u->stream.msg : "no reason given");
        }
    }
    if (u->used > u->limit)
        return grow(u, error); /* which refuses it */
    u->data[u->used] = '\0';
    return MAPLE_OK;
}

/* Replaces *data by what it unpacks to. */
static maple_status unpack(const char *name, size_t limit, char **data, size_t *bytes, maple_error *error) {
    enum { GZIP_ONLY = 15 + 16 }; /* the largest window, and no zlib header */
    unpacker u = {.name = name, .packed = *bytes, .limit = limit};
    u.stream = (z_stream){.zalloc = allocate, .zfree = release};
    u.stream.next_in = (unsigned char *)*data;
    u.stream.avail_in = (uInt)*bytes;
    if (inflateInit2(&u.stream, GZIP_ONLY) != Z_OK)
        return maple_error_memory(error);
    maple_status status = unpack_all(&u, error);
    inflateEnd(&u.stream);
    if (status != MAPLE_OK) {
        maple_free(u.data);
        return status;
    }
    maple_free(*data);
    *data = u.data;
    *bytes = u.used;
    return MAPLE_OK;
}

maple_status maple_input_read_up_to(const char *path, size_t limit, char **data, size_t *bytes,
                                    maple_error *error) {
    char *read;
    size_t n;
    maple_status status =
        maple_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, limit, &read, &n, error);
    if (status != MAPLE_OK)
        return status;
    if (n >= 2 && (unsigned char)read[0] == 0x1f && (unsigned char)read[1] == 0x8b)
        status = unpack(maple_input_name(path), limit, &read, &n, error);
    if (status != MAPLE_OK) {
        maple_free(read);
        return status;
    }
    *data = read;
    *bytes = n;
    return MAPLE_OK;
}

maple_status maple_input_read(const char *path, char **data, size_t *bytes, maple_error *error) {
    return maple_input_read_up_to(path, MAPLE_INPUT_LIMIT, data, bytes, error);
}
