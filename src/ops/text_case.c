/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One table of ranges serves both directions; see text_case.h. */
#include "ops/text_case.h"

#include <string.h>

#include "base/utf8.h"

/* Capital letters from..to, each of them when the small ones lie apart from them, every second one
 * when each has its small one right behind it. */
static const struct range {
    uint16_t from, to;
    int16_t small; /* from the capital to the small letter */
} ranges[] = {
    {'A', 'Z', 32},       {0x00c0, 0x00d6, 32}, {0x00d8, 0x00de, 32}, {0x0100, 0x012e, 1},
    {0x0132, 0x0136, 1},  {0x0139, 0x0147, 1},  {0x014a, 0x0176, 1},  {0x0178, 0x0178, -121},
    {0x0179, 0x017d, 1},  {0x01cd, 0x01db, 1},  {0x01de, 0x01ee, 1},  {0x01f8, 0x021e, 1},
    {0x0222, 0x0232, 1},  {0x0386, 0x0386, 38}, {0x0388, 0x038a, 37}, {0x038c, 0x038c, 64},
    {0x038e, 0x038f, 63}, {0x0391, 0x03a1, 32}, {0x03a3, 0x03ab, 32}, {0x0400, 0x040f, 80},
    {0x0410, 0x042f, 32}, {0x0460, 0x0480, 1},  {0x048a, 0x04be, 1},  {0x04c0, 0x04c0, 15},
    {0x04c1, 0x04cd, 1},  {0x04d0, 0x052e, 1},  {0x1e00, 0x1e94, 1},  {0x1ea0, 0x1efe, 1},
};

/* Small letters whose capital has another small letter. */
static const struct {
    uint16_t small, capital;
} more[] = {{0x00b5, 0x039c}, {0x03c2, 0x03a3}};

static bool inside(const struct range *r, uint32_t capital)
{
    return capital >= r->from && capital <= r->to &&
           (r->small != 1 || (capital - r->from) % 2 == 0);
}

static uint32_t lower(uint32_t c)
{
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++)
        if (inside(&ranges[i], c))
            return c + (uint32_t)(int32_t)ranges[i].small;
    return c;
}

static uint32_t upper(uint32_t c)
{
    for (size_t i = 0; i < ARRAY_COUNT(more); i++)
        if (more[i].small == c)
            return more[i].capital;
    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++)
        if (inside(&ranges[i], c - (uint32_t)(int32_t)ranges[i].small))
            return c - (uint32_t)(int32_t)ranges[i].small;
    return c;
}

/* One code point of valid UTF-8, of `len` bytes. */
static uint32_t decode(const uint8_t *s, size_t len)
{
    uint32_t c = len == 1 ? s[0] : s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (s[i] & 0x3fu);
    return c;
}

static void encode(uint32_t c, uint8_t *out, size_t len)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = len; i-- > 1; c >>= 6)
        out[i] = (uint8_t)(0x80 | (c & 0x3f));
    out[0] = (uint8_t)(lead[len] | c);
}

/* The letter at s in another case; gives its bytes. */
static size_t convert(const uint8_t *s, size_t n, enum text_case to, uint8_t out[4])
{
    size_t len = utf8_len(s, n);
    uint32_t c = decode(s, len);
    encode(to == TEXT_LOWER ? lower(c) : upper(c), out, len);
    return len;
}

void text_case_write(struct text v, enum text_case to, char *out)
{
    const uint8_t *s = (const uint8_t *)v.at;
    uint8_t letter[4];
    if (to == TEXT_AS_IT_IS && v.len)
        memcpy(out, v.at, v.len);
    for (uint64_t i = 0, len; to != TEXT_AS_IT_IS && i < v.len; i += len) {
        len = convert(s + i, (size_t)(v.len - i), to, letter);
        memcpy(out + i, letter, len);
    }
}

int text_case_order(struct text a, struct text b)
{
    const uint8_t *x = (const uint8_t *)a.at, *y = (const uint8_t *)b.at;
    uint64_t i = 0, k = 0;
    while (i < a.len && k < b.len) {
        uint8_t p[4] = {0}, q[4] = {0};
        i += convert(x + i, (size_t)(a.len - i), TEXT_LOWER, p);
        k += convert(y + k, (size_t)(b.len - k), TEXT_LOWER, q);
        int order = memcmp(p, q, sizeof(p));
        if (order)
            return order;
    }
    return (i < a.len) - (k < b.len);
}
