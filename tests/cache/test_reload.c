/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A new version beside the old one: who is served by which, what becomes of the old one, and what
 * happens to the new one when something comes between. */
#include "cache/reload.h"

#include <stdio.h>
#include <string.h>

#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 100, SECOND = 1000000, OLD = 1, NEW = 2, NEWER = 3 };

static void nothing(void *arg)
{
    UNUSED(arg);
}

/* Loads a model that was resolved to OLD. Its value. */
static const void *load_old(struct fake *f, const char *name)
{
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, name), PIN_WAITING);
    struct fake_call call = fake_next_load(f);
    cache_load_content(f->cache, call.slot, OLD);
    fake_run_load(f, &call);
    ck_ok(k.status, &k.err);
    client_unpin(&k, f);
    return k.pin.value;
}

/* A reload whose load was resolved to `content` and goes on when the test wants. */
static struct fake_call begin_reload(struct client *k, struct fake *f, const char *name,
                                     uint64_t content)
{
    ck_assert(client_reload(k, f, name, NULL));
    struct fake_call call = fake_next_load(f);
    cache_load_content(f->cache, call.slot, content);
    return call;
}

/* What a pin of the name finds; it must be there. */
static const void *served(struct fake *f, const char *name)
{
    struct client k;
    ck_assert_int_eq(client_pin(&k, f, name), PIN_READY);
    ck_assert_int_eq(k.waiter.lookup, LOOKUP_HIT);
    client_unpin(&k, f);
    return k.pin.value;
}

static bool delete_model(struct fake *f, const char *name)
{
    struct err err;
    return cache_unload(f->cache, name, nothing, NULL, &err) == OK;
}

START_TEST(the_new_version_takes_over_when_it_is_ready)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client reload, old, again;
    metrics_reset();
    const void *first = load_old(f, "a-100");
    ck_assert_int_eq(client_pin(&old, f, "a-100"), PIN_READY);
    struct fake_call call = begin_reload(&reload, f, "a-100", NEW);
    ck_assert(fake_info(f, "a-100").reloading);
    ck_assert_ptr_eq(served(f, "a-100"), first); /* nobody waits for it */
    fake_run_load(f, &call);
    ck_ok(reload.status, &reload.err);
    ck_assert_ptr_ne(reload.pin.value, first);
    ck_assert_int_eq(client_pin(&again, f, "a-100"), PIN_READY);
    ck_assert_ptr_eq(again.pin.value, reload.pin.value);
    ck_assert_ptr_eq(old.pin.value, first); /* and who has the old one keeps it */
    ck_assert_uint_eq(fake_used(f, BUDGET_RESIDENT), 100);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 100);
    ck_assert_uint_eq(fake_unloads_queued(f), 0);
    client_unpin(&old, f);
    fake_unload_next(f);
    ck_assert_uint_eq(fake_used(f, BUDGET_DRAINING), 0);
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_int_eq(i.state, SLOT_RESIDENT);
    ck_assert_uint_eq(i.loads, 2);
    ck_assert_uint_eq(i.hits, 3);
    ck_assert_uint_eq(i.misses, 1);
    ck_assert(!i.reloading);
    ck_assert_uint_eq(metric_get(M_RELOADS_OK), 1);
    ck_assert_uint_eq(metric_get(M_LOOKUP_MISS), 1);
    client_unpin(&again, f);
    client_unpin(&reload, f);
    fake_free(f);
}
END_TEST

START_TEST(it_inherits_recency_and_keep)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k, reload;
    struct err err;
    load_old(f, "old-200");
    load_old(f, "a-200");
    load_old(f, "x-100");
    load_old(f, "b-200");
    ck_assert_int_eq(client_pin(&k, f, "b-200"), PIN_READY);
    ck_ok(cache_keep(f->cache, &k.pin, &err), &err);
    client_unpin(&k, f);
    struct fake_call call = begin_reload(&reload, f, "a-200", NEW);
    fake_run_load(f, &call);
    client_unpin(&reload, f);
    fake_unload_next(f);
    call = begin_reload(&reload, f, "b-200", NEW);
    fake_run_load(f, &call);
    client_unpin(&reload, f);
    fake_unload_next(f);
    ck_assert(fake_info(f, "b-200").kept);
    /* `old` is the oldest still, then `a`, then `x`; `b` is no victim. */
    f->mode = FAKE_INLINE;
    client_touch(f, "c-500");
    ck_assert_int_eq(fake_info(f, "old-200").state, SLOT_ABSENT);
    ck_assert_int_eq(fake_info(f, "a-200").state, SLOT_RESIDENT);
    client_touch(f, "d-200");
    ck_assert_int_eq(fake_info(f, "a-200").state, SLOT_ABSENT);
    ck_assert_int_eq(fake_info(f, "x-100").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "b-200").state, SLOT_RESIDENT);
    ck_ok(cache_unkeep(f->cache, "b-200", &err), &err);
    fake_free(f);
}
END_TEST

START_TEST(what_cannot_be_loaded_leaves_the_old_one_serving)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client reload;
    metrics_reset();
    const void *first = load_old(f, "a-100");
    struct fake_call call = begin_reload(&reload, f, "a-100", NEW);
    fake_fail_load(f, &call, E_CORRUPT);
    ck_assert_int_eq(reload.status, E_CORRUPT);
    ck_assert_ptr_eq(served(f, "a-100"), first);
    struct slot_info i = fake_info(f, "a-100");
    ck_assert_int_eq(i.state, SLOT_RESIDENT);
    ck_assert_int_eq(i.last_error.code, E_CORRUPT);
    ck_assert_str_eq(i.last_error.msg, "a-100: corrupt");
    ck_assert_uint_eq(i.retry_at_us, atomic_load(&f->now_us) + SECOND);
    ck_assert_uint_eq(metric_get(M_RELOADS_FAILED), 1);
    ck_assert_uint_eq(fake_used(f, BUDGET_RESERVED), 0);
    /* The same content waits for the back-off, which doubles; another does not. */
    const struct reload_cause same = {OLD, NEW}, other = {OLD, NEWER}, passed = {NEW, NEWER};
    ck_assert(!client_reload(&reload, f, "a-100", &same));
    ck_assert(!client_reload(&reload, f, "a-100", &passed)); /* was seen before something changed */
    atomic_fetch_add(&f->now_us, SECOND);
    ck_assert(client_reload(&reload, f, "a-100", &same));
    ck_assert(!client_reload(&reload, f, "a-100", &other)); /* one is under way */
    call = fake_next_load(f);
    cache_load_content(f->cache, call.slot, NEW);
    fake_fail_load(f, &call, E_CORRUPT);
    ck_assert_uint_eq(fake_info(f, "a-100").retry_at_us, atomic_load(&f->now_us) + 2 * SECOND);
    ck_assert(client_reload(&reload, f, "a-100", &other));
    fake_load_next(f);
    ck_ok(reload.status, &reload.err);
    i = fake_info(f, "a-100");
    ck_assert_int_eq(i.last_error.code, OK);
    ck_assert_uint_eq(i.retry_at_us, 0);
    ck_assert_ptr_eq(served(f, "a-100"), reload.pin.value);
    client_unpin(&reload, f);
    fake_free(f);
}
END_TEST

START_TEST(without_room_for_both_the_old_one_stays)
{
    struct fake *f = fake_new(FAKE_INLINE, LIMIT, SLOTS);
    struct client reload, k;
    metrics_reset();
    client_touch(f, "a-600");
    client_touch(f, "b-300");
    ck_assert(client_reload(&reload, f, "a-600", NULL));
    ck_assert_int_eq(reload.status, E_NO_ROOM);
    ck_assert_int_eq(fake_info(f, "a-600").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "b-300").state, SLOT_RESIDENT); /* a refusal evicts nobody */
    ck_assert_int_eq(fake_info(f, "a-600").last_error.code, E_NO_ROOM);
    ck_assert_uint_eq(metric_get(M_RELOADS_NO_ROOM), 1);
    ck_assert_int_eq(client_touch(f, "a-600"), LOOKUP_HIT);
    /* Others give way to it as to any load, but it never does itself. */
    client_touch(f, "c-400");
    client_touch(f, "d-400");
    ck_assert_int_eq(client_pin(&k, f, "c-400"), PIN_READY);
    ck_assert(client_reload(&reload, f, "d-400", NULL));
    ck_assert_int_eq(reload.status, E_NO_ROOM);
    client_unpin(&k, f);
    ck_assert(client_reload(&reload, f, "d-400", NULL));
    ck_ok(reload.status, &reload.err);
    ck_assert_int_eq(fake_info(f, "c-400").state, SLOT_ABSENT);
    client_unpin(&reload, f);
    fake_free(f);
}
END_TEST

START_TEST(where_the_operator_wants_it_the_old_one_makes_way)
{
    const struct cache_config config = {
        .limit_bytes = LIMIT, .slots_max = SLOTS, .reload_evicts = true};
    struct fake *f = fake_new_with(FAKE_INLINE, &config);
    struct client reload, k, late;
    client_touch(f, "a-600");
    client_touch(f, "b-300");
    ck_assert(client_reload(&reload, f, "a-600", NULL));
    ck_ok(reload.status, &reload.err);
    client_unpin(&reload, f);
    ck_assert_int_eq(fake_info(f, "b-300").state, SLOT_RESIDENT);
    /* Where both fit once others go, those go. */
    client_touch(f, "c-100");
    ck_assert(client_reload(&reload, f, "b-300", NULL));
    ck_ok(reload.status, &reload.err);
    client_unpin(&reload, f);
    ck_assert_int_eq(fake_info(f, "a-600").state, SLOT_ABSENT);
    /* One that is in use drains: the new one comes with the next call that finds room. */
    client_touch(f, "a-600");
    ck_assert_int_eq(client_pin(&k, f, "a-600"), PIN_READY);
    ck_assert(client_reload(&reload, f, "a-600", NULL));
    ck_assert_int_eq(reload.status, E_NO_ROOM);
    (void)!client_pin(&late, f, "a-600");
    ck_assert_int_eq(late.status, E_NO_ROOM);
    client_unpin(&k, f);
    ck_assert_int_eq(client_touch(f, "a-600"), LOOKUP_MISS);
    fake_free(f);
}
END_TEST

START_TEST(delete_cancels_a_reload)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client reload, k;
    struct err err;
    metrics_reset();
    load_old(f, "a-100");
    struct fake_call call = begin_reload(&reload, f, "a-100", NEW);
    ck_ok(fake_reserve(f, &call, &err), &err);
    ck_assert(delete_model(f, "a-100"));
    fake_unload_next(f);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_ABSENT);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, false), CACHE_LOAD_CANCELLED);
    ck_assert_int_eq(client_pin(&k, f, "a-100"), PIN_WAITING); /* it does not join that */
    ck_assert_int_eq(k.waiter.lookup, LOOKUP_MISS);
    fake_finish_load(f, &call); /* the value came all the same */
    ck_assert_int_eq(reload.status, E_CANCELLED);
    ck_assert_uint_eq(metric_get(M_RELOADS_CANCELLED), 1);
    fake_unload_next(f);
    fake_load_next(f);
    ck_ok(k.status, &k.err);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

START_TEST(who_asks_after_the_old_one_left_joins_the_reload)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client reload, k, other;
    load_old(f, "a-400");
    struct fake_call call = begin_reload(&reload, f, "a-400", NEW);
    ck_assert_int_eq(client_pin(&other, f, "b-900"), PIN_WAITING);
    struct fake_call evicting = fake_next_load(f);
    f->mode = FAKE_INLINE;
    fake_run_load(f, &evicting);
    ck_ok(other.status, &other.err);
    client_unpin(&other, f);
    ck_assert_int_eq(fake_info(f, "a-400").state, SLOT_LOADING);
    ck_assert_uint_eq(fake_info(f, "a-400").evictions, 1);
    ck_assert_int_eq(client_pin(&k, f, "a-400"), PIN_WAITING);
    ck_assert_int_eq(k.waiter.lookup, LOOKUP_JOINED);
    fake_run_load(f, &call);
    ck_ok(k.status, &k.err);
    ck_ok(reload.status, &reload.err);
    ck_assert_ptr_eq(k.pin.value, reload.pin.value);
    ck_assert_uint_eq(fake_info(f, "a-400").loads, 2);
    client_unpin(&k, f);
    client_unpin(&reload, f);
    fake_free(f);
}
END_TEST

START_TEST(what_expires_leaves_its_name_to_the_reload)
{
    const struct cache_config config = {
        .limit_bytes = LIMIT, .slots_max = SLOTS, .tenants = {.ttl_us = 10}};
    struct fake *f = fake_new_with(FAKE_MANUAL, &config);
    struct client reload;
    load_old(f, "a-100");
    struct fake_call call = begin_reload(&reload, f, "a-100", NEW);
    ck_assert_uint_eq(cache_expire(f->cache, SECOND), 1);
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_LOADING);
    fake_run_load(f, &call);
    ck_assert_ptr_eq(served(f, "a-100"), reload.pin.value);
    client_unpin(&reload, f);
    fake_free(f);
}
END_TEST

/* The name changed again while the first change was being loaded. */
START_TEST(of_two_changes_the_later_wins_whichever_is_ready_first)
{
    for (int later_first = 0; later_first < 2; later_first++) {
        struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
        struct client one, two;
        const void *old = load_old(f, "a-100");
        struct fake_call first = begin_reload(&one, f, "a-100", NEW);
        struct fake_call second = begin_reload(&two, f, "a-100", NEWER);
        ck_assert_ptr_eq(served(f, "a-100"), old);
        if (later_first) {
            fake_run_load(f, &second);
            ck_assert_ptr_eq(served(f, "a-100"), two.pin.value);
            ck_assert_uint_eq(cache_load_look(f->cache, first.slot, false), CACHE_LOAD_CANCELLED);
            fake_fail_load(f, &first, E_CANCELLED);
            ck_assert_int_eq(one.status, E_CANCELLED);
            ck_assert_int_eq(fake_info(f, "a-100").last_error.code, OK);
        } else {
            fake_run_load(f, &first);
            ck_assert_ptr_eq(served(f, "a-100"), one.pin.value);
            client_unpin(&one, f);
            fake_run_load(f, &second);
        }
        ck_assert_ptr_eq(served(f, "a-100"), two.pin.value);
        client_unpin(&two, f);
        fake_free(f);
    }
}
END_TEST

START_TEST(of_two_changes_the_first_may_fail)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client one, two;
    const void *old = load_old(f, "a-100");
    struct fake_call first = begin_reload(&one, f, "a-100", NEW);
    struct fake_call second = begin_reload(&two, f, "a-100", NEWER);
    fake_fail_load(f, &first, E_STORE);
    ck_assert_ptr_eq(served(f, "a-100"), old);
    fake_run_load(f, &second);
    ck_assert_ptr_eq(served(f, "a-100"), two.pin.value);
    client_unpin(&two, f);
    fake_free(f);
}
END_TEST

/* It changed while it was being loaded for the first time. */
START_TEST(a_load_under_way_serves_those_who_wait_for_it)
{
    for (int new_first = 0; new_first < 2; new_first++) {
        struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
        struct client k, reload, late;
        ck_assert_int_eq(client_pin(&k, f, "a-100"), PIN_WAITING);
        struct fake_call old = fake_next_load(f);
        struct fake_call new = begin_reload(&reload, f, "a-100", NEW);
        fake_run_load(f, new_first ? &new : &old);
        ck_assert_int_eq(client_pin(&late, f, "a-100"), PIN_READY);
        ck_assert_ptr_eq(late.pin.value, new_first ? reload.pin.value : k.pin.value);
        fake_run_load(f, new_first ? &old : &new);
        ck_ok(k.status, &k.err);
        ck_assert_ptr_eq(served(f, "a-100"), reload.pin.value);
        client_unpin(&k, f);
        client_unpin(&late, f);
        client_unpin(&reload, f);
        ck_assert_uint_eq(fake_unloads_queued(f), 1);
        fake_free(f);
    }
}
END_TEST

START_TEST(where_the_first_load_fails_or_is_given_up_the_reload_has_the_name)
{
    for (int given_up = 0; given_up < 2; given_up++) {
        struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
        struct client k, reload, late;
        ck_assert_int_eq(client_pin(&k, f, "a-100"), PIN_WAITING);
        struct fake_call old = fake_next_load(f);
        struct fake_call new = begin_reload(&reload, f, "a-100", NEW);
        if (given_up) {
            ck_assert(cache_cancel_wait(f->cache, &k.waiter));
            ck_assert_uint_eq(cache_load_look(f->cache, old.slot, true), CACHE_LOAD_CANCELLED);
        } else {
            fake_fail_load(f, &old, E_CORRUPT);
            ck_assert_int_eq(k.status, E_CORRUPT);
        }
        ck_assert_int_eq(client_pin(&late, f, "a-100"), PIN_WAITING);
        ck_assert_int_eq(late.waiter.lookup, LOOKUP_JOINED);
        if (given_up)
            fake_fail_load(f, &old, E_CANCELLED);
        fake_run_load(f, &new);
        ck_ok(late.status, &late.err);
        ck_assert_ptr_eq(served(f, "a-100"), reload.pin.value);
        client_unpin(&late, f);
        client_unpin(&reload, f);
        fake_free(f);
    }
}
END_TEST

START_TEST(nobody_waits_for_a_reload_and_it_is_not_given_up)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client reload;
    load_old(f, "a-100");
    struct fake_call call = begin_reload(&reload, f, "a-100", NEW);
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), 0);
    ck_assert(cache_cancel_wait(f->cache, &reload.waiter));
    ck_assert_uint_eq(cache_load_look(f->cache, call.slot, true), 0);
    const void *old = served(f, "a-100");
    fake_run_load(f, &call);
    ck_assert_ptr_ne(served(f, "a-100"), old);
    fake_free(f);
}
END_TEST

START_TEST(what_is_not_in_memory_is_not_reloaded)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client k, reload;
    ck_assert(!client_reload(&reload, f, "never-1", NULL));
    load_old(f, "a-100");
    ck_assert(delete_model(f, "a-100"));
    ck_assert(!client_reload(&reload, f, "a-100", NULL));
    /* A failure that is remembered is of other content. */
    ck_assert_int_eq(client_pin(&k, f, "corrupt-1"), PIN_WAITING);
    fake_load_next(f);
    ck_assert_int_eq(client_pin(&k, f, "corrupt-1"), PIN_FAILED);
    ck_assert(!client_reload(&reload, f, "corrupt-1", NULL));
    ck_assert_int_eq(client_pin(&k, f, "corrupt-1"), PIN_WAITING);
    fake_load_next(f);
    fake_free(f);
}
END_TEST

START_TEST(a_record_that_goes_takes_its_reload_along)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, 1);
    struct client reload, k;
    struct slot_info i;
    load_old(f, "a-100");
    struct fake_call call = begin_reload(&reload, f, "a-100", NEW);
    ck_assert_int_eq(client_pin(&k, f, "b-100"), PIN_WAITING);
    fake_load_next(f);
    ck_assert(!cache_info(f->cache, "a-100", &i));
    fake_fail_load(f, &call, E_CANCELLED);
    ck_assert_int_eq(reload.status, E_CANCELLED);
    ck_ok(k.status, &k.err);
    client_unpin(&k, f);
    fake_free(f);
}
END_TEST

/* ---- who is due ---- */

static int due(struct fake *f, uint64_t now_us)
{
    struct due_model d = {.name = ""};
    enum due r;
    int n = 0;
    while ((r = cache_due(f->cache, &d, 10 * SECOND, now_us)) != DUE_THROUGH) {
        ck_assert(r == DUE_GO_ON || d.content == OLD);
        n += r == DUE_FOUND;
    }
    return n;
}

START_TEST(only_models_in_use_are_looked_at)
{
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, SLOTS);
    struct client reload, hint;
    load_old(f, "a-100");
    load_old(f, "b-100");
    ck_assert_int_eq(client_hint(&hint, f, "c-100", HINT_SOON), PIN_WAITING);
    struct fake_call load = fake_next_load(f);
    cache_load_content(f->cache, load.slot, OLD);
    fake_run_load(f, &load);
    client_unpin(&hint, f);
    atomic_store(&f->now_us, 2 * SECOND);
    served(f, "a-100");
    ck_assert_int_eq(due(f, 7 * SECOND), 0); /* too early */
    /* b served the call that it was loaded for, and may be another since; c nobody */
    ck_assert_int_eq(due(f, 12 * SECOND), 2);
    ck_assert_int_eq(due(f, 40 * SECOND), 0); /* not used since then */
    atomic_store(&f->now_us, 41 * SECOND);
    served(f, "a-100");
    struct fake_call call = begin_reload(&reload, f, "a-100", NEW);
    ck_assert_int_eq(due(f, 60 * SECOND), 0); /* it is being replaced */
    fake_fail_load(f, &call, E_STORE);
    ck_assert_int_eq(due(f, 60 * SECOND), 1);
    fake_free(f);
}
END_TEST

START_TEST(looks_are_spread_over_a_quarter_of_the_time)
{
    enum { N = 600, STEP = 100000 };
    struct fake *f = fake_new(FAKE_MANUAL, LIMIT, 2 * N);
    int total = 0, most = 0;
    for (int i = 0; i < N; i++) {
        char name[32];
        snprintf(name, sizeof(name), "m%d-1", i);
        load_old(f, name);
        atomic_store(&f->now_us, 2);
        served(f, name);
        atomic_store(&f->now_us, 1);
    }
    ck_assert_int_eq(due(f, 7500000), 0);
    for (uint64_t t = 7500000; t <= 10 * SECOND; t += STEP) {
        int n = due(f, t + 1);
        most = MAX(most, n);
        total += n;
    }
    ck_assert_int_eq(total, N);
    ck_assert_int_lt(most, N / 8);
    fake_free(f);
}
END_TEST

Suite *suite_reload(void)
{
    return SUITE("reload", the_new_version_takes_over_when_it_is_ready,
                 it_inherits_recency_and_keep, what_cannot_be_loaded_leaves_the_old_one_serving,
                 without_room_for_both_the_old_one_stays,
                 where_the_operator_wants_it_the_old_one_makes_way, delete_cancels_a_reload,
                 who_asks_after_the_old_one_left_joins_the_reload,
                 what_expires_leaves_its_name_to_the_reload,
                 of_two_changes_the_later_wins_whichever_is_ready_first,
                 of_two_changes_the_first_may_fail, a_load_under_way_serves_those_who_wait_for_it,
                 where_the_first_load_fails_or_is_given_up_the_reload_has_the_name,
                 nobody_waits_for_a_reload_and_it_is_not_given_up,
                 what_is_not_in_memory_is_not_reloaded, a_record_that_goes_takes_its_reload_along,
                 only_models_in_use_are_looked_at, looks_are_spread_over_a_quarter_of_the_time);
}
