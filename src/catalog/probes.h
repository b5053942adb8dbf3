/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* How many unknown names a tenant may make the store look for: a token bucket a tenant, filled with
 * `rate` tokens a second up to one second's worth, from which every name that proved unknown takes
 * one. The buckets are a fixed table by hash, so that made-up tenants cost no memory; two tenants
 * that share a place share its tokens. */
#ifndef ROOST_CATALOG_PROBES_H
#define ROOST_CATALOG_PROBES_H

#include "base/base.h"

enum { PROBE_PLACES = 1024 };

struct probe_bucket {
    int64_t tokens;   /* in millionths: µs * rate; may fall below 0 */
    uint64_t last_us; /* when tokens was brought up to date; 0: full */
};

/* Embedded in the catalog; guarded by its lock. */
struct probes {
    uint64_t rate; /* tokens a second, at least 1 */
    struct probe_bucket places[PROBE_PLACES];
};

/* name: as catalog_name gives it. False while its tenant's tokens are spent. */
bool probes_left(struct probes *p, const char *name, uint64_t now_us);
void probes_spend(struct probes *p, const char *name, uint64_t now_us);

#endif
