/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who gives way for whom, in what order, and who waits. Unloads are gates that the test opens. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100 };

/* A load whose reservation may have to wait: taken on a thread of its own. */
struct reserver {
    struct fake *fake;
    struct client client;
    struct fake_call call;
    pthread_t thread;
    enum status status;
    struct err err;
    atomic_bool returned;
};

static void *reserve_main(void *arg)
{
    struct reserver *r = arg;
    r->status = fake_reserve(r->fake, &r->call, &r->err);
    atomic_store(&r->returned, true);
    return NULL;
}

static uint64_t promised(struct fake *f)
{
    lock_take(&f->cache->lock);
    uint64_t n = f->cache->promised;
    lock_release(&f->cache->lock);
    return n;
}

/* Pins name and reserves for it; returns once the reservation stands in the queue. */
static void queue_reservation(struct reserver *r, struct fake *f, const char *name)
{
    uint64_t before = promised(f);
    memset(r, 0, sizeof(*r));
    r->fake = f;
    ck_assert_int_eq(client_pin(&r->client, f, name), PIN_WAITING);
    r->call = fake_next_load(f);
    ck_assert_int_eq(pthread_create(&r->thread, NULL, reserve_main, r), 0);
    while (promised(f) == before)
        sched_yield();
}

/* The source hears of its victims after the reservation was queued: waits until n are there. */
static void expect_unloads(struct fake *f, uint32_t n)
{
    while (fake_unloads_queued(f) < n)
        sched_yield();
    ck_assert_uint_eq(fake_unloads_queued(f), n);
}

static void finish(struct reserver *r)
{
    pthread_join(r->thread, NULL);
    ck_ok(r->status, &r->err);
    fake_finish_load(r->fake, &r->call);
    ck_assert_int_eq(r->client.status, OK);
    client_unpin(&r->client, r->fake);
}

static void nothing(void *arg)
{
    UNUSED(arg);
}

/* Loads name by pinning it and reserving at once; returns the reservation's status. */
static enum status try_load(struct fake *f, const char *name)
{
    struct client k;
    struct err err;
    ck_assert_int_eq(client_pin(&k, f, name), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    enum status s = fake_reserve(f, &call, &err);
    if (s == OK) {
        fake_finish_load(f, &call);
        client_unpin(&k, f);
    } else {
        cache_load_failed(f->cache, call.slot, &err, atomic_load(&f->now_us));
        ck_assert_int_eq(k.status, s);
    }
    return s;
}

START_TEST(the_oldest_go_until_the_room_suffices)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct reserver r;
    metrics_reset();
    client_touch(f, "a-300");
    client_touch(f, "b-300");
    client_touch(f, "c-300");
    client_touch(f, "a-300");
    queue_reservation(&r, f, "d-500");
    ck_assert_int_eq(fake_info(f, "a-300").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "b-300").state, SLOT_DRAINING);
    ck_assert_int_eq(fake_info(f, "c-300").state, SLOT_DRAINING);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 2);
    fake_unload_next(f);
    ck_assert(!atomic_load(&r.returned));
    fake_unload_next(f);
    finish(&r);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), 800);
    ck_assert_int_eq(fake_info(f, "b-300").state, SLOT_ABSENT);
    ck_assert_uint_eq(fake_info(f, "b-300").evictions, 1);
    fake_free(f);
}
END_TEST

/* Loads "x-600" into a full cache and expects `victim` to be the one that goes. */
static void expect_victim(struct fake *f, const char *victim)
{
    struct reserver r;
    queue_reservation(&r, f, "x-600");
    expect_unloads(f, 1);
    ck_assert_int_eq(fake_info(f, victim).state, SLOT_DRAINING);
    fake_unload_next(f);
    finish(&r);
}

START_TEST(joining_a_load_stamps)
{
    struct fake *f = fake_new(FAKE_MANUAL, 1600, SLOTS);
    struct client miss, joined;
    ck_assert_int_eq(client_pin(&miss, f, "a-800"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    client_touch(f, "b-800");
    ck_assert_int_eq(client_pin(&joined, f, "a-800"), PIN_WAITING);
    fake_run_load(f, &call);
    client_unpin(&miss, f);
    client_unpin(&joined, f);
    expect_victim(f, "b-800");
    fake_free(f);
}
END_TEST

START_TEST(finishing_a_load_does_not_stamp)
{
    struct fake *f = fake_new(FAKE_MANUAL, 1600, SLOTS);
    struct client miss;
    ck_assert_int_eq(client_pin(&miss, f, "a-800"), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    client_touch(f, "b-800");
    fake_run_load(f, &call);
    client_unpin(&miss, f);
    expect_victim(f, "a-800");
    fake_free(f);
}
END_TEST

START_TEST(a_load_without_an_invocation_enters_as_the_newest)
{
    struct fake *f = fake_new(FAKE_MANUAL, 1600, SLOTS);
    struct client k;
    client_touch(f, "a-800");
    ck_assert_int_eq(client_load(&k, f, "b-800"), PIN_WAITING);
    fake_load_next(f);
    client_unpin(&k, f);
    ck_assert_int_eq(client_load(&k, f, "a-800"),
                     PIN_READY); /* and a pin of that kind stamps not */
    client_unpin(&k, f);
    expect_victim(f, "a-800");
    fake_free(f);
}
END_TEST

START_TEST(free_room_evicts_nobody)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    client_touch(f, "a-500");
    ck_assert_int_eq(try_load(f, "b-500"), OK);
    ck_assert_int_eq(fake_info(f, "a-500").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(a_pinned_model_is_passed_over)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    struct reserver r;
    client_touch(f, "a-500");
    client_touch(f, "b-500");
    ck_assert_int_eq(client_pin(&k, f, "a-500"), PIN_READY);
    client_touch(f, "b-500");
    queue_reservation(&r, f, "c-400");
    ck_assert_int_eq(fake_info(f, "a-500").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "b-500").state, SLOT_DRAINING);
    fake_unload_next(f);
    finish(&r);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(a_model_that_can_never_fit_evicts_nobody)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    metrics_reset();
    client_touch(f, "a-500");
    client_touch(f, "b-500");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(try_load(f, "huge-1001"), E_NEVER_FITS);
        atomic_fetch_add(&f->now_us, 1000000);
    }
    f->also_needed = 600;
    ck_assert_int_eq(try_load(f, "wide-401"), E_NEVER_FITS);
    f->also_needed = UINT64_MAX;
    ck_assert_int_eq(try_load(f, "vast-400"), E_NEVER_FITS);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), LIMIT);
    ck_assert_uint_eq(fake_unloads_queued(f), 0);
    fake_free(f);
}
END_TEST

START_TEST(when_what_could_go_does_not_suffice_nobody_goes)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    metrics_reset();
    client_touch(f, "a-300");
    client_touch(f, "b-700");
    ck_assert_int_eq(client_pin(&k, f, "b-700"), PIN_READY);
    ck_assert_int_eq(try_load(f, "c-301"), E_NO_ROOM);
    ck_assert_int_eq(fake_info(f, "a-300").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "c-301").state, SLOT_ABSENT);
    ck_assert_int_eq(fake_info(f, "c-301").last_error.code, E_NO_ROOM);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 0);
    ck_assert_uint_eq(metric_get(M_REFUSED_MEMORY), 1);
    ck_assert_uint_eq(metric_get(M_LOADS_REFUSED), 1);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(bytes_that_drain_already_are_counted)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct reserver r;
    client_touch(f, "a-600");
    client_touch(f, "b-400");
    ck_assert_int_eq(cache_unload(f->cache, "a-600", nothing, NULL, NULL), OK);
    queue_reservation(&r, f, "c-600");
    ck_assert_int_eq(fake_info(f, "b-400").state, SLOT_RESIDENT);
    ck_assert(!atomic_load(&r.returned));
    fake_unload_next(f);
    finish(&r);
    ck_assert_int_eq(fake_info(f, "b-400").state, SLOT_RESIDENT);
    fake_free(f);
}
END_TEST

START_TEST(draining_bytes_that_are_pinned_are_not_counted)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k;
    client_touch(f, "a-600");
    ck_assert_int_eq(client_pin(&k, f, "a-600"), PIN_READY);
    ck_assert_int_eq(cache_unload(f->cache, "a-600", nothing, NULL, NULL), OK);
    ck_assert_int_eq(try_load(f, "b-600"), E_NO_ROOM);
    client_unpin(&k, f);
    fake_unload_next(f);
    ck_assert_int_eq(try_load(f, "b-600"), OK);
    fake_free(f);
}
END_TEST

START_TEST(bytes_promised_to_one_load_are_not_promised_to_another)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct reserver r;
    client_touch(f, "a-800");
    queue_reservation(&r, f, "b-800");
    ck_assert_int_eq(try_load(f, "c-300"), E_NO_ROOM);
    fake_unload_next(f);
    finish(&r);
    fake_free(f);
}
END_TEST

START_TEST(a_later_small_load_does_not_overtake_an_earlier_large_one)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct reserver large, small;
    client_touch(f, "a-400");
    client_touch(f, "b-300");
    client_touch(f, "c-300");
    queue_reservation(&large, f, "d-700");
    fake_unload_next(f);
    expect_unloads(f, 1);
    queue_reservation(&small, f, "e-100"); /* 400 bytes are free: they are the large one's */
    expect_unloads(f, 2);
    ck_assert_uint_eq(promised(f), 800);
    ck_assert(!atomic_load(&small.returned));
    fake_unload_next(f);
    fake_unload_next(f);
    finish(&large);
    finish(&small);
    fake_free(f);
}
END_TEST

START_TEST(a_cancelled_wait_lets_the_next_one_go)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct reserver large, small;
    client_touch(f, "a-400");
    client_touch(f, "b-300");
    client_touch(f, "c-300");
    queue_reservation(&large, f, "d-700");
    struct fake_call a = fake_next_unload(f), b = fake_next_unload(f);
    queue_reservation(&small, f, "e-300");
    fake_unload_next(f);
    ck_assert_uint_eq(promised(f), 1000);
    ck_assert_int_eq(cache_unload(f->cache, "d-700", nothing, NULL, NULL), OK);
    finish(&small);
    pthread_join(large.thread, NULL);
    ck_assert_int_eq(large.status, E_CANCELLED);
    ck_assert_uint_eq(promised(f), 0);
    fake_fail_load(f, &large.call, E_CANCELLED);
    ck_assert_int_eq(large.client.status, E_CANCELLED);
    fake_run_unload(f, &a);
    fake_run_unload(f, &b);
    fake_free(f);
}
END_TEST

START_TEST(bytes_that_come_back_early_serve_who_waits)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct reserver r, s;
    struct client k;
    struct err err;
    ck_assert_int_eq(client_pin(&k, f, "a-300"), PIN_WAITING);
    struct fake_call failing = fake_next_load(f);
    ck_ok(fake_reserve(f, &failing, &err), &err);
    ck_ok(cache_scratch_take(f->cache, 200, &err), &err);
    client_touch(f, "b-500");
    queue_reservation(&r, f, "c-300");
    queue_reservation(&s, f, "d-200");
    fake_fail_load(f, &failing, E_CORRUPT);
    finish(&r);
    ck_assert(!atomic_load(&s.returned));
    cache_scratch_give(f->cache, 200);
    finish(&s);
    ck_assert_int_eq(fake_info(f, "b-500").state, SLOT_DRAINING);
    fake_unload_next(f);
    fake_free(f);
}
END_TEST

START_TEST(an_evictee_touched_while_it_drains_loads_anew)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct reserver taker, evictee;
    client_touch(f, "a-600");
    client_touch(f, "b-400");
    queue_reservation(&taker, f, "c-600");
    ck_assert_int_eq(fake_info(f, "a-600").state, SLOT_DRAINING);
    struct fake_call drain = fake_next_unload(f);
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, "a-600"), PIN_WAITING);
    ck_assert_int_eq(k.waiter.lookup, LOOKUP_MISS);
    struct fake_call again = fake_next_load(f);
    ck_assert_ptr_ne(again.slot, drain.slot);
    fake_run_unload(f, &drain);
    finish(&taker);
    evictee = (struct reserver){.fake = f, .call = again};
    ck_assert_int_eq(pthread_create(&evictee.thread, NULL, reserve_main, &evictee), 0);
    fake_unload_next(f);
    fake_unload_next(f);
    pthread_join(evictee.thread, NULL);
    ck_ok(evictee.status, &evictee.err);
    fake_finish_load(f, &again);
    ck_assert_int_eq(k.status, OK);
    ck_assert_uint_eq(fake_info(f, "a-600").misses, 2);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

static void count_call(void *arg)
{
    ++*(int *)arg;
}

START_TEST(deleting_an_evictee_waits_for_its_bytes)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct reserver r;
    struct err err;
    int calls = 0;
    metrics_reset();
    client_touch(f, "a-600");
    queue_reservation(&r, f, "b-600");
    ck_ok(cache_unload(f->cache, "a-600", count_call, &calls, &err), &err);
    ck_assert_int_eq(calls, 0);
    fake_unload_next(f);
    ck_assert_int_eq(calls, 1);
    ck_assert_uint_eq(metric_get(M_EVICT_ROOM), 1);
    ck_assert_uint_eq(metric_get(M_EVICT_UNLOAD), 0);
    finish(&r);
    fake_free(f);
}
END_TEST

START_TEST(scratch_evicts_and_is_charged)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct client k;
    struct err err;
    metrics_reset();
    client_touch(f, "a-400");
    client_touch(f, "b-400");
    ck_assert_int_eq(client_pin(&k, f, "b-400"), PIN_READY);
    ck_ok(cache_scratch_take(f->cache, 600, &err), &err);
    ck_assert_int_eq(fake_info(f, "a-400").state, SLOT_ABSENT);
    ck_assert_uint_eq(fake_used(f, BUDGET_SCRATCH), 600);
    ck_assert_int_eq(cache_scratch_take(f->cache, 1, &err), E_NO_ROOM);
    ck_assert_int_eq(err.code, E_NO_ROOM);
    ck_assert_uint_eq(metric_get(M_REFUSED_MEMORY), 1);
    ck_assert_int_eq(cache_scratch_take(f->cache, LIMIT + 1, &err), E_NEVER_FITS);
    ck_assert_uint_eq(metric_get(M_REFUSED_NEVER_FITS), 1);
    cache_scratch_give(f->cache, 600);
    ck_assert_uint_eq(fake_used(f, BUDGET_SCRATCH), 0);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(the_age_at_eviction_is_the_time_since_the_last_use)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct buf text;
    buf_init(&text, 0);
    metrics_reset();
    atomic_store(&f->now_us, 2000000);
    client_touch(f, "a-600");
    atomic_store(&f->now_us, 9000000);
    client_touch(f, "b-600");
    ck_assert_int_eq(metrics_render(&text), OK);
    ck_assert_int_eq(buf_terminate(&text), OK);
    ck_assert_ptr_nonnull(strstr((char *)text.data, "roost_cache_age_at_eviction_seconds_sum 7\n"));
    ck_assert_ptr_nonnull(
        strstr((char *)text.data, "roost_cache_age_at_eviction_seconds_count 1\n"));
    buf_fini(&text);
    fake_free(f);
}
END_TEST

Suite *suite_room(void)
{
    return SUITE(
        "room", the_oldest_go_until_the_room_suffices, joining_a_load_stamps,
        finishing_a_load_does_not_stamp, a_load_without_an_invocation_enters_as_the_newest,
        free_room_evicts_nobody, a_pinned_model_is_passed_over,
        a_model_that_can_never_fit_evicts_nobody, when_what_could_go_does_not_suffice_nobody_goes,
        bytes_that_drain_already_are_counted, draining_bytes_that_are_pinned_are_not_counted,
        bytes_promised_to_one_load_are_not_promised_to_another,
        a_later_small_load_does_not_overtake_an_earlier_large_one,
        a_cancelled_wait_lets_the_next_one_go, bytes_that_come_back_early_serve_who_waits,
        an_evictee_touched_while_it_drains_loads_anew, deleting_an_evictee_waits_for_its_bytes,
        scratch_evicts_and_is_charged, the_age_at_eviction_is_the_time_since_the_last_use);
}
