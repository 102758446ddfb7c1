/* SPDX-License-Identifier: Apache-2.0 */
/* `gp`: the Gaussian process of gp_model.h as a predictor. Pre-training is what depends on the pool alone:
 * the sources' coefficients and what hyperparameters each of them would have needed. */
#include "predictor/gp_model.h"
#include "predictor/moments.h"
#include "predictor/predictor_internal.h"

#include "nn/nn.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { FORMS = 2 };

typedef struct gp_prior {
    gp_sources sources;
    double *like_pool, *like_table; /* [sources, GP_PARAMETERS], logarithms; like_table NaN without a table */
    double *table_error; /* [sources] mean square relative error of what the other sources' tables say */
    gp_frame frames[FORMS];
} gp_prior;

/* --- Pre-training --- */

static void free_prior(void *pointer) {
    gp_prior *prior = pointer;
    gp_sources_release(&prior->sources);
    maple_free(prior->like_pool);
    maple_free(prior->like_table);
    maple_free(prior->table_error);
    for (int form = 0; form < FORMS; form++)
        gp_frame_release(&prior->frames[form]);
    maple_free(prior);
}

static maple_status create_prior(const maple_space *space, size_t n, gp_prior **out, maple_error *error) {
    gp_prior *prior = maple_alloc(1, sizeof *prior);
    if (!prior)
        return maple_error_memory(error);
    prior->like_pool = maple_alloc(n, GP_PARAMETERS * sizeof(double));
    prior->like_table = maple_alloc(n, GP_PARAMETERS * sizeof(double));
    prior->table_error = maple_alloc(n, sizeof(double));
    bool fine = prior->like_pool && prior->like_table && prior->table_error;
    maple_status status = fine ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = gp_sources_create(space, n, &prior->sources, error);
    for (int form = 0; form < FORMS && status == MAPLE_OK; form++)
        status = gp_frame_create(space, (maple_graph_form)form, &prior->frames[form], error);
    if (status == MAPLE_OK)
        *out = prior;
    else
        free_prior(prior);
    return status;
}

typedef struct trainer {
    const maple_fit_request *request;
    gp_prior *prior;
    size_t *rows; /* [sources] of pool->platforms */
    bool *use;    /* [sources] */
    maple_arch *archs;
    double *latency_ms; /* [training rows] */
    double *scratch;    /* [features + 1 + 2 MAPLE_DRAWN_ARCHS] */
} trainer;

static const maple_dataset_platform *source_at(const trainer *t, size_t s) {
    return &t->request->pool->platforms[t->rows[s]];
}

/* The sources of other families (other sources, where there is only one family). */
static void choose_others(const trainer *t, size_t s) {
    const char *family = source_at(t, s)->platform.family;
    size_t n = t->prior->sources.n;
    bool others = false;
    for (size_t o = 0; o < n; o++)
        others |= t->use[o] = strcmp(source_at(t, o)->platform.family, family) != 0;
    for (size_t o = 0; o < n && !others; o++)
        t->use[o] = o != s || n == 1;
}

/* Mean square of log(prediction / latency) over the drawn architectures, both linear in their features. */
static double table_error(const gp_view *view, const gp_sources *sources, size_t s, double *scratch) {
    const gp_frame *frame = view->frame;
    size_t width = frame->k + 1, n = 0;
    double square = 0, *c = scratch, *known = c + width, *predicted = known + frame->n_drawn;
    gp_frame_enter(frame, sources->coefficients[frame->graph] + s * width, c);
    gp_frame_apply(frame, frame->drawn, c, known);
    gp_frame_apply(frame, frame->drawn, view->table, predicted);
    for (size_t i = 0; i < frame->n_drawn; i++) {
        if (!(known[i] > 0) || !(predicted[i] > 0))
            continue; /* far below what a linear model can say */
        double off = log(predicted[i] * view->table_ms / (known[i] * sources->level_ms[s]));
        square += off * off;
        n++;
    }
    return square / (double)n;
}

/* What source s would have needed to be predicted from the others. */
static maple_status learn(const trainer *t, size_t s, maple_error *error) {
    gp_prior *prior = t->prior;
    const gp_frame *frame = &prior->frames[source_at(t, s)->platform.graph];
    const double *operator_ms = prior->sources.operator_ms + s * prior->sources.operators;
    double *like_table = prior->like_table + s * GP_PARAMETERS;
    uint64_t seed = t->request->seed + s;
    gp_view view;
    choose_others(t, s);
    maple_status status = gp_view_create(frame, &prior->sources, t->use, operator_ms, &view, error);
    if (status != MAPLE_OK)
        return status;
    size_t n = gp_source_rows(t->request, t->rows[s], t->archs, t->latency_ms);
    status = gp_learn(&view, GP_LIKE_POOL, t->archs, t->latency_ms, n, seed,
                      prior->like_pool + s * GP_PARAMETERS, error);
    for (int p = 0; p < GP_PARAMETERS; p++)
        like_table[p] = NAN;
    prior->table_error[s] = NAN;
    bool tried = view.table && !t->use[s]; /* on a table of its own a source says nothing */
    if (status == MAPLE_OK && tried)
        prior->table_error[s] = table_error(&view, &prior->sources, s, t->scratch);
    if (status == MAPLE_OK && tried)
        status = gp_learn(&view, GP_LIKE_TABLE, t->archs, t->latency_ms, n, seed, like_table, error);
    gp_view_release(&view);
    return status;
}

static maple_status train(trainer *t, maple_error *error) {
    const maple_fit_request *request = t->request;
    gp_prior *prior = t->prior;
    size_t n = prior->sources.n;
    maple_status status = MAPLE_OK;
    for (size_t s = 0; s < n && status == MAPLE_OK; s++)
        status = gp_sources_learn(&prior->sources, s, request, prior->frames, t->rows[s], error);
    for (size_t s = 0; s < n && status == MAPLE_OK; s++) {
        status = learn(t, s, error);
        if (status == MAPLE_OK && maple_is_cancelled(request->hooks))
            status =
                maple_error_set(error, MAPLE_INTERRUPTED, "cancelled after %zu of %zu sources", s + 1, n);
    }
    return status;
}

static maple_status pretrain(const maple_fit_request *request, const double *options, void **out,
                             maple_error *error) {
    (void)options;
    size_t rows = maple_train_rows(request), n = 0;
    trainer t = {.request = request,
                 .rows = maple_alloc(request->n_sources, sizeof *t.rows),
                 .use = maple_alloc(request->n_sources, sizeof *t.use),
                 .archs = maple_alloc(rows, sizeof *t.archs),
                 .latency_ms = maple_alloc(rows, sizeof *t.latency_ms),
                 .scratch = maple_alloc(maple_space_features(request->space) + 1 + 2 * MAPLE_DRAWN_ARCHS,
                                        sizeof *t.scratch)};
    bool fine = t.rows && t.use && t.archs && t.latency_ms && t.scratch;
    maple_status status = fine ? maple_keep_sources(request, t.rows, &n, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = create_prior(request->space, n, &t.prior, error);
    if (status == MAPLE_OK)
        status = train(&t, error);
    if (status == MAPLE_OK)
        *out = t.prior;
    else if (t.prior)
        free_prior(t.prior);
    maple_free(t.rows);
    maple_free(t.use);
    maple_free(t.archs);
    maple_free(t.latency_ms);
    maple_free(t.scratch);
    return status;
}

typedef struct prior_tensor {
    const char *name;
    size_t columns; /* 0: a vector */
    double *data;
} prior_tensor;

enum { PRIOR_TENSORS = 8 };

static void list_tensors(const gp_prior *prior, prior_tensor list[PRIOR_TENSORS]) {
    const gp_sources *s = &prior->sources;
    list[0] = (prior_tensor){"pruned", prior->frames[0].k + 1, s->coefficients[MAPLE_GRAPH_PRUNED]};
    list[6] = (prior_tensor){"as_written", prior->frames[0].k + 1, s->coefficients[MAPLE_GRAPH_AS_WRITTEN]};
    list[1] = (prior_tensor){"level_ms", 0, s->level_ms};
    list[2] = (prior_tensor){"operator_ms", s->operators, s->operator_ms};
    list[3] = (prior_tensor){"like_pool", GP_PARAMETERS, prior->like_pool};
    list[7] = (prior_tensor){"table_error", 0, prior->table_error};
    list[5] = (prior_tensor){"graph", 0, s->graph};
    list[4] = (prior_tensor){"like_table", GP_PARAMETERS, prior->like_table};
}

static maple_status save_prior(const void *prior, maple_tensors *tensors, maple_error *error) {
    prior_tensor list[PRIOR_TENSORS];
    list_tensors(prior, list);
    maple_status status = MAPLE_OK;
    for (int i = 0; i < PRIOR_TENSORS && status == MAPLE_OK; i++)
        status = maple_tensors_add(tensors, list[i].name, MAPLE_F64, ((const gp_prior *)prior)->sources.n,
                                   list[i].columns, list[i].data, error);
    return status;
}

/* What would lead outside of arrays. */
static maple_status check_prior(const gp_prior *prior, maple_error *error) {
    const gp_sources *s = &prior->sources;
    if (s->n == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "level_ms is empty: at least one source is needed");
    for (size_t d = 0; d < s->n; d++)
        if (s->graph[d] != MAPLE_GRAPH_PRUNED && s->graph[d] != MAPLE_GRAPH_AS_WRITTEN)
            return maple_error_set(error, MAPLE_BAD_INPUT, "graph of source %zu is %g, expected %d or %d", d,
                                   s->graph[d], MAPLE_GRAPH_PRUNED, MAPLE_GRAPH_AS_WRITTEN);
    return MAPLE_OK;
}

static maple_status load_prior(const maple_tensors *tensors, const maple_space *space, void **out,
                               maple_error *error) {
    const void *data;
    size_t n;
    gp_prior *prior = NULL;
    prior_tensor list[PRIOR_TENSORS];
    maple_status status =
        maple_tensors_get(tensors, "level_ms", MAPLE_F64, MAPLE_ANY_ROWS, 0, &data, &n, error);
    if (status == MAPLE_OK)
        status = create_prior(space, n, &prior, error);
    if (status != MAPLE_OK)
        return status;
    list_tensors(prior, list);
    for (int i = 0; i < PRIOR_TENSORS && status == MAPLE_OK; i++) {
        status = maple_tensors_get(tensors, list[i].name, MAPLE_F64, n, list[i].columns, &data, NULL, error);
        if (status == MAPLE_OK)
            memcpy(list[i].data, data, n * (list[i].columns ? list[i].columns : 1) * sizeof(double));
    }
    if (status == MAPLE_OK)
        status = check_prior(prior, error);
    if (status == MAPLE_OK)
        *out = prior;
    else
        free_prior(prior);
    return status;
}

/* --- Adaptation --- */

static void free_model(void *state) {
    gp_posterior_release(state);
    maple_free(state);
}

/* So many are named; of a large table hundreds may be left out. */
enum { OUTLIERS_NAMED = 5 };

static void tell_of_outliers(const maple_fit_request *request, const bool *out) {
    const maple_target *target = &request->target;
    size_t found = 0;
    for (size_t i = 0; i < target->n_samples; i++) {
        if (!out[i])
            continue;
        if (request->left_out) {
            request->left_out[i] = true;
            continue;
        }
        if (found++ >= OUTLIERS_NAMED)
            continue;
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(request->space, &target->archs[i], text);
        maple_log(request->hooks, MAPLE_LOG_WARNING,
                  "sample %s: %.4g ms does not fit with the other samples: left out", text,
                  target->latency_ms[i]);
    }
    if (found > OUTLIERS_NAMED)
        maple_log(request->hooks, MAPLE_LOG_WARNING,
                  "and %zu more: in all %zu of %zu samples do not fit with the others and are left out",
                  found - OUTLIERS_NAMED, found, target->n_samples);
}

/* The hypotheses for a target with or without a table; without samples the table says all. */
static maple_status list_hypotheses(const gp_prior *prior, const gp_samples *samples, gp_hypothesis **out,
                                    size_t *n, maple_error *error) {
    bool has_table = samples->view->table;
    size_t sources = prior->sources.n, tables = 0;
    double *table = maple_alloc(sources, GP_PARAMETERS * sizeof *table);
    if (!table)
        return maple_error_memory(error);
    for (size_t s = 0; s < sources && has_table; s++)
        if (!isnan(prior->like_table[s * GP_PARAMETERS]))
            memcpy(table + tables++ * GP_PARAMETERS, prior->like_table + s * GP_PARAMETERS,
                   GP_PARAMETERS * sizeof *table);
    maple_status status =
        gp_hypotheses_create(samples->view, prior->like_pool, sources, tables > 0 ? table : NULL, tables,
                             samples->n == 0, out, n, error);
    maple_free(table);
    return status;
}

static maple_status condition(const gp_prior *prior, const maple_fit_request *request, gp_samples *samples,
                              gp_posterior *out, maple_error *error) {
    size_t n = request->target.n_samples, n_h = 0;
    gp_hypothesis *hypotheses = NULL;
    maple_status status = list_hypotheses(prior, samples, &hypotheses, &n_h, error);
    double *weight = maple_alloc(n_h, sizeof *weight);
    bool *outlier = maple_alloc(n, sizeof *outlier);
    if (status == MAPLE_OK && !(weight && outlier))
        status = maple_error_memory(error);
    nn_blas_enter();
    if (status == MAPLE_OK)
        status = gp_weigh(samples, hypotheses, n_h, weight, outlier, error);
    if (status == MAPLE_OK)
        status = gp_posterior_create(samples, hypotheses, weight, n_h, out, error);
    nn_blas_leave();
    if (status == MAPLE_OK)
        tell_of_outliers(request, outlier);
    maple_free(hypotheses);
    maple_free(weight);
    maple_free(outlier);
    return status;
}

/* What is known of the target's coefficients, in the coordinates of its frame; without samples what the prior
 * says, in units of the level. *level_ms (NULL allowed) is that of its table, NaN where it has none. */
static maple_status believe(const gp_prior *prior, const maple_fit_request *request, gp_posterior *out,
                            double *level_ms, maple_error *error) {
    const maple_target *target = &request->target;
    gp_view view = {0};
    gp_samples samples = {0};
    maple_status status = gp_view_create(&prior->frames[target->graph], &prior->sources, NULL,
                                         target->operator_ms, &view, error);
    if (status == MAPLE_OK)
        status =
            gp_samples_create(&view, target->archs, target->latency_ms, target->n_samples, &samples, error);
    if (status == MAPLE_OK)
        status = condition(prior, request, &samples, out, error);
    if (status == MAPLE_OK && level_ms)
        *level_ms = view.table ? view.table_ms : NAN;
    gp_samples_release(&samples);
    gp_view_release(&view);
    return status;
}

/* Without samples: milliseconds by the table's level, and as uncertain as the sources' tables were wrong. */
static maple_status set_level(const gp_prior *prior, gp_posterior *model, double level_ms,
                              maple_error *error) {
    size_t width = model->k + 1, n = 0;
    double square = 0;
    for (size_t s = 0; s < prior->sources.n; s++) {
        if (isnan(prior->table_error[s]))
            continue;
        square += prior->table_error[s];
        n++;
    }
    if (isnan(level_ms) || n == 0)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "nothing was measured on the target: no network, and no operators that sources "
            "of more than one kind have measured, too; measure some networks (maple measure) "
            "or the operators (maple profile)");
    for (size_t i = 0; i < width; i++)
        model->mean[i] *= level_ms;
    memset(model->covariance, 0, width * width * sizeof *model->covariance);
    model->noise = square / (double)n * (1 + 2 / (double)n); /* of few: Student's variance */
    model->constant = 0;
    model->least_ms = 0;
    model->floor_ms = level_ms / 100;
    return MAPLE_OK;
}

static maple_status adapt(const void *prior, const maple_fit_request *request, const double *options,
                          void **state, maple_error *error) {
    (void)options;
    double level_ms;
    gp_posterior *model = maple_alloc(1, sizeof *model);
    maple_status status =
        model ? believe(prior, request, model, &level_ms, error) : maple_error_memory(error);
    if (status == MAPLE_OK && request->target.n_samples == 0)
        status = set_level(prior, model, level_ms, error);
    if (status == MAPLE_OK) {
        gp_posterior_leave(&((const gp_prior *)prior)->frames[request->target.graph], model);
        *state = model;
    } else if (model) {
        free_model(model);
    }
    return status;
}

static maple_status suggest(const void *pointer, const maple_fit_request *request, const double *options,
                            const maple_arch *candidates, size_t n_candidates, size_t n, double width,
                            size_t *chosen, double *widths, size_t *n_chosen, maple_error *error) {
    (void)options;
    const gp_prior *prior = pointer;
    gp_posterior belief;
    maple_status status = believe(prior, request, &belief, NULL, error);
    if (status != MAPLE_OK)
        return status;
    status = gp_choose(&prior->frames[request->target.graph], &belief, candidates, n_candidates, n, width,
                       chosen, widths, n_chosen, error);
    gp_posterior_release(&belief);
    return status;
}

/* --- Prediction --- */

enum { BLOCK = 256 };

static maple_status predict_rows(const gp_posterior *model, const maple_model_context *context,
                                 const maple_arch *archs, size_t n, double *latency_ms, double *lower_ms,
                                 double *upper_ms, maple_error *error) {
    static const double NORMAL90 = 1.6448536269514722;
    size_t width = model->k + 1, most = n < BLOCK ? n : BLOCK;
    double *x = maple_alloc(most * width, sizeof *x),
           *s = maple_alloc(lower_ms ? most * width : 1, sizeof *s);
    maple_status status = x && s ? MAPLE_OK : maple_error_memory(error);
    nn_blas_enter();
    for (size_t start = 0; start < n && status == MAPLE_OK; start += BLOCK) {
        size_t rows = n - start < BLOCK ? n - start : BLOCK;
        for (size_t i = 0; i < rows; i++) {
            maple_space_feature_values(context->space, &archs[start + i], x + i * width);
            x[i * width + model->k] = 1;
        }
        int m = (int)rows, k = (int)width;
        cblas_dgemv(CblasRowMajor, CblasNoTrans, m, k, 1, x, k, model->mean, 1, 0, latency_ms + start, 1);
        if (lower_ms)
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, k, k, 1, x, k, model->covariance, k, 0,
                        s, k);
        for (size_t i = 0; i < rows; i++) {
            double *ms = &latency_ms[start + i];
            *ms = fmax(*ms, model->floor_ms);
            if (!lower_ms)
                continue;
            double variance = cblas_ddot(k, x + i * width, 1, s + i * width, 1);
            double sd = sqrt(fmax(variance, 0) + gp_noise_variance(model, *ms));
            lower_ms[start + i] = fmax(*ms - NORMAL90 * sd, model->floor_ms);
            upper_ms[start + i] = *ms + NORMAL90 * sd;
        }
    }
    nn_blas_leave();
    maple_free(x);
    maple_free(s);
    return status;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    return predict_rows(state, context, archs, n, latency_ms, NULL, NULL, error);
}

static maple_status intervals(const void *state, const maple_model_context *context, const maple_arch *archs,
                              size_t n, double *latency_ms, double *lower_ms, double *upper_ms,
                              maple_error *error) {
    return predict_rows(state, context, archs, n, latency_ms, lower_ms, upper_ms, error);
}

/* --- Files --- */

enum { SCALARS = 4 };

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    const gp_posterior *model = state;
    size_t width = model->k + 1;
    double scalars[SCALARS] = {model->noise, model->constant, model->least_ms, model->floor_ms};
    maple_status status = maple_tensors_add(tensors, "mean", MAPLE_F64, width, 0, model->mean, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "covariance", MAPLE_F64, width, width, model->covariance, error);
    return status == MAPLE_OK ? maple_tensors_add(tensors, "noise", MAPLE_F64, SCALARS, 0, scalars, error)
                              : status;
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    size_t k = maple_space_features(context->space), width = k + 1;
    const void *mean, *covariance, *scalars;
    maple_status status = maple_tensors_get(tensors, "mean", MAPLE_F64, width, 0, &mean, NULL, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, "covariance", MAPLE_F64, width, width, &covariance, NULL, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, "noise", MAPLE_F64, SCALARS, 0, &scalars, NULL, error);
    if (status != MAPLE_OK)
        return status;
    gp_posterior *model = maple_alloc(1, sizeof *model);
    double s[SCALARS];
    memcpy(s, scalars, sizeof s);
    if (model)
        *model = (gp_posterior){.k = k,
                                .mean = maple_alloc(width, sizeof(double)),
                                .covariance = maple_alloc(width * width, sizeof(double)),
                                .noise = s[0],
                                .constant = s[1],
                                .least_ms = s[2],
                                .floor_ms = s[3]};
    if (!model || !model->mean || !model->covariance) {
        if (model)
            free_model(model);
        return maple_error_memory(error);
    }
    memcpy(model->mean, mean, width * sizeof(double));
    memcpy(model->covariance, covariance, width * width * sizeof(double));
    *state = model;
    return MAPLE_OK;
}

const maple_predictor_vtable maple_predictor_gp = {
    .info = {.name = "gp",
             .description = "Gaussian process: what the sources differ in, and structured features",
             .needs_pool = true,
             .pretrains = true,
             .min_samples = 0,
             .intervals = true,
             .suggests = true},
    .predict = predict,
    .intervals = intervals,
    .save = save,
    .load = load,
    .free_state = free_model,
    .pretrain = pretrain,
    .adapt = adapt,
    .suggest = suggest,
    .save_prior = save_prior,
    .load_prior = load_prior,
    .free_prior = free_prior,
};
