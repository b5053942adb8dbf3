/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* used_bytes <= cap_bytes after every call. */
#include "cache/policy/shadow.h"

#include "base/alloc.h"

enum status shadow_init(struct shadow *s, const struct policy_ops *ops,
                        const struct policy_config *c)
{
    *s = (struct shadow){.cap_bytes = c->cap_bytes};
    enum status st = ops->create(c, &s->policy);
    if (st == OK)
        st = shadow_reserve(s, c->ids);
    if (st != OK)
        shadow_fini(s);
    return st;
}

void shadow_fini(struct shadow *s)
{
    if (s->policy)
        s->policy->ops->free(&s->policy);
    alloc_free(s->bytes);
    alloc_free(s->victims);
    *s = (struct shadow){0};
}

enum status shadow_reserve(struct shadow *s, uint32_t ids)
{
    enum status st = OK;
    if (ids <= s->ids)
        return OK;
    st = s->policy->ops->reserve(s->policy, ids);
    if (st == OK)
        st = policy_array(&s->bytes, s->ids, ids, sizeof(*s->bytes));
    if (st == OK)
        st = policy_array(&s->victims, s->ids, ids, sizeof(*s->victims));
    if (st == OK)
        s->ids = ids;
    return st;
}

static void leave(struct shadow *s, uint32_t id, enum policy_why why)
{
    s->used_bytes -= s->bytes[id];
    s->bytes[id] = 0;
    s->policy->ops->remove(s->policy, id, why);
    if (s->change)
        s->change(s->arg, id, false);
}

/* id, for which there is room, is resident. */
static void enter(struct shadow *s, uint32_t id, uint64_t now_us, const struct policy_meta *m)
{
    s->bytes[id] = m->bytes;
    s->used_bytes += m->bytes;
    s->policy->ops->insert(s->policy, id, now_us, m);
    if (s->change)
        s->change(s->arg, id, true);
}

/* Names victims until `bytes` more fit; they stay in s->victims. */
static size_t choose(struct shadow *s, uint64_t bytes, uint64_t now_us)
{
    uint64_t free = s->cap_bytes > s->used_bytes ? s->cap_bytes - s->used_bytes : 0;
    if (s->used_bytes <= s->cap_bytes && bytes <= free)
        return 0;
    struct policy_need need = {.bytes = s->used_bytes + bytes - s->cap_bytes, .now_us = now_us};
    return s->policy->ops->victims(s->policy, &need, s->victims, s->ids);
}

static void evict(struct shadow *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        leave(s, s->victims[i], POLICY_EVICTED);
    s->evictions += n;
}

void shadow_resize(struct shadow *s, uint64_t cap_bytes)
{
    s->cap_bytes = cap_bytes;
    if (s->policy->ops->resize)
        s->policy->ops->resize(s->policy, cap_bytes);
    evict(s, choose(s, 0, s->now_us));
}

bool shadow_access(struct shadow *s, uint32_t id, uint64_t now_us, const struct policy_meta *m)
{
    const struct policy_ops *ops = s->policy->ops;
    s->now_us = MAX(s->now_us, now_us);
    if (s->bytes[id] && s->bytes[id] != m->bytes)
        leave(s, id, POLICY_EVICTED);
    bool hit = s->bytes[id] != 0;
    ops->access(s->policy, id, now_us, m, hit);
    if (hit || m->bytes > s->cap_bytes)
        return hit;
    size_t n = choose(s, m->bytes, now_us);
    if (n && ops->admit && !ops->admit(s->policy, id, now_us, s->victims, n))
        return false;
    evict(s, n);
    enter(s, id, now_us, m);
    return false;
}

void shadow_renew(struct shadow *s, uint32_t id, uint64_t now_us, const struct policy_meta *m)
{
    s->now_us = MAX(s->now_us, now_us);
    if (!s->bytes[id] || s->bytes[id] == m->bytes)
        return;
    leave(s, id, POLICY_EVICTED);
    if (m->bytes > s->cap_bytes)
        return;
    evict(s, choose(s, m->bytes, now_us));
    enter(s, id, now_us, m);
}

void shadow_forget(struct shadow *s, uint32_t id)
{
    if (s->bytes[id])
        leave(s, id, POLICY_FORGOTTEN);
    else
        s->policy->ops->remove(s->policy, id, POLICY_FORGOTTEN);
}

bool shadow_has(const struct shadow *s, uint32_t id)
{
    return s->bytes[id] != 0;
}
