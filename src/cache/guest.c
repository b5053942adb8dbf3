/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who loses its record for a new one. A name that nobody knows may be no model's: where all records
 * are in use its load goes on as a guest, beyond them, and only once it is known that the model
 * exists does another record make place. So unknown names, however many are asked for, cost no
 * known model its record or its memory. A guest whose load says nothing of its model leaves none.
 */
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

/* A record goes, the oldest that is not in use before any that is; false: none can. A hint's load
 * evicts nobody for it. */
static bool make_place(struct cache *c, const struct slot *s, struct after *a) REQUIRES(c->lock)
{
    struct lru_link *oldest = lru_next(&c->idle, NULL);
    if (oldest) {
        slot_drop(c, CONTAINER_OF(oldest, struct slot, link), a);
        return true;
    }
    struct slot *victim = s->modest ? NULL : room_oldest_victim(c, s->tenant);
    if (!victim)
        return false;
    heirs_cancel(c, victim); /* the name's record goes */
    room_evict(c, victim, NULL, a);
    slot_detach(c, victim);
    return true;
}

bool guest_settle(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    if (!s->guest)
        return true;
    if (is_full(c) && !make_place(c, s, a))
        return false;
    s->guest = false;
    c->guests--;
    tell_record(c, s);
    return true;
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
