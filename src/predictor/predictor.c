/* SPDX-License-Identifier: Apache-2.0 */
/* What all predictors share: fitting, degenerate architectures, model files. */
#include "space/arch_index.h"
#include "predictor/lut_table.h"
#include "predictor/predictor_internal.h"

#include <math.h>
#include <string.h>

static const char *const FORMAT = "maple-predictor";
static const char *const FORMAT_VERSION = "2";

/* --- Fitting --- */

maple_status maple_predictor_create(const maple_predictor_vtable *vtable, const maple_fit_request *request,
                                    const char *options, maple_predictor **out, maple_error *error) {
    maple_predictor *predictor = maple_alloc(1, sizeof *predictor);
    char *copy = maple_strdup(options);
    if (!predictor || !copy) {
        maple_free(predictor);
        maple_free(copy);
        return maple_error_memory(error);
    }
    *predictor = (maple_predictor){.vtable = vtable,
                                   .context = {.space = request->space, .graph = request->target.graph},
                                   .options = copy};
    *out = predictor;
    return MAPLE_OK;
}

/* As maple_predictor_references: whether the target has a look-up table is decided here. */
static int references_used(const maple_predictor_vtable *vtable, const double *values,
                           const maple_space *space, const maple_target *target) {
    if (!vtable->wants_references)
        return vtable->info.references;
    maple_lut table;
    bool has_table = target->operator_ms &&
                     maple_lut_init(&table, space, target->graph, target->operator_ms, NULL) == MAPLE_OK;
    return vtable->wants_references(values, has_table) ? vtable->info.references : 0;
}

maple_status maple_show_target(const maple_predictor_vtable *vtable, const double *values,
                               maple_fit_request *request, maple_arch **archs, maple_error *error) {
    maple_target *target = &request->target;
    maple_arch *executed = maple_alloc(target->n_samples, sizeof *executed);
    if (!executed)
        return maple_error_memory(error);
    for (size_t i = 0; i < target->n_samples; i++)
        executed[i] = maple_space_canonical(request->space, target->graph, &target->archs[i]);
    *archs = executed;
    target->archs = executed;
    if (!vtable->info.oracle)
        target->oracle_ms = NULL;
    if (references_used(vtable, values, request->space, target) == 0)
        target->reference_ms = NULL;
    return MAPLE_OK;
}

static maple_status fit_in_one_step(const maple_predictor_vtable *vtable, const maple_fit_request *request,
                                    const double *values, maple_predictor **out, maple_error *error) {
    maple_text options = {0};
    maple_options_format(vtable, values, &options);
    maple_predictor *predictor = NULL;
    maple_status status = options.failed
                              ? maple_error_memory(error)
                              : maple_predictor_create(vtable, request, options.data, &predictor, error);
    maple_text_free(&options);
    if (status != MAPLE_OK)
        return status;
    maple_fit_request seen = *request;
    maple_arch *archs = NULL;
    status = maple_show_target(vtable, values, &seen, &archs, error);
    if (status == MAPLE_OK)
        status = vtable->fit(&seen, values, &predictor->state, error);
    maple_free(archs);
    if (status == MAPLE_OK)
        *out = predictor;
    else
        maple_predictor_free(predictor);
    return status;
}

static maple_status fit_in_two_steps(const char *name, const maple_fit_request *request,
                                     maple_predictor **out, maple_error *error) {
    maple_pretrained *pretrained = NULL;
    maple_status status = maple_predictor_pretrain(name, request, &pretrained, error);
    if (status == MAPLE_OK)
        status = maple_pretrained_adapt(pretrained, request, out, error);
    maple_pretrained_free(pretrained);
    return status;
}

maple_status maple_predictor_check(const maple_predictor_vtable *vtable, const maple_fit_request *request,
                                   double *values, maple_error *error) {
    maple_status status = maple_options_parse(vtable, request->options, values, error);
    if (status == MAPLE_OK)
        status = maple_check_target(&vtable->info, request, error);
    return status == MAPLE_OK ? maple_check_pool(&vtable->info, request, error) : status;
}

maple_status maple_predictor_fit(const char *name, const maple_fit_request *request, maple_predictor **out,
                                 maple_error *error) {
    const maple_predictor_vtable *vtable;
    double values[MAPLE_MAX_OPTIONS];
    maple_status status = maple_predictor_find_vtable(name, &vtable, error);
    if (status == MAPLE_OK) /* before a pre-training that may take long */
        status = maple_predictor_check(vtable, request, values, error);
    if (status != MAPLE_OK)
        return status;
    return vtable->pretrain ? fit_in_two_steps(name, request, out, error)
                            : fit_in_one_step(vtable, request, values, out, error);
}

maple_status maple_predictor_references(const char *name, const char *options, const maple_space *space,
                                        const maple_target *target, int *out, maple_error *error) {
    const maple_predictor_vtable *vtable;
    double values[MAPLE_MAX_OPTIONS];
    maple_status status = maple_predictor_find_vtable(name, &vtable, error);
    if (status == MAPLE_OK)
        status = maple_options_parse(vtable, options, values, error);
    if (status == MAPLE_OK)
        *out = references_used(vtable, values, space, target);
    return status;
}

/* --- Prediction --- */

/* Architectures that run the same graph get one prediction: place[i] is that of archs[i] among the different
 * ones, SIZE_MAX for a degenerate one. */
static void find_distinct(const maple_model_context *context, const maple_arch *archs, size_t n,
                          size_t *place, maple_arch_index *distinct) {
    for (size_t i = 0; i < n; i++) {
        bool runs =
            context->graph != MAPLE_GRAPH_PRUNED || !maple_space_degenerate(context->space, &archs[i]);
        maple_arch arch = maple_space_canonical(context->space, context->graph, &archs[i]);
        place[i] = runs ? maple_arch_index_add(distinct, &arch) : SIZE_MAX;
    }
}

/* Of different architectures, as maple_predictor_intervals; bounds NULL: without them. */
static maple_status predict_distinct(const maple_predictor *predictor, const maple_arch_index *distinct,
                                     double *latency_ms, double *lower_ms, double *upper_ms,
                                     maple_error *error) {
    const maple_predictor_vtable *vtable = predictor->vtable;
    const maple_model_context *context = &predictor->context;
    if (lower_ms && vtable->intervals)
        return vtable->intervals(predictor->state, context, distinct->archs, distinct->n, latency_ms,
                                 lower_ms, upper_ms, error);
    for (size_t i = 0; lower_ms && i < distinct->n; i++)
        lower_ms[i] = upper_ms[i] = NAN;
    return vtable->predict(predictor->state, context, distinct->archs, distinct->n, latency_ms, error);
}

/* Each out[c][n], or NULL: latency_ms, lower_ms, upper_ms. */
static maple_status predict_columns(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                                    double *const out[3], maple_error *error) {
    maple_arch_index distinct;
    maple_status status = maple_arch_index_create(predictor->context.space, n, &distinct, error);
    if (status != MAPLE_OK)
        return status;
    size_t *place = maple_alloc(n, sizeof *place);
    double *predicted[3] = {NULL};
    bool fine = place != NULL;
    for (int c = 0; c < 3; c++)
        fine = (!out[c] || (predicted[c] = maple_alloc(n, sizeof **predicted))) && fine;
    if (!fine) {
        status = maple_error_memory(error);
        goto done;
    }
    find_distinct(&predictor->context, archs, n, place, &distinct);
    status = predict_distinct(predictor, &distinct, predicted[0], predicted[1], predicted[2], error);
    if (status != MAPLE_OK)
        goto done;
    for (int c = 0; c < 3; c++)
        for (size_t i = 0; out[c] && i < n; i++)
            out[c][i] = place[i] == SIZE_MAX ? NAN : predicted[c][place[i]];
done:
    maple_free(place);
    for (int c = 0; c < 3; c++)
        maple_free(predicted[c]);
    maple_arch_index_release(&distinct);
    return status;
}

maple_status maple_predictor_predict(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                                     double *latency_ms, maple_error *error) {
    return predict_columns(predictor, archs, n, (double *const[]){latency_ms, NULL, NULL}, error);
}

maple_status maple_predictor_intervals(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                                       double *latency_ms, double *lower_ms, double *upper_ms,
                                       maple_error *error) {
    return predict_columns(predictor, archs, n, (double *const[]){latency_ms, lower_ms, upper_ms}, error);
}

const maple_predictor_info *maple_predictor_describe(const maple_predictor *predictor) {
    return &predictor->vtable->info;
}

const maple_space *maple_predictor_space(const maple_predictor *predictor) {
    return predictor->context.space;
}

maple_graph_form maple_predictor_graph(const maple_predictor *predictor) {
    return predictor->context.graph;
}

void maple_predictor_free(maple_predictor *predictor) {
    if (!predictor)
        return;
    if (predictor->state)
        predictor->vtable->free_state(predictor->state);
    maple_free(predictor->options);
    maple_free(predictor);
}

/* --- Model files --- */

maple_status maple_model_add_identity(maple_tensors *tensors, const char *format,
                                      const maple_model_identity *identity, maple_error *error) {
    const char *const texts[][2] = {
        {"format", format},
        {"format_version", FORMAT_VERSION},
        {"predictor", identity->vtable->info.name},
        {"space", maple_space_name(identity->space)},
        {"options", identity->options},
    };
    maple_status status = MAPLE_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && status == MAPLE_OK; i++)
        status = maple_tensors_add_text(tensors, texts[i][0], texts[i][1], error);
    return status;
}

maple_status maple_model_identify(const maple_tensors *tensors, const char *format, maple_model_identity *out,
                                  maple_error *error) {
    static const char *const NAMES[] = {"format", "format_version", "predictor", "space", "options"};
    const char *texts[sizeof NAMES / sizeof *NAMES];
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        maple_status status = maple_tensors_text(tensors, NAMES[i], &texts[i], error);
        if (status != MAPLE_OK)
            return status;
    }
    const char *path = maple_tensors_path(tensors);
    if (strcmp(texts[0], format) != 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: format '%.40s', expected '%s'", path, texts[0],
                               format);
    if (strcmp(texts[1], FORMAT_VERSION) != 0)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: format version '%.40s', this program reads version %s: fit and save the "
                               "model again",
                               path, texts[1], FORMAT_VERSION);
    if (!maple_tensors_checked(tensors))
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: has no checksum where maple writes one: the file is damaged, or another "
                               "program has written it; restore a copy, or fit and save the model again",
                               path);
    if (maple_predictor_find_vtable(texts[2], &out->vtable, error) != MAPLE_OK ||
        maple_space_find(texts[3], &out->space, error) != MAPLE_OK)
        return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s", path);
    out->options = texts[4];
    return MAPLE_OK;
}

maple_status maple_predictor_save(const maple_predictor *predictor, const char *platform, const char *path,
                                  maple_error *error) {
    maple_tensors *tensors = maple_tensors_create();
    if (!tensors)
        return maple_error_memory(error);
    maple_model_identity identity = {predictor->vtable, predictor->context.space, predictor->options};
    maple_status status = maple_model_add_identity(tensors, FORMAT, &identity, error);
    if (status == MAPLE_OK)
        status =
            maple_tensors_add_text(tensors, "graph", maple_graph_form_name(predictor->context.graph), error);
    if (status == MAPLE_OK)
        status = maple_tensors_add_text(tensors, "platform", platform ? platform : "", error);
    if (status == MAPLE_OK)
        status = predictor->vtable->save(predictor->state, tensors, error);
    if (status == MAPLE_OK)
        status = maple_tensors_write(tensors, path, error);
    maple_tensors_free(tensors);
    return status;
}

static maple_status read_identity(const maple_tensors *tensors, maple_predictor *predictor,
                                  maple_error *error) {
    maple_model_identity identity;
    const char *graph;
    maple_status status = maple_model_identify(tensors, FORMAT, &identity, error);
    if (status == MAPLE_OK)
        status = maple_tensors_text(tensors, "graph", &graph, error);
    if (status != MAPLE_OK)
        return status;
    if (maple_graph_form_parse(graph, &predictor->context.graph, error) != MAPLE_OK)
        return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s", maple_tensors_path(tensors));
    predictor->vtable = identity.vtable;
    predictor->context.space = identity.space;
    predictor->options = maple_strdup(identity.options);
    return predictor->options ? MAPLE_OK : maple_error_memory(error);
}

maple_status maple_predictor_load(const char *path, maple_predictor **out, char **platform,
                                  maple_error *error) {
    maple_tensors *tensors = NULL;
    char *name = NULL;
    maple_status status = maple_tensors_read(path, &tensors, error);
    if (status != MAPLE_OK)
        return status;
    maple_predictor *predictor = maple_alloc(1, sizeof *predictor);
    if (!predictor) {
        status = maple_error_memory(error);
        goto done;
    }
    status = read_identity(tensors, predictor, error);
    const char *text = NULL;
    if (status == MAPLE_OK)
        status = maple_tensors_text(tensors, "platform", &text, error);
    if (status == MAPLE_OK)
        status = predictor->vtable->load(tensors, &predictor->context, &predictor->state, error);
    if (status == MAPLE_OK && platform) {
        name = maple_strdup(text);
        status = name ? MAPLE_OK : maple_error_memory(error);
    }
done:
    maple_tensors_free(tensors);
    if (status != MAPLE_OK) {
        maple_predictor_free(predictor);
        return status;
    }
    if (platform)
        *platform = name;
    *out = predictor;
    return MAPLE_OK;
}
