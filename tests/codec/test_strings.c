/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Strings in and out of every format: what comes back is byte for byte what was meant, and bytes
 * that are no text are refused with the input's name. */
#include "base/alloc.h"
#include "codec_case.h"
#include "tensor/text.h"

/* Inputs s string [N,2] and v float32 [N]; outputs t string [N] and u string [N,2]. */
static const struct port in_ports[] = {{"s", DT_STRING, 2, {-2, 2}}, {"v", DT_F32, 1, {-2}}};
static const struct port out_ports[] = {{"t", DT_STRING, 1, {-2}}, {"u", DT_STRING, 2, {-2, 2}}};
static const struct signature mixed = {in_ports, out_ports, 2, 2, case_symbols, 1, {0}};
static const struct port one_in[] = {{"s", DT_STRING, 1, {-2}}};
static const struct signature one = {one_in, out_ports, 1, 1, case_symbols, 1, {0}};

static void expect(const struct tensor *t, int64_t i, const char *want)
{
    struct text v = text_get(t, i);
    ck_assert_msg(v.len == strlen(want) && (!v.len || memcmp(v.at, want, v.len) == 0),
                  "element %d is '%.*s', expected '%s'", (int)i, (int)v.len, v.len ? v.at : "",
                  want);
}

START_TEST(every_json_form_takes_strings)
{
    static const char *const bodies[] = {
        "{\"instances\": [{\"s\": [\"a\", \"\"], \"v\": 1}, {\"s\": [\"b,\\\"c\", \"d\"], \"v\": "
        "2}]}",
        "{\"inputs\": {\"v\": [1, 2], \"s\": [[\"a\", \"\"], [\"b,\\\"c\", \"d\"]]}}",
        "{\"inputs\": [{\"name\": \"v\", \"datatype\": \"FP32\", \"shape\": [2], \"data\": [1, 2]},"
        "{\"name\": \"s\", \"datatype\": \"BYTES\", \"shape\": [2, 2],"
        " \"data\": [\"a\", \"\", \"b,\\\"c\", \"d\"]}]}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        struct codec_request r;
        struct err err = {0};
        ck_ok(case_decode(CODEC_JSON, bodies[i], strlen(bodies[i]), &mixed, &r, &err), &err);
        ck_assert_int_eq(r.inputs[0].dims[0], 2);
        expect(&r.inputs[0], 0, "a");
        expect(&r.inputs[0], 1, "");
        expect(&r.inputs[0], 2, "b,\"c");
        expect(&r.inputs[0], 3, "d");
        codec_request_fini(&r);
    }
}
END_TEST

START_TEST(escapes_become_utf8)
{
    struct codec_request r;
    struct err err = {0};
    const char *body = "[\"\\u00e9\\t\\\\\", \"\\ud83d\\ude00\", \"\xc3\xa9\", \"\"]";
    ck_ok(case_decode(CODEC_JSON, body, strlen(body), &one, &r, &err), &err);
    expect(&r.inputs[0], 0, "\xc3\xa9\t\\");
    expect(&r.inputs[0], 1, "\xf0\x9f\x98\x80");
    expect(&r.inputs[0], 2, "\xc3\xa9");
    expect(&r.inputs[0], 3, "");
    codec_request_fini(&r);
}
END_TEST

START_TEST(only_empty_strings_need_no_texts)
{
    struct codec_request r;
    struct err err = {0};
    ck_ok(case_decode(CODEC_JSON, "[\"\",\"\"]", 7, &one, &r, &err), &err);
    ck_assert_int_eq(r.inputs[0].dims[0], 2);
    expect(&r.inputs[0], 1, "");
    codec_request_fini(&r);
}
END_TEST

START_TEST(what_is_no_string_is_refused_by_name)
{
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"[1]", "input 's': a number or a boolean came; expected string"},
        {"[true]", "input 's': a boolean at byte 1; expected string"},
        {"[null]", "input 's': a missing or special value; expected string"},
        {"[\"a\xff\"]", "input 's': bytes that are not UTF-8, or a NUL, came; expected string"},
        {"[\"\\u0000\"]", "input 's': JSON at byte"},
        {"[\"\\ud800\"]", "input 's': JSON at byte"},
        {"[\"a\nb\"]", "input 's': JSON at byte"},
        {"[\"abc", "input 's': JSON at byte"},
        {"[\"abc\\", "input 's': JSON at byte"},
        {"[[\"a\"]]", "input 's': nested deeper"},
        {"{\"inputs\": [{\"name\": \"s\", \"datatype\": \"FP32\", \"shape\": [1], \"data\": [1]}]}",
         "datatype FP32, expected BYTES"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        case_refused(CODEC_JSON, cases[i].body, &one, cases[i].says);
    case_refused(CODEC_JSON, "{\"inputs\": {\"v\": [\"1\"]}}", &mixed,
                 "input 'v': a string at byte 18; expected float32");
    case_refused(CODEC_NPY, "\x93NUMPY", &one, "input 's' is of strings, which npy does not carry");
}
END_TEST

START_TEST(csv_fields_are_strings_as_they_stand)
{
    struct codec_request r;
    struct err err = {0};
    const char *body = " a ,\"x,\n\"\"y\"\"\",1\r\n,\"\" , 2 \r\n\"caf\xc3\xa9\",5\" pipe,\"3\"";
    ck_ok(case_decode(CODEC_CSV, body, strlen(body), &mixed, &r, &err), &err);
    ck_assert_int_eq(r.inputs[0].dims[0], 3);
    static const char *const want[] = {" a ", "x,\n\"y\"", "", "", "caf\xc3\xa9", "5\" pipe"};
    for (int i = 0; i < 6; i++)
        expect(&r.inputs[0], i, want[i]);
    ck_assert_float_eq(((float *)r.inputs[1].data)[2], 3);
    codec_request_fini(&r);
}
END_TEST

START_TEST(bad_csv_fields_are_refused_by_place)
{
    case_refused(CODEC_CSV, "a,b,1\na,\"b", &mixed, "row 2, column 2: its quote is not closed");
    case_refused(CODEC_CSV, "\"a", &mixed, "row 1, column 1: its quote is not closed");
    case_refused(CODEC_CSV, "\"a\"b,c,1", &mixed, "something follows its closing quote");
    case_refused(CODEC_CSV, "a,\xff,1", &mixed, "row 1, column 2: input 's': bytes that are not");
    case_refused(CODEC_CSV, "a,b,c", &mixed, "row 1, column 3: input 'v': 'c' is not a number");
    case_refused(CODEC_CSV, "a,b", &mixed, "row 1: 2 columns, expected 3");
    case_refused(CODEC_CSV, "a,b,1,2", &mixed, "row 1: more than 3 columns");
    case_refused(CODEC_CSV, "a,b,1,", &mixed, "row 1: more than 3 columns");
    struct codec_request r;
    struct err err = {0};
    ck_assert_int_eq(case_decode(CODEC_CSV, "a\0b,c,1", 7, &mixed, &r, &err), E_BAD_INPUT);
    codec_request_fini(&r);
}
END_TEST

static void reply(enum codec_format f, enum json_form form, const char *want)
{
    struct text t[2] = {{"x", 1}, {NULL, 0}}, u[4] = {{"a,b", 3}, {"\"", 1}, {" c", 2}, {"d", 1}};
    const struct tensor outputs[] = {{.dtype = DT_STRING, .rank = 1, .dims = {2}, .data = t},
                                     {.dtype = DT_STRING, .rank = 2, .dims = {2, 2}, .data = u}};
    struct codec_options o = {.model_name = "m"};
    struct codec_request r;
    struct err err = {0};
    struct buf out;
    codec_request_init(&r, NULL, NULL);
    r.form = form;
    buf_init(&out, 0);
    ck_ok(codec_encode(f, &mixed, outputs, &r, &o, &out, &err), &err);
    ck_assert_int_eq(buf_terminate(&out), OK);
    ck_assert_str_eq((char *)out.data, want);
    buf_fini(&out);
}

START_TEST(replies_hold_strings)
{
    reply(CODEC_JSON, JSON_INSTANCES,
          "{\"predictions\":[{\"t\":\"x\",\"u\":[\"a,b\",\"\\\"\"]},"
          "{\"t\":\"\",\"u\":[\" c\",\"d\"]}]}");
    reply(CODEC_JSON, JSON_INPUTS,
          "{\"outputs\":{\"t\":[\"x\",\"\"],\"u\":[[\"a,b\",\"\\\"\"],[\" c\",\"d\"]]}}");
    reply(CODEC_JSON, JSON_V2,
          "{\"model_name\":\"m\",\"outputs\":[{\"name\":\"t\",\"datatype\":\"BYTES\",\"shape\":[2],"
          "\"data\":[\"x\",\"\"]},{\"name\":\"u\",\"datatype\":\"BYTES\",\"shape\":[2,2],"
          "\"data\":[\"a,b\",\"\\\"\",\" c\",\"d\"]}]}");
    reply(CODEC_CSV, JSON_INSTANCES, "x,\"a,b\",\"\"\"\"\n\"\",\" c\",d\n");
}
END_TEST

START_TEST(npy_replies_of_strings_are_refused_by_name)
{
    struct text t[1] = {{"x", 1}};
    const struct tensor output = {.dtype = DT_STRING, .rank = 1, .dims = {1}, .data = t};
    struct codec_options o = {0};
    struct codec_request r;
    struct err err = {0};
    struct buf out;
    codec_request_init(&r, NULL, NULL);
    buf_init(&out, 0);
    ck_assert_int_eq(codec_encode(CODEC_NPY, &one, &output, &r, &o, &out, &err), E_BAD_INPUT);
    ck_assert(strstr(err.msg, "output 't' is of strings") != NULL);
    buf_fini(&out);
}
END_TEST

START_TEST(no_allocation_is_missed)
{
    static const struct {
        enum codec_format f;
        const char *body;
    } cases[] = {
        {CODEC_JSON, "{\"inputs\": {\"v\": [1, 2], \"s\": [[\"a\", \"\\t\"], [\"b\", \"d\"]]}}"},
        {CODEC_CSV, "a,\"b \"\" c\",1\nd,e,2\n"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t live = alloc_live();
        enum status s = E_NO_MEMORY;
        for (uint64_t n = 1; s != OK; n++) {
            struct codec_request r;
            struct err err = {0};
            alloc_fail_at(n);
            s = case_decode(cases[i].f, cases[i].body, strlen(cases[i].body), &mixed, &r, &err);
            ck_assert_msg(s == OK ? alloc_calls() < n : s == E_NO_MEMORY, "call %d: %s", (int)n,
                          err.msg);
            codec_request_fini(&r);
            ck_assert_int_eq(alloc_live(), live);
        }
        alloc_fail_at(0);
    }
}
END_TEST

Suite *suite_strings(void)
{
    return SUITE("strings", every_json_form_takes_strings, escapes_become_utf8,
                 only_empty_strings_need_no_texts, what_is_no_string_is_refused_by_name,
                 csv_fields_are_strings_as_they_stand, bad_csv_fields_are_refused_by_place,
                 replies_hold_strings, npy_replies_of_strings_are_refused_by_name,
                 no_allocation_is_missed);
}
