/* SPDX-License-Identifier: Apache-2.0 */
/* Features and sources as the prior of `gp` sees them. */
#include "gp_fixture.h"

enum { DRAW = 512, DRAWS = 8 * DRAW }; /* a draw has no graph twice: a larger one has more of the rare ones */

/* Over other architectures than those it was measured on: means 0, and groups that vary by 1 in all. The
 * mean of 512 standardised values has the standard deviation 1 / sqrt(512) = .044; .25 is more than five. */
static void features_are_standardised(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        fixture f;
        fixture_make_case(&f, which);
        gp_frame frame;
        OK(gp_frame_create(f.space, f.form, &frame, &why));
        size_t width = frame.k + 1;
        double *x = zeros(width), *mean = zeros(width), *square = zeros(width);
        maple_arch *archs = synthetic_need(calloc(DRAWS, sizeof *archs));
        maple_rng rng = maple_rng_seed(987654);
        for (size_t i = 0; i < DRAWS; i += DRAW)
            OK(maple_space_sample(f.space, f.form, &rng, DRAW, archs + i, &why));
        for (size_t i = 0; i < DRAWS; i++) {
            maple_arch arch = maple_space_canonical(f.space, f.form, &archs[i]);
            gp_frame_row(&frame, &arch, x);
            assert_true(x[frame.k] == 1);
            for (size_t j = 0; j < width; j++) {
                mean[j] += x[j] / DRAWS;
                square[j] += x[j] * x[j] / DRAWS;
            }
        }
        double sum[GP_BLOCKS] = {0}, members[GP_BLOCKS] = {0};
        for (size_t j = 0; j < frame.k; j++) {
            assert_in_range(frame.block[j], GP_FIRST_GROUP, GP_BLOCKS - 1);
            sum[frame.block[j]] += square[j] - mean[j] * mean[j];
            members[frame.block[j]] += frame.scale[j] > 0;
            if (frame.scale[j] > 0)
                NEAR(mean[j] * sqrt(frame.members[frame.block[j]]), 0, 0.25);
        }
        for (size_t g = GP_FIRST_GROUP; g < GP_BLOCKS; g++) {
            NEAR(members[g], frame.members[g], 0);
            if (members[g] > 0)
                NEAR(sum[g], 1, 0.25);
        }
        assert_true(members[GP_FIRST_GROUP + MAPLE_FEATURE_COST] == 3);
        free(x);
        free(mean);
        free(square);
        free(archs);
        gp_frame_release(&frame);
        fixture_free(&f);
    }
}

/* Coefficients in the frame and of the features as they are say the same of every architecture. */
static void entering_and_leaving_are_inverses(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        fixture f;
        fixture_make_case(&f, which);
        gp_frame frame;
        OK(gp_frame_create(f.space, f.form, &frame, &why));
        size_t width = frame.k + 1;
        double *c = zeros(width), *raw = zeros(width), *back = zeros(width), *x = zeros(width);
        maple_rng rng = maple_rng_seed(5);
        for (size_t j = 0; j < width; j++)
            c[j] = j == frame.k || frame.scale[j] > 0 ? maple_rng_normal(&rng) : 0;
        gp_frame_leave(&frame, c, raw);
        gp_frame_enter(&frame, raw, back);
        for (size_t j = 0; j < width; j++)
            NEAR(back[j], c[j], 1e-10);
        for (size_t i = 0; i < 50; i++) {
            maple_arch arch = maple_space_canonical(f.space, f.form, &f.asked[i]);
            gp_frame_row(&frame, &arch, x);
            double inside = product(x, c, width);
            maple_space_feature_values(f.space, &arch, x);
            x[frame.k] = 1;
            NEAR(product(x, raw, width), inside, 1e-10);
        }
        free(c);
        free(raw);
        free(back);
        free(x);
        gp_frame_release(&frame);
        fixture_free(&f);
    }
}

/* What is pruned has each operator once, as its count; as written the three ways to count are three groups.
 */
static void pruned_frames_count_once(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
    gp_frame pruned, written;
    OK(gp_frame_create(space, MAPLE_GRAPH_PRUNED, &pruned, &why));
    OK(gp_frame_create(space, MAPLE_GRAPH_AS_WRITTEN, &written, &why));
    static const maple_feature_group GROUPS[] = {MAPLE_FEATURE_COUNT, MAPLE_FEATURE_REACHING,
                                                 MAPLE_FEATURE_LIVE};
    for (int g = 0; g < 3; g++) {
        assert_true(written.members[GP_FIRST_GROUP + GROUPS[g]] == 4);
        assert_true(pruned.members[GP_FIRST_GROUP + GROUPS[g]] == (GROUPS[g] == MAPLE_FEATURE_COUNT ? 4 : 0));
    }
    for (size_t j = 0; j < pruned.k; j++) {
        maple_feature_group group = maple_space_feature(space, j)->group;
        assert_true(written.block[j] == GP_FIRST_GROUP + group);
        if (group == MAPLE_FEATURE_LIVE)
            assert_true(pruned.scale[j] > 0 && pruned.block[j] == GP_FIRST_GROUP + MAPLE_FEATURE_COUNT);
        else if (group == MAPLE_FEATURE_COUNT || group == MAPLE_FEATURE_REACHING)
            assert_true(pruned.scale[j] == 0);
    }
    gp_frame_release(&pruned);
    gp_frame_release(&written);
}

/* What a source's coefficients say, in a frame, of a device's architecture that runs `form`. */
static double says(const gp_sources *s, const gp_frame *frame, size_t source, const maple_arch *arch) {
    size_t width = frame->k + 1;
    double *c = zeros(width), *x = zeros(width);
    maple_arch runs = maple_space_canonical(s->space, frame->graph, arch);
    gp_frame_enter(frame, s->coefficients[frame->graph] + source * width, c);
    gp_frame_row(frame, &runs, x);
    double value = product(c, x, width) * s->level_ms[source];
    free(c);
    free(x);
    return value;
}

/* In either frame a source predicts its own latencies, of pruned graphs: those are as they are in both. */
static void sources_say_their_latencies_in_both_forms(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_make(&g, which);
        for (size_t s = 0; s + 1 < PLATFORMS; s++) {
            double square[2] = {0}, n = 0;
            assert_true(g.sources.graph[s] == (double)g.f.form);
            for (size_t i = 0; i < ASKED; i++) {
                maple_arch arch = maple_space_canonical(g.f.space, MAPLE_GRAPH_PRUNED, &g.f.asked[i]);
                if (maple_space_degenerate(g.f.space, &arch))
                    continue;
                double ms = synthetic_latency(g.f.space, &g.f.pool.truth[s], &arch, 3 + s);
                for (int form = 0; form < 2; form++) {
                    double off = says(&g.sources, &g.frames[form], s, &arch) / ms - 1;
                    square[form] += off * off;
                }
                n++;
            }
            for (int form = 0; form < 2; form++) /* nor is one much worse than the other */
                if (!(sqrt(square[form] / n) < 0.12))
                    fail_msg("case %zu, source %zu, form %d: off by %g", which, s, form,
                             sqrt(square[form] / n));
        }
        gp_free(&g);
    }
}

static void views_are_mean_and_spread(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_make(&g, which);
        gp_view some;
        bool use[PLATFORMS - 1] = {true, false, true, true};
        const gp_frame *frame = &g.frames[g.f.form];
        OK(gp_view_create(frame, &g.sources, use, NULL, &some, &why));
        assert_int_equal(some.n, 3);
        assert_null(some.table); /* nothing is known of operators */
        double *c = zeros(3 * g.width);
        for (size_t d = 0, at = 0; d + 1 < PLATFORMS; d++) {
            if (!use[d])
                continue;
            double *own = c + at++ * g.width;
            gp_frame_enter(frame, g.sources.coefficients[g.f.form] + d * g.width, own);
            double level = own[g.k];
            for (size_t j = 0; j < g.width; j++)
                own[j] /= level;
        }
        NEAR(some.mean[g.k], 1, 1e-12);
        for (size_t j = 0; j < g.width; j++) {
            double mean = (c[j] + c[g.width + j] + c[2 * g.width + j]) / 3;
            NEAR(some.mean[j], mean, 1e-12);
            for (size_t d = 0; d < 3; d++)
                NEAR(some.spread[d * g.width + j], (c[d * g.width + j] - mean) / sqrt(3), 1e-12);
        }
        /* In proportion to work: the mean of FLOPs, parameters and activations, each over its mean. */
        double *x = zeros(g.width), *values = zeros(g.width);
        for (size_t i = 0; i < 20; i++) {
            gp_frame_row(frame, &g.f.asked[i], x);
            maple_space_feature_values(g.f.space, &g.f.asked[i], values);
            double expected = 0;
            for (size_t j = 0; j < g.k; j++)
                if (maple_space_feature(g.f.space, j)->group == MAPLE_FEATURE_COST)
                    expected += values[j] / frame->mean[j] / 3;
            NEAR(product(x, some.cost, g.width), expected, 1e-9);
        }
        free(x);
        free(values);
        free(c);
        gp_view_release(&some);
        gp_free(&g);
    }
}

/* The target's operators say its latencies, as far as networks are like the sum of what is in them. */
static void tables_are_shapes(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_make(&g, which);
        assert_non_null(g.view.table);
        NEAR(g.view.table[g.k], 1, 1e-12);
        double *x = zeros(g.width), square = 0;
        for (size_t i = 0; i < ASKED; i++) {
            gp_frame_row(&g.frames[g.f.form], &g.f.asked[i], x);
            double off = product(x, g.view.table, g.width) * g.view.table_ms / g.f.truth[i] - 1;
            square += off * off / ASKED;
        }
        if (!(sqrt(square) < 0.12))
            fail_msg("case %zu: off by %g", which, sqrt(square));
        free(x);
        gp_free(&g);
    }
}

/* No table where an operator that runs has no latency, or where no source that is used has one. */
static void tables_need_operators_on_both_sides(void **state) {
    (void)state;
    gp_fixture g;
    gp_make(&g, 0);
    const gp_frame *frame = &g.frames[0];
    size_t operators = maple_space_operators(g.f.space);
    double *ms = zeros(operators), *shape = zeros(g.width), level = -1;
    bool found = true, use[PLATFORMS - 1] = {true};
    memcpy(ms, g.f.request.target.operator_ms, operators * sizeof *ms);
    OK(gp_table_shape(&g.sources, use, frame, ms, shape, &level, &found, &why));
    assert_true(found && level > 0);
    level = -1;
    for (size_t i = 0; i < operators; i++)
        g.sources.operator_ms[i] = NAN;
    OK(gp_table_shape(&g.sources, use, frame, ms, shape, &level, &found, &why));
    assert_false(found);
    assert_true(level == -1); /* not written */
    OK(gp_table_shape(&g.sources, NULL, frame, ms, shape, &level, &found, &why));
    assert_true(found);
    for (size_t i = 0; i < operators; i++)
        ms[i] = NAN;
    OK(gp_table_shape(&g.sources, NULL, frame, ms, shape, &level, &found, &why));
    assert_false(found);
    free(ms);
    free(shape);
    gp_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_standardised),
        cmocka_unit_test(entering_and_leaving_are_inverses),
        cmocka_unit_test(pruned_frames_count_once),
        cmocka_unit_test(sources_say_their_latencies_in_both_forms),
        cmocka_unit_test(views_are_mean_and_spread),
        cmocka_unit_test(tables_are_shapes),
        cmocka_unit_test(tables_need_operators_on_both_sides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
