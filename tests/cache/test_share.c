/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Shares: held once, charged once, there as long as somebody holds them, and never seen half
 * filled. Loads and unloads are gates that the test opens. */
#include <sched.h>
#include <string.h>

#include "base/alloc.h"
#include "cache/cache_priv.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100 };

static struct fake *f;

static void setup(enum fake_mode mode)
{
    metrics_reset();
    f = fake_new(mode, LIMIT, SLOTS);
}

/* A load that stands where the test left it. */
struct step {
    struct client client;
    struct fake_call call;
    struct share_want wants[FAKE_SHARES_MAX];
    uint32_t n;
    struct err err;
    pthread_t thread;
    enum status status;
    enum share_wait wait;
};

static void begin(struct step *x, const char *name)
{
    *x = (struct step){0};
    ck_assert_int_eq(client_pin(&x->client, f, name), PIN_WAITING);
    x->call = fake_next_load(f);
    x->n = fake_wants(x->call.name, x->wants);
}

static enum status reserve(struct step *x)
{
    const struct load_need need = {fake_bytes_of(x->call.name), 0, x->wants, x->n};
    return cache_load_reserve(f->cache, x->call.slot, &need, &x->err);
}

static void finish(struct step *x)
{
    fake_fill(f, &x->call, x->wants, x->n);
    ck_assert_int_eq(cache_load_await(f->cache, x->call.slot, x->wants), SHARES_READY);
    fake_finish_shared(f, &x->call, x->wants, x->n);
    ck_assert_int_eq(x->client.status, OK);
}

static void fail_load(struct step *x, enum status code)
{
    fake_let_go(f, &x->call);
    fake_fail_load(f, &x->call, code);
}

static void load(struct step *x, const char *name)
{
    begin(x, name);
    ck_assert_int_eq(reserve(x), OK);
    finish(x);
}

static void *await_main(void *arg)
{
    struct step *x = arg;
    x->wait = cache_load_await(f->cache, x->call.slot, x->wants);
    return NULL;
}

/* x waits for others' shares on a thread of its own. */
static void await(struct step *x)
{
    fake_fill(f, &x->call, x->wants, x->n);
    struct share_usage u;
    ck_assert_int_eq(pthread_create(&x->thread, NULL, await_main, x), 0);
    do {
        sched_yield();
        cache_share_usage(f->cache, &u);
    } while (!u.waits);
}

static enum share_wait awaited(struct step *x)
{
    pthread_join(x->thread, NULL);
    return x->wait;
}

static void expect_used(uint64_t reserved, uint64_t resident, uint64_t draining)
{
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), reserved);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), resident);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), draining);
}

static void forget(void *arg)
{
    ++*(int *)arg;
}

static void unload(const char *name, int *drained)
{
    struct err err;
    ck_ok(cache_unload(f->cache, name, forget, drained, &err), &err);
}

START_TEST(two_models_hold_a_share_once)
{
    struct step a, b;
    struct share_usage u;
    int drained = 0;
    setup(FAKE_MANUAL);
    load(&a, "a-100+x50+y7");
    ck_assert_uint_eq(fake_info(f, "a-100+x50+y7").bytes, 157);
    begin(&b, "b-200+x50");
    ck_assert_int_eq(reserve(&b), OK);
    ck_assert(!b.wants[0].mine);
    expect_used(200, 157, 0);
    finish(&b);
    expect_used(0, 357, 0);
    ck_assert_ptr_eq(a.wants[0].value, b.wants[0].value);
    struct slot_info ia = fake_info(f, "a-100+x50+y7"), ib = fake_info(f, "b-200+x50");
    ck_assert_uint_eq(ia.bytes, 107);
    ck_assert_uint_eq(ia.shared_bytes, 50);
    ck_assert_uint_eq(ib.bytes, 200);
    ck_assert_uint_eq(ib.shared_bytes, 50);
    ck_assert_uint_eq(ia.part_bytes + ib.part_bytes, 357);
    ck_assert_uint_eq(ia.part_bytes, 132);
    cache_share_usage(f->cache, &u);
    ck_assert_uint_eq(u.count, 1);
    ck_assert_uint_eq(u.bytes, 50);
    ck_assert_uint_eq(u.saved_bytes, 50);
    client_unpin(&a.client, f);
    client_unpin(&b.client, f);
    unload("a-100+x50+y7", &drained);
    expect_used(0, 250, 107);
    fake_unload_next(f);
    expect_used(0, 250, 0);
    ck_assert_int_eq(drained, 1);
    ck_assert_int_eq(((const struct fake_share *)b.wants[0].value)->id, 'x'); /* lives on */
    ck_assert_uint_eq(fake_info(f, "b-200+x50").bytes, 250);
    unload("b-200+x50", &drained);
    expect_used(0, 0, 250);
    fake_unload_next(f);
    expect_used(0, 0, 0);
    fake_free(f);
}
END_TEST

/* 7 bytes among three: 3 for the oldest holder, 2 for each other; nothing is lost. */
START_TEST(parts_add_up_to_what_is_charged)
{
    struct step x[3];
    static const char *const names[] = {"a-1+x7", "b-1+x7", "c-1+x7"};
    setup(FAKE_MANUAL);
    for (int i = 0; i < 3; i++)
        load(&x[i], names[i]);
    ck_assert_uint_eq(fake_info(f, names[0]).part_bytes, 1 + 3);
    ck_assert_uint_eq(fake_info(f, names[1]).part_bytes, 1 + 2);
    ck_assert_uint_eq(fake_info(f, names[2]).part_bytes, 1 + 2);
    for (int i = 0; i < 3; i++)
        client_unpin(&x[i].client, f);
    int drained = 0;
    unload(names[0], &drained);
    ck_assert_uint_eq(fake_info(f, names[1]).part_bytes, 1 + 4); /* the oldest now */
    ck_assert_uint_eq(fake_info(f, names[2]).part_bytes, 1 + 3);
    fake_free(f);
}
END_TEST

/* The oldest is evicted though its share stays, and the next with it: 100 and 150 bytes are free
 * then, not 150 and 150. */
START_TEST(a_victim_counts_for_what_is_really_free)
{
    struct step a, x;
    setup(FAKE_INLINE);
    client_touch(f, "a-100+x50");
    client_touch(f, "b-100+x50");
    client_touch(f, "c-700");
    ck_assert_int_eq(client_touch(f, "d-150"), LOOKUP_MISS);
    ck_assert_int_eq(fake_info(f, "a-100+x50").state, SLOT_ABSENT);
    ck_assert_int_eq(fake_info(f, "b-100+x50").state, SLOT_RESIDENT);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 1);
    ck_assert_int_eq(client_touch(f, "e-60"), LOOKUP_MISS);
    ck_assert_int_eq(fake_info(f, "b-100+x50").state, SLOT_ABSENT);
    ck_assert_int_eq(fake_info(f, "c-700").state, SLOT_RESIDENT);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 2);
    fake_free(f);

    setup(FAKE_MANUAL); /* who is pinned keeps its shares: nobody is evicted for nothing */
    load(&a, "a-100+x800");
    load(&x, "b-50+x800");
    client_unpin(&x.client, f);
    begin(&x, "c-150");
    ck_assert_int_eq(reserve(&x), E_NO_ROOM); /* with b 100 are free, not 900 */
    fail_load(&x, E_NO_ROOM);
    ck_assert_int_eq(fake_info(f, "b-50+x800").state, SLOT_RESIDENT);
    client_unpin(&a.client, f);
    fake_free(f);
}
END_TEST

/* What a load is to share is not the victim of its own reserve. */
START_TEST(a_load_keeps_what_it_is_to_share)
{
    struct step a, b;
    setup(FAKE_INLINE);
    client_touch(f, "a-300+x500");
    f->mode = FAKE_MANUAL;
    begin(&b, "b-400+x500");
    f->mode = FAKE_INLINE;             /* what is evicted is free at once */
    ck_assert_int_eq(reserve(&b), OK); /* a goes, x stays */
    f->mode = FAKE_MANUAL;
    ck_assert(!b.wants[0].mine);
    expect_used(400, 500, 0);
    finish(&b);
    client_unpin(&b.client, f);
    begin(&a, "c-501+x500"); /* never, however little of it is missing */
    ck_assert_int_eq(reserve(&a), E_NEVER_FITS);
    fail_load(&a, E_NEVER_FITS);
    ck_assert_int_eq(fake_info(f, "b-400+x500").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(a_second_load_waits_until_the_share_is_filled)
{
    struct step a, b;
    setup(FAKE_MANUAL);
    begin(&a, "a-100+x50");
    begin(&b, "b-100+x50+y50");
    ck_assert_int_eq(reserve(&a), OK);
    ck_assert_int_eq(reserve(&b), OK);
    ck_assert(a.wants[0].mine && !b.wants[0].mine && b.wants[1].mine);
    expect_used(300, 0, 0);
    await(&b);
    finish(&a);
    ck_assert_int_eq(awaited(&b), SHARES_READY);
    ck_assert_ptr_eq(a.wants[0].value, b.wants[0].value);
    fake_finish_shared(f, &b.call, b.wants, b.n);
    client_unpin(&a.client, f);
    client_unpin(&b.client, f);
    fake_free(f);
}
END_TEST

/* The load that fills ends badly, before and after: who waits hears of it, and fills it himself. */
START_TEST(a_share_that_is_lost_is_started_over)
{
    setup(FAKE_MANUAL);
    for (int queued = 0; queued < 2; queued++) {
        struct step a, b;
        begin(&a, "a-100+x50");
        begin(&b, "b-100+x50+y50");
        ck_assert_int_eq(reserve(&a), OK);
        ck_assert_int_eq(reserve(&b), OK);
        await(&b);
        fail_load(&a, E_STORE);
        ck_assert_int_eq(awaited(&b), SHARES_LOST);
        expect_used(100, 50, 0); /* a gave x back with its own */
        fake_let_go(f, &b.call);
        expect_used(100, 0, 50);
        cache_load_freed(f->cache, b.call.slot);
        expect_used(0, 0, 0);
        ck_assert_int_eq(reserve(&b), OK);
        ck_assert(b.wants[0].mine && b.wants[1].mine);
        finish(&b);
        client_unpin(&b.client, f);
        int drained = 0;
        unload("b-100+x50+y50", &drained);
        fake_unload_next(f);
        f->now_us += 100000000;
    }
    fake_free(f);
}
END_TEST

/* Filled, then the load fails at its own part: who holds the share keeps it. */
START_TEST(a_filled_share_outlives_the_load_that_filled_it)
{
    struct step a, b;
    int drained = 0;
    setup(FAKE_MANUAL);
    begin(&a, "a-100+x50");
    begin(&b, "b-100+x50");
    ck_assert_int_eq(reserve(&a), OK);
    fake_fill(f, &a.call, a.wants, a.n);
    ck_assert_int_eq(reserve(&b), OK);
    fail_load(&a, E_CORRUPT);
    expect_used(100, 50, 0);
    finish(&b);
    client_unpin(&b.client, f);
    unload("b-100+x50", &drained);
    fake_unload_next(f);
    expect_used(0, 0, 0);
    fake_free(f);
}
END_TEST

START_TEST(delete_ends_a_wait_for_a_share)
{
    struct step a, b;
    int drained = 0;
    setup(FAKE_MANUAL);
    begin(&a, "a-100+x50");
    begin(&b, "b-100+x50");
    ck_assert_int_eq(reserve(&a), OK);
    ck_assert_int_eq(reserve(&b), OK);
    await(&b);
    unload("b-100+x50", &drained);
    ck_assert_int_eq(awaited(&b), SHARES_CANCELLED);
    ck_assert_int_eq(drained, 0);
    fail_load(&b, E_CANCELLED);
    ck_assert_int_eq(drained, 1);
    finish(&a);
    client_unpin(&a.client, f);
    fake_free(f);
}
END_TEST

static void *reserve_main(void *arg)
{
    struct step *x = arg;
    x->status = reserve(x);
    return NULL;
}

static void wait_until_queued(void)
{
    bool queued;
    do {
        sched_yield();
        lock_take(&f->cache->lock);
        queued = f->cache->room_first != NULL;
        lock_release(&f->cache->lock);
    } while (!queued);
}

/* a waits for room with a share that b already holds; a is cancelled: b must not wait for ever. */
START_TEST(a_share_whose_filler_never_got_room_is_lost)
{
    struct step a, b;
    int drained = 0;
    setup(FAKE_INLINE);
    client_touch(f, "old-900");
    f->mode = FAKE_MANUAL;
    begin(&a, "a-100+x50");
    begin(&b, "b-50+x50");
    ck_assert_int_eq(pthread_create(&a.thread, NULL, reserve_main, &a), 0);
    wait_until_queued(); /* until old is free */
    pthread_t second;
    ck_assert_int_eq(pthread_create(&second, NULL, reserve_main, &b), 0);
    uint64_t promised;
    do { /* b's 50 behind a's 150 */
        sched_yield();
        lock_take(&f->cache->lock);
        promised = f->cache->promised;
        lock_release(&f->cache->lock);
    } while (promised != 200);
    unload("a-100+x50", &drained);
    ck_assert_int_eq(drained, 0); /* it holds x, though nothing is charged */
    pthread_join(a.thread, NULL);
    ck_assert_int_eq(a.status, E_CANCELLED);
    fail_load(&a, E_CANCELLED);
    ck_assert_int_eq(drained, 1);
    pthread_join(second, NULL);
    ck_assert_int_eq(b.status, OK);
    expect_used(50, 0, 900);
    fake_fill(f, &b.call, b.wants, b.n);
    ck_assert_int_eq(cache_load_await(f->cache, b.call.slot, b.wants), SHARES_LOST);
    fake_let_go(f, &b.call);
    cache_load_freed(f->cache, b.call.slot);
    fake_unload_next(f);
    ck_assert_int_eq(reserve(&b), OK);
    finish(&b);
    client_unpin(&b.client, f);
    fake_free(f);
}
END_TEST

/* A draining model that is still pinned reads its shares: they stay until it is let go. */
START_TEST(a_pinned_drain_keeps_its_shares)
{
    struct step a, b;
    int drained = 0;
    setup(FAKE_MANUAL);
    load(&a, "a-100+x50");
    unload("a-100+x50", &drained);
    expect_used(0, 50, 100);
    begin(&b, "b-10+x50");
    ck_assert_int_eq(reserve(&b), OK);
    ck_assert(!b.wants[0].mine);
    fail_load(&b, E_STORE);
    client_unpin(&a.client, f);
    expect_used(0, 0, 150);
    fake_unload_next(f);
    ck_assert_int_eq(drained, 1);
    fake_free(f);
}
END_TEST

/* Cancelled though it came: the value drains, and its share with it. */
START_TEST(a_cancelled_load_that_came_all_the_same_drains)
{
    struct step a;
    int drained = 0;
    setup(FAKE_MANUAL);
    begin(&a, "a-100+x50");
    ck_assert_int_eq(reserve(&a), OK);
    fake_fill(f, &a.call, a.wants, a.n);
    unload("a-100+x50", &drained);
    ck_assert_int_eq(cache_load_await(f->cache, a.call.slot, a.wants), SHARES_CANCELLED);
    a.wants[0].value = NULL;
    struct share_want filled = a.wants[0];
    lock_take(&f->cache->lock);
    filled.value = a.call.slot->holds->all[0].share->value;
    lock_release(&f->cache->lock);
    fake_finish_shared(f, &a.call, &filled, 1);
    ck_assert_int_eq(a.client.status, E_CANCELLED);
    expect_used(0, 0, 150);
    fake_unload_next(f);
    ck_assert_int_eq(drained, 1);
    expect_used(0, 0, 0);
    fake_free(f);
}
END_TEST

/* The same blob twice in one table. */
START_TEST(a_load_may_want_one_share_twice)
{
    struct step a;
    int drained = 0;
    setup(FAKE_MANUAL);
    load(&a, "a-100+x50+x50");
    ck_assert(a.wants[0].mine && !a.wants[1].mine);
    ck_assert_ptr_eq(a.wants[0].value, a.wants[1].value);
    expect_used(0, 150, 0);
    ck_assert_uint_eq(fake_info(f, "a-100+x50+x50").part_bytes, 150);
    client_unpin(&a.client, f);
    unload("a-100+x50+x50", &drained);
    fake_unload_next(f);
    expect_used(0, 0, 0);
    fake_free(f);
}
END_TEST

START_TEST(every_allocation_of_a_reserve_may_fail)
{
    struct step a;
    setup(FAKE_MANUAL);
    enum status s = E_NO_MEMORY;
    for (uint64_t n = 1; s != OK; n++) {
        begin(&a, "a-100+x50+y50");
        alloc_fail_at(n);
        s = reserve(&a);
        alloc_fail_at(0);
        ck_assert(s == OK || s == E_NO_MEMORY);
        if (s != OK)
            fail_load(&a, s);
        ck_assert_uint_lt(n, 10);
    }
    finish(&a);
    client_unpin(&a.client, f);
    fake_free(f);
}
END_TEST

Suite *suite_share(void)
{
    return SUITE("share", two_models_hold_a_share_once, parts_add_up_to_what_is_charged,
                 a_victim_counts_for_what_is_really_free, a_load_keeps_what_it_is_to_share,
                 a_second_load_waits_until_the_share_is_filled,
                 a_share_that_is_lost_is_started_over,
                 a_filled_share_outlives_the_load_that_filled_it, delete_ends_a_wait_for_a_share,
                 a_share_whose_filler_never_got_room_is_lost, a_pinned_drain_keeps_its_shares,
                 a_cancelled_load_that_came_all_the_same_drains, a_load_may_want_one_share_twice,
                 every_allocation_of_a_reserve_may_fail);
}
