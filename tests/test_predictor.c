/* SPDX-License-Identifier: Apache-2.0 */
/* What every predictor answers, whatever it learns from. */
#include "predictor_fixture.h"

#include <pthread.h>

/* --- The registry --- */

static void registry_is_complete(void **state) {
    (void)state;
    assert_true(maple_predictor_count() >= 4);
    assert_null(maple_predictor_at(maple_predictor_count()));
    EACH_PREDICTOR(info) {
        const maple_predictor_info *found;
        assert_int_equal(maple_predictor_find(info->name, &found, NULL), MAPLE_OK);
        assert_ptr_equal(found, info);
        assert_non_null(info->description);
    }
    maple_error error;
    const maple_predictor_info *found;
    assert_int_equal(maple_predictor_find("oracle", &found, &error), MAPLE_NOT_FOUND);
    assert_non_null(strstr(error.message, "'oracle'"));
    assert_non_null(strstr(error.message, "maple, lut, lut-fit, flops"));
}

/* --- Predictions --- */

static void predictions_are_latencies_for_1_to_10_samples(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++) {
        fixture f;
        fixture_make_case(&f, i);
        EACH_PREDICTOR(info) {
            for (size_t n = (size_t)(info->min_samples > 1 ? info->min_samples : 1); n <= SAMPLES; n++) {
                f.request.target.n_samples = n;
                maple_predictor *predictor = fit_fast(info->name, &f.request);
                double predicted[ASKED];
                predict_or_fail(predictor, f.asked, ASKED, predicted);
                assert_all_latencies(predicted, ASKED);
                assert_ptr_equal(maple_predictor_describe(predictor), info);
                assert_ptr_equal(maple_predictor_space(predictor), f.space);
                assert_int_equal(maple_predictor_graph(predictor), f.form);
                maple_predictor_free(predictor);
            }
        }
        fixture_free(&f);
    }
}

static void same_seed_same_bits_in(size_t which) {
    fixture f;
    fixture_make_case(&f, which);
    EACH_PREDICTOR(info) {
        double first[ASKED], second[ASKED];
        maple_predictor *a = fit_fast(info->name, &f.request), *b = fit_fast(info->name, &f.request);
        predict_or_fail(a, f.asked, ASKED, first);
        predict_or_fail(b, f.asked, ASKED, second);
        assert_memory_equal(first, second, sizeof first);
        maple_predictor_free(a);
        maple_predictor_free(b);
    }
    fixture_free(&f);
}

static void same_seed_same_bits(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++)
        same_seed_same_bits_in(i);
}

static void one_at_a_time_agrees_with_all_together(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    EACH_PREDICTOR(info) {
        double together[ASKED];
        maple_predictor *predictor = fit_fast(info->name, &f.request);
        predict_or_fail(predictor, f.asked, ASKED, together);
        for (size_t i = 0; i < ASKED; i += 37) {
            double alone;
            predict_or_fail(predictor, &f.asked[i], 1, &alone);
            assert_true(fabs(alone / together[i] - 1) < 1e-5);
        }
        predict_or_fail(predictor, f.asked, 0, together);
        maple_predictor_free(predictor);
    }
    fixture_free(&f);
}

static void saved_and_loaded_gives_the_same_bits(void **state) {
    (void)state;
    const char *path = in_scratch("model.safetensors");
    for (size_t i = 0; i < case_count(); i++) {
        fixture f;
        fixture_make_case(&f, i);
        EACH_PREDICTOR(info) {
            double before[ASKED], after[ASKED];
            maple_predictor *predictor = fit_fast(info->name, &f.request), *loaded = NULL;
            predict_or_fail(predictor, f.asked, ASKED, before);
            maple_error error = {.message = ""};
            assert_int_equal(maple_predictor_save(predictor, "my \"platform\"", path, &error), MAPLE_OK);
            char *platform = NULL;
            if (maple_predictor_load(path, &loaded, &platform, &error) != MAPLE_OK)
                fail_msg("%s: %s", info->name, error.message);
            assert_string_equal(platform, "my \"platform\"");
            assert_ptr_equal(maple_predictor_describe(loaded), info);
            assert_int_equal(maple_predictor_graph(loaded), f.form);
            predict_or_fail(loaded, f.asked, ASKED, after);
            assert_memory_equal(before, after, sizeof before);
            maple_free(platform);
            maple_predictor_free(loaded);
            maple_predictor_free(predictor);
        }
        fixture_free(&f);
    }
}

static void degenerate_is_nan_on_pruned_and_finite_as_written(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        maple_arch archs[3] = {f.asked[0], f.asked[1], f.asked[2]};
        assert_int_equal(
            maple_space_parse(f.space, "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", &archs[1], NULL),
            MAPLE_OK);
        EACH_PREDICTOR(info) {
            double predicted[3];
            maple_predictor *predictor = fit_fast(info->name, &f.request);
            predict_or_fail(predictor, archs, 3, predicted);
            assert_true(isfinite(predicted[0]) && isfinite(predicted[2]));
            assert_true(form == MAPLE_GRAPH_PRUNED ? isnan(predicted[1]) : isfinite(predicted[1]));
            maple_predictor_free(predictor);
        }
        fixture_free(&f);
    }
}

/* Order matters only through rounding and the shuffling of training rows: closed-form predictors agree to
 * 1e-9, a network that saw its batches in another order to a few percent. */
static void permuted_samples_give_nearly_the_same_in(size_t which) {
    fixture f;
    fixture_make_case(&f, which);
    EACH_PREDICTOR(info) {
        double before[ASKED], after[ASKED];
        double bound = info->needs_pool ? 0.05 : 1e-9;
        fit_and_ask(&f, info->name, &f.request, before);
        maple_arch archs[SAMPLES];
        double latency_ms[SAMPLES];
        for (size_t i = 0; i < SAMPLES; i++) {
            archs[i] = f.samples[(i * 3 + 1) % SAMPLES];
            latency_ms[i] = f.latency_ms[(i * 3 + 1) % SAMPLES];
        }
        maple_fit_request request = f.request;
        request.target.archs = archs;
        request.target.latency_ms = latency_ms;
        fit_and_ask(&f, info->name, &request, after);
        for (size_t i = 0; i < ASKED; i++)
            assert_true(fabs(after[i] / before[i] - 1) < bound);
    }
    fixture_free(&f);
}

static void permuted_samples_give_nearly_the_same(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++)
        permuted_samples_give_nearly_the_same_in(i);
}

static void duplicates_and_constants_are_fitted(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    EACH_PREDICTOR(info) {
        maple_arch same[SAMPLES];
        double constant[SAMPLES], predicted[ASKED];
        for (size_t i = 0; i < SAMPLES; i++) {
            same[i] = f.samples[0];
            constant[i] = 3.5;
        }
        maple_fit_request request = f.request;
        request.target.archs = same; /* one architecture, ten times, ten latencies */
        fit_and_ask(&f, info->name, &request, predicted);

        request = f.request;
        request.target.latency_ms = constant; /* ten architectures, one latency */
        fit_and_ask(&f, info->name, &request, predicted);

        /* A pool without any variation. */
        synthetic_pool pool = synthetic_pool_make(f.space, f.form, 2, 20, 6);
        add_references(&pool, 6);
        for (size_t p = 0; p < 2; p++)
            for (size_t i = 0; i < 20; i++)
                pool.dataset.platforms[p].latency_ms[i] = 1;
        request.pool = &pool.dataset;
        request.n_sources = 2;
        fit_and_ask(&f, info->name, &request, predicted);
        synthetic_pool_free(&pool);
    }
    fixture_free(&f);
}

static void extreme_scales_stay_latencies_in(size_t which) {
    fixture f;
    fixture_make_case(&f, which);
    const double scales[] = {1e-6, 1e6};
    for (int s = 0; s < 2; s++)
        EACH_PREDICTOR(info) {
            double scaled[SAMPLES], predicted[ASKED];
            for (size_t i = 0; i < SAMPLES; i++)
                scaled[i] = f.latency_ms[i] * scales[s];
            maple_fit_request request = f.request;
            request.target.latency_ms = scaled;
            fit_and_ask(&f, info->name, &request, predicted);
        }
    fixture_free(&f);
}

static void extreme_scales_stay_latencies(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++)
        extreme_scales_stay_latencies_in(i);
}

/* --- Threads --- */

typedef struct reader {
    const maple_predictor *predictor;
    const fixture *f;
    double predicted[ASKED];
    maple_status status;
} reader;

static void *predict_again_and_again(void *user) {
    reader *r = user;
    for (int i = 0; i < 5 && r->status == MAPLE_OK; i++)
        r->status = maple_predictor_predict(r->predictor, r->f->asked, ASKED, r->predicted, NULL);
    return NULL;
}

static void predict_is_safe_from_threads_in(size_t which) {
    enum { THREADS = 4 };
    fixture f;
    fixture_make_case(&f, which);
    EACH_PREDICTOR(info) {
        double expected[ASKED];
        maple_predictor *predictor = fit_fast(info->name, &f.request);
        predict_or_fail(predictor, f.asked, ASKED, expected);
        pthread_t threads[THREADS];
        reader readers[THREADS];
        for (int i = 0; i < THREADS; i++) {
            readers[i] = (reader){.predictor = predictor, .f = &f};
            assert_int_equal(pthread_create(&threads[i], NULL, predict_again_and_again, &readers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(readers[i].status, MAPLE_OK);
            assert_memory_equal(readers[i].predicted, expected, sizeof expected);
        }
        maple_predictor_free(predictor);
    }
    fixture_free(&f);
}

static void predict_is_safe_from_threads(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++)
        predict_is_safe_from_threads_in(i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry_is_complete),
        cmocka_unit_test(predictions_are_latencies_for_1_to_10_samples),
        cmocka_unit_test(same_seed_same_bits),
        cmocka_unit_test(one_at_a_time_agrees_with_all_together),
        cmocka_unit_test(saved_and_loaded_gives_the_same_bits),
        cmocka_unit_test(degenerate_is_nan_on_pruned_and_finite_as_written),
        cmocka_unit_test(permuted_samples_give_nearly_the_same),
        cmocka_unit_test(duplicates_and_constants_are_fitted),
        cmocka_unit_test(extreme_scales_stay_latencies),
        cmocka_unit_test(predict_is_safe_from_threads),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
