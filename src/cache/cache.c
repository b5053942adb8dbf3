/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The pin path and DELETE. A pin allocates only when its name has no slot to load into, and then
 * outside the lock: it looks, lets go, allocates, and looks again. */
#include "cache/cache.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "cache/cache_priv.h"
#include "metrics/metrics.h"

static void free_parts(struct cache *c)
{
    watch_fini(&c->watch);
    choose_fini(c);
    ids_fini(&c->ids);
    tenant_table_fini(&c->tenants);
    share_table_fini(&c->shares);
    table_fini(&c->table);
    gates_fini(&c->gates);
}

enum status cache_new(const struct cache_config *config, const struct cache_source *source,
                      struct cache **out)
{
    struct cache *c = alloc_zero(1, sizeof(*c));
    if (!c)
        return E_NO_MEMORY;
    c->magic = CACHE_MAGIC;
    c->config = *config;
    c->source = *source;
    if (gates_init(&c->gates, gates_wanted(), config->slots_max) != OK ||
        table_init(&c->table, config->slots_max) != OK ||
        share_table_init(&c->shares, config->limit_bytes) != OK ||
        tenant_table_init(&c->tenants, &config->tenants, config->slots_max + GUESTS_MAX) != OK ||
        watch_init(&c->watch, config->slots_max + 1) != OK || choose_init(c) != OK) {
        free_parts(c);
        alloc_free(c);
        return E_NO_MEMORY;
    }
    c->config.tenants = (struct tenant_rules){0}; /* were borrowed; the table has its own */
    lock_init(&c->lock, LOCK_CACHE);
    cond_init(&c->changed);
    budget_init(&c->budget, config->limit_bytes);
    c->stretch = CHOOSE_STRETCH;
    lru_init(&c->live);
    lru_init(&c->idle);
    *out = c;
    return OK;
}

enum status cache_watch(struct cache *c, const struct watch_consumer *k)
{
    enum status s = c->ids.max ? OK : ids_init(&c->ids, c->config.slots_max);
    return s == OK ? watch_add(&c->watch, k) : s;
}

static void unload_all(struct cache *c)
{
    struct after after = {0};
    struct lru_link *k;
    gates_close(c);
    ASSERT(!c->by_state[SLOT_LOADING]);
    while ((k = lru_next(&c->live, NULL))) {
        struct slot *s = CONTAINER_OF(k, struct slot, link);
        keep_end(c, s);
        slot_to(c, s, SLOT_DRAINING);
        slot_unload(c, s, &after);
    }
    gates_open(c);
    after_run(&after, c);
}

void cache_free(struct cache **cache)
{
    struct cache *c = *cache;
    struct after after = {0};
    struct lru_link *k;
    if (!c)
        return;
    watch_stop(&c->watch);
    unload_all(c);
    lock_take(&c->lock);
    while (c->by_state[SLOT_DRAINING])
        cond_wait(&c->changed, &c->lock, 0);
    lock_release(&c->lock);
    gates_close(c);
    while ((k = lru_next(&c->idle, NULL)))
        slot_drop(c, CONTAINER_OF(k, struct slot, link), &after);
    gates_open(c);
    after_run(&after, c);
    free_parts(c);
    budget_fini(&c->budget);
    cond_fini(&c->changed);
    lock_fini(&c->lock);
    alloc_free(c);
    *cache = NULL;
}

/* Can a load or a pin no longer go into s? */
static bool spent(const struct slot *s)
{
    return !s || s->state == SLOT_DRAINING || (s->state == SLOT_LOADING && s->cancelled);
}

/* Puts fresh in the place of old (NULL: of nothing). */
static bool replace(struct cache *c, struct slot *old, struct slot *fresh, struct after *a)
    REQUIRES(c->lock)
{
    if (old) {
        fresh->record = old->record;
        fresh->guest = old->guest;
        old->record.last_words = NULL; /* moved */
        old->record.id = 0;            /* moved */
        slot_detach(c, old);
    } else if (!guest_admit(c, fresh)) {
        return false;
    }
    tenant_join(c, fresh, a);
    slot_enter(c, fresh);
    return true;
}

static enum pin_result pin_failed(const struct slot *s, struct pin_call *p)
{
    record_failure(&s->record, p->err);
    if (p->err->code == E_NEVER_FITS)
        metric_add(M_REFUSED_NEVER_FITS, 1);
    p->w->retry_after_s = backoff_retry_after_s(p->err->code, s->record.retry_at_us, p->now_us);
    return PIN_FAILED;
}

static enum pin_result pin_refused(struct cache *c, const struct slot *s, struct pin_call *p)
    REQUIRES(c->lock)
{
    p->w->retry_after_s = refuse_wait_s(c, s->record.load_bytes);
    metric_add(M_REFUSED_THRASH, 1);
    (void)!refuse_set(c, s->record.load_bytes, p->err);
    return PIN_FAILED;
}

/* Does w ask for a resident model, rather than for one run of it? */
static bool is_wanted(const struct waiter *w)
{
    return !w->counts && w->hint == HINT_NONE;
}

/* Pins, joins or begins a load; s is not spent. */
static enum pin_result pin_slot(struct cache *c, struct slot *s, struct pin_call *p)
    REQUIRES(c->lock)
{
    switch (s->state) {
    case SLOT_RESIDENT:
        pins_add(gate_of(&c->gates), s, 1);
        *p->pin = (struct pin){s, s->value};
        lookup_count(c, s, p->w, LOOKUP_HIT, p->now_us);
        return PIN_READY;
    case SLOT_LOADING:
        s->modest &= p->w->hint != HINT_NONE;
        s->wanted |= is_wanted(p->w);
        waiters_add(s, p->w);
        lookup_count(c, s, p->w, LOOKUP_JOINED, p->now_us);
        return PIN_WAITING;
    case SLOT_FAILED:
        if (p->now_us < s->record.retry_at_us)
            return pin_failed(s, p);
        break;
    default:
        ASSERT(s->state == SLOT_ABSENT);
    }
    if (p->w->counts && refuse_load(c, s->record.load_bytes))
        return pin_refused(c, s, p);
    slot_to(c, s, SLOT_LOADING);
    s->modest = p->w->hint != HINT_NONE;
    s->wanted = is_wanted(p->w);
    ahead_begins(s, p->w->hint);
    if (p->w->hint == HINT_COLD)
        slot_sink(c, s);
    waiters_add(s, p->w);
    lookup_count(c, s, p->w, LOOKUP_MISS, p->now_us);
    p->begin = s;
    return PIN_WAITING;
}

/* The slot to pin when the table had none that can be: the lock was let go, so look again. *fresh
 * is taken over where it is needed. NULL: every record is in use. */
static struct slot *slot_for(struct cache *c, struct slot **fresh, struct after *a)
    REQUIRES(c->lock)
{
    struct slot *s = table_find(&c->table, (*fresh)->name, (*fresh)->hash);
    if (!spent(s))
        return s;
    if (!replace(c, s, *fresh, a))
        return NULL;
    s = *fresh;
    *fresh = NULL;
    return s;
}

static enum pin_result pin_no_memory(const char *name, struct pin_call *p)
{
    p->w->retry_after_s = backoff_retry_after_s(E_NO_MEMORY, 0, p->now_us);
    err_set(p->err, E_NO_MEMORY, "no memory for the record of %s", name);
    return PIN_FAILED;
}

static enum pin_result pin_no_record(const struct cache *c, struct pin_call *p)
{
    p->w->retry_after_s = backoff_retry_after_s(E_NO_ROOM, 0, p->now_us);
    metric_add(M_REFUSED_MEMORY, 1);
    (void)!guest_refused(c, p->err);
    return PIN_FAILED;
}

static void drop_slot(const struct cache *c, struct slot *fresh)
{
    if (fresh)
        tenant_drop(&c->tenants, fresh->tenant);
    slot_free(fresh, cache_ruled(c));
}

/* A slot that no table knows yet, with the tenant it may bring. NULL: no memory. */
static struct slot *new_slot(const struct cache *c, const char *name, uint64_t hash)
{
    struct slot *s = slot_new(name, hash, cache_ruled(c));
    if (s && !(s->tenant = tenant_new(&c->tenants, name))) {
        drop_slot(c, s);
        return NULL;
    }
    return s;
}

enum pin_result pin_closed(struct cache *c, const char *name, struct pin_call *p)
{
    const uint64_t hash = hash_name(name);
    struct slot *fresh = NULL;
    gates_close(c);
    c->latest_us = MAX(c->latest_us, p->now_us);
    struct slot *s = table_find(&c->table, name, hash);
    if (spent(s)) {
        uint32_t records = c->ids.used;
        gates_open(c);
        tell_reserve(c, records);
        fresh = new_slot(c, name, hash);
        if (!fresh)
            return pin_no_memory(name, p);
        gates_close(c);
        s = slot_for(c, &fresh, &p->after);
    }
    enum pin_result result = s ? pin_slot(c, s, p) : pin_no_record(c, p);
    gates_open(c);
    after_run(&p->after, c);
    drop_slot(c, fresh);
    if (p->begin) /* it stays LOADING until the source ends its load */
        c->source.load(c->source.self, p->begin, p->begin->name);
    return result;
}

/* Nothing was asked of the model yet. */
static void begin_pin(struct waiter *w)
{
    w->slot = NULL;
    w->times = (struct load_times){0};
    w->retry_after_s = 0;
    w->lookup = LOOKUP_NONE;
}

enum pin_result cache_pin(struct cache *c, const char *name, uint64_t now_us, struct waiter *w,
                          struct pin *pin, struct err *err)
{
    begin_pin(w);
    if (w->counts && gate_hit(c, name, NULL, now_us, pin)) {
        w->lookup = LOOKUP_HIT;
        return PIN_READY;
    }
    struct pin_call p = {.now_us = now_us, .w = w, .pin = pin, .err = err};
    return pin_closed(c, name, &p);
}

bool cache_pin_version_of(struct cache *c, const char *name, const char *version, uint64_t now_us,
                          struct waiter *w, struct pin *pin)
{
    begin_pin(w);
    if (w->counts && gate_hit(c, name, version, now_us, pin)) {
        w->lookup = LOOKUP_HIT;
        return true;
    }
    struct pin_call p = {.now_us = now_us, .w = w, .pin = pin};
    uint64_t hash = hash_name(name);
    gates_close(c);
    c->latest_us = MAX(c->latest_us, now_us);
    struct slot *s = table_find(&c->table, name, hash);
    bool found = s && s->state == SLOT_RESIDENT && strcmp(s->record.version, version) == 0;
    if (found)
        (void)!pin_slot(c, s, &p); /* which is ready */
    gates_open(c);
    return found;
}

bool cache_pin_resident(struct cache *c, const char *name, struct pin *pin)
{
    return gate_pin(c, name, pin);
}

struct pin_cost cache_pin_cost(const struct pin *pin)
{
    const struct record *r = &pin->slot->record; /* as for the version */
    return (struct pin_cost){r->load_bytes, r->reload_us};
}

const char *cache_pin_version(const struct pin *pin)
{
    return pin->slot->record.version; /* written once, before the first pin of this load */
}

static void note_first_run(struct cache *c, struct slot *s, uint64_t ran_us)
{
    lock_take(&c->lock);
    s->record.last_load.first_run_us = load_time(ran_us);
    lock_release(&c->lock);
    histogram_us(H_LOAD_FIRST_RUN, ran_us);
}

void cache_unpin(struct cache *c, const struct pin *pin)
{
    cache_unpin_ran(c, pin, 0);
}

/* After the last pin of what drains: apart, so that the others do not pay for what it needs. */
static void unload_drained(struct cache *c, struct slot *s)
{
    struct after after = {0};
    lock_take(&c->lock);
    slot_unload(c, s, &after);
    lock_release(&c->lock);
    after_run(&after, c);
}

void cache_unpin_ran(struct cache *c, const struct pin *pin, uint64_t ran_us)
{
    struct slot *s = pin->slot;
    if (ran_us && !atomic_load(&s->ran) && !atomic_exchange(&s->ran, true))
        note_first_run(c, s, ran_us);
    if (pins_drop(gate_of(&c->gates), s)) /* if not, s may be gone */
        unload_drained(c, s);
}

bool cache_cancel_wait(struct cache *c, struct waiter *w)
{
    lock_take(&c->lock);
    bool waiting = w->slot != NULL;
    if (waiting)
        waiters_remove(w->slot, w);
    lock_release(&c->lock);
    return waiting;
}

/* Begins to give s's bytes back. False when there is nothing to give back or to cancel. */
static bool give_up(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock)
{
    heirs_cancel(c, s);
    switch (s->state) {
    case SLOT_RESIDENT:
        slot_drain(c, s, EVICT_UNLOAD, a);
        return true;
    case SLOT_LOADING:
        s->cancelled = true;
        room_withdraw(c, s);
        cond_wake_all(&c->changed); /* it may wait for what another load fills */
        return true;
    case SLOT_DRAINING:
        return true;
    default:
        return false;
    }
}

static bool holds_anything(const struct slot *s)
{
    return s->bytes || s->dead_bytes || s->holds;
}

enum status cache_unload(struct cache *c, const char *name, cache_drained_fn *done, void *arg,
                         struct err *err)
{
    struct after after = {0};
    struct drain_wait *wait = alloc_new(sizeof(*wait));
    if (!wait)
        return err_set(err, E_NO_MEMORY, "no memory to unload %s", name);
    *wait = (struct drain_wait){.done = done, .arg = arg};
    uint64_t hash = hash_name(name);
    gates_close(c);
    struct slot *s = table_find(&c->table, name, hash);
    bool found = s && give_up(c, s, &after);
    if (found && s->state == SLOT_LOADING && !holds_anything(s)) {
        after_drained(&after, wait);
    } else if (found) {
        wait->next = s->drain_waits;
        s->drain_waits = wait;
    }
    gates_open(c);
    after_run(&after, c);
    if (found)
        return OK;
    alloc_free(wait);
    return err_set(err, E_NOT_FOUND, "nothing is loaded under the name %s", name);
}
