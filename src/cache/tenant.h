/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Tenants as citizens of the cache: who is charged, what is kept for them, who gives way first.
 *
 * A tenant has what its models hold: their own bytes from the moment in which a load was promised
 * them until it is decided that they go, and its part of what they share (share_priv.h). With
 * rules, floor    is kept for it: no other tenant's need takes its bytes below that; weight   says
 * how the bytes above all floors are divided while there are too few: the tenant whose (bytes -
 * floor) / weight is the greatest gives first, he who asks counted with what he asks for, so that
 * tenants who want more than there is come to have floor + spare x weight / all their weights, and
 * whoever wants less has what he wants; ceiling  is the most it may have: a load beyond it takes
 * the tenant's own models, or is refused. A tenant that no invocation asked for since TENANT_IDLE_S
 * is idle: what it has above its floor goes before that of all others. Among a tenant's models the
 * oldest goes first. Without rules there is one tenant, and the oldest of all goes.
 *
 * A model may be kept: it is no victim until it is let go. What a tenant keeps counts against its
 * floor, so that nobody fills the node with kept models; without rules half of the budget may be
 * kept. A model may have a time to live without use, and a time after its load in which it is the
 * last to go. */
#ifndef ROOST_CACHE_TENANT_H
#define ROOST_CACHE_TENANT_H

#include "base/status.h"

struct cache;
struct pin;

enum {
    TENANT_NAME_MAX = 128,
    TENANT_RULES_MAX = 256,
    TENANT_WEIGHT_MAX = 1000000,
    TENANT_IDLE_S = 300
};

/* The rule of these is that of every tenant which has none of its own, each for itself. */
#define TENANT_OTHERS "*"

struct tenant_rule {
    char name[TENANT_NAME_MAX + 1];
    uint64_t floor_bytes;      /* 0 for TENANT_OTHERS: nobody knows how many they are */
    uint64_t ceiling_bytes;    /* 0: none */
    uint64_t weight;           /* 1 to TENANT_WEIGHT_MAX */
    uint64_t ttl_us;           /* a model goes after so long without use; 0: never */
    uint64_t min_residency_us; /* so long after its load a model goes only if nothing else can */
};

/* The tenants' rules; no name twice. */
struct tenant_rules {
    const struct tenant_rule *rules; /* borrowed until cache_new returns */
    uint32_t n;                      /* up to TENANT_RULES_MAX; 0: there is one tenant … */
    uint64_t ttl_us;                 /* … and these are for all of its models, or for those … */
    uint64_t min_residency_us; /* … whose tenant has no rule, where there is none for others */
};

/* Can these be kept with such a budget?  errors: E_USAGE naming the tenant: a floor above its
 * ceiling, a floor for others, floors that are together more than limit_bytes */
enum status tenants_check(const struct tenant_rules *r, uint64_t limit_bytes,
                          struct err *err) WARN_UNUSED;

struct tenant_counts {
    uint64_t hits, misses, joined, loads, evictions;
};

struct tenant_usage {
    struct tenant_rule rule;
    uint64_t bytes;      /* it has now; of TENANT_OTHERS: all of them together, as in the rest */
    uint64_t kept_bytes; /* of that, held by models that are kept */
    uint64_t models;     /* resident ones */
    struct tenant_counts counts;
};
/* All tenants with a rule in the rules' order, then TENANT_OTHERS; up to max. Without rules that
 * alone, with weight 1.  thread: any   locks: takes CACHE */
size_t cache_tenants(struct cache *c, struct tenant_usage *out, size_t max);

/* Are there rules for tenants?  thread: any */
bool cache_ruled(const struct cache *c);

/* Keeps what is pinned: from now on it is no victim, until cache_unkeep or cache_unload.
 * thread: any   locks: takes CACHE
 * errors: E_FLOOR: the tenant would keep more than its floor; E_CANCELLED: it is going already */
enum status cache_keep(struct cache *c, const struct pin *pin, struct err *err) WARN_UNUSED;
/* It may go again; nothing to do is fine.  errors: E_NOT_FOUND: no record of the name */
enum status cache_unkeep(struct cache *c, const char *name, struct err *err) WARN_UNUSED;

/* Is there any time to live, so that cache_expire has work?  thread: any */
bool cache_expires(const struct cache *c);
/* Evicts whatever nobody used for its time to live, some in each hold of the lock; returns how
 * many. To be called now and then: models go at the first call after their time.
 * thread: any   locks: takes CACHE */
uint32_t cache_expire(struct cache *c, uint64_t now_us);

#endif
