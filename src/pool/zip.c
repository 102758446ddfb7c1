/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a zip archive (PKWARE APPNOTE 6.3, without zip64): from its end to the directory to the member. */
#include "pool/zip.h"

#include <string.h>
#include <zlib.h>

enum {
    LOCAL = 0x04034b50,
    CENTRAL = 0x02014b50,
    END = 0x06054b50,
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    LONGEST_COMMENT = 65535,
    ENCRYPTED = 1,
};

typedef struct archive {
    const char *path;
    const unsigned char *data;
    size_t bytes;
    size_t directory, directory_end, entries;
} archive;

typedef struct entry {
    size_t at; /* of its central header */
    const char *name;
    size_t name_length, header, packed, bytes; /* header: offset of its local header */
    unsigned flags, method;
    uint32_t crc;
} entry;

static unsigned little16(const unsigned char *bytes) {
    return (unsigned)bytes[0] | (unsigned)bytes[1] << 8;
}

static uint32_t little32(const unsigned char *bytes) {
    return (uint32_t)little16(bytes) | (uint32_t)little16(bytes + 2) << 16;
}

static maple_status fail(const archive *a, size_t at, maple_error *error, const char *message) {
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s: byte %zu: %s", a->path, at, message);
}

/* The record at the end says where the directory is. */
static maple_status find_directory(archive *a, maple_error *error) {
    size_t least = a->bytes > END_BYTES + LONGEST_COMMENT ? a->bytes - END_BYTES - LONGEST_COMMENT : 0;
    if (a->bytes < 4 || little32(a->data) != LOCAL)
        return fail(a, 0, error, "not a zip archive (PyTorch writes one since version 1.6)");
    for (size_t at = a->bytes < END_BYTES ? 0 : a->bytes - END_BYTES + 1; at > least; at--) {
        const unsigned char *end = a->data + at - 1;
        if (little32(end) != END || at - 1 + END_BYTES + little16(end + 20) != a->bytes)
            continue;
        a->entries = little16(end + 10);
        size_t size = little32(end + 12);
        a->directory = little32(end + 16);
        if (little16(end + 4) != 0 || little16(end + 6) != 0 || little16(end + 8) != a->entries)
            return fail(a, at - 1, error, "a zip archive in several parts: it is read in one");
        if (a->entries == 0xffff || size == 0xffffffff || a->directory == 0xffffffff)
            return fail(a, at - 1, error, "a zip64 archive: more than these files need");
        if (size > at - 1 || a->directory > at - 1 - size)
            return fail(a, at - 1, error, "the directory of the zip archive is outside of it");
        a->directory_end = a->directory + size;
        return MAPLE_OK;
    }
    return fail(a, a->bytes, error, "the zip archive ends before its directory: the file is cut off");
}

/* The central header at *at; moves *at to the next one. */
static maple_status read_entry(const archive *a, size_t *at, entry *out, maple_error *error) {
    const unsigned char *header = a->data + *at;
    size_t left = a->directory_end - *at;
    if (left < CENTRAL_BYTES || little32(header) != CENTRAL)
        return fail(a, *at, error, "no entry of the zip archive's directory where one is expected");
    *out = (entry){
        .at = *at,
        .name = (const char *)header + CENTRAL_BYTES,
        .name_length = little16(header + 28),
        .flags = little16(header + 8),
        .method = little16(header + 10),
        .crc = little32(header + 16),
        .packed = little32(header + 20),
        .bytes = little32(header + 24),
        .header = little32(header + 42),
    };
    size_t length = CENTRAL_BYTES + out->name_length + little16(header + 30) + little16(header + 32);
    if (length > left)
        return fail(a, *at, error, "an entry of the zip archive's directory is longer than the directory");
    *at += length;
    return MAPLE_OK;
}

static maple_status open_entry(const archive *a, const entry *e, maple_zip_member *out, maple_error *error) {
    if (e->flags & ENCRYPTED)
        return fail(a, e->at, error, "the member is encrypted");
    if (e->method != 0 || e->packed != e->bytes)
        return fail(a, e->at, error, "the member is compressed: PyTorch stores it");
    if (e->header > a->directory || a->directory - e->header < LOCAL_BYTES)
        return fail(a, e->at, error, "the member is outside of the archive");
    const unsigned char *header = a->data + e->header;
    if (little32(header) != LOCAL)
        return fail(a, e->header, error, "no header of a member where the directory says there is one");
    size_t name_length = little16(header + 26), start = e->header + LOCAL_BYTES;
    size_t offset = start + name_length + little16(header + 28);
    if (offset > a->directory || e->bytes > a->directory - offset)
        return fail(a, e->header, error, "the member is longer than the archive");
    if (name_length != e->name_length || memcmp(a->data + start, e->name, name_length) != 0)
        return fail(a, e->header, error, "the member has another name than in the directory");
    if (crc32_z(0, a->data + offset, e->bytes) != e->crc)
        return fail(a, offset, error, "the member's checksum is wrong: the file is damaged, get it again");
    *out = (maple_zip_member){.data = (const char *)a->data + offset, .bytes = e->bytes, .offset = offset};
    return MAPLE_OK;
}

/* "data.pkl" is the name of "archive/data.pkl". */
static bool is_called(const entry *e, const char *name) {
    size_t length = strlen(name);
    if (e->name_length < length || memcmp(e->name + e->name_length - length, name, length) != 0)
        return false;
    return e->name_length == length || e->name[e->name_length - length - 1] == '/';
}

maple_status maple_zip_find(const char *path, const char *data, size_t bytes, const char *name,
                            maple_zip_member *out, maple_error *error) {
    archive a = {.path = path, .data = (const unsigned char *)data, .bytes = bytes};
    entry found = {0};
    bool any = false;
    maple_status status = find_directory(&a, error);
    size_t at = a.directory;
    for (size_t i = 0; status == MAPLE_OK && i < a.entries; i++) {
        entry e = {0};
        status = read_entry(&a, &at, &e, error);
        if (status != MAPLE_OK || !is_called(&e, name))
            continue;
        if (any)
            return maple_error_set(error, MAPLE_BAD_INPUT, "%s: byte %zu: a second member %s", path, e.at,
                                   name);
        found = e;
        any = true;
    }
    if (status == MAPLE_OK && !any)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: byte %zu: the archive has no member %s", path,
                               a.directory, name);
    return status == MAPLE_OK ? open_entry(&a, &found, out, error) : status;
}
