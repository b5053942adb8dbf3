/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
#include "store/fake_http.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/support.h"

struct connection {
    struct fake_http *f;
    int fd;
};

static bool send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        p += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Reads one head, byte by byte: what follows it belongs to the next. */
static bool read_head(int fd, char *head)
{
    size_t n = 0;
    while (n < FAKE_HEAD_MAX - 1 && recv(fd, head + n, 1, 0) == 1) {
        head[++n] = 0;
        if (n >= 4 && memcmp(head + n - 4, "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

/* The body that the head announces goes behind it, as far as there is room. */
static bool read_body(int fd, char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length: ");
    size_t n = at ? strtoul(at + 18, NULL, 10) : 0, len = strlen(head);
    for (char c; n; n--) {
        if (recv(fd, &c, 1, 0) != 1)
            return false;
        if (len < FAKE_HEAD_MAX - 1)
            head[len++] = c;
    }
    head[len] = 0;
    return true;
}

/* Notes the request and takes the reply that is its. */
static struct fake_reply reply_to(struct fake_http *f, const char *head)
{
    struct fake_reply r = {.text = "HTTP/1.1 599 Unexpected\r\nContent-Length: 0\r\n\r\n"};
    pthread_mutex_lock(&f->mutex);
    if (f->n_requests < f->n_script)
        r = f->script[f->n_requests];
    if (f->n_requests < FAKE_REQUESTS_MAX)
        snprintf(f->requests[f->n_requests], FAKE_HEAD_MAX, "%s", head);
    f->n_requests++;
    pthread_mutex_unlock(&f->mutex);
    return r;
}

static void *serve(void *arg)
{
    struct connection c = *(struct connection *)arg;
    char head[FAKE_HEAD_MAX];
    free(arg);
    while (read_head(c.fd, head) && read_body(c.fd, head)) {
        struct fake_reply r = reply_to(c.f, head);
        usleep(r.late_us);
        bool good = send_all(c.fd, r.text, strlen(r.text));
        while (good && r.forever)
            good = send_all(c.fd, r.text, strlen(r.text));
        if (r.reset)
            setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        if (r.hang)
            while (recv(c.fd, head, sizeof(head), 0) > 0)
                continue;
        if (!good || r.close || r.reset || r.hang)
            break;
    }
    pthread_mutex_lock(&c.f->mutex); /* the stop looks at what is open */
    for (size_t i = 0; i < c.f->n_connections; i++)
        if (c.f->sockets[i] == c.fd)
            c.f->sockets[i] = -1;
    close(c.fd);
    pthread_mutex_unlock(&c.f->mutex);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct fake_http *f = arg;
    for (int fd = accept(f->listener, NULL, NULL); fd >= 0; fd = accept(f->listener, NULL, NULL)) {
        struct connection *c = malloc(sizeof(*c));
        *c = (struct connection){f, fd};
        pthread_mutex_lock(&f->mutex);
        size_t i = f->n_connections++;
        ck_assert_uint_lt(i, FAKE_CONNECTIONS_MAX);
        f->sockets[i] = fd;
        ck_assert_int_eq(pthread_create(&f->threads[i], NULL, serve, c), 0);
        pthread_mutex_unlock(&f->mutex);
    }
    return NULL;
}

void fake_http_start(struct fake_http *f, const struct fake_reply *script, size_t count)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    memset(f, 0, sizeof(*f));
    pthread_mutex_init(&f->mutex, NULL);
    f->script = script;
    f->n_script = count;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(f->listener, 0);
    ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&a, n), 0);
    ck_assert_int_eq(listen(f->listener, 16), 0);
    ck_assert_int_eq(getsockname(f->listener, (struct sockaddr *)&a, &n), 0);
    snprintf(f->endpoint, sizeof(f->endpoint), "http://127.0.0.1:%u", ntohs(a.sin_port));
    ck_assert_int_eq(pthread_create(&f->acceptor, NULL, accept_all, f), 0);
}

void fake_http_stop(struct fake_http *f)
{
    shutdown(f->listener, SHUT_RDWR);
    pthread_join(f->acceptor, NULL);
    close(f->listener);
    pthread_mutex_lock(&f->mutex);
    for (size_t i = 0; i < f->n_connections; i++)
        if (f->sockets[i] >= 0)
            shutdown(f->sockets[i], SHUT_RDWR);
    pthread_mutex_unlock(&f->mutex);
    for (size_t i = 0; i < f->n_connections; i++)
        pthread_join(f->threads[i], NULL);
    pthread_mutex_destroy(&f->mutex);
}
