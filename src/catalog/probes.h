/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How many unknown names a tenant may make the store look for: a token bucket a tenant, filled with
 * `rate` tokens a second up to one second's worth, from which every name that proved unknown takes
 * one. The buckets are a fixed table by hash, so that made-up tenants cost no memory; two tenants
 * that share a place share its tokens.
 *
 * Tenants are easily made up, and each would have a second's worth. So one bucket more, the node's,
 * is spent from by all; while it is empty, only tenants of which a name was found before may have
 * others looked for. */
#ifndef ROOST_CATALOG_PROBES_H
#define ROOST_CATALOG_PROBES_H

#include "base/base.h"

enum { PROBE_PLACES = 1024 };

struct probe_bucket {
    int64_t tokens;   /* in millionths: µs * rate; may fall below 0 */
    uint64_t last_us; /* when tokens was brought up to date; 0: full */
    bool found;       /* a name of such a tenant was found once */
};

/* Whose tokens are spent. */
enum probe { PROBE_MAY, PROBE_TENANT, PROBE_NODE };

/* Embedded in the catalog; guarded by its lock. */
struct probes {
    uint64_t rate;      /* tokens a second, at least 1 */
    uint64_t node_rate; /* of all together; 0: no bound */
    struct probe_bucket node;
    struct probe_bucket places[PROBE_PLACES];
};

/* name: as catalog_name gives it. May it be looked for? */
enum probe probes_left(struct probes *p, const char *name, uint64_t now_us) WARN_UNUSED;
void probes_spend(struct probes *p, const char *name, uint64_t now_us);
/* What was spent for it last was not for a caller's sake. */
void probes_give_back(struct probes *p, const char *name, uint64_t now_us);
void probes_found(struct probes *p, const char *name); /* it is no unknown name */

#endif
