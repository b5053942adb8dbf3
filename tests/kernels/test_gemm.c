/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* gemm_f32 against its ref over all paths: few rows, BLAS, transposes, odd tails.
 *
 * Tolerance: both sum k products in float32, in different orders. Either is within k * 2^-24 of the
 * exact sum relative to the sum of magnitudes (at most k for inputs in [-1,1]); so they differ by
 * less than 2 * k * k * 2^-24 at worst. Random signs make it grow with sqrt: the test allows
 * 4 * 2^-24 * k, about ten standard deviations at k = 1 and more beyond. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/gemm_any.h"
#include "kernels/kernels.h"
#include "kernels_support.h"

enum { MAX_SIDE = 70, ROUNDS = 400 };

static float a[MAX_SIDE * 2 * MAX_SIDE * 2], b[MAX_SIDE * 2 * MAX_SIDE * 2];
static float fast[MAX_SIDE * MAX_SIDE * 2], ref[MAX_SIDE * MAX_SIDE * 2];

static struct gemm random_gemm(uint64_t *seed)
{
    struct gemm g = {.m = random_int(seed, 1, random_int(seed, 0, 1) ? 4 : MAX_SIDE),
                     .n = random_int(seed, 1, MAX_SIDE),
                     .k = random_int(seed, 0, MAX_SIDE)};
    g.trans_a = random_int(seed, 0, 1);
    g.trans_b = random_int(seed, 0, 1);
    g.accumulate = random_int(seed, 0, 1);
    g.alpha = random_int(seed, 0, 1) ? 1 : 0.75f;
    g.lda = (g.trans_a ? g.m : g.k) + random_int(seed, 0, 5);
    g.ldb = (g.trans_b ? g.k : g.n) + random_int(seed, 0, 5);
    g.ldy = g.n + random_int(seed, 0, 5);
    g.a = a;
    g.b = b;
    return g;
}

START_TEST(fast_equals_ref)
{
    uint64_t seed = 42;
    for (int round = 0; round < ROUNDS; round++) {
        struct gemm g = random_gemm(&seed);
        random_fill(&seed, a, ARRAY_COUNT(a));
        random_fill(&seed, b, ARRAY_COUNT(b));
        random_fill(&seed, fast, ARRAY_COUNT(fast));
        memcpy(ref, fast, sizeof(ref));
        g.y = fast;
        gemm_f32(&g);
        g.y = ref;
        gemm_f32_ref(&g);
        expect_close(fast, ref, ARRAY_COUNT(ref), 0, 4 * 0x1p-24 * (double)(g.k + 1));
    }
}
END_TEST

START_TEST(a_nan_reaches_its_row_only)
{
    for (int64_t m = 1; m <= 32; m += 31) {
        struct gemm g = {.m = m, .n = 33, .k = 40, .a = a, .b = b, .y = fast};
        g.lda = g.k;
        g.ldb = g.ldy = g.n;
        g.alpha = 1;
        for (size_t i = 0; i < ARRAY_COUNT(a); i++)
            a[i] = b[i] = 1;
        a[3] = NAN;
        for (size_t i = 0; i < ARRAY_COUNT(fast); i++)
            fast[i] = NAN; /* what was there before counts for nothing */
        gemm_f32(&g);
        for (int64_t i = 0; i < g.m * g.n; i++)
            ck_assert_msg(i < g.n ? isnan(fast[i]) : fast[i] == 40, "element %ld is %g", (long)i,
                          (double)fast[i]);
    }
}
END_TEST

START_TEST(no_inner_dimension_gives_zero)
{
    struct gemm g = {.m = 8, .n = 8, .k = 0, .a = a, .b = b, .y = fast, .lda = 1, .ldb = 8};
    g.ldy = 8;
    g.alpha = 1;
    fast[63] = 7;
    gemm_f32(&g);
    ck_assert_float_eq(fast[63], 0);
}
END_TEST

START_TEST(the_blas_is_the_serial_one)
{
    ck_assert_int_eq(gemm_blas_threading(), 0);
}
END_TEST

/* Sums of k products in [-1,1), in another order: 4 * 2^-53 * k. */
START_TEST(doubles_equal_ref_over_both_paths)
{
    static double da[MAX_SIDE * MAX_SIDE], db[MAX_SIDE * MAX_SIDE];
    static double dfast[MAX_SIDE * MAX_SIDE], dref[MAX_SIDE * MAX_SIDE];
    uint64_t seed = 8;
    for (size_t i = 0; i < ARRAY_COUNT(da); i++) {
        da[i] = (double)random_int(&seed, -1000, 1000) / 1000;
        db[i] = (double)random_int(&seed, -1000, 1000) / 1000;
    }
    for (int round = 0; round < 60; round++) {
        int64_t most = round % 2 ? MAX_SIDE : 8;
        struct gemm_any g = {.m = random_int(&seed, 1, most),
                             .n = random_int(&seed, 1, most),
                             .k = random_int(&seed, 0, most),
                             .trans_a = random_int(&seed, 0, 1),
                             .trans_b = random_int(&seed, 0, 1),
                             .a = da,
                             .b = db,
                             .y = dfast};
        gemm_f64(&g);
        g.y = dref;
        gemm_f64_ref(&g);
        for (int64_t i = 0; i < g.m * g.n; i++)
            if (!(fabs(dfast[i] - dref[i]) <= 4 * 0x1p-53 * (double)(g.k + 1)))
                ck_abort_msg("round %d, element %d: %.17g, expected %.17g", round, (int)i, dfast[i],
                             dref[i]);
    }
}
END_TEST

Suite *suite_gemm(void)
{
    return SUITE("gemm", fast_equals_ref, a_nan_reaches_its_row_only, no_inner_dimension_gives_zero,
                 doubles_equal_ref_over_both_paths, the_blas_is_the_serial_one);
}
