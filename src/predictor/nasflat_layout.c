/* SPDX-License-Identifier: Apache-2.0 */
/* Where the parameters of the network of `nasflat` lie, and what they start from. */
#include "predictor/nasflat_net.h"

#include <math.h>

static void set(maple_nasflat_table *t, int tensor, size_t rows, size_t columns) {
    t->rows[tensor] = rows;
    t->columns[tensor] = columns;
}

static void set_layers(const maple_nasflat_shape *shape, maple_nasflat_table *t) {
    bool flow = shape->gnn != NASFLAT_GAT, attention = shape->gnn != NASFLAT_DENSE;
    for (int l = 0; l < NASFLAT_LAYERS; l++) {
        bool first = l == 0 || l == NASFLAT_LAYERS_A;
        int at = NASFLAT_LAYER + l * NASFLAT_LAYER_PARTS;
        set(t, at + NASFLAT_LAYER_W, first ? NASFLAT_X : NASFLAT_WIDTH, t->width);
        set(t, at + NASFLAT_LAYER_FLOW_B, flow ? 1 : 0, NASFLAT_WIDTH);
        set(t, at + NASFLAT_LAYER_ATTENTION, attention ? 1 : 0, NASFLAT_WIDTH);
        set(t, at + NASFLAT_LAYER_GAIN, attention ? 1 : 0, NASFLAT_WIDTH);
        set(t, at + NASFLAT_LAYER_SHIFT, attention ? 1 : 0, NASFLAT_WIDTH);
    }
}

static void set_dense(maple_nasflat_table *t, int weights, size_t in, size_t out) {
    set(t, weights, in, out);
    set(t, weights + 1, in > 0, out);
}

maple_nasflat_table maple_nasflat_layout(const maple_nasflat_shape *shape) {
    bool in_mlp = shape->device_in == NASFLAT_DEVICE_IN_MLP, proxies = shape->proxies > 0;
    maple_nasflat_table t = {.width = NASFLAT_WIDTH};
    if (shape->gnn == NASFLAT_ENSEMBLE)
        t.width *= 2;
    t.head = NASFLAT_WIDTH;
    if (proxies)
        t.head += NASFLAT_NODE;
    if (in_mlp)
        t.head += NASFLAT_NODE;
    set(&t, NASFLAT_OPERATOR_EMBEDDING, shape->operators, NASFLAT_NODE - (in_mlp ? 0 : NASFLAT_DEVICE));
    set(&t, NASFLAT_DEVICE_EMBEDDING, shape->devices, NASFLAT_DEVICE);
    set(&t, NASFLAT_OUTPUT_EMBEDDING, 1, NASFLAT_NODE);
    set(&t, NASFLAT_NODE_EMBEDDING, 2, NASFLAT_NODE);
    set_dense(&t, NASFLAT_X_W, NASFLAT_NODE, NASFLAT_X);
    set(&t, NASFLAT_POSITION, shape->positions ? shape->nodes : 0, NASFLAT_X);
    set_dense(&t, NASFLAT_GATE_A_W, NASFLAT_NODE, NASFLAT_LAYERS_A * t.width);
    set_dense(&t, NASFLAT_GATE_B_W, NASFLAT_NODE, NASFLAT_LAYERS_B * t.width);
    set_layers(shape, &t);
    set_dense(&t, NASFLAT_V_W1, NASFLAT_WIDTH, NASFLAT_WIDTH);
    set_dense(&t, NASFLAT_V_W2, NASFLAT_WIDTH, NASFLAT_WIDTH);
    set_dense(&t, NASFLAT_V_W3, NASFLAT_WIDTH, NASFLAT_WIDTH);
    set(&t, NASFLAT_UPDATE_O, NASFLAT_NODE, NASFLAT_WIDTH);
    set_dense(&t, NASFLAT_UPDATE_V, NASFLAT_WIDTH, NASFLAT_WIDTH);
    set_dense(&t, NASFLAT_UPDATE_W2, NASFLAT_WIDTH, NASFLAT_NODE);
    set_dense(&t, NASFLAT_PROXY_W1, shape->proxies, NASFLAT_WIDTH);
    set_dense(&t, NASFLAT_PROXY_W2, proxies ? NASFLAT_WIDTH : 0, NASFLAT_WIDTH);
    set_dense(&t, NASFLAT_PROXY_W3, proxies ? NASFLAT_WIDTH : 0, NASFLAT_NODE);
    set_dense(&t, NASFLAT_DEVICE_W1, in_mlp ? NASFLAT_DEVICE : 0, NASFLAT_NODE);
    set_dense(&t, NASFLAT_DEVICE_W2, in_mlp ? NASFLAT_NODE : 0, NASFLAT_NODE);
    set_dense(&t, NASFLAT_HEAD_W1, t.head, NASFLAT_HEAD);
    set_dense(&t, NASFLAT_HEAD_W2, NASFLAT_HEAD, NASFLAT_HEAD);
    set_dense(&t, NASFLAT_HEAD_W3, NASFLAT_HEAD, NASFLAT_HEAD);
    set_dense(&t, NASFLAT_HEAD_W4, NASFLAT_HEAD, 1);
    for (int i = 0; i < NASFLAT_TENSORS; i++)
        t.offset[i + 1] = t.offset[i] + t.rows[i] * t.columns[i];
    return t;
}

static void uniform(maple_rng *rng, size_t inputs, size_t count, nn_real *w) {
    double bound = 1 / sqrt((double)inputs);
    for (size_t i = 0; i < count; i++)
        w[i] = (nn_real)(bound * (2 * maple_rng_uniform(rng) - 1));
}

static void normal(maple_rng *rng, size_t count, nn_real *w) {
    for (size_t i = 0; i < count; i++)
        w[i] = (nn_real)maple_rng_normal(rng);
}

/* Weights and the biases after them. */
static void init_dense(const maple_nasflat_table *t, int weights, maple_rng *rng, nn_real *p) {
    if (t->rows[weights] > 0)
        uniform(rng, t->rows[weights], t->offset[weights + 2] - t->offset[weights], p + t->offset[weights]);
}

/* Flow's weights are within 1 / sqrt(its outputs), attention's a linear layer's. */
static void init_layer(const maple_nasflat_table *t, int at, bool flow, maple_rng *rng, nn_real *p) {
    size_t in = t->rows[at];
    nn_real *w = p + t->offset[at];
    for (size_t i = 0; i < in; i++)
        for (size_t c = 0; c < t->width; c += NASFLAT_WIDTH)
            uniform(rng, flow && c == 0 ? NASFLAT_WIDTH : in, NASFLAT_WIDTH, w + i * t->width + c);
    uniform(rng, NASFLAT_WIDTH, t->offset[at + NASFLAT_LAYER_GAIN] - t->offset[at + NASFLAT_LAYER_FLOW_B],
            p + t->offset[at + NASFLAT_LAYER_FLOW_B]);
    for (size_t i = t->offset[at + NASFLAT_LAYER_GAIN]; i < t->offset[at + NASFLAT_LAYER_SHIFT]; i++)
        p[i] = 1;
    for (size_t i = t->offset[at + NASFLAT_LAYER_SHIFT]; i < t->offset[at + NASFLAT_LAYER_PARTS]; i++)
        p[i] = 0;
}

void maple_nasflat_init(const maple_nasflat_shape *shape, maple_rng *rng, nn_real *p) {
    static const int DENSE[] = {
        NASFLAT_X_W,      NASFLAT_GATE_A_W, NASFLAT_GATE_B_W,  NASFLAT_V_W1,
        NASFLAT_V_W2,     NASFLAT_V_W3,     NASFLAT_UPDATE_W2, NASFLAT_PROXY_W1,
        NASFLAT_PROXY_W2, NASFLAT_PROXY_W3, NASFLAT_DEVICE_W1, NASFLAT_DEVICE_W2,
        NASFLAT_HEAD_W1,  NASFLAT_HEAD_W2,  NASFLAT_HEAD_W3,   NASFLAT_HEAD_W4,
    };
    maple_nasflat_table t = maple_nasflat_layout(shape);
    normal(rng, t.offset[NASFLAT_X_W], p);
    for (size_t i = 0; i < NASFLAT_NODE; i++) /* nodes other than the input start from 0 */
        p[t.offset[NASFLAT_NODE_EMBEDDING] + NASFLAT_NODE + i] = 0;
    for (size_t i = 0; i < sizeof DENSE / sizeof *DENSE; i++)
        init_dense(&t, DENSE[i], rng, p);
    uniform(rng, NASFLAT_NODE + t.rows[NASFLAT_POSITION],
            t.offset[NASFLAT_POSITION + 1] - t.offset[NASFLAT_POSITION], p + t.offset[NASFLAT_POSITION]);
    for (int l = 0; l < NASFLAT_LAYERS; l++)
        init_layer(&t, NASFLAT_LAYER + l * NASFLAT_LAYER_PARTS, shape->gnn != NASFLAT_GAT, rng, p);
    uniform(rng, NASFLAT_NODE + NASFLAT_WIDTH, t.offset[NASFLAT_UPDATE_W2] - t.offset[NASFLAT_UPDATE_O],
            p + t.offset[NASFLAT_UPDATE_O]);
}
