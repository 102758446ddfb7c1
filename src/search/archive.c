/* SPDX-License-Identifier: Apache-2.0 */
/* What a search has looked at. */
#include "search/archive.h"

#include <math.h>
#include <string.h>

double maple_normal_quantile(double p) {
    double low = -40, high = 40;
    for (int i = 0; i < 200 && low < high; i++) {
        double middle = 0.5 * (low + high);
        if (middle <= low || middle >= high)
            break;
        if (0.5 * erfc(-middle / sqrt(2)) < p)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

double maple_confidence_spread(double confidence) {
    static const double QUANTILE = 0.95; /* that the upper bound of a central 90 % interval is */
    return maple_normal_quantile(confidence) / maple_normal_quantile(QUANTILE);
}

static maple_status check_platform(const maple_search_request *request, const maple_search_platform *p,
                                   maple_error *error) {
    if (!p->predictor && !p->measured)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: neither labels nor a predictor", p->name);
    if (!(p->max_latency_ms > 0))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: a constraint of %g ms: it has to be above 0",
                               p->name, p->max_latency_ms);
    if (p->predictor && maple_predictor_space(p->predictor) != request->space)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: the predictor is for %s, the search in %s",
                               p->name, maple_space_name(maple_predictor_space(p->predictor)),
                               maple_space_name(request->space));
    if (p->predictor && request->confidence > 0 && !maple_predictor_describe(p->predictor)->intervals)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--confidence: predictor %s has no intervals, so how sure it is is not known; "
                               "gp has, or leave --confidence out",
                               maple_predictor_describe(p->predictor)->name);
    return MAPLE_OK;
}

static maple_status check_request(const maple_search_request *request, maple_error *error) {
    double c = request->confidence;
    if (request->n_platforms == 0 || request->n_platforms > MAPLE_SEARCH_PLATFORMS)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%zu platforms: 1 to %d can be searched for",
                               request->n_platforms, MAPLE_SEARCH_PLATFORMS);
    if (!(c == 0 || (c >= 0.5 && c < 1)))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--confidence %g: a probability of at least 0.5 and below 1 (0.95)", c);
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < request->n_platforms; i++)
        status = check_platform(request, &request->platforms[i], error);
    return status;
}

static maple_status index_labels(const maple_search_platform *p, const maple_space *space, search_labels *out,
                                 maple_error *error) {
    if (!p->measured)
        return MAPLE_OK;
    const maple_dataset *d = p->dataset;
    out->latency_ms = maple_alloc(d->n_archs, sizeof *out->latency_ms);
    maple_status status = out->latency_ms ? maple_arch_index_create(space, d->n_archs, &out->index, error)
                                          : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < d->n_archs; i++)
        if (isfinite(p->measured->latency_ms[i]))
            out->latency_ms[maple_arch_index_add(&out->index, &d->archs[i])] = p->measured->latency_ms[i];
    return status;
}

maple_status search_archive_open(const maple_search_request *request, size_t limit, search_archive *out,
                                 maple_error *error) {
    *out = (search_archive){.request = request, .limit = limit};
    maple_status status = check_request(request, error);
    if (status != MAPLE_OK)
        return status;
    if (request->confidence > 0)
        out->spread = maple_confidence_spread(request->confidence);
    out->score = maple_alloc(limit, sizeof *out->score);
    out->violation = maple_alloc(limit, sizeof *out->violation);
    out->latency = maple_alloc(limit * request->n_platforms, sizeof *out->latency);
    status = out->score && out->violation && out->latency
                 ? maple_arch_index_create(request->space, limit, &out->seen, error)
                 : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < request->n_platforms; i++)
        status = index_labels(&request->platforms[i], request->space, &out->labels[i], error);
    return status;
}

void search_archive_close(search_archive *archive) {
    for (size_t i = 0; i < MAPLE_SEARCH_PLATFORMS; i++) {
        maple_arch_index_release(&archive->labels[i].index);
        maple_free(archive->labels[i].latency_ms);
    }
    maple_arch_index_release(&archive->seen);
    maple_free(archive->score);
    maple_free(archive->violation);
    maple_free(archive->latency);
    *archive = (search_archive){0};
}

bool search_archive_full(const search_archive *archive) {
    return archive->seen.n >= archive->limit;
}

/* --- Latencies --- */

/* Of those among n new rows that have no label: what the predictor says. values[3 x n] is scratch. */
static maple_status predict_missing(search_archive *a, size_t platform, size_t first, size_t n,
                                    maple_arch *archs, size_t *rows, double *values, maple_error *error) {
    size_t m = 0, stride = a->request->n_platforms;
    const maple_search_platform *p = &a->request->platforms[platform];
    for (size_t row = first; row < first + n; row++) {
        maple_search_latency *l = &a->latency[row * stride + platform];
        size_t label = maple_arch_index_find(&a->labels[platform].index, &a->seen.archs[row]);
        *l = (maple_search_latency){NAN, NAN, NAN, NAN, label != SIZE_MAX};
        if (l->measured) {
            l->latency_ms = l->bound_ms = a->labels[platform].latency_ms[label];
        } else if (p->predictor) {
            archs[m] = a->seen.archs[row];
            rows[m++] = row;
        }
    }
    if (m == 0)
        return MAPLE_OK;
    double *ms = values, *lower = values + n, *upper = values + 2 * n;
    bool sure = a->request->confidence > 0;
    maple_status status = sure ? maple_predictor_intervals(p->predictor, archs, m, ms, lower, upper, error)
                               : maple_predictor_predict(p->predictor, archs, m, ms, error);
    for (size_t i = 0; status == MAPLE_OK && i < m; i++) {
        double bound = sure ? ms[i] + a->spread * (upper[i] - ms[i]) : ms[i];
        if (!sure)
            lower[i] = upper[i] = NAN; /* they cost more than the prediction, and few are asked for */
        a->latency[rows[i] * stride + platform] =
            (maple_search_latency){ms[i], lower[i], upper[i], bound, false};
    }
    return status;
}

maple_status search_archive_intervals(const search_archive *a, size_t platform, const maple_arch *archs,
                                      size_t n, maple_search_latency *latency, maple_error *error) {
    const maple_search_platform *p = &a->request->platforms[platform];
    if (!p->predictor || a->request->confidence > 0)
        return MAPLE_OK;
    double *values = maple_alloc(3 * n, sizeof *values);
    maple_status status =
        values ? maple_predictor_intervals(p->predictor, archs, n, values, values + n, values + 2 * n, error)
               : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        maple_search_latency *l = &latency[i * a->request->n_platforms + platform];
        if (l->measured)
            continue;
        l->lower_ms = values[n + i];
        l->upper_ms = values[2 * n + i];
    }
    maple_free(values);
    return status;
}

static double violation_of(const search_archive *a, size_t row) {
    size_t stride = a->request->n_platforms;
    double sum = 0;
    for (size_t p = 0; p < stride; p++) {
        double bound = a->latency[row * stride + p].bound_ms, most = a->request->platforms[p].max_latency_ms;
        if (!isfinite(bound))
            return INFINITY;
        if (bound > most)
            sum += bound / most - 1;
    }
    return sum;
}

/* --- Scores --- */

static maple_status score_feasible(search_archive *a, size_t first, size_t n, maple_arch *archs, size_t *rows,
                                   double *values, maple_error *error) {
    size_t m = 0;
    for (size_t row = first; row < first + n; row++) {
        a->score[row] = NAN;
        a->violation[row] = violation_of(a, row);
        if (a->violation[row] > 0)
            continue;
        archs[m] = a->seen.archs[row];
        rows[m++] = row;
    }
    a->feasible += m;
    if (m == 0)
        return MAPLE_OK;
    maple_status status = maple_judge_score(a->request->judge, archs, m, values, error);
    for (size_t i = 0; status == MAPLE_OK && i < m; i++) {
        a->score[rows[i]] = isfinite(values[i]) ? values[i] : NAN;
        a->scored += isfinite(values[i]) ? 1 : 0;
    }
    return status;
}

maple_status search_archive_add(search_archive *a, const maple_arch *archs, size_t n, maple_error *error) {
    size_t first = a->seen.n;
    if (n == 0)
        return MAPLE_OK;
    for (size_t i = 0; i < n; i++)
        maple_arch_index_add(&a->seen, &archs[i]);
    maple_arch *scratch = maple_alloc(n, sizeof *scratch);
    size_t *rows = maple_alloc(n, sizeof *rows);
    double *values = maple_alloc(3 * n, sizeof *values);
    maple_status status = scratch && rows && values ? MAPLE_OK : maple_error_memory(error);
    for (size_t p = 0; status == MAPLE_OK && p < a->request->n_platforms; p++)
        status = predict_missing(a, p, first, n, scratch, rows, values, error);
    if (status == MAPLE_OK)
        status = score_feasible(a, first, n, scratch, rows, values, error);
    maple_free(scratch);
    maple_free(rows);
    maple_free(values);
    if (status == MAPLE_OK)
        maple_report_progress(a->request->hooks, "searching", (double)a->seen.n, (double)a->limit,
                              "architectures");
    return status;
}

/* --- Comparing --- */

bool search_archive_better(const search_archive *a, size_t x, size_t y) {
    if (a->violation[x] != a->violation[y])
        return a->violation[x] < a->violation[y];
    if (isnan(a->score[x]) != isnan(a->score[y]))
        return isnan(a->score[y]);
    if (!isnan(a->score[x]) && a->score[x] != a->score[y])
        return a->score[x] > a->score[y];
    size_t stride = a->request->n_platforms;
    double sum_x = 0, sum_y = 0;
    for (size_t p = 0; p < stride; p++) {
        sum_x += a->latency[x * stride + p].latency_ms;
        sum_y += a->latency[y * stride + p].latency_ms;
    }
    if (sum_x != sum_y)
        return sum_x < sum_y;
    return x < y;
}

void search_archive_objectives(const search_archive *a, size_t row, double *objectives) {
    size_t stride = a->request->n_platforms;
    objectives[0] = -a->score[row];
    for (size_t p = 0; p < stride; p++)
        objectives[1 + p] = (float)a->latency[row * stride + p].latency_ms;
}
