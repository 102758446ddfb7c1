/* SPDX-License-Identifier: Apache-2.0 */
/* pt_fixture.h: writes files as PyTorch does (a zip archive with a pickle), right ones and wrong ones. */
#ifndef MAPLE_TESTS_PT_FIXTURE_H
#define MAPLE_TESTS_PT_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

typedef struct pt_bytes {
    unsigned char *data;
    size_t n, capacity;
} pt_bytes;

static inline void pt_put(pt_bytes *out, const void *data, size_t n) {
    if (out->n + n > out->capacity) {
        out->capacity = (out->n + n) * 2;
        out->data = realloc(out->data, out->capacity);
        if (!out->data)
            abort();
    }
    memcpy(out->data + out->n, data, n);
    out->n += n;
}

static inline void pt_free(pt_bytes *bytes) {
    free(bytes->data);
    *bytes = (pt_bytes){0};
}

static inline void pt_byte(pt_bytes *out, int byte) {
    unsigned char one = (unsigned char)byte;
    pt_put(out, &one, 1);
}

/* `value` in `n` bytes (those above 8 are 0), the lowest first. */
static inline void pt_little(pt_bytes *out, uint64_t value, int n) {
    for (int i = 0; i < n; i++)
        pt_byte(out, i < 8 ? (int)(value >> (8 * i) & 0xff) : 0);
}

/* --- Pickle, protocol 2 --- */

static inline void pt_proto(pt_bytes *out) {
    pt_put(out, "\x80\x02", 2);
}

/* Instructions without arguments, one a letter: "](" opens a list and a mark. */
static inline void pt_do(pt_bytes *out, const char *instructions) {
    pt_put(out, instructions, strlen(instructions));
}

static inline void pt_float(pt_bytes *out, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    pt_byte(out, 'G');
    for (int i = 7; i >= 0; i--)
        pt_byte(out, (int)(bits >> (8 * i) & 0xff));
}

static inline void pt_int(pt_bytes *out, long value) {
    int n = value >= 0 && value < 256 ? 1 : value >= 0 && value < 65536 ? 2 : 4;
    pt_byte(out, n == 1 ? 'K' : n == 2 ? 'M' : 'J');
    pt_little(out, (uint64_t)value, n);
}

static inline void pt_text(pt_bytes *out, const char *text) {
    pt_byte(out, 'X');
    pt_little(out, strlen(text), 4);
    pt_put(out, text, strlen(text));
}

/* A memo number, as Python writes after every container and text. */
static inline void pt_memo(pt_bytes *out, unsigned number) {
    pt_byte(out, number < 256 ? 'q' : 'r');
    pt_little(out, number, number < 256 ? 1 : 4);
}

/* A list of numbers in batches of 1000, as Python writes it. */
static inline void pt_floats(pt_bytes *out, const double *values, size_t n) {
    pt_proto(out);
    pt_byte(out, ']');
    pt_memo(out, 0);
    for (size_t i = 0; i < n; i++) {
        if (i % 1000 == 0)
            pt_byte(out, '(');
        pt_float(out, values[i]);
        if (i % 1000 == 999 || i + 1 == n)
            pt_byte(out, 'e');
    }
    pt_byte(out, '.');
}

/* --- Zip --- */

/* What is unusual about an archive; all zero: as PyTorch writes it. */
typedef struct pt_zip {
    const char *member;                             /* NULL: archive/data.pkl */
    const char *local_member;                       /* NULL: the same */
    const char *second;                             /* another member of that name, with the same content */
    unsigned method, flags;                         /* flags beside bits 3 and 11 */
    size_t extra;                                   /* bytes of padding in the local header */
    int local_sizes;                                /* the local header has them, and no bit 3 */
    unsigned wrong_central, wrong_crc, wrong_place; /* added to the signature, the checksum, the offset */
    size_t more_bytes;                              /* added to the member's size */
    size_t more_directory;                          /* added to the directory's place */
    int zip64;                                      /* the directory's place is in a record of zip64 */
    unsigned disk;                                  /* number of this part */
    const char *comment;                            /* at the end */
} pt_zip;

static inline size_t pt_put_local(pt_bytes *out, const pt_zip *z, const char *name, const pt_bytes *pickle) {
    size_t at = out->n;
    pt_little(out, 0x04034b50, 4);
    pt_little(out, 0, 2);
    pt_little(out, (z->local_sizes ? 0x800u : 0x808u) | z->flags, 2);
    pt_little(out, z->method, 2);
    pt_little(out, 0, 4); /* time, date */
    pt_little(out, z->local_sizes ? crc32_z(0, pickle->data, pickle->n) : 0, 4);
    pt_little(out, z->local_sizes ? pickle->n : 0, 4);
    pt_little(out, z->local_sizes ? pickle->n : 0, 4);
    pt_little(out, strlen(name), 2);
    pt_little(out, z->extra, 2);
    pt_put(out, name, strlen(name));
    for (size_t i = 0; i < z->extra; i++)
        pt_byte(out, 'Z');
    pt_put(out, pickle->data, pickle->n);
    return at;
}

static inline void pt_put_central(pt_bytes *out, const pt_zip *z, const char *name, const pt_bytes *pickle,
                                  size_t at) {
    size_t size = pickle->n + z->more_bytes;
    pt_little(out, 0x02014b50 + z->wrong_central, 4);
    pt_little(out, 0, 4); /* versions */
    pt_little(out, 0x808u | z->flags, 2);
    pt_little(out, z->method, 2);
    pt_little(out, 0, 4);
    pt_little(out, crc32_z(0, pickle->data, pickle->n) + z->wrong_crc, 4);
    pt_little(out, size, 4);
    pt_little(out, size, 4);
    pt_little(out, strlen(name), 2);
    pt_little(out, 0, 12); /* extra, comment, disk, attributes */
    pt_little(out, at + z->wrong_place, 4);
    pt_put(out, name, strlen(name));
}

/* The archive; frees the pickle. */
static inline pt_bytes pt_archive(pt_bytes *pickle, const pt_zip *unusual) {
    pt_zip z = unusual ? *unusual : (pt_zip){0};
    pt_bytes out = {0}, version = {0};
    const char *name = z.member ? z.member : "archive/data.pkl";
    pt_zip plain = {0};
    pt_put(&version, "3\n", 2);
    if (!pickle->data)
        pt_put(pickle, "", 0);
    size_t at = pt_put_local(&out, &z, z.local_member ? z.local_member : name, pickle);
    size_t version_at = pt_put_local(&out, &plain, "archive/version", &version);
    size_t second_at = z.second ? pt_put_local(&out, &plain, z.second, pickle) : 0;
    size_t directory = out.n;
    pt_put_central(&out, &z, name, pickle, at);
    pt_put_central(&out, &plain, "archive/version", &version, version_at);
    if (z.second)
        pt_put_central(&out, &plain, z.second, pickle, second_at);
    size_t size = out.n - directory, entries = z.second ? 3 : 2;
    pt_little(&out, 0x06054b50, 4);
    pt_little(&out, z.disk, 2);
    pt_little(&out, z.disk, 2);
    pt_little(&out, entries, 2);
    pt_little(&out, entries, 2);
    pt_little(&out, size, 4);
    pt_little(&out, z.zip64 ? 0xffffffff : directory + z.more_directory, 4);
    pt_little(&out, z.comment ? strlen(z.comment) : 0, 2);
    pt_put(&out, z.comment ? z.comment : "", z.comment ? strlen(z.comment) : 0);
    pt_free(pickle);
    pt_free(&version);
    return out;
}

#endif
