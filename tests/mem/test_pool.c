/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Pages of freed regions: who gets them again, and within which bounds they are kept. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/alloc.h"
#include "mem/pool.h"
#include "mem/process.h"
#include "mem/region.h"
#include "metrics/metrics.h"
#include "support/model.h"
#include "support/support.h"

enum { PAGE = REGION_PAGE, MIB = 1 << 20 };

static void limit(uint64_t kept_max, uint64_t total_max)
{
    pool_set_limits(&(struct pool_limits){kept_max, total_max, false});
}

static void limit_whole(uint64_t kept_max, uint64_t total_max)
{
    limit(0, UINT64_MAX);
    pool_set_limits(&(struct pool_limits){kept_max, total_max, true});
}

static struct region make(uint64_t bytes)
{
    struct region r = {0};
    ck_assert_int_eq(region_init(&r, bytes), OK);
    return r;
}

/* Regions of so many pages, one behind the other. */
static void make_row(struct region *r, const uint64_t *pages, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++)
        sum += pages[i];
    struct region all = make(sum * PAGE);
    const uint8_t *at = all.base;
    region_fini(&all);
    for (int i = 0; i < n; i++) {
        r[i] = make(pages[i] * PAGE);
        ck_assert_ptr_eq(r[i].base, at);
        at += pages[i] * PAGE;
    }
}

static uint64_t recycled(void)
{
    return metric_get(M_MEMORY_RECYCLED);
}

static uint64_t fresh(void)
{
    return metric_get(M_MEMORY_FRESH);
}

START_TEST(freed_pages_are_the_next_regions)
{
    static const uint64_t sizes[] = {PAGE, 10 * PAGE, 3 * MIB, 5 * MIB + PAGE};
    metrics_reset();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        limit(0, UINT64_MAX);
        limit(8 * MIB, UINT64_MAX);
        struct region r = make(sizes[i]);
        void *base = r.base;
        const uint64_t was_fresh = fresh(), was_recycled = recycled();
        region_fini(&r);
        ck_assert_uint_eq(pool_kept_bytes(), sizes[i]);
        ck_assert_uint_eq(region_live_bytes(), 0);
        r = make(sizes[i]);
        ck_assert_ptr_eq(r.base, base);
        ck_assert_uint_eq(pool_kept_bytes(), 0);
        ck_assert_uint_eq(fresh(), was_fresh);
        ck_assert_uint_eq(recycled(), was_recycled + sizes[i]);
        region_fini(&r);
    }
}
END_TEST

START_TEST(a_smaller_region_takes_a_part_and_gives_it_back)
{
    struct region all = make(100 * PAGE);
    void *base = all.base;
    region_fini(&all);
    struct region a = make(30 * PAGE), b = make(50 * PAGE);
    ck_assert_ptr_eq(a.base, base);
    ck_assert_ptr_eq(b.base, (uint8_t *)base + 30 * PAGE);
    ck_assert_uint_eq(pool_kept_bytes(), 20 * PAGE);
    region_fini(&a);
    region_fini(&b); /* joins what lies before and behind it */
    all = make(100 * PAGE);
    ck_assert_ptr_eq(all.base, base);
    region_fini(&all);
}
END_TEST

START_TEST(of_several_the_one_that_fits_best_is_taken)
{
    struct region r[5];
    static const uint64_t pages[] = {40, 1, 12, 1, 20}; /* the ones keep them apart */
    make_row(r, pages, 5);
    void *twelve = r[2].base, *twenty = r[4].base;
    for (int i = 0; i < 5; i += 2)
        region_fini(&r[i]);
    struct region a = make(11 * PAGE), b = make(20 * PAGE);
    ck_assert_ptr_eq(a.base, twelve);
    ck_assert_ptr_eq(b.base, twenty);
    region_fini(&a);
    region_fini(&b);
    region_fini(&r[1]);
    region_fini(&r[3]);
}
END_TEST

START_TEST(a_larger_region_grows_out_of_what_is_kept)
{
    static const uint64_t sizes[][2] = {{10 * PAGE, 11 * PAGE}, {3 * MIB, 7 * MIB + PAGE}};
    metrics_reset();
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        limit(0, UINT64_MAX);
        limit(8 * MIB, UINT64_MAX);
        struct region r = make(sizes[i][0]);
        region_fini(&r);
        const uint64_t was_fresh = fresh(), was_recycled = recycled();
        r = make(sizes[i][1]);
        memset(r.base, 1, r.bytes);
        ck_assert_uint_eq(recycled() - was_recycled, sizes[i][0]);
        ck_assert_uint_eq(fresh() - was_fresh, sizes[i][1] - sizes[i][0]);
        ck_assert_uint_eq(pool_kept_bytes(), 0);
        region_fini(&r);
    }
}
END_TEST

/* ---- whole huge pages ---- */

enum { SMALL = 900 * 1024, REST = POOL_HUGE - SMALL };

START_TEST(what_a_region_leaves_of_a_huge_page_is_the_next_ones)
{
    limit_whole(8 * MIB, UINT64_MAX);
    struct region a = make(SMALL);
    ck_assert_uint_eq((uintptr_t)a.base % POOL_HUGE, 0);
    ck_assert_uint_eq(region_live_bytes(), SMALL);
    ck_assert_uint_eq(pool_kept_bytes(), REST);
    struct region b = make(SMALL);
    ck_assert_ptr_eq(b.base, (uint8_t *)a.base + SMALL);
    ck_assert_uint_eq(pool_kept_bytes(), REST - SMALL);
    struct region c = make(SMALL); /* pieces do not make up for a huge page */
    ck_assert_uint_eq((uintptr_t)c.base % POOL_HUGE, 0);
    ck_assert_uint_eq(pool_kept_bytes(), 2 * REST - SMALL);
    struct region d = make(4 * MIB + SMALL); /* grows out of the largest piece */
    memset(d.base, 1, d.bytes);
    ck_assert_uint_eq(pool_kept_bytes(), REST - SMALL);
    region_fini(&d);
    region_fini(&c);
    region_fini(&b);
    region_fini(&a);
    ck_assert_uint_eq(region_live_bytes(), 0);
    limit(0, UINT64_MAX);
    ck_assert_uint_eq(pool_kept_bytes(), 0);
}
END_TEST

START_TEST(a_large_region_leaves_a_rest_too_and_a_tiny_one_none)
{
    limit_whole(8 * MIB, UINT64_MAX);
    struct region large = make(2 * POOL_HUGE + PAGE);
    ck_assert_uint_eq(pool_kept_bytes(), POOL_HUGE - PAGE);
    region_fini(&large);
    limit_whole(8 * MIB, UINT64_MAX);
    struct region whole = make(POOL_HUGE), tiny = make(POOL_WHOLE_LEAST - PAGE);
    ck_assert_uint_eq(pool_kept_bytes(), 0);
    region_fini(&tiny);
    region_fini(&whole);
    limit(0, UINT64_MAX);
}
END_TEST

START_TEST(a_rest_is_kept_within_the_bounds_only)
{
    static const struct {
        uint64_t kept_max, total_max, kept;
    } cases[] = {{REST, POOL_HUGE, REST},
                 {REST - PAGE, UINT64_MAX, 0},
                 {UINT64_MAX, POOL_HUGE - PAGE, 0},
                 {0, UINT64_MAX, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        limit_whole(cases[i].kept_max, cases[i].total_max);
        struct region r = make(SMALL);
        ck_assert_uint_eq(pool_kept_bytes(), cases[i].kept);
        region_fini(&r);
    }
    limit_whole(UINT64_MAX, POOL_HUGE + SMALL);
    struct region a = make(SMALL), b = make(SMALL), c = make(SMALL); /* out of a piece: no room */
    memset(c.base, 1, c.bytes);
    ck_assert_uint_eq(region_live_bytes(), 3 * SMALL);
    ck_assert_uint_eq(pool_kept_bytes(), 0);
    region_fini(&c);
    region_fini(&b);
    region_fini(&a);
    limit_whole(8 * MIB, UINT64_MAX);
    ck_assert_int_eq(region_init(&a, ((uint64_t)1 << 60) + PAGE), E_NO_MEMORY); /* mmap refuses */
    ck_assert_uint_eq(pool_kept_bytes(), 0);
    limit(0, UINT64_MAX);
}
END_TEST

/* Bytes of the process's address space. */
static uint64_t mapped(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%llu", &pages), 1);
    fclose(f);
    return pages * PAGE;
}

/* Flags of its own make one of the neighbours a mapping of its own, and mremap takes no two. */
START_TEST(what_lies_in_two_mappings_does_not_grow_and_leaves_nothing)
{
    enum { HALF = 8 * MIB };
    struct region r[2];
    limit(2 * HALF, UINT64_MAX);
    const uint64_t before = mapped();
    make_row(r, (const uint64_t[]){HALF / PAGE, HALF / PAGE}, 2);
    ck_assert_int_eq(madvise(r[1].base, HALF, MADV_DONTDUMP), 0);
    region_fini(&r[0]);
    region_fini(&r[1]);
    metrics_reset();
    struct region all = make(3 * HALF);
    memset(all.base, 1, all.bytes);
    ck_assert_uint_eq(fresh(), all.bytes);
    ck_assert_uint_eq(recycled(), 0);
    ck_assert_uint_eq(pool_kept_bytes(), 0);
    region_fini(&all);
    limit(0, UINT64_MAX);
    ck_assert_uint_lt(mapped(), before + HALF);
}
END_TEST

START_TEST(what_is_kept_never_passes_its_maximum)
{
    struct region r[5];
    make_row(r, (const uint64_t[]){8, 1, 7, 1, 20}, 5);
    limit(10 * PAGE, UINT64_MAX);
    region_fini(&r[0]);
    ck_assert_uint_eq(pool_kept_bytes(), 8 * PAGE);
    region_fini(&r[2]); /* the smaller one gives way */
    ck_assert_uint_eq(pool_kept_bytes(), 10 * PAGE);
    struct region eight = make(8 * PAGE), two = make(2 * PAGE);
    ck_assert_ptr_eq(eight.base, (uint8_t *)two.base - 9 * PAGE);
    region_fini(&eight);
    region_fini(&two);
    region_fini(&r[4]); /* larger than all that may be kept */
    ck_assert_uint_eq(pool_kept_bytes(), 10 * PAGE);
    region_fini(&r[1]);
    region_fini(&r[3]);
    ck_assert_uint_eq(pool_kept_bytes(), 10 * PAGE);
    limit(3 * PAGE + 1, UINT64_MAX); /* in whole pages */
    ck_assert_uint_eq(pool_kept_bytes(), 3 * PAGE);
    limit(0, UINT64_MAX);
    ck_assert_uint_eq(pool_kept_bytes(), 0);
    struct region d = make(PAGE);
    region_fini(&d);
    ck_assert_uint_eq(pool_kept_bytes(), 0);
    ck_assert_uint_eq(region_live_bytes(), 0);
}
END_TEST

/* A budget of 100 pages is never short of memory because of what is kept. */
START_TEST(what_is_kept_gives_way_to_what_is_used)
{
    struct region r[3];
    limit(100 * PAGE, 100 * PAGE);
    make_row(r, (const uint64_t[]){40, 1, 59}, 3);
    region_fini(&r[0]);
    region_fini(&r[2]);
    ck_assert_uint_eq(pool_kept_bytes(), 99 * PAGE);
    struct region c = make(70 * PAGE); /* 59 of them recycled, 11 fresh */
    ck_assert_uint_eq(region_live_bytes(), 71 * PAGE);
    ck_assert_uint_eq(pool_kept_bytes(), 29 * PAGE);
    struct region d = make(29 * PAGE);
    ck_assert_uint_eq(pool_kept_bytes(), 0);
    region_fini(&d);
    region_fini(&c);
    region_fini(&r[1]);
    ck_assert_uint_eq(pool_kept_bytes(), 100 * PAGE);
}
END_TEST

START_TEST(pages_that_are_not_kept_are_the_kernels)
{
    enum { BYTES = 64 * MIB };
    struct process_usage before, kept, after;
    limit(BYTES, UINT64_MAX);
    process_usage_read(&before);
    struct region r = make(BYTES);
    memset(r.base, 1, BYTES);
    region_fini(&r);
    process_usage_read(&kept);
    limit(0, UINT64_MAX);
    process_usage_read(&after);
    ck_assert_uint_ge(kept.rss_bytes, before.rss_bytes + BYTES - MIB);
    ck_assert_uint_le(after.rss_bytes + BYTES - MIB, kept.rss_bytes);
}
END_TEST

START_TEST(a_failed_region_leaves_nothing_counted)
{
    struct region r = make(10 * PAGE), none = {0};
    alloc_fail_at(1);
    ck_assert_int_eq(region_init(&none, PAGE), E_NO_MEMORY);
    alloc_fail_at(0);
    ck_assert_int_eq(region_init(&none, (uint64_t)1 << 60), E_NO_MEMORY); /* mmap refuses */
    ck_assert_ptr_null(none.base);
    ck_assert_uint_eq(region_live_bytes(), 10 * PAGE);
    region_fini(&r);
    ck_assert_int_eq(region_init(&none, (uint64_t)1 << 60), E_NO_MEMORY); /* and mremap */
    ck_assert_uint_eq(region_live_bytes(), 0);
    r = make(10 * PAGE);
    memset(r.base, 1, r.bytes);
    region_fini(&r);
}
END_TEST

/* More islands than the pool can name: the smallest go. */
START_TEST(many_small_islands_are_bounded)
{
    enum { N = 4000 };
    static struct region r[N];
    for (int i = 0; i < N; i++)
        r[i] = make(PAGE);
    for (int i = 0; i < N; i += 2)
        region_fini(&r[i]);
    ck_assert_uint_le(pool_kept_bytes(), 1024 * PAGE);
    for (int i = 1; i < N; i += 2)
        region_fini(&r[i]);
    ck_assert_uint_eq(region_live_bytes(), 0);
}
END_TEST

/* ---- random use, on one thread and on several ---- */

enum { HELD = 16, TOTAL = 4000, SHARE = 500 };

struct user {
    uint64_t seed;
    uint64_t held; /* pages */
    uint64_t turns;
    struct region regions[HELD];
};

/* Each region carries its own mark on its first and last page; nobody else may have changed it. */
static void mark(struct region *r, uint64_t with)
{
    uint64_t *words = r->base;
    words[0] = words[r->bytes / 8 - 1] = with;
}

static void use(struct user *u, int i)
{
    struct region *r = &u->regions[i];
    const uint64_t with = (uint64_t)(uintptr_t)r->base ^ r->bytes;
    if (r->base) {
        const uint64_t *words = r->base;
        ck_assert_uint_eq(words[0], with);
        ck_assert_uint_eq(words[r->bytes / 8 - 1], with);
        u->held -= r->bytes / PAGE;
        region_fini(r);
        return;
    }
    uint64_t pages = 1 + draw_u64(&u->seed) % (draw_u64(&u->seed) % 8 ? 20 : 300);
    if (u->held + pages > SHARE)
        return;
    *r = make(pages * PAGE);
    u->held += pages;
    mark(r, (uint64_t)(uintptr_t)r->base ^ r->bytes);
}

static void *use_much(void *arg)
{
    struct user *u = arg;
    for (uint64_t n = 0; n < u->turns; n++) {
        use(u, (int)(draw_u64(&u->seed) % HELD));
        ck_assert_uint_le(pool_kept_bytes(), TOTAL * PAGE);
    }
    for (int i = 0; i < HELD; i++)
        if (u->regions[i].base)
            use(u, i);
    return NULL;
}

START_TEST(random_use_keeps_the_sum_within_its_bound)
{
    struct user u = {.seed = 7};
    limit(TOTAL * PAGE, 700 * PAGE);
    for (int n = 0; n < 20000; n++) {
        use(&u, (int)(draw_u64(&u.seed) % HELD));
        ck_assert_uint_eq(region_live_bytes(), u.held * PAGE);
        ck_assert_uint_le(region_live_bytes() + pool_kept_bytes(), 700 * PAGE);
    }
    use_much(&u);
    ck_assert_uint_eq(region_live_bytes(), 0);
}
END_TEST

START_TEST(threads_share_the_pool)
{
    enum { THREADS = 8 };
    static struct user users[THREADS];
    pthread_t threads[THREADS];
    limit(TOTAL * PAGE, TOTAL * PAGE); /* eight times SHARE: always at its bound */
    for (int i = 0; i < THREADS; i++) {
        users[i] = (struct user){.seed = 100 + (uint64_t)i, .turns = 5000};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_much, &users[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(region_live_bytes(), 0);
    ck_assert_uint_le(pool_kept_bytes(), TOTAL * PAGE);
}
END_TEST

Suite *suite_pool(void)
{
    return SUITE(
        "pool", freed_pages_are_the_next_regions, a_smaller_region_takes_a_part_and_gives_it_back,
        of_several_the_one_that_fits_best_is_taken, a_larger_region_grows_out_of_what_is_kept,
        what_a_region_leaves_of_a_huge_page_is_the_next_ones,
        a_large_region_leaves_a_rest_too_and_a_tiny_one_none, a_rest_is_kept_within_the_bounds_only,
        what_lies_in_two_mappings_does_not_grow_and_leaves_nothing,
        what_is_kept_never_passes_its_maximum, what_is_kept_gives_way_to_what_is_used,
        pages_that_are_not_kept_are_the_kernels, a_failed_region_leaves_nothing_counted,
        many_small_islands_are_bounded, random_use_keeps_the_sum_within_its_bound,
        threads_share_the_pool);
}
