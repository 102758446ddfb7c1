/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of a training: what is written is read again, what is damaged is said and not used. */
#include "check.h"
#include "predictor/predictor_internal.h"
#include "shelf.h"

#include <stdio.h>

static char said[1024];

static void hear(void *user, maple_log_level level, const char *message) {
    (void)user;
    if (level == MAPLE_LOG_WARNING)
        snprintf(said, sizeof said, "%s", message);
}

static const float WEIGHTS[3] = {1, -2.5f, 1e-30f};

static maple_tensors *some(void) {
    maple_tensors *tensors = maple_tensors_create();
    assert_non_null(tensors);
    OK(maple_tensors_add(tensors, "weights", MAPLE_F32, 3, 0, WEIGHTS, &why));
    return tensors;
}

static void what_is_written_is_read(void **state) {
    (void)state;
    shelf s = {0};
    const maple_checkpoint checkpoint = on_shelf(&s);
    const maple_fit_request request = {.checkpoint = &checkpoint};
    maple_tensors *tensors = some(), *found = tensors;
    OK(maple_checkpoint_read(&request, &found, &why));
    assert_null(found); /* nothing yet */
    OK(maple_checkpoint_write(&request, tensors, &why));
    OK(maple_checkpoint_read(&request, &found, &why));
    assert_non_null(found);
    const void *data;
    OK(maple_tensors_get(found, "weights", MAPLE_F32, 3, 0, &data, NULL, &why));
    assert_memory_equal(data, WEIGHTS, sizeof WEIGHTS);
    maple_tensors_free(found);
    maple_tensors_free(tensors);
    maple_free(s.file);
}

static void what_is_damaged_is_not_used(void **state) {
    (void)state;
    shelf s = {0};
    const maple_checkpoint checkpoint = on_shelf(&s);
    const maple_hooks hooks = {.log = hear};
    const maple_fit_request request = {.checkpoint = &checkpoint, .hooks = &hooks};
    maple_tensors *tensors = some(), *found = tensors;
    OK(maple_checkpoint_write(&request, tensors, &why));
    s.file[s.bytes - 1] ^= 1;
    said[0] = '\0';
    OK(maple_checkpoint_read(&request, &found, &why));
    assert_null(found);
    assert_non_null(strstr(said, "is started anew: checkpoint: "));
    maple_tensors_free(tensors);
    maple_free(s.file);
}

/* A trainer that has counted so far, and refuses what is beyond its end. */
typedef struct counter {
    float at, end;
} counter;

static maple_status save_counter(const void *trainer, maple_tensors *tensors, maple_error *error) {
    return maple_tensors_add(tensors, "at", MAPLE_F32, 1, 0, &((const counter *)trainer)->at, error);
}

static maple_status load_counter(void *trainer, const maple_tensors *tensors, maple_error *error) {
    counter *c = trainer;
    float at;
    maple_status status = maple_tensors_copy(tensors, "at", MAPLE_F32, 1, 0, &at, error);
    if (status != MAPLE_OK)
        return status;
    if (at > c->end)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%g of %g", (double)at, (double)c->end);
    c->at = at;
    return MAPLE_OK;
}

static void a_trainer_is_kept_and_resumed(void **state) {
    (void)state;
    shelf s = {0};
    const maple_checkpoint checkpoint = on_shelf(&s);
    const maple_hooks hooks = {.log = hear};
    const maple_fit_request request = {.checkpoint = &checkpoint, .hooks = &hooks}, without = {0};
    counter c = {.at = 4, .end = 5};
    const maple_checkpoint_state kept = {&c, save_counter, load_counter};
    said[0] = '\0';
    OK(maple_checkpoint_keep(&without, &kept, &why));
    OK(maple_checkpoint_resume(&request, &kept, &why));
    assert_true(c.at == 4 && !s.file); /* nothing yet */
    OK(maple_checkpoint_keep(&request, &kept, &why));
    c.at = 1;
    OK(maple_checkpoint_resume(&without, &kept, &why));
    assert_true(c.at == 1);
    OK(maple_checkpoint_resume(&request, &kept, &why));
    assert_true(c.at == 4);
    assert_string_equal(said, "");
    c = (counter){.at = 1, .end = 3};
    OK(maple_checkpoint_resume(&request, &kept, &why));
    assert_true(c.at == 1);
    assert_string_equal(said, "an interrupted training cannot be continued and is started anew: 4 of 3");
    s.fails = MAPLE_IO_ERROR;
    FAILS(maple_checkpoint_keep(&request, &kept, &why), MAPLE_IO_ERROR, "the shelf is broken");
    FAILS(maple_checkpoint_resume(&request, &kept, &why), MAPLE_IO_ERROR, "the shelf is broken");
    maple_free(s.file);
}

static void errors_are_passed_on(void **state) {
    (void)state;
    shelf s = {.fails = MAPLE_OUT_OF_MEMORY};
    const maple_checkpoint checkpoint = on_shelf(&s);
    const maple_fit_request request = {.checkpoint = &checkpoint};
    maple_tensors *tensors = some(), *found;
    FAILS(maple_checkpoint_read(&request, &found, &why), MAPLE_OUT_OF_MEMORY, "the shelf is broken");
    FAILS(maple_checkpoint_write(&request, tensors, &why), MAPLE_OUT_OF_MEMORY, "the shelf is broken");
    maple_tensors_free(tensors);
}

static void without_a_place_nothing_happens(void **state) {
    (void)state;
    const maple_fit_request request = {0};
    maple_tensors *tensors = some(), *found = tensors;
    int64_t last_ns = 0;
    OK(maple_checkpoint_read(&request, &found, &why));
    assert_null(found);
    OK(maple_checkpoint_write(&request, tensors, &why));
    assert_false(maple_checkpoint_due(&request, &last_ns));
    maple_tensors_free(tensors);
}

static void it_is_due_now_and_then(void **state) {
    (void)state;
    shelf s = {0};
    const maple_checkpoint checkpoint = on_shelf(&s);
    const maple_fit_request request = {.checkpoint = &checkpoint};
    int64_t last_ns = 0;
    assert_false(maple_checkpoint_due(&request, &last_ns)); /* nothing was done yet */
    assert_true(last_ns > 0);
    assert_false(maple_checkpoint_due(&request, &last_ns));
    last_ns -= 60000000000; /* a minute ago */
    assert_true(maple_checkpoint_due(&request, &last_ns));
    assert_false(maple_checkpoint_due(&request, &last_ns));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),         cmocka_unit_test(what_is_damaged_is_not_used),
        cmocka_unit_test(a_trainer_is_kept_and_resumed),   cmocka_unit_test(errors_are_passed_on),
        cmocka_unit_test(without_a_place_nothing_happens), cmocka_unit_test(it_is_due_now_and_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
