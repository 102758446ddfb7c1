/* SPDX-License-Identifier: Apache-2.0 */
/* Gathered rows, sigmoid, ReLU with dropout. */
#include "nn/nn.h"

#include <math.h>
#include <string.h>

void nn_gather_rows(size_t n, size_t out, const uint32_t *row, const nn_real *table, nn_real *y) {
    for (size_t i = 0; i < n; i++)
        memcpy(y + i * out, table + row[i] * out, out * sizeof *y);
}

/* exp(x) for -87 <= x <= 87 in plain arithmetic, which is vectorised: 2^k exp(r), |r| <= log(2) / 2, by a
 * polynomial of degree 6 (relative error below 2e-7). */
#ifdef NN_DOUBLE
static inline double quick_exp(double x) {
    return exp(x);
}
#else
static inline float quick_exp(float x) {
    const float to_whole = 12582912; /* 1.5 * 2^23: adding it leaves a rounded integer in the low bits */
    float shifted = x * 1.44269504f + to_whole, k = shifted - to_whole;
    float r = x - k * 0.693359375f + k * 2.12194440e-4f;
    float e = 1.3888889e-3f;
    e = e * r + 8.3333333e-3f;
    e = e * r + 4.1666668e-2f;
    e = e * r + 1.6666667e-1f;
    e = e * r + 0.5f;
    e = e * r + 1;
    e = e * r + 1;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int32_t)((uint32_t)(bits + 127) << 23);
    float power;
    memcpy(&power, &bits, sizeof power);
    return e * power;
}
#endif

NN_CLONES void nn_sigmoid(size_t count, nn_real *restrict y) {
    for (size_t i = 0; i < count; i++) {
        nn_real x = -y[i];
        x = x > 80 ? 80 : x;
        x = x < -80 ? -80 : x;
        y[i] = 1 / (1 + quick_exp(x));
    }
}

NN_CLONES void nn_sigmoid_backward(size_t count, const nn_real *restrict y, nn_real *restrict dy) {
    for (size_t i = 0; i < count; i++)
        dy[i] *= y[i] * (1 - y[i]);
}

/* Four decisions from one random number. */
static void drop(size_t count, double p, maple_rng *rng, nn_real *y) {
    uint64_t below = (uint64_t)(p * 65536), bits = 0;
    nn_real scale = (nn_real)(1 / (1 - p));
    for (size_t i = 0; i < count; i++) {
        bits = i % 4 == 0 ? maple_rng_next(rng) : bits >> 16;
        y[i] = (bits & 0xffff) < below ? 0 : y[i] * scale;
    }
}

NN_CLONES static void relu(size_t count, nn_real *restrict y) {
    for (size_t i = 0; i < count; i++)
        y[i] = y[i] > 0 ? y[i] : 0;
}

void nn_relu_dropout(size_t count, double p, maple_rng *rng, nn_real *y) {
    relu(count, y);
    if (rng && p > 0)
        drop(count, p, rng, y);
}

NN_CLONES void nn_relu_dropout_backward(size_t count, double p, const nn_real *restrict y,
                                        nn_real *restrict dy) {
    nn_real scale = (nn_real)(1 / (1 - p));
    for (size_t i = 0; i < count; i++)
        dy[i] = y[i] > 0 ? dy[i] * scale : 0;
}
