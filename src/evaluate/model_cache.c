/* SPDX-License-Identifier: Apache-2.0 */
/* The store of an evaluation, and pre-trained models in it: trained once, adapted by all that can. */
#include "evaluate/cache.h"
#include "predictor/pretrained.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const STORE_NAME = "maple-evaluate.db";
enum { STORE_BYTES = 256 << 20 }; /* half a million runs, or a thousand models of 16 sources */

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

maple_status maple_eval_cache_open(eval *e, maple_error *error) {
    if (!e->request->cache)
        return MAPLE_OK;
    maple_text path = {0};
    maple_text_addf(&path, "%s/%s", e->request->cache, STORE_NAME);
    e->store_path = path.data;
    if (path.failed)
        return maple_error_memory(error);
    maple_status status = make_folder(e->request->cache, error);
    if (status == MAPLE_OK)
        status = maple_eval_hash_data(e, error);
    if (status == MAPLE_OK)
        status = maple_store_open(e->store_path, STORE_BYTES, &e->hooks, &e->store, error);
    return status;
}

void maple_eval_cache_close(eval *e) {
    maple_store_close(e->store);
    maple_free(e->store_path);
    maple_free(e->platform_hash);
}

void maple_eval_warn_again(eval *e, const char *warnings, size_t bytes) {
    for (const char *line = warnings, *end; line < warnings + bytes; line = end + 1) {
        end = memchr(line, '\n', bytes - (size_t)(line - warnings));
        if (!end)
            return;
        maple_log(&e->hooks, MAPLE_LOG_WARNING, "%.*s", (int)(end - line), line);
    }
}

/* --- Models: how long the training took, length of its warnings, the warnings, the file of the model --- */

typedef struct header {
    double fit_ms;
    uint64_t warnings;
} header;

static maple_status train(const eval_contender *contender, const maple_fit_request *request,
                          maple_pretrained **out, double *fit_ms, maple_error *error) {
    int64_t start = maple_clock_ns();
    maple_status status = maple_predictor_pretrain(contender->info->name, request, out, error);
    *fit_ms = (double)(maple_clock_ns() - start) * 1e-6;
    return status;
}

/* Fails only for lack of memory; *out stays NULL where the cache does not have the model. */
static maple_status load(eval *e, const eval_contender *contender, const char *key, eval_room *room,
                         maple_pretrained **out, double *fit_ms, maple_error *error) {
    uint8_t *entry;
    size_t bytes;
    header head;
    maple_error why;
    maple_status status = maple_store_get(e->store, key, &entry, &bytes, error);
    if (status != MAPLE_OK)
        return status == MAPLE_NOT_FOUND ? MAPLE_OK : status;
    memcpy(&head, entry, sizeof head); /* the entry is what was put: it had the right checksum */
    const char *warnings = (const char *)entry + sizeof head;
    size_t before = sizeof head + head.warnings;
    status = maple_pretrained_decode(contender->info->name, e->store_path, key, entry + before,
                                     bytes - before, out, &why);
    if (status == MAPLE_OK) {
        *fit_ms = head.fit_ms;
        maple_eval_warn_again(e, warnings, head.warnings);
        maple_text_addf(&room->warnings, "%.*s", (int)head.warnings, warnings);
    } else if (status != MAPLE_OUT_OF_MEMORY) {
        maple_log(&e->hooks, MAPLE_LOG_WARNING, "a pre-trained model of the cache is trained anew: %s",
                  why.message);
    }
    maple_free(entry);
    return status == MAPLE_OUT_OF_MEMORY ? maple_error_memory(error) : MAPLE_OK;
}

static maple_status keep(eval *e, const char *key, const eval_room *room, const maple_pretrained *model,
                         double fit_ms, maple_error *error) {
    uint8_t *file;
    size_t bytes;
    if (room->warnings.failed)
        return maple_error_memory(error);
    header head = {fit_ms, room->warnings.length};
    maple_status status = maple_pretrained_encode(model, key, &file, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    uint8_t *entry = maple_alloc(sizeof head + head.warnings + bytes, 1);
    if (entry) {
        memcpy(entry, &head, sizeof head);
        if (head.warnings > 0)
            memcpy(entry + sizeof head, room->warnings.data, head.warnings);
        memcpy(entry + sizeof head + head.warnings, file, bytes);
        status = maple_store_put(e->store, key, entry, sizeof head + head.warnings + bytes, error);
    } else {
        status = maple_error_memory(error);
    }
    maple_free(file);
    maple_free(entry);
    return status;
}

maple_status maple_eval_pretrain(eval *e, const eval_contender *contender, size_t group, size_t trial,
                                 eval_room *room, maple_pretrained **out, double *fit_ms,
                                 maple_error *error) {
    maple_fit_request request = maple_eval_request(e, contender, group, trial, room);
    if (!e->store)
        return train(contender, &request, out, fit_ms, error);
    char key[EVAL_MAX_KEY];
    maple_eval_model_key(e, contender, group, trial, key);
    maple_status status = load(e, contender, key, room, out, fit_ms, error);
    if (status != MAPLE_OK || *out)
        return status;
    status = train(contender, &request, out, fit_ms, error);
    return status == MAPLE_OK ? keep(e, key, room, *out, *fit_ms, error) : status;
}
