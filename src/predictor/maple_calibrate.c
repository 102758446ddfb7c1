/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last, closed-form step of `maple`: what the target's samples say against the network.
 *
 * If operator o takes (1 + d_o) of what the table says, log latency moves by about the sum of share_o(a) d_o,
 * where share_o is the part of the table's sum that o makes up. So the residuals of the samples are explained
 * by a level and one d for each operator of the space, with normal priors (level_sd, share_sd) and normal
 * noise: ridge regression, which with no information leaves the network alone. Samples that lie far off count
 * less (Huber).
 */
#include "predictor/maple_model.h"
#include "predictor/ridge.h"

#include <math.h>

double maple_calibration_of(const maple_model *model, const maple_model_context *context,
                            const maple_arch *arch) {
    double shares[MAPLE_MAX_POSITIONS], sum = model->calibration[0];
    if (model->n_calibration < 2)
        return sum;
    maple_base_shares(&model->base, context, arch, shares);
    for (size_t g = 0; g + 1 < model->n_calibration; g++)
        sum += model->calibration[g + 1] * shares[g];
    return sum;
}

/* Ridge with Huber's weights: residuals beyond two noise widths count in proportion less. */
static maple_status robust_ridge(size_t rows, size_t columns, const double *x, const double *y,
                                 const double *penalty, double noise, double *weight, double *coefficients,
                                 maple_error *error) {
    const double bound = 2 * noise;
    for (size_t i = 0; i < rows; i++)
        weight[i] = 1;
    for (int pass = 0; pass < 10; pass++) {
        maple_status status = maple_ridge(rows, columns, x, y, weight, penalty, coefficients, error);
        if (status != MAPLE_OK)
            return status;
        for (size_t i = 0; i < rows; i++) {
            double off = y[i];
            for (size_t j = 0; j < columns; j++)
                off -= x[i * columns + j] * coefficients[j];
            weight[i] = fabs(off) <= bound ? 1 : bound / fabs(off);
        }
    }
    return MAPLE_OK;
}

maple_status maple_calibrate(const maple_fit_request *request, const double *options, maple_model *model,
                             maple_error *error) {
    int kind = (int)options[OPT_CALIBRATION];
    size_t n = request->target.n_samples, groups = maple_base_groups(request->space);
    model->n_calibration = 1 + groups;
    if (kind == CALIBRATION_NONE)
        return MAPLE_OK;
    size_t columns = kind == CALIBRATION_SHARES ? 1 + groups : 1;
    maple_model_context context = {.space = request->space, .graph = request->target.graph};
    double penalty[MAPLE_MAX_POSITIONS + 1], noise = options[OPT_NOISE];
    double *x = maple_alloc(n, columns * sizeof *x), *y = maple_alloc(n, 2 * sizeof *y);
    maple_arch *archs = maple_alloc(n, sizeof *archs);
    maple_status status = x && y && archs ? MAPLE_OK : maple_error_memory(error);
    if (status != MAPLE_OK)
        goto done;
    for (size_t i = 0; i < n; i++)
        archs[i] = maple_space_canonical(request->space, request->target.graph, &request->target.archs[i]);
    status = maple_model_log(model, &context, archs, n, y, error);
    if (status != MAPLE_OK)
        goto done;
    for (size_t i = 0; i < n; i++) {
        y[i] = log(request->target.latency_ms[i]) - y[i];
        x[i * columns] = 1;
        if (columns > 1)
            maple_base_shares(&model->base, &context, &archs[i], x + i * columns + 1);
    }
    for (size_t j = 0; j < columns; j++) {
        double sd = j == 0 ? options[OPT_LEVEL_SD] : options[OPT_SHARE_SD];
        penalty[j] = noise * noise / (sd * sd);
    }
    status = robust_ridge(n, columns, x, y, penalty, noise, y + n, model->calibration, error);
done:
    maple_free(x);
    maple_free(y);
    maple_free(archs);
    return status;
}
