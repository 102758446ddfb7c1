/* SPDX-License-Identifier: Apache-2.0 */
/* Dense graph flow: what flows in along edges, gated by the node's operator, and the node itself. */
#include "nn/nn.h"

#include <string.h>

/* Graph by graph, so that what is summed is still in the cache. */
NN_CLONES void nn_dgf_forward(const nn_node_batch *nodes, size_t out, size_t ld, const nn_real *s,
                              size_t ld_g, const nn_real *g, const nn_real *b, nn_real *m, nn_real *y) {
    for (size_t i = nodes->first[0]; i < nodes->first[nodes->n]; i++) {
        const nn_real *restrict si = s + i * ld, *restrict gi = g + i * ld_g;
        nn_real *restrict mi = m + i * ld, *restrict yi = y + i * out;
        memset(mi, 0, out * sizeof *mi);
        for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++) {
            const nn_real *restrict sj = s + nodes->in_from[e] * ld;
            for (size_t c = 0; c < out; c++)
                mi[c] += sj[c];
        }
        for (size_t c = 0; c < out; c++)
            yi[c] = gi[c] * mi[c] + si[c] + b[c];
    }
}

NN_CLONES static void graph_backward(const nn_node_batch *nodes, size_t graph, size_t out, size_t ld,
                                     size_t ld_g, const nn_real *g, const nn_real *m, const nn_real *dy,
                                     nn_real *dg, nn_real *ds, nn_real *restrict db) {
    for (size_t i = nodes->first[graph]; i < nodes->first[graph + 1]; i++) {
        const nn_real *restrict dyi = dy + i * out, *restrict mi = m + i * ld;
        nn_real *restrict dgi = dg + i * ld_g, *restrict dsi = ds + i * ld;
        for (size_t c = 0; c < out; c++) {
            dgi[c] = dyi[c] * mi[c];
            dsi[c] = dyi[c];
            db[c] += dyi[c];
        }
    }
    for (size_t i = nodes->first[graph]; i < nodes->first[graph + 1]; i++) {
        const nn_real *restrict dyi = dy + i * out, *restrict gi = g + i * ld_g;
        for (uint32_t e = nodes->in[i]; e < nodes->in[i + 1]; e++) {
            nn_real *restrict dsj = ds + nodes->in_from[e] * ld;
            for (size_t c = 0; c < out; c++)
                dsj[c] += dyi[c] * gi[c];
        }
    }
}

void nn_dgf_backward(const nn_node_batch *nodes, size_t out, size_t ld, size_t ld_g, const nn_real *g,
                     const nn_real *m, const nn_real *dy, nn_real *dg, nn_real *ds, nn_real *db) {
    for (size_t graph = 0; graph < nodes->n; graph++)
        graph_backward(nodes, graph, out, ld, ld_g, g, m, dy, dg, ds, db);
}
