/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Loads under way whose waiters leave, and the order of those that wait for a thread. */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "loader/link_io.h"
#include "metrics/metrics.h"
#include "support/node.h"
#include "support/support.h"

enum {
    CHUNKS = 5,
    FLOATS = CHUNKS * (LINK_CHUNK_BYTES / 4),
    HEAD_READS = 2, /* page 0 and the metadata */
};

static struct node node;

/* Who waits in the cache. */
struct client {
    struct waiter waiter;
    struct pin pin;
    struct lock lock; /* LOCK_LOG; guards what follows */
    struct cond changed;
    int answers;
    uint32_t turn; /* its place among all that were answered, from 1 */
    enum status status;
};

static atomic_uint turns;

static void answered(struct waiter *w, enum status s, const struct pin *pin, const struct err *err)
{
    struct client *k = CONTAINER_OF(w, struct client, waiter);
    UNUSED(err);
    lock_take(&k->lock);
    k->status = s;
    if (pin)
        k->pin = *pin;
    k->turn = atomic_fetch_add(&turns, 1) + 1;
    k->answers++;
    cond_wake_all(&k->changed);
    lock_release(&k->lock);
}

static enum pin_result ask(struct client *k, const char *name, enum hint hint)
{
    struct err err;
    *k = (struct client){.waiter = {.done = answered, .hint = hint, .counts = hint == HINT_NONE}};
    lock_init(&k->lock, LOCK_LOG);
    cond_init(&k->changed);
    return cache_pin(node.cache, name, clock_now_us(), &k->waiter, &k->pin, &err);
}

static void wait_answered(struct client *k)
{
    lock_take(&k->lock);
    while (!k->answers)
        cond_wait(&k->changed, &k->lock, 0);
    lock_release(&k->lock);
}

static void expect_ok(struct client *k)
{
    wait_answered(k);
    ck_assert_int_eq(k->status, OK);
    cache_unpin(node.cache, &k->pin);
    node_settle(&node);
}

static void setup(uint32_t loaders)
{
    metrics_reset();
    atomic_store(&turns, 0);
    node_init(&node, &(struct node_config){.loaders = loaders, .link_threads = 1});
    node_put_adder(&node, "big.roost", FLOATS, 0);
}

/* Until no load is under way. */
static void settle(void)
{
    uint64_t by_state[5];
    do {
        sched_yield();
        cache_counts(node.cache, by_state);
    } while (by_state[SLOT_LOADING]);
    node_settle(&node);
}

static struct client first, second;

static void leave(void *arg)
{
    UNUSED(arg);
    ck_assert(cache_cancel_wait(node.cache, &first.waiter));
}

static void leave_and_join(void *arg)
{
    leave(arg);
    ck_assert_int_eq(ask(&second, "big", HINT_NONE), PIN_WAITING);
}

/* Asks for "big", and does `what` while its at-th read is under way. */
static void load_until(uint32_t at, void (*what)(void *))
{
    gate_reset(&node.gate);
    node.gate.hook = what;
    node.gate.hook_at = at;
    ck_assert_int_eq(ask(&first, "big", HINT_NONE), PIN_WAITING);
    settle();
}

static uint64_t used(enum budget_class class)
{
    struct budget_usage u;
    cache_usage(node.cache, &u);
    return u.used[class];
}

START_TEST(a_load_that_nobody_waits_for_ends_at_its_next_chunk)
{
    setup(1);
    for (uint32_t at = 1; at <= HEAD_READS + CHUNKS / 2; at++) {
        load_until(at, leave);
        ck_assert_uint_eq(gate_reads(&node.gate), at);
        ck_assert_uint_eq(metric_get(M_LOADS_CANCELLED), at);
        ck_assert_uint_eq(used(BUDGET_RESERVED), 0);
        ck_assert_uint_eq(used(BUDGET_RESIDENT), 0);
    }
    gate_reset(&node.gate);
    ck_assert_int_eq(ask(&first, "big", HINT_NONE), PIN_WAITING);
    expect_ok(&first);
    ck_assert_uint_eq(gate_reads(&node.gate), HEAD_READS + CHUNKS);
    node_fini(&node);
}
END_TEST

START_TEST(one_that_is_nearly_there_is_kept)
{
    setup(1);
    load_until(HEAD_READS + CHUNKS / 2 + 1, leave);
    ck_assert_uint_eq(gate_reads(&node.gate), HEAD_READS + CHUNKS);
    ck_assert_uint_eq(metric_get(M_LOADS_CANCELLED), 0);
    ck_assert_int_eq(ask(&first, "big", HINT_NONE), PIN_READY);
    cache_unpin(node.cache, &first.pin);
    node_fini(&node);
}
END_TEST

START_TEST(a_join_before_the_next_chunk_keeps_the_load)
{
    setup(1);
    load_until(HEAD_READS + 1, leave_and_join);
    expect_ok(&second);
    ck_assert_uint_eq(gate_reads(&node.gate), HEAD_READS + CHUNKS);
    ck_assert_uint_eq(metric_get(M_LOADS_OK), 1);
    ck_assert_uint_eq(metric_get(M_LOADS_CANCELLED), 0);
    node_fini(&node);
}
END_TEST

START_TEST(a_hints_load_needs_nobody)
{
    setup(1);
    ck_assert_int_eq(ask(&first, "big", HINT_SOON), PIN_WAITING);
    if (cache_cancel_wait(node.cache, &first.waiter)) {
        settle();
        ck_assert_int_eq(ask(&first, "big", HINT_NONE), PIN_READY);
        cache_unpin(node.cache, &first.pin);
    } else {
        expect_ok(&first);
    }
    ck_assert_uint_eq(metric_get(M_LOADS_OK), 1);
    node_fini(&node);
}
END_TEST

/* While one load holds the only thread, others queue. */
START_TEST(the_queue_is_ordered_by_who_waits_and_hints_come_last)
{
    static const char *const names[] = {"hinted", "one", "three", "gone"};
    struct client k[7];
    setup(1);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        char key[32];
        snprintf(key, sizeof(key), "%s.roost", names[i]);
        node_put_adder(&node, key, 8, (uint32_t)i);
    }
    gate_close(&node.gate);
    ck_assert_int_eq(ask(&first, "big", HINT_NONE), PIN_WAITING);
    gate_wait_stalled(&node.gate, 1);
    ck_assert_int_eq(ask(&k[0], "hinted", HINT_SOON), PIN_WAITING);
    ck_assert_int_eq(ask(&k[1], "one", HINT_NONE), PIN_WAITING);
    for (int i = 2; i < 5; i++)
        ck_assert_int_eq(ask(&k[i], "three", HINT_NONE), PIN_WAITING);
    ck_assert_int_eq(ask(&k[5], "gone", HINT_NONE), PIN_WAITING);
    ck_assert(cache_cancel_wait(node.cache, &k[5].waiter));
    gate_open(&node.gate);
    expect_ok(&first);
    for (int i = 0; i < 5; i++)
        expect_ok(&k[i]);
    ck_assert_uint_eq(k[0].turn, 6);
    ck_assert_uint_eq(k[1].turn, 5);
    ck_assert_uint_le(k[4].turn, 4);
    ck_assert_uint_eq(metric_get(M_LOADS_CANCELLED), 1); /* "gone", unread */
    node_fini(&node);
}
END_TEST

Suite *suite_giving_up(void)
{
    return SUITE("giving_up", a_load_that_nobody_waits_for_ends_at_its_next_chunk,
                 one_that_is_nearly_there_is_kept, a_join_before_the_next_chunk_keeps_the_load,
                 a_hints_load_needs_nobody, the_queue_is_ordered_by_who_waits_and_hints_come_last);
}
