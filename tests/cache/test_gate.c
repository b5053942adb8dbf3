/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Hits: what they change comes to pass before anybody looks or decides, however many gates and
 * threads there are, and however full the notes. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "cache/cache_priv.h"
#include "metrics/metrics.h"
#include "support/fake_source.h"
#include "support/support.h"

enum { THREADS = 6, HITS = 20000, MODELS = 5, SLOTS = 100, OTHERS = 2000 };

static void name_of(int k, char out[32])
{
    snprintf(out, 32, "m%d-100", k);
}

/* What is noted, before it is done. */
static uint32_t noted(const struct cache *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->gates.n; i++)
        n += c->gates.all[i].count;
    return n;
}

START_TEST(a_look_sees_every_hit)
{
    struct fake *f = fake_new(FAKE_INLINE, 1000, SLOTS);
    client_touch(f, "a-100");
    for (uint64_t i = 1; i <= 3 * GATE_NOTES + 7; i++) {
        ck_assert_int_eq(client_touch(f, "a-100"), LOOKUP_HIT);
        ck_assert_uint_gt(noted(f->cache) + (i % GATE_NOTES == 0), 0);
        if (i % 100 != 99)
            continue;
        ck_assert_uint_eq(fake_info(f, "a-100").hits, i);
        ck_assert_uint_eq(noted(f->cache), 0);
    }
    fake_free(f);
}
END_TEST

/* The last place for a note is used up, and what it takes to make place happens to nobody else. */
START_TEST(full_notes_are_done_by_who_fills_them)
{
    struct fake *f = fake_new(FAKE_INLINE, 1000, SLOTS);
    struct slot *s;
    struct pin pin;
    client_touch(f, "a-100");
    ck_assert(cache_pin_resident(f->cache, "a-100", &pin));
    s = pin.slot;
    for (int i = 1; i < GATE_NOTES; i++)
        client_touch(f, "a-100");
    ck_assert_uint_eq(noted(f->cache), GATE_NOTES - 1);
    ck_assert_uint_eq(s->record.hits, 0);
    client_touch(f, "a-100");
    ck_assert_uint_eq(noted(f->cache), 0);
    ck_assert_uint_eq(s->record.hits, GATE_NOTES);
    cache_unpin(f->cache, &pin);
    fake_free(f);
}
END_TEST

/* A decision comes after all hits that were before it, not only after those that were done. */
START_TEST(a_hit_saves_its_model_from_the_next_decision)
{
    struct fake *f = fake_new(FAKE_INLINE, 300, SLOTS);
    client_touch(f, "a-100");
    client_touch(f, "b-100");
    client_touch(f, "c-100");
    client_touch(f, "a-100");
    client_touch(f, "d-100");
    ck_assert_int_eq(fake_info(f, "a-100").state, SLOT_RESIDENT);
    ck_assert_int_eq(fake_info(f, "b-100").state, SLOT_ABSENT);
    fake_free(f);
}
END_TEST

START_TEST(a_look_that_does_not_count_leaves_no_note)
{
    struct fake *f = fake_new(FAKE_INLINE, 1000, SLOTS);
    struct pin pin;
    client_touch(f, "a-100");
    ck_assert(cache_pin_resident(f->cache, "a-100", &pin));
    cache_unpin(f->cache, &pin);
    ck_assert(!cache_pin_resident(f->cache, "b-100", &pin));
    ck_assert_uint_eq(noted(f->cache), 0);
    fake_free(f);
}
END_TEST

static void gone(void *arg)
{
    UNUSED(arg);
}

/* A slot is gone for good only after its notes. */
START_TEST(a_hit_of_what_goes_at_once_is_done_before)
{
    struct fake *f = fake_new(FAKE_INLINE, 1000, SLOTS);
    struct err err;
    metrics_reset();
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(client_touch(f, "a-100"), LOOKUP_MISS);
        ck_assert_int_eq(client_touch(f, "a-100"), LOOKUP_HIT);
        ck_ok(cache_unload(f->cache, "a-100", gone, NULL, &err), &err);
    }
    ck_assert_uint_eq(fake_info(f, "a-100").hits, 50);
    ck_assert_uint_eq(metric_get(M_LOOKUP_HIT), 50);
    fake_free(f);
}
END_TEST

/* ---- many threads ---- */

struct hitter {
    struct fake *fake;
    unsigned seed;
    uint64_t of[MODELS];
    pthread_t thread;
};

static void *hit(void *arg)
{
    struct hitter *h = arg;
    for (int i = 0; i < HITS; i++) {
        char name[32];
        int k = rand_r(&h->seed) % MODELS;
        struct waiter w = {.counts = true};
        struct pin pin;
        struct err err;
        name_of(k, name);
        ck_assert_int_eq(cache_pin(h->fake->cache, name, (uint64_t)i, &w, &pin, &err), PIN_READY);
        ck_assert_int_eq(w.lookup, LOOKUP_HIT);
        cache_unpin(h->fake->cache, &pin);
        h->of[k]++;
    }
    return NULL;
}

/* Nobody's hit is lost or counted twice while others look and close the gates. */
START_TEST(hits_of_many_threads_add_up)
{
    struct fake *f = fake_new(FAKE_INLINE, 1000 * 1000, 10 * OTHERS);
    struct hitter h[THREADS];
    struct tenant_usage usage;
    char name[32];
    metrics_reset();
    for (int k = 0; k < MODELS; k++) {
        name_of(k, name);
        client_touch(f, name);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        h[i] = (struct hitter){.fake = f, .seed = i + 1};
        ck_assert_int_eq(pthread_create(&h[i].thread, NULL, hit, &h[i]), 0);
    }
    for (int i = 0; i < OTHERS; i++) {
        snprintf(name, sizeof(name), "other%d-10", i);
        ck_assert_int_eq(client_touch(f, name), LOOKUP_MISS);
        ck_assert_uint_le(fake_info(f, "m0-100").hits, THREADS * HITS);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(h[i].thread, NULL);
    for (int k = 0; k < MODELS; k++) {
        uint64_t hits = 0;
        for (int i = 0; i < THREADS; i++)
            hits += h[i].of[k];
        name_of(k, name);
        ck_assert_uint_eq(fake_info(f, name).hits, hits);
    }
    ck_assert_uint_eq(metric_get(M_LOOKUP_HIT), THREADS * HITS);
    ck_assert_uint_eq(cache_tenants(f->cache, &usage, 1), 1);
    ck_assert_uint_eq(usage.counts.hits, THREADS * HITS);
    fake_free(f);
}
END_TEST

Suite *suite_gate(void)
{
    return SUITE("gate", a_look_sees_every_hit, full_notes_are_done_by_who_fills_them,
                 a_hit_saves_its_model_from_the_next_decision,
                 a_look_that_does_not_count_leaves_no_note,
                 a_hit_of_what_goes_at_once_is_done_before, hits_of_many_threads_add_up);
}
