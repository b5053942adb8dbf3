/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How a load ends: well, badly, or cancelled; and how a drained slot ends. Whatever the source
 * says, a cancelled load ends as cancelled. */
#include <string.h>

#include "base/alloc.h"
#include "cache/cache_priv.h"
#include "metrics/metrics.h"

static enum metric result_metric(enum status code)
{
    switch (code) {
    case OK:
        return M_LOADS_OK;
    case E_NOT_FOUND:
        return M_LOADS_NOT_FOUND;
    case E_NO_ROOM:
    case E_NEVER_FITS:
    case E_THRASH:
        return M_LOADS_REFUSED;
    case E_CANCELLED:
    case E_DRAINING:
        return M_LOADS_CANCELLED;
    default:
        return M_LOADS_FAILED;
    }
}

static enum metric reload_metric(enum status code)
{
    switch (code) {
    case OK:
        return M_RELOADS_OK;
    case E_NO_ROOM:
    case E_NEVER_FITS:
        return M_RELOADS_NO_ROOM;
    case E_CANCELLED:
    case E_DRAINING:
        return M_RELOADS_CANCELLED;
    default:
        return M_RELOADS_FAILED;
    }
}

static void count_end(const struct slot *s, enum status code)
{
    metric_add(result_metric(code), 1);
    if (s->reload)
        metric_add(reload_metric(code), 1);
}

/* Who waits for a share of s waits for s; nobody waits for an heir, as there is what it replaces.
 */
static uint32_t waiting_for(const struct slot *s)
{
    uint32_t n = s->modest || s->heir_of ? 0 : s->waiter_count;
    return n || !shares_awaited(s) ? n : 1;
}

static uint32_t look(const struct slot *s, bool give_up)
{
    ASSERT(s->state == SLOT_LOADING);
    const uint32_t n = waiting_for(s);
    const bool nobody = give_up && !n && !s->modest && !s->heir_of;
    return s->cancelled || nobody ? CACHE_LOAD_CANCELLED : n;
}

uint32_t cache_load_look(struct cache *c, struct slot *slot, bool give_up)
{
    lock_take(&c->lock);
    uint32_t n = look(slot, give_up);
    const bool turns = n == CACHE_LOAD_CANCELLED && slot->heir; /* the name, to the heir */
    slot->cancelled |= n == CACHE_LOAD_CANCELLED && !turns;
    lock_release(&c->lock);
    if (!turns) /* as nearly always: hits need not stop for it */
        return n;
    gates_close(c);
    n = look(slot, give_up);
    slot->cancelled = n == CACHE_LOAD_CANCELLED;
    if (slot->cancelled)
        heir_succeeds(c, slot);
    gates_open(c);
    return n;
}

uint64_t cache_load_bytes(struct cache *c, const struct slot *slot)
{
    lock_take(&c->lock);
    uint64_t bytes = slot->record.load_bytes;
    lock_release(&c->lock);
    return bytes;
}

/* Remembers a failure, or (OK, NULL) that there is none. Gives the words before, to be freed. */
static char *note_failure(struct record *r, enum status code, char *words)
{
    char *before = r->last_words;
    r->last_error = code;
    r->last_words = words;
    return before;
}

static char *note_loaded(struct record *r, const char *version, const struct load_times *t,
                         uint64_t now_us)
{
    r->known = true;
    strncpy(r->version, version, MODEL_VERSION_MAX);
    r->loads++;
    r->loaded_us = now_us;
    r->last_load = *t;
    r->retry_at_us = 0;
    r->failures = 0;
    histogram_us(H_LOAD_QUEUE, t->queue_us);
    histogram_us(H_LOAD_FETCH, t->fetch_us);
    histogram_us(H_LOAD_VERIFY, t->verify_us);
    histogram_us(H_LOAD_BIND, t->bind_us);
    return note_failure(r, OK, NULL);
}

void cache_load_origin(struct cache *c, struct slot *slot, uint64_t origin)
{
    lock_take(&c->lock);
    slot->record.origin = origin;
    lock_release(&c->lock);
}

static void set_cancelled(struct err *err, const struct slot *s)
{
    err_set(err, E_CANCELLED, "the load of %s was cancelled", s->name);
}

/* A model that is not to be kept, or whose name stands for other content since, leaves with the
 * last of those who waited for it: who comes later loads it again, unless the policy thinks better
 * of it by then. */
static void end_transient(struct cache *c, struct slot *s, struct after *a) REQUIRES(c->lock)
{
    if (!s->transient_bytes && !s->stale)
        return;
    slot_drain(c, s, s->stale ? EVICT_UNLOAD : EVICT_TRANSIENT, a);
    heir_succeeds(c, s);
}

void cache_load_done(struct cache *c, struct slot *slot, void *value, const char *version,
                     const struct load_times *t, uint64_t now_us)
{
    struct after after = {0};
    struct err err = {.code = OK};
    char *words = NULL;
    gates_close(c);
    c->latest_us = MAX(c->latest_us, now_us);
    slot->value = value;
    ASSERT(shares_filled(slot));
    if (slot->cancelled) {
        set_cancelled(&err, slot);
        slot_to(c, slot, SLOT_DRAINING);
        slot_unload(c, slot, &after);
    } else {
        if (slot->heir_of)
            heir_takes_over(c, slot, &after);
        (void)!guest_settle(c, slot, &after); /* done at its reserve, but for a guest's heir */
        bool changed = strncmp(slot->record.version, version, MODEL_VERSION_MAX) != 0;
        slot_to(c, slot, SLOT_RESIDENT);
        if (slot->wanted)
            room_transient_ends(c, slot);
        atomic_store(&slot->ran, false);
        words = note_loaded(&slot->record, version, t, now_us);
        tell_loaded(c, slot, changed && slot->record.loads > 1, load_whole_us(t) - t->queue_us);
        refuse_note_loaded(c, slot, t);
    }
    count_end(slot, err.code);
    waiters_answer(c, slot, err.code, &err, &after);
    if (slot->state == SLOT_RESIDENT)
        end_transient(c, slot, &after);
    gates_open(c);
    alloc_free(words);
    after_run(&after, c);
}

/* A load that said nothing about the model leaves no record of a name never known before. Gives the
 * words that nobody needs any more. */
static char *settle(struct cache *c, struct slot *s, enum status code, char *words, uint64_t now_us)
    REQUIRES(c->lock)
{
    struct record *r = &s->record;
    bool remembered = backoff_remembers(code) && !s->stale;
    if (remembered)
        backoff_note(&c->config, r, code, now_us);
    slot_to(c, s, remembered ? SLOT_FAILED : SLOT_ABSENT);
    if (!remembered && code != E_NO_ROOM && code != E_THRASH)
        return words;
    r->known = true;
    return note_failure(r, code, words);
}

void load_give_back(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    ASSERT(!s->holds);
    if (s->bytes)
        budget_give(&c->budget, BUDGET_RESERVED, s->bytes);
    tenant_refund(s->tenant, s->bytes);
    s->bytes = 0;
    c->coming -= s->dead_bytes;
    shares_buried(c, s, a);
}

void cache_load_failed(struct cache *c, struct slot *slot, const struct err *err, uint64_t now_us)
{
    ASSERT(err->code != OK);
    struct after after = {0};
    struct err why = *err;
    char *words = alloc_str(err->msg); /* without memory for it, the status speaks for itself */
    gates_close(c);
    c->latest_us = MAX(c->latest_us, now_us);
    if (slot->cancelled)
        set_cancelled(&why, slot);
    count_end(slot, why.code);
    room_transient_ends(c, slot);
    load_give_back(c, slot, &after);
    if (slot->heir_of)
        words = heir_failed(c, slot, why.code, words, now_us);
    if (guest_proven(why.code))
        (void)!guest_settle(c, slot, &after);
    words = settle(c, slot, why.code, words, now_us);
    waiters_answer(c, slot, why.code, &why, &after);
    after_drained(&after, slot->drain_waits);
    slot->drain_waits = NULL;
    slot->cancelled = slot->stale = false;
    heir_succeeds(c, slot);
    if (!slot->current || !slot->record.known || slot->guest || why.code == E_NOT_FOUND)
        slot_drop(c, slot, &after);
    room_grant(c);
    gates_open(c);
    alloc_free(words);
    after_run(&after, c);
}

void cache_drained(struct cache *c, struct slot *slot)
{
    struct after after = {0};
    gates_close(c);
    c->coming -= slot->bytes + slot->dead_bytes;
    shares_buried(c, slot, &after);
    room_transient_ends(c, slot);
    slot->value = NULL;
    slot->cancelled = slot->stale = false;
    slot_to(c, slot, SLOT_ABSENT);
    after_drained(&after, slot->drain_waits);
    slot->drain_waits = NULL;
    if (!slot->current || !slot->record.known || slot->guest)
        slot_drop(c, slot, &after);
    metric_add(M_UNLOADS, 1);
    room_grant(c);
    cond_wake_all(&c->changed);
    gates_open(c);
    after_run(&after, c);
}
