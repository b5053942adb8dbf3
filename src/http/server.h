/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The HTTP server: own event loops, each with its own libevhtp listener (SO_REUSEPORT), a guard in
 * front of its parser, an exact router, and replies posted back to the connection's own loop. */
#ifndef ROOST_HTTP_SERVER_H
#define ROOST_HTTP_SERVER_H

#include "endpoint/endpoint.h"
#include "mem/budget.h"
#include "publish/publish.h"

struct http_limits {
    uint32_t head_bytes, head_count;   /* 16 KiB, 100 */
    uint64_t head_us, idle_us;         /* 10 s, 30 s */
    uint64_t body_bytes;               /* 64 MiB */
    uint64_t upload_bytes;             /* 1 GiB: of a model that is published */
    uint64_t body_rate, body_grace_us; /* at least 64 KiB/s after 10 s */
    uint32_t connections;              /* 10,000 */
    uint64_t timeout_us;               /* 60 s: an invocation's deadline unless it names one */
};

struct server_config {
    const char *listen;       /* HOST:PORT; port 0: any free one */
    const char *admin_listen; /* NULL or the same text: one listener serves both */
    uint32_t loops;
    struct http_limits limits;
    struct budget *memory; /* --http-memory; borrowed */
    bool cache_headers;    /* --cache-headers */
    bool insecure_admin;
    struct publisher *publisher; /* borrowed; NULL: nothing is published here */
};

struct server;

/* Binds and starts the loops.  errors: E_USAGE (bad address; a management listener that is not
 * loopback without insecure_admin); E_IO (bind); E_NO_MEMORY */
enum status server_new(const struct server_config *c, struct endpoint *e, struct server **out,
                       struct err *err) WARN_UNUSED;
uint16_t server_port(const struct server *s); /* what --listen got */
uint16_t server_admin_port(const struct server *s);
/* Readiness turns 503, listeners close, idle connections go, what runs is answered until until_us,
 * then 503 for the rest. Returns when no connection is left.  blocks: until then */
void server_drain(struct server *s, uint64_t until_us);
void server_free(struct server **s);

#endif
