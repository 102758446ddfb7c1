/* SPDX-License-Identifier: Apache-2.0 */
/* Networks measured anew by a worker whose latencies are known, whatever labels the pool has; it keeps them.
 */
#include "campaign_fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct fixture {
    campaign c;
    maple_pool *pool;
    char path[320];
    stored before;
} fixture;

/* A platform that has been measured once. */
static fixture *make(const char *name) {
    static fixture f;
    maple_error error = {0};
    f = (fixture){.pool = NULL};
    make_campaign(&f.c, name);
    attach_hooks(&f.c);
    snprintf(f.path, sizeof f.path, "%s/%s.db", scratch, name);
    if (run_campaign(&f.c, f.path, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    read_stored(&f.c, f.path, &f.before);
    assert_int_equal(maple_pool_open(f.path, MAPLE_POOL_WRITE, &f.pool, &error), MAPLE_OK);
    return &f;
}

static void assert_pool_kept(fixture *f) {
    static stored after;
    maple_pool_close(f->pool);
    read_stored(&f->c, f->path, &after);
    assert_memory_equal(f->before.run, after.run, sizeof f->before.run);
    for (size_t i = 0; i < ARCHS; i++)
        assert_true(f->before.has_label[i] && after.has_label[i] &&
                    f->before.label[i].latency_ms == after.label[i].latency_ms);
}

static maple_status anew(fixture *f, maple_latency *rows, maple_error *error) {
    return maple_measure_anew(&f->c.config, f->pool, &f->c.platform, &f->c.plan, rows, &f->c.report, error);
}

/* The machine has become 2 % slower, which is no other machine yet: that is what comes out. */
static void test_not_the_labels(void **state) {
    (void)state;
    fixture *f = make("slower");
    maple_latency rows[ARCHS];
    maple_error error = {0};
    set_scale(&f->c, 1.02);
    f->c.plan.n = 7;
    f->c.plan.archs = &f->c.archs[5];
    if (anew(f, rows, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < 7; i++) {
        assert_true(maple_arch_equal(&rows[i].arch, &f->c.archs[5 + i]));
        assert_true(fabs(rows[i].latency_ms / f->before.label[5 + i].latency_ms - 1.02) < 1e-5);
        assert_int_equal(rows[i].runs, ROUNDS);
        assert_string_equal(rows[i].reason, "");
    }
    assert_int_equal(f->c.report.measured, 7);
    assert_int_equal(f->c.report.already + f->c.report.failed, 0);
    assert_pool_kept(f);
}

static void test_failures_have_a_reason(void **state) {
    (void)state;
    fixture *f = make("failing");
    maple_latency rows[ARCHS];
    maple_error error = {0};
    add_fault(&f->c, "compile", "refuse", 3);
    if (anew(f, rows, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    for (size_t i = 0; i < ARCHS; i++) {
        assert_true(isnan(rows[i].latency_ms) == (i == 3));
        assert_true((rows[i].reason[0] != '\0') == (i == 3));
    }
    assert_int_equal(f->c.report.failed, 1);
    assert_pool_kept(f);
}

static bool cancelled(void *user) {
    return ++*(int *)user > 5;
}

static void test_refusals(void **state) {
    (void)state;
    fixture *f = make("refused");
    maple_latency rows[ARCHS];
    maple_error error = {0};
    int calls = 0;
    char temporary[320];
    maple_hooks hooks = {.cancelled = cancelled, .user = &calls};
    f->c.config.hooks = &hooks;
    assert_int_equal(anew(f, rows, &error), MAPLE_INTERRUPTED);
    assert_string_equal(error.message, "interrupted: what is measured anew is measured in one go");
    f->c.config.hooks = NULL;
    set_scale(&f->c, 1.2);
    assert_int_equal(anew(f, rows, &error), MAPLE_BAD_INPUT);
    assert_non_null(strstr(error.message, "not as fast as when platform 'fake' was measured"));
    snprintf(temporary, sizeof temporary, "%s/nowhere", scratch);
    assert_int_equal(setenv("TMPDIR", temporary, 1), 0);
    assert_int_equal(anew(f, rows, &error), MAPLE_IO_ERROR);
    assert_non_null(strstr(error.message, "no temporary folder can be made"));
    /* Nothing is left behind. */
    assert_int_equal(mkdir(temporary, 0700), 0);
    set_scale(&f->c, 1);
    if (anew(f, rows, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    assert_int_equal(rmdir(temporary), 0);
    assert_int_equal(unsetenv("TMPDIR"), 0);
    assert_pool_kept(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_the_labels),
        cmocka_unit_test(test_failures_have_a_reason),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
