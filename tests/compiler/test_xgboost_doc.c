/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The JSON and UBJSON cursors on what is well formed and on what is not, and decimal text against
 * strtof. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/xgboost/doc.h"
#include "support/support.h"

static enum status skip_all(const void *bytes, size_t n, bool ubj, struct err *err)
{
    struct doc d;
    if (ubj)
        doc_init_ubj(&d, bytes, n, err);
    else
        doc_init_json(&d, bytes, n, err);
    enum status s = doc_skip(&d);
    return s == OK ? doc_end(&d) : s;
}

START_TEST(json_takes_what_is_well_formed)
{
    static const char *const good[] = {
        "1",
        " [ ] ",
        "{}",
        "[1,2,[3]]",
        "null",
        "[true,false]",
        "[NaN,-1]",
        "[Infinity,-Infinity]",
        "\"\\\"\"",
        "{\"a\":{}}",
        "{\"a\":1,\"b\":[{\"c\":null}]}\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct err err = {0};
        enum status s = skip_all(good[i], strlen(good[i]), false, &err);
        ck_assert_msg(s == OK, "%s: %s", good[i], err.msg);
    }
}
END_TEST

START_TEST(json_refuses_what_is_not)
{
    static const char *const bad[] = {
        "",    "[",     "]",       "[1",       "[1,",      "[1,]",      "[,1]",  "[1 2]",
        "{",   "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\" 1}", "{,}",   "{\"a\":1,}",
        "\"",  "\"\\",  "\"\\\"",  "\"\x01\"", "nul",      "truth",     "nan",   "-Infinit",
        "1 1", "[]]",   "[}",      "{]",       "+1",       "'a'",       "[1;2]", "\xff",
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct err err = {0};
        enum status s = skip_all(bad[i], strlen(bad[i]), false, &err);
        ck_assert_msg(s == E_CORRUPT, "%s: %s", bad[i], status_name(s));
        ck_assert_ptr_nonnull(strstr(err.msg, "JSON, byte"));
    }
}
END_TEST

#define BYTES(s)                                                                                   \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }
struct bytes {
    const char *p;
    size_t n;
};

START_TEST(ubjson_takes_what_is_well_formed)
{
    static const struct bytes good[] = {
        BYTES("Z"),
        BYTES("NNi\x05N"),
        BYTES("[]"),
        BYTES("{}"),
        BYTES("[i\x01U\xffI\x01\x02l\x01\x02\x03\x04L\1\2\3\4\5\6\7\x08]"),
        BYTES("[#i\x02TF"),
        BYTES("[$d#i\x01\x3f\x80\x00\x00"),
        BYTES("[$S#i\x02i\x01"
              "ai\x00"),
        BYTES("[$C#i\x02"
              "ab"),
        BYTES("{i\x01"
              "aZi\x01"
              "b{}}"),
        BYTES("{#i\x01i\x01"
              "a[]"),
        BYTES("{$U#i\x02i\x01"
              "a\x01i\x01"
              "b\x02"),
        BYTES("SL\x00\x00\x00\x00\x00\x00\x00\x02hi"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        struct err err = {0};
        enum status s = skip_all(good[i].p, good[i].n, true, &err);
        ck_assert_msg(s == OK, "case %zu: %s", i, err.msg);
    }
}
END_TEST

START_TEST(ubjson_refuses_what_is_not)
{
    static const struct bytes bad[] = {
        BYTES(""),
        BYTES("["),
        BYTES("{"),
        BYTES("]"),
        BYTES("ZZ"),
        BYTES("l\x01\x02\x03"),
        BYTES("D\x01\x02\x03\x04\x05\x06\x07"),
        BYTES("C"),
        BYTES("Hi\x01"
              "5"), /* high precision */
        BYTES("Si\x02"
              "a"), /* string cut */
        BYTES("Si\xff"
              "a"), /* negative length */
        BYTES("Sd\x3f\x80\x00\x00"
              "a"), /* length is a real */
        BYTES("SL\x7f\xff\xff\xff\xff\xff\xff\xff"
              "a"),                                     /* length lies */
        BYTES("[#L\x7f\xff\xff\xff\xff\xff\xff\xff"),   /* count lies */
        BYTES("[#L\xff\xff\xff\xff\xff\xff\xff\xff"),   /* count negative */
        BYTES("[$d#i\x02\x00\x00\x00\x00\x00\x00\x00"), /* count one byte short */
        BYTES("[$L#L\x20\x00\x00\x00\x00\x00\x00\x01"), /* bytes would overflow */
        BYTES("[$Z#i\x7f"),                             /* items of no bytes */
        BYTES("[$T#i\x00"),
        BYTES("[$[#i\x00"),
        BYTES("[$di\x00"), /* a type without a count */
        BYTES("[$"),
        BYTES("[$d"),
        BYTES("[$d#"),
        BYTES("[#i\x02Z"),
        BYTES("{#i\x01"),
        BYTES("{i\x01"
              "a}"), /* a key without a value */
        BYTES("{Zi\x01"
              "aZ}"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct err err = {0};
        enum status s = skip_all(bad[i].p, bad[i].n, true, &err);
        ck_assert_msg(s == E_CORRUPT, "case %zu: %s", i, status_name(s));
        ck_assert_ptr_nonnull(strstr(err.msg, "UBJSON, byte"));
    }
}
END_TEST

START_TEST(depth_is_bounded_in_both)
{
    for (int ubj = 0; ubj < 2; ubj++)
        for (size_t deep = DOC_DEPTH_MAX; deep <= DOC_DEPTH_MAX + 1; deep++) {
            char text[2 * (DOC_DEPTH_MAX + 1)];
            struct err err = {0};
            memset(text, '[', deep);
            memset(text + deep, ']', deep);
            enum status s = skip_all(text, 2 * deep, ubj, &err);
            ck_assert_int_eq(s, deep > DOC_DEPTH_MAX ? E_CORRUPT : OK);
        }
}
END_TEST

START_TEST(a_million_open_brackets_cost_nothing)
{
    enum { MANY = 1000000 };
    char *text = malloc(MANY);
    struct err err = {0};
    memset(text, '[', MANY);
    ck_assert_int_eq(skip_all(text, MANY, false, &err), E_CORRUPT);
    ck_assert_int_eq(skip_all(text, MANY, true, &err), E_CORRUPT);
    free(text);
}
END_TEST

START_TEST(values_convert_as_asked)
{
    static const char text[] =
        "[12,\"-7\",true,false,1.5,\"5E-1\",NaN,-Infinity,1e99,null,\"x\",{}]";
    static const struct {
        bool is_int, is_float;
        int64_t i;
        float f;
    } expected[] = {{true, true, 12, 12},  {true, true, -7, -7},        {true, false, 1, 0},
                    {true, false, 0, 0},   {false, true, 0, 1.5f},      {false, true, 0, 0.5f},
                    {false, true, 0, NAN}, {false, true, 0, -INFINITY}, {false, true, 0, INFINITY},
                    {false, false, 0, 0},  {false, false, 0, 0},        {false, false, 0, 0}};
    struct doc d;
    struct doc_value v;
    struct err err = {0};
    bool more;
    doc_init_json(&d, text, strlen(text), &err);
    ck_ok(doc_expect(&d, DOC_ARRAY, &v), &err);
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        int64_t n = 0;
        float f = 0;
        ck_ok(doc_item(&d, &more), &err);
        ck_assert(more);
        ck_ok(doc_value(&d, &v), &err);
        ck_assert_int_eq(doc_int(&v, &n), expected[i].is_int);
        ck_assert_int_eq(doc_float(&v, &f), expected[i].is_float);
        ck_assert(!expected[i].is_int || n == expected[i].i);
        ck_assert(!expected[i].is_float || memcmp(&f, &expected[i].f, 4) == 0 ||
                  (isnan(f) && isnan(expected[i].f)));
    }
}
END_TEST

static void equals_strtof(const char *text)
{
    float ours = -1, theirs = strtof(text, NULL);
    ck_assert_msg(decimal_float((const uint8_t *)text, strlen(text), &ours), "%s", text);
    ck_assert_msg(memcmp(&ours, &theirs, 4) == 0, "%s: %a, expected %a", text, (double)ours,
                  (double)theirs);
}

START_TEST(decimals_equal_strtof)
{
    static const char *const hard[] = {"0",
                                       "-0",
                                       "1",
                                       "0.1",
                                       "-0.1e1",
                                       "1E5",
                                       ".5",
                                       "5.",
                                       "16777217",
                                       "16777217.0000001",
                                       "16777216.9999999",
                                       "1.00000005960464477539062",
                                       "1.00000005960464477539063",
                                       "1.000000059604645",
                                       "3.4028235e38",
                                       "3.4028236e38",
                                       "1e39",
                                       "1.17549435e-38",
                                       "1e-45",
                                       "7e-46",
                                       "6e-46",
                                       "123456789012345678901234567890",
                                       "0.000000000000000000000000000001",
                                       "1e22",
                                       "1e23",
                                       "1e-22",
                                       "1e-23",
                                       "00000000000000000000000012",
                                       "9007199254740993"};
    for (size_t i = 0; i < ARRAY_COUNT(hard); i++)
        equals_strtof(hard[i]);
    uint32_t bits = 12345;
    for (int i = 0; i < 60000; i++) {
        bits = bits * 1664525u + 1013904223u;
        float f;
        char text[40];
        memcpy(&f, &bits, 4);
        if (!isfinite(f))
            continue;
        snprintf(text, sizeof(text),
                 i % 3 == 0   ? "%.9g"
                 : i % 3 == 1 ? "%.8E"
                              : "%.17g",
                 (double)f);
        equals_strtof(text);
    }
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
    static const char *const bad[] = {"",   "-",    ".",    "e5", "1e",      "1e+",   "1.2.3",
                                      "1 ", " 1",   "0x10", "1f", "1e99999", "--1",   "infinit",
                                      "in", "nano", "-",    "1-", "[1]",     "1e5.0", "+-1"};
    float f;
    int64_t i;
    for (size_t k = 0; k < ARRAY_COUNT(bad); k++) {
        ck_assert_msg(!decimal_float((const uint8_t *)bad[k], strlen(bad[k]), &f), "%s", bad[k]);
        ck_assert_msg(!decimal_int((const uint8_t *)bad[k], strlen(bad[k]), &i), "%s", bad[k]);
    }
    char lengthy[200];
    memset(lengthy, '1', sizeof(lengthy));
    ck_assert(!decimal_float((const uint8_t *)lengthy, sizeof(lengthy), &f));
    ck_assert(!decimal_int((const uint8_t *)"9223372036854775808", 19, &i));
    ck_assert(decimal_int((const uint8_t *)"-9223372036854775808", 20, &i));
    ck_assert(i == INT64_MIN);
}
END_TEST

Suite *suite_xgboost_doc(void)
{
    return SUITE("xgboost_doc", json_takes_what_is_well_formed, json_refuses_what_is_not,
                 ubjson_takes_what_is_well_formed, ubjson_refuses_what_is_not,
                 depth_is_bounded_in_both, a_million_open_brackets_cost_nothing,
                 values_convert_as_asked, decimals_equal_strtof, what_is_no_number_is_refused);
}
