/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics against brute force and against cases worked out by hand. */
#include "maple/evaluate.h"
#include "unit.h"

#include <math.h>

/* Mid-ranks by counting, O(n^2), and Pearson's correlation of them. */
static double spearman_by_counting(const double *a, const double *b, size_t n) {
    double sums[5] = {0};
    for (size_t i = 0; i < n; i++) {
        double rank_a = 1, rank_b = 1;
        for (size_t j = 0; j < n; j++) {
            float ai = (float)a[i], aj = (float)a[j], bi = (float)b[i], bj = (float)b[j];
            rank_a += aj < ai ? 1 : (aj == ai && j != i ? 0.5 : 0);
            rank_b += bj < bi ? 1 : (bj == bi && j != i ? 0.5 : 0);
        }
        sums[0] += rank_a;
        sums[1] += rank_b;
        sums[2] += rank_a * rank_a;
        sums[3] += rank_b * rank_b;
        sums[4] += rank_a * rank_b;
    }
    double count = (double)n;
    double covariance = sums[4] - sums[0] * sums[1] / count;
    double variance_a = sums[2] - sums[0] * sums[0] / count, variance_b = sums[3] - sums[1] * sums[1] / count;
    return covariance / sqrt(variance_a * variance_b);
}

static void spearman_matches_brute_force(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(1);
    double a[200], b[200];
    for (int trial = 0; trial < 300; trial++) {
        size_t n = 2 + (size_t)maple_rng_below(&rng, 198);
        uint64_t levels = trial % 3 == 0 ? 4 : 1000000; /* every third trial is full of ties */
        for (size_t i = 0; i < n; i++) {
            a[i] = (double)maple_rng_below(&rng, levels);
            b[i] = 0.5 * a[i] + (double)maple_rng_below(&rng, levels);
        }
        a[0] = -1; /* neither side constant */
        b[0] = -1;
        double got;
        assert_int_equal(maple_spearman(a, b, n, &got, NULL), MAPLE_OK);
        assert_true(fabs(got - spearman_by_counting(a, b, n)) <= 1e-12);
    }
}

static void spearman_by_hand(void **state) {
    (void)state;
    double up[] = {1, 2, 3, 4, 5}, down[] = {50, 40, 30, 20, 10}, swapped[] = {2, 1, 4, 3, 5};
    double flat[] = {7, 7, 7, 7, 7}, got;
    maple_spearman(up, up, 5, &got, NULL);
    assert_true(got == 1.0);
    maple_spearman(up, down, 5, &got, NULL);
    assert_true(got == -1.0);
    maple_spearman(up, swapped, 5, &got, NULL); /* 1 - 6 * 4 / (5 * 24) */
    assert_true(fabs(got - (0.8)) <= 1e-15);
    maple_spearman(up, flat, 5, &got, NULL);
    assert_true(isnan(got));
    maple_spearman(up, up, 1, &got, NULL);
    assert_true(isnan(got));
    maple_spearman(up, up, 0, &got, NULL);
    assert_true(isnan(got));
    double tied[] = {1, 2, 2, 3}, other[] = {1, 2, 3, 4}; /* ranks 1 2.5 2.5 4: 4.5 / sqrt(4.5 * 5) */
    maple_spearman(tied, other, 4, &got, NULL);
    assert_true(fabs(got - (4.5 / sqrt(4.5 * 5))) <= 1e-15);
}

static void spearman_compares_as_float32(void **state) {
    (void)state;
    double a[] = {1, 1 + 1e-12, 2}, b[] = {1, 1, 2}, got; /* the first two are one float32 value: a tie */
    maple_spearman(a, b, 3, &got, NULL);
    assert_true(got == 1.0);
}

static void spearman_leaves_out_what_is_not_finite(void **state) {
    (void)state;
    double a[] = {1, NAN, 2, 3, 9}, b[] = {1, 5, 2, 3, INFINITY}, got;
    maple_spearman(a, b, 5, &got, NULL);
    assert_true(got == 1.0);
}

static void metrics_by_hand(void **state) {
    (void)state;
    double measured[] = {100, 100, 100, 100, NAN, 100};
    double predicted[] = {101, 95, 110, 120, 100, NAN};
    maple_metrics m;
    assert_int_equal(maple_metrics_compute(measured, &POINTS(predicted), 6, &m, NULL), MAPLE_OK);
    assert_int_equal(m.n, 4);
    assert_true(fabs(m.acc1 - (0.25)) <= 0); /* bounds are inclusive */
    assert_true(fabs(m.acc5 - (0.5)) <= 0);
    assert_true(fabs(m.acc10 - (0.75)) <= 0);
    assert_true(fabs(m.mape - (0.09)) <= 1e-15);
    assert_true(fabs(m.medape - (0.075)) <= 1e-15);
    assert_true(fabs(m.rmse_ms - (sqrt((1 + 25 + 100 + 400) / 4.0))) <= 1e-12);
    assert_true(isnan(m.spearman)); /* the measured side is constant */
}

static void metrics_of_nothing(void **state) {
    (void)state;
    double measured[] = {NAN}, predicted[] = {1};
    maple_metrics m;
    assert_int_equal(maple_metrics_compute(measured, &POINTS(predicted), 1, &m, NULL), MAPLE_OK);
    assert_int_equal(m.n, 0);
    assert_true(isnan(m.acc1) && isnan(m.acc5) && isnan(m.acc10) && isnan(m.spearman) && isnan(m.mape) &&
                isnan(m.medape) && isnan(m.rmse_ms) && isnan(m.coverage90) && isnan(m.interval_width));
}

static void metrics_of_a_perfect_prediction(void **state) {
    (void)state;
    double measured[] = {1, 2, 3};
    maple_metrics m;
    assert_int_equal(maple_metrics_compute(measured, &POINTS(measured), 3, &m, NULL), MAPLE_OK);
    assert_true(m.acc1 == 1 && m.acc5 == 1 && m.acc10 == 1 && m.spearman == 1 && m.mape == 0 &&
                m.medape == 0 && m.rmse_ms == 0);
}

/* --- Intervals --- */

static void intervals_by_hand(void **state) {
    (void)state;
    /* Within; on the lower bound; on the upper one; below. Then pairs that do not count, and such that are
     * scored but have no interval. */
    double measured[] = {100, 90, 110, 89, NAN, 100, 100, 100},
           predicted[] = {100, 120, 100, 100, 100, NAN, 100, 100};
    double lower[] = {90, 90, 100, 90, 99, 99, NAN, 99}, upper[] = {110, 150, 110, 130, 101, 101, 200, NAN};
    maple_metrics m, without;
    maple_predictions bounded = {predicted, lower, upper};
    assert_int_equal(maple_metrics_compute(measured, &bounded, 8, &m, NULL), MAPLE_OK);
    assert_int_equal(m.n, 6);
    assert_true(fabs(m.coverage90 - 0.75) <= 0);
    assert_true(fabs(m.interval_width - 0.3) <= 1e-15); /* of 0.1, 0.2, 0.4, 0.5 */
    assert_int_equal(maple_metrics_compute(measured, &bounded, 3, &m, NULL), MAPLE_OK);
    assert_true(fabs(m.coverage90 - 1) <= 0);
    assert_true(fabs(m.interval_width - 0.2) <= 1e-15);
    /* Where no pair has an interval there is neither, and the rest is as without bounds. */
    double none[] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    const maple_predictions unbounded[] = {{predicted, none, upper},
                                           {predicted, lower, none},
                                           {predicted, NULL, upper},
                                           {predicted, lower, NULL}};
    assert_int_equal(maple_metrics_compute(measured, &POINTS(predicted), 8, &without, NULL), MAPLE_OK);
    assert_true(isnan(without.coverage90) && isnan(without.interval_width));
    for (size_t i = 0; i < sizeof unbounded / sizeof *unbounded; i++) {
        assert_int_equal(maple_metrics_compute(measured, &unbounded[i], 8, &m, NULL), MAPLE_OK);
        assert_memory_equal(&m, &without, sizeof m);
    }
    assert_int_equal(maple_metrics_compute(measured + 4, &bounded, 1, &m, NULL), MAPLE_OK);
    assert_int_equal(m.n, 0);
    assert_true(isnan(m.coverage90) && isnan(m.interval_width));
}

static void an_interval_may_be_a_point(void **state) {
    (void)state;
    double measured[] = {3, 4}, predicted[] = {3, 3};
    maple_metrics m;
    assert_int_equal(
        maple_metrics_compute(measured, &(maple_predictions){predicted, predicted, predicted}, 2, &m, NULL),
        MAPLE_OK);
    assert_true(fabs(m.coverage90 - 0.5) <= 0 && fabs(m.interval_width) <= 0);
}

/* Coverage by counting, the median width by sorting; every third trial full of ties. */
static void intervals_match_counting(void **state) {
    (void)state;
    enum { N = 120 };
    maple_rng rng = maple_rng_seed(6);
    double measured[N], predicted[N], lower[N], upper[N], widths[N];
    for (int trial = 0; trial < 200; trial++) {
        size_t n = 1 + (size_t)maple_rng_below(&rng, N - 1), known = 0, covered = 0;
        uint64_t levels = trial % 3 == 0 ? 4 : 1000000;
        for (size_t i = 0; i < n; i++) {
            predicted[i] = 10 + (double)maple_rng_below(&rng, levels) / (double)levels;
            lower[i] = predicted[i] - (double)maple_rng_below(&rng, levels) / (double)levels;
            upper[i] = predicted[i] + (double)maple_rng_below(&rng, levels) / (double)levels;
            measured[i] = 10 + 2 * (double)maple_rng_below(&rng, levels) / (double)levels;
            double *gaps[] = {&predicted[i], &lower[i], &upper[i], &measured[i]};
            uint64_t gap = maple_rng_below(&rng, 20);
            if (gap < 4)
                *gaps[gap] = NAN;
            if (gap < 4)
                continue;
            widths[known++] = (upper[i] - lower[i]) / predicted[i];
            covered += !(measured[i] < lower[i] || measured[i] > upper[i]);
        }
        maple_metrics m;
        maple_summary summary;
        assert_int_equal(
            maple_metrics_compute(measured, &(maple_predictions){predicted, lower, upper}, n, &m, NULL),
            MAPLE_OK);
        if (known == 0) {
            assert_true(isnan(m.coverage90) && isnan(m.interval_width));
            continue;
        }
        assert_int_equal(maple_summarise(widths, known, &summary, NULL), MAPLE_OK);
        assert_true(fabs(m.interval_width - summary.median) <= 1e-15);
        assert_true(fabs(m.coverage90 * (double)known - (double)covered) <= 1e-9);
    }
}

/* --- Kendall --- */

/* tau-b over all pairs: (concordant - discordant) / sqrt((pairs - ties in a) (pairs - ties in b)). */
static double kendall_by_counting(const double *a, const double *b, size_t n) {
    double balance = 0, free_a = 0, free_b = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            float ai = (float)a[i], aj = (float)a[j], bi = (float)b[i], bj = (float)b[j];
            int in_a = (ai > aj) - (ai < aj), in_b = (bi > bj) - (bi < bj);
            balance += in_a * in_b;
            free_a += in_a != 0;
            free_b += in_b != 0;
        }
    }
    return balance / sqrt(free_a * free_b);
}

static void kendall_matches_brute_force(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(3);
    double a[300], b[300];
    for (int trial = 0; trial < 400; trial++) {
        static const uint64_t LEVELS[] = {2, 4, 30, 1000000};
        size_t n = 2 + (size_t)maple_rng_below(&rng, 298);
        uint64_t levels_a = LEVELS[trial % 4], levels_b = LEVELS[trial / 4 % 4];
        for (size_t i = 0; i < n; i++) {
            a[i] = (double)maple_rng_below(&rng, levels_a) - 1; /* both signs, and zero */
            b[i] = 0.5 * a[i] * (trial % 3 - 1) + (double)maple_rng_below(&rng, levels_b);
        }
        a[0] = -2; /* neither side constant */
        b[0] = -9e6;
        double got;
        assert_int_equal(maple_kendall(a, b, n, &got, NULL), MAPLE_OK);
        /* Both are quotients of the same whole numbers. */
        assert_true(fabs(got - kendall_by_counting(a, b, n)) <= 1e-15);
    }
}

static void kendall_by_hand(void **state) {
    (void)state;
    double up[] = {1, 2, 3, 4, 5}, down[] = {50, 40, 30, 20, 10}, swapped[] = {2, 1, 4, 3, 5};
    double flat[] = {7, 7, 7, 7, 7}, got;
    maple_kendall(up, up, 5, &got, NULL);
    assert_true(got == 1.0);
    maple_kendall(up, down, 5, &got, NULL);
    assert_true(got == -1.0);
    maple_kendall(up, swapped, 5, &got, NULL); /* 8 of 10 pairs concordant, 2 discordant */
    assert_true(fabs(got - 0.6) <= 1e-15);
    maple_kendall(up, flat, 5, &got, NULL);
    assert_true(isnan(got));
    maple_kendall(flat, up, 5, &got, NULL);
    assert_true(isnan(got));
    maple_kendall(up, up, 1, &got, NULL);
    assert_true(isnan(got));
    maple_kendall(up, up, 0, &got, NULL);
    assert_true(isnan(got));
    double a[] = {1, 2, 2, 3}, b[] = {1, 1, 2, 2};
    /* (1,2): tied in b; (1,3), (1,4), (2,4): concordant; (2,3): tied in a; (3,4): tied in b. 3 / sqrt(5 * 4)
     */
    maple_kendall(a, b, 4, &got, NULL);
    assert_true(fabs(got - 3 / sqrt(20)) <= 1e-15);
    double joint[] = {1, 1, 2}; /* the tied pair is tied on both sides: 2 / sqrt(2 * 2) */
    maple_kendall(joint, joint, 3, &got, NULL);
    assert_true(got == 1.0);
}

static void kendall_compares_as_float32_and_leaves_out_what_is_not_finite(void **state) {
    (void)state;
    double a[] = {1, 1 + 1e-12, 2, NAN, 0, INFINITY}, b[] = {1, 2, 3, 9, NAN, 1}, got;
    maple_kendall(a, b, 6, &got, NULL); /* pairs (1,2) tied in a; the others concordant: 2 / sqrt(2 * 3) */
    assert_true(fabs(got - 2 / sqrt(6)) <= 1e-15);
    double zeros[] = {-0.0, 0.0, 1}, order[] = {1, 2, 3};
    maple_kendall(zeros, order, 3, &got, NULL);
    assert_true(fabs(got - 2 / sqrt(6)) <= 1e-15);
}

/* The median of errors, odd and even, against sorting. */
static void median_error_matches_sorting(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(5);
    double measured[101], predicted[101], errors[101];
    for (size_t n = 1; n <= 101; n++) {
        for (size_t i = 0; i < n; i++) {
            measured[i] = 1;
            predicted[i] = 1 + (double)maple_rng_below(&rng, n % 5 == 0 ? 4 : 1000) / 8;
            errors[i] = predicted[i] - 1;
        }
        maple_metrics m;
        maple_summary summary;
        assert_int_equal(maple_metrics_compute(measured, &POINTS(predicted), n, &m, NULL), MAPLE_OK);
        assert_int_equal(maple_summarise(errors, n, &summary, NULL), MAPLE_OK);
        assert_true(fabs(m.medape - summary.median) <= 0);
        assert_true(fabs(m.mape - summary.mean) <= 1e-12 * (1 + summary.mean));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spearman_matches_brute_force),
        cmocka_unit_test(spearman_by_hand),
        cmocka_unit_test(spearman_compares_as_float32),
        cmocka_unit_test(spearman_leaves_out_what_is_not_finite),
        cmocka_unit_test(metrics_by_hand),
        cmocka_unit_test(metrics_of_nothing),
        cmocka_unit_test(metrics_of_a_perfect_prediction),
        cmocka_unit_test(intervals_by_hand),
        cmocka_unit_test(an_interval_may_be_a_point),
        cmocka_unit_test(intervals_match_counting),
        cmocka_unit_test(kendall_matches_brute_force),
        cmocka_unit_test(kendall_by_hand),
        cmocka_unit_test(kendall_compares_as_float32_and_leaves_out_what_is_not_finite),
        cmocka_unit_test(median_error_matches_sorting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
