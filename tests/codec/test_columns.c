/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Instances by the names of columns, as JSON objects and as CSV with a header. */
#include <math.h>

#include "base/alloc.h"
#include "codec_case.h"

/* Columns age, income, "b c", x of input x [N, 4]: the last one has the input's name. */
static const char texts[] = "age\0income\0b c\0x";
static const uint32_t at[] = {0, 4, 11, 15}, sorted[] = {0, 2, 1, 3};
static const struct port wide_x[] = {{"x", DT_F32, 2, {-2, 4}}};
static const struct port whole_x[] = {{"x", DT_I64, 2, {-2, 4}}};
#define COLUMNS                                                                                    \
    {                                                                                              \
        4, texts, at, sorted                                                                       \
    }
static const struct signature named = {wide_x, case_y, 1, 1, case_symbols, 1, COLUMNS};
static const struct signature whole = {whole_x, case_y, 1, 1, case_symbols, 1, COLUMNS};
/* As converters write a table: one input a column. */
static const struct port table_in[] = {
    {"age", DT_F32, 2, {-2, 1}}, {"n", DT_I64, 2, {-2, 1}}, {"r", DT_F64, 1, {-2}}};
static const struct signature table = {table_in, case_y, 3, 1, case_symbols, 1, {0}};

static enum status decode(enum codec_format f, const char *body, const struct signature *sig,
                          struct codec_request *r, struct err *err)
{
    const struct codec_options o = {.csv_header = true};
    codec_request_init(r, NULL, NULL);
    return codec_decode(f, body, strlen(body), sig, &o, r, err);
}

static void rows_are(enum codec_format f, const char *body, const float *want, int64_t rows)
{
    struct codec_request r;
    struct err err = {0};
    ck_ok(decode(f, body, &named, &r, &err), &err);
    ck_assert_int_eq(r.inputs[0].dims[0], rows);
    ck_assert_int_eq(r.inputs[0].dims[1], 4);
    const float *got = r.inputs[0].data;
    for (int64_t i = 0; i < rows * 4; i++)
        ck_assert_msg(got[i] == want[i] || (isnan(got[i]) && isnan(want[i])), "%s: %d: %g", body,
                      (int)i, (double)got[i]);
    codec_request_fini(&r);
}

START_TEST(json_objects_come_in_any_order)
{
    const float full[] = {1, 2, 3, 4, 5, 6, 7, 8}, holes[] = {NAN, 2, NAN, NAN, NAN, NAN, NAN, 8};
    rows_are(CODEC_JSON,
             "[{\"age\":1,\"income\":2,\"b c\":3,\"x\":4},{\"x\":8,\"b\\u0020c\":7,\"income\":6,"
             "\"age\":5}]",
             full, 2);
    rows_are(CODEC_JSON, "{\"instances\":[{\"income\":2,\"age\":null},{\"x\":8}]}", holes, 2);
    rows_are(CODEC_JSON, "[{},{\"x\":8}]", (const float[]){NAN, NAN, NAN, NAN, NAN, NAN, NAN, 8},
             2);
    /* the forms that models without names have stay as they are */
    rows_are(CODEC_JSON, "[[1,2,3,4],[5,6,7,8]]", full, 2);
    rows_are(CODEC_JSON, "[{\"x\":[1,2,3,4]},{\"x\":[5,6,7,8]}]", full, 2);
    rows_are(CODEC_JSON, "{\"inputs\":{\"x\":[[1,2,3,4],[5,6,7,8]]}}", full, 2);
    rows_are(CODEC_JSON, "[]", full, 0);
}
END_TEST

START_TEST(csv_columns_come_in_any_order)
{
    const float full[] = {1, 2, 3, 4, 5, 6, 7, 8}, holes[] = {NAN, 2, NAN, 1, NAN, 6, NAN, 5};
    rows_are(CODEC_CSV, "age,income,b c,x\n1,2,3,4\n5,6,7,8\n", full, 2);
    rows_are(CODEC_CSV, "x, \"b c\" ,income,age\r\n4,3,2,1\r\n8,7,6,5", full, 2);
    rows_are(CODEC_CSV, "x,income\n1,2\n5,6\n", holes, 2);
    rows_are(CODEC_CSV, "\"x\",\"b c\",\"income\",\"age\"\n\"4\",3,2,1\n8,7,6,5", full, 2);
    /* a header that names nothing is passed over */
    rows_are(CODEC_CSV, "0,1,2,3\n1,2,3,4\n5,6,7,8\n", full, 2);
}
END_TEST

START_TEST(wrong_names_are_refused)
{
    static const struct {
        const char *body, *says;
    } json[] = {
        {"[{\"agee\":1}]", "no column 'agee'; its first column is 'age'"},
        {"[{\"age\":1,\"income\":2,\"age\":3}]", "column 'age' came twice"},
        {"[{\"age\":\"1\"}]", "column 'age'"},
        {"[{\"income\":1,\"age\":[1]}]", "column 'age'"},
        {"[{\"age\":1e999}]", "column 'age'"},
        {"[{\"age\":1},[1,2,3,4]]", "'{'"},
        {"[{\"age\":1},{\"x\":[1,2,3,4]}]", "column 'x'"},
        {"[{\"age\":1", "'}'"},
        {"[{\"age\"", "':'"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(json); i++)
        case_refused(CODEC_JSON, json[i].body, &named, json[i].says);
    static const struct {
        const char *body, *says;
    } csv[] = {{"age,agee\n1,2\n", "field 2: the model has no column 'agee'"},
               {"age,age\n1,2\n", "'age' came twice"},
               {"age,\n1,2\n", "field 2: the model has no column ''"},
               {"age,income,b c,x,age\n1,2,3,4,5\n", "5 fields, the model has 4 columns"},
               {"age,x\n1\n", "row 1: 1 columns, expected 2"},
               {"age,x\n1,2,3\n", "row 1: more than 2 columns"},
               {"age,x\n1,2\n1,y\n", "row 2, column 2"},
               {"age,\"x\n1,2\n", "quote"},
               {"age,x\n", "no rows"}};
    for (size_t i = 0; i < ARRAY_COUNT(csv); i++) {
        struct codec_request r;
        struct err err = {0};
        ck_assert_int_eq(decode(CODEC_CSV, csv[i].body, &named, &r, &err), E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, csv[i].says), "%s: %s", csv[i].body, err.msg);
        codec_request_fini(&r);
    }
}
END_TEST

START_TEST(integers_cannot_be_missing)
{
    struct codec_request r;
    struct err err = {0};
    const int64_t want[] = {1, 9007199254740993, 3, 4};
    ck_ok(decode(CODEC_CSV, "x,b c,income,age\n4,3,9007199254740993,1\n", &whole, &r, &err), &err);
    ck_assert_mem_eq(r.inputs[0].data, want, sizeof(want));
    codec_request_fini(&r);
    case_refused(CODEC_JSON, "[{\"age\":1,\"x\":2,\"b c\":3}]", &whole, "'income' is missing");
    ck_assert_int_eq(decode(CODEC_CSV, "x,age\n1,2\n", &whole, &r, &err), E_BAD_INPUT);
    codec_request_fini(&r);
}
END_TEST

START_TEST(inputs_of_one_column_come_by_their_names)
{
    static const struct {
        enum codec_format f;
        const char *body;
    } good[] = {{CODEC_CSV, "n,r,age\n2,3,1\n5,6,4\n"},
                {CODEC_CSV, "0,1,2\n1,2,3\n4,5,6\n"},
                {CODEC_JSON, "[{\"n\":2,\"r\":3,\"age\":1},{\"age\":4,\"n\":5,\"r\":6}]"},
                {CODEC_JSON, "[{\"n\":[2],\"r\":3,\"age\":[1]},{\"age\":4,\"n\":[5],\"r\":6}]"}};
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct codec_request r;
        struct err err = {0};
        ck_ok(decode(good[i].f, good[i].body, &table, &r, &err), &err);
        ck_assert_int_eq(r.inputs[0].dims[0], 2);
        ck_assert_int_eq(r.inputs[0].dims[1], 1);
        ck_assert_mem_eq(r.inputs[0].data, ((const float[]){1, 4}), 2 * sizeof(float));
        ck_assert_mem_eq(r.inputs[1].data, ((const int64_t[]){2, 5}), 2 * sizeof(int64_t));
        ck_assert_mem_eq(r.inputs[2].data, ((const double[]){3, 6}), 2 * sizeof(double));
        codec_request_fini(&r);
    }
    struct codec_request r;
    struct err err = {0};
    ck_assert_int_eq(decode(CODEC_CSV, "n,age\n1,2\n", &table, &r, &err), E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "input 'r' is missing"));
    codec_request_fini(&r);
    case_refused(CODEC_JSON, "[{\"n\":1,\"r\":2,\"age\":3,\"z\":4}]", &table, "no input 'z'");
    case_refused(CODEC_JSON, "{\"inputs\":{\"n\":1,\"r\":[2],\"age\":[[3]]}}", &table, "input 'n'");
}
END_TEST

START_TEST(each_failed_allocation_is_an_error_without_a_leak)
{
    static const struct {
        enum codec_format f;
        const char *body;
    } cases[] = {{CODEC_JSON, "[{\"age\":1,\"x\":2},{\"income\":3}]"},
                 {CODEC_CSV, "x,age\n1,2\n3,4\n"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        for (uint64_t n = 1;; n++) {
            struct codec_request r;
            struct err err = {0};
            int64_t live = alloc_live();
            alloc_fail_at(n);
            enum status s = decode(cases[i].f, cases[i].body, &named, &r, &err);
            bool reached = alloc_calls() >= n;
            alloc_fail_at(0);
            codec_request_fini(&r);
            ck_assert_int_eq(alloc_live(), live);
            ck_assert_int_eq(s, reached ? E_NO_MEMORY : OK);
            if (!reached)
                break;
        }
}
END_TEST

Suite *suite_columns(void)
{
    return SUITE("columns", json_objects_come_in_any_order, csv_columns_come_in_any_order,
                 wrong_names_are_refused, integers_cannot_be_missing,
                 inputs_of_one_column_come_by_their_names,
                 each_failed_allocation_is_an_error_without_a_leak);
}
