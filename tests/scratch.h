/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h: a folder of this test program, for a test's or a group's setup and teardown. */
#ifndef MAPLE_TESTS_SCRATCH_H
#define MAPLE_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[256]; /* its path; empty where there is none */

static inline int scratch_remove_entry(const char *path, const struct stat *info, int kind,
                                       struct FTW *where) {
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static inline int make_scratch(void **state) {
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%s/maple_test_XXXXXX", base ? base : "/tmp");
    if (mkdtemp(scratch))
        return 0;
    perror(scratch);
    *scratch = '\0';
    return -1;
}

/* Nothing where no folder was made. */
static inline int remove_scratch(void **state) {
    (void)state;
    int failed = *scratch ? nftw(scratch, scratch_remove_entry, 16, FTW_DEPTH | FTW_PHYS) : 0;
    *scratch = '\0';
    return failed;
}

/* A path in the folder; the last four stay valid. */
static inline const char *in_scratch(const char *name) {
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", scratch, name);
    return path;
}

#endif
