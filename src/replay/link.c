/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An ideal link under two schedulers. */
#include "base/alloc.h"
#include "cache/policy/ring.h"
#include "replay/replay_priv.h"

enum status link_init(struct link *l, const struct replay_options *o, link_start_fn *start,
                      void *arg)
{
    *l = (struct link){.scheduler = o->scheduler,
                       .bytes_per_us = (double)o->link_bytes_per_s / 1e6,
                       .start = start,
                       .arg = arg,
                       .first = RING_NONE,
                       .last = RING_NONE,
                       .busy = RING_NONE};
    link_sched_init(&l->sched, REPLAY_CHUNK, o->link_bytes_per_s / REPLAY_AGEING);
    return OK;
}

void link_fini(struct link *l)
{
    alloc_free(l->loads);
    link_sched_fini(&l->sched);
}

/* The scheduler points into loads, which may have moved: each place is told where its own is. */
enum status link_reserve(struct link *l, uint32_t ids)
{
    enum status s = link_sched_reserve(&l->sched, ids);
    if (s == OK && ids > l->ids)
        s = policy_array(&l->loads, l->ids, ids, sizeof(*l->loads));
    if (s != OK)
        return s;
    for (uint32_t id = 0; id < l->ids; id++)
        if (l->loads[id].transfer.place)
            l->sched.heap[l->loads[id].transfer.place] = &l->loads[id].transfer;
    l->ids = ids > l->ids ? ids : l->ids;
    return OK;
}

static void wait_add(struct link *l, uint32_t id)
{
    l->loads[id].next = RING_NONE;
    if (l->last == RING_NONE)
        l->first = id;
    else
        l->loads[l->last].next = id;
    l->last = id;
}

static uint32_t wait_take(struct link *l)
{
    uint32_t id = l->first;
    l->first = l->loads[id].next;
    if (l->first == RING_NONE)
        l->last = RING_NONE;
    return id;
}

void link_add(struct link *l, uint32_t id, uint64_t bytes, double now_us)
{
    l->loads[id] = (struct link_load){.left = (double)bytes};
    if (l->scheduler == REPLAY_SRPT) {
        link_sched_add(&l->sched, &l->loads[id].transfer, bytes, 1, (uint64_t)now_us);
        return;
    }
    wait_add(l, id);
}

void link_join(struct link *l, uint32_t id)
{
    struct link_transfer *t = &l->loads[id].transfer;
    if (l->scheduler == REPLAY_SRPT)
        link_sched_waiters(&l->sched, t, t->waiters + 1);
}

static bool try_start(struct link *l, uint32_t id)
{
    l->loads[id].started = l->start(l->arg, id, (uint64_t)l->now_us);
    return l->loads[id].started;
}

/* ---- srpt ---- */

/* Puts the next chunk on the way; who has no room waits aside for the next end. */
static void srpt_begin(struct link *l)
{
    struct link_transfer *t;
    while ((t = link_sched_peek(&l->sched)) != NULL) {
        struct link_load *load = CONTAINER_OF(t, struct link_load, transfer);
        uint32_t id = (uint32_t)(load - l->loads);
        if (load->started || try_start(l, id))
            break;
        link_sched_remove(&l->sched, t);
        wait_add(l, id);
    }
    uint64_t bytes;
    if (!t || !link_sched_next(&l->sched, &bytes))
        return;
    l->busy = (uint32_t)(CONTAINER_OF(t, struct link_load, transfer) - l->loads);
    l->busy_until = l->now_us + (double)bytes / l->bytes_per_us;
}

static uint32_t srpt_step(struct link *l, double until_us)
{
    for (;;) {
        if (l->busy == RING_NONE)
            srpt_begin(l);
        if (l->busy == RING_NONE || l->busy_until > until_us)
            return RING_NONE;
        uint32_t id = l->busy;
        l->now_us = l->busy_until;
        l->busy = RING_NONE;
        if (l->loads[id].transfer.left_bytes)
            continue;
        while (l->first != RING_NONE)
            link_sched_put_back(&l->sched, &l->loads[wait_take(l)].transfer);
        return id;
    }
}

/* ---- shared ---- */

static void shared_begin(struct link *l)
{
    while (l->active_count < REPLAY_DOWNLOADS && l->first != RING_NONE && try_start(l, l->first))
        l->active[l->active_count++] = wait_take(l);
}

static uint32_t shared_step(struct link *l, double until_us)
{
    shared_begin(l);
    if (!l->active_count)
        return RING_NONE;
    uint32_t least = 0;
    for (uint32_t i = 1; i < l->active_count; i++)
        if (l->loads[l->active[i]].left < l->loads[l->active[least]].left)
            least = i;
    double share = l->bytes_per_us / l->active_count, left = l->loads[l->active[least]].left;
    bool ends = l->now_us + left / share <= until_us;
    double moved = ends ? left : (until_us - l->now_us) * share;
    for (uint32_t i = 0; i < l->active_count; i++)
        l->loads[l->active[i]].left -= moved;
    if (!ends)
        return RING_NONE;
    uint32_t id = l->active[least];
    l->now_us += left / share;
    l->active_count--;
    for (uint32_t i = least; i < l->active_count; i++)
        l->active[i] = l->active[i + 1];
    return id;
}

uint32_t link_step(struct link *l, double until_us)
{
    uint32_t id = l->scheduler == REPLAY_SRPT ? srpt_step(l, until_us) : shared_step(l, until_us);
    if (id == RING_NONE && until_us > l->now_us)
        l->now_us = until_us;
    return id;
}
