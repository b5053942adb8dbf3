/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A sequence is valid when it is the shortest for its code point and that is no surrogate. */
#include "base/utf8.h"

size_t utf8_len(const uint8_t *s, size_t n)
{
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xc2 && s[0] <= 0xdf ? 2
                 : (s[0] & 0xf0) == 0xe0      ? 3
                 : s[0] <= 0xf4               ? 4
                                              : 0;
    if (s[0] < 0xc2 || !len || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
               (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f);
    return bad ? 0 : len;
}
