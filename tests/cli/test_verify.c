/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* When two tensors are equal, and what is said when they are not. */
#include <math.h>
#include <string.h>

#include "cli/verify.h"
#include "support/support.h"

static const struct verify_tolerance tol = {1e-3, 1e-5};

static struct tensor row(enum dtype t, int64_t n, void *data)
{
    return (struct tensor){.dtype = t, .rank = 2, .dims = {1, n}, .data = data};
}

START_TEST(floats_are_equal_within_the_tolerance)
{
    static const struct {
        float got, want;
        bool equal;
    } cases[] = {
        {1.0f, 1.0f, true},         {1.0009f, 1.0f, true},        {1.0012f, 1.0f, false},
        {0.0f, 0.9e-5f, true},      {0.0f, 1.1e-5f, false},       {1000.9f, 1000.0f, true},
        {NAN, NAN, true},           {NAN, 0.0f, false},           {0.0f, NAN, false},
        {INFINITY, INFINITY, true}, {INFINITY, -INFINITY, false}, {INFINITY, 3e38f, false},
        {-0.0f, 0.0f, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        float a = cases[i].got, b = cases[i].want;
        struct tensor got = row(DT_F32, 1, &a), want = row(DT_F32, 1, &b);
        char words[VERIFY_WORDS_MAX];
        ck_assert_msg(verify_equal(&got, &want, &tol, words) == cases[i].equal, "case %zu", i);
    }
}
END_TEST

START_TEST(integers_are_exact_beyond_53_bits)
{
    int64_t a = INT64_C(9007199254740993), b = INT64_C(9007199254740992);
    struct tensor got = row(DT_I64, 1, &a), want = row(DT_I64, 1, &b);
    char words[VERIFY_WORDS_MAX];
    ck_assert(!verify_equal(&got, &want, &tol, words));
    ck_assert_ptr_nonnull(strstr(words, "got 9007199254740993, expected 9007199254740992"));
    b = a;
    ck_assert(verify_equal(&got, &want, &tol, words));
}
END_TEST

START_TEST(dtypes_and_shapes_are_exact)
{
    float data[2] = {1, 2};
    int32_t ints[2] = {1, 2};
    struct tensor got = row(DT_F32, 2, data), want = row(DT_I32, 2, ints);
    char words[VERIFY_WORDS_MAX];
    ck_assert(!verify_equal(&got, &want, &tol, words));
    ck_assert_str_eq(words, "got float32[1,2], expected int32[1,2]");
    want = (struct tensor){.dtype = DT_F32, .rank = 1, .dims = {2}, .data = data};
    ck_assert(!verify_equal(&got, &want, &tol, words));
}
END_TEST

START_TEST(the_worst_element_is_named)
{
    float a[4] = {1, 2, 3, 4}, b[4] = {1, 2.1f, 9, 4};
    struct tensor got = row(DT_F32, 4, a), want = row(DT_F32, 4, b);
    char words[VERIFY_WORDS_MAX];
    ck_assert(!verify_equal(&got, &want, &tol, words));
    ck_assert_str_eq(words, "2 of 4 elements differ, worst at [0,2]: got 3, expected 9");
}
END_TEST

START_TEST(empty_tensors_and_scalars_are_compared)
{
    float a = 1, b = 2;
    struct tensor got = row(DT_F32, 0, NULL), want = row(DT_F32, 0, NULL);
    char words[VERIFY_WORDS_MAX];
    ck_assert(verify_equal(&got, &want, &tol, words));
    got = (struct tensor){.dtype = DT_F32, .rank = 0, .data = &a};
    want = (struct tensor){.dtype = DT_F32, .rank = 0, .data = &b};
    ck_assert(!verify_equal(&got, &want, &tol, words));
    ck_assert_ptr_nonnull(strstr(words, "worst at []"));
}
END_TEST

Suite *suite_verify(void)
{
    return SUITE("verify", floats_are_equal_within_the_tolerance, integers_are_exact_beyond_53_bits,
                 dtypes_and_shapes_are_exact, the_worst_element_is_named,
                 empty_tensors_and_scalars_are_compared);
}
