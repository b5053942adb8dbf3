/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Heirs: slots without a name that wait to replace the one before them. They stand in a chain from
 * the current slot on, oldest first, and all but the first are LOADING. A slot that cannot be
 * pinned any more (spent) never has an heir: whoever makes it so gives the name to the heir. */
#include "cache/reload.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "cache/cache_priv.h"

enum { STRETCH = 256 }; /* records that one hold of the lock looks at */

struct slot *heir_head(struct slot *s)
{
    while (s->heir_of)
        s = s->heir_of;
    return s;
}

static void unchain(struct slot *s)
{
    if (s->heir_of)
        s->heir_of->heir = s->heir;
    if (s->heir)
        s->heir->heir_of = s->heir_of;
    s->heir = s->heir_of = NULL;
}

/* h has the name and the record of old from now on, but what it is itself. */
static void inherit(struct cache *c, struct slot *old, struct slot *h) REQUIRES(c->lock)
{
    const struct record own = h->record;
    h->record = old->record;
    h->record.content = own.content;
    h->record.origin = own.origin;
    h->record.load_bytes = own.load_bytes;
    h->guest = old->guest;
    old->record.last_words = NULL; /* moved */
    old->record.id = 0;            /* moved */
    slot_detach(c, old);
    slot_name(c, h);
}

void heir_succeeds(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    struct slot *h = s->heir;
    if (!h)
        return;
    unchain(s);
    inherit(c, s, h);
}

static void cancel(struct cache *c, struct slot *h) REQUIRES(c->lock)
{
    unchain(h);
    h->cancelled = true;
    room_withdraw(c, h);
    cond_wake_all(&c->changed); /* it may wait for what another load fills */
}

void heirs_cancel(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    while (s->heir)
        cancel(c, s->heir);
}

void heir_takes_over(struct cache *c, struct slot *h, struct after *a)
{
    lock_assert_held(&c->lock);
    struct slot *head = heir_head(h);
    while (h->heir_of != head)
        cancel(c, h->heir_of);
    const bool kept = head->kept;
    unchain(head);
    slot_follow(c, h, head);
    if (head->state == SLOT_RESIDENT)
        slot_drain(c, head, EVICT_UNLOAD, a);
    else
        head->stale = true;
    inherit(c, head, h);
    h->record.load_bytes = 0; /* measured anew */
    if (kept)
        keep_begin(c, h);
}

bool heir_makes_way(struct cache *c, struct slot *h, struct after *a)
{
    lock_assert_held(&c->lock);
    if (!h || !h->heir_of || !c->config.reload_evicts)
        return false;
    struct slot *head = heir_head(h);
    if (head->state != SLOT_RESIDENT || head->kept)
        return false;
    slot_drain(c, head, EVICT_UNLOAD, a);
    heir_succeeds(c, head);
    return true;
}

char *heir_failed(struct cache *c, struct slot *h, enum status code, char *words, uint64_t now_us)
{
    lock_assert_held(&c->lock);
    struct record *r = &heir_head(h)->record;
    const bool shown = heir_head(h)->state == SLOT_RESIDENT;
    unchain(h);
    if (!shown || code == E_CANCELLED || code == E_DRAINING)
        return words;
    r->failed_content = h->record.content;
    backoff_note(&c->config, r, code, now_us);
    char *before = r->last_words;
    r->last_error = code;
    r->last_words = words;
    return before;
}

/* ---- who asks for one ---- */

static bool may_replace(const struct slot *s, const struct reload_cause *why, uint64_t now_us)
{
    const struct record *r = &s->record;
    if (!why)
        return s->state == SLOT_RESIDENT || (s->state == SLOT_LOADING && !s->cancelled);
    bool later = r->failed_content == why->found && now_us < r->retry_at_us;
    return s->state == SLOT_RESIDENT && !s->heir && r->content == why->seen && !later;
}

static void begin(struct cache *c, struct slot *s, struct slot *h, struct waiter *w)
    REQUIRES(c->lock)
{
    while (s->heir)
        s = s->heir;
    s->heir = h;
    h->heir_of = s;
    h->tenant = s->tenant;
    h->tenant->slots++;
    h->reload = h->wanted = true;
    slot_begin(c, h);
    slot_to(c, h, SLOT_LOADING);
    waiters_add(h, w);
}

/* Its next load is of other content: what is remembered of it no longer holds. */
static void forget_failure(struct slot *s)
{
    s->record.retry_at_us = 0;
    s->record.failures = 0;
}

bool cache_reload(struct cache *c, const char *name, const struct reload_cause *why,
                  uint64_t now_us, struct waiter *w)
{
    uint64_t hash = hash_name(name);
    struct slot *h = slot_new(name, hash, cache_ruled(c));
    w->slot = NULL;
    w->lookup = LOOKUP_NONE;
    w->counts = false;
    gates_close(c);
    c->latest_us = MAX(c->latest_us, now_us);
    struct slot *s = table_find(&c->table, name, hash);
    if (s && s->state == SLOT_FAILED && !why)
        forget_failure(s);
    const bool begun = h && s && may_replace(s, why, now_us);
    if (begun)
        begin(c, s, h, w);
    gates_open(c);
    if (begun) /* it stays LOADING until the source ends its load */
        c->source.load(c->source.self, h, h->name);
    else
        slot_free(h, cache_ruled(c));
    return begun;
}

void cache_load_content(struct cache *c, struct slot *slot, uint64_t content)
{
    lock_take(&c->lock);
    slot->record.content = content;
    lock_release(&c->lock);
}

/* ---- which names are to be looked up again ---- */

struct search {
    uint64_t refresh_us, now_us;
    const struct slot *last; /* that was looked at */
    uint32_t looked;
    bool found;
};

/* How long after `since` a model is looked at: a number that only the two decide. */
static uint64_t wait_us(const struct slot *s, uint64_t since_us, uint64_t refresh_us)
{
    const uint64_t seed[] = {s->hash, since_us};
    return refresh_us - hash_bytes(seed, sizeof(seed)) % (refresh_us / 4 + 1);
}

static bool is_due(const struct search *x, const struct slot *s)
{
    const struct record *r = &s->record;
    const uint64_t since_us = MAX(r->looked_up_us, r->loaded_us);
    return s->state == SLOT_RESIDENT && !s->heir && r->last_used_us &&
           r->last_used_us + x->refresh_us > since_us && x->now_us >= since_us &&
           x->now_us - since_us >= wait_us(s, since_us, x->refresh_us);
}

static bool look(void *arg, const struct slot *s)
{
    struct search *x = arg;
    x->last = s;
    x->found = is_due(x, s);
    return !x->found && ++x->looked < STRETCH;
}

enum due cache_due(struct cache *c, struct due_model *d, uint64_t refresh_us, uint64_t now_us)
{
    struct search x = {.refresh_us = refresh_us, .now_us = now_us};
    gates_settle(c);
    table_walk(&c->table, d->name, look, &x);
    if (x.last)
        strncpy(d->name, x.last->name, MODEL_NAME_MAX);
    if (x.found) {
        struct slot *s = table_find(&c->table, d->name, x.last->hash);
        s->record.looked_up_us = now_us;
        d->content = s->record.content;
    }
    lock_release(&c->lock);
    return x.found ? DUE_FOUND : x.looked == STRETCH ? DUE_GO_ON : DUE_THROUGH;
}
