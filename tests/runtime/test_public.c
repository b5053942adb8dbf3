/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The public door, used as its header says. */
#include <string.h>

#include "base/alloc.h"
#include "roost/roost.h"
#include "support/model.h"
#include "support/support.h"
#include "tensor/text.h"

static struct model m;

START_TEST(a_model_opens_says_what_it_is_and_runs)
{
    const float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct roost_model *model = NULL;
    struct roost_session *session = NULL;
    struct roost_error error;
    struct roost_port port;
    struct roost_tensor in = {ROOST_FLOAT32, 2, {2, 4}, x}, out;
    struct roost_run run = {&in, 1, &out, 1, 0};
    struct buf file;
    const int64_t before = alloc_live();
    model_mlp(&m, 1);
    model_write(&m, NULL, &file);
    ck_assert_int_eq(roost_model_open_bytes(file.data, file.len, &model, &error), ROOST_OK);
    ck_assert_uint_eq(roost_model_input_count(model), 1);
    ck_assert_uint_eq(roost_model_output_count(model), 1);
    ck_assert_uint_gt(roost_model_bytes(model), 0);
    ck_assert_int_eq(roost_model_input(model, 0, &port), ROOST_OK);
    ck_assert_str_eq(port.name, "x");
    ck_assert_int_lt(port.dims[0], ROOST_DIM_FREE);
    ck_assert_int_eq(port.dims[1], 4);
    ck_assert_int_eq(roost_model_output(model, 0, &port), ROOST_OK);
    ck_assert_str_eq(port.name, "y");
    ck_assert_int_eq(roost_model_output(model, 1, &port), ROOST_BAD_INPUT);

    ck_assert_int_eq(roost_session_new(1 << 20, &session, &error), ROOST_OK);
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_OK);
    ck_assert_int_eq(out.dtype, ROOST_FLOAT32);
    ck_assert_int_eq(out.dims[0], 2);
    const float *y = out.data;
    ck_assert_float_eq_tol(y[0] + y[1] + y[2], 1, 1e-5f);
    run.timeout_us = UINT64_MAX;
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_OK);

    roost_session_free(&session);
    roost_model_free(&model);
    ck_assert_ptr_null(session);
    ck_assert_ptr_null(model);
    roost_session_free(&session);
    roost_model_free(&model);
    buf_fini(&file);
    ck_assert_int_eq(alloc_live(), before);
}
END_TEST

START_TEST(memory_is_kept_for_the_next_model_within_a_bound)
{
    struct roost_model *model = NULL;
    struct roost_error error;
    struct buf file;
    model_mlp(&m, 1);
    model_write(&m, NULL, &file);
    roost_memory_keep(0); /* whatever opening the file to measure it left */
    roost_memory_keep(1 << 20);
    ck_assert_uint_eq(roost_memory_kept(), 0);
    ck_assert_int_eq(roost_model_open_bytes(file.data, file.len, &model, &error), ROOST_OK);
    const uint64_t bytes = roost_model_bytes(model);
    roost_model_free(&model);
    ck_assert_uint_eq(roost_memory_kept(), bytes);
    ck_assert_int_eq(roost_model_open_bytes(file.data, file.len, &model, &error), ROOST_OK);
    ck_assert_uint_eq(roost_memory_kept(), 0);
    roost_model_free(&model);
    roost_memory_keep(0);
    ck_assert_uint_eq(roost_memory_kept(), 0);
    ck_assert_int_eq(roost_model_open_bytes(file.data, file.len, &model, &error), ROOST_OK);
    roost_model_free(&model);
    ck_assert_uint_eq(roost_memory_kept(), 0);
    buf_fini(&file);
}
END_TEST

START_TEST(mistakes_come_back_with_words)
{
    const float x[8] = {0};
    struct roost_model *model = NULL;
    struct roost_session *session = NULL;
    struct roost_error error;
    struct roost_tensor in = {ROOST_FLOAT32, 2, {2, 5}, x}, out;
    struct roost_run run = {&in, 1, &out, 1, 0};
    struct buf file;
    model_mlp(&m, 1);
    model_write(&m, NULL, &file);
    ck_assert_int_eq(roost_model_open_file("/no/such.roost", &model, &error), ROOST_IO);
    ck_assert(strstr(error.message, "/no/such.roost"));
    ck_assert_int_eq(roost_model_open_bytes(file.data, 5000, &model, &error), ROOST_CORRUPT);
    ck_assert_int_eq(error.status, ROOST_CORRUPT);
    ck_assert_int_eq(roost_model_open_bytes(file.data, file.len, &model, NULL), ROOST_OK);
    ck_assert_int_eq(roost_session_new(1 << 12, &session, &error), ROOST_OK);
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_BAD_INPUT);
    ck_assert(strstr(error.message, "expected 4"));
    in.rank = 9;
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_BAD_INPUT);
    in.rank = 2;
    run.n_in = 0;
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_BAD_INPUT);
    ck_assert(strstr(error.message, "0 inputs"));
    run.n_in = 1;
    in.dims[0] = 1000;
    in.dims[1] = 4;
    static const float large[4000];
    in.data = large;
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_TOO_LARGE);
    roost_session_free(&session);
    roost_model_free(&model);
    buf_fini(&file);
}
END_TEST

START_TEST(strings_go_in_and_come_out)
{
    struct roost_string words[3] = {{"b", 1}, {"caf\xc3\xa9", 5}, {NULL, 0}};
    const uint8_t flags[3] = {1, 0, 1};
    struct roost_model *model = NULL;
    struct roost_session *session = NULL;
    struct roost_error error;
    struct roost_tensor in[2] = {{ROOST_BOOL, 1, {3}, flags}, {ROOST_STRING, 1, {3}, words}}, out;
    struct roost_run run = {in, 2, &out, 1, 0};
    static const struct text other[1] = {{"else", 4}};
    struct buf file;
    model_init(&m);
    int32_t c = model_input(&m, "c", DT_BOOL, 1, (int64_t[]){DIM_SYMBOL_0});
    int32_t x = model_input(&m, "x", DT_STRING, 1, (int64_t[]){DIM_SYMBOL_0});
    int32_t k = model_const(&m, DT_STRING, 1, (int64_t[]){1}, other);
    int32_t y = model_node(&m, "Where", 16, c, x, k);
    model_output(&m, "y", y, DT_STRING, 1, (int64_t[]){DIM_SYMBOL_0});
    model_write(&m, NULL, &file);
    ck_assert_int_eq(roost_model_open_bytes(file.data, file.len, &model, &error), ROOST_OK);
    ck_assert_int_eq(roost_session_new(1 << 20, &session, &error), ROOST_OK);
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_OK);
    const struct roost_string *got = out.data;
    ck_assert_int_eq(out.dtype, ROOST_STRING);
    ck_assert(got[0].bytes == 1 && memcmp(got[0].at, "b", 1) == 0);
    ck_assert(got[1].bytes == 4 && memcmp(got[1].at, "else", 4) == 0);
    ck_assert(got[2].bytes == 0);
    words[1].bytes = 4; /* half a letter */
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_BAD_INPUT);
    ck_assert(strstr(error.message, "input 1, string 1 is not UTF-8"));
    words[1] = (struct roost_string){NULL, 1};
    ck_assert_int_eq(roost_session_run(session, model, &run, &error), ROOST_BAD_INPUT);
    roost_session_free(&session);
    roost_model_free(&model);
    buf_fini(&file);
}
END_TEST

Suite *suite_public(void)
{
    return SUITE("public", a_model_opens_says_what_it_is_and_runs,
                 memory_is_kept_for_the_next_model_within_a_bound, mistakes_come_back_with_words,
                 strings_go_in_and_come_out);
}
