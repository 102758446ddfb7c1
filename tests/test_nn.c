/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every gradient against central differences. The library's float sources are compiled here once more in
 * double (NN_DOUBLE), where a difference quotient is exact to about 1e-9.
 */
#define NN_DOUBLE 1
#include "nn/dense.c"
#include "nn/optimise.c"
#include "predictor/maple_net.c"
#include "differences.h"
#include "unit.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BOUND 1e-6

/* --- One dense layer: f = <c, y> --- */

enum { N = 5, IN = 7, OUT = 4 };

typedef struct dense_case {
    double x[N * IN], w[IN * OUT], b[OUT], c[N * OUT], y[N * OUT];
    bool relu;
} dense_case;

static double dense_value(void *user) {
    dense_case *k = user;
    nn_dense_forward(N, IN, OUT, k->x, k->w, k->b, k->relu, k->y);
    return dot(N * OUT, k->c, k->y);
}

static void dense_gradients(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(3);
    for (int relu = 0; relu < 2; relu++) {
        dense_case k = {.relu = relu};
        fill_normal(&rng, 1, N * IN, k.x);
        fill_normal(&rng, 1, IN * OUT, k.w);
        fill_normal(&rng, 1, OUT, k.b);
        fill_normal(&rng, 1, N * OUT, k.c);
        dense_value(&k);
        double dy[N * OUT], dw[IN * OUT], db[OUT], dx[N * IN];
        memcpy(dy, k.c, sizeof dy);
        if (relu)
            nn_relu_backward(N * OUT, k.y, dy);
        nn_dense_backward(N, IN, OUT, k.x, k.w, dy, dw, db, dx);
        assert_true(largest_error(dense_value, &k, IN * OUT, k.w, dw) < BOUND);
        assert_true(largest_error(dense_value, &k, OUT, k.b, db) < BOUND);
        assert_true(largest_error(dense_value, &k, N * IN, k.x, dx) < BOUND);
    }
}

/* --- The one-hot layer equals a dense layer on the one-hot matrix --- */

enum { POSITIONS = 3, CHOICES = 4, HOT = POSITIONS * CHOICES };

static void one_hot_equals_dense(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(4);
    uint8_t codes[N * POSITIONS];
    double x[N * HOT] = {0}, w[HOT * OUT], b[OUT], y[N * OUT], expected[N * OUT];
    fill_normal(&rng, 1, HOT * OUT, w);
    fill_normal(&rng, 1, OUT, b);
    for (size_t i = 0; i < N * POSITIONS; i++) {
        codes[i] = (uint8_t)maple_rng_below(&rng, CHOICES);
        x[i / POSITIONS * HOT + i % POSITIONS * CHOICES + codes[i]] = 1;
    }
    nn_one_hot_forward(N, POSITIONS, CHOICES, OUT, codes, w, b, y);
    nn_dense_forward(N, HOT, OUT, x, w, b, true, expected);
    for (size_t i = 0; i < N * OUT; i++)
        assert_true(fabs(y[i] - expected[i]) < 1e-12);
    double dy[N * OUT], dw[HOT * OUT], db[OUT], dw_expected[HOT * OUT], db_expected[OUT];
    fill_normal(&rng, 1, N * OUT, dy);
    nn_one_hot_backward(N, POSITIONS, CHOICES, OUT, codes, dy, dw, db);
    nn_dense_backward(N, HOT, OUT, x, w, dy, dw_expected, db_expected, NULL);
    for (size_t i = 0; i < HOT * OUT; i++)
        assert_true(fabs(dw[i] - dw_expected[i]) < 1e-12);
    for (size_t i = 0; i < OUT; i++)
        assert_true(fabs(db[i] - db_expected[i]) < 1e-12);
}

/* --- The loss --- */

typedef struct loss_case {
    double prediction[N], target[N], weight[N], gradient[N];
} loss_case;

static double loss_value(void *user) {
    loss_case *k = user;
    double unused[N];
    return nn_absolute_loss(N, k->prediction, k->target, k->weight, unused);
}

static void loss_gradient(void **state) {
    (void)state;
    loss_case k = {.prediction = {1, 2, 3, 4, 5}, .target = {2, 1, 3.5, 3, 9}, .weight = {1, 0.5, 2, 0.1, 3}};
    double loss = nn_absolute_loss(N, k.prediction, k.target, k.weight, k.gradient);
    assert_true(fabs(loss - (1 + 0.5 + 1 + 0.1 + 12) / 5) < 1e-12);
    assert_true(largest_error(loss_value, &k, N, k.prediction, k.gradient) < BOUND);
    double equal[1] = {3}, gradient[1] = {9}, weight[1] = {1};
    nn_absolute_loss(1, equal, equal, weight, gradient);
    assert_true(gradient[0] == 0); /* at the kink: no push */
}

/* --- The whole network: both streams, descriptor path, one-hot path --- */

typedef struct net_case {
    maple_net_shape shape;
    maple_net_work *work;
    double *parameters, *descriptors, *gradient;
    uint8_t *codes;
    uint32_t *platform, *arch;
    double *target, *weight;
    size_t n, n_archs, platforms;
} net_case;

static double net_value(void *user) {
    net_case *k = user;
    maple_net_batch batch = {
        .n = k->n, .n_archs = k->n_archs, .codes = k->codes, .arch = k->arch, .platform = k->platform};
    return maple_net_loss(k->work, k->parameters, k->descriptors, k->platforms, &batch, k->target, k->weight,
                          k->gradient);
}

static void check_net(size_t descriptor, size_t platforms, size_t n_archs, uint64_t seed) {
    maple_rng rng = maple_rng_seed(seed);
    net_case k = {
        .shape = {.positions = 6, .choices = 5, .width = 9, .embedding = 4, .descriptor = descriptor},
        .n = 23,
        .n_archs = n_archs,
        .platforms = platforms};
    size_t count = maple_net_layout(&k.shape).offset[NET_TENSORS];
    k.work = maple_net_work_create(&k.shape, k.n, platforms, true);
    k.parameters = malloc(count * sizeof(double));
    k.gradient = malloc(count * sizeof(double));
    k.descriptors = malloc((platforms * descriptor + 1) * sizeof(double));
    k.codes = malloc(k.n * 6);
    k.platform = malloc(k.n * sizeof *k.platform);
    k.arch = n_archs < k.n ? malloc(k.n * sizeof *k.arch) : NULL;
    k.target = malloc(k.n * sizeof(double));
    k.weight = malloc(k.n * sizeof(double));
    double *analytic = malloc(count * sizeof(double));
    maple_net_init(&k.shape, &rng, k.parameters);
    /* Biases too, or units on the kink of the ReLU would hide errors. */
    for (size_t i = 0; i < count; i++)
        k.parameters[i] += 0.05 * maple_rng_normal(&rng);
    fill_normal(&rng, 1, platforms * descriptor, k.descriptors);
    for (size_t i = 0; i < k.n * 6; i++)
        k.codes[i] = (uint8_t)maple_rng_below(&rng, 5);
    for (size_t i = 0; i < k.n; i++) {
        k.platform[i] = (uint32_t)maple_rng_below(&rng, platforms);
        if (k.arch)
            k.arch[i] = (uint32_t)(i * n_archs / k.n);
        k.target[i] = 3 * maple_rng_normal(&rng);
        k.weight[i] = 0.1 + maple_rng_uniform(&rng);
    }
    assert_true(net_value(&k) > 0);
    memcpy(analytic, k.gradient, count * sizeof(double));
    maple_net_table table = maple_net_layout(&k.shape);
    for (int t = 0; t < NET_TENSORS; t++) {
        size_t at = table.offset[t], size = table.offset[t + 1] - at;
        double worst = largest_error(net_value, &k, size, k.parameters + at, analytic + at), norm = 0;
        for (size_t i = 0; i < size; i++)
            norm += fabs(analytic[at + i]);
        if (worst >= BOUND)
            print_error("tensor %d: relative error %g\n", t, worst);
        assert_true(worst < BOUND);
        assert_true(size == 0 || norm > 0); /* a gradient of zeros would agree with a dead network */
    }
    maple_net_work_free(k.work);
    void *parts[] = {k.parameters, k.gradient, k.descriptors, k.codes, k.platform,
                     k.arch,       k.target,   k.weight,      analytic};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        free(parts[i]);
}

static void net_gradients(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        check_net(11, 4, seed % 2 ? 23 : 7, seed);
}

static void net_gradients_without_descriptor(void **state) {
    (void)state;
    check_net(0, 3, 5, 7);
}

static void net_gradients_with_one_platform(void **state) {
    (void)state;
    check_net(3, 1, 23, 8);
}

/* --- Adam --- */

static void adam_first_step_has_the_size_of_the_rate(void **state) {
    (void)state;
    double m[3] = {0}, v[3] = {0}, g[3] = {5, -0.01, 100}, w[3] = {1, 1, 1};
    nn_adam adam = {.m = m, .v = v, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-12};
    nn_adam_step(&adam, 3, 0.01, 0, g, w);
    assert_true(fabs(w[0] - 0.99) < 1e-9 && fabs(w[1] - 1.01) < 1e-9 && fabs(w[2] - 0.99) < 1e-9);
}

/* Written out from the paper's algorithm 1, step by step. */
static void adam_follows_the_paper(void **state) {
    (void)state;
    double m[1] = {0}, v[1] = {0}, w[1] = {0.5}, pm = 0, pv = 0, pw = 0.5;
    nn_adam adam = {.m = m, .v = v, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-3};
    for (int t = 1; t <= 20; t++) {
        double g[1] = {2 * w[0] - 0.3 * t};
        pm = 0.9 * pm + 0.1 * g[0];
        pv = 0.99 * pv + 0.01 * g[0] * g[0];
        pw -= 0.05 * (pm / (1 - pow(0.9, t))) / (sqrt(pv / (1 - pow(0.99, t))) + 1e-3) + 0.05 * 0.02 * pw;
        nn_adam_step(&adam, 1, 0.05, 0.02, g, w);
        assert_true(fabs(w[0] - pw) < 1e-9);
    }
}

static void adam_finds_a_minimum(void **state) {
    (void)state;
    double m[2] = {0}, v[2] = {0}, w[2] = {4, -3};
    nn_adam adam = {.m = m, .v = v, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    for (int t = 0; t < 4000; t++) {
        double g[2] = {w[0] - 1, 10 * (w[1] - 2)};
        nn_adam_step(&adam, 2, 0.01, 0, g, w);
    }
    assert_true(fabs(w[0] - 1) < 1e-4 && fabs(w[1] - 2) < 1e-4);
}

static void he_init_has_its_variance(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    maple_rng rng = maple_rng_seed(5);
    double *w = malloc(COUNT * sizeof *w);
    nn_he_init(&rng, 50, COUNT, w);
    assert_true(fabs(dot(COUNT, w, w) / COUNT - 2.0 / 50) < 0.002);
    free(w);
}

static void blas_scope_restores_the_threads(void **state) {
    (void)state;
    openblas_set_num_threads(2);
    int before = openblas_get_num_threads();
    nn_blas_enter();
    nn_blas_enter();
    assert_int_equal(openblas_get_num_threads(), 1);
    nn_blas_leave();
    assert_int_equal(openblas_get_num_threads(), 1);
    nn_blas_leave();
    assert_int_equal(openblas_get_num_threads(), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_gradients),
        cmocka_unit_test(one_hot_equals_dense),
        cmocka_unit_test(loss_gradient),
        cmocka_unit_test(net_gradients),
        cmocka_unit_test(net_gradients_without_descriptor),
        cmocka_unit_test(net_gradients_with_one_platform),
        cmocka_unit_test(adam_first_step_has_the_size_of_the_rate),
        cmocka_unit_test(adam_follows_the_paper),
        cmocka_unit_test(adam_finds_a_minimum),
        cmocka_unit_test(he_init_has_its_variance),
        cmocka_unit_test(blas_scope_restores_the_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
