/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* A server on a free port of 127.0.0.1 with the fake endpoint, and a raw client that sends what it
 * is told, byte by byte if need be, and reads one answer at a time. */
#ifndef ROOST_TESTS_HTTP_CLIENT_H
#define ROOST_TESTS_HTTP_CLIENT_H

#include "fake_endpoint.h"
#include "http/server.h"

struct stage {
    struct budget memory;
    struct endpoint *endpoint;
    struct server *server;
    struct server_config config;
    int64_t live; /* blocks held before */
};

/* Limits as by default, two loops; tests change config before stage_start. */
void stage_init(struct stage *s);
void stage_start(struct stage *s);
void stage_end(struct stage *s); /* also checks that nothing leaked */

int client_connect(uint16_t port);
void client_send(int fd, const char *bytes, size_t n); /* all of them */
void client_text(int fd, const char *text);
/* The client will send nothing more. */
void client_end(int fd);
/* Is the connection closed by the server? Reads until then. */
bool client_closed(int fd);

enum { ANSWER_MAX = 1 << 20 };

/* One answer; embedded texts are terminated. */
struct answer {
    int code; /* 0: the connection ended before an answer */
    char head[8192];
    char *body; /* heap; answer_free */
    size_t bytes;
};
void client_answer(int fd, bool has_body, struct answer *a); /* has_body false: to a HEAD */
/* The value of a field of the answer; NULL when absent. Valid until the next call. */
const char *answer_field(const struct answer *a, const char *name);
void answer_free(struct answer *a);

/* Connects, sends text, reads one answer, closes: its code. */
int ask(struct stage *s, const char *text);
int ask_answer(struct stage *s, const char *text, struct answer *a);

#endif
