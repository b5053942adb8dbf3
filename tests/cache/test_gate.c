/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Hits: what they change comes to pass before anybody looks or decides, however many gates and
 * threads there are, and however full the notes. */
#include <pthread.h>
#include <sched.h>
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

/* However many processors there are. */
static struct fake *new_with_gates(uint32_t n)
{
    struct fake *f = fake_new(FAKE_INLINE, 1000, SLOTS);
    gates_fini(&f->cache->gates);
    ck_assert_int_eq(gates_init(&f->cache->gates, n, SLOTS), OK);
    return f;
}

static uint32_t most(const struct fake *f)
{
    return f->cache->gates.all[0].most;
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
    for (uint64_t i = 1; i <= 3 * most(f) + 7; i++) {
        ck_assert_int_eq(client_touch(f, "a-100"), LOOKUP_HIT);
        ck_assert_uint_lt(noted(f->cache), 3 * most(f) / 4);
        if (i % 100 != 99)
            continue;
        ck_assert_uint_eq(fake_info(f, "a-100").hits, i);
        ck_assert_uint_eq(noted(f->cache), 0);
    }
    fake_free(f);
}
END_TEST

/* What it takes to do them happens to nobody else; and to the same as before, if there are few. */
START_TEST(many_notes_are_done_by_who_makes_them_many)
{
    struct fake *f = new_with_gates(4);
    struct slot *s;
    struct pin pin;
    uint64_t hits = 0;
    client_touch(f, "a-100");
    ck_assert(cache_pin_resident(f->cache, "a-100", &pin));
    s = pin.slot;
    for (uint32_t turn = 0; turn < 4; turn++) {
        gate_take(1 + turn / 2);
        const uint32_t many = (turn % 2 ? 1 : 3) * most(f) / 4;
        for (uint32_t i = 1; i < many; i++)
            client_touch(f, "a-100");
        ck_assert_uint_eq(noted(f->cache), many - 1);
        ck_assert_uint_eq(s->record.hits, hits);
        client_touch(f, "a-100");
        ck_assert_uint_eq(noted(f->cache), 0);
        ck_assert_uint_eq(s->record.hits, hits += many);
    }
    cache_unpin(f->cache, &pin);
    fake_free(f);
}
END_TEST

/* The same while others may note. */
static uint32_t noted_at_gates(struct cache *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->gates.n; i++) {
        struct gate *g = &c->gates.all[i];
        lock_take(&g->lock);
        n += g->count;
        lock_release(&g->lock);
    }
    return n;
}

/* Another thread, which hits so often, and then says so. */
struct beside {
    struct fake *fake;
    uint32_t hits;
    atomic_bool through;
    pthread_t thread;
};

static void *hit_beside(void *arg)
{
    struct beside *b = arg;
    for (uint32_t i = 0; i < b->hits; i++)
        ck_assert_int_eq(client_touch(b->fake, "a-100"), LOOKUP_HIT);
    atomic_store(&b->through, true);
    return NULL;
}

/* While somebody has CACHE, hits go on as long as there is a place for their notes. */
START_TEST(nobody_waits_to_do_notes_while_there_is_place_for_more)
{
    struct fake *f = fake_new(FAKE_INLINE, 1000, SLOTS);
    struct beside b = {.fake = f, .hits = most(f) - 1};
    client_touch(f, "a-100");
    lock_take(&f->cache->lock);
    ck_assert_int_eq(pthread_create(&b.thread, NULL, hit_beside, &b), 0);
    pthread_join(b.thread, NULL);
    ck_assert(atomic_load(&b.through));
    ck_assert_uint_eq(noted(f->cache), most(f) - 1);
    lock_release(&f->cache->lock);
    ck_assert_uint_eq(fake_info(f, "a-100").hits, most(f) - 1);
    fake_free(f);
}
END_TEST

/* With the last place used up, a hit waits for CACHE, and does the notes when it gets it. */
START_TEST(who_fills_the_notes_does_them)
{
    struct fake *f = fake_new(FAKE_INLINE, 1000, SLOTS);
    struct beside b = {.fake = f, .hits = most(f)};
    client_touch(f, "a-100");
    lock_take(&f->cache->lock);
    ck_assert_int_eq(pthread_create(&b.thread, NULL, hit_beside, &b), 0);
    while (noted_at_gates(f->cache) < most(f))
        sched_yield();
    ck_assert(!atomic_load(&b.through));
    lock_release(&f->cache->lock);
    pthread_join(b.thread, NULL);
    ck_assert_uint_eq(noted(f->cache), 0);
    ck_assert_uint_eq(fake_info(f, "a-100").hits, most(f));
    fake_free(f);
}
END_TEST

/* ---- the order of notes ---- */

/* Notes a hit of s at a gate, as of that time. */
static void note_at(struct cache *c, uint32_t gate, struct slot *s, uint64_t at_ns)
{
    struct gate *g = &c->gates.all[gate];
    lock_take(&g->lock);
    g->notes[g->count++] = (struct hit){.slot = s, .now_us = 1, .at_ns = at_ns};
    lock_release(&g->lock);
}

static struct slot *slot_of(struct fake *f, const char *name)
{
    struct pin pin;
    ck_assert(cache_pin_resident(f->cache, name, &pin));
    cache_unpin(f->cache, &pin);
    return pin.slot;
}

/* What is resident, the longest unused first: the first letters of the names. */
static void order(struct fake *f, char out[8])
{
    size_t n = 0;
    gates_settle(f->cache);
    for (struct lru_link *k = NULL; (k = lru_next(&f->cache->live, k)) && n < 7;)
        out[n++] = CONTAINER_OF(k, struct slot, link)->name[0];
    lock_release(&f->cache->lock);
    out[n] = 0;
}

struct noted_hit {
    uint32_t gate;
    const char *name;
    uint64_t at_ns;
};

/* Notes of several gates are done by their times, those of one gate in its order. */
START_TEST(notes_of_several_gates_are_done_by_their_times)
{
    static const struct {
        struct noted_hit hits[4];
        const char *order;
    } cases[] = {
        {{{0, "a-1", 40}, {1, "b-1", 30}, {2, "c-1", 20}, {3, "d-1", 10}}, "dcba"},
        {{{0, "a-1", 10}, {0, "d-1", 30}, {1, "b-1", 20}, {1, "c-1", 40}}, "abdc"},
        {{{3, "a-1", 10}, {2, "b-1", 11}, {3, "c-1", 12}, {2, "d-1", 13}}, "abcd"},
        {{{0, "b-1", 10}, {1, "a-1", 9}, {0, "a-1", 11}, {0, "d-1", 12}}, "cbad"},
        {{{1, "a-1", 10}, {0, "b-1", 10}, {2, "c-1", 10}, {0, "d-1", 10}}, "bdac"},
        /* a clock that falls from one note of a gate to its next: none is lost */
        {{{0, "d-1", 50}, {0, "c-1", 10}, {1, "b-1", 20}, {1, "a-1", 60}}, "bdca"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct fake *f = new_with_gates(4);
        char is[8];
        for (const char *const *n = (const char *const[]){"a-1", "b-1", "c-1", "d-1", NULL}; *n;
             n++)
            client_touch(f, *n);
        for (size_t k = 0; k < 4; k++) {
            const struct noted_hit *h = &cases[i].hits[k];
            note_at(f->cache, h->gate, slot_of(f, h->name), h->at_ns);
        }
        order(f, is);
        ck_assert_str_eq(is, cases[i].order);
        fake_free(f);
    }
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
    return SUITE("gate", a_look_sees_every_hit, many_notes_are_done_by_who_makes_them_many,
                 nobody_waits_to_do_notes_while_there_is_place_for_more,
                 who_fills_the_notes_does_them, notes_of_several_gates_are_done_by_their_times,
                 a_hit_saves_its_model_from_the_next_decision,
                 a_look_that_does_not_count_leaves_no_note,
                 a_hit_of_what_goes_at_once_is_done_before, hits_of_many_threads_add_up);
}
