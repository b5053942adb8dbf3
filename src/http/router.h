/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The table of routes and the exact match against it. A path is split before it is decoded, each
 * segment is decoded once, and no segment may come out with a slash or a control byte in it. */
#ifndef ROOST_HTTP_ROUTER_H
#define ROOST_HTTP_ROUTER_H

#include "cache/cache.h"
#include "http/head.h"

/* Which listeners serve a route. */
enum { ROLE_DATA = 1, ROLE_ADMIN = 2 };

/* id, method, path text (for documents and Allow), roles, takes a body */
#define ROUTE_TABLE(X)                                                                             \
    X(ROUTE_PING, GET, "/ping", ROLE_DATA | ROLE_ADMIN, false)                                     \
    X(ROUTE_READY, GET, "/ready", ROLE_DATA | ROLE_ADMIN, false)                                   \
    X(ROUTE_METRICS, GET, "/metrics", ROLE_ADMIN, false)                                           \
    X(ROUTE_CACHE, GET, "/cache", ROLE_ADMIN, false)                                               \
    X(ROUTE_INVOKE, POST, "/models/<name>/invoke", ROLE_DATA, true)                                \
    X(ROUTE_PREFETCH, POST, "/models/<name>/prefetch", ROLE_ADMIN, false)                          \
    X(ROUTE_VERSIONS, GET, "/models/<name>/versions", ROLE_ADMIN, false)                           \
    X(ROUTE_DROP, DELETE, "/models/<name>/versions/<n>", ROLE_ADMIN, false)                        \
    X(ROUTE_ROLLBACK, POST, "/models/<name>/rollback", ROLE_ADMIN, true)                           \
    X(ROUTE_PIN, POST, "/models/<name>/pin", ROLE_ADMIN, false)                                    \
    X(ROUTE_UNPIN, POST, "/models/<name>/unpin", ROLE_ADMIN, false)                                \
    X(ROUTE_TENANTS, GET, "/tenants", ROLE_ADMIN, false)                                           \
    X(ROUTE_LIST, GET, "/models", ROLE_ADMIN, false)                                               \
    X(ROUTE_LOAD, POST, "/models", ROLE_ADMIN, true)                                               \
    X(ROUTE_SHOW, GET, "/models/<name>", ROLE_ADMIN, false)                                        \
    X(ROUTE_PUBLISH, PUT, "/models/<name>", ROLE_ADMIN, true)                                      \
    X(ROUTE_UNLOAD, DELETE, "/models/<name>", ROLE_ADMIN, false)

enum route {
#define X(id, method, path, roles, body) id,
    ROUTE_TABLE(X)
#undef X
        ROUTE_COUNT
};

/* What a path and a method came to. */
struct routed {
    enum route route;
    char model[MODEL_NAME_MAX + 1]; /* as catalog_name writes it; "" for routes without a name */
    uint64_t version;               /* of the path; 0: the route has none */
    const char *allow;              /* set on E_METHOD: the Allow field's value */
};

/* HEAD is served wherever GET is.  errors: E_NOT_FOUND; E_METHOD with out->allow; E_BAD_INPUT (an
 * escaped slash, a name that is none) */
enum status route_match(struct span path, enum method m, unsigned roles, struct routed *out,
                        struct err *err) WARN_UNUSED;
bool route_takes_body(enum route r);
/* Is it one of the management routes, which browsers must not be tricked into? */
bool route_is_management(enum route r);
/* Is it one of those that the publisher serves? */
bool route_publishes(enum route r);
/* The canonical path of a route for a model, e.g. "/models/acme/churn/invoke"; where a
 * number would follow it ends. */
void route_path(enum route r, const char *model, char *out, size_t cap);

/* Decodes %XX of s into out (room for cap bytes with the NUL).  errors: E_BAD_INPUT: an escaped
 * slash (unless slash), a control byte or a byte beyond ASCII comes out; E_TOO_LARGE */
enum status percent_decode(struct span s, bool slash, char *out, size_t cap) WARN_UNUSED;
/* The decoded value of ?key=value; it may hold slashes (a page token is a model's name).  errors:
 * E_NOT_FOUND when it is absent; else as percent_decode */
enum status query_get(struct span query, const char *key, char *out, size_t cap) WARN_UNUSED;

#endif
