/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn.h: the layers, the loss and the optimiser that the neural predictors need, forward and backward.
 *
 * All matrices are row-major and dense; n is the number of samples in a batch. The library is built in float.
 * The gradient tests compile the same sources with NN_DOUBLE, which gives every function another name.
 */
#ifndef MAPLE_NN_H
#define MAPLE_NN_H

#include "maple/base.h"

#ifdef NN_DOUBLE
typedef double nn_real;
#define NN_NAME(name)       name##_f64
#define nn_dense_forward    NN_NAME(nn_dense_forward)
#define nn_dense_backward   NN_NAME(nn_dense_backward)
#define nn_product          NN_NAME(nn_product)
#define nn_one_hot_forward  NN_NAME(nn_one_hot_forward)
#define nn_one_hot_backward NN_NAME(nn_one_hot_backward)
#define nn_bias_relu        NN_NAME(nn_bias_relu)
#define nn_relu_backward    NN_NAME(nn_relu_backward)
#define nn_absolute_loss    NN_NAME(nn_absolute_loss)
#define nn_adam_step        NN_NAME(nn_adam_step)
#define nn_he_init          NN_NAME(nn_he_init)
#define nn_pair_relu        NN_NAME(nn_pair_relu)
#define nn_scatter_sum      NN_NAME(nn_scatter_sum)
/* dual.c */
#define nn_dual_sum_rows          NN_NAME(nn_dual_sum_rows)
#define nn_dual_sum_rows_backward NN_NAME(nn_dual_sum_rows_backward)
#define nn_dual_dense_forward     NN_NAME(nn_dual_dense_forward)
#define nn_dual_dense_backward    NN_NAME(nn_dual_dense_backward)
#define nn_dual_bias_relu         NN_NAME(nn_dual_bias_relu)
#define nn_dual_relu_backward     NN_NAME(nn_dual_relu_backward)
#define nn_dual_column_sums       NN_NAME(nn_dual_column_sums)
#define nn_dual_square_loss       NN_NAME(nn_dual_square_loss)
/* nasflat */
#define nn_gather_rows           NN_NAME(nn_gather_rows)
#define nn_sigmoid               NN_NAME(nn_sigmoid)
#define nn_sigmoid_backward      NN_NAME(nn_sigmoid_backward)
#define nn_relu_dropout          NN_NAME(nn_relu_dropout)
#define nn_relu_dropout_backward NN_NAME(nn_relu_dropout_backward)
#define nn_layer_norm_forward    NN_NAME(nn_layer_norm_forward)
#define nn_layer_norm_backward   NN_NAME(nn_layer_norm_backward)
#define nn_dgf_forward           NN_NAME(nn_dgf_forward)
#define nn_dgf_backward          NN_NAME(nn_dgf_backward)
#define nn_gat_forward           NN_NAME(nn_gat_forward)
#define nn_gat_backward          NN_NAME(nn_gat_backward)
#define nn_hinge_loss            NN_NAME(nn_hinge_loss)
#else
typedef float nn_real;
#endif

/* Elementwise loops are compiled for several instruction sets and chosen when the program is loaded: the
 * build itself stays generic, so that it runs under Valgrind and on old processors. No fused multiply-add is
 * formed (-std=c17), so that every version gives the same bits. Sanitizers cannot instrument the resolver. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&                 \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__OPTIMIZE__)
#define NN_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#define NN_CLONES
#endif

/* OpenBLAS gives different bits with different numbers of threads, and its number is global to the process.
 * Between these two calls it is 1; calls nest and may come from several threads, the last to leave restores
 * what was. */
void nn_blas_enter(void);
void nn_blas_leave(void);

/* c[m, n] = a[m, k] b[k, n] */
void nn_product(size_t m, size_t n, size_t k, const nn_real *a, const nn_real *b, nn_real *c);

/* y[n, out] = x[n, in] w[in, out] + b[out], and max(0, .) with `relu`. */
void nn_dense_forward(size_t n, size_t in, size_t out, const nn_real *x, const nn_real *w, const nn_real *b,
                      bool relu, nn_real *y);
/* From dy (already multiplied by the ReLU's slope): dw[in, out], db[out] (NULL: not wanted), dx[n, in] (NULL:
 * not wanted). Gradients are written, not added to. */
void nn_dense_backward(size_t n, size_t in, size_t out, const nn_real *x, const nn_real *w, const nn_real *dy,
                       nn_real *dw, nn_real *db, nn_real *dx);

/* The first layer on one-hot inputs: y[n, out] = b + the sum over positions of row (position * choices +
 * code) of w[positions * choices, out], then ReLU. */
void nn_one_hot_forward(size_t n, size_t positions, size_t choices, size_t out, const uint8_t *codes,
                        const nn_real *w, const nn_real *b, nn_real *y);
void nn_one_hot_backward(size_t n, size_t positions, size_t choices, size_t out, const uint8_t *codes,
                         const nn_real *dy, nn_real *dw, nn_real *db);

/* y[n, out] = max(0, y + b) or y + b. */
void nn_bias_relu(size_t n, size_t out, const nn_real *b, bool relu, nn_real *y);

/* y[i] = max(0, a[a_row[i]] + b[b_row[i]]) for rows of `out` numbers; a_row NULL: row i; b_row NULL: row 0.
 */
void nn_pair_relu(size_t n, size_t out, const nn_real *a, const uint32_t *a_row, const nn_real *b,
                  const uint32_t *b_row, nn_real *y);
/* The way back: sums[rows, out], each the sum of those dy[i] with row[i] = it; row NULL: all go to row 0. */
void nn_scatter_sum(size_t rows, size_t n, size_t out, const uint32_t *row, const nn_real *dy, nn_real *sums);

/* dy[count] becomes 0 where the layer's output y was not positive. */
void nn_relu_backward(size_t count, const nn_real *y, nn_real *dy);

/* The sum of weight |prediction - target| / n; gradient[n] with respect to the predictions. */
double nn_absolute_loss(size_t n, const nn_real *prediction, const nn_real *target, const nn_real *weight,
                        nn_real *gradient);

typedef struct nn_adam {
    nn_real *m, *v; /* [count], zero before the first step */
    double beta1, beta2, epsilon;
    uint64_t step;
} nn_adam;

/* One step of Adam (Kingma and Ba, 2015, with bias correction); weight_decay is decoupled (AdamW). */
void nn_adam_step(nn_adam *adam, size_t count, double learning_rate, double weight_decay,
                  const nn_real *gradient, nn_real *parameter);

/* --- Layers of `nasflat` (NASFLAT, MLSys 2024). Matrices with a row pitch `ld` may be columns of a wider
 * one, so that branches that share their input are one product. --- */

/* y[i] = table[row[i]], rows of `out` numbers; nn_scatter_sum is the way back. */
void nn_gather_rows(size_t n, size_t out, const uint32_t *row, const nn_real *table, nn_real *y);

/* y[i] = 1 / (1 + exp(-y[i])), and dz = dy * y * (1 - y) in place of dy. */
void nn_sigmoid(size_t count, nn_real *y);
void nn_sigmoid_backward(size_t count, const nn_real *y, nn_real *dy);

/* y[i] = max(0, y[i]), then 0 with probability p, else over 1 - p; rng NULL: no dropout. A dropped value is
 * as good as a negative one, so that y tells the way back: dy becomes dy / (1 - p) where y > 0, else 0. */
void nn_relu_dropout(size_t count, double p, maple_rng *rng, nn_real *y);
void nn_relu_dropout_backward(size_t count, double p, const nn_real *y, nn_real *dy);

/* y[n, out] = (x - mean) / sqrt(variance + 1e-5) * gain + shift over each row (Ba et al., 2016); inv_sd[n]
 * and mean[n] are kept for the way back, which writes dx[n, out], and adds up dgain[out], dshift[out]. */
void nn_layer_norm_forward(size_t n, size_t out, const nn_real *x, const nn_real *gain, const nn_real *shift,
                           nn_real *mean, nn_real *inv_sd, nn_real *y);
void nn_layer_norm_backward(size_t n, size_t out, const nn_real *x, const nn_real *gain, const nn_real *mean,
                            const nn_real *inv_sd, const nn_real *dy, nn_real *dgain, nn_real *dshift,
                            nn_real *dx);

/* Graphs, their nodes as rows one graph after the other. A row may stand for `count` nodes that are alike:
 * with the same features, and no edge but their own loops. */
typedef struct nn_node_batch {
    size_t n;
    const uint32_t *first; /* [n + 1]: rows of each graph; functions see those of first[0] to first[n] - 1 */
    const nn_real *count;  /* [rows] */
    const uint32_t *in;    /* [rows + 1]: edges into each row */
    const uint32_t *in_from; /* [edges]: the row that each comes from */
} nn_node_batch;

/* Dense graph flow: m = sum over in-edges of s; y = g * m + s + b. s, g, m have pitch ld, y[rows, out] none.
 */
void nn_dgf_forward(const nn_node_batch *nodes, size_t out, size_t ld, const nn_real *s, size_t ld_g,
                    const nn_real *g, const nn_real *b, nn_real *m, nn_real *y);
/* dg (pitch ld_g) and ds (pitch ld) are written, db[out] is added to. */
void nn_dgf_backward(const nn_node_batch *nodes, size_t out, size_t ld, size_t ld_g, const nn_real *g,
                     const nn_real *m, const nn_real *dy, nn_real *dg, nn_real *ds, nn_real *db);

/* Graph attention: u_i = sum over all nodes j of the graph of p_ij h_j, p_i the softmax of
 * leaky_relu(sum_m a_m h_im h_jm / sqrt(out)) for an edge from j to i and of 0 for any other j. h, u have
 * pitch ld. Kept for the way back: logit[edges], p[edges], rest[rows] (the p of a node without an edge).
 * total[out] is scratch. */
void nn_gat_forward(const nn_node_batch *nodes, size_t out, size_t ld, const nn_real *h, const nn_real *a,
                    nn_real *logit, nn_real *p, nn_real *rest, nn_real *total, nn_real *u);
/* dh (pitch ld) is written, da[out] is added to. */
void nn_gat_backward(const nn_node_batch *nodes, size_t out, size_t ld, const nn_real *h, const nn_real *a,
                     const nn_real *logit, const nn_real *p, const nn_real *rest, const nn_real *u,
                     const nn_real *du, nn_real *total, nn_real *dh, nn_real *da);

/* The mean over pairs (i, j) = pairs[2 k], pairs[2 k + 1], of which i is to be scored higher, of
 * max(0, margin - (s_i - s_j)); gradient[n] with respect to the scores. */
double nn_hinge_loss(size_t n, size_t n_pairs, const uint32_t *pairs, double margin, const nn_real *score,
                     nn_real *gradient);

/* Normal with variance 2 / inputs (He et al., 2015). */
void nn_he_init(maple_rng *rng, size_t inputs, size_t count, nn_real *w);

/* --- Dual numbers (dual.c): layers whose arrays may carry a tangent, forward and backward ---
 *
 * With tangents these functions compute, beside each value, its derivative in one direction of the parameters
 * (Pearlmutter, 1994): the tangents of a backward pass are then the product of the Hessian with that
 * direction. Without tangents (NULL) they are plain layers. Where the result of a function has a tangent, an
 * argument without one is a constant; where it has none, tangents of arguments are not looked at. */
typedef struct nn_dual {
    nn_real *value, *tangent;
} nn_dual;

/* Sums over the rows of a sparse matrix of ones: row r of y is the sum of the rows index[start[r]] ..
 * index[start[r + 1] - 1] of x. A message passing along edges, or a first layer on inputs of 0 and 1 (x: its
 * weights). */
typedef struct nn_row_sums {
    size_t rows;           /* of y */
    const uint32_t *start; /* [rows + 1] */
    const uint32_t *index;
} nn_row_sums;

/* y[sums->rows, out] from x[., out]. */
void nn_dual_sum_rows(const nn_row_sums *sums, size_t out, nn_dual x, nn_dual y);
/* The way back: dx[x_rows, out], written. */
void nn_dual_sum_rows_backward(const nn_row_sums *sums, size_t x_rows, size_t out, nn_dual dy, nn_dual dx);

/* y[n, out] = x[n, in] w[in, out]. Bias and ReLU: nn_dual_bias_relu. */
void nn_dual_dense_forward(size_t n, size_t in, size_t out, nn_dual x, nn_dual w, nn_dual y);
/* From dy: dw[in, out] and dx[n, in], written. Of each, value and tangent are wanted where they are not
 * NULL. */
void nn_dual_dense_backward(size_t n, size_t in, size_t out, nn_dual x, nn_dual w, nn_dual dy, nn_dual dw,
                            nn_dual dx);
/* y[n, out] = y + b[out], and max(0, .) with `relu`. */
void nn_dual_bias_relu(size_t n, size_t out, nn_dual b, bool relu, nn_dual y);
/* dy[count] becomes 0 where the layer's output y was not positive. */
void nn_dual_relu_backward(size_t count, const nn_real *y, nn_dual dy);
/* sums[out] of dy[n, out]: the gradient of a bias. Value and tangent where they are not NULL. */
void nn_dual_column_sums(size_t n, size_t out, nn_dual dy, nn_dual sums);
/* Mean of (prediction - target)^2 over n; gradient[n] with respect to the predictions. */
double nn_dual_square_loss(size_t n, nn_dual prediction, const nn_real *target, nn_dual gradient);

/* --- Arrays cut from one piece of memory: counted first, with `next` NULL, then cut --- */

typedef struct nn_arena {
    nn_real *next;
    size_t count; /* numbers taken so far */
} nn_arena;

/* n numbers, on a multiple of 64 bytes (in float) where the piece begins on one; NULL while counting. */
static inline nn_real *nn_take(nn_arena *arena, size_t n) {
    n = (n + 15) / 16 * 16;
    nn_real *taken = arena->next;
    arena->next = taken ? taken + n : NULL;
    arena->count += n;
    return taken;
}

#endif
