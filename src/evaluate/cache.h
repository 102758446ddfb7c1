/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h: what is kept under which key: pre-trained models (model_cache.c) and runs of evaluations
 * (run_cache.c). */
#ifndef MAPLE_EVALUATE_CACHE_H
#define MAPLE_EVALUATE_CACHE_H

#include "evaluate/store.h"

#include "maple/evaluate.h"

struct maple_model_cache {
    maple_store *store;
    char *path;               /* of the store */
    uint64_t build;           /* hash of the program and of how it computes */
    const maple_hooks *hooks; /* of whoever opened it */
};

/* As maple_model_cache_open, with the store looked at when it is opened, or late. */
maple_status maple_model_cache_create(const char *folder, maple_store_check check, const maple_hooks *hooks,
                                      maple_model_cache **out, maple_error *error);

/* Says again the warnings that `text` holds, a line each. */
void maple_cache_warn(const maple_hooks *hooks, const char *text, size_t bytes);

/* --- Keys (cache_keys.c) --- */

enum { MAPLE_MAX_CACHE_KEY = 512 };

/* What a pre-trained model depends on, besides its kind and the build. */
typedef struct maple_cache_basis {
    const maple_space *space;
    const char *options; /* all of them, as text */
    size_t n_sources;
    uint64_t dataset, sources, training, seed; /* hashes; training: 0 for all rows */
} maple_cache_basis;

maple_status maple_cache_hash_build(uint64_t *out, maple_error *error);
/* Architectures, indices and scores. */
uint64_t maple_cache_hash_dataset(const maple_dataset *dataset);
/* All that is known of a platform. */
uint64_t maple_cache_hash_platform(const maple_dataset *dataset, const maple_dataset_platform *platform);
/* `hash` with one source's more; 0 before the first. */
uint64_t maple_cache_add_source(uint64_t hash, uint64_t platform_hash);
/* 0 for NULL. */
uint64_t maple_cache_hash_rows(const size_t *rows, size_t n);
/* What a request says; `options` as in the basis. */
maple_cache_basis maple_cache_basis_of(const maple_fit_request *request, const char *options);
/* Returns its length. `what` is "model" or "run", `name` the kind or the predictor. */
size_t maple_cache_write_key(const maple_model_cache *cache, const char *what, const char *name,
                             const maple_cache_basis *basis, char key[MAPLE_MAX_CACHE_KEY]);

/* --- Models (model_cache.c) --- */

/* The model of this key, trained where it is not there; *fit_ms: what the training took, now or then. */
maple_status maple_model_cache_take(maple_model_cache *cache, const char *key, const char *name,
                                    const maple_fit_request *request, maple_pretrained **out, double *fit_ms,
                                    maple_error *error);
/* maple_predictor_pretrain with its time. */
maple_status maple_pretrain_timed(const char *name, const maple_fit_request *request, maple_pretrained **out,
                                  double *fit_ms, maple_error *error);

#endif
