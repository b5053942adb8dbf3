/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Attributes: names and numbers, defaults, and refusals of another type. */
#include <string.h>

#include "ops/attr.h"
#include "support/support.h"

static const int64_t three[] = {4, 5, 6};
static const struct attr some[] = {
    {.key = ATTR_axis, .type = ATTR_INT, .count = 1, .i = -1},
    {.key = ATTR_alpha, .type = ATTR_FLOAT, .count = 1, .f = 0.5f},
    {.key = ATTR_pads, .type = ATTR_INTS, .count = 3, .ints = three},
    {.key = ATTR_mode, .type = ATTR_STRING, .count = 4, .str = "edge"},
    {.key = ATTR_auto_pad, .type = ATTR_STRING, .count = 0, .str = NULL},
};
static const struct attr_list list = {some, ARRAY_COUNT(some)};

START_TEST(every_number_has_its_name)
{
    ck_assert_int_eq(attr_key_of("kernel_shape", 12), ATTR_kernel_shape);
    ck_assert_int_eq(attr_key_of("kernel_shapes", 13), ATTR_NONE);
    ck_assert_int_eq(attr_key_of("kernel_shape", 6), ATTR_NONE);
    ck_assert_int_eq(attr_key_of("", 0), ATTR_NONE);
    ck_assert_str_eq(attr_name(ATTR_transB), "transB");
    ck_assert_str_eq(attr_name((enum attr_key)9999), "?");
    for (int k = 1; k <= 62; k++) {
        const char *name = attr_name((enum attr_key)k);
        ck_assert_int_eq(attr_key_of(name, strlen(name)), k);
    }
}
END_TEST

START_TEST(what_is_there_is_read_and_what_is_not_is_the_default)
{
    struct err err;
    int64_t i, v[8];
    float f;
    int n;
    const char *s;
    size_t len;
    ck_ok(attr_int(&list, ATTR_axis, 7, &i, &err), &err);
    ck_assert_int_eq(i, -1);
    ck_ok(attr_int(&list, ATTR_group, 7, &i, &err), &err);
    ck_assert_int_eq(i, 7);
    ck_ok(attr_float(&list, ATTR_alpha, 7, &f, &err), &err);
    ck_assert_float_eq(f, 0.5f);
    ck_ok(attr_ints(&list, ATTR_pads, v, 8, &n, &err), &err);
    ck_assert(n == 3 && v[0] == 4 && v[2] == 6);
    ck_ok(attr_ints(&list, ATTR_strides, v, 8, &n, &err), &err);
    ck_assert_int_eq(n, 0);
    ck_ok(attr_string(&list, ATTR_mode, "constant", &s, &len, &err), &err);
    ck_assert(len == 4 && memcmp(s, "edge", 4) == 0);
    ck_ok(attr_string(&list, ATTR_auto_pad, "NOTSET", &s, &len, &err), &err);
    ck_assert(len == 0 && strcmp(s, "") == 0);
    ck_ok(attr_string(&list, ATTR_nearest_mode, "floor", &s, &len, &err), &err);
    ck_assert(len == 5 && strcmp(s, "floor") == 0);
}
END_TEST

START_TEST(another_type_or_too_many_elements_are_corrupt)
{
    struct err err;
    int64_t i, v[2];
    float f;
    int n;
    ck_assert_int_eq(attr_int(&list, ATTR_alpha, 0, &i, &err), E_CORRUPT);
    ck_assert_str_eq(err.msg, "attribute alpha is of type float, expected int");
    ck_assert_int_eq(attr_float(&list, ATTR_axis, 0, &f, &err), E_CORRUPT);
    ck_assert_int_eq(attr_ints(&list, ATTR_axis, v, 2, &n, &err), E_CORRUPT);
    ck_assert_int_eq(attr_ints(&list, ATTR_pads, v, 2, &n, &err), E_CORRUPT);
    ck_assert_str_eq(err.msg, "attribute pads has 3 elements, expected at most 2");
}
END_TEST

Suite *suite_attr(void)
{
    return SUITE("attr", every_number_has_its_name,
                 what_is_there_is_read_and_what_is_not_is_the_default,
                 another_type_or_too_many_elements_are_corrupt);
}
