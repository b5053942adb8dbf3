/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The JSON document of GET /cache; its fields stand in endpoint.h. */
#include <inttypes.h>

#include "endpoint/endpoint_priv.h"
#include "replay/advisor.h"

#define PER_MS 1e3
#define PER_S 1e6

static enum status add_points(struct buf *out, const struct advisor_report *r)
{
    enum status s = OK;
    for (int i = 0; s == OK && i < ADVISOR_POINTS; i++) {
        const struct advisor_point *p = &r->points[i];
        s = buf_printf(
            out,
            "%s{\"of\":%g,\"memory_bytes\":%" PRIu64 ",\"hit_rate\":%.6g,\"miss_cost_ms\":%.6g}",
            i ? "," : "", p->of, p->memory_bytes, p->at.hit_rate, p->at.miss_cost_us / PER_MS);
    }
    return s;
}

static enum status add_policies(struct buf *out, const struct advisor_report *r)
{
    enum status s = OK;
    for (uint32_t i = 0; s == OK && i < r->n_policies; i++)
        s = buf_printf(out, "%s{\"policy\":\"%s\",\"miss_cost_ms\":%.6g}", i ? "," : "",
                       r->policies[i].policy->name, r->policies[i].miss_cost_us / PER_MS);
    return s;
}

/* What was seen looking back. */
static enum status add_back(struct buf *out, const struct advisor_report *r, uint64_t now_us)
{
    const struct advice_regret *g = &r->regret;
    if (!r->looked_back)
        return buf_str(out, "],\"regret\":null,\"policies\":null}");
    double ago_us = now_us > r->looked_us ? (double)(now_us - r->looked_us) : 0;
    enum status s =
        buf_printf(out,
                   "],\"regret\":{\"ratio\":%.6g,\"invocations\":%" PRIu64 ",\"hits\":%" PRIu64
                   ",\"span_s\":%.6g,\"miss_cost_ms\":%.9g,\"bound_cost_ms\":%.9g"
                   ",\"ago_s\":%.3f},\"policies\":[",
                   g->ratio, g->invocations, g->hits, (double)g->span_us / PER_S,
                   g->miss_cost_us / PER_MS, g->bound_cost_us / PER_MS, ago_us / PER_S);
    if (s == OK)
        s = add_policies(out, r);
    return s == OK ? buf_str(out, "]}") : s;
}

enum status endpoint_advice(struct endpoint *e, uint64_t now_us, struct buf *json, struct err *err)
{
    struct advisor_report r;
    if (!e->config.advisor)
        return err_set(err, E_NOT_FOUND, "this server was started with --advice off");
    advisor_read(e->config.advisor, &r);
    enum status s =
        buf_printf(json,
                   "{\"policy\":\"%s\",\"memory_bytes\":%" PRIu64 ",\"models_bytes\":%" PRIu64
                   ",\"invocations\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"curve\":[",
                   cache_policy_name(e->cache), r.limit_bytes, r.models_bytes, r.heard, r.lost);
    if (s == OK)
        s = add_points(json, &r);
    if (s == OK)
        s = add_back(json, &r, now_us);
    return s == OK ? OK : err_set(err, s, "no memory for the answer");
}
