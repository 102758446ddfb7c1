/* SPDX-License-Identifier: Apache-2.0 */
/* HELP's modulator of the head. */
#include "predictor/help_meta.h"

#include <math.h>
#include <string.h>

typedef struct modulator_parts {
    size_t embedding, outputs;             /* E; 2 latent: mu, then sigma before softplus */
    size_t weight1, bias1, weight2, bias2; /* places */
} modulator_parts;

static modulator_parts parts_of(const help_rule *rule) {
    size_t e = rule->shape.embedding;
    modulator_parts p = {.embedding = e, .outputs = 2 * rule->latent, .bias1 = e * e};
    p.weight2 = p.bias1 + e;
    p.bias2 = p.weight2 + e * p.outputs;
    return p;
}

void help_modulator_init(const help_rule *rule, maple_rng *rng, nn_real *modulator) {
    double bound = 1 / sqrt((double)rule->shape.embedding); /* of both layers */
    for (size_t i = 0; i < rule->modulator; i++)
        modulator[i] = (nn_real)(bound * (2 * maple_rng_uniform(rng) - 1));
}

double help_modulator_forward(const help_rule *rule, const nn_real *modulator, const nn_real *hardware,
                              const nn_real *noise, const help_latent *latent) {
    modulator_parts p = parts_of(rule);
    nn_dense_forward(1, p.embedding, p.embedding, hardware, modulator + p.weight1, modulator + p.bias1, true,
                     latent->hidden);
    nn_dense_forward(1, p.embedding, p.outputs, latent->hidden, modulator + p.weight2, modulator + p.bias2,
                     false, latent->raw);
    double divergence = 0;
    for (size_t i = 0; i < rule->latent; i++) {
        double mu = (double)latent->raw[i], raw = (double)latent->raw[rule->latent + i];
        double sigma = fmax(raw, 0) + log1p(exp(-fabs(raw)));
        latent->sigma[i] = (nn_real)sigma;
        latent->z[i] = (nn_real)(mu + sigma * (double)noise[i]);
        divergence += 0.5 * (mu * mu + sigma * sigma - 1) - log(sigma);
    }
    return divergence;
}

void help_modulator_backward(const help_rule *rule, const nn_real *modulator, const nn_real *hardware,
                             const nn_real *noise, const help_latent *latent, double share,
                             nn_real *gradient) {
    modulator_parts p = parts_of(rule);
    size_t e = p.embedding, n = rule->latent;
    nn_real *d_raw = latent->raw, *d_hidden = latent->d_z; /* which are not needed any more, there */
    double kl = share * rule->kl;
    for (size_t i = 0; i < n; i++) {
        double mu = (double)latent->raw[i], raw = (double)latent->raw[n + i], d_z = (double)latent->d_z[i];
        double sigma = (double)latent->sigma[i], slope = 1 / (1 + exp(-raw));
        d_raw[i] = (nn_real)(d_z + kl * mu);
        d_raw[n + i] = (nn_real)((d_z * (double)noise[i] + kl * (sigma - 1 / sigma)) * slope);
    }
    memset(d_hidden, 0, e * sizeof *d_hidden);
    for (size_t k = 0; k < e; k++) {
        const nn_real *row = modulator + p.weight2 + k * p.outputs;
        nn_real *to = gradient + p.weight2 + k * p.outputs, hidden = latent->hidden[k];
        for (size_t i = 0; i < p.outputs; i++) {
            to[i] += hidden * d_raw[i];
            d_hidden[k] += row[i] * d_raw[i];
        }
        d_hidden[k] = hidden > 0 ? d_hidden[k] : 0;
    }
    for (size_t i = 0; i < p.outputs; i++)
        gradient[p.bias2 + i] += d_raw[i];
    for (size_t k = 0; k < e; k++) {
        gradient[p.bias1 + k] += d_hidden[k];
        for (size_t j = 0; j < e; j++)
            gradient[p.weight1 + j * e + k] += hardware[j] * d_hidden[k];
    }
}

/* The head's layer k = 0, 1, 2: its part of z, and its scalar in z. */
static const help_layer *head_layer(const help_rule *rule, const help_layout *layout, size_t k,
                                    size_t *scales, size_t *shift) {
    *scales = k * 2 * rule->shape.width;
    *shift = HELP_HEAD_LAYERS * 2 * rule->shape.width + k;
    return &layout->layer[layout->layers - HELP_HEAD_LAYERS + k];
}

void help_modulate(const help_rule *rule, const nn_real *parameters, const nn_real *z, nn_real *theta) {
    help_layout layout = help_layout_of(&rule->shape);
    nn_real scaling = (nn_real)rule->z_scaling;
    memcpy(theta, parameters, rule->parameters * sizeof *theta);
    for (size_t k = 0; k < HELP_HEAD_LAYERS; k++) {
        size_t scales, shift;
        const help_layer *layer = head_layer(rule, &layout, k, &scales, &shift);
        for (size_t i = 0; i < layer->in; i++) {
            nn_real *row = theta + layer->weight + i * layer->out, factor = 1 + scaling * z[scales + i];
            for (size_t j = 0; j < layer->out; j++)
                row[j] *= factor;
        }
        for (size_t j = 0; j < layer->out; j++)
            theta[layer->bias + j] += scaling * z[shift];
    }
}

void help_modulate_backward(const help_rule *rule, const nn_real *parameters, const nn_real *z, nn_real *d,
                            nn_real *d_z) {
    help_layout layout = help_layout_of(&rule->shape);
    nn_real scaling = (nn_real)rule->z_scaling;
    for (size_t k = 0; k < HELP_HEAD_LAYERS; k++) {
        size_t scales, shift;
        const help_layer *layer = head_layer(rule, &layout, k, &scales, &shift);
        for (size_t i = 0; i < layer->in; i++) {
            const nn_real *row = parameters + layer->weight + i * layer->out;
            nn_real *d_row = d + layer->weight + i * layer->out, factor = 1 + scaling * z[scales + i],
                    sum = 0;
            for (size_t j = 0; j < layer->out; j++) {
                sum += row[j] * d_row[j];
                d_row[j] *= factor;
            }
            d_z[scales + i] = scaling * sum;
        }
        nn_real sum = 0;
        for (size_t j = 0; j < layer->out; j++)
            sum += d[layer->bias + j];
        d_z[shift] = scaling * sum;
    }
}
