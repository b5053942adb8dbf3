/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost load` and `roost unload`: a server's POST and DELETE on a model. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/client.h"
#include "cli/progress.h"
#include "cli/verbs.h"

enum { ASK_MS = 10 * 60 * 1000 };

static const struct arg_option options[] = {CLIENT_SERVER_OPTION, {NULL, 0, NULL, NULL}};

static enum status ask(const struct client_request *r, const char *label, struct err *err)
{
    struct client_reply reply;
    struct progress bar;
    progress_start(&bar, label, 0);
    enum status s = client_call(r, &reply, err);
    progress_stop(&bar);
    if (s == OK)
        s = client_check(&reply, err);
    client_reply_fini(&reply);
    return s;
}

static int load_run(const struct args *a)
{
    char name[MODEL_NAME_MAX + 1], body[MODEL_NAME_MAX + 32];
    struct err err;
    if (catalog_name(a->operands[0], strlen(a->operands[0]), name, &err) != OK) {
        err.code = E_USAGE;
        return cli_fail(&err);
    }
    /* A proved name needs no escapes. */
    int n = snprintf(body, sizeof(body), "{\"model_name\": \"%s\"}", name);
    struct client_request r = {.server = client_server(a),
                               .method = "POST",
                               .path = "/models",
                               .content_type = "application/json",
                               .body = body,
                               .body_bytes = (size_t)n,
                               .timeout_ms = ASK_MS};
    enum status s = ask(&r, "loading", &err);
    if (s != OK && s != E_EXISTS)
        return cli_fail_hint(&err, s == E_NOT_FOUND ? "`roost ls` lists what the store holds" : "");
    printf("%s %s\n", name, s == E_EXISTS ? "was loaded already" : "is loaded");
    return CLI_OK;
}

static int unload_run(const struct args *a)
{
    char path[600];
    struct err err;
    struct client_request r = {
        .server = client_server(a), .method = "DELETE", .path = path, .timeout_ms = ASK_MS};
    enum status s = client_model_path(a->operands[0], "", path, sizeof(path), &err);
    if (s == OK)
        s = ask(&r, "unloading", &err);
    if (s != OK)
        return cli_fail_hint(&err, s == E_NOT_FOUND ? "`roost ps` lists what is in memory" : "");
    printf("%s is unloaded\n", a->operands[0]);
    return CLI_OK;
}

const struct verb verb_load = {
    .name = "load",
    .operands = "MODEL",
    .summary = "Have a server load a model now.",
    .details =
        "Invoking a model loads it too; this only takes the wait away from the first caller.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = load_run,
};

const struct verb verb_unload = {
    .name = "unload",
    .operands = "MODEL",
    .summary = "Have a server unload a model; ends when its memory is free.",
    .details = "",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = unload_run,
};
