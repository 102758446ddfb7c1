/* SPDX-License-Identifier: Apache-2.0 */
/* From runs to rows: means over trials and targets, in a fixed order. */
#include "evaluate/evaluate_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t VALUES[] = {
    offsetof(maple_metrics, acc1),       offsetof(maple_metrics, acc5),
    offsetof(maple_metrics, acc10),      offsetof(maple_metrics, spearman),
    offsetof(maple_metrics, kendall),    offsetof(maple_metrics, mape),
    offsetof(maple_metrics, medape),     offsetof(maple_metrics, rmse_ms),
    offsetof(maple_metrics, coverage90), offsetof(maple_metrics, interval_width),
};
enum { N_VALUES = sizeof VALUES / sizeof *VALUES };

static double *value_of(maple_metrics *metrics, int i) {
    return (double *)((char *)metrics + VALUES[i]);
}

/* Mean and standard deviation (n - 1) of metrics[trials], which are changed. */
static maple_score summarise(maple_metrics *metrics, size_t trials) {
    maple_score score = {.valid = true};
    double pairs = 0;
    for (size_t t = 0; t < trials; t++)
        pairs += (double)metrics[t].n;
    score.mean.n = score.sd.n = (size_t)llround(pairs / (double)trials);
    for (int v = 0; v < N_VALUES; v++) {
        double first = *value_of(&metrics[0], v), sum = 0, squares = 0;
        for (size_t t = 0; t < trials; t++)
            sum += *value_of(&metrics[t], v) - first;
        double mean = first + sum / (double)trials; /* exact where all are equal: a deviation of 0 */
        for (size_t t = 0; t < trials; t++) {
            double off = *value_of(&metrics[t], v) - mean;
            squares += off * off;
        }
        *value_of(&score.mean, v) = mean;
        *value_of(&score.sd, v) = trials > 1 ? sqrt(squares / (double)(trials - 1)) : NAN;
    }
    return score;
}

/* metrics += other, weighted 1 / n. */
static void add_share(maple_metrics *metrics, const maple_metrics *other, size_t n) {
    maple_metrics copy = *other;
    metrics->n += other->n;
    for (int v = 0; v < N_VALUES; v++)
        *value_of(metrics, v) += *value_of(&copy, v) / (double)n;
}

/* --- Cells: one contender with one number of samples in one task --- */

typedef struct cell {
    size_t contender, slot;
    int samples;
    double measured;
    maple_evaluation_row *rows; /* [targets of the task + 1]: the mean is the last */
} cell;

typedef struct task_range {
    size_t first, n; /* splits */
} task_range;

static void name_row(const eval *e, const task_range *task, const cell *c, maple_evaluation_row *row) {
    const eval_contender *contender = &e->contenders[c->contender];
    snprintf(row->task, sizeof row->task, "%s", e->request->splits->items[task->first].task);
    snprintf(row->predictor, sizeof row->predictor, "%s",
             contender->given->label ? contender->given->label : contender->info->name);
    row->samples = c->samples;
    row->trials = (int)e->trials;
}

static size_t group_of(const eval *e, size_t split) {
    size_t g = 0;
    while (split >= e->groups[g].first + e->groups[g].n)
        g++;
    return g;
}

static double mean_fit_ms(const eval *e, size_t split, size_t contender) {
    const double *fit_ms = eval_fit_ms(e, group_of(e, split), contender);
    double sum = 0;
    for (size_t t = 0; t < e->trials; t++)
        sum += fit_ms[t];
    return sum / (double)e->trials;
}

/* The first failed trial speaks for the row: a mean over the others would hide it. */
static bool failed(const eval *e, const eval_run *runs, maple_evaluation_row *row) {
    size_t n = 0, first = 0;
    for (size_t t = e->trials; t-- > 0;) {
        if (runs[t].reason) {
            first = t;
            n++;
        }
    }
    if (n == 0)
        return false;
    if (n == e->trials)
        snprintf(row->reason, sizeof row->reason, "%s", runs[first].reason);
    else
        snprintf(row->reason, sizeof row->reason, "%zu of %zu trials failed; trial %zu: %s", n, e->trials,
                 first + 1, runs[first].reason);
    return true;
}

static void clear_times(maple_evaluation_row *row) {
    row->measured = row->left_out = row->fit_ms = row->adapt_ms = row->predict_ms = NAN;
}

static void make_target_row(const eval *e, const task_range *task, const cell *c, size_t split,
                            maple_metrics *scratch, maple_evaluation_row *row) {
    const eval_run *runs = eval_runs(e, split, c->contender, c->slot);
    name_row(e, task, c, row);
    snprintf(row->target, sizeof row->target, "%s", eval_target_name(e, split));
    row->sources = (double)e->request->splits->items[split].n_sources;
    if (failed(e, runs, row)) {
        clear_times(row);
        return;
    }
    row->references = (int)runs[0].references; /* what the target has: the same in every trial */
    row->fit_ms = mean_fit_ms(e, split, c->contender);
    for (size_t t = 0; t < e->trials; t++) {
        row->measured += (double)runs[t].measured / (double)e->trials;
        row->left_out += (double)runs[t].left_out / (double)e->trials;
        row->adapt_ms += runs[t].adapt_ms / (double)e->trials;
        row->predict_ms += runs[t].predict_ms / (double)e->trials;
    }
    for (int s = 0; s < MAPLE_SCORINGS; s++) {
        bool valid = true;
        for (size_t t = 0; t < e->trials; t++) {
            valid = valid && runs[t].valid[s];
            scratch[t] = runs[t].metrics[s];
        }
        if (valid)
            row->scores[s] = summarise(scratch, e->trials);
    }
}

/* Of each trial the mean over targets, then mean and deviation over trials. */
static maple_score mean_score(const eval *e, const task_range *task, const cell *c, int scoring,
                              maple_metrics *scratch) {
    for (size_t i = 0; i < task->n; i++) {
        if (!c->rows[i].scores[scoring].valid)
            return (maple_score){.valid = false};
    }
    for (size_t t = 0; t < e->trials; t++) {
        scratch[t] = (maple_metrics){0};
        for (size_t i = 0; i < task->n; i++) {
            const eval_run *runs = eval_runs(e, task->first + i, c->contender, c->slot);
            add_share(&scratch[t], &runs[t].metrics[scoring], task->n);
        }
        scratch[t].n = (scratch[t].n + task->n / 2) / task->n;
    }
    return summarise(scratch, e->trials);
}

static void make_mean_row(const eval *e, const task_range *task, const cell *c, maple_metrics *scratch,
                          maple_evaluation_row *row) {
    size_t without = 0;
    double references = 0;
    name_row(e, task, c, row);
    for (size_t i = 0; i < task->n; i++)
        row->sources += c->rows[i].sources / (double)task->n;
    for (size_t i = task->n; i-- > 0;) {
        const maple_evaluation_row *target = &c->rows[i];
        if (!*target->reason)
            continue;
        char text[600];
        snprintf(text, sizeof text, "%zu of %zu targets have no scores; %s: %s", ++without, task->n,
                 target->target, target->reason);
        snprintf(row->reason, sizeof row->reason, "%.*s", (int)sizeof row->reason - 1, text);
    }
    if (without > 0) {
        clear_times(row);
        return;
    }
    for (size_t i = 0; i < task->n; i++) {
        const maple_evaluation_row *target = &c->rows[i];
        references += target->references;
        row->measured += target->measured / (double)task->n;
        row->left_out += target->left_out / (double)task->n;
        row->adapt_ms += target->adapt_ms / (double)task->n;
        row->predict_ms += target->predict_ms / (double)task->n;
        row->fit_ms += target->fit_ms / (double)task->n;
    }
    row->references = (int)lround(references / (double)task->n);
    for (int s = 0; s < MAPLE_SCORINGS; s++)
        row->scores[s] = mean_score(e, task, c, s, scratch);
}

static int compare_cells(const void *left, const void *right) {
    const cell *a = left, *b = right;
    if (a->samples != b->samples)
        return a->samples < b->samples ? -1 : 1;
    if (a->measured != b->measured)
        return a->measured < b->measured ? -1 : 1;
    return (a->contender > b->contender) - (a->contender < b->contender);
}

/* Networks measured, for the order of rows: over the targets that could be scored; else the samples. */
static double measured_of(const cell *c, size_t n_targets) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < n_targets; i++) {
        if (!*c->rows[i].reason) {
            sum += c->rows[i].measured;
            n++;
        }
    }
    return n > 0 ? sum / n : c->samples;
}

/* Rows of one task at *rows; returns where the next go. */
static maple_evaluation_row *make_task(const eval *e, const task_range *task, cell *cells,
                                       maple_evaluation_row *room, maple_metrics *scratch,
                                       maple_evaluation_row *rows) {
    size_t n = 0;
    for (size_t c = 0; c < e->n_contenders; c++) {
        for (size_t slot = 0; slot < e->contenders[c].n_slots; slot++) {
            cell *made = &cells[n];
            *made = (cell){.contender = c,
                           .slot = slot,
                           .samples = (int)e->counts[e->contenders[c].counts[slot]],
                           .rows = room + n * (task->n + 1)};
            for (size_t i = 0; i < task->n; i++)
                make_target_row(e, task, made, task->first + i, scratch, &made->rows[i]);
            make_mean_row(e, task, made, scratch, &made->rows[task->n]);
            made->measured = measured_of(made, task->n);
            n++;
        }
    }
    qsort(cells, n, sizeof *cells, compare_cells);
    for (size_t i = 0; i < n; i++) {
        memcpy(rows, cells[i].rows, (task->n + 1) * sizeof *rows);
        rows += task->n + 1;
    }
    return rows;
}

static size_t count_cells(const eval *e) {
    size_t n = 0;
    for (size_t c = 0; c < e->n_contenders; c++)
        n += e->contenders[c].n_slots;
    return n;
}

static task_range task_at(const eval *e, size_t first) {
    const maple_split *splits = e->request->splits->items;
    task_range task = {.first = first, .n = 1};
    while (first + task.n < e->n_splits && strcmp(splits[first].task, splits[first + task.n].task) == 0)
        task.n++;
    return task;
}

maple_status maple_eval_rows(const eval *e, maple_evaluation_row **rows, size_t *n, maple_error *error) {
    size_t n_cells = count_cells(e), n_tasks = 0;
    for (size_t i = 0; i < e->n_splits; i += task_at(e, i).n)
        n_tasks++;
    size_t total = n_cells * (e->n_splits + n_tasks);
    maple_evaluation_row *out = maple_alloc(total, sizeof *out), *next = out;
    cell *cells = maple_alloc(n_cells, sizeof *cells);
    maple_metrics *scratch = maple_alloc(e->trials, sizeof *scratch);
    maple_status status = out && cells && scratch ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < e->n_splits; i += task_at(e, i).n) {
        task_range task = task_at(e, i);
        maple_evaluation_row *room = maple_alloc(n_cells * (task.n + 1), sizeof *room);
        if (room)
            next = make_task(e, &task, cells, room, scratch, next);
        else
            status = maple_error_memory(error);
        maple_free(room);
    }
    maple_free(cells);
    maple_free(scratch);
    if (status != MAPLE_OK) {
        maple_free(out);
        return status;
    }
    *rows = out;
    *n = total;
    return MAPLE_OK;
}
