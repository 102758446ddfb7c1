/* SPDX-License-Identifier: Apache-2.0 */
/* The latency of a network on a device that MAPLE has never seen, from a few that were measured there:
 *   cc predict.c $(pkg-config --cflags --libs maple) -o predict
 *   ./predict $(pkg-config --variable=pool maple) MEASURED MS MEASURED MS MEASURED MS WANTED */
#include <maple/predictor.h>
#include <math.h>
#include <stdio.h>

int main(int argc, char **argv) {
    maple_error error = {.message = "usage: predict POOL [ARCHITECTURE MS ...] ARCHITECTURE"};
    maple_fit_request request = {.seed = 1};
    maple_pool *pool = NULL;
    maple_dataset *known = NULL;
    maple_predictor *predictor = NULL;
    maple_arch archs[64];
    size_t n = (size_t)(argc - 3) / 2, *sources = NULL;
    double measured_ms[64], ms, low, high;
    maple_status status = MAPLE_BAD_ARGUMENT;
    if (argc > 2 && argc % 2 == 1 && n < 64)
        status = maple_pool_open(argv[1], MAPLE_POOL_IMMUTABLE, &pool, &error);
    if (!status && !(status = maple_space_find("nas-bench-201", &request.space, &error)))
        status = maple_dataset_load(&pool, 1, request.space, &known, &error);
    for (size_t i = 0; !status && i <= n; i++) { /* the last one has no latency: it is wanted */
        status = maple_space_parse(request.space, argv[2 + 2 * i], &archs[i], &error);
        measured_ms[i] = i < n && sscanf(argv[3 + 2 * i], "%lf", &ms) == 1 ? ms : NAN;
    }
    if (!status && !(sources = maple_alloc(known->n_platforms, sizeof *sources)))
        status = maple_error_memory(&error);
    for (size_t i = 0; !status && i < known->n_platforms; i++)
        sources[request.n_sources++] = i;
    request.pool = known, request.sources = sources;
    request.target = (maple_target){.n_samples = n, .archs = archs, .latency_ms = measured_ms};
    if (!status && !(status = maple_predictor_fit("gp", &request, &predictor, &error)))
        status = maple_predictor_intervals(predictor, &archs[n], 1, &ms, &low, &high, &error);
    status ? fprintf(stderr, "predict: %s\n", error.message)
           : printf("%.3f ms, 90 %% interval %.3f to %.3f ms\n", ms, low, high);
    maple_predictor_free(predictor), maple_free(sources), maple_dataset_free(known), maple_pool_close(pool);
    return (int)status / 10;
}
