/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of `maple` and `fine-tune`: beliefs, the descriptor's parts, costs and references of platforms whose
 * operators were never timed, fine-tuning. */
#include "maple/evaluate.h"
#include "predictor/maple_model.h"
#include "synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

enum { PLATFORMS = 6, POOL_ARCHS = 200, REFERENCES = 10, ASKED = 300 };
static const char *const SMALL = "epochs=10,width=32,embedding=8";

/* Platforms without operator latencies; the first ten architectures of the pool are the references. */
typedef struct fixture {
    const maple_space *space;
    synthetic_pool pool;
    size_t sources[PLATFORMS - 1], train[POOL_ARCHS - REFERENCES];
    maple_arch samples[REFERENCES], asked[ASKED];
    double latency_ms[REFERENCES], truth[ASKED], reference_ms[REFERENCES];
    maple_fit_request request;
} fixture;

static void fixture_make(fixture *f, maple_graph_form form) {
    *f = (fixture){0};
    assert_int_equal(maple_space_find("nas-bench-201", &f->space, NULL), MAPLE_OK);
    assert_int_equal(maple_space_references(f->space), REFERENCES);
    f->pool = synthetic_pool_make(f->space, form, PLATFORMS, POOL_ARCHS, 21);
    for (size_t r = 0; r < REFERENCES; r++) {
        f->pool.dataset.archs[r] = maple_space_reference(f->space, r);
        for (size_t p = 0; p < PLATFORMS; p++)
            f->pool.dataset.platforms[p].latency_ms[r] =
                synthetic_latency(f->space, &f->pool.truth[p], &f->pool.dataset.archs[r], 21 + p);
        f->reference_ms[r] = f->pool.dataset.platforms[PLATFORMS - 1].latency_ms[r];
    }
    for (size_t p = 0; p + 1 < PLATFORMS; p++) {
        free(f->pool.dataset.platforms[p].operator_ms);
        f->pool.dataset.platforms[p].operator_ms = NULL;
        f->sources[p] = p;
    }
    for (size_t i = 0; i + REFERENCES < POOL_ARCHS; i++)
        f->train[i] = i + REFERENCES;
    maple_rng rng = maple_rng_seed(5);
    assert_int_equal(maple_space_sample(f->space, form, &rng, REFERENCES, f->samples, NULL), MAPLE_OK);
    assert_int_equal(maple_space_sample(f->space, form, &rng, ASKED, f->asked, NULL), MAPLE_OK);
    const synthetic_platform *truth = &f->pool.truth[PLATFORMS - 1];
    for (size_t i = 0; i < REFERENCES; i++)
        f->latency_ms[i] = synthetic_latency(f->space, truth, &f->samples[i], 26);
    for (size_t i = 0; i < ASKED; i++)
        f->truth[i] = synthetic_latency(f->space, truth, &f->asked[i], 26);
    f->request = (maple_fit_request){.space = f->space,
                                     .pool = &f->pool.dataset,
                                     .sources = f->sources,
                                     .n_sources = PLATFORMS - 1,
                                     .train = f->train,
                                     .n_train = POOL_ARCHS - REFERENCES,
                                     .target = {.graph = form,
                                                .n_samples = 3,
                                                .archs = f->samples,
                                                .latency_ms = f->latency_ms,
                                                .reference_ms = f->reference_ms},
                                     .seed = 4,
                                     .options = SMALL};
}

static void fixture_free(fixture *f) {
    synthetic_pool_free(&f->pool);
}

static void fit_and_predict(const char *name, const maple_fit_request *request, const maple_arch *archs,
                            size_t n, double *predicted) {
    maple_predictor *predictor = NULL;
    maple_error error = {.message = ""};
    if (maple_predictor_fit(name, request, &predictor, &error) != MAPLE_OK ||
        maple_predictor_predict(predictor, archs, n, predicted, &error) != MAPLE_OK)
        fail_msg("%s: %s", name, error.message);
    maple_predictor_free(predictor);
    for (size_t i = 0; i < n; i++)
        assert_true(isfinite(predicted[i]) && predicted[i] > 0);
}

static maple_metrics score(const fixture *f, const char *name, const maple_fit_request *request) {
    double predicted[ASKED];
    maple_metrics metrics;
    fit_and_predict(name, request, f->asked, ASKED, predicted);
    assert_int_equal(maple_metrics_compute(f->truth, predicted, ASKED, &metrics, NULL), MAPLE_OK);
    return metrics;
}

/* --- Beliefs --- */

static void belief_is_the_gaussian_posterior(void **state) {
    (void)state;
    maple_belief belief;
    assert_int_equal(maple_belief_init(&belief, 2, NULL), MAPLE_OK);
    belief.noise = 0.5;
    belief.mean[0] = 1;
    belief.mean[1] = -2;
    belief.factor[0] = 2; /* covariance [[4, 2], [2, 10]] */
    belief.factor[2] = 1;
    belief.factor[3] = 3;
    double c[2];
    assert_int_equal(maple_belief_update(&belief, 0, NULL, NULL, c, NULL), MAPLE_OK);
    assert_true(c[0] == 1 && c[1] == -2);
    /* One row x = (1, 1): mean -1, variance 4 + 2 + 2 + 10 + 0.25; gain (6, 12) / 18.25. */
    const double x[2] = {1, 1}, y = -0.5;
    assert_int_equal(maple_belief_update(&belief, 1, x, &y, c, NULL), MAPLE_OK);
    assert_true(fabs(c[0] - (1 + 6 / 18.25 * 0.5)) < 1e-12);
    assert_true(fabs(c[1] - (-2 + 12 / 18.25 * 0.5)) < 1e-12);
    maple_belief_release(&belief);
}

static void belief_resists_an_outlier(void **state) {
    (void)state;
    maple_belief belief;
    assert_int_equal(maple_belief_init(&belief, 1, NULL), MAPLE_OK);
    belief.noise = 0.1;
    belief.factor[0] = 10;
    const double x[5] = {1, 1, 1, 1, 1}, y[5] = {3, 3.05, 2.95, 3, 30};
    double c;
    assert_int_equal(maple_belief_update(&belief, 5, x, y, &c, NULL), MAPLE_OK);
    assert_true(fabs(c - 3) < 0.1); /* least squares would say 8.4 */
    maple_belief_release(&belief);
}

/* --- Descriptor --- */

static maple_axes learn(const maple_space *space, const maple_measured *sources, size_t n,
                        const maple_measured *target) {
    maple_parts parts = {true, true, true, true};
    maple_axes axes;
    assert_int_equal(maple_axes_learn(space, parts, sources, n, target, &axes, NULL), MAPLE_OK);
    return axes;
}

/* Two sources whose references differ by a factor alone: one column, the level, and S = -1, 1. A target that
 * lies between them has S = 0, whichever of its references are known. */
static void references_are_level_and_shape(void **state) {
    (void)state;
    const maple_space *space;
    assert_int_equal(maple_space_find("nas-bench-201", &space, NULL), MAPLE_OK);
    double slow[REFERENCES], fast[REFERENCES], between[REFERENCES];
    for (size_t r = 0; r < REFERENCES; r++) {
        fast[r] = 1 + (double)r;
        slow[r] = fast[r] * exp(2);
        between[r] = r % 4 == 0 ? fast[r] * exp(1.5) : NAN;
    }
    maple_measured sources[2] = {{.reference_ms = fast}, {.reference_ms = slow}};
    maple_measured target = {.reference_ms = between};
    maple_axes axes = learn(space, sources, 2, &target);
    float s[3];
    assert_int_equal(axes.kept, 1);
    assert_int_equal(axes.used, 1);
    assert_int_equal(maple_axes_apply(&axes, space, &sources[0], &s[0], NULL), MAPLE_OK);
    assert_int_equal(maple_axes_apply(&axes, space, &sources[1], &s[1], NULL), MAPLE_OK);
    assert_int_equal(maple_axes_apply(&axes, space, &target, &s[2], NULL), MAPLE_OK);
    assert_true(fabsf(fabsf(s[0]) - 1) < 1e-6f && fabsf(s[0] + s[1]) < 1e-6f);
    assert_true(fabsf(s[2] - 0.5f * s[1]) < 1e-6f); /* 1.5 is half way from the mean, 1, to 2 */
    maple_axes_release(&axes);

    slow[3] *= 2; /* now the shape differs, too: one column a reference, of which the target has three */
    axes = learn(space, sources, 2, &target);
    assert_int_equal(axes.used, 1 + 3);
    maple_axes_release(&axes);
    axes = learn(space, sources, 2, NULL); /* as in pre-training: all of them */
    assert_int_equal(axes.used, 1 + REFERENCES);
    assert_int_equal(maple_axes_apply(&axes, space, &(maple_measured){0}, s, NULL), MAPLE_OK);
    assert_true(s[0] == 0); /* of a platform of which nothing is known: as on the average source */
    maple_axes_release(&axes);
}

static void parts_are_used_where_two_sources_and_the_target_have_them(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    synthetic_platform *truth = f.pool.truth;
    maple_measured m[3] = {{.operator_ms = truth[0].operator_ms, .counters_warm = truth[0].warm},
                           {.operator_ms = truth[1].operator_ms, .counters_warm = truth[1].warm},
                           {.operator_ms = truth[2].operator_ms, .counters_warm = truth[2].warm}};
    size_t operators = maple_space_descriptor_operators(f.space);
    maple_axes axes = learn(f.space, m, 2, &m[2]);
    size_t both = axes.used;
    assert_true(both > 1 + operators && axes.column[0] == 1);
    maple_axes_release(&axes);
    m[2].counters_warm = NULL;
    axes = learn(f.space, m, 2, &m[2]);
    assert_int_equal(axes.used, 1 + operators);
    maple_axes_release(&axes);
    m[1].operator_ms = NULL; /* one source is not enough */
    axes = learn(f.space, m, 2, &m[2]);
    assert_int_equal(axes.used, 0);
    assert_int_equal(axes.kept, 0);
    maple_axes_release(&axes);
    fixture_free(&f);
}

static void damaged_axes_are_refused(void **state) {
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/maple_axes_%ld.safetensors", (long)getpid());
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    maple_measured m[2] = {{.operator_ms = f.pool.truth[0].operator_ms},
                           {.operator_ms = f.pool.truth[1].operator_ms}};
    maple_axes axes = learn(f.space, m, 2, NULL), loaded = {0};
    const double columns[] = {axes.column[1], 1e6, 2.5, axes.column[0]}; /* the last: twice the same */
    for (int i = 0; i < 5; i++) {
        maple_tensors *tensors = maple_tensors_create(), *read = NULL;
        maple_error error;
        double before = axes.column[1];
        axes.column[1] = i < 4 ? columns[i] : before;
        double spread = axes.sd[0];
        axes.sd[0] = i == 4 ? 0 : spread;
        assert_int_equal(maple_axes_save(&axes, tensors, NULL), MAPLE_OK);
        axes.column[1] = before;
        axes.sd[0] = spread;
        assert_int_equal(maple_tensors_write(tensors, path, NULL), MAPLE_OK);
        assert_int_equal(maple_tensors_read(path, &read, NULL), MAPLE_OK);
        maple_status status = maple_axes_load(read, f.space, axes.kept, &loaded, &error);
        assert_int_equal(status, i == 0 ? MAPLE_OK : MAPLE_BAD_INPUT);
        if (i > 0)
            assert_non_null(strstr(error.message, "tensor 'descriptor.column': element"));
        maple_axes_release(&loaded);
        maple_tensors_free(tensors);
        maple_tensors_free(read);
    }
    maple_axes_release(&axes);
    unlink(path);
    fixture_free(&f);
}

/* --- References --- */

static void references_of_sources_come_from_all_rows(void **state) {
    (void)state;
    for (int form = 0; form < 2; form++) {
        fixture f;
        fixture_make(&f, (maple_graph_form)form);
        double found[REFERENCES];
        f.pool.dataset.platforms[1].latency_ms[4] = NAN;
        assert_int_equal(maple_dataset_references(&f.pool.dataset, 1, found), REFERENCES - 1);
        for (size_t r = 0; r < REFERENCES; r++)
            assert_true(r == 4 ? isnan(found[r]) : found[r] == f.pool.dataset.platforms[1].latency_ms[r]);
        fixture_free(&f);
    }
}

/* A pruned platform that measured another architecture with the same pruned graph has the reference. */
static void references_are_found_by_their_pruned_graph(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_PRUNED);
    maple_arch *arch = NULL;
    size_t r = 0;
    for (; r < REFERENCES && !arch; r++) {
        arch = &f.pool.dataset.archs[r];
        maple_arch canonical = maple_space_canonical(f.space, MAPLE_GRAPH_PRUNED, arch);
        if (maple_arch_equal(arch, &canonical))
            arch = NULL;
        else
            *arch = canonical;
    }
    assert_non_null(arch);
    double found[REFERENCES];
    maple_dataset_references(&f.pool.dataset, 0, found);
    assert_true(found[r - 1] == f.pool.dataset.platforms[0].latency_ms[r - 1]);
    f.pool.dataset.archs[REFERENCES] = maple_space_reference(f.space, r - 1); /* its own row goes before */
    assert_int_equal(maple_dataset_references(&f.pool.dataset, 0, found), REFERENCES);
    assert_true(found[r - 1] == f.pool.dataset.platforms[0].latency_ms[REFERENCES]);
    f.pool.dataset.archs[REFERENCES] = *arch;
    f.pool.dataset.platforms[0].platform.graph = MAPLE_GRAPH_AS_WRITTEN; /* there it is another network */
    maple_dataset_references(&f.pool.dataset, 0, found);
    assert_true(isnan(found[r - 1]));
    fixture_free(&f);
}

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
            maple_metrics_compute(all, some, ASKED, &near, NULL);
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

/* The closed-form part scales with the target. */
static void costs_scale_with_the_target(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    double before[ASKED], after[ASKED];
    f.request.options = "network=0";
    fit_and_predict("maple", &f.request, f.asked, ASKED, before);
    for (size_t i = 0; i < REFERENCES; i++) {
        f.latency_ms[i] *= 1000;
        f.reference_ms[i] *= 1000;
    }
    fit_and_predict("maple", &f.request, f.asked, ASKED, after);
    for (size_t i = 0; i < ASKED; i++)
        assert_true(fabs(after[i] / before[i] / 1000 - 1) < 1e-9);
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

/* --- Fine-tuning --- */

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
    double before[ASKED], after[ASKED];
    f.request.options = "epochs=10,width=32,embedding=8,references=0,tune_steps=20";
    f.request.target.n_samples = 4; /* too few for folds: the fixed number of steps */
    fit_and_predict("fine-tune", &f.request, f.asked, ASKED, before);
    for (size_t i = 0; i < REFERENCES; i++)
        f.latency_ms[i] *= 1024;
    fit_and_predict("fine-tune", &f.request, f.asked, ASKED, after);
    for (size_t i = 0; i < ASKED; i++)
        assert_true(fabs(after[i] / before[i] / 1024 - 1) < 1e-3);
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

static bool cancel_now(void *user) {
    (void)user;
    return true;
}

static void fine_tuning_can_be_cancelled(void **state) {
    (void)state;
    fixture f;
    fixture_make(&f, MAPLE_GRAPH_AS_WRITTEN);
    maple_hooks hooks = {.cancelled = cancel_now};
    maple_error error;
    maple_predictor *predictor = NULL;
    f.request.hooks = &hooks;
    assert_int_equal(maple_predictor_fit("fine-tune", &f.request, &predictor, &error), MAPLE_INTERRUPTED);
    assert_non_null(strstr(error.message, "after 1 of 10 epochs"));
    assert_null(predictor);
    fixture_free(&f);
}

/* --- A space that cannot be enumerated --- */

static void fbnet_is_predicted(void **state) {
    (void)state;
    enum { ARCHS = 300, DEVICES = 5 };
    const maple_space *space;
    assert_int_equal(maple_space_find("fbnet", &space, NULL), MAPLE_OK);
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
    maple_dataset dataset = {space, ARCHS, archs, index, DEVICES, platforms, 0, NULL};
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
        maple_metrics_compute(latency_ms[DEVICES - 1], predicted, ARCHS, &metrics, NULL);
        if (!(metrics.acc10 > (i == 0 ? 0.95 : 0.7) && metrics.spearman > 0.85))
            fail_msg("%s: acc10 %g spearman %g", names[i], metrics.acc10, metrics.spearman);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(belief_is_the_gaussian_posterior),
        cmocka_unit_test(belief_resists_an_outlier),
        cmocka_unit_test(references_are_level_and_shape),
        cmocka_unit_test(parts_are_used_where_two_sources_and_the_target_have_them),
        cmocka_unit_test(damaged_axes_are_refused),
        cmocka_unit_test(references_of_sources_come_from_all_rows),
        cmocka_unit_test(references_are_found_by_their_pruned_graph),
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
