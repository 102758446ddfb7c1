/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: the commands that make them again, as a shell takes them, and what rows tell of their evaluation.
 */
#include "maple/engine.h"
#include "maple/report.h"
#include "pool_fixture.h"

static const char *const NOWHERE = "/nonexistent/gnuplot";

static void assert_holds(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("no '%s' in: %.4000s", part, text);
}

static void assert_lacks(const char *text, const char *part) {
    const char *at = strstr(text, part);
    if (at)
        fail_msg("'%s' in: %.400s", part, at);
}

/* What stands between <pre> and </pre>, with its entities read, and lines that go on put together. */
static char *commands_of(const char *html) {
    static const char *const ENTITIES[][2] = {
        {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
    const char *at = strstr(html, "<pre>"), *end = at ? strstr(at, "</pre>") : NULL;
    maple_text out = {0};
    if (!end)
        fail_msg("no <pre> in: %.2000s", html);
    for (at += strlen("<pre>"); at < end;) {
        static const char ON[] = " \\\n    ";
        if (strncmp(at, ON, strlen(ON)) == 0) {
            maple_text_add(&out, " ");
            at += strlen(ON);
            continue;
        }
        size_t i = 0, n = sizeof ENTITIES / sizeof *ENTITIES;
        while (i < n && strncmp(at, ENTITIES[i][0], strlen(ENTITIES[i][0])) != 0)
            i++;
        maple_text_addf(&out, "%c", i < n ? ENTITIES[i][1][0] : *at);
        at += i < n ? strlen(ENTITIES[i][0]) : 1;
    }
    assert_false(out.failed);
    return out.data;
}

static void test_words(void **state) {
    (void)state;
    static const char *const CASES[][2] = {{"plain-1.5/a_b,c=d:e@f%+", "plain-1.5/a_b,c=d:e@f%+"},
                                           {"", "''"},
                                           {"two words", "'two words'"},
                                           {"it's", "'it'\\''s'"},
                                           {"$(touch x)`y`\"\\", "'$(touch x)`y`\"\\'"},
                                           {"a\nb", "'a\nb'"},
                                           {"~", "'~'"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        maple_text text = {0};
        maple_text_add_word(&text, CASES[i][0]);
        assert_string_equal(text.data, CASES[i][1]);
        maple_text_free(&text);
    }
}

/* What an engine has no cap for cannot be asked for. */
static void test_isa_cap(void **state) {
    (void)state;
    assert_null(maple_engine_isa_cap("reference", "generic"));
    assert_null(maple_engine_isa_cap("onednn", "generic"));
    assert_null(maple_engine_isa_cap("xnnpack", ""));
    assert_string_equal(maple_engine_isa_cap("no such engine", "avx2"), "avx2");
    assert_null(maple_engine_isa_cap("no such engine", "generic"));
    for (size_t i = 0; i < maple_engine_count(); i++) {
        const maple_engine_info *info = maple_engine_at(i);
        for (const char *const *isa = info->isas; *isa; isa++)
            assert_string_equal(maple_engine_isa_cap(info->name, *isa), *isa);
        if (info->available)
            assert_null(maple_engine_isa_cap(info->name, "no such set"));
    }
}

/* The page, and its commands, of a platform of the pool; the caller frees both. */
static char *report_of(maple_pool *pool, const maple_platform *platform, const char *file, bool bundled,
                       char **commands) {
    maple_dataset *dataset = NULL;
    maple_text html = {0};
    OK(maple_dataset_load(&pool, 1, nas, &dataset, &why));
    const maple_report_platform request = {.pool = pool,
                                           .space = nas,
                                           .platform = *platform,
                                           .dataset = dataset,
                                           .command = "maple report ...",
                                           .gnuplot = NOWHERE,
                                           .bundled = bundled,
                                           .pool_file = file};
    OK(maple_report_of_platform(&request, &html, &why));
    maple_dataset_free(dataset);
    *commands = commands_of(html.data);
    return html.data;
}

static void test_measured(void **state) {
    (void)state;
    char *commands;
    maple_pool *pool = new_pool("measured.db");
    maple_platform platform = add_example(pool, "my board's $HOME");
    put_examples(pool, platform.id, 0, 30);
    char *html = report_of(pool, &platform, "my pool.db", false, &commands);
    assert_string_equal(
        commands,
        "maple pool export 'my board'\\''s $HOME' --space nas-bench-201 --pool 'my pool.db' > networks.csv\n"
        "maple profile --name 'my board'\\''s $HOME' --engine onednn --isa avx2 --dtype f32 --threads 2 "
        "--batch 8 "
        "--graph as-written --space nas-bench-201 --pool 'my pool.db' --counters none --architectures 0\n"
        "maple measure --name 'my board'\\''s $HOME' --engine onednn --isa avx2 --dtype f32 --threads 2 "
        "--batch 8 "
        "--graph as-written --space nas-bench-201 --pool 'my pool.db' --file networks.csv\n"
        "maple report ...");
    maple_free(commands);
    maple_free(html);
    /* Two series of labels are told; a bundled pool is not written. */
    maple_platform other = add_example(pool, "other");
    put_examples(pool, other.id, 0, 3);
    const maple_repeatability repeatability = {.date = "2026-01-01T00:00:00Z", .n = 40, .rounds = 9};
    OK(maple_pool_put_repeatability(pool, other.id, nas, &repeatability, &why));
    html = report_of(pool, &other, NULL, true, &commands);
    assert_holds(commands, "maple pool export other --space nas-bench-201 --bundled > networks.csv\n");
    assert_holds(commands, " --space nas-bench-201 --file networks.csv\n");
    assert_holds(commands, " --space nas-bench-201 --repeatability 40 --rounds 9\n");
    assert_lacks(commands, "--pool");
    maple_free(commands);
    maple_free(html);
    maple_pool_close(pool);
}

/* An engine without caps gets none; a whole space is measured by its name. */
static void test_generic(void **state) {
    (void)state;
    char *commands;
    maple_pool *pool = new_pool("generic.db");
    maple_platform platform = example_platform("slow");
    snprintf(platform.engine, sizeof platform.engine, "reference");
    snprintf(platform.isa, sizeof platform.isa, "generic");
    OK(maple_pool_add_platform(pool, &platform, NULL, &why));
    put_examples(pool, platform.id, 0, maple_space_enumerable(nas));
    char *html = report_of(pool, &platform, NULL, false, &commands);
    assert_lacks(commands, "--isa");
    assert_lacks(commands, "pool export");
    assert_holds(commands, "maple profile --name slow --engine reference --dtype f32 --threads 2 ");
    assert_holds(commands, " --all\n");
    maple_free(commands);
    maple_free(html);
    maple_pool_close(pool);
}

static void test_imported(void **state) {
    (void)state;
    char *commands;
    maple_pool *pool = new_pool("imported.db");
    maple_platform platform = {.name = "Ann's phone",
                               .cpu = "unknown",
                               .device = "Pixel \"8\"",
                               .engine = "imported",
                               .graph = MAPLE_GRAPH_PRUNED};
    OK(maple_pool_add_platform(pool, &platform, NULL, &why));
    put_examples(pool, platform.id, 0, 5);
    char *html = report_of(pool, &platform, NULL, false, &commands);
    assert_string_equal(
        commands, "maple pool export 'Ann'\\''s phone' --space nas-bench-201 > latencies.csv\n"
                  "maple pool import csv latencies.csv --platform 'Ann'\\''s phone' --cpu unknown --device "
                  "'Pixel \"8\"' --graph pruned --space nas-bench-201 --pool copy.db\n"
                  "maple report ...");
    maple_free(commands);
    maple_free(html);
    maple_pool_close(pool);
}

/* More flagged labels than are listed: the command that lists all finds the platform where it is. */
static void test_flagged(void **state) {
    (void)state;
    char *commands;
    maple_pool *pool = new_pool("flagged.db");
    maple_platform platform = add_example(pool, "it's");
    maple_latency rows[25];
    for (size_t i = 0; i < 25; i++) {
        rows[i] = example_latency(i);
        snprintf(rows[i].flag, sizeof rows[i].flag, "noisy: 12 %%");
    }
    OK(maple_pool_put_latencies(pool, platform.id, nas, rows, 25, &why));
    char *html = report_of(pool, &platform, NULL, true, &commands);
    assert_holds(html, "And 5 more: maple pool export &#39;it&#39;\\&#39;&#39;s&#39; --space nas-bench-201 "
                       "--bundled lists all.");
    maple_free(commands);
    maple_free(html);
    maple_pool_close(pool);
}

/* --- Rows of evaluations --- */

#define ROW(more)                                                                                            \
    "{\"task\":\"t\",\"space\":\"nas-bench-201\",\"predictor\":\"gp\",\"target\":null,\"samples\":3,"        \
    "\"trials\":2,\"unmeasured\":{\"n\":9,\"acc10\":0.5}" more "}"

static void report_rows(const char *text, maple_report_rows *rows, char **html, char **commands) {
    maple_text out = {0};
    *rows = (maple_report_rows){0};
    spill(in_scratch("rows"), text, strlen(text));
    OK(maple_report_rows_read(in_scratch("rows"), rows, &why));
    const maple_report_evaluation request = {.rows = rows,
                                             .source = "my rows.json",
                                             .scoring = MAPLE_SCORE_UNMEASURED,
                                             .command = "maple report ...",
                                             .gnuplot = NOWHERE};
    OK(maple_report_of_evaluation(&request, &out, &why));
    *html = out.data;
    *commands = commands_of(out.data);
}

static void test_origin(void **state) {
    (void)state;
    maple_report_rows rows;
    char *html, *commands;
    report_rows("[" ROW(",\"seed\":7,\"command\":\"maple evaluate --pool 'a b.db'\"") "," ROW(
                    ",\"seed\":7,\"command\":\"maple evaluate --pool 'a b.db'\"") "]",
                &rows, &html, &commands);
    assert_string_equal(commands, "maple evaluate --pool 'a b.db' > 'my rows.json'\nmaple report ...");
    assert_int_equal(rows.n_commands, 1);
    assert_ptr_equal(rows.items[0].command, rows.items[1].command);
    assert_string_equal(rows.items[1].seed, "7");
    assert_holds(html, "seed of the draws</th><td>7<");
    assert_lacks(html, "not told by these rows");
    maple_report_rows_free(&rows);
    maple_free(html);
    maple_free(commands);
    /* Two evaluations in one file; the greatest seed is a text, and comes through whole. */
    report_rows("[" ROW(",\"seed\":18446744073709551615,\"command\":\"one\"") "," ROW(
                    ",\"seed\":\"18446744073709551615\",\"command\":\"two\"") "," ROW("") "]",
                &rows, &html, &commands);
    assert_string_equal(commands, "one\ntwo\nmaple report ...");
    assert_string_equal(rows.items[0].seed, ""); /* a double cannot tell it */
    assert_string_equal(rows.items[1].seed, "18446744073709551615");
    assert_null(rows.items[2].command);
    assert_holds(html, "Some of these rows do not tell the command");
    maple_report_rows_free(&rows);
    maple_free(html);
    maple_free(commands);
}

/* Long commands go on in the next line, never within a word that is quoted, nor between an option and its
 * value. */
static void test_long(void **state) {
    (void)state;
    static const char LONG[] =
        "maple evaluate --pool 'a  very long name with --options and spaces.db' --predictor gp,maple,lut-fit "
        "--json --samples 3,10 it\\'\\ s --leave-out=family --trials 10";
    char row[1024], name[] = "[" ROW(",\"command\":\"%s\"") "]";
    maple_report_rows rows;
    char *html, *commands;
    maple_text quoted = {0};
    for (const char *c = LONG; *c; c++)
        maple_text_addf(&quoted, *c == '\\' ? "\\\\" : "%c", *c);
    snprintf(row, sizeof row, name, quoted.data);
    report_rows(row, &rows, &html, &commands);
    assert_holds(
        html, "<pre>maple evaluate --pool &#39;a  very long name with --options and spaces.db&#39; \\\n"
              "    --predictor gp,maple,lut-fit --json --samples 3,10 it\\&#39;\\ s --leave-out=family \\\n"
              "    --trials 10 &gt; &#39;my rows.json&#39;\nmaple report ...</pre>");
    assert_true(strncmp(commands, LONG, strlen(LONG)) == 0);
    maple_text_free(&quoted);
    maple_report_rows_free(&rows);
    maple_free(html);
    maple_free(commands);
}

/* Older files, and CSV, are read as they were. */
static void test_no_origin(void **state) {
    (void)state;
    static const char *const FILES[] = {"[" ROW("") "]",
                                        "task,predictor,samples,trials,scoring,n,acc10,target\n"
                                        "t,lut,3,5,unmeasured,9,0.25,\n"};
    for (size_t i = 0; i < 2; i++) {
        maple_report_rows rows;
        char *html, *commands;
        report_rows(FILES[i], &rows, &html, &commands);
        assert_string_equal(commands, "maple report ...");
        assert_holds(html, "seed of the draws</th><td>not told<");
        assert_holds(html, "not told by these rows");
        assert_int_equal(rows.n_commands, 0);
        maple_report_rows_free(&rows);
        maple_free(html);
        maple_free(commands);
    }
}

/* Both reports have the same columns of metrics, of as many cells as heads. */
static void test_columns(void **state) {
    (void)state;
    maple_report_rows rows;
    char *html, *commands;
    report_rows("[" ROW("") "]", &rows, &html, &commands);
    static const char METRICS[] =
        "<th scope=\"col\" class=\"n\">±1 %</th><th scope=\"col\" class=\"n\">±5 %</th>"
        "<th scope=\"col\" class=\"n\">±10 %</th><th scope=\"col\" class=\"n\">Spearman</th>"
        "<th scope=\"col\" class=\"n\">Kendall</th><th scope=\"col\" class=\"n\">MAPE (%)</th>"
        "<th scope=\"col\" class=\"n\">90 % cov. (%)</th><th scope=\"col\" class=\"n\">width (%)</th>";
    assert_holds(html, METRICS);
    assert_holds(html, "<tr><td>gp</td><td class=\"n\">–</td><td class=\"n\">–</td><td class=\"n\">–</td>"
                       "<td class=\"n\">0.500</td><td class=\"n\">–</td>");
    maple_report_rows_free(&rows);
    maple_free(html);
    maple_free(commands);

    maple_pool *pool = new_pool("columns.db");
    maple_platform platform = add_example(pool, "p");
    put_examples(pool, platform.id, 0, 5);
    maple_dataset *dataset = NULL;
    OK(maple_dataset_load(&pool, 1, nas, &dataset, &why));
    const maple_metrics metrics = {.n = 5, .acc1 = 0.1, .acc5 = 0.5, .acc10 = 0.9, .coverage90 = NAN};
    const maple_figure_predictions series = {.label = "it"};
    const maple_report_quality quality = {
        .series = &series, .metrics = &metrics, .n = 1, .learned_from = "x"};
    maple_text text = {0};
    const maple_report_platform request = {.pool = pool,
                                           .space = nas,
                                           .platform = platform,
                                           .dataset = dataset,
                                           .quality = &quality,
                                           .command = "",
                                           .gnuplot = NOWHERE};
    OK(maple_report_of_platform(&request, &text, &why));
    assert_holds(text.data, METRICS);
    assert_holds(text.data, "<tr><td>it</td><td class=\"n\">5</td><td class=\"n\">0.100</td>"
                            "<td class=\"n\">0.500</td><td class=\"n\">0.900</td>");
    maple_text_free(&text);
    maple_dataset_free(dataset);
    maple_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),   cmocka_unit_test(test_isa_cap),  cmocka_unit_test(test_measured),
        cmocka_unit_test(test_generic), cmocka_unit_test(test_imported), cmocka_unit_test(test_flagged),
        cmocka_unit_test(test_origin),  cmocka_unit_test(test_long),     cmocka_unit_test(test_no_origin),
        cmocka_unit_test(test_columns),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
