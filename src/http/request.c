/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* Requests are recycled per loop, so that a busy connection allocates none and an idle one holds
 * none. */
#include <string.h>

#include "base/alloc.h"
#include "http/http_priv.h"
#include "metrics/metrics.h"

static struct request *recycle(struct loop *l)
{
    struct request *r = l->spare;
    if (!r)
        return alloc_new(sizeof(*r));
    l->spare = r->next;
    l->spares--;
    return r;
}

/* source: splitmix64, Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014)
 */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

void request_id_make(struct loop *l, char out[REQUEST_ID_MAX + 1])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t x = mix(l->server->id_seed + 0x9e3779b97f4a7c15u * ++l->next_id);
    for (int i = 0; i < 16; i++, x >>= 4)
        out[i] = hex[x & 15];
    out[16] = 0;
}

static void take_id(struct request *r, struct span given)
{
    if (given.n && given.n <= REQUEST_ID_MAX && span_all(given, CHAR_TOKEN)) {
        memcpy(r->id, given.p, given.n);
        r->id[given.n] = 0;
    } else {
        request_id_make(r->loop, r->id);
    }
}

struct request *request_take(struct conn *c, const struct head *h)
{
    struct loop *l = c->door->loop;
    struct request *r = recycle(l);
    if (!r)
        return NULL;
    /* All but the large texts, which are terminated where they are filled. */
    r->loop = l;
    r->conn = c;
    r->next = NULL;
    r->method = h->method;
    r->output[0] = r->page[0] = 0;
    r->limit = 0;
    r->timeout_us = l->server->config.limits.timeout_us;
    r->received_us = 0;
    r->in_endpoint = r->cancelled = r->ran = r->whole = false;
    r->version = 0;
    r->publish = NULL;
    r->lookup = LOOKUP_NONE;
    r->status = OK;
    r->allow = NULL;
    memset(&r->invocation, 0, sizeof(r->invocation));
    memset(&r->call, 0, sizeof(r->call));
    buf_init_charged(&r->body, 0, budget_charge_buf, l->server->config.memory);
    take_id(r, h->field[FIELD_REQUEST_ID]);
    return r;
}

void request_release(struct request *r)
{
    struct loop *l = r->loop;
    ASSERT(!r->in_endpoint);
    publish_call_free(&r->publish);
    buf_fini(&r->body);
    buf_fini(&r->invocation.body);
    buf_fini(&r->invocation.reply);
    r->conn = NULL;
    if (l->spares == SPARE_REQUESTS_MAX) {
        alloc_free(r);
        return;
    }
    r->next = l->spare;
    l->spare = r;
    l->spares++;
}

void request_detach(struct request *r, enum status why)
{
    r->conn = NULL;
    if (r->publish)
        publish_cancel(r->publish);
    if (!r->in_endpoint) {
        request_release(r);
        return;
    }
    /* A load or an unload goes on without its listener; an invocation is called off, as an upload
     * is. */
    if (r->route == ROUTE_INVOKE && !r->cancelled) {
        r->cancelled = true;
        endpoint_cancel(r->loop->server->endpoint, &r->invocation, why);
    }
}

/* The client is answered now; what the endpoint still does is nobody's. */
static void answer_without(struct request *r, enum status s, const char *words)
{
    struct conn *c = r->conn;
    struct reply reply = {.lookup = LOOKUP_NONE};
    struct err err;
    char id[REQUEST_ID_MAX + 1];
    memcpy(id, r->id, sizeof(id));
    err_set(&err, s, "%s", words);
    c->request = NULL;
    request_detach(r, s);
    reply_failure(c, id, s, &err, &reply);
}

void request_overdue(struct request *r, uint64_t now_us)
{
    if (r->route == ROUTE_INVOKE && !r->cancelled) {
        r->cancelled = true;
        conn_deadline(r->conn, now_us + CANCEL_GRACE_US);
        endpoint_cancel(r->loop->server->endpoint, &r->invocation, E_TIMEOUT);
        return;
    }
    if (r->route != ROUTE_INVOKE) /* the endpoint counts its invocations' */
        metric_add(M_REFUSED_DEADLINE, 1);
    answer_without(r, E_TIMEOUT, "the deadline passed");
}

void request_cut(struct request *r)
{
    answer_without(r, E_DRAINING, "the server is draining");
}

void request_done(struct request *r)
{
    loop_post(r->loop, r);
}

void request_home(struct request *r)
{
    struct conn *c = r->conn;
    r->in_endpoint = false;
    r->loop->in_endpoint--;
    if (!c) {
        request_release(r);
        return;
    }
    if (r->route == ROUTE_INVOKE)
        invoke_ended(r);
    else if (r->publish)
        publish_ended(r);
    else
        manage_ended(r);
    if (!c->dead)
        guard_run(c);
}
