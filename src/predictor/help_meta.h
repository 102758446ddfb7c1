/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help_meta.h: what HELP learns across devices, and its gradient.
 *
 *   theta_0      parameters, of which the head's are scaled by z ~ N(mu(h), sigma(h)^2) (the modulator)
 *   theta_k+1  = theta_k - alpha * gradient of the support's loss at theta_k       (Meta-SGD, elementwise)
 *   loss       = the query's loss at theta_steps + kl * KL(N(mu, sigma^2) || N(0, 1))
 *
 * The meta vector is one array: parameters, then alpha (as many), then the modulator's parameters.
 */
#ifndef MAPLE_PREDICTOR_HELP_META_H
#define MAPLE_PREDICTOR_HELP_META_H

#include "predictor/help_net.h"

#ifdef NN_DOUBLE
#define help_modulator_init     NN_NAME(help_modulator_init)
#define help_modulator_forward  NN_NAME(help_modulator_forward)
#define help_modulator_backward NN_NAME(help_modulator_backward)
#define help_modulate           NN_NAME(help_modulate)
#define help_modulate_backward  NN_NAME(help_modulate_backward)
#define help_meta_init          NN_NAME(help_meta_init)
#define help_meta_work_create   NN_NAME(help_meta_work_create)
#define help_meta_work_free     NN_NAME(help_meta_work_free)
#define help_meta_adapt         NN_NAME(help_meta_adapt)
#define help_meta_gradient      NN_NAME(help_meta_gradient)
#endif

enum { HELP_MAX_STEPS = 16 };

typedef struct help_rule {
    help_shape shape;
    size_t parameters, latent, modulator; /* numbers of parameters, of z, of the modulator's parameters */
    size_t steps;                         /* inner ones */
    bool second_order;                    /* else the gradients of the inner steps count as constants */
    double kl, z_scaling;
} help_rule;

/* Sets the numbers from the shape. */
void help_rule_size(help_rule *rule);
size_t help_rule_meta(const help_rule *rule); /* length of the meta vector */

/* --- Modulator (help_modulator.c): linear, ReLU, linear; mu and softplus(.) are halves of its output --- */

typedef struct help_latent {
    nn_real *hidden, *raw, *sigma, *z, *d_z; /* [E], [2 latent], [latent] each; raw starts with mu */
} help_latent;

void help_modulator_init(const help_rule *rule, maple_rng *rng, nn_real *modulator);
/* z = mu + sigma * noise[latent]; returns the KL divergence, summed over z. */
double help_modulator_forward(const help_rule *rule, const nn_real *modulator, const nn_real *hardware,
                              const nn_real *noise, const help_latent *latent);
/* Adds to gradient[modulator], from latent->d_z and share * rule->kl * KL. */
void help_modulator_backward(const help_rule *rule, const nn_real *modulator, const nn_real *hardware,
                             const nn_real *noise, const help_latent *latent, double share,
                             nn_real *gradient);
/* theta[parameters]: a copy whose head is scaled: column weights by 1 + z_scaling w, biases plus z_scaling b.
 */
void help_modulate(const help_rule *rule, const nn_real *parameters, const nn_real *z, nn_real *theta);
/* d[parameters]: from the gradient at theta to that at the parameters, in place; d_z[latent] is written. */
void help_modulate_backward(const help_rule *rule, const nn_real *parameters, const nn_real *z, nn_real *d,
                            nn_real *d_z);

/* --- Tasks --- */

typedef struct help_task {
    const nn_real *hardware, *noise; /* [E], [latent] */
    const help_batch *support, *query;
    const nn_real *support_label, *query_label;
} help_task;

typedef struct help_meta_work {
    nn_real *theta[HELP_MAX_STEPS + 1],
        *step[HELP_MAX_STEPS];    /* parameters and gradients of the inner loop */
    nn_real *v, *scaled, *curved; /* [parameters] */
    help_latent latent;
    help_work *support, *query;
    nn_real *memory;
} help_meta_work;

/* Parameters, alpha (all the same) and the modulator. */
void help_meta_init(const help_rule *rule, maple_rng *rng, double alpha, nn_real *meta);
/* query = 0: for adapting alone. NULL: out of memory. */
help_meta_work *help_meta_work_create(const maple_space *space, const help_rule *rule, size_t support,
                                      size_t query);
void help_meta_work_free(help_meta_work *work);
/* The inner loop; returns the KL divergence. The adapted parameters are work->theta[rule->steps]. */
double help_meta_adapt(const help_rule *rule, const nn_real *meta, const help_task *task,
                       help_meta_work *work);
/* share * the task's loss, and its gradient added to gradient[meta]. */
double help_meta_gradient(const help_rule *rule, const nn_real *meta, const help_task *task, double share,
                          help_meta_work *work, nn_real *gradient);

#endif
