/* SPDX-License-Identifier: Apache-2.0 */
/* How good decisions by predicted latencies are: fronts, hypervolumes, regret. */
#include "maple/search.h"

#include <math.h>
#include <stdlib.h>

void maple_pareto_free(maple_pareto *pareto) {
    maple_free(pareto->oracle);
    maple_free(pareto->predicted);
    maple_free(pareto->regrets);
    *pareto = (maple_pareto){0};
}

/* Rows that count, the others' latencies blotted out. */
typedef struct rows {
    double *measured, *predicted;
    size_t *by_score, n; /* the best first; of equal score the one predicted to be faster */
} rows;

typedef struct scored {
    double score, predicted;
    size_t row;
} scored;

static int compare_scored(const void *left, const void *right) {
    const scored *a = left, *b = right;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    if (a->predicted != b->predicted)
        return a->predicted < b->predicted ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static void rows_release(rows *r) {
    maple_free(r->measured);
    maple_free(r->predicted);
    maple_free(r->by_score);
}

static maple_status rows_take(const maple_pareto_request *q, rows *out, maple_error *error) {
    scored *order = maple_alloc(q->n, sizeof *order);
    *out = (rows){.measured = maple_alloc(q->n, sizeof *out->measured),
                  .predicted = maple_alloc(q->n, sizeof *out->predicted),
                  .by_score = maple_alloc(q->n, sizeof *out->by_score)};
    maple_status status =
        order && out->measured && out->predicted && out->by_score ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < q->n; i++) {
        bool counts = isfinite(q->latency_ms[i]) && isfinite(q->predicted_ms[i]) && isfinite(q->score[i]);
        out->measured[i] = counts ? q->latency_ms[i] : NAN;
        out->predicted[i] = counts ? q->predicted_ms[i] : NAN;
        if (counts)
            order[out->n++] = (scored){q->score[i], q->predicted_ms[i], i};
    }
    if (status == MAPLE_OK && out->n == 0)
        status =
            maple_error_set(error, MAPLE_BAD_INPUT,
                            "no architecture has a latency, a prediction and a score: there is no front");
    if (status == MAPLE_OK) {
        qsort(order, out->n, sizeof *order, compare_scored);
        for (size_t i = 0; i < out->n; i++)
            out->by_score[i] = order[i].row;
    }
    maple_free(order);
    return status;
}

/* Hypervolume of the rows of a front, each at its measured latency. */
static maple_status volume_of(const maple_pareto_request *q, const size_t *front, size_t n, double *out,
                              maple_error *error) {
    double *latency = maple_alloc(n, sizeof *latency), *score = maple_alloc(n, sizeof *score);
    maple_status status = latency && score ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        latency[i] = q->latency_ms[front[i]];
        score[i] = q->score[front[i]];
    }
    if (status == MAPLE_OK)
        status = maple_hypervolume(latency, score, n, q->reference_ms, q->reference_score, out, error);
    maple_free(latency);
    maple_free(score);
    return status;
}

/* Fronts are by ascending latency of their own kind, so a point of one may be anywhere in the other. */
static double share_found(const maple_pareto_request *q, const maple_pareto *p) {
    size_t found = 0;
    for (size_t i = 0; i < p->n_oracle; i++) {
        size_t o = p->oracle[i];
        for (size_t k = 0; k < p->n_predicted; k++) {
            size_t row = p->predicted[k];
            if ((float)q->latency_ms[o] == (float)q->latency_ms[row] && q->score[o] == q->score[row]) {
                found++;
                break;
            }
        }
    }
    return (double)found / (double)p->n_oracle;
}

static maple_regret regret_at(const maple_pareto_request *q, const rows *r, double budget) {
    maple_regret out = {budget, SIZE_MAX, SIZE_MAX, 0, SIZE_MAX, NAN, NAN};
    for (size_t i = 0; i < r->n && out.oracle == SIZE_MAX; i++)
        if (q->latency_ms[r->by_score[i]] <= budget)
            out.oracle = r->by_score[i];
    for (size_t i = 0; i < r->n && out.chosen == SIZE_MAX; i++) {
        size_t row = r->by_score[i];
        if (q->predicted_ms[row] > budget)
            continue;
        out.tries++;
        if (out.first == SIZE_MAX)
            out.first = row;
        if (q->latency_ms[row] <= budget)
            out.chosen = row;
    }
    if (out.oracle != SIZE_MAX && out.chosen != SIZE_MAX)
        out.regret = q->score[out.oracle] - q->score[out.chosen];
    if (out.oracle != SIZE_MAX && out.first != SIZE_MAX && out.first == out.chosen)
        out.first_regret = out.regret;
    return out;
}

maple_status maple_pareto_compute(const maple_pareto_request *q, maple_pareto *out, maple_error *error) {
    rows r;
    maple_pareto p = {.oracle = maple_alloc(q->n, sizeof *p.oracle),
                      .predicted = maple_alloc(q->n, sizeof *p.predicted),
                      .regrets = maple_alloc(q->n_budgets, sizeof *p.regrets)};
    maple_status status = rows_take(q, &r, error);
    if (status == MAPLE_OK && (!p.oracle || !p.predicted || !p.regrets))
        status = maple_error_memory(error);
    p.n = r.n;
    if (status == MAPLE_OK)
        status = maple_front(r.measured, q->score, q->n, p.oracle, &p.n_oracle, error);
    if (status == MAPLE_OK)
        status = maple_front(r.predicted, q->score, q->n, p.predicted, &p.n_predicted, error);
    if (status == MAPLE_OK)
        status = volume_of(q, p.oracle, p.n_oracle, &p.oracle_hypervolume, error);
    if (status == MAPLE_OK)
        status = volume_of(q, p.predicted, p.n_predicted, &p.predicted_hypervolume, error);
    if (status == MAPLE_OK) {
        p.hypervolume_ratio = p.oracle_hypervolume > 0 ? p.predicted_hypervolume / p.oracle_hypervolume : NAN;
        p.front_share = share_found(q, &p);
        for (size_t i = 0; i < q->n_budgets; i++)
            p.regrets[i] = regret_at(q, &r, q->budgets_ms[i]);
    }
    rows_release(&r);
    if (status == MAPLE_OK)
        *out = p;
    else
        maple_pareto_free(&p);
    return status;
}
