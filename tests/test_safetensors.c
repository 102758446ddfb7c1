/* SPDX-License-Identifier: Apache-2.0 */
/* Model files: what is written is read back; what is malformed is refused, saying what is wrong. */
#include "maple/predictor.h"
#include "predictor/safetensors_internal.h"
#include "scratch.h"
#include "spaces.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *path; /* of the file that every test writes */

static int choose_path(void **state) {
    int failed = make_scratch(state);
    path = in_scratch("model.safetensors");
    return failed;
}

/* Writes a file: length of the header, header, data. */
static void write_model(uint64_t header_length, const char *header, const void *data, size_t data_bytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 8; i++)
        fputc((int)(header_length >> (8 * i) & 255), file);
    fwrite(header, 1, strlen(header), file);
    fwrite(data, 1, data_bytes, file);
    assert_int_equal(fclose(file), 0);
}

static void assert_unreadable(const char *part) {
    maple_tensors *tensors = NULL;
    maple_error error = {.message = ""};
    assert_int_equal(maple_tensors_read(path, &tensors, &error), MAPLE_BAD_INPUT);
    assert_null(tensors);
    if (!strstr(error.message, part))
        fail_msg("'%s' is not in '%s'", part, error.message);
    assert_non_null(strstr(error.message, path));
}

static void round_trip(void **state) {
    (void)state;
    float matrix[6] = {1, -2, 3.5f, 0, 1e-30f, 7};
    double vector[2] = {M_PI, -0.0};
    maple_tensors *tensors = maple_tensors_create(), *back = NULL;
    assert_int_equal(maple_tensors_add_text(tensors, "name", "a \"quoted\" name \\ with \xc3\xa9", NULL),
                     MAPLE_OK);
    assert_int_equal(maple_tensors_add(tensors, "matrix", MAPLE_F32, 2, 3, matrix, NULL), MAPLE_OK);
    assert_int_equal(maple_tensors_add(tensors, "vector", MAPLE_F64, 2, 0, vector, NULL), MAPLE_OK);
    assert_int_equal(maple_tensors_add(tensors, "empty", MAPLE_F32, 0, 0, NULL, NULL), MAPLE_OK);
    assert_int_equal(maple_tensors_write(tensors, path, NULL), MAPLE_OK);
    maple_tensors_free(tensors);

    assert_int_equal(maple_tensors_read(path, &back, NULL), MAPLE_OK);
    const char *text;
    const void *data;
    size_t rows;
    assert_int_equal(maple_tensors_text(back, "name", &text, NULL), MAPLE_OK);
    assert_string_equal(text, "a \"quoted\" name \\ with \xc3\xa9");
    assert_int_equal(maple_tensors_get(back, "matrix", MAPLE_F32, 2, 3, &data, NULL, NULL), MAPLE_OK);
    assert_memory_equal(data, matrix, sizeof matrix);
    assert_int_equal(maple_tensors_get(back, "vector", MAPLE_F64, MAPLE_ANY_ROWS, 0, &data, &rows, NULL),
                     MAPLE_OK);
    assert_memory_equal(data, vector, sizeof vector);
    assert_int_equal(rows, 2);
    assert_int_equal(maple_tensors_get(back, "empty", MAPLE_F32, 0, 0, &data, NULL, NULL), MAPLE_OK);

    maple_error error;
    assert_int_equal(maple_tensors_get(back, "none", MAPLE_F32, 1, 0, &data, NULL, &error), MAPLE_BAD_INPUT);
    assert_non_null(strstr(error.message, "tensor 'none' is missing"));
    assert_int_equal(maple_tensors_get(back, "matrix", MAPLE_F64, 2, 3, &data, NULL, &error),
                     MAPLE_BAD_INPUT);
    assert_non_null(strstr(error.message, "is F32 where F64 is expected"));
    assert_int_equal(maple_tensors_get(back, "matrix", MAPLE_F32, 3, 2, &data, NULL, &error),
                     MAPLE_BAD_INPUT);
    assert_non_null(strstr(error.message, "shape 2 x 3, where rank 2, 3 x 2 is expected"));
    assert_int_equal(maple_tensors_get(back, "matrix", MAPLE_F32, 6, 0, &data, NULL, &error),
                     MAPLE_BAD_INPUT);
    assert_int_equal(maple_tensors_text(back, "title", &text, &error), MAPLE_BAD_INPUT);
    assert_non_null(strstr(error.message, "__metadata__ has no 'title'"));
    maple_tensors_free(back);
}

/* Headers over 16 bytes of data, and what must be said of each. */
static const struct {
    const char *header, *message;
} MALFORMED[] = {
    {"", "the header is not JSON"},
    {"nonsense", "the header is not JSON, at offset 8"},
    {"[]", "the header is not a JSON object"},
    {"{\"a\":", "the header is not JSON"},
    {"{} x", "text after the header's JSON, at offset 11"},
    {"{}", "16 bytes after the last tensor"},
    {"{\"a\":3}", "tensor 'a' is not a JSON object"},
    {"{\"__metadata__\":[]}", "__metadata__ is not a JSON object"},
    {"{\"__metadata__\":{\"k\":1}}", "__metadata__ 'k' is not a string"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", "__metadata__ is there twice"},
    {"{\"a\":{}}", "tensor 'a': 'dtype' is missing"},
    {"{\"a\":{\"dtype\":7}}", "tensor 'a': 'dtype' is missing or not a string"},
    {"{\"a\":{\"dtype\":\"BF16\"}}", "dtype 'BF16' is not one of F32, F64"},
    {"{\"a\":{\"dtype\":\"F32\"}}", "'shape' is missing or not an array"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5]}}", "dimension 0 is not a whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2,-2]}}", "dimension 1 is not a whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e300]}}", "dimension 0 is not a whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[\"4\"]}}", "dimension 0 is not a whole number"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,4]}}", "more than 4 dimensions"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4]}}", "shape is too large"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952]}}", "dimension 0 is not a whole number"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[4503599627370496,1024],\"data_offsets\":[0,16]}}",
     "do not fill its 16 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4]}}", "'data_offsets' is not an array of two whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}}", "not an array of two whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16,16]}}",
     "not an array of two whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[-1,15]}}",
     "not an array of two whole numbers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,0]}}", "begin at 16 after end 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[0,20]}}",
     "end at 20 but the file has 16 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,16]}}",
     "3 elements of F32 do not fill its 16 bytes"},
    {"{\"a\":{\"dtype\":\"F64\",\"shape\":[4],\"data_offsets\":[0,16]}}",
     "4 elements of F64 do not fill its 16 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}", "4 bytes after the last tensor"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[4,16]}}",
     "data begins at 4 where the one before it ends at 0"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
     "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
     "tensor 'b': data begins at 8 where the one before it ends at 16"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
     "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}",
     "tensor 'a' is there twice"},
};

static void malformed_headers_are_refused(void **state) {
    (void)state;
    const char data[16] = {0};
    for (size_t i = 0; i < sizeof MALFORMED / sizeof *MALFORMED; i++) {
        write_model(strlen(MALFORMED[i].header), MALFORMED[i].header, data, sizeof data);
        assert_unreadable(MALFORMED[i].message);
    }
}

static void bad_lengths_are_refused(void **state) {
    (void)state;
    write_model(3, "{}", "", 0);
    assert_unreadable("the header has 3 bytes but only 2 follow: truncated?");
    write_model(UINT64_MAX, "{}", "", 0);
    assert_unreadable("header length 18446744073709551615 is above the limit");
    write_model(1 << 21, "{}", "", 0);
    assert_unreadable("header length 2097152 is above the limit");
    FILE *file = fopen(path, "wb");
    fputs("short", file);
    fclose(file);
    assert_unreadable("5 bytes are too short for a model file");
    file = fopen(path, "wb");
    fclose(file);
    assert_unreadable("0 bytes are too short");
    file = fopen(path, "wb");
    fwrite("\4\0\0\0\0\0\0\0{}\0 ", 1, 12, file);
    fclose(file);
    assert_unreadable("NUL byte in the header at offset 10");
    /* Deep nesting must not exhaust the stack. */
    static char deep[100001];
    memset(deep, '[', 100000);
    write_model(100000, deep, "", 0);
    assert_unreadable("the header is not JSON");
}

static void what_is_not_there_is_an_io_error(void **state) {
    (void)state;
    maple_tensors *tensors = NULL;
    maple_error error;
    assert_int_equal(maple_tensors_read("/nonexistent/model", &tensors, &error), MAPLE_IO_ERROR);
    assert_non_null(strstr(error.message, "/nonexistent/model"));
    tensors = maple_tensors_create();
    assert_int_equal(maple_tensors_write(tensors, "/nonexistent/model", &error), MAPLE_IO_ERROR);
    maple_tensors_free(tensors);
}

/* --- Model files of a predictor --- */

static maple_predictor *fit_flops(void) {
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_arch archs[2] = {maple_space_sentinel(space, 0), maple_space_sentinel(space, 2)};
    double latency_ms[2] = {1, 9};
    maple_fit_request request = {
        .space = space,
        .target = {.graph = MAPLE_GRAPH_PRUNED, .n_samples = 2, .archs = archs, .latency_ms = latency_ms}};
    maple_predictor *predictor = NULL;
    assert_int_equal(maple_predictor_fit("flops", &request, &predictor, NULL), MAPLE_OK);
    return predictor;
}

static const char *const IDENTITY[][2] = {
    {"format", "maple-predictor"},
    {"format_version", "2"},
    {"predictor", "flops"},
    {"space", "nas-bench-201"},
    {"graph", "pruned"},
    {"options", ""},
    {"platform", "p"},
};
enum { IDENTITIES = sizeof IDENTITY / sizeof *IDENTITY };

/* A model file of `flops` with one text replaced (NULL: left out), and this line. */
static void write_flops(const char *name, const char *value, const double affine[3]) {
    maple_tensors *tensors = maple_tensors_create();
    for (size_t i = 0; i < IDENTITIES; i++) {
        const char *text = strcmp(IDENTITY[i][0], name) == 0 ? value : IDENTITY[i][1];
        if (text)
            assert_int_equal(maple_tensors_add_text(tensors, IDENTITY[i][0], text, NULL), MAPLE_OK);
    }
    assert_int_equal(maple_tensors_add(tensors, "affine", MAPLE_F64, 3, 0, affine, NULL), MAPLE_OK);
    assert_int_equal(maple_tensors_write(tensors, path, NULL), MAPLE_OK);
    maple_tensors_free(tensors);
}

static void assert_no_model(const char *part) {
    maple_predictor *predictor = NULL;
    char *platform = NULL;
    maple_error error = {.message = ""};
    assert_int_equal(maple_predictor_load(path, &predictor, &platform, &error), MAPLE_BAD_INPUT);
    assert_null(predictor);
    assert_null(platform);
    if (!strstr(error.message, part) || !strstr(error.message, path))
        fail_msg("'%s' is not in '%s'", part, error.message);
}

static void models_of_another_kind_are_refused(void **state) {
    (void)state;
    const double line[3] = {1e-8, 1, 0.05};
    write_flops("", NULL, line);
    maple_predictor *predictor = NULL;
    assert_int_equal(maple_predictor_load(path, &predictor, NULL, NULL), MAPLE_OK);
    maple_predictor_free(predictor);
    for (size_t i = 0; i < IDENTITIES; i++) {
        write_flops(IDENTITY[i][0], NULL, line);
        assert_no_model(IDENTITY[i][0]);
    }
    write_flops("format", "onnx", line);
    assert_no_model("format 'onnx', expected 'maple-predictor'");
    write_flops("format_version", "1", line);
    assert_no_model("format version '1', this program reads version 2: fit and save the model again");
    write_flops("predictor", "oracle", line);
    assert_no_model("no predictor is called 'oracle'");
    write_flops("space", "darts", line);
    assert_no_model("darts");
    write_flops("graph", "fused", line);
    assert_no_model("fused");
    write_flops("predictor", "lut", line);
    assert_no_model("tensor 'operator_ms' is missing");
    write_flops("predictor", "maple", line);
    assert_no_model("tensor 'scale' is missing");
    const double bad[][3] = {{NAN, 1, 1}, {-1, 1, 1}, {1, INFINITY, 1}, {1, 1, 0}};
    for (size_t i = 0; i < 4; i++) {
        write_flops("", NULL, bad[i]);
        assert_no_model("tensor 'affine': slope");
    }
}

/* What another program writes has no checksum: tensors are read, but it is no model of maple. */
static void files_without_a_checksum_are_no_models(void **state) {
    (void)state;
    const char *header =
        "{\"__metadata__\":{\"format\":\"maple-predictor\",\"format_version\":\"2\",\"predictor\":"
        "\"flops\",\"space\":\"nas-bench-201\",\"options\":\"\",\"graph\":\"pruned\","
        "\"platform\":\"\",\"checksum\":\"0000000000000000\"},"
        "\"affine\":{\"dtype\":\"F64\",\"shape\":[3],\"data_offsets\":[0,24]}}";
    const double line[3] = {1e-8, 1, 0.05};
    maple_tensors *tensors = NULL;
    write_model(strlen(header), header, line, sizeof line);
    assert_int_equal(maple_tensors_read(path, &tensors, NULL), MAPLE_OK);
    assert_false(maple_tensors_checked(tensors));
    maple_tensors_free(tensors);
    assert_no_model("has no checksum where maple writes one");
}

static void write_bytes(const char *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    fwrite(bytes, 1, n, file);
    fclose(file);
}

/* A damaged file whose checksum has been made to fit: an error, or a model that can be asked and freed. */
static bool survives(const char *bad, size_t bytes, const maple_arch *arch) {
    char *repaired = malloc(bytes), digits[SAFETENSORS_DIGITS + 1];
    maple_predictor *predictor;
    double ms;
    memcpy(repaired, bad, bytes);
    maple_tensors_checksum((uint8_t *)repaired, bytes, digits);
    memcpy(repaired + SAFETENSORS_CHECKSUM_AT, digits, SAFETENSORS_DIGITS);
    write_bytes(repaired, bytes);
    free(repaired);
    if (maple_predictor_load(path, &predictor, NULL, NULL) != MAPLE_OK)
        return false;
    assert_int_equal(maple_predictor_predict(predictor, arch, 1, &ms, NULL), MAPLE_OK);
    maple_predictor_free(predictor);
    return true;
}

/* Every truncation and a changed bit in every byte are refused; what a checksum does not find never crashes.
 */
static void damaged_files_are_refused(void **state) {
    (void)state;
    maple_predictor *predictor = fit_flops();
    assert_int_equal(maple_predictor_save(predictor, "here", path, NULL), MAPLE_OK);
    maple_predictor_free(predictor);
    char *good;
    size_t bytes, accepted = 0;
    assert_int_equal(maple_read_file(path, 1 << 20, &good, &bytes, NULL), MAPLE_OK);
    const maple_space *space = space_or_fail("nas-bench-201");
    maple_arch arch = maple_space_sentinel(space, 1);
    for (size_t cut = 0; cut < bytes; cut++) {
        write_bytes(good, cut);
        assert_int_equal(maple_predictor_load(path, &predictor, NULL, NULL), MAPLE_BAD_INPUT);
    }
    for (size_t at = 0; at < bytes; at++)
        for (int bit = 0; bit < 8; bit++) {
            good[at] = (char)(good[at] ^ 1 << bit);
            if (bit == (int)at % 8) {
                write_bytes(good, bytes);
                assert_no_model(
                    at < SAFETENSORS_PREFIX || at >= SAFETENSORS_CHECKSUM_AT ? "the file is damaged" : "");
            }
            accepted += survives(good, bytes, &arch);
            good[at] = (char)(good[at] ^ 1 << bit);
        }
    /* A digit of a number or a letter of the platform's name, but not most of the header. */
    assert_true(accepted > 0 && accepted < bytes * 8 / 2);
    maple_free(good);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(bad_lengths_are_refused),
        cmocka_unit_test(what_is_not_there_is_an_io_error),
        cmocka_unit_test(models_of_another_kind_are_refused),
        cmocka_unit_test(files_without_a_checksum_are_no_models),
        cmocka_unit_test(damaged_files_are_refused),
    };
    return cmocka_run_group_tests(tests, choose_path, remove_scratch);
}
