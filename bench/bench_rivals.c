/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and memory of the slow predictors on synthetic platforms, on one core:
 *
 *     bench_rivals help [EPISODES]             9 platforms x 900 networks of nas-bench-201, 10 references
 *     bench_rivals nasflat [EPOCHS] [DEVICES]  DEVICES (5) platforms x 800 networks of fbnet, 13 scores
 *
 * The pre-training (all of it without a number; what it would take is computed from one that is cut short),
 * one transfer, and the process's peak memory. bench/peers/help_pytorch.py and nasflat_pytorch.py are the
 * same in PyTorch.
 */
#include "maple/evaluate.h"
#include "../tests/synthetic.h"

#include <sys/resource.h>

enum { HELP_PLATFORMS = 9, HELP_ARCHS = 900, HELP_ALL = 2000, HELP_REFERENCES = 10, HELP_SAMPLES = 10 };
enum { NASFLAT_ARCHS = 800, NASFLAT_ALL = 150, NASFLAT_SAMPLES = 20, SCORES = 13, MOST = 64 };

typedef struct bench_job {
    const char *predictor, *unit;
    size_t platforms, archs, samples, all, done;
    char options[64];
} bench_job;

static double seconds_since(int64_t start) {
    return (double)(maple_clock_ns() - start) * 1e-9;
}

static double peak_mib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

/* The space's references in the first rows of the pool. */
static void add_references(synthetic_pool *pool) {
    maple_dataset *d = &pool->dataset;
    for (size_t r = 0; r < maple_space_references(d->space); r++) {
        d->archs[r] = maple_space_reference(d->space, r);
        for (size_t p = 0; p < d->n_platforms; p++)
            d->platforms[p].latency_ms[r] = synthetic_latency(d->space, &pool->truth[p], &d->archs[r], 1 + p);
    }
}

static void add_scores(synthetic_pool *pool, maple_dataset_score *scores) {
    static const char *const NAMES[SCORES] = {"epe_nas", "fisher",  "flops", "grad_norm", "grasp",
                                              "jacov",   "l2_norm", "nwot",  "params",    "plain",
                                              "snip",    "synflow", "zen"};
    maple_rng rng = maple_rng_seed(3);
    for (size_t c = 0; c < SCORES; c++) {
        snprintf(scores[c].name, sizeof scores[c].name, "zcp_%s", NAMES[c]);
        scores[c].value = synthetic_need(calloc(pool->dataset.n_archs, sizeof(double)));
        for (size_t i = 0; i < pool->dataset.n_archs; i++)
            scores[c].value[i] = maple_rng_uniform(&rng);
    }
    pool->dataset.scores = scores;
    pool->dataset.n_scores = SCORES;
}

/* Learns from all platforms but the last, then from the first networks of the last. */
static maple_status measure(const bench_job *job, const synthetic_pool *pool, maple_error *error) {
    const maple_dataset *d = &pool->dataset;
    const maple_dataset_platform *target = &d->platforms[job->platforms];
    size_t sources[MOST];
    for (size_t i = 0; i < job->platforms; i++)
        sources[i] = i;
    maple_fit_request request = {.space = d->space,
                                 .pool = d,
                                 .sources = sources,
                                 .n_sources = job->platforms,
                                 .target = {.graph = MAPLE_GRAPH_AS_WRITTEN,
                                            .n_samples = job->samples,
                                            .archs = d->archs + HELP_REFERENCES,
                                            .latency_ms = target->latency_ms + HELP_REFERENCES,
                                            .reference_ms = target->latency_ms},
                                 .options = job->options};
    maple_pretrained *pretrained;
    maple_predictor *predictor;
    int64_t start = maple_clock_ns();
    maple_status status = maple_predictor_pretrain(job->predictor, &request, &pretrained, error);
    double pretrain_s = seconds_since(start) * (double)job->all / (double)job->done;
    if (status != MAPLE_OK)
        return status;
    start = maple_clock_ns();
    status = maple_pretrained_adapt(pretrained, &request, &predictor, error);
    double adapt_s = seconds_since(start);
    maple_pretrained_free(pretrained);
    if (status != MAPLE_OK)
        return status;
    maple_predictor_free(predictor);
    printf("%s pretrain_s %.1f (%zu %s, measured %zu) adapt_s %.3f memory_mib %.0f\n", job->predictor,
           pretrain_s, job->all, job->unit, job->done, adapt_s, peak_mib());
    return MAPLE_OK;
}

static int run(const bench_job *job, const char *space_name) {
    maple_error error;
    maple_dataset_score scores[SCORES] = {0};
    const maple_space *space;
    maple_status status = maple_space_find(space_name, &space, &error);
    if (status == MAPLE_OK) {
        synthetic_pool pool =
            synthetic_pool_make(space, MAPLE_GRAPH_AS_WRITTEN, job->platforms + 1, job->archs, 1);
        add_references(&pool);
        if (strcmp(job->predictor, "nasflat") == 0)
            add_scores(&pool, scores);
        status = measure(job, &pool, &error);
        synthetic_pool_free(&pool);
    }
    for (size_t c = 0; c < SCORES; c++)
        free(scores[c].value);
    if (status != MAPLE_OK)
        fprintf(stderr, "bench_rivals: %s\n", error.message);
    return status != MAPLE_OK;
}

int main(int argc, char **argv) {
    size_t done = argc > 2 ? strtoul(argv[2], NULL, 10) : 0,
           devices = argc > 3 ? strtoul(argv[3], NULL, 10) : 5;
    bool help = argc > 1 && strcmp(argv[1], "help") == 0;
    if (argc < 2 || (!help && strcmp(argv[1], "nasflat") != 0) || devices < 1 || devices >= MOST) {
        fprintf(stderr, "usage: bench_rivals help [EPISODES] | nasflat [EPOCHS] [DEVICES < %d]\n", MOST);
        return 2;
    }
    bench_job job =
        help ? (bench_job){"help", "episodes", HELP_PLATFORMS, HELP_ARCHS, HELP_SAMPLES, HELP_ALL, done, ""}
             : (bench_job){"nasflat",       "epochs",    devices, NASFLAT_ARCHS,
                           NASFLAT_SAMPLES, NASFLAT_ALL, done,    ""};
    job.done = done > 0 ? done : job.all;
    snprintf(job.options, sizeof job.options, "%s=%zu", job.unit, job.done);
    return run(&job, help ? "nas-bench-201" : "fbnet");
}
