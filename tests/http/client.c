/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/support.h"

void stage_init(struct stage *s)
{
    memset(s, 0, sizeof(*s));
    s->live = alloc_live();
    budget_init(&s->memory, 256u << 20);
    s->config = (struct server_config){
        .listen = "127.0.0.1:0",
        .loops = 2,
        .limits = {.head_bytes = 16384,
                   .head_count = 100,
                   .head_us = 10000000,
                   .idle_us = 30000000,
                   .body_bytes = 64u << 20,
                   .body_rate = 64 * 1024,
                   .body_grace_us = 10000000,
                   .connections = 10000,
                   .timeout_us = 60000000},
        .memory = &s->memory,
        .cache_headers = true,
    };
}

void stage_start(struct stage *s)
{
    struct err err;
    s->endpoint = fake_endpoint_new();
    ck_ok(server_new(&s->config, s->endpoint, &s->server, &err), &err);
}

void stage_end(struct stage *s)
{
    struct budget_usage u;
    server_free(&s->server);
    ck_assert_ptr_null(s->server);
    ck_assert_uint_eq(fake_open(s->endpoint), 0);
    fake_endpoint_free(&s->endpoint);
    budget_read(&s->memory, &u);
    ck_assert_uint_eq(u.used[BUDGET_RESIDENT], 0);
    budget_fini(&s->memory);
    ck_assert_int_eq(alloc_live(), s->live);
}

int client_connect(uint16_t port)
{
    static const int one = 1;
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

void client_send(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0) /* the server closed first: its answer decides */
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

void client_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

void client_end(int fd)
{
    shutdown(fd, SHUT_WR);
}

bool client_closed(int fd)
{
    char sink[4096];
    ssize_t n;
    while ((n = recv(fd, sink, sizeof(sink), 0)) > 0)
        continue;
    return n == 0 || errno == ECONNRESET;
}

static bool read_head(int fd, struct answer *a)
{
    size_t n = 0;
    while (n + 1 < sizeof(a->head)) {
        ssize_t got = recv(fd, a->head + n, 1, 0);
        if (got <= 0)
            break;
        n++;
        if (n >= 4 && memcmp(a->head + n - 4, "\r\n\r\n", 4) == 0) {
            a->head[n] = 0;
            return true;
        }
    }
    a->head[n] = 0;
    return false;
}

const char *answer_field(const struct answer *a, const char *name)
{
    static _Thread_local char value[1024];
    size_t len = strlen(name);
    for (const char *p = strstr(a->head, "\r\n"); p; p = strstr(p + 2, "\r\n"))
        if (strncasecmp(p + 2, name, len) == 0 && p[2 + len] == ':') {
            const char *v = p + 2 + len + 1;
            while (*v == ' ')
                v++;
            size_t n = strcspn(v, "\r");
            ck_assert_uint_lt(n, sizeof(value));
            memcpy(value, v, n);
            value[n] = 0;
            return value;
        }
    return NULL;
}

void client_answer(int fd, bool has_body, struct answer *a)
{
    memset(a, 0, sizeof(*a));
    do
        if (!read_head(fd, a))
            return;
    while (strncmp(a->head, "HTTP/1.1 100", 12) == 0);
    const char *length = answer_field(a, "Content-Length");
    ck_assert_msg(length != NULL, "no Content-Length in:\n%s", a->head);
    a->bytes = has_body ? strtoul(length, NULL, 10) : 0;
    ck_assert_uint_lt(a->bytes, ANSWER_MAX);
    a->body = malloc(a->bytes + 1);
    for (size_t n = 0; n < a->bytes;) {
        ssize_t got = recv(fd, a->body + n, a->bytes - n, 0);
        ck_assert_msg(got > 0, "the body ends after %zu of %zu bytes", n, a->bytes);
        n += (size_t)got;
    }
    a->body[a->bytes] = 0;
    a->code = atoi(a->head + strlen("HTTP/1.1 "));
}

void answer_free(struct answer *a)
{
    free(a->body);
    a->body = NULL;
}

int ask_answer(struct stage *s, const char *text, struct answer *a)
{
    int fd = client_connect(server_port(s->server));
    client_text(fd, text);
    client_answer(fd, strncmp(text, "HEAD", 4) != 0, a);
    close(fd);
    return a->code;
}

int ask(struct stage *s, const char *text)
{
    struct answer a;
    int code = ask_answer(s, text, &a);
    answer_free(&a);
    return code;
}
