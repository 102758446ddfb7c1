/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate/store.h"

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    FORMAT = 1, /* user_version */
    BUSY_MS = 5000,
    DAY_S = 86400,
    CHECKPOINT_PAGES = 4000, /* 16 MB: each costs an fsync, during which other threads wait */
};

struct maple_store {
    const char *path;
    const maple_hooks *hooks;
    size_t limit, written; /* bytes; written since the size was last looked at */
    bool unchecked;        /* its structure is still to be looked at */
    sqlite3 *db;           /* NULL: nothing is kept any more */
    sqlite3_stmt *find, *add, *touch, *drop;
    int64_t now_s;
    pthread_mutex_t mutex;
};

/* --- Opening --- */

static void disconnect(maple_store *store) {
    sqlite3_stmt **all[] = {&store->find, &store->add, &store->touch, &store->drop};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sqlite3_finalize(*all[i]);
        *all[i] = NULL;
    }
    sqlite3_close(store->db);
    store->db = NULL;
}

static int read_format(sqlite3 *db, int *format) {
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *format = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : code;
}

/* A changed bit may break the order of the entries, so that some are not found, or only at times. No query
 * says so. It takes a fraction of a second for a full store. */
static int check_structure(sqlite3 *db) {
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const char *answer = (const char *)sqlite3_column_text(statement, 0);
        code = answer && strcmp(answer, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
    }
    sqlite3_finalize(statement);
    return code;
}

/* WAL: a commit is one append, and a process that is killed leaves whole commits. Both modes stay with the
 * file; saying them again would write it. */
static int make_schema(sqlite3 *db) {
    int format = 0;
    int code = read_format(db, &format);
    if (code != SQLITE_OK || format == FORMAT)
        return code;
    if (format != 0)
        return SQLITE_NOTADB; /* of another program, or of another version of this one */
    code = sqlite3_exec(db, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return code;
    return sqlite3_exec(
        db,
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, key TEXT NOT NULL, body BLOB "
        "NOT NULL, checksum INTEGER NOT NULL, used_s INTEGER NOT NULL);"
        "PRAGMA user_version = 1;"
        "COMMIT",
        NULL, NULL, NULL);
}

static int connect(maple_store *store) {
    int code = sqlite3_open_v2(store->path, &store->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return code;
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_wal_autocheckpoint(store->db, CHECKPOINT_PAGES);
    code =
        sqlite3_exec(store->db,
                     "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; "
                     "PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 33554432",
                     NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = make_schema(store->db);
    if (code == SQLITE_OK && !store->unchecked)
        code = check_structure(store->db);
    const struct {
        sqlite3_stmt **out;
        const char *sql;
    } statements[] = {
        {&store->find, "SELECT body, checksum, used_s FROM entry WHERE id = ?1 AND key = ?2"},
        {&store->add,
         "INSERT OR REPLACE INTO entry (id, key, body, checksum, used_s) VALUES (?1,?2,?3,?4,?5)"},
        {&store->touch, "UPDATE entry SET used_s = ?2 WHERE id = ?1"},
        {&store->drop, "DELETE FROM entry WHERE id = ?1"},
    };
    for (size_t i = 0; code == SQLITE_OK && i < sizeof statements / sizeof *statements; i++)
        code = sqlite3_prepare_v3(store->db, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                  statements[i].out, NULL);
    return code;
}

static bool is_damage(int code) {
    code &= 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR || code == SQLITE_FORMAT;
}

/* A file in which something is wrong is no source of results: all of it goes. Another process that has it
 * open goes on with a file that has no name any more. */
static int start_anew(maple_store *store, int code) {
    maple_log(store->hooks, MAPLE_LOG_WARNING,
              "%s: the cache is damaged, or not one (%s): it is emptied, and its results are made anew",
              store->path, sqlite3_errstr(code));
    disconnect(store);
    store->unchecked = false;
    char beside[PATH_MAX];
    unlink(store->path);
    for (int i = 0; i < 2; i++) {
        int length = snprintf(beside, sizeof beside, "%s%s", store->path, i == 0 ? "-wal" : "-shm");
        if (length > 0 && (size_t)length < sizeof beside)
            unlink(beside);
    }
    return connect(store);
}

/* After an operation with this result. MAPLE_OK: go on, as if nothing had been there. */
static maple_status recover(maple_store *store, int code, maple_error *error) {
    if (code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW)
        return MAPLE_OK;
    if (is_damage(code))
        code = start_anew(store, code);
    if (code == SQLITE_OK)
        return MAPLE_OK;
    if (code == SQLITE_NOMEM) {
        disconnect(store);
        return maple_error_memory(error);
    }
    maple_log(store->hooks, MAPLE_LOG_WARNING,
              "%s: the cache cannot be used (%s): nothing more is kept of this run", store->path,
              store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code));
    disconnect(store);
    return MAPLE_OK;
}

/* --- Bounds --- */

static int64_t used_bytes(sqlite3 *db) {
    sqlite3_stmt *statement;
    int64_t bytes = 0;
    if (sqlite3_prepare_v2(db,
                           "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, "
                           "pragma_freelist_count, pragma_page_size",
                           -1, &statement, NULL) != SQLITE_OK)
        return 0;
    if (sqlite3_step(statement) == SQLITE_ROW)
        bytes = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return bytes;
}

/* By eighths of all entries, so that the limit is met whatever an entry takes. */
static int trim(maple_store *store) {
    int code = SQLITE_OK;
    bool any = false;
    store->written = 0;
    while (code == SQLITE_OK && used_bytes(store->db) > (int64_t)store->limit) {
        code = sqlite3_exec(store->db,
                            "DELETE FROM entry WHERE id IN (SELECT id FROM entry ORDER BY used_s, id LIMIT "
                            "(SELECT (count(*) + 7) / 8 FROM entry))",
                            NULL, NULL, NULL);
        if (code == SQLITE_OK && sqlite3_changes(store->db) == 0)
            break; /* an empty file is above the limit */
        any = true;
    }
    if (any && code == SQLITE_OK)
        code = sqlite3_exec(store->db, "PRAGMA incremental_vacuum", NULL, NULL, NULL);
    return code;
}

/* --- Entries --- */

static uint64_t checksum_of(const char *key, const void *data, size_t bytes) {
    uint64_t both[] = {maple_hash(key, strlen(key)), maple_hash(data, bytes)};
    return maple_hash(both, sizeof both);
}

static int run(sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return code;
}

/* Once a day, so that reading writes nothing as a rule. */
static int note_use(maple_store *store, int64_t id, int64_t used_s) {
    if (store->now_s - used_s < DAY_S)
        return SQLITE_OK;
    sqlite3_bind_int64(store->touch, 1, id);
    sqlite3_bind_int64(store->touch, 2, store->now_s);
    return run(store->touch);
}

/* *data stays NULL where the entry is not there. The row of store->find is open. */
static int read_entry(maple_store *store, const char *key, int64_t id, uint8_t **data, size_t *bytes) {
    const void *body = sqlite3_column_blob(store->find, 0);
    size_t length = (size_t)sqlite3_column_bytes(store->find, 0);
    int64_t used_s = sqlite3_column_int64(store->find, 2);
    bool right = body && (uint64_t)sqlite3_column_int64(store->find, 1) == checksum_of(key, body, length);
    if (right) {
        *data = maple_alloc(length, 1);
        *bytes = length;
        if (*data)
            memcpy(*data, body, length);
    }
    sqlite3_reset(store->find);
    if (right)
        return *data ? note_use(store, id, used_s) : SQLITE_NOMEM;
    int code = sqlite3_errcode(store->db) & 0xff;
    if (code == SQLITE_NOMEM || code == SQLITE_CORRUPT || code == SQLITE_IOERR)
        return code;
    maple_log(store->hooks, MAPLE_LOG_WARNING,
              "%s: an entry is damaged (its checksum is not that of its content): it is made anew",
              store->path);
    sqlite3_bind_int64(store->drop, 1, id);
    return run(store->drop);
}

maple_status maple_store_get(maple_store *store, const char *key, uint8_t **data, size_t *bytes,
                             maple_error *error) {
    int64_t id = (int64_t)maple_hash(key, strlen(key));
    uint8_t *found = NULL;
    maple_status status = MAPLE_OK;
    pthread_mutex_lock(&store->mutex);
    if (store->db) {
        sqlite3_bind_int64(store->find, 1, id);
        sqlite3_bind_text(store->find, 2, key, -1, SQLITE_STATIC);
        int code = sqlite3_step(store->find);
        if (code == SQLITE_ROW)
            code = read_entry(store, key, id, &found, bytes);
        else
            sqlite3_reset(store->find);
        if (code == SQLITE_DONE && store->unchecked)
            code = check_structure(store->db);
        store->unchecked = store->unchecked && found;
        status = recover(store, code, error);
    }
    pthread_mutex_unlock(&store->mutex);
    if (status != MAPLE_OK) {
        maple_free(found);
        return status;
    }
    if (!found)
        return maple_error_set(error, MAPLE_NOT_FOUND, "%s: no entry '%.200s'", store->path, key);
    *data = found;
    return MAPLE_OK;
}

static int add(maple_store *store, const char *key, const void *data, size_t bytes) {
    sqlite3_bind_int64(store->add, 1, (int64_t)maple_hash(key, strlen(key)));
    sqlite3_bind_text(store->add, 2, key, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(store->add, 3, data, bytes, SQLITE_STATIC);
    sqlite3_bind_int64(store->add, 4, (int64_t)checksum_of(key, data, bytes));
    sqlite3_bind_int64(store->add, 5, store->now_s);
    int code = run(store->add);
    store->written += bytes;
    if (code == SQLITE_DONE && store->written > store->limit / 8)
        code = trim(store);
    return code;
}

maple_status maple_store_put(maple_store *store, const char *key, const void *data, size_t bytes,
                             maple_error *error) {
    maple_status status = MAPLE_OK;
    pthread_mutex_lock(&store->mutex);
    /* An entry that fills the store would cost all others. */
    if (store->db && bytes <= store->limit / 8) {
        int code = add(store, key, data, bytes);
        status = recover(store, code, error);
        if (status == MAPLE_OK && is_damage(code) && store->db)
            status = recover(store, add(store, key, data, bytes), error);
    }
    pthread_mutex_unlock(&store->mutex);
    return status;
}

maple_status maple_store_remove(maple_store *store, const char *key, maple_error *error) {
    maple_status status = MAPLE_OK;
    pthread_mutex_lock(&store->mutex);
    if (store->db) {
        sqlite3_bind_int64(store->drop, 1, (int64_t)maple_hash(key, strlen(key)));
        status = recover(store, run(store->drop), error);
    }
    pthread_mutex_unlock(&store->mutex);
    return status;
}

/* --- One store --- */

bool maple_store_keeps(maple_store *store) {
    pthread_mutex_lock(&store->mutex);
    bool keeps = store->db != NULL;
    pthread_mutex_unlock(&store->mutex);
    return keeps;
}

maple_status maple_store_open(const char *path, size_t limit_bytes, maple_store_check check,
                              const maple_hooks *hooks, maple_store **out, maple_error *error) {
    maple_store *store = maple_alloc(1, sizeof *store);
    if (!store)
        return maple_error_memory(error);
    *store = (maple_store){.path = path,
                           .hooks = hooks,
                           .limit = limit_bytes,
                           .unchecked = check == MAPLE_STORE_CHECK_ON_MISS,
                           .now_s = (int64_t)time(NULL)};
    pthread_mutex_init(&store->mutex, NULL);
    int code = connect(store);
    if (is_damage(code))
        code = start_anew(store, code);
    if (code == SQLITE_OK)
        code = trim(store);
    if (is_damage(code))
        code = start_anew(store, code);
    if (code == SQLITE_OK) {
        *out = store;
        return MAPLE_OK;
    }
    maple_status status = MAPLE_OUT_OF_MEMORY;
    if (code == SQLITE_NOMEM)
        maple_error_memory(error);
    else
        status = maple_error_set(
            error, MAPLE_IO_ERROR,
            "%s: the cache cannot be opened: %s; name another folder, or keep nothing (--cache none)", path,
            store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code));
    maple_store_close(store);
    return status;
}

void maple_store_close(maple_store *store) {
    if (!store)
        return;
    disconnect(store);
    pthread_mutex_destroy(&store->mutex);
    maple_free(store);
}
