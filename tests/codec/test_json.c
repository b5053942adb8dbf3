/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The four JSON forms in and out, and every way in which a body is refused. */
#include <math.h>
#include <stdio.h>

#include "base/alloc.h"
#include "codec_case.h"

static void reply_is(const struct signature *sig, const struct tensor *outputs,
                     const struct codec_request *r, const struct codec_options *o,
                     const char *expected)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, 0);
    ck_ok(codec_encode(CODEC_JSON, sig, outputs, r, o, &out, &err), &err);
    ck_assert_int_eq(buf_terminate(&out), OK);
    ck_assert_str_eq((char *)out.data, expected);
    buf_fini(&out);
}

START_TEST(one_input_comes_in_every_form)
{
    static const char *const bodies[] = {
        "[[1,2],[3,4.5]]",
        " {\"instances\": [[1, 2], [3, 4.5]] } ",
        "{\"signature_name\":\"x\",\"instances\":[{\"x\":[1,2]},{\"x\":[3,4.5]}]}",
        "{\"inputs\":{\"x\":[[1,2],[3,4.5]]}}",
        "{\"inputs\":[[1,2],[3,4.5]]}",
        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[2,2],\"data\":[1,2,3,4.5]}]"
        "}",
        "{\"id\":\"7\",\"inputs\":[{\"data\":[[1,2],[3,4.5]],\"shape\":[2,2],\"name\":\"x\","
        "\"datatype\":\"FP32\"}],\"parameters\":{\"a\":[true,null]}}",
        "{\"\\u0069nstances\":[[1,2],[3,4.5e0]]}"};
    static const float want[] = {1, 2, 3, 4.5f};
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        struct codec_request r;
        struct err err = {0};
        ck_ok(case_decode(CODEC_JSON, bodies[i], strlen(bodies[i]), &case_one, &r, &err), &err);
        ck_assert_int_eq(r.inputs[0].dims[0], 2);
        ck_assert_int_eq(r.inputs[0].dims[1], 2);
        ck_assert_mem_eq(r.inputs[0].data, want, sizeof(want));
        codec_request_fini(&r);
    }
}
END_TEST

START_TEST(a_batch_may_be_empty)
{
    static const char *const bodies[] = {
        "[]", "{\"instances\":[]}", "{\"inputs\":{\"x\":[]}}",
        "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[0,2],\"data\":[]}]}"};
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        struct codec_request r;
        struct err err = {0};
        ck_ok(case_decode(CODEC_JSON, bodies[i], strlen(bodies[i]), &case_one, &r, &err), &err);
        ck_assert_int_eq(r.inputs[0].dims[0], 0);
        ck_assert_int_eq(r.inputs[0].dims[1], 2);
        codec_request_fini(&r);
    }
}
END_TEST

START_TEST(several_inputs_come_by_name)
{
    static const char *const bodies[] = {
        "[{\"a\":9007199254740993,\"b\":[1,2],\"c\":true},{\"c\":false,\"a\":-1,\"b\":[3,4]}]",
        "{\"inputs\":{\"a\":[9007199254740993,-1],\"b\":[[1,2],[3,4]],\"c\":[true,0]}}"};
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        struct codec_request r;
        struct err err = {0};
        ck_ok(case_decode(CODEC_JSON, bodies[i], strlen(bodies[i]), &case_many, &r, &err), &err);
        ck_assert_int_eq(((int64_t *)r.inputs[0].data)[0], INT64_C(9007199254740993));
        ck_assert_int_eq(((int64_t *)r.inputs[0].data)[1], -1);
        ck_assert_float_eq(((float *)r.inputs[1].data)[3], 4);
        ck_assert_int_eq(((uint8_t *)r.inputs[2].data)[0], 1);
        ck_assert_int_eq(((uint8_t *)r.inputs[2].data)[1], 0);
        codec_request_fini(&r);
    }
}
END_TEST

START_TEST(null_is_a_missing_float)
{
    struct codec_request r;
    struct err err = {0};
    const char *body = "[[1,null]]";
    ck_ok(case_decode(CODEC_JSON, body, strlen(body), &case_one, &r, &err), &err);
    ck_assert(isnan(((float *)r.inputs[0].data)[1]));
    codec_request_fini(&r);
    case_refused(CODEC_JSON, "{\"inputs\":{\"a\":[null],\"b\":[[1,2]],\"c\":[true]}}", &case_many,
                 "input 'a'");
}
END_TEST

START_TEST(bad_bodies_are_refused_by_name)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"", "found the end"},
        {"7", "expected an object or an array"},
        {"{}", "neither"},
        {"[[]]", "dimension 1 is 0, expected 2"},
        {"[1,2]", "nested 1 deep"},
        {"[[[1,2]]]", "nested deeper than its rank 2"},
        {"[[1,2],[3]]", "dimension 1 is 1, expected 2"},
        {"[[1,2,3]]", "dimension 1 is 3, expected 2"},
        {"[[1,2]", "found the end"},
        {"[[1,2]]x", "expected the end"},
        {"[[1,2],]", "input 'x'"},
        {"[[1,]]", "less deep"},
        {"[[1,NaN]]", "expected a number"},
        {"[[1,Infinity]]", "expected a number"},
        {"[[1,1e39]]", "out of range"},
        {"[[1,\"2\"]]", "a string at byte 4; expected float32"},
        {"[[1,true]]", "a boolean"},
        {"[[01,2]]", "expected"},
        {"{\"instances\":[[1,2]],\"inputs\":{\"x\":[[1,2]]}}", "one of instances and inputs"},
        {"{\"instances\":[[1,2]],\"instances\":[[1,2]]}", "each key once"},
        {"{\"instances\":3}", "an array of instances"},
        {"{\"rows\":[[1,2]]}", "unknown key 'rows'"},
        {"{\"inputs\":{\"z\":[[1,2]]}}", "no input 'z'; its first input is 'x'"},
        {"{\"inputs\":{}}", "input 'x' is missing"},
        {"{\"inputs\":{\"x\":[[1,2]],\"x\":[[1,2]]}}", "came twice"},
        {"{\"inputs\":[{\"name\":\"x\",\"datatype\":\"INT64\",\"shape\":[1,2],\"data\":[1,2]}]}",
         "datatype INT64, expected FP32"},
        {"{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[2,2],\"data\":[1,2]}]}",
         "2 elements came"},
        {"{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[2],\"data\":[1,2]}]}",
         "rank 1, expected rank 2"},
        {"{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,-2],\"data\":[1,2]}]}",
         "not a dimension"},
        {"{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[4611686018427387904,2],"
         "\"data\":[]}]}",
         "0 elements came"},
        {"{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"data\":[1,2]}]}", "lacks \"datatype\""},
        {"{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,2],\"data\":[1,2]}],"
         "\"outputs\":[{\"name\":\"z\"}]}",
         "no output 'z'"},
        {"{\"a\\u0000\":1}", "a valid string character"},
        {"{\"a\\ud800\":1}", "a valid string character"},
        {"{\"a\n\":1}", "a valid string character"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        case_refused(CODEC_JSON, cases[i].body, &case_one, cases[i].says);
}
END_TEST

START_TEST(nesting_is_bounded_everywhere)
{
    char deep[1000];
    memset(deep, '[', sizeof(deep));
    deep[sizeof(deep) - 1] = 0;
    case_refused(CODEC_JSON, deep, &case_one, "nested");
    char body[1200];
    snprintf(body, sizeof(body), "{\"parameters\":%s", deep);
    case_refused(CODEC_JSON, body, &case_one, "nested deeper than 64");
    snprintf(body, sizeof(body),
             "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,2],\"data\":%s",
             deep);
    case_refused(CODEC_JSON, body, &case_one, "nested deeper than 64");
}
END_TEST

START_TEST(replies_mirror_the_request)
{
    float p[] = {0.5f, NAN};
    int64_t q[] = {1, INT64_C(9007199254740993), -3, 4};
    struct tensor outputs[] = {{DT_F32, 1, {2}, p}, {DT_I64, 2, {2, 2}, q}};
    struct codec_options o = {.model_name = "m", .model_version = "3"};
    struct codec_request r;
    codec_request_init(&r, NULL, NULL);
    r.form = JSON_INSTANCES;
    reply_is(
        &case_many, outputs, &r, &o,
        "{\"predictions\":[{\"p\":0.5,\"q\":[1,9007199254740993]},{\"p\":null,\"q\":[-3,4]}]}");
    r.form = JSON_INPUTS;
    reply_is(&case_many, outputs, &r, &o,
             "{\"outputs\":{\"p\":[0.5,null],\"q\":[[1,9007199254740993],[-3,4]]}}");
    o.nan_token = true;
    strcpy(r.id, "a\"b");
    r.form = JSON_V2;
    reply_is(
        &case_many, outputs, &r, &o,
        "{\"model_name\":\"m\",\"model_version\":\"3\",\"id\":\"a\\\"b\",\"outputs\":["
        "{\"name\":\"p\",\"datatype\":\"FP32\",\"shape\":[2],\"data\":[0.5,NaN]},"
        "{\"name\":\"q\",\"datatype\":\"INT64\",\"shape\":[2,2],\"data\":[1,9007199254740993,-3,"
        "4]}]}");
    r.wanted[0] = 2;
    r.form = JSON_INSTANCES;
    reply_is(&case_many, outputs, &r, &o, "{\"predictions\":[[1,9007199254740993],[-3,4]]}");
}
END_TEST

START_TEST(outputs_without_a_common_item_need_the_other_form)
{
    float p[] = {1, 2, 3};
    int64_t q[] = {1, 2};
    struct tensor outputs[] = {{DT_F32, 1, {3}, p}, {DT_I64, 2, {1, 2}, q}};
    struct codec_options o = {0};
    struct codec_request r;
    struct buf out;
    struct err err = {0};
    codec_request_init(&r, NULL, NULL);
    buf_init(&out, 0);
    ck_assert_int_eq(codec_encode(CODEC_JSON, &case_many, outputs, &r, &o, &out, &err),
                     E_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(err.msg, "output 'q'"));
    buf_fini(&out);
}
END_TEST

/* Every truncation and every changed byte ends in a status, under whatever sanitizer runs. */
START_TEST(mangled_bodies_end_in_a_status)
{
    static const char *const bodies[] = {
        "{\"id\":\"q\\u00e9\",\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1,2],"
        "\"data\":[1.5e0,-2]}],\"outputs\":[{\"name\":\"y\"}]}",
        "{\"instances\":[{\"x\":[1,2]},{\"x\":[3,null]}]}"};
    for (size_t k = 0; k < ARRAY_COUNT(bodies); k++) {
        char text[256];
        size_t n = strlen(bodies[k]);
        for (size_t cut = 0; cut <= n; cut++)
            for (int flip = 0; flip < 8; flip++) {
                struct codec_request r;
                struct err err = {0};
                memcpy(text, bodies[k], n);
                if (cut < n)
                    text[cut] = (char)(text[cut] ^ 1 << flip);
                enum status s = case_decode(CODEC_JSON, text, flip ? n : cut, &case_one, &r, &err);
                ck_assert(s == OK || (s == E_BAD_INPUT && err.msg[0]));
                codec_request_fini(&r);
            }
    }
}
END_TEST

START_TEST(each_failed_allocation_is_an_error_without_a_leak)
{
    const char *body = "[{\"a\":1,\"b\":[1,2],\"c\":true},{\"a\":2,\"b\":[3,4],\"c\":false}]";
    int64_t before = alloc_live();
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        struct codec_request r;
        struct err err = {0};
        alloc_fail_at(n);
        s = case_decode(CODEC_JSON, body, strlen(body), &case_many, &r, &err);
        ck_assert(s == OK || s == E_NO_MEMORY);
        alloc_fail_at(0);
        codec_request_fini(&r);
        ck_assert_int_eq(alloc_live(), before);
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

static bool refuse_beyond(void *arg, int64_t delta)
{
    int64_t *left = arg;
    if (delta > *left)
        return false;
    *left -= delta;
    return true;
}

START_TEST(decoded_bytes_are_charged_and_refunded)
{
    struct codec_request r;
    struct err err = {0};
    struct codec_options o = {0};
    const char *body = "[[1,2],[3,4]]";
    int64_t left = 8;
    codec_request_init(&r, refuse_beyond, &left);
    ck_assert_int_eq(codec_decode(CODEC_JSON, body, strlen(body), &case_one, &o, &r, &err),
                     E_NO_MEMORY);
    codec_request_fini(&r);
    ck_assert_int_eq(left, 8);
    left = 1000;
    ck_ok(codec_decode(CODEC_JSON, body, strlen(body), &case_one, &o, &r, &err), &err);
    ck_assert_int_lt(left, 1000);
    codec_request_fini(&r);
    ck_assert_int_eq(left, 1000);
}
END_TEST

Suite *suite_json(void)
{
    return SUITE("json", one_input_comes_in_every_form, a_batch_may_be_empty,
                 several_inputs_come_by_name, null_is_a_missing_float,
                 bad_bodies_are_refused_by_name, nesting_is_bounded_everywhere,
                 replies_mirror_the_request, outputs_without_a_common_item_need_the_other_form,
                 mangled_bodies_end_in_a_status, each_failed_allocation_is_an_error_without_a_leak,
                 decoded_bytes_are_charged_and_refunded);
}
