/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* One ring with a sentinel: every operation is a few pointers, and none has a special case for the
 * first or the last link. */
#include "cache/policy/lru.h"

void lru_init(struct lru *l)
{
    l->ends.older = l->ends.newer = &l->ends;
}

void lru_add(struct lru *l, struct lru_link *k)
{
    k->newer = &l->ends;
    k->older = l->ends.older;
    k->older->newer = k;
    l->ends.older = k;
}

void lru_touch(struct lru *l, struct lru_link *k)
{
    if (l->ends.older == k)
        return;
    lru_remove(k);
    lru_add(l, k);
}

void lru_sink(struct lru *l, struct lru_link *k)
{
    lru_remove(k);
    k->older = &l->ends;
    k->newer = l->ends.newer;
    k->newer->older = k;
    l->ends.newer = k;
}

void lru_remove(struct lru_link *k)
{
    k->older->newer = k->newer;
    k->newer->older = k->older;
    k->older = k->newer = NULL;
}

void lru_follow(struct lru_link *k, struct lru_link *older)
{
    lru_remove(k);
    k->older = older;
    k->newer = older->newer;
    k->newer->older = k;
    older->newer = k;
}

struct lru_link *lru_next(const struct lru *l, const struct lru_link *k)
{
    struct lru_link *next = k ? k->newer : l->ends.newer;
    return next == &l->ends ? NULL : next;
}
