/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Uploads and versions. A body that is a model goes to the publisher a chunk at a time, while the
 * next one is read; each chunk comes home as any other work does. Reading rests while both are
 * full. */
#include <cjson/cJSON.h>
#include <string.h>

#include "http/http_priv.h"
#include "http/manage.h"

static enum publish_verb verb_of(enum route r)
{
    return r == ROUTE_PUBLISH    ? PUBLISH_UPLOAD
           : r == ROUTE_VERSIONS ? PUBLISH_VERSIONS
           : r == ROUTE_ROLLBACK ? PUBLISH_ROLLBACK
                                 : PUBLISH_DELETE;
}

/* thread: any */
static void on_done(struct publish_call *call)
{
    request_done(call->arg);
}

static enum status read_dry_run(struct span query, bool *out, struct err *err)
{
    char text[8];
    enum status s = query_get(query, "dry_run", text, sizeof(text));
    *out = s == OK && strcmp(text, "1") == 0;
    if (s != E_NOT_FOUND && !*out && (s != OK || strcmp(text, "0") != 0))
        return err_set(err, E_BAD_INPUT, "dry_run must be 0 or 1");
    return OK;
}

enum status publish_prepare(struct request *r, const struct head *h, struct err *err)
{
    struct server *s = r->loop->server;
    struct span type = h->field[FIELD_TYPE], first;
    bool dry_run = false;
    enum status st = OK;
    if (r->route == ROUTE_PUBLISH)
        st = read_dry_run(h->query, &dry_run, err);
    if (st != OK)
        return st;
    if (r->route == ROUTE_ROLLBACK && span_split(&type, ';', &first) &&
        !span_is_nocase(first, "application/json"))
        return err_set(err, E_MEDIA_TYPE, "Content-Type must be application/json");
    if (!s->config.publisher)
        return err_set(err, E_NOT_FOUND, "no models are published here");
    if (atomic_load(&s->draining) || endpoint_draining(s->endpoint))
        return err_set(err, E_DRAINING, "the server is draining");
    st = publish_call_new(s->config.publisher, verb_of(r->route), r->call.model, &r->publish, err);
    if (st != OK)
        return st;
    r->publish->version = r->version;
    r->publish->dry_run = dry_run;
    r->publish->done = on_done;
    r->publish->arg = r;
    r->timeout_us = publisher_last_us(s->config.publisher);
    return OK;
}

static void hand_over(struct request *r, bool last)
{
    buf_move(&r->publish->chunk, &r->body);
    r->publish->last = last;
    r->in_endpoint = true;
    r->loop->in_endpoint++;
    publish_step(r->publish);
}

bool publish_chunk(struct request *r)
{
    if (r->in_endpoint)
        return false;
    hand_over(r, false);
    return true;
}

static void fail(struct request *r, enum status s, const struct err *err)
{
    struct reply reply = {.retry_after_s = 0};
    reply_failure(r->conn, r->id, s, err, &reply);
}

#define EXACT_MAX 9007199254740991.0 /* a double is every whole number up to this one */

/* {"version": n}, as a number or as its text; an empty body names none. */
static enum status read_version(const struct buf *body, uint64_t *out, struct err *err)
{
    cJSON *doc = NULL;
    uint64_t n = 0;
    *out = 0;
    if (!body->len)
        return OK;
    enum status s = manage_json(body->data, body->len, &doc, err);
    if (s != OK)
        return s;
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(doc, "version");
    if (cJSON_IsNumber(version) && version->valuedouble >= 1 && version->valuedouble <= EXACT_MAX &&
        version->valuedouble == (double)(uint64_t)version->valuedouble)
        n = (uint64_t)version->valuedouble;
    else if (cJSON_IsString(version) &&
             !span_decimal(span_of(version->valuestring, strlen(version->valuestring)),
                           UINT64_C(999999999999999999), &n))
        n = 0;
    bool good = n || (cJSON_IsObject(doc) && !doc->child);
    cJSON_Delete(doc);
    if (!good)
        return err_set(err, E_BAD_INPUT, "the body must be {\"version\": N}, or empty");
    *out = n;
    return OK;
}

void publish_serve(struct request *r)
{
    struct err err;
    enum status s = OK;
    if (r->route == ROUTE_ROLLBACK)
        s = read_version(&r->body, &r->publish->version, &err);
    if (s != OK) {
        fail(r, s, &err);
        return;
    }
    if (r->route != ROUTE_PUBLISH)
        buf_fini(&r->body);
    r->whole = true;
    conn_run_until(r->conn, r->received_us + r->timeout_us);
    if (!r->in_endpoint)
        hand_over(r, true);
}

void publish_ended(struct request *r)
{
    struct publish_call *call = r->publish;
    struct conn *c = r->conn;
    if (c->state == CONN_BODY)
        guard_resume(c);
    if (call->status != OK) {
        /* What the client still sends stands in the way of its next request. */
        if (c->state == CONN_BODY)
            c->closing = c->linger = true;
        fail(r, call->status, &call->err);
    } else if (!call->last) {
        if (r->whole)
            hand_over(r, true);
    } else {
        struct reply reply = {.type = "application/json", .body = call->reply};
        reply.code = r->route == ROUTE_PUBLISH && !call->dry_run ? 201 : 200;
        call->reply = (struct buf){.len = 0};
        reply_send(c, r->id, &reply);
    }
}
