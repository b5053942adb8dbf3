/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Budgets, regions, bump allocation and worker arenas. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "mem/arena.h"
#include "mem/budget.h"
#include "support/support.h"

START_TEST(a_budget_never_passes_its_limit)
{
    struct budget b;
    struct budget_usage u;
    budget_init(&b, 100);
    ck_assert(budget_take(&b, BUDGET_RESERVED, 60));
    ck_assert(!budget_take(&b, BUDGET_SCRATCH, 41));
    ck_assert(!budget_take(&b, BUDGET_SCRATCH, UINT64_MAX));
    ck_assert(budget_take(&b, BUDGET_SCRATCH, 40));
    budget_move(&b, BUDGET_RESERVED, BUDGET_RESIDENT, 60);
    budget_give(&b, BUDGET_SCRATCH, 40);
    budget_read(&b, &u);
    ck_assert_uint_eq(u.used[BUDGET_RESIDENT], 60);
    ck_assert_uint_eq(u.used[BUDGET_RESERVED], 0);
    ck_assert_uint_eq(u.peak, 100);
    ck_assert_uint_eq(budget_free_bytes(&b), 40);
    budget_fini(&b);
}
END_TEST

START_TEST(a_region_is_whole_pages)
{
    enum { BYTES = 1 << 20 };
    struct region r = {0};
    ck_assert_int_eq(region_init(&r, BYTES - 1), OK);
    ck_assert_uint_eq(r.bytes, BYTES);
    ck_assert_uint_eq((uintptr_t)r.base % REGION_PAGE, 0);
    memset(r.base, 1, BYTES);
    region_fini(&r);
    ck_assert_ptr_null(r.base);
    ck_assert_int_eq(region_init(&r, UINT64_MAX - 10), E_NO_MEMORY);
    alloc_fail_at(1);
    ck_assert_int_eq(region_init(&r, 1), E_NO_MEMORY);
    alloc_fail_at(0);
}
END_TEST

START_TEST(a_bump_hands_out_aligned_bytes_until_they_end)
{
    _Alignas(64) uint8_t bytes[256];
    struct bump b = {bytes, sizeof(bytes), 0};
    ck_assert_ptr_eq(bump_take(&b, 1, 1), bytes);
    ck_assert_ptr_eq(bump_take(&b, 8, 64), bytes + 64);
    ck_assert_ptr_null(bump_take(&b, 200, 1));
    ck_assert_ptr_null(bump_take(&b, UINT64_MAX, 64));
    ck_assert_ptr_eq(bump_take(&b, 184, 8), bytes + 72);
    ck_assert_ptr_null(bump_take(&b, 1, 1));
}
END_TEST

struct ledger {
    uint64_t held, limit;
};

static enum status take(void *arg, uint64_t bytes, struct err *err)
{
    struct ledger *l = arg;
    if (l->held + bytes > l->limit)
        return err_set(err, E_NO_ROOM, "no room");
    l->held += bytes;
    return OK;
}

static void give(void *arg, uint64_t bytes)
{
    ((struct ledger *)arg)->held -= bytes;
}

START_TEST(an_arena_is_charged_for_exactly_what_it_holds)
{
    struct ledger l = {0, 10 * REGION_PAGE};
    struct arena_charge charge = {take, give, &l};
    struct arena a;
    struct err err = {0};
    arena_init(&a, 8 * REGION_PAGE, &charge);
    ck_ok(arena_reserve(&a, 5000, &err), &err);
    ck_assert_uint_eq(l.held, 2 * REGION_PAGE);
    ck_ok(arena_reserve(&a, 100, &err), &err);
    ck_assert_uint_eq(l.held, 2 * REGION_PAGE);
    ck_assert_int_eq(arena_reserve(&a, 9 * REGION_PAGE, &err), E_TOO_LARGE);
    alloc_fail_at(1);
    ck_assert_int_eq(arena_reserve(&a, 4 * REGION_PAGE, &err), E_NO_MEMORY);
    alloc_fail_at(0);
    ck_assert_uint_eq(l.held, 0);
    l.limit = REGION_PAGE;
    ck_assert_int_eq(arena_reserve(&a, 4 * REGION_PAGE, &err), E_NO_ROOM);
    ck_assert_uint_eq(l.held, 0);
    l.limit = 4 * REGION_PAGE;
    ck_ok(arena_reserve(&a, 4 * REGION_PAGE, &err), &err);
    arena_fini(&a);
    ck_assert_uint_eq(l.held, 0);
}
END_TEST

START_TEST(an_arena_grows_without_moving_and_is_joined_when_it_is_reserved)
{
    struct ledger l = {0, 10 * REGION_PAGE};
    struct arena_charge charge = {take, give, &l};
    struct arena a;
    struct region more;
    struct err err = {0};
    arena_init(&a, 8 * REGION_PAGE, &charge);
    ck_ok(arena_reserve(&a, 2 * REGION_PAGE, &err), &err);
    uint8_t *base = a.region.base;
    base[0] = 7;
    ck_ok(arena_grow(&a, REGION_PAGE + 1, &more, &err), &err);
    ck_assert_uint_eq(more.bytes, 2 * REGION_PAGE);
    ck_assert(a.region.base == base && base[0] == 7);
    ck_assert_uint_eq(arena_bytes(&a), 4 * REGION_PAGE);
    ck_assert_uint_eq(l.held, 4 * REGION_PAGE);
    ck_assert_int_eq(arena_grow(&a, 5 * REGION_PAGE, &more, &err), E_TOO_LARGE);
    ck_assert_int_eq(arena_grow(&a, UINT64_MAX, &more, &err), E_TOO_LARGE);
    alloc_fail_at(1);
    ck_assert_int_eq(arena_grow(&a, REGION_PAGE, &more, &err), E_NO_MEMORY);
    alloc_fail_at(0);
    ck_assert_uint_eq(l.held, 4 * REGION_PAGE);
    ck_ok(arena_reserve(&a, REGION_PAGE, &err), &err); /* there is room: nothing changes */
    ck_assert_uint_eq(a.n_more, 1);
    ck_ok(arena_reserve(&a, 3 * REGION_PAGE, &err), &err);
    ck_assert_uint_eq(a.n_more, 0);
    ck_assert_uint_eq(a.region.bytes, 4 * REGION_PAGE);
    ck_assert_uint_eq(l.held, 4 * REGION_PAGE);
    arena_fini(&a);
    ck_assert_uint_eq(l.held, 0);
}
END_TEST

START_TEST(what_an_arena_lends_counts_and_stays)
{
    struct ledger l = {0, 10 * REGION_PAGE};
    struct arena_charge charge = {take, give, &l};
    struct arena a;
    struct region book;
    struct err err = {0};
    arena_init(&a, 4 * REGION_PAGE, &charge);
    ck_ok(arena_lend(&a, 10, &book, &err), &err);
    memset(book.base, 7, book.bytes);
    ck_ok(arena_reserve(&a, 3 * REGION_PAGE, &err), &err);
    ck_assert_uint_eq(l.held, 4 * REGION_PAGE);
    ck_assert_int_eq(((uint8_t *)book.base)[REGION_PAGE - 1], 7);
    struct region second = {0};
    ck_assert_int_eq(arena_lend(&a, 1, &second, &err), E_TOO_LARGE);
    ck_assert_int_eq(arena_reserve(&a, 3 * REGION_PAGE + 1, &err), E_TOO_LARGE);
    arena_take_back(&a, &book);
    ck_assert_uint_eq(l.held, 3 * REGION_PAGE);
    alloc_fail_at(1);
    ck_assert_int_eq(arena_lend(&a, 1, &second, &err), E_NO_MEMORY);
    alloc_fail_at(0);
    ck_assert_uint_eq(l.held, 3 * REGION_PAGE);
    ck_ok(arena_reserve(&a, 4 * REGION_PAGE, &err), &err);
    arena_fini(&a);
    ck_assert_uint_eq(l.held, 0);
}
END_TEST

Suite *suite_mem(void)
{
    return SUITE("mem", a_budget_never_passes_its_limit, a_region_is_whole_pages,
                 a_bump_hands_out_aligned_bytes_until_they_end,
                 an_arena_is_charged_for_exactly_what_it_holds,
                 an_arena_grows_without_moving_and_is_joined_when_it_is_reserved,
                 what_an_arena_lends_counts_and_stays);
}
