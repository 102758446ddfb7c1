/* SPDX-License-Identifier: Apache-2.0 */
/* `help`: labels, sources, meta-training that can be continued, what adapting does. (Gradients:
 * test_help_gradients.c; what every predictor answers: test_predictor.c.) */
#include "check.h"
#include "predictor_fixture.h"
#include "predictor/help_model.h"
#include "space/space_vtable.h"

static const char *const TINY = "episodes=6,width=12,support=5,query=20,mc=3";
/* Large steps: a small network that learns in a second. */
static const char *const LEARNS = "episodes=300,width=24,support=10,query=60,mc=3,meta_rate=3e-3";

static void close_to(double a, double b) {
    if (fabs(a - b) > 1e-6)
        fail_msg("%.9g is not %.9g", a, b);
}

/* --- Labels, embedding, milliseconds --- */

static void labels_are_min_max(void **state) {
    (void)state;
    const double reference_ms[] = {2, NAN, 4, 10}, more[] = {12};
    help_scale scale = help_scale_empty(LABELS_REFERENCES);
    help_scale_include(&scale, reference_ms, 4);
    close_to(help_scale_label(&scale, 2), 0.05);
    close_to(help_scale_label(&scale, 10), 0.95);
    close_to(help_scale_label(&scale, 6), 0.5);
    close_to(help_scale_label(&scale, 14), 0.05 + 0.9 * 1.5); /* not clamped */
    close_to(help_scale_label(&scale, 1e9), 4);
    help_scale_include(&scale, more, 1);
    close_to(help_scale_label(&scale, 12), 0.95);
    help_scale logs = help_scale_empty(LABELS_LOG);
    help_scale_include(&logs, reference_ms, 4);
    close_to(help_scale_label(&logs, sqrt(20)), 0.5);
    const double constant[] = {3, 3};
    help_scale flat = help_scale_empty(LABELS_REFERENCES);
    help_scale_include(&flat, constant, 2);
    close_to(help_scale_label(&flat, 3), 0.05);
    close_to(help_scale_label(&flat, 6), 0.95);
}

static void embedding_is_min_max(void **state) {
    (void)state;
    const double reference_ms[HELP_REFERENCES] = {1, 2, 3, 4, 5, NAN, 7, 8, 9, 11};
    const double missing[HELP_REFERENCES] = {0, 0, 0, 0, 0, 0.25};
    float hardware[HELP_REFERENCES];
    help_embed(reference_ms, missing, hardware);
    close_to((double)hardware[0], 0);
    close_to((double)hardware[2], 0.2);
    close_to((double)hardware[5], 0.25);
    close_to((double)hardware[9], 1);
}

static void lines_give_milliseconds(void **state) {
    (void)state;
    const double prediction[] = {0.1, 0.4, 0.9, 0.2}, exact[] = {3, 6, 11, 4}, falling[] = {9, 6, 1, 8};
    const double bent[] = {3, 8, 11, 5};
    help_scale scale = {.low = 2, .high = 12};
    help_line line;
    OK(help_line_fit(DENORMALISE_AFFINE, &scale, prediction, exact, 4, &line, &why));
    close_to(line.slope, 10);
    close_to(help_line_apply(&line, 0.6), 8);
    close_to(help_line_apply(&line, -9), 3.0 / 20); /* never 0 */
    /* HELP's own: the ends of one interval onto those of the other. */
    OK(help_line_fit(DENORMALISE_RANGE, &scale, prediction, bent, 4, &line, &why));
    close_to(help_line_apply(&line, 0.1), 3);
    close_to(help_line_apply(&line, 0.9), 11);
    close_to(help_line_apply(&line, 0.5), 7);
    /* No line that falls: the slope of the labels, 10 ms / 0.9. */
    OK(help_line_fit(DENORMALISE_AFFINE, &scale, prediction, falling, 4, &line, &why));
    close_to(line.slope, 10 / 0.9);
    close_to(help_line_apply(&line, 0.4), 6); /* the means: 0.4, 6 */
    help_scale logs = {.log = true, .low = 0, .high = 1};
    const double grows[] = {exp(1), exp(4), exp(9), exp(2)};
    OK(help_line_fit(DENORMALISE_AFFINE, &logs, prediction, grows, 4, &line, &why));
    close_to(help_line_apply(&line, 0.3) / exp(3), 1);
}

/* Half of the error is one point's, and the line goes through the others. */
static void the_robust_line_passes_an_outlier(void **state) {
    (void)state;
    const double prediction[] = {0.1, 0.2, 0.4, 0.5, 0.8, 0.9}, latency_ms[] = {3, 4, 6, 30, 10, 11};
    help_scale scale = {.low = 2, .high = 12};
    help_line line;
    OK(help_line_fit(DENORMALISE_ROBUST, &scale, prediction, latency_ms, 6, &line, &why));
    assert_true(fabs(help_line_apply(&line, 0.5) - 7) < 0.01 &&
                fabs(help_line_apply(&line, 0.9) - 11) < 0.01);
    OK(help_line_fit(DENORMALISE_AFFINE, &scale, prediction, latency_ms, 6, &line, &why));
    assert_true(fabs(help_line_apply(&line, 0.9) - 11) > 0.1);
}

/* A relative fit: an error of 10 % counts the same at 1 ms and at 100 ms. */
static void the_line_is_of_relative_errors(void **state) {
    (void)state;
    const double prediction[] = {0, 0, 1, 1}, latency_ms[] = {9, 11, 90, 110};
    help_scale scale = {.low = 2, .high = 12};
    help_line line;
    OK(help_line_fit(DENORMALISE_AFFINE, &scale, prediction, latency_ms, 4, &line, &why));
    /* At each x the minimum of sum ((m - L) / L)^2 is sum 1/L over sum 1/L^2. (9, 11 ms: the weight's floor
     * is a fifth of the median, 10.1 ms: 9 counts as that.) */
    double w = 1 / (10.1 * 10.1), v = 1 / 121.0;
    close_to(help_line_apply(&line, 0), (9 * w + 11 * v) / (w + v));
    w = 1 / 8100.0, v = 1 / 12100.0;
    close_to(help_line_apply(&line, 1), (90 * w + 110 * v) / (w + v));
}

/* --- Encodings --- */

static void fbnet_bits_are_the_published(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("fbnet");
    maple_arch arch;
    uint32_t places[MAPLE_MAX_ARCH_BITS];
    OK(maple_space_parse(space, "0 8 1 4 7 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 8 6", &arch, &why));
    const uint32_t expected[] = {0, 2, 12 + 0, 12 + 3, 18 + 1, 18 + 2, 24 + 1, 24 + 5, 126 + 1, 126 + 4};
    assert_int_equal(maple_space_bit_count(space), 132);
    assert_int_equal(maple_space_bits(space, &arch, places), 10);
    assert_memory_equal(places, expected, sizeof expected);
    space = space_or_fail("nas-bench-201"); /* no encoding of its own: one-hot */
    arch = maple_space_nth(space, 7);
    assert_int_equal(maple_space_bit_count(space), 30);
    assert_int_equal(maple_space_bits(space, &arch, places), 6);
    assert_int_equal(places[4], 20 + 1);
    assert_int_equal(places[5], 25 + 2);
}

/* --- Training --- */

typedef struct heard {
    int warnings;
    char last[256];
} heard;

static void hear(void *user, maple_log_level level, const char *message) {
    heard *h = user;
    h->warnings += level == MAPLE_LOG_WARNING;
    snprintf(h->last, sizeof h->last, "%s", message);
}

typedef struct training {
    help_prior prior;
    help_trainer trainer;
    double options[MAPLE_MAX_OPTIONS];
} training;

static void start(training *t, const maple_fit_request *request, const char *options) {
    const maple_predictor_vtable *vtable;
    *t = (training){.trainer = {.prior = &t->prior}};
    OK(maple_predictor_find_vtable("help", &vtable, &why));
    OK(maple_options_parse(vtable, options, t->options, &why));
    OK(help_trainer_create(request, t->options, &t->trainer, &why));
}

static void stop(training *t) {
    help_trainer_release(&t->trainer);
    maple_free(t->prior.meta);
}

static void continued_training_gives_the_same_bits(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which += 2) {
        fixture f;
        training whole, first, second;
        fixture_make_case(&f, which);
        start(&whole, &f.request, TINY);
        OK(help_train(&whole.trainer, &(maple_fit_request){0}, &why));
        start(&first, &f.request, TINY);
        for (int i = 0; i < 4; i++)
            help_train_episode(&first.trainer);
        maple_tensors *saved = maple_tensors_create(), *read = NULL;
        uint8_t *file;
        size_t bytes;
        OK(help_trainer_save(&first.trainer, saved, &why));
        OK(maple_tensors_encode(saved, &file, &bytes, &why));
        OK(maple_tensors_decode("state", file, bytes, &read, &why));
        start(&second, &f.request, TINY);
        OK(help_trainer_load(&second.trainer, read, &why));
        assert_int_equal(second.trainer.episode, 4);
        OK(help_train(&second.trainer, &(maple_fit_request){0}, &why));
        size_t meta = help_rule_meta(&whole.prior.rule);
        assert_memory_equal(whole.prior.meta, second.prior.meta, meta * sizeof(float));
        assert_true(memcmp(whole.prior.meta, first.prior.meta, meta * sizeof(float)) != 0);
        maple_tensors_free(saved);
        maple_tensors_free(read);
        maple_free(file);
        second.trainer.episodes = 3; /* a state from beyond the end */
        saved = maple_tensors_create();
        OK(help_trainer_save(&whole.trainer, saved, &why));
        OK(maple_tensors_encode(saved, &file, &bytes, &why));
        OK(maple_tensors_decode("state", file, bytes, &read, &why));
        FAILS(help_trainer_load(&second.trainer, read, &why), MAPLE_BAD_INPUT, "state: episode 6 of 3");
        maple_tensors_free(saved);
        maple_tensors_free(read);
        maple_free(file);
        stop(&whole);
        stop(&first);
        stop(&second);
        fixture_free(&f);
    }
}

static maple_status give_other_state(void *context, uint8_t **file, size_t *bytes, maple_error *error) {
    maple_tensors *other = maple_tensors_create();
    (void)context;
    OK(maple_tensors_add(other, "episode", MAPLE_F64, 1, 0, &(double){2}, error));
    OK(maple_tensors_encode(other, file, bytes, error));
    maple_tensors_free(other);
    return MAPLE_OK;
}

static maple_status keep_nothing(void *context, const uint8_t *file, size_t bytes, maple_error *error) {
    (void)context, (void)file, (void)bytes, (void)error;
    return MAPLE_OK;
}

/* Whoever had such a state could else never train again. */
static void what_does_not_fit_is_not_continued(void **state) {
    (void)state;
    fixture f;
    training whole, again;
    heard h = {0};
    const maple_checkpoint checkpoint = {NULL, give_other_state, keep_nothing};
    const maple_hooks hooks = {.log = hear, .user = &h};
    fixture_make_case(&f, 0);
    start(&whole, &f.request, TINY);
    OK(help_train(&whole.trainer, &(maple_fit_request){0}, &why));
    start(&again, &f.request, TINY);
    OK(help_train(&again.trainer, &(maple_fit_request){.checkpoint = &checkpoint, .hooks = &hooks}, &why));
    assert_int_equal(h.warnings, 1);
    assert_non_null(strstr(h.last, "is started anew: checkpoint: "));
    assert_memory_equal(whole.prior.meta, again.prior.meta,
                        help_rule_meta(&whole.prior.rule) * sizeof(float));
    stop(&whole);
    stop(&again);
    fixture_free(&f);
}

static void training_lowers_the_loss(void **state) {
    (void)state;
    fixture f;
    training t;
    fixture_make_case(&f, 0);
    start(&t, &f.request, LEARNS);
    double first = 0, last = 0;
    for (int i = 0; i < 300; i++) {
        double loss = help_train_episode(&t.trainer);
        first += i < 5 ? loss : 0;
        last += i >= 295 ? loss : 0;
    }
    assert_true(last < 0.2 * first);
    stop(&t);
    fixture_free(&f);
}

static void a_tenth_is_trimmed_at_both_ends(void **state) {
    (void)state;
    fixture f;
    training t;
    fixture_make_case(&f, 1);
    const double *latency_ms = f.pool.dataset.platforms[0].latency_ms;
    start(&t, &f.request, TINY);
    const help_source *source = &t.trainer.sources[0];
    size_t below = 0, above = 0;
    for (size_t i = 0; i < POOL_ARCHS; i++) {
        below += latency_ms[i] < source->latency_ms[0];
        above += latency_ms[i] > source->latency_ms[source->n - 1];
    }
    assert_int_equal(source->n, POOL_ARCHS - 2 * (POOL_ARCHS / 10));
    assert_int_equal(below, POOL_ARCHS / 10);
    assert_int_equal(above, POOL_ARCHS / 10);
    double least = INFINITY; /* the scale is that of the references, not of what it trains on */
    for (size_t r = 0; r < REFERENCES; r++)
        least = fmin(least, source->reference_ms[r]);
    close_to(source->scale.low, least);
    stop(&t);
    start(&t, &f.request, "episodes=1,width=4,trim=0,labels=pool");
    assert_int_equal(t.trainer.sources[0].n, POOL_ARCHS);
    close_to(t.trainer.sources[0].scale.low, t.trainer.sources[0].latency_ms[0]);
    stop(&t);
    fixture_free(&f);
}

/* --- Sources without references --- */

static void sources_without_references_are_left_out(void **state) {
    (void)state;
    fixture f;
    training t;
    heard h = {0};
    maple_hooks hooks = {.log = hear, .user = &h};
    fixture_make_case(&f, 1);
    f.request.hooks = &hooks;
    f.pool.dataset.platforms[1].latency_ms[7] = NAN;
    f.pool.dataset.platforms[2].latency_ms[0] = NAN;
    start(&t, &f.request, TINY);
    assert_int_equal(t.trainer.n_sources, PLATFORMS - 3);
    assert_int_equal(h.warnings, 1);
    assert_string_equal(h.last,
                        "left out for want of one of the 10 reference architectures or of two training "
                        "architectures: synthetic-1, synthetic-2");
    stop(&t);
    size_t train[] = {20};
    f.request.train = train;
    f.request.n_train = 1;
    assert_refused("help", &f.request, MAPLE_BAD_INPUT, "of two training architectures");
    f.request.train = NULL;
    f.request.options = "source_archs=1";
    assert_refused("help", &f.request, MAPLE_BAD_INPUT, "(source_archs=1 allows one)");
    f.request.options = NULL;
    for (size_t p = 0; p < PLATFORMS; p++)
        f.pool.dataset.platforms[p].latency_ms[7] = NAN;
    assert_refused("help", &f.request, MAPLE_BAD_INPUT,
                   "no source has latencies of the space's 10 reference");
    fixture_free(&f);
}

static void targets_without_references_are_warned_of(void **state) {
    (void)state;
    fixture f;
    heard h = {0};
    maple_hooks hooks = {.log = hear, .user = &h};
    fixture_make_case(&f, 1);
    f.request.hooks = &hooks;
    f.request.options = TINY;
    maple_predictor_free(fit_or_fail("help", &f.request));
    assert_int_equal(h.warnings, 0);
    f.reference_ms[3] = f.reference_ms[5] = NAN;
    maple_predictor_free(fit_or_fail("help", &f.request));
    assert_int_equal(h.warnings, 1);
    assert_non_null(strstr(h.last, "8 of the 10 reference architectures"));
    fixture_free(&f);
}

static void training_can_be_cancelled(void **state) {
    (void)state;
    fixture f;
    fixture_make_case(&f, 1);
    maple_hooks hooks = {.cancelled = cancel_now};
    f.request.hooks = &hooks;
    f.request.options = TINY;
    assert_refused("help", &f.request, MAPLE_INTERRUPTED, "after 1 of 6 episodes");
    fixture_free(&f);
}

/* --- Adapting --- */

static double rank_of(fixture *f, const char *options, double *predicted) {
    double rho;
    f->request.options = options;
    fit_and_ask(f, "help", &f->request, predicted);
    OK(maple_spearman(predicted, f->truth, ASKED, &rho, &why));
    return rho;
}

static void a_trained_network_ranks_an_unseen_device(void **state) {
    (void)state;
    double predicted[ASKED], other[ASKED];
    for (size_t which = 0; which < case_count(); which += 2) {
        fixture f;
        fixture_make_case(&f, which);
        double untrained = rank_of(&f, "episodes=1,width=24", predicted),
               trained = rank_of(&f, LEARNS, predicted);
        /* A chain has 132 bits, and 120 rows of each source tell little about them. */
        double enough = strcmp(maple_space_name(f.space), "fbnet") == 0 ? 0.45 : 0.9;
        if (!(trained > enough && trained > untrained + 0.1))
            fail_msg("case %zu: Spearman %g, %g without training", which, trained, untrained);
        double off = 0;
        for (size_t i = 0; i < ASKED; i++)
            off += fabs(predicted[i] / f.truth[i] - 1) / ASKED;
        if (!(off < 0.25)) /* milliseconds, not ranks alone */
            fail_msg("case %zu: off by %g", which, off);
        f.reference_ms[3] = NAN; /* what is missing is filled, and the device still known */
        assert_true(rank_of(&f, LEARNS, other) > enough - 0.1);
        fixture_free(&f);
    }
}

/* The inner loop, the modulator, the references among the samples, each other way to train: all change
 * something. */
static void options_do_something(void **state) {
    (void)state;
    const char *const options[] = {"inner_steps=0",
                                   "order=first",
                                   "z_scaling=0.5",
                                   "mc=1",
                                   "labels=log",
                                   "labels=pool",
                                   "denormalise=range",
                                   "denormalise=affine",
                                   "encoder=bits",
                                   "trim=0.2",
                                   "reference_samples=1",
                                   "kl=3",
                                   "alpha=0.1",
                                   "meta_rate=0.1",
                                   "tasks=2"};
    double usual[ASKED], changed[ASKED];
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        char all[256];
        fixture f;
        fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
        rank_of(&f, TINY, usual);
        snprintf(all, sizeof all, "%s,%s", TINY, options[i]);
        rank_of(&f, all, changed);
        if (memcmp(usual, changed, sizeof usual) == 0)
            fail_msg("%s changes nothing", options[i]);
        fixture_free(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_min_max),
        cmocka_unit_test(embedding_is_min_max),
        cmocka_unit_test(lines_give_milliseconds),
        cmocka_unit_test(the_robust_line_passes_an_outlier),
        cmocka_unit_test(the_line_is_of_relative_errors),
        cmocka_unit_test(fbnet_bits_are_the_published),
        cmocka_unit_test(continued_training_gives_the_same_bits),
        cmocka_unit_test(what_does_not_fit_is_not_continued),
        cmocka_unit_test(training_lowers_the_loss),
        cmocka_unit_test(a_tenth_is_trimmed_at_both_ends),
        cmocka_unit_test(sources_without_references_are_left_out),
        cmocka_unit_test(targets_without_references_are_warned_of),
        cmocka_unit_test(training_can_be_cancelled),
        cmocka_unit_test(a_trained_network_ranks_an_unseen_device),
        cmocka_unit_test(options_do_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
