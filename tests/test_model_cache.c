/* SPDX-License-Identifier: Apache-2.0 */
/* Pre-trained models that are kept: learned once, under all that they depend on, and never to the harm of a
 * result. */
#include "check.h"
#include "predictor_fixture.h"
#include "sqlite_check.h"

static const char *folder, *store;
static char said[4096];

static void hear(void *user, maple_log_level level, const char *message) {
    (void)user;
    if (level == MAPLE_LOG_WARNING)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", message);
}

static const maple_hooks HOOKS = {.log = hear};

static maple_model_cache *open_cache(void) {
    maple_model_cache *cache;
    OK(maple_model_cache_open(folder, &HOOKS, &cache, &why));
    return cache;
}

/* Predictions of a fit with the cache's models; NULL: without. */
static void ask(maple_model_cache *cache, const fixture *f, const char *name, double *predicted) {
    maple_predictor *predictor;
    maple_fit_request request = f->request;
    request.hooks = &HOOKS;
    if (!request.options)
        request.options = options_for(name);
    OK(maple_model_cache_fit(cache, name, &request, &predictor, &why));
    predict_or_fail(predictor, f->asked, ASKED, predicted);
    maple_predictor_free(predictor);
}

/* The same with a cache that is opened for it, as by another process. */
static void ask_kept(const fixture *f, const char *name, double *predicted) {
    maple_model_cache *cache = open_cache();
    ask(cache, f, name, predicted);
    maple_model_cache_close(cache);
}

static int64_t entries(void) {
    return query_int(store, "SELECT count(*) FROM entry");
}

/* Every entry gets a mark, which is gone where one is put again. */
static void mark(void) {
    execute_sql(store, "UPDATE entry SET used_s = 99999999999");
}

static int64_t unmarked(void) {
    return query_int(store, "SELECT count(*) FROM entry WHERE used_s <> 99999999999");
}

/* Every predictor that pre-trains: three processes, one training, the same bits as without a cache. */
static void learned_once(void **state) {
    (void)state;
    size_t predictors = 0;
    for (size_t i = 0; i < case_count(); i++) {
        fixture f;
        fixture_make_case(&f, i);
        EACH_PREDICTOR(info) {
            double without[ASKED], with[ASKED];
            if (!info->pretrains)
                continue;
            ask(NULL, &f, info->name, without);
            ask_kept(&f, info->name, with);
            assert_memory_equal(with, without, sizeof with);
            mark();
            for (int again = 0; again < 2; again++) {
                ask_kept(&f, info->name, with);
                assert_memory_equal(with, without, sizeof with);
                assert_int_equal(unmarked(), 0);
            }
            predictors++;
        }
        fixture_free(&f);
    }
    assert_true(predictors > case_count());
    assert_string_equal(said, "");
}

/* The target, its samples and its seedless rest belong to the second step. */
static void targets_share_it(void **state) {
    (void)state;
    fixture f;
    double without[ASKED], with[ASKED];
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_model_cache *cache = open_cache();
    ask(cache, &f, "gp", with);
    mark();
    f.request.target.n_samples = 3;
    ask(cache, &f, "gp", with);
    f.request.target.operator_ms = NULL;
    ask(cache, &f, "gp", with);
    f.request.target.graph = MAPLE_GRAPH_AS_WRITTEN;
    ask(cache, &f, "gp", with);
    ask(NULL, &f, "gp", without);
    assert_memory_equal(with, without, sizeof with);
    assert_int_equal(entries(), 1);
    assert_int_equal(unmarked(), 0);
    maple_model_cache_close(cache);
    fixture_free(&f);
}

/* Several draws: one training, told once, with the time of its making where it was kept; the bits of a fit.
 */
static void fits_again(void **state) {
    (void)state;
    fixture f;
    double alone[ASKED], again[ASKED], made_ms = 0;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    for (int kept = 0; kept < 3; kept++) { /* without a cache, into it, out of it */
        maple_model_cache *cache = kept > 0 ? open_cache() : NULL;
        maple_pretrained *pretrained = NULL, *first = NULL;
        for (size_t n = 3; n <= 4; n++) {
            maple_predictor *predictor;
            maple_fit_times times = {-1, -1};
            f.request.target.n_samples = n;
            ask(NULL, &f, "gp", alone);
            OK(maple_model_cache_fit_again(cache, "gp", &f.request, &pretrained, &times, &predictor, &why));
            predict_or_fail(predictor, f.asked, ASKED, again);
            maple_predictor_free(predictor);
            assert_memory_equal(again, alone, sizeof alone);
            assert_true(times.adapt_ms > 0 && (n == 3 ? times.pretrain_ms > 0 : times.pretrain_ms == -1));
            if (n == 3)
                first = pretrained;
            if (n == 3 && kept == 1)
                made_ms = times.pretrain_ms;
            if (n == 3 && kept == 2)
                assert_true(times.pretrain_ms == made_ms);
            assert_true(pretrained && pretrained == first);
        }
        maple_pretrained_free(pretrained);
        maple_model_cache_close(cache);
    }
    assert_int_equal(entries(), 1);
    /* What does not pre-train is fitted; what cannot be fitted is not trained for. */
    maple_pretrained *none = NULL;
    maple_predictor *predictor;
    maple_fit_times times = {-1, -1};
    OK(maple_model_cache_fit_again(NULL, "scratch", &f.request, &none, &times, &predictor, &why));
    assert_true(!none && times.pretrain_ms == -1 && times.adapt_ms > 0);
    maple_predictor_free(predictor);
    f.latency_ms[1] = -1;
    FAILS(maple_model_cache_fit_again(NULL, "gp", &f.request, &none, &times, &predictor, &why),
          MAPLE_BAD_INPUT, "sample 2");
    assert_true(!none && times.pretrain_ms == -1);
    fixture_free(&f);
}

/* After a change a model is trained anew, and gives what it gives without a cache. */
static void learns_anew(const fixture *f, const char *what) {
    double without[ASKED], with[ASKED];
    int64_t before = entries();
    ask(NULL, f, "gp", without);
    ask_kept(f, "gp", with);
    assert_memory_equal(with, without, sizeof with);
    if (entries() != before + 1)
        fail_msg("%s: %d entries, before there were %d", what, (int)entries(), (int)before);
    ask_kept(f, "gp", with);
    assert_int_equal(entries(), before + 1);
}

static void whatever_it_depends_on(void **state) {
    (void)state;
    static const size_t SOME[] = {3, 1, 4, 15, 92, 6, 5, 35, 89, 7},
                        OTHERS[] = {3, 1, 4, 15, 92, 6, 5, 35, 89, 8};
    fixture f;
    double predicted[ASKED];
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_dataset_platform *source = &f.pool.dataset.platforms[1];
    ask_kept(&f, "gp", predicted);
    assert_int_equal(entries(), 1);
    source->latency_ms[17] *= 1.0000001;
    learns_anew(&f, "a latency");
    source->latency_ms[17] = NAN;
    learns_anew(&f, "a latency that is gone");
    source->operator_ms[2] *= 1.01;
    learns_anew(&f, "an operator latency");
    source->counters_cold[5] += 1;
    learns_anew(&f, "a counter");
    source->platform.graph = MAPLE_GRAPH_AS_WRITTEN;
    learns_anew(&f, "a form");
    snprintf(source->platform.family, sizeof source->platform.family, "another");
    learns_anew(&f, "a family");
    f.request.seed++;
    learns_anew(&f, "the seed");
    f.request.n_sources--;
    learns_anew(&f, "the number of sources");
    f.sources[0] = 2, f.sources[2] = 0;
    learns_anew(&f, "the order of sources");
    f.pool.dataset.archs[9] = f.asked[0];
    learns_anew(&f, "an architecture");
    f.request.train = SOME;
    f.request.n_train = 10;
    learns_anew(&f, "the training rows");
    f.request.train = OTHERS;
    learns_anew(&f, "another training row");
    int64_t before = entries(); /* what is not learned from, and what says the same otherwise */
    f.pool.dataset.platforms[PLATFORMS - 1].latency_ms[3] *= 2;
    f.request.options = "";
    ask_kept(&f, "gp", predicted);
    assert_int_equal(entries(), before);
    fixture_free(&f);
}

static void options_count(void **state) {
    (void)state;
    fixture f;
    double predicted[ASKED];
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    f.request.options = "epochs=2,width=8,embedding=4,tune_steps=3";
    ask_kept(&f, "fine-tune", predicted);
    f.request.options = "width=8,epochs=2,embedding=4,tune_steps=3";
    ask_kept(&f, "fine-tune", predicted);
    assert_int_equal(entries(), 1);
    f.request.options = "epochs=3,width=8,embedding=4,tune_steps=3";
    ask_kept(&f, "fine-tune", predicted);
    assert_int_equal(entries(), 2);
    f.request.options = NULL;
    ask_kept(&f, "gp", predicted);
    assert_int_equal(entries(), 3);
    fixture_free(&f);
}

static void nothing_learned_nothing_kept(void **state) {
    (void)state;
    fixture f;
    double without[ASKED], with[ASKED];
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_model_cache *cache = open_cache();
    EACH_PREDICTOR(info) {
        if (info->pretrains || info->references > 0)
            continue;
        ask(NULL, &f, info->name, without);
        ask(cache, &f, info->name, with);
        assert_memory_equal(with, without, sizeof with);
    }
    maple_predictor *predictor;
    maple_pretrained *pretrained;
    f.request.n_sources = 0;
    FAILS(maple_model_cache_fit(cache, "gp", &f.request, &predictor, &why), MAPLE_BAD_INPUT,
          "was given none");
    f.request.n_sources = 2;
    f.latency_ms[1] = -1;
    FAILS(maple_model_cache_fit(cache, "gp", &f.request, &predictor, &why), MAPLE_BAD_INPUT, "sample 2");
    FAILS(maple_model_cache_pretrain(cache, "flops", &f.request, &pretrained, &why), MAPLE_BAD_ARGUMENT,
          "is not pre-trained");
    assert_int_equal(entries(), 0);
    maple_model_cache_close(cache);
    fixture_free(&f);
}

/* What was said when a model was trained is said again when it is taken. */
static void warnings_are_said_again(void **state) {
    (void)state;
    static const size_t ROWS[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    fixture f;
    double predicted[ASKED];
    char first[sizeof said];
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    f.request.train = ROWS;
    f.request.n_train = 10;
    for (size_t i = 0; i < 10; i++)
        f.pool.dataset.platforms[2].latency_ms[i] = NAN;
    ask_kept(&f, "gp", predicted);
    assert_non_null(strstr(said, "source synthetic-2 has no latencies"));
    memcpy(first, said, sizeof first);
    said[0] = '\0';
    mark();
    ask_kept(&f, "gp", predicted);
    assert_int_equal(unmarked(), 0);
    assert_string_equal(said, first);
    fixture_free(&f);
}

static void damage_does_no_harm(void **state) {
    (void)state;
    fixture f;
    double without[ASKED], with[ASKED];
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    ask(NULL, &f, "gp", without);
    ask_kept(&f, "gp", with);
    static const char *const DAMAGE[] = {
        "UPDATE entry SET body = CAST(substr(body, 1, length(body) - 1) || x'07' AS BLOB)",
        "UPDATE entry SET body = x''", "UPDATE entry SET checksum = checksum + 1", "DROP TABLE entry",
        "PRAGMA user_version = 7"};
    for (size_t i = 0; i < sizeof DAMAGE / sizeof *DAMAGE; i++) {
        execute_sql(store, DAMAGE[i]);
        said[0] = '\0';
        ask_kept(&f, "gp", with);
        assert_memory_equal(with, without, sizeof with);
        assert_non_null(strstr(said, "damaged"));
        said[0] = '\0';
        ask_kept(&f, "gp", with);
        assert_memory_equal(with, without, sizeof with);
        assert_string_equal(said, "");
    }
    maple_model_cache *cache;
    FAILS(maple_model_cache_open("/proc/maple", &HOOKS, &cache, &why), MAPLE_IO_ERROR,
          "/proc/maple: cannot be created");
    fixture_free(&f);
}

static int begin(void **state) {
    int failed = make_scratch(state);
    static char folder_path[300], store_path[400];
    snprintf(folder_path, sizeof folder_path, "%s/deep/er", scratch);
    snprintf(store_path, sizeof store_path, "%s/maple-evaluate.db", folder_path);
    folder = folder_path;
    store = store_path;
    said[0] = '\0';
    return failed;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, remove_scratch)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(learned_once),
        TEST(targets_share_it),
        TEST(fits_again),
        TEST(whatever_it_depends_on),
        TEST(options_count),
        TEST(nothing_learned_nothing_kept),
        TEST(warnings_are_said_again),
        TEST(damage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
