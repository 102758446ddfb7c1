/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time of `gp` on synthetic platforms and one core: pre-training on 26 sources x 900 architectures, adapting
 * with 3 to 900 samples (operator latencies known), predicting all 15,625 architectures. Median, quartiles
 * and least of the repetitions; one in a hundred samples is a gross error, so that what leaves them out
 * works.
 *
 *     bench_gp [pruned|as-written] [REPEATS]
 */
#include "../tests/synthetic.h"
#include "maple/evaluate.h"

enum { PLATFORMS = 27, POOL_ARCHS = 900, MOST_SAMPLES = 900, MOST_REPEATS = 1000, GROSS = 100 };

static const size_t SAMPLES[] = {0, 3, 10, 64, 100, 200, 900};
enum { COUNTS = sizeof SAMPLES / sizeof *SAMPLES };

typedef struct bench {
    synthetic_pool pool;
    maple_fit_request request;
    size_t sources[PLATFORMS - 1], all, repeats;
    maple_arch samples[MOST_SAMPLES], *archs;
    double sample_ms[MOST_SAMPLES];
    double *truth, *predicted, *lower, *upper; /* [all] */
    double seconds[MOST_REPEATS];
} bench;

static void check(maple_status status, const maple_error *error) {
    if (status == MAPLE_OK)
        return;
    fprintf(stderr, "bench_gp: %s\n", error->message);
    exit(1);
}

static double seconds_since(int64_t start) {
    return (double)(maple_clock_ns() - start) * 1e-9;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The repetitions of `what` as a line; `remark` ends it. */
static void print(bench *b, const char *what, const char *remark) {
    size_t n = b->repeats;
    qsort(b->seconds, n, sizeof *b->seconds, compare);
    printf("%-36s %9.2f %9.2f %9.2f %9.2f  %s\n", what, b->seconds[n / 2] * 1e3, b->seconds[n / 4] * 1e3,
           b->seconds[3 * n / 4] * 1e3, b->seconds[0] * 1e3, remark);
}

static void make(bench *b, const maple_space *space, maple_graph_form form) {
    maple_error error;
    const size_t target = PLATFORMS - 1;
    b->all = maple_space_enumerable(space);
    b->pool = synthetic_pool_make(space, form, PLATFORMS, POOL_ARCHS, 1);
    b->archs = synthetic_need(calloc(b->all, sizeof *b->archs));
    double **arrays[] = {&b->truth, &b->predicted, &b->lower, &b->upper};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        *arrays[i] = synthetic_need(calloc(b->all, sizeof(double)));
    for (size_t i = 0; i < target; i++)
        b->sources[i] = i;
    for (size_t i = 0; i < b->all; i++) {
        b->archs[i] = maple_space_nth(space, i);
        b->truth[i] = synthetic_latency(space, &b->pool.truth[target], &b->archs[i], 99);
    }
    maple_rng rng = maple_rng_seed(5);
    check(maple_space_sample(space, form, &rng, MOST_SAMPLES, b->samples, &error), &error);
    for (size_t i = 0; i < MOST_SAMPLES; i++)
        b->sample_ms[i] = synthetic_latency(space, &b->pool.truth[target], &b->samples[i], 99) *
                          (i % GROSS == GROSS / 2 ? 3 : 1);
    b->request = (maple_fit_request){.space = space,
                                     .pool = &b->pool.dataset,
                                     .sources = b->sources,
                                     .n_sources = target,
                                     .target = {.graph = form,
                                                .operator_ms = b->pool.dataset.platforms[target].operator_ms,
                                                .archs = b->samples,
                                                .latency_ms = b->sample_ms}};
}

static void release(bench *b) {
    free(b->archs);
    free(b->truth);
    free(b->predicted);
    free(b->lower);
    free(b->upper);
    synthetic_pool_free(&b->pool);
}

static maple_pretrained *bench_pretraining(bench *b) {
    maple_error error;
    maple_pretrained *pretrained = NULL;
    for (size_t r = 0; r < b->repeats; r++) {
        maple_pretrained_free(pretrained);
        int64_t start = maple_clock_ns();
        check(maple_predictor_pretrain("gp", &b->request, &pretrained, &error), &error);
        b->seconds[r] = seconds_since(start);
    }
    print(b, "pre-training", "");
    return pretrained;
}

static maple_predictor *bench_adapting(bench *b, const maple_pretrained *pretrained, size_t n) {
    maple_error error;
    maple_predictor *predictor = NULL;
    maple_metrics metrics;
    char what[64], remark[64];
    b->request.target.n_samples = n;
    for (size_t r = 0; r < b->repeats; r++) {
        maple_predictor_free(predictor);
        int64_t start = maple_clock_ns();
        check(maple_pretrained_adapt(pretrained, &b->request, &predictor, &error), &error);
        b->seconds[r] = seconds_since(start);
    }
    check(maple_predictor_predict(predictor, b->archs, b->all, b->predicted, &error), &error);
    const maple_predictions predictions = {.latency_ms = b->predicted};
    check(maple_metrics_compute(b->truth, &predictions, b->all, &metrics, &error), &error);
    snprintf(what, sizeof what, "adapting, %zu samples", n);
    snprintf(remark, sizeof remark, "+-10 %% %.3f, Spearman %.4f", metrics.acc10, metrics.spearman);
    print(b, what, remark);
    return predictor;
}

static void bench_predicting(bench *b, const maple_predictor *predictor) {
    maple_error error;
    for (int intervals = 0; intervals < 2; intervals++) {
        for (size_t r = 0; r < b->repeats; r++) {
            int64_t start = maple_clock_ns();
            check(intervals ? maple_predictor_intervals(predictor, b->archs, b->all, b->predicted, b->lower,
                                                        b->upper, &error)
                            : maple_predictor_predict(predictor, b->archs, b->all, b->predicted, &error),
                  &error);
            b->seconds[r] = seconds_since(start);
        }
        print(b, intervals ? "predicting 15,625 with intervals" : "predicting 15,625", "");
    }
}

int main(int argc, char **argv) {
    static bench b;
    maple_error error;
    maple_graph_form form = MAPLE_GRAPH_PRUNED;
    const maple_space *space;
    if (argc > 1)
        check(maple_graph_form_parse(argv[1], &form, &error), &error);
    check(maple_space_find("nas-bench-201", &space, &error), &error);
    int repeats = argc > 2 ? atoi(argv[2]) : 9;
    if (repeats < 1 || repeats > MOST_REPEATS) {
        fprintf(stderr, "bench_gp: %s repetitions: 1 to %d\n", argv[2], MOST_REPEATS);
        return 1;
    }
    b.repeats = (size_t)repeats;
    make(&b, space, form);
    printf("%-36s %9s %9s %9s %9s\n", "ms", "median", "25 %", "75 %", "least");
    maple_pretrained *pretrained = bench_pretraining(&b);
    maple_predictor *predictor = NULL;
    for (size_t i = 0; i < COUNTS; i++) {
        maple_predictor_free(predictor);
        predictor = bench_adapting(&b, pretrained, SAMPLES[i]);
    }
    bench_predicting(&b, predictor);
    maple_predictor_free(predictor);
    maple_pretrained_free(pretrained);
    release(&b);
    return 0;
}
