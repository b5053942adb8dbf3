/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The integer kernels against 128-bit arithmetic: all pairs of values around 0 and both ends of the
 * type. A result is right when its low bits are those of the exact one. */
#include "kernels/integers.h"

#include <string.h>

#include "kernels_support.h"

typedef __int128 wide;

struct row {
    const char *name;
    size_t width;
    bool is_signed;
    binary_fn *f;
};

static const struct row rows[] = {
#define X(name, type, result, value) {#name, sizeof(type), (type)-1 < (type)1, name},
    INTEGER_BINARY(X)
#undef X
};

static bool is(const struct row *r, const char *op)
{
    size_t n = strlen(op);
    return strncmp(r->name, op, n) == 0 && r->name[n] == '_' && strchr("iu", r->name[n + 1]);
}

static wide modulo(wide a, wide b)
{
    wide r = b ? a % b : 0;
    return r && (r < 0) != (b < 0) ? r + b : r;
}

static wide exact(const struct row *r, wide a, wide b)
{
    wide bits = (wide)r->width * 8;
    if (is(r, "add") || is(r, "sub"))
        return is(r, "add") ? a + b : a - b;
    if (is(r, "prelu") && a >= 0)
        return a;
    if (is(r, "mul") || is(r, "prelu"))
        return (wide)((unsigned __int128)a * (unsigned __int128)b);
    if (is(r, "div") || is(r, "rem"))
        return b == 0 ? 0 : is(r, "div") ? a / b : a % b;
    if (is(r, "mod"))
        return modulo(a, b);
    if (is(r, "min") || is(r, "max"))
        return (a < b) == is(r, "min") ? a : b;
    if (is(r, "shift_left"))
        return b >= bits ? 0 : (wide)((unsigned __int128)a << b);
    if (is(r, "shift_right"))
        return b >= bits ? 0 : a >> b;
    if (is(r, "bits_and"))
        return a & b;
    if (is(r, "bits_or") || is(r, "bits_xor"))
        return is(r, "bits_or") ? a | b : a ^ b;
    if (is(r, "equal"))
        return a == b;
    if (is(r, "less") || is(r, "less_equal"))
        return is(r, "less") ? a < b : a <= b;
    ck_assert_msg(is(r, "greater") || is(r, "greater_equal"), "%s", r->name);
    return is(r, "greater") ? a > b : a >= b;
}

START_TEST(every_kernel_gives_the_low_bits_of_the_exact_result)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *r = &rows[i];
        size_t bits = r->width * 8;
        wide least = r->is_signed ? -((wide)1 << (bits - 1)) : 0, span = (wide)1 << bits;
        bool flag = is(r, "equal") || strstr(r->name, "less") || strstr(r->name, "greater");
        for (int ka = -5; ka < 6; ka++)
            for (int kb = -5; kb < 70; kb++) {
                wide a = least + (span + ka + (ka % 2 ? 0 : -least)) % span;
                wide b = least + (span + kb + (kb % 2 ? 0 : -least)) % span;
                wide want = exact(r, a, b);
                uint64_t y[2] = {0x5a5a, 0x5a5a};
                r->f(1, &a, 0, &b, 1, y);
                ck_assert_msg(memcmp(y, &want, flag ? 1 : r->width) == 0, "%s(%ld, %ld)", r->name,
                              (long)a, (long)b);
            }
    }
}
END_TEST

START_TEST(steps_repeat_or_walk_an_operand)
{
    const int16_t a[] = {1, 2, 3}, b[] = {10, 20, 30};
    int16_t y[3];
    add_i16(3, a, 1, b, 0, y);
    ck_assert_int_eq(y[2], 13);
    add_i16(3, a, 0, b, 1, y);
    ck_assert_int_eq(y[2], 31);
    add_i16(3, a, 1, b, 1, y);
    ck_assert_int_eq(y[2], 33);
}
END_TEST

START_TEST(unary_kernels_wrap_at_the_least_value)
{
    const int8_t x[] = {INT8_MIN, -3, 0, 5};
    const uint8_t u[] = {0, 255};
    int8_t y[4];
    uint8_t v[2];
    neg_i8(4, x, y);
    ck_assert(y[0] == INT8_MIN && y[1] == 3 && y[2] == 0 && y[3] == -5);
    abs_i8(4, x, y);
    ck_assert(y[0] == INT8_MIN && y[1] == 3 && y[2] == 0 && y[3] == 5);
    sign_i8(4, x, y);
    ck_assert(y[0] == -1 && y[1] == -1 && y[2] == 0 && y[3] == 1);
    relu_i8(4, x, y);
    ck_assert(y[0] == 0 && y[1] == 0 && y[2] == 0 && y[3] == 5);
    sign_u8(2, u, v);
    ck_assert(v[0] == 0 && v[1] == 1);
    abs_u8(2, u, v);
    ck_assert(v[0] == 0 && v[1] == 255);
}
END_TEST

Suite *suite_integers(void)
{
    return SUITE("integers", every_kernel_gives_the_low_bits_of_the_exact_result,
                 steps_repeat_or_walk_an_operand, unary_kernels_wrap_at_the_least_value);
}
