/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Counts what passes and fails when told to; the memory itself is malloc's, which is jemalloc where
 * it is linked. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint_fast64_t calls, fail_at;
static atomic_int_fast64_t live;

bool alloc_refused(void)
{
    uint64_t at = atomic_load_explicit(&fail_at, memory_order_relaxed);
    if (!at)
        return false;
    return atomic_fetch_add(&calls, 1) + 1 == at;
}

static void *counted(void *p)
{
    if (p)
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return p;
}

void *alloc_new(size_t bytes)
{
    return alloc_refused() ? NULL : counted(malloc(bytes ? bytes : 1));
}

void *alloc_zero(size_t count, size_t bytes)
{
    return alloc_refused() ? NULL : counted(calloc(count ? count : 1, bytes ? bytes : 1));
}

void *alloc_grow(void *p, size_t bytes)
{
    if (!p)
        return alloc_new(bytes);
    return alloc_refused() ? NULL : realloc(p, bytes ? bytes : 1);
}

char *alloc_str(const char *s)
{
    size_t n = strlen(s) + 1;
    char *p = alloc_new(n);
    if (p)
        memcpy(p, s, n);
    return p;
}

void *alloc_aligned(size_t align, size_t bytes)
{
    void *p = NULL;
    if (alloc_refused() || posix_memalign(&p, align, bytes ? bytes : 1))
        return NULL;
    return counted(p);
}

void alloc_free(void *p)
{
    if (!p)
        return;
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(p);
}

void alloc_fail_at(uint64_t n)
{
    atomic_store(&calls, 0);
    atomic_store(&fail_at, n);
}

uint64_t alloc_calls(void)
{
    return atomic_load(&calls);
}

int64_t alloc_live(void)
{
    return atomic_load(&live);
}
