/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Numbers: exact integers at the edges of every dtype, floats against strtod, and what is printed
 * reads back as the same bits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"
#include "tensor/number.h"

START_TEST(spans_follow_the_json_grammar)
{
    static const struct {
        const char *text;
        size_t span;
    } cases[] = {{"0", 1},    {"-0", 2},  {"12.5e+3,", 7}, {"01", 0}, {"1.", 0}, {".5", 0},
                 {"-", 0},    {"1e", 0},  {"1e+", 0},      {"", 0},   {"+1", 0}, {"NaN", 0},
                 {"1E5]", 3}, {"0.0", 3}, {"1.e5", 0},     {"-x", 0}, {"7 ", 1}, {"0x10", 1}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert_msg(number_span(cases[i].text, strlen(cases[i].text)) == cases[i].span, "%s",
                      cases[i].text);
}
END_TEST

START_TEST(integers_are_exact_and_bounded)
{
    static const struct {
        enum dtype t;
        const char *text;
        enum number_fault fault;
        int64_t value;
    } cases[] = {
        {DT_I64, "9007199254740993", NUMBER_FINE, INT64_C(9007199254740993)},
        {DT_I64, "9223372036854775807", NUMBER_FINE, INT64_MAX},
        {DT_I64, "-9223372036854775808", NUMBER_FINE, INT64_MIN},
        {DT_I64, "9223372036854775808", NUMBER_RANGE, 0},
        {DT_I64, "-9223372036854775809", NUMBER_RANGE, 0},
        {DT_I64, "99999999999999999999999", NUMBER_RANGE, 0},
        {DT_I64, "1.0", NUMBER_NOT_INTEGER, 0},
        {DT_I64, "1e3", NUMBER_NOT_INTEGER, 0},
        {DT_U64, "18446744073709551615", NUMBER_FINE, -1},
        {DT_U64, "-1", NUMBER_RANGE, 0},
        {DT_U64, "-0", NUMBER_FINE, 0},
        {DT_I8, "-128", NUMBER_FINE, -128},
        {DT_I8, "128", NUMBER_RANGE, 0},
        {DT_U8, "255", NUMBER_FINE, 255},
        {DT_U8, "256", NUMBER_RANGE, 0},
        {DT_BOOL, "1", NUMBER_FINE, 1},
        {DT_BOOL, "2", NUMBER_RANGE, 0},
        {DT_I32, "-2147483648", NUMBER_FINE, INT32_MIN},
        {DT_U32, "4294967296", NUMBER_RANGE, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint64_t raw = 0;
        enum number_fault f = number_store(cases[i].t, cases[i].text, strlen(cases[i].text), &raw);
        ck_assert_msg(f == cases[i].fault, "%s: %s", cases[i].text, number_fault_text(f));
        struct tensor t = {.dtype = cases[i].t, .data = &raw};
        if (f == NUMBER_FINE && cases[i].t == DT_U64)
            ck_assert_uint_eq(raw, (uint64_t)cases[i].value);
        else if (f == NUMBER_FINE)
            ck_assert_int_eq(tensor_get_i64(&t, 0), cases[i].value);
    }
}
END_TEST

START_TEST(doubles_read_as_strtod_does)
{
    static const char *const texts[] = {"0.1",
                                        "-1e-320",
                                        "123456789012345678901234567890",
                                        "1.7976931348623157e308",
                                        "5e-324",
                                        "0.000000000000000000000000000000000000123456789",
                                        "9007199254740993",
                                        "1e22",
                                        "1e23",
                                        "3.14159265358979323846264338327950288",
                                        "-0",
                                        "100000000000000000000e-20"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        double v, want = strtod(texts[i], NULL);
        ck_assert_int_eq(number_store(DT_F64, texts[i], strlen(texts[i]), &v), NUMBER_FINE);
        ck_assert_msg(memcmp(&v, &want, sizeof(v)) == 0, "%s gave %.17g", texts[i], v);
    }
    unsigned seed = 7;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        snprintf(text, sizeof(text), "%d.%08de%d", rand_r(&seed) % 1000, rand_r(&seed) % 100000000,
                 rand_r(&seed) % 60 - 30);
        double v, want = strtod(text, NULL);
        ck_assert_int_eq(number_store(DT_F64, text, strlen(text), &v), NUMBER_FINE);
        ck_assert_msg(v == want, "%s", text);
    }
}
END_TEST

START_TEST(finite_text_never_becomes_infinite)
{
    float f;
    uint16_t h;
    double d;
    ck_assert_int_eq(number_store(DT_F64, "1e999", 5, &d), NUMBER_RANGE);
    ck_assert_int_eq(number_store(DT_F32, "1e39", 4, &f), NUMBER_RANGE);
    ck_assert_int_eq(number_store(DT_F32, "3.4028235e38", 12, &f), NUMBER_FINE);
    ck_assert_int_eq(number_store(DT_F16, "65520", 5, &h), NUMBER_RANGE);
    ck_assert_int_eq(number_store(DT_F16, "65519", 5, &h), NUMBER_FINE);
    char longer[2 * NUMBER_TEXT_MAX];
    memset(longer, '3', sizeof(longer));
    ck_assert_int_eq(number_store(DT_F64, longer, sizeof(longer), &d), NUMBER_TOO_LONG);
}
END_TEST

static void round_trip(const struct tensor *t, size_t bytes)
{
    char text[NUMBER_OUT_MAX];
    bool special;
    uint64_t back = 0, raw = 0;
    size_t n = number_print(t, 0, text, &special);
    memcpy(&raw, t->data, bytes);
    ck_assert(!special);
    ck_assert_msg(number_span(text, n) == n, "%.*s", (int)n, text);
    ck_assert_int_eq(number_store(t->dtype, text, n, &back), NUMBER_FINE);
    ck_assert_msg(back == raw, "%.*s", (int)n, text);
}

START_TEST(every_printed_float_reads_back)
{
    unsigned seed = 11;
    for (int i = 0; i < 200000; i++) {
        uint32_t u = (uint32_t)rand_r(&seed) << 16 ^ (uint32_t)rand_r(&seed);
        float f;
        memcpy(&f, &u, sizeof(f));
        if (isfinite(f))
            round_trip(&(struct tensor){.dtype = DT_F32, .data = &f}, sizeof(f));
        double d = (double)f * 1.000000000001;
        if (i % 10 == 0 && isfinite(d))
            round_trip(&(struct tensor){.dtype = DT_F64, .data = &d}, sizeof(d));
    }
}
END_TEST

START_TEST(printed_floats_are_short)
{
    static const struct {
        float f;
        const char *text;
    } cases[] = {{0.1f, "0.1"},
                 {1.0f, "1.0"},
                 {-2.5f, "-2.5"},
                 {0.0f, "0.0"},
                 {-0.0f, "-0.0"},
                 {1e-7f, "1e-07"},
                 {1e20f, "1e+20"},
                 {123456.0f, "123456.0"},
                 {0.333333343f, "0.33333334"},
                 {16777216.0f, "16777216.0"},
                 {0.00015f, "0.00015"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char text[NUMBER_OUT_MAX] = "";
        bool special;
        float f = cases[i].f;
        struct tensor t = {.dtype = DT_F32, .data = &f};
        size_t n = number_print(&t, 0, text, &special);
        ck_assert_msg(n == strlen(cases[i].text) && memcmp(text, cases[i].text, n) == 0,
                      "%.*s, not %s", (int)n, text, cases[i].text);
    }
}
END_TEST

Suite *suite_number(void)
{
    return SUITE("number", spans_follow_the_json_grammar, integers_are_exact_and_bounded,
                 doubles_read_as_strtod_does, finite_text_never_becomes_infinite,
                 every_printed_float_reads_back, printed_floats_are_short);
}
