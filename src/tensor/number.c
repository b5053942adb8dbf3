/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Exact integers by checked accumulation; doubles by Clinger's fast path (exact when mantissa and
 * power of ten both are) with strtod behind it. The process keeps the "C" locale. source: W.
 * Clinger, "How to read floating point numbers accurately", PLDI 1990 */
#include "tensor/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double pow10_exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
enum { POW10_MAX = 22, DIGITS_MAX = 19 };

const char *number_fault_text(enum number_fault f)
{
    static const char *const text[] = {"fine", "not a number", "not an integer", "out of range",
                                       "too long a number"};
    return text[f];
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t digits(const char *s, size_t i, size_t n)
{
    while (i < n && digit(s[i]))
        i++;
    return i;
}

size_t number_span(const char *s, size_t n)
{
    size_t i = n && s[0] == '-' ? 1 : 0;
    size_t start = i;
    i = digits(s, i, n);
    if (i == start || (s[start] == '0' && i > start + 1))
        return 0;
    if (i < n && s[i] == '.') {
        size_t frac = i + 1;
        i = digits(s, frac, n);
        if (i == frac)
            return 0;
    }
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        size_t e = i + 1;
        if (e < n && (s[e] == '+' || s[e] == '-'))
            e++;
        i = digits(s, e, n);
        if (i == e)
            return 0;
    }
    return i;
}

/* A number taken apart: value = mantissa * 10^exp10, exact when !inexact. */
struct decimal {
    uint64_t mantissa;
    int64_t exp10;
    bool negative, inexact;
};

static void take_digits(struct decimal *d, const char *s, size_t from, size_t to, int *seen)
{
    for (size_t i = from; i < to; i++) {
        if (*seen == 0 && s[i] == '0')
            continue;
        if (++*seen > DIGITS_MAX) {
            d->inexact = true;
            return;
        }
        d->mantissa = d->mantissa * 10 + (uint64_t)(s[i] - '0');
    }
}

static int64_t exponent(const char *s, size_t n)
{
    bool negative = n && s[0] == '-';
    int64_t e = 0;
    for (size_t i = n && !digit(s[0]) ? 1 : 0; i < n; i++)
        if (e < 100000)
            e = e * 10 + (s[i] - '0');
    return negative ? -e : e;
}

static struct decimal take_apart(const char *s, size_t n)
{
    struct decimal d = {.negative = s[0] == '-'};
    int seen = 0;
    size_t i = d.negative ? 1 : 0, end = digits(s, i, n);
    take_digits(&d, s, i, end, &seen);
    i = end;
    if (i < n && s[i] == '.') {
        end = digits(s, i + 1, n);
        take_digits(&d, s, i + 1, end, &seen);
        d.exp10 -= (int64_t)(end - i - 1);
        i = end;
    }
    if (i < n)
        d.exp10 += exponent(s + i + 1, n - i - 1);
    return d;
}

static enum number_fault to_f64(const char *s, size_t n, double *out)
{
    struct decimal d = take_apart(s, n);
    if (!d.inexact && d.mantissa <= (UINT64_C(1) << 53) && d.exp10 >= -POW10_MAX &&
        d.exp10 <= POW10_MAX) {
        double m = (double)d.mantissa;
        m = d.exp10 < 0 ? m / pow10_exact[-d.exp10] : m * pow10_exact[d.exp10];
        *out = d.negative ? -m : m;
        return NUMBER_FINE;
    }
    if (n > NUMBER_TEXT_MAX)
        return NUMBER_TOO_LONG;
    char text[NUMBER_TEXT_MAX + 1];
    memcpy(text, s, n);
    text[n] = 0;
    *out = strtod(text, NULL);
    return isfinite(*out) ? NUMBER_FINE : NUMBER_RANGE;
}

/* The magnitude as an unsigned integer; the sign apart. */
static enum number_fault to_integer(const char *s, size_t n, uint64_t *mag, bool *negative)
{
    *negative = s[0] == '-';
    uint64_t v = 0;
    for (size_t i = *negative ? 1 : 0; i < n; i++) {
        if (!digit(s[i]))
            return NUMBER_NOT_INTEGER;
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
            return NUMBER_RANGE;
    }
    *mag = v;
    return NUMBER_FINE;
}

static bool is_signed(enum dtype t)
{
    return t == DT_I8 || t == DT_I16 || t == DT_I32 || t == DT_I64;
}

static enum number_fault store_integer(enum dtype t, const char *s, size_t n, void *dst)
{
    uint64_t mag;
    bool negative;
    enum number_fault f = to_integer(s, n, &mag, &negative);
    if (f != NUMBER_FINE)
        return f;
    size_t bytes = dtype_bytes(t);
    uint64_t top = t == DT_BOOL ? 1 : UINT64_MAX >> (64 - 8 * bytes);
    if (is_signed(t))
        top = (top >> 1) + (negative ? 1 : 0);
    else if (negative && mag)
        return NUMBER_RANGE;
    if (mag > top)
        return NUMBER_RANGE;
    uint64_t v = negative ? 0 - mag : mag;
    memcpy(dst, &v, bytes); /* little-endian: the low bytes are the value */
    return NUMBER_FINE;
}

void number_store_special(enum dtype t, double v, void *dst)
{
    if (t == DT_F64) {
        memcpy(dst, &v, sizeof(v));
        return;
    }
    float f = (float)v;
    if (t == DT_F32) {
        memcpy(dst, &f, sizeof(f));
        return;
    }
    uint16_t h = t == DT_F16 ? f32_to_f16(f) : f32_to_bf16(f);
    memcpy(dst, &h, sizeof(h));
}

enum number_fault number_store(enum dtype t, const char *s, size_t n, void *dst)
{
    if (!dtype_is_float(t))
        return store_integer(t, s, n, dst);
    double v;
    enum number_fault f = to_f64(s, n, &v);
    if (f != NUMBER_FINE)
        return f;
    double top = t == DT_F64 ? INFINITY : t == DT_F16 ? 65520.0 : 0x1.ffffffp127;
    if (fabs(v) >= top)
        return NUMBER_RANGE;
    number_store_special(t, v, dst);
    return NUMBER_FINE;
}

/* Digits d (no trailing zeros) of d * 10^exp10 in plain or exponent notation. */
static size_t lay_out(uint64_t d, int exp10, bool negative, char *out)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%" PRIu64, d);
    int point = len + exp10; /* digits before the decimal point */
    char *p = out;
    if (negative)
        *p++ = '-';
    if (point > 0 && point <= 16) {
        for (int i = 0; i < MAX(len, point); i++) {
            if (i == point)
                *p++ = '.';
            *p++ = i < len ? text[i] : '0';
        }
        if (point >= len) {
            *p++ = '.';
            *p++ = '0';
        }
    } else if (point <= 0 && point > -5) {
        *p++ = '0';
        *p++ = '.';
        for (int i = point; i < len; i++)
            *p++ = i < 0 ? '0' : text[i];
    } else {
        *p++ = text[0];
        if (len > 1) {
            *p++ = '.';
            memcpy(p, text + 1, (size_t)len - 1);
            p += len - 1;
        }
        p += sprintf(p, "e%+03d", point - 1);
    }
    return (size_t)(p - out);
}

/* The shortest of 6 to 9 digits that reads back as f, when the powers of ten are exact. 9 digits
 * tell all floats apart; the check by the reader's own arithmetic makes the scaling's rounding
 * harmless. */
static size_t print_f32_fast(float f, char *out)
{
    double v = fabs((double)f);
    int e = (int)floor(log10(v));
    for (int places = 6; places <= 9; places++) {
        int shift = places - 1 - e; /* v * 10^shift has `places` digits */
        if (shift < -POW10_MAX || shift > POW10_MAX)
            return 0;
        uint64_t d =
            (uint64_t)llround(shift < 0 ? v / pow10_exact[-shift] : v * pow10_exact[shift]);
        double back = shift < 0 ? (double)d * pow10_exact[-shift] : (double)d / pow10_exact[shift];
        if ((float)back != (float)v)
            continue;
        int exp10 = -shift;
        while (d && d % 10 == 0) {
            d /= 10;
            exp10++;
        }
        return lay_out(d, exp10, signbit(f) != 0, out);
    }
    return 0;
}

/* JSON readers need no ".0", but it keeps a float column a float column. */
static size_t with_point(char *out, size_t n)
{
    if (strcspn(out, ".eEn") < n)
        return n;
    out[n++] = '.';
    out[n++] = '0';
    return n;
}

static size_t print_double(double v, int least, int most, bool as_f32, char *out)
{
    int n = 0;
    for (int places = least; places <= most; places++) {
        n = snprintf(out, NUMBER_OUT_MAX, "%.*g", places, v);
        double back = strtod(out, NULL);
        if (as_f32 ? (float)back == (float)v : back == v)
            break;
    }
    return with_point(out, (size_t)n);
}

static size_t print_special(double v, char *out)
{
    const char *s = isnan(v) ? "NaN" : v > 0 ? "Infinity" : "-Infinity";
    memcpy(out, s, strlen(s));
    return strlen(s);
}

static size_t print_float(const struct tensor *t, int64_t i, char *out, bool *special)
{
    double v = tensor_get_f64(t, i);
    *special = !isfinite(v);
    if (*special)
        return print_special(v, out);
    if (v == 0) {
        memcpy(out, signbit(v) ? "-0.0" : "0.0", 4);
        return signbit(v) ? 4 : 3;
    }
    if (t->dtype == DT_F64)
        return print_double(v, 15, 17, false, out);
    size_t n = print_f32_fast((float)v, out);
    return n ? n : print_double(v, 6, 9, true, out);
}

size_t number_print(const struct tensor *t, int64_t i, char out[NUMBER_OUT_MAX], bool *special)
{
    *special = false;
    if (dtype_is_float(t->dtype))
        return print_float(t, i, out, special);
    int n;
    if (t->dtype == DT_U64)
        n = snprintf(out, NUMBER_OUT_MAX, "%" PRIu64, ((const uint64_t *)t->data)[i]);
    else
        n = snprintf(out, NUMBER_OUT_MAX, "%" PRId64, tensor_get_i64(t, i));
    return (size_t)n;
}
