/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gradients of HELP's networks and of its meta-loss against central differences, in double: the library's
 * float sources once more under NN_DOUBLE. Both spaces: a graph and bits.
 */
#define NN_DOUBLE 1
#include "nn/dense.c"
#include "nn/dual.c"
#include "predictor/help_net.c"
#include "predictor/help_modulator.c"
#include "predictor/help_meta.c"
#include "differences.h"
#include "spaces.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SUPPORT = 5, QUERY = 9, WIDTH = 6 };

/* A rule and a task on random architectures. */
typedef struct meta_case {
    const maple_space *space;
    help_rule rule;
    help_batch *support, *query;
    help_meta_work *work;
    double *meta, *gradient, *noise;
    double hardware[10], support_label[SUPPORT], query_label[QUERY];
    help_task task;
} meta_case;

static meta_case make_case(const char *space, bool bits, bool second_order, uint64_t seed) {
    maple_rng rng = maple_rng_seed(seed);
    meta_case c = {.space = space_or_fail(space)};
    maple_arch archs[SUPPORT + QUERY];
    assert_int_equal(maple_space_sample(c.space, MAPLE_GRAPH_AS_WRITTEN, &rng, SUPPORT + QUERY, archs, NULL),
                     MAPLE_OK);
    archs[1] = archs[0]; /* two rows of one architecture */
    c.rule = (help_rule){.shape = help_shape_for(c.space, bits, WIDTH),
                         .steps = 2,
                         .second_order = second_order,
                         .kl = 0.1,
                         .z_scaling = 0.3};
    help_rule_size(&c.rule);
    c.support = help_batch_create(c.space, &c.rule.shape, SUPPORT);
    c.query = help_batch_create(c.space, &c.rule.shape, QUERY);
    c.work = help_meta_work_create(c.space, &c.rule, SUPPORT, QUERY);
    size_t meta = help_rule_meta(&c.rule);
    c.meta = malloc(meta * sizeof(double));
    c.gradient = calloc(meta, sizeof(double));
    c.noise = malloc(c.rule.latent * sizeof(double));
    assert_true(c.support && c.query && c.work && c.meta && c.gradient && c.noise);
    help_batch_build(c.support, archs, SUPPORT);
    help_batch_build(c.query, archs + SUPPORT, QUERY);
    /* Large inner steps, and nothing at 0: the second order must be seen. */
    fill_normal(&rng, 0.4, meta, c.meta);
    for (size_t i = 0; i < c.rule.parameters; i++)
        c.meta[c.rule.parameters + i] = 0.02 * c.meta[c.rule.parameters + i] + 0.01;
    fill_normal(&rng, 1, c.rule.latent, c.noise);
    fill_normal(&rng, 1, 10, c.hardware);
    fill_normal(&rng, 1, SUPPORT, c.support_label);
    fill_normal(&rng, 1, QUERY, c.query_label);
    return c;
}

static void aim(meta_case *c) {
    c->task = (help_task){.hardware = c->hardware,
                          .noise = c->noise,
                          .support = c->support,
                          .query = c->query,
                          .support_label = c->support_label,
                          .query_label = c->query_label};
}

static void release(meta_case *c) {
    help_batch_free(c->support);
    help_batch_free(c->query);
    help_meta_work_free(c->work);
    free(c->meta);
    free(c->gradient);
    free(c->noise);
}

static const char *const SPACES[][2] = {{"nas-bench-201", ""}, {"nas-bench-201", "bits"}, {"fbnet", ""}};

/* --- Rows that are shared --- */

/* The graph written out node by node, as the specification has it (A X W), for one architecture. */
static double graph_by_hand(const help_shape *shape, const double *p, const double *hardware,
                            const maple_arch *arch) {
    static const int EDGES_INTO[9][8] = {{0, -1},    {1, 0, -1},    {2, 0, -1},       {3, 1, -1}, {4, 0, -1},
                                         {5, 1, -1}, {6, 2, 3, -1}, {7, 4, 5, 6, -1}, {-1}};
    help_layout layout = help_layout_of(shape);
    double x[9][64] = {{0}}, y[9][64], joint[64], head[2][64];
    for (int i = 0; i < 9; i++)
        x[i][i == 0 ? 5 : i == 7 ? 6 : i == 8 ? 7 : arch->op[i - 1]] = 1;
    for (size_t l = 0; l < 4; l++) {
        const help_layer *layer = &layout.layer[l];
        for (int i = 0; i < 9; i++) {
            for (size_t k = 0; k < layer->out; k++) {
                double sum = p[layer->bias + k];
                for (size_t m = 0; m < layer->in; m++) {
                    double input = 0;
                    for (int j = 0; i < 8 && EDGES_INTO[i][j] >= 0; j++)
                        input += x[EDGES_INTO[i][j]][m];
                    for (int j = 0; i == 8 && j < 9; j++)
                        input += x[j][m];
                    sum += input * p[layer->weight + m * layer->out + k];
                }
                y[i][k] = fmax(sum, 0);
            }
        }
        memcpy(x, y, sizeof x);
    }
    memcpy(joint, x[8], WIDTH * sizeof *joint);
    double hw[64];
    memcpy(hw, hardware, 10 * sizeof *hw);
    for (size_t l = 4; l < layout.layers; l++) {
        const help_layer *layer = &layout.layer[l];
        const double *input = l < 6 ? hw : l == 6 ? joint : head[l - 7];
        double *output = l == 4 ? head[0] : l == 5 ? joint + WIDTH : head[(l - 6) % 2], next[64];
        for (size_t k = 0; k < layer->out; k++) {
            double sum = p[layer->bias + k];
            for (size_t m = 0; m < layer->in; m++)
                sum += input[m] * p[layer->weight + m * layer->out + k];
            next[k] = l + 1 < layout.layers ? fmax(sum, 0) : sum;
        }
        memcpy(output, next, layer->out * sizeof *next);
        if (l == 4)
            memcpy(hw, next, layer->out * sizeof *next);
    }
    return head[0][0];
}

static void graph_equals_the_specification(void **state) {
    (void)state;
    enum { N = 60 };
    maple_rng rng = maple_rng_seed(5);
    const maple_space *space = space_or_fail("nas-bench-201");
    help_shape shape = help_shape_for(space, false, WIDTH);
    assert_true(shape.graph && shape.tokens == 8);
    maple_arch archs[N];
    assert_int_equal(maple_space_sample(space, MAPLE_GRAPH_AS_WRITTEN, &rng, N, archs, NULL), MAPLE_OK);
    size_t count = help_layout_of(&shape).parameters;
    double *p = malloc(count * sizeof *p), hardware[10];
    fill_normal(&rng, 0.5, count, p);
    fill_normal(&rng, 1, 10, hardware);
    help_batch *batch = help_batch_create(space, &shape, N);
    help_work *work = help_work_create(space, &shape, N, false);
    for (int again = 0; again < 2; again++) { /* a batch is built anew in the same memory */
        size_t n = again ? 7 : N;
        help_batch_build(batch, archs, n);
        assert_true(batch->sums[0].rows < 9 * n && batch->sums[3].rows == n);
        nn_dual out = help_net_forward(&shape, (nn_dual){.value = p}, hardware, batch, work);
        for (size_t i = 0; i < n; i++)
            assert_true(relative(out.value[i], graph_by_hand(&shape, p, hardware, &archs[i])) < 1e-10);
    }
    help_work_free(work);
    help_batch_free(batch);
    free(p);
}

/* --- The network --- */

static double support_loss(const meta_case *c, double *gradient) {
    return help_net_loss(&c->rule.shape, (nn_dual){.value = c->meta}, c->hardware, c->support,
                         c->support_label, c->work->support, (nn_dual){.value = gradient});
}

static void network_gradients(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof SPACES / sizeof *SPACES; s++) {
        meta_case c = make_case(SPACES[s][0], *SPACES[s][1], true, 3 + s);
        double *unused = malloc(c.rule.parameters * sizeof *unused), worst = 0, norm = 0;
        support_loss(&c, c.gradient);
        for (size_t i = 0; i < c.rule.parameters; i++) {
            const double step = 1e-5;
            double before = c.meta[i];
            c.meta[i] = before + step;
            double up = support_loss(&c, unused);
            c.meta[i] = before - step;
            double down = support_loss(&c, unused);
            c.meta[i] = before;
            worst = fmax(worst, relative((up - down) / (2 * step), c.gradient[i]));
            norm += fabs(c.gradient[i]);
        }
        if (worst >= 1e-6)
            print_error("%s %s: relative error %g\n", SPACES[s][0], SPACES[s][1], worst);
        assert_true(worst < 1e-6 && norm > 1);
        free(unused);
        release(&c);
    }
}

/* Tangents: the Hessian times a direction is the difference of gradients along it. */
static void tangents_are_derivatives_of_gradients(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof SPACES / sizeof *SPACES; s++) {
        meta_case c = make_case(SPACES[s][0], *SPACES[s][1], true, 3 + s);
        size_t n = c.rule.parameters;
        maple_rng rng = maple_rng_seed(9);
        double *direction = malloc(4 * n * sizeof *direction), *up = direction + n, *down = up + n,
               *curved = down + n, worst = 0, norm = 0;
        fill_normal(&rng, 1, n, direction);
        nn_dual at = {.value = c.meta, .tangent = direction};
        help_net_loss(&c.rule.shape, at, c.hardware, c.support, c.support_label, c.work->support,
                      (nn_dual){.value = c.gradient, .tangent = curved});
        support_loss(&c, up);
        for (size_t i = 0; i < n; i++)
            assert_true(relative(up[i], c.gradient[i]) < 1e-12);
        const double step = 1e-6;
        for (size_t i = 0; i < n; i++)
            c.meta[i] += step * direction[i];
        support_loss(&c, up);
        for (size_t i = 0; i < n; i++)
            c.meta[i] -= 2 * step * direction[i];
        support_loss(&c, down);
        for (size_t i = 0; i < n; i++) {
            worst = fmax(worst, fabs((up[i] - down[i]) / (2 * step) - curved[i]));
            norm = fmax(norm, fabs(curved[i]));
        }
        assert_true(norm > 0.1 && worst < 1e-6 * norm);
        free(direction);
        release(&c);
    }
}

/* --- The meta-gradient --- */

static double meta_loss(const meta_case *c) {
    double divergence = help_meta_adapt(&c->rule, c->meta, &c->task, c->work);
    nn_dual theta = {.value = c->work->theta[c->rule.steps]};
    nn_dual out = help_net_forward(&c->rule.shape, theta, c->hardware, c->query, c->work->query);
    double sum = 0;
    for (size_t i = 0; i < QUERY; i++)
        sum += (out.value[i] - c->query_label[i]) * (out.value[i] - c->query_label[i]);
    return sum / QUERY + c->rule.kl * divergence;
}

/* The worst error of the meta-gradient, of parameters, alpha, modulator. */
static void meta_errors(meta_case *c, double worst[3]) {
    const double step = 1e-6, share = 0.25;
    size_t n = help_rule_meta(&c->rule), part = c->rule.parameters;
    aim(c);
    double loss = help_meta_gradient(&c->rule, c->meta, &c->task, share, c->work, c->gradient);
    assert_true(relative(loss, share * meta_loss(c)) < 1e-12);
    worst[0] = worst[1] = worst[2] = 0;
    for (size_t i = 0; i < n; i++) {
        double before = c->meta[i];
        c->meta[i] = before + step;
        double up = meta_loss(c);
        c->meta[i] = before - step;
        double down = meta_loss(c);
        c->meta[i] = before;
        size_t which = i < part ? 0 : i < 2 * part ? 1 : 2;
        worst[which] = fmax(worst[which], relative((up - down) / (2 * step), c->gradient[i] / share));
    }
}

static void meta_gradient_through_two_steps(void **state) {
    (void)state;
    for (size_t s = 0; s < sizeof SPACES / sizeof *SPACES; s++) {
        double worst[3];
        meta_case c = make_case(SPACES[s][0], *SPACES[s][1], true, 3 + s);
        meta_errors(&c, worst);
        if (fmax(worst[0], fmax(worst[1], worst[2])) >= 1e-5)
            print_error("%s %s: %g %g %g\n", SPACES[s][0], SPACES[s][1], worst[0], worst[1], worst[2]);
        assert_true(worst[0] < 1e-5 && worst[1] < 1e-5 && worst[2] < 1e-5);
        release(&c);
    }
}

/* The first order is not the gradient: the test above sees the Hessians. */
static void first_order_is_something_else(void **state) {
    (void)state;
    double worst[3];
    meta_case c = make_case("nas-bench-201", false, false, 3);
    meta_errors(&c, worst);
    assert_true(worst[0] > 1e-2 && worst[2] < 1); /* z is near the parameters: only a little wrong */
    release(&c);
}

static void released_sizes(void **state) {
    (void)state;
    const maple_space *cell = space_or_fail("nas-bench-201"), *chain = space_or_fail("fbnet");
    help_rule rule = {.shape = help_shape_for(cell, false, 100)};
    help_rule_size(&rule);
    assert_int_equal(rule.parameters, 123001);
    assert_int_equal(rule.latent, 603);
    assert_int_equal(rule.modulator, 13376);
    rule.shape = help_shape_for(chain, false, 100);
    help_rule_size(&rule);
    assert_int_equal(rule.parameters, 115201);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(released_sizes),
        cmocka_unit_test(graph_equals_the_specification),
        cmocka_unit_test(network_gradients),
        cmocka_unit_test(tangents_are_derivatives_of_gradients),
        cmocka_unit_test(meta_gradient_through_two_steps),
        cmocka_unit_test(first_order_is_something_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
