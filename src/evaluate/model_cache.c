/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pre-trained models in a folder, so that an evaluation that was interrupted, or is run again with other
 * samples, trains nothing twice. A model's key says all that it depends on; its file is named by the hash of
 * the key and holds the key itself.
 */
#include "evaluate/evaluate_internal.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static maple_status make_folder(const char *path, maple_error *error) {
    char folder[PATH_MAX];
    int length = snprintf(folder, sizeof folder, "%s/", path);
    if (length < 0 || (size_t)length >= sizeof folder)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: path too long", path);
    for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            return maple_error_set(error, MAPLE_IO_ERROR,
                                   "%s: cannot be created: %s; name a writable folder, or keep no models",
                                   folder, strerror(errno));
        *slash = '/';
    }
    if (access(path, W_OK | X_OK) != 0)
        return maple_error_set(error, MAPLE_IO_ERROR,
                               "%s: cannot be written: %s; name a writable folder, or keep no models", path,
                               strerror(errno));
    return MAPLE_OK;
}

/* --- Keys --- */

static uint64_t mix(uint64_t hash, const void *data, size_t bytes) {
    uint64_t both[] = {hash, data ? maple_hash(data, bytes) : 0};
    return maple_hash(both, sizeof both);
}

static uint64_t hash_platform(const eval *e, const maple_dataset_platform *p) {
    size_t counters = maple_space_descriptor_operators(e->dataset->space) * MAPLE_EVENTS * sizeof(double);
    size_t operators = maple_space_operators(e->dataset->space) * sizeof(double);
    uint64_t hash = mix(0, p->platform.name, strlen(p->platform.name));
    /* A predictor may look at how its sources executed, too. */
    hash = mix(hash, p->platform.family, strlen(p->platform.family));
    hash = mix(hash, p->platform.device, strlen(p->platform.device));
    int numbers[] = {p->platform.threads, p->platform.batch, (int)p->platform.graph};
    hash = mix(hash, numbers, sizeof numbers);
    hash = mix(hash, p->latency_ms, e->dataset->n_archs * sizeof *p->latency_ms);
    hash = mix(hash, p->operator_ms, operators);
    hash = mix(hash, p->counters_warm, counters);
    return mix(hash, p->counters_cold, counters);
}

static uint64_t hash_dataset(const maple_dataset *d) {
    uint64_t hash = mix(0, d->archs, d->n_archs * sizeof *d->archs);
    for (size_t i = 0; i < d->n_scores; i++) {
        hash = mix(hash, d->scores[i].name, strlen(d->scores[i].name));
        hash = mix(hash, d->scores[i].value, d->n_archs * sizeof *d->scores[i].value);
    }
    /* Another build may train otherwise: its models are not these. */
    struct stat program;
    if (stat("/proc/self/exe", &program) == 0) {
        int64_t build[] = {program.st_size, program.st_mtim.tv_sec, program.st_mtim.tv_nsec};
        hash = mix(hash, build, sizeof build);
    }
    return hash;
}

maple_status maple_eval_cache_prepare(eval *e, maple_error *error) {
    bool pretrains = false;
    for (size_t i = 0; i < e->n_contenders; i++)
        pretrains = pretrains || e->contenders[i].info->pretrains;
    if (!e->request->cache || !pretrains)
        return MAPLE_OK;
    e->platform_hash = maple_alloc(e->dataset->n_platforms, sizeof *e->platform_hash);
    if (!e->platform_hash)
        return maple_error_memory(error);
    for (size_t i = 0; i < e->dataset->n_platforms; i++)
        e->platform_hash[i] = hash_platform(e, &e->dataset->platforms[i]);
    e->dataset_hash = hash_dataset(e->dataset);
    return make_folder(e->request->cache, error);
}

enum { MAX_KEY = 1024 };

static void write_key(const eval *e, const eval_contender *contender, const maple_fit_request *request,
                      char key[MAX_KEY]) {
    uint64_t sources = 0, training = 0;
    for (size_t i = 0; i < request->n_sources; i++)
        sources = mix(sources, &e->platform_hash[request->sources[i]], sizeof *e->platform_hash);
    if (request->train)
        training = mix(1, request->train, request->n_train * sizeof *request->train);
    snprintf(key, MAX_KEY,
             "maple " MAPLE_VERSION " space=%s data=%016llx sources=%zu:%016llx training=%016llx seed=%llu "
             "predictor=%s options=%016llx",
             maple_space_name(request->space), (unsigned long long)e->dataset_hash, request->n_sources,
             (unsigned long long)sources, (unsigned long long)training, (unsigned long long)request->seed,
             contender->info->name,
             (unsigned long long)maple_hash(contender->options, strlen(contender->options)));
}

/* --- Models --- */

static maple_status train(const eval_contender *contender, const maple_fit_request *request,
                          maple_pretrained **out, double *fit_ms, maple_error *error) {
    int64_t start = maple_clock_ns();
    maple_status status = maple_predictor_pretrain(contender->info->name, request, out, error);
    *fit_ms = (double)(maple_clock_ns() - start) * 1e-6;
    return status;
}

maple_status maple_eval_pretrain(eval *e, const eval_contender *contender, const maple_fit_request *request,
                                 maple_pretrained **out, double *fit_ms, maple_error *error) {
    if (!e->request->cache)
        return train(contender, request, out, fit_ms, error);
    char key[MAX_KEY], path[PATH_MAX];
    maple_error why;
    write_key(e, contender, request, key);
    int length = snprintf(path, sizeof path, "%s/%s-%016llx.safetensors", e->request->cache,
                          contender->info->name, (unsigned long long)maple_hash(key, strlen(key)));
    if (length < 0 || (size_t)length >= sizeof path)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: path too long", e->request->cache);
    /* A file that is not there, damaged, or of another key is made anew. */
    maple_status status =
        access(path, F_OK) == 0 ? maple_pretrained_load(path, key, out, &why) : MAPLE_NOT_FOUND;
    *fit_ms = NAN;
    if (status == MAPLE_OK)
        return MAPLE_OK;
    if (status == MAPLE_OUT_OF_MEMORY)
        return maple_error_memory(error);
    status = train(contender, request, out, fit_ms, error);
    if (status != MAPLE_OK)
        return status;
    pthread_mutex_lock(&e->files);
    maple_status saved = maple_pretrained_save(*out, key, path, &why);
    pthread_mutex_unlock(&e->files);
    if (saved != MAPLE_OK) /* the results do not depend on it, the next run's time does */
        maple_log(&e->hooks, MAPLE_LOG_WARNING, "a pre-trained model could not be kept: %s", why.message);
    return MAPLE_OK;
}
