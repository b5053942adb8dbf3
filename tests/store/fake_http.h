/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* An HTTP server on 127.0.0.1 that says what a test tells it to, right or wrong: raw bytes for each
 * request, in the order in which requests come. */
#ifndef ROOST_TESTS_FAKE_HTTP_H
#define ROOST_TESTS_FAKE_HTTP_H

#include <pthread.h>

#include "base/base.h"

enum { FAKE_CONNECTIONS_MAX = 128, FAKE_REQUESTS_MAX = 128, FAKE_HEAD_MAX = 4096 };

/* What follows one request. */
struct fake_reply {
    const char *text; /* sent as it is, its length strlen */
    bool close;       /* and then the connection is closed */
    bool reset;       /* and then it is reset */
    bool hang;        /* and then nothing more, until the client goes away */
    bool forever;     /* the text is sent again and again, until the client goes away */
    unsigned late_us; /* so much time passes before it */
};

struct fake_http {
    pthread_mutex_t mutex; /* guards the rest */
    pthread_t acceptor, threads[FAKE_CONNECTIONS_MAX];
    int sockets[FAKE_CONNECTIONS_MAX], listener;
    size_t n_connections;
    const struct fake_reply *script;                 /* borrowed */
    size_t n_script;                                 /* behind its end: 599 */
    char requests[FAKE_REQUESTS_MAX][FAKE_HEAD_MAX]; /* heads, with their bodies */
    size_t n_requests;
    char endpoint[40]; /* "http://127.0.0.1:PORT" */
};

void fake_http_start(struct fake_http *f, const struct fake_reply *script, size_t count);
void fake_http_stop(struct fake_http *f); /* requests stay readable */

#endif
