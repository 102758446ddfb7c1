/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What parameters a device would have needed: those that give the most evidence to draws of few of its
 * samples, under the prior that the other devices give. Gradient ascent (Adam) on their logarithms, with a
 * wide Gaussian prior. The level is the most likely one here, not that of the samples' mean.
 */
#include "predictor/gp_model.h"
#include "predictor/ridge.h"

#include <math.h>
#include <string.h>

static const struct {
    size_t samples;
    int draws;
} PLAN[] = {{12, 8}, {40, 3}};
enum { MOST_DRAWS = 11, STEPS = 60, MOST_SAMPLES = 40 };
static const double RATE = 0.15;

typedef struct learner {
    gp_samples draws[MOST_DRAWS];
    int n;
    gp_shape shape;
    double *factor, *inverse; /* [MOST_SAMPLES, MOST_SAMPLES] */
} learner;

/* y = K^-1 v from the lower half of K^-1. */
static void multiply(size_t n, const double *inverse, const double *v, double *y) {
    for (size_t i = 0; i < n; i++) {
        y[i] = 0;
        for (size_t j = 0; j < n; j++)
            y[i] += inverse[j <= i ? i * n + j : j * n + i] * v[j];
    }
}

/* d evidence / d variance of a block, with e = K^-1 residual: (e' K_b e - tr(K^-1 K_b)) / 2. */
static double slope(size_t n, const double *kernel, const double *inverse, const double *e) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            sum += kernel[i * n + j] * (e[i] * e[j] - inverse[i * n + j]);
        sum += 0.5 * kernel[i * n + i] * (e[i] * e[i] - inverse[i * n + i]);
    }
    return sum;
}

/* Log evidence of one draw at these parameters; adds its gradient with respect to their logarithms. */
static double climb(learner *l, const gp_samples *s, const double *p, double *gradient) {
    size_t n = s->n;
    double y[MOST_SAMPLES] = {0}, variance[MOST_SAMPLES], ky[MOST_SAMPLES], ku[MOST_SAMPLES], e[MOST_SAMPLES];
    const double *u = s->shape + (size_t)l->shape * n;
    double mean_y = 0, mean_u = 0, log_root = 0;
    for (size_t i = 0; i < n; i++) {
        mean_y += s->latency_ms[i] / (double)n;
        mean_u += u[i] / (double)n;
    }
    double level = mean_y / mean_u;
    for (size_t i = 0; i < n; i++) {
        y[i] = s->latency_ms[i] / level;
        variance[i] = pow(fmax(y[i], GP_LEAST), 2);
        for (size_t j = 0; j <= i; j++) {
            double sum = 0;
            for (size_t b = 0; b < GP_BLOCKS; b++)
                sum += p[b] * s->kernel[(b * n + i) * n + j];
            l->factor[i * n + j] = sum;
        }
        l->factor[i * n + i] += p[GP_NOISE] * variance[i] + p[GP_FLOOR] + s->rounding / (level * level);
    }
    maple_cholesky(n, l->factor);
    for (size_t i = 0; i < n; i++)
        log_root += log(l->factor[i * n + i]);
    memcpy(l->inverse, l->factor, n * n * sizeof(double));
    maple_cholesky_inverse(n, l->inverse);
    multiply(n, l->inverse, y, ky);
    multiply(n, l->inverse, u, ku);
    double a = 0, b = 0, c = 0;
    for (size_t i = 0; i < n; i++) {
        a += y[i] * ky[i];
        b += y[i] * ku[i];
        c += u[i] * ku[i];
    }
    /* The level that makes most of: n log t - (t^2 a - 2 t b + c) / 2, t = 1 / level. */
    double t = (b + sqrt(b * b + 4 * (double)n * a)) / (2 * a), noise = 0, constant = 0;
    for (size_t i = 0; i < n; i++) {
        e[i] = t * ky[i] - ku[i];
        double own = 0.5 * (e[i] * e[i] - l->inverse[i * n + i]);
        noise += own * variance[i];
        constant += own;
    }
    for (size_t g = 0; g < GP_BLOCKS; g++)
        gradient[g] += p[g] * slope(n, s->kernel + g * n * n, l->inverse, e);
    gradient[GP_NOISE] += p[GP_NOISE] * noise;
    gradient[GP_FLOOR] += p[GP_FLOOR] * constant;
    return (double)n * log(t / level) - 0.5 * (t * t * a - 2 * t * b + c) - log_root;
}

static void ascend(learner *l, double *best) {
    double at[GP_PARAMETERS], first[GP_PARAMETERS] = {0}, second[GP_PARAMETERS] = {0}, most = -INFINITY;
    memcpy(at, GP_LOG_CENTRE, sizeof at);
    memcpy(best, at, sizeof at);
    for (int step = 1; step <= STEPS; step++) {
        double p[GP_PARAMETERS], gradient[GP_PARAMETERS], value = 0;
        for (int i = 0; i < GP_PARAMETERS; i++) {
            double off = (at[i] - GP_LOG_CENTRE[i]) / GP_LOG_SD;
            value -= 0.5 * off * off;
            gradient[i] = -off / GP_LOG_SD;
            p[i] = exp(at[i]);
        }
        for (int d = 0; d < l->n; d++)
            value += climb(l, &l->draws[d], p, gradient);
        if (value > most) {
            most = value;
            memcpy(best, at, sizeof at);
        }
        double rate = RATE * (step <= STEPS / 2 ? 1 : 2 - 2.0 * step / STEPS);
        for (int i = 0; i < GP_PARAMETERS; i++) {
            first[i] = 0.8 * first[i] + 0.2 * gradient[i];
            second[i] = 0.95 * second[i] + 0.05 * gradient[i] * gradient[i];
            at[i] +=
                rate * (first[i] / (1 - pow(0.8, step))) / (sqrt(second[i] / (1 - pow(0.95, step))) + 1e-9);
        }
    }
}

/* The sources' mean is one more way to differ from another shape. */
static void add_mean(gp_samples *s, gp_shape shape) {
    const double *u = s->shape + (size_t)shape * s->n, *m = s->shape;
    for (size_t i = 0; i < s->n; i++)
        for (size_t j = 0; j <= i; j++)
            s->kernel[(GP_POOL * s->n + i) * s->n + j] += (m[i] - u[i]) * (m[j] - u[j]);
}

static maple_status draw(learner *l, const gp_view *view, const maple_arch *archs, const double *latency_ms,
                         size_t n, maple_rng *rng, maple_error *error) {
    maple_arch chosen[MOST_SAMPLES];
    double chosen_ms[MOST_SAMPLES];
    size_t *order = maple_alloc(n, sizeof *order);
    if (!order)
        return maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    maple_status status = MAPLE_OK;
    for (size_t p = 0; p < sizeof PLAN / sizeof *PLAN; p++) {
        size_t count = PLAN[p].samples < n ? PLAN[p].samples : n;
        for (int d = 0; d < PLAN[p].draws && status == MAPLE_OK; d++) {
            maple_rng_shuffle(rng, n, order);
            for (size_t i = 0; i < count; i++) {
                chosen[i] = archs[order[i]];
                chosen_ms[i] = latency_ms[order[i]];
            }
            status = gp_samples_create(view, chosen, chosen_ms, count, &l->draws[l->n], error);
            if (status == MAPLE_OK)
                add_mean(&l->draws[l->n++], l->shape);
        }
    }
    maple_free(order);
    return status;
}

maple_status gp_learn(const gp_view *view, gp_shape shape, const maple_arch *archs, const double *latency_ms,
                      size_t n, uint64_t seed, double *log_parameter, maple_error *error) {
    learner l = {.shape = shape,
                 .factor = maple_alloc(MOST_SAMPLES * MOST_SAMPLES, sizeof(double)),
                 .inverse = maple_alloc(MOST_SAMPLES * MOST_SAMPLES, sizeof(double))};
    maple_rng rng = maple_rng_seed(seed);
    maple_status status = l.factor && l.inverse ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = draw(&l, view, archs, latency_ms, n, &rng, error);
    if (status == MAPLE_OK)
        ascend(&l, log_parameter);
    for (int d = 0; d < l.n; d++)
        gp_samples_release(&l.draws[d]);
    maple_free(l.factor);
    maple_free(l.inverse);
    return status;
}
