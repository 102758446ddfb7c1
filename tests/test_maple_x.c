/* SPDX-License-Identifier: Apache-2.0 */
/* MAPLE-X in `maple`: similarity weights and virtual examples, against what the test computes itself. */
#include "maple_fixture.h"
#include "predictor/maple_model.h"
#include "scratch.h"

/* --- Weights --- */

static void similarity_is_a_gaussian_of_the_distance(void **state) {
    (void)state;
    /* Sources at distances 5, 0, 1, 2 of the target, the last: the median is 1.5, the width 2 x 1.5 = 3. */
    const float s[5][2] = {{3, 4}, {0, 0}, {1, 0}, {0, -2}, {0, 0}};
    const double expected[4] = {exp(-25 / 18.0), 1, exp(-1 / 18.0), exp(-4 / 18.0)};
    double weight[4];
    assert_int_equal(maple_similarity(&s[0][0], 4, 2, 2, weight, NULL), MAPLE_OK);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(weight[i] - expected[i]) < 1e-12);
    assert_int_equal(maple_similarity(&s[0][0], 4, 0, 2, weight, NULL), MAPLE_OK); /* no S */
    for (int i = 0; i < 4; i++)
        assert_true(weight[i] == 1);
    const float same[4] = {7, 7, 9, 7}; /* two of three are like the target: it tells nothing apart */
    assert_int_equal(maple_similarity(same, 3, 1, 1, weight, NULL), MAPLE_OK);
    assert_true(weight[0] == 1 && weight[1] == 1 && weight[2] == 1);
}

enum { POOL_ROWS = 4, ROWS = 10 };

/* Four rows of the pool, three of them of source 0; two samples, a reference, three virtual examples. */
static void assert_weights(maple_training *t, const double *pool, double sample, double reference,
                           double virtual_) {
    const double raw[ROWS] = {pool[0], pool[0],   pool[1],  pool[0],  sample,
                              sample,  reference, virtual_, virtual_, virtual_};
    float weight[ROWS];
    double mean = 0;
    maple_row_weights(t, 0.1, weight);
    for (int i = 0; i < ROWS; i++)
        mean += raw[i] / ROWS;
    for (int i = 0; i < ROWS; i++)
        if (fabs((double)weight[i] - raw[i] / mean) > 1e-6)
            fail_msg("row %d: weight %g, expected %g", i, (double)weight[i], raw[i] / mean);
}

static void rows_count_as_the_papers_say(void **state) {
    (void)state;
    uint32_t platform[ROWS] = {0, 0, 1, 0, 2, 2, 2, 2, 2, 2};
    double similarity[2] = {0.5, 2};
    maple_training t = {.n = ROWS,
                        .n_pool = POOL_ROWS,
                        .n_samples = 2,
                        .n_virtual = 3,
                        .platform = platform,
                        .n_platforms = 3};
    const double alike[2] = {0.5, 0.5}; /* 1 / sqrt(4) */
    /* Mean similarity of the rows: (3 x 0.5 + 2) / 4 = 0.875. */
    const double weighted[2] = {0.5 * 0.5 / 0.875, 2 * 0.5 / 0.875};
    t.reference_samples = REFERENCES_IN_BASE;
    assert_weights(&t, alike, 0.1 / sqrt(5), 0, 0.1 / sqrt(5));
    t.reference_samples = REFERENCES_IN_BOTH;
    assert_weights(&t, alike, 0.1 / sqrt(6), 0.1 / sqrt(6), 0.1 / sqrt(6));
    t.source_weight = similarity;
    assert_weights(&t, weighted, 0.1 / sqrt(6), 0.1 / sqrt(6), 0.1 / sqrt(6));
}

/* Similarity moves emphasis between sources, and nothing where they are all alike. */
static void similarity_reaches_the_loss(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    double off[ASKED], on[ASKED], wide[ASKED];
    fit_and_predict("maple", &f.request, f.asked, ASKED, off);
    f.request.options = "epochs=10,width=32,embedding=8,similarity=true,similarity_width=0.5";
    fit_and_predict("maple", &f.request, f.asked, ASKED, on);
    f.request.options = "epochs=10,width=32,embedding=8,similarity=true,similarity_width=1000";
    fit_and_predict("maple", &f.request, f.asked, ASKED, wide);
    assert_memory_not_equal(off, on, sizeof on);
    double far = 0, near = 0;
    for (size_t i = 0; i < ASKED; i++) {
        far = fmax(far, fabs(log(on[i] / off[i])));
        near = fmax(near, fabs(log(wide[i] / off[i])));
    }
    if (!(near < 0.1 * far))
        fail_msg("weights that are alike move predictions by %g, others by %g", near, far);
    fixture_free(&f);
}

/* --- Virtual examples --- */

enum { COUNT = 3 };

static void parse(const char *text, double *options) {
    maple_error error = {.message = ""};
    extern const maple_predictor_vtable maple_predictor_maple;
    if (maple_options_parse(&maple_predictor_maple, text, options, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
}

static maple_training build(const fixture *f, const maple_fit_request *request, const char *text) {
    double options[MAPLE_MAX_OPTIONS];
    maple_training t = {0};
    maple_error error = {.message = ""};
    (void)f;
    parse(text, options);
    if (maple_training_build(request, options, &t, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    return t;
}

/* Samples that every source has, too; no references. */
static maple_fit_request with_known_samples(fixture *f) {
    maple_fit_request request = f->request;
    for (size_t i = 0; i < 3; i++)
        f->samples[i] =
            maple_space_canonical(f->space, request.target.graph, &f->pool.dataset.archs[20 + 30 * i]);
    request.target.reference_ms = NULL;
    return request;
}

/* The largest |log ratio| of what the sources measured of two rows of the pool. */
static double off_by(const fixture *f, size_t a, size_t b) {
    double most = 0;
    for (size_t p = 0; p + 1 < PLATFORMS; p++) {
        const double *ms = f->pool.dataset.platforms[p].latency_ms;
        most = fmax(most, fabs(log(ms[b] / ms[a])));
    }
    return most;
}

/* Which rows each of the samples 20, 50, 80 of the pool borrows: the nearest three within the bound, of those
 * that are nearer to no other sample; -1 where there are fewer. */
static size_t expect_loans(const fixture *f, double within, ptrdiff_t expected[3][COUNT]) {
    size_t total = 0;
    for (size_t s = 0; s < 3; s++) {
        double last = -1;
        for (size_t k = 0; k < COUNT; k++) {
            double best = INFINITY;
            expected[s][k] = -1;
            for (size_t i = 0; i < f->request.n_train; i++) {
                size_t row = f->train[i];
                double here = off_by(f, 20 + 30 * s, row);
                bool lent = here <= within && here > last && here < best;
                for (size_t other = 0; other < 3; other++)
                    lent = lent && row != 20 + 30 * other && off_by(f, 20 + 30 * other, row) >= here;
                if (lent) {
                    best = here;
                    expected[s][k] = (ptrdiff_t)row;
                }
            }
            last = best;
            total += expected[s][k] >= 0;
        }
    }
    return total;
}

static void virtual_examples_are_the_nearest_on_every_source(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        maple_fit_request request = with_known_samples(&f);
        ptrdiff_t expected[3][COUNT];
        size_t total = expect_loans(&f, 0.25, expected);
        assert_true(total > 3 && total < 3 * COUNT + 1);
        maple_training t = build(&f, &request, "virtual=true,virtual_count=3,virtual_within=0.25");
        assert_int_equal(t.n_virtual, total);
        assert_int_equal(t.n, t.n_pool + 3 + total);
        assert_int_equal(maple_training_known(&t), 3); /* the base is fitted to what was measured */
        size_t row = t.n_pool + 3;
        for (size_t s = 0; s < 3; s++)
            for (size_t k = 0; k < COUNT && expected[s][k] >= 0; k++, row++) {
                maple_arch arch = maple_space_canonical(f.space, (maple_graph_form)form,
                                                        &f.pool.dataset.archs[expected[s][k]]);
                assert_true(maple_arch_equal(&arch, &t.archs[row]));
                assert_memory_equal(t.codes + row * t.positions, arch.op, t.positions);
                assert_int_equal(t.platform[row], PLATFORMS - 1);
                assert_true(t.log_ms[row - t.n_pool] == log(f.latency_ms[s]));
            }
        maple_training_release(&t);
        t = build(&f, &request, "virtual=both,virtual_count=3,virtual_within=0.25");
        assert_int_equal(maple_training_known(&t), 3 + total);
        maple_training_release(&t);
        t = build(&f, &request, "virtual=true,virtual_within=0");
        assert_int_equal(t.n_virtual, 0);
        maple_training_release(&t);
        fixture_free(&f);
    }
}

/* A measured network that no source has: similar by the sources' bases. */
static void unknown_samples_borrow_by_the_base(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    maple_fit_request request = f.request;
    request.target.reference_ms = NULL;
    maple_training t = build(&f, &request, "virtual=true,virtual_count=5,virtual_within=0.2");
    assert_true(t.n_virtual > 0 && t.n_virtual <= 15);
    for (size_t v = t.n - t.n_virtual; v < t.n; v++) {
        size_t lender = 0;
        while (lender < 3 && t.log_ms[v - t.n_pool] != log(f.latency_ms[lender]))
            lender++;
        assert_true(lender < 3);
        for (size_t p = 0; p + 1 < PLATFORMS; p++) {
            maple_model_context context = maple_training_context(&request, &t, p);
            double a, b;
            assert_int_equal(maple_base_log(&t.base[p], &context, &f.samples[lender], &a, NULL), MAPLE_OK);
            assert_int_equal(maple_base_log(&t.base[p], &context, &t.archs[v], &b, NULL), MAPLE_OK);
            assert_true(fabs(a - b) <= 0.2);
        }
        for (size_t other = t.n_pool; other < t.n; other++) /* nothing twice, nothing that was measured */
            assert_true(other == v || !maple_arch_equal(&t.archs[other], &t.archs[v]));
    }
    maple_training_release(&t);
    fixture_free(&f);
}

/* --- The predictor --- */

static void off_is_what_it_was_and_a_saved_model_is_the_same(void **state) {
    (void)state;
    const char *path = in_scratch("maple-x.safetensors");
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    double plain[ASKED], off[ASKED], on[ASKED], loaded[ASKED];
    fit_and_predict("maple", &f.request, f.asked, ASKED, plain);
    f.request.options = "epochs=10,width=32,embedding=8,virtual=false,virtual_count=7,similarity=false";
    fit_and_predict("maple", &f.request, f.asked, ASKED, off);
    assert_memory_equal(plain, off, sizeof off);
    const char *const each[] = {
        "epochs=10,width=32,embedding=8,virtual=true,virtual_within=0.2",
        "epochs=10,width=32,embedding=8,virtual=both,virtual_within=0.2,similarity=true"};
    for (int i = 0; i < 2; i++) {
        maple_predictor *predictor, *again = NULL;
        f.request.options = each[i];
        predictor = fit_or_fail("maple", &f.request);
        predict_or_fail(predictor, f.asked, ASKED, on);
        assert_memory_not_equal(plain, on, sizeof on);
        assert_int_equal(maple_predictor_save(predictor, "x", path, NULL), MAPLE_OK);
        assert_int_equal(maple_predictor_load(path, &again, NULL, NULL), MAPLE_OK);
        predict_or_fail(again, f.asked, ASKED, loaded);
        assert_memory_equal(on, loaded, sizeof on);
        maple_predictor_free(predictor);
        maple_predictor_free(again);
    }
    f.request.options = "virtual=both,reference_samples=loss";
    assert_refused("maple", &f.request, MAPLE_BAD_ARGUMENT, "use virtual=true");
    f.request.options = "virtual=yes";
    assert_refused("maple", &f.request, MAPLE_BAD_ARGUMENT, "expected one of false|true|both");
    fixture_free(&f);
}

/* --- Kinds of counters --- */

static size_t columns_used(const maple_space *space, int kind, const maple_measured *m) {
    maple_axes axes;
    maple_parts parts = {.counters = kind};
    assert_int_equal(maple_axes_learn(space, parts, m, 3, &m[3], &axes, NULL), MAPLE_OK);
    size_t used = axes.used;
    maple_axes_release(&axes);
    return used;
}

static void counters_of_one_kind_can_be_asked_for(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    const char *const providers[4] = {"perf", "callgrind", "perf", "perf"}; /* the last is the target */
    maple_measured m[4];
    for (int i = 0; i < 4; i++)
        m[i] = (maple_measured){.counters_warm = f.pool.truth[i].warm, .provider = providers[i]};
    assert_int_equal(columns_used(f.space, COUNTERS_NONE, m), 0);
    assert_true(columns_used(f.space, COUNTERS_ANY, m) > 0);
    assert_true(columns_used(f.space, COUNTERS_REAL, m) > 0);
    assert_int_equal(columns_used(f.space, COUNTERS_SIMULATED, m), 0); /* the target's are not */
    m[2].provider = NULL;
    assert_int_equal(columns_used(f.space, COUNTERS_REAL, m), 0); /* one source is not enough */
    m[2].provider = m[3].provider = "callgrind";
    assert_true(columns_used(f.space, COUNTERS_SIMULATED, m) > 0);
    assert_int_equal(columns_used(f.space, COUNTERS_REAL, m), 0);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(similarity_is_a_gaussian_of_the_distance),
        cmocka_unit_test(rows_count_as_the_papers_say),
        cmocka_unit_test(similarity_reaches_the_loss),
        cmocka_unit_test(virtual_examples_are_the_nearest_on_every_source),
        cmocka_unit_test(unknown_samples_borrow_by_the_base),
        cmocka_unit_test(off_is_what_it_was_and_a_saved_model_is_the_same),
        cmocka_unit_test(counters_of_one_kind_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
