/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time of one fit of `maple` (7 synthetic platforms x 900 architectures + 10 samples, 50 epochs, batch 128,
 * width 128) and of predicting the whole space, best of several runs, on one core. bench/peers/fit_pytorch.py
 * is the same in PyTorch. Accuracies on the synthetic target are printed beside it, to see that it learns.
 *
 *     bench_fit [pruned|as-written] [options of maple]
 */
#include "maple/evaluate.h"
#include "../tests/synthetic.h"

enum { PLATFORMS = 8, POOL_ARCHS = 900, SAMPLES = 10, REPEATS = 5 };

static double seconds_since(int64_t start) {
    return (double)(maple_clock_ns() - start) * 1e-9;
}

static int fail(const maple_error *error) {
    fprintf(stderr, "bench_fit: %s\n", error->message);
    return 1;
}

int main(int argc, char **argv) {
    maple_error error;
    maple_graph_form form = MAPLE_GRAPH_PRUNED;
    const maple_space *space;
    if ((argc > 1 && maple_graph_form_parse(argv[1], &form, &error) != MAPLE_OK) ||
        maple_space_find("nas-bench-201", &space, &error) != MAPLE_OK)
        return fail(&error);
    size_t all = maple_space_enumerable(space), sources[PLATFORMS - 1], target = PLATFORMS - 1;
    synthetic_pool pool = synthetic_pool_make(space, form, PLATFORMS, POOL_ARCHS, 1);
    maple_arch *archs = synthetic_need(calloc(all, sizeof *archs)), samples[SAMPLES];
    double *truth = synthetic_need(calloc(all, sizeof *truth)),
           *predicted = synthetic_need(calloc(all, sizeof *truth));
    double latency_ms[SAMPLES];
    for (size_t i = 0; i < target; i++)
        sources[i] = i;
    for (size_t i = 0; i < all; i++) {
        archs[i] = maple_space_nth(space, i);
        truth[i] = synthetic_latency(space, &pool.truth[target], &archs[i], 99);
    }
    maple_rng rng = maple_rng_seed(5);
    if (maple_space_sample(space, form, &rng, SAMPLES, samples, &error) != MAPLE_OK)
        return fail(&error);
    for (size_t i = 0; i < SAMPLES; i++)
        latency_ms[i] = synthetic_latency(space, &pool.truth[target], &samples[i], 99);
    maple_dataset_platform *row = &pool.dataset.platforms[target];
    maple_fit_request request = {.space = space,
                                 .pool = &pool.dataset,
                                 .sources = sources,
                                 .n_sources = target,
                                 .target = {.graph = form,
                                            .operator_ms = row->operator_ms,
                                            .counters_warm = row->counters_warm,
                                            .counters_cold = row->counters_cold,
                                            .n_samples = SAMPLES,
                                            .archs = samples,
                                            .latency_ms = latency_ms},
                                 .options = argc > 2 ? argv[2] : NULL};
    double fit_s = INFINITY, predict_s = INFINITY;
    maple_metrics metrics = {0};
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        maple_predictor *predictor;
        int64_t start = maple_clock_ns();
        if (maple_predictor_fit("maple", &request, &predictor, &error) != MAPLE_OK)
            return fail(&error);
        fit_s = fmin(fit_s, seconds_since(start));
        for (int again = 0; again < REPEATS; again++) {
            start = maple_clock_ns();
            if (maple_predictor_predict(predictor, archs, all, predicted, &error) != MAPLE_OK)
                return fail(&error);
            predict_s = fmin(predict_s, seconds_since(start));
        }
        maple_predictor_free(predictor);
    }
    if (maple_metrics_compute(truth, &(maple_predictions){.latency_ms = predicted}, all, &metrics, &error) !=
        MAPLE_OK)
        return fail(&error);
    printf("fit_s %.3f predict_ms %.2f acc1 %.3f acc5 %.3f acc10 %.3f spearman %.4f\n", fit_s,
           predict_s * 1e3, metrics.acc1, metrics.acc5, metrics.acc10, metrics.spearman);
    free(archs);
    free(truth);
    free(predicted);
    synthetic_pool_free(&pool);
    return 0;
}
