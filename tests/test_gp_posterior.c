/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence and posterior of `gp` against Bayesian linear regression in its primal form: c = u + B z with
 * z ~ N(0, I), whose posterior has the precision I + B' X' N^-1 X B. Nothing here is taken from the dual form
 * that the predictor uses.
 */
#include "gp_fixture.h"

typedef struct primal {
    double log_evidence;
    double *mean, *covariance; /* [width], [width, width]; ms */
} primal;

enum { SOURCES = PLATFORMS - 1, FIRST_TABLE = GP_LIKE_SOURCE + SOURCES };

/* What a table says: of all sources, or of the t-th of them alone, where the others are not used. */
static void table_shape(const gp_fixture *g, const bool *use, double *c) {
    gp_view view;
    OK(gp_view_create(g->view.frame, &g->sources, use, g->f.request.target.operator_ms, &view, &why));
    assert_non_null(view.table);
    memcpy(c, view.table, g->width * sizeof *c);
    gp_view_release(&view);
}

/* c[width] of a shape, by itself: not from the rows of the view. */
static void shape_of(const gp_fixture *g, size_t shape, double *c) {
    const gp_frame *frame = g->view.frame;
    memset(c, 0, g->width * sizeof *c);
    if (shape == GP_LIKE_POOL) {
        double *own = zeros(g->width);
        for (size_t d = 0; d < SOURCES; d++) {
            source_shape(g, frame, d, own);
            for (size_t j = 0; j < g->width; j++)
                c[j] += own[j] / SOURCES;
        }
        free(own);
    } else if (shape == GP_LIKE_COST) {
        cost_shape(g, frame, c);
    } else if (shape == GP_LIKE_TABLE) {
        table_shape(g, NULL, c);
    } else if (shape < FIRST_TABLE) {
        source_shape(g, frame, shape - GP_LIKE_SOURCE, c);
    } else {
        bool use[SOURCES] = {false};
        use[shape - FIRST_TABLE] = true; /* all of them have tables */
        table_shape(g, use, c);
    }
}

/* [width, m]: what the prior's standard normal numbers do to the coefficients; also u. */
static double *prior_root(const gp_fixture *g, const gp_hypothesis *h, double *u, size_t *m) {
    const gp_frame *frame = g->view.frame;
    size_t width = g->width;
    double *shape = zeros(width), *mean = zeros(width), *own = zeros(width),
           root = sqrt(h->parameter[GP_POOL]);
    *m = SOURCES + 1 + width;
    double *b = zeros(width * *m);
    shape_of(g, h->shape, shape);
    shape_of(g, GP_LIKE_POOL, mean);
    for (size_t d = 0; d < SOURCES; d++) {
        shape_of(g, GP_LIKE_SOURCE + d, own);
        for (size_t j = 0; j < width; j++)
            b[j * *m + d] = root * (own[j] - mean[j]) / sqrt(SOURCES);
    }
    for (size_t j = 0; j < width; j++) {
        bool last = j == frame->k;
        u[j] = h->share * shape[j] + (last ? 1 - h->share : 0);
        b[j * *m + SOURCES] = root * (mean[j] - u[j]);
        if (last || frame->scale[j] > 0)
            b[j * *m + SOURCES + 1 + j] = sqrt(h->parameter[last ? GP_OFFSET : frame->block[j]]);
    }
    free(shape), free(mean), free(own);
    return b;
}

static primal regress(const gp_fixture *g, const gp_hypothesis *h, const maple_arch *archs, const double *ms,
                      size_t n, double rounding) {
    size_t width = g->width, m;
    double *u = zeros(width), *x = zeros(n * width), *xb, level = 1, mean_ms = 0, mean_u = 0;
    double *b = prior_root(g, h, u, &m);
    for (size_t i = 0; i < n; i++) {
        gp_frame_row(g->view.frame, &archs[i], x + i * width);
        mean_ms += ms[i] / (double)n;
        mean_u += product(x + i * width, u, width) / (double)n;
    }
    if (n > 0)
        level = mean_ms / mean_u;
    xb = zeros(n * m);
    double *noise = zeros(n), *rest = zeros(n), *precision = zeros(m * m), *right = zeros(m), *z = zeros(m);
    double log_noise = 0, square;
    for (size_t i = 0; i < n; i++) {
        double relative = ms[i] / level > 0.2 ? ms[i] / level : 0.2;
        noise[i] = h->parameter[GP_NOISE] * relative * relative + h->parameter[GP_FLOOR] +
                   rounding / (level * level);
        rest[i] = ms[i] / level - product(x + i * width, u, width);
        log_noise += log(noise[i]);
        for (size_t j = 0; j < width; j++)
            for (size_t k = 0; k < m; k++)
                xb[i * m + k] += x[i * width + j] * b[j * m + k];
        for (size_t k = 0; k < m; k++)
            right[k] += xb[i * m + k] * rest[i] / noise[i];
    }
    for (size_t k = 0; k < m; k++)
        for (size_t l = 0; l < m; l++) {
            precision[k * m + l] = k == l;
            for (size_t i = 0; i < n; i++)
                precision[k * m + l] += xb[i * m + k] * xb[i * m + l] / noise[i];
        }
    double log_det = invert(precision, m);
    for (size_t k = 0; k < m; k++)
        z[k] = product(precision + k * m, right, m);
    square = product(z, z, m); /* residuals and coefficients: no difference of large numbers */
    for (size_t i = 0; i < n; i++)
        square += pow(rest[i] - product(xb + i * m, z, m), 2) / noise[i];
    primal p = {-0.5 * (log_noise + log_det + square) - (double)n * log(level), zeros(width),
                zeros(width * width)};
    double *bp = zeros(width * m);
    for (size_t i = 0; i < width; i++) {
        p.mean[i] = level * (u[i] + product(b + i * m, z, m));
        for (size_t k = 0; k < m; k++)
            bp[i * m + k] = product(b + i * m, precision + k * m, m); /* symmetric */
        for (size_t j = 0; j < width; j++)
            p.covariance[i * width + j] = level * level * product(bp + i * m, b + j * m, m);
    }
    free(u), free(x), free(b), free(xb), free(noise), free(rest), free(precision), free(right), free(z);
    free(bp);
    return p;
}

static void release(primal *p) {
    free(p->mean);
    free(p->covariance);
}

/* Hypotheses as the predictor makes them, of every kind of shape; weights that differ. */
enum { MIXED = 8, WITHOUT_SHARE = 4 };
static const size_t MIXED_SHAPES[MIXED] = {GP_LIKE_POOL, GP_LIKE_POOL,   GP_LIKE_COST,    GP_LIKE_TABLE,
                                           GP_LIKE_COST, GP_LIKE_SOURCE, FIRST_TABLE - 1, FIRST_TABLE + 2};

/* The hypothesis of a shape that comes after `skip` others of it. */
static const gp_hypothesis *find(const gp_hypothesis *all, size_t n, size_t shape, size_t skip) {
    for (size_t i = 0; i < n; i++)
        if (all[i].shape == shape && skip-- == 0)
            return &all[i];
    fail_msg("too few hypotheses of shape %zu", shape);
    return NULL;
}

static void choose(const gp_fixture *g, gp_hypothesis *h, double *weight) {
    gp_hypothesis *all;
    size_t n;
    double sum = 0;
    OK(gp_hypotheses_create(&g->view, GP_LOG_CENTRE, 1, GP_LOG_CENTRE, 1, false, &all, &n, &why));
    for (size_t i = 0; i < MIXED; i++) {
        h[i] = *find(all, n, MIXED_SHAPES[i], 3 * i); /* the first is what was learned, unchanged */
        sum += weight[i] = 1.0 / (double)(i + 1);
    }
    h[WITHOUT_SHARE].share = 0;
    for (size_t i = 0; i < MIXED; i++)
        weight[i] /= sum;
    maple_free(all);
}

static double greatest(const double *values, size_t n) {
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

static void assert_all_near(const char *what, const double *values, const double *expected, size_t n) {
    double most = greatest(expected, n);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(values[i] - expected[i]) <= 1e-7 * most))
            fail_msg("%s[%zu]: %.15g, expected %.15g (of %g)", what, i, values[i], expected[i], most);
}

static void one_hypothesis_is_a_regression(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_hypothesis h[MIXED];
        double weight[MIXED], factor[SAMPLES * SAMPLES], dual[SAMPLES], first = 0, first_expected = 0;
        gp_make(&g, which);
        choose(&g, h, weight);
        for (int whole = 0; whole < 2; whole++) {
            for (size_t i = 0; whole && i < SAMPLES; i++)
                g.f.latency_ms[i] = ceil(g.f.latency_ms[i] * 20);
            gp_samples samples;
            OK(gp_samples_create(&g.view, g.f.samples, g.f.latency_ms, SAMPLES, &samples, &why));
            NEAR(samples.rounding, whole ? 1.0 / 12 : 0, 1e-15);
            for (size_t i = 0; i < MIXED; i++) {
                primal p = regress(&g, &h[i], g.f.samples, g.f.latency_ms, SAMPLES, whole ? 1.0 / 12 : 0);
                double evidence = gp_evidence(&samples, &h[i], factor, dual);
                if (i == 0) { /* constants do not matter, as they are the same for all */
                    first = evidence;
                    first_expected = p.log_evidence;
                }
                NEAR(evidence - first, p.log_evidence - first_expected,
                     1e-8 * (1 + fabs(evidence) + fabs(first)));
                gp_posterior posterior;
                double one = 0.3; /* weights are relative */
                OK(gp_posterior_create(&samples, &h[i], &one, 1, &posterior, &why));
                assert_all_near("mean", posterior.mean, p.mean, g.width);
                assert_all_near("covariance", posterior.covariance, p.covariance, g.width * g.width);
                double level = gp_level_ms(&samples, &h[i]);
                NEAR(posterior.noise, h[i].parameter[GP_NOISE], 1e-12);
                NEAR(posterior.constant, level * level * h[i].parameter[GP_FLOOR] + (whole ? 1.0 / 12 : 0),
                     1e-12 * level * level);
                NEAR(posterior.least_ms, 0.2 * level, 1e-12 * level);
                double p_ms = level, least = 0.1 * level;
                NEAR(gp_noise_variance(&posterior, p_ms), posterior.noise * p_ms * p_ms + posterior.constant,
                     1e-12 * p_ms * p_ms);
                NEAR(gp_noise_variance(&posterior, least),
                     posterior.noise * 0.04 * level * level + posterior.constant, 1e-12 * level * level);
                gp_posterior_release(&posterior);
                release(&p);
            }
            gp_samples_release(&samples);
        }
        gp_free(&g);
    }
}

/* Density of sample i given the others, from the joint densities with and without it under one covariance:
 * the level and the noise stay those of all samples. */
static double density_without(const gp_samples *s, const gp_hypothesis *h, size_t gone) {
    size_t n = s->n;
    double level = gp_level_ms(s, h), joint[2] = {0};
    for (int without = 0; without < 2; without++) {
        double *k = zeros(n * n), *e = zeros(n);
        size_t m = 0;
        for (size_t i = 0; i < n; i++) {
            if (without && i == gone)
                continue;
            double ui = gp_expected(s, h, i), relative = fmax(s->latency_ms[i] / level, 0.2);
            size_t row = m++, column = 0;
            e[row] = s->latency_ms[i] / level - ui;
            for (size_t j = 0; j < n; j++) {
                if (without && j == gone)
                    continue;
                double value =
                    h->parameter[GP_POOL] * (s->shape[i] - ui) * (s->shape[j] - gp_expected(s, h, j));
                for (size_t g = 0; g < GP_BLOCKS; g++)
                    value += h->parameter[g] * s->kernel[(g * n + (i > j ? i : j)) * n + (i > j ? j : i)];
                if (i == j)
                    value += h->parameter[GP_NOISE] * relative * relative + h->parameter[GP_FLOOR] +
                             s->rounding / (level * level);
                k[row * (without ? n - 1 : n) + column++] = value;
            }
        }
        double log_det = invert(k, m);
        joint[without] = -0.5 * (log_det + form(k, e, e, m) + (double)m * log(2 * M_PI));
        free(k);
        free(e);
    }
    return joint[0] - joint[1];
}

/* All ways to compute an evidence agree; so does what a sample says of the others. */
static void lanes_and_columns_say_the_same(void **state) {
    (void)state;
    enum { HYPOTHESES = GP_LANES + 1 };
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_hypothesis h[HYPOTHESES];
        double weight[MIXED], factor[SAMPLES * SAMPLES], dual[SAMPLES], evidence[GP_LANES];
        double density[SAMPLES * GP_LANES];
        gp_make(&g, which);
        choose(&g, h, weight);
        for (size_t i = MIXED; i < HYPOTHESES; i++) {
            h[i] = h[i % MIXED];
            for (size_t p = 0; p < GP_PARAMETERS; p++)
                h[i].parameter[p] *= 1 + 0.1 * (double)((i * 5 + p * 3) % 7);
        }
        for (size_t n = SAMPLES; n + 6 > SAMPLES; n--) { /* multiples of what is summed at once, and others */
            gp_samples samples;
            gp_lanes *lanes = synthetic_need(gp_lanes_create(SAMPLES));
            OK(gp_samples_create(&g.view, g.f.samples, g.f.latency_ms, n, &samples, &why));
            double *room = zeros(gp_wide_scratch(&samples));
            for (size_t start = 0; start < HYPOTHESES; start += GP_LANES) {
                size_t n_h = HYPOTHESES - start < GP_LANES ? HYPOTHESES - start : GP_LANES;
                gp_lanes_evidence(lanes, &samples, h + start, n_h, evidence);
                gp_lanes_leave_one_out(lanes, density);
                for (size_t l = 0; l < n_h; l++) {
                    const gp_hypothesis *own = &h[start + l];
                    double known = gp_evidence(&samples, own, factor, dual), near = 1e-8 * (1 + fabs(known));
                    NEAR(evidence[l], known, near);
                    NEAR(gp_evidence_wide(&samples, own, room), known, near);
                    for (size_t i = 0; i < n; i += 3) {
                        double expected = density_without(&samples, own, i);
                        NEAR(density[i * GP_LANES + l], expected, 1e-6 * (1 + fabs(expected)));
                    }
                }
            }
            free(room);
            gp_lanes_free(lanes);
            gp_samples_release(&samples);
        }
        gp_free(&g);
    }
}

/* More samples than kernels are made for: the same evidence and posterior, from columns alone; parts are like
 * samples made of them. */
static void many_samples_need_no_kernels(void **state) {
    (void)state;
    enum { MANY = 2 * GP_FEW, START = 5 };
    gp_fixture g;
    gp_hypothesis h[MIXED];
    double weight[MIXED], ms[MANY], *factor = zeros(MANY * MANY), dual[MANY];
    maple_arch archs[MANY];
    bool gone[MANY] = {0};
    gp_make(&g, 0);
    choose(&g, h, weight);
    for (size_t i = 0; i < MANY; i++) {
        archs[i] = g.f.asked[i];
        ms[i] = 3 + (double)((i * 7) % 11) / 5;
    }
    gp_samples samples, part, direct;
    OK(gp_samples_create(&g.view, archs, ms, MANY, &samples, &why));
    assert_null(samples.kernel);
    assert_true(gp_is_wide(&samples));
    double *room = zeros(gp_wide_scratch(&samples));
    for (size_t m = 0; m < MIXED; m++) {
        primal own = regress(&g, &h[m], archs, ms, MANY, 0);
        primal other = regress(&g, &h[0], archs, ms, MANY, 0);
        double known = own.log_evidence, first = other.log_evidence;
        NEAR(gp_evidence(&samples, &h[m], factor, dual) - gp_evidence(&samples, &h[0], factor, dual),
             known - first, 1e-7 * (1 + fabs(known) + fabs(first)));
        NEAR(gp_evidence_wide(&samples, &h[m], room) - gp_evidence_wide(&samples, &h[0], room), known - first,
             1e-7 * (1 + fabs(known) + fabs(first)));
        const double one = 1;
        gp_posterior posterior;
        OK(gp_posterior_create(&samples, &h[m], &one, 1, &posterior, &why));
        assert_all_near("mean of many", posterior.mean, own.mean, g.width);
        assert_all_near("covariance of many", posterior.covariance, own.covariance, g.width * g.width);
        gp_posterior_release(&posterior);
        release(&own);
        release(&other);
    }
    OK(gp_samples_take(&samples, START, GP_FEW, &part, &why));
    OK(gp_samples_create(&g.view, archs + START, ms + START, GP_FEW, &direct, &why));
    for (size_t m = 0; m < MIXED; m++)
        NEAR(gp_evidence(&part, &h[m], factor, dual), gp_evidence(&direct, &h[m], factor, dual), 1e-7);
    gp_samples_release(&direct);
    gone[0] = gone[3] = true; /* what is left: 1, 2, 4 and so on of the part */
    gp_samples_remove(&part, gone);
    maple_arch left[GP_FEW];
    double left_ms[GP_FEW];
    size_t n = 0;
    for (size_t i = 0; i < GP_FEW; i++)
        if (!gone[i]) {
            left[n] = archs[START + i];
            left_ms[n++] = ms[START + i];
        }
    OK(gp_samples_create(&g.view, left, left_ms, n, &direct, &why));
    assert_int_equal(part.n, n);
    for (size_t m = 0; m < MIXED; m++)
        NEAR(gp_evidence(&part, &h[m], factor, dual), gp_evidence(&direct, &h[m], factor, dual), 1e-7);
    gp_samples_release(&direct);
    gp_samples_release(&part);
    gp_samples_release(&samples);
    free(room);
    free(factor);
    gp_free(&g);
}

/* Mean and covariance of a mixture: mean of the covariances + covariance of the means. */
static void check_mixture(const gp_fixture *g, size_t n) {
    gp_hypothesis h[MIXED];
    double weight[MIXED], *mean = zeros(g->width), *second = zeros(g->width * g->width), noise = 0;
    gp_samples samples;
    choose(g, h, weight);
    OK(gp_samples_create(&g->view, g->f.samples, g->f.latency_ms, n, &samples, &why));
    primal parts[MIXED];
    for (size_t m = 0; m < MIXED; m++) {
        parts[m] = regress(g, &h[m], g->f.samples, g->f.latency_ms, n, 0);
        for (size_t i = 0; i < g->width; i++)
            mean[i] += weight[m] * parts[m].mean[i];
        noise += weight[m] * h[m].parameter[GP_NOISE];
    }
    for (size_t m = 0; m < MIXED; m++) {
        for (size_t i = 0; i < g->width; i++)
            for (size_t j = 0; j < g->width; j++)
                second[i * g->width + j] +=
                    weight[m] * (parts[m].covariance[i * g->width + j] +
                                 (parts[m].mean[i] - mean[i]) * (parts[m].mean[j] - mean[j]));
        release(&parts[m]);
    }
    gp_posterior posterior;
    OK(gp_posterior_create(&samples, h, weight, MIXED, &posterior, &why));
    assert_all_near("mean", posterior.mean, mean, g->width);
    assert_all_near("covariance", posterior.covariance, second, g->width * g->width);
    NEAR(posterior.noise, noise, 1e-12);
    gp_posterior_release(&posterior);
    gp_samples_release(&samples);
    free(mean);
    free(second);
}

static void a_mixture_has_the_total_variance(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_make(&g, which);
        check_mixture(&g, SAMPLES);
        check_mixture(&g, 1);
        check_mixture(&g, 0); /* what the prior says, in units of the level */
        gp_free(&g);
    }
}

/* Raw coefficients predict the same, as surely. */
static void leaving_keeps_predictions_and_variances(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_hypothesis h[MIXED];
        double weight[MIXED], prediction[ASKED], variance[ASKED];
        gp_samples samples;
        gp_posterior posterior;
        gp_make(&g, which);
        choose(&g, h, weight);
        double *x = zeros(g.width);
        OK(gp_samples_create(&g.view, g.f.samples, g.f.latency_ms, SAMPLES, &samples, &why));
        OK(gp_posterior_create(&samples, h, weight, MIXED, &posterior, &why));
        for (size_t i = 0; i < ASKED; i++) {
            gp_frame_row(&g.frames[g.f.form], &g.f.asked[i], x);
            prediction[i] = product(x, posterior.mean, g.width);
            variance[i] = form(posterior.covariance, x, x, g.width);
            assert_true(variance[i] > 0);
        }
        gp_posterior_leave(&g.frames[g.f.form], &posterior);
        for (size_t i = 0; i < ASKED; i++) {
            maple_space_feature_values(g.f.space, &g.f.asked[i], x);
            x[g.k] = 1;
            NEAR(product(x, posterior.mean, g.width), prediction[i], 1e-10 * fabs(prediction[i]));
            NEAR(form(posterior.covariance, x, x, g.width), variance[i], 1e-7 * variance[i]);
        }
        free(x);
        gp_posterior_release(&posterior);
        gp_samples_release(&samples);
        gp_free(&g);
    }
}

/* Nothing explains the samples: an error, no numbers. */
static void no_weight_is_an_error(void **state) {
    (void)state;
    gp_fixture g;
    gp_hypothesis h[MIXED];
    double weight[MIXED];
    gp_samples samples;
    gp_posterior posterior = {.k = 77};
    gp_make(&g, 0);
    choose(&g, h, weight);
    OK(gp_samples_create(&g.view, g.f.samples, g.f.latency_ms, SAMPLES, &samples, &why));
    memset(weight, 0, sizeof weight);
    FAILS(gp_posterior_create(&samples, h, weight, MIXED, &posterior, &why), MAPLE_BAD_INPUT,
          "no hypothesis explains the samples");
    weight[0] = NAN;
    FAILS(gp_posterior_create(&samples, h, weight, MIXED, &posterior, &why), MAPLE_BAD_INPUT,
          "no hypothesis explains the samples");
    assert_int_equal(posterior.k, 77);
    gp_samples_release(&samples);
    gp_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hypothesis_is_a_regression),
        cmocka_unit_test(lanes_and_columns_say_the_same),
        cmocka_unit_test(many_samples_need_no_kernels),
        cmocka_unit_test(a_mixture_has_the_total_variance),
        cmocka_unit_test(leaving_keeps_predictions_and_variances),
        cmocka_unit_test(no_weight_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
