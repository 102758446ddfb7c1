/* SPDX-License-Identifier: Apache-2.0 */
/* Loss and optimiser. */
#include "nn/nn.h"

#include <math.h>

double nn_absolute_loss(size_t n, const nn_real *prediction, const nn_real *target, const nn_real *weight,
                        nn_real *gradient) {
    double loss = 0;
    nn_real share = (nn_real)1 / (nn_real)n;
    for (size_t i = 0; i < n; i++) {
        nn_real off = prediction[i] - target[i];
        loss += (double)weight[i] * fabs((double)off);
        gradient[i] = weight[i] * share * (nn_real)((off > 0) - (off < 0));
    }
    return loss / (double)n;
}

#ifdef NN_DOUBLE
#define NN_SQRT sqrt
#else
#define NN_SQRT sqrtf
#endif

NN_CLONES static void adam_update(size_t count, nn_real rate, nn_real decay, nn_real beta1, nn_real beta2,
                                  nn_real epsilon, const nn_real *restrict g, nn_real *restrict m,
                                  nn_real *restrict v, nn_real *restrict w) {
    for (size_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        w[i] -= decay * w[i] + rate * m[i] / (NN_SQRT(v[i]) + epsilon);
    }
}

void nn_adam_step(nn_adam *adam, size_t count, double learning_rate, double weight_decay,
                  const nn_real *gradient, nn_real *parameter) {
    adam->step++;
    /* m / (1 - beta1^t) over sqrt(v / (1 - beta2^t)) + epsilon, with the corrections taken out of the loop.
     */
    double first = 1 - pow(adam->beta1, (double)adam->step);
    double second = sqrt(1 - pow(adam->beta2, (double)adam->step));
    adam_update(count, (nn_real)(learning_rate * second / first), (nn_real)(learning_rate * weight_decay),
                (nn_real)adam->beta1, (nn_real)adam->beta2, (nn_real)(adam->epsilon * second), gradient,
                adam->m, adam->v, parameter);
}
