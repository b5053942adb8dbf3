/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost load`, `unload`, `pin` and `unpin`: a server's POSTs and DELETE on a model. */
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

/* A request without a body on the model's path. */
struct act {
    const char *method, *after; /* the path's end */
    const char *doing, *done;   /* what is shown meanwhile, and then of the model */
    const char *where;          /* what may help where there is no such model */
};

static int act_run(const struct args *a, const struct act *act)
{
    char path[600];
    struct err err;
    struct client_request r = {
        .server = client_server(a), .method = act->method, .path = path, .timeout_ms = ASK_MS};
    enum status s = client_model_path(a->operands[0], act->after, path, sizeof(path), &err);
    if (s == OK)
        s = ask(&r, act->doing, &err);
    if (s != OK)
        return cli_fail_hint(&err, s == E_NOT_FOUND ? act->where : "");
    printf("%s is %s\n", a->operands[0], act->done);
    return CLI_OK;
}

static const char in_memory[] = "`roost ps` lists what is in memory";

static int unload_run(const struct args *a)
{
    return act_run(a, &(struct act){"DELETE", "", "unloading", "unloaded", in_memory});
}

static int pin_run(const struct args *a)
{
    return act_run(a, &(struct act){"POST", "/pin", "loading", "pinned",
                                    "`roost ls` lists what the store holds"});
}

static int unpin_run(const struct args *a)
{
    return act_run(a, &(struct act){"POST", "/unpin", "unpinning", "not pinned", in_memory});
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

const struct verb verb_pin = {
    .name = "pin",
    .operands = "MODEL",
    .summary = "Have a server load a model and keep it in memory.",
    .details = "What a tenant pins counts against its floor (docs/tenants.md). An unload ends it.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = pin_run,
};

const struct verb verb_unpin = {
    .name = "unpin",
    .operands = "MODEL",
    .summary = "Let a pinned model be evicted again.",
    .details = "",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
    .run = unpin_run,
};
