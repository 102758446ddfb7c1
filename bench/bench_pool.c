/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the pool is: 27 platforms x 15,625 latencies written, loaded, exported; rounds committed; size of
 * the file. Usage: bench_pool FILE (which must not exist). */
#include "maple/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLATFORMS = 27, ROUNDS = 50, ROUND_ARCHS = 900 };

static void check(maple_status status, const maple_error *error) {
    if (status == MAPLE_OK)
        return;
    fprintf(stderr, "bench_pool: %s\n", error->message);
    exit(1);
}

static double seconds_since(int64_t start) {
    return (double)(maple_clock_ns() - start) * 1e-9;
}

static int64_t add(maple_pool *pool, int i) {
    maple_error error;
    maple_platform platform = {.cpu = "bench", .engine = "none", .threads = 1, .batch = 1};
    snprintf(platform.name, sizeof platform.name, "platform %d", i);
    maple_platform_family(platform.cpu, platform.engine, "", platform.family);
    check(maple_pool_add_platform(pool, &platform, NULL, &error), &error);
    return platform.id;
}

static void write_latencies(maple_pool *pool, const maple_space *space) {
    maple_error error;
    size_t n = maple_space_enumerable(space);
    maple_latency *rows = maple_alloc(n, sizeof *rows);
    maple_rng rng = maple_rng_seed(1);
    int64_t start = maple_clock_ns();
    for (int i = 0; i < PLATFORMS; i++) {
        int64_t id = add(pool, i);
        for (size_t k = 0; k < n; k++) {
            double latency = 1 + maple_rng_uniform(&rng);
            rows[k] = (maple_latency){maple_space_nth(space, k), latency, latency, latency, 0.01, ROUNDS, ""};
        }
        check(maple_pool_put_latencies(pool, id, space, rows, n, &error), &error);
    }
    printf("put_latencies: %d x %zu in %.2f s\n", PLATFORMS, n, seconds_since(start));
    maple_free(rows);
}

static void load(maple_pool *pool, const maple_space *space) {
    maple_error error;
    for (int i = 0; i < 3; i++) {
        maple_dataset *dataset;
        int64_t start = maple_clock_ns();
        check(maple_dataset_load(&pool, 1, space, &dataset, &error), &error);
        printf("dataset_load: %zu x %zu in %.3f s\n", dataset->n_platforms, dataset->n_archs,
               seconds_since(start));
        maple_dataset_free(dataset);
    }
}

static void exchange(maple_pool *pool, const maple_space *space, const char *path) {
    maple_error error;
    maple_platform *all, imported = {.name = "imported", .batch = 1};
    maple_text csv = {0};
    size_t n;
    char name[4096];
    check(maple_pool_platforms(pool, &all, &n, &error), &error);
    int64_t start = maple_clock_ns();
    check(maple_pool_export_csv(pool, all[0].id, space, &csv, &error), &error);
    printf("export_csv: %.3f s\n", seconds_since(start));
    snprintf(name, sizeof name, "%s.csv", path);
    check(maple_write_file(name, csv.data, csv.length, &error), &error);
    start = maple_clock_ns();
    check(maple_pool_import_csv(pool, name, space, &imported, NULL, &error), &error);
    printf("import_csv: %.3f s\n", seconds_since(start));
    unlink(name);
    maple_text_free(&csv);
    maple_free(all);
}

static void rounds(maple_pool *pool, const maple_space *space) {
    maple_error error;
    static maple_arch archs[ROUND_ARCHS];
    static double latency[ROUND_ARCHS];
    int64_t id = add(pool, PLATFORMS), start = maple_clock_ns();
    for (size_t i = 0; i < ROUND_ARCHS; i++) {
        archs[i] = maple_space_nth(space, i * 17);
        latency[i] = 1;
    }
    for (int round = 0; round < ROUNDS; round++)
        check(maple_pool_put_round(pool, id, space, round, archs, latency, ROUND_ARCHS, &error), &error);
    printf("put_round: %.2f ms each\n", 1e3 * seconds_since(start) / ROUNDS);
    start = maple_clock_ns();
    for (size_t i = 0; i < ROUND_ARCHS; i++) {
        int *numbers;
        double *values;
        size_t n;
        check(maple_pool_runs(pool, id, space, &archs[i], &numbers, &values, &n, &error), &error);
        maple_free(numbers);
        maple_free(values);
    }
    printf("runs: %.3f s for %d architectures\n", seconds_since(start), ROUND_ARCHS);
}

int main(int argc, char **argv) {
    maple_error error;
    maple_pool *pool;
    const maple_space *space;
    struct stat info;
    if (argc != 2 || access(argv[1], F_OK) == 0) {
        fprintf(stderr, "usage: bench_pool FILE (which must not exist)\n");
        return 2;
    }
    check(maple_space_find("nas-bench-201", &space, &error), &error);
    check(maple_pool_open(argv[1], MAPLE_POOL_WRITE, &pool, &error), &error);
    write_latencies(pool, space);
    load(pool, space);
    exchange(pool, space, argv[1]);
    rounds(pool, space);
    maple_pool_close(pool);
    if (stat(argv[1], &info) == 0)
        printf("file: %.1f MB\n", (double)info.st_size * 1e-6);
    return 0;
}
