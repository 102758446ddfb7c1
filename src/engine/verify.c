/* SPDX-License-Identifier: Apache-2.0 */
/* What the reference engine tells about another engine's network: whether its results are right, and how
 * large its values are. */
#include "engine/plain.h"

#include <math.h>

/* The engine's own reference engine (batch 1), kept open because its weights are worth keeping. */
static maple_status open_reference(maple_engine *engine, uint64_t weight_seed, maple_error *error) {
    if (engine->reference && engine->reference->options.weight_seed == weight_seed)
        return MAPLE_OK;
    maple_engine_close(engine->reference);
    engine->reference = NULL;
    maple_engine_options options = {.threads = 1, .batch = 1, .weight_seed = weight_seed};
    return maple_engine_open(reference_engine.info.name, &options, &engine->reference, error);
}

static maple_status run_once(maple_network *network, const float *input, float *output, maple_error *error) {
    maple_status status = maple_network_set_input(network, input, error);
    if (status == MAPLE_OK)
        status = maple_network_run(network, error);
    if (status == MAPLE_OK)
        status = maple_network_output(network, output, error);
    return status;
}

/* ||a - b|| / ||b||: noise adds up in squares. */
static double relative_noise(const float *a, const float *b, size_t n) {
    double noise = 0.0, signal = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]))
            return (double)INFINITY;
        double difference = (double)a[i] - (double)b[i];
        noise += difference * difference;
        signal += (double)b[i] * (double)b[i];
    }
    if (signal > 0.0)
        return sqrt(noise / signal);
    return noise > 0.0 ? (double)INFINITY : 0.0;
}

/* max |a - b| / max |b|; infinite where a value is not finite. */
static double relative_difference(const float *a, const float *b, size_t n) {
    double difference = 0.0, magnitude = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]))
            return (double)INFINITY;
        difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
        magnitude = fmax(magnitude, fabs((double)b[i]));
    }
    if (magnitude > 0.0)
        return difference / magnitude;
    return difference > 0.0 ? (double)INFINITY : 0.0;
}

maple_status maple_network_verify(maple_network *network, const maple_graph *raw, uint64_t weight_seed,
                                  uint64_t input_seed, double bound, double *relative_error,
                                  maple_error *error) {
    maple_engine *engine = network->engine;
    double (*compare)(const float *, const float *, size_t) =
        engine->options.dtype == MAPLE_DTYPE_F32 ? relative_difference : relative_noise;
    int batch = engine->options.batch;
    size_t in = maple_shape_elements(network->input_shape), out = maple_shape_elements(network->output_shape);
    maple_network *truth = NULL;
    float *input = maple_alloc(in * (size_t)batch, sizeof(float));
    float *output = maple_alloc(out * (size_t)batch, sizeof(float));
    float *expected = maple_alloc(out, sizeof(float));
    maple_status status = input && output && expected ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = open_reference(engine, weight_seed, error);
    if (status == MAPLE_OK)
        status = engine_compile_prepared(engine->reference, raw, &truth, error);
    if (status != MAPLE_OK)
        goto done;
    if (maple_shape_elements(truth->input_shape) != in || maple_shape_elements(truth->output_shape) != out) {
        status = maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                 "verification: the graph is not the one that the network was compiled from");
        goto done;
    }
    maple_graph_random_input(network->input_shape, batch, input_seed, input);
    status = run_once(network, input, output, error);
    /* The first and the last image: what mixes up a batch shows in one of them. */
    double difference = 0.0;
    for (int image = 0; status == MAPLE_OK && image<batch; image += batch> 1 ? batch - 1 : 1) {
        status = run_once(truth, input + (size_t)image * in, expected, error);
        difference = fmax(difference, compare(output + (size_t)image * out, expected, out));
    }
    if (status != MAPLE_OK)
        goto done;
    if (relative_error)
        *relative_error = difference;
    if (!(difference <= bound))
        status = maple_error_set(
            error, MAPLE_CHECK_FAILED,
            "engine %s differs from the reference by %.3g (relative; at most %.3g is accepted), "
            "implementations: %s",
            engine->ops->info.name, difference, bound, network->implementations);
done:
    maple_network_free(truth);
    maple_free(input);
    maple_free(output);
    maple_free(expected);
    return status;
}

/* --- Calibration --- */

maple_status engine_calibrate(maple_engine *engine, const maple_graph *graph, float *largest,
                              maple_error *error) {
    maple_network *truth = NULL;
    float *input = NULL;
    maple_status status = open_reference(engine, engine->options.weight_seed, error);
    if (status == MAPLE_OK)
        status = engine_compile_prepared(engine->reference, graph, &truth, error);
    if (status != MAPLE_OK)
        return status;
    input = maple_alloc(maple_shape_elements(truth->input_shape), sizeof *input);
    if (input) {
        maple_graph_random_input(truth->input_shape, 1, ENGINE_CALIBRATION_SEED, input);
        status = maple_network_set_input(truth, input, error);
    } else {
        status = maple_error_memory(error);
    }
    if (status == MAPLE_OK)
        plain_run_observed(truth, largest);
    maple_network_free(truth);
    maple_free(input);
    return status;
}
