/* SPDX-License-Identifier: Apache-2.0 */
/* The dual-stream network: one buffer of parameters, one of activations. */
#include "predictor/maple_net.h"

#include <string.h>

struct maple_net_work {
    maple_net_shape shape;
    maple_net_table table;
    nn_real *memory;
    nn_real *described;          /* [platforms, H]: S W4s + b4 */
    nn_real *h1, *h2, *e, *a4;   /* of architectures: [capacity, H | H | E | H]; a4 = e W4 */
    nn_real *h4, *h5, *y;        /* of samples: [capacity, H | H | 1] */
    nn_real *d_described, *d_a4; /* gradients */
    nn_real *da, *db, *de, *dy;  /* da and db are taken in turns */
};

maple_net_table maple_net_layout(const maple_net_shape *shape) {
    size_t h = shape->width, e = shape->embedding, hot = shape->positions * shape->choices;
    maple_net_table table = {
        .rows = {hot, 1, h, 1, h, 1, e, shape->descriptor, 1, h, 1, h, 1},
        .columns = {h, h, h, h, e, e, h, h, h, h, h, 1, 1},
    };
    for (int i = 0; i < NET_TENSORS; i++)
        table.offset[i + 1] = table.offset[i] + table.rows[i] * table.columns[i];
    return table;
}

void maple_net_init(const maple_net_shape *shape, maple_rng *rng, nn_real *parameters) {
    maple_net_table table = maple_net_layout(shape);
    memset(parameters, 0, table.offset[NET_TENSORS] * sizeof *parameters);
    static const int weights[] = {NET_W1, NET_W2, NET_W3, NET_W4, NET_W4S, NET_W5, NET_W6};
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
        int t = weights[i];
        /* One row a position is active in a one-hot input; S has unit length, so its weights are drawn as if
         * it were one more input of the embedding's size. */
        size_t inputs = t == NET_W1 ? shape->positions : t == NET_W4S ? 2 : table.rows[t];
        nn_he_init(rng, inputs, table.rows[t] * table.columns[t], parameters + table.offset[t]);
    }
}

maple_net_work *maple_net_work_create(const maple_net_shape *shape, size_t capacity, size_t platforms,
                                      bool training) {
    maple_net_work *work = maple_alloc(1, sizeof *work);
    if (!work)
        return NULL;
    work->shape = *shape;
    work->table = maple_net_layout(shape);
    size_t h = shape->width, e = shape->embedding;
    struct {
        nn_real **where;
        size_t count;
    } parts[] = {
        {&work->described, platforms * h}, {&work->h1, capacity * h}, {&work->h2, capacity * h},
        {&work->e, capacity * e},          {&work->a4, capacity * h}, {&work->h4, capacity * h},
        {&work->h5, capacity * h},         {&work->y, capacity},      {&work->d_described, platforms * h},
        {&work->d_a4, capacity * h},       {&work->da, capacity * h}, {&work->db, capacity * h},
        {&work->de, capacity * e},         {&work->dy, capacity},
    };
    enum { FORWARD_PARTS = 8, LINE = 64 / sizeof(nn_real) };
    size_t n_parts = training ? sizeof parts / sizeof *parts : FORWARD_PARTS, total = 0;
    for (size_t i = 0; i < n_parts; i++)
        total += (parts[i].count + LINE - 1) / LINE * LINE;
    work->memory = maple_alloc_aligned(total, sizeof *work->memory);
    if (!work->memory) {
        maple_free(work);
        return NULL;
    }
    nn_real *next = work->memory;
    for (size_t i = 0; i < n_parts; i++) {
        *parts[i].where = next;
        next += (parts[i].count + LINE - 1) / LINE * LINE;
    }
    return work;
}

void maple_net_work_free(maple_net_work *work) {
    if (work)
        maple_free(work->memory);
    maple_free(work);
}

void maple_net_describe(maple_net_work *work, const nn_real *parameters, const nn_real *descriptors,
                        size_t platforms) {
    const size_t *at = work->table.offset;
    size_t h = work->shape.width;
    nn_product(platforms, h, work->shape.descriptor, descriptors, parameters + at[NET_W4S], work->described);
    nn_bias_relu(platforms, h, parameters + at[NET_B4], false, work->described);
}

const nn_real *maple_net_forward(maple_net_work *work, const nn_real *parameters,
                                 const maple_net_batch *batch) {
    const size_t *at = work->table.offset;
    size_t h = work->shape.width, e = work->shape.embedding, archs = batch->n_archs, n = batch->n;
    const nn_real *p = parameters;
    nn_one_hot_forward(archs, work->shape.positions, work->shape.choices, h, batch->codes, p + at[NET_W1],
                       p + at[NET_B1], work->h1);
    nn_dense_forward(archs, h, h, work->h1, p + at[NET_W2], p + at[NET_B2], true, work->h2);
    nn_dense_forward(archs, h, e, work->h2, p + at[NET_W3], p + at[NET_B3], false, work->e);
    nn_product(archs, h, e, work->e, p + at[NET_W4], work->a4);
    nn_pair_relu(n, h, work->a4, batch->arch, work->described, batch->platform, work->h4);
    nn_dense_forward(n, h, h, work->h4, p + at[NET_W5], p + at[NET_B5], true, work->h5);
    nn_dense_forward(n, h, 1, work->h5, p + at[NET_W6], p + at[NET_B6], false, work->y);
    return work->y;
}

/* Gradients of S W4s + b4 and of e W4 from that of each sample's first layer of stream 2 (work->db). */
static void pair_backward(maple_net_work *work, const nn_real *descriptors, size_t platforms,
                          const maple_net_batch *batch, nn_real *gradient) {
    const size_t *at = work->table.offset;
    size_t h = work->shape.width;
    nn_scatter_sum(platforms, batch->n, h, batch->platform, work->db, work->d_described);
    nn_scatter_sum(1, platforms, h, NULL, work->d_described, gradient + at[NET_B4]);
    if (work->shape.descriptor > 0)
        nn_dense_backward(platforms, work->shape.descriptor, h, descriptors, NULL, work->d_described,
                          gradient + at[NET_W4S], NULL, NULL);
    if (batch->arch)
        nn_scatter_sum(batch->n_archs, batch->n, h, batch->arch, work->db, work->d_a4);
    else
        memcpy(work->d_a4, work->db, batch->n * h * sizeof *work->d_a4);
}

double maple_net_loss(maple_net_work *work, const nn_real *parameters, const nn_real *descriptors,
                      size_t platforms, const maple_net_batch *batch, const nn_real *target,
                      const nn_real *weight, nn_real *gradient) {
    const size_t *at = work->table.offset;
    size_t h = work->shape.width, e = work->shape.embedding, archs = batch->n_archs, n = batch->n;
    const nn_real *p = parameters;
    nn_real *g = gradient;
    maple_net_describe(work, parameters, descriptors, platforms);
    maple_net_forward(work, parameters, batch);
    double loss = nn_absolute_loss(n, work->y, target, weight, work->dy);

    nn_dense_backward(n, h, 1, work->h5, p + at[NET_W6], work->dy, g + at[NET_W6], g + at[NET_B6], work->da);
    nn_relu_backward(n * h, work->h5, work->da);
    nn_dense_backward(n, h, h, work->h4, p + at[NET_W5], work->da, g + at[NET_W5], g + at[NET_B5], work->db);
    nn_relu_backward(n * h, work->h4, work->db);
    pair_backward(work, descriptors, platforms, batch, g);
    nn_dense_backward(archs, e, h, work->e, p + at[NET_W4], work->d_a4, g + at[NET_W4], NULL, work->de);
    nn_dense_backward(archs, h, e, work->h2, p + at[NET_W3], work->de, g + at[NET_W3], g + at[NET_B3],
                      work->da);
    nn_relu_backward(archs * h, work->h2, work->da);
    nn_dense_backward(archs, h, h, work->h1, p + at[NET_W2], work->da, g + at[NET_W2], g + at[NET_B2],
                      work->db);
    nn_relu_backward(archs * h, work->h1, work->db);
    nn_one_hot_backward(archs, work->shape.positions, work->shape.choices, h, batch->codes, work->db,
                        g + at[NET_W1], g + at[NET_B1]);
    return loss;
}
