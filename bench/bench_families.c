/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leave-one-family-out on a pool: each platform is predicted from the platforms of other families and a few
 * of its own networks; share of its other networks within +-10 %, mean and standard deviation over seeds.
 *   bench_families POOL [maple options]
 */
#include "maple/evaluate.h"
#include "maple/predictor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 5, MAX_SAMPLES = 10 };

static const int SAMPLES[] = {3, 10};
static const char *const PREDICTORS[] = {"maple", "lut", "lut-fit", "flops"};
enum { N_SAMPLES = 2, N_PREDICTORS = 4 };

typedef struct {
    const maple_dataset *dataset;
    size_t target, *sources, n_sources;
    size_t *order, n_known; /* shuffled indices of the target's measured architectures */
    uint64_t seed;
} trial;

/* Architectures that share the pruned graph of a sample are not scored: their latency is known. */
static bool is_known(const trial *t, const maple_arch *arch, int samples) {
    const maple_dataset *d = t->dataset;
    maple_graph_form form = d->platforms[t->target].platform.graph;
    maple_arch canonical = maple_space_canonical(d->space, form, arch);
    for (int i = 0; i < samples; i++) {
        maple_arch sample = maple_space_canonical(d->space, form, &d->archs[t->order[i]]);
        if (maple_arch_equal(&canonical, &sample))
            return true;
    }
    return false;
}

static double score(const trial *t, const char *name, const char *options, int samples) {
    const maple_dataset *d = t->dataset;
    const maple_dataset_platform *p = &d->platforms[t->target];
    maple_arch archs[MAX_SAMPLES];
    double latency_ms[MAX_SAMPLES];
    for (int i = 0; i < samples; i++) {
        archs[i] = d->archs[t->order[i]];
        latency_ms[i] = p->latency_ms[t->order[i]];
    }
    maple_fit_request request = {
        .space = d->space,
        .pool = d,
        .sources = t->sources,
        .n_sources = t->n_sources,
        .target = {p->platform.graph, p->operator_ms, p->counters_warm, p->counters_cold, (size_t)samples,
                   archs, latency_ms},
        .seed = t->seed,
        .options = options,
    };
    maple_error error;
    maple_predictor *predictor = NULL;
    maple_metrics metrics = {.acc10 = NAN};
    double *predicted = malloc(d->n_archs * sizeof *predicted),
           *measured = malloc(d->n_archs * sizeof *measured);
    maple_status status = maple_predictor_fit(name, &request, &predictor, &error);
    if (status == MAPLE_OK)
        status = maple_predictor_predict(predictor, d->archs, d->n_archs, predicted, &error);
    for (size_t i = 0; i < d->n_archs; i++)
        measured[i] = is_known(t, &d->archs[i], samples) ? NAN : p->latency_ms[i];
    if (status == MAPLE_OK)
        status = maple_metrics_compute(measured, predicted, d->n_archs, &metrics, &error);
    if (status != MAPLE_OK)
        fprintf(stderr, "%s, %s: %s\n", p->platform.name, name, error.message);
    maple_predictor_free(predictor);
    free(predicted);
    free(measured);
    return metrics.acc10;
}

static void draw(trial *t, uint64_t seed) {
    const maple_dataset *d = t->dataset;
    t->n_known = 0;
    t->seed = seed;
    for (size_t i = 0; i < d->n_archs; i++) {
        if (isfinite(d->platforms[t->target].latency_ms[i]))
            t->order[t->n_known++] = i;
    }
    maple_rng rng = maple_rng_seed(seed);
    maple_rng_shuffle(&rng, t->n_known, t->order);
}

static void print_target(trial *t, const char *options, double sum[N_SAMPLES][N_PREDICTORS]) {
    const maple_dataset *d = t->dataset;
    t->n_sources = 0;
    for (size_t i = 0; i < d->n_platforms; i++) {
        if (strcmp(d->platforms[i].platform.family, d->platforms[t->target].platform.family) != 0)
            t->sources[t->n_sources++] = i;
    }
    printf("%-52s", d->platforms[t->target].platform.name);
    for (int s = 0; s < N_SAMPLES; s++) {
        for (int k = 0; k < N_PREDICTORS; k++) {
            double values[SEEDS];
            for (int seed = 0; seed < SEEDS; seed++) {
                draw(t, (uint64_t)seed + 1);
                values[seed] = score(t, PREDICTORS[k], k == 0 ? options : NULL, SAMPLES[s]);
            }
            maple_summary summary;
            maple_summarise(values, SEEDS, &summary, NULL);
            printf("  %.3f±%.3f", summary.mean, summary.sd);
            fflush(stdout);
            sum[s][k] += summary.mean;
        }
    }
    printf("\n");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: bench_families POOL [maple options]\n");
        return 2;
    }
    maple_error error;
    const maple_space *space;
    maple_pool *pool = NULL;
    maple_dataset *dataset = NULL;
    if (maple_space_find("nas-bench-201", &space, &error) != MAPLE_OK ||
        maple_pool_open(argv[1], MAPLE_POOL_READ, &pool, &error) != MAPLE_OK ||
        maple_dataset_load(&pool, 1, space, &dataset, &error) != MAPLE_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 3;
    }
    trial t = {.dataset = dataset,
               .sources = malloc(dataset->n_platforms * sizeof(size_t)),
               .order = malloc(dataset->n_archs * sizeof(size_t))};
    double sum[N_SAMPLES][N_PREDICTORS] = {{0}};
    printf("Leave-one-family-out, share within ±10 %%, %d seeds, maple options: %s\n%-52s", SEEDS,
           argc > 2 ? argv[2] : "(defaults)", "");
    for (int s = 0; s < N_SAMPLES; s++) {
        for (int k = 0; k < N_PREDICTORS; k++)
            printf("  %8s@%-2d", PREDICTORS[k], SAMPLES[s]);
    }
    printf("\n");
    for (t.target = 0; t.target < dataset->n_platforms; t.target++)
        print_target(&t, argc > 2 ? argv[2] : NULL, sum);
    printf("%-52s", "mean");
    for (int s = 0; s < N_SAMPLES; s++) {
        for (int k = 0; k < N_PREDICTORS; k++)
            printf("  %.3f      ", sum[s][k] / (double)dataset->n_platforms);
    }
    printf("\n");
    free(t.sources);
    free(t.order);
    maple_dataset_free(dataset);
    maple_pool_close(pool);
    return 0;
}
