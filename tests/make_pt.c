/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_pt FOLDER: writes the files of tests/data/pt anew (cmake --build build --target make_pt). Each is a
 * file of HELP's data folder in small: y_* are right (the latencies 1.5, 2, 300), n_* wrong in one way;
 * test_pool_help.c says what MAPLE must find.
 */
#include "pt_fixture.h"

#include <math.h>

static const char *folder;

static void save(const char *name, pt_bytes bytes) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes.data, 1, bytes.n, file) != bytes.n || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    pt_free(&bytes);
}

static pt_bytes good(void) {
    static const double values[] = {1.5, 2, 300};
    pt_bytes pickle = {0};
    pt_floats(&pickle, values, 3);
    return pickle;
}

static void save_archive(const char *name, const pt_zip *unusual) {
    pt_bytes pickle = good();
    save(name, pt_archive(&pickle, unusual));
}

/* The first `n` bytes of the right archive (n < 0: without the last ones), and then `more`. */
static void save_part(const char *name, long n, const char *more) {
    pt_bytes pickle = good(), archive = pt_archive(&pickle, NULL);
    archive.n = n < 0 ? archive.n - (size_t)-n : n < (long)archive.n ? (size_t)n : archive.n;
    pt_put(&archive, more, strlen(more));
    save(name, archive);
}

static void make_archives(void) {
    pt_bytes none = {0}, bare = good();
    pt_put(&none, "", 0);
    save("n_empty.pt", none);
    save("n_bare_pickle.pt", bare);
    save_part("n_text.pt", 0, "1.5, 2, 300\n");
    save_part("n_zip_cut.pt", 60, "");
    save_part("n_zip_cut_end.pt", -10, "");
    save_part("n_zip_cut_header.pt", 3, "");
    save_part("n_zip_trailing.pt", 1 << 20, "?");
    save_archive("n_zip_deflated.pt", &(pt_zip){.method = 8});
    save_archive("n_zip_encrypted.pt", &(pt_zip){.flags = 1});
    save_archive("n_zip_checksum.pt", &(pt_zip){.wrong_crc = 1});
    save_archive("n_zip_no_member.pt", &(pt_zip){.member = "archive/mydata.pkl"});
    save_archive("n_zip_two_members.pt", &(pt_zip){.second = "other/data.pkl"});
    save_archive("n_zip_local_name.pt", &(pt_zip){.local_member = "archive/data.PKL"});
    save_archive("n_zip_member_elsewhere.pt", &(pt_zip){.wrong_place = 1});
    save_archive("n_zip_member_far_away.pt", &(pt_zip){.wrong_place = 1000});
    save_archive("n_zip_central_signature.pt", &(pt_zip){.wrong_central = 1});
    save_archive("n_zip_member_too_long.pt", &(pt_zip){.more_bytes = 1000});
    save_archive("n_zip_directory_outside.pt", &(pt_zip){.more_directory = 1});
    save_archive("n_zip_zip64.pt", &(pt_zip){.zip64 = 1});
    save_archive("n_zip_parts.pt", &(pt_zip){.disk = 1});
    save_archive("y_floats.pt", NULL);
    save_archive("y_zip_comment.pt", &(pt_zip){.comment = "PK\5\6 is also in here"});
    save_archive("y_zip_padding.pt", &(pt_zip){.extra = 18});
    save_archive("y_zip_local_sizes.pt", &(pt_zip){.local_sizes = 1});
    save_archive("y_zip_no_folder.pt", &(pt_zip){.member = "data.pkl"});
}

/* Starts a pickle with its protocol. */
static pt_bytes start(void) {
    pt_bytes pickle = {0};
    pt_proto(&pickle);
    return pickle;
}

static void finish(const char *name, pt_bytes pickle) {
    save(name, pt_archive(&pickle, NULL));
}

/* The pickle of these instructions, "." at the end included. */
static void save_instructions(const char *name, const char *instructions) {
    pt_bytes pickle = start();
    pt_do(&pickle, instructions);
    finish(name, pickle);
}

static void make_pickles(void) {
    pt_bytes p = {0};
    finish("n_pickle_empty.pt", p);
    p = (pt_bytes){0};
    pt_do(&p, "\x80\x04].");
    finish("n_pickle_protocol.pt", p);
    p = (pt_bytes){0};
    pt_do(&p, "].");
    finish("n_pickle_no_protocol.pt", p);
    save_instructions("n_pickle_no_stop.pt", "](");
    save_instructions("n_pickle_after_stop.pt", "].]");
    save_instructions("n_pickle_global.pt", "cos\nsystem\n.");
    save_instructions("n_pickle_tuple.pt", "](K\1t.");
    save_instructions("n_pickle_get.pt", "]q\1h\1a.");
    save_instructions("n_pickle_none.pt", "](Ne.");
    save_instructions("n_pickle_float_cut.pt", "](G\1\2\3");
    save_instructions("n_pickle_integer_cut.pt", "](M\1");
    save_instructions("n_pickle_memo_cut.pt", "]q");
    save_instructions("n_pickle_text_cut.pt", "}(X\xff\xff\xff\xff|none~0|");
    save_instructions("n_pickle_no_mark.pt", "]K\1e.");
    save_instructions("n_pickle_append_to_number.pt", "](K\1K\2ae.");
    save_instructions("n_pickle_append_nothing.pt", "]a.");
    save_instructions("n_pickle_append_to_dict.pt", "}K\1a.");
    save_instructions("n_pickle_fill_list.pt", "]K\1K\2s.");
    save_instructions("n_pickle_two_values.pt", "]].");
    save_instructions("n_pickle_no_value.pt", ".");
    save_instructions("n_pickle_open_mark.pt", "](.");
    save_instructions("n_pickle_key_alone.pt", "}(K\1u.");
}

static void make_latencies(void) {
    static const struct {
        const char *name;
        double third;
    } numbers[] = {
        {"n_latency_nan.pt", NAN},
        {"n_latency_infinite.pt", INFINITY},
        {"n_latency_negative.pt", -.5},
        {"n_latency_zero.pt", 0},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const double values[] = {1.5, 2, numbers[i].third};
        pt_bytes p = {0};
        pt_floats(&p, values, 3);
        finish(numbers[i].name, p);
    }
    static const double four[] = {1.5, 2, 300, 4};
    pt_bytes p = {0};
    pt_floats(&p, four, 2);
    finish("n_latency_few.pt", p);
    p = (pt_bytes){0};
    pt_floats(&p, four, 4);
    finish("n_latency_many.pt", p);
    p = start();
    pt_do(&p, "](K\1");
    pt_int(&p, 0);
    pt_do(&p, "K\2e.");
    finish("n_latency_integer_zero.pt", p);
    save_instructions("n_latency_nested.pt", "](K\1K\2](K\3ee.");
    p = start();
    pt_do(&p, "](K\1K\2");
    pt_text(&p, "300");
    pt_do(&p, "e.");
    finish("n_latency_text.pt", p);
    save_instructions("n_latency_dict.pt", "}.");
    p = start();
    pt_do(&p, "](");
    pt_float(&p, 1.5);
    pt_int(&p, 2);
    pt_int(&p, 300);
    pt_do(&p, "e.");
    finish("y_integers.pt", p);
    p = start();
    pt_byte(&p, ']');
    pt_float(&p, 1.5);
    pt_byte(&p, 'a');
    pt_memo(&p, 1000);
    pt_do(&p, "J\2");
    pt_put(&p, "\0\0\0", 3);
    pt_do(&p, "a(M\x2c\1e.");
    finish("y_append.pt", p);
}

#define ARCH_A "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
#define ARCH_B "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|none~2|"

/* {ARCH_A: 7, `text`: `index`} */
static void save_index(const char *name, const char *text, long index) {
    pt_bytes p = start();
    pt_do(&p, "}(");
    pt_text(&p, ARCH_A);
    pt_int(&p, 7);
    pt_text(&p, text);
    pt_int(&p, index);
    pt_do(&p, "u.");
    finish(name, p);
}

static void make_indices(void) {
    char long_text[401];
    memset(long_text, '|', 400);
    long_text[400] = '\0';
    save_index("n_index_few.pt", ARCH_B, 8);
    save_index("n_index_twice.pt", ARCH_B, 7);
    save_index("n_index_beyond.pt", ARCH_B, 15625);
    save_index("n_index_far_beyond.pt", ARCH_B, 2147483647);
    save_index("n_index_negative.pt", ARCH_B, -1);
    save_index("n_index_unknown_operator.pt", "|nor_conv_5x5~0|", 8);
    save_index("n_index_long_text.pt", long_text, 8);
    save_index("n_index_empty_text.pt", "", 8);
    pt_bytes p = start();
    pt_do(&p, "}");
    pt_text(&p, ARCH_B);
    pt_float(&p, 8);
    pt_do(&p, "s.");
    finish("n_index_float.pt", p);
    save_instructions("n_index_number_as_key.pt", "}K\1K\2s.");
    save_instructions("n_index_list.pt", "](K\1K\2e.");
}

static void make_operators(void) {
    save_instructions("n_operators_none.pt", "].");
    save_instructions("n_operators_few.pt", "](](K\1K\2K\1K\2K\1ee.");
    save_instructions("n_operators_many.pt", "](](K\1K\2K\1K\2K\1K\2K\1ee.");
    save_instructions("n_operators_unknown.pt", "](](K\1K\2K\1K\2K\1K\2e](K\1K\2K\5K\2K\1K\2ee.");
    save_instructions("n_operators_negative.pt", "](](K\1K\2K\1K\2K\1J\xff\xff\xff\xff"
                                                 "ee.");
    save_instructions("n_operators_number.pt", "](](K\1K\2K\1K\2K\1K\2eK\1e.");
    save_instructions("n_operators_dict.pt", "}.");
    pt_bytes p = start();
    pt_do(&p, "](](");
    pt_float(&p, 1);
    pt_do(&p, "K\1K\1K\1K\1K\1ee.");
    finish("n_operators_float.pt", p);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "make_pt FOLDER\n");
        return 2;
    }
    folder = argv[1];
    make_archives();
    make_pickles();
    make_latencies();
    make_indices();
    make_operators();
    return 0;
}
