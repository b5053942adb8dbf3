/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Whose turn it is to give, and which of its models may go. A decision names victims one by one and
 * counts what each tenant would have left, so that nobody is taken below its floor for another's
 * sake; nothing happens to anybody before the decision is whole. Whose turn it is stands in the
 * order of ranks (rank.c), and a tenant's models in a list of their own; the asker, who is counted
 * with what he asks for, is compared with the first of the others. So a victim costs the logarithm
 * of the number of tenants, and a model that may not go is looked at once a decision; where many
 * may not, that is more than one hold of the lock, and the next goes on where the last one ended.
 *
 * Greatest (bytes - floor) / weight first is progressive filling from above: it ends where all who
 * gave stand equal, the weighted max-min division, without anybody having to say who takes part. */
#include "cache/cache_priv.h"

static uint64_t leaving_bytes(const struct turn *turn, const struct tenant *t)
{
    const struct tenant_tally *tally = &t->tallies[turn->kind];
    return tally->number == turn->number ? tally->leaving_bytes : 0;
}

/* What t would have, were the decision carried out as it stands. */
static uint64_t would_have(const struct turn *turn, const struct tenant *t)
{
    uint64_t has = t->used_bytes + t->promised_bytes + (t == turn->asker ? turn->asked_bytes : 0);
    uint64_t leaving = leaving_bytes(turn, t);
    return has > leaving ? has - leaving : 0;
}

bool turn_over_ceiling(const struct turn *turn)
{
    const struct tenant *t = turn->asker;
    return t && t->rule->ceiling_bytes && would_have(turn, t) > t->rule->ceiling_bytes;
}

/* t is to be as it was when the decision is over. */
static void touch(struct turn *turn, struct tenant *t)
{
    if (t->touched)
        return;
    t->touched = true;
    t->touched_next = turn->touched;
    turn->touched = t;
}

void turn_begin(struct cache *c, struct turn *turn)
{
    lock_assert_held(&c->lock);
    turn->number = ++c->decisions;
    turn->touched = NULL;
    if (c->tenants.everyone || turn->kind == TURN_PROOF)
        return;
    ranks_settle(&c->tenants, c->latest_us);
    if (turn->asker) { /* has a rank of its own in this decision, and is not idle */
        touch(turn, turn->asker);
        rank_without(turn->asker);
    }
}

/* The first of those who may give for another's sake; NULL: there is none. */
static struct tenant *first_other(const struct cache *c, const struct turn *turn, double *over)
{
    for (int idle = 1; idle >= 0; idle--) {
        const struct rank *r = rank_first(&c->tenants, idle);
        if (!r || would_have(turn, r->tenant) <= r->tenant->rule->floor_bytes)
            continue; /* and so has none below it anything above its floor */
        *over = r->over;
        return r->tenant;
    }
    return NULL;
}

struct tenant *turn_tenant(const struct cache *c, const struct turn *turn)
{
    lock_assert_held(&c->lock);
    struct tenant *asker = turn->asker, *everyone = c->tenants.everyone;
    if (everyone)
        return everyone->through ? NULL : everyone;
    if (turn_over_ceiling(turn))
        return asker->through ? NULL : asker;
    double over = 0;
    struct tenant *t = first_other(c, turn, &over);
    if (!asker || asker->through || !asker->residents || (t && t->idle))
        return t;
    return !t || rank_before(rank_over(asker, would_have(turn, asker)), asker, over, t) ? asker : t;
}

bool turn_may_go(const struct cache *c, const struct turn *turn, const struct slot *s)
{
    lock_assert_held(&c->lock);
    if (!choose_evictable(c, s) || s->chosen || s == turn->spared)
        return false;
    uint64_t stays_us = s->tenant->rule->min_residency_us;
    return turn->all || !stays_us || c->latest_us - s->record.loaded_us >= stays_us;
}

static void count_leaving(struct turn *turn, struct tenant *t, uint64_t bytes)
{
    t->tallies[turn->kind] = (struct tenant_tally){turn->number, leaving_bytes(turn, t) + bytes};
    if (turn->kind == TURN_PROOF || !t->table)
        return;
    touch(turn, t);
    if (t->place)
        rank_set(t, rank_over(t, would_have(turn, t)));
}

/* May t, for this asker, lose so many bytes? */
static bool may_lose(const struct turn *turn, const struct tenant *t, uint64_t bytes)
{
    uint64_t has = would_have(turn, t), floor = t->rule->floor_bytes;
    return t == turn->asker || (has >= floor && has - floor >= bytes);
}

bool turn_leaves_floor(const struct turn *turn, const struct slot *s)
{
    return may_lose(turn, s->tenant, s->bytes);
}

bool turn_take(struct turn *turn, struct slot *s, uint64_t *freed)
{
    struct tenant *t = s->tenant;
    *freed = s->bytes + shares_leave(s, turn);
    uint64_t loss = s->bytes + shares_loss(s, turn);
    if (!may_lose(turn, t, loss)) {
        shares_stay(s, turn);
        return false;
    }
    count_leaving(turn, t, loss);
    return true;
}

/* The next newer one of t, of all where there is one tenant; after NULL: the oldest. */
static struct slot *newer_of(const struct cache *c, const struct tenant *t, struct slot *after)
{
    struct lru_link *k;
    if (c->tenants.everyone) {
        k = lru_next(&c->live, after ? &after->link : NULL);
        return k ? CONTAINER_OF(k, struct slot, link) : NULL;
    }
    k = lru_next(&t->live, after ? slot_mate(after) : NULL);
    return k ? &CONTAINER_OF(k, struct mated_slot, mate)->slot : NULL;
}

/* The next older one; NULL: s is the oldest. A place in the list (decide.c, keep.c) is passed: it
 * is its owner's, who may take it away. */
static struct slot *older_of(const struct cache *c, const struct tenant *t, const struct slot *s)
{
    if (!c->tenants.everyone) {
        const struct lru_link *k = CONTAINER_OF(s, struct mated_slot, slot)->mate.older;
        return k == &t->live.ends ? NULL : &CONTAINER_OF(k, struct mated_slot, mate)->slot;
    }
    const struct lru_link *k = s->link.older;
    while (k != &c->live.ends && !CONTAINER_OF(k, struct slot, link)->tenant)
        k = k->older;
    return k == &c->live.ends ? NULL : CONTAINER_OF(k, struct slot, link);
}

void turn_moves(const struct cache *c, const struct slot *s)
{
    struct tenant *t = c->tenants.everyone ? c->tenants.everyone : s->tenant;
    lock_assert_held(&c->lock);
    if (t->passed == s)
        t->passed = older_of(c, t, s);
}

static struct slot *passed_by(const struct turn *turn, const struct tenant *t)
{
    return turn->goes_on && t->passed_number == turn->goes_on ? t->passed : NULL;
}

struct slot *turn_oldest(const struct cache *c, struct turn *turn, struct tenant *t)
{
    struct slot *s;
    lock_assert_held(&c->lock);
    touch(turn, t);
    while ((s = newer_of(c, t, t->seen ? t->seen : passed_by(turn, t)))) {
        if (turn_may_go(c, turn, s))
            return t->seen = s;
        if (!turn->looks)
            return NULL;
        t->seen = s;
        turn->looks--;
    }
    t->through = true;
    rank_without(t);
    return NULL;
}

void turn_unnamed(struct turn *turn, struct tenant *t)
{
    touch(turn, t);
    t->unnamed = true;
}

void turn_end(struct cache *c, struct turn *turn)
{
    lock_assert_held(&c->lock);
    while (turn->touched) {
        struct tenant *t = turn->touched;
        turn->touched = t->touched_next;
        t->touched = t->through = t->unnamed = false;
        if (t->seen && turn->goes_on) {
            t->passed = t->seen;
            t->passed_number = turn->goes_on;
        }
        t->seen = NULL;
        rank_changed(t);
    }
}
