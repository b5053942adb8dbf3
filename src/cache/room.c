/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who gets bytes when, and who gives way. One queue, first come first served, for loads and for
 * scratch alike. What keeps it free of deadlock and starvation:
 * - A request is decided at once: either free bytes, bytes already being freed and victims'
 *   bytes cover it on top of everything promised before, or it is refused and nobody is evicted.
 * - So free + coming >= promised always, and `coming` are bytes of slots that nobody pins any
 *   more and that the source is freeing: whoever waits, waits only for the source.
 * - A request is granted whole, and never before one that came earlier. */
#include <inttypes.h>

#include "base/checked.h"
#include "cache/cache_priv.h"
#include "metrics/metrics.h"

void room_evict(struct cache *c, struct slot *s, const struct slot *by, struct after *a)
{
    lock_assert_held(&c->lock);
    ASSERT(choose_evictable(c, s));
    uint64_t since = s->record.last_used_us ? s->record.last_used_us : s->record.loaded_us;
    slot_note_evicted(c, s, by ? EVICT_ROOM : EVICT_SCRATCH, by ? by->hash : 0);
    metric_add(M_EVICT_ROOM, 1);
    histogram_us(H_AGE_AT_EVICTION, c->latest_us > since ? c->latest_us - since : 0);
    slot_to(c, s, SLOT_DRAINING);
    slot_unload(c, s, a);
    heir_succeeds(c, s);
}

uint64_t room_unpromised(struct cache *c)
{
    lock_assert_held(&c->lock);
    uint64_t have = budget_free_bytes(&c->budget) + c->coming;
    ASSERT(have >= c->promised);
    return have - c->promised;
}

/* May s, whose load needs so many bytes besides what is free, be served and not kept? */
static bool is_transient(const struct cache *c, const struct slot *s, uint64_t bytes)
{
    uint64_t most = c->config.transient_bytes;
    return s && !s->wanted && bytes <= most && c->transient_bytes <= most - bytes;
}

struct slot *room_oldest_victim(struct cache *c, struct tenant *t)
{
    lock_assert_held(&c->lock);
    struct choice x = {.have = room_unpromised(c), .turn = {.asker = t}, .whole = true};
    x.bytes = x.have + 1;
    (void)!choose_victims(c, NULL, &x); /* the first will do, though it has no bytes */
    return x.first;
}

struct turn room_turn(const struct room_wait *r)
{
    return (struct turn){.asker = r->slot ? r->slot->tenant : NULL,
                         .asked_bytes = r->queued ? 0 : r->bytes, /* else they are promised */
                         .spared = r->slot && r->slot->heir_of ? heir_head(r->slot) : NULL};
}

void room_transient_begins(struct cache *c, const struct room_wait *r)
{
    lock_assert_held(&c->lock);
    if (!is_transient(c, r->slot, r->bytes))
        return;
    r->slot->transient_bytes = r->bytes;
    c->transient_bytes += r->bytes;
}

void room_carry_out(struct cache *c, const struct room_wait *r, struct choice *x, struct after *a)
{
    lock_assert_held(&c->lock);
    while (x->first) {
        struct slot *s = x->first;
        x->first = s->after_next;
        room_evict(c, s, r->slot, a);
    }
}

/* Evicts until r's bytes are unpromised; nobody where that is too few, or more than one hold may.
 */
static enum chosen make_room(struct cache *c, const struct room_wait *r, struct after *a)
    REQUIRES(c->lock)
{
    struct choice x = {.bytes = r->bytes, .have = room_unpromised(c), .turn = room_turn(r)};
    enum chosen how = choose_victims(c, r->slot, &x);
    if (how != CHOSEN_ENOUGH)
        return how;
    if (x.unworthy)
        room_transient_begins(c, r);
    room_carry_out(c, r, &x, a);
    return how;
}

void room_transient_ends(struct cache *c, struct slot *s)
{
    lock_assert_held(&c->lock);
    c->transient_bytes -= s->transient_bytes;
    s->transient_bytes = 0;
}

void room_enqueue(struct cache *c, struct room_wait *r)
{
    lock_assert_held(&c->lock);
    ASSERT(!r->promised);
    *(c->room_last ? &c->room_last->next : &c->room_first) = r;
    c->room_last = r;
    r->queued = true;
    if (r->slot)
        tenant_promise(r->slot->tenant, r->bytes);
}

void room_unqueue(struct cache *c, struct room_wait *r)
{
    lock_assert_held(&c->lock);
    struct room_wait **at = &c->room_first, *before = NULL;
    while (*at != r) {
        before = *at;
        at = &before->next;
    }
    *at = r->next;
    if (c->room_last == r)
        c->room_last = before;
    r->queued = false;
    c->promised -= r->promised;
    if (r->slot)
        tenant_promise_ends(r->slot->tenant, r->bytes);
}

static bool take(struct cache *c, struct room_wait *r) REQUIRES(c->lock)
{
    if (!budget_take(&c->budget, r->class, r->bytes))
        return false;
    if (r->slot) {
        r->slot->bytes = r->own_bytes;
        tenant_charge(r->slot->tenant, r->own_bytes);
        shares_charge(r->slot);
    }
    r->granted = true;
    return true;
}

void room_grant(struct cache *c)
{
    lock_assert_held(&c->lock);
    bool any = false;
    while (c->room_first && !c->room_first->open && take(c, c->room_first)) {
        room_unqueue(c, c->room_first);
        any = true;
    }
    if (any)
        cond_wake_all(&c->changed);
}

void room_withdraw(struct cache *c, const struct slot *s)
{
    lock_assert_held(&c->lock);
    struct room_wait *r = c->room_first;
    while (r && r->slot != s)
        r = r->next;
    if (!r)
        return;
    room_unqueue(c, r);
    cond_wake_all(&c->changed);
    room_grant(c);
}

static bool beyond_ceiling(const struct room_wait *r)
{
    const struct turn turn = room_turn(r);
    return turn_over_ceiling(&turn);
}

enum asked room_decide(struct cache *c, struct room_wait *r, struct after *a)
{
    lock_assert_held(&c->lock);
    r->beyond = beyond_ceiling(r);
    if (!r->beyond && !c->room_first && take(c, r))
        return ASKED_SETTLED;
    if (r->slot && r->slot->modest)
        return ASKED_REFUSED;
    enum chosen how = make_room(c, r, a);
    if (how == CHOSEN_TOO_FEW && heir_makes_way(c, r->slot, a))
        how = make_room(c, r, a);
    if (how != CHOSEN_ENOUGH)
        return how == CHOSEN_MANY ? ASKED_MANY : ASKED_REFUSED;
    room_enqueue(c, r);
    r->promised = r->bytes;
    c->promised += r->bytes;
    room_grant(c);
    return ASKED_SETTLED;
}

static enum status refuse(struct cache *c, const struct room_wait *r, struct err *err)
{
    if (r->beyond)
        return err_set(err, E_NO_ROOM,
                       "no room for %" PRIu64 " bytes: tenant '%s' may have %" PRIu64
                       " and nothing else of it may go",
                       r->bytes, r->slot->tenant->name, r->slot->tenant->rule->ceiling_bytes);
    return err_set(err, E_NO_ROOM,
                   "no room for %" PRIu64 " bytes: %" PRIu64 " of %" PRIu64
                   " are free and nothing else may go",
                   r->bytes, budget_free_bytes(&c->budget), c->config.limit_bytes);
}

/* Now that a load's bytes are known. True: it is to be refused; where they were known before it
 * began, that was decided then, so that nobody who joined it is refused. */
static bool learn(struct cache *c, const struct room_wait *r) REQUIRES(c->lock)
{
    bool late = r->slot->untold;
    room_transient_ends(c, r->slot); /* of a load that starts over */
    tell_bytes(c, r->slot, r->bytes);
    return late && refuse_load(c, r->bytes);
}

/* r's load, which is no longer refused, gets a record in place of one that is in use. Without one
 * it goes on as a guest, until it has ended. */
static void settle_guest(struct cache *c, const struct room_wait *r, struct after *a)
    REQUIRES(c->lock)
{
    if (r->slot && r->slot->guest && !r->slot->cancelled && guest_settle(c, r->slot, a))
        tell_bytes(c, r->slot, r->bytes);
}

static enum asked ask_many(struct cache *c, struct room_wait *r)
{
    struct after after = {0};
    const enum asked how = decide_many(c, r);
    if (how != ASKED_SETTLED || !r->slot)
        return how;
    gates_close(c);
    settle_guest(c, r, &after);
    gates_open(c);
    after_run(&after, c);
    return how;
}

/* The first half of a request: decides it. OK: r is granted or queued, or its load was cancelled.
 */
static enum status room_ask(struct cache *c, struct room_wait *r, struct err *err)
{
    struct after after = {0};
    if (r->slot)
        tell_all(c); /* so that under the lock little is left to do */
    decide_close(c);
    bool cancelled = r->slot && r->slot->cancelled;
    if (!cancelled && r->holds) {
        r->bytes += shares_hold(c, r->slot, r->holds, r->wants, &after);
        r->holds = NULL;
    }
    bool placed = cancelled || !r->slot || guest_settle_idle(c, r->slot, &after) ||
                  guest_may_settle(c, r->slot);
    bool thrash = !cancelled && placed && r->slot && learn(c, r);
    enum asked how = cancelled ? ASKED_SETTLED : ASKED_REFUSED;
    if (!cancelled && placed && !thrash)
        how = room_decide(c, r, &after);
    if (how == ASKED_SETTLED)
        settle_guest(c, r, &after);
    c->deciding = how == ASKED_MANY;
    if (how == ASKED_REFUSED && r->slot)
        shares_let_go(c, r->slot, &after); /* all at once: nothing can have died */
    gates_open(c);
    after_run(&after, c);
    if (!placed)
        return guest_refused(c, err);
    if (thrash)
        return refuse_set(c, r->bytes, err);
    if (how == ASKED_MANY)
        how = ask_many(c, r); /* what it holds is for cache_load_let_go, as some may have died */
    return how == ASKED_SETTLED ? OK : refuse(c, r, err);
}

enum status room_await(struct cache *c, struct room_wait *r, struct err *err)
{
    lock_take(&c->lock);
    while (r->queued)
        cond_wait(&c->changed, &c->lock, 0);
    lock_release(&c->lock);
    return r->granted ? OK : err_set(err, E_CANCELLED, "the load was cancelled");
}

/* Own and shared bytes; UINT64_MAX where they have no sum. */
static uint64_t whole(const struct load_need *need)
{
    uint64_t sum = need->bytes;
    for (uint32_t i = 0; i < need->n_wants; i++)
        if (!checked_add(sum, need->wants[i].bytes, &sum))
            return UINT64_MAX;
    return sum;
}

enum status room_ask_load(struct cache *c, struct slot *slot, const struct load_need *need,
                          struct room_wait *r, struct err *err)
{
    uint64_t sum, bytes = whole(need);
    if (!checked_add(bytes, need->also_needed, &sum) || sum > c->config.limit_bytes)
        return err_set(err, E_NEVER_FITS,
                       "the model needs %" PRIu64 " bytes and %" PRIu64
                       " to run, the whole budget is %" PRIu64,
                       bytes, need->also_needed, c->config.limit_bytes);
    const struct tenant *t = slot->tenant;
    if (t->rule->ceiling_bytes && bytes > t->rule->ceiling_bytes)
        return err_set(err, E_NEVER_FITS,
                       "the model needs %" PRIu64 " bytes, the ceiling of tenant '%s' is %" PRIu64,
                       bytes, t->name, t->rule->ceiling_bytes);
    *r = (struct room_wait){.bytes = need->bytes,
                            .own_bytes = need->bytes,
                            .class = BUDGET_RESERVED,
                            .slot = slot,
                            .wants = need->wants};
    if (need->n_wants && !(r->holds = holds_new(need->n_wants)))
        return err_set(err, E_NO_MEMORY, "no memory to share %" PRIu32 " blobs", need->n_wants);
    enum status s = room_ask(c, r, err);
    holds_free(r->holds);
    return s;
}

enum status cache_load_reserve(struct cache *c, struct slot *slot, const struct load_need *need,
                               struct err *err)
{
    struct room_wait r;
    enum status s = room_ask_load(c, slot, need, &r, err);
    return s == OK ? room_await(c, &r, err) : s;
}

static struct cache *cache_of(void *arg)
{
    struct cache *c = arg;
    ASSERT(c->magic == CACHE_MAGIC);
    return c;
}

enum status room_ask_scratch(struct cache *c, uint64_t bytes, struct room_wait *r, struct err *err)
{
    if (bytes > c->config.limit_bytes) {
        metric_add(M_REFUSED_NEVER_FITS, 1);
        return err_set(err, E_NEVER_FITS,
                       "the run needs %" PRIu64 " bytes more, the whole budget is %" PRIu64, bytes,
                       c->config.limit_bytes);
    }
    *r = (struct room_wait){.bytes = bytes, .class = BUDGET_SCRATCH};
    enum status s = room_ask(c, r, err);
    if (s == E_NO_ROOM)
        metric_add(M_REFUSED_MEMORY, 1);
    return s;
}

enum status cache_scratch_take(void *cache, uint64_t bytes, struct err *err)
{
    struct cache *c = cache_of(cache);
    struct room_wait r;
    enum status s = room_ask_scratch(c, bytes, &r, err);
    return s == OK ? room_await(c, &r, err) : s;
}

void cache_scratch_give(void *cache, uint64_t bytes)
{
    struct cache *c = cache_of(cache);
    lock_take(&c->lock);
    budget_give(&c->budget, BUDGET_SCRATCH, bytes);
    room_grant(c);
    lock_release(&c->lock);
}
