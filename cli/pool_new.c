/* SPDX-License-Identifier: Apache-2.0 */
/* Where import and merge write: a pool that is there, or a new one, of which a failure leaves nothing. */
#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_there(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 || errno != ENOENT;
}

/* A name beside `path` that nothing has. */
static maple_status name_beside(const char *path, char **out, maple_error *error) {
    for (int i = 0;; i++) {
        maple_text name = {0};
        maple_text_addf(&name, "%s.new-%ld-%d", path, (long)getpid(), i);
        if (name.failed) {
            maple_text_free(&name);
            return maple_error_memory(error);
        }
        if (!is_there(name.data)) {
            *out = name.data;
            return MAPLE_OK;
        }
        maple_text_free(&name);
    }
}

/* The closed pool `from` becomes `path`, unless another process has made one there. */
static maple_status take_place(const char *from, const char *path, maple_error *error) {
    if (link(from, path) == 0)
        return MAPLE_OK;
    int why = errno;
    bool without_links = why == EPERM || why == ENOSYS || why == EOPNOTSUPP; /* FAT, some network folders */
    if (without_links && !is_there(path)) {
        if (rename(from, path) == 0)
            return MAPLE_OK;
        why = errno;
    }
    if (without_links || why == EEXIST)
        return maple_error_set(error, MAPLE_IO_ERROR,
                               "%s: another command made this pool meanwhile: run this one again", path);
    return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be written: %s", path, strerror(why));
}

static void remove_files(const char *path) {
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        maple_text name = {0};
        maple_text_addf(&name, "%s%s", path, endings[i]);
        if (!name.failed)
            unlink(name.data);
        maple_text_free(&name);
    }
}

maple_status cli_with_new_pool(const char *path, pool_action action, void *user, maple_error *error) {
    if (is_there(path))
        return cli_with_pool(path, MAPLE_POOL_WRITE, action, user, error);
    char *beside = NULL;
    maple_status status = name_beside(path, &beside, error);
    if (status != MAPLE_OK)
        return status;
    maple_pool *pool = NULL;
    status = maple_pool_open(beside, MAPLE_POOL_WRITE, &pool, error);
    if (status == MAPLE_OK)
        status = action(pool, user, error);
    maple_pool_close(pool);
    if (status == MAPLE_OK)
        status = take_place(beside, path, error);
    remove_files(beside);
    maple_free(beside);
    return status;
}
