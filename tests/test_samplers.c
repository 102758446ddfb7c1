/* SPDX-License-Identifier: Apache-2.0 */
/* Which architectures are measured: different ones, of the target, where the sampler says. */
#include "check.h"
#include "evaluate/samplers.h"
#include "spaces.h"
#include "synthetic.h"

enum { N_ARCHS = 1200 };

static const char *const PROXIES[] = {"zcp_epe_nas", "zcp_fisher",  "zcp_flops", "zcp_grad_norm", "zcp_grasp",
                                      "zcp_jacov",   "zcp_l2_norm", "zcp_nwot",  "zcp_params",    "zcp_plain",
                                      "zcp_snip",    "zcp_synflow", "zcp_zen"};
enum { N_PROXIES = 13 };

/* A pool in which some latencies are missing. */
static synthetic_pool make_pool(maple_graph_form form) {
    const maple_space *space = space_or_fail("nas-bench-201");
    synthetic_pool pool = synthetic_pool_make(space, MAPLE_GRAPH_AS_WRITTEN, 1, N_ARCHS, 3);
    maple_dataset_platform *p = &pool.dataset.platforms[0];
    p->platform.graph = form;
    for (size_t i = 0; i < N_ARCHS; i++) {
        bool missing = i % 10 == 0 ||
                       (form == MAPLE_GRAPH_PRUNED && maple_space_degenerate(space, &pool.dataset.archs[i]));
        if (missing)
            p->latency_ms[i] = NAN;
    }
    return pool;
}

static void add_proxies(synthetic_pool *pool) {
    maple_dataset *d = &pool->dataset;
    maple_rng rng = maple_rng_seed(4);
    d->n_scores = N_PROXIES;
    d->scores = calloc(N_PROXIES, sizeof *d->scores);
    for (size_t s = 0; s < N_PROXIES; s++) {
        snprintf(d->scores[s].name, sizeof d->scores[s].name, "%s", PROXIES[s]);
        d->scores[s].value = calloc(d->n_archs, sizeof(double));
        for (size_t i = 0; i < d->n_archs; i++)
            d->scores[s].value[i] = s == 4 ? maple_rng_normal(&rng) : exp(3 * maple_rng_normal(&rng));
    }
}

static void free_proxies(synthetic_pool *pool) {
    for (size_t s = 0; s < pool->dataset.n_scores; s++)
        free(pool->dataset.scores[s].value);
    free(pool->dataset.scores);
}

static const char *const SAMPLERS[] = {"random",          "params",     "latency",        "kmeans:one-hot",
                                       "kmeans:features", "kmeans:zcp", "cosine:one-hot", "cosine:features",
                                       "cosine:zcp",      "zcp"};
enum { N_SAMPLERS = sizeof SAMPLERS / sizeof *SAMPLERS };

/* Different networks that the platform has, whatever the sampler; the same for the same seed only. */
static void check_properties(maple_graph_form form) {
    synthetic_pool pool = make_pool(form);
    add_proxies(&pool);
    const maple_dataset *d = &pool.dataset;
    static const size_t COUNTS[] = {1, 7, 40};
    for (size_t s = 0; s < N_SAMPLERS; s++) {
        OK(maple_sampler_check(d, SAMPLERS[s], &why));
        for (size_t c = 0; c < 3; c++) {
            size_t n = COUNTS[c], rows[40], again[40], other[40];
            OK(maple_sampler_draw(d, 0, SAMPLERS[s], n, 11, rows, &why));
            OK(maple_sampler_draw(d, 0, SAMPLERS[s], n, 11, again, &why));
            OK(maple_sampler_draw(d, 0, SAMPLERS[s], n, 12, other, &why));
            assert_memory_equal(rows, again, n * sizeof *rows);
            assert_true(n == 1 || memcmp(rows, other, n * sizeof *rows) != 0);
            for (size_t i = 0; i < n; i++) {
                assert_true(rows[i] < N_ARCHS && isfinite(d->platforms[0].latency_ms[rows[i]]));
                maple_arch a = maple_space_canonical(d->space, form, &d->archs[rows[i]]);
                for (size_t k = 0; k < i; k++) {
                    maple_arch b = maple_space_canonical(d->space, form, &d->archs[rows[k]]);
                    assert_false(maple_arch_equal(&a, &b));
                }
            }
        }
    }
    free_proxies(&pool);
    synthetic_pool_free(&pool);
}

static void any_sampler_as_written(void **state) {
    (void)state;
    check_properties(MAPLE_GRAPH_AS_WRITTEN);
}

static void any_sampler_pruned(void **state) {
    (void)state;
    check_properties(MAPLE_GRAPH_PRUNED);
}

static void random_sets_are_nested(void **state) {
    (void)state;
    synthetic_pool pool = make_pool(MAPLE_GRAPH_PRUNED);
    size_t few[10], many[300];
    for (uint64_t seed = 0; seed < 5; seed++) {
        OK(maple_sampler_draw(&pool.dataset, 0, "random", 10, seed, few, &why));
        OK(maple_sampler_draw(&pool.dataset, 0, "random", 300, seed, many, &why));
        assert_memory_equal(few, many, sizeof few);
    }
    synthetic_pool_free(&pool);
}

/* Every row is drawn about as often as any other. */
static void random_is_uniform(void **state) {
    (void)state;
    synthetic_pool pool = make_pool(MAPLE_GRAPH_AS_WRITTEN);
    int drawn[N_ARCHS] = {0};
    size_t rows[54];
    for (uint64_t seed = 0; seed < 2000; seed++) {
        OK(maple_sampler_draw(&pool.dataset, 0, "random", 54, seed, rows, &why));
        for (size_t i = 0; i < 54; i++)
            drawn[rows[i]]++;
    }
    double chi = 0; /* 1,080 rows, each expected 100 times */
    for (size_t i = 0; i < N_ARCHS; i++) {
        assert_int_equal(drawn[i] > 0, i % 10 != 0);
        chi += i % 10 != 0 ? (drawn[i] - 100) * (drawn[i] - 100) / 100.0 : 0;
    }
    /* Without replacement in a draw: variance 100 (1 - 54 / 1080) each; mean 1,026, deviation about 44. */
    assert_true(chi > 800 && chi < 1250);
    synthetic_pool_free(&pool);
}

/* 1,080 candidates in 7 buckets: 1080 = 7 x 154 + 2, so two of 155 and five of 154. */
static void buckets_of_latency(void **state) {
    (void)state;
    synthetic_pool pool = make_pool(MAPLE_GRAPH_AS_WRITTEN);
    const double *ms = pool.dataset.platforms[0].latency_ms;
    static const size_t ENDS[] = {155, 310, 464, 618, 772, 926, 1080};
    size_t rows[7];
    bool first_seen = false, last_seen = false;
    for (uint64_t seed = 0; seed < 300; seed++) {
        OK(maple_sampler_draw(&pool.dataset, 0, "latency", 7, seed, rows, &why));
        for (size_t b = 0; b < 7; b++) {
            size_t rank = 0;
            for (size_t i = 0; i < N_ARCHS; i++)
                rank += isfinite(ms[i]) && (ms[i] < ms[rows[b]] || (!(ms[i] > ms[rows[b]]) && i < rows[b]));
            size_t start = b > 0 ? ENDS[b - 1] : 0;
            assert_true(rank >= start && rank < ENDS[b]);
            first_seen = first_seen || rank - start < 10;
            last_seen = last_seen || ENDS[b] - rank <= 10;
        }
    }
    assert_true(first_seen && last_seen); /* the whole bucket is drawn from */
    synthetic_pool_free(&pool);
}

/* As many buckets as candidates: every one is drawn, in order of its parameters. */
static void buckets_of_params(void **state) {
    (void)state;
    synthetic_pool pool = make_pool(MAPLE_GRAPH_AS_WRITTEN);
    const maple_dataset *d = &pool.dataset;
    for (size_t i = 30; i < N_ARCHS; i++)
        d->platforms[0].latency_ms[i] = NAN; /* 27 are left */
    size_t rows[27];
    double before = 0;
    OK(maple_sampler_draw(d, 0, "params", 27, 1, rows, &why));
    for (size_t i = 0; i < 27; i++) {
        maple_cost cost;
        OK(maple_space_cost(d->space, &d->archs[rows[i]], &cost, &why));
        assert_true(cost.params >= before);
        before = cost.params;
    }
    FAILS(maple_sampler_draw(d, 0, "params", 28, 1, rows, &why), MAPLE_BAD_INPUT,
          "28 samples asked for, but synthetic-0 has only 27 different networks");
    synthetic_pool_free(&pool);
}

/* --- Clusters --- */

/* Four clouds far from each other: each is one cluster, from any start. */
static void kmeans_finds_clouds(void **state) {
    (void)state;
    enum { N = 200, D = 5, K = 4 };
    double points[N * D];
    size_t cluster[N];
    for (uint64_t seed = 0; seed < 20; seed++) {
        maple_rng rng = maple_rng_seed(seed);
        for (size_t i = 0; i < N; i++) {
            for (size_t c = 0; c < D; c++)
                points[i * D + c] = 10.0 * (c == i % K) + 0.5 * maple_rng_normal(&rng);
        }
        OK(maple_kmeans(points, N, D, K, &rng, cluster, &why));
        for (size_t i = 0; i < N; i++) {
            assert_true(cluster[i] < K);
            for (size_t k = 0; k < i; k++)
                assert_int_equal(cluster[i] == cluster[k], i % K == k % K);
        }
    }
}

/* At the end every point is with the nearest mean. */
static void kmeans_ends_at_a_fixed_point(void **state) {
    (void)state;
    enum { N = 60, D = 2, K = 6 };
    double points[N * D];
    size_t cluster[N];
    maple_rng rng = maple_rng_seed(8);
    for (size_t i = 0; i < N * D; i++)
        points[i] = maple_rng_uniform(&rng);
    OK(maple_kmeans(points, N, D, K, &rng, cluster, &why));
    double mean[K][D] = {{0}}, members[K] = {0};
    for (size_t i = 0; i < N; i++) {
        members[cluster[i]]++;
        for (size_t c = 0; c < D; c++)
            mean[cluster[i]][c] += points[i * D + c];
    }
    for (size_t i = 0; i < N; i++) {
        double distance[K];
        for (size_t k = 0; k < K; k++) {
            assert_true(members[k] > 0);
            double x = points[i * D] - mean[k][0] / members[k],
                   y = points[i * D + 1] - mean[k][1] / members[k];
            distance[k] = x * x + y * y;
        }
        for (size_t k = 0; k < K; k++)
            assert_true(distance[cluster[i]] <= distance[k] + 1e-12);
    }
}

/* Fewer different points than clusters: no failure, and the sampler still gives different rows. */
static void kmeans_of_equal_points(void **state) {
    (void)state;
    double points[6] = {1, 1, 1, 2, 2, 2};
    size_t cluster[6];
    maple_rng rng = maple_rng_seed(1);
    OK(maple_kmeans(points, 6, 1, 4, &rng, cluster, &why));
    for (size_t i = 0; i < 6; i++) {
        assert_true(cluster[i] < 4);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(cluster[i] == cluster[k], i / 3 == k / 3);
    }
    synthetic_pool pool = make_pool(MAPLE_GRAPH_AS_WRITTEN);
    add_proxies(&pool);
    for (size_t s = 0; s < N_PROXIES; s++)
        for (size_t i = 0; i < N_ARCHS; i++)
            pool.dataset.scores[s].value[i] = 1;
    size_t rows[5];
    OK(maple_sampler_draw(&pool.dataset, 0, "kmeans:zcp", 5, 1, rows, &why));
    for (size_t i = 0; i < 5; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(rows[i], rows[k]);
    free_proxies(&pool);
    synthetic_pool_free(&pool);
}

/* --- Encodings --- */

static void proxies_are_normalised(void **state) {
    (void)state;
    synthetic_pool pool = make_pool(MAPLE_GRAPH_AS_WRITTEN);
    add_proxies(&pool);
    maple_dataset *d = &pool.dataset;
    d->n_archs = 4;
    static const double VALUES[] = {0, 1, 3, 7};
    for (size_t s = 0; s < N_PROXIES; s++)
        memcpy(d->scores[s].value, VALUES, sizeof VALUES);
    static const size_t ROWS[] = {3, 1};
    double *points;
    size_t dimensions;
    OK(maple_encode(d, MAPLE_ENCODE_ZCP, MAPLE_GRAPH_AS_WRITTEN, ROWS, 2, &points, &dimensions, &why));
    assert_int_equal(dimensions, N_PROXIES);
    for (size_t s = 0; s < N_PROXIES; s++) {
        const char *name = PROXIES[s] + 4;
        bool logarithmic = strstr("fisher flops grad_norm params snip synflow", name) != NULL;
        double expected = 1.0 / 7, largest = 1; /* (1 - 0) / (7 - 0) */
        if (logarithmic)
            expected = 1.0 / 3;           /* log 2 / log 8 */
        if (strcmp(name, "grasp") == 0) { /* mean 2.75, population variance (59 / 4) - 2.75^2 = 7.1875 */
            expected = (1 - 2.75) / sqrt(7.1875);
            largest = (7 - 2.75) / sqrt(7.1875);
        }
        assert_true(fabs(points[s] - largest) <= 1e-14);
        assert_true(fabs(points[N_PROXIES + s] - expected) <= 1e-14);
    }
    maple_free(points);
    d->scores[7].value[1] = NAN;
    FAILS(maple_encode(d, MAPLE_ENCODE_ZCP, MAPLE_GRAPH_AS_WRITTEN, ROWS, 2, &points, &dimensions, &why),
          MAPLE_BAD_INPUT, "1 of 2 architectures have no usable zcp_nwot");
    free_proxies(&pool);
    synthetic_pool_free(&pool);
}

static void features_are_standardised(void **state) {
    (void)state;
    synthetic_pool pool = make_pool(MAPLE_GRAPH_AS_WRITTEN);
    const maple_dataset *d = &pool.dataset;
    size_t rows[N_ARCHS], dimensions;
    double *points;
    for (size_t i = 0; i < N_ARCHS; i++)
        rows[i] = i;
    OK(maple_encode(d, MAPLE_ENCODE_FEATURES, MAPLE_GRAPH_AS_WRITTEN, rows, N_ARCHS, &points, &dimensions,
                    &why));
    assert_int_equal(dimensions, maple_space_features(d->space));
    for (size_t c = 0; c < dimensions; c++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < N_ARCHS; i++) {
            sum += points[i * dimensions + c];
            squares += points[i * dimensions + c] * points[i * dimensions + c];
        }
        assert_true(fabs(sum / N_ARCHS) <= 1e-9);
        assert_true(fabs(squares / N_ARCHS - 1) <= 1e-9 || squares <= 0); /* 0: constant in this space */
    }
    maple_free(points);
    OK(maple_encode(d, MAPLE_ENCODE_ONE_HOT, MAPLE_GRAPH_AS_WRITTEN, rows, N_ARCHS, &points, &dimensions,
                    &why));
    assert_int_equal(dimensions, 30);
    for (size_t i = 0; i < N_ARCHS; i++) {
        float expected[30];
        maple_space_one_hot(d->space, &d->archs[i], expected);
        for (size_t c = 0; c < 30; c++)
            assert_true(fabs(points[i * 30 + c] - expected[c]) <= 0);
    }
    maple_free(points);
    synthetic_pool_free(&pool);
}

/* cosine: as many buckets as candidates gives the order by mean cosine. */
static void cosine_sorts_by_mean_cosine(void **state) {
    (void)state;
    synthetic_pool pool = make_pool(MAPLE_GRAPH_AS_WRITTEN);
    const maple_dataset *d = &pool.dataset;
    enum { N = 45 };
    for (size_t i = 50; i < N_ARCHS; i++)
        d->platforms[0].latency_ms[i] = NAN;
    size_t rows[N];
    OK(maple_sampler_draw(d, 0, "cosine:one-hot", N, 1, rows, &why));
    double before = -1;
    for (size_t i = 0; i < N; i++) {
        double mean = 0; /* one-hot vectors of 6 ones: cosine = equal positions / 6 */
        for (size_t k = 0; k < N; k++) {
            for (int p = 0; p < 6; p++)
                mean += d->archs[rows[i]].op[p] == d->archs[rows[k]].op[p] ? 1.0 / 6 / N : 0;
        }
        assert_true(mean >= before - 1e-12);
        before = mean;
    }
    synthetic_pool_free(&pool);
}

static void names_are_checked(void **state) {
    (void)state;
    synthetic_pool pool = make_pool(MAPLE_GRAPH_AS_WRITTEN);
    const maple_dataset *d = &pool.dataset;
    static const char *const WRONG[] = {"",        "rand",           "random:zcp", "kmeans",
                                        "kmeans:", "cosine:two-hot", "zcp:zcp"};
    size_t row;
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        FAILS(maple_sampler_check(d, WRONG[i], &why), MAPLE_NOT_FOUND,
              "there are: suggest, random, params, latency");
        FAILS(maple_sampler_draw(d, 0, WRONG[i], 1, 1, &row, &why), MAPLE_NOT_FOUND, "encodings: one-hot");
    }
    FAILS(maple_sampler_check(d, "zcp", &why), MAPLE_NOT_FOUND, "zcp_epe_nas, zcp_fisher");
    FAILS(maple_sampler_check(d, "kmeans:zcp", &why), MAPLE_NOT_FOUND, "maple pool import zcp");
    FAILS(maple_sampler_draw(d, 0, "zcp", 1, 1, &row, &why), MAPLE_NOT_FOUND, "zcp_zen");
    OK(maple_sampler_draw(d, 0, "random", 0, 1, NULL, &why));
    synthetic_pool_free(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_sampler_as_written),    cmocka_unit_test(any_sampler_pruned),
        cmocka_unit_test(random_sets_are_nested),    cmocka_unit_test(random_is_uniform),
        cmocka_unit_test(buckets_of_latency),        cmocka_unit_test(buckets_of_params),
        cmocka_unit_test(kmeans_finds_clouds),       cmocka_unit_test(kmeans_ends_at_a_fixed_point),
        cmocka_unit_test(kmeans_of_equal_points),    cmocka_unit_test(proxies_are_normalised),
        cmocka_unit_test(features_are_standardised), cmocka_unit_test(cosine_sorts_by_mean_cosine),
        cmocka_unit_test(names_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
