/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network of `nasflat` in double (NN_DOUBLE): each layer and the whole against central differences, and
 * its scores against the paper's equations written out node by node, without any merging of rows.
 */
#define NN_DOUBLE 1
#include "nn/activation.c"
#include "nn/dense.c"
#include "nn/dgf.c"
#include "nn/gat.c"
#include "nn/hinge.c"
#include "nn/layer_norm.c"
#include "predictor/nasflat_batch.c"
#include "predictor/nasflat_layout.c"
#include "predictor/nasflat_net.c"
#include "differences.h"
#include "spaces.h"
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#define BOUND 1e-6

/* --- Layers: f = <c, y> --- */

enum { ROWS = 9, OUT = 5, LD = 7, EDGES_MAX = 12 };

/* Two graphs, of 5 and 4 rows; row 2 stands for three nodes with loops, row 7 for two without. */
static const uint32_t FIRST[] = {0, 5, 9}, IN[] = {0, 0, 1, 2, 4, 6, 6, 8, 8, 9},
                      IN_FROM[] = {0, 2, 0, 1, 1, 3, 5, 6, 6};
static const double COUNT[ROWS] = {1, 1, 3, 1, 1, 1, 1, 2, 1};

typedef struct layer_case {
    nn_node_batch nodes;
    double s[ROWS * LD], g[ROWS * LD], b[OUT], c[ROWS * LD], m[ROWS * LD], y[ROWS * LD];
    double logit[EDGES_MAX], p[EDGES_MAX], rest[ROWS], total[OUT], mean[ROWS], inv_sd[ROWS];
} layer_case;

static layer_case make_layer_case(uint64_t seed) {
    layer_case k = {.nodes = {2, FIRST, COUNT, IN, IN_FROM}};
    maple_rng rng = maple_rng_seed(seed);
    fill_normal(&rng, 1, ROWS * LD, k.s);
    fill_normal(&rng, 1, ROWS * LD, k.g);
    fill_normal(&rng, 1, OUT, k.b);
    fill_normal(&rng, 1, ROWS * LD, k.c);
    return k;
}

static double dgf_value(void *user) {
    layer_case *k = user;
    nn_dgf_forward(&k->nodes, OUT, LD, k->s, LD, k->g, k->b, k->m, k->y);
    return dot(ROWS * OUT, k->c, k->y);
}

static void dgf_gradients(void **state) {
    (void)state;
    layer_case k = make_layer_case(1);
    double dg[ROWS * LD] = {0}, ds[ROWS * LD] = {0}, db[OUT] = {0};
    dgf_value(&k);
    nn_dgf_backward(&k.nodes, OUT, LD, LD, k.g, k.m, k.c, dg, ds, db);
    assert_true(largest_error(dgf_value, &k, ROWS * LD, k.s, ds) < BOUND);
    assert_true(largest_error(dgf_value, &k, ROWS * LD, k.g, dg) < BOUND);
    assert_true(largest_error(dgf_value, &k, OUT, k.b, db) < BOUND);
}

static double gat_value(void *user) {
    layer_case *k = user;
    nn_gat_forward(&k->nodes, OUT, LD, k->s, k->b, k->logit, k->p, k->rest, k->total, k->y);
    double sum = 0;
    for (size_t i = 0; i < ROWS; i++)
        sum += dot(OUT, k->c + i * LD, k->y + i * LD);
    return sum;
}

static void gat_gradients(void **state) {
    (void)state;
    for (uint64_t seed = 2; seed < 6; seed++) {
        layer_case k = make_layer_case(seed);
        double dh[ROWS * LD] = {0}, da[OUT] = {0};
        gat_value(&k);
        nn_gat_backward(&k.nodes, OUT, LD, k.s, k.b, k.logit, k.p, k.rest, k.y, k.c, k.total, dh, da);
        assert_true(largest_error(gat_value, &k, ROWS * LD, k.s, dh) < BOUND);
        assert_true(largest_error(gat_value, &k, OUT, k.b, da) < BOUND);
    }
}

static double norm_value(void *user) {
    layer_case *k = user;
    nn_layer_norm_forward(ROWS, OUT, k->s, k->b, k->g, k->mean, k->inv_sd, k->y);
    return dot(ROWS * OUT, k->c, k->y);
}

static void layer_norm_gradients(void **state) {
    (void)state;
    layer_case k = make_layer_case(7);
    double dx[ROWS * OUT], dgain[OUT] = {0}, dshift[OUT] = {0};
    norm_value(&k);
    nn_layer_norm_backward(ROWS, OUT, k.s, k.b, k.mean, k.inv_sd, k.c, dgain, dshift, dx);
    assert_true(largest_error(norm_value, &k, ROWS * OUT, k.s, dx) < BOUND);
    assert_true(largest_error(norm_value, &k, OUT, k.b, dgain) < BOUND);
    assert_true(largest_error(norm_value, &k, OUT, k.g, dshift) < BOUND);
}

static double sigmoid_value(void *user) {
    layer_case *k = user;
    memcpy(k->y, k->s, sizeof k->s);
    nn_sigmoid(ROWS * LD, k->y);
    return dot(ROWS * LD, k->c, k->y);
}

static void sigmoid_gradient(void **state) {
    (void)state;
    layer_case k = make_layer_case(8);
    double dz[ROWS * LD];
    sigmoid_value(&k);
    memcpy(dz, k.c, sizeof dz);
    nn_sigmoid_backward(ROWS * LD, k.y, dz);
    assert_true(largest_error(sigmoid_value, &k, ROWS * LD, k.s, dz) < BOUND);
}

static void dropout_keeps_the_mean(void **state) {
    (void)state;
    enum { COUNT_ALL = 40000 };
    double *y = malloc(COUNT_ALL * sizeof *y), sum = 0, zeros = 0;
    maple_rng rng = maple_rng_seed(3);
    for (size_t i = 0; i < COUNT_ALL; i++)
        y[i] = 2;
    nn_relu_dropout(COUNT_ALL, 0.25, &rng, y);
    for (size_t i = 0; i < COUNT_ALL; i++) {
        sum += y[i];
        zeros += y[i] == 0;
    }
    assert_true(fabs(zeros / COUNT_ALL - 0.25) < 0.01);
    assert_true(fabs(sum / COUNT_ALL - 2) < 0.03);
    double x[3] = {-1, 2, 3}, dy[3] = {1, 1, 1};
    nn_relu_dropout(3, 0.25, NULL, x);
    assert_true(x[0] == 0 && x[1] == 2 && x[2] == 3);
    nn_relu_dropout_backward(3, 0.25, x, dy);
    assert_true(dy[0] == 0 && fabs(dy[1] - 4.0 / 3) < 1e-12);
    free(y);
}

typedef struct hinge_case {
    double score[4], gradient[4];
} hinge_case;

static const uint32_t PAIRS[] = {0, 1, 2, 1, 3, 0};

static double hinge_value(void *user) {
    hinge_case *k = user;
    double unused[4];
    return nn_hinge_loss(4, 3, PAIRS, 0.1, k->score, unused);
}

static void hinge_gradient(void **state) {
    (void)state;
    hinge_case k = {.score = {0.5, 0.3, 0.33, 0.2}};
    double loss = nn_hinge_loss(4, 3, PAIRS, 0.1, k.score, k.gradient);
    assert_true(fabs(loss - (0 + 0.07 + 0.4) / 3) < 1e-12); /* 0.2 above by enough, 0.03, 0.3 below */
    assert_true(largest_error(hinge_value, &k, 4, k.score, k.gradient) < BOUND);
    assert_true(nn_hinge_loss(4, 0, NULL, 0.1, k.score, k.gradient) == 0 && k.gradient[2] == 0);
}

/* --- The whole network --- */

enum { BATCH = 9 /* more than one chunk */ };

typedef struct net_case {
    maple_nasflat_shape shape;
    maple_nasflat_batch *batch;
    maple_nasflat_work *work;
    double *p, *gradient, c[BATCH];
    maple_op_graph graphs[BATCH];
    float proxies[BATCH * 13];
    size_t device[BATCH];
    bool drop;
} net_case;

static double net_value(void *user) {
    net_case *k = user;
    maple_rng rng = maple_rng_seed(99); /* the same masks each time */
    return dot(BATCH, k->c, maple_nasflat_forward(k->work, k->p, k->batch, k->drop ? &rng : NULL));
}

static net_case make_net(const char *name, maple_nasflat_shape shape, uint64_t seed) {
    const maple_space *space = space_or_fail(name);
    maple_rng rng = maple_rng_seed(seed);
    maple_arch archs[BATCH];
    net_case k = {.shape = shape};
    assert_int_equal(maple_space_sample(space, MAPLE_GRAPH_AS_WRITTEN, &rng, BATCH, archs, NULL), MAPLE_OK);
    maple_space_op_graph(space, &archs[0], &k.graphs[0]);
    k.shape.operators = (size_t)maple_space_ops(space);
    k.shape.nodes = (size_t)k.graphs[0].n;
    k.shape.devices = 3;
    size_t count = maple_nasflat_layout(&k.shape).offset[NASFLAT_TENSORS];
    k.batch = maple_nasflat_batch_create(&k.shape, BATCH);
    k.work = maple_nasflat_work_create(&k.shape, BATCH, true);
    k.p = malloc(count * sizeof *k.p);
    k.gradient = malloc(count * sizeof *k.gradient);
    assert_true(k.batch && k.work && k.p && k.gradient);
    maple_nasflat_init(&k.shape, &rng, k.p);
    for (size_t i = 0; i < count; i++) /* nothing is exactly 0 or 1 */
        k.p[i] += 0.02 * maple_rng_normal(&rng);
    fill_normal(&rng, 1, BATCH, k.c);
    for (size_t i = 0; i < BATCH; i++) {
        maple_space_op_graph(space, &archs[i], &k.graphs[i]);
        k.device[i] = i % 3;
        for (size_t c = 0; c < 13; c++)
            k.proxies[i * 13 + c] = (float)maple_rng_uniform(&rng);
        maple_nasflat_batch_add(&k.shape, &k.graphs[i], k.device[i], k.proxies + i * 13, k.batch);
    }
    return k;
}

static void free_net(net_case *k) {
    maple_nasflat_batch_free(k->batch);
    maple_nasflat_work_free(k->work);
    free(k->p);
    free(k->gradient);
}

/* Some elements of each tensor: there are 400,000. One may lie so that its difference spans the kink of a
 * ReLU.
 */
static void check_net(const char *name, maple_nasflat_shape shape, uint64_t seed) {
    net_case k = make_net(name, shape, seed);
    maple_nasflat_table t = maple_nasflat_layout(&k.shape);
    maple_rng rng = maple_rng_seed(seed + 1);
    k.drop = true;
    assert_true(isfinite(net_value(&k)));
    for (size_t i = 0; i < t.offset[NASFLAT_TENSORS]; i++)
        k.gradient[i] = NAN; /* all of it is written */
    maple_nasflat_backward(k.work, k.p, k.batch, k.c, k.gradient);
    for (int tensor = 0; tensor < NASFLAT_TENSORS; tensor++) {
        size_t at = t.offset[tensor], size = t.offset[tensor + 1] - at, kinks = 0,
               tried = size < 6 ? size : 6;
        double norm = 0;
        for (size_t i = 0; i < size; i++)
            norm += fabs(k.gradient[at + i]);
        if (!(isfinite(norm) && (size == 0 || norm > 0)))
            fail_msg("%s: tensor %d: gradient of norm %g", name, tensor, norm);
        for (size_t n = 0; n < tried; n++) {
            size_t i = at + maple_rng_below(&rng, size);
            kinks += !(difference_error(net_value, &k, 1e-6, &k.p[i], k.gradient[i]) < BOUND);
        }
        if (kinks > (size_t)(tried > 1)) /* a tensor of one element has no other to speak for it */
            fail_msg("%s, gnn %d: tensor %d: %zu of %zu elements differ", name, k.shape.gnn, tensor, kinks,
                     tried);
    }
    free_net(&k);
}

static void net_gradients(void **state) {
    (void)state;
    for (int gnn = 0; gnn < 3; gnn++) {
        check_net("nas-bench-201", (maple_nasflat_shape){.gnn = gnn, .proxies = 13}, 11);
        check_net("fbnet", (maple_nasflat_shape){.gnn = gnn, .device_in = NASFLAT_DEVICE_IN_MLP}, 12);
    }
    check_net("fbnet", (maple_nasflat_shape){.proxies = 13, .chain = true, .positions = true}, 13);
}

/* --- The paper's equations, one graph at a time, all nodes --- */

enum { N_MAX = 22 };

typedef struct naive {
    const net_case *k;
    maple_nasflat_table t;
    size_t n;
    double adjacency[N_MAX][N_MAX]; /* [i][j]: from j to i */
} naive;

static const double *tensor(const naive *v, int which) {
    return v->k->p + v->t.offset[which];
}

static void linear(const double *x, size_t in, size_t out, const double *w, size_t ld, const double *b,
                   double *y) {
    for (size_t c = 0; c < out; c++) {
        y[c] = b ? b[c] : 0;
        for (size_t i = 0; i < in; i++)
            y[c] += x[i] * w[i * ld + c];
    }
}

static void rectify(size_t n, double *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = fmax(0, y[i]);
}

static void naive_gate(const naive *v, const double *o, int weights, size_t ld, size_t column, double *gate) {
    linear(o, E, D, tensor(v, weights) + column, ld, tensor(v, weights + 1) + column, gate);
    for (size_t c = 0; c < D; c++)
        gate[c] = 1 / (1 + exp(-gate[c]));
}

static void naive_flow(const naive *v, int l, size_t in, double x[][D], double gate[][D], double y[][D]) {
    int at = NASFLAT_LAYER + l * NASFLAT_LAYER_PARTS;
    double s[N_MAX][D];
    for (size_t i = 0; i < v->n; i++)
        linear(x[i], in, D, tensor(v, at), v->t.width, NULL, s[i]);
    for (size_t i = 0; i < v->n; i++)
        for (size_t c = 0; c < D; c++) {
            double m = 0;
            for (size_t j = 0; j < v->n; j++)
                m += v->adjacency[i][j] * s[j][c];
            y[i][c] = gate[i][c] * m + s[i][c] + tensor(v, at + NASFLAT_LAYER_FLOW_B)[c];
        }
}

static void naive_attention(const naive *v, int l, size_t in, double x[][D], double gate[][D],
                            double y[][D]) {
    int at = NASFLAT_LAYER + l * NASFLAT_LAYER_PARTS;
    const double *a = tensor(v, at + NASFLAT_LAYER_ATTENTION);
    double h[N_MAX][D];
    for (size_t i = 0; i < v->n; i++)
        linear(x[i], in, D, tensor(v, at) + v->t.width - D, v->t.width, NULL, h[i]);
    for (size_t i = 0; i < v->n; i++) {
        double weight[N_MAX], sum = 0, mean = 0, squares = 0;
        for (size_t j = 0; j < v->n; j++) {
            double e = 0;
            for (size_t c = 0; c < D; c++)
                e += a[c] * h[i][c] * h[j][c] / sqrt(D);
            weight[j] = exp((e > 0 ? e : 0.01 * e) * v->adjacency[i][j]);
            sum += weight[j];
        }
        for (size_t c = 0; c < D; c++) {
            y[i][c] = 0;
            for (size_t j = 0; j < v->n; j++)
                y[i][c] += weight[j] / sum * h[j][c];
            y[i][c] *= gate[i][c];
            mean += y[i][c] / D;
        }
        for (size_t c = 0; c < D; c++)
            squares += (y[i][c] - mean) * (y[i][c] - mean) / D;
        for (size_t c = 0; c < D; c++)
            y[i][c] = (y[i][c] - mean) / sqrt(squares + 1e-5) * tensor(v, at + NASFLAT_LAYER_GAIN)[c] +
                      tensor(v, at + NASFLAT_LAYER_SHIFT)[c];
    }
}

static void naive_stack(const naive *v, int first, int end, double x[][D], double o[][E], int weights,
                        double y[][D]) {
    size_t ld = (size_t)(end - first) * v->t.width;
    memcpy(y, x, v->n * sizeof *y);
    for (int l = first; l < end; l++) {
        double gate[N_MAX][D], flow[N_MAX][D], attention[N_MAX][D], before[N_MAX][D];
        size_t column = (size_t)(l - first) * v->t.width, in = l == first ? NASFLAT_X : D;
        bool both = v->k->shape.gnn == NASFLAT_ENSEMBLE;
        memcpy(before, y, v->n * sizeof *y);
        for (size_t i = 0; i < v->n; i++)
            naive_gate(v, o[i], weights, ld, column, gate[i]);
        naive_flow(v, l, in, before, gate, flow);
        for (size_t i = 0; i < v->n; i++)
            naive_gate(v, o[i], weights, ld, column + v->t.width - D, gate[i]);
        if (v->k->shape.gnn != NASFLAT_DENSE)
            naive_attention(v, l, in, before, gate, attention);
        for (size_t i = 0; i < v->n; i++) {
            for (size_t c = 0; c < D; c++)
                y[i][c] = both                               ? (flow[i][c] + attention[i][c]) / 2
                          : v->k->shape.gnn == NASFLAT_DENSE ? flow[i][c]
                                                             : attention[i][c];
            if (l + 1 < end)
                rectify(D, y[i]);
        }
    }
}

/* Dense layers with ReLU between them, of a table's sizes. */
static void naive_perceptron(const naive *v, int weights, int layers, const double *x, double *y) {
    double in[D], out[D];
    memcpy(in, x, v->t.rows[weights] * sizeof *in);
    for (int l = 0; l < layers; l++) {
        size_t columns = v->t.columns[weights + 2 * l];
        linear(in, v->t.rows[weights + 2 * l], columns, tensor(v, weights + 2 * l), columns,
               tensor(v, weights + 2 * l + 1), out);
        rectify(l + 1 < layers ? columns : 0, out);
        memcpy(in, out, columns * sizeof *in);
    }
    memcpy(y, in, E * sizeof *y);
}

static double naive_score(const net_case *k, size_t g) {
    naive v = {.k = k, .t = maple_nasflat_layout(&k->shape), .n = k->shape.nodes};
    const maple_op_graph *graph = &k->graphs[g];
    bool in_mlp = k->shape.device_in == NASFLAT_DEVICE_IN_MLP;
    size_t own = in_mlp ? E : 40;
    const double *device = tensor(&v, NASFLAT_DEVICE_EMBEDDING) + k->device[g] * 8;
    double x[N_MAX][D] = {{0}}, o[N_MAX][E] = {{0}}, y[N_MAX][D], head[D + 2 * E] = {0}, next[D + 2 * E];
    for (size_t i = 0; i < v.n; i++) {
        linear(tensor(&v, NASFLAT_NODE_EMBEDDING) + (i > 0 ? E : 0), E, NASFLAT_X, tensor(&v, NASFLAT_X_W),
               NASFLAT_X, tensor(&v, NASFLAT_X_B), x[i]);
        for (size_t c = 0; k->shape.positions && c < NASFLAT_X; c++)
            x[i][c] += tensor(&v, NASFLAT_POSITION)[i * NASFLAT_X + c];
        for (size_t j = 0; j < v.n; j++)
            v.adjacency[i][j] = (graph->in[i] >> j & 1u) || (k->shape.chain && j + 1 == i);
        if (i > 0 && i + 1 < v.n) {
            memcpy(o[i], tensor(&v, NASFLAT_OPERATOR_EMBEDDING) + graph->op[i] * own, own * sizeof(double));
            memcpy(o[i] + own, device, (E - own) * sizeof(double));
        }
    }
    memcpy(o[v.n - 1], tensor(&v, NASFLAT_OUTPUT_EMBEDDING), sizeof o[0]);
    naive_stack(&v, 0, NASFLAT_LAYERS_A, x, o, NASFLAT_GATE_A_W, y);
    double v1[D], v2[D], v3[D];
    linear(y[v.n - 1], D, D, tensor(&v, NASFLAT_V_W1), D, tensor(&v, NASFLAT_V_B1), v1);
    rectify(D, v1);
    linear(v1, D, D, tensor(&v, NASFLAT_V_W2), D, tensor(&v, NASFLAT_V_B2), v2);
    rectify(D, v2);
    linear(v2, D, D, tensor(&v, NASFLAT_V_W3), D, tensor(&v, NASFLAT_V_B3), v3);
    for (size_t i = 0; i < v.n; i++) { /* [O_i | v]: the two matrices follow each other as one of 176 rows */
        double both[E + D], hidden[D];
        memcpy(both, o[i], E * sizeof(double));
        memcpy(both + E, v3, sizeof v3);
        linear(both, E + D, D, tensor(&v, NASFLAT_UPDATE_O), D, tensor(&v, NASFLAT_UPDATE_B1), hidden);
        rectify(D, hidden);
        linear(hidden, D, E, tensor(&v, NASFLAT_UPDATE_W2), E, tensor(&v, NASFLAT_UPDATE_B2), o[i]);
    }
    naive_stack(&v, NASFLAT_LAYERS_A, NASFLAT_LAYERS, x, o, NASFLAT_GATE_B_W, y);
    for (size_t i = 1; i < v.n; i++)
        for (size_t c = 0; c < D; c++)
            head[c] += y[i][c] / (double)(v.n - 1);
    size_t inputs = D;
    if (k->shape.proxies > 0) {
        double proxies[13];
        for (size_t c = 0; c < 13; c++)
            proxies[c] = (double)k->proxies[g * 13 + c];
        naive_perceptron(&v, NASFLAT_PROXY_W1, 3, proxies, head + inputs);
        inputs += E;
    }
    if (in_mlp) {
        naive_perceptron(&v, NASFLAT_DEVICE_W1, 2, device, head + inputs);
        inputs += E;
    }
    assert_int_equal(inputs, v.t.head);
    for (int l = 0; l < 4; l++) {
        size_t in = l == 0 ? inputs : NASFLAT_HEAD, out = l == 3 ? 1 : NASFLAT_HEAD;
        linear(head, in, out, tensor(&v, NASFLAT_HEAD_W1 + 2 * l), out, tensor(&v, NASFLAT_HEAD_B1 + 2 * l),
               next);
        rectify(l < 3 ? out : 0, next);
        memcpy(head, next, sizeof head);
    }
    return head[0];
}

static void check_scores(const char *name, maple_nasflat_shape shape) {
    net_case k = make_net(name, shape, 21);
    const double *score = maple_nasflat_forward(k.work, k.p, k.batch, NULL);
    assert_true(fabs(score[0] - score[1]) > 1e-6);
    for (size_t g = 0; g < BATCH; g++)
        assert_true(fabs(score[g] - naive_score(&k, g)) < 1e-10);
    if (k.shape.nodes == 22 && !shape.chain && !shape.positions) /* 20 operators: at most 9 different ones */
        assert_true(k.batch->rows <= BATCH * 11);
    free_net(&k);
}

static void scores_are_those_of_the_equations(void **state) {
    (void)state;
    static const char *const NAMES[] = {"nas-bench-201", "fbnet"};
    for (int s = 0; s < 2; s++) {
        for (int gnn = 0; gnn < 3; gnn++)
            check_scores(NAMES[s], (maple_nasflat_shape){.gnn = gnn});
        check_scores(NAMES[s], (maple_nasflat_shape){.proxies = 13});
        check_scores(NAMES[s], (maple_nasflat_shape){.device_in = NASFLAT_DEVICE_IN_MLP});
        check_scores(NAMES[s], (maple_nasflat_shape){.proxies = 13, .device_in = NASFLAT_DEVICE_IN_MLP});
        check_scores(NAMES[s], (maple_nasflat_shape){.positions = true});
    }
    check_scores("fbnet", (maple_nasflat_shape){.chain = true});
    check_scores("fbnet", (maple_nasflat_shape){.proxies = 13, .chain = true, .positions = true});
}

static void parameters_are_as_many_as_the_papers(void **state) {
    (void)state;
    /* Without the rows of embeddings that no operator and no device has: 128 x 40 and 128 x 8 there. */
    static const struct {
        maple_nasflat_shape shape;
        size_t expected;
    } CASES[] = {
        {{.operators = 128, .devices = 128, .nodes = 8}, 408513},
        {{.operators = 128, .devices = 128, .nodes = 8, .proxies = 13}, 442609},
        {{.operators = 128, .devices = 128, .nodes = 8, .gnn = NASFLAT_DENSE}, 301505},
        {{.operators = 128, .devices = 128, .nodes = 8, .gnn = NASFLAT_GAT}, 302785},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_int_equal(maple_nasflat_layout(&CASES[i].shape).offset[NASFLAT_TENSORS], CASES[i].expected);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dgf_gradients),
        cmocka_unit_test(gat_gradients),
        cmocka_unit_test(layer_norm_gradients),
        cmocka_unit_test(sigmoid_gradient),
        cmocka_unit_test(dropout_keeps_the_mean),
        cmocka_unit_test(hinge_gradient),
        cmocka_unit_test(net_gradients),
        cmocka_unit_test(scores_are_those_of_the_equations),
        cmocka_unit_test(parameters_are_as_many_as_the_papers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
