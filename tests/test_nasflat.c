/* SPDX-License-Identifier: Apache-2.0 */
/* The predictor `nasflat` around its network: milliseconds, transfer, proxies, checkpoints. */
#include "maple_fixture.h"
#include "pool/proxies.h"
#include "predictor/nasflat.h"
#include "predictor/predictor_internal.h"
#include "scratch.h"
#include "shelf.h"

#define QUICK "epochs=3,batch=32,source_archs=12,tune_epochs=2"

/* --- Milliseconds --- */

static void milliseconds_rise_with_the_score(void **state) {
    (void)state;
    const double score[6] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, ms[6] = {3, 5, 7, 900, 11, 13};
    maple_nasflat_scale scale;
    assert_int_equal(maple_nasflat_scale_fit(score, ms, 6, &scale, NULL), MAPLE_OK);
    assert_true(fabs(scale.slope - 20) < 1e-9); /* the line 1 + 20 s, whatever one sample says */
    assert_true(fabs(maple_nasflat_scale_apply(&scale, 0.4) - 9) < 1e-9);
    assert_true(fabs(maple_nasflat_scale_apply(&scale, 2) - 41) < 1e-9);
    double before = 0;
    for (double s = -50; s < 50; s += 0.01) {
        double now = maple_nasflat_scale_apply(&scale, s);
        assert_true(now > before);
        before = now;
    }
}

static void milliseconds_rise_where_samples_do_not(void **state) {
    (void)state;
    const double score[3] = {1, 2, 3}, falling[3] = {9, 6, 4}, equal[3] = {5, 5, 5}, same[3] = {2, 2, 2};
    const double *cases[3][2] = {{score, falling}, {score, equal}, {same, falling}};
    for (int i = 0; i < 3; i++)
        for (size_t n = 1; n <= 3; n++) {
            maple_nasflat_scale scale;
            assert_int_equal(maple_nasflat_scale_fit(cases[i][0], cases[i][1], n, &scale, NULL), MAPLE_OK);
            double low = maple_nasflat_scale_apply(&scale, 1), high = maple_nasflat_scale_apply(&scale, 1.5);
            assert_true(low > 0 && high > low && isfinite(high));
        }
}

/* --- Transfer --- */

static const float *device_row(const maple_nasflat_prior *net, size_t device) {
    size_t at = maple_nasflat_layout(&net->shape).offset[NASFLAT_DEVICE_EMBEDDING];
    return net->parameters + at + device * NASFLAT_DEVICE;
}

static double row_distance(const float *a, const float *b) {
    double most = 0;
    for (int i = 0; i < NASFLAT_DEVICE; i++)
        most = fmax(most, fabs((double)(a[i] - b[i])));
    return most;
}

/* A target that is three times source 2: it starts from the vector of source 2, where it starts from any. */
static void target_starts_from_the_source_that_ranks_alike(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    for (size_t i = 0; i < REFERENCES; i++) {
        f.samples[i] = f.pool.dataset.archs[40 + i];
        f.latency_ms[i] = 3 * f.pool.dataset.platforms[2].latency_ms[40 + i];
    }
    f.request.target.n_samples = REFERENCES;
    for (int init = 0; init < 2; init++) {
        f.request.options = init ? QUICK ",tune_rate=1e-9" : QUICK ",tune_rate=1e-9,transfer_init=0";
        maple_predictor *predictor = fit_or_fail("nasflat", &f.request);
        const maple_nasflat_model *model = predictor->state;
        assert_int_equal(model->net.shape.devices, PLATFORMS);
        for (size_t s = 0; s + 1 < PLATFORMS; s++) {
            double apart = row_distance(device_row(&model->net, PLATFORMS - 1), device_row(&model->net, s));
            assert_true((apart < 1e-5) == (init == 1 && s == 2));
        }
        maple_predictor_free(predictor);
    }
    fixture_free(&f);
}

static double spearman_of(const fixture *f, const char *options) {
    maple_fit_request request = f->request;
    request.options = options;
    maple_predictor *predictor = fit_or_fail("nasflat", &request);
    double predicted[ASKED], rho;
    assert_int_equal(maple_predictor_predict(predictor, f->asked, ASKED, predicted, NULL), MAPLE_OK);
    assert_int_equal(maple_spearman(predicted, f->truth, ASKED, &rho, NULL), MAPLE_OK);
    maple_predictor_free(predictor);
    return rho;
}

static void it_ranks(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    f.request.target.n_samples = REFERENCES;
    static const char *const OPTIONS[] = {"", ",gnn=dense", ",gnn=gat", ",hardware=mlp", ",positions=1"};
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
        char options[128];
        snprintf(options, sizeof options, "epochs=25,source_archs=32,tune_epochs=10%s", OPTIONS[i]);
        double rho = spearman_of(&f, options);
        if (!(rho > 0.7))
            fail_msg("%s: Spearman %g", options, rho);
    }
    fixture_free(&f);
}

/* --- Zero-cost proxies --- */

static const char *const NAMES[MAPLE_PROXIES] = {
    "zcp_epe_nas", "zcp_fisher", "zcp_flops", "zcp_grad_norm", "zcp_grasp",   "zcp_jacov", "zcp_l2_norm",
    "zcp_nwot",    "zcp_params", "zcp_plain", "zcp_snip",      "zcp_synflow", "zcp_zen"};

typedef struct proxy_table {
    maple_dataset_score score[MAPLE_PROXIES];
    double value[MAPLE_PROXIES][POOL_ARCHS];
} proxy_table;

static void add_proxies(fixture *f, proxy_table *table) {
    maple_rng rng = maple_rng_seed(3);
    for (size_t c = 0; c < MAPLE_PROXIES; c++) {
        for (size_t i = 0; i < POOL_ARCHS; i++)
            table->value[c][i] = maple_rng_uniform(&rng);
        snprintf(table->score[c].name, sizeof table->score[c].name, "%s", NAMES[c]);
        table->score[c].value = table->value[c];
    }
    f->pool.dataset.scores = table->score;
    f->pool.dataset.n_scores = MAPLE_PROXIES;
}

static void proxies_are_used_where_all_are_there(void **state) {
    (void)state;
    fixture f;
    static proxy_table table;
    maple_error error;
    maple_predictor *predictor = NULL;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    memcpy(f.samples, f.pool.dataset.archs + 50, sizeof f.samples);
    f.request.options = QUICK ",zcp=1";
    assert_int_equal(maple_predictor_fit("nasflat", &f.request, &predictor, &error), MAPLE_NOT_FOUND);
    assert_non_null(strstr(error.message, "zcp=1"));
    assert_non_null(strstr(error.message, "zcp_synflow"));

    f.request.options = QUICK; /* auto */
    predictor = fit_or_fail("nasflat", &f.request);
    assert_int_equal(((const maple_nasflat_model *)predictor->state)->net.shape.proxies, 0);
    maple_predictor_free(predictor);

    add_proxies(&f, &table);
    predictor = fit_or_fail("nasflat", &f.request);
    assert_int_equal(((const maple_nasflat_model *)predictor->state)->net.shape.proxies, MAPLE_PROXIES);
    double before[POOL_ARCHS], after[POOL_ARCHS];
    assert_int_equal(maple_predictor_predict(predictor, f.pool.dataset.archs, POOL_ARCHS, before, &error),
                     MAPLE_OK);
    const char *path = in_scratch("nasflat.safetensors");
    maple_predictor *loaded = NULL;
    assert_int_equal(maple_predictor_save(predictor, "p", path, NULL), MAPLE_OK);
    assert_int_equal(maple_predictor_load(path, &loaded, NULL, &error), MAPLE_OK);
    assert_int_equal(maple_predictor_predict(loaded, f.pool.dataset.archs, POOL_ARCHS, after, &error),
                     MAPLE_OK);
    assert_memory_equal(before, after, sizeof before);
    maple_predictor_free(loaded);

    size_t unknown = 0;
    for (size_t i = 0; i < ASKED && unknown == 0; i++)
        if (maple_predictor_predict(predictor, &f.asked[i], 1, after, &error) != MAPLE_OK)
            unknown++;
    assert_int_equal(unknown, 1); /* of 15,625 architectures the pool has 200 */
    assert_int_equal(error.status, MAPLE_NOT_FOUND);
    assert_non_null(strstr(error.message, "zcp=0"));
    maple_predictor_free(predictor);
    f.pool.dataset.scores = NULL;
    fixture_free(&f);
}

/* --- Checkpoints --- */

static bool cancel(void *user) {
    int *epochs_left = user;
    return (*epochs_left)-- == 0;
}

static void interrupted_and_continued_gives_the_same_bits(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    f.request.options = "epochs=5,batch=16,source_archs=12";
    maple_pretrained *whole = NULL, *parts = NULL;
    assert_int_equal(maple_predictor_pretrain("nasflat", &f.request, &whole, NULL), MAPLE_OK);
    shelf s = {0};
    int epochs_left;
    const maple_checkpoint checkpoint = on_shelf(&s);
    const maple_hooks hooks = {.cancelled = cancel, .user = &epochs_left};
    maple_error error;
    f.request.checkpoint = &checkpoint;
    f.request.hooks = &hooks;
    for (int times = 0; times < 2; times++) { /* after 2 and after 4 epochs */
        epochs_left = 1;
        assert_int_equal(maple_predictor_pretrain("nasflat", &f.request, &parts, &error), MAPLE_INTERRUPTED);
        assert_non_null(strstr(error.message, times == 0 ? "2 of 5" : "4 of 5"));
        assert_non_null(strstr(error.message, "; given again it goes on"));
        assert_non_null(s.file);
    }
    f.request.hooks = NULL;
    assert_int_equal(maple_predictor_pretrain("nasflat", &f.request, &parts, &error), MAPLE_OK);
    f.request.checkpoint = NULL;
    maple_predictor *a = NULL, *b = NULL;
    assert_int_equal(maple_pretrained_adapt(whole, &f.request, &a, NULL), MAPLE_OK);
    assert_int_equal(maple_pretrained_adapt(parts, &f.request, &b, NULL), MAPLE_OK);
    const maple_nasflat_model *first = a->state, *second = b->state;
    size_t count = maple_nasflat_layout(&first->net.shape).offset[NASFLAT_TENSORS];
    assert_memory_equal(first->net.parameters, second->net.parameters, count * sizeof(float));
    maple_predictor_free(a);
    maple_predictor_free(b);
    maple_pretrained_free(whole);
    maple_pretrained_free(parts);
    maple_free(s.file);
    fixture_free(&f);
}

static void warned(void *user, maple_log_level level, const char *message) {
    if (level == MAPLE_LOG_WARNING)
        snprintf(user, 256, "%s", message);
}

/* A state from beyond the end would be taken for a finished training. */
static void what_does_not_fit_is_not_continued(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    shelf s = {0};
    int epochs_left = 3;
    const maple_checkpoint checkpoint = on_shelf(&s);
    const maple_hooks stops = {.cancelled = cancel, .user = &epochs_left};
    maple_pretrained *model = NULL;
    maple_error error;
    char heard[256] = "";
    const maple_hooks hears = {.log = warned, .user = heard};
    f.request.checkpoint = &checkpoint;
    f.request.hooks = &stops;
    f.request.options = "epochs=5,batch=16,source_archs=12";
    assert_int_equal(maple_predictor_pretrain("nasflat", &f.request, &model, &error), MAPLE_INTERRUPTED);
    f.request.hooks = &hears;
    f.request.options = "epochs=2,batch=16,source_archs=12";
    assert_int_equal(maple_predictor_pretrain("nasflat", &f.request, &model, &error), MAPLE_OK);
    assert_non_null(strstr(heard, "started anew: checkpoint: epoch 4 of 2"));
    maple_pretrained_free(model);
    maple_free(s.file);
    fixture_free(&f);
}

/* Steps that grow without bound: an error that names the option, and no model. */
static void diverged_training_is_an_error(void **state) {
    (void)state;
    static const char *const OPTIONS[][2] = {
        {"epochs=12,source_archs=12,batch=16,rate=1,decay=100", "pre-training diverged in epoch"},
        {"epochs=1,source_archs=12,rate=1e-8,tune_epochs=8,tune_batch=2,tune_rate=1,decay=100",
         "adapting diverged in epoch"},
    };
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    f.request.target.n_samples = REFERENCES;
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
        maple_predictor *predictor = NULL;
        maple_error error = {0};
        f.request.options = OPTIONS[i][0];
        assert_int_equal(maple_predictor_fit("nasflat", &f.request, &predictor, &error), MAPLE_BAD_INPUT);
        assert_non_null(strstr(error.message, OPTIONS[i][1]));
        assert_non_null(strstr(error.message, "smaller"));
        assert_null(predictor);
    }
    fixture_free(&f);
}

/* --- Files --- */

static void damaged_models_are_refused(void **state) {
    (void)state;
    static const double SHAPES[][6] = {{0, 0, 0, 0, 0, 0},
                                       {2, 12, 0, 0, 0, 0},
                                       {2, 0, 3, 0, 0, 0},
                                       {1e9, 0, 0, 0, 0, 0},
                                       {NAN, 0, 0, 0, 0, 0}};
    const maple_space *space = space_or_fail("fbnet");
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++) {
        maple_tensors *tensors = maple_tensors_create();
        void *prior = NULL;
        maple_error error;
        assert_int_equal(maple_tensors_add(tensors, "shape", MAPLE_F64, 6, 0, SHAPES[i], NULL), MAPLE_OK);
        assert_int_equal(maple_nasflat_load_prior(tensors, space, &prior, &error), MAPLE_BAD_INPUT);
        assert_non_null(strstr(error.message, "tensor 'shape'"));
        maple_tensors_free(tensors);
    }
}

static void damaged_scales_are_refused(void **state) {
    (void)state;
    static const struct {
        double scale[3];
        const char *message;
    } CASES[] = {{{0, 0, 1}, "tensor 'scale': 0, 0, 1 are no scale"},
                 {{0, 1, -1}, "tensor 'scale': 0, 1, -1 are no scale"},
                 {{NAN, 1, 1}, "tensor 'scale': element 0 is not finite"},
                 {{0, 1, INFINITY}, "tensor 'scale': element 2 is not finite"}};
    const maple_model_context context = {.space = space_or_fail("fbnet"), .graph = MAPLE_GRAPH_PRUNED};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        maple_tensors *tensors = maple_tensors_create();
        void *model = NULL;
        maple_error error;
        assert_int_equal(maple_tensors_add(tensors, "scale", MAPLE_F64, 3, 0, CASES[i].scale, NULL),
                         MAPLE_OK);
        assert_int_equal(maple_nasflat_load(tensors, &context, &model, &error), MAPLE_BAD_INPUT);
        assert_non_null(strstr(error.message, CASES[i].message));
        maple_tensors_free(tensors);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(milliseconds_rise_with_the_score),
        cmocka_unit_test(milliseconds_rise_where_samples_do_not),
        cmocka_unit_test(target_starts_from_the_source_that_ranks_alike),
        cmocka_unit_test(it_ranks),
        cmocka_unit_test(proxies_are_used_where_all_are_there),
        cmocka_unit_test(interrupted_and_continued_gives_the_same_bits),
        cmocka_unit_test(what_does_not_fit_is_not_continued),
        cmocka_unit_test(diverged_training_is_an_error),
        cmocka_unit_test(damaged_models_are_refused),
        cmocka_unit_test(damaged_scales_are_refused),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
