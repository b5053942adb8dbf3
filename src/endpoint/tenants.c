/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What each tenant has and did: the document of GET /tenants, and the tenants' metrics. */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "endpoint/endpoint_priv.h"
#include "metrics/metrics.h"

/* Heap: all of them; NULL: no memory. */
static struct tenant_usage *read_all(struct endpoint *e, size_t *n)
{
    struct tenant_usage *all = alloc_zero(TENANT_RULES_MAX + 1, sizeof(*all));
    *n = all ? cache_tenants(e->cache, all, TENANT_RULES_MAX + 1) : 0;
    return all;
}

static enum status add_tenant(struct buf *json, const struct tenant_usage *u)
{
    char ceiling[24] = "null";
    const struct tenant_rule *r = &u->rule;
    const struct tenant_counts *n = &u->counts;
    if (r->ceiling_bytes)
        snprintf(ceiling, sizeof(ceiling), "%" PRIu64, r->ceiling_bytes);
    enum status s =
        buf_printf(json, "{\"tenant\":\"%s\",\"floor_bytes\":%" PRIu64 ",\"ceiling_bytes\":%s",
                   r->name, r->floor_bytes, ceiling);
    if (s == OK)
        s = buf_printf(json,
                       ",\"weight\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"pinned_bytes\":%" PRIu64
                       ",\"models\":%" PRIu64,
                       r->weight, u->bytes, u->kept_bytes, u->models);
    return s == OK ? buf_printf(json,
                                ",\"hits\":%" PRIu64 ",\"misses\":%" PRIu64 ",\"joined\":%" PRIu64
                                ",\"loads\":%" PRIu64 ",\"evictions\":%" PRIu64 "}",
                                n->hits, n->misses, n->joined, n->loads, n->evictions)
                   : s;
}

enum status endpoint_tenants(struct endpoint *e, struct buf *json, struct err *err)
{
    size_t n;
    struct tenant_usage *all = read_all(e, &n);
    enum status s = all ? buf_str(json, "{\"tenants\":[") : E_NO_MEMORY;
    for (size_t i = 0; s == OK && i < n; i++) {
        s = i ? buf_char(json, ',') : OK;
        if (s == OK)
            s = add_tenant(json, &all[i]);
    }
    alloc_free(all);
    if (s == OK)
        s = buf_str(json, "]}");
    return s == OK ? OK : err_set(err, s, "no memory for the answer");
}

static void read_metrics(const struct tenant_usage *u, struct tenant_metrics *out)
{
    out->tenant = u->rule.name;
    out->values[T_BYTES] = u->bytes;
    out->values[T_PINNED] = u->kept_bytes;
    out->values[T_FLOOR] = u->rule.floor_bytes;
    out->values[T_MODELS] = u->models;
    out->values[T_HITS] = u->counts.hits;
    out->values[T_MISSES] = u->counts.misses;
    out->values[T_JOINED] = u->counts.joined;
    out->values[T_LOADS] = u->counts.loads;
    out->values[T_EVICTIONS] = u->counts.evictions;
}

enum status endpoint_tenant_metrics(struct endpoint *e, struct buf *out)
{
    size_t n;
    if (!cache_ruled(e->cache))
        return OK;
    struct tenant_usage *all = read_all(e, &n);
    struct tenant_metrics *metrics = all ? alloc_zero(n, sizeof(*metrics)) : NULL;
    for (size_t i = 0; metrics && i < n; i++)
        read_metrics(&all[i], &metrics[i]);
    enum status s = metrics ? metrics_render_tenants(out, metrics, n) : E_NO_MEMORY;
    alloc_free(metrics);
    alloc_free(all);
    return s;
}
