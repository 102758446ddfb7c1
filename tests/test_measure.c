/* SPDX-License-Identifier: Apache-2.0 */
/* Measurement with real worker processes: identity, operators, networks with interruption and resume, lost
 * workers. */

#include "maple/measure.h"
#include "measure/channel.h"
#include "measure/probe.h"
#include "measure/process.h"
#include "measure/worker_client.h"
#include "scratch.h"
#include "spaces.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARCHS = 6, ROUNDS = 8 };

static const char *const degenerate_text = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|";
/* The second one has the same pruned graph as the first: an operator that nobody reads differs. */
static const char *const texts[ARCHS] = {
    "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
    "|avg_pool_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|",
    "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
    "|avg_pool_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|skip_connect~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|",
};

typedef struct fixture {
    maple_measure_config config;
    maple_environment environment;
    maple_pool *pool;
    maple_platform platform;
    maple_arch archs[ARCHS];
    maple_hooks hooks;
    int asked, stop_after; /* of the cancel hook; stop_after 0: never */
    pid_t victim;          /* killed by the hook instead of cancelling */
    double done, total;    /* the last progress of "measuring" */
} fixture;

static void progress_hook(void *user, const maple_progress *progress) {
    fixture *f = user;
    if (strcmp(progress->task, "measuring") != 0)
        return;
    assert_true(progress->done >= 0 && progress->done <= progress->total);
    f->done = progress->done;
    f->total = progress->total;
}

static bool cancel_hook(void *user) {
    fixture *f = user;
    return f->stop_after > 0 && ++f->asked > f->stop_after;
}

static int setup(void **state) {
    fixture *f = test_calloc(1, sizeof *f);
    maple_error error = {0};
    const maple_space *space = space_or_fail("nas-bench-201");
    f->hooks = (maple_hooks){.progress = progress_hook, .cancelled = cancel_hook, .user = f};
    f->config = (maple_measure_config){
        .space = space,
        .engine = "blas",
        .options = {.threads = 1, .batch = 1, .weight_seed = 1},
        .worker_path = MAPLE_TEST_WORKER,
        .cpu = -1,
        .skip_verify = true,
        .quiet_s = 0.2,
        .hooks = &f->hooks,
    };
    maple_environment_probe(NULL, &f->environment);
    assert_int_equal(make_scratch(state), 0);
    assert_int_equal(maple_pool_open(in_scratch("pool.db"), MAPLE_POOL_WRITE, &f->pool, &error), MAPLE_OK);
    for (int i = 0; i < ARCHS; i++)
        f->archs[i] = arch_or_fail(space, texts[i]);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    maple_pool_close(f->pool);
    test_free(f);
    return remove_scratch(state);
}

static int open_descriptors(void) {
    int n = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory))
        n++;
    closedir(directory);
    return n;
}

static void assert_no_children(void) {
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void add_platform(fixture *f) {
    maple_error error = {0};
    char *json = NULL;
    maple_status status = maple_measure_identify(&f->config, &f->environment, &f->platform, &error);
    if (status != MAPLE_OK)
        fail_msg("%s", error.message);
    assert_int_equal(maple_environment_json(&f->environment, &json, &error), MAPLE_OK);
    assert_int_equal(maple_pool_add_platform(f->pool, &f->platform, json, &error), MAPLE_OK);
    maple_free(json);
}

static maple_status measure(fixture *f, size_t memory_limit, maple_measure_report *report,
                            maple_error *error) {
    maple_measure_plan plan = {f->archs,
                               ARCHS,
                               ROUNDS,
                               memory_limit,
                               7,
                               .keep_disturbed = true,
                               .accept_drift = true}; /* tests share their machine */
    return maple_measure_networks(&f->config, f->pool, &f->platform, &plan, report, error);
}

/* --- Tests --- */

static void test_identify(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_platform platform;
    int before = open_descriptors();
    snprintf(f->environment.cpu, sizeof f->environment.cpu, "Intel(R) Core(TM) i5-7600K CPU @ 3.80GHz");
    assert_int_equal(maple_measure_identify(&f->config, &f->environment, &platform, &error), MAPLE_OK);
    assert_int_equal(platform.id, 0);
    assert_string_equal(platform.engine, "blas");
    assert_true(platform.engine_version[0] && platform.isa[0]);
    char name[160];
    snprintf(name, sizeof name, "core-i5-7600k-3.80ghz-blas-%s-1t-b1-pruned", platform.isa);
    assert_string_equal(platform.name, name);
    assert_string_equal(platform.counters, "none");
    assert_non_null(strstr(platform.family, "blas"));
    assert_int_equal(open_descriptors(), before);
    assert_no_children();
}

static void test_bad_worker(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_platform platform;
    int before = open_descriptors();
    f->config.worker_path = "/nowhere/maple";
    maple_status status = maple_measure_identify(&f->config, &f->environment, &platform, &error);
    assert_int_equal(status, MAPLE_DEVICE_ERROR);
    assert_string_equal(
        error.message,
        "worker '/nowhere/maple' cannot be started: No such file or directory; check its path");
    f->config.worker_path = "echo"; /* starts, answers nonsense */
    status = maple_measure_identify(&f->config, &f->environment, &platform, &error);
    assert_int_equal(status, MAPLE_DEVICE_ERROR);
    assert_non_null(strstr(error.message, "answered 'worker', which is not its protocol"));
    f->config.worker_path = "false"; /* starts, leaves */
    status = maple_measure_identify(&f->config, &f->environment, &platform, &error);
    assert_int_equal(status, MAPLE_DEVICE_ERROR);
    assert_non_null(strstr(error.message, "(false) ended with exit code 1"));
    f->config.worker_path = "ls"; /* starts, complains on stderr: its last words are told */
    status = maple_measure_identify(&f->config, &f->environment, &platform, &error);
    assert_int_equal(status, MAPLE_DEVICE_ERROR);
    assert_non_null(strstr(error.message, "its last words: ls: cannot access 'worker'"));
    assert_int_equal(open_descriptors(), before);
    assert_no_children();
}

static void test_refusals(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_platform platform;
    f->config.engine = "tpu";
    assert_int_equal(maple_measure_identify(&f->config, &f->environment, &platform, &error), MAPLE_NOT_FOUND);
    f->config.engine = "blas";
    f->config.cpu = 100000;
    assert_int_equal(maple_measure_identify(&f->config, &f->environment, &platform, &error),
                     MAPLE_BAD_ARGUMENT);
    assert_non_null(strstr(error.message, "CPU 100000 is not one"));
    f->config.cpu = -1;
    add_platform(f);
    maple_measure_report report;
    f->config.graph = MAPLE_GRAPH_AS_WRITTEN; /* not what the platform is */
    assert_int_equal(measure(f, 0, &report, &error), MAPLE_BAD_ARGUMENT);
    f->config.graph = MAPLE_GRAPH_PRUNED;
    maple_measure_plan plan = {f->archs, ARCHS, 0, 0, 1, .keep_disturbed = true};
    maple_status status = maple_measure_networks(&f->config, f->pool, &f->platform, &plan, &report, &error);
    assert_int_equal(status, MAPLE_BAD_ARGUMENT);
    snprintf(f->platform.engine_version, sizeof f->platform.engine_version, "0.0.1");
    assert_int_equal(measure(f, 0, &report, &error), MAPLE_BAD_ARGUMENT);
    assert_non_null(strstr(error.message, "profile it under a new name"));
    assert_no_children();
}

static void test_operators(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    size_t n = maple_space_operators(f->config.space);
    maple_operator_latency *rows = maple_alloc(n, sizeof *rows);
    f->config.skip_verify = false;
    f->config.quiet_s = 2;
    for (int form = 0; form < 2; form++) {
        f->config.graph = (maple_graph_form)form;
        maple_status status = maple_measure_operators(&f->config, rows, &error);
        if (status != MAPLE_OK)
            fail_msg("%s", error.message);
        for (size_t i = 0; i < n; i++) {
            if (!isfinite(rows[i].latency_ms))
                fail_msg("%s: %s", maple_space_operator(f->config.space, i)->name, rows[i].reason);
            assert_true(rows[i].min_ms > 0 && rows[i].min_ms <= rows[i].latency_ms);
            assert_in_range(rows[i].runs, 5, 400); /* undisturbed loops */
            assert_true(rows[i].implementation[0]);
        }
    }
    maple_free(rows);
    assert_no_children();
}

/* Each round once for each distinct network, whatever was interrupted in between. */
static void assert_complete_runs(fixture *f) {
    maple_error error = {0};
    for (int i = 0; i < ARCHS; i++) {
        int *rounds = NULL;
        double *latency_ms = NULL;
        size_t n = 0;
        if (maple_space_degenerate(f->config.space, &f->archs[i]))
            continue;
        maple_arch canonical = maple_space_canonical(f->config.space, f->config.graph, &f->archs[i]);
        maple_status status = maple_pool_runs(f->pool, f->platform.id, f->config.space, &canonical, &rounds,
                                              &latency_ms, &n, &error);
        assert_int_equal(status, MAPLE_OK);
        assert_int_equal(n, ROUNDS);
        for (int r = 0; r < ROUNDS; r++) {
            assert_int_equal(rounds[r], r);
            assert_true(latency_ms[r] > 0);
        }
        maple_free(rounds);
        maple_free(latency_ms);
    }
}

static size_t count_rows(fixture *f, size_t *finite) {
    maple_error error = {0};
    maple_latency *rows = NULL;
    size_t n = 0;
    *finite = 0;
    assert_int_equal(maple_pool_latencies(f->pool, f->platform.id, f->config.space, &rows, &n, &error),
                     MAPLE_OK);
    for (size_t i = 0; i < n; i++) {
        if (isfinite(rows[i].latency_ms)) {
            ++*finite;
            assert_int_equal(rows[i].runs, ROUNDS);
            assert_true(rows[i].min_ms > 0 && rows[i].min_ms <= rows[i].latency_ms);
        } else {
            assert_true(rows[i].reason[0]);
        }
    }
    maple_free(rows);
    return n;
}

static void test_networks_resume(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_measure_report report;
    size_t finite = 0;
    add_platform(f);
    f->config.skip_verify = false;
    int interruptions = 0;
    maple_status status = MAPLE_INTERRUPTED;
    while (status == MAPLE_INTERRUPTED && interruptions < 50) {
        f->asked = 0;
        f->stop_after = 6; /* compiling asks too: some sessions end before their first round */
        f->stop_after += interruptions;
        status = measure(f, 0, &report, &error);
        assert_true(report.wall_s > 0);
        if (status == MAPLE_INTERRUPTED) {
            interruptions++;
            assert_non_null(strstr(error.message, "the same command continues"));
            assert_no_children();
        }
    }
    if (status != MAPLE_OK)
        fail_msg("%s", error.message);
    assert_true(interruptions > 1);
    assert_complete_runs(f);
    assert_int_equal(count_rows(f, &finite), ARCHS);
    assert_int_equal(finite, ARCHS - 1);
    assert_int_equal(report.measured, ARCHS - 1);
    assert_true(report.executing_s > report.timed_s && report.timed_s > 0 &&
                report.wall_s > report.executing_s);
    assert_true(report.median_spread >= 0);
    /* Again: nothing is left but what has no label. */
    f->stop_after = 0;
    assert_int_equal(measure(f, 0, &report, &error), MAPLE_OK);
    assert_int_equal(report.already, ARCHS - 1);
    assert_int_equal(report.measured, 0);
    assert_int_equal(report.failed, 1);
    assert_true(isnan(report.disturbed_share) && isnan(report.median_spread)); /* nothing was run: not 0 */
    assert_complete_runs(f);
}

static void test_same_graph_is_measured_once(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_measure_report report;
    maple_latency *rows = NULL;
    size_t n = 0;
    add_platform(f);
    const maple_space *space = f->config.space;
    maple_arch first = maple_space_canonical(space, MAPLE_GRAPH_PRUNED, &f->archs[0]);
    maple_arch second = maple_space_canonical(space, MAPLE_GRAPH_PRUNED, &f->archs[1]);
    assert_true(maple_arch_equal(&first, &second));
    assert_int_equal(measure(f, 0, &report, &error), MAPLE_OK);
    assert_true(f->total > 0 && f->done == f->total); /* sentinels' runs are not counted */
    assert_int_equal(maple_pool_latencies(f->pool, f->platform.id, space, &rows, &n, &error), MAPLE_OK);
    double labels[2] = {NAN, NAN};
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            if (maple_arch_equal(&rows[i].arch, &f->archs[k]))
                labels[k] = rows[i].latency_ms;
        }
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(space, &rows[i].arch, text);
        if (strcmp(text, degenerate_text) == 0)
            assert_string_equal(rows[i].reason, "degenerate: the output does not depend on the input");
    }
    assert_true(labels[0] > 0 && labels[0] == labels[1]);
    maple_free(rows);
    /* A third one with that graph, asked for later, gets the row without a worker. */
    maple_arch later;
    const char *text = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|";
    assert_int_equal(maple_space_parse(space, text, &later, &error), MAPLE_OK);
    maple_measure_plan plan = {&later, 1, ROUNDS, 0, 7, .keep_disturbed = true, .accept_drift = true};
    f->config.worker_path = "/nowhere/maple";
    maple_status status = maple_measure_networks(&f->config, f->pool, &f->platform, &plan, &report, &error);
    assert_int_equal(status, MAPLE_OK);
    assert_int_equal(report.measured, 1);
}

static void test_as_written_in_blocks(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_measure_report report;
    size_t finite = 0;
    f->config.graph = MAPLE_GRAPH_AS_WRITTEN;
    add_platform(f);
    assert_int_equal(measure(f, 1, &report, &error), MAPLE_OK); /* one network a block */
    assert_int_equal(count_rows(f, &finite), ARCHS);
    assert_int_equal(finite, ARCHS);      /* as written every cell runs */
    assert_true(report.windows <= ARCHS); /* on a busy machine some cannot be compared */
    assert_int_equal(report.sentinel_drift > 0, report.windows > 1); /* how much is the host's matter */
    assert_true(isfinite(report.sentinel_drift));
}

/* The worker is killed after some rounds: it is started again, and nothing is missing at the end. */
static pid_t first_child(void) {
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *file = fopen(path, "r");
    if (file) {
        if (fscanf(file, "%d", &child) != 1)
            child = 0;
        fclose(file);
    }
    return child;
}

static void kill_hook(void *user, const maple_progress *progress) {
    fixture *f = user;
    if (strcmp(progress->task, "measuring") == 0 && progress->done >= 8 && !f->victim) {
        f->victim = first_child();
        if (f->victim > 0)
            kill(f->victim, SIGKILL);
    }
}

static void test_killed_worker(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_measure_report report;
    add_platform(f);
    f->hooks.progress = kill_hook;
    int before = open_descriptors();
    maple_status status = measure(f, 0, &report, &error);
    if (status != MAPLE_OK)
        fail_msg("%s", error.message);
    if (f->victim <= 0)
        skip(); /* /proc/.../children is not built into every kernel */
    assert_int_equal(report.losses, 1);
    assert_int_equal(report.failed, 1); /* the degenerate one */
    assert_int_equal(open_descriptors(), before);
    assert_no_children();
    assert_complete_runs(f);
}

/* A child that speaks and leaves before it is asked: what it said is told, not only that it is gone. */
static void test_answer_of_a_child_that_left(void **state) {
    (void)state;
    char *argv[] = {"echo", "hello", NULL}, *environment[] = {NULL}, *answer = NULL;
    maple_error error = {0};
    maple_process *process = NULL;
    assert_int_equal(
        maple_process_start(&(maple_process_options){argv, environment, NULL, 0}, &process, &error),
        MAPLE_OK);
    siginfo_t info; /* waits without taking its status away */
    assert_int_equal(waitid(P_PID, (id_t)maple_process_id(process), &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(maple_process_ask(process, "open\n", 10, NULL, &answer, &error), MAPLE_OK);
    assert_string_equal(answer, "hello");
    assert_int_equal(maple_process_ask(process, "open\n", 10, NULL, &answer, &error), MAPLE_DEVICE_ERROR);
    assert_non_null(strstr(error.message, "(echo) ended with exit code 0"));
    maple_process_stop(process);
    assert_no_children();
}

/* A parent that was stopped (Ctrl-Z) for longer than its time limit finds the answer waiting. */
static void test_answer_after_the_limit(void **state) {
    (void)state;
    int ends[2];
    char *line = NULL;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "ok\n", 3), 3);
    maple_channel channel = {.input = ends[0], .output = -1};
    assert_int_equal(maple_channel_read(&channel, maple_clock_ns() - 1000000000, &line), MAPLE_CHANNEL_OK);
    assert_string_equal(line, "ok");
    assert_int_equal(maple_channel_read(&channel, maple_clock_ns() - 1000000000, &line),
                     MAPLE_CHANNEL_TIMEOUT);
    maple_channel_release(&channel);
    close(ends[0]);
    close(ends[1]);
}

static void test_protocol(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_worker *worker = NULL;
    maple_loaded loaded;
    maple_timing timings[2];
    double executing_s;
    size_t done, ids[2] = {3, 9};
    maple_run_request run = {.ids = ids, .n = 2, .budget_s = 1, .tag = 7};
    f->config.skip_verify = false;
    assert_int_equal(maple_worker_start(&f->config, NULL, NULL, &worker, &error), MAPLE_OK);
    assert_int_equal(maple_worker_load_network(worker, 3, &f->archs[0], &loaded, &error), MAPLE_OK);
    assert_true(loaded.relative_error >= 0 && loaded.relative_error < MAPLE_ENGINE_TOLERANCE);
    assert_true(loaded.implementations[0]);
    /* An id that was never loaded is refused; the worker stays. */
    maple_status status = maple_worker_run(worker, &run, timings, &done, &executing_s, &error);
    assert_int_equal(status, MAPLE_NOT_FOUND);
    assert_string_equal(error.message, "worker: nothing is loaded as 9");
    assert_int_equal(maple_worker_load_network(worker, 4, &f->archs[4], &loaded, &error), MAPLE_BAD_ARGUMENT);
    assert_false(maple_worker_gone(worker));
    /* A budget that is over at once still gives one run. */
    ids[1] = 3;
    run.budget_s = 0;
    assert_int_equal(maple_worker_run(worker, &run, timings, &done, &executing_s, &error), MAPLE_OK);
    assert_int_equal(done, 1);
    assert_true(timings[0].latency_ms > 0 && executing_s * 1e3 > timings[0].latency_ms);
    assert_int_equal(maple_worker_unload(worker, 3, &error), MAPLE_OK);
    run.n = 1;
    status = maple_worker_run(worker, &run, timings, &done, &executing_s, &error);
    assert_int_equal(status, MAPLE_NOT_FOUND);
    maple_worker_stop(worker);
}

/* Beside another program on its CPU a worker says which runs that interrupted. */
static void test_preempted_worker(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    maple_worker *worker = NULL;
    maple_loaded loaded;
    maple_timing timing;
    double executing_s;
    size_t done, id = 0;
    bool preempted = false;
    maple_run_request run = {.ids = &id, .n = 1, .budget_s = 1};
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    size_t last = 0;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        last = CPU_ISSET(cpu, &all) ? cpu : last;
    f->config.cpu = (int)last;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    assert_int_equal(maple_worker_start(&f->config, NULL, NULL, &worker, &error), MAPLE_OK);
    assert_int_equal(maple_worker_load_network(worker, id, &f->archs[0], &loaded, &error), MAPLE_OK);
    pid_t hog = fork();
    if (hog == 0) {
        sched_setaffinity(0, sizeof one, &one);
        for (volatile int i = 0;; i++)
            ;
    }
    int64_t end = maple_clock_ns() + (int64_t)60e9;
    while (!preempted && maple_clock_ns() < end) {
        assert_int_equal(maple_worker_run(worker, &run, &timing, &done, &executing_s, &error), MAPLE_OK);
        preempted = timing.probe_ns == MAPLE_PROBE_PREEMPTED;
    }
    kill(hog, SIGKILL);
    waitpid(hog, NULL, 0);
    maple_worker_stop(worker);
    assert_true(preempted);
}

/* The server against a parent that talks nonsense. */
static void test_bad_requests(void **state) {
    (void)state;
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"", "error\t30\tworker: unknown request ''"},
        {"fly", "error\t30\tworker: unknown request 'fly'"},
        {"open", "error\t30\tworker: request without a valid space, engine and ISA, once"},
        {"open\tnas-bench-201\tblas\t-\tx\t1\t1\tpruned",
         "error\t30\tworker: request without a valid number of threads, batch or seed"},
        {"network\t1\t0\t|x|", "error\t30\tworker: request without a valid open before it"},
        {"run\t10", "error\t30\tworker: request without a valid budget, tag or list of ids"},
        {"run\t10\t7", "error\t30\tworker: request without a valid budget, tag or list of ids"},
        {"run\t10\t7\t-1", "error\t30\tworker: request without a valid id"},
        {"run\t10\t7\t99999999999999999999999", "error\t30\tworker: request without a valid id"},
        {"loop\t1\t7", "error\t31\tworker: nothing is loaded as 7"},
        {"count\t1\twarm", "error\t30\tworker: request without a valid counters before it"},
        {"unload\t12", "ok"},
    };
    int to[2], from[2];
    assert_int_equal(pipe(to) | pipe(from), 0);
    pid_t child = fork();
    if (child == 0) {
        close(to[1]);
        close(from[0]);
        _exit(maple_worker_serve(to[0], from[1]) == MAPLE_OK ? 0 : 1);
    }
    close(to[0]);
    close(from[1]);
    maple_channel channel = {.input = from[0], .output = to[1]};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *answer = NULL;
        int64_t deadline = maple_clock_ns() + 5000000000;
        maple_channel_write(&channel, cases[i].request, strlen(cases[i].request), deadline);
        maple_channel_write(&channel, "\n", 1, deadline);
        assert_int_equal(maple_channel_read(&channel, deadline, &answer), MAPLE_CHANNEL_OK);
        assert_string_equal(answer, cases[i].answer);
    }
    close(to[1]);
    int how = 0;
    waitpid(child, &how, 0);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    close(from[0]);
    maple_channel_release(&channel);
}

/* What no provider can run is not counted, and says so; what has weaker kernels is counted with those. */
static void test_provider_of_a_numeric_type(void **state) {
    (void)state;
    const maple_counter_info *provider = NULL;
    maple_error error = {0};
    char reason[512];
    maple_measure_config config = {.engine = "onednn", .options = {.dtype = MAPLE_DTYPE_BF16, .isa = "amx"}};
    const maple_engine_info *engine;
    assert_int_equal(maple_engine_find("onednn", &engine, &error), MAPLE_OK);
    if (!engine->available)
        skip();
    assert_int_equal(maple_measure_provider(&config, "callgrind", &provider, reason, sizeof reason, &error),
                     MAPLE_UNSUPPORTED);
    assert_string_equal(error.message, "callgrind runs code up to avx2, which has none for bf16");
    assert_int_equal(maple_measure_provider(&config, "auto", &provider, reason, sizeof reason, &error),
                     MAPLE_OK);
    assert_string_not_equal(provider->name, "callgrind");
    if (strcmp(provider->name, "none") == 0 && !strstr(reason, "callgrind"))
        fail_msg("%s", reason);
    config.options.dtype = MAPLE_DTYPE_INT8;
    assert_int_equal(maple_measure_provider(&config, "callgrind", &provider, reason, sizeof reason, &error),
                     MAPLE_OK);
    assert_string_equal(provider->name, "callgrind");
    assert_int_equal(maple_measure_provider(&config, "abacus", &provider, reason, sizeof reason, &error),
                     MAPLE_NOT_FOUND);
}

static void test_counters(void **state) {
    fixture *f = *state;
    maple_error error = {0};
    size_t n = maple_space_descriptor_operators(f->config.space);
    maple_count *warm = maple_alloc(n * MAPLE_EVENTS, sizeof *warm);
    maple_count *cold = maple_alloc(n * MAPLE_EVENTS, sizeof *cold);
    char isa[32], reason[200];
    const maple_counter_info *provider = NULL;
    assert_int_equal(maple_counters_find("auto", &provider, reason, sizeof reason, &error), MAPLE_OK);
    maple_status status = maple_measure_counters(&f->config, provider, warm, cold, isa, &error);
    if (status != MAPLE_OK)
        fail_msg("%s: %s", provider->name, error.message);
    assert_true(isa[0]);
    for (size_t i = 0; i < n; i++) {
        const maple_count *one = warm + i * MAPLE_EVENTS;
        for (int e = 0; e < MAPLE_EVENTS; e++)
            assert_int_equal(isnan(one[e].value), one[e].status == MAPLE_COUNTER_MISSING);
        if (one[MAPLE_INSTRUCTIONS].status != MAPLE_COUNTER_MISSING)
            assert_true(one[MAPLE_INSTRUCTIONS].value > 100);
        if (one[MAPLE_INSTRUCTIONS].status == MAPLE_COUNTER_SIMULATED)
            assert_true(cold[i * MAPLE_EVENTS + MAPLE_LLC_LOAD_MISSES].value >
                        one[MAPLE_LLC_LOAD_MISSES].value);
    }
    maple_free(warm);
    maple_free(cold);
    assert_no_children();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_identify, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_worker, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_operators, setup, teardown),
        cmocka_unit_test_setup_teardown(test_networks_resume, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_graph_is_measured_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_as_written_in_blocks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_worker, setup, teardown),
        cmocka_unit_test(test_answer_after_the_limit),
        cmocka_unit_test(test_provider_of_a_numeric_type),
        cmocka_unit_test(test_answer_of_a_child_that_left),
        cmocka_unit_test_setup_teardown(test_protocol, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preempted_worker, setup, teardown),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test_setup_teardown(test_counters, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
