/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Softmax and log-softmax against the ref, which works in double.
 *
 * Tolerance: a difference from the largest, below 88 where the exponential is not 0, is rounded by
 * 3.8e-6 at most, and so is its exponential, relatively; that is within 2 ulp (2^-23) of each term
 * besides, and the sum of n positive terms within n * 2^-24: 8e-6 relative covers n = 50. All of
 * these at once are rare: 5e-6 is what is asked for. The logarithm's absolute error follows from
 * the same relative error of the sum, plus one rounding of a value below 100: 2e-5 absolute. */
#include <string.h>

#include "kernels/kernels.h"
#include "kernels_support.h"

enum { MAX_COUNT = 4000 };

static float x[MAX_COUNT], fast[MAX_COUNT], ref[MAX_COUNT];

START_TEST(fast_equals_ref)
{
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        int64_t outer = random_int(&seed, 1, 8), n = random_int(&seed, 1, 50);
        int64_t inner = random_int(&seed, 1, 9), count = outer * n * inner;
        float scale = (float)random_int(&seed, 1, 90);
        random_fill(&seed, x, (size_t)count);
        for (int64_t i = 0; i < count; i++)
            x[i] *= scale;
        for (int log = 0; log < 2; log++) {
            softmax_f32(outer, n, inner, x, fast, log);
            softmax_f32_ref(outer, n, inner, x, ref, log);
            expect_close(fast, ref, (size_t)count, log ? 0 : 5e-6, log ? 2e-5 : 1e-37);
        }
        memcpy(fast, x, sizeof(x));
        softmax_f32(outer, n, inner, fast, fast, true); /* in place */
        expect_close(fast, ref, (size_t)count, 0, 2e-5);
    }
}
END_TEST

/* Elements side by side are summed in 16 lanes and more: 300 of them are rounded some 25 times,
 * 1.5e-6. Differences below 40 are rounded by 2e-6 at most. */
START_TEST(rows_of_any_length_equal_ref)
{
    uint64_t seed = 12;
    for (int round = 0; round < 300; round++) {
        int64_t outer = random_int(&seed, 1, 8), n = random_int(&seed, 1, 300), count = outer * n;
        float shift = (float)random_int(&seed, -300, 300);
        random_fill(&seed, x, (size_t)count);
        for (int64_t i = 0; i < count; i++)
            x[i] = i % n && random_int(&seed, 0, 9) == 0 ? -INFINITY : x[i] * 20 + shift;
        softmax_f32_ref(outer, n, 1, x, ref, false);
        softmax_f32(outer, n, 1, x, fast, false);
        expect_close(fast, ref, (size_t)count, 4e-6, 1e-37);
        softmax_f32(outer, n, 1, x, x, false); /* in place */
        ck_assert_mem_eq(x, fast, (size_t)count * sizeof(*x));
    }
}
END_TEST

START_TEST(large_numbers_do_not_overflow_and_a_nan_fills_its_row)
{
    static const float big[] = {3e38f, 3e38f, -3e38f, NAN, 1, 2};
    float y[6];
    softmax_f32(2, 3, 1, big, y, false);
    ck_assert_float_eq(y[0], 0.5f);
    ck_assert_float_eq(y[2], 0);
    ck_assert(isnan(y[3]) && isnan(y[4]) && isnan(y[5]));
    softmax_f32(2, 0, 3, big, y, false);
}
END_TEST

Suite *suite_softmax(void)
{
    return SUITE("softmax", fast_equals_ref, rows_of_any_length_equal_ref,
                 large_numbers_do_not_overflow_and_a_nan_fills_its_row);
}
