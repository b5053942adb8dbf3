/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who loses its record for a new one. A name that nobody knows may be no model's: where all records
 * are in use its load goes on as a guest, beyond them, and only once it is known that the model
 * exists does another record make place. So unknown names, however many are asked for, cost no
 * known model its record or its memory. A record that is in use goes only for a load that has its
 * room: who is refused cost nobody his memory. A guest whose load says nothing of its model, or
 * that is refused while all records are in use, leaves none. */
#include <inttypes.h>

#include "cache/cache_priv.h"

static bool is_full(const struct cache *c)
{
    return c->table.count - c->guests >= c->config.slots_max;
}

bool guest_admit(struct cache *c, struct slot *fresh)
{
    lock_assert_held(&c->lock);
    if (!is_full(c))
        return true;
    if (c->guests == GUESTS_MAX)
        return false;
    if (!lru_next(&c->idle, NULL) &&
        !room_oldest_victim(c, tenant_known(&c->tenants, fresh->tenant)))
        return false;
    fresh->guest = true;
    return true;
}

/* Who would be evicted for a record of s; NULL: nobody may. A hint's load evicts nobody. */
static struct slot *victim_for(struct cache *c, const struct slot *s) REQUIRES(c->lock)
{
    return s->modest ? NULL : room_oldest_victim(c, s->tenant);
}

/* One that was evicted in this hold, and whose name has no heir; NULL: there is none. */
static struct slot *just_evicted(const struct after *a)
{
    struct slot *s = a->unload;
    while (s && !s->current)
        s = s->after_next;
    return s;
}

/* The oldest record that is not in use goes; false: all are. */
static bool drop_idle(struct cache *c, struct after *a) REQUIRES(c->lock)
{
    struct lru_link *oldest = lru_next(&c->idle, NULL);
    if (oldest)
        slot_drop(c, CONTAINER_OF(oldest, struct slot, link), a);
    return oldest;
}

/* A record goes that is in use, at best of one that goes anyway; false: none can. */
static bool take_used(struct cache *c, const struct slot *s, struct after *a) REQUIRES(c->lock)
{
    struct slot *victim = just_evicted(a);
    if (!victim) {
        victim = victim_for(c, s);
        if (!victim)
            return false;
        heirs_cancel(c, victim); /* the name's record goes */
        room_evict(c, victim, NULL, a);
    }
    slot_detach(c, victim);
    return true;
}

static bool settle(struct cache *c, struct slot *s, bool placed) REQUIRES(c->lock)
{
    if (!placed)
        return false;
    s->guest = false;
    c->guests--;
    tell_record(c, s);
    return true;
}

bool guest_settle_idle(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    return !s->guest || settle(c, s, !is_full(c) || drop_idle(c, a));
}

bool guest_settle(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    return guest_settle_idle(c, s, a) || settle(c, s, take_used(c, s, a));
}

bool guest_may_settle(struct cache *c, const struct slot *s)
{
    lock_assert_held(&c->lock);
    return !s->guest || victim_for(c, s);
}

enum status guest_refused(const struct cache *c, struct err *err)
{
    return err_set(err, E_NO_ROOM, "all %" PRIu32 " records of models are in use",
                   c->config.slots_max);
}

bool guest_proven(enum status code)
{
    return code == E_CORRUPT || code == E_UNSUPPORTED || code == E_TOO_LARGE ||
           code == E_NEVER_FITS;
}
