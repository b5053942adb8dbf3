/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who is whose, and what each has. A tenant comes with the first record of a model of its own and
 * goes with the last; its memory is made and freed without the lock. */
#include "cache/tenant.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "cache/cache_priv.h"

enum { BUCKETS = 1 << 12 };

static bool is_others(const struct tenant_rule *r)
{
    return strcmp(r->name, TENANT_OTHERS) == 0;
}

enum status tenants_check(const struct tenant_rules *r, uint64_t limit_bytes, struct err *err)
{
    uint64_t left = limit_bytes;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct tenant_rule *t = &r->rules[i];
        if (t->floor_bytes && is_others(t))
            return err_set(err, E_USAGE,
                           "tenants: '%s' stands for any number of tenants and can have no floor",
                           t->name);
        if (t->ceiling_bytes && t->floor_bytes > t->ceiling_bytes)
            return err_set(err, E_USAGE,
                           "tenants: the floor of '%s', %" PRIu64
                           " bytes, is above its ceiling, %" PRIu64,
                           t->name, t->floor_bytes, t->ceiling_bytes);
        if (t->floor_bytes > left)
            return err_set(err, E_USAGE,
                           "tenants: with '%s' the floors are together more than the %" PRIu64
                           " bytes of the budget",
                           t->name, limit_bytes);
        left -= t->floor_bytes;
    }
    return OK;
}

/* ---- the table ---- */

static size_t prefix(const char *model)
{
    const char *slash = strchr(model, '/');
    return slash ? (size_t)(slash - model) : 0;
}

static struct tenant *make(const char *name, size_t n)
{
    struct tenant *t = alloc_zero(1, sizeof(*t) + n + 1);
    if (!t)
        return NULL;
    memcpy(t->name, name, n);
    t->hash = hash_name(t->name);
    return t;
}

struct tenant *tenant_known(const struct tenant_table *table, const struct tenant *t)
{
    if (table->everyone)
        return table->everyone;
    struct tenant *k = table->buckets[t->hash & table->mask];
    while (k && (k->hash != t->hash || strcmp(k->name, t->name) != 0))
        k = k->chain;
    return k;
}

static void add(struct tenant_table *table, struct tenant *t)
{
    struct tenant **at = &table->buckets[t->hash & table->mask];
    t->chain = *at;
    *at = t;
    t->prev = NULL;
    t->next = table->all;
    if (t->next)
        t->next->prev = t;
    table->all = t;
}

/* With rules t has a rank from now on. */
static void come(struct tenant_table *table, struct tenant *t)
{
    add(table, t);
    rank_join(table, t);
}

static void take_out(struct tenant_table *table, struct tenant *t)
{
    struct tenant **at = &table->buckets[t->hash & table->mask];
    while (*at != t)
        at = &(*at)->chain;
    *at = t->chain;
    t->chain = NULL;
    *(t->prev ? &t->prev->next : &table->all) = t->next;
    if (t->next)
        t->next->prev = t->prev;
}

/* Rules in the table's order, the one for others last. */
static void copy_rules(struct tenant_table *table, const struct tenant_rules *r)
{
    struct tenant_rule others = {.name = TENANT_OTHERS,
                                 .weight = 1,
                                 .ttl_us = r->ttl_us,
                                 .min_residency_us = r->min_residency_us};
    for (uint32_t i = 0; i < r->n; i++)
        *(is_others(&r->rules[i]) ? &others : &table->rules[table->n_rules++]) = r->rules[i];
    table->rules[table->n_rules] = others;
    for (uint32_t i = 0; i <= table->n_rules; i++) {
        const struct tenant_rule *t = &table->rules[i];
        if (t->ttl_us && (!table->ttl_least_us || t->ttl_us < table->ttl_least_us))
            table->ttl_least_us = t->ttl_us;
        table->some_stay |= t->min_residency_us != 0;
    }
}

/* The tenants that are there whether they have models or not. */
static enum status add_ruled(struct tenant_table *table, bool rules)
{
    for (uint32_t i = 0; i < table->n_rules; i++) {
        struct tenant *t = make(table->rules[i].name, strlen(table->rules[i].name));
        if (!t)
            return E_NO_MEMORY;
        t->rule = &table->rules[i];
        t->sum = &table->sums[i];
        t->ruled = true;
        come(table, t);
    }
    if (rules)
        return OK;
    struct tenant *t = make(TENANT_OTHERS, strlen(TENANT_OTHERS));
    if (!t)
        return E_NO_MEMORY;
    t->rule = &table->rules[0];
    t->sum = &table->sums[0];
    t->ruled = true;
    add(table, t);
    table->everyone = t;
    return OK;
}

enum status tenant_table_init(struct tenant_table *table, const struct tenant_rules *r,
                              uint32_t records)
{
    ASSERT(r->n <= TENANT_RULES_MAX);
    size_t n = r->n ? BUCKETS : 1;
    *table = (struct tenant_table){.buckets = alloc_zero(n, sizeof(struct tenant *)),
                                   .mask = n - 1,
                                   .rules = alloc_zero(r->n + 1, sizeof(struct tenant_rule)),
                                   .sums = alloc_zero(r->n + 1, sizeof(struct tenant_sum))};
    enum status s = table->buckets && table->rules && table->sums ? OK : E_NO_MEMORY;
    if (s == OK && r->n)
        s = ranks_init(table, records);
    if (s == OK) {
        copy_rules(table, r);
        s = add_ruled(table, r->n > 0);
    }
    if (s != OK)
        tenant_table_fini(table);
    return s;
}

void tenant_table_fini(struct tenant_table *table)
{
    while (table->all) {
        struct tenant *t = table->all;
        ASSERT(t->ruled && !t->slots && !t->used_bytes && !t->promised_bytes);
        table->all = t->next;
        alloc_free(t);
    }
    ranks_fini(table);
    alloc_free(table->sums);
    alloc_free(table->rules);
    alloc_free(table->buckets);
    *table = (struct tenant_table){0};
}

/* ---- its members ---- */

struct tenant *tenant_new(const struct tenant_table *table, const char *model)
{
    if (table->everyone)
        return table->everyone;
    size_t n = prefix(model);
    struct tenant *t = n ? make(model, n) : make("default", strlen("default"));
    if (!t)
        return NULL;
    t->rule = &table->rules[table->n_rules];
    t->sum = &table->sums[table->n_rules];
    return t;
}

void tenant_drop(const struct tenant_table *table, struct tenant *t)
{
    if (t != table->everyone)
        alloc_free(t);
}

void tenants_free(struct tenant *list)
{
    while (list) {
        struct tenant *t = list;
        list = t->chain;
        alloc_free(t);
    }
}

void tenant_join(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    struct tenant *brought = s->tenant, *known = tenant_known(&c->tenants, brought);
    if (!known) {
        come(&c->tenants, brought);
    } else if (known != brought) {
        brought->chain = a->tenants;
        a->tenants = brought;
        s->tenant = known;
    }
    s->tenant->slots++;
}

void tenant_leave(struct cache *c, struct slot *s, struct after *a)
{
    lock_assert_held(&c->lock);
    struct tenant *t = s->tenant;
    ASSERT(t->slots);
    if (--t->slots || t->ruled)
        return;
    ASSERT(!t->used_bytes && !t->promised_bytes);
    rank_leave(t);
    take_out(&c->tenants, t);
    t->chain = a->tenants;
    a->tenants = t;
}

void tenant_charge(struct tenant *t, uint64_t bytes)
{
    t->used_bytes += bytes;
    t->sum->bytes += bytes;
    rank_changed(t);
}

void tenant_refund(struct tenant *t, uint64_t bytes)
{
    ASSERT(t->used_bytes >= bytes);
    t->used_bytes -= bytes;
    t->sum->bytes -= bytes;
    rank_changed(t);
}

void tenant_promise(struct tenant *t, uint64_t bytes)
{
    t->promised_bytes += bytes;
    t->sum->bytes += bytes;
    rank_changed(t);
}

void tenant_promise_ends(struct tenant *t, uint64_t bytes)
{
    t->promised_bytes -= bytes;
    t->sum->bytes -= bytes;
    rank_changed(t);
}
