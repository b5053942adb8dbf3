/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Roost Authors */
/* The guard through its socket: requests cut anywhere, hostile framing, slow and absent clients.
 * Whether the server has taken the bytes sent so far is settled by two round trips on a second
 * connection of the same loop, not by waiting. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "client.h"
#include "metrics/metrics.h"
#include "support/support.h"

#define HOST "Host: localhost\r\n"
#define PING "GET /ping HTTP/1.1\r\n" HOST "\r\n"
#define INVOKE(model, fields) "POST /models/" model "/invoke HTTP/1.1\r\n" HOST fields
#define BODY "Content-Length: 5\r\n\r\n[1,2]"

static int next_code(int fd)
{
    struct answer a;
    client_answer(fd, true, &a);
    answer_free(&a);
    return a.code;
}

/* Once the second answer is here, the loop has handled whatever came before the first question. */
static void fence(int pinger)
{
    for (int i = 0; i < 2; i++) {
        client_text(pinger, PING);
        ck_assert_int_eq(next_code(pinger), 200);
    }
}

static void one_loop(struct stage *s)
{
    stage_init(s);
    s->config.loops = 1;
}

START_TEST(a_request_cut_anywhere_is_read_the_same)
{
    static const char plain[] = INVOKE("acme/echo", "Content-Type: text/csv\r\n"
                                                    "x-request-id: cut\r\n" BODY),
                      chunked[] =
                          INVOKE("acme/echo", "Content-Type: text/csv\r\n"
                                              "x-request-id: cut\r\n"
                                              "Transfer-Encoding: chunked\r\n\r\n"
                                              "3;x=y\r\n[1,\r\n2\r\n2]\r\n0\r\nT: t\r\n\r\n");
    static const struct {
        const char *text;
        size_t n;
    } requests[] = {{plain, sizeof(plain) - 1}, {chunked, sizeof(chunked) - 1}};
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    int pinger = client_connect(server_port(s.server)), fd = client_connect(server_port(s.server));
    for (size_t r = 0; r < ARRAY_COUNT(requests); r++)
        for (size_t cut = 1; cut < requests[r].n; cut++) {
            struct answer a;
            client_send(fd, requests[r].text, cut);
            fence(pinger);
            client_send(fd, requests[r].text + cut, requests[r].n - cut);
            client_answer(fd, true, &a);
            ck_assert_msg(a.code == 200, "cut at %zu: %d %s", cut, a.code, a.body);
            ck_assert_str_eq(a.body, "[1,2]");
            ck_assert_str_eq(answer_field(&a, "x-request-id"), "cut");
            ck_assert_str_eq(answer_field(&a, "content-type"), "text/csv; charset=utf-8");
            answer_free(&a);
        }
    close(fd);
    close(pinger);
    stage_end(&s);
}
END_TEST

START_TEST(a_request_byte_by_byte_is_read_the_same)
{
    static const char text[] = INVOKE("echo", BODY);
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    int pinger = client_connect(server_port(s.server)), fd = client_connect(server_port(s.server));
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        client_send(fd, text + i, 1);
        fence(pinger);
    }
    ck_assert_int_eq(next_code(fd), 200);
    close(fd);
    close(pinger);
    stage_end(&s);
}
END_TEST

/* Refused with this code, and nothing behind it is taken for a request. */
static const struct {
    const char *text;
    int code;
} hostile[] = {
    {INVOKE("echo", "Content-Length: 5\r\nContent-Length: 6\r\n\r\n[1,2]") PING, 400},
    {INVOKE("echo", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") PING, 400},
    {INVOKE("echo", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n") PING, 501},
    {INVOKE("echo", "Content-Length : 5\r\n\r\n[1,2]") PING, 400},
    {INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n") PING, 400},
    {INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n-5\r\n[1,2]\r\n0\r\n\r\n") PING, 400},
    {INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\n[1,2]\r\n0\r\n\r\n")
         PING,
     400},
    {INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n5\r\n[1,2]XX0\r\n\r\n") PING, 400},
    {INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n5\n[1,2]\n0\n\n") PING, 400},
    {INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n4000001\r\n") PING, 413},
    {"GET /ping HTTP/1.1\n" HOST "\n" PING, 400},
    {"GET /ping\r\n\r\n" PING, 400},
    {"GET /ping HTTP/1.1\r\n\r\n" PING, 400},
    {"GET /ping HTTP/1.1\r\n" HOST " folded: yes\r\n\r\n" PING, 400},
    {"\x16\x03\x01" PING, 400},
    {"POST /nothing HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" PING, 404},
};

START_TEST(hostile_framing_is_refused_and_ends_the_connection)
{
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_COUNT(hostile); i++) {
        struct answer a;
        int fd = client_connect(server_port(s.server));
        client_text(fd, hostile[i].text);
        client_answer(fd, true, &a);
        ck_assert_msg(a.code == hostile[i].code, "row %zu: %d %s", i, a.code, a.body);
        ck_assert_str_eq(answer_field(&a, "connection"), "close");
        answer_free(&a);
        ck_assert_msg(next_code(fd) == 0, "row %zu: a second answer", i);
        close(fd);
    }
    ck_assert_int_eq(ask(&s, PING), 200);
    stage_end(&s);
}
END_TEST

START_TEST(a_request_that_ends_early_is_refused)
{
    static const char *const texts[] = {
        INVOKE("echo", "Content-Length: 6\r\n\r\n[1,2]"),
        INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n5\r\n[1,2]\r\n"),
        "GET /ping HTTP/1.1\r\nHost: lo",
    };
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        int fd = client_connect(server_port(s.server));
        client_text(fd, texts[i]);
        client_end(fd);
        ck_assert_int_eq(next_code(fd), 400);
        ck_assert(client_closed(fd));
        close(fd);
    }
    stage_end(&s);
}
END_TEST

START_TEST(a_client_that_only_stops_sending_is_answered)
{
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    int fd = client_connect(server_port(s.server));
    client_text(fd, PING INVOKE("echo", BODY) INVOKE("bad", BODY) PING);
    client_end(fd);
    ck_assert_int_eq(next_code(fd), 200);
    ck_assert_int_eq(next_code(fd), 200);
    ck_assert_int_eq(next_code(fd), 400);
    ck_assert_int_eq(next_code(fd), 200);
    ck_assert(client_closed(fd));
    close(fd);
    stage_end(&s);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    struct stage s;
    struct answer a;
    char early;
    one_loop(&s);
    stage_start(&s);
    int fd = client_connect(server_port(s.server)), pinger = client_connect(server_port(s.server));
    client_text(
        fd,
        INVOKE(
            "held",
            "x-request-id: 1\r\nContent-Length: 3\r\n\r\n[1]") "GET /models/echo HTTP/1.1\r\n" HOST
                                                               "x-request-id: 2\r\n\r\n" INVOKE(
                                                                   "bad", "x-request-id: "
                                                                          "3\r\nContent-Length: "
                                                                          "3\r\n\r\n[3]")
                                                                   INVOKE("echo",
                                                                          "x-request-id: "
                                                                          "4\r\nContent-Length: "
                                                                          "3\r\n\r\n[4]"));
    fake_wait_held(s.endpoint, 1);
    fence(pinger);
    ck_assert_int_eq(recv(fd, &early, 1, MSG_DONTWAIT), -1); /* 2 must not overtake 1 */
    fake_release(s.endpoint);
    static const char *const ids[] = {"1", "2", "3", "4"};
    static const int wanted[] = {200, 200, 400, 200};
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        client_answer(fd, true, &a);
        ck_assert_int_eq(a.code, wanted[i]);
        ck_assert_str_eq(answer_field(&a, "x-request-id"), ids[i]);
        answer_free(&a);
    }
    close(fd);
    close(pinger);
    stage_end(&s);
}
END_TEST

START_TEST(a_flood_behind_a_running_request_waits_outside)
{
    enum { PINGS = 6000 }; /* far more than PIPELINE_MAX bytes */
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    int fd = client_connect(server_port(s.server));
    client_text(fd, INVOKE("held", BODY));
    fake_wait_held(s.endpoint, 1);
    pid_t writer = fork();
    ck_assert_int_ge(writer, 0);
    if (!writer) {
        for (int i = 0; i < PINGS; i++)
            client_text(fd, PING);
        _exit(0);
    }
    fence(client_connect(server_port(s.server)));
    fake_release(s.endpoint);
    for (int i = 0; i < PINGS + 1; i++)
        ck_assert_int_eq(next_code(fd), 200);
    close(fd);
    stage_end(&s);
}
END_TEST

START_TEST(keep_alive_follows_the_version)
{
    struct stage s;
    struct answer a;
    one_loop(&s);
    stage_start(&s);
    int fd = client_connect(server_port(s.server));
    for (int i = 0; i < 3; i++) {
        client_text(fd, PING);
        ck_assert_int_eq(next_code(fd), 200);
    }
    client_text(fd, "GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_answer(fd, true, &a);
    ck_assert_str_eq(answer_field(&a, "connection"), "keep-alive");
    answer_free(&a);
    client_text(fd, "GET /ping HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
    client_answer(fd, true, &a);
    ck_assert_str_eq(answer_field(&a, "connection"), "close");
    answer_free(&a);
    ck_assert(client_closed(fd));
    close(fd);
    fd = client_connect(server_port(s.server));
    client_text(fd, "GET /ping HTTP/1.0\r\n\r\n");
    ck_assert_int_eq(next_code(fd), 200);
    ck_assert(client_closed(fd));
    close(fd);
    stage_end(&s);
}
END_TEST

START_TEST(half_open_connections_do_not_stop_the_others)
{
    enum { HALF_OPEN = 200 };
    static int fds[HALF_OPEN];
    static const char *const starts[] = {"G", "GET /ping HTT", "GET /ping HTTP/1.1\r\nHost: x\r\n",
                                         INVOKE("echo", "Content-Length: 100\r\n\r\n[1,"), ""};
    struct stage s;
    stage_init(&s);
    stage_start(&s);
    for (int i = 0; i < HALF_OPEN; i++) {
        fds[i] = client_connect(server_port(s.server));
        client_text(fds[i], starts[i % 5]);
    }
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(ask(&s, PING), 200);
    ck_assert_int_eq(ask(&s, INVOKE("echo", BODY)), 200);
    for (int i = 0; i < HALF_OPEN; i++)
        close(fds[i]);
    stage_end(&s);
}
END_TEST

/* Sends a byte now and then until the server answers; its code. */
static int drip(int fd, const char *text, char filler)
{
    client_text(fd, text);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, 5) == 0)
        client_send(fd, &filler, 1);
    return next_code(fd);
}

START_TEST(a_slow_head_is_cut_however_it_drips)
{
    struct stage s;
    one_loop(&s);
    s.config.limits.head_us = 60000;
    stage_start(&s);
    metrics_reset();
    int fd = client_connect(server_port(s.server));
    ck_assert_int_eq(drip(fd, "GET /ping HTTP/1.1\r\nX: ", 'x'), 408);
    ck_assert_uint_eq(metric_get(M_REFUSED_SLOW), 1);
    close(fd);
    stage_end(&s);
}
END_TEST

START_TEST(a_slow_body_is_cut_however_it_drips)
{
    static const char *const starts[] = {
        INVOKE("echo", "Content-Length: 100000\r\n\r\n"),
        INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n10000\r\n"),
    };
    struct stage s;
    one_loop(&s);
    s.config.limits.body_grace_us = 60000;
    s.config.limits.body_rate = 1024 * 1024;
    stage_start(&s);
    for (size_t i = 0; i < ARRAY_COUNT(starts); i++) {
        int fd = client_connect(server_port(s.server));
        ck_assert_int_eq(drip(fd, starts[i], ' '), 408);
        close(fd);
    }
    stage_end(&s);
}
END_TEST

START_TEST(an_idle_connection_is_closed_without_a_word)
{
    struct stage s;
    uint64_t closed = 1;
    one_loop(&s);
    s.config.limits.idle_us = 60000;
    stage_start(&s);
    metrics_reset();
    int fd = client_connect(server_port(s.server));
    ck_assert_int_eq(next_code(fd), 0);
    close(fd);
    for (bool answered = false; !answered; closed++) { /* again while it asks too late itself */
        fd = client_connect(server_port(s.server));
        client_text(fd, PING);
        answered = next_code(fd) == 200;
        ck_assert_int_eq(answered ? next_code(fd) : 0, 0);
        close(fd);
    }
    ck_assert_uint_eq(metric_get(M_REFUSED_IDLE), closed);
    stage_end(&s);
}
END_TEST

START_TEST(a_client_that_does_not_read_is_cut)
{
    enum { BIG = 16 << 20 };
    struct stage s;
    char sink[4096], head[128];
    static char zeros[1 << 16];
    one_loop(&s);
    s.config.limits.body_grace_us = 1000000;
    s.config.limits.body_rate = 64 << 20; /* so that what the sockets hold counts for little */
    stage_start(&s);
    metrics_reset();
    int fd = client_connect(server_port(s.server));
    int n = snprintf(head, sizeof(head), INVOKE("echo", "Content-Length: %d\r\n\r\n"), BIG);
    client_send(fd, head, (size_t)n);
    for (int sent = 0; sent < BIG; sent += (int)sizeof(zeros))
        client_send(fd, zeros, sizeof(zeros));
    /* It reads nothing until the server has given up. */
    while (metric_get(M_REFUSED_SLOW) == 0)
        poll(NULL, 0, 5);
    size_t got = 0;
    for (ssize_t r; (r = recv(fd, sink, sizeof(sink), 0)) > 0;)
        got += (size_t)r;
    ck_assert_uint_lt(got, BIG);
    close(fd);
    stage_end(&s);
}
END_TEST

START_TEST(limits_refuse_and_are_counted)
{
    static char fields[20000];
    struct stage s;
    one_loop(&s);
    s.config.limits.body_bytes = 4;
    stage_start(&s);
    metrics_reset();
    memset(fields, 'x', sizeof(fields) - 1);
    memcpy(fields, "GET /ping HTTP/1.1\r\nX: ", 23);
    ck_assert_int_eq(ask(&s, fields), 431);
    size_t n = (size_t)sprintf(fields, "GET /ping HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 100; i++)
        n += (size_t)sprintf(fields + n, "X: y\r\n");
    sprintf(fields + n, "\r\n");
    ck_assert_int_eq(ask(&s, fields), 431);
    ck_assert_uint_eq(metric_get(M_REFUSED_HEAD), 2);
    ck_assert_int_eq(ask(&s, INVOKE("echo", BODY)), 413);
    ck_assert_int_eq(ask(&s, INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n"
                                            "3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n")),
                     413);
    ck_assert_uint_eq(metric_get(M_REFUSED_BODY), 2);
    ck_assert_uint_eq(metric_get(M_HTTP_4XX), 4);
    ck_assert_int_eq(ask(&s, INVOKE("echo", "Content-Length: 4\r\n\r\n[12]")), 200);
    ck_assert_uint_eq(metric_get(M_HTTP_2XX), 1);
    ck_assert_uint_eq(metric_get(M_HTTP_ACCEPTED), 5);
    stage_end(&s);
}
END_TEST

START_TEST(bodies_share_a_bounded_memory)
{
    static char big[300000];
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    s.memory.usage.limit = 100000;
    metrics_reset();
    memset(big, '1', sizeof(big) - 1);
    int n = sprintf(big, INVOKE("echo", "Content-Length: 200000\r\n\r\n"));
    big[n] = '[';
    ck_assert_int_eq(ask(&s, big), 503);
    ck_assert_uint_eq(metric_get(M_REFUSED_HTTP_MEMORY), 1);
    ck_assert_int_eq(ask(&s, INVOKE("echo", BODY)), 200);
    stage_end(&s);
}
END_TEST

START_TEST(large_bodies_and_replies_come_whole)
{
    enum { BIG = 3000001 };
    struct stage s;
    struct answer a;
    char head[128];
    one_loop(&s);
    stage_start(&s);
    char *body = malloc(BIG);
    for (int i = 0; i < BIG; i++)
        body[i] = (char)('a' + i % 23);
    int fd = client_connect(server_port(s.server));
    int n = snprintf(head, sizeof(head), INVOKE("echo", "Content-Length: %d\r\n\r\n"), 1000000);
    for (int round = 0; round < 3; round++) {
        client_send(fd, head, (size_t)n);
        client_send(fd, body, 1000000);
        client_answer(fd, true, &a);
        ck_assert_uint_eq(a.bytes, 1000000);
        ck_assert_mem_eq(a.body, body, 1000000);
        answer_free(&a);
    }
    client_text(fd, INVOKE("echo", "Transfer-Encoding: chunked\r\n\r\n"));
    for (int at = 0; at < 1000000; at += 10000) {
        client_text(fd, "2710\r\n");
        client_send(fd, body + at, 10000);
        client_text(fd, "\r\n");
    }
    client_text(fd, "0\r\n\r\n");
    client_answer(fd, true, &a);
    ck_assert_uint_eq(a.bytes, 1000000);
    ck_assert_mem_eq(a.body, body, 1000000);
    answer_free(&a);
    free(body);
    close(fd);
    stage_end(&s);
}
END_TEST

START_TEST(continue_is_said_only_for_a_body_that_is_wanted)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char came[sizeof(go_on)] = {0};
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    int fd = client_connect(server_port(s.server));
    client_text(fd, INVOKE("echo", "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    ck_assert_int_eq(recv(fd, came, sizeof(go_on) - 1, MSG_WAITALL), sizeof(go_on) - 1);
    ck_assert_str_eq(came, go_on);
    client_text(fd, "[1,2]");
    ck_assert_int_eq(next_code(fd), 200);
    client_text(fd, INVOKE("echo", "Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"));
    ck_assert_int_eq(recv(fd, came, 12, MSG_WAITALL), 12);
    ck_assert_int_eq(memcmp(came, "HTTP/1.1 413", 12), 0);
    close(fd);
    fd = client_connect(server_port(s.server));
    client_text(fd, INVOKE("a%2Fb", "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
    ck_assert_int_eq(recv(fd, came, 12, MSG_WAITALL), 12);
    ck_assert_int_eq(memcmp(came, "HTTP/1.1 400", 12), 0);
    close(fd);
    stage_end(&s);
}
END_TEST

START_TEST(an_unwanted_small_body_does_not_cost_the_connection)
{
    struct stage s;
    one_loop(&s);
    stage_start(&s);
    int fd = client_connect(server_port(s.server));
    for (int i = 0; i < 3; i++) {
        client_text(fd, INVOKE("echo", "Content-Type: text/html\r\n" BODY));
        ck_assert_int_eq(next_code(fd), 415);
    }
    client_text(fd, PING);
    ck_assert_int_eq(next_code(fd), 200);
    close(fd);
    stage_end(&s);
}
END_TEST

Suite *suite_guard(void)
{
    return SUITE(
        "guard", a_request_cut_anywhere_is_read_the_same, a_request_byte_by_byte_is_read_the_same,
        hostile_framing_is_refused_and_ends_the_connection, a_request_that_ends_early_is_refused,
        a_client_that_only_stops_sending_is_answered, pipelined_requests_are_answered_in_order,
        a_flood_behind_a_running_request_waits_outside, keep_alive_follows_the_version,
        half_open_connections_do_not_stop_the_others, a_slow_head_is_cut_however_it_drips,
        a_slow_body_is_cut_however_it_drips, an_idle_connection_is_closed_without_a_word,
        a_client_that_does_not_read_is_cut, limits_refuse_and_are_counted,
        bodies_share_a_bounded_memory, large_bodies_and_replies_come_whole,
        continue_is_said_only_for_a_body_that_is_wanted,
        an_unwanted_small_body_does_not_cost_the_connection);
}
