/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the store: stored when they are done, taken before the jobs begin. */
#include "evaluate/cache.h"

#include <math.h>
#include <string.h>

/* --- A run as numbers, and the warnings that were said on the way to it --- */

enum { METRICS = 11, HEAD = 6, NUMBERS = HEAD + MAPLE_SCORINGS * METRICS };

static void pack(const eval_run *run, double fit_ms, double numbers[NUMBERS]) {
    unsigned valid = 0;
    for (int s = 0; s < MAPLE_SCORINGS; s++) {
        const maple_metrics *m = &run->metrics[s];
        const double values[METRICS] = {(double)m->n, m->acc1,       m->acc5,          m->acc10,
                                        m->spearman,  m->kendall,    m->mape,          m->medape,
                                        m->rmse_ms,   m->coverage90, m->interval_width};
        memcpy(numbers + HEAD + s * METRICS, values, sizeof values);
        valid |= run->valid[s] ? 1u << s : 0;
    }
    const double head[HEAD] = {
        fit_ms, run->adapt_ms, run->predict_ms, (double)run->references, (double)run->measured, valid};
    memcpy(numbers, head, sizeof head);
}

static void unpack(const double numbers[NUMBERS], eval_run *run, double *fit_ms) {
    const double *v = numbers + HEAD;
    *fit_ms = numbers[0];
    run->adapt_ms = numbers[1];
    run->predict_ms = numbers[2];
    run->references = (size_t)numbers[3];
    run->measured = (size_t)numbers[4];
    for (int s = 0; s < MAPLE_SCORINGS; s++, v += METRICS) {
        run->valid[s] = ((unsigned)numbers[5] >> s & 1) != 0;
        run->metrics[s] = (maple_metrics){.n = (size_t)v[0],
                                          .acc1 = v[1],
                                          .acc5 = v[2],
                                          .acc10 = v[3],
                                          .spearman = v[4],
                                          .kendall = v[5],
                                          .mape = v[6],
                                          .medape = v[7],
                                          .rmse_ms = v[8],
                                          .coverage90 = v[9],
                                          .interval_width = v[10]};
    }
}

maple_status maple_eval_keep(eval *e, const eval_job *j, size_t split, size_t slot, const eval_room *room,
                             maple_error *error) {
    const eval_run *run = &eval_runs(e, split, j->contender, slot)[j->trial];
    if (!e->store || run->reason)
        return MAPLE_OK;
    if (room->warnings.failed)
        return maple_error_memory(error);
    double numbers[NUMBERS];
    char key[EVAL_MAX_KEY];
    size_t bytes = sizeof numbers + room->warnings.length;
    uint8_t *entry = maple_alloc(bytes, 1);
    if (!entry)
        return maple_error_memory(error);
    pack(run, eval_fit_ms(e, j->group, j->contender)[j->trial], numbers);
    memcpy(entry, numbers, sizeof numbers);
    if (room->warnings.length > 0)
        memcpy(entry + sizeof numbers, room->warnings.data, room->warnings.length);
    maple_eval_run_key(e, j, split, slot, key);
    maple_status status = maple_store_put(e->store, key, entry, bytes, error);
    maple_free(entry);
    return status;
}

static maple_status recall(eval *e, const eval_job *j, size_t split, size_t slot, maple_error *error) {
    eval_run *run = &eval_runs(e, split, j->contender, slot)[j->trial];
    double numbers[NUMBERS];
    char key[EVAL_MAX_KEY];
    uint8_t *entry;
    size_t bytes;
    maple_eval_run_key(e, j, split, slot, key);
    maple_status status = maple_store_get(e->store, key, &entry, &bytes, error);
    if (status != MAPLE_OK)
        return status == MAPLE_NOT_FOUND ? MAPLE_OK : status;
    if (bytes >= sizeof numbers) {
        memcpy(numbers, entry, sizeof numbers);
        unpack(numbers, run, &eval_fit_ms(e, j->group, j->contender)[j->trial]);
        maple_eval_warn_again(e, (const char *)entry + sizeof numbers, bytes - sizeof numbers);
        run->recalled = true;
        e->done++;
    }
    maple_free(entry);
    return MAPLE_OK;
}

maple_status maple_eval_recall(eval *e, const eval_job *j, maple_error *error) {
    const eval_group *group = &e->groups[j->group];
    const eval_contender *contender = &e->contenders[j->contender];
    maple_status status = MAPLE_OK;
    if (!e->store || (contender->info->needs_pool && eval_training(e, j->group, j->trial)->reason))
        return MAPLE_OK;
    for (size_t i = group->first; status == MAPLE_OK && i < group->first + group->n; i++)
        for (size_t slot = 0; status == MAPLE_OK && slot < contender->n_slots; slot++)
            if (!eval_samples(e, i, j->trial, contender->counts[slot])->reason)
                status = recall(e, j, i, slot, error);
    return status;
}
