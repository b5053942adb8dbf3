/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The list of common blobs on any bytes: what it accepts has a hash a line at most, in order, and
 * all of them are found. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "loader/common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct common_set *s = NULL;
    struct err err = {0};
    if (common_parse(data, n, &s, &err) != OK) {
        if (s || !err.msg[0])
            abort();
        return 0;
    }
    if (s->count > n / COMMON_LINE_BYTES)
        abort();
    for (uint32_t i = 0; i < s->count; i++)
        if (!common_set_has(s, s->hashes[i]) ||
            (i && memcmp(s->hashes[i - 1], s->hashes[i], SHA256_BYTES) >= 0))
            abort();
    alloc_free(s);
    return 0;
}
