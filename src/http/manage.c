/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The routes beside invoke: liveness, metrics, and what the node knows of its models. */
#include <string.h>

#include "base/clock.h"
#include "catalog/catalog.h"
#include "http/http_priv.h"
#include "http/manage.h"
#include "metrics/metrics.h"

enum { LIST_MAX = 100, JSON_DEPTH_MAX = 64 };

/* ---- before the body ---- */

static enum status prepare_list(struct request *r, struct span query, struct err *err)
{
    char text[8];
    uint64_t limit = LIST_MAX;
    enum status s = query_get(query, "limit", text, sizeof(text));
    if (s != E_NOT_FOUND &&
        (s != OK || !span_decimal(span_of(text, strlen(text)), LIST_MAX, &limit) || !limit))
        return err_set(err, E_BAD_INPUT, "limit must be a whole number from 1 to %d", LIST_MAX);
    s = query_get(query, "next_page_token", r->page, sizeof(r->page));
    if (s != OK && s != E_NOT_FOUND)
        return err_set(err, E_BAD_INPUT, "next_page_token is none that was given out");
    r->limit = (uint32_t)limit;
    return OK;
}

enum status manage_prepare(struct request *r, const struct head *h, struct err *err)
{
    struct span type = h->field[FIELD_TYPE], first;
    if (route_publishes(r->route))
        return publish_prepare(r, h, err);
    r->timeout_us = UNLOAD_TIMEOUT_US;
    if (r->route == ROUTE_LIST)
        return prepare_list(r, h->query, err);
    if (r->route == ROUTE_LOAD && span_split(&type, ';', &first) &&
        !span_is_nocase(first, "application/json"))
        return err_set(err, E_MEDIA_TYPE, "Content-Type must be application/json");
    return OK;
}

/* ---- POST /models ---- */

/* cJSON recurses per level and cuts texts at NUL, so both are excluded before it sees the bytes. */
static bool is_harmless(const char *p, size_t n)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (!p[i] || (n - i >= 6 && memcmp(p + i, "\\u0000", 6) == 0))
            return false;
        if (in_string && p[i] == '\\')
            i++;
        else if (p[i] == '"')
            in_string = !in_string;
        else if (!in_string && (p[i] == '{' || p[i] == '['))
            depth++;
        else if (!in_string && (p[i] == '}' || p[i] == ']'))
            depth--;
        if (depth > JSON_DEPTH_MAX)
            return false;
    }
    return true;
}

static enum status name_of(const cJSON *doc, char out[MODEL_NAME_MAX + 1], struct err *err)
{
    const cJSON *found = NULL, *item;
    int times = 0;
    cJSON_ArrayForEach(item, doc) if (item->string && strcmp(item->string, "model_name") == 0)
    {
        found = item;
        times++;
    }
    if (!cJSON_IsObject(doc) || times != 1 || !cJSON_IsString(found))
        return err_set(err, E_BAD_INPUT, "the body must be {\"model_name\": \"…\"}");
    return catalog_name(found->valuestring, strlen(found->valuestring), out, err);
}

enum status manage_json(const void *body, size_t n, cJSON **out, struct err *err)
{
    const char *text = body, *end = NULL;
    if (!n || !is_harmless(text, n))
        return err_set(err, E_BAD_INPUT, "the body is no JSON document that can be read");
    cJSON *doc = cJSON_ParseWithLengthOpts(text, n, &end, false);
    if (!doc)
        return err_set(err, E_BAD_INPUT, "the body is not JSON");
    while (end < text + n && strchr(" \t\r\n", *end))
        end++;
    if (end != text + n) {
        cJSON_Delete(doc);
        return err_set(err, E_BAD_INPUT, "the body goes on behind its JSON");
    }
    *out = doc;
    return OK;
}

enum status manage_model_name(const void *body, size_t n, char out[MODEL_NAME_MAX + 1],
                              struct err *err)
{
    cJSON *doc;
    enum status s = manage_json(body, n, &doc, err);
    if (s != OK)
        return s;
    s = name_of(doc, out, err);
    cJSON_Delete(doc);
    return s;
}

/* thread: any */
static void on_done(struct management_call *m)
{
    request_done(CONTAINER_OF(m, struct request, call));
}

static void fail(struct request *r, enum status s, const struct err *err)
{
    struct reply reply = {.retry_after_s = 0};
    reply_failure(r->conn, r->id, s, err, &reply);
}

static void start_call(struct request *r)
{
    struct endpoint *e = r->loop->server->endpoint;
    struct err err;
    enum status s = OK;
    if (r->route == ROUTE_LOAD)
        s = manage_model_name(r->body.data, r->body.len, r->call.model, &err);
    if (s != OK) {
        fail(r, s, &err);
        return;
    }
    r->call.done = on_done;
    r->in_endpoint = true;
    r->loop->in_endpoint++;
    conn_run_until(r->conn, r->received_us + r->timeout_us);
    r->call.keep = r->route == ROUTE_PIN;
    if (r->route == ROUTE_LOAD || r->route == ROUTE_PIN)
        endpoint_load(e, &r->call, r->received_us);
    else
        endpoint_unload(e, &r->call);
}

static void answer_name(struct request *r, int code)
{
    struct reply reply = {.code = code, .type = "application/json"};
    const char *model = r->call.model;
    if (buf_str(&reply.body, "{\"modelName\": ") != OK ||
        buf_json_str(&reply.body, model, strlen(model)) != OK || buf_char(&reply.body, '}') != OK)
        buf_clear(&reply.body);
    reply_send(r->conn, r->id, &reply);
}

void manage_ended(struct request *r)
{
    struct management_call *m = &r->call;
    struct reply reply = {.retry_after_s = m->retry_after_s};
    if (m->status == OK)
        answer_name(r, 200);
    else
        reply_failure(r->conn, r->id, m->status, &m->err, &reply);
}

static void prefetch(struct request *r)
{
    struct err err;
    enum status s =
        endpoint_prefetch(r->loop->server->endpoint, r->call.model, r->received_us, &err);
    if (s == OK)
        answer_name(r, 202);
    else
        fail(r, s, &err);
}

static void unpin(struct request *r)
{
    struct err err;
    enum status s = endpoint_unkeep(r->loop->server->endpoint, r->call.model, &err);
    if (s == OK)
        answer_name(r, 200);
    else
        fail(r, s, &err);
}

/* ---- what is answered at once ---- */

static void answer_ready(struct request *r)
{
    struct server *s = r->loop->server;
    struct reply reply = {.code = 200};
    struct err err;
    if (!atomic_load(&s->draining) && !endpoint_draining(s->endpoint)) {
        reply_send(r->conn, r->id, &reply);
        return;
    }
    err_set(&err, E_DRAINING, "the server is draining");
    fail(r, E_DRAINING, &err);
}

static enum status render_metrics(struct server *s, struct buf *out, struct err *err)
{
    endpoint_gauges(s->endpoint);
    metric_set(M_HTTP_CONNECTIONS, (int64_t)atomic_load(&s->connections));
    metric_set(M_READY, !atomic_load(&s->draining) && !endpoint_draining(s->endpoint));
    enum status st = metrics_render(out);
    if (st == OK)
        st = endpoint_tenant_metrics(s->endpoint, out);
    return st == OK ? OK : err_set(err, st, "metrics: out of memory");
}

static void answer_document(struct request *r)
{
    struct server *s = r->loop->server;
    struct reply reply = {.code = 200, .type = "application/json"};
    struct err err;
    enum status st;
    buf_init_charged(&reply.body, 0, budget_charge_buf, s->config.memory);
    if (r->route == ROUTE_SHOW) {
        st = endpoint_describe(s->endpoint, r->call.model, r->received_us, &reply.body, &err);
    } else if (r->route == ROUTE_LIST) {
        st = endpoint_list(s->endpoint, r->page, r->limit, r->received_us, &reply.body, &err);
    } else if (r->route == ROUTE_TENANTS) {
        st = endpoint_tenants(s->endpoint, &reply.body, &err);
    } else if (r->route == ROUTE_CACHE) {
        st = endpoint_advice(s->endpoint, r->received_us, &reply.body, &err);
    } else {
        reply.type = "text/plain; version=0.0.4; charset=utf-8";
        buf_init(&reply.body, 0); /* when bodies fill --http-memory, operators must see it */
        st = render_metrics(s, &reply.body, &err);
    }
    if (st == OK) {
        reply_send(r->conn, r->id, &reply);
        return;
    }
    buf_fini(&reply.body);
    fail(r, st, &err);
}

void manage_serve(struct request *r)
{
    struct reply alive = {.code = 200};
    switch (r->route) {
    case ROUTE_PING:
        reply_send(r->conn, r->id, &alive);
        break;
    case ROUTE_READY:
        answer_ready(r);
        break;
    case ROUTE_LOAD:
    case ROUTE_UNLOAD:
    case ROUTE_PIN:
        start_call(r);
        break;
    case ROUTE_UNPIN:
        unpin(r);
        break;
    case ROUTE_PREFETCH:
        prefetch(r);
        break;
    case ROUTE_PUBLISH:
    case ROUTE_VERSIONS:
    case ROUTE_ROLLBACK:
    case ROUTE_DROP:
        publish_serve(r);
        break;
    default:
        answer_document(r);
        break;
    }
}
