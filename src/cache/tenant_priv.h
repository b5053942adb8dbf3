/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The inside of tenants: the table by name, and whose turn it is to give. All fields are guarded by
 * cache.lock unless they say otherwise. */
#ifndef ROOST_CACHE_TENANT_PRIV_H
#define ROOST_CACHE_TENANT_PRIV_H

#include "base/lock.h"
#include "cache/tenant.h"

struct slot;
struct after;

/* Heap; with a rule of its own as long as the cache, else as long as it has a record. */
struct tenant {
    struct tenant *chain;           /* in its bucket; among those to be freed */
    struct tenant *next, *prev;     /* in the list of all */
    uint64_t hash;                  /* of name; never changes */
    const struct tenant_rule *rule; /* the table's */
    struct tenant_counts *counts;   /* its own, or those of all without a rule */
    uint64_t used_bytes;            /* held by its LOADING and RESIDENT slots, and its parts */
    uint64_t promised_bytes;        /* of its queued room_waits */
    uint64_t last_us;               /* of the last invocation that asked for one; 0: never */
    uint32_t slots;                 /* records, detached ones among them */
    bool ruled;                     /* has a rule of its own */
    /* of the decision under way; zero between decisions */
    bool unnamed;            /* the policy names nothing more of it */
    bool through;            /* nothing more of it can go */
    uint64_t leaving_bytes;  /* at least what it has then is used + promised - leaving */
    const struct slot *seen; /* the last of its slots that was looked at */
    struct tenant_counts own_counts;
    char name[]; /* never changes */
};

/* Embedded. */
struct tenant_table {
    struct tenant **buckets; /* heap */
    size_t mask;
    struct tenant *all;
    struct tenant *everyone;   /* heap; all slots' tenant where there are no rules, else NULL */
    struct tenant_rule *rules; /* heap; the given ones, and last the one for others */
    uint32_t n_rules;          /* given ones other than TENANT_OTHERS; never changes */
    uint64_t ttl_least_us;     /* of those that are not 0; 0: there are none; never changes */
    bool some_stay;            /* any min_residency_us; never changes */
    struct tenant_counts other_counts;
};

/* errors: E_NO_MEMORY */
enum status tenant_table_init(struct tenant_table *t, const struct tenant_rules *r) WARN_UNUSED;
void tenant_table_fini(struct tenant_table *t); /* without slots */

/* The tenant that a slot of this name may bring; without locks. NULL: no memory. */
struct tenant *tenant_new(const struct tenant_table *t, const char *model) WARN_UNUSED;
/* The tenant of that name, which may be t itself; NULL: there is none yet. */
struct tenant *tenant_known(const struct tenant_table *table, const struct tenant *t);
/* Gives back what tenant_new made and no slot joined; without locks. */
void tenant_drop(const struct tenant_table *table, struct tenant *t);
void tenants_free(struct tenant *list); /* through chain */

/* What a tenant has grows and shrinks. */
void tenant_charge(struct tenant *t, uint64_t bytes);
void tenant_refund(struct tenant *t, uint64_t bytes);

/* One decision about who gives; on the stack, under the lock from begin to end. */
struct turn {
    struct tenant *asker;      /* for whom; NULL: a run's arena */
    uint64_t asked_bytes;      /* what he is to have besides; counted nowhere yet */
    const struct slot *spared; /* the version that the asker is to replace; NULL: none */
    bool all;                  /* also those that are to stay a while after their load */
};

/* Is the asker beyond his ceiling, unless more of his own goes? */
bool turn_over_ceiling(const struct turn *turn);

#endif
