/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A cache without contents: what would be resident under a policy if every miss filled at once. It
 * answers what the policy would cost, and takes bytes of metadata alone. */
#ifndef ROOST_CACHE_POLICY_SHADOW_H
#define ROOST_CACHE_POLICY_SHADOW_H

#include "cache/policy/policy.h"

/* Told of each model that enters or leaves. */
typedef void shadow_change_fn(void *arg, uint32_t id, bool in);

/* Embedded; all fields are the shadow's but change, arg and those marked. */
struct shadow {
    struct policy *policy; /* owned */
    uint64_t *bytes;       /* heap, per id; 0: not resident */
    uint32_t *victims;     /* heap; room for all ids */
    uint32_t ids;
    uint64_t cap_bytes, used_bytes;
    uint64_t now_us;          /* the latest that came in */
    uint64_t evictions;       /* readable */
    shadow_change_fn *change; /* may be NULL; set after init */
    void *arg;
};

/* errors: E_NO_MEMORY */
enum status shadow_init(struct shadow *s, const struct policy_ops *ops,
                        const struct policy_config *c) WARN_UNUSED;
void shadow_fini(struct shadow *s);                                     /* all zero is fine */
enum status shadow_reserve(struct shadow *s, uint32_t ids) WARN_UNUSED; /* errors: E_NO_MEMORY */
void shadow_resize(struct shadow *s, uint64_t cap_bytes);               /* evicts what is over */
/* One invocation; true: it was resident with just these bytes. Other bytes are another version: the
 * old one leaves, and it is a miss. m->bytes > 0 */
bool shadow_access(struct shadow *s, uint32_t id, uint64_t now_us, const struct policy_meta *m);
/* If id is resident, it is so with other bytes from now on, and nobody missed it. m->bytes > 0 */
void shadow_renew(struct shadow *s, uint32_t id, uint64_t now_us, const struct policy_meta *m);
void shadow_forget(struct shadow *s, uint32_t id); /* POLICY_FORGOTTEN */
bool shadow_has(const struct shadow *s, uint32_t id);

#endif
