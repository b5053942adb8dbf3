/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What watchers hear: everything, in order, by ids that mean one model at a time; and what is lost
 * when nobody takes it. */
#include <stdio.h>
#include <string.h>

#include "cache/cache_priv.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { LIMIT = 1000, SLOTS = 4, HEARD_MAX = 64, MODELS = 6000, ROUNDS = 40000 };

struct ear {
    uint32_t ids; /* reserved */
    uint32_t reserves;
    size_t n;
    struct watch_event heard[HEARD_MAX];
    uint64_t counts[WATCH_FORGET + 1];
    bool refuse;
};

static enum status ear_reserve(void *arg, uint32_t ids)
{
    struct ear *e = arg;
    if (e->refuse)
        return E_NO_MEMORY;
    ck_assert_uint_ge(ids, e->ids);
    e->ids = ids;
    e->reserves++;
    return OK;
}

static void ear_take(void *arg, const struct watch_event *event)
{
    struct ear *e = arg;
    ck_assert_uint_lt(event->id, e->ids);
    ck_assert_uint_gt(event->id, 0);
    if (e->n < HEARD_MAX)
        e->heard[e->n++] = *event;
    e->counts[event->kind]++;
}

static struct fake *watched(struct ear *e, enum fake_mode mode, uint32_t slots)
{
    const struct watch_consumer k = {ear_reserve, ear_take, e};
    memset(e, 0, sizeof(*e));
    metrics_reset();
    struct fake *f = fake_new(mode, LIMIT, slots);
    ck_assert_int_eq(cache_watch(f->cache, &k), OK);
    return f;
}

static void expect(const struct ear *e, size_t at, enum watch_kind kind, uint32_t id,
                   uint64_t bytes)
{
    ck_assert_uint_lt(at, e->n);
    ck_assert_int_eq(e->heard[at].kind, kind);
    ck_assert_uint_eq(e->heard[at].id, id);
    ck_assert_uint_eq(e->heard[at].bytes, bytes);
}

START_TEST(a_watcher_hears_it_all_in_order)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_INLINE, SLOTS);
    client_touch(f, "a-600");
    client_touch(f, "a-600");
    client_touch(f, "b-500"); /* a goes */
    tell_all(f->cache);
    ck_assert_uint_eq(e.n, 6);
    expect(&e, 0, WATCH_MISS, 1, 600); /* told once its bytes were known */
    expect(&e, 1, WATCH_ENTER, 1, 600);
    expect(&e, 2, WATCH_HIT, 1, 600);
    expect(&e, 3, WATCH_MISS, 2, 500);
    expect(&e, 4, WATCH_LEAVE, 1, 600);
    expect(&e, 5, WATCH_ENTER, 2, 500);
    ck_assert_uint_eq(e.heard[0].reload_us, 0);
    ck_assert_uint_eq(e.heard[2].reload_us, 5); /* what the fake says: fetch and load */
    fake_free(f);
    ck_assert_uint_eq(e.counts[WATCH_FORGET], 2);
}
END_TEST

/* What others held at a model's first load is told once a load has to bring it. */
START_TEST(what_others_no_longer_hold_counts_from_the_next_load_on)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_INLINE, SLOTS);
    client_touch(f, "a-10+x300");
    client_touch(f, "b-20+x300");
    client_touch(f, "c-900"); /* both go */
    client_touch(f, "b-20+x300");
    ck_assert_uint_eq(fake_info(f, "b-20+x300").bytes, 320);
    ck_assert_uint_eq(fake_info(f, "b-20+x300").shared_bytes, 0);
    client_touch(f, "a-10+x300");
    ck_assert_uint_eq(fake_info(f, "b-20+x300").bytes, 20);
    ck_assert_uint_eq(fake_info(f, "b-20+x300").shared_bytes, 300);
    client_touch(f, "b-20+x300");
    tell_all(f->cache);
    expect(&e, 3, WATCH_ENTER, 2, 20);
    expect(&e, 7, WATCH_ENTER, 3, 900);
    expect(&e, 10, WATCH_ENTER, 2, 320);
    expect(&e, 12, WATCH_ENTER, 1, 310);
    expect(&e, 13, WATCH_HIT, 2, 320);
    fake_free(f);
}
END_TEST

START_TEST(joined_ones_are_told_as_such)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_MANUAL, SLOTS);
    struct client first, second;
    ck_assert_int_eq(client_pin(&first, f, "a-100"), PIN_WAITING);
    ck_assert_int_eq(client_pin(&second, f, "a-100"), PIN_WAITING);
    fake_load_next(f);
    client_unpin(&first, f);
    client_unpin(&second, f);
    tell_all(f->cache);
    expect(&e, 0, WATCH_JOINED, 1, 0);
    expect(&e, 1, WATCH_MISS, 1, 100);
    expect(&e, 2, WATCH_ENTER, 1, 100);
    fake_free(f);
}
END_TEST

START_TEST(who_does_not_count_is_not_told_of)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_INLINE, SLOTS);
    struct client k;
    ck_assert_int_eq(client_load(&k, f, "a-100"), PIN_WAITING);
    client_unpin(&k, f);
    tell_all(f->cache);
    ck_assert_uint_eq(e.n, 1);
    expect(&e, 0, WATCH_ENTER, 1, 100);
    ck_assert_int_eq(client_pin(&k, f, "missing"), PIN_WAITING);
    ck_assert_int_eq(k.status, E_NOT_FOUND);
    tell_all(f->cache);
    ck_assert_uint_eq(e.n, 2);
    ck_assert_int_eq(e.heard[1].kind, WATCH_FORGET);
    fake_free(f);
}
END_TEST

static void nothing(void *arg)
{
    UNUSED(arg);
}

/* A fresh slot takes the id over; a forgotten record gives it back. */
START_TEST(an_id_goes_with_the_record)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_MANUAL, SLOTS);
    struct client k, again;
    struct err err;
    ck_assert_int_eq(client_pin(&k, f, "a-100"), PIN_WAITING);
    fake_load_next(f);
    ck_assert_int_eq(cache_unload(f->cache, "a-100", nothing, NULL, &err), OK);
    ck_assert_int_eq(client_pin(&again, f, "a-100"), PIN_WAITING); /* while the old one drains */
    fake_load_next(f);
    client_unpin(&k, f);
    fake_unload_next(f);
    client_unpin(&again, f);
    tell_all(f->cache);
    expect(&e, 2, WATCH_LEAVE, 1, 100);
    expect(&e, 3, WATCH_MISS, 1, 100);
    expect(&e, 4, WATCH_ENTER, 1, 100);
    ck_assert_uint_eq(e.n, 5);
    fake_free(f);
}
END_TEST

START_TEST(ids_come_back_when_records_go)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_INLINE, SLOTS);
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof(name), "m%d-100", i);
        client_touch(f, name);
    }
    tell_all(f->cache);
    ck_assert_uint_eq(e.counts[WATCH_FORGET], 50 - SLOTS);
    ck_assert_uint_le(f->cache->ids.used, SLOTS + 1);
    fake_free(f);
}
END_TEST

START_TEST(room_for_ids_grows)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_INLINE, 2 * MODELS);
    for (int i = 0; i < MODELS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "m%d-1", i);
        client_touch(f, name);
    }
    ck_assert_uint_gt(e.ids, MODELS);
    ck_assert_uint_le(e.ids, 4 * MODELS);
    ck_assert_uint_eq(f->cache->ids.used, MODELS);
    fake_free(f);
}
END_TEST

/* Nothing fails: what has no id is not watched. */
START_TEST(without_memory_for_ids_models_are_served_all_the_same)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_INLINE, 2 * MODELS);
    uint32_t ids = e.ids;
    e.refuse = true;
    for (int i = 0; i < MODELS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "m%d-1", i);
        client_touch(f, name);
    }
    ck_assert_uint_eq(f->cache->ids.used, ids - 1);
    tell_all(f->cache);
    ck_assert_uint_eq(metric_get(M_LOADS_OK), MODELS);
    fake_free(f);
}
END_TEST

/* Nobody takes them: hits are lost and counted, what enters and leaves is not. */
START_TEST(what_changes_residency_is_never_lost)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_INLINE, SLOTS);
    client_touch(f, "a-600");
    for (int i = 0; i < ROUNDS; i++)
        client_touch(f, "a-600");
    ck_assert_uint_gt(metric_get(M_WATCH_LOST), 0);
    for (int i = 0; i < 100; i++)
        client_touch(f, i % 2 ? "a-600" : "b-600");
    tell_all(f->cache);
    ck_assert_uint_eq(e.counts[WATCH_ENTER], 101);
    ck_assert_uint_eq(e.counts[WATCH_LEAVE], 100);
    uint64_t told = e.counts[WATCH_HIT] + e.counts[WATCH_MISS];
    ck_assert_uint_eq(told + metric_get(M_WATCH_LOST), ROUNDS + 101);
    fake_free(f);
}
END_TEST

/* ---- with the thread ---- */

static void *pin_many(void *arg)
{
    struct fake *f = arg;
    for (int i = 0; i < ROUNDS; i++) {
        struct client k;
        if (client_pin(&k, f, i % 2 ? "a-300" : "b-300") == PIN_READY)
            client_unpin(&k, f);
    }
    return NULL;
}

START_TEST(threads_and_the_watching_one_agree)
{
    struct ear e;
    struct fake *f = watched(&e, FAKE_INLINE, SLOTS);
    pthread_t threads[3];
    struct err err;
    client_touch(f, "a-300");
    client_touch(f, "b-300");
    ck_ok(cache_start(f->cache, NULL, NULL, &err), &err);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, pin_many, f), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    tell_all(f->cache);
    ck_assert_uint_eq(e.counts[WATCH_HIT] + metric_get(M_WATCH_LOST), 3 * ROUNDS);
    fake_free(f);
}
END_TEST

Suite *suite_watch(void)
{
    Suite *s = suite_create("watch");
    TCase *t = tcase_create("watch");
    tcase_add_test(t, a_watcher_hears_it_all_in_order);
    tcase_add_test(t, what_others_no_longer_hold_counts_from_the_next_load_on);
    tcase_add_test(t, joined_ones_are_told_as_such);
    tcase_add_test(t, who_does_not_count_is_not_told_of);
    tcase_add_test(t, an_id_goes_with_the_record);
    tcase_add_test(t, ids_come_back_when_records_go);
    tcase_add_test(t, room_for_ids_grows);
    tcase_add_test(t, without_memory_for_ids_models_are_served_all_the_same);
    tcase_add_test(t, what_changes_residency_is_never_lost);
    tcase_add_test(t, threads_and_the_watching_one_agree);
    suite_add_tcase(s, t);
    return s;
}
