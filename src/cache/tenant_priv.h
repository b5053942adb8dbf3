/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The inside of tenants: the table by name, and whose turn it is to give. All fields are guarded by
 * cache.lock unless they say otherwise. */
#ifndef ROOST_CACHE_TENANT_PRIV_H
#define ROOST_CACHE_TENANT_PRIV_H

#include "base/lock.h"
#include "cache/policy/lru.h"
#include "cache/tenant.h"

struct slot;
struct after;

/* Two kinds of decisions may be under way at the same time, each in a state of its own. */
enum turn_kind {
    TURN_CHOICE, /* begins and ends in one hold of the lock */
    TURN_PROOF,  /* takes many; see decide.c */
    TURN_KINDS
};

/* What a decision counted so far; of an earlier one, it is nothing. */
struct tenant_tally {
    uint64_t number;        /* of the decision */
    uint64_t leaving_bytes; /* at least what it has then is used + promised - leaving */
};

/* What the tenants of one rule have together, and did since the start. */
struct tenant_sum {
    uint64_t bytes;      /* used and promised */
    uint64_t kept_bytes; /* held by models that are kept, what they share once */
    uint64_t models;     /* RESIDENT slots */
    struct tenant_counts counts;
};

/* Heap; with a rule of its own as long as the cache, else as long as it has a record. */
struct tenant {
    struct tenant *chain;           /* in its bucket; among those to be freed */
    struct tenant *next, *prev;     /* in the list of all */
    uint64_t hash;                  /* of name; never changes */
    const struct tenant_rule *rule; /* the table's */
    struct tenant_sum *sum;         /* the table's, of its rule */
    uint64_t used_bytes;            /* held by its LOADING and RESIDENT slots, and its parts */
    uint64_t promised_bytes;        /* of its queued room_waits */
    uint64_t last_us;               /* of the last invocation that asked for one; 0: never */
    uint32_t slots;                 /* records, detached ones among them */
    bool ruled;                     /* has a rule of its own */
    /* its place among those who may give; see rank.c */
    struct tenant_table *table; /* NULL: there are no rules, and none of this is used */
    bool stale;                 /* in table.stale: its rank is to be found anew */
    bool idle;                  /* ranked with those whom no invocation asked for lately */
    uint32_t place;             /* in the heap of its kind, from 1 on; 0: in none */
    uint32_t residents;         /* RESIDENT slots */
    uint64_t number;            /* grows from one that came to the next */
    struct tenant *stale_next;
    struct lru live;       /* its LOADING and RESIDENT slots, by recency: their mates */
    struct lru_link awake; /* in table.awake while it is not idle */
    /* of the decision under way; zero between decisions */
    bool touched;      /* in the turn's list of those for whom any of this is not zero */
    bool unnamed;      /* the policy names nothing more of it */
    bool through;      /* nothing more of it can go */
    struct slot *seen; /* the last of its slots that was looked at */
    struct tenant *touched_next;
    struct tenant_tally tallies[TURN_KINDS];
    /* of a decision that takes many holds */
    struct slot *passed;    /* it and those before it may not go; NULL: none */
    uint64_t passed_number; /* of the decision; of an earlier one, passed means nothing */
    char name[];            /* never changes */
};

/* One who may give, in a heap: the greatest first. */
struct rank {
    double over; /* (bytes - floor) / weight */
    struct tenant *tenant;
};
struct rank_heap {
    struct rank *all; /* heap; room for one of each record: who is in it has one, or more */
    uint32_t n, max;
};

/* Embedded. */
struct tenant_table {
    struct tenant **buckets; /* heap */
    size_t mask;
    struct tenant *all;
    struct tenant *everyone;   /* heap; all slots' tenant where there are no rules, else NULL */
    struct tenant_rule *rules; /* heap; the given ones, and last the one for others */
    struct tenant_sum *sums;   /* heap; of each rule */
    uint32_t n_rules;          /* given ones other than TENANT_OTHERS; never changes */
    uint64_t ttl_least_us;     /* of those that are not 0; 0: there are none; never changes */
    bool some_stay;            /* any min_residency_us; never changes */
    struct rank_heap ranks[2]; /* of tenants with residents: those not idle, and the idle ones */
    struct lru awake;          /* tenants that are not idle, by when they were last asked for */
    struct tenant *stale;      /* through stale_next */
    uint64_t numbers;          /* of tenants that ever came */
};

/* records: most that have anything resident at the same time.  errors: E_NO_MEMORY */
enum status tenant_table_init(struct tenant_table *t, const struct tenant_rules *r,
                              uint32_t records) WARN_UNUSED;
void tenant_table_fini(struct tenant_table *t); /* without slots */

/* The tenant that a slot of this name may bring; without locks. NULL: no memory. */
struct tenant *tenant_new(const struct tenant_table *t, const char *model) WARN_UNUSED;
/* The tenant of that name, which may be t itself; NULL: there is none yet. */
struct tenant *tenant_known(const struct tenant_table *table, const struct tenant *t);
/* Gives back what tenant_new made and no slot joined; without locks. */
void tenant_drop(const struct tenant_table *table, struct tenant *t);
void tenants_free(struct tenant *list); /* through chain */

/* What a tenant has, or is to have, grows and shrinks. */
void tenant_charge(struct tenant *t, uint64_t bytes);
void tenant_refund(struct tenant *t, uint64_t bytes);
void tenant_promise(struct tenant *t, uint64_t bytes);
void tenant_promise_ends(struct tenant *t, uint64_t bytes);

/* ---- rank.c: who gives first, kept as it changes ---- */
enum status ranks_init(struct tenant_table *table, uint32_t records) WARN_UNUSED;
void ranks_fini(struct tenant_table *table);
void rank_join(struct tenant_table *table, struct tenant *t); /* has come */
void rank_leave(struct tenant *t);                            /* is about to go */
/* What it has, or whether it has residents, changed; its rank follows with ranks_settle. */
void rank_changed(struct tenant *t);
void rank_asked(struct tenant *t); /* an invocation asked for one of its models */
/* All ranks are those of now, but that of tenants that became idle only some are found so. */
void ranks_settle(struct tenant_table *table, uint64_t now_us);
/* While a decision is under way: t has another rank for it, or (without) none. */
void rank_set(struct tenant *t, double over);
void rank_without(struct tenant *t);
double rank_over(const struct tenant *t, uint64_t bytes); /* if it had so many */
/* Does one of so much come before another? The later one where they are even. */
static inline bool rank_before(double over, const struct tenant *t, double other_over,
                               const struct tenant *other)
{
    return over > other_over || (over == other_over && t->number > other->number);
}
/* The first of a kind; NULL: there is none. */
static inline const struct rank *rank_first(const struct tenant_table *table, bool idle)
{
    return table->ranks[idle].n ? &table->ranks[idle].all[0] : NULL;
}

/* One decision about who gives; on the stack. */
struct turn {
    struct tenant *asker;      /* for whom; NULL: a run's arena */
    uint64_t asked_bytes;      /* what he is to have besides; counted nowhere yet */
    const struct slot *spared; /* the version that the asker is to replace; NULL: none */
    bool all;                  /* also those that are to stay a while after their load */
    enum turn_kind kind;
    uint32_t looks;         /* at those that may not go, until it has to end; turn_oldest's */
    uint64_t goes_on;       /* number under which holds go on where the last one ended; 0: none */
    uint64_t number;        /* set when it begins */
    struct tenant *touched; /* through touched_next */
};

/* Is the asker beyond his ceiling, unless more of his own goes? */
bool turn_over_ceiling(const struct turn *turn);

#endif
