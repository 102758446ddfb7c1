/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence of several hypotheses for the same few samples at once, one in each lane of a vector: matrices are
 * too small for BLAS and LAPACK to be fast on them. Sums are taken four at a time, which do not wait for
 * each other.
 */
#include "predictor/gp_model.h"

#include "nn/nn.h"

#include <math.h>

enum { AT_ONCE = 4 };

/* Memory is aligned for one number only. */
typedef double vector __attribute__((vector_size(GP_LANES * sizeof(double)), aligned(sizeof(double))));

struct gp_lanes {
    size_t n, stride;       /* samples; the same rounded up to AT_ONCE: rows beyond n are 0 */
    vector *factor;         /* [stride, stride] */
    vector *inverse;        /* [stride] 1 over its diagonal */
    vector *residual, *off; /* [stride] latency / level - u, then L^-1 of it; m - u */
    vector *noise;          /* [stride] */
    vector *column;         /* [stride, AT_ONCE] */
    vector weight[GP_BLOCKS];
};

void gp_lanes_free(gp_lanes *lanes) {
    if (!lanes)
        return;
    maple_free(lanes->factor);
    maple_free(lanes->inverse);
    maple_free(lanes->residual);
    maple_free(lanes->off);
    maple_free(lanes->noise);
    maple_free(lanes->column);
    maple_free(lanes);
}

gp_lanes *gp_lanes_create(size_t n) {
    size_t stride = (n + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
    gp_lanes *lanes = maple_alloc(1, sizeof *lanes);
    if (!lanes)
        return NULL;
    lanes->factor = maple_alloc(stride * stride, sizeof(vector));
    lanes->inverse = maple_alloc(stride, sizeof(vector));
    lanes->residual = maple_alloc(stride, sizeof(vector));
    lanes->off = maple_alloc(stride, sizeof(vector));
    lanes->noise = maple_alloc(stride, sizeof(vector));
    lanes->column = maple_alloc(stride * AT_ONCE, sizeof(vector));
    if (lanes->factor && lanes->inverse && lanes->residual && lanes->off && lanes->noise && lanes->column)
        return lanes;
    gp_lanes_free(lanes);
    return NULL;
}

/* What one hypothesis says, in its lane. */
static void set_lane(gp_lanes *lanes, const gp_samples *s, const gp_hypothesis *h, double level_ms,
                     size_t l) {
    for (size_t g = 0; g < GP_BLOCKS; g++)
        lanes->weight[g][l] = h->parameter[g];
    for (size_t i = 0; i < s->n; i++) {
        double expected = gp_expected(s, h, i);
        lanes->residual[i][l] = s->latency_ms[i] / level_ms - expected;
        lanes->off[i][l] = s->shape[i] - expected;
        lanes->noise[i][l] = gp_noise_at(s, h, level_ms, i);
    }
}

NN_CLONES static void fill_covariance(gp_lanes *lanes, const double *kernel) {
    size_t n = lanes->n, stride = lanes->stride;
    for (size_t i = 0; i < stride; i++)
        for (size_t j = 0; j <= i && j < n; j++) {
            vector sum = {0};
            if (i < n) {
                sum = lanes->weight[GP_POOL] * lanes->off[i] * lanes->off[j];
                for (size_t g = 0; g < GP_BLOCKS; g++)
                    sum += lanes->weight[g] * kernel[(g * n + i) * n + j];
            }
            lanes->factor[i * stride + j] = i == j ? sum + lanes->noise[i] : sum;
        }
}

/* Column after column: a = L L'. */
NN_CLONES static void factorise(gp_lanes *lanes) {
    size_t n = lanes->n, stride = lanes->stride;
    for (size_t j = 0; j < n; j++) {
        const vector *top = lanes->factor + j * stride;
        for (size_t i = j / AT_ONCE * AT_ONCE; i < stride; i += AT_ONCE) { /* rows above j: not read again */
            vector *a = lanes->factor + i * stride, *b = a + stride, *c = b + stride, *d = c + stride;
            vector sum[AT_ONCE] = {a[j], b[j], c[j], d[j]};
            for (size_t k = 0; k < j; k++) {
                sum[0] -= a[k] * top[k];
                sum[1] -= b[k] * top[k];
                sum[2] -= c[k] * top[k];
                sum[3] -= d[k] * top[k];
            }
            if (i <= j)
                for (size_t l = 0; l < GP_LANES; l++)
                    lanes->inverse[j][l] = 1 / sqrt(sum[j - i][l]);
            a[j] = sum[0] * lanes->inverse[j];
            b[j] = sum[1] * lanes->inverse[j];
            c[j] = sum[2] * lanes->inverse[j];
            d[j] = sum[3] * lanes->inverse[j];
        }
    }
}

/* residual becomes L^-1 residual; *square its squared length. */
NN_CLONES static void solve(gp_lanes *lanes, vector *square) {
    vector total = {0}, *z = lanes->residual;
    for (size_t i = 0; i < lanes->n; i++) {
        const vector *row = lanes->factor + i * lanes->stride;
        vector sum = z[i];
        for (size_t k = 0; k < i; k++)
            sum -= row[k] * z[k];
        z[i] = sum * lanes->inverse[i];
        total += z[i] * z[i];
    }
    *square = total;
}

void gp_lanes_evidence(gp_lanes *lanes, const gp_samples *s, const gp_hypothesis *h, size_t n_h,
                       double *evidence) {
    double level_ms[GP_LANES], n = (double)s->n;
    vector square;
    lanes->n = s->n;
    lanes->stride = (s->n + AT_ONCE - 1) / AT_ONCE * AT_ONCE;
    for (size_t l = 0; l < GP_LANES; l++) { /* lanes that are left over repeat the first */
        const gp_hypothesis *own = &h[l < n_h ? l : 0];
        level_ms[l] = gp_level_ms(s, own);
        set_lane(lanes, s, own, level_ms[l], l);
    }
    fill_covariance(lanes, s->kernel);
    factorise(lanes);
    solve(lanes, &square);
    for (size_t l = 0; l < n_h; l++) {
        double log_root = 0;
        for (size_t i = 0; i < s->n; i++)
            log_root -= log(lanes->inverse[i][l]);
        evidence[l] = -log_root - 0.5 * square[l] - n * log(level_ms[l]);
        if (!(level_ms[l] > 0) || isnan(evidence[l]))
            evidence[l] = -INFINITY;
    }
}

/* precision[i] = (K^-1)_ii, dual[i] = (K^-1 residual)_i for samples [first, first + AT_ONCE): columns of
 * L^-1. */
NN_CLONES static void invert(gp_lanes *lanes, size_t first, vector *precision, vector *dual) {
    const vector *z = lanes->residual;
    for (size_t c = 0; c < AT_ONCE; c++)
        precision[c] = dual[c] = (vector){0};
    for (size_t i = first; i < lanes->n; i++) {
        const vector *row = lanes->factor + i * lanes->stride;
        vector sum[AT_ONCE] = {{0}}, *column = lanes->column + i * AT_ONCE;
        if (i < first + AT_ONCE)
            sum[i - first] += 1;
        for (size_t k = first; k < i; k++) {
            const vector *known = lanes->column + k * AT_ONCE;
            sum[0] -= row[k] * known[0];
            sum[1] -= row[k] * known[1];
            sum[2] -= row[k] * known[2];
            sum[3] -= row[k] * known[3];
        }
        for (size_t c = 0; c < AT_ONCE; c++) {
            column[c] = sum[c] * lanes->inverse[i];
            precision[c] += column[c] * column[c];
            dual[c] += column[c] * z[i];
        }
    }
}

void gp_lanes_leave_one_out(gp_lanes *lanes, double *density) {
    vector precision[AT_ONCE], dual[AT_ONCE];
    for (size_t i = 0; i < lanes->n; i++) {
        if (i % AT_ONCE == 0)
            invert(lanes, i, precision, dual);
        for (size_t l = 0; l < GP_LANES; l++) {
            double p = precision[i % AT_ONCE][l], e = dual[i % AT_ONCE][l];
            density[i * GP_LANES + l] = 0.5 * log(p / (2 * M_PI)) - 0.5 * e * e / p;
        }
    }
}
