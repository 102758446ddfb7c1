/* SPDX-License-Identifier: Apache-2.0 */
/* Where scores come from: files, pools, commands; and what is no score. */
#include "check.h"
#include "maple/search.h"
#include "scratch.h"
#include "spaces.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char A[] = "|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|";
static const char B[] = "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|";

static maple_status judge_text(const char *text, const char *column, maple_judge **out) {
    if (maple_write_file(in_scratch("scores.csv"), text, strlen(text), &why) != MAPLE_OK)
        fail_msg("%s", why.message);
    return maple_judge_from_csv(space_or_fail("nas-bench-201"), NULL, in_scratch("scores.csv"), column, out,
                                &why);
}

static void scores_come_from_files(void **state) {
    (void)state;
    maple_judge *judge = NULL;
    char text[1024];
    double scores[2];
    maple_arch archs[] = {arch_or_fail(space_or_fail("nas-bench-201"), B),
                          maple_space_nth(space_or_fail("nas-bench-201"), 7)};
    snprintf(text, sizeof text, "arch,loss,top1\n%s,1,70\n%s,2,60.5\n", A, B);
    OK(judge_text(text, "top1", &judge));
    assert_int_equal(maple_judge_listed(judge), 2);
    OK(maple_judge_score(judge, archs, 2, scores, &why));
    assert_true(scores[0] == 60.5 && isnan(scores[1]));
    maple_judge_free(judge);
    FAILS(judge_text(text, NULL, &judge), MAPLE_BAD_INPUT, "scores.csv:1:6: which column holds the scores?");
    FAILS(judge_text(text, "top5", &judge), MAPLE_BAD_INPUT, "no column 'top5'");
    snprintf(text, sizeof text, "arch,top1\n%s,70\n%s,high\n", A, B);
    FAILS(judge_text(text, NULL, &judge), MAPLE_BAD_INPUT, "scores.csv:3:");
    FAILS(judge_text("index,top1\n1,2\n", NULL, &judge), MAPLE_BAD_INPUT, "arch");
    FAILS(judge_text("position,op,score\n0,none,1\n", NULL, &judge), MAPLE_BAD_INPUT,
          "29 of 30 scores are missing, the first of operator skip_connect at position 0");
    FAILS(judge_text("position,op,score\n6,none,1\n", NULL, &judge), MAPLE_BAD_INPUT, "scores.csv:2:1");
    FAILS(judge_text("position,op,score\n0,conv,1\n", NULL, &judge), MAPLE_BAD_INPUT,
          "scores.csv:2:3: no operator 'conv'");
    FAILS(judge_text("position,op,score\n0,none,1\n0,0,2\n", NULL, &judge), MAPLE_BAD_INPUT,
          "scores.csv:3:3: operator none at position 0 again");
    FAILS(judge_text("position,op\n0,none\n", NULL, &judge), MAPLE_BAD_INPUT, "score");
}

/* A table that is added up has one score: to ask for another is a mistake. */
static void tables_have_one_score(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_judge *judge = NULL;
    maple_text text = {0};
    double score;
    maple_text_add(&text, "position,op,score,loss\n");
    for (int i = 0; i < 30; i++)
        maple_text_addf(&text, "%d,%d,%d,1\n", i / 5, i % 5, i % 5);
    FAILS(judge_text(text.data, "loss", &judge), MAPLE_BAD_INPUT,
          "scores.csv:1:1: --score loss: a table by position and operator has one score");
    OK(judge_text(text.data, "score", &judge));
    maple_arch arch = arch_or_fail(space, A);
    OK(maple_judge_score(judge, &arch, 1, &score, &why));
    double expected = 0;
    for (int p = 0; p < 6; p++)
        expected += arch.op[p];
    assert_true(score == expected);
    OK(maple_judge_finish(judge, &why)); /* nothing to end */
    maple_judge_free(judge);
    maple_text_free(&text);
}

/* Also those of architectures that no platform has. */
static void scores_come_from_pools(void **state) {
    (void)state;
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_judge *judge = NULL;
    maple_pool *pools[2];
    maple_arch archs[2] = {maple_space_nth(space, 1), maple_space_nth(space, 2)};
    double top[] = {70, NAN}, other[] = {1, 2}, scores[2];
    OK(maple_pool_open(in_scratch("a.db"), MAPLE_POOL_WRITE, &pools[0], &why));
    OK(maple_pool_open(in_scratch("b.db"), MAPLE_POOL_WRITE, &pools[1], &why));
    FAILS(maple_judge_from_pools(pools, 2, space, NULL, &judge, &why), MAPLE_NOT_FOUND,
          "maple pool import accuracy");
    OK(maple_pool_put_scores(pools[0], space, "other", archs, other, 2, &why));
    OK(maple_judge_from_pools(pools, 2, space, NULL, &judge, &why)); /* the only one */
    assert_string_equal(maple_judge_name(judge), "other");
    OK(maple_judge_score(judge, archs, 2, scores, &why));
    assert_true(scores[0] == 1 && scores[1] == 2);
    maple_judge_free(judge);
    OK(maple_pool_put_scores(pools[1], space, "other", archs, top, 2, &why));
    OK(maple_judge_from_pools(pools, 2, space, NULL, &judge,
                              &why)); /* still the only one, of the first pool */
    assert_string_equal(maple_judge_name(judge), "other");
    OK(maple_judge_score(judge, archs, 2, scores, &why));
    assert_true(scores[0] == 1 && scores[1] == 2);
    maple_judge_free(judge);
    OK(maple_pool_put_scores(pools[1], space, "third", archs, other, 2, &why));
    FAILS(maple_judge_from_pools(pools, 2, space, NULL, &judge, &why), MAPLE_BAD_ARGUMENT,
          "which score? --score NAME, with one of those of nas-bench-201: other, third");
    OK(maple_pool_put_scores(pools[1], space, "cifar100_test", archs, top, 2, &why));
    OK(maple_judge_from_pools(pools, 2, space, NULL, &judge, &why));
    assert_string_equal(maple_judge_name(judge), "cifar100_test");
    assert_int_equal(maple_judge_listed(judge), 1);
    OK(maple_judge_score(judge, archs, 2, scores, &why));
    assert_true(scores[0] == 70 && isnan(scores[1]));
    maple_judge_free(judge);
    FAILS(maple_judge_from_pools(pools, 2, space, "top5", &judge, &why), MAPLE_NOT_FOUND,
          "no score 'top5' of nas-bench-201; there is: other, cifar100_test, third");
    maple_pool_close(pools[0]);
    maple_pool_close(pools[1]);
}

static void ask(const char *command, double timeout_s, size_t n, maple_status expected, const char *part) {
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_judge *judge = NULL;
    maple_arch *archs = maple_alloc(n, sizeof *archs);
    double *scores = maple_alloc(n, sizeof *scores);
    for (size_t i = 0; i < n; i++)
        archs[i] = maple_space_nth(space, i);
    OK(maple_judge_from_command(space, command, timeout_s, NULL, &judge, &why));
    if (expected == MAPLE_OK)
        OK(maple_judge_score(judge, archs, n, scores, &why));
    else
        FAILS(maple_judge_score(judge, archs, n, scores, &why), expected, part);
    for (size_t i = 0; expected == MAPLE_OK && i < n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(space, &archs[i], text);
        assert_true(scores[i] == (double)strlen(text));
    }
    if (expected != MAPLE_OK) /* it is gone, and says so rather than hang */
        FAILS(maple_judge_score(judge, archs, n, scores, &why), MAPLE_BAD_INPUT, "has ended already");
    maple_judge_free(judge);
    maple_free(archs);
    maple_free(scores);
}

static void scores_come_from_commands(void **state) {
    (void)state;
    static const char LENGTHS[] = "while IFS= read -r line; do echo ${#line}; done";
    ask(LENGTHS, 60, 3, MAPLE_OK, NULL);
    ask(LENGTHS, 60, 15625, MAPLE_OK, NULL); /* more than a pipe holds */
    ask("exit 3", 60, 2, MAPLE_BAD_INPUT, "ended with exit status 3 after 0 scores");
    ask("read a; echo 5; exit 7", 60, 3, MAPLE_BAD_INPUT, "exit status 7 after 1 scores, when 2 of 3");
    ask("exit 3", 60, 15625, MAPLE_BAD_INPUT, "exit status 3"); /* a broken pipe ends nothing here */
    ask("read a; kill -9 $$", 60, 1, MAPLE_BAD_INPUT, "signal 9");
    ask("read a; echo high", 60, 1, MAPLE_BAD_INPUT, "answer 1: 'high' is not a number");
    ask("read a; printf '1\\n2\\n'; read b", 60, 1, MAPLE_BAD_INPUT,
        "prints more lines than it got architectures");
    ask("no-such-command-at-all 2>/dev/null", 60, 1, MAPLE_BAD_INPUT, "exit status 127");
    ask("read a; sleep 100", 0.5, 1, MAPLE_IO_ERROR, "did not answer within 0.5 s (0 of 1 scores came)");
}

/* Scores of n architectures after which the command prints more, late. */
static maple_judge *asked(const char *command, size_t n, double *scores) {
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_judge *judge = NULL;
    maple_arch archs[4];
    for (size_t i = 0; i < n; i++)
        archs[i] = maple_space_nth(space, i);
    OK(maple_judge_from_command(space, command, 60, NULL, &judge, &why));
    OK(maple_judge_score(judge, archs, n, scores, &why));
    return judge;
}

/* A line too many would be the next architecture's score, and so on: none of its scores can be trusted. */
static void surplus_answers_are_refused(void **state) {
    (void)state;
    static const char MORE[] = "prints more lines than it got architectures (1 so far)";
    maple_arch arch = maple_space_nth(space_or_fail("nas-bench-201"), 9);
    double score;
    /* Between two questions. */
    maple_judge *judge = asked("read a; echo 1; sleep 0.1; echo 2; read b; echo 3", 1, &score);
    assert_true(score == 1);
    nanosleep(&(struct timespec){.tv_nsec = 600000000}, NULL);
    FAILS(maple_judge_score(judge, &arch, 1, &score, &why), MAPLE_BAD_INPUT, MORE);
    FAILS(maple_judge_score(judge, &arch, 1, &score, &why), MAPLE_BAD_INPUT, "has ended already");
    OK(maple_judge_finish(judge, &why)); /* it is gone */
    maple_judge_free(judge);
    /* After the last one, and where its standard input ends. */
    judge = asked("read a; echo 1; sleep 0.1; echo 2; read b", 1, &score);
    FAILS(maple_judge_finish(judge, &why), MAPLE_BAD_INPUT, MORE);
    maple_judge_free(judge);
    judge = asked("read a; echo 1; read b || echo bye", 1, &score);
    FAILS(maple_judge_finish(judge, &why), MAPLE_BAD_INPUT, MORE);
    maple_judge_free(judge);
    /* Before it could have read what it answers: more than a pipe holds is still to be sent. */
    ask("read a; yes 5 | head -n 15625; sleep 100", 60, 15625, MAPLE_BAD_INPUT,
        "prints more lines than it got architectures");
    /* What ends quietly is fine, also before it is told to. */
    judge = asked("read a; echo 1; read b; exit 3", 1, &score);
    OK(maple_judge_finish(judge, &why));
    FAILS(maple_judge_score(judge, &arch, 1, &score, &why), MAPLE_BAD_INPUT, "has ended already");
    maple_judge_free(judge);
    judge = asked("read a; echo 1", 1, &score);
    OK(maple_judge_finish(judge, &why));
    maple_judge_free(judge);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_come_from_files),      cmocka_unit_test(tables_have_one_score),
        cmocka_unit_test(scores_come_from_pools),      cmocka_unit_test(scores_come_from_commands),
        cmocka_unit_test(surplus_answers_are_refused),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
