/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs on several threads, and the caller's hooks, which are called by one thread at a time. */
#include "evaluate/evaluate_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- Hooks --- */

/* A warning of a predictor would otherwise come once for each of its thousands of fits. */
static bool is_new(eval *e, maple_log_level level, const char *message) {
    uint64_t hash = maple_hash(message, strlen(message)) + (uint64_t)level;
    for (size_t i = 0; i < e->n_logged; i++) {
        if (e->logged[i] == hash)
            return false;
    }
    uint64_t *larger = maple_resize(e->logged, e->n_logged + 1, sizeof *larger);
    if (larger) {
        e->logged = larger;
        e->logged[e->n_logged++] = hash;
    }
    return true;
}

static void pass_log(void *user, maple_log_level level, const char *message) {
    eval *e = user;
    pthread_mutex_lock(&e->mutex);
    if (is_new(e, level, message))
        maple_log(e->request->hooks, level, "%s", message);
    pthread_mutex_unlock(&e->mutex);
}

static bool pass_cancelled(void *user) {
    eval *e = user;
    pthread_mutex_lock(&e->mutex);
    bool cancelled = e->status != MAPLE_OK || maple_is_cancelled(e->request->hooks);
    pthread_mutex_unlock(&e->mutex);
    return cancelled;
}

maple_hooks maple_eval_hooks(eval *e) {
    return (maple_hooks){.log = pass_log, .cancelled = pass_cancelled, .user = e};
}

/* What a predictor warns of is kept with its results. */
static void gather_log(void *user, maple_log_level level, const char *message) {
    eval_room *room = user;
    if (level == MAPLE_LOG_WARNING)
        maple_text_addf(&room->warnings, "%s\n", message);
    pass_log(room->evaluation, level, message);
}

static bool room_cancelled(void *user) {
    const eval_room *room = user;
    return pass_cancelled(room->evaluation);
}

maple_hooks maple_eval_room_hooks(eval_room *room) {
    return (maple_hooks){.log = gather_log, .cancelled = room_cancelled, .user = room};
}

void maple_eval_progress(eval *e, size_t runs) {
    pthread_mutex_lock(&e->mutex);
    e->done += runs;
    maple_report_progress(e->request->hooks, "evaluating", (double)e->done, (double)e->total, "runs");
    pthread_mutex_unlock(&e->mutex);
}

/* --- Threads --- */

typedef struct work {
    eval *e;
    size_t n;
    eval_task task;
} work;

static void fail(eval *e, maple_status status, const maple_error *error) {
    pthread_mutex_lock(&e->mutex);
    if (e->status == MAPLE_OK) {
        e->status = status;
        e->error = *error;
    }
    pthread_mutex_unlock(&e->mutex);
}

/* The next job; SIZE_MAX where there is none, or the evaluation ends. */
static size_t take_job(const work *w) {
    eval *e = w->e;
    pthread_mutex_lock(&e->mutex);
    size_t job = e->status == MAPLE_OK && e->next_job < w->n ? e->next_job++ : SIZE_MAX;
    pthread_mutex_unlock(&e->mutex);
    return job;
}

/* Whoever has noticed it: what becomes of the work done. */
static maple_status interrupted(const eval *e, maple_error *error) {
    const char *path = maple_eval_cache_path(e);
    if (path)
        return maple_error_set(
            error, MAPLE_INTERRUPTED,
            "the evaluation was interrupted; what it has done is in %s, and the same command "
            "again goes on from there",
            path);
    return maple_error_set(error, MAPLE_INTERRUPTED,
                           "the evaluation was interrupted; without a cache nothing of it was kept");
}

static void *run_worker(void *argument) {
    const work *w = argument;
    maple_error error = {.status = MAPLE_OK};
    eval_room room;
    maple_status status = maple_eval_room_create(w->e, &room, &error);
    if (status != MAPLE_OK) {
        fail(w->e, status, &error);
        return NULL;
    }
    for (size_t job; status == MAPLE_OK && (job = take_job(w)) != SIZE_MAX;) {
        if (pass_cancelled(w->e))
            status = MAPLE_INTERRUPTED;
        else
            status = w->task(w->e, job, &room, &error);
    }
    if (status == MAPLE_INTERRUPTED)
        status = interrupted(w->e, &error);
    if (status != MAPLE_OK)
        fail(w->e, status, &error);
    maple_eval_room_free(&room);
    return NULL;
}

maple_status maple_eval_parallel(eval *e, size_t n, eval_task task, maple_error *error) {
    work w = {e, n, task};
    size_t wanted = (size_t)e->request->threads < n ? (size_t)e->request->threads : n, started = 0;
    pthread_t *threads = maple_alloc(wanted, sizeof *threads);
    if (!threads)
        return maple_error_memory(error);
    e->next_job = 0;
    /* The caller's thread is one of them; where the system gives no more, fewer do the same. */
    while (started + 1 < wanted && pthread_create(&threads[started], NULL, run_worker, &w) == 0)
        started++;
    run_worker(&w);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    maple_free(threads);
    if (e->status != MAPLE_OK)
        maple_error_set(error, e->status, "%s", e->error.message);
    return e->status;
}
