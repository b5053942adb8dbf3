/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Moments and normalised rows against their refs.
 *
 * Tolerance: a sum of n numbers of [-1,1) in float32, divided by n, is within n/16 * 2^-24 of the
 * exact mean; for n <= 2000 that is 1e-5. The rows evaluate one expression: exact. */
#include "kernels/moments.h"

#include "kernels_support.h"

enum { LENGTH = 2000 };

static float x[LENGTH], scale[LENGTH], bias[LENGTH], fast[LENGTH], ref[LENGTH];

START_TEST(moments_equal_their_ref)
{
    uint64_t seed = 41;
    for (int64_t n = 0; n <= LENGTH; n += 1 + n / 3) {
        random_fill(&seed, x, LENGTH);
        struct moments a = moments_f32(n, x), b = moments_f32_ref(n, x);
        expect_close(&a.mean, &b.mean, 1, 0, 1e-5);
        expect_close(&a.variance, &b.variance, 1, 0, 1e-5);
    }
}
END_TEST

/* Numbers far from 0 that differ little: the difference of squares would lose all of it. */
START_TEST(a_small_variance_survives_a_large_mean)
{
    for (int i = 0; i < 64; i++)
        x[i] = 4096 + (float)(i % 2);
    struct moments m = moments_f32(64, x);
    ck_assert_float_eq(m.mean, 4096.5f);
    ck_assert_float_eq(m.variance, 0.25f);
}
END_TEST

START_TEST(rows_equal_their_ref)
{
    uint64_t seed = 42;
    random_fill(&seed, x, LENGTH);
    random_fill(&seed, scale, LENGTH);
    random_fill(&seed, bias, LENGTH);
    for (int64_t n = 0; n <= LENGTH; n += 1 + n / 3)
        for (int with = 0; with < 2; with++) {
            struct normal_row r = {n, 0.25f, 3, x, scale, with ? bias : NULL, fast};
            normal_row_f32(&r);
            r.y = ref;
            normal_row_f32_ref(&r);
            expect_close(fast, ref, (size_t)n, 0, 0);
        }
}
END_TEST

Suite *suite_moments(void)
{
    return SUITE("moments", moments_equal_their_ref, a_small_variance_survives_a_large_mean,
                 rows_equal_their_ref);
}
