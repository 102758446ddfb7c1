/* SPDX-License-Identifier: Apache-2.0 */
/* Who is predicted from whom. */
#include "maple/evaluate.h"

#include <stdio.h>
#include <string.h>

void maple_splits_free(maple_splits *splits) {
    for (size_t i = 0; i < splits->n; i++)
        maple_free(splits->items[i].sources);
    maple_free(splits->items);
    *splits = (maple_splits){0};
}

/* Rows of `names`; MAPLE_NOT_FOUND lists those that the dataset lacks, MAPLE_BAD_ARGUMENT one named twice.
 * *rows is freed by maple_free. */
static maple_status find_rows(const maple_dataset *dataset, const char *const *names, size_t n,
                              const char *advice, size_t **rows, maple_error *error) {
    size_t *found = maple_alloc(n, sizeof *found), n_missing = 0;
    if (!found)
        return maple_error_memory(error);
    maple_text missing = {0};
    maple_status status = MAPLE_OK;
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        ptrdiff_t row = maple_dataset_platform_row(dataset, names[i]);
        if (row < 0)
            maple_text_addf(&missing, "%s%s", n_missing++ > 0 ? ", " : "", names[i]);
        found[i] = (size_t)row;
        for (size_t k = 0; k < i && row >= 0; k++) {
            if (found[k] == found[i])
                status = maple_error_set(error, MAPLE_BAD_ARGUMENT, "platform %s is named twice", names[i]);
        }
    }
    if (status == MAPLE_OK && n_missing > 0)
        status = maple_error_set(error, MAPLE_NOT_FOUND, "no latencies in %s of: %.600s; %s",
                                 maple_space_name(dataset->space), missing.data ? missing.data : "", advice);
    maple_text_free(&missing);
    if (status == MAPLE_OK)
        *rows = found;
    else
        maple_free(found);
    return status;
}

/* The platforms that there are, for a message. */
static void list_platforms(const maple_dataset *dataset, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "there %s", dataset->n_platforms == 1 ? "is" : "are");
    for (size_t i = 0; i < dataset->n_platforms && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s %s", i > 0 ? "," : "",
                                 dataset->platforms[i].platform.name);
    if (dataset->n_platforms == 0)
        snprintf(text, size, "there are none");
    else if (used >= size)
        memcpy(text + size - 4, "...", 4);
}

/* Takes over `sources`, which is freed on failure. */
static maple_status append(maple_splits *splits, const char *task, size_t target, size_t *sources, size_t n,
                           maple_error *error) {
    maple_split *items = maple_resize(splits->items, splits->n + 1, sizeof *items);
    if (!items) {
        maple_free(sources);
        return maple_error_memory(error);
    }
    splits->items = items;
    maple_split *split = &items[splits->n++];
    *split = (maple_split){.target = target, .sources = sources, .n_sources = n};
    snprintf(split->task, sizeof split->task, "%s", task);
    return MAPLE_OK;
}

static bool same_cpu(const maple_platform *a, const maple_platform *b) {
    bool known = a->cpu[0] && strcmp(a->cpu, "unknown") != 0;
    return strcmp(a->cpu, b->cpu) == 0 && (known || strcmp(a->device, b->device) == 0);
}

bool maple_is_left_out(const maple_platform *target, const maple_platform *other, maple_leave_out what) {
    return strcmp(other->name, target->name) == 0 ||
           (what == MAPLE_LEAVE_OUT_FAMILY && strcmp(other->family, target->family) == 0) ||
           (what == MAPLE_LEAVE_OUT_CPU && same_cpu(target, other));
}

static maple_status leave_one_out(const maple_dataset *dataset, const size_t *rows, size_t n,
                                  maple_leave_out leave_out, maple_splits *splits, maple_error *error) {
    for (size_t i = 0; i < n; i++) {
        const maple_platform *target = &dataset->platforms[rows[i]].platform;
        size_t *sources = maple_alloc(n, sizeof *sources), n_sources = 0;
        if (!sources)
            return maple_error_memory(error);
        for (size_t k = 0; k < n; k++) {
            const maple_platform *other = &dataset->platforms[rows[k]].platform;
            if (k != i && !maple_is_left_out(target, other, leave_out))
                sources[n_sources++] = rows[k];
        }
        maple_status status = append(splits, "leave-one-out", rows[i], sources, n_sources, error);
        if (status != MAPLE_OK)
            return status;
    }
    return MAPLE_OK;
}

maple_status maple_splits_leave_one_out(const maple_dataset *dataset, const char *const *names, size_t n,
                                        maple_leave_out leave_out, maple_splits *splits, maple_error *error) {
    size_t *rows = NULL;
    char there[512];
    maple_status status = MAPLE_OK;
    list_platforms(dataset, there, sizeof there);
    if (n > 0) {
        status = find_rows(dataset, names, n, there, &rows, error);
    } else {
        n = dataset->n_platforms;
        rows = maple_alloc(n, sizeof *rows);
        for (size_t i = 0; rows && i < n; i++)
            rows[i] = i;
        if (!rows)
            status = maple_error_memory(error);
    }
    if (status == MAPLE_OK && n == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "the pool has no latencies in %s",
                                 maple_space_name(dataset->space));
    if (status == MAPLE_OK)
        status = leave_one_out(dataset, rows, n, leave_out, splits, error);
    maple_free(rows);
    return status;
}

/* Every target from the same sources. */
static maple_status add_task(const char *task, const size_t *sources, size_t n_sources, const size_t *targets,
                             size_t n_targets, maple_splits *splits, maple_error *error) {
    for (size_t i = 0; i < n_targets; i++) {
        size_t *copy = maple_alloc(n_sources, sizeof *copy);
        if (!copy)
            return maple_error_memory(error);
        if (n_sources > 0)
            memcpy(copy, sources, n_sources * sizeof *copy);
        maple_status status = append(splits, task, targets[i], copy, n_sources, error);
        if (status != MAPLE_OK)
            return status;
    }
    return MAPLE_OK;
}

static maple_status named_task(const maple_dataset *dataset, const char *task, const char *const *sources,
                               size_t n_sources, const char *const *targets, size_t n_targets,
                               const char *advice, maple_splits *splits, maple_error *error) {
    size_t *source_rows = NULL, *target_rows = NULL;
    maple_status status = find_rows(dataset, sources, n_sources, advice, &source_rows, error);
    if (status == MAPLE_OK)
        status = find_rows(dataset, targets, n_targets, advice, &target_rows, error);
    for (size_t i = 0; status == MAPLE_OK && i < n_targets; i++) {
        for (size_t k = 0; k < n_sources; k++) {
            if (source_rows[k] == target_rows[i])
                status = maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                         "%s is both a source and a target: a prediction may not learn from "
                                         "the platform it is scored on",
                                         targets[i]);
        }
    }
    if (status == MAPLE_OK)
        status = add_task(task, source_rows, n_sources, target_rows, n_targets, splits, error);
    maple_free(source_rows);
    maple_free(target_rows);
    return status;
}

maple_status maple_splits_named(const maple_dataset *dataset, const char *const *sources, size_t n_sources,
                                const char *const *targets, size_t n_targets, maple_splits *splits,
                                maple_error *error) {
    char there[512];
    if (n_targets == 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "no target platform is named");
    list_platforms(dataset, there, sizeof there);
    return named_task(dataset, "split", sources, n_sources, targets, n_targets, there, splits, error);
}

/* All names of both lists that the dataset lacks, in one message. */
static maple_status check_task(const maple_dataset *dataset, const maple_task *task, maple_error *error) {
    maple_text missing = {0};
    size_t n_missing = 0, n = 0;
    const char *const *const lists[] = {task->sources, task->targets};
    for (int l = 0; l < 2; l++) {
        for (const char *const *name = lists[l]; *name; name++, n++) {
            if (maple_dataset_platform_row(dataset, *name) < 0)
                maple_text_addf(&missing, "%s%s", n_missing++ > 0 ? ", " : "", *name);
        }
    }
    maple_status status = MAPLE_OK;
    if (n_missing > 0)
        status = maple_error_set(
            error, MAPLE_NOT_FOUND,
            "task %s needs %zu platforms with latencies in %s, and the pool lacks %zu of them: %.600s; "
            "import "
            "the public tables: maple pool import help FOLDER (the data folder of HELP's repository)",
            task->name, n, task->space, n_missing, missing.data ? missing.data : "");
    maple_text_free(&missing);
    return status;
}

maple_status maple_splits_task(const maple_dataset *dataset, const maple_task *task, maple_splits *splits,
                               maple_error *error) {
    if (task->reason)
        return maple_error_set(error, MAPLE_BAD_INPUT, "task %s cannot be run: %s", task->name, task->reason);
    if (strcmp(maple_space_name(dataset->space), task->space) != 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "task %s is of space %s, the dataset of %s",
                               task->name, task->space, maple_space_name(dataset->space));
    maple_status status = check_task(dataset, task, error);
    if (status != MAPLE_OK)
        return status;
    size_t n_sources = 0, n_targets = 0;
    while (task->sources[n_sources])
        n_sources++;
    while (task->targets[n_targets])
        n_targets++;
    return named_task(dataset, task->name, task->sources, n_sources, task->targets, n_targets, "", splits,
                      error);
}
