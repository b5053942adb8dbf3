/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The public door, used as its header says. */
#include <string.h>

#include "base/alloc.h"
#include "roost/roost.h"
#include "support/model.h"
#include "support/support.h"

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

Suite *suite_public(void)
{
    return SUITE("public", a_model_opens_says_what_it_is_and_runs, mistakes_come_back_with_words);
}
