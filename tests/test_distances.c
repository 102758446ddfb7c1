/* SPDX-License-Identifier: Apache-2.0 */
/* Distances between descriptors, computed by hand. */
#include "maple/distances.h"
#include "spaces.h"
#include "unit.h"

#include <math.h>
#include <string.h>

enum { OPERATORS = 15, COUNTS = OPERATORS * MAPLE_EVENTS, PLATFORMS = 4 };

typedef struct fixture {
    double operator_ms[PLATFORMS][64], warm[PLATFORMS][COUNTS];
    maple_dataset_platform platforms[PLATFORMS];
    maple_dataset dataset;
} fixture;

/* a; b = 2 a but for one operator; c, profiled only, lacks operators and counts; d has nothing. */
static void fixture_make(fixture *f) {
    const maple_space *space = space_or_fail("nas-bench-201");
    assert_int_equal(maple_space_descriptor_operators(space), OPERATORS);
    assert_true(maple_space_operators(space) <= 64);
    *f = (fixture){.dataset = {.space = space,
                               .n_platforms = 2,
                               .platforms = f->platforms,
                               .n_profiled = 2,
                               .profiled = f->platforms + 2}};
    const char *const counters[PLATFORMS] = {"perf", "perf", "callgrind", "none"};
    for (size_t p = 0; p < PLATFORMS; p++) {
        maple_dataset_platform *row = &f->platforms[p];
        row->operator_ms = f->operator_ms[p];
        row->counters_warm = f->warm[p];
        snprintf(row->platform.counters, sizeof row->platform.counters, "%s", counters[p]);
        for (size_t i = 0; i < 64; i++)
            row->operator_ms[i] = p == 3 ? NAN : (double)(i + 1) * (p == 1 ? 2 : 1);
        for (size_t i = 0; i < COUNTS; i++)
            row->counters_warm[i] = p == 3 ? NAN : p == 1 ? 2 * (double)i + 1 : (double)i; /* + 1: twice */
    }
    f->operator_ms[1][0] *= 3;
    for (size_t i = 3; i < 64; i++)
        f->operator_ms[2][i] = NAN;
    f->operator_ms[2][1] *= 1.1; /* of three: ratios 1, 1.1, 1.3 */
    f->operator_ms[2][2] *= 1.3;
}

static bool close_to(double value, double expected) {
    return fabs(value - expected) < 1e-12;
}

static void distances_are_differences_of_logarithms(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    maple_distance *pairs = NULL;
    size_t n = 0;
    assert_int_equal(maple_dataset_distances(&f.dataset, &pairs, &n, NULL), MAPLE_OK);
    assert_int_equal(n, 3); /* d has no descriptor */
    const maple_distance *ab = &pairs[0], *ac = &pairs[1], *bc = &pairs[2];
    assert_ptr_equal(ab->a, &f.platforms[0]);
    assert_ptr_equal(ab->b, &f.platforms[1]);
    assert_ptr_equal(bc->b, &f.platforms[2]);
    assert_int_equal(ab->n_operators, OPERATORS); /* those of the descriptor */
    assert_int_equal(ab->n_counters, COUNTS);
    assert_true(close_to(ab->scale, 2) && close_to(ab->counters, log(2)));
    assert_true(close_to(ab->operators, log(3) / OPERATORS)); /* one of them is seen, too */
    assert_int_equal(ac->n_operators, 3);
    assert_true(close_to(ac->scale, 1.1));
    /* Logarithms off by log(1.1), 0, log(1.3 / 1.1). */
    assert_true(close_to(ac->operators, (log(1.1) + log(1.3 / 1.1)) / 3));
    assert_true(isnan(ac->counters) && ac->n_counters == 0); /* perf's and callgrind's do not compare */
    assert_true(bc->descriptor > 0 && ac->descriptor > 0);
    maple_free(pairs);
}

/* Two platforms: every column that varies differs by two standard deviations. */
static void two_descriptors_lie_two_deviations_apart(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    f.dataset.n_profiled = 0;
    maple_distance *pairs = NULL;
    size_t n = 0;
    assert_int_equal(maple_dataset_distances(&f.dataset, &pairs, &n, NULL), MAPLE_OK);
    assert_int_equal(n, 1);
    assert_true(fabs(pairs[0].descriptor - 2) < 1e-5);
    maple_free(pairs);
    memcpy(f.operator_ms[1], f.operator_ms[0], sizeof f.operator_ms[0]);
    memcpy(f.warm[1], f.warm[0], sizeof f.warm[0]);
    assert_int_equal(maple_dataset_distances(&f.dataset, &pairs, &n, NULL), MAPLE_OK);
    assert_true(pairs[0].scale == 1 && pairs[0].operators == 0 && pairs[0].counters == 0);
    assert_true(pairs[0].descriptor == 0); /* no column varies */
    maple_free(pairs);
    f.platforms[0].operator_ms = f.operator_ms[3]; /* one has operators, the other counters */
    f.platforms[1].counters_warm = f.warm[3];
    assert_int_equal(maple_dataset_distances(&f.dataset, &pairs, &n, NULL), MAPLE_OK);
    assert_true(isnan(pairs[0].scale) && isnan(pairs[0].operators) && isnan(pairs[0].counters) &&
                isnan(pairs[0].descriptor));
    maple_free(pairs);
}

static void one_platform_has_no_distances(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f);
    f.dataset.n_platforms = 1;
    f.dataset.n_profiled = 0;
    maple_distance *pairs = NULL;
    size_t n = 7;
    assert_int_equal(maple_dataset_distances(&f.dataset, &pairs, &n, NULL), MAPLE_OK);
    assert_int_equal(n, 0);
    maple_free(pairs);
    f.dataset.n_platforms = 0;
    assert_int_equal(maple_dataset_distances(&f.dataset, &pairs, &n, NULL), MAPLE_OK);
    assert_int_equal(n, 0);
    maple_free(pairs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_differences_of_logarithms),
        cmocka_unit_test(two_descriptors_lie_two_deviations_apart),
        cmocka_unit_test(one_platform_has_no_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
