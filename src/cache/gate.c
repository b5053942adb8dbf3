/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Gates, and hits that are noted there. Who collects notes holds all gates only to exchange each
 * one's halves; what follows from the notes is done under CACHE alone while others go on. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "cache/cache_priv.h"
#include "metrics/metrics.h"

enum {
    FEW = 16,  /* notes that are done while the gates are closed */
    AHEAD = 8, /* slots, and FAR_AHEAD their neighbours, that are fetched before their turn */
    FAR_AHEAD = 16,
};

/* Threads take gates in turns, so that as many as there are gates have one each. */
static atomic_uint tickets;
static _Thread_local uint32_t ticket; /* 0: none yet */

uint32_t gates_wanted(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return (uint32_t)MAX(1, MIN(processors, GATES_MAX));
}

enum status gates_init(struct gates *g, uint32_t n)
{
    *g = (struct gates){.n = n};
    g->all = alloc_zero(g->n, sizeof(*g->all));
    g->hits = alloc_zero((size_t)g->n * GATE_NOTES, sizeof(*g->hits));
    if (!g->all || !g->hits) {
        alloc_free(g->all);
        alloc_free(g->hits);
        *g = (struct gates){0};
        return E_NO_MEMORY;
    }
    for (uint32_t i = 0; i < g->n; i++) {
        lock_init(&g->all[i].lock, LOCK_GATE);
        g->all[i].notes = g->all[i].halves[0];
    }
    return OK;
}

void gates_fini(struct gates *g)
{
    for (uint32_t i = 0; i < g->n; i++)
        lock_fini(&g->all[i].lock);
    alloc_free(g->all);
    alloc_free(g->hits);
    *g = (struct gates){0};
}

/* ---- what follows from the notes ---- */

static void take_all(struct gates *g) NO_LOCK_ANALYSIS
{
    lock_take(&g->all[0].lock);
    for (uint32_t i = 1; i < g->n; i++)
        lock_take_also(&g->all[i].lock);
}

static void release_all(struct gates *g) NO_LOCK_ANALYSIS
{
    for (uint32_t i = g->n - 1; i > 0; i--)
        lock_release_also(&g->all[i].lock);
    lock_release(&g->all[0].lock);
}

/* With all gates taken. The other halves are read after their release, and are free again once
 * `collected` is 0. */
static void collect(struct gates *g)
{
    ASSERT(!g->collected);
    for (uint32_t i = 0; i < g->n; i++) {
        struct gate *k = &g->all[i];
        k->next = k->notes;
        k->end = k->notes + k->count;
        g->collected += k->count;
        k->notes = k->halves[k->notes == k->halves[0]];
        k->count = 0;
    }
}

/* The gate whose next note is the earliest; NULL: there is none. */
static struct gate *earliest(const struct gates *g)
{
    struct gate *first = NULL;
    for (uint32_t i = 0; i < g->n; i++) {
        struct gate *k = &g->all[i];
        if (k->next < k->end && (!first || k->next->at_ns < first->next->at_ns))
            first = k;
    }
    return first;
}

static void put_in_order(struct gates *g)
{
    for (uint32_t i = 0; i < g->collected; i++)
        g->hits[i] = earliest(g)->next++;
}

/* Slots lie anywhere in memory: many are waited for at a time instead of one after the other. */
static void fetch_ahead(const struct gates *g, uint32_t i)
{
    if (i + FAR_AHEAD < g->collected)
        __builtin_prefetch(g->hits[i + FAR_AHEAD]->slot, 1);
    if (i + AHEAD >= g->collected)
        return;
    const struct lru_link *k = &g->hits[i + AHEAD]->slot->link;
    __builtin_prefetch(k->older, 1);
    __builtin_prefetch(k->newer, 1);
}

static void do_collected(struct cache *c) REQUIRES(c->lock)
{
    struct gates *g = &c->gates;
    put_in_order(g);
    for (uint32_t i = 0; i < g->collected; i++) {
        const struct hit *h = g->hits[i];
        fetch_ahead(g, i);
        c->latest_us = MAX(c->latest_us, h->now_us);
        lookup_note(c, h->slot, LOOKUP_HIT, h->now_us);
    }
    if (g->collected)
        metric_add(M_LOOKUP_HIT, g->collected);
    g->collected = 0;
}

static void settle(struct cache *c) REQUIRES(c->lock)
{
    take_all(&c->gates);
    collect(&c->gates);
    release_all(&c->gates);
    do_collected(c);
}

/* Does what is noted, so that gates have room again. Not to wait is enough where they have some. */
static void relieve(struct cache *c, bool wait) NO_LOCK_ANALYSIS
{
    if (wait)
        lock_take(&c->lock);
    else if (!lock_try(&c->lock))
        return;
    settle(c);
    lock_release(&c->lock);
}

/* ---- through a gate ---- */

static struct gate *gate_of(const struct gates *g)
{
    if (!ticket)
        ticket = atomic_fetch_add(&tickets, 1) + 1;
    return &g->all[ticket % g->n];
}

/* Pins what is resident, and so cannot leave while the caller is at a gate. */
static struct slot *pin_resident(const struct cache *c, const char *name, uint64_t hash,
                                 const char *version, struct pin *pin)
{
    struct slot *s = table_find(&c->table, name, hash);
    if (!s || s->state != SLOT_RESIDENT || (version && strcmp(s->record.version, version) != 0))
        return NULL;
    atomic_fetch_add_explicit(&s->pins, 1, memory_order_relaxed);
    *pin = (struct pin){s, s->value};
    return s;
}

bool gate_pin(struct cache *c, const char *name, struct pin *pin)
{
    const uint64_t hash = hash_name(name);
    struct gate *g = gate_of(&c->gates);
    lock_take(&g->lock);
    bool resident = pin_resident(c, name, hash, NULL, pin) != NULL;
    lock_release(&g->lock);
    return resident;
}

/* Is it time that somebody did what is noted? */
static bool many(uint32_t count)
{
    return count >= GATE_MANY && count % GATE_AGAIN == 0;
}

bool gate_hit(struct cache *c, const char *name, const char *version, uint64_t now_us,
              struct pin *pin)
{
    const uint64_t hash = hash_name(name);
    struct gate *g = gate_of(&c->gates);
    struct slot *s = NULL;
    table_fetch(&c->table, hash);
    lock_take(&g->lock);
    const uint64_t at_ns = clock_now_ns();
    if (g->count < GATE_NOTES && (s = pin_resident(c, name, hash, version, pin)))
        g->notes[g->count++] = (struct hit){s, now_us, at_ns};
    const uint32_t count = g->count;
    lock_release(&g->lock);
    if (s && many(count))
        relieve(c, count == GATE_NOTES);
    return s != NULL;
}

/* ---- closed and open ---- */

void gates_settle(struct cache *c) NO_LOCK_ANALYSIS
{
    lock_take(&c->lock);
    settle(c);
}

void gates_close(struct cache *c) NO_LOCK_ANALYSIS
{
    struct gates *g = &c->gates;
    lock_take(&c->lock);
    take_all(g);
    collect(g);
    if (g->collected > FEW) {
        release_all(g);
        do_collected(c);
        take_all(g);
        collect(g);
    }
    do_collected(c);
    g->closed = true;
}

void gates_open(struct cache *c) NO_LOCK_ANALYSIS
{
    if (!c->tenants.everyone)
        ranks_settle(&c->tenants, c->latest_us);
    c->gates.closed = false;
    release_all(&c->gates);
    lock_release(&c->lock);
}
