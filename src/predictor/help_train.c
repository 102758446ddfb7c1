/* SPDX-License-Identifier: Apache-2.0 */
/* Meta-training of `help` on the source platforms. */
#include "predictor/help_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

help_rule help_rule_for(const maple_space *space, const double *options) {
    help_rule rule = {
        .shape = help_shape_for(space, options[HELP_ENCODER] == ENCODER_BITS, (size_t)options[HELP_WIDTH]),
        .steps = (size_t)options[HELP_STEPS],
        .second_order = options[HELP_ORDER] == 0,
        .kl = options[HELP_KL],
        .z_scaling = options[HELP_Z_SCALING],
    };
    help_rule_size(&rule);
    return rule;
}

/* --- Sources --- */

typedef struct timed_row {
    double latency_ms;
    size_t row;
} timed_row;

static int compare_rows(const void *left, const void *right) {
    const timed_row *a = left, *b = right;
    int order = (a->latency_ms > b->latency_ms) - (a->latency_ms < b->latency_ms);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

/* As published where the option is 0. */
static size_t published(double option, bool graph, size_t of_graph, size_t of_bits) {
    if (option > 0)
        return (size_t)option;
    return graph ? of_graph : of_bits;
}

/* The first rows of order[] that the platform has, `most` at most, without the fastest and the slowest tenth
 * (`trim`). */
static maple_status read_source(const maple_fit_request *request, const double *options, size_t platform,
                                const size_t *order, size_t most, help_source *source, maple_error *error) {
    const maple_dataset_platform *p = &request->pool->platforms[platform];
    size_t rows = maple_train_rows(request), n = 0;
    timed_row *sorted = maple_alloc(rows, sizeof *sorted);
    source->archs = maple_alloc(rows, sizeof *source->archs);
    source->latency_ms = maple_alloc(rows, sizeof *source->latency_ms);
    if (!sorted || !source->archs || !source->latency_ms) {
        maple_free(sorted);
        return maple_error_memory(error);
    }
    for (size_t i = 0; i < rows && n < most; i++) {
        double ms = maple_train_latency(request, platform, order[i]);
        if (isfinite(ms))
            sorted[n++] = (timed_row){ms, maple_train_row(request, order[i])};
    }
    qsort(sorted, n, sizeof *sorted, compare_rows);
    size_t first = (size_t)(options[HELP_TRIM] * (double)n), end = n - first;
    for (size_t i = first; i < end; i++) {
        source->archs[source->n] =
            maple_space_canonical(request->space, p->platform.graph, &request->pool->archs[sorted[i].row]);
        source->latency_ms[source->n++] = sorted[i].latency_ms;
    }
    maple_free(sorted);
    int labels = (int)options[HELP_LABELS];
    source->scale = help_scale_empty(labels);
    if (labels == LABELS_POOL)
        help_scale_include(&source->scale, source->latency_ms, source->n);
    else
        help_scale_include(&source->scale, source->reference_ms, HELP_REFERENCES);
    help_embed(source->reference_ms, NULL, source->hardware);
    return MAPLE_OK;
}

/* Those with all references and at least two rows, of rows[n] of the pool's platforms; the names of the
 * others are added to `without`. */
static maple_status read_sources(const maple_fit_request *request, const double *options, const size_t *rows,
                                 size_t n, const size_t *order, help_trainer *t, maple_text *without,
                                 maple_error *error) {
    enum { GRAPH_ARCHS = 900, BITS_ARCHS = 4000 };
    size_t most = published(options[HELP_SOURCE_ARCHS], t->prior->rule.shape.graph, GRAPH_ARCHS, BITS_ARCHS);
    for (size_t s = 0; s < n; s++) {
        const maple_dataset_platform *p = &request->pool->platforms[rows[s]];
        help_source *source = &t->sources[t->n_sources];
        bool described = maple_dataset_references(request->pool, p, source->reference_ms) == HELP_REFERENCES;
        if (described) {
            t->n_sources++; /* released from here on */
            maple_status status = read_source(request, options, rows[s], order, most, source, error);
            if (status != MAPLE_OK)
                return status;
            if (source->n >= 2)
                continue;
            maple_free(source->archs);
            maple_free(source->latency_ms);
            t->sources[--t->n_sources] = (help_source){0};
        }
        maple_text_addf(without, "%s%s", without->data ? ", " : "", p->platform.name);
    }
    if (t->n_sources > 0)
        return MAPLE_OK;
    return maple_error_set(
        error, MAPLE_BAD_INPUT,
        "predictor help: no source has latencies of the space's %d reference architectures "
        "and of two training architectures%s: measure or import them",
        HELP_REFERENCES, options[HELP_SOURCE_ARCHS] == 1 ? " (source_archs=1 allows one)" : "");
}

static maple_status find_sources(const maple_fit_request *request, const double *options, help_trainer *t,
                                 maple_error *error) {
    maple_text without = {0};
    size_t n, *order = NULL, *rows = maple_alloc(request->n_sources, sizeof *rows);
    maple_rng rng = maple_rng_seed(request->seed);
    t->sources = maple_alloc(request->n_sources, sizeof *t->sources);
    maple_status status = rows && t->sources ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_keep_sources(request, rows, &n, error);
    if (status == MAPLE_OK)
        status = maple_shuffle_rows(request, &rng, &order, error);
    if (status == MAPLE_OK)
        status = read_sources(request, options, rows, n, order, t, &without, error);
    if (status == MAPLE_OK && without.data)
        maple_log(
            request->hooks, MAPLE_LOG_WARNING,
            "left out for want of one of the %d reference architectures or of two training architectures: %s",
            HELP_REFERENCES, without.data);
    maple_text_free(&without);
    maple_free(order);
    maple_free(rows);
    return status;
}

/* --- Episodes --- */

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static double train_task(help_trainer *t, const help_source *source, double share, maple_rng *rng) {
    size_t support = smaller((size_t)t->options[HELP_SUPPORT], source->n / 2);
    size_t n = support + smaller((size_t)t->options[HELP_QUERY], source->n - support);
    for (size_t i = 0; i < source->n; i++)
        t->order[i] = i;
    for (size_t i = 0; i < n; i++) { /* the beginning of a shuffle */
        size_t other = i + (size_t)maple_rng_below(rng, source->n - i), kept = t->order[i];
        t->order[i] = t->order[other];
        t->order[other] = kept;
    }
    for (size_t i = 0; i < n; i++) {
        t->archs[i] = source->archs[t->order[i]];
        t->label[i] = help_scale_label(&source->scale, source->latency_ms[t->order[i]]);
    }
    for (size_t i = 0; i < t->prior->rule.latent; i++)
        t->noise[i] = (float)maple_rng_normal(rng);
    help_batch_build(t->support, t->archs, support);
    help_batch_build(t->query, t->archs + support, n - support);
    help_task task = {.hardware = source->hardware,
                      .noise = t->noise,
                      .support = t->support,
                      .query = t->query,
                      .support_label = t->label,
                      .query_label = t->label + support};
    return help_meta_gradient(&t->prior->rule, t->prior->meta, &task, share, t->work, t->gradient);
}

double help_train_episode(help_trainer *t) {
    uint64_t place[2] = {t->seed, t->episode};
    maple_rng rng = maple_rng_seed(maple_hash(place, sizeof place));
    size_t tasks = smaller((size_t)t->options[HELP_TASKS], t->n_sources),
           meta = help_rule_meta(&t->prior->rule);
    double loss = 0;
    for (size_t i = 0; i < t->n_sources; i++)
        t->tasks[i] = i;
    maple_rng_shuffle(&rng, t->n_sources, t->tasks);
    memset(t->gradient, 0, meta * sizeof *t->gradient);
    for (size_t i = 0; i < tasks; i++)
        loss += train_task(t, &t->sources[t->tasks[i]], 1 / (double)tasks, &rng);
    nn_adam_step(&t->adam, meta, t->options[HELP_META_RATE], 0, t->gradient, t->prior->meta);
    t->episode++;
    return loss;
}

maple_status help_train(help_trainer *t, const maple_fit_request *request, maple_error *error) {
    const maple_hooks *hooks = request->hooks;
    const maple_checkpoint_state state = {t, help_trainer_save, help_trainer_load};
    int64_t last_ns = 0;
    maple_status status = maple_checkpoint_resume(request, &state, error);
    nn_blas_enter();
    while (t->episode < t->episodes && status == MAPLE_OK) {
        double loss = help_train_episode(t);
        bool cancelled = maple_is_cancelled(hooks);
        maple_report_progress(hooks, "meta-training", (double)t->episode, (double)t->episodes, "episodes");
        if (!isfinite(loss))
            status = maple_error_set(error, MAPLE_BAD_INPUT,
                                     "predictor help: meta-training diverged in episode %zu: try a smaller "
                                     "meta_rate or alpha",
                                     t->episode);
        else if (maple_checkpoint_due(request, &last_ns) || (cancelled && request->checkpoint))
            status = maple_checkpoint_keep(request, &state, error);
        if (status == MAPLE_OK && cancelled)
            status = maple_error_set(error, MAPLE_INTERRUPTED,
                                     "meta-training was interrupted after %zu of %zu episodes%s", t->episode,
                                     t->episodes, request->checkpoint ? "; given again it goes on" : "");
    }
    nn_blas_leave();
    return status;
}

/* --- A training --- */

static maple_status allocate(const maple_fit_request *request, help_trainer *t, maple_error *error) {
    const help_rule *rule = &t->prior->rule;
    size_t meta = help_rule_meta(rule), most = 0;
    size_t support = (size_t)t->options[HELP_SUPPORT], query = (size_t)t->options[HELP_QUERY];
    for (size_t s = 0; s < t->n_sources; s++)
        most = t->sources[s].n > most ? t->sources[s].n : most;
    support = smaller(support, most);
    query = smaller(query, most);
    t->prior->meta = maple_alloc_aligned(meta, sizeof(float));
    t->gradient = maple_alloc_aligned(3 * meta, sizeof(float));
    t->order = maple_alloc(most, sizeof *t->order);
    t->tasks = maple_alloc(t->n_sources, sizeof *t->tasks);
    t->archs = maple_alloc(support + query, sizeof *t->archs);
    t->label = maple_alloc(support + query, sizeof *t->label);
    t->noise = maple_alloc(rule->latent, sizeof *t->noise);
    t->support = help_batch_create(request->space, &rule->shape, support);
    t->query = help_batch_create(request->space, &rule->shape, query);
    t->work = help_meta_work_create(request->space, rule, support, query);
    bool fine = t->prior->meta && t->gradient && t->order && t->tasks && t->archs && t->label && t->noise &&
                t->support && t->query && t->work;
    if (!fine)
        return maple_error_memory(error);
    t->adam = (nn_adam){
        .m = t->gradient + meta, .v = t->gradient + 2 * meta, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    return MAPLE_OK;
}

maple_status help_trainer_create(const maple_fit_request *request, const double *options, help_trainer *t,
                                 maple_error *error) {
    enum { GRAPH_EPISODES = 2000, BITS_EPISODES = 4000 };
    help_prior *prior = t->prior;
    t->options = options;
    t->seed = request->seed;
    prior->rule = help_rule_for(request->space, options);
    if (prior->rule.shape.embedding != HELP_REFERENCES)
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT, "predictor help needs %d reference architectures, space %s has %zu",
            HELP_REFERENCES, maple_space_name(request->space), prior->rule.shape.embedding);
    t->episodes = published(options[HELP_EPISODES], prior->rule.shape.graph, GRAPH_EPISODES, BITS_EPISODES);
    maple_status status = find_sources(request, options, t, error);
    if (status == MAPLE_OK)
        status = allocate(request, t, error);
    if (status != MAPLE_OK)
        return status;
    for (int i = 0; i < HELP_REFERENCES; i++) {
        for (size_t s = 0; s < t->n_sources; s++)
            prior->missing[i] += (double)t->sources[s].hardware[i] / (double)t->n_sources;
    }
    maple_rng rng = maple_rng_seed(request->seed);
    help_meta_init(&prior->rule, &rng, options[HELP_ALPHA], prior->meta);
    return MAPLE_OK;
}

void help_trainer_release(help_trainer *t) {
    for (size_t s = 0; s < t->n_sources; s++) {
        maple_free(t->sources[s].archs);
        maple_free(t->sources[s].latency_ms);
    }
    void *parts[] = {t->sources, t->gradient, t->order, t->tasks, t->archs, t->label, t->noise};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        maple_free(parts[i]);
    help_batch_free(t->support);
    help_batch_free(t->query);
    help_meta_work_free(t->work);
}

maple_status help_trainer_save(const void *trainer, maple_tensors *tensors, maple_error *error) {
    const help_trainer *t = trainer;
    size_t meta = help_rule_meta(&t->prior->rule);
    double episode = (double)t->episode;
    maple_status status = maple_tensors_add(tensors, "episode", MAPLE_F64, 1, 0, &episode, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "meta", MAPLE_F32, meta, 0, t->prior->meta, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "adam.m", MAPLE_F32, meta, 0, t->adam.m, error);
    return status == MAPLE_OK ? maple_tensors_add(tensors, "adam.v", MAPLE_F32, meta, 0, t->adam.v, error)
                              : status;
}

maple_status help_trainer_load(void *trainer, const maple_tensors *tensors, maple_error *error) {
    help_trainer *t = trainer;
    size_t meta = help_rule_meta(&t->prior->rule);
    const void *episode, *parts[3];
    const char *const names[3] = {"meta", "adam.m", "adam.v"};
    maple_status status = maple_tensors_get(tensors, "episode", MAPLE_F64, 1, 0, &episode, NULL, error);
    for (int i = 0; i < 3 && status == MAPLE_OK; i++)
        status = maple_tensors_get(tensors, names[i], MAPLE_F32, meta, 0, &parts[i], NULL, error);
    if (status != MAPLE_OK)
        return status;
    double at;
    memcpy(&at, episode, sizeof at);
    if (!(at >= 0 && at <= (double)t->episodes && at == floor(at)))
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: episode %g of %zu", maple_tensors_path(tensors),
                               at, t->episodes);
    t->episode = (size_t)at;
    t->adam.step = t->episode; /* one an episode */
    memcpy(t->prior->meta, parts[0], meta * sizeof(float));
    memcpy(t->adam.m, parts[1], meta * sizeof(float));
    memcpy(t->adam.v, parts[2], meta * sizeof(float));
    return MAPLE_OK;
}
