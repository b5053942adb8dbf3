/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* mmap and munmap, behind the allocation door's failure switch so that tests reach the error paths.
 */
#include "mem/region.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "base/checked.h"

static atomic_uint_fast64_t live_bytes;

uint64_t region_round(uint64_t bytes)
{
    uint64_t n;
    return checked_align(bytes ? bytes : 1, REGION_PAGE, &n) ? n : UINT64_MAX;
}

enum status region_init(struct region *r, uint64_t bytes)
{
    uint64_t n = region_round(bytes);
    if (n == UINT64_MAX || n > INT64_MAX || alloc_refused())
        return E_NO_MEMORY;
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return E_NO_MEMORY;
    atomic_fetch_add_explicit(&live_bytes, n, memory_order_relaxed);
    *r = (struct region){p, n};
    return OK;
}

void region_fini(struct region *r)
{
    if (r->base) {
        int e = munmap(r->base, r->bytes);
        ASSERT(e == 0);
        atomic_fetch_sub_explicit(&live_bytes, r->bytes, memory_order_relaxed);
    }
    *r = (struct region){0};
}

uint64_t region_live_bytes(void)
{
    return atomic_load_explicit(&live_bytes, memory_order_relaxed);
}
