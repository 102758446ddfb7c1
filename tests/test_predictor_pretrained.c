/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting in two steps: what is learned from the sources serves every target. */
#include "check.h"
#include "predictor_fixture.h"

#include <pthread.h>

static maple_pretrained *pretrain_or_fail(const char *name, const maple_fit_request *request) {
    maple_pretrained *pretrained = NULL;
    maple_error error = {.message = ""};
    maple_fit_request copy = *request;
    if (!copy.options)
        copy.options = options_for(name);
    if (maple_predictor_pretrain(name, &copy, &pretrained, &error) != MAPLE_OK)
        fail_msg("%s: %s", name, error.message);
    return pretrained;
}

static void adapt_and_predict(const maple_pretrained *pretrained, const fixture *f, double *predicted) {
    maple_predictor *predictor = NULL;
    maple_error error = {.message = ""};
    if (maple_pretrained_adapt(pretrained, &f->request, &predictor, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    predict_or_fail(predictor, f->asked, ASKED, predicted);
    maple_predictor_free(predictor);
}

static void fit_is_pretrain_and_adapt(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++) {
        fixture f;
        fixture_make_case(&f, i);
        EACH_PREDICTOR(info) {
            if (!info->pretrains)
                continue;
            double in_one[ASKED], in_two[ASKED];
            fit_and_ask(&f, info->name, &f.request, in_one);
            maple_fit_request request = f.request;
            request.target = (maple_target){0}; /* what is learned first depends on no target */
            maple_pretrained *pretrained = pretrain_or_fail(info->name, &request);
            for (int again = 0; again < 2; again++) { /* nor does one adaptation change the next */
                adapt_and_predict(pretrained, &f, in_two);
                assert_memory_equal(in_one, in_two, sizeof in_one);
            }
            maple_pretrained_free(pretrained);
        }
        fixture_free(&f);
    }
}

static void saved_pretrained_adapts_to_the_same_bits_in(size_t which) {
    const char *path = in_scratch("model.safetensors");
    fixture f;
    fixture_make_case(&f, which);
    EACH_PREDICTOR(info) {
        if (!info->pretrains)
            continue;
        double before[ASKED], after[ASKED];
        maple_error error = {.message = ""};
        maple_pretrained *pretrained = pretrain_or_fail(info->name, &f.request), *loaded = NULL;
        adapt_and_predict(pretrained, &f, before);
        assert_int_equal(maple_pretrained_save(pretrained, "four \"sources\"", path, &error), MAPLE_OK);
        assert_int_equal(maple_pretrained_load(path, "others", &loaded, &error), MAPLE_NOT_FOUND);
        assert_null(loaded);
        assert_non_null(strstr(error.message, "trained on 'four \"sources\"', wanted is 'others'"));
        if (maple_pretrained_load(path, "four \"sources\"", &loaded, &error) != MAPLE_OK)
            fail_msg("%s: %s", info->name, error.message);
        maple_pretrained_free(pretrained);
        adapt_and_predict(loaded, &f, after);
        assert_memory_equal(before, after, sizeof before);
        maple_pretrained_free(loaded);
        maple_predictor *predictor = NULL; /* not a model that predicts */
        assert_int_equal(maple_predictor_load(path, &predictor, NULL, &error), MAPLE_BAD_INPUT);
        assert_non_null(strstr(error.message, "format 'maple-pretrained', expected 'maple-predictor'"));
    }
    fixture_free(&f);
}

/* One flipped bit in any part of the file: refused, naming the file and what to do. */
static void damaged_pretrained_is_refused(void **state) {
    (void)state;
    const char *path = in_scratch("model.safetensors");
    char *file;
    size_t bytes;
    fixture f;
    fixture_make_case(&f, 0);
    maple_pretrained *pretrained = pretrain_or_fail("nearest", &f.request), *loaded = NULL;
    OK(maple_pretrained_save(pretrained, "key", path, &why));
    maple_pretrained_free(pretrained);
    OK(maple_read_file(path, 1 << 24, &file, &bytes, &why));
    for (int i = 0; i <= 64; i++) {
        size_t at = (bytes - 1) * (size_t)i / 64;
        file[at] = (char)(file[at] ^ 1 << i % 8);
        OK(maple_write_file(path, file, bytes, &why));
        FAILS(maple_pretrained_load(path, "key", &loaded, &why), MAPLE_BAD_INPUT, "damaged");
        assert_null(loaded);
        assert_non_null(strstr(why.message, path));
        assert_non_null(strstr(why.message, "fit and save the model again"));
        file[at] = (char)(file[at] ^ 1 << i % 8);
    }
    maple_free(file);
    fixture_free(&f);
}

static void saved_pretrained_adapts_to_the_same_bits(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++)
        saved_pretrained_adapts_to_the_same_bits_in(i);
}

typedef struct adapter {
    const maple_pretrained *pretrained;
    const fixture *f;
    double predicted[ASKED];
    maple_status status;
} adapter;

static void *adapt_again_and_again(void *user) {
    adapter *a = user;
    for (int i = 0; i < 3 && a->status == MAPLE_OK; i++) {
        maple_predictor *predictor = NULL;
        a->status = maple_pretrained_adapt(a->pretrained, &a->f->request, &predictor, NULL);
        if (a->status == MAPLE_OK)
            a->status = maple_predictor_predict(predictor, a->f->asked, ASKED, a->predicted, NULL);
        maple_predictor_free(predictor);
    }
    return NULL;
}

static void adapt_is_safe_from_threads_in(size_t which) {
    enum { THREADS = 4 };
    fixture f;
    fixture_make_case(&f, which);
    EACH_PREDICTOR(info) {
        if (!info->pretrains)
            continue;
        double expected[ASKED];
        maple_pretrained *pretrained = pretrain_or_fail(info->name, &f.request);
        adapt_and_predict(pretrained, &f, expected);
        pthread_t threads[THREADS];
        adapter adapters[THREADS];
        for (int i = 0; i < THREADS; i++) {
            adapters[i] = (adapter){.pretrained = pretrained, .f = &f};
            assert_int_equal(pthread_create(&threads[i], NULL, adapt_again_and_again, &adapters[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(adapters[i].status, MAPLE_OK);
            assert_memory_equal(adapters[i].predicted, expected, sizeof expected);
        }
        maple_pretrained_free(pretrained);
    }
    fixture_free(&f);
}

static void adapt_is_safe_from_threads(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++)
        adapt_is_safe_from_threads_in(i);
}

static void pretraining_refuses_what_fitting_refuses(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    EACH_PREDICTOR(info) {
        maple_pretrained *pretrained = NULL;
        maple_error error = {.message = ""};
        maple_fit_request request = f.request;
        if (!info->pretrains) {
            assert_int_equal(maple_predictor_pretrain(info->name, &request, &pretrained, &error),
                             MAPLE_BAD_ARGUMENT);
            assert_non_null(strstr(error.message, "is not pre-trained: it is fitted for each target"));
            continue;
        }
        request.options = "nonsense=1";
        assert_int_equal(maple_predictor_pretrain(info->name, &request, &pretrained, &error),
                         MAPLE_BAD_ARGUMENT);
        request = f.request;
        request.pool = NULL;
        assert_int_equal(maple_predictor_pretrain(info->name, &request, &pretrained, &error),
                         MAPLE_BAD_INPUT);
        assert_null(pretrained);
        pretrained = pretrain_or_fail(info->name, &f.request);
        maple_predictor *predictor = NULL;
        request = f.request;
        double bad = -1;
        request.target.latency_ms = &bad;
        request.target.n_samples = 1;
        assert_int_equal(maple_pretrained_adapt(pretrained, &request, &predictor, &error), MAPLE_BAD_INPUT);
        request = f.request;
        request.sources = NULL;
        request.n_sources = 0;
        assert_int_equal(maple_pretrained_adapt(pretrained, &request, &predictor, &error), MAPLE_BAD_INPUT);
        assert_null(predictor);
        maple_pretrained_free(pretrained);
    }
    fixture_free(&f);
}

static void free_of_null_does_nothing(void **state) {
    (void)state;
    maple_predictor_free(NULL);
    maple_pretrained_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fit_is_pretrain_and_adapt),
        cmocka_unit_test(saved_pretrained_adapts_to_the_same_bits),
        cmocka_unit_test(damaged_pretrained_is_refused),
        cmocka_unit_test(adapt_is_safe_from_threads),
        cmocka_unit_test(pretraining_refuses_what_fitting_refuses),
        cmocka_unit_test(free_of_null_does_nothing),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
