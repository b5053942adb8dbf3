/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Names that clients see: which they may be, and looking a column up by its own. */
#include <string.h>

#include "artifact/signature.h"

bool signature_name_valid(const char *name)
{
    size_t n = strnlen(name, SIGNATURE_NAME_MAX + 1);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return n >= 1 && n <= SIGNATURE_NAME_MAX;
}

const char *columns_name(const struct columns *c, uint32_t i)
{
    return c->texts + c->at[i];
}

int64_t columns_find(const struct columns *c, const char *name, uint32_t guess)
{
    uint32_t low = 0, high = c->count;
    if (guess < c->count && strcmp(columns_name(c, guess), name) == 0)
        return guess;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(columns_name(c, c->sorted[middle]), name);
        if (order == 0)
            return c->sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}
