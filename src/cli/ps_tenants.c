/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "cli/ps_tenants.h"

#include <cjson/cJSON.h>
#include <inttypes.h>

#include "cli/client.h"
#include "cli/units.h"
#include "cli/verbs.h"

enum { ASK_MS = 30000 };

static uint64_t number_of(const cJSON *tenant, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(tenant, key);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

/* "1.0 GiB"; "-" for none. */
static const char *size_of(const cJSON *tenant, const char *key, char out[UNITS_TEXT_MAX])
{
    uint64_t bytes = number_of(tenant, key);
    return bytes ? units_size_human(bytes, out) : "-";
}

static enum status add_line(struct buf *out, const cJSON *tenant)
{
    char bytes[UNITS_TEXT_MAX], pinned[UNITS_TEXT_MAX], floor[UNITS_TEXT_MAX],
        ceiling[UNITS_TEXT_MAX];
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(tenant, "tenant");
    return buf_printf(
        out,
        "%-24s %8" PRIu64 " %10s %10s %10s %10s %7" PRIu64 " %10" PRIu64 " %10" PRIu64 " %10" PRIu64
        "\n",
        cJSON_IsString(name) ? name->valuestring : "", number_of(tenant, "models"),
        units_size_human(number_of(tenant, "bytes"), bytes),
        size_of(tenant, "pinned_bytes", pinned), size_of(tenant, "floor_bytes", floor),
        size_of(tenant, "ceiling_bytes", ceiling), number_of(tenant, "weight"),
        number_of(tenant, "hits"), number_of(tenant, "misses"), number_of(tenant, "evictions"));
}

static enum status add_table(struct buf *out, const struct buf *document, struct err *err)
{
    cJSON *root =
        document->len ? cJSON_ParseWithLength((const char *)document->data, document->len) : NULL;
    const cJSON *tenants = cJSON_GetObjectItemCaseSensitive(root, "tenants"), *tenant;
    enum status s =
        buf_printf(out, "%-24s %8s %10s %10s %10s %10s %7s %10s %10s %10s\n", "TENANT", "MODELS",
                   "SIZE", "PINNED", "FLOOR", "CEILING", "WEIGHT", "HITS", "MISSES", "EVICTIONS");
    cJSON_ArrayForEach(tenant, tenants) if (s == OK) s = add_line(out, tenant);
    if (!cJSON_IsArray(tenants))
        s = err_set(err, E_CORRUPT, "the server's list of tenants is not JSON");
    cJSON_Delete(root);
    return s;
}

int ps_tenants(const struct args *a)
{
    struct buf out = {0};
    struct client_reply reply;
    struct err err = {E_NO_MEMORY, "out of memory"};
    struct client_request r = {
        .server = client_server(a), .method = "GET", .path = "/tenants", .timeout_ms = ASK_MS};
    enum status s = client_call(&r, &reply, &err);
    if (s == OK)
        s = client_check(&reply, &err);
    if (s == OK && args_on(a, "json"))
        s = buf_printf(&out, "%.*s\n", (int)reply.body.len, (const char *)reply.body.data);
    else if (s == OK)
        s = add_table(&out, &reply.body, &err);
    client_reply_fini(&reply);
    if (s == OK)
        return cli_print(s, &out);
    buf_fini(&out);
    return cli_fail(&err);
}
