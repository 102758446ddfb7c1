/* SPDX-License-Identifier: Apache-2.0 */
/* Figures: what is written into data and scripts, what gnuplot makes of it, and what happens without it. */
#include "maple/report.h"
#include "pool_fixture.h"
#include "report/draw.h"
#include "synthetic.h"

static const char *const NOWHERE = "/nonexistent/gnuplot";

static bool have_gnuplot(void) {
    return system("command -v gnuplot >/dev/null 2>&1") == 0;
}

/* The file `name` of the scratch folder. */
static char *file_text(const char *name) {
    size_t bytes;
    return slurp(in_scratch(name), &bytes);
}

static void assert_holds(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("no '%s' in: %.2000s", part, text);
}

/* Points of a plane come back with all their distances. */
static void test_plane(void **state) {
    (void)state;
    static const double AT[5][2] = {{0, 0}, {3, 0}, {3, 4}, {-1, 2.5}, {7, -2}};
    double distance[25], x[5], y[5], share = 0;
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            distance[i * 5 + j] = hypot(AT[i][0] - AT[j][0], AT[i][1] - AT[j][1]);
    OK(figure_plane(distance, 5, x, y, &share, &why));
    assert_true(fabs(share - 1) < 1e-12);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++)
            assert_true(fabs(hypot(x[i] - x[j], y[i] - y[j]) - distance[i * 5 + j]) < 1e-9);
    /* A regular tetrahedron spreads evenly over three axes: a plane keeps two thirds. */
    double even[16];
    for (int i = 0; i < 16; i++)
        even[i] = i % 5 == 0 ? 0 : 1;
    OK(figure_plane(even, 4, x, y, &share, &why));
    assert_true(fabs(share - 2.0 / 3) < 1e-12);
}

static void test_quote(void **state) {
    (void)state;
    maple_text text = {0};
    figure_quote(&text, "it's `date` \"x\" $1 @m\nnext");
    assert_string_equal(text.data, "'it''s `date` \"x\" $1 @m next'");
    maple_text_free(&text);
    figure_field(&text, "a\tb\"c\n");
    assert_string_equal(text.data, "a b c ");
    maple_text_free(&text);
}

static void test_tics(void **state) {
    (void)state;
    static const struct {
        double low, high;
        const char *expected;
    } CASES[] = {
        {0.15, 30, "set xtics ('0.2' 0.2, '0.5' 0.5, '1' 1, '2' 2, '5' 5, '10' 10, '20' 20)\n"},
        {0.9, 4.5, "set xtics ('1' 1, '1.5' 1.5, '2' 2, '3' 3, '4' 4)\n"},
        {1, 2, "set xtics ('1' 1, '1.2' 1.2, '1.4' 1.4, '1.6' 1.6, '1.8' 1.8, '2' 2)\n"},
        {0.001, 100, "set xtics ('0.001' 0.001, '0.01' 0.01, '0.1' 0.1, '1' 1, '10' 10, '100' 100)\n"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        maple_text text = {0};
        figure_log_tics(&text, "x", CASES[i].low, CASES[i].high);
        assert_string_equal(text.data, CASES[i].expected);
        maple_text_free(&text);
    }
    assert_true(fabs(figure_step(0, 10, 5) - 2) < 1e-12);
    assert_true(fabs(figure_step(0.2, 0.5, 5) - 0.1) < 1e-12);
}

/* Every distance of the list is in the map's file, both ways. */
static void test_distances(void **state) {
    (void)state;
    synthetic_pool pool = synthetic_pool_make(nas, MAPLE_GRAPH_PRUNED, 4, 50, 7);
    const maple_figure_output output = {.stem = in_scratch("map"), .gnuplot = NOWHERE};
    FAILS(maple_figure_distances(&pool.dataset, MAPLE_DISTANCE_OPERATORS, &output, &why), MAPLE_UNSUPPORTED,
          "gnuplot is not installed");
    maple_distance *pairs;
    size_t n;
    OK(maple_dataset_distances(&pool.dataset, &pairs, &n, &why));
    assert_int_equal(n, 6);
    char *data = file_text("map.tsv");
    for (size_t i = 0; i < n; i++) {
        char line[400];
        snprintf(line, sizeof line, "\t%.9g\t%s\t%s\n", pairs[i].operators, pairs[i].a->platform.name,
                 pairs[i].b->platform.name);
        assert_holds(data, line);
        snprintf(line, sizeof line, "\t%.9g\t%s\t%s\n", pairs[i].operators, pairs[i].b->platform.name,
                 pairs[i].a->platform.name);
        assert_holds(data, line);
    }
    maple_free(data);
    maple_free(pairs);
    maple_distance_measure measure;
    OK(maple_distance_measure_parse("counters", &measure, &why));
    assert_int_equal(measure, MAPLE_DISTANCE_COUNTERS);
    FAILS(maple_distance_measure_parse("Counters", &measure, &why), MAPLE_BAD_ARGUMENT,
          "descriptor, operators");
    pool.dataset.n_platforms = 1;
    FAILS(maple_figure_distances(&pool.dataset, measure, &output, &why), MAPLE_BAD_INPUT, "fewer than two");
    pool.dataset.n_platforms = 4;
    synthetic_pool_free(&pool);
}

/* Errors of 0.5, -4, 8, 20 %: a quarter within 1, half within 5, three quarters within 10. */
static void test_shares(void **state) {
    (void)state;
    static const double MEASURED[] = {1, 2, 4, 5, NAN, 3}, PREDICTED[] = {1.005, 1.92, 4.32, 6, 1, NAN};
    maple_arch archs[6];
    for (size_t i = 0; i < 6; i++)
        archs[i] = maple_space_nth(nas, i);
    const maple_figure_predictions series = {"it's `touch pwned`", 6, archs, MEASURED, PREDICTED};
    maple_figure_output output = {.stem = in_scratch("shares"), .gnuplot = NOWHERE};
    FAILS(maple_figure_predicted(nas, &series, 1, &output, &why), MAPLE_UNSUPPORTED,
          "apt install gnuplot-nox");
    char *script = file_text("shares.gp"), *data = file_text("shares.tsv");
    /* Of five measured networks one has no prediction: it is in no band, and said. */
    assert_holds(script, "'±1 %: 20 %   ±5 %: 40 %   ±10 %: 60 %   (1 not predicted)'");
    assert_holds(script, "(1.0 / 5) smooth frequency");
    assert_holds(script, "'it''s `touch pwned`'");
    assert_holds(data, "1\t2\t1.92\t-4\t1\t");
    size_t lines = 0;
    for (const char *c = data; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 5);
    maple_free(script);
    maple_free(data);
    assert_int_not_equal(access(in_scratch("shares.svg"), F_OK), 0);
    if (have_gnuplot()) { /* nothing in a label is executed, and it is shown as it is */
        output.gnuplot = NULL;
        OK(maple_figure_predicted(nas, &series, 1, &output, &why));
        char *svg = file_text("shares.svg");
        assert_holds(svg, "it's `touch pwned`");
        maple_free(svg);
        assert_int_equal(access(in_scratch("shares.png"), F_OK), 0);
        assert_int_not_equal(access(in_scratch("pwned"), F_OK), 0);
    }
    const maple_figure_predictions none = {"none", 1, archs, PREDICTED + 5, MEASURED};
    FAILS(maple_figure_predicted(nas, &none, 1, &output, &why), MAPLE_BAD_INPUT, "none: no network");
    FAILS(maple_figure_predicted(nas, &none, 0, &output, &why), MAPLE_BAD_INPUT, "1 to 8");
    maple_figure_output folder = {.stem = "somewhere/", .gnuplot = NOWHERE};
    FAILS(maple_figure_predicted(nas, &series, 1, &folder, &why), MAPLE_BAD_ARGUMENT,
          "is no name for a figure");
}

/* Of more than 1,500 pairs an even choice is drawn, of 1,500 all. */
static void test_drawn(void **state) {
    (void)state;
    enum { N = 4000 };
    static maple_arch archs[N];
    static double measured[N], predicted[N];
    for (size_t i = 0; i < N; i++) {
        archs[i] = maple_space_nth(nas, i);
        measured[i] = predicted[i] = 1 + (double)i;
    }
    const maple_figure_output output = {.stem = in_scratch("drawn"), .gnuplot = NOWHERE};
    for (size_t n = 1500; n <= N; n += N - 1500) {
        const maple_figure_predictions series = {"p", n, archs, measured, predicted};
        assert_int_equal(maple_figure_predicted(nas, &series, 1, &output, &why), MAPLE_UNSUPPORTED);
        char *data = file_text("drawn.tsv");
        size_t drawn = 0, all = 0;
        for (const char *c = data; (c = strstr(c, "\t0\t")); c++)
            all++;
        for (const char *c = data; (c = strstr(c, "\t0\t1\t")); c++)
            drawn++;
        assert_int_equal(drawn, 1500);
        assert_true(all >= n);
        maple_free(data);
    }
}

/* One broken label of 300 is left beyond the frame, and counted; the shares are of all. */
static void test_frame(void **state) {
    (void)state;
    enum { N = 300 };
    static maple_arch archs[N];
    static double measured[N], predicted[N];
    for (size_t i = 0; i < N; i++) {
        archs[i] = maple_space_nth(nas, i);
        measured[i] = predicted[i] = 1 + 0.01 * (double)i;
    }
    const maple_figure_output output = {.stem = in_scratch("frame"), .gnuplot = NOWHERE};
    const maple_figure_predictions series = {"p", N, archs, measured, predicted};
    assert_int_equal(maple_figure_predicted(nas, &series, 1, &output, &why), MAPLE_UNSUPPORTED);
    char *script = file_text("frame.gp");
    assert_holds(script, "set xrange [0.892857143:4.4688]");
    assert_null(strstr(script, "beyond the frame"));
    maple_free(script);
    measured[0] = 0.001;
    assert_int_equal(maple_figure_predicted(nas, &series, 1, &output, &why), MAPLE_UNSUPPORTED);
    script = file_text("frame.gp");
    assert_holds(script, "; beyond the frame: 1 network at most'");
    assert_holds(script, "±10 %: 100 %'");
    assert_null(strstr(script, "set xrange [0.00"));
    maple_free(script);
}

static void test_fronts(void **state) {
    (void)state;
    static const double MS[] = {1, 2, 3}, ACCURACY[] = {50, 60, 65};
    const maple_figure_front fronts[] = {{MAPLE_FRONT_ALL, "", 3, MS, ACCURACY},
                                         {MAPLE_FRONT_TRUE, "", 3, MS, ACCURACY},
                                         {MAPLE_FRONT_PREDICTED, "gp", 3, MS, ACCURACY},
                                         {MAPLE_FRONT_VALUED, "gp", 2, MS, ACCURACY},
                                         {MAPLE_FRONT_VALUED, "lut", 2, MS, ACCURACY}};
    maple_figure_output output = {.stem = in_scratch("fronts"), .gnuplot = have_gnuplot() ? NULL : NOWHERE};
    maple_status status = maple_figure_fronts(fronts, 5, "accuracy (%)", &output, &why);
    assert_int_equal(status, have_gnuplot() ? MAPLE_OK : MAPLE_UNSUPPORTED);
    char *script = file_text("fronts.gp"), *data = file_text("fronts.tsv");
    assert_holds(data, "4\t2\t60\t1\tvalued\tgp\n");
    /* Both fronts of gp in the first colour, that of lut in the second. */
    assert_holds(script, "pt 6 ps 0.60 lc rgb '#0072B2' title 'gp, at predicted latency'");
    assert_holds(script, "lc rgb '#0072B2' title 'gp, at true latency'");
    assert_holds(script, "lc rgb '#D55E00' title 'lut, at true latency'");
    maple_free(script);
    maple_free(data);
    /* By latency; what is slower and no better is not on the front. */
    static const double LATE[] = {3, 1, 2, 1}, SCORES[] = {65, 50, 45, 40};
    const maple_figure_front mixed = {MAPLE_FRONT_VALUED, "p", 4, LATE, SCORES};
    output.gnuplot = NOWHERE;
    assert_int_equal(maple_figure_fronts(&mixed, 1, "", &output, &why), MAPLE_UNSUPPORTED);
    data = file_text("fronts.tsv");
    assert_holds(data, "1\t1\t50\t1\tvalued\tp\n1\t1\t40\t0\tvalued\tp\n1\t2\t45\t0\tvalued\tp\n"
                       "1\t3\t65\t1\tvalued\tp\n");
    maple_free(data);
    const maple_figure_front nothing = {MAPLE_FRONT_TRUE, "", 0, MS, ACCURACY};
    FAILS(maple_figure_fronts(&nothing, 1, "", &output, &why), MAPLE_BAD_INPUT, "no front has a point");
}

/* Two files of other seeds make one point: mean and deviation of theirs. One alone keeps that of its trials.
 */
static void test_curves(void **state) {
    (void)state;
    static const char ROWS[] =
        "[{\"task\":\"t\",\"space\":\"nas-bench-201\",\"predictor\":\"gp\",\"target\":null,"
        "\"samples\":%d,\"trials\":3,\"sources\":4,\"train_archs\":900,\"unmeasured\":{\"n\":9,"
        "\"acc10\":%g,\"acc10_sd\":0.05,\"spearman\":0.9}}]";
    static const double ACC[3] = {0.5, 0.6, 0.9};
    maple_report_rows rows = {0};
    for (int i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text, ROWS, i < 2 ? 3 : 10, ACC[i]);
        spill(in_scratch("rows.json"), text, strlen(text));
        OK(maple_report_rows_read(in_scratch("rows.json"), &rows, &why));
    }
    static const char CSV[] = "task,predictor,samples,trials,scoring,n,acc10,target\n"
                              "t,lut,3,5,unmeasured,9,0.25,\nt,lut,3,5,all,9,0.75,\n";
    spill(in_scratch("rows.csv"), CSV, sizeof CSV - 1);
    OK(maple_report_rows_read(in_scratch("rows.csv"), &rows, &why));
    assert_int_equal(rows.n, 5);
    const maple_figure_output output = {.stem = in_scratch("curve"), .gnuplot = NOWHERE};
    maple_report_curves what = {.x = "samples", .metric = "acc10", .scoring = MAPLE_SCORE_UNMEASURED};
    FAILS(maple_report_draw_curves(&rows, &what, &output, &why), MAPLE_UNSUPPORTED, "gnuplot");
    char *data = file_text("curve.tsv");
    assert_string_equal(data,
                        "series\tx\tmean\tsd\tlabel\n1\t3\t0.55\t0.0707106781\tgp\n1\t10\t0.9\t0.05\tgp\n"
                        "2\t3\t0.25\tNaN\tlut\n");
    maple_free(data);
    what.x = "sources";
    assert_int_equal(maple_report_draw_curves(&rows, &what, &output, &why), MAPLE_UNSUPPORTED);
    data = file_text("curve.tsv");
    assert_holds(data, "1\t4\t0.666666667\t");
    maple_free(data);
    what.x = "fun";
    FAILS(maple_report_draw_curves(&rows, &what, &output, &why), MAPLE_BAD_ARGUMENT, "train_archs");
    what.x = "samples";
    what.target = "nobody";
    FAILS(maple_report_draw_curves(&rows, &what, &output, &why), MAPLE_BAD_INPUT, "nothing to draw");
    maple_report_rows_free(&rows);
}

static void test_bad_rows(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"[{\"task\":\"t\"", "no JSON: not understood from byte"},
        {"[{\"task\":\"t\"}]", "element 1 has no \"predictor\""},
        {"[{\"task\":\"t\",\"predictor\":\"p\",\"samples\":-1,\"trials\":1}]", "no \"samples\""},
        {"[]", "has no rows"},
        {"[7]", "no \"task\""},
        {"task,predictor\n", "samples"},
        {"task,predictor,samples,trials,scoring,n\nt,p,3,5,some,9\n", ":2:9: 'some' is no scoring set"},
        {"task,predictor,samples,trials,scoring,n\nt,p,x,5,all,9\n", ":2:5:"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        maple_report_rows rows = {0};
        spill(in_scratch("bad"), CASES[i].text, strlen(CASES[i].text));
        FAILS(maple_report_rows_read(in_scratch("bad"), &rows, &why), MAPLE_BAD_INPUT, CASES[i].part);
        assert_int_equal(rows.n, 0);
        maple_report_rows_free(&rows);
    }
    maple_report_rows rows = {0};
    FAILS(maple_report_rows_read(in_scratch("missing"), &rows, &why), MAPLE_IO_ERROR, "missing");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plane),     cmocka_unit_test(test_quote),  cmocka_unit_test(test_tics),
        cmocka_unit_test(test_distances), cmocka_unit_test(test_shares), cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_frame),     cmocka_unit_test(test_fronts), cmocka_unit_test(test_curves),
        cmocka_unit_test(test_bad_rows),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
