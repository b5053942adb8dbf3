/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators that put elements in order, where the fixtures do not go: ties, NaN, dtypes, old forms,
 * counts without sense. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/order.h"
#include "support/op_case.h"

START_TEST(keys_order_as_numbers_do)
{
    static const float f[] = {-INFINITY, -3, -1e-40f, 0, 1e-40f, 2, INFINITY, NAN};
    static const int64_t whole[] = {INT64_MIN, -2, -1, 0, 1, INT64_MAX};
    static const int8_t small[] = {-128, -1, 0, 127};
    static const float zeros[] = {0.0f, -0.0f};
    order_key_fn *key = order_key_of(DT_F32);
    for (int i = 1; i < 8; i++)
        ck_assert_uint_lt(key(f, i - 1), key(f, i));
    ck_assert_uint_eq(key(zeros, 0), key(zeros, 1));
    for (int i = 1; i < 6; i++)
        ck_assert_uint_lt(order_key_of(DT_I64)(whole, i - 1), order_key_of(DT_I64)(whole, i));
    for (int i = 1; i < 4; i++)
        ck_assert_uint_lt(order_key_of(DT_I8)(small, i - 1), order_key_of(DT_I8)(small, i));
    ck_assert_ptr_null(order_key_of(DT_NONE));
    ck_assert_ptr_null(order_key_of((enum dtype)99));
}
END_TEST

START_TEST(sorting_puts_the_largest_first_and_equals_by_place)
{
    struct order_entry e[100];
    for (int n = 0; n <= 100; n += 7) {
        for (int i = 0; i < n; i++)
            e[i] = (struct order_entry){(uint64_t)(i * 37 % 10), i};
        order_sort(e, n);
        for (int i = 1; i < n; i++)
            ck_assert(e[i - 1].key > e[i].key ||
                      (e[i - 1].key == e[i].key && e[i - 1].at < e[i].at));
    }
}
END_TEST

static void top_k(struct op_case *c, enum dtype t, const int64_t *dims, const void *x,
                  const int64_t *k)
{
    case_begin(c, "TopK", 11);
    c->n_out = 2;
    case_in(c, t, dims, x);
    case_in(c, DT_I64, CASE_DIMS(1), k);
}

START_TEST(equals_come_by_index_and_nan_is_the_largest)
{
    static const float x[] = {1, NAN, 3, 3, -0.0f, 0}, most[] = {NAN, 3, 3, 1},
                       least[] = {-0.0f, 0, 1, 3};
    static const int64_t k = 4, at_most[] = {1, 2, 3, 0}, at_least[] = {4, 5, 0, 2};
    for (int largest = 0; largest < 2; largest++) {
        struct op_case c;
        struct err err;
        top_k(&c, DT_F32, CASE_DIMS(6), x, &k);
        case_int(&c, ATTR_largest, largest);
        case_int(&c, ATTR_sorted, largest);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_F32, CASE_DIMS(4), largest ? most : least, 0, 0);
        case_expect(&c, 1, DT_I64, CASE_DIMS(4), largest ? at_most : at_least, 0, 0);
        case_fini(&c);
    }
}
END_TEST

/* Against sorting all, along each axis of a random operand. */
START_TEST(the_top_is_the_beginning_of_the_whole_order)
{
    enum { A = 3, B = 17, C = 4 };
    int32_t x[A * B * C];
    uint64_t seed = 5;
    for (int i = 0; i < A * B * C; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (int32_t)(seed >> 40) % 20 - 10;
    }
    for (int64_t k = 0; k <= B; k++) {
        struct op_case c;
        struct err err;
        top_k(&c, DT_I32, CASE_DIMS(A, B, C), x, &k);
        case_int(&c, ATTR_axis, -2);
        ck_ok(case_run(&c, &err), &err);
        case_expect_shape(&c, 1, DT_I64, CASE_DIMS(A, k, C));
        for (int64_t line = 0; line < A * C; line++) {
            struct order_entry all[B];
            for (int i = 0; i < B; i++)
                all[i] = (struct order_entry){
                    order_key_of(DT_I32)(x, (line / C * B + i) * C + line % C), i};
            order_sort(all, B);
            for (int64_t i = 0; i < k; i++) {
                int64_t at = (line / C * k + i) * C + line % C;
                ck_assert_int_eq(((int64_t *)c.out[1].data)[at], all[i].at);
                ck_assert_int_eq(((int32_t *)c.out[0].data)[at],
                                 x[(line / C * B + all[i].at) * C + line % C]);
            }
        }
        case_fini(&c);
    }
}
END_TEST

START_TEST(a_count_without_sense_is_refused)
{
    static const float x[] = {1, 2, 3};
    static const int64_t bad[] = {-1, 4, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct op_case c;
        struct err err;
        top_k(&c, DT_F32, CASE_DIMS(3), x, &bad[i]);
        ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, "k is"), "%s", err.msg);
    }
}
END_TEST

START_TEST(the_first_form_has_its_count_in_an_attribute)
{
    static const uint8_t x[] = {1, 200, 3}, want[] = {200, 3};
    struct op_case c;
    struct err err;
    case_begin(&c, "TopK", 9);
    c.n_out = 2;
    case_in(&c, DT_U8, CASE_DIMS(1, 3), x);
    case_int(&c, ATTR_k, 2);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_U8, CASE_DIMS(1, 2), want, 0, 0);
    case_fini(&c);
}
END_TEST

Suite *suite_order(void)
{
    return SUITE(
        "order", keys_order_as_numbers_do, sorting_puts_the_largest_first_and_equals_by_place,
        equals_come_by_index_and_nan_is_the_largest, the_top_is_the_beginning_of_the_whole_order,
        a_count_without_sense_is_refused, the_first_form_has_its_count_in_an_attribute);
}
