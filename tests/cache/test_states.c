/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Every arrow between two states: the legal ones pass, every other one is our bug and stops the
 * program. */
#include <signal.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "cache/cache_priv.h"
#include "support/fake_source.h"
#include "support/support.h"

static const bool legal[SLOT_STATE_COUNT][SLOT_STATE_COUNT] = {
    /* to: ABSENT, LOADING, RESIDENT, DRAINING, FAILED */
    [SLOT_ABSENT] = {0, 1, 0, 0, 0},   [SLOT_LOADING] = {1, 0, 1, 1, 1},
    [SLOT_RESIDENT] = {0, 0, 0, 1, 0}, [SLOT_DRAINING] = {1, 0, 0, 0, 0},
    [SLOT_FAILED] = {0, 1, 0, 0, 0},
};

/* The arrows that bring a new slot to each state. */
static const enum slot_state way[SLOT_STATE_COUNT][3] = {
    [SLOT_ABSENT] = {SLOT_ABSENT},
    [SLOT_LOADING] = {SLOT_LOADING, SLOT_ABSENT},
    [SLOT_RESIDENT] = {SLOT_LOADING, SLOT_RESIDENT, SLOT_ABSENT},
    [SLOT_DRAINING] = {SLOT_LOADING, SLOT_DRAINING, SLOT_ABSENT},
    [SLOT_FAILED] = {SLOT_LOADING, SLOT_FAILED, SLOT_ABSENT},
};

/* Brings s to ABSENT or FAILED by legal arrows and forgets it. */
static void clean_up(struct fake *f, struct slot *s)
{
    struct after after = {0};
    gates_close(f->cache);
    if (s->state == SLOT_RESIDENT)
        slot_to(f->cache, s, SLOT_DRAINING);
    if (s->state == SLOT_LOADING || s->state == SLOT_DRAINING)
        slot_to(f->cache, s, SLOT_ABSENT);
    slot_drop(f->cache, s, &after);
    gates_open(f->cache);
    after_run(&after, f->cache);
    fake_free(f);
}

/* Takes one arrow from -> to on a slot of 10 bytes. */
static void take_arrow(enum slot_state from, enum slot_state to)
{
    struct fake *f = fake_new(FAKE_INLINE, 100, 10);
    struct cache *c = f->cache;
    struct slot *s = slot_new("a-10", hash_name("a-10"), false);
    ck_assert_ptr_nonnull(s);
    gates_close(c);
    s->tenant = c->tenants.everyone;
    s->tenant->slots++;
    slot_enter(c, s);
    for (int i = 0; i < 3 && way[from][i] != SLOT_ABSENT; i++) {
        slot_to(c, s, way[from][i]);
        if (way[from][i] == SLOT_LOADING) {
            ck_assert(budget_take(&c->budget, BUDGET_RESERVED, 10));
            s->bytes = 10;
            tenant_charge(s->tenant, 10);
        }
    }
    ck_assert_int_eq(s->state, from);
    slot_to(c, s, to);
    ck_assert_int_eq(s->state, to);
    gates_open(c);
    bool holds = to == SLOT_RESIDENT || to == SLOT_DRAINING ||
                 (to == SLOT_LOADING && from != SLOT_ABSENT && from != SLOT_FAILED);
    uint64_t used = fake_used(f, BUDGET_RESERVED) + fake_used(f, BUDGET_RESIDENT) +
                    fake_used(f, BUDGET_DRAINING);
    ck_assert_uint_eq(used, holds ? 10 : 0);
    ck_assert_uint_eq(s->bytes, used);
    clean_up(f, s);
}

enum { ARROWS = SLOT_STATE_COUNT * SLOT_STATE_COUNT, ILLEGAL = 17 };

START_TEST(a_legal_arrow_passes_and_moves_the_bytes)
{
    for (int i = 0; i < ARROWS; i++)
        if (legal[i / SLOT_STATE_COUNT][i % SLOT_STATE_COUNT])
            take_arrow(i / SLOT_STATE_COUNT, i % SLOT_STATE_COUNT);
}
END_TEST

START_TEST(any_other_arrow_stops_the_program)
{
    int nth = 0;
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* the assertion's words */
    for (int i = 0; i < ARROWS; i++)
        if (!legal[i / SLOT_STATE_COUNT][i % SLOT_STATE_COUNT] && nth++ == _i)
            take_arrow(i / SLOT_STATE_COUNT, i % SLOT_STATE_COUNT);
}
END_TEST

Suite *suite_states(void)
{
    Suite *s = SUITE("states", a_legal_arrow_passes_and_moves_the_bytes);
    TCase *c = tcase_create("illegal arrows");
    tcase_add_loop_test_raise_signal(c, any_other_arrow_stops_the_program, SIGABRT, 0, ILLEGAL);
    suite_add_tcase(s, c);
    return s;
}
