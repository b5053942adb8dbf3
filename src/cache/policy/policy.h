/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Who is to give way when room is needed: one table of functions per policy, pure objects for
 * caches, their shadows and `roost replay` alike.
 *
 * A policy knows models by dense ids below a bound that its owner raises. It reads no clock, does
 * no I/O, takes no lock and, but for create and reserve, allocates nothing; all calls of one object
 * are serialized by its owner. Time comes in as now_us and does not fall; chance comes from the
 * seed, so that equal calls give equal answers.
 *
 * What the owner calls, and when:
 *   access   once per invocation, before anything else follows from it
 *   insert   when bytes were granted to a model; remove when they are given up
 *   victims  when bytes are missing; what it names stays until remove is called
 *   admit    between victims and their removal: is the newcomer worth it?
 * Pinned, draining and protected models, and whose turn it is to give (the tenants' shares), are
 * the owner's: a filter says for each id whether it may go now. An owner that wants victims of some
 * tenants first asks with a narrow filter, and once more with a wider one; of a tenant that has
 * few, it says which they are.
 *
 * History is kept of every id, resident or not, until remove says POLICY_FORGOTTEN. */
#ifndef ROOST_CACHE_POLICY_POLICY_H
#define ROOST_CACHE_POLICY_POLICY_H

#include "base/status.h"

enum { POLICY_IDS_MAX = 1 << 24 };

/* What a policy is told of a model. */
struct policy_meta {
    uint64_t bytes;     /* what it takes in this tier; 0 in access while nobody knows */
    uint64_t reload_us; /* what a load costs from the tier below as it now is */
    bool cold;          /* of insert: behind all that is there, as far as the policy has an order */
};

struct policy_config {
    uint64_t cap_bytes; /* what the tier holds; only shadow caches need it */
    uint32_t ids;       /* ids below it may be used; see reserve */
    uint64_t seed;
};

enum policy_why {
    POLICY_EVICTED,   /* it gave way, or expired; its history stays */
    POLICY_FORGOTTEN, /* the id may come back as another model; may be said of one not resident */
};

/* May this model go now?  Called without side effects expected, any number of times. */
typedef bool policy_filter_fn(void *arg, uint32_t id);

struct policy_need {
    uint64_t bytes;
    uint64_t now_us;
    policy_filter_fn *evictable; /* NULL: all may go */
    void *arg;
    uint32_t looks; /* so many may be looked at, or hardly more, though nobody is found: 0: any */
    const uint32_t *among; /* NULL, or n_among residents, the longest unused first: only these */
    size_t n_among;
};

struct policy_ahead {
    uint64_t now_us, horizon_us;
    policy_filter_fn
        *absent; /* may this be named? NULL: what the policy knows not to be resident */
    void *arg;
};

/* Heap; embedded as the first member of each policy's own struct. */
struct policy {
    const struct policy_ops *ops;
};

struct policy_ops {
    const char *name;
    const char *summary; /* one sentence, for --help */
    /* errors: E_NO_MEMORY */
    enum status (*create)(const struct policy_config *c, struct policy **out);
    void (*free)(struct policy **p);
    /* Ids below `ids` may be used from now on; never fewer than before. Allocates.
     * errors: E_NO_MEMORY, nothing changed */
    enum status (*reserve)(struct policy *p, uint32_t ids);
    /* The tier holds cap_bytes from now on; NULL when the policy does not care. */
    void (*resize)(struct policy *p, uint64_t cap_bytes);
    /* One invocation of id; hit: it was resident. */
    void (*access)(struct policy *p, uint32_t id, uint64_t now_us, const struct policy_meta *m,
                   bool hit);
    void (*insert)(struct policy *p, uint32_t id, uint64_t now_us, const struct policy_meta *m);
    void (*remove)(struct policy *p, uint32_t id, enum policy_why why);
    bool looks_cost; /* one takes as long as an eviction: an owner in a hurry counts them */
    /* Writes who should go, first to go first, until their bytes reach need->bytes or n are there
     * or nobody is left that may go. Nobody is named twice. */
    size_t (*victims)(struct policy *p, const struct policy_need *need, uint32_t *out, size_t n);
    /* Is id, which was just accessed and not inserted, worth more than these victims together? With
     * false it is served and not kept. NULL: always. */
    bool (*admit)(struct policy *p, uint32_t id, uint64_t now_us, const uint32_t *victims,
                  size_t n);
    /* Ids that are not resident and will most likely be asked for within horizon_us, the surest
     * first. NULL: the policy foresees nothing. Looks at a bounded number of ids per call and goes
     * on from there at the next. */
    size_t (*prefetch)(struct policy *p, const struct policy_ahead *a, uint32_t *out, size_t n);
};

extern const struct policy_ops policy_lru, policy_gdsf, policy_hazard, policy_auto;

/* All of them, the default first; ends with NULL. */
const struct policy_ops *const *policy_table(void);
const struct policy_ops *policy_find(const char *name); /* NULL: there is none */

/* An array's room for `ids` elements of `bytes` bytes, new ones zero. For reserve.
 * errors: E_NO_MEMORY, array as before */
enum status policy_array(void *array, uint32_t before, uint32_t ids, size_t bytes) WARN_UNUSED;

#endif
