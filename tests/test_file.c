/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: what is written is what is read, links stay links, nothing is left behind where writing fails.
 */
#include "check.h"
#include "scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t files_there(void) {
    size_t n = 0;
    DIR *open = opendir(scratch);
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open));)
        n += entry->d_name[0] != '.';
    closedir(open);
    return n;
}

static void assert_holds(const char *path, const char *text) {
    char *data;
    size_t bytes;
    OK(maple_read_file(path, 1 << 20, &data, &bytes, &why));
    assert_int_equal(bytes, strlen(text));
    assert_string_equal(data, text);
    maple_free(data);
}

static void written_is_read(void **state) {
    (void)state;
    mode_t mask = umask(027);
    assert_int_equal(maple_write_file(in_scratch("a"), "one", 3, NULL), MAPLE_OK);
    umask(mask);
    assert_holds(in_scratch("a"), "one");
    struct stat info;
    assert_int_equal(stat(in_scratch("a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_int_equal(maple_write_file(in_scratch("a"), "", 0, NULL), MAPLE_OK);
    assert_holds(in_scratch("a"), "");
    assert_int_equal(files_there(), 1);
}

static void links_stay_links(void **state) {
    (void)state;
    assert_int_equal(maple_write_file(in_scratch("real"), "old", 3, NULL), MAPLE_OK);
    assert_int_equal(symlink("real", in_scratch("link")), 0);
    assert_int_equal(maple_write_file(in_scratch("link"), "new", 3, NULL), MAPLE_OK);
    struct stat info;
    assert_int_equal(lstat(in_scratch("link"), &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_holds(in_scratch("real"), "new");
}

static void refused(maple_status (*function)(const char *, maple_error *), const char *path,
                    const char *part) {
    FAILS(function(path, &why), MAPLE_IO_ERROR, part);
    if (!strstr(why.message, path))
        fail_msg("'%s' does not say '%s'", why.message, path);
}

static maple_status write_something(const char *path, maple_error *error) {
    return maple_write_file(path, "x", 1, error);
}

static void nowhere_to_write(void **state) {
    (void)state;
    size_t before = files_there();
    refused(write_something, in_scratch("missing/a"), "No such file");
    refused(maple_check_writable, in_scratch("missing/a"), "No such file");
    refused(write_something, scratch, "Is a directory");
    refused(maple_check_writable, scratch, "Is a directory");
    refused(write_something, "/dev/full", "No space left");
    assert_int_equal(maple_check_writable(in_scratch("new"), NULL), MAPLE_OK);
    assert_int_equal(maple_check_writable("/dev/null", NULL), MAPLE_OK);
    assert_int_equal(files_there(), before);
}

static void too_large_to_read(void **state) {
    (void)state;
    char *data = NULL;
    size_t bytes;
    assert_int_equal(maple_write_file(in_scratch("b"), "12345", 5, NULL), MAPLE_OK);
    FAILS(maple_read_file(in_scratch("b"), 4, &data, &bytes, &why), MAPLE_BAD_INPUT, "limit of 4 bytes");
    assert_null(data);
    assert_int_equal(maple_read_file(in_scratch("b"), 5, &data, &bytes, NULL), MAPLE_OK);
    assert_int_equal(bytes, 5);
    maple_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_is_read),
        cmocka_unit_test(links_stay_links),
        cmocka_unit_test(nowhere_to_write),
        cmocka_unit_test(too_large_to_read),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
