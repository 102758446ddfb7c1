/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The importer of HELP's data folder. tests/data/pt/y_* must be read, n_* must be refused at the right byte
 * with the right words (make_pt.c wrote them); folders are made here, small in devices and whole in
 * architectures.
 */
#include "pool_fixture.h"
#include "pt_fixture.h"
#include "spaces.h"

#include "pool/help_files.h"
#include "pool/pickle.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static const struct {
    const char *file;
    size_t byte;
    const char *message;
} bad[] = {
    {"n_bare_pickle.pt", 0, "not a zip archive"},
    {"n_empty.pt", 0, "not a zip archive"},
    {"n_index_beyond.pt", 164, "index 15625 is not between 0 and 15624"},
    {"n_index_empty_text.pt", 104, "architecture '', column 1: expected '|'"},
    {"n_index_far_beyond.pt", 164, "index 2147483647 is not between 0 and 15624"},
    {"n_index_few.pt", 48, "2 architectures, where nas-bench-201 has 15625"},
    {"n_index_float.pt", 109, "a number, where an index is an integer"},
    {"n_index_list.pt", 48, "a list, where the file of indices is a dict"},
    {"n_index_long_text.pt", 104, "a text of 400 bytes is no architecture"},
    {"n_index_negative.pt", 164, "index -1 is not between 0 and 15624"},
    {"n_index_number_as_key.pt", 49, "an integer, where an architecture is a text"},
    {"n_index_twice.pt", 164, "index 7 again: it stands at byte 50 too"},
    {"n_index_unknown_operator.pt", 104,
     "architecture '|nor_conv_5x5~0|', column 2: expected an operator's name"},
    {"n_latency_dict.pt", 48, "a dict, where a file of latencies is a list"},
    {"n_latency_few.pt", 48, "2 latencies, where the space has 3 architectures"},
    {"n_latency_infinite.pt", 70, "a latency of inf ms"},
    {"n_latency_integer_zero.pt", 52, "a latency of 0 ms"},
    {"n_latency_many.pt", 48, "4 latencies, where the space has 3 architectures"},
    {"n_latency_nan.pt", 70, "a latency of nan ms"},
    {"n_latency_negative.pt", 70, "a latency of -0.5 ms"},
    {"n_latency_nested.pt", 54, "a list, where a latency is a number"},
    {"n_latency_text.pt", 54, "a text, where a latency is a number"},
    {"n_latency_zero.pt", 70, "a latency of 0 ms"},
    {"n_operators_dict.pt", 48, "a dict, where the file of architectures is a list"},
    {"n_operators_few.pt", 50, "5 operators, where an architecture of nas-bench-201 has 6"},
    {"n_operators_float.pt", 52, "a number, where an operator is an integer"},
    {"n_operators_many.pt", 50, "7 operators, where an architecture of nas-bench-201 has 6"},
    {"n_operators_negative.pt", 62, "operator -1 is not between 0 and 4"},
    {"n_operators_none.pt", 48, "no architecture"},
    {"n_operators_number.pt", 65, "an integer, where an architecture is a list"},
    {"n_operators_unknown.pt", 71, "operator 5 is not between 0 and 4"},
    {"n_pickle_after_stop.pt", 49, "something follows the end of the pickle"},
    {"n_pickle_append_nothing.pt", 49, "no list to append to"},
    {"n_pickle_append_to_dict.pt", 51, "no list to append to"},
    {"n_pickle_append_to_number.pt", 54, "no list to append to"},
    {"n_pickle_empty.pt", 46, "the pickle ends without its stop instruction"},
    {"n_pickle_fill_list.pt", 53, "no dict to fill"},
    {"n_pickle_float_cut.pt", 50, "the pickle ends within a number"},
    {"n_pickle_get.pt", 51, "instruction 0x68"},
    {"n_pickle_global.pt", 48, "instruction 0x63"},
    {"n_pickle_integer_cut.pt", 50, "the pickle ends within a number"},
    {"n_pickle_key_alone.pt", 52, "a key without a value"},
    {"n_pickle_memo_cut.pt", 49, "the pickle ends within an instruction"},
    {"n_pickle_no_mark.pt", 51, "no mark where the items would begin"},
    {"n_pickle_no_protocol.pt", 46, "not a pickle of protocol 2"},
    {"n_pickle_no_stop.pt", 50, "the pickle ends without its stop instruction"},
    {"n_pickle_no_value.pt", 48, "the pickle stops with something else than one value"},
    {"n_pickle_none.pt", 50, "instruction 0x4e"},
    {"n_pickle_open_mark.pt", 50, "the pickle stops with something else than one value"},
    {"n_pickle_protocol.pt", 46, "not a pickle of protocol 2"},
    {"n_pickle_text_cut.pt", 50, "the pickle ends within a text"},
    {"n_pickle_tuple.pt", 52, "instruction 0x74"},
    {"n_pickle_two_values.pt", 50, "the pickle stops with something else than one value"},
    {"n_text.pt", 0, "not a zip archive"},
    {"n_zip_central_signature.pt", 128, "no entry of the zip archive's directory where one is expected"},
    {"n_zip_checksum.pt", 46, "the member's checksum is wrong"},
    {"n_zip_cut.pt", 60, "no end of a zip archive"},
    {"n_zip_cut_end.pt", 263, "no end of a zip archive"},
    {"n_zip_cut_header.pt", 0, "not a zip archive"},
    {"n_zip_deflated.pt", 128, "the member is compressed: PyTorch stores it"},
    {"n_zip_directory_outside.pt", 251, "the directory of the zip archive is outside of it"},
    {"n_zip_encrypted.pt", 128, "the member is encrypted"},
    {"n_zip_local_name.pt", 0, "the member has another name than in the directory"},
    {"n_zip_member_elsewhere.pt", 1, "no header of a member where the directory says there is one"},
    {"n_zip_member_far_away.pt", 128, "the member is outside of the archive"},
    {"n_zip_member_too_long.pt", 0, "the member is longer than the archive"},
    {"n_zip_no_member.pt", 130, "the archive has no member data.pkl"},
    {"n_zip_parts.pt", 251, "a zip archive in several parts: it is read in one"},
    {"n_zip_trailing.pt", 274, "no end of a zip archive"},
    {"n_zip_two_members.pt", 330, "a second member data.pkl"},
    {"n_zip_zip64.pt", 251, "a zip64 archive: more than these files need"},
};
enum { BAD = sizeof bad / sizeof *bad };

static const char *corpus(const char *file) {
    static char path[512];
    snprintf(path, sizeof path, "%s/pt/%s", MAPLE_TEST_DATA, file);
    return path;
}

/* Reads a file as what its name says it is; nothing is kept. */
static maple_status read_as_named(const char *path, const char *file, double latencies[3]) {
    maple_help_archs archs = {0};
    maple_status status;
    if (strncmp(file, "n_index", 7) == 0)
        status = maple_help_read_indices(path, nas, &archs, &why);
    else if (strncmp(file, "n_operators", 11) == 0)
        status = maple_help_read_operators(path, nas, &archs, &why);
    else
        status = maple_help_read_latencies(path, 3, latencies, &why);
    maple_help_free_archs(&archs);
    return status;
}

static void test_corpus(void **state) {
    (void)state;
    struct dirent *entry;
    DIR *folder = opendir(MAPLE_TEST_DATA "/pt");
    size_t good = 0, refused = 0;
    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        double values[3] = {0};
        refused += strncmp(entry->d_name, "n_", 2) == 0;
        if (strncmp(entry->d_name, "y_", 2) != 0)
            continue;
        OK(read_as_named(corpus(entry->d_name), entry->d_name, values));
        assert_true(values[0] == 1.5 && values[1] == 2 && values[2] == 300);
        good++;
    }
    closedir(folder);
    assert_true(good >= 7);
    assert_int_equal(refused, BAD); /* each file has its line in the table */
    for (size_t i = 0; i < BAD; i++) {
        double values[3];
        char start[600];
        FAILS(read_as_named(corpus(bad[i].file), bad[i].file, values), MAPLE_BAD_INPUT, bad[i].message);
        snprintf(start, sizeof start, "%s: byte %zu: ", corpus(bad[i].file), bad[i].byte);
        if (strncmp(why.message, start, strlen(start)) != 0)
            fail_msg("'%s' does not start with '%s'", why.message, start);
    }
}

/* Cut anywhere: an error with the path. Damaged anywhere: an error or (where a name or a flag was hit that
 * means nothing) the same numbers, since the checksum covers them. */
static void test_cut_and_damaged(void **state) {
    (void)state;
    enum { CASES = 2000 };
    size_t bytes, refused = 0;
    char *data = slurp(corpus("y_floats.pt"), &bytes), *broken = maple_alloc(bytes, 1);
    const char *path = in_scratch("broken.pt");
    maple_rng rng = maple_rng_seed(11);
    double values[3];
    for (size_t cut = 0; cut < bytes; cut++) {
        FILE *file = fopen(path, "wb");
        assert_int_equal(fwrite(data, 1, cut, file), cut);
        fclose(file);
        FAILS(maple_help_read_latencies(path, 3, values, &why), MAPLE_BAD_INPUT, "broken.pt: byte ");
    }
    for (int i = 0; i < CASES; i++) {
        memcpy(broken, data, bytes);
        for (size_t k = 0; k < 1 + (size_t)i % 3; k++)
            broken[maple_rng_below(&rng, bytes)] = (char)maple_rng_next(&rng);
        FILE *file = fopen(path, "wb");
        assert_int_equal(fwrite(broken, 1, bytes, file), bytes);
        fclose(file);
        maple_status status = maple_help_read_latencies(path, 3, values, &why);
        if (status == MAPLE_OK)
            assert_true(values[0] == 1.5 && values[1] == 2 && values[2] == 300);
        else
            assert_int_equal(status, MAPLE_BAD_INPUT);
        refused += status != MAPLE_OK;
    }
    assert_true(refused > CASES / 2);
    maple_free(data);
    maple_free(broken);
}

/* What a value holds in all: every part of it can be looked at. */
static size_t count_values(const maple_pickle_value *value) {
    size_t n = 1;
    if (value->kind == MAPLE_PICKLE_LIST || value->kind == MAPLE_PICKLE_DICT)
        for (size_t i = 0; i < value->items->n; i++)
            n += count_values(&value->items->values[i]);
    if (value->kind == MAPLE_PICKLE_TEXT)
        assert_true(value->length == 0 || value->text[value->length - 1] != 0x7f);
    return n;
}

/* Random instructions: a value or an error with a position, never a crash. */
/* 8 MiB of instructions of one or two bytes are refused long before they are all read. */
static void test_bounded(void **state) {
    (void)state;
    static const struct {
        const char *start, *repeated;
        size_t byte; /* where it must stop: of the instruction that is one too many */
        const char *message;
    } floods[] = {
        {"", "]", 2 + 16384, "more than 16384 lists and dicts"},
        {"](", "}", 4 + 16383, "more than 16384 lists and dicts"},
        {"](", "](K\1e", 4 + 5 * 16383, "more than 16384 lists and dicts"},
        {"](", "K\1", 4 + 2 * 262143, "more than 262144 values"},
        {"]", "K\1a", 3 + 3 * 262143, "more than 262144 values"},
        {"]", "(", 3 + 64, "more than 64 open marks"},
    };
    enum { BYTES = 8 << 20, OFFSET = 100 };
    char *data = maple_alloc(BYTES, 1), start[80];
    assert_non_null(data);
    for (size_t i = 0; i < sizeof floods / sizeof *floods; i++) {
        maple_pickle pickle;
        size_t n = strlen(floods[i].start), period = strlen(floods[i].repeated);
        memcpy(data, "\x80\2", 2);
        memcpy(data + 2, floods[i].start, n);
        for (size_t at = 2 + n; at < BYTES; at++)
            data[at] = floods[i].repeated[(at - 2 - n) % period];
        FAILS(maple_pickle_read("flood.pt", data, BYTES, OFFSET, &pickle, &why), MAPLE_BAD_INPUT,
              floods[i].message);
        snprintf(start, sizeof start, "flood.pt: byte %zu: ", OFFSET + floods[i].byte);
        if (strncmp(why.message, start, strlen(start)) != 0)
            fail_msg("'%s' does not start with '%s'", why.message, start);
    }
    maple_free(data);
}

static void test_random_pickles(void **state) {
    (void)state;
    enum { CASES = 200000, LONGEST = 16 };
    static const char instructions[] = "]](}}qrGJKMXaesu.]((KKKKee..\0\0\0\1\2";
    maple_rng rng = maple_rng_seed(12);
    size_t read = 0, values = 0;
    for (int i = 0; i < CASES; i++) {
        size_t n = 2 + maple_rng_below(&rng, LONGEST);
        char *data = maple_alloc(n, 1); /* as long as it is, so that a sanitizer sees a byte too many */
        maple_pickle pickle;
        memcpy(data, "\x80\2", 2);
        for (size_t k = 2; k < n; k++)
            data[k] = instructions[maple_rng_below(&rng, sizeof instructions - 1)];
        if (n > 3)
            data[n - 1] = '.';
        maple_status status = maple_pickle_read("r", data, n, 1000, &pickle, &why);
        if (status == MAPLE_OK) {
            read++;
            values += count_values(&pickle.root);
            maple_pickle_free(&pickle);
        } else {
            size_t byte;
            assert_int_equal(status, MAPLE_BAD_INPUT);
            assert_int_equal(sscanf(why.message, "r: byte %zu: ", &byte), 1);
            assert_true(byte >= 1000 && byte <= 1000 + n);
        }
        maple_free(data);
    }
    assert_true(read > CASES / 100 && values > read);
}

/* --- Whole folders --- */

enum { ALL = 15625, FEW = 7 };

static void save(const char *name, pt_bytes *pickle) {
    pt_bytes archive = pt_archive(pickle, NULL);
    spill(in_scratch(name), archive.data, archive.n);
    pt_free(&archive);
}

static double latency_of(size_t device, size_t index) {
    return 1 + (double)device * 100 + (double)index / 3;
}

static void save_latencies(const char *name, size_t device, size_t n) {
    double *values = maple_alloc(n, sizeof *values);
    pt_bytes pickle = {0};
    for (size_t i = 0; i < n; i++)
        values[i] = latency_of(device, i);
    pt_floats(&pickle, values, n);
    save(name, &pickle);
    maple_free(values);
}

/* The canonical index of an ordinal here: another order than any that MAPLE has. */
static size_t index_of(size_t ordinal) {
    return (ordinal * 7919 + 12) % ALL;
}

static void save_indices(const char *name) {
    pt_bytes pickle = {0};
    pt_proto(&pickle);
    pt_byte(&pickle, '}');
    pt_memo(&pickle, 0);
    for (size_t i = 0; i < ALL; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_arch arch = maple_space_nth(nas, i);
        maple_space_format(nas, &arch, text);
        if (i % 1000 == 0)
            pt_byte(&pickle, '(');
        pt_text(&pickle, text);
        pt_memo(&pickle, (unsigned)i + 1);
        pt_int(&pickle, (long)index_of(i));
        if (i % 1000 == 999 || i + 1 == ALL)
            pt_byte(&pickle, 'u');
    }
    pt_byte(&pickle, '.');
    save(name, &pickle);
}

static maple_arch few_arch(const maple_space *space, size_t i) {
    maple_arch arch = {{0}};
    for (int k = 0; k < maple_space_positions(space); k++)
        arch.op[k] = (uint8_t)((i + (size_t)k) % (size_t)maple_space_ops(space));
    return arch;
}

static void save_operators(const maple_space *space, const char *name) {
    pt_bytes pickle = {0};
    pt_proto(&pickle);
    pt_do(&pickle, "](");
    for (size_t i = 0; i < FEW; i++) {
        maple_arch arch = few_arch(space, i);
        pt_do(&pickle, "](");
        for (int k = 0; k < maple_space_positions(space); k++)
            pt_int(&pickle, arch.op[k]);
        pt_byte(&pickle, 'e');
    }
    pt_do(&pickle, "e.");
    save(name, &pickle);
}

static void make_folder(const char *name) {
    char command[600];
    snprintf(command, sizeof command, "mkdir -p '%s/%s'", scratch, name);
    assert_int_equal(system(command), 0);
}

static const char *const devices[] = {"gpu_1", "gpu_256", "phone_4114"};

static void make_nas_half(void) {
    make_folder("help/nasbench201/latency");
    save_indices("help/nasbench201/str_arch2idx.pt");
    for (size_t i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "help/nasbench201/latency/%s.pt", devices[i]);
        save_latencies(name, i, ALL);
    }
    spill(in_scratch("help/nasbench201/latency/.hidden.pt"), "x", 1);
    spill(in_scratch("help/nasbench201/latency/README"), "x", 1);
    spill(in_scratch("help/nasbench201/metainfo.pt"), "x", 1);
}

static int make_help(void **state) {
    if (make_pool_scratch(state) != 0)
        return -1;
    make_nas_half();
    make_folder("empty");
    return 0;
}

static void count_platforms(maple_pool *pool, size_t expected) {
    maple_platform *all;
    size_t n;
    OK(maple_pool_platforms(pool, &all, &n, &why));
    assert_int_equal(n, expected);
    maple_free(all);
}

static void test_platforms(void **state) {
    (void)state;
    maple_pool *pool = new_pool("help.db");
    maple_import_result result = {0};
    OK(maple_pool_import_help(pool, in_scratch("help"), &result, NULL, &why));
    assert_int_equal(result.platforms, 3);
    assert_int_equal(result.latencies, 3 * ALL);
    assert_int_equal(result.n_spaces, 1);
    assert_ptr_equal(result.spaces[0].space, nas);
    assert_int_equal(result.spaces[0].platforms, 3);
    assert_int_equal(result.spaces[0].latencies, 3 * ALL);
    maple_platform one, many, phone;
    OK(maple_pool_find_platform(pool, "gpu_1", &one, &why));
    OK(maple_pool_find_platform(pool, "gpu_256", &many, &why));
    OK(maple_pool_find_platform(pool, "phone_4114", &phone, &why));
    assert_string_equal(one.device, "gpu");
    assert_string_equal(many.device, "gpu");
    assert_string_equal(phone.device, "phone_4114");
    assert_string_equal(one.family, "gpu / imported");
    assert_string_equal(many.family, one.family);
    assert_string_equal(phone.family, "phone_4114 / imported");
    assert_true(one.batch == 1 && many.batch == 256 && phone.batch == 1);
    assert_string_equal(phone.cpu, "unknown");
    assert_string_equal(phone.engine, "imported");
    assert_string_equal(phone.counters, "none");
    assert_int_equal(phone.graph, MAPLE_GRAPH_AS_WRITTEN);
    assert_int_equal(phone.threads, 0);
    maple_dataset *d;
    OK(maple_dataset_load(&pool, 1, nas, &d, &why));
    assert_int_equal(d->n_archs, ALL);
    assert_int_equal(d->n_platforms, 3);
    for (size_t i = 0; i < ALL; i++) {
        assert_int_equal(d->index[i], index_of(maple_space_ordinal(nas, &d->archs[i])));
        for (size_t p = 0; p < 3; p++)
            assert_same(d->platforms[p].latency_ms[i], latency_of(p, (size_t)d->index[i]));
    }
    maple_dataset_free(d);
    /* Again: nothing is doubled. */
    OK(maple_pool_import_help(pool, in_scratch("help"), &result, NULL, &why));
    assert_int_equal(result.latencies, 3 * ALL);
    count_platforms(pool, 3);
    maple_pool_close(pool);
}

static void test_two_spaces(void **state) {
    (void)state;
    const maple_space *fbnet = space_or_fail("fbnet");
    make_folder("help/fbnet/latency");
    save_operators(fbnet, "help/fbnet/arch.pt");
    save_latencies("help/fbnet/latency/gpu_1.pt", 0, FEW);
    save_latencies("help/fbnet/latency/gpu_64.pt", 5, FEW);
    maple_pool *pool = new_pool("two.db");
    maple_import_result result = {0};
    OK(maple_pool_import_help(pool, in_scratch("help"), &result, NULL, &why));
    assert_int_equal(result.platforms, 4); /* gpu_1 is in both */
    assert_int_equal(result.latencies, 3 * ALL + 2 * FEW);
    assert_int_equal(result.n_spaces, 2);
    count_platforms(pool, 4);
    maple_dataset *d;
    OK(maple_dataset_load(&pool, 1, fbnet, &d, &why));
    assert_int_equal(d->n_archs, FEW);
    assert_int_equal(d->n_platforms, 2);
    for (size_t i = 0; i < FEW; i++) {
        maple_arch arch = few_arch(fbnet, (size_t)d->index[i]);
        assert_true(maple_arch_equal(&d->archs[i], &arch));
        assert_same(d->platforms[0].latency_ms[i], latency_of(0, (size_t)d->index[i]));
        assert_same(d->platforms[1].latency_ms[i], latency_of(5, (size_t)d->index[i]));
    }
    maple_dataset_free(d);
    maple_pool_close(pool);
    /* fbnet alone, and a wrong file in it after all of the other space was written. */
    char command[1200];
    snprintf(command, sizeof command, "mkdir -p '%s/half' && cp -r '%s/help/fbnet' '%s/half'", scratch,
             scratch, scratch);
    assert_int_equal(system(command), 0);
    pool = new_pool("half.db");
    OK(maple_pool_import_help(pool, in_scratch("half"), &result, NULL, &why));
    assert_int_equal(result.platforms, 2);
    maple_pool_close(pool);
    save_latencies("help/fbnet/latency/gpu_64.pt", 5, FEW + 1);
    pool = new_pool("wrong.db");
    FAILS(maple_pool_import_help(pool, in_scratch("help"), &result, NULL, &why), MAPLE_BAD_INPUT,
          "fbnet/latency/gpu_64.pt: byte 48: 8 latencies, where the space has 7 architectures");
    count_platforms(pool, 0);
    maple_pool_close(pool);
    snprintf(command, sizeof command, "rm -r '%s/help/fbnet'", scratch);
    assert_int_equal(system(command), 0);
}

/* A wrong file, wherever it is, and nothing is imported. */
static void test_all_or_nothing(void **state) {
    (void)state;
    maple_pool *pool = new_pool("nothing.db");
    maple_import_result result = {.latencies = 42};
    save_latencies("help/nasbench201/latency/z_last.pt", 0, ALL - 1);
    FAILS(maple_pool_import_help(pool, in_scratch("help"), &result, NULL, &why), MAPLE_BAD_INPUT,
          "nasbench201/latency/z_last.pt: byte 48: 15624 latencies, where the space has 15625");
    assert_int_equal(result.latencies, 42);
    count_platforms(pool, 0);
    unlink(in_scratch("help/nasbench201/latency/z_last.pt"));
    maple_dataset *d;
    OK(maple_dataset_load(&pool, 1, nas, &d, &why));
    assert_int_equal(d->n_archs, 0);
    maple_dataset_free(d);
    FAILS(maple_pool_import_help(pool, in_scratch("empty"), &result, NULL, &why), MAPLE_BAD_INPUT,
          "neither nasbench201/ nor fbnet/ is in it");
    FAILS(maple_pool_import_help(pool, in_scratch("none"), &result, NULL, &why), MAPLE_IO_ERROR,
          "No such file");
    FAILS(maple_pool_import_help(pool, in_scratch("help.db"), &result, NULL, &why), MAPLE_BAD_INPUT,
          "neither");
    make_folder("no latencies/nasbench201/latency");
    FAILS(maple_pool_import_help(pool, in_scratch("no latencies"), &result, NULL, &why), MAPLE_BAD_INPUT,
          "nasbench201/latency: no file of latencies");
    make_folder("no folder/nasbench201");
    FAILS(maple_pool_import_help(pool, in_scratch("no folder"), &result, NULL, &why), MAPLE_IO_ERROR,
          "nasbench201/latency: cannot be opened");
    /* The pool knows one index otherwise: the place in the file is named. */
    maple_arch arch = maple_space_nth(nas, 0);
    int index = (int)index_of(1);
    OK(maple_pool_put_indices(pool, nas, &arch, &index, 1, &why));
    FAILS(maple_pool_import_help(pool, in_scratch("help"), &result, NULL, &why), MAPLE_BAD_INPUT,
          "contradicts what is known");
    assert_non_null(strstr(why.message, "str_arch2idx.pt: byte "));
    /* A platform of that name is something else. */
    maple_pool *other = new_pool("other.db");
    add_example(other, "gpu_256");
    FAILS(maple_pool_import_help(other, in_scratch("help"), &result, NULL, &why), MAPLE_BAD_INPUT,
          "gpu_256.pt: platform 'gpu_256' exists with another CPU");
    count_platforms(other, 1);
    maple_pool_close(other);
    maple_pool_close(pool);
}

typedef struct watcher {
    int progressed, asked, stop_at;
    double last;
} watcher;

static void watch(void *user, const maple_progress *progress) {
    watcher *w = user;
    w->progressed++;
    assert_true(progress->done > w->last && progress->done <= progress->total);
    w->last = progress->done;
}

static bool stop(void *user) {
    watcher *w = user;
    return ++w->asked == w->stop_at;
}

static void test_cancelled(void **state) {
    (void)state;
    maple_pool *pool = new_pool("cancelled.db");
    maple_import_result result = {.latencies = 42};
    for (int at = 1; at <= 3; at++) {
        watcher w = {.stop_at = at};
        maple_hooks hooks = {.progress = watch, .cancelled = stop, .user = &w};
        FAILS(maple_pool_import_help(pool, in_scratch("help"), &result, &hooks, &why), MAPLE_INTERRUPTED,
              "nothing was imported");
        assert_int_equal(w.progressed, at - 1);
        assert_int_equal(result.latencies, 42);
        count_platforms(pool, 0);
    }
    watcher w = {0};
    maple_hooks hooks = {.progress = watch, .cancelled = stop, .user = &w};
    OK(maple_pool_import_help(pool, in_scratch("help"), &result, &hooks, &why));
    assert_int_equal(w.progressed, 3);
    count_platforms(pool, 3);
    maple_pool_close(pool);
}

/* Killed at any moment: all of it is there, or nothing. */
static void test_killed(void **state) {
    (void)state;
    enum { KILLS = 12 };
    maple_rng rng = maple_rng_seed(13);
    size_t nothing = 0;
    for (int i = 0; i < KILLS; i++) {
        maple_pool_close(new_pool("killed.db"));
        const char *path = in_scratch("killed.db"), *folder = in_scratch("help");
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            maple_pool *pool;
            if (maple_pool_open(path, MAPLE_POOL_WRITE, &pool, NULL) == MAPLE_OK)
                maple_pool_import_help(pool, folder, NULL, NULL, NULL);
            _exit(0);
        }
        struct timespec pause = {.tv_nsec = (long)(5 + maple_rng_below(&rng, 200)) * 1000000};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        maple_pool *pool = open_pool(path, i % 2 ? MAPLE_POOL_READ : MAPLE_POOL_WRITE);
        maple_dataset *d;
        OK(maple_dataset_load(&pool, 1, nas, &d, &why));
        assert_true((d->n_platforms == 0 && d->n_archs == 0) || (d->n_platforms == 3 && d->n_archs == ALL));
        nothing += d->n_platforms == 0;
        maple_dataset_free(d);
        maple_pool_close(pool);
    }
    assert_true(nothing > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounded),         cmocka_unit_test(test_corpus),
        cmocka_unit_test(test_cut_and_damaged), cmocka_unit_test(test_random_pickles),
        cmocka_unit_test(test_platforms),       cmocka_unit_test(test_two_spaces),
        cmocka_unit_test(test_all_or_nothing),  cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests(tests, make_help, remove_scratch);
}
