/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Kept pages where there are any, else mmap, behind the allocation door's failure switch so that
 * tests reach the error paths. */
#include "mem/region.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "mem/pool.h"
#include "metrics/metrics.h"

/* Pages that move leave an address, which a later mapping of another thread may get. The kernel
 * orders the two, but ThreadSanitizer knows nothing of mremap. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
static char addresses;
#define ADDRESSES_LEFT() __tsan_release(&addresses)
#define ADDRESSES_TAKEN() __tsan_acquire(&addresses)
#else
#define ADDRESSES_LEFT() ((void)0)
#define ADDRESSES_TAKEN() ((void)0)
#endif

enum {
    HUGE = POOL_HUGE,
    JUNK = 0xa5,
    JUNK_MAX = 16 * 1024 * 1024,
};

uint64_t region_round(uint64_t bytes)
{
    uint64_t n;
    return checked_align(bytes ? bytes : 1, REGION_PAGE, &n) ? n : UINT64_MAX;
}

static void *map(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* A mapping that begins `offset` bytes behind a place for a huge page. */
static uint8_t *map_beside(uint64_t bytes, uint64_t offset)
{
    uint8_t *p = map(bytes + HUGE);
    if (!p)
        return NULL;
    uint64_t before = (offset - (uintptr_t)p) % HUGE;
    if (before)
        extent_unmap((struct extent){p, before});
    extent_unmap((struct extent){p + before + bytes, HUGE - before});
    return p + before;
}

/* Where huge pages fit they are asked for: their first touch is two to five times quicker. Only
 * whole ones inside the region are ever used, so that it holds no page beyond its size. */
static void *want_huge(void *p, uint64_t bytes)
{
    if (p && bytes >= HUGE)
        (void)madvise(p, bytes, MADV_HUGEPAGE); /* where the kernel has none, there are none */
    return p;
}

/* Whole huge pages, of which the pool keeps the rest. */
static void *map_whole(uint64_t bytes, uint64_t rest)
{
    uint8_t *p = want_huge(map_beside(bytes + rest, 0), bytes + rest);
    pool_add((struct extent){p ? p + bytes : NULL, rest});
    return p;
}

static void *map_fresh(uint64_t bytes)
{
    const uint64_t rest = pool_rest(bytes);
    if (pool_reserve(rest))
        return map_whole(bytes, rest);
    return bytes < HUGE ? map(bytes) : want_huge(map_beside(bytes, 0), bytes);
}

/* Pages of several mappings, which the pool joined: the kernel grows none of them. */
static bool of_several_mappings(const void *grown)
{
    return grown == MAP_FAILED && errno == EFAULT;
}

/* More pages behind those of e, which may move, huge ones to a place that takes them whole. NULL,
 * and e as it was, when it cannot be. Whether a failed move unmapped its place differs between
 * kernels, so a place is made only where no more than room was missing. */
static void *grow(struct extent e, uint64_t bytes)
{
    ADDRESSES_LEFT();
    void *to, *p = mremap(e.base, e.bytes, bytes, 0);
    if (of_several_mappings(p))
        return NULL;
    if (p == MAP_FAILED && bytes < HUGE)
        p = mremap(e.base, e.bytes, bytes, MREMAP_MAYMOVE);
    else if (p == MAP_FAILED && (to = map_beside(bytes, (uintptr_t)e.base % HUGE)))
        p = mremap(e.base, e.bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    ADDRESSES_TAKEN();
    return p == MAP_FAILED ? NULL : want_huge(p, bytes);
}

/* Zeros are an accident that no code may lean on: debug builds take them away. */
static void spoil(void *p, uint64_t bytes)
{
#ifdef ROOST_DEBUG
    if (bytes <= JUNK_MAX)
        memset(p, JUNK, bytes);
#else
    UNUSED(p);
    UNUSED(bytes);
#endif
}

enum status region_init(struct region *r, uint64_t bytes)
{
    uint64_t n = region_round(bytes);
    if (n > INT64_MAX - HUGE || alloc_refused())
        return E_NO_MEMORY;
    struct extent e = pool_take(n);
    void *p = e.bytes == n ? e.base : e.bytes ? grow(e, n) : NULL;
    if (!p && e.bytes) {
        extent_unmap(e);
        e.bytes = 0;
    }
    if (!p)
        p = map_fresh(n);
    if (!p) {
        pool_cancel(n);
        return E_NO_MEMORY;
    }
    metric_add(M_MEMORY_RECYCLED, e.bytes);
    metric_add(M_MEMORY_FRESH, n - e.bytes);
    spoil(p, n);
    *r = (struct region){.base = p, .bytes = n};
    return OK;
}

/* ---- files ---- */

/* Whole pages of the file over the start of `base`. */
static enum status map_file(void *base, const struct region_file *f, uint64_t whole, bool locked)
{
    if (!whole)
        return OK;
    void *p = mmap(base, whole, PROT_READ, MAP_PRIVATE | MAP_FIXED, f->fd, (off_t)f->off);
    if (p == MAP_FAILED)
        return errno == ENOMEM || errno == EAGAIN ? E_NO_MEMORY : E_IO;
    want_huge(p, whole);
    return !locked || mlock(base, whole) == 0 ? OK : E_NO_MEMORY;
}

static enum status read_rest(uint8_t *to, const struct region_file *f, uint64_t from)
{
    while (from < f->bytes) {
        ssize_t n = pread(f->fd, to + from, f->bytes - from, (off_t)(f->off + from));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return E_IO;
        from += (uint64_t)n;
    }
    return OK;
}

enum status region_map(struct region *r, const struct region_file *f, uint64_t bytes, bool locked)
{
    const uint64_t n = region_round(bytes), whole = f->bytes / REGION_PAGE * REGION_PAGE;
    ASSERT(f->bytes <= bytes && f->off % REGION_PAGE == 0);
    if (n > INT64_MAX - HUGE || alloc_refused())
        return E_NO_MEMORY;
    pool_count(n);
    ADDRESSES_TAKEN();
    /* Where huge pages of the file's cache lie likewise in memory, they are mapped whole; what of
     * the file is not there yet is asked for in such pages. */
    uint8_t *p = n < HUGE ? map(n) : map_beside(n, f->off % HUGE);
    enum status s = p ? map_file(p, f, whole, locked) : E_NO_MEMORY;
    if (s == OK) {
        spoil(p + whole, n - whole);
        s = read_rest(p, f, whole);
    }
    if (s == OK) {
        metric_add(M_MEMORY_MAPPED, whole);
        metric_add(M_MEMORY_FRESH, n - whole);
        *r = (struct region){.base = p, .bytes = n, .mapped_bytes = whole};
        return OK;
    }
    if (p)
        extent_unmap((struct extent){p, n});
    pool_cancel(n);
    return s;
}

void region_fini(struct region *r)
{
    if (r->mapped_bytes) {
        extent_unmap((struct extent){r->base, r->bytes});
        pool_cancel(r->bytes - r->released);
    } else if (r->base) {
        ASSERT(!r->released);
        pool_put((struct extent){r->base, r->bytes});
    }
    *r = (struct region){0};
}

void region_release(struct region *r, uint64_t off, uint64_t bytes)
{
    ASSERT(off % REGION_PAGE == 0 && bytes % REGION_PAGE == 0);
    ASSERT(range_inside(off, bytes, r->bytes));
    if (bytes)
        pool_release((struct extent){(uint8_t *)r->base + off, bytes}, &r->released);
}

void region_fini_part(const struct region *r, uint64_t off, uint64_t bytes, bool released)
{
    struct extent e = {(uint8_t *)r->base + off, bytes};
    ASSERT(off % REGION_PAGE == 0 && bytes % REGION_PAGE == 0);
    ASSERT(range_inside(off, bytes, r->bytes));
    if (bytes)
        (released ? pool_forget : pool_put)(e);
}

uint64_t region_live_bytes(void)
{
    return pool_live_bytes();
}
