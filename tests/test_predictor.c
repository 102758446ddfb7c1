/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract of every predictor, on synthetic platforms. The tests loop over the registry: a new predictor
 * is tested without a change here.
 */
#include "maple/evaluate.h"
#include "synthetic.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

enum { PLATFORMS = 5, POOL_ARCHS = 150, SAMPLES = 10, ASKED = 400 };
/* Networks are small here: the contract does not depend on their size. */
static const char *const FAST = "epochs=6,width=24,embedding=8";

typedef struct fixture {
    const maple_space *space;
    maple_graph_form form;
    synthetic_pool pool;
    size_t sources[PLATFORMS - 1];
    maple_arch samples[SAMPLES], asked[ASKED];
    double latency_ms[SAMPLES], truth[ASKED];
    maple_fit_request request;
} fixture;

static void fixture_make_in(fixture *f, const char *space, maple_graph_form form) {
    maple_error error = {.message = ""};
    *f = (fixture){.form = form};
    assert_int_equal(maple_space_find(space, &f->space, &error), MAPLE_OK);
    assert_true(maple_space_operators(f->space) <= SYNTHETIC_OPERATORS);
    f->pool = synthetic_pool_make(f->space, form, PLATFORMS, POOL_ARCHS, 3);
    const synthetic_platform *truth = &f->pool.truth[PLATFORMS - 1];
    maple_rng rng = maple_rng_seed(8);
    assert_int_equal(maple_space_sample(f->space, form, &rng, SAMPLES, f->samples, &error), MAPLE_OK);
    assert_int_equal(maple_space_sample(f->space, form, &rng, ASKED, f->asked, &error), MAPLE_OK);
    for (size_t i = 0; i < SAMPLES; i++)
        f->latency_ms[i] = synthetic_latency(f->space, truth, &f->samples[i], 4);
    for (size_t i = 0; i < ASKED; i++)
        f->truth[i] = synthetic_latency(f->space, truth, &f->asked[i], 4);
    for (size_t i = 0; i + 1 < PLATFORMS; i++)
        f->sources[i] = i;
    const maple_dataset_platform *row = &f->pool.dataset.platforms[PLATFORMS - 1];
    f->request = (maple_fit_request){.space = f->space,
                                     .pool = &f->pool.dataset,
                                     .sources = f->sources,
                                     .n_sources = PLATFORMS - 1,
                                     .target = {.graph = form,
                                                .operator_ms = row->operator_ms,
                                                .counters_warm = row->counters_warm,
                                                .counters_cold = row->counters_cold,
                                                .n_samples = SAMPLES,
                                                .archs = f->samples,
                                                .latency_ms = f->latency_ms,
                                                .oracle_ms = row->latency_ms},
                                     .seed = 11};
}

static void fixture_make(fixture *f, maple_graph_form form) {
    fixture_make_in(f, "nas-bench-201", form);
}

/* Every space in both forms. */
static size_t case_count(void) {
    return 2 * maple_space_count();
}

static void fixture_make_case(fixture *f, size_t i) {
    fixture_make_in(f, maple_space_name(maple_space_at(i / 2)), (maple_graph_form)(i % 2));
}

static void fixture_free(fixture *f) {
    synthetic_pool_free(&f->pool);
}

/* Options that make a neural predictor fast; those without such options get none. */
static const char *options_for(const char *name) {
    if (strcmp(name, "mlp-scratch") == 0)
        return "epochs=10,width=16";
    if (strcmp(name, "fine-tune") == 0)
        return "epochs=6,width=24,embedding=8,tune_steps=20";
    return strcmp(name, "maple") == 0 ? FAST : NULL;
}

static maple_predictor *fit_or_fail(const char *name, const maple_fit_request *request) {
    maple_predictor *predictor = NULL;
    maple_error error = {.message = ""};
    maple_fit_request copy = *request;
    if (!copy.options)
        copy.options = options_for(name);
    if (maple_predictor_fit(name, &copy, &predictor, &error) != MAPLE_OK)
        fail_msg("%s: %s", name, error.message);
    return predictor;
}

static void predict_or_fail(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                            double *out) {
    maple_error error = {.message = ""};
    if (maple_predictor_predict(predictor, archs, n, out, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
}

/* The fit must fail with this status and a message that holds `part`. */
static void assert_refused(const char *name, const maple_fit_request *request, maple_status status,
                           const char *part) {
    maple_predictor *predictor = NULL;
    maple_error error = {.message = ""};
    assert_int_equal(maple_predictor_fit(name, request, &predictor, &error), status);
    assert_null(predictor);
    if (!strstr(error.message, part))
        fail_msg("%s: '%s' is not in '%s'", name, part, error.message);
    assert_int_equal(error.status, status);
}

static void assert_all_latencies(const double *latency_ms, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_true(isfinite(latency_ms[i]) && latency_ms[i] > 0);
}

#define EACH_PREDICTOR(info)                                                                                 \
    for (const maple_predictor_info *(info) = maple_predictor_at(0), *end_ = NULL; (info) != end_;           \
         (info) = next_predictor(info))

static const maple_predictor_info *next_predictor(const maple_predictor_info *info) {
    for (size_t i = 0; i < maple_predictor_count(); i++)
        if (maple_predictor_at(i) == info)
            return maple_predictor_at(i + 1);
    return NULL;
}

static void temporary_path(char path[64]) {
    snprintf(path, 64, "/tmp/maple_predictor_%ld.safetensors", (long)getpid());
}

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
                maple_predictor *predictor = fit_or_fail(info->name, &f.request);
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
        maple_predictor *a = fit_or_fail(info->name, &f.request), *b = fit_or_fail(info->name, &f.request);
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
        maple_predictor *predictor = fit_or_fail(info->name, &f.request);
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
    char path[64];
    temporary_path(path);
    for (size_t i = 0; i < case_count(); i++) {
        fixture f;
        fixture_make_case(&f, i);
        EACH_PREDICTOR(info) {
            double before[ASKED], after[ASKED];
            maple_predictor *predictor = fit_or_fail(info->name, &f.request), *loaded = NULL;
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
    unlink(path);
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
            maple_predictor *predictor = fit_or_fail(info->name, &f.request);
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
        maple_predictor *predictor = fit_or_fail(info->name, &f.request);
        predict_or_fail(predictor, f.asked, ASKED, before);
        maple_predictor_free(predictor);
        maple_arch archs[SAMPLES];
        double latency_ms[SAMPLES];
        for (size_t i = 0; i < SAMPLES; i++) {
            archs[i] = f.samples[(i * 3 + 1) % SAMPLES];
            latency_ms[i] = f.latency_ms[(i * 3 + 1) % SAMPLES];
        }
        maple_fit_request request = f.request;
        request.target.archs = archs;
        request.target.latency_ms = latency_ms;
        predictor = fit_or_fail(info->name, &request);
        predict_or_fail(predictor, f.asked, ASKED, after);
        maple_predictor_free(predictor);
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
        maple_predictor *predictor = fit_or_fail(info->name, &request);
        predict_or_fail(predictor, f.asked, ASKED, predicted);
        assert_all_latencies(predicted, ASKED);
        maple_predictor_free(predictor);

        request = f.request;
        request.target.latency_ms = constant; /* ten architectures, one latency */
        predictor = fit_or_fail(info->name, &request);
        predict_or_fail(predictor, f.asked, ASKED, predicted);
        assert_all_latencies(predicted, ASKED);
        maple_predictor_free(predictor);

        /* A pool without any variation. */
        synthetic_pool pool = synthetic_pool_make(f.space, f.form, 2, 20, 6);
        for (size_t p = 0; p < 2; p++)
            for (size_t i = 0; i < 20; i++)
                pool.dataset.platforms[p].latency_ms[i] = 1;
        request.pool = &pool.dataset;
        request.n_sources = 2;
        predictor = fit_or_fail(info->name, &request);
        predict_or_fail(predictor, f.asked, ASKED, predicted);
        assert_all_latencies(predicted, ASKED);
        maple_predictor_free(predictor);
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
            maple_predictor *predictor = fit_or_fail(info->name, &request);
            predict_or_fail(predictor, f.asked, ASKED, predicted);
            assert_all_latencies(predicted, ASKED);
            maple_predictor_free(predictor);
        }
    fixture_free(&f);
}

static void extreme_scales_stay_latencies(void **state) {
    (void)state;
    for (size_t i = 0; i < case_count(); i++)
        extreme_scales_stay_latencies_in(i);
}

/* --- What is refused --- */

static void bad_samples_are_refused(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    const double bad[] = {0, -1, NAN, INFINITY};
    EACH_PREDICTOR(info) {
        for (int i = 0; i < 4; i++) {
            double before = f.latency_ms[4];
            f.latency_ms[4] = bad[i];
            assert_refused(info->name, &f.request, MAPLE_BAD_INPUT, "sample 5, |");
            assert_refused(info->name, &f.request, MAPLE_BAD_INPUT,
                           "is not a positive number: measure it again");
            f.latency_ms[4] = before;
        }
        maple_arch before = f.samples[2];
        memset(f.samples[2].op, 0, sizeof f.samples[2].op); /* all `none` */
        assert_refused(info->name, &f.request, MAPLE_BAD_INPUT, "sample 3, |none~0|+");
        f.samples[2] = before;
        if (info->min_samples > 0) {
            maple_fit_request request = f.request;
            request.target.n_samples = (size_t)info->min_samples - 1;
            assert_refused(info->name, &request, MAPLE_BAD_INPUT, "needs at least");
        }
    }
    fixture_free(&f);
}

static void missing_operators_are_refused_where_needed(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    double operator_ms[SYNTHETIC_OPERATORS];
    memcpy(operator_ms, f.request.target.operator_ms, maple_space_operators(f.space) * sizeof(double));
    EACH_PREDICTOR(info) {
        if (!info->needs_operators)
            continue;
        maple_fit_request request = f.request;
        request.target.operator_ms = NULL;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "needs the operator latencies of the target");
        request.target.operator_ms = operator_ms;
        double before = operator_ms[3];
        operator_ms[3] = NAN;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "no latency of operator nor_conv_3x3_16");
        operator_ms[3] = -1;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "operator nor_conv_3x3_16: latency -1 ms");
        operator_ms[3] = before;
        before = operator_ms[15];
        operator_ms[15] = NAN;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "no latency of operator stem");
        operator_ms[15] = before;
        before = operator_ms[0];
        operator_ms[0] = NAN; /* none_16 never runs in pruned form */
        maple_predictor_free(fit_or_fail(info->name, &request));
        operator_ms[0] = before;
    }
    fixture_free(&f);
}

static void missing_pool_is_refused_where_needed(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    EACH_PREDICTOR(info) {
        maple_fit_request request = f.request;
        request.pool = NULL;
        request.sources = NULL;
        request.n_sources = 0;
        if (info->needs_pool)
            assert_refused(info->name, &request, MAPLE_BAD_INPUT,
                           "learns from other platforms and was given none");
        else
            maple_predictor_free(fit_or_fail(info->name, &request));
        if (!info->needs_pool)
            continue;
        size_t row = PLATFORMS;
        request = f.request;
        request.sources = &row;
        request.n_sources = 1;
        assert_refused(info->name, &request, MAPLE_BAD_ARGUMENT, "source row 5: the pool has 5 platforms");
        size_t train = POOL_ARCHS;
        request = f.request;
        request.train = &train;
        request.n_train = 1;
        assert_refused(info->name, &request, MAPLE_BAD_ARGUMENT, "training row 150");
        request.n_train = 0;
        assert_refused(info->name, &request, MAPLE_BAD_INPUT, "no latencies of the training architectures");
    }
    fixture_free(&f);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    f.request.options = "epochs=5,nonsense=1";
    EACH_PREDICTOR(info) {
        assert_refused(info->name, &f.request, MAPLE_BAD_ARGUMENT, "has no option '");
    }
    assert_refused("maple", &f.request, MAPLE_BAD_ARGUMENT, "'nonsense'; it has: epochs, batch, width");
    const char *const cases[][2] = {
        {"epochs=0", "epochs=0: expected a whole number from 1 to 10000"},
        {"epochs=1.5", "epochs=1.5: expected a whole number"},
        {"epochs=", "epochs=: expected"},
        {"epochs", "option 'epochs' has no value"},
        {"rate=nan", "rate=nan: expected a number"},
        {"rate=1e-3x", "rate=1e-3x: expected a number"},
        {"calibration=best", "calibration=best: expected one of none|level|shares"},
        {"=3", "has no option ''"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f.request.options = cases[i][0];
        assert_refused("maple", &f.request, MAPLE_BAD_ARGUMENT, cases[i][1]);
    }
    assert_refused("oracle", &f.request, MAPLE_NOT_FOUND, "no predictor is called 'oracle'");
    fixture_free(&f);
}

/* --- Descriptors with holes --- */

static void missing_counters_do_no_harm(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    size_t counters = maple_space_descriptor_operators(f.space) * MAPLE_EVENTS;
    double nan_counters[SYNTHETIC_COUNTERS], predicted[ASKED];
    for (size_t i = 0; i < counters; i++)
        nan_counters[i] = NAN;
    EACH_PREDICTOR(info) {
        for (int variant = 0; variant < 4; variant++) {
            maple_fit_request request = f.request;
            double *warm = f.pool.dataset.platforms[1].counters_warm, before = warm[7];
            request.target.counters_warm = variant == 0 ? nan_counters : request.target.counters_warm;
            request.target.counters_cold = variant <= 1 ? NULL : request.target.counters_cold;
            if (variant == 2)
                warm[7] = NAN; /* one source lacks one counter */
            if (variant == 3) {
                request.target.counters_warm = NULL;
                request.target.counters_cold = NULL;
            }
            maple_predictor *predictor = fit_or_fail(info->name, &request);
            predict_or_fail(predictor, f.asked, ASKED, predicted);
            assert_all_latencies(predicted, ASKED);
            maple_predictor_free(predictor);
            warm[7] = before;
        }
    }
    fixture_free(&f);
}

static void maple_degrades_without_operators(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        f.request.target.operator_ms = NULL;
        f.request.options = "epochs=30,width=32";
        for (int counters = 0; counters < 2; counters++) {
            double predicted[ASKED];
            if (counters == 0)
                f.request.target.counters_warm = f.request.target.counters_cold = NULL;
            maple_predictor *predictor = fit_or_fail("maple", &f.request);
            predict_or_fail(predictor, f.asked, ASKED, predicted);
            maple_metrics metrics;
            maple_metrics_compute(f.truth, predicted, ASKED, &metrics, NULL);
            if (!(metrics.spearman > 0.9 && metrics.medape < 0.2))
                fail_msg("spearman %g medape %g", metrics.spearman, metrics.medape);
            maple_predictor_free(predictor);
        }
        fixture_free(&f);
    }
}

/* A source without operator latencies is left out with a warning; with none left the fit is refused. */
static int warnings;
static void count_warning(void *user, maple_log_level level, const char *message) {
    (void)user;
    (void)message;
    warnings += level == MAPLE_LOG_WARNING;
}

static void sources_without_operators_are_left_out(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_hooks hooks = {.log = count_warning};
    f.request.hooks = &hooks;
    f.request.options = FAST;
    warnings = 0;
    f.pool.dataset.platforms[2].operator_ms[3] = NAN;
    maple_predictor_free(fit_or_fail("maple", &f.request));
    assert_int_equal(warnings, 1);
    for (size_t p = 0; p < PLATFORMS - 1; p++)
        f.pool.dataset.platforms[p].operator_ms[3] = NAN;
    assert_refused("maple", &f.request, MAPLE_BAD_INPUT, "none of the 4 sources has operator latencies");
    f.request.options = "epochs=2,scaling=costs";
    maple_predictor_free(fit_or_fail("maple", &f.request));
    fixture_free(&f);
}

static bool cancel_now(void *user) {
    (void)user;
    return true;
}

static void fitting_can_be_cancelled(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_hooks hooks = {.cancelled = cancel_now};
    f.request.hooks = &hooks;
    assert_refused("maple", &f.request, MAPLE_INTERRUPTED, "after 1 of 50 epochs");
    fixture_free(&f);
}

/* --- Quality --- */

static maple_metrics score(const fixture *f, const char *name, const char *options) {
    maple_fit_request request = f->request;
    request.options = options;
    double predicted[ASKED];
    maple_predictor *predictor = NULL;
    maple_metrics metrics = {0};
    assert_int_equal(maple_predictor_fit(name, &request, &predictor, NULL), MAPLE_OK);
    predict_or_fail(predictor, f->asked, ASKED, predicted);
    maple_metrics_compute(f->truth, predicted, ASKED, &metrics, NULL);
    maple_predictor_free(predictor);
    return metrics;
}

static void maple_beats_the_baselines(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        maple_metrics maple = score(&f, "maple", "epochs=30,width=64"), lut = score(&f, "lut", NULL);
        maple_metrics lut_fit = score(&f, "lut-fit", NULL), flops = score(&f, "flops", NULL);
        assert_int_equal(maple.n, ASKED);
        assert_true(maple.acc10 > 0.95);
        assert_true(maple.medape < lut.medape && maple.medape < lut_fit.medape &&
                    lut_fit.medape < flops.medape);
        fixture_free(&f);
    }
}

/* A target whose latency is exactly its table: lut is exact, lut-fit too. */
static void lut_sums_and_lut_fit_scales(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    double counts[SYNTHETIC_OPERATORS];
    const double *operator_ms = f.request.target.operator_ms;
    for (size_t i = 0; i < ASKED + SAMPLES; i++) {
        const maple_arch *arch = i < ASKED ? &f.asked[i] : &f.samples[i - ASKED];
        maple_space_operator_counts(f.space, f.form, arch, counts);
        double sum = 0;
        for (size_t o = 0; o < maple_space_operators(f.space); o++)
            sum += counts[o] * operator_ms[o];
        if (i < ASKED)
            f.truth[i] = sum;
        else
            f.latency_ms[i - ASKED] = 3 * sum + 0.25;
    }
    assert_true(score(&f, "lut", NULL).rmse_ms < 1e-9);
    for (size_t i = 0; i < ASKED; i++)
        f.truth[i] = 3 * f.truth[i] + 0.25;
    assert_true(score(&f, "lut-fit", NULL).rmse_ms < 1e-9);
    fixture_free(&f);
}

static void flops_falls_back_to_a_line_through_the_origin(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_arch archs[2] = {maple_space_sentinel(f.space, 0), maple_space_sentinel(f.space, 2)};
    double falling[2] = {9, 1}, predicted[2]; /* the heavier one is faster */
    f.request.target.archs = archs;
    f.request.target.latency_ms = falling;
    f.request.target.n_samples = 2;
    maple_predictor *predictor = fit_or_fail("flops", &f.request);
    predict_or_fail(predictor, archs, 2, predicted);
    assert_true(predicted[0] > 0 && predicted[1] > predicted[0]);
    maple_predictor_free(predictor);
    f.request.target.n_samples = 1; /* one sample is met exactly */
    predictor = fit_or_fail("flops", &f.request);
    predict_or_fail(predictor, archs, 1, predicted);
    assert_true(fabs(predicted[0] / 9 - 1) < 1e-12);
    maple_predictor_free(predictor);
    fixture_free(&f);
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
        maple_predictor *predictor = fit_or_fail(info->name, &f.request);
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

/* --- Fitting in two steps --- */

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
            maple_predictor *predictor = fit_or_fail(info->name, &f.request);
            predict_or_fail(predictor, f.asked, ASKED, in_one);
            maple_predictor_free(predictor);
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
    char path[64];
    temporary_path(path);
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
    unlink(path);
}

/* One flipped bit in any part of the file: refused, naming the file and what to do. */
static void damaged_pretrained_is_refused(void **state) {
    (void)state;
    char path[64], *file;
    size_t bytes;
    temporary_path(path);
    fixture f;
    fixture_make_case(&f, 0);
    maple_pretrained *pretrained = pretrain_or_fail("nearest", &f.request), *loaded = NULL;
    assert_int_equal(maple_pretrained_save(pretrained, "key", path, NULL), MAPLE_OK);
    maple_pretrained_free(pretrained);
    assert_int_equal(maple_read_file(path, 1 << 24, &file, &bytes, NULL), MAPLE_OK);
    for (int i = 0; i <= 64; i++) {
        size_t at = (bytes - 1) * (size_t)i / 64;
        maple_error error = {.message = ""};
        file[at] = (char)(file[at] ^ 1 << i % 8);
        assert_int_equal(maple_write_file(path, file, bytes, NULL), MAPLE_OK);
        assert_int_equal(maple_pretrained_load(path, "key", &loaded, &error), MAPLE_BAD_INPUT);
        assert_null(loaded);
        assert_non_null(strstr(error.message, path));
        assert_non_null(strstr(error.message, "damaged"));
        assert_non_null(strstr(error.message, "fit and save the model again"));
        file[at] = (char)(file[at] ^ 1 << i % 8);
    }
    maple_free(file);
    fixture_free(&f);
    unlink(path);
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

static void oracles_need_all_latencies(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    f.request.target.oracle_ms = NULL;
    EACH_PREDICTOR(info) {
        if (info->oracle)
            assert_refused(info->name, &f.request, MAPLE_BAD_INPUT,
                           "it is for tables only: maple evaluate gives it");
    }
    fixture_free(&f);
}

static void bad_references_are_refused(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    EACH_PREDICTOR(info) {
        if (info->references == 0)
            continue;
        double reference_ms[64];
        for (int i = 0; i < 64; i++)
            reference_ms[i] = NAN;
        f.request.target.reference_ms = reference_ms;
        if (!info->references_optional)
            assert_refused(info->name, &f.request, MAPLE_BAD_INPUT,
                           "reference architectures and was given none");
        reference_ms[1] = -2;
        assert_refused(info->name, &f.request, MAPLE_BAD_INPUT, "reference architecture 2, |");
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
        cmocka_unit_test(registry_is_complete),
        cmocka_unit_test(predictions_are_latencies_for_1_to_10_samples),
        cmocka_unit_test(same_seed_same_bits),
        cmocka_unit_test(one_at_a_time_agrees_with_all_together),
        cmocka_unit_test(saved_and_loaded_gives_the_same_bits),
        cmocka_unit_test(degenerate_is_nan_on_pruned_and_finite_as_written),
        cmocka_unit_test(permuted_samples_give_nearly_the_same),
        cmocka_unit_test(duplicates_and_constants_are_fitted),
        cmocka_unit_test(extreme_scales_stay_latencies),
        cmocka_unit_test(bad_samples_are_refused),
        cmocka_unit_test(missing_operators_are_refused_where_needed),
        cmocka_unit_test(missing_pool_is_refused_where_needed),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(missing_counters_do_no_harm),
        cmocka_unit_test(maple_degrades_without_operators),
        cmocka_unit_test(sources_without_operators_are_left_out),
        cmocka_unit_test(fitting_can_be_cancelled),
        cmocka_unit_test(maple_beats_the_baselines),
        cmocka_unit_test(lut_sums_and_lut_fit_scales),
        cmocka_unit_test(flops_falls_back_to_a_line_through_the_origin),
        cmocka_unit_test(predict_is_safe_from_threads),
        cmocka_unit_test(fit_is_pretrain_and_adapt),
        cmocka_unit_test(saved_pretrained_adapts_to_the_same_bits),
        cmocka_unit_test(damaged_pretrained_is_refused),
        cmocka_unit_test(adapt_is_safe_from_threads),
        cmocka_unit_test(pretraining_refuses_what_fitting_refuses),
        cmocka_unit_test(oracles_need_all_latencies),
        cmocka_unit_test(bad_references_are_refused),
        cmocka_unit_test(free_of_null_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
