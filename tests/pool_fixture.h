/* SPDX-License-Identifier: Apache-2.0 */
/* pool_fixture.h: what the tests of the pool share: a scratch folder, example platforms and rows. */
#ifndef MAPLE_TESTS_POOL_FIXTURE_H
#define MAPLE_TESTS_POOL_FIXTURE_H

#include "check.h"
#include "maple/pool.h"
#include "scratch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Three architectures of it, as tables write them. */
#define ARCH_A                                                                                               \
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
#define ARCH_B "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
#define ARCH_C "|avg_pool_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|nor_conv_1x1~1|skip_connect~2|"

static const maple_space *nas; /* nas-bench-201 */

/* The group's setup; the teardown is remove_scratch. */
static inline int make_pool_scratch(void **state) {
    return maple_space_find("nas-bench-201", &nas, NULL) == MAPLE_OK ? make_scratch(state) : -1;
}

static inline maple_pool *open_pool(const char *path, maple_pool_mode mode) {
    maple_pool *pool = NULL;
    OK(maple_pool_open(path, mode, &pool, &why));
    return pool;
}

/* A new pool of this name. */
static inline maple_pool *new_pool(const char *name) {
    const char *path = in_scratch(name);
    char side[600];
    unlink(path);
    snprintf(side, sizeof side, "%s-wal", path);
    unlink(side);
    snprintf(side, sizeof side, "%s-shm", path);
    unlink(side);
    return open_pool(path, MAPLE_POOL_WRITE);
}

static inline maple_platform example_platform(const char *name) {
    maple_platform platform = {.cpu = "Example 3000",
                               .device = "Example 3000",
                               .engine = "onednn",
                               .engine_version = "2.6",
                               .isa = "avx2",
                               .dtype = "f32",
                               .threads = 2,
                               .batch = 8,
                               .graph = MAPLE_GRAPH_AS_WRITTEN,
                               .counters = "none"};
    snprintf(platform.name, sizeof platform.name, "%s", name);
    maple_platform_family(platform.cpu, platform.engine, platform.isa, platform.dtype, platform.family);
    return platform;
}

static inline maple_platform add_example(maple_pool *pool, const char *name) {
    maple_platform platform = example_platform(name);
    OK(maple_pool_add_platform(pool, &platform, NULL, &why));
    return platform;
}

static inline maple_latency example_latency(size_t ordinal) {
    return (maple_latency){.arch = maple_space_nth(nas, ordinal),
                           .latency_ms = 1.0 + (double)ordinal / 3,
                           .mean_ms = 1.5 + (double)ordinal / 3,
                           .min_ms = 0.5,
                           .sd_ms = 0.25,
                           .runs = 50};
}

static inline void put_examples(maple_pool *pool, int64_t platform, size_t first, size_t n) {
    maple_latency *rows = maple_alloc(n, sizeof *rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = example_latency(first + i);
    OK(maple_pool_put_latencies(pool, platform, nas, rows, n, &why));
    maple_free(rows);
}

/* Counted, scaled and missing in turn. */
static inline void fill_counts(maple_count *counts, size_t n) {
    for (size_t i = 0; i < n; i++) {
        counts[i] =
            (maple_count){.value = (double)i * 1000.5, .running_share = 1, .status = MAPLE_COUNTER_COUNTED};
        if (i % 3 == 1) {
            counts[i].status = MAPLE_COUNTER_SCALED;
            counts[i].running_share = 0.25;
        } else if (i % 3 == 2) {
            counts[i] = (maple_count){.value = NAN, .running_share = NAN, .status = MAPLE_COUNTER_MISSING};
            snprintf(counts[i].reason, sizeof counts[i].reason, "ENOENT %zu", i);
        }
    }
}

static inline char *slurp(const char *path, size_t *bytes) {
    char *data = NULL;
    OK(maple_read_file(path, (size_t)1 << 30, &data, bytes, &why));
    return data;
}

/* The file still holds these bytes and no others. */
static inline void assert_file_is(const char *path, const char *data, size_t bytes) {
    size_t now;
    char *after = slurp(path, &now);
    assert_int_equal(now, bytes);
    assert_memory_equal(after, data, bytes);
    maple_free(after);
}

static inline void spill(const char *path, const void *data, size_t bytes) {
    OK(maple_write_file(path, data, bytes, &why));
}

/* NaN equals NaN. */
static inline void assert_same(double a, double b) {
    if (memcmp(&a, &b, sizeof a) != 0 && !(isnan(a) && isnan(b)))
        fail_msg("%.17g is not %.17g", a, b);
}

#endif
