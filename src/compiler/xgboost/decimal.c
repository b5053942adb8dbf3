/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Decimal text to numbers. A float is rounded once: digits and a small power of ten give a double
 * that is itself correctly rounded (both operands exact, one operation), and rounding that to float
 * is right unless it stands exactly between two floats; then, and for long or extreme numbers,
 * strtof decides. Names of infinities and NaN are taken as XGBoost writes them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compiler/xgboost/doc.h"

enum {
    DIGITS_EXACT = 15, /* decimal digits that a double always holds exactly */
    POWER_EXACT = 22,  /* 10^22 is the last power of ten that is a double */
    TEXT_MAX = 127,    /* of a number; no writer needs more than 30 */
};

static const double powers[POWER_EXACT + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool decimal_int(const uint8_t *s, size_t n, int64_t *out)
{
    bool negative = n && s[0] == '-';
    size_t i = negative || (n && s[0] == '+') ? 1 : 0;
    if (i == n)
        return false;
    int64_t v = 0;
    for (; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(v, 10, &v))
            return false;
        int digit = s[i] - '0';
        if (__builtin_add_overflow(v, negative ? -digit : digit, &v))
            return false;
    }
    *out = v;
    return true;
}

/* A number's parts: digits * 10^power. */
struct decimal {
    uint64_t digits; /* right while `count` <= DIGITS_EXACT */
    int count;       /* of digits after leading zeros */
    int power;
    bool negative;
};

static size_t take_digits(const uint8_t *s, size_t n, struct decimal *d, int power_each)
{
    size_t i = 0;
    for (; i < n && s[i] >= '0' && s[i] <= '9'; i++) {
        if (d->count < DIGITS_EXACT)
            d->digits = d->digits * 10 + (s[i] - '0');
        if (d->digits)
            d->count++;
        d->power += power_each;
    }
    return i;
}

/* [+-] digits [. digits] [e [+-] digits], all of s. */
static bool split(const uint8_t *s, size_t n, struct decimal *d)
{
    size_t i = 0, whole, fraction = 0;
    *d = (struct decimal){0};
    if (n && (s[0] == '-' || s[0] == '+'))
        d->negative = s[i++] == '-';
    whole = take_digits(s + i, n - i, d, 0);
    i += whole;
    if (i < n && s[i] == '.') {
        i++;
        fraction = take_digits(s + i, n - i, d, -1);
        i += fraction;
    }
    if (!whole && !fraction)
        return false;
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        int64_t power;
        if (!decimal_int(s + i + 1, n - i - 1, &power) || power > 9999 || power < -9999)
            return false;
        d->power += (int)power;
        i = n;
    }
    return i == n;
}

/* Does x stand exactly between two neighbouring floats (of the normal range)? */
static bool between_floats(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return (bits & 0x1fffffff) == 0x10000000;
}

static bool exact(const struct decimal *d, float *out)
{
    if (d->count > DIGITS_EXACT || d->power > POWER_EXACT || d->power < -POWER_EXACT)
        return false;
    double x = (double)d->digits;
    x = d->power < 0 ? x / powers[-d->power] : x * powers[d->power];
    if (x != 0 && (x < 1e-30 || x > 1e30 || between_floats(x)))
        return false;
    *out = (float)(d->negative ? -x : x);
    return true;
}

static bool named(const uint8_t *s, size_t n, float *out)
{
    bool negative = n && s[0] == '-';
    const char *word = (const char *)s + (negative || (n && s[0] == '+') ? 1 : 0);
    size_t len = n - (size_t)(word - (const char *)s);
    if (len == 3 && strncasecmp(word, "nan", len) == 0)
        *out = NAN;
    else if ((len == 8 && strncasecmp(word, "infinity", len) == 0) ||
             (len == 3 && strncasecmp(word, "inf", len) == 0))
        *out = negative ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

bool decimal_float(const uint8_t *s, size_t n, float *out)
{
    struct decimal d;
    if (n > TEXT_MAX)
        return false;
    if (!split(s, n, &d))
        return named(s, n, out);
    if (exact(&d, out))
        return true;
    char text[TEXT_MAX + 1];
    memcpy(text, s, n);
    text[n] = 0;
    *out = strtof(text, NULL);
    return true;
}
