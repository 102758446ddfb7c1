/* SPDX-License-Identifier: Apache-2.0 */
/* Regularised least squares against elimination in long double. */
#include "check.h"
#include "predictor/ridge.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 40, MOST = 24, SIDES = 3 };

typedef struct system_of {
    double x[ROWS * MOST], y[SIDES * ROWS], weight[ROWS], penalty[MOST];
} system_of;

static system_of make(uint64_t seed) {
    system_of s;
    maple_rng rng = maple_rng_seed(seed);
    for (size_t i = 0; i < ROWS * MOST; i++)
        s.x[i] = maple_rng_normal(&rng);
    for (size_t i = 0; i < SIDES * ROWS; i++)
        s.y[i] = 3 * maple_rng_normal(&rng);
    for (size_t i = 0; i < ROWS; i++)
        s.weight[i] = i % 7 == 3 ? 0 : exp(2 * maple_rng_normal(&rng));
    for (size_t j = 0; j < MOST; j++)
        s.penalty[j] = 0.01 + maple_rng_uniform(&rng) * (double)(j % 5);
    return s;
}

/* (X' W X + P) c = X' W y; x[rows, columns] as given, weight NULL: 1. */
static void solve(size_t rows, size_t columns, const double *x, const double *y, const double *weight,
                  const double *penalty, long double *c) {
    static long double a[MOST][MOST + 1];
    for (size_t i = 0; i < columns; i++)
        for (size_t j = 0; j <= columns; j++) {
            a[i][j] = i == j ? (long double)penalty[i] : 0;
            for (size_t r = 0; r < rows; r++) {
                long double w = weight ? (long double)weight[r] : 1,
                            right = j < columns ? x[r * columns + j] : y[r];
                a[i][j] += w * (long double)x[r * columns + i] * right;
            }
        }
    for (size_t p = 0; p < columns; p++)
        for (size_t i = 0; i < columns; i++) {
            long double times = a[i][p] / a[p][p]; /* positive definite: no pivots needed */
            for (size_t j = p; j <= columns && i != p; j++)
                a[i][j] -= times * a[p][j];
        }
    for (size_t i = 0; i < columns; i++)
        c[i] = a[i][columns] / a[i][i];
}

static void assert_solved(const char *what, size_t columns, const double *c, const long double *expected) {
    for (size_t j = 0; j < columns; j++)
        if (!(fabsl((long double)c[j] - expected[j]) <= 1e-11L * (1 + fabsl(expected[j]))))
            fail_msg("%s, coefficient %zu of %zu: %.17g, expected %.17Lg", what, j, columns, c[j],
                     expected[j]);
}

/* More rows than columns, as many, fewer; with weights, of which some are 0, and without. */
static void ridges_solve_their_equations(void **state) {
    (void)state;
    static const size_t SIZES[][2] = {{ROWS, 1}, {ROWS, 7}, {ROWS, MOST}, {MOST, MOST}, {3, MOST}, {1, 1}};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        system_of s = make(i);
        size_t rows = SIZES[i][0], columns = SIZES[i][1];
        double c[MOST];
        long double expected[MOST];
        OK(maple_ridge(rows, columns, s.x, s.y, NULL, s.penalty, c, &why));
        solve(rows, columns, s.x, s.y, NULL, s.penalty, expected);
        assert_solved("without weights", columns, c, expected);
        OK(maple_ridge(rows, columns, s.x, s.y, s.weight, s.penalty, c, &why));
        solve(rows, columns, s.x, s.y, s.weight, s.penalty, expected);
        assert_solved("with weights", columns, c, expected);
    }
}

/* Each side as if it were the only one. */
static void many_sides_are_many_ridges(void **state) {
    (void)state;
    static const size_t SIZES[][2] = {{ROWS, 1}, {ROWS, 7}, {ROWS, MOST}, {3, MOST}, {1, 1}};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++)
        for (size_t n_y = 1; n_y <= SIDES; n_y++) {
            system_of s = make(10 + i);
            size_t rows = SIZES[i][0], columns = SIZES[i][1];
            double many[SIDES * MOST + 1], one[MOST];
            long double expected[MOST];
            many[n_y * columns] = 77; /* not written */
            OK(maple_ridge_many(rows, columns, s.x, n_y, s.y, s.penalty, many, &why));
            assert_true(many[n_y * columns] == 77);
            for (size_t y = 0; y < n_y; y++) {
                OK(maple_ridge(rows, columns, s.x, s.y + y * rows, NULL, s.penalty, one, &why));
                for (size_t j = 0; j < columns; j++)
                    assert_true(fabs(many[y * columns + j] - one[j]) <= 1e-12 * (1 + fabs(one[j])));
                solve(rows, columns, s.x, s.y + y * rows, NULL, s.penalty, expected);
                assert_solved("one of many", columns, many + y * columns, expected);
            }
        }
}

/* Rows of equal weights are rows without; a row of weight 2 is two rows. */
static void weights_are_repetitions(void **state) {
    (void)state;
    enum { COLUMNS = 5, DISTINCT = 8 };
    system_of s = make(99);
    double weight[DISTINCT], x[2 * DISTINCT * COLUMNS], y[2 * DISTINCT], weighed[COLUMNS], repeated[COLUMNS];
    size_t rows = 0;
    for (size_t i = 0; i < DISTINCT; i++) {
        weight[i] = i % 2 ? 2 : 1;
        for (int time = 0; time < weight[i]; time++) {
            memcpy(x + rows * COLUMNS, s.x + i * COLUMNS, COLUMNS * sizeof *x);
            y[rows++] = s.y[i];
        }
    }
    OK(maple_ridge(DISTINCT, COLUMNS, s.x, s.y, weight, s.penalty, weighed, &why));
    OK(maple_ridge(rows, COLUMNS, x, y, NULL, s.penalty, repeated, &why));
    for (size_t j = 0; j < COLUMNS; j++)
        assert_true(fabs(weighed[j] - repeated[j]) <= 1e-12 * (1 + fabs(repeated[j])));
}

static void no_rows_are_no_coefficients(void **state) {
    (void)state;
    system_of s = make(1);
    double c[SIDES * MOST];
    for (int way = 0; way < 3; way++) {
        for (size_t j = 0; j < SIDES * MOST; j++)
            c[j] = 5;
        if (way == 2)
            OK(maple_ridge_many(0, MOST, s.x, SIDES, s.y, s.penalty, c, &why));
        else
            OK(maple_ridge(0, MOST, s.x, s.y, way ? s.weight : NULL, s.penalty, c, &why));
        for (size_t j = 0; j < (way == 2 ? SIDES : 1) * (size_t)MOST; j++)
            assert_true(c[j] == 0);
    }
}

static void what_is_not_finite_is_refused(void **state) {
    (void)state;
    static const double BAD[] = {NAN, INFINITY};
    for (size_t i = 0; i < 4; i++)
        for (int weighed = 0; weighed < 2; weighed++) {
            system_of s = make(2);
            double c[SIDES * MOST];
            *(i < 2 ? &s.x[MOST + 1] : &s.y[4]) = BAD[i % 2];
            FAILS(maple_ridge(ROWS, MOST, s.x, s.y, weighed ? s.weight : NULL, s.penalty, c, &why),
                  MAPLE_BAD_INPUT, "a regression on 40 rows has no solution");
            FAILS(maple_ridge_many(ROWS, MOST, s.x, SIDES, s.y, s.penalty, c, &why), MAPLE_BAD_INPUT,
                  "a regression on 40 rows has no solution");
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ridges_solve_their_equations),  cmocka_unit_test(many_sides_are_many_ridges),
        cmocka_unit_test(weights_are_repetitions),       cmocka_unit_test(no_rows_are_no_coefficients),
        cmocka_unit_test(what_is_not_finite_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
