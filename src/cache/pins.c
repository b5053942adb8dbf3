/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How many pin a slot. While it is resident, each gate counts them by itself, in lines that nobody
 * else writes: a pin is counted at the gate of the thread that takes it, and its end at that of the
 * thread that gives it back, so that only what is taken everywhere less what is back everywhere
 * means anything. That is exact while all gates are closed, as far as it decides: pins only end
 * then, so that 0, however slowly it was summed, says that nobody pins any more. Counts go round
 * at 2^31, far above what is ever pinned at once.
 *
 * A slot that drains needs to know its last pin. So the counts are gathered into one, the slot's
 * own: each gate's is marked, which sends whoever gives a pin back there on to the slot's. Marking
 * and counting are single changes of one word: each pin is back either before the mark, and so is
 * missing in what was gathered, or after it. Until all is gathered the slot's count is kept far
 * from its end.
 *
 * A slot that found no place is counted by its own word from the beginning.
 * source: counting by processor and gathering to end it, as the kernel's percpu_ref does */
#include "base/alloc.h"
#include "cache/cache_priv.h"

#define ROUND (UINT32_C(1) << 31)     /* at which counts go round */
#define GATHERING (UINT32_C(1) << 30) /* more than are ever pinned at once */

/* Of struct pin_count. */
enum { MARK = 1, ONE = 2 };

enum status pins_init(struct gates *g, uint32_t slots_max)
{
    struct places *p = &g->places;
    *p = (struct places){.max = MIN(slots_max, PLACES_MAX - 2) + 2}; /* the first is none */
    p->freed = alloc_zero(p->max, sizeof(*p->freed));
    bool ok = p->freed;
    for (uint32_t i = 0; i < g->n; i++) {
        g->all[i].pins = alloc_zero(p->max, sizeof(*g->all[i].pins));
        ok = ok && g->all[i].pins;
    }
    return ok ? OK : E_NO_MEMORY;
}

void pins_fini(struct gates *g)
{
    for (uint32_t i = 0; i < g->n; i++)
        alloc_free(g->all[i].pins);
    alloc_free(g->places.freed);
}

void pins_begin(struct cache *c, struct slot *s)
{
    struct places *p = &c->gates.places;
    lock_assert_held(&c->lock);
    ASSERT(!s->place);
    if (p->n_freed)
        s->place = p->freed[--p->n_freed];
    else if (p->used + 1 < p->max)
        s->place = ++p->used;
}

void pins_end(struct cache *c, struct slot *s)
{
    struct gates *g = &c->gates;
    lock_assert_held(&c->lock);
    atomic_store_explicit(&s->pins, 0, memory_order_relaxed);
    if (!s->place)
        return;
    for (uint32_t i = 0; i < g->n; i++) {
        struct pin_count *k = &g->all[i].pins[s->place];
        atomic_store_explicit(&k->taken, 0, memory_order_relaxed);
        atomic_store_explicit(&k->back, 0, memory_order_relaxed);
    }
    g->places.freed[g->places.n_freed++] = s->place;
    s->place = 0;
}

void pins_add(struct gate *g, struct slot *s, uint32_t n)
{
    if (!s->place) {
        atomic_fetch_add_explicit(&s->pins, n, memory_order_relaxed);
        return;
    }
    atomic_uint *taken = &g->pins[s->place].taken; /* which nobody else changes now */
    atomic_store_explicit(taken, atomic_load_explicit(taken, memory_order_relaxed) + n * ONE,
                          memory_order_relaxed);
}

/* ---- given back ---- */

bool pins_drop_here(struct gate *g, struct slot *s)
{
    return s->place && !(atomic_fetch_add(&g->pins[s->place].back, ONE) & MARK);
}

bool pins_drop_gathered(struct slot *s)
{
    const uint32_t were = atomic_fetch_sub(&s->pins, 1);
    ASSERT(were & ~PINS_LAST);
    return were == (PINS_LAST | 1);
}

bool pins_drop(struct gate *g, struct slot *s)
{
    return !pins_drop_here(g, s) && pins_drop_gathered(s);
}

/* ---- gathered ---- */

void pins_gather_begin(struct slot *s)
{
    atomic_fetch_add(&s->pins, PINS_LAST | GATHERING);
}

/* What was taken at g less what was back when the mark was set, or is. */
static uint32_t difference(const struct pin_count *k, uint32_t back)
{
    return (atomic_load_explicit(&k->taken, memory_order_relaxed) - back) / ONE;
}

uint32_t pins_gather_at(struct gate *g, struct slot *s)
{
    struct pin_count *k = &g->pins[s->place];
    return s->place ? difference(k, atomic_fetch_or(&k->back, MARK)) : 0;
}

bool pins_gather_end(struct slot *s, uint32_t gathered)
{
    gathered %= ROUND;
    ASSERT(gathered < GATHERING);
    const uint32_t less = GATHERING - gathered;
    return atomic_fetch_sub(&s->pins, less) - less != PINS_LAST;
}

bool pins_gather(struct cache *c, struct slot *s)
{
    struct gates *g = &c->gates;
    uint32_t gathered = 0;
    lock_assert_held(&c->lock);
    pins_gather_begin(s);
    for (uint32_t i = 0; i < g->n; i++)
        gathered += pins_gather_at(&g->all[i], s);
    return pins_gather_end(s, gathered);
}

uint32_t pins_count(const struct cache *c, const struct slot *s)
{
    const struct gates *g = &c->gates;
    const uint32_t own = atomic_load(&s->pins);
    uint32_t sum = 0;
    if (!s->place || (own & PINS_LAST))
        return own & ~PINS_LAST;
    for (uint32_t i = 0; i < g->n; i++) {
        const struct pin_count *k = &g->all[i].pins[s->place];
        sum += difference(k, atomic_load_explicit(&k->back, memory_order_acquire));
    }
    sum %= ROUND;
    return sum < GATHERING ? sum : 0; /* below none: seen while others take and give back */
}
