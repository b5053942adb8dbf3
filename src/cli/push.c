/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* `roost push`: a model file or an artifact to a server, which proves it and publishes it. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/files.h"
#include "cli/local.h"
#include "cli/progress.h"
#include "cli/units.h"
#include "cli/verbs.h"

enum { ASK_MS = 60 * 60 * 1000 };

static const struct arg_option options[] = {
    {"dry-run", 0, NULL, "Have it compiled, proved and run, and publish nothing."},
    {"compile-locally", 0, NULL, "Compile here, and send the artifact."},
    {"format", 0, "FORMAT", "auto (default), onnx, xgboost-json, xgboost-ubj."},
    LOCAL_COMPILE_OPTIONS,
    {"json", 0, NULL, "Print the server's answer."},
    CLIENT_SERVER_OPTION,
    {NULL, 0, NULL, NULL}};

/* What is sent: an artifact in memory, or a file. */
struct parcel {
    struct sandbox_result made; /* all zero: the file goes as it is */
    struct buf piped;           /* what came through a pipe */
    int fd;                     /* -1: there is none */
    uint64_t bytes;
};

static enum status pack_compiled(const struct args *a, struct parcel *p, struct err *err)
{
    struct local_compile how;
    struct progress bar;
    enum status s = local_compile_options(a, &how, err);
    if (s != OK)
        return s;
    progress_start(&bar, "compiling", 0);
    s = local_compile(a->operands[0], &how, NULL, &p->made, err);
    progress_stop(&bar);
    p->bytes = p->made.artifact.len;
    return s;
}

static enum status pack_file(const char *path, struct parcel *p, struct err *err)
{
    struct stat st;
    enum status s = file_open_regular(path, &p->fd, err);
    if (s == OK && p->fd < 0) {
        s = file_read(path, &p->piped, err);
        p->bytes = p->piped.len;
    } else if (s == OK && fstat(p->fd, &st) == 0) {
        p->bytes = (uint64_t)st.st_size;
    }
    if (s == OK && !p->bytes)
        s = err_set(err, E_BAD_INPUT, "%.160s is empty", path);
    return s;
}

static void parcel_fini(struct parcel *p)
{
    sandbox_result_fini(&p->made);
    buf_fini(&p->piped);
    if (p->fd >= 0)
        close(p->fd);
}

static const char *text_of(const cJSON *doc, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static uint64_t number_of(const cJSON *doc, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(doc, key);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

/* "acme/churn: version 3, 9.6 KiB, 12 KiB resident" */
static enum status report(const cJSON *doc, struct buf *out)
{
    char size[UNITS_TEXT_MAX], resident[UNITS_TEXT_MAX];
    const cJSON *cost = cJSON_GetObjectItemCaseSensitive(doc, "cost"), *warning;
    const char *version = text_of(doc, "version");
    enum status s = buf_printf(out, "%s: %s%s, %s, %s resident\n", text_of(doc, "name"),
                               *version ? "version " : "can be published", version,
                               units_size_human(number_of(doc, "bytes"), size),
                               units_size_human(number_of(cost, "resident_bytes"), resident));
    cJSON_ArrayForEach(warning, cJSON_GetObjectItemCaseSensitive(doc, "warnings"))
    {
        if (cJSON_IsString(warning))
            fprintf(stderr, "roost: warning: %s\n", warning->valuestring);
    }
    return s;
}

static int print_answer(const struct args *a, const struct client_reply *reply)
{
    struct buf out = {0};
    enum status s = OK;
    if (args_on(a, "json")) {
        s = buf_add(&out, reply->body.data, reply->body.len);
        return cli_print(s == OK ? buf_char(&out, '\n') : s, &out);
    }
    cJSON *doc = reply->body.len
                     ? cJSON_ParseWithLength((const char *)reply->body.data, reply->body.len)
                     : NULL;
    s = report(doc, &out);
    cJSON_Delete(doc);
    return cli_print(s, &out);
}

static enum status send(const struct args *a, const struct parcel *p, const char *path,
                        struct client_reply *reply, struct err *err)
{
    struct progress bar;
    const struct buf *held = p->made.artifact.len ? &p->made.artifact : &p->piped;
    const struct client_request r = {.server = client_server(a),
                                     .method = "PUT",
                                     .path = path,
                                     .content_type = "application/octet-stream",
                                     .body = held->len ? held->data : NULL,
                                     .body_bytes = p->bytes,
                                     .body_fd = p->fd,
                                     .shown = held->len ? NULL : &bar,
                                     .timeout_ms = ASK_MS};
    progress_start(&bar, "sending", held->len ? 0 : p->bytes);
    enum status s = client_call(&r, reply, err);
    progress_stop(&bar);
    return s == OK ? client_check(reply, err) : s;
}

static int push_run(const struct args *a)
{
    struct parcel p = {.fd = -1};
    struct client_reply reply = {.status = 0};
    char path[600];
    struct err err;
    enum status s = client_model_path(a->operands[1], args_on(a, "dry-run") ? "?dry_run=1" : "",
                                      path, sizeof(path), &err);
    if (s == OK)
        s = args_on(a, "compile-locally") ? pack_compiled(a, &p, &err)
                                          : pack_file(a->operands[0], &p, &err);
    if (s == OK)
        s = send(a, &p, path, &reply, &err);
    int status = s == OK ? print_answer(a, &reply) : cli_fail(&err);
    client_reply_fini(&reply);
    parcel_fini(&p);
    return status;
}

const struct verb verb_push = {
    .name = "push",
    .operands = "FILE MODEL",
    .summary = "Publish a model file or an artifact through a server.",
    .details =
        "FILE is what `roost compile` takes, or an artifact; - is standard input. The server "
        "proves it and\nruns it once before anybody can call it: docs/publishing.md.",
    .options = options,
    .operands_min = 2,
    .operands_max = 2,
    .run = push_run,
};
