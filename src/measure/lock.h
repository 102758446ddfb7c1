/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.h: one campaign at a time for a platform of a pool. Two would measure everything twice, each under the
 * other's load. The lock is the system's (flock on FILE-measuring-ID beside the pool): whoever holds it and
 * is killed, loses it.
 */
#ifndef MAPLE_MEASURE_LOCK_H
#define MAPLE_MEASURE_LOCK_H

#include "maple/pool.h"

typedef struct maple_lock {
    int descriptor; /* -1: none is held */
    char *path;
} maple_lock;

/* MAPLE_IO_ERROR where another process has it. A file system without locks: a warning, and none is held. */
maple_status maple_lock_take(maple_lock *lock, const maple_pool *pool, const maple_platform *platform,
                             const maple_hooks *hooks, maple_error *error);
void maple_lock_release(maple_lock *lock);

#endif
