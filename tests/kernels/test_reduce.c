/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reductions against their refs: every kernel of the list, odd lengths, both steps, NaN.
 *
 * Tolerance: maxima, minima and integers are exact (integers wrap, in any order alike). Sums of n
 * numbers in [-1,1) in another order: n * 2^-23 absolute for float32, n * 2^-52 for float64.
 * Products of numbers near 1: n * 2^-22 relative. */
#include "kernels/reduce.h"

#include <string.h>

#include "kernels_support.h"

enum { LENGTH = 203, BYTES = LENGTH * 8 };

#define KIND_float 1
#define KIND_double 2
#define KIND_int8_t 3
#define KIND_int16_t 3
#define KIND_int32_t 3
#define KIND_int64_t 3
#define KIND_uint8_t 3
#define KIND_uint16_t 3
#define KIND_uint32_t 3
#define KIND_uint64_t 3

static const struct {
    const char *name;
    int kind;
    size_t width;
    reduce_fn *fast, *ref;
} rows[] = {
#define X(name, type, neutral, take, join) {#name, KIND_##type, sizeof(type), name, name##_ref},
    REDUCE_KERNELS(X)
#undef X
};

static _Alignas(64) uint8_t x[BYTES], fast[BYTES], ref[BYTES];

static void fill(uint64_t *seed, int kind, bool nan)
{
    for (int i = 0; i < LENGTH; i++) {
        double v = 1 + (double)random_int(seed, -1000, 0) / 8000;
        v = random_int(seed, 0, 1) ? v : -v;
        if (nan && random_int(seed, 0, 60) == 0)
            v = NAN;
        if (kind == KIND_float)
            ((float *)(void *)x)[i] = (float)v;
        else if (kind == KIND_double)
            ((double *)(void *)x)[i] = v;
        else
            ((int64_t *)(void *)x)[i] = (int64_t)random_next(seed);
    }
}

static double at(const void *p, int kind, int64_t i)
{
    return kind == KIND_float ? (double)((const float *)p)[i] : ((const double *)p)[i];
}

static void expect_alike(const char *name, int kind, size_t width, int64_t count, int64_t n)
{
    if (kind == KIND_int32_t) {
        ck_assert_msg(!memcmp(fast, ref, (size_t)count * width), "%s", name);
        return;
    }
    bool exact = strstr(name, "max") || strstr(name, "min");
    double unit = kind == KIND_float ? 0x1p-22 : 0x1p-51;
    for (int64_t i = 0; i < count; i++) {
        double g = at(fast, kind, i), w = at(ref, kind, i);
        double allowed = exact ? 0 : (double)n * unit * fmax(1, fabs(w));
        if (!((isnan(g) && isnan(w)) || g == w || fabs(g - w) <= allowed))
            ck_abort_msg("%s of %ld: %.9g, expected %.9g", name, (long)n, g, w);
    }
}

START_TEST(fast_equals_ref)
{
    uint64_t seed = 31;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        for (int64_t n = 0; n <= LENGTH; n += 1 + n / 4)
            for (int64_t step = 0; step < 2; step++) {
                int64_t count = step ? n : 1;
                reduce_begin(rows[i].fast, LENGTH, fast);
                reduce_begin(rows[i].ref, LENGTH, ref);
                for (int pass = 0; pass < 2; pass++) { /* the second meets what the first left */
                    fill(&seed, rows[i].kind, n % 3 == 0);
                    rows[i].fast(n, x, fast, step);
                    rows[i].ref(n, x, ref, step);
                }
                expect_alike(rows[i].name, rows[i].kind, rows[i].width, count, 2 * n + 1);
            }
}
END_TEST

START_TEST(a_nan_survives_every_float_reduction)
{
    float v[40], y;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        for (int place = 0; place < 40 && rows[i].kind == KIND_float; place++) {
            for (int k = 0; k < 40; k++)
                v[k] = 1;
            v[place] = NAN;
            reduce_begin(rows[i].fast, 1, &y);
            rows[i].fast(40, v, &y, 0);
            ck_assert_msg(isnan(y), "%s forgets a NaN at %d", rows[i].name, place);
        }
}
END_TEST

Suite *suite_reduce(void)
{
    return SUITE("reduce", fast_equals_ref, a_nan_survives_every_float_reduction);
}
