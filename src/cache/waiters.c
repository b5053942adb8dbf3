/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who waits for a load: a list through the waiters. w->slot is set while it stands in one, so that
 * a cancel knows whether done will still be called. */
#include "cache/cache_priv.h"
#include "metrics/metrics.h"

void waiters_add(struct slot *s, struct waiter *w)
{
    w->slot = s;
    w->next = NULL;
    w->prev = s->last;
    *(s->last ? &s->last->next : &s->first) = w;
    s->last = w;
    s->waiter_count++;
}

void waiters_remove(struct slot *s, struct waiter *w)
{
    *(w->prev ? &w->prev->next : &s->first) = w->next;
    *(w->next ? &w->next->prev : &s->last) = w->prev;
    w->slot = NULL;
    s->waiter_count--;
}

static void count_refused(enum status status, uint32_t requests)
{
    if (status == E_NO_ROOM)
        metric_add(M_REFUSED_MEMORY, requests);
    if (status == E_THRASH)
        metric_add(M_REFUSED_THRASH, requests);
    if (status == E_NEVER_FITS)
        metric_add(M_REFUSED_NEVER_FITS, requests);
}

void waiters_answer(struct cache *c, struct slot *s, enum status status, const struct err *err,
                    struct after *a)
{
    lock_assert_held(&c->lock);
    uint32_t retry_after_s =
        status == E_THRASH ? refuse_wait_s(c, s->record.load_bytes)
                           : backoff_retry_after_s(status, s->record.retry_at_us, c->latest_us);
    for (struct waiter *w = s->first; w; w = w->next) {
        w->slot = NULL;
        w->retry_after_s = retry_after_s;
        if (status == OK)
            w->times = s->record.last_load;
    }
    count_refused(status, s->waiter_count);
    if (status == OK)
        pins_add(gate_of(&c->gates), s, s->waiter_count);
    a->answer = s->first;
    a->status = status;
    a->err = err;
    a->pin = (struct pin){s, s->value};
    s->first = s->last = NULL;
    s->waiter_count = 0;
}
