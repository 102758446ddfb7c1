/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read with a limit, written so that a crash leaves the old file or the new one. */
#include "maple/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *data, size_t bytes) {
    while (bytes > 0) {
        ssize_t written = write(fd, data, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        bytes -= (size_t)written;
    }
    return true;
}

/* The folder that holds `path`. */
static void folder_of(const char *path, char folder[4096]) {
    snprintf(folder, 4096, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        snprintf(folder, 4096, ".");
    else if (slash == folder)
        slash[1] = '\0';
    else
        *slash = '\0';
}

/* Makes the rename itself durable; a folder that cannot be opened is not an error of the file's. */
static void sync_folder_of(const char *path) {
    char folder[4096];
    folder_of(path, folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* Where the bytes will lie: what a link points at, so that the link itself stays. `special` is set
 * where something is there that is not a plain file (a pipe, /dev/stdout): it cannot be replaced by a rename.
 */
static maple_status resolve(const char *path, char target[4096], bool *special, maple_error *error) {
    struct stat info;
    *special = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    char *real = *special ? NULL : realpath(path, NULL);
    int length = snprintf(target, 4096, "%s", real ? real : path);
    free(real);
    return length >= 0 && length < 4096 - 32
               ? MAPLE_OK
               : maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: path too long", path);
}

/* A new file beside `target`, with the permissions that the process gives its files. */
static int open_temporary(const char *target, char temporary[4128]) {
    enum { TRIES = 100 };
    int fd = -1;
    for (int i = 0; fd < 0 && i < TRIES; i++) {
        snprintf(temporary, 4128, "%s.%ld-%d.tmp", target, (long)getpid(), i);
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

static maple_status not_created(const char *path, maple_error *error) {
    return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be created: %s; name a writable folder", path,
                           strerror(errno));
}

maple_status maple_check_writable(const char *path, maple_error *error) {
    char target[4096], folder[4096];
    bool special;
    maple_status status = resolve(path, target, &special, error);
    if (status != MAPLE_OK)
        return status;
    folder_of(target, folder);
    struct stat info;
    if (special && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        errno = EISDIR;
    else if (access(special ? path : folder, W_OK) == 0)
        return MAPLE_OK;
    return not_created(path, error);
}

maple_status maple_write_file(const char *path, const void *data, size_t bytes, maple_error *error) {
    char target[4096], temporary[4128];
    bool special;
    maple_status status = resolve(path, target, &special, error);
    if (status != MAPLE_OK)
        return status;
    int fd = special ? open(path, O_WRONLY | O_CLOEXEC) : open_temporary(target, temporary);
    if (fd < 0)
        return not_created(path, error);
    bool fine = write_all(fd, data, bytes) && (special || fsync(fd) == 0);
    int why = errno;
    if (close(fd) != 0 && fine) {
        fine = false;
        why = errno;
    }
    if (fine && !special && rename(temporary, target) != 0) {
        fine = false;
        why = errno;
    }
    if (!fine) {
        if (!special)
            unlink(temporary);
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be written: %s", path, strerror(why));
    }
    if (!special)
        sync_folder_of(target);
    return MAPLE_OK;
}

maple_status maple_read_file(const char *path, size_t limit, char **data, size_t *bytes, maple_error *error) {
    FILE *file = fopen(path, "rbe");
    if (!file)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be opened: %s", path, strerror(errno));
    maple_status status = MAPLE_OK;
    size_t used = 0, capacity = 65536;
    char *buffer = maple_resize(NULL, capacity, 1);
    while (buffer) {
        size_t got = fread(buffer + used, 1, capacity - used - 1, file);
        used += got;
        if (used > limit) {
            status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: larger than the limit of %zu bytes", path,
                                     limit);
            break;
        }
        if (got == 0)
            break;
        if (capacity - used < 2) {
            char *larger = maple_resize(buffer, capacity * 2, 1);
            if (!larger)
                maple_free(buffer);
            buffer = larger;
            capacity *= 2;
        }
    }
    if (!buffer)
        status = maple_error_memory(error);
    else if (status == MAPLE_OK && ferror(file))
        status = maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
    if (status != MAPLE_OK) {
        maple_free(buffer);
        return status;
    }
    buffer[used] = '\0';
    *data = buffer;
    *bytes = used;
    return MAPLE_OK;
}
