/* SPDX-License-Identifier: Apache-2.0 */
/* An evaluation: checked, planned, run, reduced. */
#include "evaluate/evaluate_internal.h"
#include "nn/nn.h"
#include "predictor/predictor_vtable.h"

#include <stdlib.h>
#include <string.h>

/* --- Checks --- */

static maple_status check_numbers(const maple_evaluation *request, maple_error *error) {
    if (request->trials < 1 || request->threads < 1)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%d trials on %d threads: at least one of each",
                               request->trials, request->threads);
    for (size_t i = 0; i < request->n_samples; i++) {
        if (request->samples[i] < 0)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%d samples: a number from 0 is needed",
                                   request->samples[i]);
        for (size_t k = 0; k < i; k++) {
            if (request->samples[k] == request->samples[i])
                return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%d samples are asked for twice",
                                       request->samples[i]);
        }
    }
    if (request->splits->n == 0 || request->n_contenders == 0 || request->n_samples == 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "nothing to evaluate: %zu splits, %zu predictors, %zu numbers of samples",
                               request->splits->n, request->n_contenders, request->n_samples);
    return MAPLE_OK;
}

static maple_status check_splits(const maple_evaluation *request, maple_error *error) {
    size_t n = request->dataset->n_platforms;
    for (size_t i = 0; i < request->splits->n; i++) {
        const maple_split *split = &request->splits->items[i];
        bool fine = split->target < n;
        for (size_t s = 0; s < split->n_sources; s++)
            fine = fine && split->sources[s] < n && split->sources[s] != split->target;
        if (!fine)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "split %zu (%s): its rows are not platforms of the dataset (which has "
                                   "%zu), or its target is among its sources",
                                   i, split->task, n);
    }
    return MAPLE_OK;
}

/* --- Contenders --- */

/* Place of a number of samples in e->counts, which gets it where it is new. */
static size_t count_place(eval *e, int samples) {
    size_t i = 0;
    while (i < e->n_counts && e->counts[i] != (size_t)samples)
        i++;
    if (i == e->n_counts)
        e->counts[e->n_counts++] = (size_t)samples;
    return i;
}

/* What it is, and all its options. */
static maple_status name_contender(const maple_contender *given, eval_contender *c, maple_error *error) {
    const maple_predictor_vtable *vtable;
    maple_status status = maple_predictor_find_vtable(given->name, &vtable, error);
    if (status != MAPLE_OK)
        return status;
    *c = (eval_contender){.given = given, .info = &vtable->info};
    return maple_options_complete(vtable, given->options, &c->options, error);
}

static maple_status add_contender(eval *e, const maple_contender *given, maple_error *error) {
    eval_contender *c = &e->contenders[e->n_contenders];
    maple_status status = name_contender(given, c, error);
    e->n_contenders++;
    if (status != MAPLE_OK)
        return status;
    c->counts = maple_alloc(e->request->n_samples, sizeof *c->counts);
    if (!c->counts)
        return maple_error_memory(error);
    int own = given->samples > 0 ? given->samples : c->info->own_samples;
    c->n_slots = own > 0 ? 1 : e->request->n_samples;
    for (size_t i = 0; i < c->n_slots; i++)
        c->counts[i] = count_place(e, own > 0 ? own : e->request->samples[i]);
    if (c->n_slots > e->max_slots)
        e->max_slots = c->n_slots;
    return MAPLE_OK;
}

/* --- One evaluation --- */

/* The sampler that learns, does so with the defaults: a contender with these has the same models. */
static const maple_contender SUGGESTS = {.name = "gp"};

static maple_status allocate(eval *e, maple_error *error) {
    size_t cells = e->n_contenders * e->max_slots;
    e->targets = maple_alloc(e->dataset->n_platforms, sizeof *e->targets);
    e->groups = maple_alloc(e->n_splits, sizeof *e->groups);
    e->samples = maple_alloc(e->n_splits * e->trials * e->n_counts, sizeof *e->samples);
    e->training = maple_alloc(e->n_splits * e->trials, sizeof *e->training);
    e->runs = maple_alloc(e->n_splits * cells * e->trials, sizeof *e->runs);
    e->fit_ms = maple_alloc(e->n_splits * e->n_contenders * e->trials, sizeof *e->fit_ms);
    bool fine = e->targets && e->groups && e->samples && e->training && e->runs && e->fit_ms;
    return fine ? MAPLE_OK : maple_error_memory(error);
}

static maple_status start(eval *e, maple_error *error) {
    const maple_evaluation *request = e->request;
    maple_status status = check_numbers(request, error);
    if (status == MAPLE_OK)
        status = check_splits(request, error);
    if (status == MAPLE_OK)
        status = maple_sampler_check(request->dataset, request->sampler, error);
    if (status != MAPLE_OK)
        return status;
    e->contenders = maple_alloc(request->n_contenders, sizeof *e->contenders);
    e->counts = maple_alloc(request->n_contenders + request->n_samples, sizeof *e->counts);
    if (!e->contenders || !e->counts)
        return maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < request->n_contenders; i++)
        status = add_contender(e, &request->contenders[i], error);
    if (status == MAPLE_OK && strcmp(request->sampler, "suggest") == 0)
        status = name_contender(&SUGGESTS, &e->suggests, error);
    if (status == MAPLE_OK)
        status = allocate(e, error);
    if (status == MAPLE_OK)
        status = maple_eval_cache_open(e, error);
    return status;
}

static void free_draws(eval_draw *draws, size_t n) {
    for (size_t i = 0; draws && i < n; i++) {
        maple_free(draws[i].rows);
        maple_free(draws[i].reason);
    }
    maple_free(draws);
}

static void finish(eval *e) {
    for (size_t i = 0; e->contenders && i < e->n_contenders; i++) {
        maple_free(e->contenders[i].options);
        maple_free(e->contenders[i].counts);
    }
    for (size_t i = 0; e->targets && i < e->dataset->n_platforms; i++) {
        maple_scorer_free(e->targets[i].scorer);
        maple_free(e->targets[i].reference_ms);
        maple_free(e->targets[i].reference_network);
    }
    for (size_t i = 0; e->runs && i < e->n_splits * e->n_contenders * e->max_slots * e->trials; i++)
        maple_free(e->runs[i].reason);
    free_draws(e->samples, e->n_splits * e->trials * e->n_counts);
    free_draws(e->training, e->n_splits * e->trials);
    maple_free(e->suggests.options);
    maple_free(e->contenders);
    maple_free(e->counts);
    maple_free(e->targets);
    maple_free(e->groups);
    maple_free(e->runs);
    maple_free(e->fit_ms);
    maple_eval_cache_close(e);
    maple_free(e->logged);
    pthread_mutex_destroy(&e->mutex);
}

maple_status maple_evaluate(const maple_evaluation *evaluation, maple_evaluation_row **rows, size_t *n,
                            maple_error *error) {
    eval e = {.request = evaluation,
              .dataset = evaluation->dataset,
              .trials = evaluation->trials > 0 ? (size_t)evaluation->trials : 0,
              .n_splits = evaluation->splits->n};
    pthread_mutex_init(&e.mutex, NULL);
    e.hooks = maple_eval_hooks(&e);
    nn_blas_enter(); /* one BLAS thread throughout: the parallelism is over jobs */
    maple_status status = start(&e, error);
    if (status == MAPLE_OK)
        status = maple_eval_plan(&e, error);
    if (status == MAPLE_OK)
        status = maple_eval_jobs(&e, error);
    nn_blas_leave();
    if (status == MAPLE_OK)
        status = maple_eval_rows(&e, rows, n, error);
    finish(&e);
    return status;
}
