/* SPDX-License-Identifier: Apache-2.0 */
/* campaign_fixture.h: campaigns with the fake worker (fake_worker.c), and what has to be in the pool. */
#ifndef MAPLE_TESTS_CAMPAIGN_FIXTURE_H
#define MAPLE_TESTS_CAMPAIGN_FIXTURE_H

#include "fake_latency.h"
#include "maple/measure.h"
#include "scratch.h"
#include "spaces.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ARCHS = 40, ROUNDS = 12 };

typedef struct campaign {
    maple_measure_config config;
    maple_measure_plan plan;
    maple_arch archs[ARCHS];
    char worker[300], name[32];
    maple_platform platform; /* as of the last run */
    maple_measure_report report;
    maple_hooks hooks;
    char warnings[4096];
} campaign;

static inline void keep_warning(void *user, maple_log_level level, const char *message) {
    campaign *c = user;
    size_t used = strlen(c->warnings);
    if (level == MAPLE_LOG_WARNING)
        snprintf(c->warnings + used, sizeof c->warnings - used, "%s\n", message);
}

/* As written, so that each architecture is a network of its own. The worker is a link in the scratch folder:
 * its faults lie beside it. */
static inline void make_campaign(campaign *c, const char *worker_name) {
    const maple_space *space = space_or_fail("nas-bench-201");
    *c = (campaign){.name = "fake"};
    snprintf(c->worker, sizeof c->worker, "%s/%s", scratch, worker_name);
    if (access(c->worker, F_OK) != 0 && symlink(MAPLE_FAKE_WORKER, c->worker) != 0)
        fail_msg("%s", c->worker);
    for (size_t i = 0; i < ARCHS; i++)
        c->archs[i] = maple_space_nth(space, 300 + i * 381);
    c->config = (maple_measure_config){
        .space = space,
        .engine = "reference",
        .options = {.threads = 1, .batch = 1, .weight_seed = 1},
        .graph = MAPLE_GRAPH_AS_WRITTEN,
        .worker_path = c->worker,
        .cpu = -1,
        .watchdog_s = 5,
    };
    c->plan = (maple_measure_plan){.archs = c->archs, .n = ARCHS, .rounds = ROUNDS, .seed = 5};
}

/* After the struct has its place. */
static inline void attach_hooks(campaign *c) {
    c->hooks = (maple_hooks){.log = keep_warning, .user = c};
    c->config.hooks = &c->hooks;
    c->warnings[0] = '\0';
}

/* "run crash 3": architecture 3 of the campaign. */
static inline void add_fault(const campaign *c, const char *when, const char *what, size_t arch) {
    char path[320], text[MAPLE_MAX_ARCH_TEXT];
    snprintf(path, sizeof path, "%s.conf", c->worker);
    FILE *file = fopen(path, "ae");
    assert_non_null(file);
    maple_space_format(c->config.space, &c->archs[arch], text);
    fprintf(file, "%s %s %s\n", when, what, text);
    fclose(file);
}

/* A line of what the worker does (fake_worker.c), in place of what it did. */
static inline void configure(const campaign *c, const char *line) {
    char path[320];
    snprintf(path, sizeof path, "%s.conf", c->worker);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "%s\n", line);
    fclose(file);
}

static inline void set_scale(const campaign *c, double scale) {
    char line[64];
    snprintf(line, sizeof line, "scale %.17g", scale);
    configure(c, line);
}

static inline maple_status run_campaign(campaign *c, const char *path, maple_error *error) {
    maple_pool *pool = NULL;
    maple_environment environment;
    char *json = NULL;
    maple_status status = maple_pool_open(path, MAPLE_POOL_WRITE, &pool, error);
    if (status != MAPLE_OK)
        return status;
    maple_environment_probe(NULL, &environment);
    status = maple_measure_identify(&c->config, &environment, &c->platform, error);
    snprintf(c->platform.name, sizeof c->platform.name, "%s", c->name);
    if (status == MAPLE_OK)
        status = maple_environment_json(&environment, &json, error);
    /* What is known of a platform that is there stays: its host, its sentinels. */
    maple_platform known;
    bool is_known = maple_pool_find_platform(pool, c->platform.name, &known, NULL) == MAPLE_OK;
    if (status == MAPLE_OK)
        status = maple_pool_add_platform(pool, &c->platform, is_known ? NULL : json, error);
    if (status == MAPLE_OK)
        status = maple_measure_networks(&c->config, pool, &c->platform, &c->plan, &c->report, error);
    maple_free(json);
    maple_pool_close(pool);
    return status;
}

/* The value that the pool has to have of a run. */
static inline double expected_ms(const maple_arch *arch, int round) {
    return fake_latency_ms(arch, round) * 1e6 / 1e6;
}

/* What a pool has of the campaign's platform. */
typedef struct stored {
    bool run[ARCHS][ROUNDS];
    size_t runs;
    maple_latency label[ARCHS];
    bool has_label[ARCHS];
} stored;

/* Every run that is there has the value that was measured for that round. */
static inline void read_stored(const campaign *c, const char *path, stored *out) {
    maple_pool *pool = NULL;
    maple_platform platform;
    maple_error error = {0};
    maple_latency *rows = NULL;
    size_t n = 0;
    memset(out, 0, sizeof *out);
    if (maple_pool_open(path, MAPLE_POOL_READ, &pool, &error) != MAPLE_OK)
        fail_msg("%s", error.message);
    assert_int_equal(maple_pool_find_platform(pool, c->name, &platform, &error), MAPLE_OK);
    for (size_t i = 0; i < ARCHS; i++) {
        int *rounds = NULL;
        double *latency_ms = NULL;
        assert_int_equal(maple_pool_runs(pool, platform.id, c->config.space, &c->archs[i], &rounds,
                                         &latency_ms, &n, &error),
                         MAPLE_OK);
        for (size_t k = 0; k < n; k++) {
            assert_in_range(rounds[k], 0, ROUNDS - 1);
            out->run[i][rounds[k]] = true;
            assert_true(latency_ms[k] == expected_ms(&c->archs[i], rounds[k]));
        }
        out->runs += n;
        maple_free(rounds);
        maple_free(latency_ms);
    }
    assert_int_equal(maple_pool_latencies(pool, platform.id, c->config.space, &rows, &n, &error), MAPLE_OK);
    for (size_t k = 0; k < n; k++) {
        for (size_t i = 0; i < ARCHS; i++) {
            if (maple_arch_equal(&rows[k].arch, &c->archs[i])) {
                out->label[i] = rows[k];
                out->has_label[i] = true;
            }
        }
    }
    maple_free(rows);
    maple_pool_close(pool);
}

/* Everything once, with the label that follows from it. */
static inline void assert_measured(const stored *s, const campaign *c, size_t i) {
    double sorted[ROUNDS];
    for (int r = 0; r < ROUNDS; r++) {
        assert_true(s->run[i][r]);
        sorted[r] = expected_ms(&c->archs[i], r);
    }
    maple_sort_doubles(sorted, ROUNDS);
    assert_true(s->has_label[i]);
    assert_int_equal(s->label[i].runs, ROUNDS);
    assert_true(s->label[i].latency_ms == maple_quantile_sorted(sorted, ROUNDS, 0.5));
    assert_true(s->label[i].min_ms == sorted[0]);
}

static inline void assert_failed(const stored *s, size_t i, const char *reason) {
    assert_true(s->has_label[i]);
    assert_true(isnan(s->label[i].latency_ms));
    assert_string_equal(s->label[i].reason, reason);
}

#endif
