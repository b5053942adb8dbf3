/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Names as a picture may show them: whatever XML cannot hold, or what would show something else
 * than it says, becomes a question mark. */
#include <string.h>

#include "cli/graph/picture.h"
#include "tensor/text.h"

static const char ellipsis[] = "\xe2\x80\xa6";

/* Bytes of the character at s by its first byte; 1 when there is no such character. */
static size_t char_bytes(const char *s)
{
    unsigned char c = (unsigned char)*s;
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return strnlen(s, n) == n && text_valid(s, n) ? n : 1;
}

static bool showable(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    if (n == 1)
        return u[0] >= 0x20 && u[0] < 0x7f;
    if (n == 2 && u[0] == 0xc2 && u[1] < 0xa0)
        return false; /* C1 controls */
    if (n != 3)
        return true;
    uint32_t code = (uint32_t)(u[0] & 0x0f) << 12 | (uint32_t)(u[1] & 0x3f) << 6 | (u[2] & 0x3f);
    bool turns = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                 (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
    return !turns && code < 0xfffe; /* XML has no U+FFFE and U+FFFF */
}

void picture_text(char out[PICTURE_TEXT_MAX], const char *s, int most)
{
    size_t len = 0, before_last = 0;
    for (int count = 0; *s; count++) {
        size_t n = char_bytes(s);
        if (count == most || len + n + sizeof(ellipsis) > PICTURE_TEXT_MAX) {
            memcpy(out + before_last, ellipsis, sizeof(ellipsis));
            return;
        }
        before_last = len;
        if (showable(s, n))
            memcpy(out + len, s, n);
        else
            out[len] = '?';
        len += showable(s, n) ? n : 1;
        s += n;
    }
    out[len] = 0;
}

int picture_chars(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}
