/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost versions` and `roost rollback`: what a server says of a model's versions, and which is
 * current. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/units.h"
#include "cli/verbs.h"

enum { ASK_MS = 60 * 1000 };

static const struct arg_option versions_options[] = {
    {"json", 0, NULL, "Print JSON."}, CLIENT_SERVER_OPTION, {NULL, 0, NULL, NULL}};
static const struct arg_option rollback_options[] = {CLIENT_SERVER_OPTION, {NULL, 0, NULL, NULL}};

static const char *text_of(const cJSON *doc, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

/* The document of an answer; NULL when it is none. */
static cJSON *parse(const struct client_reply *reply)
{
    return reply->body.len ? cJSON_ParseWithLength((const char *)reply->body.data, reply->body.len)
                           : NULL;
}

static enum status add_version(const cJSON *v, struct buf *out)
{
    char size[UNITS_TEXT_MAX];
    const cJSON *bytes = cJSON_GetObjectItemCaseSensitive(v, "bytes");
    bool known = cJSON_IsNumber(bytes) && bytes->valuedouble > 0;
    return buf_printf(
        out, "%-18s %10s  %-20s %s\n", text_of(v, "version"),
        units_size_human(known ? (uint64_t)bytes->valuedouble : 0, size), text_of(v, "modified"),
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(v, "current")) ? "current" : "");
}

static enum status table(const struct client_reply *reply, struct buf *out)
{
    cJSON *doc = parse(reply);
    const cJSON *v;
    enum status s = buf_printf(out, "%-18s %10s  %-20s\n", "VERSION", "SIZE", "PUBLISHED");
    cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(doc, "versions"))
    {
        if (s == OK)
            s = add_version(v, out);
    }
    cJSON_Delete(doc);
    return s;
}

/* Asks; on OK the answer is a good one.  owns: *reply is the caller's in any case */
static enum status ask(const struct client_request *r, struct client_reply *reply, struct err *err)
{
    enum status s = client_call(r, reply, err);
    return s == OK ? client_check(reply, err) : s;
}

static int versions_run(const struct args *a)
{
    struct client_reply reply = {.status = 0};
    struct buf out = {0};
    char path[600];
    struct err err;
    const struct client_request r = {
        .server = client_server(a), .method = "GET", .path = path, .timeout_ms = ASK_MS};
    enum status s = client_model_path(a->operands[0], "/versions", path, sizeof(path), &err);
    if (s == OK)
        s = ask(&r, &reply, &err);
    if (s != OK) {
        client_reply_fini(&reply);
        return cli_fail_hint(&err, s == E_NOT_FOUND ? "`roost push` publishes one" : "");
    }
    if (!args_on(a, "json"))
        s = table(&reply, &out);
    else if ((s = buf_add(&out, reply.body.data, reply.body.len)) == OK)
        s = buf_char(&out, '\n');
    client_reply_fini(&reply);
    return cli_print(s, &out);
}

static enum status rollback_body(const struct args *a, char *out, size_t size, struct err *err)
{
    const char *n = a->n_operands > 1 ? a->operands[1] : NULL;
    if (n && (strspn(n, "0123456789") != strlen(n) || !*n || strlen(n) > 18))
        return err_set(err, E_USAGE, "'%.40s' is no version: a whole number from 1", n);
    if (n)
        snprintf(out, size, "{\"version\": \"%s\"}", n);
    else
        snprintf(out, size, "{}");
    return OK;
}

static int rollback_run(const struct args *a)
{
    struct client_reply reply = {.status = 0};
    char path[600], body[64];
    struct err err;
    enum status s = client_model_path(a->operands[0], "/rollback", path, sizeof(path), &err);
    if (s == OK)
        s = rollback_body(a, body, sizeof(body), &err);
    const struct client_request r = {.server = client_server(a),
                                     .method = "POST",
                                     .path = path,
                                     .content_type = "application/json",
                                     .body = body,
                                     .body_bytes = s == OK ? strlen(body) : 0,
                                     .timeout_ms = ASK_MS};
    if (s == OK)
        s = ask(&r, &reply, &err);
    cJSON *doc = s == OK ? parse(&reply) : NULL;
    client_reply_fini(&reply);
    if (s != OK)
        return cli_fail_hint(&err, s == E_NOT_FOUND ? "`roost versions` lists what there is" : "");
    printf("%s is at version %s\n", a->operands[0], text_of(doc, "version"));
    cJSON_Delete(doc);
    return CLI_OK;
}

const struct verb verb_versions = {
    .name = "versions",
    .operands = "MODEL",
    .summary = "List the published versions of a model.",
    .details = "",
    .options = versions_options,
    .operands_min = 1,
    .operands_max = 1,
    .run = versions_run,
};

const struct verb verb_rollback = {
    .name = "rollback",
    .operands = "MODEL [VERSION]",
    .summary = "Make an older version of a model current.",
    .details = "Without VERSION, the one before the current.",
    .options = rollback_options,
    .operands_min = 1,
    .operands_max = 2,
    .run = rollback_run,
};
