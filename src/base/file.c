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

/* Makes the rename itself durable; a folder that cannot be opened is not an error of the file's. */
static void sync_folder_of(const char *path) {
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (!slash)
        snprintf(folder, sizeof folder, ".");
    else if (slash == folder)
        slash[1] = '\0';
    else
        *slash = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

maple_status maple_write_file(const char *path, const void *data, size_t bytes, maple_error *error) {
    char temporary[4096];
    int length = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof temporary)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: path too long", path);
    /* A pipe or /dev/stdout cannot be replaced by a rename: it is written as it is. */
    struct stat info;
    bool special = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    int fd = special ? open(path, O_WRONLY | O_CLOEXEC) : mkstemp(temporary);
    if (fd < 0)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be created: %s; name a writable folder",
                               path, strerror(errno));
    bool fine = write_all(fd, data, bytes) && (special || fsync(fd) == 0);
    if (fine && !special) {
        mode_t mask = umask(0);
        umask(mask);
        fine = fchmod(fd, 0666 & ~mask) == 0;
    }
    int why = errno;
    if (close(fd) != 0 && fine) {
        fine = false;
        why = errno;
    }
    if (fine && !special && rename(temporary, path) != 0) {
        fine = false;
        why = errno;
    }
    if (!fine) {
        if (!special)
            unlink(temporary);
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be written: %s", path, strerror(why));
    }
    if (!special)
        sync_folder_of(path);
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
