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
    NOTES_AHEAD = 24, /* notes that are fetched before their turn to be written or read */
};

/* Fetches what is to be written. A fetch to read leaves the line with who wrote it last as well,
 * and the write has to ask him again. The compiler knows the instruction, but uses it only where it
 * may assume a newer processor; older ones do nothing for it. */
static void fetch_to_write(const void *p)
{
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" ::"m"(*(const char *)p));
#else
    __builtin_prefetch(p, 1);
#endif
}

/* Threads take gates in turns, so that as many as there are gates have one each. */
static atomic_uint tickets;
static _Thread_local uint32_t ticket; /* 0: none yet */

uint32_t gates_wanted(void)
{
    static atomic_uint wanted; /* asked for once: the answer stands in a file of the kernel's */
    uint32_t n = atomic_load(&wanted);
    if (!n) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        n = (uint32_t)MAX(1, MIN(processors, GATES_MAX));
        atomic_store(&wanted, n);
    }
    return n;
}

static enum status gate_init(struct gate *g, uint32_t most)
{
    lock_init(&g->lock, LOCK_GATE);
    g->most = most;
    g->halves[0] = g->notes = alloc_new(2 * most * sizeof(*g->notes));
    g->halves[1] = g->notes ? g->notes + most : NULL;
    return g->notes ? OK : E_NO_MEMORY;
}

enum status gates_init(struct gates *g, uint32_t n, uint32_t slots_max)
{
    const uint32_t most = MAX(GATE_NOTES_LEAST, MIN(GATES_NOTES / n, GATE_NOTES));
    *g = (struct gates){0};
    g->all = alloc_zero(n, sizeof(*g->all));
    g->hits = alloc_new((size_t)n * most * sizeof(*g->hits));
    bool ok = g->all && g->hits;
    for (uint32_t i = 0; ok && i < n; i++, g->n++)
        ok = gate_init(&g->all[i], most) == OK;
    if (ok && pins_init(g, slots_max) == OK)
        return OK;
    gates_fini(g);
    return E_NO_MEMORY;
}

void gates_fini(struct gates *g)
{
    pins_fini(g);
    for (uint32_t i = 0; i < g->n; i++) {
        lock_fini(&g->all[i].lock);
        alloc_free(g->all[i].halves[0]);
    }
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
    for (uint32_t i = 0; i < g->collected; i++) {
        g->hits[i] = earliest(g)->next++;
        __builtin_prefetch(g->hits[i] + NOTES_AHEAD);
    }
}

/* Slots lie anywhere in memory: many are waited for at a time instead of one after the other. */
static void fetch_ahead(const struct gates *g, uint32_t i)
{
    if (i + FAR_AHEAD < g->collected)
        fetch_to_write(&g->hits[i + FAR_AHEAD]->slot->link);
    if (i + AHEAD >= g->collected)
        return;
    const struct lru_link *k = &g->hits[i + AHEAD]->slot->link;
    fetch_to_write(k->older);
    fetch_to_write(k->newer);
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

bool gate_due(const struct gates *all, const struct gate *g, uint32_t count)
{
    const uint32_t quarter = g->most / 4;
    if (count < quarter || count % GATE_AGAIN)
        return false;
    return count >= 3 * quarter || atomic_load_explicit(&all->settler, memory_order_relaxed) == g;
}

/* Does what is noted, so that gates have room again. */
static void relieve(struct cache *c, struct gate *g, bool wait) NO_LOCK_ANALYSIS
{
    if (wait)
        lock_take(&c->lock);
    else if (!lock_try(&c->lock))
        return;
    atomic_store_explicit(&c->gates.settler, g, memory_order_relaxed);
    settle(c);
    lock_release(&c->lock);
}

/* ---- through a gate ---- */

void gate_take(uint32_t mine)
{
    ticket = mine;
}

struct gate *gate_of(const struct gates *g)
{
    if (!ticket)
        ticket = atomic_fetch_add(&tickets, 1) + 1;
    return &g->all[ticket % g->n];
}

/* Pins s, if that can be (NULL: it cannot): what is resident cannot leave while the caller is at g.
 */
static bool pin_resident(struct gate *g, struct slot *s, const char *version, struct pin *pin)
{
    if (!s || s->state != SLOT_RESIDENT || (version && strcmp(s->record.version, version) != 0))
        return false;
    pins_add(g, s, 1);
    *pin = (struct pin){s, s->value};
    return true;
}

bool gate_pin(struct cache *c, const char *name, struct pin *pin)
{
    const uint64_t hash = hash_name(name);
    struct gate *g = gate_of(&c->gates);
    lock_take(&g->lock);
    bool resident = pin_resident(g, table_find(&c->table, name, hash), NULL, pin);
    lock_release(&g->lock);
    return resident;
}

/* The line that comes next is most likely in the cache of who read it last. */
static void note(struct gate *g, struct hit h)
{
    g->notes[g->count++] = h;
    fetch_to_write(&g->notes[MIN(g->count + NOTES_AHEAD, g->most - 1)]);
}

bool gate_hit(struct cache *c, const char *name, const char *version, uint64_t now_us,
              struct pin *pin)
{
    const uint64_t hash = hash_name(name);
    struct gate *g = gate_of(&c->gates);
    bool hit = false;
    table_fetch(&c->table, hash); /* while the clock is read */
    const uint64_t at_ns = clock_now_ns();
    lock_take(&g->lock);
    if (g->count < g->most) {
        struct slot *s = table_find(&c->table, name, hash);
        hit = pin_resident(g, s, version, pin);
        if (hit)
            note(g, (struct hit){s, now_us, at_ns});
    }
    const uint32_t count = g->count;
    lock_release(&g->lock);
    if (hit && gate_due(&c->gates, g, count))
        relieve(c, g, count == g->most);
    return hit;
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
