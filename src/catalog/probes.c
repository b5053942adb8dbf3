/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Token buckets in integers; time enters as an argument. */
#include "catalog/probes.h"

#include <string.h>

#include "base/hash.h"

enum { TOKEN = 1000000 };

/* The bucket of the name's tenant ("" for one without), filled up to now_us. */
static struct probe_bucket *bucket_of(struct probes *p, const char *name, uint64_t now_us)
{
    const char *slash = strchr(name, '/');
    uint64_t hash = hash_bytes(name, slash ? (size_t)(slash - name) : 0);
    struct probe_bucket *b = &p->places[hash % PROBE_PLACES];
    int64_t most = (int64_t)p->rate * TOKEN;
    uint64_t passed = now_us > b->last_us ? now_us - b->last_us : 0;
    if (!b->last_us || passed >= 2 * TOKEN)
        b->tokens = most; /* debts are bounded by one second's worth: see probes_spend */
    else
        b->tokens = MIN(b->tokens + (int64_t)(passed * p->rate), most);
    b->last_us = MAX(b->last_us, MAX(now_us, 1));
    return b;
}

bool probes_left(struct probes *p, const char *name, uint64_t now_us)
{
    return bucket_of(p, name, now_us)->tokens >= TOKEN;
}

void probes_spend(struct probes *p, const char *name, uint64_t now_us)
{
    struct probe_bucket *b = bucket_of(p, name, now_us);
    b->tokens = MAX(b->tokens - TOKEN, -(int64_t)p->rate * TOKEN);
}
