/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Elementwise kernels against their refs: every kernel of the lists, odd lengths, repeated
 * operands, NaN, infinities, -0, denormals and integer extremes, in place too.
 *
 * Tolerance: none. Fast and ref evaluate one expression in the same precision, without contraction,
 * so every bit agrees (but for which NaN it is). */
#include "kernels/elementwise.h"

#include <string.h>

#include "kernels_support.h"

enum { LENGTH = 131, BYTES = LENGTH * 8 };

/* What stands in the operand, by element: any bits are some value of the type. */
enum kind { KIND_float, KIND_double, KIND_int32_t, KIND_int64_t, KIND_uint8_t };

static double special_number(int64_t i)
{
    static const double numbers[] = {NAN, INFINITY, -INFINITY, -0.0, 0, 1e-40, -1e-310, 1,
                                     -1,  88.8,     -104,      3e38, 2, 0.5,   3,       -3};
    return numbers[i % (int64_t)ARRAY_COUNT(numbers)];
}

static void fill(uint64_t *seed, enum kind kind, void *p)
{
    for (int64_t i = 0; i < LENGTH; i++) {
        int64_t v = random_int(seed, 0, 2) ? random_int(seed, -9, 9) : (int64_t)random_next(seed);
        double f = random_int(seed, 0, 1) ? (double)random_int(seed, -9000, 9000) / 1000
                                          : special_number(random_int(seed, 0, 1000));
        if (kind == KIND_float)
            ((float *)p)[i] = (float)f;
        else if (kind == KIND_double)
            ((double *)p)[i] = f;
        else if (kind == KIND_int32_t)
            ((int32_t *)p)[i] = random_int(seed, 0, 5) ? (int32_t)v : INT32_MIN;
        else if (kind == KIND_int64_t)
            ((int64_t *)p)[i] = random_int(seed, 0, 5) ? v : INT64_MIN;
        else
            ((uint8_t *)p)[i] = (uint8_t)random_int(seed, 0, 1);
    }
}

/* Equal bits, or both a NaN. */
static void expect_same(const char *name, enum kind result, const void *got, const void *want,
                        int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        size_t w = result == KIND_uint8_t                           ? 1
                   : result == KIND_float || result == KIND_int32_t ? 4
                                                                    : 8;
        const uint8_t *g = (const uint8_t *)got + (size_t)i * w;
        const uint8_t *r = (const uint8_t *)want + (size_t)i * w;
        bool nan = (result == KIND_float && isnan(((const float *)got)[i]) &&
                    isnan(((const float *)want)[i])) ||
                   (result == KIND_double && isnan(((const double *)got)[i]) &&
                    isnan(((const double *)want)[i]));
        if (!nan && memcmp(g, r, w) != 0)
            ck_abort_msg("%s differs at element %ld", name, (long)i);
    }
}

struct unary_row {
    const char *name;
    enum kind kind;
    unary_fn *fast, *ref;
};

/* The list's own words, an element at a time from the last one on. */
#define X(name, type, value)                                                                       \
    static void name##_as_said(int64_t n, const void *px, void *py)                                \
    {                                                                                              \
        for (int64_t i = n; i-- > 0;) {                                                            \
            const type x = ((const type *)px)[i];                                                  \
            ((type *)py)[i] = (type)(value);                                                       \
        }                                                                                          \
    }
MATH_KERNELS(X)
#undef X

static const struct unary_row unary_rows[] = {
#define X(name, type, value) {#name, KIND_##type, name, name##_ref},
    UNARY_KERNELS(X)
#undef X
#define X(name, type, value) {#name, KIND_##type, name, name##_as_said},
        MATH_KERNELS(X)
#undef X
};

#define X(name, type, result, value)                                                               \
    static void name##_as_said(int64_t n, const void *pa, int64_t sa, const void *pb, int64_t sb,  \
                               void *py)                                                           \
    {                                                                                              \
        for (int64_t i = n; i-- > 0;) {                                                            \
            const type a = ((const type *)pa)[i * sa], b = ((const type *)pb)[i * sb];             \
            ((result *)py)[i] = (result)(value);                                                   \
        }                                                                                          \
    }
MATH_BINARY_KERNELS(X)
#undef X

struct binary_row {
    const char *name;
    enum kind kind, result;
    binary_fn *fast, *ref;
};

static const struct binary_row binary_rows[] = {
#define X(name, type, result, value) {#name, KIND_##type, KIND_##result, name, name##_ref},
    BINARY_KERNELS(X)
#undef X
#define X(name, type, result, value) {#name, KIND_##type, KIND_##result, name, name##_as_said},
        MATH_BINARY_KERNELS(X)
#undef X
};

static _Alignas(64) uint8_t a[BYTES], b[BYTES], fast[BYTES], ref[BYTES];

START_TEST(unary_kernels_equal_their_refs)
{
    uint64_t seed = 3;
    for (size_t i = 0; i < ARRAY_COUNT(unary_rows); i++) {
        const struct unary_row *r = &unary_rows[i];
        for (int64_t n = 0; n <= LENGTH; n += 1 + n / 3) {
            fill(&seed, r->kind, a);
            memset(fast, 0x5a, BYTES);
            memset(ref, 0x5a, BYTES);
            r->fast(n, a, fast);
            r->ref(n, a, ref);
            expect_same(r->name, r->kind, fast, ref, LENGTH);
            memcpy(fast, a, BYTES);
            r->fast(n, fast, fast);
            expect_same(r->name, r->kind, fast, ref, n); /* in place */
        }
    }
}
END_TEST

/* The others of elementwise.h, whose fast and ref forms take numbers of their own. */
START_TEST(parameterised_kernels_equal_their_refs)
{
    uint64_t seed = 5;
    float *x = (float *)(void *)a, *y = (float *)(void *)fast, *z = (float *)(void *)ref;
    fill(&seed, KIND_float, a);
    for (int64_t n = 0; n <= LENGTH; n += 1 + n / 3) {
        clip_f32(n, x, y, -1, 2);
        clip_f32_ref(n, x, z, -1, 2);
        expect_same("clip", KIND_float, fast, ref, n);
        leaky_relu_f32(n, x, y, 0.1f);
        leaky_relu_f32_ref(n, x, z, 0.1f);
        expect_same("leaky_relu", KIND_float, fast, ref, n);
        affine_f32(n, x, y, 1.5f, -0.25f);
        affine_f32_ref(n, x, z, 1.5f, -0.25f);
        expect_same("affine", KIND_float, fast, ref, n);
        elu_f32(n, x, y, 0.5f); /* the ref works in double: expm1f is within 1 ulp, 2^-23 */
        elu_f32_ref(n, x, z, 0.5f);
        expect_close(y, z, (size_t)n, 2 * 0x1p-23, 0);
    }
}
END_TEST

START_TEST(select_equals_its_ref_for_every_width)
{
    uint64_t seed = 6;
    uint8_t c[LENGTH];
    fill(&seed, KIND_int64_t, a);
    fill(&seed, KIND_int64_t, b);
    fill(&seed, KIND_uint8_t, c);
    for (int width = 1; width <= 8; width *= 2)
        for (int steps = 0; steps < 8; steps++) {
            const int64_t s[3] = {steps & 1, steps >> 1 & 1, steps >> 2};
            const void *ab[2] = {a, b};
            memset(fast, 0x5a, BYTES);
            memset(ref, 0x5a, BYTES);
            select_any(LENGTH - 2, s, c, ab, width, fast);
            select_any_ref(LENGTH - 2, s, c, ab, width, ref);
            ck_assert_mem_eq(fast, ref, BYTES);
        }
}
END_TEST

START_TEST(binary_kernels_equal_their_refs)
{
    uint64_t seed = 4;
    for (size_t i = 0; i < ARRAY_COUNT(binary_rows); i++) {
        const struct binary_row *r = &binary_rows[i];
        for (int64_t n = 0; n <= LENGTH; n += 1 + n / 3)
            for (int steps = 0; steps < 4; steps++) {
                fill(&seed, r->kind, a);
                fill(&seed, r->kind, b);
                memset(fast, 0x5a, BYTES);
                memset(ref, 0x5a, BYTES);
                r->fast(n, a, steps & 1, b, steps >> 1, fast);
                r->ref(n, a, steps & 1, b, steps >> 1, ref);
                expect_same(r->name, r->result, fast, ref, LENGTH);
                if (r->kind != r->result || !(steps & 1))
                    continue;
                r->fast(n, a, 1, b, steps >> 1, a);
                expect_same(r->name, r->result, a, ref, n); /* in place of the first operand */
            }
    }
}
END_TEST

Suite *suite_elementwise(void)
{
    return SUITE("elementwise", unary_kernels_equal_their_refs, binary_kernels_equal_their_refs,
                 parameterised_kernels_equal_their_refs, select_equals_its_ref_for_every_width);
}
