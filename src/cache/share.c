/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who holds what, and what follows from it. A share is charged when the load that fills it is
 * granted its room and until the source said that it is free; it dies in the moment in which the
 * last slot lets go. Nothing here allocates or frees: records come with a load's reserve and go
 * through struct after. */
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "cache/cache_priv.h"

enum { BUCKETS_MIN = 64, BUCKETS_MAX = 1 << 20, BYTES_PER_BUCKET = 1 << 18 };

enum status share_table_init(struct share_table *t, uint64_t limit_bytes)
{
    size_t n = BUCKETS_MIN;
    while (n < BUCKETS_MAX && n < limit_bytes / BYTES_PER_BUCKET)
        n *= 2;
    *t = (struct share_table){.buckets = alloc_zero(n, sizeof(struct share *)), .mask = n - 1};
    return t->buckets ? OK : E_NO_MEMORY;
}

void share_table_fini(struct share_table *t)
{
    ASSERT(!t->count);
    ASSERT(!t->shared.count && !t->shared.bytes && !t->shared.saved_bytes);
    alloc_free(t->buckets);
    *t = (struct share_table){0};
}

void shares_free(struct share *list)
{
    while (list) {
        struct share *x = list;
        list = x->next;
        alloc_free(x);
    }
}

void holds_free(struct holds *h)
{
    if (h)
        shares_free(h->spare);
    alloc_free(h);
}

struct holds *holds_new(uint32_t n)
{
    uint64_t bytes;
    if (!checked_mul(n, sizeof(struct hold), &bytes))
        return NULL;
    struct holds *h = alloc_zero(1, sizeof(*h) + bytes);
    for (uint32_t i = 0; h && i < n; i++) {
        struct share *x = alloc_zero(1, sizeof(*x));
        if (!x) {
            holds_free(h);
            return NULL;
        }
        x->next = h->spare;
        h->spare = x;
    }
    if (h)
        h->n = n;
    return h;
}

/* Keys are hashes: any eight bytes are as good as others. */
static struct share **bucket(const struct share_table *t, const uint8_t *key)
{
    uint64_t n;
    memcpy(&n, key, sizeof(n));
    return &t->buckets[n & t->mask];
}

static struct share *find(const struct share_table *t, const uint8_t *key)
{
    struct share *x = *bucket(t, key);
    while (x && memcmp(x->key, key, SHARE_KEY_BYTES) != 0)
        x = x->next;
    return x;
}

static void add(struct share_table *t, struct share *x)
{
    struct share **at = bucket(t, x->key);
    x->next = *at;
    *at = x;
    t->count++;
}

static void remove_share(struct share_table *t, struct share *x)
{
    struct share **at = bucket(t, x->key);
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    x->next = NULL;
    t->count--;
}

/* Adds what x saves, or takes it away. */
static void count_shared(struct share_table *t, const struct share *x, bool more)
{
    if (x->refs < 2)
        return;
    struct share_usage *u = &t->shared;
    const uint64_t saved = x->bytes * (x->refs - 1);
    u->count = more ? u->count + 1 : u->count - 1;
    u->bytes = more ? u->bytes + x->bytes : u->bytes - x->bytes;
    u->saved_bytes = more ? u->saved_bytes + saved : u->saved_bytes - saved;
}

static void link_hold(struct share_table *t, struct share *x, struct hold *h, struct tenant *tenant)
{
    count_shared(t, x, false);
    *h = (struct hold){.share = x, .tenant = tenant};
    share_join(x, h);
    count_shared(t, x, true);
}

static void unlink_hold(struct share_table *t, struct hold *h)
{
    ASSERT(!h->kept);
    count_shared(t, h->share, false);
    share_leave(h->share, h);
    count_shared(t, h->share, true);
    *h = (struct hold){0};
}

/* The records of list are freed without the lock. */
static void bury(struct after *a, struct share *list)
{
    while (list) {
        struct share *x = list;
        list = x->next;
        x->next = a->shares;
        a->shares = x;
    }
}

uint64_t shares_hold(struct cache *c, struct slot *s, struct holds *h, struct share_want *wants,
                     struct after *a)
{
    lock_assert_held(&c->lock);
    ASSERT(s->state == SLOT_LOADING);
    ASSERT(!s->holds);
    uint64_t absent = 0;
    for (uint32_t i = 0; i < h->n; i++) {
        struct share *x = find(&c->shares, wants[i].key);
        wants[i].mine = !x;
        if (!x) {
            x = h->spare;
            h->spare = x->next;
            *x = (struct share){.state = SHARE_FILLING, .bytes = wants[i].bytes, .filler = s};
            memcpy(x->key, wants[i].key, SHARE_KEY_BYTES);
            add(&c->shares, x);
            absent += x->bytes;
        }
        ASSERT(x->bytes == wants[i].bytes);
        link_hold(&c->shares, x, &h->all[i], s->tenant);
    }
    s->holds = h;
    bury(a, h->spare);
    h->spare = NULL;
    return absent;
}

static bool fills(const struct slot *s, const struct share *x)
{
    return x->state == SHARE_FILLING && x->filler == s;
}

bool shares_awaited(const struct slot *s)
{
    for (uint32_t i = 0; s->holds && i < s->holds->n; i++)
        if (fills(s, s->holds->all[i].share) && s->holds->all[i].share->refs > 1)
            return true;
    return false;
}

void shares_charge(struct slot *s)
{
    for (uint32_t i = 0; s->holds && i < s->holds->n; i++) {
        struct share *x = s->holds->all[i].share;
        if (fills(s, x) && !x->charged)
            share_charge(x);
    }
}

/* The load of s ends, and x is not filled: its bytes are those of s that are not used. */
static void lose(struct cache *c, struct slot *s, struct share *x) REQUIRES(c->lock)
{
    remove_share(&c->shares, x);
    s->bytes += x->charged ? x->bytes : 0;
    tenant_charge(s->tenant, x->charged ? x->bytes : 0);
    share_refund(x);
    x->state = SHARE_FAILED;
    x->filler = NULL;
    cond_wake_all(&c->changed);
}

/* Nobody holds x any more. */
static void die(struct cache *c, struct slot *s, struct share *x, struct after *a) REQUIRES(c->lock)
{
    if (x->state == SHARE_FAILED) {
        x->next = NULL;
        bury(a, x);
        return;
    }
    ASSERT(x->state == SHARE_FILLED);
    remove_share(&c->shares, x);
    budget_move(&c->budget, BUDGET_RESIDENT, BUDGET_DRAINING, x->bytes);
    s->dead_bytes += x->bytes;
    x->next = s->dead;
    s->dead = x;
}

void shares_let_go(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    struct holds *h = s->holds;
    if (!h)
        return;
    for (uint32_t i = 0; i < h->n; i++) {
        struct share *x = h->all[i].share;
        if (fills(s, x))
            lose(c, s, x);
        unlink_hold(&c->shares, &h->all[i]);
        if (!x->refs)
            die(c, s, x, a);
    }
    s->holds = NULL;
    h->after_next = a->holds;
    a->holds = h;
}

void shares_buried(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    if (s->dead_bytes)
        budget_give(&c->budget, BUDGET_DRAINING, s->dead_bytes);
    s->dead_bytes = 0;
    bury(a, s->dead);
    s->dead = NULL;
}

/* How many of x's holders leave, as this decision stands. */
static uint32_t *leaving(struct share *x, const struct turn *turn)
{
    struct share_tally *tally = &x->tallies[turn->kind];
    if (tally->number != turn->number)
        *tally = (struct share_tally){.number = turn->number};
    return &tally->leaving;
}

uint64_t shares_leave(struct slot *s, const struct turn *turn)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; s->holds && i < s->holds->n; i++) {
        struct share *x = s->holds->all[i].share;
        bytes += ++*leaving(x, turn) == x->refs ? x->bytes : 0;
    }
    return bytes;
}

void shares_stay(struct slot *s, const struct turn *turn)
{
    for (uint32_t i = 0; s->holds && i < s->holds->n; i++)
        --*leaving(s->holds->all[i].share, turn);
}

/* Of a share that others hold too, what s's tenant has less is its part as it is once those have
 * left who leave. */
uint64_t shares_loss(const struct slot *s, const struct turn *turn)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; s->holds && i < s->holds->n; i++) {
        const struct share *x = s->holds->all[i].share;
        const uint32_t leave = x->tallies[turn->kind].leaving; /* as s has just said so */
        if (leave >= x->refs)
            bytes += x->bytes;
        else if (x->mixed)
            bytes += share_part_most(x, x->refs - leave + 1);
    }
    return bytes;
}

/* Does a kept slot hold x, of a tenant of that rule? */
static bool is_kept(const struct share *x, const struct tenant_sum *sum)
{
    if (!x->mixed)
        return x->kept;
    uint32_t left = x->kept;
    for (const struct hold *h = x->first; left && h; h = h->next) {
        if (h->kept && h->tenant->sum == sum)
            return true;
        left -= h->kept;
    }
    return false;
}

uint64_t shares_keep(struct slot *s, bool kept)
{
    const struct tenant_sum *sum = s->tenant->sum;
    uint64_t bytes = 0;
    for (uint32_t i = 0; s->holds && i < s->holds->n; i++) {
        struct hold *h = &s->holds->all[i];
        struct share *x = h->share;
        ASSERT(h->kept != kept);
        ASSERT(x->charged);
        x->kept -= h->kept;
        h->kept = false;
        bytes += is_kept(x, sum) ? 0 : x->bytes;
        h->kept = kept;
        x->kept += kept;
    }
    return bytes;
}

void shares_view(const struct slot *s, struct share_view *out)
{
    *out = (struct share_view){0};
    for (uint32_t i = 0; s->holds && i < s->holds->n; i++) {
        const struct hold *h = &s->holds->all[i];
        const struct share *x = h->share;
        if (!x->charged)
            continue;
        *(x->refs > 1 ? &out->shared_bytes : &out->alone_bytes) += x->bytes;
        out->part_bytes += share_part(x, h);
    }
}
