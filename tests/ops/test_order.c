/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Operators that put elements in order, where the fixtures do not go: ties, NaN, dtypes, old forms,
 * counts without sense. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/order.h"
#include "support/op_case.h"
#include "tensor/text.h"

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

static void unique(struct op_case *c, enum dtype t, const int64_t *dims, const void *x)
{
    case_begin(c, "Unique", 11);
    c->n_out = 4;
    case_in(c, t, dims, x);
}

START_TEST(zeros_are_one_number_and_nans_another)
{
    static const float x[] = {NAN, 0, 1, -0.0f, NAN, 1}, sorted[] = {0, 1, NAN};
    static const int64_t first[] = {1, 2, 0}, inverse[] = {2, 0, 1, 0, 2, 1}, counts[] = {2, 2, 2};
    struct op_case c;
    struct err err;
    unique(&c, DT_F32, CASE_DIMS(2, 3), x);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_F32, CASE_DIMS(3), sorted, 0, 0);
    case_expect(&c, 1, DT_I64, CASE_DIMS(3), first, 0, 0);
    case_expect(&c, 2, DT_I64, CASE_DIMS(6), inverse, 0, 0);
    case_expect(&c, 3, DT_I64, CASE_DIMS(3), counts, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(texts_are_told_apart_too)
{
    static const struct text x[] = {{"b", 1}, {"ab", 2}, {"b", 1}, {"a", 1}, {NULL, 0}};
    static const int64_t sorted[] = {3, 2, 3, 1, 0}, as_they_come[] = {0, 1, 0, 2, 3};
    for (int order = 0; order < 2; order++) {
        struct op_case c;
        struct err err;
        unique(&c, DT_STRING, CASE_DIMS(5), x);
        case_int(&c, ATTR_sorted, order);
        ck_ok(case_run(&c, &err), &err);
        case_expect_shape(&c, 0, DT_STRING, CASE_DIMS(4));
        case_expect(&c, 2, DT_I64, CASE_DIMS(5), order ? sorted : as_they_come, 0, 0);
        ck_assert(text_same(text_get(&c.out[0], order ? 3 : 0), x[0]));
        case_fini(&c);
    }
}
END_TEST

/* Along an axis, against every pair of slices compared. */
START_TEST(every_slice_is_found_among_the_different_ones)
{
    enum { A = 2, B = 40, C = 2 };
    uint8_t x[A * B * C];
    for (int i = 0; i < A * B * C; i++)
        x[i] = (uint8_t)(i * 11 % 7 % 3);
    for (int order = 0; order < 2; order++) {
        struct op_case c;
        struct err err;
        unique(&c, DT_U8, CASE_DIMS(A, B, C), x);
        case_int(&c, ATTR_axis, -2);
        case_int(&c, ATTR_sorted, order);
        ck_ok(case_run(&c, &err), &err);
        int64_t n = c.out[0].dims[1], total = 0;
        const int64_t *inverse = c.out[2].data;
        const uint8_t *y = c.out[0].data;
        ck_assert(n > 1 && n < B && c.out[1].dims[0] == n && c.out[3].dims[0] == n);
        for (int64_t b = 0; b < B; b++)
            for (int64_t i = 0; i < A * C; i++)
                ck_assert_int_eq(x[(i / C * B + b) * C + i % C],
                                 y[(i / C * n + inverse[b]) * C + i % C]);
        for (int64_t i = 0; i < n; i++) {
            int64_t at = ((int64_t *)c.out[1].data)[i];
            ck_assert_int_eq(inverse[at], i);
            for (int64_t b = 0; b < at; b++)
                ck_assert_int_ne(inverse[b], i);
            total += ((int64_t *)c.out[3].data)[i];
            if (!order && i)
                ck_assert_int_gt(at, ((int64_t *)c.out[1].data)[i - 1]);
        }
        ck_assert_int_eq(total, B);
        case_fini(&c);
    }
}
END_TEST

START_TEST(nothing_has_no_different_elements)
{
    static const float x[1];
    struct op_case c;
    struct err err;
    unique(&c, DT_F32, CASE_DIMS(0), x);
    ck_ok(case_run(&c, &err), &err);
    case_expect_shape(&c, 0, DT_F32, CASE_DIMS(0));
    case_fini(&c);
    unique(&c, DT_F32, CASE_DIMS(3, 0), x); /* three slices of nothing are the same one */
    case_int(&c, ATTR_axis, 0);
    ck_ok(case_run(&c, &err), &err);
    case_expect_shape(&c, 0, DT_F32, CASE_DIMS(1, 0));
    case_expect_shape(&c, 2, DT_I64, CASE_DIMS(3));
    case_fini(&c);
}
END_TEST

START_TEST(what_is_not_zero_is_named_by_its_place)
{
    static const uint16_t half[] = {0, 0x8000, 0x7e00, 0x0001};
    static const double wide[] = {0, -0.0, NAN, 1e-310};
    static const int64_t want[] = {1, 1, 0, 1}, at[] = {0};
    static const uint8_t yes = 1;
    struct op_case c;
    struct err err;
    for (int form = 0; form < 2; form++) {
        case_begin(&c, "NonZero", 13);
        case_in(&c, form ? DT_F64 : DT_F16, CASE_DIMS(2, 2), form ? (const void *)wide : half);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_I64, CASE_DIMS(2, 2), want, 0, 0);
        case_fini(&c);
    }
    case_begin(&c, "NonZero", 13); /* a scalar has no coordinates */
    case_in(&c, DT_BOOL, CASE_SCALAR, &yes);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(0, 1), at, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(a_condition_may_be_shorter_or_longer)
{
    static const int16_t x[] = {1, 2, 3, 4, 5, 6}, flat[] = {2, 3}, rows[] = {4, 5, 6};
    static const uint8_t shorter[] = {0, 1, 1}, longer[] = {0, 1, 1, 1};
    struct op_case c;
    struct err err;
    case_begin(&c, "Compress", 11);
    case_in(&c, DT_I16, CASE_DIMS(2, 3), x);
    case_in(&c, DT_BOOL, CASE_DIMS(3), shorter);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I16, CASE_DIMS(2), flat, 0, 0);
    case_fini(&c);
    case_begin(&c, "Compress", 11);
    case_in(&c, DT_I16, CASE_DIMS(2, 3), x);
    case_in(&c, DT_BOOL, CASE_DIMS(4), longer);
    case_int(&c, ATTR_axis, -2);
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I16, CASE_DIMS(1, 3), rows, 0, 0);
    case_fini(&c);
}
END_TEST

static const float boxes[] = {0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0.5f, 5, 5, 6, 6, 7, 7, 7, 9};

static void suppress(struct op_case *c, const float *scores, const int64_t *most, const float *iou,
                     const float *least)
{
    case_begin(c, "NonMaxSuppression", 11);
    case_in(c, DT_F32, CASE_DIMS(1, 5, 4), boxes);
    case_in(c, DT_F32, CASE_DIMS(1, 1, 5), scores);
    if (most)
        case_in(c, DT_I64, CASE_DIMS(1), most);
    else
        case_none(c);
    if (iou)
        case_in(c, DT_F32, CASE_DIMS(1), iou);
    else
        case_none(c);
    if (least)
        case_in(c, DT_F32, CASE_DIMS(1), least);
}

/* Boxes 0 and 1 are the same, 2 is their half, 3 stands alone, 4 has no area. */
START_TEST(overlapping_boxes_give_way_to_the_best)
{
    static const float scores[] = {0.5f, 0.5f, 0.9f, NAN, 0.1f}, none[] = {0, 0.49f, 0.5f, 1};
    static const int64_t many = INT64_MAX;
    static const float least = 0.1f;
    static const int64_t all[] = {0, 0, 3, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0, 0, 4};
    static const int64_t half[] = {0, 0, 3, 0, 0, 2, 0, 0, 0, 0, 0, 4};
    static const int64_t few[] = {0, 0, 3, 0, 0, 2, 0, 0, 4}, above[] = {0, 0, 2};
    for (int i = 0; i < 4; i++) {
        struct op_case c;
        struct err err;
        suppress(&c, scores, &many, &none[i], NULL);
        ck_ok(case_run(&c, &err), &err);
        case_expect(&c, 0, DT_I64,
                    i == 3   ? CASE_DIMS(5, 3)
                    : i == 2 ? CASE_DIMS(4, 3)
                             : CASE_DIMS(3, 3),
                    i == 3   ? all
                    : i == 2 ? half
                             : few,
                    0, 0);
        case_fini(&c);
    }
    struct op_case c;
    struct err err;
    suppress(&c, scores, &many, NULL, &least); /* above, not equal; a NaN is not above */
    ck_ok(case_run(&c, &err), &err);
    case_expect(&c, 0, DT_I64, CASE_DIMS(1, 3), above, 0, 0);
    case_fini(&c);
}
END_TEST

START_TEST(no_more_boxes_are_chosen_than_asked_for)
{
    static const float scores[] = {1, 2, 3, 4, 5};
    static const int64_t most[] = {0, -7, INT64_MIN, 2};
    for (size_t i = 0; i <= ARRAY_COUNT(most); i++) {
        struct op_case c;
        struct err err;
        suppress(&c, scores, i < ARRAY_COUNT(most) ? &most[i] : NULL, NULL, NULL);
        ck_ok(case_run(&c, &err), &err);
        case_expect_shape(&c, 0, DT_I64, i == 3 ? CASE_DIMS(2, 3) : CASE_DIMS(0, 3));
        case_fini(&c);
    }
}
END_TEST

START_TEST(an_overlap_that_cannot_be_is_refused)
{
    static const float scores[5], bad[] = {-0.1f, 1.5f, NAN};
    static const int64_t one = 1;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct op_case c;
        struct err err;
        suppress(&c, scores, &one, &bad[i], NULL);
        ck_assert_int_eq(case_run(&c, &err), E_BAD_INPUT);
        ck_assert_msg(strstr(err.msg, "iou_threshold"), "%s", err.msg);
        case_fini(&c);
    }
}
END_TEST

Suite *suite_order(void)
{
    return SUITE(
        "order", keys_order_as_numbers_do, sorting_puts_the_largest_first_and_equals_by_place,
        equals_come_by_index_and_nan_is_the_largest, the_top_is_the_beginning_of_the_whole_order,
        a_count_without_sense_is_refused, the_first_form_has_its_count_in_an_attribute,
        zeros_are_one_number_and_nans_another, texts_are_told_apart_too,
        every_slice_is_found_among_the_different_ones, nothing_has_no_different_elements,
        what_is_not_zero_is_named_by_its_place, a_condition_may_be_shorter_or_longer,
        overlapping_boxes_give_way_to_the_best, no_more_boxes_are_chosen_than_asked_for,
        an_overlap_that_cannot_be_is_refused);
}
