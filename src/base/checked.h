/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Arithmetic on numbers from outside: true when the result fits, false (and *out unset) when not.
 */
#ifndef ROOST_BASE_CHECKED_H
#define ROOST_BASE_CHECKED_H

#include "base/base.h"

static inline WARN_UNUSED bool checked_add(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline WARN_UNUSED bool checked_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Rounds a up to a multiple of the power of two `align`. */
static inline WARN_UNUSED bool checked_align(uint64_t a, uint64_t align, uint64_t *out)
{
    uint64_t t;
    if (!checked_add(a, align - 1, &t))
        return false;
    *out = t & ~(align - 1);
    return true;
}

/* Is [off, off+len) inside [0, size)? */
static inline WARN_UNUSED bool range_inside(uint64_t off, uint64_t len, uint64_t size)
{
    return off <= size && len <= size - off;
}

#endif
