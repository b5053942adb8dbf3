/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A server's API as the verbs use it: one request, one bounded answer (libcurl behind it). */
#ifndef ROOST_CLI_CLIENT_H
#define ROOST_CLI_CLIENT_H

#include "base/buf.h"
#include "cli/args.h"
#include "cli/progress.h"

struct client_request {
    const char *server;                /* HOST:PORT */
    const char *method;                /* "GET" */
    const char *path;                  /* "/models/iris", already fit for a request line */
    const char *content_type, *accept; /* NULL: not sent */
    const void *body;                  /* NULL: none, or a file's */
    uint64_t body_bytes;
    int body_fd;            /* with body_bytes and no body: a file, sent from its start */
    struct progress *shown; /* NULL, or is told what was sent of the file */
    uint32_t timeout_ms;
};

enum { CLIENT_HEADER_MAX = 200 };

/* client_reply_fini frees it. */
struct client_reply {
    long status;
    struct buf body;
    char
        timing[CLIENT_HEADER_MAX]; /* Server-Timing, x-roost-cache and x-request-id; "" if absent */
    char cache[CLIENT_HEADER_MAX];
    char request_id[CLIENT_HEADER_MAX];
};

/* The server that the verb shall ask: --server, ROOST_SERVER, or the default address. */
const char *client_server(const struct args *a);
#define CLIENT_SERVER_OPTION                                                                       \
    {                                                                                              \
        "server", 's', "HOST:PORT", "The server to ask; else ROOST_SERVER, else 127.0.0.1:8080."   \
    }

/* Any HTTP status is OK here.  blocks: network
 * errors: E_UNREACHABLE when nothing answers there; E_TIMEOUT; E_IO; E_NO_MEMORY */
enum status client_call(const struct client_request *r, struct client_reply *out,
                        struct err *err) WARN_UNUSED;
void client_reply_fini(struct client_reply *r);
/* "/models/<name><after>", the name proved.  errors: E_USAGE */
enum status client_model_path(const char *name, const char *after, char *out, size_t size,
                              struct err *err) WARN_UNUSED;
/* Turns an answer that is not 2xx into a status with the server's own words. */
enum status client_check(const struct client_reply *r, struct err *err) WARN_UNUSED;

#endif
