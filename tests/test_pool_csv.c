/* SPDX-License-Identifier: Apache-2.0 */
/* CSV in and out: tests/data/csv/y_* must be imported, n_* must be refused at the right place with the right
 * words. */
#include "pool_fixture.h"

#include "pool/csv.h"
#include "pool/input.h"

#include <dirent.h>
#include <locale.h>
#include <zlib.h>

static maple_platform imported_platform(const char *name) {
    maple_platform platform = {.threads = 1, .batch = 1, .graph = MAPLE_GRAPH_AS_WRITTEN};
    snprintf(platform.name, sizeof platform.name, "%s", name);
    snprintf(platform.device, sizeof platform.device, "pixel3");
    return platform;
}

static const char *corpus(const char *file) {
    static char path[512];
    snprintf(path, sizeof path, "%s/csv/%s", MAPLE_TEST_DATA, file);
    return path;
}

/* The stored row of an architecture; found is false where there is none. */
static maple_latency stored(maple_pool *pool, int64_t platform, const char *text, bool *found) {
    maple_latency *rows, out = {0};
    maple_arch arch;
    size_t n;
    OK(maple_space_parse(nas, text, &arch, &why));
    OK(maple_pool_latencies(pool, platform, nas, &rows, &n, &why));
    *found = false;
    for (size_t i = 0; i < n; i++)
        if (maple_arch_equal(&rows[i].arch, &arch)) {
            out = rows[i];
            *found = true;
        }
    maple_free(rows);
    return out;
}

static void check_good(const char *file) {
    maple_pool *pool = new_pool("good.db");
    maple_platform platform = imported_platform(file);
    maple_import_result result;
    bool found, failed = strcmp(file, "y_failed.csv") == 0;
    bool unmeasured = strcmp(file, "y_unmeasured.csv") == 0;
    OK(maple_pool_import_csv(pool, corpus(file), nas, &platform, &result, &why));
    assert_int_equal(result.platforms, 1);
    assert_int_equal(result.latencies, 2);
    assert_int_equal(result.skipped, failed || unmeasured);
    assert_int_equal(result.unmeasured, unmeasured);
    assert_true(platform.id > 0);
    assert_string_equal(platform.engine, "imported");
    assert_string_equal(platform.family, "pixel3 / imported");
    maple_latency row = stored(pool, platform.id, ARCH_A, &found);
    assert_true(found);
    assert_same(row.latency_ms, 1.5);
    assert_same(stored(pool, platform.id, ARCH_C, &found).latency_ms, 2.25);
    if (failed) {
        row = stored(pool, platform.id, ARCH_B, &found);
        assert_true(found && isnan(row.latency_ms));
        assert_string_equal(row.reason, "no path, \"pruned\"");
    }
    if (unmeasured) { /* nothing is known of it: it has no row */
        stored(pool, platform.id, ARCH_B, &found);
        assert_false(found);
    }
    if (strcmp(file, "y_statistics.csv") == 0) {
        int index;
        OK(maple_pool_indices(pool, nas, &row.arch, 1, &index, &why));
        assert_int_equal(index, 5);
        assert_true(row.mean_ms == 1.75 && row.min_ms == 1.25 && row.sd_ms == 0.5 && row.runs == 50);
        row = stored(pool, platform.id, ARCH_C, &found);
        assert_true(isnan(row.mean_ms) && isnan(row.min_ms) && isnan(row.sd_ms) && row.runs == 0);
        OK(maple_pool_indices(pool, nas, &row.arch, 1, &index, &why));
        assert_int_equal(index, -1);
    }
    maple_pool_close(pool);
}

static const struct {
    const char *file, *position, *message;
} bad[] = {
    {"n_empty.csv", "1:1", "the file is empty"},
    {"n_only_bom.csv", "1:1", "the file is empty"},
    {"n_only_empty_lines.csv", "1:1", "the file is empty"},
    {"n_header_only.csv", "1:1", "nothing follows the header"},
    {"n_no_latency.csv", "1:6", "no line has a latency in this column"},
    {"n_no_arch_column.csv", "1:1", "no column 'arch' (it has 'architecture', 'latency_ms')"},
    {"n_no_latency_column.csv", "1:1", "no column 'latency_ms' (it has 'arch', 'latency')"},
    {"n_no_header.csv", "1:1", "no column 'arch'"},
    {"n_two_latency_columns.csv", "1:17", "a second column 'latency_ms'"},
    {"n_too_few_fields.csv", "3:88", "the line ends after 1 of 2 fields"},
    {"n_too_many_fields.csv", "3:94", "field 3, where the header has 2 columns"},
    {"n_unknown_operator.csv", "3:1", "column 2: expected an operator's name"},
    {"n_duplicate.csv", "5:1", "the architecture of line 3 again"},
    {"n_latency_word.csv", "2:97", "'fast' is not a number"},
    {"n_latency_unit.csv", "2:97", "'1.5 ms' is not a number"},
    {"n_latency_blank.csv", "2:97", "' 1.5' is not a number"},
    {"n_latency_hex.csv", "2:97", "'0x1p3' is not a number"},
    {"n_latency_nan.csv", "2:97", "'nan' is not a number"},
    {"n_latency_inf.csv", "2:97", "'inf' is not a number"},
    {"n_latency_too_large.csv", "2:97", "1e999 is too large"},
    {"n_latency_zero.csv", "3:89", "a latency of 0 ms is impossible"},
    {"n_latency_negative.csv", "2:97", "latency_ms is negative"},
    {"n_latency_decimal_comma.csv", "2:97", "'1,5' is not a number"},
    {"n_none_measured.csv", "1:6", "no line has a latency in this column"},
    {"n_mean_no_latency.csv", "2:97", "no latency and no reason"},
    {"n_latency_and_reason.csv", "2:97", "a latency (1.5 ms) and a reason"},
    {"n_long_reason.csv", "2:98", "a reason of 200 bytes: 119 are the most"},
    {"n_mean_negative.csv", "2:101", "mean_ms is negative"},
    {"n_runs_fraction.csv", "2:101", "'2.5' is not a whole number"},
    {"n_runs_overflow.csv", "2:101", "is not between 0 and 2147483647"},
    {"n_index_negative.csv", "2:1", "-1 is not between 0 and"},
    {"n_index_outside.csv", "2:1", "index 15625 is outside of nas-bench-201"},
    {"n_index_twice.csv", "3:1", "index 3"},
    {"n_quote_inside.csv", "2:98", "a quote inside a field that does not start with one"},
    {"n_quote_open.csv", "3:1", "this quote is never closed"},
    {"n_quote_then_text.csv", "2:98", "text after the closing quote"},
    {"n_line_after_quoted_lines.csv", "4:104", "'x' is not a number"},
    {"n_carriage_return.csv", "2:100", "a carriage return without a line feed"},
    {"n_nul.csv", "3:1", "a byte 0"},
    {"n_latin1.csv", "2:3", "not UTF-8"},
    {"n_utf16.csv", "1:1", "not UTF-8"},
    {"n_gzip_cut.csv", " byte 102", "the gzip stream is cut off here"},
    {"n_gzip_cut_header.csv", " byte 5", "the gzip stream is cut off here"},
    {"n_gzip_block.csv", " byte 11", "the gzip stream is damaged (invalid block type)"},
    {"n_gzip_method.csv", " byte 4", "the gzip stream is damaged (unknown compression method)"},
    {"n_gzip_checksum.csv", " byte 110", "the gzip stream is damaged (incorrect data check)"},
    {"n_gzip_length.csv", " byte 114", "the gzip stream is damaged (incorrect length check)"},
    {"n_gzip_trailing.csv", " byte 114", "something follows the gzip stream"},
    {"n_gzip_bad_line.csv", "4:1", "column 1: expected '|'"},
    {"n_gzip_twice.csv", "1:2", "not UTF-8"},
    {"n_semicolons.csv", "1:1", "no column 'arch' (it has 'arch;latency_ms')"},
    {"n_overlong_utf8.csv", "2:1", "not UTF-8"},
};
enum { BAD = sizeof bad / sizeof *bad };

static void test_corpus_passes(void **state) {
    (void)state;
    struct dirent *entry;
    DIR *folder = opendir(MAPLE_TEST_DATA "/csv");
    size_t good = 0, refused = 0;
    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        if (strncmp(entry->d_name, "y_", 2) == 0) {
            check_good(entry->d_name);
            good++;
        }
        refused += strncmp(entry->d_name, "n_", 2) == 0;
    }
    closedir(folder);
    assert_true(good >= 12);
    assert_int_equal(refused, BAD); /* each file has its line in the table */
}

static void test_corpus_fails(void **state) {
    (void)state;
    maple_pool *pool = new_pool("bad.db");
    for (size_t i = 0; i < BAD; i++) {
        maple_platform platform = imported_platform(bad[i].file), *all;
        maple_import_result result = {.latencies = 42};
        char start[600];
        size_t n;
        FAILS(maple_pool_import_csv(pool, corpus(bad[i].file), nas, &platform, &result, &why),
              MAPLE_BAD_INPUT, bad[i].message);
        snprintf(start, sizeof start, "%s:%s: ", corpus(bad[i].file), bad[i].position);
        if (strncmp(why.message, start, strlen(start)) != 0)
            fail_msg("'%s' does not start with '%s'", why.message, start);
        assert_int_equal(result.latencies, 42);
        assert_int_equal(platform.id, 0);
        OK(maple_pool_platforms(pool, &all, &n, &why));
        assert_int_equal(n, 0);
        maple_free(all);
    }
    maple_platform platform = imported_platform("p");
    FAILS(maple_pool_import_csv(pool, corpus("missing.csv"), nas, &platform, NULL, &why), MAPLE_IO_ERROR,
          "No such file");
    maple_pool_close(pool);
}

static void test_round_trip(void **state) {
    (void)state;
    enum { ROWS = 3000 };
    maple_pool *pool = new_pool("round trip.db");
    maple_platform p = add_example(pool, "p"), q = imported_platform("q");
    maple_latency *rows = maple_alloc(ROWS, sizeof *rows);
    maple_rng rng = maple_rng_seed(5);
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = (maple_latency){.arch = maple_space_nth(nas, i * 5), .runs = (int)i};
        rows[i].mean_ms = exp(20 * maple_rng_normal(&rng));
        rows[i].min_ms = i % 2 ? 0 : NAN;
        rows[i].sd_ms = maple_rng_uniform(&rng);
        rows[i].latency_ms = i % 7 ? exp(20 * maple_rng_normal(&rng)) : NAN;
        if (i % 7 == 0)
            snprintf(rows[i].reason, sizeof rows[i].reason, "line %zu\nwith \"quotes\", ünïcode", i);
    }
    OK(maple_pool_put_latencies(pool, p.id, nas, rows, ROWS, &why));
    int index[2] = {9, 15};
    OK(maple_pool_put_indices(pool, nas, (maple_arch[]){rows[1].arch, rows[2].arch}, index, 2, &why));
    maple_text out = {0}, again = {0};
    setlocale(LC_ALL, "de_DE.UTF-8"); /* has no effect where it is not installed */
    OK(maple_pool_export_csv(pool, p.id, nas, &out, &why));
    spill(in_scratch("out.csv"), out.data, out.length);
    maple_import_result result;
    maple_pool *other = new_pool("round trip 2.db");
    OK(maple_pool_import_csv(other, in_scratch("out.csv"), nas, &q, &result, &why));
    setlocale(LC_ALL, "C");
    assert_int_equal(result.latencies + result.skipped, ROWS);
    OK(maple_pool_export_csv(other, q.id, nas, &again, &why));
    assert_string_equal(out.data, again.data);
    maple_latency *a, *b;
    size_t n, m;
    OK(maple_pool_latencies(pool, p.id, nas, &a, &n, &why));
    OK(maple_pool_latencies(other, q.id, nas, &b, &m, &why));
    assert_int_equal(n, ROWS);
    assert_int_equal(m, ROWS);
    for (size_t i = 0; i < n; i++) {
        assert_same(a[i].latency_ms, b[i].latency_ms);
        assert_same(a[i].mean_ms, b[i].mean_ms);
        assert_same(a[i].sd_ms, b[i].sd_ms);
        assert_string_equal(a[i].reason, b[i].reason);
    }
    maple_text none = {0};
    FAILS(maple_pool_export_csv(pool, 99, nas, &none, &why), MAPLE_NOT_FOUND, "99");
    maple_free(a);
    maple_free(b);
    maple_free(rows);
    maple_text_free(&out);
    maple_text_free(&again);
    maple_pool_close(pool);
    maple_pool_close(other);
}

/* A table that contradicts the pool's indices is refused at the line, and leaves nothing behind. */
static void test_index_conflict(void **state) {
    (void)state;
    maple_pool *pool = new_pool("conflict.db");
    maple_platform first = imported_platform("first"), second = imported_platform("second"), found;
    static const char good[] = "arch,latency_ms,index\n" ARCH_A ",1,5\n";
    static const char other[] = "arch,latency_ms,index\n" ARCH_C ",1,6\n" ARCH_A ",1,7\n";
    spill(in_scratch("good.csv"), good, sizeof good - 1);
    spill(in_scratch("other.csv"), other, sizeof other - 1);
    OK(maple_pool_import_csv(pool, in_scratch("good.csv"), nas, &first, NULL, &why));
    FAILS(maple_pool_import_csv(pool, in_scratch("other.csv"), nas, &second, NULL, &why), MAPLE_BAD_INPUT,
          "other.csv:3:99: index 7 contradicts what is known: this architecture has 5");
    FAILS(maple_pool_find_platform(pool, "second", &found, &why), MAPLE_NOT_FOUND, "'first'");
    maple_platform changed = first;
    changed.threads = 9;
    FAILS(maple_pool_import_csv(pool, in_scratch("good.csv"), nas, &changed, NULL, &why), MAPLE_BAD_INPUT,
          "exists with");
    maple_pool_close(pool);
}

/* Any bytes give a table or an error with a position, never a crash. */
static void test_random_bytes(void **state) {
    (void)state;
    enum { CASES = 20000, LONGEST = 60 };
    static const char alphabet[] = "\"\",,\n\n\r\nab1.\xc3\xa4\xf0\x00";
    maple_rng rng = maple_rng_seed(6);
    size_t tables = 0, errors = 0;
    for (int i = 0; i < CASES; i++) {
        char data[LONGEST];
        size_t bytes = (size_t)maple_rng_below(&rng, i % 2 ? 12 : LONGEST);
        for (size_t k = 0; k < bytes; k++)
            data[k] = alphabet[maple_rng_below(&rng, i % 2 ? 10 : sizeof alphabet)];
        maple_csv *csv;
        const maple_csv_field *fields = NULL;
        maple_status status = maple_csv_open_text("t", data, bytes, &csv, &why);
        bool open = status == MAPLE_OK;
        do
            status = status == MAPLE_OK ? maple_csv_next(csv, &fields, &why) : status;
        while (status == MAPLE_OK && fields);
        int line, column;
        if (status == MAPLE_OK)
            tables++;
        else if (sscanf(why.message, "t:%d:%d: ", &line, &column) == 2 && line > 0 && column > 0)
            errors++;
        if (open)
            maple_csv_close(csv);
    }
    assert_int_equal(tables + errors, CASES);
    assert_true(tables > CASES / 40 && errors > CASES / 40);
}

/* `n` times the same byte, packed. */
static void spill_packed(const char *path, char byte, size_t n) {
    gzFile file = gzopen(path, "wb9");
    char block[4096];
    memset(block, byte, sizeof block);
    for (size_t done = 0; done < n; done += sizeof block)
        assert_true(gzwrite(file, block, (unsigned)(n - done < sizeof block ? n - done : sizeof block)) > 0);
    assert_int_equal(gzclose(file), Z_OK);
}

/* What unpacks to more than the limit is refused before it fills the memory. */
static void test_unpacking_limit(void **state) {
    (void)state;
    enum { LIMIT = 1 << 20 };
    const char *path = in_scratch("bomb.csv");
    char *data = NULL;
    size_t bytes = 0;
    spill_packed(path, 'x', LIMIT);
    OK(maple_input_read_up_to(path, LIMIT, &data, &bytes, &why));
    assert_int_equal(bytes, LIMIT);
    assert_int_equal(strlen(data), LIMIT);
    maple_free(data);
    for (size_t more = 1; more < 10 * (size_t)LIMIT; more *= 30) {
        spill_packed(path, 'x', LIMIT + more);
        FAILS(maple_input_read_up_to(path, LIMIT, &data, &bytes, &why), MAPLE_BAD_INPUT,
              "unpacks to more than the limit of 1048576 bytes");
        assert_non_null(strstr(why.message, "bomb.csv: byte "));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus_passes), cmocka_unit_test(test_corpus_fails),
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_index_conflict),
        cmocka_unit_test(test_random_bytes),  cmocka_unit_test(test_unpacking_limit),
    };
    return cmocka_run_group_tests(tests, make_pool_scratch, remove_scratch);
}
