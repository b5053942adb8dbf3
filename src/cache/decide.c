/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Decisions of many victims: a large model may need the bytes of thousands of small ones. Nobody is
 * to wait that long for the lock, so such a decision takes many holds of it:
 *
 *     prove   looks at all that may go, from the oldest on, until it is enough; if it is not,
 *             nobody goes. Pins go on through their gates meanwhile
 *     evict   stands in the queue, and takes some victims a hold, in the order in which one hold
 *             would have; what they free is promised to it as they go, and the source frees it
 *             while more are chosen
 *
 * Between two holds anything may happen, but that others ask for room: they wait until it is over,
 * as who comes first is served first. Whoever is pinned, kept or gone meanwhile is passed over, and
 * others go instead: each hold chooses anew among those that may go then, whether the proof saw
 * them or not, from behind whom the last one had to pass and, where nobody else is left, from the
 * oldest on; and at last the version that the load replaces goes, where that may be. Only where on
 * one way through them all of that together does not suffice any more is the request refused after
 * some went; then, as when its load is cancelled, what was promised to it is others'. To make that
 * impossible, victims would have to be closed to pins before it is known whether they go.
 *
 * A proof goes along the list of live slots, and keeps its place there by a slot of its own, which
 * is nobody's and no model. */
#include "cache/cache_priv.h"

/* ---- the proof ---- */

struct proof {
    struct room_wait *r;
    struct turn turn;
    uint64_t bytes; /* that those counted would free */
    struct slot place;
};

enum proven { PROVEN, DISPROVEN, PROOF_CANCELLED, PROOF_GOES_ON };

static bool suffices(struct cache *c, const struct proof *p) REQUIRES(c->lock)
{
    return room_unpromised(c) + p->bytes >= p->r->bytes && !turn_over_ceiling(&p->turn);
}

/* Counts s, but once: what is used meanwhile stands further on in the list again. */
static void count(struct cache *c, struct proof *p, struct slot *s) REQUIRES(c->lock)
{
    uint64_t freed;
    const uint32_t number = (uint32_t)p->turn.number;
    if (s->proven == number || !turn_may_go(c, &p->turn, s))
        return;
    s->proven = number;
    if (turn_take(&p->turn, s, &freed))
        p->bytes += freed;
}

/* One hold's part of it. */
static enum proven prove_some(struct cache *c, struct proof *p) REQUIRES(c->lock)
{
    struct lru_link *k = &p->place.link;
    if (p->r->slot && p->r->slot->cancelled)
        return PROOF_CANCELLED;
    for (uint32_t work = 0; work < LOOK_STRETCH * c->stretch;) {
        if (suffices(c, p))
            return PROVEN;
        if (!(k = lru_next(&c->live, k)))
            return DISPROVEN;
        struct slot *s = CONTAINER_OF(k, struct slot, link);
        count(c, p, s);
        work += slot_work(s);
    }
    lru_follow(&p->place.link, k);
    return PROOF_GOES_ON;
}

/* Could r be granted if all went that may? */
static enum proven prove(struct cache *c, struct room_wait *r, bool all)
{
    struct proof p = {.r = r, .place = {.state = SLOT_ABSENT}};
    gates_settle(c);
    p.turn = room_turn(r);
    p.turn.kind = TURN_PROOF;
    p.turn.all = all;
    turn_begin(c, &p.turn);
    lru_add(&c->live, &p.place.link);
    lru_sink(&c->live, &p.place.link);
    enum proven how;
    while ((how = prove_some(c, &p)) == PROOF_GOES_ON) {
        lock_release(&c->lock);
        gates_settle(c);
    }
    lru_remove(&p.place.link);
    lock_release(&c->lock);
    return how;
}

/* The same, at best without those that are to stay a while: *all says whether they have to go. */
static enum proven prove_either(struct cache *c, struct room_wait *r, bool *all)
{
    *all = !c->tenants.some_stay;
    enum proven how = prove(c, r, *all);
    if (how != DISPROVEN || *all)
        return how;
    *all = true;
    return prove(c, r, true);
}

/* ---- the eviction ---- */

/* What is free or coming and nobody's yet is r's, as far as it needs it. */
static void promise(struct cache *c, struct room_wait *r) REQUIRES(c->lock)
{
    uint64_t more = MIN(room_unpromised(c), r->bytes - r->promised);
    r->promised += more;
    c->promised += more;
}

/* The next hold looks from the oldest on again: who could not go may be able to by now. */
static void begin_anew(struct cache *c, struct choice *x) REQUIRES(c->lock)
{
    x->turn.goes_on = ++c->decisions;
    x->any = false;
}

/* One hold's part of it: how r stands then. */
static enum asked evict_some(struct cache *c, struct room_wait *r, struct choice *x,
                             struct after *a) REQUIRES(c->lock)
{
    promise(c, r);
    x->bytes = r->bytes - r->promised;
    x->have = 0;
    x->work = x->looks = 0;
    x->first = x->last = NULL;
    x->turn.spared = room_turn(r).spared;
    enum chosen how = choose_some(c, r->slot, x);
    if (how == CHOSEN_TOO_FEW) {
        if (x->turn.all && !x->any)
            return ASKED_REFUSED;
        x->turn.all = true;
        begin_anew(c, x);
    } else {
        x->any |= x->first != NULL;
        room_carry_out(c, r, x, a);
    }
    promise(c, r);
    return how == CHOSEN_ENOUGH ? ASKED_SETTLED : ASKED_MANY;
}

/* r has all that it asked for, or nothing. */
static void end(struct cache *c, struct room_wait *r, const struct choice *x, enum asked how)
    REQUIRES(c->lock)
{
    r->open = false;
    if (how == ASKED_REFUSED) {
        room_unqueue(c, r);
        r->promised = 0;
    } else if (x->unworthy)
        room_transient_begins(c, r);
    room_grant(c);
}

static enum asked evict(struct cache *c, struct room_wait *r, bool all)
{
    struct choice x = {0};
    enum asked how = ASKED_MANY;
    gates_close(c);
    bool cancelled = r->slot && r->slot->cancelled;
    if (!cancelled) {
        r->open = true;
        room_enqueue(c, r);
        x.turn = room_turn(r);
        x.turn.all = all;
        begin_anew(c, &x);
    }
    while (r->queued) { /* until it is settled, or withdrawn between two holds */
        struct after after = {0};
        how = evict_some(c, r, &x, &after);
        if (how != ASKED_MANY) {
            end(c, r, &x, how);
            gates_open(c);
            after_run(&after, c);
            return how;
        }
        gates_open(c);
        after_run(&after, c);
        if (r->slot)
            tell_all(c);
        gates_close(c);
    }
    gates_open(c);
    return ASKED_SETTLED;
}

/* ---- the whole ---- */

/* There is too little, unless the version that r's load replaces goes for it. */
static enum asked ask_again(struct cache *c, struct room_wait *r)
{
    struct after after = {0};
    enum asked how = ASKED_REFUSED;
    gates_close(c);
    if (r->slot && r->slot->cancelled)
        how = ASKED_SETTLED;
    else if (heir_makes_way(c, r->slot, &after))
        how = room_decide(c, r, &after);
    gates_open(c);
    after_run(&after, c);
    return how;
}

enum asked decide_many(struct cache *c, struct room_wait *r)
{
    enum asked how = ASKED_MANY;
    bool all;
    while (how == ASKED_MANY) {
        enum proven proven = prove_either(c, r, &all);
        how = proven == PROVEN ? evict(c, r, all) : ASKED_REFUSED;
        if (proven == PROOF_CANCELLED)
            how = ASKED_SETTLED;
        else if (how == ASKED_REFUSED)
            how = ask_again(c, r);
    }
    lock_take(&c->lock);
    c->deciding = false;
    cond_wake_all(&c->changed);
    lock_release(&c->lock);
    return how;
}

void decide_close(struct cache *c) NO_LOCK_ANALYSIS
{
    gates_close(c);
    while (c->deciding) {
        gates_open(c);
        lock_take(&c->lock);
        while (c->deciding)
            cond_wait(&c->changed, &c->lock, 0);
        lock_release(&c->lock);
        gates_close(c);
    }
}
