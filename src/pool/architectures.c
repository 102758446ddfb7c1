/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of rows: spaces, architectures and their canonical indices. */
#include "pool/pool_internal.h"

#include <string.h>

maple_status maple_pool_space_id(maple_pool *pool, const maple_space *space, int64_t *id,
                                 maple_error *error) {
    *id = 0;
    return maple_pool_query(pool, id, error, "SELECT id FROM spaces WHERE name = ?", "s",
                            maple_space_name(space));
}

maple_status maple_pool_make_space_id(maple_pool *pool, const maple_space *space, int64_t *id,
                                      maple_error *error) {
    maple_status status = maple_pool_space_id(pool, space, id, error);
    if (status != MAPLE_OK || *id)
        return status;
    status =
        maple_pool_execute(pool, error, "INSERT INTO spaces(name) VALUES(?)", "s", maple_space_name(space));
    *id = sqlite3_last_insert_rowid(pool->db);
    return status;
}

maple_status maple_pool_begin_rows(maple_pool *pool, int64_t platform, const maple_space *space,
                                   int64_t *space_id, maple_error *error) {
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_require_platform(pool, platform, error);
    if (status == MAPLE_OK)
        status = maple_pool_make_space_id(pool, space, space_id, error);
    return status == MAPLE_OK ? status : maple_pool_end(pool, status, error);
}

/* --- The cache: open addressing, at most half full --- */

static struct maple_arch_slot *find_slot(const maple_arch_cache *cache, const maple_arch *arch) {
    size_t at = (size_t)maple_hash(arch->op, sizeof arch->op) & (cache->capacity - 1);
    while (cache->slots[at].id && memcmp(cache->slots[at].arch.op, arch->op, sizeof arch->op) != 0)
        at = (at + 1) & (cache->capacity - 1);
    return &cache->slots[at];
}

static bool grow(maple_arch_cache *cache) {
    enum { FIRST = 1024 };
    maple_arch_cache larger = *cache;
    larger.capacity = cache->capacity ? cache->capacity * 2 : FIRST;
    larger.slots = maple_alloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < cache->capacity; i++)
        if (cache->slots[i].id)
            *find_slot(&larger, &cache->slots[i].arch) = cache->slots[i];
    maple_free(cache->slots);
    *cache = larger;
    return true;
}

static bool remember(maple_arch_cache *cache, const maple_arch *arch, int64_t id) {
    if (cache->used * 2 >= cache->capacity && !grow(cache))
        return false;
    *find_slot(cache, arch) = (struct maple_arch_slot){.arch = *arch, .id = id};
    cache->used++;
    return true;
}

void maple_pool_forget_archs(maple_pool *pool) {
    maple_free(pool->archs.slots);
    pool->archs.slots = NULL;
    pool->archs.capacity = pool->archs.used = 0;
}

void maple_pool_close_archs(maple_pool *pool) {
    maple_pool_forget_archs(pool);
    sqlite3_finalize(pool->archs.find);
    sqlite3_finalize(pool->archs.insert);
    pool->archs = (maple_arch_cache){0};
}

static maple_status find_in_table(maple_pool *pool, int64_t space_id, const char *text, int64_t *id,
                                  maple_error *error) {
    maple_arch_cache *cache = &pool->archs;
    maple_status status = MAPLE_OK;
    bool row = false;
    if (!cache->find)
        status = maple_pool_prepare(pool, &cache->find, error,
                                    "SELECT id FROM architectures WHERE space = ? AND arch = ?", "");
    if (status != MAPLE_OK)
        return status;
    sqlite3_bind_int64(cache->find, 1, space_id);
    if (sqlite3_bind_text(cache->find, 2, text, -1, SQLITE_STATIC) != SQLITE_OK)
        return maple_pool_fail(pool, error);
    status = maple_pool_step(pool, cache->find, &row, error);
    if (row)
        *id = sqlite3_column_int64(cache->find, 0);
    sqlite3_reset(cache->find);
    return status;
}

maple_status maple_pool_arch_id(maple_pool *pool, int64_t space_id, const maple_space *space,
                                const maple_arch *arch, int64_t *id, maple_error *error) {
    char text[MAPLE_MAX_ARCH_TEXT];
    *id = 0;
    maple_space_format(space, arch, text);
    return find_in_table(pool, space_id, text, id, error);
}

maple_status maple_pool_make_arch_id(maple_pool *pool, const maple_space *space, int64_t space_id,
                                     const maple_arch *arch, int64_t *id, maple_error *error) {
    maple_arch_cache *cache = &pool->archs;
    if (cache->space != space_id)
        maple_pool_forget_archs(pool);
    cache->space = space_id;
    *id = cache->capacity ? find_slot(cache, arch)->id : 0;
    if (*id)
        return MAPLE_OK;
    char text[MAPLE_MAX_ARCH_TEXT];
    maple_space_format(space, arch, text);
    maple_status status = find_in_table(pool, space_id, text, id, error);
    if (status == MAPLE_OK && *id == 0) {
        if (!cache->insert)
            status = maple_pool_prepare(pool, &cache->insert, error,
                                        "INSERT INTO architectures(space, arch) VALUES(?, ?)", "");
        if (status == MAPLE_OK)
            status = maple_pool_run(pool, cache->insert, error, "ls", space_id, text);
        *id = sqlite3_last_insert_rowid(pool->db);
    }
    if (status == MAPLE_OK && !remember(cache, arch, *id))
        status = maple_error_memory(error);
    return status;
}

/* --- Canonical indices --- */

typedef struct index_writer {
    maple_pool *pool;
    const maple_space *space;
    int64_t space_id;
    sqlite3_stmt *known, *owner, *update;
} index_writer;

static maple_status refuse_index(index_writer *writer, int64_t owner, const maple_arch *arch, int index,
                                 maple_error *error) {
    char text[MAPLE_MAX_ARCH_TEXT];
    maple_space_format(writer->space, arch, text);
    return maple_error_set(
        error, MAPLE_BAD_INPUT,
        "index %d for %s contradicts what is known: that index belongs to architecture %lld of %s", index,
        text, (long long)owner, maple_pool_path(writer->pool));
}

static maple_status put_index(index_writer *writer, const maple_arch *arch, int index, maple_error *error) {
    size_t limit = maple_space_enumerable(writer->space);
    if (index < 0 || (limit && (size_t)index >= limit))
        return maple_error_set(error, MAPLE_BAD_INPUT, "index %d is outside of %s (0 to %zu)", index,
                               maple_space_name(writer->space), limit ? limit - 1 : (size_t)INT32_MAX);
    int64_t id;
    bool row = false;
    maple_status status =
        maple_pool_make_arch_id(writer->pool, writer->space, writer->space_id, arch, &id, error);
    if (status != MAPLE_OK)
        return status;
    sqlite3_bind_int64(writer->known, 1, id);
    status = maple_pool_step(writer->pool, writer->known, &row, error);
    bool known = row && sqlite3_column_type(writer->known, 0) != SQLITE_NULL;
    int before = known ? sqlite3_column_int(writer->known, 0) : -1;
    sqlite3_reset(writer->known);
    if (status != MAPLE_OK || before == index)
        return status;
    if (known)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "index %d contradicts what is known: this architecture has %d", index, before);
    sqlite3_bind_int64(writer->owner, 1, writer->space_id);
    sqlite3_bind_int(writer->owner, 2, index);
    status = maple_pool_step(writer->pool, writer->owner, &row, error);
    int64_t owner = row ? sqlite3_column_int64(writer->owner, 0) : 0;
    sqlite3_reset(writer->owner);
    if (status == MAPLE_OK && row)
        return refuse_index(writer, owner, arch, index, error);
    return status == MAPLE_OK ? maple_pool_run(writer->pool, writer->update, error, "il", index, id) : status;
}

maple_status maple_pool_put_indices_at(maple_pool *pool, const maple_space *space, const maple_arch *archs,
                                       const int *index, size_t n, size_t *refused, maple_error *error) {
    maple_status status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        return status;
    index_writer writer = {.pool = pool, .space = space};
    status = maple_pool_make_space_id(pool, space, &writer.space_id, error);
    if (status == MAPLE_OK)
        status = maple_pool_prepare(pool, &writer.known, error,
                                    "SELECT canonical_index FROM architectures WHERE id = ?", "");
    if (status == MAPLE_OK)
        status =
            maple_pool_prepare(pool, &writer.owner, error,
                               "SELECT id FROM architectures WHERE space = ? AND canonical_index = ?", "");
    if (status == MAPLE_OK)
        status = maple_pool_prepare(pool, &writer.update, error,
                                    "UPDATE architectures SET canonical_index = ? WHERE id = ?", "");
    *refused = n;
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        status = put_index(&writer, &archs[i], index[i], error);
        if (status != MAPLE_OK)
            *refused = i;
    }
    sqlite3_finalize(writer.known);
    sqlite3_finalize(writer.owner);
    sqlite3_finalize(writer.update);
    return maple_pool_end(pool, status, error);
}

maple_status maple_pool_put_indices(maple_pool *pool, const maple_space *space, const maple_arch *archs,
                                    const int *index, size_t n, maple_error *error) {
    size_t refused;
    return maple_pool_put_indices_at(pool, space, archs, index, n, &refused, error);
}

maple_status maple_pool_indices(maple_pool *pool, const maple_space *space, const maple_arch *archs, size_t n,
                                int *index, maple_error *error) {
    sqlite3_stmt *statement = NULL;
    int64_t space_id;
    maple_status status = maple_pool_begin_read(pool, error); /* or each look-up would lock the file */
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_space_id(pool, space, &space_id, error);
    if (status == MAPLE_OK)
        status =
            maple_pool_prepare(pool, &statement, error,
                               "SELECT canonical_index FROM architectures WHERE space = ? AND arch = ? AND "
                               "canonical_index IS NOT NULL",
                               "l", space_id);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        bool row = false;
        maple_space_format(space, &archs[i], text);
        if (sqlite3_bind_text(statement, 2, text, -1, SQLITE_STATIC) != SQLITE_OK)
            status = maple_pool_fail(pool, error);
        else
            status = maple_pool_step(pool, statement, &row, error);
        index[i] = row ? sqlite3_column_int(statement, 0) : -1;
        sqlite3_reset(statement);
    }
    sqlite3_finalize(statement);
    return maple_pool_end(pool, status, error);
}
