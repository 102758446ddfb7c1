/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of a table count as measured: samples, references, different graphs. */
#include "evaluate_fixture.h"

/* A contender with a number of its own appears once, with the others' samples among its own. */
static void own_numbers_of_samples(void **state) {
    (void)state;
    static const maple_contender CONTENDERS[] = {{.name = "flops", .label = "flops@60", .samples = 60},
                                                 {.name = "flops"},
                                                 {.name = "flops", .label = "same", .samples = 10}};
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 300);
    leave_one_out(&f);
    contend(&f, CONTENDERS, 3);
    OK(evaluate(&f));
    assert_int_equal(f.n, 4 * (N_PLATFORMS + 1));
    static const struct {
        const char *label;
        int samples;
    } BLOCKS[] = {{"flops", 3}, {"flops", 10}, {"same", 10}, {"flops@60", 60}};
    for (size_t b = 0; b < 4; b++) {
        assert_string_equal(f.rows[b * (N_PLATFORMS + 1)].predictor, BLOCKS[b].label);
        assert_int_equal(f.rows[b * (N_PLATFORMS + 1)].samples, BLOCKS[b].samples);
    }
    /* The same samples give the same scores. */
    const maple_evaluation_row *a = find_row(&f, "flops", "synthetic-1", 10),
                               *b = find_row(&f, "same", "synthetic-1", 10);
    assert_memory_equal(a->scores, b->scores, sizeof a->scores);
    release(&f);
}

/* Rows 0..9 become the space's references, the others different ones. */
static void place_references(fixture *f) {
    maple_dataset *d = &f->pool.dataset;
    size_t n = maple_space_references(d->space);
    maple_rng rng = maple_rng_seed(77);
    for (size_t i = 0; i < d->n_archs; i++) {
        bool taken = true;
        while (taken) {
            d->archs[i] = i < n ? maple_space_reference(d->space, i)
                                : maple_space_nth(d->space, (size_t)maple_rng_below(&rng, 15625));
            taken = false;
            for (size_t k = 0; k < i; k++)
                taken = taken || maple_arch_equal(&d->archs[k], &d->archs[i]);
        }
        for (size_t p = 0; p < N_PLATFORMS; p++)
            d->platforms[p].latency_ms[i] = synthetic_latency(d->space, &f->pool.truth[p], &d->archs[i], p);
    }
}

/* `maple` measures references only where there is no look-up table; those that are samples, too, count once.
 */
static void references_are_counted(void **state) {
    (void)state;
    const maple_predictor_info *info;
    OK(maple_predictor_find("maple", &info, &why));
    assert_int_equal(info->references, 10);
    static const maple_contender CONTENDER = {.name = "maple", .options = "epochs=1,width=8"};
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 60);
    maple_dataset *d = &f.pool.dataset;
    place_references(&f);
    for (size_t i = 0; i < maple_space_operators(d->space); i++)
        d->platforms[1].operator_ms[i] = NAN;
    leave_one_out(&f);
    contend(&f, &CONTENDER, 1);
    OK(evaluate(&f));
    double measured = 0;
    size_t overlaps = 0, rows[10];
    for (int trial = 0; trial < 3; trial++) {
        char seed[64];
        int length = snprintf(seed, sizeof seed, "1|samples|leave-one-out|synthetic-1|%d", trial);
        OK(maple_sampler_draw(d, 1, "random", 10, maple_hash(seed, (size_t)length), rows, &why));
        size_t overlap = 0;
        for (size_t i = 0; i < 10; i++)
            overlap += rows[i] < 10;
        measured += (double)(20 - overlap) / 3;
        overlaps += overlap;
    }
    assert_true(overlaps > 0); /* of 60 rows, 10 are references */
    const maple_evaluation_row *row = find_row(&f, "maple", "synthetic-1", 10);
    assert_string_equal(row->reason, "");
    assert_int_equal(row->references, 10);
    assert_true(fabs(row->measured - measured) <= 1e-9);
    assert_int_equal(row->scores[MAPLE_SCORE_UNMEASURED].mean.n, (size_t)llround(60 - measured));
    row = find_row(&f, "maple", "synthetic-0", 10);
    assert_int_equal(row->references, 0);
    assert_true(fabs(row->measured - 10) <= 1e-9);
    release(&f);
}

/* What options and operator latencies say about references decides both what is counted and what is used. */
static void references_are_counted_where_they_are_used(void **state) {
    (void)state;
    static const maple_contender CONTENDERS[] = {
        {.name = "maple", .label = "auto", .options = "epochs=1,width=8"},
        {.name = "maple", .label = "never", .options = "epochs=1,width=8,references=0"},
        {.name = "maple", .label = "always", .options = "epochs=1,width=8,references=1"},
        {.name = "fine-tune", .label = "tuned", .options = "epochs=1,width=8,references=0"},
    };
    static const int WITH_TABLE[] = {0, 0, 10, 0}, WITHOUT[] = {10, 0, 10, 0};
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, 60);
    place_references(&f);
    f.pool.dataset.platforms[1].operator_ms[3] = NAN; /* one is enough: no table can be built */
    leave_one_out(&f);
    contend(&f, CONTENDERS, 4);
    OK(evaluate(&f));
    double auto_acc[2] = {0}, always_acc[2] = {0}, never_acc[2] = {0};
    for (int target = 0; target < 2; target++) {
        const char *name = target ? "synthetic-1" : "synthetic-0";
        for (int k = 0; k < 4; k++) {
            const maple_evaluation_row *row = find_row(&f, CONTENDERS[k].label, name, 10);
            assert_string_equal(row->reason, "");
            assert_int_equal(row->references, target ? WITHOUT[k] : WITH_TABLE[k]);
            assert_true(row->references > 0 ? row->measured > 10 : fabs(row->measured - 10) <= 1e-9);
        }
        auto_acc[target] = find_row(&f, "auto", name, 10)->scores[MAPLE_SCORE_ALL].mean.mape;
        always_acc[target] = find_row(&f, "always", name, 10)->scores[MAPLE_SCORE_ALL].mean.mape;
        never_acc[target] = find_row(&f, "never", name, 10)->scores[MAPLE_SCORE_ALL].mean.mape;
    }
    assert_true(auto_acc[1] == always_acc[1] && auto_acc[1] != never_acc[1]);
    assert_true(auto_acc[0] == never_acc[0] && auto_acc[0] != always_acc[0]);
    release(&f);
}

/* Pruned: `measured` counts different networks; what runs a sample's graph is not scored as unmeasured. */
static void pruned_platforms(void **state) {
    (void)state;
    fixture f = make(MAPLE_GRAPH_AS_WRITTEN, N_ARCHS);
    maple_dataset *d = &f.pool.dataset;
    maple_arch canonical[N_ARCHS];
    size_t n_graphs = 0, n_known = 0;
    for (size_t i = 0; i < N_ARCHS; i++) {
        bool degenerate = maple_space_degenerate(d->space, &d->archs[i]), known = false;
        canonical[i] = maple_space_canonical(d->space, MAPLE_GRAPH_PRUNED, &d->archs[i]);
        for (size_t p = 0; p < N_PLATFORMS; p++) {
            d->platforms[p].platform.graph = MAPLE_GRAPH_PRUNED;
            if (degenerate)
                d->platforms[p].latency_ms[i] = NAN;
        }
        for (size_t k = 0; !degenerate && k < i && !known; k++)
            known = !maple_space_degenerate(d->space, &d->archs[k]) &&
                    maple_arch_equal(&canonical[k], &canonical[i]);
        n_graphs += !degenerate && !known;
        n_known += !degenerate;
    }
    assert_true(n_graphs < n_known && n_known < N_ARCHS);
    leave_one_out(&f);
    OK(evaluate(&f));
    const maple_evaluation_row *row = find_row(&f, "lut-fit", "synthetic-0", 10);
    assert_true(fabs(row->measured - 10) <= 1e-12);
    assert_int_equal(row->scores[MAPLE_SCORE_ALL].mean.n, n_known);
    assert_true(row->scores[MAPLE_SCORE_UNMEASURED].mean.n <= n_known - 10);
    assert_false(row->scores[MAPLE_SCORE_FIRST128].valid); /* degenerate ones are among them */
    /* All networks as samples: nothing is left to be scored. */
    int all = (int)n_graphs;
    f.evaluation.samples = &all;
    f.evaluation.n_samples = 1;
    OK(evaluate(&f));
    assert_false(find_row(&f, "flops", "synthetic-0", all)->scores[MAPLE_SCORE_UNMEASURED].valid);
    assert_true(find_row(&f, "flops", "synthetic-0", all)->scores[MAPLE_SCORE_ALL].valid);
    all++;
    OK(evaluate(&f));
    assert_non_null(strstr(find_row(&f, "flops", "synthetic-0", all)->reason, "different networks"));
    release(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_numbers_of_samples),
        cmocka_unit_test(references_are_counted),
        cmocka_unit_test(references_are_counted_where_they_are_used),
        cmocka_unit_test(pruned_platforms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
