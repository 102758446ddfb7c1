/* SPDX-License-Identifier: Apache-2.0 */
/* An evaluation that was killed goes on, and what comes from the cache is what would be computed. */
#include "evaluate_fixture.h"
#include "scratch.h"
#include "sqlite_check.h"

#include <signal.h>
#include <sys/wait.h>

/* Several of a kind share what they pre-train; maple learns from pool and samples together. */
static const maple_contender CONTENDERS[] = {{.name = "nearest"},
                                             {.name = "mean-pool"},
                                             {.name = "lut-fit"},
                                             {.name = "maple", .options = "epochs=1,width=8"}};
static const int SAMPLES[] = {10, 4};

/* What the hooks hear. */
typedef struct listener {
    double first, last, total; /* progress */
    int calls, kill_at;        /* kill_at: number of runs after which the process is killed; -1: never */
    bool stop;
    char said[4096];
} listener;

static void listen(void *user, const maple_progress *progress) {
    listener *l = user;
    if (l->calls++ == 0)
        l->first = progress->done;
    l->last = progress->done;
    l->total = progress->total;
    if (l->kill_at >= 0 && l->last - l->first >= l->kill_at)
        raise(SIGKILL);
}

static void hear(void *user, maple_log_level level, const char *message) {
    listener *l = user;
    if (level == MAPLE_LOG_WARNING)
        snprintf(l->said + strlen(l->said), sizeof l->said - strlen(l->said), "%s\n", message);
}

static bool stops(void *user) {
    const listener *l = user;
    return l->stop && l->last - l->first >= 3;
}

static listener heard; /* by the last evaluation */
static char folder[300], store[400];

/* Platforms 2 and 3 predicted from 0 and 1; `heard.stop` is switched off. */
static fixture make_named(void) {
    static const char *const SOURCES[] = {"synthetic-0", "synthetic-1"};
    static const char *const TARGETS[] = {"synthetic-2", "synthetic-3"};
    fixture f = make(MAPLE_GRAPH_PRUNED, 150);
    OK(maple_splits_named(&f.pool.dataset, SOURCES, 2, TARGETS, 2, &f.splits, &why));
    contend(&f, CONTENDERS, 4);
    f.evaluation.samples = SAMPLES;
    f.evaluation.train_archs = 60;
    f.evaluation.trials = 2;
    f.evaluation.cache = folder;
    heard.stop = false;
    return f;
}

static maple_status evaluate_listening(fixture *f) {
    static const maple_hooks HOOKS = {.log = hear, .progress = listen, .cancelled = stops, .user = &heard};
    heard = (listener){.kill_at = -1, .stop = heard.stop};
    f->evaluation.hooks = &HOOKS;
    return evaluate(f);
}

/* Rows of a run without a cache. */
static maple_evaluation_row *without_cache(fixture *f, size_t *n) {
    f->evaluation.cache = NULL;
    OK(evaluate_listening(f));
    f->evaluation.cache = folder;
    maple_evaluation_row *rows = f->rows;
    *n = f->n;
    f->rows = NULL;
    for (size_t i = 0; i < *n; i++)
        assert_string_equal(rows[i].reason, "");
    return rows;
}

/* Equal in every bit, in those of the times, too. */
static void assert_same_bytes(const fixture *f, const maple_evaluation_row *expected, size_t n) {
    assert_int_equal(f->n, n);
    assert_memory_equal(f->rows, expected, n * sizeof *expected);
}

/* Evaluates: `expected` runs must come from the cache. */
static void assert_recalled(fixture *f, double expected) {
    OK(evaluate_listening(f));
    assert_true(fabs(heard.last - heard.total) <= 0);
    if (fabs(heard.first - expected) > 0)
        fail_msg("%g of %g runs come from the cache, expected were %g", heard.first, heard.total, expected);
}

enum { RUNS = 2 * 2 * 4 * 2 }; /* targets x trials x contenders x numbers of samples */

static void a_second_run_does_nothing(void **state) {
    (void)state;
    fixture f = make_named();
    size_t n;
    maple_evaluation_row *expected = without_cache(&f, &n);
    f.evaluation.threads = 3;
    assert_recalled(&f, 0);
    assert_same_rows(&f, expected, n);
    assert_int_equal(query_int(store, "SELECT count(*) FROM entry WHERE key LIKE 'run %'"), RUNS);
    /* nearest and mean-pool: one model a trial. */
    assert_int_equal(query_int(store, "SELECT count(*) FROM entry WHERE key LIKE 'model %'"), 2);
    maple_free(expected);
    expected = f.rows;
    f.rows = NULL;
    f.evaluation.threads = 1;
    assert_recalled(&f, RUNS);
    assert_same_bytes(&f, expected, n);
    assert_string_equal(heard.said, "");
    maple_free(expected);
    release(&f);
}

/* A contender that comes later adapts the models that are there, with the time that their training took. */
static void models_are_shared(void **state) {
    (void)state;
    fixture f = make_named();
    f.evaluation.n_contenders = 1;
    assert_recalled(&f, 0);
    double fit_ms = f.rows[0].fit_ms;
    assert_true(fit_ms > 0);
    static const maple_contender OTHERS[] = {{.name = "mean-pool"}, {.name = "nearest-oracle"}};
    contend(&f, OTHERS, 2);
    assert_recalled(&f, 0);
    assert_int_equal(query_int(store, "SELECT count(*) FROM entry WHERE key LIKE 'model %'"), 2);
    for (size_t i = 0; i < f.n; i++)
        assert_true(fabs(f.rows[i].fit_ms - fit_ms) <= 1e-9 * fit_ms);
    maple_evaluation_row *with = f.rows;
    size_t n = f.n;
    f.rows = NULL;
    f.evaluation.cache = NULL;
    OK(evaluate_listening(&f));
    assert_same_rows(&f, with, n);
    maple_free(with);
    release(&f);
}

/* Whatever a result depends on is in its key; what it does not depend on is not. */
static void keys_cover_what_counts(void **state) {
    (void)state;
    static const maple_contender OPTIONS[] = {{.name = "maple", .options = "epochs=2,width=8"}};
    static const maple_contender SAME[] = {{.name = "maple", .label = "m", .options = "width=8,epochs=1"}};
    static const int FEWER[] = {4};
    fixture f = make_named();
    maple_dataset *d = &f.pool.dataset;
    assert_recalled(&f, 0);
    f.evaluation.samples = FEWER;
    f.evaluation.n_samples = 1;
    assert_recalled(&f, RUNS / 2);
    contend(&f, SAME, 1);
    assert_recalled(&f, RUNS / 8);
    f.evaluation.contenders = OPTIONS;
    assert_recalled(&f, 0);
    assert_recalled(&f, RUNS / 8);
    f.evaluation.trials = 3; /* the first trials are the same */
    assert_recalled(&f, RUNS / 8);
    f.evaluation.trials = 2;
    f.evaluation.seed = 2;
    assert_recalled(&f, 0);
    f.evaluation.sampler = "params";
    assert_recalled(&f, 0);
    f.evaluation.train_archs = 61;
    assert_recalled(&f, 0);
    f.evaluation.train_archs = 0;
    assert_recalled(&f, 0);
    assert_recalled(&f, RUNS / 8);
    d->platforms[3].latency_ms[5] *= 1.01; /* one of two targets */
    assert_recalled(&f, RUNS / 16);
    d->platforms[3].operator_ms[1] *= 1.01;
    assert_recalled(&f, RUNS / 16);
    d->platforms[1].counters_warm[0] *= 1.01; /* a source */
    assert_recalled(&f, 0);
    d->index[0]++; /* what the scoring sets are of */
    assert_recalled(&f, 0);
    maple_splits_free(&f.splits);
    OK(maple_splits_leave_one_out(d, NULL, 0, MAPLE_LEAVE_OUT_PLATFORM, &f.splits, &why));
    assert_recalled(&f, 0);
    assert_string_equal(heard.said, "");
    release(&f);
}

/* --- Interruptions --- */

/* A process that evaluates, and kills itself when so many runs are done, or is killed after a while. */
static void evaluate_and_die(fixture *f, int runs, useconds_t after_us) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        maple_hooks hooks = {.progress = listen, .user = &heard};
        heard = (listener){.kill_at = runs};
        f->evaluation.hooks = &hooks;
        maple_evaluate(&f->evaluation, &f->rows, &f->n, NULL);
        _exit(0);
    }
    int status;
    if (runs < 0) {
        usleep(after_us);
        kill(child, SIGKILL);
    }
    waitpid(child, &status, 0);
    if (runs >= 0)
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_killed_run_goes_on(void **state) {
    (void)state;
    fixture f = make_named();
    size_t n;
    maple_evaluation_row *expected = without_cache(&f, &n);
    double done = 0;
    for (int threads = 1; threads <= 3; threads++) {
        f.evaluation.threads = threads;
        evaluate_and_die(&f, 1 + 3 * threads, 0);
        done += 1 + 3 * threads;
        assert_true((double)query_int(store, "SELECT count(*) FROM entry WHERE key LIKE 'run %'") >= done);
    }
    f.evaluation.threads = 2;
    OK(evaluate_listening(&f));
    assert_true(heard.first >= done && heard.first < RUNS);
    assert_same_rows(&f, expected, n);
    assert_string_equal(heard.said, "");
    assert_recalled(&f, RUNS);
    maple_free(expected);
    release(&f);
}

static void killed_at_any_moment(void **state) {
    (void)state;
    fixture f = make_named();
    size_t n;
    maple_evaluation_row *expected = without_cache(&f, &n);
    f.evaluation.threads = 2;
    for (useconds_t i = 0; i < 12; i++)
        evaluate_and_die(&f, -1, 5000 + 4000 * i);
    OK(evaluate_listening(&f));
    assert_true(heard.first <= RUNS);
    assert_same_rows(&f, expected, n);
    assert_string_equal(heard.said, "");
    maple_free(expected);
    release(&f);
}

static void an_interrupted_run_says_where_it_is(void **state) {
    (void)state;
    fixture f = make_named();
    heard.stop = true;
    FAILS(evaluate_listening(&f), MAPLE_INTERRUPTED, "what it has done is in");
    assert_non_null(strstr(why.message, store));
    double done = heard.last;
    assert_true(done >= 3);
    heard.stop = false;
    assert_recalled(&f, done);
    release(&f);
}

/* --- Damage --- */

static void flip(size_t at, int bit) {
    FILE *file = fopen(store, "r+b");
    assert_non_null(file);
    fseek(file, (long)at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, (long)at, SEEK_SET);
    fputc(byte ^ 1 << bit, file);
    assert_int_equal(fclose(file), 0);
}

static void damaged_caches(void **state) {
    (void)state;
    fixture f = make_named();
    size_t n, warned = 0;
    maple_evaluation_row *expected = without_cache(&f, &n);
    char *good;
    size_t bytes;
    OK(evaluate_listening(&f));
    assert_int_equal(maple_read_file(store, 1 << 26, &good, &bytes, NULL), MAPLE_OK);
    for (size_t i = 0; i < 30; i++) {
        flip(i < 5 ? 17 * i : bytes / 30 * i + i, (int)i % 8);
        OK(evaluate_listening(&f));
        assert_same_rows(&f, expected, n);
        bool all = heard.first >= RUNS; /* the bit was in a place without meaning, or in a model */
        warned += *heard.said != '\0';
        assert_true(all || !*heard.said || strstr(heard.said, store));
        assert_recalled(&f, RUNS); /* what was lost is there again */
        OK(maple_write_file(store, good, bytes, &why));
    }
    assert_true(warned > 5);
    OK(maple_write_file(store, "rubbish", 7, &why));
    assert_recalled(&f, 0);
    assert_non_null(strstr(heard.said, "the cache is damaged"));
    assert_same_rows(&f, expected, n);
    maple_free(good);
    maple_free(expected);
    release(&f);
}

/* Damaged models: the runs are gone, and the model is trained anew. */
static void damaged_models(void **state) {
    (void)state;
    fixture f = make_named();
    size_t n;
    f.evaluation.n_contenders = 1;
    maple_evaluation_row *expected = without_cache(&f, &n);
    OK(evaluate_listening(&f));
    execute_sql(store, "DELETE FROM entry WHERE key LIKE 'run %';"
                       "UPDATE entry SET body = CAST(substr(body, 1, length(body) - 1) || x'07' AS BLOB)");
    assert_recalled(&f, 0);
    assert_non_null(strstr(heard.said, "an entry is damaged"));
    assert_same_rows(&f, expected, n);
    assert_recalled(&f, RUNS / 4);
    assert_string_equal(heard.said, "");
    maple_free(expected);
    release(&f);
}

/* What a predictor warned of is said again where its result comes from the cache. */
static void warnings_are_kept(void **state) {
    (void)state;
    fixture f = make_named();
    double *operators = f.pool.dataset.platforms[1].operator_ms;
    for (size_t i = 0; i < maple_space_operators(f.pool.dataset.space); i++)
        operators[i] = NAN;
    OK(evaluate_listening(&f));
    char first[sizeof heard.said];
    memcpy(first, heard.said, sizeof first);
    assert_non_null(strstr(first, "synthetic-1"));
    assert_recalled(&f, RUNS);
    assert_string_equal(heard.said, first);
    release(&f);
}

static void a_folder_that_cannot_be(void **state) {
    (void)state;
    fixture f = make_named();
    f.evaluation.cache = "/proc/maple";
    FAILS(evaluate_listening(&f), MAPLE_IO_ERROR, "/proc/maple: cannot be created");
    release(&f);
}

static int begin(void **state) {
    int failed = make_scratch(state);
    snprintf(folder, sizeof folder, "%s/deep/er", scratch);
    snprintf(store, sizeof store, "%s/maple-evaluate.db", folder);
    return failed;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, remove_scratch)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_second_run_does_nothing),
        TEST(models_are_shared),
        TEST(keys_cover_what_counts),
        TEST(a_killed_run_goes_on),
        TEST(killed_at_any_moment),
        TEST(an_interrupted_run_says_where_it_is),
        TEST(damaged_caches),
        TEST(damaged_models),
        TEST(warnings_are_kept),
        TEST(a_folder_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
