/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a pool: what a file is gets found out by reading its first bytes, before SQLite may touch it. */
#include "pool/pool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_BYTES = 100, USER_VERSION_AT = 60, APPLICATION_ID_AT = 68, BUSY_MS = 5000 };

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static maple_status check_header(const char *path, const unsigned char *header, size_t bytes,
                                 maple_error *error) {
    static const char magic[16] = "SQLite format 3";
    if (bytes < HEADER_BYTES || memcmp(header, magic, sizeof magic) != 0)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: not a MAPLE pool (not an SQLite file); nothing was changed, name another file", path);
    if (big_endian(header + APPLICATION_ID_AT) != MAPLE_POOL_APPLICATION_ID)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: not a MAPLE pool (an SQLite file of another application); nothing was changed, "
            "name another file",
            path);
    uint32_t format = big_endian(header + USER_VERSION_AT);
    if (format > MAPLE_POOL_FORMAT)
        return maple_pool_refuse_format(path, format, error);
    if (format < 1)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: the pool is damaged (format %u): restore a copy",
                               path, format);
    return MAPLE_OK;
}

/* *empty: there is nothing yet (no file, or one of 0 bytes), so a pool may be made. */
static maple_status inspect(const char *path, bool *empty, maple_error *error) {
    struct stat info;
    *empty = true;
    if (stat(path, &info) != 0) {
        if (errno == ENOENT)
            return MAPLE_OK;
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be opened: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode))
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: not a MAPLE pool (%s); name a file", path,
                               S_ISDIR(info.st_mode) ? "a folder" : "not a regular file");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be opened: %s", path, strerror(errno));
    unsigned char header[HEADER_BYTES];
    ssize_t bytes = pread(fd, header, sizeof header, 0);
    int why = errno;
    close(fd);
    if (bytes < 0)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be read: %s", path, strerror(why));
    *empty = bytes == 0;
    return *empty ? MAPLE_OK : check_header(path, header, (size_t)bytes, error);
}

static maple_status make_folders(const char *path, maple_error *error) {
    char folder[PATH_MAX];
    if (strlen(path) >= sizeof folder)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: path too long", path);
    strcpy(folder, path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return maple_error_set(error, MAPLE_IO_ERROR,
                                   "%s: its folder %s cannot be created: %s; name a writable folder", path,
                                   folder, strerror(errno));
        *slash = '/';
    }
    return MAPLE_OK;
}

/* Makes an empty file where there is none: SQLite would not say why it cannot. */
static maple_status make_writable(const char *path, maple_error *error) {
    maple_status status = make_folders(path, error);
    if (status != MAPLE_OK)
        return status;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return maple_error_set(error, MAPLE_IO_ERROR,
                               "%s: cannot be written: %s; give write permission, or name another pool", path,
                               strerror(errno));
    close(fd);
    return MAPLE_OK;
}

/* "./" keeps SQLite's special names (":memory:", "") and a leading "file:" from meaning anything. */
char *maple_pool_make_uri(const char *path, const char *query) {
    maple_text uri = {0};
    maple_text_add(&uri, path[0] == '/' ? "file://" : "file:./");
    for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
        char one[4] = {(char)*c, '\0'};
        if (*c <= ' ' || *c >= 127 || strchr("%?#&=+", *c))
            snprintf(one, sizeof one, "%%%02X", *c);
        maple_text_add(&uri, one);
    }
    maple_text_add(&uri, query);
    if (uri.failed)
        maple_text_free(&uri);
    return uri.data;
}

static bool log_is_pending(const char *path) {
    char log[PATH_MAX];
    struct stat info;
    int length = snprintf(log, sizeof log, "%s-wal", path);
    return length > 0 && (size_t)length < sizeof log && stat(log, &info) == 0 && info.st_size > 0;
}

static maple_status connect(maple_pool *pool, const char *query, maple_error *error) {
    maple_pool_close_archs(pool);
    sqlite3_close(pool->db);
    pool->db = NULL;
    pool->query = query;
    char *uri = maple_pool_make_uri(pool->path, pool->mode == MAPLE_POOL_WRITE ? "" : query);
    if (!uri)
        return maple_error_memory(error);
    int access =
        pool->mode == MAPLE_POOL_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    int code = sqlite3_open_v2(uri, &pool->db, access | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    maple_free(uri);
    if (code != SQLITE_OK)
        return pool->db ? maple_pool_fail(pool, error) : maple_error_memory(error);
    sqlite3_busy_timeout(pool->db, BUSY_MS);
    if (sqlite3_exec(pool->db,
                     "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; "
                     "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON",
                     NULL, NULL, NULL) != SQLITE_OK)
        return maple_pool_fail(pool, error);
    return maple_pool_prepare_schema(pool, error);
}

static maple_status connect_as(maple_pool *pool, maple_error *error) {
    if (pool->mode == MAPLE_POOL_IMMUTABLE && log_is_pending(pool->path))
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: a process is writing it, or was stopped while it did (%s-wal): a pool opened as "
            "immutable must be at rest; open it for writing once",
            pool->path, pool->path);
    if (pool->mode == MAPLE_POOL_IMMUTABLE)
        return connect(pool, "?immutable=1&mode=ro", error);
    maple_status status = connect(pool, "?mode=ro", error);
    /* Readers share an index file beside the pool. Where a folder does not allow one, nobody can be writing.
     */
    int code = pool->db ? sqlite3_errcode(pool->db) & 0xff : SQLITE_OK;
    if (status != MAPLE_OK && pool->mode == MAPLE_POOL_READ &&
        (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && !log_is_pending(pool->path))
        status = connect(pool, "?immutable=1&mode=ro", error);
    return status;
}

maple_status maple_pool_open(const char *path, maple_pool_mode mode, maple_pool **out, maple_error *error) {
    if (!path || !*path)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "the path of the pool is empty");
    bool empty;
    maple_status status = inspect(path, &empty, error);
    if (status != MAPLE_OK)
        return status;
    if (empty && mode != MAPLE_POOL_WRITE) {
        if (access(path, F_OK) == 0)
            return maple_error_set(error, MAPLE_BAD_INPUT, "%s: not a MAPLE pool (an empty file)", path);
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be opened: %s", path, strerror(ENOENT));
    }
    status = mode == MAPLE_POOL_WRITE ? make_writable(path, error) : MAPLE_OK;
    if (status != MAPLE_OK)
        return status;
    maple_pool *pool = maple_alloc(1, sizeof *pool);
    if (!pool)
        return maple_error_memory(error);
    pool->mode = mode;
    pool->path = maple_strdup(path);
    status = pool->path ? connect_as(pool, error) : maple_error_memory(error);
    if (status != MAPLE_OK) {
        maple_pool_close(pool);
        return status;
    }
    *out = pool;
    return MAPLE_OK;
}

void maple_pool_close(maple_pool *pool) {
    if (!pool)
        return;
    maple_pool_close_archs(pool);
    sqlite3_close(pool->db);
    maple_free(pool->path);
    maple_free(pool);
}

const char *maple_pool_path(const maple_pool *pool) {
    return pool->path;
}

maple_status maple_pool_default_path(char **out, maple_error *error) {
    /* The XDG specification has relative paths ignored. */
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    maple_text path = {0};
    if (data && data[0] == '/')
        maple_text_addf(&path, "%s/maple/pool.db", data);
    else if (home && *home)
        maple_text_addf(&path, "%s/.local/share/maple/pool.db", home);
    else
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "no folder for the pool: neither XDG_DATA_HOME nor HOME is set; name a pool (--pool FILE)");
    if (path.failed) {
        maple_text_free(&path);
        return maple_error_memory(error);
    }
    *out = path.data;
    return MAPLE_OK;
}
