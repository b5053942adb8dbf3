/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The state machine of a slot. slot_to is the only place where a state changes; it keeps three
 * things true with it: the bytes of a slot are charged in the class of its state, a slot stands in
 * the list of its state, and by_state counts it. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "cache/cache_priv.h"
#include "metrics/metrics.h"

static const bool legal[SLOT_STATE_COUNT][SLOT_STATE_COUNT] = {
    [SLOT_ABSENT] = {[SLOT_LOADING] = true},
    [SLOT_LOADING] = {[SLOT_RESIDENT] = true,
                      [SLOT_DRAINING] = true,
                      [SLOT_FAILED] = true,
                      [SLOT_ABSENT] = true},
    [SLOT_RESIDENT] = {[SLOT_DRAINING] = true},
    [SLOT_DRAINING] = {[SLOT_ABSENT] = true},
    [SLOT_FAILED] = {[SLOT_LOADING] = true},
};

/* The budget class of a state's bytes; BUDGET_CLASS_COUNT: it holds none. */
static const enum budget_class class_of[SLOT_STATE_COUNT] = {
    [SLOT_ABSENT] = BUDGET_CLASS_COUNT, [SLOT_LOADING] = BUDGET_RESERVED,
    [SLOT_RESIDENT] = BUDGET_RESIDENT,  [SLOT_DRAINING] = BUDGET_DRAINING,
    [SLOT_FAILED] = BUDGET_CLASS_COUNT,
};

const char *slot_state_text(enum slot_state s)
{
    static const char *const text[SLOT_STATE_COUNT] = {"absent", "loading", "resident", "draining",
                                                       "failed"};
    ASSERT((unsigned)s < SLOT_STATE_COUNT);
    return text[s];
}

const char *evict_why_text(enum evict_why w)
{
    static const char *const text[] = {
        [EVICT_NONE] = "none",     [EVICT_ROOM] = "room", [EVICT_SCRATCH] = "scratch",
        [EVICT_UNLOAD] = "unload", [EVICT_TTL] = "ttl",   [EVICT_TRANSIENT] = "transient"};
    ASSERT((unsigned)w < ARRAY_COUNT(text));
    return text[w];
}

struct slot *slot_new(const char *name, uint64_t hash, bool ruled)
{
    const size_t before = ruled ? offsetof(struct mated_slot, slot) : 0;
    size_t n = strlen(name) + 1;
    char *p = alloc_zero(1, before + MAX(sizeof(struct slot), offsetof(struct slot, name) + n));
    if (!p)
        return NULL;
    struct slot *s = (struct slot *)(void *)(p + before);
    s->hash = hash;
    s->state = SLOT_ABSENT;
    memcpy(s->name, name, n);
    return s;
}

void slot_free(struct slot *s, bool ruled)
{
    if (s)
        alloc_free(ruled ? (void *)CONTAINER_OF(s, struct mated_slot, slot) : s);
}

static struct lru *list_of(struct cache *c, enum slot_state s)
{
    if (s == SLOT_DRAINING)
        return NULL;
    return s == SLOT_LOADING || s == SLOT_RESIDENT ? &c->live : &c->idle;
}

static void move_bytes(struct cache *c, struct slot *s, enum slot_state to)
{
    if (!s->bytes)
        return;
    if (class_of[to] != BUDGET_CLASS_COUNT) {
        budget_move(&c->budget, class_of[s->state], class_of[to], s->bytes);
        return;
    }
    budget_give(&c->budget, class_of[s->state], s->bytes);
    s->bytes = 0;
}

void slot_touch(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    turn_moves(c, s);
    lru_touch(&c->live, &s->link);
    if (!c->tenants.everyone)
        lru_touch(&s->tenant->live, slot_mate(s));
}

void slot_sink(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    turn_moves(c, s);
    lru_sink(&c->live, &s->link);
    if (!c->tenants.everyone)
        lru_sink(&s->tenant->live, slot_mate(s));
}

void slot_follow(struct cache *c, struct slot *s, struct slot *old)
{
    lock_assert_held(&c->lock);
    turn_moves(c, s);
    lru_follow(&s->link, &old->link);
    if (!c->tenants.everyone)
        lru_follow(slot_mate(s), slot_mate(old));
}

/* s, whose state is about to be `to`, stands where that belongs. */
static void move_link(struct cache *c, struct slot *s, enum slot_state to) REQUIRES(c->lock)
{
    struct lru *from_list = list_of(c, s->state), *to_list = list_of(c, to);
    if (from_list == to_list)
        return;
    if (from_list == &c->live)
        turn_moves(c, s);
    if (from_list)
        lru_remove(&s->link);
    if (to_list)
        lru_add(to_list, &s->link);
    if (c->tenants.everyone)
        return;
    if (from_list == &c->live)
        lru_remove(slot_mate(s));
    if (to_list == &c->live)
        lru_add(&s->tenant->live, slot_mate(s));
}

/* What drains is no longer its tenant's: it has given. */
static void count_tenant(const struct slot *s, enum slot_state to)
{
    struct tenant *t = s->tenant;
    if ((s->state == SLOT_LOADING || s->state == SLOT_RESIDENT) && to != SLOT_RESIDENT)
        tenant_refund(t, s->bytes);
    t->sum->counts.evictions += s->state == SLOT_RESIDENT;
    t->sum->counts.loads += to == SLOT_RESIDENT;
    if (s->state != SLOT_RESIDENT && to != SLOT_RESIDENT)
        return;
    t->residents += to == SLOT_RESIDENT ? 1 : UINT32_MAX;
    t->sum->models += to == SLOT_RESIDENT ? 1 : UINT64_MAX;
    rank_changed(t);
}

void slot_to(struct cache *c, struct slot *s, enum slot_state to)
{
    lock_assert_held(&c->lock);
    ASSERT(c->gates.closed);
    ASSERT(legal[s->state][to]);
    count_tenant(s, to);
    if (s->state == SLOT_RESIDENT && !s->transient_bytes)
        tell(c, s, WATCH_LEAVE);
    if (s->state == SLOT_RESIDENT)
        ahead_leaves(s);
    if (to == SLOT_RESIDENT)
        pins_begin(c, s);
    move_bytes(c, s, to);
    move_link(c, s, to);
    c->by_state[s->state]--;
    c->by_state[to]++;
    s->state = to;
}

void slot_note_evicted(struct cache *c, struct slot *s, enum evict_why why, uint64_t by)
{
    struct record *r = &s->record;
    lock_assert_held(&c->lock);
    r->evictions++;
    r->evicted_us = c->latest_us;
    r->evicted_why = why;
    r->evicted_by = by;
}

void slot_begin(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    lru_add(&c->idle, &s->link);
    c->by_state[SLOT_ABSENT]++;
}

void slot_name(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    ASSERT(c->gates.closed);
    s->current = true;
    c->guests += s->guest;
    tell_record(c, s);
    table_add(&c->table, s);
}

void slot_enter(struct cache *c, struct slot *s)
{
    slot_name(c, s);
    slot_begin(c, s);
}

void slot_detach(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    ASSERT(c->gates.closed);
    ASSERT(s->current);
    tell_forgotten(c, s);
    table_remove(&c->table, s);
    c->guests -= s->guest;
    s->current = s->guest = false;
}

void slot_drop(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    ASSERT(s->state == SLOT_ABSENT || s->state == SLOT_FAILED);
    ASSERT(!s->bytes && !s->dead_bytes);
    ASSERT(!s->holds);
    if (s->current)
        slot_detach(c, s);
    lru_remove(&s->link);
    c->by_state[s->state]--;
    tenant_leave(c, s, a);
    after_dead(a, s);
}

void slot_unload(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    ASSERT(s->state == SLOT_DRAINING);
    ASSERT(!pins_count(c, s));
    pins_end(c, s);
    shares_let_go(c, s, a);
    c->coming += s->bytes + s->dead_bytes;
    after_unload(a, s);
}

void slot_drain(struct cache *c, struct slot *s, enum evict_why why, struct after *a)
{
    lock_assert_held(&c->lock);
    keep_end(c, s);
    slot_note_evicted(c, s, why, 0);
    metric_add(why == EVICT_TRANSIENT ? M_EVICT_TRANSIENT : M_EVICT_UNLOAD, 1);
    slot_to(c, s, SLOT_DRAINING);
    if (!pins_gather(c, s))
        slot_unload(c, s, a);
}

void record_failure(const struct record *r, struct err *out)
{
    out->code = r->last_error;
    if (r->last_error != OK)
        snprintf(out->msg, sizeof(out->msg), "%s",
                 r->last_words ? r->last_words : status_text(r->last_error));
}
