/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Tenants by who gives first, kept in order as they change, so that a decision finds the next one
 * at once however many there are. Two heaps: of those whom no invocation asked for since
 * TENANT_IDLE_S, who give before all others, and of the rest. In them is who has anything resident.
 *
 * What a tenant has changes several times in one hold of the lock, so that it is only noted, and
 * its rank found once: by the next decision, or when the gates open. That somebody became idle is
 * nobody's doing; it is seen at the same two places, for some at a time, so that a night without
 * traffic does not make the first decision after it a long one. */
#include "base/alloc.h"
#include "cache/cache_priv.h"

#define IDLE_US (TENANT_IDLE_S * UINT64_C(1000000))

enum { IDLE_AT_ONCE = 32 }; /* tenants found to have become idle in one go */

enum status ranks_init(struct tenant_table *table, uint32_t records)
{
    lru_init(&table->awake);
    for (int i = 0; i < 2; i++)
        if (!(table->ranks[i].all = alloc_zero(records, sizeof(struct rank))))
            return E_NO_MEMORY;
    return OK;
}

void ranks_fini(struct tenant_table *table)
{
    alloc_free(table->ranks[0].all);
    alloc_free(table->ranks[1].all);
}

double rank_over(const struct tenant *t, uint64_t bytes)
{
    return ((double)bytes - (double)t->rule->floor_bytes) / (double)t->rule->weight;
}

/* ---- heaps ---- */

static void put(struct rank_heap *h, uint32_t i, struct rank r)
{
    h->all[i] = r;
    r.tenant->place = i + 1;
}

static bool before(const struct rank *a, const struct rank *b)
{
    return rank_before(a->over, a->tenant, b->over, b->tenant);
}

/* r belongs where i is, or above or below it. */
static void sift(struct rank_heap *h, uint32_t i, struct rank r)
{
    while (i && before(&r, &h->all[(i - 1) / 2])) {
        put(h, i, h->all[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        uint32_t k = 2 * i + 1;
        if (k + 1 < h->n && before(&h->all[k + 1], &h->all[k]))
            k++;
        if (k >= h->n || !before(&h->all[k], &r))
            break;
        put(h, i, h->all[k]);
        i = k;
    }
    put(h, i, r);
}

void rank_set(struct tenant *t, double over)
{
    struct rank_heap *h = &t->table->ranks[t->idle];
    if (!t->place)
        t->place = ++h->n;
    sift(h, t->place - 1, (struct rank){over, t});
}

void rank_without(struct tenant *t)
{
    if (!t->place)
        return;
    struct rank_heap *h = &t->table->ranks[t->idle];
    const uint32_t i = t->place - 1;
    const struct rank last = h->all[--h->n];
    t->place = 0;
    if (last.tenant != t)
        sift(h, i, last);
}

/* ---- what changes them ---- */

void rank_join(struct tenant_table *table, struct tenant *t)
{
    t->table = table;
    t->number = ++table->numbers;
    lru_init(&t->live);
    lru_add(&table->awake, &t->awake);
    lru_sink(&table->awake, &t->awake); /* nobody asked for it yet */
}

void rank_leave(struct tenant *t)
{
    ASSERT(!t->residents && !t->touched);
    struct tenant **at = &t->table->stale;
    while (t->stale && *at != t)
        at = &(*at)->stale_next;
    if (t->stale)
        *at = t->stale_next;
    t->stale = false;
    rank_without(t);
    if (!t->idle)
        lru_remove(&t->awake);
}

void rank_changed(struct tenant *t)
{
    if (t->stale || !t->table)
        return;
    t->stale = true;
    t->stale_next = t->table->stale;
    t->table->stale = t;
}

static void set_idle(struct tenant *t, bool idle)
{
    rank_without(t);
    if (idle)
        lru_remove(&t->awake);
    else
        lru_add(&t->table->awake, &t->awake);
    t->idle = idle;
    rank_changed(t);
}

void rank_asked(struct tenant *t)
{
    if (t->idle)
        set_idle(t, false);
    else
        lru_touch(&t->table->awake, &t->awake);
}

void ranks_settle(struct tenant_table *table, uint64_t now_us)
{
    for (int i = 0; i < IDLE_AT_ONCE; i++) {
        struct lru_link *k = lru_next(&table->awake, NULL);
        struct tenant *t = k ? CONTAINER_OF(k, struct tenant, awake) : NULL;
        if (!t || now_us <= t->last_us || now_us - t->last_us <= IDLE_US)
            break;
        set_idle(t, true);
    }
    while (table->stale) {
        struct tenant *t = table->stale;
        table->stale = t->stale_next;
        t->stale = false;
        if (t->residents)
            rank_set(t, rank_over(t, t->used_bytes + t->promised_bytes));
        else
            rank_without(t);
    }
}
