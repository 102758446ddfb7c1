/* SPDX-License-Identifier: Apache-2.0 */
/* Forward and backward of the network of `nasflat`. */
#include "predictor/nasflat_net.h"

#include <string.h>

enum { D = NASFLAT_WIDTH, E = NASFLAT_NODE, PERCEPTRON = 3, HEAD_LAYERS = 3 };
static const double DROP = 0.1;

/* What a graph layer keeps for the way back. */
typedef struct layer_work {
    nn_real *sh, *u;           /* [rows, W]: inputs times weights; what flows in or is attended to */
    nn_real *y;                /* [rows, D] */
    nn_real *logit, *p, *rest; /* attention */
    nn_real *mean, *inv_sd;    /* [rows] of its normalisation */
} layer_work;

struct maple_nasflat_work {
    maple_nasflat_shape shape;
    maple_nasflat_table t;
    size_t capacity, rows, pairs, edges, kinds; /* kinds: rows of X */
    nn_real *x, *o, *sh_x, *gate_o;             /* [kinds, 96], [pairs, E], [kinds, W], [pairs, 2 W] */
    nn_real *gate_a, *gate_b;                   /* [rows, layers x W] */
    layer_work layer[NASFLAT_LAYERS];
    nn_real *v[PERCEPTRON + 1];             /* [n, D]: output nodes, and three layers on them */
    nn_real *uo, *uv, *hidden, *o2;         /* [pairs, D], [n, D], [rows, D], [rows, E] */
    nn_real *proxy[PERCEPTRON];             /* [n, D], [n, D], [n, E] */
    nn_real *device[PERCEPTRON];            /* [n, 8], [n, E], [n, E] */
    nn_real *head[HEAD_LAYERS + 1], *score; /* inputs, hidden layers; [n] */
    nn_real *row_a, *row_b, *row_c, *total; /* [rows, D] each; [D] */
    /* Training only. */
    nn_real *d_gate_a, *d_gate_b, *d_sh;                               /* as gates; [rows, W] */
    nn_real *d_x, *d_x2, *d_o, *d_o2, *d_sh_x, *d_gate_o, *d_n, *d_n2; /* d_n: [n, head or 200] */
    nn_real *d_u; /* [rows, W]: of what attention gives */
    double drop;  /* of the last forward */
    nn_real *memory;
};

/* --- Memory: counted first, then cut from one piece --- */

static void cut_layers(maple_nasflat_work *w, nn_arena *m) {
    for (int l = 0; l < NASFLAT_LAYERS; l++) {
        layer_work *k = &w->layer[l];
        k->sh = nn_take(m, w->rows * w->t.width);
        k->u = nn_take(m, w->rows * w->t.width);
        k->y = nn_take(m, w->rows * D);
        k->logit = nn_take(m, w->edges);
        k->p = nn_take(m, w->edges);
        k->rest = nn_take(m, w->rows);
        k->mean = nn_take(m, w->rows);
        k->inv_sd = nn_take(m, w->rows);
    }
}

static void cut_all(maple_nasflat_work *w, nn_arena *m, bool training) {
    size_t n = w->capacity, rows = w->rows, W = w->t.width;
    size_t widest = w->t.head > NASFLAT_HEAD ? w->t.head : NASFLAT_HEAD, twice = training ? 1 : 0;
    w->x = nn_take(m, w->kinds * NASFLAT_X);
    w->o = nn_take(m, w->pairs * E);
    w->sh_x = nn_take(m, w->kinds * W);
    w->gate_o = nn_take(m, w->pairs * NASFLAT_LAYERS_A * W);
    w->gate_a = nn_take(m, rows * NASFLAT_LAYERS_A * W);
    w->gate_b = nn_take(m, rows * NASFLAT_LAYERS_B * W);
    cut_layers(w, m);
    for (int i = 0; i <= PERCEPTRON; i++)
        w->v[i] = nn_take(m, n * D);
    w->uo = nn_take(m, w->pairs * D);
    w->uv = nn_take(m, n * D);
    w->hidden = nn_take(m, rows * D);
    w->o2 = nn_take(m, rows * E);
    for (int i = 0; i < PERCEPTRON; i++) {
        w->proxy[i] = nn_take(m, n * D);
        w->device[i] = nn_take(m, n * E);
    }
    for (int i = 0; i <= HEAD_LAYERS; i++)
        w->head[i] = nn_take(m, n * widest);
    w->score = nn_take(m, n);
    w->row_a = nn_take(m, rows * D);
    w->row_b = nn_take(m, rows * D);
    w->row_c = nn_take(m, rows * D);
    w->total = nn_take(m, D);
    w->d_gate_a = nn_take(m, twice * rows * NASFLAT_LAYERS_A * W);
    w->d_gate_b = nn_take(m, twice * rows * NASFLAT_LAYERS_B * W);
    w->d_sh = nn_take(m, twice * rows * W);
    w->d_x = nn_take(m, twice * w->kinds * NASFLAT_X);
    w->d_x2 = nn_take(m, twice * w->kinds * NASFLAT_X);
    w->d_o = nn_take(m, twice * w->pairs * E);
    w->d_o2 = nn_take(m, twice * (rows + w->pairs) * E);
    w->d_sh_x = nn_take(m, twice * w->kinds * W);
    w->d_gate_o = nn_take(m, twice * w->pairs * NASFLAT_LAYERS_A * W);
    w->d_n = nn_take(m, twice * n * widest);
    w->d_n2 = nn_take(m, twice * n * widest);
    w->d_u = nn_take(m, twice * rows * W);
}

maple_nasflat_work *maple_nasflat_work_create(const maple_nasflat_shape *shape, size_t capacity,
                                              bool training) {
    maple_nasflat_work *w = maple_alloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->shape = *shape;
    w->t = maple_nasflat_layout(shape);
    w->capacity = capacity;
    w->rows = capacity * shape->nodes;
    w->edges = w->rows * (shape->nodes + 1) / 2 + w->rows;
    w->pairs = 2 + shape->devices * shape->operators;
    w->kinds = shape->positions ? shape->nodes : 2;
    nn_arena memory = {0};
    cut_all(w, &memory, training);
    w->memory = maple_alloc_aligned(memory.count, sizeof(nn_real));
    if (!w->memory) {
        maple_free(w);
        return NULL;
    }
    memory.next = w->memory;
    cut_all(w, &memory, training);
    return w;
}

void maple_nasflat_work_free(maple_nasflat_work *work) {
    if (!work)
        return;
    maple_free(work->memory);
    maple_free(work);
}

/* --- Forward --- */

#define P(tensor) (p + w->t.offset[tensor])
#define G(tensor) (g + w->t.offset[tensor])

static void add(size_t n, const nn_real *x, nn_real *y) {
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

/* X and O: their different rows. */
static void embed(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b) {
    size_t own = w->t.columns[NASFLAT_OPERATOR_EMBEDDING];
    nn_dense_forward(2, E, NASFLAT_X, P(NASFLAT_NODE_EMBEDDING), P(NASFLAT_X_W), P(NASFLAT_X_B), false, w->x);
    if (w->shape.positions) {
        for (size_t i = 2; i < w->kinds; i++)
            memcpy(w->x + i * NASFLAT_X, w->x + NASFLAT_X, NASFLAT_X * sizeof(nn_real));
        add(w->kinds * NASFLAT_X, P(NASFLAT_POSITION), w->x);
    }
    memset(w->o, 0, E * sizeof(nn_real));
    memcpy(w->o + E, P(NASFLAT_OUTPUT_EMBEDDING), E * sizeof(nn_real));
    for (size_t k = 2; k < b->n_o; k++) {
        memcpy(w->o + k * E, P(NASFLAT_OPERATOR_EMBEDDING) + b->o_operator[k] * own, own * sizeof(nn_real));
        memcpy(w->o + k * E + own, P(NASFLAT_DEVICE_EMBEDDING) + b->o_device[k] * NASFLAT_DEVICE,
               (E - own) * sizeof(nn_real));
    }
}

/* --- A graph layer --- */

static NN_CLONES void gate_columns(size_t rows, size_t ld, const nn_real *u, size_t ld_g, const nn_real *g,
                                   nn_real *out) {
    for (size_t i = 0; i < rows; i++) {
        const nn_real *restrict ui = u + i * ld, *restrict gi = g + i * ld_g;
        nn_real *restrict v = out + i * D;
        for (size_t c = 0; c < D; c++)
            v[c] = gi[c] * ui[c];
    }
}

static NN_CLONES void mean_of_both(size_t n, const nn_real *restrict other, nn_real *restrict y) {
    for (size_t i = 0; i < n; i++)
        y[i] = (nn_real)0.5 * (y[i] + other[i]);
}

/* Some graphs of a batch: as many as a layer takes at once, so that what its parts hand on is in the cache.
 */
enum { CHUNK = 8 };

static nn_node_batch chunk_of(const nn_node_batch *nodes, size_t from, size_t *first, size_t *rows) {
    nn_node_batch chunk = *nodes;
    chunk.n = nodes->n - from < CHUNK ? nodes->n - from : CHUNK;
    chunk.first = nodes->first + from;
    *first = chunk.first[0];
    *rows = chunk.first[chunk.n] - chunk.first[0];
    return chunk;
}

/* Layer l of some graphs, from k->sh and gates (pitch ld_g). */
static void chunk_forward(maple_nasflat_work *w, const nn_real *p, const nn_node_batch *nodes, size_t from,
                          int l, size_t ld_g, const nn_real *gates, bool relu) {
    layer_work *k = &w->layer[l];
    int at = NASFLAT_LAYER + l * NASFLAT_LAYER_PARTS;
    size_t W = w->t.width, column = W - D, first, rows; /* column: of attention, the last branch */
    bool flow = w->shape.gnn != NASFLAT_GAT, attention = w->shape.gnn != NASFLAT_DENSE;
    nn_node_batch chunk = chunk_of(nodes, from, &first, &rows);
    nn_real *y = k->y + first * D, *second = flow ? w->row_b : y;
    if (flow)
        nn_dgf_forward(&chunk, D, W, k->sh, ld_g, gates, P(at + NASFLAT_LAYER_FLOW_B), k->u, k->y);
    if (attention) {
        nn_gat_forward(&chunk, D, W, k->sh + column, P(at + NASFLAT_LAYER_ATTENTION), k->logit, k->p, k->rest,
                       w->total, k->u + column);
        gate_columns(rows, W, k->u + first * W + column, ld_g, gates + first * ld_g + column, w->row_a);
        nn_layer_norm_forward(rows, D, w->row_a, P(at + NASFLAT_LAYER_GAIN), P(at + NASFLAT_LAYER_SHIFT),
                              k->mean + first, k->inv_sd + first, second);
    }
    if (flow && attention)
        mean_of_both(rows * D, second, y);
    if (relu)
        nn_relu_dropout(rows * D, 0, NULL, y);
}

/* The layers [first, end) of a stack, from X. */
static void stack_forward(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b, int first,
                          int end, const nn_real *gates) {
    size_t W = w->t.width, rows = b->rows, ld_g = (size_t)(end - first) * W;
    for (int l = first; l < end; l++) {
        const nn_real *weights = P(NASFLAT_LAYER + l * NASFLAT_LAYER_PARTS + NASFLAT_LAYER_W);
        if (l == first) {
            nn_product(w->kinds, W, NASFLAT_X, w->x, weights, w->sh_x);
            nn_gather_rows(rows, W, b->x_row, w->sh_x, w->layer[l].sh);
        } else {
            nn_product(rows, W, D, w->layer[l - 1].y, weights, w->layer[l].sh);
        }
        for (size_t from = 0; from < b->n; from += CHUNK)
            chunk_forward(w, p, &b->nodes, from, l, ld_g, gates + (size_t)(l - first) * W, l + 1 < end);
    }
}

/* --- Forward --- */

/* v of the output nodes, then O' of all nodes and its gates. */
static void update(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b) {
    size_t rows = b->rows;
    nn_gather_rows(b->n, D, b->output, w->layer[NASFLAT_LAYERS_A - 1].y, w->v[0]);
    for (int i = 0; i < PERCEPTRON; i++)
        nn_dense_forward(b->n, D, D, w->v[i], P(NASFLAT_V_W1 + 2 * i), P(NASFLAT_V_B1 + 2 * i),
                         i + 1 < PERCEPTRON, w->v[i + 1]);
    nn_product(b->n_o, D, E, w->o, P(NASFLAT_UPDATE_O), w->uo);
    nn_dense_forward(b->n, D, D, w->v[PERCEPTRON], P(NASFLAT_UPDATE_V), P(NASFLAT_UPDATE_B1), false, w->uv);
    nn_pair_relu(rows, D, w->uo, b->o_row, w->uv, b->graph, w->hidden);
    nn_dense_forward(rows, D, E, w->hidden, P(NASFLAT_UPDATE_W2), P(NASFLAT_UPDATE_B2), false, w->o2);
    nn_dense_forward(rows, E, NASFLAT_LAYERS_B * w->t.width, w->o2, P(NASFLAT_GATE_B_W), P(NASFLAT_GATE_B_B),
                     false, w->gate_b);
    nn_sigmoid(rows * NASFLAT_LAYERS_B * w->t.width, w->gate_b);
}

/* The mean over all nodes but the input, into the first columns of the head's inputs. */
static void pool(maple_nasflat_work *w, const maple_nasflat_batch *b) {
    const nn_real *y = w->layer[NASFLAT_LAYERS - 1].y;
    nn_real share = (nn_real)(1 / (b->total - 1));
    for (size_t g = 0; g < b->n; g++) {
        nn_real *mean = w->head[0] + g * w->t.head;
        memset(mean, 0, D * sizeof *mean);
        for (size_t i = b->first[g] + 1; i < b->first[g + 1]; i++)
            for (size_t c = 0; c < D; c++)
                mean[c] += b->count[i] * share * y[i * D + c];
    }
}

static void put_columns(size_t n, size_t from, size_t ld, const nn_real *in, nn_real *out) {
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * ld + from, in + i * E, E * sizeof *out);
}

static void take_columns(size_t n, size_t from, size_t ld, const nn_real *in, nn_real *out) {
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * E, in + i * ld + from, E * sizeof *out);
}

/* A dense layer with ReLU and dropout. */
static void drop_forward(size_t n, size_t in, size_t out, const nn_real *x, const nn_real *weights,
                         const nn_real *bias, maple_rng *rng, nn_real *y) {
    nn_dense_forward(n, in, out, x, weights, bias, false, y);
    nn_relu_dropout(n * out, DROP, rng, y);
}

static void embed_proxies(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b,
                          maple_rng *rng) {
    drop_forward(b->n, w->shape.proxies, D, b->proxies, P(NASFLAT_PROXY_W1), P(NASFLAT_PROXY_B1), rng,
                 w->proxy[0]);
    drop_forward(b->n, D, D, w->proxy[0], P(NASFLAT_PROXY_W2), P(NASFLAT_PROXY_B2), rng, w->proxy[1]);
    nn_dense_forward(b->n, D, E, w->proxy[1], P(NASFLAT_PROXY_W3), P(NASFLAT_PROXY_B3), false, w->proxy[2]);
    put_columns(b->n, D, w->t.head, w->proxy[2], w->head[0]);
}

static void embed_devices(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b) {
    nn_gather_rows(b->n, NASFLAT_DEVICE, b->device, P(NASFLAT_DEVICE_EMBEDDING), w->device[0]);
    nn_dense_forward(b->n, NASFLAT_DEVICE, E, w->device[0], P(NASFLAT_DEVICE_W1), P(NASFLAT_DEVICE_B1), true,
                     w->device[1]);
    nn_dense_forward(b->n, E, E, w->device[1], P(NASFLAT_DEVICE_W2), P(NASFLAT_DEVICE_B2), false,
                     w->device[2]);
    put_columns(b->n, w->t.head - E, w->t.head, w->device[2], w->head[0]);
}

const nn_real *maple_nasflat_forward(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b,
                                     maple_rng *rng) {
    size_t ld_a = NASFLAT_LAYERS_A * w->t.width, in = w->t.head;
    w->drop = rng ? DROP : 0;
    embed(w, p, b);
    nn_dense_forward(b->n_o, E, ld_a, w->o, P(NASFLAT_GATE_A_W), P(NASFLAT_GATE_A_B), false, w->gate_o);
    nn_sigmoid(b->n_o * ld_a, w->gate_o);
    nn_gather_rows(b->rows, ld_a, b->o_row, w->gate_o, w->gate_a);
    stack_forward(w, p, b, 0, NASFLAT_LAYERS_A, w->gate_a);
    update(w, p, b);
    stack_forward(w, p, b, NASFLAT_LAYERS_A, NASFLAT_LAYERS, w->gate_b);
    pool(w, b);
    if (w->shape.proxies > 0)
        embed_proxies(w, p, b, rng);
    if (w->shape.device_in == NASFLAT_DEVICE_IN_MLP)
        embed_devices(w, p, b);
    for (int i = 0; i < HEAD_LAYERS; i++, in = NASFLAT_HEAD)
        drop_forward(b->n, in, NASFLAT_HEAD, w->head[i], P(NASFLAT_HEAD_W1 + 2 * i),
                     P(NASFLAT_HEAD_B1 + 2 * i), rng, w->head[i + 1]);
    nn_dense_forward(b->n, NASFLAT_HEAD, 1, w->head[HEAD_LAYERS], P(NASFLAT_HEAD_W4), P(NASFLAT_HEAD_B4),
                     false, w->score);
    return w->score;
}

/* --- Backward --- */

static NN_CLONES void scale(size_t n, nn_real factor, nn_real *restrict y) {
    for (size_t i = 0; i < n; i++)
        y[i] *= factor;
}

/* From dv of v = gate * u: d_gate and du. */
static NN_CLONES void gate_columns_backward(size_t rows, size_t ld, const nn_real *u, size_t ld_g,
                                            const nn_real *g, const nn_real *dv, nn_real *du, nn_real *dg) {
    for (size_t i = 0; i < rows; i++) {
        const nn_real *restrict ui = u + i * ld, *restrict gi = g + i * ld_g, *restrict dvi = dv + i * D;
        nn_real *restrict dui = du + i * ld, *restrict dgi = dg + i * ld_g;
        for (size_t c = 0; c < D; c++) {
            dgi[c] = dvi[c] * ui[c];
            dui[c] = dvi[c] * gi[c];
        }
    }
}

/* Layer l of some graphs, from w->row_c, the gradient of its output before a ReLU: d_sh, d_gates; its own
 * parameters' is added to. */
static void chunk_backward(maple_nasflat_work *w, const nn_real *p, const nn_node_batch *nodes, size_t from,
                           int l, size_t ld_g, const nn_real *gates, nn_real *d_gates, nn_real *g) {
    layer_work *k = &w->layer[l];
    int at = NASFLAT_LAYER + l * NASFLAT_LAYER_PARTS;
    size_t W = w->t.width, column = W - D, first, rows;
    bool flow = w->shape.gnn != NASFLAT_GAT, attention = w->shape.gnn != NASFLAT_DENSE;
    nn_node_batch chunk = chunk_of(nodes, from, &first, &rows);
    nn_real *dy = w->row_c, *v = w->row_a, *dv = w->row_b, *du = w->d_u;
    size_t in = first * W + column, gate = first * ld_g + column;
    if (flow && attention)
        scale(rows * D, (nn_real)0.5, dy + first * D);
    if (flow)
        nn_dgf_backward(&chunk, D, W, ld_g, gates, k->u, dy, d_gates, w->d_sh, G(at + NASFLAT_LAYER_FLOW_B));
    if (!attention)
        return;
    gate_columns(rows, W, k->u + in, ld_g, gates + gate, v);
    nn_layer_norm_backward(rows, D, v, P(at + NASFLAT_LAYER_GAIN), k->mean + first, k->inv_sd + first,
                           dy + first * D, G(at + NASFLAT_LAYER_GAIN), G(at + NASFLAT_LAYER_SHIFT), dv);
    gate_columns_backward(rows, W, k->u + in, ld_g, gates + gate, dv, du + first * W, d_gates + gate);
    nn_gat_backward(&chunk, D, W, k->sh + column, P(at + NASFLAT_LAYER_ATTENTION), k->logit, k->p, k->rest,
                    k->u + column, du, w->total, w->d_sh + column, G(at + NASFLAT_LAYER_ATTENTION));
}

/* From w->row_c of the last layer: gradients of the stack's weights, d_gates, d_x. */
static void stack_backward(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b, int first,
                           int end, const nn_real *gates, nn_real *d_gates, nn_real *d_x, nn_real *g) {
    size_t W = w->t.width, rows = b->rows, ld_g = (size_t)(end - first) * W;
    for (int l = end - 1; l >= first; l--) {
        int weights = NASFLAT_LAYER + l * NASFLAT_LAYER_PARTS + NASFLAT_LAYER_W;
        size_t columns = (size_t)(l - first) * W;
        if (l + 1 < end)
            nn_relu_backward(rows * D, w->layer[l].y, w->row_c);
        memset(G(weights + NASFLAT_LAYER_FLOW_B), 0,
               (w->t.offset[weights + NASFLAT_LAYER_PARTS] - w->t.offset[weights + NASFLAT_LAYER_FLOW_B]) *
                   sizeof *g);
        for (size_t from = 0; from < b->n; from += CHUNK)
            chunk_backward(w, p, &b->nodes, from, l, ld_g, gates + columns, d_gates + columns, g);
        if (l > first) {
            nn_dense_backward(rows, D, W, w->layer[l - 1].y, P(weights), w->d_sh, G(weights), NULL, w->row_c);
        } else {
            nn_scatter_sum(w->kinds, rows, W, b->x_row, w->d_sh, w->d_sh_x);
            nn_dense_backward(w->kinds, NASFLAT_X, W, w->x, P(weights), w->d_sh_x, G(weights), NULL, d_x);
        }
    }
}

/* The head: d_n becomes the gradient of its inputs. */
static void head_backward(maple_nasflat_work *w, const nn_real *p, size_t n, const nn_real *d_score,
                          nn_real *g) {
    nn_real *dy = w->d_n, *dx = w->d_n2;
    nn_dense_backward(n, NASFLAT_HEAD, 1, w->head[HEAD_LAYERS], P(NASFLAT_HEAD_W4), d_score,
                      G(NASFLAT_HEAD_W4), G(NASFLAT_HEAD_B4), dy);
    for (int i = HEAD_LAYERS - 1; i >= 0; i--) {
        size_t in = i > 0 ? NASFLAT_HEAD : w->t.head;
        nn_relu_dropout_backward(n * NASFLAT_HEAD, w->drop, w->head[i + 1], dy);
        nn_dense_backward(n, in, NASFLAT_HEAD, w->head[i], P(NASFLAT_HEAD_W1 + 2 * i), dy,
                          G(NASFLAT_HEAD_W1 + 2 * i), G(NASFLAT_HEAD_B1 + 2 * i), dx);
        nn_real *other = dy;
        dy = dx;
        dx = other;
    }
    if (dy != w->d_n)
        memcpy(w->d_n, dy, n * w->t.head * sizeof *dy);
}

static void proxies_backward(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b,
                             nn_real *g) {
    nn_real *d = w->row_a, *d2 = w->row_b; /* [n, D] */
    take_columns(b->n, D, w->t.head, w->d_n, d);
    nn_dense_backward(b->n, D, E, w->proxy[1], P(NASFLAT_PROXY_W3), d, G(NASFLAT_PROXY_W3),
                      G(NASFLAT_PROXY_B3), d2);
    nn_relu_dropout_backward(b->n * D, w->drop, w->proxy[1], d2);
    nn_dense_backward(b->n, D, D, w->proxy[0], P(NASFLAT_PROXY_W2), d2, G(NASFLAT_PROXY_W2),
                      G(NASFLAT_PROXY_B2), d);
    nn_relu_dropout_backward(b->n * D, w->drop, w->proxy[0], d);
    nn_dense_backward(b->n, w->shape.proxies, D, b->proxies, P(NASFLAT_PROXY_W1), d, G(NASFLAT_PROXY_W1),
                      G(NASFLAT_PROXY_B1), NULL);
}

/* The device embedding has no other user in this form: its gradient is written. */
static void devices_backward(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b,
                             nn_real *g) {
    nn_real *d = w->row_a, *d2 = w->row_b;
    take_columns(b->n, w->t.head - E, w->t.head, w->d_n, d);
    nn_dense_backward(b->n, E, E, w->device[1], P(NASFLAT_DEVICE_W2), d, G(NASFLAT_DEVICE_W2),
                      G(NASFLAT_DEVICE_B2), d2);
    nn_relu_backward(b->n * E, w->device[1], d2);
    nn_dense_backward(b->n, NASFLAT_DEVICE, E, w->device[0], P(NASFLAT_DEVICE_W1), d2, G(NASFLAT_DEVICE_W1),
                      G(NASFLAT_DEVICE_B1), d);
    nn_scatter_sum(w->shape.devices, b->n, NASFLAT_DEVICE, b->device, d, G(NASFLAT_DEVICE_EMBEDDING));
}

static void pool_backward(maple_nasflat_work *w, const maple_nasflat_batch *b) {
    nn_real share = (nn_real)(1 / (b->total - 1));
    for (size_t n = 0; n < b->n; n++) {
        const nn_real *d = w->d_n + n * w->t.head;
        memset(w->row_c + b->first[n] * D, 0, D * sizeof *d);
        for (size_t i = b->first[n] + 1; i < b->first[n + 1]; i++)
            for (size_t c = 0; c < D; c++)
                w->row_c[i * D + c] = b->count[i] * share * d[c];
    }
}

/* From d_gate_b to row_c, the gradient of the outputs of stack A, and d_o, that of O through the update. */
static void update_backward(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b,
                            nn_real *g) {
    size_t rows = b->rows, ld = NASFLAT_LAYERS_B * w->t.width;
    nn_real *d = w->row_a, *d_v = w->row_b, *d_v2 = w->row_c; /* the latter two [n, D] */
    nn_sigmoid_backward(rows * ld, w->gate_b, w->d_gate_b);
    nn_dense_backward(rows, E, ld, w->o2, P(NASFLAT_GATE_B_W), w->d_gate_b, G(NASFLAT_GATE_B_W),
                      G(NASFLAT_GATE_B_B), w->d_o2);
    nn_dense_backward(rows, D, E, w->hidden, P(NASFLAT_UPDATE_W2), w->d_o2, G(NASFLAT_UPDATE_W2),
                      G(NASFLAT_UPDATE_B2), d);
    nn_relu_backward(rows * D, w->hidden, d);
    nn_scatter_sum(b->n_o, rows, D, b->o_row, d, w->uo);
    nn_scatter_sum(b->n, rows, D, b->graph, d, w->uv);
    nn_dense_backward(b->n_o, E, D, w->o, P(NASFLAT_UPDATE_O), w->uo, G(NASFLAT_UPDATE_O), NULL, w->d_o);
    nn_dense_backward(b->n, D, D, w->v[PERCEPTRON], P(NASFLAT_UPDATE_V), w->uv, G(NASFLAT_UPDATE_V),
                      G(NASFLAT_UPDATE_B1), d_v);
    for (int i = PERCEPTRON - 1; i >= 0; i--) {
        if (i + 1 < PERCEPTRON)
            nn_relu_backward(b->n * D, w->v[i + 1], d_v);
        nn_dense_backward(b->n, D, D, w->v[i], P(NASFLAT_V_W1 + 2 * i), d_v, G(NASFLAT_V_W1 + 2 * i),
                          G(NASFLAT_V_B1 + 2 * i), d_v2);
        memcpy(d_v, d_v2, b->n * D * sizeof *d_v);
    }
    memset(w->row_c, 0, rows * D * sizeof *d_v);
    for (size_t n = 0; n < b->n; n++)
        memcpy(w->row_c + b->output[n] * D, d_v + n * D, D * sizeof *d_v);
}

/* Of the embeddings, from d_o and d_x. */
static void embed_backward(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b,
                           nn_real *g) {
    size_t own = w->t.columns[NASFLAT_OPERATOR_EMBEDDING];
    bool in_nodes = own < E;
    nn_real *operators = G(NASFLAT_OPERATOR_EMBEDDING), *devices = G(NASFLAT_DEVICE_EMBEDDING);
    memset(operators, 0, w->shape.operators * own * sizeof *operators);
    if (in_nodes)
        memset(devices, 0, w->shape.devices * NASFLAT_DEVICE * sizeof *devices);
    memcpy(G(NASFLAT_OUTPUT_EMBEDDING), w->d_o + E, E * sizeof *w->d_o);
    for (size_t k = 2; k < b->n_o; k++) {
        add(own, w->d_o + k * E, operators + b->o_operator[k] * own);
        if (in_nodes)
            add(NASFLAT_DEVICE, w->d_o + k * E + own, devices + b->o_device[k] * NASFLAT_DEVICE);
    }
    if (w->shape.positions) {
        memcpy(G(NASFLAT_POSITION), w->d_x, w->kinds * NASFLAT_X * sizeof *w->d_x);
        for (size_t i = 2; i < w->kinds; i++)
            add(NASFLAT_X, w->d_x + i * NASFLAT_X, w->d_x + NASFLAT_X);
    }
    nn_dense_backward(2, E, NASFLAT_X, P(NASFLAT_NODE_EMBEDDING), P(NASFLAT_X_W), w->d_x, G(NASFLAT_X_W),
                      G(NASFLAT_X_B), G(NASFLAT_NODE_EMBEDDING));
}

void maple_nasflat_backward(maple_nasflat_work *w, const nn_real *p, const maple_nasflat_batch *b,
                            const nn_real *d_score, nn_real *g) {
    size_t rows = b->rows, ld_a = NASFLAT_LAYERS_A * w->t.width;
    head_backward(w, p, b->n, d_score, g);
    if (w->shape.proxies > 0)
        proxies_backward(w, p, b, g);
    if (w->shape.device_in == NASFLAT_DEVICE_IN_MLP)
        devices_backward(w, p, b, g);
    pool_backward(w, b);
    stack_backward(w, p, b, NASFLAT_LAYERS_A, NASFLAT_LAYERS, w->gate_b, w->d_gate_b, w->d_x, g);
    update_backward(w, p, b, g);
    stack_backward(w, p, b, 0, NASFLAT_LAYERS_A, w->gate_a, w->d_gate_a, w->d_x2, g);
    nn_scatter_sum(b->n_o, rows, ld_a, b->o_row, w->d_gate_a, w->d_gate_o);
    nn_sigmoid_backward(b->n_o * ld_a, w->gate_o, w->d_gate_o);
    nn_dense_backward(b->n_o, E, ld_a, w->o, P(NASFLAT_GATE_A_W), w->d_gate_o, G(NASFLAT_GATE_A_W),
                      G(NASFLAT_GATE_A_B), w->d_o2);
    add(b->n_o * E, w->d_o2, w->d_o);
    add(w->kinds * NASFLAT_X, w->d_x2, w->d_x);
    embed_backward(w, p, b, g);
}
