/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting in two steps: the pool once, then each target. */
#include "predictor/pretrained.h"
#include "nn/nn.h"
#include "predictor/predictor_internal.h"
#include "space/arch_index.h"

#include <math.h>
#include <string.h>

static const char *const FORMAT = "maple-pretrained";

struct maple_pretrained {
    const maple_predictor_vtable *vtable;
    const maple_space *space;
    double values[MAPLE_MAX_OPTIONS];
    char *options; /* as text, all of them */
    void *prior;
};

void maple_pretrained_free(maple_pretrained *pretrained) {
    if (!pretrained)
        return;
    if (pretrained->prior)
        pretrained->vtable->free_prior(pretrained->prior);
    maple_free(pretrained->options);
    maple_free(pretrained);
}

/* Everything but the prior. */
static maple_status create(const maple_predictor_vtable *vtable, const maple_space *space,
                           const char *options, maple_pretrained **out, maple_error *error) {
    if (!vtable->pretrain)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "predictor %s is not pre-trained: it is fitted for each target",
                               vtable->info.name);
    maple_pretrained *pretrained = maple_alloc(1, sizeof *pretrained);
    if (!pretrained)
        return maple_error_memory(error);
    pretrained->vtable = vtable;
    pretrained->space = space;
    maple_status status = maple_options_parse(vtable, options, pretrained->values, error);
    if (status == MAPLE_OK) {
        maple_text text = {0};
        maple_options_format(vtable, pretrained->values, &text);
        pretrained->options = text.data;
        status = text.failed ? maple_error_memory(error) : MAPLE_OK;
    }
    if (status == MAPLE_OK)
        *out = pretrained;
    else
        maple_pretrained_free(pretrained);
    return status;
}

maple_status maple_predictor_pretrain(const char *name, const maple_fit_request *request,
                                      maple_pretrained **out, maple_error *error) {
    const maple_predictor_vtable *vtable;
    maple_pretrained *pretrained = NULL;
    maple_status status = maple_predictor_find_vtable(name, &vtable, error);
    if (status == MAPLE_OK)
        status = create(vtable, request->space, request->options, &pretrained, error);
    if (status == MAPLE_OK)
        status = maple_check_pool(&vtable->info, request, error);
    if (status == MAPLE_OK) {
        maple_fit_request seen = *request;
        seen.target = (maple_target){0}; /* what is kept for many targets depends on none */
        nn_blas_enter();
        status = vtable->pretrain(&seen, pretrained->values, &pretrained->prior, error);
        nn_blas_leave();
    }
    if (status == MAPLE_OK)
        *out = pretrained;
    else
        maple_pretrained_free(pretrained);
    return status;
}

/* What a second step sees: the options and the training rows are those of the pre-training. */
static maple_status second_step(const maple_pretrained *pretrained, const maple_fit_request *request,
                                maple_fit_request *seen, maple_error *error) {
    if (request->space != pretrained->space)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "predictor %s was pre-trained on %s, the target is of %s",
                               pretrained->vtable->info.name, maple_space_name(pretrained->space),
                               maple_space_name(request->space));
    *seen = *request;
    seen->options = NULL;
    seen->train = NULL;
    seen->n_train = 0;
    return MAPLE_OK;
}

maple_status maple_pretrained_adapt(const maple_pretrained *pretrained, const maple_fit_request *request,
                                    maple_predictor **out, maple_error *error) {
    const maple_predictor_vtable *vtable = pretrained->vtable;
    maple_fit_request seen;
    maple_predictor *predictor = NULL;
    maple_status status = second_step(pretrained, request, &seen, error);
    if (status == MAPLE_OK)
        status = maple_check_target(&vtable->info, &seen, error);
    if (status == MAPLE_OK)
        status = maple_check_pool(&vtable->info, &seen, error);
    if (status == MAPLE_OK)
        status = maple_predictor_create(vtable, &seen, pretrained->options, &predictor, error);
    maple_arch *archs = NULL;
    if (status == MAPLE_OK)
        status = maple_show_target(vtable, pretrained->values, &seen, &archs, error);
    if (status == MAPLE_OK)
        status = vtable->adapt(pretrained->prior, &seen, pretrained->values, &predictor->state, error);
    maple_free(archs);
    if (status == MAPLE_OK)
        *out = predictor;
    else
        maple_predictor_free(predictor);
    return status;
}

/* --- What to measure next --- */

/* Those candidates that tell something new: one for each graph that runs and is no sample's. */
typedef struct candidates {
    maple_arch *archs; /* [n] canonical */
    size_t *place;     /* [n] in what the caller gave */
    size_t n;
} candidates;

static void free_candidates(candidates *c) {
    maple_free(c->archs);
    maple_free(c->place);
}

/* `request` has canonical samples. */
static maple_status find_candidates(const maple_fit_request *request, const maple_arch *archs, size_t n,
                                    candidates *out, maple_error *error) {
    const maple_space *space = request->space;
    const maple_target *target = &request->target;
    maple_arch_index known;
    maple_status status = maple_arch_index_create(space, n + target->n_samples, &known, error);
    if (status != MAPLE_OK)
        return status;
    candidates c = {maple_alloc(n, sizeof *c.archs), maple_alloc(n, sizeof *c.place), 0};
    if (!c.archs || !c.place) {
        free_candidates(&c);
        maple_arch_index_release(&known);
        return maple_error_memory(error);
    }
    for (size_t i = 0; i < target->n_samples; i++)
        maple_arch_index_add(&known, &target->archs[i]);
    for (size_t i = 0; i < n; i++) {
        if (target->graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(space, &archs[i]))
            continue;
        maple_arch arch = maple_space_canonical(space, target->graph, &archs[i]);
        size_t before = known.n;
        if (maple_arch_index_add(&known, &arch) < before)
            continue;
        c.archs[c.n] = arch;
        c.place[c.n++] = i;
    }
    maple_arch_index_release(&known);
    *out = c;
    return MAPLE_OK;
}

/* A target may be asked about before it has as many samples as a fit needs, or any. */
static maple_status check_suggest(const maple_pretrained *pretrained, const maple_fit_request *request,
                                  double width, maple_error *error) {
    maple_predictor_info info = pretrained->vtable->info;
    if (!info.suggests)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "predictor %s does not say what to measure next: its predictions have no "
                               "expected error",
                               info.name);
    if (!(isfinite(width) && width >= 0))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "an interval width of %g of the prediction: it is 0 or more", width);
    info.min_samples = 0;
    maple_status status = maple_check_target(&info, request, error);
    return status == MAPLE_OK ? maple_check_pool(&info, request, error) : status;
}

maple_status maple_pretrained_suggest(const maple_pretrained *pretrained, const maple_fit_request *request,
                                      const maple_arch *archs, size_t n_archs, size_t n, double width,
                                      size_t *chosen, double *widths, size_t *n_chosen, maple_error *error) {
    maple_fit_request seen;
    maple_arch *samples = NULL;
    candidates c = {0};
    *n_chosen = 0;
    maple_status status = second_step(pretrained, request, &seen, error);
    if (status == MAPLE_OK)
        status = check_suggest(pretrained, &seen, width, error);
    if (status == MAPLE_OK)
        status = maple_show_target(pretrained->vtable, pretrained->values, &seen, &samples, error);
    if (status == MAPLE_OK)
        status = find_candidates(&seen, archs, n_archs, &c, error);
    n = n < c.n ? n : c.n;
    if (status == MAPLE_OK && n > 0)
        status = pretrained->vtable->suggest(pretrained->prior, &seen, pretrained->values, c.archs, c.n, n,
                                             width, chosen, widths, n_chosen, error);
    for (size_t i = 0; status == MAPLE_OK && i < *n_chosen; i++)
        chosen[i] = c.place[chosen[i]];
    free_candidates(&c);
    maple_free(samples);
    return status;
}

/* --- Files --- */

/* Predictors that pre-train with one function, and so have the same options, share what they keep. */
static const maple_predictor_vtable *owner_of_prior(const maple_predictor_vtable *vtable) {
    const maple_predictor_vtable *other;
    for (size_t i = 0; (other = maple_predictor_vtable_at(i)); i++)
        if (other->pretrain == vtable->pretrain)
            return other;
    return vtable;
}

const char *maple_pretrained_kind(const maple_predictor_info *info) {
    const maple_predictor_vtable *vtable;
    if (!info->pretrains || maple_predictor_find_vtable(info->name, &vtable, NULL) != MAPLE_OK)
        return info->name;
    return owner_of_prior(vtable)->info.name;
}

static maple_status gather(const maple_pretrained *pretrained, const char *key, maple_tensors *tensors,
                           maple_error *error) {
    maple_model_identity identity = {pretrained->vtable, pretrained->space, pretrained->options};
    maple_status status = maple_model_add_identity(tensors, FORMAT, &identity, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add_text(tensors, "key", key, error);
    return status == MAPLE_OK ? pretrained->vtable->save_prior(pretrained->prior, tensors, error) : status;
}

maple_status maple_pretrained_encode(const maple_pretrained *pretrained, const char *key, uint8_t **file,
                                     size_t *bytes, maple_error *error) {
    maple_tensors *tensors = maple_tensors_create();
    if (!tensors)
        return maple_error_memory(error);
    maple_status status = gather(pretrained, key, tensors, error);
    if (status == MAPLE_OK)
        status = maple_tensors_encode(tensors, file, bytes, error);
    maple_tensors_free(tensors);
    return status;
}

maple_status maple_pretrained_save(const maple_pretrained *pretrained, const char *key, const char *path,
                                   maple_error *error) {
    uint8_t *file;
    size_t bytes;
    maple_status status = maple_pretrained_encode(pretrained, key, &file, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_write_file(path, file, bytes, error);
    maple_free(file);
    return status;
}

/* `name`: predictor that it is for; NULL: that which has saved it. */
static maple_status take_identity(const maple_tensors *tensors, const char *name, const char *key,
                                  maple_model_identity *out, maple_error *error) {
    const char *found, *path = maple_tensors_path(tensors);
    maple_status status = maple_model_identify(tensors, FORMAT, out, error);
    if (status == MAPLE_OK)
        status = maple_tensors_text(tensors, "key", &found, error);
    if (status != MAPLE_OK)
        return status;
    if (strcmp(found, key) != 0)
        return maple_error_set(error, MAPLE_NOT_FOUND, "%s: trained on '%.200s', wanted is '%.200s'", path,
                               found, key);
    const maple_predictor_vtable *saved_by = out->vtable;
    if (name)
        status = maple_predictor_find_vtable(name, &out->vtable, error);
    if (status == MAPLE_OK && out->vtable->pretrain != saved_by->pretrain)
        status = maple_error_set(error, MAPLE_NOT_FOUND, "%s: pre-trained for %s, wanted is %s", path,
                                 saved_by->info.name, name);
    return status;
}

static maple_status restore(const maple_tensors *tensors, const char *name, const char *key,
                            maple_pretrained **out, maple_error *error) {
    maple_model_identity identity;
    maple_pretrained *pretrained = NULL;
    maple_status status = take_identity(tensors, name, key, &identity, error);
    if (status != MAPLE_OK)
        return status;
    status = create(identity.vtable, identity.space, identity.options, &pretrained, error);
    if (status == MAPLE_BAD_ARGUMENT) /* of the file, not of the caller */
        return maple_error_prefix(error, MAPLE_BAD_INPUT, "%s", maple_tensors_path(tensors));
    if (status != MAPLE_OK)
        return status;
    status = pretrained->vtable->load_prior(tensors, pretrained->space, &pretrained->prior, error);
    if (status == MAPLE_OK)
        *out = pretrained;
    else
        maple_pretrained_free(pretrained);
    return status;
}

maple_status maple_pretrained_decode(const char *name, const char *where, const char *key, uint8_t *file,
                                     size_t bytes, maple_pretrained **out, maple_error *error) {
    maple_tensors *tensors = NULL;
    maple_status status = maple_tensors_decode(where, file, bytes, &tensors, error);
    if (status == MAPLE_OK)
        status = restore(tensors, name, key, out, error);
    maple_tensors_free(tensors);
    return status;
}

maple_status maple_pretrained_load(const char *path, const char *key, maple_pretrained **out,
                                   maple_error *error) {
    maple_tensors *tensors = NULL;
    maple_status status = maple_tensors_read(path, &tensors, error);
    if (status == MAPLE_OK)
        status = restore(tensors, NULL, key, out, error);
    maple_tensors_free(tensors);
    return status;
}
