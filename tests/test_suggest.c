/* SPDX-License-Identifier: Apache-2.0 */
/* What to measure next: places among the candidates, what is left out, when it stops. */
#include "check.h"
#include "predictor_fixture.h"

enum { CANDIDATES = 300, CHOSEN = 12 };

/* Candidates among which some run the same graph, some nothing, and some are samples. */
typedef struct bench {
    fixture f;
    maple_arch archs[CANDIDATES];
    maple_pretrained *pretrained;
    size_t chosen[CHOSEN], n;
    double widths[CHOSEN];
} bench;

static void make(bench *b, const char *name, size_t which) {
    fixture_make_case(&b->f, which);
    for (size_t i = 0; i < CANDIDATES; i++)
        b->archs[i] = b->f.asked[i];
    for (size_t i = 0; i < 40; i++) {
        b->archs[5 * i + 3] = b->archs[5 * i];           /* the same again */
        b->archs[5 * i + 1] = b->f.samples[i % SAMPLES]; /* measured */
        b->archs[5 * i + 2] =
            (maple_arch){.op = {0, 0, 0, 0}}; /* nothing but `none`, or the first operators */
    }
    OK(maple_predictor_pretrain(name, &b->f.request, &b->pretrained, &why));
}

static void release(bench *b) {
    maple_pretrained_free(b->pretrained);
    fixture_free(&b->f);
}

static void ask(bench *b, size_t n, double width) {
    OK(maple_pretrained_suggest(b->pretrained, &b->f.request, b->archs, CANDIDATES, n, width, b->chosen,
                                b->widths, &b->n, &why));
}

static maple_arch runs(const bench *b, const maple_arch *arch) {
    return maple_space_canonical(b->f.space, b->f.form, arch);
}

static bool same_graph(const bench *b, const maple_arch *left, const maple_arch *right) {
    maple_arch l = runs(b, left), r = runs(b, right);
    return maple_arch_equal(&l, &r);
}

static void check_place(const bench *b, size_t i) {
    const maple_arch *arch = &b->archs[b->chosen[i]];
    assert_true(b->chosen[i] < CANDIDATES);
    assert_false(b->f.form == MAPLE_GRAPH_PRUNED && maple_space_degenerate(b->f.space, arch));
    for (size_t s = 0; s < b->f.request.target.n_samples; s++)
        assert_false(same_graph(b, arch, &b->f.samples[s]));
    for (size_t k = 0; k < i; k++)
        assert_false(same_graph(b, arch, &b->archs[b->chosen[k]]));
    for (size_t k = 0; k < b->chosen[i]; k++) /* of equal ones the first */
        assert_false(same_graph(b, arch, &b->archs[k]));
    assert_true(isfinite(b->widths[i]) && b->widths[i] > 0);
}

#define EACH_SUGGESTING(info)                                                                                \
    EACH_PREDICTOR(info)                                                                                     \
    if ((info)->suggests)

static void new_networks_are_chosen(void **state) {
    (void)state;
    size_t predictors = 0;
    EACH_SUGGESTING(info) {
        predictors++;
        for (size_t which = 0; which < case_count(); which++) {
            bench b;
            make(&b, info->name, which);
            for (int samples = 0; samples < 2; samples++) {
                b.f.request.target.n_samples = samples ? SAMPLES : 0;
                ask(&b, CHOSEN, 0);
                assert_int_equal(b.n, CHOSEN);
                for (size_t i = 0; i < b.n; i++)
                    check_place(&b, i);
            }
            release(&b);
        }
    }
    assert_true(predictors > 0);
}

/* The first of many are what few would have been, each time. */
static void fewer_are_the_first(void **state) {
    (void)state;
    EACH_SUGGESTING(info) {
        bench b;
        make(&b, info->name, 0);
        ask(&b, CHOSEN, 0);
        size_t all[CHOSEN];
        double widths[CHOSEN];
        memcpy(all, b.chosen, sizeof all);
        memcpy(widths, b.widths, sizeof widths);
        for (size_t n = 0; n <= CHOSEN; n += 4) {
            ask(&b, n, 0);
            assert_int_equal(b.n, n);
            assert_memory_equal(b.chosen, all, n * sizeof *all);
            assert_memory_equal(b.widths, widths, n * sizeof *widths);
        }
        OK(maple_pretrained_suggest(b.pretrained, &b.f.request, b.archs, CANDIDATES, CHOSEN, 0, b.chosen,
                                    NULL, &b.n, &why)); /* nobody needs the widths */
        assert_memory_equal(b.chosen, all, sizeof all);
        release(&b);
    }
}

/* Stops with the first network after which the expected width is low enough. */
static void stops_when_it_is_sure(void **state) {
    (void)state;
    EACH_SUGGESTING(info) {
        for (size_t which = 0; which < case_count(); which++) {
            bench b;
            double widths[CHOSEN];
            make(&b, info->name, which);
            b.f.request.target.n_samples = 0;
            ask(&b, CHOSEN, 0);
            memcpy(widths, b.widths, sizeof widths);
            assert_true(widths[CHOSEN - 1] < widths[0]); /* what is measured makes surer */
            for (size_t at = 0; at < CHOSEN; at += 3) {
                size_t expected = 0;
                while (widths[expected] > widths[at])
                    expected++;
                ask(&b, CHOSEN, widths[at]);
                assert_int_equal(b.n, expected + 1);
            }
            ask(&b, CHOSEN, widths[CHOSEN - 1] / 1e6); /* out of reach */
            assert_int_equal(b.n, CHOSEN);
            release(&b);
        }
    }
}

/* What is known already makes the next ones others. */
static void samples_count(void **state) {
    (void)state;
    EACH_SUGGESTING(info) {
        bench b;
        make(&b, info->name, 0);
        b.f.request.target.n_samples = 0;
        ask(&b, 1, 0);
        size_t first = b.chosen[0];
        double width = b.widths[0], ms = 5;
        b.f.request.target.n_samples = 1;
        b.f.request.target.archs = &b.archs[first];
        b.f.request.target.latency_ms = &ms;
        ask(&b, 1, 0);
        assert_false(same_graph(&b, &b.archs[b.chosen[0]], &b.archs[first]));
        assert_true(b.widths[0] < width);
        release(&b);
    }
}

static void nothing_is_left(void **state) {
    (void)state;
    EACH_SUGGESTING(info) {
        bench b;
        make(&b, info->name, 0);
        b.n = 7;
        OK(maple_pretrained_suggest(b.pretrained, &b.f.request, b.f.samples, SAMPLES, CHOSEN, 0, b.chosen,
                                    b.widths, &b.n, &why)); /* all are measured */
        assert_int_equal(b.n, 0);
        b.archs[1] = b.archs[0] = b.f.asked[0];
        OK(maple_pretrained_suggest(b.pretrained, &b.f.request, b.archs, 2, CHOSEN, 0, b.chosen, b.widths,
                                    &b.n, &why));
        assert_int_equal(b.n, 1);
        assert_int_equal(b.chosen[0], 0);
        release(&b);
    }
}

static void bad_requests_are_refused(void **state) {
    (void)state;
    EACH_PREDICTOR(info) {
        if (!info->pretrains)
            continue;
        bench b;
        fixture_make_case(&b.f, 0);
        maple_fit_request request = b.f.request;
        request.options = options_for(info->name);
        OK(maple_predictor_pretrain(info->name, &request, &b.pretrained, &why));
#define ASK(WIDTH)                                                                                           \
    maple_pretrained_suggest(b.pretrained, &request, b.f.asked, ASKED, 2, (WIDTH), b.chosen, NULL, &b.n, &why)
        if (!info->suggests) {
            FAILS(ASK(0), MAPLE_BAD_ARGUMENT, "does not say what to measure next");
            release(&b);
            continue;
        }
        FAILS(ASK(-0.1), MAPLE_BAD_ARGUMENT, "it is 0 or more");
        FAILS(ASK(NAN), MAPLE_BAD_ARGUMENT, "it is 0 or more");
        double ms[SAMPLES] = {1, 2, -3, 4, 5, 6, 7, 8, 9, 10};
        request.target.latency_ms = ms;
        FAILS(ASK(0), MAPLE_BAD_INPUT, "sample 3, ");
        request = b.f.request;
        request.target.latency_ms = NULL;
        FAILS(ASK(0), MAPLE_BAD_ARGUMENT, "10 samples announced, none given");
        request = b.f.request;
        request.n_sources = 0;
        FAILS(ASK(0), MAPLE_BAD_INPUT, "learns from other platforms");
        request = b.f.request;
        request.space = space_or_fail("fbnet");
        FAILS(ASK(0), MAPLE_BAD_ARGUMENT, "was pre-trained on nas-bench-201, the target is of fbnet");
        assert_int_equal(b.n, 0);
        release(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_networks_are_chosen), cmocka_unit_test(fewer_are_the_first),
        cmocka_unit_test(stops_when_it_is_sure),   cmocka_unit_test(samples_count),
        cmocka_unit_test(nothing_is_left),         cmocka_unit_test(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
