/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* CSV rows in and out. */
#include <math.h>

#include "codec_case.h"

static const struct port one_column[] = {{"v", DT_I32, 1, {-2}}};
static const struct port one_float[] = {{"f", DT_F32, 1, {-2}}};
static const struct port free_width[] = {{"w", DT_F32, 3, {-2, 2, -1}}};
static const struct signature column = {one_column, case_y, 1, 1, case_symbols, 1, {0}};
static const struct signature floats = {one_float, case_y, 1, 1, case_symbols, 1, {0}};
static const struct signature wide = {free_width, case_y, 1, 1, case_symbols, 1, {0}};

START_TEST(columns_fill_the_inputs_in_order)
{
    struct codec_request r;
    struct err err = {0};
    const char *body = "5, 1.5,\"2\",true\r\n-6,,3e1,0\n";
    ck_ok(case_decode(CODEC_CSV, body, strlen(body), &case_many, &r, &err), &err);
    ck_assert_int_eq(((int64_t *)r.inputs[0].data)[1], -6);
    ck_assert_float_eq(((float *)r.inputs[1].data)[1], 2);
    ck_assert(isnan(((float *)r.inputs[1].data)[2]));
    ck_assert_float_eq(((float *)r.inputs[1].data)[3], 30);
    ck_assert_int_eq(((uint8_t *)r.inputs[2].data)[0], 1);
    ck_assert_int_eq(r.inputs[2].dims[0], 2);
    codec_request_fini(&r);
}
END_TEST

START_TEST(a_header_is_skipped_only_when_announced)
{
    struct codec_request r;
    struct err err = {0};
    struct codec_options o = {.csv_header = true};
    const char *body = "v\n7\n8";
    codec_request_init(&r, NULL, NULL);
    ck_ok(codec_decode(CODEC_CSV, body, strlen(body), &column, &o, &r, &err), &err);
    ck_assert_int_eq(r.inputs[0].dims[0], 2);
    ck_assert_int_eq(((int32_t *)r.inputs[0].data)[1], 8);
    codec_request_fini(&r);
    case_refused(CODEC_CSV, body, &column, "row 1, column 1: input 'v': 'v' is not a number");
}
END_TEST

START_TEST(an_empty_line_of_one_float_column_is_a_missing_value)
{
    struct codec_request r;
    struct err err = {0};
    const char *body = "1\n\n-inf\n";
    ck_ok(case_decode(CODEC_CSV, body, strlen(body), &floats, &r, &err), &err);
    ck_assert_int_eq(r.inputs[0].dims[0], 3);
    ck_assert(isnan(((float *)r.inputs[0].data)[1]));
    ck_assert(isinf(((float *)r.inputs[0].data)[2]));
    codec_request_fini(&r);
}
END_TEST

START_TEST(one_free_dimension_takes_what_the_first_row_has)
{
    struct codec_request r;
    struct err err = {0};
    const char *body = "1,2,3,4,5,6\n7,8,9,10,11,12\n";
    ck_ok(case_decode(CODEC_CSV, body, strlen(body), &wide, &r, &err), &err);
    ck_assert_int_eq(r.inputs[0].dims[2], 3);
    codec_request_fini(&r);
    case_refused(CODEC_CSV, "1,2,3\n", &wide, "do not divide by 2");
    case_refused(CODEC_CSV, "1,2\n1,2,3,4\n", &wide, "row 2: more than 2 columns, expected 2");
}
END_TEST

START_TEST(bad_rows_are_refused_by_place)
{
    case_refused(CODEC_CSV, "", &case_one, "no rows came");
    case_refused(CODEC_CSV, "1,2\n1,2,3\n", &case_one, "row 2: more than 2 columns");
    case_refused(CODEC_CSV, "1\n", &case_one, "row 1: 1 columns, expected 2");
    case_refused(CODEC_CSV, "1,x\n", &case_one, "row 1, column 2: input 'x': 'x' is not a number");
    case_refused(CODEC_CSV, "1,2\n\n", &case_one, "row 2: 1 columns, expected 2");
    case_refused(CODEC_CSV, "+", &floats, "'' is not a number");
    case_refused(CODEC_CSV, "1.5\n", &column, "1.5 is not an integer; expected int32");
    case_refused(CODEC_CSV, "\n", &column, "a missing or special value; expected int32");
    case_refused(CODEC_CSV, "1e39,1\n", &case_one, "out of range");
}
END_TEST

START_TEST(outputs_are_columns)
{
    float p[] = {0.5f, NAN};
    int64_t q[] = {1, 2, -3, 4};
    struct tensor outputs[] = {{DT_F32, 1, {2}, p}, {DT_I64, 2, {2, 2}, q}};
    struct codec_options o = {0};
    struct codec_request r;
    struct buf out;
    struct err err = {0};
    codec_request_init(&r, NULL, NULL);
    buf_init(&out, 0);
    ck_ok(codec_encode(CODEC_CSV, &case_many, outputs, &r, &o, &out, &err), &err);
    ck_assert_int_eq(buf_terminate(&out), OK);
    ck_assert_str_eq((char *)out.data, "0.5,1,2\nNaN,-3,4\n");
    buf_fini(&out);
}
END_TEST

Suite *suite_csv(void)
{
    return SUITE("csv", columns_fill_the_inputs_in_order, a_header_is_skipped_only_when_announced,
                 an_empty_line_of_one_float_column_is_a_missing_value,
                 one_free_dimension_takes_what_the_first_row_has, bad_rows_are_refused_by_place,
                 outputs_are_columns);
}
