/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fine-tune`: transfer learning with the network of `maple`. It is trained on the pool, without a target, on
 * log latency minus the platform's level; then fine-tuned on the target's own networks, with early stopping.
 */
#include "predictor/maple_model.h"

#include <math.h>
#include <string.h>

enum { TUNE_REFERENCE_SAMPLES = OPT_SHARED, TUNE_TUNE_RATE, TUNE_TUNE_STEPS, TUNE_FEW_STEPS, TUNE_COUNT };

static const maple_option OPTIONS[TUNE_COUNT] = {
    MAPLE_SHARED_OPTIONS,
    [TUNE_REFERENCE_SAMPLES] = {.name = "reference_samples", .value = 1, .min = 0, .max = 1, .whole = true},
    [TUNE_TUNE_RATE] = {.name = "tune_rate", .value = 3e-4, .min = 1e-8, .max = 1},
    [TUNE_TUNE_STEPS] = {.name = "tune_steps", .value = 200, .min = 0, .max = 100000, .whole = true},
    [TUNE_FEW_STEPS] = {.name = "few_steps", .value = 60, .min = 0, .max = 100000, .whole = true},
};

/* --- Before any target: the network, and how S is made --- */

typedef struct tune_prior {
    maple_model model; /* its descriptor is unused, its level 0 */
    maple_axes axes;
} tune_prior;

static void free_prior(void *prior) {
    tune_prior *p = prior;
    if (!p)
        return;
    maple_free(p->model.parameters);
    maple_free(p->model.descriptor);
    maple_axes_release(&p->axes);
    maple_free(p);
}

/* Whether at least two sources have operator latencies, so that these describe them. */
static bool have_operators(const maple_fit_request *request) {
    size_t with_operators = 0;
    for (size_t s = 0; s < request->n_sources; s++) {
        const double *operator_ms = request->pool->platforms[request->sources[s]].operator_ms;
        bool has = false;
        for (size_t i = 0; operator_ms && i < maple_space_operators(request->space); i++)
            has |= isfinite(operator_ms[i]);
        with_operators += has;
    }
    return with_operators >= 2;
}

static maple_status train_prior(const maple_fit_request *request, const double *options,
                                maple_training *training, tune_prior *prior, maple_error *error) {
    float *descriptors = NULL;
    maple_status status = MAPLE_OK;
    if (maple_references_wanted(options[OPT_REFERENCES], have_operators(request)))
        status = maple_training_references(request, training, error);
    if (status == MAPLE_OK)
        status = maple_model_prepare(request, options, training, false, &prior->model, &prior->axes,
                                     &descriptors, error);
    if (status == MAPLE_OK)
        status = maple_train(request, options, 0, training, descriptors, &prior->model, error);
    maple_free(descriptors);
    return status;
}

static maple_status pretrain(const maple_fit_request *request, const double *options, void **out,
                             maple_error *error) {
    maple_training training = {0};
    tune_prior *prior = maple_alloc(1, sizeof *prior);
    if (!prior)
        return maple_error_memory(error);
    maple_status status = maple_training_build_levels(request, options, &training, error);
    if (status == MAPLE_OK)
        status = train_prior(request, options, &training, prior, error);
    maple_training_release(&training);
    if (status == MAPLE_OK)
        *out = prior;
    else
        free_prior(prior);
    return status;
}

/* --- Fine-tuning on n rows of the target --- */

enum { TUNE_CAPACITY = 64, TUNE_FOLDS = 5, TUNE_CHECKS = 200 };

typedef struct tuner {
    maple_model *model;
    size_t n;
    const maple_arch *archs; /* [n], canonical */
    const double *log_ms;    /* [n] */
    double *network;         /* [n]: what the pre-trained network says */
    size_t *order;           /* [n]: rows to train on, then those held out */
    maple_net_work *work;
    float *parameters, *gradient; /* [count], [3 count]: gradient and Adam's moments */
    size_t count;
    double rate, level;
    double error[TUNE_CHECKS + 1]; /* of held-out rows, at the start and at each check, sums */
} tuner;

/* The median of what the first n rows of the order lie above the pre-trained network. */
static double level_of(const tuner *t, size_t n, double *scratch) {
    for (size_t i = 0; i < n; i++)
        scratch[i] = t->log_ms[t->order[i]] - t->network[t->order[i]];
    maple_sort_doubles(scratch, n);
    return n > 0 ? maple_quantile_sorted(scratch, n, 0.5) : 0;
}

/* A batch of rows[n], n <= TUNE_CAPACITY. */
static maple_net_batch batch_of(const tuner *t, const size_t *rows, size_t n, uint8_t *codes, float *target) {
    size_t positions = t->model->shape.positions;
    for (size_t i = 0; i < n; i++) {
        memcpy(codes + i * positions, t->archs[rows[i]].op, positions);
        target[i] = (float)((t->log_ms[rows[i]] - t->level - t->model->mean) / t->model->sd);
    }
    return (maple_net_batch){.n = n, .n_archs = n, .codes = codes};
}

static double held_out_error(tuner *t, size_t first) {
    uint8_t codes[TUNE_CAPACITY * MAPLE_MAX_POSITIONS];
    float target[TUNE_CAPACITY];
    double sum = 0;
    maple_net_describe(t->work, t->parameters, t->model->descriptor, 1);
    for (; first < t->n; first += TUNE_CAPACITY) {
        size_t n = t->n - first < TUNE_CAPACITY ? t->n - first : TUNE_CAPACITY;
        maple_net_batch batch = batch_of(t, t->order + first, n, codes, target);
        const float *y = maple_net_forward(t->work, t->parameters, &batch);
        for (size_t i = 0; i < n; i++)
            sum += fabs((double)(y[i] - target[i]));
    }
    return sum;
}

/* From the pre-trained parameters, `steps` steps on the first `n_train` rows of the order; the others are
 * looked at TUNE_CHECKS times on the way. */
static void tune(tuner *t, size_t n_train, size_t steps, double *scratch) {
    uint8_t codes[TUNE_CAPACITY * MAPLE_MAX_POSITIONS];
    float target[TUNE_CAPACITY], weight[TUNE_CAPACITY];
    bool check = n_train < t->n;
    size_t check_no = 0, at = 0;
    for (size_t i = 0; i < TUNE_CAPACITY; i++)
        weight[i] = 1;
    memcpy(t->parameters, t->model->parameters, t->count * sizeof *t->parameters);
    memset(t->gradient, 0, 3 * t->count * sizeof *t->gradient);
    t->level = level_of(t, n_train, scratch);
    nn_adam adam = {.m = t->gradient + t->count,
                    .v = t->gradient + 2 * t->count,
                    .beta1 = 0.9,
                    .beta2 = 0.999,
                    .epsilon = 1e-8};
    for (size_t step = 0; step <= steps; step++) {
        for (; check && check_no <= TUNE_CHECKS && check_no * steps <= step * TUNE_CHECKS; check_no++)
            t->error[check_no] += held_out_error(t, n_train);
        if (step == steps)
            break;
        size_t n = n_train - at < TUNE_CAPACITY ? n_train - at : TUNE_CAPACITY;
        maple_net_batch batch = batch_of(t, t->order + at, n, codes, target);
        maple_net_loss(t->work, t->parameters, t->model->descriptor, 1, &batch, target, weight, t->gradient);
        nn_adam_step(&adam, t->count, t->rate, 0, t->gradient, t->parameters);
        at = at + n < n_train ? at + n : 0;
    }
}

/* Steps after which held-out rows were predicted best: of five folds, or, where there are many rows, of one.
 */
static size_t best_steps(tuner *t, size_t most, size_t *all, double *scratch) {
    size_t folds = t->n < TUNE_CAPACITY ? TUNE_FOLDS : 1, best = 0;
    memcpy(all, t->order, t->n * sizeof *all);
    for (size_t fold = 0; fold < folds; fold++) {
        size_t n_train = 0, held = t->n;
        for (size_t i = 0; i < t->n; i++)
            t->order[i % TUNE_FOLDS == fold ? --held : n_train++] = all[i];
        tune(t, n_train, most, scratch);
    }
    memcpy(t->order, all, t->n * sizeof *all);
    for (size_t c = 1; c <= TUNE_CHECKS; c++)
        if (t->error[c] < t->error[best])
            best = c;
    return (best * most + TUNE_CHECKS - 1) / TUNE_CHECKS;
}

/* An order that does not depend on that in which the rows were given. */
static void sort_rows(tuner *t) {
    for (size_t i = 0; i < t->n; i++) {
        size_t at = i;
        for (; at > 0; at--) {
            size_t other = t->order[at - 1];
            int order = memcmp(t->archs[i].op, t->archs[other].op, sizeof t->archs[i].op);
            if (order > 0 || (order == 0 && t->log_ms[i] >= t->log_ms[other]))
                break;
            t->order[at] = other;
        }
        t->order[at] = i;
    }
}

static maple_status tune_model(tuner *t, const double *options, uint64_t seed, maple_error *error) {
    size_t most = (size_t)options[TUNE_TUNE_STEPS] * ((t->n + TUNE_CAPACITY - 1) / TUNE_CAPACITY);
    t->count = maple_net_layout(&t->model->shape).offset[NET_TENSORS];
    t->rate = options[TUNE_TUNE_RATE];
    t->work = maple_net_work_create(&t->model->shape, TUNE_CAPACITY, 1, true);
    t->parameters = maple_alloc_aligned(4 * t->count, sizeof *t->parameters);
    t->order = maple_alloc(t->n, 2 * sizeof *t->order);
    t->network = maple_alloc(t->n, 2 * sizeof *t->network);
    maple_status status =
        t->work && t->parameters && t->order && t->network ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_model_network(t->model, t->archs, t->n, t->network, error);
    if (status == MAPLE_OK) {
        double *scratch = t->network + t->n;
        t->gradient = t->parameters + t->count;
        sort_rows(t);
        maple_rng rng = maple_rng_seed(seed);
        maple_rng_shuffle(&rng, t->n, t->order);
        nn_blas_enter();
        bool enough = t->n >= TUNE_FOLDS;
        size_t steps =
            enough ? best_steps(t, most, t->order + t->n, scratch) : (size_t)options[TUNE_FEW_STEPS];
        tune(t, t->n, steps, scratch);
        nn_blas_leave();
        memcpy(t->model->parameters, t->parameters, t->count * sizeof *t->parameters);
        t->model->base.level = t->level;
    }
    maple_net_work_free(t->work);
    maple_free(t->parameters);
    maple_free(t->order);
    maple_free(t->network);
    return status;
}

/* --- Adapting --- */

/* The pre-trained network with the target's S. */
static maple_status model_for(const tune_prior *prior, const maple_fit_request *request, maple_model *model,
                              maple_error *error) {
    const maple_target *target = &request->target;
    size_t count = maple_net_layout(&prior->model.shape).offset[NET_TENSORS];
    model->shape = prior->model.shape;
    model->mean = prior->model.mean;
    model->sd = prior->model.sd;
    model->parameters = maple_alloc_aligned(count, sizeof(float));
    model->descriptor = maple_alloc_aligned(prior->axes.kept, sizeof(float));
    if (!model->parameters || !model->descriptor)
        return maple_error_memory(error);
    memcpy(model->parameters, prior->model.parameters, count * sizeof(float));
    maple_measured measured = maple_target_measured(target, target->reference_ms);
    return maple_axes_apply(&prior->axes, request->space, &measured, model->descriptor, error);
}

static maple_status adapt(const void *prior, const maple_fit_request *request, const double *options,
                          void **state, maple_error *error) {
    const tune_prior *p = prior;
    size_t most = request->target.n_samples + maple_space_references(request->space);
    maple_model *model = maple_alloc(1, sizeof *model);
    maple_arch *archs = maple_alloc(most, sizeof *archs);
    double *log_ms = maple_alloc(most, sizeof *log_ms);
    maple_status status = model && archs && log_ms ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = model_for(p, request, model, error);
    if (status == MAPLE_OK) {
        bool references =
            p->axes.parts.references && request->target.reference_ms && options[TUNE_REFERENCE_SAMPLES] != 0;
        size_t n = maple_target_rows(request, references, archs, log_ms);
        tuner t = {.model = model, .n = n, .archs = archs, .log_ms = log_ms};
        status = tune_model(&t, options, request->seed, error);
    }
    maple_free(archs);
    maple_free(log_ms);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_model_free(model);
    return status;
}

/* --- Files --- */

static maple_status save(const void *state, maple_tensors *tensors, maple_error *error) {
    return maple_model_save_network(state, tensors, error);
}

static maple_status load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error) {
    maple_model *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = maple_model_load_network(tensors, context->space, model, error);
    if (status == MAPLE_OK)
        *state = model;
    else
        maple_model_free(model);
    return status;
}

static maple_status save_prior(const void *prior, maple_tensors *tensors, maple_error *error) {
    const tune_prior *p = prior;
    maple_status status = save(&p->model, tensors, error);
    return status == MAPLE_OK ? maple_axes_save(&p->axes, tensors, error) : status;
}

static maple_status load_prior(const maple_tensors *tensors, const maple_space *space, void **out,
                               maple_error *error) {
    tune_prior *prior = maple_alloc(1, sizeof *prior);
    if (!prior)
        return maple_error_memory(error);
    maple_status status = maple_model_load_network(tensors, space, &prior->model, error);
    if (status == MAPLE_OK && !(prior->model.sd > 0))
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor 'scale': spread %g is not positive",
                                 maple_tensors_path(tensors), prior->model.sd);
    if (status == MAPLE_OK)
        status = maple_axes_load(tensors, space, prior->model.shape.descriptor, &prior->axes, error);
    if (status == MAPLE_OK)
        *out = prior;
    else
        free_prior(prior);
    return status;
}

static bool wants_references(const double *options, bool has_table) {
    return maple_references_wanted(options[OPT_REFERENCES], has_table);
}

const maple_predictor_vtable maple_predictor_fine_tune = {
    .info = {.name = "fine-tune",
             .description = "the network of maple, pre-trained on the pool, fine-tuned on the samples",
             .needs_pool = true,
             .min_samples = 1,
             .pretrains = true,
             .references = 10,
             .references_optional = true},
    .wants_references = wants_references,
    .options = OPTIONS,
    .n_options = TUNE_COUNT,
    .predict = maple_model_predict,
    .save = save,
    .load = load,
    .free_state = maple_model_free,
    .pretrain = pretrain,
    .adapt = adapt,
    .save_prior = save_prior,
    .load_prior = load_prior,
    .free_prior = free_prior,
};
