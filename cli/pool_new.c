/* SPDX-License-Identifier: Apache-2.0 */
/* Where import and merge write: a pool that is there, or a new one, of which a failure leaves nothing. */
#include "pool.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_there(const char *path) {
    struct stat info;
    return lstat(path, &info) == 0 || errno != ENOENT;
}

/* What all new pools of this machine for `path` are called, up to the process: "pool.db.new-host-". The
 * machine is in it, because a folder may be shared, and processes are known only where they run. */
static void add_start(maple_text *name, const char *path) {
    char host[65] = "";
    if (gethostname(host, sizeof host) != 0)
        *host = '\0';
    host[sizeof host - 1] = '\0';
    maple_text_addf(name, "%s.new-%s-", path, host);
}

/* Removes what commands that were killed have left for `path`: new pools of processes that are no more. */
static void remove_leftovers(const char *path) {
    maple_text start = {0};
    add_start(&start, path);
    char *slash = start.failed ? NULL : strrchr(start.data, '/');
    const char *base = slash ? slash + 1 : start.data;
    maple_text folder = {0};
    maple_text_addf(&folder, "%.*s", slash ? (int)(slash - start.data) + 1 : 2, slash ? start.data : "./");
    DIR *listing = start.failed || folder.failed ? NULL : opendir(folder.data);
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        char *end = entry->d_name;
        if (strncmp(entry->d_name, base, strlen(base)) != 0)
            continue;
        long process = strtol(entry->d_name + strlen(base), &end, 10);
        if (process > 0 && *end == '-' && kill((pid_t)process, 0) != 0 && errno == ESRCH)
            unlinkat(dirfd(listing), entry->d_name, 0);
    }
    if (listing)
        closedir(listing);
    maple_text_free(&folder);
    maple_text_free(&start);
}

/* A name beside `path` that nothing has. */
static maple_status name_beside(const char *path, char **out, maple_error *error) {
    for (int i = 0;; i++) {
        maple_text name = {0};
        add_start(&name, path);
        maple_text_addf(&name, "%ld-%d", (long)getpid(), i);
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
    remove_leftovers(path);
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
