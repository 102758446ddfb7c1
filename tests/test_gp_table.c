/* SPDX-License-Identifier: Apache-2.0 */
/* What `gp` makes of a look-up table, against the documented sums and ratios. */
#include "gp_fixture.h"

/* The target's operators say its latencies, as far as networks are like the sum of what is in them: by all
 * sources, and by each of them. */
static void tables_are_shapes(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_make(&g, which);
        assert_ptr_equal(g.view.table, g.view.shapes + GP_LIKE_TABLE * g.width);
        assert_true(g.view.table_ms > 0);
        double *x = zeros(g.width), off[PLATFORMS] = {0};
        for (size_t i = 0; i < ASKED; i++) {
            gp_frame_row(&g.frames[g.f.form], &g.f.asked[i], x);
            for (size_t t = 0; t < PLATFORMS; t++) { /* the last: of all */
                size_t shape = t + 1 < PLATFORMS ? GP_LIKE_SOURCE + g.view.n + t : GP_LIKE_TABLE;
                double says = product(x, g.view.shapes + shape * g.width, g.width) * g.view.table_ms;
                off[t] += pow(says / g.f.truth[i] - 1, 2) / ASKED;
            }
        }
        for (size_t t = 0; t < PLATFORMS; t++) /* of one alone the level is that of all */
            if (!(sqrt(off[t]) < (t + 1 < PLATFORMS ? 0.2 : 0.12)))
                fail_msg("case %zu, table %zu: off by %g", which, t, sqrt(off[t]));
        free(x);
        gp_free(&g);
    }
}

/* ratio[drawn]: log of what source d says over its table's sum, at least a twentieth of its level; where
 * nothing runs, the mean of the others. */
static void drawn_ratio(const gp_fixture *g, const gp_frame *frame, size_t d, double *ratio) {
    const gp_sources *s = &g->sources;
    size_t operators = s->operators, n = 0;
    double *c = zeros(g->width), mean = 0;
    source_shape(g, frame, d, c);
    const double *raw = s->coefficients[frame->graph] + d * g->width;
    double *values = zeros(g->width), level = raw[g->k]; /* of its own form it is 1 */
    mean_features(g->f.space, frame->graph, values);
    level += product(raw, values, g->k);
    for (size_t i = 0; i < frame->n_drawn; i++) {
        double sum = 0;
        const double *counts = frame->counts[(int)s->graph[d]] + i * operators;
        for (size_t o = 0; o < operators; o++)
            sum += counts[o] * s->operator_ms[d * operators + o];
        double says = level * product(frame->drawn + i * g->width, c, g->width);
        ratio[i] = log((says > 0.05 ? says : 0.05) * s->level_ms[d] / sum);
        if (s->graph[d] == MAPLE_GRAPH_PRUNED && frame->degenerate[i])
            ratio[i] = NAN;
        else
            mean += ratio[i], n++;
    }
    for (size_t i = 0; i < frame->n_drawn; i++)
        if (isnan(ratio[i]))
            ratio[i] = mean / (double)n;
    free(values);
    free(c);
}

/* weight[sources]: a Gaussian of the width .5 on the operators' log ratios, their mean taken out. */
static void table_weights(const gp_fixture *g, double *weight) {
    const gp_sources *s = &g->sources;
    double sum = 0;
    for (size_t d = 0; d < s->n; d++) {
        double mean = 0, square = 0, n = (double)s->operators;
        for (int pass = 0; pass < 2; pass++)
            for (size_t o = 0; o < s->operators; o++) {
                double off = log(s->operator_ms[d * s->operators + o] / g->f.request.target.operator_ms[o]);
                if (pass == 0)
                    mean += off / n;
                else
                    square += (off - mean) * (off - mean) / n;
            }
        sum += weight[d] = exp(-square / (2 * 0.25));
    }
    for (size_t d = 0; d < s->n; d++)
        weight[d] /= sum;
}

/* y[drawn] fitted by c times a level: the slopes of the penalised squares are 0 where they are least. */
static void assert_fits(const gp_fixture *g, const gp_frame *frame, const double *y, const double *c,
                        double level, const char *what) {
    size_t n = frame->n_drawn;
    double *slope = zeros(g->width), mean = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        const double *x = frame->drawn + i * g->width;
        double off = y[i] - level * product(x, c, g->width);
        mean += y[i] / (double)n;
        for (size_t j = 0; j < g->width; j++)
            slope[j] -= off * x[j];
    }
    for (size_t j = 0; j < g->width; j++) {
        double members = j < g->k ? frame->members[frame->block[j]] : 1;
        double penalty = j < g->k ? 1e-6 * (double)n / (members > 1 ? members : 1) : 1e-9;
        slope[j] += penalty * level * c[j];
        size = fmax(size, fabs(slope[j]));
    }
    if (!(size <= 1e-8 * mean * (double)n))
        fail_msg("%s: not the least squares: slope %g, mean %g", what, size, mean);
    free(slope);
}

/* Each table is the ridge of its sums times its sources' ratios. */
static void tables_are_sums_times_ratios(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_make(&g, which);
        const gp_frame *frame = &g.frames[g.f.form];
        size_t n = frame->n_drawn, operators = g.sources.operators;
        g.sources.graph[2] = 1 - g.sources.graph[2]; /* one that runs the other form */
        gp_view_release(&g.view);
        OK(gp_view_create(frame, &g.sources, NULL, g.f.request.target.operator_ms, &g.view, &why));
        assert_int_equal(g.view.n_tables, PLATFORMS - 1);
        double *ratio = zeros(n), *log_all = zeros(n), *sums = zeros(n), *y = zeros(n), weight[PLATFORMS];
        table_weights(&g, weight);
        for (size_t i = 0; i < n; i++)
            for (size_t o = 0; o < operators; o++)
                sums[i] += frame->counts[g.f.form][i * operators + o] * g.f.request.target.operator_ms[o];
        for (size_t d = 0; d + 1 < PLATFORMS; d++) {
            const double *c = g.view.shapes + (GP_LIKE_SOURCE + g.view.n + d) * g.width;
            double level = 0;
            drawn_ratio(&g, frame, d, ratio);
            for (size_t i = 0; i < n; i++) {
                log_all[i] += weight[d] * ratio[i];
                y[i] = sums[i] * exp(ratio[i]);
                level += y[i] / (double)n;
            }
            /* The offset has nearly no penalty: what is fitted has the mean of what is known. */
            assert_fits(&g, frame, y, c, level, "one source");
        }
        for (size_t i = 0; i < n; i++)
            y[i] = sums[i] * exp(log_all[i]);
        assert_fits(&g, frame, y, g.view.table, g.view.table_ms, "all sources");
        free(ratio);
        free(log_all);
        free(sums);
        free(y);
        gp_free(&g);
    }
}

/* Only of sources that have one, in their order, and by them alone. */
static void tables_are_of_those_that_have_one(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_make(&g, which);
        const gp_frame *frame = &g.frames[g.f.form];
        const double *operator_ms = g.f.request.target.operator_ms;
        size_t operators = g.sources.operators;
        for (size_t i = 0; i < operators; i++)
            g.sources.operator_ms[operators + i] = NAN; /* source 1 */
        gp_view all, one;
        bool use[PLATFORMS - 1] = {true, true, false, true}, alone[PLATFORMS - 1] = {false};
        OK(gp_view_create(frame, &g.sources, use, operator_ms, &all, &why));
        assert_int_equal(all.n, 3);
        assert_int_equal(all.n_tables, 2);
        static const size_t HAVE[] = {0, 3};
        for (size_t t = 0; t < 2; t++) {
            memset(alone, 0, sizeof alone);
            alone[HAVE[t]] = true;
            OK(gp_view_create(frame, &g.sources, alone, operator_ms, &one, &why));
            assert_int_equal(one.n_tables, 1);
            for (size_t j = 0; j < g.width; j++) {
                NEAR(one.shapes[(GP_LIKE_SOURCE + 1) * g.width + j], one.table[j], 1e-9);
                NEAR(all.shapes[(GP_LIKE_SOURCE + 3 + t) * g.width + j], one.table[j], 1e-9);
            }
            gp_view_release(&one);
        }
        gp_view_release(&all);
        gp_free(&g);
    }
}

static bool has_table(const gp_fixture *g, const bool *use, const double *operator_ms) {
    gp_view view;
    OK(gp_view_create(&g->frames[g->f.form], &g->sources, use, operator_ms, &view, &why));
    bool has = view.table;
    assert_int_equal(view.n_tables > 0, has);
    assert_int_equal(gp_shapes(&view), GP_LIKE_SOURCE + view.n + view.n_tables);
    for (size_t j = 0; j < g->width && !has; j++) /* not written */
        assert_true(view.shapes[GP_LIKE_TABLE * g->width + j] == 0);
    assert_true(has == (view.table_ms > 0));
    gp_view_release(&view);
    return has;
}

/* No table where an operator that runs has no latency, or where no source that is used has one. */
static void tables_need_operators_on_both_sides(void **state) {
    (void)state;
    gp_fixture g;
    gp_make(&g, 0);
    size_t operators = maple_space_operators(g.f.space);
    double *ms = zeros(operators);
    bool use[PLATFORMS - 1] = {true};
    memcpy(ms, g.f.request.target.operator_ms, operators * sizeof *ms);
    assert_true(has_table(&g, use, ms));
    assert_false(has_table(&g, NULL, NULL));
    for (size_t i = 0; i < operators; i++)
        g.sources.operator_ms[i] = NAN;
    assert_false(has_table(&g, use, ms));
    assert_true(has_table(&g, NULL, ms));
    for (size_t i = 0; i < operators; i++)
        ms[i] = NAN;
    assert_false(has_table(&g, NULL, ms));
    free(ms);
    gp_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_shapes),
        cmocka_unit_test(tables_are_sums_times_ratios),
        cmocka_unit_test(tables_are_of_those_that_have_one),
        cmocka_unit_test(tables_need_operators_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
