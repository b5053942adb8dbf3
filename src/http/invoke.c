/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* POST /models/<name>/invoke: header fields -> an invocation, its end -> an answer. */
#include <string.h>

#include "base/clock.h"
#include "http/http_priv.h"
#include "http/negotiate.h"

#define TIMEOUT_MS_MAX (24ull * 3600 * 1000)

static enum status read_timeout(struct request *r, struct span v, struct err *err)
{
    uint64_t ms;
    if (!v.p)
        return OK;
    if (!span_decimal(v, TIMEOUT_MS_MAX, &ms) || !ms)
        return err_set(err, E_BAD_INPUT,
                       "x-roost-timeout-ms must be a whole number from 1 to 86400000");
    r->timeout_us = ms * 1000;
    return OK;
}

static enum status read_nan(struct request *r, struct span v, struct err *err)
{
    r->invocation.options.nan_token = span_is(v, "token");
    if (v.p && !r->invocation.options.nan_token && !span_is(v, "null"))
        return err_set(err, E_BAD_INPUT, "x-roost-nan must be token or null");
    return OK;
}

static enum status read_output(struct request *r, struct span v, struct err *err)
{
    if (!v.p)
        return OK;
    if (!v.n || v.n > OUTPUT_NAME_MAX)
        return err_set(err, E_BAD_INPUT, "x-roost-output must be 1 to %d bytes", OUTPUT_NAME_MAX);
    memcpy(r->output, v.p, v.n);
    r->output[v.n] = 0;
    r->invocation.options.output = r->output;
    return OK;
}

static enum status read_version(struct request *r, struct span v, struct err *err)
{
    struct invocation *inv = &r->invocation;
    if (!v.p)
        return OK;
    if (!v.n || v.n > MODEL_VERSION_MAX)
        return err_set(err, E_BAD_INPUT, "x-roost-version must be 1 to %d bytes",
                       MODEL_VERSION_MAX);
    memcpy(inv->version, v.p, v.n);
    inv->version[v.n] = 0;
    return OK;
}

enum status invoke_prepare(struct request *r, const struct head *h, struct err *err)
{
    struct invocation *inv = &r->invocation;
    enum codec_format out;
    enum status s =
        content_type_parse(h->field[FIELD_TYPE], &inv->in_format, &inv->options.csv_header, err);
    if (s == OK)
        s = content_encoding_check(h->field[FIELD_ENCODING], err);
    if (s == OK)
        s = accept_choose(h->accept, h->accepts, inv->in_format, &out, err);
    if (s == OK)
        s = read_timeout(r, h->field[FIELD_TIMEOUT], err);
    if (s == OK)
        s = read_nan(r, h->field[FIELD_NAN], err);
    if (s == OK)
        s = read_output(r, h->field[FIELD_OUTPUT], err);
    if (s == OK)
        s = read_version(r, h->field[FIELD_VERSION], err);
    if (s == OK && !h->chunked && !h->length)
        s = err_set(err, E_BAD_INPUT, "the request has no body");
    if (s == OK) {
        inv->out_format = out;
        inv->options.model_name = inv->model;
    }
    return s;
}

/* thread: any */
static void on_done(struct invocation *inv)
{
    request_done(CONTAINER_OF(inv, struct request, invocation));
}

void invoke_serve(struct request *r)
{
    struct loop *l = r->loop;
    struct invocation *inv = &r->invocation;
    buf_move(&inv->body, &r->body);
    inv->deadline_us = r->received_us + r->timeout_us;
    inv->done = on_done;
    r->in_endpoint = true;
    l->in_endpoint++;
    conn_run_until(r->conn, inv->deadline_us);
    endpoint_invoke(l->server->endpoint, inv, r->received_us);
}

void invoke_ended(struct request *r)
{
    struct invocation *inv = &r->invocation;
    struct reply reply = {
        .retry_after_s = inv->retry_after_s, .times = inv->times, .lookup = inv->lookup};
    if (*inv->ran_version && inv->status == OK)
        reply.version = inv->ran_version;
    r->lookup = inv->lookup;
    if (inv->status != OK) {
        reply_failure(r->conn, r->id, inv->status, &inv->err, &reply);
        return;
    }
    r->ran = true;
    reply.code = 200;
    reply.type = format_type(inv->reply_format);
    buf_move(&reply.body, &inv->reply);
    reply_send(r->conn, r->id, &reply);
}
