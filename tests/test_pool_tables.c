/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables with a quantity in each column: latencies of several platforms, accuracies, proxies.
 * tests/data/table, scores and zcp: y_* must be imported, n_* must be refused at the right place with the
 * right words.
 */
#include "pool_fixture.h"

#include <dirent.h>

static maple_platform any_platform(void) {
    return (maple_platform){.cpu = "unknown", .threads = 2, .batch = 8, .graph = MAPLE_GRAPH_AS_WRITTEN};
}

static maple_status import_table(maple_pool *pool, const char *path, maple_import_result *result) {
    maple_platform p = any_platform();
    return maple_pool_import_table(pool, path, nas, &p, NULL, 0, result, &why);
}

static maple_status import_scores(maple_pool *pool, const char *path, maple_import_result *result) {
    return maple_pool_import_scores(pool, path, nas, NULL, result, &why);
}

static maple_status import_zcp(maple_pool *pool, const char *path, maple_import_result *result) {
    return maple_pool_import_zcp(pool, path, nas, result, &why);
}

/* The dataset of a pool in which p has the architectures A, B, C. */
static maple_dataset *load(maple_pool *pool) {
    maple_dataset *d;
    OK(maple_dataset_load(&pool, 1, nas, &d, &why));
    return d;
}

static size_t row_of(const maple_dataset *d, const char *text) {
    maple_arch arch;
    OK(maple_space_parse(nas, text, &arch, &why));
    for (size_t i = 0; i < d->n_archs; i++)
        if (maple_arch_equal(&d->archs[i], &arch))
            return i;
    fail_msg("no %s", text);
    return 0;
}

static void check_table(maple_pool *pool, const char *file, const maple_import_result *result) {
    assert_int_equal(result->platforms, 2);
    assert_int_equal(result->latencies, 5);
    assert_int_equal(result->skipped, strstr(file, "empty_column") ? 4 : 1);
    maple_dataset *d = load(pool);
    assert_int_equal(d->n_platforms, 2);
    assert_string_equal(d->platforms[0].platform.name, "p");
    const maple_platform *q = &d->platforms[1].platform;
    assert_string_equal(q->name, "q");
    assert_string_equal(q->device, "q");
    assert_string_equal(q->family, "q / imported");
    assert_string_equal(q->cpu, "unknown");
    assert_string_equal(q->engine, "imported");
    assert_true(q->threads == 2 && q->batch == 8 && q->graph == MAPLE_GRAPH_AS_WRITTEN);
    static const struct {
        const char *arch;
        double p, q;
    } rows[] = {{ARCH_A, 1.5, 4}, {ARCH_B, NAN, 5}, {ARCH_C, 2.25, 6}};
    for (size_t i = 0; i < 3; i++) {
        size_t row = row_of(d, rows[i].arch);
        assert_same(d->platforms[0].latency_ms[row], rows[i].p);
        assert_same(d->platforms[1].latency_ms[row], rows[i].q);
        bool with = strcmp(file, "y_plain.csv") == 0 || strcmp(file, "y_gzip.csv") == 0;
        bool some = strcmp(file, "y_index_some.csv") == 0 && i == 0;
        if (with || some)
            assert_int_equal(d->index[row], 7 + i);
    }
    maple_dataset_free(d);
}

/* Gives the three architectures a platform, without which a dataset does not have them. */
static void put_platform(maple_pool *pool) {
    maple_platform p = add_example(pool, "p");
    static const char *const texts[] = {ARCH_A, ARCH_B, ARCH_C};
    maple_latency rows[3] = {{.latency_ms = 1}, {.latency_ms = 2}, {.latency_ms = 3}};
    for (size_t i = 0; i < 3; i++)
        OK(maple_space_parse(nas, texts[i], &rows[i].arch, &why));
    OK(maple_pool_put_latencies(pool, p.id, nas, rows, 3, &why));
}

static void check_score(const maple_dataset *d, size_t score, const char *name, double a, double b,
                        double c) {
    assert_string_equal(d->scores[score].name, name);
    assert_same(d->scores[score].value[row_of(d, ARCH_A)], a);
    assert_same(d->scores[score].value[row_of(d, ARCH_B)], b);
    assert_same(d->scores[score].value[row_of(d, ARCH_C)], c);
}

static void check_scores(maple_pool *pool, const char *file, const maple_import_result *result) {
    (void)file;
    assert_int_equal(result->scores, 1);
    assert_int_equal(result->values, 3);
    put_platform(pool);
    maple_dataset *d = load(pool);
    assert_int_equal(d->n_scores, 1);
    check_score(d, 0, "cifar-10_test", 93.5, 10, -.25);
    maple_dataset_free(d);
}

static void check_zcp(maple_pool *pool, const char *file, const maple_import_result *result) {
    (void)file;
    assert_int_equal(result->scores, 2);
    assert_int_equal(result->values, 5);
    assert_int_equal(result->skipped, 1);
    put_platform(pool);
    maple_dataset *d = load(pool);
    assert_int_equal(d->n_scores, 2);
    check_score(d, 0, "zcp_synflow", 2.5e38, 0, 1e-30);
    check_score(d, 1, "zcp_zen", -1.5, NAN, 3);
    maple_dataset_free(d);
}

typedef struct bad_file {
    const char *file, *position, *message; /* position: what stands after the path */
} bad_file;

static const bad_file bad_tables[] = {
    {"n_no_arch.csv", ":1:1: ", "no column 'arch' (it has 'architecture', 'p')"},
    {"n_header_only.csv", ":1:1: ", "nothing follows the header"},
    {"n_no_latency.csv", ": ", "no column holds a latency"},
    {"n_no_platform.csv", ":1:1: ", "no column beside the architecture's"},
    {"n_latency_ms.csv", ":1:6: ", "a column 'latency_ms' is the latency of one platform"},
    {"n_same_name.csv", ":1:10: ", "a second column 'p'"},
    {"n_empty_name.csv", ":1:8: ", "the name of the platform is empty"},
    {"n_long_name.csv", ":1:6: ", "is not the name of a platform"},
    {"n_control_name.csv", ":1:8: ", "a control character at byte 2"},
    {"n_comma_name.csv", ":1:8: ", "has a comma"},
    {"n_word.csv", ":3:51: ", "'fast' is not a number"},
    {"n_name_column.csv", ":2:99: ", "'x' is not a number"},
    {"n_zero.csv", ":2:99: ", "a latency of 0 ms is impossible"},
    {"n_negative.csv", ":3:49: ", "a latency of -1 ms is impossible"},
    {"n_nan.csv", ":2:97: ", "'nan' is not a number"},
    {"n_too_few.csv", ":2:98: ", "the line ends after 2 of 3 fields"},
    {"n_too_many.csv", ":2:99: ", "field 3, where the header has 2 columns"},
    {"n_twice.csv", ":4:1: ", "the architecture of line 2 again"},
    {"n_unknown_operator.csv", ":2:1: ", "column 2: expected an operator's name"},
    {"n_index_word.csv", ":2:1: ", "'seven' is not a whole number"},
    {"n_index_outside.csv", ":3:1: ", "index 15625 is outside of nas-bench-201"},
    {"n_index_twice.csv", ":3:1: ", "index 7 for"},
    {"n_index_unknown.csv", ":2:1: ", "does not know which architecture of nas-bench-201 has index 7"},
    {"n_index_missing.csv", ":2:1: ", "'' is not a whole number"},
    {"n_gzip_cut.csv", ": byte 132: ", "the gzip stream is cut off here"},
    {"n_latin1.csv", ":3:4: ", "not UTF-8"},
};

static const bad_file bad_scores[] = {
    {"n_no_arch.csv", ":1:1: ", "no column 'arch' (it has 'architecture', 'accuracy')"},
    {"n_header_only.csv", ":1:1: ", "nothing follows the header"},
    {"n_no_number.csv", ": ", "no column holds a number"},
    {"n_only_arch.csv", ":1:1: ", "no column beside the architecture's"},
    {"n_word.csv", ":3:49: ", "'two' is not a number"},
    {"n_word_first.csv", ":2:97: ", "'n/a' is not a number"},
    {"n_infinite.csv", ":2:97: ", "1e999 is too large"},
    {"n_same_name.csv", ":1:18: ", "a second column that becomes the score 'top_1'"},
    {"n_empty_name.csv", ":1:6: ", "a column's name of 0 bytes"},
    {"n_long_name.csv", ":1:6: ", "a column's name of 64 bytes: a score's has 1 to 63"},
    {"n_twice.csv", ":3:1: ", "the architecture of line 2 again"},
    {"n_index_unknown.csv", ":2:1: ", "does not know which architecture"},
    {"n_index_twice.csv", ":3:1: ", "index 7 for"},
    {"n_gzip_cut.csv", ": byte 157: ", "the gzip stream is cut off here"},
};

static const bad_file bad_zcp[] = {
    {"n_empty.json", ":1:1: ", "not JSON"},
    {"n_not_json.json", ":3:2: ", "not JSON"},
    {"n_list.json", ":1:1: ", "an array, where {architecture: {proxy: number, ...}, ...} is expected"},
    {"n_number.json", ":2:3: ", "a number, where {architecture: {proxy: number, ...}, ...} is expected"},
    {"n_no_arch.json", ":1:1: ", "no architecture; expected {architecture: {proxy: number, ...}, ...}"},
    {"n_no_proxy.json", ": ", "no architecture has a proxy"},
    {"n_nan.json", ":2:11: ", "not JSON"},
    {"n_cut.json", ":11:4: ", "not JSON"},
    {"n_trailing.json", ":2:1: ", "not JSON"},
    {"n_unknown_operator.json", ": architecture '|nor_conv_5x5~0|', column 2: ", "an operator's name"},
    {"n_not_proxies.json", ": " ARCH_A ": ", "where {proxy: number, ...} is expected"},
    {"n_text.json", ": " ARCH_A ": ", "zen is not a finite number"},
    {"n_null.json", ": " ARCH_A ": ", "zen is not a finite number"},
    {"n_infinite.json", ": " ARCH_A ": ", "zen is not a finite number"},
    {"n_twice.json", ": architecture '" ARCH_A "' ", "is there twice"},
    {"n_proxy_twice.json", ": " ARCH_A ": ", "a second ZEN"},
    {"n_empty_name.json", ": " ARCH_A ": ", "'' is not the name of a proxy"},
    {"n_long_name.json", ": " ARCH_A ": ", "is not the name of a proxy"},
    {"n_gzip_cut.json", ": byte 146: ", "the gzip stream is cut off here"},
};

static const struct importer {
    const char *folder;
    maple_status (*import)(maple_pool *pool, const char *path, maple_import_result *result);
    void (*check)(maple_pool *pool, const char *file, const maple_import_result *result);
    const bad_file *bad;
    size_t n_bad, n_good;
} importers[] = {
    {"table", import_table, check_table, bad_tables, sizeof bad_tables / sizeof *bad_tables, 6},
    {"scores", import_scores, check_scores, bad_scores, sizeof bad_scores / sizeof *bad_scores, 3},
    {"zcp", import_zcp, check_zcp, bad_zcp, sizeof bad_zcp / sizeof *bad_zcp, 2},
};

static void good_files(const struct importer *im) {
    char folder[512], path[1024];
    size_t good = 0, bad = 0;
    snprintf(folder, sizeof folder, "%s/%s", MAPLE_TEST_DATA, im->folder);
    struct dirent *entry;
    DIR *opened = opendir(folder);
    assert_non_null(opened);
    while ((entry = readdir(opened))) {
        bad += strncmp(entry->d_name, "n_", 2) == 0;
        if (strncmp(entry->d_name, "y_", 2) != 0)
            continue;
        maple_import_result result = {0};
        maple_pool *pool = new_pool("good.db");
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        OK(im->import(pool, path, &result));
        im->check(pool, entry->d_name, &result);
        maple_pool_close(pool);
        good++;
    }
    closedir(opened);
    assert_int_equal(good, im->n_good);
    assert_int_equal(bad, im->n_bad); /* each file has its line in the table */
}

static void bad_files(const struct importer *im) {
    maple_pool *pool = new_pool("bad.db");
    for (size_t i = 0; i < im->n_bad; i++) {
        char path[512], start[1024];
        maple_import_result result = {.latencies = 42};
        snprintf(path, sizeof path, "%s/%s/%s", MAPLE_TEST_DATA, im->folder, im->bad[i].file);
        FAILS(im->import(pool, path, &result), MAPLE_BAD_INPUT, im->bad[i].message);
        snprintf(start, sizeof start, "%s%s", path, im->bad[i].position);
        if (strncmp(why.message, start, strlen(start)) != 0)
            fail_msg("'%s' does not start with '%s'", why.message, start);
        assert_int_equal(result.latencies, 42);
    }
    maple_import_result result;
    FAILS(im->import(pool, in_scratch("missing"), &result), MAPLE_IO_ERROR, "No such file");
    maple_platform *all;
    maple_score_count *scores;
    size_t n;
    OK(maple_pool_platforms(pool, &all, &n, &why));
    assert_int_equal(n, 0);
    maple_free(all);
    OK(maple_pool_scores(pool, nas, &scores, &n, &why));
    assert_int_equal(n, 0);
    maple_free(scores);
    maple_pool_close(pool);
}

static void test_good_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof importers / sizeof *importers; i++)
        good_files(&importers[i]);
}

static void test_bad_files(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof importers / sizeof *importers; i++)
        bad_files(&importers[i]);
}

/* --- What files alone do not show --- */

static void write_file(const char *name, const char *text) {
    spill(in_scratch(name), text, strlen(text));
}

static void test_wished_columns(void **state) {
    (void)state;
    maple_pool *pool = new_pool("wished.db");
    maple_platform template_ = any_platform(), found;
    maple_import_result result;
    snprintf(template_.device, sizeof template_.device, "board");
    write_file("wide.csv", "arch,a,name,b,c\n" ARCH_A ",1,x,2,3\n" ARCH_B ",4,y,5,6\n");
    const char *path = in_scratch("wide.csv");
    const char *two[] = {"c", "a"}, *wrong[] = {"a", "d"}, *text[] = {"name"};
    OK(maple_pool_import_table(pool, path, nas, &template_, two, 2, &result, &why));
    assert_int_equal(result.platforms, 2);
    assert_int_equal(result.latencies, 4);
    OK(maple_pool_find_platform(pool, "a", &found, &why));
    assert_string_equal(found.device, "board");
    assert_string_equal(found.family, "board / imported");
    FAILS(maple_pool_find_platform(pool, "b", &found, &why), MAPLE_NOT_FOUND, "'c', 'a'");
    FAILS(maple_pool_import_table(pool, path, nas, &template_, wrong, 2, &result, &why), MAPLE_BAD_INPUT,
          "wide.csv:1:1: the header has no column 'd' (it has 'arch', 'a', 'name', 'b', 'c')");
    FAILS(maple_pool_import_table(pool, path, nas, &template_, text, 1, &result, &why), MAPLE_BAD_INPUT,
          "wide.csv:2:99: 'x' is not a number");
    /* The platform exists as something else. */
    template_.batch = 9;
    FAILS(maple_pool_import_table(pool, path, nas, &template_, two, 2, &result, &why), MAPLE_BAD_INPUT,
          "wide.csv:1:15: platform 'c' exists with 2 threads and batch 8, now 2 and 9");
    maple_pool_close(pool);
}

/* A table that has only indices, once the pool knows them. */
static void test_indices_alone(void **state) {
    (void)state;
    maple_pool *pool = new_pool("indices.db");
    maple_platform template_ = any_platform(), one = any_platform();
    maple_import_result result;
    write_file("both.csv", "index,arch,p\n7," ARCH_A ",1\n9," ARCH_C ",3\n");
    write_file("alone.csv", "q,index\n30,9\n10,7\n");
    write_file("cost.csv", "index,flops\n9,2.5\n");
    write_file("narrow.csv", "index,latency_ms\n9,31\n");
    write_file("unknown.csv", "index,q\n7,1\n8,2\n");
    write_file("twice.csv", "index,q\n7,1\n9,2\n7,3\n");
    OK(maple_pool_import_table(pool, in_scratch("both.csv"), nas, &template_, NULL, 0, &result, &why));
    OK(maple_pool_import_table(pool, in_scratch("alone.csv"), nas, &template_, NULL, 0, &result, &why));
    assert_int_equal(result.latencies, 2);
    OK(maple_pool_import_scores(pool, in_scratch("cost.csv"), nas, "nb_", &result, &why));
    snprintf(one.name, sizeof one.name, "one");
    OK(maple_pool_import_csv(pool, in_scratch("narrow.csv"), nas, &one, &result, &why));
    maple_dataset *d = load(pool);
    assert_int_equal(d->n_archs, 2);
    size_t a = row_of(d, ARCH_A), c = row_of(d, ARCH_C);
    ptrdiff_t q = maple_dataset_platform_row(d, "q"), o = maple_dataset_platform_row(d, "one");
    assert_true(q >= 0 && o >= 0);
    assert_same(d->platforms[q].latency_ms[a], 10);
    assert_same(d->platforms[q].latency_ms[c], 30);
    assert_same(d->platforms[o].latency_ms[a], NAN);
    assert_same(d->platforms[o].latency_ms[c], 31);
    assert_int_equal(d->n_scores, 1);
    assert_string_equal(d->scores[0].name, "nb_flops");
    assert_same(d->scores[0].value[a], NAN);
    assert_same(d->scores[0].value[c], 2.5);
    maple_dataset_free(d);
    FAILS(import_table(pool, in_scratch("unknown.csv"), &result), MAPLE_BAD_INPUT,
          "unknown.csv:3:1: the pool does not know which architecture of nas-bench-201 has index 8");
    FAILS(import_table(pool, in_scratch("twice.csv"), &result), MAPLE_BAD_INPUT,
          "twice.csv:4:1: the architecture of line 2 again");
    maple_pool_close(pool);
}

static void test_prefix(void **state) {
    (void)state;
    maple_pool *pool = new_pool("prefix.db");
    maple_import_result result;
    maple_score_count *scores;
    size_t n;
    write_file("accuracy.csv", "arch,Top1\n" ARCH_A ",1\n" ARCH_B ",2\n");
    const char *path = in_scratch("accuracy.csv");
    OK(maple_pool_import_scores(pool, path, nas, NULL, &result, &why));
    OK(maple_pool_import_scores(pool, path, nas, "e12.", &result, &why));
    OK(maple_pool_scores(pool, nas, &scores, &n, &why));
    assert_int_equal(n, 2);
    assert_string_equal(scores[0].name, "e12.top1");
    assert_string_equal(scores[1].name, "top1");
    assert_int_equal(scores[1].n, 2);
    maple_free(scores);
    FAILS(maple_pool_import_scores(pool, path, nas, "Epoch 12", &result, &why), MAPLE_BAD_ARGUMENT,
          "'Epoch 12' before the names");
    char longest[80] = "";
    memset(longest, 'a', 60);
    FAILS(maple_pool_import_scores(pool, path, nas, longest, &result, &why), MAPLE_BAD_INPUT,
          "a column's name of 4 bytes: a score's has 1 to 3");
    memset(longest, 'a', 70);
    FAILS(maple_pool_import_scores(pool, path, nas, longest, &result, &why), MAPLE_BAD_ARGUMENT,
          "at most 62 bytes");
    maple_pool_close(pool);
}

/* A header of many columns is refused at once. */
static void test_many_columns(void **state) {
    (void)state;
    maple_text text = {0};
    maple_text_add(&text, "arch");
    for (int i = 0; i < 4096; i++)
        maple_text_addf(&text, ",c%d", i);
    maple_text_add(&text, "\n");
    spill(in_scratch("many.csv"), text.data, text.length);
    maple_text_free(&text);
    maple_pool *pool = new_pool("many.db");
    maple_import_result result;
    FAILS(import_table(pool, in_scratch("many.csv"), &result), MAPLE_BAD_INPUT,
          "many.csv:1:1: 4097 columns: 4096 are the most");
    maple_pool_close(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files),     cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_wished_columns), cmocka_unit_test(test_indices_alone),
        cmocka_unit_test(test_prefix),         cmocka_unit_test(test_many_columns),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
