/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Grows by doubling, never past max, and asks the charge before it asks the allocator. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/utf8.h"

enum { FIRST_CAP = 64 };

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_init_charged(struct buf *b, size_t max, buf_charge_fn *charge, void *arg)
{
    *b = (struct buf){.max = max, .charge = charge, .charge_arg = arg};
}

static void refund(struct buf *b, size_t bytes)
{
    if (b->charge && bytes)
        b->charge(b->charge_arg, -(int64_t)bytes);
}

void buf_fini(struct buf *b)
{
    alloc_free(b->data);
    refund(b, b->cap);
    b->data = NULL;
    b->len = b->cap = 0;
}

enum status buf_reserve(struct buf *b, size_t extra)
{
    uint64_t need;
    if (!checked_add(b->len, extra, &need) || need > INT64_MAX / 2)
        return E_TOO_LARGE;
    if (b->max && need > b->max)
        return E_TOO_LARGE;
    if (need <= b->cap)
        return OK;
    size_t cap = b->cap ? b->cap : FIRST_CAP;
    while (cap < need)
        cap *= 2;
    if (b->max && cap > b->max)
        cap = b->max;
    if (b->charge && !b->charge(b->charge_arg, (int64_t)(cap - b->cap)))
        return E_NO_MEMORY;
    uint8_t *p = alloc_grow(b->data, cap);
    if (!p) {
        refund(b, cap - b->cap);
        return E_NO_MEMORY;
    }
    b->data = p;
    b->cap = cap;
    return OK;
}

enum status buf_add(struct buf *b, const void *p, size_t n)
{
    enum status s = buf_reserve(b, n);
    if (s != OK)
        return s;
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
    return OK;
}

enum status buf_str(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

enum status buf_char(struct buf *b, char c)
{
    return buf_add(b, &c, 1);
}

enum status buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    enum status s = n < 0 ? E_INTERNAL : buf_reserve(b, (size_t)n + 1);
    if (s == OK) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return s;
}

enum status buf_zeros(struct buf *b, size_t n)
{
    enum status s = buf_reserve(b, n);
    if (s != OK)
        return s;
    if (n)
        memset(b->data + b->len, 0, n);
    b->len += n;
    return OK;
}

static enum status json_char(struct buf *b, const uint8_t *s, size_t *used, size_t n)
{
    *used = 1;
    switch (s[0]) {
    case '"':
        return buf_str(b, "\\\"");
    case '\\':
        return buf_str(b, "\\\\");
    case '\n':
        return buf_str(b, "\\n");
    case '\r':
        return buf_str(b, "\\r");
    case '\t':
        return buf_str(b, "\\t");
    default:
        break;
    }
    if (s[0] < 0x20)
        return buf_printf(b, "\\u%04x", s[0]);
    size_t len = utf8_len(s, n);
    if (!len)
        return buf_str(b, "\\ufffd");
    *used = len;
    return buf_add(b, s, len);
}

enum status buf_json_str(struct buf *b, const char *s, size_t n)
{
    enum status st = buf_char(b, '"');
    size_t used;
    for (size_t i = 0; st == OK && i < n; i += used)
        st = json_char(b, (const uint8_t *)s + i, &used, n - i);
    return st == OK ? buf_char(b, '"') : st;
}

enum status buf_terminate(struct buf *b)
{
    enum status s = buf_reserve(b, 1);
    if (s == OK)
        b->data[b->len] = 0;
    return s;
}

void buf_take(struct buf *b, uint8_t **data, size_t *len)
{
    *data = b->data;
    *len = b->len;
    refund(b, b->cap);
    b->data = NULL;
    b->len = b->cap = 0;
}

void buf_move(struct buf *dst, struct buf *src)
{
    ASSERT(dst->cap == 0);
    *dst = *src;
    src->data = NULL;
    src->len = src->cap = 0;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}
