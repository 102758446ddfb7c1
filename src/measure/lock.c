/* SPDX-License-Identifier: Apache-2.0 */
/* One campaign at a time for a platform of a pool: see lock.h. */
#include "measure/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is the file that was locked still the one of that name? Its last holder may have removed it meanwhile. */
static bool is_current(int descriptor, const char *path) {
    struct stat held, named;
    return fstat(descriptor, &held) == 0 && stat(path, &named) == 0 && held.st_ino == named.st_ino &&
           held.st_dev == named.st_dev;
}

static maple_status refuse(int descriptor, const maple_pool *pool, const maple_platform *platform,
                           maple_error *error) {
    char holder[24] = "";
    ssize_t got = pread(descriptor, holder, sizeof holder - 1, 0);
    holder[got > 0 ? got : 0] = '\0';
    return maple_error_set(error, MAPLE_IO_ERROR,
                           "%s: another process (%s) measures platform '%s': wait until it is done; the same "
                           "command then goes on with what is left",
                           maple_pool_path(pool), holder[0] ? holder : "unknown", platform->name);
}

static maple_status take(maple_lock *lock, const maple_pool *pool, const maple_platform *platform,
                         const maple_hooks *hooks, maple_error *error) {
    for (;;) {
        int descriptor = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (descriptor < 0)
            return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be made: %s", lock->path,
                                   strerror(errno));
        int failed = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
        if (failed == 0 && !is_current(descriptor, lock->path)) {
            close(descriptor);
            continue;
        }
        if (failed == 0) {
            /* Who it is only helps the message of the next one: a full disk is no reason to stop. */
            if (ftruncate(descriptor, 0) == 0)
                dprintf(descriptor, "%ld", (long)getpid());
            lock->descriptor = descriptor;
            return MAPLE_OK;
        }
        maple_status status = MAPLE_OK;
        if (failed == EWOULDBLOCK)
            status = refuse(descriptor, pool, platform, error);
        else
            maple_log(hooks, MAPLE_LOG_WARNING,
                      "%s: cannot be locked (%s): see to it that no other process measures this platform",
                      lock->path, strerror(failed));
        close(descriptor);
        return status;
    }
}

maple_status maple_lock_take(maple_lock *lock, const maple_pool *pool, const maple_platform *platform,
                             const maple_hooks *hooks, maple_error *error) {
    *lock = (maple_lock){.descriptor = -1};
    maple_text path = {0};
    char *file = realpath(maple_pool_path(pool), NULL); /* the same one by whatever name */
    maple_text_addf(&path, "%s-measuring-%lld", file ? file : maple_pool_path(pool), (long long)platform->id);
    free(file);
    if (path.failed) {
        maple_text_free(&path);
        return maple_error_memory(error);
    }
    lock->path = path.data;
    return take(lock, pool, platform, hooks, error);
}

void maple_lock_release(maple_lock *lock) {
    if (lock->path && lock->descriptor >= 0) {
        unlink(lock->path);
        close(lock->descriptor);
    }
    maple_free(lock->path);
    *lock = (maple_lock){.descriptor = -1};
}
