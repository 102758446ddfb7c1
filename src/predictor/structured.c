/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bayesian linear regression on structured features. With y the latency over the samples' mean,
 *
 *   y = 1 + offset + sum over features j of c_j f_j + noise
 *   c_j ~ N(m_j, a^2 w_g s_j),  noise ~ N(0, a^2 r max(y, least)^2)
 *
 * s_j makes every group g of features worth the same; m_j is above 0 for what counts work. The weights w of
 * the groups and r are averaged over a small grid by their marginal likelihood; a^2 is integrated out.
 */
#include "predictor/structured.h"

#include "predictor/moments.h"
#include "predictor/ridge.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum {
    GROUPS = MAPLE_FEATURE_GROUPS,
    MOST_JUDGED = 64, /* samples that the hypotheses are judged by */
};

/* Before anything was seen: COST_SHARE of the mean latency is in proportion to what counts work; latencies
 * spread by SPREAD of their mean around that (as sure as after BELIEF samples); the level is off by LEVEL_SD
 * spreads. Below LEAST of the mean errors do not get smaller. */
static const double SPREAD = 0.3, BELIEF = 3, COST_SHARE = 0.75, LEVEL_SD = 2, LEAST = 0.2;

/* --- Hypotheses --- */

typedef struct hypothesis {
    double weight[GROUPS]; /* sum to 1 */
    double noise;
} hypothesis;

static const double COUNT[] = {0.03, 1}, REACHING[] = {0, 1}, STRUCTURE[] = {0.01, 0.1}, COST[] = {0.1, 3},
                    SLOT[] = {0.003, 0.03}, NOISE[] = {1e-4, 1e-3, 1e-2, 1e-1};
#define LENGTH(array) (sizeof(array) / sizeof *(array))
enum {
    HYPOTHESES =
        LENGTH(COUNT) * LENGTH(REACHING) * LENGTH(STRUCTURE) * LENGTH(COST) * LENGTH(SLOT) * LENGTH(NOISE)
};

/* values[*place % n]; what is left in *place chooses from the next array. */
static double choose(const double *values, size_t n, size_t *place) {
    double value = values[*place % n];
    *place /= n;
    return value;
}

/* --- The problem --- */

typedef struct problem {
    const maple_space *space;
    size_t n, k;            /* samples, features */
    size_t judged;          /* the first so many samples */
    double mean_ms;         /* of the samples */
    double level;           /* mean of y, taken out of it */
    double rounding;        /* variance from latencies in whole milliseconds, in units of a^2 */
    double *x;              /* [n, k] */
    double *y;              /* [n]: latency / mean_ms - prior mean - level */
    double *variance;       /* [n]: noise in units of a^2 r */
    double *scale;          /* [k]: s_j; 0 where a feature does not vary */
    double *prior;          /* [k]: m_j */
    size_t members[GROUPS]; /* features that vary */
    double *kernel;         /* [GROUPS, judged, judged], lower */
    double *dual;           /* [HYPOTHESES, judged]: C^-1 y */
    double *log_evidence;   /* [HYPOTHESES] */
} problem;

static void release(problem *p) {
    maple_free(p->x);
    maple_free(p->y);
    maple_free(p->variance);
    maple_free(p->scale);
    maple_free(p->prior);
    maple_free(p->kernel);
    maple_free(p->dual);
    maple_free(p->log_evidence);
}

static maple_status allocate(problem *p, maple_error *error) {
    p->x = maple_alloc(p->n * p->k, sizeof *p->x);
    p->y = maple_alloc(p->n, sizeof *p->y);
    p->variance = maple_alloc(p->n, sizeof *p->variance);
    p->scale = maple_alloc(p->k, sizeof *p->scale);
    p->prior = maple_alloc(p->k, sizeof *p->prior);
    p->kernel = maple_alloc(GROUPS * p->judged * p->judged, sizeof *p->kernel);
    p->dual = maple_alloc(HYPOTHESES * p->judged, sizeof *p->dual);
    p->log_evidence = maple_alloc(HYPOTHESES, sizeof *p->log_evidence);
    bool fine =
        p->x && p->y && p->variance && p->scale && p->prior && p->kernel && p->dual && p->log_evidence;
    return fine ? MAPLE_OK : maple_error_memory(error);
}

static maple_feature_group group_of(const problem *p, size_t j) {
    return maple_space_feature(p->space, j)->group;
}

static hypothesis hypothesis_at(const problem *p, size_t place) {
    hypothesis h = {.weight = {[MAPLE_FEATURE_LIVE] = 0.01}};
    h.weight[MAPLE_FEATURE_COUNT] = choose(COUNT, LENGTH(COUNT), &place);
    h.weight[MAPLE_FEATURE_REACHING] = choose(REACHING, LENGTH(REACHING), &place);
    h.weight[MAPLE_FEATURE_STRUCTURE] = choose(STRUCTURE, LENGTH(STRUCTURE), &place);
    h.weight[MAPLE_FEATURE_STAGE] = h.weight[MAPLE_FEATURE_STRUCTURE];
    h.weight[MAPLE_FEATURE_COST] = choose(COST, LENGTH(COST), &place);
    h.weight[MAPLE_FEATURE_SLOT] = choose(SLOT, LENGTH(SLOT), &place);
    h.noise = choose(NOISE, LENGTH(NOISE), &place);
    double sum = 0;
    for (int g = 0; g < GROUPS; g++)
        sum += p->members[g] > 0 ? h.weight[g] : 0;
    for (int g = 0; g < GROUPS; g++)
        h.weight[g] /= sum;
    return h;
}

/* s_j: the inverse of the feature's variance over the space and of the number of features in its group. */
static void scale_features(problem *p, const double *mean, const double *variance) {
    for (size_t j = 0; j < p->k; j++) {
        if (variance[j] == 0)
            continue; /* does not vary: has no coefficient */
        p->scale[j] = 1 / variance[j];
        p->members[group_of(p, j)]++;
        if (group_of(p, j) == MAPLE_FEATURE_COST)
            p->prior[j] = COST_SHARE / mean[j];
    }
    for (size_t j = 0; j < p->k; j++) {
        if (p->scale[j] == 0)
            continue;
        p->scale[j] /= (double)p->members[group_of(p, j)];
        p->prior[j] /= (double)p->members[group_of(p, j)];
    }
}

static maple_status look_at_space(problem *p, maple_graph_form graph, maple_error *error) {
    maple_arch *archs = maple_alloc(MAPLE_DRAWN_ARCHS, sizeof *archs);
    double *mean = maple_alloc(p->k, sizeof *mean), *variance = maple_alloc(p->k, sizeof *variance);
    maple_status status = archs && mean && variance ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_feature_moments(p->space, graph, archs, mean, variance, error);
    if (status == MAPLE_OK)
        scale_features(p, mean, variance);
    maple_free(archs);
    maple_free(mean);
    maple_free(variance);
    return status;
}

static void fill(problem *p, const maple_arch *archs, const double *latency_ms) {
    bool whole = true;
    for (size_t i = 0; i < p->n; i++) {
        p->mean_ms += latency_ms[i] / (double)p->n;
        whole &= latency_ms[i] == floor(latency_ms[i]);
    }
    p->rounding = whole ? 1 / (12 * pow(p->mean_ms * SPREAD, 2)) : 0;
    for (size_t i = 0; i < p->n; i++) {
        double *row = p->x + i * p->k, y = latency_ms[i] / p->mean_ms;
        maple_space_feature_values(p->space, &archs[i], row);
        p->variance[i] = pow(fmax(y, LEAST), 2);
        for (size_t j = 0; j < p->k; j++)
            y -= p->prior[j] * row[j];
        p->y[i] = y;
        p->level += y / (double)p->n;
    }
    for (size_t i = 0; i < p->n; i++)
        p->y[i] -= p->level;
    for (size_t j = 0; j < p->k; j++) {
        double *kernel = p->kernel + (size_t)group_of(p, j) * p->judged * p->judged;
        for (size_t a = 0; a < p->judged && p->scale[j] > 0; a++) {
            double left = p->scale[j] * p->x[a * p->k + j];
            for (size_t b = 0; b <= a && left != 0; b++)
                kernel[a * p->judged + b] += left * p->x[b * p->k + j];
        }
    }
}

/* --- Marginal likelihood --- */

/* C = offset + groups + noise over the judged samples, then its factor. */
static void factor_covariance(const problem *p, const hypothesis *h, double *c) {
    size_t m = p->judged;
    for (size_t a = 0; a < m; a++) {
        for (size_t b = 0; b <= a; b++) {
            double sum = LEVEL_SD * LEVEL_SD;
            for (size_t g = 0; g < GROUPS; g++)
                sum += h->weight[g] * p->kernel[(g * m + a) * m + b];
            c[a * m + b] = sum;
        }
        c[a * m + a] += h->noise * p->variance[a] + p->rounding;
    }
    maple_cholesky(m, c);
}

/* With a^2 ~ inverse gamma, y is Student's t with covariance C; constants are left out. */
static double judge(const problem *p, const double *factor, double *dual) {
    size_t m = p->judged;
    double log_root = 0, square = 0;
    for (size_t i = 0; i < m; i++) {
        dual[i] = p->y[i];
        for (size_t j = 0; j < i; j++)
            dual[i] -= factor[i * m + j] * dual[j];
        dual[i] /= factor[i * m + i];
        log_root += log(factor[i * m + i]);
        square += dual[i] * dual[i];
    }
    for (size_t i = m; i-- > 0;) {
        for (size_t j = i + 1; j < m; j++)
            dual[i] -= factor[j * m + i] * dual[j];
        dual[i] /= factor[i * m + i];
    }
    return -log_root - 0.5 * (BELIEF + (double)m) * log(BELIEF * SPREAD * SPREAD + square);
}

/* Leaves the probability of each hypothesis in log_evidence; returns the most likely one. */
static maple_status judge_all(problem *p, size_t *best, maple_error *error) {
    double *factor = maple_alloc(p->judged * p->judged, sizeof *factor), total = 0;
    if (!factor)
        return maple_error_memory(error);
    *best = 0;
    for (size_t h = 0; h < HYPOTHESES; h++) {
        hypothesis one = hypothesis_at(p, h);
        factor_covariance(p, &one, factor);
        p->log_evidence[h] = judge(p, factor, p->dual + h * p->judged);
        if (p->log_evidence[h] > p->log_evidence[*best])
            *best = h;
    }
    double most = p->log_evidence[*best];
    for (size_t h = 0; h < HYPOTHESES; h++)
        total += p->log_evidence[h] = exp(p->log_evidence[h] - most);
    for (size_t h = 0; h < HYPOTHESES; h++)
        p->log_evidence[h] /= total;
    maple_free(factor);
    return MAPLE_OK;
}

/* --- Coefficients: in units of the mean, without prior mean and level --- */

/* The posterior mean is S F' C^-1 y for each hypothesis. */
static void average(const problem *p, double *coefficients) {
    for (size_t h = 0; h < HYPOTHESES; h++) {
        hypothesis one = hypothesis_at(p, h);
        const double *dual = p->dual + h * p->judged;
        for (size_t i = 0; i < p->judged; i++)
            coefficients[p->k] += p->log_evidence[h] * dual[i] * LEVEL_SD * LEVEL_SD;
        for (size_t j = 0; j < p->k; j++) {
            double pull = 0;
            for (size_t i = 0; i < p->judged; i++)
                pull += dual[i] * p->x[i * p->k + j];
            coefficients[j] += p->log_evidence[h] * one.weight[group_of(p, j)] * p->scale[j] * pull;
        }
    }
}

/* With many samples: the best hypothesis alone, from all of them. */
static maple_status regress(const problem *p, const hypothesis *h, double *coefficients, maple_error *error) {
    size_t columns = p->k + 1;
    double *x = maple_alloc(p->n * columns, sizeof *x), *weight = maple_alloc(p->n, sizeof *weight);
    double *penalty = maple_alloc(columns, sizeof *penalty);
    maple_status status = x && weight && penalty ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        for (size_t j = 0; j < p->k; j++) {
            double variance = h->weight[group_of(p, j)] * p->scale[j];
            penalty[j] = variance > 0 ? 1 / variance : 1;
            for (size_t i = 0; i < p->n && variance > 0; i++)
                x[i * columns + j] = p->x[i * p->k + j];
        }
        penalty[p->k] = 1 / (LEVEL_SD * LEVEL_SD);
        for (size_t i = 0; i < p->n; i++) {
            x[i * columns + p->k] = 1;
            weight[i] = 1 / (h->noise * p->variance[i] + p->rounding);
        }
        status = maple_ridge(p->n, columns, x, p->y, weight, penalty, coefficients, error);
    }
    maple_free(x);
    maple_free(weight);
    maple_free(penalty);
    return status;
}

maple_status maple_structured_fit(const maple_space *space, maple_graph_form graph, const maple_arch *archs,
                                  const double *latency_ms, size_t n, maple_structured *out,
                                  maple_error *error) {
    problem p = {.space = space, .n = n, .k = maple_space_features(space)};
    p.judged = n < MOST_JUDGED ? n : MOST_JUDGED;
    double *coefficients = maple_alloc(p.k + 1, sizeof *coefficients), least = latency_ms[0];
    size_t best = 0;
    maple_status status = coefficients ? allocate(&p, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = look_at_space(&p, graph, error);
    if (status != MAPLE_OK)
        goto done;
    fill(&p, archs, latency_ms);
    status = judge_all(&p, &best, error);
    if (status == MAPLE_OK && n <= MOST_JUDGED) {
        average(&p, coefficients);
    } else if (status == MAPLE_OK) {
        hypothesis h = hypothesis_at(&p, best);
        status = regress(&p, &h, coefficients, error);
    }
    if (status != MAPLE_OK)
        goto done;
    for (size_t j = 0; j < p.k; j++)
        coefficients[j] = p.mean_ms * (coefficients[j] + p.prior[j]);
    coefficients[p.k] = p.mean_ms * (coefficients[p.k] + p.level);
    for (size_t i = 1; i < n; i++)
        least = fmin(least, latency_ms[i]);
    *out = (maple_structured){.space = space, .n = p.k, .coefficients = coefficients, .floor_ms = least / 20};
    coefficients = NULL;
done:
    maple_free(coefficients);
    release(&p);
    return status;
}

void maple_structured_release(maple_structured *model) {
    maple_free(model->coefficients);
    *model = (maple_structured){0};
}

double maple_structured_apply(const maple_structured *model, const double *features) {
    double sum = cblas_ddot((int)model->n, model->coefficients, 1, features, 1);
    return fmax(sum + model->coefficients[model->n], model->floor_ms);
}

/* --- Model files --- */

maple_status maple_structured_save(const maple_structured *models, size_t n, maple_tensors *tensors,
                                   maple_error *error) {
    size_t columns = models->n + 1;
    double *coefficients = maple_alloc(n * columns, sizeof *coefficients);
    double *floors = maple_alloc(n, sizeof *floors);
    maple_status status = coefficients && floors ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        memcpy(coefficients + i * columns, models[i].coefficients, columns * sizeof *coefficients);
        floors[i] = models[i].floor_ms;
    }
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "structured", MAPLE_F64, n, columns, coefficients, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "floor_ms", MAPLE_F64, n, 0, floors, error);
    maple_free(coefficients);
    maple_free(floors);
    return status;
}

static maple_status load_one(const maple_tensors *tensors, const maple_space *space,
                             const double *coefficients, double floor_ms, maple_structured *model,
                             maple_error *error) {
    size_t n = maple_space_features(space);
    bool fine = isfinite(floor_ms) && floor_ms > 0;
    for (size_t j = 0; j <= n; j++)
        fine &= isfinite(coefficients[j]);
    if (!fine)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: tensors 'structured' and 'floor_ms': a value is not finite, or a floor is "
            "not positive",
            maple_tensors_path(tensors));
    *model = (maple_structured){.space = space, .n = n, .floor_ms = floor_ms};
    model->coefficients = maple_alloc(n + 1, sizeof(double));
    if (!model->coefficients)
        return maple_error_memory(error);
    memcpy(model->coefficients, coefficients, (n + 1) * sizeof(double));
    return MAPLE_OK;
}

maple_status maple_structured_load(const maple_tensors *tensors, const maple_space *space, size_t n,
                                   maple_structured *models, maple_error *error) {
    const void *coefficients = NULL, *floors = NULL;
    size_t columns = maple_space_features(space) + 1, done = 0;
    maple_status status =
        maple_tensors_get(tensors, "structured", MAPLE_F64, n, columns, &coefficients, NULL, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, "floor_ms", MAPLE_F64, n, 0, &floors, NULL, error);
    while (done < n && status == MAPLE_OK) {
        status = load_one(tensors, space, (const double *)coefficients + done * columns,
                          ((const double *)floors)[done], &models[done], error);
        done += status == MAPLE_OK;
    }
    if (status != MAPLE_OK)
        while (done > 0)
            maple_structured_release(&models[--done]);
    return status;
}
