/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The heap of a stepwise run: pieces never overlap, what is dropped is used again, and nothing is
 * taken that the arena's charge was not asked for. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/step_heap.h"
#include "support/model.h"
#include "support/support.h"

#define MAX_BYTES ((uint64_t)1 << 22)

static struct arena arena;
static struct step_heap heap;
static struct err err;

struct ledger {
    uint64_t held, limit;
};
static struct ledger ledger;

static enum status take(void *arg, uint64_t bytes, struct err *e)
{
    struct ledger *l = arg;
    if (l->held + bytes > l->limit)
        return err_set(e, E_NO_ROOM, "no room");
    l->held += bytes;
    return OK;
}

static void give(void *arg, uint64_t bytes)
{
    ((struct ledger *)arg)->held -= bytes;
}

static const struct arena_charge charge = {take, give, &ledger};

static void setup(void)
{
    ledger = (struct ledger){0, UINT64_MAX / 2};
    arena_init(&arena, MAX_BYTES, &charge);
    ck_ok(step_heap_open(&heap, &arena, &err), &err);
}

static void teardown(void)
{
    ck_assert_uint_eq(ledger.held, arena_bytes(&arena));
    arena_fini(&arena);
    ck_assert_uint_eq(ledger.held, 0);
}

static struct piece *get(uint64_t bytes)
{
    struct piece *p;
    ck_ok(step_heap_take(&heap, bytes, &p, &err), &err);
    ck_assert_uint_eq((uintptr_t)piece_data(p) % PIECE_ALIGN, 0);
    ck_assert_uint_ge(p->bytes, bytes);
    return p;
}

START_TEST(pieces_never_overlap_and_all_come_back)
{
    enum { LIVE = 40, ROUNDS = 20000 };
    struct piece *live[LIVE] = {0};
    uint64_t bytes[LIVE], seed = 5;
    for (int round = 0; round < ROUNDS; round++) {
        int i = (int)(draw_u64(&seed) % LIVE);
        if (live[i]) {
            static uint8_t want[20000];
            memset(want, i, bytes[i]);
            ck_assert_mem_eq(piece_data(live[i]), want, bytes[i]);
            step_heap_drop(&heap, live[i]);
            live[i] = NULL;
            continue;
        }
        bytes[i] = draw_u64(&seed) % (draw_u64(&seed) % 8 ? 500 : 20000);
        live[i] = get(bytes[i]);
        memset(piece_data(live[i]), i, bytes[i]);
        if (draw_u64(&seed) % 4 == 0) {
            bytes[i] /= 3;
            step_heap_trim(&heap, live[i], bytes[i]);
        }
    }
    for (int i = 0; i < LIVE; i++)
        step_heap_drop(&heap, live[i]);
    ck_assert_uint_eq(heap.used, 0);
    ck_ok(step_heap_open(&heap, &arena, &err), &err); /* one region from now on */
    ck_assert_uint_eq(arena.n_more, 0);
    const uint64_t held = ledger.held, all = arena.region.bytes - 64;
    for (int round = 0; round < 2; round++) { /* twice: what came back was joined to one piece */
        struct piece *a = get(100), *b = get(200), *c = get(300);
        step_heap_drop(&heap, a);
        step_heap_drop(&heap, c);
        step_heap_drop(&heap, b);
        step_heap_drop(&heap, get(all));
    }
    ck_assert_uint_eq(ledger.held, held);
}
END_TEST

START_TEST(a_piece_is_free_after_its_last_hold)
{
    struct piece *p = get(1000);
    const uint64_t used = heap.used;
    step_heap_hold(p);
    step_heap_drop(&heap, p);
    ck_assert_uint_eq(heap.used, used);
    step_heap_drop(&heap, p);
    ck_assert_uint_eq(heap.used, 0);
    ck_assert_uint_eq(heap.most, used);
    step_heap_hold(NULL);
    step_heap_drop(&heap, NULL);
}
END_TEST

START_TEST(the_arena_grows_seldom_and_never_beyond_its_maximum)
{
    struct piece *p;
    uint64_t taken = 0;
    enum status s;
    while ((s = step_heap_take(&heap, 3000, &p, &err)) == OK)
        taken += 3000;
    ck_assert_int_eq(s, E_TOO_LARGE);
    ck_assert_uint_le(arena_bytes(&arena), MAX_BYTES);
    ck_assert_uint_gt(taken, MAX_BYTES / 10 * 9);
    ck_assert_uint_le(arena.n_more, 32);
    ck_assert_int_eq(step_heap_take(&heap, UINT64_MAX, &p, &err), E_TOO_LARGE);
    ck_assert_int_eq(step_heap_take(&heap, (uint64_t)1 << 62, &p, &err), E_TOO_LARGE);
    ck_assert_int_eq(step_heap_take(&heap, (uint64_t)1 << 61, &p, &err), E_TOO_LARGE);
}
END_TEST

START_TEST(a_refused_charge_is_asked_for_no_more_than_it_takes)
{
    struct piece *p;
    ledger.limit = 2 * REGION_PAGE;
    ck_ok(step_heap_take(&heap, REGION_PAGE, &p, &err), &err);
    ck_assert_uint_eq(ledger.held, 2 * REGION_PAGE);
    ck_assert_int_eq(step_heap_take(&heap, 2 * REGION_PAGE, &p, &err), E_NO_ROOM);
    ck_ok(step_heap_take(&heap, 1000, &p, &err), &err);
    ck_assert_uint_eq(ledger.held, 2 * REGION_PAGE);
    alloc_fail_at(1);
    ledger.limit = UINT64_MAX / 2;
    enum status s = step_heap_take(&heap, REGION_PAGE, &p, &err);
    alloc_fail_at(0);
    ck_ok(s, &err); /* the larger step failed, the smaller did not */
}
END_TEST

Suite *suite_step_heap(void)
{
    Suite *s = suite_create("step_heap");
    TCase *c = tcase_create("step_heap");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, pieces_never_overlap_and_all_come_back);
    tcase_add_test(c, a_piece_is_free_after_its_last_hold);
    tcase_add_test(c, the_arena_grows_seldom_and_never_beyond_its_maximum);
    tcase_add_test(c, a_refused_charge_is_asked_for_no_more_than_it_takes);
    suite_add_tcase(s, c);
    return s;
}
