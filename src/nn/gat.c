/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NASFLAT's graph attention. Its softmax is over all nodes of a graph, those without an edge with logit 0, so
 * that u_i = rest_i * (sum of all h) + the sum over edges of (p_ij - rest_i) h_j: what is not an edge costs
 * one sum a graph.
 */
#include "nn/nn.h"

#include <math.h>
#include <string.h>

#ifdef NN_DOUBLE
#define NN_EXP  exp
#define NN_ROOT sqrt
#else
#define NN_EXP  expf
#define NN_ROOT sqrtf
#endif

static const nn_real LEAK = (nn_real)0.01;

/* Sixteen partial sums: the compiler may not reorder one. */
enum { LANES = 16 };

static inline nn_real dot3(size_t n, const nn_real *restrict a, const nn_real *restrict x,
                           const nn_real *restrict y) {
    nn_real lane[LANES] = {0}, sum = 0;
    size_t c = 0;
    for (; c + LANES <= n; c += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += a[c + l] * x[c + l] * y[c + l];
    for (; c < n; c++)
        sum += a[c] * x[c] * y[c];
    for (size_t l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

static inline nn_real dot2(size_t n, const nn_real *restrict x, const nn_real *restrict y) {
    nn_real lane[LANES] = {0}, sum = 0;
    size_t c = 0;
    for (; c + LANES <= n; c += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += x[c + l] * y[c + l];
    for (; c < n; c++)
        sum += x[c] * y[c];
    for (size_t l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

/* The softmax of row i, of whose graph all nodes together are `nodes_of_graph`. */
static inline void softmax_row(const nn_node_batch *nodes, size_t i, nn_real nodes_of_graph,
                               const nn_real *logit, nn_real *p, nn_real *rest) {
    nn_real largest = 0;
    for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++) {
        nn_real r = logit[e] > 0 ? logit[e] : LEAK * logit[e];
        p[e] = r;
        largest = r > largest ? r : largest;
    }
    nn_real zero = NN_EXP(-largest), sum = nodes_of_graph * zero;
    for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++) {
        p[e] = NN_EXP(p[e] - largest);
        sum += p[e] - zero;
    }
    rest[i] = zero / sum;
    for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++)
        p[e] /= sum;
}

NN_CLONES static void attend(const nn_node_batch *nodes, size_t g, size_t out, size_t ld, const nn_real *h,
                             const nn_real *a, nn_real *logit, nn_real *p, nn_real *rest,
                             nn_real *restrict total, nn_real *u) {
    nn_real scale = 1 / NN_ROOT((nn_real)out), all = 0;
    memset(total, 0, out * sizeof *total);
    for (size_t i = nodes->first[g]; i < nodes->first[g + 1]; i++) {
        const nn_real *restrict hi = h + i * ld;
        all += nodes->count[i];
        for (size_t c = 0; c < out; c++)
            total[c] += nodes->count[i] * hi[c];
    }
    for (size_t i = nodes->first[g]; i < nodes->first[g + 1]; i++) {
        nn_real *restrict ui = u + i * ld;
        for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++)
            logit[e] = scale * dot3(out, a, h + i * ld, h + nodes->in_from[e] * ld);
        softmax_row(nodes, i, all, logit, p, rest);
        for (size_t c = 0; c < out; c++)
            ui[c] = rest[i] * total[c];
        for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++) {
            const nn_real *restrict hj = h + nodes->in_from[e] * ld;
            nn_real more = p[e] - rest[i];
            for (size_t c = 0; c < out; c++)
                ui[c] += more * hj[c];
        }
    }
}

void nn_gat_forward(const nn_node_batch *nodes, size_t out, size_t ld, const nn_real *h, const nn_real *a,
                    nn_real *logit, nn_real *p, nn_real *rest, nn_real *total, nn_real *u) {
    for (size_t g = 0; g < nodes->n; g++)
        attend(nodes, g, out, ld, h, a, logit, p, rest, total, u);
}

/* Edge e, into row i: what it brings to dh and da. */
static inline void edge_backward(const nn_node_batch *nodes, size_t i, uint32_t e, size_t out, size_t ld,
                                 const nn_real *h, const nn_real *a, nn_real de, nn_real more,
                                 const nn_real *du, nn_real *dh, nn_real *da) {
    size_t j = nodes->in_from[e];
    const nn_real *hi = h + i * ld, *hj = h + j * ld, *dui = du + i * ld;
    nn_real *dhi = dh + i * ld, *dhj = dh + j * ld;
    for (size_t c = 0; c < out; c++) { /* i may be j: two sums, one after the other */
        da[c] += de * hi[c] * hj[c];
        dhi[c] += de * a[c] * hj[c];
    }
    for (size_t c = 0; c < out; c++)
        dhj[c] += de * a[c] * hi[c] + more * dui[c];
}

NN_CLONES static void attend_backward(const nn_node_batch *nodes, size_t g, size_t out, size_t ld,
                                      const nn_real *h, const nn_real *a, const nn_real *logit,
                                      const nn_real *p, const nn_real *rest, const nn_real *u,
                                      const nn_real *du, nn_real *restrict total, nn_real *dh, nn_real *da) {
    nn_real scale = 1 / NN_ROOT((nn_real)out);
    memset(total, 0, out * sizeof *total);
    for (size_t i = nodes->first[g]; i < nodes->first[g + 1]; i++) {
        const nn_real *restrict dui = du + i * ld;
        for (size_t c = 0; c < out; c++)
            total[c] += rest[i] * dui[c];
    }
    for (size_t i = nodes->first[g]; i < nodes->first[g + 1]; i++) {
        nn_real *restrict dhi = dh + i * ld;
        for (size_t c = 0; c < out; c++)
            dhi[c] = nodes->count[i] * total[c];
    }
    for (size_t i = nodes->first[g]; i < nodes->first[g + 1]; i++) {
        const nn_real *dui = du + i * ld;
        nn_real mean = dot2(out, dui, u + i * ld); /* sum over all nodes of p_ij dp_ij */
        for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++) {
            nn_real dp = dot2(out, dui, h + nodes->in_from[e] * ld);
            nn_real de = scale * p[e] * (dp - mean) * (logit[e] > 0 ? 1 : LEAK);
            edge_backward(nodes, i, e, out, ld, h, a, de, p[e] - rest[i], du, dh, da);
        }
    }
}

void nn_gat_backward(const nn_node_batch *nodes, size_t out, size_t ld, const nn_real *h, const nn_real *a,
                     const nn_real *logit, const nn_real *p, const nn_real *rest, const nn_real *u,
                     const nn_real *du, nn_real *total, nn_real *dh, nn_real *da) {
    for (size_t g = 0; g < nodes->n; g++)
        attend_backward(nodes, g, out, ld, h, a, logit, p, rest, u, du, total, dh, da);
}
