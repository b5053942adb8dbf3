/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What counts as text, how two of them compare, and that a string tensor is no number anywhere. */
#include <string.h>

#include "support/support.h"
#include "tensor/text.h"

START_TEST(only_utf8_without_nul_is_text)
{
    static const struct {
        const char *bytes;
        size_t n;
        bool valid;
    } cases[] = {
        {"", 0, true},
        {"plain", 5, true},
        {"\xc3\xa9", 2, true},                 /* U+00E9 */
        {"\xed\x9f\xbf\xee\x80\x80", 6, true}, /* around the surrogates */
        {"\xf4\x8f\xbf\xbf", 4, true},         /* U+10FFFF */
        {"a\0b", 3, false},                    /* NUL */
        {"\xc3", 1, false},                    /* cut short */
        {"\xc0\xaf", 2, false},                /* overlong */
        {"\xe0\x80\xaf", 3, false},            /* overlong */
        {"\xed\xa0\x80", 3, false},            /* a surrogate */
        {"\xf4\x90\x80\x80", 4, false},        /* beyond U+10FFFF */
        {"\x80", 1, false},                    /* no beginning */
        {"\xff\xfe", 2, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        ck_assert_msg(text_valid(cases[i].bytes, cases[i].n) == cases[i].valid, "case %d", (int)i);
}
END_TEST

START_TEST(texts_compare_by_bytes_then_by_length)
{
    const struct text empty = {NULL, 0}, a = {"a", 1}, ab = {"ab", 2}, b = {"b", 1};
    const struct text high = {"\xc3\xa9", 2};
    ck_assert(text_same(empty, (struct text){"x", 0}));
    ck_assert(!text_same(a, ab) && !text_same(a, b) && text_same(ab, (struct text){"abc", 2}));
    const struct text rising[] = {empty, a, ab, b, high};
    for (size_t i = 0; i < ARRAY_COUNT(rising); i++)
        for (size_t k = 0; k < ARRAY_COUNT(rising); k++) {
            int order = text_order(rising[i], rising[k]);
            ck_assert(i < k ? order < 0 : i > k ? order > 0 : order == 0);
        }
}
END_TEST

START_TEST(a_string_tensor_is_no_number)
{
    struct text two[2] = {{"17", 2}, {NULL, 0}};
    struct tensor t = {.dtype = DT_STRING, .rank = 1, .dims = {2}, .data = two};
    uint64_t bytes;
    ck_assert(!dtype_is_int(DT_STRING) && !dtype_is_float(DT_STRING));
    ck_assert_uint_eq(dtype_bytes(DT_STRING), sizeof(struct text));
    ck_assert(dtype_from_v2("BYTES") == DT_STRING);
    ck_assert(tensor_get_i64(&t, 0) == 0 && tensor_get_f64(&t, 0) == 0);
    ck_assert(text_bytes(&t, &bytes) && bytes == 2);
    two[1].len = UINT64_MAX;
    ck_assert(!text_bytes(&t, &bytes));
}
END_TEST

Suite *suite_text(void)
{
    return SUITE("text", only_utf8_without_nul_is_text, texts_compare_by_bytes_then_by_length,
                 a_string_tensor_is_no_number);
}
