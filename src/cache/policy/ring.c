/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Place 0 is both ends: its newer is the oldest id, its older the newest. */
#include "cache/policy/ring.h"

#include "base/alloc.h"
#include "cache/policy/policy.h"

void ring_fini(struct ring *r)
{
    alloc_free(r->links);
    *r = (struct ring){0};
}

enum status ring_reserve(struct ring *r, uint32_t ids)
{
    enum status s = OK;
    if (!r->links || ids > r->ids)
        s = policy_array(&r->links, r->links ? r->ids + 1 : 0, ids + 1, sizeof(*r->links));
    if (s == OK && ids > r->ids)
        r->ids = ids;
    return s;
}

void ring_add(struct ring *r, uint32_t id)
{
    struct ring_link *l = r->links, *k = &l[id + 1];
    k->newer = 0;
    k->older = l[0].older;
    l[k->older].newer = id + 1;
    l[0].older = id + 1;
}

void ring_sink(struct ring *r, uint32_t id)
{
    struct ring_link *l = r->links, *k = &l[id + 1];
    k->older = 0;
    k->newer = l[0].newer;
    l[k->newer].older = id + 1;
    l[0].newer = id + 1;
}

void ring_remove(struct ring *r, uint32_t id)
{
    struct ring_link *l = r->links, *k = &l[id + 1];
    l[k->older].newer = k->newer;
    l[k->newer].older = k->older;
    *k = (struct ring_link){0, 0};
}

bool ring_has(const struct ring *r, uint32_t id)
{
    const struct ring_link *k = &r->links[id + 1];
    return k->older || k->newer || r->links[0].newer == id + 1;
}

uint32_t ring_next(const struct ring *r, uint32_t id)
{
    uint32_t at = r->links[id == RING_NONE ? 0 : id + 1].newer;
    return at ? at - 1 : RING_NONE;
}
