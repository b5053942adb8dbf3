/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Kept extents stand in one array by address, so that neighbours are joined again. What leaves the
 * pool is unmapped without the lock; until then it counts as `leaving`, and whoever needs its room
 * waits for it. */
#include "mem/pool.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "base/lock.h"

/* A kept page is nobody's: AddressSanitizer reports who still touches it. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at))
#endif

enum { EXTENTS_MAX = 1024, PAGE = 4096 };

static struct {
    struct lock lock;    /* LOCK_POOL; guards what follows */
    struct cond changed; /* leaving became less */
    struct pool_limits limits;
    uint64_t live, kept, leaving; /* bytes */
    uint32_t count;
    struct extent extents[EXTENTS_MAX]; /* count of them, by address, none touching the next */
} pool;

static void pool_init(void)
{
    lock_init(&pool.lock, LOCK_POOL);
    cond_init(&pool.changed);
    pool.limits = (struct pool_limits){POOL_KEPT_DEFAULT, UINT64_MAX, false};
}

static void pool_lock(void) ACQUIRES(pool.lock)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, pool_init);
    lock_take(&pool.lock);
}

/* Unmapping part of a mapping can fail where a process has too many; the pages go all the same. */
void extent_unmap(struct extent e)
{
    if (munmap(e.base, e.bytes) != 0) {
        int failed = madvise(e.base, e.bytes, MADV_DONTNEED);
        ASSERT(!failed);
    }
}

static void remove_at(uint32_t i)
{
    pool.count--;
    memmove(&pool.extents[i], &pool.extents[i + 1], (pool.count - i) * sizeof(pool.extents[0]));
}

static void insert_at(uint32_t i, struct extent e)
{
    memmove(&pool.extents[i + 1], &pool.extents[i], (pool.count - i) * sizeof(pool.extents[0]));
    pool.extents[i] = e;
    pool.count++;
}

/* The smallest extent of at least `bytes`; else the largest. The pool is not empty. */
static uint32_t best_fit(uint64_t bytes)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < pool.count; i++) {
        uint64_t a = pool.extents[i].bytes, b = pool.extents[best].bytes;
        if (b < bytes ? a > b : a >= bytes && a < b)
            best = i;
    }
    return best;
}

/* Takes the last `bytes` of extent i, or all of it, out of the pool. */
static struct extent cut_end(uint32_t i, uint64_t bytes)
{
    struct extent *e = &pool.extents[i], out = *e;
    if (e->bytes > bytes) {
        e->bytes -= bytes;
        out = (struct extent){e->base + e->bytes, bytes};
    } else {
        remove_at(i);
    }
    pool.kept -= out.bytes;
    ASAN_UNPOISON_MEMORY_REGION(out.base, out.bytes);
    return out;
}

static struct extent cut_start(uint32_t i, uint64_t bytes)
{
    struct extent *e = &pool.extents[i];
    struct extent out = {e->base, bytes};
    if (e->bytes <= bytes)
        return cut_end(i, bytes);
    *e = (struct extent){e->base + bytes, e->bytes - bytes};
    pool.kept -= bytes;
    ASAN_UNPOISON_MEMORY_REGION(out.base, out.bytes);
    return out;
}

/* Gives e, which is in the pool no more, to the kernel. The lock is let go meanwhile. */
static void unmap_one(struct extent e) REQUIRES(pool.lock)
{
    pool.leaving += e.bytes;
    lock_release(&pool.lock);
    extent_unmap(e);
    pool_lock();
    pool.leaving -= e.bytes;
    cond_wake_all(&pool.changed);
}

/* Bytes of whole pages. */
static uint64_t beyond(uint64_t is, uint64_t max)
{
    return is > max ? (is - max + PAGE - 1) / PAGE * PAGE : 0;
}

/* Gives back what is kept beyond the limits, small extents first: the large ones are worth most. */
static void give_way(void) REQUIRES(pool.lock)
{
    for (;;) {
        uint64_t excess = MAX(beyond(pool.kept, pool.limits.kept_max),
                              beyond(pool.live + pool.kept, pool.limits.total_max));
        if (excess && pool.count)
            unmap_one(cut_end(best_fit(0), excess));
        else if (pool.leaving && pool.live + pool.kept + pool.leaving > pool.limits.total_max)
            (void)cond_wait(&pool.changed, &pool.lock, 0);
        else
            return;
    }
}

uint64_t pool_rest(uint64_t bytes)
{
    return bytes < POOL_WHOLE_LEAST ? 0 : (POOL_HUGE - bytes % POOL_HUGE) % POOL_HUGE;
}

/* May `rest` be kept that no region was, beside `bytes` more in use? */
static bool rest_fits(uint64_t rest, uint64_t bytes) REQUIRES(pool.lock)
{
    const struct pool_limits *l = &pool.limits;
    return l->whole_huge && rest && pool.count + 1 < EXTENTS_MAX &&
           pool.kept + rest <= l->kept_max &&
           pool.live + pool.kept + pool.leaving + bytes + rest <= l->total_max;
}

/* The extent to cut `bytes` from; pool.count: none. Pages here and there do not make up for a huge
 * one. */
static uint32_t choose(uint64_t bytes) REQUIRES(pool.lock)
{
    const uint32_t i = pool.count ? best_fit(bytes) : 0;
    bool pieces = i < pool.count && pool.extents[i].bytes < bytes && bytes < POOL_HUGE;
    return pieces && rest_fits(pool_rest(bytes), bytes) ? pool.count : i;
}

struct extent pool_take(uint64_t bytes)
{
    struct extent e = {0};
    pool_lock();
    const uint32_t i = choose(bytes);
    if (i < pool.count)
        e = cut_start(i, bytes);
    pool.live += bytes;
    if (e.bytes < bytes)
        give_way();
    lock_release(&pool.lock);
    return e;
}

/* Where among the extents `base` belongs. */
static uint32_t place_of(const uint8_t *base)
{
    uint32_t low = 0, high = pool.count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (pool.extents[mid].base < base)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool touch(struct extent a, struct extent b)
{
    return a.base + a.bytes == b.base;
}

/* Adds e to the pool, joined with what it touches. */
static void keep(struct extent e) REQUIRES(pool.lock)
{
    uint32_t i = place_of(e.base);
    pool.kept += e.bytes;
    ASAN_POISON_MEMORY_REGION(e.base, e.bytes);
    if (i < pool.count && touch(e, pool.extents[i])) {
        e.bytes += pool.extents[i].bytes;
        remove_at(i);
    }
    if (i > 0 && touch(pool.extents[i - 1], e))
        pool.extents[i - 1].bytes += e.bytes;
    else
        insert_at(i, e);
}

/* Keeps e, within the limits. */
static void put_back(struct extent e) REQUIRES(pool.lock)
{
    keep(e);
    if (pool.count == EXTENTS_MAX)
        unmap_one(cut_end(best_fit(0), UINT64_MAX));
    give_way();
}

bool pool_reserve(uint64_t rest)
{
    pool_lock();
    bool fits = rest_fits(rest, 0);
    pool.kept += fits ? rest : 0;
    lock_release(&pool.lock);
    return fits;
}

void pool_add(struct extent e)
{
    pool_lock();
    pool.kept -= e.bytes;
    if (e.base)
        put_back(e);
    lock_release(&pool.lock);
}

void pool_release(struct extent e, uint64_t *released)
{
    int failed = madvise(e.base, e.bytes, MADV_DONTNEED);
    ASSERT(!failed);
    pool_lock();
    ASAN_POISON_MEMORY_REGION(e.base, e.bytes);
    pool.live -= e.bytes;
    *released += e.bytes;
    lock_release(&pool.lock);
}

void pool_forget(struct extent e)
{
    ASAN_UNPOISON_MEMORY_REGION(e.base, e.bytes);
    extent_unmap(e);
}

void pool_put(struct extent e)
{
    pool_lock();
    pool.live -= e.bytes;
    put_back(e);
    lock_release(&pool.lock);
}

void pool_count(uint64_t bytes)
{
    pool_lock();
    pool.live += bytes;
    give_way();
    lock_release(&pool.lock);
}

void pool_cancel(uint64_t bytes)
{
    pool_lock();
    pool.live -= bytes;
    lock_release(&pool.lock);
}

void pool_set_limits(const struct pool_limits *l)
{
    pool_lock();
    pool.limits = *l;
    give_way();
    lock_release(&pool.lock);
}

struct pool_limits pool_limits(void)
{
    pool_lock();
    struct pool_limits l = pool.limits;
    lock_release(&pool.lock);
    return l;
}

uint64_t pool_kept_bytes(void)
{
    pool_lock();
    uint64_t n = pool.kept;
    lock_release(&pool.lock);
    return n;
}

uint64_t pool_live_bytes(void)
{
    pool_lock();
    uint64_t n = pool.live;
    lock_release(&pool.lock);
    return n;
}
