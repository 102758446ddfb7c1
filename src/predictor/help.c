/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `help`: hardware-adaptive meta-learning (Lee, Lee, Chong, Hwang; NeurIPS 2021): a network that is given a
 * device by the latencies of ten reference architectures, meta-trained so that two gradient steps on a few
 * samples adapt it. docs/method.md has the equations and where this differs from the released code.
 */
#include "predictor/help_model.h"

#include <math.h>
#include <string.h>

static const maple_option OPTIONS[HELP_OPTIONS] = {
    /* 0: as published, 2,000 for cells and 4,000 for chains; 900 and 4,000 architectures of a source */
    [HELP_SOURCE_ARCHS] = {.name = "source_archs", .value = 0, .min = 0, .max = 1e9, .whole = true},
    [HELP_EPISODES] = {.name = "episodes", .value = 0, .min = 0, .max = 1e6, .whole = true},
    [HELP_TASKS] = {.name = "tasks", .value = 8, .min = 1, .max = 1000, .whole = true},
    [HELP_SUPPORT] = {.name = "support", .value = 10, .min = 1, .max = 10000, .whole = true},
    [HELP_QUERY] = {.name = "query", .value = 200, .min = 1, .max = 10000, .whole = true},
    [HELP_STEPS] = {.name = "inner_steps", .value = 2, .min = 0, .max = HELP_MAX_STEPS, .whole = true},
    [HELP_ORDER] = {.name = "order", .value = 0, .words = "second|first"},
    [HELP_META_RATE] = {.name = "meta_rate", .value = 1e-4, .min = 1e-8, .max = 1},
    [HELP_ALPHA] = {.name = "alpha", .value = 1e-3, .min = -1, .max = 1},
    [HELP_KL] = {.name = "kl", .value = 0.1, .min = 0, .max = 1000},
    [HELP_Z_SCALING] = {.name = "z_scaling", .value = 0.01, .min = 0, .max = 1},
    [HELP_WIDTH] = {.name = "width", .value = 100, .min = 1, .max = HELP_MAX_WIDTH, .whole = true},
    [HELP_MC] = {.name = "mc", .value = 10, .min = 1, .max = HELP_MAX_MC, .whole = true},
    [HELP_TRIM] = {.name = "trim", .value = 0.1, .min = 0, .max = 0.45},
    [HELP_LABELS] = {.name = "labels", .value = LABELS_REFERENCES, .words = "references|pool|log"},
    [HELP_DENORMALISE] = {.name = "denormalise", .value = DENORMALISE_ROBUST, .words = "robust|affine|range"},
    [HELP_REFERENCE_SAMPLES] = {.name = "reference_samples", .value = 0, .min = 0, .max = 1, .whole = true},
    [HELP_ENCODER] = {.name = "encoder", .value = ENCODER_AUTO, .words = "auto|bits"},
};

void help_free_prior(void *prior) {
    help_prior *p = prior;
    if (!p)
        return;
    maple_free(p->meta);
    maple_free(p);
}

void help_free_model(void *model) {
    help_model *m = model;
    if (!m)
        return;
    maple_free(m->theta);
    maple_free(m);
}

static maple_status pretrain(const maple_fit_request *request, const double *options, void **out,
                             maple_error *error) {
    help_prior *prior = maple_alloc(1, sizeof *prior);
    if (!prior)
        return maple_error_memory(error);
    help_trainer trainer = {.prior = prior};
    maple_status status = help_trainer_create(request, options, &trainer, error);
    if (status == MAPLE_OK)
        status = help_train(&trainer, request, error);
    help_trainer_release(&trainer);
    if (status == MAPLE_OK)
        *out = prior;
    else
        help_free_prior(prior);
    return status;
}

/* --- Prediction --- */

enum { BLOCK = 512 };

/* prediction[n]: the mean over the model's adapted networks. */
static maple_status run(const help_model *model, const maple_space *space, const maple_arch *archs, size_t n,
                        double *prediction, maple_error *error) {
    size_t capacity = n < BLOCK ? n : BLOCK, count = help_layout_of(&model->shape).parameters;
    if (n == 0)
        return MAPLE_OK;
    help_batch *batch = help_batch_create(space, &model->shape, capacity);
    help_work *work = help_work_create(space, &model->shape, capacity, false);
    maple_status status = batch && work ? MAPLE_OK : maple_error_memory(error);
    nn_blas_enter();
    for (size_t first = 0; first < n && status == MAPLE_OK; first += capacity) {
        size_t here = n - first < capacity ? n - first : capacity;
        help_batch_build(batch, archs + first, here);
        memset(prediction + first, 0, here * sizeof *prediction);
        for (size_t m = 0; m < model->mc; m++) {
            nn_dual theta = {.value = model->theta + m * count};
            nn_dual out = help_net_forward(&model->shape, theta, model->hardware, batch, work);
            for (size_t i = 0; i < here; i++)
                prediction[first + i] += (double)out.value[i] / (double)model->mc;
        }
    }
    nn_blas_leave();
    help_batch_free(batch);
    help_work_free(work);
    return status;
}

static maple_status predict(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error) {
    const help_model *model = state;
    maple_status status = run(model, context->space, archs, n, latency_ms, error);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++)
        latency_ms[i] = help_line_apply(&model->line, latency_ms[i]);
    return status;
}

/* --- Adapting --- */

/* What was measured on the target: the samples, then the references. */
typedef struct measured {
    size_t n, samples;
    maple_arch *archs;
    double *latency_ms, *prediction;
    float *label;
} measured;

static maple_status gather(const maple_fit_request *request, measured *all, maple_error *error) {
    const maple_target *target = &request->target;
    size_t most = target->n_samples + HELP_REFERENCES;
    *all = (measured){.n = target->n_samples, .samples = target->n_samples};
    all->archs = maple_alloc(most, sizeof *all->archs);
    all->latency_ms = maple_alloc(2 * most, sizeof *all->latency_ms);
    all->label = maple_alloc(most, sizeof *all->label);
    if (!all->archs || !all->latency_ms || !all->label)
        return maple_error_memory(error);
    all->prediction = all->latency_ms + most;
    for (size_t i = 0; i < all->n; i++) {
        all->archs[i] = target->archs[i];
        all->latency_ms[i] = target->latency_ms[i];
    }
    for (size_t i = 0; i < HELP_REFERENCES; i++) {
        maple_arch arch = maple_space_reference(request->space, i);
        if (isnan(target->reference_ms[i]))
            continue;
        all->archs[all->n] = maple_space_canonical(request->space, target->graph, &arch);
        all->latency_ms[all->n++] = target->reference_ms[i];
    }
    size_t known = all->n - all->samples;
    if (known < HELP_REFERENCES)
        maple_log(request->hooks, MAPLE_LOG_WARNING,
                  "the target has latencies of %zu of the %d reference architectures; for the others stands "
                  "the mean of the sources: measure them",
                  known, HELP_REFERENCES);
    return MAPLE_OK;
}

static void release(measured *all) {
    maple_free(all->archs);
    maple_free(all->latency_ms);
    maple_free(all->label);
}

/* Of `pool` the target has nothing but samples; the range of a few random ones is about that of the pool
 * without its tenths. */
static help_scale scale_of(int labels, const maple_target *target) {
    enum { ENOUGH = 5 };
    help_scale scale = help_scale_empty(labels);
    bool samples_alone = labels == LABELS_POOL && target->n_samples >= ENOUGH;
    if (!samples_alone)
        help_scale_include(&scale, target->reference_ms, HELP_REFERENCES);
    if (labels == LABELS_POOL)
        help_scale_include(&scale, target->latency_ms, target->n_samples);
    return scale;
}

/* The inner loop for each z. */
static maple_status adapt_networks(const help_prior *prior, const maple_fit_request *request,
                                   const measured *all, size_t n, help_model *model, maple_error *error) {
    const help_rule *rule = &prior->rule;
    help_batch *support = help_batch_create(request->space, &rule->shape, n);
    help_meta_work *work = help_meta_work_create(request->space, rule, n, 0);
    float *noise = maple_alloc(rule->latent, sizeof *noise);
    maple_status status = support && work && noise ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        help_task task = {
            .hardware = model->hardware, .noise = noise, .support = support, .support_label = all->label};
        maple_rng rng = maple_rng_seed(request->seed);
        help_batch_build(support, all->archs, n);
        nn_blas_enter();
        for (size_t m = 0; m < model->mc; m++) {
            for (size_t i = 0; i < rule->latent; i++)
                noise[i] = (float)maple_rng_normal(&rng);
            help_meta_adapt(rule, prior->meta, &task, work);
            memcpy(model->theta + m * rule->parameters, work->theta[rule->steps],
                   rule->parameters * sizeof *model->theta);
        }
        nn_blas_leave();
    }
    help_batch_free(support);
    help_meta_work_free(work);
    maple_free(noise);
    return status;
}

static maple_status check_finite(const measured *all, maple_error *error) {
    for (size_t i = 0; i < all->n; i++)
        if (!isfinite(all->prediction[i]))
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "predictor help: adapting to the samples diverged: are they of the device "
                                   "whose references were given?");
    return MAPLE_OK;
}

static maple_status adapt_model(const help_prior *prior, const maple_fit_request *request,
                                const double *options, const measured *all, help_model *model,
                                maple_error *error) {
    const maple_target *target = &request->target;
    help_scale scale = scale_of((int)options[HELP_LABELS], target);
    for (size_t i = 0; i < all->n; i++)
        all->label[i] = help_scale_label(&scale, all->latency_ms[i]);
    model->shape = prior->rule.shape;
    model->mc = (size_t)options[HELP_MC];
    model->theta = maple_alloc_aligned(model->mc * prior->rule.parameters, sizeof *model->theta);
    if (!model->theta)
        return maple_error_memory(error);
    help_embed(target->reference_ms, prior->missing, model->hardware);
    size_t support = options[HELP_REFERENCE_SAMPLES] != 0 ? all->n : all->samples;
    maple_status status = adapt_networks(prior, request, all, support, model, error);
    if (status == MAPLE_OK)
        status = run(model, request->space, all->archs, all->n, all->prediction, error);
    if (status == MAPLE_OK)
        status = check_finite(all, error);
    if (status == MAPLE_OK)
        status = help_line_fit((int)options[HELP_DENORMALISE], &scale, all->prediction, all->latency_ms,
                               all->n, &model->line, error);
    return status;
}

static maple_status adapt(const void *prior, const maple_fit_request *request, const double *options,
                          void **state, maple_error *error) {
    measured all = {0};
    help_model *model = maple_alloc(1, sizeof *model);
    maple_status status = model ? gather(request, &all, error) : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = adapt_model(prior, request, options, &all, model, error);
    release(&all);
    if (status == MAPLE_OK)
        *state = model;
    else
        help_free_model(model);
    return status;
}

const maple_predictor_vtable maple_predictor_help = {
    .info = {.name = "help",
             .description = "HELP: a network meta-trained on the pool, that two gradient steps on the "
                            "samples adapt",
             .needs_pool = true,
             .min_samples = 1,
             .pretrains = true,
             .slow = true,
             .references = HELP_REFERENCES},
    .options = OPTIONS,
    .n_options = HELP_OPTIONS,
    .predict = predict,
    .save = help_save,
    .load = help_load,
    .free_state = help_free_model,
    .pretrain = pretrain,
    .adapt = adapt,
    .save_prior = help_save_prior,
    .load_prior = help_load_prior,
    .free_prior = help_free_prior,
};
