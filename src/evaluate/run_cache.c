/* SPDX-License-Identifier: Apache-2.0 */
/* What an evaluation keeps: models as every cache, and runs beside them, stored when they are done, taken
 * before the jobs begin. */
#include "evaluate/cache.h"
#include "evaluate/evaluate_internal.h"
#include "predictor/pretrained.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- The cache, and the parts of keys that are made once --- */

maple_status maple_eval_cache_open(eval *e, maple_error *error) {
    if (!e->request->cache)
        return MAPLE_OK;
    size_t n = e->dataset->n_platforms;
    e->platform_hash = maple_alloc(n, sizeof *e->platform_hash);
    if (!e->platform_hash)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        e->platform_hash[i] = maple_cache_hash_platform(e->dataset, &e->dataset->platforms[i]);
    e->dataset_hash = maple_cache_hash_dataset(e->dataset);
    return maple_model_cache_create(e->request->cache, MAPLE_STORE_CHECK_NOW, &e->hooks, &e->cache, error);
}

void maple_eval_cache_close(eval *e) {
    maple_model_cache_close(e->cache);
    maple_free(e->platform_hash);
}

/* Once for each draw rather than for each run. Draws that failed have no runs. */
static void hash_draws(eval_draw *draws, size_t n) {
    for (size_t i = 0; i < n; i++)
        draws[i].hash = maple_cache_hash_rows(draws[i].rows, draws[i].n);
}

void maple_eval_hash_samples(eval *e) {
    if (e->cache)
        hash_draws(e->samples, e->n_splits * e->trials * e->n_counts);
}

void maple_eval_hash_training(eval *e) {
    if (e->cache)
        hash_draws(e->training, e->n_groups * e->trials);
}

const char *maple_eval_cache_path(const eval *e) {
    return e->cache ? e->cache->path : NULL;
}

/* --- Keys: of a run all that its model's has, and what it is on --- */

static maple_cache_basis find_basis(const eval *e, const eval_contender *contender, size_t group,
                                    size_t trial) {
    const maple_split *split = &e->request->splits->items[e->groups[group].first];
    maple_cache_basis basis = {.space = e->dataset->space,
                               .options = contender->options,
                               .n_sources = split->n_sources,
                               .dataset = e->dataset_hash,
                               .training = eval_training(e, group, trial)->hash,
                               .seed = maple_eval_seed(e, "pre-training", split->task, "", trial)};
    for (size_t i = 0; i < split->n_sources; i++)
        basis.sources = maple_cache_add_source(basis.sources, e->platform_hash[split->sources[i]]);
    return basis;
}

static void write_run_key(const eval *e, const eval_job *j, size_t split, size_t slot,
                          char key[MAPLE_MAX_CACHE_KEY]) {
    const eval_contender *contender = &e->contenders[j->contender];
    const maple_split *s = &e->request->splits->items[split];
    const eval_draw *samples = eval_samples(e, split, j->trial, contender->counts[slot]);
    uint64_t seed = maple_eval_seed(e, "adaptation", s->task, eval_target_name(e, split), j->trial);
    maple_cache_basis basis = find_basis(e, contender, j->group, j->trial);
    size_t length = maple_cache_write_key(e->cache, "run", contender->info->name, &basis, key);
    snprintf(key + length, MAPLE_MAX_CACHE_KEY - length,
             " target=%016llx samples=%zu:%016llx adapted=%016llx",
             (unsigned long long)e->platform_hash[s->target], samples->n, (unsigned long long)samples->hash,
             (unsigned long long)seed);
}

maple_status maple_eval_pretrain(eval *e, const eval_contender *contender, size_t group, size_t trial,
                                 eval_room *room, maple_pretrained **out, double *fit_ms,
                                 maple_error *error) {
    maple_fit_request request = maple_eval_request(e, contender, group, trial, room);
    const char *name = contender->info->name;
    if (!e->cache)
        return maple_pretrain_timed(name, &request, out, fit_ms, error);
    char key[MAPLE_MAX_CACHE_KEY];
    maple_cache_basis basis = find_basis(e, contender, group, trial);
    maple_cache_write_key(e->cache, "model", maple_pretrained_kind(contender->info), &basis, key);
    return maple_model_cache_take(e->cache, key, name, &request, out, fit_ms, error);
}

/* --- A run as numbers, and the warnings that were said on the way to it --- */

enum { METRICS = 11, HEAD = 7, NUMBERS = HEAD + MAPLE_SCORINGS * METRICS };

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
        fit_ms, run->adapt_ms,        run->predict_ms, (double)run->references, (double)run->measured,
        valid,  (double)run->left_out};
    memcpy(numbers, head, sizeof head);
}

static void unpack(const double numbers[NUMBERS], eval_run *run, double *fit_ms) {
    const double *v = numbers + HEAD;
    *fit_ms = numbers[0];
    run->adapt_ms = numbers[1];
    run->predict_ms = numbers[2];
    run->references = (size_t)numbers[3];
    run->measured = (size_t)numbers[4];
    run->left_out = (size_t)numbers[6];
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
    if (!e->cache || run->reason)
        return MAPLE_OK;
    if (room->warnings.failed)
        return maple_error_memory(error);
    double numbers[NUMBERS];
    char key[MAPLE_MAX_CACHE_KEY];
    size_t bytes = sizeof numbers + room->warnings.length;
    uint8_t *entry = maple_alloc(bytes, 1);
    if (!entry)
        return maple_error_memory(error);
    pack(run, eval_fit_ms(e, j->group, j->contender)[j->trial], numbers);
    memcpy(entry, numbers, sizeof numbers);
    if (room->warnings.length > 0)
        memcpy(entry + sizeof numbers, room->warnings.data, room->warnings.length);
    write_run_key(e, j, split, slot, key);
    maple_status status = maple_store_put(e->cache->store, key, entry, bytes, error);
    maple_free(entry);
    return status;
}

static maple_status recall(eval *e, const eval_job *j, size_t split, size_t slot, maple_error *error) {
    eval_run *run = &eval_runs(e, split, j->contender, slot)[j->trial];
    double numbers[NUMBERS];
    char key[MAPLE_MAX_CACHE_KEY];
    uint8_t *entry;
    size_t bytes;
    write_run_key(e, j, split, slot, key);
    maple_status status = maple_store_get(e->cache->store, key, &entry, &bytes, error);
    if (status != MAPLE_OK)
        return status == MAPLE_NOT_FOUND ? MAPLE_OK : status;
    if (bytes >= sizeof numbers) {
        memcpy(numbers, entry, sizeof numbers);
        unpack(numbers, run, &eval_fit_ms(e, j->group, j->contender)[j->trial]);
        maple_cache_warn(&e->hooks, (const char *)entry + sizeof numbers, bytes - sizeof numbers);
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
    if (!e->cache || (contender->info->needs_pool && eval_training(e, j->group, j->trial)->reason))
        return MAPLE_OK;
    for (size_t i = group->first; status == MAPLE_OK && i < group->first + group->n; i++)
        for (size_t slot = 0; status == MAPLE_OK && slot < contender->n_slots; slot++)
            if (!eval_samples(e, i, j->trial, contender->counts[slot])->reason)
                status = recall(e, j, i, slot, error);
    return status;
}
