/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The documents of publishing; docs/publishing.md names their fields. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "endpoint/endpoint.h"
#include "publish/publish_priv.h"

static enum status add_name(const char *model, struct buf *out)
{
    enum status s = buf_str(out, "{\"name\":");
    return s == OK ? buf_json_str(out, model, strlen(model)) : s;
}

static enum status add_number(uint64_t version, struct buf *out)
{
    return version ? buf_printf(out, ",\"version\":\"%" PRIu64 "\"", version)
                   : buf_str(out, ",\"version\":null");
}

static enum status add_cost(const struct program *p, struct buf *out)
{
    const struct artifact_page0 *p0 = program_page0(p);
    return buf_printf(out,
                      ",\"cost\":{\"resident_bytes\":%" PRIu64 ",\"weights_bytes\":%" PRIu64
                      ",\"arena_fixed_bytes\":%" PRIu64 ",\"arena_per_item_bytes\":%" PRIu64 "}",
                      program_bytes(p0), p0->blob_bytes, p0->cost.arena_fixed,
                      p0->cost.arena_per_item);
}

static enum status add_warnings(const char *warning, struct buf *out)
{
    enum status s = buf_str(out, ",\"warnings\":[");
    if (s == OK && *warning)
        s = buf_json_str(out, warning, strlen(warning));
    return s == OK ? buf_char(out, ']') : s;
}

enum status answer_upload(const struct publish_call *call, const struct judged *j, uint64_t version,
                          struct buf *out)
{
    enum status s = add_name(call->model, out);
    if (s == OK)
        s = add_number(version, out);
    if (s == OK)
        s = buf_printf(out, ",\"bytes\":%" PRIu64, j->bytes);
    if (s == OK)
        s = add_cost(j->program, out);
    if (s == OK)
        s = endpoint_ports(j->program, out);
    if (s == OK)
        s = add_warnings(j->warning, out);
    return s == OK ? buf_char(out, '}') : s;
}

/* RFC 3339, in UTC. */
static enum status add_time(uint64_t ms, struct buf *out)
{
    char text[32] = "";
    time_t at = (time_t)(ms / 1000);
    struct tm tm;
    if (!gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        return buf_str(out, ",\"modified\":null");
    return buf_printf(out, ",\"modified\":\"%s\"", text);
}

enum status answer_versions(const char *model, const struct catalog_version *all, size_t n,
                            struct buf *out)
{
    enum status s = add_name(model, out);
    if (s == OK)
        s = buf_str(out, ",\"versions\":[");
    for (size_t i = 0; s == OK && i < n; i++) {
        s = buf_printf(out, "%s{\"version\":\"%" PRIu64 "\",\"bytes\":%" PRIu64, i ? "," : "",
                       all[i].n, all[i].bytes);
        if (s == OK)
            s = add_time(all[i].modified_ms, out);
        if (s == OK)
            s = buf_printf(out, ",\"current\":%s}", all[i].current ? "true" : "false");
    }
    return s == OK ? buf_str(out, "]}") : s;
}

enum status answer_version(const char *model, uint64_t version, struct buf *out)
{
    enum status s = add_name(model, out);
    if (s == OK)
        s = add_number(version, out);
    return s == OK ? buf_char(out, '}') : s;
}
