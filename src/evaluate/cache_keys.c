/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the cache: all that a pre-trained model depends on, as text. */
#include "evaluate/cache.h"

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

uint64_t maple_cache_hash_platform(const maple_dataset *d, const maple_dataset_platform *p) {
    size_t counters = maple_space_descriptor_operators(d->space) * MAPLE_EVENTS * sizeof(double);
    size_t operators = maple_space_operators(d->space) * sizeof(double);
    /* A predictor may look at how its sources executed, too. */
    uint64_t hash = mix_text(mix_text(mix_text(0, p->platform.name), p->platform.family), p->platform.device);
    hash = mix_text(hash, p->platform.counters);
    int numbers[] = {p->platform.threads, p->platform.batch, (int)p->platform.graph};
    hash = mix_text(mix(hash, numbers, sizeof numbers), p->platform.dtype);
    hash = mix(hash, p->latency_ms, d->n_archs * sizeof *p->latency_ms);
    hash = mix(hash, p->operator_ms, operators);
    hash = mix(hash, p->counters_warm, counters);
    return mix(hash, p->counters_cold, counters);
}

uint64_t maple_cache_hash_dataset(const maple_dataset *d) {
    uint64_t hash = mix(0, d->archs, d->n_archs * sizeof *d->archs);
    hash = mix(hash, d->index, d->n_archs * sizeof *d->index);
    for (size_t i = 0; i < d->n_scores; i++) {
        hash = mix_text(hash, d->scores[i].name);
        hash = mix(hash, d->scores[i].value, d->n_archs * sizeof *d->scores[i].value);
    }
    return hash;
}

/* Another build may compute otherwise; so may OpenBLAS with the kernels of another processor. */
maple_status maple_cache_hash_build(uint64_t *out, maple_error *error) {
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

uint64_t maple_cache_add_source(uint64_t hash, uint64_t platform_hash) {
    return mix(hash, &platform_hash, sizeof platform_hash);
}

uint64_t maple_cache_hash_rows(const size_t *rows, size_t n) {
    return rows ? mix(1, rows, n * sizeof *rows) : 0;
}

maple_cache_basis maple_cache_basis_of(const maple_fit_request *request, const char *options) {
    const maple_dataset *d = request->pool;
    maple_cache_basis basis = {.space = request->space,
                               .options = options,
                               .n_sources = request->n_sources,
                               .dataset = maple_cache_hash_dataset(d),
                               .training = maple_cache_hash_rows(request->train, request->n_train),
                               .seed = request->seed};
    for (size_t i = 0; i < request->n_sources; i++)
        basis.sources = maple_cache_add_source(
            basis.sources, maple_cache_hash_platform(d, &d->platforms[request->sources[i]]));
    return basis;
}

size_t maple_cache_write_key(const maple_model_cache *cache, const char *what, const char *name,
                             const maple_cache_basis *basis, char key[MAPLE_MAX_CACHE_KEY]) {
    int length =
        snprintf(key, MAPLE_MAX_CACHE_KEY,
                 "%s %s options=%016llx space=%s data=%016llx sources=%zu:%016llx training=%016llx "
                 "seed=%016llx build=%016llx",
                 what, name, (unsigned long long)maple_hash(basis->options, strlen(basis->options)),
                 maple_space_name(basis->space), (unsigned long long)basis->dataset, basis->n_sources,
                 (unsigned long long)basis->sources, (unsigned long long)basis->training,
                 (unsigned long long)basis->seed, (unsigned long long)cache->build);
    return (size_t)length;
}
