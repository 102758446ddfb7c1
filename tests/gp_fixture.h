/* SPDX-License-Identifier: Apache-2.0 */
/* gp_fixture.h: the parts of `gp` on the synthetic devices of predictor_fixture.h, and small dense algebra of
 * its own to check them by. */
#ifndef MAPLE_TESTS_GP_FIXTURE_H
#define MAPLE_TESTS_GP_FIXTURE_H

#include "check.h"
#include "predictor/gp_model.h"
#include "predictor/moments.h"
#include "predictor_fixture.h"

typedef struct gp_fixture {
    fixture f;
    gp_frame frames[2];
    gp_sources sources;
    gp_view view; /* of the target */
    size_t k, width;
} gp_fixture;

static inline void gp_make(gp_fixture *g, size_t which) {
    fixture_make_case(&g->f, which);
    for (int form = 0; form < 2; form++)
        OK(gp_frame_create(g->f.space, (maple_graph_form)form, &g->frames[form], &why));
    OK(gp_sources_create(g->f.space, PLATFORMS - 1, &g->sources, &why));
    for (size_t s = 0; s + 1 < PLATFORMS; s++)
        OK(gp_sources_learn(&g->sources, s, &g->f.request, g->frames, g->f.sources[s], &why));
    OK(gp_view_create(&g->frames[g->f.form], &g->sources, NULL, g->f.request.target.operator_ms, &g->view,
                      &why));
    g->k = g->frames[0].k;
    g->width = g->k + 1;
    for (size_t i = 0; i < SAMPLES; i++)
        g->f.samples[i] = maple_space_canonical(g->f.space, g->f.form, &g->f.samples[i]);
    for (size_t i = 0; i < ASKED; i++)
        g->f.asked[i] = maple_space_canonical(g->f.space, g->f.form, &g->f.asked[i]);
}

/* --- The same, computed here --- */

/* values[features]: of the mean architecture of a space; the architectures are those that frames draw. */
static inline void mean_features(const maple_space *space, maple_graph_form form, double *values) {
    size_t k = maple_space_features(space);
    double *own = synthetic_need(calloc(k, sizeof *own));
    maple_arch *archs = synthetic_need(calloc(MAPLE_DRAWN_ARCHS, sizeof *archs));
    maple_rng rng = maple_rng_seed(1);
    memset(values, 0, k * sizeof *values);
    OK(maple_space_sample(space, form, &rng, MAPLE_DRAWN_ARCHS, archs, &why));
    for (size_t i = 0; i < MAPLE_DRAWN_ARCHS; i++) {
        maple_arch runs = maple_space_canonical(space, form, &archs[i]);
        maple_space_feature_values(space, &runs, own);
        for (size_t j = 0; j < k; j++)
            values[j] += own[j] / MAPLE_DRAWN_ARCHS;
    }
    free(own);
    free(archs);
}

/* c[width] of source d in a frame, over what it says of the mean architecture. What does not vary is part of
 * the offset; of what says the same twice no source has a coefficient. */
static inline void source_shape(const gp_fixture *g, const gp_frame *frame, size_t d, double *c) {
    const double *raw = g->sources.coefficients[frame->graph] + d * g->width;
    double *values = synthetic_need(calloc(g->width, sizeof *values)), level = raw[g->k];
    mean_features(g->f.space, frame->graph, values);
    c[g->k] = raw[g->k];
    for (size_t j = 0; j < g->k; j++) {
        level += raw[j] * values[j];
        c[j] = frame->scale[j] > 0 ? raw[j] / frame->scale[j] : 0;
        c[g->k] += frame->scale[j] > 0 ? 0 : raw[j] * values[j];
    }
    for (size_t j = 0; j < g->width; j++)
        c[j] /= level;
    free(values);
}

/* c[width]: the mean of FLOPs, parameters and activations, each over its mean. */
static inline void cost_shape(const gp_fixture *g, const gp_frame *frame, double *c) {
    double *values = synthetic_need(calloc(g->width, sizeof *values));
    mean_features(g->f.space, frame->graph, values);
    c[g->k] = 0;
    for (size_t j = 0; j < g->k; j++) {
        bool cost = maple_space_feature(g->f.space, j)->group == MAPLE_FEATURE_COST;
        c[j] = cost ? 1 / (3 * values[j] * frame->scale[j]) : 0;
    }
    free(values);
}

static inline void gp_free(gp_fixture *g) {
    gp_view_release(&g->view);
    gp_sources_release(&g->sources);
    for (int form = 0; form < 2; form++)
        gp_frame_release(&g->frames[form]);
    fixture_free(&g->f);
}

static inline double *zeros(size_t n) {
    return synthetic_need(calloc(n > 0 ? n : 1, sizeof(double)));
}

static inline double product(const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* a' M b */
static inline double form(const double *m, const double *a, const double *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * product(m + i * n, b, n);
    return sum;
}

#define NEAR(value, expected, tolerance)                                                                     \
    do {                                                                                                     \
        double value_ = (value), expected_ = (expected);                                                     \
        if (!(fabs(value_ - expected_) <= (tolerance)))                                                      \
            fail_msg("%s: %.17g, expected %.17g", #value, value_, expected_);                                \
    } while (0)

/* a[n, n] becomes its inverse, by Gauss and Jordan's elimination with the greatest pivot of a column. Returns
 * log |det|. */
static inline double invert(double *a, size_t n) {
    double log_det = 0, *right = zeros(n * n);
    for (size_t i = 0; i < n; i++)
        right[i * n + i] = 1;
    for (size_t c = 0; c < n; c++) {
        size_t pivot = c;
        for (size_t i = c + 1; i < n; i++)
            if (fabs(a[i * n + c]) > fabs(a[pivot * n + c]))
                pivot = i;
        double by = a[pivot * n + c];
        assert_true(fabs(by) > 0);
        log_det += log(fabs(by));
        for (size_t j = 0; j < n; j++) {
            double left = a[pivot * n + j], other = right[pivot * n + j];
            a[pivot * n + j] = a[c * n + j];
            right[pivot * n + j] = right[c * n + j];
            a[c * n + j] = left / by;
            right[c * n + j] = other / by;
        }
        for (size_t i = 0; i < n; i++) {
            double times = a[i * n + c];
            if (i == c || times == 0)
                continue;
            for (size_t j = 0; j < n; j++) {
                a[i * n + j] -= times * a[c * n + j];
                right[i * n + j] -= times * right[c * n + j];
            }
        }
    }
    memcpy(a, right, n * n * sizeof *a);
    free(right);
    return log_det;
}

#endif
