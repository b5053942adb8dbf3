/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Paths to routes and names, and the small document of POST /models. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/listen.h"
#include "http/manage.h"
#include "http/router.h"
#include "support/support.h"

enum { BOTH = ROLE_DATA | ROLE_ADMIN };

static const struct {
    enum method method;
    const char *path;
    unsigned roles;
    enum status status;
    enum route route;
    const char *tail; /* the model's name, or Allow on E_METHOD */
} cases[] = {
    {METHOD_GET, "/ping", BOTH, OK, ROUTE_PING, ""},
    {METHOD_HEAD, "/ping", ROLE_DATA, OK, ROUTE_PING, ""},
    {METHOD_POST, "/ping", BOTH, E_METHOD, 0, "GET, HEAD"},
    {METHOD_GET, "/pingEVIL", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/ping/", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "//ping", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/%70ing", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/Ping", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/ready", ROLE_ADMIN, OK, ROUTE_READY, ""},
    {METHOD_GET, "/metrics", ROLE_ADMIN, OK, ROUTE_METRICS, ""},
    {METHOD_GET, "/cache", ROLE_ADMIN, OK, ROUTE_CACHE, ""},
    {METHOD_GET, "/cache", ROLE_DATA, E_NOT_FOUND, 0, ""},
    {METHOD_GET, "/metrics", ROLE_DATA, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/models", BOTH, OK, ROUTE_LIST, ""},
    {METHOD_POST, "/models", BOTH, OK, ROUTE_LOAD, ""},
    {METHOD_POST, "/models", ROLE_DATA, E_NOT_FOUND, 0, NULL},
    {METHOD_DELETE, "/models", BOTH, E_METHOD, 0, "GET, HEAD, POST"},
    {METHOD_GET, "/models/", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_GET, "/models/m", BOTH, OK, ROUTE_SHOW, "m"},
    {METHOD_DELETE, "/models/m", BOTH, OK, ROUTE_UNLOAD, "m"},
    {METHOD_PUT, "/models/m", BOTH, OK, ROUTE_PUBLISH, "m"},
    {METHOD_PUT, "/models/acme/m", ROLE_ADMIN, OK, ROUTE_PUBLISH, "acme/m"},
    {METHOD_PUT, "/models/m", ROLE_DATA, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/models/m/versions", BOTH, OK, ROUTE_VERSIONS, "m"},
    {METHOD_HEAD, "/models/acme/m/versions", BOTH, OK, ROUTE_VERSIONS, "acme/m"},
    {METHOD_POST, "/models/m/rollback", BOTH, OK, ROUTE_ROLLBACK, "m"},
    {METHOD_POST, "/models/acme/m/rollback", BOTH, OK, ROUTE_ROLLBACK, "acme/m"},
    {METHOD_DELETE, "/models/m/versions/3", BOTH, OK, ROUTE_DROP, "m"},
    {METHOD_DELETE, "/models/acme/m/versions/12", BOTH, OK, ROUTE_DROP, "acme/m"},
    {METHOD_DELETE, "/models/m/versions/03", BOTH, E_BAD_INPUT, 0, ""},
    {METHOD_DELETE, "/models/m/versions/0", BOTH, E_BAD_INPUT, 0, ""},
    {METHOD_DELETE, "/models/m/versions/x", BOTH, E_BAD_INPUT, 0, ""},
    {METHOD_DELETE, "/models/m/versions/1234567890123456789", BOTH, E_BAD_INPUT, 0, ""},
    {METHOD_GET, "/models/m/versions/3", BOTH, E_METHOD, 0, "DELETE"},
    {METHOD_GET, "/models/a/b/c/d/invoke", BOTH, E_NOT_FOUND, 0, ""},
    {METHOD_GET, "/models/a/b/c/d", BOTH, E_NOT_FOUND, 0, ""},
    {METHOD_PATCH, "/models/m", BOTH, E_METHOD, 0, "GET, HEAD, PUT, DELETE"},
    {METHOD_GET, "/models/m", ROLE_DATA, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/models/acme/m", BOTH, OK, ROUTE_SHOW, "acme/m"},
    {METHOD_GET, "/models/default/m", BOTH, OK, ROUTE_SHOW, "m"},
    {METHOD_GET, "/models/acme/versions", BOTH, OK, ROUTE_VERSIONS, "acme"},
    {METHOD_GET, "/models/acme/infer", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/models/a/b/c", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_POST, "/models/m/invoke", BOTH, OK, ROUTE_INVOKE, "m"},
    {METHOD_POST, "/models/m/invoke", ROLE_DATA, OK, ROUTE_INVOKE, "m"},
    {METHOD_POST, "/models/m/invoke", ROLE_ADMIN, E_NOT_FOUND, 0, NULL},
    {METHOD_POST, "/models/acme/m/invoke", BOTH, OK, ROUTE_INVOKE, "acme/m"},
    {METHOD_POST, "/models/m/prefetch", BOTH, OK, ROUTE_PREFETCH, "m"},
    {METHOD_POST, "/models/acme/m/prefetch", ROLE_ADMIN, OK, ROUTE_PREFETCH, "acme/m"},
    {METHOD_POST, "/models/m/prefetch", ROLE_DATA, E_NOT_FOUND, 0, NULL},
    {METHOD_GET, "/models/m/prefetch", BOTH, E_METHOD, 0, "POST"},
    {METHOD_POST, "/models/m/pin", BOTH, OK, ROUTE_PIN, "m"},
    {METHOD_POST, "/models/acme/m/unpin", ROLE_ADMIN, OK, ROUTE_UNPIN, "acme/m"},
    {METHOD_POST, "/models/m/pin", ROLE_DATA, E_NOT_FOUND, 0, NULL},
    {METHOD_DELETE, "/models/m/pin", BOTH, E_METHOD, 0, "POST"},
    {METHOD_GET, "/tenants", BOTH, OK, ROUTE_TENANTS, ""},
    {METHOD_GET, "/tenants", ROLE_DATA, E_NOT_FOUND, 0, NULL},
    {METHOD_POST, "/tenants", BOTH, E_METHOD, 0, "GET, HEAD"},
    {METHOD_GET, "/models/m/invoke", BOTH, E_METHOD, 0, "POST"},
    {METHOD_HEAD, "/models/m/invoke", BOTH, E_METHOD, 0, "POST"},
    {METHOD_POST, "/models/m/invoke/", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_POST, "/models/a/b/c/invoke", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_DELETE, "/models/a/b/versions/3/x", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_POST, "/models/a/b/c/d/invoke", BOTH, E_NOT_FOUND, 0, NULL},
    {METHOD_POST, "/models//invoke", BOTH, E_BAD_INPUT, 0, NULL},
    /* names: split first, decoded once */
    {METHOD_POST, "/models/m%2e1/invoke", BOTH, OK, ROUTE_INVOKE, "m.1"},
    {METHOD_POST, "/models/acme%2Fm/invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/acme%2fm/invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/%252e/invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/../invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/%2e%2e/invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/m%00/invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/m%0a/invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/m%c3%a9/invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/m%20/invoke", BOTH, E_BAD_INPUT, 0, NULL},
    {METHOD_POST, "/models/.m/invoke", BOTH, E_BAD_INPUT, 0, NULL},
};

START_TEST(routes_match_exactly)
{
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct routed r;
        struct err err;
        struct span path = span_of(cases[i].path, strlen(cases[i].path));
        enum status s = route_match(path, cases[i].method, cases[i].roles, &r, &err);
        ck_assert_msg(s == cases[i].status, "%s %s: %s", method_text(cases[i].method),
                      cases[i].path, status_name(s));
        if (s == OK) {
            ck_assert_int_eq(r.route, cases[i].route);
            ck_assert_str_eq(r.model, cases[i].tail);
            ck_assert_uint_eq(r.version, r.route != ROUTE_DROP ? 0 : *r.model == 'm' ? 3 : 12);
        } else if (s == E_METHOD) {
            ck_assert_str_eq(r.allow, cases[i].tail);
        }
    }
}
END_TEST

START_TEST(segments_have_their_lengths)
{
    struct routed r;
    struct err err;
    char path[400] = "/models/";
    size_t n = strlen(path);
    memset(path + n, 'a', 129);
    struct span longest = span_of(path, n + 128), over = span_of(path, n + 129);
    ck_assert_int_eq(route_match(longest, METHOD_GET, BOTH, &r, &err), OK);
    ck_assert_uint_eq(strlen(r.model), 128);
    ck_assert_int_eq(route_match(over, METHOD_GET, BOTH, &r, &err), E_BAD_INPUT);
    path[n + 128] = '/';
    memset(path + n + 129, 'b', 128);
    ck_assert_int_eq(route_match(span_of(path, n + 257), METHOD_GET, BOTH, &r, &err), OK);
    ck_assert_uint_eq(strlen(r.model), 257);
}
END_TEST

START_TEST(canonical_paths_name_the_model)
{
    char path[64];
    route_path(ROUTE_INVOKE, "acme/m", path, sizeof(path));
    ck_assert_str_eq(path, "/models/acme/m/invoke");
    route_path(ROUTE_DROP, "acme/m", path, sizeof(path));
    ck_assert_str_eq(path, "/models/acme/m/versions/");
    route_path(ROUTE_METRICS, "", path, sizeof(path));
    ck_assert_str_eq(path, "/metrics");
}
END_TEST

START_TEST(query_values_are_decoded)
{
    char out[16];
    struct span q =
        span_of("limit=5&next_page_token=acme%2Fm&limit2=x&bad=%0a&long=aaaaaaaaaaaaaaaa", 72);
    q.n = strlen(q.p);
    ck_assert_int_eq(query_get(q, "limit", out, sizeof(out)), OK);
    ck_assert_str_eq(out, "5");
    ck_assert_int_eq(query_get(q, "next_page_token", out, sizeof(out)), OK);
    ck_assert_str_eq(out, "acme/m");
    ck_assert_int_eq(query_get(q, "absent", out, sizeof(out)), E_NOT_FOUND);
    ck_assert_int_eq(query_get(q, "bad", out, sizeof(out)), E_BAD_INPUT);
    ck_assert_int_eq(query_get(q, "long", out, sizeof(out)), E_TOO_LARGE);
    ck_assert_int_eq(query_get(span_of(NULL, 0), "limit", out, sizeof(out)), E_NOT_FOUND);
}
END_TEST

START_TEST(the_load_document_is_read_strictly)
{
    static const struct {
        const char *body;
        enum status status;
        const char *name;
    } docs[] = {
        {"{\"model_name\": \"m\"}", OK, "m"},
        {" {\"url\": \"/x\", \"model_name\": \"acme/m\", \"o\": {}} \n", OK, "acme/m"},
        {"{\"Model_Name\": \"m\"}", E_BAD_INPUT, NULL},
        {"{\"model_name\": \"m\", \"model_name\": \"n\"}", E_BAD_INPUT, NULL},
        {"{\"model_name\": 1}", E_BAD_INPUT, NULL},
        {"{\"model_name\": \"../m\"}", E_BAD_INPUT, NULL},
        {"{\"model_name\": \"m\\u0000x\"}", E_BAD_INPUT, NULL},
        {"{\"model_name\": \"m\"} x", E_BAD_INPUT, NULL},
        {"{\"model_name\": \"m\"", E_BAD_INPUT, NULL},
        {"[\"model_name\"]", E_BAD_INPUT, NULL},
        {"\"m\"", E_BAD_INPUT, NULL},
        {"", E_BAD_INPUT, NULL},
    };
    char name[MODEL_NAME_MAX + 1], deep[400];
    struct err err;
    for (size_t i = 0; i < ARRAY_COUNT(docs); i++) {
        size_t n = strlen(docs[i].body);
        char *copy = malloc(n ? n : 1); /* not terminated, as a body is not */
        memcpy(copy, docs[i].body, n);
        ck_assert_msg(manage_model_name(copy, n, name, &err) == docs[i].status, "%s", docs[i].body);
        if (docs[i].status == OK)
            ck_assert_str_eq(name, docs[i].name);
        free(copy);
    }
    for (int depth = 63; depth <= 64; depth++) { /* and the object around them */
        int n = sprintf(deep, "{\"model_name\": \"m\", \"x\": ");
        memset(deep + n, '[', (size_t)depth);
        memset(deep + n + depth, ']', (size_t)depth);
        deep[n + 2 * depth] = '}';
        ck_assert_int_eq(manage_model_name(deep, (size_t)(n + 2 * depth + 1), name, &err),
                         depth == 63 ? OK : E_BAD_INPUT);
    }
}
END_TEST

START_TEST(management_believes_addresses_and_its_own_name)
{
    static const struct {
        const char *host;
        bool allowed;
    } hosts[] = {
        {"localhost", true},
        {"LOCALHOST:8080", true},
        {"127.0.0.1:8080", true},
        {"127.0.0.1", true},
        {"[::1]:8080", true},
        {"[::1]", true},
        {"10.1.2.3", true},
        {"roost.internal:1", true},
        {"evil.example", false},
        {"127.0.0.1.evil.example", false},
        {"localhost.evil.example", false},
        {"", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        struct span h = span_of(hosts[i].host, strlen(hosts[i].host));
        ck_assert_msg(listen_host_allowed(h, "roost.internal") == hosts[i].allowed, "%s",
                      hosts[i].host);
    }
}
END_TEST

START_TEST(listen_addresses_are_host_and_port)
{
    struct listen_address a;
    struct err err;
    ck_ok(listen_parse("127.0.0.1:8080", &a, &err), &err);
    ck_assert_uint_eq(listen_port(&a), 8080);
    ck_assert(a.loopback);
    ck_ok(listen_parse("[::1]:0", &a, &err), &err);
    ck_assert(a.loopback);
    ck_assert_str_eq(a.host, "::1");
    ck_ok(listen_parse("0.0.0.0:1", &a, &err), &err);
    ck_assert(!a.loopback);
    ck_assert_int_eq(listen_parse("127.0.0.1", &a, &err), E_USAGE);
    ck_assert_int_eq(listen_parse("127.0.0.1:", &a, &err), E_USAGE);
    ck_assert_int_eq(listen_parse(":80", &a, &err), E_USAGE);
    ck_assert_int_eq(listen_parse("127.0.0.1:65536", &a, &err), E_USAGE);
    ck_assert_int_eq(listen_parse("127.0.0.1:8x", &a, &err), E_USAGE);
}
END_TEST

Suite *suite_router(void)
{
    return SUITE("router", routes_match_exactly, segments_have_their_lengths,
                 canonical_paths_name_the_model, query_values_are_decoded,
                 the_load_document_is_read_strictly, management_believes_addresses_and_its_own_name,
                 listen_addresses_are_host_and_port);
}
