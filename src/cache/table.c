/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Both indexes run through the slots themselves, so that adding or removing a record allocates and
 * frees nothing under the lock. The hash is seeded per process: it spreads the buckets and is the
 * treap's priority, and names from outside cannot be chosen to unbalance either.
 * source: Seidel and Aragon, "Randomized search trees", Algorithmica 16, 1996 */
#include <string.h>

#include "base/alloc.h"
#include "cache/cache_priv.h"

enum { BUCKETS_MAX = 1 << 24 };

enum status table_init(struct table *t, uint32_t slots_max)
{
    size_t n = 1;
    while (n < slots_max && n < BUCKETS_MAX)
        n *= 2;
    *t = (struct table){.buckets = alloc_zero(n, sizeof(struct slot *)), .mask = n - 1};
    return t->buckets ? OK : E_NO_MEMORY;
}

void table_fini(struct table *t)
{
    alloc_free(t->buckets);
    *t = (struct table){0};
}

void table_fetch(const struct table *t, uint64_t hash)
{
    __builtin_prefetch(&t->buckets[hash & t->mask]);
}

struct slot *table_find(const struct table *t, const char *name, uint64_t hash)
{
    struct slot *s = t->buckets[hash & t->mask];
    while (s && (s->hash != hash || strcmp(s->name, name) != 0))
        s = s->chain;
    return s;
}

const struct slot *table_find_hash(const struct table *t, uint64_t hash)
{
    const struct slot *s = t->buckets[hash & t->mask];
    while (s && s->hash != hash)
        s = s->chain;
    return s;
}

/* Cuts the tree at n in two: what sorts before name, and what sorts after it. */
static void split(struct slot *n, const char *name, struct slot **before, struct slot **behind)
{
    while (n) {
        if (strcmp(n->name, name) < 0) {
            *before = n;
            before = &n->right;
            n = n->right;
        } else {
            *behind = n;
            behind = &n->left;
            n = n->left;
        }
    }
    *before = *behind = NULL;
}

/* Joins two trees, all of a before all of b. */
static void merge(struct slot **into, struct slot *a, struct slot *b)
{
    while (a && b) {
        if (a->hash >= b->hash) {
            *into = a;
            into = &a->right;
            a = a->right;
        } else {
            *into = b;
            into = &b->left;
            b = b->left;
        }
    }
    *into = a ? a : b;
}

void table_add(struct table *t, struct slot *s)
{
    struct slot **bucket = &t->buckets[s->hash & t->mask];
    s->chain = *bucket;
    *bucket = s;
    struct slot **at = &t->root;
    while (*at && (*at)->hash >= s->hash)
        at = strcmp((*at)->name, s->name) < 0 ? &(*at)->right : &(*at)->left;
    split(*at, s->name, &s->left, &s->right);
    *at = s;
    t->count++;
}

void table_remove(struct table *t, struct slot *s)
{
    struct slot **bucket = &t->buckets[s->hash & t->mask];
    while (*bucket != s)
        bucket = &(*bucket)->chain;
    *bucket = s->chain;
    struct slot **at = &t->root;
    while (*at != s)
        at = strcmp((*at)->name, s->name) < 0 ? &(*at)->right : &(*at)->left;
    merge(at, s->left, s->right);
    t->count--;
}

/* Returns false when the walk is over. Depth is logarithmic in the number of records. */
static bool walk(const struct slot *n, const char *after, table_visit_fn *visit, void *arg)
{
    if (!n)
        return true;
    if (strcmp(n->name, after) <= 0)
        return walk(n->right, after, visit, arg);
    return walk(n->left, after, visit, arg) && visit(arg, n) && walk(n->right, after, visit, arg);
}

void table_walk(const struct table *t, const char *after, table_visit_fn *visit, void *arg)
{
    walk(t->root, after, visit, arg);
}
