/* SPDX-License-Identifier: Apache-2.0 */
/* What is measured on the targets and learned from on the sources: drawn once, the same for all contenders.
 */
#include "evaluate/evaluate_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

uint64_t maple_eval_seed(const eval *e, const char *what, const char *task, const char *target,
                         size_t trial) {
    char text[320];
    int length = snprintf(text, sizeof text, "%llu|%s|%s|%s|%zu", (unsigned long long)e->request->seed, what,
                          task, target, trial);
    return maple_hash(text, (size_t)length);
}

/* --- Targets --- */

static maple_status prepare_target(eval *e, size_t row, maple_error *error) {
    const maple_dataset *d = e->dataset;
    const maple_dataset_platform *platform = &d->platforms[row];
    eval_target *target = &e->targets[row];
    if (target->scorer)
        return MAPLE_OK;
    maple_status status = maple_scorer_create(d, row, &target->scorer, error);
    if (status != MAPLE_OK)
        return status;
    target->known = maple_dataset_target(d, platform);
    size_t n = maple_space_references(d->space);
    target->reference_ms = maple_alloc(n, sizeof *target->reference_ms);
    target->reference_network = maple_alloc(n, sizeof *target->reference_network);
    if (!target->reference_ms || !target->reference_network)
        return maple_error_memory(error);
    maple_dataset_references(d, platform, target->reference_ms);
    for (size_t i = 0; i < n; i++) {
        maple_arch arch = maple_space_reference(d->space, i);
        target->reference_network[i] = maple_scorer_find(target->scorer, &arch);
    }
    return MAPLE_OK;
}

/* --- Groups and training rows --- */

static bool same_sources(const maple_split *a, const maple_split *b) {
    return strcmp(a->task, b->task) == 0 && a->n_sources == b->n_sources &&
           (a->n_sources == 0 || memcmp(a->sources, b->sources, a->n_sources * sizeof *a->sources) == 0);
}

static void find_groups(eval *e) {
    const maple_split *splits = e->request->splits->items;
    for (size_t i = 0; i < e->n_splits; i++) {
        if (i > 0 && same_sources(&splits[i - 1], &splits[i]))
            e->groups[e->n_groups - 1].n++;
        else
            e->groups[e->n_groups++] = (eval_group){.first = i, .n = 1};
    }
}

/* The rows that every source of a group has. */
static size_t common_rows(const eval *e, size_t group, size_t *rows) {
    const maple_split *split = &e->request->splits->items[e->groups[group].first];
    size_t n = 0;
    for (size_t i = 0; i < e->dataset->n_archs; i++) {
        bool all = true;
        for (size_t s = 0; all && s < split->n_sources; s++)
            all = isfinite(e->dataset->platforms[split->sources[s]].latency_ms[i]);
        if (all)
            rows[n++] = i;
    }
    return n;
}

static maple_status set_reason(char **reason, const char *text, maple_error *error) {
    *reason = maple_strdup(text);
    return *reason ? MAPLE_OK : maple_error_memory(error);
}

static maple_status draw_training(eval *e, size_t group, maple_error *error) {
    const maple_split *split = &e->request->splits->items[e->groups[group].first];
    size_t wanted = e->request->train_archs;
    if (wanted == 0 || split->n_sources == 0)
        return MAPLE_OK;
    size_t *rows = maple_alloc(e->dataset->n_archs, sizeof *rows);
    size_t *order = maple_alloc(e->dataset->n_archs, sizeof *order);
    maple_status status = rows && order ? MAPLE_OK : maple_error_memory(error);
    size_t n = status == MAPLE_OK ? common_rows(e, group, rows) : 0;
    for (size_t trial = 0; status == MAPLE_OK && trial < e->trials; trial++) {
        eval_draw *draw = eval_training(e, group, trial);
        if (n < wanted) {
            char text[200];
            snprintf(text, sizeof text,
                     "%zu training architectures asked for, but the %zu sources have only %zu in common; "
                     "ask for fewer, or train on all",
                     wanted, split->n_sources, n);
            status = set_reason(&draw->reason, text, error);
            continue;
        }
        memcpy(order, rows, n * sizeof *order);
        maple_rng rng = maple_rng_seed(maple_eval_seed(e, "training", split->task, "", trial));
        maple_rng_shuffle(&rng, n, order);
        draw->rows = maple_alloc(wanted, sizeof *draw->rows);
        if (!draw->rows)
            status = maple_error_memory(error);
        else
            memcpy(draw->rows, order, wanted * sizeof *order);
        draw->n = wanted;
    }
    maple_free(rows);
    maple_free(order);
    return status;
}

/* --- Samples --- */

static uint64_t sample_seed(const eval *e, size_t split, size_t trial) {
    const maple_split *s = &e->request->splits->items[split];
    return maple_eval_seed(e, "samples", s->task, eval_target_name(e, split), trial);
}

static maple_status make_draw(const eval *e, size_t split, size_t trial, size_t count, maple_error *error) {
    eval_draw *draw = eval_samples(e, split, trial, count);
    draw->n = e->counts[count];
    draw->rows = maple_alloc(draw->n, sizeof *draw->rows);
    return draw->rows ? MAPLE_OK : maple_error_memory(error);
}

/* A draw that failed has its reason; some failures end the evaluation. */
static maple_status note_draw(eval_draw *draw, maple_status status, const char *message, maple_error *error) {
    if (eval_aborts(status))
        return maple_error_set(error, status, "%s", message);
    return status == MAPLE_OK ? MAPLE_OK : set_reason(&draw->reason, message, error);
}

/* Job = (split, trial). All numbers of samples come from one seed. */
static maple_status draw_samples(eval *e, size_t job, eval_room *room, maple_error *error) {
    (void)room;
    size_t split = job / e->trials, trial = job % e->trials;
    size_t target = e->request->splits->items[split].target;
    uint64_t seed = sample_seed(e, split, trial);
    maple_status status = MAPLE_OK;
    for (size_t c = 0; status == MAPLE_OK && c < e->n_counts; c++) {
        eval_draw *draw = eval_samples(e, split, trial, c);
        maple_error why;
        status = make_draw(e, split, trial, c, error);
        if (status != MAPLE_OK)
            return status;
        maple_status drawn =
            maple_sampler_draw(e->dataset, target, e->request->sampler, draw->n, seed, draw->rows, &why);
        status = note_draw(draw, drawn, why.message, error);
    }
    return status;
}

/* --- Samples that a model asks for --- */

/* The count after `last` when the largest come first; n_counts: the first. SIZE_MAX beyond the end. */
static size_t next_smaller(const eval *e, size_t last) {
    size_t next = SIZE_MAX;
    for (size_t c = 0; c < e->n_counts; c++)
        if ((last == e->n_counts || e->counts[c] < e->counts[last]) &&
            (next == SIZE_MAX || e->counts[c] > e->counts[next]))
            next = c;
    return next;
}

/* The longest that there can be; the shorter ones are its first. */
static maple_status suggest_for_split(const eval *e, const maple_pretrained *pretrained, size_t split,
                                      size_t trial, maple_fit_request *request, maple_error *error) {
    size_t target = e->request->splits->items[split].target;
    uint64_t seed = sample_seed(e, split, trial);
    const eval_draw *longest = NULL;
    maple_status status = MAPLE_OK;
    request->target = e->targets[target].known;
    for (size_t c = next_smaller(e, e->n_counts); status == MAPLE_OK && c != SIZE_MAX;
         c = next_smaller(e, c)) {
        eval_draw *draw = eval_samples(e, split, trial, c);
        maple_error why;
        status = make_draw(e, split, trial, c, error);
        if (status != MAPLE_OK)
            return status;
        if (longest) {
            memcpy(draw->rows, longest->rows, draw->n * sizeof *draw->rows);
            continue;
        }
        maple_status drawn =
            maple_sampler_suggest(e->dataset, target, pretrained, request, draw->n, seed, draw->rows, &why);
        if (drawn == MAPLE_OK)
            longest = draw;
        status = note_draw(draw, drawn, why.message, error);
    }
    return status;
}

static maple_status note_group(const eval *e, size_t group, size_t trial, const char *why,
                               maple_error *error) {
    char text[600];
    snprintf(text, sizeof text, "sampler suggest: %s", why);
    maple_status status = MAPLE_OK;
    for (size_t i = 0; i < e->groups[group].n; i++)
        for (size_t c = 0; status == MAPLE_OK && c < e->n_counts; c++)
            status = set_reason(&eval_samples(e, e->groups[group].first + i, trial, c)->reason, text, error);
    return status;
}

/* Job = (group, trial): one model for all its splits. */
static maple_status suggest_samples(eval *e, size_t job, eval_room *room, maple_error *error) {
    size_t group = job / e->trials, trial = job % e->trials;
    const char *reason = eval_training(e, group, trial)->reason;
    if (reason)
        return note_group(e, group, trial, reason, error);
    maple_pretrained *pretrained = NULL;
    maple_error why = {.status = MAPLE_OK};
    double fit_ms;
    maple_eval_cut_warnings(room, 0);
    maple_status status =
        maple_eval_pretrain(e, &e->suggests, group, trial, room, &pretrained, &fit_ms, &why);
    if (eval_aborts(status))
        return maple_error_set(error, status, "%s", why.message);
    if (status != MAPLE_OK)
        return note_group(e, group, trial, why.message, error);
    maple_fit_request request = maple_eval_request(e, &e->suggests, group, trial, room);
    for (size_t i = 0; status == MAPLE_OK && i < e->groups[group].n; i++)
        status = suggest_for_split(e, pretrained, e->groups[group].first + i, trial, &request, error);
    maple_pretrained_free(pretrained);
    return status;
}

maple_status maple_eval_plan(eval *e, maple_error *error) {
    maple_status status = MAPLE_OK;
    find_groups(e);
    for (size_t i = 0; status == MAPLE_OK && i < e->n_splits; i++)
        status = prepare_target(e, e->request->splits->items[i].target, error);
    for (size_t g = 0; status == MAPLE_OK && g < e->n_groups; g++)
        status = draw_training(e, g, error);
    if (status != MAPLE_OK)
        return status;
    maple_eval_hash_training(e);
    status = e->suggests.info ? maple_eval_parallel(e, e->n_groups * e->trials, suggest_samples, error)
                              : maple_eval_parallel(e, e->n_splits * e->trials, draw_samples, error);
    maple_eval_hash_samples(e);
    return status;
}
