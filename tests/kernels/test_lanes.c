/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The vectorised functions against the C library's, which the refs ask in double.
 *
 * Tolerance: exp, tanh, erf and what is made of them are within 8 ulp, 2^-20 relative; below 2^-126
 * results are flushed to 0. Gelu's exact form is within 4e-6 relative while |x| < 7 and its tails
 * are smaller than 1e-10; its tanh form cancels below 0, to 2^-22 of |x|. */
#include <string.h>

#include "kernels/elementwise.h"
#include "kernels/kernels.h"
#include "kernels_support.h"

enum { LENGTH = 2000 };

static const struct lane_row {
    const char *name;
    unary_fn *fast, *ref;
} rows[] = {
#define X(name, value, exact) {#name, name, name##_ref},
    LANE_KERNELS(X)
#undef X
};

static float x[LENGTH], y[LENGTH], z[LENGTH];

static bool near_gelu(const struct lane_row *r)
{
    return strcmp(r->name, "gelu_f32") == 0;
}

START_TEST(lanes_are_near_the_library_at_every_length)
{
    static const float scales[] = {0.01f, 1, 8, 80};
    uint64_t seed = 8;
    for (size_t k = 0; k < ARRAY_COUNT(scales); k++)
        for (int64_t n = 0; n <= LENGTH; n += 1 + n / 2) {
            random_fill(&seed, x, LENGTH);
            for (int i = 0; i < LENGTH; i++)
                x[i] *= scales[k];
            rows[_i].fast(n, x, y);
            rows[_i].ref(n, x, z);
            double within = near_gelu(&rows[_i]) ? 4e-6 : 0x1p-20;
            double near = near_gelu(&rows[_i])                          ? 1e-10
                          : strcmp(rows[_i].name, "gelu_tanh_f32") == 0 ? 2e-6 * (double)scales[k]
                                                                        : 2e-36;
            expect_close(y, z, (size_t)n, within, near);
            memcpy(y, x, sizeof(y));
            rows[_i].fast(n, y, y); /* in place */
            expect_close(y, z, (size_t)n, within, near);
        }
}
END_TEST

START_TEST(the_ends_are_exact)
{
    static const float ends[] = {0, INFINITY, -INFINITY, NAN, 1e30f, -1e30f, 88.8f, -88};
    static const float exps[] = {1, INFINITY, 0, NAN, INFINITY, 0, INFINITY, 0};
    static const float tanhs[] = {0, 1, -1, NAN, 1, -1, 1, -1};
    float out[ARRAY_COUNT(ends)];
    exp_f32(ARRAY_COUNT(ends), ends, out);
    expect_close(out, exps, ARRAY_COUNT(ends), 0, 0);
    tanh_f32(ARRAY_COUNT(ends), ends, out);
    expect_close(out, tanhs, ARRAY_COUNT(ends), 0, 0);
    erf_f32(ARRAY_COUNT(ends), ends, out);
    expect_close(out, tanhs, ARRAY_COUNT(ends), 0, 0);
}
END_TEST

START_TEST(epilogues_equal_their_refs)
{
    uint64_t seed = 9;
    for (int act = ACT_NONE; act <= ACT_LAST; act++)
        for (int round = 0; round < 20; round++) {
            static float sum[LENGTH];
            struct epilogue e = {(enum activation)act, 0.1f, 0.5f};
            int64_t n = random_int(&seed, 0, LENGTH);
            random_fill(&seed, x, LENGTH);
            random_fill(&seed, sum, LENGTH);
            for (int i = 0; i < LENGTH; i++)
                x[i] *= 5;
            x[LENGTH / 2] = NAN;
            memcpy(y, x, sizeof(y));
            memcpy(z, x, sizeof(z));
            epilogue_f32(&e, y, 0.25f, round % 2 ? sum : NULL, n);
            epilogue_f32_ref(&e, z, 0.25f, round % 2 ? sum : NULL, n);
            expect_close(y, z, LENGTH, 1e-6, 4e-6);
        }
}
END_TEST

Suite *suite_lanes(void)
{
    Suite *s = suite_create("lanes");
    TCase *t = tcase_create("lanes");
    tcase_add_loop_test(t, lanes_are_near_the_library_at_every_length, 0, ARRAY_COUNT(rows));
    tcase_add_test(t, the_ends_are_exact);
    tcase_add_test(t, epilogues_equal_their_refs);
    suite_add_tcase(s, t);
    return s;
}
