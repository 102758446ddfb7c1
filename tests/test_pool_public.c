/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public data itself, where it is (../shared/data from the source folder, or $MAPLE_PUBLIC_DATA): the two
 * forms in which the same latencies are published must give the same pool, and a few published facts hold.
 */
#include "pool_fixture.h"
#include "public_data.h"
#include "spaces.h"

static maple_dataset *load(maple_pool *pool, const maple_space *space) {
    maple_dataset *d;
    OK(maple_dataset_load(&pool, 1, space, &d, &why));
    return d;
}

/* Imports one space of the HELP folder: a folder with a link to it. */
static void import_half(maple_pool *pool, const char *half, size_t latencies) {
    char link[600], part[64];
    maple_import_result result;
    snprintf(part, sizeof part, "help/%s", half);
    char *full = realpath(public_file(part), NULL);
    snprintf(link, sizeof link, "%s/%s-only", scratch, half);
    mkdir(link, 0777);
    snprintf(link, sizeof link, "%s/%s-only/%s", scratch, half, half);
    unlink(link);
    assert_int_equal(symlink(full, link), 0);
    free(full);
    snprintf(part, sizeof part, "%s-only", half);
    OK(maple_pool_import_help(pool, in_scratch(part), &result, NULL, &why));
    assert_int_equal(result.platforms, 27);
    assert_int_equal(result.latencies, latencies);
}

/* Every value of the .pt files against every value of the CSV, at float32. */
static void compare(const char *half, const char *table, const maple_space *space, size_t n) {
    maple_pool *a = new_pool("pt.db"), *b = new_pool("csv.db");
    import_half(a, half, 27 * n);
    maple_platform template_ = {.cpu = "unknown", .batch = 1, .graph = MAPLE_GRAPH_AS_WRITTEN};
    maple_import_result result;
    OK(maple_pool_import_table(b, public_file(table), space, &template_, NULL, 0, &result, &why));
    assert_int_equal(result.platforms, 27);
    assert_int_equal(result.latencies, 27 * n);
    assert_int_equal(result.skipped, 0);
    maple_dataset *d = load(a, space), *e = load(b, space);
    assert_int_equal(d->n_archs, n);
    assert_int_equal(e->n_archs, n);
    assert_int_equal(d->n_platforms, 27);
    assert_int_equal(e->n_platforms, 27);
    bool *seen = maple_alloc(n, sizeof *seen);
    for (size_t i = 0; i < n; i++) {
        assert_true(maple_arch_equal(&d->archs[i], &e->archs[i]));
        assert_int_equal(d->index[i], e->index[i]);
        assert_true(d->index[i] >= 0 && (size_t)d->index[i] < n && !seen[d->index[i]]);
        seen[d->index[i]] = true;
    }
    for (size_t p = 0; p < 27; p++) {
        ptrdiff_t row = maple_dataset_platform_row(e, d->platforms[p].platform.name);
        assert_true(row >= 0);
        for (size_t i = 0; i < n; i++)
            if ((float)d->platforms[p].latency_ms[i] != (float)e->platforms[row].latency_ms[i])
                fail_msg("%s, index %d: %.17g is not %.17g", d->platforms[p].platform.name, d->index[i],
                         d->platforms[p].latency_ms[i], e->platforms[row].latency_ms[i]);
    }
    maple_free(seen);
    maple_dataset_free(d);
    maple_dataset_free(e);
    maple_pool_close(a);
    maple_pool_close(b);
}

static void test_nas_bench_201(void **state) {
    (void)state;
    public_file("help/nasbench201/str_arch2idx.pt");
    public_file("latency/nasbench201.csv.gz");
    compare("nasbench201", "latency/nasbench201.csv.gz", nas, 15625);
}

static void test_fbnet(void **state) {
    (void)state;
    const maple_space *fbnet = space_or_fail("fbnet");
    public_file("help/fbnet/arch.pt");
    public_file("latency/fbnet.csv.gz");
    compare("fbnet", "latency/fbnet.csv.gz", fbnet, 5000);
}

static void test_both_spaces(void **state) {
    (void)state;
    maple_pool *pool = new_pool("both.db");
    maple_import_result result;
    public_file("help/fbnet/arch.pt");
    OK(maple_pool_import_help(pool, public_file("help"), &result, NULL, &why));
    assert_int_equal(result.platforms, 32); /* 22 are in both spaces, 5 of batch 256 and 5 of 64 in one */
    assert_int_equal(result.latencies, 27 * (15625 + 5000));
    assert_int_equal(result.n_spaces, 2);
    maple_platform p;
    static const struct {
        const char *name, *device;
        int batch;
    } some[] = {{"titan_rtx_64", "titan_rtx", 64},     {"1080ti_256", "1080ti", 256},
                {"essential_ph_1", "essential_ph", 1}, {"silver_4114", "silver_4114", 1},
                {"gold_6226", "gold_6226", 1},         {"pixel2", "pixel2", 1},
                {"samsung_s7", "samsung_s7", 1},       {"raspi4", "raspi4", 1},
                {"silver_4210r", "silver_4210r", 1}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        OK(maple_pool_find_platform(pool, some[i].name, &p, &why));
        assert_string_equal(p.device, some[i].device);
        assert_int_equal(p.batch, some[i].batch);
    }
    maple_pool_close(pool);
}

static const double *score(const maple_dataset *d, const char *name) {
    for (size_t i = 0; i < d->n_scores; i++)
        if (strcmp(d->scores[i].name, name) == 0)
            return d->scores[i].value;
    fail_msg("no score %s", name);
    return NULL;
}

/* The index of the best architecture, the lowest of those that share the best value. */
static int best(const maple_dataset *d, const char *name, double *value) {
    const double *values = score(d, name);
    size_t at = 0;
    for (size_t i = 1; i < d->n_archs; i++)
        if (values[i] > values[at] || (values[i] == values[at] && d->index[i] < d->index[at]))
            at = i;
    *value = values[at];
    return d->index[at];
}

static void test_accuracies(void **state) {
    (void)state;
    const char *final = public_file("accuracy/nasbench201.csv.gz");
    const char *early = public_file("accuracy/nasbench201_12epoch.csv.gz");
    const char *cost = public_file("accuracy/nasbench201_cost.csv.gz");
    maple_pool *pool = new_pool("accuracy.db");
    maple_import_result result;
    FAILS(maple_pool_import_scores(pool, cost, nas, NULL, &result, &why), MAPLE_BAD_INPUT,
          "nasbench201_cost.csv.gz:2:1: the pool does not know which architecture");
    OK(maple_pool_import_scores(pool, final, nas, NULL, &result, &why));
    assert_int_equal(result.scores, 3); /* the columns of the validation sets are empty */
    assert_int_equal(result.values, 3 * 15625);
    OK(maple_pool_import_scores(pool, early, nas, "epoch12_", &result, &why));
    assert_int_equal(result.scores, 6);
    OK(maple_pool_import_scores(pool, cost, nas, NULL, &result, &why));
    assert_int_equal(result.scores, 8);
    import_half(pool, "nasbench201", 27 * 15625);
    maple_dataset *d = load(pool, nas);
    assert_int_equal(d->n_scores, 17);
    double value;
    assert_int_equal(best(d, "cifar10_test", &value), 6111);
    assert_same(value, 94.3733);
    assert_int_equal(best(d, "cifar100_test", &value), 9930);
    assert_same(value, 73.5133);
    assert_int_equal(best(d, "imagenet16_test", &value), 857);
    assert_same(value, 47.3111);
    const double *flops = score(d, "flops_cifar10"), *params = score(d, "params_cifar10");
    const double *n1 = score(d, "n_conv1x1"), *n3 = score(d, "n_conv3x3");
    for (size_t i = 0; i < d->n_archs; i++) {
        int counted[2] = {0};
        for (int k = 0; k < 6; k++) {
            counted[0] += d->archs[i].op[k] == 2;
            counted[1] += d->archs[i].op[k] == 3;
        }
        assert_same(n1[i], counted[0]);
        assert_same(n3[i], counted[1]);
        assert_same(flops[i], 7877248 + 4218880 * n1[i] + 35676160 * n3[i]);
        assert_same(params[i], 73306 + 28000 * n1[i] + 243040 * n3[i]);
    }
    maple_dataset_free(d);
    maple_pool_close(pool);
}

static void test_proxies(void **state) {
    (void)state;
    const maple_space *fbnet = space_or_fail("fbnet");
    public_file("help/fbnet/arch.pt");
    public_file("zcp/zc_fbnet.json.gz");
    maple_pool *pool = new_pool("zcp.db");
    maple_import_result result;
    OK(maple_pool_import_zcp(pool, public_file("zcp/zc_fbnet.json.gz"), fbnet, &result, &why));
    assert_int_equal(result.scores, 13);
    assert_int_equal(result.values, 13 * 5000);
    assert_int_equal(result.skipped, 0);
    import_half(pool, "fbnet", 27 * 5000);
    maple_dataset *d = load(pool, fbnet);
    assert_int_equal(d->n_archs, 5000); /* the proxies are of the same architectures */
    assert_int_equal(d->n_scores, 13);
    maple_arch arch;
    OK(maple_space_parse(fbnet, "2 8 6 3 8 4 8 4 1 8 7 8 0 6 2 5 2 6 0 2 7 7", &arch, &why));
    size_t row = 0;
    while (row < d->n_archs && !maple_arch_equal(&d->archs[row], &arch))
        row++;
    assert_true(row < d->n_archs);
    assert_same(score(d, "zcp_synflow")[row], 7.640764242538909e+31);
    assert_same(score(d, "zcp_grasp")[row], -0.02538299560546875);
    assert_same(score(d, "zcp_flops")[row], 72783744);
    maple_dataset_free(d);
    maple_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nas_bench_201), cmocka_unit_test(test_fbnet),
        cmocka_unit_test(test_both_spaces),   cmocka_unit_test(test_accuracies),
        cmocka_unit_test(test_proxies),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
