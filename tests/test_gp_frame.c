/* SPDX-License-Identifier: Apache-2.0 */
/* Features and sources as the prior of `gp` sees them. */
#include "gp_fixture.h"

#include "space/space_vtable.h"

enum { DRAW = 512, DRAWS = 8 * DRAW }; /* a draw has no graph twice: a larger one has more of the rare ones */

/* Over other architectures than those it was measured on: the same means, and groups that vary by 1 in all.
 * The mean of 512 values has the standard deviation 1 / sqrt(512) = .044 of theirs; .25 is more than five. */
static void features_are_scaled(void **state) {
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
                NEAR((mean[j] - frame.mean[j] * frame.scale[j]) * sqrt(frame.members[frame.block[j]]), 0,
                     0.25);
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

static void no_features(const maple_arch *arch, double *values) {
    (void)arch;
    memset(values, 0, maple_space_features(space_or_fail("nas-bench-201")) * sizeof *values);
}

/* From zero, not from the mean: what has no features is the offset, and what an architecture does not have
 * costs it nothing. */
static void what_is_not_there_is_zero(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        fixture f;
        fixture_make_case(&f, which);
        gp_frame frame;
        OK(gp_frame_create(f.space, f.form, &frame, &why));
        size_t absent = 0;
        double *x = zeros(frame.k + 1), *values = zeros(frame.k);
        for (size_t i = 0; i < ASKED; i++) {
            maple_arch arch = maple_space_canonical(f.space, f.form, &f.asked[i]);
            gp_frame_row(&frame, &arch, x);
            maple_space_feature_values(f.space, &arch, values);
            for (size_t j = 0; j < frame.k; j++) {
                absent += values[j] == 0 && frame.scale[j] > 0;
                NEAR(x[j], values[j] * frame.scale[j], 1e-12 * fabs(values[j] * frame.scale[j]));
            }
        }
        assert_true(absent > ASKED);
        free(x);
        free(values);
        gp_frame_release(&frame);
        fixture_free(&f);
    }
    gp_frame frame;
    OK(gp_frame_create(space_or_fail("nas-bench-201"), MAPLE_GRAPH_PRUNED, &frame, &why));
    maple_space empty = *frame.space;
    maple_arch arch = {{0}};
    double *x = zeros(frame.k + 1);
    empty.feature_values = no_features;
    frame.space = &empty;
    gp_frame_row(&frame, &arch, x);
    for (size_t j = 0; j < frame.k; j++)
        assert_true(x[j] == 0);
    assert_true(x[frame.k] == 1);
    free(x);
    gp_frame_release(&frame);
}

/* A level is what coefficients say of the mean architecture, in the frame and out of it; what the frame has
 * no coordinate for goes to the offset. */
static void levels_are_of_the_mean_architecture(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        fixture f;
        fixture_make_case(&f, which);
        gp_frame frame;
        OK(gp_frame_create(f.space, f.form, &frame, &why));
        size_t width = frame.k + 1;
        double *c = zeros(width), *raw = zeros(width), *values = zeros(width), *y = zeros(frame.n_drawn);
        maple_rng rng = maple_rng_seed(6);
        mean_features(f.space, f.form, values);
        values[frame.k] = 1;
        for (size_t j = 0; j < width; j++)
            raw[j] = maple_rng_normal(&rng);
        gp_frame_enter(&frame, raw, c);
        double level = gp_frame_level(&frame, c), applied = 0, moved = raw[frame.k];
        NEAR(level, product(raw, values, width), 1e-9);
        gp_frame_apply(&frame, frame.drawn, c, y);
        for (size_t i = 0; i < frame.n_drawn; i++) {
            NEAR(y[i], product(frame.drawn + i * width, c, width), 1e-9);
            applied += y[i] / (double)frame.n_drawn;
        }
        NEAR(applied, level, 1e-9);
        for (size_t j = 0; j < frame.k; j++)
            moved += frame.scale[j] > 0 ? 0 : raw[j] * values[j];
        NEAR(c[frame.k], moved, 1e-9); /* and nothing else */
        free(c);
        free(raw);
        free(values);
        free(y);
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

/* The coefficients of a row, by what they say of the mean architecture. */
static double level_of(const gp_fixture *g, const gp_frame *frame, const double *c) {
    double *values = zeros(g->width), level = c[g->k];
    mean_features(g->f.space, frame->graph, values);
    for (size_t j = 0; j < g->k; j++)
        level += values[j] * frame->scale[j] * c[j];
    free(values);
    return level;
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
        assert_int_equal(some.n_tables, 0);
        assert_int_equal(gp_shapes(&some), GP_LIKE_SOURCE + 3);
        assert_null(some.table); /* nothing is known of operators */
        double *c = zeros(3 * g.width), *cost = zeros(g.width);
        for (size_t d = 0, at = 0; d + 1 < PLATFORMS; d++)
            if (use[d])
                source_shape(&g, frame, d, c + at++ * g.width);
        cost_shape(&g, frame, cost);
        assert_ptr_equal(some.mean, some.shapes + GP_LIKE_POOL * g.width);
        assert_ptr_equal(some.cost, some.shapes + GP_LIKE_COST * g.width);
        for (size_t j = 0; j < g.width; j++) {
            double mean = (c[j] + c[g.width + j] + c[2 * g.width + j]) / 3;
            NEAR(some.mean[j], mean, 1e-11);
            NEAR(some.cost[j], cost[j], 1e-11);
            for (size_t d = 0; d < 3; d++) {
                NEAR(some.shapes[(GP_LIKE_SOURCE + d) * g.width + j], c[d * g.width + j], 1e-11);
                NEAR(some.spread[d * g.width + j], (c[d * g.width + j] - mean) / sqrt(3), 1e-11);
            }
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
        free(cost);
        gp_view_release(&some);
        gp_free(&g);
    }
}

/* All that a device may look like says 1 of the mean architecture. */
static void shapes_have_the_level_one(void **state) {
    (void)state;
    for (size_t which = 0; which < case_count(); which++) {
        gp_fixture g;
        gp_make(&g, which);
        assert_int_equal(g.view.n, PLATFORMS - 1);
        assert_int_equal(g.view.n_tables, PLATFORMS - 1);
        assert_int_equal(gp_shapes(&g.view), GP_LIKE_SOURCE + 2 * (PLATFORMS - 1));
        for (size_t shape = 0; shape < gp_shapes(&g.view); shape++)
            NEAR(level_of(&g, g.view.frame, g.view.shapes + shape * g.width), 1, 1e-9);
        gp_free(&g);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_scaled),
        cmocka_unit_test(what_is_not_there_is_zero),
        cmocka_unit_test(levels_are_of_the_mean_architecture),
        cmocka_unit_test(entering_and_leaving_are_inverses),
        cmocka_unit_test(pruned_frames_count_once),
        cmocka_unit_test(sources_say_their_latencies_in_both_forms),
        cmocka_unit_test(views_are_mean_and_spread),
        cmocka_unit_test(shapes_have_the_level_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
