/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Exact least-recently-used order over links that are embedded in what is ordered. It holds no
 * memory and knows no clock; the owner's lock guards it. */
#ifndef ROOST_CACHE_POLICY_LRU_H
#define ROOST_CACHE_POLICY_LRU_H

#include "base/base.h"

/* Embedded in the ordered thing; in at most one order at a time. */
struct lru_link {
    struct lru_link *older, *newer;
};

/* Embedded. */
struct lru {
    struct lru_link ends; /* newer: the oldest link; older: the newest one; itself when empty */
};

void lru_init(struct lru *l);
void lru_add(struct lru *l, struct lru_link *k);   /* as the newest */
void lru_touch(struct lru *l, struct lru_link *k); /* becomes the newest */
void lru_sink(struct lru *l, struct lru_link *k);  /* becomes the oldest */
void lru_remove(struct lru_link *k);
/* k, which stands in the order of `older`, becomes the next newer one than that. */
void lru_follow(struct lru_link *k, struct lru_link *older);
/* Walks from the oldest to the newest: the next link after k (NULL: the first), NULL at the end. */
struct lru_link *lru_next(const struct lru *l, const struct lru_link *k);

#endif
