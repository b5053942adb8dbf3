/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost ps`: what a server holds in memory. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/ps_tenants.h"
#include "cli/units.h"
#include "cli/verbs.h"

enum { ASK_MS = 30000, PAGE = 100, PAGES_MAX = 100000, TOKEN_MAX = 600 };

static const struct arg_option options[] = {
    {"all", 'a', NULL, "Also models that are known but not in memory."},
    {"json", 0, NULL, "Print JSON."},
    {"tenants", 't', NULL, "What each tenant has, instead of models."},
    CLIENT_SERVER_OPTION,
    {NULL, 0, NULL, NULL}};

struct table {
    struct buf out;
    size_t count;
    bool all, json;
};

static const char *text_of(const cJSON *model, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(model, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static uint64_t number_of(const cJSON *model, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(model, key);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

enum { AGO_MAX = UNITS_TEXT_MAX + 8, EVICTED_MAX = 400 };

/* "3 min ago"; "-" when it never was. */
static const char *ago_text(const cJSON *model, const char *key, char out[AGO_MAX])
{
    const cJSON *age = cJSON_GetObjectItemCaseSensitive(model, key);
    char human[UNITS_TEXT_MAX];
    if (!cJSON_IsNumber(age))
        return "-";
    snprintf(out, AGO_MAX, "%s ago",
             units_duration_human((uint64_t)(age->valuedouble * 1e6), human));
    return out;
}

/* "3 min ago: room, for acme/churn"; "-" when it never left. */
static const char *evicted_text(const cJSON *model, char out[EVICTED_MAX])
{
    const cJSON *evicted = cJSON_GetObjectItemCaseSensitive(model, "evicted");
    char ago[AGO_MAX];
    const char *by = text_of(evicted, "by");
    if (!cJSON_IsObject(evicted))
        return "-";
    snprintf(out, EVICTED_MAX, "%s: %s%s%s", ago_text(evicted, "ago_s", ago),
             text_of(evicted, "why"), *by ? ", for " : "", by);
    return out;
}

static enum status add_line(struct table *t, const cJSON *model)
{
    char size[UNITS_TEXT_MAX], shared[UNITS_TEXT_MAX], age[AGO_MAX], used[AGO_MAX];
    char evicted[EVICTED_MAX];
    const bool pinned = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(model, "pinned"));
    enum status s = OK;
    if (t->count++ == 0)
        s = buf_printf(&t->out, "%-40s %-9s %-7s %10s %10s %10s  %-12s %s%s\n", "MODEL", "STATE",
                       "TIER", "SIZE", "SHARED", "HITS", "LOADED", "LAST USED",
                       t->all ? "    EVICTED" : "");
    if (s == OK)
        s = buf_printf(&t->out,
                       t->all ? "%-40s %-9s %-7s %10s %10s %10" PRIu64 "  %-12s %-12s "
                              : "%-40s %-9s %-7s %10s %10s %10" PRIu64 "  %-12s %s",
                       text_of(model, "modelName"), pinned ? "pinned" : text_of(model, "state"),
                       text_of(model, "tier"), units_size_human(number_of(model, "bytes"), size),
                       units_size_human(number_of(model, "shared_bytes"), shared),
                       number_of(model, "hits"), ago_text(model, "age_s", age),
                       ago_text(model, "last_used_s", used));
    if (s == OK && t->all)
        s = buf_str(&t->out, evicted_text(model, evicted));
    return s == OK ? buf_char(&t->out, '\n') : s;
}

static enum status add_model(struct table *t, const cJSON *model)
{
    if (!t->all && strcmp(text_of(model, "state"), "absent") == 0)
        return OK;
    if (t->json) {
        char *text = cJSON_PrintUnformatted(model);
        enum status s =
            text ? buf_printf(&t->out, t->count++ ? ",\n  %s" : "\n  %s", text) : E_NO_MEMORY;
        cJSON_free(text);
        return s;
    }
    return add_line(t, model);
}

/* One page; token becomes the next page's, "" after the last. */
static enum status add_page(struct table *t, const char *server, char token[TOKEN_MAX],
                            struct err *err)
{
    char path[TOKEN_MAX + 64];
    struct client_reply reply;
    struct client_request r = {
        .server = server, .method = "GET", .path = path, .timeout_ms = ASK_MS};
    snprintf(path, sizeof(path),
             *token ? "/models?limit=%d&next_page_token=%s" : "/models?limit=%d", PAGE, token);
    enum status s = client_call(&r, &reply, err);
    if (s == OK)
        s = client_check(&reply, err);
    cJSON *root = s == OK && reply.body.len
                      ? cJSON_ParseWithLength((const char *)reply.body.data, reply.body.len)
                      : NULL;
    if (s == OK && !root)
        s = err_set(err, E_CORRUPT, "the server's list is not JSON");
    const cJSON *models = cJSON_GetObjectItemCaseSensitive(root, "models");
    const cJSON *model;
    cJSON_ArrayForEach(model, models) if (s == OK && add_model(t, model) != OK) s =
        err_set(err, E_NO_MEMORY, "out of memory");
    snprintf(token, TOKEN_MAX, "%s", s == OK ? text_of(root, "nextPageToken") : "");
    cJSON_Delete(root);
    client_reply_fini(&reply);
    return s;
}

static int ps_run(const struct args *a)
{
    struct table t = {.all = args_on(a, "all"), .json = args_on(a, "json")};
    char token[TOKEN_MAX] = "";
    if (args_on(a, "tenants"))
        return ps_tenants(a);
    struct err err = {E_NO_MEMORY, "out of memory"};
    enum status s = t.json ? buf_str(&t.out, "{\"models\": [") : OK;
    for (int page = 0; s == OK && page < PAGES_MAX; page++) {
        s = add_page(&t, client_server(a), token, &err);
        if (!*token)
            break;
    }
    if (s == OK && t.json)
        s = buf_str(&t.out, t.count ? "\n]}\n" : "]}\n");
    if (s == OK && !t.json && t.count == 0)
        fprintf(stderr, "no model is in memory; `roost run NAME` or `roost load NAME` loads one\n");
    if (s == OK)
        return cli_print(s, &t.out);
    buf_fini(&t.out);
    return cli_fail(&err);
}

const struct verb verb_ps = {
    .name = "ps",
    .operands = "",
    .summary = "List the models that a server holds in memory.",
    .details = "",
    .options = options,
    .operands_max = 0,
    .run = ps_run,
};
