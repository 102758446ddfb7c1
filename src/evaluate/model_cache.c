/* SPDX-License-Identifier: Apache-2.0 */
/* Pre-trained models in the store: trained once, adapted by all that can. */
#include "evaluate/cache.h"
#include "predictor/predictor_internal.h"
#include "predictor/pretrained.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const STORE_NAME = "maple-evaluate.db";
enum { STORE_BYTES = 256 << 20 }; /* half a million runs, or a thousand models of 16 sources */

/* --- Opening --- */

static maple_status make_folder(const char *path, maple_error *error) {
    char folder[PATH_MAX];
    int length = snprintf(folder, sizeof folder, "%s/", path);
    if (length < 0 || (size_t)length >= sizeof folder)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: path too long", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return maple_error_set(
                error, MAPLE_IO_ERROR,
                "%s: cannot be created: %s; name a writable folder, or keep nothing (--cache none)", folder,
                strerror(errno));
        *slash = '/';
    }
    if (access(path, W_OK | X_OK) != 0)
        return maple_error_set(
            error, MAPLE_IO_ERROR,
            "%s: cannot be written: %s; name a writable folder, or keep nothing (--cache none)", path,
            strerror(errno));
    return MAPLE_OK;
}

maple_status maple_model_cache_create(const char *folder, maple_store_check check, const maple_hooks *hooks,
                                      maple_model_cache **out, maple_error *error) {
    maple_model_cache *cache = maple_alloc(1, sizeof *cache);
    if (!cache)
        return maple_error_memory(error);
    maple_text path = {0};
    maple_text_addf(&path, "%s/%s", folder, STORE_NAME);
    *cache = (maple_model_cache){.path = path.data, .hooks = hooks};
    maple_status status = path.failed ? maple_error_memory(error) : make_folder(folder, error);
    if (status == MAPLE_OK)
        status = maple_cache_hash_build(&cache->build, error);
    if (status == MAPLE_OK)
        status = maple_store_open(cache->path, STORE_BYTES, check, hooks, &cache->store, error);
    if (status == MAPLE_OK)
        *out = cache;
    else
        maple_model_cache_close(cache);
    return status;
}

maple_status maple_model_cache_open(const char *folder, const maple_hooks *hooks, maple_model_cache **out,
                                    maple_error *error) {
    return maple_model_cache_create(folder, MAPLE_STORE_CHECK_ON_MISS, hooks, out, error);
}

void maple_model_cache_close(maple_model_cache *cache) {
    if (!cache)
        return;
    maple_store_close(cache->store);
    maple_free(cache->path);
    maple_free(cache);
}

/* --- Warnings of a training: those of a model that is kept are said again --- */

typedef struct listener {
    const maple_hooks *hooks; /* NULL allowed */
    maple_text warnings;
} listener;

static void gather_log(void *user, maple_log_level level, const char *message) {
    listener *l = user;
    if (level == MAPLE_LOG_WARNING)
        maple_text_addf(&l->warnings, "%s\n", message);
    maple_log(l->hooks, level, "%s", message);
}

static void pass_progress(void *user, const maple_progress *p) {
    const listener *l = user;
    maple_report_progress(l->hooks, p->task, p->done, p->total, p->unit);
}

static bool pass_cancelled(void *user) {
    const listener *l = user;
    return maple_is_cancelled(l->hooks);
}

void maple_cache_warn(const maple_hooks *hooks, const char *text, size_t bytes) {
    for (const char *line = text, *end; line < text + bytes; line = end + 1) {
        end = memchr(line, '\n', bytes - (size_t)(line - text));
        if (!end)
            return;
        maple_log(hooks, MAPLE_LOG_WARNING, "%.*s", (int)(end - line), line);
    }
}

/* --- Models: how long the training took, length of its warnings, the warnings, the file of the model --- */

typedef struct header {
    double fit_ms;
    uint64_t warnings;
} header;

maple_status maple_pretrain_timed(const char *name, const maple_fit_request *request, maple_pretrained **out,
                                  double *fit_ms, maple_error *error) {
    int64_t start = maple_clock_ns();
    maple_status status = maple_predictor_pretrain(name, request, out, error);
    *fit_ms = (double)(maple_clock_ns() - start) * 1e-6;
    return status;
}

/* Fails only for lack of memory; *out stays NULL where the cache does not have the model. */
static maple_status load(maple_model_cache *cache, const char *key, const char *name,
                         const maple_hooks *hooks, maple_pretrained **out, double *fit_ms,
                         maple_error *error) {
    uint8_t *entry;
    size_t bytes;
    header head;
    maple_error why;
    maple_status status = maple_store_get(cache->store, key, &entry, &bytes, error);
    if (status != MAPLE_OK)
        return status == MAPLE_NOT_FOUND ? MAPLE_OK : status;
    memcpy(&head, entry, sizeof head); /* the entry is what was put: it had the right checksum */
    size_t before = sizeof head + head.warnings;
    status = maple_pretrained_decode(name, cache->path, key, entry + before, bytes - before, out, &why);
    if (status == MAPLE_OK) {
        *fit_ms = head.fit_ms;
        maple_cache_warn(hooks, (const char *)entry + sizeof head, head.warnings);
    } else if (status != MAPLE_OUT_OF_MEMORY) {
        maple_log(cache->hooks, MAPLE_LOG_WARNING, "a pre-trained model of the cache is trained anew: %s",
                  why.message);
    }
    maple_free(entry);
    return status == MAPLE_OUT_OF_MEMORY ? maple_error_memory(error) : MAPLE_OK;
}

static maple_status keep(maple_model_cache *cache, const char *key, const maple_text *warnings,
                         const maple_pretrained *model, double fit_ms, maple_error *error) {
    uint8_t *file;
    size_t bytes;
    if (warnings->failed)
        return maple_error_memory(error);
    header head = {fit_ms, warnings->length};
    maple_status status = maple_pretrained_encode(model, key, &file, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    uint8_t *entry = maple_alloc(sizeof head + head.warnings + bytes, 1);
    if (entry) {
        memcpy(entry, &head, sizeof head);
        if (head.warnings > 0)
            memcpy(entry + sizeof head, warnings->data, head.warnings);
        memcpy(entry + sizeof head + head.warnings, file, bytes);
        status = maple_store_put(cache->store, key, entry, sizeof head + head.warnings + bytes, error);
    } else {
        status = maple_error_memory(error);
    }
    maple_free(file);
    maple_free(entry);
    return status;
}

/* --- Trainings: what was interrupted goes on from its last checkpoint --- */

/* An entry holds the time that the training took so far, then the checkpoint. */
typedef struct training {
    maple_model_cache *cache;
    char key[MAPLE_MAX_CACHE_KEY + 16];
    int64_t start_ns;
    double before_ms; /* what it took before it was interrupted */
    bool kept;        /* an entry is there */
} training;

static maple_status load_checkpoint(void *context, uint8_t **file, size_t *bytes, maple_error *error) {
    training *t = context;
    maple_status status = maple_store_get(t->cache->store, t->key, file, bytes, error);
    if (status != MAPLE_OK)
        return status;
    t->kept = true;
    if (*bytes < sizeof t->before_ms) {
        maple_free(*file);
        return maple_error_set(error, MAPLE_NOT_FOUND, "what was kept of the training is cut off");
    }
    memcpy(&t->before_ms, *file, sizeof t->before_ms);
    *bytes -= sizeof t->before_ms;
    memmove(*file, *file + sizeof t->before_ms, *bytes);
    return MAPLE_OK;
}

static maple_status save_checkpoint(void *context, const uint8_t *file, size_t bytes, maple_error *error) {
    training *t = context;
    double ms = t->before_ms + (double)(maple_clock_ns() - t->start_ns) * 1e-6;
    uint8_t *entry = maple_alloc(sizeof ms + bytes, 1);
    if (!entry)
        return maple_error_memory(error);
    memcpy(entry, &ms, sizeof ms);
    memcpy(entry + sizeof ms, file, bytes);
    maple_status status = maple_store_put(t->cache->store, t->key, entry, sizeof ms + bytes, error);
    maple_free(entry);
    t->kept = true;
    return status;
}

static maple_status train_and_keep(maple_model_cache *cache, const char *key, const char *name,
                                   const maple_fit_request *request, maple_pretrained **out, double *fit_ms,
                                   maple_error *error) {
    training t = {.cache = cache, .start_ns = maple_clock_ns()};
    const maple_checkpoint checkpoint = {&t, load_checkpoint, save_checkpoint};
    snprintf(t.key, sizeof t.key, "checkpoint %s", key);
    listener listens = {.hooks = request->hooks};
    const maple_hooks hooks = {
        .log = gather_log, .progress = pass_progress, .cancelled = pass_cancelled, .user = &listens};
    maple_fit_request heard = *request;
    heard.hooks = &hooks;
    heard.checkpoint = &checkpoint;
    maple_pretrained *model = NULL;
    maple_status status = maple_pretrain_timed(name, &heard, &model, fit_ms, error);
    *fit_ms += t.before_ms;
    if (status == MAPLE_OK)
        status = keep(cache, key, &listens.warnings, model, *fit_ms, error);
    if (status == MAPLE_OK && t.kept)
        status = maple_store_remove(cache->store, t.key, error);
    maple_text_free(&listens.warnings);
    if (status == MAPLE_OK)
        *out = model;
    else
        maple_pretrained_free(model);
    return status;
}

maple_status maple_model_cache_take(maple_model_cache *cache, const char *key, const char *name,
                                    const maple_fit_request *request, maple_pretrained **out, double *fit_ms,
                                    maple_error *error) {
    maple_pretrained *found = NULL;
    maple_status status = load(cache, key, name, request->hooks, &found, fit_ms, error);
    if (status != MAPLE_OK)
        return status;
    if (!found)
        return train_and_keep(cache, key, name, request, out, fit_ms, error);
    *out = found;
    return MAPLE_OK;
}

/* --- For any request --- */

static maple_status pretrain(maple_model_cache *cache, const char *name, const maple_fit_request *request,
                             maple_pretrained **out, double *fit_ms, maple_error *error) {
    const maple_predictor_vtable *vtable;
    maple_status status = maple_predictor_find_vtable(name, &vtable, error);
    if (status != MAPLE_OK)
        return status;
    if (!cache || !vtable->pretrain)
        return maple_pretrain_timed(name, request, out, fit_ms, error);
    status = maple_check_pool(&vtable->info, request, error); /* before it is hashed */
    char *options = NULL;
    if (status == MAPLE_OK)
        status = maple_options_complete(vtable, request->options, &options, error);
    if (status != MAPLE_OK)
        return status;
    char key[MAPLE_MAX_CACHE_KEY];
    maple_cache_basis basis = maple_cache_basis_of(request, options);
    maple_cache_write_key(cache, "model", maple_pretrained_kind(&vtable->info), &basis, key);
    maple_free(options);
    return maple_model_cache_take(cache, key, name, request, out, fit_ms, error);
}

maple_status maple_model_cache_pretrain(maple_model_cache *cache, const char *name,
                                        const maple_fit_request *request, maple_pretrained **out,
                                        maple_error *error) {
    double fit_ms;
    return pretrain(cache, name, request, out, &fit_ms, error);
}

maple_status maple_model_cache_fit_again(maple_model_cache *cache, const char *name,
                                         const maple_fit_request *request, maple_pretrained **pretrained,
                                         maple_fit_times *times, maple_predictor **out, maple_error *error) {
    const maple_predictor_vtable *vtable;
    double values[MAPLE_MAX_OPTIONS];
    maple_status status = maple_predictor_find_vtable(name, &vtable, error);
    if (status == MAPLE_OK && vtable->pretrain) /* checked before a training that takes minutes */
        status = maple_predictor_check(vtable, request, values, error);
    if (status == MAPLE_OK && vtable->pretrain && !*pretrained)
        status = pretrain(cache, name, request, pretrained, &times->pretrain_ms, error);
    if (status != MAPLE_OK)
        return status;
    int64_t start = maple_clock_ns();
    status = vtable->pretrain ? maple_pretrained_adapt(*pretrained, request, out, error)
                              : maple_predictor_fit(name, request, out, error);
    times->adapt_ms = (double)(maple_clock_ns() - start) * 1e-6;
    return status;
}

maple_status maple_model_cache_fit(maple_model_cache *cache, const char *name,
                                   const maple_fit_request *request, maple_predictor **out,
                                   maple_error *error) {
    maple_pretrained *pretrained = NULL;
    maple_fit_times times;
    maple_status status = maple_model_cache_fit_again(cache, name, request, &pretrained, &times, out, error);
    maple_pretrained_free(pretrained);
    return status;
}
