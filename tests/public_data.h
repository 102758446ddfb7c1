/* SPDX-License-Identifier: Apache-2.0 */
/* public_data.h: the public tables, which are not part of this repository: ../shared/data from the source
 * folder, or what $MAPLE_PUBLIC_DATA names. Tests that need them are skipped where they are not, and say so.
 */
#ifndef MAPLE_TESTS_PUBLIC_DATA_H
#define MAPLE_TESTS_PUBLIC_DATA_H

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

/* The path of a file or folder of the public data, or NULL, with a message, where it cannot be read; the last
 * four stay valid. For a group's setup, which cannot be skipped. */
static inline const char *public_find(const char *name) {
    static char paths[4][1024];
    static unsigned next;
    char *path = paths[next++ % 4];
    const char *named = getenv("MAPLE_PUBLIC_DATA");
    snprintf(path, sizeof *paths, "%s/%s", named ? named : MAPLE_SOURCE_DIR "/../shared/data", name);
    if (access(path, R_OK) == 0)
        return path;
    print_message("skipped: no %s (name the folder with MAPLE_PUBLIC_DATA)\n", path);
    return NULL;
}

/* The same in a test, which ends here, skipped, where it cannot be read. */
static inline const char *public_file(const char *name) {
    const char *path = public_find(name);
    if (!path)
        skip();
    return path;
}

/* The whole text of a file that gzip may have packed: the caller's, to be freed with free(). */
static inline char *public_text(const char *name) {
    const char *path = public_file(name);
    gzFile file = gzopen(path, "rb");
    assert_non_null(file);
    size_t used = 0, size = 1 << 16;
    char *text = NULL;
    for (int got = 1; got > 0; used += (size_t)got) {
        if (!text || size - used < 2)
            text = realloc(text, size *= 2);
        assert_non_null(text);
        got = gzread(file, text + used, (unsigned)(size - used - 1));
        if (got < 0)
            fail_msg("%s: %s", path, gzerror(file, &got));
    }
    text[used] = '\0';
    assert_int_equal(gzclose(file), Z_OK);
    assert_true(used > 0);
    return text;
}

#endif
