/* SPDX-License-Identifier: Apache-2.0 */
/* `maple` and `fine-tune` where operators were never timed: what references and costs are good for,
 * fine-tuning. */
#include "maple_fixture.h"

static maple_metrics score(const fixture *f, const char *name, const maple_fit_request *request) {
    double predicted[ASKED];
    maple_metrics metrics;
    fit_and_predict(name, request, f->asked, ASKED, predicted);
    assert_int_equal(maple_metrics_compute(f->truth, &POINTS(predicted), ASKED, &metrics, NULL), MAPLE_OK);
    return metrics;
}

/* --- References --- */

static void references_make_predictions_better(void **state) {
    (void)state;
    const char *const names[] = {"maple", "fine-tune"};
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        for (int i = 0; i < 2; i++) {
            maple_metrics with = score(&f, names[i], &f.request);
            maple_fit_request request = f.request;
            request.target.reference_ms = NULL;
            maple_metrics without = score(&f, names[i], &request);
            if (!(with.medape < without.medape))
                fail_msg("%s: %g with references, %g without", names[i], with.medape, without.medape);
        }
        fixture_free(&f);
    }
}

static void missing_references_do_no_harm(void **state) {
    (void)state;
    const char *const names[] = {"maple", "fine-tune"};
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        for (int i = 0; i < 2; i++) {
            double all[ASKED], some[ASKED], none[ASKED], null[ASKED], holes[REFERENCES];
            maple_fit_request request = f.request;
            fit_and_predict(names[i], &request, f.asked, ASKED, all);
            memcpy(holes, f.reference_ms, sizeof holes);
            holes[0] = holes[7] = NAN;
            request.target.reference_ms = holes;
            double before = f.pool.dataset.platforms[2].latency_ms[3];
            f.pool.dataset.platforms[2].latency_ms[3] = NAN; /* a source lacks one, too */
            fit_and_predict(names[i], &request, f.asked, ASKED, some);
            f.pool.dataset.platforms[2].latency_ms[3] = before;
            for (size_t r = 0; r < REFERENCES; r++)
                holes[r] = NAN;
            fit_and_predict(names[i], &request, f.asked, ASKED, none);
            request.target.reference_ms = NULL;
            fit_and_predict(names[i], &request, f.asked, ASKED, null);
            assert_memory_equal(none, null, sizeof none);
            maple_metrics near;
            maple_metrics_compute(all, &POINTS(some), ASKED, &near, NULL);
            assert_true(near.medape > 0 && near.medape < 0.1);
        }
        fixture_free(&f);
    }
}

/* With operator latencies the descriptor needs no references; the option says otherwise. */
static void references_are_left_alone_where_operators_are_known(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    size_t operators = maple_space_operators(f.space);
    for (size_t p = 0; p + 1 < PLATFORMS; p++) {
        double *operator_ms = synthetic_need(calloc(operators, sizeof(double)));
        memcpy(operator_ms, f.pool.truth[p].operator_ms, operators * sizeof(double));
        f.pool.dataset.platforms[p].operator_ms = operator_ms;
    }
    const char *const names[] = {"maple", "fine-tune"};
    const char *const forced[] = {"epochs=10,width=32,embedding=8,references=1"};
    for (int i = 0; i < 2; i++) {
        double with[ASKED], without[ASKED], wanted[ASKED];
        maple_fit_request request = f.request;
        request.target.operator_ms = f.pool.truth[PLATFORMS - 1].operator_ms;
        fit_and_predict(names[i], &request, f.asked, ASKED, with);
        request.options = forced[0];
        fit_and_predict(names[i], &request, f.asked, ASKED, wanted);
        request.options = SMALL;
        request.target.reference_ms = NULL;
        fit_and_predict(names[i], &request, f.asked, ASKED, without);
        assert_memory_equal(with, without, sizeof with);
        assert_memory_not_equal(with, wanted, sizeof with);
    }
    fixture_free(&f);
}

/* --- Costs --- */

/* Devices as the public ones: an offset and a cost for each operator, in milliseconds. */
static double linear_latency(const maple_arch *arch, int positions, int ops, size_t device) {
    maple_rng rng = maple_rng_seed(100 + device);
    double speed = exp(2 * maple_rng_uniform(&rng)), sum = 4 + 4 * maple_rng_uniform(&rng);
    double cost[16];
    for (int o = 0; o < ops; o++)
        cost[o] = o * (0.5 + maple_rng_uniform(&rng));
    for (int i = 0; i < positions; i++)
        sum += cost[arch->op[i]];
    return speed * sum;
}

static void make_linear(fixture *f) {
    for (size_t p = 0; p < PLATFORMS; p++)
        for (size_t i = 0; i < POOL_ARCHS; i++)
            f->pool.dataset.platforms[p].latency_ms[i] = linear_latency(&f->pool.dataset.archs[i], 6, 5, p);
    for (size_t i = 0; i < REFERENCES; i++) {
        f->reference_ms[i] = linear_latency(&f->pool.dataset.archs[i], 6, 5, PLATFORMS - 1);
        f->latency_ms[i] = linear_latency(&f->samples[i], 6, 5, PLATFORMS - 1);
    }
    for (size_t i = 0; i < ASKED; i++)
        f->truth[i] = linear_latency(&f->asked[i], 6, 5, PLATFORMS - 1);
}

static void costs_find_devices_that_add_up(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    make_linear(&f);
    f.request.options = "network=0";
    maple_metrics metrics = score(&f, "maple", &f.request);
    if (!(metrics.medape < 0.02 && metrics.acc10 > 0.99))
        fail_msg("medape %g acc10 %g", metrics.medape, metrics.acc10);
    f.request.options = "epochs=20,width=32"; /* nor does the network spoil it */
    metrics = score(&f, "maple", &f.request);
    assert_true(metrics.medape < 0.03 && metrics.acc10 > 0.98);
    fixture_free(&f);
}

/* Latencies of the target times `factor` are predictions times `factor`. */
static void assert_scales(fixture *f, const char *predictor, double factor, double tolerance) {
    double before[ASKED], after[ASKED];
    fit_and_predict(predictor, &f->request, f->asked, ASKED, before);
    for (size_t i = 0; i < REFERENCES; i++) {
        f->latency_ms[i] *= factor;
        f->reference_ms[i] *= factor;
    }
    fit_and_predict(predictor, &f->request, f->asked, ASKED, after);
    for (size_t i = 0; i < ASKED; i++)
        assert_true(fabs(after[i] / before[i] / factor - 1) < tolerance);
}

/* The closed-form part scales with the target. */
static void costs_scale_with_the_target(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    f.request.options = "network=0";
    assert_scales(&f, "maple", 1000, 1e-9);
    fixture_free(&f);
}

/* A training with many rows is cut short by `steps`. */
static void steps_bound_the_training(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    double cut[ASKED], same[ASKED], all[ASKED];
    f.request.options = "epochs=4,batch=95,width=16"; /* (5 x 190 + 3 + 10) / 95: 11 steps an epoch */
    fit_and_predict("maple", &f.request, f.asked, ASKED, all);
    f.request.options = "epochs=4,batch=95,width=16,steps=44";
    fit_and_predict("maple", &f.request, f.asked, ASKED, same);
    f.request.options = "epochs=4,batch=95,width=16,steps=43";
    fit_and_predict("maple", &f.request, f.asked, ASKED, cut);
    assert_memory_equal(all, same, sizeof all);
    assert_memory_not_equal(all, cut, sizeof all);
    fixture_free(&f);
}

/* Of a complete table only as many rows count as are asked for, and those that the other sources have, too.
 */
static void complete_sources_do_not_outweigh_the_others(void **state) {
    (void)state;
    enum { COMMON = 60 };
    static const char *const names[] = {"maple", "fine-tune"};
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    f.request.options = "epochs=10,width=32,embedding=8,source_archs=60";
    for (size_t k = 0; k < 2; k++) {
        double partial[ASKED], complete[ASKED], all[ASKED];
        maple_fit_request request = f.request;
        double *kept[PLATFORMS];
        for (size_t p = 0; p + 1 < PLATFORMS; p++) { /* all but the first have COMMON training rows */
            kept[p] = malloc(POOL_ARCHS * sizeof(double));
            memcpy(kept[p], f.pool.dataset.platforms[p].latency_ms, POOL_ARCHS * sizeof(double));
            for (size_t i = REFERENCES + COMMON; i < POOL_ARCHS && p > 0; i++)
                f.pool.dataset.platforms[p].latency_ms[i] = NAN;
        }
        fit_and_predict(names[k], &request, f.asked, ASKED, complete);
        request.n_train = COMMON;
        fit_and_predict(names[k], &request, f.asked, ASKED, partial);
        assert_memory_equal(partial, complete, sizeof partial);
        request.n_train = f.request.n_train;
        request.options = "epochs=10,width=32,embedding=8,source_archs=0";
        fit_and_predict(names[k], &request, f.asked, ASKED, all);
        assert_memory_not_equal(all, complete, sizeof all);
        for (size_t p = 0; p + 1 < PLATFORMS; p++) {
            memcpy(f.pool.dataset.platforms[p].latency_ms, kept[p], POOL_ARCHS * sizeof(double));
            free(kept[p]);
        }
    }
    fixture_free(&f);
}

/* --- Fine-tuning --- */

static void fine_tuning_learns_the_target(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    make_linear(&f);
    f.request.target.n_samples = REFERENCES;
    f.request.options = "epochs=30,width=64,tune_steps=0";
    maple_metrics before = score(&f, "fine-tune", &f.request);
    f.request.options = "epochs=30,width=64,tune_steps=200";
    maple_metrics after = score(&f, "fine-tune", &f.request);
    if (!(after.medape < before.medape && after.acc10 > 0.6))
        fail_msg("medape %g, before %g; acc10 %g", after.medape, before.medape, after.acc10);
    fixture_free(&f);
}

/* Without the level in S (references=0) predictions scale with the target, up to float. */
static void fine_tuning_scales_with_the_target(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    f.request.options = "epochs=10,width=32,embedding=8,references=0,tune_steps=20";
    f.request.target.n_samples = 4; /* too few for folds: the fixed number of steps */
    assert_scales(&f, "fine-tune", 1024, 1e-3);
    fixture_free(&f);
}

/* One pre-trained model serves two targets; what a target lacks is as on the average source. */
static void one_pretraining_serves_many_targets(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    maple_pretrained *pretrained = NULL;
    maple_fit_request request = f.request;
    request.target = (maple_target){0};
    assert_int_equal(maple_predictor_pretrain("fine-tune", &request, &pretrained, NULL), MAPLE_OK);
    double known[ASKED], unknown[ASKED];
    for (int i = 0; i < 2; i++) {
        maple_predictor *predictor = NULL;
        request = f.request;
        if (i == 1)
            request.target.reference_ms = NULL;
        assert_int_equal(maple_pretrained_adapt(pretrained, &request, &predictor, NULL), MAPLE_OK);
        assert_int_equal(maple_predictor_predict(predictor, f.asked, ASKED, i == 0 ? known : unknown, NULL),
                         MAPLE_OK);
        maple_predictor_free(predictor);
    }
    for (size_t i = 0; i < ASKED; i++)
        assert_true(isfinite(unknown[i]) && unknown[i] > 0);
    assert_memory_not_equal(known, unknown, sizeof known);
    maple_pretrained_free(pretrained);
    fixture_free(&f);
}

static void fine_tuning_can_be_cancelled(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    maple_hooks hooks = {.cancelled = cancel_now};
    f.request.hooks = &hooks;
    assert_refused("fine-tune", &f.request, MAPLE_INTERRUPTED, "after 1 of 10 epochs");
    fixture_free(&f);
}

/* --- A space that cannot be enumerated --- */

static void fbnet_is_predicted(void **state) {
    (void)state;
    enum { ARCHS = 300, DEVICES = 5 };
    const maple_space *space = space_or_fail("fbnet");
    int positions = maple_space_positions(space), ops = maple_space_ops(space);
    static maple_arch archs[ARCHS];
    static double latency_ms[DEVICES][ARCHS];
    int index[ARCHS];
    maple_rng rng = maple_rng_seed(3);
    assert_int_equal(maple_space_sample(space, MAPLE_GRAPH_AS_WRITTEN, &rng, ARCHS, archs, NULL), MAPLE_OK);
    for (size_t r = 0; r < REFERENCES; r++)
        archs[r] = maple_space_reference(space, r);
    maple_dataset_platform platforms[DEVICES] = {0};
    double references[REFERENCES], predicted[ARCHS];
    for (size_t p = 0; p < DEVICES; p++) {
        for (size_t i = 0; i < ARCHS; i++) {
            index[i] = -1;
            latency_ms[p][i] = linear_latency(&archs[i], positions, ops, p);
        }
        platforms[p].latency_ms = latency_ms[p];
        platforms[p].platform.graph = MAPLE_GRAPH_AS_WRITTEN;
    }
    memcpy(references, latency_ms[DEVICES - 1], sizeof references);
    maple_dataset dataset = {.space = space,
                             .n_archs = ARCHS,
                             .archs = archs,
                             .index = index,
                             .n_platforms = DEVICES,
                             .platforms = platforms};
    const size_t sources[] = {0, 1, 2, 3};
    maple_fit_request request = {.space = space,
                                 .pool = &dataset,
                                 .sources = sources,
                                 .n_sources = DEVICES - 1,
                                 .target = {.graph = MAPLE_GRAPH_AS_WRITTEN,
                                            .n_samples = 20,
                                            .archs = archs + REFERENCES,
                                            .latency_ms = latency_ms[DEVICES - 1] + REFERENCES,
                                            .reference_ms = references},
                                 .options = "epochs=40,width=64,batch=32"};
    const char *const names[] = {"maple", "fine-tune"};
    for (int i = 0; i < 2; i++) {
        maple_metrics metrics;
        fit_and_predict(names[i], &request, archs, ARCHS, predicted);
        maple_metrics_compute(latency_ms[DEVICES - 1], &POINTS(predicted), ARCHS, &metrics, NULL);
        if (!(metrics.acc10 > (i == 0 ? 0.95 : 0.7) && metrics.spearman > 0.85))
            fail_msg("%s: acc10 %g spearman %g", names[i], metrics.acc10, metrics.spearman);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_make_predictions_better),
        cmocka_unit_test(missing_references_do_no_harm),
        cmocka_unit_test(references_are_left_alone_where_operators_are_known),
        cmocka_unit_test(costs_find_devices_that_add_up),
        cmocka_unit_test(costs_scale_with_the_target),
        cmocka_unit_test(steps_bound_the_training),
        cmocka_unit_test(complete_sources_do_not_outweigh_the_others),
        cmocka_unit_test(fine_tuning_learns_the_target),
        cmocka_unit_test(fine_tuning_scales_with_the_target),
        cmocka_unit_test(one_pretraining_serves_many_targets),
        cmocka_unit_test(fine_tuning_can_be_cancelled),
        cmocka_unit_test(fbnet_is_predicted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
