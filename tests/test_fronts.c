/* SPDX-License-Identifier: Apache-2.0 */
/* Fronts, hypervolumes, ranks, crowding and regret against brute force on random sets full of ties. */
#include "check.h"
#include "maple/search.h"
#include "public_data.h"
#include "scratch.h"
#include "spaces.h"

#include <math.h>

enum { MOST = 40 };

/* Small integers, so that ties are frequent; some NaN. */
static void draw(maple_rng *rng, double *values, size_t n, uint64_t levels, bool gaps) {
    for (size_t i = 0; i < n; i++)
        values[i] = gaps && maple_rng_below(rng, 12) == 0 ? NAN : 1 + (double)maple_rng_below(rng, levels);
}

static bool beats(const double *ms, const double *score, size_t a, size_t b) {
    return ms[a] <= ms[b] && score[a] >= score[b] && (ms[a] < ms[b] || score[a] > score[b]);
}

static bool on_front(const double *ms, const double *score, size_t n, size_t i) {
    if (isnan(ms[i]) || isnan(score[i]))
        return false;
    for (size_t k = 0; k < n; k++) {
        bool first_of_equals = k < i && ms[k] == ms[i] && score[k] == score[i];
        if (first_of_equals || beats(ms, score, k, i))
            return false;
    }
    return true;
}

static void front_is_what_nothing_beats(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(1);
    for (int trial = 0; trial < 500; trial++) {
        double ms[MOST], score[MOST];
        size_t n = (size_t)maple_rng_below(&rng, MOST + 1), rows[MOST], found = SIZE_MAX, expected = 0;
        draw(&rng, ms, n, trial % 2 ? 8 : 1000, true);
        draw(&rng, score, n, trial % 3 ? 8 : 1000, true);
        OK(maple_front(ms, score, n, rows, &found, &why));
        for (size_t i = 0; i < n; i++)
            expected += on_front(ms, score, n, i);
        assert_int_equal(found, expected);
        for (size_t i = 0; i < found; i++) {
            assert_true(on_front(ms, score, n, rows[i]));
            assert_true(i == 0 || (ms[rows[i]] > ms[rows[i - 1]] && score[rows[i]] > score[rows[i - 1]]));
        }
    }
}

/* Two latencies that are one float32 are one latency. */
static void front_compares_as_float32(void **state) {
    (void)state;
    double ms[] = {5.0, 5.0 + 1e-9, 6.0}, score[] = {70, 71, 72};
    size_t rows[3], n;
    OK(maple_front(ms, score, 3, rows, &n, &why));
    assert_int_equal(n, 2);
    assert_int_equal(rows[0], 1);
    assert_int_equal(rows[1], 2);
}

/* Of integer points and an integer reference: unit cells that some point dominates. */
static double count_cells(const double *ms, const double *score, size_t n, int reference_ms,
                          int reference_score) {
    double cells = 0;
    for (int x = 0; x < reference_ms; x++)
        for (int y = reference_score; y < 30; y++) {
            bool covered = false;
            for (size_t i = 0; i < n; i++)
                covered = covered || (ms[i] <= x && score[i] >= y + 1);
            cells += covered;
        }
    return cells;
}

static void hypervolume_counts_cells(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(2);
    for (int trial = 0; trial < 500; trial++) {
        double ms[MOST], score[MOST], got = NAN;
        size_t n = (size_t)maple_rng_below(&rng, MOST + 1);
        int reference_ms = (int)maple_rng_below(&rng, 25), reference_score = (int)maple_rng_below(&rng, 20);
        draw(&rng, ms, n, 20, true);
        draw(&rng, score, n, 20, true);
        OK(maple_hypervolume(ms, score, n, reference_ms, reference_score, &got, &why));
        assert_true(got == count_cells(ms, score, n, reference_ms, reference_score));
    }
    double ms[] = {2, 4}, score[] = {61, 70}, got;
    OK(maple_hypervolume(ms, score, 2, 10, 60, &got, &why)); /* 8 x 1 + 6 x 9 */
    assert_true(fabs(got - 62) < 1e-12);
}

/* --- Ranks and crowding --- */

static bool dominates(const double *a, const double *b, size_t m) {
    bool better = false;
    for (size_t i = 0; i < m; i++) {
        if (a[i] > b[i])
            return false;
        better |= a[i] < b[i];
    }
    return better;
}

/* Peels front after front. */
static void rank_by_peeling(const double *points, size_t n, size_t m, size_t *rank) {
    size_t left = n;
    for (size_t i = 0; i < n; i++)
        rank[i] = SIZE_MAX;
    for (size_t front = 0; left > 0; front++) {
        bool here[MOST] = {false};
        for (size_t i = 0; i < n; i++) {
            here[i] = rank[i] == SIZE_MAX;
            for (size_t k = 0; k < n && here[i]; k++)
                here[i] = rank[k] != SIZE_MAX || !dominates(points + k * m, points + i * m, m);
        }
        for (size_t i = 0; i < n; i++)
            if (here[i]) {
                rank[i] = front;
                left--;
            }
    }
}

/* A point's neighbours in its rank by searching for them. */
static double crowding_of(const double *points, size_t n, size_t m, const size_t *rank, size_t i) {
    double sum = 0;
    for (size_t o = 0; o < m; o++) {
        double own = points[i * m + o], low = own, high = own, below = -INFINITY, above = INFINITY;
        for (size_t k = 0; k < n; k++) {
            if (k == i || rank[k] != rank[i])
                continue;
            double other = points[k * m + o];
            bool before = other < own || (other == own && k < i);
            low = fmin(low, other);
            high = fmax(high, other);
            below = before ? fmax(below, other) : below;
            above = before ? above : fmin(above, other);
        }
        if (isinf(below) || isinf(above))
            return INFINITY;
        sum += high > low ? (above - below) / (high - low) : 0;
    }
    return sum;
}

static void ranks_and_crowding_match_brute_force(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(3);
    for (int trial = 0; trial < 400; trial++) {
        double points[MOST * 4], distance[MOST];
        size_t n = (size_t)maple_rng_below(&rng, MOST + 1), m = 2 + (size_t)maple_rng_below(&rng, 3);
        size_t rank[MOST], expected[MOST];
        draw(&rng, points, n * m, trial % 2 ? 5 : 1000, false);
        OK(maple_nondominated_sort(points, n, m, rank, &why));
        rank_by_peeling(points, n, m, expected);
        OK(maple_crowding(points, n, m, rank, distance, &why));
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(rank[i], expected[i]);
            double d = crowding_of(points, n, m, rank, i);
            assert_true(isinf(d) ? isinf(distance[i]) : fabs(d - distance[i]) <= 1e-12);
        }
    }
}

/* --- Decisions --- */

/* Worked out by hand: the prediction swaps the two fastest and loses the best below 6 ms. */
static void pareto_by_hand(void **state) {
    (void)state;
    double ms[] = {2, 3, 5, 8, NAN, 9}, predicted[] = {3, 2, 7, 6, 1, NAN},
           score[] = {62, 64, 70, 72, 99, 99};
    double budgets[] = {1, 2.5, 6, 8};
    maple_pareto p;
    maple_pareto_request q = {.latency_ms = ms,
                              .predicted_ms = predicted,
                              .score = score,
                              .n = 6,
                              .reference_ms = 10,
                              .reference_score = 60,
                              .budgets_ms = budgets,
                              .n_budgets = 4};
    OK(maple_pareto_compute(&q, &p, &why));
    assert_int_equal(p.n, 4);
    assert_int_equal(p.n_oracle, 4); /* each is slower and better than the one before */
    assert_int_equal(p.n_predicted, 2);
    assert_int_equal(p.predicted[0], 1);
    assert_int_equal(p.predicted[1], 3);
    assert_true(fabs(p.oracle_hypervolume - (8 * 2 + 7 * 2 + 5 * 6 + 2 * 2)) < 1e-12);
    assert_true(fabs(p.predicted_hypervolume - (7 * 4 + 2 * 8)) < 1e-12);
    assert_true(fabs(p.hypervolume_ratio - 44.0 / 64) < 1e-12);
    assert_true(p.front_share == 0.5);
    const maple_regret *r = p.regrets;
    assert_true(r[0].oracle == SIZE_MAX && r[0].chosen == SIZE_MAX && r[0].tries == 0 && isnan(r[0].regret));
    /* 2.5: only row 1 is predicted to meet it, and does not */
    assert_true(r[1].oracle == 0 && r[1].first == 1 && r[1].chosen == SIZE_MAX && r[1].tries == 1);
    assert_true(isnan(r[1].regret) && isnan(r[1].first_regret) && isnan(r[0].first_regret));
    /* 6: row 3 is tried first and takes 8, then row 1 */
    assert_true(r[2].oracle == 2 && r[2].first == 3 && r[2].chosen == 1 && r[2].tries == 2);
    assert_true(r[2].regret == 6 && isnan(r[2].first_regret)); /* alone it fails */
    assert_true(r[3].oracle == 3 && r[3].chosen == 3 && r[3].tries == 1 && r[3].regret == 0);
    assert_true(r[3].first_regret == 0);
    maple_pareto_free(&p);
    q.n = 0;
    FAILS(maple_pareto_compute(&q, &p, &why), MAPLE_BAD_INPUT, "no architecture has a latency");
}

/* With the truth as prediction nothing is lost; with any other, never less than nothing. */
static void pareto_of_the_truth_is_perfect(void **state) {
    (void)state;
    maple_rng rng = maple_rng_seed(4);
    for (int trial = 0; trial < 200; trial++) {
        double ms[MOST], predicted[MOST], score[MOST], budgets[] = {2, 5, 9, 14};
        draw(&rng, ms, MOST, 15, false);
        draw(&rng, score, MOST, 15, false);
        draw(&rng, predicted, MOST, 15, false);
        maple_pareto_request q = {ms, ms, score, MOST, 16, 0, budgets, 4};
        maple_pareto p;
        OK(maple_pareto_compute(&q, &p, &why));
        assert_true(p.hypervolume_ratio == 1 && p.front_share == 1);
        for (int i = 0; i < 4; i++)
            assert_true(isnan(p.regrets[i].regret) || (p.regrets[i].regret == 0 && p.regrets[i].tries == 1));
        maple_pareto_free(&p);
        q.predicted_ms = predicted;
        OK(maple_pareto_compute(&q, &p, &why));
        assert_true(p.hypervolume_ratio > 0 && p.hypervolume_ratio <= 1 && p.front_share <= 1);
        for (int i = 0; i < 4; i++)
            assert_true(isnan(p.regrets[i].regret) || p.regrets[i].regret >= 0);
        maple_pareto_free(&p);
    }
}

/* --- The list of candidates --- */

static void candidates_are_chosen_by_the_protocol(void **state) {
    (void)state;
    double accuracy[] = {70, 73, 71, 72, 75}, score[5] = {5, 4, 3, 2, 1};
    maple_arch archs[5];
    maple_candidates c = {.n = 5, .archs = archs, .accuracy = accuracy, .score = score};
    double predicted[] = {4, 9, NAN, 5, 5};
    assert_int_equal(maple_candidates_choose(&c, predicted, 5, 3), 4); /* of 0, 3, 4 */
    assert_int_equal(maple_candidates_choose(&c, predicted, 5, 2), 3);
    assert_int_equal(maple_candidates_choose(&c, predicted, 4.5, 3), 0);
    assert_int_equal(maple_candidates_choose(&c, predicted, 3, 3), SIZE_MAX);
}

static const char ARCH[] = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|";

static void candidates_are_read(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_candidates c;
    char text[512];
    snprintf(text, sizeof text, "12.5\n%s, 72.5, 0.001\r\n\n%s, 60, -2\n", ARCH, ARCH);
    OK(maple_write_file(in_scratch("c.txt"), text, strlen(text), &why));
    OK(maple_candidates_read(space, in_scratch("c.txt"), &c, &why));
    assert_int_equal(c.n, 2);
    assert_true(c.seconds == 12.5 && c.accuracy[0] == 72.5 && c.score[1] == -2);
    maple_candidates_free(&c);
    static const char *const BAD[][2] = {
        {"x\n", "c.txt:1: the seconds"},
        {"1\n", "no candidates"},
        {"1\na,b\n", "c.txt:2: a line 'architecture, accuracy, score'"},
        {"1\n\n|none~0|, 1, 2\n", "c.txt:3: architecture"},
        {"1\n"
         "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|, 70, 2\n"
         "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|, 71, 2.5\n",
         "c.txt:3: score 2.5 after 2: the most promising have to come first"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        OK(maple_write_file(in_scratch("c.txt"), BAD[i][0], strlen(BAD[i][0]), &why));
        FAILS(maple_candidates_read(space, in_scratch("c.txt"), &c, &why), MAPLE_BAD_INPUT, BAD[i][1]);
    }
    snprintf(text, sizeof text, "1\n%s, seventy, 2\n", ARCH);
    OK(maple_write_file(in_scratch("c.txt"), text, strlen(text), &why));
    FAILS(maple_candidates_read(space, in_scratch("c.txt"), &c, &why), MAPLE_BAD_INPUT, "seventy'");
}

static void published_candidates_are_read(void **state) {
    (void)state;
    const char *path = public_file("help/nasbench201/arch_generated_by_metad2a.txt");
    maple_candidates c;
    OK(maple_candidates_read(space_or_fail("nas-bench-201"), path, &c, &why));
    assert_int_equal(c.n, 500);
    assert_true(fabs(c.seconds - 116.993) < 1e-3);
    for (size_t i = 0; i < c.n; i++) {
        assert_true(c.accuracy[i] > 0 && c.accuracy[i] < 73.52);
        assert_true(i == 0 || c.score[i] <= c.score[i - 1]);
    }
    maple_candidates_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(front_is_what_nothing_beats),
        cmocka_unit_test(front_compares_as_float32),
        cmocka_unit_test(hypervolume_counts_cells),
        cmocka_unit_test(ranks_and_crowding_match_brute_force),
        cmocka_unit_test(pareto_by_hand),
        cmocka_unit_test(pareto_of_the_truth_is_perfect),
        cmocka_unit_test(candidates_are_chosen_by_the_protocol),
        cmocka_unit_test(candidates_are_read),
        cmocka_unit_test(published_candidates_are_read),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
