/* SPDX-License-Identifier: Apache-2.0 */
/* `brp-gcn`: what it learns, and the files it refuses. (The network: test_brp_net.c; what every predictor
 * answers: test_predictor.c.) */
#include "check.h"
#include "fitting.h"
#include "maple/evaluate.h"
#include "predictor/own_samples.h"
#include "predictor/predictor_vtable.h"
#include "scratch.h"
#include "spaces.h"
#include "synthetic.h"

enum { TRAINED = 300, ASKED = 300 };

typedef struct device {
    const maple_space *space;
    maple_arch archs[TRAINED + ASKED];
    double latency_ms[TRAINED + ASKED];
    maple_fit_request request;
} device;

static void make_device(device *d, const char *space, maple_graph_form form) {
    maple_rng rng = maple_rng_seed(3);
    *d = (device){.space = space_or_fail(space)};
    synthetic_platform platform = synthetic_make(d->space, form, 4);
    assert_int_equal(maple_space_sample(d->space, form, &rng, TRAINED + ASKED, d->archs, NULL), MAPLE_OK);
    for (size_t i = 0; i < TRAINED + ASKED; i++)
        d->latency_ms[i] = synthetic_latency(d->space, &platform, &d->archs[i], 4);
    d->request = (maple_fit_request){
        .space = d->space,
        .seed = 2,
        .target = {.graph = form, .n_samples = TRAINED, .archs = d->archs, .latency_ms = d->latency_ms}};
}

static maple_metrics score(device *d, const char *options, double *predicted) {
    maple_metrics metrics;
    d->request.options = options;
    fit_and_predict("brp-gcn", &d->request, d->archs + TRAINED, ASKED, predicted);
    maple_metrics_compute(d->latency_ms + TRAINED, &POINTS(predicted), ASKED, &metrics, NULL);
    return metrics;
}

/* Pruned cells and chains; cells as written, where dead operators take time, with both graphs. */
static void it_learns_a_device(void **state) {
    (void)state;
    static const struct {
        const char *space, *graph;
        maple_graph_form form;
        double bound;
    } cases[] = {{"nas-bench-201", "pruned", MAPLE_GRAPH_PRUNED, 0.95},
                 {"nas-bench-201", "written", MAPLE_GRAPH_AS_WRITTEN, 0.95},
                 {"fbnet", "pruned", MAPLE_GRAPH_PRUNED, 0.8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static device d;
        static double predicted[2][ASKED];
        char learns[128], untrained[128];
        make_device(&d, cases[i].space, cases[i].form);
        snprintf(learns, sizeof learns, "epochs=60,width=64,rate=0.005,graph=%s", cases[i].graph);
        snprintf(untrained, sizeof untrained, "epochs=1,width=64,rate=1e-8,graph=%s", cases[i].graph);
        double after = score(&d, learns, predicted[0]).spearman,
               before = score(&d, untrained, predicted[1]).spearman;
        if (!(after > cases[i].bound && before < cases[i].bound - 0.05))
            fail_msg("%s, %s: spearman %g, untrained %g", cases[i].space, cases[i].graph, after, before);
        d.request.seed = 3;
        score(&d, learns, predicted[1]);
        assert_memory_not_equal(predicted[0], predicted[1], sizeof predicted[0]);
    }
}

/* Where dead operators take time, the paper's encoding misses them. */
static void written_graphs_hold_more_than_pruned_ones(void **state) {
    (void)state;
    static device d;
    static double predicted[ASKED];
    make_device(&d, "nas-bench-201", MAPLE_GRAPH_AS_WRITTEN);
    maple_metrics pruned = score(&d, "epochs=60,width=64,rate=0.005", predicted);
    maple_metrics written = score(&d, "epochs=60,width=64,rate=0.005,graph=written", predicted);
    if (!(written.acc10 > pruned.acc10 + 0.1))
        fail_msg("within 10 %%: pruned %g, written %g", pruned.acc10, written.acc10);
}

static void fitting_can_be_cancelled(void **state) {
    (void)state;
    static device d;
    make_device(&d, "nas-bench-201", MAPLE_GRAPH_PRUNED);
    maple_hooks hooks = {.cancelled = cancel_now};
    d.request.hooks = &hooks;
    d.request.options = "width=4,epochs=7";
    assert_refused("brp-gcn", &d.request, MAPLE_INTERRUPTED, "after 1 of 7 epochs");
}

/* --- Files --- */

static void damaged_models_are_refused(void **state) {
    (void)state;
    static device d;
    const maple_predictor_vtable *vtable;
    make_device(&d, "nas-bench-201", MAPLE_GRAPH_PRUNED);
    assert_int_equal(maple_predictor_find_vtable("brp-gcn", &vtable, &why), MAPLE_OK);
    maple_model_context context = {.space = d.space, .graph = MAPLE_GRAPH_PRUNED};
    const struct {
        double shape[2];
        size_t weights;
        float weight;
        const char *message;
    } cases[] = {{{0, 0}, 140, 0, "'shape': a network 0 wide is refused"},
                 {{1e9, 0}, 140, 0, "'shape': a network 1e+09 wide"},
                 {{2.5, 0}, 140, 0, "'shape': a network 2.5 wide"},
                 {{2, 0}, 9, 0, "'gcn'"},
                 {{2, 0}, 55, NAN, "tensor 'gcn': element 0 is not finite"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *model = NULL;
        double scale[4] = {1, 2, 1, 0.1};
        float weights[140] = {cases[i].weight};
        maple_tensors *tensors = maple_tensors_create();
        assert_non_null(tensors);
        OK(maple_tensors_add(tensors, "scale", MAPLE_F64, 4, 0, scale, &why));
        OK(maple_tensors_add(tensors, "shape", MAPLE_F64, 2, 0, cases[i].shape, &why));
        OK(maple_tensors_add(tensors, "gcn", MAPLE_F32, cases[i].weights, 0, weights, &why));
        OK(maple_tensors_write(tensors, in_scratch("brp.safetensors"), &why));
        maple_tensors_free(tensors);
        OK(maple_tensors_read(in_scratch("brp.safetensors"), &tensors, &why));
        FAILS(vtable->load(tensors, &context, &model, &why), MAPLE_BAD_INPUT, cases[i].message);
        maple_tensors_free(tensors);
    }
}

static void damaged_scales_are_refused(void **state) {
    (void)state;
    static const struct {
        double scale[4];
        const char *message;
    } CASES[] = {{{2, 1, 1, 1}, "tensor 'scale': 2, 1, 1, 1 are no scale"},
                 {{1, 0, 1, 1}, "tensor 'scale': 1, 0, 1, 1 are no scale"},
                 {{0, -1, 0, 1}, "tensor 'scale': 0, -1, 0, 1 are no scale"},
                 {{0, -1, 1, 0}, "tensor 'scale': 0, -1, 1, 0 are no scale"},
                 {{0, NAN, 1, 1}, "tensor 'scale': element 1 is not finite"},
                 {{0, 1, 1, INFINITY}, "tensor 'scale': element 3 is not finite"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        maple_own_scale scale;
        maple_tensors *tensors = maple_tensors_create();
        assert_non_null(tensors);
        OK(maple_tensors_add(tensors, "scale", MAPLE_F64, 4, 0, CASES[i].scale, &why));
        FAILS(maple_own_scale_load(tensors, &scale, &why), MAPLE_BAD_INPUT, CASES[i].message);
        maple_tensors_free(tensors);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_a_device),
        cmocka_unit_test(written_graphs_hold_more_than_pruned_ones),
        cmocka_unit_test(fitting_can_be_cancelled),
        cmocka_unit_test(damaged_models_are_refused),
        cmocka_unit_test(damaged_scales_are_refused),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
