/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* What libevhtp sees of a request: one whole head in canonical form, made of our own bytes and of
 * names that have passed the grammar; no body, no framing fields. Its callback only notes the
 * request, so nothing is answered or freed while its parser is on the stack. */
#include <stdio.h>
#include <string.h>

#include "http/http_priv.h"

enum { FED_MAX = MODEL_NAME_MAX + 64 };

void feed_note(evhtp_request_t *r, void *loop)
{
    struct loop *l = loop;
    if (l->feeding)
        l->feeding->lib_request = r;
}

bool feed_head(struct conn *c, enum method m, const char *path)
{
    static const char end[] = " HTTP/1.1\r\nHost: roost\r\n\r\n";
    char text[FED_MAX];
    struct loop *l = c->door->loop;
    struct evbuffer *in = bufferevent_get_input(c->bev);
    int n = snprintf(text, sizeof(text), "%s %s%s", method_text(m), path, end);
    ASSERT(n > 0 && (size_t)n < sizeof(text));
    ASSERT(!c->lib_request);
    /* What the client has pipelined steps aside: libevhtp takes all that the buffer holds. */
    bool ok = evbuffer_get_length(in) == 0 || evbuffer_add_buffer(l->aside, in) == 0;
    evbuffer_unfreeze(in, 0);
    ok = ok && evbuffer_add(in, text, (size_t)n) == 0;
    evbuffer_freeze(in, 0);
    l->feeding = c;
    if (ok)
        c->lib_read(c->bev, c->lib_arg);
    l->feeding = NULL;
    if (c->lost) { /* its buffers are gone with it */
        evbuffer_drain(l->aside, evbuffer_get_length(l->aside));
        return false;
    }
    if (evbuffer_get_length(l->aside)) {
        evbuffer_unfreeze(in, 0);
        ok = evbuffer_add_buffer(in, l->aside) == 0 && ok;
        evbuffer_freeze(in, 0);
    }
    return ok && c->lib_request;
}

void feed_finish(struct conn *c)
{
    if (!c->lib_request)
        return;
    evhtp_send_reply_end(c->lib_request);
    c->lib_request = NULL;
    c->lib_write(c->bev, c->lib_arg);
}
