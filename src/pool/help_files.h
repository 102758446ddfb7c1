/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help_files.h: the three kinds of files in the data folder of HELP (Lee et al., NeurIPS 2021), each a zip
 * archive whose member data.pkl is a pickle. What is not as expected: MAPLE_BAD_INPUT, "PATH: byte N: ...".
 */
#ifndef MAPLE_POOL_HELP_FILES_H
#define MAPLE_POOL_HELP_FILES_H

#include "maple/space.h"

#define MAPLE_HELP_MAX_FILE ((size_t)8 << 20) /* the largest there is has 1.5 MB */

typedef struct maple_help_archs {
    const maple_space *space;
    maple_arch *archs; /* [n], by canonical index */
    int *index;        /* [n], 0 .. n - 1 */
    size_t *at;        /* [n] bytes of the file where they stand, for errors found later */
    size_t n;
} maple_help_archs;

/* str_arch2idx.pt: a dict of architecture string to canonical index; every architecture of the space. */
maple_status maple_help_read_indices(const char *path, const maple_space *space, maple_help_archs *out,
                                     maple_error *error);
/* arch.pt: a list of architectures, each a list of operator ids; the place in the list is the index. */
maple_status maple_help_read_operators(const char *path, const maple_space *space, maple_help_archs *out,
                                       maple_error *error);
void maple_help_free_archs(maple_help_archs *archs);

/* latency/DEVICE.pt: a list of `n` latencies in ms, by canonical index; out[n]. */
maple_status maple_help_read_latencies(const char *path, size_t n, double *out, maple_error *error);

#endif
