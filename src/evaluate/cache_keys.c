/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the cache: all that a pre-trained model and a run depend on, as text. */
#include "evaluate/cache.h"
#include "predictor/pretrained.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

static uint64_t mix(uint64_t hash, const void *data, size_t bytes) {
    uint64_t both[] = {hash, data ? maple_hash(data, bytes) : 0};
    return maple_hash(both, sizeof both);
}

static uint64_t mix_text(uint64_t hash, const char *text) {
    return mix(hash, text, strlen(text));
}

static uint64_t hash_platform(const maple_dataset *d, const maple_dataset_platform *p) {
    size_t counters = maple_space_descriptor_operators(d->space) * MAPLE_EVENTS * sizeof(double);
    size_t operators = maple_space_operators(d->space) * sizeof(double);
    /* A predictor may look at how its sources executed, too. */
    uint64_t hash = mix_text(mix_text(mix_text(0, p->platform.name), p->platform.family), p->platform.device);
    int numbers[] = {p->platform.threads, p->platform.batch, (int)p->platform.graph};
    hash = mix(hash, numbers, sizeof numbers);
    hash = mix(hash, p->latency_ms, d->n_archs * sizeof *p->latency_ms);
    hash = mix(hash, p->operator_ms, operators);
    hash = mix(hash, p->counters_warm, counters);
    return mix(hash, p->counters_cold, counters);
}

static uint64_t hash_dataset(const maple_dataset *d) {
    uint64_t hash = mix(0, d->archs, d->n_archs * sizeof *d->archs);
    hash = mix(hash, d->index, d->n_archs * sizeof *d->index);
    for (size_t i = 0; i < d->n_scores; i++) {
        hash = mix_text(hash, d->scores[i].name);
        hash = mix(hash, d->scores[i].value, d->n_archs * sizeof *d->scores[i].value);
    }
    return hash;
}

/* Another build may compute otherwise; so may OpenBLAS with the kernels of another processor. */
static maple_status hash_build(uint64_t *out, maple_error *error) {
    enum { MAX_PROGRAM = 1 << 30 };
    char *program;
    size_t bytes;
    maple_status status = maple_read_file("/proc/self/exe", MAX_PROGRAM, &program, &bytes, error);
    if (status != MAPLE_OK)
        return maple_error_prefix(error, status, "the cache needs to know which build this is");
    *out = mix_text(mix_text(maple_hash(program, bytes), openblas_get_config()), openblas_get_corename());
    maple_free(program);
    return MAPLE_OK;
}

maple_status maple_eval_hash_data(eval *e, maple_error *error) {
    uint64_t *hashes = maple_alloc(e->dataset->n_platforms, sizeof *hashes);
    if (!hashes)
        return maple_error_memory(error);
    e->platform_hash = hashes;
    for (size_t i = 0; i < e->dataset->n_platforms; i++)
        hashes[i] = hash_platform(e->dataset, &e->dataset->platforms[i]);
    e->dataset_hash = hash_dataset(e->dataset);
    return hash_build(&e->build_hash, error);
}

/* Once for each draw rather than for each run. Training rows that are NULL are all; draws that failed have
 * no runs. */
static void hash_draws(eval_draw *draws, size_t n) {
    for (size_t i = 0; i < n; i++)
        draws[i].hash = draws[i].rows ? mix(1, draws[i].rows, draws[i].n * sizeof *draws[i].rows) : 0;
}

void maple_eval_hash_samples(eval *e) {
    if (e->store)
        hash_draws(e->samples, e->n_splits * e->trials * e->n_counts);
}

void maple_eval_hash_training(eval *e) {
    if (e->store)
        hash_draws(e->training, e->n_groups * e->trials);
}

static int write_common(const eval *e, const eval_contender *contender, size_t group, size_t trial,
                        const char *what, const char *name, char key[EVAL_MAX_KEY]) {
    const maple_split *split = &e->request->splits->items[e->groups[group].first];
    const char *options = contender->options;
    uint64_t sources = 0;
    for (size_t i = 0; i < split->n_sources; i++)
        sources = mix(sources, &e->platform_hash[split->sources[i]], sizeof *e->platform_hash);
    return snprintf(key, EVAL_MAX_KEY,
                    "%s %s options=%016llx space=%s data=%016llx sources=%zu:%016llx training=%016llx "
                    "seed=%016llx build=%016llx",
                    what, name, (unsigned long long)maple_hash(options, strlen(options)),
                    maple_space_name(e->dataset->space), (unsigned long long)e->dataset_hash,
                    split->n_sources, (unsigned long long)sources,
                    (unsigned long long)eval_training(e, group, trial)->hash,
                    (unsigned long long)maple_eval_seed(e, "pre-training", split->task, "", trial),
                    (unsigned long long)e->build_hash);
}

void maple_eval_model_key(const eval *e, const eval_contender *contender, size_t group, size_t trial,
                          char key[EVAL_MAX_KEY]) {
    write_common(e, contender, group, trial, "model", maple_pretrained_kind(contender->info), key);
}

void maple_eval_run_key(const eval *e, const eval_job *j, size_t split, size_t slot, char key[EVAL_MAX_KEY]) {
    const eval_contender *contender = &e->contenders[j->contender];
    const maple_split *s = &e->request->splits->items[split];
    const eval_draw *samples = eval_samples(e, split, j->trial, contender->counts[slot]);
    uint64_t seed = maple_eval_seed(e, "adaptation", s->task, eval_target_name(e, split), j->trial);
    int length = write_common(e, contender, j->group, j->trial, "run", contender->info->name, key);
    snprintf(key + length, EVAL_MAX_KEY - (size_t)length,
             " target=%016llx samples=%zu:%016llx adapted=%016llx",
             (unsigned long long)e->platform_hash[s->target], samples->n, (unsigned long long)samples->hash,
             (unsigned long long)seed);
}
