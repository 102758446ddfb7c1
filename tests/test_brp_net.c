/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BRP-NAS's network against its equations written out with matrices, and its gradient against central
 * differences, in double: the library's float sources once more under NN_DOUBLE. What the predictor makes of
 * it: test_brp_gcn.c.
 */
#define NN_DOUBLE 1
#include "nn/activation.c"
#include "nn/dense.c"
#include "nn/dual.c"
#include "nn/layer_norm.c"
#include "predictor/brp_net.c"
#include "differences.h"
#include "spaces.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 5, N = 12, MAX = 32 };

typedef struct net_case {
    const maple_space *space;
    help_shape shape;
    maple_arch archs[N];
    help_batch *batch;
    brp_work *work;
    size_t count;
    double *p, *gradient, weight[N];
} net_case;

static net_case make_case(const char *space, bool written, uint64_t seed) {
    maple_rng rng = maple_rng_seed(seed);
    net_case c = {.space = space_or_fail(space)};
    c.shape = help_op_graph_shape(c.space, written, WIDTH);
    assert_int_equal(maple_space_sample(c.space, MAPLE_GRAPH_AS_WRITTEN, &rng, N, c.archs, NULL), MAPLE_OK);
    c.archs[1] = c.archs[0]; /* two rows of one architecture */
    c.batch = help_batch_create(c.space, &c.shape, N);
    c.work = brp_work_create(c.space, &c.shape, N, true);
    c.count = brp_layout_of(&c.shape).parameters;
    c.p = malloc(c.count * sizeof *c.p);
    c.gradient = malloc(c.count * sizeof *c.gradient);
    assert_true(c.batch && c.work && c.p && c.gradient);
    for (size_t i = 0; i < c.count; i++)
        c.p[i] = 0.5 * maple_rng_normal(&rng);
    for (size_t i = 0; i < N; i++)
        c.weight[i] = maple_rng_normal(&rng);
    help_batch_build(c.batch, c.archs, N);
    return c;
}

static void release(net_case *c) {
    help_batch_free(c->batch);
    brp_work_free(c->work);
    free(c->p);
    free(c->gradient);
}

/* --- The equations --- */

typedef struct matrices {
    size_t nodes;
    double a[MAX][MAX], x[MAX][MAX * 16]; /* the features are as many as tokens */
} matrices;

/* Whether a path along the edges leads from node 0 to v (and, of the transposed edges, from the last). */
static void mark(const maple_op_graph *g, int v, bool backwards, bool *seen) {
    seen[v] = true;
    for (int u = 0; u < g->n; u++)
        if (!seen[u] && (backwards ? g->in[v] >> u & 1 : g->in[u] >> v & 1))
            mark(g, u, backwards, seen);
}

/* The released encoding: edges of what is executed; features of operators, input, output, global node. */
static void cell_matrices(const maple_arch *arch, const maple_space *space, matrices *m) {
    maple_op_graph g;
    bool fed[MAX] = {false}, used[MAX] = {false};
    maple_space_op_graph(space, arch, &g);
    mark(&g, 0, false, fed);
    mark(&g, g.n - 1, true, used);
    *m = (matrices){.nodes = 9};
    for (int v = 0; v < 8; v++) {
        for (int u = 0; u < 8; u++)
            m->a[v][u] = u == v || (g.in[v] >> u & 1);
        if (v == 0 || v == 7)
            m->x[v][v == 0 ? 5 : 6] = 1;
        else if (fed[v] && used[v])
            m->x[v][arch->op[v - 1]] = 1;
    }
    m->x[8][7] = 1;
}

/* Ours: a chain of operators at their positions. */
static void chain_matrices(const maple_arch *arch, matrices *m) {
    *m = (matrices){.nodes = 23};
    for (size_t v = 0; v < 22; v++) {
        m->a[v][v] = 1;
        if (v > 0)
            m->a[v][v - 1] = 1;
        m->x[v][v * 9 + arch->op[v]] = 1;
    }
    m->x[22][22 * 9] = 1;
}

static double network_by_hand(const help_shape *shape, const double *p, matrices *m) {
    size_t in = shape->tokens;
    for (size_t v = 0; v < m->nodes; v++)
        m->a[m->nodes - 1][v] = 1;
    for (size_t l = 0; l < 4; l++) {
        const double *bias = p + in * WIDTH, *gain = bias + WIDTH, *shift = gain + WIDTH;
        double y[MAX][WIDTH];
        for (size_t v = 0; v < m->nodes; v++) {
            double mean = 0, square = 0;
            for (size_t k = 0; k < WIDTH; k++) {
                y[v][k] = bias[k];
                for (size_t u = 0; u < m->nodes; u++)
                    for (size_t i = 0; i < in; i++)
                        y[v][k] += m->a[v][u] * m->x[u][i] * p[i * WIDTH + k];
                mean += y[v][k] / WIDTH;
            }
            for (size_t k = 0; k < WIDTH; k++)
                square += (y[v][k] - mean) * (y[v][k] - mean) / WIDTH;
            for (size_t k = 0; k < WIDTH; k++)
                y[v][k] = fmax((y[v][k] - mean) / sqrt(square + 1e-5) * gain[k] + shift[k], 0);
        }
        for (size_t v = 0; v < m->nodes; v++)
            memcpy(m->x[v], y[v], sizeof y[v]);
        p = shift + WIDTH;
        in = WIDTH;
    }
    double out = p[WIDTH];
    for (size_t k = 0; k < WIDTH; k++)
        out += m->x[m->nodes - 1][k] * p[k];
    return out;
}

static void forward_equals_the_equations(void **state) {
    (void)state;
    for (int chain = 0; chain < 2; chain++) {
        net_case c = make_case(chain ? "fbnet" : "nas-bench-201", false, 4);
        assert_int_equal(c.shape.tokens, chain ? 22 * 9 + 1 : 8);
        for (int again = 0; again < 2; again++) { /* a batch is built anew in the same memory */
            size_t n = again ? 3 : N;
            help_batch_build(c.batch, c.archs, n);
            brp_net_forward(&c.shape, c.p, c.batch, c.work);
            for (size_t i = 0; i < n; i++) {
                matrices m;
                if (chain)
                    chain_matrices(&c.archs[i], &m);
                else
                    cell_matrices(&c.archs[i], c.space, &m);
                assert_true(relative(c.work->out[i], network_by_hand(&c.shape, c.p, &m)) < 1e-9);
            }
        }
        release(&c);
    }
}

/* What no path from input to output crosses is not seen; as written it is. */
static void dead_operators_are_seen_as_written_only(void **state) {
    (void)state;
    for (int written = 0; written < 2; written++) {
        net_case c = make_case("nas-bench-201", written, 4);
        const char *text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|nor_conv_1x1~0|none~1|none~2|";
        c.archs[0] = arch_or_fail(c.space, text);
        c.archs[1] = c.archs[0];
        c.archs[1].op[0] = 4; /* a pooling that leads nowhere */
        help_batch_build(c.batch, c.archs, 2);
        brp_net_forward(&c.shape, c.p, c.batch, c.work);
        assert_true((c.work->out[0] == c.work->out[1]) == !written);
        release(&c);
    }
}

/* --- Gradients --- */

static double loss(const net_case *c) {
    double sum = 0;
    brp_net_forward(&c->shape, c->p, c->batch, c->work);
    for (size_t i = 0; i < N; i++)
        sum += c->weight[i] * c->work->out[i];
    return sum;
}

static void gradients_are_differences(void **state) {
    (void)state;
    static const char *const SPACES[] = {"nas-bench-201", "nas-bench-201", "fbnet"};
    for (int s = 0; s < 3; s++) {
        net_case c = make_case(SPACES[s], s == 1, 6);
        double worst = 0, norm = 0;
        loss(&c);
        memcpy(c.work->d_out, c.weight, sizeof c.weight);
        brp_net_backward(&c.shape, c.p, c.batch, c.work, c.gradient);
        for (size_t i = 0; i < c.count; i++) {
            const double step = 1e-5;
            double before = c.p[i];
            c.p[i] = before + step;
            double up = loss(&c);
            c.p[i] = before - step;
            double down = loss(&c);
            c.p[i] = before;
            worst = fmax(worst, relative((up - down) / (2 * step), c.gradient[i]));
            norm += fabs(c.gradient[i]);
        }
        if (!(worst < 1e-6 && norm > 1))
            fail_msg("%s: relative error %g, norm %g", SPACES[s], worst, norm);
        release(&c);
    }
}

/* --- Sizes, first weights --- */

static void released_size_and_weights(void **state) {
    (void)state;
    help_shape shape = help_op_graph_shape(space_or_fail("nas-bench-201"), false, 600);
    brp_layout layout = brp_layout_of(&shape);
    /* none and skip_connect have features that are never set: 2 x 600 weights more than released. */
    assert_int_equal(layout.parameters, (8 * 600 + 3 * 600) + 3 * (600 * 600 + 3 * 600) + 601);
    double *p = malloc(layout.parameters * sizeof *p), largest = 0;
    maple_rng rng = maple_rng_seed(1);
    brp_net_init(&shape, &rng, p);
    for (size_t i = 0; i < 9 * 600; i++)
        largest = fmax(largest, fabs(p[i]));
    assert_true(largest <= 1 / sqrt(600) && largest > 0.9 / sqrt(600));
    for (size_t i = 0; i < 600; i++)
        assert_true(p[9 * 600 + i] == 1 && p[10 * 600 + i] == 0);
    free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_equals_the_equations),
        cmocka_unit_test(dead_operators_are_seen_as_written_only),
        cmocka_unit_test(gradients_are_differences),
        cmocka_unit_test(released_size_and_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
