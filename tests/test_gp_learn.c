/* SPDX-License-Identifier: Apache-2.0 */
/* Learning hyperparameters: the gradient is that of the objective, and the objective that of the model. */
#include "gp_fixture.h"

#include "predictor/gp_learn.c"

enum { SOURCE_ARCHS = POOL_ARCHS };

/* A source's own rows, and a learner with its draws, as gp_learn makes them. */
typedef struct school {
    gp_fixture g;
    maple_arch archs[SOURCE_ARCHS];
    double ms[SOURCE_ARCHS];
    learner l;
} school;

static void open_school(school *s, size_t which, gp_shape shape, uint64_t seed) {
    gp_make(&s->g, which);
    const maple_dataset *pool = &s->g.f.pool.dataset;
    for (size_t i = 0; i < SOURCE_ARCHS; i++) {
        s->archs[i] = maple_space_canonical(pool->space, s->g.f.form, &pool->archs[i]);
        s->ms[i] = pool->platforms[PLATFORMS - 1].latency_ms[i];
    }
    s->l = (learner){.shape = shape,
                     .factor = zeros(MOST_SAMPLES * MOST_SAMPLES),
                     .inverse = zeros(MOST_SAMPLES * MOST_SAMPLES)};
    maple_rng rng = maple_rng_seed(seed);
    OK(draw(&s->l, &s->g.view, s->archs, s->ms, SOURCE_ARCHS, &rng, &why));
    assert_int_equal(s->l.n, MOST_DRAWS);
}

static void close_school(school *s) {
    for (int d = 0; d < s->l.n; d++)
        gp_samples_release(&s->l.draws[d]);
    free(s->l.factor);
    free(s->l.inverse);
    gp_free(&s->g);
}

static double evidence_at(learner *l, const gp_samples *s, const double *logs) {
    double p[GP_PARAMETERS], ignored[GP_PARAMETERS] = {0};
    for (int i = 0; i < GP_PARAMETERS; i++)
        p[i] = exp(logs[i]);
    return climb(l, s, p, ignored);
}

static void wander(maple_rng *rng, double *logs) {
    for (int i = 0; i < GP_PARAMETERS; i++)
        logs[i] = GP_LOG_CENTRE[i] + maple_rng_normal(rng);
}

static void gradients_are_differences(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        for (int shape = 0; shape < 2; shape++) {
            school s;
            open_school(&s, which, shape ? GP_LIKE_TABLE : GP_LIKE_POOL, 5);
            maple_rng rng = maple_rng_seed(which + 1);
            for (int trial = 0; trial < 4; trial++) {
                const gp_samples *samples = &s.l.draws[trial * 3]; /* of both sizes */
                double logs[GP_PARAMETERS], p[GP_PARAMETERS], gradient[GP_PARAMETERS], most = 0;
                wander(&rng, logs);
                for (int i = 0; i < GP_PARAMETERS; i++) {
                    gradient[i] = 100 + i; /* added to */
                    p[i] = exp(logs[i]);
                }
                climb(&s.l, samples, p, gradient);
                for (int i = 0; i < GP_PARAMETERS; i++)
                    most = fmax(most, fabs(gradient[i] -= 100 + i));
                assert_true(most > 0.1);
                for (int i = 0; i < GP_PARAMETERS; i++) {
                    double kept = logs[i], step = 1e-4;
                    logs[i] = kept + step;
                    double above = evidence_at(&s.l, samples, logs);
                    logs[i] = kept - step;
                    double below = evidence_at(&s.l, samples, logs);
                    logs[i] = kept;
                    NEAR(gradient[i], (above - below) / (2 * step), 1e-5 * (1 + most));
                }
            }
            close_school(&s);
        }
    }
}

/* The Gaussian density of latencies / level, the level chosen to make it largest; in units of the level of
 * the samples' mean. K is put together and inverted here. */
static double best_evidence(const school *s, const gp_samples *samples, const double *logs) {
    const gp_view *view = &s->g.view;
    size_t n = samples->n, width = s->g.width;
    const double *shape = s->l.shape == GP_LIKE_TABLE ? view->table : view->mean;
    double *k = zeros(n * n), *u = zeros(n), *y = zeros(n), *off = zeros(n), mean_y = 0, mean_u = 0;
    for (size_t i = 0; i < n; i++) {
        u[i] = product(samples->x + i * width, shape, width);
        off[i] = product(samples->x + i * width, view->mean, width) - u[i];
        mean_y += samples->latency_ms[i];
        mean_u += u[i];
    }
    for (size_t i = 0; i < n; i++) {
        const double *a = samples->x + i * width;
        y[i] = samples->latency_ms[i] / (mean_y / mean_u);
        for (size_t j = 0; j < n; j++) {
            const double *b = samples->x + j * width;
            double sum = exp(logs[GP_OFFSET]), along = off[i] * off[j];
            for (size_t f = 0; f < s->g.k; f++)
                sum += exp(logs[view->frame->block[f]]) * a[f] * b[f];
            for (size_t d = 0; d < view->n; d++)
                along +=
                    product(a, view->spread + d * width, width) * product(b, view->spread + d * width, width);
            k[i * n + j] = sum + exp(logs[GP_POOL]) * along;
        }
        double relative = y[i] > 0.2 ? y[i] : 0.2;
        k[i * n + i] += exp(logs[GP_NOISE]) * relative * relative + exp(logs[GP_FLOOR]);
    }
    double log_det = invert(k, n), most = -INFINITY, best = 0;
    for (double step = 1, around = 0; step >= 1e-4; step /= 10, around = best) /* the density has one peak */
        for (int i = -10; i <= 10; i++) {
            double t = exp(-around - i * step);
            for (size_t j = 0; j < n; j++)
                off[j] = t * y[j] - u[j];
            double density = (double)n * log(t) - 0.5 * log_det - 0.5 * form(k, off, off, n);
            if (density > most) {
                most = density;
                best = around + i * step;
            }
        }
    assert_true(fabs(best) < 5);
    free(k), free(u), free(y), free(off);
    /* As gp_learn counts it: per unit of latency, not of latency over the mean's level. */
    return most - (double)n * log(mean_y / mean_u);
}

static void the_objective_is_the_evidence(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        for (int shape = 0; shape < 2; shape++) {
            school s;
            open_school(&s, which, shape ? GP_LIKE_TABLE : GP_LIKE_POOL, 6);
            maple_rng rng = maple_rng_seed(which + 10);
            for (int d = 0; d < s.l.n; d += 4) {
                double logs[GP_PARAMETERS];
                wander(&rng, logs);
                double expected = best_evidence(&s, &s.l.draws[d], logs);
                NEAR(evidence_at(&s.l, &s.l.draws[d], logs), expected, 1e-4 * (1 + fabs(expected)));
            }
            close_school(&s);
        }
    }
}

static double objective(school *s, const double *logs) {
    double value = 0;
    for (int i = 0; i < GP_PARAMETERS; i++)
        value -= 0.5 * pow((logs[i] - GP_LOG_CENTRE[i]) / GP_LOG_SD, 2);
    for (int d = 0; d < s->l.n; d++)
        value += evidence_at(&s->l, &s->l.draws[d], logs);
    return value;
}

/* What is learned is better than where it began, and little worse than what is around it: the ascent has a
 * fixed number of steps, and does not wait for the last percents. */
static void learning_climbs(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        for (int shape = 0; shape < 2; shape++) {
            school s;
            double learned[GP_PARAMETERS], again[GP_PARAMETERS];
            open_school(&s, which, shape ? GP_LIKE_TABLE : GP_LIKE_POOL, 7);
            OK(gp_learn(&s.g.view, s.l.shape, s.archs, s.ms, SOURCE_ARCHS, 7, learned, &why));
            OK(gp_learn(&s.g.view, s.l.shape, s.archs, s.ms, SOURCE_ARCHS, 7, again, &why));
            assert_memory_equal(learned, again, sizeof learned);
            double reached = objective(&s, learned), began = objective(&s, GP_LOG_CENTRE);
            if (!(reached > began + 10))
                fail_msg("case %zu, shape %d: %g is not above %g", which, shape, reached, began);
            for (int i = 0; i < GP_PARAMETERS; i++)
                for (int side = -1; side < 2; side += 2) {
                    double near[GP_PARAMETERS];
                    memcpy(near, learned, sizeof near);
                    near[i] += side * 0.5;
                    if (objective(&s, near) > reached + 0.05 * (reached - began))
                        fail_msg("case %zu, shape %d: parameter %d is not near its best", which, shape, i);
                }
            close_school(&s);
        }
    }
}

/* From fewer rows than a draw wants, too. */
static void few_rows_are_enough(void **state) {
    (void)state;
    gp_fixture g;
    gp_make(&g, 0);
    for (size_t n = 1; n <= SAMPLES; n += 3) {
        double learned[GP_PARAMETERS];
        OK(gp_learn(&g.view, GP_LIKE_POOL, g.f.samples, g.f.latency_ms, n, 3, learned, &why));
        for (int i = 0; i < GP_PARAMETERS; i++)
            assert_true(isfinite(learned[i]) && fabs(learned[i] - GP_LOG_CENTRE[i]) < 10);
    }
    gp_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(the_objective_is_the_evidence),
        cmocka_unit_test(learning_climbs),
        cmocka_unit_test(few_rows_are_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
