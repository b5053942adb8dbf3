/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Reads the trace once and keeps nothing of it but, for the bound, its idle intervals. */
#include "replay/replay.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "cache/policy/shadow.h"
#include "replay/replay_priv.h"

struct tenant {
    uint64_t requests;
    double hits; /* the bound hits in part */
};

struct replay {
    const struct replay_options *options;
    struct replay_result *out;
    struct shadow shadow; /* misses fill at once */
    struct timed timed;
    struct bound bound;
    struct tenant *tenants; /* heap */
    uint32_t ids, tenant_cap;
    double hits, hit_bytes, miss_us; /* sums; the bound's are fractions */
};

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static enum status init(struct replay *r)
{
    const struct replay_options *o = r->options;
    struct policy_config c = {o->memory_bytes, 0, o->seed};
    if (!o->policy)
        return OK;
    enum status s = shadow_init(&r->shadow, o->policy, &c);
    return s == OK ? timed_init(&r->timed, o) : s;
}

static void fini(struct replay *r)
{
    if (r->options->policy) {
        shadow_fini(&r->shadow);
        timed_fini(&r->timed);
    }
    bound_fini(&r->bound);
    alloc_free(r->tenants);
}

/* Room for the models and tenants that were seen so far, and half as many more. */
static enum status reserve(struct replay *r, uint32_t models, uint32_t tenants)
{
    enum status s = OK;
    if (models > r->ids) {
        uint32_t ids = MIN(models + models / 2 + 64, (uint32_t)POLICY_IDS_MAX);
        if (r->options->policy) {
            s = shadow_reserve(&r->shadow, ids);
            if (s == OK)
                s = timed_reserve(&r->timed, ids);
        } else {
            s = bound_reserve(&r->bound, ids);
        }
        r->ids = s == OK ? ids : r->ids;
    }
    if (s == OK && tenants > r->tenant_cap) {
        uint32_t cap = tenants + tenants / 2 + 16;
        s = policy_array(&r->tenants, r->tenant_cap, cap, sizeof(*r->tenants));
        r->tenant_cap = s == OK ? cap : r->tenant_cap;
    }
    return s;
}

static enum status request(struct replay *r, const struct trace_record *i)
{
    struct policy_meta meta = {.bytes = i->bytes, .reload_us = i->load_us};
    r->out->requests++;
    r->out->bytes = add(r->out->bytes, i->bytes);
    r->tenants[i->tenant].requests++;
    r->miss_us += i->load_us;
    if (!r->options->policy)
        return bound_access(&r->bound, i, r->out->requests, r->options->memory_bytes);
    if (shadow_access(&r->shadow, i->id, i->t_us, &meta)) {
        r->hits++;
        r->hit_bytes += (double)i->bytes;
        r->tenants[i->tenant].hits++;
        r->miss_us -= i->load_us;
    }
    return timed_access(&r->timed, i);
}

static void bound_hit(void *arg, const struct interval *i, double part)
{
    struct replay *r = arg;
    r->hits += part;
    r->hit_bytes += part * (double)i->bytes;
    r->tenants[i->tenant].hits += part;
    r->miss_us -= part * i->load_us;
}

/* A trace may name tenants that never invoke: only those that did have a place. */
static double jain(const struct replay *r)
{
    double sum = 0, squares = 0, n = 0;
    for (uint32_t i = 0; i < r->tenant_cap; i++) {
        if (!r->tenants[i].requests)
            continue;
        double rate = r->tenants[i].hits / (double)r->tenants[i].requests;
        sum += rate;
        squares += rate * rate;
        n++;
    }
    return squares > 0 ? sum * sum / (n * squares) : 1;
}

static void finish(struct replay *r, const struct trace *t)
{
    struct replay_result *out = r->out;
    out->models = trace_models(t);
    out->tenants = trace_tenants(t);
    if (r->options->policy) {
        timed_finish(&r->timed);
        const struct waits *w = &r->timed.waits;
        out->wait_mean_ms = w->count ? w->sum_us / (double)w->count / 1e3 : 0;
        out->wait_p50_ms = waits_percentile_us(w, 0.50) / 1e3;
        out->wait_p99_ms = waits_percentile_us(w, 0.99) / 1e3;
        out->evictions = r->shadow.evictions;
    } else {
        bound_take(&r->bound, r->options->memory_bytes, out->requests, bound_hit, r);
    }
    out->hit_rate = out->requests ? r->hits / (double)out->requests : 0;
    out->byte_hit_rate = out->bytes ? r->hit_bytes / (double)out->bytes : 0;
    out->miss_cost_ms = MAX(r->miss_us, 0) / 1e3;
    out->jain = jain(r);
}

enum status replay_run(struct trace *t, const struct replay_options *o, struct replay_result *out,
                       struct err *err)
{
    struct replay r = {.options = o, .out = out};
    struct trace_record i;
    bool more = true, read = true;
    *out = (struct replay_result){0};
    enum status s = init(&r);
    while (s == OK) {
        s = trace_next(t, &i, &more, err);
        read = s == OK;
        if (!read || !more)
            break;
        s = reserve(&r, trace_models(t), trace_tenants(t));
        if (s == OK)
            s = request(&r, &i);
    }
    if (s == OK)
        finish(&r, t);
    else if (read)
        err_set(err, s, "out of memory after %" PRIu64 " requests", out->requests);
    fini(&r);
    return s;
}
