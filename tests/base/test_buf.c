/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Buffers: limits, charges, JSON strings. */
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "support/support.h"

START_TEST(a_buffer_never_passes_its_maximum)
{
    struct buf b;
    buf_init(&b, 100);
    ck_assert_int_eq(buf_zeros(&b, 100), OK);
    ck_assert_int_eq(buf_char(&b, 'x'), E_TOO_LARGE);
    ck_assert_uint_eq(b.len, 100);
    ck_assert_uint_le(b.cap, 100);
    ck_assert_int_eq(buf_reserve(&b, SIZE_MAX), E_TOO_LARGE);
    buf_fini(&b);
}
END_TEST

static bool charge(void *arg, int64_t delta)
{
    int64_t *left = arg;
    if (delta > *left)
        return false;
    *left -= delta;
    return true;
}

START_TEST(what_is_held_is_charged_and_given_back)
{
    int64_t left = 300;
    struct buf b, moved;
    buf_init_charged(&b, 0, charge, &left);
    ck_assert_int_eq(buf_zeros(&b, 200), OK);
    ck_assert_int_eq(left, 300 - (int64_t)b.cap);
    ck_assert_int_eq(buf_zeros(&b, 200), E_NO_MEMORY);
    ck_assert_uint_eq(b.len, 200);
    buf_init(&moved, 0);
    buf_move(&moved, &b);
    ck_assert_uint_eq(b.cap, 0);
    buf_fini(&b);
    ck_assert_int_lt(left, 300);
    buf_fini(&moved);
    ck_assert_int_eq(left, 300);
}
END_TEST

START_TEST(a_failed_growth_refunds_and_keeps_the_contents)
{
    int64_t left = 1000;
    struct buf b;
    buf_init_charged(&b, 0, charge, &left);
    ck_assert_int_eq(buf_str(&b, "kept"), OK);
    int64_t before = left;
    alloc_fail_at(1);
    ck_assert_int_eq(buf_zeros(&b, 500), E_NO_MEMORY);
    alloc_fail_at(0);
    ck_assert_int_eq(left, before);
    ck_assert_mem_eq(b.data, "kept", 4);
    buf_fini(&b);
}
END_TEST

START_TEST(json_strings_escape_and_repair)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\"\\\n\t\x01", "\"a\\\"\\\\\\n\\t\\u0001\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xff\xc0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
        {"\xe2\x82", "\"\\ufffd\\ufffd\""}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buf b;
        buf_init(&b, 0);
        ck_assert_int_eq(buf_json_str(&b, cases[i].in, strlen(cases[i].in)), OK);
        ck_assert_int_eq(buf_terminate(&b), OK);
        ck_assert_str_eq((char *)b.data, cases[i].out);
        buf_fini(&b);
    }
}
END_TEST

START_TEST(taken_bytes_belong_to_the_caller)
{
    struct buf b;
    uint8_t *data;
    size_t n;
    buf_init(&b, 0);
    ck_assert_int_eq(buf_printf(&b, "%s-%d", "v", 7), OK);
    buf_take(&b, &data, &n);
    ck_assert_uint_eq(n, 3);
    ck_assert_mem_eq(data, "v-7", 3);
    alloc_free(data);
    ck_assert_uint_eq(b.cap, 0);
}
END_TEST

Suite *suite_buf(void)
{
    return SUITE("buf", a_buffer_never_passes_its_maximum, what_is_held_is_charged_and_given_back,
                 a_failed_growth_refunds_and_keeps_the_contents, json_strings_escape_and_repair,
                 taken_bytes_belong_to_the_caller);
}
