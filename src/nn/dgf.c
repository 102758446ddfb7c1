/* SPDX-License-Identifier: Apache-2.0 */
/* Dense graph flow: what flows in along edges, gated by the node's operator, and the node itself. */
#include "nn/nn.h"

#include <string.h>

NN_CLONES static void gate_sum(size_t rows, size_t out, size_t ld, const nn_real *s, size_t ld_g,
                               const nn_real *g, const nn_real *b, const nn_real *m, nn_real *y) {
    for (size_t i = 0; i < rows; i++) {
        const nn_real *restrict si = s + i * ld, *restrict gi = g + i * ld_g, *restrict mi = m + i * ld;
        nn_real *restrict yi = y + i * out;
        for (size_t c = 0; c < out; c++)
            yi[c] = gi[c] * mi[c] + si[c] + b[c];
    }
}

NN_CLONES static void flow_in(const nn_node_batch *nodes, size_t out, size_t ld, const nn_real *s,
                              nn_real *m) {
    for (size_t i = 0; i < nodes->rows; i++) {
        nn_real *restrict mi = m + i * ld;
        memset(mi, 0, out * sizeof *mi);
        for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++) {
            const nn_real *restrict sj = s + nodes->in_from[e] * ld;
            for (size_t c = 0; c < out; c++)
                mi[c] += sj[c];
        }
    }
}

void nn_dgf_forward(const nn_node_batch *nodes, size_t out, size_t ld, const nn_real *s, size_t ld_g,
                    const nn_real *g, const nn_real *b, nn_real *m, nn_real *y) {
    flow_in(nodes, out, ld, s, m);
    gate_sum(nodes->rows, out, ld, s, ld_g, g, b, m, y);
}

NN_CLONES void nn_dgf_backward(const nn_node_batch *nodes, size_t out, size_t ld, size_t ld_g,
                               const nn_real *g, const nn_real *m, const nn_real *dy, nn_real *dg,
                               nn_real *ds, nn_real *db) {
    memset(db, 0, out * sizeof *db);
    for (size_t i = 0; i < nodes->rows; i++) {
        const nn_real *restrict dyi = dy + i * out, *restrict mi = m + i * ld;
        nn_real *restrict dgi = dg + i * ld_g, *restrict dsi = ds + i * ld, *restrict sum = db;
        for (size_t c = 0; c < out; c++) {
            dgi[c] = dyi[c] * mi[c];
            dsi[c] = dyi[c];
            sum[c] += dyi[c];
        }
    }
    for (size_t i = 0; i < nodes->rows; i++) {
        const nn_real *restrict dyi = dy + i * out, *restrict gi = g + i * ld_g;
        for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++) {
            nn_real *restrict dsj = ds + nodes->in_from[e] * ld;
            for (size_t c = 0; c < out; c++)
                dsj[c] += dyi[c] * gi[c];
        }
    }
}
