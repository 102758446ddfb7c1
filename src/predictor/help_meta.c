/* SPDX-License-Identifier: Apache-2.0 */
/* HELP's inner loop (Meta-SGD) and the gradient through it. */
#include "predictor/help_meta.h"

#include <string.h>

#ifndef NN_DOUBLE
void help_rule_size(help_rule *rule) {
    size_t e = rule->shape.embedding;
    rule->parameters = help_layout_of(&rule->shape).parameters;
    rule->latent = HELP_HEAD_LAYERS * (2 * rule->shape.width + 1);
    rule->modulator = e * e + e + (e + 1) * 2 * rule->latent;
}

size_t help_rule_meta(const help_rule *rule) {
    return 2 * rule->parameters + rule->modulator;
}
#endif

void help_meta_init(const help_rule *rule, maple_rng *rng, double alpha, nn_real *meta) {
    help_net_init(&rule->shape, rng, meta);
    for (size_t i = 0; i < rule->parameters; i++)
        meta[rule->parameters + i] = (nn_real)alpha;
    help_modulator_init(rule, rng, meta + 2 * rule->parameters);
}

/* --- Memory --- */

static nn_real *slice(nn_real **next, size_t n) {
    nn_real *taken = *next;
    *next += (n + 15) / 16 * 16;
    return taken;
}

help_meta_work *help_meta_work_create(const maple_space *space, const help_rule *rule, size_t support,
                                      size_t query) {
    help_meta_work *work = maple_alloc(1, sizeof *work);
    if (!work)
        return NULL;
    size_t arrays = 2 * rule->steps + 4, small = rule->shape.embedding + 5 * rule->latent;
    work->memory = maple_alloc_aligned(arrays * (rule->parameters + 16) + small + 5 * 16, sizeof(nn_real));
    work->support = help_work_create(space, &rule->shape, support, query > 0);
    work->query = query > 0 ? help_work_create(space, &rule->shape, query, false) : NULL;
    if (!work->memory || !work->support || (query > 0 && !work->query)) {
        help_meta_work_free(work);
        return NULL;
    }
    nn_real *next = work->memory;
    for (size_t k = 0; k < rule->steps; k++)
        work->step[k] = slice(&next, rule->parameters);
    for (size_t k = 0; k <= rule->steps; k++)
        work->theta[k] = slice(&next, rule->parameters);
    work->v = slice(&next, rule->parameters);
    work->scaled = slice(&next, rule->parameters);
    work->curved = slice(&next, rule->parameters);
    work->latent.hidden = slice(&next, rule->shape.embedding);
    work->latent.raw = slice(&next, 2 * rule->latent);
    work->latent.sigma = slice(&next, rule->latent);
    work->latent.z = slice(&next, rule->latent);
    work->latent.d_z = slice(&next, rule->latent);
    return work;
}

void help_meta_work_free(help_meta_work *work) {
    if (!work)
        return;
    help_work_free(work->support);
    help_work_free(work->query);
    maple_free(work->memory);
    maple_free(work);
}

/* --- The inner loop --- */

/* next = now - alpha * gradient */
NN_CLONES static void descend(size_t n, const nn_real *restrict now, const nn_real *restrict alpha,
                              const nn_real *restrict gradient, nn_real *restrict next) {
    for (size_t i = 0; i < n; i++)
        next[i] = now[i] - alpha[i] * gradient[i];
}

double help_meta_adapt(const help_rule *rule, const nn_real *meta, const help_task *task,
                       help_meta_work *work) {
    const nn_real *alpha = meta + rule->parameters, *modulator = alpha + rule->parameters;
    double divergence = help_modulator_forward(rule, modulator, task->hardware, task->noise, &work->latent);
    help_modulate(rule, meta, work->latent.z, work->theta[0]);
    for (size_t k = 0; k < rule->steps; k++) {
        nn_dual theta = {.value = work->theta[k]}, gradient = {.value = work->step[k]};
        help_net_loss(&rule->shape, theta, task->hardware, task->support, task->support_label, work->support,
                      gradient);
        descend(rule->parameters, work->theta[k], alpha, work->step[k], work->theta[k + 1]);
    }
    return divergence;
}

/* --- Its gradient --- */

NN_CLONES static void scale(size_t n, nn_real factor, nn_real *restrict values) {
    for (size_t i = 0; i < n; i++)
        values[i] *= factor;
}

/* scaled = alpha * v; d_alpha -= gradient * v */
NN_CLONES static void step_back(size_t n, const nn_real *restrict alpha, const nn_real *restrict gradient,
                                const nn_real *restrict v, nn_real *restrict scaled,
                                nn_real *restrict d_alpha) {
    for (size_t i = 0; i < n; i++) {
        scaled[i] = alpha[i] * v[i];
        d_alpha[i] -= gradient[i] * v[i];
    }
}

NN_CLONES static void add(size_t n, nn_real factor, const nn_real *restrict what, nn_real *restrict to) {
    for (size_t i = 0; i < n; i++)
        to[i] += factor * what[i];
}

double help_meta_gradient(const help_rule *rule, const nn_real *meta, const help_task *task, double share,
                          help_meta_work *work, nn_real *gradient) {
    size_t n = rule->parameters;
    const nn_real *alpha = meta + n, *modulator = alpha + n;
    double divergence = help_meta_adapt(rule, meta, task, work);
    nn_dual theta = {.value = work->theta[rule->steps]}, v = {.value = work->v};
    double loss =
        help_net_loss(&rule->shape, theta, task->hardware, task->query, task->query_label, work->query, v);
    scale(n, (nn_real)share, work->v);
    /* With v the gradient at theta_k+1, that at theta_k is v - H(theta_k) (alpha * v). */
    for (size_t k = rule->steps; k-- > 0;) {
        step_back(n, alpha, work->step[k], work->v, work->scaled, gradient + n);
        if (!rule->second_order)
            continue;
        nn_dual at = {.value = work->theta[k], .tangent = work->scaled};
        help_net_loss(&rule->shape, at, task->hardware, task->support, task->support_label, work->support,
                      (nn_dual){.tangent = work->curved});
        add(n, -1, work->curved, work->v);
    }
    help_modulate_backward(rule, meta, work->latent.z, work->v, work->latent.d_z);
    add(n, 1, work->v, gradient);
    help_modulator_backward(rule, modulator, task->hardware, task->noise, &work->latent, share,
                            gradient + 2 * n);
    return share * (loss + rule->kl * divergence);
}
