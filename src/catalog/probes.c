/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Token buckets in integers; time enters as an argument. */
#include "catalog/probes.h"

#include <string.h>

#include "base/hash.h"

enum { TOKEN = 1000000 };

/* The bucket of the name's tenant ("" for one without). */
static struct probe_bucket *bucket_of(struct probes *p, const char *name)
{
    const char *slash = strchr(name, '/');
    uint64_t hash = hash_bytes(name, slash ? (size_t)(slash - name) : 0);
    return &p->places[hash % PROBE_PLACES];
}

/* b with what came since. */
static struct probe_bucket *filled(struct probe_bucket *b, uint64_t rate, uint64_t now_us)
{
    int64_t most = (int64_t)rate * TOKEN;
    uint64_t passed = now_us > b->last_us ? now_us - b->last_us : 0;
    if (!b->last_us || passed >= 2 * TOKEN)
        b->tokens = most; /* debts are bounded by one second's worth: see add */
    else
        b->tokens = MIN(b->tokens + (int64_t)(passed * rate), most);
    b->last_us = MAX(b->last_us, MAX(now_us, 1));
    return b;
}

enum probe probes_left(struct probes *p, const char *name, uint64_t now_us)
{
    const struct probe_bucket *b = filled(bucket_of(p, name), p->rate, now_us);
    if (b->tokens < TOKEN)
        return PROBE_TENANT;
    if (b->found || !p->node_rate)
        return PROBE_MAY;
    return filled(&p->node, p->node_rate, now_us)->tokens < TOKEN ? PROBE_NODE : PROBE_MAY;
}

static void add(struct probe_bucket *b, uint64_t rate, int64_t tokens)
{
    const int64_t most = (int64_t)rate * TOKEN;
    b->tokens = MAX(-most, MIN(b->tokens + tokens, most));
}

static void add_to_both(struct probes *p, const char *name, uint64_t now_us, int64_t tokens)
{
    add(filled(bucket_of(p, name), p->rate, now_us), p->rate, tokens);
    add(filled(&p->node, p->node_rate, now_us), p->node_rate, tokens);
}

void probes_spend(struct probes *p, const char *name, uint64_t now_us)
{
    add_to_both(p, name, now_us, -TOKEN);
}

void probes_give_back(struct probes *p, const char *name, uint64_t now_us)
{
    add_to_both(p, name, now_us, TOKEN);
}

void probes_found(struct probes *p, const char *name)
{
    bucket_of(p, name)->found = true;
}
