/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What a load does with shares between its reserve and its end. */
#include "cache/cache_priv.h"

void cache_load_filled(struct cache *c, struct slot *slot, const struct share_want *wants)
{
    lock_take(&c->lock);
    for (uint32_t i = 0; slot->holds && i < slot->holds->n; i++) {
        struct share *x = slot->holds->all[i].share;
        if (!wants[i].mine)
            continue;
        ASSERT(x->state == SHARE_FILLING && x->filler == slot);
        ASSERT(x->charged);
        budget_move(&c->budget, BUDGET_RESERVED, BUDGET_RESIDENT, x->bytes);
        x->state = SHARE_FILLED;
        x->filler = NULL;
        x->value = wants[i].value;
    }
    cond_wake_all(&c->changed);
    lock_release(&c->lock);
}

/* What all that a slot holds is together: lost when one is, else not ready while one is not. */
static enum share_state together(const struct slot *s)
{
    enum share_state state = SHARE_FILLED;
    for (uint32_t i = 0; s->holds && i < s->holds->n; i++) {
        enum share_state one = s->holds->all[i].share->state;
        if (one == SHARE_FAILED)
            return one;
        state = one == SHARE_FILLING ? one : state;
    }
    return state;
}

bool shares_filled(const struct slot *s)
{
    return together(s) == SHARE_FILLED;
}

enum share_wait cache_load_await(struct cache *c, struct slot *slot, struct share_want *wants)
{
    enum share_state state;
    lock_take(&c->lock);
    c->shares.shared.waits++;
    while ((state = together(slot)) == SHARE_FILLING && !slot->cancelled)
        cond_wait(&c->changed, &c->lock, 0);
    c->shares.shared.waits--;
    bool cancelled = slot->cancelled;
    for (uint32_t i = 0; state == SHARE_FILLED && slot->holds && i < slot->holds->n; i++)
        wants[i].value = slot->holds->all[i].share->value;
    lock_release(&c->lock);
    return cancelled ? SHARES_CANCELLED : state == SHARE_FAILED ? SHARES_LOST : SHARES_READY;
}

void cache_load_let_go(struct cache *c, struct slot *slot)
{
    struct after after = {0};
    lock_take(&c->lock);
    shares_let_go(c, slot, &after);
    c->coming += slot->dead_bytes;
    lock_release(&c->lock);
    after_run(&after, c);
}

void cache_load_freed(struct cache *c, struct slot *slot)
{
    struct after after = {0};
    lock_take(&c->lock);
    ASSERT(slot->state == SLOT_LOADING);
    load_give_back(c, slot, &after);
    room_grant(c);
    lock_release(&c->lock);
    after_run(&after, c);
}

void *cache_dead(const struct slot *slot, const struct share **at)
{
    *at = *at ? (*at)->next : slot->dead;
    return *at ? (*at)->value : NULL;
}

void cache_share_usage(struct cache *c, struct share_usage *out)
{
    lock_take(&c->lock);
    *out = c->shares.shared;
    lock_release(&c->lock);
}
