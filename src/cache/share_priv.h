/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The inside of shares: the table by key, and who holds what. All fields are guarded by cache.lock
 * unless they say otherwise. A slot's holds stand in one array that its reserve allocated; a share
 * knows its holders by a list through those arrays, in the order they came. */
#ifndef ROOST_CACHE_SHARE_PRIV_H
#define ROOST_CACHE_SHARE_PRIV_H

#include "base/lock.h"
#include "cache/share.h"
#include "cache/tenant_priv.h"

struct after;

/* What a decision counted so far; of an earlier one, it is nothing. */
struct share_tally {
    uint64_t number;  /* of the decision */
    uint32_t leaving; /* of refs, those whose slot is about to be evicted; see shares_leave */
};

enum share_state { SHARE_FILLING, SHARE_FILLED, SHARE_FAILED };

/* Heap; in the table while FILLING or FILLED and held; then in its slot's list of dead. */
struct share {
    struct share *next; /* in its bucket; among the dead; among those to be freed */
    uint8_t key[SHARE_KEY_BYTES];
    enum share_state state;
    bool charged;        /* RESERVED while FILLING, RESIDENT while FILLED, DRAINING once dead */
    uint64_t bytes;      /* never changes */
    struct slot *filler; /* while FILLING */
    void *value;         /* the source's, once FILLED; never changes then */
    uint32_t refs;       /* length of the list of holds */
    bool mixed;          /* perhaps not all holders are of one tenant */
    uint32_t kept;       /* holds whose slot is kept */
    struct share_tally tallies[TURN_KINDS];
    struct hold *first, *last; /* the oldest, the newest */
    /* its parts in steps; see share_part.c */
    struct hold *heavy;   /* the newest of those that have a step more than light; NULL: none has */
    uint64_t unit_bytes;  /* of each unit … */
    uint64_t rest;        /* … and what all of them are less than bytes */
    uint32_t step, light; /* units; a multiple of step. step 0: parts are even */
};

struct hold {
    struct share *share;
    struct tenant *tenant;    /* the slot's */
    uint32_t units;           /* its part, where parts are in steps */
    bool kept;                /* the slot is */
    struct hold *prev, *next; /* of the same share */
};

/* Heap; what one slot holds. Allocated and freed without the lock. */
struct holds {
    struct holds *after_next; /* in a list of struct after */
    struct share *spare;      /* records for shares that are absent */
    uint32_t n;
    struct hold all[];
};

struct share_table {
    struct share **buckets; /* heap */
    size_t mask;            /* number of buckets - 1 */
    uint64_t count;         /* shares in it */
    struct share_usage shared;
};

/* errors: E_NO_MEMORY */
enum status share_table_init(struct share_table *t, uint64_t limit_bytes) WARN_UNUSED;
void share_table_fini(struct share_table *t); /* which is empty */

/* Room to hold n shares, each of which may have to be made; NULL: no memory. Without locks. */
struct holds *holds_new(uint32_t n) WARN_UNUSED;
void holds_free(struct holds *h);
void shares_free(struct share *list);

/* What s is to fill is charged as RESERVED now. */
void shares_charge(struct slot *s);
/* Bytes that would be free if s, RESIDENT, went, after all those that said the same before in this
 * decision; shares_stay takes it back. */
uint64_t shares_leave(struct slot *s, const struct turn *turn);
void shares_stay(struct slot *s, const struct turn *turn);
/* At most what s's tenant would have less of shares if s went, which has just said so. */
uint64_t shares_loss(const struct slot *s, const struct turn *turn);
/* s is kept from now on, or no more: the bytes of what it holds and no other kept slot does of a
 * tenant of the same rule. Walks the holders of what kept slots of several tenants hold. */
uint64_t shares_keep(struct slot *s, bool kept);

bool shares_filled(const struct slot *s);  /* all that it holds */
bool shares_awaited(const struct slot *s); /* does another slot hold what s is to fill? */

/* What s uses alone and with others, and its part of the latter. */
struct share_view {
    uint64_t alone_bytes, shared_bytes, part_bytes;
};
void shares_view(const struct slot *s, struct share_view *out);

/* ---- share_part.c: what each holder of a share is charged, so that it adds up to its bytes ----
 * Of a share that is not charged, nothing. It changes with who comes and goes. */
uint64_t share_part(const struct share *x, const struct hold *h);
/* At most what a tenant has less once one of n holders leaves, the others of those n staying. */
uint64_t share_part_most(const struct share *x, uint32_t n);
/* h, of a tenant, holds x as the newest from now on, or no more. Changes the parts of few others.
 */
void share_join(struct share *x, struct hold *h);
void share_leave(struct share *x, struct hold *h);
/* x is charged from now on, or no more; walks all holders. */
void share_charge(struct share *x);
void share_refund(struct share *x);

#endif
