/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of `maple`: beliefs, the descriptor's parts. */
#include "maple_fixture.h"
#include "predictor/maple_model.h"
#include "scratch.h"

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
    maple_parts parts = {
        .operators = true, .counters = COUNTERS_ANY, .references = true, .counters_per_latency = true};
    maple_axes axes;
    assert_int_equal(maple_axes_learn(space, parts, sources, n, target, &axes, NULL), MAPLE_OK);
    return axes;
}

/* Two sources whose references differ by a factor alone: one column, the level, and S = -1, 1. A target that
 * lies between them has S = 0, whichever of its references are known. */
static void references_are_level_and_shape(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
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
    const char *path = in_scratch("axes.safetensors");
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
        assert_int_equal(maple_dataset_references(&f.pool.dataset, &f.pool.dataset.platforms[1], found),
                         REFERENCES - 1);
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
    maple_dataset_references(&f.pool.dataset, &f.pool.dataset.platforms[0], found);
    assert_true(found[r - 1] == f.pool.dataset.platforms[0].latency_ms[r - 1]);
    f.pool.dataset.archs[REFERENCES] = maple_space_reference(f.space, r - 1); /* its own row goes before */
    assert_int_equal(maple_dataset_references(&f.pool.dataset, &f.pool.dataset.platforms[0], found),
                     REFERENCES);
    assert_true(found[r - 1] == f.pool.dataset.platforms[0].latency_ms[REFERENCES]);
    f.pool.dataset.archs[REFERENCES] = *arch;
    f.pool.dataset.platforms[0].platform.graph = MAPLE_GRAPH_AS_WRITTEN; /* there it is another network */
    maple_dataset_references(&f.pool.dataset, &f.pool.dataset.platforms[0], found);
    assert_true(isnan(found[r - 1]));
    fixture_free(&f);
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
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
