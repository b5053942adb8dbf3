/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Texts are compared by length and bytes: two spellings of one letter (composed, decomposed) are
 * two texts. */
#include "tensor/text.h"

#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

bool text_valid(const char *s, uint64_t n)
{
    const uint8_t *p = (const uint8_t *)s;
    for (uint64_t i = 0, len; i < n; i += len) {
        len = utf8_len(p + i, (size_t)(n - i));
        if (!len || !p[i])
            return false;
    }
    return true;
}

bool text_same(struct text a, struct text b)
{
    return a.len == b.len && (!a.len || memcmp(a.at, b.at, a.len) == 0);
}

int text_order(struct text a, struct text b)
{
    uint64_t n = MIN(a.len, b.len);
    int by_bytes = n ? memcmp(a.at, b.at, n) : 0;
    return by_bytes ? by_bytes : (a.len > b.len) - (a.len < b.len);
}

bool text_bytes(const struct tensor *t, uint64_t *bytes)
{
    int64_t n = tensor_count(t);
    *bytes = 0;
    for (int64_t i = 0; i < n; i++)
        if (!checked_add(*bytes, text_get(t, i).len, bytes) || *bytes > INT64_MAX)
            return false;
    return true;
}
