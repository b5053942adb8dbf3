/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A load takes its room when its first byte is asked for: victims leave then. A model that is worth
 * less than its victims, or never fits, is loaded past the cache and gone when its waiters are
 * answered. */
#include "base/alloc.h"
#include "cache/policy/ring.h"
#include "replay/replay_priv.h"

enum timed_state { ABSENT, LOADING, PASSING, RESIDENT };

static bool evictable(void *arg, uint32_t id)
{
    const struct timed *t = arg;
    return t->models[id].state == RESIDENT;
}

static void leave(struct timed *t, uint32_t id)
{
    t->used_bytes -= t->models[id].bytes;
    t->models[id].state = ABSENT;
    t->policy->ops->remove(t->policy, id, POLICY_EVICTED);
}

/* Gives the model its room. False: those who could go do not suffice. */
static bool start(void *arg, uint32_t id, uint64_t now_us)
{
    struct timed *t = arg;
    const struct policy_ops *ops = t->policy->ops;
    struct timed_model *m = &t->models[id];
    struct policy_meta meta = {.bytes = m->bytes, .reload_us = t->reload_us[id]};
    uint64_t free = t->cap_bytes - t->used_bytes, found = 0;
    size_t n = 0;
    if (m->bytes > t->cap_bytes) {
        m->state = PASSING;
        return true;
    }
    if (m->bytes > free) {
        struct policy_need need = {
            .bytes = m->bytes - free, .now_us = now_us, .evictable = evictable, .arg = t};
        n = ops->victims(t->policy, &need, t->victims, t->ids);
        for (size_t i = 0; i < n; i++)
            found += t->models[t->victims[i]].bytes;
        if (found < need.bytes)
            return false;
        if (ops->admit && !ops->admit(t->policy, id, now_us, t->victims, n)) {
            m->state = PASSING;
            return true;
        }
    }
    for (size_t i = 0; i < n; i++)
        leave(t, t->victims[i]);
    t->used_bytes += m->bytes;
    ops->insert(t->policy, id, now_us, &meta);
    return true;
}

enum status timed_init(struct timed *t, const struct replay_options *o)
{
    struct policy_config c = {o->memory_bytes, 0, o->seed};
    *t = (struct timed){.cap_bytes = o->memory_bytes, .spare = RING_NONE};
    enum status s = link_init(&t->link, o, start, t);
    if (s == OK)
        s = waits_init(&t->waits);
    return s == OK ? o->policy->create(&c, &t->policy) : s;
}

void timed_fini(struct timed *t)
{
    if (t->policy)
        t->policy->ops->free(&t->policy);
    link_fini(&t->link);
    waits_fini(&t->waits);
    alloc_free(t->models);
    alloc_free(t->victims);
    alloc_free(t->reload_us);
    alloc_free(t->waiting);
}

enum status timed_reserve(struct timed *t, uint32_t ids)
{
    if (ids <= t->ids)
        return OK;
    enum status s = t->policy->ops->reserve(t->policy, ids);
    if (s == OK)
        s = link_reserve(&t->link, ids);
    if (s == OK)
        s = policy_array(&t->models, t->ids, ids, sizeof(*t->models));
    if (s == OK)
        s = policy_array(&t->victims, t->ids, ids, sizeof(*t->victims));
    if (s == OK)
        s = policy_array(&t->reload_us, t->ids, ids, sizeof(*t->reload_us));
    for (uint32_t id = t->ids; s == OK && id < ids; id++)
        t->models[id].first = RING_NONE;
    if (s == OK)
        t->ids = ids;
    return s;
}

static enum status wait_for(struct timed *t, uint32_t id, double now_us)
{
    if (t->spare == RING_NONE) {
        uint32_t cap = t->waiting_cap ? 2 * t->waiting_cap : 256;
        if (cap > UINT32_MAX / 2 ||
            policy_array(&t->waiting, t->waiting_cap, cap, sizeof(*t->waiting)) != OK)
            return E_NO_MEMORY;
        for (; t->waiting_cap < cap; t->waiting_cap++) {
            t->waiting[t->waiting_cap].next = t->spare;
            t->spare = t->waiting_cap;
        }
    }
    uint32_t w = t->spare;
    t->spare = t->waiting[w].next;
    t->waiting[w] = (struct timed_wait){now_us, t->models[id].first};
    t->models[id].first = w;
    return OK;
}

static void arrive(struct timed *t, uint32_t id)
{
    struct timed_model *m = &t->models[id];
    m->state = m->state == PASSING ? ABSENT : RESIDENT;
    for (uint32_t w = m->first, next; w != RING_NONE; w = next) {
        waits_add(&t->waits, t->link.now_us - t->waiting[w].since_us);
        next = t->waiting[w].next;
        t->waiting[w].next = t->spare;
        t->spare = w;
    }
    m->first = RING_NONE;
}

static void advance(struct timed *t, double until_us)
{
    for (uint32_t id; (id = link_step(&t->link, until_us)) != RING_NONE;)
        arrive(t, id);
}

enum status timed_access(struct timed *t, const struct trace_record *r)
{
    double now = (double)r->t_us;
    struct timed_model *m = &t->models[r->id];
    struct policy_meta meta = {.bytes = r->bytes, .reload_us = r->load_us};
    advance(t, now);
    if (m->state == RESIDENT && m->bytes != r->bytes)
        leave(t, r->id);
    t->reload_us[r->id] = r->load_us;
    t->policy->ops->access(t->policy, r->id, r->t_us, &meta, m->state != ABSENT);
    if (m->state == RESIDENT) {
        waits_add(&t->waits, 0);
        return OK;
    }
    if (m->state == ABSENT) {
        m->state = LOADING;
        m->bytes = r->bytes;
        link_add(&t->link, r->id, r->bytes, now);
    } else {
        link_join(&t->link, r->id);
    }
    return wait_for(t, r->id, now);
}

void timed_finish(struct timed *t)
{
    advance(t, 1e300);
}
